"""Records LSL streams into one XDF file, as they come: nothing filled in, nothing smoothed."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from affectbio.acquire._liblsl import load_pylsl, local_clock, no_answer
from affectbio.acquire.inlet import StreamState, Watchdog, find_stream, not_connected
from affectbio.errors import StreamError
from affectbio.xdf.header import parse_header
from affectbio.xdf.writer import XDFWriter

__all__ = ["Recorder", "StreamHealth"]

_OFFSET_EVERY_S = 5.0
_PULL_S = 0.2
_LARGEST_CHUNK = 4096
# liblsl hands out a chunk sample by sample as it unpacks it: without a rest, many of them would be chunks of the file.
# It is also what a killed process can lose.
_REST_S = 0.05
# liblsl holds this much while a disk is slow, in seconds of signal.
_BUFFER_S = 360
_LOOK_AT_DISK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """How one stream's recording goes.

    Parameters
    ----------
    name, lsl_type : str
        Which stream.
    n_samples : int
        Written so far.
    last_stamp : float or None
        Sender's stamp of the last one, in seconds.
    n_offsets : int
        Measurements of the sender's clock written so far; without one a reader cannot align the stream.
    state : str
        ``"connecting"``, ``"streaming"``, ``"silent"`` or ``"lost"``.
    sfreq : float
        Nominal rate in Hz; 0 for markers and whatever else comes now and then.
    effective_sfreq : float
        Samples per second of the sender's clock so far, in Hz; NaN before the second sample. What is lost lowers it.
    longest_gap_s : float
        Longest time between the stamps of two samples that follow each other, in seconds; 0 before the second sample.
    """

    name: str
    lsl_type: str
    n_samples: int
    last_stamp: float | None
    n_offsets: int
    state: StreamState
    sfreq: float
    effective_sfreq: float
    longest_gap_s: float


class Recorder:
    """Writes streams to a file between ``with`` and its end; all of them must be there at the start.

    Parameters
    ----------
    path : path-like
        XDF file to make. An existing one is not touched.
    streams : sequence of pylsl.StreamInfo or mapping
        What to record: streams from `find_stream`, or its arguments, such as ``{"source_id": "cyton-001"}``.
    timeout_s : float
        How long finding and connecting may take for each, in seconds.
    min_free_mb : float
        Recording stops while there is still so much room on the disk, in megabytes of 10⁶ bytes, and does not start
        with less: a disk that is full harms whatever else runs there.

    Attributes
    ----------
    stopped : bool
        Whether recording has ended by itself; `check` says why.

    Raises
    ------
    StreamNotFoundError
        If a stream is not there; no file is made then.
    StreamError
        At the start, if there is less room than ``min_free_mb``; no file is made then. While recording, from `check`
        or at the end: the disk is nearly full or failed, or whatever else stopped a stream's thread. The file is whole
        and readable up to there.

    Notes
    -----
    One thread per stream, so that a quiet one does not hold up the others. Stamps are the sender's; its clock is
    measured at the start, every 5 s and at the end, and written beside them, as LabRecorder does.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        streams: Sequence[Any],
        *,
        timeout_s: float = 5.0,
        min_free_mb: float = 100.0,
    ) -> None:
        self.path = os.fspath(path)
        self.min_free_mb = min_free_mb
        self._wanted = list(streams)
        self._timeout_s = timeout_s
        self._workers: list[_Worker] = []
        self._end = Event()
        self._file: XDFWriter | None = None
        self._disk: Thread | None = None
        self._no_room: StreamError | None = None

    @property
    def health(self) -> tuple[StreamHealth, ...]:
        """How each stream's recording goes, in the order they were asked for."""
        return tuple(worker.health for worker in self._workers)

    @property
    def n_bytes(self) -> int:
        """Bytes in the file so far."""
        return self._file.n_bytes if self._file else 0

    @property
    def stopped(self) -> bool:
        """Whether recording has ended by itself; `check` says why."""
        return self._end.is_set()

    @property
    def free_mb(self) -> float:
        """Room on the disk, in megabytes of 10⁶ bytes."""
        return shutil.disk_usage(Path(self.path).absolute().parent).free / 1e6

    def check(self) -> None:
        """Raise what stopped the recording, if anything did.

        Raises
        ------
        Exception
            A thread's own: a StreamError if the disk is full, or nearly.
        """
        if self._no_room is not None:
            raise self._no_room
        for worker in self._workers:
            if worker.error is not None:
                raise worker.error

    def __enter__(self) -> Self:
        # First what needs no network: a command with a wrong name should not wait for twenty streams to say so.
        if Path(self.path).exists():
            raise StreamError(f"{self.path} exists; a recording never overwrites one: choose another name")
        if not Path(self.path).absolute().parent.is_dir():
            raise StreamError(f"cannot make {self.path}: there is no folder {Path(self.path).parent}; make it first")
        if (free := self.free_mb) < self.min_free_mb:
            raise StreamError(
                f"cannot record to {self.path}: {free:.0f} MB are free there, expected at least {self.min_free_mb:g}; "
                f"free some space, choose another disk, or lower min_free_mb"
            )
        infos = [find_stream(**w, timeout_s=self._timeout_s) if isinstance(w, Mapping) else w for w in self._wanted]
        with ExitStack() as undo:
            inlets = []
            for info in infos:
                inlets.append(_connected(info, self._timeout_s))
                undo.callback(inlets[-1][0].close_stream)
            self._file = file = XDFWriter(self.path)
            undo.callback(file.close)
            self._workers = [_Worker(inlet, full, file, self._end) for inlet, full in inlets]
            undo.pop_all()
        for worker in self._workers:
            worker.start()
        self._disk = Thread(target=self._watch_disk, name="disk space", daemon=True)
        self._disk.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for worker in self._workers:
            worker.join()
        if self._disk is not None:
            self._disk.join()
        if self._file is not None:
            self._file.close()
        if error is None:
            self.check()

    def _watch_disk(self) -> None:
        while not self._end.wait(_LOOK_AT_DISK_EVERY_S):
            try:
                free = self.free_mb
            except OSError:
                # The folder is gone, or the disk: whether the file still is, its writing tells.
                continue
            if free < self.min_free_mb:
                self._no_room = StreamError(
                    f"recording to {self.path} stopped after {self.n_bytes} bytes: only {free:.0f} MB are free there, "
                    f"expected at least {self.min_free_mb:g}; what was written is whole and readable: free some space "
                    f"and start a new file"
                )
                self._end.set()


