"""Calibrated probabilities and intervals on simulated people."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from affectbio.errors import DataError
from affectbio.models import ShrinkageLDA
from affectbio.training import fit_across_people
from affectbio.types import Windows

N_FEATURES = 12


def people(n, seed=0, *, effect=0.6, between=0.7, n_windows=24, labels=("calm", "tense")):
    """People whose response to a task differs from person to person, and who differ from each other anyway."""
    rng = np.random.default_rng(seed)
    subject = np.repeat([f"{i:03d}" for i in range(n)], n_windows)
    code = np.tile(np.repeat([0, 1], n_windows // 2), n)
    offset = between * rng.standard_normal((n, N_FEATURES))
    response = effect * (np.arange(N_FEATURES) < 4) + 0.5 * between * rng.standard_normal((n, N_FEATURES))
    X = np.repeat(offset, n_windows, 0) + np.repeat(response, n_windows, 0) * code[:, None]
    X += rng.standard_normal(X.shape)
    y = np.array(labels)[code]
    table = pd.DataFrame({"subject": subject, "session": "01", "trial": y, "stimulus": y})
    table = table.assign(start=np.arange(len(y)), stop=np.arange(len(y)) + 1.0)
    return Windows(X, y, table, axes=("window", "feature"))


def calibration_error(p, positive, n_bins=8):
    """Mean distance of what was said from what was so, weighted by how often it was said (Naeini et al. 2015)."""
    bins = np.minimum((p * n_bins).astype(int), n_bins - 1)
    own = [bins == b for b in range(n_bins) if (bins == b).any()]
    return sum(m.mean() * abs(p[m].mean() - positive[m].mean()) for m in own)


def test_probabilities_of_new_people_are_calibrated_where_the_models_own_are_not():
    new = people(300, 999, between=1.2, n_windows=4)
    mended, raw = [], []
    for seed in range(5):
        trained = fit_across_people(ShrinkageLDA(), people(10, seed, between=1.2, n_windows=60))
        said = np.array([trained.scores(x)["tense"].value for x in new.X])
        mended.append(calibration_error(said, new.y == "tense"))
        raw.append(calibration_error(trained.model.predict_proba(new.X)[:, 1], new.y == "tense"))
    assert np.mean(mended) < 0.06
    assert np.mean(mended) < 0.5 * np.mean(raw)


def test_the_interval_holds_the_score_of_models_trained_on_other_people():
    trained = fit_across_people(ShrinkageLDA(), people(28, 0))
    window = people(40, 999).X[::5]
    low, high = np.array([trained.scores(x)["tense"][1:] for x in window]).T
    inside = []
    for seed in range(1, 11):
        other = fit_across_people(ShrinkageLDA(), people(28, seed))
        # Two independent trainings differ by √2 times the error of one: a 95 % interval holds 1.96 / √2, 83 %.
        p = np.array([other.scores(x)["tense"].value for x in window])
        inside.append(((low <= p) & (p <= high)).mean())
    assert 0.7 < np.mean(inside) < 0.95


def test_more_people_make_the_interval_narrower():
    new = people(10, 999).X
    width = [np.mean([s.high - s.low for s in (m.scores(x)["tense"] for x in new)]) for m in (
        fit_across_people(ShrinkageLDA(), people(n, 1)) for n in (14, 56)
    )]  # fmt: skip
    assert width[1] < 0.7 * width[0]


def test_the_two_scores_are_one_estimate():
    windows = people(14)
    trained = fit_across_people(ShrinkageLDA(), windows)
    assert trained.classes == ("calm", "tense")
    for x in windows.X[::20]:
        calm, tense = trained.scores(x)["calm"], trained.scores(x)["tense"]
        assert tense.low <= tense.value <= tense.high
        assert (1 - calm.value, 1 - calm.high, 1 - calm.low) == pytest.approx(tense)
        assert tense.low >= 0
        assert tense.high <= 1
    assert np.mean([trained.scores(x)["tense"].value for x in windows.X[windows.y == "tense"]]) > 0.5


def test_the_interval_is_the_jackknife_of_the_people_left_out():
    windows, n_groups = people(14), 7
    trained = fit_across_people(ShrinkageLDA(), windows, n_groups)
    x = windows.X[:1]
    subject = windows.metadata["subject"].to_numpy()
    left_out = []
    for g in range(n_groups):
        kept = ~np.isin(subject, np.unique(subject)[g::n_groups])
        left_out.append(clone(ShrinkageLDA()).fit(windows.X[kept], windows.y[kept]).decision_function(x)[0])
    error = np.sqrt((n_groups - 1) * np.var(left_out))
    centre = ShrinkageLDA().fit(windows.X, windows.y).decision_function(x)[0]
    odds = trained.slope * (centre + 1.96 * error * np.array([-1, 1])) + trained.intercept
    assert trained.scores(x[0])["tense"][1:] == pytest.approx(np.sort(1 / (1 + np.exp(-odds))), abs=1e-4)


def test_classes_that_never_overlap_do_not_make_it_certain():
    trained = fit_across_people(ShrinkageLDA(), people(14, effect=60.0, n_windows=6))
    # 42 windows of each class were seen, none wrong: by Platt's targets that is 43/44 and not 1.
    p = [trained.scores(x)["tense"].value for x in people(20, 5, effect=60.0, n_windows=6).X[3::6]]
    assert np.mean(p) == pytest.approx(43 / 44, abs=0.015)


def test_a_far_off_window_gives_a_probability_and_no_overflow():
    trained = fit_across_people(ShrinkageLDA(), people(14))
    for scale in (1e6, -1e6):
        score = trained.scores(np.full(N_FEATURES, scale))["tense"]
        assert 0 <= score.low <= score.value <= score.high <= 1


def test_uneven_classes_are_calibrated_as_if_even():
    windows = people(28)
    rng = np.random.default_rng(0)
    uneven = windows.take((windows.y == "calm") | (rng.random(len(windows)) < 0.3))
    even, fewer = (fit_across_people(ShrinkageLDA(), w) for w in (windows, uneven))
    new = people(40, 999).X
    p = [np.mean([m.scores(x)["tense"].value for x in new]) for m in (even, fewer)]
    assert p[1] == pytest.approx(p[0], abs=0.05)


def test_platt_with_plenty_of_data_is_logistic_regression():
    windows = people(28)
    trained = fit_across_people(ShrinkageLDA(), windows)
    subject = windows.metadata["subject"].to_numpy()
    unseen = np.empty(len(windows))
    for g in range(7):
        held = np.isin(subject, np.unique(subject)[g::7])
        unseen[held] = ShrinkageLDA().fit(windows.X[~held], windows.y[~held]).decision_function(windows.X[held])
    peer = LogisticRegression(C=np.inf).fit(unseen[:, None], windows.y)
    assert trained.slope == pytest.approx(peer.coef_[0, 0], rel=0.05)
    assert trained.intercept == pytest.approx(peer.intercept_[0], abs=0.02)


@pytest.mark.parametrize(
    ("windows", "n_groups", "words"),
    [
        (people(5), 7, "as many as there are people, 5; found 7"),
        (people(5), 1, "from 2 groups"),
        (people(8, labels=("calm", "calm")), 7, r"two classes, found \['calm'\]"),
        (Windows(np.zeros((1, 2)), None, people(1).metadata[:1], axes=("window", "feature")), 7, "found no labels"),
    ],
)
def test_it_refuses(windows, n_groups, words):
    with pytest.raises(DataError, match=words):
        fit_across_people(ShrinkageLDA(), windows, n_groups)


def test_the_estimator_given_is_not_changed():
    model = ShrinkageLDA()
    fit_across_people(model, people(8))
    assert not hasattr(model, "coef_")
