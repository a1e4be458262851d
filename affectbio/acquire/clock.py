"""From a device's clock to the host's, when all that is known is when its packets arrived.

A radio delays packets, loses some and delivers others in a rush, so the moment of arrival says little about a sample;
but no packet arrives before it was taken. `EnvelopeClock` lays the line under all arrivals that none crosses and that
lies as near as it can (Moon, Skelly & Towsley, Estimation and removal of clock skew from network delay measurements,
INFOCOM 1999): packets that waited never pull it. The least delay of the link is part of every stamp; no one-way method
sees it.
"""

from __future__ import annotations

import math
from collections import deque

__all__ = ["EnvelopeClock", "RegressionClock"]

# Least delays kept, one a second: with fewer there is no line to speak of.
_FEWEST = 10


class EnvelopeClock:
    """From a device's time to the host's, by the line under the delays.

    Parameters
    ----------
    window_s : float
        How far back the line looks, in seconds. A lasting change of the link's least delay is followed within this.
    max_ppm : float
        No device's clock is further off than this, in millionths.
    slew : float
        How fast the offset may move, in seconds per second: stamps stay smooth where the line is laid anew.
    late_s, patience_s : float
        Packets that are all later than ``late_s`` for ``patience_s`` come from a clock that jumped, not from a queue.
    early_s : float
        A packet that arrives so much before it was taken comes from a clock that jumped.

    Attributes
    ----------
    drift_ppm : float
        How much faster the host's clock runs than the device's, in millionths; NaN in the first seconds.
    n_resets : int
        How often the clock began anew.

    Notes
    -----
    Of each second only the least delay is kept, so memory is that of ``window_s`` points; the line is laid anew once a
    second in O(window_s), and a packet costs O(1).

    Examples
    --------
    A device that is 100 ppm slow and a link that takes 8 ms or more:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> clock = EnvelopeClock()
    >>> for taken in np.arange(0, 300, 0.05):
    ...     stamp = taken * (1 - 1e-4) + clock.update(taken * (1 - 1e-4), taken + 0.008 + rng.exponential(0.02))
    >>> round(float(stamp - taken), 3), round(clock.drift_ppm)
    (0.008, 100)
    """

    def __init__(
        self,
        window_s: int = 120,
        max_ppm: float = 300.0,
        slew: float = 1e-3,
        late_s: float = 0.5,
        patience_s: float = 10.0,
        early_s: float = 0.1,
    ) -> None:
        self.window_s, self.max_slope, self.slew = window_s, 1e-6 * max_ppm, slew
        self.late_s, self.patience_s, self.early_s = late_s, patience_s, early_s
        self.n_resets = 0
        self._begin()

    def _begin(self) -> None:
        # Device time and delay (with the offset of the clocks in it) of the quickest packet of each second.
        self._least: deque[tuple[float, float]] = deque(maxlen=self.window_s)
        self._second = math.nan
        self._quickest: tuple[float, float] | None = None
        self._line: tuple[float, float, float] | None = None
        self._offset = self._last = math.nan
        self._late_since = math.nan

    def reset(self) -> None:
        """Begin anew: the device's clock has nothing to do with what it was."""
        self.n_resets += 1
        self._begin()

    @property
    def drift_ppm(self) -> float:
        """How much faster the host's clock runs than the device's, in millionths; NaN while that is not known."""
        return 1e6 * self._line[2] if self._line else math.nan

    def update(self, device_s: float, arrival_s: float) -> float:
        """Take a packet in and give what to add to its device time.

        Parameters
        ----------
        device_s : float
            Device time of the packet's last sample in seconds, rising from call to call.
        arrival_s : float
            When it arrived, in seconds on the host's clock.

        Returns
        -------
        float
            Seconds from the device's clock to the host's, at that time.
        """
        delay = arrival_s - device_s
        if self._jumped(device_s, delay):
            self.reset()
        self._keep(device_s, delay)
        wanted = self._under(device_s)
        if math.isnan(self._offset):
            self._offset = wanted
        elif self._line is None:
            self._offset = min(self._offset, wanted)
        else:
            step = self.slew * (device_s - self._last)
            # No packet arrives before it was taken.
            self._offset += min(max(min(wanted, delay) - self._offset, -step), step)
        self._last = device_s
        return self._offset

    def _jumped(self, device_s: float, delay: float) -> bool:
        if math.isnan(self._offset):
            return False
        late = delay - self._offset
        if device_s <= self._last or (self._line and late < -self.early_s):
            return True
        if late < self.late_s:
            self._late_since = math.nan
            return False
        if math.isnan(self._late_since):
            self._late_since = device_s
        return device_s - self._late_since > self.patience_s

    def _keep(self, device_s: float, delay: float) -> None:
        if self._quickest is None or device_s - self._second >= 1.0:
            if self._quickest is not None:
                self._least.append(self._quickest)
                self._line = self._lay()
            self._second, self._quickest = device_s, (device_s, delay)
        elif delay < self._quickest[1]:
            self._quickest = (device_s, delay)

    def _under(self, device_s: float) -> float:
        if self._line is None:
            points = [*self._least, self._quickest] if self._quickest else self._least
            return min(delay for _, delay in points)
        at, delay, slope = self._line
        return delay + slope * (device_s - at)

    def _lay(self) -> tuple[float, float, float] | None:
        """Give the edge of the lower convex hull over the middle of all points: of all lines under them the nearest."""
        if len(self._least) < _FEWEST:
            return None
        hull: list[tuple[float, float]] = []
        for x, y in self._least:
            while len(hull) > 1 and _turns_down(hull[-2], hull[-1], (x, y)):
                hull.pop()
            hull.append((x, y))
        middle = sum(x for x, _ in self._least) / len(self._least)
        i = next(i for i, (x, _) in enumerate(hull[1:]) if x >= middle)
        (x0, y0), (x1, y1) = hull[i], hull[i + 1]
        slope = min(max((y1 - y0) / (x1 - x0), -self.max_slope), self.max_slope)
        return x0, y0, slope


