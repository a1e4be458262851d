"""Polar H10, Verity Sense and kin: Polar Measurement Data over Bluetooth.

Layout from Polar's BLE SDK (BlePMDClient.kt, PmdDataFrame.kt, PmdSetting.kt): a frame is its type, the sensor's time of
its last sample in ns since 2000-01-01, a kind with a bit for compression, and samples. Compressed frames hold one
sample and then differences, packed lowest bit first in blocks of one width. The control point answers with F0, the
command, the stream, a status, whether more follows, and settings (PmdControlPointResponse.kt).
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.acquire.decoders.heart_rate import MEASUREMENT, HeartRateDecoder
from affectbio.acquire.decoders.packet import Packet, signed_24, unpack_bits

__all__ = [
    "ALREADY",
    "CONTROL",
    "DATA",
    "STATUS",
    "UNKNOWN",
    "PolarDecoder",
    "settings",
    "settings_command",
    "start_command",
    "stop_command",
]

CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"

_TYPES = {0: "ecg", 1: "ppg", 2: "acc", 3: "ppi", 5: "gyro", 6: "mag"}
_NUMBERS = {name: number for number, name in _TYPES.items()}
# Settings of the control point: number, and bytes of each value.
_SETTINGS = {
    "sfreq": (0, 2), "bits": (1, 2), "range": (2, 2), "milli_range": (3, 4), "channels": (4, 1), "factor": (5, 4),
    "security": (6, 16),
}  # fmt: skip
_ANSWER, _STOPPED = 0xF0, 0x01
_ASK, _START, _STOP = 1, 2, 3
_MOST = 4096
#: What the control point says of a command, from PmdControlPointResponse.kt.
STATUS = (
    "done", "unknown command", "unknown measurement", "not supported", "wrong length", "wrong parameter",
    "already running or already stopped", "resolution not offered", "rate not offered", "range not offered",
    "packets of this size not possible", "number of channels not offered", "not possible in its present state",
    "the sensor is in its charger", "its memory is full",
)  # fmt: skip
#: Status of a stream that runs already, and those of one that the sensor does not have.
ALREADY, UNKNOWN = 6, (2, 3)


class PolarDecoder:
    """ECG in microvolts, PPG in counts, accelerometer in mg, gyroscope in deg/s, and beat intervals.

    Streams ``"ecg"``, ``"ppg"``, ``"acc"``, ``"gyro"``, ``"mag"`` carry the sensor's time in ns, 64 bits; ``"ppi"`` has
    rows heart rate, interval in ms, its error in ms, and flags; ``"hr"`` and ``"rr"`` are as in
    `affectbio.acquire.decoders.HeartRateDecoder`.

    Parameters
    ----------
    factors : dict of str to float
        Factor of compressed frames by stream. The decoder reads it from the control point's answer to the start
        command; frames that come before it are counted as bad, for they cannot be scaled.

    Attributes
    ----------
    n_bad : int
        Frames that were damaged, of no known kind, or cannot be scaled yet.
    answers : dict of (int, str) to bytes
        The last whole answer of the control point to a command (1 question, 2 start, 3 stop) about a stream.
    stopped : list of str
        Streams that the sensor stopped by itself.

    Notes
    -----
    Frames have no checksum of their own: Bluetooth's protects them. What is tested is the length.

    Examples
    --------
    >>> frame = bytes([0]) + (1_000_000).to_bytes(8, "little") + bytes([0]) + bytes.fromhex("0100 00 ff ff ff")
    >>> [(p.stream, p.count, p.data.tolist()) for p in PolarDecoder().feed(frame, DATA)]
    [('ecg', 1000000, [[1.0, -1.0]])]
    """

    def __init__(self, factors: dict[str, float] | None = None) -> None:
        self.factors = dict(factors or {})
        self.n_bad = 0
        self.answers: dict[tuple[int, str], bytes] = {}
        self.stopped: list[str] = []
        self._begun = b""
        self._heart = HeartRateDecoder()

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a notification in; see `affectbio.acquire.decoders.Decoder.feed`."""
        if source == MEASUREMENT:
            packets = self._heart.feed(data)
            self.n_bad, self._heart.n_bad = self.n_bad + self._heart.n_bad, 0
            return packets
        if source == CONTROL:
            self._answered(data)
            return []
        samples = self._samples(data) if len(data) > 10 else None
        if samples is None or not samples.size:
            self.n_bad += 1
            return []
        stream = _TYPES[data[0] & 0x3F]
        return [Packet(stream, samples, struct.unpack_from("<Q", data, 1)[0])]

    def _answered(self, data: bytes) -> None:
        if data[:1] == bytes([_STOPPED]):
            self.stopped += [_TYPES[number & 0x3F] for number in data[1:] if number & 0x3F in _TYPES]
            return
        if len(data) < 4 or data[0] != _ANSWER or data[2] & 0x3F not in _TYPES:
            self.n_bad += 1
            return
        # A long answer comes in pieces that all begin alike.
        if self._begun[:3] == data[:3]:
            data = self._begun[:4] + data[4:5] + self._begun[5:] + data[5:]
        self._begun = data if data[3] == 0 and data[4:5] not in (b"", b"\0") and len(data) < _MOST else b""
        if self._begun:
            return
        command, stream = data[1], _TYPES[data[2] & 0x3F]
        self.answers[command, stream] = data
        if command == _START and data[3] == 0:
            try:
                self.factors[stream] = settings(data)[1].get("factor", [1.0])[0]
            except ValueError:
                self.n_bad += 1

    def _samples(self, data: bytes) -> npt.NDArray[Any] | None:
        stream = _TYPES.get(data[0] & 0x3F)
        kind, compressed, body = data[9] & 0x7F, bool(data[9] & 0x80), data[10:]
        factor = self.factors.get(stream or "", np.nan)
        if compressed and stream in ("acc", "gyro", "mag") and np.isnan(factor):
            return None
        if stream == "ecg" and not compressed and kind == 0 and len(body) % 3 == 0:
            return signed_24(body, "little")[None].astype(np.float64)
        if stream == "acc" and not compressed and kind in (0, 1):
            width = kind + 1
            if len(body) % (3 * width) == 0:
                return np.frombuffer(body, ("i1", "<i2")[kind]).reshape(-1, 3).T.astype(np.float64)
        if stream == "acc" and compressed and kind in (0, 1):
            # Kind 0 is in g, kind 1 in mg.
            return _scaled(_differences(body, 3, 16), factor * (1000.0 if kind == 0 else 1.0))
        if stream == "ppg" and kind == 0:
            if compressed:
                return _scaled(_differences(body, 4, 24), 1.0)
            if len(body) % 12 == 0:
                return signed_24(body, "little").reshape(-1, 4).T.astype(np.float64)
        if stream in ("gyro", "mag") and compressed and kind == 0:
            return _scaled(_differences(body, 3, 16), factor)
        if stream == "ppi" and kind == 0 and not compressed and len(body) % 6 == 0:
            rows = np.frombuffer(body, np.dtype([("hr", "u1"), ("pp", "<u2"), ("error", "<u2"), ("flags", "u1")]))
            return np.stack([rows[name].astype(np.float64) for name in ("hr", "pp", "error", "flags")])
        return None


