# mypy: ignore-errors
"""Compiled body of sample entropy: pairs of templates that match, lag by lag."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def count_matches(x, m, tolerance, out):
    """Count the pairs of templates of m samples that match, and those that still do with one sample more.

    x (n_signals, n_times); tolerance (n_signals); out (n_signals, 2). Two templates match where no two samples of one
    place differ by more than the tolerance; only the n_times - m templates that can grow by a sample are compared.
    """
    n_signals, n_times = x.shape
    near = np.empty(n_times, np.uint8)
    match = np.empty(n_times, np.uint8)
    for s in range(n_signals):
        signal, limit = x[s], tolerance[s]
        shorter = longer = 0
        # All pairs of one distance in time at once: loops without a branch, which the compiler makes vectors of.
        for lag in range(1, n_times - m):
            for t in range(n_times - lag):
                near[t] = abs(signal[t] - signal[t + lag]) <= limit
            n_pairs = n_times - lag - m
            for t in range(n_pairs):
                match[t] = near[t]
            for k in range(1, m):
                for t in range(n_pairs):
                    match[t] &= near[t + k]
            for t in range(n_pairs):
                shorter += match[t]
                longer += match[t] & near[t + m]
        out[s, 0] = shorter
        out[s, 1] = longer
