"""The transformer against its kernel and against scikit-learn's expectations."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affectbio.errors import ConfigError, DataError
from affectbio.features import BandPower, DifferentialEntropy
from affectbio.kernels import band_power, differential_entropy, window_starts
from affectbio.types import Channel, Recording, Signal

SFREQ = 125.0
NAMES = ["delta", "theta", "alpha", "beta", "gamma"]


def recording(data=None, *, subject="01", start=0.0, sfreq=SFREQ, events=((0.0, 10.0, "rest"), (12.5, 8.0, "task"))):
    data = 1e-5 * np.random.default_rng(0).standard_normal((2, int(22 * sfreq))) if data is None else data
    table = pd.DataFrame(events, columns=["onset", "duration", "trial_type"])
    table["onset"] += start
    return Recording({"eeg": Signal(data, sfreq, [Channel("C3"), Channel("C4")], start)}, subject, table)


def test_transform_is_the_kernel_on_every_window():
    X = np.random.default_rng(0).standard_normal((6, 3, 256))
    found = DifferentialEntropy(sfreq=128, order=2, log="2").fit_transform(X)
    for row, window in zip(found, X, strict=True):
        np.testing.assert_array_equal(row, differential_entropy(window, 128, window_s=2, order=2, log="2").ravel())


def test_it_clones_and_keeps_its_parameters():
    feature = DifferentialEntropy(sfreq=100, bands={"alpha": (8, 14)}, order=3, log="2")
    assert clone(feature).get_params() == feature.get_params()
    assert not hasattr(clone(feature.fit(np.zeros((1, 2, 100)))), "n_chans_in_")


def test_columns_are_named_in_the_order_of_the_numbers():
    t = np.arange(1280) / 128
    X = np.stack([1e-3 * np.sin(2 * np.pi * 10 * t), np.sin(2 * np.pi * 20 * t)])[None]
    feature = DifferentialEntropy(sfreq=128).set_output(transform="pandas").fit(X)
    table = feature.transform(X)
    assert list(table.columns) == [f"{c}_{b}" for c in ("ch0", "ch1") for b in NAMES]
    assert table.iloc[0][[f"ch0_{b}" for b in NAMES]].idxmax() == "ch0_alpha"
    assert table.iloc[0].idxmax() == "ch1_beta"
    assert feature.get_feature_names_out(["C3", "C4"])[:6].tolist() == [f"C3_{b}" for b in NAMES] + ["C4_delta"]


def test_it_works_in_a_pipeline():
    X = np.random.default_rng(0).standard_normal((20, 3, 256))
    scaled = make_pipeline(DifferentialEntropy(sfreq=128), StandardScaler()).fit_transform(X)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize(
    ("feature", "X", "error", "words"),
    [
        (
            DifferentialEntropy(sfreq=128),
            np.zeros((3, 256)),
            ValueError,
            r"\(n_windows, n_chans, n_times\).*\(3, 256\)",
        ),
        (DifferentialEntropy(), np.zeros((1, 3, 256)), ValueError, r"give DifferentialEntropy\(sfreq=...\) in Hz"),
        (DifferentialEntropy(sfreq=60), np.zeros((1, 3, 256)), ValueError, "half the sampling rate of 60 Hz"),
        (DifferentialEntropy(128, bands="egg"), np.zeros((1, 3, 256)), ConfigError, "did you mean 'eeg'"),
    ],
)
def test_fit_refuses(feature, X, error, words):
    with pytest.raises(error, match=words):
        feature.fit(X)


def test_what_does_not_fit_the_fit_is_refused():
    feature = DifferentialEntropy(sfreq=128)
    with pytest.raises(NotFittedError):
        feature.transform(np.zeros((1, 3, 256)))
    feature.fit(np.zeros((1, 3, 256)))
    with pytest.raises(ValueError, match=r"\(n_windows, 3, n_times\), as in fit; found shape \(1, 2, 256\)"):
        feature.transform(np.zeros((1, 2, 256)))
    with pytest.raises(ValueError, match="names of 3 channels, found 2"):
        feature.get_feature_names_out(["C3", "C4"])


@pytest.mark.parametrize("start", [0.0, 1234.5])
def test_extract_gives_the_windows_inside_events_with_the_kernels_numbers(start):
    session = recording(start=start)
    windows = DifferentialEntropy().extract([session], window_s=2, step_s=1)
    entropy = differential_entropy(session.signal("eeg").data, SFREQ, window_s=2, step_s=1)
    # Windows start every second: 0 to 8 lie in rest, 13 to 18 in the task, which begins at 12.5 and ends at 20.5.
    inside = [*range(9), *range(13, 19)]
    np.testing.assert_array_equal(windows.X, entropy.transpose(1, 0, 2)[inside])
    assert windows.y.tolist() == ["rest"] * 9 + ["task"] * 6
    np.testing.assert_allclose(windows.metadata["start"], start + np.array(inside, dtype=float))
    np.testing.assert_allclose(windows.metadata["stop"] - windows.metadata["start"], 2.0)
    assert windows.axes == ("window", "channel", "band")
    assert windows.features == tuple(NAMES)
    assert [c.name for c in windows.channels] == ["C3", "C4"]
    assert set(windows.metadata["subject"]) == {"01"}


def test_a_window_with_a_lost_sample_is_left_out_and_no_other():
    session = recording()
    data = np.array(session.signal("eeg").data)
    data[1, int(4.5 * SFREQ)] = np.nan
    torn = DifferentialEntropy().extract([recording(data)], 2, 1)
    whole = DifferentialEntropy().extract([session], 2, 1)
    assert sorted(set(whole.metadata["start"]) - set(torn.metadata["start"])) == [3.0, 4.0]
    np.testing.assert_array_equal(torn.X[:3], whole.X[:3])


def test_extract_and_stream_give_the_same_numbers():
    session, feature = recording(), DifferentialEntropy()
    data = session.signal("eeg").data
    live = feature.stream(2, SFREQ, 2, 1)
    streamed = np.concatenate([live.push(data[:, i : i + 37]) for i in range(0, data.shape[1], 37)], axis=1)
    windows = feature.extract([session], 2, 1)
    which = windows.metadata["start"].to_numpy().astype(int)
    np.testing.assert_array_equal(windows.X, streamed.transpose(1, 0, 2)[which])


def test_windows_last_whole_samples():
    # 0.3 s are 77 samples at 256 Hz, which last a little longer: ten of them do not fit into three seconds.
    session = recording(sfreq=256.0, events=[(0.0, 3.0, "rest")])
    windows = DifferentialEntropy().extract([session], 0.3, 0.3)
    assert len(windows) == 9
    np.testing.assert_allclose(windows.metadata["stop"], window_starts(9 * 77, 256.0, 0.3, 0.3) / 256 + 77 / 256)


def test_recordings_are_put_together_in_order():
    two = [recording(subject="02"), recording(subject="01")]
    windows = DifferentialEntropy().extract(iter(two), 2, 1)
    assert windows.metadata["subject"].tolist() == ["02"] * 15 + ["01"] * 15


@pytest.mark.parametrize(
    ("recordings", "words"),
    [
        ([], "the 0 recordings"),
        ([recording(events=[])], "no window of 2 s lies inside an event"),
        ([recording(events=[(0.0, 1.9, "short")])], "no window of 2 s lies inside an event"),
        ([recording(np.full((2, 2750), np.nan))], "free of lost samples in any of the 1 recordings"),
        ([recording(), recording(np.zeros((2, 200)), subject="brief")], "subject 'brief'.*250 samples.*holds 200"),
    ],
)
def test_extract_refuses(recordings, words):
    with pytest.raises(DataError, match=words):
        DifferentialEntropy().extract(recordings, 2, 1)


def test_extract_refuses_recordings_of_other_channels():
    other = Recording({"eeg": Signal(np.zeros((1, 500)), SFREQ, [Channel("Cz")])}, "02", recording().events)
    with pytest.raises(DataError, match="differ in channels"):
        DifferentialEntropy().extract([recording(), other], 2, 1)


def test_windows_of_a_rate_that_is_no_multiple_of_theirs_are_measured_behind_a_warm_filter():
    """Every window begins where the clock says; the filter has run over what was before it."""
    rng = np.random.default_rng(0)
    signal = Signal(1e-5 * rng.standard_normal((2, 60 * 256)), 255.9, [Channel("C3"), Channel("C4")])
    first = np.ceil(np.arange(58) * signal.sfreq).astype(np.int64)
    assert len(set(np.diff(first))) == 2
    found = DifferentialEntropy().measure_at(signal, first, 512).reshape(-1, 2, 5)
    whole = differential_entropy(signal.data, signal.sfreq, window_s=512 / signal.sfreq, step_s=1 / signal.sfreq)
    np.testing.assert_allclose(found, whole[:, first].transpose(1, 0, 2), atol=1e-9)


def test_band_power_is_the_kernel_and_its_logarithm():
    X = np.random.default_rng(0).standard_normal((3, 2, 256))
    power = BandPower(128, {"alpha": (8, 13)}).fit_transform(X)
    for row, window in zip(power, X, strict=True):
        np.testing.assert_array_equal(row, band_power(window, 128, {"alpha": (8, 13)}, window_s=2).ravel())
    np.testing.assert_allclose(BandPower(128, {"alpha": (8, 13)}, log="10").fit_transform(X), np.log10(power))
    with pytest.raises(ValueError, match="log is 'e' or '10'"):
        BandPower(128, log="2").fit(X)


@pytest.mark.parametrize("make", [DifferentialEntropy, BandPower])
def test_the_causal_stream_equals_the_continuous_recording(make):
    session = recording()
    data = session.signal("eeg").data
    live = make().stream(2, SFREQ, 2, 1)
    parts = [live.push(data[:, i : i + 61]) for i in range(0, data.shape[1], 61)]
    columns = [p if p.ndim == 2 else p.transpose(1, 0, 2).reshape(-1, 10) for p in parts]
    first = window_starts(data.shape[1], SFREQ, 2, 1)
    found = make().measure_at(session.signal("eeg"), first, round(2 * SFREQ))
    np.testing.assert_array_equal(np.concatenate(columns), found)


def test_zero_phase_looks_ahead_and_has_no_stream():
    with pytest.raises(ValueError, match="looks ahead"):
        BandPower(method="zero-phase").stream(2, SFREQ, 2, 1)
    windows = DifferentialEntropy(method="zero-phase").extract([recording()], 2, 1)
    assert len(windows) == 15
