"""The truth behind simulated signals on the network."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from affectbio.acquire.outlet import MarkerOutlet, Outlet
from affectbio.acquire.simulate.affect import AFFECT_HZ
from affectbio.acquire.spec import StreamSpec
from affectbio.types import Channel

__all__ = ["AFFECT_CHANNELS", "TruthSink", "truth_spec"]

#: What simulated affect is made of.
AFFECT_CHANNELS = (Channel("valence", "misc"), Channel("arousal", "misc"))


def truth_spec(name: str) -> StreamSpec:
    """Say what the stream of simulated valence and arousal is on the network.

    Parameters
    ----------
    name : str
        What the device's streams are called after, as for `affectbio.acquire.lsl_sink.stream_specs`.

    Returns
    -------
    StreamSpec
        Of type ``"Affect"``.

    Examples
    --------
    >>> truth_spec("epoc-x-1").name
    'epoc-x-1 Affect'
    """
    return StreamSpec(f"{name} Affect", "Affect", AFFECT_CHANNELS, float(AFFECT_HZ), f"affectbio-{name}-affect")


class TruthSink:
    """Sends the truth over LSL, between ``with`` and its end: valence and arousal, and markers of what happens.

    Parameters
    ----------
    name : str
        As for `truth_spec`; the markers are called ``"<name> events"``.
    """

    def __init__(self, name: str) -> None:
        self._affect = Outlet(truth_spec(name))
        self._events = MarkerOutlet(f"{name} events", f"affectbio-{name}-events")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._affect)
            stack.enter_context(self._events)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def push(self, _stream: int, data: npt.NDArray[Any], stamps: npt.NDArray[np.float64]) -> None:
        """Send valence and arousal; see `affectbio.acquire.driver.Sink`."""
        self._affect.push(data, stamps)

    def status(self, text: str, stamp: float) -> None:
        """Send what happened; see `affectbio.acquire.driver.Sink`."""
        self._events.push(text, stamp)
