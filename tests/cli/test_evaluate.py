"""`affectbio evaluate`: a folder that says all of it, a table that hides nothing, and refusals before work is done."""

import json

import pandas as pd
import pytest
from rich.console import Console

from affectbio.cache import Cache
from affectbio.cli.audit import run_audit
from affectbio.cli.evaluate import run_evaluate
from affectbio.errors import ConfigError, LeakageError
from affectbio.evaluation import AuditReport, Check
from affectbio.pipelines import running

RECIPE = """
schema = 1
title = "High against low, simulated people"
sources = ["simulated"]
[data]
dataset = "simulated"
[window]
length_s = 5.0
step_s = 5.0
[feature]
kind = "hjorth"
[model]
kind = "shrinkage-lda"
[protocol]
kind = "loso"
[control]
permutations = 3
audit = "folds"
[[variant]]
name = "raw"
[[variant]]
name = "z"
adaptation = { kind = "subject-z" }
[[variant]]
name = "shuffled"
model = { kind = "nearest-neighbour" }
protocol = { kind = "random-window-kfold" }
"""
PEOPLE = ("001", "002", "003", "004", "005")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTBIO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "own.toml").write_text(RECIPE, encoding="utf-8")
    return str(tmp_path / "own.toml")


def said(recipe, out, **asked):
    console = Console(width=100, record=True, force_terminal=False)
    result = run_evaluate(recipe, out, **{"subjects": PEOPLE, "n_jobs": 1, "curve": False, **asked}, console=console)
    return result, console.export_text()


def test_the_folder_says_all_of_it_and_can_be_audited_again(recipe, tmp_path):
    out = tmp_path / "run"
    result, text = said(recipe, out, level="window,trial", n_seeds=2)
    files = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file() and "folds/" not in str(p)}
    own = {"metadata.csv", "folds.json", "predictions.csv", "audit.json"}
    tables = {"people.csv", "summary.csv", "controls.csv", "counts.csv", "excluded.csv"}
    assert {p for p in files if "variants" not in p} == own | tables | {"manifest.json", "settings.json", "report.html"}
    assert {p for p in files if "variants" in p} == {f"variants/{n}/{f}" for n in ("1-z", "2-shuffled") for f in own}
    summary = pd.read_csv(out / "summary.csv")
    assert summary.groupby("variant").size().to_dict() == {"raw": 2, "shuffled": 2, "z": 2}
    assert (summary["n_people"] == 5).all()
    assert summary.loc[summary["variant"] == "shuffled", "leaks"].unique().tolist() == ["people, trials"]
    people = pd.read_csv(out / "people.csv")
    assert people["n_seeds"].unique().tolist() == [2]
    # Every line of what leaks says so, on the terminal and on the page.
    assert text.count(["LEAKS", " the same people, trials in training and test"][0]) == 2
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "LEAKS people, trials" in page
    assert str(tmp_path) not in page + (out / "manifest.json").read_text() + (out / "settings.json").read_text()
    again = run_audit(out, console=Console(quiet=True))
    assert again.ok
    assert {c.name: c.status for c in again.checks} == {c.name: c.status for c in result.audits["raw"].checks}


def test_a_run_is_repeated_from_what_it_kept(recipe, tmp_path, monkeypatch):
    first, _ = said(recipe, tmp_path / "run", permutations=0)
    assert first.summary["null_mean"].isna().all()
    seen = []
    monkeypatch.setattr("affectbio.evaluation.sweep._one", lambda *_: seen.append(1))
    again, text = said(recipe, tmp_path / "run", permutations=0)
    assert seen == []
    pd.testing.assert_frame_equal(first.people, again.people, check_exact=True)
    assert "5 with features from the cache" in text
    assert "not run (--permutations 0), so that chance is not known" in text
    assert Cache().info().n_entries == 5


def test_a_protocol_from_the_command_line_leaves_out_variants_with_their_own(recipe, tmp_path):
    result, text = said(recipe, tmp_path / "one", protocol="kfold-by-subject", audit="none")
    assert list(result.windows) == ["raw", "z"]
    assert "not run, since they name a protocol of their own: shuffled" in text
    leaky, text = said(recipe, tmp_path / "two", protocol="random-window-kfold", variants=["raw"], audit="folds")
    assert leaky.summary["leaks"].tolist() == ["people, trials"]
    assert "LEAKS" in text
    assert leaky.audits["raw"].ok  # declared


def test_the_learning_curve_is_on_the_page(recipe, tmp_path):
    said(recipe, tmp_path / "run", curve=True, permutations=0, audit="none", variants=["raw"])
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Would more people help?" in page
    assert "from 4 people" in page


def test_a_leak_that_nobody_declares_is_an_error_after_the_folder_is_written(recipe, tmp_path, monkeypatch):
    found = AuditReport((Check("trial", "fail", "20 % of test windows", "split by trial"),), {})
    monkeypatch.setattr(running, "_audit", lambda *_: found)
    with pytest.raises(LeakageError, match="raw: trial"):
        said(recipe, tmp_path / "run", variants=["raw"])
    assert json.loads((tmp_path / "run" / "audit.json").read_text())["checks"][0]["status"] == "fail"
    assert (tmp_path / "run" / "report.html").exists()


def test_what_is_declared_by_a_recipe_is_shown_and_not_refused_now_or_later(tmp_path):
    text = RECIPE.replace("permutations = 3", 'permutations = 0\ndeclared = ["time"]')
    (tmp_path / "declared.toml").write_text(text, encoding="utf-8")
    out = tmp_path / "run"
    _, told = said(str(tmp_path / "declared.toml"), out, variants=["raw"])
    assert "declared by the recipe, so that scores may be of it: time" in told
    assert json.loads((out / "folds.json").read_text())["leaks"] == ["time"]
    assert run_audit(out, console=Console(quiet=True)).about["declared"] == ["time"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"data": "deap"}, "expected --data deap=/path/of/your/copy"),
        ({"data": "deap=/no/such/place"}, "there is no such folder"),
        ({"data": "daep=/x"}, "did you mean 'deap'"),
        ({"protocol": "losso"}, "did you mean 'loso'"),
        ({"variants": ["rax"]}, "did you mean 'raw'"),
        ({"audit": "fats"}, "did you mean 'fast'"),
        ({"level": "windows"}, "did you mean 'window'"),
        ({"metrics": ["acc"]}, "no metric 'acc'"),
        ({"subjects": ("001", "999")}, "no subject '999'"),
    ],
)
def test_what_cannot_be_done_is_said(recipe, tmp_path, asked, message):
    with pytest.raises(ConfigError, match=message):
        said(recipe, tmp_path / "run", **asked)


def test_a_folder_of_something_else_is_not_touched(recipe, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("all of it")
    with pytest.raises(ConfigError, match="is not empty and holds no run"):
        said(recipe, tmp_path / "mine")
    asked = {"variants": ["raw"], "permutations": 0, "audit": "none"}
    said(recipe, tmp_path / "run", **asked)
    with pytest.raises(ConfigError, match="holds another run"):
        said(recipe, tmp_path / "run", **asked, seed=1)
