"""``affectbio evaluate``: a data set and a recipe in; a score of people never seen, its control and its audit out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from affectbio.cache import Cache
from affectbio.cli.evaluate_report import evaluation_report
from affectbio.errors import ConfigError, LeakageError
from affectbio.evaluation import PROTOCOLS, SCORERS, AuditReport
from affectbio.evaluation._atomic import write_text
from affectbio.evaluation.learning import learning_curve
from affectbio.evaluation.manifest import hash_windows, run_manifest
from affectbio.evaluation.protocols import folds_of
from affectbio.evaluation.run_folder import write_run
from affectbio.pipelines import Prepared, Recipe, RunResult, load_pipeline, prepare, run_pipeline
from affectbio.registry import unknown_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run_evaluate"]

_AUDITS = ("none", "folds", "fast", "full")
_MOST_NOTES = 12


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for; a folder holds the results of one such question."""

    recipe: Recipe
    root: str | None
    protocol: str | None
    variants: tuple[str, ...]
    subjects: tuple[str, ...]
    seed: int
    n_seeds: int
    permutations: int
    audit: Literal["none", "folds", "fast", "full"]
    level: tuple[str, ...]
    metrics: tuple[str, ...]

    def to_json(self) -> str:
        facts = {name: getattr(self, name) for name in self.__slots__ if name not in ("recipe", "root")}
        return json.dumps({**facts, "recipe": self.recipe.model_dump(mode="json")}, indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True, slots=True)
class _Stated:
    """A protocol with what the recipe declares beside what it says of itself."""

    name: str
    holdout: tuple[str, ...]
    leaks: tuple[str, ...]
    protocol: Any

    def split_windows(self, windows: Any) -> Any:
        return self.protocol.split_windows(windows)


