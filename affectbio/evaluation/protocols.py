"""Who is trained on and who is tested on: scikit-learn splitters that say what they hold out, and the check of it.

A protocol is a scikit-learn splitter with three more facts: its `name`, what it ``holdout`` claims to keep apart, and
what it ``leaks`` knowingly. `check_leakage` measures both claims on the windows themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import DataError, LeakageError
from affectbio.registry import Registry, unknown_name
from affectbio.types import Windows

__all__ = ["LEAKS", "PROTOCOLS", "LeaveOneSubjectOut", "RandomWindowKFold", "Split", "WindowSplitter", "check_leakage"]

#: One fold: indices of the training windows and of the test windows.
Split = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

#: What can stand on both sides of a split, and how a report says it: the same people, the same trials, …
LEAKS = {"subject": "people", "trial": "trials", "overlap": "seconds", "rows": "windows"}

#: Protocols by name.
PROTOCOLS = Registry(
    "protocol",
    {
        "loso": "affectbio.evaluation.protocols:LeaveOneSubjectOut",
        "random-window-kfold": "affectbio.evaluation.protocols:RandomWindowKFold",
    },
    "affectbio.protocols",
)


class WindowSplitter(Protocol):
    """What `evaluate` asks of a protocol.

    Attributes
    ----------
    name : str
        How a report calls it.
    holdout : tuple of str
        Keys of `LEAKS` that it promises to keep out; broken promises are refused.
    leaks : tuple of str
        Keys of `LEAKS` that it lets through by design; every number it gives says so.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def holdout(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def leaks(self) -> tuple[str, ...]: ...  # noqa: D102
    def split_windows(self, windows: Windows) -> Iterator[Split]: ...  # noqa: D102


@dataclass(frozen=True)
class LeaveOneSubjectOut:
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
    holdout: ClassVar[tuple[str, ...]] = ("subject", "trial", "overlap")
    leaks: ClassVar[tuple[str, ...]] = ()

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Give one fold per person, people in sorted order.

        Parameters
        ----------
        X, y : array-like
            Not looked at; here because scikit-learn hands them over.
        groups : array-like, shape (n_windows,)
            The person of every window.

        Yields
        ------
        train, test : ndarray of int
            Indices.

        Raises
        ------
        DataError
            If the groups are missing, or hold fewer than two people.
        """
        people, codes = _people(groups)
        for person in range(len(people)):
            held_out = codes == person
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Give the number of people.

        Parameters
        ----------
        X, y : array-like
            Not looked at.
        groups : array-like, shape (n_windows,)
            The person of every window.

        Returns
        -------
        int
            Number of folds.

        Raises
        ------
        DataError
            If the groups are missing, or hold fewer than two people.
        """
        return len(_people(groups)[0])

    def split_windows(self, windows: Windows) -> Iterator[Split]:
        """Give one fold per person.

        Parameters
        ----------
        windows : Windows
            Of two people or more.

        Returns
        -------
        iterator of (train, test)
            Indices, as from `split`.
        """
        return self.split(windows.X, groups=windows.groups("subject"))


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
        if self.n_splits < 2:
            raise ValueError(f"expected at least 2 folds, found n_splits={self.n_splits}")

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


def check_leakage(windows: Windows, splits: Iterable[Split], *, holdout: Sequence[str] = ()) -> pd.DataFrame:
    """Measure what stands on both sides of every fold.

    Parameters
    ----------
    windows : Windows
        What is split. Windows overlap if they are of one trial and share seconds; windows of different trials are not
        compared, since recordings of one session may each start their clock at zero.
    splits : iterable of (train, test)
        Indices of each fold.
    holdout : sequence of str
        Keys of `LEAKS` that must not be found.

    Returns
    -------
    pandas.DataFrame
        One row per fold: ``fold, n_train, n_test`` and, under each key of `LEAKS`, the share of test windows that have
        that in common with a training window. Cost is n log n per fold.

    Raises
    ------
    LeakageError
        If something in ``holdout`` is found; the worst fold is named.
    ConfigError
        If ``holdout`` names no kind of leak.
    DataError
        If a fold has no training or no test windows.

    Examples
    --------
    >>> import numpy as np
    >>> table = pd.DataFrame({"subject": ["a", "a", "b"], "session": "01", "trial": ["0", "1", "0"],
    ...                       "stimulus": "x", "start": 0.0, "stop": 1.0})
    >>> windows = Windows(np.arange(3.0)[:, None], None, table, axes=("window", "feature"))
    >>> check_leakage(windows, [(np.array([0]), np.array([1, 2]))])[["subject", "trial"]].to_dict("records")
    [{'subject': 0.5, 'trial': 0.0}]
    """
    for kind in holdout:
        if kind not in LEAKS:
            raise unknown_name("kind of leak", kind, LEAKS)
    subject, trial, rows = (
        np.unique(ids, return_inverse=True)[1]
        for ids in (windows.groups("subject"), windows.groups("subject", "session", "trial"), _hashes(windows.X))
    )
    start, stop = _on_one_line(windows.metadata, trial)
    table = []
    for fold, (train, test) in enumerate(splits):
        if not (len(train) and len(test)):
            raise DataError(
                f"fold {fold} has {len(train)} training and {len(test)} test windows; expected some of each"
            )
        table.append(
            {
                "fold": fold,
                "n_train": len(train),
                "n_test": len(test),
                "subject": _share_seen(subject, train, test),
                "trial": _share_seen(trial, train, test),
                "overlap": _share_overlapping(start, stop, train, test),
                "rows": _share_seen(rows, train, test),
            }
        )
    found = pd.DataFrame(table, columns=["fold", "n_train", "n_test", *LEAKS])
    for kind in holdout:
        if (found[kind] > 0).any():
            worst = found.iloc[int(found[kind].to_numpy().argmax())]
            raise LeakageError(
                f"fold {int(worst['fold'])}: the same {LEAKS[kind]} stand in training and test ({worst[kind]:.0%} of "
                f"{int(worst['n_test'])} test windows); expected none: split by whole people or trials, or use a "
                f"protocol that declares the leak"
            )
    return found


def _people(groups: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
    if groups is None:
        raise DataError("leave-one-subject-out needs the person of every window; pass groups=windows.groups('subject')")
    people, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(people) < 2:
        raise DataError(f"leave-one-subject-out needs at least 2 people, found {len(people)}")
    return people, codes


def _hashes(X: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.fromiter((hash(row.tobytes()) for row in X), dtype=np.int64, count=len(X))


def _on_one_line(metadata: pd.DataFrame, trial: npt.NDArray[np.intp]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Lay all trials one after another on one time axis, apart, so that one sort finds every overlap."""
    start = metadata["start"].to_numpy(dtype=float)
    stop = metadata["stop"].to_numpy(dtype=float)
    if not (np.isfinite(start).all() and (stop > start).all()):
        raise DataError("every window needs a start and a later stop in seconds; found one that has not")
    first = np.full(trial.max(initial=0) + 1, np.inf)
    np.minimum.at(first, trial, start)
    start, stop = start - first[trial], stop - first[trial]
    offset = trial * (stop.max(initial=0.0) + 1.0)
    return start + offset, stop + offset


def _share_seen(ids: npt.NDArray[np.intp], train: npt.NDArray[np.intp], test: npt.NDArray[np.intp]) -> float:
    seen = np.zeros(ids.max() + 1, dtype=bool)
    seen[ids[train]] = True
    return float(seen[ids[test]].mean())


def _share_overlapping(
    start: npt.NDArray[np.float64],
    stop: npt.NDArray[np.float64],
    train: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
) -> float:
    order = train[np.argsort(start[train], kind="stable")]
    latest_stop = np.maximum.accumulate(stop[order])
    # A microsecond of slack: windows that touch share no sample, and their times are rounded.
    before = np.searchsorted(start[order], stop[test] - 1e-6, side="left")
    reached = np.where(before > 0, latest_stop[np.maximum(before - 1, 0)], -np.inf)
    return float((reached > start[test] + 1e-6).mean())
