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
import pandas as pd
from sklearn.base import clone, is_regressor

from affectbio.errors import DataError
from affectbio.evaluation.estimators import asked, fitted, is_continuous
from affectbio.evaluation.protocols import Fold, Split, WindowSplitter, codes_of, folds_of
from affectbio.types import Windows

__all__ = ["Outcome", "labelled_only", "mean_score", "numbered", "pipeline_run", "without_unlabelled"]

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
    pinned: dict[int, list[Fold]] = field(default_factory=dict)
    is_pinned: bool = True

    @property
    def refolded(self) -> Run:
        """The same, with folds that follow the labels: what exchanged labels are to be compared with."""
        return replace(self, pinned={}, is_pinned=False)

    def __call__(self, windows: Windows, seed: int) -> Outcome:
        marked, rows = windows, None
        if self.prepare is not None:
            marked = self.prepare(numbered(windows))
            rows = _rows(marked, len(windows))
        if marked.y is None:
            raise DataError("these windows have no labels; expected one per window to fit on")
        if len(marked) not in self.pinned or not self.is_pinned:
            self.pinned[len(marked)] = [fold for fold in folds_of(self.protocol, marked) if not fold.why]
        folds, known = self.pinned[len(marked)], ~pd.isna(marked.y)
        # scikit-learn sorts strings that pandas holds as objects several times more slowly than fixed-width ones.
        labels = np.asarray(marked.y[known].tolist()) if marked.y.dtype == object else marked.y[known]
        y = np.full(len(marked), labels[0], dtype=labels.dtype)
        y[known] = labels
        is_labelled = getattr(self.protocol, "target_access", "").startswith("labelled")
        estimator = _seeded(self.estimator, seed)
        scores, predicted, digests = [], [], []
        for fold in folds:
            train, target = fold.train[known[fold.train]], fold.calibration
            if is_labelled:
                train, target = np.concatenate([train, target]), target[:0]
            model = fitted(estimator, marked, y, train, target)
            scores.append(_real_scores(model, marked, fold.test))
            predicted.append(asked(model, "predict", marked, fold.test))
            digests.append(hashlib.sha256(np.ascontiguousarray(marked.X[train]).tobytes()).hexdigest())
        told = [s for s in scores if s is not None]
        return Outcome(
            [(fold.train, fold.test) for fold in folds],
            told if len(told) == len(folds) else (),
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
        Cloned for every fold and given what `evaluate` gives it; a ``random_state`` of None is set to the seed. Its
        ``decision_function`` or ``predict_proba`` is compared; with ``predict`` alone some probes stay *not checked*.
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
    truth, person = marked.y[test], codes_of(marked.metadata, "subject")[test]
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


def numbered(windows: Windows) -> Windows:
    """Write into the metadata where every window stands, so that `prepare` can be followed.

    Parameters
    ----------
    windows : Windows
        Before they are prepared.

    Returns
    -------
    Windows
        With a column ``audit_row``.
    """
    return replace(windows, metadata=windows.metadata.assign(**{ROW: np.arange(len(windows))}))


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


def _real_scores(model: Any, windows: Windows, rows: npt.NDArray[np.intp]) -> npt.NDArray[Any] | None:
    for method in ("decision_function", "predict_proba"):
        if hasattr(model, method):
            return asked(model, method, windows, rows).astype(float)
    return asked(model, "predict", windows, rows).astype(float) if is_regressor(model) else None


def labelled_only(run: Run, windows: Windows) -> tuple[Run, Windows]:
    """Make of a black box one that is given, and answers for, the windows with a label; it still sees the others.

    Parameters
    ----------
    run : Run
        The black box.
    windows : Windows
        Some of them perhaps without a label: rest before a clip, ratings that were lost.

    Returns
    -------
    run : Run
        The same if all have one.
    windows : Windows
        Those with a label.
    """
    known = None if windows.y is None else ~pd.isna(windows.y)
    if known is None or known.all():
        return run, windows

    return _GivenTheRest(run, windows, known), windows.take(known)


@dataclass(frozen=True, slots=True)
class _GivenTheRest:
    run: Run
    windows: Windows
    known: npt.NDArray[np.bool_]

    @property
    def refolded(self) -> Run:
        """The same, with folds that follow the labels."""
        return replace(self, run=getattr(self.run, "refolded", self.run))

    def __call__(self, given: Windows, seed: int) -> Outcome:
        whole, known = self.windows, self.known
        if len(given) != known.sum() or given.y is None:
            return self.run(given, seed)
        X = np.array(whole.X, dtype=np.result_type(whole.X, given.X))
        y = np.array(whole.y, dtype=object)
        X[known], y[known] = given.X, given.y
        return without_unlabelled(self.run(replace(whole, X=X, y=y), seed), known)


def without_unlabelled(outcome: Outcome, known: npt.NDArray[np.bool_]) -> Outcome:
    """Leave out of an outcome the windows that have no label.

    Parameters
    ----------
    outcome : Outcome
        Of all windows.
    known : ndarray of bool, shape (n_windows,)
        Which have a label.

    Returns
    -------
    Outcome
        Of those with a label, numbered anew; folds of which nothing is left are gone.
    """
    split, rows = outcome.prepared, outcome.rows
    kept = known if split is None else np.atleast_1d(~pd.isna(split.y))
    # Where a kept window stands among the kept.
    place, given = np.cumsum(kept) - 1, np.cumsum(known) - 1
    if split is not None and rows is not None:
        rows = np.where(rows[kept] < 0, -1, given[rows[kept]])
    own = [kept[np.asarray(test)] for _, test in outcome.folds]
    folds = [
        (place[np.asarray(train)[kept[np.asarray(train)]]], place[np.asarray(test)[mine]])
        for (train, test), mine in zip(outcome.folds, own, strict=True)
    ]
    some = [k for k, (train, test) in enumerate(folds) if len(train) and len(test)]
    return Outcome(
        [folds[k] for k in some],
        [np.asarray(outcome.scores[k])[own[k]] for k in some] if outcome.scores else (),
        [np.asarray(outcome.predicted[k])[own[k]] for k in some],
        None if split is None else split.take(kept),
        rows,
        [outcome.fitted_on[k] for k in some] if outcome.fitted_on else (),
    )
