"""WESAD, read through an imitation of its pickles of Python 2."""

import os
import pickle

import numpy as np
import pytest

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets.imitation._python2 import dump_python2
from affectbio.datasets.imitation.wesad import answers, labels, samples
from affectbio.datasets.wesad import WESAD
from affectbio.errors import DataError, DatasetLayoutError

_WHERE = {
    "ecg": ("chest", "ECG", 1e-3), "emg": ("chest", "EMG", 1e-3), "eda": ("chest", "EDA", 1e-6),
    "resp": ("chest", "Resp", 1.0), "temperature": ("chest", "Temp", 1.0), "acc": ("chest", "ACC", 9.80665),
    "ppg": ("wrist", "BVP", 1.0), "wrist_eda": ("wrist", "EDA", 1e-6), "wrist_temperature": ("wrist", "TEMP", 1.0),
    "wrist_acc": ("wrist", "ACC", 9.80665 / 64),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("wesad", tmp_path_factory.mktemp("wesad"), n_subjects=3)


@pytest.fixture
def copy(tmp_path):
    return synthesise("wesad", tmp_path, n_subjects=1, unit_s=0.25)


def _rewrite(root, change, subject="S2"):
    path = root / subject / f"{subject}.pkl"
    with path.open("rb") as file:
        content = pickle.load(file, encoding="latin1")
    change(content)
    with path.open("wb") as file:
        dump_python2(content, file)


def test_every_sensor_has_the_samples_that_were_written_in_si_units(root):
    data = WESAD(root)
    assert data.subjects() == ["S2", "S3", "S4"]
    for subject, recording in enumerate(data.recordings()):
        for name, (device, sensor, factor) in _WHERE.items():
            written = samples(subject, device, sensor, 1.0)
            signal = recording.signal(name)
            np.testing.assert_allclose(signal.data, written.T * factor, rtol=1e-7)
            assert signal.n_times == round(22 * signal.sfreq)
            assert signal.data.flags.c_contiguous
        assert recording.signal("temperature").data.dtype == np.float32
        assert [recording.signal(name).channels[0].unit for name in ("ecg", "eda", "acc")] == ["V", "S", "m/s^2"]


def test_pickle_itself_finds_the_publishers_layout(root):
    with (root / "S3" / "S3.pkl").open("rb") as file:
        content = pickle.load(file, encoding="latin1")
    assert content["subject"] == "S3"
    assert content["signal"]["chest"]["ECG"].shape == (15400, 1)
    assert content["signal"]["wrist"]["ACC"].shape == (704, 3)
    assert content["label"].dtype == np.int32
    raw = (root / "S3" / "S3.pkl").read_bytes()
    assert b"numpy.core.multiarray\n_reconstruct" in raw


def test_pickles_that_are_all_text_are_read_as_well(tmp_path, root):
    text = synthesise("wesad", tmp_path, n_subjects=1, protocol=0)
    raw = (text / "S2" / "S2.pkl").read_bytes()
    assert raw.startswith(b"(dp")
    assert len(raw) > 2.5 * (root / "S2" / "S2.pkl").stat().st_size
    with (text / "S2" / "S2.pkl").open("rb") as file:
        assert pickle.load(file, encoding="latin1")["subject"] == "S2"
    one, other = next(WESAD(text).recordings()), next(WESAD(root).recordings())
    assert one.events.equals(other.events)
    for name, signal in one.signals.items():
        np.testing.assert_array_equal(signal.data, other.signal(name).data)


def test_events_are_the_runs_of_the_labels_and_the_order_of_stress_differs(root):
    first, second, _ = WESAD(root).recordings()
    assert first.events["stimulus"].tolist() == ["Base", "TSST", "Medi 1", "Fun", "Medi 2"]
    assert second.events["stimulus"].tolist() == ["Base", "Fun", "Medi 1", "TSST", "Medi 2"]
    assert second.events["trial_type"].tolist() == ["baseline", "amusement", "meditation", "stress", "meditation"]
    for subject, recording in enumerate((first, second)):
        codes = labels(subject, 1.0)
        for event, code in zip(recording.events.itertuples(), ((1, 2, 4, 3, 4), (1, 3, 4, 2, 4))[subject], strict=True):
            inside = codes[round(700 * event.onset) : round(700 * (event.onset + event.duration))]
            assert set(inside) == {code}
        assert recording.meta["left_out"] == ((5, 9.0, 1.0), (6, 17.0, 1.0), (7, 21.0, 1.0))


def test_ratings_are_those_of_the_condition_whatever_its_place(root):
    for subject, recording in enumerate(WESAD(root).recordings()):
        said = answers(subject)
        # The rows of the answers are in the order of that person's day, and so are the events.
        assert recording.events[["valence", "arousal"]].to_numpy().tolist() == said["DIM"].tolist()
        for name, numbers in said.items():
            assert recording.meta["questionnaires"][name] == numbers.tolist()


def test_an_answer_that_was_missed_stays_in_its_place(copy):
    path = copy / "S2" / "S2_quest.csv"
    rows = path.read_text().splitlines()
    at = next(i for i, row in enumerate(rows) if row.startswith("# DIM"))
    rows[at] = "# DIM;;4;;"
    path.write_text("\n".join(rows))
    events = next(WESAD(copy).recordings()).events
    assert np.isnan(events["valence"][0])
    assert events["arousal"][0] == 4


def test_order_and_labels_that_disagree_are_told_of(copy):
    path = copy / "S2" / "S2_quest.csv"
    path.write_text(path.read_text().replace("Base;TSST;Medi 1;Fun", "Base;Fun;Medi 1;TSST"))
    recording = next(WESAD(copy).recordings())
    assert recording.events.loc[1, "valence"] == answers(0)["DIM"][3, 0]
    assert "the conditions came as Base, Fun, Medi 1, TSST" in recording.meta["problem"]
    assert check_dataset(WESAD(copy)).problems["what"].str.contains("the conditions came as Base").any()


def test_what_is_not_there_is_told_of(tmp_path):
    root = synthesise("wesad", tmp_path, n_subjects=1, unit_s=0.25, with_answers=False, lost_wrist=True)
    recording = next(WESAD(root).recordings())
    assert recording.meta["missing"] == ("wrist_temperature: no TEMP of the wrist", "ratings: no S2_quest.csv")
    assert "wrist_temperature" not in recording.signals
    assert recording.events["valence"].isna().all()


def test_check_names_only_the_missing_people(root):
    report = check_dataset(WESAD(root))
    assert report.problems["what"].str.startswith("3 of 15 people are here").tolist() == [True]
    assert report.people["n_trials"].tolist() == [4, 4, 4]


def test_check_names_a_wrong_scale_a_dead_channel_and_a_rating_outside_the_scale(copy):
    def spoil(content):
        content["signal"]["chest"]["ECG"] *= 1e-3
        content["signal"]["wrist"]["ACC"][:, 1] = np.nan

    _rewrite(copy, spoil)
    path = copy / "S2" / "S2_quest.csv"
    path.write_text(path.read_text().replace("# DIM;1;", "# DIM;11;"))
    what = check_dataset(WESAD(copy)).problems["what"].tolist()
    assert any("ecg varies by 2" in words for words in what)
    assert any("wrist_acc: ACC_Y holds no number" in words for words in what)
    assert any("valence of 11 is outside its scale, 1 to 9" in words for words in what)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("label"), "expected a dictionary of signal, label and subject; found signal, subject"),
        (lambda c: c.update(subject="S9"), "it says it is of 'S9'; expected 'S2'"),
        (lambda c: c["signal"].pop("wrist"), "expected dictionaries chest and wrist"),
        (lambda c: c.update(label=c["label"].astype(float)), "label: expected whole numbers"),
        (lambda c: c["label"].__setitem__(3, 9), "label: expected 0 to 7; found 9"),
        (
            lambda c: c["signal"]["chest"].update(ECG=c["signal"]["chest"]["ECG"][:-5]),
            r"chest ECG has shape \(3845, 1\)",
        ),
        (
            lambda c: c["signal"]["wrist"].update(ACC=np.zeros((9, 2))),
            r"wrist ACC has shape \(9, 2\); expected \(n, 3\)",
        ),
        (lambda c: c["signal"]["chest"].update(EDA="none"), "chest EDA: expected numbers .* found str"),
    ],
    ids=["key", "person", "device", "float labels", "label", "short", "axes", "text"],
)
def test_a_pickle_that_is_not_the_publishers_is_named(copy, change, message):
    _rewrite(copy, change)
    with pytest.raises(DataError, match=rf"S2\.pkl: .*{message}|S2\.pkl: {message}"):
        next(WESAD(copy).recordings())


