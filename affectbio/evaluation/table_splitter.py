"""What splitters of metadata share: scikit-learn's methods, and dealing people, trials or stimuli into parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import DataError
from affectbio.evaluation.protocols import Fold, Split
from affectbio.types import Windows

__all__ = ["TableSplitter", "at_least_2", "check_n_splits", "deal", "fold_of", "mean_rank", "of_first"]


class TableSplitter:
    """What all splitters of metadata share: scikit-learn's methods around ``_folds(table, y)``."""

    #: Columns of the metadata it reads.
    columns: ClassVar[tuple[str, ...]] = ("subject",)

    def _folds(self, table: pd.DataFrame, y: npt.NDArray[Any] | None) -> Iterator[Fold]:
        raise NotImplementedError

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Give the folds that can be run.

        Parameters
        ----------
        X : array-like
            Not looked at; here because scikit-learn hands it over.
        y : array-like, shape (n_windows,), optional
            Labels, used only to spread the classes over the folds.
        groups : DataFrame, or array-like of shape (n_windows,)
            The metadata; where only the person counts, the person of every window will do.

        Yields
        ------
        train, test : ndarray of int
            Indices, ascending.

        Raises
        ------
        DataError
            If the groups are missing, lack a column, or do not allow the split.
        """
        for fold in self._folds(self._table(groups), None if y is None else np.asarray(y)):
            if not fold.why:
                yield fold.train, fold.test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Give the number of folds that can be run.

        Parameters
        ----------
        X, y, groups : array-like
            As for `split`.

        Returns
        -------
        int
            Number of folds.
        """
        return sum(1 for _ in self.split(X, y, groups))

    def split_windows(self, windows: Windows) -> Iterator[Split]:
        """Give the folds of windows that can be run.

        Parameters
        ----------
        windows : Windows
            With the metadata that the split is made by.

        Returns
        -------
        iterator of (train, test)
            Indices, as from `split`.
        """
        return self.split(windows.X, windows.y, windows.metadata)

    def folds(self, windows: Windows) -> Iterator[Fold]:
        """Give all folds of windows, with a reason for each that cannot be run.

        Parameters
        ----------
        windows : Windows
            With the metadata that the split is made by.

        Returns
        -------
        iterator of Fold
            Indices.
        """
        return self._folds(self._table(windows.metadata), windows.y)

    def _table(self, groups: Any) -> pd.DataFrame:
        name = type(self).__name__
        if groups is None:
            what = "the person of every window" if self.columns == ("subject",) else f"columns {self.columns}"
            raise DataError(f"{name} needs {what}; pass groups=windows.metadata")
        if not isinstance(groups, pd.DataFrame):
            if len(self.columns) > 1 or np.ndim(groups) != 1:
                raise DataError(f"{name} needs a table with columns {self.columns}; pass groups=windows.metadata")
            groups = pd.DataFrame({self.columns[0]: np.asarray(groups)})
        table: pd.DataFrame = groups
        return table


def check_n_splits(n_splits: int) -> None:
    """Refuse fewer than two folds.

    Parameters
    ----------
    n_splits : int
        Number of folds asked for.

    Raises
    ------
    ValueError
        If there are fewer than two.
    """
    if n_splits < 2:
        raise ValueError(f"expected at least 2 folds, found n_splits={n_splits}")


def at_least_2(codes: npt.NDArray[np.intp], what: str, name: str) -> npt.NDArray[np.intp]:
    """Give the codes back if there are two of them or more.

    Parameters
    ----------
    codes : ndarray of int
        From 0, without gaps.
    what, name : str
        What they number and which protocol asks, for the error.

    Returns
    -------
    ndarray of int
        The codes.

    Raises
    ------
    DataError
        If there are fewer.
    """
    if codes.max(initial=-1) < 1:
        raise DataError(f"{name} needs at least 2 {what}, found {codes.max(initial=-1) + 1}")
    return codes


def fold_of(test: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_] | None = None) -> Fold:
    """Give the fold that tests some windows and trains on all others.

    Parameters
    ----------
    test : ndarray of bool, shape (n_windows,)
        What is tested.
    among : ndarray of bool, optional
        Only windows among these are trained on.

    Returns
    -------
    Fold
        Indices, ascending.
    """
    return Fold(np.flatnonzero(~test if among is None else among & ~test), np.flatnonzero(test))


def of_first(codes: npt.NDArray[np.intp], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give what stands in the first row of every code.

    Parameters
    ----------
    codes : ndarray of int, shape (n_rows,)
        From 0, without gaps.
    values : ndarray, shape (n_rows,)
        The same in all rows of a code.

    Returns
    -------
    ndarray, shape (n_codes,)
        Values.
    """
    return values[np.unique(codes, return_index=True)[1]]


def mean_rank(codes: npt.NDArray[np.intp], y: npt.NDArray[Any] | None) -> npt.NDArray[np.float64]:
    """Give the mean rank of the labels or ratings of every code, by which to deal them evenly.

    Parameters
    ----------
    codes : ndarray of int, shape (n_windows,)
        Trials or stimuli, from 0, without gaps.
    y : ndarray or None, shape (n_windows,)
        Labels or ratings, some perhaps missing.

    Returns
    -------
    ndarray, shape (n_codes,)
        Ranks are summed as whole numbers, so that the order of rows makes no difference to the last bit.
    """
    if y is None:
        return np.zeros(codes.max(initial=-1) + 1)
    known = ~pd.isna(y)
    rank = np.unique(y[known].astype(str) if y.dtype == object else y[known], return_inverse=True)[1]
    n_known = np.bincount(codes[known], minlength=codes.max(initial=-1) + 1)
    return np.bincount(codes[known], weights=rank, minlength=len(n_known)) / np.maximum(n_known, 1)


def deal(
    n: int, n_parts: int, rng: np.random.Generator, label: npt.NDArray[np.float64] | None = None
) -> npt.NDArray[np.intp]:
    """Deal things into parts as equal as can be, things of one label one after another.

    Parameters
    ----------
    n, n_parts : int
        How many, and into how many parts.
    rng : numpy.random.Generator
        Source of chance.
    label : ndarray, shape (n,), optional
        What to spread evenly.

    Returns
    -------
    ndarray of int, shape (n,)
        The part of each thing.
    """
    shuffled = rng.permutation(n)
    order = shuffled if label is None else shuffled[np.argsort(label[shuffled], kind="stable")]
    part = np.empty(n, dtype=np.intp)
    part[order] = np.arange(n) % n_parts
    return part
