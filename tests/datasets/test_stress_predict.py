"""Stress-Predict, read through an imitation of both layouts."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets.imitation.stress_predict import TASKS, samples, tasks
from affectbio.datasets.stress_predict import StressPredict
from affectbio.errors import DataError, DatasetLayoutError

_FACTOR = {"acc": ("ACC", 9.80665 / 64), "ppg": ("BVP", 1.0), "eda": ("EDA", 1e-6), "temperature": ("TEMP", 1.0)}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("stress-predict", tmp_path_factory.mktemp("sp"), n_subjects=3, early_start=True, late_end=True)


@pytest.fixture(scope="module")
def authors(tmp_path_factory):
    return synthesise("stress-predict", tmp_path_factory.mktemp("sp"), n_subjects=2, authors=True)


@pytest.fixture
def copy(tmp_path):
    return synthesise("stress-predict", tmp_path, n_subjects=1)


@pytest.mark.parametrize("layout", ["root", "authors"])
def test_signals_are_those_that_were_written_in_si_units(layout, request):
    data = StressPredict(request.getfixturevalue(layout))
    for subject, recording in enumerate(data.recordings()):
        assert recording.subject == f"S{subject + 1:02d}"
        for name, (file, factor) in _FACTOR.items():
            np.testing.assert_allclose(recording.signal(name).data, samples(subject, file, 200).T * factor, rtol=1e-12)
        assert recording.signal("hr_bpm").start == 10.0
        assert recording.device == "empatica-e4"


def test_the_zip_holds_what_the_band_exports(root):
    with zipfile.ZipFile(root / "S02.zip") as archive:
        table = np.loadtxt(io.BytesIO(archive.read("EDA.csv")), delimiter=",")
    assert table[0] == 1_644_226_000 + 86400
    assert (table[1], table[2]) == (4.0, 0.0)
    assert next(StressPredict(root).recordings(["S02"])).signal("eda").data[0, 5] == pytest.approx(1e-6 * table[7])


def test_events_are_the_tasks_in_the_order_of_time(root):
    recording = next(StressPredict(root).recordings(["S02"]))
    table = pd.read_csv(root / "events.csv").query("subject == 'S02'")
    events = recording.events
    zero = recording.meta["unix_start"]
    assert events["stimulus"].tolist() == [name for name, _ in TASKS] == table["task"].tolist()
    np.testing.assert_array_equal(events["onset"], table["start_unix"] - zero)
    np.testing.assert_array_equal(events["onset"] + events["duration"], table["end_unix"] - zero)
    assert events["stress"].tolist() == [0, 1, 0, 1, 0, 1, 0, 0, 0]
    assert events["trial"].tolist() == [f"0{n}" for n in range(1, 10)]
    assert events["trial_type"].tolist() == [
        *("rest", "stroop", "rest", "interview", "rest", "hyperventilation", "rest", "questionnaire", "rest")
    ]
    assert events["start_source"].tolist() == ["tag"] * 9
    assert recording.meta["questionnaires"] == {"STAI_before": 41, "PSS_before": 11}
    assert recording.meta["tags_s"] == tuple(end - zero for _, _, end in tasks(1, 200)[:7])


def test_a_task_that_was_not_wholly_recorded_is_cut_and_told_of(root):
    recording = next(StressPredict(root).recordings(["S01"]))
    assert recording.events["onset"].iloc[0] == 0
    assert recording.events["onset"].iloc[-1] + recording.events["duration"].iloc[-1] == 200
    assert recording.meta["missing"] == (
        "baseline: 5.0 s of it were not recorded",
        "relax_final: 7.0 s of it were not recorded",
    )


def test_a_task_outside_the_recording_is_told_of_and_keeps_its_number(copy):
    table = pd.read_csv(copy / "events.csv")
    table.loc[0, ["start_unix", "end_unix"]] -= 1000
    table.to_csv(copy / "events.csv", index=False)
    recording = next(StressPredict(copy).recordings())
    assert recording.events["trial"].tolist()[:2] == ["02", "03"]
    assert recording.meta["missing"] == ("baseline: it lies outside the recording, -994.0 to -970.0 s of 200.0",)


def test_windows_carry_the_task_and_the_person(root):
    windows = next(StressPredict(root).recordings(["S03"])).windows(5, 5, signal="eda")
    assert windows.X.shape[1:] == (1, 20)
    assert set(windows.metadata["subject"]) == {"S03"}
    assert set(windows.metadata.loc[windows.metadata["stress"] == 1, "stimulus"]) == {
        *("stroop", "interview", "hyperventilation")
    }


def test_labels_of_every_second_become_tasks_in_the_authors_layout(authors):
    first, second = StressPredict(authors).recordings()
    assert first.events.empty
    assert first.meta["missing"] == ("events: no P1_comb_binary.csv",)
    table = {name: (begin, end) for name, begin, end in tasks(1, 200)}
    events = second.events.set_index("stimulus")
    zero = second.meta["unix_start"]
    for task in ("stroop", "interview", "hyperventilation"):
        assert events.loc[task, "onset"] == table[task][0] - zero
        assert events.loc[task, "duration"] == table[task][1] - table[task][0]
        assert (events.loc[task, "trial_type"], events.loc[task, "stress"]) == (task, 1)
    assert events.index.tolist() == [
        *("baseline", "stroop", "relax1", "interview", "relax2", "hyperventilation", "relax3")
    ]
    assert len(second.meta["tags_s"]) == 7
    assert check_dataset(StressPredict(authors)).problems["what"].str.startswith("2 of 35 people").tolist() == [True]


def test_stretches_that_are_not_three_are_not_given_names(authors, tmp_path):
    root = synthesise("stress-predict", tmp_path, n_subjects=2, authors=True)
    path = root / "Processed_data" / "heartrate_timestamps_labels" / "P2_comb_binary.csv"
    table = pd.read_csv(path)
    table.loc[60:90, "Label"] = 0
    table.to_csv(path, index=False)
    recording = list(StressPredict(root).recordings())[1]
    assert set(recording.events["stimulus"]) == {"baseline", "stress1", "relax1", "stress2", "relax2"}
    assert recording.meta["missing"] == ("tasks: 2 stretches of stress in P2_comb_binary.csv",)
    path.write_text(path.read_text().replace(",1\n", ",7\n"))
    with pytest.raises(DataError, match=r"P2_comb_binary\.csv: expected labels of 0 or 1"):
        list(StressPredict(root).recordings(["S02"]))


def test_check_names_only_the_missing_people(root):
    report = check_dataset(StressPredict(root))
    assert report.problems["what"].str.startswith("3 of 35 people are here").tolist() == [True]
    assert report.people["n_trials"].tolist() == [9, 9, 9]
    assert report.missing["subject"].tolist() == ["S01", "S01"]


def test_check_names_a_band_that_was_not_worn_and_a_label_outside_the_scale(copy):
    with zipfile.ZipFile(copy / "S01.zip") as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    files["EDA.csv"] = "1644226000.0\n4.0\n" + "0.0\n" * 800
    with zipfile.ZipFile(copy / "S01.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    table = (copy / "events.csv").read_text()
    (copy / "events.csv").write_text(table.replace("tag,tag,1", "tag,tag,2"))
    what = check_dataset(StressPredict(copy)).problems["what"].tolist()
    assert any("eda varies by 0 S" in words for words in what)
    assert any("EDA holds one value only" in words for words in what)
    assert any("stress of 2 is outside its scale, 0 to 1" in words for words in what)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("start_unix", "begin"), "no column 'start_unix'; found subject, task, begin"),
        (lambda text: text.replace("stroop,16", "stroop,x16"), "start_unix holds something that is no number"),
        (lambda text: "", "expected a table"),
    ],
    ids=["column", "word", "empty"],
)
def test_a_damaged_table_of_events_is_named(copy, change, message):
    path = copy / "events.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=rf"events\.csv: {message}"):
        next(StressPredict(copy).recordings())


def test_a_cut_zip_is_named(copy):
    path = copy / "S01.zip"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DatasetLayoutError, match=r"S01\.zip is neither a folder nor a zip"):
        next(StressPredict(copy).recordings())
    assert check_dataset(StressPredict(copy)).problems["what"].str.startswith("cannot be read").tolist()[-1]


def test_without_a_table_of_events_nothing_is_guessed(copy):
    (copy / "events.csv").unlink()
    with pytest.raises(DatasetLayoutError, match=r"no events\.csv, which says when the tasks were"):
        next(StressPredict(copy).recordings())


def test_a_folder_of_something_else_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of Stress-Predict\. It is free"):
            DATASETS.get("stress-predict")(root).subjects()
