"""InteraXon Muse (2016), Muse 2 and Muse S of the first two generations.

Layout as in muse-lsl (constants.py, muse.py) and brainflow (muse_constants.h, muse.cpp): each electrode and sensor has
a characteristic of its own; a notification is a counter of 16 bits and samples, highest byte first.
"""

from __future__ import annotations

import numpy as np

from affectbio.acquire.decoders.packet import Packet, unpack_bits

__all__ = ["CONTROL", "ELECTRODES", "NOTIFY", "MuseDecoder", "characteristic", "command"]


def characteristic(number: int) -> str:
    """Give the UUID of one of InteraXon's characteristics."""
    return f"273e00{number:02x}-4c4d-454d-96be-f03bac821358"


CONTROL = characteristic(0x01)
#: Characteristics of TP9, AF7, AF8, TP10 and the right auxiliary electrode, in the order of the profile.
ELECTRODES = tuple(characteristic(n) for n in (0x03, 0x04, 0x05, 0x06, 0x07))
_ROW = {uuid: row for row, uuid in enumerate(ELECTRODES)}
_MOTION = {characteristic(0x09): "gyro", characteristic(0x0A): "acc"}
_LIGHT = {characteristic(n): row for row, n in enumerate((0x0F, 0x10, 0x11))}
_BATTERY = characteristic(0x0B)
#: What to listen to for everything but the auxiliary electrode.
NOTIFY = (*ELECTRODES[:4], *_MOTION, _BATTERY, *_LIGHT)
# Sets under way: electrodes of one counter come within milliseconds of each other.
_OPEN = 3


class MuseDecoder:
    """EEG in counts of 12 bits about zero, motion and light in counts, battery in percent.

    Packets carry a counter of 16 bits. A set of electrodes is given when all of it has come, or as far as it has when a
    later set is whole: what is missing is NaN. There is no checksum but Bluetooth's own; the length is tested.

    Parameters
    ----------
    n_electrodes : int
        4, or 5 with the auxiliary electrode.

    Examples
    --------
    >>> decoder = MuseDecoder(n_electrodes=1)
    >>> (packet,) = decoder.feed(bytes.fromhex("0102" + "800801" * 6), ELECTRODES[0])
    >>> packet.stream, packet.count, packet.data[:, :4].tolist()
    ('eeg', 258, [[0.0, 1.0, 0.0, 1.0]])
    """

    def __init__(self, n_electrodes: int = 4) -> None:
        self.n_electrodes = n_electrodes
        self.n_bad = 0
        self._sets: dict[tuple[str, int], np.ndarray] = {}

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a notification in; see `affectbio.acquire.decoders.Decoder.feed`."""
        if len(data) != 20 or not (source in _ROW or source in _MOTION or source in _LIGHT or source == _BATTERY):
            self.n_bad += 1
            return []
        count = data[0] << 8 | data[1]
        if source in _MOTION:
            return [Packet(_MOTION[source], np.frombuffer(data, ">i2", 9, 2).reshape(3, 3).T.astype(np.float64), count)]
        if source == _BATTERY:
            return [Packet("battery", np.array([[int.from_bytes(data[2:4], "big") / 512]]))]
        if source in _LIGHT:
            return self._part("ppg", count, _LIGHT[source], 3, unpack_bits(data[2:], 24, 6, order="big"))
        row = _ROW[source]
        if row >= self.n_electrodes:
            return []
        return self._part("eeg", count, row, self.n_electrodes, unpack_bits(data[2:], 12, 12, order="big") - 2048)

    def _part(self, stream: str, count: int, row: int, n_rows: int, samples: np.ndarray) -> list[Packet]:
        """Put a row into its set; give the set once it is whole, and those before it that never will be."""
        whole = self._sets.setdefault((stream, count), np.full((n_rows, len(samples)), np.nan))
        whole[row] = samples
        mine = [key for key in self._sets if key[0] == stream]
        ready = mine[:-_OPEN] if np.isnan(whole).any() else mine[: mine.index((stream, count)) + 1]
        return [Packet(stream, self._sets.pop(key), key[1]) for key in ready]


def command(text: str) -> bytes:
    r"""Give the bytes of a command, to be written to `CONTROL`.

    Parameters
    ----------
    text : str
        ``"p21"``, ``"p50"`` choose what is sent, ``"d"`` runs, ``"h"`` halts, ``"k"`` keeps alive, ``"s"`` asks for
        status.

    Returns
    -------
    bytes
        Its length, the text, and the end of a line.

    Examples
    --------
    >>> command("p21")
    b'\x04p21\n'
    """
    return bytes([len(text) + 1]) + text.encode() + b"\n"
