"""The drivers by name: for each kind of device its decoder, where to listen, and what it wants to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from affectbio.acquire import decoders
from affectbio.acquire.decoders import Decoder, athena, heart_rate, muse, polar, unicorn
from affectbio.acquire.dialogues import (
    Command,
    CortexDialogue,
    CytonDialogue,
    E4Dialogue,
    PolarDialogue,
    ShimmerDialogue,
    Words,
    cortex_certificates,
)
from affectbio.acquire.driver import Driver, Sink
from affectbio.acquire.transport import (
    BleTransport,
    SerialTransport,
    TcpTransport,
    Transport,
    UdpTransport,
    WebSocketTransport,
)
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


#: Presets of the Athena by channels of light, from OpenMuse's README; with 8 and 16 the electrodes of its socket come
#: too, as a stream of their own.
_ATHENA_PRESETS = {0: "p21", 4: "p1035", 8: "p1034", 16: "p1041"}


def _athena_words(device: Device) -> Words:
    lights = max((len(stream.channels) for stream in device.streams if stream.key == "optics"), default=0)
    if lights not in _ATHENA_PRESETS:
        raise ConfigError(f"{device.title} has 4, 8 or 16 channels of optics, or none; the profile has {lights}")
    # The start must be said twice (muse-lsl 2.5, OpenMuse).
    return Words(
        starting=_to(muse.CONTROL, *map(muse.command, ("h", _ATHENA_PRESETS[lights], "s", "dc001", "dc001"))),
        stopping=_to(muse.CONTROL, muse.command("h")),
        keeping_alive=_to(muse.CONTROL, muse.command("k")),
        keep_alive_s=10.0,
    )


def _serial(start: bytes, stop: bytes) -> Callable[[Device], Words]:
    return lambda _device: Words(starting=_to("", start), stopping=_to("", stop))


HEART_RATE = DriverKind(lambda _d: decoders.HeartRateDecoder(), _silent, (heart_rate.MEASUREMENT,))
POLAR = DriverKind(
    lambda _d: decoders.PolarDecoder(),
    lambda _d: Words(dialogue=PolarDialogue),
    (polar.CONTROL, polar.DATA, heart_rate.MEASUREMENT),
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
CYTON = DriverKind(lambda _d: decoders.CytonDecoder(), lambda _d: Words(dialogue=CytonDialogue))
CYTON_DAISY = DriverKind(lambda _d: decoders.CytonDecoder(daisy=True), lambda _d: Words(dialogue=CytonDialogue))
UNICORN = DriverKind(lambda _d: decoders.UnicornDecoder(), _serial(unicorn.START, unicorn.STOP))
THINKGEAR = DriverKind(lambda _d: decoders.ThinkGearDecoder(), _silent)
SHIMMER = DriverKind(lambda _d: decoders.ShimmerDecoder(), lambda _d: Words(dialogue=ShimmerDialogue))
CROWN = DriverKind(lambda _d: decoders.CrownDecoder(), _silent)
EMOTIBIT = DriverKind(lambda _d: decoders.EmotiBitDecoder(), _silent)
E4 = DriverKind(lambda _d: decoders.E4Decoder(), lambda _d: Words(dialogue=E4Dialogue))
CORTEX = DriverKind(
    lambda device: decoders.CortexDecoder(device.streams[0].channels), lambda _d: Words(dialogue=CortexDialogue)
)

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
        the profile says if not given. Where a server has several devices, the beginning of a name chooses:
        ``"127.0.0.1:28000/9ff167"`` of an E4, ``"EPOCX-1234"`` or ``"wss://localhost:6868/EPOCX-1234"`` of an Emotiv.
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
            + (f"; brainflow reads it: brainflow:{device.brainflow}" if device.brainflow is not None else "")
            + (f". {device.note}" if device.note else "")
        )
    kind: DriverKind = DRIVERS.get(device.driver)
    place, which = _place(device, address or "")
    link = transport or _transport(device, kind, place)
    return Driver(device, link, lambda: kind.decoder(device), kind.words(device), sinks, which=which, **options)


def _place(device: Device, address: str) -> tuple[str, str]:
    """Split an address into the server's and the name of the device that is wanted there."""
    if device.link.kind == "websocket":
        scheme, mark, rest = address.partition("://")
        if not mark:
            return "", address
        host, _, which = rest.partition("/")
        return f"{scheme}://{host}", which
    if device.link.kind == "tcp":
        place, _, which = address.partition("/")
        return place, which
    return address, ""


def _transport(device: Device, kind: DriverKind, address: str) -> Transport:
    link = device.link
    if link.kind == "websocket" and (address or link.url):
        return WebSocketTransport(address or link.url, cortex_certificates(address or link.url))
    if link.kind == "ble" and (address or link.name):
        return BleTransport(address or link.name, kind.notify)
    if link.kind == "serial" and address:
        return SerialTransport(address, link.baud)
    host, _, port = address.partition(":")
    number = int(port) if port.isdecimal() else link.port
    if link.kind == "udp" and number:
        return UdpTransport(number, host or "0.0.0.0")  # noqa: S104  # the device sends from the network
    if link.kind == "tcp" and number:
        return TcpTransport(host or "127.0.0.1", number)
    raise ConfigError(
        f"{device.title} is reached by {link.kind}: give its address (affectbio scan lists what is there)"
    )
