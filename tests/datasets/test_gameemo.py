"""GAMEEMO, read through an imitation of its CSV and MAT files."""

import csv

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets.gameemo import GAMEEMO
from affectbio.datasets.imitation.gameemo import samples
from affectbio.errors import ConfigError, DataError, DatasetLayoutError

_FORMS = {
    "csv": {},
    "without the comma": {"trailing_comma": False},
    "mat": {"formats": ("mat",)},
}


@pytest.fixture(scope="module", params=_FORMS)
def root(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gameemo")
    return synthesise("gameemo", folder, n_subjects=2, seconds=3, raw=True, **_FORMS[request.param])


@pytest.fixture
def one(tmp_path):
    """Give a copy of one person, and the file of the third game."""
    root = synthesise("gameemo", tmp_path, n_subjects=1, seconds=3)
    return root, root / "(S01)" / "Preprocessed EEG Data" / ".csv format" / "S01G3AllChannels.csv"


@pytest.mark.parametrize("form", ["preprocessed", "raw"])
def test_games_come_in_order_with_the_samples_that_were_written(root, form):
    data = GAMEEMO(root, form)
    assert data.subjects() == ["S01", "S02"]
    for subject in range(2):
        recordings = list(data.recordings([f"S0{subject + 1}"]))
        for game, recording in enumerate(recordings):
            eeg = recording.signal("eeg")
            written = samples(subject, game, seconds=3, raw=form == "raw")
            np.testing.assert_array_equal(eeg.data, written.T * 1e-6)
            assert (eeg.sfreq, eeg.ch_names[:3], eeg.channels[0].unit) == (128.0, ("AF3", "AF4", "F3"), "V")
            [event] = recording.events.to_dict("records")
            assert (event["trial"], event["stimulus"], event["duration"]) == (f"0{game + 1}", f"G{game + 1}", 3.0)
        said = [tuple(r.events[["emotion", "quadrant"]].iloc[0]) for r in recordings]
        assert said == [("boring", "LANV"), ("calm", "LAPV"), ("horror", "HANV"), ("funny", "HAPV")]
        assert recordings[0].meta["confounds"]


def test_the_imitation_has_the_publishers_header_and_length(tmp_path):
    root = synthesise("gameemo", tmp_path, n_subjects=1)
    path = root / "(S01)" / "Preprocessed EEG Data" / ".csv format" / "S01G1AllChannels.csv"
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert ",".join(rows[0]) == "AF3,AF4,F3,F4,F7,F8,FC5,FC6,O1,O2,P7,P8,T7,T8,"
    assert (len(rows) - 1, rows[1][14]) == (38252, "")
    assert [float(value) for value in rows[-1][:14]] == samples(0, 0)[-1].tolist()
    recording = next(GAMEEMO(root).recordings())
    assert recording.signal("eeg").duration == 298.84375
    assert recording.meta["missing"] == ("ratings: the forms are PDF files, which are not read",)
    assert check_dataset(GAMEEMO(root)).problems["what"].tolist() == [
        f"1 of 28 people are here. {GAMEEMO.facts.access}"
    ]


def test_channels_are_found_by_name(one):
    root, path = one
    rows = [line.rstrip(",").split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join(reversed(row)) for row in rows) + "\n")
    third = list(GAMEEMO(root).recordings())[2]
    np.testing.assert_array_equal(third.signal("eeg").data, samples(0, 2, seconds=3).T * 1e-6)


def test_a_lost_value_stays_lost_and_a_short_file_is_told_of(one):
    root, path = one
    lines = path.read_text().splitlines()
    lines[5] = "," + lines[5].partition(",")[2]
    path.write_text("\n".join(lines) + "\n")
    third = list(GAMEEMO(root).recordings())[2]
    assert np.argwhere(np.isnan(third.signal("eeg").data)).tolist() == [[0, 4]]
    assert third.meta["missing"][1] == "S01G3AllChannels.csv has 384 samples; the publisher's have 38252"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text[: text.rindex(",", 0, -20)],
            r"line 385 stops after \d+ of 14 numbers: the file is cut short",
        ),
        (lambda text: text.partition("\n")[0] + "\n", "expected 14 numbers in every line; found 0 in line 2"),
        (lambda text: "", "no channel AF3; expected AF3, AF4"),
        (lambda text: text.replace("O2", "Oz", 1), "no channel O2; expected .* found AF3"),
        (lambda text: text + "1,2,lost,4,5,6,7,8,9,10,11,12,13,14,\n", "expected 14 numbers in every line; .*lost"),
        (lambda text: text + "1," * 20 + "\n", "expected 14 numbers in every line; "),
    ],
    ids=["cut", "only a header", "empty", "another channel", "a word", "a longer line"],
)
def test_a_damaged_table_is_named(one, change, message):
    root, path = one
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=rf"S01G3AllChannels\.csv: {message}"):
        list(GAMEEMO(root).recordings())


def test_what_is_no_text_is_named(one):
    root, path = one
    content = path.read_bytes()
    for at in (10, len(content) // 2):
        path.write_bytes(content[:at] + b"\xac" + content[at + 1 :])
        with pytest.raises(DataError, match=r"S01G3AllChannels\.csv: "):
            list(GAMEEMO(root).recordings())


def test_a_damaged_mat_file_is_named(tmp_path):
    root = synthesise("gameemo", tmp_path, n_subjects=1, seconds=1, formats=("mat",))
    path = root / "(S01)" / "Preprocessed EEG Data" / ".mat format" / "S01G1AllChannels.mat"
    content = {k: v for k, v in loadmat(path).items() if not k.startswith("__")}
    savemat(path, content | {"P7": np.zeros((5, 1))})
    with pytest.raises(DataError, match=r"S01G1AllChannels\.mat: P7: expected 128 numbers .* \(5, 1\)"):
        next(GAMEEMO(root).recordings())
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match=r"S01G1AllChannels\.mat"):
        next(GAMEEMO(root).recordings())


def test_a_missing_game_is_named_and_the_others_are_read(one):
    root, path = one
    path.unlink()
    recordings = GAMEEMO(root).recordings()
    assert [next(recordings).events["stimulus"].item() for _ in range(2)] == ["G1", "G2"]
    with pytest.raises(DatasetLayoutError, match=r"no S01G3AllChannels\.csv .*begin with a dot are hidden"):
        next(recordings)
    assert any("S01G3AllChannels.csv" in what for what in check_dataset(GAMEEMO(root)).problems["what"])


def test_folders_without_brackets_are_taken(one):
    root, _ = one
    (root / "(S01)").rename(root / "S01")
    (root / "Gameplays").mkdir()
    assert GAMEEMO(root).subjects() == ["S01"]
    assert next(GAMEEMO(root).recordings()).subject == "S01"


def test_check_names_a_wrong_scale(one):
    root, path = one
    values = samples(0, 2, seconds=3) * 1e-6
    path.write_text(path.read_text().partition("\n")[0] + "\n" + "\n".join(",".join(map(str, v)) + "," for v in values))
    what = check_dataset(GAMEEMO(root)).problems["what"].tolist()
    assert what[1].startswith("session 01, trial 03: eeg varies by")


def test_a_folder_of_something_else_or_a_form_that_is_none_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of GAMEEMO\. Download it from Kaggle"):
            DATASETS.get("gameemo")(root).subjects()
    with pytest.raises(ConfigError, match="form of GAMEEMO"):
        GAMEEMO(tmp_path, "cooked")
