"""What travels through affectbio: Signal, Recording, Windows and Affect.

Time is the last axis, units are SI, objects are frozen and share memory. Subject, session, trial and stimulus never
leave the metadata of `Windows`: that is what makes a leak between training and test visible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.montage import electrode_position
from affectbio.registry import unknown_name
from affectbio.units import KINDS

if TYPE_CHECKING:
    import mne
    import pandas as pd

__all__ = [
    "TARGET_ACCESS",
    "Affect",
    "Channel",
    "Consent",
    "Recording",
    "Score",
    "Signal",
    "Windows",
    "table_of_windows",
]

#: What a pipeline may know of the person it is tested on, from nothing to labels. A number is never shown without it.
TARGET_ACCESS = ("none", "rest", "causal", "unlabelled", "labelled")


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: what it measures, in which unit, and for EEG where.

    Parameters
    ----------
    name : str
        For EEG a 10-05 name, unless ``position`` is given.
    kind : str
        One of `affectbio.units.KINDS`, MNE's words: ``"eeg"``, ``"ecg"``, ``"gsr"``.
    unit : str
        SI unit; empty means the one of the kind. A channel of kind ``"misc"`` may have any.
    position : tuple of float, optional
        x, y, z of an EEG electrode in metres, in MNE's head frame. Looked up from the name if not given.

    Raises
    ------
    DataError
        If the kind is unknown, the unit is not the SI unit of the kind, or an EEG channel has no position.

    Examples
    --------
    >>> Channel("Cz").unit
    'V'
    """

    name: str
    kind: str = "eeg"
    unit: str = ""
    position: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"channel {self.name!r}: {unknown_name('kind of channel', self.kind, KINDS)}")
        if not self.unit:
            object.__setattr__(self, "unit", KINDS[self.kind])
        allowed = set(KINDS.values()) if self.kind == "misc" else {KINDS[self.kind]}
        if self.unit not in allowed:
            raise DataError(
                f"channel {self.name!r} of kind {self.kind!r} has unit {self.unit!r}; expected the SI unit "
                f"{KINDS[self.kind]!r}: scale the data with affectbio.units.si_unit"
            )
        if self.kind == "eeg" and self.position is None:
            position = electrode_position(self.name)
            if position is None:
                raise DataError(
                    f"EEG channel {self.name!r} has no position and its name is not one of the 10-05 system; "
                    f"rename it, give its position, or give it the kind 'misc'"
                )
            object.__setattr__(self, "position", position)


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One modality on one regular clock.

    Parameters
    ----------
    data : ndarray, shape (n_chans, n_times)
        Samples in the SI units of the channels. NaN marks a sample that was lost; it is never filled in silently.
        Held as a read-only view, not copied.
    sfreq : float
        Sampling rate in Hz.
    channels : sequence of Channel
        One per row of ``data``, with names that differ.
    start : float
        Time of the first sample on the recording's clock, in seconds.

    Raises
    ------
    DataError
        If shapes, rate or channel names contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> eeg = Signal(np.zeros((2, 256)), 128.0, [Channel("C3"), Channel("C4")])
    >>> eeg.duration, eeg.ch_names
    (2.0, ('C3', 'C4'))
    """

    data: npt.NDArray[Any]
    sfreq: float
    channels: Sequence[Channel]
    start: float = 0.0

    def __post_init__(self) -> None:
        data = np.asarray(self.data)
        names = [c.name for c in self.channels]
        if data.ndim != 2:
            raise DataError(f"a signal is (n_chans, n_times); found {data.ndim} axes, shape {data.shape}")
        if data.dtype.kind not in "fiu":
            raise DataError(f"the samples of a signal are real numbers; found dtype {data.dtype}")
        if len(names) != data.shape[0]:
            raise DataError(f"{data.shape[0]} rows of data but {len(names)} channels: {', '.join(names)}")
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise DataError(f"channel {repeated[0]!r} appears {names.count(repeated[0])} times; names must differ")
        if not (np.isfinite(self.sfreq) and self.sfreq > 0):
            whose = f"channel {names[0]!r}" if names else "a signal"
            raise DataError(f"{whose} has no sampling rate: expected a positive number of Hz, found {self.sfreq!r}")
        view = data.view()
        view.flags.writeable = False
        object.__setattr__(self, "data", view)
        object.__setattr__(self, "sfreq", float(self.sfreq))
        object.__setattr__(self, "channels", tuple(self.channels))

    @property
    def n_chans(self) -> int:
        """Number of channels."""
        return int(self.data.shape[0])

    @property
    def n_times(self) -> int:
        """Number of samples."""
        return int(self.data.shape[1])

    @property
    def ch_names(self) -> tuple[str, ...]:
        """Channel names."""
        return tuple(c.name for c in self.channels)

    @property
    def duration(self) -> float:
        """Length in seconds, ``n_times / sfreq``."""
        return self.n_times / self.sfreq

    def times(self) -> npt.NDArray[np.float64]:
        """Give the time of every sample on the recording's clock, shape (n_times,), in seconds."""
        return self.start + np.arange(self.n_times) / self.sfreq

    def pick(self, picks: Iterable[str]) -> Signal:
        """Give some of the channels, in the order asked for.

        Parameters
        ----------
        picks : iterable of str
            Channel names.

        Returns
        -------
        Signal
            A copy of those rows.

        Raises
        ------
        DataError
            If a channel is not there; the nearest name is suggested.
        """
        index = {name: i for i, name in enumerate(self.ch_names)}
        rows = []
        for name in picks:
            if name not in index:
                raise DataError(str(unknown_name("channel", name, index)))
            rows.append(index[name])
        return replace(self, data=self.data[rows], channels=[self.channels[i] for i in rows])

    def crop(self, start: float, stop: float) -> Signal:
        """Give the samples with ``start <= time < stop``, sharing memory.

        Parameters
        ----------
        start, stop : float
            Seconds on the recording's clock.

        Returns
        -------
        Signal
            What of it lies inside; may be empty.

        Raises
        ------
        DataError
            If ``stop`` is before ``start``, or one of them is not a number.
        """
        if not start <= stop:
            raise DataError(f"cannot crop to {start:g} s until {stop:g} s; expected start <= stop")
        # Rounded first: 0.57 * 100 is 56.99999999999999, and the sample at 0.57 s is meant.
        edges = np.ceil(np.round((np.array([start, stop]) - self.start) * self.sfreq, 6))
        first, last = (int(edge) for edge in np.clip(edges, 0, self.n_times))
        return replace(self, data=self.data[:, first:last], start=self.start + first / self.sfreq)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to; travels with their data.

    Parameters
    ----------
    purposes : tuple of str
        What the data may be used for: ``"research"``, ``"teaching"``, ``"product"``.
    source : str
        Where that is written: a form, a licence, a data-set page.
    """

    purposes: tuple[str, ...]
    source: str


def _no_events() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"onset": [], "duration": [], "trial_type": []}).astype({"trial_type": str})


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Everything of one session of one person.

    Parameters
    ----------
    signals : mapping of str to Signal
        Signals by name: ``"eeg"``, ``"ppg"``, ``"eda"``.
    subject : str
        Pseudonym of the person.
    events : pandas.DataFrame
        BIDS events: ``onset`` and ``duration`` in seconds on the recording's clock, ``trial_type``, and any other
        column (``stimulus``, ratings, …).
    session : str
        Which visit of that person.
    device : str, optional
        Name of a device profile.
    consent : Consent, optional
        What the person agreed to.
    meta : mapping
        Anything else the file said.

    Raises
    ------
    DataError
        If there is no signal, or the events lack a BIDS column.

    Examples
    --------
    >>> import numpy as np
    >>> eeg = Signal(np.zeros((1, 256)), 128.0, [Channel("Cz")])
    >>> Recording({"eeg": eeg}, subject="01").signals["eeg"].duration
    2.0
    """

    signals: Mapping[str, Signal]
    subject: str
    events: pd.DataFrame = field(default_factory=_no_events)
    session: str = "01"
    device: str | None = None
    consent: Consent | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.signals:
            raise DataError(f"the recording of subject {self.subject!r} holds no signal; expected at least one")
        missing = [c for c in ("onset", "duration", "trial_type") if c not in self.events.columns]
        if missing:
            raise DataError(
                f"events lack the BIDS column {missing[0]!r}; expected onset, duration and trial_type, "
                f"found {', '.join(map(str, self.events.columns))}"
            )
        object.__setattr__(self, "signals", MappingProxyType(dict(self.signals)))
        object.__setattr__(self, "meta", MappingProxyType(dict(self.meta)))

    def signal(self, name: str) -> Signal:
        """Give one signal by name.

        Parameters
        ----------
        name : str
            Key of `signals`.

        Returns
        -------
        Signal
            That signal.

        Raises
        ------
        DataError
            If the recording has no such signal.
        """
        if name not in self.signals:
            raise DataError(str(unknown_name("signal", name, self.signals)))
        return self.signals[name]

    def __reduce__(self) -> tuple[Any, ...]:
        # A mappingproxy does not pickle, and joblib sends recordings to other processes.
        state = {f.name: getattr(self, f.name) for f in fields(self)}
        return _recording, (state | {"signals": dict(self.signals), "meta": dict(self.meta)},)

    def windows(self, length_s: float, step_s: float, signal: str = "eeg") -> Windows:
        """Cut a signal into windows that lie wholly inside one event.

        Parameters
        ----------
        length_s, step_s : float
            Length of a window and distance between starts, in seconds; rounded to whole samples.
        signal : str
            Which signal.

        Returns
        -------
        Windows
            ``X`` of shape (n_windows, n_chans, n_times), ``y`` the events' ``trial_type``.

        Raises
        ------
        DataError
            If no window fits into any event, or length or step are less than a sample.
        """
        source = self.signal(signal)
        length, step = round(length_s * source.sfreq), round(step_s * source.sfreq)
        if length < 1 or step < 1:
            raise DataError(
                f"windows of {length_s:g} s every {step_s:g} s: at {source.sfreq:g} Hz a sample lasts "
                f"{1 / source.sfreq:g} s; expected at least that of both"
            )
        first = np.arange(0, max(0, source.n_times - length + 1), step)
        table, keep = table_of_windows(self, source.start + first / source.sfreq, length / source.sfreq)
        view = np.lib.stride_tricks.sliding_window_view(source.data, length, axis=1) if len(first) else None
        if view is None or not keep.any():
            raise DataError(
                f"no window of {length_s:g} s fits into an event of subject {self.subject!r}: the signal lasts "
                f"{source.duration:g} s and has {len(self.events)} events"
            )
        return Windows(
            X=view[:, first[keep]].transpose(1, 0, 2).copy(),
            y=table["trial_type"].to_numpy(),
            metadata=table,
            axes=("window", "channel", "time"),
            channels=source.channels,
            sfreq=source.sfreq,
        )

    def to_raw(self, signal: str = "eeg") -> mne.io.RawArray:
        """Give one signal as an MNE Raw, with units, montage and annotations.

        Parameters
        ----------
        signal : str
            Which signal.

        Returns
        -------
        mne.io.RawArray
            In volts. Events become annotations by their ``trial_type`` (other columns stay behind), runs of NaN
            become zeros annotated ``BAD_lost``, and time counts from the signal's first sample.

        Raises
        ------
        DataError
            If an event lies outside the signal.
        """
        from affectbio._mne import raw_from_recording

        return raw_from_recording(self, signal)

    @classmethod
    def from_raw(cls, raw: mne.io.BaseRaw, subject: str, *, signal: str = "eeg", session: str = "01") -> Recording:
        """Take an MNE Raw in.

        Parameters
        ----------
        raw : mne.io.BaseRaw
            With EEG channels that have positions or 10-05 names.
        subject : str
            Pseudonym of the person.
        signal : str
            Name the signal gets.
        session : str
            Which visit.

        Returns
        -------
        Recording
            Annotations become events, samples annotated ``BAD_lost`` become NaN, and bad channels are named in
            ``meta["bads"]``.

        Raises
        ------
        DataError
            If an EEG channel has neither a position nor a 10-05 name.
        """
        from affectbio._mne import recording_from_raw

        return recording_from_raw(raw, subject, signal=signal, session=session)


