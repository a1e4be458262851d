"""AMIGOS: 16 short and 4 long videos, consumer EEG, ECG, skin (Miranda-Correa et al., IEEE T. Affect. Comput., 2021).

The pre-processed form is read: ``Data_Preprocessed_P01.mat`` to ``P40``, one cell (time, channel) per video. Read here
through an imitation only: no real copy was at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab import load_mat, numbered
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError
from affectbio.types import Channel, Consent, Recording, Signal

__all__ = ["AMIGOS"]

_SFREQ = 128.0
_BASELINE_S = 5.0
_N_SHORT, _N_VIDEOS = 16, 20
_N_COLUMNS = 17
# Columns of joined_data, from the readme of the data set. What unit ECG and GSR have is not said there.
_SIGNALS = {
    "eeg": (
        slice(0, 14),
        1e-6,
        [
            Channel(name)
            for name in ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
        ],
    ),
    "ecg": (slice(14, 16), 1.0, [Channel("ECG right", "misc"), Channel("ECG left", "misc")]),
    "eda": (slice(16, 17), 1.0, [Channel("GSR", "misc")]),
}
# Columns of labels_selfassessment: arousal comes first.
_RATED = ("arousal", "valence", "dominance", "liking", "familiarity")
_CHOSEN = ("neutral", "disgust", "happiness", "surprise", "anger", "fear", "sadness")
_CELLS = ("joined_data", "labels_selfassessment", "labels_ext_annotation", "VideoIDs")
_CONSENT = Consent(("research",), "AMIGOS end-user licence agreement, Queen Mary University of London")


class AMIGOS(Dataset):
    """The recordings of a copy of AMIGOS, one per video.

    Parameters
    ----------
    root : str or Path
        Folder with ``Data_Preprocessed_P01.mat`` and on, each in it or in a folder of its own name; or the folder above
        ``data_preprocessed``.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Signals, all at 128 Hz, are ``"eeg"`` (V; 4 to 45 Hz, common average), ``"ecg"`` and ``"eda"`` (the file's numbers:
    their units are not published). The first 5 s are an event ``"baseline"``, the rest an event ``"stimulus"``; ratings
    stand on the latter, ``arousal, valence, dominance, liking, familiarity`` from 1 to 9, and which of seven words
    (``neutral, disgust, happiness, surprise, anger, fear, sadness``) were chosen, 0 or 1. ``stimulus`` is the
    publisher's id of the video. The session is ``"short"`` or ``"long"``, which are two experiments; trials 17 to 20
    are the long ones. Trials come in the order of the videos, not of showing.

    ``meta["external"]``, shape (n, 3), is what annotators saw: segment of 20 s, valence and arousal.
    ``meta["missing"]`` names every video of the person that has no samples, no ratings, or lost samples (NaN).

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = AMIGOS(synthesise("amigos", folder, n_subjects=1, seconds=8))
    ...     recording = next(data.recordings())
    >>> recording.events[["onset", "trial_type", "trial", "stimulus"]].values.tolist()
    [[0.0, 'baseline', '01', '10'], [5.0, 'stimulus', '01', '10']]
    """

    facts = Facts(
        title="AMIGOS",
        source="J. A. Miranda-Correa et al., 2021, doi 10.1109/TAFFC.2018.2884461",
        access="Send the signed end-user licence agreement of www.eecs.qmul.ac.uk/mmv/datasets/amigos.",
        n_subjects=40,
        n_recordings=20,
        n_trials=20,
        signals={
            "eeg": SignalFacts(14, _SFREQ, 5e-7, 5e-4),
            "ecg": SignalFacts(2, _SFREQ),
            "eda": SignalFacts(1, _SFREQ),
        },
        ratings={**dict.fromkeys(_RATED, (1.0, 9.0)), **dict.fromkeys(_CHOSEN, (0.0, 1.0))},
        absent=dict.fromkeys(("P08", "P24", "P28"), "took no part in the experiment with long videos"),
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            The publisher's: ``"P01"`` to ``"P40"``.

        Raises
        ------
        DatasetLayoutError
            If no ``Data_Preprocessed_PNN.mat`` is in the folder.
        """
        return list(self._files())

    def _files(self) -> dict[str, Path]:
        for folder in (self.root, self.root / "data_preprocessed"):
            if folder.is_dir():
                found = numbered({path.stem for path in folder.iterdir()}, r"Data_Preprocessed_P(\d+)")
                paths = {name[-3:]: _file(folder, name) for name in found.values()}
                if paths:
                    return paths
        raise self._nobody("Data_Preprocessed_PNN.mat")

    def _read(self, subject: str) -> Iterator[Recording]:
        path = self._files()[subject]
        samples, labels, external, ids = (
            _cells(value, f"{path}: {name}") for name, value in load_mat(path, _CELLS, surplus=True).items()
        )
        for video, cell in enumerate(samples):
            _check(cell, (None, _N_COLUMNS), f"{path}: joined_data, video {video + 1}")
            _check(labels[video], (1, len(_RATED) + len(_CHOSEN)), f"{path}: labels_selfassessment, video {video + 1}")
        missing = tuple(_missing(samples, labels))
        for video, (cell, label) in enumerate(zip(samples, labels, strict=True)):
            if not cell.size:
                continue
            trial = f"{video + 1:02d}"
            if not isinstance(ids[video], str):
                raise DataError(f"{path}: VideoIDs, video {video + 1}: expected text; found {ids[video]!r:.60}")
            duration = len(cell) / _SFREQ
            if duration <= _BASELINE_S:
                raise DataError(f"{path}: video {video + 1} lasts {duration:g} s; expected 5 s of baseline and more")
            ratings = label.ravel() if label.size else np.full(len(_RATED) + len(_CHOSEN), np.nan)
            events = pd.DataFrame(
                {
                    "onset": [0.0, _BASELINE_S],
                    "duration": [_BASELINE_S, duration - _BASELINE_S],
                    "trial_type": ["baseline", "stimulus"],
                    "trial": trial,
                    "stimulus": ids[video].strip(),
                    **{n: [np.nan, float(value)] for n, value in zip((*_RATED, *_CHOSEN), ratings, strict=True)},
                }
            )
            signals = {
                name: Signal(cell.T[rows] * scale, _SFREQ, channels)
                for name, (rows, scale, channels) in _SIGNALS.items()
            }
            yield Recording(
                signals,
                subject=subject,
                events=events,
                session="short" if video < _N_SHORT else "long",
                consent=_CONSENT,
                meta={"dataset": "amigos", "file": path.name, "external": external[video], "missing": missing},
            )


