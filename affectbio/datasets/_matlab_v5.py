"""MAT files of version 5 walked by the lengths written in them, without reading the numbers.

Written after MathWorks, "MAT-File Format", version 5. SciPy 1.17 ends Python where it meets a type or class that it
does not know, so that a damaged file is looked through here before SciPy is given it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from math import prod
from typing import IO, Any, NamedTuple

from affectbio.errors import DataError

__all__ = ["CELL", "MATRIX", "STRUCT", "Matrix", "Stream", "byte_order", "check_variables", "variables"]

MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, CHAR, OPAQUE = 1, 2, 4, 17
_NUMBERS = range(6, 16)
# Types that numbers and text may be stored in.
_STORED = {CHAR: (1, 2, 3, 4, 16, 17, 18), **dict.fromkeys(_NUMBERS, (1, 2, 3, 4, 5, 6, 7, 9, 12, 13))}
_COMPLEX = 0x0800
_CHUNK = 1 << 16
# MATLAB limits names to 63 characters and version 5 a variable to 2 GiB; what claims more than this is damaged.
_LONGEST_HEADER = 1 << 16


class Place(NamedTuple):
    """A place in a stream, to come back to."""

    at: int
    offset: int
    inflate: Any
    tail: bytes


class Matrix(NamedTuple):
    """What the header of a matrix says."""

    flags: int
    name: str
    shape: tuple[int, ...]

    @property
    def of_class(self) -> int:
        """MATLAB's number of the class."""
        return self.flags & 0xFF


class Stream:
    """The bytes of a file from a place on, inflated if they are compressed.

    Parameters
    ----------
    file : binary file
        At the first byte.
    order : "<" or ">"
        Byte order.
    is_compressed : bool
        Whether they are to be inflated.
    """

    def __init__(self, file: IO[bytes], order: str, *, is_compressed: bool = False) -> None:
        self._file, self._order = file, order
        self._inflate = zlib.decompressobj() if is_compressed else None
        self._tail = b""
        self._to_skip = 0
        #: Bytes read or passed over.
        self.offset = 0

    def read(self, n_bytes: int) -> bytes:
        """Read so many bytes, or say how many are missing."""
        self._catch_up()
        self.offset += n_bytes
        parts, missing = [], n_bytes
        while missing:
            part = self._some(missing)
            if not part:
                raise DataError(f"it ends {missing} bytes too early")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def skip(self, n_bytes: int) -> None:
        """Pass over bytes; nothing is inflated before something behind them is asked for."""
        self._to_skip += n_bytes
        self.offset += n_bytes

    def place(self) -> Place:
        """Give the place where the stream stands."""
        self._catch_up()
        return Place(self._file.tell(), self.offset, self._inflate and self._inflate.copy(), self._tail)

    def go(self, place: Place) -> None:
        """Go back to a place."""
        self._file.seek(place.at)
        # A copy again: reading on would change the one that is kept.
        self._inflate, self._tail = place.inflate and place.inflate.copy(), place.tail
        self.offset, self._to_skip = place.offset, 0

    def tag(self, whose: str) -> int:
        """Give the length of the matrix that begins here."""
        kind, n_bytes = struct.unpack(f"{self._order}2I", self.read(8))
        if kind != MATRIX:
            raise DataError(f"where {whose} begins, stands an element of type {kind}")
        return int(n_bytes)

    def header(self) -> Matrix:
        """Read the header of a matrix whose tag was read."""
        flags = self.element(6)
        if len(flags) != 8:
            raise DataError(f"a matrix has {len(flags)} bytes of flags")
        number = struct.unpack_from(f"{self._order}I", flags)[0]
        if number & 0xFF == OPAQUE:  # objects have no shape of their own
            return Matrix(number, self.element(1).decode("latin1"), (1, 1))
        axes, name = self.element(5), self.element(1)
        shape = struct.unpack(f"{self._order}{len(axes) // 4}i", axes) if len(axes) % 4 == 0 else ()
        if len(shape) < 2 or min(shape) < 0:
            raise DataError(f"a matrix has the shape {shape}")
        return Matrix(number, name.decode("latin1"), shape)

    def fields(self) -> list[str]:
        """Give the names of the fields of a struct whose header was read."""
        length, names = self.element(5), self.element(1)
        width = struct.unpack(f"{self._order}i", length)[0] if len(length) == 4 else 0
        if width < 1:
            raise DataError(f"a struct has names of fields that are {width} characters long")
        return [names[i : i + width].split(b"\0")[0].decode("latin1") for i in range(0, len(names), width)]

    def element(self, expected: int) -> bytes:
        """Read what is in a short element of a type."""
        tag = self.read(8)
        kind, n_bytes = struct.unpack(f"{self._order}2I", tag)
        n_small = kind >> 16  # four bytes or fewer stand in the tag itself
        if kind & 0xFFFF != expected or n_small > 4 or (n_bytes > _LONGEST_HEADER and not n_small):
            raise DataError(
                f"an element has type {kind & 0xFFFF} and {n_small or n_bytes} bytes; expected type {expected}"
            )
        return tag[4 : 4 + n_small] if n_small else self.read(n_bytes + -n_bytes % 8)[:n_bytes]

    def check(self, matrix: Matrix, where: str) -> None:
        """Walk through a matrix whose header was read, and refuse what SciPy does not know."""
        of_class = matrix.of_class
        if of_class in (CELL, STRUCT):
            for _ in range(prod(matrix.shape) * (len(self.fields()) if of_class == STRUCT else 1)):
                if self.tag(f"what is in {where}"):
                    self.check(self.header(), where)
        elif of_class in _STORED:
            for _ in range(2 if matrix.flags & _COMPLEX else 1):
                kind, n_stored = struct.unpack(f"{self._order}2I", self.read(8))
                if kind >> 16:
                    kind, n_stored = kind & 0xFFFF, 0
                if kind not in _STORED[of_class]:
                    raise DataError(f"{where} has values of type {kind} in a matrix of class {of_class}")
                self.skip(n_stored + -n_stored % 8)
        else:
            raise DataError(f"{where} has a matrix of class {of_class}; expected numbers, text, cells or structs")

    def _catch_up(self) -> None:
        if self._inflate is None:
            self._file.seek(self._to_skip, io.SEEK_CUR)
        else:
            while self._to_skip:
                part = self._some(min(self._to_skip, 16 * _CHUNK))
                if not part:
                    raise DataError(f"it ends {self._to_skip} bytes too early")
                self._to_skip -= len(part)
        self._to_skip = 0

    def _some(self, most: int) -> bytes:
        if self._inflate is None:
            return self._file.read(most)
        part = b""
        while not part and not self._inflate.eof:
            compressed = self._tail or self._file.read(_CHUNK)
            part = self._inflate.decompress(compressed, most)
            self._tail = self._inflate.unconsumed_tail
            if not compressed:
                break
        return part


