"""A device's samples in a loop, with or without asyncio, and without LSL between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from affectbio.acquire.driver import StreamCounts
from affectbio.acquire.sources import Source, make_source
from affectbio.acquire.transport import Transport
from affectbio.devices import Device, DeviceStream
from affectbio.errors import StreamError, StreamLostError

__all__ = ["DeviceChunk", "DeviceReader", "open_stream"]

# As many packets as a slow reader may lag behind: a minute of a headset. Then samples would be lost in silence.
_LONGEST_QUEUE = 20_000
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class DeviceChunk:
    """Samples that came together.

    Parameters
    ----------
    stream : DeviceStream
        Which of the device's streams.
    data : ndarray, shape (n_chans, n_times)
        In SI units.
    stamps : ndarray, shape (n_times,)
        When each was taken, in seconds on LSL's clock; a step of more than a sample is a gap.
    """

    stream: DeviceStream
    data: npt.NDArray[Any]
    stamps: npt.NDArray[np.float64]


def open_stream(
    device: str | Path | Device, *, address: str | None = None, transport: Transport | None = None, **options: Any
) -> DeviceReader:
    """Read a device, connecting again whenever its link breaks.

    Parameters
    ----------
    device : str, Path or Device
        Name or path of a profile, or a profile. ``"lsl:NAME"``, ``"lsl:type=EEG"`` or ``"lsl:source_id=..."`` is a
        stream that is on LSL already, ``"brainflow:synthetic"`` a board of brainflow, ``"simulated/muse-2"`` a device
        that is not there: see `affectbio.acquire.sources.make_source`.
    address : str, optional
        Where it is; what the profile says if not given.
    transport : Transport, optional
        The link, instead of one made from the profile.
    **options
        Further arguments of `affectbio.acquire.driver.Driver`; for a stream on LSL ``timeout_s`` and ``units``; for a
        simulated device those of `affectbio.acquire.simulate.SimulatedDevice`, such as ``state``.

    Returns
    -------
    DeviceReader
        To be used in ``with`` or ``async with``, and iterated over; a plain ``for`` loop opens it too.

    Raises
    ------
    ConfigError
        If there is no such device, it has no driver, or nobody says where it is.
    StreamError
        If there is no such stream on LSL, or several.
    MissingExtraError
        If brainflow is asked for and not installed.
    DataError
        If the stream on LSL is not one of numbers at a regular rate.

    Examples
    --------
    >>> reader = open_stream("openbci-cyton", address="/dev/ttyUSB0")
    >>> reader.state
    'stopped'
    >>> for chunk in open_stream("simulated/epoc-x", state="stress"):
    ...     break
    >>> chunk.stream.lsl_type, chunk.data.shape
    ('EEG', (14, 1))

    With a Cyton plugged in::

        with open_stream("openbci-cyton", address="/dev/ttyUSB0") as cyton:
            for chunk in cyton:
                print(chunk.stream.lsl_type, chunk.data.shape, chunk.stamps[-1])
    """
    return DeviceReader(device, address=address, transport=transport, **options)


class DeviceReader:
    """What `open_stream` gives: the chunks of a device as they come.

    Iteration goes on through silence and reconnects, and ends at the end of ``with``. A loop over a reader that was not
    opened opens it, and closes it when the loop is left.

    Parameters
    ----------
    device : str, Path or Device
        As for `open_stream`.
    **options
        As for `open_stream`.

    Attributes
    ----------
    device : Device
        Its profile; of a stream on LSL what it says of itself.
    words : list of str
        What was last said of it.
    """

    def __init__(self, device: str | Path | Device, **options: Any) -> None:
        self.words: list[str] = []
        self._driver: Source = make_source(device, [self], **options)
        self.device = self._driver.device
        self._chunks: Queue[DeviceChunk] = Queue(_LONGEST_QUEUE)
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._arrived: asyncio.Event | None = None
        self._opened = False

    @property
    def state(self) -> str:
        """Of the device: ``connecting``, ``streaming``, ``silent``, ``lost`` or ``stopped``."""
        return self._driver.state

    @property
    def counts(self) -> tuple[StreamCounts, ...]:
        """How each stream goes, in the order of the profile."""
        return self._driver.counts

    def push(self, stream: int, data: npt.NDArray[Any], stamps: npt.NDArray[np.float64]) -> None:
        """Take samples from the driver; see `affectbio.acquire.driver.Sink`.

        Raises
        ------
        StreamLostError
            If the reader lags a minute behind: what is more would have to be thrown away.
        """
        if self._chunks.full():
            raise StreamLostError(
                f"{self.device.title}: {_LONGEST_QUEUE} packets wait to be read; expected a reader that keeps up"
            )
        self._chunks.put_nowait(DeviceChunk(self.device.streams[stream], data, stamps))
        if self._arrived is not None:
            self._arrived.set()

    def status(self, text: str, stamp: float) -> None:
        """Take a word from the driver; see `affectbio.acquire.driver.Sink`."""
        self.words = [*self.words, text][-100:]

    def __enter__(self) -> Self:
        self._opened = True
        self._thread = Thread(target=self._run, name=f"affectbio-{self.device.title}", daemon=True)
        self._thread.start()
        return self

    def _run(self) -> None:
        async def work() -> None:
            self._loop = asyncio.get_running_loop()
            await self._driver.run()

        try:
            asyncio.run(work())
        except BaseException as error:
            # Handed to whoever reads next.
            self._error = error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        thread, self._thread = self._thread, None
        if thread is None:
            return
        while self._loop is None and thread.is_alive():
            thread.join(_LOOK_S / 10)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._driver.stop)
        thread.join()
        if error is None and self._error is not None:
            raise self._error

    def __iter__(self) -> Iterator[DeviceChunk]:
        if self._task is not None:
            raise StreamError("the device was opened with `async with`; read it with `async for`")
        if self._opened:
            yield from self._read()
            return
        with self:
            yield from self._read()

    def _read(self) -> Iterator[DeviceChunk]:
        while self._thread is not None:
            try:
                yield self._chunks.get(timeout=_LOOK_S)
            except Empty:
                if self._error is not None:
                    failed, self._error = self._error, None
                    raise failed from None
                if not self._thread.is_alive():
                    return

    async def __aenter__(self) -> Self:
        self._opened, self._arrived = True, asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._driver.run())
        # So that the driver has begun, and stopping it right away ends it.
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        self._driver.stop()
        if task is not None:
            (failed,) = await asyncio.gather(task, return_exceptions=True)
            if error is None and isinstance(failed, BaseException):
                raise failed

    async def __aiter__(self) -> AsyncIterator[DeviceChunk]:
        arrived = self._arrived
        if arrived is None:
            raise StreamError("the device was not opened; use it inside `async with`")
        while self._task is not None:
            if not self._chunks.empty():
                yield self._chunks.get_nowait()
                continue
            if self._task.done():
                return
            arrived.clear()
            waiting = asyncio.ensure_future(arrived.wait())
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
