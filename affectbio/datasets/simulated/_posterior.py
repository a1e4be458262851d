"""The probability of every trial's class given all unlabelled trials of a person: exact for any number of trials.

What couples the trials of a person, their offset, their strength and the composition of their labels, depends on a
labelling only through the counts of the classes. The sum over all labellings is therefore a sum over counts of
elementary symmetric polynomials, and all marginals follow from one pass forward and one back, as in a hidden Markov
model whose state is the counts so far.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from affectbio.datasets.simulated._labels import counts_grid

__all__ = ["label_posterior", "strength_grid"]

_Floats = npt.NDArray[np.float64]


def strength_grid(effect_sd: float, information: float) -> tuple[_Floats, _Floats]:
    """Give nodes and log weights for an integral over the strength of a person's effect.

    Parameters
    ----------
    effect_sd : float
        Deviation of the strength around 1.
    information : float
        What all trials of a person together tell of it: one over the variance of its best estimate.

    Returns
    -------
    nodes, log_weights : ndarray, shape (n_nodes,)
        Equally spaced. The trapezium rule on a smooth function over the whole line converges faster than any power of
        the spacing (Trefethen & Weideman, SIAM Rev. 56, 2014); at 0.8 of the narrowest deviation its error is 1e-13.
    """
    if effect_sd == 0:
        return np.ones(1), np.zeros(1)
    spacing = 0.8 / np.sqrt(1 / effect_sd**2 + information)
    half = int(np.ceil(7.5 * effect_sd / spacing))
    x = np.arange(-half, half + 1) * spacing
    log_weights = -0.5 * (x / effect_sd) ** 2
    return 1 + x, log_weights - logsumexp(log_weights)


def label_posterior(
    match: _Floats,
    pull: _Floats,
    means: _Floats,
    within: _Floats,
    between: _Floats,
    strength: _Floats,
    log_strength: _Floats,
    log_prior: _Floats,
) -> _Floats:
    """Compute the probability of every class in every trial of some people.

    Parameters
    ----------
    match : ndarray, shape (n_people, n_trials, r)
        ``B' W^-1 z_t``: the trials against the r patterns B, W the covariance of a trial's mean.
    pull : ndarray, shape (n_people, r)
        ``B' (S + W/T)^-1 zbar``: the same of the mean of all trials, S the covariance of a person's offset.
    means : ndarray, shape (n_classes, r)
        The classes in terms of the patterns.
    within, between : ndarray, shape (n_people or 1, r, r)
        ``B' W^-1 B`` and ``B' (S + W/T)^-1 B``.
    strength, log_strength : ndarray, shape (n_people or 1, n_nodes)
        Nodes and log weights of the strength of the effect.
    log_prior : ndarray, shape (n_people or 1, n_trials + 1, ...)
        Log probability of one labelling, by its counts of all classes but the first.

    Returns
    -------
    ndarray, shape (n_people, n_trials, n_classes)
        Sums to 1 over classes.

    Notes
    -----
    With k_c trials of class c and m = sum_c k_c m_c / T, the joint log density is, up to a constant,
    ``sum_t (a (match_t - mean match) m_y - a² m_y within m_y / 2) + a² T m within m / 2 + a m pull
    - a² m between m / 2``.
    Time and memory O(n_people · n_nodes · n_trials ** n_classes).
    """
    n_people, n_trials, _ = match.shape
    n_classes = len(means)
    grid = counts_grid(n_trials, n_classes)
    middle = np.einsum("c...,cr->...r", grid, means) / n_trials
    a = np.broadcast_to(strength, (n_people, strength.shape[1]))
    centred = match - match.mean(axis=1, keepdims=True)
    size = np.einsum("cr,prs,cs->pc", means, within, means)
    # evidence: (people, nodes, trials, classes)
    evidence = np.einsum("pn,ptr,cr->pntc", a, centred, means) - 0.5 * (a**2)[:, :, None, None] * size[:, None, None]
    inner = n_trials * np.einsum("...r,prs,...s->p...", middle, within, middle)
    inner = inner - np.einsum("...r,prs,...s->p...", middle, between, middle)
    over_grid = (...,) + (None,) * (n_classes - 1)
    coupling = (
        0.5 * (a**2)[over_grid] * inner[:, None] + a[over_grid] * np.einsum("...r,pr->p...", middle, pull)[:, None]
    )
    coupling = coupling + log_strength[over_grid] + log_prior[:, None]

    forward: list[npt.NDArray[Any]] = [np.zeros((n_people, a.shape[1]) + (1,) * (n_classes - 1))]
    for t in range(n_trials - 1):
        longer = np.full(forward[-1].shape[:2] + (t + 2,) * (n_classes - 1), -np.inf)
        for c in range(n_classes):
            part = longer[_after(c, n_classes)]
            np.logaddexp(part, forward[-1] + evidence[:, :, t, c][over_grid], out=part)
        forward.append(longer)
    out = np.empty((n_people, n_trials, n_classes))
    backward = coupling
    for t in reversed(range(n_trials)):
        paths = [backward[_after(c, n_classes)] + evidence[:, :, t, c][over_grid] for c in range(n_classes)]
        axes = tuple(range(1, backward.ndim))
        out[:, t] = np.stack([_log_sum(forward[t] + path, axes) for path in paths], axis=1)
        backward = np.logaddexp.reduce(paths)
    posterior: _Floats = np.exp(out - logsumexp(out, axis=2, keepdims=True))
    return posterior


def _log_sum(x: _Floats, axes: tuple[int, ...]) -> _Floats:
    # SciPy's logsumexp spends longer on its checks than on arrays of this size.
    top = x.max(axis=axes, keepdims=True)
    top[np.isneginf(top)] = 0.0
    total = np.exp(x - top).sum(axis=axes)
    log: _Floats = np.log(total, out=np.full_like(total, -np.inf), where=total > 0) + top.reshape(total.shape)
    return log


def _after(c: int, n_classes: int) -> tuple[Any, ...]:
    """Where the counts lie after one more trial of class c."""
    return (..., *(slice(1, None) if c == axis + 1 else slice(None, -1) for axis in range(n_classes - 1)))
