"""Bodies of wavelet power in NumPy: what `affectbio.kernels._jit_wavelet` computes, where Numba is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from affectbio.kernels._wavelet_plan import Plan

__all__ = ["LANES", "power"]

# Channels that are done together.
LANES = 1

Array = npt.NDArray[Any]


def power(x: Array, offsets: Array, plan: Plan, out: Array) -> None:
    """Write the power of every frequency as a mean over each cell.

    Parameters
    ----------
    x : ndarray, shape (n_chans, n_times)
        Signal.
    offsets : ndarray, shape (n_chans,)
        Taken from each channel.
    plan : Plan
        For a signal of this length in cells as many as ``out`` has.
    out : ndarray, shape (n_chans, n_freqs, n_cells)
        Where to write.
    """
    spectrum = fft.rfft(x - offsets[:, None], plan.n_fft)
    for s, kind in enumerate(plan.kind):
        length, n_bins, at = int(plan.length[kind]), plan.n_bins[s], plan.gain_at[s]
        # Moved down to the first bins, which leaves the magnitude as it is.
        band = spectrum[:, plan.first[s] :][:, :n_bins] * plan.gains[at : at + n_bins]
        points = np.abs(fft.ifft(band, length, norm="forward")) ** 2
        out[:, s] = np.maximum(_means(points, plan, int(kind), out.shape[-1]), 0)


def _means(points: Array, plan: Plan, kind: int, n_cells: int) -> Array:
    """Weigh points, shape (n_chans, length) and periodic, into cells."""
    cells = plan.cells[plan.cell_at[kind] : plan.cell_at[kind + 1]]
    weights = plan.weights[plan.weight_at[kind] : plan.weight_at[kind + 1]].reshape(len(cells), -1)
    round_, turn = np.divmod(np.arange(n_cells), len(cells))
    first = cells[turn] + round_ * plan.advance[kind]
    means = np.zeros((len(points), n_cells), points.dtype)
    # Tap by tap: all at once, there would be that many times as many numbers.
    for tap, weight in enumerate(weights.T):
        if weight.any():
            means += weight[turn] * points[:, (first + tap) % points.shape[1]]
    return means
