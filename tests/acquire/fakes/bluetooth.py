"""A GATT server behind bleak's own interface for backends: nothing in bleak, or in the driver, is patched."""

import asyncio

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError


class Peripheral:
    """What a device answers; give it services and what it does when written to."""

    def __init__(self, services, on_write=lambda uuid, data: None):
        self.services = services
        self.on_write = on_write
        self.listeners = {}
        self.written = []
        self.n_links = self.n_refusals = 0
        self.refuse = 0
        self._dropped = None

    def send(self, uuid, data):
        """Notify whoever listens; say whether anybody did."""
        listener = self.listeners.get(uuid)
        if listener:
            listener(bytearray(data))
        return listener is not None

    def drop(self):
        """The radio link breaks."""
        self.listeners.clear()
        dropped, self._dropped = self._dropped, None
        if dropped:
            dropped()

    def backend(self):
        peripheral = self

        class Backend(BaseBleakClient):
            _linked = False

            @property
            def name(self):
                return "fake"

            @property
            def mtu_size(self):
                return 232

            @property
            def is_connected(self):
                return self._linked

            async def connect(self, pair=False, **_):
                await asyncio.sleep(0)
                if peripheral.refuse:
                    peripheral.refuse -= 1
                    peripheral.n_refusals += 1
                    raise BleakError("device not found")
                offered, handle = BleakGATTServiceCollection(), 1
                for service_uuid, characteristics in peripheral.services.items():
                    service = BleakGATTService(None, handle, service_uuid)
                    offered.add_service(service)
                    for uuid in characteristics:
                        handle += 1
                        properties = ["notify", "write", "indicate"]
                        offered.add_characteristic(
                            BleakGATTCharacteristic(None, handle, uuid, properties, lambda: 229, service)
                        )
                    handle += 1
                self.services, self._linked = offered, True
                peripheral.n_links += 1

                def dropped():
                    self._linked = False
                    if self._disconnected_callback:
                        self._disconnected_callback()

                peripheral._dropped = dropped

            async def disconnect(self):
                peripheral._dropped = None
                peripheral.listeners.clear()
                self._linked = False
                if self._disconnected_callback:
                    self._disconnected_callback()

            async def pair(self, *_, **__): ...

            async def unpair(self): ...

            def _check(self):
                if not self._linked:
                    raise BleakError("not connected")

            async def read_gatt_char(self, characteristic, **_):
                self._check()
                return bytearray()

            async def read_gatt_descriptor(self, descriptor, **_):
                return bytearray()

            async def write_gatt_char(self, characteristic, data, response):
                self._check()
                peripheral.written.append((characteristic.uuid, bytes(data)))
                peripheral.on_write(characteristic.uuid, bytes(data))

            async def write_gatt_descriptor(self, descriptor, data): ...

            async def start_notify(self, characteristic, callback, **_):
                self._check()
                peripheral.listeners[characteristic.uuid] = callback

            async def stop_notify(self, characteristic):
                peripheral.listeners.pop(characteristic.uuid, None)

        return Backend
