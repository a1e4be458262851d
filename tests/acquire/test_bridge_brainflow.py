"""Boards of brainflow: a stand-in of it everywhere, and its synthetic and playback boards where it is installed."""

import asyncio
import sys
import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from affectbio.acquire import open_stream
from affectbio.acquire.bridge_brainflow import (
    BrainflowDecoder,
    BrainflowTransport,
    Layout,
    board_device,
    make_brainflow_driver,
)
from affectbio.acquire.driver import Backoff
from affectbio.devices import load_device
from affectbio.errors import ConfigError, MissingExtraError, StreamError
from tests.acquire.fakes.brainflow import fake_shim
from tests.acquire.fakes.sink import Gathered

# brainflow 5.23.0, board 0 and board 38, cut to what is read here.
CYTON = {
    "name": "Cyton",
    "num_rows": 24,
    "sampling_rate": 250,
    "package_num_channel": 0,
    "eeg_channels": list(range(1, 9)),
    "emg_channels": list(range(1, 9)),
    "eeg_names": "Fp1,Fp2,C3,C4,P7,P8,O1,O2",
    "accel_channels": [9, 10, 11],
}
MUSE = {
    0: {
        "name": "Muse2",
        "num_rows": 8,
        "sampling_rate": 256,
        "package_num_channel": 0,
        "eeg_channels": [1, 2, 3, 4],
        "eeg_names": "TP9,AF7,AF8,TP10",
    },
    1: {
        "name": "Muse2Aux",
        "num_rows": 9,
        "sampling_rate": 52,
        "package_num_channel": 0,
        "accel_channels": [1, 2, 3],
        "gyro_channels": [4, 5, 6],
    },
    2: {"name": "Muse2Anc", "num_rows": 6, "sampling_rate": 64, "package_num_channel": 0, "ppg_channels": [1, 2, 3]},
}


@pytest.fixture
def cyton(monkeypatch):
    shim = fake_shim({0: CYTON})
    monkeypatch.setitem(sys.modules, "brainflow.board_shim", shim)
    return shim


def samples(numbers):
    array = np.zeros((24, len(numbers)))
    array[0] = numbers
    array[1:9] = np.arange(len(numbers)) + 100 * np.arange(8)[:, None]
    array[9] = 1.0
    return array


async def until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_what_a_board_streams_is_read_from_its_descriptor():
    device, layouts = board_device(0, {0: CYTON}, load_device("openbci-cyton"))
    assert device.title == "OpenBCI Cyton, through brainflow"
    # The rows are offered as EMG as well: they are EEG.
    assert [(s.key, s.unit, s.clock, s.wrap) for s in device.streams] == [
        ("eeg", "uV", "counter", 256),
        ("acc", "g", "counter", 256),
    ]
    assert layouts["0"].streams == (("eeg", tuple(range(1, 9))), ("acc", (9, 10, 11)))

    device, layouts = board_device(38, MUSE, load_device("muse-2"))
    assert [(s.key, s.sfreq, s.packet, s.wrap) for s in device.streams] == [
        ("eeg", 256.0, 12, 65536),
        ("acc", 52.0, 3, 65536),
        ("gyro", 52.0, 3, 65536),
        # What its number counts is not known.
        ("ppg", 64.0, 1, None),
    ]
    assert layouts["2"].number == -1


def test_what_is_not_known_of_a_board_is_not_guessed():
    board = {**CYTON, "eeg_names": "1,2,3,4,5,6,7,8"}
    device, _ = board_device(99, {0: board})
    assert [(s.kind, s.lsl_type, s.unit, s.clock) for s in device.streams] == [
        ("misc", "EEG", "uV", "none"),
        ("misc", "ACC", "a.u.", "none"),
    ]
    with pytest.raises(ConfigError, match="streams nothing that affectbio knows"):
        board_device(99, {0: {"name": "x", "num_rows": 3, "sampling_rate": 1}})


