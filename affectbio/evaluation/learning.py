"""How the score grows with the number of people learnt from: the figure that says whether more people would help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from affectbio.errors import DataError
from affectbio.evaluation.protocols import PROTOCOLS, Fold, Split, WindowSplitter, folds_of, person_ids
from affectbio.evaluation.scoring import is_rating
from affectbio.evaluation.sweep import Task, score_sweep, sweep
from affectbio.types import Windows

__all__ = ["FewerPeople", "curve_sizes", "learning_curve"]


@dataclass(frozen=True)
class FewerPeople:
    """A protocol with some of the people of each training set.

    Parameters
    ----------
    protocol : WindowSplitter or str
        Whose test sets are kept, or its name in ``PROTOCOLS``.
    n_people : int
        How many people to learn from, drawn anew for each fold; all where a fold has fewer.
    random_state : int
        Seed of the drawing. With one seed, the people of a smaller number are among those of a larger one.

    Raises
    ------
    ValueError
        If that is nobody.

    Examples
    --------
    >>> FewerPeople("loso", 4).name
    'leave-one-subject-out, 4 training people'
    """

    protocol: Any  # a WindowSplitter once made: a name is looked up
    n_people: int
    random_state: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.protocol, str):
            object.__setattr__(self, "protocol", PROTOCOLS.get(self.protocol)())
        if self.n_people < 1:
            raise ValueError(f"expected at least one person to learn from, found {self.n_people}")

    @property
    def name(self) -> str:
        """How a report calls it."""
        return f"{self.protocol.name}, {self.n_people} training people"

    @property
    def holdout(self) -> tuple[str, ...]:
        """What the wrapped protocol promises to keep out of the training set."""
        return tuple(self.protocol.holdout)

    @property
    def leaks(self) -> tuple[str, ...]:
        """What the wrapped protocol lets through."""
        return tuple(self.protocol.leaks)

    def folds(self, windows: Windows) -> Iterator[Fold]:
        """Give the folds.

        Parameters
        ----------
        windows : Windows
            What is split.

        Yields
        ------
        Fold
            With fewer training windows.
        """
        person = person_ids(windows)
        for number, fold in enumerate(folds_of(self.protocol, windows)):
            people = np.unique(person[fold.train])
            # One order a fold, whatever the number: the sets are nested, and the curve is smoother for it.
            order = np.random.default_rng((self.random_state, number)).permutation(people)
            yield fold._replace(train=fold.train[np.isin(person[fold.train], order[: self.n_people])])

    def split_windows(self, windows: Windows) -> Iterator[Split]:
        """Give training and test windows of each fold that can be run.

        Parameters
        ----------
        windows : Windows
            What is split.

        Yields
        ------
        train, test : ndarray of int
            Indices.
        """
        for fold in self.folds(windows):
            if not fold.why:
                yield fold.train, fold.test


def curve_sizes(windows: Windows, protocol: WindowSplitter) -> list[int]:
    """Choose numbers of training people: doubling from two, and all.

    Parameters
    ----------
    windows : Windows
        What is split.
    protocol : WindowSplitter
        Whose folds.

    Returns
    -------
    list of int
        Rising; the last is the most people that any fold learns from.
    """
    person = person_ids(windows)
    most = max((len(np.unique(person[f.train])) for f in folds_of(protocol, windows) if not f.why), default=0)
    return [*(n for n in (2, 4, 8, 16, 32, 64) if n < most), *([most] if most else [])]


def learning_curve(
    estimator: Any,
    windows: Windows,
    protocol: WindowSplitter | str,
    sizes: Sequence[int] | None = None,
    *,
    metric: str | None = None,
    level: str = "window",
    seeds: Sequence[int] = (0, 1, 2),
    folder: Any = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Score an estimator that learns from fewer people.

    Parameters
    ----------
    estimator, windows, protocol
        As for `affectbio.evaluation.evaluate`.
    sizes : sequence of int, optional
        Numbers of training people; `curve_sizes` if not given.
    metric : str, optional
        ``"balanced_accuracy"``, or of a regressor ``"ccc"``, if not given.
    level : "window" or "trial"
        What is scored.
    seeds : sequence of int
        Of the drawing of people; scores are means over them. Where all people take part, one draw is all there is.
    folder, n_jobs
        As for `affectbio.evaluation.sweep.sweep`.

    Returns
    -------
    pandas.DataFrame
        One row per size and person: ``n_people, subject, value``.

    Raises
    ------
    DataError
        If no fold has a training set.

    Examples
    --------
    >>> from affectbio.models import ShrinkageLDA
    >>> rng = np.random.default_rng(0)
    >>> who = pd.DataFrame({"subject": np.repeat(list("abcdef"), 10), "session": "1", "trial": list("0011223344") * 6,
    ...                     "stimulus": "x", "start": [0.0, 1.0] * 30, "stop": [1.0, 2.0] * 30})
    >>> y = np.where(who["trial"].astype(int) % 2, "high", "low")
    >>> windows = Windows(rng.normal(size=(60, 3)) + (y == "high")[:, None], y, who, ("window", "feature"))
    >>> learning_curve(ShrinkageLDA(), windows, "loso").groupby("n_people")["value"].size().to_dict()
    {2: 6, 4: 6, 5: 6}
    """
    splitter: WindowSplitter = PROTOCOLS.get(protocol)() if isinstance(protocol, str) else protocol
    sizes = curve_sizes(windows, splitter) if sizes is None else list(sizes)
    if not sizes:
        raise DataError(f"{splitter.name} has no training set to take people out of")
    name = metric or ("ccc" if is_rating(estimator) else "balanced_accuracy")
    tasks: list[tuple[int, Task]] = []
    for size in sizes:
        own = seeds[:1] if size == max(sizes) else seeds
        made = (FewerPeople(splitter, size, seed) for seed in own)
        tasks += [(size, Task(f"{size}/{k}", estimator, windows, one)) for k, one in enumerate(made)]
    table = sweep([task for _, task in tasks], folder, n_jobs=n_jobs)
    scores = score_sweep(table, metrics=name, level=level)
    scores["n_people"] = scores["variant"].str.partition("/")[0].astype(int)
    return scores.groupby(["n_people", "subject"])["value"].mean().reset_index()
