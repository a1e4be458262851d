"""Shimmer3: what it is, how it is set up, and setting it up as the profile says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from affectbio.acquire.decoders.shimmer import CLOCK_HZ, CODES, Inquiry
from affectbio.acquire.dialogues.base import Dialogue
from affectbio.errors import StreamError

__all__ = ["ShimmerDialogue"]

_MODELS = {1: "a Shimmer2", 2: "a Shimmer2r", 3: "a Shimmer3", 10: "a Shimmer3R"}
_SHIMMER3 = 3
_FIRMWARE = {1: "BtStream", 2: "SDLog", 3: "LogAndStream"}
_STREAMING = (1, 3)
# The time in a packet had 16 bits once and has 24 now (READMEs of Shimmer's firmware); no packet says which.
_OLDEST = (0, 7)
# Bits of the command that switches sensors on.
_SENSORS = {"eda": 0x000004, "ppg": 0x000100}
Answer = TypeVar("Answer")


class ShimmerDialogue(Dialogue):
    """Commands and answers of LogAndStream; see `affectbio.acquire.dialogues.Dialogue`.

    A Shimmer3 that is set to another rate, or has other sensors on, is set as the profile says, and this is told.
    """

    #: How long packets may still come after a session of another program was stopped, in seconds.
    settle_s = 0.3

    async def open(self) -> None:
        """Ask, set up and start; see `affectbio.acquire.dialogues.Dialogue.open`."""
        await self.say(bytes([CODES["stop"]]))
        await asyncio.sleep(self.settle_s)
        self.decoder.forget()
        hardware = await self._ask("hardware", lambda: self.decoder.hardware)
        if hardware != _SHIMMER3:
            raise StreamError(
                f"expected a Shimmer3, found {_MODELS.get(hardware, f'model {hardware}')}, whose packets are not known"
            )
        kind, *version = await self._ask("firmware", lambda: self.decoder.firmware)
        named = f"{_FIRMWARE.get(kind, f'firmware {kind}')} {'.'.join(map(str, version))}"
        if kind not in _STREAMING or tuple(version[:2]) < _OLDEST:
            raise StreamError(
                f"{self.device.title} runs {named}; expected LogAndStream {'.'.join(map(str, _OLDEST))} or later, "
                f"which Shimmer's Consensys installs"
            )
        inquiry = await self._set_up(await self._inquire())
        if inquiry.trouble:
            raise StreamError(f"{self.device.title} with {named} is in a mode that is not known: {inquiry.trouble}")
        self.decoder.begin()
        await self._command("start")

    async def close(self) -> None:
        """Stop it."""
        await self.say(bytes([CODES["stop"]]))

    async def _set_up(self, inquiry: Inquiry) -> Inquiry:
        wanted = [stream.key for stream in self.device.streams]
        sfreq = self.device.streams[0].sfreq
        missing = [name for name in wanted if name in _SENSORS and name not in inquiry.sensors]
        parts = round(CLOCK_HZ / sfreq)
        if not missing and round(CLOCK_HZ / inquiry.sfreq if inquiry.sfreq else 0) == parts:
            return inquiry
        bits = sum(_SENSORS.get(name, 0) for name in wanted)
        await self._command("set rate", parts.to_bytes(2, "little"))
        if missing:
            await self._command("set sensors", bits.to_bytes(3, "little"))
            # The light of the pulse sensor has no power otherwise.
            await self._command("set power", b"\x01")
        self.tell(
            f"was set to {inquiry.sfreq:g} Hz with {', '.join(inquiry.sensors) or 'nothing'} on; set to {sfreq:g} Hz"
            + (f" with {', '.join(wanted)}" if missing else "")
        )
        now = await self._inquire()
        missing = [name for name in wanted if name in _SENSORS and name not in now.sensors]
        if missing or abs(now.sfreq - CLOCK_HZ / parts) > 1e-6:
            raise StreamError(
                f"{self.device.title} stays at {now.sfreq:g} Hz with {', '.join(now.sensors) or 'nothing'}, though it "
                f"was told {CLOCK_HZ / parts:g} Hz with {', '.join(wanted)}; is it a GSR+ unit, and not logging?"
            )
        return now

    async def _inquire(self) -> Inquiry:
        self.decoder.inquiry = None
        await self.say(bytes([CODES["inquiry"]]))
        found: Inquiry = await self.answer(lambda: self.decoder.inquiry, "an inquiry")
        return found

    async def _ask(self, name: str, found: Callable[[], Answer | None]) -> Answer:
        await self.say(bytes([CODES[name]]))
        return await self.answer(found, f"what its {name} is")

    async def _command(self, name: str, arguments: bytes = b"") -> None:
        before = self.decoder.n_acknowledged
        await self.say(bytes([CODES[name]]) + arguments)
        await self.answer(lambda: self.decoder.n_acknowledged > before or None, f"the command to {name}")
