"""Recipes: TOML files that name registered parts, read, built and run.

A recipe says which data, feature, model, protocol and variants make up one system. It is data: it names parts and gives
scalars, and nothing in it is executed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from affectbio._toml import Table, find_toml, load_toml, toml_folders, toml_names
from affectbio.errors import ConfigError
from affectbio.registry import Registry, unknown_name

if TYPE_CHECKING:
    import pandas as pd

    from affectbio.types import Recording, Windows

__all__ = ["Recipe", "RunResult", "list_pipelines", "load_pipeline", "run_pipeline"]


class _Data(Table):
    dataset: str
    signal: str = "eeg"


class _Window(Table):
    length_s: float = Field(gt=0)
    step_s: float = Field(gt=0)


class _Part(Table):
    """A registered part: its name, and its arguments as further keys."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str

    def build(self, registry: Registry, **defaults: Any) -> Any:
        part = registry.get(self.kind)
        arguments = {**defaults, **(self.model_extra or {})}
        takes = signature(part).parameters
        for name in arguments:
            if name not in takes and not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
                raise unknown_name(f"argument of {registry.kind} {self.kind!r}", name, takes)
        try:
            return part(**arguments)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{registry.kind} {self.kind!r} with {arguments}: {error}") from None


class _Calibration(Table):
    trial_type: str = "rest"
    seconds: float = Field(30.0, gt=0)


class _Variant(Table):
    name: str
    adaptation: _Part | None = None
    model: _Part | None = None
    protocol: _Part | None = None


class Recipe(Table):
    """One system: what is told apart, from which data, by which parts, under which protocol.

    Examples
    --------
    >>> recipe = load_pipeline("rest-arithmetic-lda")
    >>> recipe.window.length_s, [v.name for v in recipe.variant][:2]
    (2.0, ['raw', 'rest-calibrated'])
    """

    schema_version: Literal[1] = Field(alias="schema")
    title: str
    sources: tuple[str, ...]
    data: _Data
    window: _Window
    feature: _Part
    model: _Part
    protocol: _Part
    calibration: _Calibration | None = None
    variant: tuple[_Variant, ...] = Field(min_length=1)

    def make_feature(self) -> Any:
        """Make the feature transformer."""
        from affectbio.features import FEATURES

        return self.feature.build(FEATURES)

    def make_model(self, variant: str | None = None) -> Any:
        """Make the estimator, of a variant if one is named."""
        from affectbio.models import MODELS

        part = self._variant(variant).model if variant else None
        return (part or self.model).build(MODELS)

    def make_adaptation(self, variant: str) -> Any:
        """Make a variant's adaptation, or None."""
        from affectbio.adapt import ADAPTATIONS

        part = self._variant(variant).adaptation
        if part is None:
            return None
        defaults = self.calibration.model_dump() if self.calibration and part.kind == "rest-baseline" else {}
        return part.build(ADAPTATIONS, **defaults)

    def recordings(self, root: str | Path | None = None, subjects: list[str] | None = None) -> list[Recording]:
        """Read the recordings, the bundled ones if no folder is given."""
        from affectbio.datasets import DATASETS

        return list(DATASETS.get(self.data.dataset)(root).recordings(subjects))

    def extract(self, recordings: list[Recording]) -> Windows:
        """Give the features of all windows, those of the calibration included."""
        windows: Windows = self.make_feature().extract(
            recordings, self.window.length_s, self.window.step_s, self.data.signal
        )
        return windows

    def adapt(self, windows: Windows, variant: str) -> Windows:
        """Give the windows that a variant is scored on, adapted as it says."""
        from affectbio.adapt import RestBaseline

        adaptation = self.make_adaptation(variant)
        if isinstance(adaptation, RestBaseline):
            return adaptation.apply(windows)
        if self.calibration is not None:
            windows = windows.take(RestBaseline(**self.calibration.model_dump()).scored(windows))
        return windows if adaptation is None else adaptation.apply(windows)

    def _variant(self, name: str) -> _Variant:
        for variant in self.variant:
            if variant.name == name:
                return variant
        raise unknown_name("variant", name, [v.name for v in self.variant])


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a recipe gave.

    Attributes
    ----------
    people : pandas.DataFrame
        One row per variant and person, from `affectbio.evaluation.evaluate`.
    controls : pandas.DataFrame
        One row per variant and permutation.
    summary : pandas.DataFrame
        One row per variant: mean, interval, n, chance, null, excess, leaks.
    """

    people: pd.DataFrame
    controls: pd.DataFrame
    summary: pd.DataFrame


def list_pipelines() -> list[str]:
    """Give the names of all recipes: the bundled ones, and those in the folders of ``AFFECTBIO_PIPELINES``."""
    return list(toml_names(toml_folders("pipelines")))


def load_pipeline(name: str | Path) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    name : str or Path
        One of `list_pipelines`, or the path of a TOML file.

    Returns
    -------
    Recipe
        Checked: every key is known, every part is registered.

    Raises
    ------
    ConfigError
        If there is no such recipe or it is not valid; the file, the dotted key and the nearest right one are named.
    """
    path = find_toml("pipeline", name, toml_folders("pipelines"))
    recipe = load_toml(path, Recipe)
    try:
        _check(recipe)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return recipe


