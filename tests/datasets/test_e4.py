"""Sessions of the wristband: a real one, as zip and as folder, and damaged ones."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from affectbio.datasets.e4 import read_e4
from affectbio.errors import DataError, DatasetLayoutError

ZIP = Path(__file__).parents[1] / "data" / "e4" / "stress_predict_S05.zip"


@pytest.fixture
def folder(tmp_path):
    with zipfile.ZipFile(ZIP) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def test_a_real_session_in_si_units():
    recording = read_e4(ZIP, "05", session="stroop")
    about = {
        name: (s.sfreq, s.n_chans, s.duration, s.start, s.channels[0].kind) for name, s in recording.signals.items()
    }
    assert about == {
        "acc": (32.0, 3, 180.0, 0.0, "acc"),
        "ppg": (64.0, 1, 180.0, 0.0, "ppg"),
        "eda": (4.0, 1, 180.0, 0.0, "gsr"),
        "temperature": (4.0, 1, 180.0, 0.0, "temperature"),
        "hr_bpm": (1.0, 1, 180.0, 0.0, "misc"),
    }
    # A wrist that hardly moves feels gravity; skin has microsiemens.
    assert np.linalg.norm(recording.signal("acc").data, axis=0).mean() == pytest.approx(9.81, rel=0.05)
    assert 1e-7 < np.median(recording.signal("eda").data) < 2e-5
    assert 25 < np.median(recording.signal("temperature").data) < 37
    assert recording.events.to_dict("records") == [{"onset": 164.0, "duration": 0.0, "trial_type": "tag"}]
    assert (recording.subject, recording.session, recording.device) == ("05", "stroop", "empatica-e4")
    assert recording.meta["unix_start"] == 1644829925 + 510
    beats, rr = recording.meta["rr_s"].T
    assert ((beats > 0) & (beats < 180)).all()
    assert 60 / np.median(rr) == pytest.approx(np.median(recording.signal("hr_bpm").data), rel=0.1)


def test_folder_and_zipped_folder_read_the_same(folder, tmp_path):
    zipped = tmp_path / "again.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for path in folder.glob("*.csv"):
            archive.write(path, f"session 1/{path.name}")
            archive.writestr(f"__MACOSX/session 1/._{path.name}", "junk")
            archive.writestr(f"__MACOSX/session 1/{path.name}", "junk")
    expected = read_e4(ZIP, "05")
    for found in (read_e4(folder, "05"), read_e4(zipped, "05")):
        for name, signal in expected.signals.items():
            np.testing.assert_array_equal(found.signal(name).data, signal.data)


def test_two_sessions_in_a_zip_are_not_mixed(folder, tmp_path):
    zipped = tmp_path / "two.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for name in ("ACC.csv", "EDA.csv"):
            archive.write(folder / name, f"monday/{name}")
            archive.write(folder / name, f"tuesday/{name}")
    with pytest.raises(DatasetLayoutError, match=r"files of 2 sessions, in monday, tuesday; expected one"):
        read_e4(zipped, "05")


def test_files_that_a_spreadsheet_saved_again_read_the_same(folder):
    for name in ("EDA.csv", "IBI.csv", "tags.csv"):
        text = (folder / name).read_text()
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    expected, found = read_e4(ZIP, "05"), read_e4(folder, "05")
    np.testing.assert_array_equal(found.signal("eda").data, expected.signal("eda").data)
    np.testing.assert_array_equal(found.meta["rr_s"], expected.meta["rr_s"])


def test_sensors_that_begin_later_keep_their_place(folder):
    lines = (folder / "TEMP.csv").read_text().splitlines()
    (folder / "TEMP.csv").write_text("\n".join(["1644830440.5", *lines[1:]]))
    recording = read_e4(folder, "05")
    assert recording.signal("temperature").start == 5.5
    assert recording.signal("eda").start == 0.0


def test_what_is_missing_or_empty_is_left_out(folder):
    (folder / "tags.csv").write_text("")
    (folder / "IBI.csv").write_text("")
    (folder / "HR.csv").write_text("1644830435.0\n1.0\n")
    (folder / "TEMP.csv").unlink()
    recording = read_e4(folder, "05")
    assert sorted(recording.signals) == ["acc", "eda", "ppg"]
    assert len(recording.events) == 0
    assert recording.meta["rr_s"].shape == (0, 2)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("EDA.csv", "1644830435.0\n4.0\n0.1\n0.2;0.3\n", "EDA.csv: expected numbers, 1 in a row; .*0.2;0.3"),
        ("ACC.csv", "1644830435,1644830435\n32,32\n1,2\n", "ACC.csv: expected 3 numbers in a row; found 2"),
        ("BVP.csv", "1644830435\n0\n1\n", "BVP.csv: expected Unix seconds in row 1 and a rate in Hz in row 2"),
        ("IBI.csv", "start, IBI\n1,2\n", "IBI.csv: expected Unix seconds in row 1; found b'start, IBI'"),
    ],
)
def test_a_damaged_file_is_named(folder, file, content, words):
    (folder / file).write_text(content)
    with pytest.raises(DataError, match=words):
        read_e4(folder, "05")


def test_what_is_no_session_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetLayoutError, match=r"holds none of ACC.csv.*found notes.txt"):
        read_e4(tmp_path, "05")
    with pytest.raises(DatasetLayoutError, match="neither a folder nor a zip"):
        read_e4(tmp_path / "notes.txt", "05")


def test_a_zip_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("affectbio.datasets.e4._LARGEST_BYTES", 1000)
    with pytest.raises(DataError, match="would unpack to"):
        read_e4(ZIP, "05")
