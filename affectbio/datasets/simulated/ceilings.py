"""The best accuracy there can be on simulated people nobody has met, by what may be known of them: Bayes' rule.

What has no closed form is an average over simulated people of an exact probability, that of `label_posterior`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from affectbio.datasets.simulated._labels import class_counts, draw_labels, log_prior, log_prior_of_one
from affectbio.datasets.simulated._posterior import label_posterior, strength_grid
from affectbio.datasets.simulated._reduction import Reduced, common_masks, reduce_problem, strengths_of
from affectbio.datasets.simulated.parameters import SimulationParams, preset

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ceilings", "ceilings", "gap_closed", "online_curve"]

_Floats = npt.NDArray[np.float64]

# Floats that the passes over labellings hold at a time.
_ROOM = 4_000_000


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The best accuracy per trial, on average over people and over stimuli nobody has seen.

    Parameters
    ----------
    zero : float
        One trial of an unknown person at a time: leave-one-subject-out without any adaptation.
    transductive : float
        All trials of an unknown person together, without labels.
    calibrated : float
        All trials of a person whose offset, strength and mix of classes are known.
    error : float
        Standard error of the one that was simulated most coarsely; 0 if all are exact.
    is_bound : bool
        Whether people have a mixing or artefacts of their own: then no rule can score more, and the best one somewhat
        less, except the calibrated one of a person whose mixing is known.
    """

    zero: float
    transductive: float
    calibrated: float
    error: float
    is_bound: bool


def ceilings(params: str | SimulationParams, n_trials: int = 20, *, n_people: int = 2000, seed: int = 0) -> Ceilings:
    """Compute the best accuracy there can be.

    Parameters
    ----------
    params : str or SimulationParams
        A name in `PRESETS`, or parameters.
    n_trials : int
        Trials of a person.
    n_people : int
        People over whom what has no closed form is averaged. Of each, the probability of being right is computed, not
        drawn.
    seed : int
        Of those people.

    Returns
    -------
    Ceilings
        Zero is exact for two opposite classes, calibrated too if labels are "coins" and no electrodes are lost; the
        rest is an exact posterior averaged over simulated people.

    Raises
    ------
    ConfigError
        If there is no such preset.
    ValueError
        If there is no trial, or no two people.

    Notes
    -----
    For two classes at plus and minus beta, one trial tells d² = beta' (W + S + effect_sd² beta beta')^-1 beta, and
    zero is Phi(d); the calibrated rule knows a person's a, and is right with Phi(abs(a) sqrt(beta' W^-1 beta)).
    Time O(n_people · n_trials ** n_classes).

    Examples
    --------
    >>> best = ceilings("seed-like", n_people=200)
    >>> round(best.zero, 3), best.transductive > 0.93
    (0.714, True)
    """
    params = preset(params)
    if n_trials < 1 or n_people < 2:
        raise ValueError(f"expected at least 1 trial and 2 people; found n_trials={n_trials}, n_people={n_people}")
    rng = np.random.default_rng(seed)
    masks = common_masks(params, rng)
    mask = np.arange(n_people) % len(masks)
    y, kind = _labels(params, n_trials, n_people, rng)
    people = reduce_problem(params, n_trials, masks)
    drawn = people.draw(params, y, mask, rng)
    zero = _zero(params, masks, n_people, rng)
    transductive = _transductive(params, people, mask, drawn[0], drawn[1])
    calibrated = _calibrated_exact(params, people) if len(masks) == 1 else None
    if calibrated is None:
        calibrated = _calibrated(params, people, mask, kind, drawn)
    error = max(zero[1], transductive[1], calibrated[1])
    is_bound = params.mixing_sd > 0 or params.artefact_rate > 0
    return Ceilings(zero[0], transductive[0], calibrated[0], error, is_bound)


