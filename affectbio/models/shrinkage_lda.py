"""Linear discriminant analysis with a shrunk covariance (Ledoit & Wolf 2004; Blankertz et al., NeuroImage 56, 2011).

The baseline that a larger model has to beat on people it has never seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.covariance import ledoit_wolf, shrunk_covariance
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["ShrinkageLDA"]


class ShrinkageLDA(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Shrinkage LDA over features of any shape, classes taken as equally likely.

    Parameters
    ----------
    shrinkage : "auto" or float
        Ledoit-Wolf's optimum, or a share between 0 and 1.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels.
    mean_, scale_ : ndarray, shape (n_features,)
        Of the training features.
    coef_ : ndarray, shape (1 or n_classes, n_features)
        Weights on the standardised features.
    intercept_ : ndarray, shape (1 or n_classes,)
        Offsets.
    shrinkage_ : float
        Share of the sphere in the covariance.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["calm", "busy"], 50)
    >>> X = rng.standard_normal((100, 8, 5)) + (y == "busy")[:, None, None]
    >>> float(ShrinkageLDA().fit(X, y).score(X, y)) > 0.9
    True
    """

    def __init__(self, shrinkage: str | float = "auto") -> None:
        self.shrinkage = shrinkage

    def fit(self, X: npt.NDArray[Any], y: npt.NDArray[Any]) -> ShrinkageLDA:
        """Fit.

        Parameters
        ----------
        X : ndarray, shape (n_windows, ...)
            Features; axes after the first are flattened.
        y : ndarray, shape (n_windows,)
            Labels.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            If X holds NaN, there is only one class, or without shrinkage the covariance is singular.
        """
        X, y = validate_data(self, X, y, **_FEATURES)
        flat = _flat(X)
        check_classification_targets(y)
        self.classes_, code = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if n_classes < 2:
            raise ValueError(f"expected at least two classes to tell apart, found 1 class, {self.classes_[0]}")
        self.mean_ = flat.mean(axis=0)
        # Asked of the range: the deviation of 0.1, 0.1 and 0.1 is not quite 0.
        self.scale_ = np.where(np.ptp(flat, axis=0) > 0, flat.std(axis=0), 1.0)
        standardised = (flat - self.mean_) / self.scale_
        means = np.stack([standardised[code == c].mean(axis=0) for c in range(n_classes)])
        # One covariance of what is left around the class means, shrunk towards a sphere.
        covariance, self.shrinkage_ = _shrunk_covariance(standardised - means[code], self.shrinkage)
        try:
            weights = np.linalg.solve(covariance, means.T).T  # (n_classes, n_features)
        except np.linalg.LinAlgError:
            raise ValueError(
                f"the covariance of {flat.shape[1]} features in {len(flat)} windows, shrunk by {self.shrinkage_:g}, is "
                f"singular; leave constant features out, or use shrinkage='auto'"
            ) from None
        offsets = -0.5 * np.einsum("cf,cf->c", weights, means)
        if n_classes == 2:
            weights, offsets = weights[1:] - weights[:1], offsets[1:] - offsets[:1]
        self.coef_, self.intercept_ = weights, offsets
        return self

    def decision_function(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give the log odds of the second of two classes, shape (n_windows,); of more, (n_windows, n_classes) log odds.

        Those of more classes are up to a constant per window.

        Raises
        ------
        ValueError
            If X holds NaN, or not as many features as in `fit`.
        """
        check_is_fitted(self)
        flat = _flat(validate_data(self, X, reset=False, **_FEATURES))
        if flat.shape[1] != len(self.mean_):
            raise ValueError(f"fitted on {len(self.mean_)} features, asked about {flat.shape[1]}, shape {np.shape(X)}")
        odds: npt.NDArray[Any] = (flat - self.mean_) / self.scale_ @ self.coef_.T + self.intercept_
        return odds[:, 0] if len(self.classes_) == 2 else odds

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give the more likely label of each window, shape (n_windows,)."""
        odds = self.decision_function(X)
        labels: npt.NDArray[Any] = self.classes_[(odds > 0).astype(int) if odds.ndim == 1 else odds.argmax(axis=1)]
        return labels

    def predict_proba(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give the class probabilities the model itself believes in, shape (n_windows, n_classes).

        They are overconfident about new people; `affectbio.training.fit_across_people` mends that.
        """
        odds = self.decision_function(X)
        odds = np.stack([np.zeros_like(odds), odds], axis=1) if odds.ndim == 1 else odds
        return softmax(odds, axis=1)  # type: ignore[no-any-return]


# Any number of axes; what is not finite is refused by `_flat`, which can say in which window.
_FEATURES: dict[str, Any] = {"allow_nd": True, "ensure_all_finite": False, "dtype": (np.float64, np.float32)}


def _flat(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    flat = X.reshape(len(X), -1)
    unusable = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    if len(unusable):
        raise ValueError(f"features of window {unusable[0]} are NaN or infinite; leave windows with lost samples out")
    return flat


def _shrunk_covariance(centred: npt.NDArray[Any], shrinkage: str | float) -> tuple[npt.NDArray[Any], float]:
    if shrinkage == "auto":
        covariance, amount = ledoit_wolf(centred, assume_centered=True)
        return covariance, float(amount)
    if not isinstance(shrinkage, float | int) or not 0 <= shrinkage <= 1:
        raise ValueError(f"shrinkage is 'auto' or a share between 0 and 1; found {shrinkage!r}")
    return shrunk_covariance(centred.T @ centred / len(centred), shrinkage), float(shrinkage)