def _check(recipe: Recipe) -> None:
    """Make every part once, and say which could not be made."""
    from affectbio.datasets import DATASETS

    made: dict[str, Callable[[], Any]] = {
        "data.dataset": lambda: DATASETS.get(recipe.data.dataset),
        "feature": recipe.make_feature,
        "model": recipe.make_model,
        "protocol": lambda: _protocol(recipe),
    }
    names = [variant.name for variant in recipe.variant]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ConfigError(
                f"variant.{i}.name: {name!r} is the name of variant.{names.index(name)} too; expected its own"
            )
        made[f"variant.{i}.adaptation"] = partial(recipe.make_adaptation, name)
        made[f"variant.{i}.model"] = partial(recipe.make_model, name)
        made[f"variant.{i}.protocol"] = partial(_protocol, recipe, recipe.variant[i])
    for where, make in made.items():
        try:
            make()
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None


def _protocol(recipe: Recipe, variant: _Variant | None = None) -> Any:
    from affectbio.evaluation import PROTOCOLS

    return ((variant and variant.protocol) or recipe.protocol).build(PROTOCOLS)


def run_pipeline(
    recipe: Recipe,
    windows: Windows,
    *,
    n_permutations: int = 100,
    seed: int = 0,
    n_jobs: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> RunResult:
    """Score every variant of a recipe, each with its control.

    Parameters
    ----------
    recipe : Recipe
        From `load_pipeline`.
    windows : Windows
        From `Recipe.extract`.
    n_permutations : int
        Permutations of the labels per variant.
    seed : int
        Of the permutations and the bootstrap.
    n_jobs : int, optional
        As everywhere in joblib.
    progress : callable, optional
        Called with a variant's name, its number and how many there are, before each.

    Returns
    -------
    RunResult
        Tables.

    Raises
    ------
    DataError, LeakageError
        If the windows do not allow the protocol.
    """
    import pandas as pd

    from affectbio.evaluation import evaluate, permutation_control, summarise

    people, controls = [], []
    for number, variant in enumerate(recipe.variant):
        if progress is not None:
            progress(variant.name, number, len(recipe.variant))
        adapted = recipe.adapt(windows, variant.name)
        model, protocol = recipe.make_model(variant.name), _protocol(recipe, variant)
        people.append(evaluate(model, adapted, protocol, variant=variant.name, n_jobs=n_jobs))
        controls.append(
            permutation_control(model, adapted, protocol, n_permutations, rng=seed, variant=variant.name, n_jobs=n_jobs)
        )
    results, nulls = pd.concat(people, ignore_index=True), pd.concat(controls, ignore_index=True)
    return RunResult(results, nulls, summarise(results, nulls, rng=seed))
