"""Differential entropy of EEG bands (Duan, Zhu & Lu, NER 2013), the same on a whole recording and on a live stream.

For a Gaussian signal of variance s² it is ½ ln(2πe s²), eq. 1 there; the variance is the band's power in a window, of
`affectbio.kernels.band_power`.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from affectbio.bands import Bands
from affectbio.kernels._samples import real_channels, real_samples
from affectbio.kernels.band_power import BandPowerStream, Method, Taper, power_of

__all__ = ["DifferentialEntropyStream", "differential_entropy"]

Log = Literal["e", "2"]


def differential_entropy(
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
    log: Log = "e",
    n_jobs: int = 1,
) -> npt.NDArray[Any]:
    """Compute the differential entropy of every band in every window.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Signal; in volts for EEG, another unit shifts the result by the logarithm of its scale. NaN and inf mark lost
        samples.
    sfreq, bands, window_s, step_s, method, order, ddof, taper
        As for `affectbio.kernels.band_power`.
    log : {"e", "2"}
        Nats or bits.
    n_jobs : int
        Threads over groups of channels; -1 for as many as there are processors.

    Returns
    -------
    ndarray, shape (..., n_windows, n_bands)
        float32 for float32 input, else float64; computed in double precision. NaN where a window holds a lost sample,
        or nothing but repetitions of the sample before it.

    Raises
    ------
    SignalQualityError
        If the signal is shorter than a window, or too short for a zero-phase filter.
    ValueError
        If bands, windows, switches or the array make no sense.

    See Also
    --------
    DifferentialEntropyStream : The same numbers from chunks.
    affectbio.kernels.band_power : The variance itself.
    affectbio.kernels.samples_left_over : How many samples after the last whole window belong to none.

    Notes
    -----
    Time as of `affectbio.kernels.band_power`, memory of "causal" that of a signal of 16 384 samples. The filter delays;
    see `DifferentialEntropyStream.group_delay_s`.

    What other code computes, and the switches that reproduce it:

    - torcheeg, ``BandDifferentialEntropy``: each window filtered by itself from zero, biased variance, bits:
      ``method="per-window", order=5, ddof=0, log="2"`` with bands 4-8, 8-14, 14-31 and 31-49 Hz.
    - RBTransformer's code: the same on windows of 512 samples every 117, after a z-score of each window. It designs its
      filters for 128 Hz whatever the rate, so that on SEED, at 200 Hz, its bands are 200/128 times as high: multiply
      the edges.
    - LibEER, ``de_extraction``: zero phase over the whole trial, unbiased variance, bits: ``method="zero-phase",
      order=3, log="2"``. It leaves out the last window where windows overlap.

    Examples
    --------
    A 10 Hz sine of amplitude 1 has a variance of ½, all of it in the alpha band:

    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(128 * 10) / 128)
    >>> de = differential_entropy(sine, 128, bands={"alpha": (8, 14)})
    >>> de.shape
    (10, 1)
    >>> np.round(np.exp(2 * de[5:, 0]) / (2 * np.pi * np.e), 2)
    array([0.5, 0.5, 0.5, 0.5, 0.5])
    """
    scale = _unit(log)
    samples = real_channels(x)
    power = power_of(samples, sfreq, bands, window_s, step_s, method, order, ddof, taper, n_jobs)
    return _entropy(power, scale).astype(samples.dtype, copy=False)


class DifferentialEntropyStream(BandPowerStream):
    """Differential entropy of a stream, chunk by chunk; equal to `differential_entropy` to the last bit.

    Parameters
    ----------
    n_chans, sfreq, bands, window_s, step_s, method, order, ddof, taper
        As for `affectbio.kernels.BandPowerStream`, whose attributes and cost it has.
    log : {"e", "2"}
        Nats or bits.

    Raises
    ------
    ValueError
        If bands, windows or switches make no sense.

    Examples
    --------
    >>> import numpy as np
    >>> eeg = np.random.default_rng(0).standard_normal((2, 1000))
    >>> live = DifferentialEntropyStream(2, 250, window_s=1, step_s=0.5)
    >>> parts = [live.push(chunk) for chunk in np.split(eeg, [7, 400, 401], axis=1)]
    >>> np.array_equal(np.concatenate(parts, axis=1), differential_entropy(eeg, 250, window_s=1, step_s=0.5))
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
        log: Log = "e",
    ) -> None:
        super().__init__(n_chans, sfreq, bands, window_s, step_s, method=method, order=order, ddof=ddof, taper=taper)
        self._scale = _unit(log)

    def push(self, chunk: npt.ArrayLike) -> npt.NDArray[Any]:
        """Take new samples in and give the entropy of the windows they complete.

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
        return _entropy(self._power(x), self._scale).astype(x.dtype, copy=False)


def _unit(log: Log) -> float:
    if log not in ("e", "2"):
        raise ValueError(f"log is 'e' for nats or '2' for bits; found {log!r}")
    return 0.5 if log == "e" else 0.5 / math.log(2.0)


def _entropy(power: npt.NDArray[np.float64], scale: float) -> npt.NDArray[np.float64]:
    """Turn power into entropy in place."""
    power *= 2 * np.pi * np.e
    np.log(power, out=power)
    power *= scale
    return power
