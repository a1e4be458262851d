"""FIF files of MNE and BrainVision files, read by MNE, as Recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affectbio.errors import DataError
from affectbio.montage import electrode_position, modern_name
from affectbio.types import Recording, Signal

if TYPE_CHECKING:
    import mne
    import pandas as pd

__all__ = ["read_brainvision", "read_fif"]

# What a Recording has words for. Magnetometers, head positions and light through the skull it has none for.
_KINDS = ("eeg", "eog", "ecg", "emg", "gsr", "resp", "temperature", "misc", "bio")


def read_fif(path: str | Path, subject: str, *, session: str = "01") -> Recording:
    """Read a FIF file of continuous data.

    Parameters
    ----------
    path : str or Path
        ``…_raw.fif``, or ``.fif.gz``; the first part of one that was split.
    subject : str
        Pseudonym of the person.
    session : str
        Which visit.

    Returns
    -------
    Recording
        A signal for each kind of channel, all from one clock: ``"eeg"``, ``"ecg"``, ``"misc"``, …. EEG channels are in
        volts with the positions of the file, or of their 10-05 name; one that has neither is ``misc``. Annotations
        become events, and values of a trigger channel too, called as they are numbered and without duration;
        ``BAD_lost`` becomes NaN. ``meta`` has ``bads`` and ``left_out`` (channels of other kinds, by name).

    Raises
    ------
    DataError
        If MNE cannot read it, or it holds no channel of a kind that is known.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.types import Channel
    >>> eeg = Signal(np.ones((1, 256)), 128.0, [Channel("Cz")])
    >>> path = Path(tempfile.mkdtemp()) / "s01_raw.fif"
    >>> Recording({"eeg": eeg}, "01").to_raw().save(path, verbose="error")
    [...]
    >>> read_fif(path, "01").signal("eeg").ch_names
    ('Cz',)
    """
    import mne

    return _read(Path(path), subject, session, mne.io.read_raw_fif)


def read_brainvision(path: str | Path, subject: str, *, session: str = "01") -> Recording:
    """Read a BrainVision recording.

    Parameters
    ----------
    path : str or Path
        The header, ``.vhdr``; the samples and markers that it names must be beside it.
    subject : str
        Pseudonym of the person.
    session : str
        Which visit.

    Returns
    -------
    Recording
        As from `read_fif`. Markers are called as MNE does, such as ``"Stimulus/S  1"``.

    Raises
    ------
    DataError
        If MNE cannot read it: a part is missing, or the header is damaged.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "x.eeg").write_bytes(np.arange(200, dtype="<i2").tobytes())
    >>> _ = (folder / "x.vhdr").write_text('''Brain Vision Data Exchange Header File Version 1.0
    ... [Common Infos]
    ... DataFile=x.eeg
    ... DataFormat=BINARY
    ... DataOrientation=MULTIPLEXED
    ... NumberOfChannels=1
    ... SamplingInterval=10000
    ... [Binary Infos]
    ... BinaryFormat=INT_16
    ... [Channel Infos]
    ... Ch1=Cz,,0.5,µV
    ... ''', encoding="utf-8")
    >>> eeg = read_brainvision(folder / "x.vhdr", "01").signal("eeg")
    >>> eeg.sfreq, round(1e6 * float(eeg.data[0, 10]), 6)
    (100.0, 5.0)
    """
    import mne

    return _read(Path(path), subject, session, mne.io.read_raw_brainvision)


def _read(path: Path, subject: str, session: str, read: Callable[..., Any]) -> Recording:
    try:
        raw = read(path, preload=True, verbose="error")
    # MNE answers damage with whatever its parser stumbles over.
    except Exception as error:
        raise DataError(f"{path}: MNE cannot read it: {error}") from error
    events = _triggers(raw)
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    known = [name for name, kind in kinds.items() if kind in _KINDS]
    left_out = tuple(f"channel {name!r} ({kind})" for name, kind in kinds.items() if name not in known)
    if not known:
        raise DataError(f"{path.name} holds no channel that a recording has a word for; found {', '.join(left_out)}")
    raw.pick(known)
    _name_electrodes(raw)
    whole = Recording.from_raw(raw, subject, session=session)
    everything = whole.signal("eeg")
    signals: dict[str, Signal] = {}
    for kind in dict.fromkeys(channel.kind for channel in everything.channels):
        rows = [i for i, channel in enumerate(everything.channels) if channel.kind == kind]
        channels = [everything.channels[i] for i in rows]
        signals[kind] = replace(everything, data=everything.data[rows], channels=channels)
    meta = {**whole.meta, "file": path.name, "left_out": left_out}
    return replace(whole, signals=signals, events=_by_onset(whole.events, events), meta=meta)


def _triggers(raw: mne.io.BaseRaw) -> list[tuple[float, float, str]]:
    """Give what a trigger channel says, which annotations do not repeat."""
    import mne

    if "stim" not in raw.get_channel_types() or len(raw.annotations):
        return []
    found = mne.find_events(raw, shortest_event=1, initial_event=True, verbose="error")
    return [((at - raw.first_samp) / raw.info["sfreq"], 0.0, str(code)) for at, _, code in found]


def _name_electrodes(raw: mne.io.BaseRaw) -> None:
    """Give electrodes their 10-05 names, and take those out of the EEG whose place nobody knows."""
    names = {name: modern_name(name) for name in raw.ch_names}
    placed = {ch["ch_name"] for ch in raw.info["chs"] if np.isfinite(ch["loc"][:3]).all() and ch["loc"][:3].any()}
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    lost = {
        name: "misc"
        for name, kind in kinds.items()
        if kind == "eeg" and name not in placed and electrode_position(names[name]) is None
    }
    if lost:
        raw.set_channel_types(lost, on_unit_change="ignore", verbose="error")
    renamed = {name: new for name, new in names.items() if kinds[name] == "eeg" and name not in lost and new != name}
    if len({*raw.ch_names} - {*renamed}) + len({*renamed.values()}) == len(raw.ch_names):
        raw.rename_channels(renamed, verbose="error")


def _by_onset(events: pd.DataFrame, more: list[tuple[float, float, str]]) -> pd.DataFrame:
    import pandas as pd

    if not more:
        return events
    added = pd.DataFrame(more, columns=["onset", "duration", "trial_type"])
    return pd.concat([events, added], ignore_index=True).sort_values("onset", kind="stable", ignore_index=True)
