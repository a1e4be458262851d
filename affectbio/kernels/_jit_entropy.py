"""Compiled body of differential entropy: second-order sections and the sums a variance needs, in one pass."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def band_sums(x, sos, state, origin, held, partial, hop, phase, out):  # type: ignore[no-untyped-def]
    """Filter ``x`` into bands and sum each band over hops of ``hop`` samples, carrying all over to the next call.

    x (n_chans, n_times); sos (n_bands, n_sections, 6); state (n_chans, n_bands, n_sections, 2);
    origin, held (n_chans): first and last finite sample, NaN before there was one;
    partial (n_chans, n_bands, 4): sums of the hop under way; phase: samples of it already seen;
    out (n_hops, n_chans, n_bands, 4): of every hop that ended the sum, the sum of squares, the number of lost samples,
    and the number of samples unlike the one before.
    """
    n_chans, n_times = x.shape
    n_bands, n_sections = sos.shape[0], sos.shape[1]
    clean = np.empty(n_times)
    bad = np.zeros(n_times, np.bool_)
    new = np.zeros(n_times, np.bool_)
    for c in range(n_chans):
        # The electrode's offset is orders above the signal: the filter starts at rest on the first sample, and a lost
        # sample repeats the last one, so that neither makes a step.
        for t in range(n_times):
            v = np.float64(x[c, t])
            bad[t] = not np.isfinite(v)
            if bad[t]:
                v = held[c]
            elif np.isnan(origin[c]):
                origin[c] = v
            new[t] = v != held[c]
            held[c] = v
            clean[t] = v - origin[c] if np.isfinite(v) else 0.0
        for b in range(n_bands):
            total, square, lost, moved = partial[c, b]
            filled, hop_index = phase, 0
            for t in range(n_times):
                y = clean[t]
                for s in range(n_sections):
                    # Direct form II transposed, as scipy.signal.sosfilt.
                    u = y
                    y = sos[b, s, 0] * u + state[c, b, s, 0]
                    state[c, b, s, 0] = sos[b, s, 1] * u - sos[b, s, 4] * y + state[c, b, s, 1]
                    state[c, b, s, 1] = sos[b, s, 2] * u - sos[b, s, 5] * y
                total += y
                square += y * y
                lost += bad[t]
                moved += new[t]
                filled += 1
                if filled == hop:
                    out[hop_index, c, b] = total, square, lost, moved
                    total = square = lost = moved = 0.0
                    filled = 0
                    hop_index += 1
            partial[c, b] = total, square, lost, moved


@nb.njit(cache=True, nogil=True)
def window_entropy(hops, k, stride, first, n, unit, out):  # type: ignore[no-untyped-def]
    """Turn hop sums into the differential entropy of windows of ``k`` hops, ``stride`` hops apart, from hop ``first``.

    hops (n_hops, n_chans, n_bands, 4) as `band_sums` leaves them; n: samples in a window; unit: 1 for nats, 1 / ln 2
    for bits; out (n_chans, n_windows, n_bands).
    """
    n_chans, n_windows, n_bands = out.shape
    for w in range(n_windows):
        start = first + w * stride
        for c in range(n_chans):
            for b in range(n_bands):
                total = square = lost = moved = 0.0
                for h in range(start, start + k):
                    total += hops[h, c, b, 0]
                    square += hops[h, c, b, 1]
                    lost += hops[h, c, b, 2]
                    moved += hops[h, c, b, 3]
                variance = (square - total * total / n) / (n - 1)
                # A lost sample makes the entropy of a window unknown. A constant channel has none to give, but where it
                # became constant under way the filter rings on, and what it rings would be taken for a signal.
                if lost > 0 or moved == 0 or not variance > 0:
                    out[c, w, b] = np.nan
                else:
                    out[c, w, b] = 0.5 * np.log(2 * np.pi * np.e * variance) * unit
