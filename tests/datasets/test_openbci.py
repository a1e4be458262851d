"""Files of the OpenBCI GUI: a real one read by hand beside, and every version's layout."""

from pathlib import Path

import numpy as np
import pytest

from affectbio.datasets import read_openbci
from affectbio.errors import DataError

REAL = Path(__file__).parents[1] / "data" / "eeg" / "openbci_gui_cyton.txt"
MONTAGE = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
HEAD = "%OpenBCI Raw EXG Data\n%Number of channels = 2\n%Sample Rate = 250 Hz\n%Board = OpenBCI_GUI$BoardCytonSerial\n"
NAMES = "Sample Index, EXG Channel 0, EXG Channel 1, Accel Channel 0, Accel Channel 1, Accel Channel 2, Timestamp, Marker Channel, Timestamp (Formatted)\n"  # noqa: E501


def written(path, rows, head=HEAD, names=NAMES):
    path.write_text(head + names + "".join(rows))
    return path


def row(index, value=1.0, at=1_557_936_053.0, marker=0, acc=(0.0, 0.0, 1.0)):
    x, y, z = acc
    return f"{index % 256}, {value:.2f}, {-value:.2f}, {x:.3f}, {y:.3f}, {z:.3f}, {at:.6f}, {marker}, 12:00:53.329\n"


def test_a_real_file_is_read_in_si_units_with_nothing_lost_or_moved():
    recording = read_openbci(REAL, "01", ch_names=MONTAGE)
    eeg, acc = recording.signal("eeg"), recording.signal("acc")
    cells = [line.split(",") for line in REAL.read_text().splitlines()[5:]]
    np.testing.assert_allclose(eeg.data, 1e-6 * np.array([c[1:9] for c in cells], float).T, rtol=1e-12)
    np.testing.assert_allclose(acc.data, 9.80665 * np.array([c[9:12] for c in cells], float).T, rtol=1e-12)
    assert (eeg.sfreq, eeg.ch_names, eeg.start) == (250.0, MONTAGE, 0.0)
    # A head that holds still weighs 1 g.
    assert np.linalg.norm(acc.data[:, 0]) == pytest.approx(9.8, rel=0.6)
    assert recording.meta["unix_start"] == pytest.approx(1557936053.329)
    assert recording.meta["measured_sfreq"] == pytest.approx(250, rel=0.01)
    assert (recording.meta["problem"], len(recording.events)) == (None, 0)


def test_without_names_no_place_on_the_head_is_invented():
    recording = read_openbci(REAL, "01")
    assert [c.kind for c in recording.signal("misc").channels] == ["misc"] * 8
    assert recording.signal("misc").ch_names[:2] == ("EXG 1", "EXG 2")
    assert {c.unit for c in recording.signal("misc").channels} == {"V"}


def test_names_say_what_a_channel_measures(tmp_path):
    path = written(tmp_path / "x.txt", [row(i) for i in range(9)])
    recording = read_openbci(path, "01", ch_names=["T3", "EMG jaw"])
    assert recording.signal("eeg").ch_names == ("T7",)
    assert recording.signal("emg").ch_names == ("EMG jaw",)
    with pytest.raises(DataError, match="3 names for its 2 channels"):
        read_openbci(path, "01", ch_names=["C3", "C4", "Cz"])


def test_what_the_counter_skips_is_lost_over_its_wrap_and_beyond_it(tmp_path):
    kept = np.delete(np.arange(2000), np.r_[250:262, 600:1300])
    rows = [row(i, value=i % 977, at=1e9 + i / 250) for i in kept.tolist()]
    eeg = read_openbci(written(tmp_path / "x.txt", rows), "01", ch_names=["C3", "C4"]).signal("eeg")
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(eeg.data[0])), kept)
    np.testing.assert_allclose(1e6 * eeg.data[0, kept], kept % 977)


def test_a_daisy_counts_every_second_packet(tmp_path):
    head = HEAD.replace("CytonSerial", "CytonSerialDaisy").replace("250 Hz", "125 Hz")
    kept = np.delete(np.arange(400), [70, 71])
    rows = [row(2 * i, at=1e9 + i / 125) for i in kept.tolist()]
    eeg = read_openbci(written(tmp_path / "x.txt", rows, head), "01", ch_names=["C3", "C4"]).signal("eeg")
    assert (eeg.sfreq, eeg.n_times) == (125.0, 400)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(eeg.data[0])), [70, 71])


