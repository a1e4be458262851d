"""Continuous wavelet transform with the analytic Morlet wavelet: in full, as power, and straight to a picture.

The wavelet at a frequency f is a Gaussian around it, ψ̂(ν) = exp(-(ν - f)² / 2s²) - exp(-(ν² + f²) / 2s²) with
s = f / n_cycles for 0 < ν < sfreq / 2 and nothing elsewhere (Torrence & Compo, Bull. Am. Meteorol. Soc. 79:61, 1998,
table 1, with the width counted in cycles). The second term, which makes it zero at 0 Hz, matters below 4 cycles only.
From 0.475 sfreq on it falls linearly to zero at half the sampling rate: cut off there, it would ring. In time its
envelope has the standard deviation n_cycles / (2π f). Beyond its ends a signal is taken to stay at its mean, so that an
electrode's offset makes no step there.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._samples import real_samples

__all__ = ["cone_of_influence", "morlet_power", "morlet_transform", "scalogram"]

Norm = Literal["l1", "l2"]
Log = Literal["e", "10"]
Freqs = tuple[float, float, int] | npt.ArrayLike
Array = npt.NDArray[Any]

# A wavelet is cut off where it has fallen to 4e-6, in frequency as in time.
_REACH = 5.0
# Between points of the power of a band, it is interpolated by a sinc in a Kaiser window.
_TAPS = 8
_BETA = 8.0
_OVERSAMPLING = 2.0
# Share of the sampling rate over which a wavelet runs down to nothing at half of it; cut off, it would ring.
_SLOPE = 0.025


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
    scalogram : Its squared magnitude as a small picture, faster still.

    Examples
    --------
    >>> import numpy as np
    >>> sine = 3 * np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> np.abs(morlet_transform(sine, 128, [10, 40])[:, 640]).round(3) + 0
    array([3., 0.])
    """
    from scipy import fft

    samples, grid = _checked(x, sfreq, freqs)
    n_times = samples.shape[-1]
    plan = _plan(n_times, float(sfreq), grid, float(n_cycles), norm, samples.dtype, n_times)
    n_fft = int(plan.length[-1])
    spectrum = fft.rfft(_centred(samples), n_fft)
    transform = np.empty((*samples.shape[:-1], len(grid), n_times), np.result_type(samples, np.complex64))
    for s, gains in enumerate(np.split(plan.gains, plan.gain_at[1:-1])):
        band = slice(plan.first[s], plan.first[s] + plan.n_bins[s])
        shaped = np.zeros((*samples.shape[:-1], n_fft), transform.dtype)
        shaped[..., band] = spectrum[..., band] * gains
        transform[..., s, :] = fft.ifft(shaped, norm="forward", overwrite_x=True)[..., :n_times]
    return transform


