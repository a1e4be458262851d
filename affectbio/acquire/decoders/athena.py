"""InteraXon Muse S Athena (third generation).

Layout as in OpenMuse (decode.py), muse-lsl 2.5 (athena.py) and brainflow 5.23 (muse_athena_constants.h), which agree on
it but not on the scale of the optics, and changed scale and centre of the EEG as late as August 2026: see the profile.
A notification holds packets; a packet is a header of 14 bytes (its length, a counter, the device's time in ticks of 256
kHz, a tag) and blocks of samples, the first without a header of its own. Numbers are packed lowest bit first.
"""

from __future__ import annotations

import numpy as np

from affectbio.acquire.decoders.muse import characteristic
from affectbio.acquire.decoders.packet import Packet, unpack_bits

__all__ = ["OPTICS", "SOURCES", "AthenaDecoder"]

#: Characteristics that carry data.
SOURCES = (characteristic(0x13), characteristic(0x14))

_HEADER, _BLOCK = 14, 5
# Tag: stream, channels, samples, bits of each number.
_KINDS = {
    0x11: ("eeg", 4, 4, 14),
    0x12: ("eeg", 8, 2, 14),
    0x34: ("optics", 4, 3, 20),
    0x35: ("optics", 8, 2, 20),
    0x36: ("optics", 16, 1, 20),
    0x47: ("motion", 6, 3, 16),
}
_CENTRE = 8192
_ELECTRODES = 4
#: Channels of light, by how many are on (OpenMuse decode.py, January 2026): on the left and the right of the forehead,
#: outside and inside; 730 nm, 850 nm, 660 nm, and no light.
OPTICS = {
    4: ("LI_NIR", "RI_NIR", "LI_IR", "RI_IR"),
    8: ("LO_NIR", "RO_NIR", "LO_IR", "RO_IR", "LI_NIR", "RI_NIR", "LI_IR", "RI_IR"),
    16: (
        "LO_NIR", "RO_NIR", "LO_IR", "RO_IR", "LI_NIR", "RI_NIR", "LI_IR", "RI_IR",
        "LO_RED", "RO_RED", "LO_AMB", "RO_AMB", "LI_RED", "RI_RED", "LI_AMB", "RI_AMB",
    ),
}  # fmt: skip


class AthenaDecoder:
    """EEG in counts of 14 bits about zero, optics in counts of 20, motion in counts of 16.

    Presets with eight channels of EEG give ``"eeg"`` with the four electrodes and ``"aux"`` with those of the socket;
    ``"optics"`` has 4, 8 or 16 channels, named in `OPTICS`. All blocks of a packet share its time, 32 bits of 256 kHz,
    which is of its last sample; each stream's earlier blocks lie that many samples before. Packets have no checksum but
    Bluetooth's own: what is tested is their length.

    Examples
    --------
    >>> block = bytes(28)
    >>> packet = bytes([14 + 28, 1]) + (512).to_bytes(4, "little") + bytes(3) + bytes([0x11]) + bytes(4) + block
    >>> [(p.stream, p.count, p.data.shape, p.data[0, 0]) for p in AthenaDecoder().feed(packet)]
    [('eeg', 512, (4, 4), np.int64(-8192))]
    """

    def __init__(self) -> None:
        self.n_bad = 0

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a notification in; see `affectbio.acquire.decoders.Decoder.feed`."""
        packets: list[Packet] = []
        at = 0
        while at < len(data):
            size = data[at]
            if size < _HEADER or at + size > len(data):
                self.n_bad += 1
                break
            packets += self._read(data[at : at + size])
            at += size
        return packets

    def _read(self, packet: bytes) -> list[Packet]:
        ticks = int.from_bytes(packet[2:6], "little")
        blocks: dict[str, list[np.ndarray]] = {}
        tag, at = packet[9], _HEADER
        while True:
            kind = _KINDS.get(tag)
            if kind is None:
                # Battery and what newer firmware adds: of unknown length, so nothing behind it can be read.
                break
            stream, n_chans, n_times, bits = kind
            size = n_chans * n_times * bits // 8
            if at + size > len(packet):
                self.n_bad += 1
                break
            body = packet[at : at + size]
            counts = unpack_bits(body, bits, n_chans * n_times, signed=stream == "motion").reshape(n_times, n_chans).T
            blocks.setdefault(stream, []).append(counts - _CENTRE if stream == "eeg" else counts)
            at += size
            if at + _BLOCK > len(packet):
                break
            tag, at = packet[at], at + _BLOCK
        found: list[Packet] = []
        for stream, parts in blocks.items():
            counts = np.concatenate([p for p in parts if len(p) == len(parts[0])], axis=1)
            if stream == "motion":
                found += [Packet("acc", counts[:3], ticks), Packet("gyro", counts[3:], ticks)]
            elif stream == "eeg" and len(counts) > _ELECTRODES:
                found += [Packet("eeg", counts[:_ELECTRODES], ticks), Packet("aux", counts[_ELECTRODES:], ticks)]
            else:
                found.append(Packet(stream, counts, ticks))
        return found
