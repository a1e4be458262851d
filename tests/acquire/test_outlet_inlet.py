from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import numpy as np
import pytest

from affectbio.acquire import Inlet, MarkerOutlet, Outlet, StreamSpec, find_stream
from affectbio.acquire._liblsl import load_pylsl
from affectbio.acquire.inlet import Watchdog
from affectbio.errors import DataError, StreamError, StreamLostError, StreamNotFoundError

pylsl = load_pylsl()


def pull_all(inlet: Inlet, n_times: int):
    chunks = []
    deadline = time.monotonic() + 10
    while sum(len(c.stamps) for c in chunks) < n_times and time.monotonic() < deadline:
        chunks += [c for c in [inlet.pull(0.2)] if c is not None]
    return np.concatenate([c.data for c in chunks], axis=1), np.concatenate([c.stamps for c in chunks]), chunks


def test_what_goes_in_comes_out_to_the_rounding_of_the_wire(spec: StreamSpec) -> None:
    data = np.random.default_rng(0).normal(size=(3, 256)) * 1e-5
    stamps = pylsl.local_clock() + np.arange(256) / 128
    with Outlet(spec) as outlet, Inlet(find_stream(source_id=spec.source_id)) as inlet:
        assert inlet.state == "connecting"
        assert outlet.wait_for_consumer(5)
        for start in range(0, 256, 16):
            outlet.push(data[:, start : start + 16], stamps[start : start + 16])
        received, times, _ = pull_all(inlet, 256)
        assert inlet.state == "streaming"
        assert inlet.pull(0.0) is None
        assert abs(inlet.time_correction()) < 0.01
    assert inlet.spec == spec
    assert (inlet.n_lost, received.dtype) == (0, np.float64)
    np.testing.assert_array_equal(received, (data / 1e-6).astype(np.float32).astype(float) * 1e-6)
    np.testing.assert_allclose(times, stamps, atol=1e-3)


def test_lost_packets_are_nan_in_their_place_and_counted(spec: StreamSpec) -> None:
    data = 1e-6 * np.arange(3 * 640.0).reshape(3, 640)
    stamps = pylsl.local_clock() + np.arange(640) / 128
    kept = np.ones(640, bool)
    kept[[64, 65, 66, 67, 200, 639]] = False
    kept[300:500] = False
    with Outlet(spec) as outlet, Inlet(find_stream(source_id=spec.source_id)) as inlet:
        assert outlet.wait_for_consumer(5)
        for start in range(0, 640, 8):
            packet = np.flatnonzero(kept[start : start + 8]) + start
            outlet.push(data[:, packet], stamps[packet])
        received, times, chunks = pull_all(inlet, 639)
    expected = data[:, :639].copy()
    expected[:, ~kept[:639]] = np.nan
    np.testing.assert_allclose(received, expected, rtol=1e-6)
    np.testing.assert_allclose(times, stamps[:639], atol=1e-3)
    assert inlet.n_lost == sum(c.lost for c in chunks) == 205


def test_a_long_gap_is_filled_no_further_than_a_minute_back(spec: StreamSpec) -> None:
    start = pylsl.local_clock() - 1000
    stamps = start + np.array([0.0, 1 / 128, 500.0, 500.0 + 1 / 128])
    with Outlet(spec) as outlet, Inlet(find_stream(source_id=spec.source_id)) as inlet:
        assert outlet.wait_for_consumer(5)
        outlet.push(np.ones((3, 4)), stamps)
        received, times, _ = pull_all(inlet, 4)
    assert received.shape[1] == 4 + 60 * 128
    assert np.isnan(received[:, 2:-2]).all()
    assert inlet.n_lost == pytest.approx(499 * 128 + 126, abs=1)
    np.testing.assert_allclose(np.diff(times[2:]), 1 / 128, atol=1e-4)


def test_stamps_taken_on_arrival_are_not_losses(spec: StreamSpec) -> None:
    spec = replace(spec, can_drop=False)
    stamps = pylsl.local_clock() + np.repeat(np.arange(20) * 16 / 128, 16)
    with Outlet(spec) as outlet, Inlet(find_stream(source_id=spec.source_id)) as inlet:
        assert outlet.wait_for_consumer(5)
        outlet.push(np.ones((3, 320)), stamps)
        received, _, _ = pull_all(inlet, 320)
    assert (received.shape[1], inlet.n_lost) == (320, 0)


HEADSET = """
    import sys, time
    import numpy as np
    from affectbio.acquire import Outlet, StreamSpec, use_loopback
    from affectbio.acquire._liblsl import load_pylsl
    from affectbio.types import Channel
    use_loopback(sys.argv[1])
    now = load_pylsl().local_clock
    with Outlet(StreamSpec("wanderer", "EEG", [Channel("Cz")], 250.0, sys.argv[2])) as outlet:
        outlet.wait_for_consumer(20)
        for i in range(250 * 60):
            time.sleep(0.004)
            outlet.push(np.full((1, 1), 1e-6), np.array([now()]))
"""


