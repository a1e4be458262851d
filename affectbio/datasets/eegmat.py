"""EEGMAT: rest against mental arithmetic, EEG of students (Zyma et al., Data 4(1):14, 2019; PhysioNet, ODC-By 1.0).

``SubjectNN_1.edf`` is rest, ``SubjectNN_2.edf`` serial subtraction. Rest always came first, so that whatever changes
with time alone changes with the task too: no protocol can undo this confound of the design.

affectbio bundles 28 of the 36 people: the last minute of rest and the first of the task, decimated to 125 Hz, and of
the 19 electrodes the eight of a low-cost headset (OpenBCI Cyton's Fp1 Fp2 C3 C4 P7 P8 O1 O2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from affectbio._bundled import bundled
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.datasets.edf import read_edf
from affectbio.errors import DatasetLayoutError
from affectbio.types import Consent, Recording

__all__ = ["EEGMAT"]

_TASKS = {"1": "rest", "2": "arithmetic"}
_CONSENT = Consent(
    ("research", "teaching"), "PhysioNet EEGMAT 1.0.0, doi 10.13026/C2JQ1P, Open Data Commons Attribution License 1.0"
)
_FULL = SignalFacts(19, 500.0, 1e-6, 1e-4)
_N_BUNDLED = 28


class EEGMAT(Dataset):
    """The recordings of EEGMAT, the bundled ones or a full copy; rest before arithmetic.

    Parameters
    ----------
    root : str or Path, optional
        Folder with the ``SubjectNN_{1,2}.edf`` files; the bundled ones if not given.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    The signal is ``"eeg"`` in V: 19 channels at 500 Hz of a full copy (or the rate it was decimated to), beside
    ``"misc"`` (A2-A1) and ``"ecg"``; 8 at 125 Hz of the bundled one. Every recording has one event that spans it: trial
    ``"rest"`` or ``"arithmetic"``, which is its stimulus too. ``meta["confounds"]`` says what no protocol can undo.

    Examples
    --------
    >>> data = EEGMAT()
    >>> len(data.subjects())
    28
    >>> rest, arithmetic = data.recordings(["00"])
    >>> rest.events["trial_type"].tolist(), arithmetic.signals["eeg"].duration
    (['rest'], 60.0)
    """

    facts = Facts(
        title="EEGMAT 1.0.0",
        source="Zyma et al., Data 4(1):14, 2019, doi 10.3390/data4010014",
        access="It is free to download from PhysioNet (doi 10.13026/C2JQ1P).",
        n_subjects=36,
        n_recordings=2,
        n_trials=2,
        signals={"eeg": _FULL},
        is_open=True,
    )

    def __init__(self, root: str | Path | None = None) -> None:
        own = bundled("eegmat")
        super().__init__(own if root is None else root)
        # Copies that were decimated before, as ours was, go around.
        eeg = replace(_FULL, n_chans=8 if self.root == own else 19, sfreq=_rate(self.root) or _FULL.sfreq)
        n_subjects = _N_BUNDLED if self.root == own else self.facts.n_subjects
        self.facts = replace(self.facts, signals={"eeg": eeg}, n_subjects=n_subjects)

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            Sorted: ``"00"``, ``"01"``, …

        Raises
        ------
        DatasetLayoutError
            If the folder holds no file of the data set.
        """
        names = {path.stem for path in self.root.glob("Subject*_[12].edf")}
        return sorted({name.removeprefix("Subject").split("_")[0] for name in names}) or self._refuse()

    def _refuse(self) -> list[str]:
        raise self._nobody("SubjectNN_1.edf or SubjectNN_2.edf")

    def _read(self, subject: str) -> Iterator[Recording]:
        for number, task in _TASKS.items():
            path = self.root / f"Subject{subject}_{number}.edf"
            if not path.is_file():
                raise DatasetLayoutError(f"{path.name} is not in {self.root}; every person has a rest and a task file")
            read = read_edf(path, subject)
            whole = {"onset": [0.0], "duration": [read.signals["eeg"].duration]}
            yield Recording(
                read.signals,
                subject=subject,
                events=pd.DataFrame({**whole, "trial_type": [task], "trial": [task], "stimulus": [task]}),
                consent=_CONSENT,
                meta={
                    **read.meta,
                    "dataset": "eegmat",
                    "confounds": ("rest always came first: time and task cannot be told apart",),
                },
            )


def _rate(folder: Path) -> float | None:
    """Give the rate of the first file's first channel, if it can be read."""
    import edfio

    path = min(folder.glob("Subject*_[12].edf"), default=None)
    try:
        return None if path is None else float(edfio.read_edf(path).signals[0].sampling_frequency)
    except (ValueError, IndexError):
        return None
