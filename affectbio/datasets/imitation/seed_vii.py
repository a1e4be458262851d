"""Imitation of SEED-VII: EEG_preprocessed, and EEG_features if wanted."""

from __future__ import annotations

from pathlib import Path

from affectbio.datasets.imitation._seed import features as made_up
from affectbio.datasets.imitation._seed import samples, save_mat, text_order

__all__ = ["write"]


def write(
    root: Path,
    *,
    n_subjects: int = 2,
    seed: int = 0,
    seconds: float = 2.0,
    features: bool = False,
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
        Length of a trial; the publisher's have two to five minutes.
    features : bool
        Whether there is a folder ``EEG_features`` too.
    missing_trial : int, optional
        A trial that the first person lacks.

    Returns
    -------
    Path
        The folder.
    """
    folders = [root / "EEG_preprocessed", *([root / "EEG_features"] if features else [])]
    for folder in folders:
        folder.mkdir()
    for subject in range(1, n_subjects + 1):
        trials = [n for n in range(1, 81) if not (subject == 1 and n == missing_trial)]
        eeg = {str(n): samples(seed, subject, (n - 1) // 20 + 1, n, seconds) for n in trials}
        save_mat(folders[0] / f"{subject}.mat", text_order(eeg))
        if features:
            # (n_windows, 5, 62) on disk, unlike SEED's.
            content = {
                f"{kind}_{n}": made_up(seed, subject, (n - 1) // 20 + 1, n, 2 + n % 3, kind).transpose(0, 2, 1)
                for kind in ("de", "de_LDS")
                for n in trials
            }
            save_mat(folders[1] / f"{subject}.mat", text_order(content))
    return root
