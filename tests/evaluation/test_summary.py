from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affectbio.errors import DataError
from affectbio.evaluation import bootstrap_interval, summarise

KEY = {"variant": "a", "protocol": "p", "target_access": "none", "metric": "balanced_accuracy", "level": "window"}


def _tables(values: list[float], null: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    people = pd.DataFrame(
        {"value": values, "n_windows": 10, "n_trials": 2, "chance": 0.5, "leaks": "", "shares": "", **KEY}
    )
    return people, pd.DataFrame({"value": null, "permutation": range(len(null)), **KEY})


def test_a_row_holds_the_number_and_all_its_context() -> None:
    values, null = [0.6, 0.7, 0.8, 0.9, 1.0], list(np.linspace(0.4, 0.6, 41))
    row = summarise(*_tables(values, null), rng=5).iloc[0]
    assert row["mean"] == pytest.approx(0.8)
    assert row["excess"] == pytest.approx(0.3)
    low, high = bootstrap_interval(values, rng=5)
    assert row["low"] == low
    assert row["high"] == min(high, 1.0)
    assert (row["n_people"], row["n_trials"], row["n_windows"], row["n_permutations"]) == (5, 10, 50, 41)
    assert (row["null_low"], row["null_high"]) == pytest.approx((0.405, 0.595))
    assert row["p"] == pytest.approx(1 / 42)
    assert row["chance"] == 0.5
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))
    assert row["worst_decile"] == 0.6
    assert row["n_excluded"] == 0


def test_people_without_a_value_are_counted_and_not_averaged() -> None:
    with_gap, null = _tables([0.6, np.nan, 0.7, 0.8, 0.9], [0.5] * 5)
    row = summarise(with_gap, null).iloc[0]
    assert row["mean"] == pytest.approx(0.75)
    assert (row["n_people"], row["n_excluded"], row["n_trials"]) == (4, 1, 8)


def test_an_error_is_better_when_it_is_smaller() -> None:
    people, null = (t.assign(metric="brier") for t in _tables([0.1, 0.12, 0.08, 0.2], [0.25] * 19))
    row = summarise(people, null).iloc[0]
    assert row["p"] == 0.05
    assert row["excess"] == pytest.approx(-0.125)
    assert row["worst_decile"] == 0.2


def test_an_interval_of_a_share_stays_between_0_and_1() -> None:
    row = summarise(*_tables([1.0, 1.0, 1.0, 0.5], [0.5] * 5)).iloc[0]
    assert 0 <= row["low"] < row["mean"] < row["high"] <= 1


def test_a_number_without_its_control_cannot_be_had() -> None:
    people, null = _tables([0.6, 0.7, 0.8, 0.9], [0.5])
    with pytest.raises(DataError, match="no control for a / p / none"):
        summarise(people, null.assign(protocol="another"))
    with pytest.raises(DataError, match="no control"):
        summarise(people, null.iloc[:0])
    with pytest.raises(DataError, match="no results"):
        summarise(people.iloc[:0], null)


def test_rows_keep_the_order_of_the_results() -> None:
    people, null = _tables([0.6, 0.7, 0.8, 0.9], [0.5])
    both = [pd.concat([t.assign(variant="z"), t]) for t in (people, null)]
    assert summarise(*both)["variant"].tolist() == ["z", "a"]
