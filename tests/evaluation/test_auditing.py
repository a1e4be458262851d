from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from affectbio.errors import ConfigError, DataError, LeakageError
from affectbio.evaluation import Calibrated, KFoldBySubject, LeaveOneSubjectOut, Nested, RandomWindowKFold, evaluate
from affectbio.evaluation.audit_report import CHECKS, AuditReport, Check
from affectbio.evaluation.auditing import audit, audit_folds, audit_pipeline
from affectbio.evaluation.black_box import Outcome, mean_score, pipeline_run
from affectbio.evaluation.index_checks import above
from affectbio.evaluation.nulls import noise_like
from affectbio.evaluation.protocols import Split
from affectbio.types import Windows

Make = Callable[..., Windows]
KNN = KNeighborsClassifier(3)
LOSO = LeaveOneSubjectOut()


@pytest.fixture
def windows(coin_flip_windows: Make) -> Windows:
    return coin_flip_windows(n_people=4, n_trials=4, n_each=6, n_features=12)


def folds_of(windows: Windows) -> list[Split]:
    return list(LOSO.split_windows(windows))


class OneClassKnown(ClassifierMixin, BaseEstimator):
    """Gives labels and nothing else."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> OneClassKnown:
        self.inner_ = NearestCentroid().fit(X, y)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.inner_.predict(X)


class Dice(OneClassKnown):
    """Draws its scores and no seed can hold it."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.random.default_rng().random((len(X), 2))


def test_every_question_has_one_answer(windows: Windows) -> None:
    reports = [audit_pipeline(KNN, windows, LOSO, level="full"), audit_folds(windows, folds_of(windows))]
    for report in reports:
        assert [c.name for c in report.checks] == list(CHECKS)
        assert report.ok
        assert report.raise_for_failures() is report
    assert reports[0].about["runs"] == 1 + sum(c.runs for c in reports[0].checks)


def test_a_declared_leak_is_shown_and_not_raised(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=8, n_trials=6, n_each=6, n_features=12)
    declared = audit_pipeline(KNN, windows, RandomWindowKFold())
    assert declared["trial"].status == declared["fingerprint"].status == declared["permutation"].status == "fail"
    assert declared.ok
    hidden = audit_folds(windows, list(RandomWindowKFold().split_windows(windows)))
    with pytest.raises(LeakageError, match=r"trial: the same trials for \d+%.*; split by whole trials"):
        hidden.raise_for_failures()


def test_chance_is_told_from_change(windows: Windows) -> None:
    report = audit_pipeline(Dice(), windows, LOSO)
    for name in ("determinism", "held_out_labels", "test_rows", "later_rows", "training_features"):
        assert report[name].status == "not checked"
    assert "two results" in report["determinism"].finding


def test_labels_alone_prove_nothing(windows: Windows) -> None:
    report = audit_pipeline(OneClassKnown(), windows, LOSO)
    assert report["held_out_labels"].status == "not checked"
    assert "real-valued" in report["held_out_labels"].finding
    # A digest of what is fitted on needs no scores.
    assert report["training_features"].status == "pass"


def test_folds_that_follow_the_labels_are_not_checked(windows: Windows) -> None:
    def run(given: Windows, seed: int) -> Outcome:
        calm = np.flatnonzero(given.y == given.y[0])
        rest = np.setdiff1d(np.arange(len(given)), calm)
        return Outcome([(rest, calm)], [given.X[calm, 0]], [given.y[calm]])

    report = audit(run, windows, holdout=())
    assert report["held_out_labels"].status == "not checked"
    assert "keep the folds" in report["held_out_labels"].finding


def test_ratings_are_scored_by_correlation(windows: Windows) -> None:
    trial = np.unique(windows.groups("subject", "trial"), return_inverse=True)[1]
    rated = replace(windows, y=np.random.default_rng(0).uniform(1, 9, trial.max() + 1)[trial])
    report = audit_pipeline(Ridge(), rated, LOSO)
    assert report.ok
    assert report["held_out_labels"].status == report["permutation"].status == "pass"
    assert report["stimulus_identity"].status == report["time"].status == "not checked"
    leak = audit_pipeline(Ridge(1e-6), rated, RandomWindowKFold())
    assert leak["permutation"].status == "fail"
    outcome = pipeline_run(Ridge(), LOSO)(rated, 0)
    by_hand = [np.corrcoef(rated.y[b], p)[0, 1] for (_, b), p in zip(outcome.folds, outcome.predicted, strict=True)]
    assert mean_score(outcome, rated) == (pytest.approx(np.mean(by_hand)), 0.0)


