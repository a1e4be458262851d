"""Plain body of sample entropy: what ``_jit_complexity`` computes, in NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["count_matches"]

_Floats = npt.NDArray[np.float64]


def count_matches(x: _Floats, m: int, tolerance: _Floats, out: _Floats) -> None:
    """Count the pairs of templates of m samples that match, and those that still do with one sample more.

    x (n_signals, n_times); tolerance (n_signals); out (n_signals, 2). Two templates match where no two samples of one
    place differ by more than the tolerance; only the n_times - m templates that can grow by a sample are compared.
    """
    out[:] = 0
    for lag in range(1, x.shape[1] - m):
        near = np.abs(x[:, :-lag] - x[:, lag:]) <= tolerance[:, np.newaxis]
        grown = np.lib.stride_tricks.sliding_window_view(near, m + 1, axis=-1)
        shorter = grown[..., :-1].all(axis=-1)
        out[:, 0] += shorter.sum(axis=-1)
        out[:, 1] += (shorter & grown[..., -1]).sum(axis=-1)
