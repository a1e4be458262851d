"""What goes wrong with devices, through whole drivers: each has a state or a word, and what came before is kept."""

import asyncio
import os

import numpy as np
import pytest

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.decoders import muse, polar
from affectbio.acquire.dialogues import CytonDialogue
from affectbio.acquire.drivers import DRIVERS, make_driver
from affectbio.acquire.transport import BleTransport, SerialTransport
from affectbio.devices import load_device
from affectbio.errors import StreamError
from tests.acquire.decoders.test_decoders import cyton_frame, unicorn_frame
from tests.acquire.fakes.session import QUICK, running, until
from tests.acquire.fakes.sink import Gathered
from tests.acquire.fakes.strap import ecg_frame, strap

posix = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")


@pytest.fixture
def terminal():
    from tests.acquire.fakes.terminal import Terminal

    with Terminal() as port:
        yield port


def said(sink, words):
    return any(words in word for word in sink.words)


@posix
def test_a_second_program_at_a_serial_port_is_told(terminal):
    async def attempt(port):
        first, second = SerialTransport(port), SerialTransport(port)
        await first.open(lambda *_: None, lambda *_: None)
        try:
            with pytest.raises(StreamError, match="is no other program using it"):
                await second.open(lambda *_: None, lambda *_: None)
        finally:
            await first.close()

    asyncio.run(attempt(terminal.port))


@posix
def test_a_battery_that_runs_out_is_told_before_and_after(terminal):
    sink = Gathered()

    async def session():
        driver = make_driver(
            load_device("unicorn"), [sink], address=terminal.port, backoff=QUICK, silent_s=0.05, lost_s=0.15
        )
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            full, empty = unicorn_frame(1), bytearray(unicorn_frame(2))
            empty[2] = 1
            terminal.send(full)
            terminal.send(bytes(empty) + bytes(empty))
            await until(lambda: said(sink, "lost: nothing came for"))
        assert driver.counts[0].n_samples >= 2

    asyncio.run(session())
    assert sink.words.count("the battery is at 7 %") == 1
    assert said(sink, "; its battery was at 7 %")


@pytest.mark.parametrize(("factor", "told"), [(4.0, True), (0.25, True), (1.1, False)])
def test_an_impossible_rate_is_told_and_nothing_is_invented(factor, told):
    _, link = strap()
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link, backoff=QUICK)
    n = int(13 * 11 * factor)

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            began = local_clock()
            for k in range(n):
                driver._arrived(ecg_frame(k), polar.DATA, began + k / 13 / factor)

    asyncio.run(session())
    (word,) = [word for word in sink.words if "Hz where the profile says 130" in word] or [""]
    assert bool(word) is told
    assert not told or word.startswith(f"ecg comes at {130 * factor:.4g} Hz")
    assert sink.of(0)[0].shape[1] == 10 * n


def test_a_peripheral_of_another_model_is_told_and_not_waited_for():
    from tests.acquire.fakes.bluetooth import Peripheral

    # An Athena has the service of a Muse 2, with other characteristics.
    peripheral = Peripheral({"0000fe8d-0000-1000-8000-00805f9b34fb": [muse.CONTROL, *DRIVERS.get("athena").notify]})
    link = BleTransport("AA:BB:CC:DD:EE:FF", DRIVERS.get("muse").notify, backend=peripheral.backend())
    sink = Gathered()

    async def session():
        driver = make_driver(load_device("muse-2"), [sink], transport=link, backoff=QUICK)
        async with running(driver):
            await until(lambda: said(sink, "sends nothing of what is expected; is it another model"))
        assert driver.n_connections == 0

    asyncio.run(session())


def test_a_device_whose_clock_jumps_keeps_every_sample_and_its_order():
    peripheral, link = strap()
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link, backoff=QUICK)

    def jumped(k, ns):
        frame = bytearray(ecg_frame(k))
        frame[1:9] = ((int.from_bytes(frame[1:9], "little") + ns) % 2**62).to_bytes(8, "little")
        return bytes(frame)

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            for k in range(30):
                # A day on, a year back, and the beginning of time.
                ns = (0, 86_400 * 10**9, -365 * 86_400 * 10**9)[k // 10]
                peripheral.send(polar.DATA, jumped(k, ns))
                await asyncio.sleep(0.01)

    asyncio.run(session())
    ecg, stamps = sink.of(0)
    assert ecg.shape == (1, 300)
    assert (np.diff(stamps) > 0).all()
    assert np.allclose(ecg[0], 1e-6 * (np.arange(300) - 2000))
    assert driver.counts[0].n_resets == 2
    assert np.ptp(stamps) < 10


@posix
def test_damage_on_the_line_costs_the_frames_it_hits_and_is_counted(terminal, monkeypatch):
    monkeypatch.setattr(CytonDialogue, "timeout_s", 0.05)
    sink = Gathered()
    rng = np.random.default_rng(0)
    n = 200
    hit = set(rng.choice(np.arange(5, n - 5), 20, replace=False).tolist())

    async def session():
        driver = make_driver(load_device("openbci-cyton"), [sink], address=terminal.port, backoff=QUICK)
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            for k in range(n):
                frame = cyton_frame(k, [k] * 8)
                # Cut short, or without its end.
                terminal.send(frame[:17] if k in hit and k % 2 else frame[:-1] + b"\0" if k in hit else frame)
                await asyncio.sleep(0.001)
            await until(lambda: driver.counts[0].n_samples == n - len(hit))
        return driver

    driver = asyncio.run(session())
    eeg, _ = sink.of(0)
    lsb = 4.5 / (2**23 - 1) / 24
    assert np.allclose(eeg[0] / lsb, [k for k in range(n) if k not in hit])
    assert driver.counts[0].n_lost == len(hit)
    assert driver.n_bad > 0
