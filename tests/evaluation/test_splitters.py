from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.testing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, StratifiedGroupKFold, cross_val_score

from affectbio.errors import DataError
from affectbio.evaluation import (
    ContiguousTrialKFold,
    CrossDataset,
    KFoldBySubject,
    KFoldByTrial,
    LeaveOneSessionOut,
    LeaveOneSubjectOut,
    LeaveSubjectAndStimulusOut,
    check_leakage,
)
from affectbio.types import Windows

Make = Callable[..., Windows]
Table = tuple[pd.DataFrame, np.ndarray]

SPLITTERS: list[Any] = [
    LeaveOneSubjectOut(),
    KFoldBySubject(2),
    KFoldBySubject(3, random_state=5),
    KFoldByTrial(3),
    KFoldByTrial(None),
    LeaveOneSessionOut(),
    LeaveSubjectAndStimulusOut(),
    LeaveSubjectAndStimulusOut(3, n_subject_splits=2),
    CrossDataset(),
    ContiguousTrialKFold(3),
]


def study(seed: int) -> Table:
    """Metadata of a random study: two data sets, sessions, trials of any length, self-rated labels, in any order."""
    rng = np.random.default_rng(seed)
    n_stimuli = rng.integers(6, 10)
    # Every stimulus was seen by somebody.
    trials = [("d0", "9", "0", f"{s}", s) for s in range(n_stimuli)]
    for person in range(rng.integers(3, 6)):
        for session in range(rng.integers(1, 4)):
            who = (f"d{person % 2}", f"{person // 2}", f"{session}")
            trials += [(*who, f"{t}", rng.integers(n_stimuli)) for t in range(rng.integers(1, 5))]
    length = rng.integers(1, 5, size=len(trials))
    length[0] = 4
    rows = np.repeat(np.arange(len(trials)), length)
    table = pd.DataFrame(trials, columns=["dataset", "subject", "session", "trial", "stimulus"]).iloc[rows]
    label = np.where((table["stimulus"] + (rng.random(len(trials)) < 0.2)[rows]) % 2 == 0, "calm", "tense")
    start = 2.0 * (np.arange(len(rows)) - np.repeat(np.cumsum(length) - length, length))
    table = table.assign(stimulus=table["stimulus"].astype(str), start=start, stop=start + 2.0)
    order = rng.permutation(len(table))
    return table.iloc[order].reset_index(drop=True), label[order].astype(object)


studies = st.integers(0, 2**32).map(study)
quick = settings(max_examples=20, deadline=None)


def _ids(table: pd.DataFrame, *columns: str) -> np.ndarray:
    return table[list(columns)].agg("/".join, axis=1).to_numpy()


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
@quick
@given(drawn=studies)
def test_no_window_is_tested_twice_and_promises_hold(splitter: Any, drawn: Table) -> None:
    table, y = drawn
    windows = Windows(np.arange(float(len(table)))[:, None], y, table, ("window", "feature"))
    folds = list(splitter.folds(windows))
    tested = np.concatenate([fold.test for fold in folds])
    assert len(np.unique(tested)) == len(tested)
    for train, test in splitter.split_windows(windows):
        assert len(test)
        assert not set(train) & set(test)
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()
    check_leakage(windows, splitter.split_windows(windows), holdout=splitter.holdout)
    # Each window is tested once, or is in a fold that says why not.
    assert len(tested) == len(table)


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
@quick
@given(drawn=studies, seed=st.integers(0, 99))
def test_folds_do_not_depend_on_the_order_of_rows(splitter: Any, drawn: Table, seed: int) -> None:
    table, y = drawn
    order = np.random.default_rng(seed).permutation(len(table))

    def named(groups: pd.DataFrame, labels: np.ndarray) -> list[tuple[list[int], list[int]]]:
        folds = splitter.split(None, labels, groups)
        return [(sorted(groups.index[a].tolist()), sorted(groups.index[b].tolist())) for a, b in folds]

    assert named(table, y) == named(table.iloc[order], y[order])


