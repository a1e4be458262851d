"""MAT files of MATLAB, version 5 (read by SciPy) and 7.3 (HDF5, read by h5py), as the same Python objects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.datasets._matlab_v5 import check_variables
from affectbio.errors import DataError, DatasetLayoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["load_mat", "mat_shapes", "numbered"]


def load_mat(path: str | Path, names: Iterable[str] | None = None, *, surplus: bool = False) -> dict[str, Any]:
    """Read variables of a MAT file.

    Parameters
    ----------
    path : str or Path
        The file.
    names : iterable of str, optional
        Which variables; all if not given. Those that are not asked for are skipped, not read.
    surplus : bool
        Whether to read compressed variables that have bytes left over behind what they hold; SciPy takes them for
        damaged, and whole files of AMIGOS have them.

    Returns
    -------
    dict
        Variables by name, in the order asked for or that of the file. Numbers are arrays with the axes that MATLAB
        shows, at least two of them and in the file's type; text is str; a struct is a dict, an array of structs an
        object array of dicts; a cell is an object array of these, empty cells being arrays of shape (0, 0).

    Raises
    ------
    DatasetLayoutError
        If there is no such file.
    DataError
        If it is no MAT file, is cut short or damaged, lacks a variable, or points to another file.

    Examples
    --------
    >>> import tempfile
    >>> from scipy.io import savemat
    >>> path = Path(tempfile.mkdtemp()) / "s01.mat"
    >>> savemat(path, {"label": [[1, 0, -1]], "who": "djc"})
    >>> load_mat(path, ["label"])["label"].tolist(), load_mat(path)["who"]
    ([[1, 0, -1]], 'djc')
    """
    from scipy.io import loadmat

    path = Path(path)
    wanted = None if names is None else list(names)
    with _named_errors(path):
        if _is_hdf5(path):
            found = _load_hdf5(path, wanted)
        else:
            with path.open("rb") as file:
                # Version 4, which is known by a zero among the first bytes, SciPy reads in Python.
                if 0 not in file.read(4):
                    check_variables(file, wanted)
            content = loadmat(path, variable_names=wanted, verify_compressed_data_integrity=not surplus)
            found = {name: _plain(value) for name, value in content.items() if not name.startswith("__")}
    for name in wanted or ():
        if name not in found:
            there = ", ".join(list(mat_shapes(path))[:8])
            raise DataError(f"{path} has no variable {name!r}; found {there or 'none'}")
    return found if wanted is None else {name: found[name] for name in wanted}


def mat_shapes(path: str | Path) -> dict[str, tuple[int, ...]]:
    """Say what is in a MAT file without reading it.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    dict of str to tuple of int
        Shapes as MATLAB shows them, by name, in the order of the file. To be checked before `load_mat`: a damaged file
        may claim any size.

    Raises
    ------
    DatasetLayoutError
        If there is no such file.
    DataError
        If it is no MAT file, or cut short.
    """
    from scipy.io import whosmat

    path = Path(path)
    with _named_errors(path):
        if not _is_hdf5(path):
            return {name: tuple(shape) for name, shape, _ in whosmat(path) if not name.startswith("__")}
        import h5py

        with h5py.File(path, "r") as file:
            return {name: _hdf5_shape(_inside(file, name)) for name in file if not name.startswith("#")}


def numbered(keys: Iterable[str], pattern: str) -> dict[int, str]:
    r"""Sort names that end in a number by that number: as text, ``eeg10`` comes before ``eeg2``.

    Parameters
    ----------
    keys : iterable of str
        Names of variables or files.
    pattern : str
        Regular expression of a whole name; its last group is the number. Names that do not match are left out.

    Returns
    -------
    dict of int to str
        Names by their number, ascending.

    Raises
    ------
    DataError
        If two names have the same number.

    Examples
    --------
    >>> numbered(["djc_eeg10", "djc_eeg2", "__header__"], r".*_eeg(\d+)")
    {2: 'djc_eeg2', 10: 'djc_eeg10'}
    """
    found: dict[int, str] = {}
    for key in keys:
        match = re.fullmatch(pattern, key)
        if match is None:
            continue
        number = int(match[match.re.groups])
        if number in found:
            raise DataError(f"{found[number]!r} and {key!r} have the same number, {number}; expected one of each")
        found[number] = key
    return dict(sorted(found.items()))


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    if not path.is_file():
        raise DatasetLayoutError(f"no file {path}; expected a MAT file")
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except Exception as error:
        # SciPy and h5py meet damage with whatever the first wrong byte leads to, from zlib.error to MemoryError.
        raise DataError(
            f"{path} cannot be read as a MAT file of version 5 or 7.3, it is cut short or damaged: {error}"
        ) from None


def _is_hdf5(path: Path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


def _plain(value: npt.NDArray[Any]) -> Any:
    """Bring what SciPy gives to dicts, object arrays, text and numbers."""
    if not isinstance(value, np.ndarray):
        raise DataError(f"a variable holds a MATLAB {type(value).__name__}; expected numbers, text, cells or structs")
    if value.dtype.names is not None:
        return _cell([{key: _plain(item[key]) for key in value.dtype.names} for item in value.flat], value.shape)
    if value.dtype == object:
        return _cell([_plain(item) for item in value.flat], value.shape, is_struct=False)
    if value.dtype.kind == "U":
        return str(value.flat[0]) if value.size == 1 else "" if value.size == 0 else value
    return value


def _cell(items: list[Any], shape: tuple[int, ...], *, is_struct: bool = True) -> Any:
    if is_struct and len(items) == 1:
        return items[0]
    cell = np.empty(len(items), dtype=object)
    # One by one: NumPy would make one array of items that are arrays of equal shape.
    for number, item in enumerate(items):
        cell[number] = item
    return cell.reshape(shape)


def _load_hdf5(path: Path, wanted: list[str] | None) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "r") as file:
        # Names that begin with # are MATLAB's own, where it keeps what cells refer to.
        names = [n for n in file if not n.startswith("#")] if wanted is None else [n for n in wanted if n in file]
        return {name: _hdf5_value(file, _inside(file, name)) for name in names}


def _inside(group: Any, name: str) -> Any:
    """Give an item of a group, unless it stands in another file: a link may name any file of this machine."""
    import h5py

    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise DataError(f"{name!r} is a link, {type(link).__name__}; expected data in the file itself")
    item = group[name]
    if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
        raise DataError(f"the samples of {name!r} are kept in another file; expected data in the file itself")
    return item


def _hdf5_shape(item: Any) -> tuple[int, ...]:
    import h5py

    if not isinstance(item, h5py.Dataset):
        return (1, 1)
    if item.attrs.get("MATLAB_empty"):
        return tuple(int(n) for n in item[()])
    return tuple(reversed(item.shape))


def _hdf5_value(file: Any, item: Any) -> Any:
    import h5py

    if isinstance(item, h5py.Group):
        return _hdf5_struct(file, item)
    kind = item.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if item.attrs.get("MATLAB_empty"):
        empty = np.empty(_hdf5_shape(item), dtype=object if kind == "cell" else float)
        if empty.size:
            raise DataError(f"{item.name} is marked as empty, and has the shape {empty.shape}")
        return "" if kind == "char" else empty
    if h5py.check_ref_dtype(item.dtype) is h5py.Reference:
        # MATLAB stores by column, HDF5 by row: the axes come reversed.
        references = item[()].T
        return _cell(
            [_hdf5_value(file, _referred(file, r)) for r in references.flat], references.shape, is_struct=False
        )
    values = item[()].T
    if kind == "char":
        rows = ["".join(map(chr, row)) for row in np.atleast_2d(values)]
        return rows[0] if len(rows) == 1 else np.array(rows)
    return values


def _referred(file: Any, reference: Any) -> Any:
    item = file[reference]
    if hasattr(item, "external") and (item.external or item.is_virtual):
        raise DataError(f"the samples of {item.name} are kept in another file; expected data in the file itself")
    return item


def _hdf5_struct(file: Any, group: Any) -> Any:
    import h5py

    fields = {name: _inside(group, name) for name in group}
    is_array = bool(fields) and all(
        isinstance(item, h5py.Dataset) and "MATLAB_class" not in item.attrs and item.dtype == h5py.ref_dtype
        for item in fields.values()
    )
    if not is_array:
        return {name: _hdf5_value(file, item) for name, item in fields.items()}
    columns = {name: _hdf5_value(file, item) for name, item in fields.items()}
    shape = next(iter(columns.values())).shape
    rows = [dict(zip(columns, items, strict=True)) for items in zip(*(c.flat for c in columns.values()), strict=True)]
    return _cell(rows, shape)
