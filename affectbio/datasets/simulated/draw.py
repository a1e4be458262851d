"""Draws simulated people: their log band powers, window by window, with who and what each window is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.datasets.simulated._labels import draw_labels
from affectbio.datasets.simulated._reduction import draw_masks
from affectbio.datasets.simulated.parameters import BANDS, SimulationParams, preset
from affectbio.types import Channel, Windows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["simulate"]

_Floats = npt.NDArray[np.float64]

#: Seconds between trials, and between rest and the first.
GAP_S = 2.0

# Power that eyes (delta, theta, at the front pole) and muscles (beta, gamma, at the temples) add, in V².
_EYES = np.array([400.0, 60.0, 5.0, 0.0, 0.0]) * 1e-12
_MUSCLES = np.array([0.0, 0.0, 2.0, 20.0, 30.0]) * 1e-12


class Drawn(NamedTuple):
    """One simulated person.

    Parameters
    ----------
    log_power : ndarray, shape (n_windows, n_chans, 5)
        In nats, NaN for a lost electrode.
    table : pandas.DataFrame
        Metadata of those windows: ``subject, session, trial, stimulus, start, stop, trial_type``.
    rng : numpy.random.Generator
        Source of chance of whatever is drawn of that person further on.
    """

    log_power: _Floats
    table: pd.DataFrame
    rng: np.random.Generator


def subject_names(n_subjects: int) -> list[str]:
    """Give the people's pseudonyms, ``"001"`` the first."""
    return [f"{person + 1:03d}" for person in range(n_subjects)]


def simulate(
    params: str | SimulationParams,
    n_subjects: int = 16,
    n_trials: int = 20,
    seed: int = 0,
    *,
    rest_windows: int = 0,
) -> Windows:
    """Draw the features of simulated people.

    Parameters
    ----------
    params : str or SimulationParams
        A name in `PRESETS`, or parameters.
    n_subjects : int
        People. The first ones are the same however many there are.
    n_trials : int
        Trials of each.
    seed : int
        At least 0. The same one gives the same people on every machine.
    rest_windows : int
        Windows of rest before the first trial, with no class in them but a fingerprint of their own: class ``"rest"``.

    Returns
    -------
    Windows
        ``X`` of shape (n_subjects * (rest_windows + n_trials * n_windows), n_chans, 5): log power in V², natural
        logarithm. Trials of one class go by ``stimulus`` ``"high-00"``, ``"high-01"``, …, seen by all in an order of
        their own.

    Raises
    ------
    ConfigError
        If there is no such preset.
    ValueError
        If a number of people or trials is below 1, or the seed below 0.

    Notes
    -----
    Time and memory are linear in the number of windows.

    Examples
    --------
    >>> windows = simulate("headset-4", n_subjects=3, n_trials=4)
    >>> windows.X.shape, windows.features
    ((120, 4, 5), ('delta', 'theta', 'alpha', 'beta', 'gamma'))
    """
    import pandas as pd

    params = preset(params)
    if n_subjects < 1:
        raise ValueError(f"expected at least 1 person; found n_subjects={n_subjects}")
    people = [draw_person(params, n_trials, seed, person, rest_windows) for person in range(n_subjects)]
    table = pd.concat([person.table for person in people], ignore_index=True)
    return Windows(
        X=np.concatenate([person.log_power for person in people]),
        y=table["trial_type"].to_numpy(),
        metadata=table,
        axes=("window", "channel", "band"),
        channels=[Channel(name) for name in params.ch_names],
        features=tuple(band.name for band in BANDS),
    )


