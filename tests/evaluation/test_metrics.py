from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score, recall_score, root_mean_squared_error

from affectbio.errors import DataError
from affectbio.evaluation import (
    SCORERS,
    balanced_accuracy,
    bootstrap_interval,
    cohen_kappa,
    concordance,
    macro_f1,
    pearson,
    rmse,
)

labels = st.sampled_from(["rest", "task", "talk"])


@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=60))
def test_balanced_accuracy_is_scikit_learns_mean_recall(pairs: list[tuple[str, str]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    present = sorted(set(y_true))
    expected = recall_score(y_true, y_pred, labels=present, average="macro", zero_division=0)
    assert balanced_accuracy(y_true, y_pred) == pytest.approx(expected)
    assert balanced_accuracy(np.array(y_true, dtype=object), np.array(y_pred)) == pytest.approx(expected)


@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=60))
def test_macro_f1_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    assert macro_f1(y_true, y_pred) == pytest.approx(f1_score(y_true, y_pred, average="macro", zero_division=0))


@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=60))
def test_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    if len({*y_true, *y_pred}) == 1:
        assert np.isnan(cohen_kappa(y_true, y_pred))
    else:
        assert cohen_kappa(y_true, y_pred) == pytest.approx(cohen_kappa_score(y_true, y_pred), abs=1e-12)


def test_two_raters_of_cohen() -> None:
    # Cohen 1960, table 1: 200 patients, three classes, kappa 0.492.
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    rows = [(i, j) for i in range(3) for j in range(3) for _ in range(table[i, j])]
    assert cohen_kappa(*zip(*rows, strict=True)) == pytest.approx(0.492, abs=5e-4)


def test_scores_of_ratings_are_those_of_scipy_and_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    true = rng.uniform(1, 9, 50)
    predicted = 0.5 * true + rng.normal(0, 1, 50)
    assert rmse(true, predicted) == pytest.approx(root_mean_squared_error(true, predicted))
    assert pearson(true, predicted) == pytest.approx(scipy.stats.pearsonr(true, predicted).statistic)
    # Lin 1989, equation 1: correlation times the bias correction of scale shift v and location shift u.
    v, u = true.std() / predicted.std(), (true.mean() - predicted.mean()) / np.sqrt(true.std() * predicted.std())
    assert concordance(true, predicted) == pytest.approx(pearson(true, predicted) * 2 / (v + 1 / v + u**2))


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_concordance_punishes_offset_and_scale_and_correlation_does_not(offset: float, scale: float) -> None:
    x = np.linspace(-1, 1, 21)
    y = offset + scale * x
    assert pearson(x, y) == pytest.approx(1)
    expected = 2 * scale * x.var() / (x.var() * (1 + scale**2) + offset**2)
    assert concordance(x, y) == pytest.approx(expected)


def test_what_never_changes_has_no_correlation() -> None:
    assert np.isnan(concordance([3, 3, 3], [1, 2, 3]))
    assert np.isnan(pearson([1, 2, 3], [3, 3, 3]))
    assert concordance([1, 2, 3], [3, 3, 3]) == 0
    assert rmse([3, 3], [1, 5]) == 2
    with pytest.raises(DataError, match="1 of 2 predictions are not finite"):
        rmse([1, 2], [1, np.inf])


@pytest.mark.parametrize("name", [n for n, s in SCORERS.items() if s.needs in ("labels", "ratings")])
@pytest.mark.parametrize(("y_true", "y_pred"), [([], []), ([1, 2], [1]), ([[1]], [[1]])])
def test_labels_that_do_not_fit_are_refused(name: str, y_true: list[int], y_pred: list[int]) -> None:
    with pytest.raises(DataError, match="as many predictions as labels"):
        SCORERS[name].function(y_true, y_pred)


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
