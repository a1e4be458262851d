"""Unicorn Hybrid Black of g.tec, over Bluetooth's serial line.

Frame of 45 bytes as in ezmsg-unicorn (protocol.py): C0 00, battery, 8 x 24 bits highest byte first, accelerometer and
gyroscope 3 x 16 bits each lowest byte first, a counter of 32 bits, 0D 0A.
"""

from __future__ import annotations

import numpy as np

from affectbio.acquire.decoders.packet import Packet, signed_24, split_frames

__all__ = ["START", "STOP", "UnicornDecoder"]

START, STOP = bytes.fromhex("617c87"), bytes.fromhex("635cc5")
_SIZE = 45


def _whole(frame: bytes) -> bool:
    return frame.endswith(b"\r\n")


class UnicornDecoder:
    """EEG in counts of 24 bits, accelerometer and gyroscope in counts of 16, and the battery in percent.

    One counter of 32 bits counts the samples of all. There is no checksum: what is tested are the first two bytes and
    the last, so that damage between them passes.

    Examples
    --------
    >>> frame = bytes.fromhex("c0000f" + "000001" * 8 + "0010" * 6 + "05000000" + "0d0a")
    >>> [(p.stream, p.count, int(p.data[0, 0])) for p in UnicornDecoder().feed(frame)]
    [('eeg', 5, 1), ('acc', 5, 4096), ('gyro', 5, 4096), ('battery', None, 100)]
    """

    def __init__(self) -> None:
        self.n_bad = 0
        self._buffer = bytearray()
        self._battery = -1

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a piece of the byte stream in; see `affectbio.acquire.decoders.Decoder.feed`."""
        self._buffer += data
        frames, n_bad = split_frames(self._buffer, b"\xc0\x00", _SIZE, _whole)
        self.n_bad += n_bad
        packets: list[Packet] = []
        for frame in frames:
            count = int.from_bytes(frame[39:43], "little")
            motion = np.frombuffer(frame, "<i2", 6, 27)[:, None]
            packets += [
                Packet("eeg", signed_24(frame[3:27])[:, None], count),
                Packet("acc", motion[:3], count),
                Packet("gyro", motion[3:], count),
            ]
            level = frame[2] & 0x0F
            if level != self._battery:
                self._battery = level
                packets.append(Packet("battery", np.array([[100 * level / 15]])))
        return packets
