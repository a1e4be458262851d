"""The truth behind simulated signals on the network."""

from __future__ import annotations

from affectbio.acquire.lsl_sink import OutletSink
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


class TruthSink(OutletSink):
    """Sends the truth over LSL, between ``with`` and its end: valence and arousal, and markers of what happens.

    Parameters
    ----------
    name : str
        As for `truth_spec`; the markers are called ``"<name> events"``.
    """

    def __init__(self, name: str) -> None:
        super().__init__([truth_spec(name)], f"{name} events", f"affectbio-{name}-events")
