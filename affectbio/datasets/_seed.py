"""What the SEED data sets of Shanghai Jiao Tong University share: the cap, the MAT files of trials, the features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab import load_mat, mat_shapes, numbered
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.montage import electrode_position
from affectbio.registry import unknown_name
from affectbio.types import Channel, Consent, Recording, Signal, Windows

__all__ = [
    "ACCESS",
    "CHANNELS",
    "CONSENT",
    "EEG",
    "SFREQ",
    "Trial",
    "events",
    "feature_trials",
    "feature_windows",
    "folder_of",
    "one_of",
    "trial_recordings",
]

#: The order of all files of all five, in the publisher's spelling (channel-order.xlsx).
CHANNELS = (
    *("FP1", "FPZ", "FP2", "AF3", "AF4", "F7", "F5", "F3", "F1", "FZ", "F2", "F4", "F6", "F8"),
    *("FT7", "FC5", "FC3", "FC1", "FCZ", "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "CZ", "C2", "C4", "C6"),
    *("T8", "TP7", "CP5", "CP3", "CP1", "CPZ", "CP2", "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "PZ", "P2", "P4"),
    *("P6", "P8", "PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8", "CB1", "O1", "OZ", "O2", "CB2"),
)

#: Rate of the MAT files in Hz.
SFREQ = 200.0

# A small file may unpack to any size; the longest clips have five minutes.
_LONGEST_S = 3600

ACCESS = "It is given for research after an application: https://bcmi.sjtu.edu.cn/home/seed/"
CONSENT = Consent(("research",), "licence agreement of the SEED data sets, BCMI, Shanghai Jiao Tong University")

# The two cerebellar sites of Neuroscan's cap are not of the 10-05 system. They lie at the ends of the last row, beside
# O1 and O2; PO9 and PO10 are what is usually taken for them.
_NEAR = {"CB1": "PO9", "CB2": "PO10"}


def _channel(name: str) -> Channel:
    modern = name.replace("FP", "Fp").replace("Z", "z")
    return Channel(modern, position=electrode_position(_NEAR.get(name, modern)))


#: The 62 channels under their names of the 10-05 system.
EEG = tuple(_channel(name) for name in CHANNELS)

BANDS = ("delta", "theta", "alpha", "beta", "gamma")


class Trial(NamedTuple):
    """A film that was shown: what the tables of a data set say of it.

    Attributes
    ----------
    number : int
        Of the trial within its file, from 1 on.
    stimulus : str
        Of the film, the same for everybody.
    label : int
        The publisher's number of the emotion.
    emotion : str
        The publisher's word for it.
    position : int
        Place within the session, from 1 on.
    """

    number: int
    stimulus: str
    label: int
    emotion: str
    position: int


def folder_of(root: Path, *names: str) -> Path:
    """Give the first of the folders that is there, or the root itself: somebody may point at the folder.

    Parameters
    ----------
    root : Path
        What the user gave.
    *names : str
        Folders inside it.

    Returns
    -------
    Path
        A folder that exists.
    """
    return next((root / name for name in names if (root / name).is_dir()), root)


def one_of(what: str, name: str, known: Iterable[str]) -> str:
    """Give the name back if it is known.

    Parameters
    ----------
    what : str
        For the error.
    name : str
        What was asked for.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        The name.

    Raises
    ------
    ConfigError
        If it is not known.
    """
    if name not in (names := list(known)):
        raise unknown_name(what, name, names)
    return name


def events(trials: Sequence[Trial], onset: npt.ArrayLike, duration: npt.ArrayLike) -> pd.DataFrame:
    """Make the events of films.

    Parameters
    ----------
    trials : sequence of Trial
        What was shown.
    onset, duration : array_like, shape (n_trials,)
        In seconds.

    Returns
    -------
    pandas.DataFrame
        ``onset, duration, trial_type, trial, stimulus, emotion, label, position``.
    """
    return pd.DataFrame(
        {
            "onset": np.asarray(onset, dtype=float),
            "duration": np.asarray(duration, dtype=float),
            "trial_type": "stimulus",
            "trial": [f"{t.number:02d}" for t in trials],
            "stimulus": [t.stimulus for t in trials],
            "emotion": [t.emotion for t in trials],
            "label": [t.label for t in trials],
            "position": [t.position for t in trials],
        }
    )


def trial_recordings(
    path: Path, pattern: str, trials: Sequence[Trial], about: Mapping[str, Any], sessions: Sequence[str]
) -> Iterator[Recording]:
    """Read the trials of a MAT file one at a time.

    Parameters
    ----------
    path : Path
        With one variable of shape (62, n_times), in microvolts at 200 Hz, per trial.
    pattern : str
        Regular expression of their names, ending in a group for the number.
    trials : sequence of Trial
        What the file must hold.
    about : mapping
        ``dataset`` and ``subject``.
    sessions : sequence of str
        The session of each trial.

    Yields
    ------
    Recording
        One per trial, with one event; ``meta["missing"]`` names the trials that are not in the file.

    Raises
    ------
    DataError
        If the file cannot be read, or holds other trials or shapes.
    """
    shapes = mat_shapes(path)
    names = _names(path, shapes, pattern, [t.number for t in trials])
    missing = tuple(f"trial {t.number:02d}: not in {path.name}" for t in trials if t.number not in names)
    for trial, session in zip(trials, sessions, strict=True):
        if trial.number not in names:
            continue
        name = names[trial.number]
        if len(shapes[name]) != 2 or shapes[name][0] != len(CHANNELS) or shapes[name][1] == 0:
            raise DataError(f"{path}: {name} has shape {shapes[name]}; expected (62, n_times), channels by samples")
        if shapes[name][1] > _LONGEST_S * SFREQ:
            raise DataError(
                f"{path}: {name} would last {shapes[name][1] / SFREQ / 60:.0f} minutes, which is no film clip"
            )
        data = load_mat(path, [name])[name]
        if data.dtype.kind not in "fiu":
            raise DataError(f"{path}: {name} holds {data.dtype}; expected numbers")
        # Unit from memory of the documentation: microvolts. MATLAB stores by column; samples of a channel together are
        # what everything after this reads, and the array is new anyway.
        signal = Signal(np.multiply(data, 1e-6, order="C"), SFREQ, EEG)
        yield Recording(
            {"eeg": signal},
            subject=about["subject"],
            session=session,
            events=events([trial], [0.0], [signal.duration]),
            consent=CONSENT,
            meta={"dataset": about["dataset"], "file": path.name, "variable": name, "missing": missing},
        )


def feature_trials(
    path: Path, pattern: str, trials: Sequence[Trial], *, axes: str = "channel time band"
) -> Iterator[tuple[Trial, npt.NDArray[np.float64]]]:
    """Read the features of the trials of a MAT file.

    Parameters
    ----------
    path : Path
        With one variable of 62 channels, n windows and 5 bands per trial.
    pattern : str
        Regular expression of their names, ending in a group for the number.
    trials : sequence of Trial
        What the file must hold.
    axes : str
        The order of the axes in the file.

    Yields
    ------
    trial : Trial
        Which.
    X : ndarray, shape (n_windows, 62, 5)
        Its features.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a trial, or holds other shapes.
    """
    shapes = mat_shapes(path)
    names = _names(path, shapes, pattern, [t.number for t in trials])
    order = [axes.split().index(axis) for axis in ("time", "channel", "band")]
    for trial in trials:
        if trial.number not in names:
            raise DataError(f"{path} has no {pattern.replace(chr(92), '')} of trial {trial.number}")
        name = names[trial.number]
        shape = shapes[name]
        if len(shape) != 3 or (shape[order[1]], shape[order[2]]) != (len(CHANNELS), len(BANDS)):
            raise DataError(f"{path}: {name} has shape {shape}; expected 62 channels and 5 bands as ({axes})")
        yield trial, load_mat(path, [name])[name].transpose(order)


def _names(path: Path, shapes: Mapping[str, Any], pattern: str, expected: Sequence[int]) -> dict[int, str]:
    names = numbered(shapes, pattern)
    if not names:
        raise DataError(f"{path}: no variable named as {pattern}; found {', '.join(list(shapes)[:5]) or 'none'}")
    surplus = [name for number, name in names.items() if number not in expected]
    if surplus:
        raise DataError(f"{path}: {surplus[0]} is not one of the {len(expected)} trials")
    return names


def feature_windows(
    parts: Iterable[tuple[str, str, Trial, npt.NDArray[np.float64]]], window_s: float, smoothing: str
) -> Windows:
    """Put features of many trials together.

    Parameters
    ----------
    parts : iterable of tuple
        Subject, session, trial and features of shape (n_windows, 62, 5).
    window_s : float
        Length of a window, and distance to the next, in seconds.
    smoothing : str
        What was done to them along the trial, for the metadata.

    Returns
    -------
    Windows
        ``X`` of shape (n_windows, 62, 5), ``y`` the emotions.

    Raises
    ------
    DatasetLayoutError
        If there is nothing.
    """
    rows, blocks = [], []
    for subject, session, trial, X in parts:
        start = window_s * np.arange(len(X))
        rows.append(
            pd.DataFrame(
                {
                    "subject": subject,
                    "session": session,
                    "trial": f"{trial.number:02d}",
                    "stimulus": trial.stimulus,
                    "start": start,
                    "stop": start + window_s,
                    "trial_type": "stimulus",
                    "emotion": trial.emotion,
                    "label": trial.label,
                    "smoothing": smoothing,
                }
            )
        )
        blocks.append(X)
    if not rows:
        raise DatasetLayoutError(f"no features of anybody were asked for, or none are there. {ACCESS}")
    table = pd.concat(rows, ignore_index=True)
    return Windows(
        X=np.concatenate(blocks),
        y=table["emotion"].to_numpy(dtype=str),
        metadata=table,
        axes=("window", "channel", "band"),
        channels=EEG,
        features=BANDS,
    )
