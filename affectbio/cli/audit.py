"""``affectbio audit``: features and folds in, an answer to every question of the leakage audit out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation.audit_report import AuditReport
from affectbio.evaluation.auditing import Level, audit_folds
from affectbio.evaluation.run_folder import StoredRun, as_windows, read_features, read_folds, read_metadata, read_run

__all__ = ["run_audit"]

_COLOURS = {"pass": "green", "fail": "red", "not checked": "yellow"}


def run_audit(
    run: Path | None = None,
    *,
    features: Path | None = None,
    metadata: Path | None = None,
    folds: Path | None = None,
    labels: Path | None = None,
    holdout: str | None = None,
    declared: str | None = None,
    target_access: str | None = None,
    embargo_s: float | None = None,
    full: bool = False,
    out: Path | None = None,
    as_json: bool = False,
    console: Console | None = None,
) -> AuditReport:
    """Audit a run folder, or arrays and folds made elsewhere.

    Parameters
    ----------
    run : Path, optional
        Folder as in `affectbio.evaluation.run_folder`. Answers that its ``audit.json`` has and files alone cannot give
        are taken over.
    features, metadata, folds, labels : Path, optional
        Instead of a folder: ``.npz``, ``.csv`` or ``.parquet``, ``.json``; labels as ``.npy``, unless the metadata have
        a column ``label``.
    holdout, declared : str, optional
        Commas between them; what the run says if not given.
    target_access : str, optional
        What was used of the person tested.
    embargo_s : float, optional
        Seconds between training and test windows of one trial.
    full : bool
        More runs of the stand-in classifier.
    out : Path, optional
        File for the report, as JSON.
    as_json : bool
        Print JSON in place of the table.
    console : rich.console.Console, optional
        Where to; stdout if not given. No value of a person is ever printed.

    Returns
    -------
    AuditReport
        What was found; the command ends with code 1 if something failed that is not declared.

    Raises
    ------
    ConfigError
        If neither a folder nor metadata and folds are given, or a name is not known.
    DataError
        If something cannot be read, or does not fit together.
    """
    console = console or Console()
    stored = _stored(run, features, metadata, folds, labels)
    level: Level = "full" if full else "fast"
    report = audit_folds(
        stored.windows,
        stored.folds,
        predicted=stored.predicted,
        holdout=stored.holdout if holdout is None else _names(holdout),
        declared=stored.leaks if declared is None else _names(declared),
        target_access=target_access,
        embargo_s=stored.embargo_s if embargo_s is None else embargo_s,
        level=level,
    )
    if run is not None and (run / "audit.json").exists():
        report = _filled(report, AuditReport.from_json((run / "audit.json").read_text(encoding="utf-8")))
    if out is not None:
        report.save(out)
    if as_json:
        console.print(report.to_json(), highlight=False, markup=False, soft_wrap=True)
    else:
        _show(report, console)
    return report


def _stored(
    run: Path | None, features: Path | None, metadata: Path | None, folds: Path | None, labels: Path | None
) -> StoredRun:
    if run is not None:
        if features or metadata or folds or labels:
            raise ConfigError("give either the folder of a run, or --X, --meta and --folds; found both")
        return read_run(run)
    if metadata is None or folds is None:
        raise ConfigError("expected the folder of a run, or --meta and --folds (and --X, --y if you have them)")
    table, y = read_metadata(metadata)
    splits, said = read_folds(folds)
    if labels is not None:
        if y is not None:
            raise ConfigError(f"labels are in {metadata.name} (column label) and in --y {labels.name}; give one")
        y = read_features(labels).reshape(-1)
        if len(y) != len(table):
            raise DataError(f"{len(y)} labels for {len(table)} rows of metadata; expected as many")
    X = np.empty((len(table), 0)) if features is None else read_features(features)
    if X.dtype.kind not in "fiub":
        raise DataError(f"--X {'' if features is None else features.name}: expected numbers, found {X.dtype}")
    windows = as_windows(X, y, table, str(said.get("target_access", "none")))
    return StoredRun(
        windows,
        splits,
        None,
        str(said.get("protocol", "")),
        tuple(said.get("holdout", ("trial", "overlap"))),
        tuple(said.get("leaks", ())),
        float(said.get("embargo_s", 0.0)),
    )


def _names(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


def _filled(report: AuditReport, earlier: AuditReport) -> AuditReport:
    """Take over what only an audit with the pipeline at hand could tell."""
    if earlier.about.get("n_windows") != report.about["n_windows"]:
        raise DataError("audit.json is of another number of windows than the run; take it out of the folder")
    known = {c.name: c for c in earlier.checks if c.status != "not checked"}
    checks = tuple(
        replace(known[c.name], finding=f"when it was run: {known[c.name].finding}")
        if c.status == "not checked" and c.name in known
        else c
        for c in report.checks
    )
    return replace(report, checks=checks)


def _show(report: AuditReport, console: Console) -> None:
    table = Table(box=None, padding=(0, 1))
    for column in ("check", "answer", "found"):
        table.add_column(column)
    for check in report.checks:
        declared = check.declared and check.status == "fail"
        answer = Text("declared" if declared else check.status, "yellow" if declared else _COLOURS[check.status])
        found = Text(check.finding)
        if check.status == "fail" and check.remedy:
            found.append(f"\n→ {check.remedy}", "bold")
        table.add_row(check.name, answer, found)
    console.print(table)
    counts = {s: sum(c.status == s for c in report.checks) for s in _COLOURS}
    score = report.about.get("score")
    about = report.about
    console.print(
        f"{about['n_windows']} windows, {about['n_people']} people, {about['n_folds']} folds"
        + (f", score {score:.0%}" if score is not None else "")
        + f": {counts['pass']} pass, {counts['fail']} fail, {counts['not checked']} not checked",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
