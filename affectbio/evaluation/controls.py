"""What a result would be if there were nothing to find: labels exchanged between trials, and the p value that follows.

Chance is simulated, not assumed. A split that leaks scores as high on exchanged labels as on the real ones, and even an
honest one is not centred on 1 / n_classes if the classes are uneven.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import DataError
from affectbio.evaluation.protocols import codes_of, trial_ids
from affectbio.types import Windows

__all__ = ["TrialLabels", "p_value", "permute_labels"]


@dataclass(frozen=True, slots=True, eq=False)
class TrialLabels:
    """The labels of whole trials, ready to be exchanged many times.

    Attributes
    ----------
    trial : ndarray of int, shape (n_windows,)
        Which trial each window is of.
    labels : ndarray, shape (n_trials,)
        The label of each trial.
    block : ndarray of int, shape (n_trials,)
        Trials are exchanged only inside a block: a person.
    """

    trial: npt.NDArray[np.intp]
    labels: npt.NDArray[Any]
    block: npt.NDArray[np.intp]

    @classmethod
    def of(cls, windows: Windows, within: str = "subject") -> TrialLabels:
        """Find the trials of windows and check that their labels can be exchanged.

        Parameters
        ----------
        windows : Windows
            With labels; a trial without any keeps what it has.
        within : str
            Column of the metadata inside which trials may be exchanged.

        Returns
        -------
        TrialLabels
            Ready to `exchange`.

        Raises
        ------
        DataError
            If there are no labels, a trial holds two labels, or no block holds two trials that differ.
        """
        if windows.y is None:
            raise DataError("windows without labels have nothing to exchange")
        missing = pd.isna(windows.y)
        names, trial = np.unique(trial_ids(windows), return_inverse=True)
        # The first window with a label speaks for its trial.
        labelled_first = np.argsort(missing, kind="stable")
        first = labelled_first[np.unique(trial[labelled_first], return_index=True)[1]]
        labels = windows.y[first]
        mixed = np.flatnonzero((labels[trial] != windows.y) & ~missing)
        if len(mixed):
            raise DataError(
                f"trial {names[trial[mixed[0]]]} holds the labels {str(labels[trial[mixed[0]]])!r} and "
                f"{str(windows.y[mixed[0]])!r}; labels can only be exchanged between trials of one label each"
            )
        block = codes_of(windows.metadata, within)[first]
        # Trials without a label: a block of its own each, in which there is nothing to exchange.
        block[missing[first]] = block.max() + 1 + np.arange(missing[first].sum())
        one_of_block = labels[np.unique(block, return_index=True)[1]]
        block = np.unique(block, return_inverse=True)[1]
        if (labels == one_of_block[block])[~missing[first]].all():
            raise DataError(f"no {within} has two trials of different labels, so exchanging them changes nothing")
        return cls(trial, labels, block)

    def exchange(self, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Exchange the labels of trials at random inside each block.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        ndarray, shape (n_windows,)
            The new label of every window.
        """
        exchanged = np.empty_like(self.labels)
        shuffled = np.lexsort((rng.random(len(self.labels)), self.block))
        exchanged[np.argsort(self.block, kind="stable")] = self.labels[shuffled]
        return exchanged[self.trial]


def permute_labels(windows: Windows, rng: np.random.Generator, within: str = "subject") -> Windows:
    """Exchange the labels of whole trials within a person.

    Trials, not windows, are the units that could as well have had the other label: windows of one trial resemble each
    other for many reasons. For a person with one trial of rest and one of a task, the two labels are swapped with
    probability one half.

    Parameters
    ----------
    windows : Windows
        With labels, one per trial.
    rng : numpy.random.Generator
        Source of chance.
    within : str
        Column of the metadata inside which trials may be exchanged.

    Returns
    -------
    Windows
        The same windows with exchanged labels.

    Raises
    ------
    DataError
        If there are no labels, a trial holds two labels, or no person has two trials that differ.
    """
    return replace(windows, y=TrialLabels.of(windows, within).exchange(rng))


def p_value(observed: float, null: npt.ArrayLike) -> float:
    """Give the share of null scores that are as high as the observed one, which itself counts as one of them.

    ``(1 + #{null >= observed}) / (1 + n)``: Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9(1), 2010. Never zero.

    Parameters
    ----------
    observed : float
        Score on the real labels.
    null : array-like, shape (n_permutations,)
        Scores on exchanged labels.

    Returns
    -------
    float
        One-sided p value.

    Examples
    --------
    >>> p_value(0.7, [0.5] * 99)
    0.01
    """
    null = np.asarray(null, dtype=float)
    return float((1 + np.count_nonzero(null >= observed)) / (1 + len(null)))
