"""Bayes' rule itself, applied to simulated windows: what no classifier beats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.datasets.simulated._labels import log_prior, log_prior_of_one
from affectbio.datasets.simulated._posterior import label_posterior
from affectbio.datasets.simulated._reduction import basis, strengths_of
from affectbio.datasets.simulated.parameters import SimulationParams, preset
from affectbio.errors import DataError
from affectbio.types import Windows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bayes_posterior"]


def bayes_posterior(windows: Windows, params: str | SimulationParams, access: str = "unlabelled") -> pd.DataFrame:
    """Apply the best rule there is to simulated windows.

    Parameters
    ----------
    windows : Windows
        As `simulate` gives them, all windows of every trial; an electrode that is NaN throughout a person is left out
        of theirs. Windows of rest are not used.
    params : str or SimulationParams
        Those the windows were drawn from.
    access : {"unlabelled", "none"}
        All trials of a person together, or each for itself.

    Returns
    -------
    pandas.DataFrame
        One row per trial: ``subject, trial, label``, and the probability of each class by its name.

    Raises
    ------
    DataError
        If the windows are not of those parameters: electrodes, windows per trial, labels.
    ValueError
        If there is no such access.

    Examples
    --------
    >>> from affectbio.datasets.simulated import simulate
    >>> found = bayes_posterior(simulate("headset-4", 20, 12, seed=1), "headset-4")
    >>> bool((found[["low", "high"]].idxmax(axis=1) == found["label"]).mean() > 0.6)
    True
    """
    import pandas as pd

    params = preset(params)
    if access not in ("none", "unlabelled"):
        raise ValueError(f"access is 'none' or 'unlabelled'; found {access!r}")
    classes = list(params.classes)
    names = tuple(channel.name for channel in windows.channels)
    if names != tuple(params.ch_names) or windows.X.shape[1:] != (len(names), 5) or windows.y is None:
        raise DataError(
            f"expected labelled windows of {len(params.ch_names)} electrodes and 5 bands, as drawn from these "
            f"parameters; found X of shape {windows.X.shape}, electrodes {', '.join(names) or 'not named'}"
        )
    used = windows.take(np.isin(windows.y, classes))
    trial, y = used.metadata["trial"].to_numpy(dtype=object), np.asarray(used.y)
    indices = used.metadata.groupby(["subject", "trial"], sort=False).indices
    tables = []
    patterns, means = basis(params)
    W, S = params.of_trial_mean(), params.covariance("subject_sd")
    for subject, trials in _by_subject(indices):
        rows = np.stack(trials)
        if rows.shape[1] != params.n_windows:
            raise DataError(f"subject {subject!r}: expected {params.n_windows} windows a trial, found {rows.shape[1]}")
        z = np.einsum("twcb,w->tcb", used.X[rows] - params.mean_log_power(), params.window_weights())
        keep = np.repeat(np.isfinite(z).all(axis=(0, 2)), 5)
        z = z.reshape(len(z), -1)[:, keep]
        B, kept = patterns[keep], np.ix_(keep, keep)
        n_together = len(z) if access == "unlabelled" else 1
        groups = z.reshape(-1, n_together, z.shape[1])
        toward = np.linalg.solve(W[kept], B)
        mean_toward = np.linalg.solve(S[kept] + W[kept] / n_together, B)
        posterior = label_posterior(
            groups @ toward,
            groups.mean(axis=1) @ mean_toward,
            means,
            (B.T @ toward)[None],
            (B.T @ mean_toward)[None],
            *strengths_of(params, means, (B.T @ toward)[None], n_together),
            log_prior(params, n_together)[None] if access == "unlabelled" else log_prior_of_one(params)[None],
        ).reshape(-1, len(classes))
        first = rows[:, 0]
        who = {"subject": subject, "trial": trial[first], "label": y[first]}
        tables.append(pd.DataFrame({**who, **dict(zip(classes, posterior.T, strict=True))}))
    return pd.concat(tables, ignore_index=True)


def _by_subject(indices: Mapping[Any, Any]) -> list[tuple[str, list[npt.NDArray[np.intp]]]]:
    people: dict[str, list[npt.NDArray[np.intp]]] = {}
    for (subject, _), rows in indices.items():
        people.setdefault(subject, []).append(rows)
    return list(people.items())
