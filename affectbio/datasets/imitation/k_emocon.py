"""An imitation of K-EmoCon: tables of a wristband, a headset and a chest strap, and of what people said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["ratings", "samples", "write"]

_START_MS = 1_550_000_000_000
_BANDS = ("delta", "lowAlpha", "highAlpha", "lowBeta", "highBeta", "lowGamma", "middleGamma", "theta")
# Table: folder, rate, columns, mean and spread in the publisher's units.
_TABLES = {
    "E4_ACC": ("e4_data", 32, ("x", "y", "z"), 30.0, 8.0),
    "E4_BVP": ("e4_data", 64, ("value",), 0.0, 40.0),
    "E4_EDA": ("e4_data", 4, ("value",), 0.5, 0.1),
    "E4_TEMP": ("e4_data", 4, ("value",), 33.0, 0.3),
    "E4_HR": ("e4_data", 1, ("value",), 80.0, 3.0),
    "Polar_HR": ("neurosky_polar_data", 1, ("value",), 78.0, 3.0),
    "Attention": ("neurosky_polar_data", 1, ("value",), 50.0, 15.0),
    "Meditation": ("neurosky_polar_data", 1, ("value",), 50.0, 15.0),
    "BrainWave": ("neurosky_polar_data", 1, _BANDS, 5e4, 1e4),
}
_AFFECT, _EMOTIONS = ("arousal", "valence"), ("cheerful", "happy", "angry", "nervous", "sad")
_STATES = ("boredom", "confusion", "delight")
# What a session takes, in seconds from its beginning: the two minutes before the debate, a pause, the debate.
_INIT_S, _DEBATE_S = 5, 130


def samples(pid: int, table: str, seconds: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Make the numbers of a table.

    Parameters
    ----------
    pid : int
        The person's number, from 1.
    table : str
        Name of the file.
    seconds : int
        Length of the debate.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (n_times, n_columns)
        In the publisher's units, rounded as the files are.
    """
    _, sfreq, columns, mean, spread = _TABLES[table]
    rng = np.random.default_rng([seed, pid, list(_TABLES).index(table)])
    return np.round(mean + spread * rng.standard_normal(((_DEBATE_S + seconds) * sfreq, len(columns))), 3)


def ratings(pid: int, rater: str, n_rows: int, *, seed: int = 0) -> pd.DataFrame:
    """Make what somebody said of a person.

    Parameters
    ----------
    pid : int
        The person's number, from 1.
    rater : str
        ``"self"``, ``"partner"`` or ``"external"``.
    n_rows : int
        How many steps of 5 s.
    seed : int
        Of the ratings.

    Returns
    -------
    pandas.DataFrame
        ``seconds``, arousal and valence from 1 to 5, five emotions from 1 to 4, and states marked with an ``x``.
    """
    rng = np.random.default_rng([seed, pid, ("self", "partner", "external").index(rater), 9])
    table = pd.DataFrame({"seconds": 5 * np.arange(1, n_rows + 1)})
    for name in _AFFECT:
        table[name] = rng.integers(1, 6, n_rows)
    for name in _EMOTIONS:
        table[name] = rng.integers(1, 5, n_rows)
    for name in _STATES:
        table[name] = np.where(rng.random(n_rows) < 0.2, "x", "")
    return table


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: int = 40,
    surplus: int = 0,
    lost_s: float = 0.0,
    several_devices: bool = False,
    without_wrist: bool = False,
    nested: bool = False,
    first_pid: int = 1,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 32.
    seed : int
        Of what is invented.
    seconds : int
        Length of the debate; the publisher's last about ten minutes.
    surplus : int
        By how many steps of 5 s the ratings last longer than the debate.
    lost_s : float
        Seconds of the pulse that were lost in the middle.
    several_devices : bool
        Whether the wristband's tables hold the samples of a second wristband as well.
    without_wrist : bool
        Whether the first person has no wristband.
    nested : bool
        Whether every folder lies in one of its own name.
    first_pid : int
        Number of the first person; the publisher's 31 and 32 have several wristbands.

    Returns
    -------
    Path
        The folder.
    """
    pids = range(first_pid, first_pid + n_subjects)
    rows = []
    for pid in pids:
        begin = _START_MS + 86_400_000 * ((pid + 1) // 2)
        rows.append((pid, begin + 1000 * _INIT_S, begin + 1000 * _DEBATE_S, begin + 1000 * (_DEBATE_S + seconds)))
        for name, (folder, sfreq, columns, _, _) in _TABLES.items():
            if folder == "e4_data" and without_wrist and pid == first_pid:
                continue
            table = pd.DataFrame(samples(pid, name, seconds, seed=seed), columns=list(columns))
            stamps = np.round(begin + 1000 * np.arange(len(table)) / sfreq).astype(np.int64)
            table.insert(0, "timestamp", stamps)
            table["entry_time"] = stamps + 120
            if name == "E4_BVP" and lost_s:
                middle = len(table) // 2
                table = table.drop(index=range(middle, middle + round(lost_s * sfreq)))
            if name == "Polar_HR":
                table = pd.concat([table, table.iloc[[3, 7]]])
            _save(table, root, nested, folder, pid, name, several_devices)
        if not (without_wrist and pid == first_pid):
            beats = pd.DataFrame({"timestamp": begin + 10_000 + 750 * np.arange(20), "value": 0.75})
            beats["entry_time"] = beats["timestamp"] + 120
            _save(beats, root, nested, "e4_data", pid, "E4_IBI", several_devices)
        for rater, folder in (
            ("self", "self_annotations"),
            ("partner", "partner_annotations"),
            ("external", "aggregated_external_annotations"),
        ):
            inside = _inside(root, "emotion_annotations", nested) / folder
            inside.mkdir(parents=True, exist_ok=True)
            made = ratings(pid, rater, seconds // 5 + surplus, seed=seed)
            made.to_csv(inside / f"P{pid}.{rater}.csv", index=False)
    inside = _inside(root, "metadata", nested)
    inside.mkdir(parents=True)
    people = pd.DataFrame(rows, columns=["pid", "initTime", "startTime", "endTime"])
    people.iloc[::-1].to_csv(inside / "subjects.csv", index=False)
    return root


def _inside(root: Path, name: str, nested: bool) -> Path:
    return root / name / name if nested else root / name


def _save(table: pd.DataFrame, root: Path, nested: bool, folder: str, pid: int, name: str, several: bool) -> None:
    if several and folder == "e4_data":
        own = {31: "A01525" if name == "E4_IBI" else "A013E1", 32: "A01A3A"}.get(pid, "A00001")
        other = table.assign(device_serial="A0FFFF")
        other[[column for column in table if column in ("x", "y", "z", "value")]] = -1.0
        table = pd.concat([table.assign(device_serial=own), other])
    inside = _inside(root, folder, nested) / str(pid)
    inside.mkdir(parents=True, exist_ok=True)
    table.to_csv(inside / f"{name}.csv", index=False)
