# mypy: ignore-errors
"""Compiled bodies of the Morlet transform: one forward transform of some channels, one short inverse per frequency.

Channels lie in lanes, `LANES` of them side by side (a group). The band of a frequency is moved down to the first bins
and its inverse transform is only as long as the band is wide: neither changes the magnitude.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from affectbio.kernels._jit_fft import LANES, fft, fft_power
from affectbio.kernels._jit_lanes import fma, load, maximum, rows_to_lanes, spread_from, store, zeros

# Points repeated before and after a period, for weights that reach over its ends.
GUARD = 32
# Points are weighted so many at a time; the weights of a cell are a multiple of it, with zeros at the end.
TAPS = 8


@nb.njit(cache=True, nogil=True)
def power(x, plan, out):
    """Write the power of every frequency as a mean over each cell.

    x (n_chans, n_times); plan: as `affectbio.kernels.wavelet` makes it; out (n_chans, n_freqs, n_cells).
    """
    n_chans, n_freqs = out.shape[:2]
    work = np.empty((6, plan.length[-1] * LANES), x.dtype)
    points = np.empty((plan.length[-1] + 2 * GUARD) * LANES, x.dtype)
    tile, turned = np.empty(LANES * LANES, x.dtype), np.empty(LANES * LANES, x.dtype)
    for group in range(0, n_chans, LANES):
        re, im, a, b, c, d = _spectrum(x, group, plan, work)
        rows = min(LANES, n_chans - group)
        for s in range(n_freqs):
            kind = plan.kind[s]
            _band(s, plan, re, im, a, b, c, d, points)
            cells = plan.cells[plan.cell_at[kind] : plan.cell_at[kind + 1]]
            weights = plan.weights[plan.weight_at[kind] : plan.weight_at[kind + 1]]
            _means(points, cells, weights, plan.n_taps[kind], plan.advance[kind], out, group, rows, s, tile, turned)


@nb.njit(cache=True, nogil=True)
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
            # Between points of almost no power the interpolation may fall below none.
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


@nb.njit(cache=True, nogil=True)
def _spectrum(x, group, plan, work):
    """Transform a group of channels; give its real and imaginary parts and four buffers that are free."""
    n_chans, n_times = x.shape
    rows = min(LANES, n_chans - group)
    re, im, re2, im2 = work[0], work[1], work[2], work[3]
    nothing = np.zeros(LANES, x.dtype)
    whole = n_times - n_times % LANES
    for t in range(0, whole, LANES):
        rows_to_lanes(x, group * n_times + t, n_times, rows, re, t * LANES, nothing, 0, LANES)
    re[whole * LANES :] = 0
    im[:] = 0
    for t in range(whole, n_times):
        for r in range(rows):
            re[t * LANES + r] = x[group + r, t]
    n, passes, factors = plan.length[-1], plan.passes[plan.pass_at[-2] :], plan.factors[plan.factor_at[-2] :]
    if fft(n, passes, factors, re, im, re2, im2):
        return re2, im2, re, im, work[4], work[5]
    return re, im, re2, im2, work[4], work[5]


@nb.njit(cache=True, nogil=True)
def _band(s, plan, re, im, a, b, c, d, points):
    """Cut frequency ``s`` out of a spectrum, transform it back and write its power, continued at both ends."""
    kind = plan.kind[s]
    n, n_bins, gain, start = plan.length[kind], plan.n_bins[s], plan.gain_at[s], plan.first[s] * LANES
    # Real and imaginary parts change places: so the forward transform is the inverse.
    for k in range(n_bins):
        g = spread_from(plan.gains, gain + k, LANES)
        store(a, k * LANES, g * load(im, start + k * LANES, LANES))
        store(b, k * LANES, g * load(re, start + k * LANES, LANES))
    a[n_bins * LANES : n * LANES] = 0
    b[n_bins * LANES : n * LANES] = 0
    passes = plan.passes[plan.pass_at[kind] : plan.pass_at[kind + 1]]
    fft_power(n, passes, plan.factors[plan.factor_at[kind] :], a, b, c, d, points, GUARD * LANES)
    for k in range(GUARD):
        store(points, k * LANES, load(points, (n + k) * LANES, LANES))
        store(points, (GUARD + n + k) * LANES, load(points, (GUARD + k) * LANES, LANES))
