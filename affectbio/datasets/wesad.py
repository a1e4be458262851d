"""WESAD: stress, amusement and meditation, chest strap and wristband (Schmidt et al., ICMI 2018).

One pickle per person, ``S2/S2.pkl``, of about 1 GB, and their answers in ``S2/S2_quest.csv``. Read here through an
imitation only: no real copy was at hand. Units and what the labels stand for are those of the publisher's readme, as
programs that are used on the real files have them; the layout of the answers too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab import numbered
from affectbio.datasets._unpickle import load_pickle
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError
from affectbio.types import Channel, Consent, Recording, Signal

__all__ = ["WESAD"]

_G = 9.80665
_LABEL_HZ = 700.0
_CONDITIONS = {1: "baseline", 2: "stress", 3: "amusement", 4: "meditation"}
# The names of the conditions in the order of the person's day, as the answers have them.
_NAMES = {"baseline": "Base", "stress": "TSST", "amusement": "Fun"}
_RATINGS = ("valence", "arousal")  # the order of the two numbers of a row DIM
# How much shorter a signal of the wristband may be than the chest strap's before it is said.
_SLACK_S = 2.0
_CONSENT = Consent(("research",), "WESAD readme: for scientific, non-commercial purposes")


class _Sensor(NamedTuple):
    device: str
    key: str
    sfreq: float
    scale: float
    channels: tuple[Channel, ...]


_SENSORS = {
    "ecg": _Sensor("chest", "ECG", 700.0, 1e-3, (Channel("ECG", "ecg"),)),
    "emg": _Sensor("chest", "EMG", 700.0, 1e-3, (Channel("EMG", "emg"),)),
    "eda": _Sensor("chest", "EDA", 700.0, 1e-6, (Channel("EDA", "gsr"),)),
    "resp": _Sensor("chest", "Resp", 700.0, 1.0, (Channel("Resp", "resp"),)),
    "temperature": _Sensor("chest", "Temp", 700.0, 1.0, (Channel("Temp", "temperature"),)),
    "acc": _Sensor("chest", "ACC", 700.0, _G, tuple(Channel(f"ACC_{axis}", "acc") for axis in "XYZ")),
    "ppg": _Sensor("wrist", "BVP", 64.0, 1.0, (Channel("BVP", "ppg"),)),
    "wrist_eda": _Sensor("wrist", "EDA", 4.0, 1e-6, (Channel("EDA", "gsr"),)),
    "wrist_temperature": _Sensor("wrist", "TEMP", 4.0, 1.0, (Channel("TEMP", "temperature"),)),
    "wrist_acc": _Sensor("wrist", "ACC", 32.0, _G / 64, tuple(Channel(f"ACC_{axis}", "acc") for axis in "XYZ")),
}


class WESAD(Dataset):
    """The recordings of a copy of WESAD, one per person.

    Parameters
    ----------
    root : str or Path
        Folder with ``S2`` and on, or the one that holds it as ``WESAD``.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Of the chest at 700 Hz: ``"ecg"`` and ``"emg"`` (V), ``"eda"`` (S), ``"resp"`` (%), ``"temperature"`` (°C) and
    ``"acc"`` (m/s²). Of the wrist: ``"ppg"`` (64 Hz, without unit), ``"wrist_eda"`` and ``"wrist_temperature"`` (4 Hz),
    ``"wrist_acc"`` (32 Hz). All begin at 0, as the publisher has put them side by side.

    An event is a run of one label without a break: ``trial_type`` is ``baseline``, ``stress``, ``amusement`` or
    ``meditation``, which comes twice, ``stimulus`` the publisher's name (``Base``, ``TSST``, ``Fun``, ``Medi 1``,
    ``Medi 2``). Label 0, on the way from one to the next, is no event; runs of 5 to 7, which the publisher asks to
    ignore, are listed in ``meta["left_out"]`` as (label, onset, duration). ``valence`` and ``arousal`` from 1 to 9 are
    what the person said after it; there are five conditions, and stress came second or fourth.

    ``meta["questionnaires"]`` holds all answers as they are: by name (PANAS, STAI, DIM, SSSQ) a row of numbers for each
    condition in the order of ``meta["order"]``; SSSQ once, of the stress.

    A full file takes about 0.8 GB of memory to read, and its signals 0.3 GB to keep. Nothing in a pickle is run.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = WESAD(synthesise("wesad", folder, n_subjects=1))
    ...     [recording] = data.recordings(["S2"])
    >>> recording.events["stimulus"].tolist()
    ['Base', 'TSST', 'Medi 1', 'Fun', 'Medi 2']
    >>> recording.signal("ecg").sfreq, recording.signal("wrist_eda").channels[0].unit
    (700.0, 'S')
    """

    facts = Facts(
        title="WESAD",
        source="P. Schmidt, A. Reiss, R. Duerichen, C. Marberger, K. Van Laerhoven, 2018, doi 10.1145/3242969.3242985",
        access="It is free to download from the UCI Machine Learning Repository, data set 465.",
        n_subjects=15,
        n_recordings=1,
        n_trials=4,
        signals={
            "ecg": SignalFacts(1, 700.0, 1e-5, 2e-3),
            "emg": SignalFacts(1, 700.0, 1e-7, 1e-3),
            "eda": SignalFacts(1, 700.0, 1e-9, 2e-5),
            "resp": SignalFacts(1, 700.0, 0.1, 50.0),
            # The sensor of the chest loses contact in some people, and then leaps (from memory of the readme).
            "temperature": SignalFacts(1, 700.0, 0.0, 100.0),
            "acc": SignalFacts(3, 700.0, 0.01, 30.0),
            "ppg": SignalFacts(1, 64.0, 1.0, 1000.0),
            "wrist_eda": SignalFacts(1, 4.0, 1e-10, 1e-4),
            "wrist_temperature": SignalFacts(1, 4.0, 0.001, 10.0),
            "wrist_acc": SignalFacts(3, 32.0, 0.01, 30.0),
        },
        ratings=dict.fromkeys(_RATINGS, (1.0, 9.0)),
        is_open=True,
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            The publisher's: ``"S2"`` to ``"S17"``, without S12.

        Raises
        ------
        DatasetLayoutError
            If nobody's pickle is in the folder.
        """
        return list(self._files)

    @cached_property
    def _files(self) -> dict[str, Path]:
        inside = self.root / "WESAD" if (self.root / "WESAD").is_dir() else self.root
        names = (p.name for p in inside.iterdir() if (p / f"{p.name}.pkl").is_file())
        found = numbered(names, r"S(\d+)")
        if not found:
            raise self._nobody("S2/S2.pkl")
        return {name: inside / name / f"{name}.pkl" for name in found.values()}

    def _read(self, subject: str) -> Iterator[Recording]:
        path = self._files[subject]
        devices, labels = _content(path, subject)
        missing = []
        signals: dict[str, Signal] = {}
        for name, sensor in _SENSORS.items():
            if sensor.key not in devices[sensor.device]:
                missing.append(f"{name}: no {sensor.key} of the {sensor.device}")
                continue
            # Taken out of the dictionary, so that only one signal is held twice.
            array = _checked(devices[sensor.device].pop(sensor.key), sensor, len(labels), path)
            data = np.multiply(array.T, sensor.scale, order="C", dtype=np.result_type(array.dtype, np.float32))
            del array
            signals[name] = Signal(data, sensor.sfreq, sensor.channels)
        seconds = len(labels) / _LABEL_HZ
        problems = [
            f"{path.name}: {name} lasts {signal.duration:g} s, the labels {seconds:g} s"
            for name, signal in signals.items()
            if abs(signal.duration - seconds) > _SLACK_S
        ]
        quest = path.with_name(f"{subject}_quest.csv")
        answers, order = _answers(quest) if quest.is_file() else ({}, ())
        if not quest.is_file():
            missing.append(f"ratings: no {quest.name}")
        events, left_out = _events(labels, answers, order)
        shown = [str(name) for name in events["stimulus"]]
        if order and shown != [name for name in order if name in shown]:
            problems.append(
                f"{quest.name}: the conditions came as {', '.join(order)}, the labels as {', '.join(shown)}"
            )
        yield Recording(
            signals,
            subject=subject,
            events=events,
            consent=_CONSENT,
            meta={
                "dataset": "wesad",
                "file": path.name,
                "left_out": left_out,
                "questionnaires": answers,
                "order": order,
                "missing": tuple(missing),
            }
            | ({"problem": "; ".join(problems)} if problems else {}),
        )


