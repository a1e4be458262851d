"""Hands windows to an estimator of scikit-learn's kind: what it is given besides numbers, and what it says it uses."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone

from affectbio.errors import ConfigError, DataError
from affectbio.types import TARGET_ACCESS, Windows

__all__ = ["asked", "class_scores", "declared_access", "fitted", "is_continuous", "takes"]

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.intp]


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
    if values.dtype == object:
        numbers = [v for v in values if isinstance(v, float)]
        values = np.asarray(numbers, dtype=float)
    return values.dtype.kind == "f" and bool((~np.isnan(values) & (values != np.round(values))).any())


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


def declared_access(estimator: Any, windows: Windows, protocol: Any) -> str:
    """Give the most that is said to be used of the person tested.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Itself or what stands inside it (the steps of a pipeline, the estimator of a search) may have an attribute
        ``target_access``.
    windows : Windows
        What was done to them before says so too.
    protocol : WindowSplitter
        One with a calibration has a ``target_access``.

    Returns
    -------
    str
        A word of `TARGET_ACCESS`, for labels with how many.
    """
    inside = estimator.get_params(deep=True).values() if hasattr(estimator, "get_params") else ()
    said = [getattr(one, "target_access", None) for one in (windows, protocol, estimator, *inside)]
    known = [access for access in said if isinstance(access, str) and access.split("(")[0] in TARGET_ACCESS]
    return max(known, key=lambda access: TARGET_ACCESS.index(access.split("(")[0]))


def fitted(estimator: Any, windows: Windows, y: Array, train: Rows, target: Rows) -> Any:
    """Fit a clone.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Its ``fit`` is given the table of its rows as ``metadata=``, and windows of the person tested as ``target=``
        with their ``target_metadata=``, where it names such keywords.
    windows : Windows
        All of them.
    y : ndarray, shape (n_windows,)
        Labels.
    train, target : ndarray of int
        Which to learn from, and which to be given without labels.

    Returns
    -------
    estimator
        Fitted.

    Raises
    ------
    DataError
        If it does not take windows with NaN or infinite values, and there are some, or windows of so many axes.
    """
    model = clone(estimator)
    extra: dict[str, Any] = {}
    if len(target):
        extra["target"] = windows.X[target]
        if takes(model.fit, "target_metadata"):
            extra["target_metadata"] = _table(windows, target)
    if takes(model.fit, "metadata"):
        extra["metadata"] = _table(windows, train)
    _told(lambda: model.fit(windows.X[train], y[train], **extra), windows, np.concatenate([train, target]), estimator)
    return model


def asked(model: Any, method: str, windows: Windows, rows: Rows) -> Array:
    """Ask a fitted estimator about some windows.

    Parameters
    ----------
    model : estimator
        Fitted.
    method : str
        Such as ``"predict"``; given ``metadata=`` where it names that.
    windows : Windows
        All of them.
    rows : ndarray of int
        Which to ask about.

    Returns
    -------
    ndarray, shape (n_rows, ...)
        What it says.

    Raises
    ------
    DataError
        As `fitted`.
    """
    ask = getattr(model, method)
    extra = {"metadata": _table(windows, rows)} if takes(ask, "metadata") else {}
    return np.asarray(_told(lambda: ask(windows.X[rows], **extra), windows, rows, model))


def class_scores(model: Any, windows: Windows, rows: Rows, classes: Array) -> tuple[Array | None, str]:
    """Give probabilities or decision values of all classes.

    Parameters
    ----------
    model : estimator
        Fitted.
    windows : Windows
        All of them.
    rows : ndarray of int
        Which to ask about.
    classes : ndarray, shape (n_classes,)
        Sorted; those that the model did not learn have probability 0, or NaN as a decision value.

    Returns
    -------
    scores : ndarray or None, shape (n_rows, n_classes)
        None if the model has neither.
    kind : str
        ``"probability"``, ``"decision"`` or nothing.

    Raises
    ------
    ConfigError
        If the model does not say which column is which class.
    DataError
        As `fitted`.
    """
    if hasattr(model, "predict_proba"):
        given, kind, absent = asked(model, "predict_proba", windows, rows), "probability", 0.0
    elif hasattr(model, "decision_function"):
        given, kind, absent = asked(model, "decision_function", windows, rows), "decision", np.nan
        given = np.column_stack([-given, given]) if given.ndim == 1 else given
    else:
        return None, ""
    own = getattr(model, "classes_", None)
    if own is None or given.shape != (len(rows), len(own)):
        found = "no classes_" if own is None else f"{len(own)} classes_ and scores of shape {given.shape}"
        raise ConfigError(
            f"{type(model).__name__} has {found}; expected one column of scores for each of its classes_, in that order"
        )
    scores = np.full((len(rows), len(classes)), absent)
    scores[:, np.searchsorted(classes, own)] = given
    return scores, kind


def _table(windows: Windows, rows: Rows) -> pd.DataFrame:
    return windows.metadata.iloc[rows].reset_index(drop=True)


def _told(call: Callable[[], Any], windows: Windows, rows: Rows, model: Any) -> Any:
    """Call, and if that fails say what is wrong with the windows: scikit-learn knows neither people nor channels."""
    try:
        return call()
    except DataError:
        raise
    except ValueError as error:
        X = windows.X[rows]
        if X.ndim > 2 and "dim" in str(error):
            raise DataError(
                f"{type(model).__name__} does not take windows of axes {', '.join(windows.axes)}: {error} Put a step "
                f"before it that flattens, such as FunctionTransformer(lambda X: X.reshape(len(X), -1))"
            ) from error
        lost = ~np.isfinite(X) if X.dtype.kind in "fc" else np.zeros(X.shape, dtype=bool)
        if not lost.any():
            raise
        hit = lost.reshape(len(rows), -1).any(axis=1)
        people = np.unique(windows.groups("subject")[rows[hit]])
        where = f"people {', '.join(people[:4])}{' …' if len(people) > 4 else ''}"
        if "channel" in windows.axes and windows.channels:
            other = tuple(k for k in range(X.ndim) if k != windows.axes.index("channel"))
            bad = np.atleast_1d(lost.any(axis=other))
            names = [c.name for c, is_bad in zip(windows.channels, bad, strict=True) if is_bad]
            where += f", channels {', '.join(names[:4])}{' …' if len(names) > 4 else ''}"
        raise DataError(
            f"{int(hit.sum())} of {len(rows)} windows hold NaN or infinite values ({where}), and "
            f"{type(model).__name__} takes none; leave these windows or channels out, or put an imputer before it"
        ) from error
