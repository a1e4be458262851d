"""Per-subject z-score against scikit-learn's StandardScaler."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from affectbio.adapt import ADAPTATIONS, SubjectZScore
from affectbio.types import TARGET_ACCESS, Windows


def windows(X, subjects):
    table = pd.DataFrame({"subject": subjects, "session": "01", "trial": "1", "stimulus": "1"})
    axes = ("window", "channel", "band")[: X.ndim]
    return Windows(X, None, table.assign(start=np.arange(len(X)), stop=np.arange(len(X)) + 1.0), axes=axes)


def test_equals_a_standard_scaler_per_person():
    rng = np.random.default_rng(0)
    subjects = rng.permutation(np.repeat(["01", "02", "10"], [20, 30, 5]))
    X = rng.normal(-11, 2, (55, 4, 5))
    adapted = SubjectZScore().apply(windows(X, subjects))
    for subject in ("01", "02", "10"):
        own = X[subjects == subject].reshape(-1, 20)
        expected = StandardScaler().fit_transform(own)
        np.testing.assert_allclose(adapted.X[subjects == subject].reshape(-1, 20), expected, atol=1e-12)
    assert adapted.target_access == "unlabelled"


@pytest.mark.parametrize("n", range(1, 12))
def test_a_feature_that_never_changes_becomes_zero(n):
    # The mean of three times 0.1 is not 0.1: a deviation of rounding must not be divided by.
    X = np.column_stack([np.full(n, 0.1), np.arange(n)])
    adapted = SubjectZScore().apply(windows(X, ["01"] * n))
    np.testing.assert_array_equal(adapted.X[:, 0], 0)
    assert n == 1 or adapted.X[:, 1].std() == pytest.approx(1)


def test_a_missing_feature_stays_missing_and_counts_in_no_mean():
    X = np.array([[1.0], [np.nan], [2.0], [4.0], [np.nan], [np.nan]])
    adapted = SubjectZScore().apply(windows(X, ["01", "01", "02", "02", "02", "03"]))
    np.testing.assert_array_equal(adapted.X, [[0], [np.nan], [-1], [1], [np.nan], [np.nan]])


@pytest.mark.parametrize("name", ADAPTATIONS.names())
def test_every_registered_adaptation_says_what_it_takes_of_a_new_person(name):
    assert ADAPTATIONS.get(name)().target_access in TARGET_ACCESS[1:]
