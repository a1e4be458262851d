"""Breaths in a respiration belt's or an airflow sensor's signal, and measures of breathing in a window.

Breaths are told from smaller swings as in the advanced counting method of Schäfer & Kratky (Ann Biomed Eng 36:476,
2008).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._bodily import (
    bridged,
    butterworth,
    checked_rate,
    clipped,
    per_window,
    signal_1d,
    stretches,
    turning_points,
)

__all__ = ["Breaths", "RespirationFeatures", "find_breaths", "respiration_features"]

_Floats = npt.NDArray[np.float64]

_LEAST_HZ = 4.0

# Nobody breathes faster. Smoothing is wider, as it moves the turns of breaths that rise and fall unequally. There is no
# high-pass: drift makes no turns, and it would bend slow breaths at the ends of a window.
_FASTEST_HZ = 1.0
_SMOOTH_HZ = 1.5
# Nor, awake and without holding the breath, slower.
_CYCLE_S = (1.0, 20.0)
# Schäfer & Kratky: a swing counts from this share of the third quartile of all swings on.
_SWING_SHARE = 0.3

_BRIDGED_S = 0.5
_LOST_SHARE = 0.1

_SHORTEST_S = 10.0
_SHORTEST_VARIABILITY_S = 30.0
_FEWEST_CYCLES = 2
_FEWEST_VARIABILITY_CYCLES = 5
_TEMPLATE_POINTS = 50


class Breaths(NamedTuple):
    """Whole breaths in order of time, each of shape (n_breaths,).

    Attributes
    ----------
    onset : ndarray of int
        Sample index at which breathing in begins.
    peak : ndarray of int
        Where it ends, and breathing out begins.
    end : ndarray of int
        Where the next breath begins; the onset of the next, unless that is not whole.
    """

    onset: npt.NDArray[np.int64]
    peak: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


class RespirationFeatures(NamedTuple):
    """Measures of breathing in a window, each of shape (...).

    Attributes
    ----------
    rate_bpm : ndarray
        Breaths per minute: 60 s by the mean cycle; from 10 s and 2 whole breaths on, as all but the next three.
    cycle_sd_s : ndarray
        Standard deviation of the cycles (n - 1); this and the next two from 30 s and 5 breaths on.
    cycle_rmssd_s : ndarray
        Root mean square of the differences of cycles that follow each other.
    cycle_cv : ndarray
        Standard deviation by mean.
    inhale_s : ndarray
        Mean time of breathing in.
    exhale_s : ndarray
        Mean time of breathing out, with the pause after it.
    inhale_exhale_ratio : ndarray
        Mean of the breaths' ratios of the two.
    depth : ndarray
        Mean rise of a breath, in the unit of the signal.
    quality : ndarray
        Mean correlation of the breaths, stretched to one length, with the mean of all (after Charlton et al., Physiol
        Meas 42:065003, 2021): 1 if they are alike. Breaths found in noise still reach 0.75.
    """

    rate_bpm: _Floats
    cycle_sd_s: _Floats
    cycle_rmssd_s: _Floats
    cycle_cv: _Floats
    inhale_s: _Floats
    exhale_s: _Floats
    inhale_exhale_ratio: _Floats
    depth: _Floats
    quality: _Floats


def find_breaths(x: npt.ArrayLike, sfreq: float) -> Breaths:
    """Find whole breaths, from one start of breathing in to the next.

    Parameters
    ----------
    x : array-like, shape (n_times,)
        Respiration in any unit, rising as the person breathes in. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz, at least 4.

    Returns
    -------
    Breaths
        The breaths, of 1 to 20 s each. None spans a hole of more than 0.5 s; shorter ones are bridged by a line.

    Raises
    ------
    SignalQualityError
        If no 10 s without such a hole are there.
    ValueError
        If x is no such array, or the rate too low.

    Notes
    -----
    The signal is low-passed at 1.5 Hz without delay. A swing then counts from 0.3 of the third quartile of all
    swings on. The threshold is learnt from all of the signal: give long recordings in windows if the belt is moved.

    Time O(n_times).

    Examples
    --------
    >>> import numpy as np
    >>> belt = -np.cos(2 * np.pi * 0.25 * np.arange(1000) / 25)  # 15 breaths per minute, the first from 0 to 4 s
    >>> breaths = find_breaths(belt, 25)
    >>> np.round((breaths.peak - breaths.onset)[1:4] / 25, 1), np.round((breaths.end - breaths.onset)[1:4] / 25, 1)
    (array([2., 2., 2.]), array([4., 4., 4.]))
    """
    sfreq = checked_rate(sfreq, _LEAST_HZ, "respiration")
    row = signal_1d(x)
    whole = bridged(row, round(_BRIDGED_S * sfreq))
    pieces = stretches(whole, round(_SHORTEST_S * sfreq))
    if not pieces:
        raise SignalQualityError(
            f"breaths need {_SHORTEST_S:g} s without a hole of more than {_BRIDGED_S:g} s; found {len(row) / sfreq:g} "
            f"s, of which {np.count_nonzero(~np.isnan(row)) / sfreq:g} s are not lost"
        )
    return _breaths([(piece.start, _smoothed(whole[piece], sfreq)) for piece in pieces], sfreq)


def respiration_features(x: npt.ArrayLike, sfreq: float) -> RespirationFeatures:
    """Measure breathing in a window.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Respiration in any unit, rising as the person breathes in. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz, at least 4.

    Returns
    -------
    RespirationFeatures
        The measures. NaN in a window too short for them or with too few whole breaths, that is constant or clipped (a
        tenth of its samples at one value at its top or bottom), that varies more above 1 Hz than below (a belt that
        only gives noise), or that has lost more than a tenth of its samples.

    Raises
    ------
    SignalQualityError
        If an axis is empty.
    ValueError
        If x is no array of real numbers, or the rate too low.

    See Also
    --------
    find_breaths : What a breath is.

    Notes
    -----
    Only whole breaths count: slow breathing needs a longer window. Time O(n_times).

    Examples
    --------
    >>> import numpy as np
    >>> belt = -np.cos(2 * np.pi * 0.25 * np.arange(1500) / 25)
    >>> found = respiration_features([belt, np.zeros(1500)], 25)
    >>> found.rate_bpm.round(1), found.inhale_exhale_ratio.round(2)
    (array([15., nan]), array([ 1., nan]))
    """
    sfreq = checked_rate(sfreq, _LEAST_HZ, "respiration")

    def measure(row: _Floats) -> list[float]:
        out = dict.fromkeys(RespirationFeatures._fields, np.nan)
        if len(row) < _SHORTEST_S * sfreq or np.isnan(row).mean() > _LOST_SHARE or clipped(row):
            return list(out.values())
        whole = bridged(row, round(_BRIDGED_S * sfreq))
        # A stretch between two holes may be too short for any breath.
        pieces = [(p.start, _smoothed(whole[p], sfreq)) for p in stretches(whole, round(_SHORTEST_S * sfreq))]
        found = _breaths(pieces, sfreq)
        if len(found.peak) < _FEWEST_CYCLES or _is_noise(whole, sfreq):
            return list(out.values())
        cycles = (found.end - found.onset) / sfreq
        inhale, exhale = (found.peak - found.onset) / sfreq, (found.end - found.peak) / sfreq
        out["rate_bpm"] = 60 / float(cycles.mean())
        if len(row) >= _SHORTEST_VARIABILITY_S * sfreq and len(cycles) >= _FEWEST_VARIABILITY_CYCLES:
            follows = found.end[:-1] == found.onset[1:]
            out["cycle_sd_s"] = float(cycles.std(ddof=1))
            out["cycle_cv"] = float(cycles.std(ddof=1) / cycles.mean())
            if follows.any():
                out["cycle_rmssd_s"] = float(np.sqrt(np.mean(np.diff(cycles)[follows] ** 2)))
        out["inhale_s"], out["exhale_s"] = float(inhale.mean()), float(exhale.mean())
        out["inhale_exhale_ratio"] = float((inhale / exhale).mean())
        smooth = np.full(len(row), np.nan)
        for start, piece in pieces:
            smooth[start : start + len(piece)] = piece
        out["depth"] = float((smooth[found.peak] - smooth[found.onset]).mean())
        out["quality"] = _likeness(smooth, found)
        return list(out.values())

    return RespirationFeatures(*per_window(x, measure))


def _smoothed(piece: _Floats, sfreq: float) -> _Floats:
    from scipy.signal import sosfiltfilt

    y: _Floats = sosfiltfilt(butterworth(2, _SMOOTH_HZ, float(sfreq)), piece)
    return y


def _is_noise(row: _Floats, sfreq: float) -> bool:
    from scipy.signal import welch

    piece = max(stretches(row, 1), key=lambda p: p.stop - p.start)
    freqs, density = welch(row[piece], fs=sfreq, nperseg=round(_SHORTEST_S * sfreq), detrend="linear")
    return bool(density[freqs > _FASTEST_HZ].sum() > density[freqs <= _FASTEST_HZ].sum())


def _breaths(pieces: list[tuple[int, _Floats]], sfreq: float) -> Breaths:
    """Find breaths in smoothed pieces, each with its first index in the signal."""
    swings = np.concatenate([_swings(piece) for _, piece in pieces] or [np.zeros(0)])
    cycles: list[tuple[int, int, int]] = []
    if len(swings):
        least = _SWING_SHARE * float(np.quantile(swings, 0.75))
        for start, piece in pieces:
            turns = turning_points(piece, least)
            # The ends of the signal are no turns of the breath.
            at = [(i + start, top) for i, top in turns if 0 < i < len(piece) - 1]
            for (onset, top), (peak, _), (end, _) in zip(at, at[1:], at[2:], strict=False):
                if not top and _CYCLE_S[0] <= (end - onset) / sfreq <= _CYCLE_S[1]:
                    cycles.append((onset, peak, end))
    table = np.array(cycles, dtype=np.int64).reshape(-1, 3)
    return Breaths(table[:, 0], table[:, 1], table[:, 2])


def _swings(piece: _Floats) -> _Floats:
    # Rounding makes turns of its own in a signal that stands still.
    turns = [i for i, _ in turning_points(piece, 1e-9 * float(np.ptp(piece)) or np.inf)]
    return np.abs(np.diff(piece[turns]))


def _likeness(y: _Floats, breaths: Breaths) -> float:
    shapes = np.array(
        [
            np.interp(np.linspace(onset, end, _TEMPLATE_POINTS), np.arange(onset, end + 1), y[onset : end + 1])
            for onset, end in zip(breaths.onset, breaths.end, strict=True)
        ]
    )
    shapes -= shapes.mean(axis=1, keepdims=True)
    template = shapes.mean(axis=0)
    sizes = np.linalg.norm(shapes, axis=1) * np.linalg.norm(template)
    return float((shapes @ template / sizes).mean()) if sizes.all() else np.nan
