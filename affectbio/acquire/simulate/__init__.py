"""Simulated people with devices on: signals, the truth behind them, and links that go wrong. Never evidence."""

from __future__ import annotations

from affectbio.acquire.simulate.affect import AFFECT_HZ, STATES, Coupling, Person, State
from affectbio.acquire.simulate.body import Event
from affectbio.acquire.simulate.device import SimulatedDevice
from affectbio.acquire.simulate.eeg import Artefacts
from affectbio.acquire.simulate.link import LinkFaults
from affectbio.acquire.simulate.source import Simulated, Simulation
from affectbio.acquire.simulate.truth import TruthSink, truth_spec

__all__ = [
    "AFFECT_HZ",
    "STATES",
    "Artefacts",
    "Coupling",
    "Event",
    "LinkFaults",
    "Person",
    "Simulated",
    "SimulatedDevice",
    "Simulation",
    "State",
    "TruthSink",
    "truth_spec",
]
