"""DEAP in its three forms, through imitations that are also opened without our reader."""

import pickle
import shutil
from itertools import islice

import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import check_dataset, synthesise
from affectbio.datasets.deap import CHANNELS, DEAP
from affectbio.datasets.imitation.deap import TWENTE, ratings, samples
from affectbio.errors import ConfigError, DataError, DatasetLayoutError

RATINGS = ["valence", "arousal", "dominance", "liking"]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    # Of full size, 103 MB a person: taken away at the end.
    root = synthesise("deap", tmp_path_factory.mktemp("deap") / "python", n_subjects=1, seed=3)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("deap") / "original"
    synthesise("deap", root, form="original", subjects=[1, 23, 28], sfreq=16, high_bits=True)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def trials(python):
    return list(DEAP(python).recordings(["s01"]))


def test_every_trial_has_the_samples_of_its_video_in_si_units(python, trials):
    with (python / "data_preprocessed_python" / "s01.dat").open("rb") as file:
        direct = pickle.load(file, encoding="latin1")
    assert len(trials) == 40
    for video in (1, 2, 10, 11, 40):
        recording, expected = trials[video - 1], direct["data"][video - 1]
        np.testing.assert_array_equal(expected, samples(3, 1, video))
        signals = recording.signals
        np.testing.assert_allclose(signals["eeg"].data, expected[:32] * 1e-6, rtol=1e-12)
        np.testing.assert_allclose(signals["eog"].data, expected[32:34] * 1e-6, rtol=1e-12)
        np.testing.assert_allclose(signals["emg"].data, expected[34:36] * 1e-6, rtol=1e-12)
        np.testing.assert_allclose(signals["eda"].data, 1 / expected[36:37], rtol=1e-12)
        for name, row in (("resp", 37), ("ppg", 38), ("temperature", 39)):
            np.testing.assert_array_equal(signals[name].data, expected[row : row + 1])
    assert {s.sfreq for s in signals.values()} == {128.0}
    assert signals["eeg"].ch_names == CHANNELS
    assert [s.channels[0].unit for s in signals.values()] == ["V", "V", "V", "S", "1", "1", "degC"]
    assert (recording.subject, recording.meta["dataset"], recording.meta["missing"]) == ("s01", "deap", ())


def test_ratings_stand_with_their_video_on_their_own_scale(trials):
    values, shown = ratings(3, 1)
    for video, recording in enumerate(trials, 1):
        baseline, stimulus = recording.events.to_dict("records")
        assert (baseline["onset"], baseline["duration"], baseline["trial_type"]) == (0.0, 3.0, "baseline")
        assert (stimulus["onset"], stimulus["duration"], stimulus["trial_type"]) == (3.0, 60.0, "stimulus")
        for event in (baseline, stimulus):
            assert (event["trial"], event["stimulus"], event["position"]) == (
                f"{video:02d}",
                f"{video:02d}",
                shown[video - 1],
            )
        assert [stimulus[name] for name in (*RATINGS, "familiarity")] == list(values[video - 1])
        assert np.isnan([baseline[name] for name in RATINGS]).all()


def test_a_kept_trial_does_not_keep_the_file(trials):
    assert all(signal.data.base.nbytes <= 40 * 8064 * 8 for signal in trials[0].signals.values())


def test_recordings_are_read_when_asked_for(python, monkeypatch):
    read = []
    monkeypatch.setattr("affectbio.datasets.deap.load_pickle", lambda path: read.append(path) or pickle.loads(b"N."))
    recordings = DEAP(python).recordings()
    assert read == []
    with pytest.raises(DataError, match=r"s01\.dat: expected a dictionary of data and labels; found NoneType"):
        next(recordings)


def test_a_good_copy_lacks_only_people(python):
    report = check_dataset(DEAP(python))
    assert report.people[["subject", "n_recordings", "n_trials", "problems"]].values.tolist() == [["s01", 40, 40, 0]]
    assert [what[:27] for what in report.problems["what"]] == ["1 of 32 people are here. It"]


