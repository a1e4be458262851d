"""Continuous wavelet transforms, analytic Morlet and generalised Morse: in full, as power, and straight to a picture.

The Morlet wavelet at a frequency f is a Gaussian around it, ψ̂(ν) = exp(-(ν - f)² / 2s²) - exp(-(ν² + f²) / 2s²) with
s = f / n_cycles for 0 < ν < sfreq / 2 and nothing elsewhere (Torrence & Compo, Bull. Am. Meteorol. Soc. 79:61, 1998,
table 1, with the width counted in cycles). The second term, which makes it zero at 0 Hz, matters below 4 cycles only.
In time its envelope has the standard deviation n_cycles / (2π f). A Morse wavelet (Olhede & Walden, IEEE Trans. Signal
Process. 50:2661, 2002) is ψ̂(ω) ∝ ω^β exp(-ω^γ), stretched to have its peak at f.

From 0.475 sfreq on every wavelet falls linearly to zero at half the sampling rate: cut off there, it would ring. Beyond
its ends a signal is taken to stay at its mean, so that an electrode's offset makes no step there.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._backend import bodies, in_threads
from affectbio.kernels._samples import read_only, real_channels
from affectbio.kernels._wavelet_plan import Freqs, Morlet, Morse, Norm, Wavelet, frequency_grid, plan

__all__ = [
    "Morse",
    "cone_of_influence",
    "morlet_power",
    "morlet_transform",
    "morse_power",
    "morse_transform",
    "scalogram",
]

Log = Literal["e", "10"]
Array = npt.NDArray[Any]

_MORSE = Morse()


def morlet_transform(
    x: npt.ArrayLike, sfreq: float, freqs: Freqs, *, n_cycles: float = 6.0, norm: Norm = "l1"
) -> npt.NDArray[Any]:
    """Transform a signal with the analytic Morlet wavelet.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal, in any unit.
    sfreq : float
        Sampling rate in Hz.
    freqs : tuple (l_freq, h_freq, n_freqs) or array-like, shape (n_freqs,)
        Frequencies in Hz: a tuple is a grid of equal ratios from the first to the last, both included; a list or an
        array is taken as it is.
    n_cycles : float
        Width of the wavelet: the envelope's standard deviation in time is n_cycles / (2π f).
    norm : {"l1", "l2"}
        With "l1" a sine of amplitude A has ``|W| = A`` at its frequency. With "l2" every wavelet has the energy
        ∫|ψ(t)|² dt = 1, and white noise of variance v has a mean ``|W|²`` of v / sfreq, its two-sided density.

    Returns
    -------
    ndarray, shape (..., n_freqs, n_times)
        complex64 for float32 input, else complex128; in the unit of x, times √s with "l2".

    Raises
    ------
    SignalQualityError
        If a sample is lost (NaN, inf), or the signal is shorter than a period of the lowest frequency.
    ValueError
        If frequencies, width or the array make no sense.

    See Also
    --------
    morlet_power : Its squared magnitude, several times faster.
    morse_transform : The same with a generalised Morse wavelet.
    scalogram : Its squared magnitude as a small picture, faster still.

    Examples
    --------
    >>> import numpy as np
    >>> sine = 3 * np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> np.abs(morlet_transform(sine, 128, [10, 40])[:, 640]).round(3) + 0
    array([3., 0.])
    """
    return _transform(x, sfreq, freqs, Morlet(n_cycles), norm)


def morlet_power(
    x: npt.ArrayLike,
    sfreq: float,
    freqs: Freqs,
    *,
    n_cycles: float = 6.0,
    norm: Norm = "l1",
    out: npt.NDArray[Any] | None = None,
    n_jobs: int = 1,
) -> npt.NDArray[Any]:
    """Compute the power ``|W|²`` of the analytic Morlet transform at every sample.

    Parameters
    ----------
    x, sfreq, freqs, n_cycles, norm
        As for `morlet_transform`.
    out : ndarray, shape (..., n_freqs, n_times), optional
        Where to write: C-contiguous, of the type of the result.
    n_jobs : int
        Threads among which channels are dealt out, 8 at a time; -1 for one per processor.

    Returns
    -------
    ndarray, shape (..., n_freqs, n_times)
        float32 for float32 input, else float64; `out` if given. In the unit of x, squared, times s with "l2". A sine of
        amplitude A has A² at its frequency with "l1".

    Raises
    ------
    SignalQualityError
        As for `morlet_transform`.
    ValueError
        As for `morlet_transform`, or if `out` does not fit or shares memory with x.

    Notes
    -----
    Each frequency is computed as finely in time as its band is wide and interpolated from there, to within 1e-3 of the
    power (root mean square over time); for more, square `morlet_transform`, which computes every sample. Time
    O(n_chans · n_freqs · n_times · log n_times), memory beside the result that of some channels.

    Examples
    --------
    >>> import numpy as np
    >>> sine = 3 * np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> morlet_power(sine, 128, [10, 40])[:, 640].round(3)
    array([9., 0.])
    """
    return _power(x, sfreq, freqs, Morlet(n_cycles), norm, out, n_jobs)


def morse_transform(
    x: npt.ArrayLike, sfreq: float, freqs: Freqs, *, wavelet: Morse = _MORSE, norm: Norm = "l1"
) -> npt.NDArray[Any]:
    """Transform a signal with a generalised Morse wavelet.

    Parameters
    ----------
    x, sfreq, freqs
        As for `morlet_transform`.
    wavelet : Morse
        Shape and width.
    norm : {"l1", "l2"}
        As for `morlet_transform`.

    Returns
    -------
    ndarray, shape (..., n_freqs, n_times)
        As of `morlet_transform`.

    Raises
    ------
    SignalQualityError
        As for `morlet_transform`.
    ValueError
        As for `morlet_transform`.

    See Also
    --------
    morse_power : Its squared magnitude, several times faster.

    Examples
    --------
    >>> import numpy as np
    >>> sine = 3 * np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> np.abs(morse_transform(sine, 128, [10, 40], wavelet=Morse(gamma=3, beta=12))[:, 640]).round(3) + 0
    array([3., 0.])
    """
    return _transform(x, sfreq, freqs, wavelet, norm)


def morse_power(
    x: npt.ArrayLike,
    sfreq: float,
    freqs: Freqs,
    *,
    wavelet: Morse = _MORSE,
    norm: Norm = "l1",
    out: npt.NDArray[Any] | None = None,
    n_jobs: int = 1,
) -> npt.NDArray[Any]:
    """Compute the power ``|W|²`` of a generalised Morse transform at every sample.

    Parameters
    ----------
    x, sfreq, freqs
        As for `morlet_transform`.
    wavelet : Morse
        Shape and width.
    norm : {"l1", "l2"}
        As for `morlet_transform`.
    out : ndarray, shape (..., n_freqs, n_times), optional
        Where to write: C-contiguous, of the type of the result.
    n_jobs : int
        As for `morlet_power`.

    Returns
    -------
    ndarray, shape (..., n_freqs, n_times)
        As of `morlet_power`.

    Raises
    ------
    SignalQualityError
        As for `morlet_transform`.
    ValueError
        As for `morlet_power`.

    Notes
    -----
    Precision, time and memory are those of `morlet_power`.

    Examples
    --------
    >>> import numpy as np
    >>> sine = 3 * np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> morse_power(sine, 128, [10, 40])[:, 640].round(3)
    array([9., 0.])
    """
    return _power(x, sfreq, freqs, wavelet, norm, out, n_jobs)


def scalogram(
    x: npt.ArrayLike,
    sfreq: float,
    freqs: Freqs = (1.0, 50.0, 64),
    n_times: int = 64,
    *,
    n_cycles: float = 6.0,
    wavelet: Morse | None = None,
    norm: Norm = "l1",
    log: Log | None = None,
    out: npt.NDArray[np.float32] | None = None,
    n_jobs: int = 1,
) -> npt.NDArray[np.float32]:
    """Compute a picture of power over frequency and time: the mean of `morlet_power` over each stretch of time.

    Each frequency is computed only as finely in time as its band is wide, and from there averaged into the cells of the
    picture, to within 1e-3 of the power; the transform in full never exists. (Root mean square over time, at every
    frequency of noise that is white or falls as 1/f²: 2e-4. Beside a sine ten times as strong: 3e-3.)

    Parameters
    ----------
    x, sfreq, freqs
        As for `morlet_transform`.
    n_times : int
        Cells of the picture in time, at most as many as x has samples. Cell j holds the samples from
        ⌈j n / n_times⌉ to before ⌈(j + 1) n / n_times⌉, of n.
    n_cycles : float
        Width of the Morlet wavelet, as for `morlet_transform`.
    wavelet : Morse, optional
        A generalised Morse wavelet in place of it.
    norm : {"l1", "l2"}
        As for `morlet_transform`.
    log : {"e", "10"}, optional
        Give the logarithm of power to this base; nothing is taken to be below the least normal float32, 1.2e-38. NaN
        for a constant channel, which has no power but what rounding leaves.
    out : ndarray of float32, shape (..., n_freqs, n_times), optional
        Where to write, C-contiguous: one item of a batch, for example.
    n_jobs : int
        As for `morlet_power`.

    Returns
    -------
    ndarray of float32, shape (..., n_freqs, n_times)
        The picture, computed in single precision; `out` if given. Its first row is the first frequency.

    Raises
    ------
    SignalQualityError
        As for `morlet_transform`, or if x has fewer samples than the picture has cells.
    ValueError
        As for `morlet_transform`, or if `out` does not fit or shares memory with x.

    Examples
    --------
    >>> import numpy as np
    >>> sine = 3 * np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> picture = scalogram(sine, 128, [10, 40], 5)
    >>> picture[:, 1:4].round(2) + 0
    array([[9., 9., 9.],
           [0., 0., 0.]], dtype=float32)
    """
    if log not in (None, "e", "10"):
        raise ValueError(f"log is 'e' or '10' for a logarithm, or None for power as it is; found {log!r}")
    if n_times < 1 or n_times % 1:  # of inf and NaN the rest is NaN
        raise ValueError(f"a picture has at least one cell in time; found n_times={n_times}")
    samples, grid = _checked(x, sfreq, freqs)
    if samples.shape[-1] < n_times:
        raise SignalQualityError(
            f"a picture of {n_times} cells in time needs as many samples, but the last axis of x, shape "
            f"{samples.shape}, holds {samples.shape[-1]}; give a longer signal or a smaller n_times"
        )
    single = np.dtype(np.float32)
    picture = _output(out, (*samples.shape[:-1], len(grid), int(n_times)), single, samples)
    chosen = Morlet(n_cycles) if wavelet is None else wavelet
    mean, still = _mean(samples), (samples == samples[..., :1]).all(axis=-1)
    if samples.dtype != single:
        # In this order: an electrode's offset would leave single precision little room for the signal.
        samples, mean = (samples - mean).astype(single), np.zeros_like(mean, single)
    _fill(samples, mean, float(sfreq), grid, chosen, norm, picture, n_jobs)
    if log is not None:
        np.maximum(picture, np.finfo(np.float32).tiny, out=picture)
        (np.log if log == "e" else np.log10)(picture, out=picture)
        picture[still] = np.nan
    return picture


def cone_of_influence(
    sfreq: float, freqs: Freqs, n_times: int, n_cycles: float = 6.0, *, wavelet: Morse | None = None
) -> npt.NDArray[np.int64]:
    """Give how many samples at each end are touched by the end itself, per frequency.

    Parameters
    ----------
    sfreq : float
        Sampling rate in Hz.
    freqs : tuple (l_freq, h_freq, n_freqs) or array-like, shape (n_freqs,)
        Frequencies in Hz, as for `morlet_transform`.
    n_times : int
        Samples in the signal.
    n_cycles : float
        Width of the Morlet wavelet, as for `morlet_transform`.
    wavelet : Morse, optional
        A generalised Morse wavelet in place of it.

    Returns
    -------
    ndarray of int, shape (n_freqs,)
        Samples at each end, at most `n_times`.

    Raises
    ------
    ValueError
        If frequencies or width make no sense.

    Notes
    -----
    The e-folding time of Torrence & Compo (1998), section 3g, within which the power of a step at the end has not yet
    fallen by e²: of a Morlet wavelet √2 standard deviations of the envelope, √2 n_cycles / (2π f) seconds; of a Morse
    wavelet, whose envelope has no closed form, computed from its definition.

    Examples
    --------
    >>> cone_of_influence(128, [1, 10, 40], n_times=1280)
    array([173,  18,   5])
    """
    chosen = Morlet(n_cycles) if wavelet is None else wavelet
    folding_s = chosen.folding / np.array(frequency_grid(freqs, sfreq))
    return np.minimum(np.ceil(folding_s * sfreq).astype(np.int64), n_times)


def _transform(x: npt.ArrayLike, sfreq: float, freqs: Freqs, wavelet: Wavelet, norm: Norm) -> Array:
    from scipy import fft

    samples, grid = _checked(x, sfreq, freqs)
    n_times = samples.shape[-1]
    planned = plan(n_times, float(sfreq), grid, wavelet, norm, samples.dtype, n_times)
    n_fft = planned.n_fft
    spectrum = fft.rfft(samples - _mean(samples), n_fft)
    transform = np.empty((*samples.shape[:-1], len(grid), n_times), np.result_type(samples, np.complex64))
    for s, (first, n_bins, at) in enumerate(zip(planned.first, planned.n_bins, planned.gain_at, strict=False)):
        shaped = np.zeros((*samples.shape[:-1], n_fft), transform.dtype)
        shaped[..., first : first + n_bins] = spectrum[..., first : first + n_bins] * planned.gains[at : at + n_bins]
        transform[..., s, :] = fft.ifft(shaped, norm="forward", overwrite_x=True)[..., :n_times]
    return transform


def _power(
    x: npt.ArrayLike, sfreq: float, freqs: Freqs, wavelet: Wavelet, norm: Norm, out: Array | None, n_jobs: int
) -> Array:
    samples, grid = _checked(x, sfreq, freqs)
    power = _output(out, (*samples.shape[:-1], len(grid), samples.shape[-1]), samples.dtype, samples)
    _fill(samples, _mean(samples), float(sfreq), grid, wavelet, norm, power, n_jobs)
    return power


def _fill(
    samples: Array,
    mean: Array,
    sfreq: float,
    grid: tuple[float, ...],
    wavelet: Wavelet,
    norm: Norm,
    out: Array,
    n_jobs: int,
) -> None:
    """Write power into ``out``, as means over as many cells as it has in time."""
    planned = plan(samples.shape[-1], sfreq, grid, wavelet, norm, samples.dtype, out.shape[-1])
    rows = read_only(samples.reshape(-1, samples.shape[-1]))
    offsets, pictures = mean.ravel(), out.reshape(-1, *out.shape[-2:])
    body = bodies("wavelet")

    def compute(first: int, stop: int) -> None:
        body.power(rows[first:stop], offsets[first:stop], planned, pictures[first:stop])

    in_threads(compute, len(rows), n_jobs, body.LANES)


def _checked(x: npt.ArrayLike, sfreq: float, freqs: Freqs) -> tuple[Array, tuple[float, ...]]:
    """Give the signal as native float32 or float64, and the frequencies."""
    grid = frequency_grid(freqs, sfreq)
    array = real_channels(x)
    if array.shape[-1] * min(grid) < sfreq:
        raise SignalQualityError(
            f"a period of {min(grid):g} Hz is {sfreq / min(grid):g} samples at {sfreq:g} Hz, but the last axis of x, "
            f"shape {array.shape}, holds {array.shape[-1]}; give a longer signal or higher frequencies"
        )
    return array, grid


def _mean(samples: Array) -> Array:
    """Give the mean of every channel, shape (..., 1); refuse lost samples, which it shows."""
    # In the samples' own precision: what it leaves of an offset is not seen by a wavelet.
    with np.errstate(over="ignore", invalid="ignore"):
        mean: Array = samples.mean(axis=-1, keepdims=True)
    if not np.isfinite(mean).all():
        lost = np.argwhere(~np.isfinite(samples))
        if len(lost):
            *channel, time = (int(i) for i in lost[0])
            which = "" if not channel else f" of channel {channel[0] if len(channel) == 1 else tuple(channel)}"
            raise SignalQualityError(
                f"expected a signal without gaps, since a transform spreads each over the whole of it; found "
                f"{samples[*channel, time]} at sample {time}{which}: interpolate it or leave the stretch out"
            )
        raise SignalQualityError(
            f"expected samples whose sum is a number; found up to {np.abs(samples).max():g}: give them in another unit"
        )
    return mean


def _output(out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any], samples: Array) -> Array:
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(
            f"out has to be a writable C-contiguous array of {dtype}, shape {shape}; found {out.dtype}, shape "
            f"{out.shape}, contiguous {out.flags.c_contiguous}, writable {out.flags.writeable}"
        )
    # A group of channels is read after the power of the one before it is written. Of contiguous arrays the bounds in
    # memory tell.
    if np.may_share_memory(out, samples):
        raise ValueError("out has to lie apart from x; found that they share memory")
    return out
