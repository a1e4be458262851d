"""EDF and BDF against MNE and edfio, whole and cut anywhere."""

import contextlib
import warnings

import edfio
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from affectbio._bundled import bundled
from affectbio.datasets import EDFTruncatedWarning, read_edf
from affectbio.errors import DataError
from affectbio.montage import modern_name

BUNDLED = sorted(bundled("eegmat").glob("*.edf"))


def sine(sfreq, seconds=6, amplitude=50.0, seed=0):
    return amplitude * np.random.default_rng(seed).uniform(-1, 1, int(sfreq * seconds))


def write(path, signals, *, annotations=(), record_s=1.0, bdf=False):
    make, channel = (edfio.Bdf, edfio.BdfSignal) if bdf else (edfio.Edf, edfio.EdfSignal)
    file = make(
        [channel(data, sfreq, label=label, physical_dimension=unit) for label, unit, sfreq, data in signals],
        annotations=[edfio.EdfAnnotation(*a) for a in annotations],
        data_record_duration=record_s,
    )
    file.write(path)
    return path


@pytest.fixture
def mixed(tmp_path):
    """Two rates, odd labels, annotations."""
    return write(
        tmp_path / "mixed.edf",
        [
            ("EEG T5", "uV", 100, sine(100)),
            ("Fc5.", "mV", 100, sine(100, seed=1)),
            ("EEG Fp1-Ref", "uV", 100, sine(100, seed=2)),
            ("EEG A2-A1", "uV", 100, sine(100, seed=3)),
            ("EEG Cz", "uV", 50, sine(50, seed=4)),
            ("ECG II", "mV", 200, sine(200, seed=5)),
            ("RESP chest", "mV", 25, sine(25, seed=6)),
            ("TEMP", "degC", 1, sine(1, seed=7)),
            ("Button", "n/a", 100, sine(100, seed=8)),
        ],
        annotations=[(0.5, 2.0, "rest"), (3.0, None, "blink"), (4.25, 0.5, "täsk")],
    )


