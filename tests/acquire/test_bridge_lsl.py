"""Streams that are on LSL already, read by name as if they were devices."""

import asyncio
import threading
import time
from contextlib import ExitStack

import numpy as np
import pytest

from affectbio.acquire import Outlet, StreamSpec, local_clock, open_stream
from affectbio.acquire.bridge_lsl import LslSource, lsl_query
from affectbio.acquire.outlet import MarkerOutlet
from affectbio.acquire.sources import make_source
from affectbio.errors import ConfigError, DataError, StreamError, StreamNotFoundError
from affectbio.types import Channel
from tests.acquire.fakes.sink import Gathered

SFREQ, N = 128.0, 640


@pytest.fixture
def amplifier(spec):
    """Describe two electrodes with a trigger between them."""
    channels = (Channel("C3"), Channel("TRIG", "misc"), Channel("C4"))
    return StreamSpec(spec.name, f"EEG-{spec.name}", channels, SFREQ, spec.source_id, manufacturer="Lab")


def send(outlet, skip=()):
    """Push five seconds that end now, in packets of 16, some of them missing."""
    data = 1e-6 * np.stack([np.arange(N), np.zeros(N), np.arange(N) + 1000.0])
    data[1] = np.arange(N) % 7
    stamps = local_clock() - N / SFREQ + np.arange(N) / SFREQ
    for first in range(0, N, 16):
        if first not in skip:
            outlet.push(data[:, first : first + 16], stamps[first : first + 16])
    return data, stamps


@pytest.mark.parametrize("by", ["name", "source_id", "type"])
def test_a_stream_is_a_device_by_what_it_says_of_itself(amplifier, by):
    asked = {
        "name": amplifier.name,
        "source_id": f"source_id={amplifier.source_id}",
        "type": f"type={amplifier.lsl_type}",
    }
    with Outlet(amplifier) as outlet, open_stream(f"lsl:{asked[by]}") as reader:
        assert (reader.device.title, reader.device.maker) == (amplifier.name, "Lab")
        assert [(s.key, s.unit, s.channels) for s in reader.device.streams] == [
            ("eeg", "V", ("C3", "C4")),
            ("misc", "1", ("TRIG",)),
        ]
        assert outlet.wait_for_consumer(10)
        data, stamps = send(outlet, skip=(320,))
        got = {"eeg": [], "misc": []}
        for chunk in reader:
            got[chunk.stream.key].append((chunk.data, chunk.stamps))
            if sum(len(t) for _, t in got["misc"]) == N - 16:
                break
        # What was lost is left out and counted, as of a device.
        assert [c.n_samples for c in reader.counts] == [N - 16] * 2
        assert [c.n_lost for c in reader.counts] == [16] * 2
        assert reader.state == "streaming"
    there = np.r_[0:320, 336:N]
    assert np.allclose(np.concatenate([d for d, _ in got["eeg"]], axis=1), data[[0, 2]][:, there], atol=1e-12)
    assert np.allclose(np.concatenate([d for d, _ in got["misc"]], axis=1), data[[1]][:, there])
    assert np.allclose(np.concatenate([t for _, t in got["misc"]]), stamps[there], atol=1e-3)
    assert reader.state == "stopped"


def test_a_stream_goes_to_sinks_and_says_when_its_sender_is_gone(amplifier):
    sink, said = Gathered(), []

    async def session(outlet):
        source = LslSource(f"lsl:{amplifier.name}", [sink], on_state=lambda state, why: said.append((state, why)))
        job = asyncio.ensure_future(source.run())
        await asyncio.to_thread(outlet.wait_for_consumer, 10)
        send(outlet)
        deadline = time.monotonic() + 10
        while source.state != "silent" and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        source.stop()
        await job
        return source

    with Outlet(amplifier) as outlet:
        source = asyncio.run(session(outlet))
    assert [state for state, _ in said] == ["connecting", "streaming", "silent", "stopped"]
    assert sink.words[2] == "silent: nothing comes from the sender"
    assert sink.of(0)[0].shape == (2, N)
    assert source.state == "stopped"


def test_a_sink_that_fails_ends_it(amplifier):
    class Full(Gathered):
        def push(self, stream, data, stamps):
            raise OSError("the disk is full")

    async def session(outlet):
        source = LslSource(f"lsl:{amplifier.name}", [Full()])
        sender = threading.Thread(target=lambda: outlet.wait_for_consumer(10) and send(outlet))
        sender.start()
        with pytest.raises(OSError, match="the disk is full"):
            await source.run()
        sender.join()
        assert source.state == "stopped"

    with Outlet(amplifier) as outlet:
        asyncio.run(session(outlet))


def test_what_is_not_there_is_listed_against_what_is(amplifier):
    wanted = pytest.raises(StreamNotFoundError, match=rf"no stream with name 'nobody'.*'{amplifier.name}'")
    with Outlet(amplifier), wanted:
        open_stream("lsl:nobody", timeout_s=1.0)


def test_two_of_one_name_are_refused_with_their_source_ids(amplifier):
    twin = StreamSpec(amplifier.name, amplifier.lsl_type, amplifier.channels, SFREQ, f"{amplifier.source_id}-twin")
    with ExitStack() as stack:
        stack.enter_context(Outlet(amplifier))
        stack.enter_context(Outlet(twin))
        with pytest.raises(StreamError, match=rf"2 streams have name.*{twin.source_id}.*give the source_id"):
            open_stream(f"lsl:{amplifier.name}")


def test_text_is_no_device(spec):
    with MarkerOutlet(spec.name, spec.source_id), pytest.raises(DataError, match="no regular rate"):
        open_stream(f"lsl:{spec.name}")


@pytest.mark.parametrize(
    ("text", "said"),
    [("lsl:", "a stream's name behind it"), ("lsl:type=EEG,source-id=x", "did you mean 'source_id'")],
)
def test_what_cannot_be_asked_for_says_so(text, said):
    with pytest.raises(ConfigError, match=said):
        lsl_query(text)


def test_a_name_may_hold_an_equals_sign():
    assert lsl_query("lsl:x=1") == {"name": "x=1"}


def test_a_stream_has_no_address_and_no_other_link(amplifier):
    with pytest.raises(ConfigError, match="found by name"):
        make_source("lsl:x", [], address="/dev/ttyUSB0")
    with pytest.raises(ConfigError, match="its own link"):
        make_source("brainflow:synthetic", [], transport=object())
