"""Sessions of the Empatica E4 wristband, as E4 connect exports them: a folder or zip of CSV files, read as a Recording.

The first row of a file is when it begins, in Unix seconds, the second its rate; ``info.txt`` in the folder says so.
"""

from __future__ import annotations

import io
import zipfile
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import DataError, DatasetLayoutError
from affectbio.types import Channel, Recording, Signal

__all__ = ["read_e4"]

# A day of acceleration is 30 MB; what is larger is no session, or a zip made to fill the memory.
_LARGEST_BYTES = 1 << 30


class _File(NamedTuple):
    """A file of signals: the name it gets, the factor to SI, and its channels."""

    name: str
    scale: float
    channels: tuple[Channel, ...]


_FILES = {
    "ACC.csv": _File("acc", 9.80665 / 64, tuple(Channel(f"ACC_{axis}", "acc") for axis in "XYZ")),
    "BVP.csv": _File("ppg", 1.0, (Channel("BVP", "ppg"),)),
    "EDA.csv": _File("eda", 1e-6, (Channel("EDA", "gsr"),)),
    "TEMP.csv": _File("temperature", 1.0, (Channel("TEMP", "temperature"),)),
    # The band's own estimate from the pulse, in beats per minute: smoothed, and 10 s late.
    "HR.csv": _File("hr_bpm", 1.0, (Channel("HR", "misc"),)),
}


def read_e4(path: str | Path, subject: str, *, session: str = "01") -> Recording:
    r"""Read a session of an Empatica E4.

    Parameters
    ----------
    path : str or Path
        Folder or zip with ``ACC.csv``, ``BVP.csv``, ``EDA.csv``, ``TEMP.csv``, ``HR.csv``; those that are there.
    subject : str
        Pseudonym of the person.
    session : str
        Which visit.

    Returns
    -------
    Recording
        Signals ``"acc"`` (m/s²), ``"ppg"`` (the blood volume pulse, without unit), ``"eda"`` (S), ``"temperature"``
        (°C) and ``"hr_bpm"`` (what the band made of the pulse). Presses of the button become events ``"tag"`` without
        duration. The recording's clock starts with the earliest file; ``meta["unix_start"]`` is that moment in Unix
        seconds, and ``meta["rr_s"]``, shape (n_beats, 2), the band's beats: time on that clock and interval to the one
        before, in seconds.

    Raises
    ------
    DatasetLayoutError
        If there is no folder or zip, or none of the files in it.
    DataError
        If a file is not laid out as the band's: which, and where.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "EDA.csv").write_text("1644829925.0\n4.0\n" + "0.83\n" * 8)
    >>> recording = read_e4(folder, "01")
    >>> recording.signal("eda").duration, round(1e6 * float(recording.signal("eda").data[0, 0]), 2)
    (2.0, 0.83)
    """
    path = Path(path)
    read, inside = _contents(path)
    signals: dict[str, Signal] = {}
    starts: dict[str, float] = {}
    for file, about in _FILES.items():
        if file in inside:
            table = _table(read(file), f"{path.name}: {file}", len(about.channels))
            if len(table) < 3:
                continue  # the sensor was off: a beginning and a rate, or nothing at all
            unix_start, sfreq = float(table[0, 0]), float(table[1, 0])
            if not (sfreq > 0 and np.isfinite(unix_start)):
                raise DataError(
                    f"{path.name}: {file}: expected Unix seconds in row 1 and a rate in Hz in row 2; found "
                    f"{unix_start:g} and {sfreq:g}"
                )
            starts[about.name] = unix_start
            signals[about.name] = Signal(np.ascontiguousarray(table[2:].T) * about.scale, sfreq, about.channels)
    if not signals:
        raise DatasetLayoutError(
            f"{path.name} holds none of {', '.join(_FILES)} with samples in it; found "
            f"{', '.join(sorted(inside)) or 'nothing'}: expected a session as E4 connect exports it"
        )
    zero = min(starts.values())
    return Recording(
        {n: Signal(s.data, s.sfreq, s.channels, starts[n] - zero) for n, s in signals.items()},
        subject=subject,
        session=session,
        events=_tags(read("tags.csv") if "tags.csv" in inside else b"", zero, path.name),
        device="empatica-e4",
        meta={"unix_start": zero, "rr_s": _beats(read("IBI.csv") if "IBI.csv" in inside else b"", zero, path.name)},
    )


def _contents(path: Path) -> tuple[Callable[[str], bytes], set[str]]:
    """Give a reader of files by name, and the names there are."""
    if path.is_dir():
        return lambda name: (path / name).read_bytes(), {p.name for p in path.iterdir() if p.is_file()}
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise DatasetLayoutError(f"{path} is neither a folder nor a zip; expected a session as E4 connect exports it")
    with zipfile.ZipFile(path) as archive:
        # A zip made by hand often holds the folder; what a Mac adds beside it begins with a dot.
        files = [info for info in archive.infolist() if not info.is_dir() and "__MACOSX" not in info.filename]
    members = {PurePosixPath(info.filename).name: info for info in files}
    folders = sorted({str(PurePosixPath(i.filename).parent) for i in files if PurePosixPath(i.filename).name in _FILES})
    if len(folders) > 1:
        raise DatasetLayoutError(
            f"{path.name} holds the files of {len(folders)} sessions, in {', '.join(folders[:5])}; expected one: "
            f"unpack it, and read folder by folder"
        )

    def read(name: str) -> bytes:
        if members[name].file_size > _LARGEST_BYTES:
            raise DataError(f"{path.name}: {name} would unpack to {members[name].file_size} bytes, which is no session")
        with zipfile.ZipFile(path) as archive:
            try:
                return archive.read(members[name])
            except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
                raise DataError(f"{path.name}: {name} cannot be unpacked: {error}") from None

    return read, set(members)


def _table(content: bytes, what: str, n_columns: int) -> npt.NDArray[np.float64]:
    if not content.strip():
        return np.empty((0, n_columns))
    try:
        table = np.loadtxt(io.BytesIO(content), delimiter=",", ndmin=2, encoding="utf-8-sig")
    except ValueError as error:
        # What follows speaks of arguments that are not ours.
        found = str(error).partition("; use")[0]
        raise DataError(f"{what}: expected numbers, {n_columns} in a row; {found}") from None
    if table.shape[1] != n_columns:
        raise DataError(f"{what}: expected {n_columns} numbers in a row; found {table.shape[1]}")
    return table


def _tags(content: bytes, zero: float, what: str) -> pd.DataFrame:
    onsets = np.sort(_table(content, f"{what}: tags.csv", 1)[:, 0]) - zero
    return pd.DataFrame({"onset": onsets, "duration": 0.0, "trial_type": "tag"}).astype({"trial_type": str})


def _beats(content: bytes, zero: float, what: str) -> npt.NDArray[np.float64]:
    """Give the band's beats; the first row is when it began and the word IBI."""
    first, _, rest = content.partition(b"\n")
    if not first.strip():
        return np.empty((0, 2))
    try:
        begin = float(first.removeprefix(BOM_UTF8).split(b",")[0])
    except ValueError:
        raise DataError(f"{what}: IBI.csv: expected Unix seconds in row 1; found {first[:40]!r}") from None
    beats = _table(rest, f"{what}: IBI.csv", 2)
    beats[:, 0] += begin - zero
    return beats
