"""Breathing against closed forms, NeuroKit, and belts worn by people."""

from pathlib import Path

import numpy as np
import pytest

from affectbio.errors import SignalQualityError
from affectbio.kernels import find_breaths, respiration_features

DATA = Path(__file__).parents[1] / "data" / "physio"


@pytest.fixture(scope="module")
def belt():
    """150 s at 100 Hz; from 117 to 121 s it is at the end of its range."""
    with np.load(DATA / "neurokit_eventrelated.npz") as file:
        return file["resp_per_step"] * (file["resp_first"] + file["resp_steps"].cumsum(dtype=np.int64))


@pytest.fixture(scope="module")
def loose_belt():
    """60 s at 1000 Hz in counts, of a belt that swings between both ends of its range."""
    with np.load(DATA / "biosppy.npz") as file:
        return file["resp_first"] + file["resp_steps"].cumsum(dtype=np.int64)


def breathing(cycles_s, sfreq=50, inhale_share=0.5):
    """Breaths of these lengths, up as a half cosine, and down as another."""
    parts = []
    for cycle in cycles_s:
        up = round(inhale_share * cycle * sfreq)
        down = round(cycle * sfreq) - up
        parts += [-np.cos(np.pi * np.arange(up) / up), np.cos(np.pi * np.arange(down) / down)]
    return np.concatenate(parts)


def test_breaths_of_a_person_are_neurokits(belt):
    # NeuroKit 0.2.13: nk.rsp_peaks(nk.rsp_clean(resp, sampling_rate=100), sampling_rate=100)["RSP_Peaks"].
    theirs = [5.0, 8.8, 12.8, 16.3, 19.2, 22.7, 25.6, 28.6, 31.5, 34.9, 38.1, 41.1, 44.1, 48.6, 52.5, 55.8, 58.8, 61.7]
    theirs += [64.8, 68.6, 74.5, 77.8, 81.2, 84.5, 87.7, 90.9, 94.2, 97.5, 100.9, 104.2, 107.3, 110.3, 113.5, 116.9]
    theirs += [125.5, 130.2, 134.0, 137.2, 139.6, 143.9]
    breaths = find_breaths(belt, 100)
    distance = np.abs(np.array(theirs)[:, None] - breaths.peak / 100).min(axis=1)
    assert distance.max() < 0.5
    # And the first and the last, which theirs leaves out.
    assert len(breaths.peak) == len(theirs) + 2
    # Theirs from minimum to minimum: 16.84 by the mean, 18.40 by the median cycle.
    cycles = (breaths.end - breaths.onset) / 100
    assert 60 / cycles.mean() == pytest.approx(16.84, rel=0.01)
    assert 60 / np.median(cycles) == pytest.approx(18.40, rel=0.01)


def test_breaths_of_a_loose_belt_are_about_neurokits(loose_belt):
    # NeuroKit 0.2.13: 16 peaks, a median cycle of 19.8 per minute.
    breaths = find_breaths(loose_belt, 1000)
    assert len(breaths.peak) == 17
    assert 60 / np.median((breaths.end - breaths.onset) / 1000) == pytest.approx(19.8, rel=0.05)
    # That what is found differs from breath to breath is said.
    assert respiration_features(loose_belt, 1000).quality < 0.8


@pytest.mark.parametrize("bpm", [6, 12, 18, 30])
@pytest.mark.parametrize("sfreq", [4, 32, 500])
def test_rate_of_even_breaths(bpm, sfreq):
    t = np.arange(round(60 * sfreq)) / sfreq
    found = respiration_features(1e4 - 3 * np.cos(2 * np.pi * bpm / 60 * t), sfreq)
    assert found.rate_bpm == pytest.approx(bpm, rel=0.02)
    assert found.depth == pytest.approx(6, rel=0.1)
    assert found.quality > 0.99


def test_measures_in_closed_form():
    cycles = np.tile([3.5, 4.5], 30)
    found = respiration_features(breathing(cycles, inhale_share=0.4), 50)
    assert found.rate_bpm == pytest.approx(15, rel=0.01)
    assert found.cycle_sd_s == pytest.approx(0.5, rel=0.1)
    assert found.cycle_rmssd_s == pytest.approx(1.0, rel=0.1)
    assert found.cycle_cv == pytest.approx(0.5 / 4, rel=0.1)
    assert found.inhale_s == pytest.approx(1.6, rel=0.05)
    assert found.exhale_s == pytest.approx(2.4, rel=0.05)
    assert found.inhale_exhale_ratio == pytest.approx(0.4 / 0.6, rel=0.1)


