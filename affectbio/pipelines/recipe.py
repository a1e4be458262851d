"""Recipes: TOML files that name registered parts, read and built.

A recipe says which data, feature, model, protocol and variants make up one system. It is data: it names parts and gives
scalars, and nothing in it is executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import ConfigDict, Field

from affectbio._toml import Table, find_toml, load_toml, toml_folders, toml_names
from affectbio.errors import ConfigError
from affectbio.registry import Registry, unknown_name

if TYPE_CHECKING:
    from affectbio.evaluation.labels import Label
    from affectbio.types import Recording, Windows

__all__ = ["Recipe", "list_pipelines", "load_pipeline"]


class _Data(Table):
    dataset: str
    signal: str = "eeg"


class _Window(Table):
    length_s: float = Field(gt=0)
    step_s: float = Field(gt=0)


class _Filter(Table):
    l_freq: float | None = Field(None, gt=0)
    h_freq: float | None = Field(None, gt=0)
    order: int = Field(4, ge=1)


class _Label(Table):
    column: str = "trial_type"
    above: float | None = None
    names: tuple[str, str] = ("low", "high")
    keep: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    ratings: bool = False


class _Control(Table):
    permutations: int = Field(19, ge=0)
    audit: Literal["folds", "fast", "full"] = "fast"
    declared: tuple[str, ...] = ()


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
    filter: _Filter | None = None
    label: _Label | None = None
    feature: _Part
    model: _Part
    protocol: _Part
    calibration: _Calibration | None = None
    control: _Control = Field(default_factory=lambda: _Control.model_validate({}))
    variant: tuple[_Variant, ...] = Field(min_length=1)

    def make_feature(self) -> Any:
        """Make the feature transformer, or of ``kind = "feature-set"`` the set."""
        from affectbio.features import FEATURES, FeatureSet

        if self.feature.kind == "feature-set":
            extra = dict(self.feature.model_extra or {})
            sets = extra.pop("sets", None)
            extra.pop("keep_unknown", None)
            if extra or not sets:
                raise ConfigError(
                    f"a feature-set takes sets, such as 'eda', and keep_unknown; found {', '.join(extra) or 'no sets'}"
                )
            return FeatureSet(sets, window_s=self.window.length_s, step_s=self.window.step_s)
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

    def make_protocol(self, variant: str | None = None) -> Any:
        """Make the protocol, of a variant if one is named."""
        from affectbio.evaluation import PROTOCOLS

        part = self._variant(variant).protocol if variant else None
        return (part or self.protocol).build(PROTOCOLS)

    def make_label(self) -> Label:
        """Make the declaration of what is told apart; the type of the trial if the recipe does not say."""
        from affectbio.evaluation.labels import Label

        return Label(**(self.label or _Label()).model_dump())

    def recordings(self, root: str | Path | None = None, subjects: list[str] | None = None) -> list[Recording]:
        """Read the recordings, the bundled ones if no folder is given."""
        from affectbio.datasets import DATASETS

        return list(DATASETS.get(self.data.dataset)(root).recordings(subjects))

    def extract(self, recordings: Iterable[Recording]) -> Windows:
        """Give the features of all windows, those of the calibration included; what has no label is None."""
        from affectbio.pipelines.preparation import prepare

        return prepare(self, recordings).windows

    def adapt(self, windows: Windows, variant: str) -> Windows:
        """Give the windows that a variant is scored on, adapted as it says; those without a label stay behind."""
        from affectbio.adapt import RestBaseline

        adaptation = self.make_adaptation(variant)
        if isinstance(adaptation, RestBaseline):
            return labelled(adaptation.apply(windows))
        if self.calibration is not None:
            windows = windows.take(RestBaseline(**self.calibration.model_dump()).scored(windows))
        windows = labelled(windows)
        return windows if adaptation is None else adaptation.apply(windows)

    def _variant(self, name: str) -> _Variant:
        for variant in self.variant:
            if variant.name == name:
                return variant
        raise unknown_name("variant", name, [v.name for v in self.variant])


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
        "label": recipe.make_label,
        "feature": recipe.make_feature,
        "model": recipe.make_model,
        "protocol": recipe.make_protocol,
        "control.declared": partial(_known_checks, recipe.control.declared),
    }
    names = [variant.name for variant in recipe.variant]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise ConfigError(
                f"variant.{i}.name: {name!r} is the name of variant.{names.index(name)} too; expected its own"
            )
        made[f"variant.{i}.adaptation"] = partial(recipe.make_adaptation, name)
        made[f"variant.{i}.model"] = partial(recipe.make_model, name)
        made[f"variant.{i}.protocol"] = partial(recipe.make_protocol, name)
    for where, make in made.items():
        try:
            make()
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None


def _known_checks(names: Iterable[str]) -> None:
    from affectbio.evaluation.audit_report import CHECKS
    from affectbio.evaluation.protocols import LEAKS

    for name in names:
        if name not in CHECKS and name not in LEAKS:
            raise unknown_name("check of the audit", name, [*CHECKS, *LEAKS])


def labelled(windows: Windows) -> Windows:
    """Give the windows that have a label.

    Parameters
    ----------
    windows : Windows
        With labels, some of which are None or NaN.

    Returns
    -------
    Windows
        The same object if all have one.
    """
    import pandas as pd

    missing = np.zeros(len(windows), dtype=bool) if windows.y is None else np.asarray(pd.isna(windows.y))
    return windows.take(~missing) if missing.any() else windows
