"""Imitation of SEED-V: EEG_raw in Neuroscan's CNT format, and EEG_DE_features if wanted."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from affectbio.datasets._seed import CHANNELS
from affectbio.datasets.imitation._seed import features as made_up
from affectbio.datasets.seed_v import LABELS, TIMES
from affectbio.montage import electrode_position

__all__ = ["microvolts", "write", "write_cnt"]

# The reference electrodes and those of the eyes stand among the others in the files.
_NAMES = (*CHANNELS[:32], "M1", *CHANNELS[32:41], "M2", *CHANNELS[41:], "HEO", "VEO")


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    sfreq: int = 10,
    features: bool = False,
    ends_after_s: int | None = None,
) -> Path:
    """Write the imitation.

    Parameters
    ----------
    root : Path
        An empty folder.
    n_subjects : int
        How many people.
    seed : int
        Of what is invented.
    sfreq : int
        Rate in Hz. The times of the films are fixed, and at the publisher's 1000 Hz a person has 2.4 GB.
    features : bool
        Whether there is a folder ``EEG_DE_features`` too.
    ends_after_s : int, optional
        When the first person's first session breaks off.

    Returns
    -------
    Path
        The folder.
    """
    (root / "EEG_raw").mkdir()
    for subject in range(1, n_subjects + 1):
        for session in (1, 2, 3):
            seconds = TIMES[str(session)][1][-1] + 20
            if (subject, session) == (1, 1) and ends_after_s is not None:
                seconds = ends_after_s
            # Sessions are sets of films; the days, which are invented, have another order.
            path = root / "EEG_raw" / f"{subject}_{session}_200101{10 - session:02d}.cnt"
            write_cnt(path, _NAMES, microvolts(seed, subject, session, seconds * sfreq), sfreq)
        if features:
            (root / "EEG_DE_features").mkdir(exist_ok=True)
            _write_features(root / "EEG_DE_features" / f"{subject}_123.npz", seed, subject)
    return root


def microvolts(seed: int, subject: int, session: int, n_times: int) -> npt.NDArray[np.float64]:
    """Give what a file holds.

    Parameters
    ----------
    seed, subject, session : int
        As given to `write`, and whose, from 1 on.
    n_times : int
        Samples.

    Returns
    -------
    ndarray, shape (66, n_times)
        Noise of 20 microvolts on a level of its own for each channel: 10 microvolts times its place among the 62, and
        1000 and more for the four others.
    """
    others = {"M1": 100, "M2": 101, "VEO": 102, "HEO": 103}
    level = [others[name] if name in others else CHANNELS.index(name) for name in _NAMES]
    rng = np.random.default_rng([seed, subject, session])
    return 10.0 * np.array(level)[:, None] + 20.0 * rng.standard_normal((len(level), n_times))


def write_cnt(path: Path, names: Sequence[str], data: npt.NDArray[np.float64], sfreq: int) -> None:
    """Write a file in Neuroscan's CNT format of 32 bits, without events.

    The fields are those of its structures SETUP (900 bytes), ELECTLOC (75 for each channel) and TEEG.

    Parameters
    ----------
    path : Path
        Where.
    names : sequence of str
        Of the channels, at most nine letters each.
    data : ndarray, shape (n_chans, n_times)
        In microvolts; a step is 1/32 of one.
    sfreq : int
        Rate in Hz.
    """
    n_chans, n_times = data.shape
    setup = bytearray(900)
    end = len(setup) + 75 * n_chans + 4 * n_chans * n_times
    for at, layout, value in (
        (0, "12s", b"Version 3.0"),
        (225, "10s", b"01/02/01"),
        (235, "12s", b"10:00:00"),
        (370, "<H", n_chans),
        (376, "<H", sfreq),
        (864, "<i", n_times),
        (886, "<i", end),  # where the events begin
        (890, "<f", n_times / sfreq),
        (894, "<i", 1),  # samples of a channel that stand together
    ):
        struct.pack_into(layout, setup, at, value)
    with path.open("wb") as file:
        file.write(setup)
        for name in names:
            electrode = bytearray(75)
            x, y, _ = electrode_position(name) or (0.0, 0.0, 0.0)
            struct.pack_into("10s", electrode, 0, name.encode())
            struct.pack_into("<ff", electrode, 19, x, y)
            # Microvolts are counts times sensitivity times calibration over 204.8.
            struct.pack_into("<f", electrode, 59, 204.8 / 32)
            struct.pack_into("<f", electrode, 71, 1.0)
            file.write(electrode)
        file.write(np.round(32 * data).T.astype("<i4").tobytes())
        file.write(struct.pack("<Bii", 1, 0, 0))


def _write_features(path: Path, seed: int, subject: int) -> None:
    data, label = {}, {}
    for key in range(45):
        session, trial = key // 15 + 1, key % 15 + 1
        data[key] = made_up(seed, subject, session, trial, 2 + trial % 3).reshape(-1, 310)
        label[key] = np.full(len(data[key]), float(LABELS[str(session)][trial - 1]))
    np.savez(path, data=np.array(pickle.dumps(data, 3)), label=np.array(pickle.dumps(label, 3)))
