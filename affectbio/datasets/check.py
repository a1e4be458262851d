"""Walks a user's copy of a data set and says what is there, what is missing, and what does not look as published."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets.base import Dataset
from affectbio.errors import AffectbioError
from affectbio.types import Recording, Signal

__all__ = ["CheckReport", "check_dataset"]

# How far an event may reach beyond the samples: stamps of events and rates of signals are rounded.
_SLACK_S = 1.0
_RATE_TOLERANCE = 0.01


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
    missing : pandas.DataFrame
        What the recordings say of themselves that they lack, as published: ``subject``, ``what``. No problem of the
        copy.
    """

    people: pd.DataFrame
    problems: pd.DataFrame
    known: tuple[str, ...]
    missing: pd.DataFrame

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
        A file that cannot be read is a problem in the report, not an error; the others are still read. Problems are
        also channels without a number or of one value, amplitudes of another scale, ratings outside their scale,
        events outside the samples, and two recordings that are the same. One person's files are in memory at a time.

    Raises
    ------
    DatasetLayoutError
        If nobody is in the folder.
    """
    facts, found = dataset.facts, dataset.subjects()
    problems: list[tuple[str, str]] = []
    missing: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
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
                n_trials += _n_trials(recording)
                seconds += max(signal.duration for signal in recording.signals.values())
                own += [*_odd(dataset, recording), *_same_as(recording, seen)]
                missing += [(subject, str(what)) for what in recording.meta.get("missing", ())]
        except (AffectbioError, OSError) as error:
            own.append(f"cannot be read: {error}")
        else:
            for what, n, expected in (
                ("recordings", n_recordings, facts.n_recordings),
                ("trials", n_trials, facts.n_trials),
            ):
                if expected is not None and n != expected and subject not in facts.absent:
                    own.append(f"{n} {what}; expected {expected}")
        # What is true of a person's file is said by each of their recordings.
        own = list(dict.fromkeys(own))
        problems += [(subject, what) for what in own]
        people.append((subject, n_recordings, n_trials, seconds / 60, len(own)))
    return CheckReport(
        people=pd.DataFrame(people, columns=["subject", "n_recordings", "n_trials", "minutes", "problems"]),
        problems=pd.DataFrame(problems, columns=["subject", "what"]),
        known=tuple(f"{who}: {why}" for who, why in facts.absent.items()),
        missing=pd.DataFrame(list(dict.fromkeys(missing)), columns=["subject", "what"]),
    )


def _n_trials(recording: Recording) -> int:
    """Count trials: one may be rated in several pieces, and lie between events that are none."""
    events = recording.events
    is_stimulus = events["trial_type"] == "stimulus"
    events = events[is_stimulus if is_stimulus.any() else events["trial_type"] != "baseline"]
    return int(events["trial"].nunique()) if "trial" in events else len(events)


def _where(recording: Recording) -> str:
    return f"session {recording.session}, trial {', '.join(map(str, recording.events.get('trial', ['?'])[:1]))}"


def _same_as(recording: Recording, seen: dict[bytes, str]) -> list[str]:
    """Say if the very samples of a recording were in another one, and keep them in mind."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(recording.signals):
        # By rows: a matrix that is not contiguous is copied to be hashed.
        for row in recording.signals[name].data:
            digest.update(np.ascontiguousarray(row).view(np.uint8).data)
    first = seen.setdefault(digest.digest(), f"{recording.subject}, {_where(recording)}")
    this = f"{recording.subject}, {_where(recording)}"
    return [] if first == this else [f"{_where(recording)}: has the very samples of {first}"]


def _odd(dataset: Dataset, recording: Recording) -> list[str]:
    """Say what of one recording is not as the facts have it."""
    where = _where(recording)
    odd = [f"{recording.meta['problem']}"] if recording.meta.get("problem") else []
    for name, expected in dataset.facts.signals.items():
        if name not in recording.signals:
            odd.append(f"{where}: no signal {name!r}; expected {expected.n_chans} channels at {expected.sfreq:g} Hz")
            continue
        signal = recording.signals[name]
        # A device's clock is not that of the computer which stamped its samples.
        is_rate = abs(signal.sfreq - expected.sfreq) <= _RATE_TOLERANCE * expected.sfreq
        if signal.n_chans != expected.n_chans or not is_rate:
            odd.append(
                f"{where}: {name} has {signal.n_chans} channels at {signal.sfreq:g} Hz; "
                f"expected {expected.n_chans} at {expected.sfreq:g} Hz"
            )
        spread = _spread(signal)
        if not expected.low <= spread <= expected.high:
            unit = signal.channels[0].unit
            odd.append(
                f"{where}: {name} varies by {spread:.3g} {unit}; expected {expected.low:g} to {expected.high:g} "
                f"{unit}: another scale, or a flat signal"
            )
    odd += [f"{where}: {what}" for what in _dead_channels(recording)]
    for column, (low, high) in dataset.facts.ratings.items():
        if column not in recording.events:
            odd.append(f"{where}: no ratings of {column}")
            continue
        outside = recording.events[column].dropna()
        outside = outside[(outside < low) | (outside > high)]
        if len(outside):
            odd.append(f"{where}: {column} of {outside.iloc[0]:g} is outside its scale, {low:g} to {high:g}")
    begin = min(signal.start for signal in recording.signals.values())
    end = max(signal.start + signal.duration for signal in recording.signals.values())
    onset = recording.events["onset"].to_numpy(dtype=float)
    offset = onset + np.nan_to_num(recording.events["duration"].to_numpy(dtype=float))
    for row in np.flatnonzero((onset < begin - _SLACK_S) | (offset > end + _SLACK_S)):
        odd.append(
            f"{where}: the event {recording.events['trial_type'].iloc[row]!r} at {onset[row]:g} to {offset[row]:g} s "
            f"lies outside the samples, {begin:g} to {end:g} s"
        )
    return odd


def _dead_channels(recording: Recording) -> list[str]:
    """Name the channels that hold no number, or one only."""
    dead = []
    for name, signal in recording.signals.items():
        low, high = _extremes(signal)
        for words, which in (("no number", np.isnan(low)), ("one value only", low == high)):
            channels = [channel for channel, is_so in zip(signal.ch_names, which, strict=True) if is_so]
            if channels and signal.n_times > 1:
                dead.append(f"{name}: {', '.join(channels)} {'hold' if len(channels) > 1 else 'holds'} {words}")
    return dead


def _extremes(signal: Signal) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Give the least and greatest number of every channel; NaN if it has none."""
    if not signal.n_times:
        return np.full(signal.n_chans, np.nan), np.full(signal.n_chans, np.nan)
    return np.fmin.reduce(signal.data, axis=1), np.fmax.reduce(signal.data, axis=1)


def _spread(signal: Signal) -> float:
    """Give the median over channels of the standard deviation over time, lost samples aside; NaN if nothing is left."""
    spread = []
    for row in signal.data:
        known = row[np.isfinite(row)]
        if known.size:
            spread.append(np.std(known, dtype=float))
    return float(np.median(spread)) if spread else float("nan")
