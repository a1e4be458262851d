"""Plain bodies of band power and differential entropy: what ``_jit_entropy`` computes, in NumPy and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft
from scipy.signal import sosfilt

__all__ = ["LANES", "band_sums", "mark_lost", "periodogram_sums", "repeat_lost", "window_variance"]

_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float64]
_Bools = npt.NDArray[np.bool_]

LANES = 1


def repeat_lost(x: _Array, held: _Array, out: _Array) -> None:
    """Put in place of each lost sample the last one that came; before the first that came, that one.

    x, out (n_chans, n_times); held (n_chans): the last sample that came before, NaN if none did. A channel of which
    nothing has come stays NaN.
    """
    for row, before, to in zip(x, held, out, strict=True):
        came = np.flatnonzero(np.isfinite(row))
        # Where a sample came last, as a place in what came.
        place = np.searchsorted(came, np.arange(len(row)), side="right") - 1
        first = before if not np.isnan(before) else (row[came[0]] if len(came) else np.nan)
        to[:] = np.where(place < 0, first, row[came[place]] if len(came) else np.nan)


def mark_lost(x: _Array, n: int, torn: bool, hop: int, phase: int, partial: _Bools, marks: _Bools) -> None:
    """Say per hop whether a sample was lost, carrying the hop under way over to the next call.

    x (n_chans, n): looked at only if torn; partial (2, width), marks (n_hops, 2, width): row 0 is written.
    """
    lost = ~np.isfinite(x) if torn else np.zeros((len(x), n), np.bool_)
    _any_in_hops(lost, hop, phase, partial[0], marks[:, 0])


def band_sums(
    x: _Array,
    begin: int,
    end: int,
    origin: _Floats,
    poles: _Floats,
    shared: _Bools,
    past: _Floats,
    state: _Floats,
    sums: _Floats,
    last: _Floats,
    partial: _Bools,
    hop: int,
    phase: int,
    out: _Floats,
    marks: _Bools,
) -> bool:
    """Filter samples into bands and sum each band and its square over hops, carrying all over to the next call.

    Says whether all numbers are still finite: what is lost stays in a recursion for ever.

    Arguments as those of the compiled body, in groups of one channel; every section applies its own numerator, so that
    ``shared`` and ``past`` are of no use.
    """
    level = x[:, begin:end] - origin[:, np.newaxis]
    before = np.concatenate([last[:, np.newaxis], level[:, :-1]], axis=1)
    _any_in_hops((level != before) & ~np.isnan(before), hop, phase, partial[1], marks[:, 1])
    last[:] = level[:, -1]
    for b, section in enumerate(poles):
        sos = np.column_stack([np.tile([1.0, 0.0, -1.0, 1.0], (len(section), 1)), -section])
        y, after = sosfilt(sos, level, zi=state[:, b, :, :, 0].transpose(1, 0, 2))
        state[:, b, :, :, 0] = after.transpose(1, 0, 2)
        for k, added in enumerate((y, y * y)):
            whole, rest = _in_hops(added, hop, phase, sums[:, b, k, 0])
            # A running sum adds in the order of time, so that it does not matter where chunks end.
            out[:, k, b] = whole.cumsum(axis=-1)[..., -1].T
            sums[:, b, k, 0] = rest.cumsum(axis=-1)[:, -1] if rest.shape[1] else 0.0
    return bool(np.isfinite(state).all())


def _any_in_hops(found: _Bools, hop: int, phase: int, partial: _Bools, out: _Bools) -> None:
    """Say per hop whether anything was found in it, carrying the hop under way over to the next call."""
    whole, rest = _in_hops(found, hop, phase, partial)
    out[:] = whole.any(axis=-1).T
    partial[:] = rest.any(axis=-1)


def _in_hops(values: _Array, hop: int, phase: int, carried: _Array) -> tuple[_Array, _Array]:
    """Cut (n_chans, n_new) into whole hops (n_chans, n_hops, hop) and a rest, what was carried before the first."""
    seen = np.zeros((len(values), phase), values.dtype)
    seen[:, -1:] = carried[:, np.newaxis]
    values = np.concatenate([seen, values], axis=1)
    n_hops = values.shape[1] // hop
    return values[:, : n_hops * hop].reshape(len(values), n_hops, hop), values[:, n_hops * hop :]


def window_variance(
    sums: _Floats,
    marks: _Bools,
    gain: _Floats,
    k: int,
    stride: int,
    first: int,
    n: int,
    ddof: int,
    out: _Floats,
    at: int,
    n_windows: int,
) -> None:
    """Give the variance in windows of ``k`` hops, ``stride`` hops apart, from hop ``first``.

    sums (n_hops, 2, n_bands, width) and marks (n_hops, 2, width) as `band_sums` and `mark_lost` leave them; gain
    (n_bands): of each filter; n: samples in a window; ddof: what to take from n; out (n_chans, n_all, n_bands): written
    from window ``at`` on.
    """
    n_chans = len(out)
    for w in range(n_windows):
        window = slice(first + w * stride, first + w * stride + k)
        lost, moved = marks[window, 0, :n_chans].any(axis=0), marks[window, 1, :n_chans].any(axis=0)
        total, square = sums[window, ..., :n_chans].sum(axis=0)
        variance = (square - total * total / n) * (gain * gain / (n - ddof))[:, np.newaxis]
        out[:, at + w] = np.where(moved & ~lost & (variance > 0), variance, np.nan).T


def periodogram_sums(
    x: _Array,
    step: int,
    taper: _Floats,
    passes: npt.NDArray[np.int64],
    factors: _Floats,
    turns: _Floats,
    edges: npt.NDArray[np.int64],
    scale: float,
    out: _Floats,
) -> None:
    """Sum the one-sided periodogram of every window over bands; SciPy needs none of the plan of its transform.

    x (n_chans, n_times); step: from window to window; taper (n): a weight for each sample; edges (n_bands, 2): first
    bin of a band and the one after the last; scale: of the squares; out (n_chans, n_windows, n_bands).
    """
    for w in range(out.shape[1]):
        window = x[:, w * step : w * step + len(taper)].astype(np.float64)
        with np.errstate(invalid="ignore"):
            window -= window[:, :1]
            window -= window.mean(axis=1, keepdims=True)
            spectrum = rfft(window * taper)
            squares = spectrum.real**2 + spectrum.imag**2
        for b, (low, high) in enumerate(edges):
            power = squares[:, low:high].sum(axis=1) * scale
            out[:, w, b] = np.where(power > 0, power, np.nan)
