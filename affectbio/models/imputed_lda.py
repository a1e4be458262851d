"""Shrinkage LDA where some features are not known of some windows: the median of the training windows in their place.

Of a wristband on a moving hand half of the minutes hold no heartbeat that can be trusted. To leave those minutes out
would be to score only the quiet ones, which are of one class more than of the other.
"""

from __future__ import annotations

from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline

from affectbio.models._flatten import flattener
from affectbio.models.shrinkage_lda import ShrinkageLDA

__all__ = ["imputed_lda"]


def imputed_lda(shrinkage: str | float = "auto") -> Pipeline:
    """Make a shrinkage LDA that takes NaN for what is not known.

    Parameters
    ----------
    shrinkage : "auto" or float
        As for `ShrinkageLDA`.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Flattens, puts medians of the training windows in, separates.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["calm", "busy"], 50)
    >>> X = rng.standard_normal((100, 8)) + (y == "busy")[:, None]
    >>> X[rng.random(X.shape) < 0.3] = np.nan
    >>> float(imputed_lda().fit(X, y).score(X, y)) > 0.75
    True
    """
    # A feature that nobody has stays where it is, as 0: which features there are must not depend on the fold.
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(flattener(), imputer, ShrinkageLDA(shrinkage))
