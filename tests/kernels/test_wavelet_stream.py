"""Streaming wavelet power against the offline transform, against itself in other chunks, and in NumPy."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.kernels import (
    Morse,
    WaveletPowerStream,
    _plain_wavelet_stream,
    morlet_transform,
    morse_transform,
    scalogram,
)

SFREQ = 128.0
GRID = np.geomspace(2, 50, 10)
# Their bands end well below half the sampling rate, where a wavelet rings.
LOW = np.geomspace(2, 30, 10)


def noise(*shape, seed=0):
    return 1e-5 * np.random.default_rng(seed).standard_normal(shape)


def deviation(live, found, offline):
    """Give, per frequency, the length of the difference to the offline power over that of the power."""
    errors = []
    for s, delay in enumerate(live.delay):
        at = (np.arange(found.shape[-1]) + 1) * live.step - 1 - delay
        known = (at >= delay) & (at > 500) & (at < offline.shape[-1] - 500)
        truth = offline[:, s, at[known]]
        errors.append(np.linalg.norm(found[:, s, known] - truth) / np.linalg.norm(truth))
    return np.array(errors)


@pytest.mark.parametrize(("cut", "limit"), [(1e-2, 6e-3), (1e-3, 6e-4), (1e-4, 7e-5)])
def test_deviation_from_the_offline_transform_is_as_stated(cut, limit):
    x = noise(4, 6000)
    live = WaveletPowerStream(4, SFREQ, LOW, cut=cut)
    assert deviation(live, live.push(x), np.abs(morlet_transform(x, SFREQ, LOW)) ** 2).max() < limit


def test_deviation_beneath_a_steep_spectrum_and_an_offset():
    x = noise(2, 6000)
    nu = np.fft.rfftfreq(6000, 1 / SFREQ)
    x = np.fft.irfft(np.fft.rfft(x) / np.maximum(nu, 0.3), 6000)
    live = WaveletPowerStream(2, SFREQ, LOW)
    offline = np.abs(morlet_transform(x, SFREQ, LOW)) ** 2
    assert deviation(live, live.push(x + 1e4 * x.std()), offline).max() < 4e-3


@pytest.mark.parametrize("morse", [Morse(3, 12), Morse(1, 6)])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_morse_wavelets(morse, norm):
    x = noise(2, 6000)
    live = WaveletPowerStream(2, SFREQ, GRID, wavelet=morse, norm=norm, cut=1e-4)
    offline = np.abs(morse_transform(x, SFREQ, GRID, wavelet=morse, norm=norm)) ** 2
    assert deviation(live, live.push(x), offline).max() < 1e-3


def test_a_frequency_close_to_half_the_rate():
    x = noise(2, 6000)
    live = WaveletPowerStream(2, SFREQ, [55.0, 63.0], cut=1e-4)
    assert deviation(live, live.push(x), np.abs(morlet_transform(x, SFREQ, [55.0, 63.0])) ** 2).max() < 1e-3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 700), max_size=12), st.integers(1, 9), st.sampled_from([1, 16, 37, 500]))
def test_chunks_change_nothing(cuts, n_chans, step):
    x = noise(n_chans, 700)
    live = WaveletPowerStream(n_chans, SFREQ, [10.0, 31.0], step_s=step / SFREQ)
    whole = live.push(x)
    assert whole.shape == (n_chans, 2, 700 // step)
    live.reset()
    parts = [live.push(chunk) for chunk in np.split(x, sorted(cuts), axis=1)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)


def test_chunks_change_nothing_where_the_buffer_is_moved():
    x = noise(2, 20_000)
    live = WaveletPowerStream(2, SFREQ, GRID)
    whole = live.push(x)
    live.reset()
    parts = [live.push(chunk) for chunk in np.split(x, range(700, 20_000, 701), axis=1)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)


def test_a_copy_goes_on_by_itself():
    x = noise(2, 1000)
    live = WaveletPowerStream(2, SFREQ, GRID)
    live.push(x[:, :500])
    other = pickle.loads(pickle.dumps(live))
    np.testing.assert_array_equal(live.push(x[:, 500:]), other.push(x[:, 500:]))


def test_a_channel_does_not_know_of_the_others():
    x = noise(11, 2000)
    whole = WaveletPowerStream(11, SFREQ, GRID).push(x)
    for c in (0, 7, 8, 10):
        alone = WaveletPowerStream(1, SFREQ, GRID).push(x[c : c + 1])
        np.testing.assert_allclose(alone, whole[c : c + 1], rtol=1e-10)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_compiled_equals_plain(monkeypatch, kind):
    x = noise(3, 3000).astype(kind)
    x[1, 1500] = np.inf
    compiled = WaveletPowerStream(3, SFREQ, GRID).push(x)
    monkeypatch.setattr("affectbio.kernels.wavelet_stream.bodies", lambda name: _plain_wavelet_stream)
    plain = WaveletPowerStream(3, SFREQ, GRID).push(x)
    assert compiled.dtype == plain.dtype == kind
    np.testing.assert_allclose(compiled, plain, rtol=1e-5 if kind is np.float32 else 1e-10, atol=0)


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_nothing_is_said_of_what_a_lost_sample_touches(lost):
    x = noise(3, 3000)
    whole = WaveletPowerStream(3, SFREQ, GRID).push(x)
    torn = x.copy()
    torn[1, 1000] = lost
    live = WaveletPowerStream(3, SFREQ, GRID)
    found = live.push(torn)
    np.testing.assert_array_equal(found[[0, 2]], whole[[0, 2]])
    newest = (np.arange(found.shape[-1]) + 1) * live.step - 1
    for s, delay in enumerate(live.delay):
        touched = (newest >= 1000) & (newest - 2 * delay <= 1000)
        assert np.isnan(found[1, s, touched]).all()
        np.testing.assert_array_equal(found[1, s, ~touched], whole[1, s, ~touched])


def test_nothing_is_said_before_there_is_enough():
    live = WaveletPowerStream(1, SFREQ, GRID, step_s=1 / SFREQ)
    found = live.push(noise(1, 1000))
    for s, delay in enumerate(live.delay):
        assert np.isnan(found[0, s, : 2 * delay]).all()
        assert np.isfinite(found[0, s, 2 * delay :]).all()


def test_a_delay_is_told_by_an_impulse():
    live = WaveletPowerStream(1, SFREQ, GRID, step_s=1 / SFREQ)
    impulse = np.zeros((1, 2000))
    impulse[0, 1000] = 1.0
    found = live.push(impulse)
    np.testing.assert_array_equal(np.nanargmax(found[0], axis=-1) - 1000, live.delay)
    np.testing.assert_array_equal(live.delay_s * SFREQ, live.delay)


def test_a_constant_has_no_power():
    assert np.nanmax(WaveletPowerStream(1, SFREQ, GRID).push(np.full((1, 2000), 0.1))) < 1e-30


def test_agrees_with_a_scalogram_of_the_same_cells():
    # The mean of hops within a cell is the cell's mean where hops are as close as samples.
    x = noise(1, 4096)
    live = WaveletPowerStream(1, SFREQ, [20.0], step_s=1 / SFREQ, cut=1e-5)
    power = live.push(x)[0, 0, live.delay[0] :]
    picture = scalogram(x, SFREQ, [20.0], 64)[0, 0]
    np.testing.assert_allclose(power[: 60 * 64].reshape(60, 64).mean(axis=1)[5:], picture[5:60], rtol=2e-3)


@pytest.mark.parametrize("kind", [np.int16, ">f8", ">f4", np.float16])
def test_any_kind_of_array(kind):
    x = np.round(100 * np.random.default_rng(0).standard_normal((2, 1500)))
    expected = WaveletPowerStream(2, SFREQ, GRID).push(x)
    np.testing.assert_allclose(WaveletPowerStream(2, SFREQ, GRID).push(x.astype(kind)), expected, rtol=1e-5)
    np.testing.assert_array_equal(WaveletPowerStream(2, SFREQ, GRID).push(np.asfortranarray(x)), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_chans": 0}, "at least one channel, found n_chans=0"),
        ({"sfreq": 0}, "sampling rate in Hz; found 0"),
        ({"freqs": [64.0]}, "below 64 Hz"),
        ({"freqs": []}, r"shape \(n_freqs,\)"),
        ({"n_cycles": -1}, "found n_cycles=-1"),
        ({"norm": "max"}, "found 'max'"),
        ({"step_s": 0}, "found step_s=0"),
        ({"step_s": np.nan}, "found step_s=nan"),
        ({"cut": 0}, "found cut=0"),
        ({"cut": 1.5}, "found cut=1.5"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        WaveletPowerStream(**({"n_chans": 2, "sfreq": SFREQ, "freqs": GRID} | arguments))


@pytest.mark.parametrize("chunk", [np.zeros((3, 10)), np.zeros(10)])
def test_a_chunk_of_another_shape_is_refused(chunk):
    with pytest.raises(ValueError, match=r"expected a chunk of shape \(2, n_new\), found"):
        WaveletPowerStream(2, SFREQ, GRID).push(chunk)
