"""Copies of windows: exact ones by their bytes, scaled and noisy ones of other trials by their correlation.

Windows of one trial resemble each other by nature, and sharing a trial is another question; near copies are sought
between trials only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

__all__ = ["exact_codes", "near_copies", "needed_correlation"]

# Below this many rows every pair is compared; above, only rows that fall into one bucket of random projections.
_ALL_PAIRS = 4000
_BLOCK = 512
_N_TABLES, _N_BITS, _REACH = 16, 12, 32


def exact_codes(X: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Give each window a number, the same one to exact copies. Cost: n log n.

    Parameters
    ----------
    X : ndarray, shape (n_windows, ...)
        Windows.

    Returns
    -------
    ndarray of int, shape (n_windows,)
        Windows that are constant or hold no number at all are dead, not copied, and each has a number of its own; so
        has each window of a single value, since equal values are no copies.

    Examples
    --------
    >>> exact_codes(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])).tolist()
    [0, 1, 0, 2, 3]
    """
    flat = np.ascontiguousarray(X).reshape(len(X), -1)
    if not flat.size:
        return np.arange(len(X))
    first: dict[bytes, int] = {}
    codes = np.empty(len(flat), dtype=np.intp)
    for begin in range(0, len(flat), _BLOCK):
        block = flat[begin : begin + _BLOCK]
        known = np.isfinite(block) if block.dtype.kind in "fc" else np.ones(block.shape, dtype=bool)
        a_known_one = block[np.arange(len(block)), known.argmax(axis=1)]
        dead = ((block == a_known_one[:, None]) | ~known).all(axis=1)
        for i, (row, is_dead) in enumerate(zip(block, dead, strict=True), begin):
            codes[i] = i if is_dead else first.setdefault(row.tobytes(), i)
    return np.unique(codes, return_inverse=True)[1]


def needed_correlation(X: npt.NDArray[Any], n_pairs: float, false_pairs: float = 1e-3) -> float:
    """Say how alike two windows must be, so that no pair is by chance. Cost: one product of the shorter side.

    The correlation of two unrelated rows of d independent features follows a beta law; d is the participation ratio of
    the eigenvalues of the features' correlation matrix.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_features)
        Standardised features.
    n_pairs : float
        How many pairs are compared.
    false_pairs : float
        How many may be found by chance.

    Returns
    -------
    float
        At least 0.99; nearly 1 if there are few independent features.
    """
    small = X.T @ X if X.shape[1] <= X.shape[0] else X @ X.T
    trace, square = float(np.trace(small)), float((small * small).sum())
    d = trace**2 / square if square else 1.0
    if d <= 2.0:
        return 1.0
    # P(r > t) = I_{1 - t^2}((d - 1) / 2, 1 / 2) / 2
    tail = min(0.5, false_pairs / max(n_pairs, 1.0))
    return max(0.99, float(np.sqrt(1 - scipy.special.betaincinv((d - 1) / 2, 0.5, 2 * tail))))


def near_copies(
    X: npt.NDArray[Any], trial: npt.NDArray[np.intp], rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], float]:
    """Find pairs of windows of different trials that are scaled, shifted or noisy copies of each other.

    Features are standardised, the directions in which a common gain or offset moves a window are taken out, and rows
    are compared by correlation. Up to 4000 windows all pairs: n² d. Above, buckets of 16 tables of 12 random
    hyperplanes with exact verification, n log n: a pair that correlates 0.99 is met in one bucket with a probability
    above 0.999, unless more than 32 windows of a bucket stand between the two.

    Parameters
    ----------
    X : ndarray, shape (n_windows, ...)
        Windows.
    trial : ndarray of int, shape (n_windows,)
        Which trial each is of.
    rng : numpy.random.Generator
        Of the hyperplanes.

    Returns
    -------
    pairs : ndarray of int, shape (n_pairs, 2)
        Positions of windows.
    threshold : float
        The correlation that was asked for; 1 or more if the features are too few to tell copies from chance.
    """
    rows = _comparable(X)
    n = len(rows)
    alive = np.flatnonzero((rows != 0).any(axis=1))
    threshold = needed_correlation(rows[alive], len(alive) ** 2 / 2) if len(alive) > 1 else 1.0
    if threshold > 1 - 1e-6 or n < 2:
        return np.empty((0, 2), dtype=np.intp), 1.0
    found = _all_pairs(rows, trial, threshold) if n <= _ALL_PAIRS else _bucket_pairs(rows, trial, threshold, rng)
    return found, threshold


def _comparable(X: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Rows of length one, without the directions of a common gain and offset; zero where there is no row to compare."""
    flat = np.asarray(X, dtype=float).reshape(len(X), -1)
    good = np.isfinite(flat).all(axis=1)
    rows = np.zeros_like(flat)
    if good.any():
        centre, spread = flat[good].mean(axis=0), flat[good].std(axis=0)
        used = spread > 1e-12 * np.maximum(np.abs(centre), 1e-300)
        rows = np.zeros((len(flat), int(used.sum())))
        if used.any():
            rows[good] = (flat[good][:, used] - centre[used]) / spread[used]
            gains = np.stack([centre[used] / spread[used], 1 / spread[used]], axis=1)
            gains /= np.maximum(np.linalg.norm(gains, axis=0), 1e-300)
            basis, size, _ = np.linalg.svd(gains, full_matrices=False)
            basis = basis[:, size > 1e-6]
            rows[good] -= rows[good] @ basis @ basis.T
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, length, out=np.zeros_like(rows), where=length > 1e-9), dtype=np.float32)


def _all_pairs(rows: npt.NDArray[np.float32], trial: npt.NDArray[np.intp], threshold: float) -> npt.NDArray[np.intp]:
    found = []
    for begin in range(0, len(rows), 512):
        block = rows[begin : begin + 512]
        one, two = np.nonzero(block @ rows[begin:].T > threshold)
        one, two = one + begin, two + begin
        keep = (two > one) & (trial[one] != trial[two])
        found.append(np.stack([one[keep], two[keep]], axis=1))
    return np.concatenate(found)


def _bucket_pairs(
    rows: npt.NDArray[np.float32], trial: npt.NDArray[np.intp], threshold: float, rng: np.random.Generator
) -> npt.NDArray[np.intp]:
    found = []
    for _ in range(_N_TABLES):
        side = rows @ rng.normal(size=(rows.shape[1], _N_BITS + 1)).astype(np.float32)
        bucket = (side[:, :_N_BITS] > 0) @ (1 << np.arange(_N_BITS))
        # Inside a bucket rows are ordered along one more direction, where copies stand next to each other.
        order = np.lexsort((side[:, _N_BITS], bucket))
        for step in range(1, _REACH + 1):
            one, two = order[:-step], order[step:]
            keep = (bucket[one] == bucket[two]) & (trial[one] != trial[two])
            if not keep.any():
                continue
            one, two = one[keep], two[keep]
            alike = np.einsum("ij,ij->i", rows[one], rows[two]) > threshold
            found.append(np.stack([np.minimum(one, two)[alike], np.maximum(one, two)[alike]], axis=1))
    return np.unique(np.concatenate(found), axis=0) if found else np.empty((0, 2), dtype=np.intp)
