"""What the README tells a user to type."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.checkout


@pytest.fixture(scope="module")
def readme():
    return (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def python_blocks(readme):
    return re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)


def test_the_first_python_block_runs_and_scores_every_person(python_blocks):
    names = {}
    exec(compile(python_blocks[0], "README.md", "exec"), names)  # noqa: S102  # the README's own words
    assert len(names["scores"]) == 28
    assert 0.6 < names["scores"]["value"].mean() < 0.8


def test_the_live_block_names_things_that_exist(python_blocks):
    imports = "\n".join(line for line in python_blocks[1].splitlines() if line.startswith(("import ", "from ")))
    exec(compile(imports, "README.md", "exec"), {})  # noqa: S102
    compile(python_blocks[1], "README.md", "exec")


@pytest.mark.parametrize(
    "line",
    [
        "pip install -q uv && uv run affectbio demo",
        "pip install -q uv && uv run pytest",
        'pip install "affectbio[all]"',
    ],
)
def test_the_commands_stand_near_the_top(readme, line):
    assert line in readme.split("## In Python")[0]


def test_its_table_holds_what_the_demo_prints(readme):
    """The figures do not depend on the permutations; the demo's own slow test checks the rest."""
    from affectbio.evaluation import evaluate
    from affectbio.pipelines import load_pipeline

    recipe = load_pipeline("rest-arithmetic-lda")
    windows = recipe.adapt(recipe.extract(recipe.recordings()), "rest-calibrated")
    assert f"{evaluate(recipe.make_model(), windows, 'loso')['value'].mean():.3f} [" in readme
