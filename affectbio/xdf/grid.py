"""Where samples stand on a regular grid, from their stamps: a lost sample leaves its slot empty and shifts nothing.

`SampleGrid` is for live streams and for files, so that both see the same losses. It follows the stamps like a
phase-locked loop of first order: a device whose clock drifts, or whose true rate differs a little from the nominal one,
stays on it. `place_stamps` does a whole file.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError

__all__ = ["Placed", "SampleGrid", "place_stamps"]

# Share of each stamp's deviation that moves the expected time: a rate that is wrong by 1 % lags 0.2 sample behind,
# and the jitter of one stamp moves the grid by a twentieth.
_GAIN = 0.05
# More than one sample in a thousand on a slot already taken: the stamps do not say where samples were lost.
_CROWDED = 1000
# A stream that jumps by more than a day would fill the memory with NaN; no wearable is recorded across such a gap.
_LONGEST_GAP_S = 86400.0


class SampleGrid:
    """Numbers the samples of one stream, chunk by chunk; lost ones are numbered too.

    Parameters
    ----------
    sfreq : float
        Sampling rate in Hz, as near as known.
    tolerance_s : float
        How much later than expected a stamp may be before samples count as lost, in seconds, beside half a sample.
        0 for stamps from a device's own clock; about a second for stamps taken on arrival.

    Attributes
    ----------
    n_lost : int
        Slots left empty so far.
    n_crowded : int
        Samples so far whose stamp fell on a slot already taken; they were put on the next one. Many of them mean that
        the stamps are too jittered to find losses.

    Examples
    --------
    >>> grid = SampleGrid(100.0)
    >>> grid.place(np.array([5.00, 5.01, 5.04])).tolist(), grid.n_lost
    ([0, 1, 4], 2)
    """

    def __init__(self, sfreq: float, tolerance_s: float = 0.0) -> None:
        self._period = 1.0 / sfreq
        self._slack = 0.5 + tolerance_s * sfreq
        self._slot = -1
        self._expected: float | None = None
        self.n_lost = 0
        self.n_crowded = 0

    def place(self, stamps: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Give the slots of the next samples.

        Parameters
        ----------
        stamps : ndarray, shape (n_times,)
            Their times in seconds.

        Returns
        -------
        ndarray of int, shape (n_times,)
            Strictly ascending; the first sample ever placed has slot 0. Placing in pieces gives the same as at once.

        Raises
        ------
        DataError
            If a stamp is not a finite number.
        """
        if not np.isfinite(stamps).all():
            raise DataError("a time stamp is not a finite number; the stream's clock cannot be followed")
        period, slack, slot = self._period, self._slack, self._slot
        expected = float(stamps[0]) if self._expected is None and len(stamps) else self._expected or 0.0
        slots = np.empty(len(stamps), dtype=np.int64)
        for i, stamp in enumerate(stamps.tolist()):
            ahead = (stamp - expected) / period
            missing = int(ahead + 0.5) if ahead >= slack else 0
            self.n_lost += missing
            self.n_crowded += ahead < -slack
            slot += 1 + missing
            slots[i] = slot
            expected += missing * period
            expected += _GAIN * (stamp - expected) + period
        if len(stamps):
            self._slot, self._expected = slot, expected
        return slots


class Placed(NamedTuple):
    """Where the samples of a whole stream stand.

    Attributes
    ----------
    slots : ndarray of int, shape (n_times,)
        Number of each sample on the grid, ascending.
    start : float
        Time of slot 0, in seconds.
    sfreq : float
        Rate of the grid, in Hz.
    note : str or None
        What a reader of the data must know.
    """

    slots: npt.NDArray[np.int64]
    start: float
    sfreq: float
    note: str | None


def place_stamps(
    stamps: npt.NDArray[np.float64], nominal: float, *, near: float | None = None, tolerance_s: float = 0.0
) -> Placed:
    """Put a whole stream on the regular grid that its stamps fit best.

    Parameters
    ----------
    stamps : ndarray, shape (n_times,)
        Time of each sample in seconds; at least one.
    nominal : float
        Rate that the sender states, in Hz. It is kept unless it is off at the end by half a sample, and by more than
        stamps scatter about the line.
    near : float, optional
        What is known of the true rate, in Hz, to find losses by; ``nominal`` if not given.
    tolerance_s : float
        As for `SampleGrid`.

    Returns
    -------
    Placed
        Slots, and a straight line through them.

    Raises
    ------
    DataError
        If a stamp is not a finite number, or stamps jump by more than a day.

    Notes
    -----
    O(n_times).

    Examples
    --------
    >>> placed = place_stamps(np.array([5.0, 5.5, 7.0, 7.5]), 2.0)
    >>> placed.slots.tolist(), placed.start, placed.sfreq
    ([0, 1, 4, 5], 5.0, 2.0)
    """
    grid = SampleGrid(near or nominal, tolerance_s)
    slots, note = grid.place(stamps), None
    if len(stamps) == 1:
        return Placed(slots, float(stamps[0]), nominal, None)
    if slots[-1] - len(stamps) > _LONGEST_GAP_S * nominal:
        worst = int(np.argmax(np.diff(stamps)))
        raise DataError(
            f"its stamps jump from {stamps[worst]:.3f} to {stamps[worst + 1]:.3f} s after sample {worst}; expected no "
            f"gap of more than a day: its clock was set, cut the file there"
        )
    if grid.n_crowded > len(stamps) // _CROWDED:
        slots = np.arange(len(stamps))
        note = f"stamps too jittered to find losses ({grid.n_crowded} of {len(stamps)} crowded): one line through all"
    # Relative to the first stamp: clocks are large numbers, and their squares would eat the digits of the fit.
    times = stamps - stamps[0]
    step, middle = np.polyfit(slots - slots.mean(), times, 1)
    sfreq = float(1.0 / step) if step > 0 else nominal
    scatter = float(np.std(times - middle - step * (slots - slots.mean()))) * nominal
    if abs(slots[-1] * (1.0 - nominal / sfreq)) < max(0.5, scatter):
        sfreq = nominal
    return Placed(slots, float(stamps[0]) + float(np.mean(times - slots / sfreq)), sfreq, note)
