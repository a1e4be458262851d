"""``affectbio datasets``: which are read, whether a copy is whole, and small imitations to try a reader with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from affectbio.datasets import DATASETS, CheckReport, check_dataset, synthesise
from affectbio.datasets.imitation import IMITATIONS
from affectbio.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_all", "run_check", "run_synthesise"]

# More of one kind do not help to find what is wrong.
_SHOWN = 40


def list_all(console: Console | None = None) -> None:
    """Print a line for every data set.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to; stdout if not given.
    """
    table = Table("data set", "what", "people", "signals", "access", "imitation", box=None)
    for name in DATASETS.names():
        facts = DATASETS.get(name).facts
        by_rate: dict[float, list[str]] = {}
        for signal, about in facts.signals.items():
            named = signal if about.n_chans == 1 else f"{signal} {about.n_chans}"
            by_rate.setdefault(about.sfreq, []).append(named)
        signals = "; ".join(f"{', '.join(named)}: {rate:g} Hz" for rate, named in by_rate.items())
        cells = (
            name,
            facts.title,
            str(facts.n_subjects or "any"),
            signals or "what the folder has",
            "open" if facts.is_open else "a form",
            "yes" if name in IMITATIONS else "-",
        )
        # As Text: rich would take brackets for markup.
        table.add_row(*map(Text, cells))
    table.columns[0].no_wrap = True
    console = console or Console()
    console.print(table)
    console.print(
        Text("affectbio datasets check NAME FOLDER says whether a copy is whole, and where to get one", "dim")
    )


def run_check(name: str, folder: Path, *, console: Console | None = None) -> CheckReport:
    """Read every file of a copy, and print what is there, what is missing and what looks wrong.

    Parameters
    ----------
    name : str
        A data set, as `list_all` names it.
    folder : Path
        The copy.
    console : rich.console.Console, optional
        Where to; stdout if not given.

    Returns
    -------
    CheckReport
        As from `affectbio.datasets.check_dataset`.

    Raises
    ------
    ConfigError
        If there is no data set of that name.
    DatasetLayoutError
        If the folder is none, or nobody is in it: what was looked for, and where to apply for it.
    """
    console = console or Console()
    dataset = DATASETS.get(name)(folder)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task(f"reading {name}", total=None)
        report = check_dataset(
            dataset, lambda who, n, of: progress.update(task, completed=n, total=of, description=f"reading {who}")
        )
    _print_people(report.people, console)
    _print_findings("as published, not a fault of the copy:", report.missing, "dim", console)
    for known in report.known:
        console.print(Text(f"known to be missing: {known}", "dim"))
    facts = dataset.facts
    if report.is_complete:
        console.print(Text(f"{facts.title} is whole: {len(report.people)} people", "green"))
    else:
        n = len(report.problems)
        _print_findings(f"{n} problem{'s' if n > 1 else ''}:", report.problems, "yellow", console)
        console.print(Text(f"{facts.title}: {facts.source}. {facts.access}"))
    return report


def run_synthesise(
    name: str, folder: Path, *, subjects: int = 2, seed: int = 0, console: Console | None = None
) -> Path:
    """Write a small imitation of a data set, in the publisher's format.

    Parameters
    ----------
    name : str
        One of `affectbio.datasets.imitation.IMITATIONS`.
    folder : Path
        A new or empty folder.
    subjects : int
        How many people.
    seed : int
        Of what is invented.
    console : rich.console.Console, optional
        Where to say what was written; stdout if not given.

    Returns
    -------
    Path
        The folder to give the reader.

    Raises
    ------
    ConfigError
        If there is no such data set, or it needs no imitation.
    DatasetLayoutError
        If the folder holds something.
    """
    if name in DATASETS.names() and name not in IMITATIONS:
        raise ConfigError(
            f"{name} needs no imitation: affectbio brings it. Imitated are {', '.join(sorted(IMITATIONS))}"
        )
    made = synthesise(name, folder, n_subjects=subjects, seed=seed)
    files = [path for path in made.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    console = console or Console()
    console.print(
        Text(
            f"{made}: an imitation of {name}, {subjects} people, {len(files)} files, {size:.1f} MB; what is in it is "
            f"invented"
        ),
        soft_wrap=True,
    )
    return made


def _print_people(people: pd.DataFrame, console: Console) -> None:
    table = Table("who", "recordings", "trials", "minutes", "problems", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in people.itertuples(index=False):
        style = "yellow" if row.problems else ""
        cells = (row.subject, row.n_recordings, row.n_trials, f"{row.minutes:.1f}", row.problems or "")
        table.add_row(*(Text(str(cell), style) for cell in cells))
    console.print(table)


def _print_findings(title: str, found: pd.DataFrame, style: str, console: Console) -> None:
    """Print findings, those that are the same of several people once."""
    if found.empty:
        return
    console.print(Text(title, style))
    by_words = found.groupby("what", sort=False)["subject"].agg(list)
    for what, who in list(by_words.items())[:_SHOWN]:
        named = ", ".join(dict.fromkeys(w for w in who if w)) if len(who) <= 5 else f"{len(set(who))} people"
        console.print(Text(f"  {named}: {what}" if named else f"  {what}", style), soft_wrap=True)
    if len(by_words) > _SHOWN:
        console.print(Text(f"  and {len(by_words) - _SHOWN} more", style))
