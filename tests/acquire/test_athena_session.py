"""Muse S Athena with 4, 8 and 16 channels of light: what it is told, and what comes of its packets."""

import asyncio

import numpy as np
import pytest

from affectbio.acquire.decoders import AthenaDecoder, athena, muse
from affectbio.acquire.drivers import DRIVERS, make_driver
from affectbio.acquire.transport import BleTransport
from affectbio.devices import load_device
from affectbio.errors import ConfigError
from tests.acquire.decoders.test_decoders import athena_packet
from tests.acquire.fakes.bluetooth import Peripheral
from tests.acquire.fakes.session import QUICK, running, until
from tests.acquire.fakes.sink import Gathered

BLOCKS = {4: (0x34, 3), 8: (0x35, 2), 16: (0x36, 1)}


def profile(n):
    """The bundled profile with ``n`` channels of light."""
    device = load_device("muse-s-athena")
    names = athena.OPTICS.get(n, tuple(f"O{k}" for k in range(n)))
    streams = tuple(
        stream.model_copy(update={"channels": names}) if stream.key == "optics" else stream
        for stream in device.streams
        if n or stream.key != "optics"
    )
    return device.model_copy(update={"streams": streams})


def athena_driver(device, sink):
    peripheral = Peripheral({"0000fe8d-0000-1000-8000-00805f9b34fb": [muse.CONTROL, *DRIVERS.get("athena").notify]})
    link = BleTransport("AA:BB:CC:DD:EE:FF", DRIVERS.get("athena").notify, backend=peripheral.backend())
    return peripheral, make_driver(device, [sink], transport=link, backoff=QUICK)


@pytest.mark.parametrize(("n", "preset"), [(0, "p21"), (4, "p1035"), (8, "p1034"), (16, "p1041")])
def test_as_many_channels_of_light_as_the_profile_has(n, preset):
    sink = Gathered()
    peripheral, driver = athena_driver(profile(n), sink)
    rng = np.random.default_rng(n)
    eeg_tag, n_eeg, n_times = (0x11, 4, 4) if n < 8 else (0x12, 8, 2)
    eeg = rng.integers(0, 2**14, (10, n_times, n_eeg))
    light = rng.integers(0, 2**20, (10, BLOCKS[n][1], n)) if n else None

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            for k in range(10):
                blocks = [(eeg_tag, eeg[k].ravel())]
                if n:
                    blocks.append((BLOCKS[n][0], light[k].ravel()))
                ticks = (k + 1) * n_times * 1000
                peripheral.send(athena.SOURCES[0], athena_packet(ticks, blocks))

    asyncio.run(session())
    assert [data for _, data in peripheral.written][1] == muse.command(preset)
    counts = np.concatenate(eeg)[:, :4].T - 8192
    assert np.allclose(sink.of(0)[0], 0.08850637856314472e-6 * counts)
    if n:
        assert np.array_equal(sink.of(1)[0], np.concatenate(light).T)
    assert not any("left out" in word for word in sink.words)


def test_more_light_than_the_profile_has_is_told_once():
    sink = Gathered()
    peripheral, driver = athena_driver(profile(4), sink)

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            for k in range(3):
                peripheral.send(athena.SOURCES[0], athena_packet(1000 * k, [(0x36, range(16))]))

    asyncio.run(session())
    assert sink.data == {}
    words = [word for word in sink.words if "left out" in word]
    assert words == ["optics comes with 16 channels and the profile has 4: it is left out"]


def test_channels_that_no_preset_has():
    with pytest.raises(ConfigError, match="has 4, 8 or 16 channels of optics, or none; the profile has 5"):
        make_driver(profile(5), [], address="AA:BB:CC:DD:EE:FF")


def test_electrodes_of_the_socket_are_a_stream_of_their_own():
    values = np.arange(16).reshape(2, 8) + 8192
    eeg, aux = AthenaDecoder().feed(athena_packet(5, [(0x12, values.ravel())]))
    assert (eeg.stream, aux.stream) == ("eeg", "aux")
    assert np.array_equal(np.concatenate([eeg.data, aux.data]), np.arange(16).reshape(2, 8).T)


def test_the_bundled_profile_names_the_light_as_the_decoder_does():
    device = load_device("muse-s-athena")
    (optics,) = [stream for stream in device.streams if stream.key == "optics"]
    assert optics.channels == athena.OPTICS[4]
    assert {len(names) for names in athena.OPTICS.values()} == {4, 8, 16}
    assert all(len(names) == n == len(set(names)) for n, names in athena.OPTICS.items())
