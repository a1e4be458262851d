"""What every kernel takes: real numbers with time as the last axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["real_samples"]


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
