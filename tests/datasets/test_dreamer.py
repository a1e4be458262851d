"""DREAMER, read through an imitation of its one nested MAT file."""

import pickle
import struct
import zlib

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat, savemat

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets._matlab_cells import open_cells
from affectbio.datasets.dreamer import DREAMER
from affectbio.datasets.imitation.dreamer import samples, scores
from affectbio.errors import ConfigError, DataError, DatasetLayoutError

_FORMS = {"compressed": {}, "plain": {"compressed": False}, "v7.3": {"v73": True}}


@pytest.fixture(scope="module", params=_FORMS)
def root(request, tmp_path_factory):
    return synthesise(
        "dreamer", tmp_path_factory.mktemp("dreamer"), n_subjects=3, seconds=1, lost_trial=4, **_FORMS[request.param]
    )


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    root = synthesise("dreamer", tmp_path_factory.mktemp("dreamer"), n_subjects=2, seconds=1)
    return (root / "DREAMER.mat").read_bytes()


def test_scipy_finds_in_the_imitation_what_the_readers_of_others_expect(content, tmp_path):
    (tmp_path / "DREAMER.mat").write_bytes(content)
    whole = loadmat(tmp_path / "DREAMER.mat")["DREAMER"][0, 0]
    assert whole["Data"].shape == (1, 2)
    assert whole["EEG_SamplingRate"].item() == 128
    assert [str(name[0]) for name in whole["EEG_Electrodes"][0]][:2] == ["AF3", "F7"]
    person = whole["Data"][0, 1][0, 0]
    assert np.array_equal(person["EEG"][0, 0]["stimuli"][3, 0], samples("EEG", "stimuli", 1, 3, seconds=1))
    assert person["ECG"][0, 0]["baseline"][0, 0].shape == (256, 2)
    assert person["ScoreValence"].shape == (18, 1)


def test_every_clip_and_baseline_has_the_samples_that_were_written(root):
    data = DREAMER(root)
    assert data.subjects() == ["01", "02", "03"]
    recordings = list(data.recordings(["02"]))
    assert len(recordings) == 36
    for index, recording in enumerate(recordings):
        clip, part = index // 2, ("baseline", "stimuli")[index % 2]
        eeg, ecg = recording.signal("eeg"), recording.signal("ecg")
        np.testing.assert_array_equal(eeg.data, samples("EEG", part, 1, clip, seconds=1).T * 1e-6)
        np.testing.assert_array_equal(ecg.data, samples("ECG", part, 1, clip, seconds=1).T)
        assert (eeg.sfreq, ecg.sfreq, eeg.channels[3].name, eeg.channels[3].unit) == (128.0, 256.0, "FC5", "V")
        [event] = recording.events.to_dict("records")
        assert (event["trial"], event["stimulus"], event["onset"]) == (f"{clip + 1:02d}", f"{clip + 1:02d}", 0.0)
        assert event["duration"] == eeg.duration == ecg.duration
        if part == "baseline":
            assert event["trial_type"] == "baseline"
            assert pd.isna([event["valence"], event["emotion"]]).all()
        else:
            said = [event["valence"], event["arousal"], event["dominance"]]
            assert (event["trial_type"], said) == ("stimulus", scores(1)[:, clip].tolist())
    assert recordings[5].events["emotion"].item() == "amusement"
    assert (recordings[0].meta["age"], recordings[0].meta["gender"], recordings[0].meta["missing"]) == (
        "23",
        "female",
        (),
    )


def test_an_empty_cell_is_told_of_in_every_recording_of_that_person(root):
    recordings = list(DREAMER(root).recordings(["01"]))
    assert len(recordings) == 34
    assert "05" not in {r.events["trial"].item() for r in recordings}
    assert {r.meta["missing"] for r in recordings} == {
        tuple(f"trial 05: no {name} of the {part}" for part in ("baseline", "stimulus") for name in ("EEG", "ECG"))
    }


def test_people_are_read_in_any_order_and_by_a_copy_in_another_process(root):
    data = DREAMER(root)
    backwards = [next(data.recordings([s])).signal("eeg").data[0, 0] for s in ("03", "01", "02", "03")]
    assert backwards == [samples("EEG", "baseline", s, 0, seconds=1)[0, 0] * 1e-6 for s in (2, 0, 1, 2)]
    again = pickle.loads(pickle.dumps(data))
    assert next(again.recordings(["02"])).signal("eeg").data[0, 0] == backwards[2]