def _turns_down(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) <= (c[0] - a[0]) * (b[1] - a[1])


class RegressionClock:
    """From a device's time to the host's, by the straight line through the delays of the last seconds.

    For devices whose own stamps run backwards now and then, where the least delay is one that the device got wrong.
    The mean delay of the link is part of every stamp.

    Parameters
    ----------
    window_s : float
        How far back the line looks, in seconds; weights fall by e over it.

    Examples
    --------
    >>> clock = RegressionClock()
    >>> [round(clock.update(t, t + 5.02), 3) for t in (0.0, 0.1, 0.2)]
    [5.02, 5.02, 5.02]
    """

    def __init__(self, window_s: float = 60.0) -> None:
        self.window_s = window_s
        self.n_resets = 0
        self._begin()

    def _begin(self) -> None:
        self._n = self._x = self._y = self._xx = self._xy = 0.0
        self._last = math.nan

    def reset(self) -> None:
        """Begin anew: the device's clock has nothing to do with what it was."""
        self.n_resets += 1
        self._begin()

    @property
    def drift_ppm(self) -> float:
        """How much faster the host's clock runs than the device's, in millionths; NaN while that is not known."""
        spread = self._xx * self._n - self._x**2
        return 1e6 * (self._xy * self._n - self._x * self._y) / spread if self._n > 1 and spread > 0 else math.nan

    def update(self, device_s: float, arrival_s: float) -> float:
        """Take a packet in and give what to add to its device time.

        Parameters
        ----------
        device_s : float
            Device time of the packet's last sample in seconds.
        arrival_s : float
            When it arrived, in seconds on the host's clock.

        Returns
        -------
        float
            Seconds from the device's clock to the host's, at that time.
        """
        delay = arrival_s - device_s
        if math.isnan(self._last):
            self._level, self._last = delay, device_s
        passed = max(0.0, device_s - self._last)
        fade = math.exp(-passed / self.window_s)
        # Sums about the present, so that they stay small however long the stream runs.
        self._xx += passed * (passed * self._n - 2 * self._x)
        self._xy -= passed * self._y
        self._x -= passed * self._n
        x, y = min(0.0, device_s - self._last), delay - self._level
        self._n, self._x, self._y = fade * self._n + 1, fade * self._x + x, fade * self._y + y
        self._xx, self._xy = fade * self._xx + x * x, fade * self._xy + x * y
        self._last = max(self._last, device_s)
        mean = self._level + self._y / self._n
        slope = 1e-6 * self.drift_ppm
        if math.isnan(slope):
            return mean
        return mean + slope * (x - self._x / self._n)
