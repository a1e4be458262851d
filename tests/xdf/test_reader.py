from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st

from affectbio.errors import DataError
from affectbio.xdf import XDFTruncatedWarning, XDFWriter, read_xdf, scan_xdf

SFREQ = 100.0


@pytest.fixture(scope="module")
def session(tmp_path_factory, header_xml) -> Path:
    """EEG with 10 of 500 samples lost, a quiet marker stream, a dial that turns now and then, an empty stream."""
    path = tmp_path_factory.mktemp("session") / "session.xdf"
    kept = np.delete(np.arange(500), np.r_[100:105, 300:305])
    with XDFWriter(path) as file:
        eeg = file.add_stream(header_xml(can_drop=True))
        marks = file.add_stream(
            header_xml(name="marks", lsl_type="Markers", n_chans=1, dtype="string", sfreq=0, labels=())
        )
        dial = file.add_stream(header_xml(name="dial", lsl_type="Rating", n_chans=1, sfreq=0, labels=()))
        file.add_stream(header_xml(name="off", lsl_type="PPG"))
        gaze = file.add_stream(header_xml(name="gaze", lsl_type="Gaze", sfreq=0))
        for part in np.array_split(kept, 20):
            file.write(eeg, np.column_stack([part, -part]), 1000.0 + part / SFREQ)
        file.write(marks, [["rest"], ["task"]], [1000.0, 1002.00005])
        file.write(dial, [[0.5]], [1001.123])
        file.write(gaze, [[1, 2]], [1001.0])
    return path


def test_losses_become_nan_in_place_and_shift_nothing(session: Path) -> None:
    recording = read_xdf(session, "01")
    eeg = recording.signals["eeg"]
    assert (eeg.sfreq, eeg.start, eeg.data.shape) == (SFREQ, 0.0, (2, 500))
    expected = 1e-6 * np.arange(500.0)
    expected[np.r_[100:105, 300:305]] = np.nan
    np.testing.assert_allclose(eeg.data, [expected, -expected], rtol=1e-7)
    assert recording.meta["streams"]["eeg"]["n_lost"] == 10
    assert recording.meta["lsl_start"] == 1000.0
    assert recording.meta["problem"] is None


def test_markers_become_events_until_the_next_of_their_stream(session: Path) -> None:
    events = read_xdf(session, "01").events
    assert events["trial_type"].tolist() == ["rest", "dial", "task"]
    np.testing.assert_allclose(events["onset"], [0.0, 1.123, 2.0], atol=1e-9)
    np.testing.assert_allclose(events["duration"], [2.0, 3.877, 3.0], atol=1e-9)
    assert events["value"].tolist()[1] == 0.5
    assert events["value"].isna().tolist() == [True, False, True]


def test_what_cannot_be_represented_is_named(session: Path) -> None:
    left_out = read_xdf(session, "01").meta["left_out"]
    assert [("'off'" in text, "'gaze'" in text) for text in left_out] == [(True, False), (False, True)]


def test_a_marker_on_a_sample_falls_into_its_windows_and_survives_mne(session: Path) -> None:
    recording = read_xdf(session, "01")
    assert recording.windows(1.0, 1.0).metadata["start"].tolist()[-1] == 4.0
    assert recording.to_raw().annotations.description.tolist().count("BAD_lost") == 2


@pytest.mark.parametrize("name", ["muselsl2_P002.xdf", "muselsl2_P032.xdf"])
def test_a_real_headband_agrees_with_pyxdf(xdf_data: Path, name: str) -> None:
    recording = read_xdf(xdf_data / name, "01")
    streams = {s["info"]["type"][0].lower(): s for s in pyxdf.load_xdf(str(xdf_data / name))[0]}
    to_si = {"eeg": 1e-6, "acc": 9.80665, "gyro": np.pi / 180, "ppg": 1.0}
    assert set(recording.signals) == {kind for kind, s in streams.items() if len(s["time_stamps"])}
    for kind, signal in recording.signals.items():
        np.testing.assert_allclose(signal.data, streams[kind]["time_series"].T * to_si[kind], rtol=1e-6)
        times = recording.meta["lsl_start"] + signal.times()
        # Half a sample: where the nominal rate is kept it may be off by that much at the end.
        np.testing.assert_allclose(times, streams[kind]["time_stamps"], atol=0.5 / signal.sfreq)
    assert recording.signals["eeg"].sfreq == 256.0
    assert recording.signals["acc"].sfreq == pytest.approx(51.83, abs=0.02)
    assert [c.kind for c in recording.signals["eeg"].channels] == ["eeg"] * 4 + ["misc"]
    assert 1e-6 < np.median(np.abs(recording.signals["eeg"].data)) < 1e-3


def test_the_empty_stream_of_a_real_headband_is_named(xdf_data: Path) -> None:
    assert any(
        "PPG" in text and "empty" in text for text in read_xdf(xdf_data / "muselsl2_P002.xdf", "01").meta["left_out"]
    )