@quick
@given(drawn=studies)
def test_within_a_person_means_that_persons_other_trials(drawn: Table) -> None:
    table, y = drawn
    person, trial = _ids(table, "dataset", "subject"), _ids(table, "dataset", "subject", "session", "trial")
    for train, test in KFoldByTrial(3).split(None, y, table):
        assert len(set(person[train]) | set(person[test])) == 1
        assert not set(trial[train]) & set(trial[test])
        assert set(train) | set(test) == set(np.flatnonzero(person == person[test[0]]))
    n_trials = [len(set(trial[person == one])) for one in np.unique(person)]
    assert KFoldByTrial(None).get_n_splits(None, y, table) == sum(n for n in n_trials if n > 1)


@quick
@given(drawn=studies)
def test_a_session_is_tested_on_that_persons_other_sessions(drawn: Table) -> None:
    table, _ = drawn
    person, session = _ids(table, "dataset", "subject"), table["session"].to_numpy()
    for train, test in LeaveOneSessionOut().split(None, None, table):
        assert len(set(person[train]) | set(person[test])) == 1
        assert len(set(session[test])) == 1
        assert not set(session[train]) & set(session[test])


@quick
@given(drawn=studies)
def test_neither_the_person_nor_the_stimulus_is_learnt_from(drawn: Table) -> None:
    table, y = drawn
    person, stimulus = _ids(table, "dataset", "subject"), table["stimulus"].to_numpy()
    for train, test in LeaveSubjectAndStimulusOut().split(None, y, table):
        assert len(set(person[test])) == 1
        assert not set(person[train]) & set(person[test])
        assert not set(stimulus[train]) & set(stimulus[test])
        # Whoever is neither is there: nothing is thrown away that need not be.
        clean = ~np.isin(person, person[test])
        held = {s for s in stimulus if s not in set(stimulus[train])}
        assert set(np.flatnonzero(clean & ~np.isin(stimulus, list(held)))) == set(train)


def test_every_block_of_stimuli_holds_every_class() -> None:
    table = pd.DataFrame({"subject": np.repeat(["a", "b"], 12), "stimulus": [f"{i:02d}" for i in range(12)] * 2})
    y = np.array(["calm", "tense", "glad"] * 8)
    for seed in range(5):
        for train, test in LeaveSubjectAndStimulusOut(4, random_state=seed).split(None, y, table):
            assert set(y[test]) == set(y[train]) == {"calm", "tense", "glad"}
    ratings = np.tile(np.linspace(1, 9, 12), 2)
    means = [ratings[test].mean() for _, test in LeaveSubjectAndStimulusOut(2).split(None, ratings, table)]
    assert np.ptp(means) < 1


def test_trials_of_every_class_are_in_every_fold_as_scikit_learn_would_have_it() -> None:
    table = pd.DataFrame({"subject": "a", "session": "1", "trial": np.repeat([f"{i}" for i in range(10)], 3)})
    y = np.repeat(["calm", "tense"] * 5, 3)
    groups = _ids(table, "trial")
    ours = [sorted(y[test]) for _, test in KFoldByTrial(5).split(None, y, table)]
    theirs = [sorted(y[test]) for _, test in StratifiedGroupKFold(5).split(y, y, groups)]
    assert ours == theirs == [["calm"] * 3 + ["tense"] * 3] * 5


def test_the_folds_of_a_person_do_not_depend_on_who_else_is_there(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=3, n_trials=6)
    alone = windows.take(windows.groups("subject") == "02")
    of_all = [test - 300 for _, test in KFoldByTrial(3).split_windows(windows) if test[0] >= 300]
    for one, other in zip(KFoldByTrial(3).split_windows(alone), of_all, strict=True):
        npt.assert_array_equal(one[1], other)


def test_people_are_dealt_evenly_and_by_seed() -> None:
    people = [f"{i}" for i in range(11)]
    folds = [test.tolist() for _, test in KFoldBySubject(3).split(people, groups=people)]
    assert sorted(map(len, folds)) == [3, 4, 4]
    assert folds == [test.tolist() for _, test in KFoldBySubject(3).split(people, groups=people)]
    assert folds != [test.tolist() for _, test in KFoldBySubject(3, random_state=1).split(people, groups=people)]


