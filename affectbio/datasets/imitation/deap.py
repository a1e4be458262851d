"""Imitation of DEAP in its three forms: Python-2 pickles, MAT files and BDF files, with the table of ratings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets.deap import CHANNELS
from affectbio.datasets.imitation._python2 import dump_python2

__all__ = ["ratings", "samples", "write"]

#: The order of the electrodes in the BDF files of Twente, s01 to s22.
TWENTE = (
    *("Fp1", "AF3", "F7", "F3", "FC1", "FC5", "T7", "C3", "CP1", "CP5", "P7", "P3", "Pz", "PO3", "O1", "Oz"),
    *("O2", "PO4", "P4", "P8", "CP6", "CP2", "C4", "T8", "FC6", "FC2", "F4", "F8", "AF4", "Fp2", "Fz", "Cz"),
)

# Mean and spread of the 40 rows: 32 EEG, 4 of eyes and muscles in microvolts, ohm, belt, plethysmograph, degrees.
_MEAN = np.repeat([0.0, 0.0, 2e5, 0.0, 0.0, 33.0], [32, 4, 1, 1, 1, 1])[:, None]
_SPREAD = np.repeat([10.0, 20.0, 500.0, 300.0, 800.0, 0.05], [32, 4, 1, 1, 1, 1])[:, None]

# Seconds of the BDF files: before the first trial, from one trial to the next, fixation before a video, video.
_LEAD_S, _TRIAL_S, _FIXATION_S, _VIDEO_S = 20, 70, 5, 60


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    form: str = "python",
    subjects: Sequence[int] | None = None,
    with_ratings: bool = True,
    sfreq: int = 512,
    high_bits: bool = False,
    missing_codes: bool = True,
) -> Path:
    """Write the imitation; the preprocessed forms at full size, 103 MB a person.

    Parameters
    ----------
    root : Path
        An empty folder.
    n_subjects : int
        How many people, from s01 on.
    seed : int
        Of what is invented.
    form : str
        ``"python"``, ``"matlab"`` or ``"original"``.
    subjects : sequence of int, optional
        Numbers of the people instead: 1 to 22 were recorded in Twente, 23 to 32 in Geneva.
    with_ratings : bool
        Whether ``metadata_csv/participant_ratings.csv`` is there.
    sfreq : int
        Rate of the BDF files in Hz; less than the publisher's 512 makes smaller files (a person has 208 MB there).
    high_bits : bool
        Whether the Status channel of the BDF files has its high bits set.
    missing_codes : bool
        Whether s28.bdf lacks three start codes, as the publisher's does.

    Returns
    -------
    Path
        The folder.
    """
    numbers = list(range(1, n_subjects + 1)) if subjects is None else list(subjects)
    for number in numbers:
        if form == "original":
            path = _folder(root, "data_original") / f"s{number:02d}.bdf"
            _write_bdf(path, seed, number, sfreq, 0x18FF00 if high_bits else 0, missing_codes)
            continue
        content = {"data": _all_samples(seed, number), "labels": ratings(seed, number)[0][:, :4]}
        if form == "python":
            with (_folder(root, "data_preprocessed_python") / f"s{number:02d}.dat").open("wb") as file:
                dump_python2(content, file)
        else:
            from scipy.io import savemat

            savemat(_folder(root, "data_preprocessed_matlab") / f"s{number:02d}.mat", content)
    if with_ratings:
        table = pd.concat([_table(seed, number) for number in numbers], ignore_index=True)
        table.to_csv(_folder(root, "metadata_csv") / "participant_ratings.csv", index=False)
    return root


def samples(seed: int, subject: int, video: int) -> npt.NDArray[np.float64]:
    """Give what the preprocessed files hold of a trial.

    Parameters
    ----------
    seed, subject, video : int
        As given to `write`, the person's number and the video's, from 1 on.

    Returns
    -------
    ndarray, shape (40, 8064)
        In the publisher's units.
    """
    noise = np.random.default_rng([seed, subject, video]).standard_normal((40, 8064), dtype=np.float32)
    return _MEAN + _SPREAD * noise


def ratings(seed: int, subject: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Give the ratings of a person and the order in which the videos were shown.

    Parameters
    ----------
    seed, subject : int
        As given to `write`, and the person's number.

    Returns
    -------
    ratings : ndarray, shape (40, 5)
        Valence, arousal, dominance, liking and familiarity of the videos 1 to 40.
    shown : ndarray, shape (40,)
        The place, from 1 on, at which each was shown.
    """
    rng = np.random.default_rng([seed, subject])
    values = np.round(rng.uniform(1, 9, (40, 5)), 2)
    values[:, 4] = rng.integers(1, 6, 40)
    return values, rng.permutation(40) + 1


