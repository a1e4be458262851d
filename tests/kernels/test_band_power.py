"""Band power by every method against SciPy, against published recipes written out, and against itself in chunks."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, filtfilt, lfilter, periodogram, sosfilt, sosfiltfilt

from affectbio.bands import Band
from affectbio.errors import SignalQualityError
from affectbio.kernels import (
    BandPowerStream,
    DifferentialEntropyStream,
    band_power,
    differential_entropy,
    samples_left_over,
    window_starts,
)
from affectbio.kernels import _jit_entropy as jit
from affectbio.kernels import _plain_entropy as plain
from affectbio.kernels._backend import VARIABLE, backend
from affectbio.kernels._band_filter import _design

EDGES = [(1, 4), (4, 8), (8, 14), (14, 31), (31, 49)]
METHODS = ["causal", "zero-phase", "per-window", "fft"]
STREAMED = ["causal", "per-window", "fft"]


def noise(*shape, seed=0):
    return 1e-5 * np.random.default_rng(seed).standard_normal(shape)


def windows(x, sfreq, window_s, step_s):
    """Windows cut one by one, shape (n_windows, ..., window)."""
    starts = window_starts(x.shape[-1], sfreq, window_s, step_s)
    return np.stack([x[..., s : s + round(window_s * sfreq)] for s in starts])


def bits(variance):
    return np.moveaxis(0.5 * np.log2(2 * np.pi * np.e * np.array(variance)), [0, 1], [-1, -2])


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize(("sfreq", "window_s", "step_s"), [(128, 1.0, 0.5), (250, 2.0, 0.3), (512, 0.7, 1.9)])
def test_zero_phase_is_scipys(sfreq, window_s, step_s, order, ddof):
    x = noise(2, 12 * sfreq) + 0.01
    found = band_power(x, sfreq, EDGES, window_s, step_s, method="zero-phase", order=order, ddof=ddof)
    for b, edges in enumerate(EDGES):
        y = sosfiltfilt(butter(order, edges, "bandpass", fs=sfreq, output="sos"), x, axis=-1)
        expected = windows(y, sfreq, window_s, step_s).var(axis=-1, ddof=ddof)
        # The offset is a thousand times the signal: SciPy's edges carry its rounding.
        np.testing.assert_allclose(found[..., b], expected.T, rtol=1e-8)


@pytest.mark.parametrize("taper", ["hann", "boxcar"])
@pytest.mark.parametrize(
    ("sfreq", "window_s", "step_s"),
    [
        (128, 1.0, 1.0),
        (200, 1.0, 0.25),
        (250, 2.0, 3.1),
        (125, 1.0, 1.0),  # an odd window
        (256, 1.75, 1.0),  # 448 samples have the prime 7
        (512, 4.0, 1.0),
        (1000, 1.5, 1.5),
    ],
)
def test_fft_is_scipys_periodogram_summed_over_the_band(sfreq, window_s, step_s, taper):
    x = noise(11, 9 * sfreq) + 0.1
    cut = windows(x, sfreq, window_s, step_s)
    freqs, density = periodogram(cut, sfreq, window=taper, detrend="constant", axis=-1)
    found = band_power(x, sfreq, EDGES, window_s, step_s, method="fft", taper=taper)
    for b, (low, high) in enumerate(EDGES):
        inside = (freqs >= low - 1e-9) & (freqs < high - 1e-9)
        expected = density[..., inside].sum(axis=-1) * (freqs[1] - freqs[0])
        np.testing.assert_allclose(found[..., b], expected.T, rtol=1e-9)


def test_a_frequency_on_an_edge_belongs_to_the_band_above():
    sine = np.sin(2 * np.pi * 8 * np.arange(1280) / 128)
    theta, alpha = band_power(sine, 128, EDGES[1:3], method="fft", taper="boxcar").T
    np.testing.assert_allclose(alpha, 0.5, rtol=1e-12)
    assert (theta < 1e-25).all()


def test_torcheeg_is_a_cold_start_in_every_window():
    x = 20 * noise(3, 128 * 6) / 1e-5 + 5
    variance = []
    for low, high in EDGES[1:]:
        b, a = butter(5, (low, high), "bandpass", fs=128)
        variance.append([np.var(lfilter(b, a, w, axis=-1), axis=-1) for w in windows(x, 128, 1, 1)])
    found = differential_entropy(x, 128, EDGES[1:], 1, method="per-window", order=5, ddof=0, log="2")
    # Its polynomials of order 10 cost precision.
    np.testing.assert_allclose(found, bits(variance), rtol=1e-7)


def test_rbtransformer_designs_for_128_hz_whatever_the_rate():
    x = noise(3, 200 * 9)
    variance = []
    for low, high in EDGES[1:]:
        b, a = butter(5, (low, high), "bandpass", fs=128)
        cut = [x[:, s : s + 512] for s in range(0, x.shape[1] - 511, 117)]
        variance.append([np.var(lfilter(b, a, (w - w.mean()) / w.std(), axis=-1), axis=-1) for w in cut])
    cut = windows(x, 200, 512 / 200, 117 / 200)
    scored = np.concatenate([(w - w.mean()) / w.std() for w in cut])
    found = differential_entropy(
        scored, 200, np.array(EDGES[1:]) * 200 / 128, 512 / 200, method="per-window", order=5, ddof=0, log="2"
    )
    np.testing.assert_allclose(found.reshape(len(cut), 3, 4).transpose(1, 0, 2), bits(variance), rtol=1e-7, atol=1e-6)


def test_libeer_filters_the_whole_trial_forward_and_backward():
    x = noise(3, 200 * 10)
    bands = [(0.5, 4), (4, 8), (8, 14), (14, 30), (30, 50)]
    variance = []
    for low, high in bands:
        b, a = butter(3, [low / 100, high / 100], "bandpass")
        variance.append(windows(filtfilt(b, a, x), 200, 1, 1).var(axis=-1, ddof=1))
    found = differential_entropy(x, 200, bands, 1, method="zero-phase", order=3, log="2")
    np.testing.assert_allclose(found, bits(variance), rtol=1e-6)


@pytest.mark.parametrize("sfreq", [128, 200, 250, 500, 1000])
def test_a_strong_tone_far_above_costs_a_band_no_precision(sfreq):
    # At a quarter of the rate the numerators that bands share are largest; the tone is a hundred times the noise.
    x = noise(2, 20 * sfreq) + 1e-3 * np.sin(np.pi / 2 * np.arange(20 * sfreq) + 0.3)
    found = differential_entropy(x, sfreq, EDGES)
    for b, edges in enumerate(EDGES):
        y = sosfilt(butter(4, edges, "bandpass", fs=sfreq, output="sos"), x - x[:, :1], axis=-1)
        expected = 0.5 * np.log(2 * np.pi * np.e * windows(y, sfreq, 1, 1).var(axis=-1, ddof=1))
        np.testing.assert_allclose(found[..., b], expected.T, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sfreq", [128, 500, 1000])
def test_single_precision_costs_no_more_than_its_samples_do(sfreq, method):
    x = (noise(9, 10 * sfreq) + 0.05).astype(np.float32)
    single = differential_entropy(x, sfreq, EDGES, method=method)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, differential_entropy(x.astype(float), sfreq, EDGES, method=method), rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("function", [band_power, differential_entropy])
def test_stack_of_results_is_result_of_stack(function, method):
    x = noise(2, 3, 4, 500)
    whole = function(x, 128, step_s=0.5, method=method)
    assert whole.shape == (2, 3, 4, 6, 5)
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(whole[i], function(x[i], 128, step_s=0.5, method=method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_chans", [1, 9, 20])
def test_threads_change_no_number(method, n_chans):
    x = noise(n_chans, 2000)
    x[n_chans // 2, 900] = np.nan
    for n_jobs in (2, 3):
        np.testing.assert_array_equal(
            band_power(x, 250, method=method, n_jobs=n_jobs), band_power(x, 250, method=method)
        )


@st.composite
def chunked(draw):
    window, step = draw(st.integers(20, 40)), draw(st.integers(1, 60))
    sizes = draw(st.lists(st.integers(0, 50), min_size=1, max_size=12))
    x = noise(3, sum(sizes), seed=draw(st.integers(0, 99)))
    if sum(sizes) and draw(st.booleans()):
        x[draw(st.integers(0, 2)), draw(st.integers(0, sum(sizes) - 1))] = draw(st.sampled_from([np.nan, np.inf]))
    return x, window / 100, step / 100, sizes


@pytest.mark.parametrize("method", STREAMED)
@settings(max_examples=50, deadline=None)
@given(chunked())
def test_any_chunks_give_the_same_bits(method, case):
    x, window_s, step_s, sizes = case
    live = BandPowerStream(3, 100.0, [(5, 20)], window_s, step_s, method=method)
    entropy = DifferentialEntropyStream(3, 100.0, [(5, 20)], window_s, step_s, method=method, log="2")
    pieces = np.split(x, np.cumsum(sizes)[:-1], axis=1)
    found = np.concatenate([live.push(piece) for piece in pieces], axis=1)
    in_bits = np.concatenate([entropy.push(piece) for piece in pieces], axis=1)
    assert live.n_pending == samples_left_over(x.shape[1], 100, window_s, step_s)
    if x.shape[1] < live.window:
        assert found.shape == in_bits.shape == (3, 0, 1)
        return
    np.testing.assert_array_equal(found, band_power(x, 100, [(5, 20)], window_s, step_s, method=method))
    expected = differential_entropy(x, 100, [(5, 20)], window_s, step_s, method=method, log="2")
    np.testing.assert_array_equal(in_bits, expected)


@pytest.mark.parametrize("method", STREAMED)
def test_reset_begins_a_new_signal(method):
    x = noise(2, 700)
    live = BandPowerStream(2, 128, method=method, step_s=1.3)
    live.push(noise(2, 150, seed=1))
    live.reset()
    assert live.n_pending == 0
    np.testing.assert_array_equal(live.push(x), band_power(x, 128, method=method, step_s=1.3))


@pytest.mark.parametrize("method", STREAMED)
@pytest.mark.parametrize("kind", [BandPowerStream, DifferentialEntropyStream])
def test_a_stream_can_be_copied_and_pickled_on_its_way(kind, method):
    x = noise(9, 700)
    live = kind(9, 128, method=method, step_s=0.3)
    live.push(x[:, :300])
    twins = [copy.deepcopy(live), pickle.loads(pickle.dumps(live))]
    expected = live.push(x[:, 300:])
    for twin in twins:
        np.testing.assert_array_equal(twin.push(x[:, 300:]), expected)


@pytest.mark.parametrize("step_s", [1.0, 0.3, 2.6])
@pytest.mark.parametrize("method", ["per-window", "fft"])
def test_a_stream_holds_no_more_than_a_window(method, step_s):
    live = BandPowerStream(2, 50, [(5, 20)], 1.0, step_s, method=method)
    for _ in range(20):
        live.push(noise(2, 333))
        assert live._measure.held.shape[1] < live.window
        assert live._measure.held.base is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_lost_sample_spoils_its_windows_only(method, value):
    x = noise(10, 1000) + 0.01
    torn = x.copy()
    torn[3, 420:425] = value
    found = band_power(torn, 100, [(5, 20)], 1.0, 0.5, method=method)[..., 0]
    starts = window_starts(1000, 100, 1.0, 0.5)
    spoilt = (starts < 425) & (starts + 100 > 420)
    np.testing.assert_array_equal(np.isnan(found[3]), spoilt)
    whole = np.arange(10) != 3
    np.testing.assert_array_equal(found[whole], band_power(x, 100, [(5, 20)], 1.0, 0.5, method=method)[whole, :, 0])
    assert np.isnan(band_power(np.full((1, 300), value), 100, [(5, 20)], method=method)).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("constant", [0.0, 0.1, -3e5, 7])
def test_a_constant_channel_has_no_power(method, constant):
    x = np.concatenate([np.full((1, 600), constant), noise(1, 600)])
    for found in (band_power(x, 128, method=method), differential_entropy(x, 128, method=method)):
        assert np.isnan(found[0]).all()
        assert np.isfinite(found[1]).all()


@pytest.mark.parametrize("order", [3, 4, 8])
@pytest.mark.parametrize("below", [1e-2, 1e-4])
def test_a_band_up_to_half_the_rate_costs_no_precision(order, below):
    # Poles near half the rate amplify what lies there by one over their distance from it.
    x, edges = noise(2, 2000), (8, 64 * (1 - below))
    y = sosfilt(butter(order, edges, "bandpass", fs=128, output="sos"), x - x[:, :1], axis=-1)
    expected = windows(y, 128, 1, 0.5).var(axis=-1, ddof=1).T
    np.testing.assert_allclose(band_power(x, 128, [edges], 1, 0.5, order=order)[..., 0], expected, rtol=1e-9)


def test_0_hz_is_in_no_band_of_a_transform():
    x = noise(2, 500)
    lowest = band_power(x, 100, [(1e-12, 20)], method="fft")
    np.testing.assert_array_equal(lowest, band_power(x, 100, [(1, 20)], method="fft"))


def test_no_group_delay_with_fft():
    assert BandPowerStream(1, 128, method="fft").group_delay_s.tolist() == [0.0] * 5
    assert (BandPowerStream(1, 128).group_delay_s > 0.01).all()


@pytest.mark.parametrize("n_times", [99, 100, 101, 149, 150, 333])
@pytest.mark.parametrize("step_s", [None, 0.5, 1.7])
def test_what_is_left_over_is_what_no_window_reaches(n_times, step_s):
    starts = window_starts(n_times, 100, 1, step_s)
    # With gaps between windows the gap after the last one may not have ended.
    end = starts[-1] + 100 if len(starts) else 0
    assert samples_left_over(n_times, 100, 1, step_s) == n_times - end


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("order", [3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_and_plain_bodies_agree(method, order, dtype, monkeypatch):
    x = (noise(9, 1500) + 1e-3).astype(dtype)
    x[4, 300:330] = np.nan
    x[7, :200] = np.inf
    x[8] = 0.25
    compiled = band_power(x, 128, window_s=1, step_s=0.7, method=method, order=order)
    monkeypatch.setenv(VARIABLE, "numpy")
    backend.cache_clear()
    try:
        found = band_power(x, 128, window_s=1, step_s=0.7, method=method, order=order)
    finally:
        monkeypatch.undo()
        backend.cache_clear()
    np.testing.assert_allclose(found, compiled, rtol=1e-9 if dtype is np.float64 else 1e-6)


def test_bodies_have_the_same_names_and_arguments():
    for name in set(plain.__all__) - {"LANES"}:
        body = getattr(jit, name).py_func.__code__
        twin = getattr(plain, name).__code__
        assert body.co_varnames[: body.co_argcount] == twin.co_varnames[: twin.co_argcount], name


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"method": "sos"}, ValueError, "'causal', 'zero-phase', 'per-window' or 'fft'; found 'sos'"),
        ({"ddof": 2}, ValueError, "1 for the unbiased variance or 0 for the biased one; found 2"),
        ({"taper": "hamming"}, ValueError, "taper is 'hann' or 'boxcar'; found 'hamming'"),
        ({"n_jobs": 0}, ValueError, "number of threads.*found 0"),
        ({"method": "fft", "bands": [(5.2, 5.8)]}, ValueError, r"1 Hz apart, none of them in band '5.2-5.8 Hz'"),
        ({"x": np.ones((2, 20)), "window_s": 0.2, "method": "zero-phase"}, SignalQualityError, "27 samples.*holds 20"),
        ({"x": np.zeros((2, 50)), "method": "fft"}, SignalQualityError, r"100 samples.*shape \(2, 50\), holds 50"),
        ({"x": np.zeros((0, 500)), "method": "fft"}, ValueError, r"at least one channel.*\(0, 500\)"),
        ({"bands": [(8, 60)]}, ValueError, "50 Hz, half the sampling rate of 100 Hz"),
    ],
)
def test_what_makes_no_sense_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        band_power(**{"x": np.zeros((2, 500)), "sfreq": 100, "bands": [(5, 20)], **change})


def test_a_stream_does_not_look_ahead():
    with pytest.raises(ValueError, match="looks ahead, which no stream can; use method='causal' or 'fft'"):
        BandPowerStream(2, 128, method="zero-phase")


@pytest.mark.parametrize("method", STREAMED)
def test_a_chunk_of_another_shape_is_refused_and_changes_nothing(method):
    live = BandPowerStream(2, 128, method=method)
    x = noise(2, 300)
    live.push(x[:, :150])
    with pytest.raises(ValueError, match=r"expected a chunk of shape \(2, n_new\), found \(3, 10\)"):
        live.push(np.zeros((3, 10)))
    np.testing.assert_array_equal(live.push(x[:, 150:])[:, 0], band_power(x, 128, method=method)[:, 1])


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize(
    ("sfreq", "edges"),
    [(128, (1, 4)), (128, (1, 60)), (1000, (8, 14)), (2000, (0.5, 4)), (101, (31, 50)), (10, (1, 4.9))],
)
def test_the_filter_is_scipys_butterworth(sfreq, edges, order):
    poles, gain, _ = _design((Band("", *edges),), sfreq, order)
    zeros, expected, factor = butter(order, edges, "bandpass", fs=sfreq, output="zpk")
    found = np.concatenate([np.roots([1, *-section]) for section in poles[0]])
    np.testing.assert_allclose(np.poly(found), np.poly(expected), rtol=1e-9)
    np.testing.assert_allclose(gain, [factor], rtol=1e-11)
    assert sorted(zeros.round(12)) == [-1.0] * order + [1.0] * order
