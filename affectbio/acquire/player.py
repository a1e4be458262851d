"""Plays recordings over LSL as a headset would: in packets, at their own pace, with drift, late arrival and loss.

The stamps are the signal's own time on the replayed device's clock (`ReplayClock`), which runs ``speed`` times as fast
as the wall clock. A recording keeps its true rate however fast it is played; `wall_time` tells when a stamp was due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.outlet import MarkerOutlet, Outlet
from affectbio.acquire.spec import ReplayClock, StreamSpec
from affectbio.errors import DataError
from affectbio.types import Recording

__all__ = ["Programme", "Replayed", "make_programme", "play", "replay", "replay_signals"]

_LOOK_S = 0.2
# After the first listener the others get this long; liblsl does not tell how many there are.
_SETTLE_S = 1.0
# A sender that vanishes takes with it what it has not sent yet.
_LINGER_S = 0.5


class Replayed(NamedTuple):
    """What was played.

    Attributes
    ----------
    n_sent : int
        Samples sent.
    n_lost : int
        Samples left out, as lost packets and as samples that were already lost in the recording.
    """

    n_sent: int
    n_lost: int


@dataclass(frozen=True, slots=True)
class Programme:
    """Recordings made ready to play: light enough for a process that loads no pandas and no MNE.

    Parameters
    ----------
    spec : StreamSpec
        The stream.
    data : ndarray, shape (n_chans, n_times)
        All recordings end to end, in SI units.
    markers : tuple of (float, str)
        Sample, not always a whole one, and text of each event, in order.
    speed, packet, drift_ppm, jitter_ms, loss, seed
        As for `replay`.
    """

    spec: StreamSpec
    data: npt.NDArray[np.float64]
    markers: tuple[tuple[float, str], ...]
    speed: float
    packet: int
    drift_ppm: float
    jitter_ms: float
    loss: float
    seed: int


def replay(
    recordings: Sequence[Recording],
    spec: StreamSpec | None = None,
    *,
    signal: str = "eeg",
    speed: float = 1.0,
    packet: int = 1,
    drift_ppm: float = 0.0,
    jitter_ms: float = 0.0,
    loss: float = 0.0,
    seed: int = 0,
    stop: Event | None = None,
) -> Replayed:
    """Play recordings over LSL, one after the other without a gap; returns when they are over.

    Two streams are opened: the signal, and its events as text at their onsets (type ``Markers``, the signal's name and
    source_id with ``-markers``). Nothing is sent before somebody listens to the signal; a second later it starts.

    Parameters
    ----------
    recordings : sequence of Recording
        With the same channels and rate.
    spec : StreamSpec, optional
        How the stream presents itself; its channels and rate are the recordings'.
    signal : str
        Which signal to play.
    speed : float
        How many times faster than life.
    packet : int
        Samples sent together, as they would be over the radio: when the last of them is due.
    drift_ppm : float
        How much the device's clock is fast, in parts per million: its samples are that much closer together.
    jitter_ms : float
        Mean of the exponential delay of a packet's arrival, in milliseconds of wall time. Stamps are not touched.
    loss : float
        Share of the packets that never arrive, 0 to 1.
    seed : int
        Of the jitter and the losses.
    stop : threading.Event, optional
        Ends the replay early when set.

    Returns
    -------
    Replayed
        Samples sent and lost.

    Raises
    ------
    DataError
        If the recordings differ in channels or rate, or none is given.
    StreamError
        If LSL does not load.
    """
    programme = make_programme(recordings, spec, signal, speed, packet, drift_ppm, jitter_ms, loss, seed)
    return play(programme, stop or Event())


def replay_signals(
    recording: Recording,
    specs: Mapping[str, StreamSpec],
    *,
    packets: Mapping[str, int] | None = None,
    markers: str = "affectbio-replay-markers",
    speed: float = 1.0,
    drift_ppm: float = 0.0,
    jitter_ms: float = 0.0,
    loss: float = 0.0,
    seed: int = 0,
    stop: Event | None = None,
) -> dict[str, Replayed]:
    """Play several signals of a recording over LSL at once, as one device on one clock; returns when they are over.

    Each begins when it begins in the recording. A second after somebody listens to any of them, they start.

    Parameters
    ----------
    recording : Recording
        What to play.
    specs : mapping of str to StreamSpec
        How the streams present themselves, by signal; channels and rates are the recording's.
    packets : mapping of str to int, optional
        Samples sent together, by signal; 1 where not given.
    markers : str
        Name and source_id of the stream of events.
    speed, drift_ppm, jitter_ms, loss, seed, stop
        As for `replay`; every signal is jittered and loses packets by itself.

    Returns
    -------
    dict of str to Replayed
        Samples sent and lost, by signal.

    Raises
    ------
    DataError
        If no signal is asked for, or one is not there.
    StreamError
        If LSL does not load, or a stream cannot be sent.
    """
    if not specs:
        raise DataError(f"no signal to replay; expected some of {', '.join(recording.signals)}")
    stop = stop or Event()
    clock = ReplayClock(start=local_clock(), speed=speed if speed > 0 else 1.0)
    programmes = {
        name: make_programme(
            [recording], spec, name, speed, (packets or {}).get(name, 1), drift_ppm, jitter_ms, loss, seed + number
        )
        for number, (name, spec) in enumerate(specs.items())
    }
    origin = min(recording.signals[name].start for name in programmes)
    with ExitStack() as stack:
        outlets = {
            name: stack.enter_context(Outlet(replace(programme.spec, replay=clock)))
            for name, programme in programmes.items()
        }
        marker_outlet = stack.enter_context(MarkerOutlet(markers, markers))
        while not any(outlet.wait_for_consumer(_LOOK_S / len(outlets)) for outlet in outlets.values()):
            if stop.is_set():
                return dict.fromkeys(specs, Replayed(0, 0))
        stop.wait(_SETTLE_S)
        first_stamp = clock.stamp(local_clock())
        slow = 1.0 + 1e-6 * drift_ppm
        onsets = recording.events["onset"].to_numpy(dtype=float) - origin
        words = sorted(zip((onsets / slow).tolist(), map(str, recording.events["trial_type"]), strict=True))
        with ThreadPoolExecutor(len(programmes) + 1) as pool:
            try:
                jobs = {
                    name: pool.submit(
                        _send,
                        replace(programme, markers=()),
                        clock,
                        outlets[name],
                        marker_outlet,
                        stop,
                        first_stamp + (recording.signals[name].start - origin) / slow,
                    )
                    for name, programme in programmes.items()
                }
                telling = pool.submit(_tell, words, clock, marker_outlet, stop, first_stamp)
                done = {name: job.result() for name, job in jobs.items()}
                telling.result()
            except BaseException:
                # The others must not play on, nor hold up the end of the pool.
                stop.set()
                raise
        stop.wait(_LINGER_S)
    return done


def make_programme(
    recordings: Sequence[Recording],
    spec: StreamSpec | None,
    signal: str,
    speed: float,
    packet: int,
    drift_ppm: float,
    jitter_ms: float,
    loss: float,
    seed: int,
) -> Programme:
    """Put recordings end to end, with their events; arguments and errors are those of `replay`.

    Returns
    -------
    Programme
        What `play` plays.
    """
    if not recordings:
        raise DataError("no recording to replay; expected at least one")
    if not speed > 0 or packet < 1 or not 0 <= loss < 1 or jitter_ms < 0:
        raise DataError(
            f"cannot replay with speed {speed!r}, packet {packet!r}, loss {loss!r}, jitter_ms {jitter_ms!r}; expected "
            f"speed > 0, packet >= 1, 0 <= loss < 1, jitter_ms >= 0"
        )
    parts = [recording.signal(signal) for recording in recordings]
    first = parts[0]
    for recording, part in zip(recordings, parts, strict=True):
        if part.channels != first.channels or part.sfreq != first.sfreq:
            raise DataError(
                f"recordings of subjects {recordings[0].subject!r} and {recording.subject!r} differ in channels or "
                f"rate ({first.n_chans} at {first.sfreq:g} Hz, {part.n_chans} at {part.sfreq:g} Hz); one stream has "
                f"one of each"
            )
    if spec is None:
        spec = StreamSpec("affectbio-replay", signal.upper(), first.channels, first.sfreq, "affectbio-replay")
    spec = replace(spec, channels=first.channels, sfreq=first.sfreq, units=())
    offsets = np.cumsum([0, *(part.n_times for part in parts)])
    markers = [
        (float(offset + (onset - part.start) * part.sfreq), str(text))
        for recording, part, offset in zip(recordings, parts, offsets[:-1], strict=True)
        for onset, text in zip(recording.events["onset"], recording.events["trial_type"], strict=True)
    ]
    data = np.concatenate([np.asarray(part.data, dtype=np.float64) for part in parts], axis=1)
    return Programme(spec, data, tuple(sorted(markers)), speed, packet, drift_ppm, jitter_ms, loss, seed)


def play(programme: Programme, stop: Event) -> Replayed:
    """Play it, once somebody listens.

    Parameters
    ----------
    programme : Programme
        What to play.
    stop : threading.Event
        Ends it early when set.

    Returns
    -------
    Replayed
        Samples sent and lost.
    """
    clock = ReplayClock(start=local_clock(), speed=programme.speed)
    spec = replace(programme.spec, replay=clock)
    with Outlet(spec) as outlet, MarkerOutlet(f"{spec.name}-markers", f"{spec.source_id}-markers") as marker_outlet:
        while not outlet.wait_for_consumer(_LOOK_S):
            if stop.is_set():
                return Replayed(0, 0)
        stop.wait(_SETTLE_S)
        result = _send(programme, clock, outlet, marker_outlet, stop, clock.stamp(local_clock()))
        stop.wait(_LINGER_S)
    return result


def _tell(
    words: Sequence[tuple[float, str]], clock: ReplayClock, marker_outlet: MarkerOutlet, stop: Event, first_stamp: float
) -> None:
    """Send the events, each when it is due."""
    for onset, text in words:
        stamp = first_stamp + onset
        if stop.wait(max(0.0, clock.wall(stamp) - local_clock())):
            break
        marker_outlet.push(text, stamp)


def _send(
    programme: Programme,
    clock: ReplayClock,
    outlet: Outlet,
    marker_outlet: MarkerOutlet,
    stop: Event,
    first_stamp: float,
) -> Replayed:
    rng = np.random.default_rng(programme.seed)
    period = 1.0 / (programme.spec.sfreq * (1.0 + 1e-6 * programme.drift_ppm))
    n_times = programme.data.shape[1]
    markers = list(programme.markers)
    n_sent = n_lost = 0
    for start in range(0, n_times, programme.packet):
        data = programme.data[:, start : start + programme.packet]
        stamps = first_stamp + np.arange(start, start + data.shape[1]) * period
        # Each packet has its own appointment with the clock, so that late ones do not delay those after them.
        due = clock.wall(float(stamps[-1])) + rng.exponential(1e-3 * programme.jitter_ms)
        if stop.wait(max(0.0, due - local_clock())):
            break
        while markers and markers[0][0] < start + data.shape[1]:
            sample, text = markers.pop(0)
            marker_outlet.push(text, first_stamp + sample * period)
        # A sample that was lost when it was recorded is lost again.
        arrives = rng.random() >= programme.loss
        there = ~np.isnan(data).all(axis=0) & arrives
        outlet.push(data[:, there], stamps[there])
        n_sent, n_lost = n_sent + int(there.sum()), n_lost + int((~there).sum())
    else:
        for sample, text in markers:
            marker_outlet.push(text, first_stamp + sample * period)
    return Replayed(n_sent, n_lost)
