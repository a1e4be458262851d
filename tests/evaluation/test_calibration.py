from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import cross_val_score

from affectbio.errors import ConfigError, LeakageError
from affectbio.evaluation import (
    Calibrated,
    KFoldBySubject,
    LeaveOneSubjectOut,
    check_leakage,
    evaluate,
    permutation_control,
    predictions,
    summarise,
)
from affectbio.evaluation.protocols import Fold
from affectbio.types import Windows

Make = Callable[..., Windows]
LDA = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
LOSO = LeaveOneSubjectOut()


class Adapting(ClassifierMixin, BaseEstimator):
    """Takes the mean of the person tested from their calibration, and everybody else's from the training set."""

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        metadata: pd.DataFrame,
        target: np.ndarray,
        target_metadata: pd.DataFrame,
    ) -> Adapting:
        assert len(metadata) == len(X)
        assert len(target_metadata) == len(target)
        assert not set(metadata["subject"]) & set(target_metadata["subject"])
        centred = X - pd.DataFrame(X).groupby(metadata["subject"].to_numpy()).transform("mean").to_numpy()
        self.model_ = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(centred, y)
        self.offset_, self.classes_ = target.mean(axis=0), self.model_.classes_
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.model_.predict(X - self.offset_)


def _shifted(windows: Windows) -> Windows:
    """Give every person an offset that drowns the effect."""
    person = np.unique(windows.groups("subject"), return_inverse=True)[1]
    shift = np.random.default_rng(3).normal(0, 6, (person.max() + 1, windows.X.shape[1]))
    return replace(windows, X=windows.X + shift[person])


def test_unlabelled_windows_of_a_stranger_bring_back_what_an_offset_hid(coin_flip_windows: Make) -> None:
    windows = _shifted(coin_flip_windows(n_trials=8, effect=1.0))
    plain = evaluate(LDA, windows, "loso")["value"].mean()
    adapted = evaluate(Adapting(), windows, Calibrated(LOSO, n_parts=2))
    assert plain < 0.65
    assert adapted["value"].mean() > 0.75
    assert set(adapted["target_access"]) == {"unlabelled"}
    assert set(adapted["n_windows"]) == {200}
    assert adapted["protocol"].iloc[0].endswith("calibrated on the other 1 of 2 parts, unlabelled")


def test_labelled_trials_are_learnt_from_and_not_scored(coin_flip_windows: Make) -> None:
    windows = _shifted(coin_flip_windows(n_trials=6, effect=0.5))
    protocol = Calibrated(LOSO, n_labelled=2)
    table = evaluate(LDA, windows, protocol)
    assert set(table["target_access"]) == {"labelled(2)"}
    # Three trials of each class, two of them to calibrate: two of 25 windows are left.
    assert set(table["n_windows"]) == {50}
    control = permutation_control(LDA, windows, protocol, 2)
    assert set(summarise(table, control)["target_access"]) == {"labelled(2)"}
    said = predictions(LDA, windows, protocol)
    for one, own in said.groupby("subject"):
        trials = windows.metadata.loc[windows.metadata["subject"] == one, "trial"].unique()
        labels = {t: windows.y[windows.groups("subject", "trial") == f"{one}/{t}"][0] for t in trials}
        last = [[t for t in trials if labels[t] == label][-1] for label in ("rest", "task")]
        assert sorted(own["trial"].unique()) == sorted(last)


def test_the_first_seconds_of_a_session_calibrate_and_what_straddles_is_dropped() -> None:
    # Trial 10 comes after trial 2, windows of 2 s a second apart.
    rows = [("a", t, float(s), s + 2.0) for t in ("10", "2") for s in range(9)] + [("b", "1", 0.0, 2.0)]
    table = pd.DataFrame(rows, columns=["subject", "trial", "start", "stop"]).assign(session="1", stimulus="x")
    windows = Windows(np.arange(19.0)[:, None], np.array(["u", "v"] * 9 + ["u"]), table, ("window", "feature"))

    def of_a(seconds: float, **columns: list[float]) -> tuple[list[int], list[int]]:
        labelled = replace(windows, metadata=table.assign(**columns))
        fold = next(Calibrated(LOSO, seconds=seconds).folds(labelled))
        return fold.calibration.tolist(), fold.test.tolist()

    second = list(range(9, 18))
    assert of_a(5) == ([9, 10, 11, 12], [*range(9), 14, 15, 16, 17])
    # All ten seconds of trial 2 and three of trial 10.
    assert of_a(13) == ([0, 1, *second], [3, 4, 5, 6, 7, 8])
    # A column that says so puts trial 10 first.
    assert of_a(3, order=[0.0] * 9 + [1.0] * 9 + [0.0]) == ([0, 1], [3, 4, 5, 6, 7, 8, *second])
    *_, b = Calibrated(LOSO, seconds=5).folds(windows)
    assert b.why == "nothing is left to score after 5 s of calibration"
    *_, b = Calibrated(LOSO, seconds=1).folds(windows)
    assert b.why == "a session has no window in its first 1 s"
    assert [len(test) for _, test in Calibrated(LOSO, seconds=5).split_windows(windows)] == [13]


def test_the_first_trials_are_those_of_the_first_session() -> None:
    table = pd.DataFrame({"subject": np.repeat(["a", "b"], 8), "session": np.tile(np.repeat(["2", "10"], 4), 2)})
    table["trial"] = np.tile(["1", "2", "3", "4"], 4)
    table = table.assign(stimulus="x", start=0.0, stop=1.0)
    y = np.tile(["calm", "tense"], 8)
    windows = Windows(np.arange(32.0).reshape(16, 2), y, table, ("window", "feature"))
    for ordered in (windows, replace(windows, metadata=table.assign(order=np.tile([1, 2, 3, 4], 4)))):
        used = next(iter(Calibrated(LOSO, n_labelled=2).folds(ordered))).calibration
        # Two of each class, all in session 2, none of session 10.
        assert table.loc[used, ["session", "trial"]].to_numpy().tolist() == [["2", t] for t in "1234"]


