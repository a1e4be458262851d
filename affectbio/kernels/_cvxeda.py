"""The convex model of skin conductance of Greco et al. (IEEE TBME 63:797, 2016), solved by an interior-point method.

Their equation 15: minimise ½ |M q + B l + C d - y|² + α |A q|₁ + ½ γ |l|² over A q ≥ 0. M q is the phasic part, A q the
sparse activity of the sudomotor nerve that drives it, B l cubic splines with a knot every 10 s, C d a straight line.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Solution", "solve"]

_Floats = npt.NDArray[np.float64]

# The values of Greco et al.: time constants of the Bateman function and the step of knots in seconds, and penalties.
_TAU_S = (2.0, 0.7)
_KNOT_S = 10.0
_ALPHA = 8e-4
_GAMMA = 1e-2

_MAX_STEPS = 60


class Solution(NamedTuple):
    """The parts, each of shape (n_times,); NaN where the optimum was not reached.

    Attributes
    ----------
    tonic, phasic : ndarray
        In µS.
    driver : ndarray
        In µS/s.
    """

    tonic: _Floats
    phasic: _Floats
    driver: _Floats


def solve(y: _Floats, weight: _Floats, sfreq: float) -> Solution:
    """Split one signal.

    Parameters
    ----------
    y : ndarray, shape (n_times,)
        Signal in microsiemens less its mean, finite everywhere.
    weight : ndarray, shape (n_times,)
        1 where a sample counts, 0 where it is lost.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    Solution
        The parts.

    Notes
    -----
    Mehrotra's predictor and corrector (SIAM J. Optim. 2:575, 1992). Eliminating the splines leaves a matrix of five
    diagonals: each of the 15 to 30 steps takes a time in O(n_times · n_knots).

    The signal before the first sample counts as without response: what is left of an earlier one is taken for a
    response at the very start.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(240) / 4
    >>> after = np.maximum(t - 20, 0)
    >>> response = 5 * (np.exp(-after / 2) - np.exp(-after / 0.7))
    >>> parts = solve(response + t / 60, np.ones(240), 4.0)
    >>> float(t[parts.driver.argmax()]), bool(np.corrcoef(parts.phasic, response)[0, 1] > 0.98)
    (20.0, True)
    """
    model = _model(y, weight, sfreq)
    n = len(y)
    start = np.linalg.solve(model.inner, model.basis_t @ (weight * y))
    # Rounding grows with the signal.
    tolerance = 1e-6 * max(1.0, float(np.abs(y).max()))
    # Any positive numbers would do; these take few steps.
    point = _Point(np.zeros(n), start, np.full(n, 0.1), np.full(n, _ALPHA))
    for _ in range(_MAX_STEPS):
        gap, slopes = _optimality(model, point)
        error = max(gap / _ALPHA, *(float(np.abs(slope).max()) for slope in slopes))
        if error < tolerance:
            break
        try:
            point = _advanced(model, point, gap, slopes)
        except np.linalg.LinAlgError:
            break
    # Where a jump of tens of µS spoils the numbers before they settle, this is still near enough for any purpose.
    if not error < 1e3 * tolerance:
        return Solution(*np.full((3, n), np.nan))
    # The slack is the driver A q up to the tolerance, and never below 0 where rounding would leave that.
    return Solution(model.basis @ point.tonic, _times(model.ma, point.q), point.slack)


class _Model(NamedTuple):
    """The signal, and what stays the same from step to step."""

    y: _Floats
    weight: _Floats
    ma: _Floats  # the three diagonals of M
    ar: _Floats  # and of A
    basis: Any  # B and C side by side, sparse: four splines reach a sample
    basis_t: Any
    ridge: _Floats
    inner: _Floats  # second derivatives of the cost: among tonic coefficients,
    cross: Any  # between those and q, sparse,
    cross_t: Any
    fit: _Floats  # and within q, as diagonals
    cost: _Floats  # gradient of α |A q|₁ where A q is positive


class _Point(NamedTuple):
    q: _Floats
    tonic: _Floats
    slack: _Floats
    dual: _Floats


def _model(y: _Floats, weight: _Floats, sfreq: float) -> _Model:
    from scipy.signal import bilinear
    from scipy.sparse import diags_array

    rates = [1 / tau for tau in _TAU_S]
    numerator, denominator = bilinear([rates[1] - rates[0]], np.poly([-rate for rate in rates]), sfreq)
    ma, ar = numerator / numerator[0], denominator / numerator[0]
    basis, ridge = _tonic_basis(len(y), sfreq)
    weighted = diags_array(weight) @ basis
    inner = (basis.T @ weighted).toarray() + np.diag(ridge)
    cross = diags_array(ma, offsets=[0, 1, 2], shape=(len(y), len(y))) @ weighted
    cost = _ALPHA * _transposed(ar, np.ones(len(y)))
    return _Model(y, weight, ma, ar, basis, basis.T, ridge, inner, cross, cross.T, _gram(ma, weight), cost)


def _optimality(model: _Model, point: _Point) -> tuple[float, tuple[_Floats, _Floats, _Floats]]:
    """Give what is 0 at the optimum: complementarity; slopes along q and tonic; A q less the slack."""
    rest = model.weight * (_times(model.ma, point.q) + model.basis @ point.tonic - model.y)
    slope_q = _transposed(model.ma, rest) + model.cost - _transposed(model.ar, point.dual)
    slope_tonic = model.basis_t @ rest + model.ridge * point.tonic
    gap = float(point.slack @ point.dual) / len(model.y)
    return gap, (slope_q, slope_tonic, _times(model.ar, point.q) - point.slack)


def _advanced(model: _Model, point: _Point, gap: float, slopes: tuple[_Floats, _Floats, _Floats]) -> _Point:
    """Take one step."""
    from scipy.linalg.lapack import dpbtrf, dpbtrs

    slope_q, slope_tonic, infeasible = slopes
    slack, dual = point.slack, point.dual
    steep = dual / slack
    # The bilinear transform has a zero at half the rate, where without a floor the matrix nears singularity. It makes
    # steps shorter, and leaves the optimum where it is.
    factor, failed = dpbtrf(model.fit + _gram(model.ar, steep + 1e-9), lower=1)
    if failed:
        raise np.linalg.LinAlgError("not positive definite")

    def solved(right: _Floats) -> _Floats:
        x: _Floats = dpbtrs(factor, right, lower=1)[0]
        return x

    # With dense matrices, BLAS would share out products so small among threads, which costs more than it gains.
    schur = model.inner - model.cross_t @ solved(model.cross.toarray(order="F"))

    def direction(complementarity: _Floats) -> _Point:
        right = -slope_q - _transposed(model.ar, complementarity / slack + steep * infeasible)
        tonic = np.linalg.solve(schur, -slope_tonic - model.cross_t @ solved(right))
        q = solved(right - model.cross @ tonic)
        to_slack = _times(model.ar, q) + infeasible
        return _Point(q, tonic, to_slack, -(complementarity + dual * to_slack) / slack)

    aim = direction(slack * dual)
    ahead = (slack + _reach(slack, aim.slack) * aim.slack) @ (dual + _reach(dual, aim.dual) * aim.dual)
    centre = gap * (ahead / len(slack) / gap) ** 3
    aim = direction(slack * dual + aim.slack * aim.dual - centre)
    length = min(_reach(slack, aim.slack), _reach(dual, aim.dual))
    return _Point(*(here + length * change for here, change in zip(point, aim, strict=True)))


def _tonic_basis(n: int, sfreq: float) -> tuple[Any, _Floats]:
    """Give splines of height 1, then offset and slope, as columns of a sparse matrix; and the penalty on each."""
    from scipy.interpolate import BSpline
    from scipy.sparse import csr_array, hstack

    t = np.arange(n) / sfreq
    # Three knots beyond either end, so that the splines sum to one up to it.
    knots = np.arange(-3, np.floor(t[-1] / _KNOT_S) + 5) * _KNOT_S
    splines = 1.5 * BSpline.design_matrix(t, knots, 3)
    line = csr_array(np.column_stack([np.ones(n), t / max(t[-1], 1 / sfreq)]))
    # The line is free; but where all samples are lost, something must hold it.
    return hstack([splines, line], format="csr"), np.r_[np.full(splines.shape[1], _GAMMA), 1e-9, 1e-9]


def _times(band: _Floats, q: _Floats) -> _Floats:
    """Multiply by the lower triangular matrix that has these three diagonals."""
    out: _Floats = band[0] * q
    out[1:] += band[1] * q[:-1]
    out[2:] += band[2] * q[:-2]
    return out


def _transposed(band: _Floats, q: _Floats) -> _Floats:
    """Multiply by its transpose."""
    return _times(band, q[::-1])[::-1]


def _gram(band: _Floats, weight: _Floats) -> _Floats:
    """Give the lower diagonals of its transpose times diag(weight) times itself, as LAPACK stores them."""
    w0, w1, w2 = weight, np.append(weight[1:], 0), np.append(weight[2:], [0, 0])
    b0, b1, b2 = band
    return np.array([b0**2 * w0 + b1**2 * w1 + b2**2 * w2, b0 * b1 * w1 + b1 * b2 * w2, b0 * b2 * w2])


def _reach(value: _Floats, change: _Floats) -> float:
    """Give the longest step, at most 1, that leaves all values positive."""
    shrink = float((-change / value).max())
    return 1.0 if shrink < 0.995 else 0.995 / shrink
