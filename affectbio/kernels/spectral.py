"""Power spectral density of EEG, and what is read from it: bands, their shares, and the individual alpha frequency.

Densities are one-sided, by Welch's method (IEEE Trans. Audio Electroacoust. 15:70, 1967) or with Slepian tapers
(Thomson, Proc. IEEE 70:1055, 1982). What is read from them takes a `Psd` from either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.bands import Bands, resolve_bands
from affectbio.errors import SignalQualityError
from affectbio.kernels._samples import real_channels

__all__ = [
    "Psd",
    "band_density",
    "peak_frequency",
    "psd_multitaper",
    "psd_welch",
    "relative_power",
    "segment_spectra",
]

_Floats = npt.NDArray[np.float64]

# Samples.
_BLOCK = 65_536


class Psd(NamedTuple):
    """A one-sided power spectral density.

    Attributes
    ----------
    freqs : ndarray, shape (n_freqs,)
        Frequencies in Hz, evenly spaced from 0 on.
    density : ndarray, shape (..., n_freqs)
        Power per Hz, in the squared unit of the signal. NaN where the signal was lost or constant.
    """

    freqs: _Floats
    density: _Floats


def psd_welch(x: npt.ArrayLike, sfreq: float, *, window_s: float = 2.0, overlap: float = 0.5) -> Psd:
    """Compute the density by averaging over segments.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal; in volts for EEG. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    window_s : float
        Length of a segment in seconds; the frequencies are 1 / window_s apart.
    overlap : float
        Share of a segment that it has in common with the next, at least 0 and below 1.

    Returns
    -------
    Psd
        Frequencies (n_freqs,) in Hz and densities (..., n_freqs) in the squared unit of x per Hz.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than a segment.
    ValueError
        If the array, the rate, the segments or the overlap make no sense.

    See Also
    --------
    psd_multitaper : Of one short window, with less variance.

    Notes
    -----
    The mean of each segment is taken out and a Hann taper laid over it, as by ``scipy.signal.welch``, which gives the
    same numbers where no sample is lost. Segments with a lost sample, and constant ones, are left out of the average;
    the density is NaN where none remains. Samples after the last whole segment are in none.

    Time O(n_times · log n_segment) per signal. Memory that of the density.

    Examples
    --------
    A 10 Hz sine of amplitude 2 has a power of 2, wherever the windows begin:

    >>> import numpy as np
    >>> psd = psd_welch(2 * np.sin(2 * np.pi * 10 * np.arange(2560) / 256), 256)
    >>> np.round(psd.density.sum() * psd.freqs[1], 6)
    np.float64(2.0)
    """
    samples = real_channels(x)
    _segment_length(samples.shape, sfreq, window_s)
    lead, n_times = samples.shape[:-1], samples.shape[-1]
    rows = samples.reshape(math.prod(lead), n_times)
    density = []
    # In blocks that stay in the cache: twice as fast, and overlapping segments of all at once would take much memory.
    block = max(1, _BLOCK // max(1, n_times))
    for first in range(0, len(rows), block):
        freqs, spectra, whole = segment_spectra(rows[first : first + block], sfreq, window_s=window_s, overlap=overlap)
        # Those that are not whole are 0.
        power = (spectra.real**2 + spectra.imag**2).sum(axis=-2)
        n_whole = whole.sum(axis=-1)[..., None]
        density.append(np.divide(power, n_whole, out=np.full_like(power, np.nan), where=n_whole > 0))
    return Psd(freqs, np.concatenate(density).reshape(*lead, -1))


def segment_spectra(
    x: npt.ArrayLike, sfreq: float, *, window_s: float, overlap: float = 0.5
) -> tuple[_Floats, npt.NDArray[np.complex128], npt.NDArray[np.bool_]]:
    """Give the spectrum of every segment of a signal, which densities and cross spectra are averages of.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    window_s : float
        Length of a segment in seconds.
    overlap : float
        Share of a segment that it has in common with the next.

    Returns
    -------
    freqs : ndarray, shape (n_freqs,)
        Frequencies in Hz.
    spectra : ndarray, shape (..., n_segments, n_freqs)
        Complex spectra, scaled so that their squared magnitude is a one-sided density.
    whole : ndarray of bool, shape (..., n_segments)
        False where a segment holds a lost sample or is constant; its spectrum is 0.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than a segment.
    ValueError
        If the array, the rate, the segments or the overlap make no sense.

    Examples
    --------
    >>> freqs, spectra, whole = segment_spectra([0.0, 1.0, 2.0, 5.0, 5.0, 5.0, 5.0, 5.0], 4, window_s=1)
    >>> spectra.shape, whole
    ((3, 3), array([ True,  True, False]))
    """
    samples = real_channels(x)
    length = _segment_length(samples.shape, sfreq, window_s)
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap is a share of a segment, at least 0 and below 1; found {overlap}")
    # Rounded down, but not where a share like 0.29 comes out a hair below a whole number of samples.
    step = max(1, length - int(length * overlap + 1e-9))
    # Of equal length, but periodic: spectra.
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    segments = np.lib.stride_tricks.sliding_window_view(samples, length, axis=-1)[..., ::step, :]
    centred, whole = _centred(segments)
    spectra = np.fft.rfft(centred * taper, axis=-1)
    spectra *= np.sqrt(_sides(length) / (sfreq * (taper @ taper)))
    return _freqs(length, sfreq), spectra, whole


def psd_multitaper(x: npt.ArrayLike, sfreq: float, *, bandwidth: float = 2.0) -> Psd:
    """Compute the density of a window as a whole, by averaging over orthogonal tapers.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal; in volts for EEG. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    bandwidth : float
        Width in Hz over which a line is spread. A window of T seconds has bandwidth · T - 1 tapers, at least one.

    Returns
    -------
    Psd
        Frequencies (n_freqs,) in Hz, 1 / T apart, and densities (..., n_freqs) in the squared unit of x per Hz; NaN
        where a sample is lost or the signal is constant.

    Raises
    ------
    SignalQualityError
        If the window is too short for the bandwidth: below two periods of it.
    ValueError
        If the array, the rate or the bandwidth make no sense.

    Notes
    -----
    Tapers that keep more than 90 % of their energy within the bandwidth, weighted by that share, as by
    ``mne.time_frequency.psd_array_multitaper(..., adaptive=False, low_bias=True, normalization="full")``, which gives
    the same numbers. Time O(bandwidth · T · n_times · log n_times) per signal, and more for the design of the tapers,
    which is kept for the next window of that length: this is for windows of some seconds, not for whole recordings.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((2, 512))
    >>> psd = psd_multitaper(noise, 256, bandwidth=4)
    >>> psd.density.shape
    (2, 257)
    >>> bool(abs(psd.density.mean() - 2 / 256) < 1e-3)
    True
    """
    samples = real_channels(x)
    n_times = samples.shape[-1]
    if not 0 < sfreq < math.inf or not 0 < bandwidth < sfreq:
        raise ValueError(
            f"expected a positive sampling rate and a bandwidth below it; found sfreq={sfreq}, bandwidth={bandwidth}"
        )
    if bandwidth * n_times < 2 * sfreq:
        raise SignalQualityError(
            f"a bandwidth of {bandwidth:g} Hz needs a window of {2 / bandwidth:g} s, but the last axis of x, shape "
            f"{samples.shape}, holds {n_times / sfreq:g} s; give a longer window or a larger bandwidth"
        )
    tapers, weights = _slepian(n_times, bandwidth * n_times / (2 * sfreq))
    centred, whole = _centred(samples)
    density = np.zeros((*samples.shape[:-1], n_times // 2 + 1))
    # One taper after the other: all at once would take as many times the memory of the signal.
    for taper, weight in zip(tapers, weights, strict=True):
        spectrum = np.fft.rfft(centred * taper, axis=-1)
        density += weight * (spectrum.real**2 + spectrum.imag**2)
    density *= _sides(n_times) / (sfreq * weights.sum())
    density[~whole] = np.nan
    return Psd(_freqs(n_times, sfreq), density)


def band_density(psd: Psd, bands: Bands = "eeg") -> _Floats:
    """Average the density over each band.

    Parameters
    ----------
    psd : Psd
        Densities of shape (..., n_freqs).
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.

    Returns
    -------
    ndarray, shape (..., n_bands)
        Mean density in the squared unit of the signal per Hz; times the width of the band, its power.

    Raises
    ------
    ValueError
        If a band reaches beyond the frequencies, or is narrower than their distance.

    Notes
    -----
    The density is taken to be a straight line from each frequency to the next, so that an edge may lie between two,
    and the powers of neighbouring bands add up to the power of both.

    Examples
    --------
    >>> import numpy as np
    >>> psd = Psd(np.arange(65.0), np.arange(65.0))
    >>> band_density(psd, [(8, 14), (14, 31)])
    array([11. , 22.5])
    """
    edges = _edges(psd, bands)
    power: _Floats = _power(psd, edges)
    return power / (edges[:, 1] - edges[:, 0])


def relative_power(psd: Psd, bands: Bands = "eeg", total: Sequence[float] | None = None) -> _Floats:
    """Compute the share that each band has of the power.

    Parameters
    ----------
    psd : Psd
        Densities of shape (..., n_freqs).
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    total : (float, float), optional
        Lower and upper edge in Hz of the whole of which these are shares; from the lowest to the highest edge of the
        bands if not given.

    Returns
    -------
    ndarray, shape (..., n_bands)
        Shares of 1; bands side by side from one end to the other add up to 1. NaN where there is no power.

    Raises
    ------
    ValueError
        If a band or the whole reaches beyond the frequencies, or is narrower than their distance.

    Examples
    --------
    >>> import numpy as np
    >>> psd = Psd(np.arange(65.0), np.ones(65))
    >>> np.round(relative_power(psd, "eeg"), 3)
    array([0.061, 0.082, 0.122, 0.347, 0.388])
    """
    edges = _edges(psd, bands)
    whole = _edges(psd, [(edges.min(), edges.max()) if total is None else tuple(total)])
    power, of = _power(psd, edges), _power(psd, whole)
    return np.divide(power, of, out=np.full_like(power, np.nan), where=of > 0)


def peak_frequency(
    psd: Psd, l_freq: float = 7.0, h_freq: float = 14.0, *, method: Literal["max", "gravity"] = "max"
) -> _Floats:
    """Find where in a band the power lies; in the alpha band, the individual alpha frequency.

    Parameters
    ----------
    psd : Psd
        Densities of shape (..., n_freqs).
    l_freq, h_freq : float
        Edges of the band in Hz.
    method : {"max", "gravity"}
        The highest peak, refined by a parabola through its log density and those beside it; or the centre of gravity
        of the density (Klimesch, Schimke & Pfurtscheller, Brain Topogr. 5:241, 1993), which is there without a peak
        too, and drawn towards the middle of the band by what lies under the peak.

    Returns
    -------
    ndarray, shape (...)
        Frequency in Hz; NaN where there is no power, and for "max" where no frequency within the band has more than
        both its neighbours.

    Raises
    ------
    ValueError
        If fewer than three frequencies lie in the band, or method is not one of the two.

    Notes
    -----
    A spectrum that falls as 1/f pulls both down a little, and noise makes peaks: believe those that stand well above
    what `aperiodic_slope` gives.

    Examples
    --------
    >>> import numpy as np
    >>> freqs = np.arange(0, 40, 0.5)
    >>> psd = Psd(freqs, np.exp(-((freqs - 10.2) ** 2)))
    >>> np.round([peak_frequency(psd), peak_frequency(psd, method="gravity")], 2)
    array([10.2, 10.2])
    """
    if method not in ("max", "gravity"):
        raise ValueError(f"method is 'max' or 'gravity'; found {method!r}")
    freqs, density = np.asarray(psd.freqs, np.float64), np.asarray(psd.density, np.float64)
    inside = np.flatnonzero((freqs >= l_freq) & (freqs <= h_freq))
    if len(inside) < 3:
        raise ValueError(
            f"a peak needs 3 frequencies from l_freq={l_freq:g} to h_freq={h_freq:g} Hz; found {len(inside)}"
        )
    band = density[..., inside]
    if method == "gravity":
        total = band.sum(axis=-1)
        centre: _Floats = np.divide(band @ freqs[inside], total, out=np.full(total.shape, np.nan), where=total > 0)
        return centre
    below, here, above = band[..., :-2], band[..., 1:-1], band[..., 2:]
    peaks = (here > below) & (here >= above)
    top = np.where(peaks, here, -np.inf).argmax(axis=-1)[..., None]
    # Logarithms, of which only those of a peak with power beside it are taken.
    left, middle, right = (
        np.log(near, out=np.full(near.shape, np.nan), where=near > 0)
        for near in (np.take_along_axis(side, top, -1)[..., 0] for side in (below, here, above))
    )
    bend = left - 2 * middle + right
    shift = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=bend < 0)
    found: _Floats = freqs[inside][1:-1][top[..., 0]] + shift * (freqs[1] - freqs[0])
    return np.where(peaks.any(axis=-1), found, np.nan)


def _segment_length(shape: tuple[int, ...], sfreq: float, window_s: float) -> int:
    length = round(window_s * sfreq) if 0 < sfreq < math.inf and 0 < window_s < math.inf else 0
    if length < 4:
        raise ValueError(f"a segment has at least 4 samples; found window_s={window_s} at sfreq={sfreq}")
    if shape[-1] < length:
        raise SignalQualityError(
            f"a segment of {window_s:g} s is {length} samples at {sfreq:g} Hz, but the last axis of x, shape {shape}, "
            f"holds {shape[-1]}; give a longer signal or a shorter window_s"
        )
    return length


def _centred(windows: npt.NDArray[np.floating]) -> tuple[_Floats, npt.NDArray[np.bool_]]:
    """Take the means out, and say which windows are neither torn nor constant; the others become 0."""
    whole = np.isfinite(windows).all(axis=-1) & (windows != windows[..., :1]).any(axis=-1)
    kept = np.where(whole[..., None], windows, 0.0).astype(np.float64, copy=False)
    return kept - kept.mean(axis=-1, keepdims=True), whole


def _freqs(length: int, sfreq: float) -> _Floats:
    return np.fft.rfftfreq(length, 1 / sfreq).astype(np.float64)


def _sides(length: int) -> _Floats:
    """Say how many sides of the spectrum each frequency stands for: two, but one at 0 Hz and at half the rate."""
    sides = np.full(length // 2 + 1, 2.0)
    sides[0] = 1.0
    if length % 2 == 0:
        sides[-1] = 1.0
    return sides


@lru_cache(maxsize=4)
def _slepian(n_times: int, half_bandwidth: float) -> tuple[_Floats, _Floats]:
    """Design tapers, shape (n_tapers, n_times), and give the share of energy each keeps within the bandwidth."""
    from scipy.signal.windows import dpss

    # Not symmetric but periodic, as MNE has them. At a product of 1, the smallest there is, the first keeps 98 %.
    tapers, shares = dpss(n_times, half_bandwidth, int(2 * half_bandwidth), sym=False, return_ratios=True)
    good = shares > 0.9
    return tapers[good], shares[good]


def _edges(psd: Psd, bands: Bands) -> _Floats:
    """Give the edges of bands, shape (n_bands, 2), checked against the frequencies there are."""
    last = float(psd.freqs[-1])
    # An edge at half the rate is none for a filter, but is one here.
    edges = np.array([(band.l_freq, band.h_freq) for band in resolve_bands(bands, np.nextafter(2 * last, np.inf))])
    distance = float(psd.freqs[1] - psd.freqs[0])
    narrow = edges[:, 1] - edges[:, 0] < distance
    if narrow.any():
        low, high = edges[narrow.argmax()]
        raise ValueError(
            f"the band {low:g}-{high:g} Hz is narrower than the distance of {distance:g} Hz between frequencies; "
            f"give a longer window"
        )
    return edges


def _power(psd: Psd, edges: _Floats) -> _Floats:
    """Integrate straight lines between the densities, from one edge to the other."""
    freqs, density = np.asarray(psd.freqs, np.float64), np.asarray(psd.density, np.float64)
    steps = np.diff(freqs)
    area = np.zeros_like(density)
    np.cumsum(0.5 * steps * (density[..., 1:] + density[..., :-1]), axis=-1, out=area[..., 1:])
    before = np.clip(np.searchsorted(freqs, edges, side="right") - 1, 0, len(steps) - 1)
    beyond = edges - freqs[before]
    slope = (density[..., before + 1] - density[..., before]) / steps[before]
    reached = area[..., before] + beyond * (density[..., before] + 0.5 * beyond * slope)
    power: _Floats = reached[..., 1] - reached[..., 0]
    return power
