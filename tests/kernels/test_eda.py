"""Skin conductance against the optimality of its model, NeuroKit, and people told to relax or not."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.signal import lfilter

from affectbio.errors import SignalQualityError
from affectbio.kernels import decompose_eda, eda_features, skin_conductance_responses
from affectbio.kernels._bodily import bridged, stretches, turning_points
from affectbio.kernels._cvxeda import solve

DATA = Path(__file__).parents[1] / "data" / "physio"


@pytest.fixture(scope="module")
def event_related():
    """150 s at 100 Hz in siemens; someone looks at four pictures."""
    with np.load(DATA / "neurokit_eventrelated.npz") as file:
        steps = file["eda_first"] + file["eda_steps"].cumsum()
        return 1e-6 * (file["eda_us_at_0"] + file["eda_us_per_step"] * steps)


@pytest.fixture(scope="module")
def bitalino():
    """150 s at 1000 Hz in counts of the converter, of which nobody says how many make a microsiemens."""
    with np.load(DATA / "biosppy.npz") as file:
        return (file["eda_first"] + file["eda_steps"].cumsum(dtype=np.int64)).astype(float)


@pytest.fixture(scope="module")
def wrist():
    """1291 s at 4 Hz in siemens, from an Empatica E4: rest, Stroop from second 674, rest again from 1020."""
    with np.load(DATA / "stress_predict_S05.npz") as file:
        return 1e-12 * file["eda_ps"]


def bateman(t, onset):
    after = np.maximum(t - onset, 0)
    return np.exp(-after / 2) - np.exp(-after / 0.7)


def one_response(sfreq=8, seconds=60, onset=20.0, level=2e-6, height=1e-6):
    t = np.arange(round(seconds * sfreq)) / sfreq
    return level + height * bateman(t, onset)


def test_the_solution_is_the_optimum_of_the_model(event_related):
    # The conditions of Karush, Kuhn and Tucker, with the model built anew: by filtering impulses, and spline by spline.
    y = 1e6 * event_related[:10_000].reshape(-1, 50).mean(axis=1)
    y, n, rate, alpha, gamma = y - y.mean(), 200, 2.0, 8e-4, 1e-2
    weight = np.ones(n)
    weight[50:56] = 0
    found = solve(y, weight, rate)
    half = 1 / (2 * rate)
    poles = np.convolve([1 + half / 2.0, half / 2.0 - 1], [1 + half / 0.7, half / 0.7 - 1])
    gain = (1 / 0.7 - 1 / 2.0) * half**2
    responses = np.stack([lfilter(gain * np.array([1, 2, 1]), poles, row) for row in np.eye(n)], axis=1)
    np.testing.assert_allclose(responses @ found.driver, found.phasic, atol=1e-4)
    t = np.arange(n) / rate
    knots = 10.0 * np.arange(-3, 15)
    splines = np.stack(
        [1.5 * np.nan_to_num(BSpline.basis_element(knots[i : i + 5], extrapolate=False)(t)) for i in range(14)], axis=1
    )
    line = np.stack([np.ones(n), t], axis=1)
    rest = weight * (found.tonic + found.phasic - y)
    slope = responses.T @ rest + alpha
    assert (found.driver >= 0).all()
    assert slope.min() > -1e-5
    assert np.abs(found.driver * slope).max() < 1e-5
    np.testing.assert_allclose(line.T @ rest, 0, atol=1e-3)
    coefficients = np.linalg.lstsq(np.hstack([splines, line]), found.tonic)[0]
    np.testing.assert_allclose(np.hstack([splines, line]) @ coefficients, found.tonic, atol=1e-8)
    kept = -splines.T @ rest / gamma  # what the slope along the splines says their coefficients are
    fit = np.linalg.lstsq(line, found.tonic - splines @ kept)[0]
    np.testing.assert_allclose(splines @ kept + line @ fit, found.tonic, atol=1e-3)


def test_parts_are_near_neurokits_cvxeda(event_related):
    # NeuroKit 0.2.13 with CVXOPT: nk.eda_phasic(eda, sampling_rate=4, method="cvxeda") of means over 0.25 s in µS, from
    # 5 s on every 10 s. Its splines are sums over samples, and its response may begin before the first sample.
    tonic = [12.9609, 13.0124, 13.7518, 14.0295, 13.9031, 14.1718, 14.1387, 14.1972]
    tonic += [14.2648, 13.8389, 13.5606, 13.2109, 13.5839, 13.8074, 13.6663]
    phasic = [0.0852, 3.5828, 1.0292, 0.2812, 0.0112, 0.5827, 0.1371, 0.9509]
    phasic += [0.0177, 0.0517, 0.0051, 0.0523, 1.1934, 0.8739, 0.2349]
    parts = decompose_eda(event_related.reshape(-1, 25).mean(axis=1), 4)
    for ours, theirs in ((parts.tonic, tonic), (parts.phasic, phasic)):
        np.testing.assert_allclose(1e6 * ours[20::40], theirs, atol=0.04)
        np.testing.assert_allclose(1e6 * ours[60::40], theirs[1:], atol=0.01)


def test_a_long_recording_in_pieces_is_about_the_whole_one(wrist):
    y = 1e6 * wrist[1:2881]
    whole = solve(y - y.mean(), np.ones(len(y)), 4.0)
    parts = decompose_eda(1e-6 * y, 4)
    for ours, theirs in ((parts.tonic, whole.tonic + y.mean()), (parts.phasic, whole.phasic)):
        assert np.abs(1e6 * ours - theirs).max() < 0.05 * y.std()
        assert np.sqrt(np.mean((1e6 * ours - theirs) ** 2)) < 0.01 * y.std()


def test_parts_sum_to_the_signal_and_are_never_negative(event_related):
    parts = decompose_eda(event_related, 100)
    assert parts.tonic.shape == parts.phasic.shape == parts.driver.shape == event_related.shape
    assert parts.phasic.min() > -1e-9
    assert parts.driver.min() >= 0
    assert (parts.tonic + parts.phasic - event_related).std() < 0.02 * event_related.std()


def test_lost_samples_do_not_count(event_related):
    x = event_related[::25].copy()
    whole = decompose_eda(x, 4)
    x[300:312] = [np.nan, np.inf, -np.inf] * 4
    parts = decompose_eda(x, 4)
    assert np.isnan(parts.tonic[300:312]).all()
    assert np.isfinite(np.delete(parts.tonic, range(300, 312))).all()
    assert np.nanmax(np.abs(parts.tonic - whole.tonic)) < 0.1e-6


def test_a_hole_longer_than_a_piece_is_nan_and_the_rest_is_there():
    t = np.arange(2 * 2400) / 2
    x = 3e-6 + 1e-6 * sum(bateman(t, onset) for onset in (100, 300, 2300))
    x[1000:4000] = np.nan
    parts = decompose_eda(x, 2)
    np.testing.assert_array_equal(np.isnan(parts.tonic), np.isnan(x))
    found = skin_conductance_responses(x, 2)
    assert found.onset / 2 == pytest.approx([100, 300, 2300], abs=1)


@pytest.mark.parametrize("height", [1e-9, 1e-6, 5e-6, 60e-6])
def test_jumps_and_noise_end_in_numbers_or_nan(height):
    rng = np.random.default_rng(1)
    for x in (
        height * rng.standard_normal(300),
        height * (np.arange(300) > 150),
        height * (np.arange(300) == 150),
        height * rng.choice([0, 1], 300),
    ):
        parts = decompose_eda(x, 4)
        assert np.isfinite(parts.tonic).all() or np.isnan(np.array(parts)).all()
        assert np.isfinite(parts.tonic).all() or height > 5e-6
        found = skin_conductance_responses(x, 4)
        assert np.isfinite(found.amplitude).all()


def test_a_number_that_is_no_conductance_leaves_no_invented_ones():
    x = one_response(16)
    x[100] = 1e6
    assert np.isnan(np.array(decompose_eda(x, 16))).all()
    assert len(skin_conductance_responses(x, 16).peak) == 0
    x[100] = 1e200
    assert np.isnan(decompose_eda(x, 16).tonic).sum() == 1
    assert len(skin_conductance_responses(x, 16).peak) == 1


def test_a_signal_whose_variance_is_no_number_has_no_parts():
    x = 1e-300 * np.random.default_rng(0).standard_normal(400)
    assert np.isnan(decompose_eda(x, 4, scale=None).tonic).all()


def test_responses_of_someone_who_sees_pictures(event_related):
    # NeuroKit 0.2.13: nk.eda_process(eda, sampling_rate=100) finds 9, of at least a tenth of the largest.
    theirs = np.array([14.95, 23.04, 27.54, 47.48, 70.23, 106.40, 122.05, 132.68, 147.41])
    found = skin_conductance_responses(event_related, 100, min_amplitude=0, min_share=0.05)
    assert len(found.peak) == 9
    near = np.abs(theirs[:, None] - found.peak / 100).min(axis=1) < 0.1
    # All but the one at 106.4 s, where the signal itself rises by 0.01 µS; ours is one of 0.23 µS at 11 s.
    assert near.tolist() == [True] * 5 + [False] + [True] * 3
    assert found.peak[0] / 100 == pytest.approx(11.0, abs=0.1)
    assert (found.amplitude > 0.05 * found.amplitude.max()).all()
    assert ((found.rise_time_s > 1) & (found.rise_time_s < 3.5)).all()


def test_responses_in_counts(bitalino):
    # NeuroKit 0.2.13: nk.eda_process(eda, sampling_rate=1000) finds 7; that at 94.85 s is one of 0.1 counts.
    theirs = np.array([60.06, 68.50, 75.59, 106.25, 116.16, 134.71])
    found = skin_conductance_responses(bitalino, 1000, min_amplitude=0, min_share=0.1, scale=None)
    assert len(found.peak) == 7
    assert (np.abs(theirs[:, None] - found.peak / 1000).min(axis=1) < 0.8).all()


def test_a_unit_changes_nothing_but_itself(event_related):
    x = event_related[::25]
    in_si = skin_conductance_responses(x, 4)
    in_us = skin_conductance_responses(1e6 * x, 4, min_amplitude=0.05, scale=1)
    np.testing.assert_array_equal(in_si.peak, in_us.peak)
    np.testing.assert_allclose(1e6 * in_si.amplitude, in_us.amplitude, rtol=1e-6)
    offset = skin_conductance_responses(x + 5e-6, 4)
    np.testing.assert_array_equal(in_si.peak, offset.peak)


@pytest.mark.parametrize("sfreq", [4, 10, 32, 250])
def test_one_response_at_any_rate(sfreq):
    found = skin_conductance_responses(one_response(sfreq), sfreq)
    assert found.onset / sfreq == pytest.approx([20], abs=0.5)
    # The Bateman function is highest at ln(τ0/τ1) τ0 τ1 / (τ0 - τ1), and 0.381 there.
    assert found.peak / sfreq == pytest.approx([20 + np.log(2 / 0.7) * 1.4 / 1.3], abs=0.3)
    assert found.amplitude == pytest.approx([0.381e-6], rel=0.15)
    assert found.rise_time_s == pytest.approx((found.peak - found.onset) / sfreq)
    assert 1.5 < found.recovery_s[0] < 3.5


def test_a_second_response_ends_the_recovery_of_the_first():
    t = np.arange(480) / 8
    found = skin_conductance_responses(2e-6 + 1e-6 * (bateman(t, 20) + bateman(t, 22.5)), 8)
    assert len(found.peak) == 2
    assert np.isnan(found.recovery_s[0])
    assert np.isfinite(found.recovery_s[1])


def test_what_still_rises_at_the_end_is_no_response():
    cut = one_response()[: 8 * 21]
    assert len(skin_conductance_responses(cut, 8).peak) == 0


def test_stroop_brings_more_responses_than_rest(wrist):
    found = skin_conductance_responses(np.where(wrist > 0, wrist, np.nan), 4)
    at = found.peak / 4
    rest, stroop = (
        60 * np.mean((at > low) & (at < high)) * len(at) / (high - low) for low, high in ((0, 590), (674, 1020))
    )
    assert stroop > 1.25 * rest


def test_features_of_a_window(event_related):
    found = eda_features(event_related, 100)
    parts = decompose_eda(event_related, 100)
    responses = skin_conductance_responses(event_related, 100)
    assert found.tonic_mean == pytest.approx(parts.tonic.mean())
    assert found.phasic_mean == pytest.approx(parts.phasic.mean())
    assert found.scr_per_min == pytest.approx(len(responses.peak) / 2.5)
    assert found.scr_amplitude == pytest.approx(responses.amplitude.mean())
    assert found.scr_rise_time_s == pytest.approx(responses.rise_time_s.mean())
    assert found.scr_recovery_s == pytest.approx(np.nanmean(responses.recovery_s))


def test_trend_and_power_in_closed_form():
    t = np.arange(4 * 300) / 4
    drift = eda_features(5e-6 + 2e-9 * t, 4)
    assert drift.tonic_slope == pytest.approx(2e-9, rel=0.02)
    assert drift.scr_per_min == 0
    assert np.isnan(drift.scr_amplitude)
    assert np.isnan(drift.scr_recovery_s)
    wave = eda_features(5e-6 + 0.2e-6 * np.sin(2 * np.pi * 0.1 * t), 4)
    assert wave.sympathetic_power == pytest.approx((0.2e-6) ** 2 / 2, rel=0.05)
    assert drift.sympathetic_power < 1e-3 * wave.sympathetic_power


def test_a_stack_is_its_windows(event_related):
    stack = event_related[::25].reshape(2, 1, 300)
    together = eda_features(stack, 4)
    assert all(field.shape == (2, 1) for field in together)
    for i in range(2):
        np.testing.assert_array_equal(np.array(together)[:, i, 0], np.array(eda_features(stack[i, 0], 4)))
    parts = decompose_eda(stack, 4)
    np.testing.assert_array_equal(parts.tonic[1, 0], decompose_eda(stack[1, 0], 4).tonic)


def test_any_memory_layout_and_type():
    x = 1e6 * one_response()
    expected = decompose_eda(x, 8, scale=1)
    assert decompose_eda(np.repeat(x, 2)[::2], 8, scale=1).tonic == pytest.approx(expected.tonic)
    assert decompose_eda(x.astype(">f8"), 8, scale=1).tonic == pytest.approx(expected.tonic)
    counts = np.rint(1000 * x).astype(np.int16)
    assert decompose_eda(counts, 8, scale=1000).tonic == pytest.approx(1000 * expected.tonic, rel=0.01)


@pytest.mark.parametrize(
    ("seconds", "given"),
    [
        (9, set()),
        (11, {"tonic_mean", "tonic_slope", "phasic_mean"}),
        (21, {"tonic_mean", "tonic_slope", "phasic_mean", "scr_per_min"}),
        (64, {"tonic_mean", "tonic_slope", "phasic_mean", "scr_per_min", "sympathetic_power"}),
    ],
)
def test_what_is_too_short_is_nan(seconds, given):
    t = np.arange(4 * seconds) / 4
    found = eda_features(5e-6 + 2e-9 * t, 4)._asdict()
    assert {name for name, value in found.items() if np.isfinite(value)} == given


def spoilt(kind):
    x = one_response(4) + 1e-9 * np.random.default_rng(0).standard_normal(240)
    if kind == "constant":
        x[:] = 3e-6
    elif kind == "off":
        x[:] = 1e-9 * np.arange(240) / 240
    elif kind == "a sixth lost":
        x[100:140] = np.nan
    elif kind == "clipped":
        x = np.minimum(x, np.quantile(x, 0.85))
    elif kind == "pulled":
        x[120:180] -= 1.5e-6
    elif kind == "jumps":
        x[::8] += 10e-6
    return x


@pytest.mark.parametrize("kind", ["constant", "off", "a sixth lost", "clipped", "pulled", "jumps"])
def test_a_poor_window_is_nan(kind):
    assert np.isnan(np.array(eda_features(spoilt(kind), 4))).all()
    assert np.isfinite(eda_features(spoilt("not at all"), 4).tonic_mean)


def test_the_first_sample_of_an_e4_is_left_out(wrist):
    assert wrist[0] == 0
    window = wrist[8:248].copy()
    expected = eda_features(window, 4)
    window[0] = 0
    assert eda_features(window, 4).tonic_mean == pytest.approx(expected.tonic_mean, rel=0.01)


def test_a_constant_signal_has_no_parts_and_no_responses():
    assert np.isnan(np.array(decompose_eda(np.ones(400), 4))).all()
    assert len(skin_conductance_responses(np.ones(400), 4).peak) == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: eda_features(np.full(400, 3.0), 4),
            ValueError,
            "expected skin conductance in siemens; found a median",
        ),
        (lambda: eda_features(np.zeros((2, 0)), 4), SignalQualityError, r"axis 1 of x, shape \(2, 0\), is empty"),
        (lambda: eda_features(np.zeros((0, 9)), 4), SignalQualityError, r"axis 0 of x, shape \(0, 9\), is empty"),
        (lambda: eda_features(np.ones(400), 1), ValueError, "at least 2 Hz; found sfreq=1"),
        (lambda: eda_features(np.ones(400), np.nan), ValueError, "at least 2 Hz; found sfreq=nan"),
        (lambda: eda_features(np.ones(400), 4, min_amplitude=0), ValueError, "min_amplitude above 0, in siemens"),
        (lambda: eda_features(["a"], 4), ValueError, "expected real numbers"),
        (lambda: decompose_eda(np.ones(400), 4, scale=0), ValueError, "a scale above 0 in the unit of x, or None"),
        (lambda: decompose_eda(1.0, 4), ValueError, "expected real numbers with time as last axis"),
        (lambda: skin_conductance_responses(np.ones((2, 400)), 4), ValueError, r"found shape \(2, 400\)"),
        (lambda: skin_conductance_responses(np.ones(30), 4), SignalQualityError, "found 7.5 s, of which 7.5 s are not"),
        (lambda: skin_conductance_responses([], 4), SignalQualityError, "is empty"),
        (
            lambda: skin_conductance_responses(np.ones(400), 4, min_amplitude=0),
            ValueError,
            "not both 0; found 0 and 0.0",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_turning_points_by_what_they_are():
    y = np.random.default_rng(3).standard_normal(400).cumsum()
    for swing in (0.5, 2.0, 5.0):
        turns = turning_points(y, swing)
        at, is_top = zip(*turns, strict=True)
        assert all(a != b for a, b in pairwise(is_top))
        assert (np.abs(np.diff(y[list(at)]))[:-1] >= swing).all()
        for (i, top), (k, _) in pairwise(turns):
            between = y[i : k + 1]
            assert {y[i], y[k]} == {between.min(), between.max()}
            # No swing against the way that would have counted.
            way = between if not top else -between
            assert (np.maximum.accumulate(way) - way).max() < swing
    assert turning_points(np.ones(5), 0.1) == []
    assert turning_points(np.zeros(1), 0.1) == []


def test_holes_are_bridged_up_to_a_length():
    x = np.array([np.nan, 0, np.nan, np.nan, 3, np.nan, np.nan, np.nan, 7, np.nan])
    np.testing.assert_array_equal(bridged(x, 2), [np.nan, 0, 1, 2, 3, np.nan, np.nan, np.nan, 7, np.nan])
    assert stretches(bridged(x, 2), 2) == [slice(1, 5)]
    np.testing.assert_array_equal(bridged(np.full(3, np.nan), 2), np.full(3, np.nan))
