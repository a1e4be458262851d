from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from affectbio.errors import DataError
from affectbio.evaluation import haufe_pattern


def test_the_pattern_of_the_best_filter_is_the_mixing_of_the_source() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=6)
    noise = rng.normal(size=(6, 6))
    source = rng.choice([-1.0, 1.0], size=200_000)
    X = np.outer(source, mixing) + rng.normal(size=(len(source), 6)) @ noise.T
    # Haufe et al. 2014, section 2.3: with noise independent of the source, the least-squares filter has the pattern a.
    weights = np.linalg.solve(np.cov(X.T), mixing)
    pattern = haufe_pattern(X, weights)
    found = pattern / np.linalg.norm(pattern)
    true = mixing / np.linalg.norm(mixing)
    assert found == pytest.approx(true, abs=0.01)
    assert abs(weights @ mixing) / np.linalg.norm(weights) / np.linalg.norm(mixing) < 0.9


def test_it_is_the_covariance_formula_and_keeps_the_shape_of_features() -> None:
    rng = np.random.default_rng(1)
    X, weights = rng.normal(size=(50, 4, 3)) + 100.0, rng.normal(size=(4, 3))
    flat = X.reshape(50, -1)
    expected = np.cov(flat.T) @ weights.ravel() / np.var(flat @ weights.ravel(), ddof=1)
    np.testing.assert_allclose(haufe_pattern(X, weights), expected.reshape(4, 3))


def test_of_a_discriminant_it_finds_the_feature_with_the_effect_and_not_the_one_that_cancels_noise() -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(2, size=4000)
    noise = rng.normal(size=4000)
    X = np.column_stack([y + noise, noise + 0.1 * rng.normal(size=4000)])
    weights = LinearDiscriminantAnalysis().fit(X, y).coef_[0]
    pattern = haufe_pattern(X, weights)
    assert abs(weights[1]) > 0.9 * abs(weights[0])
    assert abs(pattern[1]) < 0.1 * abs(pattern[0])


def test_shapes_that_differ_and_a_constant_output_are_refused() -> None:
    with pytest.raises(DataError, match="do not fit"):
        haufe_pattern(np.zeros((5, 3)), np.zeros(4))
    with pytest.raises(DataError, match="does not vary"):
        haufe_pattern(np.ones((5, 3)), np.ones(3))
