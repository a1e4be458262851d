"""The data that ship with the code: TOML that parses, folders that explain themselves and hold no Python."""

import tomllib
from pathlib import Path

import pytest

from affectbio._bundled import bundled

FOLDERS = ("devices", "pipelines")
FILES = [path for kind in FOLDERS for path in sorted(bundled(kind).glob("*.toml"))]


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_bundled_toml_parses_and_says_something(path: Path) -> None:
    assert tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_data_folder_explains_itself_and_holds_no_python(kind: str) -> None:
    folder = bundled(kind)
    assert (folder / "README.md").read_text(encoding="utf-8").strip()
    assert [p.name for p in folder.rglob("*") if p.is_file() and p.suffix not in (".toml", ".md", ".json")] == []
    assert list(folder.glob("*.toml"))


@pytest.mark.parametrize("kind", ["eegmat", "montage"])
def test_third_party_data_carry_their_licence(kind: str) -> None:
    licences = [p for p in bundled(kind).iterdir() if p.name.startswith("LICENSE")]
    assert licences
    assert all(p.stat().st_size > 200 for p in licences)
