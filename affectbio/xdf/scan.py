"""Finds how far an XDF file is whole, by the lengths of its chunks.

A recorder that is killed, a full disk or a broken copy leaves a chunk half written. pyxdf raises on about one such file
in 25 and logs on the rest; knowing the last whole chunk lets everything before it be read.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from affectbio.errors import DataError

__all__ = ["BOUNDARY", "MAGIC", "XDFScan", "scan_xdf", "walk_chunks"]

MAGIC = b"XDF:"
#: What a boundary chunk holds, from which readers can pick up a damaged file.
BOUNDARY = bytes.fromhex("43A546DCCBF5410FB30ED5467383CBE4")
_STREAM_HEADER = 2
_TAGS = {1: "file header", 2: "stream header", 3: "samples", 4: "clock offset", 5: "boundary", 6: "stream footer"}
_TAGS_WITH_STREAM = (2, 3, 4, 6)
# Number of length bytes (at most 9 with the length), tag, stream id.
_LONGEST_HEAD = 9 + 2 + 4


@dataclass(frozen=True, slots=True)
class XDFScan:
    """How far a file is whole.

    Parameters
    ----------
    n_chunks : int
        Whole chunks.
    n_bytes : int
        Where the last of them ends.
    size : int
        Bytes in the file.
    problem : str or None
        Byte and chunk at which it stops being whole, and why; None if all of it is.
    headers : mapping of int to str
        The XML header of every stream, by stream id.
    """

    n_chunks: int
    n_bytes: int
    size: int
    problem: str | None
    headers: Mapping[int, str]


def scan_xdf(path: str | os.PathLike[str]) -> XDFScan:
    """Walk the chunks of a file; of their content only the stream headers are read.

    Parameters
    ----------
    path : path-like
        An XDF file.

    Returns
    -------
    XDFScan
        Everything before ``n_bytes`` can be read.

    Raises
    ------
    DataError
        If it is not an XDF file at all.
    FileNotFoundError
        If there is no such file.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        magic = file.read(4)
        if magic != MAGIC:
            packed = "; it is gzipped: unpack it first" if magic[:2] == b"\x1f\x8b" else ""
            raise DataError(f"{os.fspath(path)} is not an XDF file: expected 'XDF:' at byte 0, found {magic!r}{packed}")
        headers: dict[int, str] = {}
        n_chunks, at, problem = walk_chunks(file, len(MAGIC), size, headers)
    if problem:
        problem = f"chunk {n_chunks} at byte {at} of {size}: {problem}"
    return XDFScan(n_chunks, at, size, problem, headers)


def walk_chunks(file: BinaryIO, at: int, size: int, headers: dict[int, str]) -> tuple[int, int, str | None]:
    """Walk whole chunks from a byte on.

    Parameters
    ----------
    file : binary file
        Open for reading.
    at : int
        Where a chunk begins.
    size : int
        Bytes in the file.
    headers : dict of int to str
        XML headers of the streams so far; those that are found are put in.

    Returns
    -------
    n_chunks : int
        Whole chunks.
    end : int
        Where the last of them ends.
    problem : str or None
        What is wrong with the next; None at the end of the file.
    """
    n_chunks = 0
    while at < size:
        end, problem = _chunk_end(file, at, size, headers)
        if problem:
            return n_chunks, at, problem
        n_chunks, at = n_chunks + 1, end
    return n_chunks, at, None


def _chunk_end(file: BinaryIO, at: int, size: int, headers: dict[int, str]) -> tuple[int, str | None]:
    """Where the chunk that starts at byte ``at`` ends, or what is wrong with it."""
    file.seek(at)
    head = file.read(_LONGEST_HEAD)
    width = head[0]
    if width not in (1, 4, 8):
        return at, f"its length is said to take {width} bytes; expected 1, 4 or 8"
    if len(head) < 1 + width:
        return at, "truncated in its length"
    length = int.from_bytes(head[1 : 1 + width], "little")
    end = at + 1 + width + length
    if length < 2:
        return at, f"its length of {length} has no room for a tag"
    if end > size:
        return at, f"truncated: it should end at byte {end}"
    (tag,) = struct.unpack_from("<H", head, 1 + width)
    if tag not in _TAGS:
        return at, f"unknown tag {tag}; expected one of {', '.join(map(str, _TAGS))}"
    if tag in _TAGS_WITH_STREAM:
        if length < 6:
            return at, f"its length of {length} has no room for the stream of a {_TAGS[tag]} chunk"
        (stream,) = struct.unpack_from("<I", head, 1 + width + 2)
        if tag == _STREAM_HEADER:
            file.seek(at + 1 + width + 6)
            headers[stream] = file.read(length - 6).decode("utf-8", "replace")
        elif stream not in headers:
            return at, f"a {_TAGS[tag]} chunk of stream {stream} before that stream's header"
    return end, None