def _content(path: Path, subject: str) -> tuple[dict[str, dict[str, Any]], npt.NDArray[Any]]:
    content = load_pickle(path)
    if not isinstance(content, dict) or not {"signal", "label", "subject"} <= content.keys():
        found = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise DataError(f"{path}: expected a dictionary of signal, label and subject; found {found[:80]}")
    if content["subject"] != subject:
        raise DataError(f"{path}: it says it is of {content['subject']!r}; expected {subject!r}")
    devices = content["signal"]
    if not isinstance(devices, dict) or not all(isinstance(devices.get(d), dict) for d in ("chest", "wrist")):
        raise DataError(f"{path}: signal: expected dictionaries chest and wrist")
    labels = content["label"]
    if not isinstance(labels, np.ndarray) or labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size:
        raise DataError(f"{path}: label: expected whole numbers in one row; found {_about(labels)}")
    outside = np.setdiff1d(labels, range(8))
    if outside.size:
        raise DataError(f"{path}: label: expected 0 to 7; found {outside[0]}")
    return devices, labels


def _about(value: Any) -> str:
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def _checked(array: Any, sensor: _Sensor, n_labels: int, path: Path) -> npt.NDArray[Any]:
    n_chans = len(sensor.channels)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu" or array.ndim not in (1, 2) or not array.size:
        raise DataError(
            f"{path}: {sensor.device} {sensor.key}: expected numbers of shape (n, {n_chans}); found {_about(array)}"
        )
    if array.ndim == 1:
        array = array[:, np.newaxis]
    n_times = n_labels if sensor.device == "chest" else len(array)
    if array.shape != (n_times, n_chans):
        expected = n_times if sensor.device == "chest" else "n"
        raise DataError(
            f"{path}: {sensor.device} {sensor.key} has shape {array.shape}; expected ({expected}, {n_chans}) "
            f"(time, channel)"
        )
    checked: npt.NDArray[Any] = array
    return checked


