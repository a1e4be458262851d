"""What every transport does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Transport"]

#: Called with bytes, where they came from, and when they arrived in seconds on LSL's clock.
Deliver = Callable[[bytes, str, float], None]
#: Called once with what happened, when the link is gone.
Lost = Callable[[str], None]


class Transport(Protocol):
    """A link to one device, in an asyncio loop. May be opened again after it was closed."""

    async def open(self, deliver: Deliver, lost: Lost) -> None:
        """Connect.

        Parameters
        ----------
        deliver : callable
            Called in the loop's thread with whatever arrives.
        lost : callable
            Called in the loop's thread once the link is gone, not for `close`.

        Raises
        ------
        StreamError
            If the device cannot be reached; the message says what to do.
        """
        ...

    async def write(self, data: bytes, target: str = "") -> None:
        """Send bytes, over Bluetooth to a characteristic.

        Raises
        ------
        StreamError
            If the link is gone.
        """
        ...

    async def close(self) -> None:
        """Disconnect. Does nothing if there is no link."""
        ...
