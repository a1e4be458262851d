"""Writes XDF 1.0 so that what was handed over survives: a killed process, a full disk, a power cut.

Every chunk is one ``write()`` on a descriptor opened for appending, so that it is wholly in the kernel or not at all;
the disk is told to keep it once a second; a boundary chunk follows every ten.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError, StreamError
from affectbio.xdf.header import FORMATS, StreamHeader, parse_header
from affectbio.xdf.scan import BOUNDARY, MAGIC

__all__ = ["XDFWriter"]

_FILE_HEADER, _STREAM_HEADER, _SAMPLES, _CLOCK_OFFSET, _BOUNDARY, _STREAM_FOOTER = 1, 2, 3, 4, 5, 6
_STAMP_BYTES = 8
# Windows would write \r\n for \n; macOS and Windows have no fdatasync.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
_sync = getattr(os, "fdatasync", os.fsync)


@dataclass(slots=True)
class _Stream:
    header: StreamHeader
    record: np.dtype[Any] | None
    n_samples: int = 0
    first: float = 0.0
    last: float = 0.0
    offsets: list[tuple[float, float]] = field(default_factory=list)

    def footer(self) -> str:
        span = self.last - self.first
        srate = (self.n_samples - 1) / span if span > 0 else 0.0
        offsets = "".join(f"<offset><time>{t!r}</time><value>{v!r}</value></offset>" for t, v in self.offsets)
        return (
            f'<?xml version="1.0"?><info><first_timestamp>{self.first!r}</first_timestamp>'
            f"<last_timestamp>{self.last!r}</last_timestamp><sample_count>{self.n_samples}</sample_count>"
            f"<measured_srate>{srate!r}</measured_srate><clock_offsets>{offsets}</clock_offsets></info>"
        )


class XDFWriter:
    """A new XDF file, written by as many threads as there are streams.

    Parameters
    ----------
    path : path-like
        File to make; an existing one is never touched.
    boundary_every_s : float
        Seconds between boundary chunks, from which readers can pick up a damaged file.
    sync_every_s : float
        Seconds between calls that make the disk keep what was written: what a power cut can cost.

    Raises
    ------
    StreamError
        If the file exists or cannot be made; while writing, if the disk is full: the file is then cut back to its last
        whole chunk, stays readable, and every later call raises the same error.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> header = (
    ...     "<info><name>x</name><type>EEG</type><channel_count>2</channel_count>"
    ...     "<channel_format>float32</channel_format><nominal_srate>100</nominal_srate></info>"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with XDFWriter(f"{folder}/x.xdf") as file:
    ...         stream = file.add_stream(header)
    ...         file.write(stream, np.zeros((3, 2)), [0.00, 0.01, 0.02])
    ...     stream
    1
    """

    def __init__(
        self, path: str | os.PathLike[str], *, boundary_every_s: float = 10.0, sync_every_s: float = 1.0
    ) -> None:
        self.path = os.fspath(path)
        try:
            self._fd = os.open(self.path, _FLAGS, 0o644)
        except FileExistsError as error:
            raise StreamError(f"{self.path} exists; a recording never overwrites one: choose another name") from error
        except OSError as error:
            raise StreamError(f"cannot make {self.path}: {error.strerror}; choose another place") from error
        self._lock = Lock()
        self._streams: list[_Stream] = []
        self._whole = 0
        self._closed = False
        self._failure: StreamError | None = None
        self._boundary_every, self._sync_every = boundary_every_s, sync_every_s
        self._last_boundary = self._last_sync = time.monotonic()
        when = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        header = f'<?xml version="1.0"?><info><version>1.0</version><datetime>{when}</datetime></info>'.encode()
        with self._lock:
            self._hand_over(MAGIC + _chunk(_FILE_HEADER, None, header))

    @property
    def n_bytes(self) -> int:
        """Bytes in whole chunks so far."""
        return self._whole

    def add_stream(self, header_xml: str) -> int:
        """Declare a stream.

        Parameters
        ----------
        header_xml : str
            LSL's ``<info>`` XML; kept as it is, so that its description travels whole.

        Returns
        -------
        int
            The id to write samples under: 1, 2, …

        Raises
        ------
        DataError
            If the XML does not describe a stream.
        StreamError
            If the file is closed or the disk is full.
        """
        header = parse_header(header_xml)
        fmt = FORMATS[header.dtype]
        record = np.dtype([("n", "u1"), ("t", "<f8"), ("x", fmt, (header.n_chans,))]) if fmt else None
        with self._lock:
            stream_id = len(self._streams) + 1
            self._hand_over(_chunk(_STREAM_HEADER, stream_id, header_xml.encode()))
            self._streams.append(_Stream(header, record))
        return stream_id

    def write(
        self, stream_id: int, data: npt.ArrayLike | Sequence[Sequence[str | bytes]], stamps: npt.ArrayLike
    ) -> None:
        """Write samples as one chunk.

        Parameters
        ----------
        stream_id : int
            From `add_stream`.
        data : array-like, shape (n_times, n_chans)
            Numbers in the stream's own format and unit, or text.
        stamps : array-like, shape (n_times,)
            LSL time of each sample as the sender gave it, in seconds. Nothing is written if there are none.

        Raises
        ------
        DataError
            If shapes do not fit the stream.
        StreamError
            If the file is closed or the disk is full.
        """
        stream = self._streams[stream_id - 1]
        times = np.asarray(stamps, dtype=np.float64)
        if not len(times):
            return
        chunk: bytes | bytearray
        if stream.record is None:
            chunk = _texts(stream_id, stream, data, times)
        else:
            chunk = _numbers(stream_id, stream, stream.record, data, times)
        with self._lock:
            self._hand_over(chunk)
            if not stream.n_samples:
                stream.first = float(times[0])
            stream.n_samples += len(times)
            stream.last = float(times[-1])
            self._keep_safe()

    def clock_offset(self, stream_id: int, collection_time: float, offset: float) -> None:
        """Write one measurement of a sender's clock against ours.

        Parameters
        ----------
        stream_id : int
            From `add_stream`.
        collection_time : float
            When it was measured, on the sender's clock, in seconds.
        offset : float
            What must be added to the sender's stamps to bring them to our clock, in seconds.

        Raises
        ------
        StreamError
            If the file is closed or the disk is full.
        """
        with self._lock:
            self._hand_over(_chunk(_CLOCK_OFFSET, stream_id, struct.pack("<dd", collection_time, offset)))
            self._streams[stream_id - 1].offsets.append((collection_time, offset))

    def close(self) -> None:
        """Write the footers and close the file; after a failed write, only close it. May be called twice.

        Raises
        ------
        StreamError
            If the disk is full.
        """
        with self._lock:
            if self._closed:
                return
            try:
                if self._failure is None:
                    for stream_id, stream in enumerate(self._streams, start=1):
                        self._hand_over(_chunk(_STREAM_FOOTER, stream_id, stream.footer().encode()))
                    os.fsync(self._fd)
            finally:
                self._closed = True
                os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hand_over(self, chunk: bytes | bytearray) -> None:
        """Give one chunk to the kernel, or leave the file as it was before."""
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise StreamError(f"{self.path} is closed; nothing more can be written to it")
        try:
            n = os.write(self._fd, chunk)
            while n < len(chunk):
                n += os.write(self._fd, memoryview(chunk)[n:])
        except OSError as error:
            self._fail(error)
        self._whole += len(chunk)

    def _keep_safe(self) -> None:
        now = time.monotonic()
        if now - self._last_boundary >= self._boundary_every:
            self._hand_over(_chunk(_BOUNDARY, None, BOUNDARY))
            self._last_boundary = now
        if now - self._last_sync >= self._sync_every:
            try:
                _sync(self._fd)
            except OSError as error:
                self._fail(error)
            self._last_sync = now

    def _fail(self, error: OSError) -> None:
        os.ftruncate(self._fd, self._whole)
        self._failure = StreamError(
            f"recording to {self.path} stopped after {self._whole} bytes: {error.strerror}; what was written is whole "
            f"and readable: free some space and start a new file"
        )
        raise self._failure from error


def _varlen(n: int) -> bytes:
    if n < 2**8:
        return struct.pack("<BB", 1, n)
    return struct.pack("<BI", 4, n) if n < 2**32 else struct.pack("<BQ", 8, n)


def _head(tag: int, stream_id: int | None, n_content: int) -> bytes:
    head = struct.pack("<H", tag) if stream_id is None else struct.pack("<HI", tag, stream_id)
    return _varlen(len(head) + n_content) + head


def _chunk(tag: int, stream_id: int | None, content: bytes) -> bytes:
    return _head(tag, stream_id, len(content)) + content


def _numbers(
    stream_id: int, stream: _Stream, record: np.dtype[Any], data: Any, times: npt.NDArray[np.float64]
) -> bytearray:
    """Make a chunk of numbers in place, in the one buffer that goes to the kernel."""
    values = np.asarray(data)
    _check_shape(stream, values.shape, len(times))
    n_samples = _varlen(len(times))
    n_content = len(n_samples) + len(times) * record.itemsize
    head = _head(_SAMPLES, stream_id, n_content) + n_samples
    chunk = bytearray(len(head) + len(times) * record.itemsize)
    chunk[: len(head)] = head
    records = np.frombuffer(chunk, dtype=record, offset=len(head))
    records["n"], records["t"], records["x"] = _STAMP_BYTES, times, values
    return chunk


def _texts(stream_id: int, stream: _Stream, data: Any, times: npt.NDArray[np.float64]) -> bytes:
    _check_shape(stream, (len(data), *{len(row) for row in data}), len(times))
    parts = [_varlen(len(times))]
    for time_s, row in zip(times.tolist(), data, strict=True):
        parts.append(struct.pack("<Bd", _STAMP_BYTES, time_s))
        for text in row:
            raw = text if isinstance(text, bytes) else str(text).encode()
            parts += [_varlen(len(raw)), raw]
    return _chunk(_SAMPLES, stream_id, b"".join(parts))


def _check_shape(stream: _Stream, found: tuple[int, ...], n_times: int) -> None:
    expected = (n_times, stream.header.n_chans)
    if found != expected:
        raise DataError(
            f"samples of stream {stream.header.name!r} have shape {found}; expected (n_times, n_chans) {expected}"
        )
