"""What every registered feature has to do; one that has no case here fails, and so cannot be added without."""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from affectbio.errors import ConfigError, DataError
from affectbio.features import FEATURES, SETS, ChannelFeature, FieldsFeature, Hjorth
from affectbio.types import Channel, Recording, Signal, Windows

EEG = ("F3", "F4", "P3", "P4")


class Case(NamedTuple):
    """Parameters, rate, length of a window, and channels with their kind; the signal comes from `signal_of`."""

    params: dict[str, Any]
    sfreq: float
    window_s: float
    ch_names: tuple[str, ...]
    kind: str


CASES = {
    "aperiodic-slope": Case({}, 128.0, 8.0, EEG[:2], "eeg"),
    "asymmetry": Case({"ch_names": EEG, "fields": ("dasm", "rasm", "dcau", "faa")}, 128.0, 2.0, EEG, "eeg"),
    "band-power": Case({"method": "fft", "log": "10"}, 128.0, 2.0, EEG, "eeg"),
    "complexity": Case({}, 128.0, 2.0, EEG, "eeg"),
    "connectivity": Case({}, 128.0, 4.0, EEG, "eeg"),
    "covariance": Case({"log": True}, 128.0, 2.0, EEG, "eeg"),
    "differential-entropy": Case({"method": "fft"}, 128.0, 2.0, EEG, "eeg"),
    "eda": Case({"fields": ("tonic_mean", "tonic_slope", "phasic_mean", "scr_per_min")}, 8.0, 24.0, ("EDA",), "gsr"),
    "hjorth": Case({}, 128.0, 2.0, EEG, "eeg"),
    "hrv": Case({"kind": "ppg", "fields": ("hr_bpm", "rmssd_ms", "n_beats")}, 64.0, 32.0, ("PPG",), "ppg"),
    "motion": Case({"fields": ("enmo", "mad", "tilt_x_deg")}, 32.0, 4.0, ("X", "Y", "Z"), "acc"),
    "pulse-arrival": Case({}, 100.0, 16.0, ("ECG", "PPG"), "misc"),
    "relative-power": Case({}, 128.0, 2.0, EEG, "eeg"),
    "respiration": Case({"fields": ("rate_bpm", "depth")}, 25.0, 32.0, ("chest",), "resp"),
    "scalogram": Case({"freqs": (4, 40, 6), "n_cells": 4}, 128.0, 2.0, EEG, "eeg"),
    "tangent-space": Case({}, 128.0, 2.0, EEG, "eeg"),
    "temperature": Case({}, 4.0, 16.0, ("TEMP",), "temperature"),
    "wavelet-energy": Case({}, 128.0, 2.0, EEG, "eeg"),
}
# What says something even of a window without a sample: that there were no beats in it.
COUNTS = {"hrv_n_beats", "pulse_arrival_n_pulses"}


def signal_of(case: Case) -> Signal:
    """Five windows, each beginning half a window after the one before, and a tail that belongs to none."""
    rng = np.random.default_rng(0)
    t = np.arange(int(3 * case.window_s * case.sfreq) + 7) / case.sfreq
    noise = rng.standard_normal((len(case.ch_names), len(t)))
    beat = 2 * np.pi * (1.2 * t + 0.1 * np.sin(0.6 * t))
    data = {
        "eeg": 1e-5 * (noise + 0.02 * np.cumsum(noise[:, ::-1], axis=1)),
        "gsr": 2e-6 + 1e-7 * np.sin(0.05 * t) + 1e-9 * noise,
        "ppg": np.exp(8 * np.cos(beat)) + 10 * noise,
        # An R peak, and the pulse that it sends, at times later and at times sooner.
        "misc": np.stack(
            [np.exp(300 * (np.cos(beat) - 1)), np.exp(8 * np.cos(beat - 1.5 - 0.1 * np.sin(0.5 * t)) - 8)]
        ),
        "acc": 0.1 * noise + [[0.0], [0.0], [9.81]] if case.kind == "acc" else noise,
        "resp": np.sin(2 * np.pi * (0.25 * t + 0.1 * np.sin(0.2 * t))) + 0.01 * noise,
        "temperature": 33 + 0.001 * t + 0.01 * noise,
    }[case.kind]
    return Signal(data, case.sfreq, [Channel(name, case.kind) for name in case.ch_names])


def windows_of(signal: Signal, case: Case) -> Any:
    length = round(case.window_s * case.sfreq)
    step = length // 2
    view = np.lib.stride_tricks.sliding_window_view(signal.data, length, axis=1)[:, ::step]
    return np.ascontiguousarray(view.transpose(1, 0, 2))


@pytest.fixture(params=sorted(CASES))
def name(request):
    return request.param


@pytest.fixture
def case(name):
    return CASES[name]


@pytest.fixture
def X(case):
    return windows_of(signal_of(case), case)


