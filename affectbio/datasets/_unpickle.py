"""Pickles of data sets, opened without running what is in them.

A pickle is a programme: ``pickle.load`` does what the file says. The pickles that data sets ship hold dictionaries,
strings, numbers and NumPy arrays, and for these a handful of names is enough. They are answered here by functions of
our own that do no more than those files need; every other name is refused, and so is a type of numbers that claims to
be what it is not.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError

__all__ = ["load_pickle"]


#: Stands for numpy.ndarray, which a file needs to name but never to call: a call could ask for any amount of memory.
_NDARRAY = object()


def _reconstruct(kind: object, shape: tuple[int, ...], _typecode: bytes | str) -> npt.NDArray[Any]:
    # NumPy always writes an empty array here and sets its state later; a file that asks for more is after the memory.
    if kind is not _NDARRAY or tuple(shape) != (0,):
        raise DataError(f"it begins an array of shape {shape}; NumPy writes (0,) here")
    return np.ndarray((0,), dtype="b")


def _frombuffer(buffer: Any, dtype: np.dtype[Any], shape: tuple[int, ...], order: str) -> npt.NDArray[Any]:
    if order not in ("C", "F"):
        raise DataError(f"an array of order {order!r}; expected 'C' or 'F'")
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)  # type: ignore[call-overload, no-any-return]


def _scalar(dtype: np.dtype[Any], value: bytes | str) -> Any:
    if dtype.hasobject:
        raise DataError("it holds a single Python object where a number is expected")
    return np.frombuffer(value.encode("latin1") if isinstance(value, str) else value, dtype=dtype)[0]


def _dtype(code: str, align: bool = False, copy: bool = True) -> np.dtype[Any]:
    # A copy: what follows sets its byte order in place, and NumPy's own types are shared by the whole process.
    dtype = np.dtype(str(code), align=bool(align), copy=True)
    if dtype.kind not in "biufcSUO" or dtype.fields is not None or dtype.subdtype is not None:
        raise DataError(f"an array of type {code!r}; expected numbers, text or Python objects")
    return dtype


def _encode(text: str, encoding: str = "latin1") -> bytes:
    # Any other name makes Python import the codec that the file chose.
    if encoding not in ("latin1", "latin-1", "iso-8859-1"):
        raise DataError(f"text in the encoding {encoding!r}; expected latin1")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.{module}", name): ours
        for core in ("core", "_core")
        for module, name, ours in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
}


# The unpickler written in Python: the one in C has no way to look at BUILD, and fills the memory when a file numbers a
# value 2 ** 31. The arrays are read in one piece all the same.
class _Unpickler(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    read: Callable[[int], bytes]
    append: Callable[[Any], None]

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise DataError(
                f"it asks for {module}.{name}; only arrays, numbers, text and lists or dictionaries of them are read, "
                f"anything else could run code. Do not open it with pickle.load"
            ) from None

    def persistent_load(self, pid: Any) -> Any:
        raise DataError("it refers to something outside itself; expected a pickle that is whole")

    def load_build(self) -> None:
        state = self.stack.pop()
        value = self.stack[-1]
        if isinstance(value, np.dtype):
            _check_state(value, state)
        elif not isinstance(value, np.ndarray):
            raise DataError(f"it sets the insides of a {type(value).__name__}; expected this of arrays only")
        value.__setstate__(state)

    def load_bytearray8(self) -> None:
        # Read before it is made: the one of the base class fills as many bytes as the file claims with zeros first.
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


def _check_state(dtype: np.dtype[Any], state: Any) -> None:
    """Refuse a state that a type of this code does not have.

    NumPy believes it: without its flags, ``dtype("O")`` turns any bytes into addresses of objects.
    """
    version, order, *rest = state
    turned = dtype.newbyteorder(order) if order in ("<", ">") else dtype
    if version != 3 or order not in ("<", ">", "|", "=") or tuple(rest) != turned.__reduce__()[2][2:]:
        raise DataError(f"a type of numbers, {dtype}, is described as {state}; expected NumPy's own description")


def load_pickle(source: str | Path | IO[bytes], name: str | None = None) -> Any:
    """Open a pickle of arrays, numbers, text, and lists and dictionaries of them; of Python 2 as well.

    Parameters
    ----------
    source : str, Path or binary file
        What to read. Text and arrays of Python 2 are taken as latin1.
    name : str, optional
        What errors call it; the path if not given.

    Returns
    -------
    object
        What was pickled.

    Raises
    ------
    DataError
        If the pickle is damaged or asks for any other name: nothing of it is run.
    """
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            return load_pickle(file, name or str(source))
    try:
        return _Unpickler(source, encoding="latin1").load()
    except DataError as error:
        raise DataError(f"{name or 'pickle'} is refused: {error}") from None
    except Exception as error:
        # A damaged pickle can fail in any way that a programme can.
        raise DataError(f"{name or 'pickle'} cannot be read, it is cut short or damaged: {error}") from None
