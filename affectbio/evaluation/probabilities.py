"""Scores of what a classifier says of its certainty: area under the curve, log loss, Brier score, calibration error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.stats

from affectbio.errors import DataError

__all__ = ["auc", "brier", "expected_calibration_error", "log_loss"]

Array = npt.NDArray[Any]


def auc(y_true: npt.ArrayLike, scores: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """Give the area under the ROC curve: how often a window of a class scores higher for it than one that is not.

    The Mann-Whitney statistic by ranks (Hanley & McNeil, Radiology 143, 1982), ties counting one half; for more than
    two classes the mean over classes of each against the rest. ``n log n``.

    Parameters
    ----------
    y_true : array-like, shape (n_windows,)
        Labels.
    scores : array-like, shape (n_windows, n_classes)
        Of each class: probabilities or decision values.
    classes : array-like, shape (n_classes,)
        What the columns are of.

    Returns
    -------
    float
        0 to 1, chance 0.5. Classes that ``y_true`` lacks do not count; NaN if it holds one class.

    Raises
    ------
    DataError
        If shapes do not fit, or a label is none of the classes.

    Examples
    --------
    >>> auc(["a", "a", "b"], [[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]], ["a", "b"])
    0.5
    """
    hit, scores = _one_hot(y_true, scores, classes)
    n_hits = hit.sum(axis=0)
    present = (n_hits > 0) & (n_hits < len(hit))
    if present.sum() < 2:
        return float("nan")
    # Two classes: the second against the first, as everywhere. With probabilities the other way round is the same.
    chosen = np.flatnonzero(present)[-1:] if scores.shape[1] == 2 else np.flatnonzero(present)
    ranks = scipy.stats.rankdata(scores[:, chosen], axis=0)
    n_in = n_hits[chosen]
    above = (ranks * hit[:, chosen]).sum(axis=0) - n_in * (n_in + 1) / 2
    return float((above / (n_in * (len(hit) - n_in))).mean())


def log_loss(y_true: npt.ArrayLike, probabilities: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """Give the mean negative logarithm of the probability given to what was true.

    Parameters
    ----------
    y_true, probabilities, classes
        As for `brier`.

    Returns
    -------
    float
        In nats, 0 or more. Probabilities are taken to be no less than the resolution of float64.

    Raises
    ------
    DataError
        As `brier`.

    Examples
    --------
    >>> round(log_loss(["a", "b"], [[0.5, 0.5], [0.5, 0.5]], ["a", "b"]), 3)
    0.693
    """
    hit, p = _probabilities(y_true, probabilities, classes)
    return float(-np.log(np.maximum(p[hit], np.finfo(float).eps)).mean())


def brier(y_true: npt.ArrayLike, probabilities: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """Give half the squared distance between probabilities and what was true (Brier, Mon. Weather Rev. 78, 1950).

    Half, so that it is 0 to 1 for any number of classes and for two of them the square of the one probability's error.

    Parameters
    ----------
    y_true : array-like, shape (n_windows,)
        Labels.
    probabilities : array-like, shape (n_windows, n_classes)
        Of each class, 0 to 1, in all 1.
    classes : array-like, shape (n_classes,)
        What the columns are of.

    Returns
    -------
    float
        0 to 1; 0.25 for two classes if every probability is one half.

    Raises
    ------
    DataError
        If shapes do not fit, a label is none of the classes, or the scores are no probabilities.

    Examples
    --------
    >>> brier(["a", "b"], [[0.5, 0.5], [0.5, 0.5]], ["a", "b"])
    0.25
    """
    hit, p = _probabilities(y_true, probabilities, classes)
    return float(((p - hit) ** 2).sum(axis=1).mean() / 2)


def expected_calibration_error(
    y_true: npt.ArrayLike, probabilities: npt.ArrayLike, classes: npt.ArrayLike, n_bins: int = 10
) -> float:
    """Give the gap between how sure a classifier is and how often it is right.

    Windows are put into bins of equal width by the probability of the class chosen; the gaps between mean probability
    and share of hits are weighed by the windows in the bin (Guo et al., ICML 2017, equation 3). It is biased upwards
    for few windows.

    Parameters
    ----------
    y_true, probabilities, classes
        As for `brier`.
    n_bins : int
        Number of bins between 0 and 1.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    DataError
        As `brier`.

    Examples
    --------
    >>> p = [[0.8, 0.2]] * 5
    >>> round(expected_calibration_error(list("aaaab"), p, ["a", "b"]), 6)
    0.0
    >>> round(expected_calibration_error(list("aabbb"), p, ["a", "b"]), 6)
    0.4
    """
    hit, p = _probabilities(y_true, probabilities, classes)
    sure, right = p.max(axis=1), hit[np.arange(len(p)), p.argmax(axis=1)]
    # A bin holds its upper edge, as in the paper.
    place = np.clip(np.ceil(sure * n_bins).astype(int) - 1, 0, n_bins - 1)
    gap = np.bincount(place, weights=right, minlength=n_bins) - np.bincount(place, weights=sure, minlength=n_bins)
    return float(np.abs(gap).sum() / len(p))


def _one_hot(y_true: npt.ArrayLike, scores: npt.ArrayLike, classes: npt.ArrayLike) -> tuple[Array, Array]:
    y_true, classes, scores = np.asarray(y_true), np.asarray(classes), np.asarray(scores, dtype=float)
    if y_true.ndim != 1 or not len(y_true) or scores.shape != (len(y_true), len(classes)):
        raise DataError(
            f"expected scores of shape (n_windows, n_classes) for {len(classes)} classes and {y_true.shape} labels, at "
            f"least one; found {scores.shape}"
        )
    hit = y_true[:, None] == classes[None, :]
    if not hit.any(axis=1).all():
        unknown = y_true[np.flatnonzero(~hit.any(axis=1))[0]]
        raise DataError(f"label {str(unknown)!r} is none of the classes {', '.join(map(str, classes))}")
    return hit, scores


def _probabilities(y_true: npt.ArrayLike, probabilities: npt.ArrayLike, classes: npt.ArrayLike) -> tuple[Array, Array]:
    hit, p = _one_hot(y_true, probabilities, classes)
    wrong = ~((p >= -1e-6).all(axis=1) & (np.abs(p.sum(axis=1) - 1) < 1e-3))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"row {row} holds {p[row].tolist()}; expected probabilities, 0 or more and in all 1")
    return hit, p