def test_samples_that_share_a_number_are_one_packet_however_they_are_cut():
    numbers = np.repeat([7, 8, 10], 12)
    array = np.stack([numbers, np.arange(36.0)])
    for cuts in ([], [5], [1, 12, 20], list(range(1, 36))):
        decoder = BrainflowDecoder({"0": Layout(2, (("eeg", (1,)),), number=0, together=12)})
        parts = [array[:, a:b] for a, b in pairwise([0, *cuts, 36])]
        packets = [packet for part in parts for packet in decoder.feed(part.tobytes(), "0")]
        assert [packet.count for packet in packets] == [7, 8, 10]
        assert np.array_equal(np.concatenate([p.data[0] for p in packets]), np.arange(36))
        assert decoder.n_bad == 0


def test_a_packet_with_samples_missing_is_left_out_and_counted():
    numbers = np.r_[np.repeat(7, 9), np.repeat(8, 12)]
    decoder = BrainflowDecoder({"0": Layout(2, (("eeg", (1,)),), number=0, together=12)})
    packets = decoder.feed(np.stack([numbers, np.arange(21.0)]).tobytes(), "0")
    assert [packet.count for packet in packets] == [8]
    assert decoder.n_bad == 1
    assert decoder.feed(b"\0" * 9, "0") == decoder.feed(b"", "5") == []
    assert decoder.n_bad == 3


def test_losses_are_told_by_brainflows_number(cyton):
    sink = Gathered()

    async def session():
        driver = make_brainflow_driver("brainflow:openbci-cyton", [sink], address="/dev/ttyUSB0")
        job = asyncio.ensure_future(driver.run())
        cyton.BoardShim.waiting += [(0, samples([254, 255, 0, 3])), (0, samples([4, 5]))]
        await until(lambda: driver.counts[0].n_samples == 6)
        driver.stop()
        await job
        return driver

    driver = asyncio.run(session())
    assert [(c.n_samples, c.n_lost) for c in driver.counts] == [(6, 2), (6, 2)]
    data, stamps = sink.of(0)
    assert np.allclose(data[:, 0], 1e-4 * np.arange(8))
    assert np.allclose(sink.of(1)[0][0], 9.80665)
    assert (np.diff(stamps) > 0).all()
    ((board, params),) = cyton.BoardShim.opened
    assert (board, params.serial_port) == (0, "/dev/ttyUSB0")
    # One that does not answer is given up all the same.
    assert cyton.BoardShim.calls == ["prepare", "start", "stop", "release"]


def test_a_board_that_was_left_while_it_connected_is_given_up(cyton, monkeypatch):
    slow = cyton.BoardShim.prepare_session
    monkeypatch.setattr(cyton.BoardShim, "prepare_session", lambda self: (time.sleep(0.1), slow(self)))
    driver = make_brainflow_driver("brainflow:openbci-cyton", [], address="/dev/ttyUSB0")

    async def session():
        job = asyncio.ensure_future(driver.run())
        await until(lambda: cyton.BoardShim.opened)
        driver.stop()
        await job

    asyncio.run(session())
    assert cyton.BoardShim.calls == ["prepare", "start", "stop", "release"]


@pytest.mark.parametrize("refuse", ["prepare", "start"])
def test_a_board_that_is_not_there_is_told_in_words_and_tried_again(cyton, refuse):
    cyton.BoardShim.refuse = refuse
    sink = Gathered()

    async def session():
        driver = make_brainflow_driver("brainflow:0?serial_port=/dev/x", [sink], backoff=Backoff(0.01, 0.02))
        job = asyncio.ensure_future(driver.run())
        await until(lambda: sum("brainflow does not connect to OpenBCI Cyton" in word for word in sink.words) > 1)
        driver.stop()
        await job

    asyncio.run(session())
    assert cyton.BoardShim.calls.count("release") == (
        0 if refuse == "prepare" else cyton.BoardShim.calls.count("start")
    )


def test_a_board_that_breaks_off_is_connected_to_anew(cyton):
    sink = Gathered()

    async def session():
        driver = make_brainflow_driver("brainflow:openbci-cyton", [sink], backoff=Backoff(0.01, 0.02))
        job = asyncio.ensure_future(driver.run())
        await until(lambda: driver.n_connections == 1)
        cyton.BoardShim.broken = "BOARD_NOT_READY_ERROR:7"
        await until(lambda: any("brainflow lost OpenBCI Cyton" in word for word in sink.words))
        cyton.BoardShim.broken = ""
        await until(lambda: driver.n_connections == 2)
        driver.stop()
        await job

    asyncio.run(session())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brainflow:openbci-cytn", "did you mean 'openbci-cyton'"),
        ("brainflow:0?serial_prt=x", "did you mean 'serial_port'"),
        ("brainflow:0?ip_port=x", "ip_port is 'x'; expected a whole number"),
        ("brainflow:0?board=0", "only playback takes it"),
        ("brainflow:playback?board=0", "needs a file that brainflow wrote"),
        ("brainflow:playback?file=/nowhere.csv&board=0", "needs a file that brainflow wrote"),
    ],
)
def test_what_cannot_be_asked_for_says_so(cyton, text, said):
    with pytest.raises(ConfigError, match=said):
        open_stream(text)


