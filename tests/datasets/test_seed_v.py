"""SEED-V through an imitation in Neuroscan's CNT format that MNE opens too, at a hundredth of the rate."""

import io
import pickle

import mne
import numpy as np
import pytest

from affectbio.datasets import check_dataset, synthesise
from affectbio.datasets.imitation._seed import features
from affectbio.datasets.imitation.seed_v import _NAMES, microvolts, write_cnt
from affectbio.datasets.seed_v import LABELS, SEEDV, TIMES
from affectbio.errors import DataError, DatasetLayoutError

WORDS = ("disgust", "fear", "sad", "neutral", "happy")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("seed-v", tmp_path_factory.mktemp("seed-v") / "x", n_subjects=1, features=True)


def test_a_session_is_continuous_and_its_channels_are_taken_by_name(root):
    sessions = list(SEEDV(root).recordings())
    assert [recording.session for recording in sessions] == ["1", "2", "3"]
    recording = sessions[1]
    raw = mne.io.read_raw_cnt(root / "EEG_raw" / "1_2_20010108.cnt", eog=["VEO", "HEO"], verbose="ERROR")
    assert raw.ch_names[32] == "M1"
    expected = 1e-6 * microvolts(0, 1, 2, raw.n_times)
    np.testing.assert_allclose(raw.get_data(), expected, atol=1e-6 / 32)
    assert {name: s.ch_names for name, s in recording.signals.items() if name != "eeg"} == {
        "mastoids": ("M1", "M2"),
        "eog": ("VEO", "HEO"),
    }
    for name, levels in (("eeg", range(62)), ("mastoids", (100, 101)), ("eog", (102, 103))):
        signal = recording.signals[name]
        assert (signal.sfreq, signal.n_times, signal.channels[0].unit) == (10.0, raw.n_times, "V")
        # Each channel has a level of its own, by name.
        np.testing.assert_allclose(signal.data.mean(axis=1), 1e-5 * np.array(levels), atol=1e-6)
    eeg = recording.signals["eeg"]
    assert eeg.ch_names[31:33] == ("T8", "TP7")
    np.testing.assert_allclose(eeg.data[32], raw.get_data(picks=["TP7"])[0], rtol=1e-6)


def test_films_are_events_at_the_times_published(root):
    for recording in SEEDV(root).recordings():
        events, labels = recording.events, LABELS[recording.session]
        starts, ends = TIMES[recording.session]
        assert events["onset"].tolist() == list(starts)
        assert (events["onset"] + events["duration"]).tolist() == list(ends)
        assert events["label"].tolist() == list(labels)
        assert events["emotion"].tolist() == [WORDS[label] for label in labels]
        assert events["stimulus"].tolist() == [f"{recording.session}-{n:02d}" for n in range(1, 16)]
        assert recording.meta["missing"] == ()
    # Ends come after starts, and no film begins before the one before has ended.
    assert all(end > start for times in TIMES.values() for start, end in zip(*times, strict=True))
    assert all(start > end for starts, ends in TIMES.values() for start, end in zip(starts[1:], ends, strict=False))
    assert all(labels.count(emotion) == 3 for labels in LABELS.values() for emotion in range(5))


def test_a_good_copy_lacks_only_people_and_the_rate(root):
    problems = check_dataset(SEEDV(root)).problems["what"].tolist()
    assert problems[0].startswith("1 of 16 people are here. ")
    assert {what.partition(": ")[2].partition(" has")[0] for what in problems[1:]} == {"eeg", "eog"}
    assert all("at 10 Hz; expected" in what for what in problems[1:])


def test_films_after_the_end_of_a_recording_are_reported(tmp_path):
    root = synthesise("seed-v", tmp_path / "x", n_subjects=1, ends_after_s=3000)
    first = next(SEEDV(root).recordings())
    assert first.events["trial"].tolist() == [f"{n:02d}" for n in range(1, 14)]
    assert first.meta["missing"] == (
        "trial 14: until 3172 s, and 1_1_20010109.cnt ends at 3000.0 s",
        "trial 15: until 3359 s, and 1_1_20010109.cnt ends at 3000.0 s",
    )
    assert "43 trials; expected 45" in check_dataset(SEEDV(root)).problems["what"].tolist()


