"""Keeps what took long to compute under a key made of its content: samples, parameters and code, never a path.

A moved or renamed file is found again, a changed one is not. An entry is written beside its place and moved there in
one step, so that two processes and a kill in mid-write leave whole entries or none. Nothing in an entry is ever
executed: arrays without pickles, and JSON. What cannot be read is thrown away and computed again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import ConfigError

if TYPE_CHECKING:
    from affectbio.types import Recording, Windows

__all__ = [
    "Cache",
    "CacheInfo",
    "cache_folder",
    "code_fingerprint",
    "content_key",
    "recording_fingerprint",
    "samples_fingerprint",
]

_FORMAT = 1
_SUFFIX = ".npz"
# A temporary file this old belongs to nobody who still writes.
_STALE_S = 3600.0


def cache_folder() -> Path:
    """Give the folder for entries: ``AFFECTBIO_CACHE``, or the system's place for what can be computed again.

    Returns
    -------
    Path
        Not made yet.
    """
    named = os.environ.get("AFFECTBIO_CACHE")
    if named:
        return Path(named)
    if sys.platform == "win32":
        place = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        place = Path.home() / "Library" / "Caches"
    else:
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return place / "affectbio"


def content_key(*parts: Any) -> str:
    """Give one key of everything that a result depends on.

    Parameters
    ----------
    *parts
        What JSON can hold, in any nesting: fingerprints, names, parameters, versions. The order of a mapping's keys
        does not count.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        If a part is something that JSON cannot hold, such as an array: give its fingerprint.

    Examples
    --------
    >>> content_key({"a": 1, "b": 2.0}) == content_key({"b": 2.0, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps([_FORMAT, *parts], sort_keys=True).encode()).hexdigest()


def samples_fingerprint(recording: Recording, signals: Iterable[str] | None = None) -> str:
    """Give the fingerprint of a recording's samples alone, whoever they are said to be of.

    Parameters
    ----------
    recording : Recording
        Any.
    signals : iterable of str, optional
        Which signals; all if not given.

    Returns
    -------
    str
        64 hexadecimal digits. Cost is linear in the samples: about a second per gigabyte and less where the processor
        has instructions for SHA-256.
    """
    digest = hashlib.sha256()
    for name in sorted(recording.signals if signals is None else signals):
        signal = recording.signal(name)
        channels = [(c.name, c.kind, c.unit, c.position) for c in signal.channels]
        kind = signal.data.dtype.newbyteorder("<")
        digest.update(
            json.dumps(
                [name, signal.sfreq, signal.start, channels, kind.str, signal.data.shape], default=float
            ).encode()
        )
        # Row by row: a copy of one channel at most, where a row is not in one piece.
        for row in signal.data:
            digest.update(np.ascontiguousarray(row, dtype=kind).view(np.uint8).data)
    return digest.hexdigest()


def recording_fingerprint(
    recording: Recording, signals: Iterable[str] | None = None, *, samples: str | None = None
) -> str:
    """Give the fingerprint of a recording: samples, events, whose and which session, and the device.

    Parameters
    ----------
    recording : Recording
        Any.
    signals : iterable of str, optional
        Which signals; all if not given.
    samples : str, optional
        Their `samples_fingerprint`, where it is known already.

    Returns
    -------
    str
        64 hexadecimal digits. Notes in ``meta``, such as the file's name, do not count.
    """
    events = {str(c): recording.events[c].tolist() for c in recording.events.columns}
    who = [recording.subject, recording.session, recording.device, json.dumps(events, default=str, sort_keys=True)]
    return content_key(samples or samples_fingerprint(recording, signals), who)


@lru_cache(maxsize=32)
def code_fingerprint(*modules: str) -> str:
    """Give the fingerprint of the source of modules and packages: another line of code, another key.

    Parameters
    ----------
    *modules : str
        Names such as ``"affectbio.kernels"``; of a package, all modules in it.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ConfigError
        If there is no such module.
    """
    digest = hashlib.sha256()
    for module in modules:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise ConfigError(f"no module {module!r} whose source could be looked at")
        origin = Path(spec.origin)
        files = sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]
        for file in files:
            name = file.relative_to(origin.parent).as_posix()
            content = file.read_bytes() if file.suffix == ".py" else str(file.stat().st_size).encode()
            digest.update(json.dumps([module, name, len(content)]).encode())
            digest.update(content)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What a cache holds.

    Attributes
    ----------
    folder : Path
        Where.
    n_entries : int
        Whole entries.
    n_bytes : int
        Their size together.
    max_bytes : int
        The most it keeps.
    """

    folder: Path
    n_entries: int
    n_bytes: int
    max_bytes: int


class Cache:
    """Entries by content key in a folder: each some arrays and some facts.

    Parameters
    ----------
    folder : str or Path, optional
        Where; `cache_folder` if not given. Made when the first entry is written.
    max_bytes : int
        The most that `prune` leaves, those used last.

    Attributes
    ----------
    n_hits, n_misses, n_corrupt : int
        How often an entry was there, was not, and was there and could not be read (which is a miss too).

    Examples
    --------
    >>> cache = Cache(getfixture("tmp_path"))
    >>> cache.put(content_key("squares"), {"x": np.arange(3) ** 2}, {"unit": "V"})
    >>> cache.get(content_key("squares"))
    ({'x': array([0, 1, 4])}, {'unit': 'V'})
    >>> cache.info().n_entries
    1
    """

    def __init__(self, folder: str | Path | None = None, max_bytes: int = 5_000_000_000) -> None:
        self.folder = cache_folder() if folder is None else Path(folder)
        self.max_bytes = max_bytes
        self.n_hits = self.n_misses = self.n_corrupt = 0

    def path(self, key: str) -> Path:
        """Give the file of an entry, whether it is there or not.

        Parameters
        ----------
        key : str
            From `content_key`.

        Returns
        -------
        Path
            In one of 256 folders, so that none grows long.
        """
        return self.folder / key[:2] / f"{key}{_SUFFIX}"

    def get(self, key: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]] | None:
        """Give an entry.

        Parameters
        ----------
        key : str
            From `content_key`.

        Returns
        -------
        arrays, facts : dict, or None
            None if there is none, or what there is cannot be read; that is thrown away.
        """
        path = self.path(key)
        try:
            with zipfile.ZipFile(path) as entry:
                # Reading a member to its end checks its CRC-32.
                facts = json.loads(entry.read("facts.json"))
                names = [n.removesuffix(".npy") for n in entry.namelist() if n.endswith(".npy")]
                arrays = {
                    n: np.lib.format.read_array(io.BytesIO(entry.read(f"{n}.npy")), allow_pickle=False) for n in names
                }
            os.utime(path)
        except FileNotFoundError:
            self.n_misses += 1
            return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
            path.unlink(missing_ok=True)
            self.n_corrupt += 1
            self.n_misses += 1
            return None
        self.n_hits += 1
        return arrays, facts

    def put(self, key: str, arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any] | None = None) -> None:
        """Write an entry, whole or not at all; of two who write one key, either wins.

        Parameters
        ----------
        key : str
            From `content_key`.
        arrays : mapping of str to ndarray
            Numbers, truth values or fixed-width strings.
        facts : mapping, optional
            What JSON can hold.

        Raises
        ------
        ValueError
            If an array holds objects.
        """
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as entry:
                    for array_name, array in arrays.items():
                        with entry.open(f"{array_name}.npy", "w") as member:
                            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
                    entry.writestr("facts.json", json.dumps(dict(facts or {})))
                file.flush()
                # Or a power cut could leave the name without the content.
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def windows(self, key: str) -> tuple[Windows, dict[str, Any]] | None:
        """Give windows that `put_windows` wrote, and the facts beside them.

        Parameters
        ----------
        key : str
            From `content_key`.

        Returns
        -------
        windows, facts : Windows and dict, or None
            Equal to those written.
        """
        found = self.get(key)
        if found is None:
            return None
        import pandas as pd

        from affectbio.types import Channel, Windows

        arrays, facts = found
        columns = facts["metadata"]
        table = {c["name"]: pd.Series(c["values"], dtype=c["dtype"]) for c in columns}
        metadata = pd.DataFrame(table, index=range(len(arrays["X"])))
        y = arrays.get("y")
        if facts["y"] is not None:
            y = np.array([None, *facts["y"]], dtype=object)[1:]
        windows = Windows(
            arrays["X"],
            y,
            metadata,
            tuple(facts["axes"]),
            [Channel(n, kind, unit, p and tuple(p)) for n, kind, unit, p in facts["channels"]],
            tuple(facts["features"]),
            facts["sfreq"],
            facts["target_access"],
        )
        return windows, facts["facts"]

    def put_windows(self, key: str, windows: Windows, facts: Mapping[str, Any] | None = None) -> None:
        """Write windows, metadata and labels included.

        Parameters
        ----------
        key : str
            From `content_key`.
        windows : Windows
            Of features; windows of samples overlap and would be many times their recording.
        facts : mapping, optional
            What JSON can hold.
        """
        arrays = {"X": windows.X}
        if windows.y is not None and windows.y.dtype.kind != "O":
            arrays["y"] = windows.y
        metadata = windows.metadata
        held = {
            # JSON holds every float as Python writes it, which reads back to the same bits.
            "metadata": [
                {"name": str(c), "dtype": str(metadata[c].dtype), "values": metadata[c].tolist()} for c in metadata
            ],
            "y": windows.y.tolist() if windows.y is not None and windows.y.dtype.kind == "O" else None,
            "axes": windows.axes,
            "channels": [(c.name, c.kind, c.unit, c.position) for c in windows.channels],
            "features": windows.features,
            "sfreq": windows.sfreq,
            "target_access": windows.target_access,
            "facts": dict(facts or {}),
        }
        self.put(key, arrays, json.loads(json.dumps(held, default=float)))

    def info(self) -> CacheInfo:
        """Count what is there."""
        sizes = [size for _, size, _ in self._entries()]
        return CacheInfo(self.folder, len(sizes), sum(sizes), self.max_bytes)

    def prune(self) -> int:
        """Take out what was used longest ago until the rest fits, and what a killed process left half written.

        Returns
        -------
        int
            Entries taken out.
        """
        for part in self.folder.glob("??/.*.part"):
            try:
                if time.time() - part.stat().st_mtime > _STALE_S:
                    part.unlink()
            except FileNotFoundError:  # its writer was not dead, or another process tidies too
                continue
        entries = sorted(self._entries())
        n_bytes, n_out = sum(size for _, size, _ in entries), 0
        for _, size, path in entries:
            if n_bytes <= self.max_bytes:
                break
            path.unlink(missing_ok=True)
            n_bytes -= size
            n_out += 1
        return n_out

    def clear(self) -> int:
        """Take everything out.

        Returns
        -------
        int
            Entries taken out.
        """
        entries = self._entries()
        for path in [*(path for *_, path in entries), *self.folder.glob("??/.*.part")]:
            path.unlink(missing_ok=True)
        return len(entries)

    def _entries(self) -> list[tuple[float, int, Path]]:
        """When each was used last, its size, and where it is."""
        found = []
        for path in self.folder.glob(f"??/*{_SUFFIX}"):
            try:
                at = path.stat()
            except FileNotFoundError:  # another process took it out
                continue
            found.append((at.st_mtime, at.st_size, path))
        return found
