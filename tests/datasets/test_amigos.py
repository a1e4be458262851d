"""AMIGOS, read through an imitation of its pre-processed MAT files."""

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets.amigos import AMIGOS
from affectbio.datasets.imitation.amigos import VIDEO_IDS, ratings, samples
from affectbio.errors import DataError, DatasetLayoutError

_ODD = {"missing_long": True, "lost_samples": 40, "unrated_video": 2, "surplus_bytes": 64, "in_folders": True}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("amigos", tmp_path_factory.mktemp("amigos"), n_subjects=2, seconds=6)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    return synthesise("amigos", tmp_path_factory.mktemp("amigos"), n_subjects=1, seconds=6, **_ODD)


@pytest.fixture
def one(root, tmp_path):
    """Give the variables of the first person, and how to write them where they are read."""
    content = {k: v for k, v in loadmat(root / "Data_Preprocessed_P01.mat").items() if not k.startswith("__")}

    def write():
        savemat(tmp_path / "Data_Preprocessed_P01.mat", content)
        return AMIGOS(tmp_path)

    return content, write


def test_videos_come_in_the_order_of_the_file_with_their_ratings(root):
    data = AMIGOS(root)
    assert data.subjects() == ["P01", "P02"]
    recordings = list(data.recordings(["P02"]))
    file = loadmat(root / "Data_Preprocessed_P02.mat")
    assert len(recordings) == 20
    for video, recording in enumerate(recordings):
        written = samples(1, video, seconds=6)
        assert np.array_equal(file["joined_data"][0, video], written)
        assert file["VideoIDs"][0, video].item() == VIDEO_IDS[video]
        np.testing.assert_array_equal(recording.signal("eeg").data, written[:, :14].T * 1e-6)
        np.testing.assert_array_equal(recording.signal("ecg").data, written[:, 14:16].T)
        np.testing.assert_array_equal(recording.signal("eda").data, written[:, 16:].T)
        assert {signal.sfreq for signal in recording.signals.values()} == {128.0}
        baseline, stimulus = recording.events.to_dict("records")
        for event in (baseline, stimulus):
            assert (event["trial"], event["stimulus"]) == (f"{video + 1:02d}", VIDEO_IDS[video])
        assert (baseline["trial_type"], baseline["onset"], baseline["duration"]) == ("baseline", 0.0, 5.0)
        assert (stimulus["trial_type"], stimulus["onset"], stimulus["duration"]) == ("stimulus", 5.0, 1.0 + video)
        said = ratings(1, video)[0].tolist()
        # Arousal comes first in the file.
        assert [stimulus[name] for name in ("arousal", "valence", "familiarity", "neutral", "sadness")] == [
            said[0], said[1], said[4], said[5], said[11],
        ]  # fmt: skip
        assert np.isnan(baseline["arousal"])
        assert recording.session == ("short" if video < 16 else "long")
        assert recording.meta["missing"] == ()
    assert recordings[0].signal("eeg").ch_names[:4] == ("AF3", "F7", "F3", "FC5")
    np.testing.assert_array_equal(recordings[19].meta["external"], [[1.0, 0.01, -0.01]])


def test_what_is_not_there_is_told_of_and_lost_samples_stay_lost(odd):
    recordings = list(AMIGOS(odd).recordings())
    assert [r.events["trial"][0] for r in recordings] == [f"{n:02d}" for n in range(1, 17)]
    assert {r.meta["missing"] for r in recordings} == {
        (
            "trial 02: 40 of 896 samples of ecg are lost",
            "trial 03: no ratings",
            *(f"trial {n}: no samples" for n in range(17, 21)),
        )
    }
    ecg = recordings[1].signal("ecg").data
    assert (np.isnan(ecg[:, :40]).all(), np.isfinite(ecg[:, 40:]).all()) == (True, True)
    assert recordings[2].events[["arousal", "sadness"]].isna().all(axis=None)


def test_the_odd_imitation_is_what_scipy_takes_for_damaged(odd):
    [path] = odd.rglob("*.mat")
    assert path.parent.name == "Data_Preprocessed_P01"
    with pytest.raises(ValueError, match="Did not fully consume compressed contents"):
        loadmat(path)
    assert loadmat(path, verify_compressed_data_integrity=False)["joined_data"].shape == (1, 20)


def test_the_folder_above_is_taken_as_well(root, tmp_path):
    (tmp_path / "data_preprocessed").symlink_to(root)
    assert AMIGOS(tmp_path).subjects() == ["P01", "P02"]


def test_check_names_only_the_missing_people(root):
    report = check_dataset(AMIGOS(root))
    assert report.problems["what"].str.startswith("2 of 40 people are here.").tolist() == [True]
    assert report.people["n_trials"].tolist() == [20, 20]


def test_check_names_videos_that_are_missing_from_one_who_should_have_them(odd):
    what = check_dataset(AMIGOS(odd)).problems["what"].tolist()
    assert what[1:] == ["16 recordings; expected 20", "16 trials; expected 20"]


def test_recordings_are_read_lazily(root, tmp_path):
    for name in ("P01", "P02"):
        (tmp_path / f"Data_Preprocessed_{name}.mat").write_bytes((root / f"Data_Preprocessed_{name}.mat").read_bytes())
    recordings = AMIGOS(tmp_path).recordings()
    (tmp_path / "Data_Preprocessed_P02.mat").write_bytes(b"MATLAB 5.0")
    assert {next(recordings).subject for _ in range(20)} == {"P01"}
    with pytest.raises(DataError, match=r"Data_Preprocessed_P02\.mat"):
        next(recordings)


@pytest.mark.parametrize(
    ("name", "video", "wrong", "message"),
    [
        ("joined_data", 3, np.zeros((17, 900)), r"joined_data, video 4: expected numbers of shape \(time, 17\); .*900"),
        ("joined_data", 3, np.zeros((128, 17)), "video 4 lasts 1 s; expected 5 s of baseline and more"),
        (
            "labels_selfassessment",
            0,
            np.zeros((1, 5)),
            r"labels_selfassessment, video 1: expected numbers of shape \(1, 12\); .*\(1, 5\)",
        ),
        ("VideoIDs", 1, np.zeros((1, 1)), "VideoIDs, video 2: expected text"),
    ],
    ids=["transposed", "too short", "five ratings", "no id"],
)
def test_a_cell_in_another_shape_is_named(one, name, video, wrong, message):
    content, write = one
    content[name][0, video] = wrong
    with pytest.raises(DataError, match=rf"Data_Preprocessed_P01\.mat: {message}"):
        list(write().recordings())


def test_a_variable_that_is_missing_or_has_another_number_of_videos_is_named(one):
    content, write = one
    content["joined_data"] = content["joined_data"][:, :16]
    with pytest.raises(DataError, match=r"joined_data: expected a cell array of 20 videos; found .*\(1, 16\)"):
        list(write().recordings())
    del content["VideoIDs"]
    with pytest.raises(DataError, match="no variable 'VideoIDs'"):
        list(write().recordings())


def test_check_names_wrong_scales_and_ratings_outside_theirs(one):
    content, write = one
    content["joined_data"][0, 0] = content["joined_data"][0, 0] * 1e-6  # volts
    content["labels_selfassessment"][0, 1][0, 0] = 12
    what = check_dataset(write()).problems["what"].tolist()[1:]
    assert what[0].startswith("session short, trial 01: eeg varies by 9.8")
    assert what[1] == "session short, trial 02: arousal of 12 is outside its scale, 1 to 9"


def test_a_folder_of_something_else_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of AMIGOS\. Send the signed"):
            DATASETS.get("amigos")(root).subjects()
