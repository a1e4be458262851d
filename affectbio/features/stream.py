"""A feature of the last window of a stream, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.kernels.band_power import window_starts
from affectbio.kernels.ring import Ring

if TYPE_CHECKING:
    from affectbio.features.window import WindowFeature

__all__ = ["FeatureStream"]

# Windows are held this many samples at a time: 8 MB, however long the recording or the chunk they are cut out of.
BLOCK_SAMPLES = 1_048_576


class FeatureStream:
    """A feature of the last window of a stream, chunk by chunk; the same numbers as `WindowFeature.extract`.

    Parameters
    ----------
    feature : WindowFeature
        What is measured.
    n_chans : int
        Channels of the stream.
    sfreq : float
        Its rate in Hz.
    window_s, step_s : float
        Length of a window and distance between starts in seconds.
    ch_names : sequence of str, optional
        Names of the channels; ``ch0``, ``ch1``, … if not given.

    Attributes
    ----------
    window, step : int
        Length of a window and distance between starts, in samples.
    columns : tuple of str
        Names of the columns of what `push` gives.

    Raises
    ------
    ValueError
        If windows or parameters make no sense.

    Notes
    -----
    A push costs O(n_chans · n_new) and, per window it completes, the kernel over one window. Memory is that of one
    window, however long the stream.

    Examples
    --------
    >>> import numpy as np
    >>> from affectbio.features import Hjorth
    >>> eeg = np.random.default_rng(0).standard_normal((2, 1000))
    >>> live = Hjorth().stream(2, 250, window_s=2, step_s=1)
    >>> [live.push(chunk).shape for chunk in np.split(eeg, [7, 400], axis=1)]
    [(0, 6), (0, 6), (3, 6)]
    """

    def __init__(
        self,
        feature: WindowFeature,
        n_chans: int,
        sfreq: float,
        window_s: float,
        step_s: float,
        ch_names: Sequence[str] | None = None,
    ) -> None:
        self.n_chans, self.sfreq = n_chans, float(sfreq)
        window_starts(0, sfreq, window_s, step_s)  # refuses lengths that make no sense
        self.window, self.step = round(window_s * sfreq), round(step_s * sfreq)
        names = ch_names or getattr(feature, "ch_names", None) or [f"ch{i}" for i in range(n_chans)]
        if len(names) != n_chans:
            raise ValueError(f"expected the names of {n_chans} channels, found {len(names)}")
        self._feature, self._ch_names = feature, tuple(names)
        self.columns = tuple(feature.columns(self.sfreq, self._ch_names))
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next chunk starts a new signal."""
        self._ring = Ring(self.n_chans, self.window)
        # Samples still to come until the next window is whole.
        self._until = self.window

    def push(self, chunk: npt.ArrayLike) -> npt.NDArray[Any]:
        """Take new samples in and give the windows they complete.

        Parameters
        ----------
        chunk : array-like, shape (n_chans, n_new)
            New samples, any number of them. NaN marks a lost sample.

        Returns
        -------
        ndarray, shape (n_new_windows, n_columns)
            Often with no window in it.

        Raises
        ------
        ValueError
            If the chunk has another number of channels.
        """
        x = np.asarray(chunk)
        if x.ndim != 2 or x.shape[0] != self.n_chans or x.dtype.kind not in "fiu":
            raise ValueError(f"expected a chunk of shape ({self.n_chans}, n_new), found {x.dtype}, shape {x.shape}")
        per_block = max(1, BLOCK_SAMPLES // (self.n_chans * self.window))
        at, waiting, done = 0, [], []
        while x.shape[1] - at >= self._until:
            self._ring.push(x[:, at : at + self._until])
            at, self._until = at + self._until, self.step
            waiting.append(self._ring.last().copy())
            if len(waiting) == per_block:
                done.append(self._measured(waiting))
                waiting = []
        self._ring.push(x[:, at:])
        self._until -= x.shape[1] - at
        if waiting:
            done.append(self._measured(waiting))
        return np.concatenate(done) if done else np.empty((0, len(self.columns)))

    def _measured(self, windows: list[npt.NDArray[np.float64]]) -> npt.NDArray[Any]:
        return self._feature.measure(np.stack(windows), self.sfreq, self._ch_names)
