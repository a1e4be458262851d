"""Morlet and Morse transforms against direct convolution, MNE, PyWavelets, closed forms and themselves in NumPy."""

import math
import tracemalloc

import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.errors import SignalQualityError
from affectbio.kernels import (
    Morse,
    _plain_wavelet,
    cone_of_influence,
    morlet_power,
    morlet_transform,
    morse_power,
    morse_transform,
    scalogram,
)
from affectbio.kernels import _jit_fft as jit_fft
from affectbio.kernels._fft_factors import radices, twiddles
from affectbio.kernels._wavelet_plan import Morlet, plan

SFREQ = 128.0
GRID = np.geomspace(1, 50, 12)
ALL = [morlet_transform, morlet_power, morse_transform, morse_power, scalogram]


def eeg(*shape, sfreq=SFREQ, seed=0):
    """Noise whose amplitude falls as that of EEG does, on an electrode's offset."""
    rng = np.random.default_rng(seed)
    freqs = np.fft.rfftfreq(shape[-1], 1 / sfreq)
    spectrum = rng.standard_normal((*shape[:-1], len(freqs))) + 1j * rng.standard_normal((*shape[:-1], len(freqs)))
    x = np.fft.irfft(spectrum / np.maximum(freqs, 0.5) ** 0.5, shape[-1])
    return 1e-5 * x / x.std() + 1e-3 * rng.standard_normal((*shape[:-1], 1))


def morlet_bell(ratio, n_cycles):
    return np.exp(-0.5 * ((ratio - 1) * n_cycles) ** 2) - np.exp(-0.5 * (ratio**2 + 1) * n_cycles**2)


def morse_bell(ratio, gamma, beta):
    peak = (beta / gamma) ** (1 / gamma)
    omega = ratio * peak
    return omega**beta * np.exp(-(omega**gamma)) / (peak**beta * np.exp(-(peak**gamma)))


