"""Skin temperature against closed forms, SciPy and a wrist."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import theilslopes

from affectbio.errors import SignalQualityError
from affectbio.kernels import temperature_features

DATA = Path(__file__).parents[1] / "data" / "physio"


@pytest.fixture(scope="module")
def wrist():
    """600 s at 4 Hz in °C, from an Empatica E4 just put on."""
    with np.load(DATA / "stress_predict_S05.npz") as file:
        return file["temp_celsius_100"] / 100


def test_a_straight_line():
    found = temperature_features(33 + 0.3 * np.arange(480) / 240, 4)
    assert found.level_celsius == pytest.approx(33.3, abs=0.01)
    assert found.slope_celsius_per_min == pytest.approx(0.3)
    assert found.range_celsius == pytest.approx(0.6, abs=0.01)


def test_the_slope_is_scipys_where_blocks_are_samples(wrist):
    x = wrist[100:200]
    expected = theilslopes(x, np.arange(100) / 240).slope
    assert temperature_features(x, 4).slope_celsius_per_min == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("start", [0, 1200])
def test_the_slope_of_a_window_is_near_that_of_all_samples(wrist, start):
    x = wrist[start : start + 1200]
    found = temperature_features(x, 4)
    assert found.slope_celsius_per_min == pytest.approx(theilslopes(x, np.arange(1200) / 240).slope, rel=0.05, abs=5e-4)
    assert found.level_celsius == np.median(x)
    assert found.range_celsius == pytest.approx(np.ptp(x), abs=0.1)


def test_a_fifth_of_wrong_samples_does_not_move_the_slope():
    x = 33 + 0.2 * np.arange(240) / 240
    off = x.copy()
    off[60:108] += 4
    found = temperature_features(off, 4)
    assert found.slope_celsius_per_min == pytest.approx(0.2, abs=0.15)
    assert np.polyfit(np.arange(240) / 240, off, 1)[0] < -1  # where least squares goes


def test_lost_samples_are_left_out(wrist):
    x = wrist[:600].copy()
    expected = temperature_features(x, 4)
    x[::20] = [np.nan, np.inf, 0.0] * 10
    found = temperature_features(x, 4)
    np.testing.assert_allclose(np.array(found), np.array(expected), atol=0.02)
    x[300:340] = np.nan
    assert np.isnan(np.array(temperature_features(x, 4))).all()


def test_a_sensor_that_shows_no_change():
    found = temperature_features(np.full(240, 33.0), 4)
    assert (found.level_celsius, found.slope_celsius_per_min, found.range_celsius) == (33.0, 0.0, 0.0)


def test_a_room_too_cold_for_skin_is_nan():
    assert np.isnan(np.array(temperature_features(np.full(240, 5.0), 4))).all()


@pytest.mark.parametrize(("seconds", "n_given"), [(1, 0), (5, 1), (11, 3)])
def test_what_is_too_short_is_nan(seconds, n_given):
    found = np.array(temperature_features(33 + 0.01 * np.arange(4 * seconds), 4))
    assert np.isfinite(found).tolist() == [i < n_given for i in range(3)]


def test_a_stack_is_its_windows_in_any_type(wrist):
    stack = wrist.reshape(2, 5, 240)
    together = np.array(temperature_features(stack, 4))
    assert together.shape == (3, 2, 5)
    np.testing.assert_array_equal(together[:, 1, 3], np.array(temperature_features(stack[1, 3].astype(">f8"), 4)))
    np.testing.assert_array_equal(temperature_features(np.full((2, 40), 33, dtype=np.int8), 4).level_celsius, [33, 33])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: temperature_features(np.full(240, 306.0), 4),
            ValueError,
            "in °C; found a median of 306: is that kelvin",
        ),
        (lambda: temperature_features(np.ones(240), 0), ValueError, "found sfreq=0"),
        (lambda: temperature_features(np.zeros((3, 0)), 4), SignalQualityError, "axis 1 of x"),
        (lambda: temperature_features("33", 4), ValueError, "expected real numbers"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
