from __future__ import annotations

import errno
import os
import shutil
import time
from collections import namedtuple

import numpy as np
import pytest
import pyxdf

from affectbio.acquire import MarkerOutlet, Outlet, Recorder, StreamSpec, find_stream
from affectbio.acquire._liblsl import load_pylsl
from affectbio.errors import StreamError, StreamLostError, StreamNotFoundError
from affectbio.types import Channel
from affectbio.xdf import read_xdf, scan_xdf

pylsl = load_pylsl()


def wait_until(condition, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_what_was_sent_is_in_the_file_bit_for_bit(tmp_path, spec: StreamSpec) -> None:
    path = tmp_path / "x.xdf"
    data = np.random.default_rng(0).normal(size=(3, 640)) * 1e-5
    stamps = pylsl.local_clock() + np.arange(640) / 128
    kept = np.delete(np.arange(640), np.r_[100:108])
    marks = f"{spec.source_id}-marks"
    with Outlet(spec) as outlet, MarkerOutlet("marks", marks) as markers:
        with Recorder(path, [find_stream(source_id=spec.source_id), {"source_id": marks}]) as recorder:
            for part in np.array_split(kept, 80):
                outlet.push(data[:, part], stamps[part])
            markers.push("rest", float(stamps[0]))
            markers.push("task", float(stamps[320]))
            wait_until(lambda: [h.n_samples for h in recorder.health] == [632, 2])
            recorder.check()
            health = recorder.health[0]
            assert (health.name, health.lsl_type) == (spec.name, "EEG")
            # Nothing more is being sent: how long ago that was depends on the machine.
            assert health.state != "connecting"
            assert health.last_stamp == stamps[-1]
        assert recorder.n_bytes == path.stat().st_size
        assert recorder.health[0].n_offsets >= 2
    eeg, text = pyxdf.load_xdf(str(path), dejitter_timestamps=False, synchronize_clocks=False)[0]
    np.testing.assert_array_equal(eeg["time_stamps"], stamps[kept])
    np.testing.assert_array_equal(eeg["time_series"], (data[:, kept] / 1e-6).T.astype(np.float32))
    assert text["time_series"] == [["rest"], ["task"]]
    assert len(eeg["clock_times"]) == recorder.health[0].n_offsets
    assert abs(eeg["clock_values"][0]) < 0.01
    recording = read_xdf(path, "01")
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(recording.signals["eeg"].data[0])), np.arange(100, 108))
    assert recording.events[["onset", "duration", "trial_type"]].to_numpy().tolist() == [
        [0.0, 2.5, "rest"],
        [2.5, 2.5, "task"],
    ]


def test_stopping_writes_what_was_already_received(tmp_path, spec: StreamSpec) -> None:
    with Outlet(spec) as outlet:
        with Recorder(tmp_path / "x.xdf", [{"source_id": spec.source_id}]) as recorder:
            stamps = pylsl.local_clock() + np.arange(20_000) / 128
            outlet.push(np.zeros((3, 20_000)), stamps)
            wait_until(lambda: recorder.health[0].n_samples > 0)
            time.sleep(0.2)
        assert recorder.health[0].n_samples == 20_000


def test_a_missing_stream_is_told_before_a_file_is_made(tmp_path, spec: StreamSpec) -> None:
    path = tmp_path / "x.xdf"
    with Outlet(spec), pytest.raises(StreamNotFoundError, match=f"source_id 'nobody'.*{spec.source_id}"):
        Recorder(path, [{"source_id": spec.source_id}, {"source_id": "nobody"}], timeout_s=0.5).__enter__()
    assert not path.exists()


def test_a_stream_that_is_gone_is_told_before_a_file_is_made(tmp_path, spec: StreamSpec) -> None:
    with Outlet(spec):
        info = find_stream(source_id=spec.source_id)
    with pytest.raises(StreamLostError, match="did not connect"):
        Recorder(tmp_path / "x.xdf", [info], timeout_s=0.3).__enter__()
    assert not (tmp_path / "x.xdf").exists()


def test_an_existing_recording_is_never_touched(tmp_path, spec: StreamSpec) -> None:
    (tmp_path / "x.xdf").write_bytes(b"precious")
    with Outlet(spec), pytest.raises(StreamError, match="exists"):
        Recorder(tmp_path / "x.xdf", [{"source_id": spec.source_id}]).__enter__()
    assert (tmp_path / "x.xdf").read_bytes() == b"precious"


def test_a_wrong_name_is_told_before_anything_is_looked_for(tmp_path) -> None:
    (tmp_path / "x.xdf").touch()
    nobody = [{"source_id": "nobody"}]
    with pytest.raises(StreamError, match="exists; a recording never overwrites"):
        Recorder(tmp_path / "x.xdf", nobody).__enter__()
    with pytest.raises(StreamError, match=r"no folder .*nowhere; make it first"):
        Recorder(tmp_path / "nowhere" / "x.xdf", nobody).__enter__()


