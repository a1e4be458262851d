"""FACED, read through an imitation of its pre-processed pickles."""

import pickle
import pickletools
import shutil

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets.faced import FACED
from affectbio.datasets.imitation.faced import remarks, samples
from affectbio.errors import DataError, DatasetLayoutError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("faced", tmp_path_factory.mktemp("faced"), n_subjects=2)


@pytest.fixture
def copy(root, tmp_path):
    """Give a copy of the first person's files, to be damaged."""
    (tmp_path / "Processed_data").mkdir()
    shutil.copy(root / "Processed_data" / "sub000.pkl", tmp_path / "Processed_data")
    shutil.copytree(root / "Data" / "sub000", tmp_path / "Data" / "sub000")
    return tmp_path


def test_the_imitation_is_pickled_as_the_publishers_files_are(root, tmp_path):
    path = root / "Processed_data" / "sub001.pkl"
    names = {arg for code, arg, _ in pickletools.genops(path.read_bytes()) if code.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
    newer = synthesise("faced", tmp_path / "newer", n_subjects=1, numpy_module="numpy._core") / "Processed_data"
    with (newer / "sub000.pkl").open("rb") as file:
        assert np.array_equal(pickle.load(file), samples(0))
    remarked = loadmat(root / "Data" / "sub001" / "After_remarks.mat")["After_remark"]
    assert (remarked.shape, remarked["score"][0, 0].shape) == ((28, 1), (1, 12))


def test_clips_come_in_the_order_of_their_numbers_with_what_was_said_of_them(root):
    data = FACED(root)
    assert data.subjects() == ["sub000", "sub001"]
    shown, scores = remarks(1)
    written = samples(1)
    recordings = list(data.recordings(["sub001"]))
    assert [r.events["stimulus"].item() for r in recordings] == [f"{clip:02d}" for clip in range(1, 29)]
    for clip, recording in enumerate(recordings):
        eeg, beside = recording.signal("eeg"), recording.signal("misc")
        np.testing.assert_array_equal(eeg.data, written[clip, :30] * 1e-6)
        np.testing.assert_array_equal(beside.data, written[clip, 30:] * 1e-6)
        assert (eeg.sfreq, eeg.channels[2].name, eeg.channels[29].name) == (250.0, "Fz", "O2")
        [event] = recording.events.to_dict("records")
        place = int(np.flatnonzero(shown == clip + 1).item())
        assert event["position"] == place + 1
        assert [event[item] for item in ("joy", "arousal", "valence", "liking")] == scores[place][
            [0, 8, 9, 11]
        ].tolist()
        assert (event["trial"], event["duration"], event["trial_type"]) == (event["stimulus"], 30.0, "stimulus")
    emotions = [r.events["emotion"].item() for r in recordings]
    assert [emotions[clip - 1] for clip in (1, 4, 9, 10, 13, 16, 17, 20, 23, 26, 28)] == [
        "anger", "disgust", "fear", "sadness", "neutral", "neutral", "amusement", "inspiration", "joy", "tenderness",
        "tenderness",
    ]  # fmt: skip


def test_the_folder_of_the_pickles_is_taken_as_well(root):
    [recording, *_] = FACED(root / "Processed_data").recordings(["sub000"])
    assert recording.events["position"].item() == np.flatnonzero(remarks(0)[0] == 1).item() + 1


def test_recordings_are_read_lazily(root, tmp_path):
    shutil.copytree(root / "Processed_data", tmp_path / "Processed_data")
    recordings = FACED(tmp_path).recordings()
    (tmp_path / "Processed_data" / "sub001.pkl").write_bytes(b"")
    assert {next(recordings).subject for _ in range(28)} == {"sub000"}
    with pytest.raises(DataError, match=r"sub001\.pkl cannot be read, it is cut short"):
        next(recordings)


def test_check_names_only_the_missing_people(root):
    report = check_dataset(FACED(root))
    assert report.problems["what"].str.startswith("2 of 123 people are here.").tolist() == [True]
    assert report.people["n_trials"].tolist() == [28, 28]


def test_without_the_remarks_ratings_are_unknown_and_that_is_said(copy):
    shutil.rmtree(copy / "Data")
    recording = next(FACED(copy).recordings())
    assert recording.events[["arousal", "position"]].isna().all(axis=None)
    assert recording.meta["missing"] == ("no Data/sub000/After_remarks.mat: neither ratings nor the order of showing",)


def test_a_clip_that_was_not_remarked_on_is_named(tmp_path):
    root = synthesise("faced", tmp_path, n_subjects=1, n_remarks=27)
    unrated = remarks(0)[0][27]
    recordings = list(FACED(root).recordings())
    assert recordings[0].meta["missing"] == (f"clip {unrated:02d}: no remark",)
    assert [np.isnan(r.events["joy"].item()) for r in recordings] == [c == unrated for c in range(1, 29)]


def test_an_array_of_another_shape_or_type_is_named(copy):
    path = copy / "Processed_data" / "sub000.pkl"
    for wrong, found in (
        (np.zeros((28, 30, 10)), r"float64 of shape \(28, 30, 10\)"),
        (np.zeros((28, 32, 7500), dtype="i1"), "int8 of shape"),
        ({"data": 1}, "dict"),
    ):
        path.write_bytes(pickle.dumps(wrong))
        with pytest.raises(DataError, match=rf"sub000\.pkl: expected floating-point numbers .*; found {found}"):
            next(FACED(copy).recordings())


def test_a_pickle_that_would_run_something_is_refused(copy):
    class Malicious:
        def __reduce__(self):
            return print, ("this must not run",)

    (copy / "Processed_data" / "sub000.pkl").write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(DataError, match=r"sub000\.pkl is refused: it asks for builtins\.print"):
        next(FACED(copy).recordings())


def test_a_truncated_pickle_is_named(copy):
    path = copy / "Processed_data" / "sub000.pkl"
    whole = path.read_bytes()
    for n_bytes in (0, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(DataError, match=r"sub000\.pkl cannot be read, it is cut short"):
            next(FACED(copy).recordings())


@pytest.mark.parametrize(
    ("vid", "score", "message"),
    [
        (np.array([[29.0]]), np.zeros((1, 12)), "is of clip 29 and holds 12 scores; expected a clip of 1 to 28"),
        (np.array([[3.0]]), np.zeros((1, 11)), "is of clip 3 and holds 11 scores"),
        (np.zeros((0, 0)), np.zeros((1, 12)), "After_remark 2: expected a struct with vid, one number"),
        (np.array([[7.0]]), np.zeros((1, 12)), "After_remark 2 is of clip 7, which was remarked on before"),
    ],
    ids=["no such clip", "a score short", "no clip", "twice"],
)
def test_a_damaged_remark_is_named(copy, vid, score, message):
    table = np.zeros((2, 1), dtype=[("score", object), ("vid", object)])
    table[0, 0] = (np.zeros((1, 12)), np.array([[7.0]]))
    table[1, 0] = (score, vid)
    savemat(copy / "Data" / "sub000" / "After_remarks.mat", {"After_remark": table})
    with pytest.raises(DataError, match=rf"After_remarks\.mat: .*{message}"):
        next(FACED(copy).recordings())


def test_check_names_wrong_scales_and_lost_channels(copy):
    path = copy / "Processed_data" / "sub000.pkl"
    array = samples(0)
    array[0] *= 1e-6  # volts, as some of the publisher's raw files are
    array[1, 4] = np.nan
    path.write_bytes(pickle.dumps(array))
    what = check_dataset(FACED(copy)).problems["what"].tolist()
    assert len(what) == 3
    assert what[1].startswith("session 01, trial 01: eeg varies by 1")
    assert what[2] == "session 01, trial 02: eeg: F4 holds no number"
    recordings = list(FACED(copy).recordings())
    assert np.isnan(recordings[1].signal("eeg").data[4]).all()


def test_a_folder_of_something_else_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of FACED\. Register with Synapse"):
            DATASETS.get("faced")(root).subjects()
