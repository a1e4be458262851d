"""Signal, Recording and Windows against naive loops, and what they refuse."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import ConfigError, DataError
from affectbio.types import Affect, Channel, Recording, Score, Signal, Windows, table_of_windows

SFREQ = 100.0


def a_signal(n_times: int = 1000, start: float = 0.0, names: tuple[str, ...] = ("C3", "C4")) -> Signal:
    data = np.arange(len(names) * n_times, dtype=float).reshape(len(names), n_times)
    return Signal(data, SFREQ, [Channel(n) for n in names], start)


def some_events(*rows: tuple[float, float, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])


def some_windows(n: int = 4, **changes: object) -> Windows:
    table = pd.DataFrame(
        {"subject": [f"{i % 2:02d}" for i in range(n)], "session": "01", "trial": [f"{i}" for i in range(n)]}
    )
    table["stimulus"], table["start"], table["stop"] = "film", 1.0 * np.arange(n), 1.0 + np.arange(n)
    given_or_default = {
        "X": np.arange(n * 2 * 5, dtype=float).reshape(n, 2, 5),
        "y": np.array(["calm", "tense"] * n)[:n],
        "metadata": table,
        "axes": ("window", "channel", "time"),
        "channels": (Channel("C3"), Channel("C4")),
        "sfreq": SFREQ,
    } | changes
    return Windows(**given_or_default)  # type: ignore[arg-type]


# Channel


def test_a_channel_knows_the_unit_and_place_of_its_kind() -> None:
    assert Channel("Cz").unit == "V"
    assert Channel("Cz").position is not None
    assert Channel("finger", "gsr") == Channel("finger", "gsr", "S", None)
    assert Channel("E17", position=(0.0, 0.0, 0.1)).position == (0.0, 0.0, 0.1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("X9",), "'X9' has no position .* rename it, give its position, or give it the kind 'misc'"),
        (("Cz", "eggs"), "'Cz': no kind of channel 'eggs'; did you mean .* Known: acc, ecg, eeg"),
        (("Cz", "eeg", "uV"), "'Cz' of kind 'eeg' has unit 'uV'; expected the SI unit 'V'"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_by_name(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Channel(*arguments)


# Signal


def test_a_signal_shares_memory_and_cannot_be_written_through() -> None:
    data = np.zeros((1, 10))
    signal = Signal(data, SFREQ, [Channel("Cz")])
    assert np.shares_memory(signal.data, data)
    with pytest.raises(ValueError, match="read-only"):
        signal.data[0, 0] = 1
    assert data.flags.writeable
    with pytest.raises(AttributeError):
        signal.sfreq = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "sfreq", "names", "words"),
    [
        (np.zeros(10), SFREQ, ["C3"], r"\(n_chans, n_times\); found 1 axes, shape \(10,\)"),
        (np.zeros((1, 10), complex), SFREQ, ["C3"], "real numbers; found dtype complex128"),
        (np.zeros((1, 10), bool), SFREQ, ["C3"], "real numbers; found dtype bool"),
        (np.zeros((3, 10)), SFREQ, ["C3", "C4"], "3 rows of data but 2 channels: C3, C4"),
        (np.zeros((2, 10)), SFREQ, ["C3", "C3"], "channel 'C3' appears 2 times"),
        (np.zeros((1, 10)), 0.0, ["C3"], "'C3' has no sampling rate: expected a positive number of Hz, found 0.0"),
        (np.zeros((1, 10)), float("nan"), ["C3"], "'C3' has no sampling rate.*found nan"),
    ],
)
def test_a_signal_that_contradicts_itself_is_refused(
    data: np.ndarray, sfreq: float, names: list[str], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        Signal(data, sfreq, [Channel(n) for n in names])


def test_picking_keeps_the_order_asked_for_and_suggests_names() -> None:
    signal = a_signal(names=("Fz", "Cz", "Pz"))
    picked = signal.pick(["Pz", "Fz"])
    assert picked.ch_names == ("Pz", "Fz")
    np.testing.assert_array_equal(picked.data, signal.data[[2, 0]])
    with pytest.raises(DataError, match="no channel 'pz'; did you mean 'Pz'"):
        signal.pick(["pz"])


@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(0, 50), st.sampled_from([100.0, 128.0, 250.0, 256.0, 1000.0])
)
def test_cropping_at_sample_times_equals_a_naive_loop(a: int, b: int, n_times: int, sfreq: float) -> None:
    # On a clock like LSL's, which counts seconds since the machine started.
    signal = Signal(np.arange(n_times, dtype=float)[np.newaxis], sfreq, [Channel("Cz")], start=123456.789)
    first, last = sorted((a, b))
    cropped = signal.crop(signal.start + first / sfreq, signal.start + last / sfreq)
    expected = [i for i in range(n_times) if first <= i < last]
    assert cropped.data[0].tolist() == expected
    assert cropped.n_times == 0 or cropped.start == pytest.approx(signal.times()[expected[0]], abs=1e-9)


def test_a_crop_shares_memory_may_be_open_ended_and_may_be_empty() -> None:
    signal = a_signal()
    assert np.shares_memory(signal.crop(1, 2).data, signal.data)
    assert signal.crop(-np.inf, np.inf).n_times == signal.n_times
    assert signal.crop(20, 30).n_times == 0
    assert signal.crop(-5, 1).start == 0.0


@pytest.mark.parametrize(("start", "stop"), [(2.0, 1.0), (float("nan"), 1.0), (0.0, float("nan"))])
def test_a_crop_that_ends_before_it_starts_is_refused(start: float, stop: float) -> None:
    with pytest.raises(DataError, match="expected start <= stop"):
        a_signal().crop(start, stop)


# Recording


def test_a_recording_needs_a_signal_and_the_columns_of_bids() -> None:
    with pytest.raises(DataError, match="subject '07' holds no signal"):
        Recording({}, subject="07")
    with pytest.raises(DataError, match=r"lack the BIDS column 'trial_type'.*found onset, duration"):
        Recording({"eeg": a_signal()}, subject="07", events=some_events().drop(columns="trial_type"))
    with pytest.raises(DataError, match="no signal 'ege'; did you mean 'eeg'"):
        Recording({"eeg": a_signal()}, subject="07").signal("ege")


@pytest.mark.parametrize("through", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_a_recording_travels_to_another_process(through: object) -> None:
    recording = Recording({"eeg": a_signal()}, "07", some_events((1.0, 2.0, "a")), meta={"x": 1})
    twin = through(recording)  # type: ignore[operator]
    np.testing.assert_array_equal(twin.signal("eeg").data, recording.signal("eeg").data)
    pd.testing.assert_frame_equal(twin.events, recording.events)
    assert dict(twin.meta) == {"x": 1}
    with pytest.raises(TypeError):
        twin.signals["eda"] = None


def naive_windows(recording: Recording, length: int, step: int) -> list[tuple[int, str]]:
    """First sample and event of every window, by asking every event, the one that began last first."""
    events = recording.events.reset_index(drop=True).sort_values("onset", kind="stable", ascending=True)
    signal, found = recording.signal("eeg"), []
    for first in range(0, signal.n_times - length + 1, step):
        begin, end = first / SFREQ, (first + length) / SFREQ
        holding = [
            e.trial_type for e in events.itertuples() if e.onset <= begin + 1e-7 and end <= e.onset + e.duration + 1e-7
        ]
        if holding:
            found.append((first, holding[-1]))
    return found


@given(
    events=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 500)), min_size=1, max_size=6),
    length=st.integers(1, 200),
    step=st.integers(1, 150),
    start=st.sampled_from([0.0, 98765.4321]),
)
def test_windows_equal_a_naive_loop(events: list[tuple[int, int]], length: int, step: int, start: float) -> None:
    rows = [(start + onset / SFREQ, duration / SFREQ, f"event{i}") for i, (onset, duration) in enumerate(events)]
    recording = Recording({"eeg": a_signal(start=start)}, "07", some_events(*rows))
    at_zero = some_events(*[(onset / SFREQ, duration, name) for (onset, _), (_, duration, name) in zip(events, rows)])  # noqa: B905
    expected = naive_windows(Recording({"eeg": a_signal()}, "07", at_zero), length, step)
    if not expected:
        with pytest.raises(DataError, match="no window of"):
            recording.windows(length / SFREQ, step / SFREQ)
        return
    windows = recording.windows(length / SFREQ, step / SFREQ)
    assert windows.y is not None
    assert list(zip(windows.X[:, 0, 0].astype(int), windows.y, strict=True)) == expected
    assert windows.X.shape[1:] == (2, length)
    np.testing.assert_allclose(windows.metadata["stop"] - windows.metadata["start"], length / SFREQ, atol=1e-9)


def test_a_marker_inside_a_trial_does_not_take_its_windows_away() -> None:
    events = some_events((0.0, 10.0, "film"), (3.0, 0.0, "button"))
    windows = Recording({"eeg": a_signal()}, "07", events).windows(1.0, 1.0)
    assert windows.y is not None
    assert windows.y.tolist() == ["film"] * 10


def test_an_event_of_unknown_duration_holds_no_window() -> None:
    events = some_events((0.0, float("nan"), "unknown"), (5.0, 5.0, "film"))
    windows = Recording({"eeg": a_signal()}, "07", events).windows(1.0, 1.0)
    assert len(windows) == 5


def test_windows_carry_who_and_what_from_the_recording() -> None:
    events = some_events((5.0, 2.0, "tense"), (0.0, 2.0, "calm")).assign(stimulus=["film2", "film1"], rating=[9, 1])
    windows = Recording({"eeg": a_signal()}, "07", events, session="02").windows(1.0, 1.0)
    expected = pd.DataFrame(
        {
            "subject": "07",
            "session": "02",
            "trial": ["000", "000", "001", "001"],
            "stimulus": ["film1", "film1", "film2", "film2"],
            "start": [0.0, 1.0, 5.0, 6.0],
            "stop": [1.0, 2.0, 6.0, 7.0],
            "trial_type": ["calm", "calm", "tense", "tense"],
            "rating": [1, 1, 9, 9],
        }
    )
    pd.testing.assert_frame_equal(windows.metadata, expected, check_dtype=False)


@pytest.mark.parametrize(("length_s", "step_s"), [(0.0, 1.0), (1.0, 0.0), (0.001, 1.0), (-1.0, 1.0)])
def test_windows_of_less_than_a_sample_are_refused(length_s: float, step_s: float) -> None:
    recording = Recording({"eeg": a_signal()}, "07", some_events((0.0, 10.0, "film")))
    with pytest.raises(DataError, match=r"at 100 Hz a sample lasts 0.01 s"):
        recording.windows(length_s, step_s)


def test_the_table_says_which_windows_it_kept() -> None:
    recording = Recording({"eeg": a_signal()}, "07", some_events((1.0, 2.0, "film")))
    table, keep = table_of_windows(recording, np.array([0.0, 1.0, 2.0, 2.5]), 1.0)
    assert keep.tolist() == [False, True, True, False]
    assert table["start"].tolist() == [1.0, 2.0]


# Windows


@pytest.mark.parametrize("column", ["subject", "session", "trial", "stimulus", "start", "stop"])
def test_windows_without_what_leak_checks_need_are_refused(column: str) -> None:
    with pytest.raises(DataError, match=f"lack {column}; without them a leak"):
        some_windows(metadata=some_windows().metadata.drop(columns=column))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axes": ("window", "channel")}, "do not name the 3 axes"),
        ({"axes": ("channel", "window", "time")}, "do not name the 3 axes"),
        ({"y": np.zeros(3)}, "4 windows, 3 labels and 4 rows of metadata"),
        ({"X": np.zeros((3, 2, 5)), "y": None}, "3 windows, no labels and 4 rows"),
        ({"channels": (Channel("Cz"),)}, "1 channels for an axis of length 2"),
        ({"features": ("alpha", "beta")}, "2 names of features for a last axis of length 5"),
        ({"target_access": "lots"}, "no target access 'lots'"),
    ],
)
def test_windows_that_contradict_themselves_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        some_windows(**changes)


def test_groups_join_columns_and_suggest_names() -> None:
    windows = some_windows()
    assert windows.groups("subject").tolist() == ["00", "01", "00", "01"]
    assert windows.groups("subject", "trial").tolist() == ["00/0", "01/1", "00/2", "01/3"]
    with pytest.raises(DataError, match="did you mean 'subject'"):
        windows.groups("subjects")
    with pytest.raises(DataError, match="groups of what"):
        windows.groups()


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_taking_by_mask_equals_taking_by_index(mask: list[bool]) -> None:
    windows = some_windows()
    index = np.array([i for i, wanted in enumerate(mask) if wanted], dtype=int)
    by_mask, by_index = windows.take(np.array(mask)), windows.take(index)
    np.testing.assert_array_equal(by_mask.X, windows.X[index])
    np.testing.assert_array_equal(by_mask.X, by_index.X)
    assert by_mask.metadata["trial"].tolist() == [str(i) for i in index]
    assert by_mask.metadata.index.tolist() == list(range(len(index)))


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(IndexError):
        some_windows().take(np.array([True, False]))


@given(st.integers(1, 3))
def test_taking_apart_and_putting_together_changes_nothing(where: int) -> None:
    windows = some_windows()
    whole = Windows.concatenate([windows.take(np.arange(where)), windows.take(np.arange(where, 4))])
    np.testing.assert_array_equal(whole.X, windows.X)
    assert whole.y is not None
    assert windows.y is not None
    assert whole.y.tolist() == windows.y.tolist()
    pd.testing.assert_frame_equal(whole.metadata, windows.metadata)


def test_heads_with_different_electrode_positions_go_together() -> None:
    moved = (Channel("C3", position=(0.1, 0.0, 0.0)), Channel("C4", position=(0.0, 0.1, 0.0)))
    assert len(Windows.concatenate([some_windows(), some_windows(channels=moved)])) == 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sfreq": 50.0}, "differ in sfreq: 100.0 and 50.0"),
        ({"target_access": "rest"}, "differ in target_access: none and rest"),
        (
            {"channels": (Channel("C4"), Channel("C3"))},
            re.escape("['C3 (eeg)', 'C4 (eeg)'] and ['C4 (eeg)', 'C3 (eeg)']"),
        ),
        ({"y": None}, "some windows have labels and some have none"),
    ],
)
def test_windows_that_do_not_fit_together_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(DataError, match=words):
        Windows.concatenate([some_windows(), some_windows(**changes)])


def test_nothing_cannot_be_put_together() -> None:
    with pytest.raises(DataError, match="no windows"):
        Windows.concatenate([])


def test_an_estimate_comes_with_its_interval() -> None:
    affect = Affect(10.0, {"arithmetic": Score(0.7, 0.5, 0.9)}, quality=1.0, latency=0.02)
    assert affect.scores["arithmetic"].low < affect.scores["arithmetic"].value < affect.scores["arithmetic"].high


def test_a_name_that_is_unknown_is_a_config_error_only_where_it_was_configured() -> None:
    with pytest.raises(DataError) as error:
        a_signal().pick(["nope"])
    assert not isinstance(error.value, ConfigError)
