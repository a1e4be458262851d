"""Kernels beside a named peer measured in the same run; not run with the tests.

``uv run --group benchmark pytest tests/benchmarks``.
"""

from time import perf_counter

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from affectbio.bands import resolve_bands
from affectbio.kernels import DifferentialEntropyStream, differential_entropy

SFREQ, N_CHANS = 250.0, 32


@pytest.fixture(scope="module")
def minute():
    return 1e-5 * np.random.default_rng(0).standard_normal((N_CHANS, int(60 * SFREQ)))


def by_scipy(x):
    """SciPy's compiled filter and NumPy's variance: what one would write without a kernel."""
    out = []
    for band in resolve_bands("eeg", SFREQ):
        sos = butter(4, (band.l_freq, band.h_freq), btype="bandpass", fs=SFREQ, output="sos")
        y = sosfilt(sos, x - x[:, :1], axis=-1).reshape(N_CHANS, -1, int(SFREQ))
        out.append(0.5 * np.log(2 * np.pi * np.e * y.var(axis=-1, ddof=1)))
    return np.stack(out, axis=-1)


def seconds(function, repeats=5):
    """Give the least time of some calls after one that warms up: the others measure what else the machine did."""
    function()
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        function()
        times.append(perf_counter() - begin)
    return min(times)


def test_a_recording_takes_a_fraction_of_the_time_of_scipy(benchmark, minute):
    benchmark(differential_entropy, minute, SFREQ)
    ratio = benchmark.stats.stats.min / seconds(lambda: by_scipy(minute))
    benchmark.extra_info["ratio to SciPy"] = round(ratio, 2)
    assert ratio < 0.2


# A push has a cost of its own, some 10 µs: as much as the filtering of 100 samples of 32 channels.
@pytest.mark.parametrize(("size", "limit"), [(250, 2.0), (25, 8.0)])
def test_a_stream_costs_what_its_samples_cost_however_they_are_cut_and_however_long_it_runs(
    benchmark, minute, size, limit
):
    live = DifferentialEntropyStream(N_CHANS, SFREQ)

    def push():
        for first in range(0, minute.shape[1], size):
            live.push(minute[:, first : first + size])

    young = seconds(push)
    benchmark.pedantic(push, rounds=30)
    old = seconds(push)
    ratio = benchmark.stats.stats.min / seconds(lambda: differential_entropy(minute, SFREQ))
    benchmark.extra_info["ratio to the whole at once"] = round(ratio, 2)
    benchmark.extra_info["ratio after half an hour to before"] = round(old / young, 2)
    assert ratio < limit
    assert old < 1.5 * young


def test_a_long_signal_costs_as_much_per_sample_as_a_short_one(benchmark, minute):
    benchmark.pedantic(differential_entropy, args=(np.tile(minute, 8), SFREQ), rounds=3, warmup_rounds=1)
    ratio = benchmark.stats.stats.min / (8 * seconds(lambda: differential_entropy(minute, SFREQ)))
    benchmark.extra_info["ratio per sample to a minute"] = round(ratio, 2)
    assert ratio < 1.5
