"""The 1/f slope of a spectrum without its peaks, as in specparam's mode "fixed" (Donoghue et al., Nat. Neurosci. 2020).

A straight line through the log density over log frequency would follow the peaks. So it is laid under them first, what
stands out of it is taken for Gaussian peaks, these are fitted together and taken away, and the line is fitted to the
rest. Names, steps and constants are of that paper's Methods, "Algorithmic parameterization of neural power spectra".
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.kernels.spectral import Psd

__all__ = ["Aperiodic", "aperiodic_slope"]

_Floats = npt.NDArray[np.float64]

# The line is first laid under this share of the frequencies, in percent.
_LOWEST_PERCENT = 2.5
# A peak stands out of what is left by as many standard deviations.
_PEAK_THRESHOLD = 2.0
_MAX_PEAKS = 8
_MAX_PEAK_WIDTH_HZ = 12.0
# Of two peaks nearer than this many of their standard deviations the lower is dropped.
_OVERLAP = 0.75
_LEAST_FREQS = 16


class Aperiodic(NamedTuple):
    """The part of a spectrum that falls as 1 / f^exponent: density = 10^offset / f^exponent.

    Attributes
    ----------
    exponent : ndarray, shape (...)
        0 for white noise, 2 for a random walk, about 1 to 2 for EEG at rest.
    offset : ndarray, shape (...)
        log10 of the density at 1 Hz.
    r_squared : ndarray, shape (...)
        Share of the variance of the log density that the line and the peaks explain.
    """

    exponent: _Floats
    offset: _Floats
    r_squared: _Floats


def aperiodic_slope(psd: Psd, l_freq: float = 2.0, h_freq: float = 40.0) -> Aperiodic:
    """Fit the 1/f slope under the peaks.

    Parameters
    ----------
    psd : Psd
        Densities of shape (..., n_freqs), best of `psd_welch` with windows of 2 s over half a minute or more: over 2 to
        40 Hz, the exponent has a standard error of 0.04 from 60 s and of 0.13 from 10 s.
    l_freq, h_freq : float
        Range in Hz. Leave out what a filter took away, and the mains.

    Returns
    -------
    Aperiodic
        Exponent, offset and quality of the fit, each of shape (...); NaN where a density in the range is NaN or 0.

    Raises
    ------
    ValueError
        If the range is empty, reaches beyond the frequencies, or holds fewer than 16 of them.

    Notes
    -----
    Peaks are from twice the distance of the frequencies to 12 Hz wide, at most 8. specparam 2.0 with the same limits
    gives the same where peaks stand out; where there are none, both fit some to the noise, not always the same ones.

    Time about 3 ms per signal: peaks are fitted signal by signal.

    Examples
    --------
    >>> import numpy as np
    >>> freqs = np.arange(0, 100, 0.5)
    >>> density = 3 / np.maximum(freqs, 0.5) ** 1.5 * (1 + 9 * np.exp(-((freqs - 10) ** 2) / 2))
    >>> fit = aperiodic_slope(Psd(freqs, density))
    >>> np.round([fit.exponent, 10**fit.offset], 1)
    array([1.5, 3. ])
    """
    freqs, density = np.asarray(psd.freqs, np.float64), np.asarray(psd.density, np.float64)
    inside = (freqs >= l_freq) & (freqs <= h_freq) & (freqs > 0)
    if not 0 < l_freq < h_freq <= freqs[-1] or inside.sum() < _LEAST_FREQS:
        raise ValueError(
            f"a slope needs a range 0 < l_freq < h_freq <= {freqs[-1]:g} Hz with {_LEAST_FREQS} frequencies in it; "
            f"found l_freq={l_freq:g}, h_freq={h_freq:g} with {inside.sum()}"
        )
    band, lead = density[..., inside], density.shape[:-1]
    rows = band.reshape(math.prod(lead), band.shape[-1])
    out = np.full((3, len(rows)), np.nan)
    for i, row in enumerate(rows):
        # Not all numbers are above 0 where one is NaN.
        if (row > 0).all() and np.isfinite(row).all():
            out[:, i] = _fit(freqs[inside], np.log10(row))
    return Aperiodic(*out.reshape(3, *lead))


def _fit(freqs: _Floats, log_density: _Floats) -> tuple[float, float, float]:
    log_freqs = np.log10(freqs)
    slope, offset = np.polyfit(log_freqs, log_density, 1)
    above = np.maximum(log_density - slope * log_freqs - offset, 0.0)
    lowest = above <= np.percentile(above, _LOWEST_PERCENT)
    # Half of the frequencies lie on or below the line of least squares, unless all of them do; then it is the line.
    if lowest.sum() >= 2:
        slope, offset = np.polyfit(log_freqs[lowest], log_density[lowest], 1)
    peaks = _peaks(freqs, log_density - slope * log_freqs - offset)
    slope, offset = np.polyfit(log_freqs, log_density - peaks, 1)
    scatter = log_density.var()
    rest = (log_density - peaks - slope * log_freqs - offset).var()
    # A flat line explains nothing, and there is nothing to explain.
    return 0.0 - slope, offset, 1 - rest / scatter if scatter > 0 else np.nan


def _peaks(freqs: _Floats, flat: _Floats) -> _Floats:
    """Fit Gaussians to what stands out of a flattened log density, shape (n_freqs,), and give their sum."""
    from scipy.optimize import least_squares

    guesses = _guess_peaks(freqs, flat)
    if not len(guesses):
        return np.zeros_like(flat)
    centre, height, width = guesses.T
    narrowest, widest = _widths(freqs)
    lower = np.stack([np.maximum(centre - 3 * width, freqs[0]), np.zeros_like(height), np.full_like(width, narrowest)])
    upper = np.stack(
        [np.minimum(centre + 3 * width, freqs[-1]), np.full_like(height, np.inf), np.full_like(width, widest)]
    )
    fitted = least_squares(
        lambda p: _gaussians(freqs, p) - flat,
        np.clip(guesses.T, lower, upper).ravel(),
        jac=lambda p: _slopes(freqs, p),
        bounds=(lower.ravel(), upper.ravel()),
        x_scale="jac",
        ftol=1e-5,
        xtol=1e-5,
        max_nfev=200,
    )
    return _gaussians(freqs, fitted.x)


def _guess_peaks(freqs: _Floats, flat: _Floats) -> _Floats:
    """Take the highest point again and again for a peak; centres, heights and widths, shape (n_peaks, 3)."""
    narrowest, widest = _widths(freqs)
    rest, found = flat.copy(), []
    for _ in range(_MAX_PEAKS):
        top = int(rest.argmax())
        height = rest[top]
        if height <= _PEAK_THRESHOLD * rest.std():
            break
        # The nearer of the two sides at half the height: the other may be another peak's.
        low = np.flatnonzero(rest <= height / 2)
        half_width = np.abs(freqs[low] - freqs[top]).min() if len(low) else widest
        width = float(np.clip(half_width / math.sqrt(2 * math.log(2)), narrowest, widest))
        rest -= height * np.exp(-0.5 * ((freqs - freqs[top]) / width) ** 2)
        # One at the edge is the slope's, or half of a peak.
        if min(freqs[top] - freqs[0], freqs[-1] - freqs[top]) > width:
            found.append((freqs[top], height, width))
    kept = [a for a in found if not any(abs(a[0] - b[0]) < _OVERLAP * (a[2] + b[2]) and b[1] > a[1] for b in found)]
    return np.array(kept).reshape(-1, 3)


def _widths(freqs: _Floats) -> tuple[float, float]:
    """Give the least and greatest standard deviation of a peak: half of its width."""
    return float(freqs[1] - freqs[0]), _MAX_PEAK_WIDTH_HZ / 2


def _gaussians(freqs: _Floats, parameters: _Floats) -> _Floats:
    centre, height, width = parameters.reshape(3, -1, 1)
    total: _Floats = (height * np.exp(-0.5 * ((freqs - centre) / width) ** 2)).sum(axis=0)
    return total


def _slopes(freqs: _Floats, parameters: _Floats) -> _Floats:
    """Differentiate `_gaussians` by its parameters, shape (n_freqs, 3 n_peaks)."""
    centre, height, width = parameters.reshape(3, -1, 1)
    z = (freqs - centre) / width
    shape = np.exp(-0.5 * z**2)
    return np.concatenate([height * shape * z / width, shape, height * shape * z**2 / width]).T
