"""When samples were taken, from the number or the time a packet carries and the moment it arrived.

A gap stays a gap: no sample is invented for one that was lost, and none after it is shifted.
"""

from __future__ import annotations

import math
from bisect import insort
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.acquire.clock import EnvelopeClock, RegressionClock

__all__ = ["Counter", "Reorder", "Stamped", "TimeOrder", "Timebase"]

Method = Literal["envelope", "regression"]

# Stamps that would stand still or go back move on by this much instead.
_TICK_S = 1e-6
# No link holds packets back for longer; after such a silence they are lost.
_SILENT_S = 2.0
# Where nothing is numbered, packets that are all later than this, for so long, were not held up: others are missing.
_LATE_S, _LATE_FOR_S = 0.05, 1.0


class Counter:
    """The true number behind a counter that wraps.

    Parameters
    ----------
    wrap : int
        How many counts there are: 256 for a counter of 8 bits.
    rate : float
        Counts per second, nominal.
    depth : int
        By how many counts one packet may overtake another.

    Attributes
    ----------
    restarted : bool
        Whether the last count cannot be a continuation, whatever was lost: the device began anew.

    Raises
    ------
    ValueError
        If the counter has no width or no rate.

    Notes
    -----
    A link may hold packets back and deliver them in a rush; so within 2 s a counter is taken to have wrapped as seldom
    as it can, and only after a longer silence as often as the time says. Where a count is further than 2 s from what
    that time says, the device has begun anew, and numbers go on as if nothing was missing but the time.

    Examples
    --------
    >>> counter = Counter(wrap=256, rate=10)
    >>> [counter.unwrap(count, t) for count, t in ((254, 0.0), (255, 0.1), (1, 0.3), (10, 26.8))]
    [254, 255, 257, 522]
    """

    def __init__(self, wrap: int, rate: float, depth: int = 0) -> None:
        if wrap < 2 or not rate > 0:
            raise ValueError(f"expected at least two counts at a positive rate; found wrap={wrap} and rate={rate}")
        self.wrap, self.rate, self.depth = wrap, rate, depth
        self.restarted = False
        self._last: int | None = None
        self._at = math.nan
        # What the device's count was set back by when it began anew.
        self._base = 0

    def unwrap(self, count: int, arrival_s: float) -> int:
        """Give the true number of a count.

        Parameters
        ----------
        count : int
            From the packet; taken modulo ``wrap``.
        arrival_s : float
            When it arrived, in seconds.

        Returns
        -------
        int
            Higher than the last by as many as the counter went on; not higher for a packet that was overtaken, or came
            twice.
        """
        self.restarted = False
        if self._last is None:
            self._last, self._at = count % self.wrap, arrival_s
            return self._last
        passed_s = arrival_s - self._at
        expected = passed_s * self.rate
        step = (count + self._base - self._last) % self.wrap
        if self.wrap - step <= self.depth and expected < self.wrap:
            return self._last + step - self.wrap
        if passed_s > _SILENT_S:
            step += self.wrap * max(0, round((expected - step) / self.wrap))
        if step > expected + self.rate * _SILENT_S + 2 or step < 0.9 * expected - self.rate * _SILENT_S - 2:
            self.restarted = True
            step = max(1, round(expected))
            self._base = (self._last + step - count) % self.wrap
        if step:
            self._last, self._at = self._last + step, arrival_s
        return self._last


