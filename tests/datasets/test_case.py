"""CASE, read through an imitation of its interpolated tables."""

import csv

import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets.case import CASE
from affectbio.datasets.imitation.case import COLUMNS, joystick, order, samples
from affectbio.errors import DataError, DatasetLayoutError

_FACTOR = {"ecg": 1e-3, "ppg": 1.0, "eda": 1e-6, "resp": 1.0, "temperature": 1.0, "emg": 1e-6}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("case", tmp_path_factory.mktemp("case"), n_subjects=2, seconds=0.5, lost_video=7)


@pytest.fixture
def one(tmp_path):
    root = synthesise("case", tmp_path, n_subjects=1, seconds=0.1)
    return root, root / "data" / "interpolated" / "physiological" / "sub_1.csv"


def test_signals_are_those_that_were_written_in_si_units(root):
    for subject, recording in enumerate(CASE(root).recordings()):
        shown = [v for v in order(subject) if subject or v != 7]
        written = dict(zip(COLUMNS, samples(subject, 500 * len(shown)).T, strict=True))
        columns = {"ecg": ["ecg"], "ppg": ["bvp"], "eda": ["gsr"], "resp": ["rsp"], "temperature": ["skt"]}
        columns["emg"] = ["emg_zygo", "emg_coru", "emg_trap"]
        for name, factor in _FACTOR.items():
            expected = np.stack([written[column] for column in columns[name]]) * factor
            np.testing.assert_allclose(recording.signal(name).data, expected, rtol=1e-12)
            assert recording.signal(name).sfreq == 1000
        said = joystick(subject, np.repeat(shown, 500)[::50])
        np.testing.assert_array_equal(recording.signal("annotation").data, said.T)
        assert recording.signal("annotation").ch_names == ("valence", "arousal")
        assert recording.signal("emg").channels[1].unit == "V"


def test_the_tables_are_laid_out_as_the_publishers(root):
    with (root / "data" / "interpolated" / "physiological" / "sub_2.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["daqtime", "ecg", "bvp", "gsr", "rsp", "skt", "emg_zygo", "emg_coru", "emg_trap", "video"]
    assert (rows[7]["daqtime"], rows[0]["video"], rows[-1]["video"]) == ("7", "10", "12")
    assert float(rows[7]["ecg"]) == samples(1, len(rows))[7, 0]


def test_events_are_the_videos_in_the_order_in_which_that_person_saw_them(root):
    recording = list(CASE(root).recordings())[1]
    events = recording.events
    assert events["stimulus"].astype(int).tolist() == order(1)
    assert events["trial"].is_unique
    clips = events[events["trial_type"] == "stimulus"]
    assert clips["position"].tolist() == list(range(1, 9))
    said = dict(zip(clips["stimulus"], clips["emotion"], strict=True))
    assert said == {
        **{"1": "amusing", "2": "amusing", "3": "boring", "4": "boring"},
        **{"5": "relaxed", "6": "relaxed", "7": "scary", "8": "scary"},
    }
    videos = np.repeat(order(1), 10)
    rated = joystick(1, videos)
    for clip in clips.itertuples():
        expected = rated[videos == int(clip.stimulus)].mean(axis=0)
        assert [clip.valence, clip.arousal] == pytest.approx(expected.tolist())
    assert (
        events.loc[events["trial_type"] == "blue-screen", ["valence", "arousal", "position", "emotion"]]
        .isna()
        .all(axis=None)
    )


def test_a_clip_that_was_not_shown_is_told_of(root):
    recording = next(CASE(root).recordings())
    assert recording.meta["missing"] == ("video 7: it was not shown",)
    problems = check_dataset(CASE(root)).problems["what"].tolist()
    assert problems[1:] == ["7 trials; expected 8"]


def test_check_names_only_the_missing_people_in_a_good_copy(one):
    report = check_dataset(CASE(one[0]))
    assert report.problems["what"].str.startswith("1 of 30 people are here").tolist() == [True]


def test_people_are_in_the_order_of_their_numbers(tmp_path):
    root = synthesise("case", tmp_path, n_subjects=11, seconds=0.05)
    assert CASE(root).subjects() == [f"sub_{n}" for n in range(1, 12)]
    assert CASE(root / "data" / "interpolated").subjects()[-1] == "sub_11"


def test_check_names_a_wrong_scale_and_a_rating_outside_the_scale(one):
    root, path = one
    table = pd.read_csv(path)
    table["ecg"] *= 1e-3
    table.to_csv(path, index=False)
    said = path.parent.parent / "annotations" / "sub_1.csv"
    table = pd.read_csv(said)
    table["valence"] += 20
    table.to_csv(said, index=False)
    what = check_dataset(CASE(root)).problems["what"].tolist()
    assert any("ecg varies by 2" in words for words in what)
    assert any("valence of" in words and "outside its scale, 0.5 to 9.5" in words for words in what)


def test_a_file_that_is_cut_between_two_lines_is_told_of(tmp_path):
    root = synthesise("case", tmp_path, n_subjects=1, seconds=0.2)
    path = root / "data" / "interpolated" / "physiological" / "sub_1.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:2500]) + "\n")
    recording = next(CASE(root).recordings())
    assert recording.meta["problem"] == "sub_1.csv: physiology of 2.499 s, joystick of 3.8 s: one is cut"
    assert recording.meta["problem"] in check_dataset(CASE(root)).problems["what"].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-8], "line 1901: video: expected 1 to 8"),
        (lambda text: text.replace("\n5,", "\n9,", 1), "line 7: expected the time 5 ms, 1 ms a line; found 9"),
        (lambda text: text.replace("gsr", "eda", 1), "no column 'gsr'; found daqtime"),
        (lambda text: text.replace("\n5,", "\nfive,", 1), "expected numbers with commas"),
        (lambda text: text.partition("\n")[0] + "\n", "it holds no samples"),
        (lambda text: "", "expected numbers"),
    ],
    ids=["cut", "gap", "column", "word", "header only", "empty"],
)
def test_a_damaged_table_is_named(one, change, message):
    root, path = one
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=rf"sub_1\.csv: {message}"):
        next(CASE(root).recordings())


def test_a_person_without_the_joystick_is_named(one):
    root, path = one
    (path.parent.parent / "annotations" / "sub_1.csv").unlink()
    with pytest.raises(DatasetLayoutError, match=r"no .*annotations.sub_1\.csv; every person"):
        next(CASE(root).recordings())


def test_a_folder_of_something_else_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of CASE\. It is free"):
            DATASETS.get("case")(root).subjects()
