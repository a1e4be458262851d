"""DREAMER: film clips, consumer EEG and ECG (Katsigiannis & Ramzan, IEEE J. Biomed. Health Inform. 22(1), 2018).

One file, ``DREAMER.mat``, holds everybody; people are read out of it one at a time. Read here through an imitation
only: no real copy was at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab_cells import open_cells
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError
from affectbio.types import Channel, Consent, Recording, Signal

__all__ = ["DREAMER"]

# The file's own EEG_Electrodes.
_ELECTRODES = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
_EEG = tuple(Channel(name) for name in _ELECTRODES)
# The numbers of the Shimmer's converter: neither paper nor file gives a factor to volts.
_ECG = (Channel("ECG1", "misc"), Channel("ECG2", "misc"))
_EEG_HZ, _ECG_HZ = 128.0, 256.0

# What the clips were to elicit: table 1 of the paper, in the order of the file.
_TARGETS = (
    "calmness", "surprise", "amusement", "fear", "excitement", "disgust", "happiness", "anger", "sadness",
    "disgust", "calmness", "amusement", "happiness", "anger", "fear", "excitement", "sadness", "surprise",
)  # fmt: skip
_SCORES = {"valence": "ScoreValence", "arousal": "ScoreArousal", "dominance": "ScoreDominance"}
_CONSENT = Consent(("research",), "DREAMER end-user agreement, zenodo.org/records/546113")


class DREAMER(Dataset):
    """The recordings of a copy of DREAMER.

    Per trial there are two: what was recorded during the neutral clip, one event ``"baseline"``, and during the film,
    one event ``"stimulus"`` with the same ``trial``. The file does not say how much time lies between the two, so they
    are not joined.

    Parameters
    ----------
    root : str or Path
        Folder with ``DREAMER.mat``, as published or saved again as version 7.3.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Signals are ``"eeg"`` (V; the Emotiv EPOC's own values with their offset of about 4200 µV: high-pass before anything
    else) and ``"ecg"`` (two channels of converter counts: the unit is not published). Events hold ``valence``,
    ``arousal`` and ``dominance`` from 1 to 5, and as ``emotion`` what the clip was chosen to elicit, not what was
    felt. The baseline is not rated.

    ``meta`` holds ``age`` and ``gender`` as the file has them, and as ``missing`` what a person lacks.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = DREAMER(synthesise("dreamer", folder, n_subjects=1, seconds=2))
    ...     baseline, film, *_ = data.recordings()
    >>> film.signals["eeg"].n_chans, film.signals["ecg"].sfreq
    (14, 256.0)
    >>> film.events[["trial_type", "trial", "stimulus", "emotion"]].values.tolist()
    [['stimulus', '01', '01', 'calmness']]
    """

    facts = Facts(
        title="DREAMER",
        source="S. Katsigiannis and N. Ramzan, 2018, doi 10.1109/JBHI.2017.2688239",
        access="Apply at zenodo.org/records/546113, where an end-user agreement is to be accepted.",
        n_subjects=23,
        n_recordings=36,
        n_trials=18,
        signals={"eeg": SignalFacts(14, _EEG_HZ, 1e-6, 1e-3), "ecg": SignalFacts(2, _ECG_HZ)},
        ratings=dict.fromkeys(_SCORES, (1.0, 5.0)),
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            Their places in the file: ``"01"`` to ``"23"``.

        Raises
        ------
        DatasetLayoutError
            If ``DREAMER.mat`` is not in the folder.
        DataError
            If it is damaged, or another file of that name.
        """
        return [f"{number:02d}" for number in range(1, len(self._people) + 1)]

    def __reduce__(self) -> tuple[Any, ...]:
        # Where people begin in a compressed file is kept in a form that does not pickle; it is found again.
        return DREAMER, (self.root,)

    @cached_property
    def _people(self) -> Sequence[Any]:
        path = self.root / "DREAMER.mat"
        if not path.is_file():
            raise self._nobody("DREAMER.mat")
        people = open_cells(path, "DREAMER", "Data")
        if not 0 < len(people) <= self.facts.n_subjects:
            raise DataError(f"{path}: DREAMER.Data has {len(people)} cells; expected one per person, 23 in all")
        return people

    def _read(self, subject: str) -> Iterator[Recording]:
        where = f"{self.root / 'DREAMER.mat'}: person {subject}"
        person = _struct(self._people[int(subject) - 1], where, ("EEG", "ECG", *_SCORES.values()))
        eeg, ecg = (_struct(person[name], f"{where}: {name}", ("baseline", "stimuli")) for name in ("EEG", "ECG"))
        scores = {name: _scores(person[field], f"{where}: {field}") for name, field in _SCORES.items()}
        parts = {"baseline": "baseline", "stimulus": "stimuli"}
        arrays = {
            kind: (_cells(eeg[part], f"{where}: EEG.{part}", 14), _cells(ecg[part], f"{where}: ECG.{part}", 2))
            for kind, part in parts.items()
        }
        missing = tuple(
            f"trial {trial + 1:02d}: no {name} of the {kind}"
            for trial in range(len(_TARGETS))
            for kind, both in arrays.items()
            for name, cells in zip(("EEG", "ECG"), both, strict=True)
            if not cells[trial].size
        )
        about = {"dataset": "dreamer", "missing": missing}
        about |= {key.lower(): person[key] for key in ("Age", "Gender") if key in person}
        for trial, target in enumerate(_TARGETS):
            for kind, (eeg_cells, ecg_cells) in arrays.items():
                signals = {}
                if eeg_cells[trial].size:
                    signals["eeg"] = Signal(eeg_cells[trial].T * 1e-6, _EEG_HZ, _EEG)
                if ecg_cells[trial].size:
                    signals["ecg"] = Signal(ecg_cells[trial].T, _ECG_HZ, _ECG)
                if not signals:
                    continue
                event = {
                    "onset": 0.0,
                    "duration": next(iter(signals.values())).duration,
                    "trial_type": kind,
                    "trial": f"{trial + 1:02d}",
                    "stimulus": f"{trial + 1:02d}",
                }
                rated = kind == "stimulus"
                event |= {name: float(values[trial]) if rated else np.nan for name, values in scores.items()}
                event["emotion"] = target if rated else None
                yield Recording(
                    signals, subject=subject, events=pd.DataFrame([event]), consent=_CONSENT, meta=dict(about)
                )


