"""EEGMAT: what is bundled is what its authors describe."""

import shutil

import numpy as np
import pytest
from scipy.signal import welch

from affectbio._bundled import bundled
from affectbio.datasets import check_dataset
from affectbio.datasets.eegmat import EEGMAT
from affectbio.errors import ConfigError, DatasetLayoutError


@pytest.fixture(scope="module")
def recordings():
    return list(EEGMAT().recordings())


def test_every_person_rests_and_calculates_for_a_minute(recordings):
    assert len(recordings) == 2 * 28
    for rest, task in zip(recordings[::2], recordings[1::2], strict=True):
        assert rest.subject == task.subject
        for recording, kind in ((rest, "rest"), (task, "arithmetic")):
            [event] = recording.events.to_dict("records")
            assert event == {"onset": 0.0, "duration": 60.0, "trial_type": kind, "trial": kind, "stimulus": kind}
            eeg = recording.signal("eeg")
            assert (eeg.ch_names, eeg.sfreq) == (("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"), 125.0)
            assert 1e-6 < eeg.data.std() < 1e-4
            assert recording.consent.purposes == ("research", "teaching")
    subjects = [r.subject for r in recordings[::2]]
    assert subjects == sorted(set(subjects)) == EEGMAT().subjects()


def test_alpha_falls_from_rest_to_arithmetic_in_most_people(recordings):
    def alpha(recording):
        freqs, power = welch(recording.signal("eeg").pick(["O1", "O2", "P7", "P8"]).data, 125.0, nperseg=250)
        return power[:, (freqs >= 8) & (freqs <= 12)].mean()

    ratio = np.array([alpha(r) / alpha(t) for r, t in zip(recordings[::2], recordings[1::2], strict=True)])
    # In the full recordings with P3 P4 Pz for P7 P8 it falls in 33 of 36 people, by a factor of 1.9 in the median.
    assert (ratio > 1).sum() >= 23
    assert 1.3 < np.median(ratio) < 2.6


def test_some_people_only_in_the_order_asked_for():
    assert [r.subject for r in EEGMAT().recordings(["11", "00"])] == ["11", "11", "00", "00"]


def test_an_unknown_person_is_refused_before_anything_is_read():
    with pytest.raises(ConfigError, match="no subject '0'; "):
        next(EEGMAT().recordings(["00", "0"]))


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(DatasetLayoutError, match=r"no SubjectNN_1\.edf.*expected a copy of EEGMAT.*PhysioNet"):
        EEGMAT(tmp_path).subjects()
    with pytest.raises(DatasetLayoutError, match=r"no folder .*none; expected a copy of EEGMAT.*PhysioNet"):
        EEGMAT(tmp_path / "none")


def test_a_person_with_half_the_files_is_named_and_the_others_are_read(tmp_path):
    for name in ("Subject00_1.edf", "Subject00_2.edf", "Subject01_1.edf"):
        shutil.copy(bundled("eegmat") / name, tmp_path)
    data = EEGMAT(str(tmp_path))
    assert data.subjects() == ["00", "01"]
    assert len(list(data.recordings(["00"]))) == 2
    with pytest.raises(DatasetLayoutError, match=r"Subject01_2\.edf is not in .*a rest and a task file"):
        list(data.recordings(["01"]))
    report = check_dataset(data)
    assert report.problems["what"].str.contains("Subject01_2.edf is not in").any()


def test_what_is_bundled_is_what_the_facts_say():
    report = check_dataset(EEGMAT())
    assert report.is_complete
    assert report.people["n_trials"].tolist() == [2] * 28
