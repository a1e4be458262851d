"""The simulated benchmark as a data set: people, and recordings of them made on demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from affectbio.datasets.base import Facts, SignalFacts
from affectbio.datasets.simulated.draw import subject_names
from affectbio.datasets.simulated.parameters import PRESETS
from affectbio.datasets.simulated.render import WaveformArtefacts, render
from affectbio.errors import DatasetLayoutError
from affectbio.registry import unknown_name
from affectbio.types import Recording

__all__ = ["Simulated"]


def _facts(preset: str, n_subjects: int, n_trials: int, sfreq: float) -> Facts:
    eeg = SignalFacts(len(PRESETS[preset].ch_names), sfreq, 1e-6, 1e-3)
    return Facts(
        title=f"simulated people, {preset}",
        source="affectbio.datasets.simulated",
        access="nothing to download: the people are made on demand",
        n_subjects=n_subjects,
        n_recordings=1,
        n_trials=n_trials,
        signals={"eeg": eeg},
        is_open=True,
    )


class Simulated:
    """Recordings of simulated people, who need no licence and no download.

    Parameters
    ----------
    root : str or Path, optional
        There is no folder to it: the name of a preset in its place, ``"headset-4"`` if not given.
    n_subjects, n_trials, seed, sfreq, rest_windows, artefacts
        As for `render`.

    Raises
    ------
    DatasetLayoutError
        If there is no preset of that name.

    Examples
    --------
    >>> data = Simulated("headset-4", n_subjects=4)
    >>> data.subjects()
    ['001', '002', '003', '004']
    >>> next(data.recordings(["003"])).subject
    '003'
    """

    #: What `check_dataset` holds the recordings against; of a benchmark made with other numbers, its own.
    facts = _facts("headset-4", 16, 20, 128.0)

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        n_subjects: int = 16,
        n_trials: int = 20,
        seed: int = 0,
        sfreq: float = 128.0,
        rest_windows: int = 0,
        artefacts: WaveformArtefacts | None = None,
    ) -> None:
        self.preset = "headset-4" if root is None else str(root)
        if self.preset not in PRESETS:
            raise DatasetLayoutError(
                f"the simulated data set has no folder, only presets: {unknown_name('preset', self.preset, PRESETS)}"
            )
        self.n_subjects, self.n_trials, self.seed, self.sfreq = n_subjects, n_trials, seed, sfreq
        self.rest_windows, self.artefacts = rest_windows, artefacts
        self.facts = _facts(self.preset, n_subjects, n_trials + (rest_windows > 0), sfreq)

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms, ``"001"`` the first."""
        return subject_names(self.n_subjects)

    def recordings(self, subjects: Iterable[str] | None = None) -> Iterator[Recording]:
        """Make the recordings, one per person.

        Parameters
        ----------
        subjects : iterable of str, optional
            Who; everybody if not given.

        Returns
        -------
        iterator of Recording
            As `render` makes them; the same ones each time.

        Raises
        ------
        ConfigError
            If there is no such person.
        """
        return render(
            self.preset,
            self.n_subjects,
            self.n_trials,
            self.seed,
            sfreq=self.sfreq,
            rest_windows=self.rest_windows,
            artefacts=self.artefacts,
            subjects=subjects,
        )
