"""The Empatica E4 streaming server: which E4 it has, binding to it, and its streams.

Words of developer.empatica.com, windows-streaming-server-commands (January 2019).
"""

from __future__ import annotations

from affectbio.acquire.dialogues.base import Dialogue
from affectbio.errors import StreamError

__all__ = ["E4Dialogue"]

_STREAMS = {"ppg": "bvp", "eda": "gsr", "temperature": "tmp", "acc": "acc", "rr": "ibi"}


class E4Dialogue(Dialogue):
    """One connection to the server, bound to one E4; see `affectbio.acquire.dialogues.Dialogue`."""

    async def open(self) -> None:
        """Bind to an E4 and subscribe; see `affectbio.acquire.dialogues.Dialogue.open`."""
        name = self._choose(await self._ask("device_list"))
        self._must("device_connect", await self._ask(f"device_connect {name}", "device_connect"))
        # Held back until everything is subscribed to, so that all streams begin together.
        self._must("pause", await self._ask("pause ON", "pause"))
        for stream in self._streams():
            command = f"device_subscribe {stream}"
            self._must(command, await self._ask(f"{command} ON", command))
        self._must("pause", await self._ask("pause OFF", "pause"))

    async def close(self) -> None:
        """Give the E4 back to the server."""
        for stream in self._streams():
            await self.say(f"device_subscribe {stream} OFF\r\n".encode())
        await self.say(b"device_disconnect\r\n")

    def heard(self) -> None:
        """Look whether the server says that it has lost the E4."""
        super().heard()
        for line in self.decoder.answers:
            if line.startswith("R connection lost to device") or "turned off via button" in line:
                self.lost(f"the server says: {line[2:]}")
            elif line.startswith("R connection re-established"):
                self.tell(line[2:])
            else:
                continue
            self.decoder.answers = [other for other in self.decoder.answers if other is not line]

    def _streams(self) -> list[str]:
        return [_STREAMS[stream.key] for stream in self.device.streams if stream.key in _STREAMS]

    async def _ask(self, request: str, answered: str = "") -> str:
        head = f"R {answered or request} "

        def found() -> str | None:
            for line in self.decoder.answers:
                if f"{line} ".startswith(head):
                    self.decoder.answers = [other for other in self.decoder.answers if other is not line]
                    return str(line[len(head) :])
            return None

        found()
        await self.say(f"{request}\r\n".encode())
        return await self.answer(found, request)

    def _must(self, command: str, answer: str) -> None:
        word, _, reason = answer.partition(" ")
        if word not in ("OK", "ON", "OFF"):
            raise StreamError(f"the E4 streaming server refused {command}: {reason or answer}")

    def _choose(self, listed: str) -> str:
        number, *found = (part.strip() for part in listed.split("|"))
        names = [entry.split()[0] for entry in found if entry]
        if not number.isdecimal() or int(number) != len(names):
            raise StreamError(f"expected a list of devices from the E4 streaming server, found {listed!r}")
        if not names:
            raise StreamError(
                "the E4 streaming server has no E4: is one on, near, and registered with its API key? With 'Manual "
                "BTLE' in its settings, connect it there"
            )
        fitting = [name for name in names if name.startswith(self.which)]
        if len(fitting) != 1:
            wanted = f"E4 {self.which!r} is not one of those" if self.which else "expected one E4, or a choice"
            raise StreamError(
                f"{wanted} that the streaming server has: {', '.join(names)}; give its address as host:port/{names[0]}"
            )
        return fitting[0]
