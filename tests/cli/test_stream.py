"""``affectbio stream``, ``record`` and ``scan`` as a user types them, and four devices recorded, killed and saved."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from threading import Event, Thread

import mne
import numpy as np
import pytest
from typer.testing import CliRunner

from affectbio.acquire import MarkerOutlet, Outlet, StreamSpec, local_clock
from affectbio.acquire._liblsl import load_pylsl
from affectbio.cli import app
from affectbio.devices import load_device
from affectbio.errors import ConfigError, DataError, StreamError, StreamNotFoundError
from affectbio.types import Channel
from affectbio.xdf import read_xdf, scan_xdf
from tests.acquire.fakes.brainflow import fake_shim


def run(*arguments):
    result = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def start(lsl_session, *arguments):
    """Start a program of its own in the tests' session."""
    code = (
        "import sys\nfrom affectbio.acquire import use_loopback\nfrom affectbio.cli import main\n"
        f"use_loopback({lsl_session!r})\nsys.argv[0] = 'affectbio'\nmain()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_what_is_on_lsl_already_is_recorded_as_it_is_and_not_sent_again(tmp_path):
    spec = StreamSpec("amp @ desk", "EEG", [Channel("C3"), Channel("C4")], 128.0, "amp-desk-1")
    out, ended = tmp_path / "session.xdf", Event()

    def play(outlet):
        began, n = local_clock(), 0
        while not ended.wait(0.02):
            now = int((local_clock() - began) * 128)
            outlet.push(1e-6 * np.arange(n, now) * np.ones((2, 1)), began + np.arange(n, now) / 128)
            n = now

    with Outlet(spec) as outlet:
        player = Thread(target=play, args=(outlet,))
        player.start()
        try:
            said = run("stream", "lsl:amp @ desk", "--record", out, "--seconds", 2)
        finally:
            ended.set()
            player.join()
    assert "amp @ desk: EEG" in said
    assert "0.00 % lost" in said
    eeg = read_xdf(out, "01").signals["eeg"]
    assert eeg.ch_names == ("C3", "C4")
    assert np.allclose(np.diff(eeg.data[0]), 1e-6, atol=1e-9)


def test_a_stream_that_states_no_unit_is_given_one_by_an_option():
    pylsl = load_pylsl()
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo("bare", "EEG", 1, 100.0, "float32", "bare-1"))
    with pytest.raises(DataError, match="give it as in --unit EEG=uV"):
        run("stream", "lsl:bare", "--seconds", 0.5)
    assert "bare: streaming" not in run("stream", "lsl:bare", "--unit", "EEG=uV", "--seconds", 0.5)
    del outlet


def test_a_board_of_brainflow_is_streamed_under_its_own_name(tmp_path, monkeypatch):
    board = {"name": "Cyton", "num_rows": 24, "sampling_rate": 250, "package_num_channel": 0, "eeg_channels": [1, 2]}
    shim = fake_shim({0: {**board, "eeg_names": "C3,C4"}})
    shim.BoardShim.waiting.append((0, np.tile(np.arange(100.0), (24, 1))))
    monkeypatch.setitem(sys.modules, "brainflow.board_shim", shim)
    out = tmp_path / "session.xdf"
    said = run("stream", "brainflow:openbci-cyton@/dev/ttyUSB0", "--record", out, "--seconds", 1)
    assert "brainflow-openbci-cyton-dev-ttyUSB0: EEG 100 samples, 0.00 % lost" in said
    ((_, params),) = shim.BoardShim.opened
    assert params.serial_port == "/dev/ttyUSB0"
    eeg = read_xdf(out, "01").signals["eeg"]
    assert np.allclose(eeg.data, 1e-6 * np.arange(100), atol=1e-9)


def test_a_simulated_headset_is_streamed_and_recorded_with_its_truth(tmp_path):
    out = tmp_path / "session.xdf"
    said = run("stream", "simulated/epoc-x", "--state", "arithmetic", "--blink", "--line-noise", 50,
               "--record", out, "--seconds", 3)  # fmt: skip
    assert "simulated-epoc-x: EEG" in said
    assert scan_xdf(out).problem is None
    recording = read_xdf(out, "01")
    eeg = recording.signals["eeg"]
    assert eeg.ch_names == load_device("epoc-x").streams[0].channels
    assert eeg.sfreq == pytest.approx(128, rel=0.01)
    assert 1.5 < eeg.duration < 4.5
    assert np.nanstd(eeg.data) > 1e-6
    assert recording.meta["streams"]["eeg"]["name"] == "simulated-epoc-x EEG", "nobody takes it for measured"
    assert recording.signals["affect"].n_chans == 2
    words = set(recording.events["trial_type"])
    assert {"streaming", "stopped"} <= words
    assert "arithmetic" in words


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("simulated/epoc-z",), ConfigError, "epoc-x"),
        (("simulated/epoc-x", "--state", "arithmetic-2"), ConfigError, "arithmetic"),
        (("openbci-cyton",), ConfigError, "give its address"),
        (("simulated/epoc-x", "--record", "{tmp}/nowhere/x.xdf"), StreamError, "no folder"),
    ],
)
def test_what_cannot_be_streamed_is_said_at_once(tmp_path, arguments, error, words):
    with pytest.raises(error, match=words):
        run("stream", *(a.format(tmp=tmp_path) for a in arguments), "--seconds", 1)


