"""Electrode positions of the 10-05 system, without importing MNE.

The names are those of Oostenveld & Praamstra, Clin. Neurophysiol. 112, 2001. The positions are those of MNE's
``standard_1005`` montage (BSD-3-Clause), in metres in MNE's head frame, so that drivers and embedded programs need no
MNE; a test holds the two equal.
"""

from __future__ import annotations

import csv
from functools import cache

from affectbio._bundled import bundled

__all__ = ["electrode_position", "modern_name"]

# Old names of the 10-20 system and their names in the 10-05 system.
_OLD = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}


@cache
def _positions() -> dict[str, tuple[float, float, float]]:
    with (bundled("montage") / "standard_1005.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["name"].lower(): (float(row["x"]), float(row["y"]), float(row["z"])) for row in csv.DictReader(file)
        }


def electrode_position(name: str) -> tuple[float, float, float] | None:
    """Look up an electrode by name.

    Parameters
    ----------
    name : str
        10-05 name, upper or lower case.

    Returns
    -------
    tuple of float or None
        x, y, z in metres; None if there is no such electrode.

    Examples
    --------
    >>> x, y, z = electrode_position("Cz")
    >>> round(z, 2)
    0.14
    >>> electrode_position("A2-A1") is None
    True
    """
    return _positions().get(name.lower())


def modern_name(name: str) -> str:
    """Bring an electrode's name as files write it to the 10-05 system.

    Parameters
    ----------
    name : str
        For example ``"EEG T5"``, ``"Fc5."``, ``"EEG Fp1-Ref"``.

    Returns
    -------
    str
        ``"P7"``, ``"Fc5"``, ``"Fp1"``: prefix, trailing dots and a reference suffix gone, T3 T4 T5 T6 renamed.

    Examples
    --------
    >>> modern_name("EEG T5")
    'P7'
    """
    bare = name.strip().removeprefix("EEG ").strip().rstrip(".")
    head, _, tail = bare.partition("-")
    if tail.lower() in ("ref", "le", "avg"):
        bare = head
    return _OLD.get(bare.upper(), bare)
