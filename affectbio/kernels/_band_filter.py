"""Power of bands by Butterworth filters: causal over chunks, forward and backward, or anew in every window."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.bands import Band
from affectbio.errors import SignalQualityError
from affectbio.kernels._backend import bodies
from affectbio.kernels._samples import read_only

__all__ = ["CausalPower", "anew_power", "group_delay_s", "zero_phase_power"]

_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float64]

# Numerators of all sections are applied to the signal once for all bands where that costs no precision: what they leave
# of a band's lowest frequency must stay above this share of what they leave of the strongest, or rounding swamps it.
_LEAST_SHARED = 5e-7
# Samples of windows that are filtered anew at a time.
_BLOCK = 1 << 21


class CausalPower:
    """Power of filtered channels, chunk by chunk.

    `push` takes (n_chans, n_new) and gives (n_chans, n_windows, n_bands). With ``at_rest`` the filter begins at rest on
    the first sample of each channel, else on zero.
    """

    def __init__(
        self,
        n_chans: int,
        sfreq: float,
        bands: tuple[Band, ...],
        order: int,
        window: int,
        step: int,
        ddof: int,
        at_rest: bool = True,
    ) -> None:
        self.n_chans, self.window, self.ddof, self.at_rest = n_chans, window, ddof, at_rest
        self._poles, self._gain, self._shared = _design(bands, sfreq, order)
        # Windows are made of hops, the longest stretch that divides both window and step: each sample is added once.
        self.hop = math.gcd(window, step)
        self._k, self._stride = window // self.hop, step // self.hop
        self.reset()

    def reset(self) -> None:
        lanes = bodies("entropy").LANES
        n_bands, n_sections = self._poles.shape[:2]
        n_groups = -(-self.n_chans // lanes)
        width = n_groups * lanes
        # First sample of each channel, and the last one that came, NaN before there was one.
        self._origin = np.zeros(width)
        self._held = np.full(self.n_chans, np.nan)
        self._waiting = self.at_rest
        self._past = np.zeros((n_groups, 4, 2, lanes))
        self._state = np.zeros((n_groups, n_bands, n_sections, 2, lanes))
        self._sums = np.zeros((n_groups, n_bands, 2, lanes))
        self._last = np.full(width, np.nan)
        self._marks = np.zeros((2, width), np.bool_)
        self._phase = 0
        self.hops = _Hops(np.empty((0, 2, n_bands, width)), np.empty((0, 2, width), np.bool_))
        # Hops still to pass before the first hop of the next window.
        self._skip = 0

    def push(self, x: _Array) -> _Floats:
        hops, n_windows = self._advance(x, 0, x.shape[1])
        power = np.empty((self.n_chans, n_windows, len(self._gain)))
        self._measure(hops, n_windows, power, 0)
        return power

    def run(self, x: _Array, block: int, power: _Floats) -> None:
        """Filter a whole signal block by block and write the power of its windows."""
        at = 0
        for begin in range(0, x.shape[1], block):
            at += self._measure(*self._advance(x, begin, min(begin + block, x.shape[1])), power, at)

    def _advance(self, x: _Array, begin: int, end: int) -> tuple[_Hops, int]:
        """Take samples in, and give all hops since the last window, and how many windows they complete."""
        hops = self.hops.followed_by(self._filter(x, begin, end))
        return hops, max(0, (len(hops.sums) - self._skip - self._k) // self._stride + 1)

    def _measure(self, hops: _Hops, n_windows: int, power: _Floats, at: int) -> int:
        """Write the power of windows from window ``at`` on, forget the hops that no other needs, and count windows."""
        if n_windows:
            bodies("entropy").window_variance(
                *hops, self._gain, self._k, self._stride, self._skip, self.window, self.ddof, power, at, n_windows
            )
        following = self._skip + n_windows * self._stride
        used = min(following, len(hops.sums))
        # A copy: a view would keep the hops of a long chunk alive.
        self.hops, self._skip = _Hops(hops.sums[used:].copy(), hops.marks[used:].copy()), following - used
        return n_windows

    def _filter(self, x: _Array, begin: int, end: int) -> _Hops:
        """Run samples ``begin`` to before ``end`` through the filters and give the hops they complete."""
        body = bodies("entropy")
        n_new = end - begin
        n_hops = (self._phase + n_new) // self.hop
        width = len(self._origin)
        hops = _Hops(np.empty((n_hops, 2, len(self._gain), width)), np.empty((n_hops, 2, width), np.bool_))
        if not n_new:
            return hops
        # Whole signals are the rule: whether a sample was lost is asked of the filter, which cannot forget it.
        carried = (self._past, self._state, self._sums, self._last, self._marks)
        before = [part.copy() for part in carried]
        x = read_only(x)
        torn = not (self._begin(x[:, begin]) and self._run(x, begin, end, hops))
        if torn:
            for part, saved in zip(carried, before, strict=True):
                part[:] = saved
            # A lost sample repeats the last one, so that it makes no step.
            x = read_only(np.ascontiguousarray(x[:, begin:end]))
            filled = np.empty(x.shape)
            body.repeat_lost(x, self._held, filled)
            self._begin(filled[:, 0])
            self._held = filled[:, -1].copy()
            filled[np.isnan(self._held)] = 0.0
            self._run(read_only(filled), 0, n_new, hops)
        else:
            self._held = x[:, end - 1].astype(np.float64)
        body.mark_lost(x, n_new, torn, self.hop, self._phase, self._marks, hops.marks)
        self._phase = (self._phase + n_new) % self.hop
        return hops

    def _begin(self, first: _Array) -> bool:
        """Take the first sample of each channel that comes to life as its level, and say whether all have one.

        The electrode's offset is orders above the signal: so the filter starts at rest. A channel of which nothing has
        come yet stays at rest.
        """
        if self._waiting:
            beginning = np.isnan(self._held) & np.isfinite(first)
            self._origin[: self.n_chans][beginning] = first[beginning]
            self._waiting = not (beginning | ~np.isnan(self._held)).all()
        return not self._waiting

    def _run(self, x: _Array, begin: int, end: int, hops: _Hops) -> bool:
        finite: bool = bodies("entropy").band_sums(
            x,
            begin,
            end,
            self._origin,
            self._poles,
            self._shared,
            self._past,
            self._state,
            self._sums,
            self._last,
            self._marks,
            self.hop,
            self._phase,
            *hops,
        )
        return finite


class _Hops(NamedTuple):
    """Sums of the filtered samples, (n_hops, 2, n_bands, width), and marks of the raw ones, (n_hops, 2, width)."""

    sums: _Floats
    marks: npt.NDArray[np.bool_]

    def followed_by(self, later: _Hops) -> _Hops:
        if not len(self.sums):
            return later
        return _Hops(np.concatenate([self.sums, later.sums]), np.concatenate([self.marks, later.marks]))


def anew_power(
    x: _Array, sfreq: float, bands: tuple[Band, ...], order: int, window: int, step: int, ddof: int
) -> _Floats:
    """Filter every window by itself, from zero: (n_chans, n_times) to (n_chans, n_windows, n_bands)."""
    cut = np.lib.stride_tricks.sliding_window_view(x, window, axis=1)[:, ::step]
    n_chans, n_windows = cut.shape[:2]
    power = np.empty((n_chans, n_windows, len(bands)))
    together = max(1, _BLOCK // (n_chans * window))
    for w in range(0, n_windows, together):
        block = np.ascontiguousarray(cut[:, w : w + together]).reshape(-1, window)
        filters = CausalPower(len(block), sfreq, bands, order, window, window, ddof, at_rest=False)
        power[:, w : w + together] = filters.push(block).reshape(n_chans, -1, len(bands))
    return power


def zero_phase_power(
    x: _Array, sfreq: float, bands: tuple[Band, ...], order: int, window: int, step: int, ddof: int
) -> _Floats:
    """Filter forward and backward, which looks ahead: (n_chans, n_times) to (n_chans, n_windows, n_bands)."""
    from scipy.signal import butter, sosfiltfilt

    # What sosfiltfilt puts before and after the signal.
    edge = 3 * (2 * order + 1)
    if x.shape[1] <= edge:
        raise SignalQualityError(
            f"a zero-phase filter of order {order} needs more than {edge} samples; the last axis of x holds "
            f"{x.shape[1]}; give a longer signal or a lower order"
        )
    body = bodies("entropy")
    filled = np.empty(x.shape)
    body.repeat_lost(read_only(x), np.full(len(x), np.nan), filled)
    filled -= filled[:, :1]
    filled[np.isnan(filled[:, 0])] = 0.0
    hop = math.gcd(window, step)
    whole = x.shape[1] // hop * hop
    sums = np.empty((whole // hop, 2, len(bands), len(x)))
    for b, band in enumerate(bands):
        sos = butter(order, (band.l_freq, band.h_freq), btype="bandpass", fs=sfreq, output="sos")
        y = sosfiltfilt(sos, filled, axis=1)[:, :whole].reshape(len(x), -1, hop)
        sums[:, 0, b], sums[:, 1, b] = y.sum(axis=-1).T, np.square(y, out=y).sum(axis=-1).T
    moved = np.diff(filled, axis=1, prepend=filled[:, :1]) != 0
    marks = np.stack([part[:, :whole].reshape(len(x), -1, hop).any(axis=-1).T for part in (~np.isfinite(x), moved)], 1)
    n_windows = (x.shape[1] - window) // step + 1
    power = np.empty((len(x), n_windows, len(bands)))
    k, stride = window // hop, step // hop
    body.window_variance(sums, marks, np.ones(len(bands)), k, stride, 0, window, ddof, power, 0, n_windows)
    return power


def group_delay_s(bands: tuple[Band, ...], sfreq: float, order: int) -> _Floats:
    """Give the delay of the causal filter at the centre of each band, by its change of phase around there."""
    centre = np.array([math.sqrt(band.l_freq * band.h_freq) for band in bands])
    step = 1e-3 * centre
    poles, _, _ = _design(bands, sfreq, order)
    back = np.exp(-2j * np.pi * np.stack([centre - step, centre + step]) / sfreq)[..., np.newaxis]
    response = np.prod((1 - back**2) / (1 - poles[..., 0] * back - poles[..., 1] * back**2), axis=-1)
    delay: _Floats = -np.angle(response[1] / response[0]) / (2 * np.pi * 2 * step)
    return delay


@lru_cache(maxsize=64)
def _design(bands: tuple[Band, ...], sfreq: float, order: int) -> tuple[_Floats, _Floats, npt.NDArray[np.bool_]]:
    """Design Butterworth band-passes: poles of their sections, (n_bands, order, 2), gains, and which share numerators.

    As `scipy.signal.butter` does, whose import would take longer than all the rest of a first call: the prototype's
    poles on the left half of the unit circle, moved to the band and bent by the bilinear transform. A band-pass has as
    many zeros at 0 Hz as at half the rate: a pair for each section, whose numerator is 1 - z⁻².
    """
    prototype = np.exp(1j * np.pi * (0.5 + (np.arange(order) + 0.5) / order))
    poles, gain, shared = [], [], []
    for band in bands:
        # Analogue frequencies over twice the rate, bent so that the edges come to lie where they should.
        low, high = (math.tan(math.pi * f / sfreq) for f in (band.l_freq, band.h_freq))
        narrowed = prototype * (high - low) / 2
        apart = np.sqrt(narrowed**2 - low * high)
        analogue = np.stack([narrowed + apart, narrowed - apart])
        z = (1 + analogue) / (1 - analogue)
        # Two conjugate poles make a section; the two of a real pole of the prototype make one with each other. The
        # mildest come first, and those near 0 Hz and near half the rate by turns: where a band reaches up to there, one
        # takes away what the other makes of it, before rounding can grow.
        first = z[:, : order // 2][:, ::-1].T.ravel()
        second = first.conj()
        if order % 2:
            first, second = np.append(z[0, order // 2], first), np.append(z[1, order // 2], second)
        poles.append(np.stack([(first + second).real, -(first * second).real], axis=-1))
        gain.append(((high - low) ** order / np.prod(1 - analogue)).real)
        # |1 - z⁻²| is 2 sin(2π f / sfreq), and falls again towards half the rate.
        left = min(math.sin(2 * math.pi * f / sfreq) for f in (band.l_freq, band.h_freq)) ** order
        shared.append(order == 4 and left > _LEAST_SHARED)
    return np.stack(poles), np.array(gain), np.array(shared)