def morlet_power(
    x: npt.ArrayLike,
    sfreq: float,
    freqs: Freqs,
    *,
    n_cycles: float = 6.0,
    norm: Norm = "l1",
    out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """Compute the power ``|W|²`` of the analytic Morlet transform at every sample.

    Parameters
    ----------
    x, sfreq, freqs, n_cycles, norm
        As for `morlet_transform`.
    out : ndarray, shape (..., n_freqs, n_times), optional
        Where to write: C-contiguous, of the type of the result.

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
        As for `morlet_transform`, or if `out` does not fit.

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
    from affectbio.kernels import _jit_wavelet as jit

    samples, grid = _checked(x, sfreq, freqs)
    n_times = samples.shape[-1]
    plan = _plan(n_times, float(sfreq), grid, float(n_cycles), norm, samples.dtype, n_times)
    power = _output(out, (*samples.shape[:-1], len(grid), n_times), samples.dtype)
    jit.power(_centred(samples).reshape(-1, n_times), plan, power.reshape(-1, len(grid), n_times))
    return power


def scalogram(
    x: npt.ArrayLike,
    sfreq: float,
    freqs: Freqs = (1.0, 50.0, 64),
    n_times: int = 64,
    *,
    n_cycles: float = 6.0,
    norm: Norm = "l1",
    log: Log | None = None,
    out: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Compute a picture of power over frequency and time: the mean of `morlet_power` over each stretch of time.

    Each frequency is computed only as finely in time as its band is wide, and from there averaged into the cells of the
    picture, to within 1e-3 of the power; the transform in full never exists.

    Parameters
    ----------
    x, sfreq, freqs
        As for `morlet_transform`.
    n_times : int
        Cells of the picture in time, at most as many as x has samples. Cell j holds the samples from
        ⌈j n / n_times⌉ to before ⌈(j + 1) n / n_times⌉, of n.
    n_cycles, norm
        As for `morlet_transform`.
    log : {"e", "10"}, optional
        Give the logarithm of power to this base; nothing is taken to be below the least normal float32, 1.2e-38.
    out : ndarray of float32, shape (..., n_freqs, n_times), optional
        Where to write, C-contiguous: one item of a batch, for example.

    Returns
    -------
    ndarray of float32, shape (..., n_freqs, n_times)
        The picture, computed in single precision; `out` if given. Its first row is the first frequency.

    Raises
    ------
    SignalQualityError
        As for `morlet_transform`, or if x has fewer samples than the picture has cells.
    ValueError
        As for `morlet_transform`, or if `out` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> sine = 3 * np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> picture = scalogram(sine, 128, [10, 40], 5)
    >>> picture[:, 1:4].round(2) + 0
    array([[9., 9., 9.],
           [0., 0., 0.]], dtype=float32)
    """
    from affectbio.kernels import _jit_wavelet as jit

    if log not in (None, "e", "10"):
        raise ValueError(f"log is 'e' or '10' for a logarithm, or None for power as it is; found {log!r}")
    if n_times < 1:
        raise ValueError(f"a picture has at least one cell in time; found n_times={n_times}")
    samples, grid = _checked(x, sfreq, freqs)
    if samples.shape[-1] < n_times:
        raise SignalQualityError(
            f"a picture of {n_times} cells in time needs as many samples, but the last axis of x, shape "
            f"{samples.shape}, holds {samples.shape[-1]}; give a longer signal or a smaller n_times"
        )
    single = np.dtype(np.float32)
    plan = _plan(samples.shape[-1], float(sfreq), grid, float(n_cycles), norm, single, int(n_times))
    picture = _output(out, (*samples.shape[:-1], len(grid), n_times), single)
    centred = _centred(samples).astype(single, copy=False)
    jit.power(centred.reshape(-1, samples.shape[-1]), plan, picture.reshape(-1, len(grid), n_times))
    if log is not None:
        np.maximum(picture, np.finfo(np.float32).tiny, out=picture)
        (np.log if log == "e" else np.log10)(picture, out=picture)
    return picture


def cone_of_influence(sfreq: float, freqs: Freqs, n_times: int, n_cycles: float = 6.0) -> npt.NDArray[np.int64]:
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
        Width of the wavelet, as for `morlet_transform`.

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
    The e-folding time of Torrence & Compo (1998), section 3g: within √2 standard deviations of the envelope,
    √2 n_cycles / (2π f) seconds, the power of a step at the end has not yet fallen by e².

    Examples
    --------
    >>> cone_of_influence(128, [1, 10, 40], n_times=1280)
    array([173,  18,   5])
    """
    reach_s = math.sqrt(2) * _width(n_cycles) / (2 * np.pi * np.array(_frequencies(freqs, sfreq)))
    return np.minimum(np.ceil(reach_s * sfreq).astype(np.int64), n_times)


class _Plan(NamedTuple):
    """What the compiled bodies need beside the signal."""

    # Per frequency: first bin of its band, bins in it, where their gains begin, kind of its inverse transform.
    first: npt.NDArray[np.int64]
    n_bins: npt.NDArray[np.int64]
    gain_at: npt.NDArray[np.int64]
    gains: Array
    kind: npt.NDArray[np.int64]
    # Per kind of transform, the last the forward one: its length, where its passes begin and end, and their factors.
    length: npt.NDArray[np.int64]
    pass_at: npt.NDArray[np.int64]
    passes: npt.NDArray[np.int64]
    factor_at: npt.NDArray[np.int64]
    factors: Array
    # Per kind: where its cells begin and end, the first point of each and the weights of the points from there on, and
    # how many points further the cells begin anew.
    cell_at: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    n_taps: npt.NDArray[np.int64]
    weight_at: npt.NDArray[np.int64]
    weights: Array
    advance: npt.NDArray[np.int64]


@lru_cache(maxsize=32)
def _plan(
    n_times: int,
    sfreq: float,
    freqs: tuple[float, ...],
    n_cycles: float,
    norm: Norm,
    dtype: np.dtype[Any],
    n_cells: int,
) -> _Plan:
    """Plan the power of a signal in cells; every sample is one where there are as many."""
    from affectbio.kernels import _jit_fft as jit

    if norm not in ("l1", "l2"):
        raise ValueError(f"norm is 'l1' for amplitude or 'l2' for energy; found {norm!r}")
    centre = np.array(freqs)
    width = centre / _width(n_cycles)
    n_fft = _next_length(n_times + math.ceil(_REACH * sfreq / (2 * np.pi * width.min()) + 5 / _SLOPE))
    # Points per second. Power has changes as fast as 8 widths; what is faster than the points can hold is folded over,
    # and must not come to lie among changes as slow as the cells show, or, in narrow cells, as can be interpolated.
    rate = np.minimum(10 * width + 2 * sfreq * n_cells / n_times, 2 * _REACH * _OVERSAMPLING * width)
    length = np.array([min(n_fft, _next_length(math.ceil(r / sfreq * n_fft))) for r in rate])
    reach = np.minimum(_REACH * width, length * (sfreq / n_fft / 2))
    first = np.maximum(np.ceil((centre - reach) / sfreq * n_fft), 1).astype(np.int64)
    last = np.minimum(np.floor((centre + reach) / sfreq * n_fft), n_fft // 2 - 1).astype(np.int64)
    # Of a real signal only half the amplitude is at positive frequencies.
    scale = np.full(len(centre), 2.0) if norm == "l1" else 1 / np.sqrt(width * math.sqrt(np.pi))
    gains = []
    for k, m, f, s, a in zip(first, last, centre, width, scale / n_fft, strict=True):
        nu = np.arange(k, m + 1) * (sfreq / n_fft)
        bell = np.exp(-0.5 * ((nu - f) / s) ** 2) - np.exp(-0.5 * (nu**2 + f**2) / s**2)
        gains.append(a * bell * np.minimum(1, (0.5 - nu / sfreq) / _SLOPE))
    lengths = [int(m) for m in np.union1d(length, n_fft)]
    tables = [_cells(n_times, n_fft, m, n_cells) for m in lengths]
    return _Plan(
        first,
        last - first + 1,
        *_packed(gains, dtype),
        np.searchsorted(lengths, length),
        np.array(lengths),
        *_packed([jit.radices(m) for m in lengths], np.dtype(np.int64)),
        *_packed([jit.twiddles(m).ravel() for m in lengths], dtype),
        *_packed([points for points, _ in tables], np.dtype(np.int64)),
        np.array([weights.shape[1] for _, weights in tables]),
        *_packed([weights.ravel() for _, weights in tables], dtype),
        np.array([m // math.gcd(m, n_fft) for m in lengths]),
    )


def _packed(parts: list[Array], dtype: np.dtype[Any]) -> tuple[npt.NDArray[np.int64], Array]:
    """Lay arrays end to end; gives where each begins, and the end, before them."""
    return np.cumsum([0, *map(len, parts)]), np.concatenate(parts).astype(dtype)


def _next_length(n: int) -> int:
    """Give the least length of at least ``n`` (and 64) that the transform does well: 2^k times 1, 3, 5, 9 or 15."""
    return min(m << max(6, math.ceil(math.log2(n / m))) for m in (1, 3, 5, 9, 15))


def _cells(
    n_times: int, n_fft: int, length: int, n_cells: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Weigh ``length`` points of a period of ``n_fft`` samples into the means of ``n_cells`` stretches of ``n_times``.

    Gives the first point of each cell, shape (n_cells,), which may lie before the signal, and the weights of the points
    from there on, shape (n_cells, n_taps). With a cell for every sample, only those before the weights repeat.
    """
    if n_cells == n_times:
        n_times = n_cells = min(n_times, n_fft // math.gcd(n_fft, length))
    n_taps = 1 if length == n_fft else _TAPS
    position = np.arange(n_times) * (length / n_fft)
    before = np.floor(position).astype(np.int64) - (n_taps - 1) // 2
    away = position[:, None] - before[:, None] - np.arange(n_taps)
    taps = np.sinc(away) * np.i0(_BETA * np.sqrt(np.maximum(0, 1 - (2 * away / n_taps) ** 2)))
    taps /= taps.sum(axis=1, keepdims=True)
    edges = -(-np.arange(n_cells + 1) * n_times // n_cells)
    first = before[edges[:-1]]
    cell = np.repeat(np.arange(n_cells), np.diff(edges))
    n_points = int((before[edges[1:] - 1] - first).max()) + n_taps
    n_points += -n_points % _TAPS
    place = (cell * n_points + before - first[cell])[:, None] + np.arange(n_taps)
    share = taps / np.diff(edges)[cell][:, None]
    weights = np.bincount(place.ravel(), share.ravel(), minlength=n_cells * n_points).astype(np.float64, copy=False)
    return first, weights.reshape(n_cells, n_points)


def _frequencies(freqs: Freqs, sfreq: float) -> tuple[float, ...]:
    if not (math.isfinite(sfreq) and sfreq > 0):
        raise ValueError(f"expected a sampling rate in Hz; found {sfreq}")
    if isinstance(freqs, tuple):
        if len(freqs) != 3 or int(freqs[2]) != freqs[2] or freqs[2] < 1:
            raise ValueError(f"a tuple is a grid (l_freq, h_freq, n_freqs), a list is taken as it is; found {freqs}")
        _between(np.array(freqs[:2]), sfreq)
        grid = np.geomspace(freqs[0], freqs[1], int(freqs[2]))
    else:
        grid = np.asarray(freqs, dtype=np.float64)
        if grid.ndim != 1 or len(grid) == 0:
            raise ValueError(f"expected frequencies in Hz, shape (n_freqs,); found an array of shape {grid.shape}")
        _between(grid, sfreq)
    return tuple(grid.tolist())


def _between(freqs: Array, sfreq: float) -> None:
    wrong = freqs[~((freqs > 0) & (freqs < sfreq / 2))]
    if len(wrong):
        raise ValueError(
            f"frequencies lie above 0 and below {sfreq / 2:g} Hz, half the sampling rate; found {wrong[0]:g} Hz"
        )


def _width(n_cycles: float) -> float:
    if not (math.isfinite(n_cycles) and n_cycles > 0):
        raise ValueError(f"a wavelet is some cycles wide; found n_cycles={n_cycles}")
    return n_cycles


def _checked(x: npt.ArrayLike, sfreq: float, freqs: Freqs) -> tuple[Array, tuple[float, ...]]:
    """Give the signal as native float32 or float64, and the frequencies."""
    grid = _frequencies(freqs, sfreq)
    array = real_samples(x)
    if 0 in array.shape[:-1]:
        raise ValueError(f"expected at least one channel; found an array of shape {array.shape}")
    if array.shape[-1] * min(grid) < sfreq:
        raise SignalQualityError(
            f"a period of {min(grid):g} Hz is {sfreq / min(grid):g} samples at {sfreq:g} Hz, but the last axis of x, "
            f"shape {array.shape}, holds {array.shape[-1]}; give a longer signal or higher frequencies"
        )
    return array, grid


def _centred(samples: Array) -> Array:
    """Take the mean from every channel; refuse lost samples, which it shows."""
    mean = samples.mean(axis=-1, keepdims=True, dtype=np.float64)
    if not np.isfinite(mean).all():
        *channel, time = (int(i) for i in np.argwhere(~np.isfinite(samples))[0])
        which = "" if not channel else f" of channel {channel[0] if len(channel) == 1 else tuple(channel)}"
        raise SignalQualityError(
            f"expected a signal without gaps, since a transform spreads each over the whole of it; found "
            f"{samples[*channel, time]} at sample {time}{which}: interpolate it or leave the stretch out"
        )
    centred: Array = samples - mean.astype(samples.dtype)
    return centred


def _output(out: Array | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(
            f"out has to be a writable C-contiguous array of {dtype}, shape {shape}; found {out.dtype}, shape "
            f"{out.shape}, contiguous {out.flags.c_contiguous}, writable {out.flags.writeable}"
        )
    return out
