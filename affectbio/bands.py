"""Named frequency bands of the EEG, with their source."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from affectbio.registry import unknown_name

__all__ = ["BAND_SETS", "Band", "Bands", "resolve_bands"]


class Band(NamedTuple):
    """One frequency band: its name and edges in Hz."""

    name: str
    l_freq: float
    h_freq: float


Bands = str | Mapping[str, Sequence[float]] | Sequence[Band] | Sequence[Sequence[float]]

#: Named sets of bands. "eeg" follows the SEED papers (Zheng & Lu, IEEE Trans. Auton. Ment. Dev. 7(3), 2015: delta 1-3,
#: theta 4-7, alpha 8-13, beta 14-30, gamma 31-50 Hz) with the gaps between the integer edges closed.
BAND_SETS: dict[str, tuple[Band, ...]] = {
    "eeg": (
        Band("delta", 1.0, 4.0),
        Band("theta", 4.0, 8.0),
        Band("alpha", 8.0, 14.0),
        Band("beta", 14.0, 31.0),
        Band("gamma", 31.0, 50.0),
    ),
}


def resolve_bands(bands: Bands, sfreq: float) -> tuple[Band, ...]:
    """Give bands their names and check them against a sampling rate.

    Parameters
    ----------
    bands : str, mapping or sequence
        Name of a set in `BAND_SETS`, ``{"alpha": (8, 14)}``, or ``[(8, 14), (14, 31)]`` in Hz.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    tuple of Band
        In the order given.

    Raises
    ------
    ConfigError
        If a set of that name does not exist.
    ValueError
        If there are no bands, edges are not 0 < l_freq < h_freq < sfreq / 2, or the rate is no positive number.

    Examples
    --------
    >>> [b.name for b in resolve_bands("eeg", 128)]
    ['delta', 'theta', 'alpha', 'beta', 'gamma']
    >>> resolve_bands([(8, 12)], 128)
    (Band(name='8-12 Hz', l_freq=8.0, h_freq=12.0),)
    """
    if not 0 < sfreq < math.inf:
        raise ValueError(f"a sampling rate is a positive number of Hz; found sfreq={sfreq!r}")
    if isinstance(bands, str):
        if bands not in BAND_SETS:
            raise unknown_name("band set", bands, BAND_SETS)
        resolved = BAND_SETS[bands]
    elif isinstance(bands, Mapping):
        resolved = tuple(Band(str(name), float(low), float(high)) for name, (low, high) in bands.items())
    else:
        resolved = tuple(
            band if isinstance(band, Band) else Band(f"{band[0]:g}-{band[1]:g} Hz", float(band[0]), float(band[1]))
            for band in bands
        )
    if not resolved:
        raise ValueError("expected at least one frequency band, found none")
    for band in resolved:
        if not 0 < band.l_freq < band.h_freq < sfreq / 2:
            raise ValueError(
                f"band {band.name!r} is {band.l_freq:g}-{band.h_freq:g} Hz; expected 0 < low < high < "
                f"{sfreq / 2:g} Hz, half the sampling rate of {sfreq:g} Hz"
            )
    return resolved
