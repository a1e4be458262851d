"""What the imitations of the SEED data sets share: samples, features, and MAT files of both versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["features", "samples", "save_mat", "text_order"]


def samples(seed: int, subject: int, session: int, trial: int, seconds: float) -> npt.NDArray[np.float64]:
    """Give the EEG of a trial: noise of 20 microvolts, on a level of its own for every channel and trial.

    Parameters
    ----------
    seed, subject, session, trial : int
        Whose, from 1 on.
    seconds : float
        How long; some samples more, differing from trial to trial.

    Returns
    -------
    ndarray, shape (62, n_times)
        In microvolts at 200 Hz.
    """
    rng = np.random.default_rng([seed, subject, session, trial])
    level = 10.0 * np.arange(62)[:, None] + 0.1 * trial
    return level + 20.0 * rng.standard_normal((62, round(200 * seconds) + trial))


def features(
    seed: int, subject: int, session: int, trial: int, n_windows: int, kind: str = "de"
) -> npt.NDArray[np.float64]:
    """Give invented features of a trial.

    Parameters
    ----------
    seed, subject, session, trial : int
        Whose, from 1 on.
    n_windows : int
        How many.
    kind : str
        Each kind has other numbers.

    Returns
    -------
    ndarray, shape (n_windows, 62, 5)
        Each channel and band with a level of its own.
    """
    rng = np.random.default_rng([seed, subject, session, trial, *kind.encode()])
    level = np.arange(62)[:, None] + 100.0 * np.arange(5)
    return level + rng.standard_normal((n_windows, 62, 5))


def text_order(content: Mapping[str, Any]) -> dict[str, Any]:
    """Sort as text, ``eeg1``, ``eeg10``, ``eeg2``: the order that readers stumble over.

    Parameters
    ----------
    content : mapping
        Values by name.

    Returns
    -------
    dict
        The same in another order.
    """
    return dict(sorted(content.items()))


def save_mat(path: Path, content: Mapping[str, npt.NDArray[Any]], *, v73: bool = False) -> None:
    """Write arrays as MATLAB does.

    Parameters
    ----------
    path : Path
        Where.
    content : mapping of str to ndarray
        What.
    v73 : bool
        As version 7.3, which is HDF5 with the axes reversed, instead of 5.
    """
    if not v73:
        from scipy.io import savemat

        savemat(path, dict(content))
        return
    import h5py

    # MATLAB's own header stands before the HDF5 file, in 512 bytes.
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in content.items():
            file[name] = np.ascontiguousarray(array.T)
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, HDF5 schema 1.00 .".ljust(124) + b"\x00\x02IM")
