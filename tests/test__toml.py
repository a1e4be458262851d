"""TOML files with a closed schema: what is refused, and in which words."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from affectbio._toml import Table, find_toml, load_toml, toml_names
from affectbio.errors import ConfigError


class Pin(Table):
    number: int = Field(ge=1)
    label: str = ""


class Board(Table):
    schema_version: int = Field(alias="schema")
    rate_hz: float
    pin: tuple[Pin, ...] = ()
    reset: Pin | None = None


def load(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "board.toml"
    path.write_text(text, encoding=encoding)
    return load_toml(path, Board)


def test_a_good_file_is_read_and_cannot_be_changed(tmp_path):
    board = load(tmp_path, 'schema = 1\nrate_hz = 250\n[[pin]]\nnumber = 3\nlabel = "µ"\n')
    assert (board.schema_version, board.rate_hz, board.pin[0].label) == (1, 250.0, "µ")
    with pytest.raises(ValueError, match="frozen"):
        board.rate_hz = 1.0


def test_a_file_of_windows_notepad_is_read(tmp_path):
    assert load(tmp_path, "schema = 1\r\nrate_hz = 250\r\n", encoding="utf-8-sig").rate_hz == 250


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = 1\nrate = 2", r"rate_hz: Field required; unknown key rate; did you mean 'rate_hz'\? Known: pin,"),
        (
            "sschema = 1\nrate_hz = 2",
            r"unknown key sschema; did you mean 'schema'\? Known: pin, rate_hz, reset, schema$",
        ),
        ("schema = 1\nrate_hz = 'fast'", "rate_hz: Input should be a valid number.*, found 'fast'"),
        ("schema = 1\nrate_hz = 1\n[[pin]]\nnumber = 1\n[[pin]]\nnumber = 0", r"pin\.1\.number: .*equal to 1, found 0"),
        (
            "schema = 1\nrate_hz = 1\n[[pin]]\nnumber = 1\nlabell = 'x'",
            r"unknown key pin\.0\.labell; did you mean 'label'\? Known: label, number$",
        ),
        (
            "schema = 1\nrate_hz = 1\n[reset]\nnumber = 1\nzzz = 2",
            r"unknown key reset\.zzz; Known: label, number$",
        ),
        (
            "schema = 1\nrate_hz = 1\n[[pin]]\nnumber = 1\nlabell = 'x'\n[[pin]]\nnumber = 1\nlabell = 'y'",
            r"did you mean 'label'\? Known: label, number; unknown key pin\.1\.labell; did you mean 'label'\?$",
        ),
        ("schema = 1\n???", "not a TOML file: .*line 2"),
        ("a = 1\na = 2", "not a TOML file"),
        ("", "schema: Field required; rate_hz: Field required"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_the_key_and_what_would_fit(tmp_path, text, words):
    with pytest.raises(ConfigError, match=rf"(?s)board\.toml: .*{words}"):
        load(tmp_path, text)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "board.toml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ConfigError, match=r"board\.toml: not a TOML file"):
        load_toml(tmp_path / "board.toml", Board)


@given(st.text(max_size=60) | st.sampled_from(["[[pin]]\n", "[pin]\nnumber=1", "pin = 3", "[reset.a.b]", "schema=[]"]))
def test_any_text_is_read_or_refused_with_a_config_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(ConfigError, match=r"any\.toml: "):  # a board needs a rate, which none of these has
        load_toml(path, Board)


def test_names_are_sorted_underscored_files_left_out_and_later_folders_win(tmp_path):
    for name in ("a/b.toml", "a/_template.toml", "a/a.toml", "a/notes.md", "b/b.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    folders = [tmp_path / "a", tmp_path / "b"]
    assert toml_names(folders) == {"a": tmp_path / "a" / "a.toml", "b": tmp_path / "b" / "b.toml"}
    assert list(toml_names(folders)) == ["a", "b"]
    assert find_toml("board", "b", folders) == tmp_path / "b" / "b.toml"
    template = tmp_path / "a" / "_template.toml"
    assert find_toml("board", template, folders) == find_toml("board", os.fspath(template), []) == template


def test_what_is_not_there_is_refused(tmp_path):
    (tmp_path / "cyton.toml").touch()
    with pytest.raises(ConfigError, match=r"no board 'citon'; did you mean 'cyton'\? Known: cyton"):
        find_toml("board", "citon", [tmp_path])
    with pytest.raises(ConfigError, match=r"no board file .*none\.toml; expected the path of a TOML file"):
        find_toml("board", tmp_path / "none.toml", [tmp_path])
