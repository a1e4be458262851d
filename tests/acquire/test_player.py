from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectbio.acquire import (
    Inlet,
    Recorder,
    Replayed,
    ReplayProcess,
    StreamSpec,
    find_stream,
    replay,
    replay_process,
    replay_signals,
    wall_time,
)
from affectbio.acquire._liblsl import load_pylsl
from affectbio.errors import DataError, StreamError
from affectbio.types import Channel, Recording, Signal
from affectbio.xdf import read_xdf

local_clock = load_pylsl().local_clock


def listen(replaying: ReplayProcess, inlet: Inlet):
    """Data, stamps, and for every chunk the clock when it came."""
    chunks, clock = [], []
    while True:
        chunk = inlet.pull(0.1)
        if chunk is None and not replaying.running:
            break
        if chunk is not None:
            chunks.append(chunk)
            clock.append((float(chunk.stamps[-1]), local_clock()))
    return np.concatenate([c.data for c in chunks], axis=1), np.concatenate([c.stamps for c in chunks]), clock


def test_replay_to_file_and_inlet_loses_nothing_and_keeps_time(
    tmp_path, spec: StreamSpec, recording: Recording
) -> None:
    second = replace(recording, subject="02")
    with ReplayProcess([recording, second], spec, speed=4.0, packet=4) as replaying:
        info = find_stream(source_id=spec.source_id, timeout_s=20)
        wanted = [info, {"source_id": f"{spec.source_id}-markers"}]
        with Recorder(tmp_path / "x.xdf", wanted) as recorder, Inlet(info) as inlet:
            data, stamps, clock = listen(replaying, inlet)
        assert [h.n_samples for h in recorder.health] == [1024, 4]
        assert replaying.wait() == Replayed(n_sent=1024, n_lost=0)
    original = np.tile(recording.signals["eeg"].data, 2)
    np.testing.assert_allclose(data, original, rtol=1e-6)
    assert inlet.n_lost == 0
    # The signal's own time, however fast it is played, and each stamp due when it came.
    np.testing.assert_allclose(np.diff(stamps), 1 / 128, atol=1e-4)
    late = np.array([now - wall_time(inlet.spec, stamp) for stamp, now in clock])
    assert late.min() > -1e-3
    assert np.median(late) < 0.05
    back = read_xdf(tmp_path / "x.xdf", "01")
    assert (back.signals["eeg"].sfreq, back.signals["eeg"].start) == (128.0, 0.0)
    np.testing.assert_allclose(back.signals["eeg"].data, original, rtol=1e-6)
    assert back.events["trial_type"].tolist() == ["rest", "task", "rest", "task"]
    np.testing.assert_allclose(back.events["onset"], [0, 2, 4, 6], atol=1e-9)


def test_packets_that_are_lost_are_nan_in_place(spec: StreamSpec, recording: Recording) -> None:
    with ReplayProcess([recording], spec, speed=8.0, packet=8, loss=0.25, jitter_ms=1.0, seed=3) as replaying:
        with Inlet(find_stream(source_id=spec.source_id, timeout_s=20)) as inlet:
            data, _, _ = listen(replaying, inlet)
        sent = replaying.wait()
    assert sent.n_lost > 0
    assert sent.n_sent + sent.n_lost == 512
    assert sent.n_lost % 8 == 0
    lost = np.isnan(data[0])
    # Losses before the first and after the last packet that came cannot be known.
    first = round(np.nanmin(data[0]) * 1e6)
    assert inlet.n_lost == lost.sum() == sent.n_lost - first - (512 - first - data.shape[1])
    np.testing.assert_allclose(
        data[:, ~lost], recording.signals["eeg"].data[:, first : first + data.shape[1]][:, ~lost], rtol=1e-6
    )


def test_a_drifting_device_has_its_own_rate_and_loses_nothing(spec: StreamSpec, recording: Recording) -> None:
    with (
        ReplayProcess([recording], spec, speed=8.0, packet=4, drift_ppm=5000.0) as replaying,
        Inlet(find_stream(source_id=spec.source_id, timeout_s=20)) as inlet,
    ):
        data, stamps, _ = listen(replaying, inlet)
    assert (data.shape[1], inlet.n_lost) == (512, 0)
    rate = (len(stamps) - 1) / (stamps[-1] - stamps[0])
    assert rate == pytest.approx(128 * 1.005, rel=2e-4)