def test_what_went_wrong_with_a_device_is_said_as_it_happens_and_at_the_end():
    said = run("stream", "e4@127.0.0.1:9", "simulated/epoc-x", "--seconds", 1.5)
    lines = [line for line in said.splitlines() if line.startswith("e4-127-0-0-1-9")]
    assert lines[0] == "e4-127-0-0-1-9: connecting"
    assert "lost: no server answers at 127.0.0.1:9" in lines[1]
    assert "no server answers at 127.0.0.1:9" in lines[-1]
    assert "simulated-epoc-x: streaming" in said


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM")
def test_a_system_that_asks_the_program_to_end_gets_a_whole_file(tmp_path, lsl_session):
    out = tmp_path / "session.xdf"
    streaming = start(lsl_session, "stream", "simulated/epoc-x", "--record", out)
    deadline = time.monotonic() + 60
    while not out.exists() or out.stat().st_size < 20_000:
        assert time.monotonic() < deadline
        assert streaming.poll() is None, streaming.stdout.read()
        time.sleep(0.05)
    streaming.terminate()
    said, _ = streaming.communicate(timeout=30)
    assert streaming.returncode == 0
    assert "simulated-epoc-x: stopped" in said
    assert "stopped" in set(read_xdf(out, "01").events["trial_type"])


def test_a_device_that_fails_does_not_keep_the_others_from_being_told_to_stop(monkeypatch):
    ended = []

    class Failing:
        def __init__(self, *arguments, **options):
            self.device, self.counts, self.battery, self.state = load_device("epoc-x"), (), math.nan, "stopped"

        async def run(self, *_):
            await asyncio.sleep(0.2)
            raise ConfigError("the headset is on fire")

        def stop(self):
            ended.append("failing")

    class Slow(Failing):
        async def run(self, *_):
            self.stopped = asyncio.Event()
            await self.stopped.wait()
            await asyncio.sleep(0.1)
            ended.append("slow")

        def stop(self):
            self.stopped.set()

    kinds = iter([Failing, Slow])
    monkeypatch.setattr("affectbio.cli.stream.SimulatedDevice", lambda *a, **k: next(kinds)(*a, **k))
    monkeypatch.setattr("affectbio.cli.stream._table", lambda *_: "")
    with pytest.raises(ConfigError, match="on fire"):
        run("stream", "simulated/epoc-x", "simulated/muse-2", "--seconds", 5)
    assert ended == ["failing", "slow"]


def test_a_recording_waits_for_nothing_that_is_not_there(tmp_path):
    spec = StreamSpec("there", "EEG", [Channel("Cz")], 100.0, "record-there")
    with Outlet(spec), pytest.raises(StreamNotFoundError, match=r"no stream of type ECG, PPG; .*there \(EEG\)"):
        run("record", "--all", "--require", "EEG,ECG,PPG", tmp_path / "out.xdf")
    assert not (tmp_path / "out.xdf").exists()
    with Outlet(spec), pytest.raises(StreamNotFoundError, match=r"no stream of type eeg; did you mean EEG\?"):
        run("record", "--require", "eeg", tmp_path / "out.xdf")
    with pytest.raises(ConfigError, match="--all, or --require"):
        run("record", tmp_path / "out.xdf")


def test_what_is_on_the_network_is_recorded_with_markers_and_beats(tmp_path):
    eeg = StreamSpec("brain", "EEG", [Channel("Cz")], 100.0, "record-eeg")
    beats = StreamSpec("beats", "RR", [Channel("RR", "misc")], 0.0, "record-rr")
    out = tmp_path / "out.xdf"
    with Outlet(eeg) as brain, Outlet(beats) as heart, MarkerOutlet("marks", "record-marks") as marks:
        from threading import Event, Thread

        ended = Event()

        def send():
            while not ended.wait(0.1):
                now = local_clock()
                brain.push(np.ones((1, 10)) * 1e-5, now - np.arange(10)[::-1] / 100)
                heart.push(np.full((1, 1), 0.8), np.array([now]))
                marks.push("tick", now)

        sender = Thread(target=send)
        sender.start()
        try:
            said = run("record", "--all", "--require", "EEG,RR,Markers", out, "--seconds", 2)
        finally:
            ended.set()
            sender.join()
    for words in ("brain", "beats", "marks", "streaming", "of 100", "now and then"):
        assert words in said
    recording = read_xdf(out, "01")
    assert recording.signals["eeg"].duration > 1
    counts = recording.events["trial_type"].value_counts()
    assert counts["tick"] > 5
    assert counts["beats"] > 5


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM")
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_a_recorder_in_the_background_of_a_script_ends_whole(tmp_path, lsl_session, way):
    out = tmp_path / "out.xdf"
    with Outlet(StreamSpec("bg", "EEG", [Channel("Cz")], 100.0, f"record-bg-{way}")) as outlet:
        # As a shell starts what has & behind it.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            recording = start(lsl_session, "record", "--require", "EEG", out)
        finally:
            signal.signal(signal.SIGINT, before)
        deadline = time.monotonic() + 60
        while not out.exists() or out.stat().st_size < 2000:
            assert time.monotonic() < deadline
            assert recording.poll() is None, recording.stdout.read()
            outlet.push(np.zeros((1, 10)), local_clock() + np.arange(10) / 100)
            time.sleep(0.05)
        recording.send_signal(way)
        said, _ = recording.communicate(timeout=30)
    assert recording.returncode == 0, said
    assert f"{out.name}:" in said.replace("\n", "")
    assert scan_xdf(out).problem is None
    assert read_xdf(out, "01").signals["eeg"].n_times > 10


