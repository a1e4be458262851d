"""Kernels live, in two threads, at the first call, and beside what the machine can do; tables are printed at the end.

``uv run --group benchmark pytest tests/benchmarks -k kernels``.
"""

import os
import subprocess
import sys
import time
import warnings
from functools import partial
from itertools import cycle
from statistics import median

import numba as nb
import numpy as np
import pytest
from scipy import fft, signal

from affectbio.bands import resolve_bands
from affectbio.kernels import DifferentialEntropyStream, differential_entropy, morlet_power, scalogram, wavelet_energy
from affectbio.kernels._jit_lanes import fma, load, store

SFREQ, N_CHANS, HOP, WINDOW = 256, 8, 32, 256
EDGES = [(band.l_freq, band.h_freq) for band in resolve_bands("eeg", SFREQ)]
FREQS = np.geomspace(1, 50, 64)


def least(function, rounds=15, calls=1, clock=time.process_time):
    function()
    times = []
    for _ in range(rounds):
        begin = clock()
        for _ in range(calls):
            function()
        times.append((clock() - begin) / calls)
    return min(times)


# Live.


@pytest.fixture(scope="module")
def minute():
    return 1e-5 * np.random.default_rng(0).standard_normal((N_CHANS, 60 * SFREQ))


def by_stream(**options):
    stream = DifferentialEntropyStream(N_CHANS, SFREQ, step_s=HOP / SFREQ, **options)
    return lambda window: stream.push(window[:, -HOP:])


def by_sosfilt():
    """Filter what is new, keep a window of every band: what mne-lsl's streams do with a filter."""
    filters = [signal.butter(4, edges, "bandpass", fs=SFREQ, output="sos") for edges in EDGES]
    state = np.zeros((len(EDGES), 4, N_CHANS, 2))
    kept = np.zeros((len(EDGES), N_CHANS, WINDOW))

    def update(window):
        kept[..., :-HOP] = kept[..., HOP:]
        for b, sos in enumerate(filters):
            kept[b, :, -HOP:], state[b] = signal.sosfilt(sos, window[:, -HOP:], zi=state[b])
        return 0.5 * np.log(2 * np.pi * np.e * kept.var(-1, ddof=1))

    return update


def by_rfft():
    taper, freqs = signal.get_window("hann", WINDOW), np.fft.rfftfreq(WINDOW, 1 / SFREQ)

    def update(window):
        spectrum = fft.rfft((window - window.mean(-1, keepdims=True)) * taper)
        power = spectrum.real**2 + spectrum.imag**2
        return np.log(np.stack([power[:, (freqs >= low) & (freqs < high)].sum(-1) for low, high in EDGES], -1))

    return update


def by_mne():
    from mne.time_frequency import psd_array_welch

    def update(window):
        power, freqs = psd_array_welch(window, SFREQ, n_fft=WINDOW, verbose="error")
        return np.log(np.stack([power[:, (freqs >= low) & (freqs < high)].sum(-1) for low, high in EDGES], -1))

    return update


