"""What an estimator is given, what it says it uses, and how its refusals are told in words of windows and people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation import Calibrated, LeaveOneSubjectOut, Nested, audit_pipeline, evaluate, predictions
from affectbio.evaluation.estimators import declared_access, is_continuous
from affectbio.types import Channel, Windows

Make = Callable[..., Windows]
LDA = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
LOSO = LeaveOneSubjectOut()


class Whitened(TransformerMixin, BaseEstimator):
    """Says that it looks at everything of the person tested."""

    target_access = "unlabelled"

    def fit(self, X: np.ndarray, y: np.ndarray) -> Whitened:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return X - X.mean(axis=0)


class Nameless(ClassifierMixin, BaseEstimator):
    """Gives scores and keeps to itself which column is which class."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Nameless:
        self.n_ = len(np.unique(y))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), "rest")

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.full((len(X), self.n_), 1 / self.n_)


@pytest.fixture
def windows(coin_flip_windows: Make) -> Windows:
    return coin_flip_windows(n_people=4, n_each=5, n_features=12)


def test_what_stands_inside_a_pipeline_is_declared_too(windows: Windows) -> None:
    model = make_pipeline(Whitened(), LDA)
    assert declared_access(LDA, windows, LOSO) == "none"
    assert declared_access(model, windows, LOSO) == "unlabelled"
    assert declared_access(Nested(model, {}), windows, LOSO) == "unlabelled"
    assert declared_access(model, windows, Calibrated(LOSO, n_labelled=2)) == "labelled(2)"
    assert declared_access(LDA, replace(windows, target_access="rest"), Calibrated(LOSO, seconds=3)) == "causal"
    assert set(evaluate(model, windows, LOSO)["target_access"]) == {"unlabelled"}
    assert audit_pipeline(model, windows, LOSO).about["target_access"] == "unlabelled"


def test_labels_that_begin_alike_are_two_classes(windows: Windows) -> None:
    y = np.where(windows.y == "rest", "calm", "calmness").astype(object)
    table = predictions(KNeighborsClassifier(1), replace(windows, y=y), LOSO)
    assert (table["true"] == y[table["window"]]).all()
    assert set(table["predicted"]) == {"calm", "calmness"}


def test_lost_samples_are_named_with_people_and_channels(windows: Windows) -> None:
    X = windows.X.reshape(-1, 12, 1).copy()
    X[windows.groups("subject") == "02", 3] = np.nan
    channels = [Channel(f"A{k}", "misc") for k in range(12)]
    flat = KNeighborsClassifier(1)
    lost = Windows(X, windows.y, windows.metadata, ("window", "channel", "band"), channels=channels)
    with pytest.raises(DataError, match=r"does not take windows of axes window, channel, band: .* that flattens"):
        evaluate(flat, lost, LOSO)
    lost = replace(lost, X=X[:, :, 0], axes=("window", "channel"))
    with pytest.raises(DataError, match=r"20 of 60 windows hold NaN .*\(people 02, channels A3\), and KNeighbors"):
        evaluate(flat, lost, LOSO)


def test_an_estimator_s_own_error_is_left_alone(windows: Windows) -> None:
    with pytest.raises(ValueError, match="gamma") as caught:
        evaluate(SVC(gamma=-1.0), windows, LOSO)
    assert not isinstance(caught.value, DataError)


def test_scores_without_their_classes_are_refused(windows: Windows) -> None:
    with pytest.raises(ConfigError, match="Nameless has no classes_; expected one column of scores for each"):
        evaluate(Nameless(), windows, LOSO, metrics="auc")


def test_ratings_are_no_classes(windows: Windows) -> None:
    rated = replace(windows, y=np.linspace(1, 9, len(windows)))
    with pytest.raises(DataError, match="labels such as 1 are ratings, not classes"):
        evaluate(LDA, rated, LOSO)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, np.nan, 2.0], False), ([1.0, np.nan, 2.5], True), ([1, 2], False), (["a", None], False)],
)
def test_a_missing_label_does_not_make_a_rating(values: list, expected: bool) -> None:
    assert is_continuous(np.array(values)) == expected
    assert is_continuous(np.array(values, dtype=object)) == expected
