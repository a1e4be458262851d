"""Plain bodies of the discrete wavelet transform: what ``_jit_discrete_wavelet`` computes, in NumPy.

``reach`` is the newest sample that the first output takes in: 1, or half the filter for periodization.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["energy_rows", "split_rows"]

SYMMETRIC, REFLECT, PERIODIC, PERIODIZATION, CONSTANT, ZERO = range(6)

_Array = npt.NDArray[Any]


def split_rows(
    x: _Array, n_times: int, low: _Array, high: _Array, border: int, reach: int, approximation: _Array, detail: _Array
) -> None:
    """Take one step of the transform: x flat, of signals of ``n_times``; the results (n_signals, n_out)."""
    n_out = detail.shape[1]
    # From the oldest sample that the first output takes in to the newest of the last.
    t = np.arange(reach - len(low) + 1, reach + 2 * n_out - 1)
    source = x.reshape(-1, n_times)[:, _inside(t, n_times, border)]
    if border == ZERO:
        source[:, (t < 0) | (t >= n_times)] = 0
    approximation[:] = detail[:] = 0
    with np.errstate(invalid="ignore", over="ignore"):  # a lost sample may be inf
        for j, (a, d) in enumerate(zip(low[::-1], high[::-1], strict=True)):
            approximation += a * source[:, j : j + 2 * n_out - 1 : 2]
            detail += d * source[:, j : j + 2 * n_out - 1 : 2]


def energy_rows(
    x: _Array, n_times: int, low: _Array, high: _Array, border: int, reach: int, out: npt.NDArray[np.float64]
) -> None:
    """Sum the squares of all coefficients: x flat, of signals of ``n_times``; out (n_signals, level + 1).

    A signal with a lost sample gets NaN.
    """
    n_rows, level = out.shape[0], out.shape[1] - 1
    for step in range(level):
        n_out = (n_times + 1) // 2 if border == PERIODIZATION else (n_times + len(low) - 1) // 2
        halves = np.empty((2, n_rows, n_out), x.dtype)
        split_rows(x, n_times, low, high, border, reach, *halves)
        out[:, level - step] = np.square(halves[1], dtype=np.float64).sum(axis=-1)
        x, n_times = halves[0].ravel(), n_out
    out[:, 0] = np.square(x.reshape(n_rows, n_times), dtype=np.float64).sum(axis=-1)
    out[~np.isfinite(out).all(axis=-1)] = np.nan


def _inside(t: npt.NDArray[np.int64], n_times: int, border: int) -> npt.NDArray[np.int64]:
    """Give the samples that stand for samples ``t`` where the signal is continued past its ends."""
    if border in (CONSTANT, ZERO) or n_times == 1:
        return t.clip(0, n_times - 1)
    if border == SYMMETRIC:
        t = t % (2 * n_times)
        return np.minimum(t, 2 * n_times - 1 - t)
    if border == REFLECT:
        t = t % (2 * n_times - 2)
        return np.minimum(t, 2 * n_times - 2 - t)
    # An odd signal is made even by repeating its last sample.
    period = n_times + n_times % 2 if border == PERIODIZATION else n_times
    return np.minimum(t % period, n_times - 1)
