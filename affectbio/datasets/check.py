"""Walks a user's copy of a data set and says what is there, what is missing, and what does not look as published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from affectbio.datasets.base import Dataset
from affectbio.errors import AffectbioError
from affectbio.types import Recording, Signal

__all__ = ["CheckReport", "check_dataset"]


@dataclass(frozen=True, slots=True, eq=False)
class CheckReport:
    """What `check_dataset` found.

    Attributes
    ----------
    people : pandas.DataFrame
        One row per person: ``subject, n_recordings, n_trials, minutes, problems`` (how many).
    problems : pandas.DataFrame
        One row per problem: ``subject`` (empty if of the whole copy), ``what``.
    known : tuple of str
        What is missing from every copy, and why.
    """

    people: pd.DataFrame
    problems: pd.DataFrame
    known: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing and nothing looks wrong."""
        return self.problems.empty


def check_dataset(dataset: Dataset, progress: Callable[[str, int, int], None] | None = None) -> CheckReport:
    """Read every file of a copy once and hold it against the facts of the data set.

    Parameters
    ----------
    dataset : Dataset
        A copy.
    progress : callable, optional
        Called with a person, their number and how many there are, before each.

    Returns
    -------
    CheckReport
        A file that cannot be read is a problem in the report, not an error; the others are still read. One person's
        files are in memory at a time.

    Raises
    ------
    DatasetLayoutError
        If nobody is in the folder.
    """
    facts, found = dataset.facts, dataset.subjects()
    problems: list[tuple[str, str]] = []
    if len(found) < facts.n_subjects:
        problems.append(("", f"{len(found)} of {facts.n_subjects} people are here. {facts.access}"))
    people = []
    for number, subject in enumerate(found):
        if progress is not None:
            progress(subject, number, len(found))
        n_recordings, n_trials, seconds, own = 0, 0, 0.0, []
        try:
            for recording in dataset.recordings([subject]):
                n_recordings += 1
                n_trials += int((recording.events["trial_type"] != "baseline").sum())
                seconds += max(signal.duration for signal in recording.signals.values())
                own += _odd(dataset, recording)
        except (AffectbioError, OSError) as error:
            own.append(f"cannot be read: {error}")
        else:
            for what, n, expected in (
                ("recordings", n_recordings, facts.n_recordings),
                ("trials", n_trials, facts.n_trials),
            ):
                if n != expected and subject not in facts.absent:
                    own.append(f"{n} {what}; expected {expected}")
        problems += [(subject, what) for what in own]
        people.append((subject, n_recordings, n_trials, seconds / 60, len(own)))
    return CheckReport(
        people=pd.DataFrame(people, columns=["subject", "n_recordings", "n_trials", "minutes", "problems"]),
        problems=pd.DataFrame(problems, columns=["subject", "what"]),
        known=tuple(f"{who}: {why}" for who, why in facts.absent.items()),
    )


def _odd(dataset: Dataset, recording: Recording) -> list[str]:
    """Say what of one recording is not as the facts have it."""
    where = f"session {recording.session}, trial {', '.join(map(str, recording.events.get('trial', ['?'])[:1]))}"
    odd = []
    for name, expected in dataset.facts.signals.items():
        if name not in recording.signals:
            odd.append(f"{where}: no signal {name!r}; expected {expected.n_chans} channels at {expected.sfreq:g} Hz")
            continue
        signal = recording.signals[name]
        shape = (len(signal.channels), signal.sfreq)
        if shape != (expected.n_chans, expected.sfreq):
            odd.append(
                f"{where}: {name} has {shape[0]} channels at {shape[1]:g} Hz; "
                f"expected {expected.n_chans} at {expected.sfreq:g} Hz"
            )
        spread = _spread(signal)
        if not expected.low <= spread <= expected.high:
            unit = signal.channels[0].unit
            odd.append(
                f"{where}: {name} varies by {spread:.3g} {unit}; expected {expected.low:g} to {expected.high:g} {unit}: "
                f"another scale, or a flat signal"
            )
    for column, (low, high) in dataset.facts.ratings.items():
        if column not in recording.events:
            odd.append(f"{where}: no ratings of {column}")
            continue
        outside = recording.events[column].dropna()
        outside = outside[(outside < low) | (outside > high)]
        if len(outside):
            odd.append(f"{where}: {column} of {outside.iloc[0]:g} is outside its scale, {low:g} to {high:g}")
    return odd


def _spread(signal: Signal) -> float:
    """Give the median over channels of the standard deviation over time, lost samples aside; NaN if nothing is left."""
    known = np.where(np.isfinite(signal.data), signal.data, np.nan)
    spread = [np.nanstd(row) for row in known if not np.isnan(row).all()]
    return float(np.median(spread)) if spread else float("nan")
