"""Power of bands from one Fourier transform of every window."""

from __future__ import annotations

import math
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.bands import Band
from affectbio.kernels._backend import bodies
from affectbio.kernels._fft_factors import radices, twiddles
from affectbio.kernels._samples import read_only

__all__ = ["FftPlan", "fft_plan", "fft_power"]

_Floats = npt.NDArray[np.float64]


class FftPlan(NamedTuple):
    """What the transform of a window needs to know, as the bodies of ``periodogram_sums`` take it."""

    taper: _Floats
    passes: npt.NDArray[np.int64]
    factors: _Floats
    turns: _Floats
    edges: npt.NDArray[np.int64]
    scale: float


@lru_cache(maxsize=64)
def fft_plan(bands: tuple[Band, ...], sfreq: float, window: int, taper: str) -> FftPlan:
    """Plan the transform of windows of so many samples.

    Raises ValueError where a band holds none of its frequencies.
    """
    apart = sfreq / window
    # A frequency that is an edge but for rounding belongs to the band above it.
    edges = np.array([[math.ceil(f / apart - 1e-9) for f in (b.l_freq, b.h_freq)] for b in bands], np.int64)
    # 0 Hz, which no band holds, would be counted twice.
    edges = np.maximum(edges, 1)
    for band, (low, high) in zip(bands, edges, strict=True):
        if low == high:
            raise ValueError(
                f"a window of {window} samples at {sfreq:g} Hz has frequencies {apart:g} Hz apart, none of them in "
                f"band {band.name!r}, {band.l_freq:g}-{band.h_freq:g} Hz; give a longer window_s or a wider band"
            )
    weights = np.ones(window)
    if taper == "hann":
        weights -= 0.5 + 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    scale = 2 / (window * float(np.square(weights).sum()))
    if not _fits(window):
        return FftPlan(weights, np.empty(0, np.int64), np.empty(0), np.empty(0), edges, scale)
    turned = np.exp(-2j * np.pi * np.arange(window // 2 + 1) / window)
    turns = np.stack([turned.real, turned.imag], axis=-1)
    half = window // 2
    return FftPlan(weights, radices(half), twiddles(half).ravel(), turns.ravel(), edges, scale)


def fft_power(x: npt.NDArray[Any], plan: FftPlan, step: int) -> _Floats:
    """Give the power in every window: (n_chans, n_times) to (n_chans, n_windows, n_bands)."""
    window = len(plan.taper)
    power = np.empty((len(x), max(0, (x.shape[1] - window) // step + 1), len(plan.edges)))
    # SciPy's transform takes any length.
    body = bodies("entropy") if len(plan.passes) else import_module("affectbio.kernels._plain_entropy")
    body.periodogram_sums(read_only(x), step, *plan, power)
    return power


def _fits(window: int) -> bool:
    """Say whether half the window has no other primes than 2, 3 and 5, as the compiled transform needs it."""
    half, odd = divmod(window, 2)
    for prime in (2, 3, 5):
        while half % prime == 0:
            half //= prime
    return half == 1 and not odd and window > 4
