"""A Polar sensor is asked, started and read as its control point answers."""

import asyncio
import struct

import numpy as np
import pytest

from affectbio.acquire.decoders import PolarDecoder, polar
from affectbio.acquire.dialogues import PolarDialogue
from affectbio.acquire.drivers import make_driver
from affectbio.devices import load_device
from tests.acquire.fakes.session import QUICK, running, until
from tests.acquire.fakes.sink import Gathered
from tests.acquire.fakes.strap import H10, VERITY, delta_frame, ecg_frame, strap

FACTORS = {"acc": 0.244, "gyro": 0.07}


def verity(peripheral_and_link, sink):
    _, link = peripheral_and_link
    return make_driver(load_device("polar-verity-sense"), [sink], transport=link, backoff=QUICK)


def commands(peripheral):
    return [data.hex() for uuid, data in peripheral.written if uuid == polar.CONTROL]


@pytest.mark.parametrize("pieces", [False, True])
def test_a_verity_sense_is_started_as_it_offers_and_scaled_by_what_it_answers(pieces):
    peripheral, link = strap(VERITY, FACTORS)
    peripheral.on_write.pieces = pieces
    sink = Gathered()
    driver = verity((peripheral, link), sink)
    rng = np.random.default_rng(0)
    counts = np.cumsum(rng.integers(-100, 100, (20, 3)), axis=0)

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            peripheral.send(polar.DATA, delta_frame("acc", int(1e9), 1, counts))
            peripheral.send(polar.DATA, delta_frame("gyro", int(1e9), 0, counts))
            await until(lambda: 2 in sink.data)

    asyncio.run(session())
    # mg and degrees a second, by hand.
    assert np.allclose(sink.of(1)[0], 0.244 * counts.T * 9.80665e-3, rtol=1e-6)
    assert np.allclose(sink.of(2)[0], 0.07 * counts.T * np.pi / 180, rtol=1e-6)
    assert commands(peripheral) == [
        "0101", "0201000137000101160004" + "0104",
        "0102", "02020001340001011000020108000401" + "03",
        "0105", "020500013400010110000201d0070401" + "03",
        "0203",
        "0301", "0302", "0305", "0303",
    ]  # fmt: skip
    assert driver.n_bad == 0


def test_compressed_frames_are_not_given_while_their_factor_is_not_known():
    decoder = PolarDecoder()
    frame = delta_frame("acc", 5, 1, np.arange(12).reshape(4, 3))
    assert decoder.feed(frame, polar.DATA) == []
    assert decoder.n_bad == 1
    decoder.feed(bytes.fromhex("f0020200 00 0501") + struct.pack("<f", 2.0), polar.CONTROL)
    (packet,) = decoder.feed(frame, polar.DATA)
    assert np.array_equal(packet.data, 2.0 * np.arange(12).reshape(4, 3).T)
    # A factor that is none leaves the old one.
    decoder.feed(bytes.fromhex("f0020200 00 0501") + struct.pack("<f", np.nan), polar.CONTROL)
    assert (decoder.factors, decoder.n_bad) == ({"acc": 2.0}, 2)


@pytest.mark.parametrize(
    ("status", "words"),
    [(13, "in its charger"), (12, "not possible in its present state"), (8, "rate not offered"), (99, "no known")],
)
def test_a_refusal_is_named_and_tried_again(status, words):
    peripheral, link = strap()
    peripheral.on_write.refuse = {(2, "ecg"): status}
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link, backoff=QUICK)

    async def session():
        async with running(driver):
            await until(lambda: any(words in word for word in sink.words))
            assert driver.n_connections == 0
            peripheral.on_write.refuse = {}
            await until(lambda: driver.n_connections == 1)
            peripheral.send(polar.DATA, ecg_frame(0))
            await until(lambda: driver.counts[0].n_samples == 10)

    asyncio.run(session())
    assert any(word.startswith("lost: Polar H10: the sensor refused to start ecg") for word in sink.words)


def test_a_stream_left_running_is_stopped_and_started_anew():
    peripheral, link = strap(VERITY, FACTORS)
    peripheral.on_write.running = {"acc"}
    sink = Gathered()
    driver = verity((peripheral, link), sink)

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            assert driver._decoder.factors["acc"] == pytest.approx(0.244)

    asyncio.run(session())
    about_acc = [word[:4] for word in commands(peripheral) if word[2:4] == "02"]
    assert about_acc == ["0102", "0202", "0302", "0202", "0302"]


def test_what_the_sensor_does_not_have_is_told_and_left_out():
    peripheral, link = strap({kind: VERITY[kind] for kind in ("ppg", "acc", "ppi")}, FACTORS)
    peripheral.on_write.refuse = {(2, "ppi"): 12}
    sink = Gathered()
    driver = verity((peripheral, link), sink)

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1)

    asyncio.run(session())
    assert any("left out" in word and "gyro" in word and "not supported" in word for word in sink.words)
    assert any("left out" in word and "ppi" in word for word in sink.words)
    assert [word for word in commands(peripheral) if word[:2] == "03"] == ["0301", "0302"]


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        ({**H10, "ecg": {0: [250, 500], 1: [14]}}, "offers ecg with sfreq 250, 500, not the profile's 130"),
        ({}, "has none of ecg, acc; is it another model?"),
    ],
)
def test_another_model_than_the_profile_says_is_an_error(offered, words):
    _, link = strap(offered)
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link, backoff=QUICK)

    async def session():
        async with running(driver):
            await until(lambda: any(words in word for word in sink.words))

    asyncio.run(session())
    assert driver.n_connections == 0


def test_a_stream_that_the_sensor_stops_by_itself_ends_the_connection_and_begins_again():
    peripheral, link = strap()
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link, backoff=QUICK)

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1)
            peripheral.send(polar.DATA, ecg_frame(0))
            peripheral.on_write.running.clear()
            peripheral.send(polar.CONTROL, bytes([1, 0, 2]))
            await until(lambda: driver.n_connections == 2)
            peripheral.send(polar.DATA, ecg_frame(1))
            await until(lambda: driver.counts[0].n_samples == 20)

    asyncio.run(session())
    assert any("the sensor stopped ecg, acc" in word for word in sink.words)


def test_a_sensor_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr(PolarDialogue, "timeout_s", 0.05)
    peripheral, link = strap()
    peripheral.on_write.mute = True
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link, backoff=QUICK)

    async def session():
        async with running(driver):
            await until(lambda: any("does not answer command 1 on ecg" in word for word in sink.words))
            peripheral.on_write.mute = False
            await until(lambda: driver.n_connections == 1)

    asyncio.run(session())


def test_a_link_that_breaks_while_it_is_asked_is_told_at_once():
    peripheral, link = strap()
    answer = peripheral.on_write

    def drop(uuid, data):
        peripheral.on_write = answer
        asyncio.get_running_loop().call_soon(peripheral.drop)

    peripheral.on_write = drop
    sink = Gathered()
    driver = make_driver(load_device("polar-h10"), [sink], transport=link, backoff=QUICK)

    async def session():
        async with running(driver):
            await until(lambda: driver.n_connections == 1, timeout_s=4.0)

    asyncio.run(session())
    assert any("Bluetooth link broke" in word for word in sink.words)
