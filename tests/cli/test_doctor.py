"""``affectbio doctor`` on this machine, and on machines that lack something."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from affectbio.cli import doctor, warm
from affectbio.kernels import _backend


def states(checks):
    return {c.name: c for c in checks}


def test_as_json_in_a_process_of_its_own():
    ran = subprocess.run(
        [sys.executable, "-m", "affectbio", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    checks = {c["name"]: c for c in json.loads(ran.stdout)}
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not ran.stderr
    for name in ("python", "affectbio", "core", "liblsl", "LSL loopback", "kernels", "write access"):
        assert checks[name]["state"] == "ok", checks[name]
    assert checks["affectbio"]["found"] == version("affectbio")
    assert f"numba {version('numba')}" in checks["core"]["found"]
    assert f"compiled by Numba {version('numba')}, since it can be imported" in checks["kernels"]["found"]


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


@pytest.mark.parametrize(
    ("variable", "missing", "state", "found"),
    [
        ("numpy", "", "ok", "in NumPy, since AFFECTBIO_KERNELS=numpy"),
        ("", "ImportError: Numba needs NumPy 2.4 or less", "missing", "in NumPy, many times slower; .* NumPy 2.4"),
        ("numba", "ImportError: no numba", "broken", "cannot be imported: ImportError: no numba"),
        ("cuda", "", "broken", "AFFECTBIO_KERNELS is 'cuda'"),
        ("numba", "", "ok", "compiled by Numba .*, since AFFECTBIO_KERNELS=numba"),
    ],
)
def test_which_kernels_run_and_why(monkeypatch, variable, missing, state, found):
    monkeypatch.setenv(_backend.VARIABLE, variable)
    monkeypatch.setattr(_backend, "numba_missing", lambda: missing)
    check = doctor._kernels()
    assert check.state == state
    assert re.search(found, check.found)
    assert (check.remedy == "") == (state == "ok")


def test_warming_tells_what_it_does_and_how_long_a_first_call_takes_from_now_on(monkeypatch):
    # The quickest, twice: warming all takes seconds.
    monkeypatch.setattr(warm, "KERNELS", {"complexity": warm.KERNELS["complexity"]})
    told = []
    found = doctor._warm(told.append)
    assert re.match(r"compiled in \d+\.\d s; next first call \d+\.\d\d s\ncomplexity .* next \d+\.\d\d s$", found)
    assert told[:2] == ["compiling complexity", "compiled complexity: 1 of 1"]
    monkeypatch.setenv(_backend.VARIABLE, "numpy")
    assert "nothing to compile" in doctor._warm(told.append)


def test_a_kernel_that_fails_while_warming_is_a_finding_that_says_why(monkeypatch):
    monkeypatch.setattr(warm, "KERNELS", {"nonesuch": None})
    check = doctor._tried("warm", lambda: doctor._warm(str), "do this")
    assert check.state == "broken"
    assert "KeyError: 'nonesuch'" in check.found


def test_warming_calls_every_compiled_body_in_both_precisions():
    """Each body that a kernel can call is compiled for at least one signature, in a process that only warms."""
    code = """
import json
from affectbio.cli.warm import KERNELS, call_kernel
from affectbio.kernels._backend import bodies
for name in KERNELS:
    call_kernel(name)
print(json.dumps({
    f"{name}.{key}": len(body.signatures)
    for name in KERNELS
    for key, body in vars(bodies(name)).items()
    if hasattr(body, "signatures") and body.__module__ == bodies(name).__name__ and not key.startswith("_")
}))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    signatures = json.loads(ran.stdout.splitlines()[-1])
    assert signatures
    assert {body: n for body, n in signatures.items() if n == 0} == {}
    sources = [path.read_text(encoding="utf-8") for path in Path(_backend.__file__).parent.glob("*.py")]
    asked = {name for source in sources for name in re.findall(r"\bbodies\(\"(\w+)\"\)", source)}
    assert asked <= warm.KERNELS.keys(), "doctor --warm leaves these to be compiled later"
