"""CASE: eight film clips, rated with a joystick while they ran (Sharma et al., Sci. Data 6:196, 2019).

``data/interpolated/physiological/sub_1.csv`` at 1000 Hz and ``data/interpolated/annotations/sub_1.csv`` at 20 Hz; the
raw files beside them are not read. Read here through an imitation only: no real copy was at hand. Units and the numbers
of the clips are as the publisher's readme has them, in part from memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab import numbered
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.types import Channel, Consent, Recording, Signal

__all__ = ["CASE"]

_SFREQ, _JOYSTICK_HZ = 1000.0, 20.0
# Signal: columns with their channels, and the factor to SI.
_SIGNALS: dict[str, tuple[dict[str, Channel], float]] = {
    "ecg": ({"ecg": Channel("ECG", "ecg")}, 1e-3),
    "ppg": ({"bvp": Channel("BVP", "ppg")}, 1.0),
    "eda": ({"gsr": Channel("GSR", "gsr")}, 1e-6),
    "resp": ({"rsp": Channel("RSP", "resp")}, 1.0),
    "temperature": ({"skt": Channel("SKT", "temperature")}, 1.0),
    "emg": ({f"emg_{muscle}": Channel(f"EMG_{muscle}", "emg") for muscle in ("zygo", "coru", "trap")}, 1e-6),
}
# By how much the two files of a person may differ in length before it is said.
_SLACK_S = 1.0
_RATINGS = ("valence", "arousal")
_ANNOTATION = tuple(Channel(name, "misc") for name in _RATINGS)
_EMOTIONS = {1: "amusing", 2: "amusing", 3: "boring", 4: "boring", 5: "relaxed", 6: "relaxed", 7: "scary", 8: "scary"}
# What was shown beside the clips.
_BETWEEN = {10: "start-video", 11: "blue-screen", 12: "end-video"}
_CONSENT = Consent(("research", "teaching", "product"), "CASE, CC BY 4.0, gitlab.com/karan-shr/case_dataset")


class CASE(Dataset):
    """The recordings of a copy of CASE, one per person.

    Parameters
    ----------
    root : str or Path
        Folder with ``data/interpolated``, or that folder itself.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Signals at 1000 Hz: ``"ecg"`` (V), ``"ppg"`` and ``"resp"`` (%), ``"eda"`` (S), ``"temperature"`` (°C), ``"emg"``
    (V; zygomaticus, corrugator, trapezius). ``"annotation"`` at 20 Hz is what the joystick said: valence and arousal
    from 0.5 to 9.5, 5 being neutral.

    Every clip is an event ``"stimulus"``: ``stimulus`` is the publisher's number of the video (the order differed from
    person to person, ``position`` says it), ``emotion`` what it was to elicit, and ``valence`` and ``arousal`` are the
    **means** of the joystick over the clip: the course of it is the signal. The videos between them are events
    ``start-video``, ``blue-screen`` and ``end-video``. ``trial`` counts all of them.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = CASE(synthesise("case", folder, n_subjects=1))
    ...     [recording] = data.recordings()
    >>> clips = recording.events[recording.events["trial_type"] == "stimulus"]
    >>> len(clips), sorted(clips["stimulus"])
    (8, ['1', '2', '3', '4', '5', '6', '7', '8'])
    """

    facts = Facts(
        title="CASE",
        source="K. Sharma, C. Castellini, E. L. van den Broek, A. Albu-Schaeffer and F. Schwenker, 2019, "
        "doi 10.1038/s41597-019-0209-0",
        access="It is free to download from gitlab.com/karan-shr/case_dataset.",
        n_subjects=30,
        n_recordings=1,
        n_trials=8,
        signals={
            "ecg": SignalFacts(1, _SFREQ, 1e-5, 1e-2),
            "ppg": SignalFacts(1, _SFREQ, 0.01, 50.0),
            "eda": SignalFacts(1, _SFREQ, 1e-8, 5e-5),
            "resp": SignalFacts(1, _SFREQ, 0.01, 50.0),
            "temperature": SignalFacts(1, _SFREQ, 1e-3, 10.0),
            "emg": SignalFacts(3, _SFREQ, 1e-7, 1e-3),
            "annotation": SignalFacts(2, _JOYSTICK_HZ, 0.0, 5.0),
        },
        ratings=dict.fromkeys(_RATINGS, (0.5, 9.5)),
        is_open=True,
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            The publisher's, by their number: ``"sub_1"`` to ``"sub_30"``.

        Raises
        ------
        DatasetLayoutError
            If there is nobody's physiology.
        """
        return list(self._files)

    @cached_property
    def _files(self) -> dict[str, Path]:
        for inside in (self.root / "data" / "interpolated", self.root / "interpolated", self.root):
            folder = inside / "physiological"
            if folder.is_dir():
                found = numbered((path.name for path in folder.iterdir()), r"sub_(\d+)\.csv")
                if found:
                    return {f"sub_{number}": folder / name for number, name in found.items()}
        raise self._nobody("data/interpolated/physiological/sub_1.csv")

    def _read(self, subject: str) -> Iterator[Recording]:
        path = self._files[subject]
        joystick = path.parent.parent / "annotations" / path.name
        if not joystick.is_file():
            raise DatasetLayoutError(f"no {joystick}; every person has what the joystick said as well")
        names = [name for columns, _ in _SIGNALS.values() for name in columns]
        table = _table(path, ["daqtime", *names, "video"])
        start = _check_clock(table["daqtime"], 1e3 / _SFREQ, path)
        videos = table["video"]
        signals: dict[str, Signal] = {}
        for name, (columns, scale) in _SIGNALS.items():
            data = np.stack([table.pop(column) for column in columns])
            data *= scale
            signals[name] = Signal(data, _SFREQ, tuple(columns.values()))
        said = _table(joystick, ["jstime", *_RATINGS])
        joystick_start = _check_clock(said["jstime"], 1e3 / _JOYSTICK_HZ, joystick)
        annotation = np.stack([said[name] for name in _RATINGS])
        signals["annotation"] = Signal(annotation, _JOYSTICK_HZ, _ANNOTATION, (joystick_start - start) / 1e3)
        events, missing = _events(videos, signals["annotation"], path)
        lengths = len(videos) / _SFREQ, annotation.shape[1] / _JOYSTICK_HZ
        problem = {}
        if abs(lengths[0] - lengths[1]) > _SLACK_S:
            problem = {
                "problem": f"{path.name}: physiology of {lengths[0]:g} s, joystick of {lengths[1]:g} s: one is cut"
            }
        yield Recording(
            signals,
            subject=subject,
            events=events,
            consent=_CONSENT,
            meta={"dataset": "case", "file": path.name, "missing": missing} | problem,
        )


