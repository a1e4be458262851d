"""``affectbio xdf``: what is in an XDF file, a torn one made whole, and one given out in other formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from affectbio.cli.files import open_recording
from affectbio.errors import ConfigError, DataError
from affectbio.xdf import Exported, XDFRepair, XDFScan, export_recording, repair_xdf, scan_xdf
from affectbio.xdf.export import ExportFormat
from affectbio.xdf.reader import load_streams, stream_headers

__all__ = ["run_export", "run_info", "run_repair"]

_FORMATS = get_args(ExportFormat)
# Stamps may be out of order by less.
_SET_BACK_S = 1.0


def run_info(path: Path, *, console: Console | None = None) -> XDFScan:
    """Print what is in a file: its streams with samples, rate, longest gap and clock measurements, and damage.

    Parameters
    ----------
    path : Path
        XDF file.
    console : rich.console.Console, optional
        Where to; stdout if not given.

    Returns
    -------
    XDFScan
        How far it is whole.

    Raises
    ------
    DataError
        If it is no XDF file.
    FileNotFoundError
        If there is no such file.
    """
    console = console or Console()
    scan = _scan(path)
    headers, left_out = stream_headers(scan)
    loaded, notes = load_streams(path, scan, headers, synchronize_clocks=False, dejitter_timestamps=False)
    streams = {s["info"]["stream_id"]: (np.asarray(s["time_stamps"], float), len(s["clock_times"])) for s in loaded}
    table = Table("stream", "type", "ch.", "samples", "Hz", "s", "longest gap", "clock", box=None)
    # Names may be long; numbers cut in two cannot be read.
    for column in table.columns[1:]:
        column.no_wrap = True
    table.columns[0].overflow, table.columns[0].min_width = "fold", 12
    for stream_id, header in headers.items():
        stamps, n_offsets = streams.get(stream_id, (np.empty(0), 0))
        steps = np.diff(stamps)
        # A clock that was set back: what lies between is not known, and no part of the duration.
        resets = np.flatnonzero(steps < -_SET_BACK_S)
        notes += [
            f"stream {header.name!r}: its clock was set back by {-steps[at]:.0f} s after sample {at}" for at in resets
        ]
        steps = np.delete(steps, resets)
        span = float(steps.sum())
        rate = f"{len(steps) / span:.2f}" if span > 0 else "-"
        cells = (
            header.name,
            header.lsl_type,
            str(header.n_chans),
            str(len(stamps)),
            f"{rate} of {header.sfreq:g}" if header.sfreq else "irregular",
            f"{span:.1f}",
            f"{float(steps.max()):.3f} s" if len(steps) else "-",
            f"{n_offsets}" if n_offsets else "none",
        )
        table.add_row(*(Text(cell) for cell in cells))
    if headers:
        console.print(table)
    size, chunks = path.stat().st_size, _counted(scan.n_chunks, "chunk")
    shown = f"{size / 1e6:.2f} MB" if size > 10_000 else f"{size} bytes"
    console.print(Text(f"{path}: {shown}, {chunks}, {_counted(len(headers), 'stream')}"))
    console.print(Text("stamps are as they were sent; clock: how often the sender's was measured", "dim"))
    for note in (*left_out, *notes):
        console.print(Text(note, "yellow"))
    if scan.problem:
        console.print(Text(f"torn: {scan.problem}; affectbio xdf repair makes a whole file of it", "yellow"))
    return scan


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")


def _scan(path: Path) -> XDFScan:
    if not path.is_file():
        raise DataError(f"no file {path}; expected an XDF file")
    return scan_xdf(path)


def run_repair(path: Path, out: Path | None = None, *, console: Console | None = None) -> XDFRepair:
    """Make a whole file of a torn one.

    Parameters
    ----------
    path : Path
        The torn file; it is not touched.
    out : Path, optional
        File to make; beside it with ``_repaired`` after its name if not given.
    console : rich.console.Console, optional
        Where to say what was done; stdout if not given.

    Returns
    -------
    XDFRepair
        What was kept and what was lost.

    Raises
    ------
    DataError
        If it is no XDF file, or the new one exists.
    """
    _scan(path)
    target = out or path.with_name(f"{path.stem}_repaired.xdf")
    done = repair_xdf(path, target)
    console = console or Console()
    for problem in done.problems:
        console.print(Text(problem, "yellow"))
    if not done.problems:
        console.print(Text(f"{path} is whole: its chunks are copied as they are"), soft_wrap=True)
    console.print(
        Text(
            f"{target}: {_counted(done.n_chunks, 'chunk')} kept, {_counted(done.n_lost_bytes, 'byte')} lost, "
            f"{_counted(done.n_footers, 'footer')} added"
        )
    )
    return done


def run_export(
    path: Path,
    to: str,
    *,
    out: Path | None = None,
    subject: str = "01",
    session: str = "01",
    task: str = "recording",
    signals: tuple[str, ...] = (),
    units: dict[str, str] | None = None,
    ch_names: Sequence[str] | None = None,
    console: Console | None = None,
) -> tuple[Exported, ...]:
    """Write a recording in another format, a file for each signal.

    Parameters
    ----------
    path : Path
        XDF file, or any recording that `affectbio.datasets.read_recording` reads.
    to : str
        ``"bdf"``, ``"edf"``, ``"fif"`` or ``"bids"``.
    out : Path, optional
        As for `affectbio.xdf.export_recording`; beside the file and called as it is, with ``_bids`` for a data set, if
        not given.
    subject, session, task : str
        Pseudonym of the person, which visit, and what the person did.
    signals : tuple of str
        Which signals; all if empty.
    units : dict of str to str, optional
        Units of XDF streams that state none, by type or name.
    ch_names : sequence of str, optional
        What the channels of an OpenBCI file are.
    console : rich.console.Console, optional
        Where to say what was written; stdout if not given.

    Returns
    -------
    tuple of Exported
        One for each file of samples.

    Raises
    ------
    ConfigError
        If the format is not known.
    DataError
        If the file cannot be read or written so.
    """
    console = console or Console()
    if to not in _FORMATS:
        raise ConfigError(f"--to {to}: expected one of {', '.join(_FORMATS)}")
    recording = open_recording(path, subject, session=session, units=units, ch_names=ch_names, console=console)
    target = out or path.with_name(path.stem + ("_bids" if to == "bids" else ""))
    done = export_recording(recording, target, cast("ExportFormat", to), signals=signals or None, task=task)
    for note in recording.meta.get("left_out", ()):
        console.print(Text(f"not exported: {note}", "yellow"))
    for note in recording.meta.get("notes", ()):
        console.print(Text(note, "yellow"))
    for file in done:
        signal = recording.signals[file.signal]
        lost = 100 * file.n_lost / max(1, signal.data.size)
        about = (
            f"{_counted(signal.n_chans, 'channel')}, {signal.duration:.1f} s at {signal.sfreq:g} Hz, {lost:.2f} % lost"
        )
        sender = recording.meta.get("streams", {}).get(file.signal, {}).get("name", file.signal)
        console.print(Text(f"{file.path}: {sender}, {about}"))
        for note in file.notes:
            console.print(Text(f"  {note}", "yellow"))
    if to != "bids" and any(file.n_lost for file in done):
        console.print(Text("lost samples are zeros under annotations BAD_lost", "dim"))
    return done
