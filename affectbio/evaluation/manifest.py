"""What it takes to run a thing again: versions, seeds, protocol, and a fingerprint of the data.

Nothing in it tells who ran it or where: no user, no host, no folder.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.evaluation._atomic import write_text
from affectbio.types import Windows

__all__ = ["Manifest", "hash_arrays", "hash_windows", "run_manifest"]

_PACKAGES = ("affectbio", "numpy", "scipy", "numba", "scikit-learn", "mne", "pylsl", "pyxdf")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The record of one run.

    Attributes
    ----------
    command : str
        What was called, paths shortened to their last part.
    protocols : tuple of str
        Names of the protocols that were run.
    seeds : dict of str to int
        Every seed by what it was for.
    data : dict of str to str
        Fingerprints of what went in, from `hash_windows` or `hash_arrays`.
    started, ended : str
        Coordinated universal time, ISO 8601, to the second.
    python, platform : str
        Python's version; system and processor.
    versions : dict of str to str
        Versions of affectbio and what it computes with; ``"not installed"`` where one is missing.
    """

    command: str
    protocols: tuple[str, ...]
    seeds: dict[str, int]
    data: dict[str, str]
    started: str
    ended: str
    python: str
    platform: str
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Give the record as a dictionary that JSON can hold."""
        return asdict(self)

    def write_json(self, path: str | Path) -> Path:
        """Write the record as JSON, whole or not at all.

        Parameters
        ----------
        path : str or Path
            Where; an older file is replaced, folders are made.

        Returns
        -------
        Path
            The same.
        """
        path = Path(path)
        write_text(path, json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n")
        return path


def run_manifest(
    *,
    command: Sequence[str],
    protocols: Sequence[str],
    seeds: Mapping[str, int],
    data: Mapping[str, str],
    started: datetime,
    ended: datetime | None = None,
) -> Manifest:
    """Record a run.

    Parameters
    ----------
    command : sequence of str
        The words of the command, as in ``sys.argv``.
    protocols : sequence of str
        Names of the protocols that were run.
    seeds : mapping of str to int
        Every seed by what it was for.
    data : mapping of str to str
        Fingerprints by the name of the data.
    started, ended : datetime
        With a time zone; ``ended`` is now if not given.

    Returns
    -------
    Manifest
        To be written beside the report.

    Raises
    ------
    DataError
        If a time has no zone.

    Examples
    --------
    >>> record = run_manifest(command=["/home/ann/bin/affectbio", "demo"], protocols=["leave-one-subject-out"],
    ...                       seeds={"permutations": 0}, data={}, started=datetime.now(UTC))
    >>> record.command
    'affectbio demo'
    """
    return Manifest(
        command=" ".join(_without_folders(word) for word in command),
        protocols=tuple(protocols),
        seeds={name: int(seed) for name, seed in seeds.items()},
        data=dict(data),
        started=_utc(started),
        ended=_utc(ended or datetime.now(UTC)),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        versions={package: _version(package) for package in _PACKAGES},
    )


def hash_arrays(*arrays: npt.NDArray[Any]) -> str:
    """Give one fingerprint of some arrays: content, type and shape, the same on every machine.

    Parameters
    ----------
    *arrays : ndarray
        Numbers, truth values or strings.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.

    Examples
    --------
    >>> hash_arrays(np.zeros(2)) == hash_arrays(np.zeros((1, 2)))
    False
    """
    digest = hashlib.sha256()
    for array in arrays:
        if array.dtype.kind in "OUST":
            content, kind = json.dumps([str(v) for v in array.ravel()]).encode(), "text"
        else:
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            content, kind = little.tobytes(), little.dtype.str.replace("=", "<")
        # Lengths first, so that no two lists of arrays run together into the same bytes.
        digest.update(json.dumps([kind, array.shape, len(content)]).encode())
        digest.update(content)
    return digest.hexdigest()


def hash_windows(windows: Windows) -> str:
    """Give the fingerprint of windows: examples, labels, and everything known about them.

    Parameters
    ----------
    windows : Windows
        Any.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits. The order of windows counts, the order of metadata columns does not.
    """
    known = {
        "axes": windows.axes,
        "channels": [(c.name, c.kind, c.unit, c.position) for c in windows.channels],
        "features": windows.features,
        "sfreq": windows.sfreq,
        "target_access": windows.target_access,
        "metadata": {str(c): windows.metadata[c].tolist() for c in windows.metadata.columns},
    }
    text = np.array(json.dumps(known, sort_keys=True, default=str))
    return hash_arrays(windows.X, *(() if windows.y is None else (windows.y,)), text)


def _without_folders(word: str) -> str:
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    for flavour in (PurePosixPath, PureWindowsPath):
        path = flavour(value)
        if path.is_absolute() or path.drive or value.startswith("~"):
            return option + equals + path.name
    return word


def _utc(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise DataError(f"the time {moment.isoformat()} has no zone; expected datetime.now(UTC)")
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