def test_matlab_files_hold_the_same(tmp_path_factory, trials):
    root = synthesise("deap", tmp_path_factory.mktemp("deap") / "mat", form="matlab", n_subjects=1, seed=3)
    for one, other in zip(islice(DEAP(root).recordings(), 3), trials, strict=False):
        pd.testing.assert_frame_equal(one.events, other.events)
        np.testing.assert_array_equal(one.signals["eeg"].data, other.signals["eeg"].data)
    # Both forms side by side: the pickles are taken, unless asked otherwise; and either folder is enough.
    (root / "data_preprocessed_python").mkdir()
    (root / "data_preprocessed_python" / "s02.dat").write_bytes(b"")
    assert (DEAP(root).form, DEAP(root).subjects()) == ("python", ["s02"])
    assert (DEAP(root, form="matlab").subjects(), DEAP(root / "data_preprocessed_matlab").form) == (["s01"], "matlab")
    assert "position" in next(DEAP(root / "data_preprocessed_matlab").recordings()).events
    shutil.rmtree(root)


def test_people_are_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 32, 1):
        (tmp_path / f"s{number:02d}.dat").write_bytes(b"")
    (tmp_path / "s01.dat.part").write_bytes(b"")
    assert DEAP(tmp_path).subjects() == ["s01", "s02", "s10", "s32"]


def save(folder, data, labels, **more):
    with (folder / "s01.dat").open("wb") as file:
        pickle.dump({"data": data, "labels": labels, **more}, file, protocol=4)
    return DEAP(folder)


@pytest.fixture(scope="module")
def zeros():
    # Ones, which take no memory until they are written.
    return np.broadcast_to(np.float32(1), (40, 40, 8064)), np.full((40, 4), 5.0)


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ((40, 40, 7680), r"data has shape \(40, 40, 7680\); expected \(40, 40, 8064\)"),
        ((40, 32, 100), r"data has shape \(40, 32, 100\)"),
    ],
)
def test_data_of_another_shape_are_refused(tmp_path, shape, why):
    with pytest.raises(DataError, match=why):
        next(save(tmp_path, np.zeros(shape, dtype=np.float32), np.ones((40, 4))).recordings())


def test_labels_and_types_that_are_not_the_publishers_are_refused(tmp_path, zeros):
    data, labels = zeros
    with pytest.raises(DataError, match=r"labels has shape \(40, 3\); expected \(40, 4\)"):
        next(save(tmp_path, np.ascontiguousarray(data), labels[:, :3]).recordings())
    with pytest.raises(DataError, match="data is a int64 array; expected an array of floating-point"):
        next(save(tmp_path, np.arange(3), labels).recordings())
    (tmp_path / "s01.dat").write_bytes(pickle.dumps([1]))
    with pytest.raises(DataError, match="expected a dictionary of data and labels; found list"):
        next(DEAP(tmp_path).recordings())
    (tmp_path / "s01.dat").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DataError, match=r"s01\.dat is refused: it asks for os\.system"):
        next(DEAP(tmp_path).recordings())


def test_what_looks_wrong_is_told_not_mended(tmp_path, zeros):
    data = np.array(zeros[0])
    rng = np.random.default_rng(0)
    data += rng.standard_normal(8064, dtype=np.float32)
    data[:, :36] *= 1e6  # a copy in picovolts
    data[:, 36] = 1e5
    data[0, 36, 5] = -3.0
    data[1, 3] = np.nan
    labels = zeros[1].copy()
    labels[2, 1] = 9.5
    dataset = save(tmp_path, data, labels)
    one, two, *_ = recordings = list(dataset.recordings())
    assert one.meta["missing"] == ("eda: the GSR channel falls to -3, which no resistance does; kept as 'gsr'",)
    assert "eda" not in one.signals
    np.testing.assert_array_equal(one.signals["gsr"].data[0], data[0, 36])
    assert np.isnan(two.signals["eeg"].data[3]).all()
    assert np.isfinite(np.delete(two.signals["eeg"].data, 3, axis=0)).all()
    assert "position" not in recordings[2].events
    problems = check_dataset(dataset).problems["what"].tolist()
    assert "session 01, trial 01: no signal 'eda'; expected 1 channels at 128 Hz" in problems
    assert "session 01, trial 03: arousal of 9.5 is outside its scale, 1 to 9" in problems
    assert sum("eeg varies by" in what and "another scale" in what for what in problems) == 40


