"""Runs folds x seeds x pipelines on as many processors as there are, and remembers each fold that is done.

Every fold is an entry of a `affectbio.cache.Cache` under a key of its content: windows, labels, rows, estimator, seed
and code. A sweep that was killed takes up where it stopped, and one that has changed computes what has changed. Where
folds run does not change a result: each sees one BLAS thread and a seed of its own.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from affectbio._optional import require
from affectbio.cache import Cache, code_fingerprint, content_key
from affectbio.errors import ConfigError
from affectbio.evaluation.fitting import FoldCall, Plan, fold_calls, gathered, plan
from affectbio.evaluation.manifest import hash_arrays, hash_windows
from affectbio.evaluation.protocols import WindowSplitter
from affectbio.evaluation.scoring import is_rating, prediction_table, score_predictions
from affectbio.types import Windows

__all__ = ["Task", "score_sweep", "seeded", "sweep"]

Array = npt.NDArray[Any]
Answer = tuple[Array, Array, str]

#: Called with how many folds are done and how many there are.
Progress = Callable[[int, int], None]

# What of affectbio a fold's result depends on beside the windows.
_CODE = ("affectbio.models", "affectbio.adapt", "affectbio.training", "affectbio.evaluation.fitting")


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One pipeline under one protocol with one seed.

    Parameters
    ----------
    variant : str
        What to call it.
    estimator : scikit-learn estimator
        As for `affectbio.evaluation.evaluate`.
    windows : Windows
        With labels or ratings.
    protocol : WindowSplitter or str
        A splitter, or its name in ``PROTOCOLS``.
    seed : int, optional
        Set as every ``random_state`` and ``seed`` of the estimator. If not given, those that are None become 0: what is
        to be taken up after a kill has to repeat itself.
    """

    variant: str
    estimator: Any
    windows: Windows
    protocol: WindowSplitter | str
    seed: int | None = None


def sweep(
    tasks: Sequence[Task],
    folder: str | Path | None = None,
    *,
    n_jobs: int | None = None,
    scheduler: str | None = None,
    progress: Progress | bool | None = None,
) -> pd.DataFrame:
    """Run every fold of every task, once.

    Parameters
    ----------
    tasks : sequence of Task
        Pipelines, protocols and seeds. Folds that are the same in two tasks (an estimator without chance under two
        seeds) are computed once.
    folder : str or Path, optional
        Where results of folds are kept; those that are there are not computed again. Kept in memory only, if not given.
    n_jobs : int, optional
        Folds at a time, as everywhere in joblib.
    scheduler : str, optional
        Address of a Dask scheduler (``"tcp://10.0.0.1:8786"``), or ``"local"`` for a cluster of ``n_jobs`` processes on
        this machine. Needs ``affectbio[cluster]``.
    progress : callable or bool, optional
        ``progress(n_done, n_folds)``, or True for a bar with the time that is left.

    Returns
    -------
    pandas.DataFrame
        Tables of `affectbio.evaluation.predictions`, one after another, with a column ``seed``. The same to the bit
        whatever ``n_jobs``, ``scheduler`` and interruptions.

    Raises
    ------
    LeakageError, DataError
        As `affectbio.evaluation.evaluate`; before anything is fitted.
    ConfigError
        If there are no tasks, or an estimator cannot be sent to another process.
    MissingExtraError
        If Dask is asked for and not installed.

    Examples
    --------
    >>> from affectbio.models import ShrinkageLDA
    >>> rng = np.random.default_rng(0)
    >>> who = pd.DataFrame({"subject": np.repeat(list("abcd"), 10), "session": "1", "trial": list("0011223344") * 4,
    ...                     "stimulus": "x", "start": [0.0, 1.0] * 20, "stop": [1.0, 2.0] * 20})
    >>> y = np.where(who["trial"].astype(int) % 2, "high", "low")
    >>> windows = Windows(rng.normal(size=(40, 3)) + (y == "high")[:, None], y, who, ("window", "feature"))
    >>> table = sweep([Task("lda", ShrinkageLDA(), windows, "loso")], getfixture("tmp_path"))
    >>> len(table), score_sweep(table)["subject"].tolist()
    (40, ['a', 'b', 'c', 'd'])
    """
    if not tasks:
        raise ConfigError("no tasks to sweep over; expected at least one")
    jobs = [_Job.of(task) for task in tasks]
    store = _Memory() if folder is None else Cache(folder, max_bytes=sys.maxsize)
    todo: dict[str, tuple[_Job, FoldCall]] = {}
    for job in jobs:
        for key, call in zip(job.keys, job.calls, strict=True):
            todo.setdefault(key, (job, call))
    n_folds = len(todo)
    missing = {key: value for key, value in todo.items() if store.get(key) is None}
    with _shown(progress, n_folds) as show:
        n_done = n_folds - len(missing)
        show(n_done, n_folds)
        with _backend(scheduler, n_jobs) as n_workers:
            # One at a time, and in whatever order they end: a fold that is done is kept at once.
            run = Parallel(n_jobs=n_workers, batch_size=1, return_as="generator_unordered")
            calls = (
                delayed(_one)(key, call, job.task.windows, job.plan.y)
                for key, (job, call) in (missing.items() if missing else ())
            )
            for key, (predicted, scores, kind) in run(calls) if missing else ():
                store.put(key, {"predicted": _plain(predicted), "scores": scores}, {"kind": kind})
                n_done += 1
                show(n_done, n_folds)
    return pd.concat([job.table(store) for job in jobs], ignore_index=True)


