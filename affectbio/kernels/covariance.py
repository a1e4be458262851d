"""Covariance matrices of channels, and vectors from them that linear classifiers can take.

Covariance matrices are symmetric and positive definite (SPD): they lie on a curved manifold, and are brought to the
flat space that touches it at a reference (Barachant et al., IEEE Trans. Biomed. Eng. 59:920, 2012), or at the identity,
which is the log-Euclidean way (Arsigny et al., Magnetic Resonance in Medicine 56:411, 2006).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Literal

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._bodily import lost_as_nan
from affectbio.kernels._samples import real_samples

__all__ = ["covariance", "log_euclidean", "log_euclidean_mean", "tangent_vector"]

_Floats = npt.NDArray[np.float64]


def covariance(x: npt.ArrayLike, shrinkage: Literal["ledoit-wolf"] | float = "ledoit-wolf") -> _Floats:
    """Estimate the covariance matrix of the channels of a window.

    Parameters
    ----------
    x : array-like, shape (..., n_chans, n_times)
        Windows of a signal, for a band filtered to it. NaN and inf mark lost samples.
    shrinkage : "ledoit-wolf" or float
        Weight from 0 to 1 of a multiple of the identity of the same trace, beside the unbiased covariance; or the one
        that Ledoit & Wolf (J. Multivar. Anal. 88:365, 2004) expect to be nearest to the truth.

    Returns
    -------
    ndarray, shape (..., n_chans, n_chans)
        In the squared unit of x, always SPD: NaN where a sample is lost, a channel is constant, or the matrix is
        singular to rounding. Without shrinkage, that is so with fewer samples than channels, and after an average
        reference.

    Raises
    ------
    SignalQualityError
        If there are fewer than two samples.
    ValueError
        If x is no array of real numbers with channels and times, or shrinkage is neither of the two.

    Notes
    -----
    "ledoit-wolf" is scikit-learn's ``ledoit_wolf`` times n / (n - 1), and takes samples for independent: those of EEG
    are not, and the weight comes out too low. Time O(n_chans² · n_times).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0.0], [0.8, 0.6]]) @ np.random.default_rng(0).standard_normal((2, 5000))
    >>> np.round(covariance(x), 1)
    array([[1. , 0.8],
           [0.8, 1. ]])
    """
    samples = lost_as_nan(x)
    if samples.ndim < 2 or 0 in samples.shape[:-1]:
        raise ValueError(f"expected channels and times, shape (..., n_chans, n_times); found shape {samples.shape}")
    n_chans, n_times = samples.shape[-2:]
    if n_times < 2:
        raise SignalQualityError(
            f"a covariance needs 2 samples, but the last axis of x, shape {samples.shape}, holds {n_times}"
        )
    if shrinkage != "ledoit-wolf" and not (isinstance(shrinkage, Real) and 0 <= shrinkage <= 1):
        raise ValueError(f"shrinkage is 'ledoit-wolf' or a weight from 0 to 1; found {shrinkage!r}")
    moving = (samples != samples[..., :1]).any(axis=-1)
    whole = np.asarray(np.isfinite(samples).all(axis=(-2, -1)) & moving.all(axis=-1))
    kept = np.where(whole[..., None, None], samples, 0.0)
    centred = kept - kept.mean(axis=-1, keepdims=True)
    sample = centred @ centred.swapaxes(-1, -2) / (n_times - 1)
    target = np.trace(sample, axis1=-2, axis2=-1)[..., None, None] / n_chans * np.eye(n_chans)
    weight = _ledoit_wolf(centred, target) if shrinkage == "ledoit-wolf" else shrinkage
    return _positive_definite((1 - weight) * sample + weight * target, whole)


def log_euclidean(cov: npt.ArrayLike) -> _Floats:
    """Bring covariance matrices to a flat space: the upper triangle of their matrix logarithm.

    Parameters
    ----------
    cov : array-like, shape (..., n_chans, n_chans)
        SPD matrices.

    Returns
    -------
    ndarray, shape (..., n_chans · (n_chans + 1) / 2)
        Row by row, the elements off the diagonal times √2, so that the length of a vector is the norm of the logarithm.
        NaN where a matrix is not SPD.

    Raises
    ------
    ValueError
        If these are no square matrices.

    Notes
    -----
    Time O(n_chans³) per matrix.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(log_euclidean(np.exp([[1.0, -np.inf], [-np.inf, 3.0]])), 3)
    array([1., 0., 3.])
    """
    return _upper(_of_eigenvalues(_square(cov), np.log))


def log_euclidean_mean(cov: npt.ArrayLike) -> _Floats:
    """Average covariance matrices by their logarithms: a reference for `tangent_vector`.

    Parameters
    ----------
    cov : array-like, shape (n_matrices, ..., n_chans, n_chans)
        SPD matrices, for a classifier those it is trained on only. Those that are not SPD are left out.

    Returns
    -------
    ndarray, shape (..., n_chans, n_chans)
        exp(mean(log(cov))) over the first axis; NaN where there is none to average.

    Raises
    ------
    ValueError
        If these are no stack of square matrices.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(log_euclidean_mean([np.eye(2), 4 * np.eye(2)]), 3)
    array([[2., 0.],
           [0., 2.]])
    """
    if np.ndim(cov) < 3 or np.shape(cov)[0] == 0:
        raise ValueError(f"expected a stack of matrices to average; found an array of shape {np.shape(cov)}")
    matrices = _square(cov)
    logs = _of_eigenvalues(matrices, np.log)
    known = np.isfinite(logs).all(axis=(-2, -1), keepdims=True)
    n_known = known.sum(axis=0)
    total = np.where(known, logs, 0.0).sum(axis=0)
    mean = np.divide(total, n_known, out=np.full_like(total, np.nan), where=n_known > 0)
    return _of_eigenvalues(mean, np.exp, least=-math.inf)


def tangent_vector(cov: npt.ArrayLike, reference: npt.ArrayLike) -> _Floats:
    """Bring covariance matrices to the flat space that touches their manifold at a reference.

    Parameters
    ----------
    cov : array-like, shape (..., n_chans, n_chans)
        SPD matrices.
    reference : array-like, shape (..., n_chans, n_chans)
        SPD matrix, or a stack that broadcasts with them: a mean of the training data (`log_euclidean_mean`), or of the
        same person's rest, which takes away what sets people apart.

    Returns
    -------
    ndarray, shape (..., n_chans · (n_chans + 1) / 2)
        Upper triangle of log(R^-½ C R^-½), row by row, the elements off the diagonal times √2: its length is the
        distance between the two that no mixing of channels changes. NaN where a matrix is not SPD.

    Raises
    ------
    ValueError
        If these are no square matrices of the same size.

    Notes
    -----
    Equal to the tangent space of pyRiemann. Time O(n_chans³) per matrix.

    Examples
    --------
    >>> import numpy as np
    >>> cov = np.array([[2.0, 1.0], [1.0, 2.0]])
    >>> np.round(tangent_vector(cov, cov), 6) + 0.0
    array([0., 0., 0.])
    """
    matrices, centre = _square(cov), _square(reference)
    if matrices.shape[-1] != centre.shape[-1]:
        raise ValueError(
            f"expected a reference of {matrices.shape[-1]} channels as cov has; found shape {centre.shape}"
        )
    try:
        np.broadcast_shapes(matrices.shape, centre.shape)
    except ValueError as error:
        raise ValueError(
            f"cov of shape {matrices.shape} does not broadcast with reference of {centre.shape}"
        ) from error
    whitener = _of_eigenvalues(centre, lambda values: 1 / np.sqrt(values))
    return _upper(_of_eigenvalues(whitener @ matrices @ whitener, np.log))


def _ledoit_wolf(centred: _Floats, target: _Floats) -> _Floats:
    """Give the weight of the target, lemma 3.2 to 3.4 of the paper, with the biased covariance as there."""
    n_times = centred.shape[-1]
    sample = centred @ centred.swapaxes(-1, -2) / n_times
    biased = target * (n_times - 1) / n_times
    distance = ((sample - biased) ** 2).sum(axis=(-2, -1))
    # Σ over samples of |x xᵀ - S|² = Σ |x|⁴ - n |S|².
    error = ((centred**2).sum(axis=-2) ** 2).sum(axis=-1) / n_times**2 - (sample**2).sum(axis=(-2, -1)) / n_times
    weight = np.divide(np.minimum(error, distance), distance, out=np.zeros_like(distance), where=distance > 0)
    return np.asarray(weight)[..., None, None]


def _square(cov: npt.ArrayLike) -> _Floats:
    matrices = real_samples(cov).astype(np.float64, copy=False)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2] or matrices.shape[-1] == 0:
        raise ValueError(f"expected square matrices, shape (..., n_chans, n_chans); found shape {matrices.shape}")
    return matrices


def _positive_definite(matrices: _Floats, whole: npt.NDArray[np.bool_]) -> _Floats:
    """Make NaN of matrices that are not."""
    values = np.linalg.eigvalsh(matrices)
    # Below this an eigenvalue of a singular matrix is rounding.
    good = whole & (values[..., 0] > matrices.shape[-1] * np.finfo(np.float64).eps * values[..., -1])
    return np.where(good[..., None, None], matrices, np.nan)


def _of_eigenvalues(matrices: _Floats, function: Callable[[_Floats], _Floats], least: float = 0.0) -> _Floats:
    """Apply a function to the eigenvalues of symmetric matrices; NaN where one is not above ``least``."""
    known = np.asarray(np.isfinite(matrices).all(axis=(-2, -1)))
    safe = np.where(known[..., None, None], matrices, np.eye(matrices.shape[-1]))
    values, vectors = np.linalg.eigh(safe)
    known &= values[..., 0] > least
    scaled = vectors * function(np.where(known[..., None], values, 1.0))[..., None, :]
    out: _Floats = np.where(known[..., None, None], scaled @ vectors.swapaxes(-1, -2), np.nan)
    return out


def _upper(matrices: _Floats) -> _Floats:
    rows, columns = np.triu_indices(matrices.shape[-1])
    vectors: _Floats = matrices[..., rows, columns] * np.where(rows == columns, 1.0, math.sqrt(2.0))
    return vectors
