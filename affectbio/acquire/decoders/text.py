"""Devices that send text: EmotiBit (lines over UDP), the Empatica E4 server (lines over TCP), Emotiv's Cortex (JSON).

EmotiBit: brainflow 5.23 (emotibit.cpp, emotibit_defines.h): time in ms, number, how many values, type, version,
reliability, values. E4: developer.empatica.com, windows-streaming-server-data. Cortex: Emotiv's cortex-example.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeGuard

import numpy as np

from affectbio.acquire.decoders.packet import Packet

__all__ = ["CortexDecoder", "E4Decoder", "EmotiBitDecoder"]

_EMOTIBIT = {
    "EA": "eda", "PI": "ppg-ir", "PR": "ppg-red", "PG": "ppg-green", "T1": "temperature", "TH": "thermopile",
    "AX": "acc-x", "AY": "acc-y", "AZ": "acc-z", "GX": "gyro-x", "GY": "gyro-y", "GZ": "gyro-z",
    "MX": "mag-x", "MY": "mag-y", "MZ": "mag-z", "B%": "battery",
}  # fmt: skip
_E4 = {
    "E4_Bvp": ("ppg", 1), "E4_Gsr": ("eda", 1), "E4_Temperature": ("temperature", 1), "E4_Acc": ("acc", 3),
    "E4_Ibi": ("rr", 1), "E4_Hr": ("hr", 1),
    # In percent or from 0 to 1: the sources do not say, so it is not given as the battery in percent.
    "E4_Battery": ("battery-level", 1),
}  # fmt: skip
_LONGEST_LINE = 65_536


def _numbers(words: list[str]) -> list[float] | None:
    """Read numbers, or None if one of the words is none."""
    try:
        values = [float(word.replace(",", ".")) for word in words]
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None


class _Lines:
    """Whole lines out of pieces of text."""

    def __init__(self) -> None:
        self.n_bad = 0
        self._buffer = b""

    def lines(self, data: bytes) -> list[str]:
        *whole, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > _LONGEST_LINE:
            self._buffer = b""
            self.n_bad += 1
        # What is blank as text need not be as bytes.
        return [text for line in whole if (text := line.decode("utf-8", "replace").strip())]


class EmotiBitDecoder(_Lines):
    r"""EmotiBit's datagrams: one stream per sensor and axis, with the device's time in ms (32 bits).

    Values of one line were taken together one after another; the time is of the last. Units are EmotiBit's:
    microsiemens, degrees Celsius, g, deg/s, counts of light. There is no checksum but UDP's own; a line tells how many
    values it has.

    Examples
    --------
    >>> decoder = EmotiBitDecoder()
    >>> [(p.stream, p.count, p.data.tolist()) for p in decoder.feed(b"1200,7,2,EA,1,100,0.51,0.52\n")]
    [('eda', 1200, [[0.51, 0.52]])]
    """

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a datagram in; see `affectbio.acquire.decoders.Decoder.feed`."""
        packets = []
        for line in self.lines(data if data.endswith(b"\n") else data + b"\n"):
            words = line.split(",")
            if len(words) < 6 or not words[0].isdecimal() or not words[2].isdecimal():
                self.n_bad += 1
                continue
            stream, values = _EMOTIBIT.get(words[3]), _numbers(words[6:])
            if stream is None:
                # Messages of other kinds: acknowledgements, times of the host.
                continue
            if not values or len(values) != int(words[2]):
                self.n_bad += 1
                continue
            packets.append(Packet(stream, np.array([values]), int(words[0])))
        return packets


class E4Decoder(_Lines):
    r"""The text of the Empatica E4 streaming server.

    The server makes up its times from the first packet and the nominal rate, so they drift; they are left out, and
    samples are stamped as they arrive. What the server says else is kept in ``answers``, the last hundred lines. There
    is no checksum but TCP's own.

    Examples
    --------
    >>> decoder = E4Decoder()
    >>> [(p.stream, p.data.tolist()) for p in decoder.feed(b"E4_Gsr 1234.5 0.31\r\nE4_Acc 1234.5 1 2 63\r\n")]
    [('eda', [[0.31]]), ('acc', [[1.0], [2.0], [63.0]])]
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[str] = []

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a piece of the text in; see `affectbio.acquire.decoders.Decoder.feed`."""
        packets = []
        for line in self.lines(data):
            kind, *words = line.split()
            if kind not in _E4:
                if kind.startswith("E4_"):
                    self.n_bad += 1
                else:
                    self.answers = [*self.answers, line][-100:]
                continue
            stream, n = _E4[kind]
            values = _numbers(words)
            if values is None or len(values) != n + 1:
                self.n_bad += 1
                continue
            packets.append(Packet(stream, np.array(values[1:])[:, None]))
        return packets


