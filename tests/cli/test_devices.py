"""``affectbio devices`` as a user types it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from affectbio._bundled import bundled
from affectbio.cli import app
from affectbio.devices import list_devices
from affectbio.errors import ConfigError


def run(*arguments):
    result = CliRunner().invoke(app, ["devices", *map(str, arguments)], env={"COLUMNS": "300"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_every_device_is_listed():
    said = run("list")
    assert [name for name in list_devices() if name not in said] == []


def test_a_device_is_shown_with_channels_rates_and_sources():
    said = run("show", "muse-2")
    for words in ("Muse 2, InteraXon", "TP9 AF7 AF8 TP10", "256", "0.488281", "muse-lsl 2.5.3", "verified: no"):
        assert words in said


def test_an_unknown_device_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="muse-2"):
        run("show", "muze-2")


def test_a_profile_of_ones_own_is_checked(tmp_path):
    profile = (bundled("devices") / "muse-2.toml").read_text(encoding="utf-8")
    (tmp_path / "ours.toml").write_text(profile, encoding="utf-8")
    assert "ours.toml is right: Muse 2, 5 streams, 14 channels" in run("check", tmp_path / "ours.toml")
    (tmp_path / "wrong.toml").write_text(profile.replace("sfreq = 256.0", "sfreqq = 256.0"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"sfreqq.*sfreq"):
        run("check", tmp_path / "wrong.toml")
    (tmp_path / "driver.toml").write_text(profile.replace('driver = "muse"', 'driver = "muze"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="muse"):
        run("check", tmp_path / "driver.toml")
