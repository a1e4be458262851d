"""``affectbio xdf``: what is in an XDF file, a torn one made whole, and one given out in other formats."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from rich.text import Text

from affectbio.cli.features import read_recording
from affectbio.errors import ConfigError, DataError
from affectbio.xdf import Exported, XDFRepair, XDFScan, export_recording, parse_header, repair_xdf, scan_xdf
from affectbio.xdf.export import ExportFormat
from affectbio.xdf.reader import load_streams

__all__ = ["run_export", "run_info", "run_repair"]

_FORMATS = get_args(ExportFormat)


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
    loaded = _streams(path, scan)
    table = Table("stream", "type", "channels", "samples", "Hz", "seconds", "longest gap", "clock", box=None)
    for stream_id, xml in scan.headers.items():
        header = parse_header(xml)
        stamps, n_offsets = loaded.get(stream_id, (np.empty(0), 0))
        span = float(stamps[-1] - stamps[0]) if len(stamps) else 0.0
        rate = f"{(len(stamps) - 1) / span:.2f}" if span > 0 else "-"
        cells = (
            header.name,
            header.lsl_type,
            str(header.n_chans),
            str(len(stamps)),
            f"{rate} of {header.sfreq:g}" if header.sfreq else "now and then",
            f"{span:.1f}",
            f"{float(np.diff(stamps).max()):.3f} s" if len(stamps) > 1 else "-",
            f"{n_offsets}" if n_offsets else "never measured",
        )
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    console.print(Text(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {scan.n_chunks} chunks, stamps as they were sent"))
    if scan.problem:
        console.print(Text(f"torn: {scan.problem}; affectbio xdf repair makes a whole file of it", "yellow"))
    return scan


def _scan(path: Path) -> XDFScan:
    if not path.is_file():
        raise DataError(f"no file {path}; expected an XDF file")
    return scan_xdf(path)


def _streams(path: Path, scan: XDFScan) -> dict[int, tuple[npt.NDArray[np.float64], int]]:
    """Stamps as they were sent, and how often the clock was measured, by stream."""
    loaded = load_streams(path, scan, synchronize_clocks=False, dejitter_timestamps=False)
    return {s["info"]["stream_id"]: (np.asarray(s["time_stamps"], float), len(s["clock_times"])) for s in loaded}


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
    console.print(
        Text(f"{target}: {done.n_chunks} chunks kept, {done.n_lost_bytes} bytes lost, {done.n_footers} footers added")
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
    console: Console | None = None,
) -> tuple[Exported, ...]:
    """Write a recording in another format, a file for each signal.

    Parameters
    ----------
    path : Path
        XDF file; any recording that `affectbio.cli.features.read_recording` reads.
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
    recording = read_recording(path, subject, session=session, units=units, console=console)
    target = out or path.with_name(path.stem + ("_bids" if to == "bids" else ""))
    done = export_recording(recording, target, cast("ExportFormat", to), signals=signals or None, task=task)
    for note in recording.meta.get("left_out", ()):
        console.print(Text(f"not exported: {note}", "yellow"))
    for file in done:
        signal = recording.signals[file.signal]
        lost = 100 * file.n_lost / max(1, signal.data.size)
        about = f"{signal.n_chans} channels, {signal.duration:.1f} s at {signal.sfreq:g} Hz, {lost:.2f} % lost"
        sender = recording.meta.get("streams", {}).get(file.signal, {}).get("name", file.signal)
        console.print(Text(f"{file.path}: {sender}, {about}"))
        for note in file.notes:
            console.print(Text(f"  {note}", "yellow"))
    if to != "bids" and any(file.n_lost for file in done):
        console.print(Text("lost samples are zeros under annotations BAD_lost", "dim"))
    return done