def test_clocks_of_a_real_session_are_aligned_as_pyxdf_does(xdf_data: Path) -> None:
    path = xdf_data / "magicblink_emg_markers_test1.xdf"
    with pytest.raises(DataError, match=r"'ch1' of stream 'obci_eeg1'.*no unit"):
        read_xdf(path, "01")
    recording = read_xdf(path, "01", units={"EEG": "uV"})
    markers, eeg = pyxdf.load_xdf(str(path))[0]
    np.testing.assert_allclose(
        recording.events["onset"] + recording.meta["lsl_start"], markers["time_stamps"], atol=2.1e-4
    )
    assert recording.events["trial_type"].tolist() == [row[0] for row in markers["time_series"]]
    signal = recording.signals["eeg"]
    assert signal.sfreq == pytest.approx(eeg["info"]["effective_srate"])
    np.testing.assert_allclose(signal.data, eeg["time_series"].T * 1e-6, rtol=1e-6)
    assert {c.kind for c in signal.channels} == {"misc"}


def test_text_at_a_regular_rate_is_events_too(xdf_data: Path) -> None:
    recording = read_xdf(xdf_data / "xdfmod_minimal.xdf", "01", units={"EEG": "uV"})
    assert recording.events["trial_type"].tolist()[1:5] == ["Hello", "World", "from", "LSL"]
    assert recording.signals["eeg"].sfreq == 10.0


def test_second_stream_of_a_type_gets_a_number(tmp_path, header_xml) -> None:
    with XDFWriter(tmp_path / "x.xdf") as file:
        for name in ("a", "b", "c"):
            file.write(file.add_stream(header_xml(name=name)), np.zeros((10, 2)), np.arange(10) / SFREQ)
    meta = read_xdf(tmp_path / "x.xdf", "01").meta["streams"]
    assert {signal: about["name"] for signal, about in meta.items()} == {"eeg": "a", "eeg2": "b", "eeg3": "c"}


def test_stamps_too_jittered_to_find_losses_are_one_line_and_say_so(tmp_path, header_xml) -> None:
    rng = np.random.default_rng(0)
    stamps = 50.0 + np.sort(np.arange(1000) / SFREQ + rng.exponential(0.05, 1000))
    with XDFWriter(tmp_path / "x.xdf") as file:
        file.write(file.add_stream(header_xml(can_drop=True)), np.zeros((1000, 2)), stamps)
    recording = read_xdf(tmp_path / "x.xdf", "01")
    assert recording.signals["eeg"].n_times == 1000
    assert not np.isnan(recording.signals["eeg"].data).any()
    assert recording.signals["eeg"].sfreq == pytest.approx(SFREQ, rel=0.01)
    assert any("too jittered" in note for note in recording.meta["notes"])


def test_of_several_columns_of_text_the_first_is_kept_and_the_rest_is_named(tmp_path, header_xml) -> None:
    with XDFWriter(tmp_path / "x.xdf") as file:
        file.write(file.add_stream(header_xml()), np.zeros((100, 2)), np.arange(100) / SFREQ)
        file.write(file.add_stream(header_xml(name="marks", dtype="string", sfreq=0)), [["a", "b"]], [0.5])
    recording = read_xdf(tmp_path / "x.xdf", "01")
    assert recording.events["trial_type"].tolist() == ["a"]
    assert recording.meta["left_out"] == ("stream 'marks': all but the first of its 2 channels of text",)


def test_a_clock_that_jumps_by_weeks_is_refused_before_it_fills_the_memory(tmp_path, header_xml) -> None:
    stamps = np.arange(100) / SFREQ
    stamps[50:] += 1e7
    with XDFWriter(tmp_path / "x.xdf") as file:
        file.write(file.add_stream(header_xml(can_drop=True)), np.zeros((100, 2)), stamps)
    with pytest.raises(DataError, match="after sample 49; expected no gap of more than a day"):
        read_xdf(tmp_path / "x.xdf", "01")


def test_a_file_without_a_signal_says_what_is_there(tmp_path, header_xml) -> None:
    with XDFWriter(tmp_path / "x.xdf") as file:
        marks = file.add_stream(header_xml(name="marks", n_chans=1, dtype="string", sfreq=0, labels=()))
        file.write(marks, [["a"]], [0.0])
    with pytest.raises(DataError, match=r"no signal.*marks"):
        read_xdf(tmp_path / "x.xdf", "01")


def test_whole_chunks_with_nonsense_in_them_are_a_data_error(tmp_path) -> None:
    (tmp_path / "x.xdf").write_bytes(b"XDF:\x01\x05\x01\x00<a>")
    with pytest.raises(DataError, match="not XDF's"):
        read_xdf(tmp_path / "x.xdf", "01")


