"""Movement against closed forms and a wrist."""

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

from affectbio.errors import SignalQualityError
from affectbio.kernels import motion_features

DATA = Path(__file__).parents[1] / "data" / "physio"
G = 9.80665


@pytest.fixture(scope="module")
def wrist():
    """120 s at 32 Hz in m/s², from an Empatica E4."""
    with np.load(DATA / "stress_predict_S05.npz") as file:
        return file["acc_64"] * (G / 64)


def lying(seconds=10, sfreq=50):
    x = np.zeros((3, round(seconds * sfreq)))
    x[2] = G
    return x


def shaking(freq, amplitude=1.0, seconds=20, sfreq=50, axis=0):
    x = lying(seconds, sfreq)
    x[axis] += amplitude * np.sin(2 * np.pi * freq * np.arange(x.shape[1]) / sfreq)
    return x


def test_a_sensor_at_rest():
    found = motion_features(lying(), 50)
    assert found.enmo == pytest.approx(0, abs=1e-12)
    assert found.mad == pytest.approx(0, abs=1e-12)
    assert found.still_share == 1
    assert (found.tilt_x_deg, found.tilt_y_deg, found.tilt_z_deg) == (0, 0, 90)
    assert found.tilt_change_deg == pytest.approx(0, abs=1e-6)
    assert found.tremor_power == pytest.approx(0, abs=1e-20)
    assert np.isnan(found.tremor_freq_hz)
    assert np.isnan(found.rotation_rms)


def test_activity_in_closed_form():
    # The norm is 1 g and 2 sin along the vertical: the mean of its positive half is 2/π, of its absolute value 4/π.
    found = motion_features(shaking(2.0, amplitude=2.0, axis=2), 50)
    assert found.enmo == pytest.approx(2 / np.pi, rel=0.01)
    assert found.mad == pytest.approx(4 / np.pi, rel=0.01)
    assert found.still_share == 0


@pytest.mark.parametrize("angles", [(30, 0, 0), (0, -45, 0), (20, 35, 110)])
def test_tilts_of_a_turned_sensor(angles):
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    found = motion_features(turn @ lying(), 50)
    expected = np.degrees(np.arcsin(turn[:, 2]))
    np.testing.assert_allclose([found.tilt_x_deg, found.tilt_y_deg, found.tilt_z_deg], expected, atol=1e-6)


def test_a_change_of_posture():
    turn = Rotation.from_euler("x", 60, degrees=True).as_matrix()
    x = np.concatenate([lying(5), turn @ lying(5)], axis=1)
    assert motion_features(x, 50).tilt_change_deg == pytest.approx(60)
    assert motion_features(x, 50).still_share == 1


@pytest.mark.parametrize("freq", [3.6, 5.0, 7.3, 11.0])
@pytest.mark.parametrize("sfreq", [32, 50, 400])
def test_tremor_has_its_power_and_frequency(freq, sfreq):
    found = motion_features(shaking(freq, amplitude=0.5, sfreq=sfreq), sfreq)
    assert found.tremor_power == pytest.approx(0.5**2 / 2, rel=0.02)
    assert found.tremor_freq_hz == pytest.approx(freq, abs=0.03)
    share = found.rest_tremor_power / found.tremor_power
    assert share > 0.99 if 4.5 < freq < 5.5 else share < 0.05


def test_walking_is_no_tremor():
    found = motion_features(shaking(1.8, amplitude=3.0), 50)
    assert found.tremor_power < 1e-3
    # What leaks into the band falls from its lower edge on.
    assert np.isnan(found.tremor_freq_hz)


def test_tremor_of_a_wrist_against_a_filter(wrist):
    sos = butter(8, (3, 12), btype="bandpass", fs=32, output="sos")
    expected = sosfiltfilt(sos, wrist).var(axis=-1).sum()
    assert motion_features(wrist, 32).tremor_power == pytest.approx(expected, rel=0.15)


