"""What is said to a device while it is started and stopped, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from affectbio.acquire.transport import Transport
from affectbio.devices import Device
from affectbio.errors import StreamError

__all__ = ["Command", "Dialogue", "Words"]

#: Bytes, and where they go: over Bluetooth a characteristic, else nothing.
Command = tuple[bytes, str]
Found = TypeVar("Found")


class Dialogue:
    """What is said over one connection; as it stands, the commands of `Words` without waiting for an answer.

    Devices that must be asked something have a dialogue of their own, with another `open`.

    Parameters
    ----------
    device : Device
        The profile.
    decoder : Decoder
        Reads what the device sends, its answers too, and keeps those.
    words : Words
        What the device is told.
    transport : Transport
        The link, open.
    which : str
        Which of several devices, where a server has more than one: the beginning of its name.
    tell : callable, optional
        Called with a word on how things are.
    lost : callable, optional
        Called with a reason when the device says that it has gone.
    """

    #: How long the device has for an answer, in seconds.
    timeout_s = 5.0

    def __init__(
        self,
        device: Device,
        decoder: Any,
        words: Words,
        transport: Transport,
        *,
        which: str = "",
        tell: Callable[[str], None] = lambda _text: None,
        lost: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self.device, self.decoder, self.words, self.transport, self.which = device, decoder, words, transport, which
        self.tell, self.lost = tell, lost
        self._arrived = asyncio.Event()

    async def open(self) -> None:
        """Start the device.

        Raises
        ------
        StreamError
            If it refuses, does not answer, or is not what the profile says; the message says what to do.
        """
        for data, target in self.words.starting:
            await self.say(data, target)

    async def close(self) -> None:
        """Stop the device."""
        for data, target in self.words.stopping:
            await self.say(data, target)

    def heard(self) -> None:
        """Be called after each piece of data that the decoder was fed."""
        self._arrived.set()

    async def say(self, data: bytes, target: str = "") -> None:
        """Send a command."""
        await self.transport.write(data, target)

    async def answer(self, found: Callable[[], Found | None], asked: str, timeout_s: float | None = None) -> Found:
        """Wait for an answer.

        Parameters
        ----------
        found : callable
            Looks for the answer among what the decoder keeps, and gives it or None.
        asked : str
            What was asked, for the message of the error.
        timeout_s : float, optional
            How long to wait, in seconds; `timeout_s` of the class if not given.

        Returns
        -------
        object
            What ``found`` gave.

        Raises
        ------
        StreamError
            If there is no answer in that time.
        """
        wait_s = self.timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(wait_s):
                while (answer := found()) is None:
                    self._arrived.clear()
                    await self._arrived.wait()
                return answer
        except TimeoutError as error:
            raise StreamError(f"{self.device.title} does not answer {asked} within {wait_s:g} s") from error


@dataclass(frozen=True, slots=True)
class Words:
    """What a device is told.

    Parameters
    ----------
    starting, stopping, keeping_alive : tuple of (bytes, str)
        Commands in order, each with the characteristic it goes to.
    keep_alive_s : float
        How often the last are said, in seconds; 0 is never.
    dialogue : type of Dialogue
        Who says them, and waits for what must be answered.
    """

    starting: tuple[Command, ...] = ()
    stopping: tuple[Command, ...] = ()
    keeping_alive: tuple[Command, ...] = ()
    keep_alive_s: float = 0.0
    dialogue: type[Dialogue] = Dialogue
