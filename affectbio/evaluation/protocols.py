"""What a protocol promises to keep apart, and the check of that promise on the windows themselves.

A protocol is a scikit-learn splitter with three more facts: its `name`, what it ``holdout`` claims to keep apart, and
what it ``leaks`` knowingly. The splitters are in ``affectbio.evaluation.splitters``, those that leak in
``affectbio.evaluation.leaky``; `Calibrated` gives any of them a look at the person tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import DataError, LeakageError
from affectbio.evaluation.duplicates import exact_codes
from affectbio.registry import Registry, unknown_name
from affectbio.types import Windows

__all__ = [
    "LEAKS",
    "PROTOCOLS",
    "Fold",
    "Split",
    "WindowSplitter",
    "check_leakage",
    "codes_of",
    "folds_of",
    "on_one_line",
    "overlapping",
    "person_ids",
    "shares",
    "trial_ids",
]

#: One fold: indices of the training windows and of the test windows.
Split = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

#: What can stand on both sides of a split, and how a report says it: the same people, the same trials, …
LEAKS = {"subject": "people", "stimulus": "stimuli", "trial": "trials", "overlap": "seconds", "rows": "windows"}

#: Protocols by name.
PROTOCOLS = Registry(
    "protocol",
    {
        "contiguous-trial-kfold": "affectbio.evaluation.leaky:ContiguousTrialKFold",
        "cross-dataset": "affectbio.evaluation.splitters:CrossDataset",
        "cross-session": "affectbio.evaluation.splitters:LeaveOneSessionOut",
        "kfold-by-subject": "affectbio.evaluation.splitters:KFoldBySubject",
        "leave-subject-and-stimulus-out": "affectbio.evaluation.splitters:LeaveSubjectAndStimulusOut",
        "loso": "affectbio.evaluation.splitters:LeaveOneSubjectOut",
        "random-window-kfold": "affectbio.evaluation.leaky:RandomWindowKFold",
        "within-subject-by-trial": "affectbio.evaluation.splitters:KFoldByTrial",
    },
    "affectbio.protocols",
)

_NOTHING = np.empty(0, dtype=np.intp)


class Fold(NamedTuple):
    """One fold of a protocol that looks at the person tested, or cannot test somebody.

    Attributes
    ----------
    train, test : ndarray of int
        Indices of windows.
    calibration : ndarray of int
        Windows of the people tested that a model may use and that are not scored; empty for most protocols.
    why : str
        If not empty: why ``test`` cannot be tested. Such a fold is not run; it is reported.
    """

    train: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]
    calibration: npt.NDArray[np.intp] = _NOTHING
    why: str = ""


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


def folds_of(protocol: WindowSplitter, windows: Windows) -> list[Fold]:
    """Give the folds of any protocol, those that cannot be run included.

    Parameters
    ----------
    protocol : WindowSplitter
        Ours, with a method ``folds``, or one that knows training and test only.
    windows : Windows
        What is split.

    Returns
    -------
    list of Fold
        In the order of the protocol.
    """
    if hasattr(protocol, "folds"):
        return list(protocol.folds(windows))
    return [Fold(np.asarray(train), np.asarray(test)) for train, test in protocol.split_windows(windows)]


def codes_of(table: pd.DataFrame, *columns: str) -> npt.NDArray[np.intp]:
    """Give the combinations of some columns numbers, in the order of their text.

    Parameters
    ----------
    table : pandas.DataFrame
        Metadata.
    *columns : str
        Which columns; ``"subject"`` means data set and subject if there is a column ``dataset``, since two data sets
        may each have a person 01. Stimuli of one name are one: two laboratories may show the same clips, and to hold
        out too much is no leak.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        From 0.

    Raises
    ------
    DataError
        If a column lacks, or a value is missing or empty.
    """
    if "subject" in columns and "dataset" in table.columns:
        columns = ("dataset", *columns)
    keys = []
    for column in columns:
        if column not in table.columns:
            raise DataError(str(unknown_name("column of metadata", column, map(str, table.columns))))
        # fixed-width strings: objects are compared one by one in Python
        words = np.asarray(table[column].astype(str).tolist(), dtype=str)
        missing = table[column].isna().to_numpy() | (words == "")
        if missing.any():
            raise DataError(
                f"row {int(np.flatnonzero(missing)[0])} of the metadata has no {column} ({int(missing.sum())} of "
                f"{len(table)} rows); who and what a window is must be known before it can be split"
            )
        keys.append(np.unique(words, return_inverse=True)[1])
    codes = keys[0]
    for key in keys[1:]:
        codes = np.unique(codes * (key.max(initial=0) + 1) + key, return_inverse=True)[1]
    return codes


def person_ids(windows: Windows) -> npt.NDArray[Any]:
    """Name the person of every window: the subject, with the data set before it where there are several.

    Parameters
    ----------
    windows : Windows
        Whose metadata may have a column ``dataset``.

    Returns
    -------
    ndarray of str, shape (n_windows,)
        ``"07"``, or ``"deap/07"``.
    """
    several = "dataset" in windows.metadata.columns and windows.metadata["dataset"].nunique() > 1
    return windows.groups("dataset", "subject") if several else windows.groups("subject")


def trial_ids(windows: Windows) -> npt.NDArray[Any]:
    """Name the trial of every window, the person and the session included.

    Parameters
    ----------
    windows : Windows
        As for `person_ids`.

    Returns
    -------
    ndarray of str, shape (n_windows,)
        ``"07/01/003"``.
    """
    rest = windows.groups("session", "trial")
    return np.array([f"{who}/{what}" for who, what in zip(person_ids(windows), rest, strict=True)], dtype=object)


def check_leakage(
    windows: Windows,
    splits: Iterable[Split],
    *,
    holdout: Sequence[str] = (),
    embargo_s: float = 0.0,
    clock: str = "trial",
) -> pd.DataFrame:
    """Measure what stands on both sides of every fold.

    Parameters
    ----------
    windows : Windows
        What is split.
    splits : iterable of (train, test)
        Indices of each fold.
    holdout : sequence of str
        Keys of `LEAKS` that must not be found.
    embargo_s : float
        Windows nearer to each other than this many seconds count as overlapping: filters and slow states reach beyond
        the edge of a window.
    clock : "trial" or "session"
        What counts its seconds together. Windows of different trials are not compared by default, since recordings of
        one session may each start their clock at zero.

    Returns
    -------
    pandas.DataFrame
        One row per fold: ``fold, n_train, n_test`` and, under each key of `LEAKS`, the share of test windows that have
        that in common with a training window; constant windows are no copies. Cost is n log n per fold.

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
    if not embargo_s >= 0:
        raise DataError(f"an embargo of {embargo_s} s makes no sense; expected 0 or more")
    if clock not in ("trial", "session"):
        raise unknown_name("clock", clock, ("trial", "session"))
    found = shares(windows.metadata, exact_codes(windows.X), splits, embargo_s=embargo_s, clock=clock)
    for kind in holdout:
        if (found[kind] > 0).any():
            worst = found.iloc[int(found[kind].to_numpy().argmax())]
            raise LeakageError(
                f"fold {int(worst['fold'])}: the same {LEAKS[kind]} stand in training and test ({worst[kind]:.0%} of "
                f"{int(worst['n_test'])} test windows); expected none: split by whole people or trials, or use a "
                f"protocol that declares the leak"
            )
    return found


