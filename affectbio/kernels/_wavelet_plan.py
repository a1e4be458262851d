"""What the bodies of wavelet power need beside the signal, and the two families of wavelets.

A wavelet at the frequency f is one function of ν / f in frequency, its value 1 at 1. The band outside which it is as
good as nothing is cut out of the signal's spectrum and transformed back into only as many points as its power needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.kernels._fft_factors import radices, twiddles

__all__ = ["SLOPE", "Freqs", "Morlet", "Morse", "Norm", "Plan", "Wavelet", "frequency_grid", "gains_at", "plan"]

Norm = Literal["l1", "l2"]
Freqs = tuple[float, float, int] | npt.ArrayLike
Array = npt.NDArray[Any]

# A wavelet is cut off where a Gaussian has fallen to 4e-6, in frequency as in time.
_REACH = 5.0
_CUT = math.exp(-0.5 * _REACH**2)
# For the mean over many samples, in frequency at 4e-5.
_REACH_OF_MEANS = 4.5
# Between points of the power of a band, it is interpolated by a sinc in a Kaiser window: where there are twice as many
# points as the band needs, a short one does.
_OVERSAMPLING = 2.0
_TAPS, _BETA = 8, 8.0
_TAPS_OF_MEANS, _BETA_OF_MEANS = 16, 10.0
# Share of the sampling rate over which a wavelet runs down to nothing at half of it; cut off, it would ring.
SLOPE = 0.025


@dataclass(frozen=True)
class Morlet:
    """The analytic Morlet wavelet: a Gaussian in frequency, made zero at 0 Hz."""

    n_cycles: float = 6.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.n_cycles) and self.n_cycles > 0):
            raise ValueError(f"a wavelet is some cycles wide; found n_cycles={self.n_cycles}")

    def gain(self, ratio: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Give the wavelet at some ratios of a frequency to its own."""
        bell: npt.NDArray[np.float64] = np.exp(-0.5 * ((ratio - 1) * self.n_cycles) ** 2) - np.exp(
            -0.5 * (ratio**2 + 1) * self.n_cycles**2
        )
        return bell

    @property
    def cycles(self) -> float:
        """Standard deviation of the envelope in time, in periods times 2π."""
        return self.n_cycles

    @property
    def band(self) -> tuple[float, float]:
        """Ratios between which it is more than nothing."""
        return self.edges(_REACH)

    def edges(self, reach: float) -> tuple[float, float]:
        """Give the ratios at which it has fallen to what a Gaussian has fallen to, so many standard deviations out."""
        return max(0.0, 1 - reach / self.n_cycles), 1 + reach / self.n_cycles

    @property
    def energy(self) -> float:
        """Integral of its square over the ratio."""
        return math.sqrt(math.pi) / self.n_cycles

    @property
    def reach(self) -> float:
        """Periods from its middle to where it is as good as nothing."""
        return _REACH * self.n_cycles / (2 * math.pi)

    @property
    def folding(self) -> float:
        """Periods from its middle to where its envelope has fallen to 1/e."""
        return math.sqrt(2) * self.n_cycles / (2 * math.pi)


