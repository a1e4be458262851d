"""Gives a Recording out to EDF+, BDF+, FIF or BIDS: one file for each signal, on the signal's own clock.

Devices do not share a clock, and one file at one rate would have to invent samples: a file for each signal invents
none. EDF+ is the standard of Kemp & Olivan (2003), written by edfio; BDF+ is the same with 24 bits. BIDS is BIDS 1.10:
EEG by mne-bids, other signals as its ``physio`` tables.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from affectbio._optional import require
from affectbio.errors import DataError
from affectbio.types import Recording, Signal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Exported", "export_recording"]

ExportFormat = Literal["bdf", "edf", "fif", "bids"]

_SUFFIX = {"bdf": ".bdf", "edf": ".edf", "fif": "_raw.fif"}
# Written in microvolts, as every EDF reader expects; 8 characters of a header would not hold volts well.
_WRITTEN = {"V": ("uV", 1e6), "S": ("uS", 1e6)}
# EDF+ 2.1.3.3: the kind stands before the name, and readers tell the kind by it. EEG has its 10-05 names.
_PREFIX = {"ecg": "ECG", "emg": "EMG", "eog": "EOG", "resp": "RESP", "temperature": "TEMP"}
_LABEL_CHARS = 16
_LOST = "BAD_lost"


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was written.

    Parameters
    ----------
    path : Path
        Where it is.
    signal : str
        Which signal it holds.
    n_lost : int
        Samples of each channel that were lost, summed over channels.
    notes : tuple of str
        What a reader must know that the file does not say.
    """

    path: Path
    signal: str
    n_lost: int
    notes: tuple[str, ...] = ()


def export_recording(
    recording: Recording,
    out: str | os.PathLike[str],
    to: ExportFormat,
    *,
    signals: Sequence[str] | None = None,
    task: str = "recording",
) -> tuple[Exported, ...]:
    """Write a recording in another format.

    Parameters
    ----------
    recording : Recording
        What to write.
    out : path-like
        For ``"bids"`` the folder of a new data set. Else where the files go and what they are called: signal ``eeg``
        of ``"folder/s01"`` becomes ``folder/s01_eeg.bdf``.
    to : str
        ``"bdf"`` (24 bits), ``"edf"`` (16 bits), ``"fif"`` (MNE's own, in volts with positions) or ``"bids"``.
    signals : sequence of str, optional
        Which signals; all if not given.
    task : str
        BIDS's name of what the person did.

    Returns
    -------
    tuple of Exported
        One for each file of samples.

    Raises
    ------
    DataError
        If a file of that name exists, a signal is not there or has no sample, a number is infinite, or names do not
        fit the format.
    MissingExtraError
        For ``"bids"``, if mne-bids is not installed.

    Notes
    -----
    Events become annotations on the signal's own clock: one that begins before the signal is cut to it, one that lies
    outside is left out, and `Exported` says so. Lost samples, NaN here, cannot be written to EDF, BDF and FIF: they
    become zeros under an annotation ``BAD_lost``, with the channel after ``@@`` where only some are lost, which is how
    MNE reads them back. In EDF and BDF, a step of the converter is the range of the channel over 2¹⁶ or 2²⁴; the last
    record is filled up with lost samples; positions of electrodes are in FIF and BIDS only. No file has a date. Every
    file appears under its name only once it is complete, and the folder of BIDS once all of it is.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.types import Channel
    >>> eeg = Signal(np.zeros((1, 256)), 128.0, [Channel("Cz")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.path.name for file in export_recording(Recording({"eeg": eeg}, "01"), f"{folder}/s01", "bdf")]
    ['s01_eeg.bdf']
    """
    target = Path(out)
    names = list(recording.signals) if signals is None else list(signals)
    parts = {name: _part(recording, name) for name in names}
    if to == "bids":
        return _bids(parts, target, task)
    if to not in _SUFFIX:
        raise DataError(f"cannot export to {to!r}; expected one of {', '.join([*_SUFFIX, 'bids'])}")
    if not target.absolute().parent.is_dir():
        raise DataError(f"cannot write {target}: there is no folder {target.parent}; make it first")
    paths = {name: target.with_name(f"{target.name}_{name}{_SUFFIX[to]}") for name in names}
    for path in paths.values():
        _refuse_existing(path)
    done = []
    for name, (part, notes) in parts.items():
        write = _write_fif if to == "fif" else _write_bdf if to == "bdf" else _write_edf
        with _whole(paths[name]) as partial:
            write(part, name, partial)
        done.append(_exported(paths[name], part.signals[name], name, notes))
    return tuple(done)


