"""SEED through an imitation whose files list the trials in the order of text, as MATLAB may."""

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from affectbio.datasets import check_dataset, synthesise
from affectbio.datasets.imitation._seed import features, samples
from affectbio.datasets.seed import LABELS, SEED
from affectbio.errors import ConfigError, DataError, DatasetLayoutError
from affectbio.montage import electrode_position

EMOTIONS = {1: "positive", 0: "neutral", -1: "negative"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("seed", tmp_path_factory.mktemp("seed") / "SEED", n_subjects=2, features=True, seed=5)


@pytest.fixture(scope="module")
def recordings(root):
    return list(SEED(root).recordings(["01"]))


def test_trials_are_in_the_order_of_their_numbers(root, recordings):
    assert [(r.session, r.events["trial"].item()) for r in recordings] == [
        (str(session), f"{trial:02d}") for session in (1, 2, 3) for trial in range(1, 16)
    ]
    # Opened without our reader: the order of the file is another.
    direct = loadmat(root / "Preprocessed_EEG" / "1_20131030.mat")
    names = [name for name in direct if not name.startswith("__")]
    assert names[:3] == ["aa_eeg1", "aa_eeg10", "aa_eeg11"]
    for trial in (1, 2, 10, 15):
        eeg = recordings[15 + trial - 1].signals["eeg"]
        np.testing.assert_allclose(eeg.data, direct[f"aa_eeg{trial}"] * 1e-6, rtol=1e-12)
        np.testing.assert_allclose(eeg.data, samples(5, 1, 2, trial, 2.0) * 1e-6, rtol=1e-12)
        assert (eeg.sfreq, eeg.channels[0].unit, eeg.n_times) == (200.0, "V", 400 + trial)
        assert eeg.data.flags.c_contiguous


def test_labels_are_those_of_the_clip(recordings):
    for number, recording in enumerate(recordings):
        (event,) = recording.events.to_dict("records")
        assert (event["label"], event["emotion"]) == (LABELS[number % 15], EMOTIONS[LABELS[number % 15]])
        assert (event["stimulus"], event["position"]) == (f"{number % 15 + 1:02d}", number % 15 + 1)
        assert (event["onset"], event["duration"]) == (0.0, recording.signals["eeg"].duration)
        assert event["trial_type"] == "stimulus"


def test_the_cap_has_names_and_places_of_the_10_05_system(recordings):
    eeg = recordings[0].signals["eeg"]
    assert [name for name in eeg.ch_names if electrode_position(name) is None] == ["CB1", "CB2"]
    assert (eeg.ch_names[0], eeg.ch_names[18], eeg.ch_names[57:]) == ("Fp1", "FCz", ("CB1", "O1", "Oz", "O2", "CB2"))
    left, o1, o2, right = (eeg.channels[i].position for i in (57, 58, 60, 61))
    assert left[0] < o1[0] < o2[0] < right[0]


def test_a_good_copy_lacks_only_people(root):
    report = check_dataset(SEED(root))
    assert report.people[["subject", "n_recordings", "n_trials", "problems"]].values.tolist() == [
        ["01", 45, 45, 0],
        ["02", 45, 45, 0],
    ]
    assert [what[:25] for what in report.problems["what"]] == ["2 of 15 people are here. "]


def test_version_73_is_read_alike(tmp_path, recordings):
    root = synthesise("seed", tmp_path / "x", n_subjects=1, seed=5, v73=True)
    one = next(SEED(root).recordings())
    np.testing.assert_array_equal(one.signals["eeg"].data, recordings[0].signals["eeg"].data)


def test_a_missing_trial_and_a_missing_session_are_reported(tmp_path, recordings):
    root = synthesise("seed", tmp_path / "x", n_subjects=1, seed=5, missing_trial=4)
    found = list(SEED(root).recordings())
    assert len(found) == 44
    assert found[0].meta["missing"] == ("trial 04: not in 1_20131027.mat",)
    assert found[3].events["trial"].item() == "05"
    (root / "Preprocessed_EEG" / "1_20131027.mat").unlink()
    # What is left are the sessions 2 and 3, not 1 and 2.
    found = list(SEED(root / "Preprocessed_EEG").recordings())
    assert [r.session for r in found] == ["2"] * 15 + ["3"] * 15
    np.testing.assert_array_equal(found[0].signals["eeg"].data, recordings[15].signals["eeg"].data)
    problems = check_dataset(SEED(root)).problems["what"].tolist()
    assert problems[1:] == ["30 recordings; expected 45", "30 trials; expected 45"]
    (root / "Preprocessed_EEG" / "1_20131107.mat").rename(root / "Preprocessed_EEG" / "1_20010101.mat")
    with pytest.raises(DataError, match=r"files of 20010101, 20131030; expected those of 20131027, .*cannot be told"):
        next(SEED(root).recordings())


def test_trials_are_read_one_at_a_time(root, monkeypatch):
    from affectbio.datasets import _seed

    read = []
    real = _seed.load_mat
    monkeypatch.setattr(_seed, "load_mat", lambda path, names: read.append(names) or real(path, names))
    recordings = SEED(root).recordings()
    assert read == []
    next(recordings), next(recordings)
    assert read == [["aa_eeg1"], ["aa_eeg2"]]


def change(root, tmp_path, name, array, **more):
    """Make a copy of one file with another variable."""
    folder = tmp_path / "Preprocessed_EEG"
    folder.mkdir(exist_ok=True)
    source = root / "Preprocessed_EEG"
    (folder / "label.mat").write_bytes((source / "label.mat").read_bytes())
    content = {k: v for k, v in loadmat(source / "1_20131027.mat").items() if not k.startswith("__")}
    savemat(folder / "1_20131027.mat", {**content, name: array, **more})
    return SEED(tmp_path).recordings()


@pytest.mark.parametrize(
    ("name", "array", "why"),
    [
        ("aa_eeg1", np.zeros((61, 400)), r"aa_eeg1 has shape \(61, 400\); expected \(62, n_times\)"),
        ("aa_eeg1", np.zeros((400, 62)), r"aa_eeg1 has shape \(400, 62\)"),
        ("aa_eeg1", np.zeros((62, 0)), r"aa_eeg1 has shape \(62, 0\)"),
        ("aa_eeg1", np.zeros((62, 4), dtype=complex), "aa_eeg1 holds complex128; expected numbers"),
        ("bb_eeg1", np.zeros((62, 400)), "'aa_eeg1' and 'bb_eeg1' have the same number, 1"),
        ("aa_eeg1", np.zeros((62, 720_001), dtype=np.uint8), "aa_eeg1 would last 60 minutes, which is no film clip"),
        ("aa_eeg16", np.zeros((62, 400)), "aa_eeg16 is not one of the 15 trials"),
    ],
)
def test_trials_of_another_shape_or_number_are_refused(root, tmp_path, name, array, why):
    with pytest.raises(DataError, match=why):
        next(change(root, tmp_path, name, array))


def test_a_lost_channel_stays_lost(root, tmp_path):
    eeg = samples(5, 1, 1, 1, 2.0)
    eeg[3] = np.nan
    found = next(change(root, tmp_path, "aa_eeg1", eeg)).signals["eeg"].data
    assert np.isnan(found[3]).all()
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


def test_another_scale_is_noticed(root, tmp_path):
    _ = change(root, tmp_path, "aa_eeg1", samples(5, 1, 1, 1, 2.0) * 1e-6)
    problems = check_dataset(SEED(tmp_path)).problems["what"].tolist()
    assert any(what.startswith("session 1, trial 01: eeg varies by") and "another scale" in what for what in problems)


def test_labels_must_be_there_and_as_published(root, tmp_path):
    recordings = change(root, tmp_path, "aa_eeg1", samples(5, 1, 1, 1, 2.0))
    savemat(tmp_path / "Preprocessed_EEG" / "label.mat", {"label": np.array([LABELS[::-1]])})
    with pytest.raises(DataError, match=r"label\.mat: label is .*published is \[1, 0, -1"):
        next(recordings)
    (tmp_path / "Preprocessed_EEG" / "label.mat").unlink()
    with pytest.raises(DatasetLayoutError, match=r"no label\.mat in"):
        next(SEED(tmp_path).recordings())


def test_wrong_folders_and_damaged_files(root, tmp_path):
    with pytest.raises(DatasetLayoutError, match=r"no files such as Preprocessed_EEG/1_20131027\.mat.*bcmi\.sjtu"):
        SEED(tmp_path).subjects()
    with pytest.raises(ConfigError, match="no subject '16'"):
        next(SEED(root).recordings(["16"]))
    _ = change(root, tmp_path, "aa_eeg1", samples(5, 1, 1, 1, 2.0))
    path = tmp_path / "Preprocessed_EEG" / "1_20131027.mat"
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(DataError, match=r"1_20131027\.mat cannot be read as a MAT file"):
        next(SEED(tmp_path).recordings())


@pytest.mark.parametrize("kind", ["de_LDS", "psd_movingAve"])
def test_features_of_the_publisher(root, kind):
    windows = SEED(root).features(kind)
    direct = loadmat(root / "ExtractedFeatures" / "2_20140413.mat")
    mine = (
        (windows.metadata["subject"] == "02")
        & (windows.metadata["session"] == "2")
        & (windows.metadata["trial"] == "10")
    )
    np.testing.assert_array_equal(windows.X[mine], features(5, 2, 2, 10, 3, kind))
    np.testing.assert_array_equal(windows.X[mine], direct[f"{kind}10"].transpose(1, 0, 2))
    assert len(windows) == 2 * 3 * sum(2 + n % 3 for n in range(1, 16))
    assert (windows.y == windows.metadata["emotion"]).all()
    about = windows.metadata[mine]
    assert about["start"].tolist() == [0.0, 1.0, 2.0]
    assert about["stop"].tolist() == [1.0, 2.0, 3.0]
    assert about["emotion"].unique().tolist() == ["positive"]
    assert set(windows.metadata["smoothing"]) == {"whole trial" if kind == "de_LDS" else "moving average"}
    assert (windows.axes, windows.features[0], windows.channels[0].name) == (
        ("window", "channel", "band"),
        "delta",
        "Fp1",
    )


def test_features_that_are_not_there(root, tmp_path):
    with pytest.raises(ConfigError, match="no kind of features 'de_lds'; did you mean 'de_LDS'"):
        SEED(root).features("de_lds")
    with pytest.raises(ConfigError, match="no subject '03'"):
        SEED(root).features(subjects=["03"])
    assert set(SEED(root).features(subjects=["02"]).metadata["subject"]) == {"02"}
    with pytest.raises(DatasetLayoutError, match="no folder ExtractedFeatures"):
        SEED(root / "Preprocessed_EEG").features()
    folder = tmp_path / "ExtractedFeatures"
    folder.mkdir()
    savemat(folder / "1_20131027.mat", {"de_LDS1": np.zeros((62, 3, 4))})
    with pytest.raises(DataError, match=r"de_LDS1 has shape \(62, 3, 4\); expected 62 channels and 5 bands"):
        SEED(tmp_path).features()
    savemat(folder / "1_20131027.mat", {"de_LDS1": np.zeros((62, 3, 5))})
    with pytest.raises(DataError, match="of trial 2"):
        SEED(tmp_path).features()