def test_a_wristband_that_lasts_shorter_is_told_of(copy):
    _rewrite(copy, lambda c: c["signal"]["wrist"].update(BVP=c["signal"]["wrist"]["BVP"][:100]))
    assert "ppg lasts 1.5625 s, the labels 5.5 s" in next(WESAD(copy).recordings()).meta["problem"]


def test_a_pickle_that_would_run_something_is_refused_and_nothing_of_it_is_run(copy, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    (copy / "S2" / "S2.pkl").write_bytes(pickle.dumps({"signal": Evil()}))
    with pytest.raises(DataError, match=r"S2\.pkl is refused: it asks for posix\.mkdir|S2\.pkl is refused"):
        next(WESAD(copy).recordings())
    assert not (tmp_path / "made").exists()


def test_a_cut_pickle_and_damaged_answers_are_named(copy):
    quest = copy / "S2" / "S2_quest.csv"
    text = quest.read_text()
    quest.write_text(text.replace("# STAI;", "# STAI;often;", 1))
    with pytest.raises(DataError, match=r"S2_quest\.csv: line \d+: STAI: expected numbers; found often"):
        next(WESAD(copy).recordings())
    quest.write_text(text.replace("# ORDER", "# OTHER"))
    with pytest.raises(DataError, match=r"S2_quest\.csv: no row '# ORDER'"):
        next(WESAD(copy).recordings())
    path = copy / "S2" / "S2.pkl"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"S2\.pkl cannot be read, it is cut short"):
        next(WESAD(copy).recordings())


def test_people_are_in_the_order_of_their_numbers(tmp_path):
    root = synthesise("wesad", tmp_path / "WESAD", n_subjects=11, unit_s=0.02)
    (root / "S99").mkdir()
    assert WESAD(tmp_path).subjects() == [f"S{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13)]


def test_a_folder_of_something_else_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of WESAD\. It is free"):
            DATASETS.get("wesad")(root).subjects()
