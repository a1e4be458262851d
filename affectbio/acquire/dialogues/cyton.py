"""OpenBCI Cyton: reset, so that its gains are the profile's, and asked whether a Daisy sits on it.

Words of docs.openbci.com/Cyton/CytonSDK: the board answers a reset with lines about its chips, and ``$$$``; where it is
off, the dongle answers with ``Failure``.
"""

from __future__ import annotations

import asyncio

from affectbio.acquire.dialogues.base import Dialogue
from affectbio.errors import StreamError

__all__ = ["CytonDialogue"]

_START, _STOP, _RESET = b"b", b"s", b"v"
_END = b"$$$"


class CytonDialogue(Dialogue):
    """Reset, check and start; see `affectbio.acquire.dialogues.Dialogue`.

    A board that says nothing of itself is told, and started all the same.
    """

    #: How long frames may still come after a session of another program was stopped, in seconds.
    settle_s = 0.1

    async def open(self) -> None:
        """Reset, check and start; see `affectbio.acquire.dialogues.Dialogue.open`."""
        self.decoder.text = b""
        await self.say(_STOP)
        await asyncio.sleep(self.settle_s)
        self.decoder.text = b""
        await self.say(_RESET)
        try:
            self._check(await self.answer(self._whole, "what it is"))
        except StreamError as error:
            if self.decoder.text:
                raise
            self.tell(f"{error}; started all the same")
        self.decoder.text = None
        await self.say(_START)

    async def close(self) -> None:
        """Stop it."""
        await self.say(_STOP)

    def _whole(self) -> bytes | None:
        text: bytes = self.decoder.text
        return text if _END in text else None

    def _check(self, answer: bytes) -> None:
        text = " ".join(answer.replace(_END, b" ").decode("ascii", "replace").split())
        if "Failure" in text:
            raise StreamError(
                f"the dongle answers, and the board does not ({text}). Is it on (switch at PC), near, and charged?"
            )
        found = "Daisy" in text
        if found != self.decoder.daisy:
            raise StreamError(
                f"expected a Cyton {'with' if self.decoder.daisy else 'without'} a Daisy, found {text!r}; use "
                f"{'openbci-cyton-daisy' if found else 'openbci-cyton'}"
            )
