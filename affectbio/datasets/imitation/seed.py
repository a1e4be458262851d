"""Imitation of SEED: Preprocessed_EEG, and ExtractedFeatures if wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from affectbio.datasets.imitation._seed import features as made_up
from affectbio.datasets.imitation._seed import samples, save_mat, text_order
from affectbio.datasets.seed import DATES, LABELS

__all__ = ["write"]


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: float = 2.0,
    features: bool = False,
    v73: bool = False,
    missing_trial: int | None = None,
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
    seconds : float
        Length of a trial; the publisher's have 185 to 265 s.
    features : bool
        Whether there is a folder ``ExtractedFeatures`` too.
    v73 : bool
        Whether the files are of MATLAB's version 7.3.
    missing_trial : int, optional
        A trial that the first person's first session lacks.

    Returns
    -------
    Path
        The folder.
    """
    folders = [root / "Preprocessed_EEG", *([root / "ExtractedFeatures"] if features else [])]
    for folder in folders:
        folder.mkdir()
        save_mat(folder / "label.mat", {"label": np.array([LABELS], dtype=np.int16)})
    for subject in range(1, n_subjects + 1):
        # The publisher's prefixes are the initials of people; these are not.
        prefix = "abcdefghijklmno"[subject - 1] * 2
        for session, day in enumerate(DATES[subject], 1):
            lacks = missing_trial if (subject, session) == (1, 1) else None
            trials = [n for n in range(1, 16) if n != lacks]
            name = f"{subject}_{day}.mat"
            eeg = {f"{prefix}_eeg{n}": samples(seed, subject, session, n, seconds) for n in trials}
            save_mat(folders[0] / name, text_order(eeg), v73=v73)
            if features:
                # (62, n_windows, 5) on disk.
                content = {
                    f"{kind}{n}": made_up(seed, subject, session, n, 2 + n % 3, kind).transpose(1, 0, 2)
                    for kind in ("de_movingAve", "de_LDS", "psd_movingAve", "psd_LDS")
                    for n in trials
                }
                save_mat(folders[1] / name, text_order(content), v73=v73)
    return root
