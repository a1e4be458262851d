from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation import (
    adjusted_chance,
    bootstrap_interval,
    compare,
    holm,
    sign_flip_test,
    two_level_interval,
    worst_decile,
)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("n_people", [2, 4, 9, 13])
def test_the_exact_test_is_scipys(alternative: str, n_people: int) -> None:
    d = np.random.default_rng(n_people).normal(0.3, 1, n_people).round(2)
    theirs = scipy.stats.permutation_test(
        (d,), np.mean, permutation_type="samples", alternative=alternative, n_resamples=np.inf
    )
    # SciPy doubles the smaller tail; with patterns in pairs of opposite sign that is the same.
    assert sign_flip_test(d, alternative) == pytest.approx(theirs.pvalue)


def test_darwins_plants_as_fisher_tested_them() -> None:
    # The Design of Experiments, 1935, section 21: heights of 15 pairs of plants, in eighths of an inch. Of the 2^15
    # patterns of signs 1726 are as far from zero: 5.267 %.
    d = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sign_flip_test(d, n_resamples=200_000) == pytest.approx(1726 / 2**15, abs=4 * 0.0005)


def test_many_people_are_tested_at_random_and_repeatably() -> None:
    d = np.random.default_rng(0).normal(0.2, 1, 40)
    assert sign_flip_test(d) == sign_flip_test(d, rng=np.random.default_rng(0))
    # The t test is what the permutation test tends to.
    assert sign_flip_test(d, n_resamples=50_000) == pytest.approx(scipy.stats.ttest_1samp(d, 0).pvalue, abs=0.02)
    assert sign_flip_test(np.ones(40), n_resamples=99) == 0.01


def test_no_difference_is_never_significant() -> None:
    assert sign_flip_test([0.0, 0.0, 0.0]) == 1
    assert sign_flip_test(np.zeros(30)) == 1
    p = [sign_flip_test(np.random.default_rng(s).normal(size=10)) for s in range(400)]
    # A p value of 1024 patterns is uniform: 5 % of 400 studies below 0.05, give or take four standard errors.
    assert abs(np.mean(np.array(p) <= 0.05) - 0.05) < 0.044


def test_holm_by_hand() -> None:
    # Sorted: 0.001 x 4, 0.012 x 3, 0.04 x 2, 0.2 x 1.
    p = np.array([0.012, 0.001, 0.2, 0.04])
    assert holm(p).tolist() == pytest.approx([0.036, 0.004, 0.2, 0.08])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0
    # No smaller than the one before it.
    assert holm([0.01, 0.011, 0.02]).tolist() == pytest.approx([0.03, 0.03, 0.03])
    with pytest.raises(DataError, match="between 0 and 1"):
        holm([0.1, np.nan])


def _results(**values: list[float]) -> pd.DataFrame:
    n = len(next(iter(values.values())))
    people = pd.DataFrame({"subject": [f"{i:02d}" for i in range(n)], "protocol": "loso", "level": "window"})
    return pd.concat(
        [people.assign(variant=name, metric="balanced_accuracy", value=v) for name, v in values.items()]
    ).reset_index(drop=True)


def test_pairs_are_compared_over_people_and_corrected() -> None:
    rng = np.random.default_rng(1)
    base = rng.uniform(0.5, 0.8, 12)
    noise = base + rng.normal(0, 0.02, 12)
    table = compare(_results(base=list(base), same=list(noise), better=list(base + 0.1 + rng.normal(0, 0.02, 12))))
    assert table[["a", "b", "verdict"]].to_numpy().tolist() == [
        ["base", "same", "indistinguishable"],
        ["base", "better", "b better"],
        ["same", "better", "b better"],
    ]
    row = table.iloc[0]
    d = base - noise
    assert row["p"] == sign_flip_test(d)
    assert table["p_holm"].tolist() == holm(table["p"]).tolist()
    assert (row["low"], row["high"]) == bootstrap_interval(d)
    assert row["effect"] == pytest.approx(scipy.stats.ttest_1samp(d, 0).statistic / np.sqrt(12))
    assert row["a_higher"] + row["b_higher"] + row["equal"] == row["n_people"] == 12


def test_wilcoxon_is_scipys() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.uniform(0.5, 0.9, (2, 15))
    row = compare(_results(a=list(a), b=list(b)), test="wilcoxon").iloc[0]
    assert row["p"] == pytest.approx(scipy.stats.wilcoxon(a, b).pvalue)
    assert compare(_results(a=list(a), b=list(a)), test="wilcoxon").iloc[0]["p"] == 1


