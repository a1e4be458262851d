"""FIF and BrainVision: what MNE wrote, or a recorder would, comes back in SI units with places and events."""

import mne
import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import read_brainvision, read_fif
from affectbio.errors import DataError
from affectbio.types import Channel, Recording, Signal

HEADER = """Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
Codepage=UTF-8
DataFile=x.eeg
MarkerFile=x.vmrk
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels=3
SamplingInterval=4000
[Binary Infos]
BinaryFormat=INT_16
[Channel Infos]
Ch1=T3,,0.5,µV
Ch2=Cz,,0.1,µV
Ch3=GSR,,0.01,µS
"""
MARKERS = """Brain Vision Data Exchange Marker File, Version 1.0
[Common Infos]
Codepage=UTF-8
DataFile=x.eeg
[Marker Infos]
Mk1=New Segment,,1,1,0
Mk2=Stimulus,S  1,251,1,0
Mk3=Stimulus,S  2,501,1,0
"""


@pytest.fixture
def brainvision(tmp_path):
    data = np.arange(3000, dtype="<i2").reshape(1000, 3)
    (tmp_path / "x.eeg").write_bytes(data.tobytes())
    (tmp_path / "x.vhdr").write_text(HEADER, encoding="utf-8")
    (tmp_path / "x.vmrk").write_text(MARKERS, encoding="utf-8")
    return tmp_path / "x.vhdr", data.T.astype(float)


def test_a_brainvision_recording_in_si_units_with_its_markers(brainvision):
    path, data = brainvision
    recording = read_brainvision(path, "01")
    eeg = recording.signal("eeg")
    assert (eeg.sfreq, eeg.ch_names) == (250.0, ("T7", "Cz"))
    np.testing.assert_allclose(eeg.data, data[:2] * [[0.5e-6], [0.1e-6]])
    stimuli = recording.events[recording.events["trial_type"].str.startswith("Stimulus")]
    assert stimuli["trial_type"].tolist() == ["Stimulus/S  1", "Stimulus/S  2"]
    np.testing.assert_allclose(stimuli["onset"], [1.0, 2.0])


def test_a_part_that_is_missing_is_named(brainvision):
    path, _ = brainvision
    path.with_suffix(".eeg").unlink()
    with pytest.raises(DataError, match=r"x\.vhdr: MNE cannot read it.*x\.eeg"):
        read_brainvision(path, "01")


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x00" * 1000])
@pytest.mark.parametrize(("read", "name"), [(read_fif, "x_raw.fif"), (read_brainvision, "x.vhdr")])
def test_what_is_no_such_file_is_refused(tmp_path, read, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="MNE cannot read it"):
        read(tmp_path / name, "01")


def test_a_recording_comes_back_from_fif(tmp_path):
    data = 1e-5 * np.random.default_rng(0).standard_normal((2, 1000))
    data[:, 200:220] = np.nan
    events = pd.DataFrame({"onset": [1.0, 5.0], "duration": [4.0, 3.0], "trial_type": ["calm", "tense"]})
    channels = [Channel("Fz"), Channel("E7", position=(0.01, 0.02, 0.09))]
    Recording({"eeg": Signal(data, 100.0, channels)}, "01", events).to_raw().save(
        tmp_path / "x_raw.fif", fmt="double", verbose="error"
    )
    back = read_fif(tmp_path / "x_raw.fif", "02", session="03")
    np.testing.assert_allclose(back.signal("eeg").data, data, rtol=1e-12)
    np.testing.assert_allclose(back.signal("eeg").channels[1].position, (0.01, 0.02, 0.09), atol=1e-7)
    np.testing.assert_allclose(back.events[["onset", "duration"]].to_numpy(), [[1, 4], [5, 3]], atol=1e-6)
    assert back.events["trial_type"].tolist() == ["calm", "tense"]
    assert (back.subject, back.session) == ("02", "03")


def test_a_fif_of_other_programs_kinds_triggers_and_what_has_no_place(tmp_path):
    names = ["Fz", "E17", "Pulse", "skin", "MEG0111", "STI 014"]
    raw = mne.io.RawArray(
        1e-6 * np.random.default_rng(0).standard_normal((6, 500)),
        mne.create_info(names, 100.0, ["eeg", "eeg", "ecg", "gsr", "mag", "stim"]),
        first_samp=300,
        verbose="error",
    )
    raw._data[5] = 0
    raw._data[5, [100, 250]] = [3, 7]
    raw.info["bads"] = ["skin"]
    raw.save(tmp_path / "x_raw.fif", verbose="error")
    recording = read_fif(tmp_path / "x_raw.fif", "01")
    assert {name: signal.ch_names for name, signal in recording.signals.items()} == {
        "eeg": ("Fz",),
        "misc": ("E17",),
        "ecg": ("Pulse",),
        "gsr": ("skin",),
    }
    assert recording.events[["onset", "trial_type"]].to_numpy().tolist() == [[1.0, "3"], [2.5, "7"]]
    assert recording.meta["bads"] == ("skin",)
    assert recording.meta["left_out"] == ("channel 'MEG0111' (mag)", "channel 'STI 014' (stim)")