@pytest.mark.parametrize("path", BUNDLED[::14], ids=lambda p: p.stem)
def test_bundled_files_are_read_as_mne_reads_them(path):
    import mne

    raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
    eeg = read_edf(path, "x").signal("eeg")
    assert list(eeg.ch_names) == [modern_name(name) for name in raw.ch_names]
    assert eeg.sfreq == raw.info["sfreq"]
    np.testing.assert_allclose(eeg.data, raw.get_data(), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("bdf", [False, True])
def test_written_files_are_read_as_mne_reads_them(tmp_path, bdf):
    import mne

    signals = [("EEG Fp1", "uV", 100, sine(100)), ("EEG T6", "mV", 100, sine(100, seed=1))]
    path = write(tmp_path / ("x.bdf" if bdf else "x.edf"), signals, annotations=[(1.5, 2.0, "task")], bdf=bdf)
    raw = (mne.io.read_raw_bdf if bdf else mne.io.read_raw_edf)(path, preload=True, verbose="error")
    recording = read_edf(path, "x")
    assert recording.signal("eeg").ch_names == ("Fp1", "P8")
    np.testing.assert_allclose(recording.signal("eeg").data, raw.get_data(), rtol=1e-9, atol=1e-15)
    step = 2 * 50e-6 / 2 ** (24 if bdf else 16)
    np.testing.assert_allclose(recording.signal("eeg").data[0], 1e-6 * signals[0][3], atol=1.01 * step)
    assert recording.events.to_dict("records") == [{"onset": 1.5, "duration": 2.0, "trial_type": "task"}]


def test_kinds_rates_units_and_names(mixed):
    recording = read_edf(mixed, "07", session="02")
    assert (recording.subject, recording.session, recording.meta["file"]) == ("07", "02", "mixed.edf")
    found = {name: (s.ch_names, s.sfreq, {c.unit for c in s.channels}) for name, s in recording.signals.items()}
    assert found == {
        "eeg": (("P7", "Fc5", "Fp1"), 100.0, {"V"}),
        "misc": (("A2-A1", "Button"), 100.0, {"V", "1"}),
        "eeg@50": (("Cz",), 50.0, {"V"}),
        "ecg": (("ECG II",), 200.0, {"V"}),
        "misc@25": (("RESP chest",), 25.0, {"V"}),
        "temperature": (("TEMP",), 1.0, {"degC"}),
    }
    by_label = {s.label: s for s in edfio.read_edf(mixed).signals}
    np.testing.assert_array_equal(recording.signal("eeg").data[0], 1e-6 * by_label["EEG T5"].data)
    np.testing.assert_array_equal(recording.signal("eeg").data[1], 1e-3 * by_label["Fc5."].data)
    np.testing.assert_array_equal(recording.signal("misc").data[1], by_label["Button"].data)


def test_annotations_become_events(mixed):
    events = read_edf(mixed, "x").events
    assert events["onset"].tolist() == [0.5, 3.0, 4.25]
    assert events["duration"].tolist() == [2.0, 0.0, 0.5]
    assert events["trial_type"].tolist() == ["rest", "blink", "täsk"]
    assert read_edf(BUNDLED[0], "x").events.empty


def test_picks_go_by_label_or_name(mixed):
    recording = read_edf(mixed, "x", picks=["P7", "EEG Fp1-Ref", "TEMP"])
    assert {k: s.ch_names for k, s in recording.signals.items()} == {"eeg": ("P7", "Fp1"), "temperature": ("TEMP",)}


def test_the_user_knows_better_what_a_channel_is(mixed):
    recording = read_edf(mixed, "x", kinds={"A2-A1": "eog", "EEG T5": "emg"})
    assert recording.signal("eog").ch_names == ("A2-A1",)
    assert recording.signal("emg").ch_names == ("P7",)
    with pytest.raises(DataError, match=r"mixed\.edf: channel 'Button' of kind 'eeg' has unit '1'"):
        read_edf(mixed, "x", kinds={"Button": "eeg"})


@pytest.mark.parametrize("asked", [{"picks": ["P7", "Fp2"]}, {"kinds": {"Fp2": "eog"}}])
def test_a_channel_that_is_not_there_is_not_passed_over(mixed, asked):
    with pytest.raises(DataError, match=r"mixed\.edf: no channel 'Fp2'; did you mean 'Fp1'\?"):
        read_edf(mixed, "x", **asked)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ("", "channel 'EEG O1' has no unit; set its physical dimension"),
        ("furlong", "channel 'EEG O1': no unit 'furlong'"),
    ],
)
def test_a_unit_that_says_nothing_names_the_channel_and_does_no_harm_to_the_others(tmp_path, unit, words):
    path = write(tmp_path / "x.edf", [("EEG Cz", "uV", 100, sine(100)), ("EEG O1", unit, 100, sine(100))])
    with pytest.raises(DataError, match=rf"x\.edf: {words}"):
        read_edf(path, "x")
    assert read_edf(path, "x", picks=["Cz"]).signal("eeg").ch_names == ("Cz",)


def test_two_channels_of_one_name_are_refused(tmp_path):
    path = write(tmp_path / "x.edf", [("EEG T3", "uV", 100, sine(100)), ("EEG T7", "uV", 100, sine(100))])
    with pytest.raises(DataError, match=r"x\.edf: channel 'T7' appears 2 times"):
        read_edf(path, "x")
    assert read_edf(path, "x", picks=["EEG T3"]).signal("eeg").n_chans == 1


def test_a_file_with_gaps_is_refused_and_one_without_is_read(tmp_path):
    path = write(tmp_path / "x.edf", [("EEG Cz", "uV", 100, sine(100))], annotations=[(1.0, 1.0, "a")])
    content = bytearray(path.read_bytes())
    content[192:197] = b"EDF+D"
    path.write_bytes(content)
    assert read_edf(path, "x").signal("eeg").duration == 6.0
    at = content.index(b"+3\x14\x14")
    content[at : at + 2] = b"+9"
    path.write_bytes(content)
    with pytest.raises(DataError, match="records are not contiguous"):
        read_edf(path, "x")


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(5000), b"XDF:" + bytes(300), b"time,Fp1\n0.0,1.0\n", b"BIOSEMI"]
)
def test_a_foreign_file_is_said_to_be_one(tmp_path, content):
    (tmp_path / "x.edf").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.edf: not an EDF or BDF file; expected .* at byte 0, found"):
        read_edf(tmp_path / "x.edf", "x")


def test_a_file_with_annotations_only_is_refused(tmp_path):
    edfio.Edf([], annotations=[edfio.EdfAnnotation(0, None, "a")]).write(tmp_path / "x.edf")
    with pytest.raises(DataError, match="holds only annotations"):
        read_edf(tmp_path / "x.edf", "x")


def test_picking_nothing_is_refused(mixed):
    with pytest.raises(DataError, match="no channel is picked"):
        read_edf(mixed, "x", picks=[])


