"""The discrete wavelet transform (Mallat, IEEE PAMI 1989), equal to PyWavelets, and level energies in one pass.

A signal is split into the lower half (approximation) and the upper half (detail) of its band, each at half the rate,
and the lower half again at the next level. The details of level l hold the frequencies from sfreq / 2ˡ⁺¹ to sfreq / 2ˡ;
the shorter the wavelet, the more neighbours overlap. At 128 Hz, levels 1 to 4 are about the gamma, beta, alpha and
theta bands, and the approximation of level 4 is delta.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._backend import bodies, in_threads
from affectbio.kernels._samples import read_only, real_channels
from affectbio.registry import unknown_name

__all__ = ["wavedec", "wavelet_energy", "wavelet_entropy", "wavelet_packet"]

#: How a signal is continued past its ends.
Border = Literal["symmetric", "reflect", "periodic", "periodization", "constant", "zero"]


def wavedec(
    x: npt.ArrayLike, wavelet: str = "db4", level: int | None = None, mode: Border = "symmetric"
) -> list[npt.NDArray[Any]]:
    """Compute the discrete wavelet transform along the last axis.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    wavelet : str
        Name of a discrete wavelet in PyWavelets: ``"db4"``, ``"sym5"``, ``"coif1"``, ``"bior2.2"``, …
    level : int, optional
        How often the band is halved; if not given, as often as a coefficient remains that no border touches.
    mode : {"symmetric", "reflect", "periodic", "periodization", "constant", "zero"}
        How the signal is continued past its ends, in the words of PyWavelets: mirrored with or without the last sample
        twice, repeated, repeated with the fewest coefficients possible, held, or as zeros.

    Returns
    -------
    list of ndarray
        ``[approximation, detail of level n, …, detail of level 1]``, each of shape (..., n_coefs) in the unit of x, and
        float32 for float32 input, else float64. The coefficients that a lost sample (NaN or inf) touches are NaN.

    Raises
    ------
    SignalQualityError
        If the signal holds no sample, or is too short for even one level and no level is given.
    ConfigError
        If the wavelet or the mode is not known.
    ValueError
        If the level or the array makes no sense.

    See Also
    --------
    wavelet_energy : The sums of squares alone, many times as fast.

    Notes
    -----
    Time is O(n_times · filter length) per signal, memory that of the result. Signals are worked off in groups of 8
    (float64) or 16 (float32); one signal takes as long as a group. A level that is too high for the length is computed,
    without the warning that PyWavelets gives.

    Examples
    --------
    >>> import numpy as np
    >>> [c.shape for c in wavedec(np.ones((32, 128)), "db4", level=3)]
    [(32, 22), (32, 22), (32, 37), (32, 67)]
    """
    samples = _lost_as_nan(real_channels(x))
    transform = _transform(wavelet, mode, samples.dtype)
    approximation, details = samples, []
    for _ in range(transform.depth(samples, level)):
        approximation, detail = transform.split(approximation)
        details.append(detail)
    return [approximation, *reversed(details)]


def wavelet_energy(
    x: npt.ArrayLike,
    wavelet: str = "db4",
    level: int | None = None,
    mode: Border = "symmetric",
    *,
    relative: bool = False,
    n_jobs: int = 1,
) -> npt.NDArray[Any]:
    """Compute the energy of every level of the discrete wavelet transform: the sum of its squared coefficients.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    wavelet, level, mode
        As for `wavedec`.
    relative : bool
        Divide by the sum over all levels.
    n_jobs : int
        Threads that share the signals; -1 for as many as there are processors.

    Returns
    -------
    ndarray, shape (..., level + 1)
        Energies in the squared unit of x, or shares from 0 to 1, in the order of `wavedec`: approximation, then details
        from the lowest band to the highest. float32 for float32 input, else float64. NaN for a signal with a lost
        sample (NaN or inf); shares are NaN for a signal of zeros, too. All energy of a constant one is in the
        approximation.

    Raises
    ------
    SignalQualityError, ConfigError, ValueError
        As `wavedec`.

    Notes
    -----
    Time as of `wavedec`; no coefficients are kept. The windows of a recording are one call:
    ``x.reshape(n_chans, -1, window)``.

    The energies add up to that of the signal for an orthogonal wavelet (``db``, ``sym``, ``coif``) under
    ``mode="periodization"`` where 2 to the power of level divides n_times; elsewhere they hold that of the continued
    borders too. An electrode's offset is all in the approximation, and drowns the other shares: take it off first.

    Examples
    --------
    A 10 Hz sine at 128 Hz lies in the details of level 3, 8 to 16 Hz, with a little in their neighbours:

    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> np.round(wavelet_energy(sine, "db8", level=4, relative=True), 2)
    array([0.03, 0.11, 0.85, 0.01, 0.  ])
    """
    samples = real_channels(x)
    transform = _transform(wavelet, mode, samples.dtype)
    level = transform.depth(samples, level)
    lead, n_times = samples.shape[:-1], samples.shape[-1]
    energy = np.empty((math.prod(lead), level + 1))
    flat = read_only(samples.ravel())

    def sum_squares(a: int, b: int) -> None:
        bodies("discrete_wavelet").energy_rows(flat[a * n_times : b * n_times], n_times, *transform, energy[a:b])

    # A group of signals takes as long as one.
    in_threads(sum_squares, len(energy), n_jobs, multiple=64 // samples.itemsize)
    if relative:
        total = energy.sum(axis=-1, keepdims=True)
        energy = np.divide(energy, total, out=np.full_like(energy, np.nan), where=total > 0)
    return energy.reshape(*lead, level + 1).astype(samples.dtype, copy=False)


def wavelet_entropy(
    x: npt.ArrayLike,
    wavelet: str = "db4",
    level: int | None = None,
    mode: Border = "symmetric",
    *,
    n_jobs: int = 1,
) -> npt.NDArray[Any]:
    """Compute the Shannon entropy of the relative energies of the levels (Rosso et al., J. Neurosci. Methods 2001).

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    wavelet, level, mode
        As for `wavedec`.
    n_jobs : int
        As for `wavelet_energy`.

    Returns
    -------
    ndarray, shape (...)
        Nats: 0 where one level holds all energy, ln(level + 1) where each holds the same. The approximation counts as
        one level. NaN for a signal with a lost sample, or of zeros.

    Raises
    ------
    SignalQualityError, ConfigError, ValueError
        As `wavedec`.

    Examples
    --------
    A rhythm is ordered, noise is not:

    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> noise = np.random.default_rng(0).standard_normal(1280)
    >>> np.round(wavelet_entropy([sine, noise], level=4), 1)
    array([0.8, 1.3])
    """
    share = wavelet_energy(x, wavelet, level, mode, relative=True, n_jobs=n_jobs)
    logarithm = np.log(share, out=np.zeros_like(share), where=share != 0)
    entropy: npt.NDArray[Any] = -(share * logarithm).sum(axis=-1)
    return entropy


def wavelet_packet(
    x: npt.ArrayLike,
    wavelet: str = "db4",
    level: int | None = None,
    mode: Border = "symmetric",
    *,
    order: Literal["freq", "natural"] = "freq",
) -> npt.NDArray[Any]:
    """Compute the wavelet packet transform: every band is halved at every level, so that all are equally wide.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal in any unit.
    wavelet, level, mode
        As for `wavedec`.
    order : {"freq", "natural"}
        Bands from low to high, or as the filters leave them: each detail after its approximation. Halving the rate
        turns the upper half of a band around, so that the two are not the same.

    Returns
    -------
    ndarray, shape (..., 2 ** level, n_coefs)
        Coefficients in the unit of x; band k of ``"freq"`` holds the frequencies from k to k + 1 times sfreq / 2 / 2ˡ.

    Raises
    ------
    SignalQualityError, ConfigError, ValueError
        As `wavedec`.

    Notes
    -----
    Time is O(level · n_times · filter length) per signal.

    Examples
    --------
    A 10 Hz sine at 128 Hz is in the third of sixteen bands of 4 Hz:

    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(1280) / 128)
    >>> bands = wavelet_packet(sine, "db8", level=4)
    >>> bands.shape
    (16, 94)
    >>> int(np.argmax((bands**2).sum(axis=-1)))
    2
    """
    if order not in ("freq", "natural"):
        raise ValueError(f"order is 'freq' or 'natural'; found {order!r}")
    samples = _lost_as_nan(real_channels(x))
    transform = _transform(wavelet, mode, samples.dtype)
    bands = samples[..., np.newaxis, :]
    for _ in range(transform.depth(samples, level)):
        pairs = np.stack(transform.split(bands), axis=-2)
        if order == "freq":
            # Every second band is upside down: its detail holds the lower frequencies.
            pairs[..., 1::2, :, :] = pairs[..., 1::2, ::-1, :]
        bands = pairs.reshape(*samples.shape[:-1], 2 * bands.shape[-2], pairs.shape[-1])
    return bands


def _lost_as_nan(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give NaN for inf too: both mark lost samples, and inf would go on as one where it is not cancelled."""
    there = np.isfinite(samples)
    return samples if there.all() else np.where(there, samples, np.nan).astype(samples.dtype, copy=False)


