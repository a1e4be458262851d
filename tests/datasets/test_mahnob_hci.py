"""MAHNOB-HCI, read through an imitation of its BDF files and session.xml."""

import shutil

import mne
import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import DATASETS, check_dataset, synthesise
from affectbio.datasets.imitation.mahnob_hci import LABELS, ratings, samples, session_id
from affectbio.datasets.mahnob_hci import MAHNOBHCI
from affectbio.errors import DataError, DatasetLayoutError

# Half a step of the converter over the range that the imitation writes, in V.
_HALF_STEP = 0.5 * 2**19 / 2**24 * 1e-6
_SHORT = {"seconds": 2, "rest_s": 1}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesise("mahnob-hci", tmp_path_factory.mktemp("mahnob"), n_subjects=2, **_SHORT)


@pytest.fixture
def one(tmp_path):
    """Give a copy of one person with three clips, and the folder of the second."""
    root = synthesise("mahnob-hci", tmp_path, n_subjects=1, n_trials=3, **_SHORT)
    return root, root / "Sessions" / "4"


def test_sessions_come_by_number_with_their_ratings(root):
    data = MAHNOBHCI(root)
    assert data.subjects() == ["01", "02"]
    recordings = list(data.recordings(["02"]))
    # By number: as text, 140 comes before 14.
    assert [r.events["trial"][0] for r in recordings] == [f"{session_id(1, k):04d}" for k in range(20)]
    words = ("neutral", "anger", "disgust", "fear", "joy", "sadness", "surprise")
    for trial, recording in enumerate(recordings):
        session = session_id(1, trial)
        written = samples(session, recording.signal("eeg").n_times)
        eeg, body = recording.signal("eeg"), recording.signals
        np.testing.assert_allclose(eeg.data, written[:32] * 1e-6, rtol=0, atol=1.001 * _HALF_STEP)
        np.testing.assert_allclose(body["ecg"].data, written[32:35] * 1e-6, rtol=0, atol=1.001 * _HALF_STEP)
        np.testing.assert_allclose(body["eda"].data[0], 1 / written[35], rtol=1e-6)
        np.testing.assert_allclose(body["resp"].data[0], written[36], rtol=0, atol=0.02)
        np.testing.assert_allclose(body["temperature"].data[0], written[37], rtol=0, atol=0.02)
        assert (eeg.ch_names, eeg.sfreq) == (LABELS[:32], 256.0)
        assert [body[name].channels[0].unit for name in ("ecg", "eda", "temperature")] == ["V", "S", "degC"]
        baseline, stimulus = recording.events.to_dict("records")
        assert (baseline["trial_type"], baseline["onset"], baseline["duration"]) == ("baseline", 0.0, 1.0)
        assert (stimulus["trial_type"], stimulus["onset"], stimulus["duration"]) == ("stimulus", 1.0, 2.0 + trial % 5)
        assert {baseline["stimulus"], stimulus["stimulus"]} == {f"{trial + 1}.avi"}
        said = ratings(session)
        assert [stimulus[name] for name in ("arousal", "valence", "control", "predictability")] == [
            said[name] for name in ("feltArsl", "feltVlnc", "feltCtrl", "feltPred")
        ]
        felt = said["feltEmo"]
        assert stimulus["emotion"] == (words[felt] if felt < 7 else {11: "amusement", 12: "anxiety"}[felt])
        assert pd.isna([baseline["arousal"], baseline["emotion"]]).all()
        assert recording.meta["missing"] == ()


def test_mne_reads_the_imitation_as_the_readers_of_others_do(root):
    [path] = (root / "Sessions" / "10").glob("Part_1_S_Trial5_emotion.bdf")
    raw = mne.io.read_raw_bdf(path, stim_channel="Status", preload=True, verbose="error")
    events = mne.find_events(raw, stim_channel="Status", mask=0xFF, mask_type="and", verbose="error")
    assert raw.info["sfreq"] == 256
    recording = next(r for r in MAHNOBHCI(root).recordings(["01"]) if r.events["trial"][0] == "0010")
    assert (events[:, 0] / 256).tolist() == list(recording.meta["pulses_s"]) == [1.0, 7.0]
    assert events[:, 2].tolist() == [0x10, 0x10]
    np.testing.assert_allclose(recording.signal("eeg").data, raw.get_data(picks=list(LABELS[:32])), rtol=0, atol=1e-12)


def test_channels_are_found_by_name_and_conductance_is_only_scaled(tmp_path):
    root = synthesise("mahnob-hci", tmp_path, n_subjects=1, n_trials=1, shuffled=True, gsr_unit="nS", **_SHORT)
    recording = next(MAHNOBHCI(root).recordings())
    written = samples(2, recording.signal("eeg").n_times, gsr_unit="nS")
    assert recording.signal("eeg").ch_names == LABELS[:32]
    np.testing.assert_allclose(recording.signal("eeg").data, written[:32] * 1e-6, rtol=0, atol=1.001 * _HALF_STEP)
    np.testing.assert_allclose(recording.signal("eda").data[0], written[35] * 1e-9, rtol=1e-5)


def test_skin_in_an_unknown_unit_keeps_its_numbers(tmp_path):
    root = synthesise("mahnob-hci", tmp_path, n_subjects=1, n_trials=1, gsr_unit="arb", high_bits=False, **_SHORT)
    [channel] = next(MAHNOBHCI(root).recordings()).signal("eda").channels
    assert (channel.kind, channel.unit) == ("misc", "1")


