"""Figures of predictions: the numbers in them are those of the table, and they draw for any number of classes."""

import numpy as np
import pandas as pd
import pytest

from affectbio.errors import DataError
from affectbio.evaluation.score_figures import plot_calibration, plot_confusion, plot_learning_curve, reliability


def table(n=400, classes=("high", "low"), seed=0):
    """Predictions whose probabilities are true."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(len(classes)), n)
    true = np.array([rng.choice(classes, p=one) for one in p])
    said = {f"score_{c}": p[:, k] for k, c in enumerate(classes)}
    predicted = np.array(classes)[p.argmax(axis=1)]
    return pd.DataFrame(
        {"subject": np.arange(n) % 4, "true": true, "predicted": predicted, "scores_are": "probability", **said}
    )


def texts(fig):
    return [t.get_text() for t in fig.axes[0].texts]


def test_confusion_is_the_mean_over_people():
    made = pd.DataFrame(
        {
            "subject": ["a"] * 4 + ["b"] * 2,
            "true": ["high", "high", "low", "low", "high", "low"],
            "predicted": ["high", "low", "low", "low", "high", "low"],
        }
    )
    # high: 50 % of a, 100 % of b; low: always
    assert texts(plot_confusion(made)) == ["75%", "25%", "0%", "100%"]
    # Who never shows a class says nothing of it.
    assert texts(plot_confusion(made.drop(index=4))) == ["50%", "50%", "0%", "100%"]
    assert len(texts(plot_confusion(table(classes=("a", "b", "c"))))) == 9


def test_a_model_that_knows_how_sure_it_is_lies_on_the_line():
    found = reliability(table(20_000))
    np.testing.assert_allclose(found["sure"], found["right"], atol=0.03)
    assert found["n_windows"].sum() == 20_000
    boasting = table().assign(score_high=0.99, score_low=0.01, predicted="high")
    assert reliability(boasting)["right"].tolist() == [(boasting["true"] == "high").mean()]
    assert plot_calibration(table()).axes


def test_a_curve_is_drawn_for_each_variant():
    curve = pd.DataFrame({"n_people": [2, 2, 9, 9], "subject": list("abab"), "value": [0.5, 0.6, 0.7, np.nan]})
    fig = plot_learning_curve({"raw": curve, "z": curve}, 0.5)
    assert texts(fig) == ["raw", "z"]
    assert [t.get_text() for t in fig.axes[0].get_xticklabels()] == ["2", "9"]


def test_nothing_to_show_is_said():
    with pytest.raises(DataError, match="without probabilities"):
        reliability(table().assign(scores_are="decision"))
    with pytest.raises(DataError, match="nothing to show"):
        plot_confusion(table().assign(true=np.nan))
    with pytest.raises(DataError, match="no learning curve"):
        plot_learning_curve({}, 0.5)
