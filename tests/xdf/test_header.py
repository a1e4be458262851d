from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import DataError
from affectbio.types import Signal
from affectbio.xdf import parse_header
from affectbio.xdf.header import scale_to_si

BARE = (
    "<info><name>x</name><type>{type}</type><channel_count>{n}</channel_count>"
    "<channel_format>float32</channel_format><nominal_srate>250</nominal_srate>{desc}</info>"
)


def test_words_of_the_network_become_ours(header_xml) -> None:
    channels, units, notes = parse_header(header_xml(labels=("T3", "Cz"))).channels()
    assert [(c.name, c.kind, c.unit) for c in channels] == [("T7", "eeg", "V"), ("Cz", "eeg", "V")]
    assert [scale_to_si(u) for u in units] == [1e-6, 1e-6]
    assert notes == ()


@pytest.mark.parametrize(
    ("lsl_type", "kind", "unit", "expected"),
    [
        ("ACC", "accelerometer", "g", ("acc", 9.80665)),
        ("GYRO", "gyroscope", "dps", ("gyro", pytest.approx(3.14159265 / 180))),
        ("EDA", "", "uS", ("gsr", 1e-6)),
        ("GSR", "", "microsiemens", ("gsr", 1e-6)),
        ("ECG", "", "mV", ("ecg", 1e-3)),
        ("PPG", "ppg", "mmHg", ("ppg", 1.0)),
        ("Gaze", "", "", ("misc", 1.0)),
    ],
)
def test_kind_comes_from_the_channel_or_else_the_stream(header_xml, lsl_type, kind, unit, expected) -> None:
    header = parse_header(header_xml(lsl_type=lsl_type, n_chans=1, labels=("a",), unit=unit, kind=kind))
    (channel,), (wire_unit,), _ = header.channels()
    assert (channel.kind, scale_to_si(wire_unit)) == expected


def test_an_eeg_label_that_is_no_electrode_is_kept_as_misc_and_said(header_xml) -> None:
    channels, units, notes = parse_header(header_xml(labels=("TP9", "AUX_RIGHT"))).channels()
    assert [(c.name, c.kind) for c in channels] == [("TP9", "eeg"), ("AUX_RIGHT", "misc")]
    assert units == ("microvolts", "microvolts")
    assert len(notes) == 1
    assert "AUX_RIGHT" in notes[0]
    assert "in V" in notes[0]


def test_a_unit_that_nobody_states_is_asked_for_and_can_be_given() -> None:
    header = parse_header(BARE.format(type="EEG", n=1, desc=""))
    with pytest.raises(DataError, match=r"channel 'ch1' of stream 'x' \(type 'EEG'\) has no unit.*units="):
        header.channels()
    _, units, _ = header.channels({"eeg": "uV"})
    assert units == ("uV",)


def test_a_unit_that_does_not_fit_the_kind_gives_way_to_the_one_given(header_xml) -> None:
    header = parse_header(header_xml(unit="counts"))
    with pytest.raises(DataError, match="unit 'counts'"):
        header.channels()
    assert header.channels({"band": "mV"})[1] == ("mV", "mV")


@pytest.mark.parametrize(
    "xml",
    [
        "", "no xml", "<info/>", BARE.format(type="EEG", n=0, desc=""), BARE.format(type="EEG", n="two", desc=""),
        BARE.format(type="EEG", n=1, desc="").replace("float32", "float16"),
        "<!DOCTYPE info [<!ENTITY a 'a'>]>" + BARE.format(type="EEG", n=1, desc=""),
    ],
)  # fmt: skip
def test_what_is_no_header_is_refused(xml: str) -> None:
    with pytest.raises(DataError):
        parse_header(xml)


@given(st.lists(st.sampled_from(["", "ch1", "ch2", "a", "a-2", "b"]), max_size=6))
def test_labels_always_differ(labels: list[str]) -> None:
    desc = "".join(f"<channel><label>{x}</label></channel>" for x in labels)
    header = parse_header(BARE.format(type="Gaze", n=6, desc=f"<desc><channels>{desc}</channels></desc>"))
    assert len(set(header.labels)) == header.n_chans == 6
    channels, _, _ = header.channels()
    assert Signal([[0.0]] * 6, 1.0, channels).n_chans == 6
