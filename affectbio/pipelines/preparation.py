"""From recordings to features of windows, one recording at a time: samples are let go, features and reasons stay.

What is computed of a recording is kept in a `affectbio.cache.Cache` under its content. Whatever cannot be used is
counted by person and reason; whatever contradicts itself (the same samples under two names, a trial that occurs twice,
other channels than before) is an error that names both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.cache import Cache, code_fingerprint, content_key, recording_fingerprint, samples_fingerprint
from affectbio.errors import ConfigError, DataError
from affectbio.features import FeatureSet, WindowFeature
from affectbio.kernels.band_power import window_starts
from affectbio.preprocess import causal_filter
from affectbio.types import Recording, Signal, Windows, table_of_windows

if TYPE_CHECKING:
    from affectbio.pipelines.recipe import Recipe

__all__ = ["Prepared", "prepare"]

# What the features of a recording depend on beside its content and the recipe.
_CODE = ("affectbio.kernels", "affectbio.features", "affectbio.preprocess", "affectbio.types", __name__)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Features of everybody, and what became of everything else.

    Attributes
    ----------
    windows : Windows
        Features; the label is None (of ratings NaN) where the recipe leaves a window out.
    counts : pandas.DataFrame
        ``subject, label, n_windows, n_trials``.
    excluded : pandas.DataFrame
        ``subject, why, n_windows, n_trials``: windows that lie in an event and have no place in the result.
    notes : tuple of str
        What a reader should know: dead channels, rates that differ, ties, people of one class.
    n_recordings, n_cached : int
        How many were read, and of how many the features were there already.
    fingerprint : str
        Of all recordings, in the order read.
    """

    windows: Windows
    counts: pd.DataFrame
    excluded: pd.DataFrame
    notes: tuple[str, ...]
    n_recordings: int
    n_cached: int
    fingerprint: str