class CortexDecoder:
    """Messages of Emotiv's Cortex: EEG in microvolts with its counter, motion, contact quality.

    Cortex names the columns when a stream is subscribed to; what it answers is kept by ``id`` in ``answers``, whole,
    and what it warns of in ``warnings``. The counter of the EEG wraps at the rate: 128 at 128 Hz. There is no checksum
    but TCP's own.

    Parameters
    ----------
    electrodes : tuple of str
        Which columns of the EEG to give, in order.

    Attributes
    ----------
    n_bad : int
        Messages that are no JSON object, and rows that do not fit their columns.
    answers : dict of int to dict
        Cortex's answers by the number of the request; whoever reads one takes it out.
    warnings : list of tuple of int and object
        Code and message of what Cortex warned of.
    columns : dict of str to list
        Names of the columns of each stream that was subscribed to.

    Examples
    --------
    >>> decoder = CortexDecoder(("AF3", "Pz"))
    >>> columns = '{"id":6,"result":{"success":[{"streamName":"eeg","cols":["COUNTER","INTERPOLATED","AF3","Pz"]}]}}'
    >>> decoder.feed(columns.encode())
    []
    >>> [(p.stream, p.count, p.data.ravel().tolist()) for p in decoder.feed(b'{"eeg":[3,0,4100.5,4200.0],"time":1.5}')]
    [('eeg', 3, [4100.5, 4200.0])]
    """

    def __init__(self, electrodes: tuple[str, ...]) -> None:
        self.electrodes = electrodes
        self.n_bad = 0
        self.answers: dict[int, dict[str, Any]] = {}
        self.warnings: list[tuple[int, Any]] = []
        self.columns: dict[str, list[Any]] = {}

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take a message in; see `affectbio.acquire.decoders.Decoder.feed`."""
        try:
            message = json.loads(data)
        except ValueError:
            self.n_bad += 1
            return []
        if not isinstance(message, dict):
            self.n_bad += 1
            return []
        if isinstance(message.get("id"), int):
            self._answered(message)
            return []
        warning = message.get("warning")
        if isinstance(warning, dict) and isinstance(warning.get("code"), int):
            self.warnings = [*self.warnings, (warning["code"], warning.get("message"))][-100:]
            return []
        packets: list[Packet] = []
        for name in ("eeg", "mot", "dev"):
            if name in message:
                found = self._row(name, message[name])
                self.n_bad += not found
                packets += found
        return packets

    def _answered(self, message: dict[str, Any]) -> None:
        self.answers[message["id"]] = message
        result = message.get("result")
        streams = result.get("success") if isinstance(result, dict) else None
        for stream in streams if isinstance(streams, list) else []:
            if isinstance(stream, dict) and isinstance(stream.get("cols"), list):
                self.columns[str(stream.get("streamName"))] = stream["cols"]

    def _row(self, name: str, values: Any) -> list[Packet]:
        columns = self.columns.get(name)
        if not isinstance(values, list) or columns is None or len(values) != len(columns):
            return []
        row: dict[str, Any] = {}
        for column, value in zip(columns, values, strict=True):
            # The contacts of the stream "dev" are a list within the list, and so are their names.
            if isinstance(column, list):
                if not isinstance(value, list) or len(value) != len(column):
                    return []
                row |= zip(map(str, column), value, strict=True)
            else:
                row[str(column)] = value
        if name == "eeg":
            wanted: tuple[str, ...] = self.electrodes
        elif name == "mot":
            wanted = tuple(c for c in row if c.startswith(("ACC", "Q", "GYRO")))
        else:
            wanted = tuple(c for c in row if c not in ("Battery", "Signal", "BatteryPercent"))
        numbers = [row.get(c) for c in wanted]
        if not numbers or not all(map(_finite, numbers)):
            return []
        count = row.get("COUNTER", row.get("COUNTER_MEMS"))
        stream = {"eeg": "eeg", "mot": "motion", "dev": "contact"}[name]
        data = np.array(numbers, dtype=np.float64)[:, None]
        packets = [Packet(stream, data, int(count) if _finite(count) else None)]
        if name == "dev" and _finite(row.get("BatteryPercent")):
            packets.append(Packet("battery", np.array([[float(row["BatteryPercent"])]])))
        return packets


def _finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
