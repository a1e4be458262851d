"""Polar sensors behind bleak, the frames they send, and a control point that answers as BlePMDClient.kt expects."""

import struct

import numpy as np

from affectbio.acquire.decoders import heart_rate, polar
from affectbio.acquire.drivers import DRIVERS
from affectbio.acquire.transport import BleTransport
from tests.acquire.fakes.bluetooth import Peripheral

KINDS = {"ecg": 0, "ppg": 1, "acc": 2, "ppi": 3, "gyro": 5, "mag": 6}
#: Settings by number, as the control point tells them: 0 rate, 1 resolution, 2 range, 4 channels.
H10 = {
    "ecg": {0: [130], 1: [14]},
    "acc": {0: [25, 50, 100, 200], 1: [16], 2: [2, 4, 8]},
}
VERITY = {
    "ppg": {0: [55], 1: [22], 4: [4]},
    "acc": {0: [52], 1: [16], 2: [8], 4: [3]},
    "gyro": {0: [52], 1: [16], 2: [250, 500, 1000, 2000], 4: [3]},
    "ppi": {},
}


def ecg_frame(k, n=10):
    values = np.arange(k * n, (k + 1) * n) % 4000 - 2000
    body = b"".join(int(v).to_bytes(3, "little", signed=True) for v in values)
    return bytes([0]) + struct.pack("<Q", int((k + 1) * n / 130 * 1e9)) + b"\0" + body


def delta_frame(kind, ticks, frame_kind, counts):
    """A compressed frame: one sample of 16 bits a channel, and differences of 8 bits."""
    body = counts[0].astype("<i2").tobytes() + bytes([8, len(counts) - 1])
    body += np.diff(counts, axis=0).astype("i1").tobytes()
    return bytes([KINDS[kind]]) + struct.pack("<Q", ticks) + bytes([0x80 | frame_kind]) + body


class ControlPoint:
    """Answers each command; `refuse` gives a status for (command, kind), `pieces` cuts answers in two."""

    def __init__(self, peripheral, offered, factors=None):
        self.peripheral, self.offered, self.factors = peripheral, offered, factors or {}
        self.refuse, self.running, self.pieces, self.mute = {}, set(), False, False

    def __call__(self, uuid, data):
        if uuid != polar.CONTROL or self.mute:
            return
        command, number = data[0], data[1]
        kind = {v: k for k, v in KINDS.items()}[number]
        status, settings = self.refuse.get((command, kind), 0), b""
        if kind not in self.offered:
            status = 3
        elif command == 1 and not status:
            for setting, values in self.offered[kind].items():
                size = {0: 2, 1: 2, 2: 2, 4: 1}[setting]
                settings += bytes([setting, len(values)]) + b"".join(v.to_bytes(size, "little") for v in values)
        elif command == 2 and not status:
            status = 6 if kind in self.running else 0
            self.running.add(kind)
            if kind in self.factors and not status:
                settings = bytes([5, 1]) + struct.pack("<f", self.factors[kind])
        elif command == 3:
            self.running.discard(kind)
        head = bytes([0xF0, command, number, status])
        if status:
            self.peripheral.send(polar.CONTROL, head)
        elif self.pieces and settings:
            self.peripheral.send(polar.CONTROL, head + b"\1" + settings[:3])
            self.peripheral.send(polar.CONTROL, head + b"\0" + settings[3:])
        else:
            self.peripheral.send(polar.CONTROL, head + b"\0" + settings)


def strap(offered=None, factors=None):
    """Give the strap and the link to it."""
    peripheral = Peripheral({"0000180d-0000-1000-8000-00805f9b34fb": [heart_rate.MEASUREMENT],
                             "fb005c80-02e7-f387-1cad-8acd2d8df0c8": [polar.CONTROL, polar.DATA]})  # fmt: skip
    peripheral.on_write = ControlPoint(peripheral, H10 if offered is None else offered, factors)
    return peripheral, BleTransport("AA:BB:CC:DD:EE:FF", DRIVERS.get("polar").notify, backend=peripheral.backend())
