"""How channels move together, in bands: phase locking, phase lag, and coherence.

All are read from the spectra of overlapping segments (Hann taper, mean removed; see `segment_spectra`): averaged over
the segments of the window, at each frequency, and then over the frequencies of a band, its lower edge included and its
upper edge not. Of n segments, even channels that know nothing of each other have a phase locking of about 1 / √n and a
coherence of about 1 / n: give windows of many segments, and compare only windows of equal length.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from affectbio.bands import Bands, resolve_bands
from affectbio.errors import SignalQualityError
from affectbio.kernels._samples import real_samples
from affectbio.kernels.spectral import segment_spectra

__all__ = ["coherence", "imaginary_coherence", "phase_locking_value", "weighted_phase_lag_index"]

_Floats = npt.NDArray[np.float64]
_Complex = npt.NDArray[np.complex128]

# A phase lag in radians below which it is the rounding of none.
_NO_LAG = 1e-9


def phase_locking_value(
    x: npt.ArrayLike, sfreq: float, bands: Bands = "eeg", *, window_s: float = 1.0, overlap: float = 0.5
) -> _Floats:
    """Compute how constant the phase between channels is (Lachaux et al., Human Brain Mapping 8:194, 1999).

    Parameters
    ----------
    x : array-like, shape (..., n_chans, n_times)
        Windows of a signal, in any unit. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    window_s : float
        Length of a segment in seconds; frequencies are 1 / window_s apart.
    overlap : float
        Share of a segment that it has in common with the next.

    Returns
    -------
    ndarray, shape (..., n_bands, n_chans, n_chans)
        ``|mean over segments of exp(i (φ_row - φ_column))|``, from 0 to 1; 1 on the diagonal. NaN for two channels that
        have fewer than two segments in common in which no sample is lost and neither is constant.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than two segments with their overlap.
    ValueError
        If array, bands or segments make no sense, or no frequency falls into a band.

    Notes
    -----
    Of the same source in two channels, as of volume conduction, it is 1: see `weighted_phase_lag_index`. Time
    O(n_chans² · n_times).

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(2560) / 256
    >>> x = np.sin(2 * np.pi * 10 * t + [[0.0], [1.0]])
    >>> np.round(phase_locking_value(x, 256, {"alpha": (9, 12)}), 3)
    array([[[1., 1.],
            [1., 1.]]])
    """

    def measure(spectra: _Complex, whole: _Floats) -> _Floats:
        size = np.abs(spectra)
        phases = np.divide(spectra, size, out=np.zeros_like(spectra), where=size > 0)
        return _ratio(np.abs(_cross(phases)), whole @ whole.T)

    return _per_band(x, sfreq, bands, window_s, overlap, measure)


def coherence(
    x: npt.ArrayLike, sfreq: float, bands: Bands = "eeg", *, window_s: float = 1.0, overlap: float = 0.5
) -> _Floats:
    """Compute the magnitude-squared coherence of channels.

    Parameters
    ----------
    x : array-like, shape (..., n_chans, n_times)
        Windows of a signal, in any unit. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    window_s : float
        Length of a segment in seconds; frequencies are 1 / window_s apart.
    overlap : float
        Share of a segment that it has in common with the next.

    Returns
    -------
    ndarray, shape (..., n_bands, n_chans, n_chans)
        ``|S_xy|² / (S_xx S_yy)``, from 0 to 1; 1 on the diagonal. NaN as for `phase_locking_value`.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than two segments with their overlap.
    ValueError
        If array, bands or segments make no sense, or no frequency falls into a band.

    Notes
    -----
    At each frequency equal to ``scipy.signal.coherence`` where no sample is lost. Time O(n_chans² · n_times).

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((2, 12800))
    >>> noise[1] += noise[0]
    >>> np.round(coherence(noise, 128, {"beta": (14, 31)}), 1)
    array([[[1. , 0.5],
            [0.5, 1. ]]])
    """

    def measure(spectra: _Complex, whole: _Floats) -> _Floats:
        return _ratio(np.abs(_cross(spectra)) ** 2, _power_products(spectra, whole))

    return _per_band(x, sfreq, bands, window_s, overlap, measure)


def imaginary_coherence(
    x: npt.ArrayLike, sfreq: float, bands: Bands = "eeg", *, window_s: float = 1.0, overlap: float = 0.5
) -> _Floats:
    """Compute the imaginary part of coherency, which nothing without a lag has (Nolte et al., Clin Neurophysiol 2004).

    Parameters
    ----------
    x : array-like, shape (..., n_chans, n_times)
        Windows of a signal, in any unit. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    window_s : float
        Length of a segment in seconds; frequencies are 1 / window_s apart.
    overlap : float
        Share of a segment that it has in common with the next.

    Returns
    -------
    ndarray, shape (..., n_bands, n_chans, n_chans)
        Im(S_xy) / √(S_xx S_yy), from -1 to 1: above 0 where the row leads by less than half a period, the opposite
        across the diagonal. NaN as for `phase_locking_value`.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than two segments with their overlap.
    ValueError
        If array, bands or segments make no sense, or no frequency falls into a band.

    Notes
    -----
    Time O(n_chans² · n_times).

    Examples
    --------
    The second channel lags by a quarter of a period:

    >>> import numpy as np
    >>> t = np.arange(2560) / 256
    >>> x = np.cos(2 * np.pi * 10 * t - [[0.0], [np.pi / 2]])
    >>> np.round(imaginary_coherence(x, 256, {"alpha": (9, 12)})[0, 0, 1], 3)
    np.float64(1.0)
    """

    def measure(spectra: _Complex, whole: _Floats) -> _Floats:
        return _ratio(_cross(spectra).imag, np.sqrt(_power_products(spectra, whole)))

    return _per_band(x, sfreq, bands, window_s, overlap, measure)


def weighted_phase_lag_index(
    x: npt.ArrayLike,
    sfreq: float,
    bands: Bands = "eeg",
    *,
    window_s: float = 1.0,
    overlap: float = 0.5,
    debiased: bool = False,
) -> _Floats:
    """Compute how consistently one channel leads the other (Vinck et al., NeuroImage 55:1548, 2011).

    Parameters
    ----------
    x : array-like, shape (..., n_chans, n_times)
        Windows of a signal, in any unit. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    window_s : float
        Length of a segment in seconds; frequencies are 1 / window_s apart.
    overlap : float
        Share of a segment that it has in common with the next.
    debiased : bool
        Give the debiased estimate of the square of the index, equation 15 there: about 0 without a lag however few
        the segments, and below 0 at times. It takes segments as independent: better with an overlap of 0.

    Returns
    -------
    ndarray, shape (..., n_bands, n_chans, n_chans)
        ``|Σ Im S| / Σ |Im S|``, equation 8 there, from 0 to 1; 0 on the diagonal and wherever there is no lag at all,
        as for one source in two channels. NaN as for `phase_locking_value`.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than two segments with their overlap.
    ValueError
        If array, bands or segments make no sense, or no frequency falls into a band.

    Notes
    -----
    Time O(n_chans² · n_times).

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(2560) / 256
    >>> x = np.cos(2 * np.pi * 10 * t - [[0.0], [0.3], [0.0]])
    >>> np.round(weighted_phase_lag_index(x, 256, {"alpha": (9, 12)})[0], 3)
    array([[0., 1., 0.],
           [1., 0., 1.],
           [0., 1., 0.]])
    """

    def measure(spectra: _Complex, whole: _Floats) -> _Floats:
        n_freqs, n_chans, _ = spectra.shape
        index = np.zeros((n_freqs, n_chans, n_chans))
        size = np.abs(spectra)
        # A row at a time: all pairs of channels in all segments at once would be n_chans times the signal.
        for i in range(n_chans - 1):
            later = slice(i + 1, None)
            lag = (spectra[:, i : i + 1] * spectra[:, later].conj()).imag
            lag[np.abs(lag) <= _NO_LAG * size[:, i : i + 1] * size[:, later]] = 0.0
            total, magnitude = lag.sum(axis=-1), np.abs(lag).sum(axis=-1)
            if debiased:
                squares = (lag**2).sum(axis=-1)
                total, magnitude = total**2 - squares, magnitude**2 - squares
            ratio = np.divide(total, magnitude, out=np.zeros_like(total), where=magnitude > 0)
            index[:, i, later] = ratio if debiased else np.abs(ratio)
        return index + index.swapaxes(-1, -2)

    return _per_band(x, sfreq, bands, window_s, overlap, measure)


def _per_band(
    x: npt.ArrayLike,
    sfreq: float,
    bands: Bands,
    window_s: float,
    overlap: float,
    measure: Callable[[_Complex, _Floats], _Floats],
) -> _Floats:
    """Apply ``measure`` to the frequencies of each band, and average over them.

    It takes spectra, shape (n_freqs, n_chans, n_segments), and which of them are whole, shape (n_chans, n_segments), 1
    or 0; it gives (n_freqs, n_chans, n_chans).
    """
    if np.ndim(x) < 2 or 0 in np.shape(x)[:-1]:
        raise ValueError(f"expected channels and times, shape (..., n_chans, n_times); found shape {np.shape(x)}")
    samples = real_samples(x)
    resolved = resolve_bands(bands, sfreq)
    lead, n_chans = samples.shape[:-2], samples.shape[-2]
    out = np.full((*lead, len(resolved), n_chans, n_chans), np.nan)
    for i in np.ndindex(lead):
        freqs, spectra, whole = segment_spectra(samples[i], sfreq, window_s=window_s, overlap=overlap)
        if whole.shape[-1] < 2:
            raise SignalQualityError(
                f"two channels are compared over at least 2 segments of {window_s:g} s, but the last axis of x, shape "
                f"{samples.shape}, holds 1; give a longer signal or a shorter window_s"
            )
        common = whole.astype(np.float64)
        enough = common @ common.T >= 2
        for k, band in enumerate(resolved):
            inside = (freqs >= band.l_freq) & (freqs < band.h_freq)
            if not inside.any():
                raise ValueError(
                    f"no frequency falls into the band {band.l_freq:g}-{band.h_freq:g} Hz: with segments of "
                    f"window_s={window_s:g} they are {freqs[1]:g} Hz apart"
                )
            found = measure(np.ascontiguousarray(spectra[..., inside].transpose(2, 0, 1)), common)
            out[i][k] = np.where(enough, found.mean(axis=0), np.nan)
    return out


def _cross(spectra: _Complex) -> _Complex:
    """Sum cross spectra over segments, shape (n_freqs, n_chans, n_chans); those that are not whole are 0."""
    total: _Complex = spectra @ spectra.conj().swapaxes(-1, -2)
    return total


def _power_products(spectra: _Complex, whole: _Floats) -> _Floats:
    """Multiply the powers of both channels, each over the segments in which the other is whole too."""
    power = (spectra.real**2 + spectra.imag**2) @ whole.T
    product: _Floats = power * power.swapaxes(-1, -2)
    return product


def _ratio(part: _Floats, of: _Floats) -> _Floats:
    shape = np.broadcast_shapes(part.shape, of.shape)
    out: _Floats = np.divide(part, of, out=np.full(shape, np.nan), where=of > 0)
    return out
