"""A simulated device as a source: what sinks get is what was simulated, at its true times, whatever the link does."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import numpy as np
import pytest

from affectbio.acquire import local_clock
from affectbio.acquire.driver import Backoff
from affectbio.acquire.inlet import Inlet, find_stream
from affectbio.acquire.simulate import LinkFaults, SimulatedDevice, Simulation, TruthSink
from affectbio.devices import load_device
from affectbio.errors import ConfigError
from tests.acquire.fakes.sink import Gathered

QUICK = Backoff(0.01, 0.02)


def played(device, duration_s, **asked):
    sink, truth = Gathered(), Gathered()
    source = SimulatedDevice(device, sinks=[sink], truth=[truth], **({"speed": np.inf} | asked))
    asyncio.run(source.run(duration_s))
    return source, sink, truth


def test_sinks_get_every_packet_that_is_whole(everything):
    source, sink, truth = played(everything, 10.0, seed=3)
    made = Simulation(everything, seed=3).read(10.0)
    _, affect_stamps = truth.of(0)
    for number, stream in enumerate(everything.streams):
        data, stamps = sink.of(number)
        whole = len(made.times[number]) // stream.packet * stream.packet
        assert np.allclose(data, made.data[number][:, :whole], rtol=1e-12)
        assert np.allclose(stamps - affect_stamps[0], made.times[number][:whole], atol=1e-6)
        assert source.counts[number].n_samples == whole
        assert source.counts[number].n_lost == 0
    assert np.array_equal(truth.of(0)[0], made.affect)
    assert [text for text, _ in truth.said] == [event.name for event in made.events]
    assert np.allclose([at - affect_stamps[0] for _, at in truth.said], [event.time for event in made.events])
    assert [text for text, _ in sink.said] == ["connecting", "streaming", "stopped"]
    assert source.state == "stopped"


def test_the_length_may_be_any():
    device = load_device("epoc-x")
    assert played(device, 1.25)[1].of(0)[0].shape == (14, 160)


@pytest.mark.parametrize("name", ["muse-2", "openbci-cyton"])
def test_stamps_are_recovered_through_jitter_loss_and_drift(name):
    device = load_device(name)
    faults = LinkFaults(jitter_ms=5.0, loss=0.05, drift_ppm=80.0)
    source, sink, truth = played(device, 240.0, faults=faults, seed=2)
    start = truth.of(0)[1][0]
    made = Simulation(device, seed=2).read(240.0)
    counts = source.counts[0]
    assert counts.loss == pytest.approx(0.05, abs=0.03)
    data, stamps = sink.of(0)
    sent = made.data[0]
    # Which packet each one is, told by its values.
    stride = device.streams[0].packet
    firsts = {sent[:, i : i + stride].round(12).tobytes(): i for i in range(0, sent.shape[1] - stride + 1, stride)}
    which = np.array([firsts[data[:, i : i + stride].round(12).tobytes()] for i in range(0, data.shape[1], stride)])
    true_s = which / device.streams[0].sfreq / (1 + 80e-6)
    late_ms = 1e3 * (stamps[::stride] - start - true_s)[true_s > 60]
    assert late_ms.std() < 0.2
    assert abs(late_ms.mean()) < 0.2
    assert counts.drift_ppm == pytest.approx(-80, abs=5)


def test_a_link_that_breaks_is_made_again_and_the_truth_goes_on():
    device = load_device("muse-2")
    source, sink, truth = played(
        device, 6.0, faults=LinkFaults(gap_every_s=2.0, gap_s=0.5), speed=4.0, backoff=QUICK, seed=1
    )
    assert source.n_connections == 3
    assert [text.partition(":")[0] for text, _ in sink.said].count("lost") >= 2
    assert len(truth.of(0)[1]) == 60
    data, stamps = sink.of(0)
    gaps = np.diff(stamps)
    assert (gaps > 0).all()
    assert (gaps > 0.3).sum() == 2
    assert source.counts[0].n_lost + data.shape[1] == pytest.approx(6 * 256, abs=160)


def test_it_plays_at_the_speed_asked_for_and_stops_when_told():
    sink = Gathered()
    source = SimulatedDevice(load_device("epoc-x"), sinks=[sink], speed=2.0)

    async def session():
        job = asyncio.ensure_future(source.run())
        await asyncio.sleep(0.6)
        assert source.state == "streaming"
        source.stop()
        await job

    asyncio.run(session())
    assert sink.of(0)[0].shape[1] == pytest.approx(2 * 0.6 * 128, abs=40)
    assert source.state == "stopped"
    before = len(sink.data[0])
    source.speed = np.inf
    asyncio.run(source.run(1.0))
    assert sum(part.shape[1] for part in sink.data[0][before:]) == 128, "a second run begins anew"


def test_a_sink_that_fails_ends_it_with_its_error():
    class Broken(Gathered):
        def push(self, stream, data, stamps):
            raise RuntimeError("disk full")

    for role in ("sinks", "truth"):
        with pytest.raises(RuntimeError, match="disk full"):
            asyncio.run(SimulatedDevice(load_device("epoc-x"), speed=np.inf, **{role: [Broken()]}).run(5.0))


def test_the_truth_is_on_the_network():
    name = f"simulated-{local_clock():.6f}"
    with TruthSink(name) as sink:
        source = SimulatedDevice(load_device("epoc-x"), truth=[sink], state="stress")

        async def session():
            await source.run(3.0)

        with Inlet(find_stream(f"{name} Affect", timeout_s=20)) as inlet:
            asyncio.run(session())
            chunk = inlet.pull(1.0)
    assert [c.name for c in inlet.spec.channels] == ["valence", "arousal"]
    assert (chunk.data[1] > 0.4).all()


@pytest.mark.parametrize(
    "asked",
    [{"loss": 1.0}, {"jitter_ms": -1.0}, {"gap_every_s": 1.0, "gap_s": 2.0}, {"drift_ppm": float("nan")}],
)
def test_links_that_cannot_be_are_refused(asked):
    with pytest.raises(ConfigError, match="expected jitter_ms"):
        LinkFaults(**asked)


def test_a_speed_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="speed is 0"):
        SimulatedDevice(load_device("epoc-x"), speed=0)


def test_nothing_heavy_is_imported():
    code = (
        "import sys, asyncio\nfrom affectbio.acquire.simulate import SimulatedDevice\n"
        "from affectbio.devices import load_device\n"
        "asyncio.run(SimulatedDevice(load_device('epoc-x'), speed=float('inf')).run(2.0))\n"
        "print(*{m.partition('.')[0] for m in sys.modules})"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "mne", "sklearn", "matplotlib", "pandas", "scipy", "numba"} & set(said.split())
