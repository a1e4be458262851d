"""Small simulated studies: people, trials that can be recognised, clips, an effect; and splitters by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context

from affectbio.evaluation.protocols import Split
from affectbio.types import Windows


@dataclass
class By:
    """A protocol made of a function that gives folds."""

    cut: Callable[[Windows], Iterator[Split]]
    holdout: tuple[str, ...] = ("trial", "overlap")
    leaks: tuple[str, ...] = ()
    name: str = "by hand"

    def split_windows(self, windows: Windows) -> Iterator[Split]:
        return self.cut(windows)


def study(
    n_people: int = 6,
    n_trials: int = 8,
    n_each: int = 6,
    n_features: int = 16,
    effect: float = 0.3,
    clip: float = 0.0,
    drift: float = 0.0,
    fixed_order: bool = False,
    classes: tuple[str, ...] = ("calm", "tense"),
    seed: int = 0,
) -> Windows:
    """Trials of clips, each with its label; windows of 2 s, one every second."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(len(classes), n_features))
    signature = clip * rng.normal(size=(n_trials, n_features))
    slow = drift * rng.normal(size=(2, n_features))
    label_of = np.arange(n_trials) % len(classes)
    if fixed_order:
        label_of = rng.permutation(label_of)
    X, y, rows = [], [], []
    for person in range(n_people):
        person_offset = 0.5 * rng.normal(size=n_features)
        order = np.arange(n_trials) if fixed_order else rng.permutation(n_trials)
        for place, which in enumerate(order):
            t = 2 * place / (n_trials - 1) - 1
            mean = 3.0 + person_offset + 0.3 * rng.normal(size=n_features) + effect * direction[label_of[which]]
            mean += signature[which] + slow[0] * t + slow[1] * (t * t - 0.4)
            X.append(mean + 0.5 * rng.normal(size=(n_each, n_features)))
            y += [classes[label_of[which]]] * n_each
            rows += [(f"{person:02d}", "01", f"{place:02d}", f"clip{which}", s, s + 2.0) for s in range(n_each)]
    metadata = pd.DataFrame(rows, columns=["subject", "session", "trial", "stimulus", "start", "stop"])
    metadata = metadata.astype({"start": float})
    return Windows(np.concatenate(X), np.array(y, dtype=object), metadata, ("window", "feature"))


@pytest.fixture(autouse=True)
def trusted() -> Iterator[None]:
    # Thousands of tiny fits, of which scikit-learn's checks of parameters and arrays are half.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        yield


@pytest.fixture
def make_study() -> Callable[..., Windows]:
    return study


@pytest.fixture
def by() -> type[By]:
    return By
