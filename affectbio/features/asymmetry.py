"""Differences of entropy between electrodes that face each other (Zheng & Lu 2015; Allen, Coan & Nazarian 2004)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.bands import Bands, resolve_bands
from affectbio.errors import DataError
from affectbio.features.window import Floats, WindowFeature
from affectbio.kernels import asymmetry as kernel
from affectbio.kernels.entropy import differential_entropy
from affectbio.registry import unknown_name

__all__ = ["Asymmetry"]

_FIELDS = ("dasm", "rasm", "dcau", "faa")


class Asymmetry(WindowFeature):
    """Left against right and front against back, in every band; see `affectbio.kernels.dasm`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    ch_names : sequence of str, optional
        10-05 names of the channels; needed where neither a recording nor `Windows` tell them.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    fields : sequence of str, optional
        Some of ``dasm`` (left minus right), ``rasm`` (left over right, of entropies in microvolts), ``dcau`` (front
        minus back) and ``faa`` (the logarithm of alpha power, right minus left, of one frontal pair; the band named
        ``alpha``). Of those but ``rasm`` for which there are electrodes, if not given.
    pair : tuple of (str, str)
        Left and right electrode of ``faa``.

    Notes
    -----
    Entropy is that of each window's spectrum, so that a window does not depend on what was before it.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((4, 3, 256))
    >>> feature = Asymmetry(128, ["F3", "F4", "P3"], {"alpha": (8, 13)}).fit(X)
    >>> feature.get_feature_names_out().tolist()
    ['dasm_F3-F4_alpha', 'dcau_F3-P3_alpha', 'faa_F3-F4']
    """

    def __init__(
        self,
        sfreq: float | None = None,
        ch_names: Sequence[str] | None = None,
        bands: Bands = "eeg",
        fields: Sequence[str] | None = None,
        pair: tuple[str, str] = ("F3", "F4"),
    ) -> None:
        self.sfreq = sfreq
        self.ch_names = ch_names
        self.bands = bands
        self.fields = fields
        self.pair = pair

    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:  # noqa: D102
        bands = [band.name for band in resolve_bands(self.bands, sfreq)]
        names = []
        for field in self._wanted(ch_names, bands):
            if field == "faa":
                names.append(f"faa_{self.pair[0]}-{self.pair[1]}")
            else:
                names += [f"{field}_{a}-{b}_{band}" for a, b in _pairs(field, ch_names) for band in bands]
        return names

    def measure(self, X: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:  # noqa: D102
        bands = [band.name for band in resolve_bands(self.bands, sfreq)]
        whole_s = X.shape[2] / sfreq
        entropy = differential_entropy(X, sfreq, self.bands, whole_s, method="fft")[:, :, 0]
        parts = []
        for field in self._wanted(ch_names, bands):
            if field == "faa":
                power = np.exp(2 * entropy[..., bands.index("alpha")]) / (2 * math.pi * math.e)
                parts.append(kernel.frontal_alpha_asymmetry(power, ch_names, self.pair)[:, None])
            elif field == "rasm":
                # In microvolts, as SEED has it: a ratio depends on the unit.
                parts.append(kernel.rasm(entropy + math.log(1e6), ch_names))
            else:
                parts.append(getattr(kernel, field)(entropy, ch_names))
        return np.concatenate([part.reshape(len(X), -1) for part in parts], axis=1)

    def _wanted(self, ch_names: Sequence[str], bands: Sequence[str]) -> list[str]:
        for field in self.fields or ():
            if field not in _FIELDS:
                raise unknown_name("field of Asymmetry", field, _FIELDS)
            if field != "faa" and not _pairs(field, ch_names):
                raise DataError(f"{field} needs electrodes that face each other; found none in {', '.join(ch_names)}")
        there = "alpha" in bands and set(self.pair) <= set(ch_names)
        if "faa" in (self.fields or ()) and not there:
            raise DataError(
                f"faa needs the channels {self.pair[0]} and {self.pair[1]} and a band named 'alpha'; found the "
                f"channels {', '.join(ch_names)} and the bands {', '.join(bands)}"
            )
        if self.fields is not None:
            return list(self.fields)
        wanted = [field for field in ("dasm", "dcau") if _pairs(field, ch_names)] + ["faa"] * there
        if not wanted:
            raise DataError(f"expected electrodes that face each other; found no pair among {', '.join(ch_names)}")
        return wanted


def _pairs(field: str, ch_names: Sequence[str]) -> list[tuple[str, str]]:
    return kernel.frontal_posterior_pairs(ch_names) if field == "dcau" else kernel.hemisphere_pairs(ch_names)
