"""The cells of one field of a struct in a MAT file, one at a time: for a file that holds everybody of a data set.

SciPy reads a variable whole. Here the variable is walked by the lengths written in it (MathWorks, "MAT-File Format",
version 5), and what is not asked for is passed over without being kept.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from affectbio.datasets._matlab import _hdf5_value, _inside, _named_errors, _plain, _referred
from affectbio.errors import DataError

__all__ = ["open_cells"]

_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMBERS = range(6, 16)
# Types that numbers and text may be stored in.
_STORED = {_CHAR: (1, 2, 3, 4, 16, 17, 18), **dict.fromkeys(_NUMBERS, (1, 2, 3, 4, 5, 6, 7, 9, 12, 13))}
_COMPLEX = 0x0800
_CHUNK = 1 << 16
# MATLAB limits names to 63 characters and version 5 a variable to 2 GiB; what claims more than this is damaged.
_LONGEST_HEADER = 1 << 16


def open_cells(path: str | Path, variable: str, field: str) -> Sequence[Any]:
    """Open a cell array that is a field of a struct.

    Parameters
    ----------
    path : str or Path
        MAT file of version 5, compressed or not, or 7.3.
    variable, field : str
        The struct, and which of its fields.

    Returns
    -------
    sequence
        Its cells in MATLAB's order, each read when it is asked for, as `affectbio.datasets._matlab.load_mat` gives it.
        Cells asked for in ascending order are met in one pass through the file.

    Raises
    ------
    DatasetLayoutError
        If there is no such file.
    DataError
        If it is no MAT file, has no such struct or field, or is cut short; also when a cell is asked for.
    """
    import h5py

    path = Path(path)
    with _named_errors(path):
        return (_HDF5Cells if h5py.is_hdf5(path) else _Cells)(path, variable, field)


class _Place(NamedTuple):
    """A place in a stream, to come back to."""

    at: int
    inflate: Any
    tail: bytes


class _Stream:
    """What is in a variable: the bytes of the file from a place on, inflated if they are compressed."""

    def __init__(self, file: IO[bytes], is_compressed: bool) -> None:
        self._file = file
        self._inflate = zlib.decompressobj() if is_compressed else None
        self._tail = b""

    def read(self, n_bytes: int) -> bytes:
        parts, missing = [], n_bytes
        while missing:
            part = self._some(missing)
            if not part:
                raise DataError(f"it ends {missing} bytes too early")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def skip(self, n_bytes: int) -> None:
        while n_bytes:
            n_bytes -= len(self.read(min(n_bytes, 16 * _CHUNK)))

    def place(self) -> _Place:
        return _Place(self._file.tell(), self._inflate and self._inflate.copy(), self._tail)

    def go(self, place: _Place) -> None:
        self._file.seek(place.at)
        # A copy again: reading on would change the one that is kept.
        self._inflate, self._tail = place.inflate and place.inflate.copy(), place.tail

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


class _Cells(Sequence[Any]):
    """Cells in a file of version 5."""

    def __init__(self, path: Path, variable: str, field: str) -> None:
        self._path = path
        with path.open("rb") as file:
            self._header = file.read(128)
            if len(self._header) < 128 or self._header[126:128] not in (b"IM", b"MI"):
                raise DataError(
                    f"it begins with {self._header[:19]!r}; expected 128 bytes of header, IM or MI at its end"
                )
            self._order = "<" if self._header[126:128] == b"IM" else ">"
            stream, self._is_compressed, of_class, shape = self._find(file, variable)
            if of_class != _STRUCT or shape != (1, 1):
                raise DataError(f"{variable!r} is of class {of_class} and shape {shape}; expected one struct")
            self._enter_field(stream, variable, field)
            flags, _, shape = self._about(stream) if self._tag(stream, field) else (0, "", (0, 0))
            if flags & 0xFF != _CELL:
                raise DataError(
                    f"{variable}.{field} is of class {flags & 0xFF} and shape {shape}; expected a cell array"
                )
            self._n_cells = int(np.prod(shape))
            # The places where cells begin, as far as the file was walked.
            self._places = [stream.place()]

    def __len__(self) -> int:
        return self._n_cells

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._n_cells:
            raise IndexError(index)
        from scipy.io import loadmat

        with _named_errors(self._path), self._path.open("rb") as file:
            stream = _Stream(file, self._is_compressed)
            stream.go(self._places[min(index, len(self._places) - 1)])
            for _ in range(len(self._places) - 1, index):
                stream.skip(self._tag(stream, "a cell"))
                self._places.append(stream.place())
            content = bytearray(stream.read(self._tag(stream, "a cell")))
            if index + 1 == len(self._places):
                self._places.append(stream.place())
            self._check(io.BytesIO(content), len(content), f"cell {index + 1}")
            # A cell has no name, and SciPy reads no variable without one: after 16 bytes of flags and 16 of
            # dimensions stands an empty name in 8, where a name of four letters has room.
            if len(content) < 40 or content[16:24] != struct.pack(f"{self._order}2I", 5, 8):
                raise DataError(f"cell {index + 1} is not a matrix of two axes")
            content[32:40] = struct.pack(f"{self._order}I4s", 4 << 16 | 1, b"cell")
            tag = struct.pack(f"{self._order}2I", _MATRIX, len(content))
            return _plain(loadmat(io.BytesIO(self._header + tag + content))["cell"])

    def _find(self, file: IO[bytes], variable: str) -> tuple[_Stream, bool, int, tuple[int, ...]]:
        """Give a stream that stands behind the name of a variable, whether it inflates, and class and shape."""
        found = []
        while len(tag := file.read(8)) == 8:
            kind, n_bytes = struct.unpack(f"{self._order}2I", tag)
            end = file.tell() + n_bytes
            if kind not in (_MATRIX, _COMPRESSED):
                raise DataError(f"at byte {end - n_bytes - 8} stands an element of type {kind}; expected a variable")
            stream = _Stream(file, kind == _COMPRESSED)
            if kind == _COMPRESSED:
                self._tag(stream, "a variable")
            flags, name, shape = self._about(stream)
            if name == variable:
                return stream, kind == _COMPRESSED, flags & 0xFF, shape
            found.append(name)
            file.seek(end)
        raise DataError(f"no variable {variable!r}; found {', '.join(found[:8]) or 'none'}")

    def _enter_field(self, stream: _Stream, variable: str, field: str) -> None:
        fields = self._fields(stream)
        if field not in fields:
            raise DataError(f"{variable!r} has no field {field!r}; found {', '.join(fields) or 'none'}")
        for name in fields[: fields.index(field)]:
            stream.skip(self._tag(stream, name))

    def _fields(self, stream: _Stream) -> list[str]:
        """Give the names of the fields of a struct."""
        length, names = self._element(stream, 5), self._element(stream, 1)
        width = struct.unpack(f"{self._order}i", length)[0] if len(length) == 4 else 0
        if width < 1:
            raise DataError(f"a struct has names of fields that are {width} characters long")
        return [names[i : i + width].split(b"\0")[0].decode("latin1") for i in range(0, len(names), width)]

    def _check(self, content: io.BytesIO, n_bytes: int, where: str) -> None:
        """Refuse a damaged matrix: SciPy 1.17 ends Python where it meets a type or class that it does not know."""
        if n_bytes == 0:
            return
        stream, end = _Stream(content, is_compressed=False), content.tell() + n_bytes
        flags, _, shape = self._about(stream)
        of_class = flags & 0xFF
        if of_class in (_CELL, _STRUCT):
            n_inside = int(np.prod(shape)) * (len(self._fields(stream)) if of_class == _STRUCT else 1)
            for _ in range(n_inside):
                self._check(content, self._tag(stream, f"what is in {where}"), where)
        elif of_class in _STORED:
            for _ in range(2 if flags & _COMPLEX else 1):
                kind, n_stored = struct.unpack(f"{self._order}2I", stream.read(8))
                if kind >> 16:
                    kind, n_stored = kind & 0xFFFF, 0
                if kind not in _STORED[of_class]:
                    raise DataError(f"{where} has values of type {kind} in a matrix of class {of_class}")
                content.seek(n_stored + -n_stored % 8, io.SEEK_CUR)
        else:
            raise DataError(f"{where} has a matrix of class {of_class}; expected numbers, text, cells or structs")
        if content.tell() != end:
            raise DataError(f"{where} has a matrix that ends {content.tell() - end} bytes behind its end")

    def _tag(self, stream: _Stream, whose: str) -> int:
        """Give the length of the matrix that begins here."""
        kind, n_bytes = struct.unpack(f"{self._order}2I", stream.read(8))
        if kind != _MATRIX:
            raise DataError(f"where {whose} begins, stands an element of type {kind}")
        return int(n_bytes)

    def _about(self, stream: _Stream) -> tuple[int, str, tuple[int, ...]]:
        """Give flags, name and shape of a matrix whose tag was read."""
        flags, axes, name = (self._element(stream, kind) for kind in (6, 5, 1))
        if len(flags) != 8 or len(axes) % 4:
            raise DataError(f"a matrix has {len(flags)} bytes of flags and {len(axes)} of shape")
        shape = struct.unpack(f"{self._order}{len(axes) // 4}i", axes)
        if len(shape) < 2 or min(shape) < 0:
            raise DataError(f"a matrix has the shape {shape}")
        return struct.unpack_from(f"{self._order}I", flags)[0], name.decode("latin1"), shape

    def _element(self, stream: _Stream, expected: int) -> bytes:
        """Read what is in a short element of a type."""
        tag = stream.read(8)
        kind, n_bytes = struct.unpack(f"{self._order}2I", tag)
        n_small = kind >> 16  # four bytes or fewer stand in the tag itself
        if kind & 0xFFFF != expected or n_small > 4 or (n_bytes > _LONGEST_HEADER and not n_small):
            raise DataError(
                f"an element has type {kind & 0xFFFF} and {n_small or n_bytes} bytes; expected type {expected}"
            )
        return tag[4 : 4 + n_small] if n_small else stream.read(n_bytes + -n_bytes % 8)[:n_bytes]


class _HDF5Cells(Sequence[Any]):
    """Cells in a file of version 7.3."""

    def __init__(self, path: Path, variable: str, field: str) -> None:
        import h5py

        self._path, self._name = path, (variable, field)
        with h5py.File(path, "r") as file:
            self._n_cells = int(self._cells(file).size)

    def __len__(self) -> int:
        return self._n_cells

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._n_cells:
            raise IndexError(index)
        import h5py

        with _named_errors(self._path), h5py.File(self._path, "r") as file:
            # HDF5 lists by row what MATLAB lists by column, with the axes reversed: the order is the same.
            reference = self._cells(file)[()].flat[index]
            return _hdf5_value(file, _referred(file, reference))

    def _cells(self, file: Any) -> Any:
        import h5py

        group = file
        for name in self._name:
            if not isinstance(group, h5py.Group) or name not in group:
                raise DataError(f"no {'.'.join(self._name)} in it; found {', '.join(group) or 'nothing'}")
            group = _inside(group, name)
        if not isinstance(group, h5py.Dataset) or h5py.check_ref_dtype(group.dtype) is not h5py.Reference:
            raise DataError(f"{'.'.join(self._name)} is not a cell array")
        return group
