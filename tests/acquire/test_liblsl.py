from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from affectbio.acquire import lsl_library, use_loopback
from affectbio.acquire._liblsl import load_pylsl
from affectbio.errors import StreamError


def in_new_python(code: str, **env: str) -> str:
    # Inherits no PYLSL_LIB of the developer's.
    clean = {k: v for k, v in os.environ.items() if k not in ("PYLSL_LIB", "AFFECTBIO_LSL")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**clean, **env}, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_library_in_use_is_told() -> None:
    version, source = lsl_library()
    assert float(version) >= 1.16
    assert source in ("PYLSL_LIB", "pylsl's wheel", "mne-lsl's wheel", "the system")


def test_a_path_given_by_the_user_comes_first_and_stays_as_it_was() -> None:
    library = Path(load_pylsl().lib.lib._name).resolve()
    said = in_new_python(
        "import os; from affectbio.acquire import lsl_library; print(lsl_library()[1], os.environ['PYLSL_LIB'])",
        PYLSL_LIB=str(library),
    )
    assert said == f"PYLSL_LIB {library}"


def test_the_wheel_of_mne_lsl_helps_where_pylsl_has_none(tmp_path) -> None:
    """Two packages as they look on Linux for arm64: pylsl without a library, mne-lsl with one."""
    (tmp_path / "pylsl").mkdir()
    (tmp_path / "pylsl" / "__init__.py").write_text("import os; library = os.environ.get('PYLSL_LIB')")
    for name in ("liblsl.so.1.17.7", "liblsl.1.17.7.dylib", "lsl.1.17.7.dll"):
        path = tmp_path / "mne_lsl" / "lsl" / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "mne_lsl" / "__init__.py").write_text("raise SystemExit('mne_lsl takes seconds to import')")
    said = in_new_python(
        "import os; from affectbio.acquire._liblsl import load_pylsl\n"
        "print(load_pylsl().library, 'PYLSL_LIB' in os.environ)",
        PYTHONPATH=str(tmp_path),
    )
    assert "1.17.7" in said
    assert said.endswith("False")


def test_where_no_library_loads_the_remedy_is_named(tmp_path) -> None:
    (tmp_path / "pylsl").mkdir()
    (tmp_path / "pylsl" / "__init__.py").write_text("raise RuntimeError('LSL binary library file was not found.')")
    (tmp_path / "mne_lsl").mkdir()
    (tmp_path / "mne_lsl" / "__init__.py").touch()
    said = in_new_python("from affectbio.acquire import lsl_library; lsl_library()", PYTHONPATH=str(tmp_path))
    assert "StreamError: no liblsl loads (LSL binary library file was not found.; tried the system)" in said
    assert "pip install mne-lsl" in said


def test_loopback_may_be_asked_for_twice_in_one_session_and_not_in_another(lsl_session: str) -> None:
    use_loopback(lsl_session)
    with pytest.raises(StreamError, match=f"already in use in this process, in session '{lsl_session}'"):
        use_loopback("another")


@pytest.mark.parametrize("own", ["", "LSLAPICFG", "lsl_api.cfg"])
def test_a_command_quietens_liblsl_where_the_user_has_not_set_it_up(tmp_path, own) -> None:
    settings = tmp_path / (own or "unused")
    settings.write_text("[lab]\nSessionID = mine\n[log]\nlevel = 0\n")
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from affectbio.acquire._liblsl import load_pylsl, quiet_lsl\nquiet_lsl()\npylsl = load_pylsl()\n"
            "outlet = pylsl.StreamOutlet(pylsl.StreamInfo('x', '', 1, 0, 'int8', 'x'))\n"
            "print(outlet.get_info().session_id())",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
        env={**os.environ, "HOME": str(tmp_path), **({own: str(settings)} if own == "LSLAPICFG" else {})},
    )
    assert said.stdout.strip() == ("mine" if own else "default")
    if not own:
        assert said.stderr == ""


def test_loopback_after_lsl_was_used_is_refused() -> None:
    said = in_new_python(
        "from affectbio.acquire._liblsl import load_pylsl, use_loopback\n"
        "pylsl = load_pylsl()\n"
        "outlet = pylsl.StreamOutlet(pylsl.StreamInfo('x', '', 1, 0, 'int8', 'x'))\n"
        "use_loopback('late')"
    )
    assert "StreamError: LSL is already in use" in said
    assert "call use_loopback('late') before any stream" in said
