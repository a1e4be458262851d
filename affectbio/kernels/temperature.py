"""Skin temperature in a window: level, trend and range."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.kernels._bodily import checked_rate, per_window

__all__ = ["TemperatureFeatures", "temperature_features"]

_Floats = npt.NDArray[np.float64]

# A sensor on the skin of a living person reads nothing else; off it, a room may read the same.
_RANGE_CELSIUS = (15.0, 45.0)
_LOST_SHARE = 0.1

_SHORTEST_S = 2.0
_SHORTEST_SLOPE_S = 10.0

# All pairs of as many medians are 4950 slopes: the same work for any window.
_MOST_BLOCKS = 100


class TemperatureFeatures(NamedTuple):
    """Measures of skin temperature in a window, each of shape (...).

    Attributes
    ----------
    level_celsius : ndarray
        Median; from 2 s on.
    slope_celsius_per_min : ndarray
        Trend, the median slope of all pairs; from 10 s on, as the next.
    range_celsius : ndarray
        Highest less lowest, of medians over a hundredth of the window each (over single samples, if it has fewer).
    """

    level_celsius: _Floats
    slope_celsius_per_min: _Floats
    range_celsius: _Floats


def temperature_features(x: npt.ArrayLike, sfreq: float) -> TemperatureFeatures:
    """Measure skin temperature in a window.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Temperature in °C. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    TemperatureFeatures
        The measures. NaN in a window too short for them, or that has lost more than a tenth of its samples: those
        marked so, and those out of 15 to 45 °C. A window without change has a slope and range of 0: sensors are coarse.

    Raises
    ------
    SignalQualityError
        If an axis is empty.
    ValueError
        If x is no array of real numbers, the rate is not positive, or values are kelvin.

    Notes
    -----
    The slope is that of Theil and Sen (Sen, JASA 63:1379, 1968) over the medians of at most 100 blocks: a quarter of
    the window may be off without moving it far. Time O(n_times).

    Examples
    --------
    >>> import numpy as np
    >>> warming = 33 + 0.2 * np.arange(240) / 240  # 0.2 °C in a minute at 4 Hz
    >>> warming[100:105] = 40
    >>> level, slope, spread = temperature_features(warming, 4)
    >>> float(level.round(2)), float(slope.round(3))
    (33.1, 0.2)
    """
    sfreq = checked_rate(sfreq, 1e-3, "temperature")

    def measure(row: _Floats) -> list[float]:
        out = [np.nan] * 3
        if np.count_nonzero(row > 250) > len(row) / 2:
            raise ValueError(f"expected temperature in °C; found a median of {np.nanmedian(row):g}: is that kelvin?")
        good = np.where((row >= _RANGE_CELSIUS[0]) & (row <= _RANGE_CELSIUS[1]), row, np.nan)
        if len(row) < _SHORTEST_S * sfreq or np.isnan(good).mean() > _LOST_SHARE:
            return out
        out[0] = float(np.nanmedian(good))
        if len(row) >= _SHORTEST_SLOPE_S * sfreq:
            t, medians = _blocks(good, sfreq)
            if len(t) > 1:
                later, earlier = np.tril_indices(len(t), -1)
                slopes = (medians[later] - medians[earlier]) / (t[later] - t[earlier])
                out[1:] = [60 * float(np.median(slopes)), float(np.ptp(medians))]
        return out

    return TemperatureFeatures(*per_window(x, measure))


def _blocks(row: _Floats, sfreq: float) -> tuple[_Floats, _Floats]:
    """Give mean time in s and median of at most 100 blocks that hold samples."""
    there = ~np.isnan(row)
    length = -(-len(row) // _MOST_BLOCKS)
    edges = range(0, len(row), length)
    spans = [np.flatnonzero(there[start : start + length]) + start for start in edges]
    spans = [span for span in spans if len(span)]
    return np.array([span.mean() / sfreq for span in spans]), np.array([np.median(row[span]) for span in spans])
