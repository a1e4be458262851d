"""What windows of ECG or PPG say of the heart, each from its own samples alone: beats, their repair, and variability.

The chain is `find_beats`, `beat_times`, `beat_quality`, `correct_ectopic` and the measures of `hrv`; the live form has
`BeatStream` at its head and the same from there on.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._bodily import lost_as_nan
from affectbio.kernels.beat_stream import BeatStream
from affectbio.kernels.ectopic import correct_ectopic
from affectbio.kernels.hrv import LONGEST_RR_S, hrv_frequency, hrv_nonlinear, hrv_time
from affectbio.kernels.peaks import Kind, beat_quality, beat_times, checked_method, find_beats, pulse_arrival

__all__ = [
    "HeartFeatures",
    "HeartStream",
    "PulseArrivalFeatures",
    "beat_features",
    "heart_features",
    "pulse_arrival_features",
]

_Floats = npt.NDArray[np.float64]

# From here on a beat is like its neighbours: what Orphanidou et al. (IEEE JBHI 2015) ask of the mean over 10 s.
_ALIKE = {"ecg": 0.66, "ppg": 0.86, "ppg_foot": 0.86}

# Below the first share of such beats there is no telling heart from noise; above the second share of repaired intervals
# variability is that of the repair.
_LEAST_TRUSTED, _MOST_CORRECTED = 0.5, 0.2

# Fewer pulses have no spread to speak of.
_FEWEST_PULSES = 5


class HeartFeatures(NamedTuple):
    """What `heart_features` gives, one number for each window; NaN where a window is too short or too poor for it.

    Attributes
    ----------
    hr_bpm, mean_rr_ms : ndarray, shape (...)
        60 s by the mean interval, and the mean interval; from 10 s of beats on.
    sdnn_ms, rmssd_ms, pnn50_percent : ndarray, shape (...)
        As in `hrv_time`; from 60, 30 and 60 s on.
    vlf_ms2, lf_ms2, hf_ms2, lf_hf : ndarray, shape (...)
        As in `hrv_frequency`; from 300, 120, 60 and 120 s on.
    sd1_ms, sd2_ms, dfa_alpha1 : ndarray, shape (...)
        As in `hrv_nonlinear`; from 30 and 60 s and 160 intervals on.
    n_beats : ndarray, shape (...)
        Beats found.
    beats_trusted : ndarray, shape (...)
        Share of beats that look like those around them, 0 to 1; NaN where there are too few to say. Below 0.5 all
        measures are NaN.
    intervals_corrected : ndarray, shape (...)
        Share of intervals that were no sinus rhythm's and were repaired, 0 to 1. Above 0.2 all measures but rate and
        mean interval are NaN.
    """

    hr_bpm: _Floats
    mean_rr_ms: _Floats
    sdnn_ms: _Floats
    rmssd_ms: _Floats
    pnn50_percent: _Floats
    vlf_ms2: _Floats
    lf_ms2: _Floats
    hf_ms2: _Floats
    lf_hf: _Floats
    sd1_ms: _Floats
    sd2_ms: _Floats
    dfa_alpha1: _Floats
    n_beats: _Floats
    beats_trusted: _Floats
    intervals_corrected: _Floats


class PulseArrivalFeatures(NamedTuple):
    """What `pulse_arrival_features` gives, one number for each window.

    Attributes
    ----------
    pulse_arrival_ms : ndarray, shape (...)
        Median time from R peak to pulse; NaN for fewer than 5.
    pulse_arrival_sd_ms : ndarray, shape (...)
        Standard deviation (n - 1) of that time; NaN for fewer than 5.
    n_pulses : ndarray, shape (...)
        How many R peaks had a pulse, both trusted.
    """

    pulse_arrival_ms: _Floats
    pulse_arrival_sd_ms: _Floats
    n_pulses: _Floats


def heart_features(x: npt.ArrayLike, sfreq: float, kind: Kind = "ecg") -> HeartFeatures:
    """Measure the heart in each window of ECG or PPG.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Windows of one lead of an ECG, or of a PPG, in any unit. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz, at least 50 for ECG and 20 for PPG.
    kind : {"ecg", "ppg", "ppg_foot"}
        Which of the two it is; "ppg_foot" for a wristband's PPG, see `find_beats`.

    Returns
    -------
    HeartFeatures
        Arrays of shape (...).

    Raises
    ------
    SignalQualityError
        If the windows are shorter than 2 s.
    ValueError
        If the array, the rate or the kind makes no sense.

    Notes
    -----
    Where lost samples make a hole of more than 3 s between beats, the longest stretch without one is measured.

    Time is that of `hrv_frequency`, O(duration²), for windows of many minutes.

    Examples
    --------
    A minute at 72 beats per minute, and a minute of nothing:

    >>> import numpy as np
    >>> pulse = np.exp(8 * np.cos(2 * np.pi * 1.2 * np.arange(3840) / 64))
    >>> measures = heart_features([pulse, 0 * pulse], 64, "ppg")
    >>> measures.hr_bpm.round(1), measures.beats_trusted.round(2)
    (array([72., nan]), array([ 1., nan]))
    """
    windows = _windows(x, sfreq, kind)
    rows = [_of_beats(*_beats(row, sfreq, kind), kind) for row in windows.reshape(-1, windows.shape[-1])]
    values = np.array(rows, dtype=np.float64).reshape(*windows.shape[:-1], len(HeartFeatures._fields))
    return HeartFeatures(*np.moveaxis(values, -1, 0))


def beat_features(times_s: npt.ArrayLike, quality: npt.ArrayLike, kind: Kind = "ecg") -> HeartFeatures:
    """Measure the heart from the beats of one window, found by whatever means.

    Parameters
    ----------
    times_s : array-like, shape (n_beats,)
        Times of beats in seconds, rising, such as from `beat_times` or `BeatStream`.
    quality : array-like, shape (n_beats,)
        How much each looks like those around it, 0 to 1; NaN where it cannot be said.
    kind : {"ecg", "ppg", "ppg_foot"}
        What they were found in: a beat is trusted from 0.66 on in ECG, and from 0.86 on in PPG.

    Returns
    -------
    HeartFeatures
        One number each.

    Raises
    ------
    ValueError
        If times do not rise, the two differ in shape, or the kind is another.

    Examples
    --------
    >>> measures = beat_features([0.8 * k for k in range(100)], [1.0] * 100)
    >>> float(measures.hr_bpm.round(1)), float(measures.rmssd_ms.round(1)), float(measures.lf_ms2)
    (75.0, 0.0, nan)
    """
    times, alike = np.asarray(times_s, dtype=np.float64), np.asarray(quality, dtype=np.float64)
    if kind not in _ALIKE:
        raise ValueError(f"kind is 'ecg', 'ppg' or 'ppg_foot'; found {kind!r}")
    if times.ndim != 1 or times.shape != alike.shape or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError(
            f"expected rising times in seconds and a quality for each, shapes (n_beats,); found {times.shape} and "
            f"{alike.shape}: {times}"
        )
    return HeartFeatures(*np.array(_of_beats(times, alike, kind)))


def pulse_arrival_features(
    ecg: npt.ArrayLike, ppg: npt.ArrayLike, sfreq: float, ppg_sfreq: float | None = None, kind: Kind = "ppg"
) -> PulseArrivalFeatures:
    """Measure in each pair of windows how long the pulse takes to arrive.

    Parameters
    ----------
    ecg : array-like, shape (..., n_times)
        Windows of one lead of an ECG, in any unit. NaN and inf mark lost samples.
    ppg : array-like, shape (..., n_ppg_times)
        Windows of a PPG that begin at the same instants, in any unit.
    sfreq : float
        Sampling rate of the ECG in Hz.
    ppg_sfreq : float, optional
        Sampling rate of the PPG in Hz; that of the ECG if it is not given.
    kind : {"ppg", "ppg_foot"}
        To the systolic peak of the pulse wave, or to its foot, as others measure; take the one that is the sharper in
        this PPG, see `find_beats`.

    Returns
    -------
    PulseArrivalFeatures
        Arrays of shape (...).

    Raises
    ------
    SignalQualityError
        If the windows are shorter than 2 s.
    ValueError
        If shapes do not go together, or another argument makes no sense.

    Notes
    -----
    Only R peaks and pulses that look like those around them count. A delay between the two devices is part of the time,
    so that only its changes mean something across devices.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(2000) / 100
    >>> ecg, ppg = np.exp(300 * (np.cos(2 * np.pi * t) - 1)), np.exp(8 * np.cos(2 * np.pi * (t - 0.3)))
    >>> float(pulse_arrival_features(ecg, ppg, 100).pulse_arrival_ms.round())
    300.0
    """
    if kind not in ("ppg", "ppg_foot"):
        raise ValueError(f"kind is 'ppg' or 'ppg_foot'; found {kind!r}")
    ppg_sfreq = sfreq if ppg_sfreq is None else ppg_sfreq
    hearts, pulses = _windows(ecg, sfreq, "ecg"), _windows(ppg, ppg_sfreq, kind)
    if hearts.shape[:-1] != pulses.shape[:-1]:
        raise ValueError(f"expected as many windows of PPG as of ECG; found shapes {pulses.shape} and {hearts.shape}")
    rows = []
    for heart, pulse in zip(hearts.reshape(-1, hearts.shape[-1]), pulses.reshape(-1, pulses.shape[-1]), strict=True):
        times, quality = _beats(heart, sfreq, "ecg")
        arrivals_s, pulse_quality = _beats(pulse, ppg_sfreq, kind)
        # All beats take part, so that no pulse is given to the beat before one that is not trusted.
        arrival = pulse_arrival(times, arrivals_s)
        there = np.isfinite(arrival) & (quality >= _ALIKE["ecg"])
        which = np.searchsorted(arrivals_s, times[there], side="right")
        ms = 1e3 * arrival[there][pulse_quality[which] >= _ALIKE[kind]]
        enough = len(ms) >= _FEWEST_PULSES
        rows.append([float(np.median(ms)), float(ms.std(ddof=1)), len(ms)] if enough else [np.nan, np.nan, len(ms)])
    values = np.array(rows, dtype=np.float64).reshape(*hearts.shape[:-1], 3)
    return PulseArrivalFeatures(*np.moveaxis(values, -1, 0))


class HeartStream:
    """Measure the heart over the last seconds of a live ECG or PPG.

    Parameters
    ----------
    sfreq : float
        Sampling rate in Hz, at least 50 for ECG and 20 for PPG.
    kind : {"ecg", "ppg", "ppg_foot"}
        As for `BeatStream`.
    window_s : float
        Length of the window in seconds.

    Attributes
    ----------
    latency_s : float
        The window ends so long before the newest sample, so that no beat of it is still to be found.

    Raises
    ------
    ValueError
        If the rate, the kind or the window makes no sense.

    Notes
    -----
    What a push gives depends on the samples so far and not on how they were cut, and is `beat_features` of the beats
    `BeatStream` found in the window. Between two beats it costs nothing but the finding.

    Examples
    --------
    >>> import numpy as np
    >>> pulse = np.exp(8 * np.cos(2 * np.pi * 1.2 * np.arange(3840) / 64))
    >>> live = HeartStream(64, "ppg", window_s=30)
    >>> for first in range(0, 3840, 16):
    ...     measures = live.push(pulse[first : first + 16])
    >>> float(measures.hr_bpm.round(1))
    72.0
    """

    def __init__(self, sfreq: float, kind: Kind = "ecg", window_s: float = 60.0) -> None:
        self._beats = BeatStream(sfreq, kind)
        if not (np.isfinite(window_s) and window_s > 0):
            raise ValueError(f"expected a window in seconds above 0; found {window_s}")
        self.latency_s, self.window_s, self.kind = self._beats.latency_s, window_s, kind
        self._n_times = 0
        self._recent: deque[tuple[float, float]] = deque()
        self._measured: list[tuple[float, float]] | None = None
        self._measures: HeartFeatures

    def push(self, chunk: npt.ArrayLike) -> HeartFeatures:
        """Take new samples in and measure the window that now ends.

        Parameters
        ----------
        chunk : array-like, shape (n_new,)
            New samples, any number of them. NaN and inf mark lost samples.

        Returns
        -------
        HeartFeatures
            One number each.

        Raises
        ------
        ValueError
            If the chunk is no array of real numbers of one axis.
        """
        beats = self._beats.push(chunk)
        self._n_times += np.shape(chunk)[0]
        self._recent.extend(zip(beats.times_s.tolist(), beats.quality.tolist(), strict=True))
        end_s = self._n_times / self._beats.sfreq - self.latency_s
        while self._recent and self._recent[0][0] <= end_s - self.window_s:
            self._recent.popleft()
        inside = [beat for beat in self._recent if beat[0] <= end_s]
        # Tuples with the very same NaN in them are equal.
        if inside != self._measured:
            times, quality = np.array(inside, dtype=np.float64).reshape(-1, 2).T
            self._measured, self._measures = inside, beat_features(times, quality, self.kind)
        return self._measures


def _windows(x: npt.ArrayLike, sfreq: float, kind: Kind) -> _Floats:
    checked_method(kind, sfreq)
    windows = lost_as_nan(x)
    if 0 in windows.shape[:-1]:
        raise ValueError(f"expected windows of shape (..., n_times); found none: shape {windows.shape}")
    if windows.shape[-1] < 2 * sfreq:
        raise SignalQualityError(
            f"expected windows of at least 2 s to find beats in; found {windows.shape[-1] / sfreq:g} s "
            f"(shape {windows.shape} at {sfreq:g} Hz)"
        )
    return windows


def _beats(x: _Floats, sfreq: float, kind: Kind) -> tuple[_Floats, _Floats]:
    """Give the times and qualities of the beats in one window; none where all of it is lost."""
    if not np.isfinite(x).any():
        return np.zeros(0), np.zeros(0)
    at = find_beats(x, sfreq, kind)
    return beat_times(x, at, sfreq, kind), beat_quality(x, at, sfreq)


def _of_beats(times: _Floats, quality: _Floats, kind: Kind) -> list[float]:
    """Give the values of `HeartFeatures` in their order."""
    known = quality[np.isfinite(quality)]
    trusted = float((known >= _ALIKE[kind]).mean()) if len(known) else np.nan
    values = dict.fromkeys(HeartFeatures._fields, np.nan)
    values.update(n_beats=len(times), beats_trusted=trusted)
    rr = _longest_stretch(np.diff(times))
    if len(rr) and trusted >= _LEAST_TRUSTED:
        try:
            repaired = correct_ectopic(rr)
        except ValueError:
            # None is normal: there is no rhythm to go by.
            values["intervals_corrected"] = 1.0
            return list(values.values())
        values["intervals_corrected"] = repaired.share
        in_time = hrv_time(repaired.rr)
        values.update(hr_bpm=in_time.mean_hr_bpm, mean_rr_ms=in_time.mean_rr_ms)
        if repaired.share <= _MOST_CORRECTED:
            for measures in (in_time, hrv_frequency(repaired.rr), hrv_nonlinear(repaired.rr)):
                values.update((name, value) for name, value in measures._asdict().items() if name in values)
    return list(values.values())


def _longest_stretch(rr: _Floats) -> _Floats:
    """Give the intervals between two holes, or an end and a hole, that last longest together."""
    holes = np.flatnonzero(rr > LONGEST_RR_S)
    stretches = np.split(rr, np.unique([holes, holes + 1])) if len(holes) else [rr]
    return max((s for s in stretches if not (s > LONGEST_RR_S).any()), key=np.sum, default=rr[:0])
