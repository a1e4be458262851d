"""A device's samples in a loop, with and without asyncio."""

import asyncio
import time
from threading import Thread

import numpy as np
import pytest

from affectbio.acquire import local_clock
from affectbio.acquire.decoders import polar
from affectbio.acquire.driver import Backoff
from affectbio.acquire.reader import open_stream
from affectbio.errors import ConfigError, StreamError, StreamLostError
from tests.acquire.fakes.strap import ecg_frame, strap


def send_when_asked(peripheral, loop, n):
    while polar.DATA not in peripheral.listeners or len(peripheral.written) < 4:
        time.sleep(0.005)
    for k in range(n):
        loop().call_soon_threadsafe(peripheral.send, polar.DATA, ecg_frame(k))


def test_in_a_loop():
    peripheral, link = strap()
    with open_stream("polar-h10", transport=link) as reader:
        sender = Thread(target=send_when_asked, args=(peripheral, lambda: reader._loop, 20))
        sender.start()
        got = []
        for chunk in reader:
            assert chunk.stream.lsl_type == "ECG"
            got.append(chunk.data)
            if len(got) == 20:
                break
        assert reader.state == "streaming"
        assert reader.counts[0].n_samples == 200
        sender.join()
    assert np.allclose(np.concatenate(got, axis=1)[0], 1e-6 * (np.arange(200) - 2000))
    assert reader.state == "stopped"
    assert list(reader) == []
    assert peripheral.written[-1][1] == polar.stop_command("acc")


def test_with_asyncio():
    peripheral, link = strap()

    async def session():
        got = []
        async with open_stream("polar-h10", transport=link) as reader:
            sent = False
            while not sent:
                await asyncio.sleep(0.005)
                sent = polar.DATA in peripheral.listeners and len(peripheral.written) == 4
            for k in range(20):
                peripheral.send(polar.DATA, ecg_frame(k))
            async for chunk in reader:
                got.append(chunk.data)
                if len(got) == 20:
                    break
        return np.concatenate(got, axis=1), reader.state

    data, state = asyncio.run(session())
    assert data.shape == (1, 200)
    assert state == "stopped"


def test_a_device_that_is_not_there_is_told_in_words_and_can_be_left_at_once():
    peripheral, link = strap()
    peripheral.refuse = 10**6
    with open_stream("polar-h10", transport=link, backoff=Backoff(0.01, 0.02)) as reader:
        deadline = time.monotonic() + 20
        while not any("not connected to a phone" in word for word in reader.words):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_reader_that_does_not_keep_up_is_an_error_and_no_silent_loss(monkeypatch):
    monkeypatch.setattr("affectbio.acquire.reader._LONGEST_QUEUE", 5)
    peripheral, link = strap()
    lost = pytest.raises(StreamLostError, match="5 packets wait to be read")
    with lost, open_stream("polar-h10", transport=link) as reader:
        send_when_asked(peripheral, lambda: reader._loop, 8)
        reader._thread.join(10)
        assert len([chunk for chunk, _ in zip(reader, range(5), strict=False)]) == 5
        next(iter(reader))


def test_what_cannot_be_opened_says_why():
    with pytest.raises(ConfigError, match="give its address"):
        open_stream("openbci-cyton")
    with pytest.raises(ConfigError, match="did you mean 'muse-2'"):
        open_stream("muse2")

    async def unopened():
        async for _ in open_stream("heart-rate-strap", address="AA:BB:CC:DD:EE:FF"):
            pass

    with pytest.raises(StreamError, match="async with"):
        asyncio.run(unopened())


def test_a_plain_loop_opens_the_device_and_closes_it_when_it_is_left():
    reader = open_stream("simulated/epoc-x")
    for chunk in reader:
        assert chunk.data.shape == (14, 1)
        assert reader.state == "streaming"
        break
    assert reader.state == "stopped"
    assert list(reader) == []


def test_a_simulated_device_is_read_as_any_other():
    async def session():
        async with open_stream("simulated/muse-2", state="stress", seed=3) as reader:
            with pytest.raises(StreamError, match="async for"):
                next(iter(reader))
            seen = set()
            async for chunk in reader:
                seen.add(chunk.stream.key)
                if len(seen) > 1:
                    return seen

    assert asyncio.run(session()) < {"eeg", "acc", "gyro", "ppg"}
    with pytest.raises(ConfigError, match="nowhere; found address"):
        open_stream("simulated/muse-2", address="AA:BB:CC:DD:EE:FF")
    with pytest.raises(ConfigError, match="did you mean 'muse-2'"):
        open_stream("simulated/muse2")
    with pytest.raises(ConfigError, match="brings its own link"):
        open_stream("simulated/muse-2", transport=Wire())


class Wire:
    """A link into which a test puts bytes."""

    async def open(self, deliver, lost):
        self.deliver = deliver

    async def write(self, data, target=""):
        pass

    async def close(self):
        pass


def test_packets_that_overtook_each_other_are_put_in_order_where_the_profile_says_so():
    def message(k):
        head = b"/neurosity/notion/x/raw\0" + b"," + b"f" * 128 + b"s" + bytes(2)
        first_ms = f"{1_700_000_000_000 + 1e3 * 16 * k / 256:.3f}".encode()
        return head + np.full(128, k, ">f4").tobytes() + first_ms + bytes(4 - len(first_ms) % 4)

    async def session(order, n_at_once):
        wire, got, began = Wire(), [], local_clock()
        async with open_stream("crown", transport=wire) as reader:
            while not hasattr(wire, "deliver"):
                await asyncio.sleep(0.001)
            for n, k in enumerate(order):
                wire.deliver(message(k), "", began + 16 * n / 256)
            async for chunk in reader:
                got.append(chunk)
                if len(got) == n_at_once:
                    break
            assert reader.counts[0].n_lost == 0
        return [*got, *reader._chunks.queue], reader.counts[0]

    got, _ = asyncio.run(session((0, 1, 3, 2, 4, 6, 5, 7), 8))
    assert [round(1e6 * chunk.data[0, 0]) for chunk in got] == list(range(8))
    assert (np.diff(np.concatenate([chunk.stamps for chunk in got])) > 0).all()
    # What waits for a packet that never comes is given when the link ends.
    got, counts = asyncio.run(session((0, 1, 3, 4), 2))
    assert [round(1e6 * chunk.data[0, 0]) for chunk in got] == [0, 1, 3, 4]
    assert (counts.n_samples, counts.n_lost) == (64, 16)
