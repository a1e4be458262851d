"""The bridge to MNE: what goes over it and back is the same, on disk too."""

from datetime import UTC, datetime
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

from affectbio.errors import DataError
from affectbio.types import Channel, Recording, Signal, Windows

SFREQ = 100.0
CHANNELS = [Channel("Fz"), Channel("E7", position=(0.01, 0.02, 0.09)), Channel("ecg", "ecg"), Channel("eda", "gsr"),
            Channel("finger", "ppg")]  # fmt: skip


@pytest.fixture
def recording() -> Recording:
    data = 1e-5 * np.random.default_rng(7).standard_normal((5, 1000))
    data[:, 200:250] = np.nan  # everything lost,
    data[1, 240:300] = np.nan  # then one channel for longer,
    data[0, 990:] = np.nan  # and one at the end
    events = pd.DataFrame({"onset": [100.0, 105.0], "duration": [4.0, 5.0], "trial_type": ["calm", "tense"]})
    return Recording({"eeg": Signal(data, SFREQ, CHANNELS, start=100.0)}, "07", events, meta={"bads": ("E7",)})


def through_a_file(raw: mne.io.BaseRaw, folder: Path) -> mne.io.BaseRaw:
    raw.save(folder / "x_raw.fif", fmt="double", verbose="error")
    return mne.io.read_raw_fif(folder / "x_raw.fif", verbose="error")


def test_a_recording_survives_the_way_to_mne_to_disk_and_back(recording: Recording, tmp_path: Path) -> None:
    raw = through_a_file(recording.to_raw(), tmp_path)
    back = Recording.from_raw(raw, "07")
    before, after = recording.signal("eeg"), back.signal("eeg")
    np.testing.assert_array_equal(np.isnan(after.data), np.isnan(before.data))
    np.testing.assert_allclose(after.data, before.data, rtol=1e-12)
    assert after.sfreq == before.sfreq
    assert after.ch_names == before.ch_names
    # MNE has no type for a pulse wave.
    assert [c.kind for c in after.channels] == ["eeg", "eeg", "ecg", "gsr", "misc"]
    for one, other in zip(before.channels[:2], after.channels[:2], strict=True):
        assert one.position is not None
        assert other.position is not None
        np.testing.assert_allclose(other.position, one.position, atol=1e-7)
    # MNE's clock begins with the signal.
    np.testing.assert_allclose(back.events["onset"], [0.0, 5.0], atol=1e-6)
    np.testing.assert_allclose(back.events["duration"], [4.0, 5.0], atol=1e-6)
    assert back.events["trial_type"].tolist() == ["calm", "tense"]
    assert back.meta["bads"] == ("E7",)


def test_mne_sees_volts_kinds_a_montage_and_the_person(recording: Recording) -> None:
    raw = recording.to_raw()
    assert raw.get_channel_types() == ["eeg", "eeg", "ecg", "gsr", "misc"]
    assert raw.info["subject_info"]["his_id"] == "07"
    assert raw.info["bads"] == ["E7"]
    positions = raw.get_montage().get_positions()
    assert positions["coord_frame"] == "head"
    np.testing.assert_allclose(positions["ch_pos"]["E7"], (0.01, 0.02, 0.09))
    assert not np.isnan(raw.get_data()).any()


def test_only_what_is_lost_is_zeroed_and_each_run_names_its_channels(recording: Recording) -> None:
    raw = recording.to_raw()
    data, original = raw.get_data(), recording.signal("eeg").data
    there = ~np.isnan(original)
    np.testing.assert_array_equal(data[there], original[there])
    lost = [
        (round(a["onset"], 6), round(a["duration"], 6), a["ch_names"])
        for a in raw.annotations
        if a["description"] == "BAD_lost"
    ]
    assert lost == [(2.0, 0.5, ()), (2.5, 0.5, ("E7",)), (9.9, 0.1, ("Fz",))]


