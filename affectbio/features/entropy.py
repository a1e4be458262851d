"""Differential entropy of bands as a scikit-learn transformer (Duan, Zhu & Lu, NER 2013)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from affectbio.bands import Bands, resolve_bands
from affectbio.errors import DataError, SignalQualityError
from affectbio.kernels.entropy import DifferentialEntropyStream, Log, differential_entropy, window_starts
from affectbio.types import Recording, Windows, table_of_windows

__all__ = ["DifferentialEntropy"]


class DifferentialEntropy(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Differential entropy of every channel and band.

    Three ways in, one kernel: `extract` runs over whole recordings with the filter on the continuous signal, `stream`
    gives the same numbers live, and `transform` takes windows that were already cut, in each of which the filter must
    start anew.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` only, recordings and streams know theirs.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    order : int
        Order of the Butterworth prototype.
    log : {"e", "2"}
        Nats or bits.

    Attributes
    ----------
    n_chans_in_ : int
        Channels seen by `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((6, 8, 256))
    >>> DifferentialEntropy(sfreq=128).fit_transform(X).shape
    (6, 40)
    """

    def __init__(self, sfreq: float | None = None, bands: Bands = "eeg", order: int = 4, log: Log = "e") -> None:
        self.sfreq = sfreq
        self.bands = bands
        self.order = order
        self.log = log

    def fit(self, X: npt.NDArray[Any], y: Any = None) -> DifferentialEntropy:
        """Learn the number of channels.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_times)
            Windows of samples.
        y : None
            Not used.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            If X is not 3-D, the rate is not given, or a band does not fit it.
        """
        if np.ndim(X) != 3:
            raise ValueError(f"expected windows of shape (n_windows, n_chans, n_times), found shape {np.shape(X)}")
        resolve_bands(self.bands, self._rate())
        self.n_chans_in_ = np.shape(X)[1]
        return self

    def transform(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give the entropy of whole windows, the filter at rest before each.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_times)
            Windows of samples.

        Returns
        -------
        ndarray, shape (n_windows, n_chans * n_bands)
            Channel by channel, band by band; NaN where a window holds a lost sample or a constant channel.

        Raises
        ------
        ValueError
            If X has other axes or another number of channels than in `fit`.
        """
        check_is_fitted(self)
        if np.ndim(X) != 3 or np.shape(X)[1] != self.n_chans_in_:
            expected = f"(n_windows, {self.n_chans_in_}, n_times)"
            raise ValueError(f"expected windows of shape {expected}, as in fit; found shape {np.shape(X)}")
        whole_s = np.shape(X)[2] / self._rate()
        entropy = differential_entropy(X, self._rate(), self.bands, whole_s, order=self.order, log=self.log)
        return entropy.reshape(len(X), -1)

    def get_feature_names_out(self, input_features: Iterable[str] | None = None) -> npt.NDArray[np.object_]:
        """Name the columns of `transform`: ``"C3_alpha"``.

        Parameters
        ----------
        input_features : iterable of str, optional
            Names of the channels; ``ch0``, ``ch1``, … if not given.

        Returns
        -------
        ndarray of str, shape (n_chans * n_bands,)
            One name a column.

        Raises
        ------
        ValueError
            If there are not as many names as channels.
        """
        check_is_fitted(self)
        channels = [f"ch{i}" for i in range(self.n_chans_in_)] if input_features is None else list(input_features)
        if len(channels) != self.n_chans_in_:
            raise ValueError(f"expected the names of {self.n_chans_in_} channels, found {len(channels)}")
        names = [f"{c}_{b.name}" for c in channels for b in resolve_bands(self.bands, self._rate())]
        return np.asarray(names, dtype=object)

    def _rate(self) -> float:
        if self.sfreq is None:
            raise ValueError("windows carry no sampling rate; give DifferentialEntropy(sfreq=...) in Hz")
        return self.sfreq

    def stream(self, n_chans: int, sfreq: float, window_s: float, step_s: float) -> DifferentialEntropyStream:
        """Give the live form.

        Parameters
        ----------
        n_chans : int
            Channels of the stream.
        sfreq : float
            Its rate in Hz.
        window_s, step_s : float
            Length of a window and distance between starts in seconds.

        Returns
        -------
        DifferentialEntropyStream
            Push chunks of shape (n_chans, n_new) into it.
        """
        return DifferentialEntropyStream(n_chans, sfreq, self.bands, window_s, step_s, order=self.order, log=self.log)

    def extract(self, recordings: Iterable[Recording], window_s: float, step_s: float, signal: str = "eeg") -> Windows:
        """Run over recordings and give the windows that lie inside an event.

        Parameters
        ----------
        recordings : iterable of Recording
            With equal channels; rates may differ, the bands are in Hz.
        window_s, step_s : float
            Length of a window and distance between starts in seconds.
        signal : str
            Which signal.

        Returns
        -------
        Windows
            ``X`` of shape (n_windows, n_chans, n_bands), ``y`` the ``trial_type`` of the event. A window with a lost
            sample in it is left out: its entropy is not known.

        Raises
        ------
        DataError
            If recordings differ in channels, a signal is shorter than a window, or no window is left.
        """
        parts: list[Windows] = []
        for recording in recordings:
            source = recording.signal(signal)
            try:
                entropy = differential_entropy(
                    source.data, source.sfreq, self.bands, window_s, step_s, order=self.order, log=self.log
                )
            except SignalQualityError as error:
                raise DataError(f"signal {signal!r} of subject {recording.subject!r}: {error}") from None
            starts = source.start + window_starts(source.n_times, source.sfreq, window_s, step_s) / source.sfreq
            # The window in whole samples, which is not quite window_s at every rate.
            table, inside = table_of_windows(recording, starts, round(window_s * source.sfreq) / source.sfreq)
            X = entropy.transpose(1, 0, 2)[inside]
            known = np.isfinite(X).all(axis=(1, 2))
            parts.append(
                Windows(
                    X=X,
                    y=table["trial_type"].to_numpy(),
                    metadata=table,
                    axes=("window", "channel", "band"),
                    channels=source.channels,
                    features=tuple(b.name for b in resolve_bands(self.bands, source.sfreq)),
                ).take(known)
            )
        if not any(len(p) for p in parts):
            raise DataError(
                f"no window of {window_s:g} s lies inside an event and is free of lost samples in any of the "
                f"{len(parts)} recordings"
            )
        return Windows.concatenate(parts)
