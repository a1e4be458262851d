"""``affectbio replay``: a recording played over LSL, as it is or as another device would have sent it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.text import Text

from affectbio.acquire import Replayed, StreamSpec, replay_signals
from affectbio.acquire._liblsl import quiet_lsl
from affectbio.acquire.lsl_sink import stream_specs
from affectbio.cli.files import open_recording
from affectbio.devices import Device, DeviceStream, load_device
from affectbio.errors import ConfigError
from affectbio.preprocess import resample
from affectbio.types import Channel, Recording, Signal

__all__ = ["Disguise", "disguised", "run_replay"]

_LSL_TYPE = {"eeg": "EEG", "ecg": "ECG", "emg": "EMG", "eog": "EOG", "gsr": "EDA", "ppg": "PPG", "acc": "ACC",
             "gyro": "GYRO", "resp": "RESP", "temperature": "TEMP"}  # fmt: skip
# Beyond this another electrode tells of another part of the brain.
_FAR_M = 0.05


class Disguise(NamedTuple):
    """A recording made to look like a device's.

    Attributes
    ----------
    recording : Recording
        Signals by what the profile's streams carry.
    specs : dict of str to StreamSpec
        How each presents itself.
    packets : dict of str to int
        Samples that travel together.
    notes : tuple of str
        Which electrode stands for which, and what is not played.
    """

    recording: Recording
    specs: dict[str, StreamSpec]
    packets: dict[str, int]
    notes: tuple[str, ...]


def disguised(recording: Recording, device: Device, name: str) -> Disguise:
    """Make a recording look like a device's, with its channels, rates and packets.

    Parameters
    ----------
    recording : Recording
        What is to be played.
    device : Device
        What it is to look like.
    name : str
        What streams are called after, as for `affectbio.acquire.lsl_sink.stream_specs`.

    Returns
    -------
    Disguise
        An electrode that was not recorded is played from the nearest that was, each used once; the notes say so.
        Rates are changed by polyphase filtering, which fills no gap: what was lost stays lost.

    Raises
    ------
    ConfigError
        If the recording has nothing that the device sends.
    """
    signals: dict[str, Signal] = {}
    specs: dict[str, StreamSpec] = {}
    packets: dict[str, int] = {}
    notes: list[str] = []
    used: set[str] = set()
    for stream, spec in zip(device.streams, stream_specs(device, name), strict=True):
        if not stream.sfreq:
            continue
        source = next(
            (n for n, s in recording.signals.items() if n not in used and _n_of(s, stream) >= len(stream.channels)),
            None,
        )
        if source is None:
            notes.append(f"{spec.lsl_type} ({stream.key}) is not played: the recording has no {len(stream.channels)} "
                         f"channels of kind {stream.kind}")  # fmt: skip
            continue
        used.add(source)
        signals[stream.key], said = _worn(recording.signals[source], stream)
        specs[stream.key], packets[stream.key] = spec, stream.packet
        notes += said
    if not signals:
        raise ConfigError(
            f"nothing of the recording can be played as {device.title}: "
            f"{'; '.join(notes) or 'it sends nothing at a regular rate'}"
        )
    return Disguise(replace(recording, signals=signals), specs, packets, tuple(notes))


def _n_of(signal: Signal, stream: DeviceStream) -> int:
    return sum(channel.kind == stream.kind for channel in signal.channels)


def _worn(signal: Signal, stream: DeviceStream) -> tuple[Signal, list[str]]:
    """Give a signal the channels and the rate of a stream, and say what stands for what."""
    rows = [i for i, channel in enumerate(signal.channels) if channel.kind == stream.kind]
    notes: list[str] = []
    if stream.kind == "eeg":
        rows, notes = _nearest([signal.channels[i] for i in rows], rows, stream.signal_channels())
    else:
        rows = rows[: len(stream.channels)]
    worn = resample(replace(signal, data=signal.data[rows], channels=stream.signal_channels()), stream.sfreq)
    if worn.sfreq != signal.sfreq:
        notes.append(f"{stream.lsl_type} at {worn.sfreq:g} Hz from {signal.sfreq:g} Hz")
    return worn, notes


def _nearest(there: list[Channel], rows: list[int], wanted: tuple[Channel, ...]) -> tuple[list[int], list[str]]:
    """Choose an electrode of the recording for each of the device's, so that the way is shortest in all."""
    from scipy.optimize import linear_sum_assignment

    distance = np.linalg.norm(
        np.array([c.position for c in wanted], float)[:, None] - np.array([c.position for c in there], float)[None],
        axis=2,
    )
    # What bears the name is taken, whatever others would gain.
    same = np.array([[w.name.casefold() == t.name.casefold() for t in there] for w in wanted])
    _, chosen = linear_sum_assignment(np.where(same, -1.0, distance))
    notes = [
        f"{electrode.name} played from {there[k].name}, {100 * distance[i, k]:.1f} cm away"
        + (": too far to stand for it" if distance[i, k] > _FAR_M else "")
        for i, (electrode, k) in enumerate(zip(wanted, chosen, strict=True))
        if not same[i, k]
    ]
    return [rows[k] for k in chosen], notes