def run_evaluate(
    pipeline: str,
    out: Path,
    *,
    data: str | None = None,
    protocol: str | None = None,
    variants: Sequence[str] = (),
    subjects: Sequence[str] = (),
    seed: int = 0,
    n_seeds: int = 1,
    permutations: int | None = None,
    audit: str | None = None,
    level: str = "window",
    metrics: Sequence[str] = (),
    n_jobs: int | None = None,
    scheduler: str | None = None,
    cached: bool = True,
    with_features: bool = False,
    curve: bool | None = None,
    console: Console | None = None,
) -> RunResult:
    """Evaluate a recipe on a data set and write the folder of the run.

    Parameters
    ----------
    pipeline : str
        Name of a recipe, or the path of one.
    out : Path
        Folder of the run; new, empty, or of the very same run that was stopped.
    data : str, optional
        ``"deap=/data/DEAP"``, or the name alone of a data set that needs no folder; the recipe's if not given.
    protocol : str, optional
        In place of the recipe's; then variants that name one of their own are left out unless they are asked for.
    variants, subjects : sequence of str
        Some of them; all if empty.
    seed : int
        Of models, permutations and the bootstrap.
    n_seeds : int
        How many seeds of the models, from ``seed`` on; a person's value is the mean over them.
    permutations : int, optional
        Of the labels, for the control; the recipe's if not given.
    audit : str, optional
        ``"none"``, ``"folds"``, ``"fast"`` or ``"full"``; the recipe's if not given.
    level : str
        ``"window"``, ``"trial"``, or both with a comma between.
    metrics : sequence of str
        Names of scores; balanced accuracy (of a regressor CCC and RMSE) if empty.
    n_jobs : int, optional
        Folds at a time; all processors if not given.
    scheduler : str, optional
        Of Dask.
    cached : bool
        Whether features are looked up and kept.
    with_features : bool
        Whether the run's folder holds the features too.
    curve : bool, optional
        Whether to draw the learning curve; if not given, where the recipe's audit says that the model is quick.
    console : rich.console.Console, optional
        Where to; stdout if not given. No value of a person is printed.

    Returns
    -------
    RunResult
        What was written.

    Raises
    ------
    ConfigError
        If a name is not known, the data set needs a folder, or ``out`` holds another run.
    DataError
        If the data cannot be read, or do not allow the protocol.
    LeakageError
        If the audit finds a leak that the protocol does not declare; the folder is written all the same.
    """
    console, started = console or Console(), datetime.now(UTC)
    recipe, root = _with_data(load_pipeline(pipeline), data)
    levels = tuple(word.strip() for word in level.split(","))
    # Before hours of work, not after.
    for kind, words, known in (
        ("audit", () if audit is None else (audit,), _AUDITS),
        ("level", levels, ("window", "trial")),
        ("metric", tuple(metrics), tuple(SCORERS)),
        ("variant", tuple(variants), tuple(v.name for v in recipe.variant)),
    ):
        for word in words:
            if word not in known:
                raise unknown_name(kind, word, known)
    asked = _Asked(
        recipe,
        root,
        protocol,
        tuple(variants),
        tuple(subjects),
        seed,
        n_seeds,
        recipe.control.permutations if permutations is None else permutations,
        cast("Any", audit or recipe.control.audit),
        levels,
        tuple(metrics),
    )
    splitter = None if protocol is None else PROTOCOLS.get(protocol)()
    _claim(out, asked)
    cache = Cache() if cached else None
    prepared = _prepare(asked, cache, console)
    write_text(out / "settings.json", asked.to_json())
    jobs = -1 if n_jobs is None else n_jobs
    with _bars(console) as show:
        result = run_pipeline(
            recipe,
            prepared.windows,
            variants=asked.variants or None,
            protocol=splitter,
            metrics=asked.metrics or None,
            level=asked.level,
            n_permutations=asked.permutations,
            seed=seed,
            seeds=[None] if n_seeds == 1 and seed == 0 else list(range(seed, seed + n_seeds)),
            audit=asked.audit,
            folder=out / "folds",
            scheduler=scheduler,
            n_jobs=jobs,
            progress=lambda name, number, total: show(f"control and audit: {name}", number, total),
            fold_progress=lambda done, total: show("folds", done, total),
        )
        curves: dict[str, pd.DataFrame] = {}
        if asked.audit in ("fast", "full") if curve is None else curve:
            for number, name in enumerate(result.windows):
                show(f"learning curve: {name}", number, len(result.windows))
                if not result.protocols[name].leaks and "subject" in result.protocols[name].holdout:
                    own, model = result.windows[name], recipe.make_model(name)
                    curves[name] = learning_curve(
                        model, own, result.protocols[name], folder=out / "folds", n_jobs=jobs, level=asked.level[0]
                    )
    _write(out, asked, prepared, result, curves, started, with_features)
    left = [v.name for v in recipe.variant if v.name not in result.windows and not variants]
    _print(console, out, asked, prepared, result, left)
    _refuse(result)
    return result


def _with_data(recipe: Recipe, data: str | None) -> tuple[Recipe, str | None]:
    from affectbio.datasets import DATASETS

    name, _, root = (data or recipe.data.dataset).partition("=")
    kind = DATASETS.get(name)
    needs = signature(kind).parameters["root"].default is Parameter.empty
    if needs and not root:
        raise ConfigError(f"{name} has to be somewhere; expected --data {name}=/path/of/your/copy. {kind.facts.access}")
    if root and needs and not Path(root).exists():
        raise ConfigError(f"--data {name}={root}: there is no such folder")
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"dataset": name})}), root or None


def _claim(out: Path, asked: _Asked) -> None:
    """Refuse a folder that holds anything but this very run."""
    settings = out / "settings.json"
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; expected a folder")
    if settings.exists():
        if settings.read_text(encoding="utf-8") != asked.to_json():
            raise ConfigError(
                f"--out {out} holds another run (see its settings.json); choose another folder, or repeat that one"
            )
    elif out.exists() and any(out.iterdir()):
        raise ConfigError(f"--out {out} is not empty and holds no run; choose another folder")


