"""K-EmoCon, read through an imitation of its tables."""

import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets.imitation.k_emocon import ratings, samples
from affectbio.datasets.k_emocon import KEmoCon
from affectbio.errors import DataError, DatasetLayoutError

_WHERE = {
    "acc": ("E4_ACC", 9.80665 / 64), "ppg": ("E4_BVP", 1.0), "eda": ("E4_EDA", 1e-6), "temperature": ("E4_TEMP", 1.0),
    "hr_bpm": ("E4_HR", 1.0), "polar_hr_bpm": ("Polar_HR", 1.0), "attention": ("Attention", 1.0),
    "meditation": ("Meditation", 1.0), "band_power": ("BrainWave", 1.0),
}  # fmt: skip
_SAID = ("valence", "arousal", "cheerful", "happy", "angry", "nervous", "sad")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("k-emocon", tmp_path_factory.mktemp("k"), n_subjects=3)


@pytest.fixture
def copy(tmp_path):
    return synthesise("k-emocon", tmp_path, n_subjects=1)


def _check_samples(recording, pid):
    for name, (table, factor) in _WHERE.items():
        np.testing.assert_allclose(recording.signal(name).data, samples(pid, table, 40).T * factor, rtol=1e-12)
    assert [recording.signal(n).sfreq for n in ("acc", "ppg", "eda", "hr_bpm")] == [32, 64, 4, 1]


def test_signals_are_those_that_were_written_in_si_units_and_doubled_entries_are_taken_once(root):
    data = KEmoCon(root)
    assert data.subjects() == ["P1", "P2", "P3"]
    for pid, recording in enumerate(data.recordings(), 1):
        _check_samples(recording, pid)
        assert recording.signal("eda").channels[0].unit == "S"
    table = pd.read_csv(root / "neurosky_polar_data" / "2" / "Polar_HR.csv")
    assert len(table) == 172
    assert table["timestamp"].duplicated().sum() == 2


def test_only_the_band_that_was_worn_is_read(tmp_path):
    root = synthesise("k-emocon", tmp_path, n_subjects=2, first_pid=31, several_devices=True, nested=True)
    for pid, recording in zip((31, 32), KEmoCon(root).recordings(), strict=True):
        _check_samples(recording, pid)
        beats = recording.meta["rr_s"]
        np.testing.assert_allclose(beats, np.column_stack([10 + 0.75 * np.arange(20), np.full(20, 0.75)]), atol=1e-6)


def test_several_bands_of_somebody_else_are_refused(tmp_path):
    root = synthesise("k-emocon", tmp_path, n_subjects=1, several_devices=True)
    with pytest.raises(DataError, match=r"E4_ACC\.csv: samples of 2 devices, A00001, A0FFFF; expected one"):
        next(KEmoCon(root).recordings())


def test_lost_samples_are_nan_where_they_were_lost(tmp_path):
    root = synthesise("k-emocon", tmp_path, n_subjects=1, lost_s=2)
    ppg = next(KEmoCon(root).recordings()).signal("ppg")
    written = samples(1, "E4_BVP", 40)[:, 0]
    lost = np.isnan(ppg.data[0])
    assert ppg.n_times == len(written)
    assert np.flatnonzero(lost).tolist() == list(range(5440, 5440 + 128))
    np.testing.assert_array_equal(ppg.data[0, ~lost], written[~lost])


def test_ratings_of_all_three_stand_at_their_five_seconds(root):
    for pid, recording in enumerate(KEmoCon(root).recordings(), 1):
        events = recording.events
        debate = events[events["trial_type"] == "stimulus"]
        assert debate["onset"].tolist() == [130.0 + 5 * n for n in range(8)]
        assert set(debate["duration"]) == {5.0}
        for rater, prefix in (("self", ""), ("partner", "partner_"), ("external", "external_")):
            written = ratings(pid, rater, 8)
            for name in _SAID:
                assert debate[prefix + name].tolist() == written[name].tolist()
        baseline = events[events["trial_type"] == "baseline"].iloc[0]
        assert (baseline["onset"], baseline["duration"]) == (5.0, 120.0)
        assert debate["trial"].unique().tolist() == ["02"]


def test_both_of_a_pair_have_one_stimulus(root):
    stimuli = [recording.events["stimulus"].iloc[-1] for recording in KEmoCon(root).recordings()]
    assert stimuli == ["debate-01", "debate-01", "debate-02"]


