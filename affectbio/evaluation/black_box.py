"""An evaluation as the audit sees it: windows and a seed go in, folds and real-valued scores come out.

What happens between is nobody's business: a library, a shell script, the published code of a paper. `pipeline_run`
makes such a black box of an estimator, a protocol and whatever was done to the windows before the split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_regressor

from affectbio.errors import DataError
from affectbio.evaluation.protocols import Split, WindowSplitter
from affectbio.types import Windows

__all__ = ["Outcome", "Run", "is_continuous", "mean_score", "pipeline_run"]

#: Column that tells where a window stood before `prepare` moved, dropped or made some.
ROW = "audit_row"


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one run of an evaluation gave.

    Attributes
    ----------
    folds : sequence of (train, test)
        Indices of windows: of ``prepared`` if given, else of those that the run was given.
    scores : sequence of ndarray, shape (n_test,) or (n_test, n_classes)
        Of each fold, for each tested window, the real-valued score that the decision rests on. Labels hide small
        changes; leave it empty if there is nothing else.
    predicted : sequence of ndarray, shape (n_test,)
        Of each fold, the labels.
    prepared : Windows, optional
        The windows that were split, if that is not what the run was given.
    rows : ndarray of int, shape (n_prepared,), optional
        Where each of the prepared windows stood in what was given; -1 if it was made up, as SMOTE does.
    fitted_on : sequence of str
        Of each fold, a digest of the features that it was fitted on; empty if unknown.
    """

    folds: Sequence[Split]
    scores: Sequence[npt.NDArray[Any]]
    predicted: Sequence[npt.NDArray[Any]]
    prepared: Windows | None = None
    rows: npt.NDArray[np.intp] | None = None
    fitted_on: Sequence[str] = ()

    def tested(self, fold: int) -> npt.NDArray[np.intp]:
        """Say which of the given windows a fold tested.

        Parameters
        ----------
        fold : int
            Which.

        Returns
        -------
        ndarray of int
            Indices of the windows that the run was given; -1 for one that was made up.
        """
        test = np.asarray(self.folds[fold][1])
        return test if self.rows is None else self.rows[test]


#: A whole evaluation: the same windows and seed must give the same outcome.
Run = Callable[[Windows, int], Outcome]


@dataclass(slots=True)
class _Pipeline:
    estimator: Any
    protocol: WindowSplitter
    prepare: Callable[[Windows], Windows] | None
    # Folds of the first run, by position: a splitter that balances labels must not answer a changed label with other
    # folds, or nothing could be compared. Kept per number of windows, since the controls also run on subsets.
    pinned: dict[int, list[Split]] = field(default_factory=dict)

    def __call__(self, windows: Windows, seed: int) -> Outcome:
        marked, rows = windows, None
        if self.prepare is not None:
            metadata = windows.metadata.assign(**{ROW: np.arange(len(windows))})
            marked = self.prepare(replace(windows, metadata=metadata))
            rows = _rows(marked, len(windows))
        if marked.y is None:
            raise DataError("these windows have no labels; expected one per window to fit on")
        if len(marked) not in self.pinned:
            self.pinned[len(marked)] = [
                (np.asarray(train), np.asarray(test)) for train, test, *_ in self.protocol.split_windows(marked)
            ]
        folds = self.pinned[len(marked)]
        # scikit-learn sorts strings that pandas holds as objects several times more slowly than fixed-width ones.
        y = np.asarray(marked.y.tolist()) if marked.y.dtype == object else marked.y
        scores, predicted, digests = [], [], []
        for train, test in folds:
            model = _seeded(self.estimator, seed).fit(marked.X[train], y[train])
            scores.append(_real_scores(model, marked.X[test]))
            predicted.append(np.asarray(model.predict(marked.X[test])))
            digests.append(hashlib.sha256(np.ascontiguousarray(marked.X[train]).tobytes()).hexdigest())
        known = [s for s in scores if s is not None]
        return Outcome(
            folds,
            known if len(known) == len(folds) else (),
            predicted,
            marked if self.prepare is not None else None,
            rows,
            digests,
        )


