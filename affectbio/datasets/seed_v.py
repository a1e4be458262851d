"""SEED-V: 16 people, 3 sessions of 15 film clips, 5 emotions (Liu et al., IEEE Trans. Cogn. Dev. Syst. 14(2), 2022).

Read through an imitation only: no copy was at hand. Names, times and labels are those that programs use on the real
files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.datasets._matlab import numbered
from affectbio.datasets._seed import ACCESS, CHANNELS, CONSENT, EEG, Trial, events, feature_windows, folder_of, one_of
from affectbio.datasets._unpickle import load_pickle
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.types import Channel, Recording, Signal, Windows

__all__ = ["SEEDV"]

LABELS = {
    "1": (4, 1, 3, 2, 0, 4, 1, 3, 2, 0, 4, 1, 3, 2, 0),
    "2": (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0),
    "3": (2, 1, 3, 0, 4, 4, 0, 3, 2, 1, 3, 4, 1, 2, 0),
}
_EMOTIONS = ("disgust", "fear", "sad", "neutral", "happy")
#: When the films of the three sessions begin and end, in seconds (trial_start_end_timestamp.txt).
TIMES = {
    "1": (
        (30, 132, 287, 555, 773, 982, 1271, 1628, 1730, 2025, 2227, 2435, 2667, 2932, 3204),
        (102, 228, 524, 742, 920, 1240, 1568, 1697, 1994, 2166, 2401, 2607, 2901, 3172, 3359),
    ),
    "2": (
        (30, 299, 548, 646, 836, 1000, 1091, 1392, 1657, 1809, 1966, 2186, 2333, 2490, 2741),
        (267, 488, 614, 773, 967, 1059, 1331, 1622, 1777, 1908, 2153, 2302, 2428, 2709, 2817),
    ),
    "3": (
        (30, 353, 478, 674, 825, 908, 1200, 1346, 1451, 1711, 2055, 2307, 2457, 2726, 2888),
        (321, 418, 643, 764, 877, 1147, 1284, 1418, 1679, 1996, 2275, 2425, 2664, 2857, 3066),
    ),
}
# Every session has films of its own.
TRIALS = {
    session: tuple(Trial(n, f"{session}-{n:02d}", label, _EMOTIONS[label], n) for n, label in enumerate(labels, 1))
    for session, labels in LABELS.items()
}

_FILE = re.compile(r"(\d+)_([123])_(\d{8})\.cnt")
_CHUNK = 1 << 16


class SEEDV(Dataset):
    r"""A copy of SEED-V.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``EEG_raw``, or that folder.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    One Recording per session, as the amplifier wrote it: 1000 Hz, nothing filtered, in single precision, which holds
    its 24 bits; the samples of an hour take 0.9 GB of memory. The 15 films are its events, at the times that the
    publisher gives; ``emotion`` is ``"disgust"``, ``"fear"``, ``"sad"``, ``"neutral"`` or ``"happy"``, ``label`` the
    publisher's number of it. The session is the set of films, which is not the order of recording. ``"eeg"`` has the 62
    channels of SEED in its order, CB1 and CB2 at the places of PO9 and PO10; ``"mastoids"`` are M1 and M2, ``"eog"``
    VEO and HEO. Filter before taking every fifth sample.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = SEEDV(synthesise("seed-v", folder, n_subjects=1))
    ...     session = next(data.recordings())
    >>> session.events[["onset", "duration", "emotion"]].values.tolist()[:2]
    [[30.0, 72.0, 'happy'], [132.0, 96.0, 'fear']]
    """

    facts = Facts(
        title="SEED-V",
        source="Liu et al., IEEE Trans. Cogn. Dev. Syst. 14(2):715, 2022, doi 10.1109/TCDS.2021.3071170",
        access=ACCESS,
        n_subjects=16,
        n_recordings=3,
        n_trials=45,
        # Not filtered: the electrodes drift.
        signals={"eeg": SignalFacts(62, 1000.0, 1e-6, 5e-2), "eog": SignalFacts(2, 1000.0, 1e-6, 5e-2)},
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms, ``"01"`` to ``"16"``.

        Returns
        -------
        list of str
            Those with a file.

        Raises
        ------
        DatasetLayoutError
            If there is none.
        """
        found = self._files()
        if not found:
            raise self._nobody("files such as EEG_raw/1_1_20180804.cnt")
        return list(found)

    def features(self, subjects: Iterable[str] | None = None) -> Windows:
        """Read the publisher's differential entropy, of which most published results are made.

        Parameters
        ----------
        subjects : iterable of str, optional
            Who; everybody if not given.

        Returns
        -------
        Windows
            ``X`` of shape (n_windows, 62, 5), windows of 4 s. What smoothing they had is not in the files, and the
            column ``smoothing`` of the metadata says ``"not known"``: take it that a window knows of its whole trial.

        Raises
        ------
        ConfigError
            If there is no such person.
        DatasetLayoutError
            If there is no folder ``EEG_DE_features``.
        DataError
            If a file lacks a trial, holds other shapes, labels another emotion, or asks to run code.
        """
        folder = folder_of(self.root, "EEG_DE_features")
        names = numbered((path.name for path in folder.iterdir()), r"(\d+)_123\.npz")
        found = {f"{number:02d}": folder / name for number, name in names.items()}
        if not found:
            raise DatasetLayoutError(f"no folder EEG_DE_features with files such as 1_123.npz in {self.root}. {ACCESS}")
        who = list(found) if subjects is None else [one_of("subject", s, found) for s in subjects]
        return feature_windows(
            ((subject, session, trial, X) for subject in who for session, trial, X in _features(found[subject])),
            4.0,
            "not known",
        )

    def _read(self, subject: str) -> Iterator[Recording]:
        for session, path in self._files()[subject].items():
            yield _session(path, subject, session)

    def _files(self) -> dict[str, dict[str, Path]]:
        """Give the files by person and session, both in order."""
        found: dict[int, dict[str, Path]] = {}
        for path in sorted(folder_of(self.root, "EEG_raw").iterdir()):
            if match := _FILE.fullmatch(path.name):
                sessions = found.setdefault(int(match[1]), {})
                if match[2] in sessions:
                    raise DataError(f"{path.parent}: {sessions[match[2]].name} and {path.name} are the same session")
                sessions[match[2]] = path
        return {f"{number:02d}": dict(sorted(sessions.items())) for number, sessions in sorted(found.items())}


