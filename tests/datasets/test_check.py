"""What `check_dataset` finds, on a data set made up in memory."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import Dataset, Facts, SignalFacts, check_dataset
from affectbio.errors import ConfigError, DataError, DatasetLayoutError
from affectbio.types import Channel, Recording, Signal

_CHANNELS = [Channel(name) for name in ("Fz", "Cz", "Pz")]


class Made(Dataset):
    """Two people with two trials each, whose recordings a test changes."""

    facts = Facts(
        title="Made",
        source="nowhere",
        access="Ask the tests.",
        n_subjects=2,
        n_recordings=2,
        n_trials=2,
        signals={"eeg": SignalFacts(3, 100.0, 1e-6, 1e-4)},
        ratings={"valence": (1.0, 9.0)},
    )

    def __init__(self, root, change=lambda recording: recording, people=("s1", "s2")):
        super().__init__(root)
        self.change, self.people = change, list(people)

    def subjects(self):
        return self.people

    def _read(self, subject):
        for trial in range(2):
            rng = np.random.default_rng([int(subject[1:]), trial])
            eeg = Signal(1e-5 * rng.standard_normal((3, 500)), 100.0, _CHANNELS)
            events = pd.DataFrame(
                {
                    "onset": [0.0, 1.0],
                    "duration": [1.0, 4.0],
                    "trial_type": ["baseline", "stimulus"],
                    "trial": f"0{trial + 1}",
                    "valence": [np.nan, 5.0],
                }
            )
            yield self.change(Recording({"eeg": eeg}, subject=subject, events=events))


def _with_data(change):
    def changed(recording):
        data = recording.signal("eeg").data.copy()
        change(data)
        return replace(recording, signals={"eeg": replace(recording.signal("eeg"), data=data)})

    return changed


def _with_events(**columns):
    return lambda recording: replace(recording, events=recording.events.assign(**columns))


def test_a_good_copy_is_complete_and_counted(tmp_path):
    seen = []
    report = check_dataset(Made(tmp_path), lambda *about: seen.append(about))
    assert report.is_complete
    assert report.people.values.tolist() == [["s1", 2, 2, 10 / 60, 0], ["s2", 2, 2, 10 / 60, 0]]
    assert seen == [("s1", 0, 2), ("s2", 1, 2)]
    assert report.missing.empty
    assert report.known == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_with_data(lambda x: x.__imul__(1e6)), r"eeg varies by 9\.\d+ V; expected 1e-06 to 0\.0001 V: another scale"),
        (_with_data(lambda x: x.__imul__(1e-6)), r"eeg varies by \S+e-1\d V"),
        (_with_data(lambda x: x.fill(np.nan)), "eeg varies by nan V"),
        (_with_data(lambda x: x[1].fill(np.nan)), "eeg: Cz holds no number"),
        (_with_data(lambda x: x[1:].fill(3e-6)), "eeg: Cz, Pz hold one value only"),
        (
            lambda r: replace(r, signals={"eeg": r.signal("eeg").pick(["Fz"])}),
            "eeg has 1 channels at 100 Hz; expected 3",
        ),
        (lambda r: replace(r, signals={"eeg": replace(r.signal("eeg"), sfreq=128.0)}), "eeg has 3 channels at 128 Hz"),
        (lambda r: replace(r, signals={"ecg": r.signal("eeg")}), "no signal 'eeg'; expected 3 channels at 100 Hz"),
        (_with_events(valence=[np.nan, 9.5]), r"valence of 9\.5 is outside its scale, 1 to 9"),
        (lambda r: replace(r, events=r.events.drop(columns="valence")), "no ratings of valence"),
        (_with_events(duration=[1.0, 7.0]), "the event 'stimulus' at 1 to 8 s lies outside the samples, 0 to 5 s"),
        (_with_events(onset=[-4.0, 1.0]), "the event 'baseline' at -4 to -3 s lies outside"),
        (lambda r: replace(r, meta={"problem": "the table is torn"}), "^the table is torn$"),
    ],
)
def test_what_is_odd_of_a_recording_is_named(tmp_path, change, message):
    report = check_dataset(Made(tmp_path, change))
    assert not report.is_complete
    found = report.problems[report.problems["what"].str.contains(message)]
    assert set(found["subject"]) == {"s1", "s2"}
    assert (report.people["problems"] > 0).all()


def test_a_device_whose_clock_is_a_little_off_is_none(tmp_path):
    def slow(recording):
        return replace(recording, signals={"eeg": replace(recording.signal("eeg"), sfreq=99.8)})

    assert check_dataset(Made(tmp_path, slow)).is_complete


def test_a_trial_in_several_pieces_is_one(tmp_path):
    def pieces(recording):
        half = recording.events.iloc[[1]].assign(duration=2.0)
        return replace(recording, events=pd.concat([half, half.assign(onset=3.0)], ignore_index=True))

    assert check_dataset(Made(tmp_path, pieces)).is_complete


def test_two_recordings_of_the_same_samples_are_named(tmp_path):
    same = 1e-5 * np.random.default_rng(0).standard_normal((3, 500))
    what = check_dataset(Made(tmp_path, _with_data(lambda x: np.copyto(x, same)))).problems["what"].tolist()
    assert what[0] == "session 01, trial 02: has the very samples of s1, session 01, trial 01"
    assert len(what) == 3


def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_being_checked(tmp_path):
    def fail(recording):
        if recording.subject == "s1":
            raise DataError("s1.dat: cut short")
        return recording

    report = check_dataset(Made(tmp_path, fail))
    assert report.problems.values.tolist() == [["s1", "cannot be read: s1.dat: cut short"]]
    assert report.people["n_recordings"].tolist() == [0, 2]


def test_missing_people_are_counted_with_where_to_ask_for_them(tmp_path):
    report = check_dataset(Made(tmp_path, people=["s2"]))
    assert report.problems.values.tolist() == [["", "1 of 2 people are here. Ask the tests."]]


def test_counts_that_differ_are_named_unless_they_are_known_or_not_stated(tmp_path):
    data = Made(tmp_path)
    data.facts = replace(Made.facts, n_trials=3, n_recordings=4)
    assert check_dataset(data).problems["what"].tolist() == ["2 recordings; expected 4", "2 trials; expected 3"] * 2
    data.facts = replace(Made.facts, n_trials=3, absent={"s1": "one trial was lost"})
    report = check_dataset(data)
    assert report.problems.values.tolist() == [["s2", "2 trials; expected 3"]]
    assert report.known == ("s1: one trial was lost",)
    data.facts = replace(Made.facts, n_trials=None, n_recordings=None)
    assert check_dataset(data).is_complete


def test_what_recordings_say_they_lack_is_listed_once_and_no_problem(tmp_path):
    report = check_dataset(Made(tmp_path, lambda r: replace(r, meta={"missing": ("familiarity",)})))
    assert report.is_complete
    assert report.missing.values.tolist() == [["s1", "familiarity"], ["s2", "familiarity"]]


def test_people_are_asked_for_by_name_before_anything_is_read(tmp_path):
    def fail(recording):
        raise AssertionError

    with pytest.raises(ConfigError, match="no subject 's3'; did you mean"):
        next(Made(tmp_path, fail).recordings(["s1", "s3"]))


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(DatasetLayoutError, match=r"no folder .*none; expected a copy of Made\. Ask the tests\."):
        Made(tmp_path / "none")