def test_activity_of_a_wrist_by_definition(wrist):
    found = motion_features(wrist, 32)
    norm = np.sqrt(wrist[0] ** 2 + wrist[1] ** 2 + wrist[2] ** 2)
    assert found.enmo == pytest.approx(np.mean(np.where(norm > G, norm - G, 0)))
    assert found.mad == pytest.approx(np.mean(np.abs(norm - np.mean(norm))))
    blocks = [wrist[:, i : i + 32].std(axis=1).max() for i in range(0, wrist.shape[1], 32)]
    assert found.still_share == np.mean(np.array(blocks) < 0.013 * G)
    assert 0 < found.still_share < 1


def test_the_gyroscope():
    gyro = np.zeros((3, 500))
    gyro[1] = 2.0
    found = motion_features(lying(), 50, gyro=gyro)
    assert found.rotation_rms == pytest.approx(2.0)
    assert motion_features(lying(), 50, gyro=np.full((3, 500), np.nan)).enmo == pytest.approx(0, abs=1e-12)


def test_lost_samples():
    x = shaking(5.0)
    expected = motion_features(x, 50)
    x[1, 200:205] = np.nan
    x[:, 300] = np.inf
    found = motion_features(x, 50)
    assert found.mad == pytest.approx(expected.mad, rel=0.05)
    assert found.tremor_power == pytest.approx(expected.tremor_power, rel=0.05)
    x[0, 400:420] = np.nan
    found = motion_features(x, 50)
    assert np.isnan(found.tremor_power)
    assert found.mad == pytest.approx(expected.mad, rel=0.05)
    x[0, 500:700] = np.nan
    assert np.isnan(np.array(motion_features(x, 50))).all()


@pytest.mark.parametrize("norm", [0.0, 3.0, 30.0])
def test_a_sensor_that_shows_no_gravity_is_nan(norm):
    assert np.isnan(np.array(motion_features(norm / G * lying(), 50))).all()


@pytest.mark.parametrize(
    ("seconds", "sfreq", "tremor"),
    [(0.9, 50, None), (1, 1, None), (2, 1, False), (3.9, 50, False), (4, 50, True), (20, 25, False)],
)
def test_what_is_too_short_or_slow_is_nan(seconds, sfreq, tremor):
    found = motion_features(shaking(5.0, seconds=seconds, sfreq=sfreq), sfreq)
    assert np.isfinite(found.mad) == (tremor is not None)
    assert np.isfinite(found.tremor_power) == bool(tremor)
    assert np.isfinite(found.tremor_freq_hz) == bool(tremor)


def test_a_stack_is_its_windows_in_any_layout(wrist):
    stack = np.moveaxis(wrist.reshape(3, 2, 6, 320), 0, 2)
    together = np.array(motion_features(stack, 32))
    assert together.shape == (11, 2, 6)
    np.testing.assert_array_equal(together[:, 1, 4], np.array(motion_features(stack[1, 4].astype(">f8"), 32)))
    np.testing.assert_array_equal(motion_features(np.full((2, 3, 64), 6, dtype=np.int8), 32).still_share, [1, 1])


def test_acceleration_in_g_is_refused():
    # BioSPPy's example says m/s² in its header, and holds g.
    with np.load(DATA / "biosppy.npz") as file, pytest.raises(ValueError, match=r"found a median norm of 1\.0"):
        motion_features(file["acc"], 100)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: motion_features(np.ones((2, 100)), 50), ValueError, r"\(..., 3, n_times\); found \(2, 100\)"),
        (lambda: motion_features(np.ones(300), 50), ValueError, r"found \(300,\)"),
        (lambda: motion_features(np.ones((3, 0)), 50), SignalQualityError, "axis 1 of acceleration"),
        (lambda: motion_features(lying(), 50, gyro=np.ones((3, 7))), ValueError, r"\(3, 7\) and \(3, 500\)"),
        (lambda: motion_features(lying(), -1), ValueError, "found sfreq=-1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()
