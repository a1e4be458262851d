"""Reads the parameters of the benchmark off real features: variance components by the method of moments.

Each component comes from a difference in which the others cancel: of windows in a trial (a variogram, Matheron, 1963),
of trials of one class in a person, of people who saw one stimulus, of people (analysis of variance; Searle, Casella &
McCulloch, *Variance Components*, 1992, ch. 3). The effect is measured between people, whose errors are independent, so
that noise does not pass for effect.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from affectbio.datasets.simulated.parameters import BANDS, SimulationParams
from affectbio.errors import DataError
from affectbio.types import Windows

__all__ = ["fit"]

_Floats = npt.NDArray[np.float64]
_Codes = npt.NDArray[np.intp]

# Lags of the variogram; further apart, what drifts within a trial counts as noise.
_MAX_LAG = 10


class _Trials(NamedTuple):
    """Means of trials, and who and what they are."""

    mean: _Floats  # (n_trials, n_chans, 5)
    n_windows: npt.NDArray[np.int64]
    person: _Codes
    label: _Codes
    stimulus: _Codes


def fit(windows: Windows) -> SimulationParams:
    """Estimate the parameters under which people like these would be simulated.

    Parameters
    ----------
    windows : Windows
        Labelled log band powers (natural logarithm), shape (n_windows, n_chans, 5) in the bands ``"eeg"``; of
        differential entropy x take ``2 * x``. At least two people, two trials of each class in each of them, and three
        windows in a trial, in the order of their start. Windows of rest are left out beforehand.

    Returns
    -------
    SimulationParams
        Deviations for every band, correlations of electrodes and bands, patterns of the classes.

    Raises
    ------
    DataError
        If electrodes are not named, bands are not those five, there are no labels, or not enough people, trials,
        windows or classes.

    Notes
    -----
    Unbiased but for the square root and the floor at 0, on data of the model with equal numbers of trials. Real
    data are not: electrodes are taken to vary alike, offsets and fingerprints to correlate as the noise does, people to
    share one pattern. People with a lost electrode count for ``missing_rate`` only. Where all trials of a class are of
    one stimulus, its signature cannot be told from the effect.

    Time O(n_windows · n_chans² ) for the correlations.

    Examples
    --------
    >>> from affectbio.datasets.simulated import simulate
    >>> found = fit(simulate("deap-like", n_subjects=40, n_trials=20))
    >>> [round(float(np.mean(sd)), 2) for sd in (found.subject_sd, found.trial_sd, found.noise_sd)]
    [0.59, 0.1, 0.3]
    """
    windows, missing_rate = _complete(windows)
    X, trial, trials, classes = _sorted(windows)
    counts = np.zeros((trials.person.max() + 1, len(classes)), dtype=int)
    np.add.at(counts, (trials.person, trials.label), 1)
    if len(counts) < 2 or len(classes) < 2 or counts.min() < 2:
        raise DataError(
            f"expected at least 2 people, 2 classes, and 2 trials of each class in each person; found {len(counts)} "
            f"people, {len(classes)} classes, and as few as {counts.min()} trials. Long trials can be cut into several"
        )
    spatial, spectral = _correlations(X, trial)
    noise_var, corr = _noise(X, trial)
    v = _variance_of_mean(trials.n_windows, corr)
    trial_var, stimulus_var, class_mean = _between_trials(trials, counts, noise_var * v.mean())
    people = class_mean.mean(axis=1)
    of_trials = (trial_var + noise_var * v.mean()) * (1 / counts).sum(axis=1).mean() / len(classes) ** 2
    subject_var = people.var(axis=0, ddof=1).mean(axis=0) - of_trials
    n_windows = int(np.median(trials.n_windows))
    length = (windows.metadata["stop"] - windows.metadata["start"]).median()
    most = float((counts.max(axis=1) / counts.sum(axis=1)).mean())
    params = SimulationParams(
        [c.name for c in windows.channels],
        {name: (float(i), 0.0) for i, name in enumerate(classes)},
        subject_sd=_roots(subject_var),
        trial_sd=_roots(trial_var),
        stimulus_sd=_roots(stimulus_var),
        noise_sd=_roots(np.maximum(noise_var, 1e-12)),
        noise_corr=corr,
        n_windows=n_windows,
        window_s=float(length),
        labels="balanced" if most < 1 / len(classes) + 0.05 else min(most, 0.99),
        missing_rate=missing_rate,
        spatial=spatial,
        spectral=spectral,
    )
    return _with_effect(params, class_mean, counts, stimulus_var)


def _complete(windows: Windows) -> tuple[Windows, float]:
    """Give the people who have all electrodes, and the share of electrodes that people lack."""
    if windows.y is None or not windows.channels or windows.X.ndim != 3 or windows.X.shape[2] != len(BANDS):
        raise DataError(
            f"expected labelled features (window, channel, band) of named electrodes in {len(BANDS)} bands; found "
            f"shape {windows.X.shape}, {len(windows.channels)} channels, {'no ' if windows.y is None else ''}labels"
        )
    people, person = np.unique(windows.groups("subject"), return_inverse=True)
    finite = np.isfinite(windows.X).all(axis=2)
    has = np.array([finite[person == p].any(axis=0) for p in range(len(people))])
    usable = np.asarray(has.all(axis=1))[person] & finite.all(axis=1)
    return windows.take(usable), float(1 - has.mean())


def _sorted(windows: Windows) -> tuple[_Floats, _Codes, _Trials, list[str]]:
    names, trial = np.unique(windows.groups("subject", "session", "trial"), return_inverse=True)
    order = np.lexsort((windows.metadata["start"].to_numpy(dtype=float), trial))
    X, trial = np.asarray(windows.X, dtype=float)[order], trial[order]
    classes, label = np.unique(np.asarray(windows.y).astype(str), return_inverse=True)
    person = np.unique(windows.groups("subject"), return_inverse=True)[1]
    stimulus = np.unique(windows.groups("stimulus"), return_inverse=True)[1]
    first = np.searchsorted(trial, np.arange(len(names)))
    if not len(first):
        raise DataError("expected at least 2 people with all their electrodes; found none")
    n_windows = np.diff(np.append(first, len(trial)))
    if np.any(label[order] != np.repeat(label[order][first], n_windows)):
        raise DataError("a trial has windows of several classes; expected one class throughout")
    if n_windows.max() < 3:
        raise DataError(f"expected at least 3 windows in a trial; found at most {n_windows.max()}")
    mean = np.add.reduceat(X, first, axis=0) / n_windows[:, None, None]
    own = order[first]
    return X, trial, _Trials(mean, n_windows, person[own], label[own], stimulus[own]), [str(c) for c in classes]


def _noise(X: _Floats, trial: _Codes) -> tuple[_Floats, float]:
    """Variance of the windows in every band and correlation of consecutive ones, by their variogram.

    Half the mean squared difference at lag h is variance * (1 - corr ** h), whatever trial and person add.
    """
    gamma: list[_Floats] = []
    weight: list[float] = []
    for lag in range(1, min(_MAX_LAG, len(X) - 1) + 1):
        same = trial[lag:] == trial[:-lag]
        # Longer lags are of the ends of trials alone, where filters start and people stir.
        if not same.any() or (lag > 2 and same.sum() < weight[0] / 2):
            break
        gamma.append(0.5 * ((X[lag:] - X[:-lag])[same] ** 2).mean(axis=(0, 1)))
        weight.append(float(same.sum()))
    variogram, w, lags = np.stack(gamma), np.array(weight), np.arange(1, len(gamma) + 1)

    def variance(corr: float) -> _Floats:
        shape = 1 - corr**lags
        return np.asarray((w * shape) @ variogram / (w @ shape**2))

    def misfit(corr: float) -> float:
        relative = (variogram - np.outer(1 - corr**lags, variance(corr))) / variogram[0]
        return float(w @ (relative**2).sum(axis=1))

    corr = float(minimize_scalar(misfit, bounds=(0.0, 0.99), method="bounded", options={"xatol": 1e-6}).x)
    return variance(corr), corr


def _correlations(X: _Floats, trial: _Codes) -> tuple[_Floats, _Floats]:
    """Correlations of electrodes and of bands in what changes from window to window."""
    step = (X[1:] - X[:-1])[trial[1:] == trial[:-1]]
    spread = step.std(axis=0)
    if (spread == 0).any():
        raise DataError("an electrode has the same power in every window of a band; leave it out")
    step = step / spread
    spatial = np.einsum("wcb,wdb->cd", step, step, optimize=True)
    spectral = np.einsum("wcb,wcd->bd", step, step, optimize=True)
    return _correlation(spatial), _correlation(spectral)


def _correlation(product: _Floats) -> _Floats:
    sd = np.sqrt(np.diag(product))
    # A thousandth of independence: rereferenced electrodes add up to nothing, and could not be inverted.
    corr: _Floats = 0.999 * product / np.outer(sd, sd) + 0.001 * np.eye(len(sd))
    return corr


def _variance_of_mean(n_windows: npt.NDArray[np.int64], corr: float) -> _Floats:
    """Variance of the mean of n autocorrelated windows of variance 1."""
    by_n = {}
    for n in np.unique(n_windows):
        lag = np.arange(1, n)
        by_n[int(n)] = (n + 2 * ((n - lag) * corr**lag).sum()) / n**2
    return np.array([by_n[int(n)] for n in n_windows])


def _between_trials(trials: _Trials, counts: npt.NDArray[np.int64], noise: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """Variance of fingerprints and of signatures in every band, and the means (n_people, n_classes, n_chans, 5)."""
    class_mean = np.zeros((*counts.shape, *trials.mean.shape[1:]))
    np.add.at(class_mean, (trials.person, trials.label), trials.mean)
    class_mean /= counts[:, :, None, None]
    left = trials.mean - class_mean[trials.person, trials.label]
    both = (left**2).sum(axis=0).mean(axis=0) / (counts - 1).sum()
    stimulus = _stimulus_variance(trials, left)
    return np.maximum(both - noise - stimulus, 0), stimulus, class_mean


def _stimulus_variance(trials: _Trials, left: _Floats) -> _Floats:
    """Variance of what trials of one stimulus have in common in different people."""
    n_bands = left.shape[2]
    shared, pairs, share_kept = np.zeros(n_bands), 0, []
    for label in np.unique(trials.label):
        of_class = trials.label == label
        stimuli = np.unique(trials.stimulus[of_class])
        if len(stimuli) < 2:
            continue
        share_kept.append(1 - 1 / len(stimuli))
        for stimulus in stimuli:
            own = of_class & (trials.stimulus == stimulus)
            n = int(own.sum())
            if n < 2 or len(np.unique(trials.person[own])) < n:
                continue
            # The sum of all products of two different people.
            shared += (left[own].sum(axis=0) ** 2 - (left[own] ** 2).sum(axis=0)).mean(axis=0)
            pairs += n * (n - 1)
    if not pairs:
        return shared
    return np.maximum(shared / pairs / float(np.mean(share_kept)), 0)


def _with_effect(
    params: SimulationParams, class_mean: _Floats, counts: npt.NDArray[np.int64], stimulus_var: _Floats
) -> SimulationParams:
    n_people, n_classes = counts.shape
    around = class_mean - class_mean.mean(axis=1, keepdims=True)
    flat = around.reshape(n_people, n_classes, -1)
    inverse = np.linalg.inv(params.of_trial_mean())
    products = np.einsum("scd,de,tce->st", flat, inverse, flat, optimize=True)
    # Different people share the effect, and the mean signature of the stimuli they share.
    signature = (n_classes - 1) / counts.mean() * np.trace(inverse @ params.covariance("stimulus_sd"))
    strength = (products.sum() - np.trace(products)) / (n_people * (n_people - 1)) - signature
    strength = max(float(strength), 0.0)
    effect_sd = _spread_of_strength(products, counts, strength) if strength > 0 else 0.0
    patterns = around.mean(axis=0)
    size = np.linalg.norm(patterns) / np.sqrt(n_classes)
    raw = np.einsum("cd,de,ce->", patterns.reshape(n_classes, -1), inverse, patterns.reshape(n_classes, -1))
    effect = float(size * np.sqrt(strength / raw)) if raw > 0 else 0.0
    return replace(params, patterns=patterns / size, effect=effect, effect_sd=effect_sd)


def _spread_of_strength(products: _Floats, counts: npt.NDArray[np.int64], strength: float) -> float:
    """Deviation of people's strengths, each measured along the mean pattern of all others.

    Their own pattern would hold the noise of all electrodes and bands; along one direction there is little.
    """
    n = len(products)
    own = np.diag(products)
    along = (products.sum(axis=1) - own) / (n - 1)
    others = (products.sum() - 2 * products.sum(axis=1) + own) / (n - 1) ** 2
    noise = float((others * (1 / counts).mean(axis=1)).mean())
    return float(np.sqrt(max(along.var(ddof=1) - noise, 0.0)) / strength)


def _roots(variance: _Floats) -> tuple[float, ...]:
    return tuple(float(sd) for sd in np.sqrt(np.maximum(variance, 0)))
