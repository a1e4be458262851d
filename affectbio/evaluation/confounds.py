"""What else tells the labels: the clip, its place in the order, its length. Scored alone, and offered to the pipeline.

Two questions of each. Do the folds let it through: does a rule that knows nothing else score above chance? And does
the pipeline make use of it: does it learn labels that were dealt anew to clips (places, lengths), so that they say
nothing of the real ones? A pipeline that reads affect learns nothing from such labels; one that recognises the clip
does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.evaluation.protocols import Split, codes_of
from affectbio.types import Windows

__all__ = ["control_score", "dealt_labels", "lengths", "parts", "places", "stimuli", "threshold_score"]

# Lengths and other numbers are cut into so many parts of equal size.
_PARTS = 8


def stimuli(windows: Windows) -> npt.NDArray[np.intp]:
    """Give each window the number of its stimulus.

    Parameters
    ----------
    windows : Windows
        With stimulus names in the metadata.

    Returns
    -------
    ndarray of int, shape (n_windows,)
        Which stimulus each window is of.
    """
    # Windows without a stimulus count as of one: what is between the clips.
    return codes_of(windows.metadata.assign(stimulus=windows.metadata["stimulus"].astype(str) + "."), "stimulus")


def places(windows: Windows) -> npt.NDArray[np.intp]:
    """Give the place of each window's trial in what its person went through.

    Parameters
    ----------
    windows : Windows
        Sessions and trials in the order in which they were.

    Returns
    -------
    ndarray of int, shape (n_windows,)
        0 for the first trial of a person.
    """
    trial = codes_of(windows.metadata, "subject", "session", "trial")
    first = np.unique(trial, return_index=True)[1]
    person = codes_of(windows.metadata, "subject")[first]
    order = np.lexsort((first, person))
    begins = np.flatnonzero(np.r_[True, np.diff(person[order]) != 0])
    place = np.empty(len(first), dtype=np.intp)
    place[order] = np.arange(len(first)) - np.repeat(begins, np.diff(np.r_[begins, len(first)]))
    return place[trial]


def lengths(windows: Windows) -> npt.NDArray[np.intp]:
    """Give how long each window's trial is, in eight parts of equal size.

    Parameters
    ----------
    windows : Windows
        With starts and stops.

    Returns
    -------
    ndarray of int, shape (n_windows,)
        0 for the shortest trials.
    """
    trial = codes_of(windows.metadata, "subject", "session", "trial")
    start = windows.metadata["start"].to_numpy(dtype=float)
    stop = windows.metadata["stop"].to_numpy(dtype=float)
    low, high = np.full(trial.max() + 1, np.inf), np.full(trial.max() + 1, -np.inf)
    np.minimum.at(low, trial, start)
    np.maximum.at(high, trial, stop)
    return parts((high - low).round(3))[trial]


def parts(values: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Cut numbers into eight parts of equal size, fewer if there are fewer; other things are numbered by name.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Numbers or names.

    Returns
    -------
    ndarray of int, shape (n,)
        Which part.
    """
    distinct, codes = np.unique(values, return_inverse=True)
    if len(distinct) <= _PARTS or distinct.dtype.kind not in "iuf":
        return np.asarray(codes)
    edges = np.quantile(values, np.arange(1, _PARTS) / _PARTS)
    return np.unique(np.searchsorted(edges, values, side="right"), return_inverse=True)[1]