def by_brainflow():
    from brainflow.data_filter import DataFilter, WindowOperations

    def update(window):
        spectra = [
            DataFilter.get_psd_welch(row.copy(), WINDOW, WINDOW // 2, SFREQ, WindowOperations.HANNING.value)
            for row in window
        ]
        return [[DataFilter.get_band_power(density, *edges) for edges in EDGES] for density in spectra]

    return update


def by_brainflow_filters():
    """Filter the window anew for every band, since its filters keep no state."""
    from brainflow.data_filter import DataFilter, FilterTypes

    def update(window):
        variance = np.empty((len(EDGES), N_CHANS))
        for b, edges in enumerate(EDGES):
            for c, row in enumerate(window.copy()):
                DataFilter.perform_bandpass(row, SFREQ, *edges, 4, FilterTypes.BUTTERWORTH.value, 0)
                variance[b, c] = row.var(ddof=1)
        return np.log(variance)

    return update


def microseconds(update, minute, rounds):
    """Give median and 99th percentile of single updates on the wall clock."""
    windows = [np.ascontiguousarray(minute[:, i - WINDOW : i]) for i in range(WINDOW, minute.shape[1], HOP)]
    taken = []
    for window, _ in zip(cycle(windows), range(rounds), strict=False):
        begin = time.perf_counter()
        update(window)
        taken.append(time.perf_counter() - begin)
    return 1e6 * median(taken), 1e6 * float(np.percentile(taken, 99))


@pytest.mark.timeout(300)
def test_kernels_live(table, minute):
    rows = table(
        "Live (d): 8 channels at 256 Hz, 5 bands, a window of 1 s every 1/8 s, float64", ["", "µs", "99 %", "× ours"]
    )
    makers = {
        "**affectbio, causal filter**": by_stream,
        "affectbio, causal filter, windows of 4 s": lambda: by_stream(window_s=4),
        "affectbio, causal filter, windows of 16 s": lambda: by_stream(window_s=16),
        "affectbio, FFT": lambda: by_stream(method="fft"),
        "SciPy sosfilt with state, as mne-lsl's filter": by_sosfilt,
        "SciPy rfft": by_rfft,
        "MNE Welch": by_mne,
        "brainflow, band power of a Welch spectrum": by_brainflow,
        "brainflow, band-passes": by_brainflow_filters,
    }
    first = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, make in makers.items():
            try:
                update = make()
            except ImportError:
                rows.add(name, "not here", "", "")
                continue
            microseconds(update, minute, 200)
            typical, late = microseconds(update, minute, 2000)
            first = first or typical
            rows.add(name, typical, late, typical / first)
        young, old = by_stream(), by_stream()
        # An hour of signal.
        microseconds(old, minute, 8 * 3600)
        turns = [(microseconds(young, minute, 200)[0], microseconds(old, minute, 200)[0]) for _ in range(9)]
        grown = median(after / before for before, after in turns)
        rows.add("affectbio after an hour of signal, over before", "", "", grown)
    assert first < 40
    assert grown < 1.5


# Threads: time on the wall, which other work on the machine spoils.


@pytest.mark.timeout(300)
def test_kernels_in_two_threads(table):
    rows = table("Two threads over one, (c) 62 channels of 4 min at 200 Hz", ["kernel", "ms", "times as fast", "asked"])
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one processor")
    x = np.random.default_rng(0).standard_normal((62, 48_000))
    single = x.astype(np.float32)
    kernels = {
        "differential_entropy, causal": lambda n: differential_entropy(x, 200, n_jobs=n),
        "differential_entropy, FFT": lambda n: differential_entropy(x, 200, method="fft", n_jobs=n),
        "scalogram 64 × 64": lambda n: scalogram(single, 200, FREQS, 64, n_jobs=n),
        "morlet_power": lambda n: morlet_power(single[:16], 200, FREQS, n_jobs=n),
        "wavelet_energy": lambda n: wavelet_energy(x, "db4", 4, n_jobs=n),
    }
    for name, call in kernels.items():
        call(1), call(2)
        pairs = []
        for _ in range(9):
            times = []
            for n_jobs in (1, 2):
                begin = time.perf_counter()
                call(n_jobs)
                times.append(time.perf_counter() - begin)
            pairs.append(times)
        one, two = np.min(pairs, axis=0)
        rows.add(name, 1e3 * two, one / two, 1.8)


# The first call.


def in_new_python(code, repeats=1, **environment):
    """Give the least seconds some code takes in a new process: on the wall, and of processors, its children's too."""
    clocks = "(time.perf_counter(), sum(os.times()[:4]))"
    timed = f"import os, time; begin = {clocks}\n{code}\nfor b, e in zip(begin, {clocks}): print(e - b)"
    times = []
    for _ in range(repeats):
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", timed],
            check=True,
            capture_output=True,
            text=True,
            # Installed packages have their bytecode; compiling it is no part of a call.
            env={k: v for k, v in {**os.environ, **environment}.items() if k != "PYTHONDONTWRITEBYTECODE"},
        )
        times.append([float(line) for line in ran.stdout.splitlines()[-2:]])
    return np.min(times, axis=0)


FIRST = {
    "differential_entropy": "differential_entropy(np.sin(np.arange(512.0) ** 2), 128)",
    "scalogram": "scalogram(np.sin(np.arange(512.0) ** 2), 128, (8, 50, 16), 16)",
    "wavelet_energy": "wavelet_energy(np.sin(np.arange(512.0) ** 2))",
}


@pytest.mark.timeout(600)
def test_kernels_at_the_first_call(table, tmp_path):
    rows = table("First call in a fresh process, imports included", ["", "s", "s of processors", "asked"])
    for name, call in FIRST.items():
        code = f"import numpy as np; from affectbio.kernels import {name}; {call}"
        rows.add(f"{name}, cache warm", *in_new_python(code, 4), "0.3")
    for library in ("numpy", "numba"):
        rows.add(f"import {library} alone", *in_new_python(f"import {library}", 3), "")
    cold = in_new_python("from affectbio.cli.warm import warm; list(warm())", NUMBA_CACHE_DIR=str(tmp_path / "ours"))
    rows.add("every kernel, cache cold (`affectbio doctor --warm`)", *cold, "20")
    try:
        cold = in_new_python("import antropy", NUMBA_CACHE_DIR=str(tmp_path / "antropy"))
    except subprocess.CalledProcessError:
        cold = "not here", ""
    rows.add("import antropy, cache cold", *cold, "")


# What the machine can do: products and sums a second from registers, bytes a second from memory.