def test_people_scored_in_one_only_are_counted_and_left_out() -> None:
    row = compare(_results(a=[0.6, 0.7, np.nan, 0.8, 0.9], b=[0.5, 0.6, 0.9, 0.7, 0.7])).iloc[0]
    assert (row["n_people"], row["n_unpaired"]) == (4, 1)
    with pytest.raises(DataError, match="both scored on 3 people"):
        compare(_results(a=[0.6, 0.7, np.nan, 0.8], b=[0.6] * 4))


def test_a_smaller_error_is_better() -> None:
    errors = _results(a=[0.1, 0.1, 0.12, 0.1, 0.11, 0.1], b=[0.2, 0.21, 0.2, 0.19, 0.2, 0.25]).assign(metric="brier")
    assert compare(errors)["verdict"].tolist() == ["a better"]


def test_seeds_are_averaged_for_each_person() -> None:
    rng = np.random.default_rng(4)
    runs = [_results(a=list(rng.uniform(0.5, 0.9, 6)), b=list(rng.uniform(0.5, 0.9, 6))).assign(seed=s) for s in (0, 1)]
    mean = runs[0].assign(value=(runs[0]["value"] + runs[1]["value"]) / 2).drop(columns="seed")
    pd.testing.assert_frame_equal(compare(pd.concat(runs)), compare(mean))


def test_what_cannot_be_compared_is_refused() -> None:
    one = _results(a=[0.5, 0.6, 0.7, 0.8])
    with pytest.raises(DataError, match="only variant 'a'"):
        compare(one)
    with pytest.raises(DataError, match="two values for"):
        compare(pd.concat([one, one]))
    with pytest.raises(ConfigError, match="no test 't-test'"):
        compare(one, test="t-test")
    with pytest.raises(ConfigError, match="no column of results 'pipeline'"):
        compare(one, column="pipeline")
    with pytest.raises(ConfigError, match="no alternative 'more'"):
        sign_flip_test([1.0], "more")
    with pytest.raises(DataError, match="finite differences"):
        sign_flip_test([np.nan, 1.0])


def _crossed(people: np.ndarray, seeds: np.ndarray) -> pd.DataFrame:
    values = people[:, None] + seeds[None, :]
    rows = [(i, j, values[i, j]) for i in range(len(people)) for j in range(len(seeds))]
    return pd.DataFrame(rows, columns=["subject", "seed", "value"])


def test_the_two_level_interval_has_the_variance_that_theory_gives() -> None:
    rng = np.random.default_rng(0)
    people, seeds = rng.normal(0, 1, 40), rng.normal(0, 0.5, 30)
    low, high = two_level_interval(_crossed(people, seeds), rng=1)
    # Sums of independent parts: the bootstrap variance is var(people) / n + var(seeds) / m, nearly normal.
    error = np.sqrt(people.var() / 40 + seeds.var() / 30)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.03)
    assert (low + high) / 2 == pytest.approx(people.mean() + seeds.mean(), abs=0.02)
    # Of one seed it is the interval over people alone.
    one = two_level_interval(_crossed(people, np.zeros(1)), rng=1)
    assert one[1] - one[0] == pytest.approx(2 * 1.96 * people.std() / np.sqrt(40), rel=0.03)


def test_two_levels_need_every_seed_on_every_person() -> None:
    table = _crossed(np.arange(5.0), np.arange(2.0))
    with pytest.raises(DataError, match="1 of 5 people x 2 seeds have no value"):
        two_level_interval(table.iloc[1:])
    with pytest.raises(DataError, match="two values"):
        two_level_interval(pd.concat([table, table]))
    with pytest.raises(DataError, match="3 people"):
        two_level_interval(_crossed(np.arange(3.0), np.arange(2.0)))


def test_the_worst_decile_is_a_tenth_of_the_people() -> None:
    values = np.arange(25.0)
    assert worst_decile(values) == 1.0
    assert worst_decile(values, higher_is_better=False) == 23.0
    with pytest.raises(DataError, match="finite values"):
        worst_decile([0.5, np.nan])


def test_chance_by_trials_is_what_a_guesser_seldom_exceeds() -> None:
    # Combrisson & Jerbi 2015, table 1 for two classes at 5 %: 40 trials 62.5 %, 100 trials 58.0 %.
    assert adjusted_chance(40) == pytest.approx(0.625)
    assert adjusted_chance(100) == pytest.approx(0.58)
    guesses = np.random.default_rng(0).random((20_000, 15)) < 1 / 3
    assert (guesses.mean(axis=1) > adjusted_chance(15, 3) + 1e-9).mean() <= 0.05
    with pytest.raises(DataError, match="n_classes=1"):
        adjusted_chance(10, 1)