def control_score(group: npt.NDArray[np.intp], y: npt.NDArray[Any], folds: Sequence[Split]) -> tuple[float, float]:
    """Score the rule that says of each group the label it mostly has in training. Cost: n per fold.

    Parameters
    ----------
    group : ndarray of int, shape (n_windows,)
        What the rule knows.
    y : ndarray, shape (n_windows,)
        Labels.
    folds : sequence of (train, test)
        Indices of windows.

    Returns
    -------
    score, chance : float
        Balanced accuracy of all tested windows together; a group that training lacks gets the label of the group whose
        number is nearest.
    """
    classes, codes = np.unique(y, return_inverse=True)
    hits, seen = np.zeros(len(classes)), np.zeros(len(classes))
    for train, test in folds:
        counts = np.zeros((group.max() + 1, len(classes)))
        np.add.at(counts, (group[train], codes[train]), 1)
        # Of all windows, so that uneven classes do not decide every group.
        counts /= np.maximum(counts.sum(axis=0), 1)
        known = np.flatnonzero(counts.sum(axis=1))
        at = np.clip(np.searchsorted(known, group[test]), 0, len(known) - 1)
        before = np.maximum(at - 1, 0)
        nearer = np.abs(known[before] - group[test]) < np.abs(known[at] - group[test])
        said = counts[known[np.where(nearer, before, at)]].argmax(axis=1)
        hits += np.bincount(codes[test], weights=said == codes[test], minlength=len(classes))
        seen += np.bincount(codes[test], minlength=len(classes))
    tested = seen > 0
    return float((hits[tested] / seen[tested]).mean()), float(1 / tested.sum())


def threshold_score(group: npt.NDArray[np.intp], y: npt.NDArray[Any]) -> float:
    """Score the best rule that says one label below a group and another above.

    Parameters
    ----------
    group : ndarray of int, shape (n_windows,)
        Places or lengths, in order.
    y : ndarray, shape (n_windows,)
        Labels.

    Returns
    -------
    float
        Balanced accuracy of the two labels that are told apart best.

    Examples
    --------
    >>> threshold_score(np.array([0, 1, 2, 3]), np.array(["rest", "rest", "task", "task"]))
    1.0
    """
    classes, codes = np.unique(y, return_inverse=True)
    counts = np.zeros((group.max() + 1, len(classes)))
    np.add.at(counts, (group, codes), 1)
    below = np.cumsum(counts / np.maximum(counts.sum(axis=0), 1), axis=0)
    gap = np.abs(below[:, :, None] - below[:, None, :]).max() if len(classes) > 1 else 0.0
    return float((1 + gap) / 2)


def dealt_labels(
    group: npt.NDArray[np.intp], y: npt.NDArray[Any], rng: np.random.Generator, *, ordered: bool = False
) -> Iterator[npt.NDArray[Any]]:
    """Deal labels to groups again and again, so that the new labels say nothing of the real ones.

    Inside each real class the groups get all labels in turn. Never ends; gives nothing if some class has fewer groups
    than there are classes, because then clip and label cannot be told apart.

    Parameters
    ----------
    group : ndarray of int, shape (n_windows,)
        Clips, places or lengths.
    y : ndarray, shape (n_windows,)
        Real labels.
    rng : numpy.random.Generator
        Source of chance.
    ordered : bool
        Whether the numbers of the groups mean an order. Then the first deal is early against late, the second the
        middle against the ends, because what drifts is learnt best from these.

    Yields
    ------
    ndarray, shape (n_windows,)
        New labels.
    """
    classes, codes = np.unique(y, return_inverse=True)
    counts = np.zeros((group.max() + 1, len(classes)))
    np.add.at(counts, (group, codes), 1)
    present = counts.sum(axis=1) > 0
    majority = np.where(present, counts.argmax(axis=1), -1)
    if (np.bincount(majority[present], minlength=len(classes)) < len(classes)).any():
        return
    for deal in count():
        dealt = np.empty(len(majority), dtype=np.intp)
        for one in range(len(classes)):
            mine = np.flatnonzero(majority == one)
            if ordered and deal < 2:
                middle = np.abs(mine - np.median(mine)) if deal else mine
                mine = mine[np.argsort(middle, kind="stable")]
                dealt[mine] = np.arange(len(mine)) * len(classes) // len(mine)
            else:
                dealt[rng.permutation(mine)] = (np.arange(len(mine)) + rng.integers(len(classes))) % len(classes)
        yield classes[dealt[group]]
