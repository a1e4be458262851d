"""Small valid imitations of data sets, written to disk in the publisher's format: to try a reader without a licence.

Names, nesting, types and rates are the publisher's; what is in them is invented. Nothing can be learnt from them about
people.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from affectbio.errors import DatasetLayoutError
from affectbio.registry import unknown_name

__all__ = ["IMITATIONS", "synthesise"]

#: Which data sets can be imitated, and the module whose ``write`` does it.
IMITATIONS = {
    name: f"affectbio.datasets.imitation.{module}"
    for name, module in (
        ("amigos", "amigos"),
        ("bids", "bids"),
        ("case", "case"),
        ("deap", "deap"),
        ("dreamer", "dreamer"),
        ("faced", "faced"),
        ("gameemo", "gameemo"),
        ("k-emocon", "k_emocon"),
        ("mahnob-hci", "mahnob_hci"),
        ("seed", "seed"),
        ("seed-iv", "seed_iv"),
        ("seed-v", "seed_v"),
        ("seed-vii", "seed_vii"),
        ("stress-predict", "stress_predict"),
        ("wesad", "wesad"),
    )
}


def synthesise(name: str, root: str | Path, *, n_subjects: int = 2, seed: int = 0, **oddities: Any) -> Path:
    """Write a small valid imitation of a data set.

    Parameters
    ----------
    name : str
        One of `IMITATIONS`.
    root : str or Path
        An empty folder, or one that is made.
    n_subjects : int
        How many people.
    seed : int
        Of what is invented.
    **oddities
        What real copies have and readers stumble over; each module of this package documents its own.

    Returns
    -------
    Path
        The folder to give the reader.

    Raises
    ------
    ConfigError
        If there is no such data set, or it has no such oddity.
    DatasetLayoutError
        If the folder holds something: nothing is written over.
    """
    if name not in IMITATIONS:
        raise unknown_name("imitation of a data set", name, IMITATIONS)
    write = import_module(IMITATIONS[name]).write
    known = [key for key in write.__kwdefaults__ or () if key not in ("n_subjects", "seed")]
    for key in oddities:
        if key not in known:
            raise unknown_name(f"oddity of {name}", key, known)
    root = Path(root)
    if root.exists() and any(root.iterdir()):
        raise DatasetLayoutError(f"{root} is not empty; expected a new or empty folder for the imitation of {name}")
    root.mkdir(parents=True, exist_ok=True)
    made: Path = write(root, n_subjects=n_subjects, seed=seed, **oddities)
    return made