def score_sweep(
    table: pd.DataFrame, *, metrics: str | Sequence[str] = "balanced_accuracy", level: str | Sequence[str] = "window"
) -> pd.DataFrame:
    """Score what a sweep predicted: every person under every pipeline, the mean over seeds.

    Parameters
    ----------
    table : pandas.DataFrame
        From `sweep`.
    metrics, level
        As for `affectbio.evaluation.evaluate`.

    Returns
    -------
    pandas.DataFrame
        As `affectbio.evaluation.evaluate` gives it, with ``n_seeds`` and ``sd_seeds``: how much a person's value
        depends on the seed.

    Raises
    ------
    DataError, ConfigError
        As `affectbio.evaluation.score_predictions`.
    """
    parts = []
    for _, own in table.groupby(["variant", "protocol"], sort=False):
        seeds = [
            score_predictions(one.drop(columns="seed").dropna(axis=1, how="all"), metrics=metrics, level=level)
            for _, one in own.assign(why=own["why"].fillna("")).groupby("seed", sort=False, dropna=False)
        ]
        values = np.stack([one["value"].to_numpy(dtype=float) for one in seeds])
        sd = values.std(axis=0, ddof=1) if len(seeds) > 1 else np.full(values.shape[1], np.nan)
        parts.append(seeds[0].assign(value=values.mean(axis=0), n_seeds=len(seeds), sd_seeds=sd))
    return pd.concat(parts, ignore_index=True)


def seeded(estimator: Any, seed: int | None) -> Any:
    """Give a copy of an estimator that repeats itself.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Whose parameters called ``random_state`` and ``seed``, at any depth, are set.
    seed : int or None
        None leaves what is set, and sets what is None to 0.

    Returns
    -------
    scikit-learn estimator
        Not fitted.
    """
    model = clone(estimator)
    found = {k: v for k, v in model.get_params(deep=True).items() if k.split("__")[-1] in ("random_state", "seed")}
    wanted = {k: 0 if seed is None else seed for k, v in found.items() if v is None or seed is not None}
    return model.set_params(**wanted) if wanted else model


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    task: Task
    plan: Plan
    calls: list[FoldCall]
    keys: list[str]

    @classmethod
    def of(cls, task: Task) -> _Job:
        model = seeded(task.estimator, task.seed)
        made = plan(model, task.windows, task.protocol, ratings=is_rating(model))
        calls = fold_calls(model, made, made.y, with_scores=True)
        common = [hash_windows(task.windows), hash_arrays(made.y), _fingerprint(model), code_fingerprint(*_CODE)]
        keys = [content_key(*common, hash_arrays(c.train, c.target, c.test, c.classes)) for c in calls]
        return cls(task, made, calls, keys)

    def table(self, store: Any) -> pd.DataFrame:
        answers = []
        for key in self.keys:
            arrays, facts = store.get(key)
            answers.append((arrays["predicted"], arrays["scores"], facts["kind"]))
        tested = gathered(self.plan, self.plan.y, answers, with_scores=True)
        table = prediction_table(self.task.windows, self.plan, tested, self.task.variant)
        table.insert(5, "seed", pd.Series([self.task.seed] * len(table), dtype="Int64"))
        return table


class _Memory:
    """What a folder is, for a sweep that keeps nothing."""

    def __init__(self) -> None:
        self._entries: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        return self._entries.get(key)

    def put(self, key: str, arrays: Any, facts: Any) -> None:
        self._entries[key] = (arrays, facts)


def _one(key: str, call: FoldCall, windows: Windows, y: Array) -> tuple[str, Answer]:
    # The sum of a matrix product depends on how many threads share it; and two processes with a BLAS of two threads
    # each wait for one another on two cores.
    with threadpool_limits(1):
        return key, call(windows, y)


def _plain(labels: Array) -> Array:
    return np.asarray(labels.tolist()) if labels.dtype == object else labels


def _fingerprint(model: Any) -> list[str]:
    """Say what an estimator is, and which code it runs."""
    try:
        content = joblib.hash(model)
    except Exception as error:  # what a pickle raises depends on what it meets
        raise ConfigError(
            f"{type(model).__name__} cannot be sent to another process: {error}; define its functions in a module"
        ) from error
    parts = [model, *model.get_params(deep=True).values()]
    kinds = {p if inspect.isfunction(p) or inspect.isclass(p) else type(p) for p in parts}
    return [str(content), *sorted({_code_of(kind) for kind in kinds})]


def _code_of(kind: Any) -> str:
    module = str(kind.__module__)
    package = sys.modules.get(module.partition(".")[0])
    version = getattr(package, "__version__", None)
    if version is not None:
        return f"{package.__name__} {version}" if package else ""
    if package is None or module == "builtins":
        return ""
    try:  # somebody's own script: as its source stands
        return f"{module} {content_key(inspect.getsource(kind))}"
    except (OSError, TypeError):
        return module


@contextmanager
def _backend(scheduler: str | None, n_jobs: int | None) -> Iterator[int | None]:
    if scheduler is None:
        yield n_jobs
        return
    distributed: Any = require("distributed", "cluster")
    with ExitStack() as stack:
        address: Any = scheduler
        if scheduler == "local":
            n_workers = joblib.cpu_count() if n_jobs is None or n_jobs < 0 else n_jobs
            # Threads of one process would share a BLAS limit, and Python's lock.
            address = stack.enter_context(
                distributed.LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None)
            )
        stack.enter_context(distributed.Client(address))
        stack.enter_context(joblib.parallel_config(backend="dask"))
        yield -1


@contextmanager
def _shown(progress: Progress | bool | None, n_folds: int) -> Iterator[Progress]:
    if callable(progress):
        yield progress
        return
    if not progress:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    with Bar(TextColumn("folds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), transient=True) as bar:
        line = bar.add_task("folds", total=n_folds)
        yield lambda done, total: bar.update(line, completed=done)
