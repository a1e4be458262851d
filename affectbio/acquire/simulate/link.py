"""The link to a simulated device: what it sends, packet by packet, and what becomes of it on the way."""

from __future__ import annotations

import asyncio
import heapq
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from affectbio.acquire.decoders import Packet
from affectbio.acquire.driver import Sink
from affectbio.acquire.simulate.source import Simulated
from affectbio.devices import Device
from affectbio.errors import ConfigError, StreamError

__all__ = ["Due", "Link", "LinkFaults", "RelayDecoder"]


@dataclass(frozen=True, slots=True)
class LinkFaults:
    """What a radio link does to packets.

    Parameters
    ----------
    jitter_ms : float
        Mean of the exponential delay of an arrival, in milliseconds; the order is kept.
    loss : float
        Share of the packets that never arrive, 0 to 1.
    gap_every_s, gap_s : float
        How often the link breaks, 0 for never, and how long the device is then out of reach.
    drift_ppm : float
        How much the device's clock is fast, in parts per million: its samples are that much closer together.

    Raises
    ------
    ConfigError
        If one of them makes no sense.
    """

    jitter_ms: float = 0.0
    loss: float = 0.0
    gap_every_s: float = 0.0
    gap_s: float = 1.0
    drift_ppm: float = 0.0

    def __post_init__(self) -> None:
        held = self.jitter_ms >= 0 and 0 <= self.loss < 1 and self.gap_every_s >= 0 and self.gap_s > 0
        if not (held and abs(self.drift_ppm) < 1e5 and (not self.gap_every_s or self.gap_s < self.gap_every_s)):
            raise ConfigError(
                f"{self}; expected jitter_ms >= 0, 0 <= loss < 1, gaps shorter than the time between them, and a drift "
                f"below 100 000 ppm"
            )


class Link:
    """The transport of a device that is not there."""

    def __init__(self) -> None:
        self.away = False
        self.opened = asyncio.Event()
        self._deliver: Callable[[bytes, str, float], None] | None = None
        self._lost: Callable[[str], None] | None = None

    async def open(self, deliver: Callable[[bytes, str, float], None], lost: Callable[[str], None]) -> None:
        """Connect, unless it is out of reach."""
        if self.away:
            raise StreamError("the simulated device is out of reach")
        self._deliver, self._lost = deliver, lost
        self.opened.set()

    async def write(self, data: bytes, target: str = "") -> None:
        """Take what the device is told; it needs to be told nothing."""

    async def close(self) -> None:
        """Disconnect."""
        self._deliver = self._lost = None

    def send(self, data: bytes, source: str, arrival_s: float) -> None:
        """Deliver bytes, if anybody is connected."""
        if self._deliver is not None and not self.away:
            self._deliver(data, source, arrival_s)

    def lose(self) -> None:
        """Go out of reach."""
        self.away = True
        if self._lost is not None:
            self._lost("the simulated device went out of reach")

    def find(self) -> None:
        """Come back within reach."""
        self.away = False


class RelayDecoder:
    """Reads what `_encoded` wrote."""

    n_bad = 0

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Give the packet; see `affectbio.acquire.decoders.Decoder`."""
        number, n_chans = struct.unpack_from("<qq", data)
        samples = np.frombuffer(data, "<f8", offset=16).reshape(n_chans, -1)
        return [Packet(source, samples, None if number < 0 else number)]


def _encoded(number: int | None, counts: npt.NDArray[np.float64]) -> bytes:
    head = struct.pack("<qq", -1 if number is None else number, len(counts))
    return head + np.ascontiguousarray(counts, "<f8").tobytes()


class Due:
    """Packets and truth in the order in which they arrive.

    Parameters
    ----------
    device : Device
        Whose packets.
    link : Link
        What takes them.
    faults : LinkFaults
        What happens to them on the way.
    truth : sequence of Sink
        What takes the truth.
    seed : int
        Of delays and losses.
    """

    def __init__(self, device: Device, link: Link, faults: LinkFaults, truth: Sequence[Sink], seed: int) -> None:
        self._streams, self._link, self._faults, self._truth = device.streams, link, faults, tuple(truth)
        self._slow = 1 + 1e-6 * faults.drift_ppm
        self._rng = np.random.default_rng([seed, 5])
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._last_s = 0.0
        self._gap = 1
        self._held = [np.empty((len(s.channels), 0)) for s in device.streams]
        self._n_packets = [0] * len(device.streams)

    def until(self, stop_s: float) -> Iterator[tuple[float, Callable[[], None]]]:
        """Give what arrives before a time of the session, with its true time since the start."""
        while self._heap and self._heap[0][0] < stop_s:
            at, _, act = heapq.heappop(self._heap)
            yield at / self._slow, act

    def add(self, made: Simulated, start_s: float) -> None:
        """Take a second in: cut it into packets, and say when they arrive."""
        packets = []
        for number, stream in enumerate(self._streams):
            if stream.sfreq:
                packets += self._cut(number, made.data[number])
            else:
                packets += [(t, number, None, made.data[number][:, [i]]) for i, t in enumerate(made.times[number])]
        for taken_s, number, tick, data in sorted(packets, key=lambda packet: packet[:2]):
            if self._rng.uniform() < self._faults.loss:
                continue
            self._last_s = max(self._last_s, taken_s + self._rng.exponential(1e-3 * self._faults.jitter_ms))
            self._push(self._last_s, self._sending(number, tick, data, start_s + self._last_s / self._slow))
        for i, taken_s in enumerate(made.affect_times):
            self._push(taken_s, self._telling(made.affect[:, [i]], np.array([start_s + taken_s / self._slow])))
        for event in made.events:
            self._push(event.time, self._marking(event.name, start_s + event.time / self._slow))
        faults = self._faults
        while faults.gap_every_s and self._gap * faults.gap_every_s < made.stop:
            at = self._gap * faults.gap_every_s
            self._push(at, self._link.lose)
            self._push(at + faults.gap_s, self._link.find)
            self._gap += 1

    def _cut(
        self, number: int, data: npt.NDArray[np.float64]
    ) -> list[tuple[float, int, int | None, npt.NDArray[np.float64]]]:
        stream = self._streams[number]
        held = np.concatenate([self._held[number], data], axis=1)
        packets = []
        for first in range(0, held.shape[1] - stream.packet + 1, stream.packet):
            self._n_packets[number] += 1
            # The last sample of a packet; that is when it can leave.
            taken_s = (self._n_packets[number] * stream.packet - 1) / stream.sfreq
            tick = None
            if stream.wrap is not None:
                ticks = round(taken_s * stream.ticks_hz) if stream.ticks_hz else self._n_packets[number] - 1
                tick = ticks % stream.wrap
            packets.append((taken_s, number, tick, held[:, first : first + stream.packet]))
        self._held[number] = held[:, held.shape[1] // stream.packet * stream.packet :].copy()
        return packets

    def _push(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (at, next(self._order), act))

    def _sending(
        self, number: int, tick: int | None, data: npt.NDArray[np.float64], arrival_s: float
    ) -> Callable[[], None]:
        stream = self._streams[number]
        message = _encoded(tick, data / stream.scale)
        return lambda: self._link.send(message, stream.key, arrival_s)

    def _telling(self, affect: npt.NDArray[np.float64], stamps: npt.NDArray[np.float64]) -> Callable[[], None]:
        def tell() -> None:
            for sink in self._truth:
                sink.push(0, affect, stamps)

        return tell

    def _marking(self, name: str, stamp: float) -> Callable[[], None]:
        def mark() -> None:
            for sink in self._truth:
                sink.status(name, stamp)

        return mark
