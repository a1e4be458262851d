"""Windows of ECG and PPG against the chain of kernels done by hand, two devices on one heart, and a wristband."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.errors import SignalQualityError
from affectbio.kernels import (
    BeatStream,
    HeartFeatures,
    HeartStream,
    beat_features,
    beat_times,
    correct_ectopic,
    find_beats,
    heart_features,
    hrv_frequency,
    hrv_nonlinear,
    hrv_time,
    pulse_arrival_features,
)

DATA = Path(__file__).parents[1] / "data" / "physio"


@pytest.fixture(scope="module")
def rest():
    """ECG and PPG at 100 Hz, five minutes."""
    with np.load(DATA / "neurokit_rest.npz") as file:
        return {"ecg": file["ecg"], "ppg": file["ppg"]}


@pytest.fixture(scope="module")
def wrist():
    """PPG of a wristband at 64 Hz, and the intervals between the beats it timed itself."""
    with np.load(DATA / "e4_wrist.npz") as file:
        return file["bvp"] / 100, file["beats_s"], file["intervals_s"]


@pytest.mark.parametrize("kind", ["ecg", "ppg"])
def test_measures_are_those_of_the_chain_by_hand(rest, kind):
    x = rest[kind]
    ours = heart_features(x, 100, kind)
    repaired = correct_ectopic(np.diff(beat_times(x, find_beats(x, 100, kind), 100, kind)))
    by_hand = {
        **hrv_time(repaired.rr)._asdict(),
        **hrv_frequency(repaired.rr)._asdict(),
        **hrv_nonlinear(repaired.rr)._asdict(),
    }
    assert ours.hr_bpm == by_hand["mean_hr_bpm"]
    assert ours.intervals_corrected == repaired.share
    same = set(HeartFeatures._fields) & set(by_hand)
    assert len(same) == 11
    np.testing.assert_array_equal([getattr(ours, name) for name in same], [by_hand[name] for name in same])
    assert np.isfinite(ours).all()


def test_ecg_and_ppg_of_one_heart_vary_alike(rest):
    heart, pulse = heart_features(rest["ecg"], 100), heart_features(rest["ppg"], 100, "ppg")
    assert heart.hr_bpm == pytest.approx(86.36, abs=0.02)
    assert pulse.hr_bpm == pytest.approx(heart.hr_bpm, rel=0.001)
    assert pulse.rmssd_ms == pytest.approx(heart.rmssd_ms, rel=0.05)
    assert pulse.hf_ms2 == pytest.approx(heart.hf_ms2, rel=0.1)


def test_a_wristbands_pulse_varies_as_the_wristband_says(wrist):
    bvp, device_s, intervals_s = wrist
    # Only successive intervals have a difference; the device left out what it did not trust.
    successive = np.abs(np.diff(device_s) - intervals_s[1:]) < 0.02
    rmssd_ms = 1e3 * np.sqrt(np.mean(np.diff(intervals_s)[successive] ** 2))
    feet = heart_features(bvp, 64, "ppg_foot")
    assert feet.rmssd_ms == pytest.approx(rmssd_ms, rel=0.1)
    assert feet.hr_bpm == pytest.approx(60 / np.mean(intervals_s), rel=0.03)
    assert feet.beats_trusted > heart_features(bvp, 64, "ppg").beats_trusted + 0.1


def test_windows_stand_alone_whatever_their_shape(rest):
    windows = np.stack([rest["ppg"][:24_000], -rest["ppg"][6000:]]).reshape(2, 4, 6000)
    ours = heart_features(windows, 100, "ppg")
    assert all(value.shape == (2, 4) and value.dtype == np.float64 for value in ours)
    for index in np.ndindex(2, 4):
        alone = heart_features(windows[index], 100, "ppg")
        np.testing.assert_array_equal([value[index] for value in ours], alone)


def test_units_lost_and_integer_samples(rest):
    ppg = np.round(2000 * rest["ppg"][:6000]).astype(">i4")
    whole = heart_features(ppg.astype(float), 100, "ppg")
    np.testing.assert_array_equal(heart_features(np.repeat(ppg, 2)[::2], 100, "ppg"), whole)
    windows = np.stack([ppg.astype(float), np.full(6000, np.nan), np.zeros(6000), np.full(6000, 1e200)])
    windows[0, 2000:2100] = np.inf
    ours = heart_features(windows, 100, "ppg")
    np.testing.assert_array_equal(ours.n_beats > 0, [True, False, False, False])
    assert ours.hr_bpm[0] == pytest.approx(whole.hr_bpm, rel=0.02)
    assert np.isnan([value[1:] for name, value in ours._asdict().items() if name != "n_beats"]).all()


def test_a_hole_leaves_the_longer_side(rest):
    ppg = rest["ppg"][:12_000].copy()
    ppg[3000:4000] = np.nan
    ours = heart_features(ppg, 100, "ppg")
    after = heart_features(ppg[4000:], 100, "ppg")
    assert ours.hr_bpm == pytest.approx(after.hr_bpm, rel=0.005)
    assert ours.rmssd_ms == pytest.approx(after.rmssd_ms, rel=0.05)
    # Eighty seconds are no two minutes.
    assert np.isfinite(ours.hf_ms2)
    assert np.isnan(ours.lf_ms2)


def test_a_heart_of_ectopic_beats_has_a_rate_and_no_variability():
    with np.load(DATA / "polar_h10.npz") as file:
        ours = heart_features(file["ecg_uv"], 130.16)
    assert ours.intervals_corrected > 0.6
    assert 75 < ours.hr_bpm < 85
    assert np.isnan([ours.rmssd_ms, ours.sdnn_ms, ours.hf_ms2, ours.sd1_ms, ours.dfa_alpha1]).all()


@pytest.mark.parametrize(("kind", "seed"), [("ecg", 0), ("ppg", 1), ("ppg_foot", 2)])
def test_noise_has_no_heart(kind, seed):
    ours = heart_features(np.random.default_rng(seed).standard_normal((4, 6000)), 100, kind)
    assert (ours.beats_trusted < 0.5).all()
    assert np.isnan(ours.hr_bpm).all()


@pytest.mark.parametrize("seconds", [5, 15, 40, 70])
def test_what_is_too_short_is_nan(rest, seconds):
    ours = heart_features(rest["ppg"][: 100 * seconds], 100, "ppg")
    given = {name for name, value in ours._asdict().items() if np.isfinite(value)}
    expected = {"n_beats", "beats_trusted", "intervals_corrected"}
    expected |= {"hr_bpm", "mean_rr_ms"} if seconds >= 10 else set()
    expected |= {"rmssd_ms", "sd1_ms"} if seconds >= 30 else set()
    expected |= {"sdnn_ms", "pnn50_percent", "sd2_ms", "hf_ms2"} if seconds >= 60 else set()
    assert given == expected


@given(st.lists(st.floats(0.2, 4.0), max_size=80), st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_whatever_comes_measures_are_finite_or_nan(intervals, seed):
    times_s = np.cumsum(intervals)
    quality = np.random.default_rng(seed).choice([0.0, 0.9, np.nan], len(times_s), p=[0.1, 0.8, 0.1])
    ours = beat_features(times_s, quality)
    assert not np.isinf(ours).any()
    assert ours.n_beats == len(intervals)
    assert np.isnan(ours.intervals_corrected) or 0 <= ours.intervals_corrected <= 1


def test_pulses_arrive_when_they_were_sent():
    rng = np.random.default_rng(0)
    beats_s = 0.5 + np.cumsum(rng.uniform(0.7, 0.9, 70))
    delay_s = 0.3 + 0.02 * rng.standard_normal(70)

    def bells(at, width, sfreq):
        return np.exp(-0.5 * ((np.arange(60 * sfreq)[:, None] / sfreq - at) / width) ** 2).sum(axis=1)

    ours = pulse_arrival_features(
        [bells(beats_s, 0.012, 250)] * 2, [bells(beats_s + delay_s, 0.1, 64), np.zeros(60 * 64)], 250, 64
    )
    assert ours.pulse_arrival_ms[0] == pytest.approx(300, abs=5)
    assert ours.pulse_arrival_sd_ms[0] == pytest.approx(20, abs=4)
    assert ours.n_pulses[0] > 65
    assert ours.n_pulses[1] == 0
    assert np.isnan(ours.pulse_arrival_ms[1])


def test_arrival_on_a_finger_is_steady_from_window_to_window(rest):
    ours = pulse_arrival_features(rest["ecg"].reshape(5, 6000), rest["ppg"].reshape(5, 6000), 100)
    assert ((ours.pulse_arrival_ms > 400) & (ours.pulse_arrival_ms < 460)).all()
    assert (ours.pulse_arrival_sd_ms < 20).all()


@pytest.mark.parametrize("kind", ["ecg", "ppg"])
def test_live_measures_are_those_of_the_live_beats_of_the_window(rest, kind):
    x = rest[kind][:9000]
    every, seldom = HeartStream(100, kind, window_s=40), HeartStream(100, kind, window_s=40)
    often = [every.push(x[first : first + 10]) for first in range(0, 9000, 10)]
    for end in range(3000, 9001, 3000):
        live = seldom.push(x[end - 3000 : end])
        np.testing.assert_array_equal(often[end // 10 - 1], live)
        beats = BeatStream(100, kind).push(x[:end])
        end_s = end / 100 - seldom.latency_s
        inside = (beats.times_s > end_s - 40) & (beats.times_s <= end_s)
        np.testing.assert_array_equal(live, beat_features(beats.times_s[inside], beats.quality[inside], kind))
    # The same window of the recording.
    batch = heart_features(x[9000 - 100 * 40 :], 100, kind)
    assert live.hr_bpm == pytest.approx(batch.hr_bpm, rel=0.01)
    assert live.rmssd_ms == pytest.approx(batch.rmssd_ms, rel=0.1)


def test_live_measures_before_there_are_beats_are_nan():
    measures = HeartStream(100).push(np.zeros(0))
    assert measures.n_beats == 0
    assert np.isnan(measures.hr_bpm)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: heart_features(np.zeros((2, 0, 100)), 100), r"shape \(2, 0, 100\)"),
        (lambda: heart_features(np.zeros(1000, complex), 100), "expected real numbers"),
        (lambda: heart_features(np.zeros(1000), 0), "at least 50 Hz; found 0"),
        (lambda: heart_features(np.full(1000, np.nan), 100, "eeg"), "found 'eeg'"),
        (lambda: heart_features(np.ones(1000), 40), "at least 50 Hz; found 40"),
        (lambda: beat_features([1.0, 0.5], [1.0, 1.0]), "rising times in seconds"),
        (lambda: beat_features([1.0, 1.5], [1.0]), r"found \(2,\) and \(1,\)"),
        (lambda: beat_features([], [], "eeg"), "found 'eeg'"),
        (lambda: pulse_arrival_features(np.zeros((2, 1000)), np.zeros(1000), 100), r"found shapes \(1000,\)"),
        (lambda: pulse_arrival_features(np.zeros(1000), np.zeros(1000), 100, kind="ecg"), "found 'ecg'"),
        (lambda: HeartStream(100, window_s=0), "found 0"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_windows_too_short_for_a_beat_are_refused():
    with pytest.raises(SignalQualityError, match=r"at least 2 s .* found 1.9 s"):
        heart_features(np.zeros((3, 190)), 100)
