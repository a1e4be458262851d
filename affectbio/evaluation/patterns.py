"""Which features carry what a linear model reads: activation patterns (Haufe et al., NeuroImage 87, 2014)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError

__all__ = ["haufe_pattern"]


def haufe_pattern(X: npt.NDArray[Any], weights: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Turn the weights of a linear model into the pattern of what it responds to.

    Weights say how to extract a source, and are large on channels that only help to cancel noise. The pattern says
    where the source is: ``cov(X) w / var(s)`` with ``s = X w`` (equation 7), the change of each feature when the
    output of the model rises by one.

    Parameters
    ----------
    X : ndarray, shape (n_windows, ...)
        What the model was trained on, for example (n_windows, n_chans, n_bands).
    weights : ndarray, shape (...)
        One weight per feature, of the shape of one window.

    Returns
    -------
    ndarray, shape (...)
        The pattern, in the unit of ``X`` per unit of the output.

    Raises
    ------
    DataError
        If the shapes do not fit, or the output of the model does not vary.

    Examples
    --------
    Feature 0 is source plus noise, feature 1 the noise alone: the model needs both, the source is only in the first.

    >>> source, noise = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
    >>> pattern = haufe_pattern(np.column_stack([source + noise, noise]), np.array([1.0, -1.0]))
    >>> pattern.tolist()
    [1.0, 0.0]
    """
    if X.shape[1:] != weights.shape:
        raise DataError(f"weights of shape {weights.shape} do not fit windows of shape {X.shape[1:]}")
    flat = X.reshape(len(X), -1).astype(float)
    flat -= flat.mean(axis=0)
    output = flat @ weights.reshape(-1).astype(float)
    power = output @ output
    if not power > 0:
        raise DataError("the output of the model does not vary over these windows, so nothing varies with it")
    pattern = flat.T @ output / power
    return np.asarray(pattern.reshape(weights.shape), dtype=np.float64)
