"""Smoothing of features over windows: what is felt changes more slowly than the EEG's entropy from second to second.

A moving average, and the linear dynamical system (LDS) of Shi & Lu (EMBC 2010) and Duan, Zhu & Lu (NER 2013): each
feature is a state that walks at random, seen through noise, so that the best estimate is Kalman's filter. Published
work often smooths whole recordings with windows that were still to come; here what looks ahead says so in its name, and
the rest gives the same numbers offline and live.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError

__all__ = [
    "CausalMovingAverage",
    "LdsFilter",
    "LdsParameters",
    "fit_lds",
    "lds_filter",
    "lds_smooth_with_look_ahead",
    "moving_average",
]

_Floats = npt.NDArray[np.float64]

# q / r is sought from e^-16, a state that in a thousand windows moves by a hundredth of the noise, to e^9, one that
# moves by a hundred times the noise in each; to a percent.
_LOG_RATIOS = (-16.0, 9.0)
_TOLERANCE = 0.01
_GOLDEN = (5**0.5 - 1) / 2


class LdsParameters(NamedTuple):
    """How far the state moves and how noisy it is seen, in the squared unit of the feature.

    Attributes
    ----------
    q : ndarray, shape (n_features,)
        Variance of the state's step from a window to the next.
    r : ndarray, shape (n_features,)
        Variance of the noise in a window.
    """

    q: _Floats
    r: _Floats


def moving_average(features: npt.ArrayLike, n: int, *, axis: int = -2) -> npt.NDArray[Any]:
    """Average each window with those before it.

    Parameters
    ----------
    features : array-like, shape (..., n_windows, n_features)
        Features, as of `differential_entropy`. NaN and inf mark missing ones.
    n : int
        Windows in an average, the present one included.
    axis : int
        Axis of the windows.

    Returns
    -------
    ndarray, of the shape of features
        Mean of those of the last n that are not missing; of as many as there are yet in the first n - 1 windows. NaN
        where all are missing. float32 for float32.

    Raises
    ------
    ValueError
        If n is below 1, or features are no array of real numbers with such an axis.

    See Also
    --------
    CausalMovingAverage : The same numbers from chunks.

    Notes
    -----
    It delays by (n - 1) / 2 windows. Time O(n) per value.

    Examples
    --------
    >>> moving_average([[1.0], [3.0], [5.0], [7.0]], 3).ravel()
    array([1., 2., 3., 5.])
    """
    return CausalMovingAverage(n, axis=axis).push(features)


class CausalMovingAverage:
    """Moving average of a stream of features; equal to `moving_average` to the last bit.

    Parameters
    ----------
    n, axis
        As for `moving_average`.

    Raises
    ------
    ValueError
        If n is below 1.

    Examples
    --------
    >>> live = CausalMovingAverage(3)
    >>> [live.push([[value]]).item() for value in (1.0, 3.0, 5.0, 7.0)]
    [1.0, 2.0, 3.0, 5.0]
    """

    def __init__(self, n: int, *, axis: int = -2) -> None:
        if n < 1:
            raise ValueError(f"an average is of at least one window; found n={n}")
        self.n, self.axis = n, axis
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._past: _Floats | None = None

    def push(self, chunk: npt.ArrayLike) -> npt.NDArray[Any]:
        """Take new windows in and smooth them.

        Parameters
        ----------
        chunk : array-like, shape (..., n_new, n_features)
            New windows, any number of them.

        Returns
        -------
        ndarray, of the shape of chunk
            The smoothed features.

        Raises
        ------
        ValueError
            If the chunk has another shape than the one before, apart from the windows.
        """
        values, single = _windows_first(chunk, self.axis)
        if self._past is None:
            self._past = np.full((self.n - 1, *values.shape[1:]), np.nan)
        _check_shape(values.shape[1:], self._past.shape[1:])
        joined = np.concatenate([self._past, values])
        known = np.isfinite(joined)
        filled = np.where(known, joined, 0.0)
        total, count = np.zeros_like(values), np.zeros(values.shape, np.int64)
        # Window by window and always in the same order: running sums would drift, and round by where chunks are cut.
        for k in range(self.n):
            total += filled[k : k + len(values)]
            count += known[k : k + len(values)]
        self._past = joined[len(values) :].copy()
        mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        return _as_given(mean, self.axis, single)


def lds_filter(features: npt.ArrayLike, q: npt.ArrayLike, r: npt.ArrayLike, *, axis: int = -2) -> npt.NDArray[Any]:
    """Smooth features with Kalman's filter, from what has come so far.

    Parameters
    ----------
    features : array-like, shape (..., n_windows, n_features)
        Features, as of `differential_entropy`. NaN and inf mark missing ones.
    q : float or array-like, shape (n_features,)
        Variance of the state's step from a window to the next, in the squared unit of the feature. With `r`, of
        `fit_lds`, or by hand: only q / r matters.
    r : float or array-like, shape (n_features,)
        Variance of the noise in a window.
    axis : int
        Axis of the windows; q and r broadcast with the axes that are left.

    Returns
    -------
    ndarray, of the shape of features
        Mean of the state given this window and all before it. Where a feature is missing it is the one before: the
        prediction. NaN before the first that is not missing, which is taken as it is. float32 for float32.

    Raises
    ------
    ValueError
        If q is negative, r is not positive, or features are no array of real numbers with such an axis.

    See Also
    --------
    LdsFilter : The same numbers from chunks.

    Notes
    -----
    After many windows it is an exponential average with the gain (√(ρ² + 4ρ) - ρ) / 2, ρ = q / r, and delays by about
    1 / gain - 1 windows. Time O(1) per value.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(lds_filter([[0.0], [4.0], [np.nan], [4.0]], q=1, r=2).ravel(), 2)
    array([0.  , 2.4 , 2.4 , 3.38])
    """
    return LdsFilter(q, r, axis=axis).push(features)


class LdsFilter:
    """Kalman's filter on a stream of features; equal to `lds_filter` to the last bit.

    Parameters
    ----------
    q, r, axis
        As for `lds_filter`.

    Raises
    ------
    ValueError
        If q is negative or r is not positive.

    Examples
    --------
    >>> live = LdsFilter(q=1, r=2)
    >>> [round(live.push([[value]]).item(), 2) for value in (0.0, 4.0)]
    [0.0, 2.4]
    """

    def __init__(self, q: npt.ArrayLike, r: npt.ArrayLike, *, axis: int = -2) -> None:
        self.q, self.r, self.axis = _checked_variances(q, r), np.asarray(r, np.float64), axis
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._state: tuple[_Floats, _Floats] | None = None

    def push(self, chunk: npt.ArrayLike) -> npt.NDArray[Any]:
        """Take new windows in and smooth them.

        Parameters
        ----------
        chunk : array-like, shape (..., n_new, n_features)
            New windows, any number of them.

        Returns
        -------
        ndarray, of the shape of chunk
            The smoothed features.

        Raises
        ------
        ValueError
            If the chunk has another shape than the one before, apart from the windows.
        """
        values, single = _windows_first(chunk, self.axis)
        if self._state is None:
            _check_variances_fit(values, self.q, self.r)
            self._state = _unknown(values.shape[1:])
        _check_shape(values.shape[1:], self._state[0].shape)
        means, variances = np.empty_like(values), np.empty_like(values)
        self._state = _forward(values, self.q, self.r, self._state, means, variances)
        return _as_given(means, self.axis, single)


def lds_smooth_with_look_ahead(
    features: npt.ArrayLike, q: npt.ArrayLike, r: npt.ArrayLike, *, axis: int = -2
) -> npt.NDArray[Any]:
    """Smooth features with what came before and after (Rauch et al., AIAA J. 3:1445, 1965).

    No live system can do this: a score reached with it says nothing about one that runs, and where a recording holds
    several trials, it carries from each into the one before. Kept for comparison with published work.

    Parameters
    ----------
    features : array-like, shape (..., n_windows, n_features)
        Features, as of `differential_entropy`. NaN and inf mark missing ones.
    q, r : float or array-like, shape (n_features,)
        As for `lds_filter`.
    axis : int
        Axis of the windows.

    Returns
    -------
    ndarray, of the shape of features
        Mean of the state given all windows. NaN only where a feature is always missing. float32 for float32.

    Raises
    ------
    ValueError
        If q is negative, r is not positive, or features are no array of real numbers with such an axis.

    Examples
    --------
    >>> import numpy as np
    >>> np.round(lds_smooth_with_look_ahead([[0.0], [4.0], [np.nan], [4.0]], q=1, r=2).ravel(), 2)
    array([1.85, 2.77, 3.08, 3.38])
    """
    q, r = _checked_variances(q, r), np.asarray(r, np.float64)
    values, single = _windows_first(features, axis)
    _check_variances_fit(values, q, r)
    means, variances = np.empty_like(values), np.empty_like(values)
    _forward(values, q, r, _unknown(values.shape[1:]), means, variances)
    for t in range(len(values) - 2, -1, -1):
        gain = 1 / (1 + q / variances[t])
        # Nothing seen yet: what comes next is all that is known.
        here = np.where(np.isnan(means[t]), means[t + 1], means[t])
        means[t] = here + gain * (means[t + 1] - here)
    return _as_given(means, axis, single)


def fit_lds(features: npt.ArrayLike) -> LdsParameters:
    """Learn how far each feature's state moves and how noisy it is, by maximum likelihood.

    Parameters
    ----------
    features : array-like, shape (..., n_windows, n_features)
        Features, each of the leading axes an unbroken recording; of the people a model is trained on only, or the
        parameters carry knowledge of those it is tested on. NaN and inf mark missing ones.

    Returns
    -------
    LdsParameters
        q and r, each of shape (n_features,); NaN for a feature that is constant, or of which fewer than two steps are
        there.

    Raises
    ------
    SignalQualityError
        If there are fewer than three windows.
    ValueError
        If features are no array of real numbers with windows and features.

    Notes
    -----
    The likelihood of the local level model with a diffuse start (Durbin & Koopman, Time Series Analysis by State Space
    Methods, 2nd ed., section 2.10), r concentrated out and q / r by golden section within e^-16 to e^9, to 1 %. Time
    O(20) per value.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> walk = np.cumsum(0.3 * rng.standard_normal((20, 200, 1)), axis=1)
    >>> found = fit_lds(walk + 2 * rng.standard_normal((20, 200, 1)))
    >>> np.round(np.sqrt(found), 1).ravel()
    array([0.3, 2. ])
    """
    values, _ = _windows_first(features, -2)
    if len(values) < 3:
        raise SignalQualityError(
            f"learning needs 3 windows, but axis -2 of features, shape {np.shape(features)}, holds {len(values)}"
        )
    values = np.where(np.isfinite(values), values, np.nan)
    low, high = (np.full(values.shape[-1:], edge) for edge in _LOG_RATIOS)
    # Golden section, each feature on its own: of the two points within, one is always that of the step before.
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = _cost(values, left)[0], _cost(values, right)[0]
    while np.max(high - low, initial=0.0) > _TOLERANCE:
        lower = at_left < at_right
        low, high = np.where(lower, low, left), np.where(lower, right, high)
        new = np.where(lower, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        at_new = _cost(values, new)[0]
        left, right = np.where(lower, new, right), np.where(lower, left, new)
        at_left, at_right = np.where(lower, at_new, at_right), np.where(lower, at_left, at_new)
    log_ratio = (low + high) / 2
    r = _cost(values, log_ratio)[1]
    r = np.where(r > 0, r, np.nan)
    return LdsParameters(np.exp(log_ratio) * r, r)


def _cost(values: _Floats, log_ratio: _Floats) -> tuple[_Floats, _Floats]:
    """Give the negative log likelihood but for constants, and the noise's variance that makes it least, per feature."""
    ratio = np.exp(log_ratio)
    mean, variance = _unknown(values.shape[1:])
    squares, logs, count = (np.zeros(values.shape[1:]) for _ in range(3))
    for value in values:
        expected = 1 + variance + ratio
        seen = ~np.isnan(value) & ~np.isnan(mean)
        surprise = np.where(seen, value - mean, 0.0)
        squares += surprise**2 / expected
        logs += np.where(seen, np.log(np.where(seen, expected, 1.0)), 0.0)
        count += seen
        mean, variance = _step(value, ratio, np.ones_like(ratio), mean, variance)
    lead = tuple(range(squares.ndim - 1))
    n, total = count.sum(axis=lead), squares.sum(axis=lead)
    noise = np.divide(total, n, out=np.full_like(total, np.nan), where=n > 1)
    log_noise = np.log(noise, out=np.full_like(noise, np.nan), where=noise > 0)
    return 0.5 * (n * log_noise + logs.sum(axis=lead)), noise


