"""Recipes: TOML files that name registered parts, read, built and run."""

from affectbio.pipelines.preparation import Prepared, prepare
from affectbio.pipelines.recipe import Recipe, list_pipelines, load_pipeline
from affectbio.pipelines.running import RunResult, run_pipeline

__all__ = ["Prepared", "Recipe", "RunResult", "list_pipelines", "load_pipeline", "prepare", "run_pipeline"]
