"""One nearest neighbour (Cover & Hart 1967): a model that learns by heart, and so shows what a leak is worth.

Where a test window has a near twin in training, as under a shuffled split of overlapping windows, it scores near 100 %
whatever the labels mean; so does a network large enough. On a new person it has nothing to recall.
"""

from __future__ import annotations

from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from affectbio.models._flatten import flattener

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
    return make_pipeline(flattener(), StandardScaler(), KNeighborsClassifier(n_neighbors=1))
