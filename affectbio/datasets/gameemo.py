"""GAMEEMO: four computer games, consumer EEG, 28 people (Alakus et al., Biomed. Signal Process. Control 60, 2020).

One file per person and game, ``(S01)/Preprocessed EEG Data/.csv format/S01G1AllChannels.csv``, the same numbers in
``.mat format`` and, unfiltered, in ``Raw EEG Data``. Read here through an imitation only: no real copy was at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab import load_mat, numbered
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.registry import unknown_name
from affectbio.types import Channel, Consent, Recording, Signal

__all__ = ["GAMEEMO"]

_SFREQ = 128.0
_N_TIMES = 38252
# Sorted by row of the cap: not the order of the device.
_ELECTRODES = ("AF3", "AF4", "F3", "F4", "F7", "F8", "FC5", "FC6", "O1", "O2", "P7", "P8", "T7", "T8")
_EEG = tuple(Channel(name) for name in _ELECTRODES)
# Which game was to be what, and where the authors put it in the plane of arousal and valence.
_GAMES = {
    "G1": ("boring", "LANV"),
    "G2": ("calm", "LAPV"),
    "G3": ("horror", "HANV"),
    "G4": ("funny", "HAPV"),
}
_FORMS = {"preprocessed": ("Preprocessed EEG Data", "AllChannels"), "raw": ("Raw EEG Data", "AllRawChannels")}
_CONSENT = Consent(
    ("research",), "GAMEEMO, terms of its page on Kaggle, sigfest/database-for-emotion-recognition-system-gameemo"
)


class GAMEEMO(Dataset):
    """The recordings of a copy of GAMEEMO, one per game.

    Every game has one label, and everybody played all four: emotion and stimulus cannot be told apart, whatever the
    protocol. ``meta["confounds"]`` says so.

    Parameters
    ----------
    root : str or Path
        Folder with ``(S01)`` and on, or ``S01``.
    form : {"preprocessed", "raw"}
        Which of the publisher's two forms. Of either the CSV is read, or the MAT file if there is none.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.
    ConfigError
        If there is no such form.

    Notes
    -----
    The signal is ``"eeg"`` in V; the file's numbers are the device's microvolts, raw ones with its offset of about
    4200 µV (taken from its maker's documentation; the publisher names no unit). ``emotion`` is what the game was chosen
    for (boring, calm, horror, funny) and ``quadrant`` the authors' class. What people said on the self-assessment forms
    is shipped as PDF and not read; ``meta["missing"]`` says so, and names a file shorter than the publisher's 38 252
    samples.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = GAMEEMO(synthesise("gameemo", folder, n_subjects=1, seconds=2))
    ...     boring, calm, horror, funny = data.recordings()
    >>> horror.events[["trial", "stimulus", "emotion", "quadrant"]].values.tolist()
    [['03', 'G3', 'horror', 'HANV']]
    """

    facts = Facts(
        title="GAMEEMO",
        source="T. B. Alakus, M. Gonen and I. Turkoglu, 2020, doi 10.1016/j.bspc.2020.101951",
        access="Download it from Kaggle, sigfest/database-for-emotion-recognition-system-gameemo.",
        n_subjects=28,
        n_recordings=4,
        n_trials=4,
        signals={"eeg": SignalFacts(14, _SFREQ, 1e-6, 1e-3)},
        is_open=True,
    )

    def __init__(self, root: str | Path, form: Literal["preprocessed", "raw"] = "preprocessed") -> None:
        if form not in _FORMS:
            raise unknown_name("form of GAMEEMO", form, _FORMS)
        super().__init__(root)
        self.form = form

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            The publisher's: ``"S01"`` to ``"S28"``.

        Raises
        ------
        DatasetLayoutError
            If no folder ``(SNN)`` is in the folder.
        """
        return list(self._folders())

    def _folders(self) -> dict[str, Path]:
        names = (path.name for path in self.root.iterdir() if path.is_dir())
        found = numbered(names, r"\(?S(\d+)\)?")
        if not found:
            raise self._nobody("folder (SNN)")
        return {name.strip("()"): self.root / name for name in found.values()}

    def _read(self, subject: str) -> Iterator[Recording]:
        folder, ending = _FORMS[self.form]
        inside = self._folders()[subject] / folder
        for number, (game, (emotion, quadrant)) in enumerate(_GAMES.items(), 1):
            path = _file(inside, f"{subject}{game}{ending}")
            samples = _from_csv(path) if path.suffix == ".csv" else _from_mat(path)
            missing = ["ratings: the forms are PDF files, which are not read"]
            if samples.shape[1] != _N_TIMES:
                missing.append(f"{path.name} has {samples.shape[1]} samples; the publisher's have {_N_TIMES}")
            signal = Signal(samples * 1e-6, _SFREQ, _EEG)
            event: dict[str, Any] = {
                "onset": 0.0,
                "duration": signal.duration,
                "trial_type": "stimulus",
                "trial": f"{number:02d}",
                "stimulus": game,
                "emotion": emotion,
                "quadrant": quadrant,
            }
            yield Recording(
                {"eeg": signal},
                subject=subject,
                events=pd.DataFrame([event]),
                consent=_CONSENT,
                meta={
                    "dataset": "gameemo",
                    "file": path.name,
                    "form": self.form,
                    "missing": tuple(missing),
                    "confounds": ("emotion is the game's: stimulus and class cannot be told apart",),
                },
            )


def _file(folder: Path, stem: str) -> Path:
    for kind in ("csv", "mat"):
        path = folder / f".{kind} format" / f"{stem}.{kind}"
        if path.is_file():
            return path
    raise DatasetLayoutError(
        f"no {stem}.csv in {folder / '.csv format'} and no {stem}.mat in {folder / '.mat format'}; every person has "
        f"four games. Folders that begin with a dot are hidden, and some programs do not copy them"
    )


def _from_csv(path: Path) -> npt.NDArray[np.float64]:
    # What is no text is told of by the reader of the numbers.
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        names = [name.strip() for name in file.readline().split(",")]
        second = file.readline().rstrip("\n")
    _check_names(names, path)
    # Lines end in a comma, so that a table has a fifteenth column of nothing; some programs take it away.
    n_fields = second.count(",") + 1
    try:
        table = pd.read_csv(path, skiprows=1, header=None, names=range(n_fields), dtype=float, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path}: expected 14 numbers in every line; {error}") from None
    if n_fields < len(_ELECTRODES) or table.empty:
        raise DataError(f"{path}: expected 14 numbers in every line; found {n_fields if second else 0} in line 2")
    columns = table.to_numpy()[:, [names.index(name) for name in _ELECTRODES]]
    # A value may be lost anywhere; a last line that stops before its end is a file that does.
    filled = np.flatnonzero(np.isfinite(columns[-1]))
    if filled.size < len(_ELECTRODES):
        raise DataError(
            f"{path}: line {len(columns) + 1} stops after {filled.size} of 14 numbers: the file is cut short"
        )
    return np.ascontiguousarray(columns.T)


def _from_mat(path: Path) -> npt.NDArray[np.float64]:
    content = load_mat(path)
    _check_names(list(content), path)
    rows = [np.asarray(content[name]) for name in _ELECTRODES]
    for name, row in zip(_ELECTRODES, rows, strict=True):
        if row.dtype.kind not in "fiu" or row.size != rows[0].size or row.size != max(row.shape):
            raise DataError(
                f"{path}: {name}: expected {rows[0].size} numbers in one row or column, as in {_ELECTRODES[0]}; "
                f"found {row.dtype} of shape {row.shape}"
            )
    return np.stack([row.ravel().astype(float) for row in rows])


def _check_names(names: list[str], path: Path) -> None:
    lacking = [name for name in _ELECTRODES if name not in names]
    if lacking:
        raise DataError(f"{path}: no channel {lacking[0]}; expected {', '.join(_ELECTRODES)}, found {', '.join(names)}")
