"""Smoothing against loops, the posterior of the whole Gaussian model, and itself cut into chunks."""

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.errors import SignalQualityError
from affectbio.kernels.smoothing import (
    CausalMovingAverage,
    LdsFilter,
    fit_lds,
    lds_filter,
    lds_smooth_with_look_ahead,
    moving_average,
)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def posterior_mean(z, q, r):
    """Mean of a random walk given all of z, shape (n,), by solving for it as a whole; the start is free."""
    steps = np.diff(np.eye(len(z)), axis=0)
    seen = np.diag(np.isfinite(z) / r)
    return np.linalg.solve(steps.T @ steps / q + seen, seen @ np.nan_to_num(z))


def torn(*shape, seed=0):
    z = noise(*shape, seed=seed)
    z[np.random.default_rng(seed + 1).random(shape) < 0.3] = np.nan
    return z


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_moving_average_equals_a_loop(n):
    z = torn(3, 20, 4)
    z[0, :8, 0] = np.nan
    z[1, 3, 1] = np.inf
    found = moving_average(z, n)
    for c, t, f in np.ndindex(z.shape):
        last = z[c, max(0, t - n + 1) : t + 1, f]
        last = last[np.isfinite(last)]
        expected = last.mean() if len(last) else np.nan
        np.testing.assert_allclose(found[c, t, f], expected, rtol=1e-12)


@pytest.mark.parametrize(("q", "r"), [(0.01, 1.0), (1.0, 1.0), (30.0, 2.0)])
def test_filter_and_smoother_equal_the_posterior_of_the_whole_model(q, r):
    z = torn(25, 3)
    z[0] = [1.0, np.nan, 0.3]
    filtered, smoothed = lds_filter(z, q, r), lds_smooth_with_look_ahead(z, q, r)
    for f in range(3):
        np.testing.assert_allclose(smoothed[:, f], posterior_mean(z[:, f], q, r), rtol=1e-9)
        for t in range(25):
            known = z[: t + 1, f]
            expected = posterior_mean(known, q, r)[-1] if np.isfinite(known).any() else np.nan
            np.testing.assert_allclose(filtered[t, f], expected, rtol=1e-9)


def test_look_ahead_moves_before_the_step_and_the_filter_does_not():
    step = np.repeat([0.0, 1.0], 20)[:, None]
    np.testing.assert_array_equal(lds_filter(step, 0.1, 1)[:20], 0)
    assert lds_smooth_with_look_ahead(step, 0.1, 1)[19] > 0.2


@pytest.mark.parametrize("ratio", [1e-4, 0.1, 3.0])
def test_after_many_windows_the_gain_is_that_of_the_steady_state(ratio):
    z = np.zeros((5000, 1))
    z[-1] = 1.0
    assert lds_filter(z, 2 * ratio, 2)[-1, 0] == pytest.approx((np.sqrt(ratio**2 + 4 * ratio) - ratio) / 2, rel=1e-6)


def test_a_state_that_does_not_move_is_the_mean_so_far():
    z = noise(50, 2)
    expected = np.cumsum(z, axis=0) / np.arange(1, 51)[:, None]
    np.testing.assert_allclose(lds_filter(z, 0, 1), expected, rtol=1e-9)
    np.testing.assert_allclose(lds_smooth_with_look_ahead(z, 0, 1), np.broadcast_to(expected[-1], z.shape), rtol=1e-9)


def test_each_feature_has_its_own_variances():
    z = noise(4, 30, 3)
    q, r = np.array([0.1, 1, 2]), np.array([1, 3, 0.5])
    for smooth in (lds_filter, lds_smooth_with_look_ahead):
        alone = [smooth(z[..., f : f + 1], q[f], r[f]) for f in range(3)]
        np.testing.assert_array_equal(smooth(z, q, r), np.concatenate(alone, axis=-1))


