"""Heart rate variability from the intervals between beats: in time, in frequency and non-linear.

Measures and bands follow the Task Force of the ESC and NASPE (Circulation 93:1043, 1996), the Poincaré plot Brennan et
al. (IEEE TBME 48:1342, 2001), and detrended fluctuation analysis Peng et al. (Chaos 5:82, 1995).

A measure for which the series is too short or broken is NaN, and ``reasons`` says why.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.kernels.ectopic import checked_intervals

__all__ = [
    "LONGEST_RR_S",
    "HrvFrequency",
    "HrvNonlinear",
    "HrvTime",
    "hrv_frequency",
    "hrv_nonlinear",
    "hrv_time",
]

Reasons = dict[str, str]

# No heart beats outside these; a longer interval is a hole in the recording.
_SHORTEST_RR_S, LONGEST_RR_S = 0.2, 3.0

# The Task Force asks for about 1 min to assess HF, about 2 min for LF, and calls VLF from less than 5 min dubious. The
# rest are the shortest that stood for 5 min in Baek et al., Telemed J E Health 21:404, 2015, but for SDNN, which took
# 240 s there and is given from 60 s on: it grows with the length anyway.
_SHORTEST_S = {
    "mean_hr_bpm": 10.0,
    "mean_rr_ms": 10.0,
    "rmssd_ms": 30.0,
    "sd1_ms": 30.0,
    "pnn50_percent": 60.0,
    "sdnn_ms": 60.0,
    "sd2_ms": 60.0,
    "hf_ms2": 60.0,
    "lf_ms2": 120.0,
    "lf_hf": 120.0,
    "vlf_ms2": 300.0,
}

_BANDS = {"vlf_ms2": (0.0033, 0.04), "lf_ms2": (0.04, 0.15), "hf_ms2": (0.15, 0.4)}

# Frequencies lie closer than the resolution, 1 / duration, by this factor, so that the edges of bands are sharp.
_OVERSAMPLING = 4
_RESAMPLED_HZ = 4.0
_WELCH_WINDOW_S = 300.0

_DFA_BOXES = range(4, 17)


class HrvTime(NamedTuple):
    """Measures in time; NaN where ``reasons``, by name of the measure, says why.

    Attributes
    ----------
    mean_hr_bpm : float
        60 s by the mean interval.
    mean_rr_ms : float
        Mean interval.
    sdnn_ms : float
        Standard deviation of the intervals (n - 1). It grows with the length: compare only equal lengths.
    rmssd_ms : float
        Root mean square of successive differences.
    pnn50_percent : float
        Share of successive differences above 50 ms.
    reasons : dict of str to str
        Why a measure is NaN.
    """

    mean_hr_bpm: float
    mean_rr_ms: float
    sdnn_ms: float
    rmssd_ms: float
    pnn50_percent: float
    reasons: Reasons


class HrvFrequency(NamedTuple):
    """Power in the bands; NaN where ``reasons``, by name of the measure, says why.

    Attributes
    ----------
    vlf_ms2, lf_ms2, hf_ms2 : float
        Power in 0.0033 to 0.04, 0.04 to 0.15 and 0.15 to 0.4 Hz.
    lf_hf : float
        Their ratio; not a measure of "sympathovagal balance" (Billman, Front Physiol 4:26, 2013).
    reasons : dict of str to str
        Why a measure is NaN.
    """

    vlf_ms2: float
    lf_ms2: float
    hf_ms2: float
    lf_hf: float
    reasons: Reasons


class HrvNonlinear(NamedTuple):
    """Poincaré plot and fractal scaling; NaN where ``reasons``, by name of the measure, says why.

    Attributes
    ----------
    sd1_ms, sd2_ms : float
        Spread across and along the line of identity in the plot of each interval against the one before.
    dfa_alpha1 : float
        Scaling exponent over boxes of 4 to 16 beats: 0.5 for intervals without memory, 1.5 for a random walk.
    reasons : dict of str to str
        Why a measure is NaN.
    """

    sd1_ms: float
    sd2_ms: float
    dfa_alpha1: float
    reasons: Reasons


def hrv_time(rr: npt.ArrayLike) -> HrvTime:
    """Compute the measures in time.

    Parameters
    ----------
    rr : array-like, shape (n_intervals,)
        Successive intervals between normal beats in seconds; see `correct_ectopic`.

    Returns
    -------
    HrvTime
        Mean rate and interval (from 10 s on), RMSSD (30 s), SDNN and pNN50 (60 s).

    Raises
    ------
    ValueError
        If an interval is not a positive number.

    Examples
    --------
    >>> measures = hrv_time([0.8, 0.9] * 20)
    >>> round(measures.mean_hr_bpm, 1), round(measures.rmssd_ms), measures.sdnn_ms
    (70.6, 100, nan)
    >>> measures.reasons["sdnn_ms"]
    'needs 60 s of intervals, found 34.0 s'
    """
    ms = 1e3 * checked_intervals(rr)
    reasons = _withheld(ms / 1e3, ("mean_hr_bpm", "mean_rr_ms", "sdnn_ms", "rmssd_ms", "pnn50_percent"))
    values = dict.fromkeys(HrvTime._fields[:-1], np.nan)
    if len(ms) > 1:
        steps = np.diff(ms)
        # Rounding of sums must not make 50 ms more than 50 ms.
        over = np.abs(steps) > 50 + 1e-6
        values = {
            "mean_hr_bpm": 6e4 / float(ms.mean()),
            "mean_rr_ms": float(ms.mean()),
            "sdnn_ms": float(ms.std(ddof=1)),
            "rmssd_ms": float(np.sqrt(np.mean(steps**2))),
            "pnn50_percent": 100 * float(over.mean()),
        }
    return HrvTime(**_without(values, reasons), reasons=reasons)


def hrv_frequency(rr: npt.ArrayLike, method: Literal["lomb", "welch"] = "lomb") -> HrvFrequency:
    """Compute the power of the intervals' variation in the bands.

    Parameters
    ----------
    rr : array-like, shape (n_intervals,)
        Successive intervals between normal beats in seconds; see `correct_ectopic`. A straight line is taken out.
    method : {"lomb", "welch"}
        The Lomb-Scargle periodogram of the intervals where they are; or Welch's, Hann windows of 300 s (of all there
        is, if less) half over each other, of a cubic spline through them at 4 Hz.

    Returns
    -------
    HrvFrequency
        HF power (from 60 s on), LF power and LF/HF (120 s) and VLF power (300 s).

    Raises
    ------
    ValueError
        If an interval is not a positive number, or the method is not one of the two.

    Notes
    -----
    Both are scaled so that the power of a sine of amplitude A ms is A²/2 ms², whatever the method and the length. A
    spline is a low-pass: "welch" gives less HF, the less the slower the heart. "lomb" takes a time that grows as the
    square of the length; from an hour on take "welch".

    Examples
    --------
    Breathing at 0.25 Hz that moves the intervals by 30 ms, a power of 450 ms²:

    >>> import numpy as np
    >>> rr, t = [], 0.0
    >>> while t < 300:
    ...     rr.append(0.8 + 0.03 * np.sin(2 * np.pi * 0.25 * t))
    ...     t += rr[-1]
    >>> power = hrv_frequency(rr)
    >>> bool(430 < power.hf_ms2 < 470), bool(power.lf_ms2 < 10)
    (True, True)
    """
    if method not in ("lomb", "welch"):
        raise ValueError(f"method is 'lomb' or 'welch'; found {method!r}")
    rr = checked_intervals(rr)
    reasons = _withheld(rr, HrvFrequency._fields[:-1])
    values = dict.fromkeys(HrvFrequency._fields[:-1], np.nan)
    if len(reasons) < len(values):
        freqs, density = (_lomb if method == "lomb" else _welch)(rr)
        for name, (low, high) in _BANDS.items():
            values[name] = float(density[(freqs >= low) & (freqs < high)].sum() * (freqs[1] - freqs[0]))
        # Less is rounding.
        if values["hf_ms2"] > 1e-6:
            values["lf_hf"] = values["lf_ms2"] / values["hf_ms2"]
        else:
            reasons.setdefault("lf_hf", "needs power in the HF band, found none")
    return HrvFrequency(**_without(values, reasons), reasons=reasons)


def hrv_nonlinear(rr: npt.ArrayLike) -> HrvNonlinear:
    """Compute the Poincaré plot's axes and the short-term scaling exponent.

    Parameters
    ----------
    rr : array-like, shape (n_intervals,)
        Successive intervals between normal beats in seconds; see `correct_ectopic`.

    Returns
    -------
    HrvNonlinear
        SD1 (from 30 s on), SD2 (60 s) and DFA α1 (160 intervals, ten of its longest boxes).

    Raises
    ------
    ValueError
        If an interval is not a positive number.

    Notes
    -----
    Boxes of every length from 4 to 16, side by side from the first interval on; what is left at the end is in none.

    Examples
    --------
    >>> import numpy as np
    >>> rr = 0.8 + 0.03 * np.random.default_rng(0).standard_normal(2000)
    >>> measures = hrv_nonlinear(rr)
    >>> round(measures.sd1_ms), round(measures.sd2_ms), bool(abs(measures.dfa_alpha1 - 0.5) < 0.1)
    (30, 30, True)
    """
    ms = 1e3 * checked_intervals(rr)
    reasons = _withheld(ms / 1e3, ("sd1_ms", "sd2_ms"))
    values = dict.fromkeys(HrvNonlinear._fields[:-1], np.nan)
    if len(ms) > 2:
        values["sd1_ms"] = float(np.std(ms[1:] - ms[:-1], ddof=1) / np.sqrt(2))
        values["sd2_ms"] = float(np.std(ms[1:] + ms[:-1], ddof=1) / np.sqrt(2))
    needed = 10 * _DFA_BOXES[-1]
    if "sd1_ms" in reasons and len(ms) >= needed:
        reasons["dfa_alpha1"] = reasons["sd1_ms"]
    elif len(ms) < needed:
        reasons["dfa_alpha1"] = f"needs {needed} intervals, found {len(ms)}"
    elif np.ptp(ms) == 0:
        reasons["dfa_alpha1"] = "needs intervals that vary, found them all equal"
    else:
        values["dfa_alpha1"] = _dfa(ms)
    return HrvNonlinear(**_without(values, reasons), reasons=reasons)


def _lomb(rr: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give frequencies in Hz and the one-sided density in ms²/Hz."""
    from scipy.signal import lombscargle

    t = np.cumsum(rr)
    duration = float(rr.sum())
    ms = 1e3 * rr
    ms = ms - np.polyval(np.polyfit(t, ms, 1), t)
    freqs = np.arange(1, int(_OVERSAMPLING * duration * 0.4) + 2) / (_OVERSAMPLING * duration)
    # SciPy's periodogram of a sine of amplitude A is A² n / 4 at its peak, which is 1 / duration wide.
    power = lombscargle(t, ms, 2 * np.pi * freqs)
    return freqs, power * 2 * duration / len(rr)


