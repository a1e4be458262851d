"""Whole drivers on fake peripherals: what a device sends is what a sink gets, whatever happens to the link."""

import asyncio
import os
import struct
import sys

import numpy as np
import pytest

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.decoders import heart_rate, muse, polar
from affectbio.acquire.dialogues import CytonDialogue
from affectbio.acquire.driver import Backoff
from affectbio.acquire.drivers import DRIVERS, make_driver
from affectbio.acquire.transport import BleTransport, SerialTransport, TcpTransport, UdpTransport
from affectbio.devices import list_devices, load_device
from affectbio.errors import ConfigError, StreamError
from tests.acquire.fakes.bluetooth import Peripheral
from tests.acquire.fakes.sink import Gathered
from tests.acquire.fakes.strap import ecg_frame, strap

QUICK = Backoff(0.01, 0.02)


async def until(condition, timeout_s=30.0):
    deadline = local_clock() + timeout_s
    while not condition():
        assert local_clock() < deadline, "what was waited for did not happen"
        await asyncio.sleep(0.005)


def test_a_strap_is_started_read_and_stopped():
    peripheral, link = strap()
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link)

    async def session():
        job = asyncio.ensure_future(driver.run())
        await until(lambda: driver.n_connections == 1)
        for k in range(20):
            peripheral.send(polar.DATA, ecg_frame(k))
            peripheral.send(heart_rate.MEASUREMENT, bytes([0x10, 70]) + struct.pack("<H", 870))
        driver.stop()
        await job

    asyncio.run(session())
    ecg, stamps = sink.of(0)
    assert np.allclose(ecg[0], 1e-6 * (np.arange(200) % 4000 - 2000))
    assert (np.diff(stamps) > 0).all()
    rr, _ = sink.of(3)
    assert np.allclose(rr, 870 / 1024)
    assert [data[:2].hex() for _, data in peripheral.written] == ["0100", "0200", "0102", "0202", "0300", "0302"]
    assert sink.words == ["connecting", "streaming", "stopped"]


def test_a_link_that_breaks_is_made_again_and_what_came_before_is_kept():
    peripheral, link = strap()
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link, backoff=QUICK)

    async def session():
        job = asyncio.ensure_future(driver.run())
        for k in range(3):
            await until(lambda: polar.DATA in peripheral.listeners)
            assert peripheral.send(polar.DATA, ecg_frame(5 * k))
            peripheral.refuse = 3
            peripheral.drop()
        await until(lambda: driver.n_connections == 4)
        driver.stop()
        await job

    asyncio.run(session())
    assert (peripheral.n_links, peripheral.n_refusals) == (4, 9)
    ecg, _ = sink.of(0)
    assert ecg.shape == (1, 30)
    # Two times four frames of ten samples were sent while nobody listened.
    assert driver.counts[0].n_lost == 80
    assert any("Bluetooth link broke" in word for word in sink.words)
    assert any("Is it on, near, charged" in word for word in sink.words)


def test_silence_is_told_and_ends_in_a_new_connection():
    peripheral, link = strap()
    states = []
    driver = make_driver(
        load_device("polar-h10"), [], transport=link, backoff=QUICK, silent_s=0.05, lost_s=0.15,
        on_state=lambda state, why: states.append(state),
    )  # fmt: skip

    async def session():
        job = asyncio.ensure_future(driver.run())
        await until(lambda: polar.DATA in peripheral.listeners)
        peripheral.send(polar.DATA, ecg_frame(0))
        await until(lambda: driver.n_connections == 2)
        driver.stop()
        await job

    asyncio.run(session())
    assert states[:5] == ["connecting", "streaming", "silent", "lost", "connecting"]
    assert states[-1] == "stopped"


def test_a_sink_that_fails_ends_the_driver_with_its_error():
    peripheral, link = strap()

    class Full(Gathered):
        def push(self, stream, data, stamps):
            raise OSError("no space left on device")

    driver = make_driver(load_device("polar-h10"), [Full()], transport=link)

    async def session():
        job = asyncio.ensure_future(driver.run())
        await until(lambda: polar.DATA in peripheral.listeners)
        peripheral.send(polar.DATA, ecg_frame(0))
        await job

    with pytest.raises(OSError, match="no space left"):
        asyncio.run(session())
    assert driver.state == "stopped"


