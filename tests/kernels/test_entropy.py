"""Differential entropy against SciPy, closed forms and itself cut into chunks."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, group_delay, sosfilt

from affectbio.errors import ConfigError, SignalQualityError
from affectbio.kernels import DifferentialEntropyStream, differential_entropy, window_starts

GAUSS = 2 * np.pi * np.e


def by_scipy(x, sfreq, edges, window, step, order=4):
    """The definition, window by window: filter the continuous signal, take the unbiased variance."""
    out = []
    for low, high in edges:
        sos = butter(order, (low, high), btype="bandpass", fs=sfreq, output="sos")
        y = sosfilt(sos, x - x[..., :1], axis=-1)
        starts = range(0, x.shape[-1] - window + 1, step)
        out.append(np.stack([0.5 * np.log(GAUSS * y[..., s : s + window].var(axis=-1, ddof=1)) for s in starts], -1))
    return np.stack(out, -1)


def noise(*shape, seed=0):
    return 1e-5 * np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("order", [1, 4, 6])
@pytest.mark.parametrize(
    ("sfreq", "window_s", "step_s"),
    [
        (128, 1.0, 1.0),
        (250, 2.0, 1.0),
        (125, 1.0, 0.3),  # 125 and 38 samples have no common divisor
        (200, 0.5, 1.7),  # most samples are in no window
        (500, 4.0, 0.25),
        (256.4, 0.7, 0.31),
    ],
)
def test_equals_scipy(sfreq, window_s, step_s, order):
    edges = [(1, 4), (4, 8), (8, 14), (14, 31), (31, 50)]
    x = noise(2, int(12 * sfreq)) + 3e-5 * np.sin(2 * np.pi * 10 * np.arange(int(12 * sfreq)) / sfreq)
    found = differential_entropy(x, sfreq, edges, window_s, step_s, order=order)
    expected = by_scipy(x, sfreq, edges, round(window_s * sfreq), round(step_s * sfreq), order)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_float32_stays_float32_and_close():
    x = noise(3, 2000)
    single = differential_entropy(x.astype(np.float32), 250)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, differential_entropy(x, 250), rtol=1e-5)


@pytest.mark.parametrize("amplitude", [1.0, 2e-5])
def test_closed_form_of_a_sine(amplitude):
    t = np.arange(30 * 256) / 256
    found = differential_entropy(amplitude * np.sin(2 * np.pi * 10 * t), 256, {"alpha": (5, 20)}, window_s=1)
    # A whole number of periods: the unbiased variance is a²/2 · n/(n - 1). The filter has settled after some seconds.
    expected = 0.5 * np.log(GAUSS * amplitude**2 / 2 * 256 / 255)
    np.testing.assert_allclose(found[10:, 0], expected, atol=2e-4)


def test_bits_are_nats_over_ln_2():
    x = noise(2, 1000)
    np.testing.assert_allclose(
        differential_entropy(x, 250, log="2"), differential_entropy(x, 250) / np.log(2), rtol=1e-14
    )


def test_stack_of_results_is_result_of_stack():
    x = noise(2, 3, 4, 600)
    whole = differential_entropy(x, 128, window_s=1, step_s=0.5)
    assert whole.shape == (2, 3, 4, 8, 5)
    for i in np.ndindex(2, 3, 4):
        np.testing.assert_array_equal(whole[i], differential_entropy(x[i], 128, window_s=1, step_s=0.5))


@st.composite
def chunked(draw):
    window, step = draw(st.integers(2, 40)), draw(st.integers(1, 60))
    sizes = draw(st.lists(st.integers(0, 50), max_size=12))
    x = noise(2, sum(sizes), seed=draw(st.integers(0, 99)))
    lost = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, max(0, sum(sizes) - 1))), max_size=5))
    for c, t in lost if sum(sizes) else ():
        x[c, t] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return x, window, step, sizes


@settings(max_examples=150)
@given(chunked())
def test_any_chunks_give_the_same_bits(case):
    x, window, step, sizes = case
    live = DifferentialEntropyStream(2, 100.0, [(5, 20)], window / 100, step / 100)
    parts = [live.push(part) for part in np.split(x, np.cumsum(sizes)[:-1], axis=1)] if sizes else [live.push(x)]
    found = np.concatenate(parts, axis=1)
    if x.shape[1] < window:
        assert found.shape == (2, 0, 1)
    else:
        np.testing.assert_array_equal(found, differential_entropy(x, 100.0, [(5, 20)], window / 100, step / 100))
        assert found.shape[1] == len(window_starts(x.shape[1], 100.0, window / 100, step / 100))


def test_reset_begins_a_new_signal():
    x = noise(1, 700)
    live = DifferentialEntropyStream(1, 128)
    live.push(np.full((1, 130), np.nan))
    live.push(noise(1, 333, seed=1))
    live.reset()
    np.testing.assert_array_equal(live.push(x), differential_entropy(x, 128))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_lost_sample_spoils_its_windows_only(value):
    x = noise(2, 1000) + 0.01
    torn, held = x.copy(), x.copy()
    torn[0, 420:425] = value
    held[0, 420:425] = x[0, 419]
    found, filled = (differential_entropy(a, 100, [(5, 20)], 1.0, 0.5) for a in (torn, held))
    starts = window_starts(1000, 100, 1.0, 0.5)
    spoilt = (starts < 425) & (starts + 100 > 420)
    np.testing.assert_array_equal(np.isnan(found[0, :, 0]), spoilt)
    np.testing.assert_array_equal(found[0, ~spoilt], filled[0, ~spoilt])
    np.testing.assert_array_equal(found[1], filled[1])


def test_a_signal_that_begins_lost_starts_at_rest_on_its_first_sample():
    x = noise(1, 1000) + 0.1
    late = np.concatenate([np.full((1, 200), np.nan), x], axis=1)
    found = differential_entropy(late, 100, [(5, 20)])
    assert np.isnan(found[0, :2]).all()
    np.testing.assert_array_equal(found[0, 2:], differential_entropy(x, 100, [(5, 20)])[0])


@pytest.mark.parametrize("constant", [0.0, 0.1, -3e5, 7])
def test_a_constant_channel_has_no_entropy(constant):
    x = np.concatenate([np.full((1, 600), constant), noise(1, 600)])
    found = differential_entropy(x, 128)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


def test_a_channel_that_becomes_constant_has_no_entropy_although_the_filter_rings_on():
    x = noise(1, 2000)
    x[:, 1000:] = x[0, 1000]
    found = differential_entropy(x, 125, window_s=2)
    assert np.isfinite(found[0, :4]).all()
    assert np.isnan(found[0, 5:]).all()


def test_the_offset_of_the_electrode_does_not_matter():
    x = noise(2, 2000)
    np.testing.assert_allclose(differential_entropy(x + 0.1, 250), differential_entropy(x, 250), atol=1e-8)
    # In single precision a step of the offset is 7 nV; the signal's deviation is 10 µV.
    single = differential_entropy((x + 0.1).astype(np.float32), 250)
    np.testing.assert_allclose(single, differential_entropy(x, 250), atol=1e-3)


def test_layout_and_type_of_the_array_do_not_matter():
    x = np.random.default_rng(0).integers(-1000, 1000, (2, 800)).astype(float)
    expected = differential_entropy(x, 128)
    for same in (x.astype(int), x.astype(">f8"), x.astype("<i2"), np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2]):
        np.testing.assert_array_equal(differential_entropy(same, 128), expected)
    np.testing.assert_array_equal(differential_entropy(x.tolist(), 128), expected)
    assert differential_entropy(x.astype(np.float16), 128).dtype == np.float32


def test_the_array_is_not_written_to():
    x = noise(2, 500)
    x[0, 3] = np.nan
    x.flags.writeable = False
    before = x.copy()
    differential_entropy(x, 128)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": np.zeros((2, 50))}, SignalQualityError, r"1 s is 100 samples at 100 Hz.*shape \(2, 50\), holds 50"),
        ({"x": np.zeros((2, 0))}, SignalQualityError, "holds 0"),
        ({"bands": [(8, 60)]}, ValueError, "8-60 Hz.*50 Hz, half the sampling rate of 100 Hz"),
        ({"bands": "egg"}, ConfigError, "did you mean 'eeg'"),
        ({"x": np.zeros((0, 500))}, ValueError, r"at least one channel.*\(0, 500\)"),
        ({"x": np.zeros((2, 500), complex)}, ValueError, "real numbers.*complex128"),
        ({"x": np.full((2, 500), "a")}, ValueError, "real numbers"),
        ({"x": np.zeros((2, 500), bool)}, ValueError, "real numbers.*bool"),
        ({"x": np.float64(3)}, ValueError, "time as last axis"),
        ({"log": "10"}, ValueError, "'e' for nats or '2' for bits; found '10'"),
        ({"order": 0}, ValueError, "at least 1; found 0"),
        ({"order": 2.5}, ValueError, "whole order of at least 1; found 2.5"),
        ({"window_s": 0.01}, ValueError, "is 1 samples every 1; a variance needs at least 2"),
        ({"step_s": -1}, ValueError, "100 samples every -100"),
        ({"window_s": float("nan")}, ValueError, "window of nan s"),
        ({"window_s": float("inf")}, ValueError, "window of inf s"),
    ],
)
def test_what_makes_no_sense_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        differential_entropy(**{"x": np.zeros((2, 500)), "sfreq": 100, "bands": [(5, 20)], **change})


@pytest.mark.parametrize("shape", [(3, 10), (10,), (2, 10, 1)])
def test_a_chunk_of_another_shape_is_refused_and_changes_nothing(shape):
    x = noise(2, 300)
    live = DifferentialEntropyStream(2, 128)
    live.push(x[:, :150])
    with pytest.raises(ValueError, match=r"expected a chunk of shape \(2, n_new\), found"):
        live.push(np.zeros(shape))
    np.testing.assert_array_equal(live.push(x[:, 150:])[:, 0], differential_entropy(x, 128)[:, 1])


def test_a_stream_needs_a_channel():
    with pytest.raises(ValueError, match="n_chans=0"):
        DifferentialEntropyStream(0, 100)


@pytest.mark.parametrize(("sfreq", "order"), [(128, 4), (250, 4), (500, 2)])
def test_group_delay_is_that_of_the_sections(sfreq, order):
    live = DifferentialEntropyStream(1, sfreq, order=order)
    for band, delay_s in zip(live.bands, live.group_delay_s, strict=True):
        centre = np.sqrt(band.l_freq * band.h_freq)
        sos = butter(order, (band.l_freq, band.h_freq), btype="bandpass", fs=sfreq, output="sos")
        # The zeros of a section at 0 Hz and at half the rate lie on the unit circle and delay nothing; its poles do.
        sections = sum(group_delay((row[:3], row[3:]), w=[centre], fs=sfreq)[1][0] for row in sos)
        assert delay_s == pytest.approx(sections / sfreq, rel=1e-4)


def test_a_burst_is_seen_as_much_later_as_the_group_delay_says():
    sfreq, centre_s = 250, 10.0
    t = np.arange(20 * sfreq) / sfreq
    alpha = np.sqrt(8 * 14)
    burst = np.exp(-((t - centre_s) ** 2)) * np.sin(2 * np.pi * alpha * t)
    live = DifferentialEntropyStream(1, sfreq, {"alpha": (8, 14)}, 0.2, 0.02)
    power = np.exp(2 * live.push(burst[None])[0, :, 0])
    middle_s = window_starts(len(t), sfreq, 0.2, 0.02) / sfreq + 0.1
    assert (power * middle_s).sum() / power.sum() - centre_s == pytest.approx(live.group_delay_s[0], abs=0.01)


@pytest.mark.parametrize("step_s", [1.0, 0.3, 2.6])
def test_a_stream_holds_no_more_after_an_hour_than_after_a_minute(step_s):
    live = DifferentialEntropyStream(2, 50, [(5, 20)], 1.0, step_s)
    held = []
    for _ in range(60):
        live.push(noise(2, 50 * 60))
        held.append(len(live._measure.hops.sums))
        assert all(part.base is None for part in live._measure.hops)
    assert max(held) <= (live.window + live.step) // live._measure.hop


def test_memory_of_a_long_signal_is_little_more_than_the_signal():
    # 25 and 8 samples have no common divisor: the sums of all its hops would be twenty times the signal.
    x = noise(4, 400_000)
    tracemalloc.start()
    differential_entropy(x, 125, window_s=1.0, step_s=0.3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * x.nbytes


def test_window_starts_count_whole_windows_only():
    assert window_starts(99, 100, 1, 1).tolist() == []
    assert window_starts(100, 100, 1, 1).tolist() == [0]
    assert window_starts(350, 100, 1, 2.5).tolist() == [0, 250]
    assert window_starts(349, 100, 1, 2.5).tolist() == [0]
