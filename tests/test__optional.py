"""Optional dependencies: there, missing, and there but broken."""

import sys
from pathlib import Path

import pytest

from affectbio._optional import require
from affectbio.errors import MissingExtraError


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which Python imports."""
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_what_is_there_is_given() -> None:
    assert require("json.decoder", "deep") is sys.modules["json.decoder"]


def test_what_is_missing_comes_with_the_line_that_installs_it() -> None:
    with pytest.raises(
        MissingExtraError, match=r'no_such_lib is not installed; .* pip install "affectbio\[deep\]"'
    ) as e:
        require("no_such_lib", "deep")
    assert isinstance(e.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("import no_such_part", r"does not import \(No module named 'no_such_part'\)"),
        ("raise ImportError('made for another NumPy')", r"does not import \(made for another NumPy\)"),
        (
            "raise OSError('libcudart.so.13: cannot open')",
            r"compiled part does not load \(libcudart.so.13: cannot open\)",
        ),
    ],
)
def test_what_is_there_and_broken_says_how(importable: Path, code: str, state: str) -> None:
    name = f"broken_{abs(hash(code))}"
    (importable / f"{name}.py").write_text(code)
    with pytest.raises(MissingExtraError, match=state):
        require(name, "deep")


def test_a_mistake_in_the_module_is_not_taken_for_a_missing_one(importable: Path) -> None:
    (importable / "mistaken_lib.py").write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        require("mistaken_lib", "deep")