class Reorder:
    """Packets in the order of their numbers, where a network may let one overtake another.

    Parameters
    ----------
    depth : int
        How many packets may be held back for one that is missing; then it is lost.

    Examples
    --------
    >>> reorder = Reorder(depth=2)
    >>> [reorder.push(n, n) for n in (1, 3, 2, 5, 6, 7, 4)]
    [[1], [], [2, 3], [], [], [5, 6, 7], []]
    """

    def __init__(self, depth: int = 4) -> None:
        self.depth = depth
        self._held: dict[int, Any] = {}
        self._next: int | None = None

    def push(self, number: int, packet: Any) -> list[Any]:
        """Take a packet in and give those whose turn it is.

        Parameters
        ----------
        number : int
            Its number, from `Counter.unwrap`.
        packet : object
            The packet.

        Returns
        -------
        list
            Packets in order. One that comes after its turn, or twice, is dropped.
        """
        if self._next is None:
            self._next = number
        if number < self._next or number in self._held:
            return []
        self._held[number] = packet
        if len(self._held) > self.depth:
            self._next = min(self._held)
        ready = []
        while self._next in self._held:
            ready.append(self._held.pop(self._next))
            self._next += 1
        return ready

    def flush(self) -> list[Any]:
        """Give all that is held back, in order: nothing more will come before it."""
        rest = [self._held[n] for n in sorted(self._held)]
        self._held, self._next = {}, None
        return rest


class TimeOrder:
    """Packets in the order of the device's time that they carry, where there is no number to tell what comes next.

    Parameters
    ----------
    depth : int
        How many packets may be held back for one that is missing; then it is lost.

    Notes
    -----
    A packet is next if it begins where the last one ended, to half its length.

    Examples
    --------
    >>> order = TimeOrder(depth=2)
    >>> [order.push(time_s, 1.0, time_s) for time_s in (1.0, 3.1, 2.0, 5.0, 6.0, 7.0, 4.0)]
    [[1.0], [], [2.0, 3.1], [], [], [5.0, 6.0, 7.0], []]
    """

    def __init__(self, depth: int = 4) -> None:
        self.depth = depth
        self._held: list[tuple[float, int, float, Any]] = []
        self._last: float | None = None
        self._n = 0

    def push(self, time_s: float, length_s: float, packet: Any) -> list[Any]:
        """Take a packet in and give those whose turn it is.

        Parameters
        ----------
        time_s, length_s : float
            The device's time of its end, and how long it is, in seconds.
        packet : object
            The packet.

        Returns
        -------
        list
            Packets in order. One that comes after its turn, or twice, is dropped.
        """
        if (self._last is not None and time_s <= self._last) or any(time_s == held[0] for held in self._held):
            return []
        # The running number keeps packets themselves out of the comparison.
        insort(self._held, (time_s, self._n, length_s, packet))
        self._n += 1
        ready = []
        while self._held and (len(self._held) > self.depth or self._follows(*self._held[0])):
            self._last, _, _, packet = self._held.pop(0)
            ready.append(packet)
        return ready

    def flush(self) -> list[Any]:
        """Give all that is held back, in order: nothing more will come before it."""
        rest = [packet for _, _, _, packet in self._held]
        self._held, self._last = [], None
        return rest

    def _follows(self, time_s: float, _number: int, length_s: float, _packet: Any) -> bool:
        return self._last is None or time_s - 1.5 * length_s <= self._last


class Stamped(NamedTuple):
    """Samples of one packet with their times.

    Parameters
    ----------
    data : ndarray, shape (n_chans, n_times)
        The samples.
    stamps : ndarray, shape (n_times,)
        When each was taken, in seconds on the host's clock, rising; with the link's least delay in it.
    n_lost : int
        Samples of each channel that are missing between the packet before and this one; below 0 where some that were
        taken for lost, of a stream without numbers, had only been held up.
    """

    data: npt.NDArray[Any]
    stamps: npt.NDArray[np.float64]
    n_lost: int


