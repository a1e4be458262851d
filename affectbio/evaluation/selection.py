"""Chooses parameters inside the training set, with people held apart there too: the people tested never have a say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.model_selection import ParameterGrid
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from affectbio.errors import ConfigError
from affectbio.evaluation.estimators import takes
from affectbio.evaluation.metrics import SCORERS
from affectbio.evaluation.scoring import evaluate
from affectbio.types import Windows

__all__ = ["Nested"]


def _inner_has(name: str) -> Any:
    def check(nested: Nested) -> bool:
        return hasattr(getattr(nested, "estimator_", nested.estimator), name)

    return check


class Nested(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that chooses its parameters by a protocol inside its own training set.

    Scikit-learn's ``GridSearchCV`` splits windows unless it is told otherwise, and then a parameter is chosen by how
    well it recognises trials. Here the inner split is a protocol over the metadata, which `evaluate` hands over, and a
    candidate's score is the mean over people. Cost: candidates times inner folds, and one fit more.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Cloned for every fit.
    grid : mapping or sequence of mappings
        Parameters to try, as in `sklearn.model_selection.ParameterGrid`.
    protocol : WindowSplitter or str
        Inner protocol, or its name in `PROTOCOLS`.
    metric : str
        Name in `SCORERS`, by which candidates are compared.
    level : "window" or "trial"
        What is scored.
    n_jobs : int, optional
        Inner folds at a time.

    Attributes
    ----------
    best_params_ : dict
        The parameters chosen; of equals, the first.
    best_score_ : float
        Their inner score; too good to be reported, since it was chosen for being good.
    candidates_ : pandas.DataFrame
        One row per candidate: ``params, score, n_people, n_excluded``.
    estimator_ : estimator
        Fitted with those on the whole training set.
    classes_ : ndarray
        Labels, if the estimator has any.

    Raises
    ------
    ConfigError
        On `fit`, if it is not given metadata.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"subject": np.repeat(list("abcdef"), 4), "session": "1", "trial": list("0011") * 6,
    ...                       "stimulus": "x", "start": [0.0, 1.0] * 12, "stop": [1.0, 2.0] * 12})
    >>> y = (table["trial"] == "1").to_numpy()
    >>> X = y[:, None] + rng.normal(0, 0.2, (24, 1))
    >>> model = Nested(KNeighborsClassifier(), {"n_neighbors": [3, 19]}, "loso").fit(X, y, metadata=table)
    >>> model.best_params_
    {'n_neighbors': 3}
    """

    def __init__(
        self,
        estimator: Any,
        grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]],
        protocol: Any = "kfold-by-subject",
        metric: str = "balanced_accuracy",
        level: str = "window",
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.grid = grid
        self.protocol = protocol
        self.metric = metric
        self.level = level
        self.n_jobs = n_jobs

    def fit(self, X: npt.NDArray[Any], y: npt.NDArray[Any], metadata: pd.DataFrame | None = None) -> Nested:
        """Choose parameters and fit.

        Parameters
        ----------
        X : ndarray, shape (n_windows, ...)
            Training windows.
        y : ndarray, shape (n_windows,)
            Their labels.
        metadata : pandas.DataFrame
            Their table, as in `Windows`.

        Returns
        -------
        Nested
            Itself.

        Raises
        ------
        ConfigError
            If there is no metadata, or no such metric, protocol or parameter.
        DataError, LeakageError
            If the training windows do not allow the inner protocol.
        """
        if metadata is None:
            raise ConfigError(
                "Nested needs to know whose windows it is given; call fit(X, y, metadata=...), or hand it to evaluate"
            )
        X = np.asarray(X)
        windows = Windows(X, np.asarray(y), metadata, ("window", *(f"axis {i}" for i in range(1, X.ndim))))
        rows = []
        for params in ParameterGrid(self.grid):
            candidate = clone(self.estimator).set_params(**params)
            people = evaluate(
                candidate, windows, self.protocol, metrics=self.metric, level=self.level, n_jobs=self.n_jobs
            )["value"]
            rows.append(
                {
                    "params": params,
                    "score": people.mean(),
                    "n_people": people.count(),
                    "n_excluded": people.isna().sum(),
                }
            )
        self.candidates_ = pd.DataFrame(rows)
        score = self.candidates_["score"].to_numpy(dtype=float)
        best = int(np.argmax(score if SCORERS[self.metric].higher_is_better else -score))
        self.best_params_, self.best_score_ = rows[best]["params"], float(score[best])
        self.estimator_ = clone(self.estimator).set_params(**self.best_params_)
        self.estimator_.fit(X, np.asarray(y), **_table_for(self.estimator_.fit, metadata))
        if hasattr(self.estimator_, "classes_"):
            self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: npt.NDArray[Any], metadata: pd.DataFrame | None = None) -> npt.NDArray[Any]:
        """Predict with the parameters chosen.

        Parameters
        ----------
        X : ndarray, shape (n_windows, ...)
            Windows.
        metadata : pandas.DataFrame, optional
            Their table, for an estimator that asks for it.

        Returns
        -------
        ndarray, shape (n_windows,)
            Labels or ratings.
        """
        return self._ask("predict", X, metadata)

    @available_if(_inner_has("predict_proba"))
    def predict_proba(self, X: npt.NDArray[Any], metadata: pd.DataFrame | None = None) -> npt.NDArray[Any]:
        """Give probabilities with the parameters chosen.

        Parameters
        ----------
        X, metadata
            As for `predict`.

        Returns
        -------
        ndarray, shape (n_windows, n_classes)
            In the order of ``classes_``.
        """
        return self._ask("predict_proba", X, metadata)

    @available_if(_inner_has("decision_function"))
    def decision_function(self, X: npt.NDArray[Any], metadata: pd.DataFrame | None = None) -> npt.NDArray[Any]:
        """Give decision values with the parameters chosen.

        Parameters
        ----------
        X, metadata
            As for `predict`.

        Returns
        -------
        ndarray, shape (n_windows,) or (n_windows, n_classes)
            As the estimator gives them.
        """
        return self._ask("decision_function", X, metadata)

    def _ask(self, name: str, X: npt.NDArray[Any], metadata: pd.DataFrame | None) -> npt.NDArray[Any]:
        check_is_fitted(self, "estimator_")
        method = getattr(self.estimator_, name)
        return np.asarray(method(X, **_table_for(method, metadata)))

    def __sklearn_tags__(self) -> Any:
        # Whether it classifies is for the estimator inside to say.
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags, tags.regressor_tags = inner.classifier_tags, inner.regressor_tags
        return tags


def _table_for(method: Any, metadata: pd.DataFrame | None) -> dict[str, Any]:
    return {"metadata": metadata} if takes(method, "metadata") else {}
