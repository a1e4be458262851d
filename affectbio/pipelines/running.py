"""Runs a recipe: every variant scored person by person, each with its control and, if asked for, its audit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from affectbio.pipelines.recipe import Recipe, labelled
from affectbio.registry import unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from affectbio.evaluation import AuditReport
    from affectbio.types import Windows

__all__ = ["RunResult", "run_pipeline"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a recipe gave.

    Attributes
    ----------
    people : pandas.DataFrame
        One row per variant and person, from `affectbio.evaluation.evaluate`; of several seeds, their mean.
    controls : pandas.DataFrame
        One row per variant and permutation.
    summary : pandas.DataFrame
        One row per variant: mean, interval, n, chance, null, excess, leaks.
    predictions : pandas.DataFrame
        One row per variant, seed and window tested, from `affectbio.evaluation.sweep.sweep`.
    windows : dict of str to Windows
        What each variant was scored on.
    protocols : dict of str to WindowSplitter
        Under which, by variant.
    audits : dict of str to AuditReport
        By variant; empty if none was asked for.
    """

    people: pd.DataFrame
    controls: pd.DataFrame
    summary: pd.DataFrame
    predictions: pd.DataFrame
    windows: dict[str, Windows]
    protocols: dict[str, Any]
    audits: dict[str, AuditReport] = field(default_factory=dict)


def run_pipeline(
    recipe: Recipe,
    windows: Windows,
    *,
    variants: Sequence[str] | None = None,
    protocol: Any = None,
    metrics: str | Sequence[str] | None = None,
    level: str | Sequence[str] = "window",
    n_permutations: int = 100,
    seed: int = 0,
    seeds: Sequence[int | None] = (None,),
    audit: Literal["none", "folds", "fast", "full"] = "none",
    folder: str | Path | None = None,
    scheduler: str | None = None,
    n_jobs: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    fold_progress: Callable[[int, int], None] | None = None,
) -> RunResult:
    """Score every variant of a recipe, each with its control.

    Parameters
    ----------
    recipe : Recipe
        From `load_pipeline`.
    windows : Windows
        From `Recipe.extract`, or the windows of `prepare`.
    variants : sequence of str, optional
        Which; all if not given. Under a ``protocol``, those that do not name one of their own.
    protocol : WindowSplitter, optional
        In place of the recipe's, and of that of variants named in ``variants``.
    metrics : str or sequence of str, optional
        As for `affectbio.evaluation.evaluate`.
    level : "window", "trial" or a sequence of them
        What is scored.
    n_permutations : int
        Permutations of the labels per variant; with 0 there is no null, and the summary says so.
    seed : int
        Of the permutations and the bootstrap.
    seeds : sequence of int or None
        Of the estimators, see `affectbio.evaluation.sweep.Task`.
    audit : {"none", "folds", "fast", "full"}
        How much each variant is audited: its folds and features, or the pipeline itself (about 12 or 45 runs of it).
    folder : str or Path, optional
        Where results of folds are kept, so that a run that was stopped is taken up again.
    scheduler : str, optional
        Of Dask, see `affectbio.evaluation.sweep.sweep`.
    n_jobs : int, optional
        As everywhere in joblib.
    progress : callable, optional
        Called with a variant's name, its number and how many there are, before each.
    fold_progress : callable, optional
        Called with how many folds of all variants are done, and how many there are.

    Returns
    -------
    RunResult
        Tables.

    Raises
    ------
    ConfigError
        If there is no such variant.
    DataError, LeakageError
        If the windows do not allow the protocol.
    """
    import pandas as pd

    from affectbio.evaluation import permutation_control, summarise
    from affectbio.evaluation.sweep import Task, score_sweep, seeded, sweep

    names = [v.name for v in recipe.variant if protocol is None or v.protocol is None or variants]
    for name in variants or ():
        if name not in names:
            raise unknown_name("variant", name, names)
    names = [name for name in names if not variants or name in variants]
    adapted = {name: recipe.adapt(windows, name) for name in names}
    models = {name: recipe.make_model(name) for name in names}
    splitters = {name: protocol or recipe.make_protocol(name) for name in names}
    tasks = [Task(name, models[name], adapted[name], splitters[name], one) for name in names for one in seeds]
    predicted = sweep(tasks, folder, n_jobs=n_jobs, scheduler=scheduler, progress=fold_progress)
    people, controls, audits = [], [], {}
    for number, name in enumerate(names):
        if progress is not None:
            progress(name, number, len(names))
        own, splitter, model = adapted[name], splitters[name], seeded(models[name], seeds[0])
        said = predicted[predicted["variant"] == name]
        asked: dict[str, Any] = {"level": level, "metrics": _metrics(model, metrics)}
        people.append(score_sweep(said, **asked))
        if n_permutations:
            controls.append(
                permutation_control(
                    model, own, splitter, n_permutations, rng=seed, variant=name, n_jobs=n_jobs, **asked
                )
            )
        if audit != "none":
            access = str(said["target_access"].iloc[0]).split("(")[0]
            audits[name] = _audit(recipe, name, windows, own, model, splitter, access, audit, seed)
    results = pd.concat(people, ignore_index=True)
    nulls = pd.concat(controls, ignore_index=True) if controls else None
    summary = summarise(results, nulls, rng=seed)
    no_nulls = pd.DataFrame(columns=["variant", "protocol", "target_access", "metric", "level", "permutation", "value"])
    return RunResult(results, no_nulls if nulls is None else nulls, summary, predicted, adapted, splitters, audits)


def _metrics(model: Any, metrics: str | Sequence[str] | None) -> str | Sequence[str]:
    from affectbio.evaluation.scoring import is_rating

    return (("ccc", "rmse") if is_rating(model) else "balanced_accuracy") if metrics is None else metrics


def _audit(
    recipe: Recipe,
    name: str,
    windows: Windows,
    own: Windows,
    model: Any,
    protocol: Any,
    access: str,
    effort: Literal["folds", "fast", "full"],
    seed: int,
) -> AuditReport:
    from affectbio.evaluation import audit_folds, audit_pipeline
    from affectbio.evaluation.protocols import folds_of

    if effort == "folds":
        folds = [(f.train, f.test) for f in folds_of(protocol, own) if not f.why]
        return audit_folds(
            own,
            folds,
            holdout=protocol.holdout,
            declared=(*protocol.leaks, *recipe.control.declared),
            target_access=access,
            seed=seed,
        )
    common: dict[str, Any] = {"declared": recipe.control.declared, "level": effort, "seed": seed}
    # What is done before the split is probed with it, unless it lives on windows that have no label to be changed.
    if len(labelled(windows)) == len(windows):
        return audit_pipeline(model, windows, protocol, prepare=lambda given: recipe.adapt(given, name), **common)
    return audit_pipeline(model, own, protocol, target_access=own.target_access, **common)