def draw_person(params: SimulationParams, n_trials: int, seed: int, person: int, rest_windows: int = 0) -> Drawn:
    """Draw one person, the same whoever else is drawn.

    Parameters
    ----------
    params : SimulationParams
        Of the benchmark.
    n_trials : int
        Trials.
    seed : int
        Of the whole benchmark.
    person : int
        Number of the person, from 0.
    rest_windows : int
        Windows of rest before the first trial.

    Returns
    -------
    Drawn
        Log powers and metadata.

    Raises
    ------
    ValueError
        If there is no trial, or the seed is below 0.
    """
    if n_trials < 1 or rest_windows < 0 or seed < 0:
        raise ValueError(
            f"expected n_trials >= 1, rest_windows >= 0 and seed >= 0; found n_trials={n_trials}, "
            f"rest_windows={rest_windows}, seed={seed}"
        )
    rng = np.random.default_rng([seed, person + 1])
    space, bands = np.linalg.cholesky(params.spatial_correlation()), np.linalg.cholesky(params.spectral_correlation())

    def term(name: str, *shape: int, of: np.random.Generator = rng) -> _Floats:
        white = of.standard_normal((*shape, len(space), len(bands)))
        return np.asarray(space @ white @ bands.T) * params.deviations(name)

    def noise(n_windows: int, *shape: int) -> _Floats:
        e = term("noise_sd", n_windows, *shape)
        for i in range(1, n_windows):
            e[i] = params.noise_corr * e[i - 1] + np.sqrt(1 - params.noise_corr**2) * e[i]
        return e

    y = draw_labels(params, n_trials, rng)
    number = _stimulus_numbers(y, rng)
    strength = 1 + params.effect_sd * rng.standard_normal()
    offset = term("subject_sd")
    trials = offset + term("trial_sd", n_trials) + strength * params.class_patterns()[y]
    if np.any(params.deviations("stimulus_sd")):
        # A signature belongs to the stimulus: drawn from the seed and its name alone, whoever sees it.
        own = [np.random.default_rng([seed, 0, int(c), int(k)]) for c, k in zip(y, number, strict=True)]
        trials += np.stack([term("stimulus_sd", of=generator) for generator in own])
    windows = (trials + noise(params.n_windows, n_trials)).swapaxes(0, 1).reshape(-1, len(space), len(bands))
    if rest_windows:
        rest = offset + term("trial_sd") + noise(rest_windows)
        windows = np.concatenate([rest, windows])
    if params.mixing_sd:
        seen = rng.standard_normal((len(space), len(space))) / np.sqrt(len(space))
        windows = windows + params.mixing_sd * (seen @ windows)
    z = params.mean_log_power() + windows
    if params.artefact_rate:
        z = np.logaddexp(z, _artefacts(params, len(z), rng))
    if params.missing_rate:
        z[:, ~draw_masks(params, rng, 1)[0]] = np.nan
    names = [f"{c}-{k:02d}" for c, k in zip(np.array(list(params.classes))[y], number, strict=True)]
    return Drawn(z, _table(params, person, names, rest_windows), rng)


def _stimulus_numbers(y: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Give each trial the number of its stimulus within its class, in an order of this person's own."""
    number = np.empty_like(y)
    for c in np.unique(y):
        number[y == c] = rng.permutation(int((y == c).sum()))
    return number


def _artefacts(params: SimulationParams, n_windows: int, rng: np.random.Generator) -> _Floats:
    """Log power that eyes or muscles add to each window, -inf in most."""
    hit = rng.random(n_windows) < params.artefact_rate
    eyes = rng.random(n_windows) < 0.5
    size = rng.lognormal(0.0, 0.5, n_windows)
    maps = np.stack([np.outer(params.nearness("T7", "T8"), _MUSCLES), np.outer(params.nearness("Fp1", "Fp2"), _EYES)])
    power = (hit * size)[:, None, None] * maps[eyes.astype(int)]
    log: _Floats = np.log(power, out=np.full_like(power, -np.inf), where=power > 0)
    return log


def _table(params: SimulationParams, person: int, stimuli: list[str], rest_windows: int) -> pd.DataFrame:
    import pandas as pd

    n, length = params.n_windows, params.window_s
    parts = [("rest", "rest", 0.0, rest_windows)] if rest_windows else []
    begin = rest_windows * length + GAP_S if rest_windows else 0.0
    parts += [(f"{t:03d}", s, begin + t * (n * length + GAP_S), n) for t, s in enumerate(stimuli)]
    return pd.DataFrame(
        {
            "subject": f"{person + 1:03d}",
            "session": "01",
            "trial": [trial for trial, _, _, k in parts for _ in range(k)],
            "stimulus": [stimulus for _, stimulus, _, k in parts for _ in range(k)],
            "start": [onset + i * length for _, _, onset, k in parts for i in range(k)],
            "stop": [onset + (i + 1) * length for _, _, onset, k in parts for i in range(k)],
            "trial_type": [stimulus.rsplit("-", 1)[0] for _, stimulus, _, k in parts for _ in range(k)],
        }
    )
