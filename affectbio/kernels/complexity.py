"""How irregular a signal is: Hjorth's parameters, entropies of patterns and of the spectrum, fractal dimensions.

Each takes signals along the last axis and gives one float64 for each: NaN where a sample is lost (NaN or inf) or all
are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._backend import bodies, in_threads
from affectbio.kernels._samples import read_only, real_channels

__all__ = [
    "Hjorth",
    "higuchi_fractal_dimension",
    "hjorth",
    "katz_fractal_dimension",
    "permutation_entropy",
    "sample_entropy",
    "spectral_entropy",
]

_Floats = npt.NDArray[np.float64]


class Hjorth(NamedTuple):
    """Hjorth's parameters of signals, each of shape (...).

    Parameters
    ----------
    activity : ndarray
        Variance, in the squared unit of the signal.
    mobility : ndarray
        Standard deviation of the slope over that of the signal: the mean frequency, in radians per second.
    complexity : ndarray
        Mobility of the slope over that of the signal: 1 for a sine, more for anything less regular. NaN for a signal
        whose slope does not change.
    """

    activity: _Floats
    mobility: _Floats
    complexity: _Floats


def hjorth(x: npt.ArrayLike, sfreq: float = 1.0) -> Hjorth:
    """Compute activity, mobility and complexity (Hjorth, Electroenceph. Clin. Neurophysiol. 1970).

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    sfreq : float
        Sampling rate in Hz; without it, mobility is in radians per sample.

    Returns
    -------
    Hjorth
        The three parameters, each of shape (...).

    Raises
    ------
    SignalQualityError
        If there are fewer than 3 samples.
    ValueError
        If x is no array of real numbers, or sfreq is not positive.

    Notes
    -----
    Time O(n_times) per signal. Slopes are differences of neighbours: the mobility of a sine of f Hz is
    2 sfreq sin(π f / sfreq), less than 2 π f by 2 % at f = sfreq / 10.

    Examples
    --------
    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(10_000) / 1000)
    >>> np.round(hjorth(sine, 1000), 2)
    array([ 0.5 , 62.82,  1.  ])
    """
    if not 0 < sfreq < math.inf:
        raise ValueError(f"a sampling rate is positive; found sfreq={sfreq}")

    def measure(rows: _Floats) -> _Floats:
        activity, slope, bend = (np.diff(rows, k).var(axis=-1) for k in range(3))
        mobility = np.sqrt(_ratio(slope, activity))
        complexity = _ratio(np.sqrt(_ratio(bend, slope)), mobility)
        return np.stack([activity, sfreq * mobility, complexity], axis=-1)

    found = _per_signal(x, "a slope that changes", 3, measure, width=3)
    return Hjorth(*np.moveaxis(found, -1, 0))


def sample_entropy(x: npt.ArrayLike, m: int = 2, r: float = 0.2, *, n_jobs: int = 1) -> _Floats:
    """Compute the sample entropy (Richman & Moorman, AJP Heart 2000): how often likeness ends after m samples.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    m : int
        Samples in a template.
    r : float
        How far apart two samples that match may be, in (biased) standard deviations of the signal.
    n_jobs : int
        Threads that share the signals; -1 for as many as there are processors.

    Returns
    -------
    ndarray, shape (...)
        -ln(A / B) in nats, where B pairs of templates of m samples match and A of those also in the next. inf where A
        is 0 and NaN where B is 0: the signal is too short, or r too small, for a number.

    Raises
    ------
    SignalQualityError
        If there are fewer than m + 2 samples.
    ValueError
        If m is below 1, r is not positive, n_jobs is neither positive nor -1, or x is no array of real numbers.

    Notes
    -----
    Time O(m · n_times²) per signal: twice the length takes four times as long. Memory O(n_times). A pair matches where
    all differences are at most r, as in the paper; antropy counts only those below it.

    Examples
    --------
    White noise is irregular, its running sum is not:

    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(1000)
    >>> np.round(sample_entropy([noise, np.cumsum(noise)]), 1)
    array([2.2, 0.2])
    """
    if m < 1 or not r > 0:
        raise ValueError(f"a template has at least one sample, and a tolerance is positive; found m={m}, r={r}")

    def measure(rows: _Floats) -> _Floats:
        counts = np.empty((len(rows), 2))
        tolerance = r * rows.std(axis=-1)

        def count(a: int, b: int) -> None:
            bodies("complexity").count_matches(read_only(rows[a:b]), m, tolerance[a:b], counts[a:b])

        in_threads(count, len(rows), n_jobs)
        with np.errstate(divide="ignore"):  # ln 0 where no pair goes on
            return 0.0 - np.log(_ratio(counts[:, 1], counts[:, 0]))

    return _per_signal(x, f"sample entropy with m={m}", m + 2, measure)


def permutation_entropy(x: npt.ArrayLike, order: int = 3, delay: int = 1, *, normalized: bool = False) -> _Floats:
    """Compute the Shannon entropy of the order in which neighbours stand by size (Bandt & Pompe, PRL 2002).

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    order : int
        Samples in a pattern, 2 to 8. For every pattern to be seen, n_times has to be far above ``factorial(order)``.
    delay : int
        Distance between the samples of a pattern, in samples.
    normalized : bool
        Divide by ln(order!), so that white noise has 1.

    Returns
    -------
    ndarray, shape (...)
        Nats, or a share of 1. Of equal samples the earlier counts as the lower.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than a pattern.
    ValueError
        If order or delay are out of range, or x is no array of real numbers.

    Notes
    -----
    Time O(order² · n_times) per signal.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(10_000)
    >>> np.round(permutation_entropy([noise, np.arange(10_000)], normalized=True), 2)
    array([1., 0.])
    """
    if not 2 <= order <= 8 or delay < 1:
        raise ValueError(f"expected an order of 2 to 8 and a delay of at least 1; found order={order}, delay={delay}")
    n_patterns = math.factorial(order)

    def measure(rows: _Floats) -> _Floats:
        n = rows.shape[-1] - (order - 1) * delay
        places = [rows[:, i * delay : i * delay + n] for i in range(order)]
        # Lehmer's code numbers permutations: digit i says how many of the later samples are lower than sample i.
        code = np.zeros((len(rows), n), np.int64)
        for i, earlier in enumerate(places):
            for later in places[i + 1 :]:
                code += (earlier > later) * math.factorial(order - 1 - i)
        counts = np.array([np.bincount(row, minlength=n_patterns) for row in code]).reshape(-1, n_patterns)
        entropy = _shannon(counts / n)
        return entropy / math.log(n_patterns) if normalized else entropy

    return _per_signal(x, f"a pattern of order {order} and delay {delay}", (order - 1) * delay + 1, measure)


def spectral_entropy(
    x: npt.ArrayLike, sfreq: float, l_freq: float = 0.0, h_freq: float = math.inf, *, normalized: bool = False
) -> _Floats:
    """Compute the Shannon entropy of the power spectrum (Inouye et al., Electroenceph. Clin. Neurophysiol. 1991).

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    sfreq : float
        Sampling rate in Hz.
    l_freq, h_freq : float
        Lowest and highest frequency that counts, in Hz.
    normalized : bool
        Divide by the logarithm of the number of frequencies, so that a flat spectrum has 1.

    Returns
    -------
    ndarray, shape (...)
        Nats, or a share of 1. NaN where there is no power between the two frequencies.

    Raises
    ------
    SignalQualityError
        If there are fewer than 2 samples.
    ValueError
        If sfreq is not positive, fewer than two frequencies lie between l_freq and h_freq, or x is no array of real
        numbers.

    Notes
    -----
    Time O(n_times log n_times) per signal. The spectrum is the periodogram without the mean. Its values scatter about
    the spectrum however long the signal is, so that white noise has 0.42 nats less than ln(n_freqs), not 0.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(2560)
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(2560) / 256)
    >>> np.round(spectral_entropy([noise, sine], 256, 1, 45, normalized=True), 2)
    array([0.93, 0.  ])
    """
    from scipy.signal import periodogram

    if not 0 < sfreq < math.inf:
        raise ValueError(f"a sampling rate is positive; found sfreq={sfreq}")

    def measure(rows: _Floats) -> _Floats:
        freqs, power = periodogram(rows, sfreq, axis=-1)
        power = power[:, (freqs >= l_freq) & (freqs <= h_freq)]
        if power.shape[-1] < 2:
            raise ValueError(
                f"expected at least two frequencies from l_freq={l_freq:g} to h_freq={h_freq:g} Hz; found "
                f"{power.shape[-1]}: {rows.shape[-1]} samples at {sfreq:g} Hz are {sfreq / rows.shape[-1]:g} Hz apart"
            )
        entropy = _shannon(_ratio(power, power.sum(axis=-1, keepdims=True)))
        return entropy / math.log(power.shape[-1]) if normalized else entropy

    return _per_signal(x, "a spectrum", 2, measure)


def higuchi_fractal_dimension(x: npt.ArrayLike, k_max: int = 10) -> _Floats:
    """Compute the fractal dimension from how the curve's length falls as it is read in longer steps (Higuchi 1988).

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    k_max : int
        Longest step, in samples, at least 2.

    Returns
    -------
    ndarray, shape (...)
        1 for a smooth curve to 2 for white noise. NaN where a step of some length finds no change, as in a signal of
        that period.

    Raises
    ------
    SignalQualityError
        If there are fewer than 2 k_max samples.
    ValueError
        If k_max is below 2, or x is no array of real numbers.

    Notes
    -----
    Time O(k_max · n_times) per signal.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(10_000)
    >>> np.round(higuchi_fractal_dimension([noise, np.cumsum(noise), np.arange(10_000)]), 2)
    array([2.  , 1.49, 1.  ])
    """
    if k_max < 2:
        raise ValueError(f"a slope needs steps of at least two lengths; found k_max={k_max}")
    steps = np.arange(1, k_max + 1)

    def measure(rows: _Floats) -> _Floats:
        n_times = rows.shape[-1]
        length = np.zeros((k_max, len(rows)))
        for k in range(1, k_max + 1):
            change = np.abs(rows[:, k:] - rows[:, :-k])
            for start in range(k):
                # A mean over the steps that fit in, times how many would span the signal: equation 5.
                length[k - 1] += change[:, start::k].mean(axis=-1) * (n_times - 1) / k**2
            length[k - 1] /= k
        logarithm = np.log(length, out=np.full_like(length, np.nan), where=length > 0)
        scale = -np.log(steps) + np.log(steps).mean()
        slope: _Floats = scale @ logarithm / (scale @ scale)
        return slope

    return _per_signal(x, f"a step of k_max={k_max} samples", 2 * k_max, measure)


def katz_fractal_dimension(x: npt.ArrayLike) -> _Floats:
    """Compute the fractal dimension from the curve's length and its reach (Katz, Comput. Biol. Med. 1988).

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.

    Returns
    -------
    ndarray, shape (...)
        ln n / (ln n + ln(d / L)) for n steps, d the greatest distance from the first sample and L the sum of all steps:
        1 for a line, without an upper bound. NaN where the reach is no longer than a mean step.

    Raises
    ------
    SignalQualityError
        If there are fewer than 3 samples.
    ValueError
        If x is no array of real numbers.

    Notes
    -----
    Time O(n_times) per signal. Distances are differences of amplitude alone, as of Esteller et al. (IEEE TCAS-I 2001),
    so that the unit of x does not matter.

    Examples
    --------
    >>> katz_fractal_dimension([0.0, 1.0, 2.0, 3.0])
    array(1.)
    """

    def measure(rows: _Floats) -> _Floats:
        step = np.abs(np.diff(rows)).mean(axis=-1)
        reach = np.abs(rows - rows[:, :1]).max(axis=-1)
        return _ratio(np.log(rows.shape[-1] - 1), np.log(reach / step))

    return _per_signal(x, "a curve", 3, measure)


def _per_signal(
    x: npt.ArrayLike, what: str, least: int, measure: Callable[[_Floats], _Floats], width: int = 0
) -> _Floats:
    """Apply ``measure``, which takes (n_signals, n_times), to signals that are whole and not constant."""
    samples = real_channels(x)
    lead, n_times = samples.shape[:-1], samples.shape[-1]
    if n_times < least:
        raise SignalQualityError(
            f"{what} needs {least} samples, but the last axis of x, shape {samples.shape}, holds {n_times}"
        )
    rows = samples.reshape(math.prod(lead), n_times).astype(np.float64)
    whole = np.isfinite(rows).all(axis=-1) & (rows != rows[:, :1]).any(axis=-1)
    shape: tuple[Any, ...] = (width,) if width else ()
    out = np.full((len(rows), *shape), np.nan)
    if whole.any():
        out[whole] = measure(rows[whole])
    return out.reshape(lead + shape)


def _ratio(part: npt.ArrayLike, whole: _Floats) -> _Floats:
    """Divide; NaN where there is nothing to divide by."""
    shape = np.broadcast_shapes(np.shape(part), whole.shape)
    out: _Floats = np.divide(part, whole, out=np.full(shape, np.nan), where=whole > 0)
    return out


def _shannon(share: _Floats) -> _Floats:
    """Entropy in nats along the last axis; NaN stays."""
    logarithm = np.log(share, out=np.zeros_like(share), where=share != 0)
    entropy: _Floats = 0.0 - (share * logarithm).sum(axis=-1)  # from 0, so that none is -0
    return entropy
