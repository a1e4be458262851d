"""Splits that leak, to be shown beside an honest number: every result they give is stamped with what leaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import DataError
from affectbio.evaluation.protocols import Fold, Split, codes_of
from affectbio.evaluation.table_splitter import TableSplitter, check_n_splits
from affectbio.types import Windows

__all__ = ["ContiguousTrialKFold", "RandomWindowKFold"]


@dataclass(frozen=True)
class ContiguousTrialKFold(TableSplitter):
    """Cut every trial into stretches of time, test on one stretch of all trials and train on the others.

    The split that torcheeg calls ``KFoldGroupbyTrial`` and recommends, and of EEG-Conformer's published code: windows
    are not shuffled, and yet each trial, its stimulus and its person are on both sides. With labels decided by a coin
    it scores 80 to 94 %. It is here to be shown beside the honest number, never to be reported alone.

    Parameters
    ----------
    n_splits : int
        Into how many stretches a trial is cut; a trial of fewer windows is in fewer test sets.

    Raises
    ------
    ValueError
        If there are fewer than two folds.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": "ann", "session": "1", "trial": ["a", "a", "a", "b", "b"],
    ...                       "start": [0.0, 1.0, 2.0, 0.0, 1.0]})
    >>> [test.tolist() for _, test in ContiguousTrialKFold(2).split(table, groups=table)]
    [[0, 1, 3], [2, 4]]
    """

    n_splits: int = 5

    columns: ClassVar[tuple[str, ...]] = ("subject", "session", "trial", "start")
    name: ClassVar[str] = "stretches of trials (leaks)"
    holdout: ClassVar[tuple[str, ...]] = ()
    leaks: ClassVar[tuple[str, ...]] = ("subject", "trial", "overlap")

    def __post_init__(self) -> None:
        check_n_splits(self.n_splits)

    def _folds(self, table: pd.DataFrame, y: npt.NDArray[Any] | None) -> Iterator[Fold]:
        trial = codes_of(table, "subject", "session", "trial")
        order = np.lexsort((table["start"].to_numpy(dtype=float), trial))
        length = np.bincount(trial)
        place = np.arange(len(trial)) - np.repeat(np.cumsum(length) - length, length)
        part = np.empty(len(trial), dtype=np.intp)
        part[order] = place * self.n_splits // length[trial[order]]
        if not part.any():
            raise DataError("every trial has one window, so there is nothing to cut; cut shorter windows")
        for one in np.unique(part):
            yield Fold(np.flatnonzero(part != one), np.flatnonzero(part == one))


@dataclass(frozen=True)
class RandomWindowKFold:
    """Shuffle all windows and cut them into folds: the usual way to report a number that is not there.

    The split of many published systems, for example RBTransformer (arXiv 2511.13954: windows of 4 s that overlap by
    77 %, pooled over people and trials, ``KFold(shuffle=True)``). Every test window has its neighbours, its trial and
    its person in the training set, so a model need only recognise the trial: with labels decided by a coin it still
    scores far above chance. A review found such errors in 87 % of 101 studies on one data set (arXiv 2508.02417). It
    is here to be shown beside the honest number, never to be reported alone.

    Parameters
    ----------
    n_splits : int
        Number of folds.
    random_state : int
        Seed of the shuffle.

    Raises
    ------
    ValueError
        If there are fewer than two folds.

    Examples
    --------
    >>> RandomWindowKFold(2).leaks
    ('subject', 'trial', 'overlap')
    """

    n_splits: int = 5
    random_state: int = 0

    name: ClassVar[str] = "shuffled windows (leaks)"
    holdout: ClassVar[tuple[str, ...]] = ()
    leaks: ClassVar[tuple[str, ...]] = ("subject", "trial", "overlap")

    def __post_init__(self) -> None:
        check_n_splits(self.n_splits)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Give ``n_splits`` folds of shuffled windows.

        Parameters
        ----------
        X : array-like, shape (n_windows, ...)
            Only counted.
        y, groups : array-like
            Not looked at: that is the mistake.

        Yields
        ------
        train, test : ndarray of int
            Indices, ascending.

        Raises
        ------
        DataError
            If there are fewer windows than folds.
        """
        if len(X) < self.n_splits:
            raise DataError(f"{len(X)} windows cannot be cut into {self.n_splits} folds; lower n_splits")
        order = np.random.default_rng(self.random_state).permutation(len(X))
        for test in np.array_split(order, self.n_splits):
            held_out = np.zeros(len(X), dtype=bool)
            held_out[test] = True
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Give the number of folds.

        Parameters
        ----------
        X, y, groups : array-like
            Not looked at.

        Returns
        -------
        int
            ``n_splits``.
        """
        return self.n_splits

    def split_windows(self, windows: Windows) -> Iterator[Split]:
        """Give ``n_splits`` folds of shuffled windows.

        Parameters
        ----------
        windows : Windows
            At least ``n_splits`` of them.

        Returns
        -------
        iterator of (train, test)
            Indices, as from `split`.
        """
        return self.split(windows.X)