def test_recording_ends_whole_when_the_disk_fills(tmp_path, monkeypatch):
    usage, free = namedtuple("usage", "total used free"), iter([900, 50, 50, 50, 50, 50])
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**12, 0, int(1e6 * next(free, 50))))
    out = tmp_path / "out.xdf"
    with Outlet(StreamSpec("full", "EEG", [Channel("Cz")], 100.0, "record-full")) as outlet:
        outlet.push(np.zeros((1, 1)), np.array([local_clock()]))
        with pytest.raises(StreamError, match=r"only 50 MB are free.*at least 200"):
            run("record", "--require", "EEG", out, "--seconds", 10, "--min-free-mb", 200)
    assert scan_xdf(out).problem is None


def test_what_is_within_reach_is_listed(monkeypatch):
    monkeypatch.setattr("affectbio.cli.stream._bluetooth", lambda _s, _c: [("AA:BB", "Muse-1234"), ("CC:DD", "")])
    with Outlet(StreamSpec("here", "EEG", [Channel("Cz")], 100.0, "scan-here")):
        said = run("scan", "--seconds", 0.1)
    for words in ("AA:BB", "Muse-1234", "muse-2", "scan-here", "here (EEG)"):
        assert words in said


FOUR = ("epoc-x", "muse-2", "polar-h10", "e4")


@pytest.mark.slow
def test_four_devices_recorded_at_once_killed_repaired_exported_and_opened_by_mne(tmp_path, lsl_session):
    out = tmp_path / "session.xdf"
    streaming = start(lsl_session, "stream", *(f"simulated/{name}" for name in FOUR), "--state", "stress", "--blink",
                      "--loss", "0.01", "--record", out)  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while (not out.exists() or out.stat().st_size < 250_000) and time.monotonic() < deadline:
            assert streaming.poll() is None, streaming.stdout.read()
            time.sleep(0.1)
    finally:
        os.kill(streaming.pid, signal.SIGKILL)
        streaming.wait()
        streaming.stdout.close()
    # A crash of the machine could also have torn the last chunk.
    with out.open("rb+") as file:
        file.truncate(out.stat().st_size - 7)
    assert "torn" in run("xdf", "info", out)
    repaired = tmp_path / "session_repaired.xdf"
    assert "footers added" in run("xdf", "repair", out)
    assert scan_xdf(repaired).problem is None
    recording = read_xdf(repaired, "01")
    devices = {about["name"].split(" ")[0] for about in recording.meta["streams"].values()}
    assert devices == {f"simulated-{name}" for name in FOUR}
    said = run("xdf", "export", repaired, "--to", "bdf", "--out", tmp_path / "s01")
    for name, signal_ in recording.signals.items():
        assert f"s01_{name}.bdf" in said.replace("\n", "")
        raw = mne.io.read_raw_bdf(tmp_path / f"s01_{name}.bdf", preload=True, verbose="error")
        assert raw.info["sfreq"] == pytest.approx(signal_.sfreq, rel=1e-6)
        if signal_.channels[0].kind == "eeg":
            known = mne.channels.get_builtin_montages()
            raw.set_montage("colin27_1005" if "colin27_1005" in known else "standard_1005")
            assert raw.ch_names == list(signal_.ch_names)
            got = raw.get_data()[:, : signal_.n_times]
            np.testing.assert_allclose(got, np.nan_to_num(signal_.data), atol=1e-9)
            assert 1e-6 < got.std() < 1e-3, "volts"
            assert "BAD_lost" in raw.annotations.description
            assert "streaming" in raw.annotations.description or "blink" in raw.annotations.description
    pytest.importorskip("mne_bids")
    run("xdf", "export", repaired, "--to", "bids", "--signal", "eeg", "--signal", "ecg", "--out", tmp_path / "set")
    assert list((tmp_path / "set").rglob("*_eeg.bdf"))
