"""What a stream is: one description that becomes an LSL stream and is read back from one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from affectbio.acquire._liblsl import load_pylsl
from affectbio.errors import DataError
from affectbio.types import Channel
from affectbio.units import si_unit
from affectbio.xdf.header import FORMATS, parse_header, scale_to_si

__all__ = ["ReplayClock", "StreamSpec", "wall_time"]

# What goes over the wire: the ecosystem expects microvolts, and float32 holds microvolts and volts equally well.
_WIRE_UNIT = {"V": "microvolts", "S": "microsiemens"}


@dataclass(frozen=True, slots=True)
class ReplayClock:
    """The clock of a replayed stream: it stood at ``start`` at LSL time ``start`` and runs ``speed`` times as fast.

    Parameters
    ----------
    start : float
        LSL time in seconds.
    speed : float
        1 for real time.
    """

    start: float
    speed: float

    def wall(self, stamp: float) -> float:
        """Give the LSL time at which a stamp's sample is due, in seconds."""
        return self.start + (stamp - self.start) / self.speed

    def stamp(self, wall: float) -> float:
        """Give what the replayed clock shows at an LSL time, in seconds."""
        return self.start + (wall - self.start) * self.speed


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """A stream of numbers, as both ends see it.

    Parameters
    ----------
    name : str
        What people call the stream.
    lsl_type : str
        LSL's content type: ``"EEG"``, ``"ECG"``, ``"PPG"``, ``"EDA"``, ``"ACC"``, …
    channels : sequence of Channel
        What it carries.
    sfreq : float
        Nominal rate in Hz; 0 where a sample comes now and then, as intervals between beats do.
    source_id : str
        Names the device for good, so that readers find the stream again after a restart: never empty.
    dtype : str
        LSL's format on the wire: ``"float32"`` or ``"double64"`` to send; any number format to read.
    units : tuple of str
        Unit of each channel on the wire; empty means microvolts, microsiemens, and SI for the rest.
    can_drop : bool
        Whether packets may be lost. Stamps are then right as they are, and readers must not smooth them.
    manufacturer : str
        Who made the device.
    latency_s : float
        Known delay from the body to the stamp, in seconds; stamps are not changed by it.
    replay : ReplayClock, optional
        For a replayed stream, its clock.

    Raises
    ------
    DataError
        If it cannot be a stream: no rate, no source_id, no channels, an unknown format or unit.

    Examples
    --------
    >>> spec = StreamSpec("headband", "EEG", [Channel("AF7"), Channel("AF8")], 256.0, "headband-001")
    >>> spec.units, spec.scales.tolist()
    (('microvolts', 'microvolts'), [1e-06, 1e-06])
    """

    name: str
    lsl_type: str
    channels: Sequence[Channel]
    sfreq: float
    source_id: str
    dtype: str = "float32"
    units: tuple[str, ...] = ()
    can_drop: bool = True
    manufacturer: str = ""
    latency_s: float = 0.0
    replay: ReplayClock | None = None

    def __post_init__(self) -> None:
        channels = tuple(self.channels)
        object.__setattr__(self, "channels", channels)
        if not self.units:
            object.__setattr__(self, "units", tuple(_WIRE_UNIT.get(c.unit, c.unit) for c in channels))
        if not self.sfreq >= 0 or not channels:
            raise DataError(
                f"stream {self.name!r} has {len(channels)} channels at {self.sfreq!r} Hz; expected at least one, at a "
                f"rate, or at 0 Hz for one that is not regular"
            )
        if not self.source_id:
            raise DataError(f"stream {self.name!r} has no source_id; without one nobody finds it again after a restart")
        if FORMATS.get(self.dtype) is None:
            numbers = ", ".join(name for name, fmt in FORMATS.items() if fmt)
            raise DataError(f"stream {self.name!r} has format {self.dtype!r}; expected one of {numbers}")
        if len(self.units) != len(channels):
            raise DataError(f"stream {self.name!r} has {len(channels)} channels but {len(self.units)} units")
        for channel, unit in zip(channels, self.units, strict=True):
            if channel.unit != "1" and si_unit(unit)[1] != channel.unit:
                raise DataError(f"channel {channel.name!r} is in {channel.unit!r} and cannot be sent in {unit!r}")

    @property
    def n_chans(self) -> int:
        """Number of channels."""
        return len(self.channels)

    @property
    def scales(self) -> npt.NDArray[np.float64]:
        """Factor from the numbers on the wire to SI, shape (n_chans,)."""
        return np.array([scale_to_si(unit) for unit in self.units])

    def to_info(self) -> Any:
        """Give LSL's description.

        Returns
        -------
        pylsl.StreamInfo
            With label, unit and type (MNE's words) of every channel, and what readers need to treat the stamps right.
        """
        pylsl = load_pylsl()
        info = pylsl.StreamInfo(self.name, self.lsl_type, self.n_chans, self.sfreq, self.dtype, self.source_id)
        desc = info.desc()
        if self.manufacturer:
            desc.append_child_value("manufacturer", self.manufacturer)
        nodes = desc.append_child("channels")
        for channel, unit in zip(self.channels, self.units, strict=True):
            node = nodes.append_child("channel")
            node.append_child_value("label", channel.name)
            node.append_child_value("unit", unit)
            node.append_child_value("type", channel.kind)
        synchronization = desc.append_child("synchronization")
        # pyxdf 1.17.4 and newer leave the stamps of such a stream alone; smoothing them was off by up to 300 ms.
        synchronization.append_child_value("can_drop_samples", str(self.can_drop).lower())
        if self.latency_s:
            synchronization.append_child_value("offset_mean", repr(self.latency_s))
        if self.replay:
            replay = desc.append_child("replay")
            replay.append_child_value("speed", repr(self.replay.speed))
            replay.append_child_value("start", repr(self.replay.start))
        return info

    @classmethod
    def from_info(cls, info: Any, units: Mapping[str, str] | None = None) -> StreamSpec:
        """Read LSL's description.

        Parameters
        ----------
        info : pylsl.StreamInfo
            With its ``desc``, that is, from an inlet and not from a search of the network.
        units : mapping of str to str, optional
            Units by stream type or name, such as ``{"EEG": "uV"}``, for streams that do not state theirs.

        Returns
        -------
        StreamSpec
            EEG channels without a 10-05 name become ``"misc"``, as in `affectbio.xdf.read_xdf`.

        Raises
        ------
        DataError
            If the stream has no regular rate, is text, or a channel has no usable unit.
        """
        xml = info.as_xml()
        header = parse_header(xml)
        if not header.sfreq > 0:
            raise DataError(f"stream {header.name!r} comes at no regular rate; expected one that does")
        channels, wire_units, _ = header.channels(units)
        root = ElementTree.fromstring(xml)  # noqa: S314  # parse_header has read it before
        speed, start = root.findtext("desc/replay/speed"), root.findtext("desc/replay/start")
        return cls(
            name=header.name,
            lsl_type=header.lsl_type,
            channels=channels,
            sfreq=header.sfreq,
            source_id=header.source_id or header.name,
            dtype=header.dtype,
            units=wire_units,
            can_drop=header.can_drop,
            manufacturer=header.manufacturer,
            latency_s=float(root.findtext("desc/synchronization/offset_mean") or 0.0),
            replay=ReplayClock(float(start), float(speed)) if speed and start else None,
        )


def wall_time(spec: StreamSpec, stamp: float) -> float:
    """Give the LSL time at which a sample happened, for a stream that may be replayed faster than life.

    Parameters
    ----------
    spec : StreamSpec
        The stream.
    stamp : float
        Stamp of a sample, in seconds. On the machine that sends, since ``start`` is on its clock.

    Returns
    -------
    float
        The stamp itself for a live stream; for a replayed one the moment it was due, so that
        ``local_clock() - wall_time(spec, stamp)`` is the latency.

    Examples
    --------
    >>> spec = StreamSpec("x", "EEG", [Channel("Cz")], 128.0, "x-1", replay=ReplayClock(start=100.0, speed=20.0))
    >>> wall_time(spec, 120.0)
    101.0
    """
    return spec.replay.wall(stamp) if spec.replay else stamp
