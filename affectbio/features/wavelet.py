"""Wavelets of every channel: energies of the levels, and pictures of power over frequency and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from affectbio.features.window import ChannelFeature, Floats
from affectbio.kernels.discrete_wavelet import wavelet_energy
from affectbio.kernels.wavelet import scalogram

__all__ = ["Scalogram", "WaveletEnergy"]


class WaveletEnergy(ChannelFeature):
    """Energy of every level of the discrete wavelet transform; see `affectbio.kernels.wavelet_energy`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only, and to name the levels' bands.
    wavelet : str
        Name of a discrete wavelet in PyWavelets.
    level : int
        How often the band is halved.
    log : bool
        Give the natural logarithm of the energies; what has none is NaN.
    relative : bool
        Divide by the sum over all levels first.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((4, 1, 256))
    >>> WaveletEnergy(sfreq=128, level=3).fit(X).get_feature_names_out(["Cz"]).tolist()
    ['Cz_approximation', 'Cz_detail3', 'Cz_detail2', 'Cz_detail1']
    """

    feature_axis = "level"

    def __init__(
        self,
        sfreq: float | None = None,
        wavelet: str = "db4",
        level: int = 4,
        log: bool = True,
        relative: bool = False,
    ) -> None:
        self.sfreq = sfreq
        self.wavelet = wavelet
        self.level = level
        self.log = log
        self.relative = relative

    def field_names(self, sfreq: float) -> list[str]:  # noqa: D102
        return ["approximation", *(f"detail{level}" for level in range(self.level, 0, -1))]

    def measure_channels(self, X: Floats, sfreq: float) -> npt.NDArray[Any]:  # noqa: D102
        usable = _usable(X)
        kept = np.where(usable[..., None], X, 0.0)
        # The electrode's offset would be all of the approximation.
        centred = kept - kept.mean(axis=-1, keepdims=True)
        energy = wavelet_energy(centred, self.wavelet, self.level, relative=self.relative)
        energy[~usable] = np.nan
        return np.log(energy, out=np.full_like(energy, np.nan), where=energy > 0) if self.log else energy


class Scalogram(ChannelFeature):
    """Picture of every channel's power over frequency and time; see `affectbio.kernels.scalogram`.

    Columns are the cells, channel by channel, frequency by frequency: ``reshape(n_windows, n_chans, n_freqs, n_cells)``
    gives the pictures that a vision model takes.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    freqs : tuple (l_freq, h_freq, n_freqs), or list of float
        A tuple is a grid of equal ratios in Hz, a list is taken as it is.
    n_cells : int
        Cells in time.
    n_cycles : float
        Width of the wavelet.
    log : {"e", "10"}, optional
        Give the logarithm of power to this base.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((4, 2, 512))
    >>> Scalogram(sfreq=128, freqs=(4, 40, 16), n_cells=8).fit_transform(X).reshape(4, 2, 16, 8).dtype
    dtype('float32')
    """

    feature_axis = "cell"

    def __init__(
        self,
        sfreq: float | None = None,
        freqs: tuple[float, float, int] | Sequence[float] = (2.0, 50.0, 32),
        n_cells: int = 32,
        n_cycles: float = 6.0,
        log: Literal["e", "10"] | None = None,
    ) -> None:
        self.sfreq = sfreq
        self.freqs = freqs
        self.n_cells = n_cells
        self.n_cycles = n_cycles
        self.log = log

    def field_names(self, sfreq: float) -> list[str]:  # noqa: D102
        freqs = self.freqs
        grid = np.geomspace(freqs[0], freqs[1], int(freqs[2])) if isinstance(freqs, tuple) else np.asarray(freqs)
        return [f"{freq:.4g}Hz_{cell}" for freq in grid for cell in range(self.n_cells)]

    def measure_channels(self, X: Floats, sfreq: float) -> npt.NDArray[Any]:  # noqa: D102
        n_fields = len(self.field_names(sfreq))
        values = np.full((*X.shape[:2], n_fields), np.nan, np.float32)
        usable = _usable(X)
        if usable.any():
            pictures = scalogram(X[usable], sfreq, self.freqs, self.n_cells, n_cycles=self.n_cycles, log=self.log)
            values[usable] = pictures.reshape(len(pictures), -1)
        return values


def _usable(X: Floats) -> npt.NDArray[np.bool_]:
    """Tell channels without a lost sample, which spreads over all of them, that do not stand still either."""
    usable: npt.NDArray[np.bool_] = np.isfinite(X).all(axis=-1) & (X[..., :1] != X).any(axis=-1)
    return usable
