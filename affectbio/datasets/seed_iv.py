"""SEED-IV: 15 people, 3 sessions of 24 film clips, 4 emotions (Zheng et al., IEEE Trans. Cybern. 49(3), 2019).

Read through an imitation only: no copy was at hand. Names and labels are those that programs use on the real files,
where the labels stand in ReadMe.txt; the unit, microvolts, is from memory of the documentation.
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

__all__ = ["SEEDIV"]

LABELS = {
    "1": (1, 2, 3, 0, 2, 0, 0, 1, 0, 1, 2, 1, 1, 1, 2, 3, 2, 2, 3, 3, 0, 3, 0, 3),
    "2": (2, 1, 3, 0, 0, 2, 0, 2, 3, 3, 2, 3, 2, 0, 1, 1, 2, 1, 0, 3, 0, 1, 3, 1),
    "3": (1, 2, 2, 1, 3, 3, 3, 1, 1, 2, 1, 0, 2, 3, 3, 0, 2, 3, 0, 0, 2, 0, 1, 0),
}
_EMOTIONS = ("neutral", "sad", "fear", "happy")
# Every session has films of its own.
TRIALS = {
    session: tuple(Trial(n, f"{session}-{n:02d}", label, _EMOTIONS[label], n) for n, label in enumerate(labels, 1))
    for session, labels in LABELS.items()
}

_FILE = r"(\d+)_\d{8}\.mat"
_KINDS = {
    "de_LDS": "whole trial",
    "de_movingAve": "moving average",
    "psd_LDS": "whole trial",
    "psd_movingAve": "moving average",
}


class SEEDIV(Dataset):
    r"""A copy of SEED-IV.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``eeg_raw_data``, or that folder.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    One Recording per trial, of 62 channels at 200 Hz, with one event: ``emotion`` is ``"neutral"``, ``"sad"``,
    ``"fear"`` or ``"happy"``, ``label`` the publisher's number of it. The session is the folder of the file. CB1 and
    CB2 are given the places of PO9 and PO10.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = SEEDIV(synthesise("seed-iv", folder, n_subjects=1))
    ...     trial = next(data.recordings())
    >>> trial.events[["stimulus", "emotion"]].values.tolist()
    [['1-01', 'sad']]
    """

    facts = Facts(
        title="SEED-IV",
        source="Zheng et al., IEEE Trans. Cybern. 49(3):1110, 2019, doi 10.1109/TCYB.2018.2797176",
        access=ACCESS,
        n_subjects=15,
        n_recordings=72,
        n_trials=72,
        signals={"eeg": SignalFacts(62, 200.0, 5e-7, 2e-3)},
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms, ``"01"`` to ``"15"``.

        Returns
        -------
        list of str
            Those with a file in one of the three sessions.

        Raises
        ------
        DatasetLayoutError
            If there is none.
        """
        found = _files(folder_of(self.root, "eeg_raw_data"))
        if not found:
            raise self._nobody("files such as eeg_raw_data/1/1_20160518.mat")
        return list(found)

    def features(self, kind: str = "de_LDS", subjects: Iterable[str] | None = None) -> Windows:
        """Read the publisher's features, of which most published results are made.

        Parameters
        ----------
        kind : str
            ``"de_LDS"``, ``"de_movingAve"``, ``"psd_LDS"`` or ``"psd_movingAve"``: differential entropy or power in
            five bands, smoothed by a linear dynamic system or a moving average.
        subjects : iterable of str, optional
            Who; everybody if not given.

        Returns
        -------
        Windows
            ``X`` of shape (n_windows, 62, 5), windows of 4 s. The linear dynamic system smooths over the **whole
            trial**, so that a window knows of what comes after it: nothing live can have such features. The column
            ``smoothing`` of the metadata says which it was.

        Raises
        ------
        ConfigError
            If there is no such kind or person.
        DatasetLayoutError
            If there is no folder ``eeg_feature_smooth``.
        DataError
            If a file lacks a trial or holds other shapes.
        """
        one_of("kind of features", kind, _KINDS)
        folder = folder_of(self.root, "eeg_feature_smooth")
        found = _files(folder)
        if folder == self.root or not found:
            raise DatasetLayoutError(f"no folder eeg_feature_smooth with files of people in {self.root}. {ACCESS}")
        who = list(found) if subjects is None else [one_of("subject", s, found) for s in subjects]
        return feature_windows(
            (
                (subject, session, trial, X)
                for subject in who
                for session, path in found[subject].items()
                for trial, X in feature_trials(path, rf"{kind}(\d+)", TRIALS[session])
            ),
            4.0,
            _KINDS[kind],
        )

    def _read(self, subject: str) -> Iterator[Recording]:
        about = {"dataset": "seed-iv", "subject": subject}
        for session, path in _files(folder_of(self.root, "eeg_raw_data"))[subject].items():
            yield from trial_recordings(path, r".*_eeg(\d+)", TRIALS[session], about, [session] * 24)


def _files(folder: Path) -> dict[str, dict[str, Path]]:
    """Give the files by person and session, both in order."""
    found: dict[int, dict[str, Path]] = {}
    for session in LABELS:
        inside = folder / session
        names = numbered((p.name for p in inside.iterdir()), _FILE) if inside.is_dir() else {}
        for number, name in names.items():
            found.setdefault(number, {})[session] = inside / name
    return {f"{number:02d}": sessions for number, sessions in sorted(found.items())}