def test_a_full_disk_reaches_the_caller_and_leaves_a_readable_file(tmp_path, spec: StreamSpec, monkeypatch) -> None:
    path = tmp_path / "x.xdf"
    true_write = os.write

    def write_on_a_small_disk(fd: int, data: bytes) -> int:
        if os.fstat(fd).st_size > 8000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return true_write(fd, data)

    def record_until_it_stops() -> None:
        with Outlet(spec) as outlet, Recorder(path, [{"source_id": spec.source_id}]) as recorder:
            monkeypatch.setattr(os, "write", write_on_a_small_disk)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                outlet.push(np.zeros((3, 32)), pylsl.local_clock() + np.arange(32) / 128)
                time.sleep(0.01)
                recorder.check()

    with pytest.raises(StreamError, match=r"x\.xdf stopped after [0-9]+ bytes: No space left"):
        record_until_it_stops()
    monkeypatch.undo()
    assert scan_xdf(path).problem is None
    assert len(pyxdf.load_xdf(str(path))[0][0]["time_stamps"]) > 32


def test_what_stopped_a_thread_is_raised_at_the_end_if_nobody_asked(tmp_path, spec: StreamSpec, monkeypatch) -> None:
    def broken(fd: int, data: bytes) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def record_blindly() -> None:
        with Outlet(spec) as outlet, Recorder(tmp_path / "x.xdf", [{"source_id": spec.source_id}]) as recorder:
            monkeypatch.setattr(os, "write", broken)
            outlet.push(np.zeros((3, 1)), np.array([pylsl.local_clock()]))
            wait_until(lambda: recorder._workers[0].error is not None)

    with pytest.raises(StreamError, match="Input/output error"):
        record_blindly()


def test_health_tells_rate_and_longest_gap_of_regular_and_irregular_streams(tmp_path, spec: StreamSpec) -> None:
    beats = StreamSpec("beats", "RR", [Channel("RR", "misc")], 0.0, f"{spec.source_id}-rr")
    stamps = pylsl.local_clock() + np.arange(256) / 128
    kept = np.delete(np.arange(256), np.r_[100:164])
    with Outlet(spec) as outlet, Outlet(beats) as rr:
        wanted = [{"source_id": spec.source_id}, {"source_id": beats.source_id}]
        with Recorder(tmp_path / "x.xdf", wanted) as recorder:
            assert np.isnan(recorder.health[0].effective_sfreq)
            for part in np.array_split(kept, 7):
                outlet.push(np.zeros((3, len(part))), stamps[part])
            for onset in (0.0, 0.8, 1.9):
                rr.push(np.full((1, 1), 0.8), stamps[:1] + onset)
            wait_until(lambda: [h.n_samples for h in recorder.health] == [192, 3])
            assert not recorder.stopped
        eeg, intervals = recorder.health
    assert (eeg.sfreq, intervals.sfreq) == (128.0, 0.0)
    assert eeg.effective_sfreq == pytest.approx(191 / (255 / 128), rel=1e-6)
    assert eeg.longest_gap_s == pytest.approx(65 / 128, abs=1e-6)
    assert intervals.longest_gap_s == pytest.approx(1.1, abs=1e-6)
    assert intervals.state == "streaming", "a pause between beats is no loss"
    happened = pyxdf.load_xdf(str(tmp_path / "x.xdf"), dejitter_timestamps=False)[0][1]
    np.testing.assert_allclose(happened["time_series"][:, 0], 0.8)


def small_disk(monkeypatch, free_mb) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**12, 0, int(1e6 * next(free_mb))))


def test_recording_stops_whole_before_the_disk_is_full(tmp_path, spec: StreamSpec, monkeypatch) -> None:
    path = tmp_path / "x.xdf"
    small_disk(monkeypatch, iter([500, 49, 49]))

    def record_until_it_stops() -> None:
        with Outlet(spec) as outlet, Recorder(path, [{"source_id": spec.source_id}], min_free_mb=50) as recorder:
            outlet.push(np.zeros((3, 32)), pylsl.local_clock() + np.arange(32) / 128)
            wait_until(lambda: recorder.stopped)

    with pytest.raises(StreamError, match=r"x\.xdf stopped after [0-9]+ bytes: only 49 MB are free.*at least 50"):
        record_until_it_stops()
    scan = scan_xdf(path)
    assert scan.problem is None
    assert len(pyxdf.load_xdf(str(path))[0][0]["time_stamps"]) == 32


def test_recording_does_not_start_without_room(tmp_path, spec: StreamSpec, monkeypatch) -> None:
    small_disk(monkeypatch, iter([3]))
    with Outlet(spec), pytest.raises(StreamError, match="3 MB are free there, expected at least 100"):
        Recorder(tmp_path / "x.xdf", [{"source_id": spec.source_id}]).__enter__()
    assert not (tmp_path / "x.xdf").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path, spec: StreamSpec) -> None:
    with Outlet(spec), pytest.raises(StreamError, match="there is no folder"):
        Recorder(tmp_path / "nowhere" / "x.xdf", [{"source_id": spec.source_id}]).__enter__()
