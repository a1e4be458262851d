"""Heart beats in ECG and PPG, how far each can be trusted, and the time a pulse takes to arrive.

Both signals go through the two moving averages of Elgendi: a short one, as wide as the event, stands above a long one,
as wide as a beat, only where there is an event. ECG: Elgendi, PLoS ONE 8(9):e73557, 2013; PPG: Elgendi et al., PLoS ONE
8(10):e76585, 2013. Unlike Pan & Tompkins (1985) it has no thresholds that must learn, so that the first beats of a
recording are as good as the last, and one method serves both signals.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._bodily import butterworth, checked_signal

__all__ = [
    "METHODS",
    "REFRACTORY_S",
    "beat_quality",
    "beat_times",
    "checked_method",
    "find_beats",
    "pulse_arrival",
    "vertex",
    "window_means",
]

Kind = Literal["ecg", "ppg", "ppg_foot"]


class _Method(NamedTuple):
    """What Elgendi found best for one signal: band in Hz, poles, widths in seconds, and the offset's share.

    The sign says which way up an event stands; an ECG may stand either way.
    """

    l_freq: float
    h_freq: float
    order: int
    event_s: float
    beat_s: float
    beta: float
    sign: float = 1.0


METHODS = {
    "ecg": _Method(8.0, 20.0, 3, 0.097, 0.611, 0.08),
    "ppg": _Method(0.5, 8.0, 2, 0.111, 0.667, 0.02),
    "ppg_foot": _Method(0.5, 8.0, 2, 0.111, 0.667, 0.02, -1.0),
}

# No heart beats twice in it (Pan & Tompkins, 1985).
REFRACTORY_S = 0.2

_SHORTEST_S = 2.0


def find_beats(x: npt.ArrayLike, sfreq: float, kind: Kind = "ecg") -> npt.NDArray[np.int64]:
    """Find the R peaks of an ECG, or the systolic peaks or the feet of a PPG.

    Parameters
    ----------
    x : array-like, shape (n_times,)
        One lead of an ECG, either way up, or a PPG that rises with the blood volume; in any unit. NaN and inf mark lost
        samples.
    sfreq : float
        Sampling rate in Hz, at least 50 for ECG and 20 for PPG.
    kind : {"ecg", "ppg", "ppg_foot"}
        Which of the two it is; "ppg_foot" for the lowest point before each systolic rise, see Notes.

    Returns
    -------
    ndarray, shape (n_beats,)
        Sample indices in rising order, each at the extremum of the band-passed signal; see `beat_times` for more than
        the resolution of a sample. None lies on a lost sample.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than 2 s, or all of it is lost.
    ValueError
        If the array, the rate or the kind makes no sense.

    See Also
    --------
    beat_quality : Which of the beats to trust.

    Notes
    -----
    One departure: the offset of the threshold is a share of the *median* of the long moving average, not of the mean of
    the signal's power, which a single pull at an electrode would lift above all beats.

    Whether the peak or the foot of a pulse wave is the sharper, and so the better timed, depends on where it is taken.
    On a finger it was the peak (intervals 4 ms from those of the ECG, those between feet 20 ms), on the wrist the foot
    (Empatica E4, 26 people: 98 % of the device's own intervals met within 50 ms, between peaks 45 %).

    The filter runs both ways over the whole recording; live, see `BeatStream`.

    Examples
    --------
    >>> import numpy as np
    >>> pulse = np.sin(2 * np.pi * 1.25 * np.arange(640) / 64)  # 75 beats per minute, the first peak at 0.2 s
    >>> np.round(np.diff(find_beats(pulse, 64, kind="ppg"))[:6] / 64, 1)
    array([0.8, 0.8, 0.8, 0.8, 0.8, 0.8])
    """
    samples, method = checked_signal(x), checked_method(kind, sfreq)
    y = _band(samples, sfreq, method)
    power = y**2 if kind == "ecg" else np.maximum(y, 0.0) ** 2
    event = round(method.event_s * sfreq)
    over_event, over_beat = (
        window_means(np.pad(power, (width // 2, (width - 1) // 2), mode="symmetric"), width)
        for width in (event, round(method.beat_s * sfreq))
    )
    above = over_event > over_beat + method.beta * np.median(over_beat)
    edges = np.flatnonzero(np.diff(above, prepend=False, append=False))
    blocks = [slice(start, stop) for start, stop in edges.reshape(-1, 2) if stop - start >= event]
    # A lead may be the other way up; most beats decide, so that no ectopic one does.
    if kind == "ecg" and sum(np.sign(y[b].max() + y[b].min()) for b in blocks) < 0:
        y = -y
    peaks = np.array([b.start + y[b].argmax() for b in blocks], dtype=np.int64)
    peaks = _one_per_beat(peaks, y, sfreq)
    return peaks[np.isfinite(samples[peaks])]


def beat_times(x: npt.ArrayLike, beats: npt.ArrayLike, sfreq: float, kind: Kind = "ecg") -> npt.NDArray[np.float64]:
    """Time beats more finely than a sample, by the parabola through each peak and its two neighbours.

    Parameters
    ----------
    x : array-like, shape (n_times,)
        The signal.
    beats : array-like, shape (n_beats,)
        Sample indices from `find_beats` on the same signal.
    sfreq : float
        Sampling rate in Hz.
    kind : {"ecg", "ppg", "ppg_foot"}
        As for `find_beats`.

    Returns
    -------
    ndarray, shape (n_beats,)
        Times in seconds from the first sample, each within half a sample of the index given.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than 2 s, or all of it is lost.
    ValueError
        If an index lies outside the signal, or another argument makes no sense.

    Notes
    -----
    The parabola is laid on the band-passed signal, in which the beats were found: its peak is wide enough to be one.

    Examples
    --------
    >>> import numpy as np
    >>> pulse = np.sin(2 * np.pi * 1.25 * np.arange(640) / 64)
    >>> np.round(np.diff(beat_times(pulse, find_beats(pulse, 64, "ppg"), 64, "ppg"))[2:6], 3)
    array([0.8, 0.8, 0.8, 0.8])
    """
    samples, method = checked_signal(x), checked_method(kind, sfreq)
    at = _indices(beats, len(samples))
    y = _band(samples, sfreq, method)
    inner = np.clip(at, 1, len(y) - 2)
    shift = np.where(inner == at, vertex(y[inner - 1], y[inner], y[inner + 1]), 0.0)
    times: npt.NDArray[np.float64] = (at + shift) / sfreq
    return times


def beat_quality(
    x: npt.ArrayLike, beats: npt.ArrayLike, sfreq: float, window_s: float = 10.0
) -> npt.NDArray[np.float64]:
    """Say how much each beat looks like those around it (template matching; Orphanidou et al., IEEE JBHI 2015).

    Parameters
    ----------
    x : array-like, shape (n_times,)
        The signal, not filtered. NaN and inf mark lost samples.
    beats : array-like, shape (n_beats,)
        Sample indices in rising order, such as from `find_beats`.
    sfreq : float
        Sampling rate in Hz.
    window_s : float
        Length of the stretch around a beat in seconds, whose other beats make up its template.

    Returns
    -------
    ndarray, shape (n_beats,)
        Correlation of the beat, as wide as the median interval, with the mean of the others: 1 for beats all alike, 0
        for none or a negative one. NaN where it cannot be said: the beat is not all inside the signal, holds a lost
        sample or nothing but repetitions, or fewer than 3 others stand around it.

    Raises
    ------
    ValueError
        If the array, the beats or the window make no sense.

    Notes
    -----
    Orphanidou et al. accept 10 s whose mean correlation is above 0.66 (ECG) or 0.86 (PPG). Two departures: each beat is
    brought to unit variance before the mean, so that one large artefact does not become the template, and none is part
    of its own.

    Memory is five times that of n_beats · median interval samples: for a day at 250 Hz 0.9 GB.

    Examples
    --------
    >>> import numpy as np
    >>> pulse = np.sin(2 * np.pi * 1.25 * np.arange(500) / 50)
    >>> pulse[191:230] = np.random.default_rng(0).standard_normal(39)
    >>> np.round(beat_quality(pulse, np.arange(10, 500, 40), 50), 1)
    array([nan,  1.,  1.,  1.,  1.,  0.,  1.,  1.,  1.,  1.,  1.,  1., nan])
    """
    samples = checked_signal(x)
    at = _indices(beats, len(samples))
    if not (math.isfinite(window_s * sfreq) and window_s * sfreq > 0):
        raise ValueError(f"expected a window in seconds and a rate in Hz; found {window_s} s at {sfreq} Hz")
    if len(at) < 4:
        return np.full(len(at), np.nan)
    half = int(np.median(np.diff(at))) // 2
    offsets = np.arange(-half, half + 1)
    shapes = samples[np.clip(at[:, None] + offsets, 0, len(samples) - 1)]
    inside = (at >= half) & (at < len(samples) - half)
    # False also where a sample is NaN.
    whole = inside & (shapes.max(axis=1) > shapes.min(axis=1))
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    size = np.linalg.norm(shapes, axis=1)
    shapes = np.where(whole[:, None], shapes, 0.0) / np.where(whole, size, 1.0)[:, None]

    first = np.searchsorted(at, at - window_s * sfreq / 2)
    last = np.searchsorted(at, at + window_s * sfreq / 2, side="right")
    others = _sums(whole.astype(float), first, last) - whole
    template = _sums(shapes, first, last) - shapes
    correlation = (template * shapes).sum(axis=1)
    correlation /= np.maximum(np.linalg.norm(template - template.mean(axis=1, keepdims=True), axis=1), 1e-12)
    return np.where(whole & (others >= 3), np.clip(correlation, 0.0, 1.0), np.nan)


def pulse_arrival(
    ecg_beats_s: npt.ArrayLike, ppg_beats_s: npt.ArrayLike, longest_s: float = 1.0
) -> npt.NDArray[np.float64]:
    """Measure the time from each R peak to the pulse it sends, both on one clock.

    Parameters
    ----------
    ecg_beats_s, ppg_beats_s : array-like, shapes (n_beats,) and (n_pulses,)
        Times of beats in seconds, rising.
    longest_s : float
        What takes longer is another beat's pulse.

    Returns
    -------
    ndarray, shape (n_beats,)
        Pulse arrival time in seconds; NaN where no pulse comes before the next R peak and within ``longest_s``.

    Raises
    ------
    ValueError
        If times do not rise.

    Notes
    -----
    With pulses from `find_beats` it is the time to the systolic peak; to the foot of the wave, as others measure, it is
    some 0.1 to 0.2 s less. A delay between the two devices is part of it.

    Examples
    --------
    >>> pulse_arrival([0.0, 1.0, 2.0], [0.25, 2.3]).round(2)
    array([0.25,  nan, 0.3 ])
    """
    beats, pulses = _times(ecg_beats_s), _times(ppg_beats_s)
    pulses = np.append(pulses, np.inf)
    following = np.append(beats[1:], np.inf)
    arrival = pulses[np.searchsorted(pulses, beats, side="right")]
    arrival = np.where(arrival < following, arrival, np.inf) - beats
    return np.where(arrival <= longest_s, arrival, np.nan)


def vertex(
    before: npt.NDArray[np.float64], peak: npt.NDArray[np.float64], after: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Give how far from the middle one of three samples side by side the parabola through them has its peak.

    Parameters
    ----------
    before, peak, after : ndarray, shape (...)
        The samples; the middle one is no lower than the others.

    Returns
    -------
    ndarray, shape (...)
        -0.5 to 0.5 samples; 0 where the three are equal.

    Examples
    --------
    >>> import numpy as np
    >>> float(vertex(np.array(0.0), np.array(1.0), np.array(0.5)).round(3))
    0.167
    """
    bend = before - 2 * peak + after
    return np.clip(np.divide(before - after, 2 * bend, out=np.zeros_like(bend), where=bend != 0), -0.5, 0.5)


def window_means(x: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Average over each window of so many samples.

    Parameters
    ----------
    x : ndarray, shape (n_times,)
        No shorter than a window.
    width : int
        Samples in a window.

    Returns
    -------
    ndarray, shape (n_times - width + 1,)
        From the window that begins with the first sample on.

    Notes
    -----
    A running sum would round by what came before: differently where a stream is cut, and after one wrong number far
    above all others to nothing but noise. So sums of 1, 2, 4, … samples are put together, in O(n_times · log(width)).

    Examples
    --------
    >>> import numpy as np
    >>> window_means(np.array([1.0, 2.0, 6.0, 1e30, 3.0, 3.0, 3.0]), 3)
    array([3.00000000e+00, 3.33333333e+29, 3.33333333e+29, 3.33333333e+29,
           3.00000000e+00])
    """
    total = np.zeros(len(x) - width + 1)
    part, done, size = x, 0, 1
    while size <= width:
        if width & size:
            total += part[done : done + len(total)]
            done += size
        part = part[: max(0, len(part) - size)] + part[size:]
        size *= 2
    return total / width


def _one_per_beat(peaks: npt.NDArray[np.int64], y: npt.NDArray[np.float64], sfreq: float) -> npt.NDArray[np.int64]:
    """Keep the higher of peaks too close together for two beats."""
    kept: list[int] = []
    for peak in peaks.tolist():
        if kept and peak - kept[-1] < REFRACTORY_S * sfreq:
            kept[-1] = max(kept[-1], peak, key=lambda i: float(y[i]))
        else:
            kept.append(peak)
    return np.array(kept, dtype=np.int64)


def _sums(x: npt.NDArray[np.float64], first: npt.NDArray[Any], last: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Sum rows ``first`` up to ``last`` (not included) of x, for each pair."""
    running = np.concatenate([np.zeros_like(x[:1]), np.cumsum(x, axis=0)])
    sums: npt.NDArray[np.float64] = running[last] - running[first]
    return sums


def _band(x: npt.NDArray[np.float64], sfreq: float, method: _Method) -> npt.NDArray[np.float64]:
    """Band-pass without delay; a lost sample is first bridged by a straight line, so that it rings in no beat."""
    from scipy.signal import sosfiltfilt

    there = np.isfinite(x)
    if len(x) < _SHORTEST_S * sfreq or not there.any():
        raise SignalQualityError(
            f"expected at least {_SHORTEST_S:g} s of signal to find beats in; found {len(x) / sfreq:g} s, of which "
            f"{there.sum() / sfreq:g} s are not lost"
        )
    filled = x if there.all() else np.interp(np.arange(len(x)), np.flatnonzero(there), x[there])
    sos = butterworth(method.order, (method.l_freq, method.h_freq), float(sfreq))
    # The electrode's offset is orders above the signal.
    y: npt.NDArray[np.float64] = method.sign * sosfiltfilt(sos, filled - np.median(filled))
    return y


def checked_method(kind: str, sfreq: float) -> _Method:
    """Give the method for a signal, or say what is wrong with its rate.

    Parameters
    ----------
    kind : {"ecg", "ppg", "ppg_foot"}
        Which of the two it is.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    tuple
        Band in Hz, poles, widths of event and beat in seconds, and the offset's share.

    Raises
    ------
    ValueError
        If the kind is another, or the band does not fit the rate.

    Examples
    --------
    >>> checked_method("ppg", 64).h_freq
    8.0
    """
    if kind not in METHODS:
        raise ValueError(f"kind is 'ecg', 'ppg' or 'ppg_foot'; found {kind!r}")
    method = METHODS[kind]
    slowest = 2.5 * method.h_freq
    if not (math.isfinite(sfreq) and sfreq >= slowest):
        raise ValueError(f"beats in {kind[:3].upper()} need a sampling rate of at least {slowest:g} Hz; found {sfreq}")
    return method


def _indices(beats: npt.ArrayLike, n_times: int) -> npt.NDArray[np.int64]:
    at = np.asarray(beats)
    if at.size == 0:
        return np.zeros(0, np.int64)
    if at.dtype.kind not in "iu" or at.ndim != 1 or at[0] < 0 or at[-1] >= n_times or (np.diff(at) <= 0).any():
        raise ValueError(
            f"expected rising sample indices from 0 to {n_times - 1}; found {at.dtype}, shape {at.shape}, "
            f"from {at.min()} to {at.max()}"
        )
    return at.astype(np.int64)


def _times(beats_s: npt.ArrayLike) -> npt.NDArray[np.float64]:
    given = np.asarray(beats_s)
    if given.size and given.dtype.kind not in "fiu":
        raise ValueError(f"expected rising times in seconds as real numbers; found {given.dtype}")
    times = given.astype(np.float64)
    if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise ValueError(f"expected rising times in seconds, shape (n_beats,); found shape {times.shape}: {times}")
    return times
