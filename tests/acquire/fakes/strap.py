"""A Polar strap behind bleak, and the frames it sends."""

import struct

import numpy as np

from affectbio.acquire.decoders import heart_rate, polar
from affectbio.acquire.drivers import DRIVERS
from affectbio.acquire.transport import BleTransport
from tests.acquire.fakes.bluetooth import Peripheral


def ecg_frame(k, n=10):
    values = np.arange(k * n, (k + 1) * n) % 4000 - 2000
    body = b"".join(int(v).to_bytes(3, "little", signed=True) for v in values)
    return bytes([0]) + struct.pack("<Q", int((k + 1) * n / 130 * 1e9)) + b"\0" + body


def strap():
    """Give the strap and the link to it."""
    peripheral = Peripheral({"0000180d-0000-1000-8000-00805f9b34fb": [heart_rate.MEASUREMENT],
                             "fb005c80-02e7-f387-1cad-8acd2d8df0c8": [polar.CONTROL, polar.DATA]})  # fmt: skip
    return peripheral, BleTransport("AA:BB:CC:DD:EE:FF", DRIVERS.get("polar").notify, backend=peripheral.backend())
