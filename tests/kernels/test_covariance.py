"""Covariance against NumPy, scikit-learn, pyRiemann, and properties that define its flat spaces."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.covariance import ledoit_wolf

from affectbio.errors import SignalQualityError
from affectbio.kernels.covariance import covariance, log_euclidean, log_euclidean_mean, tangent_vector


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def spd(n_matrices, n_chans=4, seed=0):
    return covariance(noise(n_matrices, n_chans, n_chans) @ noise(n_matrices, n_chans, 50, seed=seed + 1))


@pytest.mark.parametrize(("n_chans", "n_times"), [(3, 500), (8, 40), (20, 15)])
def test_ledoit_wolf_equals_scikit_learns(n_chans, n_times):
    x = noise(n_chans, n_chans) @ noise(n_chans, n_times) + 3
    expected, _ = ledoit_wolf(x.T)
    np.testing.assert_allclose(covariance(x), expected * n_times / (n_times - 1), rtol=1e-9)


def test_without_shrinkage_it_is_numpys_and_with_all_of_it_the_identity():
    x = noise(4, 300) * [[1], [2], [3], [4]]
    np.testing.assert_allclose(covariance(x, 0), np.cov(x), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(covariance(x, 1.0), np.trace(np.cov(x)) / 4 * np.eye(4), rtol=1e-9)
    np.testing.assert_allclose(covariance(x, 0.3), 0.7 * covariance(x, 0) + 0.3 * covariance(x, 1), rtol=1e-9)


def test_a_singular_matrix_is_unknown_unless_it_is_shrunk():
    short = noise(8, 6)
    referenced = noise(8, 500)
    referenced -= referenced.mean(axis=0)
    for x in (short, referenced):
        assert np.isnan(covariance(x, 0)).all()
        assert np.linalg.eigvalsh(covariance(x)).min() > 0


def test_log_euclidean_equals_the_matrix_logarithm_and_keeps_its_norm():
    matrices = spd(5)
    for matrix, vector in zip(matrices, log_euclidean(matrices), strict=True):
        log = scipy.linalg.logm(matrix)
        assert np.linalg.norm(vector) == pytest.approx(np.linalg.norm(log))
        np.testing.assert_allclose(vector[[0, 4, 7, 9]], np.diag(log), rtol=1e-9)
        np.testing.assert_allclose(vector[1:4], np.sqrt(2) * log[0, 1:], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(tangent_vector(matrices, np.eye(4)), log_euclidean(matrices), rtol=1e-9, atol=1e-12)


def test_tangent_vector_equals_pyriemanns():
    # pyRiemann 0.12: tangentspace.tangent_space([[2, .5], [.5, 1]], [[1, .2], [.2, 3]]).
    found = tangent_vector([[2.0, 0.5], [0.5, 1.0]], [[1.0, 0.2], [0.2, 3.0]])
    np.testing.assert_allclose(found, [0.6721187560914349, 0.28863785621860627, -1.1976922364919824], rtol=1e-9)


def test_distance_to_the_reference_is_affine_invariant():
    matrices, reference, mixing = spd(6), spd(1, seed=5)[0], noise(4, 4, seed=9)
    distance = np.linalg.norm(tangent_vector(matrices, reference), axis=-1)
    expected = [np.sqrt((np.log(scipy.linalg.eigvalsh(matrix, reference)) ** 2).sum()) for matrix in matrices]
    np.testing.assert_allclose(distance, expected, rtol=1e-9)
    mixed = tangent_vector(mixing @ matrices @ mixing.T, mixing @ reference @ mixing.T)
    np.testing.assert_allclose(np.linalg.norm(mixed, axis=-1), expected, rtol=1e-6)


def test_mean_of_logarithms():
    matrices = spd(7)
    expected = scipy.linalg.expm(np.mean([scipy.linalg.logm(matrix) for matrix in matrices], axis=0))
    np.testing.assert_allclose(log_euclidean_mean(matrices), expected, rtol=1e-8)
    torn = np.concatenate([matrices, np.full((1, 4, 4), np.nan), -np.eye(4)[None]])
    np.testing.assert_allclose(log_euclidean_mean(torn), expected, rtol=1e-8)
    assert np.isnan(log_euclidean_mean(torn[-2:])).all()


def test_a_stack_gives_the_stack_of_results():
    x = noise(2, 3, 4, 60)
    for shrinkage in ("ledoit-wolf", 0, np.float32(0.1)):
        whole = covariance(x, shrinkage)
        for i in np.ndindex(2, 3):
            np.testing.assert_allclose(whole[i], covariance(x[i], shrinkage), rtol=1e-12)
    vectors, at = log_euclidean(covariance(x)), tangent_vector(covariance(x), covariance(x[:, :1]))
    assert vectors.shape == at.shape == (2, 3, 10)
    for i in np.ndindex(2, 3):
        np.testing.assert_allclose(vectors[i], log_euclidean(covariance(x[i])), rtol=1e-12)
        np.testing.assert_allclose(at[i], tangent_vector(covariance(x[i]), covariance(x[i[0], 0])), atol=1e-12)


@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0, 0.5])
def test_a_number_no_signal_reaches_is_lost(shrinkage):
    x = np.random.default_rng(0).standard_normal((2, 3, 50))
    expected = covariance(x, shrinkage)
    x[0, 1, 7] = 1e200
    cov = covariance(x, shrinkage)
    assert np.isnan(cov[0]).all()
    np.testing.assert_array_equal(cov[1], expected[1])


@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0, 0.5])
def test_what_is_lost_or_constant_is_unknown_and_harms_no_other(shrinkage):
    x = noise(4, 3, 100)
    x[1, 2, 50], x[2, 0], x[3, 1, 3] = np.nan, 2e-3, -np.inf
    cov = covariance(x, shrinkage)
    np.testing.assert_array_equal(np.isnan(cov).all(axis=(-2, -1)), [False, True, True, True])
    np.testing.assert_array_equal(cov[0], covariance(x[0], shrinkage))
    for vectors in (log_euclidean(cov), tangent_vector(cov, cov[0]), tangent_vector(cov[:1], cov)[[0, 1, 2, 3]]):
        np.testing.assert_array_equal(np.isnan(vectors).all(axis=-1), [False, True, True, True])


def test_arrays_of_any_layout_and_type():
    x = (100 * noise(3, 200)).astype(np.int16)
    expected = covariance(x.astype(np.float64))
    for same in (x, x.astype(">f4"), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(covariance(same), expected)


def test_what_makes_no_sense_is_refused_by_name():
    with pytest.raises(SignalQualityError, match=r"2 samples, .*shape \(3, 1\), holds 1"):
        covariance(noise(3, 1))
    with pytest.raises(ValueError, match=r"found shape \(100,\)"):
        covariance(noise(100))
    with pytest.raises(ValueError, match=r"found shape \(0, 100\)"):
        covariance(noise(0, 100))
    for wrong in (1.5, -0.1, "oas"):
        with pytest.raises(ValueError, match=f"'ledoit-wolf' or a weight from 0 to 1; found {wrong!r}"):
            covariance(noise(3, 100), wrong)
    with pytest.raises(ValueError, match=r"square matrices.*found shape \(2, 3\)"):
        log_euclidean(noise(2, 3))
    with pytest.raises(ValueError, match=r"reference of 3 channels as cov has; found shape \(2, 2\)"):
        tangent_vector(np.eye(3), np.eye(2))
    with pytest.raises(ValueError, match=r"shape \(3, 2, 2\) does not broadcast with reference of \(4, 2, 2\)"):
        tangent_vector(np.stack([np.eye(2)] * 3), np.stack([np.eye(2)] * 4))
    with pytest.raises(ValueError, match=r"stack of matrices to average; found an array of shape \(3, 3\)"):
        log_euclidean_mean(np.eye(3))


# Any numbers at all: no warning, no error, and nothing but numbers and NaN.
@given(arrays(np.float64, (3, 64), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
@settings(deadline=None, max_examples=40)
def test_is_positive_definite_or_unknown_whatever_comes(x):
    for shrinkage in ("ledoit-wolf", 0):
        cov = covariance(x, shrinkage)
        if np.isnan(cov).any():
            assert np.isnan(cov).all()
        else:
            assert np.linalg.eigvalsh(cov).min() > 0
            assert np.isfinite(log_euclidean(cov)).all()
