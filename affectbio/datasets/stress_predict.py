"""Stress-Predict: a wristband through Stroop, interview and hyperventilation (Iqbal et al., Sensors 22(21):8135, 2022).

Two layouts are read. One has a zip of every session, ``S01.zip``, and a table ``events.csv`` of the tasks in Unix
seconds. The authors' own has folders ``Raw_data/S01`` and, for most people, the label of every second in
``Processed_data/heartrate_timestamps_labels/P1_comb_binary.csv``; their log of whole minutes, a spreadsheet, is not
read. The first was checked on recordings of 26 people, the second through an imitation and the files' headings.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affectbio.datasets._matlab import numbered
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.datasets.e4 import read_e4
from affectbio.errors import DataError
from affectbio.types import Consent, Recording

__all__ = ["StressPredict"]

_TASKS = ("stroop", "interview", "hyperventilation")
_CONSENT = Consent(("research", "teaching", "product"), "Stress-Predict Dataset, MIT licence, (c) 2022 Talha Iqbal")
_COLUMNS = ["subject", "task", "start_unix", "end_unix", "stress"]

_FACTS = Facts(
    title="Stress-Predict",
    source="Iqbal et al., Sensors 22(21):8135, 2022, doi 10.3390/s22218135",
    access="It is free to download from the repository italha-d/Stress-Predict-Dataset.",
    n_subjects=35,
    n_recordings=1,
    n_trials=9,
    signals={
        "acc": SignalFacts(3, 32.0, 0.02, 30.0),
        "ppg": SignalFacts(1, 64.0, 1.0, 1000.0),
        "eda": SignalFacts(1, 4.0, 1e-10, 1e-4),
        "temperature": SignalFacts(1, 4.0, 0.01, 10.0),
        "hr_bpm": SignalFacts(1, 1.0, 0.5, 60.0),
    },
    ratings={"stress": (0.0, 1.0)},
    is_open=True,
)


class StressPredict(Dataset):
    """The recordings of a copy of Stress-Predict, one per person.

    Parameters
    ----------
    root : str or Path
        Folder with ``S01.zip`` and on and ``events.csv``, or the authors' with ``Raw_data``.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Signals are those of `affectbio.datasets.read_e4`: ``"acc"``, ``"ppg"``, ``"eda"``, ``"temperature"``, ``"hr_bpm"``.
    The first sample of the skin's conductance is 0, and in about a third of people it stays below 0.3 µS.

    Events are the tasks in the order of time: ``trial_type`` is ``rest``, ``stroop``, ``interview``,
    ``hyperventilation`` or ``questionnaire``, ``stimulus`` the task's own name (``baseline``, ``relax1``), ``stress`` 1
    in the three tasks and 0 elsewhere. The tasks came in one order for nearly everybody, so that what changes with time
    alone changes with them too; ``meta["confounds"]`` says so. With the authors' layout, ``trial_type`` of a stretch of
    label 1 is told by its order, and what stands between is ``rest``.

    Where a task began before the band was switched on, or ended after it was switched off, the event is cut to what was
    recorded. ``meta["missing"]`` says that, and who has no labels. ``meta`` also holds ``tags_s`` (presses of the
    band's button, in seconds), ``rr_s``, ``unix_start`` and, as the table has them, ``questionnaires`` (STAI and PSS).

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = StressPredict(synthesise("stress-predict", folder, n_subjects=1))
    ...     [recording] = data.recordings()
    >>> recording.events["stimulus"].tolist()[:4]
    ['baseline', 'stroop', 'relax1', 'interview']
    >>> recording.events["stress"].tolist()[:4]
    [0, 1, 0, 1]
    """

    facts = _FACTS

    def __init__(self, root: str | Path) -> None:
        super().__init__(root)
        self._is_authors = (self.root / "Raw_data").is_dir()
        if self._is_authors:
            # Which stretches there are is left to the labels, a file of which is not there for everybody.
            self.facts = replace(_FACTS, n_trials=None)

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            The authors': ``"S01"`` to ``"S35"``.

        Raises
        ------
        DatasetLayoutError
            If the folder holds no session.
        """
        return list(self._sessions)

    @cached_property
    def _sessions(self) -> dict[str, Path]:
        folder = self.root / "Raw_data" if self._is_authors else self.root
        found = numbered((path.name for path in folder.iterdir()), r"S(\d+)(?:\.zip)?")
        if not found:
            raise self._nobody("S01.zip or Raw_data/S01")
        return {f"S{number:02d}": folder / name for number, name in found.items()}

    @cached_property
    def _events(self) -> pd.DataFrame:
        path = self.root / "events.csv"
        if not path.is_file():
            raise self._nobody("events.csv, which says when the tasks were")
        table = _table(path)
        for column in _COLUMNS:
            if column not in table:
                raise DataError(f"{path}: no column {column!r}; found {', '.join(table.columns)}")
        for column in _COLUMNS[2:]:
            if not pd.api.types.is_numeric_dtype(table[column]):
                raise DataError(f"{path}: {column} holds something that is no number")
        return table

    def _read(self, subject: str) -> Iterator[Recording]:
        path = self._sessions[subject]
        read = read_e4(path, subject)
        zero = read.meta["unix_start"]
        end = max(signal.start + signal.duration for signal in read.signals.values())
        tags = read.events.loc[read.events["trial_type"] == "tag", "onset"].to_numpy(dtype=float)
        if self._is_authors:
            tasks, missing = self._labelled(subject)
            tags = _own_tags(path, subject, zero, tags)
        else:
            tasks, missing = self._events[self._events["subject"] == subject], []
            if tasks.empty:
                missing = [f"events: {subject} is not in events.csv"]
        events, cut = _on_clock(tasks, zero, end)
        yield replace(
            read,
            events=events,
            consent=_CONSENT,
            meta={
                **read.meta,
                "dataset": "stress-predict",
                "file": path.name,
                "tags_s": tuple(tags.tolist()),
                "questionnaires": self._questionnaires(subject),
                "missing": (*missing, *cut),
                "confounds": ("the tasks came in one order: time and task cannot be told apart",),
            },
        )

    def _labelled(self, subject: str) -> tuple[pd.DataFrame, list[str]]:
        """Make tasks of the label of every second."""
        folder = self.root / "Processed_data" / "heartrate_timestamps_labels"
        path = folder / f"P{int(subject[1:])}_comb_binary.csv"
        if not path.is_file():
            return pd.DataFrame(columns=_COLUMNS), [f"events: no {path.name}"]
        table = _table(path)
        if "Time(sec)" not in table or "Label" not in table:
            raise DataError(f"{path}: expected the columns Time(sec) and Label; found {', '.join(table.columns)}")
        times, labels = table["Time(sec)"].to_numpy(dtype=float), table["Label"].to_numpy()
        if not np.isin(labels, (0, 1)).all() or not (np.diff(times) > 0).all():
            raise DataError(f"{path}: expected labels of 0 or 1 at ascending times")
        edges = np.flatnonzero(np.diff(labels)) + 1
        bounds = list(zip([0, *edges], [*edges, len(labels)], strict=True))
        stress = [int(labels[first]) for first, _ in bounds]
        names = _TASKS if sum(stress) == len(_TASKS) else [f"stress{n + 1}" for n in range(sum(stress))]
        missing = [] if sum(stress) == len(_TASKS) else [f"tasks: {sum(stress)} stretches of stress in {path.name}"]
        tasks = iter(names)
        rests = iter(["baseline", *(f"relax{n}" for n in range(1, len(bounds) + 1))])
        rows = [
            (subject, next(tasks) if label else next(rests), times[first], times[last - 1] + 1.0, label)
            for (first, last), label in zip(bounds, stress, strict=True)
        ]
        return pd.DataFrame(rows, columns=_COLUMNS), missing

    def _questionnaires(self, subject: str) -> dict[str, Any]:
        path = self.root / "questionnaires.csv"
        if not path.is_file():
            return {}
        table = _table(path)
        if "subject" not in table:
            raise DataError(f"{path}: no column 'subject'; found {', '.join(table.columns)}")
        rows = table[table["subject"] == subject].drop(columns="subject").to_dict("records")
        return {str(key): value for key, value in rows[0].items()} if rows else {}


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path}: expected a table with commas between its columns: {error}") from None