def prepare(
    recipe: Recipe,
    recordings: Iterable[Recording],
    *,
    cache: Cache | None = None,
    scales: Mapping[str, tuple[float, float]] | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Prepared:
    """Compute a recipe's features and labels.

    Parameters
    ----------
    recipe : Recipe
        Which signal, filter, window, feature and label.
    recordings : iterable of Recording
        Read one at a time; none is kept. Memory is one recording and the features of all.
    cache : Cache, optional
        Where features are kept. To know what a file holds it has to be read: the cache saves the computing, not the
        reading.
    scales : mapping of str to (float, float), optional
        Ends of the scales of ratings, as in ``Facts.ratings``.
    progress : callable, optional
        ``progress(subject, n_recordings)`` before each.

    Returns
    -------
    Prepared
        Everything in it is in the order of the recordings.

    Raises
    ------
    DataError
        If a person has no name, two recordings hold the same samples, a trial occurs twice, recordings differ in what
        is measured, no window is left, or labels cannot be made (see `affectbio.evaluation.labels.Label`).
    ConfigError
        If the recipe does not fit the data.
    """
    feature = recipe.make_feature()
    parts: list[Windows] = []
    excluded: list[dict[str, Any]] = []
    notes: list[str] = []
    prints: list[str] = []
    seen: dict[str, str] = {}
    rates: dict[float, list[str]] = {}
    n_cached = 0
    first_failure = ""
    for number, recording in enumerate(recordings):
        name = _named(recording, number)
        if progress is not None:
            progress(recording.subject, number)
        samples = samples_fingerprint(recording)
        if samples in seen:
            raise DataError(
                f"{name} holds the same samples as {seen[samples]}; expected each recording once: take one out of the "
                f"folder, or one person would stand in training and test"
            )
        seen[samples] = name
        whole = recording_fingerprint(recording, samples=samples)
        prints.append(whole)
        key = content_key("features", whole, _recipe_key(recipe), code_fingerprint(*_CODE))
        kept = None if cache is None else cache.windows(key)
        found, facts = kept or _measured(recipe, feature, recording)
        if kept is not None:
            n_cached += 1
        elif cache is not None and found is not None:
            cache.put_windows(key, found, facts)
        first_failure = first_failure or facts["failure"]
        excluded += [{"subject": recording.subject, **row} for row in facts["excluded"]]
        notes += [f"{name}: {note}" for note in facts["notes"]]
        rates.setdefault(facts["sfreq"], []).append(name)
        if found is not None and len(found):
            if parts:
                _same(parts[0], found, name)
            parts.append(found)
        del recording
    if cache is not None:
        cache.prune()
    if not parts:
        raise DataError(first_failure or "no recordings; expected at least one")
    if len(rates) > 1:
        said = "; ".join(f"{sfreq:g} Hz in {len(n)} recordings ({n[0]}, …)" for sfreq, n in sorted(rates.items()))
        notes.append(f"sampling rates differ, windows are cut in seconds: {said}")
    windows = Windows.concatenate(parts)
    _once(windows)
    made = recipe.make_label().apply(windows, scales)
    table = pd.DataFrame(excluded, columns=["subject", "why", "n_windows", "n_trials"])
    left_out = pd.concat([t for t in (made.excluded, table) if len(t)] or [table], ignore_index=True)
    return Prepared(
        made.windows, made.counts, left_out, (*notes, *made.notes), len(prints), n_cached, content_key(prints)
    )


def _named(recording: Recording, number: int) -> str:
    if not isinstance(recording.subject, str) or not recording.subject.strip():
        raise DataError(
            f"recording {number} has no subject (found {recording.subject!r}); without a name nobody can be held out"
        )
    trials = list(recording.events["trial"].dropna().unique()) if "trial" in recording.events else []
    own = f", trial {trials[0]}" if len(trials) == 1 else ""
    return f"subject {recording.subject}, session {recording.session}{own}"


def _recipe_key(recipe: Recipe) -> dict[str, Any]:
    return {
        "signal": recipe.data.signal,
        "window": recipe.window.model_dump(),
        "filter": recipe.filter.model_dump() if recipe.filter else None,
        "feature": recipe.feature.model_dump(),
    }


def _measured(recipe: Recipe, feature: Any, recording: Recording) -> tuple[Windows | None, dict[str, Any]]:
    """Give the features of one recording, and what is to be said of it."""
    source = recording.signal(recipe.data.signal)
    facts: dict[str, Any] = {"sfreq": source.sfreq, "notes": _dead(source), "excluded": [], "failure": ""}
    inside = _inside(recipe, recording, source)
    # Of a feature that cuts windows anew in every trial, how many there could have been is for it to know.
    on_grid = isinstance(feature, WindowFeature | FeatureSet)
    filtered = recording
    if recipe.filter is not None:
        clean = causal_filter(source, recipe.filter.l_freq, recipe.filter.h_freq, order=recipe.filter.order)
        filtered = replace(recording, signals={**recording.signals, recipe.data.signal: clean})
    try:
        windows = _extracted(recipe, feature, filtered)
    except ConfigError:
        raise
    except DataError as error:
        facts["failure"] = str(error)
        why = f"no window can be used: {error}" if not facts["notes"] else f"no window can be used: {facts['notes'][0]}"
        facts["excluded"] = [{"why": why, "n_windows": len(inside), "n_trials": int(inside["trial"].nunique())}]
        return None, facts
    if not len(windows):
        facts["failure"] = (
            f"no window of {recipe.window.length_s:g} s lies inside an event of subject {recording.subject}; give a "
            f"shorter one"
        )
        return None, facts
    n_of = windows.metadata["trial"].astype(str).value_counts()
    missing = inside["trial"].astype(str).value_counts().sub(n_of, fill_value=0)
    missing = missing[missing > 0]
    if len(missing) and on_grid:
        facts["excluded"] = [
            {"why": "lost samples, or a feature that is not known", "n_windows": int(missing.sum()),
             "n_trials": len(missing)}
        ]  # fmt: skip
    return windows, facts


def _extracted(recipe: Recipe, feature: Any, recording: Recording) -> Windows:
    if not isinstance(feature, FeatureSet):
        made: Windows = feature.extract([recording], recipe.window.length_s, recipe.window.step_s, recipe.data.signal)
        return made
    keep_unknown = bool((recipe.feature.model_extra or {}).get("keep_unknown", False))
    windows = feature.extract([recording]).windows(only_known=not keep_unknown)
    windows = windows.take(windows.metadata["trial_type"].notna().to_numpy())
    # A table of features says whose and when; what else the events say belongs to the trial.
    events = recording.events.assign(
        trial=recording.events["trial"] if "trial" in recording.events
        else [f"{i:03d}" for i in range(len(recording.events))]
    )  # fmt: skip
    events = events.astype({"trial": str}).drop_duplicates("trial").set_index("trial")
    more = [c for c in events if c not in ("onset", "duration", *windows.metadata.columns)]
    table = windows.metadata.join(events[more], on="trial")
    return replace(windows, metadata=table)


def _inside(recipe: Recipe, recording: Recording, source: Signal) -> pd.DataFrame:
    """List the windows that lie in an event, whether they can be used or not."""
    length = round(recipe.window.length_s * source.sfreq)
    if source.n_times < length:
        return pd.DataFrame({"trial": pd.Series([], dtype=str)})
    first = window_starts(source.n_times, source.sfreq, recipe.window.length_s, recipe.window.step_s)
    return table_of_windows(recording, source.start + first / source.sfreq, length / source.sfreq)[0]


def _dead(source: Signal) -> list[str]:
    """Say which channels hold nothing, or never change."""
    notes = []
    known: npt.NDArray[np.bool_] = np.isfinite(source.data)
    for name, row, own in zip(source.ch_names, source.data, known, strict=True):
        if not own.any():
            notes.append(f"channel {name} has no sample that is known")
        elif np.ptp(row[own]) == 0:
            notes.append(f"channel {name} never changes")
    return notes


def _same(first: Windows, other: Windows, name: str) -> None:
    one, two = (([c.name for c in w.channels], list(w.features)) for w in (first, other))
    if one != two:
        differ = [*(set(one[0]) ^ set(two[0])), *(set(one[1]) ^ set(two[1]))]
        what = f"; only one of them has {', '.join(sorted(differ)[:5])}" if differ else "; in another order"
        raise DataError(f"{name} has other channels or features than the first recording{what}: pick those all have")


def _once(windows: Windows) -> None:
    twice = windows.metadata.duplicated(["subject", "session", "trial", "start"])
    if twice.any():
        row = windows.metadata[twice].iloc[0]
        raise DataError(
            f"trial {row['trial']} of subject {row['subject']}, session {row['session']} occurs twice "
            f"({int(twice.sum())} windows); give every trial a name of its own"
        )
