"""An imitation of CASE: tables of physiology and of the joystick, a file of each per person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["joystick", "order", "samples", "write"]

#: Column: mean and spread in the publisher's units.
COLUMNS = {
    "ecg": (0.9, 0.2), "bvp": (35.0, 2.0), "gsr": (12.0, 1.0), "rsp": (28.0, 2.0), "skt": (29.0, 0.1),
    "emg_zygo": (5.0, 3.0), "emg_coru": (5.0, 3.0), "emg_trap": (8.0, 4.0),
}  # fmt: skip


def order(subject: int, *, seed: int = 0) -> list[int]:
    """Give the videos a person saw, in their order.

    Parameters
    ----------
    subject : int
        Which, from 0.
    seed : int
        Of the order.

    Returns
    -------
    list of int
        Beginning with 10 and ending with 12, with 11 between the clips.
    """
    clips = np.random.default_rng([seed, subject]).permutation(8) + 1
    return [10, *(video for clip in clips.tolist() for video in (11, clip)), 11, 12]


def samples(subject: int, n_times: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Make the physiology.

    Parameters
    ----------
    subject : int
        Which, from 0.
    n_times : int
        Its length.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (n_times, 8)
        In the order of `COLUMNS`, in the publisher's units, rounded as the files are.
    """
    rng = np.random.default_rng([seed, subject, 1])
    mean, spread = np.array(list(COLUMNS.values())).T
    made: npt.NDArray[np.float64] = np.round(mean + spread * rng.standard_normal((n_times, len(COLUMNS))), 3)
    return made


def joystick(subject: int, videos: npt.NDArray[np.int64], *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Make what the joystick said.

    Parameters
    ----------
    subject : int
        Which, from 0.
    videos : ndarray, shape (n_times,)
        What was shown at each stamp.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (n_times, 2)
        Valence and arousal: 5 between the clips, and about the clip's number within.
    """
    rng = np.random.default_rng([seed, subject, 2])
    noise = rng.uniform(-0.4, 0.4, (len(videos), 2))
    level = np.where(videos < 9, videos, 5)[:, np.newaxis]
    made: npt.NDArray[np.float64] = np.where(level == 5, 5.0, level + noise)
    return made.round(3)


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: float = 1.0,
    lost_video: int | None = None,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 30.
    seed : int
        Of what is invented.
    seconds : float
        Length of every video, a multiple of 0.05; the publisher's are 101 to 197 s, of the blue screen 120 s.
    lost_video : int, optional
        A clip that the first person did not see.

    Returns
    -------
    Path
        The folder.
    """
    folders = [root / "data" / "interpolated" / name for name in ("physiological", "annotations")]
    for folder in folders:
        folder.mkdir(parents=True)
    for subject in range(n_subjects):
        shown = [v for v in order(subject, seed=seed) if subject or v != lost_video]
        videos = np.repeat(shown, round(1000 * seconds))
        table = pd.DataFrame(samples(subject, len(videos), seed=seed), columns=list(COLUMNS))
        table.insert(0, "daqtime", np.arange(len(videos)))
        table["video"] = videos
        table.to_csv(folders[0] / f"sub_{subject + 1}.csv", index=False)
        said = pd.DataFrame(joystick(subject, videos[::50], seed=seed), columns=["valence", "arousal"])
        said.insert(0, "jstime", 50 * np.arange(len(said)))
        said["video"] = videos[::50]
        said.to_csv(folders[1] / f"sub_{subject + 1}.csv", index=False)
    return root