def test_a_ganglion_shows_only_long_gaps_and_says_so(tmp_path):
    head = HEAD.replace("CytonSerial", "GanglionBLE").replace("250 Hz", "200 Hz")
    kept = np.delete(np.arange(2000), np.r_[1000:1500])
    # Its counter stands still for two samples, and they come in bursts.
    rows = [row(i // 2 % 100, at=1e9 + np.ceil(i / 40) * 0.2) for i in kept.tolist()]
    recording = read_openbci(written(tmp_path / "x.txt", rows, head), "01", ch_names=["C3", "C4"])
    lost = np.flatnonzero(np.isnan(recording.signal("eeg").data[0]))
    assert lost[0] == pytest.approx(1000, abs=45)
    assert len(lost) == pytest.approx(500, abs=45)
    assert "only where nothing came" in recording.meta["notes"][0]


def test_markers_last_until_the_next_and_rest_of_the_accelerometer_is_not_zero(tmp_path):
    rows = [row(i, marker={50: 1, 150: 2}.get(i, 0), acc=(0, 0, 1) if i % 10 == 0 else (0, 0, 0)) for i in range(250)]
    recording = read_openbci(written(tmp_path / "x.txt", rows), "01")
    assert recording.events[["onset", "duration", "trial_type"]].to_numpy().tolist() == [
        [pytest.approx(0.2), pytest.approx(0.4), "1"],
        [pytest.approx(0.6), pytest.approx(0.4), "2"],
    ]
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(recording.signal("acc").data[2])), np.arange(0, 250, 10))


@pytest.mark.parametrize("stamps", ["", ", 15:31:23.878", ", 15:31:23.878, 1526849483878"])
def test_versions_before_5_have_no_names_of_columns(tmp_path, stamps):
    head = (
        "%OpenBCI Raw EEG Data\n%\n%Sample Rate = 250.0 Hz\n%First Column = SampleIndex\n%Last Column = Timestamp\n"
        "%Other Columns = EEG data in microvolts followed by Accel Data (in G) interleaved with Aux Data\n"
    )
    rows = [f"{i % 256}, 1490.73, {i}.00, -26666.30, -46033.86, -0.026, 0.468, -0.062{stamps}\n" for i in range(600)]
    recording = read_openbci(written(tmp_path / "x.txt", rows, head, ""), "01", ch_names=["C3", "C4", "P3", "P4"])
    np.testing.assert_allclose(1e6 * recording.signal("eeg").data[1], np.arange(600))
    np.testing.assert_allclose(recording.signal("acc").data[:, 0], 9.80665 * np.array([-0.026, 0.468, -0.062]))
    assert recording.meta["unix_start"] == (1526849483.878 if stamps.count(",") == 2 else None)


def test_a_line_without_an_end_is_left_out_and_told(tmp_path):
    path = written(tmp_path / "x.txt", [*(row(i) for i in range(10)), "10, 1.0"])
    recording = read_openbci(path, "01")
    assert recording.signal("misc").n_times == 10
    assert "7 bytes were left out" in recording.meta["problem"]


@pytest.mark.parametrize("board", ["CytonSerial", "GanglionBLE"])
def test_a_clock_that_was_set_does_not_fill_the_memory(tmp_path, board):
    rows = [row(i, at=(3.0 if i < 50 else 1.7e9) + i / 250) for i in range(100)]
    path = written(tmp_path / "x.txt", rows, HEAD.replace("CytonSerial", board))
    with pytest.raises(DataError, match=r"x\.txt: .*more than a day"):
        read_openbci(path, "01")


def test_lines_of_windows_and_an_empty_one(tmp_path):
    path = written(tmp_path / "x.txt", [row(0), row(1), "\n", row(3)])
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    eeg = read_openbci(path, "01", ch_names=["C3", "C4"]).signal("eeg")
    np.testing.assert_array_equal(np.isnan(eeg.data[0]), [False, False, True, False])


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "not a file of the OpenBCI GUI"),
        ("1,2,3\n", "not a file of the OpenBCI GUI"),
        (HEAD + NAMES, "no columns of numbers"),
        (
            HEAD + NAMES + row(0) + row(1).replace("1.00", "oops", 1),
            "line 7, column 2: expected a number, found 'oops'",
        ),
        (HEAD.replace("250 Hz", "fast") + NAMES + row(0), "Sample Rate"),
        (HEAD + "Sample Index, Other\n0, 1\n", "no column is called 'EXG Channel"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, content, match):
    (tmp_path / "x.txt").write_text(content)
    with pytest.raises(DataError, match=match):
        read_openbci(tmp_path / "x.txt", "01")