def test_a_table_of_another_order_is_told(tmp_path, zeros):
    dataset = save(tmp_path, np.array(zeros[0]), zeros[1])
    (tmp_path / "metadata_csv").mkdir()
    table = pd.DataFrame({"Participant_id": 1, "Trial": range(1, 41), "Experiment_id": range(40, 0, -1)})
    table[["Valence", "Arousal", "Dominance", "Liking"]] = 6.5
    table.to_csv(tmp_path / "metadata_csv" / "participant_ratings.csv", index=False)
    first = next(DEAP(dataset.root).recordings())
    assert first.meta["problem"].startswith("ratings differ by up to 1.5 from those of participant_ratings.csv")
    assert first.events["position"].tolist() == [40, 40]
    table.iloc[1:].to_csv(tmp_path / "metadata_csv" / "participant_ratings.csv", index=False)
    with pytest.raises(DataError, match="Trial of participant 1 is not each of 1 to 40 once; found 39 rows"):
        next(DEAP(dataset.root).recordings())
    table.drop(columns="Trial").to_csv(tmp_path / "metadata_csv" / "participant_ratings.csv", index=False)
    with pytest.raises(DataError, match="no column 'Trial'"):
        next(DEAP(dataset.root).recordings())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"6.5", b"6?5", r"row 2: Valence is '6\?5'; expected numbers"),
        (b"6.5", b"\xac.5", "cannot be read as a table: .*utf-8"),
        (b"6.5", b"6,,,5", "cannot be read as a table: "),
    ],
)
def test_a_damaged_table_is_named(tmp_path, zeros, old, new, message):
    dataset = save(tmp_path, np.array(zeros[0]), zeros[1])
    path = tmp_path / "metadata_csv" / "participant_ratings.csv"
    path.parent.mkdir()
    table = pd.DataFrame({"Participant_id": 1, "Trial": range(1, 41), "Experiment_id": range(1, 41)})
    table[["Valence", "Arousal", "Dominance", "Liking"]] = 6.5
    table.to_csv(path, index=False)
    content = path.read_bytes()
    # Not in the first row: of longer rows pandas would take the first columns for names.
    middle = content.index(old, len(content) // 2) if new == b"6,,,5" else content.index(old)
    path.write_bytes(content[:middle] + new + content[middle + len(old) :])
    with pytest.raises(DataError, match=rf"participant_ratings\.csv,? {message}"):
        next(DEAP(dataset.root).recordings())


def test_the_original_files_of_both_sites_are_read_by_name(original):
    import mne

    assert (DEAP(original).facts.n_recordings, DEAP.facts.n_recordings) == (1, 40)
    for subject, site in (("s01", "Twente"), ("s23", "Geneva")):
        (recording,) = DEAP(original).recordings([subject])
        raw = mne.io.read_raw_bdf(original / "data_original" / f"{subject}.bdf", verbose="ERROR")
        assert tuple(raw.ch_names[:32]) == (TWENTE if site == "Twente" else CHANNELS)
        eeg = recording.signals["eeg"]
        assert (eeg.ch_names, eeg.sfreq, recording.meta["site"]) == (CHANNELS, 16.0, site)
        # The imitation gives each electrode a level of its own, by name.
        np.testing.assert_allclose(eeg.data.mean(axis=1), 1e-4 * np.arange(32), atol=1e-6)
        np.testing.assert_allclose(eeg.data[5], raw.get_data(picks=[CHANNELS[5]])[0], rtol=1e-12)
        np.testing.assert_allclose(recording.signals["eog"].data.mean(axis=1), [-30e-6, -70e-6], atol=1e-6)
        np.testing.assert_allclose(recording.signals["emg"].data.mean(axis=1), [-110e-6, -150e-6], atol=1e-6)
        assert recording.signals["eda"].data.mean() == pytest.approx(5e-6, rel=0.01)  # 5000 nS, and 200 kOhm
        assert recording.signals["temperature"].data.mean() == pytest.approx(33, abs=0.1)


def test_trials_of_the_original_files_are_joined_to_the_video_that_was_shown(original):
    (recording,) = DEAP(original).recordings(["s01"])
    values, shown = ratings(0, 1)
    stimuli = recording.events[recording.events["trial_type"] == "stimulus"].reset_index(drop=True)
    assert stimuli["onset"].tolist() == [25.0 + 70 * k for k in range(40)]
    assert stimuli["trial"].tolist() == [f"{k:02d}" for k in range(1, 41)]
    assert stimuli["position"].tolist() == list(range(1, 41))
    for place, event in stimuli.iterrows():
        video = int(np.flatnonzero(shown == place + 1)[0])
        assert event["stimulus"] == f"{video + 1:02d}"
        assert event[[*RATINGS, "familiarity"]].tolist() == list(values[video])
    baselines = recording.events[recording.events["trial_type"] == "baseline"]
    assert (baselines["onset"].to_numpy() == stimuli["onset"].to_numpy() - 3).all()
    assert baselines["stimulus"].tolist() == stimuli["stimulus"].tolist()


def test_the_start_codes_that_s28_lacks_are_reported(original):
    (recording,) = DEAP(original).recordings(["s28"])
    assert recording.meta["missing"] == tuple(f"trial {n}: no start code" for n in (24, 25, 26))
    stimuli = recording.events[recording.events["trial_type"] == "stimulus"].set_index("trial")
    assert list(stimuli.index) == [f"{n:02d}" for n in range(1, 41) if n not in (24, 25, 26)]
    _, shown = ratings(0, 28)
    assert stimuli.loc["27", "stimulus"] == f"{int(np.flatnonzero(shown == 27)[0]) + 1:02d}"
    assert stimuli.loc["27", "onset"] == 25 + 70 * 26
    report = check_dataset(DEAP(original))
    assert not any("37 trials" in what for what in report.problems["what"])
    assert report.known == ("s28: the trials shown as 24, 25 and 26 have no start code in s28.bdf",)


def test_original_files_that_are_damaged_or_alone(original, tmp_path):
    folder = tmp_path / "data_original"
    folder.mkdir()
    content = (original / "data_original" / "s01.bdf").read_bytes()
    (folder / "s01.bdf").write_bytes(content)
    with pytest.raises(DatasetLayoutError, match="only that table says which video each was"):
        next(DEAP(tmp_path).recordings())
    shutil.copytree(original / "metadata_csv", tmp_path / "metadata_csv")
    for kept, why in ((-48 * 16 * 3 * 5, "it is cut short"), (1000, "cannot be read as BDF")):
        (folder / "s01.bdf").write_bytes(content[:kept])
        with pytest.raises(DataError, match=why):
            next(DEAP(tmp_path).recordings())
    # The same file under another number: its codes do not fit.
    (folder / "s01.bdf").write_bytes((original / "data_original" / "s28.bdf").read_bytes())
    with pytest.raises(DataError, match="37 start codes; expected 40, and which trials lack one cannot be told"):
        next(DEAP(tmp_path).recordings())
    (folder / "s01.bdf").write_bytes(content.replace(b"EXG3", b"EXGX", 1))
    with pytest.raises(DataError, match="no channel 'EXG3'"):
        next(DEAP(tmp_path).recordings())


def test_wrong_folders_and_names(tmp_path, python):
    with pytest.raises(DatasetLayoutError, match=r"no s01\.dat, .*it is empty; .*eecs\.qmul\.ac\.uk"):
        DEAP(tmp_path).subjects()
    with pytest.raises(DatasetLayoutError, match="no folder"):
        DEAP(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="no form of DEAP 'matlb'; did you mean 'matlab'"):
        DEAP(tmp_path, form="matlb")
    with pytest.raises(ConfigError, match="no subject 's99'"):
        next(DEAP(python).recordings(["s99"]))
    with pytest.raises(ConfigError, match="no oddity of deap 'hihg_bits'; did you mean 'high_bits'"):
        synthesise("deap", tmp_path / "x", hihg_bits=True)


def test_a_truncated_pickle_is_named(python, tmp_path):
    with (python / "data_preprocessed_python" / "s01.dat").open("rb") as file:
        (tmp_path / "s01.dat").write_bytes(file.read(100_000))
    with pytest.raises(DataError, match=r"s01\.dat cannot be read, it is cut short or damaged"):
        next(DEAP(tmp_path).recordings())
