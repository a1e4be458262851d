"""Runs one device: connects, reads, stamps and passes on, connects again when the link breaks, and never ends silently.

A driver is a transport, a decoder, a timebase for each stream, and sinks, in one asyncio loop; one loop runs many.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.decoders import Decoder, Packet
from affectbio.acquire.dialogues import Dialogue, Words
from affectbio.acquire.timebase import Timebase
from affectbio.acquire.transport import Transport
from affectbio.devices import Device, DeviceStream
from affectbio.errors import StreamError

__all__ = ["Backoff", "Driver", "Sink", "StreamCounts"]

DriverState = Literal["connecting", "streaming", "silent", "lost", "stopped"]

# A rate is told after this long, if it is this many times the profile's, or less than one in as many. Packets come in
# bursts of up to a second.
_RATE_AFTER_S, _RATE_OFF = 10.0, 1.2
_LOW_BATTERY = 10.0


class Sink(Protocol):
    """Where samples go."""

    def push(self, stream: int, data: npt.NDArray[Any], stamps: npt.NDArray[np.float64]) -> None:
        """Take samples of the profile's stream of that number: SI units, shape (n_chans, n_times), and their times."""
        ...

    def status(self, text: str, stamp: float) -> None:
        """Take a word on how the device is."""
        ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before each attempt to connect again.

    Parameters
    ----------
    first_s, longest_s : float
        The wait doubles from the first to the longest, each time between half of it and all of it by chance, so that
        many devices do not all try at once.
    """

    first_s: float = 0.5
    longest_s: float = 20.0

    def wait_s(self, attempt: int, rng: np.random.Generator) -> float:
        """Give the wait before an attempt, counted from 0, in seconds."""
        return float(min(self.first_s * 2.0 ** min(attempt, 30), self.longest_s) * rng.uniform(0.5, 1.0))


@dataclass(slots=True)
class StreamCounts:
    """How one stream goes.

    Attributes
    ----------
    n_samples, n_lost : int
        Samples of each channel that came, and that are missing among them.
    first_stamp, last_stamp : float
        In seconds on LSL's clock; NaN before the first sample.
    drift_ppm : float
        How much faster this machine's clock runs than the device's, in millionths; NaN while that is not known.
    jitter_ms : float
        Mean distance of an arrival from the time its packet's last sample was stamped with, in milliseconds, over the
        last hundred packets or so.
    n_resets : int
        How often the device's clock began anew.
    """

    n_samples: int = 0
    n_lost: int = 0
    first_stamp: float = math.nan
    last_stamp: float = math.nan
    drift_ppm: float = math.nan
    jitter_ms: float = math.nan
    n_resets: int = 0

    @property
    def effective_sfreq(self) -> float:
        """Samples per second, those that were lost counted in; NaN before there are any to speak of."""
        span = self.last_stamp - self.first_stamp
        return (self.n_samples + self.n_lost - 1) / span if span > 0 else math.nan

    @property
    def loss(self) -> float:
        """Share of the samples that were lost."""
        return self.n_lost / max(1, self.n_lost + self.n_samples)


@dataclass(slots=True)
class _Channel:
    """One stream of a driver at work."""

    number: int
    stream: DeviceStream
    scale: float
    timebase: Timebase | None
    counts: StreamCounts = field(default_factory=StreamCounts)
    # First arrival of the connection, and samples since; infinite once the rate was looked at.
    begun: float = math.nan
    n_since: int = 0


class Driver:
    """One device, from its bytes to the sinks.

    Parameters
    ----------
    device : Device
        Its profile.
    transport : Transport
        The link to it.
    decoder : callable
        Makes a decoder, anew for every connection: what was half read before the link broke is never put together with
        what comes after it.
    words : Words
        What it is told, and how.
    sinks : sequence of Sink
        Where samples go.
    which : str
        Which of several devices, where the link leads to a server: the beginning of its name.
    silent_s, lost_s : float
        After how many seconds without a packet the device is silent, and lost, upon which it is connected to anew.
    backoff : Backoff
        Waits between attempts.
    on_state : callable, optional
        Called with a state and a word of explanation whenever it changes.
    seed : int
        Of the chance in the waits.

    Attributes
    ----------
    state : str
        ``"connecting"``, ``"streaming"``, ``"silent"``, ``"lost"`` or ``"stopped"``.
    counts : tuple of StreamCounts
        How each stream goes.
    battery : float
        In percent; NaN while the device has not said.
    n_connections, n_bad : int
        How often a link was made, and how many packets were damaged.
    """

    def __init__(
        self,
        device: Device,
        transport: Transport,
        decoder: Callable[[], Decoder],
        words: Words,
        sinks: Sequence[Sink],
        *,
        which: str = "",
        silent_s: float = 1.0,
        lost_s: float = 5.0,
        backoff: Backoff | None = None,
        on_state: Callable[[DriverState, str], None] | None = None,
        seed: int = 0,
    ) -> None:
        self.device, self.transport, self.words, self.sinks = device, transport, words, tuple(sinks)
        self.which = which
        self.silent_s, self.lost_s, self.backoff = silent_s, lost_s, backoff or Backoff()
        self.state: DriverState = "stopped"
        self.battery = math.nan
        self.n_connections = self.n_bad = 0
        self._make_decoder, self._on_state = decoder, on_state
        self._decoder: Decoder | None = None
        self._dialogue: Dialogue | None = None
        self._told: set[str] = set()
        self._rng = np.random.default_rng(seed)
        self._channels = {
            stream.key: _Channel(number, stream, stream.scale, _timebase(stream))
            for number, stream in enumerate(device.streams)
        }
        self._heard = math.nan
        self._broken: asyncio.Event | None = None
        self._reason = ""
        self._stop: asyncio.Event | None = None
        self._failed: Exception | None = None

    @property
    def counts(self) -> tuple[StreamCounts, ...]:
        """How each stream goes, in the order of the profile."""
        return tuple(channel.counts for channel in self._channels.values())

    def stop(self) -> None:
        """End `run`, from within the loop."""
        if self._stop is not None:
            self._stop.set()

    async def run(self) -> None:
        """Read the device until `stop`; connect again whenever the link breaks.

        Raises
        ------
        Exception
            What a sink raised: samples that cannot be passed on are not lost in silence.
        """
        self._stop = asyncio.Event()
        attempt = 0
        try:
            while not self._stop.is_set():
                n_before = self.n_connections
                self._change("connecting", f"attempt {attempt + 1}" if attempt else "")
                try:
                    await self._session(self._stop)
                except StreamError as error:
                    self._change("lost", str(error))
                attempt = 0 if self.n_connections > n_before else attempt + 1
                if self._failed is not None:
                    raise self._failed
                if not self._stop.is_set():
                    await _first(self._stop.wait(), asyncio.sleep(self.backoff.wait_s(attempt, self._rng)))
        finally:
            self._change("stopped", "")

    async def _session(self, stop: asyncio.Event) -> None:
        """Read one connection to its end."""
        self._decoder, self._broken, self._heard = self._make_decoder(), asyncio.Event(), local_clock()
        for channel in self._channels.values():
            channel.begun = math.nan
        self._dialogue = dialogue = self.words.dialogue(
            self.device, self._decoder, self.words, self.transport, which=self.which, tell=self._tell, lost=self._break
        )
        helper: asyncio.Task[None] | None = None
        try:
            await self._connect(stop, self._broken, dialogue)
            # A device may have been asked for longer than it may be silent.
            self._heard = local_clock()
            helper = asyncio.get_running_loop().create_task(self._watch())
            await _first(stop.wait(), self._broken.wait(), helper)
            if helper.done() and helper.exception() is not None:
                raise helper.exception() or StreamError("the watch over the device ended")
            if self._broken.is_set() and not stop.is_set():
                self._change("lost", self._reason)
            elif self._failed is None:
                # Also where the end came while it was being started; one that is gone cannot be told.
                with suppress(StreamError):
                    await asyncio.wait_for(dialogue.close(), 2.0)
        except TimeoutError as error:
            raise StreamError(f"{self.device.title} does not answer") from error
        finally:
            self.n_bad += self._decoder.n_bad
            if helper is not None:
                helper.cancel()
                await asyncio.gather(helper, return_exceptions=True)
            await self.transport.close()
            self._flush()

    async def _connect(self, stop: asyncio.Event, broken: asyncio.Event, dialogue: Dialogue) -> None:
        """Open the link and start the stream, unless `stop` comes first, or the link breaks."""

        async def connect() -> None:
            await self.transport.open(self._arrived, self._break)
            await dialogue.open()

        connecting = asyncio.get_running_loop().create_task(connect())
        try:
            await _first(stop.wait(), broken.wait(), connecting)
        finally:
            if not connecting.done():
                connecting.cancel()
                await asyncio.gather(connecting, return_exceptions=True)
            elif not connecting.cancelled():
                connecting.result()
                self.n_connections += 1

    async def _watch(self) -> None:
        """Tell silence from life, and say what keeps the device alive."""
        told = local_clock()
        while True:
            await asyncio.sleep(min(self.silent_s, self.lost_s) / 4)
            idle = local_clock() - self._heard
            if idle > self.lost_s:
                self._break(f"nothing came for {idle:.1f} s")
                return
            if idle > self.silent_s:
                self._change("silent", f"nothing came for {idle:.1f} s")
            if self.words.keep_alive_s and local_clock() - told > self.words.keep_alive_s:
                told = local_clock()
                for data, target in self.words.keeping_alive:
                    await self.transport.write(data, target)

    def _break(self, reason: str) -> None:
        low = self.battery <= _LOW_BATTERY
        self._reason = f"{reason}; its battery was at {self.battery:.0f} %" if low else reason
        if self._broken is not None:
            self._broken.set()

    def _arrived(self, data: bytes, source: str, arrival_s: float) -> None:
        if self._decoder is None or self._failed is not None:
            return
        try:
            for packet in self._decoder.feed(data, source):
                self._pass_on(packet, arrival_s)
            if self._dialogue is not None:
                self._dialogue.heard()
        except Exception as error:
            # A sink's failure ends the driver: run() raises it.
            self._failed = error
            self._break(f"a sink failed: {error}")

    def _pass_on(self, packet: Packet, arrival_s: float) -> None:
        if packet.stream == "battery":
            self.battery = float(packet.data[0, -1])
            if self.battery <= _LOW_BATTERY:
                self._tell_once("battery", f"the battery is at {self.battery:.0f} %")
        channel = self._channels.get(packet.stream)
        if channel is None:
            return
        if len(packet.data) != len(channel.stream.channels):
            self._tell_once(
                f"channels {packet.stream}",
                f"{packet.stream} comes with {len(packet.data)} channels and the profile has "
                f"{len(channel.stream.channels)}: it is left out",
            )
            return
        self._heard = local_clock()
        self._change("streaming", "")
        self._check_rate(channel, packet.data.shape[1], arrival_s)
        data = packet.data * channel.scale
        if channel.timebase is None:
            self._emit(channel, data, np.full(data.shape[1], arrival_s), 0, arrival_s)
            return
        for stamped in channel.timebase.push(data, arrival_s, packet.count if channel.stream.wrap else None):
            self._emit(channel, stamped.data, stamped.stamps, stamped.n_lost, arrival_s)

    def _flush(self) -> None:
        """Pass on what waited for packets that will not come any more."""
        for channel in self._channels.values():
            for stamped in channel.timebase.flush() if channel.timebase is not None and self._failed is None else ():
                self._emit(channel, stamped.data, stamped.stamps, stamped.n_lost, float(stamped.stamps[-1]))

    def _emit(
        self, channel: _Channel, data: npt.NDArray[Any], stamps: npt.NDArray[np.float64], n_lost: int, arrival_s: float
    ) -> None:
        counts = channel.counts
        counts.n_samples, counts.n_lost = counts.n_samples + data.shape[1], counts.n_lost + n_lost
        if math.isnan(counts.first_stamp):
            counts.first_stamp = float(stamps[0])
        counts.last_stamp = float(stamps[-1])
        late_ms = 1e3 * abs(arrival_s - counts.last_stamp)
        counts.jitter_ms = late_ms if math.isnan(counts.jitter_ms) else 0.99 * counts.jitter_ms + 0.01 * late_ms
        if channel.timebase is not None:
            counts.drift_ppm, counts.n_resets = channel.timebase.drift_ppm, channel.timebase.n_resets
        for sink in self.sinks:
            sink.push(channel.number, data, stamps)

    def _check_rate(self, channel: _Channel, n: int, arrival_s: float) -> None:
        sfreq = channel.stream.sfreq
        if not sfreq or math.isinf(channel.begun):
            return
        if math.isnan(channel.begun):
            channel.begun, channel.n_since = arrival_s, 0
            return
        channel.n_since += n
        passed_s = arrival_s - channel.begun
        if passed_s < _RATE_AFTER_S:
            return
        channel.begun, rate = math.inf, channel.n_since / passed_s
        if not 1 / _RATE_OFF <= rate / sfreq <= _RATE_OFF:
            self._tell(
                f"{channel.stream.key} comes at {rate:.4g} Hz where the profile says {sfreq:g}, with "
                f"{100 * channel.counts.loss:.0f} % lost: is it set to another rate, or another model?"
            )

    def _tell_once(self, key: str, text: str) -> None:
        if key not in self._told:
            self._told.add(key)
            self._tell(text)

    def _tell(self, text: str) -> None:
        """Pass a word on that changes no state."""
        for sink in self.sinks:
            sink.status(text, local_clock())
        if self._on_state is not None:
            self._on_state(self.state, text)

    def _change(self, state: DriverState, why: str) -> None:
        if state == self.state and not (state == "connecting" and why):
            return
        self.state = state
        for sink in self.sinks:
            sink.status(f"{state}: {why}" if why else state, local_clock())
        if self._on_state is not None:
            self._on_state(state, why)


def _timebase(stream: DeviceStream) -> Timebase | None:
    if not stream.sfreq:
        return None
    return Timebase(stream.sfreq, stream.wrap, stream.ticks_hz, stream.stamping, stream.reorder_packets)


async def _first(*waits: Any) -> None:
    """Wait until one of them is done, and end the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    given = [task for task, wait in zip(tasks, waits, strict=True) if task is not wait]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in given:
            task.cancel()
        await asyncio.gather(*given, return_exceptions=True)
