"""Everything of one session of one person: signals, events, and what the person agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.registry import unknown_name
from affectbio.types.signal import Signal
from affectbio.types.windows import Windows

if TYPE_CHECKING:
    import mne
    import pandas as pd

__all__ = ["Consent", "Recording", "table_of_windows"]


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
    >>> from affectbio.types import Channel
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
        One row per kept window: ``subject, session, trial, stimulus, start, stop, trial_type``, and what else the
        events say (ratings, …).
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
    rows = events.loc[which[keep]].reset_index(drop=True)
    table = pd.DataFrame({"subject": recording.subject, "session": recording.session}, index=range(int(keep.sum())))
    table["trial"], table["stimulus"] = rows["trial"], rows["stimulus"]
    table["start"], table["stop"] = starts[keep], starts[keep] + length_s
    return table.join(rows[[c for c in rows if c not in ("onset", "duration", *table)]]), keep
