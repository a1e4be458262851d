"""One door for every kind of file."""

from pathlib import Path

import numpy as np
import pytest

from affectbio._bundled import bundled
from affectbio.datasets import read_recording
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.types import Channel, Recording, Signal

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize(
    ("path", "signal", "n_chans"),
    [
        (bundled("eegmat") / "Subject00_1.edf", "eeg", 8),
        (DATA / "xdf" / "muselsl2_P032.xdf", "ppg", 3),
        (DATA / "e4" / "stress_predict_S05.zip", "eda", 1),
        (DATA / "eeg" / "openbci_gui_cyton.txt", "misc", 8),
        (DATA / "eeg" / "muselsl_p300.csv", "eeg", 4),
    ],
)
def test_a_kind_is_told_by_the_file(path, signal, n_chans):
    recording = read_recording(path, "07", session="02")
    assert recording.signal(signal).n_chans == n_chans
    assert (recording.subject, recording.session) == ("07", "02")


def test_a_fif_and_what_only_one_kind_takes(tmp_path):
    eeg = Signal(np.ones((1, 200)), 100.0, [Channel("Cz")])
    Recording({"eeg": eeg}, "01").to_raw().save(tmp_path / "a_raw.fif", verbose="error")
    assert read_recording(tmp_path / "a_raw.fif", "01").signal("eeg").n_times == 200
    with pytest.raises(DataError, match="units were given, but a file of kind fif has its own"):
        read_recording(tmp_path / "a_raw.fif", "01", units={"EEG": "uV"})
    with pytest.raises(DataError, match="names of channels were given, but a file of kind muse"):
        read_recording(DATA / "eeg" / "muselsl_p300.csv", "01", ch_names=["Cz"])
    names = ["Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"]
    named = read_recording(DATA / "eeg" / "openbci_gui_cyton.txt", "01", ch_names=names)
    assert named.signal("eeg").ch_names == tuple(names)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("x.mat", b"MATLAB", r"kind \.mat cannot be read; expected an XDF"),
        ("x", b"", "kind without a suffix"),
        ("x.csv", b"time;value\n", "begins with 'time;value'"),
        ("x.txt", b"# OpenSignals\n", "as the OpenBCI GUI writes"),
        ("x.zip", b"PK", "neither a folder nor a zip"),
        ("x.xdf", b"PK", "not an XDF file"),
    ],
)
def test_what_is_not_known_is_refused_in_words(tmp_path, name, content, match):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=match):
        read_recording(tmp_path / name, "01")


def test_what_is_not_there_and_half_of_a_brainvision_recording(tmp_path):
    with pytest.raises(DatasetLayoutError, match="no recording"):
        read_recording(tmp_path / "nobody.edf", "01")
    (tmp_path / "x.vhdr").touch()
    (tmp_path / "x.eeg").touch()
    with pytest.raises(DatasetLayoutError, match=r"give x\.vhdr"):
        read_recording(tmp_path / "x.eeg", "01")