@pytest.mark.parametrize("meas_date", [None, datetime(2020, 1, 1, tzinfo=UTC)])
def test_events_of_a_cropped_raw_count_from_its_own_first_sample(meas_date: datetime | None) -> None:
    raw = mne.io.RawArray(np.arange(1000.0)[np.newaxis], mne.create_info(["Cz"], SFREQ, "eeg"), verbose="error")
    raw.set_meas_date(meas_date)
    raw.set_annotations(mne.Annotations([5.0, 6.0], [1.0, 0.5], ["tone", "BAD_lost"]))
    back = Recording.from_raw(raw.crop(4.0, 8.0), "07")
    assert back.events["onset"].tolist() == [1.0]
    data = back.signal("eeg").data[0]
    assert data[100] == 500.0
    assert np.flatnonzero(np.isnan(data)).tolist() == list(range(200, 250))


def test_an_event_outside_the_signal_is_refused_and_not_dropped(recording: Recording) -> None:
    late = Recording({"eeg": recording.signal("eeg").crop(100, 104)}, "07", recording.events)
    with pytest.raises(DataError, match=r"event 'tense' starts at 5 s, outside the signal of 4 s.*'Fz'"):
        late.to_raw()


@pytest.mark.parametrize("sfreq", [128.0, 250.244, 51.8453, 256.0205])
def test_events_until_the_end_and_beyond_it_end_with_the_signal(sfreq: float) -> None:
    """Warnings are errors here; MNE used to say that it limited annotations, for the rounding of a microsecond."""
    rng = np.random.default_rng(0)
    for n_times in rng.integers(100, 5000, 20).tolist():
        signal = Signal(np.zeros((1, n_times)), sfreq, [Channel("Cz")])
        onset = np.sort(rng.uniform(0, signal.duration, 6))
        duration = [*(signal.duration - onset[:3]), 100.0, 0.0, 1e-3]
        events = pd.DataFrame({"onset": onset, "duration": duration, "trial_type": [*"abcdef"]})
        notes = Recording({"eeg": signal}, "07", events).to_raw().annotations
        np.testing.assert_allclose(notes.onset, onset, atol=1e-6)
        ends = np.minimum(onset + duration, signal.duration)
        np.testing.assert_allclose(notes.onset + notes.duration, ends, atol=2e-6)


def test_an_event_of_unknown_duration_is_a_moment_to_mne() -> None:
    events = pd.DataFrame({"onset": [1.0], "duration": [np.nan], "trial_type": ["tone"]})
    raw = Recording({"eeg": Signal(np.zeros((1, 200)), SFREQ, [Channel("Cz")])}, "07", events).to_raw()
    assert raw.annotations.duration.tolist() == [0.0]


def test_an_electrode_that_is_nowhere_is_refused_by_name() -> None:
    raw = mne.io.RawArray(np.zeros((1, 100)), mne.create_info(["E17"], SFREQ, "eeg"), verbose="error")
    with pytest.raises(DataError, match="'E17' has no position"):
        Recording.from_raw(raw, "07")


def test_a_name_of_the_1005_system_is_enough_without_a_montage() -> None:
    raw = mne.io.RawArray(np.zeros((1, 100)), mne.create_info(["Cz"], SFREQ, "eeg"), verbose="error")
    assert Recording.from_raw(raw, "07").signal("eeg").channels == (Channel("Cz"),)


@pytest.fixture
def windows(recording: Recording) -> Windows:
    return recording.windows(1.0, 1.0)


def test_windows_become_epochs_with_labels_metadata_and_montage(windows: Windows) -> None:
    epochs = windows.to_epochs()
    assert windows.y is not None
    np.testing.assert_array_equal(epochs.get_data(), windows.X)
    names = {code: name for name, code in epochs.event_id.items()}
    assert [names[code] for code in epochs.events[:, 2]] == windows.y.tolist()
    pd.testing.assert_frame_equal(epochs.metadata, windows.metadata)
    assert set(epochs.get_montage().ch_names) == {"Fz", "E7"}
    assert len(epochs["calm"]) == 4


def test_windows_without_labels_become_epochs_of_one_kind(windows: Windows) -> None:
    unlabelled = Windows(windows.X, None, windows.metadata, windows.axes, windows.channels, sfreq=windows.sfreq)
    assert unlabelled.to_epochs().event_id == {"window": 1}


def test_features_are_not_epochs(windows: Windows) -> None:
    features = Windows(windows.X[..., :2], windows.y, windows.metadata, ("window", "channel", "band"), windows.channels)
    with pytest.raises(DataError, match=r"epochs need windows of samples.*'band'"):
        features.to_epochs()