def test_target_access_decides_what_is_a_leak(windows: Windows) -> None:
    def centred(w: Windows) -> Windows:
        people = w.groups("subject")
        means = pd.DataFrame(w.X).groupby(people).transform("mean").to_numpy()
        return replace(w, X=w.X - means)

    none = audit_pipeline(KNN, windows, LOSO, prepare=centred)
    assert {c.name for c in none.failures} == {"normalisation", "test_rows", "later_rows"}
    causal = audit_pipeline(KNN, windows, LOSO, prepare=centred, target_access="causal")
    assert {c.name for c in causal.failures} == {"normalisation", "later_rows"}
    assert audit_pipeline(KNN, windows, LOSO, prepare=centred, target_access="unlabelled").ok


def test_a_run_that_refuses_changed_windows_is_not_checked(windows: Windows) -> None:
    honest = pipeline_run(KNN, LOSO)

    def fussy(given: Windows, seed: int) -> Outcome:
        if not (np.array_equal(given.X, windows.X) and (given.y == windows.y).all()):
            raise ValueError("these are not the windows I know")
        return honest(given, seed)

    report = audit(fussy, windows)
    assert report["determinism"].status == "pass"
    for name in ("held_out_labels", "test_rows", "later_rows", "training_features", "permutation"):
        assert report[name].status == "not checked"


def test_what_is_given_is_not_changed(windows: Windows) -> None:
    X, y, table = windows.X.copy(), windows.y.copy(), windows.metadata.copy()
    audit_pipeline(KNN, windows, LOSO, level="full")
    assert (windows.X == X).all()
    assert (windows.y == y).all()
    pd.testing.assert_frame_equal(windows.metadata, table)


def test_code_that_writes_into_what_it_is_given_is_audited_all_the_same(windows: Windows) -> None:
    honest, X = pipeline_run(KNN, LOSO), windows.X.copy()

    def in_place(given: Windows, seed: int) -> Outcome:
        given.X[:] /= given.X.std(axis=0)
        given.y[:3] = given.y[:3]
        return honest(given, seed)

    report = audit(in_place, windows, holdout=LOSO.holdout)
    assert (windows.X == X).all()
    assert report["determinism"].status == "pass"
    assert report["test_rows"].status == "fail"


def test_the_same_seed_gives_the_same_report(windows: Windows) -> None:
    one, two = (audit_pipeline(KNN, windows, LOSO, seed=3) for _ in range(2))
    assert one == two


def test_a_named_confound_is_asked_for(windows: Windows) -> None:
    room = np.where(windows.y == "task", "b", "a").astype(object)
    told = replace(windows, metadata=windows.metadata.assign(room=room))
    found = audit_folds(told, folds_of(told), confounds=["room"])["confound:room"]
    assert found.evidence["control"] == 1.0
    # One room per label: nobody can tell which of the two is recognised.
    assert found.status == "not checked"
    with pytest.raises(ConfigError, match="rom"):
        audit_folds(told, folds_of(told), confounds=["rom"])


def test_noise_has_the_shape_of_the_data(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=20, n_trials=6, n_each=30, n_features=4)
    windows = replace(windows, X=3 * windows.X + 100)
    noise = noise_like(windows, np.random.default_rng(0))
    assert noise.X.shape == windows.X.shape
    np.testing.assert_allclose(noise.X.mean(axis=0), 100, atol=1.5)
    np.testing.assert_allclose(noise.X.std(axis=0), windows.X.std(axis=0), rtol=0.1)
    # Windows of 2 s, one every second, share half.
    trial = noise.X[:30, 0]
    lag = [np.corrcoef(noise.X[k : k + 30][:-1, 0], noise.X[k : k + 30][1:, 0])[0, 1] for k in range(0, 3600, 30)]
    assert np.mean(lag) == pytest.approx(0.5, abs=0.1)
    assert trial.std() > 0


