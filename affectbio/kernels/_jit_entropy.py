# mypy: ignore-errors
"""Compiled bodies of differential entropy: second-order sections and the sums a variance needs, in one pass.

Channels lie in lanes, `LANES` of them side by side (a group), so that the recursion over time runs for all at once.
Every section has the numerator 1 - z⁻²; the gain of the whole filter is left to whoever reads the sums.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from affectbio.kernels._jit_lanes import fma, fms, load, rows_to_lanes, spread, store

LANES = 8
# Samples of a group that are filtered at a time: 16 kB, which stay in the first cache while all bands read them.
TILE = 256


@nb.njit(cache=True, nogil=True)
def any_lost(x):
    """Say whether any sample is NaN or infinite, which is what differs from zero when taken from itself."""
    n_lost = 0
    for c in range(x.shape[0]):
        for t in range(x.shape[1]):
            n_lost += x[c, t] - x[c, t] != 0
    return n_lost > 0


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
def mark_hops(x, filled, torn, held, hop, phase, partial, out):
    """Say per hop whether a sample was lost, and whether one was unlike the one before; carry over to the next call.

    x (n_chans, n_times); filled (n_chans, n_times): the same from `repeat_lost`; torn: whether the two differ; held
    (n_chans): the sample before, then the last one here; partial (n_chans, 2): what is known of the hop under way;
    phase: samples of it already seen; out (n_hops, n_chans, 2).
    """
    n_chans, n_times = x.shape
    for c in range(n_chans):
        start, seen = 0, phase
        for h in range(len(out) + 1):
            stop = min(start + hop - seen, n_times)
            if torn:
                for t in range(start, stop):
                    partial[c, 0] |= not np.isfinite(x[c, t])
            # In a living signal the first sample ends the search.
            for t in range(start, stop):
                if filled[c, t] != (filled[c, t - 1] if t else held[c]):
                    partial[c, 1] = True
                    break
            if h < len(out):
                out[h, c] = partial[c]
                partial[c] = False
            start, seen = stop, 0
        held[c] = filled[c, -1]


@nb.njit(cache=True, nogil=True)
def band_sums(x, origin, poles, state, partial, hop, phase, out):
    """Filter ``x`` into bands and sum each band and its square over hops, carrying all over to the next call.

    x (n_chans, n_times), finite; origin (n_groups LANES): taken from each channel; poles (n_bands, n_sections, 2): a1
    and a2 of each section, the sign turned; state (n_groups, n_bands, n_sections, 2, LANES); partial (n_groups,
    n_bands, 2, LANES): sums of the hop under way; phase: samples of it already seen; out (n_hops, 2, n_bands,
    n_groups LANES).
    """
    n_chans, n_times = x.shape
    n_bands, n_sections = poles.shape[:2]
    width = out.shape[3]
    tile, work = np.empty(TILE * LANES), np.empty(TILE * LANES)
    for group in range(width // LANES):
        first = group * LANES
        rows = min(LANES, n_chans - first)
        start, filled, h = 0, phase, 0
        while start < n_times:
            n = min(TILE, min(hop - filled, n_times - start))
            whole = n - n % LANES
            for t in range(0, whole, LANES):
                rows_to_lanes(x, first * n_times + start + t, n_times, rows, tile, t * LANES, origin, first, LANES)
            for t in range(whole, n):
                for r in range(rows):
                    tile[t * LANES + r] = x[first + r, start + t] - origin[first + r]
            for b in range(n_bands):
                sums = (group * n_bands + b) * 2 * LANES
                at = (group * n_bands + b) * n_sections * 2 * LANES
                if n_sections == 4:
                    _four_sections(tile, n, poles, b, state, at, partial, sums)
                else:
                    work[: n * LANES] = tile[: n * LANES]
                    for s in range(n_sections):
                        _section(work, n, poles, b, s, state, at + s * 2 * LANES)
                    _sum(work, n, partial, sums)
            start, filled = start + n, filled + n
            if filled == hop:
                for b in range(n_bands):
                    sums = (group * n_bands + b) * 2 * LANES
                    for k in range(2):
                        store(out, ((h * 2 + k) * n_bands + b) * width + first, load(partial, sums + k * LANES, LANES))
                        store(partial, sums + k * LANES, spread(0.0, LANES))
                filled, h = 0, h + 1


# A section in direct form II transposed with the numerator 1 - z⁻², as scipy.signal.sosfilt has it:
# y = u + p;  p = -a1 y + q;  q = -a2 y - u.


@nb.njit(cache=True, nogil=True, inline="always")
def _four_sections(tile, n, poles, b, state, at, partial, sums):
    p0, q0 = load(state, at, LANES), load(state, at + LANES, LANES)
    p1, q1 = load(state, at + 2 * LANES, LANES), load(state, at + 3 * LANES, LANES)
    p2, q2 = load(state, at + 4 * LANES, LANES), load(state, at + 5 * LANES, LANES)
    p3, q3 = load(state, at + 6 * LANES, LANES), load(state, at + 7 * LANES, LANES)
    a0, b0 = spread(poles[b, 0, 0], LANES), spread(poles[b, 0, 1], LANES)
    a1, b1 = spread(poles[b, 1, 0], LANES), spread(poles[b, 1, 1], LANES)
    a2, b2 = spread(poles[b, 2, 0], LANES), spread(poles[b, 2, 1], LANES)
    a3, b3 = spread(poles[b, 3, 0], LANES), spread(poles[b, 3, 1], LANES)
    total, square = load(partial, sums, LANES), load(partial, sums + LANES, LANES)
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
    store(state, at, p0)
    store(state, at + LANES, q0)
    store(state, at + 2 * LANES, p1)
    store(state, at + 3 * LANES, q1)
    store(state, at + 4 * LANES, p2)
    store(state, at + 5 * LANES, q2)
    store(state, at + 6 * LANES, p3)
    store(state, at + 7 * LANES, q3)
    store(partial, sums, total)
    store(partial, sums + LANES, square)


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
def _sum(work, n, partial, sums):
    total, square = load(partial, sums, LANES), load(partial, sums + LANES, LANES)
    for t in range(n):
        y = load(work, t * LANES, LANES)
        total = total + y
        square = fma(y, y, square)
    store(partial, sums, total)
    store(partial, sums + LANES, square)


@nb.njit(cache=True, nogil=True)
def window_variance(sums, marks, gain, k, stride, first, n, out):
    """Give the unbiased variance in windows of ``k`` hops, ``stride`` hops apart, from hop ``first``.

    sums (n_hops, 2, n_bands, width) and marks (n_hops, n_chans, 2) as `band_sums` and `mark_hops` leave them; gain
    (n_bands): of each filter; n: samples in a window; out (n_chans, n_windows, n_bands).
    """
    n_chans, n_windows, n_bands = out.shape
    for w in range(n_windows):
        start = first + w * stride
        for c in range(n_chans):
            lost = moved = False
            for h in range(start, start + k):
                lost |= marks[h, c, 0]
                moved |= marks[h, c, 1]
            # A lost sample makes the variance of a window unknown. A constant channel has none to give, but where it
            # became constant under way the filter rings on, and what it rings would be taken for a signal.
            known = moved and not lost
            for b in range(n_bands):
                total = square = 0.0
                for h in range(start, start + k):
                    total += sums[h, 0, b, c]
                    square += sums[h, 1, b, c]
                variance = (square - total * total / n) / (n - 1) * gain[b] * gain[b]
                out[c, w, b] = variance if known and variance > 0 else np.nan
