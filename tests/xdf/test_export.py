"""Recordings given out to EDF+, BDF+, FIF and BIDS, opened by MNE and by ourselves."""

from __future__ import annotations

import gzip
import json

import edfio
import mne
import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import read_edf
from affectbio.errors import DataError, MissingExtraError
from affectbio.types import Channel, Recording, Signal
from affectbio.xdf import export_recording, read_xdf

RNG = np.random.default_rng(0)
NAMES = ("Fp1", "Cz", "O2")
READ = {"bdf": mne.io.read_raw_bdf, "edf": mne.io.read_raw_edf, "fif": mne.io.read_raw_fif}


def recording(sfreq: float = 128.0, n_times: int = 1300) -> Recording:
    """Brain with an offset and losses, heart that begins later, skin; events within, across and outside."""
    eeg = 1e-6 * RNG.normal(0, 30, (3, n_times)) + 1e-3
    eeg[:, 200:212] = np.nan
    eeg[1, 400:410] = np.nan
    ecg = 1e-3 * RNG.normal(size=(1, 900))
    eda = 1e-6 * (5 + np.cumsum(RNG.normal(0, 0.01, (1, 40))))[None]
    signals = {
        "eeg": Signal(eeg, sfreq, [Channel(n) for n in NAMES]),
        "ecg": Signal(ecg, 130.0, [Channel("lead", "ecg")], start=1.5),
        "eda": Signal(eda.reshape(1, -1), 4.0, [Channel("skin", "gsr")]),
    }
    events = pd.DataFrame(
        {"onset": [0.0, 1.0, 5.0, 50.0], "duration": [1.2, 3.0, 0.0, 1.0], "trial_type": ["rest", "task", "beep", "x"]}
    )
    return Recording(signals, subject="07", events=events)


@pytest.mark.parametrize(("to", "step"), [("bdf", 2**24), ("edf", 2**16), ("fif", np.inf)])
def test_mne_opens_it_with_units_montage_annotations_and_losses(tmp_path, to, step):
    original = recording()
    files = export_recording(original, tmp_path / "s07", to)
    suffix = "_raw.fif" if to == "fif" else f".{to}"
    assert [file.path.name for file in files] == [f"s07_{name}{suffix}" for name in ("eeg", "ecg", "eda")]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(file.path.name for file in files)
    raw = READ[to](files[0].path, preload=True, verbose="error")
    known = mne.channels.get_builtin_montages()
    raw.set_montage("colin27_1005" if "colin27_1005" in known else "standard_1005")
    signal = original.signals["eeg"]
    assert raw.ch_names == list(NAMES)
    assert raw.get_channel_types() == ["eeg"] * 3
    assert raw.info["sfreq"] == 128.0
    there = ~np.isnan(signal.data)
    got = raw.get_data()[:, : signal.n_times]
    span = np.nanmax(signal.data, axis=1, keepdims=True).clip(0) - np.nanmin(signal.data, axis=1, keepdims=True).clip(
        max=0
    )
    tolerance = np.broadcast_to(1.01 * span / step / 2 + 1e-15, there.shape)
    assert (np.abs(got - signal.data)[there] <= tolerance[there]).all()
    assert (np.abs(got)[~there] <= tolerance[~there]).all()
    notes = [(d, round(o, 6), round(t, 6), n) for d, o, t, n in zip(raw.annotations.description, raw.annotations.onset,
             raw.annotations.duration, raw.annotations.ch_names, strict=True)]  # fmt: skip
    assert ("rest", 0.0, 1.2, ()) in notes
    assert ("task", 1.0, 3.0, ()) in notes
    assert ("beep", 5.0, 0.0, ()) in notes
    assert ("BAD_lost", 200 / 128, 12 / 128, ()) in notes
    assert ("BAD_lost", 400 / 128, 10 / 128, ("Cz",)) in notes
    assert files[0].n_lost == 3 * 12 + 10
    assert files[0].notes == ("1 events outside the signal left out",)


@pytest.mark.parametrize("to", ["bdf", "edf"])
def test_the_heart_begins_later_and_its_events_are_on_its_own_clock(tmp_path, to):
    original = recording()
    file = export_recording(original, tmp_path / "s07", to, signals=["ecg"])[0]
    back = read_edf(file.path, "07")
    ecg = back.signals["ecg"]
    assert (ecg.sfreq, ecg.ch_names, ecg.channels[0].kind) == (130.0, ("ECG lead",), "ecg")
    np.testing.assert_allclose(ecg.data[0, :900], original.signals["ecg"].data[0], atol=1e-7)
    events = back.events[back.events["trial_type"] != "BAD_lost"]
    # rest (0 to 1.2 s) is over before it begins, task (1 to 4 s) is cut, beep is at 5 s.
    assert events["trial_type"].tolist() == ["task", "beep"]
    np.testing.assert_allclose(events["onset"], [0.0, 3.5], atol=1e-6)
    np.testing.assert_allclose(events["duration"], [2.5, 0.0], atol=1e-6)


