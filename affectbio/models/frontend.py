"""Differential entropy and scalograms as PyTorch layers, in batches and on any device, with gradients.

What they compute is what `affectbio.kernels.differential_entropy` and `affectbio.kernels.scalogram` compute, by other
means: a GPU has no use for a recursion over time. The Butterworth filter is applied as its frequency response, and the
mean power of a wavelet in a cell of the picture is a weighted sum of a few points of it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import fft, signal
from torch import Tensor, nn

from affectbio.bands import Band, Bands, resolve_bands
from affectbio.errors import SignalQualityError
from affectbio.kernels import Morse, window_starts
from affectbio.kernels._wavelet_plan import Freqs, Morlet, Norm, Wavelet, frequency_grid, gains_at

__all__ = ["DifferentialEntropyLayer", "ScalogramLayer", "differential_entropy_torch", "scalogram_torch"]

Array = npt.NDArray[Any]

# A filter rings on after the signal has ended, and comes back at its beginning where the transform is not longer by
# this much decay of the slowest pole.
_RING = 1e-13
# Samples over which a wavelet that is cut short by half the sampling rate rings.
_CUT_SHORT = 200


def differential_entropy_torch(
    x: Tensor,
    sfreq: float,
    bands: Bands = "eeg",
    window_s: float = 1.0,
    step_s: float | None = None,
    *,
    order: int = 4,
    log: str = "e",
) -> Tensor:
    """Compute the differential entropy of every band in every window, on the device of the signal.

    Parameters
    ----------
    x : Tensor of float32 or float64, shape (..., n_samples)
        Signal; in volts for EEG. NaN and inf mark lost samples.
    sfreq, bands, window_s, step_s, order, log
        As for `affectbio.kernels.differential_entropy`.

    Returns
    -------
    Tensor, shape (..., n_windows, n_bands)
        Of the type of x. NaN where a window holds a lost sample, or nothing but repetitions of the sample before it.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than a window.
    ValueError
        If bands, windows or the tensor make no sense.

    See Also
    --------
    DifferentialEntropyLayer : The same as a layer, which designs its filters once.

    Notes
    -----
    Equal to the kernel to 1e-9 of the entropy, for it is computed in float64 whatever the type of x; in float32 on a
    device that knows no other (MPS). Time O(n_chans · n_bands · n log n), memory that of some copies of x.

    Examples
    --------
    >>> import torch
    >>> from affectbio.kernels import differential_entropy
    >>> eeg = 1e-5 * torch.randn(3, 4, 1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> entropy = differential_entropy_torch(eeg, 250, window_s=1, step_s=0.5)
    >>> entropy.shape
    torch.Size([3, 4, 7, 5])
    >>> bool(np.allclose(entropy, differential_entropy(eeg, 250, window_s=1, step_s=0.5), rtol=1e-9))
    True
    """
    _check_tensor(x)
    dtype = torch.float32 if x.device.type == "mps" else torch.float64
    layer = DifferentialEntropyLayer(x.shape[-1], sfreq, bands, window_s, step_s, order=order, log=log, dtype=dtype)
    return _forward(layer, x)


class DifferentialEntropyLayer(nn.Module):
    """Differential entropy as the first layer of a network; nothing in it is trained.

    Parameters
    ----------
    n_samples : int
        Length of the signals it will be given.
    sfreq, bands, window_s, step_s, order, log
        As for `affectbio.kernels.differential_entropy`.
    dtype : torch.dtype
        In which it is computed; float32 is good for 1e-5 of the entropy where slow drifts are no more than some hundred
        times as large as the band.

    Attributes
    ----------
    bands : tuple of Band
        The bands, in the order of the last axis of what it gives.
    window, step : int
        Length of a window and distance between starts, in samples.

    Raises
    ------
    SignalQualityError
        If the signals are shorter than a window.
    ValueError
        If bands or windows make no sense.

    Notes
    -----
    The filter is the recursion of the kernel, from rest at the level of the first sample, exactly: its frequency
    response multiplies the Fourier transform of the signal. What it rings after the signal's end comes back at its
    beginning; so zeros are appended, ``ceil(ln 1e-13 / ln |p|)`` of them, where p is the pole nearest to the unit
    circle: over these it falls below 1e-9 of what it was. The gradient of a window that is NaN is zero.

    Examples
    --------
    >>> import torch
    >>> layer = DifferentialEntropyLayer(n_samples=512, sfreq=128, bands={"alpha": (8, 14)})
    >>> layer(torch.sin(2 * torch.pi * 10 * torch.arange(512) / 128)).shape
    torch.Size([4, 1])
    """

    response: Tensor

    def __init__(
        self,
        n_samples: int,
        sfreq: float,
        bands: Bands = "eeg",
        window_s: float = 1.0,
        step_s: float | None = None,
        *,
        order: int = 4,
        log: str = "e",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        if log not in ("e", "2"):
            raise ValueError(f"log is 'e' for nats or '2' for bits; found {log!r}")
        if order < 1:
            raise ValueError(f"a filter has an order of at least 1; found {order}")
        step_s = window_s if step_s is None else step_s
        starts = window_starts(n_samples, sfreq, window_s, step_s)
        self.n_samples, self.window, self.step = n_samples, round(window_s * sfreq), round(step_s * sfreq)
        if not len(starts):
            raise SignalQualityError(
                f"a window of {window_s:g} s is {self.window} samples at {sfreq:g} Hz, but the signal holds "
                f"{n_samples}; give a longer signal or a shorter window_s"
            )
        self.bands: tuple[Band, ...] = resolve_bands(bands, sfreq)
        self._unit = 1.0 if log == "e" else 1.0 / math.log(2.0)
        self.n_fft, response = _response(n_samples, float(sfreq), self.bands, order)
        # As pairs of real numbers: `Module.to` would cast complex ones to a real type.
        self.register_buffer("response", torch.from_numpy(response).to(dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give the entropies, shape (..., n_windows, n_bands), of signals of shape (..., n_samples).

        Raises
        ------
        ValueError
            If the tensor is none of float32 or float64, holds no channel, or signals of another length.
        """
        _check_tensor(x, self.n_samples)
        finite = torch.isfinite(x)
        filled = _repeat_lost(x.to(self.response.dtype), finite)
        spectrum = torch.fft.rfft(filled - filled[..., :1], self.n_fft)
        variance = torch.stack(
            [
                self._windows(torch.fft.irfft(spectrum * r, self.n_fft)).var(-1)
                for r in torch.view_as_complex(self.response)
            ],
            dim=-1,
        )  # (..., n_windows, n_bands)
        # A window that repeats one sample has no entropy, though the filter rings on in it.
        moved = nn.functional.pad(filled[..., 1:] != filled[..., :-1], (1, 0))
        known = (self._windows(moved).any(-1) & self._windows(finite).all(-1))[..., None] & (variance > 0)
        # What is not known must not reach the logarithm, whose gradient there would spoil all others.
        entropy = 0.5 * self._unit * torch.log(2 * torch.pi * torch.e * torch.where(known, variance, 1.0))
        return torch.where(known, entropy, torch.nan).to(x.dtype)

    def _windows(self, y: Tensor) -> Tensor:
        return y[..., : self.n_samples].unfold(-1, self.window, self.step)


def scalogram_torch(
    x: Tensor,
    sfreq: float,
    freqs: Freqs = (1.0, 50.0, 64),
    n_times: int = 64,
    *,
    n_cycles: float = 6.0,
    wavelet: Morse | None = None,
    norm: Norm = "l1",
    log: str | None = None,
) -> Tensor:
    """Compute a picture of power over frequency and time, on the device of the signal.

    Parameters
    ----------
    x : Tensor of float32 or float64, shape (..., n_samples)
        Signal, in any unit.
    sfreq, freqs, n_times, n_cycles, wavelet, norm, log
        As for `affectbio.kernels.scalogram`.

    Returns
    -------
    Tensor, shape (..., n_freqs, n_times)
        The picture, computed in the type of x. NaN for a channel that holds a lost sample (NaN, inf): to refuse it as
        the kernel does, the processor would have to wait for the GPU.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than a period of the lowest frequency, or has fewer samples than the picture has cells.
    ValueError
        If frequencies, width or the tensor make no sense.

    See Also
    --------
    ScalogramLayer : The same as a layer, which makes its wavelets once.

    Notes
    -----
    Within 1e-3 of `affectbio.kernels.scalogram`, and within 1e-5 of the cells' means of
    ``abs(affectbio.kernels.morlet_transform(x, ...)) ** 2`` (root mean square over each frequency).

    Examples
    --------
    >>> import torch
    >>> sine = 3 * torch.sin(2 * torch.pi * 10 * torch.arange(1280) / 128)
    >>> scalogram_torch(sine, 128, [10, 40], 5)[:, 1:4].round(decimals=2) + 0
    tensor([[9., 9., 9.],
            [0., 0., 0.]])
    """
    _check_tensor(x)
    layer = ScalogramLayer(
        x.shape[-1], sfreq, freqs, n_times, n_cycles=n_cycles, wavelet=wavelet, norm=norm, log=log, dtype=x.dtype
    )
    return _forward(layer, x)


class ScalogramLayer(nn.Module):
    """Scalograms as the first layer of a network; nothing in it is trained.

    Parameters
    ----------
    n_samples : int
        Length of the signals it will be given.
    sfreq, freqs, n_times, n_cycles, wavelet, norm, log
        As for `affectbio.kernels.scalogram`.
    dtype : torch.dtype
        In which it is computed.

    Attributes
    ----------
    freqs : ndarray, shape (n_freqs,)
        Frequencies in Hz, in the order of the rows of the picture.

    Raises
    ------
    SignalQualityError
        As for `scalogram_torch`.
    ValueError
        As for `scalogram_torch`.

    Notes
    -----
    The band of a frequency, of m bins of the Fourier transform, is transformed back to at least 2 m points: so its
    power is known everywhere, and its mean over a cell is a sum of the points with weights known beforehand. Time
    O(n_chans · n_freqs · m (log m + n_times)). Memory is some times that of the points of the largest group of
    frequencies, 100 MB for 32 channels of 63 s at 128 Hz with the defaults; feed long batches in parts.

    Examples
    --------
    >>> import torch
    >>> layer = ScalogramLayer(n_samples=1280, sfreq=128, freqs=(4, 40, 32), n_times=16)
    >>> layer(torch.zeros(2, 8, 1280)).shape
    torch.Size([2, 8, 32, 16])
    """

    order: Tensor

    def __init__(
        self,
        n_samples: int,
        sfreq: float,
        freqs: Freqs = (1.0, 50.0, 64),
        n_times: int = 64,
        *,
        n_cycles: float = 6.0,
        wavelet: Morse | None = None,
        norm: Norm = "l1",
        log: str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if log not in (None, "e", "10"):
            raise ValueError(f"log is 'e' or '10' for a logarithm, or None for power as it is; found {log!r}")
        if norm not in ("l1", "l2"):
            raise ValueError(f"norm is 'l1' for amplitude or 'l2' for energy; found {norm!r}")
        if n_times < 1:
            raise ValueError(f"a picture has at least one cell in time; found n_times={n_times}")
        grid = frequency_grid(freqs, sfreq)
        if n_samples * min(grid) < sfreq:
            raise SignalQualityError(
                f"a period of {min(grid):g} Hz is {sfreq / min(grid):g} samples at {sfreq:g} Hz, but the signal holds "
                f"{n_samples}; give a longer signal or higher frequencies"
            )
        if n_samples < n_times:
            raise SignalQualityError(
                f"a picture of {n_times} cells in time needs as many samples, but the signal holds {n_samples}; give a "
                f"longer signal or a smaller n_times"
            )
        self.freqs, self.n_samples, self._log = np.array(grid), n_samples, log
        chosen = Morlet(n_cycles) if wavelet is None else wavelet
        self.n_fft, groups = _wavelets(n_samples, float(sfreq), grid, n_times, chosen, norm)
        self.groups = nn.ModuleList(_Group(g, dtype) for g in groups)
        order = np.argsort(np.concatenate([g.rows for g in groups]))
        self.register_buffer("order", torch.from_numpy(order), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give the pictures, shape (..., n_freqs, n_times), of signals of shape (..., n_samples).

        Raises
        ------
        ValueError
            If the tensor is none of float32 or float64, holds no channel, or signals of another length.
        """
        _check_tensor(x, self.n_samples)
        x = x.to(next(self.groups.buffers()).dtype)
        # Powers of volts are nothing in half precision, which autocast would choose for the sum over points.
        with torch.autocast(x.device.type, enabled=False):
            spectrum = torch.fft.rfft(x - x.mean(-1, keepdim=True), self.n_fft)
            picture = torch.cat([group(spectrum) for group in self.groups], dim=-2).index_select(-2, self.order)
        if self._log is None:
            return picture.clamp(min=0)
        picture = picture.clamp(min=torch.finfo(torch.float32).tiny)
        return torch.log(picture) if self._log == "e" else torch.log10(picture)


class _Wavelets(NamedTuple):
    """Wavelets whose bands are transformed back to as many points."""

    rows: Array  # which of the frequencies, (n_rows,)
    gains: Array  # of each bin of its band, (n_rows, n_bins)
    bins: Array  # of the signal's transform, (n_rows, n_bins)
    weights: Array  # of each point in each cell, (n_points, n_times)


class _Group(nn.Module):
    """The rows of a picture whose bands are transformed back to as many points."""

    gains: Tensor
    bins: Tensor
    weights: Tensor

    def __init__(self, wavelets: _Wavelets, dtype: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("gains", torch.from_numpy(wavelets.gains).to(dtype), persistent=False)
        self.register_buffer("bins", torch.from_numpy(wavelets.bins), persistent=False)
        self.register_buffer("weights", torch.from_numpy(wavelets.weights).to(dtype), persistent=False)

    def forward(self, spectrum: Tensor) -> Tensor:
        band = spectrum[..., self.bins] * self.gains  # (..., n_rows, n_bins)
        w = torch.view_as_real(torch.fft.ifft(band, len(self.weights), norm="forward"))
        return w.square().sum(-1) @ self.weights  # (..., n_rows, n_times)


def _forward(layer: nn.Module, x: Tensor) -> Tensor:
    result: Tensor = layer.to(x.device)(x)
    return result


def _check_tensor(x: Tensor, n_samples: int | None = None) -> None:
    if x.dtype not in (torch.float32, torch.float64) or x.ndim == 0:
        raise ValueError(
            f"expected a tensor of float32 or float64 with time as last axis; found {x.dtype}, shape {tuple(x.shape)}"
        )
    if 0 in x.shape[:-1]:
        raise ValueError(f"expected at least one channel; found a tensor of shape {tuple(x.shape)}")
    if n_samples not in (None, x.shape[-1]):
        raise ValueError(f"this layer is made for signals of {n_samples} samples; found shape {tuple(x.shape)}")


def _repeat_lost(x: Tensor, finite: Tensor) -> Tensor:
    """Put in place of each lost sample the last one that came; before the first that came, that one; else zero."""
    at = torch.arange(x.shape[-1], device=x.device)
    last = torch.where(finite, at, -1).cummax(-1).values
    first = finite.int().argmax(-1, keepdim=True)
    return torch.where(finite, x, 0.0).gather(-1, torch.where(last < 0, first, last))


@lru_cache(maxsize=16)
def _response(n_samples: int, sfreq: float, bands: tuple[Band, ...], order: int) -> tuple[int, Array]:
    """Give a length of the transform and the filters' response at its bins, shape (n_bands, n_bins, 2)."""
    edges = [(band.l_freq, band.h_freq) for band in bands]
    slowest = max(np.abs(signal.butter(order, e, "bandpass", fs=sfreq, output="zpk")[1]).max() for e in edges)
    n_fft = fft.next_fast_len(n_samples + math.ceil(math.log(_RING) / math.log(slowest)), real=True)
    filters = [signal.butter(order, e, "bandpass", fs=sfreq, output="sos") for e in edges]
    angles = np.arange(n_fft // 2 + 1) * (2 * np.pi / n_fft)
    response = np.stack([signal.sosfreqz(sos, worN=angles)[1] for sos in filters])
    return n_fft, np.stack([response.real, response.imag], axis=-1)


@lru_cache(maxsize=4)
def _wavelets(
    n_samples: int,
    sfreq: float,
    freqs: tuple[float, ...],
    n_times: int,
    wavelet: Wavelet,
    norm: Norm,
) -> tuple[int, list[_Wavelets]]:
    """Give a length of the transform and the wavelets in groups of as many points."""
    centre, (low, high) = np.array(freqs), wavelet.band
    n_fft = fft.next_fast_len(n_samples + math.ceil(wavelet.reach * sfreq / centre.min() + _CUT_SHORT), real=True)
    first = np.maximum(np.ceil(centre * low / sfreq * n_fft), 1).astype(np.int64)
    last = np.minimum(np.floor(centre * high / sfreq * n_fft), n_fft // 2 - 1).astype(np.int64)
    n_points = np.array([_n_points(n) for n in last - first + 1])
    groups = []
    for points in np.unique(n_points):
        rows = np.flatnonzero(n_points == points)
        end = last[rows, None]
        bins = first[rows, None] + np.arange((last - first)[rows].max() + 1)
        gains = np.stack(
            [gains_at(b * (sfreq / n_fft), f, sfreq, wavelet, norm) for b, f in zip(bins, centre[rows], strict=True)]
        )
        weights = _weights(int(points), n_fft, n_samples, n_times)
        # The bands of a group are made as long as the longest; beyond its end each is nothing.
        groups.append(_Wavelets(rows, gains / n_fft * (bins <= end), np.minimum(bins, end), weights))
    return n_fft, groups


def _n_points(n_bins: int) -> int:
    """Give a length of at least twice the bins, 2^k or 3 · 2^k: few different ones make few and large groups."""
    return min(m << max(3, math.ceil(math.log2(2 * n_bins / m))) for m in (1, 3))


def _weights(n_points: int, n_fft: int, n_samples: int, n_times: int) -> Array:
    """Weigh the points of a period of ``n_fft`` samples into the means of ``n_times`` stretches of ``n_samples``.

    Points as dense as twice the band tell the power at every sample, a sum of e^(2πikt/n_fft) over |k| < n_points / 2.
    The mean of each term over a stretch is a geometric sum; the transform of these means are the weights.
    """
    edges = -(-np.arange(n_times + 1) * n_samples // n_times)
    start, length = edges[:-1, None], np.diff(edges)[:, None]
    half_angle = np.arange(1, n_points // 2) * (np.pi / n_fft)
    means = np.zeros((n_times, n_points // 2 + 1), complex)
    means[:, 0] = 1
    means[:, 1:-1] = np.exp(1j * half_angle * (2 * start + length - 1)) * (
        np.sin(half_angle * length) / (length * np.sin(half_angle))
    )
    weights: Array = np.ascontiguousarray(fft.irfft(means.conj(), n_points).T)
    return weights
