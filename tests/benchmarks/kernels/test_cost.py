"""What a stream and a long signal cost per sample; not run with the tests. The tables are those of its neighbours.

``uv run --group benchmark pytest tests/benchmarks -k kernels``. Ratios are of the least processor time of some calls,
taken in turn, on one thread.
"""

from time import process_time

import numpy as np
import pytest

from affectbio.kernels import DifferentialEntropyStream, differential_entropy


def noise(n_chans, n_times):
    return 1e-5 * np.random.default_rng(0).standard_normal((n_chans, n_times))


def least(*functions, repeats=15):
    """Give the least seconds of each function, called in turn: the others measure what else the machine did."""
    for function in functions:
        function()
    seconds = [[] for _ in functions]
    for _ in range(repeats):
        for function, taken in zip(functions, seconds, strict=True):
            begin = process_time()
            function()
            taken.append(process_time() - begin)
    return [min(taken) for taken in seconds]


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
