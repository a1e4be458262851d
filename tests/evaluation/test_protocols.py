from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.testing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from affectbio.errors import ConfigError, DataError, LeakageError
from affectbio.evaluation import (
    PROTOCOLS,
    LeaveOneSubjectOut,
    LeaveSubjectAndStimulusOut,
    RandomWindowKFold,
    check_leakage,
)
from affectbio.evaluation.protocols import LEAKS
from affectbio.types import Windows

Make = Callable[..., Windows]


def test_one_person_at_a_time_as_scikit_learn_does_it(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=5)
    subjects = windows.groups("subject")
    ours = list(LeaveOneSubjectOut().split(windows.X, windows.y, subjects))
    theirs = list(LeaveOneGroupOut().split(windows.X, windows.y, subjects))
    assert len(ours) == len(theirs) == LeaveOneSubjectOut().get_n_splits(groups=subjects) == 5
    for fold, expected in zip(ours, theirs, strict=True):
        npt.assert_array_equal(fold[0], expected[0])
        npt.assert_array_equal(fold[1], expected[1])


def test_protocols_work_in_plain_scikit_learn(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=4)
    subjects = windows.groups("subject")
    model = KNeighborsClassifier()
    ours = cross_val_score(model, windows.X, windows.y, groups=subjects, cv=LeaveOneSubjectOut())
    npt.assert_array_equal(ours, cross_val_score(model, windows.X, windows.y, groups=subjects, cv=LeaveOneGroupOut()))
    search = GridSearchCV(model, {"n_neighbors": [1, 3]}, cv=RandomWindowKFold(3))
    assert search.fit(windows.X, windows.y).n_splits_ == 3


@given(st.integers(2, 60), st.integers(2, 9), st.integers(0, 99))
def test_shuffled_folds_test_every_window_once(n_windows: int, n_splits: int, seed: int) -> None:
    X = np.zeros(max(n_windows, n_splits))
    folds = list(RandomWindowKFold(n_splits, seed).split(X))
    npt.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(len(X)))
    for train, test in folds:
        npt.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(X)))


def test_the_shuffle_depends_on_its_seed_alone() -> None:
    X = np.zeros(50)
    first, again, other = ([t.tolist() for _, t in RandomWindowKFold(5, s).split(X)] for s in (1, 1, 2))
    assert first == again != other


def _study(coin_flip_windows: Make) -> Windows:
    """Two sessions, two data sets, and eight stimuli that everybody saw."""
    windows = coin_flip_windows(n_trials=8)
    table = windows.metadata
    trial = table["trial"].astype(int)
    who = table["subject"].astype(int)
    session, dataset = (trial % 2).astype(str), np.where(who < 6, "here", "there")
    return replace(windows, metadata=table.assign(session=session, dataset=dataset, stimulus="clip " + table["trial"]))


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_registered_protocols_say_what_they_hold_out_and_leak(name: str, coin_flip_windows: Make) -> None:
    protocol = PROTOCOLS.get(name)()
    windows = _study(coin_flip_windows)
    found = check_leakage(windows, protocol.split_windows(windows), holdout=protocol.holdout)
    for kind in ("trial", "overlap"):
        assert (found[kind] > 0).any() == (kind in protocol.leaks), kind
    # The same people are a leak only where strangers are meant to be tested.
    within = "subject" not in protocol.holdout
    assert (found["subject"] > 0).any() == within
    assert set(protocol.leaks) <= set(LEAKS)
    assert not set(protocol.leaks) & set(protocol.holdout)
    assert ("(leaks)" in protocol.name) == bool(protocol.leaks)


def test_missing_groups_one_person_and_too_few_windows_are_refused() -> None:
    with pytest.raises(DataError, match="person of every window"):
        list(LeaveOneSubjectOut().split([1, 2]))
    with pytest.raises(DataError, match="at least 2 people"):
        list(LeaveOneSubjectOut().split([1, 2], groups=["a", "a"]))
    with pytest.raises(ValueError, match="at least 2 folds"):
        RandomWindowKFold(1)
    with pytest.raises(DataError, match="3 windows"):
        list(RandomWindowKFold(5).split([1, 2, 3]))