def test_a_missing_file_is_no_data_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_edf(tmp_path / "none.edf", "x")


N_HEADER, N_RECORD = 256 * (1 + 8), 8 * 125 * 2


@settings(max_examples=120)
@given(cut=st.integers(0, N_HEADER + 60 * N_RECORD))
@example(cut=N_HEADER)
@example(cut=N_HEADER + N_RECORD)
@example(cut=N_HEADER + 60 * N_RECORD)
def test_cut_anywhere_it_gives_the_whole_records_or_says_why_not(tmp_path_factory, cut):
    path = tmp_path_factory.getbasetemp() / "cut.edf"
    whole = BUNDLED[0].read_bytes()
    assert len(whole) == N_HEADER + 60 * N_RECORD
    path.write_bytes(whole[:cut])
    n_whole = (cut - N_HEADER) // N_RECORD
    if n_whole < 1:
        with pytest.raises(DataError, match=r"cut\.edf: "):
            read_edf(path, "x")
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recording = read_edf(path, "x")
    expected = read_edf(BUNDLED[0], "x").signal("eeg").data[:, : n_whole * 125]
    np.testing.assert_array_equal(recording.signal("eeg").data, expected)
    if n_whole == 60:
        assert not caught
    else:
        assert [w.category for w in caught] == [EDFTruncatedWarning]
        assert (
            f"promises 60 records of 2000 bytes after byte 2304, the file ends at byte {cut}; {n_whole} whole"
            in str(caught[0].message)
        )
        assert caught[0].filename == __file__
        assert recording.meta["problem"] in str(caught[0].message)


@settings(max_examples=300)
@given(at=st.integers(0, N_HEADER - 1), byte=st.sampled_from(b" 0129-.+eaA\x00\x80\xff"))
def test_a_damaged_header_gives_a_recording_or_a_data_error_and_nothing_else(tmp_path_factory, at, byte):
    path = tmp_path_factory.getbasetemp() / "damaged.edf"
    content = bytearray(BUNDLED[0].read_bytes()[: N_HEADER + 60 * N_RECORD])
    content[at] = byte
    path.write_bytes(content)
    with warnings.catch_warnings(), contextlib.suppress(DataError):
        warnings.simplefilter("ignore")
        assert read_edf(path, "x").signals


@pytest.mark.parametrize(
    ("where", "field", "words"),
    [
        (slice(236, 244), b"0       ", "no record is whole; the header promises 0"),
        (slice(236, 244), b"-7      ", "no record is whole; the header promises -7"),
        (slice(184, 192), b"512     ", "8 signals need 2304 bytes of header, found 512"),
        (slice(252, 256), b"0   ", "header is damaged"),
        (slice(252, 256), b"9999", "header is cut or damaged"),
        (slice(244, 252), b"0       ", "records last 0 s; .* its header is damaged"),
        (slice(244, 252), b"nan     ", "records last nan s"),
        (slice(244, 252), b"1 s     ", "header is cut or damaged"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(tmp_path, where, field, words):
    content = bytearray(BUNDLED[0].read_bytes())
    content[where] = field
    (tmp_path / "x.edf").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_edf(tmp_path / "x.edf", "x")


def test_a_recorder_that_was_not_closed_leaves_a_readable_file(tmp_path):
    content = bytearray(BUNDLED[0].read_bytes())
    content[236:244] = b"-1      "
    (tmp_path / "x.edf").write_bytes(content)
    recording = read_edf(tmp_path / "x.edf", "x")
    np.testing.assert_array_equal(recording.signal("eeg").data, read_edf(BUNDLED[0], "x").signal("eeg").data)
    (tmp_path / "x.edf").write_bytes(content[:-1])
    with pytest.warns(EDFTruncatedWarning, match="an unknown number of records.*59 whole records were read"):
        assert read_edf(tmp_path / "x.edf", "x").signal("eeg").duration == 59.0


def test_bytes_after_the_last_record_are_told_of(tmp_path):
    (tmp_path / "x.edf").write_bytes(BUNDLED[0].read_bytes() + bytes(N_RECORD + 1))
    with pytest.warns(EDFTruncatedWarning, match="promises 60 records.*60 whole records were read"):
        assert read_edf(tmp_path / "x.edf", "x").signal("eeg").duration == 60.0


def test_a_path_may_be_a_string():
    assert read_edf(str(BUNDLED[0]), "x").signal("eeg").n_chans == 8
