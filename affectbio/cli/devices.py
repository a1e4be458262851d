"""``affectbio devices``: which headsets and wearables are known, what each streams, and whether a profile is right."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from affectbio.devices import Device, DeviceStream, list_devices, load_device

__all__ = ["check_device", "list_all", "show_device"]


def list_all(console: Console | None = None) -> None:
    """Print a line for every device.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to; stdout if not given.
    """
    table = Table("device", "what", "link", "streams", "driver", "verified", box=None)
    for name in list_devices():
        device = load_device(name)
        kinds = ", ".join(dict.fromkeys(f"{s.lsl_type} {s.sfreq:g} Hz" for s in device.streams if s.sfreq))
        # As Text: rich would take brackets for markup.
        table.add_row(
            *(Text(word) for word in (name, device.title, device.link.kind, kinds or "-", device.driver or "-")),
            Text(device.verified),
        )
    (console or Console()).print(table)


def show_device(name: str, console: Console | None = None) -> None:
    """Print everything a profile says.

    Parameters
    ----------
    name : str
        A name, or a path to a TOML file.
    console : rich.console.Console, optional
        Where to; stdout if not given.

    Raises
    ------
    ConfigError
        If there is no such device, or its file is wrong.
    """
    console = console or Console()
    device = load_device(name)
    console.print(Text(f"{device.title}, {device.maker}"))
    facts = [("link", _link(device)), ("driver", device.driver or "none"), ("verified", device.verified)]
    if device.brainflow is not None:
        facts.append(("brainflow board", str(device.brainflow)))
    if device.note:
        facts.append(("note", device.note))
    for what, said in facts:
        console.print(Text(f"  {what}: {said}"))
    table = Table("stream", "Hz", "channels", "unit of lsb", "lsb", "packet", "clock", "source", box=None)
    for stream in device.streams:
        table.add_row(*(Text(word) for word in _row(stream)))
    console.print(table)


def check_device(path: Path, console: Console | None = None) -> None:
    """Say that a profile is right.

    Parameters
    ----------
    path : Path
        TOML file.
    console : rich.console.Console, optional
        Where to; stdout if not given.

    Raises
    ------
    ConfigError
        If it is not; the message names the key and the nearest valid one.
    """
    from affectbio.acquire.drivers import DRIVERS

    device = load_device(path)
    if device.driver:
        DRIVERS.get(device.driver)
    n_chans = sum(len(stream.channels) for stream in device.streams)
    (console or Console()).print(
        Text(f"{path.name} is right: {device.title}, {len(device.streams)} streams, {n_chans} channels"), style="green"
    )


def _link(device: Device) -> str:
    link = device.link
    details = [f"{link.baud} baud"] if link.kind == "serial" else []
    details += [f"port {link.port}"] if link.port else []
    details += [f"advertised as {link.name}…"] if link.name else []
    details += [link.url] if link.url else []
    return ", ".join([link.kind, *details])


def _row(stream: DeviceStream) -> tuple[str, ...]:
    rate = f"{stream.sfreq:g}" if stream.sfreq else "now and then"
    return (
        f"{stream.lsl_type} ({stream.key})",
        rate,
        " ".join(stream.channels),
        stream.unit,
        f"{stream.lsb:.6g}",
        str(stream.packet),
        stream.clock,
        stream.source,
    )
