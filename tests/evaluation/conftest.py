"""Simulated windows in which there is nothing to find: every trial has a fingerprint, labels are decided by a coin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from affectbio.types import Windows


@pytest.fixture
def coin_flip_windows() -> Callable[..., Windows]:
    def make(
        n_people: int = 12, n_trials: int = 4, n_each: int = 25, n_features: int = 20, effect: float = 0.0
    ) -> Windows:
        rng = np.random.default_rng(7)
        X, y, rows = [], [], []
        for person in range(n_people):
            labels = rng.permutation(["rest", "task"] * (n_trials // 2))
            for trial, label in enumerate(labels):
                fingerprint = rng.normal(size=n_features) + effect * (label == "task")
                X.append(fingerprint + rng.normal(size=(n_each, n_features)))
                y += [label] * n_each
                starts = trial * 100.0 + np.arange(n_each)
                rows += [(f"{person:02d}", "01", f"{trial:03d}", "x", t, t + 2.0) for t in starts]
        columns = ["subject", "session", "trial", "stimulus", "start", "stop"]
        metadata = pd.DataFrame(rows, columns=columns)
        return Windows(np.concatenate(X), np.array(y, dtype=object), metadata, ("window", "feature"))

    return make
