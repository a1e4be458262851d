"""Wavelet power of a stream beside the same window transformed anew for every hop; not run with the tests.

``uv run --group benchmark pytest tests/benchmarks -k wavelet_stream``: 8 channels at 256 Hz in chunks of 1/8 s, 64
frequencies from 1 to 50 Hz. What other libraries need for a whole recording is in ``test_peers.py``.
"""

from time import process_time

import numpy as np

from affectbio.kernels import WaveletPowerStream, morlet_power

SFREQ = 256.0
FREQS = np.geomspace(1, 50, 64)


def least(function, rounds=4):
    times = []
    for _ in range(rounds):
        begin = process_time()
        function()
        times.append(process_time() - begin)
    return min(times)


def test_wavelet_stream(benchmark):
    chunks = np.random.default_rng(0).standard_normal((600, 8, 32)).astype(np.float32)
    live = WaveletPowerStream(8, SFREQ, FREQS, step_s=0.125)
    live.push(np.concatenate(chunks[:100], axis=1))
    benchmark(lambda: live.push(chunks[0]))
    window = np.concatenate(chunks[:60], axis=1)
    ours = least(lambda: [live.push(chunk) for chunk in chunks[:20]])
    anew = least(lambda: [morlet_power(window, SFREQ, FREQS) for _ in range(20)])
    benchmark.extra_info["the window anew / ours"] = round(anew / ours, 1)
    assert anew / ours > 5
