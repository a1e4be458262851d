"""Makes a whole XDF file of a torn one: whole chunks are kept, and what a killed recorder owes is added.

After damage in the middle, reading goes on at the next boundary chunk, which recorders write now and then for this.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from affectbio.errors import DataError
from affectbio.xdf.scan import BOUNDARY, MAGIC, scan_xdf, walk_chunks

__all__ = ["XDFRepair", "repair_xdf"]

_FOOTER = 6
# A boundary chunk from its first byte on: a length of 18 in one byte, the tag 5, the mark.
_MARK = bytes([1, 18, 5, 0]) + BOUNDARY
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class XDFRepair:
    """What a repair did.

    Parameters
    ----------
    n_chunks : int
        Whole chunks kept.
    n_lost_bytes : int
        Bytes of the torn file that belong to no whole chunk.
    problems : tuple of str
        Where it was torn, and how; empty if it was whole but for its footers.
    n_footers : int
        Footers of streams that were missing and were added.
    """

    n_chunks: int
    n_lost_bytes: int
    problems: tuple[str, ...]
    n_footers: int


def repair_xdf(path: str | os.PathLike[str], out: str | os.PathLike[str]) -> XDFRepair:
    """Write what is whole of a file into a new one that every reader opens.

    Parameters
    ----------
    path : path-like
        The torn file; it is not touched.
    out : path-like
        File to make.

    Returns
    -------
    XDFRepair
        What was kept and what was lost.

    Raises
    ------
    DataError
        If it is no XDF file, or ``out`` exists.
    FileNotFoundError
        If there is no such file.

    Notes
    -----
    O(size), in constant memory. The new file appears under its name only once it is complete.
    """
    source, target = Path(path), Path(out)
    if target.exists():
        raise DataError(f"{target} exists; a repair never overwrites a recording: choose another name")
    scan_xdf(source)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with source.open("rb") as torn, partial.open("xb") as whole:
            done = _copy(torn, whole)
            whole.flush()
            os.fsync(whole.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return done


def _copy(torn: BinaryIO, whole: BinaryIO) -> XDFRepair:
    size = os.fstat(torn.fileno()).st_size
    whole.write(MAGIC)
    headers: dict[int, str] = {}
    problems: list[str] = []
    n_chunks = n_kept = 0
    footers: set[int] = set()
    at: int | None = len(MAGIC)
    while at is not None and at < size:
        n, end, problem = walk_chunks(torn, at, size, headers)
        for begin, stop in _chunks(torn, at, end):
            tag, stream = _kind(torn, begin)
            if tag == _FOOTER:
                footers.add(stream)
            torn.seek(begin)
            _pass_on(torn, whole, stop - begin)
        n_chunks, n_kept = n_chunks + n, n_kept + end - at
        if problem:
            problems.append(f"byte {end} of {size}: {problem}")
            at = _next_mark(torn, end + 1)
        else:
            at = None
    missing = sorted(set(headers) - footers)
    for stream in missing:
        content = b'<?xml version="1.0"?><info></info>'
        whole.write(bytes([1, 6 + len(content)]) + struct.pack("<HI", _FOOTER, stream) + content)
    return XDFRepair(n_chunks, size - len(MAGIC) - n_kept, tuple(problems), len(missing))


def _chunks(file: BinaryIO, at: int, end: int) -> list[tuple[int, int]]:
    """Give where the chunks between two bytes begin and end, all of them whole."""
    found = []
    while at < end:
        file.seek(at)
        head = file.read(9)
        width = head[0]
        stop = at + 1 + width + int.from_bytes(head[1 : 1 + width], "little")
        found.append((at, stop))
        at = stop
    return found


def _kind(file: BinaryIO, at: int) -> tuple[int, int]:
    """Give the tag of a chunk, and the stream it belongs to where it does."""
    file.seek(at)
    head = file.read(15)
    return struct.unpack_from("<HI", head.ljust(15, b"\0"), 1 + head[0])


def _pass_on(source: BinaryIO, target: BinaryIO, n: int) -> None:
    while n:
        block = source.read(min(n, _BLOCK))
        target.write(block)
        n -= len(block)


def _next_mark(file: BinaryIO, at: int) -> int | None:
    """Find the next boundary chunk."""
    overlap = len(_MARK) - 1
    while True:
        file.seek(at)
        block = file.read(_BLOCK)
        found = block.find(_MARK)
        if found >= 0:
            return at + found
        if len(block) < _BLOCK:
            return None
        at += len(block) - overlap
