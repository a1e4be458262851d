"""Pickles as Python 2 wrote them: text and bytes are one type, and NumPy's inner package has its old name."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import IO, Any, ClassVar

__all__ = ["dump_python2"]


def dump_python2(value: Any, file: IO[bytes], protocol: int = 2) -> None:
    """Pickle a nest of dictionaries, lists, text, numbers and arrays as ``cPickle.dump(value, file, protocol)`` did.

    Parameters
    ----------
    value : object
        Text in it must be latin1.
    file : binary file
        Written to from where it stands; arrays in one piece.
    protocol : int
        2, or 0, which was what Python 2 took if nothing was said: all text, and about three times as long.

    Examples
    --------
    >>> import io, pickletools
    >>> file = io.BytesIO()
    >>> dump_python2({"subject": "S2"}, file)
    >>> pickle.loads(file.getvalue(), encoding="bytes")
    {b'subject': b'S2'}
    """
    _Python2Pickler(file, protocol=protocol).dump(value)


# The pickler written in Python is the one whose opcodes can be chosen.
class _Python2Pickler(pickle._Pickler):
    dispatch: ClassVar[dict[type, Callable[[Any, Any], None]]] = dict(pickle._Pickler.dispatch)
    write: Callable[[bytes], Any]
    memoize: Callable[[Any], None]
    bin: bool

    def save_text(self, value: str | bytes) -> None:
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        if not self.bin:
            self.write(pickle.STRING + repr(raw)[1:].encode() + b"\n")
        elif len(raw) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(raw)]) + raw)
        else:
            self.write(pickle.BINSTRING + len(raw).to_bytes(4, "little") + raw)
        self.memoize(value)

    def save_name(self, value: Any) -> None:
        module = value.__module__.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{value.__qualname__}\n".encode())
        self.memoize(value)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        self.save_name(obj)

    dispatch[str] = dispatch[bytes] = save_text
    dispatch[type] = dispatch[type(dump_python2)] = save_name