def _recording(state: dict[str, Any]) -> Recording:
    return Recording(**state)


def table_of_windows(
    recording: Recording, starts: npt.NDArray[np.float64], length_s: float
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Say of every window of a recording which event it lies in.

    Parameters
    ----------
    recording : Recording
        With events.
    starts : ndarray, shape (n,)
        Starts of the windows in seconds on the recording's clock, ascending.
    length_s : float
        Length of a window in seconds.

    Returns
    -------
    table : pandas.DataFrame
        One row per kept window: ``subject, session, trial, stimulus, start, stop, trial_type``.
    keep : ndarray of bool, shape (n,)
        Which windows lie wholly inside an event. Where events overlap (a marker within a trial, a trial within a
        block), a window belongs to the one that began last among those that hold all of it.
    """
    import pandas as pd

    events = recording.events.sort_values("onset", kind="stable").reset_index(drop=True)
    if "stimulus" not in events:
        events["stimulus"] = events["trial_type"]
    if "trial" not in events:
        events["trial"] = [f"{i:03d}" for i in range(len(events))]
    onset = events["onset"].to_numpy(dtype=float)
    # An event of unknown duration (BIDS: n/a) is a moment, and holds no window.
    offset = onset + np.nan_to_num(events["duration"].to_numpy(dtype=float))
    which = np.full(len(starts), -1)
    # A microsecond of slack: onsets and starts come from different arithmetic.
    first = np.searchsorted(starts, onset - 1e-6)
    last = np.searchsorted(starts, offset - length_s + 1e-6, side="right")
    for event in np.flatnonzero(first < last):
        which[first[event] : last[event]] = event
    keep = which >= 0
    rows = events.loc[which[keep], ["trial", "stimulus", "trial_type"]].reset_index(drop=True)
    table = pd.DataFrame({"subject": recording.subject, "session": recording.session}, index=range(int(keep.sum())))
    table["trial"], table["stimulus"] = rows["trial"], rows["stimulus"]
    table["start"], table["stop"] = starts[keep], starts[keep] + length_s
    table["trial_type"] = rows["trial_type"]
    return table, keep


_WHO_AND_WHAT = ("subject", "session", "trial", "stimulus", "start", "stop")


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What estimators eat: examples, labels, and who and what each example is.

    Parameters
    ----------
    X : ndarray, shape (n_windows, ...)
        Samples ``(n_windows, n_chans, n_times)`` or features ``(n_windows, n_chans, n_bands)``.
    y : ndarray, shape (n_windows,), optional
        Labels.
    metadata : pandas.DataFrame
        One row per window with at least ``subject, session, trial, stimulus, start, stop`` (seconds).
    axes : tuple of str
        Names of the axes of ``X``; the first is ``"window"``.
    channels : sequence of Channel
        What the axis ``"channel"`` holds.
    features : tuple of str
        What the last axis holds, if it is not time.
    sfreq : float, optional
        Sampling rate in Hz, if the last axis is time.
    target_access : str
        What was already used of each person, one of `TARGET_ACCESS`: set by the adaptation methods, shown in every
        report.

    Raises
    ------
    DataError
        If lengths differ, axes, channels or features do not fit ``X``, or the metadata lack a column that leak checks
        need.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> who = pd.DataFrame({"subject": ["01", "02"], "session": "01", "trial": "1", "stimulus": "film"})
    >>> when = pd.DataFrame({"start": [0.0, 0.0], "stop": [1.0, 1.0]})
    >>> X, y = np.zeros((2, 1, 128)), np.array(["calm", "tense"])
    >>> windows = Windows(X, y, who.join(when), axes=("window", "channel", "time"))
    >>> windows.groups("subject", "trial")
    array(['01/1', '02/1'], dtype=object)
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any] | None
    metadata: pd.DataFrame
    axes: tuple[str, ...]
    channels: Sequence[Channel] = ()
    features: tuple[str, ...] = ()
    sfreq: float | None = None
    target_access: str = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "X", np.asarray(self.X))
        object.__setattr__(self, "y", None if self.y is None else np.asarray(self.y))
        object.__setattr__(self, "channels", tuple(self.channels))
        missing = [c for c in _WHO_AND_WHAT if c not in self.metadata.columns]
        if missing:
            raise DataError(
                f"the metadata of windows lack {', '.join(missing)}; without them a leak between training and test "
                f"cannot be seen"
            )
        if len(self.axes) != self.X.ndim or self.axes[0] != "window":
            raise DataError(f"axes {self.axes} do not name the {self.X.ndim} axes of X, shape {self.X.shape}")
        lengths = {len(self.X), len(self.metadata), *(() if self.y is None else (len(self.y),))}
        if len(lengths) != 1:
            n_y = "no" if self.y is None else len(self.y)
            raise DataError(
                f"{len(self.X)} windows, {n_y} labels and {len(self.metadata)} rows of metadata; "
                f"expected as many of each"
            )
        n_chans = self.X.shape[self.axes.index("channel")] if "channel" in self.axes else len(self.channels)
        if self.channels and len(self.channels) != n_chans:
            raise DataError(
                f"{len(self.channels)} channels for an axis of length {n_chans}, X has shape {self.X.shape}"
            )
        if self.features and len(self.features) != self.X.shape[-1]:
            raise DataError(f"{len(self.features)} names of features for a last axis of length {self.X.shape[-1]}")
        if self.target_access not in TARGET_ACCESS:
            raise DataError(str(unknown_name("target access", self.target_access, TARGET_ACCESS)))

    def __len__(self) -> int:
        return len(self.X)

    def groups(self, *columns: str) -> npt.NDArray[Any]:
        """Give one label per window for a splitter to hold together.

        Parameters
        ----------
        *columns : str
            Columns of the metadata: ``"subject"``, or ``"subject", "trial"``.

        Returns
        -------
        ndarray, shape (n_windows,)
            Strings; several columns are joined by ``"/"``.

        Raises
        ------
        DataError
            If no column is named, or one is not there.
        """
        if not columns:
            raise DataError("groups of what? Expected a column of the metadata, such as 'subject'")
        for column in columns:
            if column not in self.metadata.columns:
                raise DataError(str(unknown_name("column of metadata", column, map(str, self.metadata.columns))))
        rows = zip(*(self.metadata[c].astype(str) for c in columns), strict=True)
        return np.array(["/".join(row) for row in rows], dtype=object)

    def take(self, which: npt.NDArray[Any]) -> Windows:
        """Give some of the windows.

        Parameters
        ----------
        which : ndarray
            Indices, or a mask of shape (n_windows,).

        Returns
        -------
        Windows
            Those windows, metadata re-indexed from 0.

        Raises
        ------
        IndexError
            If an index is out of range, or a mask has another length.
        """
        rows = np.arange(len(self))[which]
        return replace(
            self,
            X=self.X[rows],
            y=None if self.y is None else self.y[rows],
            metadata=self.metadata.iloc[rows].reset_index(drop=True),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Windows]) -> Windows:
        """Put windows of several recordings together.

        Parameters
        ----------
        parts : sequence of Windows
            With equal axes, channel names and kinds, features, rate and target access.

        Returns
        -------
        Windows
            All of them in that order. Electrode positions, which differ from head to head, are those of the first.

        Raises
        ------
        DataError
            If there are none, or they differ in what they hold.
        """
        import pandas as pd

        if not parts:
            raise DataError("no windows to put together; expected at least one part")
        first = parts[0]
        for part in parts[1:]:
            for name in ("axes", "channels", "features", "sfreq", "target_access"):
                one, other = (getattr(p, name) for p in (first, part))
                if name == "channels":
                    one, other = ([f"{c.name} ({c.kind})" for c in channels] for channels in (one, other))
                if one != other:
                    raise DataError(f"windows differ in {name}: {one} and {other}; bring them to the same first")
        labels = [p.y for p in parts if p.y is not None]
        if labels and len(labels) != len(parts):
            raise DataError("some windows have labels and some have none; expected all or none")
        return replace(
            first,
            X=np.concatenate([p.X for p in parts]),
            y=np.concatenate(labels) if labels else None,
            metadata=pd.concat([p.metadata for p in parts], ignore_index=True),
        )

    def to_epochs(self) -> mne.EpochsArray:
        """Give windows of samples as MNE Epochs, metadata and labels included.

        Returns
        -------
        mne.EpochsArray
            In volts, with montage; ``event_id`` from the labels.

        Raises
        ------
        DataError
            If the windows hold features instead of samples.
        """
        from affectbio._mne import epochs_from_windows

        return epochs_from_windows(self)


class Score(NamedTuple):
    """An estimate and the interval it lies in."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Affect:
    """One live estimate; never a bare label.

    Parameters
    ----------
    time : float
        Stamp of the last sample that went into it, in seconds on the LSL clock.
    scores : mapping of str to Score
        Estimates by name, each with its interval: ``{"arithmetic": Score(0.7, 0.5, 0.9)}``.
    quality : float
        Share of channels with a usable signal, 0 to 1.
    latency : float
        From that stamp to the moment of the estimate, in seconds.
    """

    time: float
    scores: Mapping[str, Score]
    quality: float
    latency: float
