"""The base of the window features: chunks of any size, and what a stream costs."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import DataError
from affectbio.features import FeatureStream, Hjorth, TangentSpace, WindowFeature
from affectbio.types import Channel, Recording, Signal

SFREQ = 50.0


class Extremes(WindowFeature):
    """Least and greatest sample over all channels: the simplest feature that tells which samples a window held."""

    kinds = ("misc",)

    def __init__(self, sfreq=None):
        self.sfreq = sfreq

    def columns(self, sfreq, ch_names):
        return ["least", "greatest"]

    def measure(self, X, sfreq, ch_names):
        return np.stack([X.min(axis=(1, 2)), X.max(axis=(1, 2))], axis=1)


@given(
    window=st.integers(2, 40),
    step=st.integers(1, 60),
    cuts=st.lists(st.integers(0, 300), max_size=30),
)
def test_a_stream_sees_the_samples_of_each_window_however_they_come(window, step, cuts):
    data = np.arange(300.0)[None]
    live = Extremes().stream(1, SFREQ, window / SFREQ, step / SFREQ)
    found = np.concatenate([live.push(chunk) for chunk in np.split(data, sorted(cuts), axis=1)])
    first = np.arange(0, 300 - window + 1, step)
    np.testing.assert_array_equal(found, np.stack([first, first + window - 1], axis=1))


@pytest.mark.parametrize("block", [1, 37, 100_000])
def test_blocks_change_nothing(monkeypatch, block):
    monkeypatch.setattr("affectbio.features.window.BLOCK_SAMPLES", block)
    monkeypatch.setattr("affectbio.features.stream.BLOCK_SAMPLES", block)
    data = np.random.default_rng(0).standard_normal((2, 500))
    signal = Signal(data, SFREQ, [Channel("C3"), Channel("C4")])
    found = Hjorth().measure_at(signal, np.arange(0, 401, 25), 100)
    assert found.shape == (17, 6)
    live = Hjorth().stream(2, SFREQ, 2, 0.5)
    np.testing.assert_allclose(live.push(data), found, rtol=1e-12)
    X = np.stack([data[:, i : i + 100] for i in range(0, 401, 25)])
    np.testing.assert_allclose(Hjorth(SFREQ).fit_transform(X), found, rtol=1e-12)


def test_a_stream_starts_anew_after_reset():
    data = np.random.default_rng(0).standard_normal((2, 250))
    live = FeatureStream(Hjorth(), 2, SFREQ, 1, 0.5, ["C3", "C4"])
    first = live.push(data)
    live.reset()
    np.testing.assert_array_equal(live.push(data), first)
    assert live.columns[:2] == ("C3_activity", "C3_mobility")


def test_extract_puts_each_window_in_its_event():
    data = np.arange(500.0)[None]
    events = pd.DataFrame({"onset": [1.0, 6.0], "duration": [3.0, 2.0], "trial_type": ["a", "b"]})
    recording = Recording({"x": Signal(data, SFREQ, [Channel("x", "misc")])}, "01", events)
    windows = Extremes().extract([recording], 1, 1, signal="x")
    assert windows.y.tolist() == ["a", "a", "a", "b", "b"]
    np.testing.assert_array_equal(windows.X[:, 0], SFREQ * np.array([1, 2, 3, 6, 7]))
    assert windows.axes == ("window", "feature")
    assert windows.features == ("least", "greatest")


def test_one_recording_without_events_is_told_of_feature_set():
    signal = Signal(np.random.default_rng(0).standard_normal((1, 1000)), SFREQ, [Channel("C3")])
    with pytest.raises(DataError, match="none lies inside one; FeatureSet takes windows outside"):
        Hjorth().extract(Recording({"eeg": signal}, "01"), 1, 1)


def test_a_short_signal_names_the_person_and_the_length():
    recording = Recording({"x": Signal(np.zeros((1, 20)), SFREQ, [Channel("x", "misc")])}, "brief")
    with pytest.raises(DataError, match=r"signal 'x' of subject 'brief': a window of 1 s is 50 samples .* holds 20"):
        Extremes().extract([recording], 1, 1, signal="x")


def test_the_tangent_space_learns_its_mean_from_the_windows_it_is_fitted_on():
    rng = np.random.default_rng(0)
    mixing = np.array([[1.0, 0.0], [0.7, 0.5]])
    X = mixing @ rng.standard_normal((40, 2, 400))
    feature = TangentSpace(SFREQ).fit(X[:20])
    inside, other = feature.transform(X[:20]), feature.transform(3 * X[20:])
    np.testing.assert_allclose(inside.mean(axis=0), 0, atol=0.02)
    # Three times the amplitude is ln 9 on the diagonal, whatever the mixing.
    np.testing.assert_allclose(other.mean(axis=0), [np.log(9), 0, np.log(9)], atol=0.05)
    with pytest.raises(ValueError, match="none of 2 windows has a covariance"):
        TangentSpace(SFREQ).fit(np.zeros((2, 2, 100)))
