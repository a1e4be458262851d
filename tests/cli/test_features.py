"""``affectbio features`` as a user types it, on real recordings."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectbio._bundled import bundled
from affectbio.cli import app
from affectbio.datasets import read_e4, read_edf
from affectbio.errors import ConfigError, DataError, DatasetLayoutError
from affectbio.kernels import differential_entropy, eda_features, heart_features
from affectbio.xdf import XDFWriter

DATA = Path(__file__).parents[1] / "data"
MUSE = DATA / "xdf" / "muselsl2_P002.xdf"
E4 = DATA / "e4" / "stress_predict_S05.zip"


def run(*arguments):
    result = CliRunner().invoke(app, ["features", *map(str, arguments)], env={"COLUMNS": "120"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_help_names_it():
    assert "features" in CliRunner().invoke(app, ["--help"]).output


def test_a_headset_recording_becomes_a_table(tmp_path):
    out = tmp_path / "feats.parquet"
    said = run(MUSE, "--set", "eeg-de,motion", "--out", out, "--subject", "P002", "--window", 2)
    table = pd.read_parquet(out)
    assert list(table.columns[:7]) == ["subject", "session", "trial", "stimulus", "start", "stop", "trial_type"]
    assert set(table["subject"]) == {"P002"}
    assert table["eeg-de_valid"].dtype == bool
    assert [c for c in table if c.startswith("eeg-de_TP9")] == [
        f"eeg-de_TP9_{b}" for b in ("delta", "theta", "alpha", "beta", "gamma")
    ]
    assert len(table) == 16
    for words in ("eeg-de", "motion", "16 windows", "left out at the end: 0.", "× real time", "feats.parquet"):
        assert words in said
    assert "P002" not in said.replace(str(tmp_path), ""), "who it is stays out of the log"


def write_xdf(path):
    """Brain, heart and skin of three real people in one file, as three devices that begin apart send them."""
    eeg = read_edf(bundled("eegmat") / "Subject00_1.edf", "00").signal("eeg")
    ecg = np.load(DATA / "physio" / "neurokit_rest.npz")["ecg"][: 100 * 90]
    eda = read_e4(E4, "05").signal("eda")
    streams = (
        ("EEG", "microvolts", "eeg", eeg.ch_names, 1e6 * np.tile(eeg.data, 2), eeg.sfreq, 500.0),
        ("ECG", "mV", "ecg", ("lead",), ecg[None], 100.0, 500.25),
        ("EDA", "uS", "gsr", ("skin",), 1e6 * eda.data, eda.sfreq, 501.0),
    )
    with XDFWriter(path) as file:
        for name, unit, kind, labels, data, sfreq, start in streams:
            channels = "".join(
                f"<channel><label>{c}</label><unit>{unit}</unit><type>{kind}</type></channel>" for c in labels
            )
            header = (
                f"<info><name>{name}</name><type>{name}</type><channel_count>{len(labels)}</channel_count>"
                f"<channel_format>double64</channel_format><source_id>{name}</source_id>"
                f"<nominal_srate>{sfreq}</nominal_srate><desc><channels>{channels}</channels></desc></info>"
            )
            stamps = start + np.arange(data.shape[1]) / sfreq
            file.write(file.add_stream(header), np.ascontiguousarray(data.T), stamps)
    return eeg, ecg, eda


def test_the_command_of_the_docs_on_brain_heart_and_skin(tmp_path):
    eeg, ecg, eda = write_xdf(tmp_path / "recording.xdf")
    run(tmp_path / "recording.xdf", "--set", "eeg-de,hrv,eda", "--out", tmp_path / "feats.parquet")
    table = pd.read_parquet(tmp_path / "feats.parquet")
    np.testing.assert_array_equal(table["eeg-de_valid"], table["stop"] <= 120)
    row = int(np.flatnonzero(table["stop"] == 70)[0])
    assert table.loc[row, ["eeg-de_valid", "hrv_valid", "eda_valid"]].all()
    # Each over its own window, on the clock of the recording: ECG began 0.25 s after the EEG, EDA a second.
    minute = heart_features(ecg[975:6975], 100, "ecg")
    assert table.loc[row, "hrv_hr_bpm"] == pytest.approx(minute.hr_bpm, rel=1e-6)
    assert table.loc[row, "hrv_rmssd_ms"] == pytest.approx(minute.rmssd_ms, rel=1e-6)
    assert table.loc[row, "eda_tonic_mean"] == pytest.approx(eda_features(eda.data[0, 20:276], 4).tonic_mean, rel=1e-6)
    entropy = differential_entropy(np.tile(eeg.data, 2), eeg.sfreq, window_s=2, step_s=1)[:, 68]
    columns = [f"eeg-de_{c}_{b}" for c in eeg.ch_names for b in ("delta", "theta", "alpha", "beta", "gamma")]
    found = table.loc[row, columns]
    np.testing.assert_allclose(found.astype(float), entropy.ravel(), rtol=1e-6)


def test_all_sets_that_fit_are_taken_if_none_is_named(tmp_path):
    said = run(E4, "--out", tmp_path / "feats.parquet", "--step", 30)
    for name in ("hrv", "eda", "temperature", "motion"):
        assert f"{name}_valid" in pd.read_parquet(tmp_path / "feats.parquet")
        assert name in said


def test_a_folder_of_the_wristband_and_csv(tmp_path):
    with zipfile.ZipFile(E4) as archive:
        archive.extractall(tmp_path / "session")
    run(tmp_path / "session", "--set", "hrv,eda", "--out", tmp_path / "a.csv", "--step", 20)
    run(E4, "--set", "hrv,eda", "--out", tmp_path / "b.parquet", "--step", 20)
    one = pd.read_csv(tmp_path / "a.csv", dtype={"subject": str, "session": str})
    other = pd.read_parquet(tmp_path / "b.parquet")
    pd.testing.assert_series_equal(one["hrv_hr_bpm"], other["hrv_hr_bpm"])
    assert one["subject"].tolist() == other["subject"].tolist()


def test_edf_and_a_recipe(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('schema = 1\nstep_s = 10\n[[set]]\nname = "eeg-hjorth"\n')
    run(bundled("eegmat") / "Subject00_1.edf", "--set", recipe, "--out", tmp_path / "f.parquet")
    assert len(pd.read_parquet(tmp_path / "f.parquet")) == 6


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((MUSE, "--set", "eeg-dee"), ConfigError, "no feature set 'eeg-dee'; did you mean 'eeg-de'"),
        ((MUSE, "--set", ","), ConfigError, "at least one feature set; known: eeg-de"),
        ((MUSE, "--set", "mine.toml"), ConfigError, "no recipe mine.toml"),
        ((MUSE, "--set", "eda"), DataError, r"no gsr channel; found the signals acc .*Sets that fit: eeg-de"),
        ((MUSE, "--out", "features.xlsx"), ConfigError, r"ends in .parquet or .csv"),
        ((MUSE, "--out", "nowhere/f.csv"), ConfigError, "no folder nowhere"),
        ((MUSE, "--unit", "uV"), ConfigError, "expected a stream and its unit"),
        (("nobody.xdf",), DatasetLayoutError, "no recording nobody.xdf"),
        ((DATA / "physio" / "polar_h10.npz",), DatasetLayoutError, r"of kind .npz cannot be read"),
        ((DATA / "xdf" / "magicblink_emg_markers_test1.xdf",), DataError, "has no unit.*: give it as in --unit EEG=uV"),
        (
            (DATA / "xdf" / "magicblink_emg_markers_test1.xdf", "--unit", "EEG=uV"),
            DataError,
            r"(?s)no feature set fits the signals eeg \(misc, 94 s\).*ch1, ch2.*: EEG channel .* with no 10-05 name",
        ),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(tmp_path, monkeypatch, arguments, error, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        run(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_no_half_file_is_left_and_the_old_one_stays(tmp_path, monkeypatch):
    out = tmp_path / "f.parquet"
    out.write_text("earlier")

    def fails(self, path, **_):
        Path(path).write_text("half")
        raise OSError("no space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fails)
    with pytest.raises(DataError, match=r"f.parquet could not be written: no space left.*give another file"):
        run(MUSE, "--set", "eeg-hjorth", "--out", out)
    assert [p.name for p in tmp_path.iterdir()] == ["f.parquet"]
    assert out.read_text() == "earlier"


def test_where_nothing_can_be_written_is_said_before_anything_is_computed(tmp_path, monkeypatch):
    (tmp_path / "f.csv").mkdir()
    with pytest.raises(ConfigError, match=r"f.csv: cannot be written"):
        run("nobody.xdf", "--out", tmp_path / "f.csv")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ConfigError, match="give another file, or yourself the right"):
        run("nobody.xdf", "--out", tmp_path / "other.csv")


def test_what_the_system_refuses_to_read_is_an_error_of_ours(tmp_path, monkeypatch):
    def refuses(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("affectbio.datasets.files.read_e4", refuses)
    with pytest.raises(DataError, match=r"S05.zip cannot be read: Permission denied"):
        run(E4, "--out", tmp_path / "f.csv")


def test_a_file_with_a_header_of_nothing_is_named(tmp_path):
    path = tmp_path / "odd.xdf"
    with XDFWriter(path) as file:
        good = file.add_stream(
            "<info><name>a</name><type>EEG</type><channel_count>1</channel_count><nominal_srate>10</nominal_srate>"
            "<channel_format>float32</channel_format><source_id>a</source_id></info>"
        )
        file.write(good, np.zeros((3, 1), np.float32), np.arange(3) / 10)
    path.write_bytes(path.read_bytes().replace(b"<channel_count>1<", b"<channel_count>0<"))
    with pytest.raises(DataError, match=r"odd.xdf holds no signal.*stream 'a'.*0 channels"):
        run(path, "--out", tmp_path / "f.csv")


def test_files_of_cheap_headsets_are_read_and_channels_named_where_they_are_not(tmp_path):
    folder = Path(__file__).parents[1] / "data" / "eeg"
    run(folder / "muselsl_p300.csv", "--set", "eeg-hjorth", "--window", "1", "--out", tmp_path / "muse.csv")
    assert "TP9" in " ".join(pd.read_csv(tmp_path / "muse.csv").columns)
    openbci = folder / "openbci_gui_cyton.txt"
    with pytest.raises(DataError, match="no feature set fits"):
        run(openbci, "--window", "60", "--out", tmp_path / "x.csv")
    named = "Fp1,Fp2,C3,C4,P7,P8,O1, O2"
    run(openbci, "--channels", named, "--set", "eeg-hjorth", "--window", "1", "--out", tmp_path / "x.csv")
    columns = " ".join(pd.read_csv(tmp_path / "x.csv").columns)
    assert all(name in columns for name in ("Fp1", "O2"))
    with pytest.raises(DataError, match="2 names for its 8 channels"):
        run(openbci, "--channels", "Fp1,Fp2", "--out", tmp_path / "x.csv")


def test_stopped_in_the_middle_leaves_what_was_there(tmp_path, monkeypatch):
    out = tmp_path / "f.csv"
    out.write_text("earlier")

    def stops(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("affectbio.features.FeatureSet.extract", stops)
    result = CliRunner().invoke(app, ["features", str(MUSE), "--out", str(out)])
    assert result.exit_code != 0
    assert f"stopped; {out} is as it was" in result.output
    assert [p.name for p in tmp_path.iterdir()] == ["f.csv"]
    assert out.read_text() == "earlier"


def test_the_step_counts_where_a_recipe_says_none(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('schema = 1\n[[set]]\nname = "eeg-hjorth"\n')
    run(MUSE, "--set", recipe, "--step", "5", "--out", tmp_path / "f.csv")
    assert len(pd.read_csv(tmp_path / "f.csv")) == 4


def test_a_file_that_was_cut_off_is_read_as_far_as_it_is_whole(tmp_path):
    cut = tmp_path / "cut.xdf"
    cut.write_bytes(MUSE.read_bytes()[:-5000])
    said = run(cut, "--set", "eeg-hjorth", "--out", tmp_path / "f.csv")
    assert "is not whole" in said
    assert len(pd.read_csv(tmp_path / "f.csv")) > 5