def test_only_the_person_asked_for_is_inflated(tmp_path):
    # What stands behind the first person is damaged, and the first is read all the same.
    path = synthesise("dreamer", tmp_path, n_subjects=3, seconds=1) / "DREAMER.mat"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    people = open_cells(path, "DREAMER", "Data")
    assert len(people) == 3
    assert people[0]["Age"] == "22"
    with pytest.raises(DataError, match=r"DREAMER\.mat.*cut short|DREAMER\.mat.*too early"):
        people[2]


def test_baselines_and_clips_have_the_publishers_lengths(tmp_path):
    baseline, film, *_ = DREAMER(synthesise("dreamer", tmp_path, n_subjects=1, compressed=False)).recordings()
    assert baseline.signal("eeg").data.shape == (14, 7808)
    assert film.signal("eeg").duration == 65


def test_check_names_only_the_missing_people(tmp_path):
    report = check_dataset(DREAMER(synthesise("dreamer", tmp_path, n_subjects=2, seconds=1)))
    assert report.problems["what"].str.startswith("2 of 23 people are here.").tolist() == [True]
    assert report.people["n_trials"].tolist() == [18, 18]


def test_check_names_a_wrong_scale_and_a_rating_outside_the_scale(tmp_path):
    path = synthesise("dreamer", tmp_path, n_subjects=1, seconds=1) / "DREAMER.mat"
    whole = loadmat(path)
    person = whole["DREAMER"][0, 0]["Data"][0, 0][0, 0]
    person["ScoreArousal"][2] = 9
    person["EEG"][0, 0]["stimuli"][0, 0] = person["EEG"][0, 0]["stimuli"][0, 0] * 1e-6  # volts
    savemat(path, {"DREAMER": whole["DREAMER"]})
    what = "\n".join(check_dataset(DREAMER(tmp_path)).problems["what"])
    assert "arousal of 9 is outside its scale, 1 to 5" in what
    assert "trial 01: eeg varies by 2" in what


def test_a_folder_of_something_else_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of DREAMER\. Apply at zenodo"):
            DREAMER(root).subjects()


def test_an_unknown_person_is_refused(tmp_path):
    data = DATASETS.get("dreamer")(synthesise("dreamer", tmp_path, n_subjects=1, seconds=1))
    with pytest.raises(ConfigError, match="no subject '23'"):
        next(data.recordings(["23"]))


def test_a_file_cut_anywhere_is_named(content, tmp_path):
    path = tmp_path / "DREAMER.mat"
    for n_bytes in (0, 60, 127, 130, 200, 1000, len(content) // 2, len(content) - 9000):
        path.write_bytes(content[:n_bytes])
        with pytest.raises(DataError, match=r"DREAMER\.mat"):
            list(DREAMER(tmp_path).recordings())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda p: p["EEG"]["stimuli"].__setitem__((3, 0), np.zeros((14, 128))),
            r"clip 4: .*\(time, 14\); found .*14, 128",
        ),
        (lambda p: p["ECG"].__setitem__("baseline", np.zeros((18, 4))), r"ECG\.baseline: expected a cell array of 18"),
        (lambda p: p.__setitem__("ScoreValence", np.zeros((17, 1))), r"ScoreValence: expected 18 numbers; .*\(17, 1\)"),
        (lambda p: p.pop("ECG"), r"person 01 has no ECG; expected a struct with"),
    ],
    ids=["transposed", "no cells", "a score short", "no ECG"],
)
def test_a_person_in_another_shape_is_named(change, message, tmp_path):
    cells = np.empty((18, 1), dtype=object)
    person = {f"Score{name}": np.ones((18, 1)) for name in ("Valence", "Arousal", "Dominance")}
    for modality, n_chans in (("EEG", 14), ("ECG", 2)):
        person[modality] = {}
        for part in ("baseline", "stimuli"):
            cells = np.empty((18, 1), dtype=object)
            cells[:, 0] = [np.zeros((9, n_chans)) for _ in range(18)]
            person[modality][part] = cells
    change(person)
    people = np.empty((1, 1), dtype=object)
    people[0, 0] = person
    savemat(tmp_path / "DREAMER.mat", {"DREAMER": {"Data": people}})
    with pytest.raises(DataError, match=message):
        list(DREAMER(tmp_path).recordings())


