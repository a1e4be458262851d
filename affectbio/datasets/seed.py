"""SEED: 15 people, three times the same 15 film clips (Zheng & Lu, IEEE Trans. Auton. Ment. Dev. 7(3), 2015).

Read through an imitation only: no copy was at hand. Names, order of channels, labels and dates are those that programs
use on the real files; the unit, microvolts, and the sizes of the features are from memory of the documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from affectbio.datasets._matlab import load_mat
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
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.types import Recording, Windows

__all__ = ["SEED"]

LABELS = (1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1)
_EMOTIONS = {1: "positive", 0: "neutral", -1: "negative"}
# The films were shown in one order to everybody, in all sessions.
TRIALS = tuple(Trial(n, f"{n:02d}", label, _EMOTIONS[label], n) for n, label in enumerate(LABELS, 1))

#: Days of the three sessions of each person: a file alone does not say which session it is.
DATES = {
    1: (20131027, 20131030, 20131107),
    2: (20140404, 20140413, 20140419),
    3: (20140603, 20140611, 20140629),
    4: (20140621, 20140702, 20140705),
    5: (20140411, 20140418, 20140506),
    6: (20130712, 20131016, 20131113),
    7: (20131027, 20131030, 20131106),
    8: (20140511, 20140514, 20140521),
    9: (20140620, 20140627, 20140704),
    10: (20131130, 20131204, 20131211),
    11: (20140618, 20140625, 20140630),
    12: (20131127, 20131201, 20131207),
    13: (20140527, 20140603, 20140610),
    14: (20140601, 20140615, 20140627),
    15: (20130709, 20131016, 20131105),
}

_FILE = re.compile(r"(\d+)_(\d{8})\.mat")
_KINDS = {
    "de_LDS": "whole trial",
    "de_movingAve": "moving average",
    "psd_LDS": "whole trial",
    "psd_movingAve": "moving average",
}


class SEED(Dataset):
    r"""A copy of SEED.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``Preprocessed_EEG``, or that folder.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    One Recording per trial, of 62 channels at 200 Hz (band-pass 0-75 Hz), with one event, ``emotion`` ``"positive"``,
    ``"neutral"`` or ``"negative"`` and the publisher's number in ``label``. ``stimulus`` is the clip, which is the same
    in all three sessions and for everybody. The sessions are told apart by the day in the name of the file, as
    published; where the days are others, by their order. CB1 and CB2, which the 10-05 system lacks, are given the
    places of PO9 and PO10.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = SEED(synthesise("seed", folder, n_subjects=1, features=True))
    ...     trial = next(data.recordings())
    ...     windows = data.features("de_LDS")
    >>> trial.signals["eeg"].n_chans, trial.events["emotion"].item(), windows.X.shape[1:]
    (62, 'positive', (62, 5))
    """

    facts = Facts(
        title="SEED",
        source="Zheng & Lu, IEEE Trans. Auton. Ment. Dev. 7(3):162, 2015, doi 10.1109/TAMD.2015.2431497",
        access=ACCESS,
        n_subjects=15,
        n_recordings=45,
        n_trials=45,
        signals={"eeg": SignalFacts(62, 200.0, 5e-7, 2e-3)},
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms, ``"01"`` to ``"15"``.

        Returns
        -------
        list of str
            Those with a file.

        Raises
        ------
        DatasetLayoutError
            If there is none.
        """
        found = _files(folder_of(self.root, "Preprocessed_EEG"))
        if not found:
            raise self._nobody("files such as Preprocessed_EEG/1_20131027.mat")
        return [f"{number:02d}" for number in found]

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
            ``X`` of shape (n_windows, 62, 5), windows of 1 s. The linear dynamic system smooths over the **whole
            trial**, so that a window knows of what comes after it: nothing live can have such features, and windows of
            one trial are alike by making. The column ``smoothing`` of the metadata says which it was.

        Raises
        ------
        ConfigError
            If there is no such kind or person.
        DatasetLayoutError
            If there is no folder ``ExtractedFeatures``.
        DataError
            If a file lacks a trial or holds other shapes.
        """
        one_of("kind of features", kind, _KINDS)
        folder = folder_of(self.root, "ExtractedFeatures", "ExtractedFeatures_1s")
        found = {f"{number:02d}": days for number, days in _files(folder).items()}
        if folder == self.root or not found:
            raise DatasetLayoutError(f"no folder ExtractedFeatures with files of people in {self.root}. {ACCESS}")
        who = list(found) if subjects is None else [one_of("subject", s, found) for s in subjects]
        return feature_windows(
            (
                (subject, session, trial, X)
                for subject in who
                for session, path in _sessions(int(subject), found[subject]).items()
                for trial, X in feature_trials(path, rf"{kind}(\d+)", TRIALS)
            ),
            1.0,
            _KINDS[kind],
        )

    def _read(self, subject: str) -> Iterator[Recording]:
        folder = folder_of(self.root, "Preprocessed_EEG")
        _check_labels(folder)
        about = {"dataset": "seed", "subject": subject}
        for session, path in _sessions(int(subject), _files(folder)[int(subject)]).items():
            yield from trial_recordings(path, r".*_eeg(\d+)", TRIALS, about, [session] * len(TRIALS))


def _files(folder: Path) -> dict[int, dict[int, Path]]:
    """Give the files by person and day, both in order."""
    found: dict[int, dict[int, Path]] = {}
    for path in folder.iterdir():
        if match := _FILE.fullmatch(path.name):
            found.setdefault(int(match[1]), {})[int(match[2])] = path
    return {number: dict(sorted(days.items())) for number, days in sorted(found.items())}


def _sessions(number: int, days: dict[int, Path]) -> dict[str, Path]:
    published = DATES.get(number, ())
    if set(days) <= set(published):
        return {str(published.index(day) + 1): path for day, path in days.items()}
    if len(days) != 3:
        raise DataError(
            f"{next(iter(days.values())).parent}: person {number} has files of {', '.join(map(str, days))}; expected "
            f"those of {', '.join(map(str, published))}: which session each is cannot be told"
        )
    return {str(session): path for session, path in enumerate(days.values(), 1)}


def _check_labels(folder: Path) -> None:
    """Refuse a copy whose label.mat says something else than the labels everybody knows."""
    path = folder / "label.mat"
    if not path.is_file():
        raise DatasetLayoutError(
            f"no label.mat in {folder}; it is part of SEED, beside the files of the people. {ACCESS}"
        )
    label = load_mat(path, ["label"])["label"]
    if label.shape != (1, len(LABELS)) or tuple(label[0]) != LABELS:
        raise DataError(f"{path}: label is {label.ravel()[:15]}, shape {label.shape}; published is {list(LABELS)}")
