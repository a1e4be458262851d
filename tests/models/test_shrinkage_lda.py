"""Shrinkage LDA against scikit-learn's own discriminant analysis and covariance."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from affectbio.models import ShrinkageLDA


def data(n_classes=2, n_per_class=60, n_features=6, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_classes), n_per_class)
    mixing = rng.standard_normal((n_features, n_features))
    X = rng.standard_normal((len(y), n_features)) @ mixing + 0.7 * rng.standard_normal((n_classes, n_features))[y]
    return X * 10.0 ** np.arange(n_features), y


CHECKS = [
    pytest.param(estimator, check, id=f"{estimator!r}-{check.func.__name__}")
    for model in (ShrinkageLDA(), ShrinkageLDA(shrinkage=0.5))
    for estimator, check in estimator_checks_generator(model, mark=None)
    # That one skips itself unless SciPy was imported with SCIPY_ARRAY_API set; we take NumPy arrays only.
    if check.func.__name__ != "check_array_api_input"
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("shrinkage", [0, 0.3])
def test_equals_discriminant_analysis_of_standardised_features(n_classes, shrinkage):
    X, y = data(n_classes)
    Z = StandardScaler().fit_transform(X)
    # scikit-learn shrinks each class before it pools them; on classes of one size that is the same.
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage or None).fit(Z, y)
    own = ShrinkageLDA(shrinkage).fit(X, y)
    np.testing.assert_allclose(own.coef_, peer.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(own.predict_proba(X), peer.predict_proba(Z), atol=1e-8)


def test_the_amount_of_shrinkage_is_ledoit_wolfs():
    X, y = data()
    Z = StandardScaler().fit_transform(X)
    residual = Z - np.stack([Z[y == c].mean(axis=0) for c in (0, 1)])[y]
    assert ShrinkageLDA().fit(X, y).shrinkage_ == pytest.approx(ledoit_wolf(residual, assume_centered=True)[1])


def test_shrinkage_pays_where_features_are_many():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    X = rng.standard_normal((400, 60)) + 0.3 * y[:, None]
    scores = {s: ShrinkageLDA(s).fit(X[:70], y[:70]).score(X[70:], y[70:]) for s in ("auto", 0)}
    assert scores["auto"] > scores[0] + 0.05


def test_probabilities_follow_from_the_decision():
    X, y = data()
    model = ShrinkageLDA().fit(X, y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(np.log(p[:, 1] / p[:, 0]), model.decision_function(X), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])


def test_uneven_classes_are_taken_as_equally_likely():
    rng = np.random.default_rng(0)
    y = np.repeat(["rare", "usual"], [300, 2700])
    X = rng.standard_normal((3000, 1)) + 2.0 * (y == "usual")[:, None]
    model = ShrinkageLDA().fit(X, y)
    assert abs(model.decision_function(np.array([[1.0]]))[0]) < 0.25


def test_axes_after_the_first_are_flattened():
    X, y = data()
    flat, deep = ShrinkageLDA().fit(X, y), ShrinkageLDA().fit(X.reshape(-1, 3, 2), y)
    np.testing.assert_array_equal(flat.decision_function(X), deep.decision_function(X.reshape(-1, 3, 2)))


@pytest.mark.parametrize("value", [0.1, 0.0, 1e9])
def test_a_constant_feature_changes_nothing(value):
    X, y = data()
    X = X[: 7 * 17]
    y = y[: len(X)]
    wide = np.column_stack([X, np.full(len(X), value)])
    model = ShrinkageLDA().fit(wide, y)
    # NumPy's deviation of 119 times 0.1 is 1e-17, no scale to divide by.
    assert model.scale_[-1] == 1
    assert model.coef_[0, -1] == pytest.approx(0, abs=1e-9)
    moved = wide + np.r_[np.zeros(X.shape[1]), 1e-3]
    np.testing.assert_allclose(model.decision_function(moved), model.decision_function(wide), atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_lost_window_is_named(value):
    X, y = data()
    model = ShrinkageLDA().fit(X, y)
    X = X.reshape(-1, 3, 2)
    X[17, 1, 0] = value
    with pytest.raises(ValueError, match="window 17 are NaN or infinite; leave windows with lost samples out"):
        ShrinkageLDA().fit(X, y)
    with pytest.raises(ValueError, match="window 17"):
        model.predict(X.reshape(-1, 6))


@pytest.mark.parametrize("shrinkage", ["ledoit", -0.1, 1.5, None])
def test_another_shrinkage_is_refused(shrinkage):
    with pytest.raises(ValueError, match="'auto' or a share between 0 and 1; found"):
        ShrinkageLDA(shrinkage).fit(*data())


def test_what_cannot_be_fitted_is_refused():
    X, y = data()
    with pytest.raises(ValueError, match="found 1 class, rest"):
        ShrinkageLDA().fit(X, np.full(len(X), "rest"))
    with pytest.raises(ValueError, match=r"6 features in 4 windows, shrunk by 0, is singular.*use shrinkage='auto'"):
        ShrinkageLDA(shrinkage=0).fit(np.eye(4, 6), np.array([0, 0, 1, 1]))
    with pytest.raises(NotFittedError):
        ShrinkageLDA().predict(X)
    with pytest.raises(ValueError, match="fitted on 6 features, asked about 9"):
        ShrinkageLDA().fit(X.reshape(-1, 3, 2), y).predict(np.zeros((2, 3, 3)))