def wavelet(bell, f, sfreq, n_times):
    """The wavelet at the samples -n_times < t < n_times: its definition in frequency, summed at 32 768 of them."""
    n = 1 << 16
    nu = np.arange(1, n // 2) * sfreq / n
    shape = np.zeros(n)
    shape[1 : n // 2] = 2 * bell(nu / f) * np.clip((sfreq / 2 - nu) / (sfreq / 40), 0, 1)
    return np.roll(np.fft.ifft(shape), n_times - 1)[: 2 * n_times - 1]


def convolved(x, shape):
    """The definition: the signal, at its mean beyond its ends, convolved in double precision."""
    n_times = x.shape[-1]
    return np.stack([np.convolve(row - row.mean(), shape)[n_times - 1 : 2 * n_times - 1] for row in x])


def means(power, n_cells):
    edges = -(-np.arange(n_cells + 1) * power.shape[-1] // n_cells)
    return np.add.reduceat(power, edges[:-1], axis=-1) / np.diff(edges)


def assert_close(found, expected, tolerance=1e-3):
    """Compare each frequency (axis -2) by the length of the difference over that of the truth."""
    error = np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
    assert found.shape == expected.shape
    assert error.max() < tolerance, error


@pytest.mark.parametrize(
    ("sfreq", "n_times", "n_cycles"),
    [
        (128, 700, 6.0),
        (128, 257, 3.0),  # odd; 3 cycles reach down to 0 Hz
        (250, 511, 10.0),
        (200.5, 400, 6.0),
    ],
)
@pytest.mark.parametrize("f", [2.0, 10.3, 40.0, 55.0])
def test_equals_direct_convolution(sfreq, n_times, n_cycles, f):
    x = eeg(2, n_times, sfreq=sfreq)
    truth = convolved(x, wavelet(lambda ratio: morlet_bell(ratio, n_cycles), f, sfreq, n_times))
    assert_close(morlet_transform(x, sfreq, [f], n_cycles=n_cycles)[:, 0], truth)
    power = np.abs(truth) ** 2
    assert_close(morlet_power(x, sfreq, [f], n_cycles=n_cycles)[:, 0], power)
    for n_cells in (1, 7, 64, n_times):
        assert_close(scalogram(x, sfreq, [f], n_cells, n_cycles=n_cycles)[:, 0], means(power, n_cells))


@pytest.mark.parametrize(("gamma", "beta"), [(3, 20), (3, 3), (1, 30), (9, 4)])
@pytest.mark.parametrize("f", [2.0, 10.3, 55.0])
def test_morse_equals_direct_convolution(gamma, beta, f):
    x, morse = eeg(2, 700), Morse(gamma, beta)
    truth = convolved(x, wavelet(lambda ratio: morse_bell(ratio, gamma, beta), f, SFREQ, 700))
    assert_close(morse_transform(x, SFREQ, [f], wavelet=morse)[:, 0], truth)
    power = np.abs(truth) ** 2
    assert_close(morse_power(x, SFREQ, [f], wavelet=morse)[:, 0], power)
    for n_cells in (1, 7, 64, 700):
        assert_close(scalogram(x, SFREQ, [f], n_cells, wavelet=morse)[:, 0], means(power, n_cells))


def test_a_cauchy_wavelet_equals_its_closed_form_in_time():
    # ∫ r^β exp(-β (r - 1)) exp(2πi f t r) dr = exp(β) Γ(β + 1) / (β - 2πi f t)^(β + 1)
    x, f, beta = eeg(2, 1000), 8.0, 12
    phase = 2 * np.pi * f * np.arange(-999, 1000) / SFREQ
    shape = 2 * f / SFREQ * np.exp(beta) * math.factorial(beta) / (beta - 1j * phase) ** (beta + 1)
    assert_close(morse_transform(x, SFREQ, [f], wavelet=Morse(1, beta))[:, 0], convolved(x, shape), 1e-5)


@pytest.mark.parametrize("n_cycles", [4.0, 6.0])
def test_every_frequency_is_within_a_thousandth_outside_the_cone(n_cycles):
    x, freqs = eeg(2, 1500), np.geomspace(2, 50, 20)
    cone = cone_of_influence(SFREQ, freqs, 1500, n_cycles)
    double = morlet_power(x, SFREQ, freqs, n_cycles=n_cycles)
    single = morlet_power(x.astype(np.float32), SFREQ, freqs, n_cycles=n_cycles)
    for s, f in enumerate(freqs):
        truth = convolved(x, wavelet(lambda ratio: morlet_bell(ratio, n_cycles), f, SFREQ, 1500))
        inside = np.s_[:, cone[s] : -cone[s]]
        power = np.abs(truth[inside]) ** 2
        assert_close(double[:, s][inside], power, 5e-4)
        assert_close(single[:, s][inside], power, 1e-3)


@pytest.mark.parametrize("n_cells", [1, 64, 224, 1000])
@pytest.mark.parametrize("freqs", [GRID, [1.0, 9.7], [63.0, 60.0]])
@pytest.mark.parametrize("tone", [0.0, 1e-4])  # ten times what lies beside it
def test_a_picture_is_the_mean_of_the_transform_in_full(freqs, n_cells, tone):
    x = eeg(3, 4096) + tone * np.sin(2 * np.pi * 10 * np.arange(4096) / SFREQ)
    power = np.abs(morlet_transform(x, SFREQ, freqs)) ** 2
    assert_close(morlet_power(x, SFREQ, freqs), power)
    assert_close(scalogram(x, SFREQ, freqs, n_cells), means(power, n_cells))


def test_equals_mne():
    import mne

    x, freqs = eeg(3, 2048), np.geomspace(2, 20, 8)
    theirs = mne.time_frequency.tfr_array_morlet(x[None], SFREQ, freqs, n_cycles=6.0, zero_mean=False, verbose="error")
    # MNE's wavelet has an energy of 2, over samples; and it takes the offset for a step at both ends.
    edge = 4 * cone_of_influence(SFREQ, freqs, 2048).max()
    inside = np.s_[..., edge:-edge]
    ours = np.sqrt(2 * SFREQ) * morlet_transform(x, SFREQ, freqs, norm="l2")
    assert_close(ours[inside], theirs[0][inside])


def test_comes_as_close_to_pywavelets_as_its_tabulated_wavelet_allows():
    import pywt

    x, freqs = eeg(1, 2048), np.geomspace(2, 8, 5)
    name = f"cmor{2 * (6 / (2 * np.pi)) ** 2:.9f}-1.0"
    scales = pywt.frequency2scale(name, freqs / SFREQ)
    theirs, _ = pywt.cwt(x[0] - x.mean(), scales, name, 1 / SFREQ, method="fft", precision=14)
    assert_close(morlet_power(x[0], SFREQ, freqs), 4 * np.abs(theirs) ** 2 / scales[:, None], 0.03)


@pytest.mark.parametrize("f", [2.0, 10.0, 45.0])
def test_a_sine_has_its_amplitude_squared(f):
    sine = 3e-5 * np.sin(2 * np.pi * f * np.arange(2560) / SFREQ + 0.3)
    np.testing.assert_allclose(morlet_power(sine, SFREQ, [f])[0, 1000:1500], 9e-10, rtol=1e-3)
    np.testing.assert_allclose(scalogram(sine, SFREQ, [f], 32)[0, 12:20], 9e-10, rtol=1e-3)


@pytest.mark.parametrize("morse", [Morse(3, 20), Morse(1, 5)])
def test_a_sine_has_its_amplitude_squared_with_a_morse_wavelet(morse):
    sine = 3e-5 * np.sin(2 * np.pi * 10 * np.arange(2560) / SFREQ + 0.3)
    np.testing.assert_allclose(morse_power(sine, SFREQ, [10.0], wavelet=morse)[0, 1000:1500], 9e-10, rtol=1e-3)


@pytest.mark.parametrize("function", [morlet_power, morse_power])
def test_white_noise_has_its_density_with_l2(function):
    x = np.random.default_rng(0).standard_normal((64, 4096))
    density = function(x, SFREQ, [5, 10, 20, 40], norm="l2")[..., 500:-500].mean(axis=(0, 2))
    np.testing.assert_allclose(density, 1 / SFREQ, rtol=0.05)


def test_an_offset_changes_nothing():
    x = eeg(2, 1000)
    np.testing.assert_allclose(morlet_power(x + 0.1, SFREQ, GRID), morlet_power(x, SFREQ, GRID), rtol=1e-6, atol=1e-18)


@pytest.mark.parametrize("function", [morlet_power, morse_power, scalogram])
def test_what_overflows_is_not_taken_for_nothing(function):
    # Its power, 1e50, is no single precision number.
    huge = (1e25 * np.random.default_rng(0).standard_normal((2, 500))).astype(np.float32)
    assert not np.isfinite(function(huge, SFREQ, [10.0])).any()


def test_a_picture_of_a_long_recording_is_planned_at_once():
    tracemalloc.start()
    n_times = 1_000_003
    planned = plan(n_times, 1000.0, (1.0, 7.0, 40.0), Morlet(), "l1", np.dtype(np.float64), 64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 8 * n_times
    # All weights of a cell together are one.
    for kind, n_taps in enumerate(planned.n_taps):
        weights = planned.weights[planned.weight_at[kind] : planned.weight_at[kind + 1]].reshape(64, n_taps)
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-11)


def test_power_is_never_negative():
    quiet = np.zeros(1024)
    quiet[512] = 1.0
    assert morlet_power(quiet, SFREQ, GRID).min() >= 0
    assert scalogram(quiet, SFREQ, GRID, 1024).min() >= 0


@pytest.mark.parametrize("function", ALL)
def test_stack_of_results_is_result_of_stack(function):
    x = eeg(2, 3, 5, 300)
    whole = function(x, SFREQ, [5, 20, 45])
    assert whole.shape[:4] == (2, 3, 5, 3)
    for i in np.ndindex(2, 3, 5):
        np.testing.assert_array_equal(whole[i], function(x[i], SFREQ, [5, 20, 45]))


@pytest.mark.parametrize("function", ALL)
def test_any_kind_of_array(function):
    x = np.round(1e3 * np.random.default_rng(0).standard_normal((3, 700)))
    expected = function(x, SFREQ, GRID)
    for kind in (np.int16, np.int64, ">f8", ">f4", np.float32):
        np.testing.assert_allclose(function(x.astype(kind), SFREQ, GRID), expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(function(np.asfortranarray(x), SFREQ, GRID), expected)
    np.testing.assert_array_equal(function(np.repeat(x, 2, axis=-1)[:, ::2], SFREQ, GRID), expected)
    np.testing.assert_array_equal(function(x.tolist(), SFREQ, GRID.tolist()), expected)


def test_precision_is_that_of_the_input():
    x = eeg(1, 300)
    assert morlet_power(x, SFREQ, [10]).dtype == np.float64
    assert morlet_power(x.astype(np.float32), SFREQ, [10]).dtype == np.float32
    assert morlet_transform(x, SFREQ, [10]).dtype == np.complex128
    assert morlet_transform(x.astype(np.float32), SFREQ, [10]).dtype == np.complex64
    assert scalogram(x, SFREQ, [10]).dtype == np.float32


def test_the_input_is_left_alone():
    x = eeg(2, 300)
    before = x.copy()
    morlet_transform(x, SFREQ, GRID), morlet_power(x, SFREQ, GRID), scalogram(x, SFREQ, GRID)
    np.testing.assert_array_equal(x, before)


def test_writes_into_the_caller_s_array_and_nowhere_else():
    x = eeg(4, 500).astype(np.float32)
    batch = np.full((3, 4, 12, 64), -1, np.float32)
    assert scalogram(x, SFREQ, GRID, out=batch[1]).base is batch
    np.testing.assert_array_equal(batch[1], scalogram(x, SFREQ, GRID))
    assert (batch[[0, 2]] == -1).all()
    full = np.full((3, 4, 12, 500), -1, np.float32)
    morlet_power(x, SFREQ, GRID, out=full[1])
    np.testing.assert_array_equal(full[1], morlet_power(x, SFREQ, GRID))
    assert (full[[0, 2]] == -1).all()


@pytest.mark.parametrize(("log", "function"), [("e", np.log), ("10", np.log10)])
def test_logarithms(log, function):
    x = eeg(2, 500)
    np.testing.assert_allclose(scalogram(x, SFREQ, GRID, log=log), function(scalogram(x, SFREQ, GRID)), rtol=1e-6)
    faint = scalogram(1e-25 * x, SFREQ, GRID, log=log)
    np.testing.assert_allclose(faint, function(np.finfo(np.float32).tiny), rtol=1e-6)


def test_a_tuple_is_a_grid_of_equal_ratios():
    x = eeg(500)
    assert_close(morlet_power(x, SFREQ, (2, 32, 5)), morlet_power(x, SFREQ, [2.0, 4.0, 8.0, 16.0, 32.0]))


def test_cone_of_influence_is_where_the_power_of_a_step_has_fallen_by_e_squared():
    freqs = [1.0, 2.0, 10.0]
    cone = cone_of_influence(1000, freqs, 10**6)
    np.testing.assert_array_equal(cone, np.ceil(1000 * np.sqrt(2) * 6 / (2 * np.pi * np.array(freqs))))
    impulse = np.zeros(20_000)
    impulse[0] = 1.0
    for s, power in enumerate(np.abs(morlet_transform(impulse, 1000, freqs)) ** 2):
        np.testing.assert_allclose(power[cone[s]] / power[0], np.exp(-2), rtol=0.05)
    np.testing.assert_array_equal(cone_of_influence(1000, freqs, 800), [800, 676, 136])


@pytest.mark.parametrize("morse", [Morse(3, 12), Morse(1, 4)])
def test_cone_of_influence_of_a_morse_wavelet(morse):
    freqs = [2.0, 10.0]
    cone = cone_of_influence(1000, freqs, 10**6, wavelet=morse)
    impulse = np.zeros(20_000)
    impulse[0] = 1.0
    for s, power in enumerate(morse_power(impulse, 1000, freqs, wavelet=morse)):
        np.testing.assert_allclose(power[cone[s]] / power[0], np.exp(-2), rtol=0.05)


def test_a_morse_wavelet_is_as_wide_as_the_morlet_wavelet_of_its_cycles():
    morse = Morse(3, 60)
    np.testing.assert_allclose(
        cone_of_influence(1000, [2.0, 10.0], 10**6, wavelet=morse),
        cone_of_influence(1000, [2.0, 10.0], 10**6, morse.cycles),
        rtol=0.02,
    )


@pytest.mark.parametrize(("gamma", "beta"), [(0, 20), (-1, 20), (np.nan, 20), (3, 0.5), (3, np.inf)])
def test_a_morse_wavelet_refuses(gamma, beta):
    with pytest.raises(ValueError, match=r"gamma above 0 and beta of at least 1; found Morse\("):
        Morse(gamma, beta)


@pytest.mark.parametrize("wavelet", [None, Morse()])
@pytest.mark.parametrize(("kind", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
@pytest.mark.parametrize("n_cells", [1, 64, 500])
def test_compiled_equals_plain(monkeypatch, wavelet, kind, tolerance, n_cells):
    x = eeg(11, 500).astype(kind)

    def compute():
        picture = scalogram(x, SFREQ, GRID, n_cells, wavelet=wavelet)
        power = morlet_power(x, SFREQ, GRID) if wavelet is None else morse_power(x, SFREQ, GRID, wavelet=wavelet)
        return picture, power

    compiled = compute()
    monkeypatch.setattr("affectbio.kernels.wavelet.bodies", lambda name: _plain_wavelet)
    plain = compute()
    assert_close(compiled[0], plain[0], 1e-5)
    assert_close(compiled[1], plain[1], tolerance)


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_threads_change_nothing(n_jobs):
    x = eeg(19, 400)
    np.testing.assert_array_equal(morlet_power(x, SFREQ, GRID, n_jobs=n_jobs), morlet_power(x, SFREQ, GRID))
    np.testing.assert_array_equal(morse_power(x, SFREQ, GRID, n_jobs=n_jobs), morse_power(x, SFREQ, GRID))
    np.testing.assert_array_equal(scalogram(x, SFREQ, GRID, 50, n_jobs=n_jobs), scalogram(x, SFREQ, GRID, 50))


@pytest.mark.parametrize("function", [morlet_power, morse_power, scalogram])
def test_a_number_of_threads_is_checked(function):
    with pytest.raises(ValueError, match="n_jobs"):
        function(eeg(2, 500), SFREQ, GRID, n_jobs=0)


def test_samples_whose_sum_is_no_number_are_refused():
    with pytest.raises(SignalQualityError, match=r"found up to 3e\+38: give them in another unit"):
        scalogram(np.full(500, 3e38, np.float32), SFREQ, GRID)


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(0, 3), st.integers(0, 2), st.sampled_from([np.float32, np.float64]))
def test_fourier_transform_in_lanes_equals_scipy(twos, threes, fives, kind):
    n = 2**twos * 3**threes * 5**fives
    z = np.random.default_rng(n).standard_normal((2, n, jit_fft.LANES)).astype(kind)
    re, im, re2, im2 = z[0].flatten(), z[1].flatten(), np.empty(z[0].size, kind), np.empty(z[0].size, kind)
    moved = jit_fft.fft(n, radices(n), twiddles(n).ravel().astype(kind), re, im, re2, im2)
    found = (re2 + 1j * im2) if moved else (re + 1j * im)
    expected = scipy.fft.fft(z[0] + 1j * z[1], axis=0).ravel()
    np.testing.assert_allclose(found, expected, atol=50 * np.finfo(kind).eps * np.sqrt(n))


def test_fourier_transform_refuses_other_primes():
    with pytest.raises(ValueError, match="2, 3 and 5; found 14"):
        radices(14)


@pytest.mark.parametrize("function", ALL)
def test_a_lost_sample_is_named(function):
    x = eeg(2, 3, 500)
    x[1, 2, 77] = np.nan
    with pytest.raises(SignalQualityError, match=r"nan at sample 77 of channel \(1, 2\)"):
        function(x, SFREQ, GRID)
    x = eeg(3, 500)
    x[2, 9] = -np.inf
    with pytest.raises(SignalQualityError, match=r"-inf at sample 9 of channel 2"):
        function(x, SFREQ, GRID)
    with pytest.raises(SignalQualityError, match=r"inf at sample 9: "):
        function(x[2], SFREQ, GRID)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"freqs": [10, 64]}, "below 64 Hz, half the sampling rate; found 64 Hz"),
        ({"freqs": [0, 10]}, "above 0 .*found 0 Hz"),
        ({"freqs": [-3]}, "found -3 Hz"),
        ({"freqs": [np.nan]}, "found nan Hz"),
        ({"freqs": []}, r"shape \(n_freqs,\); found .*\(0,\)"),
        ({"freqs": [[1, 2]]}, r"found .*\(1, 2\)"),
        ({"freqs": (1, 70, 5)}, "found 70 Hz"),
        ({"freqs": (1, 50)}, "a tuple is a grid"),
        ({"freqs": (1, 50, 0)}, "a tuple is a grid"),
        ({"freqs": (1, 50, 2.5)}, "a tuple is a grid"),
        ({"sfreq": 0}, "sampling rate in Hz; found 0"),
        ({"sfreq": np.inf}, "sampling rate in Hz; found inf"),
        ({"n_cycles": 0}, "found n_cycles=0"),
        ({"n_cycles": np.nan}, "found n_cycles=nan"),
        ({"norm": "max"}, "found 'max'"),
        ({"x": np.zeros(500, complex)}, "real numbers with time as last axis; found complex128"),
        ({"x": 3.0}, r"found float64, shape \(\)"),
        ({"x": np.zeros((0, 500))}, "at least one channel"),
        ({"freqs": [0.2]}, "a period of 0.2 Hz is 640 samples at 128 Hz.*holds 500"),
    ],
)
@pytest.mark.parametrize("function", ALL)
def test_refuses(function, arguments, message):
    if "n_cycles" in arguments and function in (morse_transform, morse_power):
        pytest.skip("its width is checked where it is made")
    with pytest.raises(ValueError, match=message):
        function(**({"x": eeg(2, 500), "sfreq": SFREQ, "freqs": GRID} | arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_times": 0}, "found n_times=0"),
        ({"n_times": 7.5}, "found n_times=7.5"),
        ({"n_times": np.inf}, "found n_times=inf"),
        ({"freqs": (1, 50, np.inf)}, "a tuple is a grid"),
        ({"n_times": 501}, "a picture of 501 cells.*holds 500"),
        ({"log": "2"}, "log is 'e' or '10'.*found '2'"),
    ],
)
def test_a_picture_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        scalogram(**({"x": eeg(2, 500), "sfreq": SFREQ, "freqs": GRID} | arguments))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((2, 12, 63), np.float32), r"shape \(2, 12, 64\); found float32, shape \(2, 12, 63\)"),
        (np.empty((2, 12, 64)), "array of float32.*found float64"),
        (np.empty((2, 64, 12), np.float32).swapaxes(1, 2), "contiguous False"),
        (np.broadcast_to(np.float32(0), (2, 12, 64)), "writable False"),
    ],
)
def test_a_wrong_out_is_refused(out, message):
    with pytest.raises(ValueError, match=message):
        scalogram(eeg(2, 500), SFREQ, GRID, out=out)


@pytest.mark.parametrize("function", [morlet_power, scalogram])
def test_an_out_that_overlaps_the_signal_is_refused(function):
    # The first group of channels would be written over the next.
    memory = np.zeros((17 * 3, 500), np.float32)
    x, out = memory[17:34], memory[: 2 * 17].reshape(17, 2, 500)
    with pytest.raises(ValueError, match="apart from x; found that they share memory"):
        function(x, SFREQ, [10.0, 20.0], out=out, **({"n_times": 500} if function is scalogram else {}))


@pytest.mark.parametrize("log", ["e", "10"])
def test_the_logarithm_of_a_constant_channel_is_not_known(log):
    x = np.random.default_rng(0).standard_normal((2, 640))
    x[1] = 0.1
    for signal in (x, x.astype(np.float32)):
        picture = scalogram(signal, 128, (8, 50, 4), 8, log=log)
        assert np.isfinite(picture[0]).all()
        assert np.isnan(picture[1]).all()
        assert (scalogram(signal, 128, (8, 50, 4), 8)[1] < 1e-12).all()
