"""EEGMAT: rest against mental arithmetic, EEG of students (Zyma et al., Data 4(1):14, 2019; PhysioNet, ODC-By 1.0).

``SubjectNN_1.edf`` is rest, ``SubjectNN_2.edf`` serial subtraction. Rest always came first, so that whatever changes
with time alone changes with the task too: no protocol can undo this confound of the design.

affectbio bundles 28 of the 36 people: the last minute of rest and the first of the task, decimated to 125 Hz, and of
the 19 electrodes the eight of a low-cost headset (OpenBCI Cyton's Fp1 Fp2 C3 C4 P7 P8 O1 O2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from affectbio._bundled import bundled
from affectbio.datasets.edf import read_edf
from affectbio.errors import DatasetLayoutError
from affectbio.registry import unknown_name
from affectbio.types import Consent, Recording

__all__ = ["EEGMAT"]

_TASKS = {"1": "rest", "2": "arithmetic"}
_CONSENT = Consent(
    ("research", "teaching"), "PhysioNet EEGMAT 1.0.0, doi 10.13026/C2JQ1P, Open Data Commons Attribution License 1.0"
)


class EEGMAT:
    """The recordings of EEGMAT, the bundled ones or a full copy.

    Parameters
    ----------
    root : str or Path, optional
        Folder with the ``SubjectNN_{1,2}.edf`` files; the bundled ones if not given.

    Examples
    --------
    >>> data = EEGMAT()
    >>> len(data.subjects())
    28
    >>> rest, arithmetic = data.recordings(["00"])
    >>> rest.events["trial_type"].tolist(), arithmetic.signals["eeg"].duration
    (['rest'], 60.0)
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = bundled("eegmat") if root is None else Path(root)

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            Sorted: ``"00"``, ``"01"``, …

        Raises
        ------
        DatasetLayoutError
            If the folder holds no file of the data set, or a person lacks one of the two.
        """
        names = {path.stem for path in self.root.glob("Subject*_[12].edf")}
        subjects = sorted({name.removeprefix("Subject").split("_")[0] for name in names})
        if not subjects:
            raise DatasetLayoutError(
                f"no SubjectNN_1.edf or SubjectNN_2.edf in {self.root}; expected a copy of EEGMAT 1.0.0 "
                f"(doi 10.13026/C2JQ1P, free to download from PhysioNet)"
            )
        lone = [f"Subject{s}_{t}.edf" for s in subjects for t in _TASKS if f"Subject{s}_{t}" not in names]
        if lone:
            raise DatasetLayoutError(f"{lone[0]} is not in {self.root}; every person has a rest and a task file")
        return subjects

    def recordings(self, subjects: Iterable[str] | None = None) -> Iterator[Recording]:
        """Read the recordings, person by person, rest before arithmetic.

        Parameters
        ----------
        subjects : iterable of str, optional
            Who; everybody if not given.

        Yields
        ------
        Recording
            With one event that spans it: trial ``"rest"`` or ``"arithmetic"``, which is its stimulus too.

        Raises
        ------
        ConfigError
            If a person is not in the data.
        DatasetLayoutError
            As `subjects`.
        """
        known = self.subjects()
        wanted = known if subjects is None else list(subjects)
        for subject in wanted:
            if subject not in known:
                raise unknown_name("subject", subject, known)
        for subject in wanted:
            for number, task in _TASKS.items():
                read = read_edf(self.root / f"Subject{subject}_{number}.edf", subject)
                whole = {"onset": [0.0], "duration": [read.signals["eeg"].duration]}
                yield Recording(
                    read.signals,
                    subject=subject,
                    events=pd.DataFrame({**whole, "trial_type": [task], "trial": [task], "stimulus": [task]}),
                    consent=_CONSENT,
                    meta={**read.meta, "dataset": "eegmat"},
                )
