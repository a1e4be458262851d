"""Wavelet power beside SciPy, PyWavelets and MNE, in the same run, on one thread; not run with the tests.

``uv run --group benchmark pytest tests/benchmarks/test_wavelet.py``: 32 channels of 63 s at 128 Hz in float32, 64
frequencies from 1 to 50 Hz, 6 cycles; two threads with 62 channels of 4 minutes at 200 Hz; live, 8 channels at 256 Hz.
``extra_info`` holds the ratios.
"""

from time import perf_counter, process_time

import mne
import numpy as np
import pytest
import pywt
import scipy.fft

from affectbio.kernels import WaveletPowerStream, morlet_power, scalogram

SFREQ, N_CHANS, N_TIMES = 128.0, 32, 8064
FREQS = np.geomspace(1, 50, 64)
CMOR = f"cmor{2 * (6 / (2 * np.pi)) ** 2:.6f}-1.0"


@pytest.fixture(scope="module")
def minute():
    return np.random.default_rng(0).standard_normal((N_CHANS, N_TIMES)).astype(np.float32)


def by_scipy(x):
    """One batched transform forward, one per frequency back: what one would write without a kernel."""
    n_fft = scipy.fft.next_fast_len(N_TIMES + int(5 * 6 / (2 * np.pi) * SFREQ))
    spectrum, nu = scipy.fft.fft(x, n_fft), np.fft.fftfreq(n_fft, 1 / SFREQ)
    power = np.empty((N_CHANS, len(FREQS), N_TIMES), x.dtype)
    for s, f in enumerate(FREQS):
        gain = np.where(nu > 0, 2 * np.exp(-0.5 * ((nu - f) * 6 / f) ** 2), 0).astype(x.dtype)
        band = scipy.fft.ifft(spectrum * gain)[:, :N_TIMES]
        power[:, s] = band.real**2 + band.imag**2
    return power


def by_pywavelets(x):
    coefficients, _ = pywt.cwt(x, pywt.frequency2scale(CMOR, FREQS / SFREQ), CMOR, 1 / SFREQ, method="fft", axis=-1)
    return (coefficients.real**2 + coefficients.imag**2).swapaxes(0, 1)


def by_mne(x):
    return mne.time_frequency.tfr_array_morlet(x[None], SFREQ, FREQS, n_cycles=6.0, output="power", verbose="error")[0]


def pictured(power, n_cells):
    return power.reshape(*power.shape[:-1], n_cells, -1).mean(axis=-1)


def ratios(ours, peers, rounds):
    """Give each peer's processor time over ours: the least of some rounds in which all take turns."""
    times = {name: [] for name in ("ours", *peers)}
    for _ in range(rounds + 1):
        for name, function in {"ours": ours, **peers}.items():
            begin = process_time()
            function()
            times[name].append(process_time() - begin)
    least = {name: min(values[1:]) for name, values in times.items()}
    return {f"{name} / ours": round(least[name] / least["ours"], 1) for name in peers}


def test_power_at_every_sample(benchmark, minute):
    out = np.empty((N_CHANS, len(FREQS), N_TIMES), np.float32)
    benchmark(morlet_power, minute, SFREQ, FREQS, out=out)
    peers = {"SciPy": by_scipy, "PyWavelets": by_pywavelets, "MNE": by_mne}
    found = ratios(
        lambda: morlet_power(minute, SFREQ, FREQS, out=out),
        {name: lambda peer=peer: peer(minute) for name, peer in peers.items()},
        rounds=3,
    )
    benchmark.extra_info.update(found)
    assert min(found.values()) > 2


@pytest.mark.parametrize("n_cells", [64, 224])
def test_scalogram(benchmark, minute, n_cells):
    out = np.empty((N_CHANS, len(FREQS), n_cells), np.float32)
    benchmark(scalogram, minute, SFREQ, FREQS, n_cells, out=out)
    peers = {"SciPy": by_scipy, "PyWavelets": by_pywavelets, "MNE": by_mne}
    found = ratios(
        lambda: scalogram(minute, SFREQ, FREQS, n_cells, out=out),
        {name: lambda peer=peer: pictured(peer(minute), n_cells) for name, peer in peers.items()},
        rounds=3,
    )
    benchmark.extra_info.update(found)
    assert min(found.values()) > 15


def test_two_threads(benchmark):
    x = np.random.default_rng(0).standard_normal((62, 48_000)).astype(np.float32)
    out = np.empty((62, len(FREQS), 64), np.float32)
    benchmark(scalogram, x, 200.0, FREQS, 64, out=out, n_jobs=2)
    seconds = {1: [], 2: []}
    for _ in range(8):
        for n_jobs, times in seconds.items():
            begin = perf_counter()
            scalogram(x, 200.0, FREQS, 64, out=out, n_jobs=n_jobs)
            times.append(perf_counter() - begin)
    benchmark.extra_info["one thread / two"] = round(min(seconds[1]) / min(seconds[2]), 2)


def test_live(benchmark):
    chunks = np.random.default_rng(0).standard_normal((600, 8, 32)).astype(np.float32)
    live = WaveletPowerStream(8, 256.0, FREQS, step_s=0.125)
    live.push(np.concatenate(chunks[:100], axis=1))
    benchmark(lambda: live.push(chunks[0]))
    # The same window, transformed anew for every hop: what one would do without a stream.
    window = np.concatenate(chunks[:60], axis=1)
    found = ratios(
        lambda: [live.push(chunk) for chunk in chunks[:20]],
        {"morlet_power of the window": lambda: [morlet_power(window, 256.0, FREQS) for _ in range(20)]},
        rounds=3,
    )
    benchmark.extra_info.update(found)
    assert min(found.values()) > 5
