"""SEED-IV through an imitation: sessions are folders, and the labels stand in no file."""

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from affectbio.datasets import check_dataset, synthesise
from affectbio.datasets.imitation._seed import features, samples
from affectbio.datasets.seed_iv import LABELS, SEEDIV
from affectbio.errors import ConfigError, DataError, DatasetLayoutError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("seed-iv", tmp_path_factory.mktemp("seed-iv") / "x", n_subjects=2, features=True, seconds=1.0)


@pytest.fixture(scope="module")
def recordings(root):
    return list(SEEDIV(root).recordings(["02"]))


def test_trials_labels_and_sessions(root, recordings):
    assert len(recordings) == 72
    words = ("neutral", "sad", "fear", "happy")
    for number, recording in enumerate(recordings):
        session, trial = str(number // 24 + 1), number % 24 + 1
        (event,) = recording.events.to_dict("records")
        label = LABELS[session][trial - 1]
        assert (recording.session, recording.subject, event["trial"]) == (session, "02", f"{trial:02d}")
        assert (event["label"], event["emotion"], event["stimulus"]) == (label, words[label], f"{session}-{trial:02d}")
    direct = loadmat(root / "eeg_raw_data" / "3" / "2_20010302.mat")
    for trial in (2, 10, 24):
        eeg = recordings[48 + trial - 1].signals["eeg"]
        np.testing.assert_allclose(eeg.data, direct[f"bb_eeg{trial}"] * 1e-6, rtol=1e-12)
        np.testing.assert_allclose(eeg.data, samples(0, 2, 3, trial, 1.0) * 1e-6, rtol=1e-12)
        assert (eeg.sfreq, eeg.n_chans) == (200.0, 62)


def test_every_emotion_is_shown_as_often_in_every_session():
    # As published: six clips of each of the four.
    assert all(sorted(labels) == sorted([0, 1, 2, 3] * 6) for labels in LABELS.values())


def test_a_good_copy_lacks_only_people(root):
    problems = check_dataset(SEEDIV(root)).problems["what"].tolist()
    assert [what[:25] for what in problems] == ["2 of 15 people are here. "]


def test_a_session_without_a_file_is_reported(tmp_path):
    root = synthesise("seed-iv", tmp_path / "x", n_subjects=1, missing_session=2, seconds=1.0)
    assert [r.session for r in SEEDIV(root / "eeg_raw_data").recordings()] == ["1"] * 24 + ["3"] * 24
    assert "48 recordings; expected 72" in check_dataset(SEEDIV(root)).problems["what"].tolist()


def test_features_of_the_publisher(root):
    windows = SEEDIV(root).features("de_LDS", ["02"])
    direct = loadmat(root / "eeg_feature_smooth" / "2" / "2_20010202.mat")
    mine = (windows.metadata["session"] == "2") & (windows.metadata["trial"] == "03")
    np.testing.assert_array_equal(windows.X[mine], direct["de_LDS3"].transpose(1, 0, 2))
    np.testing.assert_array_equal(windows.X[mine], features(0, 2, 2, 3, 2, "de_LDS"))
    assert windows.metadata[mine][["stimulus", "emotion", "start", "stop"]].values.tolist() == [
        ["2-03", "happy", 0.0, 4.0],
        ["2-03", "happy", 4.0, 8.0],
    ]
    assert set(windows.metadata["smoothing"]) == {"whole trial"}
    with pytest.raises(ConfigError, match="no kind of features 'de'"):
        SEEDIV(root).features("de")
    with pytest.raises(DatasetLayoutError, match="no folder eeg_feature_smooth"):
        SEEDIV(root / "eeg_raw_data").features()


def test_wrong_folders_and_files(tmp_path):
    with pytest.raises(DatasetLayoutError, match=r"no files such as eeg_raw_data/1/1_20160518\.mat.*it is empty"):
        SEEDIV(tmp_path).subjects()
    # The flat folder that some programs make is not the publisher's.
    savemat(tmp_path / "1_20160518.mat", {"a_eeg1": np.zeros((62, 10))})
    with pytest.raises(DatasetLayoutError, match="found 1_20160518"):
        SEEDIV(tmp_path).subjects()
    (tmp_path / "1").mkdir()
    path = tmp_path / "1" / "1_20160518.mat"
    savemat(path, {"de_LDS1": np.zeros((62, 10))})
    with pytest.raises(DataError, match="no variable named as"):
        next(SEEDIV(tmp_path).recordings())
    savemat(path, {"a_eeg1": np.zeros((14, 10))})
    with pytest.raises(DataError, match=r"a_eeg1 has shape \(14, 10\); expected \(62, n_times\)"):
        next(SEEDIV(tmp_path).recordings())
    savemat(path, {"a_eeg1": np.zeros((62, 10))})
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError, match=r"1_20160518\.mat cannot be read"):
        next(SEEDIV(tmp_path).recordings())