def _events(
    labels: npt.NDArray[Any], answers: dict[str, list[list[float]]], order: tuple[str, ...]
) -> tuple[pd.DataFrame, tuple[tuple[int, float, float], ...]]:
    """Give an event for every run of a label, and the runs that are to be ignored."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    runs = list(zip([0, *edges.tolist()], [*edges.tolist(), len(labels)], strict=True))
    said = dict(zip(order, answers.get("DIM", ()), strict=False))
    rows: list[tuple[Any, ...]] = []
    left_out: list[tuple[int, float, float]] = []
    n_meditations = 0
    for first, last in runs:
        code, onset, duration = int(labels[first]), first / _LABEL_HZ, (last - first) / _LABEL_HZ
        if code not in _CONDITIONS:
            left_out += [(code, onset, duration)] if code else []
            continue
        condition = _CONDITIONS[code]
        n_meditations += condition == "meditation"
        name = _NAMES.get(condition, f"Medi {n_meditations}")
        # A row cut short stands for numbers that nobody gave.
        ratings = [*said.get(name, ()), float("nan"), float("nan")]
        number = len(rows) + 1
        rows.append((onset, duration, condition, f"{number:02d}", name, number, *ratings[:2]))
    columns = ["onset", "duration", "trial_type", "trial", "stimulus", "position", *_RATINGS]
    events = pd.DataFrame(rows, columns=columns).astype({"onset": float, "duration": float, "trial_type": str})
    return events, tuple(left_out)


def _answers(path: Path) -> tuple[dict[str, list[list[float]]], tuple[str, ...]]:
    """Read what the person answered, and in which order the conditions came, readings left aside."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file, delimiter=";")]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected text with semicolons between its columns: {error}") from None
    answers: dict[str, list[list[float]]] = {}
    order: tuple[str, ...] = ()
    for line, (head, *cells) in ((n, row) for n, row in enumerate(rows, 1) if row):
        name = head.lstrip("# ").upper()
        if name == "ORDER":
            # Two readings of a text, which nobody was asked about, are listed behind the conditions.
            order = tuple(cell for cell in cells if cell and not cell.endswith("Read"))
        elif name in ("PANAS", "STAI", "DIM", "SSSQ"):
            try:
                # The rows are filled up to one width with empty cells; one before the last answer is an answer missed.
                given = ";".join(cells).rstrip(";").split(";")
                answers.setdefault(name, []).append([float(cell) if cell else float("nan") for cell in given])
            except ValueError:
                raise DataError(f"{path}: line {line}: {name}: expected numbers; found {';'.join(cells)}") from None
    if not order:
        raise DataError(f"{path}: no row '# ORDER', which says in which order the conditions came")
    return answers, order
