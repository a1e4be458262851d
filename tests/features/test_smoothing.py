"""Smoothing over windows: by trial, causal, and the same live."""

import numpy as np
import pandas as pd
import pytest

from affectbio.features import Smoothing
from affectbio.types import Windows


def windows(n=30, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"subject": "01", "session": "01", "trial": np.repeat(["a", "b", "c"], n // 3)})
    table["stimulus"], table["start"], table["stop"] = "film", np.arange(n, dtype=float), np.arange(n) + 1.0
    return Windows(rng.standard_normal((n, 4, 5)), np.arange(n), table, ("window", "channel", "band"))


@pytest.mark.parametrize("smoothing", [Smoothing(), Smoothing("moving-average", n=3)])
def test_a_trial_is_smoothed_by_itself_in_the_order_of_time(smoothing):
    whole = windows()
    found = smoothing.apply(whole)
    shuffled = np.random.default_rng(1).permutation(30)
    np.testing.assert_array_equal(smoothing.apply(whole.take(shuffled)).X, found.X[shuffled])
    for trial in range(3):
        rows = slice(10 * trial, 10 * trial + 10)
        live = smoothing.stream()
        one_by_one = np.concatenate([live.push(x[None]) for x in whole.X[rows]])
        np.testing.assert_allclose(found.X[rows], one_by_one, rtol=1e-12)
    assert found.X[1:10].std() < whole.X[1:10].std()
    assert found.y.tolist() == whole.y.tolist()


@pytest.mark.parametrize("smoothing", [Smoothing(), Smoothing("moving-average")])
def test_nothing_is_seen_before_it_comes(smoothing):
    whole = windows()
    later = windows()
    later.X[6:10] = 100
    np.testing.assert_array_equal(smoothing.apply(later).X[:6], smoothing.apply(whole).X[:6])


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="'lds' or 'moving-average'"):
        Smoothing("median")
    with pytest.raises(ValueError, match="at least one window"):
        Smoothing(n=0)
