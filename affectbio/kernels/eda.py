"""Skin conductance: its slow and its fast part, single responses, and measures of a window.

The two parts are those of cvxEDA (Greco et al., IEEE TBME 63:797, 2016); responses follow Boucsein (Electrodermal
Activity, 2012); which samples count, Kleckner et al. (IEEE TBME 65:1460, 2018).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._bodily import butterworth, checked_rate, clipped, per_window, signal_1d, turning_points
from affectbio.kernels._cvxeda import solve

__all__ = [
    "EdaFeatures",
    "EdaParts",
    "ScrEvents",
    "decompose_eda",
    "eda_features",
    "skin_conductance_responses",
]

_Floats = npt.NDArray[np.float64]

_LEAST_HZ = 2.0

# Skin conductance holds nothing above some 2 Hz: the model is solved at this rate, or up to twice as high.
_MODEL_HZ = 8.0

# The model's cost grows with samples times knots: longer recordings are split in pieces, each solved with a margin on
# both sides that is then cut off.
_PIECE_S = 600.0
_MARGIN_S = 60.0

# Responses rise in 0.5 to 5 s (Boucsein); two that overlap take twice as long, and what takes longer is a drift.
_RISE_S = 10.0
_SMOOTH_HZ = 1.0
# A dip of this share of the threshold ends a response.
_DIP = 0.1
# A response's foot is where it has risen by this share: the minimum before it may lie far back on a flat stretch.
_FOOT = 0.05

# Kleckner et al.: range of skin conductance in S, and its fastest change in S/s.
_RANGE_S = (0.05e-6, 60e-6)
_FASTEST = 10e-6
_LOST_SHARE = 0.1

# No skin conducts as much: such numbers are microsiemens, or no conductance.
_IMPOSSIBLE_S = 1e-3

_SHORTEST_S = 10.0
_SHORTEST_SCR_S = 20.0
# Two cycles of the lowest frequency and more; one window of Posada-Quintero et al.
_SHORTEST_POWER_S = 64.0
_SYMPATHETIC_HZ = (0.045, 0.25)


class EdaParts(NamedTuple):
    """Parts of a skin conductance signal, each of shape (..., n_times); NaN where it is lost.

    Attributes
    ----------
    tonic : ndarray
        Skin conductance level, in the unit of the signal.
    phasic : ndarray
        Responses above it, never negative, in the unit of the signal. What is left of the signal is noise.
    driver : ndarray
        Activity of the sudomotor nerve that makes the responses, never negative, in that unit per second.
    """

    tonic: _Floats
    phasic: _Floats
    driver: _Floats


class ScrEvents(NamedTuple):
    """Skin conductance responses in order of time, each of shape (n_responses,).

    Attributes
    ----------
    onset, peak : ndarray of int
        Sample indices of foot and peak.
    amplitude : ndarray
        From minimum to peak above the tonic level, in the unit of the signal.
    rise_time_s : ndarray
        From onset to peak.
    recovery_s : ndarray
        From peak to half the amplitude; NaN if the next response or the end comes first.
    """

    onset: npt.NDArray[np.int64]
    peak: npt.NDArray[np.int64]
    amplitude: _Floats
    rise_time_s: _Floats
    recovery_s: _Floats


class EdaFeatures(NamedTuple):
    """Measures of skin conductance in a window, each of shape (...).

    Attributes
    ----------
    tonic_mean : ndarray
        Mean skin conductance level in S; from 10 s on, as all but the following.
    tonic_slope : ndarray
        Slope of its least-squares line in S/s.
    phasic_mean : ndarray
        Mean of the phasic part in S.
    scr_per_min : ndarray
        Skin conductance responses per minute; this and the next three from 20 s on.
    scr_amplitude : ndarray
        Their mean amplitude in S; NaN if there is none, as the next two.
    scr_rise_time_s : ndarray
        Their mean time from onset to peak.
    scr_recovery_s : ndarray
        Mean time from peak to half the amplitude, of those that get there.
    sympathetic_power : ndarray
        Power in 0.045 to 0.25 Hz in S², from 64 s on (EDASymp; Posada-Quintero et al., Ann Biomed Eng 44:3124, 2016).
    """

    tonic_mean: _Floats
    tonic_slope: _Floats
    phasic_mean: _Floats
    scr_per_min: _Floats
    scr_amplitude: _Floats
    scr_rise_time_s: _Floats
    scr_recovery_s: _Floats
    sympathetic_power: _Floats


def decompose_eda(x: npt.ArrayLike, sfreq: float, *, scale: float | None = 1e-6) -> EdaParts:
    """Split skin conductance in its tonic and phasic part (cvxEDA).

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Skin conductance in S; in another unit, if ``scale`` is too. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz, at least 2.
    scale : float or None
        What the model takes for 1, in the unit of x: its penalties are for microsiemens. None takes the standard
        deviation, for signals whose unit is not known; noise then passes for responses where there are none.

    Returns
    -------
    EdaParts
        The parts, in the unit of x. All NaN for a signal that is constant, or has fewer than 10 s of samples.

    Raises
    ------
    SignalQualityError
        If an axis is empty.
    ValueError
        If x is no array of real numbers, or the rate too low.

    Notes
    -----
    The model is solved at 8 to 16 Hz (lower rates as they are), to its optimum, with lost samples left out of the fit.
    A response takes the shape of the Bateman function, with time constants of 2 and 0.7 s. One whose beginning lies
    before the first sample is taken to begin there. A signal that falls faster than responses do, as when an electrode
    moves, has no such parts: the tonic one falls far below it, even below 0. At jumps of tens of µS the optimum may be
    out of reach of floating-point numbers: the parts are NaN.

    Time is O(n_times): recordings of more than 10 min are solved in pieces of 10 min with a margin of 1 min.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(480) / 8
    >>> after = np.maximum(t - 20, 0)
    >>> parts = decompose_eda(2e-6 + 1e-6 * (np.exp(-after / 2) - np.exp(-after / 0.7)), 8)
    >>> float(t[parts.driver.argmax()]), (1e6 * parts.tonic[::120]).round(1)
    (20.0, array([2., 2., 2., 2.]))
    """
    sfreq = checked_rate(sfreq, _LEAST_HZ, "skin conductance")
    _check_scale(scale)
    return EdaParts(*per_window(x, lambda row: np.where(np.isnan(row), np.nan, _split(row, sfreq, scale))))


def skin_conductance_responses(
    x: npt.ArrayLike,
    sfreq: float,
    *,
    min_amplitude: float = 0.05e-6,
    min_share: float = 0.0,
    scale: float | None = 1e-6,
) -> ScrEvents:
    """Find single skin conductance responses.

    Parameters
    ----------
    x : array-like, shape (n_times,)
        Skin conductance in S; in another unit, if ``min_amplitude`` and ``scale`` are too. NaN and inf mark lost
        samples.
    sfreq : float
        Sampling rate in Hz, at least 2.
    min_amplitude : float
        Smallest amplitude of a response. In use are 0.01 to 0.05 µS (Boucsein); noise sets how low one can go.
    min_share : float
        Smallest amplitude as a share of the largest one, from 0 to 1: with ``min_amplitude=0`` for signals whose unit
        is not known. As it depends on the whole signal, it is for recordings and not for windows.
    scale : float or None
        As for `decompose_eda`.

    Returns
    -------
    ScrEvents
        Responses, from minimum to maximum of the signal less its tonic part, smoothed at 1 Hz, that rise within 10 s.
        None has its onset or peak on a lost sample.

    Raises
    ------
    SignalQualityError
        If fewer than 10 s of samples are not lost.
    ValueError
        If x is no such array, or an argument makes no sense.

    See Also
    --------
    decompose_eda : What the tonic part is.

    Notes
    -----
    Time O(n_times). Taking away the tonic part first finds responses that begin before the one ahead has come down,
    and in a level that rises; see the model's words of caution there.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(480) / 8
    >>> after = np.maximum(t - 20, 0)
    >>> found = skin_conductance_responses(2e-6 + 1e-6 * (np.exp(-after / 2) - np.exp(-after / 0.7)), 8)
    >>> t[found.onset].round(), (1e6 * found.amplitude).round(1), found.rise_time_s.round()
    (array([20.]), array([0.4]), array([1.]))
    """
    sfreq = checked_rate(sfreq, _LEAST_HZ, "skin conductance")
    if not (0 <= min_amplitude < np.inf and 0 <= min_share <= 1 and min_amplitude + min_share > 0):
        raise ValueError(
            f"expected min_amplitude of 0 or more and min_share from 0 to 1, not both 0; found {min_amplitude} and "
            f"{min_share}"
        )
    _check_scale(scale)
    row = signal_1d(x)
    there = np.count_nonzero(~np.isnan(row))
    if there < _SHORTEST_S * sfreq:
        raise SignalQualityError(
            f"responses need {_SHORTEST_S:g} s of samples; found {len(row) / sfreq:g} s, of which {there / sfreq:g} s "
            f"are not lost"
        )
    return _responses(row, _split(row, sfreq, scale), sfreq, min_amplitude, min_share)


def eda_features(x: npt.ArrayLike, sfreq: float, *, min_amplitude: float = 0.05e-6) -> EdaFeatures:
    """Measure skin conductance in a window.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Skin conductance in S. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz, at least 2.
    min_amplitude : float
        Smallest amplitude of a response in S.

    Returns
    -------
    EdaFeatures
        The measures. NaN in a window too short for them, that is constant or clipped (a tenth of its samples at one
        value at its top), or that has lost more than a tenth of its samples: those marked so, those out of
        0.05 to 60 µS (an electrode off, or the 0 with which an Empatica E4 begins), and those beside a change by more
        than 10 µS/s. NaN also where the tonic part would fall below 0, or below the signal by more than that's
        range: the signal falls as no response does, as when an electrode moves.

    Raises
    ------
    SignalQualityError
        If an axis is empty.
    ValueError
        If x is no array of real numbers, values are no siemens, or another argument makes no sense.

    See Also
    --------
    decompose_eda : What the tonic and the phasic part are.
    skin_conductance_responses : What a response is.

    Notes
    -----
    Each window is taken for itself: a response that began before it counts in its phasic part. Time O(n_times).

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(480) / 8
    >>> after = np.maximum(t - 20, 0)
    >>> window = 2e-6 + 1e-6 * (np.exp(-after / 2) - np.exp(-after / 0.7))
    >>> found = eda_features([window, np.zeros(480)], 8)
    >>> found.scr_per_min, (1e6 * found.tonic_mean).round(1)
    (array([ 1., nan]), array([ 2., nan]))
    """
    sfreq = checked_rate(sfreq, _LEAST_HZ, "skin conductance")
    if not 0 < min_amplitude < np.inf:
        raise ValueError(f"expected min_amplitude above 0, in siemens; found {min_amplitude}")

    def measure(row: _Floats) -> list[float]:
        there = row[~np.isnan(row)]
        if len(there) and np.median(np.abs(there)) > _IMPOSSIBLE_S:
            raise ValueError(
                f"expected skin conductance in siemens; found a median of {np.median(there):g}: multiply microsiemens "
                f"by 1e-6"
            )
        out = dict.fromkeys(EdaFeatures._fields, np.nan)
        good = _plausible(row, sfreq)
        if len(row) < _SHORTEST_S * sfreq or np.isnan(good).mean() > _LOST_SHARE or clipped(row, bottom=False):
            return list(out.values())
        parts = _split(good, sfreq, 1e-6)
        # The model has no way down faster than its time constants but by the tonic part: a movement's fall drags that
        # far below the signal.
        lowest = np.nanmin(good)
        if not parts.tonic.min() >= max(0.0, lowest - (np.nanmax(good) - lowest)):
            return list(out.values())
        out["tonic_mean"] = float(parts.tonic.mean())
        out["tonic_slope"] = float(np.polyfit(np.arange(len(row)) / sfreq, parts.tonic, 1)[0])
        out["phasic_mean"] = float(parts.phasic.mean())
        if len(row) >= _SHORTEST_SCR_S * sfreq:
            found = _responses(good, parts, sfreq, min_amplitude, 0.0)
            out["scr_per_min"] = 60 * sfreq * len(found.peak) / len(row)
            if len(found.peak):
                out["scr_amplitude"] = float(found.amplitude.mean())
                out["scr_rise_time_s"] = float(found.rise_time_s.mean())
            if np.isfinite(found.recovery_s).any():
                out["scr_recovery_s"] = float(np.nanmean(found.recovery_s))
        if len(row) >= _SHORTEST_POWER_S * sfreq:
            out["sympathetic_power"] = _sympathetic_power(
                np.where(np.isnan(good), parts.tonic + parts.phasic, good), sfreq
            )
        return list(out.values())

    return EdaFeatures(*per_window(x, measure))


def _split(row: _Floats, sfreq: float, scale: float | None) -> EdaParts:
    """Split one signal; unlike in `decompose_eda`, the parts go on through lost samples."""
    factor = max(1, int(sfreq // _MODEL_HZ))
    n_blocks = len(row) // factor
    blocks = row[: n_blocks * factor].reshape(n_blocks, factor)
    known = ~np.isnan(blocks)
    weight: _Floats = np.asarray(known.any(axis=1), dtype=np.float64)
    rate = sfreq / factor
    if weight.sum() < _SHORTEST_S * rate or np.nanmin(row) == np.nanmax(row):
        return EdaParts(*np.full((3, len(row)), np.nan))
    coarse: _Floats = np.divide(
        np.where(known, blocks, 0).sum(axis=1), known.sum(axis=1), where=weight > 0, out=np.zeros(n_blocks)
    )
    # Not the mean, which one wrong number would move far from all the others.
    level = np.median(coarse[weight > 0])
    scale = scale or float(coarse[weight > 0].std())
    if scale == 0:  # varies by so little that its square is none
        return EdaParts(*np.full((3, len(row)), np.nan))
    coarse = weight * (coarse - level) / scale

    parts = np.zeros((3, n_blocks))
    piece, margin = round(_PIECE_S * rate), round(_MARGIN_S * rate)
    start = 0
    while start < n_blocks:
        # What is left over at the end is no piece of its own.
        stop = start + piece if start + piece + margin < n_blocks else n_blocks
        low, high = max(0, start - margin), min(n_blocks, stop + margin)
        found = solve(coarse[low:high], weight[low:high], rate)
        kept = slice(start - low, stop - low)
        parts[:, start:stop] = found.tonic[kept], found.phasic[kept], found.driver[kept]
        start = stop
    tonic, phasic, driver = scale * parts
    # A block stands for its middle.
    at, middle = np.arange(len(row)), factor * np.arange(n_blocks) + (factor - 1) / 2
    tonic, phasic = (np.interp(at, middle, part) for part in (tonic + level, phasic))
    return EdaParts(tonic, phasic, driver[np.minimum(at // factor, n_blocks - 1)])


def _responses(row: _Floats, parts: EdaParts, sfreq: float, min_amplitude: float, min_share: float) -> ScrEvents:
    from scipy.signal import sosfiltfilt

    fast = np.where(np.isnan(row), parts.phasic, row - parts.tonic)
    if np.isnan(fast).any():  # such as of a constant signal
        return _events([], sfreq)
    if sfreq > 2.5 * _SMOOTH_HZ:
        fast = sosfiltfilt(butterworth(2, _SMOOTH_HZ, float(sfreq)), fast)
    smallest = min_amplitude
    if min_share:
        rises = _rises(fast, _DIP * max(min_amplitude, min_share * float(np.ptp(fast))))
        smallest = max(smallest, min_share * max((fast[top] - fast[low] for low, top, _ in rises), default=0.0))
    found = []
    for low, top, end in _rises(fast, _DIP * smallest):
        amplitude = float(fast[top] - fast[low])
        onset = low + int(np.flatnonzero(fast[low : top + 1] <= fast[low] + _FOOT * amplitude)[-1])
        # What still rises at the end has not shown its peak.
        if top == len(row) - 1:
            continue
        if amplitude < smallest or top - onset > _RISE_S * sfreq or np.isnan(row[[onset, top]]).any():
            continue
        fallen = np.flatnonzero(fast[top : end + 1] <= fast[top] - amplitude / 2)
        found.append((onset, top, amplitude, float(fallen[0]) / sfreq if len(fallen) else np.nan))
    return _events(found, sfreq)


def _check_scale(scale: float | None) -> None:
    if scale is not None and not 0 < scale < np.inf:
        raise ValueError(f"expected a scale above 0 in the unit of x, or None; found {scale}")


def _events(found: list[tuple[int, int, float, float]], sfreq: float) -> ScrEvents:
    table = np.array(found, dtype=np.float64).reshape(-1, 4)
    onset, peak = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return ScrEvents(onset, peak, table[:, 2], (peak - onset) / sfreq, table[:, 3])


def _rises(y: _Floats, dip: float) -> list[tuple[int, int, int]]:
    """Give minimum, maximum and the next minimum (or the end) of each rise, a dip below ``dip`` not parting two."""
    turns = turning_points(y, dip)
    lows = [i for i, is_peak in turns if not is_peak]
    tops = [i for i, is_peak in turns if is_peak]
    tops = [top for top in tops if lows and top > lows[0]]
    ends = [*lows[1:], len(y) - 1]
    return list(zip(lows, tops, ends, strict=False))


def _plausible(row: _Floats, sfreq: float) -> _Floats:
    """Mark as lost what no skin does."""
    good = np.where((row >= _RANGE_S[0]) & (row <= _RANGE_S[1]), row, np.nan)
    # Over as long as a sample of the model: at high rates noise alone changes faster.
    step = max(1, round(sfreq / _MODEL_HZ))
    jumps = np.flatnonzero(np.abs(good[step:] - good[:-step]) > _FASTEST * step / sfreq)
    good[jumps] = np.nan
    good[jumps + step] = np.nan
    return good


def _sympathetic_power(row: _Floats, sfreq: float) -> float:
    from scipy.signal import welch

    freqs, density = welch(row, fs=sfreq, nperseg=round(_SHORTEST_POWER_S * sfreq), detrend="linear")
    inside = (freqs >= _SYMPATHETIC_HZ[0]) & (freqs <= _SYMPATHETIC_HZ[1])
    return float(density[inside].sum() * (freqs[1] - freqs[0]))