def test_microsiemens_and_counts_come_back_in_si(tmp_path):
    light = Signal(np.arange(64.0)[None] * 1000, 64.0, [Channel("IR", "ppg")])
    eda = Signal(1e-6 * np.linspace(1, 9, 8)[None], 4.0, [Channel("skin", "gsr")])
    files = export_recording(Recording({"ppg": light, "eda": eda}, "01"), tmp_path / "x", "bdf")
    ppg = next(iter(read_edf(files[0].path, "01", kinds={"IR": "ppg"}).signals.values()))
    np.testing.assert_allclose(ppg.data, light.data, atol=0.01)
    skin = next(iter(read_edf(files[1].path, "01", kinds={"skin": "gsr"}).signals.values()))
    np.testing.assert_allclose(skin.data, eda.data, atol=1e-12)


@pytest.mark.parametrize("sfreq", [256.0205, 127.99897, 31.25, 0.25, 3.9999, 1000.08])
def test_a_measured_rate_keeps_its_time_to_a_millisecond_an_hour(tmp_path, sfreq):
    n_times = 1000
    signal = Signal(RNG.normal(size=(1, n_times)) * 1e-5, sfreq, [Channel("Cz")])
    file = export_recording(Recording({"eeg": signal}, "01"), tmp_path / "x", "bdf")[0]
    back = read_edf(file.path, "01").signals["eeg"]
    assert 3600 * abs(back.sfreq / sfreq - 1) < 1e-3
    assert 0 <= back.n_times - n_times < max(sfreq, 1) + 500


def test_a_flat_channel_and_one_of_only_losses_are_written(tmp_path):
    data = np.stack([np.zeros(256), np.full(256, 2e-5), np.full(256, np.nan)])
    file = export_recording(
        Recording({"eeg": Signal(data, 128.0, [Channel(n) for n in NAMES])}, "01"), tmp_path / "x", "bdf"
    )[0]
    raw = mne.io.read_raw_bdf(file.path, preload=True, verbose="error")
    np.testing.assert_allclose(raw.get_data(), np.nan_to_num(data), atol=1e-11)
    assert raw.annotations.ch_names[0] == ("O2",)


@pytest.mark.parametrize("to", ["bdf", "fif"])
@pytest.mark.parametrize("start", [0.0, 0.009297, 1234.5678901])
def test_events_that_last_to_the_end_end_with_the_signal(tmp_path, to, start):
    onsets = start + np.linspace(0, 3.9, 60)
    events = pd.DataFrame({"onset": onsets, "duration": 1000.0, "trial_type": "x"})
    eeg = Signal(np.zeros((1, 1031)), 256.0205, [Channel("Cz")], start)
    file = export_recording(Recording({"eeg": eeg}, "01", events), tmp_path / "x", to)[0]
    raw = READ[to](file.path, verbose="error")
    found = raw.annotations[raw.annotations.description == "x"]
    np.testing.assert_allclose(found.onset, onsets - start, atol=1e-6)
    np.testing.assert_allclose(found.onset + found.duration, eeg.duration, atol=1e-5)


def test_a_real_recording_of_a_headband(tmp_path, xdf_data):
    original = read_xdf(xdf_data / "muselsl2_P002.xdf", "P002", units={"EEG": "uV"})
    files = {file.signal: file for file in export_recording(original, tmp_path / "p", "bdf")}
    eeg = original.signals["eeg"]
    raw = mne.io.read_raw_bdf(files["eeg"].path, preload=True, verbose="error")
    assert raw.ch_names == list(eeg.ch_names)
    sender = original.meta["streams"]["eeg"]["name"].replace(" ", "_")
    assert edfio.read_bdf(files["eeg"].path).recording.equipment_code == sender
    np.testing.assert_allclose(raw.get_data()[:, : eeg.n_times], np.nan_to_num(eeg.data), atol=1e-9)


