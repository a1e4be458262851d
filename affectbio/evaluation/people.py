"""Scores people one by one from truth and predictions, and says why somebody cannot be scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation.fitting import Answers, Plan
from affectbio.evaluation.metrics import SCORERS, Scorer

__all__ = ["Said", "cells", "scored"]

Array = npt.NDArray[Any]


class Said(NamedTuple):
    """Truth and predictions of the windows tested, with whose they are: arrays of shape (n_tested, ...).

    Attributes
    ----------
    true, predicted : ndarray
        Labels or ratings.
    known : ndarray of bool
        Where ``true`` has a meaning.
    scores : ndarray or None, shape (n_tested, n_classes)
        Of each class.
    scores_are : str
        ``"probability"``, ``"decision"``, ``"votes"`` or nothing.
    classes : ndarray, shape (n_classes,)
        Labels; empty for ratings.
    person, trial, fold : ndarray of int
        Numbers.
    why : ndarray of str
        If not empty: why this person cannot be scored.
    """

    true: Array
    known: Array
    predicted: Array
    scores: Array | None
    scores_are: str
    classes: Array
    person: Array
    trial: Array
    fold: Array
    why: Array

    @classmethod
    def of(cls, tested: Answers, made: Plan, y: Array) -> Said:
        """Put the labels beside what was predicted.

        Parameters
        ----------
        tested : Answers
            From `affectbio.evaluation.fitting.run`.
        made : Plan
            What was run.
        y : ndarray, shape (n_windows,)
            Labels, those of the plan or exchanged ones.

        Returns
        -------
        Said
            Ready to be `scored`.
        """
        rows = tested.rows
        return cls(
            y[rows],
            made.known[rows],
            tested.predicted,
            tested.scores,
            tested.scores_are,
            made.classes,
            made.person[rows],
            made.trial[rows],
            tested.fold,
            tested.why,
        )


def scored(said: Said, names: list[str], levels: list[str]) -> Iterator[dict[str, Any]]:
    """Score each person, people in sorted order.

    Parameters
    ----------
    said : Said
        Truth and predictions.
    names, levels : list of str
        Metrics and levels.

    Yields
    ------
    dict
        One row of the table of `affectbio.evaluation.evaluate`, the subject as a number.

    Raises
    ------
    ConfigError
        If a metric needs scores that are not there.
    DataError
        If nobody can be scored, or a trial holds two labels.
    """
    for one in names:
        _check_scores(one, said)
    n_scored = 0
    reasons = []
    for own in _by_person(said.person):
        labelled = own[said.known[own]]
        why = _why_not(said, own, labelled)
        parts = {} if why else {one: _at_level(said, labelled, one) for one in levels}
        for name, one in cells(names, levels):
            scorer = SCORERS[name]
            value = float("nan") if why else _value(scorer, said.classes, *parts[one])
            undefined = "the ratings, or what is predicted, never change" if scorer.needs == "ratings" else "undefined"
            reason = why or (f"{name}: {undefined}" if np.isnan(value) else "")
            n_scored += not reason
            reasons += [reason] if reason else []
            yield {
                "fold": said.fold[own[0]] if (said.fold[own] == said.fold[own[0]]).all() else pd.NA,
                "subject": said.person[own[0]],
                "metric": name,
                "level": one,
                "value": value,
                "n_windows": len(labelled),
                "n_trials": len(np.unique(said.trial[labelled])),
                "n_unlabelled": len(own) - len(labelled),
                "chance": 1 / max(len(said.classes), 1) if scorer.chance is None else scorer.chance,
                "why": reason,
            }
    if not n_scored:
        raise DataError(f"nobody can be scored; the first of {len(reasons)} reasons: {reasons[0]}")


def _why_not(said: Said, own: Array, labelled: Array) -> str:
    """Say why a person cannot be scored at all, or nothing."""
    stated = [str(w) for w in said.why[own] if w]
    if stated:
        return stated[0]
    if not len(labelled):
        return f"none of {len(own)} windows has a label"
    true = said.true[labelled]
    if len(said.classes) and (true == true[0]).all():
        return f"all {len(true)} windows are {str(true[0])!r}; a score of one class says nothing of the others"
    return ""


def _at_level(said: Said, own: Array, level: str) -> tuple[Array, Array, Array | None]:
    """Give truth, prediction and scores of a person's windows or trials."""
    true, predicted = said.true[own], said.predicted[own]
    scores = None if said.scores is None else said.scores[own]
    if level == "window":
        return true, predicted, scores
    first, trial, n_each = np.unique(said.trial[own], return_index=True, return_inverse=True, return_counts=True)[1:]

    def mean(values: Array) -> Array:
        return np.asarray(np.bincount(trial, weights=values) / n_each)

    if not len(said.classes):
        return mean(true), mean(predicted), None
    mixed = np.flatnonzero(true != true[first][trial])
    if len(mixed):
        both = f"{str(true[mixed[0]])!r} and {str(true[first][trial][mixed[0]])!r}"
        raise DataError(f"a trial holds the labels {both}; only a trial of one label can be scored: use level='window'")
    if scores is None:
        scores = (predicted[:, None] == said.classes).astype(float)
    scores = np.column_stack([mean(column) for column in scores.T])
    # A class that the fold could not learn has no decision value and is not chosen.
    return true[first], said.classes[np.argmax(np.where(np.isnan(scores), -np.inf, scores), axis=1)], scores


def _value(scorer: Scorer, classes: Array, true: Array, predicted: Array, scores: Array | None) -> float:
    if scorer.needs in ("labels", "ratings"):
        return scorer.function(true, predicted)
    return scorer.function(true, scores, classes)


def _check_scores(name: str, said: Said) -> None:
    needs = SCORERS[name].needs
    lacks = needs == "probabilities" and said.scores_are != "probability"
    if lacks or (needs == "scores" and said.scores_are not in ("probability", "decision")):
        wanted = "predict_proba" if needs == "probabilities" else "predict_proba or decision_function"
        raise ConfigError(f"metric {name!r} needs {needs} of each class; this estimator has no {wanted}")


def cells(names: list[str], levels: list[str]) -> list[tuple[str, str]]:
    """Give all pairs of metric and level, level by level.

    Parameters
    ----------
    names, levels : list of str
        Metrics and levels.

    Returns
    -------
    list of (str, str)
        Pairs.
    """
    return [(name, one) for one in levels for name in names]


def _by_person(person: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    """Positions of each person that occurs, people in sorted order."""
    order = np.argsort(person, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(person[order])) + 1)
