from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from affectbio.errors import DataError
from affectbio.evaluation import auc, brier, expected_calibration_error, log_loss

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


def draw(seed: int, n_classes: int) -> Drawn:
    rng = np.random.default_rng(seed)
    classes = np.array(["calm", "glad", "sad", "tense"])[:n_classes]
    y = np.concatenate([classes, rng.choice(classes, 40)])
    # Rounded, so that there are ties.
    p = rng.dirichlet(np.ones(n_classes), len(y)).round(1) + 0.05
    return y, p / p.sum(axis=1, keepdims=True), classes


drawn = st.builds(draw, st.integers(0, 10**6), st.integers(2, 4))


@settings(max_examples=30, deadline=None)
@given(drawn)
def test_area_loss_and_brier_score_are_scikit_learns(one: Drawn) -> None:
    y, p, classes = one
    if len(classes) == 2:
        assert auc(y, p, classes) == pytest.approx(roc_auc_score(y == classes[1], p[:, 1]))
    else:
        expected = roc_auc_score(y, p, labels=classes, multi_class="ovr", average="macro")
        assert auc(y, p, classes) == pytest.approx(expected)
    assert log_loss(y, p, classes) == pytest.approx(sklearn_log_loss(y, p, labels=classes))
    assert brier(y, p, classes) == pytest.approx(brier_score_loss(y, p, labels=classes, scale_by_half=True))


@settings(max_examples=30, deadline=None)
@given(drawn)
def test_the_calibration_error_is_the_sum_over_bins(one: Drawn) -> None:
    y, p, classes = one
    sure, right = p.max(axis=1), classes[p.argmax(axis=1)] == y
    error = 0.0
    for low in np.arange(10) / 10:
        # The bins of the paper: above the lower edge, up to the upper one.
        inside = (np.ceil(sure * 10) / 10 - 0.1 > low - 1e-9) & (np.ceil(sure * 10) / 10 - 0.1 < low + 1e-9)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert expected_calibration_error(y, p, classes) == pytest.approx(error)


def test_decision_values_of_any_size_give_an_area() -> None:
    y = np.array(["a", "a", "b", "b"])
    d = np.array([-3.0, 10.0, 11.0, 400.0])
    assert auc(y, np.column_stack([-d, d]), ["a", "b"]) == 1
    assert auc(y, np.column_stack([d, -d]), ["a", "b"]) == 0


def test_classes_a_person_never_shows_do_not_count() -> None:
    p = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1]])
    assert auc(["a", "b", "b"], p, ["a", "b", "c"]) == 1
    assert np.isnan(auc(["a", "a", "a"], p, ["a", "b", "c"]))


def test_certainty_that_is_wrong_costs_a_finite_loss() -> None:
    assert log_loss(["a"], [[0.0, 1.0]], ["a", "b"]) == pytest.approx(-np.log(np.finfo(float).eps))
    assert brier(["a"], [[0.0, 1.0]], ["a", "b"]) == 1
    assert expected_calibration_error(["a"], [[0.0, 1.0]], ["a", "b"]) == 1


@pytest.mark.parametrize("score", [auc, brier, log_loss, expected_calibration_error])
def test_scores_that_do_not_fit_are_refused(score: object) -> None:
    assert callable(score)
    for y, p in ((["a"], [[1.0]]), ([], np.empty((0, 2))), (["a", "b"], [[0.5, 0.5]])):
        with pytest.raises(DataError, match="shape"):
            score(y, p, ["a", "b"])
    with pytest.raises(DataError, match="'c' is none of the classes a, b"):
        score(["c"], [[0.5, 0.5]], ["a", "b"])


@pytest.mark.parametrize("score", [brier, log_loss, expected_calibration_error])
@pytest.mark.parametrize("row", [[2.0, -1.0], [0.5, 0.6], [np.nan, 1.0]])
def test_what_is_no_probability_is_refused(score: object, row: list[float]) -> None:
    assert callable(score)
    with pytest.raises(DataError, match=r"row 0 holds .* expected probabilities"):
        score(["a"], [row], ["a", "b"])
