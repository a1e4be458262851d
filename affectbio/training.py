"""Training on many people so that a model can say how sure it is about a new one.

The people are dealt into groups; leaving each group out in turn gives scores on people a model has not seen, on which
the probability is calibrated (Platt 1999), and the spread of those models gives the interval of an estimate
(delete-a-group jackknife, Kott, J. Off. Stat. 17(4), 2001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from affectbio.errors import DataError
from affectbio.types import Score, Windows

__all__ = ["PeopleModel", "fit_across_people"]

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class PeopleModel:
    """A two-class model fitted on many people, with the models that each lack a group of them.

    Parameters
    ----------
    model : estimator
        Fitted on everybody.
    without_group : tuple of estimator
        Fitted on all but one group each.
    slope, intercept : float
        From the decision function to log odds on unseen people.
    classes : tuple of str
        Labels, sorted; the decision function is for the second.
    """

    model: Any
    without_group: tuple[Any, ...]
    slope: float
    intercept: float
    classes: tuple[str, str]

    def scores(self, features: npt.NDArray[Any]) -> dict[str, Score]:
        """Estimate one window.

        Parameters
        ----------
        features : ndarray
            Of one window, shaped as in training without the first axis.

        Returns
        -------
        dict of str to Score
            Probability of each class with its 95 % interval over which people the model was trained on.
        """
        one = features[None]
        centre = self.model.decision_function(one)[0]
        left_out = np.array([m.decision_function(one)[0] for m in self.without_group])
        k = len(left_out)
        error = np.sqrt((k - 1) / k * np.sum((left_out - left_out.mean()) ** 2))
        odds = self.slope * (centre + error * np.array([0.0, -_Z95, _Z95])) + self.intercept
        p = expit(odds)
        low, high = float(p[1:].min()), float(p[1:].max())
        first, second = self.classes
        return {first: Score(1 - float(p[0]), 1 - high, 1 - low), second: Score(float(p[0]), low, high)}


def fit_across_people(estimator: Any, windows: Windows, n_groups: int = 7) -> PeopleModel:
    """Fit a two-class estimator on many people.

    Parameters
    ----------
    estimator : scikit-learn classifier
        With a ``decision_function``; cloned, not changed.
    windows : Windows
        With labels of two classes, from at least ``n_groups`` people.
    n_groups : int
        Groups of people; as many extra fits.

    Returns
    -------
    PeopleModel
        Fitted.

    Raises
    ------
    DataError
        If there are not two classes, fewer than two groups, or fewer people than groups.
    """
    y = windows.y
    labels = np.unique([] if y is None else y)
    if y is None or len(labels) != 2:
        raise DataError(f"expected windows of two classes, found {labels.tolist() or 'no labels'}")
    people, person = np.unique(windows.groups("subject"), return_inverse=True)
    if not 2 <= n_groups <= len(people):
        raise DataError(f"expected from 2 groups to as many as there are people, {len(people)}; found {n_groups}")
    group = person % n_groups
    without_group, unseen = [], np.empty(len(windows))
    for g in range(n_groups):
        fitted = clone(estimator).fit(windows.X[group != g], y[group != g])
        unseen[group == g] = fitted.decision_function(windows.X[group == g])
        without_group.append(fitted)
    slope, intercept = _platt(unseen, y == labels[1])
    return PeopleModel(
        model=clone(estimator).fit(windows.X, y),
        without_group=tuple(without_group),
        slope=slope,
        intercept=intercept,
        classes=(str(labels[0]), str(labels[1])),
    )


def _platt(decision: npt.NDArray[Any], positive: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Give slope and intercept of the log odds, classes of equal weight, with the targets of Platt's section 2.2.

    His targets are a little short of 0 and 1, which keeps the slope finite where the classes do not overlap.
    """
    n_positive = positive.sum()
    n_negative = len(positive) - n_positive
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    weight = np.where(positive, 0.5 / n_positive, 0.5 / n_negative) * len(positive)
    # scikit-learn takes no labels between 0 and 1: each window counts as both, by its share.
    fitted = LogisticRegression(C=np.inf).fit(
        np.concatenate([decision, decision])[:, None],
        np.repeat([1, 0], len(decision)),
        sample_weight=np.concatenate([target * weight, (1 - target) * weight]),
    )
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