def _part(recording: Recording, name: str) -> tuple[Recording, tuple[str, ...]]:
    """One signal with the events that lie in it, and what was left out."""
    signal = recording.signal(name)
    if not signal.n_times or not signal.n_chans:
        raise DataError(f"signal {name!r} has {signal.n_chans} channels and {signal.n_times} samples; expected some")
    infinite = np.isinf(signal.data).any(axis=1)
    if infinite.any():
        raise DataError(
            f"signal {name!r}, channel {signal.ch_names[int(np.argmax(infinite))]!r}: a sample is infinite; expected "
            f"numbers, or NaN where samples were lost"
        )
    events, note = _within(recording.events, signal)
    if signal.start > 0:
        note = (*note, f"begins {signal.start:.6f} s after the recording")
    return replace(recording, signals={name: signal}, events=events), note


def _within(events: pd.DataFrame, signal: Signal) -> tuple[pd.DataFrame, tuple[str, ...]]:
    onset = events["onset"].to_numpy(dtype=float)
    stop = onset + np.nan_to_num(events["duration"].to_numpy(dtype=float))
    first, last = signal.start, signal.start + signal.duration
    # A moment at the very edge counts as inside; what lasts must share some time with the signal.
    held = (onset <= last) & np.where(stop > onset, stop > first, onset >= first)
    inside = events[held].copy()
    # A little within: MNE rounds what it reads to microseconds, and warns of an end that this puts behind the last one.
    last -= 2e-6
    begin = np.clip(onset[held], first, last)
    inside["onset"] = begin
    inside["duration"] = np.clip(stop[held], first, last) - begin
    n_out = int((~held).sum())
    return inside, (f"{n_out} events outside the signal left out",) if n_out else ()


