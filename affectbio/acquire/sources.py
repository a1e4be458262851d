"""What can be read by name: a device, a simulated one, a board of brainflow, or a stream that is already on LSL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from affectbio.acquire.bridge_brainflow import make_brainflow_driver
from affectbio.acquire.bridge_lsl import LslSource
from affectbio.acquire.driver import DriverState, Sink, StreamCounts
from affectbio.acquire.drivers import make_driver
from affectbio.acquire.transport import Transport
from affectbio.devices import Device, load_device
from affectbio.errors import ConfigError

__all__ = ["SIMULATED", "Source", "make_source"]

#: Before the name of a profile: a device that is not there.
SIMULATED = "simulated/"


class Source(Protocol):
    """What a driver shows of itself: see `affectbio.acquire.driver.Driver`."""

    device: Device

    @property
    def battery(self) -> float:
        """In percent; NaN while the device has not said."""
        ...

    @property
    def state(self) -> DriverState:
        """One of the five words of `Driver`."""
        ...

    @property
    def counts(self) -> tuple[StreamCounts, ...]:
        """How each stream goes, in the order of the profile."""
        ...

    async def run(self) -> None:
        """Read until `stop`."""
        ...

    def stop(self) -> None:
        """End `run`, from within the loop."""
        ...


def make_source(
    device: str | Path | Device,
    sinks: Sequence[Sink],
    *,
    address: str | None = None,
    transport: Transport | None = None,
    **options: Any,
) -> Source:
    """Put together what reads a device.

    Parameters
    ----------
    device : str, Path or Device
        Name or path of a profile, a profile, ``"lsl:"`` with a stream's name or properties (see
        `affectbio.acquire.bridge_lsl.lsl_query`), ``"brainflow:"`` with a board (see
        `affectbio.acquire.bridge_brainflow.make_brainflow_driver`), or ``"simulated/"`` with a profile.
    sinks : sequence of Sink
        Where samples go.
    address : str, optional
        Where it is; what the profile says if not given.
    transport : Transport, optional
        The link, instead of one made from the profile.
    **options
        Further arguments of `affectbio.acquire.driver.Driver`, of `affectbio.acquire.bridge_lsl.LslSource`, or of
        `affectbio.acquire.simulate.SimulatedDevice`.

    Returns
    -------
    Source
        To be run in an asyncio loop.

    Raises
    ------
    ConfigError
        If there is no such device, it has no driver, nobody says where it is, or an address is given to what has none.
    StreamError
        If there is no such stream on LSL, or several.
    MissingExtraError
        If brainflow is asked for and not installed.
    DataError
        If the stream on LSL is not one of numbers at a regular rate.

    Examples
    --------
    >>> make_source("openbci-cyton", [], address="/dev/ttyUSB0").state
    'stopped'
    """
    bridged = isinstance(device, str) and device.startswith(("lsl:", "brainflow:", SIMULATED))
    if bridged and transport is not None:
        raise ConfigError(f"{device} brings its own link; expected no transport beside it")
    if isinstance(device, str) and device.startswith("lsl:"):
        if address:
            raise ConfigError(f"{device} is found by name; found address {address!r} beside it")
        return LslSource(device, sinks, **options)
    if isinstance(device, str) and device.startswith(SIMULATED):
        if address:
            raise ConfigError(f"{device} is nowhere; found address {address!r} beside it")
        from affectbio.acquire.simulate import SimulatedDevice

        return SimulatedDevice(load_device(device.removeprefix(SIMULATED)), sinks=sinks, **options)
    if isinstance(device, str) and device.startswith("brainflow:"):
        return make_brainflow_driver(device, sinks, address=address, **options)
    profile = device if isinstance(device, Device) else load_device(device)
    return make_driver(profile, list(sinks), address=address, transport=transport, **options)
