"""BIDS folders: an imitation, and what mne-bids writes."""

import json

import mne
import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import DATASETS, check_dataset, read_bids, synthesise
from affectbio.datasets.bids import BIDS
from affectbio.datasets.imitation.bids import samples
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.types import Channel, Recording, Signal
from affectbio.xdf import export_recording

_STEP = 400e-6 / 65535


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("bids", tmp_path_factory.mktemp("bids"), n_subjects=2, sessions=True)


@pytest.fixture
def copy(tmp_path):
    return synthesise("bids", tmp_path, n_subjects=1)


def test_every_session_has_the_samples_that_were_written(root):
    recordings = read_bids(root)
    assert [(r.subject, r.session) for r in recordings] == [("01", "1"), ("01", "2"), ("02", "1"), ("02", "2")]
    for recording in recordings:
        written = samples(int(recording.subject) - 1, 10, seed=int(recording.session == "2")) * 1e-6
        np.testing.assert_allclose(recording.signal("eeg").data, written[:4], atol=_STEP)
        np.testing.assert_allclose(recording.signal("eog").data, written[4:5], atol=_STEP)
        np.testing.assert_allclose(recording.signal("ecg").data, written[5:], atol=_STEP)
        assert recording.signal("eeg").ch_names == ("Fz", "Cz", "Pz", "Oz")


def test_tables_above_and_beside_are_read(root):
    recording = next(BIDS(root).recordings(["02"]))
    assert recording.events.columns.tolist() == ["onset", "duration", "trial_type", "stimulus", "valence", "trial"]
    assert recording.events["trial"].tolist() == ["clips-001", "clips-002"]
    assert recording.events["stimulus"].tolist() == ["clip-a", "clip-b"]
    assert recording.events["valence"].isna().tolist() == [False, True]
    assert recording.meta["bads"] == ("Oz",)
    assert recording.meta["participant"] == {"age": 21}
    assert recording.meta["sidecar"] == {"PowerLineFrequency": 50}
    assert (recording.meta["task"], recording.consent.source) == ("clips", "dataset_description.json: CC0")
    breath = recording.signal("resp")
    assert (breath.sfreq, breath.channels[0].kind, np.isnan(breath.data[0, 0])) == (4.0, "resp", True)
    np.testing.assert_allclose(breath.data[0, 1:], np.sin(np.arange(1, 40) / 4), atol=1e-6)


def test_the_nearest_table_wins(copy):
    events = copy / "sub-01" / "eeg" / "sub-01_task-clips_events.tsv"
    (copy / "task-clips_events.tsv").write_text("onset\tduration\ttrial_type\n0\t1\tfar\n")
    assert next(BIDS(copy).recordings()).events["trial_type"].tolist() == ["calm", "fear"]
    events.unlink()
    assert next(BIDS(copy).recordings()).events["trial_type"].tolist() == ["far"]
    (copy / "task-clips_events.tsv").rename(copy / "task-other_events.tsv")
    assert next(BIDS(copy).recordings()).events.empty


def test_what_we_export_comes_back(tmp_path):
    pytest.importorskip("mne_bids")
    rng = np.random.default_rng(0)
    eeg = Signal(1e-5 * rng.standard_normal((3, 512)), 128.0, [Channel(n) for n in ("Fz", "Cz", "Pz")])
    belt = Signal(rng.standard_normal((1, 40)), 10.0, [Channel("belt", "resp")], 0.5)
    events = pd.DataFrame({"onset": [1.0], "duration": [2.0], "trial_type": ["calm"]})
    export_recording(Recording({"eeg": eeg, "resp": belt}, "07", events=events), tmp_path / "set", "bids")
    [read] = read_bids(tmp_path / "set", task="recording")
    assert (read.subject, read.session) == ("07", "01")
    np.testing.assert_allclose(read.signal("eeg").data, eeg.data, atol=1e-9)
    np.testing.assert_allclose(read.signal("resp").data, belt.data, rtol=1e-8)
    assert read.signal("resp").start == 0.5
    assert read.events[["onset", "duration", "trial_type"]].values.tolist() == [[1.0, 2.0, "calm"]]
    mne_bids = pytest.importorskip("mne_bids")
    path = mne_bids.BIDSPath(subject="07", session="01", task="recording", root=tmp_path / "set", datatype="eeg")
    raw = mne_bids.read_raw_bids(path, verbose="error")
    np.testing.assert_allclose(read.signal("eeg").data, raw.get_data(), atol=1e-12)


