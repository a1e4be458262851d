# mypy: ignore-errors
# What is imported from other bodies: e8f0f9d03cac
"""Compiled bodies of the discrete wavelet transform: signals in lanes, filtered and halved a tile at a time.

A group of signals lies in a buffer with ``guard`` samples of room on either side for the border, as many as the filter
is long. ``reach`` is the newest sample that the first output takes in: 1, or half the filter for periodization.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numba.core import types
from numba.extending import intrinsic

from affectbio.kernels._jit_lanes import fma, load, rows_to_lanes, spread, store, zeros

SYMMETRIC, REFLECT, PERIODIC, PERIODIZATION, CONSTANT, ZERO = range(6)
_TILE = 128
# `_split` gives outputs four at a time, so it reads and writes up to so many samples past the last one asked for.
_SLACK = 8


@intrinsic
def _lanes(typing, array):
    """Say how many elements of an array fill 64 bytes, a line of cache and the longest vector there is."""
    n = 64 // (array.dtype.bitwidth // 8)
    return types.literal(n)(array), lambda context, builder, sig, args: context.get_constant(types.intp, n)


@nb.njit(cache=True, nogil=True)
def _buffer(x, n_times):
    """Room for ``n_times`` samples in lanes. It begins with a line of cache: a vector across two costs twice."""
    size = n_times * _lanes(x)
    raw = np.empty(size + _lanes(x), x.dtype)
    first = -raw.ctypes.data % 64 // x.itemsize
    return raw[first : first + size]


@nb.njit(cache=True, nogil=True)
def _gather(x, n_times, first, n_rows, buffer, guard):
    """Lay rows ``first`` to ``first + n_rows`` of the flat ``x`` into lanes; lanes left over repeat the last row."""
    n = _lanes(x)
    whole = n_times - n_times % n
    offset = np.zeros(n, x.dtype)
    for t in range(0, whole, n):
        rows_to_lanes(x, first * n_times + t, n_times, n_rows, buffer, (guard + t) * n, offset, 0, n)
    for t in range(whole, n_times):
        for r in range(n):
            buffer[(guard + t) * n + r] = x[(first + min(r, n_rows - 1)) * n_times + t]


@nb.njit(cache=True, nogil=True)
def _inside(t, n_times, border):
    """Give the sample that stands for sample ``t`` where the signal is continued past its ends; -1 for a zero."""
    if border == ZERO:
        return -1
    if border == CONSTANT or n_times == 1:
        return max(0, min(t, n_times - 1))
    last = n_times - 1
    # An odd signal is made even by repeating its last sample.
    period = n_times + n_times % 2 if border == PERIODIZATION else n_times
    # A loop rather than a remainder, which costs more than all the rest: one turn is nearly always enough.
    while not 0 <= t < period:
        if border == SYMMETRIC:
            t = -1 - t if t < 0 else 2 * last + 1 - t
        elif border == REFLECT:
            t = -t if t < 0 else 2 * last - t
        else:
            t += period if t < 0 else -period
    return min(t, last)


@nb.njit(cache=True, nogil=True)
def _extend(buffer, guard, n_times, border):
    """Continue the signals past both ends.

    Zeros follow where `_split` reads further: chance would put denormal numbers there, which cost a hundred times.
    """
    n = _lanes(buffer)
    for k in range(guard):
        for t in (-1 - k, n_times + k):
            inside = _inside(t, n_times, border)
            value = zeros(buffer, n) if inside < 0 else load(buffer, (guard + inside) * n, n)
            store(buffer, (guard + t) * n, value)
    for t in range(2 * guard + n_times, 2 * guard + n_times + _SLACK):
        store(buffer, t * n, zeros(buffer, n))


@nb.njit(cache=True, nogil=True)
def _split(source, newest, low, high, n_out, approximation, to, detail):
    """Filter and halve: output k is the sum over j of filter[j] times source[newest + 2k - j].

    ``approximation`` is written from sample ``to`` on, ``detail`` from its beginning.
    """
    n = _lanes(source)
    for k in range(0, n_out, 4):
        # Four outputs side by side: each coefficient is loaded once for four, and no sum waits for the one before.
        a0 = a1 = a2 = a3 = d0 = d1 = d2 = d3 = zeros(source, n)
        for j in range(low.size):
            at = (newest + 2 * k - j) * n
            x0, x1 = load(source, at, n), load(source, at + 2 * n, n)
            x2, x3 = load(source, at + 4 * n, n), load(source, at + 6 * n, n)
            a, d = spread(low[j], n), spread(high[j], n)
            a0, a1, a2, a3 = fma(x0, a, a0), fma(x1, a, a1), fma(x2, a, a2), fma(x3, a, a3)
            d0, d1, d2, d3 = fma(x0, d, d0), fma(x1, d, d1), fma(x2, d, d2), fma(x3, d, d3)
        at = (to + k) * n
        store(approximation, at, a0)
        store(approximation, at + n, a1)
        store(approximation, at + 2 * n, a2)
        store(approximation, at + 3 * n, a3)
        store(detail, k * n, d0)
        store(detail, (k + 1) * n, d1)
        store(detail, (k + 2) * n, d2)
        store(detail, (k + 3) * n, d3)


@nb.njit(cache=True, nogil=True)
def _add_squares(buffer, first, n_times, sums, total):
    """Add each lane's sum of squares over ``n_times`` samples to ``total``, which is double: a tile's sum is short."""
    n = _lanes(buffer)
    s0 = s1 = s2 = s3 = zeros(buffer, n)
    # Four sums at a time: each waits for the one before.
    for t in range(first, first + n_times - 3, 4):
        x0, x1 = load(buffer, t * n, n), load(buffer, (t + 1) * n, n)
        x2, x3 = load(buffer, (t + 2) * n, n), load(buffer, (t + 3) * n, n)
        s0, s1, s2, s3 = fma(x0, x0, s0), fma(x1, x1, s1), fma(x2, x2, s2), fma(x3, x3, s3)
    for t in range(first + n_times - n_times % 4, first + n_times):
        x0 = load(buffer, t * n, n)
        s0 = fma(x0, x0, s0)
    store(sums, 0, s0 + s1 + (s2 + s3))
    for r in range(n):
        total[r] += sums[r]


@nb.njit(cache=True, nogil=True)
def split_rows(x, n_times, low, high, border, reach, approximation, detail):
    """Take one step of the transform: x flat, of signals of ``n_times``; the results (n_signals, n_out)."""
    n, guard = _lanes(x), low.size
    n_rows, n_out = detail.shape
    signal = _buffer(x, n_times + 2 * guard + _SLACK)
    low_tile, high_tile = _buffer(x, _TILE), _buffer(x, _TILE)
    for first in range(0, n_rows, n):
        rows = min(n, n_rows - first)
        _gather(x, n_times, first, rows, signal, guard)
        _extend(signal, guard, n_times, border)
        for k in range(0, n_out, _TILE):
            count = min(_TILE, n_out - k)
            _split(signal, guard + reach + 2 * k, low, high, count, low_tile, 0, high_tile)
            for r in range(rows):
                for t in range(count):
                    approximation[first + r, k + t] = low_tile[t * n + r]
                    detail[first + r, k + t] = high_tile[t * n + r]


@nb.njit(cache=True, nogil=True)
def energy_rows(x, n_times, low, high, border, reach, out):
    """Sum the squares of all coefficients: x flat, of signals of ``n_times``; out (n_signals, level + 1).

    A signal with a lost sample gets NaN. No coefficient outlives its tile, except for the approximation, which the next
    level splits.
    """
    n, guard = _lanes(x), low.size
    n_rows, level = out.shape[0], out.shape[1] - 1
    room = max(n_times, guard) + 2 * guard + _SLACK
    signal, halved, tile = _buffer(x, room), _buffer(x, room), _buffer(x, _TILE)
    sums, total = np.empty(n, x.dtype), np.empty(n)
    for first in range(0, n_rows, n):
        rows = min(n, n_rows - first)
        _gather(x, n_times, first, rows, signal, guard)
        m = n_times
        for step in range(level):
            _extend(signal, guard, m, border)
            m = (m + 1) // 2 if border == PERIODIZATION else (m + guard - 1) // 2
            total[:] = 0
            for k in range(0, m, _TILE):
                count = min(_TILE, m - k)
                _split(signal, guard + reach + 2 * k, low, high, count, halved, guard + k, tile)
                _add_squares(tile, 0, count, sums, total)
            for r in range(rows):
                out[first + r, level - step] = total[r]
            signal, halved = halved, signal
        total[:] = 0
        for k in range(0, m, _TILE):
            _add_squares(signal, guard + k, min(_TILE, m - k), sums, total)
        for r in range(first, first + rows):
            out[r, 0] = total[r - first]
            if not np.isfinite(out[r].sum()):
                out[r] = np.nan
