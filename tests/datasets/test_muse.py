"""Files of muselsl: real ones, and losses, jitter and layouts made by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectbio.datasets import read_muse
from affectbio.errors import DataError

EEG = Path(__file__).parents[1] / "data" / "eeg"


def written(path, stamps, columns="TP9,AF7,AF8,TP10", markers=None):
    n = len(columns.split(","))
    rows = [f"{t:.3f},{','.join([f'{i:.3f}'] * n)}" for i, t in enumerate(stamps)]
    head = f"timestamps,{columns}"
    if markers is not None:
        head, rows = f"{head},Marker0", [f"{r},{m}" for r, m in zip(rows, markers, strict=True)]
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.mark.parametrize("name", ["muselsl_p300.csv", "muselsl_n170_jitter.csv"])
def test_a_real_file_is_read_whole_at_its_true_rate(name):
    recording, table = read_muse(EEG / name, "01"), pd.read_csv(EEG / name)
    eeg = recording.signal("eeg")
    assert eeg.ch_names == ("TP9", "AF7", "AF8", "TP10")
    np.testing.assert_allclose(eeg.data, 1e-6 * table[list(eeg.ch_names)].to_numpy().T, rtol=1e-9)
    assert recording.signal("misc").ch_names == ("Right AUX",)
    # The step from stamp to stamp, printed to a millisecond, would say 250.
    assert 1 / np.median(np.diff(table["timestamps"])) == pytest.approx(250, abs=0.1)
    assert eeg.sfreq == 256.0
    marks = np.flatnonzero(table.iloc[:, -1])
    np.testing.assert_allclose(recording.events["onset"], marks / 256)
    assert recording.events["trial_type"].tolist() == [f"{m}" for m in table.iloc[marks, -1]]
    assert recording.events["duration"].sum() == pytest.approx(eeg.duration - marks[0] / 256)
    assert recording.meta["notes"] == ()


def test_packets_that_are_missing_are_nan_in_their_place_with_jitter_too(tmp_path):
    rng = np.random.default_rng(0)
    kept = np.delete(np.arange(7200), np.r_[1200:1212, 3600:3648])
    late = np.repeat(rng.exponential(0.003, len(kept) // 12), 12)
    path = written(tmp_path / "EEG_recording.csv", 5000 + kept / 256 + late)
    eeg = read_muse(path, "01").signal("eeg")
    lost = np.isnan(eeg.data[0])
    assert lost.sum() == pytest.approx(60, abs=4)
    assert np.flatnonzero(lost)[0] == pytest.approx(1200, abs=3)
    # Whatever stands behind a gap stands within a few samples of where it was, however late its packet was told.
    values = 1e6 * eeg.data[0, ~lost]
    np.testing.assert_allclose(values, np.arange(len(kept)), atol=1e-9)
    assert np.abs(np.flatnonzero(~lost) - kept).max() <= 4


def test_a_measured_rate_is_kept_where_it_matters(tmp_path):
    eeg = read_muse(written(tmp_path / "x.csv", np.arange(20_000) / 256.3), "01").signal("eeg")
    assert eeg.sfreq == pytest.approx(256.3, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "columns", "signal", "sfreq", "scale"),
    [
        ("PPG_recording.csv", "PPG1,PPG2,PPG3", "ppg", 64.0, 1.0),
        ("ACC_recording.csv", "X,Y,Z", "acc", 52.0, 9.80665),
        ("gyro_x.csv", "X,Y,Z", "gyro", 52.0, np.pi / 180),
    ],
)
def test_every_stream_has_its_rate_and_unit(tmp_path, name, columns, signal, sfreq, scale):
    made = read_muse(written(tmp_path / name, 9 + np.arange(200) / sfreq, columns), "01").signal(signal)
    assert (made.sfreq, made.n_chans) == (sfreq, 3)
    np.testing.assert_allclose(made.data[0], scale * np.arange(200))


def test_three_axes_without_a_name_are_not_guessed(tmp_path):
    with pytest.raises(DataError, match="begins with ACC or GYRO"):
        read_muse(written(tmp_path / "motion.csv", np.arange(9) / 52, "X,Y,Z"), "01")


def test_empty_cells_and_a_torn_end(tmp_path):
    path = written(tmp_path / "x.csv", np.arange(300) / 256)
    path.write_text(path.read_text().replace("\n0.391,100.000,", "\n0.391,,") + "1.17")
    recording = read_muse(path, "01")
    assert np.flatnonzero(np.isnan(recording.signal("eeg").data[0])).tolist() == [100]
    assert recording.signal("eeg").n_times == 300
    assert "4 bytes were left out" in recording.meta["problem"]


def test_a_clock_that_was_set_does_not_fill_the_memory(tmp_path):
    stamps = [*(np.arange(100) / 256), *(1.7e9 + np.arange(100) / 256)]
    with pytest.raises(DataError, match=r"x\.csv: its stamps jump .* after sample 99"):
        read_muse(written(tmp_path / "x.csv", stamps), "01")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "not a file of muselsl"),
        ("time,TP9\n1,2\n", "not a file of muselsl"),
        ("timestamps,TP9\n", "no columns of numbers"),
        ("timestamps,TP9\n1.0,5\n", "1 samples; expected at least two"),
        ("timestamps,TP9\n1.0,5\n1.004,x\n", "line 3, column 2: expected a number, found 'x'"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, content, match):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(DataError, match=match):
        read_muse(tmp_path / "x.csv", "01")