def headset(session: str, source_id: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(HEADSET), session, source_id])


def test_a_sender_that_dies_is_lost_within_two_seconds_and_found_again(lsl_session: str) -> None:
    first = headset(lsl_session, "wanderer-001")
    second = None
    try:
        with Inlet(find_stream(source_id="wanderer-001", timeout_s=20)) as inlet:
            before, _, _ = pull_all(inlet, 100)
            first.kill()
            died = time.monotonic()
            seen = {}
            while inlet.state != "lost" and time.monotonic() < died + 5:
                inlet.pull(0.02)
                seen.setdefault(inlet.state, time.monotonic() - died)
            assert seen["lost"] < 2.0
            assert seen["silent"] < 1.0
            n_lost = inlet.n_lost
            second = headset(lsl_session, "wanderer-001")
            after, times, _ = pull_all(inlet, 200)
            assert inlet.state == "streaming"
        assert before.shape[1] >= 100
        assert not np.isnan(after[:, -1]).any()
        # The time it was away is NaN, on the same grid.
        away = np.isnan(after[0]).sum()
        assert inlet.n_lost - n_lost >= away > 250
        assert np.all(np.diff(times) > 0)
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()


def test_markers_are_sent(spec: StreamSpec) -> None:
    with MarkerOutlet("marks", f"{spec.source_id}-marks") as outlet:
        inlet = pylsl.StreamInlet(find_stream(source_id=f"{spec.source_id}-marks", lsl_type="Markers"))
        inlet.open_stream(5)
        assert outlet.wait_for_consumer(5)
        now = pylsl.local_clock()
        outlet.push("größer", now)
        sample, stamp = inlet.pull_sample(5)
    assert sample == ["größer"]
    assert stamp == pytest.approx(now, abs=1e-9)


def test_stamps_of_another_clock_are_refused_with_both_clocks(spec: StreamSpec) -> None:
    with Outlet(spec) as outlet, MarkerOutlet("marks", "marks-x") as marks:
        for push in (
            lambda: outlet.push(np.zeros((3, 1)), np.array([1.7e9])),
            lambda: outlet.push(np.zeros((3, 1)), np.array([np.nan])),
            lambda: marks.push("now", 1.7e9),
        ):
            with pytest.raises(StreamError, match=r"stamp .* of another clock than LSL's, which shows [0-9.]+ s"):
                push()


def test_an_outlet_wants_its_own_shape_and_its_with(spec: StreamSpec) -> None:
    outlet = Outlet(spec)
    with pytest.raises(StreamError, match="inside `with`"):
        outlet.push(np.zeros((3, 1)), np.array([pylsl.local_clock()]))
    with outlet, pytest.raises(DataError, match=r"expected \(n_chans, n_times\) \(3, 2\)"):
        outlet.push(np.zeros((2, 3)), np.zeros(2))
    with pytest.raises(DataError, match="'int16'; expected 'float32'"):
        Outlet(replace(spec, dtype="int16"))


def test_a_stream_that_is_not_there_lists_what_is(spec: StreamSpec) -> None:
    began = time.monotonic()
    with Outlet(spec), pytest.raises(StreamNotFoundError, match=f"name 'nobody'.*{spec.name}.*{spec.source_id}"):
        find_stream(name="nobody", timeout_s=0.5)
    assert time.monotonic() - began < 1.5


def test_of_two_streams_none_is_chosen(spec: StreamSpec) -> None:
    twin = replace(spec, source_id=spec.source_id + "-b")
    with Outlet(spec), Outlet(twin):
        with pytest.raises(StreamError, match=f"2 streams have name .*{twin.source_id}.*give the source_id"):
            find_stream(name=spec.name)
        assert find_stream(source_id=twin.source_id).source_id() == twin.source_id


def test_a_name_with_all_kinds_of_quotes_can_be_looked_for(spec: StreamSpec) -> None:
    name = """it's "it" & <that>"""
    with Outlet(replace(spec, name=name)):
        assert find_stream(name=name).source_id() == spec.source_id


def test_a_stream_that_is_gone_before_it_could_be_read_is_lost(spec: StreamSpec) -> None:
    with Outlet(spec):
        info = find_stream(source_id=spec.source_id)
    with pytest.raises(StreamLostError, match=r"found but did not connect within 0\.3 s"):
        Inlet(info, timeout_s=0.3)


def test_a_slow_stream_is_given_time_and_markers_are_never_missed(monkeypatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    fast, slow, marks = Watchdog(250.0), Watchdog(1.0), Watchdog(0.0)
    assert fast.state == "connecting"
    for watchdog in (fast, slow, marks):
        watchdog.seen()
    for now, expected in (
        (0.4, ("streaming", "streaming", "streaming")),
        (0.6, ("silent", "streaming", "streaming")),
        (1.6, ("lost", "streaming", "streaming")),
        (3.1, ("lost", "silent", "streaming")),
        (9.1, ("lost", "lost", "streaming")),
    ):
        assert (fast.state, slow.state, marks.state) == expected, f"after {now} s"