class _Transform(NamedTuple):
    """One step of the transform: a pair of filters of one length, and how the border is made."""

    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    border: int
    reach: int

    def split(self, x: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Give approximation and detail of signals of shape (..., n_times)."""
        body = bodies("discrete_wavelet")
        lead, n_times = x.shape[:-1], x.shape[-1]
        n_out = (n_times + 1) // 2 if self.border == body.PERIODIZATION else (n_times + len(self.low) - 1) // 2
        low, high = np.empty((2, math.prod(lead), n_out), x.dtype)
        body.split_rows(read_only(x.ravel()), n_times, *self, low, high)
        return low.reshape(*lead, n_out), high.reshape(*lead, n_out)

    def depth(self, x: npt.NDArray[Any], level: int | None) -> int:
        """Check the number of levels asked for, or find the highest that makes sense."""
        import pywt

        n_times, width = x.shape[-1], len(self.low)
        if n_times == 0:
            raise SignalQualityError(f"expected samples along the last axis of x; found the shape {x.shape}")
        if level is None:
            level = pywt.dwt_max_level(n_times, width)
            if level == 0:
                raise SignalQualityError(
                    f"a wavelet of {width} coefficients needs {2 * (width - 1)} samples for one level, but the last "
                    f"axis of x, shape {x.shape}, holds {n_times}; give a longer signal, a shorter wavelet, or a level"
                )
        if level < 1:
            raise ValueError(f"a transform has at least one level; found level={level}")
        return level


@lru_cache(maxsize=64)
def _transform(wavelet: str, mode: str, dtype: np.dtype[Any]) -> _Transform:
    import pywt

    if mode not in get_args(Border):
        raise unknown_name("border mode", mode, get_args(Border))
    if wavelet not in pywt.wavelist(kind="discrete"):
        raise unknown_name("discrete wavelet", wavelet, pywt.wavelist(kind="discrete"))
    bank = pywt.Wavelet(wavelet)
    reach = bank.dec_len // 2 if mode == "periodization" else 1
    border = getattr(bodies("discrete_wavelet"), mode.upper())
    return _Transform(np.array(bank.dec_lo, dtype), np.array(bank.dec_hi, dtype), border, reach)