def test_a_file_of_another_board_is_refused(cyton, tmp_path):
    path = tmp_path / "played.csv"
    path.write_text("\t".join("0" * 32) + "\n")
    with pytest.raises(ConfigError, match="32 columns and files of brainflow's board openbci-cyton have 24"):
        open_stream(f"brainflow:playback?file={path}&board=openbci-cyton")


def test_an_address_needs_a_profile_that_says_what_it_is(cyton):
    with pytest.raises(ConfigError, match="serial_port"):
        open_stream("brainflow:99", address="/dev/ttyUSB0")


def test_brainflow_is_told_by_brainflow():
    with pytest.raises(StreamError, match="told what to do by brainflow"):
        asyncio.run(BrainflowTransport(0, (0,), {}, "Cyton").write(b"b"))


def test_where_brainflow_is_missing_or_does_not_load_the_line_to_type_is_given(monkeypatch):
    monkeypatch.setitem(sys.modules, "brainflow.board_shim", None)
    with pytest.raises(MissingExtraError, match=r'pip install "affectbio\[brainflow\]"'):
        open_stream("brainflow:synthetic")

    def no_library(level):
        raise ModuleNotFoundError("No module named 'pkg_resources'")

    broken = SimpleNamespace(
        BoardShim=SimpleNamespace(set_log_level=no_library), LogLevels=SimpleNamespace(LEVEL_OFF=6)
    )
    monkeypatch.setitem(sys.modules, "brainflow.board_shim", broken)
    with pytest.raises(MissingExtraError, match="setuptools<82"):
        open_stream("brainflow:synthetic")


@pytest.fixture
def brainflow():
    """Give the real one, where it is."""
    from affectbio.acquire.bridge_brainflow import _board_shim

    pytest.importorskip("brainflow.board_shim")
    try:
        return _board_shim()
    except MissingExtraError as error:
        pytest.skip(str(error))


def read(text, n):
    """Read so many samples of EEG."""
    got, deadline = [], time.monotonic() + 20
    with open_stream(text) as reader:
        for chunk in reader:
            if chunk.stream.key == "eeg":
                got.append((chunk.data, chunk.stamps))
            if sum(len(t) for _, t in got) >= n:
                break
            assert time.monotonic() < deadline
        counts, device = reader.counts[0], reader.device
    data, stamps = (np.concatenate(parts, axis=-1) for parts in zip(*got, strict=True))
    return data[:, :n], stamps[:n], counts, device


def test_the_synthetic_board(brainflow):
    data, stamps, counts, device = read("brainflow:synthetic", 500)
    assert device.stream("eeg").channels == load_device("brainflow-synthetic").stream("eeg").channels
    assert counts.n_lost == 0
    assert 1e-6 < np.abs(data).max() < 2e-3, "volts"
    # Arrivals come in bursts of some milliseconds; the stamps do not.
    assert np.allclose(np.diff(stamps)[250:], 1 / 250, atol=5e-4)


def test_a_file_that_brainflow_wrote_is_played(brainflow, tmp_path):
    path = tmp_path / "written.csv"
    board = brainflow.BoardShim(-1, brainflow.BrainFlowInputParams())
    board.prepare_session()
    board.add_streamer(f"file://{path}:w")
    board.start_stream()
    time.sleep(2.0)
    board.stop_stream()
    board.release_session()
    written = np.loadtxt(path, delimiter="\t").T
    data, stamps, counts, _ = read(f"brainflow:playback?file={path}", 300)
    assert np.allclose(data, 1e-6 * written[1:17, :300], atol=1e-9)
    assert counts.n_lost == 0
    assert 1.0 < stamps[-1] - stamps[0] < 1.4