def test_people_and_sessions_are_in_order(tmp_path):
    for name in ("10_1_20180101", "2_3_20180101", "2_1_20180102", "1_2_20180101"):
        (tmp_path / f"{name}.cnt").write_bytes(b"")
    data = SEEDV(tmp_path)
    assert data.subjects() == ["01", "02", "10"]
    assert list(data._files()["02"]) == ["1", "3"]
    (tmp_path / "2_1_20180105.cnt").write_bytes(b"")
    with pytest.raises(DataError, match=r"2_1_20180102\.cnt and 2_1_20180105\.cnt are the same session"):
        data.subjects()


def test_damaged_files_and_wrong_folders(root, tmp_path):
    with pytest.raises(DatasetLayoutError, match=r"no files such as EEG_raw/1_1_20180804\.cnt"):
        SEEDV(tmp_path).subjects()
    with pytest.raises(DatasetLayoutError, match="no folder EEG_DE_features"):
        SEEDV(tmp_path).features()
    path = tmp_path / "1_1_20010109.cnt"
    content = (root / "EEG_raw" / path.name).read_bytes()
    for n in (0, 500, 3000, len(content) // 2):
        path.write_bytes(content[:n])
        with pytest.raises(DataError, match=r"1_1_20010109\.cnt cannot be read as Neuroscan CNT"):
            next(SEEDV(tmp_path).recordings())
    names = ["TP70" if name == "TP7" else name for name in _NAMES]
    write_cnt(path, names, microvolts(0, 1, 1, 100), 10)
    with pytest.raises(DataError, match="no channel 'TP7'; found FP1"):
        next(SEEDV(tmp_path).recordings())


def test_features_of_the_publisher(root):
    windows = SEEDV(root).features()
    with np.load(root / "EEG_DE_features" / "1_123.npz") as content:
        assert content["data"].dtype.kind == "S"
        direct = pickle.loads(content["data"].tobytes())
    for session, trial in (("1", 1), ("2", 10), ("3", 15)):
        mine = (windows.metadata["session"] == session) & (windows.metadata["trial"] == f"{trial:02d}")
        key = 15 * (int(session) - 1) + trial - 1
        np.testing.assert_array_equal(windows.X[mine].reshape(-1, 310), direct[key])
        np.testing.assert_array_equal(windows.X[mine], features(0, 1, int(session), trial, 2 + trial % 3))
        assert set(windows.y[mine]) == {WORDS[LABELS[session][trial - 1]]}
    assert windows.metadata["stop"].iloc[0] == 4.0
    assert set(windows.metadata["smoothing"]) == {"not known"}


class Runs:
    def __reduce__(self):
        return exec, ("raise SystemExit",)


@pytest.mark.parametrize(
    ("data", "label", "why"),
    [
        (Runs(), {}, r"1_123\.npz: data is refused: it asks for builtins\.exec"),
        ([], {}, "data is a list; expected a dictionary of 45 trials"),
        ({}, {}, r"data\[0\] is NoneType; expected \(n_windows, 310\)"),
        ({0: np.zeros((2, 300))}, {}, r"data\[0\] is shape \(2, 300\)"),
        ({0: np.zeros((2, 310))}, {0: np.array([4.0, 1.0])}, r"label\[0\] is not 4 \(happy\) for each of 2 windows"),
        ({0: np.zeros((2, 310))}, {0: np.array([4.0])}, r"label\[0\] is not 4"),
    ],
)
def test_features_that_are_not_the_publishers_are_refused(tmp_path, data, label, why):
    packed = {name: np.array(pickle.dumps(value, 3)) for name, value in (("data", data), ("label", label))}
    np.savez(tmp_path / "1_123.npz", **packed)
    with pytest.raises(DataError, match=why):
        SEEDV(tmp_path).features()


def test_damaged_features_are_named(tmp_path):
    np.savez(tmp_path / "1_123.npz", data=np.array(Runs(), dtype=object), label=np.zeros(1))
    with pytest.raises(DataError, match="data cannot be read"):
        SEEDV(tmp_path).features()
    file = io.BytesIO()
    np.savez(file, data=np.zeros(100))
    for content in (file.getvalue()[:200], b"", file.getvalue()):
        (tmp_path / "1_123.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"1_123\.npz: (data|label) cannot be read|pickle"):
            SEEDV(tmp_path).features()
