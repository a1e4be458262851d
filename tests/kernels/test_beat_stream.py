"""Live beats against the same stream at once, the recording's own, and the cardiologists' annotations."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.kernels import BeatStream, beat_times, find_beats

DATA = Path(__file__).parents[1] / "data" / "physio"
KINDS = ["ecg", "ppg", "ppg_foot"]


@pytest.fixture(scope="module")
def record_100():
    """Lead MLII at 360 Hz, and its beats."""
    with np.load(DATA / "mitdb_100.npz") as file:
        return (file["first"] + np.cumsum(file["steps"], dtype=np.int64)).astype(float), file["beats"]


@pytest.fixture(scope="module")
def rest():
    with np.load(DATA / "neurokit_rest.npz") as file:
        return {"ecg": file["ecg"], "ppg": file["ppg"], "ppg_foot": file["ppg"]}


@pytest.fixture(scope="module")
def wrist():
    """PPG of a wristband at 64 Hz, and the times and intervals of the beats it timed itself."""
    with np.load(DATA / "e4_wrist.npz") as file:
        return file["bvp"] / 100, file["beats_s"], file["intervals_s"]


def pushed(x, sfreq, kind, cuts=()):
    live = BeatStream(sfreq, kind)
    parts = [live.push(chunk) for chunk in np.split(x, np.sort(np.asarray(cuts, dtype=int)))]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def f1(found_s, true_s, tolerance_s):
    """Share of beats that are one of a pair: each the other's nearest."""
    there = np.abs(np.subtract.outer(found_s, true_s))
    nearest = there.argmin(axis=1)
    pairs = (there.argmin(axis=0)[nearest] == np.arange(len(found_s))) & (there.min(axis=1) <= tolerance_s)
    return 2 * pairs.sum() / (len(found_s) + len(true_s))


@given(st.data(), st.sampled_from(KINDS))
@settings(max_examples=50)
def test_however_a_stream_is_cut_its_beats_are_the_same(rest, data, kind):
    first = data.draw(st.integers(0, 25_000))
    x = rest[kind][first : first + 1200].copy()
    for start in data.draw(st.lists(st.integers(0, 1200), max_size=3)):
        x[start : start + data.draw(st.integers(1, 300))] = np.nan
    cuts = data.draw(st.lists(st.integers(0, 1200), max_size=40))
    for whole, cut in zip(pushed(x, 100, kind), pushed(x, 100, kind, cuts), strict=True):
        np.testing.assert_array_equal(cut, whole)


@pytest.mark.parametrize("kind", KINDS)
def test_sample_by_sample_too_and_none_later_than_said(rest, kind):
    x = rest[kind][:2500]
    live, found = BeatStream(100, kind), []
    for n_times, sample in enumerate(x, start=1):
        for at, time_s in zip(*live.push([sample])[:2], strict=True):
            found.append(at)
            assert n_times <= 250 or n_times / 100 - time_s <= live.latency_s
    np.testing.assert_array_equal(found, pushed(x, 100, kind)[0])
    # The last are still to come.
    assert len(found) > 30
    assert live.latency_s < 1.75


def test_noise_keeps_no_beat_back_either():
    noise = np.random.default_rng(0).standard_normal(6000)
    for kind in KINDS:
        live = BeatStream(100, kind)
        for first in range(0, 6000, 5):
            beats = live.push(noise[first : first + 5])
            assert first < 250 or ((first + 5) / 100 - beats.times_s <= live.latency_s).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_live_beats_of_record_100_are_those_the_cardiologists_marked(record_100, sign):
    ecg, true = record_100
    samples, times_s, quality = pushed(sign * ecg, 360, "ecg", np.arange(36, len(ecg), 3600))
    assert f1(samples / 360, true / 360, 0.05) >= 0.9995
    batch_s = beat_times(ecg, find_beats(ecg, 360), 360)
    # The last beat is still to come.
    np.testing.assert_allclose(times_s, batch_s[: len(times_s)], atol=2e-4)
    assert np.nanmedian(quality) > 0.98


@pytest.mark.parametrize("kind", ["ecg", "ppg"])
def test_live_beats_are_those_of_the_recording(rest, kind):
    _, times_s, _ = pushed(rest[kind], 100, kind)
    batch_s = beat_times(rest[kind], find_beats(rest[kind], 100, kind), 100, kind)
    assert f1(times_s, batch_s, 0.02) > 0.99
    assert 60 / np.median(np.diff(times_s)) == pytest.approx(60 / np.median(np.diff(batch_s)), rel=0.002)


def test_live_beats_of_a_chest_strap_are_those_of_the_recording():
    with np.load(DATA / "polar_h10.npz") as file:
        ecg = file["ecg_uv"]
    batch_s = beat_times(ecg, find_beats(ecg, 130.16), 130.16)
    assert f1(pushed(ecg, 130.16, "ecg")[1], batch_s, 0.02) > 0.99


