"""NeuroSky MindWave and kin: the ThinkGear Serial Stream (developer.neurosky.com, ThinkGear Serial Stream Guide).

A packet is AA AA, a length of at most 169, rows, and the inverted sum of the rows. Nothing in it says that one was
lost.
"""

from __future__ import annotations

import numpy as np

from affectbio.acquire.decoders.packet import Packet

__all__ = ["ThinkGearDecoder"]

_LONGEST = 169
_ONE_BYTE = {0x02: "poor-signal", 0x04: "attention", 0x05: "meditation", 0x16: "blink"}


class ThinkGearDecoder:
    """Raw EEG in counts of 16 bits, and the chip's own estimates.

    Streams ``"eeg"``; ``"poor-signal"`` (0 is good, 200 is off the skin), ``"attention"``, ``"meditation"`` and
    ``"blink"``, one number each; ``"powers"``: eight band powers of 24 bits. The checksum finds any damage to one byte;
    of damage to several, one in 256 passes.

    Examples
    --------
    >>> rows = bytes([0x80, 2, 0xFF, 0xFB, 0x02, 200])
    >>> packet = bytes([0xAA, 0xAA, len(rows)]) + rows + bytes([~sum(rows) & 0xFF])
    >>> [(p.stream, p.data.tolist()) for p in ThinkGearDecoder().feed(packet)]
    [('eeg', [[-5]]), ('poor-signal', [[200]])]
    """

    def __init__(self) -> None:
        self.n_bad = 0
        self._buffer = bytearray()

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a piece of the byte stream in; see `affectbio.acquire.decoders.Decoder.feed`."""
        buffer = self._buffer
        buffer += data
        packets: list[Packet] = []
        at = 0
        while (at := buffer.find(b"\xaa\xaa", at)) >= 0 and at + 3 <= len(buffer):
            size = buffer[at + 2]
            if size > _LONGEST:
                # A third AA may be the second of the head.
                at += 1
                continue
            if at + 4 + size > len(buffer):
                break
            rows = bytes(buffer[at + 3 : at + 3 + size])
            if ~sum(rows) & 0xFF != buffer[at + 3 + size]:
                self.n_bad += 1
                at += 1
                continue
            packets += self._rows(rows)
            at += 4 + size
        # Of what holds no head, only a last AA may be the beginning of one.
        del buffer[: at if at >= 0 else max(0, len(buffer) - 1)]
        return packets

    def _rows(self, rows: bytes) -> list[Packet]:
        packets: list[Packet] = []
        at = 0
        while at < len(rows):
            extended = rows[at] == 0x55
            while at < len(rows) and rows[at] == 0x55:
                at += 1
            header = 2 if at < len(rows) and rows[at] >= 0x80 else 1
            if at + header > len(rows):
                self.n_bad += 1
                break
            code, size = rows[at], rows[at + 1] if header == 2 else 1
            value = rows[at + header : at + header + size]
            at += header + size
            if len(value) < size:
                self.n_bad += 1
            elif extended:
                continue
            elif code == 0x80 and size == 2:
                packets.append(Packet("eeg", np.array([[int.from_bytes(value, "big", signed=True)]])))
            elif code == 0x83 and size == 24:
                words = [int.from_bytes(value[k : k + 3], "big") for k in range(0, 24, 3)]
                packets.append(Packet("powers", np.array(words)[:, None]))
            elif code in _ONE_BYTE:
                packets.append(Packet(_ONE_BYTE[code], np.array([[value[0]]])))
        return packets
