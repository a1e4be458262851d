"""Differential entropy of EEG bands (Duan, Zhu & Lu, NER 2013), the same on a whole recording and on a live stream.

For a Gaussian signal of variance s² it is ½ ln(2πe s²), eq. 1 there. The band is cut out by a causal Butterworth filter
that runs over the continuous signal, so that a window does not begin with the filter's start-up, as it does where each
window is filtered for itself; the variance is unbiased.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.bands import Band, Bands, resolve_bands
from affectbio.errors import SignalQualityError
from affectbio.kernels._samples import real_samples

__all__ = ["DifferentialEntropyStream", "differential_entropy", "window_starts"]

Log = Literal["e", "2"]

_BLOCK = 16_384


def window_starts(n_times: int, sfreq: float, window_s: float, step_s: float) -> npt.NDArray[np.int64]:
    """Give the first sample of every whole window.

    Parameters
    ----------
    n_times : int
        Samples in the signal.
    sfreq : float
        Sampling rate in Hz.
    window_s, step_s : float
        Length of a window and distance between starts in seconds, rounded to samples.

    Returns
    -------
    ndarray, shape (n_windows,)
        Sample indices. Samples after the last whole window belong to none.

    Examples
    --------
    >>> window_starts(1000, 250, window_s=2, step_s=1)
    array([  0, 250, 500])
    """
    window, step = _samples(sfreq, window_s, step_s)
    return np.arange(0, n_times - window + 1, step)


def differential_entropy(
    x: npt.ArrayLike,
    sfreq: float,
    bands: Bands = "eeg",
    window_s: float = 1.0,
    step_s: float | None = None,
    *,
    order: int = 4,
    log: Log = "e",
) -> npt.NDArray[Any]:
    """Compute the differential entropy of every band in every window.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal; in volts for EEG, another unit shifts the result by the logarithm of its scale. NaN and inf mark lost
        samples.
    sfreq : float
        Sampling rate in Hz.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    window_s : float
        Length of a window in seconds.
    step_s : float, optional
        Distance between the starts of windows in seconds; the length of a window if not given.
    order : int
        Order of the Butterworth prototype; the band-pass has twice as many poles.
    log : {"e", "2"}
        Nats or bits.

    Returns
    -------
    ndarray, shape (..., n_windows, n_bands)
        float32 for float32 input, else float64. NaN where a window holds a lost sample, or nothing but repetitions of
        the sample before it.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than a window.
    ValueError
        If bands, windows or the array make no sense.

    See Also
    --------
    DifferentialEntropyStream : The same numbers from chunks.

    Notes
    -----
    Time as of `DifferentialEntropyStream.push`, memory that of a signal of 16 384 samples. The filter delays; see
    `DifferentialEntropyStream.group_delay_s`.

    torcheeg and LibEER filter every window by itself from a cold start with log base 2 and the biased variance.

    Examples
    --------
    A 10 Hz sine of amplitude 1 has a variance of ½, all of it in the alpha band:

    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(128 * 10) / 128)
    >>> de = differential_entropy(sine, 128, bands={"alpha": (8, 14)})
    >>> de.shape
    (10, 1)
    >>> np.round(np.exp(2 * de[5:, 0]) / (2 * np.pi * np.e), 2)
    array([0.5, 0.5, 0.5, 0.5, 0.5])
    """
    samples = real_samples(x)
    flat = samples.reshape(math.prod(samples.shape[:-1]), samples.shape[-1])
    if flat.shape[0] == 0:
        raise ValueError(f"expected at least one channel; found an array of shape {samples.shape}")
    stream = DifferentialEntropyStream(flat.shape[0], sfreq, bands, window_s, step_s, order=order, log=log)
    if flat.shape[1] < stream.window:
        raise SignalQualityError(
            f"a window of {window_s:g} s is {stream.window} samples at {sfreq:g} Hz, but the last axis of x, shape "
            f"{samples.shape}, holds {flat.shape[1]}; give a longer signal or a shorter window_s"
        )
    # Block by block: where window and step have no common divisor, the sums are many times as large as the signal.
    parts = [stream.push(flat[:, first : first + _BLOCK]) for first in range(0, flat.shape[1], _BLOCK)]
    entropy = np.concatenate(parts, axis=1)
    return entropy.reshape(*samples.shape[:-1], *entropy.shape[1:])


class DifferentialEntropyStream:
    """Differential entropy of a stream, chunk by chunk; equal to `differential_entropy` to the last bit.

    Parameters
    ----------
    n_chans : int
        Channels of the stream.
    sfreq, bands, window_s, step_s, order, log
        As for `differential_entropy`.

    Attributes
    ----------
    bands : tuple of Band
        The bands, in the order of the last axis of what `push` gives.
    window, step : int
        Length of a window and distance between starts, in samples.

    Raises
    ------
    ValueError
        If bands or windows make no sense.

    Notes
    -----
    A push costs O(n_chans · n_bands · n_new · order) and, per window it completes, O(n_chans · n_bands · window / hop),
    where a hop is the greatest common divisor of window and step. Memory does not grow with the stream.

    Examples
    --------
    >>> import numpy as np
    >>> eeg = np.random.default_rng(0).standard_normal((2, 1000))
    >>> live = DifferentialEntropyStream(2, 250, window_s=1, step_s=0.5)
    >>> parts = [live.push(chunk) for chunk in np.split(eeg, [7, 400, 401], axis=1)]
    >>> np.array_equal(np.concatenate(parts, axis=1), differential_entropy(eeg, 250, window_s=1, step_s=0.5))
    True
    """

    def __init__(
        self,
        n_chans: int,
        sfreq: float,
        bands: Bands = "eeg",
        window_s: float = 1.0,
        step_s: float | None = None,
        *,
        order: int = 4,
        log: Log = "e",
    ) -> None:
        if n_chans < 1:
            raise ValueError(f"expected at least one channel, found n_chans={n_chans}")
        if log not in ("e", "2"):
            raise ValueError(f"log is 'e' for nats or '2' for bits; found {log!r}")
        if order < 1:
            raise ValueError(f"a filter has an order of at least 1; found {order}")
        self.n_chans, self.sfreq, self.order = n_chans, float(sfreq), order
        self.bands: tuple[Band, ...] = resolve_bands(bands, sfreq)
        self.window, self.step = _samples(sfreq, window_s, window_s if step_s is None else step_s)
        self._unit = 1.0 if log == "e" else 1.0 / math.log(2.0)
        # Windows are made of hops, the longest stretch that divides both window and step: each sample is added once.
        self._hop = math.gcd(self.window, self.step)
        self._poles, self._gain = _design(self.bands, self.sfreq, order)
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next chunk starts a new signal."""
        from affectbio.kernels._jit_entropy import LANES

        n_bands, n_sections = self._poles.shape[:2]
        n_groups = -(-self.n_chans // LANES)
        self._state = np.zeros((n_groups, n_bands, n_sections, 2, LANES))
        self._partial = np.zeros((n_groups, n_bands, 2, LANES))
        self._marks = np.zeros((self.n_chans, 2), np.bool_)
        # First sample of each channel, and the last one that came, NaN before there was one.
        self._origin = np.zeros(n_groups * LANES)
        self._held = np.full(self.n_chans, np.nan)
        self._waiting = True
        self._phase = 0
        self._hops = _Hops(
            np.empty((0, 2, n_bands, n_groups * LANES)),
            np.empty((0, self.n_chans, 2), np.bool_),
        )
        # Hops still to pass before the first hop of the next window.
        self._skip = 0

    @property
    def group_delay_s(self) -> npt.NDArray[np.float64]:
        """Delay of the filter at each band's centre in seconds, shape (n_bands,): entropy is of so much earlier."""
        from scipy.signal import sosfreqz

        centres = np.array([math.sqrt(b.l_freq * b.h_freq) for b in self.bands])
        delays = []
        for poles, centre in zip(self._poles, centres, strict=True):
            step = 1e-3 * centre
            sections = np.column_stack([np.tile([1.0, 0.0, -1.0, 1.0], (len(poles), 1)), -poles])
            _, response = sosfreqz(sections, worN=[centre - step, centre + step], fs=self.sfreq)
            delays.append(-np.angle(response[1] / response[0]) / (2 * np.pi * 2 * step))
        return np.array(delays)

    def push(self, chunk: npt.ArrayLike) -> npt.NDArray[Any]:
        """Take new samples in and give the windows they complete.

        Parameters
        ----------
        chunk : array-like, shape (n_chans, n_new)
            New samples, any number of them. NaN marks a lost sample.

        Returns
        -------
        ndarray, shape (n_chans, n_windows, n_bands)
            Often with no window in it.

        Raises
        ------
        ValueError
            If the chunk has another number of channels.
        """
        from affectbio.kernels import _jit_entropy as jit

        x = real_samples(chunk)
        if x.ndim != 2 or x.shape[0] != self.n_chans:
            raise ValueError(f"expected a chunk of shape ({self.n_chans}, n_new), found {x.shape}")
        hops = self._hops.followed_by(self._filter(x.astype(np.float64, copy=False)))
        k, stride = self.window // self._hop, self.step // self._hop
        n_windows = max(0, (len(hops.sums) - self._skip - k) // stride + 1)
        variance = np.empty((self.n_chans, n_windows, len(self.bands)))
        jit.window_variance(hops.sums, hops.marks, self._gain, k, stride, self._skip, self.window, variance)
        following = self._skip + n_windows * stride
        used = min(following, len(hops.sums))
        # A copy: a view would keep the hops of a long chunk alive.
        self._hops, self._skip = _Hops(hops.sums[used:].copy(), hops.marks[used:].copy()), following - used
        entropy = np.log(2 * np.pi * np.e * variance, out=variance)
        entropy *= 0.5 * self._unit
        return entropy.astype(np.float32) if x.dtype == np.float32 else entropy

    def _filter(self, x: npt.NDArray[np.float64]) -> _Hops:
        """Run new samples through the filters and give the hops they complete."""
        from affectbio.kernels import _jit_entropy as jit

        n_hops = (self._phase + x.shape[1]) // self._hop
        sums = np.empty((n_hops, 2, len(self.bands), len(self._origin)))
        marks = np.empty((n_hops, self.n_chans, 2), np.bool_)
        if not x.shape[1]:
            return _Hops(sums, marks)
        filled, torn = x, jit.any_lost(x)
        if torn:
            # A lost sample repeats the last one, so that it makes no step.
            filled = np.empty_like(x)
            jit.repeat_lost(x, self._held, filled)
        if self._waiting:
            self._begin(filled)
        jit.mark_hops(x, filled, torn, self._held, self._hop, self._phase, self._marks, marks)
        if self._waiting:
            filled[np.isnan(self._held)] = 0.0
        jit.band_sums(filled, self._origin, self._poles, self._state, self._partial, self._hop, self._phase, sums)
        self._phase = (self._phase + x.shape[1]) % self._hop
        return _Hops(sums, marks)

    def _begin(self, filled: npt.NDArray[np.float64]) -> None:
        """Take the first sample of each channel that comes to life as its level.

        The electrode's offset is orders above the signal: so the filter starts at rest. A channel of which nothing has
        come yet stays NaN in ``filled``, and at rest.
        """
        beginning = np.isnan(self._held) & ~np.isnan(filled[:, 0])
        self._origin[: self.n_chans][beginning] = filled[beginning, 0]
        self._waiting = bool(np.isnan(filled[:, 0]).any())


class _Hops(NamedTuple):
    """Sums of the filtered samples, (n_hops, 2, n_bands, n_lanes), and marks of the raw ones, (n_hops, n_chans, 2)."""

    sums: npt.NDArray[np.float64]
    marks: npt.NDArray[np.bool_]

    def followed_by(self, later: _Hops) -> _Hops:
        if not len(self.sums):
            return later
        return _Hops(np.concatenate([self.sums, later.sums]), np.concatenate([self.marks, later.marks]))


def _samples(sfreq: float, window_s: float, step_s: float) -> tuple[int, int]:
    if not (math.isfinite(window_s * sfreq) and math.isfinite(step_s * sfreq)):
        raise ValueError(f"expected lengths in seconds; found a window of {window_s} s every {step_s} s at {sfreq} Hz")
    window, step = round(window_s * sfreq), round(step_s * sfreq)
    if window < 2 or step < 1:
        raise ValueError(
            f"a window of {window_s:g} s every {step_s:g} s at {sfreq:g} Hz is {window} samples every {step}; "
            f"a variance needs at least 2, and a step at least 1"
        )
    return window, step


@lru_cache(maxsize=64)
def _design(
    bands: tuple[Band, ...], sfreq: float, order: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Design Butterworth band-passes: poles of their sections, shape (n_bands, order, 2), and gains, shape (n_bands,).

    A band-pass has as many zeros at 0 Hz as at half the rate: a pair for each section, whose numerator is 1 - z⁻².
    """
    from scipy.signal import butter

    poles, gain = [], []
    for band in bands:
        edges = (band.l_freq, band.h_freq)
        poles.append(-butter(order, edges, btype="bandpass", fs=sfreq, output="sos")[:, 4:])
        gain.append(butter(order, edges, btype="bandpass", fs=sfreq, output="zpk")[2])
    return np.stack(poles), np.array(gain)
