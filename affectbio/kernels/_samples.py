"""What every kernel takes: real numbers with time as the last axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["read_only", "real_channels", "real_samples"]


def read_only(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give a view that cannot be written to.

    For Numba such an array is of another type: a body that is given all signals as such views is compiled once for
    them, and not again for the first that cannot be written to, as the samples of a `Signal` are.

    Parameters
    ----------
    x : ndarray
        Any array; it stays as it is.

    Returns
    -------
    ndarray
        A view of it.

    Examples
    --------
    >>> read_only(np.zeros(3)).flags.writeable
    False
    """
    view = x.view()
    view.flags.writeable = False
    return view


def real_samples(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Give samples as native, C-contiguous float32 or float64; a copy only where they are neither.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        Floats of any size and byte order, or integers.

    Returns
    -------
    ndarray, shape (..., n_times)
        float32 for floats of up to 32 bits, else float64.

    Raises
    ------
    ValueError
        If these are no real numbers, or a single one.

    Examples
    --------
    >>> real_samples([1, 2, 3])
    array([1., 2., 3.])
    """
    array = np.asarray(x)
    if array.dtype.kind not in "fiu" or array.ndim == 0:
        raise ValueError(f"expected real numbers with time as last axis; found {array.dtype}, shape {array.shape}")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return np.ascontiguousarray(array, dtype=np.float32 if single else np.float64)


def real_channels(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Give samples as `real_samples` does, of one channel at least.

    Parameters
    ----------
    x : array-like, shape (..., n_times)
        As for `real_samples`.

    Returns
    -------
    ndarray, shape (..., n_times)
        As of `real_samples`.

    Raises
    ------
    ValueError
        As `real_samples`, and if there is no channel.

    Examples
    --------
    >>> real_channels(np.empty((0, 500)))
    Traceback (most recent call last):
    ValueError: expected at least one channel; found an array of shape (0, 500)
    """
    samples = real_samples(x)
    if 0 in samples.shape[:-1]:
        raise ValueError(f"expected at least one channel; found an array of shape {samples.shape}")
    return samples
