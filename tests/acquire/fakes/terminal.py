"""Pseudo-terminals: one that is silent, and one with a Cyton behind it that answers as docs.openbci.com says."""

import asyncio
import os
import pty
import tty

BOARD = b"OpenBCI V3 8-16 channel\nOn Board ADS1299 Device ID: 0x3E\nLIS3DH Device ID: 0x33\nFirmware: v3.1.1\n$$$"
DAISY = BOARD.replace(b"LIS3DH", b"On Daisy ADS1299 Device ID: 0x3E\nLIS3DH")
OFF = b"Failure: Communications timeout - Device failed to poll Host$$$"


class Terminal:
    """A serial port with nothing behind it but the test."""

    def __enter__(self):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        return self

    def __exit__(self, *_):
        os.close(self.master)
        os.close(self.slave)

    def send(self, data):
        os.write(self.master, data)


class Cyton(Terminal):
    """Says ``answer`` when it is reset, in two pieces; streams once it is told."""

    def __init__(self, answer=BOARD):
        self.answer, self.heard = answer, b""

    def listen(self):
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self):
        for command in os.read(self.master, 64):
            self.heard += bytes([command])
            if command == ord("v"):
                self.send(self.answer[:20])
                asyncio.get_running_loop().call_later(0.01, self.send, self.answer[20:])
