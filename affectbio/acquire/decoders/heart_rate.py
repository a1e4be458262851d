"""Any Bluetooth heart-rate strap: the Heart Rate Measurement of Bluetooth SIG's Heart Rate Service 1.0 (0x2A37)."""

from __future__ import annotations

import struct

import numpy as np

from affectbio.acquire.decoders.packet import Packet

__all__ = ["MEASUREMENT", "HeartRateDecoder"]

MEASUREMENT = "00002a37-0000-1000-8000-00805f9b34fb"


class HeartRateDecoder:
    """Heart rate and intervals between beats.

    Stream ``"hr"`` has one sample a notification: beats per minute. Stream ``"rr"`` has the intervals that ended since
    the last notification, oldest first, in 1/1024 s; several, one or none. There is no checksum but Bluetooth's own.

    Examples
    --------
    >>> decoder = HeartRateDecoder()
    >>> [(p.stream, p.data.tolist()) for p in decoder.feed(bytes.fromhex("1648 0004 0002"), MEASUREMENT)]
    [('hr', [[72]]), ('rr', [[1024, 512]])]
    """

    def __init__(self) -> None:
        self.n_bad = 0
        #: Whether the strap touches the skin; None where it cannot tell.
        self.contact: bool | None = None

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a notification in; see `affectbio.acquire.decoders.Decoder.feed`."""
        if len(data) < 2:
            self.n_bad += 1
            return []
        flags = data[0]
        at = 3 if flags & 1 else 2
        intervals_at = at + (2 if flags & 8 else 0)
        if len(data) < intervals_at or (flags & 0x10 and (len(data) - intervals_at) % 2):
            self.n_bad += 1
            return []
        bpm = struct.unpack_from("<H", data, 1)[0] if flags & 1 else data[1]
        self.contact = bool(flags & 2) if flags & 4 else None
        packets = [Packet("hr", np.array([[bpm]]))]
        if flags & 0x10 and len(data) > intervals_at:
            packets.append(Packet("rr", np.frombuffer(data, "<u2", offset=intervals_at)[None].astype(np.int64)))
        return packets
