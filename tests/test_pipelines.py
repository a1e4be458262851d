"""Recipes: every one that ships is whole, what is wrong with another is said, and coin flips stay coin flips."""

import os
import tomllib

import numpy as np
import pandas as pd
import pytest

from affectbio._bundled import bundled
from affectbio.adapt import RestBaseline
from affectbio.datasets import synthesise
from affectbio.errors import ConfigError, DataError
from affectbio.models import ShrinkageLDA
from affectbio.pipelines import list_pipelines, load_pipeline, run_pipeline
from affectbio.types import TARGET_ACCESS, Windows

TEMPLATE = bundled("pipelines") / "_template.toml"

COIN_FLIPS = """
schema = 1
title = "Coin flips"
sources = ["simulated"]
[data]
dataset = "eegmat"
[window]
length_s = 2.0
step_s = 0.5
[feature]
kind = "differential-entropy"
[model]
kind = "shrinkage-lda"
[calibration]
seconds = 5.0
[protocol]
kind = "loso"
[[variant]]
name = "raw"
[[variant]]
name = "calibrated"
adaptation = { kind = "rest-baseline" }
[[variant]]
name = "standardised"
adaptation = { kind = "subject-z" }
[[variant]]
name = "shuffled nearest neighbour"
model = { kind = "nearest-neighbour" }
protocol = { kind = "random-window-kfold", n_splits = 4 }
"""


def written(tmp_path, text, name="own.toml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def changed(tmp_path, old, new):
    text = TEMPLATE.read_text(encoding="utf-8")
    assert old in text
    return written(tmp_path, text.replace(old, new, 1))


def coin_flips(n_people=10, seed=0):
    """Slowly changing features of two half minutes of each person; a coin says which of them is called the task."""
    rng = np.random.default_rng(seed)
    parts, n = [], 60
    for person in range(n_people):
        for trial, label in zip(("rest", "later"), rng.permutation(["calm", "busy"]), strict=True):
            start = 0.5 * np.arange(n)
            table = pd.DataFrame({"subject": f"{person:02d}", "session": "01", "trial": trial, "start": start})
            table = table.assign(stimulus=trial, stop=start + 2, trial_type=trial)
            X = 2 * rng.standard_normal((1, 4, 5)) + np.cumsum(0.05 * rng.standard_normal((n, 4, 5)), axis=0)
            parts.append(Windows(X, np.full(n, str(label)), table, axes=("window", "channel", "band")))
    return Windows.concatenate(parts)


#: Who is read to test a recipe, and of data sets that are not bundled, how their imitation is written.
SOME = {"eegmat": ["00", "05"], "simulated": ["001", "002"]}
WRITTEN = {"deap": {"n_subjects": 1}, "stress-predict": {"seconds": 800}}
# An imitation of DEAP is written at full size.
SLOW = {"rbtransformer-deap"}


@pytest.mark.deep
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in (*list_pipelines(), TEMPLATE)], ids=str
)
def test_every_recipe_that_ships_is_whole(name, tmp_path):
    recipe = load_pipeline(name)
    assert recipe.title
    assert all(recipe.sources)
    data = recipe.data.dataset
    root = None if data in SOME else synthesise(data, tmp_path / data, **WRITTEN[data])
    windows = recipe.extract(recipe.recordings(root, SOME.get(data)))
    assert len(set(windows.y) - {None}) >= 2
    for variant in recipe.variant:
        adapted = recipe.adapt(windows, variant.name)
        assert adapted.target_access in TARGET_ACCESS
        model = recipe.make_model(variant.name)
        if "n_epochs" in model.get_params():
            model.set_params(n_epochs=1, n_blocks=1)
        assert model.fit(adapted.X, adapted.y).predict(adapted.X).shape == (len(adapted),)


def test_the_list_is_complete():
    files = {path.stem for path in bundled("pipelines").glob("*.toml")}
    assert set(list_pipelines()) == files - {"_template"}
    assert "rest-arithmetic-lda" in list_pipelines()


