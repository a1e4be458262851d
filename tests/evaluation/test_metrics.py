from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from affectbio.errors import DataError
from affectbio.evaluation import balanced_accuracy, bootstrap_interval

labels = st.sampled_from(["rest", "task", "talk"])


@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=60))
def test_balanced_accuracy_is_scikit_learns_mean_recall(pairs: list[tuple[str, str]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    present = sorted(set(y_true))
    expected = recall_score(y_true, y_pred, labels=present, average="macro", zero_division=0)
    assert balanced_accuracy(y_true, y_pred) == pytest.approx(expected)
    assert balanced_accuracy(np.array(y_true, dtype=object), np.array(y_pred)) == pytest.approx(expected)


@pytest.mark.parametrize(("y_true", "y_pred"), [([], []), ([1, 2], [1]), ([[1]], [[1]])])
def test_labels_that_do_not_fit_are_refused(y_true: list[int], y_pred: list[int]) -> None:
    with pytest.raises(DataError, match="as many predictions as labels"):
        balanced_accuracy(y_true, y_pred)


def _coverage(n_people: int, n_studies: int) -> float:
    # Accuracies of people pile up below 1 with a tail towards chance; the mean of this beta is known.
    rng = np.random.default_rng(3)
    mean = 1 - 1.2 / 9.2
    intervals = [bootstrap_interval(1 - rng.beta(1.2, 8, n_people), n_boot=1000, rng=rng) for _ in range(n_studies)]
    return float(np.mean([low <= mean <= high for low, high in intervals]))


@pytest.mark.parametrize("n_people", [6, 28])
def test_the_interval_holds_the_true_mean_as_often_as_it_says(n_people: int) -> None:
    # 600 studies: the standard error of the coverage is 0.9 points. A percentile interval gets 82 % of 6 people.
    assert 0.92 < _coverage(n_people, 600) < 0.985


def test_the_interval_narrows_with_a_lower_level_and_repeats_with_its_seed() -> None:
    values = np.random.default_rng(0).uniform(0.4, 0.9, 20)
    low, high = bootstrap_interval(values, 0.95)
    inner_low, inner_high = bootstrap_interval(values, 0.5)
    assert low < inner_low < values.mean() < inner_high < high
    assert bootstrap_interval(values) == bootstrap_interval(values, rng=np.random.default_rng(0))


def test_equal_people_give_an_interval_of_no_width_and_nearly_equal_people_a_finite_one() -> None:
    assert bootstrap_interval([1.0] * 9) == (1.0, 1.0)
    # 36 % of the resamples lack the one who differs, so the lower end is Student's.
    values = [1.0] * 27 + [0.9]
    low, _ = bootstrap_interval(values)
    assert low == pytest.approx(scipy.stats.t.interval(0.95, 27, np.mean(values), scipy.stats.sem(values))[0])


def test_too_few_people_and_missing_values_are_refused() -> None:
    with pytest.raises(DataError, match="3 people is guesswork"):
        bootstrap_interval([0.5, 0.6, 0.7])
    with pytest.raises(DataError, match="1 of 5 values"):
        bootstrap_interval([0.5, 0.6, 0.7, np.nan, 0.5])
