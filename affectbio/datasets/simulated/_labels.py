"""How many trials of each class a person sees: drawn, and as the prior over all labellings that a Bayes rule needs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from affectbio.datasets.simulated.parameters import SimulationParams

__all__ = ["class_counts", "counts_grid", "draw_labels", "log_prior", "log_prior_of_one"]

_Floats = npt.NDArray[np.float64]


def class_counts(params: SimulationParams, n_trials: int) -> npt.NDArray[np.int64] | None:
    """Give the kinds of people there are by how many trials of each class they see.

    Parameters
    ----------
    params : SimulationParams
        Whose ``labels``.
    n_trials : int
        Trials of a person.

    Returns
    -------
    ndarray, shape (n_kinds, n_classes), or None
        Kinds are equally likely. None for "coins", where any number may come up.

    Examples
    --------
    >>> from affectbio.datasets.simulated import preset
    >>> class_counts(preset("seed-like-3"), 20)
    array([[7, 7, 6],
           [6, 7, 7],
           [7, 6, 7]])
    """
    if params.labels == "coins":
        return None
    n_classes = len(params.classes)
    share = 1 / n_classes if params.labels == "balanced" else float(params.labels)
    most = math.ceil(share * n_trials - 1e-9)
    each, left = divmod(n_trials - most, n_classes - 1)
    one = np.array([most] + [each + (c < left) for c in range(n_classes - 1)])
    return np.stack([np.roll(one, favourite) for favourite in range(n_classes)])


def draw_labels(params: SimulationParams, n_trials: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw the classes of a person's trials.

    Parameters
    ----------
    params : SimulationParams
        Whose ``labels`` and ``prior``.
    n_trials : int
        How many.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray, shape (n_trials,)
        Indices of classes, in the order of the trials.
    """
    kinds = class_counts(params, n_trials)
    n_classes = len(params.classes)
    if kinds is None:
        return rng.choice(n_classes, n_trials, p=params.prior)
    return rng.permutation(np.repeat(np.arange(n_classes), kinds[rng.integers(n_classes)]))


def log_prior(params: SimulationParams, n_trials: int, kind: int | None = None) -> _Floats:
    """Give the log probability of one labelling by how many trials of each class it has.

    Parameters
    ----------
    params : SimulationParams
        Whose ``labels`` and ``prior``.
    n_trials : int
        Trials of a person.
    kind : int, optional
        Which kind of `class_counts` the person is, where that is known.

    Returns
    -------
    ndarray, shape (n_trials + 1,) * (n_classes - 1)
        Indexed by the counts of all classes but the first; -inf where it cannot be.
    """
    n_classes = len(params.classes)
    kinds = class_counts(params, n_trials)
    if kinds is None:
        counts = counts_grid(n_trials, n_classes)
        prior = np.full(n_classes, 1 / n_classes) if params.prior is None else np.asarray(params.prior, dtype=float)
        return np.where(counts[0] >= 0, np.tensordot(np.log(prior), counts, axes=1), -np.inf)
    table = np.full((n_trials + 1,) * (n_classes - 1), -np.inf)
    chosen = kinds if kind is None else kinds[kind : kind + 1]
    for counts in chosen:
        # All labellings of these counts are equally likely: one over the multinomial coefficient each.
        one = gammaln(counts + 1).sum() - gammaln(n_trials + 1) - np.log(len(chosen))
        table[tuple(counts[1:])] = np.logaddexp(table[tuple(counts[1:])], one)
    return table


def log_prior_of_one(params: SimulationParams) -> _Floats:
    """Give the log probability of the class of a single trial, in the shape of `log_prior` of one."""
    n_classes = len(params.classes)
    prior = np.full(n_classes, 1 / n_classes) if params.prior is None else np.asarray(params.prior, dtype=float)
    table = np.full((2,) * (n_classes - 1), -np.inf)
    for c in range(n_classes):
        table[tuple(int(c == other) for other in range(1, n_classes))] = np.log(prior[c])
    return table


def counts_grid(n_trials: int, n_classes: int) -> npt.NDArray[np.int64]:
    """Give the counts of every class over the grid of `log_prior`; negative for the first where there are too many."""
    rest = np.indices((n_trials + 1,) * (n_classes - 1))
    return np.concatenate([n_trials - rest.sum(axis=0, keepdims=True), rest])