def _exported(path: Path, signal: Signal, name: str, notes: tuple[str, ...]) -> Exported:
    return Exported(path, name, int(np.isnan(signal.data).sum()), notes)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise DataError(f"{path} exists; an export never overwrites: choose another name")


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a place beside the file, which becomes the file once all is written."""
    # Ends as the file does: MNE and edfio look at that.
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_fif(part: Recording, name: str, path: Path) -> None:
    part.to_raw(name).save(path, fmt="double", verbose="error")


def _write_bdf(part: Recording, name: str, path: Path) -> None:
    import edfio

    _write(part, name, path, edfio.Bdf, edfio.BdfSignal)


def _write_edf(part: Recording, name: str, path: Path) -> None:
    import edfio

    _write(part, name, path, edfio.Edf, edfio.EdfSignal)


def _write(
    part: Recording, name: str, path: Path, make_file: Callable[..., Any], make_signal: Callable[..., Any]
) -> None:
    import edfio

    signal = part.signals[name]
    per_record, record_s = _record(signal.sfreq)
    n_missing = -signal.n_times % per_record
    data = np.pad(np.asarray(signal.data, np.float64), ((0, 0), (0, n_missing)), constant_values=np.nan)
    channels = []
    for label, channel, row in zip(_labels(signal), signal.channels, np.nan_to_num(data), strict=True):
        unit, scale = _WRITTEN.get(channel.unit, (channel.unit, 1.0))
        values = scale * row
        channels.append(
            make_signal(
                values,
                per_record / record_s,
                label=label,
                physical_dimension=unit,
                physical_range=_range(label, float(values.min()), float(values.max())),
            )
        )
    notes = [edfio.EdfAnnotation(*note) for note in _annotations(part.events, signal, np.isnan(data))]
    make_file(
        channels,
        patient=edfio.Patient(code=_word(part.subject)),
        recording=edfio.Recording(equipment_code=_word(_sender(part, name))),
        data_record_duration=record_s,
        annotations=sorted(notes),
    ).write(path)


def _sender(part: Recording, name: str) -> str:
    """Say what sent a signal: its stream's name, or the device's; as short as the header has room for."""
    stream = part.meta.get("streams", {}).get(name, {})
    return str(stream.get("name") or part.device or "X")[:40]


def _record(sfreq: float) -> tuple[int, float]:
    """Choose the samples of a record and how long it lasts, in the 8 characters that a header has for it."""
    for per_record in (round(sfreq), 1):
        # Whole rates, and slow ones such as 0.25 Hz.
        if per_record >= 1 and round(per_record / sfreq, 3) == per_record / sfreq:
            return per_record, per_record / sfreq
    # A measured rate such as 256.0205 Hz has no short decimals: of records of about a second, the one that loses least.
    counts = np.arange(max(1, math.floor(sfreq)), max(1, math.floor(sfreq)) + 500)
    lengths = counts / sfreq
    shown = np.array([float(_decimals(length)) for length in lengths])
    best = int(np.argmin(np.abs(shown / lengths - 1.0)))
    return int(counts[best]), float(shown[best])


def _decimals(number: float, chars: int = 8) -> str:
    return f"{number:.{max(0, chars - 1 - len(str(int(number))))}f}"


def _labels(signal: Signal) -> list[str]:
    labels = []
    for channel in signal.channels:
        prefix = _PREFIX.get(channel.kind, "")
        plain = channel.name.upper().startswith(prefix) or len(prefix) + 1 + len(channel.name) > _LABEL_CHARS
        label = channel.name if plain else f"{prefix} {channel.name}"
        if not (label.isascii() and label.isprintable() and len(label) <= _LABEL_CHARS):
            raise DataError(
                f"channel {label!r} cannot be named so in EDF or BDF; expected at most {_LABEL_CHARS} ASCII "
                f"characters: rename it, or export to fif"
            )
        labels.append(label)
    return labels


def _range(label: str, low: float, high: float) -> tuple[float, float]:
    """Limits that hold all values and stand in the 8 characters of a header."""
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = 1.0  # the lower limit is written exactly, and all values lie there
    for decimals in range(6, -1, -1):
        step = 10.0**-decimals
        down, up = math.floor(low / step) * step, math.ceil(high / step) * step
        texts = (f"{down:.{decimals}f}", f"{up:.{decimals}f}")
        if max(map(len, texts)) <= 8:
            return float(texts[0]), float(texts[1])
    raise DataError(f"channel {label!r} reaches from {low:g} to {high:g}, which a header of EDF cannot say")


def _annotations(
    events: pd.DataFrame, signal: Signal, lost: npt.NDArray[np.bool_]
) -> Iterator[tuple[float, float | None, str]]:
    onsets = events["onset"].to_numpy(dtype=float) - signal.start
    for onset, duration, text in zip(onsets, events["duration"], events["trial_type"], strict=True):
        yield float(onset), float(duration), _text(str(text))
    change = np.flatnonzero((lost[:, 1:] != lost[:, :-1]).any(axis=0)) + 1
    for first, last in zip((0, *change), (*change, lost.shape[1]), strict=True):
        rows = np.flatnonzero(lost[:, first])
        whose = [""] if len(rows) == len(lost) else [f"@@{signal.ch_names[row]}" for row in rows]
        for channel in whose:
            yield first / signal.sfreq, (last - first) / signal.sfreq, _LOST + channel


def _text(text: str) -> str:
    # EDF+ 2.2.2 keeps these two bytes to tell annotations apart.
    return text.replace("\x14", " ").replace("\x15", " ").replace("\x00", " ") or "n/a"


def _word(text: str) -> str:
    # A subfield of an EDF+ header has no spaces and is ASCII.
    return "".join(letter if letter.isascii() and letter.isprintable() else "_" for letter in text).replace(" ", "_")


def _bids(parts: dict[str, tuple[Recording, tuple[str, ...]]], root: Path, task: str) -> tuple[Exported, ...]:
    mne_bids = require("mne_bids", "bids")
    _refuse_existing(root)
    brain = [name for name, (part, _) in parts.items() if any(c.kind == "eeg" for c in part.signals[name].channels)]
    if len(brain) != 1:
        raise DataError(
            f"BIDS takes one EEG signal, and others beside it; found {', '.join(brain) or 'none'} among "
            f"{', '.join(parts)}: pick the signals"
        )
    some = next(iter(parts.values()))[0]
    for what, label in (("subject", some.subject), ("session", some.session), ("task", task)):
        if not (label.isascii() and label.isalnum()):
            raise DataError(f"{what} {label!r} cannot be named so in BIDS; expected ASCII letters and digits only")
    partial = root.with_name(f".partial-{root.name}")
    done = []
    try:
        path = mne_bids.BIDSPath(
            subject=some.subject, session=some.session, task=task, root=partial, datatype="eeg", suffix="eeg"
        )
        _write_eeg(mne_bids, parts[brain[0]][0], brain[0], path)
        folder = path.copy().directory
        stem = f"sub-{some.subject}_ses-{some.session}_task-{task}"
        origin = parts[brain[0]][0].signals[brain[0]].start
        for name, (part, notes) in parts.items():
            file = folder / f"{stem}_eeg.bdf"
            if name not in brain:
                file = folder / f"{stem}_recording-{name}_physio.tsv.gz"
                _write_physio(part.signals[name], file, origin)
            done.append(_exported(root / file.relative_to(partial), part.signals[name], name, notes))
        partial.replace(root)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(partial)
    return tuple(done)


def _write_eeg(mne_bids: Any, part: Recording, name: str, path: Any) -> None:
    mne_bids.write_raw_bids(part.to_raw(name), path, format="BDF", allow_preload=True, verbose="error")


def _write_physio(signal: Signal, path: Path, origin: float) -> None:
    """Write a signal as BIDS's physio table: no header, n/a where lost, and a JSON file that says what it is."""
    with gzip.open(path, "wt", encoding="ascii", newline="\n") as file:
        for row in np.asarray(signal.data, np.float64).T:
            file.write("\t".join("n/a" if math.isnan(value) else f"{value:.9g}" for value in row.tolist()) + "\n")
    about: dict[str, Any] = {
        "SamplingFrequency": signal.sfreq,
        "StartTime": signal.start - origin,
        "Columns": list(signal.ch_names),
    }
    for channel in signal.channels:
        about[channel.name] = {"Description": channel.kind, "Units": channel.unit}
    text = json.dumps(about, indent=2) + "\n"
    path.with_name(path.name.removesuffix(".tsv.gz") + ".json").write_text(text, encoding="utf-8")
