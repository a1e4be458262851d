# mypy: ignore-errors
# What is imported from other bodies: e8f0f9d03cac
"""Compiled body of streaming wavelet power: a wavelet of some length against the newest samples, channels in lanes."""

from __future__ import annotations

import numba as nb
import numpy as np

from affectbio.kernels._jit_lanes import fma, load, spread_from, store, zeros

LANES = 8


@nb.njit(cache=True, nogil=True)
def hop_power(held, end, step, taps, tap_at, out, first, stop):
    """Write the power at hops ``first`` to ``stop``, the newest sample of hop ``first`` lying in row ``end``.

    held (n_rows, n_groups LANES): samples; step: rows from hop to hop; taps: of every frequency the real and imaginary
    parts of its wavelet from the middle on, those of frequency s from pair tap_at[s] on; out (n_chans, n_freqs,
    n_hops). A wavelet's other half is the conjugate of this one.
    """
    n_chans, n_freqs = out.shape[:2]
    width = held.shape[1]
    tile = np.empty(LANES)
    for hop in range(first, stop):
        for group in range(0, width, LANES):
            for s in range(n_freqs):
                half = tap_at[s + 1] - tap_at[s] - 1
                middle = (end - half) * width + group
                tap = 2 * tap_at[s]
                x = spread_from(taps, tap, LANES) * load(held, middle, LANES)
                y, u, v = zeros(taps, LANES), zeros(taps, LANES), zeros(taps, LANES)
                # Two at a time, so that one sum need not wait for the other.
                for k in range(1, half, 2):
                    a, b = load(held, middle - k * width, LANES), load(held, middle + k * width, LANES)
                    x = fma(spread_from(taps, tap + 2 * k, LANES), a + b, x)
                    y = fma(spread_from(taps, tap + 2 * k + 1, LANES), a - b, y)
                    a, b = load(held, middle - (k + 1) * width, LANES), load(held, middle + (k + 1) * width, LANES)
                    u = fma(spread_from(taps, tap + 2 * k + 2, LANES), a + b, u)
                    v = fma(spread_from(taps, tap + 2 * k + 3, LANES), a - b, v)
                x, y = x + u, y + v
                power = fma(x, x, y * y)
                # Infinity taken from itself is NaN: so is what an infinite sample gives.
                store(tile, 0, power + (power - power))
                for r in range(min(LANES, n_chans - group)):
                    out[group + r, s, hop] = tile[r]
        end += step


__all__ = ["LANES", "hop_power"]
