"""Labels are what was declared, everybody left out is counted, and what is not a label is refused by name."""

import numpy as np
import pandas as pd
import pytest

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation.labels import Label
from affectbio.types import Windows

FORMS = {"valence": (1.0, 9.0)}


def windows(**changes):
    """Two people, a baseline and three trials each, two windows a trial."""
    trials = pd.DataFrame(
        {
            "subject": ["a"] * 4 + ["b"] * 4,
            "trial": ["1b", "1", "2", "3"] * 2,
            "trial_type": ["baseline", "film", "film", "film"] * 2,
            "valence": [np.nan, 2.0, 5.0, 7.5, np.nan, 6.0, 8.0, np.nan],
            "stress": [0.0, 1.0, 0.0, 1.0] * 2,
            "emotion": ["", "joy", "fear", "anger", "", "joy", "joy", "fear"],
        }
    ).assign(session="1", stimulus="x", start=0.0, stop=1.0)
    table = trials.loc[np.repeat(range(8), 2)].reset_index(drop=True).assign(**changes)
    return Windows(np.zeros((16, 1)), None, table, ("window", "feature"))


def test_a_cut_is_strictly_above_and_ties_are_named():
    made = Label("valence", above=5, leave_out=("baseline",)).apply(windows(), FORMS)
    assert made.windows.y.tolist()[2:8:2] == ["low", "low", "high"]
    assert made.windows.y[0] is None
    assert made.counts.to_dict("records") == [
        {"subject": "a", "label": "high", "n_windows": 2, "n_trials": 1},
        {"subject": "a", "label": "low", "n_windows": 4, "n_trials": 2},
        {"subject": "b", "label": "high", "n_windows": 4, "n_trials": 2},
    ]
    assert made.excluded.to_dict("records") == [
        {"subject": "a", "why": "trial_type is baseline", "n_windows": 2, "n_trials": 1},
        {"subject": "b", "why": "no valence", "n_windows": 2, "n_trials": 1},
        {"subject": "b", "why": "trial_type is baseline", "n_windows": 2, "n_trials": 1},
    ]
    assert made.notes == (
        "valence is exactly 5 in 1 trial of 1 person, which is counted as low",
        "one class only, so that a score says nothing: b",
    )
    assert made.counts["n_windows"].sum() + made.excluded["n_windows"].sum() == len(made.windows)


def test_names_and_numbers_are_classes_as_they_are():
    assert set(Label("emotion", keep=("joy", "fear")).apply(windows()).windows.y) == {"joy", "fear", None}
    assert Label("stress").apply(windows()).windows.y.tolist()[:4] == ["0", "0", "1", "1"]
    assert Label("trial_type").apply(windows()).counts["label"].unique().tolist() == ["baseline", "film"]


def test_ratings_stay_on_their_scale():
    made = Label("valence", ratings=True).apply(windows(), FORMS)
    np.testing.assert_array_equal(made.windows.y[2:8:2], [2.0, 5.0, 7.5])
    assert np.isnan(made.windows.y[0])
    assert made.counts["label"].unique().tolist() == ["rated"]


@pytest.mark.parametrize(
    ("label", "changes", "message"),
    [
        (Label("valence", above=5), {"valence": 11.0}, r"a/1/1b: valence is 11.0, expected 1 to 9 \(16 such"),
        (Label("valence", above=5), {"valence": "much"}, "valence is much, expected 1 to 9"),
        (Label("emotion", above=5), {}, "emotion is , expected a number"),
        (Label("valence"), {"valence": np.linspace(1, 9, 16), "subject": ""}, "16 of 16 windows have no subject"),
        (Label("valence"), {"subject": None}, "have no subject, the first is row 0"),
        (Label("valence", above=5), {"trial": None}, "have no trial"),
        (Label("emotion", keep=("joy", "feer")), {}, "did you mean 'fear'"),
        (Label("valence", above=9), {}, "all 10 windows have the label 'low'"),
        (Label("valence", above=5), {"valence": np.nan}, "no window has a valence"),
    ],
)  # fmt: skip
def test_what_is_no_label_is_refused(label, changes, message):
    with pytest.raises(DataError, match=message):
        label.apply(windows(**changes), FORMS)


def test_a_scale_with_many_values_has_to_be_cut():
    made = windows()
    table = pd.concat([made.metadata] * 2, ignore_index=True).assign(valence=np.linspace(1, 9, 32))
    many = Windows(np.zeros((32, 1)), None, table, ("window", "feature"))
    with pytest.raises(DataError, match=r"32 different values.*ratings = true"):
        Label("valence").apply(many)


def test_a_declaration_says_one_thing():
    for wrong in ({"above": 5, "keep": ("1",)}, {"above": 5, "ratings": True}, {"names": ("x", "x")}):
        with pytest.raises(ConfigError):
            Label("valence", **wrong)
    with pytest.raises(ConfigError, match="did you mean 'valence'"):
        Label("valense", above=5).apply(windows())
