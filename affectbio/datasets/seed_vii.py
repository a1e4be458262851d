"""SEED-VII: 20 people, 80 film clips in 4 sessions, 7 emotions (Jiang et al., IEEE Trans. Affect. Comput., 2024).

Read through an imitation only: no copy was at hand. Names and emotions of the clips are those that programs use on the
real files; the features' windows of 4 s are from memory of the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from affectbio.datasets._matlab import numbered
from affectbio.datasets._seed import (
    ACCESS,
    Trial,
    feature_trials,
    feature_windows,
    folder_of,
    one_of,
    trial_recordings,
)
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DatasetLayoutError
from affectbio.types import Recording, Windows

__all__ = ["SEEDVII"]

_EMOTIONS = ("happy", "neutral", "disgust", "sad", "anger", "fear", "surprise")
# The publisher gives words; these numbers are those of LibEER, which reads the sheet of stimuli.
LABELS = (
    *(0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 4, 3, 2, 1, 0),
    *(4, 3, 5, 1, 6, 6, 1, 5, 3, 4, 4, 3, 5, 1, 6, 6, 1, 5, 3, 4),
    *(0, 6, 2, 5, 4, 4, 5, 2, 6, 0, 0, 6, 2, 5, 4, 4, 5, 2, 6, 0),
    *(2, 3, 5, 6, 0, 0, 6, 5, 3, 2, 2, 3, 5, 6, 0, 0, 6, 5, 3, 2),
)
TRIALS = tuple(Trial(n, f"{n:02d}", label, _EMOTIONS[label], (n - 1) % 20 + 1) for n, label in enumerate(LABELS, 1))
_SESSIONS = [str((t.number - 1) // 20 + 1) for t in TRIALS]

_FILE = r"(\d+)\.mat"
_KINDS = {"de": "none", "de_LDS": "whole trial"}


class SEEDVII(Dataset):
    r"""A copy of SEED-VII.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``EEG_preprocessed``, or that folder.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    One Recording per trial, of 62 channels at 200 Hz, with one event: ``emotion`` is ``"happy"``, ``"neutral"``,
    ``"disgust"``, ``"sad"``, ``"anger"``, ``"fear"`` or ``"surprise"``. Trials and clips are numbered from 01 to 80
    through the four sessions of 20. CB1 and CB2 are given the places of PO9 and PO10. The continuous labels are not
    read.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = SEEDVII(synthesise("seed-vii", folder, n_subjects=1))
    ...     trials = list(data.recordings())
    >>> trials[20].session, trials[20].events[["trial", "emotion", "position"]].values.tolist()
    ('2', [['21', 'anger', 1]])
    """

    facts = Facts(
        title="SEED-VII",
        source="Jiang et al., IEEE Trans. Affect. Comput., 2024, doi 10.1109/TAFFC.2024.3485057",
        access=ACCESS,
        n_subjects=20,
        n_recordings=80,
        n_trials=80,
        signals={"eeg": SignalFacts(62, 200.0, 5e-7, 2e-3)},
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms, ``"01"`` to ``"20"``.

        Returns
        -------
        list of str
            Those with a file.

        Raises
        ------
        DatasetLayoutError
            If there is none.
        """
        found = _files(folder_of(self.root, "EEG_preprocessed"))
        if not found:
            raise self._nobody("files such as EEG_preprocessed/1.mat")
        return list(found)

    def features(self, kind: str = "de_LDS", subjects: Iterable[str] | None = None) -> Windows:
        """Read the publisher's features.

        Parameters
        ----------
        kind : str
            ``"de_LDS"`` or ``"de"``: differential entropy in five bands, smoothed by a linear dynamic system or not.
        subjects : iterable of str, optional
            Who; everybody if not given.

        Returns
        -------
        Windows
            ``X`` of shape (n_windows, 62, 5), windows of 4 s (remembered, not read from a file). The linear dynamic
            system smooths over the **whole trial**, so that a window knows of what comes after it: nothing live can
            have such features. The column ``smoothing`` of the metadata says which it was.

        Raises
        ------
        ConfigError
            If there is no such kind or person.
        DatasetLayoutError
            If there is no folder ``EEG_features``.
        DataError
            If a file lacks a trial or holds other shapes.
        """
        one_of("kind of features", kind, _KINDS)
        folder = folder_of(self.root, "EEG_features")
        found = _files(folder)
        if folder == self.root or not found:
            raise DatasetLayoutError(f"no folder EEG_features with files of people in {self.root}. {ACCESS}")
        who = list(found) if subjects is None else [one_of("subject", s, found) for s in subjects]
        return feature_windows(
            (
                (subject, _SESSIONS[trial.number - 1], trial, X)
                for subject in who
                for trial, X in feature_trials(found[subject], rf"{kind}_(\d+)", TRIALS, axes="time band channel")
            ),
            4.0,
            _KINDS[kind],
        )

    def _read(self, subject: str) -> Iterator[Recording]:
        path = _files(folder_of(self.root, "EEG_preprocessed"))[subject]
        about = {"dataset": "seed-vii", "subject": subject}
        yield from trial_recordings(path, r"(\d+)", TRIALS, about, _SESSIONS)


def _files(folder: Path) -> dict[str, Path]:
    names = numbered((path.name for path in folder.iterdir()), _FILE)
    return {f"{number:02d}": folder / name for number, name in names.items()}
