"""K-EmoCon: debates of two, rated by themselves, the partner and five others (Park et al., Sci. Data 7:293, 2020).

Tables per person: ``e4_data/1/E4_BVP.csv`` (wristband), ``neurosky_polar_data/1/Attention.csv`` (headset and chest
strap), ``emotion_annotations/self_annotations/P1.self.csv`` and on. Read here through an imitation only: no real copy
was at hand. What is said of columns and clocks comes from programs that are used on the real files.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.types import Channel, Consent, Recording, Signal
from affectbio.xdf.grid import place_stamps

__all__ = ["KEmoCon"]

_BANDS = ("delta", "lowAlpha", "highAlpha", "lowBeta", "highBeta", "lowGamma", "middleGamma", "theta")


class _File(NamedTuple):
    folder: str
    name: str
    sfreq: float
    scale: float
    columns: tuple[str, ...]
    channels: tuple[Channel, ...]


def _one(folder: str, name: str, sfreq: float, channel: Channel, scale: float = 1.0) -> _File:
    return _File(folder, name, sfreq, scale, ("value",), (channel,))


_E4, _HEAD = "e4_data", "neurosky_polar_data"
_FILES = {
    "acc": _File(
        _E4, "E4_ACC.csv", 32.0, 9.80665 / 64, ("x", "y", "z"), tuple(Channel(f"ACC_{axis}", "acc") for axis in "XYZ")
    ),
    "ppg": _one(_E4, "E4_BVP.csv", 64.0, Channel("BVP", "ppg")),
    "eda": _one(_E4, "E4_EDA.csv", 4.0, Channel("EDA", "gsr"), 1e-6),
    "temperature": _one(_E4, "E4_TEMP.csv", 4.0, Channel("TEMP", "temperature")),
    "hr_bpm": _one(_E4, "E4_HR.csv", 1.0, Channel("HR", "misc")),
    "polar_hr_bpm": _one(_HEAD, "Polar_HR.csv", 1.0, Channel("Polar_HR", "misc")),
    "attention": _one(_HEAD, "Attention.csv", 1.0, Channel("Attention", "misc")),
    "meditation": _one(_HEAD, "Meditation.csv", 1.0, Channel("Meditation", "misc")),
    "band_power": _File(_HEAD, "BrainWave.csv", 1.0, 1.0, _BANDS, tuple(Channel(band, "misc") for band in _BANDS)),
}
# Wristbands of others are in the files of these two; from the publisher's own programs.
_WORN = {("31", "E4_IBI.csv"): "A01525", ("31", ""): "A013E1", ("32", ""): "A01A3A"}

_STEP_S = 5.0
_BASELINE_S = 120.0
# Who rated, the folder and file of it, and what its columns are called here.
_RATERS = {
    "self": ("self_annotations", ""),
    "partner": ("partner_annotations", "partner_"),
    "external": ("aggregated_external_annotations", "external_"),
}
_AFFECT = {"valence": (1.0, 5.0), "arousal": (1.0, 5.0)}
_EMOTIONS = dict.fromkeys(("cheerful", "happy", "angry", "nervous", "sad"), (1.0, 4.0))
_CONSENT = Consent(("research",), "K-EmoCon end-user agreement, zenodo.org/records/3931963")


class KEmoCon(Dataset):
    """The recordings of a copy of K-EmoCon, one per person.

    Parameters
    ----------
    root : str or Path
        Folder with ``metadata``, ``e4_data``, ``neurosky_polar_data`` and ``emotion_annotations``, as their archives
        unpack; each may lie in a folder of its own name.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Of the wristband ``"acc"`` (m/s²), ``"ppg"``, ``"eda"`` (S), ``"temperature"`` (°C) and ``"hr_bpm"``; of the others,
    once a second, ``"polar_hr_bpm"``, ``"attention"``, ``"meditation"`` and ``"band_power"`` (the headset's own; there
    is no EEG). Those that are there: some people lack the wristband's or the headset's. Samples stand on a regular
    clock where their stamps put them, and what is lost is NaN. Entries of the headset and the strap that are there
    twice are taken once. A 0 of these devices can mean that nothing was measured; it stays as it is.

    The two minutes from ``initTime`` are an event ``"baseline"``. The debate is one trial, cut into events of 5 s that
    carry the ratings: ``valence`` and ``arousal`` (1 to 5), ``cheerful``, ``happy``, ``angry``, ``nervous`` and ``sad``
    (1 to 4) of the person, with ``partner_`` before them of the partner, with ``external_`` of the observers. All of
    them have one ``trial``: they must stay on one side of a split. Both people of a debate have one ``stimulus``.

    Where ratings last longer than the debate they are left out **from the beginning**, as the publisher's programs do;
    ``meta["missing"]`` says how many. ``meta["rr_s"]``, shape (n_beats, 2), is the wristband's beats: time and interval
    in seconds; ``meta["unix_start"]`` where the recording's clock begins.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = KEmoCon(synthesise("k-emocon", folder, n_subjects=2))
    ...     one, other = data.recordings()
    >>> one.events["trial_type"].value_counts().tolist(), one.events["trial"].nunique()
    ([8, 1], 2)
    >>> one.events["stimulus"].iloc[-1] == other.events["stimulus"].iloc[-1]
    True
    """

    facts = Facts(
        title="K-EmoCon",
        source="C. Y. Park et al., 2020, doi 10.1038/s41597-020-00630-y",
        access="Apply at zenodo.org/records/3931963, where an end-user agreement is to be accepted.",
        n_subjects=32,
        n_recordings=1,
        n_trials=1,
        signals={
            "acc": SignalFacts(3, 32.0, 0.01, 30.0),
            "ppg": SignalFacts(1, 64.0, 1.0, 1000.0),
            "eda": SignalFacts(1, 4.0, 1e-10, 1e-4),
            "temperature": SignalFacts(1, 4.0, 1e-3, 10.0),
        },
        ratings={
            prefix + name: scale for _, prefix in _RATERS.values() for name, scale in (_AFFECT | _EMOTIONS).items()
        },
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            The publisher's, by their number: ``"P1"`` to ``"P32"``; those of whom a device was recorded.

        Raises
        ------
        DatasetLayoutError
            If nobody's folder is there, or ``metadata/subjects.csv`` is not.
        """
        return [
            f"P{pid}"
            for pid in self._people.index
            if any((self._folder(name) / str(pid)).is_dir() for name in (_E4, _HEAD))
        ] or self._refuse()

    def _refuse(self) -> list[str]:
        raise self._nobody("e4_data/1")

    def _folder(self, name: str) -> Path:
        inside = self.root / name / name
        return inside if inside.is_dir() else self.root / name

    @cached_property
    def _people(self) -> pd.DataFrame:
        path = self._folder("metadata") / "subjects.csv"
        if not path.is_file():
            raise self._nobody("metadata/subjects.csv")
        table = _table(path, ["pid", "initTime", "startTime", "endTime"])
        if table["pid"].isna().any():
            raise DataError(f"{path}: a row has no pid: the file is cut short or damaged")
        people = table.set_index(table["pid"].astype(int)).sort_index()
        if people.index.has_duplicates:
            raise DataError(f"{path}: pid {people.index[people.index.duplicated()][0]} is there twice")
        return people

    def _read(self, subject: str) -> Iterator[Recording]:
        pid = subject[1:]
        about = self._people.loc[[int(pid)]].to_dict("records")[0]
        if not about["initTime"] <= about["startTime"] < about["endTime"]:
            raise DataError(
                f"subjects.csv: pid {pid}: expected initTime, startTime and endTime one after the other; found "
                f"{about['initTime']:.0f}, {about['startTime']:.0f} and {about['endTime']:.0f}"
            )
        stamped, missing = {}, []
        for name, file in _FILES.items():
            path = self._folder(file.folder) / pid / file.name
            if not path.is_file():
                missing.append(f"{name}: no {file.folder}/{pid}/{file.name}")
                continue
            read = _read_samples(path, pid, file)
            if read is None:
                missing.append(f"{name}: {file.name} holds no samples")
            else:
                stamped[name] = read
        if not stamped:
            raise DatasetLayoutError(f"{subject}: no table of samples in {_E4}/{pid} or {_HEAD}/{pid}")
        zero = min(about["initTime"] / 1e3, *(stamps[0] for stamps, _ in stamped.values()))
        signals, notes = {}, []
        for name, (stamps, values) in stamped.items():
            try:
                signals[name], note = _on_grid(stamps - zero, values, _FILES[name])
            except DataError as error:
                raise DataError(f"{subject}: {_FILES[name].name}: {error}") from None
            notes += [f"{name}: {note}"] if note else []
        times = tuple(float(about[key]) / 1e3 - zero for key in ("initTime", "startTime", "endTime"))
        events, unrated = self._events(pid, *times)
        beats = self._folder(_E4) / pid / "E4_IBI.csv"
        yield Recording(
            signals,
            subject=subject,
            events=events,
            device="empatica-e4" if "ppg" in signals else None,
            consent=_CONSENT,
            meta={
                "dataset": "k-emocon",
                "unix_start": float(zero),
                "pair": f"{(int(pid) + 1) // 2:02d}",
                "rr_s": _beats(beats, pid, float(zero)),
                "notes": tuple(notes),
                "missing": (*missing, *unrated),
            },
        )

    def _events(self, pid: str, init: float, start: float, end: float) -> tuple[pd.DataFrame, list[str]]:
        # The end of the debate is cut where no rating reaches.
        n_steps = int((end - start + 1e-6) // _STEP_S)
        stimulus = f"debate-{(int(pid) + 1) // 2:02d}"
        ratings, missing = pd.DataFrame(index=range(n_steps)), list[str]()
        for rater, (folder, prefix) in _RATERS.items():
            path = self._folder("emotion_annotations") / folder / f"P{pid}.{rater}.csv"
            if not path.is_file():
                missing.append(f"ratings: no {folder}/{path.name}")
                rated = pd.DataFrame(columns=[*_AFFECT, *_EMOTIONS], dtype=float)
            else:
                rated = _table(path, ["seconds", *_AFFECT, *_EMOTIONS])
                if not (np.diff(rated["seconds"]) == _STEP_S).all():
                    raise DataError(f"{path}: seconds: expected {_STEP_S:g} more in every line")
                too_many = len(rated) - n_steps
                if too_many > 0:
                    missing.append(f"ratings: the first {too_many} of {path.name}, which lasts longer than the debate")
                    rated = rated.iloc[too_many:]
                elif too_many < 0:
                    missing.append(f"ratings: {path.name} ends {-too_many} steps before the debate")
            for name in (*_AFFECT, *_EMOTIONS):
                ratings[prefix + name] = rated[name].reset_index(drop=True).reindex(range(n_steps))
        debate = pd.DataFrame(
            {"onset": start + _STEP_S * np.arange(n_steps), "duration": _STEP_S, "trial_type": "stimulus"}
        )
        debate["trial"], debate["stimulus"] = "02", stimulus
        baseline = pd.DataFrame(
            {
                "onset": [init],
                "duration": [min(_BASELINE_S, start - init)],
                "trial_type": ["baseline"],
                "trial": ["01"],
                "stimulus": ["baseline"],
            }
        )
        events = pd.concat([baseline, debate.join(ratings.astype(float))], ignore_index=True)
        return events[events["duration"] > 0].reset_index(drop=True), missing


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read columns of numbers."""
    try:
        header = pd.read_csv(path, nrows=0, encoding="utf-8-sig")
        absent = [name for name in columns if name not in header]
        if absent:
            raise DataError(f"{path}: no column {absent[0]!r}; found {', '.join(map(str, header))}")
        return pd.read_csv(path, usecols=columns, dtype=float, encoding="utf-8-sig", skipinitialspace=True)
    except (ValueError, pd.errors.ParserError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: expected numbers with commas between them: {error}") from None


def _stamped(path: Path, pid: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read stamps in seconds and values of the wristband that the person wore, in the order of time."""
    table = _table(path, ["timestamp", *columns])
    # Read before without complaint, so it is there to be read again.
    serial = pd.read_csv(path, usecols=lambda name: name == "device_serial", dtype=str, encoding="utf-8-sig")
    found = sorted(serial["device_serial"].dropna().unique()) if "device_serial" in serial else []
    if len(found) > 1:
        worn = _WORN.get((pid, path.name), _WORN.get((pid, "")))
        if worn not in found:
            raise DataError(
                f"{path}: samples of {len(found)} devices, {', '.join(found)}; expected "
                f"{worn or 'one: it is not known which of them the person wore'}"
            )
        table = table[serial["device_serial"] == worn]
    table["timestamp"] /= 1e3
    if not np.isfinite(table["timestamp"]).all():
        raise DataError(f"{path}: a row has no timestamp: the file is cut short or damaged")
    return table.sort_values("timestamp", kind="stable", ignore_index=True)


def _read_samples(path: Path, pid: str, file: _File) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    table = _stamped(path, pid, file.columns)
    if file.folder == _HEAD:
        # The telephone that took them in wrote some entries twice.
        table = table.drop_duplicates(ignore_index=True)
    if table.empty:
        return None
    return table["timestamp"].to_numpy(), table[list(file.columns)].to_numpy().T * file.scale


def _on_grid(
    stamps: npt.NDArray[np.float64], values: npt.NDArray[np.float64], file: _File
) -> tuple[Signal, str | None]:
    placed = place_stamps(stamps, file.sfreq)
    data = np.full((len(values), int(placed.slots[-1]) + 1), np.nan)
    data[:, placed.slots] = values
    return Signal(data, placed.sfreq, file.channels, placed.start), placed.note


def _beats(path: Path, pid: str, zero: float) -> npt.NDArray[np.float64]:
    if not path.is_file():
        return np.empty((0, 2))
    beats = _stamped(path, pid, ("value",))[["timestamp", "value"]].to_numpy()
    beats[:, 0] -= zero
    return beats
