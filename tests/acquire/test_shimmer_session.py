"""A Shimmer3 on a pseudo-terminal: asked what it is and how it is set up, set up, and read as it says."""

import asyncio
import os

import numpy as np
import pytest

from affectbio.acquire.decoders import ShimmerDecoder
from affectbio.acquire.dialogues import ShimmerDialogue
from affectbio.acquire.drivers import make_driver
from affectbio.devices import load_device
from tests.acquire.fakes.session import QUICK, running, until
from tests.acquire.fakes.sink import Gathered

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")

PARTS = 256  # of 32 768 Hz: 128 Hz
MILLIVOLT = 3000 / 4095


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ShimmerDialogue, "settle_s", 0.05)
    monkeypatch.setattr(ShimmerDialogue, "timeout_s", 0.5)


def session(work, **options):
    from tests.acquire.fakes.shimmer import Shimmer

    sink = Gathered()
    with Shimmer(**options) as shimmer:

        async def run():
            shimmer.listen()
            driver = make_driver(load_device("shimmer3-gsr"), [sink], address=shimmer.port, backoff=QUICK)
            async with running(driver):
                await work(shimmer, driver, sink)
            if shimmer.master >= 0:
                asyncio.get_running_loop().remove_reader(shimmer.master)

        asyncio.run(run())
        return shimmer, sink


def said(sink, words):
    return any(words in word for word in sink.words)


@pytest.mark.parametrize("sensors", [(0x1C, 0x12), (0x12, 0x1C), (0x00, 0x01, 0x02, 0x12, 0x1C, 0x1A, 0x1B)])
def test_channels_are_read_in_the_order_that_the_sensor_tells(sensors):
    values = {0x1C: 0xC800, 0x12: 1234}

    async def work(shimmer, driver, sink):
        await until(lambda: driver.n_connections == 1)
        for k in range(64):
            body = [(values.get(n, 0), 3 if n == 0x1B else 2) for n in sensors]
            packet = b"\0" + (PARTS * k).to_bytes(3, "little")
            shimmer.send(packet + b"".join(value.to_bytes(size, "little") for value, size in body))
        await until(lambda: driver.counts[1].n_samples == 64)
        assert driver.n_bad == 0

    shimmer, sink = session(work, sensors=sensors, parts=PARTS)
    assert np.allclose(1e6 * sink.of(0)[0], 0.606, atol=1e-3)
    assert np.allclose(sink.of(1)[0], 1234 * MILLIVOLT)
    assert [c[0] for c in shimmer.heard] == [0x20, 0x3F, 0x2E, 0x01, 0x07, 0x20]
    assert not shimmer.streaming


@pytest.mark.parametrize(("gain", "microsiemens"), [(0, 49.769), (1, 6.971), (2, 2.001), (3, 0.606)])
def test_a_range_that_is_fixed_is_the_one_of_the_inquiry(gain, microsiemens):
    async def work(shimmer, driver, sink):
        await until(lambda: driver.n_connections == 1)
        shimmer.send(shimmer.packet(0, [0x0800, 1]))
        await until(lambda: 0 in sink.data)

    _, sink = session(work, gain=gain, parts=PARTS)
    assert 1e6 * sink.of(0)[0][0, 0] == pytest.approx(microsiemens, abs=1e-3)


def test_another_rate_and_other_sensors_are_set_as_the_profile_says_and_told():
    async def work(shimmer, driver, sink):
        await until(lambda: driver.n_connections == 1)
        shimmer.send(shimmer.packet(0, [77, 0x0800]))
        await until(lambda: 0 in sink.data)

    shimmer, sink = session(work, sensors=(0x00, 0x01, 0x02), parts=640)
    assert shimmer.parts == PARTS
    assert said(
        sink, "was set to 51.2 Hz with channel 0x00, channel 0x01, channel 0x02 on; set to 128 Hz with eda, ppg"
    )
    assert bytes.fromhex("08040100") in shimmer.heard
    assert bytes.fromhex("5e01") in shimmer.heard
    assert sink.of(1)[0][0, 0] == pytest.approx(77 * MILLIVOLT)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hardware": 10}, "expected a Shimmer3, found a Shimmer3R, whose packets are not known"),
        ({"hardware": 77}, "found model 77"),
        ({"firmware": (2, 0, 21, 0)}, "runs SDLog 0.21.0; expected LogAndStream 0.7 or later"),
        ({"firmware": (3, 0, 5, 16)}, "runs LogAndStream 0.5.16; expected"),
        ({"firmware": (9, 1, 0, 0)}, "runs firmware 9 1.0.0"),
        ({"n_times": 2, "parts": PARTS}, "a mode that is not known: 2 samples in a packet"),
        ({"gain": 6, "parts": PARTS}, "a mode that is not known: range 6"),
        ({"sensors": (0x1C, 0x12, 0x60), "parts": PARTS}, "a mode that is not known: channels of unknown width: 0x60"),
    ],
)
def test_what_is_not_known_is_refused_in_words(options, words):
    async def work(shimmer, driver, sink):
        await until(lambda: said(sink, words))
        assert driver.n_connections == 0

    session(work, **options)


def test_one_that_does_not_do_what_it_is_told_is_an_error():
    async def work(shimmer, driver, sink):
        shimmer.stubborn = True
        await until(lambda: said(sink, "stays at 51.2 Hz with eda, ppg, though it was told 128 Hz"))

    session(work)


def test_one_that_streams_already_is_stopped_first():
    async def work(shimmer, driver, sink):
        for k in range(20):
            shimmer.send(shimmer.packet(k, [0x02FF, 0x2502]))
        await until(lambda: driver.n_connections == 1)
        shimmer.send(shimmer.packet(0, [0x0800, 5]))
        await until(lambda: 1 in sink.data)

    _, sink = session(work, parts=PARTS)
    assert sink.of(1)[0].ravel() == pytest.approx([5 * MILLIVOLT])


def test_silence_and_a_link_that_goes_away_are_told():
    async def work(shimmer, driver, sink):
        await until(lambda: driver.n_connections == 1)
        loop = asyncio.get_running_loop()
        loop.remove_reader(shimmer.master)
        driver._break("test")
        await until(lambda: said(sink, "does not answer what its hardware is within 0.5 s"))
        shimmer.pull()
        await until(lambda: said(sink, "is gone") or said(sink, "does not open"))

    session(work, parts=PARTS)


def test_answers_in_the_middle_of_packets_and_cut_anywhere():
    inquiry = bytes.fromhex("ff 02 0001 00000008 02 01 1c12")
    packets = b"".join(b"\0" + (PARTS * k).to_bytes(3, "little") + bytes([0, 8, k, 1]) for k in range(50))
    # An acknowledgement and a status come between two packets.
    packets = packets[:80] + b"\xff\x8a\x71\x01" + packets[80:]
    whole = b"\xff\x25\x03" + inquiry
    for cut in range(1, 30, 3):
        decoder = ShimmerDecoder()
        for at in range(0, len(whole), cut):
            assert decoder.feed(whole[at : at + cut]) == []
        assert (decoder.hardware, decoder.inquiry.sfreq, decoder.n_acknowledged) == (3, 128.0, 2)
        decoder.begin()
        stream = b"\xff" + packets
        found = [p for at in range(0, len(stream), cut) for p in decoder.feed(stream[at : at + cut])]
        assert [int(p.data[0, 0]) for p in found if p.stream == "ppg"] == [256 + k for k in range(50)]
        assert decoder.n_bad == 0
