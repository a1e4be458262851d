"""Differences between electrodes that face each other: left and right, front and back.

DASM, RASM and DCAU are the differential and rational asymmetry and the differential caudality of Duan, Zhu & Lu (NER
2013) and Zheng & Lu (IEEE Trans. Auton. Ment. Dev. 7:162, 2015); frontal alpha asymmetry is as of Allen, Coan &
Nazarian (Biol. Psychol. 67:183, 2004).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.kernels._samples import real_samples
from affectbio.montage import electrode_position, modern_name

__all__ = [
    "dasm",
    "dcau",
    "frontal_alpha_asymmetry",
    "frontal_posterior_pairs",
    "hemisphere_pairs",
    "rasm",
]

Pairs = Sequence[tuple[str, str]]

# Rows of the cap that lie as far before the vertex as behind it.
_BEHIND = {"Fp": "O", "AF": "PO", "F": "P", "FC": "CP", "FT": "TP"}
# The cap of SEED has electrodes over the cerebellum that the 10-05 system does not, and pairs these two with them.
_BEHIND_IN_SEED = {"AF3": "CB1", "AF4": "CB2"}
# On the ears: references, and no brain under them.
_EARS = {"A1", "A2", "M1", "M2"}


def hemisphere_pairs(ch_names: Sequence[str]) -> list[tuple[str, str]]:
    """Find the electrodes that face each other across the midline.

    Parameters
    ----------
    ch_names : sequence of str, length n_chans
        10-05 names, as files write them: see `affectbio.montage.modern_name`.

    Returns
    -------
    list of (str, str)
        Left and right electrode as named in ch_names, in the order of the left ones. Left is an odd number, right the
        even one after it. Neither ears nor channels of no scalp position are paired.

    Raises
    ------
    DataError
        If two channels have the same name.

    Notes
    -----
    For the 62 channels of SEED these are the 27 pairs of Zheng & Lu (2015).

    Examples
    --------
    >>> hemisphere_pairs(["F3", "Fz", "F4", "EEG T5", "EEG T6", "A1", "A2", "EOG1", "EOG2", "C3"])
    [('F3', 'F4'), ('EEG T5', 'EEG T6')]
    """
    places = _places(ch_names)
    pairs = []
    for name, place in places.items():
        row, number, rest = place
        if number % 2 == 1:
            right = _named(places, (row, number + 1, rest))
            if right is not None:
                pairs.append((name, right))
    return pairs


def frontal_posterior_pairs(ch_names: Sequence[str]) -> list[tuple[str, str]]:
    """Find the electrodes that face each other across the line from ear to ear.

    Parameters
    ----------
    ch_names : sequence of str, length n_chans
        10-05 names, as files write them: see `affectbio.montage.modern_name`.

    Returns
    -------
    list of (str, str)
        Frontal and posterior electrode as named in ch_names, in the order of the frontal ones: of rows Fp and O, AF and
        PO, F and P, FC and CP, FT and TP those of the same number, or both on the midline. Where there are CB1 and CB2,
        AF3 and AF4 are paired with them, as in SEED.

    Raises
    ------
    DataError
        If two channels have the same name.

    Notes
    -----
    For the 62 channels of SEED these are the 23 pairs of Zheng & Lu (2015).

    Examples
    --------
    >>> frontal_posterior_pairs(["Fp1", "AF3", "Fz", "FC5", "CP5", "Pz", "PO3", "O1"])
    [('Fp1', 'O1'), ('AF3', 'PO3'), ('Fz', 'Pz'), ('FC5', 'CP5')]
    """
    places = _places(ch_names)
    pairs = []
    for name, (row, number, rest) in places.items():
        behind = _named(places, _place(_BEHIND_IN_SEED.get(f"{row}{number}", "")))
        if behind is None and row in _BEHIND:
            behind = _named(places, (_BEHIND[row], number, rest))
        if behind is not None:
            pairs.append((name, behind))
    return pairs


def dasm(features: npt.ArrayLike, ch_names: Sequence[str], pairs: Pairs | None = None) -> npt.NDArray[Any]:
    """Subtract the right electrode from the left one.

    Parameters
    ----------
    features : array-like, shape (..., n_chans, n_bands)
        Differential entropy, or the logarithm of power.
    ch_names : sequence of str, length n_chans
        Names of the channels.
    pairs : sequence of (str, str), optional
        Left and right electrode, as named in ch_names; those of `hemisphere_pairs` if not given.

    Returns
    -------
    ndarray, shape (..., n_pairs, n_bands)
        Left minus right, in the unit of the features; it does not depend on that of the signal. NaN where one of the
        two is not finite. float32 for float32.

    Raises
    ------
    DataError
        If there is no pair, a channel is not there, or the names do not fit the array.

    Examples
    --------
    >>> dasm([[3.0, 2.0], [1.0, 5.0], [0.0, 0.0]], ["F3", "F4", "Cz"])
    array([[ 2., -3.]])
    """
    left, right = _sides(features, ch_names, hemisphere_pairs(ch_names) if pairs is None else pairs)
    difference: npt.NDArray[Any] = left - right
    return difference


def rasm(features: npt.ArrayLike, ch_names: Sequence[str], pairs: Pairs | None = None) -> npt.NDArray[Any]:
    """Divide the left electrode by the right one.

    Parameters
    ----------
    features : array-like, shape (..., n_chans, n_bands)
        Differential entropy, or power.
    ch_names : sequence of str, length n_chans
        Names of the channels.
    pairs : sequence of (str, str), optional
        Left and right electrode, as named in ch_names; those of `hemisphere_pairs` if not given.

    Returns
    -------
    ndarray, shape (..., n_pairs, n_bands)
        Left over right; NaN where right is 0 or one of the two is not finite. float32 for float32.

    Raises
    ------
    DataError
        If there is no pair, a channel is not there, or the names do not fit the array.

    Notes
    -----
    A ratio of entropies depends on the unit of the signal, for that adds the same to both, and has a pole where the
    entropy passes 0. SEED's are of microvolts: to the entropy of a signal in volts, add ln(1e6).

    Examples
    --------
    >>> rasm([[3.0, 2.0], [1.0, 5.0], [0.0, 0.0]], ["F3", "F4", "Cz"])
    array([[3. , 0.4]])
    """
    left, right = _sides(features, ch_names, hemisphere_pairs(ch_names) if pairs is None else pairs)
    ratio: npt.NDArray[Any] = np.divide(left, right, out=np.full_like(left, np.nan), where=right != 0)
    return ratio


def dcau(features: npt.ArrayLike, ch_names: Sequence[str], pairs: Pairs | None = None) -> npt.NDArray[Any]:
    """Subtract the posterior electrode from the frontal one.

    Parameters
    ----------
    features : array-like, shape (..., n_chans, n_bands)
        Differential entropy, or the logarithm of power.
    ch_names : sequence of str, length n_chans
        Names of the channels.
    pairs : sequence of (str, str), optional
        Frontal and posterior electrode, as named in ch_names; those of `frontal_posterior_pairs` if not given.

    Returns
    -------
    ndarray, shape (..., n_pairs, n_bands)
        Frontal minus posterior, in the unit of the features; NaN where one of the two is not finite.
        float32 for float32.

    Raises
    ------
    DataError
        If there is no pair, a channel is not there, or the names do not fit the array.

    Examples
    --------
    >>> dcau([[3.0, 2.0], [1.0, 5.0], [0.0, 0.0]], ["Fz", "Pz", "Cz"])
    array([[ 2., -3.]])
    """
    frontal, posterior = _sides(features, ch_names, frontal_posterior_pairs(ch_names) if pairs is None else pairs)
    difference: npt.NDArray[Any] = frontal - posterior
    return difference


def frontal_alpha_asymmetry(
    power: npt.ArrayLike, ch_names: Sequence[str], pair: tuple[str, str] = ("F3", "F4")
) -> npt.NDArray[Any]:
    """Compute ln(right) - ln(left) of the power of the alpha rhythm.

    Parameters
    ----------
    power : array-like, shape (..., n_chans)
        Power or its density in the alpha band, in any unit; not its logarithm.
    ch_names : sequence of str, length n_chans
        Names of the channels.
    pair : (str, str)
        Left and right electrode, in 10-05 names.

    Returns
    -------
    ndarray, shape (...)
        Above 0 where the right has more alpha, which is taken for more activity on the left. NaN where a power is not
        a positive number. float32 for float32.

    Raises
    ------
    DataError
        If an electrode is not there, or the names do not fit the array.

    Notes
    -----
    Of a differential entropy in nats it is twice right minus left. It depends on the reference, and its reliability
    asks for minutes of rest, not for seconds (Allen et al. 2004).

    Examples
    --------
    >>> import numpy as np
    >>> np.round(frontal_alpha_asymmetry([10e-12, 20e-12, 30e-12], ["F3", "Fz", "F4"]), 2)
    np.float64(1.1)
    """
    names = {modern_name(name).upper(): name for name in _checked(ch_names)}
    wanted = [(names.get(modern_name(pair[0]).upper(), pair[0]), names.get(modern_name(pair[1]).upper(), pair[1]))]
    left, right = (side[..., 0, 0] for side in _sides(real_samples(power)[..., None], ch_names, wanted))
    logarithms = (np.log(side, out=np.full_like(side, np.nan), where=side > 0) for side in (right, left))
    difference: npt.NDArray[Any] = np.subtract(*logarithms)
    return difference


def _sides(features: npt.ArrayLike, ch_names: Sequence[str], pairs: Pairs) -> list[npt.NDArray[Any]]:
    values = real_samples(features)
    index = {name: i for i, name in enumerate(_checked(ch_names))}
    if values.ndim < 2 or values.shape[-2] != len(index):
        raise DataError(
            f"expected features of shape (..., n_chans, n_bands) for {len(index)} channel names; found {values.shape}"
        )
    if not len(pairs):
        raise DataError(f"expected electrodes that face each other; found no pair among {', '.join(ch_names)}")
    missing = sorted({name for pair in pairs for name in pair} - index.keys())
    if missing:
        raise DataError(f"no channel {', '.join(missing)}; there are {', '.join(ch_names)}")
    known = np.where(np.isfinite(values), values, np.nan)
    return [known[..., [index[name] for name in side], :] for side in zip(*pairs, strict=True)]


def _checked(ch_names: Sequence[str]) -> Sequence[str]:
    if len(set(ch_names)) < len(ch_names):
        twice = sorted({name for name in ch_names if list(ch_names).count(name) > 1})
        raise DataError(f"channel names must differ; found {', '.join(twice)} more than once")
    return ch_names


def _places(ch_names: Sequence[str]) -> dict[str, tuple[str, int, str]]:
    """Give row, number (0 on the midline) and what follows, of those that are on the scalp."""
    places = {name: _place(modern_name(name)) for name in _checked(ch_names)}
    return {name: place for name, place in places.items() if place is not None}


def _place(name: str) -> tuple[str, int, str] | None:
    parts = re.fullmatch(r"([A-Z]+?)(Z|\d+)(H?)", name.upper())
    if not parts or name.upper() in _EARS:
        return None
    row, number, rest = parts.groups()
    if row != "CB" and electrode_position(name) is None:
        return None
    return {"FP": "Fp"}.get(row, row), 0 if number == "Z" else int(number), rest


def _named(places: dict[str, tuple[str, int, str]], place: tuple[str, int, str] | None) -> str | None:
    return next((name for name, found in places.items() if found == place), None)
