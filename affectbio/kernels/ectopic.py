"""Intervals between beats that are no sinus rhythm's: which they are, and their repair (Lipponen & Tarvainen, 2019).

J Med Eng Technol 43:173. Ectopic beats and errors in finding beats leave patterns in the differences between successive
intervals; both would be taken for heart rate variability.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["CorrectedRR", "IntervalKind", "checked_intervals", "correct_ectopic", "flag_ectopic"]

# The paper's: factor on the quartile deviation, beats it is taken over, beats of the median, and the lines that bound
# ectopic beats.
_ALPHA, _SPREAD_BEATS, _MEDIAN_BEATS, _C1, _C2 = 5.2, 91, 11, 0.13, 0.17
# The paper has no bounds. Below: a pacemaker's intervals vary by the rounding to samples alone, which is no artefact.
# Above: where every other beat is ectopic, the steps they make would pass for the rhythm's own.
_THRESHOLD_S = (0.02, 0.25)


class IntervalKind(IntEnum):
    """What `flag_ectopic` says of an interval."""

    NORMAL = 0
    ECTOPIC = 1
    LONG_OR_SHORT = 2
    MISSED = 3
    EXTRA = 4


class CorrectedRR(NamedTuple):
    """What `correct_ectopic` gives.

    Attributes
    ----------
    rr : ndarray, shape (n_corrected,)
        Intervals in seconds.
    kinds : ndarray, shape (n_intervals,)
        An `IntervalKind` for each interval that was given.
    share : float
        Part of the given intervals that were not normal, 0 to 1.
    """

    rr: npt.NDArray[np.float64]
    kinds: npt.NDArray[np.uint8]
    share: float


def checked_intervals(rr: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Give intervals as float64, or say what is wrong with them.

    Parameters
    ----------
    rr : array-like, shape (n_intervals,)
        Intervals between beats in seconds.

    Returns
    -------
    ndarray, shape (n_intervals,)
        The same.

    Raises
    ------
    ValueError
        If an interval is not a positive number.

    Examples
    --------
    >>> checked_intervals([0.8, 1])
    array([0.8, 1. ])
    """
    given = np.asarray(rr)
    # An empty list has no kind of its own.
    if given.ndim != 1 or (given.size and given.dtype.kind not in "fiu"):
        raise ValueError(
            f"expected intervals as real numbers, shape (n_intervals,); found shape {given.shape}, {given.dtype}"
        )
    array = given.astype(np.float64)
    bad = np.flatnonzero(~(np.isfinite(array) & (array > 0)))
    if len(bad):
        raise ValueError(
            f"expected intervals in seconds, each above 0; found {array[bad[0]]} at {bad[0]} ({len(bad)} such); "
            f"take the difference of rising times of beats"
        )
    return array