class Timebase:
    """Stamps the packets of one stream: counts the lost ones, and gives every sample its time.

    Parameters
    ----------
    sfreq : float
        Nominal rate in Hz.
    wrap : int, optional
        How many values the counter or clock in the packet has, ``2**16`` for one of 16 bits; without one, nothing tells
        that a packet was lost.
    ticks_hz : float, optional
        Rate of a device's own clock: what the packet carries is a time. If not given, it is a count of packets.
    method : {"envelope", "regression"}
        How device time becomes host time: see `EnvelopeClock` and `RegressionClock`.
    depth : int
        Packets held back for one that was overtaken, whether they carry a number or a time; 0 where the link keeps the
        order, as Bluetooth and serial lines do.

    Attributes
    ----------
    n_samples, n_lost : int
        Samples of each channel that came, and that are missing among them.

    Raises
    ------
    ValueError
        If the rate or the method makes no sense, or a clock has no width.

    Notes
    -----
    Where packets carry neither number nor time, a loss shows only in that all later ones come late. If none within a
    second (or four packets) came less than 50 ms after it was due, as many packets as fit into the least delay are
    taken for lost, and stamps go on where they belong; samples between the loss and its finding are stamped early by
    what was lost. Should a packet then arrive before it can have been taken, the link had only held the others up: the
    count goes back, and stamps wait. ``tests/benchmarks`` measures what that gives and costs.

    Examples
    --------
    >>> import numpy as np
    >>> timebase = Timebase(sfreq=256, wrap=2**16)
    >>> for count, arrival in ((0, 10.05), (1, 10.09), (3, 10.19)):
    ...     (packet,) = timebase.push(np.zeros((4, 12)), arrival, count)
    >>> packet.n_lost, timebase.n_samples, float(np.round(packet.stamps[-1] - 10.05, 3))
    (12, 36, 0.134)
    """

    def __init__(
        self,
        sfreq: float,
        wrap: int | None = None,
        ticks_hz: float | None = None,
        method: Method = "envelope",
        depth: int = 0,
    ) -> None:
        if not sfreq > 0 or method not in ("envelope", "regression"):
            raise ValueError(f"expected a rate and 'envelope' or 'regression'; found {sfreq!r} Hz and {method!r}")
        if wrap is None and ticks_hz:
            raise ValueError(f"a device's clock of {ticks_hz:g} Hz needs its wrap: how many values it has")
        if depth and wrap is None:
            raise ValueError(f"only packets with a number or a time can be put in order; found depth={depth}")
        self.sfreq, self.wrap, self.ticks_hz, self.depth = float(sfreq), wrap, ticks_hz, depth
        self.n_samples = self.n_lost = 0
        self._clock: EnvelopeClock | RegressionClock = EnvelopeClock() if method == "envelope" else RegressionClock()
        self._reorder = Reorder(depth) if depth and not ticks_hz else None
        self._by_time = TimeOrder(depth) if depth and ticks_hz else None
        self._counter: Counter | None = None
        # Number and device time of the last packet, when it arrived, and the last stamp given.
        self._number: int | None = None
        self._device_s = 0.0
        self._arrival_s = math.nan
        self._stamp = -math.inf
        # Where nothing is numbered: the time that must be missing, which clocks are not told of, so that the device's
        # time never goes back; and how late the quickest packet was since when.
        self._shift_s, self._offset = 0.0, math.nan
        self._quickest_s, self._since = math.inf, math.nan

    @property
    def drift_ppm(self) -> float:
        """How much faster the host's clock runs than the device's, in millionths; NaN while that is not known."""
        return self._clock.drift_ppm

    @property
    def n_resets(self) -> int:
        """How often the device's clock began anew: it restarted, or one of the clocks jumped."""
        return self._clock.n_resets

    def push(self, data: npt.NDArray[Any], arrival_s: float, count: int | None = None) -> list[Stamped]:
        """Take a packet in and give those that can be stamped.

        Parameters
        ----------
        data : ndarray, shape (n_chans, n_times)
            Its samples, at least one.
        arrival_s : float
            When it arrived, in seconds on the host's clock.
        count : int, optional
            Its number, or the device's time of its last sample in ticks; needed if ``wrap`` was given.

        Returns
        -------
        list of Stamped
            One; none for a packet that comes twice or too late, and none or several where some were overtaken.

        Raises
        ------
        ValueError
            If there is no sample, or no count where one is needed.
        """
        n = data.shape[1]
        if n < 1 or (count is None) != (self.wrap is None):
            raise ValueError(f"expected samples and {self._expected()}; found {n} samples and count {count!r}")
        if count is None:
            return [self._uncounted(data, arrival_s)]
        if self._counter is None:
            behind = self.depth if self.ticks_hz is None else round(self.depth * n / self.sfreq * self.ticks_hz)
            self._counter = Counter(self.wrap or 0, self.ticks_hz or self.sfreq / n, behind)
        number = self._counter.unwrap(count, arrival_s)
        if self._counter.restarted:
            self._clock.reset()
        ready = [(number, data, arrival_s)]
        if self._reorder is not None:
            ready = self._reorder.push(number, ready[0])
        elif self._by_time is not None and self.ticks_hz:
            ready = self._by_time.push(number / self.ticks_hz, n / self.sfreq, ready[0])
        return [self._counted(*packet) for packet in ready if self._number is None or packet[0] > self._number]

    def flush(self) -> list[Stamped]:
        """Give the packets that waited for one that was overtaken, where the link ends: nothing more will come.

        Returns
        -------
        list of Stamped
            None where the link keeps the order.
        """
        order = self._reorder or self._by_time
        return [self._counted(*packet) for packet in order.flush()] if order is not None else []

    def _expected(self) -> str:
        return "no count" if self.wrap is None else f"a count below {self.wrap}"

    def _counted(self, number: int, data: npt.NDArray[Any], arrival_s: float) -> Stamped:
        n = data.shape[1]
        if self.ticks_hz is None:
            device_s, spacing_s = (number + 1) * n / self.sfreq, 1 / self.sfreq
            n_lost = 0 if self._number is None else (number - self._number - 1) * n
        else:
            device_s, spacing_s = number / self.ticks_hz, 1 / self.sfreq
            n_lost = 0
            if self._number is not None:
                passed = device_s - self._device_s
                n_lost = max(0, round(passed * self.sfreq) - n)
                if not n_lost:
                    spacing_s = passed / n
        self._number = number
        return self._stamped(data, arrival_s, device_s, spacing_s, n_lost)

    def _uncounted(self, data: npt.NDArray[Any], arrival_s: float) -> Stamped:
        n, n_lost = data.shape[1], 0
        silent_s = arrival_s - self._arrival_s
        if silent_s > _SILENT_S:
            n_lost = max(0, round(silent_s * self.sfreq) - n)
        device_s = self._device_s + (n + n_lost) / self.sfreq
        if n_lost:
            self._quickest_s, self._since = math.inf, arrival_s
            found = 0
        else:
            found = self._missing(n, arrival_s, arrival_s - self._shift_s - device_s - self._offset)
            self._shift_s += found / self.sfreq
        return self._stamped(data, arrival_s, device_s, 1 / self.sfreq, n_lost + found)

    def _missing(self, n: int, arrival_s: float, late_s: float) -> int:
        """Say how many samples must be missing before a packet without a number; or, below 0, were not after all."""
        length_s, found = n / self.sfreq, 0
        self._quickest_s = min(self._quickest_s, late_s)
        if late_s < -length_s / 2 and self._shift_s > 0:
            found = -min(n * math.ceil(-late_s / length_s), round(self._shift_s * self.sfreq))
        elif arrival_s - self._since < max(_LATE_FOR_S, 4 * length_s):
            return 0
        elif _LATE_S < self._quickest_s < math.inf:
            # What is left over is what held up the quickest itself.
            found = n * math.floor(self._quickest_s / length_s + 0.25)
        self._quickest_s, self._since = math.inf, arrival_s
        return found

    def _stamped(
        self, data: npt.NDArray[Any], arrival_s: float, device_s: float, spacing_s: float, n_lost: int
    ) -> Stamped:
        n = data.shape[1]
        self._offset = self._clock.update(device_s, arrival_s - self._shift_s)
        last = device_s + self._shift_s + self._offset
        stamps = last - spacing_s * np.arange(n - 1, -1, -1)
        if stamps[0] <= self._stamp:
            # The first seconds find quicker packets, and so earlier stamps; a clock that jumped may have gone back.
            stamps = np.maximum(stamps, self._stamp + _TICK_S * np.arange(1, n + 1))
        self._device_s, self._arrival_s, self._stamp = device_s, arrival_s, float(stamps[-1])
        self.n_samples, self.n_lost = self.n_samples + n, self.n_lost + n_lost
        return Stamped(data, stamps, n_lost)