def _unknown(shape: tuple[int, ...]) -> tuple[_Floats, _Floats]:
    """Give mean and variance of a state of which nothing is known."""
    return np.full(shape, np.nan), np.full(shape, np.inf)


def _step(value: _Floats, q: _Floats, r: _Floats, mean: _Floats, variance: _Floats) -> tuple[_Floats, _Floats]:
    """Predict, and update with what is seen."""
    variance = variance + q
    seen = np.isfinite(value)
    # Written so that a variance that is infinite gives a gain of 1.
    gain = np.where(seen, 1 / (1 + r / variance), 0.0)
    surprise = np.where(seen & ~np.isnan(mean), value - mean, 0.0)
    mean = np.where(seen & np.isnan(mean), value, mean + gain * surprise)
    return mean, np.where(seen, gain * r, variance)


def _forward(
    values: _Floats, q: _Floats, r: _Floats, state: tuple[_Floats, _Floats], means: _Floats, variances: _Floats
) -> tuple[_Floats, _Floats]:
    values = np.where(np.isfinite(values), values, np.nan)
    for t, value in enumerate(values):
        state = _step(value, q, r, *state)
        means[t], variances[t] = state
    return state


def _checked_variances(q: npt.ArrayLike, r: npt.ArrayLike) -> _Floats:
    steps, noise = np.asarray(q, np.float64), np.asarray(r, np.float64)
    if not (np.isfinite(steps) & (steps >= 0)).all() or not (np.isfinite(noise) & (noise > 0)).all():
        raise ValueError(f"expected variances, q at least 0 and r above 0; found q={steps}, r={noise}")
    return steps