def _session(path: Path, subject: str, session: str) -> Recording:
    import mne

    try:
        raw = mne.io.read_raw_cnt(path, eog=["VEO", "HEO"], preload=False, verbose="ERROR")
    except Exception as error:
        raise DataError(
            f"{path} cannot be read as Neuroscan CNT, it is cut short or damaged: {str(error).splitlines()[-1]}"
        ) from None
    index = {name.upper(): row for row, name in enumerate(raw.ch_names)}
    absent = [name for name in (*CHANNELS, "M1", "M2", "VEO", "HEO") if name not in index]
    if absent:
        raise DataError(f"{path}: no channel {absent[0]!r}; found {', '.join(raw.ch_names)}")
    sfreq = float(raw.info["sfreq"])
    signals = {
        name: Signal(_samples(raw, [index[label] for label in labels]), sfreq, channels)
        for name, labels, channels in (
            ("eeg", CHANNELS, EEG),
            ("mastoids", ("M1", "M2"), (Channel("M1"), Channel("M2"))),
            ("eog", ("VEO", "HEO"), (Channel("VEO", "eog"), Channel("HEO", "eog"))),
        )
    }
    starts, ends = (np.array(times, dtype=float) for times in TIMES[session])
    whole = ends <= raw.n_times / sfreq
    shown = events(TRIALS[session], starts, ends - starts)[whole].reset_index(drop=True)
    missing = tuple(
        f"trial {trial.number:02d}: until {end:g} s, and {path.name} ends at {raw.n_times / sfreq:.1f} s"
        for trial, end, is_there in zip(TRIALS[session], ends, whole, strict=True)
        if not is_there
    )
    return Recording(
        signals,
        subject=subject,
        session=session,
        events=shown,
        consent=CONSENT,
        meta={"dataset": "seed-v", "file": path.name, "missing": missing},
    )


def _samples(raw: Any, rows: list[int]) -> npt.NDArray[np.float32]:
    """Read some channels a minute or so at a time: MNE makes doubles, twice the memory."""
    data = np.empty((len(rows), raw.n_times), dtype=np.float32)
    for start in range(0, raw.n_times, _CHUNK):
        stop = min(start + _CHUNK, raw.n_times)
        data[:, start:stop] = raw.get_data(picks=rows, start=start, stop=stop)
    return data


def _features(path: Path) -> Iterator[tuple[str, Trial, npt.NDArray[np.float64]]]:
    data, label = (_unpacked(path, name) for name in ("data", "label"))
    for key in range(45):
        session = str(key // 15 + 1)
        trial = TRIALS[session][key % 15]
        X, y = data.get(key), label.get(key)
        if not isinstance(X, np.ndarray) or X.ndim != 2 or X.shape[1] != 310 or X.dtype.kind != "f":
            found = f"shape {X.shape}" if isinstance(X, np.ndarray) else type(X).__name__
            raise DataError(f"{path}: data[{key}] is {found}; expected (n_windows, 310)")
        if not isinstance(y, np.ndarray) or y.shape != (len(X),) or not (y == trial.label).all():
            raise DataError(
                f"{path}: label[{key}] is not {trial.label} ({trial.emotion}) for each of {len(X)} windows, as "
                f"published for session {session}, trial {trial.number}: trials may be in another order"
            )
        yield session, trial, X.reshape(-1, len(CHANNELS), 5)


def _unpacked(path: Path, name: str) -> dict[Any, Any]:
    """Open a dictionary that was pickled, and the pickle's bytes saved as an array."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            packed = content[name]
    except Exception as error:
        raise DataError(f"{path}: {name} cannot be read, the file is cut short or damaged: {error}") from None
    # Trailing zero bytes are lost in such an array; a pickle ends in a full stop.
    found = load_pickle(io.BytesIO(packed.tobytes()), f"{path}: {name}")
    if not isinstance(found, dict):
        raise DataError(f"{path}: {name} is a {type(found).__name__}; expected a dictionary of 45 trials")
    return found
