"""Serial lines: USB dongles, and the ports that Bluetooth's serial profile (RFCOMM) makes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Thread
from typing import Any

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.transport.base import Deliver, Lost
from affectbio.errors import StreamError

__all__ = ["SerialTransport"]

_WAIT_S = 0.2


class SerialTransport:
    """Bytes of a serial port, as soon as they come.

    Parameters
    ----------
    port : str
        ``"/dev/ttyUSB0"``, ``"COM3"``, ``"/dev/rfcomm0"``, or an URL that pyserial knows.
    baud : int
        Bits per second.

    Notes
    -----
    A thread waits for the port: not every system can wait for a serial port in asyncio's loop.
    """

    def __init__(self, port: str, baud: int = 115_200) -> None:
        self.port, self.baud = port, baud
        self._serial: Any = None
        self._thread: Thread | None = None

    async def open(self, deliver: Deliver, lost: Lost) -> None:
        """Open the port; see `affectbio.acquire.transport.Transport`."""
        import serial

        loop = asyncio.get_running_loop()
        try:
            self._serial = port = await loop.run_in_executor(
                None,
                lambda: serial.serial_for_url(
                    self.port, self.baud, timeout=_WAIT_S, write_timeout=1.0, exclusive=_exclusive(self.port)
                ),
            )
        except (OSError, ValueError) as error:
            raise StreamError(
                f"serial port {self.port} does not open: {error}. Is the device plugged in and on, is no other program "
                f"using it, and may you use it (on Linux: group dialout)?"
            ) from error

        def read() -> None:
            reason = "the port was closed"
            while self._serial is port:
                try:
                    # One byte at least, and then whatever is there: waiting for more would add to the delay.
                    data = port.read(1)
                    data += port.read(port.in_waiting) if data else b""
                except (OSError, TypeError, ValueError) as error:
                    # pyserial raises a TypeError where the port is closed under it.
                    reason = f"serial port {self.port} is gone: {error}"
                    break
                if data:
                    arrival = local_clock()
                    _hand_over(loop, deliver, data, "", arrival)
            if self._serial is port:
                self._serial = None
                port.close()
                _hand_over(loop, lost, reason)

        self._thread = Thread(target=read, name=f"affectbio-{self.port}", daemon=True)
        self._thread.start()

    async def write(self, data: bytes, target: str = "") -> None:
        """Write; see `affectbio.acquire.transport.Transport`."""
        port = self._serial
        if port is None:
            raise StreamError(f"serial port {self.port} is not open")
        try:
            await asyncio.get_running_loop().run_in_executor(None, port.write, data)
        except OSError as error:
            raise StreamError(f"serial port {self.port} did not take {data.hex(' ')}: {error}") from error

    async def close(self) -> None:
        """Close the port; see `affectbio.acquire.transport.Transport`."""
        port, self._serial = self._serial, None
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, thread.join, 5 * _WAIT_S)
        if port is not None:
            port.close()


def _exclusive(port: str) -> bool | None:
    """Keep a second program away where the system can: two readers would each get half of the bytes."""
    import os

    return True if os.name == "posix" and "://" not in port else None


def _hand_over(loop: asyncio.AbstractEventLoop, call: Any, *arguments: Any) -> None:
    with suppress(RuntimeError):  # the loop is closed, and nobody listens any more
        loop.call_soon_threadsafe(call, *arguments)