def test_a_muse_with_losses_keeps_its_time():
    peripheral = Peripheral({"0000fe8d-0000-1000-8000-00805f9b34fb": [muse.CONTROL, *DRIVERS.get("muse").notify]})
    link = BleTransport("AA:BB:CC:DD:EE:FF", DRIVERS.get("muse").notify, backend=peripheral.backend())
    sink = Gathered()
    driver = make_driver(load_device("muse-2"), [sink], transport=link)
    missing = {5, 6, 20}

    async def session():
        job = asyncio.ensure_future(driver.run())
        await until(lambda: len(peripheral.written) == 4)
        for k in range(40):
            for row in range(4):
                if k not in missing:
                    packed = "".join(f"{2048 + row:012b}" for _ in range(12))
                    body = int(packed, 2).to_bytes(18, "big")
                    peripheral.send(muse.ELECTRODES[row], struct.pack(">H", (65_530 + k) % 65_536) + body)
        driver.stop()
        await job

    asyncio.run(session())
    assert [data for _, data in peripheral.written] == [muse.command(c) for c in ("h", "p50", "s", "d", "h")]
    eeg, _ = sink.of(0)
    assert np.allclose(eeg, 0.48828125e-6 * np.arange(4)[:, None])
    assert driver.counts[0].n_lost == 12 * len(missing)
    assert eeg.shape == (4, 12 * 37)


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_a_cyton_on_a_serial_line_that_is_pulled_out(monkeypatch):
    import pty
    import tty

    # This one says nothing of itself.
    monkeypatch.setattr(CytonDialogue, "timeout_s", 0.05)
    master, slave = pty.openpty()
    tty.setraw(master)
    tty.setraw(slave)
    sink = Gathered()
    driver = make_driver(
        load_device("openbci-cyton"), [sink], transport=SerialTransport(os.ttyname(slave)), backoff=QUICK
    )
    body = b"".join((1000 * c).to_bytes(3, "big") for c in range(8)) + bytes(6)

    async def session():
        job = asyncio.ensure_future(driver.run())
        heard = b""
        while not heard.endswith(b"b"):
            heard += await asyncio.get_running_loop().run_in_executor(None, os.read, master, 1)
        assert heard == b"svb"
        for k in (*range(50), *range(53, 300)):
            os.write(master, bytes([0xA0, k % 256]) + body + b"\xc0")
            if k % 25 == 0:
                await asyncio.sleep(0.01)
        await until(lambda: driver.counts[0].n_samples == 297)
        os.close(slave)
        os.close(master)
        await until(lambda: any(word.startswith("lost") for word in sink.words))
        driver.stop()
        await job

    asyncio.run(session())
    eeg, _ = sink.of(0)
    lsb = 4.5 / (2**23 - 1) / 24
    assert np.allclose(eeg, lsb * 1000 * np.arange(8)[:, None])
    assert driver.counts[0].n_lost == 3
    assert driver.n_bad == 0


def test_a_crown_over_udp():
    link = UdpTransport(0)
    sink = Gathered()
    driver = make_driver(load_device("crown"), [sink], transport=link)

    async def session():
        job = asyncio.ensure_future(driver.run())
        await until(lambda: link.address[1] != 0)
        sender, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=link.address
        )
        for k in range(10):
            values = np.tile(np.arange(8), 16).astype(">f4").tobytes()
            head = b"/neurosity/notion/ab/raw" + bytes(4) + b"," + b"f" * 128 + b"sis" + bytes(4)
            text = f"{1_700_000_000_000 + k * 62.5:.3f}".encode() + bytes(3)
            sender.sendto(head + values + text + bytes([0, 0, 0, k]) + bytes(4))
        await until(lambda: driver.counts[0].n_samples == 160)
        sender.close()
        driver.stop()
        await job

    asyncio.run(session())
    eeg, _ = sink.of(0)
    assert np.allclose(eeg, 1e-6 * np.arange(8)[:, None])
    assert driver.counts[0].n_lost == 0


@pytest.mark.skipif(sys.platform == "darwin", reason="has one loopback address only")
def test_two_machines_that_send_to_one_port_are_not_mixed():
    link, got = UdpTransport(0), []

    async def send_from(host, data):
        sender, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=(host, 0), remote_addr=link.address
        )
        sender.sendto(data)
        sender.close()

    async def session():
        for first, second in (("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1")):
            await link.open(
                lambda data, source, _stamp: got.append((source.partition(":")[0], data)), lambda _why: None
            )
            await send_from(first, b"a")
            await until(lambda: got and got[-1] == (first, b"a"))  # noqa: B023
            await send_from(second, b"b")
            await send_from(first, b"c")
            await until(lambda: got[-1][1] == b"c")
            await link.close()

    asyncio.run(session())
    assert got == [("127.0.0.1", b"a"), ("127.0.0.1", b"c"), ("127.0.0.2", b"a"), ("127.0.0.2", b"c")]


def test_one_loop_runs_many_devices():
    straps = [strap() for _ in range(16)]
    sinks = [Gathered() for _ in straps]
    drivers = [
        make_driver(load_device("polar-h10"), [sink], transport=link)
        for sink, (_, link) in zip(sinks, straps, strict=True)
    ]

    async def session():
        jobs = [asyncio.ensure_future(driver.run()) for driver in drivers]
        await until(lambda: all(polar.DATA in p.listeners for p, _ in straps))
        for k in range(50):
            for peripheral, _ in straps:
                peripheral.send(polar.DATA, ecg_frame(k))
        for driver in drivers:
            driver.stop()
        await asyncio.gather(*jobs)

    asyncio.run(session())
    assert [d.counts[0].n_samples for d in drivers] == [500] * 16
    assert [d.counts[0].n_lost for d in drivers] == [0] * 16


