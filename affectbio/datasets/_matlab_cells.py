"""The cells of one field of a struct in a MAT file, one at a time: for a file that holds everybody of a data set.

SciPy reads a variable whole. Here the variable is walked by the lengths written in it, and what is not asked for is
passed over without being kept.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import IO, Any

from affectbio.datasets._matlab import _hdf5_value, _inside, _named_errors, _plain, _referred
from affectbio.datasets._matlab_v5 import CELL, MATRIX, STRUCT, Stream, byte_order, variables
from affectbio.errors import DataError

__all__ = ["open_cells"]


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


class _Cells(Sequence[Any]):
    """Cells in a file of version 5."""

    def __init__(self, path: Path, variable: str, field: str) -> None:
        self._path = path
        with path.open("rb") as file:
            self._header = file.read(128)
            self._order = byte_order(self._header)
            stream, self._is_compressed = self._find(file, variable)
            self._enter_field(stream, variable, field)
            matrix = stream.header() if stream.tag(field) else None
            if matrix is None or matrix.of_class != CELL:
                found = "empty" if matrix is None else f"of class {matrix.of_class} and shape {matrix.shape}"
                raise DataError(f"{variable}.{field} is {found}; expected a cell array")
            self._n_cells = prod(matrix.shape)
            # The places where cells begin, as far as the file was walked.
            self._places = [stream.place()]

    def __len__(self) -> int:
        return self._n_cells

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._n_cells:
            raise IndexError(index)
        from scipy.io import loadmat

        with _named_errors(self._path), self._path.open("rb") as file:
            stream = Stream(file, self._order, is_compressed=self._is_compressed)
            stream.go(self._places[min(index, len(self._places) - 1)])
            for _ in range(len(self._places) - 1, index):
                stream.skip(stream.tag("a cell"))
                self._places.append(stream.place())
            content = bytearray(stream.read(stream.tag("a cell")))
            if index + 1 == len(self._places):
                self._places.append(stream.place())
            self._check(content, f"cell {index + 1}")
            # A cell has no name, and SciPy reads no variable without one: after 16 bytes of flags and 16 of
            # dimensions stands an empty name in 8, where a name of four letters has room.
            if len(content) < 40 or content[16:24] != struct.pack(f"{self._order}2I", 5, 8):
                raise DataError(f"cell {index + 1} is not a matrix of two axes")
            content[32:40] = struct.pack(f"{self._order}I4s", 4 << 16 | 1, b"cell")
            tag = struct.pack(f"{self._order}2I", MATRIX, len(content))
            return _plain(loadmat(io.BytesIO(self._header + tag + content))["cell"])

    def _find(self, file: IO[bytes], variable: str) -> tuple[Stream, bool]:
        """Give a stream that stands behind the header of a struct, and whether it inflates."""
        found = []
        for matrix, stream, is_compressed in variables(file, self._order):
            if matrix.name == variable:
                if matrix.of_class != STRUCT or matrix.shape != (1, 1):
                    raise DataError(
                        f"{variable!r} is of class {matrix.of_class} and shape {matrix.shape}; expected one struct"
                    )
                return stream, is_compressed
            found.append(matrix.name)
        raise DataError(f"no variable {variable!r}; found {', '.join(found[:8]) or 'none'}")

    def _enter_field(self, stream: Stream, variable: str, field: str) -> None:
        fields = stream.fields()
        if field not in fields:
            raise DataError(f"{variable!r} has no field {field!r}; found {', '.join(fields) or 'none'}")
        for name in fields[: fields.index(field)]:
            stream.skip(stream.tag(name))

    def _check(self, content: bytearray, where: str) -> None:
        if not content:
            return
        stream = Stream(io.BytesIO(content), self._order)
        stream.check(stream.header(), where)
        if stream.offset != len(content):
            raise DataError(f"{where} has a matrix that ends {stream.offset - len(content)} bytes behind its end")


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
