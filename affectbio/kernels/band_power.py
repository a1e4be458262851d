"""Power of EEG bands in windows, the same on a whole recording and on a live stream.

Band-passes are Butterworth filters; by default a causal one runs over the continuous signal, so that a window does not
begin with the filter's start-up. Power is the variance of the filtered signal in a window.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from affectbio.bands import Band, Bands, resolve_bands
from affectbio.errors import SignalQualityError
from affectbio.kernels._backend import in_threads
from affectbio.kernels._band_fft import fft_plan, fft_power
from affectbio.kernels._band_filter import CausalPower, anew_power, group_delay_s, zero_phase_power
from affectbio.kernels._samples import real_channels, real_samples

__all__ = ["BandPowerStream", "band_power", "samples_left_over", "window_starts"]

Method = Literal["causal", "zero-phase", "per-window", "fft"]
Taper = Literal["hann", "boxcar"]

_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float64]

# Where window and step have no common divisor, the sums are many times as large as the signal: block by block.
_BLOCK = 16_384
# Channels that are filtered together.
_TOGETHER = 8


def window_starts(
    n_times: int, sfreq: float, window_s: float = 1.0, step_s: float | None = None
) -> npt.NDArray[np.int64]:
    """Give the first sample of every whole window.

    Parameters
    ----------
    n_times : int
        Samples in the signal.
    sfreq : float
        Sampling rate in Hz.
    window_s : float
        Length of a window in seconds, rounded to samples.
    step_s : float, optional
        Distance between starts in seconds, rounded to samples; the length of a window if not given.

    Returns
    -------
    ndarray, shape (n_windows,)
        Sample indices. How many samples after the last whole window belong to none, says `samples_left_over`.

    Raises
    ------
    ValueError
        If a window has fewer than 2 samples, or a step none.

    Examples
    --------
    >>> window_starts(1000, 250, window_s=2, step_s=1)
    array([  0, 250, 500])
    """
    window, step = _samples(sfreq, window_s, step_s)
    return np.arange(0, n_times - window + 1, step)


def samples_left_over(n_times: int, sfreq: float, window_s: float = 1.0, step_s: float | None = None) -> int:
    """Count the samples after the last whole window, which no window holds.

    Parameters
    ----------
    n_times, sfreq, window_s, step_s
        As for `window_starts`.

    Returns
    -------
    int
        All samples where the signal is shorter than a window.

    Raises
    ------
    ValueError
        As for `window_starts`.

    Examples
    --------
    >>> samples_left_over(1030, 250, window_s=2, step_s=1)
    30
    """
    window, step = _samples(sfreq, window_s, step_s)
    return _left_over(n_times, window, step)


def band_power(
    x: npt.ArrayLike,
    sfreq: float,
    bands: Bands = "eeg",
    window_s: float = 1.0,
    step_s: float | None = None,
    *,
    method: Method = "causal",
    order: int = 4,
    ddof: int = 1,
    taper: Taper = "hann",
    n_jobs: int = 1,
) -> npt.NDArray[Any]:
    """Compute the power of every band in every window.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal; in volts for EEG. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    window_s : float
        Length of a window in seconds.
    step_s : float, optional
        Distance between the starts of windows in seconds; the length of a window if not given.
    method : {"causal", "zero-phase", "per-window", "fft"}
        "causal": the variance in the window of the continuous signal behind a causal filter, which begins at rest on
        its first sample. "zero-phase": behind a filter that runs forward and backward, as `scipy.signal.sosfiltfilt`
        does; it looks ahead, so that no stream can give the same numbers. "per-window": the window is filtered by
        itself from zero, as published recipes do; it holds the filter's start-up, and the electrode's offset rings.
        "fft": the one-sided periodogram of the window, its mean taken off, summed over l_freq <= f < h_freq.
    order : int
        Order of the Butterworth prototype; the band-pass has twice as many poles. Not used by "fft".
    ddof : {0, 1}
        The variance divides by the samples of a window less this. Not used by "fft".
    taper : {"hann", "boxcar"}
        Taper of the window before its transform, periodic. Used by "fft" alone.
    n_jobs : int
        Threads over groups of channels; -1 for as many as there are processors.

    Returns
    -------
    ndarray, shape (..., n_windows, n_bands)
        In the unit of x, squared; float32 for float32 input, else float64, computed in double precision. NaN where a
        window holds a lost sample, or nothing but repetitions of the sample before it.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than a window, or too short for a zero-phase filter.
    ValueError
        If bands, windows, switches or the array make no sense.

    See Also
    --------
    BandPowerStream : The same numbers from chunks.
    samples_left_over : How many samples after the last whole window belong to none.

    Notes
    -----
    Time O(n_chans · n_bands · n_times · order), with "fft" O(n_chans · n_windows · window · log window). The filter
    delays; see `BandPowerStream.group_delay_s`.

    Examples
    --------
    A 10 Hz sine of amplitude 1 has a power of ½, all of it in the alpha band:

    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> np.round(band_power(sine, 128, {"theta": (4, 8), "alpha": (8, 14)}, method="fft", taper="boxcar")[5], 3)
    array([0. , 0.5])
    """
    samples = real_channels(x)
    power = power_of(samples, sfreq, bands, window_s, step_s, method, order, ddof, taper, n_jobs)
    return power.astype(samples.dtype, copy=False)


class BandPowerStream:
    """Power of bands in a stream, chunk by chunk; equal to `band_power` to the last bit.

    Parameters
    ----------
    n_chans : int
        Channels of the stream.
    sfreq, bands, window_s, step_s
        As for `band_power`.
    method : {"causal", "per-window", "fft"}
        As for `band_power`; "zero-phase" looks ahead.
    order, ddof, taper
        As for `band_power`.

    Attributes
    ----------
    bands : tuple of Band
        The bands, in the order of the last axis of what `push` gives.
    window, step : int
        Length of a window and distance between starts, in samples.

    Raises
    ------
    ValueError
        If bands, windows or switches make no sense.

    Notes
    -----
    With "causal" a push costs O(n_chans · n_bands · n_new · order) and, per window it completes,
    O(n_chans · n_bands · window / hop), where a hop is the greatest common divisor of window and step. The other
    methods hold the samples of a window, and each window it completes costs as in `band_power`. Memory does not grow
    with the stream.

    Examples
    --------
    >>> import numpy as np
    >>> eeg = np.random.default_rng(0).standard_normal((2, 1000))
    >>> live = BandPowerStream(2, 250, window_s=1, step_s=0.5)
    >>> parts = [live.push(chunk) for chunk in np.split(eeg, [7, 400, 401], axis=1)]
    >>> np.array_equal(np.concatenate(parts, axis=1), band_power(eeg, 250, window_s=1, step_s=0.5))
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
        method: Method = "causal",
        order: int = 4,
        ddof: int = 1,
        taper: Taper = "hann",
    ) -> None:
        if n_chans < 1:
            raise ValueError(f"expected at least one channel, found n_chans={n_chans}")
        if method == "zero-phase":
            raise ValueError("a zero-phase filter looks ahead, which no stream can; use method='causal' or 'fft'")
        _check(method, order, ddof, taper)
        self.n_chans, self.sfreq, self.order, self.method = n_chans, float(sfreq), order, method
        self.bands: tuple[Band, ...] = resolve_bands(bands, sfreq)
        self.window, self.step = _samples(sfreq, window_s, step_s)
        self._measure: CausalPower | _PerWindow
        if method == "causal":
            self._measure = CausalPower(n_chans, self.sfreq, self.bands, order, self.window, self.step, ddof)
        else:
            measure = _window_by_window(method, self.sfreq, self.bands, order, self.window, self.step, ddof, taper)
            self._measure = _PerWindow(n_chans, self.window, self.step, len(self.bands), measure)
        self._n_seen = 0

    def reset(self) -> None:
        """Forget the past: the next chunk starts a new signal."""
        self._measure.reset()
        self._n_seen = 0

    @property
    def group_delay_s(self) -> npt.NDArray[np.float64]:
        """Delay of the filter at each band's centre in seconds, shape (n_bands,): power is of so much earlier.

        Zero for method "fft".
        """
        if self.method == "fft":
            return np.zeros(len(self.bands))
        return group_delay_s(self.bands, self.sfreq, self.order)

    @property
    def n_pending(self) -> int:
        """Samples since the end of the last window: what no window would hold if the stream ended now."""
        return _left_over(self._n_seen, self.window, self.step)

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
        x = real_samples(chunk)
        return self._power(x).astype(x.dtype, copy=False)

    def _power(self, x: _Array) -> _Floats:
        """Give the power in the windows that samples complete, in double precision."""
        if x.ndim != 2 or x.shape[0] != self.n_chans:
            raise ValueError(f"expected a chunk of shape ({self.n_chans}, n_new), found {x.shape}")
        self._n_seen += x.shape[1]
        return self._measure.push(x)


