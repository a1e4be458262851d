"""EEG in a BIDS folder (Pernet et al., Sci. Data 6:103, 2019): ``sub-01/ses-1/eeg/sub-01_ses-1_task-x_eeg.edf`` and on.

Samples are read by MNE; what the tables beside them say of channels, events and other signals goes before what the file
says. Tables and JSON files may stand with the file or above it, as the standard's inheritance has it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affectbio.datasets.base import Dataset, Facts
from affectbio.datasets.mne_files import _read as read_by_mne
from affectbio.errors import DataError
from affectbio.types import Channel, Consent, Recording, Signal
from affectbio.units import KINDS, si_unit

__all__ = ["BIDS", "read_bids"]

_SUFFIXES = (".edf", ".bdf", ".vhdr", ".set", ".fif")
# BIDS's words for what a channel is, and MNE's; the others are "misc".
_TYPES = {
    "EEG": "eeg", "EOG": "eog", "VEOG": "eog", "HEOG": "eog", "ECG": "ecg", "EMG": "emg", "GSR": "gsr", "RESP": "resp",
    "TEMP": "temperature", "TRIG": "stim",
}  # fmt: skip
_NAMES = {"gsr": "eda"}
_ENTITY = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9+]+)")


class BIDS(Dataset):
    """The EEG recordings of a BIDS folder.

    Parameters
    ----------
    root : str or Path
        Folder with ``sub-…`` folders.
    task : str, optional
        Only the recordings of this task.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    One Recording per ``_eeg`` file (``.edf``, ``.bdf``, ``.vhdr``, ``.set``, ``.fif``): ``"eeg"`` in V and one signal
    for each other kind of channel, as ``channels.tsv`` has them; ``physio.tsv.gz`` beside it gives one more each, by
    the name after ``recording-``, in SI where its unit is known and else as ``misc``. Channels with the status ``bad``
    are in ``meta["bads"]``. Electrodes are placed by their 10-05 names; ``electrodes.tsv`` is not read, and an
    electrode of another name whose place the file does not hold becomes ``misc``, as ``meta["missing"]`` says.

    Events are those of ``events.tsv`` with all its columns, ``n/a`` being NaN; if there is none, the file's own. Where
    the table has no ``trial_type`` it is the ``value``. Where it has no ``trial`` every row becomes one, named after
    task, run and its number, so that runs of a session do not share them.

    ``subject`` and ``session`` are the labels behind ``sub-`` and ``ses-``; ``meta`` has ``task``, ``run``, ``file``,
    ``sidecar``, which is what ``eeg.json`` says, and ``participant``, that person's row of ``participants.tsv``.

    `facts` know the people of ``participants.tsv``; nothing else of a folder is known before.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = BIDS(synthesise("bids", folder, n_subjects=1))
    ...     [recording] = data.recordings()
    >>> recording.subject, recording.signal("eeg").ch_names
    ('01', ('Fz', 'Cz', 'Pz', 'Oz'))
    >>> recording.events[["trial_type", "valence"]].values.tolist()[0]
    ['calm', 7.0]
    """

    facts = Facts(
        title="a BIDS folder",
        source="Pernet et al., Sci. Data 6:103, 2019, doi 10.1038/s41597-019-0104-8",
        access="Many are free to download from OpenNeuro (openneuro.org).",
        n_subjects=0,
        n_recordings=None,
        n_trials=None,
        signals={},
        is_open=True,
    )

    def __init__(self, root: str | Path, task: str | None = None) -> None:
        super().__init__(root)
        self.task = task
        self.facts = replace(self.facts, n_subjects=len(self._participants))

    def subjects(self) -> list[str]:
        """Give the people's labels.

        Returns
        -------
        list of str
            Those of whom there is EEG, sorted.

        Raises
        ------
        DatasetLayoutError
            If there is nobody.
        """
        return list(self._files) or self._refuse()

    def _refuse(self) -> list[str]:
        about = f" of the task {self.task!r}" if self.task else ""
        raise self._nobody(f"sub-*/eeg/*_eeg ({', '.join(_SUFFIXES)}){about}")

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for pattern in ("sub-*/eeg/*_eeg.*", "sub-*/ses-*/eeg/*_eeg.*"):
            for path in self.root.glob(pattern):
                entities = _entities(path)
                # MNE goes on to the other parts of a file that was split.
                is_first = int(entities.get("split", "1")) == 1
                if path.suffix in _SUFFIXES and is_first and self.task in (None, entities.get("task")):
                    found.setdefault(entities.get("sub", path.relative_to(self.root).parts[0][4:]), []).append(path)
        return {subject: sorted(found[subject]) for subject in sorted(found)}

    @cached_property
    def _participants(self) -> dict[str, dict[str, Any]]:
        path = self.root / "participants.tsv"
        if not path.is_file():
            return {}
        table = _table(path)
        if "participant_id" not in table:
            raise DataError(f"{path}: no column 'participant_id'; found {', '.join(map(str, table))}")
        return {
            str(row.pop("participant_id")).removeprefix("sub-"): {str(key): value for key, value in row.items()}
            for row in table.to_dict("records")
        }

    def _read(self, subject: str) -> Iterator[Recording]:
        for path in self._files[subject]:
            yield self._one(path, subject)

    def _one(self, path: Path, subject: str) -> Recording:
        entities = _entities(path)
        table, bads = self._beside(path, "channels.tsv"), []
        channels = None if table is None else _table(table)
        if channels is not None:
            for column in ("name", "type"):
                if column not in channels:
                    raise DataError(f"{table}: no column {column!r}; found {', '.join(map(str, channels))}")
            if "status" in channels:
                bads = channels.loc[channels["status"] == "bad", "name"].astype(str).tolist()
        read = read_by_mne(path, subject, entities.get("ses", "01"), _opener(channels))
        signals = {_NAMES.get(kind, kind): signal for kind, signal in read.signals.items()}
        own = {name for signal in signals.values() for name in signal.ch_names}
        missing = [f"channels.tsv: {name} is not in {path.name}" for name in bads if name not in own]
        if channels is not None and "misc" in signals:
            eeg = set(channels.loc[channels["type"].astype(str).str.upper() == "EEG", "name"].astype(str))
            missing += [f"place of {name}: it has no 10-05 name" for name in signals["misc"].ch_names if name in eeg]
        for file in sorted(path.parent.glob(f"{_stem(path)}*_physio.tsv.gz")):
            name = _entities(file).get("recording", "physio")
            signals[name if name not in signals else f"physio-{name}"] = self._physio(file)
        events_file = self._beside(path, "events.tsv")
        about = self._beside(path, "eeg.json")
        licence = (self._json(self.root / "dataset_description.json") or {}).get("License", "")
        return replace(
            read,
            signals=signals,
            events=_named(read.events if events_file is None else _events(events_file), entities),
            consent=Consent(("research",), f"dataset_description.json: {licence or 'no licence is stated'}"),
            meta={
                **read.meta,
                "dataset": "bids",
                "bads": tuple(bads),
                "task": entities.get("task", ""),
                "run": entities.get("run", ""),
                "sidecar": {} if about is None else self._json(about),
                "participant": self._participants.get(subject, {}),
                "missing": tuple(missing),
            },
        )

    def _beside(self, path: Path, ending: str) -> Path | None:
        """Find the table or JSON file that is meant for a file: the nearest of those whose labels it has."""
        own = _entities(path).items()
        folder = path.parent
        while True:
            fitting = [
                file
                for file in folder.glob(f"*{ending}")
                if file.name.split("_")[-1] == ending and _entities(file).items() <= own
            ]
            if fitting:
                return max(fitting, key=lambda file: (len(_entities(file)), file.name))
            if folder in (self.root, folder.parent):
                return None
            folder = folder.parent

    def _json(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            return {}
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise DataError(f"{path}: expected JSON: {error}") from None
        return content if isinstance(content, dict) else {}

    def _physio(self, path: Path) -> Signal:
        about_file = self._beside(path, "physio.json")
        same = path.with_name(path.name.removesuffix(".tsv.gz") + ".json")
        about = self._json(same if same.is_file() or about_file is None else about_file)
        try:
            sfreq, start, columns = float(about["SamplingFrequency"]), float(about["StartTime"]), about["Columns"]
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{path}: its JSON file must say SamplingFrequency, StartTime and Columns; found {', '.join(about)}"
            ) from None
        try:
            with gzip.open(path, "rt", encoding="utf-8") as file:
                table = pd.read_csv(file, sep="\t", header=None, na_values=["n/a"], dtype=float)
        except (ValueError, OSError, EOFError) as error:
            raise DataError(f"{path}: expected a table of numbers with tabs between them: {error}") from None
        if len(columns) != table.shape[1]:
            raise DataError(f"{path}: {table.shape[1]} columns; its JSON file names {len(columns)}")
        described = [_described(str(name), about.get(name)) for name in columns]
        data = np.stack([table[i].to_numpy() * scale for i, (_, scale) in enumerate(described)])
        return Signal(data, sfreq, [channel for channel, _ in described], start)


def read_bids(root: str | Path, task: str | None = None) -> list[Recording]:
    """Read all EEG recordings of a BIDS folder at once.

    Parameters
    ----------
    root : str or Path
        Folder with ``sub-…`` folders.
    task : str, optional
        Only the recordings of this task.

    Returns
    -------
    list of Recording
        As from `BIDS`, which reads them one at a time.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder, or no EEG in it.
    DataError
        If a file cannot be read: which.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recordings = read_bids(synthesise("bids", folder))
    >>> [recording.subject for recording in recordings]
    ['01', '02']
    """
    return list(BIDS(root, task).recordings())


def _entities(path: Path) -> dict[str, str]:
    return dict(_ENTITY.findall(path.name))


def _stem(path: Path) -> str:
    return path.name.rsplit("_", 1)[0]


def _table(path: Path) -> pd.DataFrame:
    try:
        # A label such as 01 is no number.
        return pd.read_csv(
            path,
            sep="\t",
            na_values=["n/a"],
            keep_default_na=False,
            encoding="utf-8-sig",
            dtype={"participant_id": str},
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path}: expected a table with tabs between its columns: {error}") from None


def _events(path: Path) -> pd.DataFrame:
    events = _table(path)
    for column in ("onset", "duration"):
        if column not in events:
            raise DataError(f"{path}: no column {column!r}; found {', '.join(map(str, events))}")
        if not pd.api.types.is_numeric_dtype(events[column]):
            raise DataError(f"{path}: {column}: expected seconds; found a word")
    if "trial_type" not in events:
        events["trial_type"] = events["value"].astype(str) if "value" in events else "n/a"
    events["trial_type"] = events["trial_type"].fillna("n/a").astype(str)
    first = ["onset", "duration", "trial_type"]
    return events[[*first, *(c for c in events if c not in first)]].astype({"onset": float, "duration": float})


def _named(events: pd.DataFrame, entities: dict[str, str]) -> pd.DataFrame:
    """Give every event the trial it is of, if the file does not."""
    if "trial" in events:
        return events.astype({"trial": str})
    part = "-".join(entities[key] for key in ("task", "acq", "run") if key in entities)
    return events.assign(trial=[f"{part}-{number + 1:03d}" for number in range(len(events))])


def _opener(channels: pd.DataFrame | None) -> Any:
    """Make a reader that gives channels the kinds that the table has."""
    import mne

    def read(path: Path, **options: Any) -> Any:
        raw = mne.io.read_raw(path, **options)
        if channels is not None:
            kinds = {
                str(name): _TYPES.get(str(kind).upper(), "misc")
                for name, kind in zip(channels["name"], channels["type"], strict=True)
            }
            there = {name: kind for name, kind in kinds.items() if name in raw.ch_names}
            raw.set_channel_types(there, on_unit_change="ignore", verbose="error")
        return raw

    return read


def _described(name: str, about: Any) -> tuple[Channel, float]:
    """Make a channel of what the JSON file says of a column, and the factor to its unit."""
    about = about if isinstance(about, dict) else {}
    kind = str(about.get("Description", "misc")).lower()
    try:
        scale, unit = si_unit(str(about.get("Units", "1")) or "1")
    except DataError:
        return Channel(name, "misc"), 1.0
    # What is EEG stands in the EEG file; a kind is believed where the unit is its own.
    return Channel(name, kind if kind != "eeg" and KINDS.get(kind) == unit else "misc", unit), scale
