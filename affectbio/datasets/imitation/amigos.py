"""An imitation of AMIGOS' pre-processed form: ``Data_Preprocessed_PNN.mat`` with cells of videos."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["VIDEO_IDS", "ratings", "samples", "write"]

SFREQ = 128
#: The publisher's ids: 16 short videos and 4 long ones.
VIDEO_IDS = (
    "10", "13", "138", "18", "19", "20", "23", "30", "31", "34", "36", "4", "5", "58", "80", "9",
    "N1", "P1", "B1", "U1",
)  # fmt: skip


def samples(subject: int, video: int, *, seed: int = 0, seconds: float = 20.0) -> npt.NDArray[np.float64]:
    """Make one cell.

    Parameters
    ----------
    subject, video : int
        Which, from 0.
    seed : int
        Of the noise.
    seconds : float
        Length of the first video; the others are each longer by a second.

    Returns
    -------
    ndarray, shape (n_times, 17)
        14 columns of EEG in microvolts, two of ECG, one of skin conductance.
    """
    rng = np.random.default_rng([seed, subject, video])
    made = rng.normal(0.0, 10.0, (int((seconds + video) * SFREQ), 17))
    made[:, 16] = 1000 + np.abs(np.cumsum(made[:, 16]))
    return made


def ratings(subject: int, video: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Make what a person said of a video.

    Parameters
    ----------
    subject, video : int
        Which, from 0.
    seed : int
        Of the ratings.

    Returns
    -------
    ndarray, shape (1, 12)
        Five ratings from 1 to 9, and seven words chosen or not.
    """
    rng = np.random.default_rng([seed, subject, video, 1])
    return np.concatenate([np.round(rng.uniform(1, 9, 5), 2), rng.integers(0, 2, 7)])[np.newaxis]


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: float = 20.0,
    in_folders: bool = False,
    missing_long: bool = False,
    lost_samples: int = 0,
    unrated_video: int | None = None,
    surplus_bytes: int = 0,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 40.
    seed : int
        Of what is invented.
    seconds : float
        Length of the first video; see `samples`. The publisher's are 51 to 150 s, the long ones 14 to 24 minutes.
    in_folders : bool
        Whether every file lies in a folder of its own name.
    missing_long : bool
        Whether the first person saw no long videos: empty cells, as P08, P24 and P28.
    lost_samples : int
        How many samples of the ECG of the first person's second video are NaN.
    unrated_video : int, optional
        Number, from 0, of a video that the first person did not rate: an empty cell.
    surplus_bytes : int
        How many bytes stand behind what the compressed variables hold, as in the publisher's files.

    Returns
    -------
    Path
        The folder.
    """
    from scipy.io import savemat

    for subject in range(n_subjects):
        cells = {
            name: np.empty((1, len(VIDEO_IDS)), dtype=object)
            for name in ("joined_data", "labels_selfassessment", "labels_ext_annotation", "VideoIDs")
        }
        for video, video_id in enumerate(VIDEO_IDS):
            is_missing = missing_long and subject == 0 and video >= 16
            is_unrated = is_missing or (subject == 0 and video == unrated_video)
            made = samples(subject, video, seed=seed, seconds=seconds)
            if subject == 0 and video == 1:
                made[:lost_samples, 14:16] = np.nan
            segments = np.arange(1.0, 1 + len(made) // (20 * SFREQ))
            cells["joined_data"][0, video] = np.empty((0, 0)) if is_missing else made
            cells["labels_selfassessment"][0, video] = (
                np.empty((0, 0)) if is_unrated else ratings(subject, video, seed=seed)
            )
            cells["labels_ext_annotation"][0, video] = np.stack([segments, segments / 100, -segments / 100], axis=1)
            cells["VideoIDs"][0, video] = video_id
        name = f"Data_Preprocessed_P{subject + 1:02d}"
        folder = root / name if in_folders else root
        folder.mkdir(exist_ok=True)
        path = folder / f"{name}.mat"
        savemat(path, cells, do_compression=True)
        if surplus_bytes:
            path.write_bytes(_with_surplus(path.read_bytes(), surplus_bytes))
    return root


def _with_surplus(content: bytes, n_bytes: int) -> bytes:
    """Put bytes behind what every compressed variable of a MAT file holds."""
    parts, at = [content[:128]], 128
    while at < len(content):
        kind, length = struct.unpack_from("<2I", content, at)
        inside = zlib.compress(zlib.decompress(content[at + 8 : at + 8 + length]) + bytes(n_bytes))
        parts.append(struct.pack("<2I", kind, len(inside)) + inside)
        at += 8 + length
    return b"".join(parts)