def _struct(value: Any, where: str, fields: Sequence[str]) -> dict[str, Any]:
    lacking = [name for name in fields if name not in value] if isinstance(value, dict) else ["struct"]
    if lacking:
        found = ", ".join(value) if isinstance(value, dict) else type(value).__name__
        raise DataError(f"{where} has no {lacking[0]}; expected a struct with {', '.join(fields)}, found {found}")
    return dict(value)


def _scores(value: Any, where: str) -> npt.NDArray[Any]:
    scores = np.asarray(value)
    if scores.dtype.kind not in "fiu" or scores.size != len(_TARGETS):
        raise DataError(f"{where}: expected {len(_TARGETS)} numbers; found {scores.dtype} of shape {scores.shape}")
    return scores.ravel()


def _cells(value: Any, where: str, n_chans: int) -> list[npt.NDArray[Any]]:
    """Hold a cell array of a person against what is published: a matrix (time, channel) per clip."""
    cells = np.asarray(value)
    if cells.dtype != object or cells.size != len(_TARGETS):
        raise DataError(
            f"{where}: expected a cell array of {len(_TARGETS)} clips; found {cells.dtype} of shape {cells.shape}"
        )
    for number, cell in enumerate(cells.flat, 1):
        is_matrix = isinstance(cell, np.ndarray) and cell.ndim == 2 and cell.dtype.kind in "fiu"
        if not is_matrix or (cell.size and cell.shape[1] != n_chans):
            found = f"{cell.dtype} of shape {cell.shape}" if isinstance(cell, np.ndarray) else type(cell).__name__
            raise DataError(f"{where}: clip {number}: expected numbers of shape (time, {n_chans}); found {found}")
    return list(cells.flat)
