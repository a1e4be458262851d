"""An imitation of GAMEEMO: CSV and MAT files per person and game, in folders whose names begin with a dot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["samples", "write"]

_ELECTRODES = ("AF3", "AF4", "F3", "F4", "F7", "F8", "FC5", "FC6", "O1", "O2", "P7", "P8", "T7", "T8")


def samples(
    subject: int, game: int, *, seed: int = 0, seconds: float | None = None, raw: bool = False
) -> npt.NDArray[np.float64]:
    """Make a recording.

    Parameters
    ----------
    subject, game : int
        Which, from 0.
    seed : int
        Of the noise.
    seconds : float, optional
        Its length; if not given, the publisher's 38 252 samples at 128 Hz.
    raw : bool
        Whether with the device's offset, as before filtering.

    Returns
    -------
    ndarray, shape (n_times, 14)
        Microvolts, rounded as the files are.
    """
    rng = np.random.default_rng([seed, subject, game, raw])
    n_times = 38252 if seconds is None else round(seconds * 128)
    return np.round(rng.normal(4200.0 if raw else 0.0, 10.0, (n_times, len(_ELECTRODES))), 4)


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: float | None = None,
    formats: tuple[str, ...] = ("csv",),
    raw: bool = False,
    trailing_comma: bool = True,
) -> Path:
    """Write it.

    Parameters
    ----------
    root : Path
        Folder to write into.
    n_subjects : int
        How many people; the publisher has 28.
    seed : int
        Of what is invented.
    seconds : float, optional
        Length of a recording, for small files; see `samples`.
    formats : tuple of str
        ``"csv"`` or ``"mat"`` or both.
    raw : bool
        Whether ``Raw EEG Data`` is there as well.
    trailing_comma : bool
        Whether every line ends in a comma, as the publisher's do.

    Returns
    -------
    Path
        The folder.
    """
    from scipy.io import savemat

    end = ",\n" if trailing_comma else "\n"
    for subject in range(n_subjects):
        name = f"S{subject + 1:02d}"
        # The publisher's forms are PDF files; what is in them is not imitated.
        (root / f"({name})" / "SAM Ratings").mkdir(parents=True)
        for is_raw in (False, True)[: 1 + raw]:
            kind, ending = ("Raw", "AllRawChannels") if is_raw else ("Preprocessed", "AllChannels")
            for form in formats:
                folder = root / f"({name})" / f"{kind} EEG Data" / f".{form} format"
                folder.mkdir(parents=True)
                for game in range(4):
                    made = samples(subject, game, seed=seed, seconds=seconds, raw=is_raw)
                    path = folder / f"{name}G{game + 1}{ending}.{form}"
                    if form == "mat":
                        savemat(path, {c: made[:, [i]] for i, c in enumerate(_ELECTRODES)}, do_compression=True)
                    else:
                        lines = (",".join(map(repr, row)) for row in made.tolist())
                        path.write_text(end.join((",".join(_ELECTRODES), *lines)) + end, encoding="utf-8")
    return root
