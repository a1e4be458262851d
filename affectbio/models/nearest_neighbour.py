"""One nearest neighbour (Cover & Hart 1967): a model that learns by heart, and so shows what a leak is worth.

Where a test window has a near twin in training, as under a shuffled split of overlapping windows, it scores near 100 %
whatever the labels mean; so does a network large enough. On a new person it has nothing to recall.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

__all__ = ["nearest_neighbour"]


def nearest_neighbour() -> Pipeline:
    """Make a one-nearest-neighbour classifier over features of any shape.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Flattens, standardises, recalls.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.random.default_rng(0).standard_normal((50, 8, 5)), np.arange(50) % 2
    >>> float(nearest_neighbour().fit(X, y).score(X, y))
    1.0
    """
    return make_pipeline(FunctionTransformer(_flatten), StandardScaler(), KNeighborsClassifier(n_neighbors=1))


def _flatten(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.reshape(X, (len(X), -1))