def test_what_was_lost_in_the_recording_is_lost_again(spec: StreamSpec, recording: Recording) -> None:
    data = recording.signals["eeg"].data.copy()
    data[:, 100:130] = np.nan
    holed = replace(recording, signals={"eeg": Signal(data, 128.0, recording.signals["eeg"].channels)})
    with ReplayProcess([holed], spec, speed=8.0, packet=4) as replaying:
        with Inlet(find_stream(source_id=spec.source_id, timeout_s=20)) as inlet:
            received, _, _ = listen(replaying, inlet)
        assert replaying.wait() == Replayed(482, 30)
    np.testing.assert_allclose(received, data, rtol=1e-6)
    assert inlet.n_lost == 30


def test_in_the_same_process_it_can_be_stopped(spec: StreamSpec, recording: Recording) -> None:
    stop, result = threading.Event(), []
    thread = threading.Thread(target=lambda: result.append(replay([recording], spec, stop=stop)))
    thread.start()
    with Inlet(find_stream(source_id=spec.source_id)) as inlet:
        while inlet.state != "streaming":
            inlet.pull(0.1)
        stop.set()
        thread.join(5)
    assert not thread.is_alive()
    assert 0 < result[0].n_sent < 512


def test_without_a_listener_nothing_is_sent_and_leaving_ends_it(spec: StreamSpec, recording: Recording) -> None:
    with ReplayProcess([recording], spec, speed=100.0) as replaying:
        find_stream(source_id=spec.source_id, timeout_s=20)
        time.sleep(0.5)
        assert replaying.running
    assert not replaying.running
    assert replaying.wait() == Replayed(0, 0)


