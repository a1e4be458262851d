"""Is one pipeline better than another? Paired over people, corrected for how many were compared, chance by trials.

The unit is the person: windows and trials of one person are no independent witnesses. Pairs that cannot be told apart
are called indistinguishable, which is a result.
"""

from __future__ import annotations

from itertools import combinations
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.stats

from affectbio.errors import DataError
from affectbio.evaluation.metrics import MIN_PEOPLE, SCORERS, bootstrap_interval
from affectbio.registry import unknown_name

__all__ = ["adjusted_chance", "compare", "holm", "sign_flip_test", "two_level_interval", "worst_decile"]

#: Up to so many people every pattern of signs is tried: 2 ** 13 of them.
EXACT_UP_TO = 13

_SAME = ["protocol", "metric", "level"]


def sign_flip_test(
    differences: npt.ArrayLike,
    alternative: str = "two-sided",
    *,
    n_resamples: int = 10_000,
    rng: np.random.Generator | int = 0,
) -> float:
    """Test whether paired differences are centred on 0, by exchanging their signs (Fisher 1935).

    If the two pipelines were the same, each person's difference could as well have had the other sign. With 13 people
    or fewer all patterns of signs are tried and the p value is exact; with more, some at random, and the observed
    pattern counts as one of them.

    Parameters
    ----------
    differences : array-like, shape (n_people,)
        One score less the other.
    alternative : "two-sided", "greater" or "less"
        What is to be shown of the mean difference.
    n_resamples : int
        Patterns of signs tried where there are too many for all.
    rng : numpy.random.Generator or int
        Source of those, or its seed.

    Returns
    -------
    float
        p value; 1 if no difference differs from 0.

    Raises
    ------
    DataError
        If there are no differences, or one is not finite.
    ConfigError
        If there is no such alternative.

    Examples
    --------
    >>> sign_flip_test([0.1, 0.2, 0.05, 0.3])  # 2 of 16 patterns are as far from 0
    0.125
    """
    d = np.asarray(differences, dtype=float)
    if d.ndim != 1 or not len(d) or not np.isfinite(d).all():
        raise DataError(f"expected finite differences of shape (n_people,), at least one; found shape {d.shape}")
    if alternative not in ("two-sided", "greater", "less"):
        raise unknown_name("alternative", alternative, ("two-sided", "greater", "less"))
    if len(d) <= EXACT_UP_TO:
        patterns = (np.arange(2 ** len(d))[:, None] >> np.arange(len(d))) & 1
        sums = (1 - 2 * patterns) @ d
    else:
        signs = np.random.default_rng(rng).integers(0, 2, size=(n_resamples, len(d)), dtype=np.int8)
        sums = (1 - 2 * signs) @ d
    observed = d.sum()
    if alternative == "two-sided":
        sums, observed = np.abs(sums), abs(observed)
    elif alternative == "less":
        sums, observed = -sums, -observed
    # Sums of the same numbers in another pattern of signs differ in their last bits.
    as_far = np.count_nonzero(sums >= observed - 1e-12 * np.abs(d).sum())
    return float(as_far / len(sums) if len(d) <= EXACT_UP_TO else (1 + as_far) / (1 + len(sums)))