def pipeline_run(estimator: Any, protocol: WindowSplitter, prepare: Callable[[Windows], Windows] | None = None) -> Run:
    """Make a black box of an estimator and a protocol.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Cloned for every fold; every ``random_state`` that is None is set to the seed. Its ``decision_function`` or
        ``predict_proba`` is compared; with ``predict`` alone some probes stay *not checked*.
    protocol : WindowSplitter
        Who is trained on and tested. Its folds are kept from the first run.
    prepare : callable, optional
        What is done to all windows before the split: scaling, selection, oversampling, normalisation per person. It is
        given `Windows` and gives `Windows`; metadata it should carry along (a column ``audit_row`` says which window
        is which).

    Returns
    -------
    Run
        For `audit`.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from affectbio.evaluation import LeaveOneSubjectOut
    >>> table = pd.DataFrame({"subject": ["a", "a", "b", "b"], "session": "01", "trial": ["0", "1"] * 2,
    ...                       "stimulus": "x", "start": 0.0, "stop": 1.0})
    >>> X = np.array([[0.0], [5.0], [0.1], [5.1]])
    >>> windows = Windows(X, table["trial"].to_numpy(), table, ("window", "feature"))
    >>> outcome = pipeline_run(KNeighborsClassifier(1), LeaveOneSubjectOut())(windows, 0)
    >>> [p.tolist() for p in outcome.predicted]
    [['0', '1'], ['0', '1']]
    """
    return _Pipeline(estimator, protocol, prepare)


def mean_score(outcome: Outcome, windows: Windows) -> tuple[float, float]:
    """Give balanced accuracy, the mean over people, and what chance would give.

    Where the predictions are real numbers, it is their correlation with the labels, and chance is 0.

    Parameters
    ----------
    outcome : Outcome
        What a run gave.
    windows : Windows
        What it was given, with labels.

    Returns
    -------
    score, chance : float
        NaN if no person was tested on two classes, or on two ratings.
    """
    marked = windows if outcome.prepared is None else outcome.prepared
    if marked.y is None:
        return float("nan"), float("nan")
    test = np.concatenate([np.asarray(t, dtype=np.intp) for _, t in outcome.folds])
    predicted = np.concatenate([np.asarray(p) for p in outcome.predicted])
    truth, person = marked.y[test], marked.groups("subject")[test]
    values, chances = [], []
    ratings = is_continuous(truth) or (truth.dtype.kind in "iuf" and is_continuous(predicted))
    for one in np.unique(person):
        own = person == one
        if ratings:
            pair = np.stack([truth[own].astype(float), predicted[own].astype(float)])
            if (np.ptp(pair, axis=1) > 0).all():
                values.append(float(np.corrcoef(pair)[0, 1]))
                chances.append(0.0)
            continue
        classes = np.unique(truth[own])
        if len(classes) < 2:
            continue
        values.append(np.mean([np.mean(predicted[own][truth[own] == c] == c) for c in classes]))
        chances.append(1 / len(classes))
    return (float(np.mean(values)), float(np.mean(chances))) if values else (float("nan"), float("nan"))


def is_continuous(values: npt.NDArray[Any]) -> bool:
    """Say whether labels are ratings on a scale rather than classes.

    Parameters
    ----------
    values : ndarray
        Labels.

    Returns
    -------
    bool
        Whether there are numbers that are not whole.
    """
    return values.dtype.kind == "f" and bool((values != np.round(values)).any())


def _rows(prepared: Windows, n_windows: int) -> npt.NDArray[np.intp]:
    if ROW not in prepared.metadata.columns:
        if len(prepared) != n_windows:
            raise DataError(
                f"prepare gave {len(prepared)} windows for {n_windows} and lost the column {ROW!r} of the metadata, so "
                f"nobody knows which is which; carry the metadata along, NaN for windows that are made up"
            )
        return np.arange(n_windows)
    return prepared.metadata[ROW].fillna(-1).to_numpy(dtype=np.intp)


def _seeded(estimator: Any, seed: int) -> Any:
    model = clone(estimator)
    unset = [
        key
        for key, value in model.get_params(deep=True).items()
        if value is None and (key == "random_state" or key.endswith("__random_state"))
    ]
    return model.set_params(**dict.fromkeys(unset, seed)) if unset else model


def _real_scores(model: Any, X: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    for method in ("decision_function", "predict_proba"):
        if hasattr(model, method):
            return np.asarray(getattr(model, method)(X), dtype=float)
    return np.asarray(model.predict(X), dtype=float) if is_regressor(model) else None
