"""Band power and differential entropy beside named peers measured in the same run; not run with the tests.

``uv run --group benchmark pytest tests/benchmarks -k kernels``. Ratios are of the least processor time of some calls,
ours and theirs in turn; one thread unless a test says otherwise.
"""

import os
from time import perf_counter, process_time

import numba as nb
import numpy as np
import pytest
from scipy import fft
from scipy.integrate import simpson
from scipy.signal import butter, sosfilt, sosfiltfilt, welch

from affectbio.bands import resolve_bands
from affectbio.kernels import DifferentialEntropyStream, differential_entropy
from affectbio.kernels._jit_lanes import fma, load, store

BANDS = resolve_bands("eeg", 128)
GAUSS = 2 * np.pi * np.e
# DEAP's trial, and a SEED trial of four minutes.
A, C = (32, 8064, 128), (62, 48_000, 200)


def noise(n_chans, n_times):
    return 1e-5 * np.random.default_rng(0).standard_normal((n_chans, n_times))


def by_sosfilt(x, sfreq, run=sosfilt):
    """SciPy's compiled filter and NumPy's variance: what one would write without a kernel."""
    out = []
    for band in BANDS:
        sos = butter(4, (band.l_freq, band.h_freq), btype="bandpass", fs=sfreq, output="sos")
        y = run(sos, x - x[:, :1], axis=-1).reshape(len(x), -1, sfreq)
        out.append(0.5 * np.log(GAUSS * y.var(axis=-1, ddof=1)))
    return np.stack(out, axis=-1)


def by_sosfiltfilt(x, sfreq):
    return by_sosfilt(x, sfreq, sosfiltfilt)


def by_rfft(x, sfreq):
    """SciPy's transform of all windows at once."""
    cut = x.reshape(len(x), -1, sfreq)
    taper = np.hanning(sfreq + 1)[:-1]
    spectrum = fft.rfft((cut - cut.mean(axis=-1, keepdims=True)) * taper)
    density = (spectrum.real**2 + spectrum.imag**2) * (2 / (sfreq * np.square(taper).sum()))
    power = np.stack([density[..., int(b.l_freq) : int(b.h_freq)].sum(axis=-1) for b in BANDS], axis=-1)
    return 0.5 * np.log(GAUSS * power)


def by_welch(x, sfreq):
    """Welch's density of all windows at once, integrated by Simpson's rule, as yasa's band power of an array does."""
    freqs, density = welch(x.reshape(len(x), -1, sfreq), sfreq, nperseg=sfreq)
    inside = [(freqs >= b.l_freq) & (freqs <= b.h_freq) for b in BANDS]
    return 0.5 * np.log(GAUSS * np.stack([simpson(density[..., i], dx=1.0, axis=-1) for i in inside], axis=-1))


PEERS = {"sosfilt": by_sosfilt, "sosfiltfilt": by_sosfiltfilt, "rfft": by_rfft, "welch": by_welch}


def least(*functions, repeats=15, clock=process_time):
    """Give the least seconds of each function, called in turn: the others measure what else the machine did."""
    for function in functions:
        function()
    seconds = [[] for _ in functions]
    for _ in range(repeats):
        for function, taken in zip(functions, seconds, strict=True):
            begin = clock()
            function()
            taken.append(clock() - begin)
    return [min(taken) for taken in seconds]


# At least so many times as fast as each peer, on a trial of DEAP.
@pytest.mark.parametrize(
    ("method", "times"),
    [
        ("causal", {"sosfilt": 18, "sosfiltfilt": 30, "rfft": 2.5, "welch": 6}),
        ("fft", {"sosfilt": 30, "sosfiltfilt": 50, "rfft": 4.5, "welch": 10}),
    ],
)
@pytest.mark.parametrize(("size", "dtype"), [(A, "float64"), (A, "float32"), (C, "float64")])
def test_times_as_fast_as_each_peer(benchmark, method, times, size, dtype):
    n_chans, n_times, sfreq = size
    x = noise(n_chans, n_times).astype(dtype)
    benchmark(differential_entropy, x, sfreq, method=method)
    ours, *theirs = least(
        lambda: differential_entropy(x, sfreq, method=method),
        *(lambda peer=peer: peer(x, sfreq) for peer in PEERS.values()),
        repeats=15 if size is A else 5,
    )
    ratios = {name: round(seconds / ours, 1) for name, seconds in zip(PEERS, theirs, strict=True)}
    benchmark.extra_info.update(ratios)
    if dtype == "float64" and size is A:
        assert {name: ratio for name, ratio in ratios.items() if ratio < times[name]} == {}


@nb.njit
def multiply_and_add(a, n):
    x, y = load(a, 0, 8), load(a, 8, 8)
    # Enough sums that none waits for its last result.
    s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 = x, x, x, x, x, x, x, x, x, x
    for _ in range(n):
        s0, s1, s2, s3, s4 = fma(s0, y, x), fma(s1, y, x), fma(s2, y, x), fma(s3, y, x), fma(s4, y, x)
        s5, s6, s7, s8, s9 = fma(s5, y, x), fma(s6, y, x), fma(s7, y, x), fma(s8, y, x), fma(s9, y, x)
    store(a, 16, s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9)


