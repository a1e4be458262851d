"""Shimmer3 over its serial profile: its answers, and packets of its time and one number for each channel switched on.

Lowest byte first (brainflow's shimmer3.cpp and shimmer3_defines.h; pyshimmer's tables agree on the widths; Shimmer's
own GSR+ sample for the resistances). Which channels there are, in which order, the sensor says in its answer to the
inquiry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affectbio.acquire.decoders.packet import Packet

__all__ = ["CLOCK_HZ", "CODES", "Inquiry", "ShimmerDecoder", "conductance"]

#: Commands, as the first byte of what is sent.
CODES = {
    "inquiry": 0x01, "set rate": 0x05, "start": 0x07, "set sensors": 0x08, "stop": 0x20, "firmware": 0x2E,
    "hardware": 0x3F, "set power": 0x5E,
}  # fmt: skip
#: Of the sensor's clock; rates are whole parts of it.
CLOCK_HZ = 32_768
_ACKNOWLEDGED, _PACKET, _STATUS = 0xFF, 0x00, 0x8A
# Answers by their first byte, and how many bytes follow; the inquiry's has a byte for each channel besides.
_INQUIRY, _HARDWARE, _FIRMWARE = 0x02, 0x25, 0x2F
_SIZES = {_INQUIRY: 8, _HARDWARE: 1, _FIRMWARE: 6}
_EDA, _PPG = 0x1C, 0x12
_NAMES = {_EDA: "eda", _PPG: "ppg"}
# All other channels have two bytes.
_WIDTHS = {0x1B: 3, 0x1D: 1, 0x1E: 3, 0x1F: 3, 0x20: 1, 0x21: 3, 0x22: 3}
_LAST_CHANNEL = 0x28
_AUTOMATIC = 4
# Feedback resistance of each range of the amplifier, in ohm.
_RESISTANCE = np.array([40_200.0, 287_000.0, 1_000_000.0, 3_300_000.0])


def conductance(raw: npt.ArrayLike, gain: int | None = None) -> npt.NDArray[np.float64]:
    """Turn the sensor's numbers into skin conductance.

    Parameters
    ----------
    raw : array-like of int
        16 bits: the range of the amplifier in the highest two, the converter's count of 3 V in the lowest twelve.
    gain : int, optional
        Range 0 to 3, where the sensor is set to one; from each number if not given.

    Returns
    -------
    ndarray
        Conductance in siemens; NaN where the amplifier gives less than its reference of 0.5 V, which no skin does.

    Examples
    --------
    >>> (1e6 * conductance([0x0800, 0xC800])).round(3)
    array([49.769,  0.606])
    >>> (1e6 * conductance([0x0800], gain=3)).round(3)
    array([0.606])
    """
    counts = np.asarray(raw, dtype=np.int64)
    volts = (counts & 0x0FFF) * (3.0 / 4095.0)
    siemens = (volts / 0.5 - 1.0) / _RESISTANCE[counts >> 14 & 3 if gain is None else gain]
    return np.where(volts >= 0.5, siemens, np.nan)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """How a Shimmer is set up, as it answers.

    Parameters
    ----------
    sfreq : float
        Rate in Hz; 0 if the sensor says none.
    gain : int
        Range of the skin's amplifier, 0 to 3, or 4 where the sensor changes it by itself.
    channels : tuple of int
        Numbers of the channels, in the order they come.
    n_times : int
        Samples in a packet.
    """

    sfreq: float
    gain: int
    channels: tuple[int, ...]
    n_times: int

    @property
    def sensors(self) -> tuple[str, ...]:
        """Names of the channels: ``"eda"``, ``"ppg"``, or their number."""
        return tuple(_NAMES.get(number, f"channel {number:#04x}") for number in self.channels)

    @property
    def trouble(self) -> str:
        """What of it the decoder cannot read; empty if nothing."""
        unknown = [f"{number:#04x}" for number in self.channels if number > _LAST_CHANNEL]
        if unknown:
            return f"channels of unknown width: {', '.join(unknown)}"
        if self.n_times != 1:
            return f"{self.n_times} samples in a packet, where one is known"
        if self.gain > _AUTOMATIC:
            return f"range {self.gain} of the skin's amplifier, where 0 to 4 are known"
        return ""


class ShimmerDecoder:
    """Skin conductance in siemens and PPG in counts of 12 bits, with the sensor's time: 24 bits of 32 768 Hz.

    Parameters
    ----------
    sensors : tuple of str, optional
        What was switched on, in the order the sensor names it: ``"eda"``, ``"ppg"``; two bytes of any other name are
        passed over. If not given, the decoder reads answers until `begin`.

    Attributes
    ----------
    n_bad : int
        Stretches that were no packet.
    hardware : int or None
        Number of the model, once it was asked: 3 is Shimmer3.
    firmware : tuple of int or None
        Kind (3 is LogAndStream), and version: major, minor, internal.
    inquiry : Inquiry or None
        Its answer to the last inquiry.
    n_acknowledged : int
        Commands it took.

    Notes
    -----
    A packet has no checksum and no end of its own: it is taken for one where the next begins with the right byte, or
    nothing has come after it. Damage inside a packet is seen only if it moves what follows.

    Examples
    --------
    >>> (eda, ppg) = ShimmerDecoder(("eda", "ppg")).feed(bytes.fromhex("00 100000 0008 ff0f"))
    >>> eda.count, float((1e6 * eda.data[0, 0]).round(1)), int(ppg.data[0, 0])
    (16, 49.8, 4095)
    >>> decoder = ShimmerDecoder()
    >>> decoder.feed(bytes.fromhex("ff 02 0001 00000008 02 01 1c12")), decoder.inquiry.sfreq, decoder.inquiry.sensors
    ([], 128.0, ('eda', 'ppg'))
    """

    def __init__(self, sensors: tuple[str, ...] | None = None) -> None:
        self.n_bad = self.n_acknowledged = 0
        self.hardware: int | None = None
        self.firmware: tuple[int, ...] | None = None
        self.inquiry: Inquiry | None = None
        self._layout: list[tuple[str, int]] | None = None if sensors is None else [(name, 2) for name in sensors]
        self._gain: int | None = None
        self._starting = False
        self._buffer = bytearray()

    def begin(self) -> None:
        """Take what comes after the next acknowledgement for packets, as the last inquiry described them."""
        self._starting = True

    def forget(self) -> None:
        """Drop what came before: packets of a session that another program began."""
        self._buffer.clear()
        self.n_bad = self.n_acknowledged = 0
        self.hardware = self.firmware = self.inquiry = None

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a piece of the byte stream in; see `affectbio.acquire.decoders.Decoder.feed`."""
        self._buffer += data
        if self._layout is None:
            self._answers()
        return [] if self._layout is None else self._packets(self._layout)

    def _answers(self) -> None:
        buffer = self._buffer
        lost = False
        while buffer and self._layout is None:
            head = buffer[0]
            size = 1 + _SIZES.get(head, 0)
            if head == _INQUIRY and len(buffer) >= size:
                size += buffer[7]
            if len(buffer) < size:
                break
            lost |= head != _ACKNOWLEDGED and head not in _SIZES
            self._answered(bytes(buffer[:size]))
            del buffer[:size]
        self.n_bad += lost

    def _answered(self, answer: bytes) -> None:
        if answer[0] == _ACKNOWLEDGED:
            self.n_acknowledged += 1
            if self._starting and self.inquiry is not None:
                asked = self.inquiry
                self._layout = [(_NAMES.get(n, ""), _WIDTHS.get(n, 2)) for n in asked.channels]
                self._gain = None if asked.gain == _AUTOMATIC else asked.gain
        elif answer[0] == _HARDWARE:
            self.hardware = answer[1]
        elif answer[0] == _FIRMWARE:
            words = np.frombuffer(answer[1:5], "<u2")
            self.firmware = (int(words[0]), int(words[1]), answer[5], answer[6])
        elif answer[0] == _INQUIRY:
            parts = int.from_bytes(answer[1:3], "little")
            gain = int.from_bytes(answer[3:7], "little") >> 25 & 7
            self.inquiry = Inquiry(CLOCK_HZ / parts if parts else 0.0, gain, tuple(answer[9:]), answer[8])

    def _packets(self, layout: list[tuple[str, int]]) -> list[Packet]:
        buffer = self._buffer
        size = 4 + sum(width for _, width in layout)
        packets: list[Packet] = []
        at, lost = 0, False
        while at < len(buffer):
            if buffer[at] == _ACKNOWLEDGED:
                at += 1
                continue
            ends = at + size
            after = buffer[ends] if ends < len(buffer) else _PACKET
            if buffer[at] == _PACKET and ends <= len(buffer) and after in (_PACKET, _ACKNOWLEDGED, _STATUS):
                self.n_bad, lost = self.n_bad + lost, False
                packets += self._read(bytes(buffer[at:ends]), layout)
                at = ends
            elif buffer[at] == _STATUS and not lost:
                # Two bytes more: that it answers by the way, and what.
                if at + 3 > len(buffer):
                    break
                at += 3
            elif buffer[at] == _PACKET and ends > len(buffer):
                break
            else:
                at, lost = at + 1, True
        self.n_bad += lost
        del buffer[:at]
        return packets

    def _read(self, packet: bytes, layout: list[tuple[str, int]]) -> list[Packet]:
        ticks = int.from_bytes(packet[1:4], "little")
        packets: list[Packet] = []
        at = 4
        for name, width in layout:
            word = int.from_bytes(packet[at : at + width], "little")
            at += width
            if name == "eda":
                packets.append(Packet(name, conductance([[word]], self._gain), ticks))
            elif name == "ppg":
                packets.append(Packet(name, np.array([[word & 0x0FFF]]), ticks))
        return packets