def test_stretches_of_a_trial_are_contiguous_and_leak_what_they_say(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=3)
    splitter = ContiguousTrialKFold(5)
    start = windows.metadata["start"].to_numpy()
    trial = windows.groups("subject", "trial")
    for k, (_, test) in enumerate(splitter.split_windows(windows)):
        for one in np.unique(trial):
            own = test[trial[test] == one]
            npt.assert_array_equal(np.sort(start[own]) - start[trial == one].min(), np.arange(5 * k, 5 * k + 5))
    found = check_leakage(windows, splitter.split_windows(windows))
    assert (found[["subject", "trial"]] == 1).all(axis=None)
    # Windows of 2 s, a second apart: only those at the edge of a stretch overlap.
    assert found["overlap"].tolist() == [0.2, 0.4, 0.4, 0.4, 0.2]


def test_an_embargo_keeps_neighbours_in_time_out_of_the_training_set() -> None:
    table = pd.DataFrame({"subject": "a", "session": "1", "trial": list("00112233"), "stimulus": "x"})
    table["start"] = np.arange(8) * 10.0
    table["stop"] = table["start"] + 10.0
    windows = Windows(np.arange(8.0)[:, None], np.array(list("ababbaba")), table, ("window", "feature"))
    for train, test in KFoldByTrial(None, embargo_s=5).split_windows(windows):
        gaps = np.abs(table["start"].to_numpy()[train][:, None] - table["start"].to_numpy()[test])
        assert gaps.min() == 20
        check_leakage(windows, [(train, test)], holdout=("overlap",), embargo_s=5, clock="session")
    open_folds = list(KFoldByTrial(None).split_windows(windows))
    found = check_leakage(windows, open_folds, embargo_s=5, clock="session")
    assert (found["overlap"] == 0.5).any()
    assert (check_leakage(windows, open_folds, embargo_s=5)["overlap"] == 0).all()
    assert [fold.why for fold in KFoldByTrial(None, embargo_s=100).folds(windows)] == [
        "every training window is within the embargo of 100 s"
    ] * 4


def test_splitters_work_in_plain_scikit_learn_with_a_table_as_groups(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4, n_features=3)
    model, table = LogisticRegression(), windows.metadata
    ours = cross_val_score(model, windows.X, windows.y, groups=table, cv=LeaveOneSubjectOut())
    theirs = cross_val_score(model, windows.X, windows.y, groups=table["subject"], cv=LeaveOneGroupOut())
    npt.assert_array_equal(ours, theirs)
    by_trial = cross_val_score(model, windows.X, windows.y, groups=table, cv=KFoldByTrial(2))
    assert len(by_trial) == KFoldByTrial(2).get_n_splits(windows.X, windows.y, table) == 8
    search = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=KFoldBySubject(2)).fit(windows.X, windows.y, groups=table)
    assert search.n_splits_ == 2


def test_data_sets_are_tested_in_turn_or_by_name() -> None:
    table = pd.DataFrame({"subject": list("1212123"), "dataset": ["x", "x", "y", "y", "z", "z", "z"]})

    def folds(**kwargs: Any) -> list[tuple[list[int], list[int]]]:
        return [(a.tolist(), b.tolist()) for a, b in CrossDataset(**kwargs).split(None, None, table)]

    assert folds() == [
        ([2, 3, 4, 5, 6], [0, 1]),
        ([0, 1, 4, 5, 6], [2, 3]),
        ([0, 1, 2, 3], [4, 5, 6]),
    ]
    assert folds(test="z", train=("x",)) == [([0, 1], [4, 5, 6])]
    assert folds(train=("x",)) == [([0, 1], [2, 3]), ([0, 1], [4, 5, 6])]
    with pytest.raises(DataError, match="no data set 'w' among the windows; found x, y, z"):
        folds(test="w")
    with pytest.raises(ValueError, match="on one side"):
        CrossDataset(test="x", train=("x",))