class _PerWindow:
    """Windows cut from a stream, each measured by itself."""

    def __init__(
        self, n_chans: int, window: int, step: int, n_bands: int, measure: Callable[[_Array], _Floats]
    ) -> None:
        self.n_chans, self.window, self.step, self.n_bands, self.measure = n_chans, window, step, n_bands, measure
        self.reset()

    def reset(self) -> None:
        self.held: _Array = np.empty((self.n_chans, 0), np.float32)
        # Samples still to pass before the first of the next window.
        self.skip = 0

    def push(self, x: _Array) -> _Floats:
        passed = min(self.skip, x.shape[1])
        self.skip -= passed
        x = np.concatenate([self.held, x[:, passed:]], axis=1)
        n_windows = max(0, (x.shape[1] - self.window) // self.step + 1)
        power = self.measure(x) if n_windows else np.empty((self.n_chans, 0, self.n_bands))
        following = n_windows * self.step
        self.skip += max(0, following - x.shape[1])
        self.held = x[:, following:].copy()
        return power


def power_of(
    samples: _Array,
    sfreq: float,
    bands: Bands,
    window_s: float,
    step_s: float | None,
    method: Method,
    order: int,
    ddof: int,
    taper: Taper,
    n_jobs: int,
) -> _Floats:
    """Compute `band_power` of what `real_channels` gave, in double precision."""
    _check(method, order, ddof, taper)
    resolved = resolve_bands(bands, sfreq)
    window, step = _samples(sfreq, window_s, step_s)
    flat = samples.reshape(math.prod(samples.shape[:-1]), samples.shape[-1])
    n_chans, n_times = flat.shape
    if n_times < window:
        raise SignalQualityError(
            f"a window of {window_s:g} s is {window} samples at {sfreq:g} Hz, but the last axis of x, shape "
            f"{samples.shape}, holds {n_times}; give a longer signal or a shorter window_s"
        )
    power = np.empty((n_chans, (n_times - window) // step + 1, len(resolved)))

    def filter_on(a: int, b: int) -> None:
        CausalPower(b - a, float(sfreq), resolved, order, window, step, ddof).run(flat[a:b], _BLOCK, power[a:b])

    def measure_windows(a: int, b: int) -> None:
        power[a:b] = measure(flat[a:b])

    work = filter_on
    if method != "causal":
        measure = _window_by_window(method, float(sfreq), resolved, order, window, step, ddof, taper)
        work = measure_windows
    in_threads(work, n_chans, n_jobs, multiple=_TOGETHER)
    return power.reshape(*samples.shape[:-1], *power.shape[1:])


def _window_by_window(
    method: Method,
    sfreq: float,
    bands: tuple[Band, ...],
    order: int,
    window: int,
    step: int,
    ddof: int,
    taper: Taper,
) -> Callable[[_Array], _Floats]:
    if method == "fft":
        plan = fft_plan(bands, sfreq, window, taper)
        # Not a closure: a stream can be pickled.
        return partial(fft_power, plan=plan, step=step)
    anew_or_zero_phase = anew_power if method == "per-window" else zero_phase_power
    return partial(anew_or_zero_phase, sfreq=sfreq, bands=bands, order=order, window=window, step=step, ddof=ddof)


def _check(method: Method, order: int, ddof: int, taper: Taper) -> None:
    if method not in ("causal", "zero-phase", "per-window", "fft"):
        raise ValueError(f"method is 'causal', 'zero-phase', 'per-window' or 'fft'; found {method!r}")
    if not isinstance(order, int | np.integer) or order < 1:
        raise ValueError(f"a filter has a whole order of at least 1; found {order}")
    if ddof not in (0, 1):
        raise ValueError(f"ddof is 1 for the unbiased variance or 0 for the biased one; found {ddof}")
    if taper not in ("hann", "boxcar"):
        raise ValueError(f"taper is 'hann' or 'boxcar'; found {taper!r}")


def _left_over(n_times: int, window: int, step: int) -> int:
    return n_times if n_times < window else (n_times - window) % step


def _samples(sfreq: float, window_s: float, step_s: float | None) -> tuple[int, int]:
    step_s = window_s if step_s is None else step_s
    if not (math.isfinite(window_s * sfreq) and math.isfinite(step_s * sfreq)):
        raise ValueError(f"expected lengths in seconds; found a window of {window_s} s every {step_s} s at {sfreq} Hz")
    window, step = round(window_s * sfreq), round(step_s * sfreq)
    if window < 2 or step < 1:
        raise ValueError(
            f"a window of {window_s:g} s every {step_s:g} s at {sfreq:g} Hz is {window} samples every {step}; "
            f"a variance needs at least 2, and a step at least 1"
        )
    return window, step