def _prepare(asked: _Asked, cache: Cache | None, console: Console) -> Prepared:
    from affectbio.datasets import DATASETS

    recipe = asked.recipe
    data = DATASETS.get(recipe.data.dataset)(asked.root)
    people = list(asked.subjects) or data.subjects()
    facts = getattr(data, "facts", None)
    with _bars(console) as show:
        done: list[str] = []

        def told(subject: str, number: int) -> None:
            if subject not in done:
                done.append(subject)
            show(f"features: {subject}", len(done) - 1, len(people))

        return prepare(
            recipe,
            data.recordings(list(asked.subjects) or None),
            cache=cache,
            scales=facts.ratings if facts is not None else None,
            progress=told,
        )


@contextmanager
def _bars(console: Console) -> Iterator[Any]:
    """Show one bar at a time, with the time that is left."""
    columns = (TextColumn("{task.description:34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        lines: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            kind = what.partition(":")[0]
            if kind not in lines:
                for line in lines.values():
                    progress.update(line, visible=False)
                lines[kind] = progress.add_task(what, total=total)
            progress.update(lines[kind], description=what, completed=done, total=total)

        yield show


def _write(
    out: Path,
    asked: _Asked,
    prepared: Prepared,
    result: RunResult,
    curves: dict[str, pd.DataFrame],
    started: datetime,
    with_features: bool,
) -> None:
    first = next(iter(result.windows))
    for number, (name, windows) in enumerate(result.windows.items()):
        # What `affectbio audit run/` looks at is the first variant; the others are runs of their own inside it.
        folder = out if name == first else out / "variants" / f"{number}-{_slug(name)}"
        protocol = result.protocols[name]
        own = result.predictions[result.predictions["variant"] == name].dropna(axis=1, how="all")
        folds = folds_of(protocol, windows)
        # Who cannot be tested is in people.csv with the reason; a fold that was not run has nothing to be audited.
        number_of = {k: n for n, k in enumerate(k for k, fold in enumerate(folds) if not fold.why)}
        own = own[own["fold"].isin(list(number_of))]
        write_run(
            folder,
            windows,
            [(f.train, f.test) for f in folds if not f.why],
            _Stated(
                protocol.name, tuple(protocol.holdout), (*protocol.leaks, *asked.recipe.control.declared), protocol
            ),
            predictions=own.assign(fold=own["fold"].map(number_of)),
            with_features=with_features,
            embargo_s=float(getattr(protocol, "embargo_s", 0.0)),
        )
        if name in result.audits:
            result.audits[name].save(folder / "audit.json")
    for table in ("people", "controls", "summary"):
        write_text(out / f"{table}.csv", getattr(result, table).to_csv(index=False))
    write_text(out / "counts.csv", prepared.counts.to_csv(index=False))
    write_text(out / "excluded.csv", prepared.excluded.to_csv(index=False))
    manifest = run_manifest(
        command=sys.argv,
        protocols=sorted(set(result.summary["protocol"])),
        seeds={"models, permutations and bootstrap": asked.seed},
        data={
            f"recordings of {asked.recipe.data.dataset}": prepared.fingerprint,
            **{f"windows of {name}": hash_windows(windows) for name, windows in result.windows.items()},
        },
        started=started,
    )
    manifest.write_json(out / "manifest.json")
    evaluation_report(asked.recipe, prepared, result, curves).write(out / "report.html")


def _slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def _print(
    console: Console, out: Path, asked: _Asked, prepared: Prepared, result: RunResult, left: Sequence[str]
) -> None:
    summary, counts = result.summary, prepared.counts
    say: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
    labels = counts.groupby("label")[["n_windows", "n_trials"]].sum()
    told = ", ".join(f"{k}: {r['n_windows']} windows of {r['n_trials']} trials" for k, r in labels.iterrows())
    console.print(
        f"{asked.recipe.title}: {counts['subject'].nunique()} people, {prepared.n_recordings} recordings "
        f"({prepared.n_cached} with features from the cache). {told}", **say
    )  # fmt: skip
    for why, own in prepared.excluded.groupby("why", sort=False):
        console.print(
            f"left out, {why}: {own['n_windows'].sum()} windows of {len(set(own['subject']))} people",
            style="dim",
            **say,
        )
    for note in prepared.notes[:_MOST_NOTES]:
        console.print(note, style="yellow", **say)
    if len(prepared.notes) > _MOST_NOTES:
        console.print(f"… and {len(prepared.notes) - _MOST_NOTES} notes more, in report.html", style="yellow", **say)
    n_null = asked.permutations
    several = len(set(zip(summary["metric"], summary["level"], strict=True))) > 1
    what = "score" if several else f"{summary['metric'].iloc[0].replace('_', ' ')} by {summary['level'].iloc[0]}"
    console.print(
        f"{what}, mean over people [95 % interval over people]; exchanged: with the labels of trials exchanged, "
        + (f"{n_null} times" if n_null else "not run (--permutations 0), so that chance is not known"), **say
    )  # fmt: skip
    table = Table(box=None, padding=(0, 1))
    # A name may break, a number not; a leak is never cut off.
    table.add_column("variant, protocol", min_width=24, overflow="fold")
    for column in ("knows", "score", "n", "exchanged", "p"):
        table.add_column(column, justify="left" if column == "knows" else "right", no_wrap=column in ("score", "n"))
    for row in summary.to_dict("records"):
        leak = f" LEAKS: the same {row['leaks']} in training and test" if row["leaks"] else ""
        report = result.audits.get(row["variant"])
        table.add_row(
            f"{row['variant']}, {row['protocol']}" + (f", {row['metric']} by {row['level']}" if several else "") + leak,
            row["target_access"],
            f"{row['mean']:.3f} [{row['low']:.2f}, {row['high']:.2f}]",
            f"{row['n_people']}" + (f" of {row['n_people'] + row['n_excluded']}" if row["n_excluded"] else ""),
            f"{row['null_mean']:.3f}" if n_null else "not run",
            f"{row['p']:.2g}" if n_null else "",
            style="red" if leak or not (report is None or report.ok) else "",
        )
    console.print(table)
    for name, report in result.audits.items():
        console.print(f"audit of {name}: {_verdict(report)}", **say)
        for check in report.failures:
            console.print(
                Text(f"audit of {name}, {check.name}: {check.finding}; {check.remedy}", "red"), soft_wrap=True
            )
    declared = asked.recipe.control.declared
    if result.audits and declared:
        console.print(
            f"declared by the recipe, so that scores may be of it: {', '.join(declared)}", style="yellow", **say
        )
    if not result.audits:
        console.print("no audit was run", style="yellow", **say)
    if left:
        console.print(
            f"not run, since they name a protocol of their own: {', '.join(left)}; see --variant",
            style="dim",
            **say,
        )
    console.print(f"written: {out / 'report.html'}, tables, predictions, folds and audit beside it", **say)


def _verdict(report: AuditReport) -> str:
    n_failed, n_open = len(report.failures), sum(c.status == "not checked" for c in report.checks)
    declared = sum(c.status == "fail" and c.declared for c in report.checks)
    words = [f"{n_failed} FAIL" if n_failed else "ok"]
    words += [f"{sum(c.status == 'pass' for c in report.checks)} pass"]
    words += [f"{declared} declared"] if declared else []
    words += [f"{n_open} not checked"] if n_open else []
    return ", ".join(words)


def _refuse(result: RunResult) -> None:
    # A protocol that says it leaks is shown beside the honest ones, marked in every line, and refused nowhere.
    failed = {name: report for name, report in result.audits.items() if not (report.ok or result.protocols[name].leaks)}
    if failed:
        names = "; ".join(f"{n}: {', '.join(c.name for c in r.failures)}" for n, r in failed.items())
        raise LeakageError(
            f"the audit found what no protocol declares ({names}); the numbers above are not what a new person would "
            f"see: see audit.json and report.html for what to change"
        )