def test_bumbles_two_bluetooth_stacks_carry_a_heart_rate():
    """Real HCI, L2CAP, ATT and GATT in one process; the bytes then go through the driver's own decoder."""
    pytest.importorskip("bumble")
    from bumble.controller import Controller
    from bumble.core import UUID, AdvertisingData
    from bumble.device import Device, Peer
    from bumble.gatt import Characteristic, Service
    from bumble.host import Host
    from bumble.link import LocalLink
    from bumble.transport.common import AsyncPipeSink

    sink = Gathered()

    class Bumble:
        """A transport over bumble, in place of the system's Bluetooth."""

        def __init__(self, device, address):
            self.device, self.address = device, address

        async def open(self, deliver, lost):
            self.connection = await self.device.connect(self.address)
            peer = Peer(self.connection)
            await peer.discover_services()
            await peer.discover_characteristics()
            (measurement,) = peer.get_characteristics_by_uuid(UUID.from_16_bits(0x2A37))
            await measurement.subscribe(lambda value: deliver(bytes(value), heart_rate.MEASUREMENT, local_clock()))
            self.connection.on("disconnection", lambda reason: lost(f"link loss, reason {reason}"))

        async def write(self, data, target=""): ...

        async def close(self): ...

    def device(name, link, address):
        controller = Controller(name, link=link, public_address=address)
        return Device(name=name, address=address, host=Host(controller, AsyncPipeSink(controller)))

    async def session():
        link = LocalLink()
        strap, host = device("strap", link, "F0:F1:F2:F3:F4:F5"), device("host", link, "E0:E1:E2:E3:E4:E5")
        measurement = Characteristic(
            UUID.from_16_bits(0x2A37), Characteristic.Properties.NOTIFY, Characteristic.READABLE, b""
        )
        strap.add_service(Service(UUID.from_16_bits(0x180D), [measurement]))
        await strap.power_on()
        await host.power_on()
        strap.advertising_data = bytes(AdvertisingData([(AdvertisingData.COMPLETE_LOCAL_NAME, b"strap")]))
        found = asyncio.get_running_loop().create_future()
        host.on("advertisement", lambda seen: found.done() or found.set_result(seen.address))
        await strap.start_advertising(auto_restart=True)
        await host.start_scanning()
        address = await asyncio.wait_for(found, 30)
        driver = make_driver(load_device("heart-rate-strap"), [sink], transport=Bumble(host, address), backoff=QUICK)
        job = asyncio.ensure_future(driver.run())
        await until(lambda: driver.n_connections == 1)
        for k in range(50):
            await strap.notify_subscribers(measurement, bytes([0x10, 60 + k]) + struct.pack("<H", 1000 + k))
        await until(lambda: driver.counts[0].n_samples == 50)
        for connection in list(strap.connections.values()):
            await connection.disconnect()
        await until(lambda: any("link loss" in word for word in sink.words))
        driver.stop()
        await job

    asyncio.run(session())
    assert sink.of(0)[0][0].tolist() == [60.0 + k for k in range(50)]
    assert np.allclose(sink.of(1)[0][0], (1000 + np.arange(50)) / 1024)


def test_every_device_that_has_a_driver_can_be_made_and_every_other_says_why_not():
    for name in list_devices():
        device = load_device(name)
        if not device.driver:
            with pytest.raises(ConfigError, match="has no driver"):
                make_driver(device, [])
        elif device.link.kind == "websocket":
            continue
        else:
            driver = make_driver(device, [], address="127.0.0.1:9" if device.link.kind in ("udp", "tcp") else "/dev/x")
            assert driver.state == "stopped"
            assert driver.device is device


@pytest.mark.parametrize("transport", [SerialTransport("/dev/none-such"), TcpTransport("127.0.0.1", 9)])
def test_a_link_that_cannot_be_made_says_what_to_do(transport):
    async def attempt():
        with pytest.raises(StreamError, match=r"Is (it|the device)"):
            await transport.open(lambda *_: None, lambda *_: None)

    asyncio.run(attempt())


def test_a_second_program_at_one_port_is_told():
    async def attempt():
        first = UdpTransport(0)
        await first.open(lambda *_: None, lambda *_: None)
        second = UdpTransport(first.address[1])
        with pytest.raises(StreamError, match="Is another program listening there"):
            await second.open(lambda *_: None, lambda *_: None)
        await first.close()

    asyncio.run(attempt())


def test_importing_the_drivers_brings_nothing_heavy():
    import subprocess

    code = (
        "import sys, affectbio.acquire.drivers\n"
        "heavy = {'torch', 'mne', 'pandas', 'scipy', 'numba', 'sklearn', 'matplotlib', 'bleak', 'serial'}\n"
        "print(sorted(heavy & {m.partition('.')[0] for m in sys.modules}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
