"""What the measures of bodily signals over a window share: rows of samples, holes in them, and a clipped sensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError

__all__ = [
    "bridged",
    "butterworth",
    "checked_rate",
    "checked_signal",
    "clipped",
    "lost_as_nan",
    "per_window",
    "signal_1d",
    "stretches",
    "turning_points",
]

_Floats = npt.NDArray[np.float64]

# In no unit is a signal as large: such a number is a transmission error, and its square may be none at all.
_LARGEST = 1e60


@lru_cache(maxsize=64)
def butterworth(order: int, edges_hz: float | tuple[float, float], sfreq: float) -> _Floats:
    """Design a Butterworth filter once for all windows: designing it takes longer than filtering one.

    Parameters
    ----------
    order : int
        Order of the prototype.
    edges_hz : float or tuple of float
        Of a low-pass, or of a band-pass, in Hz.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray, shape (n_sections, 6)
        Second-order sections; not to be written to, since all callers share them.

    Examples
    --------
    >>> butterworth(2, 1.0, 64.0).shape
    (1, 6)
    """
    from scipy.signal import butter

    kind = "bandpass" if isinstance(edges_hz, tuple) else "lowpass"
    sections: _Floats = butter(order, edges_hz, btype=kind, fs=sfreq, output="sos")
    return sections


def lost_as_nan(x: npt.ArrayLike) -> _Floats:
    """Give samples as float64, NaN for every lost one.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        NaN, inf, and what is beyond 1e60 are lost samples.

    Returns
    -------
    ndarray, shape (..., n_times)
        A copy.

    Raises
    ------
    ValueError
        If these are no real numbers, or a single one.

    Examples
    --------
    >>> lost_as_nan([1, -float("inf"), 1e200])
    array([ 1., nan, nan])
    """
    array = np.asarray(x)
    if array.dtype.kind not in "fiu" or array.ndim == 0:
        raise ValueError(f"expected real numbers with time as last axis; found {array.dtype}, shape {array.shape}")
    out: _Floats = array.astype(np.float64)
    out[~(np.abs(out) < _LARGEST)] = np.nan
    return out


def per_window(x: npt.ArrayLike, measure: Callable[[_Floats], npt.ArrayLike], n_axes: int = 1) -> tuple[_Floats, ...]:
    """Apply a measure to each window of a stack.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        The windows; or (..., n_chans, n_times) with ``n_axes`` of 2.
    measure : callable
        Takes one window as float64, lost samples as NaN; gives its fields, all of one shape.
    n_axes : int
        Last axes that make up one window.

    Returns
    -------
    tuple of ndarray, each of shape (...) and that of the field
        One array for each field.

    Raises
    ------
    SignalQualityError
        If an axis is empty.
    ValueError
        If x is no array of real numbers.

    Examples
    --------
    >>> per_window([[1, 2], [3, 4]], lambda row: [row.sum(), row.max()])
    (array([3., 7.]), array([2., 4.]))
    """
    samples = lost_as_nan(x)
    if samples.size == 0:
        axis = samples.shape.index(0)
        raise SignalQualityError(f"expected samples; found none: axis {axis} of x, shape {samples.shape}, is empty")
    lead = samples.shape[:-n_axes]
    rows = samples.reshape(math.prod(lead), *samples.shape[-n_axes:])
    out = np.moveaxis(np.array([measure(row) for row in rows], dtype=np.float64), 1, 0)
    out = out.reshape(len(out), *lead, *out.shape[2:])
    # The dots make a 0-d array, not a scalar, of a single window's field.
    return tuple(out[i, ...] for i in range(len(out)))


def checked_signal(x: npt.ArrayLike) -> _Floats:
    """Give one signal as float64, with NaN for every lost sample.

    Parameters
    ----------
    x : array-like, shape (n_times,)
        Real numbers; NaN and inf mark lost samples.

    Returns
    -------
    ndarray, shape (n_times,)
        A copy.

    Raises
    ------
    ValueError
        If these are no real numbers, or have more or fewer axes than one.

    Examples
    --------
    >>> checked_signal([1, float("inf")])
    array([ 1., nan])
    """
    samples = lost_as_nan(x)
    if samples.ndim != 1:
        raise ValueError(f"expected one signal of shape (n_times,); found shape {samples.shape}")
    return samples


def signal_1d(x: npt.ArrayLike) -> _Floats:
    """Give one signal as `checked_signal` does, of one sample at least.

    Parameters
    ----------
    x : array-like, shape (n_times,)
        The signal.

    Returns
    -------
    ndarray, shape (n_times,)
        A copy.

    Raises
    ------
    ValueError
        If x is no array of real numbers along one axis; SignalQualityError if it is empty.

    Examples
    --------
    >>> signal_1d([1, float("inf")])
    array([ 1., nan])
    """
    samples = checked_signal(x)
    if len(samples) == 0:
        raise SignalQualityError("expected samples; found none: axis 0 of x, shape (0,), is empty")
    return samples


def checked_rate(sfreq: float, least: float, what: str) -> float:
    """Give the sampling rate, or say that it is none for this.

    Parameters
    ----------
    sfreq : float
        Sampling rate in Hz.
    least : float
        Lowest rate that will do, in Hz.
    what : str
        What needs it.

    Returns
    -------
    float
        The rate.

    Raises
    ------
    ValueError
        If the rate is too low or not finite.

    Examples
    --------
    >>> checked_rate(4, 2, "skin conductance")
    4.0
    """
    if not (math.isfinite(sfreq) and sfreq >= least):
        raise ValueError(f"{what} needs a sampling rate of at least {least:g} Hz; found sfreq={sfreq}")
    return float(sfreq)


def bridged(row: _Floats, longest: int) -> _Floats:
    """Fill short holes by straight lines.

    Parameters
    ----------
    row : ndarray, shape (n_times,)
        One signal, lost samples as NaN.
    longest : int
        Longest hole to fill, in samples. One at either end has no other side, and stays.

    Returns
    -------
    ndarray, shape (n_times,)
        The signal itself if nothing is lost, else a copy.

    Examples
    --------
    >>> import numpy as np
    >>> bridged(np.array([np.nan, 1.0, np.nan, 3.0, np.nan, np.nan, 6.0]), 1)
    array([nan,  1.,  2.,  3., nan, nan,  6.])
    """
    lost = np.isnan(row)
    if not lost.any() or lost.all():
        return row
    holes = _runs(lost)
    fill = np.zeros(len(row), dtype=bool)
    for start, stop in holes[(holes[:, 0] > 0) & (holes[:, 1] < len(row)) & (np.ptp(holes, axis=1) <= longest)]:
        fill[start:stop] = True
    out = row.copy()
    out[fill] = np.interp(np.flatnonzero(fill), np.flatnonzero(~lost), row[~lost])
    return out


def stretches(row: _Floats, shortest: int) -> list[slice]:
    """Find the stretches without a lost sample.

    Parameters
    ----------
    row : ndarray, shape (n_times,)
        One signal, lost samples as NaN.
    shortest : int
        Leave out what is shorter, in samples.

    Returns
    -------
    list of slice
        In order.

    Examples
    --------
    >>> import numpy as np
    >>> stretches(np.array([1.0, np.nan, 3.0, 4.0]), 2)
    [slice(2, 4, None)]
    """
    return [slice(int(a), int(b)) for a, b in _runs(~np.isnan(row)) if b - a >= shortest]


def clipped(row: _Floats, *, bottom: bool = True) -> bool:
    """Say whether a sensor stood at the end of its range.

    Parameters
    ----------
    row : ndarray, shape (n_times,)
        One signal, lost samples as NaN.
    bottom : bool
        Whether to look at the bottom too: some signals rest there.

    Returns
    -------
    bool
        Whether a tenth of the samples are equal to the largest or the smallest, in a signal that takes 50 or more
        values: one of fewer rests at its extremes without being clipped. True also for a constant signal, or where all
        is lost.

    Examples
    --------
    >>> import numpy as np
    >>> clipped(np.minimum(np.sin(np.arange(500) / 50), 0.8)), clipped(np.sin(np.arange(500) / 50))
    (True, False)
    """
    there = row[~np.isnan(row)]
    if len(there) == 0 or there.min() == there.max():
        return True
    at_end = max(np.count_nonzero(there == there.max()), bottom * np.count_nonzero(there == there.min()))
    return bool(at_end >= 0.1 * len(there) and len(np.unique(there)) >= 50)


def turning_points(y: _Floats, swing: float) -> list[tuple[int, bool]]:
    """Find minima and maxima in turn, leaving out swings too small to matter.

    Parameters
    ----------
    y : ndarray, shape (n_times,)
        A signal without lost samples.
    swing : float
        A turn counts once the signal has come back by this much.

    Returns
    -------
    list of (int, bool)
        Sample index, and whether it is a maximum; the first and the last may be an end of the signal.

    Notes
    -----
    Time O(n_times). Of a plateau the first sample counts.

    Examples
    --------
    >>> import numpy as np
    >>> turning_points(np.array([0.0, 3.0, 2.9, 3.5, 1.0, 1.2, 0.9, 2.0]), 0.5)
    [(0, False), (3, True), (6, False), (7, True)]
    """
    # Only where the slope changes its sign can a turn be.
    slope = np.sign(np.diff(y))
    moving = np.flatnonzero(slope)
    turns = moving[np.append(True, slope[moving][1:] != slope[moving][:-1])] if len(moving) else moving
    # Behind the last move a signal stays.
    corners = np.append(turns, moving[-1] + 1) if len(moving) else moving
    out: list[tuple[int, bool]] = []
    low = high = 0
    rising: bool | None = None
    for i in corners.tolist():
        low, high = (i if y[i] < y[low] else low), (i if y[i] > y[high] else high)
        if rising is not True and y[i] - y[low] >= swing:
            out.append((low, False))
            rising, high = True, i
        elif rising is not False and y[high] - y[i] >= swing:
            out.append((high, True))
            rising, low = False, i
    if rising is not None:
        out.append((high, True) if rising else (low, False))
    return out


def _runs(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Give start and stop of each run of True, shape (n_runs, 2)."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return edges.reshape(-1, 2).astype(np.int64)
