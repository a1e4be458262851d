"""SEED-VII through an imitation: 80 trials of four sessions in one file, its features with other axes than SEED's."""

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from affectbio.datasets import check_dataset, synthesise
from affectbio.datasets.imitation._seed import features, samples
from affectbio.datasets.seed_vii import LABELS, SEEDVII
from affectbio.errors import DataError, DatasetLayoutError

WORDS = ("happy", "neutral", "disgust", "sad", "anger", "fear", "surprise")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("seed-vii", tmp_path_factory.mktemp("seed-vii") / "x", n_subjects=2, features=True, seconds=1.0)


def test_trials_labels_and_sessions(root):
    recordings = list(SEEDVII(root).recordings(["02"]))
    direct = loadmat(root / "EEG_preprocessed" / "2.mat")
    assert [name for name in direct if not name.startswith("__")][:3] == ["1", "10", "11"]
    assert len(recordings) == 80
    for number, recording in enumerate(recordings, 1):
        (event,) = recording.events.to_dict("records")
        assert (recording.session, event["trial"], event["stimulus"]) == (
            str((number - 1) // 20 + 1),
            f"{number:02d}",
            f"{number:02d}",
        )
        assert (event["emotion"], event["position"]) == (WORDS[LABELS[number - 1]], (number - 1) % 20 + 1)
    for trial in (2, 10, 80):
        eeg = recordings[trial - 1].signals["eeg"]
        np.testing.assert_allclose(eeg.data, direct[str(trial)] * 1e-6, rtol=1e-12)
        np.testing.assert_allclose(eeg.data, samples(0, 2, (trial - 1) // 20 + 1, trial, 1.0) * 1e-6, rtol=1e-12)


def test_every_emotion_has_twelve_clips_and_neutral_eight():
    assert [LABELS.count(label) for label in range(7)] == [12, 8, 12, 12, 12, 12, 12]


def test_a_good_copy_lacks_only_people(root):
    problems = check_dataset(SEEDVII(root)).problems["what"].tolist()
    assert [what[:25] for what in problems] == ["2 of 20 people are here. "]


def test_people_are_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 20, 1):
        savemat(tmp_path / f"{number}.mat", {"1": np.zeros((62, 2))})
    assert SEEDVII(tmp_path).subjects() == ["01", "02", "10", "20"]


def test_a_missing_trial_is_reported(tmp_path):
    root = synthesise("seed-vii", tmp_path / "x", n_subjects=1, missing_trial=7, seconds=1.0)
    first = next(SEEDVII(root).recordings())
    assert first.meta["missing"] == ("trial 07: not in 1.mat",)
    assert "79 recordings; expected 80" in check_dataset(SEEDVII(root)).problems["what"].tolist()


def test_features_have_their_axes_turned(root):
    windows = SEEDVII(root).features("de_LDS", ["01"])
    direct = loadmat(root / "EEG_features" / "1.mat")
    assert direct["de_LDS_2"].shape == (4, 5, 62)
    mine = windows.metadata["trial"] == "22"
    np.testing.assert_array_equal(windows.X[mine], direct["de_LDS_22"].transpose(0, 2, 1))
    np.testing.assert_array_equal(windows.X[mine], features(0, 1, 2, 22, 3, "de_LDS"))
    assert windows.metadata[mine][["session", "emotion", "stop"]].values.tolist() == [
        ["2", "sad", 4.0],
        ["2", "sad", 8.0],
        ["2", "sad", 12.0],
    ]
    assert set(SEEDVII(root).features("de", ["02"]).metadata["smoothing"]) == {"none"}


def test_wrong_folders_and_files(tmp_path):
    with pytest.raises(DatasetLayoutError, match=r"no files such as EEG_preprocessed/1\.mat"):
        SEEDVII(tmp_path).subjects()
    with pytest.raises(DatasetLayoutError, match="no folder EEG_features"):
        SEEDVII(tmp_path).features()
    path = tmp_path / "1.mat"
    savemat(path, {"81": np.zeros((62, 10))})
    with pytest.raises(DataError, match="81 is not one of the 80 trials"):
        next(SEEDVII(tmp_path).recordings())
    savemat(path, {"1": np.zeros((10, 62))})
    with pytest.raises(DataError, match=r"1 has shape \(10, 62\)"):
        next(SEEDVII(tmp_path).recordings())
    (tmp_path / "EEG_features").mkdir()
    savemat(tmp_path / "EEG_features" / "1.mat", {"de_LDS_1": np.zeros((62, 3, 5))})
    with pytest.raises(DataError, match=r"de_LDS_1 has shape \(62, 3, 5\); .*\(time band channel\)"):
        SEEDVII(tmp_path).features()
    path.write_bytes(b"MATLAB")
    with pytest.raises(DataError, match=r"1\.mat cannot be read"):
        next(SEEDVII(tmp_path).recordings())
