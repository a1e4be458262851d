"""``affectbio features``: a recording in, a tidy table of features out, whole or not at all."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from affectbio.cli.files import open_recording
from affectbio.errors import ConfigError, DataError
from affectbio.features import SETS, FeatureSet, FeatureTable, fitting_sets
from affectbio.types import Recording

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run_features"]

_TABLES = (".parquet", ".csv")
# Of what a reader notes, channel by channel.
_MOST_NOTES = 3


def run_features(
    path: Path,
    out: Path,
    *,
    sets: str | None = None,
    subject: str = "01",
    session: str = "01",
    window_s: float | None = None,
    step_s: float | None = None,
    units: Mapping[str, str] | None = None,
    ch_names: Sequence[str] | None = None,
    console: Console | None = None,
) -> FeatureTable:
    """Read a recording, compute features and write them.

    Parameters
    ----------
    path : Path
        As for `affectbio.datasets.read_recording`.
    out : Path
        Where to write: ``.parquet`` or ``.csv``. A file of that name is replaced once the new one is whole.
    sets : str, optional
        Names of feature sets with commas between them, or the path of a recipe; all that fit if not given.
    subject, session : str
        Pseudonym of the person, and which visit.
    window_s : float, optional
        Length of every set's window in seconds; each set's own if not given.
    step_s : float, optional
        Distance between windows in seconds; the recipe's own, or 1 s, if not given.
    units : mapping of str to str, optional
        Units of XDF streams that state none, by type or name.
    ch_names : sequence of str, optional
        What the channels of an OpenBCI file are.
    console : rich.console.Console, optional
        Where to say what happens; stdout if not given. No value of a person is ever printed.

    Returns
    -------
    FeatureTable
        What was written.

    Raises
    ------
    ConfigError
        If ``out`` is of another kind or cannot be written, or a set is not known.
    DataError
        If the recording cannot be read, or has not what a set needs; or the disk is full.
    """
    console = console or Console()
    if out.suffix not in _TABLES:
        raise ConfigError(f"--out {out.name}: expected a file that ends in {' or '.join(_TABLES)}")
    if not out.parent.is_dir():
        raise ConfigError(f"--out {out}: there is no folder {out.parent}; make it first")
    if not os.access(out.parent, os.W_OK) or out.is_dir():
        raise ConfigError(f"--out {out}: cannot be written; give another file, or yourself the right to write there")
    # Before the recording is read, which may take a while.
    wanted = None if sets is None else FeatureSet.from_recipe(sets, window_s=window_s, step_s=step_s)
    begun = time.perf_counter()
    try:
        recording = open_recording(path, subject, session=session, units=units, ch_names=ch_names, console=console)
        wanted = wanted or _all_that_fit(recording, window_s, 1.0 if step_s is None else step_s)
        found = _with_progress(wanted, recording, console)
        _write(found.table, out)
    except KeyboardInterrupt:
        console.print(f"stopped; {out} is as it was", style="yellow", highlight=False, markup=False, soft_wrap=True)
        raise
    _say(found, wanted, out, time.perf_counter() - begun, console)
    return found


def _all_that_fit(recording: Recording, window_s: float | None, step_s: float) -> FeatureSet:
    names = fitting_sets(recording, window_s)
    if not names:
        found = ", ".join(f"{n} ({s.channels[0].kind}, {s.duration:.0f} s)" for n, s in recording.signals.items())
        kinds = dict.fromkeys(kind for each in SETS.values() for kind in each.make().kinds)
        # Such as electrodes whose names say no place.
        notes = "".join(f"\n  {note}" for note in recording.meta.get("notes", ())[:_MOST_NOTES])
        raise DataError(
            f"no feature set fits the signals {found}; a set needs channels of its kind ({', '.join(kinds)}) for at "
            f"least one window, and --window gives shorter ones{notes}"
        )
    return FeatureSet(names, window_s=window_s, step_s=step_s)


def _with_progress(wanted: FeatureSet, recording: Recording, console: Console) -> FeatureTable:
    columns = (TextColumn("{task.description:22}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {s.name: progress.add_task(s.name, total=None, start=False) for s in wanted.sets}

        def show(name: str, n_done: int, n_windows: int) -> None:
            if not n_done:
                progress.start_task(bars[name])
            progress.update(bars[name], completed=n_done, total=n_windows)

        return wanted.extract(recording, progress=show)


def _write(table: pd.DataFrame, out: Path) -> None:
    """Write beside its place first, then move it there in one step: no half file is ever seen."""
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        try:
            if out.suffix == ".csv":
                table.to_csv(temporary, index=False)
            else:
                table.to_parquet(temporary, index=False)
            # mkstemp makes files that only their owner may read; features of a person are left so.
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"{out} could not be written: {error}; make room, or give another file with --out. An earlier {out.name} "
            f"is as it was"
        ) from error


def _say(found: FeatureTable, wanted: FeatureSet, out: Path, took_s: float, console: Console) -> None:
    shares = found.share_valid()
    summary = Table(box=None, padding=(0, 1))
    for column in ("set", "window", "columns", "valid", "why not"):
        summary.add_column(column, justify="right" if column in ("window", "columns", "valid") else "left")
    for each in wanted.sets:
        reasons = found.table[f"{each.name}_reason"].astype(str).value_counts()
        why = ", ".join(f"{reason} ({n})" for reason, n in reasons.items() if reason)
        row = (each.name, f"{each.window_s:g} s", str(len(found.columns[each.name])), f"{shares[each.name]:.0%}", why)
        summary.add_row(*row)
    console.print(summary)
    recorded, tail = (float(found.left_out[column].sum()) for column in ("duration_s", "tail_s"))
    console.print(
        f"{len(found.table)} windows, one every {wanted.step_s:g} s, of {recorded:.1f} s; left out at the end: "
        f"{tail:.2f} s\n{took_s:.1f} s, {recorded / took_s:.0f} × real time; written to {out}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
