"""Rest baseline: offline against live, and that it knows nothing of what comes later."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.adapt import RestBaseline, RestBaselineStream
from affectbio.datasets.eegmat import EEGMAT
from affectbio.errors import DataError
from affectbio.features import DifferentialEntropy
from affectbio.types import TARGET_ACCESS, Windows


def session(subject="01", rest_s=20, task_s=10, *, rest_from=0.0, session="01", seed=0):
    """Features of windows of 2 s every second: rest, then a task, on one clock."""
    n_rest, n_task = rest_s - 1, task_s - 1
    start = rest_from + np.r_[np.arange(n_rest), rest_s + np.arange(n_task)].astype(float)
    kind = np.repeat(["rest", "task"], [n_rest, n_task])
    table = pd.DataFrame(
        {"subject": subject, "session": session, "trial": kind, "stimulus": kind, "start": start, "stop": start + 2}
    ).assign(trial_type=kind)
    X = np.random.default_rng(seed).normal(-11, 1, (len(table), 2, 3))
    return Windows(X, kind, table, axes=("window", "channel", "band"))


def test_it_subtracts_the_mean_of_the_calibration():
    windows = session()
    adapted = RestBaseline(seconds=10).apply(windows)
    baseline = windows.X[:9].mean(axis=0)  # 0-2 s, 1-3 s, …, 8-10 s
    np.testing.assert_array_equal(adapted.X, (windows.X - baseline)[10:])
    assert adapted.metadata["start"].min() == 10.0
    assert adapted.target_access == "rest"
    assert RestBaseline.target_access in TARGET_ACCESS


def test_no_window_that_is_scored_shares_a_sample_with_the_calibration():
    windows, baseline = session(), RestBaseline(seconds=10)
    table = windows.metadata
    calibration, scored = baseline.calibration(windows), baseline.scored(windows)
    assert table["stop"][calibration].max() == table["start"][scored & (table["trial_type"] == "rest")].min() == 10.0
    # The one that lies half in it is neither.
    assert table["start"][~calibration & ~scored].tolist() == [9.0]


@pytest.mark.parametrize(("seconds", "n"), [(2, 1), (2.9, 1), (3, 2), (10, 9), (10.5, 9)])
def test_live_calibrates_on_as_many_windows_as_offline(seconds, n):
    baseline = RestBaseline(seconds)
    assert baseline.calibration(session()).sum() == n
    assert baseline.stream(2, 1).n_windows == n


@settings(max_examples=40)
@given(length=st.integers(1, 50), step=st.integers(1, 50), sfreq=st.sampled_from([125.0, 128.0, 250.0, 256.4]))
def test_live_calibrates_on_as_many_windows_as_offline_at_any_length(length, step, sfreq):
    start = np.arange(200) * step / sfreq
    kind = np.repeat(["rest"], 200)
    table = pd.DataFrame({"subject": "01", "session": "01", "trial": kind, "stimulus": kind, "start": start})
    table = table.assign(stop=start + length / sfreq, trial_type=kind)
    windows = Windows(np.zeros((200, 1)), kind, table, axes=("window", "feature"))
    live = RestBaseline(50 / sfreq).stream(length / sfreq, step / sfreq)
    assert RestBaseline(50 / sfreq).calibration(windows).sum() == live.n_windows


@pytest.mark.parametrize("lost", [[], [0, 1], [3, 4, 5], list(range(25))])
def test_a_recorded_session_and_the_same_session_live_give_the_same_numbers(lost):
    rest = next(EEGMAT().recordings(["05"]))
    data = np.array(rest.signal("eeg").data)
    for second in lost:
        data[2, round((second + 0.5) * 125)] = np.nan
    torn = replace(rest, signals={"eeg": replace(rest.signal("eeg"), data=data)})
    feature, baseline = DifferentialEntropy(), RestBaseline(seconds=30)
    offline = baseline.apply(feature.extract([torn], 2, 1))

    front, live = feature.stream(8, 125.0, 2, 1), baseline.stream(2, 1)
    online = {}
    for second in range(60):
        entropy = front.push(data[:, 125 * second : 125 * (second + 1)])
        for window in entropy.transpose(1, 0, 2):
            online[float(second - 1)] = live.push(window)
    assert len(offline) > 3
    for x, start in zip(offline.X, offline.metadata["start"], strict=True):
        np.testing.assert_allclose(online[start], x, rtol=1e-12)
    first = offline.metadata["start"].min()
    # Live, the window that lies half in the calibration comes out too; nothing before it does.
    assert all(out is None for start, out in online.items() if start < first - 1)


def test_what_comes_later_changes_nothing():
    windows = session()
    later = windows.metadata["start"].to_numpy() >= 15
    other = replace(windows, X=np.where(later[:, None, None], 1e3, windows.X))
    before, after = (RestBaseline(seconds=10).apply(w) for w in (windows, other))
    same = before.metadata["start"].to_numpy() < 15
    np.testing.assert_array_equal(before.X[same], after.X[same])
    assert not np.array_equal(before.X, after.X)


def test_sessions_do_not_know_of_each_other():
    parts = [
        session("01", seed=1),
        session("02", seed=2, rest_from=500.0),
        session("01", session="02", seed=3),
    ]
    alone = np.concatenate([RestBaseline(10).apply(p).X for p in parts])
    together = RestBaseline(10).apply(Windows.concatenate(parts))
    np.testing.assert_array_equal(together.X, alone)
    shuffled = Windows.concatenate(parts).take(np.random.default_rng(0).permutation(3 * len(parts[0])))
    found = RestBaseline(10).apply(shuffled)
    np.testing.assert_allclose(np.sort(found.X.ravel()), np.sort(alone.ravel()), rtol=1e-12)


def test_only_the_first_rest_calibrates():
    windows = session(rest_s=20, task_s=10)
    table = windows.metadata.assign(
        trial=np.repeat(["r1", "t1", "r2"], [9, 10, 9]), trial_type=np.repeat(["rest", "task", "rest"], [9, 10, 9])
    )
    windows = replace(windows, metadata=table)
    assert np.flatnonzero(RestBaseline(5).calibration(windows)).tolist() == [0, 1, 2, 3]
    assert RestBaseline(5).scored(windows)[5:].all()


def test_a_session_without_rest_is_refused():
    parts = [session("01"), session("02")]
    windows = Windows.concatenate(parts)
    kept = windows.take(~((windows.metadata["subject"] == "02") & (windows.y == "rest")).to_numpy())
    with pytest.raises(DataError, match=r"subject/session '02/01' has no 'rest' windows.*found events task"):
        RestBaseline(10).apply(kept)


def test_a_rest_too_short_for_a_window_is_refused():
    with pytest.raises(DataError, match="no window of subject/session '01/01' lies within the first 1 s of its 'rest'"):
        RestBaseline(seconds=1).apply(session())
    with pytest.raises(ValueError, match="at least one whole window of rest; found room for 0"):
        RestBaseline(seconds=1).stream(2, 1)


def test_progress_goes_from_nothing_to_all_and_waits_for_the_first_window_that_can_be_used():
    live = RestBaselineStream(n_windows=3)
    lost, good = np.full((2, 3), np.nan), np.ones((2, 3))
    progress = [live.progress]
    for features in (lost, lost, good, lost, good):
        assert live.push(features) is None
        progress.append(live.progress)
    assert progress == pytest.approx([0, 0, 0, 1 / 3, 2 / 3, 1])
    np.testing.assert_array_equal(live.push(good), np.zeros((2, 3)))
    assert np.isnan(live.push(lost)).all()
    assert live.progress == 1