def test_a_mat_file_of_something_else_is_named(tmp_path):
    path = tmp_path / "DREAMER.mat"
    for variables, message in (
        ({"x": np.ones(3)}, "no variable 'DREAMER'; found x"),
        ({"DREAMER": np.ones(3)}, "expected one struct"),
        ({"DREAMER": {"Version": "1"}}, "no field 'Data'; found Version"),
        ({"DREAMER": {"Data": np.ones((3, 3))}}, "DREAMER.Data is of class 6 and shape .*; expected a cell array"),
    ):
        savemat(path, variables)
        with pytest.raises(DataError, match=message):
            DREAMER(tmp_path).subjects()
    with h5py.File(path, "w") as file:
        file["DREAMER"] = h5py.ExternalLink("/etc/elsewhere.mat", "/DREAMER")
    with pytest.raises(DataError, match=r"DREAMER\.mat.*'DREAMER' is a link, ExternalLink"):
        DREAMER(tmp_path).subjects()


def test_variables_before_the_one_asked_for_are_passed_over(tmp_path):
    cells = np.empty((1, 3), dtype=object)
    cells[0] = [np.arange(4.0), "three", {"a": np.ones((2, 2))}]
    for compressed in (False, True):
        savemat(
            tmp_path / "x.mat",
            {"first": np.zeros(100_000), "S": {"before": np.ones(70_000), "cells": cells}},
            do_compression=compressed,
        )
        found = open_cells(tmp_path / "x.mat", "S", "cells")
        assert found[1] == "three"
        assert found[2]["a"].tolist() == [[1, 1], [1, 1]]
        assert found[0].tolist() == [[0, 1, 2, 3]]
        with pytest.raises(IndexError):
            found[3]


def test_a_file_of_the_other_byte_order_is_read(tmp_path):
    # SciPy writes little-endian only: by hand, a struct with one field that is a cell of one matrix of doubles.
    def element(kind, data):
        return struct.pack(">2I", kind, len(data)) + data + bytes(-len(data) % 8)

    def matrix(kind, shape, name, *inside):
        head = element(6, struct.pack(">2I", kind, 0)) + element(5, struct.pack(">2i", *shape)) + element(1, name)
        return element(14, head + b"".join(inside))

    values = matrix(6, (1, 2), b"", element(9, struct.pack(">2d", 4.0, 5.0)))
    cell = matrix(1, (1, 1), b"", values)
    names = struct.pack(">I4s", 4 << 16 | 5, struct.pack(">i", 5)) + element(1, b"Data\0")
    whole = matrix(2, (1, 1), b"S", names, cell)
    for content in (whole, struct.pack(">2I", 15, len(zlib.compress(whole))) + zlib.compress(whole)):
        (tmp_path / "x.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI" + content)
        assert open_cells(tmp_path / "x.mat", "S", "Data")[0].tolist() == [[4.0, 5.0]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (struct.pack("<2I", 9, 128 * 14 * 8), struct.pack("<2I", 120, 128 * 14 * 8)),
        (struct.pack("<4I", 6, 8, 6, 0), struct.pack("<4I", 6, 8, 5, 0)),
        (struct.pack("<4I", 6, 8, 6, 0), struct.pack("<4I", 6 + 0x7900, 8, 6, 0)),
    ],
    ids=["a type that is none", "numbers as a sparse matrix", "flags of another type"],
)
def test_damage_that_scipy_does_not_look_for_is_named(old, new, tmp_path):
    # In loadmat of SciPy 1.17.1 the second ends Python, and the first may, by what lies behind its table of types.
    path = synthesise("dreamer", tmp_path, n_subjects=1, seconds=1, compressed=False) / "DREAMER.mat"
    whole = path.read_bytes()
    at = whole.index(old, whole.index(b"baseline"))
    path.write_bytes(whole[:at] + new + whole[at + len(old) :])
    with pytest.raises(DataError, match=r"DREAMER\.mat"):
        list(DREAMER(tmp_path).recordings())