def test_bids_is_a_whole_data_set_that_mne_bids_reads(tmp_path):
    mne_bids = pytest.importorskip("mne_bids")
    original = recording()
    files = export_recording(original, tmp_path / "set", "bids", task="arithmetic")
    root = tmp_path / "set"
    assert [p.name for p in tmp_path.iterdir()] == ["set"]
    assert all(file.path.exists() for file in files)
    assert (root / "dataset_description.json").exists()
    path = mne_bids.BIDSPath(subject="07", session="01", task="arithmetic", root=root, datatype="eeg", suffix="eeg")
    raw = mne_bids.read_raw_bids(path, verbose="error").load_data()
    eeg = original.signals["eeg"]
    assert raw.ch_names == list(NAMES)
    np.testing.assert_allclose(raw.get_data()[:, : eeg.n_times], np.nan_to_num(eeg.data), atol=1e-9)
    positions = [ch["loc"][:3] for ch in raw.info["chs"]]
    np.testing.assert_allclose(positions, [c.position for c in eeg.channels], atol=1e-4)
    assert {"rest", "task", "beep", "BAD_lost"} <= set(raw.annotations.description)
    ecg = {file.signal: file.path for file in files}["ecg"]
    with gzip.open(ecg, "rt") as table:
        np.testing.assert_allclose(np.loadtxt(table), original.signals["ecg"].data[0], rtol=1e-8)
    about = json.loads((ecg.parent / ecg.name.replace(".tsv.gz", ".json")).read_text())
    assert (about["SamplingFrequency"], about["StartTime"], about["Columns"]) == (130.0, 1.5, ["lead"])
    assert about["lead"]["Units"] == "V"


def test_without_mne_bids_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mne_bids", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"affectbio\[bids\]\""):
        export_recording(recording(), tmp_path / "set", "bids")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["bdf", "edf", "fif", "bids"])
def test_nothing_is_overwritten(tmp_path, to):
    if to == "bids":
        pytest.importorskip("mne_bids")
    precious = tmp_path / ("x" if to == "bids" else "x_eeg" + ("_raw.fif" if to == "fif" else f".{to}"))
    precious.write_bytes(b"precious")
    with pytest.raises(DataError, match="exists"):
        export_recording(recording(), tmp_path / "x", to)
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize("to", ["bdf", "fif", "bids"])
def test_what_fails_halfway_leaves_nothing(tmp_path, monkeypatch, to):
    def fails(*_args, **_options):
        raise OSError("disk full")

    if to == "bids":
        mne_bids = pytest.importorskip("mne_bids")
        monkeypatch.setattr(mne_bids, "write_raw_bids", fails)
    monkeypatch.setattr("affectbio.xdf.export.os.fsync", fails)
    with pytest.raises(OSError, match="disk full"):
        export_recording(recording(), tmp_path / "x", to)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_named(tmp_path):
    eeg = Signal(np.full((1, 10), np.inf), 10.0, [Channel("Cz")])
    with pytest.raises(DataError, match="'Cz': a sample is infinite"):
        export_recording(Recording({"eeg": eeg}, "01"), tmp_path / "x", "bdf")
    with pytest.raises(DataError, match="0 samples"):
        export_recording(
            Recording({"eeg": Signal(np.zeros((1, 0)), 10.0, [Channel("Cz")])}, "01"), tmp_path / "x", "bdf"
        )
    long = Signal(np.zeros((1, 10)), 10.0, [Channel("a name of no fewer than 17", "misc")])
    with pytest.raises(DataError, match="at most 16 ASCII characters"):
        export_recording(Recording({"misc": long}, "01"), tmp_path / "x", "edf")
    with pytest.raises(DataError, match="no signal 'ppg'"):
        export_recording(recording(), tmp_path / "x", "edf", signals=["ppg"])
    with pytest.raises(DataError, match="cannot export to 'gdf'; expected one of bdf, edf, fif, bids"):
        export_recording(recording(), tmp_path / "x", "gdf")
    with pytest.raises(DataError, match="no folder"):
        export_recording(recording(), tmp_path / "nowhere" / "x", "edf")
    assert list(tmp_path.iterdir()) == []


def test_bids_asks_for_one_brain_and_plain_names(tmp_path):
    pytest.importorskip("mne_bids")
    with pytest.raises(DataError, match="takes one EEG signal, and others beside it; found none among ecg"):
        export_recording(recording(), tmp_path / "x", "bids", signals=["ecg"])
    with pytest.raises(DataError, match="task 'mental arithmetic'"):
        export_recording(recording(), tmp_path / "x", "bids", task="mental arithmetic")
