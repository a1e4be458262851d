"""Puts a device's streams on the network: one outlet for each, kept across reconnects, and markers of how it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from affectbio.acquire.outlet import MarkerOutlet, Outlet
from affectbio.acquire.spec import StreamSpec
from affectbio.devices import Device

__all__ = ["LslSink", "OutletSink", "stream_specs"]


def stream_specs(device: Device, name: str) -> tuple[StreamSpec, ...]:
    """Say what a device's streams are on the network.

    Parameters
    ----------
    device : Device
        Its profile.
    name : str
        What tells it from others of its kind, for good: ``"muse-2-5566"``. Names and source_ids are made from it.

    Returns
    -------
    tuple of StreamSpec
        In the order of the profile.

    Examples
    --------
    >>> from affectbio.devices import load_device
    >>> [(spec.name, spec.lsl_type) for spec in stream_specs(load_device("polar-h10"), "strap-1")][:2]
    [('strap-1 ECG', 'ECG'), ('strap-1 ACC', 'ACC')]
    """
    specs = []
    for number, stream in enumerate(device.streams):
        # Two streams of one type, such as three lights, are told apart by what they carry.
        twice = sum(other.lsl_type == stream.lsl_type for other in device.streams) > 1
        specs.append(
            StreamSpec(
                name=f"{name} {stream.lsl_type}{f' {stream.key}' if twice else ''}",
                lsl_type=stream.lsl_type,
                channels=stream.signal_channels(),
                sfreq=stream.sfreq,
                source_id=f"affectbio-{name}-{number}-{stream.key}",
                manufacturer=device.maker,
                latency_s=stream.latency_s or 0.0,
            )
        )
    return tuple(specs)


class OutletSink:
    """A sink that sends over LSL, between ``with`` and its end.

    Parameters
    ----------
    specs : sequence of StreamSpec
        What it sends, by the number of the stream.
    markers : str
        What the markers beside them are called.
    markers_id : str
        Their source_id.

    Attributes
    ----------
    specs : tuple of StreamSpec
        What is on the network beside the markers.
    """

    def __init__(self, specs: Sequence[StreamSpec], markers: str, markers_id: str) -> None:
        self.specs = tuple(specs)
        self._outlets = [Outlet(spec) for spec in self.specs]
        self._markers = MarkerOutlet(markers, markers_id)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for outlet in (*self._outlets, self._markers):
                stack.enter_context(outlet)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def push(self, stream: int, data: npt.NDArray[Any], stamps: npt.NDArray[np.float64]) -> None:
        """Send samples; see `affectbio.acquire.driver.Sink`."""
        self._outlets[stream].push(data, stamps)

    def status(self, text: str, stamp: float) -> None:
        """Send a marker; see `affectbio.acquire.driver.Sink`."""
        self._markers.push(text, stamp)


class LslSink(OutletSink):
    """A driver's sink: the streams of a device, and markers ``"<name> status"`` of how it is.

    Parameters
    ----------
    device : Device
        Its profile.
    name : str
        As for `stream_specs`.
    """

    def __init__(self, device: Device, name: str) -> None:
        super().__init__(stream_specs(device, name), f"{name} status", f"affectbio-{name}-status")