def test_a_stream_that_makes_no_sense_is_named_and_the_others_are_read(tmp_path, header_xml, caplog) -> None:
    """As in a file of xdf-rs: text of 0 channels beside a stream that is whole; XDFWriter would not make such a one."""
    xml = header_xml(name="void", n_chans=0, dtype="string", sfreq=0, labels=()).encode()
    nonsense = struct.pack("<BIHI", 4, 6 + len(xml), 2, 7) + xml
    samples = struct.pack("<BBHIBBBd", 1, 2 + 4 + 1 + 1 + 9, 3, 7, 1, 1, 8, 5.0)
    path = tmp_path / "x.xdf"
    with XDFWriter(path) as file:
        eeg = file.add_stream(header_xml())
        file.write(eeg, np.arange(20).reshape(10, 2), np.arange(10) / SFREQ)
    path.write_bytes(path.read_bytes() + nonsense + samples)
    assert scan_xdf(path).problem is None
    recording = read_xdf(path, "01")
    np.testing.assert_allclose(recording.signals["eeg"].data, 1e-6 * np.arange(20.0).reshape(10, 2).T)
    (left_out,) = recording.meta["left_out"]
    assert "'void'" in left_out
    assert "0 channels" in left_out
    assert caplog.records == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chunk_length_lie", "found: no stream; the file is not whole: chunk 1 at byte 64 of 75: its length of 2"),
        ("out_of_order_clock_offsets", "0 channels.*empty; the file is not whole: chunk 4 .*take 48 bytes"),
        ("out_of_order_sample_chunk", "0 channels.*'000000000'.*3 channels without a regular rate"),
    ],
)
@pytest.mark.filterwarnings("ignore::affectbio.xdf.XDFTruncatedWarning")
def test_files_that_other_readers_stumble_over_are_named_for_what_they_are(xdf_data, name, words, caplog) -> None:
    with pytest.raises(DataError, match=words):
        read_xdf(xdf_data / f"xdfrs_{name}.xdf", "01")
    assert caplog.records == []


def test_a_clock_that_was_set_or_never_measured_is_told_and_nothing_is_logged(tmp_path, header_xml, caplog) -> None:
    path = tmp_path / "x.xdf"
    with XDFWriter(path) as file:
        eeg = file.add_stream(header_xml())
        marks = file.add_stream(header_xml(name="marks", n_chans=1, dtype="string", sfreq=0, labels=()))
        for began, first in ((5000.0, 0), (10.0, 3000)):
            stamps = began + np.arange(3000) / SFREQ
            for at in np.arange(began, began + 30, 5.0):
                file.clock_offset(eeg, at, 7000.0 - began + first / SFREQ)
            file.write(eeg, np.column_stack([first + np.arange(3000)] * 2), stamps)
        file.write(marks, [["a"]], [7001.0])
    recording = read_xdf(path, "01")
    assert recording.signals["eeg"].n_times == pytest.approx(6000, abs=2)
    notes = " | ".join(recording.meta["notes"])
    assert "stream 'band': its clock was set anew before sample 3000" in notes
    assert "stream 'marks': its clock was never measured" in notes
    assert caplog.records == []


def test_damage_inside_a_chunk_is_told_and_not_logged(tmp_path, header_xml, caplog) -> None:
    path = tmp_path / "x.xdf"
    with XDFWriter(path, boundary_every_s=0.0) as file:
        eeg = file.add_stream(header_xml())
        file.write(eeg, np.zeros((10, 2)), np.arange(10) / SFREQ)
        file.write(eeg, np.zeros((10, 2)), np.arange(10, 20) / SFREQ)
    content = bytearray(path.read_bytes())
    # How wide the number of samples of the first chunk is.
    at = content.index(struct.pack("<HIBB", 3, 1, 1, 10)) + 6
    content[at] = 99
    path.write_bytes(bytes(content))
    recording = read_xdf(path, "01")
    assert recording.signals["eeg"].n_times == 10
    assert any("corruption" in note for note in recording.meta["notes"])
    assert caplog.records == []


@settings(max_examples=60)
@given(st.data())
def test_a_torn_file_is_read_as_far_as_it_is_whole(tmp_path_factory, session: Path, data) -> None:
    content = session.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path = tmp_path_factory.mktemp("torn") / "x.xdf"
    path.write_bytes(content[:cut])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            recording = read_xdf(path, "01")
        except DataError:
            return
    scan = scan_xdf(path)
    assert recording.meta["problem"] == scan.problem
    torn = [w for w in caught if w.category is XDFTruncatedWarning]
    assert [str(path) in str(w.message) and str(scan.problem) in str(w.message) for w in torn] == [True] * bool(
        scan.problem
    )
    # pyxdf on the whole part alone: not one sample fewer.
    path.write_bytes(content[: scan.n_bytes])
    eeg = recording.signals["eeg"].data
    assert (~np.isnan(eeg[0])).sum() == len(pyxdf.load_xdf(str(path))[0][0]["time_stamps"])
    np.testing.assert_allclose(eeg, read_xdf(session, "01").signals["eeg"].data[:, : eeg.shape[1]])
