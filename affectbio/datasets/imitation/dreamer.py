"""An imitation of DREAMER: one ``DREAMER.mat`` with the publisher's nesting, orientation, types and rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["samples", "scores", "write"]

N_CLIPS = 18
_ELECTRODES = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
_RATES = {"EEG": 128, "ECG": 256}
_PARTS = ("baseline", "stimuli")


def samples(
    modality: str, part: str, subject: int, clip: int, *, seed: int = 0, seconds: float | None = None
) -> npt.NDArray[np.float64]:
    """Make what one cell holds.

    Parameters
    ----------
    modality : str
        ``"EEG"`` or ``"ECG"``.
    part : str
        ``"baseline"`` or ``"stimuli"``.
    subject, clip : int
        Which, from 0.
    seed : int
        Of the noise.
    seconds : float, optional
        Length of a baseline; the clips are each longer by a quarter. If not given, 61 s, and clips of 65 to 393 s.

    Returns
    -------
    ndarray, shape (n_times, n_chans)
        Noise in the steps and with the offset of the device.
    """
    rng = np.random.default_rng([seed, subject, clip, part == "stimuli", modality == "ECG"])
    if seconds is None:
        length = 61.0 if part == "baseline" else 65 + clip * 328 // (N_CLIPS - 1)
    else:
        length = seconds + (clip + 1) / 4 * (part == "stimuli")
    shape = (int(length * _RATES[modality]), 14 if modality == "EEG" else 2)
    if modality == "ECG":
        return np.round(rng.normal(2048.0, 100.0, shape))
    # The EPOC's steps of 0.51 µV, around the middle of its converter.
    return np.round(rng.normal(8235.0, 40.0, shape)) * 0.51


def scores(subject: int, *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Make a person's ratings.

    Parameters
    ----------
    subject : int
        Which, from 0.
    seed : int
        Of the ratings.

    Returns
    -------
    ndarray, shape (3, 18)
        Valence, arousal and dominance, 1 to 5.
    """
    return np.random.default_rng([seed, subject, 99]).integers(1, 6, (3, N_CLIPS), dtype=np.uint8)


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: float | None = None,
    v73: bool = False,
    compressed: bool = True,
    lost_trial: int | None = None,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 23.
    seed : int
        Of what is invented.
    seconds : float, optional
        Length of the baselines, for a small file; see `samples`.
    v73 : bool
        As MATLAB 7.3 saves it, instead of version 5.
    compressed : bool
        Whether a file of version 5 is compressed, as MATLAB does and SciPy does not by default.
    lost_trial : int, optional
        Number, from 0, of a clip whose cells are empty for the first person.

    Returns
    -------
    Path
        The folder.
    """
    people = np.empty((1, n_subjects), dtype=object)
    for subject in range(n_subjects):
        rated = scores(subject, seed=seed)
        person: dict[str, Any] = {"Age": str(22 + subject), "Gender": ("male", "female")[subject % 2]}
        for modality in _RATES:
            person[modality] = {}
            for part in _PARTS:
                cells = np.empty((N_CLIPS, 1), dtype=object)
                for clip in range(N_CLIPS):
                    lost = lost_trial == clip and subject == 0
                    cells[clip, 0] = (
                        np.empty((0, 0)) if lost else samples(modality, part, subject, clip, seed=seed, seconds=seconds)
                    )
                person[modality][part] = cells
        for row, name in zip(rated, ("Valence", "Arousal", "Dominance"), strict=True):
            person[f"Score{name}"] = row[:, np.newaxis].astype(float)
        people[0, subject] = person
    electrodes = np.empty((1, len(_ELECTRODES)), dtype=object)
    electrodes[0] = _ELECTRODES
    content = {
        "Data": people,
        "EEG_SamplingRate": 128.0,
        "ECG_SamplingRate": 256.0,
        "EEG_Electrodes": electrodes,
        "noOfSubjects": float(n_subjects),
        "noOfVideoSequences": float(N_CLIPS),
        "Disclaimer": "An imitation: nothing in it was recorded.",
        "Provider": "affectbio",
        "Version": "1.0.2",
        "Acknowledgement": "none",
    }
    path = root / "DREAMER.mat"
    if v73:
        _write_v73(path, content)
    else:
        from scipy.io import savemat

        savemat(path, {"DREAMER": content}, do_compression=compressed, oned_as="column")
    return root


def _write_v73(path: Path, content: dict[str, Any]) -> None:
    """Write the struct as MATLAB writes version 7.3: axes reversed, cells as references, what is empty as its shape."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        referred = file.create_group("#refs#")

        def put(group: Any, name: str, value: Any) -> Any:
            if isinstance(value, dict):
                made = group.create_group(name)
                made.attrs["MATLAB_class"] = np.bytes_("struct")
                for key, item in value.items():
                    put(made, key, item)
                return made
            if isinstance(value, str):
                made = group.create_dataset(name, data=np.array([[ord(c)] for c in value], dtype=np.uint16))
                made.attrs["MATLAB_class"] = np.bytes_("char")
                return made
            value = np.atleast_2d(value)
            if value.dtype == object:
                references = np.empty(value.shape, dtype=h5py.ref_dtype)
                for index, item in np.ndenumerate(value):
                    references[index] = put(referred, f"{len(referred):x}", item).ref
                made = group.create_dataset(name, data=references.T, dtype=h5py.ref_dtype)
                made.attrs["MATLAB_class"] = np.bytes_("cell")
            elif value.size == 0:
                made = group.create_dataset(name, data=np.array(value.shape, dtype=np.uint64))
                made.attrs["MATLAB_class"] = np.bytes_("double")
                made.attrs["MATLAB_empty"] = np.uint8(1)
            else:
                made = group.create_dataset(name, data=value.T)
                made.attrs["MATLAB_class"] = np.bytes_("double")
            return made

        put(file, "DREAMER", content)
