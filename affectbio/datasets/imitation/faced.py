"""An imitation of FACED's pre-processed form: ``Processed_data/subNNN.pkl`` and ``Data/subNNN/After_remarks.mat``."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["remarks", "samples", "write"]

SHAPE = (28, 32, 7500)


def samples(subject: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Make a person's array.

    Parameters
    ----------
    subject : int
        Which, from 0.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (28, 32, 7500)
        Microvolts: noise, of which every clip and channel has its own amplitude.
    """
    clips, channels = np.ogrid[1 : SHAPE[0] + 1, 1 : SHAPE[1] + 1]
    noise = np.random.default_rng([seed, subject]).standard_normal(SHAPE[2])
    return (10 + 0.1 * clips + 0.01 * channels)[:, :, np.newaxis] * noise


def remarks(subject: int, *, seed: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Make a person's order and ratings.

    Parameters
    ----------
    subject : int
        Which, from 0.
    seed : int
        Of both.

    Returns
    -------
    shown : ndarray, shape (28,)
        Numbers of the clips, 1 to 28, in the order of showing.
    scores : ndarray, shape (28, 12)
        Ratings from 0 to 7, in that order.
    """
    rng = np.random.default_rng([seed, subject, 1])
    return rng.permutation(SHAPE[0]) + 1, np.round(rng.uniform(0, 7, (SHAPE[0], 12)), 2)


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    with_remarks: bool = True,
    n_remarks: int = 28,
    numpy_module: str = "numpy.core",
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 123.
    seed : int
        Of what is invented.
    with_remarks : bool
        Whether ``Data/`` is there, which is a download of its own.
    n_remarks : int
        How many of the 28 clips the first person remarked on.
    numpy_module : str
        Where the pickle looks for NumPy's constructor: ``numpy.core`` as the publisher's, or ``numpy._core`` as NumPy 2
        would write it.

    Returns
    -------
    Path
        The folder.
    """
    from scipy.io import savemat

    (root / "Processed_data").mkdir()
    for subject in range(n_subjects):
        # Protocol 3 was the default of the Python that wrote them.
        content = pickle.dumps(samples(subject, seed=seed), protocol=3)
        ours, theirs = (b"c%b.multiarray\n" % name.encode() for name in ("numpy._core", numpy_module))
        (root / "Processed_data" / f"sub{subject:03d}.pkl").write_bytes(content.replace(ours, theirs, 1))
        if with_remarks:
            shown, scores = remarks(subject, seed=seed)
            table = np.zeros((SHAPE[0] if subject else n_remarks, 1), dtype=[("score", object), ("vid", object)])
            for place in range(len(table)):
                table[place, 0] = (scores[place][np.newaxis], np.array([[float(shown[place])]]))
            folder = root / "Data" / f"sub{subject:03d}"
            folder.mkdir(parents=True)
            savemat(folder / "After_remarks.mat", {"After_remark": table})
    return root
