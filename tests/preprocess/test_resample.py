"""Another rate: against sines whose values are known, SciPy's Fourier method, and gaps."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import DataError
from affectbio.preprocess import resample
from affectbio.types import Channel, Signal

CHANNELS = [Channel("C3"), Channel("C4"), Channel("Cz")]


def sines(sfreq, n_times):
    times = np.arange(n_times) / sfreq
    return 1e-5 * np.stack([np.sin(2 * np.pi * f * times + 1) for f in (1.0, 10.0, 20.0)])


@pytest.mark.parametrize(("before", "after"), [(125.0, 256.0), (500.0, 128.0), (256.0, 250.0), (4.0 * 64, 64.0)])
def test_a_sine_below_both_nyquist_rates_is_the_same_sine(before, after):
    made = resample(Signal(sines(before, int(20 * before)), before, CHANNELS, start=3.5), after)
    assert made.sfreq == pytest.approx(after, rel=1e-12)
    assert (made.start, made.ch_names) == (3.5, ("C3", "C4", "Cz"))
    assert made.duration == pytest.approx(20.0, abs=1 / after)
    inside = slice(int(2 * after), int(18 * after))
    np.testing.assert_allclose(made.data[:, inside], sines(made.sfreq, made.n_times)[:, inside], atol=3e-8)


def test_noise_below_the_band_edge_is_as_by_fourier():
    noise = np.random.default_rng(0).standard_normal((3, 4000))
    sos = scipy.signal.butter(8, 30.0, fs=250.0, output="sos")
    smooth = scipy.signal.sosfiltfilt(sos, noise)
    by_fourier = scipy.signal.resample(smooth, 2048, axis=1)
    made = resample(Signal(smooth, 250.0, CHANNELS), 128.0)
    np.testing.assert_allclose(made.data[:, 200:-200], by_fourier[:, 200:-200], atol=0.02 * smooth.std())


def test_what_lies_above_the_new_band_is_gone():
    fast = np.sin(2 * np.pi * 90 * np.arange(5000) / 250)[None]
    assert np.abs(resample(Signal(fast, 250.0, CHANNELS[:1]), 125.0).data[:, 50:-50]).max() < 2e-3


def test_gaps_stay_gaps_and_each_channel_has_its_own():
    data = sines(128.0, 1280)
    data[0, 500:520] = np.nan
    data[1, 700] = np.inf
    data[2] = np.nan
    made = resample(Signal(data, 128.0, CHANNELS), 256.0).data
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(made[0])), np.arange(999, 1040))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(made[1])), [1399, 1400, 1401])
    assert np.isnan(made[2]).all()
    assert not np.isinf(made).any()
    far = np.r_[100:900, 1140:2460]
    np.testing.assert_allclose(made[0, far], sines(256.0, 2560)[0, far], atol=3e-8)


def test_a_gap_shorter_than_the_new_period_is_not_forgotten():
    data = np.ones((1, 400))
    data[0, [101, 202]] = np.nan
    made = resample(Signal(data, 400.0, CHANNELS[:1]), 100.0).data
    # 202 lies half-way between samples 50 and 51, at 200 and 204.
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(made[0])), [25, 50, 51])


def test_a_stack_is_as_each_channel_alone():
    data = np.random.default_rng(1).standard_normal((3, 400))
    data[1, 30:50] = np.nan
    together = resample(Signal(data, 100.0, CHANNELS), 64.0).data
    for row, channel, made in zip(data, CHANNELS, together, strict=True):
        np.testing.assert_array_equal(resample(Signal(row[None], 100.0, [channel]), 64.0).data[0], made)


def test_the_same_rate_and_one_that_was_measured_are_left_alone():
    signal = Signal(np.zeros((1, 100)), 256.0205, CHANNELS[:1])
    assert resample(signal, 256.0) is signal
    assert resample(signal, 256.0, max_factor=100_000).sfreq == pytest.approx(256.0, rel=1e-9)


@pytest.mark.parametrize("dtype", ["i2", ">f4", "f4"])
def test_other_types_of_number(dtype):
    data = np.round(1000 * np.sin(np.arange(300) / 10))[None]
    expected = resample(Signal(data, 100.0, CHANNELS[:1]), 50.0).data
    np.testing.assert_allclose(resample(Signal(data.astype(dtype), 100.0, CHANNELS[:1]), 50.0).data, expected)


@given(n_times=st.integers(0, 40), after=st.sampled_from([30.0, 64.0, 100.0, 250.0]))
def test_any_length(n_times, after):
    made = resample(Signal(np.ones((1, n_times)), 100.0, CHANNELS[:1]), after)
    assert made.n_times == int(np.ceil(n_times * after / 100.0 - 1e-9))


@pytest.mark.parametrize("sfreq", [0.0, -1.0, np.nan, np.inf])
def test_what_is_no_rate_is_refused(sfreq):
    with pytest.raises(DataError, match="expected a positive number"):
        resample(Signal(np.ones((1, 9)), 100.0, CHANNELS[:1]), sfreq)


def test_a_rate_too_low_is_refused():
    with pytest.raises(DataError, match="1/1000 of the rate"):
        resample(Signal(np.ones((1, 9)), 100_000.0, CHANNELS[:1]), 1.0)