def _welch(rr: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Give frequencies in Hz and the one-sided density in ms²/Hz."""
    from scipy.interpolate import CubicSpline
    from scipy.signal import detrend, welch

    t = np.cumsum(rr)
    even = CubicSpline(t, 1e3 * rr)(np.arange(t[0], t[-1], 1 / _RESAMPLED_HZ))
    window = min(len(even), round(_WELCH_WINDOW_S * _RESAMPLED_HZ))
    freqs, density = welch(detrend(even), fs=_RESAMPLED_HZ, nperseg=window, nfft=_OVERSAMPLING * window)
    return freqs, density


def _dfa(ms: npt.NDArray[np.float64]) -> float:
    """Give the slope of the fluctuation over the length of the boxes, both in logarithms."""
    profile = np.cumsum(ms - ms.mean())
    fluctuation = []
    for length in _DFA_BOXES:
        boxes = profile[: len(profile) // length * length].reshape(-1, length)
        line, _ = np.linalg.qr(np.vander(np.arange(length, dtype=np.float64), 2))
        rest = boxes - boxes @ line @ line.T
        fluctuation.append(np.sqrt(np.mean(rest**2)))
    return float(np.polyfit(np.log(_DFA_BOXES), np.log(fluctuation), 1)[0])


def _withheld(rr: npt.NDArray[np.float64], names: tuple[str, ...]) -> Reasons:
    """Say of each measure that this series cannot give why it cannot."""
    odd = np.flatnonzero((rr < _SHORTEST_RR_S) | (rr > LONGEST_RR_S))
    if len(odd):
        why = (
            f"interval {odd[0]} is {rr[odd[0]]:.2f} s, which no heart makes ({len(odd)} such): "
            f"cut the series there, or give seconds"
        )
        return dict.fromkeys(names, why)
    total = float(rr.sum())
    # A recording of just that length holds no whole interval at either end.
    ends = 2 * total / max(1, len(rr))
    short = [name for name in names if total + ends < _SHORTEST_S[name]]
    return {name: f"needs {_SHORTEST_S[name]:g} s of intervals, found {total:.1f} s" for name in short}


def _without(values: dict[str, float], reasons: Reasons) -> dict[str, float]:
    return {name: np.nan if name in reasons else value for name, value in values.items()}
