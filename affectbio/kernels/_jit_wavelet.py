# mypy: ignore-errors
# What is imported from other bodies: a23260d94a37
"""Compiled bodies of wavelet power: one forward transform of some channels, one short inverse per frequency.

Channels lie in lanes, `LANES` of them side by side (a group). The band of a frequency is moved down to the first bins
and its inverse transform is only as long as the band is wide: neither changes the magnitude.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from affectbio.kernels._jit_fft import INNER, LANES, fft, fft_band_power
from affectbio.kernels._jit_lanes import fma, fms, load, maximum, rows_to_lanes, spread, spread_from, store, zeros

# Points repeated before and after a period, for weights that reach over its ends.
GUARD = 32
# Points are weighted so many at a time; the weights of a cell are a multiple of it, with zeros at the end.
TAPS = 8


@nb.njit(cache=True, nogil=True)
def power(x, offsets, plan, out):
    """Write the power of every frequency as a mean over each cell.

    x (n_chans, n_times); offsets (n_chans): taken from each channel; plan: as `affectbio.kernels._wavelet_plan` makes
    it; out (n_chans, n_freqs, n_cells).
    """
    n_chans, n_freqs = out.shape[:2]
    levels = np.zeros(n_chans + LANES, x.dtype)
    for c in range(n_chans):
        levels[c] = offsets[c]
    # Buffers begin with lines of the cache, 64 bytes: lanes across two of them take twice as long. Were they apart by a
    # power of two, all would want the same lines: hence five more between them.
    line = 64 // x.itemsize
    pitch = ((max(plan.n_fft // 2, plan.length[-1]) + 2 * GUARD) * LANES // line + 6) * line
    memory = np.empty(7 * pitch + 2 * LANES * LANES + line, x.dtype)
    memory = memory[-memory.ctypes.data % 64 // x.itemsize :]
    points, tiles = memory[6 * pitch :], memory[7 * pitch :]
    tile, turned = tiles[: LANES * LANES], tiles[LANES * LANES :]
    for group in range(0, n_chans, LANES):
        re, im, a, b, c, d = _spectrum(x, group, levels, plan, memory, pitch, tile)
        rows = min(LANES, n_chans - group)
        for s in range(n_freqs):
            kind = plan.kind[s]
            _band(s, plan, re, im, a, b, c, d, points)
            cells = plan.cells[plan.cell_at[kind] : plan.cell_at[kind + 1]]
            weights = plan.weights[plan.weight_at[kind] : plan.weight_at[kind + 1]]
            _means(points, cells, weights, plan.n_taps[kind], plan.advance[kind], out, group, rows, s, tile, turned)


@nb.njit(cache=True, nogil=True, **INNER)
def _means(points, cells, weights, n_taps, advance, out, group, rows, s, tile, turned):
    """Write the means of all cells of a frequency, from weighted points in lanes to rows of ``out``."""
    n_freqs, n_cells = out.shape[1:]
    nothing, none = np.zeros(LANES, points.dtype), zeros(points, LANES)
    turn, begin = 0, GUARD
    for j in range(0, n_cells, LANES):
        here = min(LANES, n_cells - j)
        for k in range(here):
            at, mean = begin + cells[turn], none
            for tap in range(0, n_taps, TAPS):
                mean = mean + _weighted(points, at + tap, weights, turn * n_taps + tap)
            # Between points of almost no power the interpolation may fall below none. What has overflowed stays NaN.
            store(tile, k * LANES, maximum(mean, none))
            turn += 1
            if turn == len(cells):
                turn, begin = 0, begin + advance
        if here == LANES:
            rows_to_lanes(tile, 0, LANES, LANES, turned, 0, nothing, 0, LANES)
            for r in range(rows):
                store(out, ((group + r) * n_freqs + s) * n_cells + j, load(turned, r * LANES, LANES))
        else:
            for r in range(rows):
                for k in range(here):
                    out[group + r, s, j + k] = tile[k * LANES + r]


@nb.njit(cache=True, nogil=True, inline="always")
def _weighted(points, at, weights, w):
    """Sum the `TAPS` points from ``at`` on, weighted."""
    at *= LANES
    a = spread_from(weights, w, LANES) * load(points, at, LANES)
    b = spread_from(weights, w + 1, LANES) * load(points, at + LANES, LANES)
    a = fma(spread_from(weights, w + 2, LANES), load(points, at + 2 * LANES, LANES), a)
    b = fma(spread_from(weights, w + 3, LANES), load(points, at + 3 * LANES, LANES), b)
    a = fma(spread_from(weights, w + 4, LANES), load(points, at + 4 * LANES, LANES), a)
    b = fma(spread_from(weights, w + 5, LANES), load(points, at + 5 * LANES, LANES), b)
    a = fma(spread_from(weights, w + 6, LANES), load(points, at + 6 * LANES, LANES), a)
    b = fma(spread_from(weights, w + 7, LANES), load(points, at + 7 * LANES, LANES), b)
    return a + b


@nb.njit(cache=True, nogil=True, inline="always")
def _spectrum(x, group, levels, plan, memory, pitch, tile):
    """Transform a group of channels; give its real and imaginary parts and four buffers that are free.

    Even samples are taken for the real, odd ones for the imaginary parts of a signal half as long, and its spectrum is
    taken apart (Press et al., Numerical Recipes, section 12.3).
    """
    n_chans, n_times = x.shape
    rows = min(LANES, n_chans - group)
    re, im, re2, im2 = memory, memory[pitch:], memory[2 * pitch :], memory[3 * pitch :]
    n = plan.n_fft // 2
    whole = n_times - n_times % LANES
    for t in range(0, whole, LANES):
        rows_to_lanes(x, group * n_times + t, n_times, rows, tile, 0, levels, group, LANES)
        at = t // 2 * LANES
        for k in range(0, LANES * LANES // 2, LANES):
            store(re, at + k, load(tile, 2 * k, LANES))
            store(im, at + k, load(tile, 2 * k + LANES, LANES))
    none = zeros(x, LANES)
    for k in range(whole // 2, n):
        store(re, k * LANES, none)
        store(im, k * LANES, none)
    for t in range(whole, n_times):
        part = im if t % 2 else re
        for r in range(rows):
            part[t // 2 * LANES + r] = x[group + r, t] - levels[group + r]
    if fft(n, plan.half_passes, plan.half_factors, re, im, re2, im2):
        re, im, re2, im2 = re2, im2, re, im
    half = spread(x.dtype.type(0.5), LANES)
    for k in range(1, n):
        i, j = k * LANES, (n - k) * LANES
        ar, ai, br, bi = load(re, i, LANES), load(im, i, LANES), load(re, j, LANES), load(im, j, LANES)
        c, s = spread_from(plan.turns, 2 * k, LANES), spread_from(plan.turns, 2 * k + 1, LANES)
        u, v = ai + bi, ar - br
        store(re2, i, fma(half, ar + br, fms(c, u, s * v)))
        store(im2, i, fms(half, ai - bi, fma(c, v, s * u)))
    # Never used but times a gain of zero, the one after those of the last bin.
    store(re2, n * LANES, none)
    store(im2, n * LANES, none)
    return re2, im2, re, im, memory[4 * pitch :], memory[5 * pitch :]


@nb.njit(cache=True, nogil=True, inline="always")
def _band(s, plan, re, im, a, b, c, d, points):
    """Cut frequency ``s`` out of a spectrum, transform it back and write its power, continued at both ends."""
    kind = plan.kind[s]
    n, n_bins, gain, first = plan.length[kind], plan.n_bins[s], plan.gain_at[s], plan.first[s]
    passes = plan.passes[plan.pass_at[kind] : plan.pass_at[kind + 1]]
    factors = plan.factors[plan.factor_at[kind] :]
    # Real and imaginary parts change places: so the forward transform is the inverse.
    fft_band_power(n, passes, factors, im, re, first, plan.gains, gain, n_bins, a, b, c, d, points, GUARD * LANES)
    for k in range(GUARD):
        store(points, k * LANES, load(points, (n + k) * LANES, LANES))
        store(points, (GUARD + n + k) * LANES, load(points, (GUARD + k) * LANES, LANES))
