"""Fewer people to learn from: the same tests, nested training sets, nothing leaked, and a curve that rises."""

import numpy as np
import pandas as pd
import pytest

from affectbio.errors import DataError
from affectbio.evaluation import LeaveOneSubjectOut, check_leakage, evaluate
from affectbio.evaluation.learning import FewerPeople, curve_sizes, learning_curve
from affectbio.evaluation.protocols import folds_of, person_ids
from affectbio.models import ShrinkageLDA
from affectbio.types import Windows


def windows(n_people=10, n_features=20, seed=0):
    rng = np.random.default_rng(seed)
    who = pd.DataFrame(
        {
            "subject": np.repeat([f"{p:02d}" for p in range(n_people)], 8),
            "trial": np.tile([str(t) for t in range(8)], n_people),
            "start": 0.0,
            "stop": 1.0,
        }
    ).assign(session="1", stimulus="x")
    y = np.where(who["trial"].astype(int) % 2, "high", "low")
    X = rng.normal(size=(len(who), n_features)) + 0.35 * (y == "high")[:, None]
    return Windows(X, y, who, ("window", "feature"))


def test_tests_stay_and_training_sets_are_nested():
    made = windows()
    whole = folds_of(LeaveOneSubjectOut(), made)
    few, more = (folds_of(FewerPeople("loso", n), made) for n in (2, 5))
    for one, two, all_ in zip(few, more, whole, strict=True):
        np.testing.assert_array_equal(one.test, all_.test)
        assert set(one.train) < set(two.train) < set(all_.train)
        assert len(set(person_ids(made)[one.train])) == 2
    check_leakage(made, [(f.train, f.test) for f in few], holdout=("subject",))
    assert [sorted(f.train) for f in few] != [sorted(f.train) for f in folds_of(FewerPeople("loso", 2, 1), made)]


def test_all_people_are_the_protocol_itself():
    curve = learning_curve(ShrinkageLDA(), windows(), "loso")
    assert curve["n_people"].unique().tolist() == [2, 4, 8, 9] == curve_sizes(windows(), LeaveOneSubjectOut())
    whole = evaluate(ShrinkageLDA(), windows(), "loso")["value"].to_numpy()
    np.testing.assert_allclose(curve.loc[curve["n_people"] == 9, "value"], whole)


def test_more_people_help_where_there_is_something_to_learn():
    means = learning_curve(ShrinkageLDA(), windows(16), "loso", [2, 15]).groupby("n_people")["value"].mean()
    assert means[15] > means[2] + 0.03


def test_what_makes_no_curve_is_refused():
    with pytest.raises(ValueError, match="at least one person"):
        FewerPeople("loso", 0)
    with pytest.raises(DataError, match="no training set"):
        learning_curve(ShrinkageLDA(), windows(), "loso", [])