def _windows(rows: list[tuple[str, str, float, float]], X: np.ndarray | None = None) -> Windows:
    table = pd.DataFrame(rows, columns=["subject", "trial", "start", "stop"]).assign(session="01", stimulus="x")
    X = np.arange(float(len(rows)))[:, None] if X is None else X
    return Windows(X, None, table, ("window", "feature"))


def test_each_kind_of_leak_is_measured_by_itself() -> None:
    X = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [0.0, 1.0]])
    rows = [
        ("a", "0", 0.0, 2.0),
        ("a", "0", 1.0, 3.0),
        ("a", "0", 9.0, 11.0),
        ("a", "1", 0.0, 2.0),
        ("b", "0", 0.0, 2.0),
    ]
    found = check_leakage(_windows(rows, X), [(np.array([0]), np.array([i])) for i in range(1, 5)])
    assert found["subject"].tolist() == [1, 1, 1, 0]
    assert found["stimulus"].tolist() == [1, 1, 1, 1]
    assert found["trial"].tolist() == [1, 1, 0, 0]
    assert found["overlap"].tolist() == [1, 0, 0, 0]
    assert found["rows"].tolist() == [0, 0, 0, 1]


def test_windows_without_a_stimulus_share_none() -> None:
    windows = _windows([("a", "0", 0.0, 1.0), ("b", "0", 0.0, 1.0), ("c", "0", 0.0, 1.0), ("d", "0", 0.0, 1.0)])
    for nothing in (None, ""):
        windows.metadata["stimulus"] = ["x", nothing, nothing, "x"]
        found = check_leakage(windows, [(np.array([0, 1]), np.array([2])), (np.array([0, 1]), np.array([3]))])
        assert found["stimulus"].tolist() == [0, 1]
    with pytest.raises(DataError, match="row 1 of the metadata has no stimulus"):
        list(LeaveSubjectAndStimulusOut().split_windows(windows))


def test_what_is_constant_or_one_value_is_no_copy() -> None:
    rows = [("a", "0", 0.0, 1.0), ("b", "0", 0.0, 1.0)]
    for X, copied in (([[0.0, 0.0]] * 2, 0), ([[1.0]] * 2, 0), ([[1.0, 2.0]] * 2, 1), ([[1.0, np.nan]] * 2, 0)):
        found = check_leakage(_windows(rows, np.array(X)), [(np.array([0]), np.array([1]))])
        assert found["rows"].tolist() == [copied]


def test_windows_that_touch_do_not_overlap() -> None:
    found = check_leakage(
        _windows([("a", "0", 0.0, 0.1 + 0.2), ("a", "0", 0.3, 0.6)]), [(np.array([0]), np.array([1]))]
    )
    assert found["overlap"].tolist() == [0]


window = st.tuples(
    st.sampled_from("ab"), st.sampled_from("01"), st.integers(0, 30).map(float), st.integers(1, 6).map(float)
)


@given(st.lists(window, min_size=2, max_size=25), st.data())
def test_overlap_is_what_comparing_every_pair_finds(
    drawn: list[tuple[str, str, float, float]], data: st.DataObject
) -> None:
    rows = [(s, t, start, start + length) for s, t, start, length in drawn]
    n_train = data.draw(st.integers(1, len(rows) - 1))
    order = np.array(data.draw(st.permutations(range(len(rows)))))
    train, test = order[:n_train], order[n_train:]
    expected = np.mean(
        [
            any(rows[i][:2] == rows[j][:2] and rows[i][2] < rows[j][3] and rows[j][2] < rows[i][3] for j in train)
            for i in test
        ]
    )
    assert check_leakage(_windows(rows), [(train, test)])["overlap"].iloc[0] == pytest.approx(expected)


def test_a_broken_promise_is_refused_with_the_fold(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows()
    halves = (np.arange(0, len(windows), 2), np.arange(1, len(windows), 2))
    with pytest.raises(LeakageError, match="fold 0: the same people stand in training and test \\(100%"):
        check_leakage(windows, [halves], holdout=("subject",))
    with pytest.raises(ConfigError, match="did you mean 'subject'"):
        check_leakage(windows, [halves], holdout=("subjects",))
    with pytest.raises(DataError, match="fold 0 has 0 training"):
        check_leakage(windows, [(halves[0][:0], halves[1])])
    windows.metadata.loc[3, "stop"] = windows.metadata.loc[3, "start"]
    with pytest.raises(DataError, match="a later stop"):
        check_leakage(windows, [halves])
