"""What EEGMAT gives under leave-one-subject-out: the table behind the figures that the project states.

``pytest tests/evaluation/test_numbers.py -m slow -s`` prints it, in some minutes. Shrinkage LDA and scikit-learn's
support-vector machine with their defaults, classes weighted equally; windows of 10 s, after 2 and 4 s had been tried.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from affectbio.adapt import RestBaseline, SubjectZScore
from affectbio.datasets import DATASETS
from affectbio.evaluation import compare, evaluate, permutation_control, summarise
from affectbio.features import DifferentialEntropy
from affectbio.models import ShrinkageLDA
from affectbio.types import Windows


def _flat(X: np.ndarray) -> np.ndarray:
    return X.reshape(len(X), -1)


@pytest.fixture(scope="module")
def variants() -> dict[str, Windows]:
    """All scored on the same windows: those after the half minute of rest that one of them calibrates on."""
    windows = DifferentialEntropy(bands="eeg").extract(DATASETS.get("eegmat")().recordings(), 10, 5)
    rest = RestBaseline(30.0, "rest")
    scored = windows.take(rest.scored(windows))
    return {"raw": scored, "rest": rest.apply(windows), "z": SubjectZScore().apply(scored)}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_eegmat_of_people_never_seen(variants: dict[str, Windows]) -> None:
    models = {
        "LDA": ShrinkageLDA(),
        "SVM": make_pipeline(FunctionTransformer(_flat), StandardScaler(), SVC(class_weight="balanced")),
    }
    asked = {"level": ("window", "trial")}
    results, controls = [], []
    for model, estimator in models.items():
        for variant, windows in variants.items():
            name = f"{model}, {variant}"
            results.append(evaluate(estimator, windows, "loso", variant=name, **asked))
            controls.append(permutation_control(estimator, windows, "loso", 39, variant=name, **asked))
    table = pd.concat(results)
    summary = summarise(table, pd.concat(controls))
    columns = [
        "mean",
        "low",
        "high",
        "worst_decile",
        "n_people",
        "n_excluded",
        "null_mean",
        "null_low",
        "null_high",
        "p",
    ]
    with pd.option_context("display.width", 200, "display.max_columns", 20):
        print(f"\n{summary.set_index(['variant', 'level'])[columns].round(3)}")  # noqa: T201
        pairs = compare(table[table["level"] == "window"])
        print(pairs[["a", "b", "difference", "low", "high", "effect", "p_holm", "verdict"]].round(3))  # noqa: T201
    mean = summary[summary["level"] == "window"].set_index("variant")["mean"]
    assert mean["LDA, raw"] >= 0.70
    assert mean["SVM, z"] >= 0.83
    for model in models:
        assert mean[f"{model}, raw"] >= 0.70
        assert mean[f"{model}, raw"] < mean[f"{model}, rest"]
    assert mean["SVM, rest"] < mean["SVM, z"]
    # Exchanged labels of two trials a person: chance, give or take what 28 people allow.
    assert (abs(summary["null_mean"] - 0.5) < 0.05).all()
    assert (summary["p"] == 1 / 40).all()
