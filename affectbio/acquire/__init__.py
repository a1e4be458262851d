"""Streams in and out over LSL, recording, and replay.

Nothing here imports MNE, scikit-learn or torch, and sending, receiving and recording do without pandas: a driver on a
small computer needs numpy and pylsl.
"""

from __future__ import annotations

from affectbio.acquire._liblsl import local_clock, lsl_library, use_loopback
from affectbio.acquire.inlet import Chunk, Inlet, StreamState, find_stream
from affectbio.acquire.outlet import MarkerOutlet, Outlet
from affectbio.acquire.record import Recorder, StreamHealth
from affectbio.acquire.replay import Replayed, ReplayProcess, replay
from affectbio.acquire.spec import ReplayClock, StreamSpec, wall_time

__all__ = [
    "Chunk",
    "Inlet",
    "MarkerOutlet",
    "Outlet",
    "Recorder",
    "ReplayClock",
    "ReplayProcess",
    "Replayed",
    "StreamHealth",
    "StreamSpec",
    "StreamState",
    "find_stream",
    "local_clock",
    "lsl_library",
    "replay",
    "use_loopback",
    "wall_time",
]