def flag_ectopic(rr: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Tell intervals of the sinus rhythm from those of ectopic beats and of errors in finding beats.

    Parameters
    ----------
    rr : array-like, shape (n_intervals,)
        Intervals between beats in seconds.

    Returns
    -------
    ndarray, shape (n_intervals,)
        An `IntervalKind` for each: ECTOPIC, the two intervals beside a beat out of its place; MISSED, an interval with
        a beat not found in it; EXTRA, an interval that ends on what is no beat; LONG_OR_SHORT, out of place otherwise.

    Raises
    ------
    ValueError
        If an interval is not a positive number.

    Notes
    -----
    Figure 1 of Lipponen & Tarvainen (2019): an interval's difference to the one before, and its distance to the
    median of 11, are held against 5.2 times their quartile deviation over 91 beats; here never less than 20 ms and
    never more than 250 ms.

    Examples
    --------
    >>> import numpy as np
    >>> rr = 0.8 + 0.02 * np.sin(np.arange(100))
    >>> rr[40] *= 2
    >>> rr[60:62] += [-0.3, 0.3]
    >>> kinds = flag_ectopic(rr)
    >>> [(int(i), IntervalKind(kinds[i]).name) for i in np.flatnonzero(kinds)]
    [(40, 'MISSED'), (60, 'ECTOPIC'), (61, 'ECTOPIC')]
    """
    from scipy.ndimage import median_filter

    rr = checked_intervals(rr)
    kinds = np.full(len(rr), IntervalKind.NORMAL, dtype=np.uint8)
    if len(rr) < 3:
        return kinds
    median = median_filter(rr, _MEDIAN_BEATS, mode="reflect")
    distance = rr - median
    # A short interval is nearer to the median than a long one of the same make: half a beat against a whole one.
    distance = np.where(distance < 0, 2 * distance, distance)
    tolerance = _threshold(distance)
    far = np.abs(distance) > 3 * tolerance
    step = np.diff(rr, prepend=rr[0])
    step = step / _threshold(step)

    # d1, d2: the next differences; beyond the ends there is none.
    d1, d2 = np.append(step[1:], 0.0), np.append(step[2:], [0.0, 0.0])
    before = np.append(0.0, step[:-1])
    s12 = np.where(step > 0, np.maximum(before, d1), np.minimum(before, d1))
    s22 = np.where(step >= 0, np.minimum(d1, d2), np.maximum(d1, d2))
    ectopic = ((step > 1) & (s12 < -_C1 * step - _C2)) | ((step < -1) & (s12 > -_C1 * step + _C2))

    suspect = (np.abs(step) > 1) & ~ectopic
    suspect[1:] |= suspect[:-1] & (np.abs(d1) < np.abs(d2))[:-1]
    long, short = (step > 1) & (s22 < -1), (step < -1) & (s22 > 1)
    following = np.append(rr[1:], np.inf)
    kinds[suspect & (long | short | far)] = IntervalKind.LONG_OR_SHORT
    kinds[suspect & long & (np.abs(rr / 2 - median) < tolerance)] = IntervalKind.MISSED
    extra = np.flatnonzero(suspect & short & (np.abs(rr + following - median) < tolerance))
    # The interval after an extra beat is the other part of the same one, and no part of another.
    extra = extra[np.diff(extra, prepend=-2) > 1]
    kinds[extra + 1] = IntervalKind.NORMAL
    kinds[extra] = IntervalKind.EXTRA
    # The difference that stands out is that between the intervals before and after the beat.
    out_of_place = np.flatnonzero(ectopic)
    kinds[out_of_place] = kinds[out_of_place - 1] = IntervalKind.ECTOPIC
    return kinds


def correct_ectopic(rr: npt.ArrayLike) -> CorrectedRR:
    """Repair the intervals that `flag_ectopic` finds.

    Parameters
    ----------
    rr : array-like, shape (n_intervals,)
        Intervals between beats in seconds.

    Returns
    -------
    CorrectedRR
        The intervals with extra beats taken out, missed ones put in half-way, and ectopic, long and short intervals
        replaced by the straight line between the normal ones beside them; what was found; and how much it was. Where
        most is not normal nothing is left to repair from: judge by ``share`` (5 % is a usual bound).

    Raises
    ------
    ValueError
        If an interval is not a positive number, or none is normal.

    Notes
    -----
    Lipponen & Tarvainen draw a cubic spline where this draws a straight line, which cannot overshoot.

    Examples
    --------
    >>> rr = [0.8] * 20 + [0.5, 1.1] + [0.8] * 20 + [1.6] + [0.8] * 20
    >>> repaired = correct_ectopic(rr)
    >>> len(rr), len(repaired.rr), round(repaired.share, 3)
    (63, 64, 0.048)
    >>> set(repaired.rr.round(3).tolist())
    {0.8}
    """
    rr = checked_intervals(rr)
    kinds = flag_ectopic(rr)
    whole, kind = rr.copy(), kinds.copy()

    extra = np.flatnonzero(kind == IntervalKind.EXTRA)
    whole[extra] += whole[extra + 1]
    kind[extra] = IntervalKind.NORMAL
    whole, kind = np.delete(whole, extra + 1), np.delete(kind, extra + 1)

    parts = np.where(kind == IntervalKind.MISSED, 2, 1)
    whole, kind = np.repeat(whole / parts, parts), np.repeat(kind, parts)

    replaced = (kind == IntervalKind.ECTOPIC) | (kind == IntervalKind.LONG_OR_SHORT)
    if replaced.any():
        if replaced.all():
            raise ValueError(f"expected some normal intervals to repair from; found none among {len(rr)}")
        at = np.arange(len(whole))
        whole[replaced] = np.interp(at[replaced], at[~replaced], whole[~replaced])
    return CorrectedRR(whole, kinds, float(np.count_nonzero(kinds) / max(1, len(rr))))


def _threshold(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the factor times the quartile deviation of ``|x|`` around each beat."""
    from scipy.ndimage import percentile_filter

    size = np.abs(x)
    low, high = (percentile_filter(size, q, size=_SPREAD_BEATS, mode="reflect") for q in (25, 75))
    threshold: npt.NDArray[np.float64] = np.clip(_ALPHA * (high - low) / 2, *_THRESHOLD_S)
    return threshold