def test_all_variants_are_scored_on_the_same_windows():
    recipe = load_pipeline("rest-arithmetic-lda")
    windows = recipe.extract(recipe.recordings(subjects=["00", "01"]))
    scored = [recipe.adapt(windows, v.name).metadata for v in recipe.variant]
    for table in scored[1:]:
        pd.testing.assert_frame_equal(table, scored[0])
    calibration = RestBaseline(**recipe.calibration.model_dump()).calibration(windows)
    rest = scored[0][scored[0]["trial_type"] == "rest"]
    assert rest["start"].min() >= windows.metadata["stop"][calibration].max() == 30.0


def test_without_calibration_all_windows_are_scored(tmp_path):
    recipe = load_pipeline(written(tmp_path, COIN_FLIPS.replace("[calibration]\nseconds = 5.0\n", "")))
    windows = coin_flips(2)
    assert recipe.calibration is None
    assert len(recipe.adapt(windows, "raw")) == len(windows)
    # Where a variant asks for a baseline all the same, it takes 30 s, all the rest there is.
    assert recipe.make_adaptation("calibrated").seconds == 30.0
    assert set(recipe.adapt(windows, "calibrated").metadata["trial"]) == {"later"}


def test_variants_replace_what_they_name_and_inherit_the_rest():
    recipe = load_pipeline("rest-arithmetic-lda")
    assert isinstance(recipe.make_model(), ShrinkageLDA)
    assert isinstance(recipe.make_model("raw"), ShrinkageLDA)
    assert not isinstance(recipe.make_model("raw, nearest neighbour"), ShrinkageLDA)
    assert recipe.make_adaptation("raw") is None
    baseline = recipe.make_adaptation("rest-calibrated")
    assert (baseline.seconds, baseline.trial_type) == (30.0, "rest")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "length_s = 2.0",
            "lenght_s = 2.0",
            r"window\.length_s: Field required; unknown key window\.lenght_s; did you",
        ),
        ("length_s = 2.0", "length_s = -2.0", r"window\.length_s: .*greater than 0, found -2\.0"),
        ("schema = 1", "schema = 2", "schema: Input should be 1, found 2"),
        ('title = "What', 'titel = "What', r"unknown key titel; did you mean 'title'\? Known: calibration, control"),
        ('dataset = "eegmat"', 'dataset = "eegmap"', r"data\.dataset: no data set 'eegmap'; did you mean 'eegmat'"),
        (
            'kind = "differential-entropy"',
            'kind = "diferential-entropy"',
            "feature: no feature .*'differential-entropy'",
        ),
        (
            'bands = "eeg"',
            'bnads = "eeg"',
            "feature: no argument of feature 'differential-entropy' 'bnads'; did you mean",
        ),
        ('kind = "shrinkage-lda"', 'kind = "lda"', "model: no model 'lda'"),
        (
            'kind = "shrinkage-lda"',
            'kind = "shrinkage-lda"\nshrink = 1',
            "model: no argument .*did you mean 'shrinkage'",
        ),
        ('kind = "loso"', 'kind = "losso"', r"protocol: no protocol 'losso'; did you mean 'loso'\?"),
        (
            'name = "raw"',
            'name = "raw"\nprotocol = { kind = "random-window-kfold", n_splits = 1 }',
            r"variant\.0\.protocol: protocol 'random-window-kfold' with {'n_splits': 1}: expected at least 2 folds",
        ),
        (
            "permutations = 19",
            'declared = ["times"]',
            r"control\.declared: no check of the audit 'times'; did you mean 'time'",
        ),
        ('column = "trial_type"', "above = 5\nratings = true", "label: a label is either cut or kept"),
        ("l_freq = 0.5", "l_freq = -0.5", r"filter\.l_freq: .*greater than 0"),
        (
            'kind = "differential-entropy"',
            'kind = "feature-set"',
            "feature: a feature-set takes sets, such as 'eda', and keep_unknown; found bands",
        ),
        ('kind = "rest-baseline"', 'kind = "rest"', r"variant\.1\.adaptation: no adaptation 'rest'"),
        ('kind = "rest-baseline"', 'knid = "rest-baseline"', r"variant\.1\.adaptation\.kind: Field required"),
        ('name = "rest-calibrated"', 'name = "raw"', r"variant\.1\.name: 'raw' is the name of variant\.0 too"),
        (
            'name = "raw"',
            'naem = "raw"',
            r"unknown key variant\.0\.naem; did you mean 'name'\? Known: adaptation, model",
        ),
    ],
)
def test_a_mistake_is_named_by_file_and_dotted_key_with_the_nearest_right_word(tmp_path, old, new, words):
    with pytest.raises(ConfigError, match=rf"own\.toml: .*{words}"):
        load_pipeline(changed(tmp_path, old, new))


