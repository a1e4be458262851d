"""Brings the scores of people and their controls together: one row per thing compared, no number without context."""

from __future__ import annotations

import numpy as np
import pandas as pd

from affectbio.errors import DataError
from affectbio.evaluation.comparison import worst_decile
from affectbio.evaluation.controls import p_value
from affectbio.evaluation.metrics import SCORERS, bootstrap_interval

__all__ = ["summarise"]

_KEY = ["variant", "protocol", "target_access", "metric", "level"]


def summarise(
    results: pd.DataFrame, controls: pd.DataFrame | None, *, level: float = 0.95, rng: np.random.Generator | int = 0
) -> pd.DataFrame:
    """Say what was found, on how many people, how surely, and how much more than with exchanged labels.

    Parameters
    ----------
    results : pandas.DataFrame
        From `evaluate`; of several variants, concatenated.
    controls : pandas.DataFrame or None
        From `permutation_control` with the same variants and protocols, concatenated. A result without its control is
        refused; None says that none could be afforded, and then null, excess and p are NaN.
    level : float
        Of the interval over people, and of the range of the null.
    rng : numpy.random.Generator or int
        Source of the bootstrap, or its seed.

    Returns
    -------
    pandas.DataFrame
        One row per variant, protocol, target access, metric and level, in the order given: ``mean`` over the people
        who could be scored with its interval ``low, high``; their ``sd`` and the mean of the ``worst_decile`` of them;
        ``n_people, n_excluded`` (who could not be scored, see ``why`` in the results), ``n_trials, n_windows``;
        ``chance``; ``null_mean, null_low, null_high`` of ``n_permutations``; ``excess`` over the null mean, below 0
        where an error is smaller; one-sided ``p``; ``leaks``, and ``shares``: what else is the same in training and
        test, such as the stimuli where everybody saw the same.

    Raises
    ------
    DataError
        If a result has no control, or there are too few people for an interval.
    """
    if results.empty:
        raise DataError("no results to summarise; expected the table that evaluate gives")
    null_of = {} if controls is None else {k: t["value"].to_numpy() for k, t in controls.groupby(_KEY, sort=False)}
    rows = []
    for key, everybody in results.groupby(_KEY, sort=False):
        if controls is not None and key not in null_of:
            raise DataError(
                f"no control for {' / '.join(map(str, key))}; run permutation_control with the same variant, windows "
                f"and protocol: a score means nothing beside an unknown chance level"
            )
        null = null_of.get(key, np.empty(0))
        people = everybody[everybody["value"].notna()]
        values = people["value"].to_numpy(dtype=float)
        mean = float(values.mean()) if len(values) else float("nan")
        low, high = bootstrap_interval(values, level, rng=rng)
        scorer = SCORERS[str(everybody["metric"].iloc[0])]
        sign = 1 if scorer.higher_is_better else -1
        null_low, null_high = np.quantile(null, [(1 - level) / 2, (1 + level) / 2]) if len(null) else (np.nan, np.nan)
        null_mean = float(null.mean()) if len(null) else float("nan")
        rows.append(
            {
                **dict(zip(_KEY, key, strict=True)),
                "mean": mean,
                "low": max(low, scorer.low),
                "high": min(high, scorer.high),
                "sd": float(values.std(ddof=1)),
                "worst_decile": worst_decile(values, higher_is_better=scorer.higher_is_better),
                "n_people": len(people),
                "n_excluded": len(everybody) - len(people),
                "n_trials": int(people["n_trials"].sum()),
                "n_windows": int(people["n_windows"].sum()),
                "chance": float(people["chance"].iloc[0]),
                "null_mean": null_mean,
                "null_low": float(null_low),
                "null_high": float(null_high),
                "n_permutations": len(null),
                "excess": mean - null_mean,
                "p": p_value(sign * mean, sign * null) if len(null) else float("nan"),
                "leaks": people["leaks"].iloc[0],
                "shares": people["shares"].iloc[0],
            }
        )
    return pd.DataFrame(rows)
