"""Scores an estimator person by person under a protocol, on real labels and on exchanged ones.

Only scikit-learn's interface is used (``clone``, ``fit``, ``predict``), so any estimator will do. The protocol is
checked on the windows before anything is fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone

from affectbio.errors import DataError
from affectbio.evaluation.controls import TrialLabels
from affectbio.evaluation.metrics import SCORERS, Scorer
from affectbio.evaluation.protocols import LEAKS, PROTOCOLS, Split, WindowSplitter, check_leakage
from affectbio.registry import unknown_name
from affectbio.types import Windows

__all__ = ["evaluate", "permutation_control"]


def evaluate(
    estimator: Any,
    windows: Windows,
    protocol: WindowSplitter | str,
    *,
    scorer: str = "balanced_accuracy",
    variant: str | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Score an estimator on every person.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Cloned for every fold. It is given ``X`` as the windows hold it; one that wants two axes is put behind a step
        that flattens.
    windows : Windows
        With labels, at least two classes per person.
    protocol : WindowSplitter or str
        A splitter, or its name in `PROTOCOLS`.
    scorer : str
        Name in `SCORERS`.
    variant : str, optional
        What to call this in tables and figures; the estimator's class if not given.
    n_jobs : int, optional
        Folds at a time, as everywhere in joblib.

    Returns
    -------
    pandas.DataFrame
        One row per person, whose windows are pooled if several folds test them: ``variant, protocol, target_access,
        fold`` (missing if pooled), ``subject, metric, value, n_windows, n_trials, chance, leaks`` (what the same
        people, trials, seconds or windows stand on both sides; empty if nothing).

    Raises
    ------
    LeakageError
        If the protocol does not hold out what it claims to; nothing is fitted then.
    DataError
        If there are no labels, a person has one class only, or a training set lacks a class.
    ConfigError
        If there is no such protocol or scorer.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> table = pd.DataFrame({"subject": ["a", "a", "b", "b"], "session": "01", "trial": ["0", "1"] * 2,
    ...                       "stimulus": "x", "start": 0.0, "stop": 1.0})
    >>> X = np.array([[0.0], [5.0], [0.1], [5.1]])
    >>> windows = Windows(X, table["trial"].to_numpy(), table, ("window", "feature"))
    >>> evaluate(KNeighborsClassifier(1), windows, "loso")[["subject", "value"]].to_dict("list")
    {'subject': ['a', 'b'], 'value': [1.0, 1.0]}
    """
    protocol = PROTOCOLS.get(protocol)() if isinstance(protocol, str) else protocol
    y = _labels(windows)
    splits, leaks = _checked_splits(windows, y, protocol)
    people, person = np.unique(windows.groups("subject"), return_inverse=True)
    tested = np.concatenate([test for _, test in splits])
    predicted = np.concatenate(
        Parallel(n_jobs=n_jobs)(delayed(_predict)(estimator, windows.X, y, train, test) for train, test in splits)
    )
    trial = np.unique(windows.groups("subject", "session", "trial"), return_inverse=True)[1]
    fold = np.repeat(np.arange(len(splits)), [len(test) for _, test in splits])
    score = _scorer(scorer).function
    rows = [
        {
            "variant": variant or type(estimator).__name__,
            "protocol": protocol.name,
            "target_access": windows.target_access,
            "fold": fold[own[0]] if (fold[own] == fold[own[0]]).all() else pd.NA,
            "subject": people[person[tested[own[0]]]],
            "metric": scorer,
            "value": score(y[tested[own]], predicted[own]),
            "n_windows": len(own),
            "n_trials": len(np.unique(trial[tested[own]])),
            "chance": 1 / len(np.unique(y)),
            "leaks": leaks,
        }
        for own in _by_person(person[tested])
    ]
    return pd.DataFrame(rows).astype({"fold": "Int64"})