@pytest.fixture
def feature(name, case, X):
    return FEATURES.get(name)(sfreq=case.sfreq, **case.params).fit(X)


def test_every_registered_feature_has_a_case():
    # baseline-entropy needs the rest before a trial, so it runs over recordings only and is no transformer.
    assert sorted([*CASES, "baseline-entropy"]) == FEATURES.names()


def test_every_set_names_a_feature_that_takes_its_parameters():
    for known in SETS.values():
        assert set(known.valid_if) <= set(getattr(known.make(), "known_fields", ()))
        assert known.window_s > 0


def test_it_is_made_without_arguments_and_clones(name, feature):
    assert FEATURES.get(name)().get_params()["sfreq"] is None
    twin = clone(feature)
    assert twin.get_params() == feature.get_params()
    with pytest.raises(NotFittedError):
        twin.get_feature_names_out()


def test_it_pickles(feature, X):
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(feature)).transform(X), feature.transform(X))


def test_every_column_is_known_and_has_a_name_of_its_own(feature, case, X):
    values = feature.transform(X)
    names = feature.get_feature_names_out(case.ch_names)
    assert values.shape == (len(X), len(names))
    assert len(set(names)) == len(names)
    assert np.isfinite(values).all()
    assert (np.ptp(values, axis=0) > 0).mean() > 0.6, "columns that never change"
    if isinstance(feature, ChannelFeature) and case.kind == "eeg":
        assert all(n.startswith(case.ch_names[0]) for n in names[: len(names) // len(case.ch_names)])


def test_it_gives_pandas(feature, X):
    table = feature.set_output(transform="pandas").transform(X)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == feature.get_feature_names_out().tolist()


def test_a_window_does_not_depend_on_the_others(feature, X):
    one_by_one = np.concatenate([feature.transform(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(feature.transform(X), one_by_one, rtol=1e-6 if X.dtype == np.float32 else 1e-9)


def test_arrays_of_any_layout_give_the_same(feature, X):
    expected = feature.transform(X)
    np.testing.assert_array_equal(feature.transform(np.asfortranarray(X)), expected)
    np.testing.assert_array_equal(feature.transform(X.astype(">f8")), expected)
    np.testing.assert_array_equal(feature.transform(np.repeat(X, 2, axis=0)[::2]), expected)


def test_stream_extract_and_transform_give_the_same(feature, case, X):
    signal = signal_of(case)
    step_s = X.shape[2] // 2 / case.sfreq
    live = feature.stream(signal.n_chans, case.sfreq, case.window_s, step_s, ch_names=case.ch_names)
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.integers(0, signal.n_times, 12))
    parts = [as_columns(live.push(chunk)) for chunk in np.split(signal.data, cuts, axis=1)]
    np.testing.assert_allclose(np.concatenate(parts), feature.transform(X), rtol=1e-9)

    whole = pd.DataFrame({"onset": [0.0], "duration": [signal.duration], "trial_type": ["film"]})
    recording = Recording({"it": signal}, subject="01", events=whole)
    found = feature.extract([recording], case.window_s, step_s, signal="it")
    np.testing.assert_allclose(found.X.reshape(len(found), -1), feature.transform(X), rtol=1e-9)
    assert found.y.tolist() == ["film"] * len(X)


def as_columns(pushed):
    """Give (n_windows, n_columns) of the one stream whose channels are an axis, `DifferentialEntropyStream`."""
    return pushed if pushed.ndim == 2 else pushed.transpose(1, 0, 2).reshape(-1, pushed.shape[0] * pushed.shape[2])


def test_windows_go_in_and_come_out(name, case, X):
    n = len(X)
    who = pd.DataFrame({"subject": ["01"] * n, "session": "01", "trial": "1", "stimulus": "film"})
    who["start"], who["stop"] = np.arange(n, dtype=float), np.arange(n) + case.window_s
    channels = [Channel(c, case.kind) for c in case.ch_names]
    windows = Windows(X, np.arange(n), who, ("window", "channel", "time"), channels, sfreq=case.sfreq)
    feature = FEATURES.get(name)(**case.params).fit(windows)
    assert feature.ch_names_in_ == case.ch_names
    values = feature.transform(windows)
    found = feature.apply(windows)
    np.testing.assert_array_equal(found.X.reshape(n, -1), values)
    assert found.y.tolist() == list(range(n))
    assert found.features
    assert found.sfreq is None
    with pytest.raises(ValueError, match="at"):
        FEATURES.get(name)(sfreq=2 * case.sfreq, **case.params).fit(windows)


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_what_is_lost_is_not_invented(feature, X, lost):
    gone = X.copy()
    gone[1] = lost
    values = feature.transform(gone)
    names = feature.get_feature_names_out()
    assert not np.isinf(values).any()
    assert np.isnan(values[1, [n not in COUNTS for n in names]]).all()
    np.testing.assert_allclose(np.delete(values, 1, axis=0), np.delete(feature.transform(X), 1, axis=0), rtol=1e-9)


def test_one_lost_sample_takes_its_channel_at_most(name, feature, case, X):
    torn = X.copy()
    torn[:, 0, 5] = np.nan
    values, whole = feature.transform(torn), feature.transform(X)
    assert not np.isinf(values).any()
    if isinstance(feature, ChannelFeature) and case.kind == "eeg":
        n = values.shape[1] // len(case.ch_names)
        # A spectrum of several segments leaves out the one that is torn.
        assert np.isnan(values[:, :n]).all() or name == "aperiodic-slope"
        np.testing.assert_allclose(values[:, n:], whole[:, n:], rtol=1e-9)


def test_a_constant_channel_gives_no_infinity(feature, case, X):
    flat = X.copy()
    flat[:, 0] = flat[:, 0, :1]
    values = feature.transform(flat)
    assert not np.isinf(values).any()
    if isinstance(feature, ChannelFeature) and case.kind == "eeg" and not isinstance(feature, FieldsFeature):
        assert np.isnan(values[:, : values.shape[1] // len(case.ch_names)]).all()


def test_what_does_not_fit_is_refused(name, feature, case, X):
    with pytest.raises(ValueError, match=r"\(n_windows, n_chans, n_times\), found shape"):
        feature.fit(X[0])
    with pytest.raises(ValueError, match=r"found shape|names of"):
        feature.transform(np.concatenate([X, X], axis=1))
    with pytest.raises(ValueError, match=r"expected at least one window|0 sample"):
        feature.fit(X[:, :0])
    if name != "asymmetry":
        with pytest.raises(ValueError, match=r"give \w+\(sfreq=...\) in Hz"):
            FEATURES.get(name)(**case.params).fit(X)
    with pytest.raises(ValueError, match=f"names of {X.shape[1]} channels, found {X.shape[1] + 1}"):
        feature.get_feature_names_out([f"c{i}" for i in range(X.shape[1] + 1)])


def test_a_stream_refuses_another_number_of_channels(feature, case):
    live = feature.stream(len(case.ch_names), case.sfreq, case.window_s, case.window_s, ch_names=case.ch_names)
    with pytest.raises(ValueError, match="expected a chunk of shape"):
        live.push(np.zeros((len(case.ch_names) + 1, 4)))
    assert live.push(np.zeros((len(case.ch_names), 0))).size == 0


@pytest.mark.parametrize("name", [n for n in sorted(CASES) if "fields" in FEATURES.get(n)().get_params()])
def test_an_unknown_field_is_answered_with_the_nearest(name):
    case = CASES[name]
    feature = FEATURES.get(name)(**{**case.params, "sfreq": case.sfreq, "fields": ["exponnent"]})
    with pytest.raises(ConfigError, match=r"no field of \w+ 'exponnent'"):
        feature.fit(windows_of(signal_of(case), case))


def test_extract_says_what_was_never_known():
    case = CASES["hrv"]
    signal = signal_of(case)
    whole = pd.DataFrame({"onset": [0.0], "duration": [signal.duration], "trial_type": ["film"]})
    feature = FEATURES.get("hrv")(kind="ppg", fields=("hr_bpm", "vlf_ms2"))
    with pytest.raises(DataError, match="never known: hrv_vlf_ms2; ask for others"):
        feature.extract([Recording({"ppg": signal}, "01", whole)], 32, 16, "ppg")


def test_the_heart_is_read_from_the_signal_of_its_kind():
    case = CASES["hrv"]
    signal = signal_of(case)
    whole = pd.DataFrame({"onset": [0.0], "duration": [signal.duration], "trial_type": ["film"]})
    recording = Recording({"ppg": signal}, "01", whole)
    feature = FEATURES.get("hrv")(kind="ppg", fields=("hr_bpm",))
    np.testing.assert_array_equal(
        feature.extract([recording], 32, 16).X, feature.extract([recording], 32, 16, signal="ppg").X
    )


class OneChannel(Hjorth):
    """Takes each row as the one channel of a window, so that scikit-learn's own checks can be run on the base class."""

    def __init__(self, sfreq=100.0, fields=None):
        super().__init__(sfreq, fields)

    def _taken(self, X):
        if not sparse.issparse(X):
            X = np.asarray(X)
            X = X[:, None] if X.ndim == 2 else X
        return super()._taken(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = True, False
        return tags


_AXES = "counts the channels, of which these windows have one; the check counts the samples"
_WORDS = "refused, in words that speak of windows, channels and samples"


@parametrize_with_checks(
    [OneChannel()],
    expected_failed_checks=lambda _: {
        "check_n_features_in": _AXES,
        "check_n_features_in_after_fitting": _AXES,
        "check_estimators_empty_data_messages": _WORDS,
        "check_fit2d_predict1d": _WORDS,
        "check_fit_idempotent": "has windows of 2 samples, which have no slope that changes",
    },
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
