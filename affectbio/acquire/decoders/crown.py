"""Neurosity Crown: OSC messages over UDP (docs.neurosity.co, api/osc; opensoundcontrol.org, specification 1.0)."""

from __future__ import annotations

import re
import struct

import numpy as np

from affectbio.acquire.decoders.packet import Packet

__all__ = ["CrownDecoder", "osc_message"]

N_CHANS, SFREQ = 8, 256.0


def osc_message(data: bytes) -> tuple[str, list[float | int | str | bytes | bool | None]]:
    r"""Read one OSC message.

    Parameters
    ----------
    data : bytes
        An address, the types of the arguments, and the arguments; each padded to four bytes.

    Returns
    -------
    address : str
        ``"/neurosity/notion/…/raw"``.
    arguments : list
        Numbers, text, bytes, truth values and None.

    Raises
    ------
    ValueError
        If it is no message, or an argument is of no type of OSC 1.0.

    Examples
    --------
    >>> osc_message(b"/a\0\0,if\0" + bytes.fromhex("00000007 3f800000"))
    ('/a', [7, 1.0])
    """
    address, at = _text(data, 0)
    types, at = _text(data, at)
    if not address.startswith("/") or not types.startswith(","):
        raise ValueError(f"expected an OSC message, found {data[:16]!r}")
    arguments: list[float | int | str | bytes | bool | None] = []
    for kind in types[1:]:
        if kind in _FIXED:
            size = struct.calcsize(_FIXED[kind])
            if at + size > len(data):
                raise ValueError(f"an OSC message ends inside argument {len(arguments)} of {len(types) - 1}")
            arguments.append(struct.unpack_from(_FIXED[kind], data, at)[0])
            at += size
        elif kind in "sS":
            text, at = _text(data, at)
            arguments.append(text)
        elif kind in "[]":
            # Arrays are read as if their elements stood alone.
            continue
        elif kind in "TFN":
            arguments.append({"T": True, "F": False, "N": None}[kind])
        elif kind == "b" and at + 4 <= len(data):
            (size,) = struct.unpack_from(">i", data, at)
            if not 0 <= size <= len(data) - at - 4:
                raise ValueError(f"an OSC message says that {size} bytes follow, where {len(data) - at - 4} do")
            arguments.append(data[at + 4 : at + 4 + size])
            at += 4 + -(-size // 4) * 4
        else:
            raise ValueError(f"an OSC argument of type {kind!r} is not known")
    return address, arguments


_FIXED = {"i": ">i", "f": ">f", "h": ">q", "d": ">d", "t": ">Q"}


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at)
    if end < 0:
        raise ValueError("an OSC message ends inside a text")
    return data[at:end].decode("ascii", "replace"), at + -(-(end + 1 - at) // 4) * 4


class CrownDecoder:
    r"""EEG in microvolts, with the device's time of the last sample in microseconds (64 bits).

    A message at ``/neurosity/notion/{device}/raw`` holds frames of 8 electrodes, one sample after the other, the time
    of the first in ms as text, a count and a marker. How many frames come together differs between firmwares, and
    whether the count is of packets or samples between sources, so the time is what losses are told by. There is no
    checksum but UDP's own.

    Examples
    --------
    >>> frames = np.arange(16, dtype=">f4").tobytes()
    >>> head = b"/neurosity/notion/x/raw\0" + b"," + b"f" * 16 + b"sis" + bytes(4)
    >>> message = head + frames + b"1700000000000.5\0" + bytes([0, 0, 0, 3]) + bytes(4)
    >>> (packet,) = CrownDecoder().feed(message)
    >>> packet.data[:2].tolist(), packet.count
    ([[0.0, 8.0], [1.0, 9.0]], 1700000000004406)
    """

    def __init__(self) -> None:
        self.n_bad = 0

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a datagram in; see `affectbio.acquire.decoders.Decoder.feed`."""
        try:
            address, arguments = osc_message(data)
        except ValueError:
            self.n_bad += 1
            return []
        if not address.endswith("/raw"):
            return []
        n = next((k for k, value in enumerate(arguments) if not isinstance(value, float)), len(arguments))
        frames = np.array(arguments[:n], dtype=np.float64)
        first_ms = arguments[n] if n < len(arguments) else None
        timed = isinstance(first_ms, str) and re.fullmatch(r"\d{1,15}(\.\d*)?", first_ms)
        if not n or n % N_CHANS or not timed or not np.isfinite(frames).all():
            self.n_bad += 1
            return []
        samples = frames.reshape(-1, N_CHANS).T
        last_us = round(float(str(first_ms)) * 1e3 + (samples.shape[1] - 1) * 1e6 / SFREQ)
        return [Packet("eeg", samples, last_us)]
