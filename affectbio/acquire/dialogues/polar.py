"""Polar sensors: each measurement is asked for its settings, started with those of the profile, and its answer read."""

from __future__ import annotations

from affectbio.acquire.decoders import polar
from affectbio.acquire.dialogues.base import Dialogue
from affectbio.devices import DeviceStream
from affectbio.errors import StreamError

__all__ = ["PolarDialogue"]

# Widest ranges that hold everyday movement: 8 g, 2000 deg/s.
_RANGE = {"acc": 8, "gyro": 2000}
_MEASURED = ("ecg", "ppg", "acc", "gyro", "mag", "ppi")


class PolarDialogue(Dialogue):
    """The control point of Polar Measurement Data; see `affectbio.acquire.dialogues.Dialogue`.

    A stream that the sensor does not have is told and left out; one that it refuses for another reason, such as that it
    is in its charger, is an error. Intervals between beats (``"ppi"``) are left out where the sensor refuses them in
    its present state, for it measures them in some modes only.
    """

    async def open(self) -> None:
        """Start the streams of the profile; see `affectbio.acquire.dialogues.Dialogue.open`."""
        wanted = [stream for stream in self.device.streams if stream.key in _MEASURED]
        started = [stream.key for stream in wanted if await self._start(stream)]
        if wanted and not started:
            raise StreamError(
                f"{self.device.title} has none of {', '.join(s.key for s in wanted)}; is it another model?"
            )

    async def close(self) -> None:
        """Stop them."""
        for stream in self.device.streams:
            answer = self.decoder.answers.get((2, stream.key))
            if answer is not None and answer[3] == 0:
                await self.say(polar.stop_command(stream.key), polar.CONTROL)

    def heard(self) -> None:
        """Look whether the sensor stopped a stream by itself."""
        super().heard()
        stopped, self.decoder.stopped = self.decoder.stopped, []
        if stopped:
            self.lost(f"the sensor stopped {', '.join(stopped)}: is its battery low, is it in its charger, is it worn?")

    async def _start(self, stream: DeviceStream) -> bool:
        key = stream.key
        offered: dict[str, list[float]] = {}
        if key != "ppi":
            answer = await self._ask(polar.settings_command(key), key)
            if answer[3] in polar.UNKNOWN:
                return self._left_out(answer)
            offered = self._read(answer)
        command = polar.start_command(key, **self._choose(stream, offered))
        answer = await self._ask(command, key)
        if answer[3] == polar.ALREADY:
            # Left running by a program that ended without a word; with what settings is not known.
            await self._ask(polar.stop_command(key), key)
            answer = await self._ask(command, key)
        if answer[3] and (key == "ppi" or answer[3] in polar.UNKNOWN):
            return self._left_out(answer)
        self._read(answer)
        return True

    async def _ask(self, command: bytes, key: str) -> bytes:
        place = (command[0], key)
        self.decoder.answers.pop(place, None)
        await self.say(command, polar.CONTROL)
        asked = f"command {command[0]} on {key} at its control point"
        return await self.answer(lambda: self.decoder.answers.get(place), asked)

    def _read(self, answer: bytes) -> dict[str, list[float]]:
        try:
            return polar.settings(answer)[1]
        except ValueError as error:
            raise StreamError(f"{self.device.title}: {error}") from error

    def _left_out(self, answer: bytes) -> bool:
        try:
            polar.settings(answer)
        except ValueError as error:
            self.tell(f"left out: {error}")
        return False

    def _choose(self, stream: DeviceStream, offered: dict[str, list[float]]) -> dict[str, int]:
        """Choose among what is offered: the profile's rate and channels, the finest resolution, the range above."""
        must = {"sfreq": round(stream.sfreq), "channels": len(stream.channels)}
        chosen: dict[str, int] = {}
        for name in ("sfreq", "bits", "range", "channels"):
            values = [int(value) for value in offered.get(name, [])]
            if not values:
                continue
            wanted = must.get(name, max(values)) if name != "range" else _RANGE.get(stream.key, max(values))
            if name in must and wanted not in values:
                raise StreamError(
                    f"{self.device.title} offers {stream.key} with {name} {', '.join(map(str, values))}, not the "
                    f"profile's {wanted}; choose one of these in a profile of your own"
                )
            chosen[name] = wanted if wanted in values else max(values)
        return chosen
