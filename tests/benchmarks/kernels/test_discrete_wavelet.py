"""Energies of wavelet levels beside PyWavelets in the same run, both on one thread; not run with the tests.

``uv run --group benchmark pytest tests/benchmarks``.
"""

from time import process_time

import numpy as np
import pytest
import pywt

from affectbio.kernels import wavelet_energy


def seconds(function, repeats):
    """Give the least processor time of some calls after one that warms up."""
    function()
    times = []
    for _ in range(repeats):
        begin = process_time()
        function()
        times.append(process_time() - begin)
    return min(times)


def by_pywt(x):
    """What one would write without a kernel."""
    return np.stack([(c * c).sum(axis=-1) for c in pywt.wavedec(x, "db4", level=4)], axis=-1)


# 63 s of 32 channels at 128 Hz, as in DEAP: whole, and in windows of a second.
@pytest.mark.parametrize("shape", [(32, 8064), (32, 63, 128)])
@pytest.mark.parametrize(("dtype", "least"), [(np.float32, 8), (np.float64, 4)])
def test_energies_cost_a_fraction_of_those_by_pywavelets(benchmark, shape, dtype, least):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    benchmark(wavelet_energy, x, "db4", 4)
    ratio = seconds(lambda: by_pywt(x), 20) / seconds(lambda: wavelet_energy(x, "db4", 4), 200)
    benchmark.extra_info["times as fast as PyWavelets"] = round(ratio, 1)
    assert ratio > least
