"""Beats against the cardiologists' annotations, constructed hearts, and NeuroKit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import SignalQualityError
from affectbio.kernels import beat_quality, beat_times, find_beats, pulse_arrival
from affectbio.kernels.peaks import vertex

DATA = Path(__file__).parents[1] / "data" / "physio"


@pytest.fixture(scope="module")
def record_100():
    """Lead MLII at 360 Hz, its beats and their kinds."""
    with np.load(DATA / "mitdb_100.npz") as file:
        return file["first"] + np.cumsum(file["steps"], dtype=np.int64), file["beats"], file["kinds"]


@pytest.fixture(scope="module")
def rest():
    with np.load(DATA / "neurokit_rest.npz") as file:
        return {"ecg": file["ecg"], "ppg": file["ppg"]}


def matches(found, true, tolerance):
    """Count pairs no farther apart than tolerance, each beat in one pair at most."""
    n = i = j = 0
    while i < len(found) and j < len(true):
        if abs(found[i] - true[j]) <= tolerance:
            n, i, j = n + 1, i + 1, j + 1
        elif found[i] < true[j]:
            i += 1
        else:
            j += 1
    return n


def heart(sfreq, n_beats=60, seed=0):
    """An ECG made of bells: R at known times, an S, and a T wave higher than R."""
    rng = np.random.default_rng(seed)
    beats_s = 0.5 + np.cumsum(0.8 + 0.05 * rng.standard_normal(n_beats))
    t = np.arange(round((beats_s[-1] + 1) * sfreq)) / sfreq

    def bells(height, delay, width):
        return height * np.exp(-0.5 * ((t[:, None] - beats_s - delay) / width) ** 2).sum(axis=1)

    return bells(1.0, 0, 0.012) + bells(-0.2, 0.03, 0.012) + bells(1.2, 0.28, 0.05), beats_s


@pytest.mark.parametrize("sign", [1, -1])
def test_the_beats_of_record_100_are_those_the_cardiologists_marked(record_100, sign):
    ecg, true, _ = record_100
    found = find_beats(sign * ecg, 360)
    hits = matches(found, true, 0.15 * 360)
    assert 2 * hits / (len(found) + len(true)) >= 0.9995
    assert matches(found, true, 0.05 * 360) == hits


def test_found_beats_do_not_depend_on_unit_offset_and_sign(record_100):
    ecg = record_100[0][:36_000]
    np.testing.assert_array_equal(find_beats(-ecg, 360), find_beats(ecg, 360))
    np.testing.assert_array_equal(find_beats(ecg * 5e-6 + 0.3, 360), find_beats(ecg, 360))


def test_ecg_and_ppg_of_one_heart_give_one_rate(rest):
    rates = {kind: 6000 / np.mean(np.diff(find_beats(rest[kind], 100, kind))) for kind in ("ecg", "ppg")}
    # NeuroKit 0.2.13, ppg_findpeaks(ppg_clean(ppg, 100), 100): 432 peaks.
    assert len(find_beats(rest["ppg"], 100, "ppg")) == 432
    assert rates["ppg"] == pytest.approx(86.370, abs=0.005)
    # Three times movement is taken for a beat in the ECG.
    assert rates["ecg"] == pytest.approx(rates["ppg"], rel=0.01)


def test_beats_found_at_movements_have_a_low_quality(rest):
    ecg = find_beats(rest["ecg"], 100)
    pulses = find_beats(rest["ppg"], 100, "ppg")
    quality = beat_quality(rest["ecg"], ecg, 100)
    # A beat is one that the PPG answers; the last one's pulse comes after the end.
    ecg, quality = ecg[:-1], quality[:-1]
    answered = np.abs(ecg[:, None] + 43 - pulses).min(axis=1) < 12
    assert 1 <= (~answered).sum() <= 4
    assert (quality[~answered] < 0.66).all()
    assert np.nanmedian(quality[answered]) > 0.9


@pytest.mark.parametrize("sfreq", [64, 100, 128, 250, 500])
def test_times_of_constructed_beats_are_finer_than_a_sample(sfreq):
    ecg, beats_s = heart(sfreq)
    found = find_beats(ecg, sfreq)
    assert len(found) == len(beats_s)
    # S and T bring one delay to all beats: variability does not see it.
    error = beat_times(ecg, found, sfreq) - beats_s
    assert error.std() < 0.04 / sfreq
    assert abs(error.mean()) < 0.01
    assert (np.abs(beat_times(ecg, found, sfreq) - found / sfreq) <= 0.5 / sfreq + 1e-12).all()


def test_one_pull_at_the_electrode_costs_only_beats_beside_it(record_100):
    ecg, true, _ = record_100
    ecg, true = ecg[:72_000].astype(float), true[true < 72_000]
    ecg[36_000:36_200] += 20_000
    found = find_beats(ecg, 360)
    away = np.abs(true - 36_100) > 2 * 360
    assert matches(found[np.abs(found - 36_100) > 2 * 360], true[away], 54) == away.sum()


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_no_beat_is_found_in_lost_samples_and_those_around_stay(record_100, lost):
    ecg, true, _ = record_100
    ecg, true = ecg[:72_000].astype(float), true[true < 72_000]
    ecg[30_000:40_000] = lost
    found = find_beats(ecg, 360)
    assert not ((found >= 30_000) & (found < 40_000)).any()
    away = (true < 30_000 - 360) | (true > 40_000 + 360)
    assert matches(found, true[away], 54) == away.sum()
    quality = beat_quality(ecg, found, 360)
    assert np.isnan(quality[np.abs(found - 30_000) < 100]).all()
    assert np.nanmin(quality) > 0.5


def test_a_flat_line_has_no_beats():
    assert find_beats(np.full(3600, 0.7), 360).size == 0
    assert beat_times(np.full(3600, 0.7), [], 360).size == 0
    assert beat_quality(np.full(3600, 0.7), [], 360).size == 0


def test_quality_tells_a_heart_from_noise(record_100):
    ecg, beats, kinds = record_100
    noise = np.random.default_rng(0).standard_normal(36_000)
    assert np.nanmedian(beat_quality(noise, find_beats(noise, 360), 360)) < 0.3
    quality = beat_quality(ecg, beats, 360)
    assert np.nanpercentile(quality[kinds == "N"], 5) > 0.9
    assert quality[kinds == "V"][0] < 0.3


def test_quality_against_a_naive_loop(rest):
    ppg = rest["ppg"][:3000]
    beats = find_beats(ppg, 100, "ppg")
    half = int(np.median(np.diff(beats))) // 2
    shapes = {b: ppg[b - half : b + half + 1] for b in beats if half <= b < len(ppg) - half}
    expected = []
    for b in beats:
        others = [s for other, s in shapes.items() if other != b and abs(other - b) <= 500]
        if b not in shapes or len(others) < 3:
            expected.append(np.nan)
            continue
        template = np.mean([(s - s.mean()) / s.std() for s in others], axis=0)
        expected.append(max(0.0, np.corrcoef(shapes[b], template)[0, 1]))
    np.testing.assert_allclose(beat_quality(ppg, beats, 100), expected, atol=1e-12)


def test_quality_is_nan_where_there_is_nothing_to_compare():
    pulse = np.sin(2 * np.pi * 1.25 * np.arange(1000) / 50)
    beats = np.arange(50, 960, 40)
    pulse[385:435] = 0.1
    quality = beat_quality(pulse, beats, 50)
    np.testing.assert_array_equal(beats[np.isnan(quality)], [410])
    # Within a second there are two others at most, within 1.75 s there are four in the middle.
    assert np.isnan(beat_quality(pulse, beats, 50, window_s=2)).all()
    assert np.isfinite(beat_quality(pulse, beats, 50, window_s=3.5)[2:6]).all()


def test_a_delayed_pulse_arrives_after_its_delay():
    beats_s = np.cumsum(np.random.default_rng(0).uniform(0.6, 1.0, 50))
    np.testing.assert_allclose(pulse_arrival(beats_s, beats_s + 0.3), 0.3)
    assert np.isnan(pulse_arrival(beats_s, [])).all()
    with_one_lost = pulse_arrival(beats_s, np.delete(beats_s + 0.3, 7), longest_s=5)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(with_one_lost)), [7])
    assert np.isnan(pulse_arrival([0.0], [0.3], longest_s=0.2)).all()


def test_pulses_of_a_real_heart_arrive_within_half_a_second(rest):
    times = {k: beat_times(rest[k], find_beats(rest[k], 100, k), 100, k) for k in ("ecg", "ppg")}
    arrival = pulse_arrival(times["ecg"], times["ppg"])
    assert np.isnan(arrival).mean() < 0.02
    assert 0.40 < np.nanmedian(arrival) < 0.46


@pytest.fixture(scope="module")
def wrist():
    """PPG of a wristband at 64 Hz, and the times and intervals of the beats it timed itself."""
    with np.load(DATA / "e4_wrist.npz") as file:
        return file["bvp"] / 100, file["beats_s"], file["intervals_s"]


@pytest.mark.parametrize(("kind", "delay_s", "least", "most"), [("ppg_foot", 0.13, 1.0, 1.0), ("ppg", 0.30, 0.5, 0.8)])
def test_at_the_wrist_feet_and_not_peaks_give_the_wristbands_intervals(wrist, kind, delay_s, least, most):
    bvp, device_s, intervals_s = wrist
    times_s = beat_times(bvp, find_beats(bvp, 64, kind), 64, kind)
    at = np.abs(np.subtract.outer(times_s[1:] - delay_s, device_s)).argmin(axis=0)
    assert least <= np.mean(np.abs(np.diff(times_s)[at] - intervals_s) < 0.05) <= most


def test_feet_lie_before_the_peaks(rest):
    feet, peaks = (find_beats(rest["ppg"], 100, kind) for kind in ("ppg_foot", "ppg"))
    rise_s = pulse_arrival(feet / 100, peaks / 100)
    assert 0.15 < np.nanmedian(rise_s) < 0.3
    ppg = rest["ppg"]
    assert (ppg[feet] < np.median(ppg)).mean() > 0.95


@pytest.mark.parametrize("apex", [-0.5, -0.2, 0.0, 0.4])
def test_the_vertex_of_a_parabola(apex):
    before, peak, after = 3 - 2 * (np.array([-1.0, 0.0, 1.0]) - apex) ** 2
    assert vertex(before, peak, after) == pytest.approx(apex, abs=1e-12)
    assert vertex(peak, peak, peak) == 0


@pytest.mark.parametrize("height", [1e6, 1e15, 1e200])
def test_one_wrong_number_costs_the_beats_beside_it(record_100, height):
    ecg = record_100[0][:36_000].astype(float)
    expected = find_beats(ecg, 360)
    ecg[18_000] = height
    far = expected[np.abs(expected - 18_000) > 5 * 360]
    assert matches(find_beats(ecg, 360), far, 1) == len(far)


@given(st.integers(200, 1200), st.integers(0, 2**32 - 1), st.sampled_from(["ecg", "ppg", "ppg_foot"]))
def test_whatever_comes_beats_rise_and_keep_their_distance(n_times, seed, kind):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n_times).cumsum()
    x[rng.random(n_times) < 0.05] = np.nan
    beats = find_beats(x, 100, kind)
    assert (np.diff(beats) >= 20).all()
    assert np.isfinite(x[beats]).all()
    quality = beat_quality(x, beats, 100)
    assert quality.shape == beats.shape
    assert ((quality >= 0) & (quality <= 1) | np.isnan(quality)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find_beats(np.zeros(1000), 360, "eeg"), "kind is 'ecg', 'ppg' or 'ppg_foot'; found 'eeg'"),
        (lambda: find_beats(np.zeros(1000), 40), "at least 50 Hz; found 40"),
        (lambda: find_beats(np.zeros((2, 1000)), 360), r"shape \(n_times,\); found shape \(2, 1000\)"),
        (lambda: find_beats(np.zeros(1000, complex), 360), "real numbers"),
        (lambda: beat_times(np.zeros(1000), [3, 1000], 360), "from 0 to 999; found int64"),
        (lambda: beat_times(np.zeros(1000), [3.5], 360), "found float64"),
        (lambda: beat_quality(np.zeros(1000), [5, 5], 360), "rising sample indices"),
        (lambda: beat_quality(np.zeros(1000), [5, 6], 360, window_s=0), "found 0 s at 360 Hz"),
        (lambda: pulse_arrival([1.0, 0.5], []), "rising times in seconds"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("x", [np.zeros(300), np.full(3600, np.nan)])
def test_too_little_signal_is_refused(x):
    with pytest.raises(SignalQualityError, match="at least 2 s of signal"):
        find_beats(x, 360)


def test_times_that_are_no_real_numbers_are_refused():
    with pytest.raises(ValueError, match="real numbers; found complex128"):
        pulse_arrival([1j, 2j], [0.5])