@given(st.integers(1, 6), st.lists(st.integers(0, 7), min_size=1, max_size=8), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_chunks_equal_the_whole(n, sizes, seed):
    z = torn(2, sum(sizes), 3, seed=seed)
    for stream, whole in (
        (CausalMovingAverage(n), moving_average(z, n)),
        (LdsFilter(0.2, 1.5), lds_filter(z, 0.2, 1.5)),
    ):
        for _ in range(2):  # and once more, having forgotten
            parts = [stream.push(chunk) for chunk in np.split(z, np.cumsum(sizes)[:-1], axis=1)]
            np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
            stream.reset()


SMOOTHERS = {
    "moving average": lambda z, **keywords: moving_average(z, 3, **keywords),
    "filter": lambda z, **keywords: lds_filter(z, 0.3, 1, **keywords),
    "smoother": lambda z, **keywords: lds_smooth_with_look_ahead(z, 0.3, 1, **keywords),
}


@pytest.mark.parametrize("name", SMOOTHERS)
def test_stack_axis_and_type(name):
    smooth = SMOOTHERS[name]
    z = noise(2, 3, 12, 4)
    whole = smooth(z)
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(whole[i], smooth(z[i]))
    np.testing.assert_array_equal(smooth(np.moveaxis(z, 2, 3), axis=-1), np.moveaxis(whole, 2, 3))
    np.testing.assert_array_equal(smooth(np.moveaxis(z, 2, 0), axis=0), np.moveaxis(whole, 2, 0))
    single = z.astype(np.float32)
    assert smooth(single).dtype == np.float32
    np.testing.assert_allclose(smooth(single), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(smooth(single.astype(">f4")), smooth(single))
    assert smooth(np.arange(8).reshape(4, 2)).dtype == np.float64


@pytest.mark.parametrize("name", SMOOTHERS)
def test_a_feature_that_is_always_missing_stays_unknown_and_harms_no_other(name):
    z = noise(10, 3)
    z[:, 1] = np.nan
    found = SMOOTHERS[name](z)
    assert np.isnan(found[:, 1]).all()
    np.testing.assert_array_equal(found[:, [0, 2]], SMOOTHERS[name](z[:, [0, 2]]))


def test_no_windows_at_all_give_none():
    for smooth in SMOOTHERS.values():
        assert smooth(np.empty((2, 0, 5))).shape == (2, 0, 5)


def test_likelihood_is_at_its_greatest():
    rng = np.random.default_rng(3)
    z = np.cumsum(0.5 * rng.standard_normal((80, 1)), axis=0) + rng.standard_normal((80, 1))

    # With a free start, the likelihood is that of the differences, which are a moving average of order 1.
    def log_likelihood(q, r):
        lags = np.zeros(79)
        lags[:2] = q + 2 * r, -r
        return scipy.stats.multivariate_normal(cov=scipy.linalg.toeplitz(lags)).logpdf(np.diff(z[:, 0]))

    best = scipy.optimize.minimize(lambda p: -log_likelihood(*np.exp(p)), [0.0, 0.0], method="Nelder-Mead")
    found = fit_lds(z)
    np.testing.assert_allclose([found.q[0], found.r[0]], np.exp(best.x), rtol=0.02)
    assert log_likelihood(found.q[0], found.r[0]) == pytest.approx(-best.fun, abs=1e-4)


def test_learns_from_all_recordings_and_in_spite_of_holes():
    rng = np.random.default_rng(0)
    q, r = np.array([0.04, 1.0, 0.5]), np.array([1.0, 0.2, 3.0])
    z = np.cumsum(np.sqrt(q) * rng.standard_normal((30, 100, 3)), axis=1) + np.sqrt(r) * rng.standard_normal(
        (30, 100, 3)
    )
    z += 100 * rng.standard_normal((30, 1, 3))  # each person's own level
    z[rng.random(z.shape) < 0.1] = np.nan
    found = fit_lds(z)
    np.testing.assert_allclose(found.q, q, rtol=0.25)
    np.testing.assert_allclose(found.r, r, rtol=0.25)


def test_what_cannot_be_learnt_is_unknown():
    z = noise(50, 4)
    z[:, 1], z[:, 2], z[2:, 3] = 7.0, np.nan, np.nan
    found = fit_lds(z)
    np.testing.assert_array_equal(np.isnan(found), [[False, True, True, True]] * 2)


def test_what_makes_no_sense_is_refused_by_name():
    z = noise(10, 2)
    with pytest.raises(ValueError, match="n=0"):
        moving_average(z, 0)
    with pytest.raises(ValueError, match="q=-1"):
        lds_filter(z, -1, 1)
    with pytest.raises(ValueError, match="r=0"):
        lds_smooth_with_look_ahead(z, 1, 0)
    for smooth in (lds_filter, lds_smooth_with_look_ahead):
        with pytest.raises(ValueError, match=r"q that broadcasts with features of \(2,\) a window; found \(3,\)"):
            smooth(z, [1, 2, 3], 1)
        with pytest.raises(ValueError, match=r"r that broadcasts with features of \(1,\) a window; found \(2,\)"):
            smooth(z[:, :1], 1, [1, 2])
    with pytest.raises(ValueError, match="r=nan"):
        LdsFilter(1, np.nan)
    with pytest.raises(ValueError, match=r"axis -2; found shape \(10,\)"):
        lds_filter(z[:, 0], 1, 1)
    with pytest.raises(ValueError, match="complex128"):
        moving_average(1j * z, 2)
    for stream in (CausalMovingAverage(3), LdsFilter(1, 1)):
        stream.push(z)
        with pytest.raises(ValueError, match=r"shape \(2,\) apart from its windows, as before; found \(3,\)"):
            stream.push(noise(10, 3))
    with pytest.raises(SignalQualityError, match=r"3 windows.*shape \(2, 2\), holds 2"):
        fit_lds(z[:2])
