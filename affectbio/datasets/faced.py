"""FACED: 28 film clips of nine emotions, 32 channels, 123 people (Chen et al., Scientific Data 10:740, 2023).

The pre-processed form is read: ``Processed_data/sub000.pkl`` and on, one array (clip, channel, time) per person of the
last 30 s of every clip. Read here through an imitation only: no real copy was at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab import load_mat, numbered
from affectbio.datasets._unpickle import load_pickle
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError
from affectbio.types import Channel, Consent, Recording, Signal

__all__ = ["FACED"]

_SHAPE = (28, 32, 7500)
_SFREQ = 250.0
# Electrode_Location.xlsx of the data set, as its users list it.
_ELECTRODES = (
    "Fp1", "Fp2", "Fz", "F3", "F4", "F7", "F8", "FC1", "FC2", "FC5", "FC6", "Cz", "C3", "C4", "T7", "T8", "CP1", "CP2",
    "CP5", "CP6", "Pz", "P3", "P4", "P7", "P8", "PO3", "PO4", "Oz", "O1", "O2",
)  # fmt: skip
_EEG = tuple(Channel(name) for name in _ELECTRODES)
_BESIDE = (Channel("31", "misc", "V"), Channel("32", "misc", "V"))

# Stimuli_info.xlsx of the data set.
_EMOTIONS = tuple(
    emotion
    for emotion, n_clips in (
        ("anger", 3), ("disgust", 3), ("fear", 3), ("sadness", 3), ("neutral", 4),
        ("amusement", 3), ("inspiration", 3), ("joy", 3), ("tenderness", 3),
    )
    for _ in range(n_clips)
)  # fmt: skip
# The items of the form, in the order of ``score``.
_ITEMS = (
    "joy", "tenderness", "inspiration", "amusement", "anger", "disgust", "fear", "sadness", "arousal", "valence",
    "familiarity", "liking",
)  # fmt: skip
_CONSENT = Consent(("research",), "FACED, terms of use of Synapse, doi 10.7303/syn50614194")


class FACED(Dataset):
    """The recordings of a copy of FACED, one per clip.

    Parameters
    ----------
    root : str or Path
        Folder with ``Processed_data/sub000.pkl`` and on, or that folder itself. Beside it, ``Data/sub000/
        After_remarks.mat`` gives the ratings and the order in which the clips were shown.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Signals are ``"eeg"`` (30 electrodes, V) and ``"misc"`` (the last two channels, V: users of the data call them
    mastoids, A2 and A1, or electro-oculogram, HEOR and HEOL; here they have their numbers). The publisher filtered
    0.05 to 47 Hz, removed components, and took the common average.

    Recordings come in the order of the clips' numbers, which is that of the file and not that of showing; the latter is
    ``position``, from 1. ``emotion`` is what the clip was chosen for. The twelve ratings are from 0 to 7. Without
    ``After_remarks.mat`` ratings and positions are NaN and ``meta["missing"]`` says so.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = FACED(synthesise("faced", folder, n_subjects=1))
    ...     clips = list(data.recordings(["sub000"]))
    >>> len(clips), clips[0].signals["eeg"].duration
    (28, 30.0)
    >>> clips[27].events[["stimulus", "emotion"]].values.tolist()
    [['28', 'tenderness']]
    """

    facts = Facts(
        title="FACED",
        source="J. Chen et al., 2023, doi 10.1038/s41597-023-02650-w",
        access="Register with Synapse and ask for syn50614194 (doi 10.7303/syn50614194).",
        n_subjects=123,
        n_recordings=28,
        n_trials=28,
        signals={"eeg": SignalFacts(30, _SFREQ, 1e-6, 5e-4), "misc": SignalFacts(2, _SFREQ)},
        ratings=dict.fromkeys(_ITEMS, (0.0, 7.0)),
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            The publisher's: ``"sub000"`` to ``"sub122"``.

        Raises
        ------
        DatasetLayoutError
            If no ``subNNN.pkl`` is in the folder.
        """
        return list(self._files())

    def _files(self) -> dict[str, Path]:
        for folder in (self.root / "Processed_data", self.root):
            if folder.is_dir():
                names = numbered((path.name for path in folder.iterdir()), r"sub(\d+)\.pkl")
                if names:
                    return {name.removesuffix(".pkl"): folder / name for name in names.values()}
        raise self._nobody("Processed_data/subNNN.pkl")

    def _read(self, subject: str) -> Iterator[Recording]:
        path = self._files()[subject]
        clips = load_pickle(path)
        if not isinstance(clips, np.ndarray) or clips.dtype.kind != "f" or clips.shape != _SHAPE:
            found = f"{clips.dtype} of shape {clips.shape}" if isinstance(clips, np.ndarray) else type(clips).__name__
            raise DataError(f"{path}: expected floating-point numbers of shape {_SHAPE}; found {found}")
        ratings, missing = self._ratings(subject)
        for clip, samples in enumerate(clips):
            event: dict[str, Any] = {
                "onset": 0.0,
                "duration": samples.shape[1] / _SFREQ,
                "trial_type": "stimulus",
                "trial": f"{clip + 1:02d}",
                "stimulus": f"{clip + 1:02d}",
                **dict(zip((*_ITEMS, "position"), ratings[clip].tolist(), strict=True)),
                "emotion": _EMOTIONS[clip],
            }
            # The publisher's are microvolts.
            volts = samples * 1e-6
            yield Recording(
                {
                    "eeg": Signal(volts[: len(_EEG)], _SFREQ, _EEG),
                    "misc": Signal(volts[len(_EEG) :], _SFREQ, _BESIDE),
                },
                subject=subject,
                events=pd.DataFrame([event]),
                consent=_CONSENT,
                meta={"dataset": "faced", "file": path.name, "missing": missing},
            )

    def _ratings(self, subject: str) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
        """Give items and position of every clip, shape (28, 13), and what is missing of them."""
        table = np.full((_SHAPE[0], len(_ITEMS) + 1), np.nan)
        # Data.zip unpacks to Data/; other copies have the remarks in a folder of their own.
        above = self.root.parent if self.root.name == "Processed_data" else self.root
        paths = [above / folder / subject / "After_remarks.mat" for folder in ("Data", "After_remarks", ".")]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            return table, (f"no Data/{subject}/After_remarks.mat: neither ratings nor the order of showing",)
        remarks = load_mat(path, ["After_remark"])["After_remark"]
        for position, remark in enumerate(remarks.flat if isinstance(remarks, np.ndarray) else [remarks], 1):
            try:
                clip, score = int(np.asarray(remark["vid"]).item()), np.asarray(remark["score"], dtype=float).ravel()
            except (KeyError, TypeError, ValueError, IndexError):
                raise DataError(
                    f"{path}: After_remark {position}: expected a struct with vid, one number, and score, "
                    f"{len(_ITEMS)} numbers; found {remark!r:.80}"
                ) from None
            if not 1 <= clip <= len(table) or score.size != len(_ITEMS):
                raise DataError(
                    f"{path}: After_remark {position} is of clip {clip} and holds {score.size} scores; expected a clip "
                    f"of 1 to {len(table)} and {len(_ITEMS)} scores"
                )
            if np.isfinite(table[clip - 1, -1]):
                raise DataError(f"{path}: After_remark {position} is of clip {clip}, which was remarked on before")
            table[clip - 1] = (*score, position)
        unrated = [f"clip {clip + 1:02d}: no remark" for clip in np.flatnonzero(np.isnan(table[:, -1]))]
        return table, tuple(unrated)
