"""A support-vector machine (Cortes & Vapnik, Mach. Learn. 20, 1995) with its usual kernel: a baseline that bends.

The parameters are those that scikit-learn gives without being asked, classes weighted equally. To choose them, choose
inside the training people: `affectbio.evaluation.Nested`.
"""

from __future__ import annotations

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from affectbio.models._flatten import flattener

__all__ = ["support_vector_machine"]


def support_vector_machine(C: float = 1.0, gamma: str | float = "scale") -> Pipeline:
    """Make a support-vector machine with a Gaussian kernel over features of any shape.

    Parameters
    ----------
    C : float
        How much a window on the wrong side costs.
    gamma : str or float
        Width of the kernel, as in `sklearn.svm.SVC`.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Flattens, standardises, separates; gives decision values, no probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(100) % 2
    >>> X = rng.standard_normal((100, 8, 5)) * np.where(y, 2.0, 1.0)[:, None, None]  # no line tells these apart
    >>> float(support_vector_machine().fit(X, y).score(X, y)) > 0.9
    True
    """
    machine = SVC(C=C, gamma=gamma, class_weight="balanced")
    return make_pipeline(flattener(), StandardScaler(), machine)
