from __future__ import annotations

from dataclasses import replace

import mne_lsl.lsl
import pytest

from affectbio.acquire import ReplayClock, StreamSpec, wall_time
from affectbio.acquire._liblsl import load_pylsl
from affectbio.errors import DataError
from affectbio.types import Channel
from affectbio.xdf import parse_header

MIXED = StreamSpec(
    "wrist",
    "EDA",
    [Channel("eda", "gsr"), Channel("temp", "temperature"), Channel("x", "acc"), Channel("green", "ppg")],
    4.0,
    "wrist-7",
    dtype="double64",
    can_drop=False,
    manufacturer="Maker & Sons",
    latency_s=0.04,
)


def test_what_is_described_is_read_back(spec: StreamSpec) -> None:
    for described in (spec, MIXED, replace(spec, replay=ReplayClock(1234.5678901234, 20.0))):
        assert StreamSpec.from_info(described.to_info()) == described


def test_others_read_it_as_the_ecosystem_writes_it(spec: StreamSpec) -> None:
    """mne-lsl, which was written without us, understands names, types and units."""
    xml = spec.to_info().as_xml()
    theirs = mne_lsl.lsl.StreamInfo(spec.name, "EEG", 3, 128.0, "float32", "x")
    theirs.set_channel_names(["C3", "C4", "Fz"])
    theirs.set_channel_types("eeg")
    theirs.set_channel_units("microvolts")
    ours, expected = parse_header(xml), parse_header(theirs.as_xml)
    assert (ours.labels, ours.types, ours.units) == (expected.labels, expected.types, expected.units)
    assert ours.can_drop


def test_eeg_goes_out_in_microvolts_and_skin_conductance_in_microsiemens(spec: StreamSpec) -> None:
    assert spec.scales.tolist() == [1e-6] * 3
    assert MIXED.units == ("microsiemens", "degC", "m/s^2", "1")
    assert MIXED.scales.tolist() == [1e-6, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sfreq": -1.0}, "expected at least one, at a rate"),
        ({"channels": ()}, "0 channels"),
        ({"source_id": ""}, "no source_id"),
        ({"dtype": "string"}, "expected one of float32"),
        ({"units": ("uV",)}, "3 channels but 1 units"),
        ({"units": ("uV", "uV", "uS")}, "'Fz' is in 'V' and cannot be sent in 'uS'"),
        ({"units": ("uV", "uV", "bananas")}, "no unit 'bananas'"),
    ],
)
def test_what_cannot_be_a_stream_is_refused(spec: StreamSpec, change, said: str) -> None:
    with pytest.raises(DataError, match=said):
        replace(spec, **change)


def test_units_can_be_given_for_a_stream_that_states_none() -> None:
    info = load_pylsl().StreamInfo("gui", "EEG", 2, 250.0, "float32", "gui-1")
    with pytest.raises(DataError, match="no unit"):
        StreamSpec.from_info(info)
    spec = StreamSpec.from_info(info, {"EEG": "uV"})
    assert [c.kind for c in spec.channels] == ["misc", "misc"]
    assert spec.scales.tolist() == [1e-6, 1e-6]
    assert spec.can_drop is False


def test_wall_time_undoes_the_speed_of_a_replay(spec: StreamSpec) -> None:
    clock = ReplayClock(start=100.0, speed=4.0)
    assert wall_time(spec, 7.0) == 7.0
    assert wall_time(replace(spec, replay=clock), 108.0) == 102.0
    assert clock.stamp(clock.wall(123.456)) == pytest.approx(123.456)