def test_the_pulse_and_a_drift_are_no_breaths():
    t = np.arange(6000) / 50
    clean = breathing(np.full(30, 4.0))
    disturbed = clean + 0.1 * np.sin(2 * np.pi * 1.2 * t) + 5 * np.sin(2 * np.pi * 0.005 * t)
    expected, found = find_breaths(clean, 50), find_breaths(disturbed, 50)
    # The drift turns one more end of the signal into a breath's.
    assert len(found.peak) - len(expected.peak) in (0, 1)
    assert np.abs(found.peak - expected.peak[:, None]).min(axis=1).max() < 0.3 * 50


def test_breaths_are_in_order_and_meet(belt):
    breaths = find_breaths(belt, 100)
    assert (breaths.onset < breaths.peak).all()
    assert (breaths.peak < breaths.end).all()
    assert (breaths.end[:-1] <= breaths.onset[1:]).all()


def test_no_breath_spans_a_hole():
    x = breathing(np.full(30, 4.0))
    x[3000:3100] = np.nan
    x[1510:1520] = np.inf
    breaths = find_breaths(x, 50)
    assert not ((breaths.onset < 3100) & (breaths.end > 3000)).any()
    assert ((breaths.onset < 1510) & (breaths.end > 1520)).any()
    assert len(breaths.peak) in (26, 27)
    features = respiration_features(x, 50)
    assert features.rate_bpm == pytest.approx(15, rel=0.01)
    # Two breaths with a hole between them do not follow each other.
    assert features.cycle_rmssd_s < 0.2


def test_a_held_breath_is_not_a_slow_one():
    x = np.concatenate([breathing([4] * 8), np.full(30 * 50, -1.0), breathing([4] * 8)])
    breaths = find_breaths(x, 50)
    assert ((breaths.end - breaths.onset) / 50).max() <= 20


def test_a_stack_is_its_windows(belt):
    stack = belt.reshape(5, 1, 3000)
    together = np.array(respiration_features(stack, 100))
    assert together.shape == (9, 5, 1)
    for i in range(5):
        np.testing.assert_array_equal(together[:, i, 0], np.array(respiration_features(stack[i, 0], 100)))


def test_any_memory_layout_and_type(loose_belt):
    expected = np.array(respiration_features(loose_belt.astype(float), 1000))
    for same in (loose_belt, loose_belt.astype(">i2"), np.repeat(loose_belt, 2)[::2]):
        np.testing.assert_allclose(np.array(respiration_features(same, 1000)), expected)


@pytest.mark.parametrize(
    ("seconds", "given"),
    [
        (9.5, set()),
        (13, {"rate_bpm", "inhale_s", "exhale_s", "inhale_exhale_ratio", "depth", "quality"}),
        (31, set(respiration_features(np.ones(100), 10)._fields)),
    ],
)
def test_what_is_too_short_is_nan(seconds, given):
    x = breathing(np.full(10, 4.0))[: round(50 * seconds)]
    found = respiration_features(x, 50)._asdict()
    assert {name for name, value in found.items() if np.isfinite(value)} == given


def test_too_few_whole_breaths_are_nan():
    assert np.isnan(np.array(respiration_features(breathing([15.0, 15.0]), 50))).all()


@pytest.mark.parametrize("kind", ["constant", "noise", "a sixth lost", "clipped"])
def test_a_poor_window_is_nan(kind):
    rng = np.random.default_rng(0)
    x = breathing(np.full(15, 4.0)) + 1e-3 * rng.standard_normal(3000)
    if kind == "constant":
        x[:] = 2.0
    elif kind == "noise":
        x = rng.standard_normal(3000)
    elif kind == "a sixth lost":
        x[1000:1500] = np.nan
    else:
        x = np.minimum(x, 0.7)
    assert np.isnan(np.array(respiration_features(x, 50))).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: find_breaths(np.ones(100), 50), SignalQualityError, "found 2 s, of which 2 s are not lost"),
        (lambda: find_breaths(np.full(1000, np.nan), 50), SignalQualityError, "of which 0 s are not lost"),
        (lambda: find_breaths(np.ones((2, 1000)), 50), ValueError, r"found shape \(2, 1000\)"),
        (lambda: find_breaths(np.ones(1000), 3), ValueError, "at least 4 Hz; found sfreq=3"),
        (lambda: respiration_features(np.ones(1000), np.inf), ValueError, "at least 4 Hz; found sfreq=inf"),
        (lambda: respiration_features(np.ones((0, 1000)), 50), SignalQualityError, "axis 0 of x"),
        (lambda: respiration_features([1j], 50), ValueError, "expected real numbers"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_constant_belt_has_no_breaths():
    assert len(find_breaths(np.ones(1000), 50).peak) == 0
