"""Shimmer3 GSR+, over Bluetooth's serial line with LogAndStream firmware.

A packet of a stream is 00, a time of 24 bits in ticks of 32 768 Hz, and a number of 16 bits for each sensor that was
switched on, lowest byte first (brainflow's shimmer3.cpp; Shimmer's own GSR+ sample for the resistances).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from affectbio.acquire.decoders.packet import Packet

__all__ = ["START", "STOP", "ShimmerDecoder", "conductance"]

START, STOP = bytes([0x07]), bytes([0x20])
_ACKNOWLEDGED = 0xFF
# Feedback resistance of each range of the amplifier, in ohm.
_RESISTANCE = np.array([40_200.0, 287_000.0, 1_000_000.0, 3_300_000.0])


def conductance(raw: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Turn the sensor's numbers into skin conductance.

    Parameters
    ----------
    raw : array-like of int
        16 bits: the range of the amplifier in the highest two, the converter's count of 3 V in the lowest twelve.

    Returns
    -------
    ndarray
        Conductance in siemens; NaN where the amplifier gives less than its reference of 0.5 V, which no skin does.

    Examples
    --------
    >>> (1e6 * conductance([0x0800, 0xC800])).round(3)
    array([49.769,  0.606])
    """
    counts = np.asarray(raw, dtype=np.int64)
    volts = (counts & 0x0FFF) * (3.0 / 4095.0)
    siemens = (volts / 0.5 - 1.0) / _RESISTANCE[counts >> 14 & 3]
    return np.where(volts >= 0.5, siemens, np.nan)


class ShimmerDecoder:
    """Skin conductance in siemens and PPG in counts of 12 bits, with the sensor's time: 24 bits of 32 768 Hz.

    Parameters
    ----------
    sensors : tuple of str
        What was switched on, in the order the sensor named it: ``"eda"``, ``"ppg"``; any other name is given as it
        counts.

    Examples
    --------
    >>> (eda, ppg) = ShimmerDecoder(("eda", "ppg")).feed(bytes.fromhex("00 100000 0008 ff0f"))
    >>> eda.count, float((1e6 * eda.data[0, 0]).round(1)), int(ppg.data[0, 0])
    (16, 49.8, 4095)
    """

    def __init__(self, sensors: tuple[str, ...] = ("eda", "ppg")) -> None:
        self.sensors = sensors
        self.n_bad = 0
        self._buffer = bytearray()

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a piece of the byte stream in; see `affectbio.acquire.decoders.Decoder.feed`."""
        buffer = self._buffer
        buffer += data
        size = 4 + 2 * len(self.sensors)
        packets: list[Packet] = []
        at, lost = 0, False
        while at < len(buffer):
            if buffer[at] == _ACKNOWLEDGED:
                at += 1
                continue
            # A packet has no end of its own: it is one where the next begins, or nothing has come after it.
            ends = at + size
            if buffer[at] == 0 and ends <= len(buffer) and (ends == len(buffer) or buffer[ends] in (0, _ACKNOWLEDGED)):
                self.n_bad, lost = self.n_bad + lost, False
                packets += self._read(bytes(buffer[at:ends]))
                at = ends
            elif buffer[at] == 0 and ends > len(buffer):
                break
            else:
                at, lost = at + 1, True
        self.n_bad += lost
        del buffer[:at]
        return packets

    def _read(self, packet: bytes) -> list[Packet]:
        ticks = int.from_bytes(packet[1:4], "little")
        words = np.frombuffer(packet, "<u2", offset=4)
        return [
            Packet(name, conductance(word)[None, None] if name == "eda" else np.array([[word & 0x0FFF]]), ticks)
            for name, word in zip(self.sensors, words, strict=True)
        ]
