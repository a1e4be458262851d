from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from affectbio._bundled import bundled
from affectbio.acquire.drivers import DRIVERS
from affectbio.devices import Device, list_devices, load_device
from affectbio.errors import ConfigError
from affectbio.montage import electrode_position
from affectbio.units import KINDS, si_unit

TEMPLATE = (bundled("devices") / "_template.toml").read_text(encoding="utf-8")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", list_devices())
def test_every_bundled_device_keeps_the_contract(name: str) -> None:
    device = load_device(name)
    assert isinstance(device, Device)
    assert name == name.lower()
    for stream in device.streams:
        if KINDS[stream.kind] != "1":
            assert si_unit(stream.unit)[1] == KINDS[stream.kind]
            assert 0 < stream.lsb * si_unit(stream.unit)[0] < 10
        assert [c.name for c in stream.signal_channels()] == list(stream.channels)
        assert all(electrode_position(c) for c in stream.channels if stream.kind == "eeg")
        assert stream.source
    if device.driver:
        assert device.driver in DRIVERS.names()
        assert device.streams
    readme = (bundled("devices") / "README.md").read_text(encoding="utf-8")
    assert f"| `{name}` |" in readme, "the table of devices/README.md lacks it"


def test_files_with_an_underscore_are_not_devices() -> None:
    assert list_devices() == sorted(list_devices())
    assert not any(name.startswith("_") for name in list_devices())


def test_the_cyton_is_what_its_manual_says() -> None:
    cyton = load_device("openbci-cyton")
    eeg = cyton.stream("eeg")
    # 24 bits over +-4.5 V / gain 24; the manual rounds it to 0.02235 microvolts per count.
    assert eeg.lsb == pytest.approx(4.5 / (2**23 - 1) / 24 * 1e6)
    assert eeg.lsb == pytest.approx(0.02235, abs=5e-6)
    assert (eeg.sfreq, eeg.packet, eeg.clock, len(eeg.channels)) == (250.0, 1, "counter", 8)
    with pytest.raises(ConfigError, match="no stream of OpenBCI Cyton 'ppg'"):
        cyton.stream("ppg")


def test_the_template_is_a_device_once_it_has_a_name(tmp_path) -> None:
    path = write(tmp_path, "maker-model", TEMPLATE)
    assert load_device(path) == load_device(str(path))
    assert load_device(path).streams[0].packet == 12


def test_folders_of_the_environment_add_devices(tmp_path, monkeypatch) -> None:
    write(tmp_path, "lab-band", TEMPLATE)
    write(tmp_path, "_draft", "not even TOML [")
    monkeypatch.setenv("AFFECTBIO_DEVICES", f"{tmp_path}{os.pathsep}")
    assert {"lab-band", "openbci-cyton"} <= set(list_devices())
    assert load_device("lab-band").maker == "Who makes it"


def test_a_folder_may_replace_a_bundled_device_and_must_exist(tmp_path, monkeypatch) -> None:
    write(tmp_path, "openbci-cyton", TEMPLATE)
    monkeypatch.setenv("AFFECTBIO_DEVICES", str(tmp_path))
    assert load_device("openbci-cyton").maker == "Who makes it"
    monkeypatch.setenv("AFFECTBIO_DEVICES", str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match="which is not a folder"):
        list_devices()


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no device 'openbci-cytn'; did you mean 'openbci-cyton'"):
        load_device("openbci-cytn")


def test_a_path_that_leads_nowhere_says_so(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"no device file .*x\.toml"):
        load_device(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sfreq =", "sfrq =", r"unknown key streams\.0\.sfrq; did you mean 'sfreq'"),
        ("maker =", "makr =", "unknown key makr; did you mean 'maker'"),
        ('verified = "no"', 'verified = "yes"', "verified: Input should be 'hardware', 'bytes' or 'no'"),
        ("sfreq = 256.0", "sfreq = -1.0", "streams.0.sfreq: Input should be greater than or equal to 0"),
        ('"AF7"', '"AF77"', "EEG channel 'AF77' is not an electrode"),
        ('"AF7"', '"TP9"', "channel 'TP9' appears twice"),
        ('kind = "eeg"', 'kind = "eegg"', "no kind of channel 'eegg'; did you mean 'eeg'"),
        ('unit = "uV"', 'unit = "uS"', "unit 'uS' is not one of kind 'eeg'"),
        ('unit = "uV"', 'unit = "bananas"', "no unit 'bananas'"),
        ("packet = 12", 'packet = 12\nstamping = "mean"', "stamping: Input should be 'envelope' or 'regression'"),
        ("packet = 12", "packet = 12\nreorder_packets = -1", "reorder_packets: Input should be greater"),
        ("packet = 12", "packet = 12\nreorder_packets = 65", "reorder_packets: Input should be less"),
        ('title = "What people call it"', "", "title: Field required"),
        ("[[streams]]", "[[streams", "not a TOML file"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(tmp_path, old: str, new: str, said: str) -> None:
    assert old in TEMPLATE
    path = write(tmp_path, "x", TEMPLATE.replace(old, new, 1))
    with pytest.raises(ConfigError, match=said) as caught:
        load_device(path)
    assert str(path) in str(caught.value)


def test_packets_that_tell_nothing_cannot_be_put_in_order(tmp_path) -> None:
    lines = [line for line in TEMPLATE.splitlines() if not line.startswith(("clock =", "wrap ="))]
    path = write(tmp_path, "x", "\n".join([*lines, 'clock = "none"', "reorder_packets = 2"]))
    with pytest.raises(ConfigError, match="nothing tells the order"):
        load_device(path)


def test_devices_whose_packets_come_out_of_order_say_so() -> None:
    assert [s.reorder_packets for s in load_device("crown").streams] == [4]
    assert {s.stamping for s in load_device("muse-s-athena").streams} == {"regression"}
    assert {s.stamping for s in load_device("muse-2").streams} == {"envelope"}


def test_the_schema_for_editors_is_the_one_that_is_checked() -> None:
    stored = json.loads((bundled("devices") / "device.schema.json").read_text(encoding="utf-8"))
    assert stored.pop("$schema").startswith("https://json-schema.org/")
    assert stored == Device.model_json_schema()
