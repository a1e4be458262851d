"""``affectbio doctor`` on this machine, and on machines that lack something."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from affectbio.cli import doctor


def states(checks):
    return {c.name: c for c in checks}


def test_as_json_in_a_process_of_its_own():
    ran = subprocess.run(
        [sys.executable, "-m", "affectbio", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    checks = {c["name"]: c for c in json.loads(ran.stdout)}
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not ran.stderr
    for name in ("python", "affectbio", "core", "liblsl", "LSL loopback", "numba", "write access"):
        assert checks[name]["state"] == "ok", checks[name]
    assert checks["affectbio"]["found"] == version("affectbio")
    assert f"numba {version('numba')}" in checks["core"]["found"]


def test_a_missing_extra_gives_its_pip_line(monkeypatch):
    def absent(name):
        if name in ("braindecode", "einops", "safetensors", "skorch", "torch"):
            raise doctor.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(doctor, "version", absent)
    deep = states(doctor._requirements())["extra deep"]
    assert deep.state == "missing"
    assert deep.found == "missing: braindecode, einops, safetensors, skorch, torch"
    assert deep.remedy == 'pip install "affectbio[deep]"'


def test_a_core_package_out_of_range_is_broken(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "1.26.4" if name == "numpy" else version(name))
    core = states(doctor._requirements())["core"]
    assert core.state == "broken"
    assert "not in range: numpy 1.26.4" in core.found
    assert core.remedy == 'pip install "affectbio"'


@pytest.mark.parametrize("error", [OSError("Could not load _torchaudio.abi3.so"), ImportError("undefined symbol")])
def test_a_torchaudio_that_does_not_match_torch_is_named_and_only_braindecode_suffers(monkeypatch, error):
    def broken(name):
        raise error

    monkeypatch.setattr(doctor, "import_module", broken)
    check = doctor._braindecode()
    assert check.state == "missing"
    assert "torchaudio" in check.found
    assert "Only braindecode's own models are affected" in check.found
    assert check.remedy == 'pip install "torch<2.14" "torchaudio<2.12"'


def test_what_fails_is_a_finding_with_its_remedy():
    def look():
        raise PermissionError("no")

    assert doctor._tried("x", look, "do y") == doctor.Check("x", "broken", "PermissionError: no", "do y")
