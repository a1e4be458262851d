"""The problem of hundreds of electrodes and bands in one or two dimensions, without approximation.

All terms of the model are Gaussian, so that a trial matters only through its match with the class patterns: for
patterns B, covariance S of a person's offset and W of a trial's mean the sufficient statistics are ``B' W^-1 z_t`` and
``B' (S + W/T)^-1 zbar``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from affectbio.datasets.simulated._posterior import strength_grid
from affectbio.datasets.simulated.parameters import SimulationParams

__all__ = ["Reduced", "basis", "common_masks", "draw_masks", "reduce_problem", "strengths_of"]

_Floats = npt.NDArray[np.float64]

# Masks of lost electrodes that an average over them is taken of.
_MASKS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """The problem in terms of the patterns, for people who lack different electrodes or all the same."""

    means: _Floats  # (n_classes, r)
    within: _Floats  # (n_masks, r, r)
    between: _Floats  # (n_masks, r, r)

    def draw(
        self, params: SimulationParams, y: npt.NDArray[np.int64], mask: npt.NDArray[np.intp], rng: np.random.Generator
    ) -> tuple[_Floats, _Floats, _Floats, _Floats]:
        """Draw people: what matches of their trials, of their mean, their offsets' match, and their strengths."""
        n_people, n_trials = y.shape
        r = self.means.shape[1]
        within, between = self.within[mask], self.between[mask]
        noise_cov: npt.NDArray[Any] = np.linalg.inv(within)
        mean_cov: npt.NDArray[Any] = np.linalg.inv(between)
        offset = np.einsum("prs,ps->pr", _root(mean_cov - noise_cov / n_trials), rng.standard_normal((n_people, r)))
        noise = np.einsum("prs,pts->ptr", _root(noise_cov), rng.standard_normal((n_people, n_trials, r)))
        # One strength from each of n_people equally likely parts: an average over people is the more exact for it.
        level = (rng.permutation(n_people) + rng.random(n_people)) / n_people
        strength = 1 + params.effect_sd * ndtri(level)
        seen = offset[:, None] + strength[:, None, None] * self.means[y] + noise
        match = np.einsum("prs,pts->ptr", within, seen)
        pull = np.einsum("prs,ps->pr", between, seen.mean(axis=1))
        known = np.einsum("prs,ps->pr", within, offset)
        return match, pull, known, strength


def _root(covariance: npt.NDArray[Any]) -> npt.NDArray[Any]:
    # Of a covariance that may be singular: people without an offset.
    value, vector = np.linalg.eigh(covariance)
    root: npt.NDArray[Any] = vector * np.sqrt(np.clip(value, 0, None))[:, None]
    return root


def basis(params: SimulationParams) -> tuple[_Floats, _Floats]:
    """Give orthonormal patterns, (n_chans * 5, r), that span the classes, and those in their terms, (n_classes, r)."""
    flat = params.class_patterns().reshape(len(params.classes), -1)
    _, size, patterns = np.linalg.svd(flat, full_matrices=False)
    patterns = patterns[size > 1e-12 * max(size[0], 1e-300)] if size[0] > 0 else patterns[:0]
    return patterns.T, flat @ patterns.T


def reduce_problem(params: SimulationParams, n_trials: int, masks: npt.NDArray[np.bool_]) -> Reduced:
    """Bring the problem of all trials of a person down to the patterns, for every mask of electrodes."""
    patterns, means = basis(params)
    W, S = params.of_trial_mean(), params.covariance("subject_sd")
    within, between = [], []
    for mask in masks:
        rows = np.repeat(mask, W.shape[0] // len(mask))
        B, kept = patterns[rows], np.ix_(rows, rows)
        within.append(B.T @ np.linalg.solve(W[kept], B))
        between.append(B.T @ np.linalg.solve(S[kept] + W[kept] / n_trials, B))
    return Reduced(means, np.stack(within), np.stack(between))


def common_masks(params: SimulationParams, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Give the masks of lost electrodes to average over: a single one where none is ever lost."""
    n_chans = len(params.ch_names)
    if params.missing_rate == 0:
        return np.ones((1, n_chans), dtype=bool)
    return draw_masks(params, rng, _MASKS)


def draw_masks(params: SimulationParams, rng: np.random.Generator, n_people: int) -> npt.NDArray[np.bool_]:
    """Draw which electrodes people have, at least one each, shape (n_people, n_chans)."""
    present = rng.random((n_people, len(params.ch_names))) >= params.missing_rate
    present[~present.any(axis=1), 0] = True
    return present


def strengths_of(params: SimulationParams, means: _Floats, within: _Floats, n_trials: int) -> tuple[_Floats, _Floats]:
    """Give nodes and log weights for the strength of a person's effect, each of shape (1, n_nodes)."""
    most = np.einsum("cr,prs,cs->pc", means, within, means).max(initial=0)
    nodes, log_weights = strength_grid(params.effect_sd, n_trials * most)
    return nodes[None], log_weights[None]
