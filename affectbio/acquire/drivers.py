"""The drivers by name: for each kind of device its decoder, where to listen, and what it wants to be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from affectbio.acquire import decoders
from affectbio.acquire.decoders import Decoder, athena, heart_rate, muse, polar, shimmer, unicorn
from affectbio.acquire.driver import Command, Driver, Sink, Words
from affectbio.acquire.transport import BleTransport, SerialTransport, TcpTransport, Transport, UdpTransport
from affectbio.devices import Device
from affectbio.errors import ConfigError
from affectbio.registry import Registry

__all__ = ["DRIVERS", "DriverKind", "make_driver"]


@dataclass(frozen=True, slots=True)
class DriverKind:
    """How one kind of device is read.

    Parameters
    ----------
    decoder : callable
        Makes its decoder from the profile.
    words : callable
        Gives what it is told, from the profile.
    notify : tuple of str
        Bluetooth characteristics to listen to.
    """

    decoder: Callable[[Device], Decoder]
    words: Callable[[Device], Words]
    notify: tuple[str, ...] = ()


def _silent(_device: Device) -> Words:
    return Words()


def _to(target: str, *commands: bytes) -> tuple[Command, ...]:
    return tuple((command, target) for command in commands)


def _muse_words(device: Device) -> Words:
    # p50 sends light too, p21 does not.
    preset = "p50" if any(stream.kind == "ppg" for stream in device.streams) else "p21"
    return Words(
        starting=_to(muse.CONTROL, *map(muse.command, ("h", preset, "s", "d"))),
        stopping=_to(muse.CONTROL, muse.command("h")),
        keeping_alive=_to(muse.CONTROL, muse.command("k")),
        keep_alive_s=10.0,
    )


def _athena_words(_device: Device) -> Words:
    # p1034: four electrodes and four detectors of light; the start must be said twice (muse-lsl 2.5, OpenMuse).
    return Words(
        starting=_to(muse.CONTROL, *map(muse.command, ("h", "p1034", "s", "dc001", "dc001"))),
        stopping=_to(muse.CONTROL, muse.command("h")),
        keeping_alive=_to(muse.CONTROL, muse.command("k")),
        keep_alive_s=10.0,
    )


def _polar_words(device: Device) -> Words:
    kinds = [stream.kind for stream in device.streams if stream.clock == "device"]
    verity = "ppg" in kinds
    wanted = {
        "ecg": {"sfreq": 130, "bits": 14},
        "ppg": {"sfreq": 55, "bits": 22, "channels": 4},
        "acc": {"sfreq": 52, "bits": 16, "range": 8, "channels": 3}
        if verity
        else {"sfreq": 50, "bits": 16, "range": 8},
        "gyro": {"sfreq": 52, "bits": 16, "range": 2000, "channels": 3},
    }
    return Words(
        starting=_to(polar.CONTROL, *(polar.start_command(kind, **wanted[kind]) for kind in kinds)),
        stopping=_to(polar.CONTROL, *map(polar.stop_command, kinds)),
    )


def _serial(start: bytes, stop: bytes) -> Callable[[Device], Words]:
    return lambda _device: Words(starting=_to("", start), stopping=_to("", stop))


def _e4_words(_device: Device) -> Words:
    # The server has one device connected; what it is called is asked for when it is not named.
    names = ("bvp", "gsr", "tmp", "acc", "ibi", "bat")
    return Words(
        starting=_to("", *(f"device_subscribe {name} ON\r\n".encode() for name in names)),
        stopping=_to("", *(f"device_subscribe {name} OFF\r\n".encode() for name in names)),
    )


def _cortex_words(_device: Device) -> Words:
    request = {"id": 6, "jsonrpc": "2.0", "method": "subscribe", "params": {"streams": ["eeg", "dev"]}}
    return Words(starting=_to("", json.dumps(request).encode()))


HEART_RATE = DriverKind(lambda _d: decoders.HeartRateDecoder(), _silent, (heart_rate.MEASUREMENT,))
POLAR = DriverKind(
    lambda _d: decoders.PolarDecoder(), _polar_words, (polar.CONTROL, polar.DATA, heart_rate.MEASUREMENT)
)
MUSE = DriverKind(lambda _d: decoders.MuseDecoder(), _muse_words, muse.NOTIFY)
ATHENA = DriverKind(lambda _d: decoders.AthenaDecoder(), _athena_words, athena.SOURCES)
GANGLION = DriverKind(
    lambda _d: decoders.GanglionDecoder(),
    lambda _d: Words(
        starting=_to("2d30c083-f39f-4ce6-923f-3484ea480596", b"b"),
        stopping=_to("2d30c083-f39f-4ce6-923f-3484ea480596", b"s"),
    ),
    ("2d30c082-f39f-4ce6-923f-3484ea480596",),
)
CYTON = DriverKind(lambda _d: decoders.CytonDecoder(), _serial(b"b", b"s"))
CYTON_DAISY = DriverKind(lambda _d: decoders.CytonDecoder(daisy=True), _serial(b"b", b"s"))
UNICORN = DriverKind(lambda _d: decoders.UnicornDecoder(), _serial(unicorn.START, unicorn.STOP))
THINKGEAR = DriverKind(lambda _d: decoders.ThinkGearDecoder(), _silent)
SHIMMER = DriverKind(lambda _d: decoders.ShimmerDecoder(), _serial(shimmer.START, shimmer.STOP))
CROWN = DriverKind(lambda _d: decoders.CrownDecoder(), _silent)
EMOTIBIT = DriverKind(lambda _d: decoders.EmotiBitDecoder(), _silent)
E4 = DriverKind(lambda _d: decoders.E4Decoder(), _e4_words)
CORTEX = DriverKind(lambda device: decoders.CortexDecoder(device.streams[0].channels), _cortex_words)

#: Drivers by the name that a profile gives them.
DRIVERS = Registry(
    "driver",
    {
        name.lower().replace("_", "-"): f"affectbio.acquire.drivers:{name}"
        for name in (
            "HEART_RATE", "POLAR", "MUSE", "ATHENA", "GANGLION", "CYTON", "CYTON_DAISY", "UNICORN", "THINKGEAR",
            "SHIMMER", "CROWN", "EMOTIBIT", "E4", "CORTEX",
        )
    },
    "affectbio.drivers",
)  # fmt: skip


def make_driver(
    device: Device, sinks: list[Sink], *, address: str | None = None, transport: Transport | None = None, **options: Any
) -> Driver:
    """Put a driver together for a device.

    Parameters
    ----------
    device : Device
        Its profile, from `affectbio.devices.load_device`.
    sinks : list of Sink
        Where samples go.
    address : str, optional
        Where it is: a Bluetooth address or the beginning of a name, a serial port, a host with or without port. What
        the profile says if not given.
    transport : Transport, optional
        The link, instead of one made from the profile.
    **options
        Further arguments of `affectbio.acquire.driver.Driver`.

    Returns
    -------
    Driver
        To be run in an asyncio loop.

    Raises
    ------
    ConfigError
        If affectbio has no driver for it, or the profile does not say where it is and neither does ``address``.

    Examples
    --------
    >>> from affectbio.devices import load_device
    >>> make_driver(load_device("openbci-cyton"), [], address="/dev/ttyUSB0").state
    'stopped'
    """
    if not device.driver:
        raise ConfigError(
            f"affectbio has no driver for {device.title}"
            + (f"; brainflow reads it as board {device.brainflow}" if device.brainflow is not None else "")
            + (f". {device.note}" if device.note else "")
        )
    kind: DriverKind = DRIVERS.get(device.driver)
    link = transport or _transport(device, kind, address)
    return Driver(device, link, lambda: kind.decoder(device), kind.words(device), sinks, **options)


def _transport(device: Device, kind: DriverKind, address: str | None) -> Transport:
    link = device.link
    if link.kind == "ble" and (address or link.name):
        return BleTransport(address or link.name, kind.notify)
    if link.kind == "serial" and address:
        return SerialTransport(address, link.baud)
    host, _, port = (address or "").partition(":")
    number = int(port) if port.isdecimal() else link.port
    if link.kind == "udp" and number:
        return UdpTransport(number, host or "0.0.0.0")  # noqa: S104  # the device sends from the network
    if link.kind == "tcp" and number:
        return TcpTransport(host or "127.0.0.1", number)
    raise ConfigError(
        f"{device.title} is reached by {link.kind}: give its address (affectbio scan lists what is there)"
    )
