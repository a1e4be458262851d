"""Device profiles: what a headset or wearable streams, one TOML file each, with the source of every fact.

Bundled ones lie in ``devices/`` of the project; ``AFFECTBIO_DEVICES`` names further folders, and a path works wherever
a name does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from affectbio._toml import Table, find_toml, load_toml, toml_folders, toml_names
from affectbio.montage import electrode_position
from affectbio.registry import unknown_name
from affectbio.types import Channel
from affectbio.units import KINDS, si_unit

__all__ = ["Device", "DeviceStream", "Link", "list_devices", "load_device"]


class Link(Table):
    """How a device is reached.

    Parameters
    ----------
    kind : str
        ``"ble"``, ``"serial"`` (also Bluetooth's serial profile), ``"udp"``, ``"tcp"``, ``"websocket"``, ``"lsl"`` (the
        maker's own program streams), ``"file"`` (no live stream at all) or ``"usb"`` (a stick of its own).
    name : str
        What the name it advertises begins with.
    baud : int
        Bits per second of a serial line.
    port : int
        Port of a socket.
    url : str
        Of a WebSocket.
    """

    kind: Literal["ble", "serial", "udp", "tcp", "websocket", "lsl", "file", "usb"]
    name: str = ""
    baud: int = Field(115_200, gt=0)
    port: int | None = Field(None, gt=0, lt=65_536)
    url: str = ""


class DeviceStream(Table):
    """One stream of a device.

    Parameters
    ----------
    kind : str
        What its channels measure, one of `affectbio.units.KINDS`.
    lsl_type : str
        LSL's content type: ``"EEG"``, ``"ACC"``, …
    sfreq : float
        Samples per second of each channel, in Hz; 0 where one comes now and then, as intervals between beats do.
    unit : str
        Unit of ``lsb``; one that is the kind's in SI, or any for a kind without dimension.
    lsb : float
        What one count of the converter is worth, in that unit.
    channels : tuple of str
        Names in the order they come; 10-05 names for EEG.
    packet : int
        Samples of each channel that travel together, and are lost together.
    clock : str
        What the stamps can be made from: ``"device"`` (the packet has a time), ``"counter"`` (it has a number) or
        ``"none"``.
    source : str
        Where these facts come from.
    carries : str
        What the decoder calls it; the kind if empty.
    wrap : int, optional
        How many values the counter, or the time, has: 256 for 8 bits.
    ticks_hz : float, optional
        Rate of the device's clock, where the packet has a time.
    latency_s : float, optional
        Least time from the body to the arrival, in seconds, where somebody measured it.
    stamping : str
        How the device's time becomes this machine's: ``"envelope"``, or ``"regression"`` for a device whose own stamps
        run backwards; see `affectbio.acquire.clock`.
    reorder_packets : int
        How many packets wait for one that was overtaken, where the link or the device does not keep their order. A lost
        one holds up the rest by as many.
    """

    kind: str
    lsl_type: str
    sfreq: float = Field(ge=0)
    unit: str
    lsb: float = Field(gt=0)
    channels: tuple[str, ...] = Field(min_length=1)
    packet: int = Field(ge=1)
    clock: Literal["device", "counter", "none"]
    source: str = Field(min_length=1)
    carries: str = ""
    wrap: int | None = Field(None, gt=1)
    ticks_hz: float | None = Field(None, gt=0)
    latency_s: float | None = Field(None, ge=0)
    stamping: Literal["envelope", "regression"] = "envelope"
    reorder_packets: int = Field(0, ge=0, le=64)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError(str(unknown_name("kind of channel", self.kind, KINDS)))
        if KINDS[self.kind] != "1" and si_unit(self.unit)[1] != KINDS[self.kind]:
            raise ValueError(
                f"unit {self.unit!r} is not one of kind {self.kind!r}, whose SI unit is {KINDS[self.kind]!r}"
            )
        repeated = sorted({c for c in self.channels if self.channels.count(c) > 1})
        if repeated:
            raise ValueError(f"channel {repeated[0]!r} appears twice; names must differ")
        unplaced = [c for c in self.channels if self.kind == "eeg" and electrode_position(c) is None]
        if unplaced:
            raise ValueError(f"EEG channel {unplaced[0]!r} is not an electrode of the 10-05 system")
        if (self.clock == "none") != (self.wrap is None):
            raise ValueError(
                f"clock is {self.clock!r} and wrap is {self.wrap}; expected a wrap for a counter or a clock"
            )
        if (self.clock == "device") != (self.ticks_hz is not None):
            raise ValueError(f"clock is {self.clock!r} and ticks_hz is {self.ticks_hz}; a device's time needs its rate")
        if self.clock == "none" and (self.reorder_packets or self.stamping != "envelope"):
            raise ValueError(
                f"clock is 'none', stamping {self.stamping!r} and reorder_packets {self.reorder_packets}; without a "
                f"counter or a device's time nothing tells the order: leave both out"
            )
        return self

    @property
    def key(self) -> str:
        """What decoders, sinks and recordings call it: what it ``carries``, or its kind."""
        return self.carries or self.kind

    @property
    def scale(self) -> float:
        """Factor from the decoder's numbers to SI; 1 in units that SI has no word for, such as counts."""
        return self.lsb * (si_unit(self.unit)[0] if KINDS[self.kind] != "1" else 1.0)

    def signal_channels(self) -> tuple[Channel, ...]:
        """Give the channels as a Signal and a StreamSpec hold them."""
        return tuple(Channel(name, self.kind) for name in self.channels)


class Device(Table):
    """A headset or wearable.

    Parameters
    ----------
    title, maker : str
        What people call it, and who makes it.
    verified : str
        How far the facts were tested here: on the real thing (``"hardware"``), on bytes it sent (``"bytes"``), or read
        only (``"no"``).
    streams : tuple of DeviceStream
        What it sends.
    link : Link
        How it is reached.
    driver : str
        Which driver of `affectbio.acquire.drivers` reads it; empty where affectbio has none.
    brainflow : int, optional
        Number of the board in brainflow.
    note : str
        What somebody who wants to use it must know.
    """

    title: str
    maker: str
    verified: Literal["hardware", "bytes", "no"]
    link: Link
    streams: tuple[DeviceStream, ...]
    driver: str = ""
    brainflow: int | None = None
    note: str = ""

    def stream(self, kind: str) -> DeviceStream:
        """Give the first stream of a kind.

        Parameters
        ----------
        kind : str
            One of `affectbio.units.KINDS`.

        Returns
        -------
        DeviceStream
            That stream.

        Raises
        ------
        ConfigError
            If the device has none.
        """
        for stream in self.streams:
            if stream.kind == kind:
                return stream
        raise unknown_name(f"stream of {self.title}", kind, [s.kind for s in self.streams])


def list_devices() -> list[str]:
    """Give the names of all devices that can be loaded by name, sorted.

    Returns
    -------
    list of str
        Bundled ones and those in the folders of ``AFFECTBIO_DEVICES``, which may replace them.

    Raises
    ------
    ConfigError
        If ``AFFECTBIO_DEVICES`` names what is not a folder.

    Examples
    --------
    >>> "openbci-cyton" in list_devices()
    True
    """
    return list(toml_names(toml_folders("devices")))


def load_device(name_or_path: str | Path) -> Device:
    """Read a device's profile.

    Parameters
    ----------
    name_or_path : str or Path
        A name from `list_devices`, or a path to a TOML file.

    Returns
    -------
    Device
        Checked: closed keys, units that fit, electrodes that exist.

    Raises
    ------
    ConfigError
        If there is no such device, or its file is wrong; the message names the file, the key and the nearest valid one.

    Examples
    --------
    >>> load_device("openbci-cyton").stream("eeg").sfreq
    250.0
    """
    return load_toml(find_toml("device", name_or_path, toml_folders("devices")), Device)