def permutation_control(
    estimator: Any,
    windows: Windows,
    protocol: WindowSplitter | str,
    n_permutations: int = 100,
    *,
    rng: np.random.Generator | int = 0,
    scorer: str = "balanced_accuracy",
    variant: str | None = None,
    within: str = "subject",
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Score an estimator again and again with the labels of trials exchanged: what it scores when there is nothing.

    Parameters
    ----------
    estimator, windows, protocol
        As given to `evaluate`.
    n_permutations : int
        How often; the smallest p value is 1 / (1 + n_permutations).
    rng : numpy.random.Generator or int
        Source of chance, or its seed. The result does not depend on ``n_jobs``.
    scorer, variant
        As given to `evaluate`.
    within : str
        Column of the metadata inside which trials are exchanged, see `permute_labels`.
    n_jobs : int, optional
        Permutations at a time. Two or more also keep the threads of a BLAS, which on small matrices wait for each
        other longer than they work, out of the way.

    Returns
    -------
    pandas.DataFrame
        One row per permutation: ``variant, protocol, target_access, metric, permutation, value``, the mean over people.

    Raises
    ------
    LeakageError, DataError, ConfigError
        As `evaluate`; also if the labels cannot be exchanged.
    """
    protocol = PROTOCOLS.get(protocol)() if isinstance(protocol, str) else protocol
    y = _labels(windows)
    splits, _ = _checked_splits(windows, y, protocol)
    person = np.unique(windows.groups("subject"), return_inverse=True)[1]
    trials = TrialLabels.of(windows, within)
    rng = np.random.default_rng(rng)
    exchanged = [trials.exchange(rng).astype(y.dtype) for _ in range(n_permutations)]
    values = Parallel(n_jobs=n_jobs)(
        delayed(_mean_over_people)(estimator, windows.X, labels, splits, person, _scorer(scorer))
        for labels in exchanged
    )
    return pd.DataFrame(
        {
            "variant": variant or type(estimator).__name__,
            "protocol": protocol.name,
            "target_access": windows.target_access,
            "metric": scorer,
            "permutation": range(n_permutations),
            "value": np.asarray(values, dtype=float),
        }
    )


def _mean_over_people(
    estimator: Any,
    X: npt.NDArray[Any],
    y: npt.NDArray[Any],
    splits: Sequence[Split],
    person: npt.NDArray[np.intp],
    scorer: Scorer,
) -> float:
    tested = np.concatenate([test for _, test in splits])
    predicted = np.concatenate([_predict(estimator, X, y, train, test) for train, test in splits])
    return float(np.mean([scorer.function(y[tested[own]], predicted[own]) for own in _by_person(person[tested])]))


def _predict(
    estimator: Any, X: npt.NDArray[Any], y: npt.NDArray[Any], train: npt.NDArray[np.intp], test: npt.NDArray[np.intp]
) -> npt.NDArray[Any]:
    return np.asarray(clone(estimator).fit(X[train], y[train]).predict(X[test]))


def _by_person(person: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    """Positions of each person that occurs, people in sorted order."""
    order = np.argsort(person, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(person[order])) + 1)


def _scorer(name: str) -> Scorer:
    if name not in SCORERS:
        raise unknown_name("scorer", name, SCORERS)
    return SCORERS[name]


def _labels(windows: Windows) -> npt.NDArray[Any]:
    if windows.y is None:
        raise DataError("these windows have no labels; expected one per window to score against")
    # pandas hands strings over as objects, which scikit-learn sorts several times more slowly than fixed-width strings.
    return np.asarray(windows.y.tolist()) if windows.y.dtype == object else windows.y


def _checked_splits(windows: Windows, y: npt.NDArray[Any], protocol: WindowSplitter) -> tuple[list[Split], str]:
    """Give the folds of a protocol once they are known to be what it claims, and what they share, in words."""
    classes, codes = np.unique(y, return_inverse=True)
    subject = windows.groups("subject")
    for own in _by_person(np.unique(subject, return_inverse=True)[1]):
        if len(np.unique(codes[own])) < 2:
            only = str(classes[codes[own[0]]])
            raise DataError(
                f"all {len(own)} windows of subject {subject[own[0]]!r} are {only!r}; a score of one class "
                f"says nothing of the others: leave that person out with windows.take"
            )
    splits = list(protocol.split_windows(windows))
    found = check_leakage(windows, splits, holdout=protocol.holdout)
    for fold, (train, _) in enumerate(splits):
        missing = np.bincount(codes[train], minlength=len(classes)) == 0
        if missing.any():
            raise DataError(
                f"the training set of fold {fold} has no {str(classes[missing][0])!r}; it cannot be learnt from it"
            )
    # The same people on both sides are no leak for a protocol that never claims to test on strangers.
    shared = [k for k in LEAKS if (found[k] > 0).any() and (k != "subject" or k in protocol.leaks)]
    return splits, ", ".join(LEAKS[k] for k in shared)