def test_above_is_the_binomial_bound() -> None:
    draws = np.random.default_rng(0).binomial(400, 0.5, 20_000) / 400
    assert np.mean([above(s, 0.5, 400) for s in draws]) < 0.01
    assert above(0.6, 0.5, 400)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"holdout": ["trail"]}, ConfigError, "trial"),
        ({"declared": ["permutations"]}, ConfigError, "permutation"),
        ({"target_access": "some"}, ConfigError, "target access"),
        ({"level": "quick"}, ConfigError, "level"),
        ({"folds": []}, DataError, "no folds"),
        ({"folds": [([0], [])]}, DataError, "fold 0: expected a list of test indices"),
        ({"folds": [([0], [999])]}, DataError, "999 for 96 windows"),
        ({"folds": [([-1], [0])]}, DataError, "-1 for 96 windows"),
        ({"folds": [([0.5], [1])]}, DataError, "float64"),
    ],
)
def test_bad_input_is_named(windows: Windows, change: dict, error: type[Exception], words: str) -> None:
    arguments = {"folds": folds_of(windows), **change}
    with pytest.raises(error, match=words):
        audit_folds(windows, **arguments)


def test_an_outcome_that_contradicts_itself_is_refused(windows: Windows) -> None:
    honest = pipeline_run(KNN, LOSO)

    def short(w: Windows, seed: int) -> Outcome:
        outcome = honest(w, seed)
        return replace(outcome, predicted=[p[:-1] for p in outcome.predicted])

    with pytest.raises(DataError, match="predicted have lengths"):
        audit(short, windows)
    with pytest.raises(DataError, match="with labels"):
        audit(honest, replace(windows, y=None))


def test_prepare_must_say_which_window_is_which(windows: Windows) -> None:
    def forgets(w: Windows) -> Windows:
        half = w.take(np.arange(0, len(w), 2))
        return replace(half, metadata=half.metadata.drop(columns="audit_row"))

    with pytest.raises(DataError, match="audit_row"):
        audit_pipeline(KNN, windows, LOSO, prepare=forgets)


def test_dead_windows_and_missing_values_raise_no_alarm(windows: Windows) -> None:
    X = windows.X.copy()
    X[::9] = 0.0
    X[::10] = np.nan
    report = audit_folds(replace(windows, X=X), folds_of(windows))
    assert report.ok
    assert report["rows"].status == "pass"
    assert report["normalisation"].status == "not checked"


def test_windows_without_a_label_are_seen_by_the_pipeline_and_not_judged(windows: Windows) -> None:
    y = np.array(windows.y, dtype=object)
    y[windows.metadata["trial"] == "000"] = None
    some = replace(windows, y=y)
    report = audit_pipeline(KNN, some, LOSO)
    assert report.ok
    assert (report.about["n_windows"], report.about["n_unlabelled"]) == (72, 24)
    assert report["held_out_labels"].status == report["permutation"].status == "pass"

    def centred_on_the_unlabelled(w: Windows) -> Windows:
        rest = pd.DataFrame(np.where(pd.isna(w.y)[:, None], w.X, np.nan))
        means = rest.groupby(w.groups("subject")).transform("mean").to_numpy()
        return replace(w, X=w.X - means, target_access="rest")

    rest = audit_pipeline(KNN, some, LOSO, prepare=centred_on_the_unlabelled)
    assert rest.ok
    assert rest["later_rows"].status == "pass"
    folds = folds_of(some)
    assert audit_folds(some, folds, predicted=[windows.y[test] for _, test in folds]).about["score"] == 1.0
    with pytest.raises(DataError, match="none of 96 windows has a label"):
        audit_pipeline(KNN, replace(windows, y=np.full(96, None)), LOSO)


