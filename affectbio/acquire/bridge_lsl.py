"""A stream that is already on LSL, read as if it were a device: its own stamps, its own words for its channels."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.driver import DriverState, Sink, StreamCounts
from affectbio.acquire.inlet import Chunk, Inlet, find_stream
from affectbio.acquire.spec import StreamSpec
from affectbio.devices import Device
from affectbio.errors import ConfigError
from affectbio.registry import unknown_name

__all__ = ["LslSource", "lsl_device", "lsl_query"]

_KEYS = {"name": "name", "type": "lsl_type", "source_id": "source_id"}
# How soon a source that nothing comes from notices that it was stopped.
_WAIT_S = 0.1


def lsl_query(text: str) -> dict[str, str]:
    """Read what stands behind ``lsl:``.

    Parameters
    ----------
    text : str
        ``"lsl:"`` and a stream's name, or what it must be: ``"lsl:type=EEG"``, ``"lsl:type=EEG,name=headband"``,
        ``"lsl:source_id=headband-001"``.

    Returns
    -------
    dict
        Arguments of `affectbio.acquire.find_stream`.

    Raises
    ------
    ConfigError
        If nothing is asked for, or something that streams do not have.

    Examples
    --------
    >>> lsl_query("lsl:headband 2"), lsl_query("lsl:type=EEG,source_id=x-1")
    ({'name': 'headband 2'}, {'lsl_type': 'EEG', 'source_id': 'x-1'})
    """
    asked = text.removeprefix("lsl:")
    if not asked:
        raise ConfigError("found 'lsl:' alone; expected a stream's name behind it, or type=EEG, or source_id=...")
    # A name may hold an equals sign.
    if asked.partition("=")[0] not in _KEYS:
        return {"name": asked}
    query = {}
    for part in asked.split(","):
        key, _, value = part.partition("=")
        if key not in _KEYS:
            raise unknown_name("property of an LSL stream", key, _KEYS)
        query[_KEYS[key]] = value
    return query


def lsl_device(spec: StreamSpec) -> tuple[Device, tuple[npt.NDArray[np.intp], ...]]:
    """Say what a stream on LSL would be as a device.

    Parameters
    ----------
    spec : StreamSpec
        The stream.

    Returns
    -------
    device : Device
        With one stream for each kind of channel, such as the EEG and the trigger beside it.
    rows : tuple of ndarray
        Which of the stream's channels each has.

    Examples
    --------
    >>> from affectbio.types import Channel
    >>> spec = StreamSpec("x", "EEG", [Channel("C3"), Channel("TRIG", "misc"), Channel("C4")], 250.0, "x-1")
    >>> device, rows = lsl_device(spec)
    >>> [(stream.key, stream.channels) for stream in device.streams], [r.tolist() for r in rows]
    ([('eeg', ('C3', 'C4')), ('misc', ('TRIG',))], [[0, 2], [1]])
    """
    kinds = list(dict.fromkeys(channel.kind for channel in spec.channels))
    rows = tuple(np.flatnonzero([channel.kind == kind for channel in spec.channels]) for kind in kinds)
    streams = []
    for kind in kinds:
        channels = [channel for channel in spec.channels if channel.kind == kind]
        names = [channel.name for channel in channels]
        streams.append(
            {
                "kind": kind,
                "lsl_type": spec.lsl_type,
                "sfreq": spec.sfreq,
                "unit": channels[0].unit,
                "lsb": 1.0,
                "channels": names,
                "packet": 1,
                "clock": "none",
                "source": "what the stream says of itself on LSL",
            }
        )
    device = Device.model_validate(
        {
            "title": spec.name,
            "maker": spec.manufacturer,
            "verified": "no",
            "link": {"kind": "lsl"},
            "streams": streams,
        }
    )
    return device, rows


class LslSource:
    """A stream on LSL with the face of a driver: state, counts, `run` and `stop`.

    Stamps are the sender's, brought to this machine's clock; what was lost is left out, as of a device. When the sender
    is gone and comes back with the same source_id, it is read again. The stream is looked for at once, so that what it
    carries is known: making one waits until it answers.

    Parameters
    ----------
    text : str
        As for `lsl_query`.
    sinks : sequence of Sink
        Where samples go.
    timeout_s : float
        How long to look for the stream, and to connect, in seconds.
    units : mapping of str to str, optional
        As for `affectbio.acquire.Inlet`.
    on_state : callable, optional
        As for `affectbio.acquire.driver.Driver`.

    Attributes
    ----------
    info : pylsl.StreamInfo
        What was found.
    device : Device
        What it would be as a device.

    Raises
    ------
    StreamNotFoundError
        If there is none; the message lists what is on the network.
    StreamError
        If several answer.
    DataError
        If it is text or comes at no regular rate, or a channel has no usable unit.
    """

    battery = math.nan

    def __init__(
        self,
        text: str,
        sinks: Sequence[Sink] = (),
        *,
        timeout_s: float = 5.0,
        units: dict[str, str] | None = None,
        on_state: Callable[[DriverState, str], None] | None = None,
    ) -> None:
        self.info = find_stream(**lsl_query(text), timeout_s=timeout_s)
        self._inlet = Inlet(self.info, timeout_s=timeout_s, units=units)
        self.device, self._rows = lsl_device(self._inlet.spec)
        self.sinks, self._on_state = tuple(sinks), on_state
        self.counts = tuple(StreamCounts() for _ in self.device.streams)
        self.state: DriverState = "stopped"
        self._stopping = False

    def stop(self) -> None:
        """End `run`, from within the loop."""
        self._stopping = True

    async def run(self) -> None:
        """Read the stream until `stop`.

        Raises
        ------
        StreamLostError
            If it is gone before it could be read.
        Exception
            What a sink raised.
        """
        self._stopping = False
        loop = asyncio.get_running_loop()
        self._change("connecting", "")
        try:
            await loop.run_in_executor(None, self._inlet.__enter__)
            while not self._stopping:
                pulling = loop.run_in_executor(None, self._inlet.pull, _WAIT_S)
                try:
                    chunk = await asyncio.shield(pulling)
                finally:
                    # Nobody may close an inlet that another thread is reading.
                    await asyncio.wait((pulling,))
                state = self._inlet.state
                self._change(state, "" if state in ("connecting", "streaming") else "nothing comes from the sender")
                if chunk is not None:
                    self._pass_on(chunk)
        finally:
            self._inlet.__exit__()
            self._change("stopped", "")

    def _pass_on(self, chunk: Chunk) -> None:
        arrival_s = local_clock()
        data, stamps = chunk.data, chunk.stamps
        if chunk.lost:
            there = ~np.isnan(data).all(axis=0)
            data, stamps = data[:, there], stamps[there]
        if not len(stamps):
            return
        late_ms = 1e3 * abs(arrival_s - float(stamps[-1]))
        for number, (rows, counts) in enumerate(zip(self._rows, self.counts, strict=True)):
            if math.isnan(counts.first_stamp):
                counts.first_stamp = float(stamps[0])
            counts.last_stamp = float(stamps[-1])
            counts.n_samples, counts.n_lost = counts.n_samples + len(stamps), counts.n_lost + chunk.lost
            counts.jitter_ms = late_ms if math.isnan(counts.jitter_ms) else 0.99 * counts.jitter_ms + 0.01 * late_ms
            for sink in self.sinks:
                sink.push(number, data[rows], stamps)

    def _change(self, state: DriverState, why: str) -> None:
        if state == self.state:
            return
        self.state = state
        for sink in self.sinks:
            sink.status(f"{state}: {why}" if why else state, local_clock())
        if self._on_state is not None:
            self._on_state(state, why)
