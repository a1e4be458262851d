"""Sockets: datagrams, byte streams and WebSockets."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from typing import Any

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.transport.base import Deliver, Lost
from affectbio.errors import StreamError

__all__ = ["TcpTransport", "UdpTransport", "WebSocketTransport"]


class UdpTransport:
    """Datagrams that come to a port of this machine, from whoever sends first after it is opened.

    What comes from another machine is left out: two headsets that send to one port would be mixed into one stream.

    Parameters
    ----------
    port : int
        Where to listen; 0 takes a free one.
    host : str
        Address of this machine to listen at.
    peer : tuple of str and int, optional
        Where `write` sends to; whoever sent last if not given.

    Attributes
    ----------
    address : tuple of str and int
        Where it listens, once open.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", peer: tuple[str, int] | None = None) -> None:
        self.port, self.host = port, host
        self.address = (host, port)
        self._peer = peer
        self._endpoint: asyncio.DatagramTransport | None = None

    async def open(self, deliver: Deliver, lost: Lost) -> None:
        """Listen; see `affectbio.acquire.transport.Transport`."""
        outer, heard = self, ""

        class _Listener(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, sender: tuple[str, int]) -> None:
                nonlocal heard
                heard = heard or sender[0]
                if sender[0] != heard:
                    return
                outer._peer = outer._peer or sender
                deliver(data, f"{sender[0]}:{sender[1]}", local_clock())

            def connection_lost(self, error: Exception | None) -> None:
                if outer._endpoint is not None:
                    outer._endpoint = None
                    lost(f"the socket is gone: {error}")

        try:
            self._endpoint, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                _Listener, local_addr=(self.host, self.port)
            )
        except OSError as error:
            raise StreamError(
                f"cannot listen at UDP port {self.port} of {self.host}: {error}. Is another program listening there?"
            ) from error
        self.address = self._endpoint.get_extra_info("sockname")[:2]

    async def write(self, data: bytes, target: str = "") -> None:
        """Send a datagram; see `affectbio.acquire.transport.Transport`."""
        if self._endpoint is None or self._peer is None:
            raise StreamError(f"UDP port {self.port} has heard nobody whom it could answer")
        self._endpoint.sendto(data, self._peer)

    async def close(self) -> None:
        """Stop listening; see `affectbio.acquire.transport.Transport`."""
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.close()


class TcpTransport:
    """A byte stream from a server.

    Parameters
    ----------
    host : str
        The server.
    port : int
        Its port.
    timeout_s : float
        How long connecting may take, in seconds.
    """

    def __init__(self, host: str, port: int, timeout_s: float = 5.0) -> None:
        self.host, self.port, self.timeout_s = host, port, timeout_s
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, deliver: Deliver, lost: Lost) -> None:
        """Connect; see `affectbio.acquire.transport.Transport`."""
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(self.host, self.port), self.timeout_s)
        except (TimeoutError, OSError) as error:
            raise StreamError(
                f"no server answers at {self.host}:{self.port}: {error or 'timed out'}. Is it running, with a device "
                f"connected?"
            ) from error
        self._writer = writer

        async def read() -> None:
            reason = "the server closed the connection"
            try:
                while data := await reader.read(65_536):
                    deliver(data, "", local_clock())
            except OSError as error:
                reason = f"the connection broke: {error}"
            if self._writer is writer:
                self._writer = None
                writer.close()
                lost(reason)

        self._task = asyncio.get_running_loop().create_task(read())

    async def write(self, data: bytes, target: str = "") -> None:
        """Send; see `affectbio.acquire.transport.Transport`."""
        if self._writer is None:
            raise StreamError(f"the connection to {self.host}:{self.port} is gone")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise StreamError(f"{self.host}:{self.port} did not take {data!r}: {error}") from error

    async def close(self) -> None:
        """Disconnect; see `affectbio.acquire.transport.Transport`."""
        writer, self._writer = self._writer, None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if writer is not None:
            writer.close()
            with suppress(OSError):  # the server may have gone first
                await writer.wait_closed()


class WebSocketTransport:
    """Messages of a WebSocket server.

    Parameters
    ----------
    url : str
        ``"wss://localhost:6868"``.
    certificates : ssl.SSLContext, optional
        Whose certificates are trusted, where the server has one that the system does not know, such as Emotiv's
        launcher. The system's authorities if not given, for ``wss:``.
    timeout_s : float
        How long connecting may take, in seconds.
    """

    def __init__(self, url: str, certificates: ssl.SSLContext | None = None, timeout_s: float = 5.0) -> None:
        self.url, self.certificates, self.timeout_s = url, certificates, timeout_s
        self._socket: Any = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, deliver: Deliver, lost: Lost) -> None:
        """Connect; see `affectbio.acquire.transport.Transport`."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        secure: dict[str, Any] = {} if self.certificates is None else {"ssl": self.certificates}
        # websockets logs every message at level DEBUG, and messages may hold passwords.
        quiet = logging.getLogger(f"{__name__}.quiet")
        quiet.setLevel(logging.INFO)
        try:
            self._socket = socket = await connect(self.url, open_timeout=self.timeout_s, logger=quiet, **secure)
        except ssl.SSLCertVerificationError as error:
            raise StreamError(
                f"the certificate of {self.url} is signed by nobody known here: {error.verify_message}. For Emotiv, "
                f"name its authority's file in AFFECTBIO_CORTEX_CA"
            ) from error
        except (TimeoutError, OSError, WebSocketException, ValueError) as error:
            raise StreamError(f"no server answers at {self.url}: {error}. Is it running?") from error

        async def read() -> None:
            reason = "the server closed the connection"
            try:
                async for message in socket:
                    deliver(message.encode() if isinstance(message, str) else message, "", local_clock())
            except (OSError, WebSocketException) as error:
                reason = f"the connection broke: {error}"
            if self._socket is socket:
                self._socket = None
                lost(reason)

        self._task = asyncio.get_running_loop().create_task(read())

    async def write(self, data: bytes, target: str = "") -> None:
        """Send a text message; see `affectbio.acquire.transport.Transport`."""
        from websockets.exceptions import WebSocketException

        if self._socket is None:
            raise StreamError(f"the connection to {self.url} is gone")
        try:
            await self._socket.send(data.decode())
        except (OSError, WebSocketException) as error:
            raise StreamError(f"{self.url} did not take a message: {error}") from error

    async def close(self) -> None:
        """Disconnect; see `affectbio.acquire.transport.Transport`."""
        socket, self._socket = self._socket, None
        task, self._task = self._task, None
        if socket is not None:
            await socket.close()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
