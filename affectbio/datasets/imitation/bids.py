"""A small BIDS folder: EDF files of four electrodes with their tables, and breath as a physio table."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["samples", "write"]

_LABELS = ("Fz", "Cz", "Pz", "Oz", "VEOG", "ECG")
_SFREQ = 128


def samples(subject: int, seconds: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Make a recording.

    Parameters
    ----------
    subject : int
        Which, from 0.
    seconds : int
        Its length.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (6, n_times)
        Microvolts: four electrodes, each with an amplitude of its own, an EOG and an ECG.
    """
    rng = np.random.default_rng([seed, subject])
    return (10 + np.arange(6))[:, np.newaxis] * rng.standard_normal((6, _SFREQ * seconds))


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: int = 10,
    sessions: bool = False,
    absent_subject: bool = False,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people.
    seed : int
        Of what is invented.
    seconds : int
        Length of a recording.
    sessions : bool
        Whether there are folders ``ses-1`` and ``ses-2``.
    absent_subject : bool
        Whether ``participants.tsv`` names one person more.

    Returns
    -------
    Path
        The folder.
    """
    import edfio

    (root / "dataset_description.json").write_text(
        json.dumps({"Name": "imitation", "BIDSVersion": "1.9.0", "License": "CC0"}) + "\n", encoding="utf-8"
    )
    people = [f"sub-{n + 1:02d}\t{20 + n}\n" for n in range(n_subjects + absent_subject)]
    (root / "participants.tsv").write_text("participant_id\tage\n" + "".join(people), encoding="utf-8")
    (root / "task-clips_eeg.json").write_text(json.dumps({"PowerLineFrequency": 50}) + "\n", encoding="utf-8")
    rows = [
        f"{name}\t{'EEG' if i < 4 else name}\tuV\t{'bad' if name == 'Oz' else 'good'}\n"
        for i, name in enumerate(_LABELS)
    ]
    (root / "task-clips_channels.tsv").write_text("name\ttype\tunits\tstatus\n" + "".join(rows), encoding="utf-8")
    for subject in range(n_subjects):
        for session in ("1", "2") if sessions else ("",):
            folder = root / f"sub-{subject + 1:02d}" / (f"ses-{session}" if session else "") / "eeg"
            folder.mkdir(parents=True)
            stem = f"sub-{subject + 1:02d}_" + (f"ses-{session}_" if session else "") + "task-clips"
            made = samples(subject, seconds, seed=seed + (session == "2"))
            signals = [
                edfio.EdfSignal(row, _SFREQ, label=label, physical_dimension="uV", physical_range=(-200, 200))
                for row, label in zip(made, _LABELS, strict=True)
            ]
            edfio.Edf(signals).write(folder / f"{stem}_eeg.edf")
            third = seconds / 3
            (folder / f"{stem}_events.tsv").write_text(
                "onset\tduration\ttrial_type\tstimulus\tvalence\n"
                f"0.0\t{third:.3f}\tcalm\tclip-a\t7\n{third:.3f}\t{third:.3f}\tfear\tclip-b\tn/a\n",
                encoding="utf-8",
            )
            breath = np.sin(np.arange(4 * seconds) / 4)
            with gzip.open(folder / f"{stem}_recording-resp_physio.tsv.gz", "wt", encoding="ascii") as file:
                file.write("".join(f"{value:.6f}\n" if i else "n/a\n" for i, value in enumerate(breath)))
            about = {
                "SamplingFrequency": 4,
                "StartTime": 0,
                "Columns": ["belt"],
                "belt": {"Description": "resp", "Units": "1"},
            }
            (folder / f"{stem}_recording-resp_physio.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
    return root