def test_feet_of_a_wrists_pulse_are_the_wristbands_own(wrist):
    bvp, device_s, intervals_s = wrist
    _, times_s, _ = pushed(bvp, 64, "ppg_foot")
    # The device's times lie a constant 0.13 s before the feet.
    at = np.abs(np.subtract.outer(times_s[1:] - 0.13, device_s)).argmin(axis=0)
    error = np.abs(np.diff(times_s)[at] - intervals_s)
    assert (error < 0.05).all()
    # The device rounds to its samples, 15.6 ms apart.
    assert np.median(error) < 0.006


def test_lost_samples_hold_no_beat_and_those_after_are_found_again(record_100):
    ecg, true = record_100[0][:72_000].copy(), record_100[1]
    true = true[true < 72_000]
    ecg[30_000:40_000] = np.inf
    ecg[40_000:] += 5000
    samples, _, quality = pushed(ecg, 360, "ecg")
    assert not ((samples >= 30_000) & (samples < 40_000)).any()
    away = ((true < 30_000 - 360) | (true > 40_000 + 360)) & (true < 72_000 - 500)
    assert np.isin(true[away], (samples[:, None] + np.arange(-18, 19)).ravel()).all()
    assert len(samples) <= away.sum() + 4
    beside = (np.abs(samples - 30_000) < 90) | (np.abs(samples - 40_000) < 90)
    assert np.isnan(quality[beside]).all()
    # Ten seconds without a beat: the template begins anew.
    assert np.isnan(quality[samples > 40_000][:3]).all()


def test_a_stream_that_begins_with_nothing_begins_when_something_comes(rest):
    x = np.concatenate([np.full(1000, np.nan), rest["ppg"][:3000]])
    samples, _, _ = pushed(x, 100, "ppg")
    assert samples[0] > 1000
    late = samples[samples > 1300]
    expected = pushed(rest["ppg"][:3000], 100, "ppg")[0] + 1000
    np.testing.assert_array_equal(late, expected[expected > 1300])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0.0, 0.7, -3e4])
def test_a_flat_line_has_no_beats_from_the_first_or_later(rest, kind, level):
    assert pushed(np.full(2000, level), 100, kind)[0].size == 0
    samples = pushed(np.concatenate([rest[kind][:1500], np.full(3000, level)]), 100, kind)[0]
    assert samples.max() < 1560


def test_quality_tells_a_pulse_from_movement(rest):
    ppg = rest["ppg"][:6000].copy()
    ppg[3000:3500] = ppg[3000] + np.random.default_rng(0).standard_normal(500).cumsum() / 5
    samples, _, quality = pushed(ppg, 100, "ppg")
    moved = (samples >= 3000) & (samples < 3500)
    assert np.nanmedian(quality[moved]) < 0.7
    assert np.nanmedian(quality[~moved]) > 0.98
    assert np.isnan(quality[:3]).all()
    assert not np.isnan(quality[3:]).any()


def test_memory_does_not_grow(rest):
    live = BeatStream(100)
    sizes = []
    for _ in range(4):
        for first in range(0, 30_000, 100):
            live.push(rest["ecg"][first : first + 100])
        sizes.append(len(pickle.dumps(live)))
    assert max(sizes) < 1.02 * min(sizes)


def test_integers_and_slices_are_samples_too(record_100):
    ecg = record_100[0][:7200]
    doubled = np.repeat(ecg.astype(">i2"), 2)[::2]
    np.testing.assert_array_equal(pushed(doubled, 360, "ecg")[1], pushed(ecg, 360, "ecg")[1])
    assert BeatStream(360).push([]).samples.dtype == np.int64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BeatStream(360, "eeg"), "found 'eeg'"),
        (lambda: BeatStream(40), "ECG need a sampling rate of at least 50 Hz; found 40"),
        (lambda: BeatStream(10, "ppg_foot"), "PPG need a sampling rate of at least 20 Hz; found 10"),
        (lambda: BeatStream(360).push(np.zeros((1, 10))), r"shape \(n_times,\); found shape \(1, 10\)"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("sfreq", [50, 51.3, 64, 125, 2000])
@pytest.mark.parametrize("kind", KINDS)
def test_any_rate_will_do(sfreq, kind):
    t = np.arange(round(20 * sfreq)) / sfreq
    width = 100 if kind == "ecg" else 3
    pulse = np.exp(width * (np.cos(2 * np.pi * 1.25 * t) - 1))
    times_s = pushed(pulse, sfreq, kind)[1]
    assert len(times_s) >= 21
    np.testing.assert_allclose(np.diff(times_s)[3:], 0.8, atol=0.005)