def _check_variances_fit(values: _Floats, q: _Floats, r: _Floats) -> None:
    shape = values.shape[1:]
    for name, variance in (("q", q), ("r", r)):
        ahead = len(shape) - variance.ndim
        if ahead < 0 or any(n not in (1, m) for n, m in zip(variance.shape, shape[ahead:], strict=True)):
            raise ValueError(
                f"expected {name} that broadcasts with features of {shape} a window; found {variance.shape}"
            )


def _windows_first(features: npt.ArrayLike, axis: int) -> tuple[_Floats, bool]:
    """Give features as float64 with the windows first, and say whether they were float32."""
    values = np.asarray(features)
    if values.dtype.kind not in "fiu":
        raise ValueError(f"expected features of real numbers; found {values.dtype}")
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(f"expected features with windows along axis {axis}; found shape {values.shape}")
    return np.moveaxis(values, axis, 0).astype(np.float64), values.dtype.kind == "f" and values.dtype.itemsize <= 4


def _as_given(values: _Floats, axis: int, single: bool) -> npt.NDArray[Any]:
    back = np.moveaxis(values, 0, axis)
    return back.astype(np.float32) if single else np.ascontiguousarray(back)


def _check_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        raise ValueError(f"expected a chunk of shape {expected} apart from its windows, as before; found {found}")