def test_a_recipe_needs_a_variant(tmp_path):
    text = TEMPLATE.read_text(encoding="utf-8").partition("# One table per row")[0]
    with pytest.raises(ConfigError, match="variant: Field required"):
        load_pipeline(written(tmp_path, text))


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"no pipeline 'rest-arithmetic'; did you mean 'rest-arithmetic-lda'\?"):
        load_pipeline("rest-arithmetic")
    with pytest.raises(ConfigError, match=r"no variant 'rax'; did you mean 'raw'\?"):
        load_pipeline("rest-arithmetic-lda").make_model("rax")


def test_recipes_of_ones_own_are_found_and_win(tmp_path, monkeypatch):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    written(one, COIN_FLIPS, "coins.toml")
    written(two, COIN_FLIPS.replace("Coin flips", "Mine"), "rest-arithmetic-lda.toml")
    monkeypatch.setenv("AFFECTBIO_PIPELINES", os.pathsep.join(map(str, (one, two))))
    assert set(list_pipelines()) >= {"coins", "rest-arithmetic-lda"}
    assert load_pipeline("coins").title == "Coin flips"
    assert load_pipeline("rest-arithmetic-lda").title == "Mine"
    monkeypatch.setenv("AFFECTBIO_PIPELINES", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"AFFECTBIO_PIPELINES names .*none, which is not a folder"):
        list_pipelines()


def test_a_recipe_holds_data_and_nothing_that_runs():
    for path in bundled("pipelines").glob("*.toml"):
        parts = [v for v in tomllib.loads(path.read_text(encoding="utf-8")).values() if isinstance(v, dict)]
        for value in (v for part in parts for v in part.values()):
            assert isinstance(value, str | int | float | bool | list)
            assert ":" not in str(value)


def test_coin_flips_are_at_chance_where_it_is_honest_and_far_above_where_it_leaks(tmp_path):
    recipe, seen = load_pipeline(written(tmp_path, COIN_FLIPS)), []
    result = run_pipeline(recipe, coin_flips(), n_permutations=10, progress=lambda *step: seen.append(step))
    names = [v.name for v in recipe.variant]
    assert seen == [(name, number, 4) for number, name in enumerate(names)]
    table = result.summary.set_index("variant")
    assert table.index.tolist() == names
    for name in names[:3]:
        row = table.loc[name]
        assert abs(row["mean"] - 0.5) < 0.2
        assert row["low"] < 0.5 < row["high"]
        assert row["p"] > 0.05
        assert row["leaks"] == ""
    leaking = table.loc["shuffled nearest neighbour"]
    # It recalls the trial of each window, so that exchanged labels do it as well as the real ones.
    assert leaking["mean"] > 0.95
    assert leaking["null_mean"] > 0.95
    assert abs(leaking["excess"]) < 0.03
    assert leaking["leaks"] == "people, trials, seconds"
    assert table["target_access"].tolist() == ["none", "rest", "unlabelled", "none"]
    assert (table["n_people"] == 10).all()
    assert len(result.people) == 4 * 10
    assert len(result.controls) == 4 * 10


def test_a_run_is_repeatable(tmp_path):
    recipe = load_pipeline(written(tmp_path, COIN_FLIPS.partition('[[variant]]\nname = "calibrated"')[0]))
    one, two = (run_pipeline(recipe, coin_flips(6), n_permutations=5, seed=3).summary for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_windows_without_rest_cannot_be_calibrated(tmp_path):
    windows = coin_flips(4)
    later = windows.take((windows.metadata["trial"] == "later").to_numpy())
    with pytest.raises(DataError, match="has no 'rest' windows"):
        run_pipeline(load_pipeline(written(tmp_path, COIN_FLIPS)), later, n_permutations=2)