def test_seconds_can_be_counted_in_rest_only(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    windows = replace(windows, metadata=windows.metadata.assign(trial_type=windows.y))
    protocol = Calibrated(LOSO, seconds=10, trial_type="rest")
    assert protocol.target_access == "rest"
    for fold in protocol.folds(windows):
        assert set(windows.y[fold.calibration]) == {"rest"}
        # Windows of 2 s at 0, 1, … 8 s calibrate; that at 9 s straddles.
        assert len(fold.calibration) == 9
        assert len(fold.test) == 90
    (first, *_) = Calibrated(LOSO, seconds=10, trial_type="nap").folds(windows)
    assert first.why == "a session has no 'nap' window in its first 10 s"
    (first, *_) = Calibrated(LOSO, seconds=10, trial_type="nap").folds(coin_flip_windows(n_people=4))
    assert first.why == "the metadata have no trial_type to calibrate on"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([{"seconds": 3.0}, {"n_parts": 3}, {"n_labelled": 1}]))
def test_calibration_is_of_the_person_tested_and_never_scored(seed: int, how: dict[str, float]) -> None:
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(4):
        for trial in range(rng.integers(1, 6)):
            label = rng.choice(["calm", "tense"])
            rows += [(f"{person}", f"{trial}", 1.0 * k, k + 1.0, label) for k in range(rng.integers(1, 4))]
    order = rng.permutation(len(rows))
    table = pd.DataFrame(rows, columns=["subject", "trial", "start", "stop", "y"]).iloc[order].reset_index(drop=True)
    table = table.assign(session="1", stimulus="x")
    X = np.arange(float(len(table)))[:, None]
    windows = Windows(X, table["y"].to_numpy(dtype=object), table, ("window", "feature"))
    protocol = Calibrated(KFoldBySubject(2), **how)
    person, trial = windows.groups("subject"), windows.groups("subject", "trial")
    seen: list[int] = []
    for fold in protocol.folds(windows):
        seen += [*fold.test, *(fold.calibration if "n_parts" not in how else [])]
        assert not set(person[fold.train]) & set(person[fold.test])
        if not fold.why:
            assert set(person[fold.calibration]) == set(person[fold.test])
            assert not set(fold.calibration) & set(fold.test)
            if "seconds" not in how:
                assert not set(trial[fold.calibration]) & set(trial[fold.test])
    # Windows have the length of their step here, so none straddles: everyone is used, scored, or said to be neither.
    assert sorted(seen) == list(range(len(table)))
    # The same whatever the order of rows.
    again = rng.permutation(len(table))
    other = [set(again[f.test]) for f in protocol.folds(windows.take(again))]
    assert other == [set(f.test) for f in protocol.folds(windows)]


def test_who_has_too_few_trials_is_reported_and_keeps_nobody_out(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=5)
    lone = (windows.groups("subject") == "03") & (windows.metadata["trial"].to_numpy() > "001")
    table = evaluate(LDA, windows.take(~lone), Calibrated(LOSO, n_labelled=1))
    row = table.set_index("subject").loc["03"]
    assert np.isnan(row["value"])
    assert row["why"] == "1 trials of 'rest', 1 of them to calibrate: none to score"
    assert table["value"].notna().sum() == 4


def test_an_estimator_that_cannot_use_the_calibration_is_refused(coin_flip_windows: Make) -> None:
    with pytest.raises(ConfigError, match=r"LinearDiscriminantAnalysis.fit takes no target="):
        evaluate(LDA, coin_flip_windows(), Calibrated(LOSO, n_parts=2))


def test_a_calibration_that_is_scored_is_a_leak(coin_flip_windows: Make) -> None:
    class Careless(Calibrated):
        def folds(self, windows: Windows):  # type: ignore[no-untyped-def]
            for fold in LOSO.folds(windows):
                yield Fold(fold.train, fold.test, fold.test[:30])

    with pytest.raises(LeakageError, match="scores what it calibrates on"):
        evaluate(Adapting(), coin_flip_windows(), Careless(LOSO, seconds=1))


def test_a_wrapped_protocol_keeps_its_promises(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    protocol = Calibrated(LOSO, n_labelled=1)
    assert protocol == Calibrated("loso", n_labelled=1)
    assert (protocol.holdout, protocol.leaks) == (LOSO.holdout, LOSO.leaks)
    check_leakage(windows, protocol.split_windows(windows), holdout=protocol.holdout)


def test_it_works_in_plain_scikit_learn(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4, n_features=3)
    protocol = Calibrated("loso", n_labelled=1)
    scores = cross_val_score(LDA, windows.X, windows.y, groups=windows.metadata, cv=protocol)
    assert len(scores) == protocol.get_n_splits(windows.X, windows.y, windows.metadata) == 4
    with pytest.raises(ConfigError, match="no protocol 'lso'"):
        Calibrated("lso", seconds=1)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "found none"),
        ({"seconds": 3, "n_parts": 2}, "found seconds, n_parts"),
        ({"seconds": 0}, "leaves nothing"),
        ({"n_parts": 1}, "leaves nothing"),
        ({"n_labelled": 0}, "leaves nothing"),
        ({"n_parts": 2, "trial_type": "rest"}, "give seconds too"),
    ],
)
def test_one_kind_of_calibration_is_asked_for(how: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Calibrated(LOSO, **how)
