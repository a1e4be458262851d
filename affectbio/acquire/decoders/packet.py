"""What decoders give: samples as the device counts them, and what the packet says of its place in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Order = Literal["little", "big"]

__all__ = ["Decoder", "Packet", "signed_24", "split_frames", "unpack_bits"]


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """Samples of one stream that came together.

    Parameters
    ----------
    stream : str
        Kind of the stream, as in the device's profile: ``"eeg"``, ``"acc"``, ``"battery"``.
    data : ndarray, shape (n_chans, n_times)
        In the profile's unit of the stream, before its ``lsb``: mostly counts of a converter.
    count : int, optional
        Number of the packet, or the device's time of its last sample in ticks.
    """

    stream: str
    data: npt.NDArray[Any]
    count: int | None = None


class Decoder(Protocol):
    """Bytes in, packets out; no input or output of its own, and no clock.

    Attributes
    ----------
    n_bad : int
        Packets that were damaged, or of no known kind, and are left out.
    """

    n_bad: int

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take bytes in and give the packets they complete.

        Parameters
        ----------
        data : bytes
            One notification or datagram, or any piece of a byte stream.
        source : str
            Where they came from: the characteristic of a Bluetooth notification, lower case.

        Returns
        -------
        list of Packet
            In the order they were sent. Never raises: what cannot be read is counted in ``n_bad``.
        """
        ...


def signed_24(data: bytes, order: Order = "big") -> npt.NDArray[np.int32]:
    """Read whole numbers of 24 bits.

    Parameters
    ----------
    data : bytes
        Three for each number.
    order : {"big", "little"}
        Which byte comes first.

    Returns
    -------
    ndarray of int32, shape (len(data) // 3,)
        The numbers.

    Examples
    --------
    >>> signed_24(bytes.fromhex("000001ffffff800000")).tolist()
    [1, -1, -8388608]
    """
    triples = np.frombuffer(data, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(triples), 4), np.uint8)
    wide[:, :3] = triples if order == "big" else triples[:, ::-1]
    return wide.view(">i4").ravel().astype(np.int32) >> 8


def unpack_bits(data: bytes, width: int, count: int, *, order: Order = "little", signed: bool = False) -> Any:
    """Read whole numbers of any width that are packed without gaps.

    Parameters
    ----------
    data : bytes
        At least ``width * count`` bits.
    width, count : int
        Bits of a number, and how many numbers.
    order : {"little", "big"}
        Whether the lowest bit of a byte, and of a number, comes first, or the highest.
    signed : bool
        As two's complement.

    Returns
    -------
    ndarray of int64, shape (count,)
        The numbers.

    Raises
    ------
    ValueError
        If there are not enough bits.

    Examples
    --------
    >>> [unpack_bits(bytes([byte]), 3, 2, order=order).tolist() for byte, order in ((7, "little"), (224, "big"))]
    [[7, 0], [7, 0]]
    """
    if len(data) * 8 < width * count:
        raise ValueError(f"expected {width * count} bits, found {len(data) * 8}")
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=width * count, bitorder=order)
    place = np.arange(width, dtype=np.int64) if order == "little" else np.arange(width - 1, -1, -1, dtype=np.int64)
    numbers = bits.reshape(count, width).astype(np.int64) @ (np.int64(1) << place)
    return np.where(numbers >> (width - 1), numbers - (1 << width), numbers) if signed and width else numbers


def split_frames(buffer: bytearray, head: bytes, size: int, whole: Callable[[bytes], bool]) -> tuple[list[bytes], int]:
    """Take frames of a fixed size out of a byte stream, past whatever is damaged.

    Parameters
    ----------
    buffer : bytearray
        What has come and is not yet read; frames and what cannot belong to one are taken out of it.
    head : bytes
        What a frame begins with.
    size : int
        Its length in bytes.
    whole : callable
        Says of ``size`` bytes that begin with the head whether they are a frame.

    Returns
    -------
    frames : list of bytes
        In order.
    n_bad : int
        Stretches that were no frame.

    Notes
    -----
    O(len(buffer)): every byte is looked at once, but for those of a frame that turned out to be none.

    Examples
    --------
    >>> buffer = bytearray(b"A1zA2xA3zA4")
    >>> split_frames(buffer, b"A", 3, lambda frame: frame.endswith(b"z")), bytes(buffer)
    (([b'A1z', b'A3z'], 1), b'A4')
    """
    frames: list[bytes] = []
    at = n_bad = 0
    lost = False
    while True:
        found = buffer.find(head, at)
        if found < 0:
            # The head may have come in part.
            at = max(at, len(buffer) - len(head) + 1)
            break
        lost |= found > at
        at = found
        if len(buffer) - at < size:
            break
        frame = bytes(buffer[at : at + size])
        if whole(frame):
            n_bad, lost = n_bad + lost, False
            frames.append(frame)
            at += size
        else:
            lost = True
            at += 1
    n_bad += lost
    del buffer[:at]
    return frames, n_bad
