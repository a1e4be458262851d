from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from affectbio.errors import DataError
from affectbio.evaluation import p_value, permute_labels
from affectbio.types import Windows

Make = Callable[..., Windows]


def _by_trial(windows: Windows) -> dict[str, set[str]]:
    trials = windows.groups("subject", "trial")
    assert windows.y is not None
    return {t: set(windows.y[trials == t]) for t in np.unique(trials)}


def test_whole_trials_are_exchanged_within_a_person_only(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=6, n_trials=6)
    exchanged = permute_labels(windows, np.random.default_rng(0))
    before, after = _by_trial(windows), _by_trial(exchanged)
    assert all(len(labels) == 1 for labels in after.values())
    assert before != after
    for person in range(6):
        own = [t for t in before if t.startswith(f"{person:02d}/")]
        assert Counter(min(before[t]) for t in own) == Counter(min(after[t]) for t in own)
    np.testing.assert_array_equal(exchanged.X, windows.X)


def test_two_trials_are_swapped_half_of_the_time(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4, n_trials=2, n_each=1)
    rng = np.random.default_rng(0)
    swapped = np.mean([permute_labels(windows, rng).y != windows.y for _ in range(1000)], axis=0)
    # 1000 draws: four standard errors are 0.063. Every person is swapped by a coin of their own.
    assert np.abs(swapped - 0.5).max() < 0.063


def test_what_cannot_be_exchanged_is_refused(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=3)
    rng = np.random.default_rng(0)
    with pytest.raises(DataError, match="without labels"):
        permute_labels(replace(windows, y=None), rng)
    assert windows.y is not None
    mixed = windows.y.copy()
    mixed[1] = "other"
    with pytest.raises(DataError, match="trial 00/01/000 holds the labels"):
        permute_labels(replace(windows, y=mixed), rng)
    with pytest.raises(DataError, match="no subject has two trials of different labels"):
        permute_labels(replace(windows, y=windows.groups("subject")), rng)


def test_the_p_value_counts_the_observed_score_itself() -> None:
    assert p_value(0.9, np.linspace(0.4, 0.6, 19)) == 0.05
    assert p_value(0.5, [0.5, 0.4, 0.6]) == 0.75
    assert p_value(0.5, []) == 1.0


def test_p_values_of_nothing_are_uniform() -> None:
    scores = np.random.default_rng(0).normal(size=(4000, 20))
    p = np.array([p_value(row[0], row[1:]) for row in scores])
    # Exchangeable scores: each of the 20 ranks is equally likely, so P(p <= 0.05) = 0.05; standard error 0.0034.
    assert abs((p <= 0.05).mean() - 0.05) < 0.014