def _table(path: Path, columns: list[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Read columns, each as an array of its own."""
    try:
        header = pd.read_csv(path, nrows=0, encoding="utf-8-sig")
        absent = [name for name in columns if name not in header]
        if absent:
            raise DataError(f"{path}: no column {absent[0]!r}; found {', '.join(map(str, header))}")
        table = pd.read_csv(path, usecols=columns, dtype=np.float64, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: expected numbers with commas between them: {error}") from None
    if table.empty:
        raise DataError(f"{path}: it holds no samples")
    return {name: table.pop(name).to_numpy() for name in columns}


def _check_clock(times_ms: npt.NDArray[np.float64], step_ms: float, path: Path) -> float:
    """Give the first stamp of a column that is regular, or refuse it."""
    expected = times_ms[0] + step_ms * np.arange(len(times_ms))
    wrong = np.flatnonzero(~(np.abs(times_ms - expected) < 0.5 * step_ms))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"{path}: line {row + 2}: expected the time {expected[row]:g} ms, {step_ms:g} ms a line; found "
            f"{times_ms[row]:g}: lines are lost, the file is cut short, or it is not the interpolated one"
        )
    return float(times_ms[0])


def _events(videos: npt.NDArray[np.float64], said: Signal, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Give an event for every run of a video."""
    if not np.isin(videos, [*_EMOTIONS, *_BETWEEN]).all():
        row = int(np.flatnonzero(~np.isin(videos, [*_EMOTIONS, *_BETWEEN]))[0])
        raise DataError(f"{path}: line {row + 2}: video: expected 1 to 8 or 10 to 12; found {videos[row]:g}")
    edges = np.flatnonzero(np.diff(videos)) + 1
    rows: list[dict[str, Any]] = []
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(videos)], strict=True):
        video, onset, offset = int(videos[first]), first / _SFREQ, last / _SFREQ
        about: dict[str, Any] = {
            "onset": onset,
            "duration": offset - onset,
            "trial_type": _BETWEEN.get(video, "stimulus"),
            "trial": f"{len(rows) + 1:02d}",
            "stimulus": str(video),
            "position": float("nan"),
            "emotion": _EMOTIONS.get(video),
            **dict.fromkeys(_RATINGS, float("nan")),
        }
        if video in _EMOTIONS:
            about["position"] = 1 + sum(r["trial_type"] == "stimulus" for r in rows)
            inside = said.crop(onset, offset).data
            known = np.isfinite(inside).any(axis=1)
            about |= {
                name: float(np.nanmean(values))
                for name, values, is_known in zip(_RATINGS, inside, known, strict=True)
                if is_known
            }
        rows.append(about)
    shown = [row["stimulus"] for row in rows if row["trial_type"] == "stimulus"]
    missing = [f"video {video}: it was not shown" for video in _EMOTIONS if str(video) not in shown]
    again = sorted({video for video in shown if shown.count(video) > 1})
    missing += [f"video {video}: it is there in {shown.count(video)} pieces" for video in again]
    return pd.DataFrame(rows).astype({"onset": float, "duration": float, "trial_type": str}), tuple(missing)
