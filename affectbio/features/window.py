"""What every feature of a window shares: three ways in, one kernel, and names for the columns.

A feature says how it measures windows that were cut and what its columns are called; from that it gets `transform` over
arrays and `Windows`, `extract` over recordings, and `stream` for chunks. All three see the same samples and give the
same numbers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from affectbio.errors import DataError, SignalQualityError
from affectbio.features.stream import BLOCK_SAMPLES, FeatureStream
from affectbio.kernels.band_power import window_starts
from affectbio.types import Recording, Signal, Windows, table_of_windows

__all__ = ["ChannelFeature", "WindowFeature"]

Floats = npt.NDArray[np.float64]

# Of skin conductance at 4 Hz an hour would be one block, and progress would be told once.
_MOST_WINDOWS = 64


class WindowFeature(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the features that are computed from the samples of a window alone.

    A subclass has ``sfreq`` among its parameters and gives `measure` and `columns`. What is not known of a window is
    NaN, and ``np.isfinite(X)`` is the mask of what is.

    Attributes
    ----------
    n_chans_in_ : int
        Channels seen by `fit`.
    n_features_in_ : int
        The same under the name of scikit-learn, which counts the second axis.
    ch_names_in_ : tuple of str
        Their names, ``ch0``, ``ch1``, … where the windows were an array.
    sfreq_ : float
        Sampling rate in Hz.
    """

    #: Signal of a recording that `extract` reads unless told otherwise.
    default_signal: ClassVar[str] = "eeg"
    #: Kinds of channel it makes sense of (`affectbio.units.KINDS`), the best first.
    kinds: ClassVar[tuple[str, ...]] = ("eeg",)
    #: Whether `fit` learns more than the channels, so that it has to be fitted on training people alone.
    learns: ClassVar[bool] = False

    sfreq: float | None

    @abstractmethod
    def measure(self, X: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:
        """Measure windows.

        Parameters
        ----------
        X : ndarray of float64, shape (n_windows, n_chans, n_times)
            Samples; NaN and inf mark lost ones.
        sfreq : float
            Sampling rate in Hz.
        ch_names : sequence of str
            Names of the channels.

        Returns
        -------
        ndarray, shape (n_windows, n_columns)
            NaN for what is not known.
        """

    @abstractmethod
    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:
        """Name the columns of `measure`.

        Parameters
        ----------
        sfreq : float
            Sampling rate in Hz.
        ch_names : sequence of str
            Names of the channels.

        Returns
        -------
        list of str
            One name a column.

        Raises
        ------
        ValueError
            If parameters, rate and channels do not go together.
        """

    def fit(self, X: npt.NDArray[Any] | Windows, y: Any = None) -> Self:
        """Learn the number of channels, and of `Windows` their names and rate too.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_times), or Windows
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
            If X is not 3-D, the rate is not given, or a parameter does not fit the rate or the channels.
        """
        samples, sfreq, ch_names = self._taken(X)
        self.columns(sfreq, ch_names)
        self.n_chans_in_ = self.n_features_in_ = samples.shape[1]
        self.ch_names_in_, self.sfreq_ = ch_names, sfreq
        return self

    def transform(self, X: npt.NDArray[Any] | Windows) -> npt.NDArray[Any]:
        """Measure windows that were cut already.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_times), or Windows
            Windows of samples.

        Returns
        -------
        ndarray, shape (n_windows, n_columns)
            NaN for what is not known of a window: samples are lost, too few or too poor.

        Raises
        ------
        ValueError
            If X has other axes, another rate or another number of channels than in `fit`.
        """
        check_is_fitted(self)
        samples, sfreq, _ = self._taken(X)
        if samples.shape[1] != self.n_chans_in_:
            raise ValueError(
                f"expected windows of shape (n_windows, {self.n_chans_in_}, n_times), as in fit; found shape "
                f"{samples.shape}"
            )
        if sfreq != self.sfreq_:
            raise ValueError(f"expected windows at {self.sfreq_:g} Hz, as in fit; found {sfreq:g} Hz")
        return self._measure_whole(samples, sfreq, self.ch_names_in_)

    def get_feature_names_out(self, input_features: Iterable[str] | None = None) -> npt.NDArray[np.object_]:
        """Name the columns of `transform`: ``"C3_alpha"``.

        Parameters
        ----------
        input_features : iterable of str, optional
            Names of the channels; those seen by `fit` if not given.

        Returns
        -------
        ndarray of str, shape (n_columns,)
            One name a column.

        Raises
        ------
        ValueError
            If there are not as many names as channels.
        """
        check_is_fitted(self)
        channels = self.ch_names_in_ if input_features is None else tuple(input_features)
        if len(channels) != self.n_chans_in_:
            raise ValueError(f"expected the names of {self.n_chans_in_} channels, found {len(channels)}")
        return np.asarray(self.columns(self.sfreq_, channels), dtype=object)

    def apply(self, windows: Windows) -> Windows:
        """Turn windows of samples into windows of features, labels and metadata kept.

        Parameters
        ----------
        windows : Windows
            ``X`` of shape (n_windows, n_chans, n_times).

        Returns
        -------
        Windows
            As many; NaN for what is not known, so that ``np.isfinite(X)`` says what is.

        Raises
        ------
        ValueError
            As `fit`.
        """
        samples, sfreq, ch_names = self._taken(windows)
        values = self._measure_whole(samples, sfreq, ch_names)
        return self._packed(values, windows, sfreq, windows.channels or ch_names)

    def extract(
        self,
        recordings: Recording | Iterable[Recording],
        window_s: float,
        step_s: float,
        signal: str | None = None,
    ) -> Windows:
        """Run over recordings and give the windows that lie inside an event and are known.

        Parameters
        ----------
        recordings : Recording or iterable of Recording
            One, or several with equal channels; rates may differ.
        window_s, step_s : float
            Length of a window and distance between starts in seconds.
        signal : str, optional
            Which signal; `default_signal` if not given.

        Returns
        -------
        Windows
            Features, and as ``y`` the ``trial_type`` of the event: what an estimator takes. A window of which not every
            column is known is left out.

        Raises
        ------
        DataError
            If recordings differ in channels, a signal is shorter than a window, or no window is left.
        """
        if isinstance(recordings, Recording):
            recordings = [recordings]
        parts: list[Windows] = []
        n_inside = 0
        # Columns known in some window: a column that never is explains an empty result.
        ever: npt.NDArray[np.bool_] | None = None
        names: list[str] = []
        for recording in recordings:
            source = recording.signal(signal or self.default_signal)
            length = round(window_s * source.sfreq)
            first = window_starts(source.n_times, source.sfreq, window_s, step_s)
            # The window in whole samples, which is not quite window_s at every rate.
            table, inside = table_of_windows(recording, source.start + first / source.sfreq, length / source.sfreq)
            try:
                if not len(first):
                    raise SignalQualityError(
                        f"a window of {window_s:g} s is {length} samples at {source.sfreq:g} Hz, but the signal holds "
                        f"{source.n_times}; give a longer signal or a shorter window_s"
                    )
                names = self.columns(source.sfreq, source.ch_names)
                values = self.measure_at(source, first[inside], length)
            except SignalQualityError as error:
                raise DataError(
                    f"signal {signal or self.default_signal!r} of subject {recording.subject!r}: {error}"
                ) from None
            n_inside += len(values)
            known = np.isfinite(values)
            ever = known.any(axis=0) if ever is None or len(ever) != known.shape[1] else ever | known.any(axis=0)
            whole = Windows(values, table["trial_type"].to_numpy(), table, ("window", "feature"))
            parts.append(self._packed(values, whole, source.sfreq, source.channels).take(known.all(axis=1)))
        if not any(len(p) for p in parts):
            never = [] if ever is None or not ever.any() else [n for n, e in zip(names, ever, strict=True) if not e]
            hint = f" (never known: {', '.join(never[:5])}{', …' * (len(never) > 5)}; ask for others)" if never else ""
            if not n_inside:
                hint = ": none lies inside one; FeatureSet takes windows outside of events too"
            raise DataError(
                f"no window of {window_s:g} s lies inside an event and is free of lost samples in any of the "
                f"{len(parts)} recordings{hint}"
            )
        return Windows.concatenate(parts)

    def stream(
        self, n_chans: int, sfreq: float, window_s: float, step_s: float, ch_names: Sequence[str] | None = None
    ) -> Any:
        """Give the live form.

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
        FeatureStream
            Push chunks of shape (n_chans, n_new) into it, and get (n_new_windows, n_columns).
        """
        return FeatureStream(self, n_chans, sfreq, window_s, step_s, ch_names)

    def measure_at(
        self,
        signal: Signal,
        first: npt.NDArray[np.int64],
        length: int,
        progress: Callable[[int], None] | None = None,
    ) -> npt.NDArray[Any]:
        """Measure windows of a continuous signal, wherever they begin.

        Parameters
        ----------
        signal : Signal
            What they are cut out of.
        first : ndarray of int, shape (n_windows,)
            First sample of each, rising.
        length : int
            Samples in each.
        progress : callable, optional
            Called now and then with the number of windows that are done.

        Returns
        -------
        ndarray, shape (n_windows, n_columns)
            As `measure`. Cut in blocks: memory does not grow with the signal.
        """
        per_block = max(1, min(_MOST_WINDOWS, BLOCK_SAMPLES // max(1, signal.n_chans * length)))
        parts = []
        for at in range(0, len(first), per_block):
            samples = signal.data[:, first[at : at + per_block, None] + np.arange(length)]
            windows = np.ascontiguousarray(samples.transpose(1, 0, 2), dtype=np.float64)
            parts.append(self.measure(windows, signal.sfreq, signal.ch_names))
            if progress is not None:
                progress(min(at + per_block, len(first)))
        return np.concatenate(parts) if parts else np.empty((0, len(self.columns(signal.sfreq, signal.ch_names))))

    def _measure_whole(self, samples: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:
        per_block = max(1, BLOCK_SAMPLES // samples[0].size)
        blocks = range(0, len(samples), per_block)
        return np.concatenate([self.measure(samples[at : at + per_block], sfreq, ch_names) for at in blocks])

    def _packed(self, values: npt.NDArray[Any], windows: Windows, sfreq: float, channels: Sequence[Any]) -> Windows:
        """Put columns in the place of what the windows held."""
        names = [c if isinstance(c, str) else c.name for c in channels]
        return replace(
            windows,
            X=values,
            axes=("window", "feature"),
            channels=(),
            features=tuple(self.columns(sfreq, names)),
            sfreq=None,
        )

    def _taken(self, X: npt.NDArray[Any] | Windows) -> tuple[Floats, float, tuple[str, ...]]:
        """Give the samples, their rate and the names of their channels."""
        sfreq, ch_names = self.sfreq, getattr(self, "ch_names", None)
        if isinstance(X, Windows):
            if sfreq is not None and X.sfreq is not None and sfreq != X.sfreq:
                raise ValueError(f"the windows are at {X.sfreq:g} Hz, {type(self).__name__} at sfreq={sfreq:g}")
            sfreq = sfreq if X.sfreq is None else X.sfreq
            ch_names = [c.name for c in X.channels] or ch_names
            X = X.X
        samples: Floats = check_array(
            X, dtype=np.float64, order="C", ensure_2d=False, allow_nd=True, ensure_all_finite=False, estimator=self
        )
        if samples.ndim != 3:
            raise ValueError(f"expected windows of shape (n_windows, n_chans, n_times), found shape {samples.shape}")
        if 0 in samples.shape:
            raise ValueError(f"expected at least one window, channel and sample; found shape {samples.shape}")
        if sfreq is None:
            sfreq = getattr(self, "sfreq_", None)
        if sfreq is None:
            raise ValueError(f"windows carry no sampling rate; give {type(self).__name__}(sfreq=...) in Hz")
        if ch_names is None:
            ch_names = [f"ch{i}" for i in range(samples.shape[1])]
        if len(ch_names) != samples.shape[1]:
            raise ValueError(f"expected the names of {samples.shape[1]} channels, found {len(ch_names)}")
        return samples, float(sfreq), tuple(ch_names)

    def __sklearn_tags__(self) -> Any:
        """Say that windows have three axes and may hold NaN."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = True
        return tags


class ChannelFeature(WindowFeature):
    """Base of the features that say the same things of every channel by itself.

    A subclass gives `fields` and `measure_channels`; columns are ``"C3_alpha"``, and the `Windows` of `extract` have
    the axes ``("window", "channel", feature_axis)``.
    """

    #: Name of the axis of the fields.
    feature_axis: ClassVar[str] = "feature"

    @abstractmethod
    def field_names(self, sfreq: float) -> list[str]:
        """Name what is said of a channel.

        Parameters
        ----------
        sfreq : float
            Sampling rate in Hz.

        Returns
        -------
        list of str
            One name a field.
        """

    @abstractmethod
    def measure_channels(self, X: Floats, sfreq: float) -> npt.NDArray[Any]:
        """Measure every channel of windows.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_times)
            Samples.
        sfreq : float
            Sampling rate in Hz.

        Returns
        -------
        ndarray, shape (n_windows, n_chans, n_fields)
            NaN for what is not known.
        """

    def measure(self, X: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:  # noqa: D102
        return self.measure_channels(X, sfreq).reshape(len(X), -1)

    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:  # noqa: D102
        fields = self.field_names(sfreq)
        return [f"{channel}_{field}" for channel in ch_names for field in fields]

    def _packed(self, values: npt.NDArray[Any], windows: Windows, sfreq: float, channels: Sequence[Any]) -> Windows:
        fields = tuple(self.field_names(sfreq))
        return replace(
            windows,
            X=values.reshape(len(values), len(channels), len(fields)),
            axes=("window", "channel", self.feature_axis),
            # Windows made from a bare array have names, but no channels with kind and place.
            channels=() if any(isinstance(c, str) for c in channels) else tuple(channels),
            features=fields,
            sfreq=None,
        )