def _own_tags(path: Path, subject: str, zero: float, tags: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give the presses of the button, whose file bears the person's name in the authors' folders."""
    file = path / f"tags_{subject}.csv"
    if zipfile.is_zipfile(path) or not file.is_file() or not file.read_text().strip():
        return tags
    try:
        return np.sort(np.loadtxt(file, delimiter=",", ndmin=1)) - zero
    except ValueError as error:
        raise DataError(f"{file}: expected Unix seconds, one in a row; {error}") from None


def _on_clock(tasks: pd.DataFrame, zero: float, end: float) -> tuple[pd.DataFrame, list[str]]:
    """Bring tasks to the recording's clock, cut to what was recorded, and say what was cut."""
    tasks = tasks.sort_values("start_unix", kind="stable", ignore_index=True)
    start = tasks["start_unix"].to_numpy(dtype=float) - zero
    stop = tasks["end_unix"].to_numpy(dtype=float) - zero
    notes = []
    for task, first, last in zip(tasks["task"], start, stop, strict=True):
        if not first < last:
            raise DataError(f"events.csv: {task} begins at {first + zero:g} and ends at {last + zero:g}")
        if last <= 0 or first >= end:
            notes.append(f"{task}: it lies outside the recording, {first:.1f} to {last:.1f} s of {end:.1f}")
        elif first < 0 or last > end:
            notes.append(f"{task}: {max(0.0, -first) + max(0.0, last - end):.1f} s of it were not recorded")
    inside = (stop > 0) & (start < end)
    kept = tasks[inside]
    onset, offset = np.clip(start[inside], 0.0, None), np.clip(stop[inside], None, end)
    names = kept["task"].astype(str).to_numpy()
    is_rest = [name == "baseline" or name.startswith("relax") for name in names]
    events = pd.DataFrame(
        {
            "onset": onset,
            "duration": offset - onset,
            "trial_type": np.where(is_rest, "rest", names).astype(object),
            # Numbered before any is left out, so that a number stands for the same task.
            "trial": [f"{number + 1:02d}" for number in np.flatnonzero(inside)],
            "stimulus": names,
            "stress": kept["stress"].to_numpy(dtype=int),
        }
    ).astype({"onset": float, "duration": float, "trial_type": str})
    sources = [column for column in ("start_source", "end_source") if column in kept]
    return events.join(kept[sources].reset_index(drop=True)), notes
