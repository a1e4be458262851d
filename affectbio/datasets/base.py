"""What every data set of a publisher has in common: the facts of it, its people, and their recordings one at a time.

A Recording is what was recorded, or is shipped, without a break: one trial where a publisher cut the trials out, one
session where not. Ratings stand in the columns of its events on the scale of the form; nothing is rescaled,
thresholded or left out. What cannot be read raises and names the file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from affectbio.errors import DatasetLayoutError
from affectbio.registry import unknown_name
from affectbio.types import Recording

__all__ = ["Dataset", "Facts", "SignalFacts"]


@dataclass(frozen=True, slots=True)
class SignalFacts:
    """What a signal of a data set must look like.

    Parameters
    ----------
    n_chans : int
        Channels.
    sfreq : float
        Samples a second.
    low, high : float
        In SI units: between these lies the median over channels of the standard deviation over time of a recording
        that was read with the right scale. Wide: a factor of a thousand is what they are to find.
    """

    n_chans: int
    sfreq: float
    low: float = 0.0
    high: float = float("inf")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a data set before a file of it is opened.

    Parameters
    ----------
    title : str
        What it is, in a line.
    source : str
        The paper, with its doi.
    access : str
        Who gives it, and what must be signed.
    n_subjects : int
        People in a full copy.
    n_recordings : int or None
        Recordings of one person in a full copy; None if it differs from person to person.
    n_trials : int or None
        Trials of one person in a full copy, baselines not counted; None if it differs.
    signals : mapping of str to SignalFacts
        By their name in `Recording.signals`; those that every recording has.
    ratings : mapping of str to (float, float)
        Columns of the events that hold ratings, and the ends of their scale.
    absent : mapping of str to str
        What is known to be missing from a full copy, by person, in words: no reason for alarm.
    is_open : bool
        Whether it is free to download without a form.
    """

    title: str
    source: str
    access: str
    n_subjects: int
    n_recordings: int | None
    n_trials: int | None
    signals: Mapping[str, SignalFacts]
    ratings: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    is_open: bool = False


class Dataset(ABC):
    """A user's copy of a data set.

    A reader says what it knows in `facts`, who is there in `subjects`, and reads one person in `_read`.

    Parameters
    ----------
    root : str or Path
        Folder of the copy.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.
    """

    #: Of the data set; of a copy in another form, its own.
    facts: Facts

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise DatasetLayoutError(
                f"no folder {self.root}; expected a copy of {self.facts.title}. {self.facts.access}"
            )

    @abstractmethod
    def subjects(self) -> list[str]:
        """Give the people's pseudonyms, by the numbers in them.

        Returns
        -------
        list of str
            As `Recording.subject` says them.

        Raises
        ------
        DatasetLayoutError
            If the folder holds nobody: what was looked for, and where to get it.
        """

    def recordings(self, subjects: Iterable[str] | None = None) -> Iterator[Recording]:
        """Read the recordings one at a time, person by person.

        Parameters
        ----------
        subjects : iterable of str, optional
            Who, in this order; everybody if not given.

        Yields
        ------
        Recording
            With ``meta["dataset"]``; at no time is more than one person's file in memory.

        Raises
        ------
        ConfigError
            If a person is not in the copy; before anything is read.
        DataError
            If a file is not what the publisher ships: which, and how it differs.
        """
        known = self.subjects()
        wanted = known if subjects is None else list(subjects)
        for subject in wanted:
            if subject not in known:
                raise unknown_name("subject", subject, known)
        for subject in wanted:
            yield from self._read(subject)

    @abstractmethod
    def _read(self, subject: str) -> Iterator[Recording]: ...

    def _nobody(self, expected: str) -> DatasetLayoutError:
        """Make the error for a folder without people."""
        inside = sorted(p.name for p in self.root.iterdir())[:5]
        found = f"found {', '.join(inside)}" if inside else "it is empty"
        return DatasetLayoutError(
            f"no {expected} in {self.root}, {found}; expected a copy of {self.facts.title}. {self.facts.access}"
        )
