"""An imitation of Stress-Predict: zipped sessions of an Empatica E4 and a table of tasks, or the authors' folders."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["TASKS", "samples", "tasks", "write"]

#: The tasks in their order, and how long each lasts in hundredths of the recording.
TASKS = (
    ("baseline", 12), ("stroop", 10), ("relax1", 10), ("interview", 14), ("relax2", 10),
    ("hyperventilation", 6), ("relax3", 10), ("questionnaire", 8), ("relax_final", 14),
)  # fmt: skip
_RATES = {"ACC": 32, "BVP": 64, "EDA": 4, "TEMP": 4, "HR": 1}
_START = 1_644_226_000


def samples(subject: int, file: str, seconds: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Make the numbers of a file.

    Parameters
    ----------
    subject : int
        Which, from 0.
    file : str
        Its name: ``"ACC"``, ``"BVP"``, ``"EDA"``, ``"TEMP"`` or ``"HR"``.
    seconds : int
        Length of the recording.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (n_times, n_columns)
        In the units of the band. The heart rate begins ten seconds later; conductance begins with 0.
    """
    rng = np.random.default_rng([seed, subject, list(_RATES).index(file)])
    n_times = _RATES[file] * (seconds - 10 if file == "HR" else seconds)
    noise = rng.standard_normal((n_times, 3 if file == "ACC" else 1))
    if file == "ACC":
        return np.round(40 + 5 * noise)
    if file == "BVP":
        return np.round(30 * noise, 2)
    if file == "EDA":
        made = np.round(0.3 + 0.05 * noise, 6)
        made[0] = 0
        return made
    return np.round(33 + 0.2 * noise if file == "TEMP" else 80 + 3 * noise, 2)


def tasks(subject: int, seconds: int) -> list[tuple[str, float, float]]:
    """Give when a person's tasks were.

    Parameters
    ----------
    subject : int
        Which, from 0.
    seconds : int
        Length of the recording.

    Returns
    -------
    list of (str, float, float)
        Task, begin and end in Unix seconds.
    """
    rows: list[tuple[str, float, float]] = []
    at = 0.03 * seconds
    for name, share in TASKS:
        length = 0.01 * share * seconds
        rows.append((name, _begin(subject) + round(at), _begin(subject) + round(at + length)))
        at += length
    return rows


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: int = 200,
    authors: bool = False,
    early_start: bool = False,
    late_end: bool = False,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 35.
    seed : int
        Of what is invented.
    seconds : int
        Length of a recording; the publisher's last about an hour.
    authors : bool
        Whether in the authors' layout: folders, tags under another name, and labels of every second, which the first
        person lacks as the publisher's does.
    early_start : bool
        Whether the first person's baseline began before the band was switched on.
    late_end : bool
        Whether the first person's last rest ended after it was switched off.

    Returns
    -------
    Path
        The folder.
    """
    rows, scores = (
        ["subject,task,start_unix,end_unix,start_source,end_source,stress"],
        ["subject,STAI_before,PSS_before"],
    )
    for subject in range(n_subjects):
        name = f"S{subject + 1:02d}"
        table = tasks(subject, seconds)
        files = _files(subject, seconds, seed, [end for _, _, end in table[:7]])
        if early_start and subject == 0:
            table[0] = (table[0][0], _begin(subject) - 5, table[0][2])
        if late_end and subject == 0:
            table[-1] = (table[-1][0], table[-1][1], _begin(subject) + seconds + 7)
        if authors:
            _write_folder(root, name, files, table if subject else None, subject, seconds)
            continue
        with zipfile.ZipFile(root / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file, text in files.items():
                archive.writestr(file, text)
        stress = {task: int(task in ("stroop", "interview", "hyperventilation")) for task, _, _ in table}
        rows += [f"{name},{task},{round(begin)},{round(end)},tag,tag,{stress[task]}" for task, begin, end in table]
        scores.append(f"{name},{40 + subject},{10 + subject}")
    if not authors:
        (root / "events.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        (root / "questionnaires.csv").write_text("\n".join(scores) + "\n", encoding="utf-8")
    return root


def _begin(subject: int) -> int:
    return _START + 86400 * subject


def _files(subject: int, seconds: int, seed: int, tags: list[float]) -> dict[str, str]:
    files = {}
    for file, rate in _RATES.items():
        made = samples(subject, file, seconds, seed=seed)
        begin = _begin(subject) + (10 if file == "HR" else 0)
        head = "\n".join(", ".join([f"{value:.6f}"] * made.shape[1]) for value in (begin, rate))
        body = "\n".join(",".join(f"{value:g}" for value in row) for row in made.tolist())
        files[f"{file}.csv"] = f"{head}\n{body}\n"
    beats = "".join(f"{10 + 0.75 * n:.6f},0.75\n" for n in range(20))
    files["IBI.csv"] = f"{_begin(subject):.6f}, IBI\n{beats}"
    files["tags.csv"] = "".join(f"{tag:.2f}\n" for tag in tags)
    files["info.txt"] = ".csv files in this archive are in the following format:\n"
    return files


def _write_folder(
    root: Path,
    name: str,
    files: dict[str, str],
    table: list[tuple[str, float, float]] | None,
    subject: int,
    seconds: int,
) -> None:
    folder, labels = root / "Raw_data" / name, root / "Processed_data" / "heartrate_timestamps_labels"
    folder.mkdir(parents=True)
    labels.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        (folder / ("tags_" + name + ".csv" if file == "tags.csv" else file)).write_text(text, encoding="utf-8")
    if table is None:
        return
    rows = ["HR,Time(sec),Label"]
    for second in range(10, seconds):
        at = _begin(subject) + second
        inside = any(b <= at < e for task, b, e in table if task in ("stroop", "interview", "hyperventilation"))
        rows.append(f"80.0,{at:.1f},{int(inside)}")
    (labels / f"P{subject + 1}_comb_binary.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
