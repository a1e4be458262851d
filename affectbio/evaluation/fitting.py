"""Fits an estimator on every fold and gathers what it says of the windows tested, with a reason where it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone

from affectbio.errors import ConfigError, DataError, LeakageError
from affectbio.evaluation.protocols import (
    LEAKS,
    PROTOCOLS,
    Fold,
    WindowSplitter,
    check_leakage,
    codes_of,
    folds_of,
    trial_ids,
)
from affectbio.types import TARGET_ACCESS, Windows

__all__ = ["Plan", "Answers", "plan", "run", "takes"]

Array = npt.NDArray[Any]

# Who and what is on both sides of most honest splits: a fact to state, no broken promise.
_SHARED = ("subject", "stimulus")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The folds of a protocol on some windows, checked.

    Attributes
    ----------
    name, target_access, leaks, shares : str
        For the table: how the protocol is called, what is used of the person tested, what leaks, and what is the same
        in training and test without having been promised otherwise.
    folds : list of Fold
        Those that cannot be run have a reason.
    labelled : bool
        Whether calibration windows come with their labels.
    y : ndarray, shape (n_windows,)
        Labels or ratings; where there is none, some other value of the same type.
    known : ndarray of bool, shape (n_windows,)
        Where there is one.
    classes : ndarray, shape (n_classes,)
        Sorted labels; empty for ratings.
    person, trial : ndarray of int, shape (n_windows,)
        Numbers of people and trials.
    """

    name: str
    target_access: str
    leaks: str
    shares: str
    folds: list[Fold]
    labelled: bool
    y: Array
    known: npt.NDArray[np.bool_]
    classes: Array
    person: npt.NDArray[np.intp]
    trial: npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What an estimator said of the windows tested, all folds after one another.

    Attributes
    ----------
    rows, fold : ndarray of int, shape (n_tested,)
        Which window in which fold.
    predicted : ndarray, shape (n_tested,)
        Labels or ratings; without meaning where ``ran`` is False.
    ran : ndarray of bool, shape (n_tested,)
        Whether the fold could be run.
    scores : ndarray or None, shape (n_tested, n_classes)
        Of each class; None for ratings or if not asked for.
    scores_are : str
        ``"probability"``, ``"decision"``, ``"votes"`` or nothing.
    why : ndarray of str, shape (n_tested,)
        If not empty: why this person cannot be scored.
    """

    rows: npt.NDArray[np.intp]
    fold: npt.NDArray[np.intp]
    predicted: Array
    ran: npt.NDArray[np.bool_]
    scores: Array | None
    scores_are: str
    why: Array


def plan(estimator: Any, windows: Windows, protocol: WindowSplitter | str, *, ratings: bool = False) -> Plan:
    """Make the folds and check that they are what the protocol claims and what the estimator can use.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Not fitted.
    windows : Windows
        With labels.
    protocol : WindowSplitter or str
        A splitter, or its name in `PROTOCOLS`.
    ratings : bool
        Whether ``y`` is continuous.

    Returns
    -------
    Plan
        Ready to `run`.

    Raises
    ------
    LeakageError
        If the protocol does not hold out what it claims to, or scores its calibration.
    DataError
        If there are no labels, or no fold at all.
    ConfigError
        If there is no such protocol, or the protocol has a calibration that the estimator cannot use.
    """
    protocol = PROTOCOLS.get(protocol)() if isinstance(protocol, str) else protocol
    y, known = _labels(windows, ratings)
    folds = folds_of(protocol, windows)
    if not folds:
        raise DataError(f"{protocol.name} gives no fold of these {len(windows)} windows")
    runnable = [fold for fold in folds if not fold.why]
    embargo_s = float(getattr(protocol, "embargo_s", 0.0))
    clock = "session" if embargo_s else "trial"
    splits = [(f.train, f.test) for f in runnable]
    found = check_leakage(windows, splits, holdout=protocol.holdout, embargo_s=embargo_s, clock=clock)
    access = getattr(protocol, "target_access", "none")
    labelled = access.startswith("labelled")
    calibrated = [(f.calibration, f.test) for f in runnable if len(f.calibration)]
    if calibrated:
        if not labelled and not takes(estimator.fit, "target"):
            raise ConfigError(
                f"{protocol.name}: {type(estimator).__name__}.fit takes no target=, so it cannot use unlabelled "
                f"windows of the person tested; use an estimator that adapts, or the protocol without calibration"
            )
        try:
            check_leakage(windows, calibrated, holdout=("overlap", "trial") if labelled else ("overlap",))
        except LeakageError as error:
            raise LeakageError(f"{protocol.name} scores what it calibrates on: {error}") from None
    both = [k for k in LEAKS if (found[k] > 0).any()]
    return Plan(
        name=protocol.name,
        target_access=max(windows.target_access, access, getattr(estimator, "target_access", "none"), key=_rank),
        leaks=", ".join(LEAKS[k] for k in both if k not in _SHARED or k in protocol.leaks),
        shares=", ".join(LEAKS[k] for k in both if k in _SHARED and k not in protocol.leaks),
        folds=folds,
        labelled=labelled,
        y=y,
        known=known,
        classes=y[:0] if ratings else np.unique(y[known]),
        person=codes_of(windows.metadata, "subject"),
        trial=np.unique(trial_ids(windows), return_inverse=True)[1],
    )


def run(
    estimator: Any, windows: Windows, made: Plan, y: Array, *, with_scores: bool, n_jobs: int | None = None
) -> Answers:
    """Fit and predict every fold.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Cloned for every fold.
    windows : Windows
        As given to `plan`.
    made : Plan
        From `plan`.
    y : ndarray, shape (n_windows,)
        Labels: those of the plan, or exchanged ones.
    with_scores : bool
        Whether to ask for probabilities or decision values too.
    n_jobs : int, optional
        Folds at a time, as everywhere in joblib.

    Returns
    -------
    Answers
        Windows without label that a fold tests included.
    """
    whys = [_why(made, y, fold, number) for number, fold in enumerate(made.folds)]
    todo = [fold for fold, why in zip(made.folds, whys, strict=True) if not isinstance(why, str)]
    # Only what a fold needs travels to a worker; the plan holds the indices of all folds.
    classes = made.classes if with_scores else made.classes[:0]
    done = iter(
        Parallel(n_jobs=n_jobs)(
            delayed(_fit_predict)(
                estimator,
                windows,
                y,
                _training(made, fold),
                fold.calibration[:0] if made.labelled else fold.calibration,
                fold.test,
                classes,
            )
            for fold in todo
        )
    )
    predicted, scores, ran, reasons, kinds = [], [], [], [], set[str]()
    n_classes = len(made.classes)
    for fold, why in zip(made.folds, whys, strict=True):
        n_test = len(fold.test)
        if isinstance(why, str):
            values, score, kind = np.repeat(made.y[:1], n_test), np.full((n_test, n_classes), np.nan), ""
        else:
            values, score, kind = next(done)
        predicted.append(values)
        scores.append(score)
        ran.append(np.full(n_test, not isinstance(why, str)))
        reasons.append(np.full(n_test, why, dtype=object) if isinstance(why, str) else why)
        kinds.add(kind)
    kinds.discard("")
    return Answers(
        rows=np.concatenate([fold.test for fold in made.folds]),
        fold=np.repeat(np.arange(len(made.folds)), [len(fold.test) for fold in made.folds]),
        predicted=np.concatenate(predicted),
        ran=np.concatenate(ran),
        scores=np.concatenate(scores) if with_scores and n_classes and kinds else None,
        scores_are=kinds.pop() if len(kinds) == 1 else "",
        why=np.concatenate(reasons),
    )


def _fit_predict(
    estimator: Any,
    windows: Windows,
    y: Array,
    train: npt.NDArray[np.intp],
    target: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
    classes: Array,
) -> tuple[Array, Array, str]:
    """Give predictions, scores of all classes, and what the scores are."""
    X = windows.X
    model = clone(estimator)
    extra: dict[str, Any] = {}
    if len(target):
        extra["target"] = X[target]
        if takes(model.fit, "target_metadata"):
            extra["target_metadata"] = _table(windows, target)
    if takes(model.fit, "metadata"):
        extra["metadata"] = _table(windows, train)
    model.fit(X[train], y[train], **extra)

    def ask(method: Any) -> Array:
        return np.asarray(method(X[test], **({"metadata": _table(windows, test)} if takes(method, "metadata") else {})))

    predicted = ask(model.predict)
    if not len(classes):
        return predicted, np.empty((len(test), 0)), ""
    if hasattr(model, "predict_proba"):
        given, kind, absent = ask(model.predict_proba), "probability", 0.0
    elif hasattr(model, "decision_function"):
        given, kind, absent = ask(model.decision_function), "decision", np.nan
        given = np.column_stack([-given, given]) if given.ndim == 1 else given
    else:
        return predicted, (predicted[:, None] == classes).astype(float), "votes"
    scores = np.full((len(test), len(classes)), absent)
    scores[:, np.searchsorted(classes, model.classes_)] = given
    return predicted, scores, kind


def _training(made: Plan, fold: Fold) -> npt.NDArray[np.intp]:
    """Give the windows that are learnt from: those with a label, and those of a labelled calibration."""
    train = fold.train[made.known[fold.train]]
    return np.concatenate([train, fold.calibration]) if made.labelled else train


def _why(made: Plan, y: Array, fold: Fold, number: int) -> str | Array:
    """Say why a fold cannot be run; else why some of the people in it cannot be scored, one word a window."""
    if fold.why:
        return fold.why
    train = _training(made, fold)
    if not len(train):
        return f"no window of the training set of fold {number} has a label"
    why = np.full(len(fold.test), "", dtype=object)
    if not len(made.classes):
        return why
    learnt = np.unique(y[train])
    if len(learnt) < 2:
        return f"the training set of fold {number} has {str(learnt[0])!r} only"
    if len(learnt) < len(made.classes):
        strange = made.known[fold.test] & ~np.isin(y[fold.test], learnt)
        for one in np.unique(made.person[fold.test[strange]]):
            own = made.person[fold.test] == one
            label = str(y[fold.test[strange & own]][0])
            why[own] = f"the training set of fold {number} has no {label!r}; it cannot be learnt from it"
    return why


def _labels(windows: Windows, ratings: bool) -> tuple[Array, npt.NDArray[np.bool_]]:
    if windows.y is None:
        raise DataError("these windows have no labels; expected one per window to score against")
    known = ~pd.isna(windows.y)
    if ratings:
        try:
            y = np.where(known, windows.y, 0).astype(float)
        except (TypeError, ValueError):
            raise DataError("ratings are asked for and the labels are no numbers; choose other metrics") from None
        finite = np.isfinite(y)
        return np.where(finite, y, 0.0), known & finite
    if not known.any():
        raise DataError(f"none of the {len(windows)} windows has a label; expected one per window to score against")
    # pandas hands strings over as objects, which scikit-learn sorts several times more slowly than fixed-width strings.
    labels = np.asarray(windows.y[known].tolist()) if windows.y.dtype == object else windows.y[known]
    y = np.full(len(windows), labels[0])
    y[known] = labels
    return y, known


def takes(method: Any, name: str) -> bool:
    """Say whether a method names a keyword; one that swallows anything does not promise to use it.

    Parameters
    ----------
    method : callable
        Such as ``estimator.fit``.
    name : str
        Keyword.

    Returns
    -------
    bool
        Also False for what has no signature.
    """
    try:
        return name in signature(method).parameters
    except (TypeError, ValueError):  # built in C, without a signature
        return False


def _table(windows: Windows, rows: npt.NDArray[np.intp]) -> pd.DataFrame:
    return windows.metadata.iloc[rows].reset_index(drop=True)


def _rank(access: str) -> int:
    return TARGET_ACCESS.index(access.split("(")[0])