def _connected(info: Any, timeout_s: float) -> tuple[Any, Any]:
    """Open an inlet and fetch the stream's whole description."""
    pylsl = load_pylsl()
    inlet = pylsl.StreamInlet(info, max_buflen=_BUFFER_S, recover=True)
    try:
        full = inlet.info(timeout_s)
        inlet.open_stream(timeout_s)
    except no_answer() as error:
        raise not_connected(info, timeout_s) from error
    return inlet, full


class _Worker(Thread):
    """Pulls one stream and hands it to the file."""

    def __init__(self, inlet: Any, info: Any, file: XDFWriter, end: Event) -> None:
        super().__init__(name=f"record {info.name()}", daemon=True)
        xml = info.as_xml()
        header = parse_header(xml)
        self.error: Exception | None = None
        self._name, self._lsl_type = header.name, header.lsl_type
        self._inlet, self._file, self._end = inlet, file, end
        self._stream_id = file.add_stream(xml)
        self._sfreq, self._watchdog = header.sfreq, Watchdog(header.sfreq)
        self._n_samples, self._n_offsets = 0, 0
        self._first_stamp: float | None = None
        self._last_stamp: float | None = None
        self._longest_gap_s = 0.0

    @property
    def health(self) -> StreamHealth:
        return StreamHealth(
            self._name,
            self._lsl_type,
            self._n_samples,
            self._last_stamp,
            self._n_offsets,
            self._watchdog.state,
            self._sfreq,
            self._effective_sfreq(),
            self._longest_gap_s,
        )

    def _effective_sfreq(self) -> float:
        if self._first_stamp is None or self._last_stamp is None:
            return math.nan
        span = self._last_stamp - self._first_stamp
        return (self._n_samples - 1) / span if span > 0 else math.nan

    def run(self) -> None:
        try:
            self._record()
        except Exception as error:  # kept for the caller, who gets it from check() or at the end
            self.error = error
            self._end.set()
        finally:
            # An inlet that is still open complains when its sender ends, and looks for it for good.
            self._inlet.close_stream()

    def _record(self) -> None:
        next_offset = 0.0
        while not self._end.is_set():
            if time.monotonic() >= next_offset:
                self._measure_clock()
                next_offset = time.monotonic() + _OFFSET_EVERY_S
            if self._take(_PULL_S):
                self._end.wait(_REST_S)
        # What liblsl has already received still belongs to the recording.
        while self._take(0.0):
            pass
        self._measure_clock()

    def _take(self, timeout_s: float) -> bool:
        values, stamps = self._inlet.pull_chunk(
            timeout=timeout_s, max_samples=_LARGEST_CHUNK, min_samples=1, as_numpy=True
        )
        if not len(stamps):
            return False
        self._watchdog.seen()
        self._file.write(self._stream_id, values, stamps)
        self._note(np.asarray(stamps, dtype=np.float64))
        return True

    def _note(self, stamps: npt.NDArray[np.float64]) -> None:
        if self._first_stamp is None:
            self._first_stamp = float(stamps[0])
        if self._last_stamp is not None:
            self._longest_gap_s = max(self._longest_gap_s, float(stamps[0]) - self._last_stamp)
        if len(stamps) > 1:
            self._longest_gap_s = max(self._longest_gap_s, float((stamps[1:] - stamps[:-1]).max()))
        self._n_samples += len(stamps)
        self._last_stamp = float(stamps[-1])

    def _measure_clock(self) -> None:
        try:
            offset = self._inlet.time_correction(2.0)
        except no_answer():
            # The sender is away for now; `health` shows it as lost, and the next measurement is due in 5 s.
            return
        # XDF wants the moment on the sender's clock (xdfwriter.cpp in LabRecorder: now - offset).
        self._file.clock_offset(self._stream_id, local_clock() - offset, offset)
        self._n_offsets += 1