def test_a_model_that_needs_metadata_or_a_calibration_is_audited_as_it_is_evaluated(windows: Windows) -> None:
    nested = audit_pipeline(Nested(KNN, {"n_neighbors": [1, 3]}, KFoldBySubject(2)), windows, LOSO)
    assert nested.ok
    assert nested["held_out_labels"].status == "pass"
    calibrated = audit_pipeline(KNN, windows, Calibrated(LOSO, n_labelled=1))
    assert calibrated.ok
    assert calibrated.about["target_access"] == "labelled"
    tested = evaluate(KNN, windows, Calibrated(LOSO, n_labelled=1))["value"].mean()
    assert calibrated.about["score"] == pytest.approx(tested)


def test_people_of_one_name_in_two_data_sets_are_two_people(windows: Windows) -> None:
    other = np.random.default_rng(1).normal(size=windows.X.shape)
    two = Windows.concatenate([windows, replace(windows, X=other)])
    two = replace(two, metadata=two.metadata.assign(dataset=np.repeat(["here", "there"], len(windows))))
    report = audit_pipeline(KNN, two, "cross-dataset")
    assert report.ok
    assert report["subject"].evidence["share"] == 0.0


def test_endless_trials_are_recognised_by_a_part(windows: Windows) -> None:
    who = pd.DataFrame({"subject": np.repeat(["a", "b"], 4000), "session": "1", "trial": "0", "stimulus": "x"})
    who["start"] = np.tile(np.arange(4000.0), 2)
    X = np.random.default_rng(0).normal(size=(8000, 3)) + np.repeat([0.0, 4.0], 4000)[:, None]
    long = Windows(X, None, who.assign(stop=who["start"] + 1), ("window", "feature"))
    found = audit_folds(long, [(np.arange(4000), np.arange(4000, 8000))])["fingerprint"]
    assert found.evidence["recognised"] > 0.95
    assert found.evidence["by_chance"] == pytest.approx(0.5, abs=0.01)


def test_without_features_or_times_the_rest_is_checked(windows: Windows) -> None:
    bare = Windows(
        np.empty((len(windows), 0)), None, windows.metadata.assign(start=np.nan, stop=np.nan), ("window", "feature")
    )
    report = audit_folds(bare, folds_of(bare), holdout=("subject", "trial"))
    assert report["subject"].status == report["trial"].status == "pass"
    for name in ("rows", "overlap", "near_duplicates", "fingerprint", "identity_features", "normalisation", "length"):
        assert report[name].status == "not checked"


@dataclass
class Gap:
    """The first windows of every trial train, those ``gap`` seconds later test."""

    gap: float
    name: str = "gap"
    holdout: tuple[str, ...] = ("overlap",)
    leaks: tuple[str, ...] = ("trial",)

    def split_windows(self, windows: Windows) -> Iterator[Split]:
        start = windows.metadata["start"].to_numpy() % 100
        yield np.flatnonzero(start < 1), np.flatnonzero(start >= 2 + self.gap)


def test_the_embargo_is_measured(windows: Windows) -> None:
    # Windows last 2 s: one that starts at 2 + gap begins gap seconds after the last training window ends.
    kept = audit_pipeline(KNN, windows, Gap(2.0), embargo_s=2.0)
    broken = audit_pipeline(KNN, windows, Gap(1.0), embargo_s=2.0)
    assert kept["overlap"].status == "pass"
    assert broken["overlap"].status == "fail"
    assert not broken["overlap"].declared


def test_a_report_survives_json_and_shows_itself(windows: Windows) -> None:
    report = audit_pipeline(KNN, windows, RandomWindowKFold())
    assert AuditReport.from_json(report.to_json()) == report
    assert list(report.to_frame()["check"]) == list(CHECKS)
    text = str(report)
    assert "fail (declared)" in text
    assert "→ split by whole trials" in text
    for broken in ("", "[]", "[" * 100_000, '{"checks": [{"name": 1}], "about": {}}'):
        with pytest.raises(DataError, match="no report of an audit"):
            AuditReport.from_json(broken)
    with pytest.raises(ConfigError, match="nothing"):
        report["nothing"]
    with pytest.raises(DataError, match="status"):
        Check("trial", "maybe", "")
