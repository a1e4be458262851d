"""Bluetooth Low Energy, through bleak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.transport.base import Deliver, Lost
from affectbio.errors import StreamError

__all__ = ["BleTransport"]


class BleTransport:
    """Notifications of some characteristics of one peripheral.

    Parameters
    ----------
    address : str
        Address of the peripheral (on macOS the identifier that the system gives it), or the beginning of its name.
    notify : sequence of str
        Characteristics to listen to, lower case; those that the peripheral lacks are left out. It must have one.
    timeout_s : float
        How long finding and connecting may take, in seconds.
    backend : type, optional
        bleak's backend; the system's if not given.
    """

    def __init__(
        self, address: str, notify: Sequence[str], *, timeout_s: float = 10.0, backend: type[Any] | None = None
    ) -> None:
        self.address, self.notify, self.timeout_s = address, tuple(notify), timeout_s
        self._backend = backend
        self._client: Any = None

    async def open(self, deliver: Deliver, lost: Lost) -> None:
        """Connect; see `affectbio.acquire.transport.Transport`."""
        from bleak import BleakClient
        from bleak.exc import BleakError

        def gone(_client: Any) -> None:
            if self._client is not None:
                self._client = None
                lost("the Bluetooth link broke")

        extra: dict[str, Any] = {} if self._backend is None else {"backend": self._backend}
        try:
            client = BleakClient(await self._find(), disconnected_callback=gone, timeout=self.timeout_s, **extra)
            await client.connect()
            self._client = client
            offered = {c.uuid.lower() for service in client.services for c in service.characteristics}
            if not offered.intersection(self.notify):
                await self.close()
                raise StreamError(
                    f"{self.address} is there, and sends nothing of what is expected; is it another model than the "
                    f"profile's, or in another mode?"
                )
            for uuid in self.notify:
                if uuid in offered:
                    await client.start_notify(uuid, _listener(uuid, deliver))
        except (TimeoutError, BleakError, OSError) as error:
            await self.close()
            raise StreamError(
                f"no Bluetooth link to {self.address}: {error or type(error).__name__}. Is it on, near, charged and "
                f"not connected to a phone or another program?"
            ) from error

    async def _find(self) -> Any:
        if self._backend is not None or _is_address(self.address):
            return self.address
        from bleak import BleakScanner

        found = await BleakScanner.find_device_by_filter(
            lambda device, _: (device.name or "").startswith(self.address), timeout=self.timeout_s
        )
        if found is None:
            raise StreamError(
                f"no Bluetooth device whose name begins with {self.address!r} was seen within {self.timeout_s:g} s. "
                f"Is it on, near, charged and not connected to a phone or another program?"
            )
        return found

    async def write(self, data: bytes, target: str = "") -> None:
        """Write to a characteristic; see `affectbio.acquire.transport.Transport`."""
        from bleak.exc import BleakError

        if self._client is None:
            raise StreamError(f"the Bluetooth link to {self.address} is gone")
        try:
            await self._client.write_gatt_char(target, data, response=True)
        except (BleakError, OSError) as error:
            raise StreamError(f"{self.address} did not take {data.hex(' ')} at {target}: {error}") from error

    async def close(self) -> None:
        """Disconnect; see `affectbio.acquire.transport.Transport`."""
        from bleak.exc import BleakError

        client, self._client = self._client, None
        if client is not None:
            try:
                await client.disconnect()
            except (BleakError, OSError, EOFError) as error:
                raise StreamError(f"the Bluetooth link to {self.address} could not be closed: {error}") from error


def _listener(uuid: str, deliver: Deliver) -> Any:
    def heard(_characteristic: Any, data: bytearray) -> None:
        deliver(bytes(data), uuid, local_clock())

    return heard


def _is_address(text: str) -> bool:
    """Say whether it is AA:BB:CC:DD:EE:FF, or the UUID that macOS gives instead."""
    digits = text.replace(":", "").replace("-", "")
    return len(digits) in (12, 32) and all(d in "0123456789abcdefABCDEF" for d in digits)
