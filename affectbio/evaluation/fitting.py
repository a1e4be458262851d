"""Fits an estimator on every fold and gathers what it says of the windows tested, with a reason where it cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed

from affectbio.errors import ConfigError, DataError, LeakageError
from affectbio.evaluation.estimators import asked, class_scores, declared_access, fitted, is_continuous, takes
from affectbio.evaluation.protocols import (
    LEAKS,
    PROTOCOLS,
    Fold,
    WindowSplitter,
    check_leakage,
    codes_of,
    folds_of,
)
from affectbio.types import Windows

__all__ = ["Answers", "FoldCall", "Plan", "dealt_anew", "fold_calls", "gathered", "plan", "run"]

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


@dataclass(frozen=True, slots=True, eq=False)
class FoldCall:
    """One fold, ready to be fitted and asked, here or in another process.

    Attributes
    ----------
    estimator : scikit-learn estimator
        Cloned before it is fitted.
    train, target, test : ndarray of int
        Windows with labels to learn from, windows without, and windows to be asked about.
    classes : ndarray, shape (n_classes,)
        Whose scores are asked for; empty for none.
    """

    estimator: Any
    train: npt.NDArray[np.intp]
    target: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]
    classes: Array

    def __call__(self, windows: Windows, y: Array) -> tuple[Array, Array, str]:
        """Give predictions, scores of all classes, and what the scores are.

        Parameters
        ----------
        windows : Windows
            As given to `plan`.
        y : ndarray, shape (n_windows,)
            Labels.

        Returns
        -------
        predicted : ndarray, shape (n_test,)
            Labels or ratings.
        scores : ndarray, shape (n_test, n_classes)
            Of each class.
        kind : str
            ``"probability"``, ``"decision"``, ``"votes"`` or nothing.
        """
        return _fit_predict(windows, y, self)


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
        target_access=declared_access(estimator, windows, protocol),
        leaks=", ".join(LEAKS[k] for k in both if k not in _SHARED or k in protocol.leaks),
        shares=", ".join(LEAKS[k] for k in both if k in _SHARED and k not in protocol.leaks),
        folds=folds,
        labelled=labelled,
        y=y,
        known=known,
        classes=y[:0] if ratings else np.unique(y[known]),
        person=codes_of(windows.metadata, "subject"),
        trial=codes_of(windows.metadata, "subject", "session", "trial"),
    )


def dealt_anew(made: Plan, windows: Windows, protocol: WindowSplitter, y: Array) -> Plan:
    """Give the plan with the folds that other labels lead to.

    A protocol may spread the classes over its folds. With the folds of the real labels exchanged ones would be unevenly
    spread and score below chance, and nothing would look like something: of 60 studies without any effect 29 had
    p <= 0.05.

    Parameters
    ----------
    made : Plan
        From `plan`.
    windows : Windows
        As given to `plan`.
    protocol : WindowSplitter
        As given to `plan`.
    y : ndarray, shape (n_windows,)
        Other labels.

    Returns
    -------
    Plan
        Other folds, perhaps; the same windows and classes.
    """
    labels = np.array(windows.y, copy=True)
    labels[made.known] = y[made.known]
    return replace(made, folds=folds_of(protocol, replace(windows, y=labels)))


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
    calls = fold_calls(estimator, made, y, with_scores=with_scores)
    return gathered(made, y, Parallel(n_jobs=n_jobs)(delayed(call)(windows, y) for call in calls), with_scores)


def fold_calls(estimator: Any, made: Plan, y: Array, *, with_scores: bool) -> list[FoldCall]:
    """Give one call for every fold that can be run.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Cloned for every fold.
    made : Plan
        From `plan`.
    y : ndarray, shape (n_windows,)
        Labels.
    with_scores : bool
        Whether to ask for probabilities or decision values too.

    Returns
    -------
    list of FoldCall
        In the order of the folds.
    """
    # Only what a fold needs travels to a worker; the plan holds the indices of all folds.
    classes = made.classes if with_scores else made.classes[:0]
    return [
        FoldCall(
            estimator,
            _training(made, fold),
            fold.calibration[:0] if made.labelled else fold.calibration,
            fold.test,
            classes,
        )
        for number, fold in enumerate(made.folds)
        if not isinstance(_why(made, y, fold, number), str)
    ]


def gathered(made: Plan, y: Array, answers: Iterable[tuple[Array, Array, str]], with_scores: bool) -> Answers:
    """Put what the folds gave together, those that could not be run included.

    Parameters
    ----------
    made : Plan
        From `plan`.
    y : ndarray, shape (n_windows,)
        Labels that were learnt from.
    answers : iterable of (predicted, scores, kind)
        One per call of `fold_calls`, in that order.
    with_scores : bool
        As given to `fold_calls`.

    Returns
    -------
    Answers
        All folds after one another.
    """
    whys = [_why(made, y, fold, number) for number, fold in enumerate(made.folds)]
    done = iter(answers)
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


def _fit_predict(windows: Windows, y: Array, call: FoldCall) -> tuple[Array, Array, str]:
    model = fitted(call.estimator, windows, y, call.train, call.target)
    predicted = asked(model, "predict", windows, call.test)
    if not len(call.classes):
        return predicted, np.empty((len(call.test), 0)), ""
    scores, kind = class_scores(model, windows, call.test, call.classes)
    if scores is None:
        return predicted, (predicted[:, None] == call.classes).astype(float), "votes"
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
    if is_continuous(windows.y):
        raise DataError(
            f"labels such as {windows.y[known][0]:g} are ratings, not classes; cut them where you declare it "
            f"(affectbio.evaluation.labels.Label), or take a regressor"
        )
    # pandas hands strings over as objects, which scikit-learn sorts several times more slowly than fixed-width strings.
    labels = np.asarray(windows.y[known].tolist()) if windows.y.dtype == object else windows.y[known]
    y = np.full(len(windows), labels[0], dtype=labels.dtype)
    y[known] = labels
    return y, known
