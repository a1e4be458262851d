"""How bytes come from a device: over Bluetooth, a serial line or a socket; a transport carries and reads nothing."""

from affectbio.acquire.transport.base import Transport
from affectbio.acquire.transport.ble import BleTransport
from affectbio.acquire.transport.serial import SerialTransport
from affectbio.acquire.transport.socket import TcpTransport, UdpTransport, WebSocketTransport

__all__ = [
    "BleTransport",
    "SerialTransport",
    "TcpTransport",
    "Transport",
    "UdpTransport",
    "WebSocketTransport",
]