def test_people_of_one_name_in_two_data_sets_are_two_people() -> None:
    table = pd.DataFrame({"dataset": ["x", "x", "y", "y"], "subject": "01", "session": "1", "trial": list("0101")})
    table = table.assign(stimulus=list("pqrs"), start=0.0, stop=1.0)
    windows = Windows(np.arange(4.0)[:, None], np.array(list("abab")), table, ("window", "feature"))
    folds = list(LeaveOneSubjectOut().split_windows(windows))
    assert [test.tolist() for _, test in folds] == [[0, 1], [2, 3]]
    check_leakage(windows, folds, holdout=("subject", "stimulus", "trial"))


def test_who_cannot_be_tested_is_said_and_not_dropped() -> None:
    table = pd.DataFrame({"subject": list("aab"), "session": list("121"), "trial": list("010")})
    table = table.assign(stimulus="x", start=0.0, stop=1.0)
    windows = Windows(np.arange(3.0)[:, None], np.array(list("cdc")), table, ("window", "feature"))
    for splitter, why in ((KFoldByTrial(2), "one trial only"), (LeaveOneSessionOut(), "one session only")):
        *tested, lone = splitter.folds(windows)
        assert lone.why == f"{why}, none to train on"
        assert lone.test.tolist() == [2]
        assert len(lone.train) == 0
        assert [f.test.tolist() for f in tested] == [[0], [1]]
        assert splitter.get_n_splits(None, windows.y, table) == 2


def test_a_block_with_nobody_to_learn_from_is_said_to_be_untestable() -> None:
    table = pd.DataFrame({"subject": list("aaaab"), "session": "1", "trial": list("01230"), "stimulus": list("pqrsp")})
    table = table.assign(start=0.0, stop=1.0)
    windows = Windows(np.arange(5.0)[:, None], np.array(list("ctctc")), table, ("window", "feature"))
    folds = list(LeaveSubjectAndStimulusOut().folds(windows))
    # b saw p only, so the block of p cannot be tested on a.
    (lone,) = [fold for fold in folds if fold.why]
    assert lone.why == "nobody else saw any other stimulus"
    assert 0 in lone.test
    assert sorted(i for fold in folds for i in fold.test) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("splitter", "groups", "message"),
    [
        (KFoldBySubject(3), ["a", "b"], "2 people cannot be dealt into 3 folds"),
        (KFoldByTrial(), ["a", "b"], "needs a table with columns"),
        (KFoldByTrial(), None, "needs columns"),
        (LeaveOneSubjectOut(), None, "person of every window"),
        (LeaveOneSubjectOut(), pd.DataFrame({"person": ["a"]}), "did you mean|no column of metadata 'subject'"),
        (LeaveOneSubjectOut(), pd.DataFrame({"subject": ["a", None, "b"]}), "row 1 of the metadata has no subject"),
        (CrossDataset(), pd.DataFrame({"subject": ["a"], "dataset": ["x"]}), "at least 2 data sets, found 1"),
        (
            ContiguousTrialKFold(2),
            pd.DataFrame({"subject": ["a", "b"], "session": "1", "trial": "1", "start": 0.0}),
            "every trial has one window",
        ),
        (
            LeaveSubjectAndStimulusOut(),
            pd.DataFrame({"subject": list("aabb"), "stimulus": list("pqpq")}),
            "2 stimuli cannot be dealt into 2 blocks",
        ),
    ],
)
def test_metadata_that_do_not_allow_the_split_are_refused(splitter: Any, groups: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(splitter.split([0, 1], None, groups))


@pytest.mark.parametrize(
    "make",
    [
        lambda: KFoldBySubject(1),
        lambda: KFoldByTrial(1),
        lambda: ContiguousTrialKFold(0),
        lambda: LeaveSubjectAndStimulusOut(1),
        lambda: LeaveSubjectAndStimulusOut(2, n_subject_splits=1),
    ],
)
def test_one_fold_is_none(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="at least 2 folds"):
        make()


def test_an_embargo_is_no_negative_time(coin_flip_windows: Make) -> None:
    with pytest.raises(ValueError, match="embargo of 0 s or more"):
        KFoldByTrial(embargo_s=-1)
    with pytest.raises(DataError, match="embargo of -1 s"):
        check_leakage(coin_flip_windows(), [], embargo_s=-1)
    with pytest.raises(ValueError, match="no clock 'day'"):
        check_leakage(coin_flip_windows(), [], clock="day")