def _all_samples(seed: int, subject: int) -> npt.NDArray[np.float64]:
    data = np.empty((40, 40, 8064))
    for trial in range(40):
        data[trial] = samples(seed, subject, trial + 1)
    return data


def _table(seed: int, subject: int) -> pd.DataFrame:
    values, shown = ratings(seed, subject)
    table = pd.DataFrame({"Participant_id": subject, "Trial": shown, "Experiment_id": range(1, 41)})
    table["Start_time"] = 1_000_000 * (_LEAD_S + _FIXATION_S + _TRIAL_S * (shown - 1))
    table[["Valence", "Arousal", "Dominance", "Liking", "Familiarity"]] = values
    if subject in (2, 15, 23):
        table["Familiarity"] = np.nan
    return table.sort_values("Trial")


def _folder(root: Path, name: str) -> Path:
    (root / name).mkdir(exist_ok=True)
    return root / name


def _write_bdf(path: Path, seed: int, subject: int, sfreq: int, high: int, missing_codes: bool) -> None:
    import edfio

    is_geneva = subject > 22
    n_times = sfreq * (_LEAD_S + 40 * _TRIAL_S)
    rng = np.random.default_rng([seed, subject, 0])
    status = np.full(n_times, float(high))
    for trial in range(40):
        begin = _LEAD_S + trial * _TRIAL_S
        video = begin + _FIXATION_S
        for code, at in ((3, begin), (4, video), (5, video + _VIDEO_S), (1, video + _VIDEO_S + 1)):
            # The publisher's s28 has no start code for these three; the others are there.
            if not (missing_codes and subject == 28 and code == 4 and trial in (23, 24, 25)):
                status[at * sfreq : at * sfreq + max(1, sfreq // 4)] += code

    def signal(name: str, unit: str, mean: float, spread: float, limit: float) -> Any:
        data = mean + spread * rng.standard_normal(n_times)
        return edfio.BdfSignal(data, sfreq, label=name, physical_dimension=unit, physical_range=(-limit, limit - 1))

    # A level for each electrode, by name: who mixes them up can be seen.
    eeg = [
        signal(name, "uV", 100.0 * CHANNELS.index(name), 15.0, 262144) for name in (CHANNELS if is_geneva else TWENTE)
    ]
    exg = [signal(f"EXG{n}", "uV", 10.0 * n * n, 15.0, 262144) for n in range(1, 9)]
    gsr = signal("GSR1", "Ohm", 2e5, 500.0, 8388608) if is_geneva else signal("GSR1", "nS", 5e3, 10.0, 8388608)
    rest = [signal(name, "uV", 0.0, 300.0, 262144) for name in ("GSR2", "Erg1", "Erg2", "Resp", "Plet")]
    temperature = signal("Temp", "degC", 33.0, 0.05, 8388608 / 1e4)
    codes = edfio.BdfSignal(
        status, sfreq, label="Status", physical_dimension="Boolean", physical_range=(-8388608, 8388607)
    )
    edfio.Bdf([*eeg, *exg, gsr, *rest, temperature, codes]).write(path)
