"""``affectbio replay``: what a recording looks like as another device, and over LSL."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from typer.testing import CliRunner

from affectbio._bundled import bundled
from affectbio.acquire import Inlet, find_stream
from affectbio.cli import app
from affectbio.cli.replay import _own_specs, disguised
from affectbio.datasets import read_e4, read_edf, read_recording
from affectbio.devices import load_device
from affectbio.errors import ConfigError, DataError, DatasetLayoutError
from affectbio.types import Channel, Recording, Signal

EDF = bundled("eegmat") / "Subject00_1.edf"
E4 = Path(__file__).parents[1] / "data" / "e4" / "stress_predict_S05.zip"


def test_electrodes_that_were_not_recorded_are_played_from_the_nearest_and_it_is_said():
    original = read_edf(EDF, "00")
    eeg = original.signals["eeg"]
    worn = disguised(original, load_device("muse-2"), "x")
    signal = worn.recording.signals["eeg"]
    assert signal.ch_names == ("TP9", "AF7", "AF8", "TP10")
    assert signal.sfreq == 256.0
    assert worn.packets["eeg"] == 12
    stand_ins = [note.split(" ")[3].rstrip(",") for note in worn.notes if "played from" in note]
    assert len(set(stand_ins)) == 4
    assert set(stand_ins) <= set(eeg.ch_names)
    assert any("ACC" in note and "not played" in note for note in worn.notes)
    # Power is kept below half the lower rate, and time is not shifted.
    whole = np.asarray(eeg.data[eeg.ch_names.index(stand_ins[0])], float)
    times = np.arange(len(whole)) / eeg.sfreq
    back = np.interp(times, np.arange(signal.n_times) / signal.sfreq, signal.data[0])
    assert np.corrcoef(back[100:-100], whole[100:-100])[0, 1] > 0.99


def test_electrodes_of_the_same_name_are_taken_and_gaps_stay_gaps():
    names = ("Fp1", "TP9", "AF7", "AF8", "TP10", "Cz")
    times = np.arange(1280) / 128
    data = np.sin(2 * np.pi * 10 * times)[None] * 1e-5 * np.arange(1, 7)[:, None]
    data[:, 500:520] = np.nan
    recording = Recording({"eeg": Signal(data, 128.0, [Channel(n) for n in names])}, "01")
    worn = disguised(recording, load_device("muse-2"), "x")
    assert [note for note in worn.notes if "played from" in note] == []
    got = worn.recording.signals["eeg"].data
    lost = np.flatnonzero(np.isnan(got[0]))
    assert lost.min() == pytest.approx(1000, abs=1)
    assert lost.max() == pytest.approx(1039, abs=1)
    expected = np.sin(2 * np.pi * 10 * np.arange(2560) / 256) * 1e-5
    middle = np.r_[100:900, 1140:2460]
    for row, gain in zip(got, (2, 3, 4, 5), strict=True):
        np.testing.assert_allclose(row[middle], gain * expected[middle], atol=3e-7 * gain)


def test_a_name_in_other_letters_is_the_same_electrode():
    names = ("TP9", "Af7", "AF8", "Tp10")
    recording = Recording({"eeg": Signal(np.zeros((4, 512)), 256.0, [Channel(n) for n in names])}, "01")
    assert not [note for note in disguised(recording, load_device("muse-2"), "x").notes if "played from" in note]


def test_a_second_signal_of_a_kind_is_of_the_type_of_the_first():
    signal = Signal(np.zeros((1, 64)), 64.0, [Channel("x", "misc")])
    recording = Recording({"affect": signal, "affect2": signal, "spo2": signal}, "01")
    specs = _own_specs(recording, "x")
    assert {key: spec.lsl_type for key, spec in specs.items()} == {
        "affect": "AFFECT",
        "affect2": "AFFECT",
        "spo2": "SPO2",
    }


def test_a_measured_rate_is_left_alone():
    data = np.random.default_rng(0).normal(size=(4, 512)) * 1e-5
    eeg = Signal(data, 256.0205, [Channel(n) for n in ("TP9", "AF7", "AF8", "TP10")])
    worn = disguised(Recording({"eeg": eeg}, "01"), load_device("muse-2"), "x").recording.signals["eeg"]
    assert worn.sfreq == 256.0205
    np.testing.assert_array_equal(worn.data, data)


def test_a_wristband_has_nothing_of_a_headset():
    with pytest.raises(ConfigError, match="nothing of the recording can be played as Emotiv EPOC X"):
        disguised(read_e4(E4, "05"), load_device("epoc-x"), "x")


def replay_and_listen(source_ids, *arguments):
    """Run the command, and read streams of it at the same time."""
    result = []

    def play():
        result.append(CliRunner().invoke(app, ["replay", *map(str, arguments)], env={"COLUMNS": "200"}))

    thread = Thread(target=play)
    thread.start()
    got = {}
    try:
        inlets = [Inlet(find_stream(source_id=source_id, timeout_s=20)) for source_id in source_ids]
        for inlet in inlets:
            inlet.__enter__()
        while thread.is_alive():
            for source_id, inlet in zip(source_ids, inlets, strict=True):
                chunk = inlet.pull(0.02)
                if chunk is not None:
                    got.setdefault(source_id, []).append(chunk)
        for inlet in inlets:
            inlet.__exit__(None, None, None)
    finally:
        thread.join()
    if result[0].exception is not None and not isinstance(result[0].exception, SystemExit):
        raise result[0].exception
    return result[0].output, {
        source_id: (np.concatenate([c.data for c in chunks], axis=1), np.concatenate([c.stamps for c in chunks]))
        for source_id, chunks in got.items()
    }


def test_a_file_is_heard_as_the_device_it_is_played_as():
    worn = disguised(read_edf(EDF, "00"), load_device("muse-2"), "replay-muse-2")
    source_id = worn.specs["eeg"].source_id
    said, got = replay_and_listen([source_id], EDF, "--as", "muse-2", "--speed", 20)
    data, stamps = got[source_id]
    expected = worn.recording.signals["eeg"].data
    assert data.shape == expected.shape
    np.testing.assert_allclose(data, expected, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(np.diff(stamps), 1 / 256, atol=1e-4)
    for words in (
        "replay-muse-2 EEG: 4 channels at 256 Hz",
        "TP9 played from",
        f"{data.shape[1]} samples sent, 0 lost",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("name", "key", "arguments"),
    [
        ("openbci_gui_cyton.txt", "eeg", ["--channels", "Fp1,Fp2,C3,C4,P7,P8,O1,O2"]),
        ("muselsl_p300.csv", "eeg", []),
        ("whole_raw.fif", "eeg", []),
    ],
)
def test_a_file_of_any_kind_is_heard_as_it_was_recorded(tmp_path, name, key, arguments):
    path = Path(__file__).parents[1] / "data" / "eeg" / name
    if name.endswith(".fif"):
        path = tmp_path / name
        read_edf(EDF, "00").to_raw().crop(0, 4).save(path, fmt="double", verbose="error")
    names = arguments[1].split(",") if arguments else None
    signal = read_recording(path, "replay", ch_names=names).signal(key)
    source_id = f"affectbio-replay-{path.stem}-{key}"
    said, got = replay_and_listen([source_id], path, *arguments, "--speed", 4)
    data, stamps = got[source_id]
    np.testing.assert_allclose(data, signal.data, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(np.diff(stamps), 1 / signal.sfreq, atol=1e-4)
    assert f"{signal.n_times} samples sent, 0 lost" in said


def test_what_cannot_be_played_is_named(tmp_path):
    def play(*arguments):
        result = CliRunner().invoke(app, ["replay", *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception

    with pytest.raises(DatasetLayoutError, match="no recording"):
        play(tmp_path / "nobody.edf")
    with pytest.raises(ConfigError, match="muse-2"):
        play(EDF, "--as", "muze-2")
    (tmp_path / "no.xdf").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"no\.xdf"):
        play(tmp_path / "no.xdf")
