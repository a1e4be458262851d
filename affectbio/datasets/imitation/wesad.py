"""An imitation of WESAD: a pickle of Python 2 per person, and a table of answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.datasets.imitation._python2 import dump_python2

__all__ = ["answers", "labels", "person", "samples", "write"]

_NUMBERS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17)
# Sensor: channels, rate, mean and spread in the publisher's units.
_CHEST = {
    "ACC": (3, 700, 0.7, 0.05),
    "ECG": (1, 700, 0.0, 0.2),
    "EMG": (1, 700, 0.0, 0.01),
    "EDA": (1, 700, 5.0, 0.5),
    "Temp": (1, 700, 31.0, 0.3),
    "Resp": (1, 700, 0.0, 3.0),
}
_WRIST = {
    "ACC": (3, 32, 30.0, 8.0),
    "BVP": (1, 64, 0.0, 40.0),
    "EDA": (1, 4, 1.0, 0.2),
    "TEMP": (1, 4, 33.0, 0.3),
}
# Label, and its length in units of `write`; readings are 5 and 6, what the strap was put on with 7.
_PROTOCOL = (
    (0, 1), (1, 4), (0, 1), ("second", 3), (5, 1), (0, 1), (4, 2), (0, 1), ("fourth", 3), (6, 1), (0, 1), (4, 2),
    (7, 1),
)  # fmt: skip


def person(subject: int) -> str:
    """Give a person's name.

    Parameters
    ----------
    subject : int
        Which, from 0.

    Returns
    -------
    str
        ``"S2"`` the first; there is no S1 and no S12.
    """
    return f"S{_NUMBERS[subject]}"


def labels(subject: int, unit_s: float) -> npt.NDArray[np.int32]:
    """Make the label of every sample of the chest.

    Parameters
    ----------
    subject : int
        Which, from 0: with the odd ones amusement came before stress.
    unit_s : float
        As for `write`.

    Returns
    -------
    ndarray, shape (n_times,)
        From 0 to 7.
    """
    codes: dict[Any, int] = {"second": 3, "fourth": 2} if subject % 2 else {"second": 2, "fourth": 3}
    return np.repeat(
        [codes.get(what, what) for what, _ in _PROTOCOL], [round(700 * unit_s * n) for _, n in _PROTOCOL]
    ).astype(np.int32)


def samples(subject: int, device: str, sensor: str, unit_s: float, *, seed: int = 0) -> npt.NDArray[Any]:
    """Make a sensor's numbers.

    Parameters
    ----------
    subject : int
        Which, from 0.
    device, sensor : str
        ``"chest"`` or ``"wrist"``, and the publisher's key.
    unit_s : float
        As for `write`.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (n_times, n_chans)
        In the publisher's units; the chest's temperature in single precision.
    """
    table = _CHEST if device == "chest" else _WRIST
    n_chans, sfreq, mean, spread = table[sensor]
    seconds = len(labels(subject, unit_s)) / 700
    rng = np.random.default_rng([seed, subject, device == "chest", list(table).index(sensor)])
    made = mean + spread * rng.standard_normal((int(seconds * sfreq), n_chans))
    return made.astype(np.float32) if sensor == "Temp" else made


def answers(subject: int, *, seed: int = 0) -> dict[str, npt.NDArray[np.int64]]:
    """Make what a person answered.

    Parameters
    ----------
    subject : int
        Which, from 0.
    seed : int
        Of the answers.

    Returns
    -------
    dict of str to ndarray, shape (n_conditions, n_items)
        By questionnaire; DIM is valence and arousal.
    """
    rng = np.random.default_rng([seed, subject, 2])
    return {
        "PANAS": rng.integers(1, 6, (5, 24)),
        "STAI": rng.integers(1, 5, (5, 6)),
        "DIM": rng.integers(1, 10, (5, 2)),
        "SSSQ": rng.integers(1, 6, (1, 6)),
    }


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    unit_s: float = 1.0,
    with_answers: bool = True,
    lost_wrist: bool = False,
    protocol: int = 2,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 15.
    seed : int
        Of what is invented.
    unit_s : float
        Length of the shortest parts; a recording lasts 22 of them, the publisher's about 100 minutes.
    with_answers : bool
        Whether ``S2_quest.csv`` is there.
    lost_wrist : bool
        Whether the first person's wristband gave no temperature.
    protocol : int
        Of the pickles: 2, or 0, which is all text and as long as the publisher's.

    Returns
    -------
    Path
        The folder.
    """
    for subject in range(n_subjects):
        name = person(subject)
        folder = root / name
        folder.mkdir()
        signal = {
            device: {sensor: samples(subject, device, sensor, unit_s, seed=seed) for sensor in table}
            for device, table in (("chest", _CHEST), ("wrist", _WRIST))
        }
        if lost_wrist and subject == 0:
            del signal["wrist"]["TEMP"]
        with (folder / f"{name}.pkl").open("wb") as file:
            dump_python2({"signal": signal, "label": labels(subject, unit_s), "subject": name}, file, protocol)
        (folder / f"{name}_readme.txt").write_text("### Personal information ###\nAge: 25\n", encoding="utf-8")
        if with_answers:
            text = _quest(name, subject, unit_s, answers(subject, seed=seed))
            (folder / f"{name}_quest.csv").write_text(text, encoding="utf-8")
    return root


def _quest(name: str, subject: int, unit_s: float, said: dict[str, npt.NDArray[np.int64]]) -> str:
    order = ["Base", "TSST", "Medi 1", "Fun", "Medi 2"]
    if subject % 2:
        order[1], order[3] = order[3], order[1]
    edges = np.cumsum([0, *(n for _, n in _PROTOCOL)]) * unit_s
    # Minutes and seconds with a dot between them, from which spreadsheets have taken a last zero.
    stamps = [f"{seconds // 60:.0f}.{seconds % 60:02.0f}".rstrip("0").rstrip(".") or "0" for seconds in edges]
    spans = [(1, 2), (3, 4), (6, 7), (8, 9), (11, 12), (4, 5), (9, 10)]
    width = 28
    rows = [
        ["# Subj", name],
        ["# ORDER", *order, "sRead", "fRead"],
        ["# START", *(stamps[first] for first, _ in spans)],
        ["# END", *(stamps[last] for _, last in spans)],
        [],
    ]
    for questionnaire, numbers in said.items():
        rows += [[f"# {questionnaire}", *map(str, row)] for row in numbers.tolist()]
        rows.append([])
    return "".join(";".join([*row, *[""] * (width - len(row))]) + "\n" for row in rows)
