"""Polar H10, Verity Sense and kin: Polar Measurement Data over Bluetooth.

Layout from Polar's BLE SDK (BlePMDClient.kt, PmdDataFrame.kt, PmdSetting.kt): a frame is its type, the sensor's time of
its last sample in ns since 2000-01-01, a kind with a bit for compression, and samples. Compressed frames hold one
sample and then differences, packed lowest bit first in blocks of one width.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.acquire.decoders.heart_rate import MEASUREMENT, HeartRateDecoder
from affectbio.acquire.decoders.packet import Packet, signed_24, unpack_bits

__all__ = ["CONTROL", "DATA", "PolarDecoder", "settings", "start_command", "stop_command"]

CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"

_TYPES = {0: "ecg", 1: "ppg", 2: "acc", 3: "ppi", 5: "gyro", 6: "mag"}
_NUMBERS = {name: number for number, name in _TYPES.items()}
# Settings of the control point: number, and bytes of each value.
_SETTINGS = {"sfreq": (0, 2), "bits": (1, 2), "range": (2, 2), "channels": (4, 1), "factor": (5, 4)}
_MOST = 4096


class PolarDecoder:
    """ECG in microvolts, PPG in counts, accelerometer in mg, gyroscope in deg/s, and beat intervals.

    Streams ``"ecg"``, ``"ppg"``, ``"acc"``, ``"gyro"``, ``"mag"`` carry the sensor's time in ns, 64 bits; ``"ppi"`` has
    rows heart rate, interval in ms, its error in ms, and flags; ``"hr"`` and ``"rr"`` are as in
    `affectbio.acquire.decoders.HeartRateDecoder`.

    Parameters
    ----------
    factors : dict of str to float
        Factor by stream, from the control point's answer to the start command (`settings`).

    Examples
    --------
    >>> frame = bytes([0]) + (1_000_000).to_bytes(8, "little") + bytes([0]) + bytes.fromhex("0100 00 ff ff ff")
    >>> [(p.stream, p.count, p.data.tolist()) for p in PolarDecoder().feed(frame, DATA)]
    [('ecg', 1000000, [[1.0, -1.0]])]
    """

    def __init__(self, factors: dict[str, float] | None = None) -> None:
        self.factors = dict(factors or {})
        self.n_bad = 0
        self._heart = HeartRateDecoder()

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a notification in; see `affectbio.acquire.decoders.Decoder.feed`."""
        if source == MEASUREMENT:
            packets = self._heart.feed(data)
            self.n_bad, self._heart.n_bad = self.n_bad + self._heart.n_bad, 0
            return packets
        samples = self._samples(data) if len(data) > 10 else None
        if samples is None or not samples.size:
            self.n_bad += 1
            return []
        stream = _TYPES[data[0] & 0x3F]
        return [Packet(stream, samples, struct.unpack_from("<Q", data, 1)[0])]

    def _samples(self, data: bytes) -> npt.NDArray[Any] | None:
        stream = _TYPES.get(data[0] & 0x3F)
        kind, compressed, body = data[9] & 0x7F, bool(data[9] & 0x80), data[10:]
        factor = self.factors.get(stream or "", 1.0)
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
    command = bytearray([2, _NUMBERS[stream]])
    for name, value in wanted.items():
        number, size = _SETTINGS[name]
        command += bytes([number, 1]) + value.to_bytes(size, "little")
    return bytes(command)


def stop_command(stream: str) -> bytes:
    """Give the bytes that stop a stream, to be written to `CONTROL`."""
    return bytes([3, _NUMBERS[stream]])


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
    if len(answer) < 5 or answer[0] != 0xF0 or answer[2] not in _TYPES:
        raise ValueError(f"expected an answer of the sensor's control point, found {answer.hex(' ') or 'nothing'}")
    if answer[3]:
        raise ValueError(f"the sensor refused to start {_TYPES[answer[2]]}: status {answer[3]}")
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
    return _TYPES[answer[2]], values
