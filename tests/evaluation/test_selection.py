from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.testing as npt
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier
from sklearn.svm import LinearSVC

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation import LeaveOneSubjectOut, Nested, evaluate
from affectbio.types import Windows

Make = Callable[..., Windows]


class Recording(ClassifierMixin, BaseEstimator):
    """Notes which people each fit and each prediction saw; its own parameter decides how good it is."""

    seen: list[tuple[str, frozenset[str]]] = []  # noqa: RUF012

    def __init__(self, threshold: float = 0.0) -> None:
        self.threshold = threshold

    def fit(self, X: np.ndarray, y: np.ndarray, metadata: pd.DataFrame) -> Recording:
        self.seen.append(("fit", frozenset(metadata["subject"])))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: np.ndarray, metadata: pd.DataFrame) -> np.ndarray:
        self.seen.append(("predict", frozenset(metadata["subject"])))
        return self.classes_[(X[:, 0] > self.threshold).astype(int)]


def test_the_person_tested_has_no_say_in_the_choice(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=5)
    everybody = frozenset(windows.groups("subject"))
    Recording.seen.clear()
    evaluate(Nested(Recording(), {"threshold": [0.0, 1.0]}, LeaveOneSubjectOut()), windows, "loso")
    seen = Recording.seen
    # For every person: two candidates on four inner folds, one fit more, and then the one look at that person.
    assert len(seen) == 5 * (2 * 4 * 2 + 2)
    for fold, person in enumerate(sorted(everybody)):
        before = seen[fold * 18 : fold * 18 + 17]
        assert all(person not in people for _, people in before)
        assert before[-1] == ("fit", everybody - {person})
        assert seen[fold * 18 + 17] == ("predict", frozenset({person}))


def test_it_chooses_what_scikit_learn_chooses_when_told_the_groups(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=6, effect=0.3)
    grid = {"n_neighbors": [1, 5, 25, 75]}
    ours = Nested(KNeighborsClassifier(), grid, LeaveOneSubjectOut()).fit(windows.X, windows.y, windows.metadata)
    theirs = GridSearchCV(KNeighborsClassifier(), grid, cv=LeaveOneGroupOut(), scoring="balanced_accuracy")
    theirs.fit(windows.X, windows.y, groups=windows.groups("subject"))
    npt.assert_allclose(ours.candidates_["score"].astype(float), theirs.cv_results_["mean_test_score"])
    assert ours.best_params_ == theirs.best_params_
    npt.assert_array_equal(ours.predict(windows.X), theirs.predict(windows.X))
    npt.assert_array_equal(ours.predict_proba(windows.X), theirs.predict_proba(windows.X))
    npt.assert_array_equal(ours.classes_, theirs.classes_)


def test_an_error_is_chosen_small_and_people_left_out_are_counted(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=5, effect=0.5)
    y = windows.y.copy()
    y[windows.groups("subject") == "01"] = "rest"
    chosen = Nested(KNeighborsClassifier(), {"n_neighbors": [1, 51]}, "loso", metric="brier")
    chosen.fit(windows.X, y, metadata=windows.metadata)
    assert chosen.best_params_ == {"n_neighbors": 51}
    assert chosen.best_score_ == chosen.candidates_["score"].min()
    assert chosen.candidates_["n_excluded"].tolist() == [1, 1]


def test_it_is_what_it_holds(coin_flip_windows: Make) -> None:
    assert is_classifier(Nested(LogisticRegression(), {"C": [1]}))
    assert is_regressor(Nested(Ridge(), {"alpha": [1]}))
    assert hasattr(Nested(LogisticRegression(), {}), "predict_proba")
    assert not hasattr(Nested(LinearSVC(), {}), "predict_proba")
    assert hasattr(Nested(LinearSVC(), {}), "decision_function")
    assert clone(Nested(LinearSVC(), {"C": [1, 2]}, "loso")).get_params()["protocol"] == "loso"
    windows = coin_flip_windows(n_people=6, effect=0.5)
    ratings = replace(windows, y=windows.X[:, 0] + 1.0)
    table = evaluate(Nested(Ridge(), {"alpha": [0.1, 1e6]}, "loso", metric="ccc"), ratings, "loso")
    assert set(table["metric"]) == {"ccc", "rmse"}
    assert table.loc[table["metric"] == "ccc", "value"].min() > 0.99
    svc = Nested(LinearSVC(), {"C": [0.01, 0.1]}, "loso")
    assert evaluate(svc, windows, "loso", metrics="auc")["value"].notna().all()


def test_without_metadata_or_with_wrong_names_it_refuses(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    model = Nested(RadiusNeighborsClassifier(), {"radius": [1.0]})
    with pytest.raises(ConfigError, match="whose windows"):
        model.fit(windows.X, windows.y)
    with pytest.raises(ConfigError, match="no metric 'accuracy'"):
        Nested(LogisticRegression(), {"C": [1]}, "loso", metric="accuracy").fit(windows.X, windows.y, windows.metadata)
    with pytest.raises(DataError, match="4 people cannot be dealt into 5 folds"):
        Nested(LogisticRegression(), {"C": [1]}).fit(windows.X, windows.y, windows.metadata)
