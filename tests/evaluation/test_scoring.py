from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    f1_score,
    log_loss,
    roc_auc_score,
)
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from affectbio.errors import ConfigError, DataError, LeakageError
from affectbio.evaluation import (
    KFoldByTrial,
    LeaveOneSubjectOut,
    RandomWindowKFold,
    audit_pipeline,
    evaluate,
    permutation_control,
    predictions,
    score_predictions,
    summarise,
)
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


class Silent(BaseEstimator):
    """Says which class and nothing more; a class of somebody's own, without scikit-learn's tags of a classifier."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Silent:
        self.middle_ = X.mean()
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.where(X.mean(axis=1) > self.middle_, "task", "rest")


def test_coin_flips_score_high_on_shuffled_windows_and_nothing_on_people(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows()
    knn = KNeighborsClassifier(5)
    leak, honest = evaluate(knn, windows, "random-window-kfold"), evaluate(knn, windows, "loso")
    assert leak["value"].mean() > 0.85
    assert abs(honest["value"].mean() - 0.5) < 0.1
    assert set(leak["leaks"]) == {"people, trials, seconds"}
    assert set(honest["leaks"]) == {""}


def test_the_control_unmasks_the_leak_and_passes_the_effect(coin_flip_windows: Make) -> None:
    nothing, something = coin_flip_windows(n_each=10), coin_flip_windows(n_each=10, effect=0.8)
    results, controls = [], []
    for variant, windows, protocol in (
        ("nothing, leak", coin_flip_windows(), "random-window-kfold"),
        ("nothing", nothing, "loso"),
        ("something", something, "loso"),
    ):
        results.append(evaluate(LDA, windows, protocol, variant=variant))
        controls.append(permutation_control(LDA, windows, protocol, 19, variant=variant))
    summary = summarise(pd.concat(results), pd.concat(controls)).set_index("variant")
    leak, nothing_found, found = (summary.loc[v] for v in ("nothing, leak", "nothing", "something"))
    assert leak["mean"] > 0.7
    assert leak["null_mean"] > 0.65
    assert leak["p"] > 0.05
    assert nothing_found["low"] < 0.5 < nothing_found["high"]
    assert nothing_found["p"] > 0.05
    assert found["low"] > 0.7
    assert found["p"] == 1 / 20
    assert found["excess"] > 0.2
    assert abs(found["null_mean"] - 0.5) < 0.1


def test_exchanged_labels_are_dealt_into_folds_of_their_own(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=6, n_trials=6, n_each=3, n_features=4)
    null = permutation_control(GaussianNB(), windows, KFoldByTrial(3), 19, level="trial")["value"]
    # With the folds of the real labels, which spread the classes evenly, it would be 0.32.
    assert abs(null.mean() - 0.5) < 0.06
    audited = audit_pipeline(GaussianNB(), windows, KFoldByTrial(3))["permutation"]
    assert abs(audited.evidence["null"] - 0.5) < 0.1


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
    windows = coin_flip_windows(n_people=4, n_each=6)
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


def test_what_cannot_be_scored_is_refused(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    with pytest.raises(DataError, match="have no labels"):
        evaluate(LDA, replace(windows, y=None), "loso")
    with pytest.raises(DataError, match="none of the 400 windows has a label"):
        evaluate(LDA, replace(windows, y=np.full(400, None)), "loso")
    with pytest.raises(ConfigError, match="no metric 'accuracy'"):
        evaluate(LDA, windows, "loso", metrics="accuracy")
    with pytest.raises(ConfigError, match="no level 'clip'"):
        evaluate(LDA, windows, "loso", level="clip")
    with pytest.raises(ConfigError, match="no metric asked for"):
        evaluate(LDA, windows, "loso", metrics=())
    with pytest.raises(ConfigError, match="ask for one kind"):
        evaluate(LDA, windows, "loso", metrics=("auc", "ccc"))
    with pytest.raises(DataError, match="the labels are no numbers"):
        evaluate(LDA, windows, "loso", metrics="ccc")
    with pytest.raises(ConfigError, match="no protocol 'los'; did you mean 'loso'"):
        evaluate(LDA, windows, "los")
    with pytest.raises(DataError, match=r"nobody can be scored; .* fold 0 has '00' only"):
        evaluate(LDA, replace(windows, y=windows.groups("subject")), KFoldByTrial(2, random_state=1))


def test_people_who_cannot_be_scored_are_rows_with_a_reason(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=7, effect=0.5)
    subject = windows.groups("subject")
    y = windows.y.copy()
    y[subject == "02"] = "rest"
    y[subject == "03"] = None
    y[np.flatnonzero(subject == "04")[0]] = "talk"
    y[np.flatnonzero(subject == "05")[:25]] = np.nan
    knn, metrics = KNeighborsClassifier(), ("balanced_accuracy", "auc")
    table = evaluate(knn, replace(windows, y=y), "loso", metrics=metrics).set_index("subject")
    why = table[table["metric"] == "auc"]["why"].to_dict()
    assert why == {
        "00": "",
        "01": "",
        "02": "all 100 windows are 'rest'; a score of one class says nothing of the others",
        "03": "none of 100 windows has a label",
        "04": "the training set of fold 4 has no 'talk'; it cannot be learnt from it",
        "05": "",
        "06": "",
    }
    assert (table["value"].isna() == (table["why"] != "")).all()
    assert table.loc["05", "n_unlabelled"].tolist() == [25, 25]
    assert table.loc["05", "n_windows"].tolist() == [75, 75]
    two_classes = replace(windows, y=np.where(y == "talk", windows.y, y))
    results, control = evaluate(knn, two_classes, "loso"), permutation_control(knn, two_classes, "loso", 3)
    summary = summarise(results, control).iloc[0]
    assert (summary["n_people"], summary["n_excluded"]) == (5, 2)


def test_windows_without_label_are_neither_learnt_from_nor_scored(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=5, effect=0.4)
    lost = windows.metadata["start"].to_numpy() % 100 < 5
    y = np.where(lost, None, windows.y)
    with_gaps = evaluate(LDA, replace(windows, y=y), "loso", metrics=("balanced_accuracy", "brier"))
    without = evaluate(LDA, windows.take(~lost), "loso", metrics=("balanced_accuracy", "brier"))
    assert set(with_gaps["n_unlabelled"]) == {20}
    pd.testing.assert_frame_equal(with_gaps.drop(columns="n_unlabelled"), without.drop(columns="n_unlabelled"))


def test_every_metric_and_level_is_what_scikit_learn_makes_of_the_predictions(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=5, n_trials=6, effect=0.3)
    metrics = ["balanced_accuracy", "macro_f1", "kappa", "auc", "log_loss", "brier"]
    table = evaluate(LDA, windows, "loso", metrics=[*metrics, "ece"], level=("window", "trial"))
    said = predictions(LDA, windows, "loso")
    assert len(said) == len(windows)
    trial = said.groupby(["subject", "trial"], as_index=False).agg(
        true=("true", "first"), score_rest=("score_rest", "mean"), score_task=("score_task", "mean")
    )
    trial["predicted"] = np.where(trial["score_task"] > trial["score_rest"], "task", "rest")
    oracle = {
        "balanced_accuracy": lambda t: balanced_accuracy_score(t["true"], t["predicted"]),
        "macro_f1": lambda t: f1_score(t["true"], t["predicted"], average="macro"),
        "kappa": lambda t: cohen_kappa_score(t["true"], t["predicted"]),
        "auc": lambda t: roc_auc_score(t["true"] == "task", t["score_task"]),
        "log_loss": lambda t: log_loss(t["true"], t[["score_rest", "score_task"]]),
        "brier": lambda t: brier_score_loss(t["true"] == "task", t["score_task"]),
    }
    for level, own in (("window", said), ("trial", trial)):
        for metric in metrics:
            expected = [oracle[metric](t) for _, t in own.groupby("subject")]
            got = table.loc[(table["metric"] == metric) & (table["level"] == level), "value"]
            assert got.tolist() == pytest.approx(expected), (level, metric)
    assert table["chance"].groupby(table["metric"]).first().to_dict() == pytest.approx(
        {"auc": 0.5, "balanced_accuracy": 0.5, "kappa": 0.0, **dict.fromkeys(("brier", "ece", "log_loss"), np.nan)}
        | {"macro_f1": np.nan},
        nan_ok=True,
    )


def test_scores_can_be_made_of_predictions_that_went_through_a_file(coin_flip_windows: Make, tmp_path: Path) -> None:
    windows = coin_flip_windows(n_people=4)
    y = np.where(windows.y == "task", 1.0, 2.0)
    y[:7] = np.nan
    windows = replace(windows, y=y)
    asked = {"metrics": ("balanced_accuracy", "auc", "ece"), "level": ("window", "trial")}
    said = predictions(LDA, windows, "random-window-kfold", variant="lda")
    said.to_csv(tmp_path / "predictions.csv", index=False)
    read = pd.read_csv(tmp_path / "predictions.csv", dtype={"subject": str, "session": str, "trial": str})
    expected = evaluate(LDA, windows, "random-window-kfold", variant="lda", **asked)
    pd.testing.assert_frame_equal(score_predictions(said, **asked), expected)
    pd.testing.assert_frame_equal(score_predictions(read, **asked), expected)
    with pytest.raises(DataError, match="several of variant"):
        score_predictions(pd.concat([said, said.assign(variant="other")]))
    with pytest.raises(DataError, match=r"0 rows|without \['true'\]"):
        score_predictions(said.drop(columns="true"))


@pytest.mark.parametrize(
    ("estimator", "kind", "refused"),
    [
        (LDA, "probability", ()),
        (LinearSVC(), "decision", ("brier", "ece", "log_loss")),
        (Silent(), "votes", ("auc", "brier")),
    ],
)
def test_scores_are_what_the_estimator_has(
    estimator: Any, kind: str, refused: tuple[str, ...], coin_flip_windows: Make
) -> None:
    windows = coin_flip_windows(n_people=4, effect=0.5)
    assert set(predictions(estimator, windows, "loso")["scores_are"]) == {kind}
    trial = evaluate(estimator, windows, "loso", level="trial")
    assert set(trial["n_trials"]) == {4}
    for metric in refused:
        with pytest.raises(ConfigError, match=f"metric '{metric}' needs"):
            evaluate(estimator, windows, "loso", metrics=metric)


def test_three_classes_of_which_a_person_lacks_one(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=6, n_trials=6, effect=0.5)
    trial = windows.metadata["trial"].astype(int).to_numpy()
    third = (windows.y == "task") & (trial % 2 == 0) & (windows.groups("subject") > "02")
    windows = replace(windows, y=np.where(third, "talk", windows.y))
    for estimator in (LDA, LinearSVC()):
        table = evaluate(estimator, windows, KFoldByTrial(2), metrics=("balanced_accuracy", "auc"), level="trial")
        assert table.groupby("subject")["value"].count().loc[["00", "01", "02"]].tolist() == [2, 2, 2]
        assert set(table.loc[table["metric"] == "balanced_accuracy", "chance"]) == {1 / 3}
    scores = predictions(LDA, windows, KFoldByTrial(2)).query("subject == '00'")
    assert (scores["score_talk"] == 0).all()
    assert predictions(LinearSVC(), windows, KFoldByTrial(2)).query("subject == '00'")["score_talk"].isna().all()


def test_continuous_ratings_are_scored_by_window_and_trial(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=5, n_trials=6)
    ratings = 5 + windows.X[:, 0] + np.random.default_rng(0).normal(0, 0.3, len(windows))
    ratings[windows.groups("subject") == "03"] = 4.0
    ratings[3] = np.nan
    windows = replace(windows, y=ratings)
    table = evaluate(Ridge(), windows, "loso", metrics=("ccc", "pearson", "rmse"), level=("window", "trial"))
    good = table[(table["metric"] != "rmse") & (table["subject"] != "03")]
    assert (good["value"] > 0.8).all()
    why = table[table["subject"] == "03"].set_index(["metric", "level"])["why"]
    assert why["ccc", "window"] == "ccc: the ratings, or what is predicted, never change"
    assert why["rmse", "window"] == ""
    assert set(evaluate(Ridge(), windows, "loso")["metric"]) == {"ccc", "rmse"}
    said = predictions(Ridge(), windows, "loso")
    assert said["true"].isna().sum() == 1
    one = said[(said["subject"] == "01")]
    expected = scipy.stats.pearsonr(one["true"], one["predicted"]).statistic
    got = table.set_index(["subject", "metric", "level"]).loc[("01", "pearson", "window"), "value"]
    assert got == pytest.approx(expected)
    table_again = score_predictions(said, metrics=("ccc", "pearson", "rmse"), level=("window", "trial"))
    pd.testing.assert_frame_equal(table_again, table)


def test_a_trial_of_two_labels_cannot_be_scored_as_one(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    y = windows.y.copy()
    y[:2] = ["rest", "task"]
    with pytest.raises(DataError, match="a trial holds the labels"):
        evaluate(LDA, replace(windows, y=y), "loso", level="trial")


class KnowsWho(ClassifierMixin, BaseEstimator):
    """Centres every person by their own windows, as their table says, in training and in test."""

    target_access = "unlabelled"

    @staticmethod
    def _centred(X: np.ndarray, metadata: pd.DataFrame) -> np.ndarray:
        assert len(X) == len(metadata)
        return X - pd.DataFrame(X).groupby(metadata["subject"].to_numpy()).transform("mean").to_numpy()

    def fit(self, X: np.ndarray, y: np.ndarray, metadata: pd.DataFrame) -> KnowsWho:
        self.model_ = clone(LDA).fit(self._centred(X, metadata), y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X: np.ndarray, metadata: pd.DataFrame) -> np.ndarray:
        return self.model_.predict(self._centred(X, metadata))

    def decision_function(self, X: np.ndarray, metadata: pd.DataFrame) -> np.ndarray:
        return self.model_.decision_function(self._centred(X, metadata))


def test_an_estimator_that_asks_for_metadata_is_given_its_rows(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=6, effect=0.8)
    person = np.unique(windows.groups("subject"), return_inverse=True)[1]
    shifted = replace(windows, X=windows.X + 9.0 * np.random.default_rng(0).normal(size=(6, 20))[person])
    table = evaluate(KnowsWho(), shifted, "loso", metrics=("balanced_accuracy", "auc"))
    centred = windows.X - pd.DataFrame(windows.X).groupby(person).transform("mean").to_numpy()
    expected = evaluate(LDA, replace(windows, X=centred), "loso", metrics=("balanced_accuracy", "auc"))
    assert table["value"].tolist() == pytest.approx(expected["value"].tolist())
    assert set(table["target_access"]) == {"unlabelled"}
    assert set(expected["target_access"]) == {"none"}


def test_what_people_and_stimuli_share_is_said_where_nothing_else_was_promised(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    assert set(evaluate(LDA, windows, "loso")["shares"]) == {"stimuli"}
    assert set(evaluate(LDA, windows, KFoldByTrial(2))["shares"]) == {"people, stimuli"}
    own_clips = replace(windows, metadata=windows.metadata.assign(stimulus=windows.groups("subject")))
    assert set(evaluate(LDA, own_clips, "loso")["shares"]) == {""}


def test_an_embargo_that_a_protocol_breaks_is_refused(coin_flip_windows: Make) -> None:
    @dataclass
    class Hasty:
        name: str = "trials, no embargo"
        holdout: tuple[str, ...] = ("overlap",)
        leaks: tuple[str, ...] = ()
        embargo_s: float = 80.0

        def split_windows(self, windows: Windows) -> Iterator[Split]:
            return KFoldByTrial(2).split_windows(windows)

    # Trials begin every 100 s and last 26 s: 74 s lie between two of them.
    windows = coin_flip_windows(n_people=4)
    with pytest.raises(LeakageError, match="the same seconds"):
        evaluate(LDA, windows, Hasty())
    assert len(evaluate(LDA, windows, Hasty(embargo_s=70.0))) == 4


def test_a_control_has_every_metric_and_level(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=5, n_each=6, effect=1.0)
    asked = {"metrics": ("balanced_accuracy", "brier"), "level": ("window", "trial")}
    results = evaluate(LDA, windows, "loso", **asked)
    summary = summarise(results, permutation_control(LDA, windows, "loso", 19, **asked))
    assert summary[["metric", "level"]].to_numpy().tolist() == [
        ["balanced_accuracy", "window"],
        ["brier", "window"],
        ["balanced_accuracy", "trial"],
        ["brier", "trial"],
    ]
    assert set(summary["p"]) == {0.05}
    alone = permutation_control(LDA, windows, "loso", 19, metrics="balanced_accuracy")
    assert summary["null_mean"].iloc[0] == pytest.approx(alone["value"].mean())