def holm(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjust p values for their number, so that the chance of any false finding stays below the level.

    Holm, Scand. J. Stat. 6, 1979: the smallest is multiplied by n, the next by n - 1, …, and none is smaller than the
    one before it. Valid whatever the dependence between the tests.

    Parameters
    ----------
    p : array-like, shape (n_tests,)
        p values.

    Returns
    -------
    ndarray, shape (n_tests,)
        Adjusted, in the order given, at most 1.

    Raises
    ------
    DataError
        If one is not between 0 and 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, dtype=float)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise DataError(f"expected p values between 0 and 1 of shape (n_tests,), found {p}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def compare(
    results: pd.DataFrame,
    *,
    column: str = "variant",
    test: str = "sign-flip",
    alpha: float = 0.05,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Compare every pair of pipelines over the people whom both were scored on.

    Parameters
    ----------
    results : pandas.DataFrame
        From `evaluate`, of several variants, concatenated. Where there is a column ``seed``, each person's values are
        averaged over seeds first.
    column : str
        What is compared.
    test : "sign-flip" or "wilcoxon"
        `sign_flip_test`, or Wilcoxon's signed ranks, which ask for the median and forgive one odd person.
    alpha : float
        Level of the verdict, and 1 - alpha of the interval.
    rng : numpy.random.Generator or int
        Source of chance, or its seed.

    Returns
    -------
    pandas.DataFrame
        One row per pair, protocol, metric and level: ``protocol, metric, level, a, b, n_people, n_unpaired`` (people
        scored in one only), ``mean_a, mean_b, difference`` (a - b) with its interval ``low, high`` over people (not
        corrected for the number of pairs), ``effect`` (mean over standard deviation of the differences, Cohen's d_z;
        NaN if all are equal), ``a_higher, b_higher, equal`` (people), ``p``, ``p_holm`` (two-sided, corrected across
        the pairs of one protocol, metric and level) and ``verdict``: ``"a better"``, ``"b better"`` or
        ``"indistinguishable"``.

    Raises
    ------
    DataError
        If there are fewer than two variants, two values for one person, or fewer than 4 people in a pair.
    ConfigError
        If there is no such test or column.

    Examples
    --------
    >>> people = pd.DataFrame({"subject": list("abcdef"), "protocol": "loso", "metric": "auc", "level": "window"})
    >>> one = people.assign(variant="one", value=[0.8, 0.7, 0.9, 0.75, 0.85, 0.8])
    >>> two = people.assign(variant="two", value=[0.6, 0.6, 0.7, 0.65, 0.70, 0.75])
    >>> compare(pd.concat([one, two]))[["a", "b", "n_people", "p_holm", "verdict"]]
         a    b  n_people   p_holm   verdict
    0  one  two         6  0.03125  a better
    """
    if test not in ("sign-flip", "wilcoxon"):
        raise unknown_name("test", test, ("sign-flip", "wilcoxon"))
    for needed in (column, "subject", "value", *_SAME):
        if needed not in results.columns:
            raise unknown_name("column of results", needed, map(str, results.columns))
    rows: list[dict[str, Any]] = []
    for key, table in results.groupby(_SAME, sort=False):
        facts = dict(zip(_SAME, map(str, key), strict=True))
        values = _by_variant(table, column)
        if len(values.columns) < 2:
            raise DataError(
                f"only {column} {values.columns[0]!r} under {' / '.join(facts.values())}; expected two to compare"
            )
        pairs = [_pair(values[a], values[b], test, alpha, rng) for a, b in combinations(values.columns, 2)]
        for (a, b), pair, adjusted in zip(
            combinations(values.columns, 2), pairs, holm([pair["p"] for pair in pairs]), strict=True
        ):
            better = "a" if (pair["difference"] > 0) == SCORERS[facts["metric"]].higher_is_better else "b"
            verdict = f"{better} better" if adjusted <= alpha else "indistinguishable"
            rows.append({**facts, "a": a, "b": b, **pair, "p_holm": float(adjusted), "verdict": verdict})
    return pd.DataFrame(rows)


def _by_variant(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Give people as rows and variants as columns, in the order of the table."""
    one_each = [column, "subject", *(["seed"] if "seed" in table.columns else [])]
    twice = table.duplicated(one_each)
    if twice.any():
        again = table.loc[twice, one_each].iloc[0].to_dict()
        raise DataError(f"two values for {again}; compare one value per person (and seed) and {column}")
    means = table.groupby([column, "subject"], sort=False)["value"].mean()
    return means.unstack(column)[list(dict.fromkeys(table[column]))]


def _pair(
    a: pd.Series[float], b: pd.Series[float], test: str, alpha: float, rng: np.random.Generator | int
) -> dict[str, Any]:
    both = a.notna() & b.notna()
    n_people = int(both.sum())
    if n_people < MIN_PEOPLE:
        raise DataError(
            f"{a.name!r} and {b.name!r} were both scored on {n_people} people; expected {MIN_PEOPLE} or more to compare"
        )
    d = (a[both] - b[both]).to_numpy(dtype=float)
    low, high = bootstrap_interval(d, 1 - alpha, rng=rng)
    if test == "sign-flip":
        p = sign_flip_test(d, rng=rng)
    else:
        p = float(scipy.stats.wilcoxon(d).pvalue) if (d != 0).any() else 1.0
    spread = d.std(ddof=1)
    return {
        "n_people": n_people,
        "n_unpaired": int((a.notna() ^ b.notna()).sum()),
        "mean_a": float(a[both].mean()),
        "mean_b": float(b[both].mean()),
        "difference": float(d.mean()),
        "low": low,
        "high": high,
        "effect": float(d.mean() / spread) if np.ptp(d) else float("nan"),
        "a_higher": int((d > 0).sum()),
        "b_higher": int((d < 0).sum()),
        "equal": int((d == 0).sum()),
        "p": p,
    }


def two_level_interval(
    results: pd.DataFrame, level: float = 0.95, *, n_boot: int = 10_000, rng: np.random.Generator | int = 0
) -> tuple[float, float]:
    """Give an interval for the mean over people and seeds, by drawing both.

    People and seeds are crossed: every seed was run on every person. Both are drawn with replacement, independently
    (the pigeonhole bootstrap, Owen, Ann. Appl. Stat. 1, 2007), so that neither few people nor few seeds look like many
    people times seeds. It errs on the wide side.

    Parameters
    ----------
    results : pandas.DataFrame
        With ``subject, seed, value``, one value for every person and seed.
    level : float
        Share of such intervals that hold the true mean, between 0 and 1.
    n_boot : int
        Number of resamples.
    rng : numpy.random.Generator or int
        Source of the resamples, or its seed.

    Returns
    -------
    low, high : float
        Percentiles, in the unit of ``value``.

    Raises
    ------
    DataError
        If a person lacks a seed or a value, has two, or there are fewer than 4 people.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": list("abcd") * 2, "seed": [0] * 4 + [1] * 4,
    ...                       "value": [0.5, 0.6, 0.7, 0.8, 0.6, 0.7, 0.8, 0.9]})
    >>> low, high = two_level_interval(table)
    >>> round(low, 2), round(high, 2)
    (0.57, 0.82)
    """
    if results.duplicated(["subject", "seed"]).any():
        raise DataError("two values for one person and seed; expected one each, of one variant, metric and level")
    values = results.pivot(index="subject", columns="seed", values="value").to_numpy(dtype=float)
    n_people, n_seeds = values.shape
    if n_people < MIN_PEOPLE:
        raise DataError(f"an interval over {n_people} people is guesswork; expected at least {MIN_PEOPLE} people")
    if not np.isfinite(values).all():
        raise DataError(
            f"{np.sum(~np.isfinite(values))} of {n_people} people x {n_seeds} seeds have no value; every seed must be "
            f"run on every person"
        )
    rng = np.random.default_rng(rng)
    people = rng.multinomial(n_people, np.full(n_people, 1 / n_people), size=n_boot) / n_people
    seeds = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=n_boot) / n_seeds
    means = np.einsum("bp,ps,bs->b", people, values, seeds, optimize=True)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def worst_decile(values: npt.ArrayLike, *, higher_is_better: bool = True) -> float:
    """Give the mean over the tenth of the people for whom it works worst, at least one of them.

    Parameters
    ----------
    values : array-like, shape (n_people,)
        One value per person.
    higher_is_better : bool
        False for errors.

    Returns
    -------
    float
        In the unit of ``values``.

    Raises
    ------
    DataError
        If there are none, or one is not finite.

    Examples
    --------
    >>> worst_decile([0.9, 0.8, 0.5, 0.7])
    0.5
    """
    values = np.sort(np.asarray(values, dtype=float))
    if not len(values) or not np.isfinite(values).all():
        raise DataError(f"expected finite values of at least one person, found {values}")
    n_worst = ceil(len(values) / 10)
    return float((values[:n_worst] if higher_is_better else values[-n_worst:]).mean())


def adjusted_chance(n_trials: int, n_classes: int = 2, alpha: float = 0.05) -> float:
    """Give the accuracy that a guesser exceeds with probability alpha at most (Combrisson & Jerbi 2015).

    The quantile of the binomial distribution over **trials**. Over windows it would be far too low: those of one trial
    are right or wrong together (J. Neurosci. Methods 250, 2015).

    Parameters
    ----------
    n_trials : int
        Number of independent trials tested, classes equally frequent.
    n_classes : int
        Number of classes.
    alpha : float
        Probability of exceeding it by guessing.

    Returns
    -------
    float
        Share of trials; an accuracy above it is better than chance.

    Raises
    ------
    DataError
        If there are no trials or fewer than two classes, or alpha is not between 0 and 1.

    Examples
    --------
    >>> round(adjusted_chance(15, 3), 3)  # one session of SEED
    0.533
    """
    if n_trials < 1 or n_classes < 2 or not 0 < alpha < 1:
        raise DataError(
            f"expected trials, two classes or more and 0 < alpha < 1; found n_trials={n_trials}, "
            f"n_classes={n_classes}, alpha={alpha}"
        )
    return float(scipy.stats.binom.ppf(1 - alpha, n_trials, 1 / n_classes) / n_trials)