def shares(
    metadata: pd.DataFrame,
    rows: npt.NDArray[np.intp],
    splits: Iterable[Split],
    *,
    embargo_s: float = 0.0,
    clock: str = "trial",
) -> pd.DataFrame:
    """Give the table of `check_leakage` where it is already known which windows are copies.

    Parameters
    ----------
    metadata : pandas.DataFrame
        Of the windows.
    rows : ndarray of int, shape (n_windows,)
        The same number for exact copies.
    splits, embargo_s, clock
        As for `check_leakage`.

    Returns
    -------
    pandas.DataFrame
        One row per fold.

    Raises
    ------
    DataError
        If a fold has no training or no test windows.
    """
    subject, stimulus = codes_of(metadata, "subject"), _stimulus_codes(metadata)
    trial = codes_of(metadata, "subject", "session", "trial")
    start, stop = on_one_line(
        metadata, trial if clock == "trial" else codes_of(metadata, "subject", "session"), gap_s=embargo_s + 1.0
    )
    # Widening every test window by the embargo is the same as asking for that distance.
    start_test, stop_test = start - embargo_s, stop + embargo_s
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
                "stimulus": _share_seen(stimulus, train, test),
                "trial": _share_seen(trial, train, test),
                "overlap": float(overlapping(start[train], stop[train], start_test[test], stop_test[test]).mean()),
                "rows": _share_seen(rows, train, test),
            }
        )
    return pd.DataFrame(table, columns=["fold", "n_train", "n_test", *LEAKS])


