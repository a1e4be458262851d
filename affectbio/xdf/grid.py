"""Where samples stand on a regular grid, from their stamps: a lost sample leaves its slot empty and shifts nothing.

One class for live streams and for files, so that both see the same losses. It follows the stamps like a phase-locked
loop of first order: a device whose clock drifts, or whose true rate differs a little from the nominal one, stays on it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError

__all__ = ["SampleGrid"]

# Share of each stamp's deviation that moves the expected time: a rate that is wrong by 1 % lags 0.2 sample behind,
# and the jitter of one stamp moves the grid by a twentieth.
_GAIN = 0.05


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
