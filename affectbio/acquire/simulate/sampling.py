"""When the samples of a second are taken, and slow courses brought to those times."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from affectbio.acquire.simulate.affect import AFFECT_HZ

__all__ = ["n_until", "on_grid", "sample_times"]


def n_until(time_s: float, sfreq: float) -> int:
    """Give how many samples are taken before a time of the session; neither that nor the rate need be whole."""
    # Times that were added up are a little off, and the sample at that very moment is the next one.
    return math.ceil(round(time_s * sfreq, 6))


def sample_times(number: int, sfreq: float) -> npt.NDArray[np.float64]:
    """Give the times of the samples within a second, in seconds of the session."""
    return np.arange(n_until(number, sfreq), n_until(number + 1, sfreq)) / sfreq


def on_grid(times: npt.NDArray[np.float64], number: int, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bring courses on the grid of `AFFECT_HZ` to the times of samples, in straight lines.

    Parameters
    ----------
    times : ndarray, shape (n_times,)
        Within that second.
    number : int
        Which second.
    rows : ndarray, shape (..., AFFECT_HZ + 1)
        Courses, to the beginning of the next second.

    Returns
    -------
    ndarray, shape (..., n_times)
        The courses at those times.
    """
    at = np.clip((times - number) * AFFECT_HZ, 0.0, AFFECT_HZ)
    left = np.minimum(at.astype(np.intp), AFFECT_HZ - 1)
    share = at - left
    return np.asarray(rows[..., left] * (1 - share) + rows[..., left + 1] * share)
