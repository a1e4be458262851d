"""A ring buffer over the last samples of a stream: constant memory, constant cost per sample, and no copy to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Ring"]


class Ring:
    """The last ``n_times`` samples of a stream.

    Every sample is stored twice, ``n_times`` apart, so that the last samples always lie side by side and can be read as
    a view.

    Parameters
    ----------
    n_chans : int
        Channels.
    n_times : int
        Samples to keep.

    Raises
    ------
    ValueError
        If there is no channel, or no sample to keep.

    Examples
    --------
    >>> import numpy as np
    >>> ring = Ring(1, 4)
    >>> ring.push(np.arange(3.0)[None])
    >>> ring.push(np.arange(3.0, 6.0)[None])
    >>> ring.last().tolist()
    [[2.0, 3.0, 4.0, 5.0]]
    """

    def __init__(self, n_chans: int, n_times: int) -> None:
        if n_chans < 1 or n_times < 1:
            raise ValueError(f"expected at least one channel and one sample, found {n_chans} and {n_times}")
        self.n_times = n_times
        self._buffer = np.full((n_chans, 2 * n_times), np.nan)
        self._end = 0

    def push(self, chunk: npt.NDArray[Any]) -> None:
        """Take new samples in; the oldest go.

        Parameters
        ----------
        chunk : ndarray, shape (n_chans, n_new)
            New samples, any number of them. O(n_chans · min(n_new, n_times)).

        Raises
        ------
        ValueError
            If the chunk has another number of channels.
        """
        if chunk.ndim != 2 or len(chunk) != len(self._buffer):
            raise ValueError(f"expected a chunk of shape ({len(self._buffer)}, n_new), found {chunk.shape}")
        recent = chunk[:, -self.n_times :]
        at = self._end
        room = self.n_times - at
        for start, part in ((at, recent[:, :room]), (0, recent[:, room:])):
            stop = start + part.shape[1]
            self._buffer[:, start:stop] = part
            self._buffer[:, start + self.n_times : stop + self.n_times] = part
        self._end = (at + recent.shape[1]) % self.n_times

    def last(self) -> npt.NDArray[np.float64]:
        """Give the last samples, oldest first, shape (n_chans, n_times): a view that the next push changes.

        Samples from before the stream began are NaN.
        """
        return self._buffer[:, self._end : self._end + self.n_times]
