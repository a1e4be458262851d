"""Several sets on one clock: against the features themselves, on made and on real recordings."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import read_e4
from affectbio.errors import ConfigError, DataError
from affectbio.features import DifferentialEntropy, FeatureSet, Hjorth, NamedSet, fitting_sets
from affectbio.kernels import differential_entropy, heart_features, hjorth
from affectbio.types import Channel, Recording, Signal
from affectbio.xdf import read_xdf

DATA = Path(__file__).parents[1] / "data"
E4 = DATA / "e4" / "stress_predict_S05.zip"


def recording(seconds=20.0, *, subject="01", names=("C3", "C4"), eeg_start=0.0, events=(), seed=0):
    """EEG at 128 Hz, and acceleration at 32 Hz that begins with the recording."""
    rng = np.random.default_rng(seed)
    eeg = 1e-5 * rng.standard_normal((len(names), int(seconds * 128)))
    acc = 0.1 * rng.standard_normal((3, int(seconds * 32))) + [[0.0], [0.0], [9.81]]
    signals = {
        "eeg": Signal(eeg, 128.0, [Channel(n) for n in names], eeg_start),
        "acc": Signal(acc, 32.0, [Channel(n, "acc") for n in "XYZ"]),
    }
    table = pd.DataFrame(events, columns=["onset", "duration", "trial_type"]).astype({"trial_type": str})
    return Recording(signals, subject, table)


def test_a_column_is_the_kernel_on_the_samples_before_the_moment():
    session = recording()
    found = FeatureSet(["eeg-hjorth", "motion"], step_s=0.5).extract([session])
    table = found.table
    assert found.columns["motion"][0] == "motion_enmo"
    np.testing.assert_allclose(table["stop"], np.arange(2.0, 20.01, 0.5))
    np.testing.assert_allclose(table["start"], np.maximum(0, table["stop"] - 10))
    eeg = session.signal("eeg")
    for row in (0, 7, len(table) - 1):
        stop = table["stop"][row]
        expected = hjorth(eeg.crop(stop - 2, stop).data, 128.0).mobility
        np.testing.assert_allclose(
            table.loc[row, ["eeg-hjorth_C3_mobility", "eeg-hjorth_C4_mobility"]].astype(float), expected
        )


def test_entropy_is_that_of_the_continuous_filter():
    session = recording()
    table = FeatureSet(["eeg-de"]).extract([session]).table
    expected = differential_entropy(session.signal("eeg").data, 128.0, window_s=2, step_s=1)
    columns = [f"eeg-de_{c}_{b}" for c in ("C3", "C4") for b in ("delta", "theta", "alpha", "beta", "gamma")]
    np.testing.assert_array_equal(table[columns], expected.transpose(1, 0, 2).reshape(19, -1))


def test_sets_of_other_lengths_end_together_and_are_invalid_until_there_is_enough():
    found = FeatureSet(["eeg-hjorth", "motion"]).extract([recording()])
    table = found.table
    assert table["eeg-hjorth_valid"].all()
    np.testing.assert_array_equal(table["motion_valid"], table["stop"] >= 10)
    assert table.loc[~table["motion_valid"], "motion_enmo"].isna().all()
    assert set(table.loc[~table["motion_valid"], "motion_reason"]) == {"outside the signal"}
    assert set(table.loc[table["motion_valid"], "motion_reason"]) == {""}
    assert found.share_valid() == {"eeg-hjorth": 1.0, "motion": pytest.approx(11 / 19)}


def test_signals_that_begin_at_other_times_are_met_on_one_clock():
    late = recording(eeg_start=3.0078125)  # one sample of EEG after 3 s
    table = FeatureSet(["eeg-hjorth", "motion"], window_s=2.0).extract([late]).table
    assert table["stop"].iloc[-1] == 23.0
    np.testing.assert_array_equal(table["eeg-hjorth_valid"], table["stop"] > 5)
    np.testing.assert_array_equal(table["motion_valid"], table["stop"] <= 20)
    eeg = late.signal("eeg")
    inside = table[table["eeg-hjorth_valid"]]
    expected = hjorth(eeg.crop(inside["stop"].iloc[0] - 2, inside["stop"].iloc[0]).data, 128.0)
    assert inside["eeg-hjorth_C3_activity"].iloc[0] == pytest.approx(expected.activity[0])


def test_a_lost_sample_is_the_reason_of_its_windows_and_no_others():
    session = recording()
    data = np.array(session.signal("eeg").data)
    data[1, int(5.5 * 128)] = np.nan
    torn = Recording({"eeg": Signal(data, 128.0, session.signal("eeg").channels)}, "01")
    table = FeatureSet(["eeg-hjorth"]).extract([torn]).table
    assert table.loc[~table["eeg-hjorth_valid"], "stop"].tolist() == [6.0, 7.0]
    assert set(table.loc[~table["eeg-hjorth_valid"], "eeg-hjorth_reason"]) == {"samples are lost"}
    assert table["eeg-hjorth_C3_mobility"].notna().all()


def test_one_recording_and_one_word_are_taken_as_they_are_meant():
    several = FeatureSet(["eeg-hjorth", "motion"]).extract([recording()])
    one = FeatureSet("eeg-hjorth, motion").extract(recording())
    pd.testing.assert_frame_equal(one.table, several.table)
    whole = one.windows("eeg-hjorth", only_known=False)
    assert whole.features == one.columns["eeg-hjorth"]


def test_a_table_without_events_says_so():
    session = recording()
    bare = FeatureSet("eeg-hjorth").extract(Recording(dict(session.signals), "01"))
    with pytest.raises(DataError, match="none lies inside an event: only_known=False takes"):
        bare.windows()
    assert len(bare.windows(only_known=False)) == 19


def test_clocks_far_apart_are_refused_before_memory_is_full():
    with pytest.raises(DataError, match=r"16\d+ windows; signals begin at eeg-hjorth 16\d+ s, motion 0 s: bring them"):
        FeatureSet("eeg-hjorth,motion").extract(recording(eeg_start=1.6e9))


def test_progress_is_told_on_the_way():
    rng = np.random.default_rng(0)
    skin = Signal(2e-6 + 1e-9 * rng.standard_normal((1, 4 * 400)), 4.0, [Channel("EDA", "gsr")])
    told = []
    FeatureSet("eda").extract(Recording({"eda": skin}, "01"), lambda *what: told.append(what[1]))
    assert len(set(told)) > 4
    assert told == sorted(told)


def test_rows_know_their_event_and_those_outside_have_none():
    session = recording(events=[(4.0, 9.0, "film")])
    found = FeatureSet(["eeg-hjorth"]).extract([session])
    inside = found.table["trial_type"].notna()
    assert found.table.loc[inside, "stop"].tolist() == [6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0]
    assert found.table["trial"].notna().equals(inside)
    windows = found.windows()
    assert windows.y.tolist() == ["film"] * 8
    assert windows.X.shape == (8, 6)
    assert windows.features == found.columns["eeg-hjorth"]
    assert len(found.windows(only_known=False)) == 19


def test_the_tail_is_reported():
    found = FeatureSet(["eeg-hjorth"]).extract([recording(20.75, subject="a"), recording(18.0, subject="b")])
    assert found.left_out["subject"].tolist() == ["a", "b"]
    np.testing.assert_allclose(found.left_out["tail_s"], [0.75, 0.0])
    assert found.table["subject"].value_counts().to_dict() == {"a": 19, "b": 17}


def test_what_makes_a_window_valid():
    columns = ["x_a_rate", "x_a_depth", "x_b_rate", "x_b_depth"]
    nan = np.nan
    values = np.array([[1, 1, 1, 1], [1, nan, nan, 1], [nan, nan, 1, 1], [1, nan, 1, nan]])
    # Each needed field of at least one and the same channel; or every column.
    assert NamedSet("x", "respiration", 60.0, valid_if=("rate", "depth")).valid(values, columns).tolist() == [
        True,
        False,
        True,
        False,
    ]
    assert NamedSet("x", "respiration", 60.0, valid_if=("rate",)).valid(values, columns).all()
    for needs in ((), ("fields that were not asked for",)):
        found = NamedSet("x", "respiration", 60.0, valid_if=needs).valid(values, columns)
        assert found.tolist() == [True, False, False, False]


def test_windows_of_what_is_never_known_are_refused_by_name():
    session = recording(events=[(0.0, 20.0, "film")])
    found = FeatureSet(["eeg-hjorth", NamedSet("slow", "motion", 30.0)]).extract([session])
    with pytest.raises(DataError, match="never known: slow_motion_enmo"):
        found.windows()
    with pytest.raises(ConfigError, match="did you mean 'slow'"):
        found.windows(["slaw"])


def test_progress_ends_at_all():
    seen = []
    FeatureSet(["eeg-hjorth", "motion"]).extract([recording()], progress=lambda *a: seen.append(a))
    assert seen[0] == ("eeg-hjorth", 0, 19)
    assert [n for n in seen if n[1] == n[2]][-1] == ("motion", 11, 11)


def test_memory_and_numbers_do_not_depend_on_the_block(monkeypatch):
    whole = FeatureSet(["eeg-hjorth", "eeg-wavelet"]).extract([recording()]).table
    monkeypatch.setattr("affectbio.features.window.BLOCK_SAMPLES", 600)
    pd.testing.assert_frame_equal(FeatureSet(["eeg-hjorth", "eeg-wavelet"]).extract([recording()]).table, whole)


def test_a_recipe_names_sets_and_gives_scalars(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'schema = 1\nstep_s = 0.5\n[[set]]\nname = "eeg-hjorth"\n[[set]]\nname = "slow"\n'
        'feature = "differential-entropy"\nwindow_s = 4.0\nsignal = "eeg"\n'
        'params = { bands = { slow = [0.5, 2.0] }, method = "fft" }\n'
    )
    read = FeatureSet.from_recipe(recipe)
    assert [s.name for s in read.sets] == ["eeg-hjorth", "slow"]
    table = read.extract([recording()]).table
    assert "slow_C3_slow" in table
    assert len(table) == 37
    assert [s.name for s in FeatureSet.from_recipe("motion").sets] == ["motion"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('schema = 1\n[[set]]\nname = "eeg-dee"', "no feature set 'eeg-dee'; did you mean 'eeg-de'"),
        ('schema = 1\n[[set]]\nname = "x"\nfeature = "hjorth"', "has a feature and no window_s"),
        (
            'schema = 1\n[[set]]\nname = "x"\nfeature = "hjort"\nwindow_s = 1',
            "no feature 'hjort'; did you mean 'hjorth'",
        ),
        ('schema = 1\n[[set]]\nname = "eeg-de"\nparams = { logg = 1 }', "no parameter .* 'logg'; did you mean 'log'"),
        ('schema = 1\n[[set]]\nname = "eeg-de"\nwindow = 1', "unknown key set.0.window; did you mean 'window_s'"),
        ('schema = 1\n[[set]]\nname = "eeg-de"\n[[set]]\nname = "eeg-de"', "two feature sets are named 'eeg-de'"),
        ("schema = 1", "set: Field required"),
    ],
)
def test_a_recipe_that_is_not_right_is_refused_with_the_file_and_the_key(tmp_path, content, words):
    recipe = tmp_path / "wrong.toml"
    recipe.write_text(content)
    with pytest.raises(ConfigError, match=rf"wrong.toml: .*{words}"):
        FeatureSet.from_recipe(recipe)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: FeatureSet([]), "at least one feature set"),
        (lambda: FeatureSet(["motion"], step_s=0), "lengths are positive"),
        (lambda: FeatureSet.from_recipe("nowhere.toml"), "no recipe nowhere.toml"),
        (lambda: FeatureSet([NamedSet("x", "tangent-space", 2.0)]), "'x': tangent-space learns"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


@pytest.mark.parametrize(
    ("recordings", "sets", "words"),
    [
        ([], ["motion"], "no recordings"),
        (
            [recording()],
            ["eda"],
            r"'eda' cannot be computed: it has no gsr channel; found the signals eeg \(eeg\), acc",
        ),
        ([recording(1.5)], ["eeg-de"], "lasts 1.50 s, the shortest window 2 s"),
        ([recording(), recording(names=("C3", "Cz"))], ["eeg-de"], "recordings differ in the channels of 'eeg-de'"),
        (
            [recording()],
            [NamedSet("eeg-fast", "band-power", 2.0, {"bands": {"x": (30, 70)}})],
            "'eeg-fast': band 'x' is",
        ),
        ([recording()], [NamedSet("brief", "relative-power", 0.5)], "'brief', 0.5 s at 128 Hz: "),
        ([recording()], [NamedSet("x", "hjorth", 2.0, signal="egg")], "no signal 'egg'; did you mean 'eeg'"),
    ],
)
def test_recordings_that_do_not_fit_are_refused(recordings, sets, words):
    with pytest.raises(DataError, match=words):
        FeatureSet(sets).extract(recordings)


def test_the_sets_that_fit_are_those_with_channels_length_and_rate():
    fitting = fitting_sets(recording(12.0))
    assert {"eeg-de", "eeg-hjorth", "eeg-asymmetry", "motion"} <= set(fitting)
    assert not {"eeg-aperiodic", "hrv", "eda", "respiration", "temperature"} & set(fitting)
    one = Recording({"eeg": Signal(np.zeros((1, 600)), 64.0, [Channel("Cz")])}, "01")
    # One electrode has no partner, and 64 Hz no gamma.
    assert set(fitting_sets(one)) == {"eeg-hjorth", "eeg-wavelet", "eeg-complexity"}


def test_a_real_wristband():
    session = read_e4(E4, "05")
    assert fitting_sets(session) == ["hrv", "eda", "temperature", "motion"]
    found = FeatureSet(["hrv", "eda", "temperature", "motion"], step_s=5.0).extract([session])
    table = found.table
    stop = table.loc[table["hrv_valid"], "stop"].iloc[0]
    expected = heart_features(session.signal("ppg").crop(stop - 60, stop).data, 64.0, "ppg_foot")
    assert table.loc[table["stop"] == stop, "hrv_hr_bpm"].item() == pytest.approx(expected.hr_bpm[0])
    # The band's own rate over the same minute.
    own = session.signal("hr_bpm").crop(stop - 60, stop).data.mean()
    assert expected.hr_bpm[0] == pytest.approx(own, rel=0.05)
    covered = table["stop"] >= 64
    assert table.loc[covered, "eda_valid"].all()
    assert table.loc[covered, "eda_tonic_mean"].between(1e-6, 5e-6).all()
    assert table.loc[covered, "temperature_level_celsius"].between(28, 31).all()
    assert not table["hrv_valid"].all()


def test_a_real_headset_whose_streams_begin_apart():
    session = read_xdf(DATA / "xdf" / "muselsl2_P032.xdf", "032")
    found = FeatureSet(["eeg-de", "eeg-hjorth", "motion"], window_s=2.0, step_s=0.25).extract([session])
    table = found.table
    eeg = session.signal("eeg").pick(["TP9", "AF7", "AF8", "TP10"])
    for name, feature in (("eeg-hjorth", Hjorth()), ("eeg-de", DifferentialEntropy())):
        row = int(np.flatnonzero(table[f"{name}_valid"])[-1])
        first = np.ceil(np.round((table["stop"][row] - eeg.start) * 256, 6)) - 512
        expected = feature.measure_at(eeg, np.array([0, int(first)]), 512)[1]
        np.testing.assert_allclose(table.loc[row, list(found.columns[name])].astype(float), expected, atol=1e-6)
    assert found.share_valid()["motion"] > 0.8
    assert (table["eeg-de_valid"].iloc[4:-4]).all()


@pytest.mark.parametrize(("asked", "found"), [(None, 0.5), (2.0, 2.0)])
def test_a_step_that_is_asked_for_counts_before_that_of_the_recipe(tmp_path, asked, found):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('schema = 1\nstep_s = 0.5\n[[set]]\nname = "eeg-hjorth"\n', encoding="utf-8")
    assert FeatureSet.from_recipe(recipe, step_s=asked).step_s == found
    assert FeatureSet.from_recipe("eeg-hjorth", step_s=asked).step_s == (asked or 1.0)