def peak(dtype):
    """Give how many numbers a second are multiplied and added, in lanes of the width that does most."""
    n, numbers = 300_000, np.full(48, 0.5, dtype)
    times = {lanes: least(partial(many_fused(lanes), numbers, n), rounds=30) for lanes in (8, 16)}
    return max(12 * lanes * n / seconds for lanes, seconds in times.items())


def many_fused(lanes):
    """Make a function that multiplies and adds some lanes in each of twelve chains, n times."""

    @nb.njit
    def fused(numbers, n):
        a, b = load(numbers, 0, lanes), load(numbers, 16, lanes)
        c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = c8 = c9 = c10 = c11 = load(numbers, 32, lanes)
        for _ in range(n):
            c0, c1, c2, c3 = fma(a, c0, b), fma(a, c1, b), fma(a, c2, b), fma(a, c3, b)
            c4, c5, c6, c7 = fma(a, c4, b), fma(a, c5, b), fma(a, c6, b), fma(a, c7, b)
            c8, c9, c10, c11 = fma(a, c8, b), fma(a, c9, b), fma(a, c10, b), fma(a, c11, b)
        store(numbers, 0, c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11)

    return fused


def bandwidth():
    """Give bytes a second read and written by a copy that no cache holds."""
    source = np.ones(1 << 25)
    target = np.empty_like(source)
    return 2 * source.nbytes / least(lambda: np.copyto(target, source), rounds=10)


def transform_operations(n):
    """Additions and products of a complex transform, by the usual count, half of them fused at best."""
    return 5 * n * np.log2(n)


def scalogram_operations(n_times, sfreq, n_cells):
    """Operations for one channel: forward, and per frequency the shortest inverse transform its band allows."""
    n_fft = n_times + 5 * 6 / (2 * np.pi * FREQS[0]) * sfreq
    width = FREQS / 6
    band = np.minimum(FREQS + 5 * width, sfreq / 2) - np.maximum(FREQS - 5 * width, 0)
    points = np.maximum(np.minimum(band + 2 * sfreq * n_cells / n_times, 2 * band) / sfreq * n_fft, 16)
    weighing = 2 * points if n_cells < n_times else 16 * n_times
    return transform_operations(n_fft) / 2 + np.sum(transform_operations(points) + 3 * points + weighing)


@pytest.mark.timeout(300)
def test_kernels_and_what_the_machine_can_do(table):
    x = 1e-5 * np.random.default_rng(0).standard_normal((32, 8064))
    single = x.astype(np.float32)
    power, picture = np.empty((32, 64, 8064), np.float32), np.empty((32, 64, 64), np.float32)
    samples, fused = x.size, {dtype: peak(dtype) for dtype in (np.float64, np.float32)}
    moved = bandwidth()
    machine = table("What this machine does in one thread", ["", ""])
    machine.add("products and sums of float64, 10⁹ a second", 2e-9 * fused[np.float64])
    machine.add("products and sums of float32, 10⁹ a second", 2e-9 * fused[np.float32])
    machine.add("bytes copied (read and written), 10⁹ a second", 1e-9 * moved)
    # Slots: places for a fused product and sum, two operations. Per sample and band four sections take three slots each
    # and the two sums one each; per window a taper, a real transform, half of a complex one, and a power of every bin;
    # per sample two filters of eight taps for every second sample, and half as many at each of the further levels.
    filters, discrete = 14 * 5 * samples, 16 * samples
    windows = samples / 128 * (transform_operations(128) / 4 + 256)
    full, small = (32 * scalogram_operations(8064, 128, n_cells) / 2 for n_cells in (8064, 64))
    kernels = [
        ("differential_entropy, causal", lambda: differential_entropy(x, 128), x, filters, 0),
        ("differential_entropy, causal", lambda: differential_entropy(single, 128), single, filters, 0),
        ("differential_entropy, FFT", lambda: differential_entropy(x, 128, method="fft"), x, windows, 0),
        ("differential_entropy, FFT", lambda: differential_entropy(single, 128, method="fft"), single, windows, 0),
        ("morlet_power", lambda: morlet_power(single, 128, FREQS, out=power), single, full, power.nbytes),
        ("scalogram 64 × 64", lambda: scalogram(single, 128, FREQS, 64, out=picture), single, small, picture.nbytes),
        ("wavelet_energy, db4, 4 levels", lambda: wavelet_energy(single, "db4", 4), single, discrete, 0),
    ]
    rows = table(
        "Distance to the limit, (a)",
        ["kernel", "type", "ms", "operations alone, ms", "bytes alone, ms", "× the larger"],
    )
    for name, call, given, slots, written in kernels:
        took = least(call, calls=5)
        by_operations, by_bytes = slots / fused[given.dtype.type], (given.nbytes + written) / moved
        limit = max(by_operations, by_bytes)
        rows.add(name, given.dtype.name, 1e3 * took, 1e3 * by_operations, 1e3 * by_bytes, took / limit)
