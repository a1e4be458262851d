"""Body of streaming wavelet power in NumPy: what `affectbio.kernels._jit_wavelet_stream` computes, without Numba."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LANES", "hop_power"]

# Columns of the buffer are a multiple of it.
LANES = 1


def hop_power(
    held: npt.NDArray[np.float64],
    end: int,
    step: int,
    taps: npt.NDArray[np.float64],
    tap_at: npt.NDArray[np.int64],
    out: npt.NDArray[Any],
    first: int,
    stop: int,
) -> None:
    """Write the power at hops ``first`` to ``stop``, the newest sample of hop ``first`` lying in row ``end``.

    Parameters
    ----------
    held : ndarray, shape (n_rows, n_columns)
        Samples, a column for each channel.
    end, step : int
        Row of the newest sample of the first hop, and rows from hop to hop.
    taps : ndarray, shape (2 n_taps,)
        Of every frequency, real and imaginary parts of its wavelet from the middle on, in turn.
    tap_at : ndarray, shape (n_freqs + 1,)
        Where the taps of each frequency begin, in pairs.
    out : ndarray, shape (n_chans, n_freqs, n_hops)
        Where to write.
    first, stop : int
        Hops to write.
    """
    pairs = taps.view(np.complex128)
    for s, (begin, after) in enumerate(pairwise(tap_at.tolist())):
        # From the oldest sample on: the wavelet is turned round by the convolution.
        wavelet = np.concatenate([pairs[begin:after][::-1], pairs[begin + 1 : after].conj()])
        for hop in range(first, stop):
            newest = end + (hop - first) * step
            window = held[newest + 1 - len(wavelet) : newest + 1, : len(out)]
            with np.errstate(invalid="ignore"):
                transform = window.T @ wavelet.real, window.T @ wavelet.imag
                power = transform[0] ** 2 + transform[1] ** 2
            out[:, s, hop] = np.where(np.isfinite(power), power, np.nan)
