"""Streams in and out over LSL, recording, and replay.

Nothing here imports MNE, scikit-learn or torch, and sending, receiving and recording do without pandas: a driver on a
small computer needs numpy and pylsl.
"""

from __future__ import annotations

from affectbio.acquire._liblsl import local_clock, loopback_session, lsl_library, use_loopback
from affectbio.acquire.inlet import Chunk, Inlet, find_stream
from affectbio.acquire.outlet import MarkerOutlet, Outlet
from affectbio.acquire.player import Replayed, replay, replay_signals
from affectbio.acquire.reader import DeviceChunk, DeviceReader, open_stream
from affectbio.acquire.record import Recorder, StreamHealth
from affectbio.acquire.replay_process import ReplayProcess
from affectbio.acquire.spec import ReplayClock, StreamSpec, wall_time

__all__ = [
    "Chunk",
    "DeviceChunk",
    "DeviceReader",
    "Inlet",
    "MarkerOutlet",
    "Outlet",
    "Recorder",
    "ReplayClock",
    "ReplayProcess",
    "Replayed",
    "StreamHealth",
    "StreamSpec",
    "find_stream",
    "local_clock",
    "loopback_session",
    "lsl_library",
    "open_stream",
    "replay",
    "replay_signals",
    "use_loopback",
    "wall_time",
]
