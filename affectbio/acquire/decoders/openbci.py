"""OpenBCI Cyton, Cyton with Daisy, and Ganglion.

Cyton: docs.openbci.com/Cyton/CytonDataFormat, and brainflow's cyton.cpp and cyton_daisy.cpp. Ganglion with firmware 2:
docs.openbci.com/Ganglion/GanglionDataFormat, and brainflow's ganglion_native_v2.cpp; firmware 3 sends the same packets
with another meaning (ganglion_native_v3.cpp), and nothing in them tells which it is.
"""

from __future__ import annotations

import numpy as np

from affectbio.acquire.decoders.packet import Packet, signed_24, split_frames, unpack_bits

__all__ = ["CytonDecoder", "GanglionDecoder"]

_SIZE = 33
_LONGEST_TEXT = 4096


def _whole(frame: bytes) -> bool:
    return frame[-1] & 0xF0 == 0xC0


class CytonDecoder:
    """EEG in counts of 24 bits and the accelerometer in counts of 16 bits, from the dongle's byte stream.

    Packets carry a counter of 8 bits. With a Daisy, odd and even packets alternate between the boards: two of them make
    one sample of 16 channels, whose counter is half the even packet's (7 bits). There is no checksum: what is tested
    are the first byte and the last, so that damage between them passes.

    Parameters
    ----------
    daisy : bool
        Whether a Daisy sits on the Cyton.

    Attributes
    ----------
    n_bad : int
        Stretches that were no frame, and halves of a sample without the other.
    text : bytes or None
        While not None, what comes is text of the board, and gathered here.

    Examples
    --------
    >>> frame = bytes([0xA0, 7]) + bytes.fromhex("000001" * 8 + "0010" + "0000" * 2) + bytes([0xC0])
    >>> [(p.stream, p.count, p.data.ravel().tolist()) for p in CytonDecoder().feed(frame)]
    [('eeg', 7, [1, 1, 1, 1, 1, 1, 1, 1]), ('acc', 7, [16, 0, 0])]
    """

    def __init__(self, daisy: bool = False) -> None:
        self.daisy = daisy
        self.n_bad = 0
        self.text: bytes | None = None
        self._buffer = bytearray()
        self._cyton: tuple[int, np.ndarray] | None = None

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a piece of the byte stream in; see `affectbio.acquire.decoders.Decoder.feed`."""
        if self.text is not None:
            self.text = (self.text + data)[-_LONGEST_TEXT:]
            return []
        self._buffer += data
        frames, n_bad = split_frames(self._buffer, b"\xa0", _SIZE, _whole)
        self.n_bad += n_bad
        return [packet for frame in frames for packet in self._read(frame)]

    def _read(self, frame: bytes) -> list[Packet]:
        count = frame[1]
        eeg = signed_24(frame[2:26])[:, None]
        packets = self._both(count, eeg) if self.daisy else [Packet("eeg", eeg, count)]
        # Other ends mark auxiliary bytes of another kind. The accelerometer runs slower than the packets: all zeros are
        # none.
        if frame[-1] == 0xC0 and any(frame[26:32]):
            acc = np.frombuffer(frame, ">i2", 3, 26)[:, None].astype(np.int64)
            packets.append(Packet("acc", acc, count // 2 if self.daisy else count))
        return packets

    def _both(self, count: int, eeg: np.ndarray) -> list[Packet]:
        if count % 2:
            self._cyton = (count, eeg)
            return []
        first, self._cyton = self._cyton, None
        if first is None or (first[0] + 1) % 256 != count:
            # Half a sample is none.
            self.n_bad += 1
            return []
        return [Packet("eeg", np.concatenate([first[1], eeg]), count // 2)]


class GanglionDecoder:
    """EEG in counts of 24 bits and the accelerometer in counts of 8, from Bluetooth notifications of firmware 2.

    A packet holds two samples as differences to the ones before, of 18 or 19 bits; number 0 holds one in full. After a
    lost packet the level is not known: nothing is given until the next packet 0, once a second. The count is that of
    the last sample and wraps at 201: one sample in full, and 100 packets of two. There is no checksum but Bluetooth's
    own; length and number are tested.

    Examples
    --------
    >>> decoder = GanglionDecoder()
    >>> [p.data.ravel().tolist() for p in decoder.feed(bytes([0]) + bytes.fromhex("000064" * 4) + bytes(7))]
    [[100, 100, 100, 100]]
    """

    def __init__(self) -> None:
        self.n_bad = 0
        self._level: np.ndarray | None = None
        self._next = 0
        self._axes: dict[int, int] = {}

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a notification in; see `affectbio.acquire.decoders.Decoder.feed`."""
        if len(data) != 20 or data[0] > 200:
            # 201 to 205 are impedances as text, 206 and 207 messages.
            self.n_bad += not data or data[0] <= 200
            return []
        number = data[0]
        # 18 bits: 1 to 100; 19 bits: 101 to 200.
        place = number if number <= 100 else number - 100
        packets = []
        if 0 < number <= 100 and number % 10 in (0, 1, 2):
            packets = self._motion(number % 10, data[19])
        if number == 0:
            self._level = signed_24(data[1:13]).astype(np.int64)
            self._next = 1
            return [*packets, Packet("eeg", self._level[:, None], 0)]
        if self._level is None or place != self._next:
            self._level = None
            return packets
        width = 18 if number <= 100 else 19
        steps = unpack_bits(data[1:20], width, 8, order="big", signed=True)
        # The lowest bit repeats the sign.
        steps = (steps & ~1).reshape(2, 4)
        samples = self._level[:, None] - np.cumsum(steps, axis=0).T
        self._level, self._next = samples[:, -1], place + 1
        return [*packets, Packet("eeg", samples, 2 * place)]

    def _motion(self, which: int, byte: int) -> list[Packet]:
        """Gather the axes: z with its sign turned, y, x, in packets whose number ends in 0, 1 and 2."""
        value = byte - 256 if byte > 127 else byte
        self._axes[which] = -value if which == 0 else value
        if which != 2 or len(self._axes) < 3:
            return []
        axes, self._axes = self._axes, {}
        return [Packet("acc", np.array([[axes[2]], [axes[1]], [axes[0]]]))]
