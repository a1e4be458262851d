"""A device on the network, read back by an inlet."""

import time

import numpy as np
import pytest

from affectbio.acquire import Inlet, find_stream, local_clock
from affectbio.acquire.lsl_sink import LslSink, stream_specs
from affectbio.devices import list_devices, load_device


def test_what_a_device_sends_comes_out_in_si_units_with_its_stamps():
    device = load_device("polar-h10")
    with LslSink(device, "strap-sink-test") as sink:
        ecg = 1e-6 * np.arange(130.0)[None]
        with Inlet(find_stream(source_id=sink.specs[0].source_id)) as inlet:
            stamps = local_clock() + np.arange(130) / 130
            sink.push(0, ecg, stamps)
            sink.push(3, np.array([[0.87]]), stamps[:1])
            sink.status("streaming", stamps[0])
            got, times, deadline = [], [], time.monotonic() + 10
            while sum(map(len, times)) < 130 and time.monotonic() < deadline:
                chunk = inlet.pull(0.5)
                if chunk is not None:
                    got.append(chunk.data)
                    times.append(chunk.stamps)
            assert inlet.spec.channels == device.stream("ecg").signal_channels()
    assert np.allclose(np.concatenate(got, axis=1), ecg, atol=1e-12)
    assert np.allclose(np.concatenate(times), stamps, atol=1e-3)


@pytest.mark.parametrize("name", list_devices())
def test_every_device_has_streams_that_can_be_told_apart(name):
    specs = stream_specs(load_device(name), "x")
    assert len({spec.name for spec in specs}) == len({spec.source_id for spec in specs}) == len(specs)
    assert all(spec.can_drop for spec in specs)
