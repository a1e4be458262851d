"""Calibration on the person tested: a part of their windows is used, said to be used, and never scored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.evaluation.protocols import PROTOCOLS, Fold, Split, codes_of, folds_of
from affectbio.types import Windows

__all__ = ["Calibrated"]


@dataclass(frozen=True)
class Calibrated:
    """Give a protocol a look at the person it tests: some seconds, some trials, or some labelled trials.

    Exactly one of ``seconds``, ``n_parts`` and ``n_labelled`` is given. `evaluate` hands the windows of the calibration
    to the ``fit`` of an estimator as ``target=`` where they have no labels, and adds them to the training windows where
    they have. They are not scored.

    Parameters
    ----------
    protocol : WindowSplitter or str
        Whose folds are given a calibration, or its name in `PROTOCOLS`.
    seconds : float, optional
        The first seconds of every session tested, unlabelled: causal, as a device would do it. Windows that straddle
        the end are neither used nor scored.
    n_parts : int, optional
        Deal the trials tested of each person into so many parts, without looking at labels; each is scored in turn and
        the rest of them calibrates, unlabelled.
    n_labelled : int, optional
        The first so many trials of each class of each person tested, with their labels.
    trial_type : str, optional
        Count ``seconds`` in trials of this ``trial_type`` only, such as ``"rest"``.
    random_state : int
        Seed of the dealing of ``n_parts``.

    Raises
    ------
    ValueError
        If not exactly one kind of calibration is asked for, or it is empty.

    Notes
    -----
    The first trial is the one with the lowest ``order`` of the metadata, where there is such a column; else the one
    whose name counts lowest (``"2"`` before ``"10"``). Sessions come in the order of their names. The clock of a trial
    cannot say: in many data sets each trial begins at zero.

    Examples
    --------
    >>> protocol = Calibrated("loso", seconds=30)
    >>> protocol.name, protocol.target_access
    ('leave-one-subject-out, calibrated on the first 30 s', 'causal')
    >>> Calibrated("loso", n_labelled=2).target_access
    'labelled(2)'
    """

    protocol: Any  # a WindowSplitter once made: a name is looked up
    seconds: float | None = None
    n_parts: int | None = None
    n_labelled: int | None = None
    trial_type: str | None = None
    random_state: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.protocol, str):
            object.__setattr__(self, "protocol", PROTOCOLS.get(self.protocol)())
        asked = {k: v for k in ("seconds", "n_parts", "n_labelled") if (v := getattr(self, k)) is not None}
        if len(asked) != 1:
            raise ValueError(f"expected one of seconds, n_parts and n_labelled, found {', '.join(asked) or 'none'}")
        (name, value), least = next(iter(asked.items())), {"seconds": 0, "n_parts": 2, "n_labelled": 1}
        if not value >= least[name] or value == 0:
            raise ValueError(f"{name}={value} leaves nothing to calibrate on")
        if self.trial_type is not None and self.seconds is None:
            raise ValueError("trial_type says where seconds are counted; give seconds too")

    @property
    def name(self) -> str:
        """How a report calls it."""
        if self.seconds is not None:
            how = f"the first {self.seconds:g} s" + (f" of {self.trial_type}" if self.trial_type else "")
        elif self.n_parts is not None:
            how = f"the other {self.n_parts - 1} of {self.n_parts} parts, unlabelled"
        else:
            how = f"{self.n_labelled} labelled trials a class"
        return f"{self.protocol.name}, calibrated on {how}"

    @property
    def target_access(self) -> str:
        """What is used of the person tested, a word of ``affectbio.types.TARGET_ACCESS``, for labels with how many."""
        if self.n_labelled is not None:
            return f"labelled({self.n_labelled})"
        if self.n_parts is not None:
            return "unlabelled"
        return "rest" if self.trial_type == "rest" else "causal"

    @property
    def holdout(self) -> tuple[str, ...]:
        """What the wrapped protocol promises to keep out of the training set."""
        return tuple(self.protocol.holdout)

    @property
    def leaks(self) -> tuple[str, ...]:
        """What the wrapped protocol lets through."""
        return tuple(self.protocol.leaks)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Give the folds that can be run, for scikit-learn: training and test, the calibration in neither.

        Parameters
        ----------
        X : array-like, shape (n_windows, ...)
            Windows.
        y : array-like, shape (n_windows,), optional
            Labels.
        groups : pandas.DataFrame
            The metadata, as in `Windows`.

        Returns
        -------
        iterator of (train, test)
            Indices.
        """
        X = np.asarray(X)
        axes = ("window", *(f"axis {i}" for i in range(1, X.ndim)))
        return self.split_windows(Windows(X, None if y is None else np.asarray(y), groups, axes))

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
        """Give training and test windows of the folds that can be run, those of the calibration in neither.

        Parameters
        ----------
        windows : Windows
            With labels if labelled trials are asked for.

        Yields
        ------
        train, test : ndarray of int
            Indices.
        """
        for fold in self.folds(windows):
            if not fold.why:
                yield fold.train, fold.test

    def folds(self, windows: Windows) -> Iterator[Fold]:
        """Give all folds with their calibration, and a reason for each that cannot be run.

        Parameters
        ----------
        windows : Windows
            With labels if labelled trials are asked for.

        Yields
        ------
        Fold
            Indices.
        """
        table = windows.metadata
        person, session = codes_of(table, "subject"), codes_of(table, "subject", "session")
        trial = codes_of(table, "subject", "session", "trial")
        rank = _order_of_trials(table, trial)
        for fold in folds_of(self.protocol, windows):
            if fold.why:
                yield fold
                continue
            # Each person of a fold by themselves, so that one who cannot be calibrated keeps nobody else out.
            ready: list[Fold] = []
            for one in np.unique(person[fold.test]):
                own = fold.test[person[fold.test] == one]
                if self.n_parts is not None:
                    yield from self._other_parts(self.n_parts, fold.train, own, trial)
                    continue
                if self.seconds is not None:
                    part = self._first_seconds(self.seconds, table, own, session, rank)
                else:
                    part = self._labelled(self.n_labelled or 0, windows.y, own, trial, rank)
                if part.why:
                    yield part._replace(train=fold.train)
                else:
                    ready.append(part)
            if ready:
                test, calibration = (np.sort(np.concatenate([p[i] for p in ready])) for i in (1, 2))
                yield Fold(fold.train, test, calibration)

    def _first_seconds(
        self,
        seconds: float,
        table: pd.DataFrame,
        own: npt.NDArray[np.intp],
        session: npt.NDArray[np.intp],
        rank: npt.NDArray[np.intp],
    ) -> Fold:
        """Count seconds from trial to trial of each session, over what its windows cover."""
        start, stop = (table[c].to_numpy(dtype=float) for c in ("start", "stop"))
        counted = np.ones(len(table), dtype=bool)
        if self.trial_type is not None:
            if "trial_type" not in table.columns:
                return Fold(own[:0], own, why="the metadata have no trial_type to calibrate on")
            counted = (table["trial_type"] == self.trial_type).to_numpy(dtype=bool)
        test, calibration = [], []
        for one in np.unique(session[own]):
            mine, left, n_used = own[session[own] == one], seconds, 0
            for place in np.unique(rank[mine]):
                rows = mine[rank[mine] == place]
                if left <= 0 or not counted[rows].all():
                    test.append(rows)
                    continue
                begin = start[rows].min()
                used = rows[stop[rows] <= begin + left + 1e-9]
                calibration.append(used)
                test.append(rows[start[rows] >= begin + left - 1e-9])
                left, n_used = left - (stop[rows].max() - begin), n_used + len(used)
            if not n_used:
                what = f"{self.trial_type!r} " if self.trial_type else ""
                return Fold(own[:0], own, why=f"a session has no {what}window in its first {seconds:g} s")
        return _split_up(own, test, calibration, f"nothing is left to score after {seconds:g} s of calibration")

    def _labelled(
        self,
        n_labelled: int,
        y: npt.NDArray[Any] | None,
        own: npt.NDArray[np.intp],
        trial: npt.NDArray[np.intp],
        rank: npt.NDArray[np.intp],
    ) -> Fold:
        if y is None:
            return Fold(own[:0], own, why="no labels to calibrate with")
        own_known = own[~pd.isna(y[own])]
        chosen: list[int] = []
        for label in np.unique(np.asarray(y[own_known].tolist())):
            rows = own_known[y[own_known] == label]
            trials = list(dict.fromkeys(trial[rows[np.lexsort((trial[rows], rank[rows]))]].tolist()))
            if len(trials) <= n_labelled:
                short = f"{len(trials)} trials of {str(label)!r}, {n_labelled} of them to calibrate: none to score"
                return Fold(own[:0], own, why=short)
            chosen += trials[:n_labelled]
        used = np.isin(trial[own], chosen)
        return _split_up(own, [own[~used]], [own_known[np.isin(trial[own_known], chosen)]], "nothing is left to score")

    def _other_parts(
        self, n_parts: int, train: npt.NDArray[np.intp], own: npt.NDArray[np.intp], trial: npt.NDArray[np.intp]
    ) -> Iterator[Fold]:
        trials, mine = np.unique(trial[own], return_inverse=True)
        n_parts = min(n_parts, len(trials))
        if n_parts < 2:
            yield Fold(train, own, why="one trial only, no other to calibrate on")
            return
        part = np.empty(len(trials), dtype=np.intp)
        part[np.random.default_rng(self.random_state).permutation(len(trials))] = np.arange(len(trials)) % n_parts
        for k in range(n_parts):
            yield Fold(train, own[part[mine] == k], own[part[mine] != k])


def _split_up(
    own: npt.NDArray[np.intp], test: list[npt.NDArray[np.intp]], calibration: list[npt.NDArray[np.intp]], why: str
) -> Fold:
    scored = np.sort(np.concatenate([own[:0], *test]))
    if not len(scored):
        return Fold(own[:0], own, why=why)
    return Fold(own[:0], scored, np.sort(np.concatenate([own[:0], *calibration])))


def _order_of_trials(table: pd.DataFrame, trial: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Rank the trials, session by session, the same for all windows of a trial."""
    rows = table.iloc[np.unique(trial, return_index=True)[1]]
    session, name = rows["session"].astype(str).to_list(), rows["trial"].astype(str).to_list()
    if "order" in table.columns:
        place = rows["order"].to_numpy(dtype=float)
        order = sorted(range(len(rows)), key=lambda t: (_counted(session[t]), place[t], t))
    else:
        order = sorted(range(len(rows)), key=lambda t: (_counted(session[t]), _counted(name[t])))
    rank = np.empty(len(rows), dtype=np.intp)
    rank[order] = np.arange(len(rows))
    return rank[trial]


def _counted(name: str) -> list[tuple[int, int, str]]:
    """Split a name so that its numbers are compared as numbers."""
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", name) if p]
