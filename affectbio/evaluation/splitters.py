"""Honest splits of metadata: by person, session, trial, stimulus and data set.

Each is a scikit-learn splitter, ``split(X, y, groups)`` with the metadata as ``groups``, and a protocol of `evaluate`.
The folds follow from the names in the metadata alone: rows in another order give the same folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import DataError
from affectbio.evaluation.protocols import Fold, codes_of, on_one_line, overlapping
from affectbio.evaluation.table_splitter import (
    TableSplitter,
    at_least_2,
    check_n_splits,
    deal,
    fold_of,
    mean_rank,
    of_first,
)

__all__ = [
    "CrossDataset",
    "KFoldBySubject",
    "KFoldByTrial",
    "LeaveOneSessionOut",
    "LeaveOneSubjectOut",
    "LeaveSubjectAndStimulusOut",
]

_HONEST = ("subject", "trial", "overlap")


@dataclass(frozen=True)
class LeaveOneSubjectOut(TableSplitter):
    """Train on all people but one, test on that one, in turn.

    The honest question for a device that meets a stranger. It does not hold out the stimulus: if all people saw the
    same clips, a clip can still be recognised instead of an emotion.

    Examples
    --------
    >>> people = ["ann", "ann", "bob", "cem"]
    >>> [test.tolist() for _, test in LeaveOneSubjectOut().split(people, groups=people)]
    [[0, 1], [2], [3]]
    """

    name: ClassVar[str] = "leave-one-subject-out"
    holdout: ClassVar[tuple[str, ...]] = _HONEST
    leaks: ClassVar[tuple[str, ...]] = ()

    def _folds(self, table: pd.DataFrame, y: npt.NDArray[Any] | None) -> Iterator[Fold]:
        person = at_least_2(codes_of(table, "subject"), "people", self.name)
        for one in range(person.max() + 1):
            yield fold_of(person == one)


@dataclass(frozen=True)
class KFoldBySubject(TableSplitter):
    """Deal the people into folds; test on the people of one fold, train on all others, in turn.

    Parameters
    ----------
    n_splits : int
        Number of folds.
    random_state : int
        Seed of the dealing.

    Raises
    ------
    ValueError
        If there are fewer than two folds.

    Examples
    --------
    >>> people = ["ann", "ann", "bob", "cem", "dan"]
    >>> [sorted({people[i] for i in test}) for _, test in KFoldBySubject(2).split(people, groups=people)]
    [['bob', 'cem'], ['ann', 'dan']]
    """

    n_splits: int = 5
    random_state: int = 0

    holdout: ClassVar[tuple[str, ...]] = _HONEST
    leaks: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_n_splits(self.n_splits)

    @property
    def name(self) -> str:
        """How a report calls it."""
        return f"{self.n_splits}-fold by subject"

    def _folds(self, table: pd.DataFrame, y: npt.NDArray[Any] | None) -> Iterator[Fold]:
        person = codes_of(table, "subject")
        n_people = person.max(initial=-1) + 1
        if n_people < self.n_splits:
            raise DataError(f"{n_people} people cannot be dealt into {self.n_splits} folds; lower n_splits")
        part = deal(n_people, self.n_splits, np.random.default_rng(self.random_state))
        for one in range(self.n_splits):
            yield fold_of(part[person] == one)


@dataclass(frozen=True)
class KFoldByTrial(TableSplitter):
    """Within each person: deal their trials into folds, test on one, train on that person's others.

    Whole trials are dealt, those of one label one after another, so that each fold has its share of every class. The
    figure is that of a model made for one person, calibrated in the same session; it says nothing of strangers.

    Parameters
    ----------
    n_splits : int, optional
        Number of folds of each person, or fewer if there are fewer trials; one fold per trial if not given.
    random_state : int
        Seed of the dealing.
    embargo_s : float
        Training windows nearer than this many seconds to a test window are left out. Needs ``start`` and ``stop`` on
        one clock for each session.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or the embargo is negative.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": "ann", "session": "1", "trial": ["a", "a", "b", "c", "d"]})
    >>> y = ["calm", "calm", "calm", "tense", "tense"]
    >>> [test.tolist() for _, test in KFoldByTrial(2).split(table, y, table)]
    [[0, 1, 3], [2, 4]]
    """

    n_splits: int | None = 5
    random_state: int = 0
    embargo_s: float = 0.0

    columns: ClassVar[tuple[str, ...]] = ("subject", "session", "trial")
    holdout: ClassVar[tuple[str, ...]] = ("trial", "overlap")
    leaks: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_n_splits(2 if self.n_splits is None else self.n_splits)
        if not self.embargo_s >= 0:
            raise ValueError(f"expected an embargo of 0 s or more, found embargo_s={self.embargo_s}")

    @property
    def name(self) -> str:
        """How a report calls it."""
        return f"within subject, {'leave one trial out' if self.n_splits is None else f'{self.n_splits}-fold by trial'}"

    def _folds(self, table: pd.DataFrame, y: npt.NDArray[Any] | None) -> Iterator[Fold]:
        person, trial = codes_of(table, "subject"), codes_of(table, *self.columns)
        label = mean_rank(trial, y)
        person_of = of_first(trial, person)
        for one in range(person.max(initial=-1) + 1):
            mine = person == one
            trials = np.flatnonzero(person_of == one)
            if len(trials) < 2:
                yield Fold(np.flatnonzero(~mine[mine]), np.flatnonzero(mine), why="one trial only, none to train on")
                continue
            n_splits = len(trials) if self.n_splits is None else min(self.n_splits, len(trials))
            # A person's folds do not depend on who else is there.
            part = np.zeros(len(person_of), dtype=np.intp)
            part[trials] = deal(len(trials), n_splits, np.random.default_rng(self.random_state), label[trials])
            for k in range(n_splits):
                yield _embargoed(table, fold_of(mine & (part[trial] == k), mine), self.embargo_s)


@dataclass(frozen=True)
class LeaveOneSessionOut(TableSplitter):
    """Within each person: test on one session, train on that person's others, in turn.

    The figure of a model that is fitted once and used on another day. A person with one session is reported, not
    tested.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": ["ann", "ann", "ann", "bob"], "session": ["1", "2", "2", "1"]})
    >>> [(train.tolist(), test.tolist()) for train, test in LeaveOneSessionOut().split(table, groups=table)]
    [([1, 2], [0]), ([0], [1, 2])]
    """

    columns: ClassVar[tuple[str, ...]] = ("subject", "session")
    name: ClassVar[str] = "within subject, leave one session out"
    holdout: ClassVar[tuple[str, ...]] = ("trial", "overlap")
    leaks: ClassVar[tuple[str, ...]] = ()

    def _folds(self, table: pd.DataFrame, y: npt.NDArray[Any] | None) -> Iterator[Fold]:
        person, session = codes_of(table, "subject"), codes_of(table, *self.columns)
        person_of = of_first(session, person)
        for one in range(person.max(initial=-1) + 1):
            mine, sessions = person == one, np.flatnonzero(person_of == one)
            if len(sessions) < 2:
                yield Fold(np.flatnonzero(~mine[mine]), np.flatnonzero(mine), why="one session only, none to train on")
                continue
            for held_out in sessions:
                yield fold_of(session == held_out, mine)


@dataclass(frozen=True)
class LeaveSubjectAndStimulusOut(TableSplitter):
    """Test on one person and some stimuli, train on other people and other stimuli only.

    Where all people saw the same clips, leaving a person out is not enough: a clip has a signature of its own (light,
    sound, when it comes), and a model that knows it knows the label. Neither the person nor the clip is in the
    training set here. Stimuli are dealt into blocks so that every block has its share of every class.

    Parameters
    ----------
    n_blocks : int
        Into how many blocks the stimuli are dealt; every person is tested once per block.
    n_subject_splits : int, optional
        Deal people into so many folds instead of testing one at a time, for large studies.
    random_state : int
        Seed of both dealings.

    Raises
    ------
    ValueError
        If there are fewer than two blocks or folds.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": ["ann"] * 4 + ["bob"] * 4, "stimulus": list("pqrs") * 2})
    >>> y = ["calm", "calm", "tense", "tense"] * 2
    >>> train, test = next(LeaveSubjectAndStimulusOut(2).split(table, y, table))
    >>> train.tolist(), test.tolist()
    ([5, 7], [0, 2])
    """

    n_blocks: int = 2
    n_subject_splits: int | None = None
    random_state: int = 0

    columns: ClassVar[tuple[str, ...]] = ("subject", "stimulus")
    name: ClassVar[str] = "leave subject and stimulus out"
    holdout: ClassVar[tuple[str, ...]] = ("subject", "stimulus", "trial", "overlap")
    leaks: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_n_splits(self.n_blocks)
        if self.n_subject_splits is not None:
            check_n_splits(self.n_subject_splits)

    def _folds(self, table: pd.DataFrame, y: npt.NDArray[Any] | None) -> Iterator[Fold]:
        person = at_least_2(codes_of(table, "subject"), "people", self.name)
        stimulus = codes_of(table, "stimulus")
        n_stimuli, n_people = stimulus.max() + 1, person.max() + 1
        if n_stimuli < 2 * self.n_blocks:
            raise DataError(
                f"{n_stimuli} stimuli cannot be dealt into {self.n_blocks} blocks of two classes each; a stimulus can "
                f"only be held out if its class has others to be learnt from"
            )
        rng = np.random.default_rng(self.random_state)
        block = deal(n_stimuli, self.n_blocks, rng, mean_rank(stimulus, y))
        part = np.arange(n_people) if self.n_subject_splits is None else deal(n_people, self.n_subject_splits, rng)
        for one in range(part.max() + 1):
            for k in range(self.n_blocks):
                in_part, in_block = part[person] == one, block[stimulus] == k
                train, test = np.flatnonzero(~in_part & ~in_block), np.flatnonzero(in_part & in_block)
                if len(test):
                    yield Fold(train, test, why="" if len(train) else "nobody else saw any other stimulus")


@dataclass(frozen=True)
class CrossDataset(TableSplitter):
    """Train on some data sets and test on another.

    Parameters
    ----------
    test : str, optional
        Data set to test on, as in the column ``dataset`` of the metadata; each in turn if not given.
    train : tuple of str, optional
        Data sets to train on; all others if not given.

    Raises
    ------
    ValueError
        If a data set is on both sides.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": ["1", "2", "1"], "dataset": ["seed", "seed", "deap"]})
    >>> [(train.tolist(), test.tolist()) for train, test in CrossDataset(test="deap").split(table, groups=table)]
    [([0, 1], [2])]
    """

    test: str | None = None
    train: tuple[str, ...] | None = None

    columns: ClassVar[tuple[str, ...]] = ("dataset", "subject")
    name: ClassVar[str] = "cross-dataset"
    holdout: ClassVar[tuple[str, ...]] = _HONEST
    leaks: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if self.train is not None and self.test in self.train:
            raise ValueError(f"data set {self.test!r} is to be trained on and tested on; expected it on one side")

    def _folds(self, table: pd.DataFrame, y: npt.NDArray[Any] | None) -> Iterator[Fold]:
        code = at_least_2(codes_of(table, "dataset"), "data sets", self.name)
        names = np.unique(table["dataset"].astype(str))
        for wanted in (self.test, *(self.train or ())):
            if wanted is not None and wanted not in names:
                raise DataError(f"no data set {wanted!r} among the windows; found {', '.join(names)}")
        sources = np.isin(names, self.train) if self.train is not None else np.ones(len(names), dtype=bool)
        for held_out in range(len(names)):
            if (self.test is None or names[held_out] == self.test) and (sources.sum() > sources[held_out]):
                yield fold_of(code == held_out, (code == held_out) | sources[code])


def _embargoed(table: pd.DataFrame, fold: Fold, embargo_s: float) -> Fold:
    """Leave out training windows that are nearer than the embargo to a test window of the same session."""
    if not embargo_s:
        return fold
    start, stop = on_one_line(table, codes_of(table, "subject", "session"), gap_s=embargo_s + 1.0)
    train, test = fold.train, fold.test
    near = overlapping(start[test], stop[test], start[train] - embargo_s, stop[train] + embargo_s)
    if near.all():
        return fold._replace(why=f"every training window is within the embargo of {embargo_s:g} s")
    return fold._replace(train=train[~near])
