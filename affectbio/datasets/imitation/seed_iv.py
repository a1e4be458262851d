"""Imitation of SEED-IV: eeg_raw_data, and eeg_feature_smooth if wanted."""

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
    missing_session: int | None = None,
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
        Length of a trial; the publisher's have about two minutes.
    features : bool
        Whether there is a folder ``eeg_feature_smooth`` too.
    missing_session : int, optional
        A session whose file the first person lacks.

    Returns
    -------
    Path
        The folder.
    """
    for session in (1, 2, 3):
        folders = [
            root / name / str(session) for name in ("eeg_raw_data", *(["eeg_feature_smooth"] if features else []))
        ]
        for folder in folders:
            folder.mkdir(parents=True)
        for subject in range(1, n_subjects + 1):
            if (subject, session) == (1, missing_session):
                continue
            # Days and initials of people are invented.
            prefix, name = "abcdefghijklmno"[subject - 1] * 2, f"{subject}_2001{session:02d}{subject:02d}.mat"
            eeg = {f"{prefix}_eeg{n}": samples(seed, subject, session, n, seconds) for n in range(1, 25)}
            save_mat(folders[0] / name, text_order(eeg))
            if features:
                # (62, n_windows, 5) on disk.
                content = {
                    f"{kind}{n}": made_up(seed, subject, session, n, 2 + n % 3, kind).transpose(1, 0, 2)
                    for kind in ("de_movingAve", "de_LDS", "psd_movingAve", "psd_LDS")
                    for n in range(1, 25)
                }
                save_mat(folders[1] / name, text_order(content))
    return root
