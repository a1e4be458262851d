"""Spectra of every channel: shares of the bands, and the 1/f slope under the peaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from affectbio.bands import Bands, resolve_bands
from affectbio.features.fields import FieldsFeature
from affectbio.features.window import ChannelFeature, Floats
from affectbio.kernels.aperiodic import Aperiodic, aperiodic_slope
from affectbio.kernels.spectral import psd_multitaper, psd_welch, relative_power

__all__ = ["AperiodicSlope", "RelativePower"]


class RelativePower(ChannelFeature):
    """Share that each band has of a channel's power; see `affectbio.kernels.relative_power`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    bandwidth : float
        Width in Hz over which the multitaper spectrum spreads a line; windows last two periods of it or more.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((4, 2, 256))
    >>> RelativePower(sfreq=128).fit_transform(X).reshape(4, 2, 5).sum(axis=-1).round(6).max()
    np.float64(1.0)
    """

    feature_axis = "band"

    def __init__(self, sfreq: float | None = None, bands: Bands = "eeg", bandwidth: float = 2.0) -> None:
        self.sfreq = sfreq
        self.bands = bands
        self.bandwidth = bandwidth

    def field_names(self, sfreq: float) -> list[str]:  # noqa: D102
        return [band.name for band in resolve_bands(self.bands, sfreq)]

    def measure_channels(self, X: Floats, sfreq: float) -> npt.NDArray[Any]:  # noqa: D102
        return relative_power(psd_multitaper(X, sfreq, bandwidth=self.bandwidth), self.bands)


class AperiodicSlope(FieldsFeature):
    """The 1/f slope of every channel's spectrum, its offset and fit; see `affectbio.kernels.aperiodic_slope`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    fields : sequence of str, optional
        Some of ``exponent, offset, r_squared``; all if not given.
    l_freq, h_freq : float
        Range in Hz.
    segment_s : float
        Length of the segments of the spectrum in seconds; a window of 30 s or more has enough of them.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((1, 1, 128 * 60))
    >>> bool(abs(AperiodicSlope(128, fields=["exponent"]).fit_transform(X)[0, 0]) < 0.1)
    True
    """

    known_fields = Aperiodic._fields

    def __init__(
        self,
        sfreq: float | None = None,
        fields: Sequence[str] | None = None,
        l_freq: float = 2.0,
        h_freq: float = 40.0,
        segment_s: float = 2.0,
    ) -> None:
        self.sfreq = sfreq
        self.fields = fields
        self.l_freq = l_freq
        self.h_freq = h_freq
        self.segment_s = segment_s

    def compute(self, X: Floats, sfreq: float, fields: Sequence[str]) -> Mapping[str, npt.ArrayLike]:  # noqa: D102
        psd = psd_welch(X, sfreq, window_s=self.segment_s)
        return aperiodic_slope(psd, self.l_freq, self.h_freq)._asdict()
