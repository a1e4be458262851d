# mypy: ignore-errors
# What is imported from other bodies: a23260d94a37
"""Compiled bodies of band power and differential entropy: band-pass filters with the sums a variance needs in one pass.

Channels lie in lanes, `LANES` of them side by side (a group), so that the recursion over time runs for all at once, in
double precision whatever the samples are. Every section has the numerator 1 - z⁻²; the gain of the whole filter is left
to whoever reads the sums.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from affectbio.kernels._jit_fft import fft
from affectbio.kernels._jit_lanes import fma, fms, load, rows_to_lanes, spread, spread_from, store

LANES = 8
# Samples of a group that are filtered at a time: 16 kB, and as much for what bands share of the filter, which stay in
# the first cache while all bands read them.
TILE = 256


@nb.njit(cache=True, nogil=True)
def repeat_lost(x, held, out):
    """Put in place of each lost sample the last one that came; before the first that came, that one.

    x, out (n_chans, n_times); held (n_chans): the last sample that came before, NaN if none did. A channel of which
    nothing has come stays NaN.
    """
    n_chans, n_times = x.shape
    for c in range(n_chans):
        last = held[c]
        t = 0
        while np.isnan(last) and t < n_times:
            if np.isfinite(x[c, t]):
                last = x[c, t]
            t += 1
        for t in range(n_times):
            if np.isfinite(x[c, t]):
                last = x[c, t]
            out[c, t] = last


@nb.njit(cache=True, nogil=True)
def mark_lost(x, n, torn, hop, phase, partial, marks):
    """Say per hop whether a sample was lost, carrying the hop under way over to the next call.

    x (n_chans, n): looked at only if torn; partial (2, width), marks (n_hops, 2, width): row 0 is written.
    """
    for c in range(len(x)):
        start, seen = 0, phase
        for h in range(len(marks) + 1):
            stop = min(start + hop - seen, n)
            if torn:
                for t in range(start, stop):
                    partial[0, c] |= not np.isfinite(x[c, t])
            if h < len(marks):
                marks[h, 0, c] = partial[0, c]
                partial[0, c] = False
            start, seen = stop, 0


@nb.njit(cache=True, nogil=True)
def band_sums(x, begin, end, origin, poles, shared, past, state, sums, last, partial, hop, phase, out, marks):
    """Filter samples into bands and sum each band and its square over hops, carrying all over to the next call.

    Says whether all numbers are still finite: what is lost stays in a recursion for ever.

    x (n_chans, n_times), from sample begin to before end; origin (width): taken from each channel; poles (n_bands,
    n_sections, 2): a1 and a2 of each section, the sign turned; shared (n_bands): whether the numerators of all 4
    sections are applied before; past (n_groups, 4, 2, LANES): the two samples before, of each of these; state
    (n_groups, n_bands, n_sections, 2, LANES); sums (n_groups, n_bands, 2, LANES): of the hop under way; last (width):
    the sample before, NaN if there was none; phase: samples of the hop already seen; out (n_hops, 2, n_bands, width).
    In row 1 of partial (2, width) and marks (n_hops, 2, width): whether a sample was unlike the one before.
    """
    n_chans, n_bands = len(x), len(poles)
    width = out.shape[3]
    tile, slopes = np.empty(TILE * LANES), np.empty(TILE * LANES)
    any_shared = shared.any()
    for group in range(width // LANES):
        first = group * LANES
        rows = min(LANES, n_chans - first)
        start, filled, h = begin, phase, 0
        while start < end:
            n = min(TILE, min(hop - filled, end - start))
            _to_lanes(x, first, rows, start, n, origin, tile)
            for r in range(rows):
                lane = first + r
                before = last[lane]
                t = 0
                # In a living signal the first sample ends the search. The first of all has none before it.
                while t < n and not partial[1, lane]:
                    partial[1, lane] = tile[t * LANES + r] != before and before == before
                    before = tile[t * LANES + r]
                    t += 1
                last[lane] = tile[(n - 1) * LANES + r]
            _filter(tile, n, slopes, any_shared, poles, shared, past, state, sums, group)
            start, filled = start + n, filled + n
            if filled == hop:
                for b in range(n_bands):
                    to = (group * n_bands + b) * 2 * LANES
                    for k in range(2):
                        store(out, ((h * 2 + k) * n_bands + b) * width + first, load(sums, to + k * LANES, LANES))
                        store(sums, to + k * LANES, spread(0.0, LANES))
                for lane in range(first, first + rows):
                    marks[h, 1, lane] = partial[1, lane]
                    partial[1, lane] = False
                filled, h = 0, h + 1
    lost = 0.0
    for number in state.flat:
        lost += number - number
    return lost == 0.0


@nb.njit(cache=True, nogil=True, inline="always")
def _to_lanes(x, first, rows, start, n, origin, tile):
    """Put ``n`` samples of a group, less their origin, side by side."""
    n_times = x.shape[1]
    whole = n - n % LANES
    for t in range(0, whole, LANES):
        rows_to_lanes(x, first * n_times + start + t, n_times, rows, tile, t * LANES, origin, first, LANES)
    for t in range(whole, n):
        for r in range(LANES):
            tile[t * LANES + r] = x[first + min(r, rows - 1), start + t] - origin[first + r]


@nb.njit(cache=True, nogil=True)
def _filter(tile, n, slopes, any_shared, poles, shared, past, state, sums, group):
    """Filter ``n`` samples of a group and add them to its sums; a call of its own, compiled once for all samples."""
    n_bands, n_sections = poles.shape[:2]
    if any_shared:
        _numerators(tile, n, past, group * 8 * LANES, slopes)
    for b in range(n_bands):
        to = (group * n_bands + b) * 2 * LANES
        at = (group * n_bands + b) * n_sections * 2 * LANES
        if shared[b]:
            _four_poles(slopes, n, poles, b, state, at, sums, to)
        elif n_sections == 4:
            _four_sections(tile, n, poles, b, state, at, sums, to)
        else:
            slopes[: n * LANES] = tile[: n * LANES]
            for s in range(n_sections):
                _section(slopes, n, poles, b, s, state, at + s * 2 * LANES)
            _sum(slopes, n, sums, to)


@nb.njit(cache=True, nogil=True, inline="always")
def _numerators(tile, n, past, at, out):
    """Take from each sample the last but one, four times over: (1 - z⁻²)⁴."""
    m0, o0 = load(past, at, LANES), load(past, at + LANES, LANES)
    m1, o1 = load(past, at + 2 * LANES, LANES), load(past, at + 3 * LANES, LANES)
    m2, o2 = load(past, at + 4 * LANES, LANES), load(past, at + 5 * LANES, LANES)
    m3, o3 = load(past, at + 6 * LANES, LANES), load(past, at + 7 * LANES, LANES)
    for t in range(n):
        u = load(tile, t * LANES, LANES)
        v = u - o0
        o0, m0 = m0, u
        w = v - o1
        o1, m1 = m1, v
        u = w - o2
        o2, m2 = m2, w
        store(out, t * LANES, u - o3)
        o3, m3 = m3, u
    store(past, at, m0)
    store(past, at + LANES, o0)
    store(past, at + 2 * LANES, m1)
    store(past, at + 3 * LANES, o1)
    store(past, at + 4 * LANES, m2)
    store(past, at + 5 * LANES, o2)
    store(past, at + 6 * LANES, m3)
    store(past, at + 7 * LANES, o3)


# What is left of a section when its numerator is applied: y = u - a1 y₁ - a2 y₂. The two last are swapped, not copied.


@nb.njit(cache=True, nogil=True, inline="always")
def _four_poles(tile, n, poles, b, state, at, sums, to):
    p0, q0 = load(state, at, LANES), load(state, at + LANES, LANES)
    p1, q1 = load(state, at + 2 * LANES, LANES), load(state, at + 3 * LANES, LANES)
    p2, q2 = load(state, at + 4 * LANES, LANES), load(state, at + 5 * LANES, LANES)
    p3, q3 = load(state, at + 6 * LANES, LANES), load(state, at + 7 * LANES, LANES)
    a0, b0 = spread(poles[b, 0, 0], LANES), spread(poles[b, 0, 1], LANES)
    a1, b1 = spread(poles[b, 1, 0], LANES), spread(poles[b, 1, 1], LANES)
    a2, b2 = spread(poles[b, 2, 0], LANES), spread(poles[b, 2, 1], LANES)
    a3, b3 = spread(poles[b, 3, 0], LANES), spread(poles[b, 3, 1], LANES)
    total, square = load(sums, to, LANES), load(sums, to + LANES, LANES)
    for t in range(n):
        v = fma(a0, p0, fma(b0, q0, load(tile, t * LANES, LANES)))
        q0, p0 = p0, v
        v = fma(a1, p1, fma(b1, q1, v))
        q1, p1 = p1, v
        v = fma(a2, p2, fma(b2, q2, v))
        q2, p2 = p2, v
        v = fma(a3, p3, fma(b3, q3, v))
        q3, p3 = p3, v
        total = total + v
        square = fma(v, v, square)
    _keep(state, at, p0, q0, p1, q1, p2, q2, p3, q3)
    store(sums, to, total)
    store(sums, to + LANES, square)


# A section in direct form II transposed with the numerator 1 - z⁻², as scipy.signal.sosfilt has it:
# y = u + p;  p = -a1 y + q;  q = -a2 y - u.


@nb.njit(cache=True, nogil=True, inline="always")
def _four_sections(tile, n, poles, b, state, at, sums, to):
    p0, q0 = load(state, at, LANES), load(state, at + LANES, LANES)
    p1, q1 = load(state, at + 2 * LANES, LANES), load(state, at + 3 * LANES, LANES)
    p2, q2 = load(state, at + 4 * LANES, LANES), load(state, at + 5 * LANES, LANES)
    p3, q3 = load(state, at + 6 * LANES, LANES), load(state, at + 7 * LANES, LANES)
    a0, b0 = spread(poles[b, 0, 0], LANES), spread(poles[b, 0, 1], LANES)
    a1, b1 = spread(poles[b, 1, 0], LANES), spread(poles[b, 1, 1], LANES)
    a2, b2 = spread(poles[b, 2, 0], LANES), spread(poles[b, 2, 1], LANES)
    a3, b3 = spread(poles[b, 3, 0], LANES), spread(poles[b, 3, 1], LANES)
    total, square = load(sums, to, LANES), load(sums, to + LANES, LANES)
    for t in range(n):
        u = load(tile, t * LANES, LANES)
        v = u + p0
        p0 = fma(a0, v, q0)
        q0 = fms(b0, v, u)
        u = v + p1
        p1 = fma(a1, u, q1)
        q1 = fms(b1, u, v)
        v = u + p2
        p2 = fma(a2, v, q2)
        q2 = fms(b2, v, u)
        u = v + p3
        p3 = fma(a3, u, q3)
        q3 = fms(b3, u, v)
        total = total + u
        square = fma(u, u, square)
    _keep(state, at, p0, q0, p1, q1, p2, q2, p3, q3)
    store(sums, to, total)
    store(sums, to + LANES, square)


@nb.njit(cache=True, nogil=True, inline="always")
def _keep(state, at, p0, q0, p1, q1, p2, q2, p3, q3):
    store(state, at, p0)
    store(state, at + LANES, q0)
    store(state, at + 2 * LANES, p1)
    store(state, at + 3 * LANES, q1)
    store(state, at + 4 * LANES, p2)
    store(state, at + 5 * LANES, q2)
    store(state, at + 6 * LANES, p3)
    store(state, at + 7 * LANES, q3)


@nb.njit(cache=True, nogil=True, inline="always")
def _section(work, n, poles, b, s, state, at):
    p, q = load(state, at, LANES), load(state, at + LANES, LANES)
    first, second = spread(poles[b, s, 0], LANES), spread(poles[b, s, 1], LANES)
    for t in range(n):
        u = load(work, t * LANES, LANES)
        y = u + p
        p = fma(first, y, q)
        q = fms(second, y, u)
        store(work, t * LANES, y)
    store(state, at, p)
    store(state, at + LANES, q)


@nb.njit(cache=True, nogil=True, inline="always")
def _sum(work, n, sums, to):
    total, square = load(sums, to, LANES), load(sums, to + LANES, LANES)
    for t in range(n):
        y = load(work, t * LANES, LANES)
        total = total + y
        square = fma(y, y, square)
    store(sums, to, total)
    store(sums, to + LANES, square)


@nb.njit(cache=True, nogil=True)
def window_variance(sums, marks, gain, k, stride, first, n, ddof, out, at, n_windows):
    """Give the variance in windows of ``k`` hops, ``stride`` hops apart, from hop ``first``.

    sums (n_hops, 2, n_bands, width) and marks (n_hops, 2, width) as `band_sums` and `mark_lost` leave them; gain
    (n_bands): of each filter; n: samples in a window; ddof: what to take from n; out (n_chans, n_all, n_bands): written
    from window ``at`` on.
    """
    n_chans, n_bands = len(out), len(gain)
    total, square = np.empty(n_chans), np.empty(n_chans)
    known = np.empty(n_chans, np.bool_)
    for w in range(n_windows):
        start = first + w * stride
        for c in range(n_chans):
            lost = moved = False
            for h in range(start, start + k):
                lost |= marks[h, 0, c]
                moved |= marks[h, 1, c]
            # A lost sample makes the variance of a window unknown. A constant channel has none to give, but where it
            # became constant under way the filter rings on, and what it rings would be taken for a signal.
            known[c] = moved and not lost
        for b in range(n_bands):
            total[:] = 0.0
            square[:] = 0.0
            for h in range(start, start + k):
                for c in range(n_chans):
                    total[c] += sums[h, 0, b, c]
                    square[c] += sums[h, 1, b, c]
            scale = gain[b] * gain[b] / (n - ddof)
            for c in range(n_chans):
                variance = (square[c] - total[c] * total[c] / n) * scale
                out[c, at + w, b] = variance if known[c] and variance > 0 else np.nan


@nb.njit(cache=True, nogil=True)
def periodogram_sums(x, step, taper, passes, factors, turns, edges, scale, out):
    """Sum the one-sided periodogram of every window over bands, by a transform of half its length.

    x (n_chans, n_times); step: from window to window; taper (n): a weight for each sample, n even; passes, factors: of
    `affectbio.kernels._fft_factors` for n / 2; turns (n / 2 + 1, 2): exp(-2πi k / n); edges (n_bands, 2): first bin of
    a band and the one after the last; scale: of the squares; out (n_chans, n_windows, n_bands).
    """
    n_chans, n_windows, n_bands = out.shape
    n, half = len(taper), len(taper) // 2
    tile, origin = np.empty(n * LANES), np.empty(-(-n_chans // LANES) * LANES)
    re, im = np.empty(half * LANES), np.empty(half * LANES)
    re2, im2 = np.empty(half * LANES), np.empty(half * LANES)
    powers = np.empty(LANES)
    # Taken apart below, the spectrum comes out doubled.
    scale *= 0.25
    for first in range(0, n_chans, LANES):
        rows = min(LANES, n_chans - first)
        for w in range(n_windows):
            start = w * step
            # The first sample is near the electrode's offset: without it the mean rounds by as much less.
            for r in range(LANES):
                origin[first + r] = x[first + min(r, rows - 1), start]
            _to_lanes(x, first, rows, start, n, origin, tile)
            even, odd = spread(0.0, LANES), spread(0.0, LANES)
            for t in range(0, n, 2):
                even = even + load(tile, t * LANES, LANES)
                odd = odd + load(tile, (t + 1) * LANES, LANES)
            mean = (even + odd) * spread(1.0 / n, LANES)
            # Even samples as real parts and odd ones as imaginary parts: half the transform, taken apart below.
            for t in range(half):
                weight, next_weight = spread_from(taper, 2 * t, LANES), spread_from(taper, 2 * t + 1, LANES)
                store(re, t * LANES, (load(tile, 2 * t * LANES, LANES) - mean) * weight)
                store(im, t * LANES, (load(tile, (2 * t + 1) * LANES, LANES) - mean) * next_weight)
            if fft(half, passes, factors, re, im, re2, im2):
                zr, zi = re2, im2
            else:
                zr, zi = re, im
            for b in range(n_bands):
                total = spread(0.0, LANES)
                for k in range(edges[b, 0], edges[b, 1]):
                    other = (half - k) * LANES
                    ar, ai = load(zr, k * LANES, LANES), load(zi, k * LANES, LANES)
                    br, bi = load(zr, other, LANES), load(zi, other, LANES)
                    c, s = spread_from(turns, 2 * k, LANES), spread_from(turns, 2 * k + 1, LANES)
                    ur, ui = ai + bi, br - ar
                    fr = ar + br + fms(ur, c, ui * s)
                    fi = ai - bi + fma(ur, s, ui * c)
                    total = fma(fr, fr, fma(fi, fi, total))
                store(powers, 0, total)
                for r in range(rows):
                    power = powers[r] * scale
                    out[first + r, w, b] = power if power > 0 else np.nan
