"""Differential entropy and power of bands as scikit-learn transformers (Duan, Zhu & Lu, NER 2013)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from affectbio.bands import Bands, resolve_bands
from affectbio.features.window import ChannelFeature, Floats
from affectbio.kernels.band_power import BandPowerStream, Method, band_power
from affectbio.kernels.entropy import DifferentialEntropyStream, Log, differential_entropy
from affectbio.types import Signal

__all__ = ["BandPower", "BandStream", "DifferentialEntropy"]

# What the filter of a band from 1 Hz on remembers has fallen below 1e-9 by then.
_WARM_UP_S = 20.0
# So many windows may be computed for each that is asked for, before the signal is rather taken in pieces.
_MOST_IN_VAIN = 8


class _BandFeature(ChannelFeature):
    """What the two have in common: a filter that runs over the continuous signal, where it is a filter."""

    feature_axis = "band"

    bands: Bands
    method: Method

    def field_names(self, sfreq: float) -> list[str]:
        return [band.name for band in resolve_bands(self.bands, sfreq)]

    def measure_channels(self, X: Floats, sfreq: float) -> npt.NDArray[Any]:
        whole_s = X.shape[2] / sfreq
        return self._of_signals(X, sfreq, whole_s, whole_s)[:, :, 0]

    def measure_at(
        self,
        signal: Signal,
        first: npt.NDArray[np.int64],
        length: int,
        progress: Callable[[int], None] | None = None,
    ) -> npt.NDArray[Any]:
        """Measure windows of a continuous signal, the filter running from its beginning to its end.

        Parameters
        ----------
        signal, first, length, progress
            As for `WindowFeature.measure_at`.

        Returns
        -------
        ndarray, shape (n_windows, n_columns)
            As `stream` gives them where windows follow each other by whole numbers of one step. Where they do not,
            since the rate is no multiple of theirs, each run of equal steps begins with a filter that has run for 20 s.
        """
        if self.method in ("fft", "per-window") or not len(first):
            return super().measure_at(signal, first, length, progress)
        step = int(np.gcd.reduce(np.diff(first))) if len(first) > 1 else length
        if (first[-1] - first[0]) // step <= _MOST_IN_VAIN * len(first):
            return self._on_grid(signal, first, length, step, 0, signal.n_times)
        parts, n_done = [], 0
        margin = round(_WARM_UP_S * signal.sfreq)
        for run in np.split(first, np.flatnonzero(np.diff(first, n=2)) + 2):
            step = int(run[1] - run[0]) if len(run) > 1 else length
            parts.append(self._on_grid(signal, run, length, step, run[0] - margin, run[-1] + length + margin))
            n_done += len(run)
            if progress is not None:
                progress(n_done)
        return np.concatenate(parts)

    def _on_grid(
        self, signal: Signal, first: npt.NDArray[np.int64], length: int, step: int, begin: int, end: int
    ) -> npt.NDArray[Any]:
        """Measure windows that begin multiples of ``step`` apart, on the samples from about ``begin`` to ``end``."""
        begin = int(first[0] - (first[0] - max(0, begin)) // step * step)
        length_s, step_s = length / signal.sfreq, step / signal.sfreq
        values = self._of_signals(signal.data[:, begin:end], signal.sfreq, length_s, step_s)
        return values[:, (first - begin) // step].transpose(1, 0, 2).reshape(len(first), -1)

    def _of_signals(self, x: npt.NDArray[Any], sfreq: float, window_s: float, step_s: float) -> npt.NDArray[Any]:
        """Call the kernel: (..., n_times) to (..., n_windows, n_bands)."""
        raise NotImplementedError


class DifferentialEntropy(_BandFeature):
    """Differential entropy of every channel and band; see `affectbio.kernels.differential_entropy`.

    Three ways in, one kernel: `extract` runs over whole recordings with the filter on the continuous signal, `stream`
    gives the same numbers live, and `transform` takes windows that were already cut, in each of which the filter must
    start anew; with the method "fft" all three are the same to the last digits.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only, recordings and streams know theirs.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    order : int
        Order of the Butterworth prototype.
    log : {"e", "2"}
        Nats or bits.
    method : {"causal", "zero-phase", "per-window", "fft"}
        How bands are cut out; "zero-phase" looks ahead and has no `stream`.
    ddof : {0, 1}
        The variance divides by the samples of a window less this.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((6, 8, 256))
    >>> DifferentialEntropy(sfreq=128).fit_transform(X).shape
    (6, 40)
    """

    def __init__(
        self,
        sfreq: float | None = None,
        bands: Bands = "eeg",
        order: int = 4,
        log: Log = "e",
        method: Method = "causal",
        ddof: int = 1,
    ) -> None:
        self.sfreq = sfreq
        self.bands = bands
        self.order = order
        self.log = log
        self.method = method
        self.ddof = ddof

    def stream(
        self, n_chans: int, sfreq: float, window_s: float, step_s: float, ch_names: Sequence[str] | None = None
    ) -> DifferentialEntropyStream:
        """Give the live form, which remembers the filter and not the window.

        Parameters
        ----------
        n_chans : int
            Channels of the stream.
        sfreq : float
            Its rate in Hz.
        window_s, step_s : float
            Length of a window and distance between starts in seconds.
        ch_names : sequence of str, optional
            Not used: what it gives has an axis of channels.

        Returns
        -------
        DifferentialEntropyStream
            Push chunks of shape (n_chans, n_new) into it, and get (n_chans, n_new_windows, n_bands).
        """
        return DifferentialEntropyStream(
            n_chans,
            sfreq,
            self.bands,
            window_s,
            step_s,
            method=self.method,
            order=self.order,
            log=self.log,
            ddof=self.ddof,
        )

    def _of_signals(self, x: npt.NDArray[Any], sfreq: float, window_s: float, step_s: float) -> npt.NDArray[Any]:
        return differential_entropy(
            x,
            sfreq,
            self.bands,
            window_s,
            step_s,
            method=self.method,
            order=self.order,
            log=self.log,
            ddof=self.ddof,
        )


class BandPower(_BandFeature):
    """Power of every channel and band; see `affectbio.kernels.band_power`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only, recordings and streams know theirs.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    order : int
        Order of the Butterworth prototype.
    log : {"e", "10"}, optional
        Give the logarithm of power to this base.
    method : {"causal", "zero-phase", "per-window", "fft"}
        How bands are cut out; "zero-phase" looks ahead and has no `stream`.

    Examples
    --------
    >>> import numpy as np
    >>> sine = np.sin(2 * np.pi * 10 * np.arange(256) / 128)
    >>> BandPower(128, {"alpha": (8, 13)}, method="fft").fit_transform(sine[None, None]).round(2)
    array([[0.5]])
    """

    def __init__(
        self,
        sfreq: float | None = None,
        bands: Bands = "eeg",
        order: int = 4,
        log: Literal["e", "10"] | None = None,
        method: Method = "causal",
    ) -> None:
        self.sfreq = sfreq
        self.bands = bands
        self.order = order
        self.log = log
        self.method = method

    def field_names(self, sfreq: float) -> list[str]:  # noqa: D102
        if self.log not in (None, "e", "10"):
            raise ValueError(f"log is 'e' or '10' for a logarithm, or None for power as it is; found {self.log!r}")
        return super().field_names(sfreq)

    def stream(
        self, n_chans: int, sfreq: float, window_s: float, step_s: float, ch_names: Sequence[str] | None = None
    ) -> BandStream:
        """Give the live form, which remembers the filter and not the window.

        Parameters
        ----------
        n_chans : int
            Channels of the stream.
        sfreq : float
            Its rate in Hz.
        window_s, step_s : float
            Length of a window and distance between starts in seconds.
        ch_names : sequence of str, optional
            Names of the channels; ``ch0``, ``ch1``, … if not given.

        Returns
        -------
        BandStream
            Push chunks of shape (n_chans, n_new) into it, and get (n_new_windows, n_columns).
        """
        names = ch_names or [f"ch{i}" for i in range(n_chans)]
        kernel = BandPowerStream(n_chans, sfreq, self.bands, window_s, step_s, method=self.method, order=self.order)
        return BandStream(kernel, self.columns(sfreq, names), self._logarithm)

    def _of_signals(self, x: npt.NDArray[Any], sfreq: float, window_s: float, step_s: float) -> npt.NDArray[Any]:
        power = band_power(x, sfreq, self.bands, window_s, step_s, method=self.method, order=self.order)
        return self._logarithm(power)

    def _logarithm(self, power: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.log is None:
            return power
        function = np.log if self.log == "e" else np.log10
        out: npt.NDArray[Any] = function(power, out=np.full_like(power, np.nan), where=power > 0)
        return out


class BandStream:
    """The live form of `BandPower`: a kernel's stream, its channels and bands laid side by side.

    Parameters
    ----------
    kernel : BandPowerStream
        What is pushed into.
    columns : sequence of str
        Names of the columns of what `push` gives.
    finish : callable
        What is still to be done with power.

    Attributes
    ----------
    n_chans, window, step : int
        Channels, length of a window and distance between starts in samples.
    """

    def __init__(
        self,
        kernel: BandPowerStream,
        columns: Sequence[str],
        finish: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    ) -> None:
        self.n_chans, self.window, self.step, self.columns = kernel.n_chans, kernel.window, kernel.step, tuple(columns)
        self._kernel, self._finish = kernel, finish

    def reset(self) -> None:
        """Forget the past: the next chunk starts a new signal."""
        self._kernel.reset()

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
        """
        power = self._finish(self._kernel.push(chunk))
        return power.transpose(1, 0, 2).reshape(power.shape[1], len(self.columns))
