from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.evaluation import duplicates
from affectbio.evaluation.duplicates import exact_codes, near_copies, needed_correlation


@pytest.mark.parametrize("dtype", [np.float64, ">f4", np.int16, bool])
def test_exact_copies_have_one_number(dtype: str) -> None:
    rng = np.random.default_rng(0)
    X = np.asarray(rng.integers(0, 2, (40, 3, 4)), dtype=dtype)
    codes = exact_codes(X[:, ::-1])
    flat = X.reshape(40, -1)
    for i in range(40):
        for j in range(40):
            alive = np.ptp(flat[i].astype(float)) > 0
            assert (codes[i] == codes[j]) == ((flat[i] == flat[j]).all() and (alive or i == j))


def test_windows_without_a_number_are_no_copies() -> None:
    X = np.array([[np.nan, np.nan], [np.nan, np.nan], [1.0, np.nan], [1.0, np.nan]])
    assert len(np.unique(exact_codes(X))) == 4


@given(st.integers(4, 400), st.integers(0, 5))
@settings(max_examples=20, deadline=None)
def test_chance_pairs_are_as_rare_as_said(d: int, seed: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(300, d))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = np.abs(np.triu(rows @ rows.T, 1)) > needed_correlation(rows, 300**2 / 2)
    assert found.sum() == 0


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("n", [300, 5000])
def test_scaled_shifted_and_noisy_copies_are_found(n: int, gain: float) -> None:
    rng = np.random.default_rng(1)
    # Features that are correlated, and far from zero, as log powers are.
    X = -20 + rng.normal(size=(n, 60)) @ (np.eye(60) + 0.1 * rng.normal(size=(60, 60)))
    copies = np.arange(0, 40)
    X[n // 2 + copies] = gain * X[copies] + 3.0 + 0.02 * rng.normal(size=(40, 60))
    pairs, threshold = near_copies(X, np.arange(n), np.random.default_rng(0))
    assert threshold < 0.999
    assert {tuple(p) for p in pairs.tolist()} == {(i, n // 2 + i) for i in copies.tolist()}


def test_buckets_find_what_all_pairs_find(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(1000, 30))
    X[500:520] = X[:20] + 0.05 * rng.normal(size=(20, 30))
    trial = np.arange(1000) // 5
    every, _ = near_copies(X, trial, rng)
    monkeypatch.setattr(duplicates, "_ALL_PAIRS", 10)
    some, _ = near_copies(X, trial, rng)
    assert {tuple(p) for p in every.tolist()} == {tuple(p) for p in some.tolist()}
    assert len(every) == 20


def test_windows_of_one_trial_and_few_features_are_not_compared() -> None:
    X = np.random.default_rng(3).normal(size=(50, 30))
    X[1] = X[0] * 1.1
    assert len(near_copies(X, np.zeros(50, dtype=int), np.random.default_rng(0))[0]) == 0
    pairs, threshold = near_copies(X[:, :3], np.arange(50), np.random.default_rng(0))
    assert len(pairs) == 0
    assert threshold == 1.0
