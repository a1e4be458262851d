"""The bridge to MNE: Raw and Epochs in and out, with units, montage, bad channels and annotations.

MNE is imported when the bridge is crossed, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affectbio.errors import DataError
from affectbio.types import Channel, Recording, Signal, Windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import mne
    import numpy.typing as npt

# MNE's types for our kinds. It has none for the rest (ppg, acc, gyro), which travel as "misc" and come back as "misc".
_MNE_TYPES = ("eeg", "eog", "ecg", "emg", "gsr", "resp", "temperature", "misc")
_LOST = "BAD_lost"


def _info(channels: Sequence[Channel], sfreq: float) -> mne.Info:
    import mne

    types = [c.kind if c.kind in _MNE_TYPES else "misc" for c in channels]
    info = mne.create_info([c.name for c in channels], sfreq, types)
    positions = {c.name: np.asarray(c.position) for c in channels if c.kind == "eeg"}
    if positions:
        info.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"))
    return info


def _lost_runs(lost: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, npt.NDArray[np.intp]]]:
    """First and one past the last sample, and the channels, of every run in which the same channels are lost."""
    change = np.flatnonzero((lost[:, 1:] != lost[:, :-1]).any(axis=0)) + 1
    for first, last in zip((0, *change), (*change, lost.shape[1]), strict=True):
        rows = np.flatnonzero(lost[:, first])
        if len(rows):
            yield int(first), int(last), rows


def _annotations(recording: Recording, signal: Signal, lost: npt.NDArray[np.bool_]) -> mne.Annotations:
    import mne

    events = recording.events
    onsets = [*(events["onset"].to_numpy(dtype=float) - signal.start)]
    # BIDS writes n/a for a duration that is not known; MNE wants a number.
    durations = [*np.nan_to_num(events["duration"].to_numpy(dtype=float))]
    descriptions = [*events["trial_type"].astype(str)]
    for onset, description in zip(onsets, descriptions, strict=True):
        if not 0 <= onset <= signal.duration:
            raise DataError(
                f"event {description!r} starts at {onset:g} s, outside the signal of {signal.duration:g} s (its first "
                f"channel is {signal.ch_names[0]!r}); MNE would drop it silently: crop the events first"
            )
    ch_names: list[tuple[str, ...]] = [()] * len(onsets)
    for first, last, rows in _lost_runs(lost):
        onsets.append(first / signal.sfreq)
        durations.append((last - first) / signal.sfreq)
        descriptions.append(_LOST)
        # No names: all channels, which is how MNE's own tools write and read it.
        ch_names.append(() if len(rows) == signal.n_chans else tuple(signal.ch_names[i] for i in rows))
    begins, lengths = _within(np.asarray(onsets, float), np.asarray(durations, float), signal)
    return mne.Annotations(begins, lengths, descriptions, ch_names=ch_names)


def _within(
    onsets: npt.NDArray[np.float64], durations: npt.NDArray[np.float64], signal: Signal
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cut what lasts longer than the signal to its end, in the whole microseconds that MNE counts in.

    MNE does it too, but rounds onset and duration apart from each other, and then warns of ends that only this has put
    behind the last sample.
    """
    last = np.floor(1e6 * signal.duration)
    begin = np.minimum(np.round(1e6 * onsets), last)
    end = np.clip(np.round(1e6 * (onsets + durations)), begin, last)
    return begin / 1e6, (end - begin) / 1e6


def raw_from_recording(recording: Recording, name: str) -> mne.io.RawArray:
    """Do the work of `Recording.to_raw`."""
    import mne

    signal = recording.signal(name)
    data = np.array(signal.data, dtype=np.float64)
    lost = np.isnan(data)
    # MNE's filters spread a NaN over the whole recording; zeros under a BAD_ annotation are its convention.
    data[lost] = 0.0
    raw = mne.io.RawArray(data, _info(signal.channels, signal.sfreq), verbose="error")
    raw.set_annotations(_annotations(recording, signal, lost))
    raw.info["bads"] = [bad for bad in recording.meta.get("bads", ()) if bad in signal.ch_names]
    raw.info["subject_info"] = {"his_id": recording.subject}
    return raw


def _channel(name: str, kind: str, position: npt.NDArray[np.float64]) -> Channel:
    if kind != "eeg":
        return Channel(name, kind if kind in _MNE_TYPES else "misc")
    # MNE writes NaN, older files zeros, where no position is known.
    if not np.isfinite(position).all() or not position.any():
        return Channel(name)
    x, y, z = (float(v) for v in position)
    return Channel(name, position=(x, y, z))


def recording_from_raw(raw: mne.io.BaseRaw, subject: str, *, signal: str, session: str) -> Recording:
    """Do the work of `Recording.from_raw`."""
    import pandas as pd

    sfreq = float(raw.info["sfreq"])
    locs = [ch["loc"][:3] for ch in raw.info["chs"]]
    channels = [_channel(*described) for described in zip(raw.ch_names, raw.get_channel_types(), locs, strict=True)]
    data = raw.get_data()
    notes = raw.annotations
    rows: list[tuple[float, float, str]] = []
    # MNE counts onsets from the start of the acquisition; a cropped Raw begins first_time later.
    onsets = notes.onset - raw.first_time
    for onset, duration, description, names in zip(
        onsets, notes.duration, notes.description, notes.ch_names, strict=True
    ):
        if description == _LOST:
            picked: Any = [raw.ch_names.index(n) for n in names] or slice(None)
            first, last = max(0, round(onset * sfreq)), round((onset + duration) * sfreq)
            data[picked, first:last] = np.nan
        else:
            rows.append((float(onset), float(duration), str(description)))
    events = pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])
    return Recording(
        {signal: Signal(data, sfreq, channels)},
        subject=subject,
        session=session,
        events=events.astype({"onset": float, "duration": float, "trial_type": str}),
        meta={"bads": tuple(raw.info["bads"])} if raw.info["bads"] else {},
    )


def epochs_from_windows(windows: Windows) -> mne.EpochsArray:
    """Do the work of `Windows.to_epochs`."""
    import mne

    if windows.axes != ("window", "channel", "time") or windows.sfreq is None:
        raise DataError(f"epochs need windows of samples (window, channel, time); these are {windows.axes}")
    labels = np.full(len(windows), "window") if windows.y is None else windows.y.astype(str)
    names, codes = np.unique(labels, return_inverse=True)
    # MNE wants distinct sample numbers; the true times are in the metadata.
    events = np.column_stack([np.arange(len(windows)), np.zeros(len(windows), int), codes + 1])
    return mne.EpochsArray(
        np.asarray(windows.X, dtype=np.float64),
        _info(windows.channels, windows.sfreq),
        events=events,
        event_id={str(n): i + 1 for i, n in enumerate(names)},
        metadata=windows.metadata,
        verbose="error",
    )