def _file(folder: Path, name: str) -> Path:
    path = folder / f"{name}.mat"
    # Some copies have a folder per person, as the archives unpack.
    return path if path.is_file() else folder / name / f"{name}.mat"


def _cells(value: Any, where: str) -> list[Any]:
    cells = np.asarray(value)
    if cells.dtype != object or cells.size != _N_VIDEOS:
        raise DataError(
            f"{where}: expected a cell array of {_N_VIDEOS} videos; found {cells.dtype} of shape {cells.shape}"
        )
    return list(cells.flat)


def _check(cell: Any, shape: tuple[int | None, int], where: str) -> None:
    is_matrix = isinstance(cell, np.ndarray) and cell.ndim == 2 and cell.dtype.kind in "fiu"
    fits = is_matrix and all(n in (None, m) for n, m in zip(shape, cell.shape, strict=True))
    # A video that a person did not see is an empty cell.
    if not fits and not (is_matrix and cell.size == 0):
        found = f"{cell.dtype} of shape {cell.shape}" if isinstance(cell, np.ndarray) else type(cell).__name__
        wanted = ", ".join("time" if n is None else str(n) for n in shape)
        raise DataError(f"{where}: expected numbers of shape ({wanted}); found {found}")


def _missing(samples: list[npt.NDArray[Any]], labels: list[npt.NDArray[Any]]) -> Iterator[str]:
    for video, (cell, label) in enumerate(zip(samples, labels, strict=True), 1):
        if not cell.size:
            yield f"trial {video:02d}: no samples"
            continue
        if not label.size:
            yield f"trial {video:02d}: no ratings"
        for name, (columns, _, _) in _SIGNALS.items():
            n_lost = int(np.isnan(cell[:, columns]).any(axis=1).sum())
            if n_lost:
                yield f"trial {video:02d}: {n_lost} of {len(cell)} samples of {name} are lost"