def _scaled(counts: npt.NDArray[Any] | None, factor: float) -> npt.NDArray[Any] | None:
    return None if counts is None else counts * factor


def _differences(body: bytes, n_chans: int, bits: int) -> npt.NDArray[Any] | None:
    """Read one sample and blocks of differences; None where the bytes do not come out even."""
    at = bits // 8 * n_chans
    if len(body) < at:
        return None
    first = signed_24(body[:at], "little") if bits == 24 else np.frombuffer(body[:at], "<i2")
    steps = [first.astype(np.int64)[None]]
    total = 1
    while at < len(body):
        if len(body) < at + 2:
            return None
        width, count = body[at], body[at + 1]
        size = -(-width * count * n_chans // 8)
        total += count
        if width > 32 or not count or len(body) < at + 2 + size or total > _MOST:
            return None
        block = body[at + 2 : at + 2 + size]
        steps.append(unpack_bits(block, width, count * n_chans, signed=True).reshape(count, n_chans))
        at += 2 + size
    return np.cumsum(np.concatenate(steps), axis=0).T


def settings_command(stream: str) -> bytes:
    """Give the bytes that ask for the settings of a stream, to be written to `CONTROL`."""
    return bytes([_ASK, _NUMBERS[stream]])


def start_command(stream: str, **wanted: int) -> bytes:
    """Give the bytes that start a stream, to be written to `CONTROL`.

    Parameters
    ----------
    stream : str
        ``"ecg"``, ``"acc"``, ``"ppg"``, ``"ppi"``, ``"gyro"`` or ``"mag"``.
    **wanted : int
        Settings that the sensor offers: ``sfreq`` in Hz, ``bits``, ``range`` and ``channels``.

    Returns
    -------
    bytes
        The command.

    Examples
    --------
    >>> start_command("ecg", sfreq=130, bits=14).hex(" ")
    '02 00 00 01 82 00 01 01 0e 00'
    """
    command = bytearray([_START, _NUMBERS[stream]])
    for name, value in wanted.items():
        number, size = _SETTINGS[name]
        command += bytes([number, 1]) + value.to_bytes(size, "little")
    return bytes(command)


def stop_command(stream: str) -> bytes:
    """Give the bytes that stop a stream, to be written to `CONTROL`."""
    return bytes([_STOP, _NUMBERS[stream]])


def settings(answer: bytes) -> tuple[str, dict[str, list[float]]]:
    """Read what the control point answers to a question (1) or a start command (2).

    Parameters
    ----------
    answer : bytes
        F0, the command, the stream, a status, whether more follows, then the settings.

    Returns
    -------
    stream : str
        Which stream.
    values : dict of str to list of float
        Values offered, or the ``"factor"`` of a stream that was started.

    Raises
    ------
    ValueError
        If it is no answer, or the sensor refused.

    Examples
    --------
    >>> settings(bytes.fromhex("f001000000 00018200 01010e00"))
    ('ecg', {'sfreq': [130], 'bits': [14]})
    """
    if len(answer) < 4 or answer[0] != _ANSWER or answer[2] & 0x3F not in _TYPES:
        raise ValueError(f"expected an answer of the sensor's control point, found {answer.hex(' ') or 'nothing'}")
    stream, status = _TYPES[answer[2] & 0x3F], answer[3]
    if status:
        asked = {_ASK: "to tell the settings of", _START: "to start", _STOP: "to stop"}.get(answer[1], "a command on")
        why = STATUS[status] if status < len(STATUS) else "of no known meaning"
        raise ValueError(f"the sensor refused {asked} {stream}: status {status}, {why}")
    names = {number: (name, size) for name, (number, size) in _SETTINGS.items()}
    values: dict[str, list[float]] = {}
    at = 5
    while at + 2 <= len(answer):
        name, size = names.get(answer[at], ("", 0))
        count, at = answer[at + 1], at + 2
        if not name or at + count * size > len(answer):
            raise ValueError(f"expected settings of the sensor, found {answer.hex(' ')}")
        words = [answer[at + k * size : at + (k + 1) * size] for k in range(count)]
        values[name] = [struct.unpack("<f", w)[0] if name == "factor" else int.from_bytes(w, "little") for w in words]
        at += count * size
    if not all(map(math.isfinite, values.get("factor", []))) or values.get("factor") == []:
        raise ValueError(f"expected a factor of {stream}, found {answer.hex(' ')}")
    return stream, values
