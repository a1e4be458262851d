"""Finds the data that ship with the code: in a wheel in ``affectbio/_bundled/``, in a checkout beside the package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled"]

_PACKAGE = Path(__file__).parent


def bundled(kind: str) -> Path:
    """Give the folder of one kind of bundled data.

    Parameters
    ----------
    kind : str
        Name of the folder: ``"devices"``, ``"pipelines"``, ``"eegmat"``.

    Returns
    -------
    pathlib.Path
        The folder. In a checkout (and an editable install) the live one, so that a new file is seen at once.

    Raises
    ------
    FileNotFoundError
        If neither place has it: the installation is incomplete.

    Examples
    --------
    >>> sorted(p.suffix for p in bundled("devices").iterdir())[-1]
    '.toml'
    """
    packaged, checkout = _PACKAGE / "_bundled" / kind, _PACKAGE.parent / kind
    for folder in (packaged, checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no bundled {kind!r} in {packaged} or {checkout}; reinstall affectbio")
