"""The bridge to MNE: Raw and Epochs in and out, units, montage and annotations kept. MNE is imported when it is crossed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from affectbio.errors import DataError
from affectbio.types import Channel, Recording, Signal, Windows

if TYPE_CHECKING:
    import mne
    from collections.abc import Sequence

# Kinds MNE has no type for travel as "misc"; the unit goes with them in the channel's name only in MNE's own files.
_MNE_TYPES = ("eeg", "eog", "ecg", "emg", "gsr", "resp", "temperature", "misc")
_LOST = "BAD_lost"


def _info(channels: Sequence[Channel], sfreq: float) -> mne.Info:
    import mne

    types = [c.kind if c.kind in _MNE_TYPES else "misc" for c in channels]
    info = mne.create_info([c.name for c in channels], sfreq, types)
    positions = {c.name: np.asarray(c.position) for c in channels if c.position is not None}
    if positions:
        info.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"), on_missing="ignore")
    return info


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def raw_from_recording(recording: Recording, name: str) -> mne.io.RawArray:
    import mne

    signal = recording.signal(name)
    data = np.array(signal.data, dtype=np.float64)
    lost = np.isnan(data).any(axis=0)
    # MNE's filters spread a NaN over the whole recording; zeros under a BAD_ annotation are its convention.
    data[:, lost] = 0.0
    raw = mne.io.RawArray(data, _info(signal.channels, signal.sfreq), verbose="error")
    events = recording.events
    onsets = [*(events["onset"].to_numpy(dtype=float) - signal.start)]
    durations, descriptions = [*events["duration"]], [*events["trial_type"].astype(str)]
    for first, last in _runs(lost):
        onsets.append(first / signal.sfreq)
        durations.append((last - first) / signal.sfreq)
        descriptions.append(_LOST)
    inside = [i for i, onset in enumerate(onsets) if 0 <= onset <= signal.duration]
    if len(inside) < len(onsets):
        outside = next(i for i in range(len(onsets)) if i not in inside)
        raise DataError(
            f"event {descriptions[outside]!r} starts at {onsets[outside]:g} s, outside signal {name!r} of "
            f"{signal.duration:g} s; MNE would drop it silently: crop the events first"
        )
    raw.set_annotations(mne.Annotations(onsets, durations, descriptions))
    raw.info["subject_info"] = {"his_id": recording.subject}
    return raw


def recording_from_raw(raw: mne.io.BaseRaw, subject: str, *, signal: str, session: str) -> Recording:
    import pandas as pd

    channels = []
    for name, kind, ch in zip(raw.ch_names, raw.get_channel_types(), raw.info["chs"], strict=True):
        position = tuple(float(v) for v in ch["loc"][:3])
        placed = kind == "eeg" and np.isfinite(position).all() and any(position)
        kind = kind if kind in _MNE_TYPES else "misc"
        channels.append(Channel(name, kind, position=(position[0], position[1], position[2]) if placed else None))
    data = raw.get_data()
    rows = []
    for onset, duration, description in zip(
        raw.annotations.onset - raw.first_time * (raw.annotations.orig_time is not None),
        raw.annotations.duration,
        raw.annotations.description,
        strict=True,
    ):
        if description == _LOST:
            first = round(onset * raw.info["sfreq"])
            data[:, first : first + round(duration * raw.info["sfreq"])] = np.nan
        else:
            rows.append((float(onset), float(duration), str(description)))
    events = pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])
    events = events.astype({"onset": float, "duration": float, "trial_type": str})
    signals = {signal: Signal(data, float(raw.info["sfreq"]), channels)}
    return Recording(signals, subject=subject, session=session, events=events)


def epochs_from_windows(windows: Windows) -> mne.EpochsArray:
    import mne

    if windows.axes != ("window", "channel", "time") or windows.sfreq is None:
        raise DataError(f"epochs need windows of samples (window, channel, time); these are {windows.axes}")
    names, codes = (["window"], np.zeros(len(windows), int)) if windows.y is None else np.unique(windows.y, return_inverse=True)
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