def test_values_stand_for_types_that_are_not_given(copy):
    events = copy / "sub-01" / "eeg" / "sub-01_task-clips_events.tsv"
    events.write_text("onset\tduration\tvalue\n0.5\tn/a\t7\n")
    [event] = next(BIDS(copy).recordings()).events.to_dict("records")
    assert (event["trial_type"], np.isnan(event["duration"])) == ("7", True)


def test_runs_of_a_session_do_not_share_trials_unless_the_tables_say_so(copy):
    folder = copy / "sub-01" / "eeg"
    for path in sorted(folder.iterdir()):
        for run in ("1", "2"):
            new = path.with_name(path.name.replace("task-clips", f"task-clips_run-{run}"))
            new.write_bytes(path.read_bytes())
        path.unlink()
    trials = [trial for recording in read_bids(copy) for trial in recording.events["trial"]]
    assert trials == ["clips-1-001", "clips-1-002", "clips-2-001", "clips-2-002"]
    (folder / "sub-01_task-clips_run-1_events.tsv").write_text("onset\tduration\ttrial_type\ttrial\n0\t1\tx\t7\n")
    assert read_bids(copy)[0].events["trial"].tolist() == ["7"]


def test_an_electrode_of_no_known_place_is_told_of(copy):
    edf = copy / "sub-01" / "eeg" / "sub-01_task-clips_eeg.edf"
    raw = mne.io.read_raw_edf(edf, preload=True, verbose="error")
    edf.write_bytes(edf.read_bytes().replace(b"Pz ", b"E17", 1))
    table = copy / "task-clips_channels.tsv"
    table.write_text(table.read_text().replace("Pz", "E17"))
    recording = next(BIDS(copy).recordings())
    assert recording.signal("eeg").ch_names == ("Fz", "Cz", "Oz")
    np.testing.assert_array_equal(recording.signal("misc").data[0], raw.get_data()[2])
    assert recording.meta["missing"] == ("place of E17: it has no 10-05 name",)


def test_only_the_task_that_is_asked_for(copy):
    with pytest.raises(DatasetLayoutError, match=r"no sub-\*/eeg/\*_eeg .* of the task 'rest' in .*expected a copy"):
        BIDS(copy, task="rest").subjects()


def test_check_counts_the_participants(tmp_path):
    report = check_dataset(BIDS(synthesise("bids", tmp_path / "one", absent_subject=True)))
    assert report.problems["what"].tolist() == [f"2 of 3 people are here. {BIDS.facts.access}"]
    report = check_dataset(BIDS(synthesise("bids", tmp_path / "two")))
    assert report.is_complete
    assert report.people["n_trials"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("sub-01/eeg/sub-01_task-clips_eeg.edf", lambda b: b[:300], "MNE cannot read it"),
        ("sub-01/eeg/sub-01_task-clips_events.tsv", lambda b: b.replace(b"onset", b"start"), "no column 'onset'"),
        (
            "sub-01/eeg/sub-01_task-clips_events.tsv",
            lambda b: b.replace(b"0.0\t", b"soon\t"),
            "onset: expected seconds",
        ),
        ("task-clips_channels.tsv", lambda b: b.replace(b"type", b"kind"), "no column 'type'"),
        ("task-clips_eeg.json", lambda b: b[:5], "expected JSON"),
        ("participants.tsv", lambda b: b.replace(b"participant_id", b"who"), "no column 'participant_id'"),
        ("sub-01/eeg/sub-01_task-clips_recording-resp_physio.tsv.gz", lambda b: b[:20], "expected a table of numbers"),
        (
            "sub-01/eeg/sub-01_task-clips_recording-resp_physio.json",
            lambda b: json.dumps({"Columns": ["a"]}).encode(),
            "its JSON file must say SamplingFrequency",
        ),
    ],
)
def test_a_damaged_file_is_named(copy, file, change, message):
    path = copy / file
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        next(BIDS(copy).recordings())


def test_a_folder_of_something_else_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of a BIDS folder\. Many are free"):
            DATASETS.get("bids")(root).subjects()
