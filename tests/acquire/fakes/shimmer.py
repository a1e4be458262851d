"""A Shimmer3 on a pseudo-terminal, with the commands of shimmer3_defines.h in brainflow."""

import asyncio
import os
import pty
import tty

ACK = b"\xff"


class Shimmer:
    """Answers what it is asked; `packet` makes what it streams."""

    def __init__(self, *, hardware=3, firmware=(3, 0, 16, 0), parts=640, sensors=(0x1C, 0x12), gain=4, n_times=1):
        self.hardware, self.firmware, self.gain, self.n_times = hardware, firmware, gain, n_times
        self.parts, self.sensors, self.stubborn = parts, list(sensors), False
        self.streaming, self.heard = False, []
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pull()

    def listen(self):
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def pull(self):
        """The Bluetooth link, and with it the port, goes away."""
        if self.master >= 0:
            os.close(self.slave)
            os.close(self.master)
            self.master = -1

    def send(self, data):
        os.write(self.master, data)

    def packet(self, ticks, values):
        """One packet: a time, and two bytes for each channel."""
        body = b"".join(v.to_bytes(2, "little") for v in values)
        return b"\0" + (ticks % 2**24).to_bytes(3, "little") + body

    def _read(self):
        data = os.read(self.master, 256)
        while data:
            size = {0x05: 3, 0x08: 4, 0x5E: 2}.get(data[0], 1)
            command, data = data[:size], data[size:]
            self.heard.append(command)
            self.send(self._answer(command))

    def _answer(self, command):
        code, rest = command[0], command[1:]
        if code in (0x07, 0x20):
            self.streaming = code == 0x07
        if code == 0x05 and not self.stubborn:
            self.parts = int.from_bytes(rest, "little")
        if code == 0x08 and not self.stubborn:
            bits = int.from_bytes(rest, "little")
            # In the order of the firmware: converters, then the skin.
            self.sensors = [number for bit, number in ((0x100, 0x12), (0x4, 0x1C)) if bits & bit]
        if code == 0x3F:
            return ACK + bytes([0x25, self.hardware])
        if code == 0x2E:
            kind, major, minor, internal = self.firmware
            return ACK + b"\x2f" + kind.to_bytes(2, "little") + major.to_bytes(2, "little") + bytes([minor, internal])
        if code == 0x01:
            head = self.parts.to_bytes(2, "little") + (self.gain << 25).to_bytes(4, "little")
            return ACK + b"\x02" + head + bytes([len(self.sensors), self.n_times, *self.sensors])
        return ACK