def test_it_ends_with_its_parent_however_that_dies(lsl_session: str) -> None:
    code = (
        "import sys, time, numpy as np\n"
        "from affectbio.acquire import ReplayProcess, use_loopback\n"
        "from affectbio.types import Channel, Recording, Signal\n"
        f"use_loopback({lsl_session!r})\n"
        "eeg = Signal(np.zeros((1, 1000)), 100.0, [Channel('Cz')])\n"
        "with ReplayProcess([Recording({'eeg': eeg}, '01')]) as replaying:\n"
        "    print(replaying.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    # Standard output is shared with the child only through its own pipe: its end is seen when both are gone.
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    # A zombie that nobody waits for is dead all the same.
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_ctrl_c_does_not_disturb_it(spec: StreamSpec, recording: Recording) -> None:
    with (
        ReplayProcess([recording], spec, speed=8.0, packet=4) as replaying,
        Inlet(find_stream(source_id=spec.source_id, timeout_s=20)) as inlet,
    ):
        assert replaying.pid is not None
        os.kill(replaying.pid, signal.SIGINT)
        data, _, _ = listen(replaying, inlet)
    assert data.shape[1] == 512


def test_an_error_in_the_process_reaches_the_caller(spec: StreamSpec, recording: Recording, monkeypatch) -> None:
    # A session that liblsl's settings cannot say: the child finds itself in another one.
    monkeypatch.setattr(replay_process, "loopback_session", lambda: "two\nlines")
    with ReplayProcess([recording], spec) as replaying:
        with pytest.raises(StreamError, match="the replay process failed: LSL is already in use") as caught:
            replaying.wait(20)
        assert isinstance(caught.value.__cause__, StreamError)


def test_a_process_that_was_killed_says_so(spec: StreamSpec, recording: Recording) -> None:
    with ReplayProcess([recording], spec) as replaying:
        find_stream(source_id=spec.source_id, timeout_s=20)
        assert replaying.pid is not None
        os.kill(replaying.pid, signal.SIGKILL)
        with pytest.raises(StreamError, match="ended with status -9"):
            replaying.wait(20)


@pytest.mark.parametrize("n_times", [100, 100_000])
def test_a_process_that_does_not_start_says_so(
    spec: StreamSpec, recording: Recording, monkeypatch, n_times: int
) -> None:
    """Whether it dies before or after it could have taken the recording in."""
    channels = recording.signals["eeg"].channels
    signals = {"eeg": Signal(np.zeros((3, n_times)), 128.0, channels)}
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with (
        pytest.raises(StreamError, match=r"ended (at once )?with status 1; its standard error says"),
        ReplayProcess([replace(recording, signals=signals)], spec) as replaying,
    ):
        replaying.wait(20)


def test_waiting_has_an_end(spec: StreamSpec, recording: Recording) -> None:
    with ReplayProcess([recording], spec) as replaying, pytest.raises(StreamError, match=r"not over after 0\.1 s"):
        replaying.wait(0.1)
    with pytest.raises(StreamError, match="inside `with`"):
        ReplayProcess([recording], spec).wait()


@pytest.mark.parametrize("how", [{"speed": 0.0}, {"packet": 0}, {"loss": 1.0}, {"loss": -0.1}, {"jitter_ms": -1.0}])
def test_what_cannot_be_played_is_refused(recording: Recording, how) -> None:
    with pytest.raises(DataError, match="cannot replay with"):
        ReplayProcess([recording], **how)


def test_recordings_that_differ_are_refused(recording: Recording) -> None:
    other = replace(recording, signals={"eeg": recording.signals["eeg"].pick(["C3"])}, subject="02")
    with pytest.raises(DataError, match="'01' and '02' differ in channels or rate"):
        ReplayProcess([recording, other])
    with pytest.raises(DataError, match="no recording"):
        ReplayProcess([])


def test_several_signals_play_on_one_clock_each_from_its_own_start(tmp_path, spec: StreamSpec) -> None:
    eeg = Signal(1e-6 * np.arange(512.0)[None], 128.0, [Channel("Cz")])
    eda = Signal(1e-6 * np.arange(12.0)[None], 4.0, [Channel("skin", "gsr")], start=1.0)
    events = pd.DataFrame({"onset": [0.5, 3.0], "duration": [0.0, 0.0], "trial_type": ["one", "two"]})
    both = Recording({"eeg": eeg, "eda": eda}, "01", events=events)
    specs = {
        name: StreamSpec(f"{spec.name} {name}", name.upper(), signal.channels, signal.sfreq, f"{spec.source_id}-{name}")
        for name, signal in both.signals.items()
    }
    result: dict[str, Replayed] = {}
    marks = f"{spec.source_id}-marks"
    thread = threading.Thread(
        target=lambda: result.update(replay_signals(both, specs, packets={"eeg": 4}, markers=marks, speed=4.0))
    )
    thread.start()
    wanted = [{"source_id": source_id} for source_id in (*(s.source_id for s in specs.values()), marks)]
    with Recorder(tmp_path / "x.xdf", wanted):
        thread.join()
    assert result == {"eeg": Replayed(512, 0), "eda": Replayed(12, 0)}
    back = read_xdf(tmp_path / "x.xdf", "01")
    np.testing.assert_allclose(back.signals["eeg"].data, eeg.data, rtol=1e-6)
    np.testing.assert_allclose(back.signals["eda"].data, eda.data, rtol=1e-6)
    assert (back.signals["eeg"].start, back.signals["eda"].start) == (0.0, pytest.approx(1.0, abs=1e-3))
    assert back.events["trial_type"].tolist() == ["one", "two"]
    np.testing.assert_allclose(back.events["onset"], [0.5, 3.0], atol=1e-3)


def test_several_signals_stop_together_and_failures_reach_the_caller(spec: StreamSpec, recording: Recording) -> None:
    stop = threading.Event()
    stop.set()
    assert replay_signals(recording, {"eeg": spec}, stop=stop) == {"eeg": Replayed(0, 0)}
    with pytest.raises(DataError, match="no signal to replay; expected some of eeg"):
        replay_signals(recording, {})
    with pytest.raises(DataError, match="speed"):
        replay_signals(recording, {"eeg": spec}, speed=0.0)
