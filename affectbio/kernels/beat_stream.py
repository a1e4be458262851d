"""Heart beats as they come: the two moving averages of `peaks` on a stream, with a bounded delay and constant memory.

Elgendi's method (PLoS ONE 8(9):e73557 and 8(10):e76585, 2013) looks no farther ahead than half a beat, so that all that
keeps it from a live stream is its filter, which there runs both ways. Here the filter runs forward, and says only where
a beat is; its exact place in an ECG is then taken from a symmetric filter over the samples around it.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.kernels._bodily import butterworth, checked_signal
from affectbio.kernels.peaks import REFRACTORY_S, Kind, checked_method, vertex, window_means

__all__ = ["BeatStream", "Beats"]

_Floats = npt.NDArray[np.float64]

# How long the typical power of a beat is looked back for, how often, and from what on there is one.
_LEVEL_S, _LEVEL_STEP_S, _START_S = 10.0, 0.25, 2.0

# The symmetric filter's impulse response has fallen to 1 % there.
_RESPONSE_S = 0.2

# The foot of a pulse is looked for so far back from its peak, in the signal smoothed below 6 Hz by a filter this long.
_FOOT_S, _SMOOTH_HZ, _SMOOTH_S = 0.5, 6.0, 0.1

# What of a beat is compared with the beats before: in an ECG the QRS complex and most of T, in a PPG most of the wave.
_SHAPE_S = 0.25

# A template is the mean of this many beats at most, of the last 10 s.
_TEMPLATE_BEATS, _TEMPLATE_S = 10, 10.0

# A beat's vote, -1 to 1, says how much more of it is on one side. So many votes turn the lead over: ectopic beats, of
# which much is on either side, do not.
_VOTES = 3.0


class Beats(NamedTuple):
    """What `BeatStream.push` gives.

    Attributes
    ----------
    samples : ndarray of int64, shape (n_beats,)
        Index of each beat's sample, counted from the first sample of the stream.
    times_s : ndarray, shape (n_beats,)
        Seconds from the first sample, finer than a sample.
    quality : ndarray, shape (n_beats,)
        Correlation of each with the mean of those before: 1 for all alike, 0 for none or a negative one; NaN where it
        cannot be said.
    """

    samples: npt.NDArray[np.int64]
    times_s: _Floats
    quality: _Floats


class _Beat(NamedTuple):
    sample: int
    time_s: float
    height: float


class BeatStream:
    """Find beats in an ECG or a PPG while it is recorded.

    Parameters
    ----------
    sfreq : float
        Sampling rate in Hz, at least 50 for ECG and 20 for PPG.
    kind : {"ecg", "ppg", "ppg_foot"}
        Which of the two it is, the ECG either way up; "ppg_foot" for the lowest point before each systolic rise, the
        sharper mark of a pulse at the wrist (see `find_beats`).

    Attributes
    ----------
    latency_s : float
        A beat has been given when this time has passed since its peak; most are after half of it. Only those of the
        first 2 s of the stream may take longer, until these have passed.

    Raises
    ------
    ValueError
        If the rate or the kind makes no sense.

    See Also
    --------
    find_beats : The same on a recording, with a filter that runs both ways.

    Notes
    -----
    A stream cut into chunks gives the very beats, times and qualities, bit for bit, of all of it pushed at once.

    NaN and inf mark lost samples. The signal is held while they last and goes on from there after them, so that no step
    rings in the filter; no beat lies on a lost sample, nor on a flat line, and a beat with one in it has no quality.

    Quality is `beat_quality` seen from the beat: the template is the mean of up to 10 beats *before*, each brought to
    unit variance, in the last 10 s, and there must be 3.

    Time is O(n_new · log(beat length)) for a chunk, however long the stream runs, and at 360 Hz some 0.1 ms for
    a tenth of a second; memory is a few seconds of samples.

    Examples
    --------
    >>> import numpy as np
    >>> pulse = np.sin(2 * np.pi * 1.25 * np.arange(1280) / 64)  # 75 beats per minute
    >>> live = BeatStream(64, kind="ppg")
    >>> times_s = [t for first in range(0, 1280, 16) for t in live.push(pulse[first : first + 16]).times_s]
    >>> np.round(np.diff(times_s)[-4:], 2)
    array([0.8, 0.8, 0.8, 0.8])
    """

    def __init__(self, sfreq: float, kind: Kind = "ecg") -> None:
        from scipy.signal import firwin, sosfilt, sosfiltfilt

        method = checked_method(kind, sfreq)
        self.sfreq, self.kind = sfreq, kind
        self._sos = butterworth(method.order, (method.l_freq, method.h_freq), float(sfreq))
        self._state = np.zeros((len(self._sos), 2))
        self._event, self._beat = round(method.event_s * sfreq), round(method.beat_s * sfreq)
        self._beta, self._refractory = method.beta, round(REFRACTORY_S * sfreq)
        # In a PPG the forward filter's peaks lie within a few ms of the symmetric one's, whose response takes seconds.
        self._response = np.ones(1)
        self._delay = self._back = 0
        if kind == "ppg_foot":
            self._back = round(_FOOT_S * sfreq)
            self._response = firwin(2 * round(_SMOOTH_S * sfreq) + 1, _SMOOTH_HZ, fs=sfreq)
        if kind == "ecg":
            half = round(_RESPONSE_S * sfreq)
            impulse = np.zeros(8 * half + 1)
            impulse[4 * half] = 1.0
            self._response = sosfiltfilt(self._sos, impulse, padtype=None)[3 * half : 5 * half + 1]
            energy = sosfilt(self._sos, impulse[4 * half :]) ** 2
            self._delay = round(float((energy * np.arange(len(energy))).sum() / energy.sum()))
        self._ahead = self._beat - self._beat // 2 - 1
        self._step = round(_LEVEL_STEP_S * sfreq)
        self._start = round(_START_S / _LEVEL_STEP_S) * self._step
        self._shape = round(_SHAPE_S * sfreq)
        self.latency_s = (self._refractory + self._back + self._beat + self._delay + self._ahead + 1) / sfreq
        # What is looked back for: from the end of the stream to the first sample of a block and of its response, or to
        # the first of a beat's shape.
        self._memory = round(self.latency_s * sfreq) + self._beat + len(self._response) + self._shape + 2

        self._n_times = 0
        self._held, self._offset, self._was_lost = 0.0, 0.0, True
        # Before the first sample there is a beat's length of lost ones, so that no average is short of samples.
        self._signal, self._filtered, self._power = np.zeros((3, self._beat))
        self._lost = np.ones(self._beat, bool)
        self._first = -self._beat
        self._n_judged = 0
        self._levels: deque[float] = deque(maxlen=round(_LEVEL_S / _LEVEL_STEP_S))
        self._level, self._next_look = np.nan, self._start
        self._open: int | None = None
        self._upright = 0.0
        self._pending: _Beat | None = None
        self._pending_until = 0
        self._given = -self._refractory
        self._shapes: deque[tuple[int, _Floats]] = deque(maxlen=_TEMPLATE_BEATS)

    def push(self, chunk: npt.ArrayLike) -> Beats:
        """Take new samples in and give the beats that have become certain.

        Parameters
        ----------
        chunk : array-like, shape (n_new,)
            New samples, any number of them, in any unit. NaN and inf mark lost samples.

        Returns
        -------
        Beats
            Those whose peak has been passed far enough, in rising order, each once.

        Raises
        ------
        ValueError
            If the chunk is no array of real numbers of one axis.
        """
        self._take(checked_signal(chunk))
        found: list[tuple[_Beat, float]] = []
        n_certain = self._n_times - self._ahead
        if n_certain > self._n_judged and not (np.isnan(self._level) and n_certain < self._start):
            above = self._above(self._n_judged, n_certain)
            for start, stop in self._blocks(above, n_certain):
                if (beat := self._locate(start, stop)) is not None:
                    found.extend(self._follow(beat))
            begun = n_certain if self._open is None else self._open
            # No block that is still to come can hold a higher peak so near.
            if self._pending is not None and begun - self._delay - self._back >= self._pending_until:
                found.extend(self._give())
        self._forget()
        return Beats(
            np.array([beat.sample for beat, _ in found], dtype=np.int64),
            np.array([beat.time_s for beat, _ in found], dtype=np.float64),
            np.array([quality for _, quality in found], dtype=np.float64),
        )

    def _take(self, x: _Floats) -> None:
        """Filter new samples behind the old ones."""
        from scipy.signal import sosfilt

        if len(x) == 0:
            return
        good = np.isfinite(x)
        if good.all() and not self._was_lost:
            signal = x - self._offset
        else:
            signal = np.empty(len(x))
            edges = [0, *(np.flatnonzero(np.diff(good)) + 1), len(x)]
            for start, stop in pairwise(edges):
                if good[start]:
                    if self._was_lost:
                        self._offset = x[start] - self._held
                    signal[start:stop] = x[start:stop] - self._offset
                    self._held = signal[stop - 1]
                else:
                    signal[start:stop] = self._held
                self._was_lost = not good[start]
        self._held = signal[-1]
        filtered, self._state = sosfilt(self._sos, signal, zi=self._state)
        power = filtered**2 if self.kind == "ecg" else np.maximum(filtered, 0.0) ** 2
        self._signal = np.concatenate([self._signal, signal])
        self._filtered = np.concatenate([self._filtered, filtered])
        self._power = np.concatenate([self._power, power])
        self._lost = np.concatenate([self._lost, ~good])
        self._n_times += len(x)

    def _forget(self) -> None:
        """Drop the samples nothing looks back to."""
        first = max(self._first, min(self._n_times - self._memory, self._n_judged - self._beat))
        if first > self._first:
            old = slice(first - self._first, None)
            self._signal, self._filtered = self._signal[old], self._filtered[old]
            self._power, self._lost = self._power[old], self._lost[old]
            self._first = first

    def _above(self, first: int, last: int) -> npt.NDArray[np.bool_]:
        """Say of samples ``first`` up to ``last`` (not included) whether they belong to a beat."""
        over_beat = self._mean(first, last, self._beat)
        over_event = self._mean(first, last, self._event)
        if np.isnan(self._level):
            self._look(over_beat[: self._start : self._step], self._lost[-self._first :][: self._start : self._step])
        offset = np.empty(last - first)
        done = first
        for at in range(self._next_look, last, self._step):
            offset[done - first : at - first] = self._beta * self._level
            self._look(over_beat[at - first : at - first + 1], self._lost[at - self._first : at - self._first + 1])
            done, self._next_look = at, at + self._step
        offset[done - first :] = self._beta * self._level
        self._n_judged = last
        above: npt.NDArray[np.bool_] = over_event > over_beat + offset
        return above

    def _look(self, over_beat: _Floats, lost: npt.NDArray[np.bool_]) -> None:
        """Take a look at the power, which becomes part of its median."""
        self._levels.extend(over_beat[~lost])
        self._level = float(np.median(self._levels)) if self._levels else 0.0

    def _mean(self, first: int, last: int, width: int) -> _Floats:
        """Give the moving average of the power around samples ``first`` up to ``last`` (not included)."""
        begin = first - width // 2 - self._first
        return window_means(self._power[begin : begin + last - first + width - 1], width)

    def _blocks(self, above: npt.NDArray[np.bool_], last: int) -> list[tuple[int, int]]:
        """Give the stretches that have ended; one longer than a beat ends there, as else a block could last forever."""
        edges = np.flatnonzero(np.diff(above, prepend=self._open is not None)) + last - len(above)
        blocks = []
        start = self._open
        for edge in [*edges.tolist(), last]:
            while start is not None and edge - start > self._beat:
                blocks.append((start, start + self._beat))
                start += self._beat
            if edge == last:
                break
            if start is None:
                start = edge
            else:
                blocks.append((start, edge))
                start = None
        self._open = start
        return blocks

    def _locate(self, start: int, stop: int) -> _Beat | None:
        """Find the peak in a block of the filtered signal, if it is one."""
        if stop - start < self._event:
            return None
        begin, end = start - self._delay - self._first, stop - self._delay - self._first
        if self.kind == "ppg":
            y = self._filtered[begin - 1 : end + 1]
        elif self.kind == "ppg_foot":
            end = begin + int(self._filtered[begin:end].argmax()) + 1
            begin = end - self._back
            y = -self._symmetric(begin, end)
        else:
            y = self._symmetric(begin, end)
            high, low = float(y[1:-1].max()), float(y[1:-1].min())
            vote = (high + low) / (high - low) if high > low else 0.0
            self._upright = min(max(self._upright + vote, -_VOTES), _VOTES)
            if self._upright < 0:
                y = -y
        peak = int(y[1:-1].argmax())
        event = self._signal[max(0, begin + peak - self._event // 2) : begin + peak + self._event // 2 + 1]
        if self._lost[begin + peak] or event.max() == event.min():
            return None
        sample = begin + peak + self._first
        return _Beat(sample, (sample + float(vertex(*y[peak : peak + 3]))) / self.sfreq, float(y[peak + 1]))

    def _symmetric(self, begin: int, end: int) -> _Floats:
        """Filter without delay, with one sample more on either side for the parabola."""
        half = len(self._response) // 2
        part = self._signal[begin - half - 1 : end + half + 1]
        return np.convolve(part - part.mean(), self._response, mode="valid")

    def _follow(self, beat: _Beat) -> list[tuple[_Beat, float]]:
        """Take the next peak; give the one before if that is out of its reach."""
        if self._pending is not None and beat.sample < self._pending_until:
            if beat.height > self._pending.height:
                self._pending = beat
            return []
        given = self._give()
        if beat.sample - self._given >= self._refractory:
            self._pending, self._pending_until = beat, beat.sample + self._refractory
        return given

    def _give(self) -> list[tuple[_Beat, float]]:
        if self._pending is None:
            return []
        beat, self._pending = self._pending, None
        self._given = beat.sample
        return [(beat, self._quality(beat.sample))]

    def _quality(self, sample: int) -> float:
        """Compare with the beats before, and become one of them."""
        around = slice(sample - self._shape - self._first, sample + self._shape + 1 - self._first)
        shape = self._signal[around]
        if self._lost[around].any() or shape.max() == shape.min():
            return np.nan
        shape = shape - shape.mean()
        shape = shape / np.sqrt((shape**2).sum())
        recent = [other for at, other in self._shapes if sample - at <= _TEMPLATE_S * self.sfreq]
        self._shapes.append((sample, shape))
        if len(recent) < 3:
            return np.nan
        template = np.sum(recent, axis=0)
        size = np.sqrt((template**2).sum())
        return float(np.clip((template * shape).sum() / max(size, 1e-12), 0.0, 1.0))