@pytest.mark.parametrize(("method", "limit"), [("causal", 3.0), ("fft", 8.0)])
def test_distance_to_what_the_machine_can(benchmark, method, limit):
    """Operations over the rate of a loop of fused multiplications and additions, or bytes over that of a sum.

    Per sample and band the filter multiplies and adds 8 times and sums a value and a square: 19 operations; all bands
    share 4 subtractions and the origin's: 100. A transform of a window of n samples takes 2.5 n log2 n, its mean and
    taper 4 n, and each bin of a band 16; few of these are a multiplication and an addition at once, so that half the
    rate is out of reach, and half the samples are moved for each pass.
    """
    n_chans, n_times, sfreq = A
    x = noise(n_chans, n_times)
    if method == "causal":
        operations = x.size * (len(BANDS) * 19 + 5)
    else:
        operations = x.size / sfreq * (2.5 * sfreq * np.log2(sfreq) + 4 * sfreq + 16 * 49)
    numbers, n = np.full(24, 0.5), 100_000
    ours, loop, read = least(
        lambda: differential_entropy(x, sfreq, method=method), lambda: multiply_and_add(numbers, n), x.sum
    )
    benchmark(differential_entropy, x, sfreq, method=method)
    least_possible = max(operations / (n * 160 / loop), read)
    benchmark.extra_info["Gflop/s of the loop"] = round(n * 160 / loop / 1e9)
    benchmark.extra_info["GB/s of the sum"] = round(x.nbytes / read / 1e9, 1)
    benchmark.extra_info["Mflop, kB"] = round(operations / 1e6, 1), x.nbytes // 1000
    benchmark.extra_info["times the limit"] = round(ours / least_possible, 1)
    assert ours / least_possible < limit


def test_two_threads_are_nearly_twice_as_fast(benchmark):
    n_chans, n_times, sfreq = C
    x = noise(n_chans, n_times)
    benchmark.pedantic(differential_entropy, (x, sfreq), {"n_jobs": 2}, rounds=20, warmup_rounds=1)
    both = [lambda: differential_entropy(x, sfreq), lambda: differential_entropy(x, sfreq, n_jobs=2)]
    one, two = least(*both)
    benchmark.extra_info["processor time of two to one"] = round(two / one, 2)
    assert two < 1.2 * one
    one, two = least(*both, clock=perf_counter)
    benchmark.extra_info["ratio of one thread to two"] = round(one / two, 2)
    if os.getloadavg()[0] > (os.cpu_count() or 1) - 0.5:
        pytest.skip(f"other work keeps the processors busy; one thread over two: {one / two:.2f}")
    assert one / two > 1.6


@pytest.mark.parametrize("method", ["causal", "fft"])
def test_a_live_update_takes_20_us_whatever_the_window(benchmark, method):
    chunk = noise(8, 32)
    seconds = []
    for window_s in (1.0, 8.0):
        live = DifferentialEntropyStream(8, 256, window_s=window_s, step_s=0.125, method=method)
        for _ in range(100):
            live.push(chunk)
        seconds += least(lambda live=live: [live.push(chunk) for _ in range(100)], repeats=30)
    micro = [round(s / 100 * 1e6, 1) for s in seconds]
    benchmark(live.push, chunk)
    benchmark.extra_info["us per update, windows of 1 and 8 s"] = micro
    assert micro[0] < 20
    # A transform reads the whole window again; a filter does not.
    assert method == "fft" or micro[1] < 1.5 * micro[0]


# A push has a cost of its own, some 10 µs: as much as the filtering of 100 samples of 32 channels.
@pytest.mark.parametrize(("size", "limit"), [(250, 2.5), (25, 10.0)])
def test_a_stream_costs_what_its_samples_cost_however_they_are_cut_and_however_long_it_runs(benchmark, size, limit):
    minute = noise(32, 60 * 250)
    live = DifferentialEntropyStream(32, 250)

    def push():
        for first in range(0, minute.shape[1], size):
            live.push(minute[:, first : first + size])

    (young,) = least(push, repeats=5)
    benchmark.pedantic(push, rounds=30)
    old, whole = least(push, lambda: differential_entropy(minute, 250), repeats=5)
    benchmark.extra_info["ratio to the whole at once"] = round(old / whole, 2)
    benchmark.extra_info["ratio after half an hour to before"] = round(old / young, 2)
    assert old / whole < limit
    assert old < 1.5 * young


def test_a_long_signal_costs_as_much_per_sample_as_a_short_one(benchmark):
    minute = noise(32, 60 * 250)
    long = np.tile(minute, 8)
    benchmark.pedantic(differential_entropy, args=(long, 250), rounds=3, warmup_rounds=1)
    much, little = least(lambda: differential_entropy(long, 250), lambda: differential_entropy(minute, 250), repeats=5)
    benchmark.extra_info["ratio per sample to a minute"] = round(much / (8 * little), 2)
    assert much / (8 * little) < 1.5