def online_curve(
    params: str | SimulationParams, trials: Sequence[int] = (1, 2, 4, 8, 16), *, n_people: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Compute how the best accuracy grows with the unlabelled trials of a new person.

    Parameters
    ----------
    params : str or SimulationParams
        A name in `PRESETS`, or parameters. Labels are taken as coins: nobody knows what comes next.
    trials : sequence of int
        Trials recorded so far, the one that is judged among them.
    n_people, seed
        As for `ceilings`.

    Returns
    -------
    pandas.DataFrame
        ``n_trials, accuracy, error``.

    Raises
    ------
    ConfigError, ValueError
        As `ceilings`.

    Examples
    --------
    >>> curve = online_curve("deap-like", (1, 4, 16), n_people=200)
    >>> curve["accuracy"].is_monotonic_increasing
    True
    """
    import pandas as pd

    params = preset(params)
    coins = params if params.labels == "coins" else replace(params, labels="coins")
    rows = []
    for n_trials in trials:
        if n_trials < 1 or n_people < 2:
            raise ValueError(f"expected at least 1 trial and 2 people; found n_trials={n_trials}, n_people={n_people}")
        rng = np.random.default_rng(seed)
        masks = common_masks(coins, rng)
        mask = np.arange(n_people) % len(masks)
        people = reduce_problem(coins, n_trials, masks)
        y, _ = _labels(coins, n_trials, n_people, rng)
        match, pull, _, _ = people.draw(coins, y, mask, rng)
        rows.append((n_trials, *_transductive(coins, people, mask, match, pull)))
    return pd.DataFrame(rows, columns=["n_trials", "accuracy", "error"])


def gap_closed(score: float, source_only: float, ceiling: float) -> float:
    """Say how much of what could be gained over a plain model was gained.

    Parameters
    ----------
    score : float
        Accuracy of the method.
    source_only : float
        Accuracy of the same model without it.
    ceiling : float
        The best there can be with what the method may know.

    Returns
    -------
    float
        1 at the ceiling, 0 if nothing was gained, below 0 if it did harm.

    Raises
    ------
    ValueError
        If the ceiling is not above ``source_only``: there is no gap.

    Examples
    --------
    >>> gap_closed(0.90, 0.70, 0.95)
    0.8
    """
    if not ceiling > source_only:
        raise ValueError(f"no gap: the ceiling {ceiling:g} is not above the plain model's {source_only:g}")
    return round((score - source_only) / (ceiling - source_only), 12)


def _labels(
    params: SimulationParams, n_trials: int, n_people: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw the labels of people, and find of which of the kinds of `class_counts` each is."""
    y = np.stack([draw_labels(params, n_trials, rng) for _ in range(n_people)])
    kinds = class_counts(params, n_trials)
    if kinds is None:
        return y, np.zeros(n_people, dtype=np.int64)
    counts = (y[:, :, None] == np.arange(len(params.classes))).sum(axis=1)
    return y, (counts[:, None] == kinds).all(axis=2).argmax(axis=1)


def _mean_and_error(right: _Floats) -> tuple[float, float]:
    return float(right.mean()), float(right.std(ddof=1) / np.sqrt(len(right)))


def _opposite(params: SimulationParams) -> bool:
    patterns = params.class_patterns()
    return len(patterns) == 2 and bool(np.allclose(patterns[0], -patterns[1], atol=1e-12))


def _zero(
    params: SimulationParams, masks: npt.NDArray[np.bool_], n_people: int, rng: np.random.Generator
) -> tuple[float, float]:
    alone = reduce_problem(params, 1, masks)
    if _opposite(params):
        # between^-1 is the covariance of W + S along the patterns; the strength adds its own along the effect.
        beta = alone.means[1]
        covariance = np.linalg.inv(alone.between) + params.effect_sd**2 * np.outer(beta, beta)
        d = np.sqrt(np.einsum("r,prs,s->p", beta, np.linalg.inv(covariance), beta))
        right = _two_classes(d, 0.5 if params.prior is None else float(params.prior[1]))
        return (float(right[0]), 0.0) if len(masks) == 1 else _mean_and_error(right)
    prior = np.exp(log_prior_of_one(params))
    share = np.array([prior[tuple(int(c == o) for o in range(1, prior.ndim + 1))] for c in range(len(alone.means))])
    y = rng.choice(len(alone.means), (20 * n_people, 1), p=share / share.sum())
    mask = np.arange(len(y)) % len(masks)
    match, pull, _, _ = alone.draw(params, y, mask, rng)
    right = _in_parts(params, alone, mask, match, pull, log_prior_of_one(params)[None])
    return _mean_and_error(right)


def _two_classes(d: _Floats, prior: float) -> _Floats:
    """Accuracy of Bayes' rule for N(-d, 1) against N(d, 1), the second with this prior."""
    shift = 0.5 * np.log(prior / (1 - prior)) / np.where(d > 0, d, 1)
    right = prior * ndtr(d + shift) + (1 - prior) * ndtr(d - shift)
    return np.where(d > 0, right, max(prior, 1 - prior))


def _in_parts(
    params: SimulationParams,
    people: Reduced,
    mask: npt.NDArray[np.intp],
    match: _Floats,
    pull: _Floats,
    prior: _Floats,
    strength: _Floats | None = None,
    between: _Floats | None = None,
) -> _Floats:
    """Probability that the best guess is right, averaged over the trials of each person."""
    n_people, n_trials, _ = match.shape
    nodes, log_weights = strengths_of(params, people.means, people.within, n_trials)
    if strength is not None:
        nodes, log_weights = strength[:, None], np.zeros((1, 1))
    between = people.between[mask] if between is None else between
    within = people.within[mask]
    cost = nodes.shape[1] * sum((t + 1) ** (len(people.means) - 1) for t in range(n_trials)) * len(people.means)
    step = max(1, _ROOM // cost)
    right = np.empty(n_people)
    for start in range(0, n_people, step):
        part = slice(start, start + step)
        own = [array if len(array) == 1 else array[part] for array in (nodes, log_weights, prior)]
        posterior = label_posterior(match[part], pull[part], people.means, within[part], between[part], *own)
        right[part] = posterior.max(axis=2).mean(axis=1)
    return right


def _transductive(
    params: SimulationParams, people: Reduced, mask: npt.NDArray[np.intp], match: _Floats, pull: _Floats
) -> tuple[float, float]:
    prior = log_prior(params, match.shape[1])[None]
    return _mean_and_error(_in_parts(params, people, mask, match, pull, prior))


def _calibrated_exact(params: SimulationParams, people: Reduced) -> tuple[float, float] | None:
    """Trials of a known person are independent under coins; then there is a closed form for two opposite classes."""
    if params.labels != "coins" or not _opposite(params):
        return None
    d = np.sqrt(np.einsum("r,rs,s->", people.means[1], people.within[0], people.means[1]))
    nodes, log_weights = strength_grid(params.effect_sd, 100 * d**2)
    prior = 0.5 if params.prior is None else float(params.prior[1])
    return float(np.exp(log_weights) @ _two_classes(np.abs(nodes) * d, prior)), 0.0


def _calibrated(
    params: SimulationParams,
    people: Reduced,
    mask: npt.NDArray[np.intp],
    kind: npt.NDArray[np.int64],
    drawn: tuple[_Floats, _Floats, _Floats, _Floats],
) -> tuple[float, float]:
    match, _, known, strength = drawn
    n_trials = match.shape[1]
    # Without an offset between is T times within.
    match = match - known[:, None]
    pull, between = match.sum(axis=1), n_trials * people.within[mask]
    kinds = class_counts(params, n_trials)
    priors = np.stack([log_prior(params, n_trials, k) for k in range(1 if kinds is None else len(kinds))])
    right = np.empty(len(match))
    for k, prior in enumerate(priors):
        own = kind == k
        if own.any():
            right[own] = _in_parts(
                params, people, mask[own], match[own], pull[own], prior[None], strength[own], between[own]
            )
    return _mean_and_error(right)
