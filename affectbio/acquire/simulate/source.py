"""Simulates all streams of a device's profile, chunk by chunk, and the truth behind them."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.acquire.simulate import peripheral
from affectbio.acquire.simulate.affect import AFFECT_HZ, Coupling, Person
from affectbio.acquire.simulate.body import Body, Event, Second
from affectbio.acquire.simulate.eeg import Artefacts, EegModel
from affectbio.acquire.simulate.sampling import n_until, sample_times
from affectbio.devices import Device, DeviceStream
from affectbio.errors import ConfigError
from affectbio.registry import unknown_name
from affectbio.units import si_unit

__all__ = ["Simulated", "Simulation"]

Samples = npt.NDArray[np.float64]
_Model = Callable[[int, Second, Body], tuple[Samples, Samples]]

_INTERVALS = {"HR", "RR", "IBI", "PPI"}
_ONE_ROW = {
    "ecg": peripheral.ecg,
    "gsr": peripheral.skin,
    "temperature": peripheral.temperature,
    "resp": peripheral.respiration,
}
_MOTION = {"acc": peripheral.acceleration, "gyro": peripheral.rotation}


class Simulated(NamedTuple):
    """A stretch of simulated time.

    Attributes
    ----------
    start, stop : float
        Seconds of the session; samples lie at ``start <= time < stop``.
    data : tuple of ndarray, shape (n_chans, n_times) each
        One for each stream of the profile, in the units that a driver's sinks get; empty for one without a model.
    times : tuple of ndarray, shape (n_times,) each
        When the samples were taken, in seconds of the session.
    affect : ndarray, shape (2, n)
        Valence and arousal, at 10 Hz.
    affect_times : ndarray, shape (n,)
        Their times.
    events : tuple of Event
        What happened, in order.
    """

    start: float
    stop: float
    data: tuple[Samples, ...]
    times: tuple[Samples, ...]
    affect: Samples
    affect_times: Samples
    events: tuple[Event, ...]


class Simulation:
    """A device on a person, with the truth beside its signals.

    Parameters
    ----------
    device : Device
        Its profile.
    person : Person, optional
        Who wears it.
    state : str or sequence of (str, float)
        A name of ``affectbio.acquire.simulate.STATES``, or names with their durations in seconds.
    seed : int
        Of all chance. Devices with the same person, state and seed sit on one body: they see the same heart beats.
    artefacts : Artefacts, optional
        What is in the signals and not of brain or heart; nothing if not given.
    coupling : Coupling, optional
        How strongly signals follow affect.

    Attributes
    ----------
    unmodelled : tuple of str
        Streams of the profile that are not simulated, such as a battery.

    Raises
    ------
    ConfigError
        If a state or an electrode is not known, or nothing of the profile can be simulated.

    Notes
    -----
    Everything is made in seconds of the session and cut as asked, so that the samples do not depend on how they are
    read. Memory is constant and cost linear in time.

    Examples
    --------
    >>> from affectbio.devices import load_device
    >>> simulation = Simulation(load_device("epoc-x"), state="arithmetic", seed=1)
    >>> chunk = simulation.read(0.5)
    >>> chunk.data[0].shape, chunk.events[0].name
    ((14, 64), 'arithmetic')
    """

    def __init__(
        self,
        device: Device,
        person: Person | None = None,
        *,
        state: str | Sequence[tuple[str, float]] = "rest",
        seed: int = 0,
        artefacts: Artefacts | None = None,
        coupling: Coupling | None = None,
    ) -> None:
        self.device, self.person = device, person or Person()
        artefacts = artefacts or Artefacts()
        self._body = Body(
            self.person,
            state,
            coupling or Coupling(),
            seed,
            blinks=artefacts.blinks,
            emg_per_min=artefacts.emg_per_min,
            movements_per_min=artefacts.movements_per_min,
        )
        electrodes = [name for stream in device.streams if _is_eeg(stream) for name in stream.channels]
        for name in artefacts.bad:
            if name not in electrodes:
                raise unknown_name(f"electrode of {device.title}", name, electrodes)
        whose = zlib.crc32(device.title.encode())
        self._models = [
            _model(stream, self.person, artefacts, [seed, whose, number])
            for number, stream in enumerate(device.streams)
        ]
        pairs = list(zip(device.streams, self._models, strict=True))
        self.unmodelled = tuple(s.key for s, model in pairs if model is None)
        if all(model is None for model in self._models):
            raise ConfigError(
                f"{device.title} has no stream that can be simulated; expected EEG, ECG, PPG, skin conductance, "
                f"temperature, breathing, movement or heart rate, found {', '.join(self.unmodelled) or 'none'}"
            )
        self.scales = tuple(stream.scale for stream in device.streams)
        self._number = 0
        self._now = 0.0
        empty = [np.empty((len(s.channels), 0)) for s in device.streams]
        self._counts, self._times = empty, [np.empty(0) for _ in device.streams]
        self._affect = np.empty((2, 0))
        self._events: list[Event] = []

    def read(self, duration_s: float) -> Simulated:
        """Give what comes next.

        Parameters
        ----------
        duration_s : float
            How much of it, in seconds; any length.

        Returns
        -------
        Simulated
            From where the last call ended.

        Raises
        ------
        ValueError
            If the duration is negative or not finite.
        """
        if not (math.isfinite(duration_s) and duration_s >= 0):
            raise ValueError(f"duration_s is {duration_s!r}; expected seconds, not negative")
        start, stop = self._now, self._now + duration_s
        parts = [(self._counts, self._times, self._affect, self._events)]
        while self._number < stop:
            parts.append(self._second())
        every_count, every_time, affects, event_lists = zip(*parts, strict=True)
        counts = [np.concatenate(c, axis=1) for c in zip(*every_count, strict=True)]
        times = [np.concatenate(t) for t in zip(*every_time, strict=True)]
        affect = np.concatenate(affects, axis=1)
        events = [event for part in event_lists for event in part]

        cuts = [
            n_until(stop, stream.sfreq) - n_until(start, stream.sfreq)
            if len(t) and stream.sfreq
            else int(np.sum(t < stop))
            for stream, t in zip(self.device.streams, times, strict=True)
        ]
        n_affect = n_until(stop, AFFECT_HZ) - n_until(start, AFFECT_HZ)
        n_events = sum(event.time < stop for event in events)
        self._counts = [c[:, cut:].copy() for c, cut in zip(counts, cuts, strict=True)]
        self._times = [t[cut:].copy() for t, cut in zip(times, cuts, strict=True)]
        self._affect, self._events, self._now = affect[:, n_affect:].copy(), events[n_events:], stop
        return Simulated(
            start,
            stop,
            tuple(c[:, :cut] * scale for c, cut, scale in zip(counts, cuts, self.scales, strict=True)),
            tuple(t[:cut] for t, cut in zip(times, cuts, strict=True)),
            affect[:, :n_affect],
            (n_until(start, AFFECT_HZ) + np.arange(n_affect)) / AFFECT_HZ,
            tuple(events[:n_events]),
        )

    def _second(self) -> tuple[list[Samples], list[Samples], Samples, list[Event]]:
        """Make the next second: counts and times of each stream, affect, events."""
        number = self._number
        second = self._body.second()
        counts, times = [], []
        for stream, model, scale in zip(self.device.streams, self._models, self.scales, strict=True):
            data, at = (
                (np.empty((len(stream.channels), 0)), np.empty(0))
                if model is None
                else model(number, second, self._body)
            )
            data = data / scale
            counts.append(np.round(data) if _is_counted(stream) else data)
            times.append(at)
        self._number += 1
        return counts, times, second.affect[:, :-1], self._body.events(number, number + 1)


def _is_eeg(stream: DeviceStream) -> bool:
    """Say whether a stream is EEG, also where the user places its channels."""
    return stream.kind == "eeg" or (stream.kind == "misc" and stream.lsl_type == "EEG")


def _is_counted(stream: DeviceStream) -> bool:
    """Say whether the step of the converter is known: 1 in a physical unit is a device that sends ready numbers."""
    return stream.lsb != 1.0 or stream.unit == "counts"


def _model(stream: DeviceStream, person: Person, artefacts: Artefacts, seed: Sequence[int]) -> _Model | None:
    """Find what draws a stream, in the unit that sinks get."""
    channels, sfreq, rng = stream.channels, stream.sfreq, np.random.default_rng(seed)
    if not sfreq:
        if not _INTERVALS & set(channels):
            return None
        return lambda number, _second, body: peripheral.interval_rows(number, channels, stream.unit, body)
    draw: Callable[[int, Second, Body], Any]
    if _is_eeg(stream):
        eeg = EegModel(channels, sfreq, person, artefacts, seed)
        # Channels without a place on the head are of no kind with a unit, and stay in the profile's.
        per_volt = 1.0 if stream.kind == "eeg" else 1 / si_unit(stream.unit)[0]
        draw = lambda number, second, body: per_volt * eeg.second(number, second, body)  # noqa: E731
    elif stream.kind == "ppg":
        pulse = peripheral.PulseModel(channels, sfreq, stream.unit)
        draw = lambda number, second, body: pulse.second(number, second, body, rng)  # noqa: E731
    elif stream.kind in _ONE_ROW:
        row = _ONE_ROW[stream.kind]
        draw = lambda number, second, body: np.repeat(row(number, sfreq, second, body, rng), len(channels), axis=0)  # noqa: E731
    elif stream.kind in _MOTION:
        motion = _MOTION[stream.kind]
        axes = ["XYZ".find(name[-1:].upper()) for name in channels]
        axes = [axis if axis >= 0 else i % 3 for i, axis in enumerate(axes)]
        draw = lambda number, second, body: motion(number, sfreq, second, body, rng)[axes]  # noqa: E731
    else:
        return None
    return lambda number, second, body: (draw(number, second, body), sample_times(number, sfreq))