def run_replay(
    path: Path,
    *,
    profile: str | None = None,
    speed: float = 1.0,
    jitter_ms: float = 0.0,
    loss: float = 0.0,
    drift_ppm: float = 0.0,
    seed: int = 0,
    units: dict[str, str] | None = None,
    ch_names: Sequence[str] | None = None,
    console: Console | None = None,
) -> dict[str, Replayed]:
    """Play a file over LSL until it is over or Ctrl-C; it starts when somebody listens.

    Parameters
    ----------
    path : Path
        As for `affectbio.datasets.read_recording`.
    profile : str, optional
        Name or path of the device it is to look like; as it was recorded if not given.
    speed, jitter_ms, loss, drift_ppm, seed
        As for `affectbio.acquire.replay`.
    units : dict of str to str, optional
        Units of XDF streams that state none, by type or name.
    ch_names : sequence of str, optional
        What the channels of an OpenBCI file are.
    console : rich.console.Console, optional
        Where to say what is played; stdout if not given.

    Returns
    -------
    dict of str to Replayed
        Samples sent and lost, by signal.

    Raises
    ------
    ConfigError
        If the device is not known, or sends nothing that the recording has.
    DataError
        If the file cannot be read, or the numbers make no sense.
    """
    console = console or Console()
    quiet_lsl()
    device = None if profile is None else load_device(profile)
    recording = open_recording(path, "replay", units=units, ch_names=ch_names, console=console)
    name = f"replay-{path.stem}" if profile is None else f"replay-{Path(profile).stem}"
    if device is None:
        playing = Disguise(recording, _own_specs(recording, name), {}, ())
    else:
        playing = disguised(recording, device, name)
    for note in playing.notes:
        console.print(Text(note, "yellow"))
    for key, spec in playing.specs.items():
        signal = playing.recording.signals[key]
        console.print(
            Text(f"{spec.name}: {signal.n_chans} channels at {signal.sfreq:g} Hz, {signal.duration / speed:.1f} s")
        )
    console.print("waiting for a listener; Ctrl-C ends it")
    stop = Event()
    try:
        done = replay_signals(
            playing.recording,
            playing.specs,
            packets=playing.packets,
            markers=f"{name}-markers",
            speed=speed,
            drift_ppm=drift_ppm,
            jitter_ms=jitter_ms,
            loss=loss,
            seed=seed,
            stop=stop,
        )
    except KeyboardInterrupt:
        console.print("stopped")
        return {}
    for key, result in done.items():
        console.print(Text(f"{playing.specs[key].name}: {result.n_sent} samples sent, {result.n_lost} lost"))
    return done


def _own_specs(recording: Recording, name: str) -> dict[str, StreamSpec]:
    return {
        key: StreamSpec(
            name=f"{name} {key}",
            lsl_type=_LSL_TYPE.get(signal.channels[0].kind, _first_of(key, recording).upper()),
            channels=signal.channels,
            sfreq=signal.sfreq,
            source_id=f"affectbio-{name}-{key}",
        )
        for key, signal in recording.signals.items()
        if signal.n_chans and signal.n_times
    }


def _first_of(key: str, recording: Recording) -> str:
    """Give the signal that a second one of its kind is called after: affect of affect2."""
    base = key.rstrip("0123456789")
    return base if base in recording.signals else key