def test_the_folder_of_the_sessions_is_taken_as_well(root):
    assert MAHNOBHCI(root / "Sessions").subjects() == ["01", "02"]


def test_check_names_only_the_missing_people(root):
    report = check_dataset(MAHNOBHCI(root))
    assert report.problems["what"].str.startswith("2 of 28 people are here.").tolist() == [True]
    assert report.people["n_trials"].tolist() == [20, 20]


def test_recordings_are_read_lazily(one):
    root, folder = one
    recordings = MAHNOBHCI(root).recordings()
    next(recordings)
    [path] = folder.glob("*.bdf")
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"Trial2_emotion\.bdf: not an EDF or BDF file"):
        next(recordings)


def test_what_is_missing_is_told_of(one):
    root, folder = one
    next(folder.glob("*.bdf")).unlink()
    (root / "Sessions" / "61" / "session.xml").unlink()
    recordings = list(MAHNOBHCI(root).recordings())
    assert [r.events["trial"][0] for r in recordings] == ["0002", "0006"]
    assert {r.meta["missing"] for r in recordings} == {("trial 0004: no BDF file", "session 61: no session.xml")}
    assert "2 trials; expected 20" in check_dataset(MAHNOBHCI(root)).problems["what"].tolist()


def test_a_truncated_file_is_named(one):
    root, folder = one
    [path] = folder.glob("*.bdf")
    whole = path.read_bytes()
    for n_bytes in (100, 5000, len(whole) - 3000):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(DataError, match=r"Trial2_emotion\.bdf: "):
            list(MAHNOBHCI(root).recordings())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"Status".ljust(16), b"Statue".ljust(16), "no channel Status; found Fp1"),
        (b"Cz".ljust(16), b"Xz".ljust(16), "no channel Cz; found Fp1"),
        (b"uV".ljust(8), b"furlong".ljust(8), "channel Fp1: no unit 'furlong'"),
    ],
    ids=["no trigger", "no Cz", "no volts"],
)
def test_a_header_that_is_not_as_published_is_named(one, old, new, message):
    root, folder = one
    [path] = folder.glob("*.bdf")
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(DataError, match=rf"Trial2_emotion\.bdf: {message}"):
        list(MAHNOBHCI(root).recordings())


def test_a_body_channel_that_is_not_there_is_told_of(one):
    root, folder = one
    [path] = folder.glob("*.bdf")
    path.write_bytes(path.read_bytes().replace(b"GSR1".ljust(16), b"Erg1".ljust(16), 1))
    second = list(MAHNOBHCI(root).recordings())[1]
    assert second.meta["missing"] == ("0004: no channel GSR1",)
    assert "eda" not in second.signals


def test_a_trigger_channel_without_the_end_of_the_clip_is_named(one, tmp_path):
    root, _ = one
    whole = next((root / "Sessions" / "2").glob("*.bdf"))
    # As long as a clip whose end lies behind the file's.
    other = synthesise("mahnob-hci", tmp_path / "other", n_subjects=1, n_trials=1, seconds=0, rest_s=3)
    shutil.copy(next((other / "Sessions" / "2").glob("*.bdf")), whole)
    with pytest.raises(DataError, match="expected pulses on Status at the beginning and the end of the clip; found 1"):
        next(MAHNOBHCI(root).recordings())


def test_two_files_in_one_session_are_refused(one):
    root, folder = one
    shutil.copy(next(folder.glob("*.bdf")), folder / "again.bdf")
    with pytest.raises(DataError, match=r"4: expected one BDF file; found Part_1_S_Trial2_emotion\.bdf, again\.bdf"):
        list(MAHNOBHCI(root).recordings())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '<!DOCTYPE s [<!ENTITY e SYSTEM "file:///etc/hostname">]><session feltArsl="1">&e;</session>',
            "no XML that is",
        ),
        ('<session feltArsl="1"><subject id="1"/>', "no XML that is read here"),
        ('<session feltArsl="1"/>', "expected <subject id=...> with a number"),
        ('<session feltArsl="much"><subject id="1"/></session>', "feltArsl: expected a number; found 'much'"),
        ('<session feltArsl="1" feltEmo="13"><subject id="1"/></session>', "feltEmo: expected 0 to 12; found 13"),
    ],
    ids=["entity", "cut", "nobody", "a word", "no such emotion"],
)
def test_a_damaged_or_malicious_session_is_named(one, text, message):
    root, folder = one
    (folder / "session.xml").write_text(text)
    with pytest.raises(DataError, match=rf"session\.xml.*{message}"):
        list(MAHNOBHCI(root).recordings())


def test_check_names_a_rating_outside_the_scale(one):
    root, folder = one
    (folder / "session.xml").write_text('<session feltArsl="10" feltVlnc="3"><subject id="1"/></session>')
    what = check_dataset(MAHNOBHCI(root)).problems["what"].tolist()
    assert "session 01, trial 0004: arousal of 10 is outside its scale, 1 to 9" in what


def test_a_folder_of_something_else_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError, match=r"expected a copy of MAHNOB-HCI\. Apply at mahnob-db"):
            DATASETS.get("mahnob-hci")(root).subjects()
