from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from affectbio.errors import ConfigError, DataError, LeakageError
from affectbio.evaluation import LeaveOneSubjectOut, RandomWindowKFold, evaluate, permutation_control, summarise
from affectbio.evaluation.protocols import Split
from affectbio.types import Windows

Make = Callable[..., Windows]
LDA = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


@dataclass
class HalfOfEachTrial:
    """A protocol that claims to hold out people and does not."""

    name: str = "every other window"
    holdout: tuple[str, ...] = ("subject",)
    leaks: tuple[str, ...] = ()

    def split_windows(self, windows: Windows) -> Iterator[Split]:
        yield np.arange(0, len(windows), 2), np.arange(1, len(windows), 2)


class Unfittable(DummyClassifier):
    def fit(self, X: np.ndarray, y: np.ndarray) -> Unfittable:
        raise AssertionError("nothing may be fitted before the split is known to hold")


def test_coin_flips_score_high_on_shuffled_windows_and_nothing_on_people(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows()
    knn = KNeighborsClassifier(5)
    leak, honest = evaluate(knn, windows, "random-window-kfold"), evaluate(knn, windows, "loso")
    assert leak["value"].mean() > 0.85
    assert abs(honest["value"].mean() - 0.5) < 0.1
    assert set(leak["leaks"]) == {"people, trials, seconds"}
    assert set(honest["leaks"]) == {""}


def test_the_control_unmasks_the_leak_and_passes_the_effect(coin_flip_windows: Make) -> None:
    nothing, something = coin_flip_windows(), coin_flip_windows(effect=0.8)
    results, controls = [], []
    for variant, windows, protocol in (
        ("nothing, leak", nothing, "random-window-kfold"),
        ("nothing", nothing, "loso"),
        ("something", something, "loso"),
    ):
        results.append(evaluate(LDA, windows, protocol, variant=variant))
        controls.append(permutation_control(LDA, windows, protocol, 39, variant=variant))
    summary = summarise(pd.concat(results), pd.concat(controls)).set_index("variant")
    leak, nothing_found, found = (summary.loc[v] for v in ("nothing, leak", "nothing", "something"))
    assert leak["mean"] > 0.7
    assert leak["null_mean"] > 0.65
    assert leak["p"] > 0.05
    assert nothing_found["low"] < 0.5 < nothing_found["high"]
    assert nothing_found["p"] > 0.05
    assert found["low"] > 0.7
    assert found["p"] == 1 / 40
    assert found["excess"] > 0.2
    assert abs(found["null_mean"] - 0.5) < 0.1


def test_values_are_those_of_plain_scikit_learn(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=6, effect=0.5)
    subjects = windows.groups("subject")
    predicted = cross_val_predict(LDA, windows.X, windows.y, groups=subjects, cv=LeaveOneGroupOut())
    assert windows.y is not None
    results = evaluate(LDA, windows, LeaveOneSubjectOut())
    for row in results.to_dict("records"):
        own = subjects == row["subject"]
        assert row["value"] == pytest.approx(balanced_accuracy_score(windows.y[own], predicted[own]))
    assert results["fold"].tolist() == list(range(6))
    assert set(results["n_windows"]) == {100}
    assert set(results["n_trials"]) == {4}
    assert set(results["chance"]) == {0.5}
    assert set(results["target_access"]) == {"none"}


def test_people_tested_in_several_folds_are_pooled(coin_flip_windows: Make) -> None:
    results = evaluate(KNeighborsClassifier(), coin_flip_windows(n_people=4), RandomWindowKFold(3))
    assert results["subject"].tolist() == ["00", "01", "02", "03"]
    assert results["fold"].isna().all()
    assert set(results["n_windows"]) == {100}


def test_target_access_and_variant_travel_into_every_table(coin_flip_windows: Make) -> None:
    windows = replace(coin_flip_windows(n_people=4), target_access="rest")
    results = evaluate(LDA, windows, "loso", variant="calibrated")
    controls = permutation_control(LDA, windows, "loso", 3, variant="calibrated")
    for table in (results, controls, summarise(results, controls)):
        assert set(table["target_access"]) == {"rest"}
        assert set(table["variant"]) == {"calibrated"}


def test_more_workers_give_the_same_numbers(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    pd.testing.assert_frame_equal(evaluate(LDA, windows, "loso"), evaluate(LDA, windows, "loso", n_jobs=2))
    one = permutation_control(LDA, windows, "loso", 4, rng=1)
    pd.testing.assert_frame_equal(one, permutation_control(LDA, windows, "loso", 4, rng=1, n_jobs=2))
    assert not one.equals(permutation_control(LDA, windows, "loso", 4, rng=2))


def test_a_protocol_that_breaks_its_promise_is_refused_before_fitting(coin_flip_windows: Make) -> None:
    for run in (evaluate, permutation_control):
        with pytest.raises(LeakageError, match="the same people"):
            run(Unfittable(), coin_flip_windows(), HalfOfEachTrial())


def test_a_leak_that_nobody_declared_is_still_written_down(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    # One recording under two names: no index tells, the numbers do.
    X = windows.X.copy()
    X[windows.groups("subject") == "03"] = X[windows.groups("subject") == "00"]
    assert set(evaluate(LDA, replace(windows, X=X), "loso")["leaks"]) == {"windows"}
    within = evaluate(LDA, windows, HalfOfEachTrial(holdout=()))
    assert set(within["leaks"]) == {"trials, seconds"}


def test_labels_that_cannot_be_scored_are_refused(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    assert windows.y is not None
    with pytest.raises(DataError, match="have no labels"):
        evaluate(LDA, replace(windows, y=None), "loso")
    one_class = windows.y.copy()
    one_class[windows.groups("subject") == "02"] = "rest"
    with pytest.raises(DataError, match=r"all 100 windows of subject '02' are .*'rest'"):
        evaluate(LDA, replace(windows, y=one_class), "loso")
    only_here = windows.y.copy()
    only_here[0] = "talk"
    with pytest.raises(DataError, match=r"training set of fold 0 has no .*'talk'"):
        evaluate(LDA, replace(windows, y=only_here), "loso")
    with pytest.raises(ConfigError, match="no scorer 'accuracy'"):
        evaluate(LDA, windows, "loso", scorer="accuracy")
    with pytest.raises(ConfigError, match="no protocol 'los'; did you mean 'loso'"):
        evaluate(LDA, windows, "los")