def _stimulus_codes(table: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Give stimuli numbers; a window without one (rest between clips) shares it with no other."""
    missing = (table["stimulus"].isna() | (table["stimulus"] == "")).to_numpy()
    codes = codes_of(table.assign(stimulus=table["stimulus"].astype(object).where(~missing, "none")), "stimulus")
    codes[missing] = codes.max(initial=0) + 1 + np.arange(missing.sum())
    return codes


def on_one_line(
    metadata: pd.DataFrame, clock: npt.NDArray[np.intp], gap_s: float = 1.0
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lay all trials one after another on one time axis, far apart, so that one sort finds every overlap.

    Parameters
    ----------
    metadata : pandas.DataFrame
        With ``start`` and ``stop`` in seconds.
    clock : ndarray of int, shape (n_windows,)
        Whose clock a window's times are of: a trial's or a session's.
    gap_s : float
        How far apart to lay them; more than any embargo.

    Returns
    -------
    start, stop : ndarray, shape (n_windows,)
        In seconds.

    Raises
    ------
    DataError
        If a window has no length.
    """
    start = metadata["start"].to_numpy(dtype=float)
    stop = metadata["stop"].to_numpy(dtype=float)
    if not (np.isfinite(start).all() and (stop > start).all()):
        raise DataError("every window needs a start and a later stop in seconds; found one that has not")
    first = np.full(clock.max(initial=0) + 1, np.inf)
    np.minimum.at(first, clock, start)
    start, stop = start - first[clock], stop - first[clock]
    offset = clock * (stop.max(initial=0.0) + gap_s)
    return start + offset, stop + offset


def overlapping(
    start: npt.NDArray[np.float64],
    stop: npt.NDArray[np.float64],
    start_test: npt.NDArray[np.float64],
    stop_test: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Say which windows share time with some window of another set; n log n.

    Parameters
    ----------
    start, stop : ndarray, shape (n_windows,)
        Of the other set, in seconds on the axis of `on_one_line`.
    start_test, stop_test : ndarray, shape (n_test,)
        Of the windows asked about.

    Returns
    -------
    ndarray of bool, shape (n_test,)
        Windows that only touch share nothing.
    """
    order = np.argsort(start, kind="stable")
    latest_stop = np.maximum.accumulate(stop[order])
    # A microsecond of slack: windows that touch share no sample, and their times are rounded.
    before = np.searchsorted(start[order], stop_test - 1e-6, side="left")
    reached = np.where(before > 0, latest_stop[np.maximum(before - 1, 0)], -np.inf)
    return np.asarray(reached > start_test + 1e-6)


def _share_seen(ids: npt.NDArray[np.intp], train: npt.NDArray[np.intp], test: npt.NDArray[np.intp]) -> float:
    seen = np.zeros(ids.max() + 1, dtype=bool)
    seen[ids[train]] = True
    return float(seen[ids[test]].mean())