def byte_order(header: bytes) -> str:
    """Give the byte order that the first 128 bytes of a file of version 5 state."""
    if len(header) < 128 or header[126:128] not in (b"IM", b"MI"):
        raise DataError(f"it begins with {header[:19]!r}; expected 128 bytes of header, IM or MI at its end")
    return "<" if header[126:128] == b"IM" else ">"


def variables(file: IO[bytes], order: str) -> Iterator[tuple[Matrix, Stream, bool]]:
    """Go from variable to variable: the header of each, a stream that stands behind it, and whether it inflates."""
    while len(tag := file.read(8)) == 8:
        kind, n_bytes = struct.unpack(f"{order}2I", tag)
        end = file.tell() + n_bytes
        if kind not in (MATRIX, COMPRESSED):
            raise DataError(f"at byte {end - n_bytes - 8} stands an element of type {kind}; expected a variable")
        stream = Stream(file, order, is_compressed=kind == COMPRESSED)
        if kind == COMPRESSED:
            stream.tag("a variable")
        yield stream.header(), stream, kind == COMPRESSED
        file.seek(end)


def check_variables(file: IO[bytes], wanted: Iterable[str] | None) -> None:
    """Refuse a file of version 5 of which SciPy could not read the variables that are wanted, or all.

    Of a matrix of numbers only the header is read, or inflated; cells and structs are walked through.
    """
    file.seek(0)
    order, left = byte_order(file.read(128)), None if wanted is None else set(wanted)
    for matrix, stream, _ in variables(file, order):
        if left is not None:
            if matrix.name not in left:
                continue
            left.discard(matrix.name)
        stream.check(matrix, repr(matrix.name))
        if left is not None and not left:
            return