@dataclass(frozen=True)
class Morse:
    """A generalised Morse wavelet: ψ̂(ω) ∝ ω^β exp(-ω^γ) for ω > 0 (Olhede & Walden, IEEE Trans. Signal Process., 2002).

    Exactly analytic for any width, where the Morlet wavelet is only nearly so.

    Parameters
    ----------
    gamma : float
        Shape: 3 is the most symmetric in frequency, and as close to a Gaussian as these come; 1 gives the Cauchy (Paul)
        wavelets, 2 derivatives of a Gaussian.
    beta : float
        With gamma, width: √(βγ) is what n_cycles is to a Morlet wavelet (Lilly & Olhede, IEEE Trans. Signal Process.
        57:146, 2009), 7.7 for the defaults. At least 1: below, it hardly decays in time.

    Raises
    ------
    ValueError
        If gamma is not positive, or beta below 1.

    Examples
    --------
    >>> Morse(gamma=3, beta=12).cycles
    6.0
    """

    gamma: float = 3.0
    beta: float = 20.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.gamma) and self.gamma > 0 and math.isfinite(self.beta) and self.beta >= 1):
            raise ValueError(f"a Morse wavelet has gamma above 0 and beta of at least 1; found {self}")

    def gain(self, ratio: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Give the wavelet at some ratios, above 0, of a frequency to its own."""
        # With its peak, at ω = (β/γ)^(1/γ), moved to 1.
        logarithm = np.log(ratio)
        with np.errstate(over="ignore"):
            gain: npt.NDArray[np.float64] = np.exp(
                self.beta * (logarithm - np.expm1(self.gamma * logarithm) / self.gamma)
            )
        return gain

    @property
    def cycles(self) -> float:
        """The n_cycles of the Morlet wavelet of the same curvature at the peak in frequency: √(βγ)."""
        return math.sqrt(self.beta * self.gamma)

    @property
    def band(self) -> tuple[float, float]:
        """Ratios between which it is more than nothing."""
        return self.edges(_REACH)

    def edges(self, reach: float) -> tuple[float, float]:
        """Give the ratios at which it has fallen to what a Gaussian has fallen to, so many standard deviations out."""
        cut, low, high = math.exp(-0.5 * reach**2), 0.5, 2.0
        while self.gain(np.array(low)) > cut:
            low /= 2
        while self.gain(np.array(high)) > cut:
            high *= 2
        return self._edge(low, cut), self._edge(high, cut)

    @property
    def energy(self) -> float:
        """Integral of its square over the ratio."""
        power = (2 * self.beta + 1) / self.gamma
        slope = 2 * self.beta / self.gamma
        return math.exp(slope + math.lgamma(power) - power * math.log(slope)) / self.gamma

    @property
    def reach(self) -> float:
        """Periods from its middle to where it is as good as nothing."""
        periods, envelope = self._envelope
        return float(periods[np.flatnonzero(envelope > _CUT)[-1]])

    @property
    def folding(self) -> float:
        """Periods from its middle to where its envelope has fallen to 1/e."""
        periods, envelope = self._envelope
        after = int(np.argmax(envelope < math.exp(-1)))
        around = slice(after - 1, after + 1)
        return float(np.interp(-math.exp(-1), -envelope[around], periods[around]))

    def _edge(self, outside: float, cut: float) -> float:
        inside = 1.0
        for _ in range(50):
            middle = (outside + inside) / 2
            outside, inside = (outside, middle) if self.gain(np.array(middle)) > cut else (middle, inside)
        return outside

    @cached_property
    def _envelope(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Its envelope in time from its middle on, and the periods at which."""
        from scipy import fft

        n = 1 << 17
        step = self.band[1] * 16 / n
        spectrum = np.zeros(n)
        ratios = np.arange(1.0, n // 16) * step
        spectrum[1 : n // 16] = self.gain(ratios)
        envelope = np.abs(fft.ifft(spectrum)[: n // 2])
        return np.arange(n // 2) / (n * step), envelope / envelope[0]


Wavelet = Morlet | Morse


class Plan(NamedTuple):
    """What the bodies need beside the signal."""

    # Per frequency: first bin of its band, bins in it, where their gains begin, kind of its inverse transform. A zero
    # follows the gains of each.
    first: npt.NDArray[np.int64]
    n_bins: npt.NDArray[np.int64]
    gain_at: npt.NDArray[np.int64]
    gains: Array
    kind: npt.NDArray[np.int64]
    # The forward transform: its length, passes and factors of one of half of it, and half of exp(2πi k / length).
    n_fft: int
    half_passes: npt.NDArray[np.int64]
    half_factors: Array
    turns: Array
    # Per kind of inverse transform: its length, where its passes begin and end, and their factors.
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


def frequency_grid(freqs: Freqs, sfreq: float) -> tuple[float, ...]:
    """Give frequencies, of a grid or as they are, checked against the sampling rate."""
    if not (math.isfinite(sfreq) and sfreq > 0):
        raise ValueError(f"expected a sampling rate in Hz; found {sfreq}")
    if isinstance(freqs, tuple):
        if len(freqs) != 3 or freqs[2] < 1 or freqs[2] % 1:
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


def gains_at(
    nu: npt.NDArray[np.float64], f: float, sfreq: float, wavelet: Wavelet, norm: Norm
) -> npt.NDArray[np.float64]:
    """Give what a wavelet at ``f`` does to the frequencies ``nu`` of a real signal, in Hz, above 0."""
    # Of a real signal only half the amplitude is at positive frequencies.
    scale = 2.0 if norm == "l1" else 1 / math.sqrt(wavelet.energy * f)
    return scale * wavelet.gain(nu / f) * np.clip((0.5 - nu / sfreq) / SLOPE, 0, 1)


@lru_cache(maxsize=16)
def plan(
    n_times: int,
    sfreq: float,
    freqs: tuple[float, ...],
    wavelet: Wavelet,
    norm: Norm,
    dtype: np.dtype[Any],
    n_cells: int,
) -> Plan:
    """Plan the power of a signal in cells; every sample is one where there are as many."""
    if norm not in ("l1", "l2"):
        raise ValueError(f"norm is 'l1' for amplitude or 'l2' for energy; found {norm!r}")
    in_full = n_cells == n_times
    centre, (low, high) = np.array(freqs), wavelet.edges(_REACH if in_full else _REACH_OF_MEANS)
    n_fft = _next_length(n_times + math.ceil(wavelet.reach * sfreq / centre.min() + 5 / SLOPE))
    # Points per second. Power has changes as fast as the band is wide; what is faster than the points can hold is
    # folded over, and must not come to lie among changes as slow as the cells show, or, in narrow cells, as can be
    # interpolated.
    band = (high - low) * centre
    rate = np.minimum(band + sfreq * n_cells / n_times, _OVERSAMPLING * band)
    length = np.array([min(n_fft, _next_length(math.ceil(r / sfreq * n_fft))) for r in rate])
    first = np.maximum(np.ceil(centre * low / sfreq * n_fft), 1).astype(np.int64)
    last = np.minimum(np.floor(centre * high / sfreq * n_fft), n_fft // 2 - 1).astype(np.int64)
    last = np.minimum(last, first + length - 1)
    gains = [
        np.append(gains_at(np.arange(k, m + 1) * (sfreq / n_fft), f, sfreq, wavelet, norm) / n_fft, 0.0)
        for k, m, f in zip(first, last, freqs, strict=True)
    ]
    lengths = [int(m) for m in np.unique(length)]
    turned = 0.5 * np.exp(2j * np.pi * np.arange(n_fft // 2) / n_fft)
    tables = [_cells(n_times, n_fft, m, n_cells) for m in lengths]
    return Plan(
        first,
        last - first + 1,
        *_packed(gains, dtype),
        np.searchsorted(lengths, length),
        n_fft,
        radices(n_fft // 2),
        twiddles(n_fft // 2).ravel().astype(dtype),
        turned.view(np.float64).astype(dtype),
        np.array(lengths),
        *_packed([radices(m) for m in lengths], np.dtype(np.int64)),
        *_packed([twiddles(m).ravel() for m in lengths], dtype),
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
    in_full = n_cells == n_times
    # Samples lie in the same way between points again after so many of them.
    period = n_fft // math.gcd(n_fft, length)
    if in_full:
        n_times = n_cells = min(n_times, period)
    n_taps, beta = (_TAPS, _BETA) if in_full else (_TAPS_OF_MEANS, _BETA_OF_MEANS)
    if length == n_fft:
        n_taps = 1
    earlier = (n_taps - 1) // 2
    away = (np.arange(period) * length % n_fft / n_fft + earlier)[:, None] - np.arange(n_taps)
    taps = np.sinc(away) * np.i0(beta * np.sqrt(np.maximum(0, 1 - (2 * away / n_taps) ** 2)))
    taps /= taps.sum(axis=1, keepdims=True)
    edges = -(-np.arange(n_cells + 1) * n_times // n_cells)
    # Of a cell's samples, those after one point and before the next are weighed alike: far fewer runs than samples.
    points = np.arange((n_times - 1) * length // n_fft + 1)
    begin = np.unique(np.concatenate([-(-points * n_fft // length), edges[:-1]]))
    stop = np.append(begin[1:], n_times)
    until = np.concatenate([np.zeros((1, n_taps)), taps.cumsum(axis=0)])
    weight = until[stop % period] - until[begin % period] + (stop // period - begin // period)[:, None] * until[-1]
    before = begin * length // n_fft - earlier
    run = np.searchsorted(begin, edges)
    first = before[run[:-1]]
    cell = np.repeat(np.arange(n_cells), np.diff(run))
    n_points = int((before[run[1:] - 1] - first).max()) + n_taps
    n_points += -n_points % _TAPS
    place = (cell * n_points + before - first[cell])[:, None] + np.arange(n_taps)
    share = weight / np.diff(edges)[cell][:, None]
    weights = np.bincount(place.ravel(), share.ravel(), minlength=n_cells * n_points).astype(np.float64, copy=False)
    return first, weights.reshape(n_cells, n_points)