def test_ratings_that_last_too_long_lose_their_beginning_and_it_is_told(tmp_path):
    root = synthesise("k-emocon", tmp_path, n_subjects=1, surplus=3)
    recording = next(KEmoCon(root).recordings())
    written = ratings(1, "self", 11)["valence"].tolist()
    assert recording.events["valence"].tolist()[1:] == written[3:]
    assert recording.meta["missing"][0] == "ratings: the first 3 of P1.self.csv, which lasts longer than the debate"


def test_ratings_that_are_too_short_or_not_there_are_nan_and_told_of(tmp_path):
    root = synthesise("k-emocon", tmp_path, n_subjects=1, surplus=-2)
    (root / "emotion_annotations" / "partner_annotations" / "P1.partner.csv").unlink()
    recording = next(KEmoCon(root).recordings())
    assert recording.events["valence"].isna().tolist() == [True, *[False] * 6, True, True]
    assert recording.events["partner_valence"].isna().all()
    assert "ratings: P1.self.csv ends 2 steps before the debate" in recording.meta["missing"]
    assert "ratings: no partner_annotations/P1.partner.csv" in recording.meta["missing"]


def test_a_person_without_the_wristband_has_the_rest(tmp_path):
    root = synthesise("k-emocon", tmp_path, n_subjects=2, without_wrist=True)
    first, second = KEmoCon(root).recordings()
    assert set(first.signals) == {"polar_hr_bpm", "attention", "meditation", "band_power"}
    assert "ppg: no e4_data/1/E4_BVP.csv" in first.meta["missing"]
    assert (first.device, second.device) == (None, "empatica-e4")
    assert len(first.meta["rr_s"]) == 0
    report = check_dataset(KEmoCon(root))
    assert set(report.problems["subject"]) == {"", "P1"}


def test_check_names_only_the_missing_people(root):
    report = check_dataset(KEmoCon(root))
    assert report.problems["what"].str.startswith("3 of 32 people are here").tolist() == [True]
    assert report.people["n_trials"].tolist() == [1, 1, 1]


def test_check_names_a_rating_outside_the_scale(copy):
    path = copy / "emotion_annotations" / "self_annotations" / "P1.self.csv"
    table = pd.read_csv(path)
    table.loc[2, "angry"] = 5
    table.to_csv(path, index=False)
    what = check_dataset(KEmoCon(copy)).problems["what"].tolist()
    assert what[1:] == ["session 01, trial 01: angry of 5 is outside its scale, 1 to 4"]


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("e4_data/1/E4_BVP.csv", lambda t: t.replace("value", "bvp", 1), "no column 'value'; found timestamp, bvp"),
        ("e4_data/1/E4_BVP.csv", lambda t: t + "lost,1,2\n", "expected numbers with commas"),
        ("e4_data/1/E4_BVP.csv", lambda t: t + ",1,2\n", "a row has no timestamp"),
        (
            "emotion_annotations/self_annotations/P1.self.csv",
            lambda t: t.replace("\n10,", "\n11,"),
            "seconds: expected",
        ),
        ("metadata/subjects.csv", lambda t: t.replace("1550086405000", "1560086405000"), "pid 1: expected initTime"),
        ("metadata/subjects.csv", lambda t: t + t.splitlines()[1] + "\n", "pid 1 is there twice"),
        ("metadata/subjects.csv", lambda t: t + ",1,2,3\n", "a row has no pid"),
    ],
)
def test_a_damaged_table_is_named(copy, file, change, message):
    path = copy / file
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=rf"{path.name}: {message}"):
        next(KEmoCon(copy).recordings())


def test_a_clock_that_was_set_is_named(copy):
    path = copy / "e4_data" / "1" / "E4_EDA.csv"
    table = pd.read_csv(path)
    table.loc[100:, "timestamp"] += 200_000_000
    table.to_csv(path, index=False)
    with pytest.raises(DataError, match=r"P1: E4_EDA\.csv: its stamps jump"):
        next(KEmoCon(copy).recordings())


def test_tables_without_a_row_are_told_of(copy):
    path = copy / "neurosky_polar_data" / "1" / "Attention.csv"
    path.write_text("timestamp,value,entry_time\n")
    recording = next(KEmoCon(copy).recordings())
    assert "attention: Attention.csv holds no samples" in recording.meta["missing"]


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(DatasetLayoutError, match=r"no metadata/subjects\.csv .*expected a copy of K-EmoCon\. Apply"):
        DATASETS.get("k-emocon")(tmp_path).subjects()
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "subjects.csv").write_text("pid,initTime,startTime,endTime\n1,1,2,3\n")
    with pytest.raises(DatasetLayoutError, match=r"no e4_data/1 .*expected a copy of K-EmoCon"):
        KEmoCon(tmp_path).subjects()
