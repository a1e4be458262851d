"""``affectbio datasets`` as a user types it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from affectbio._bundled import bundled
from affectbio.cli import app
from affectbio.datasets import DATASETS, synthesise
from affectbio.errors import ConfigError, DatasetLayoutError


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["datasets", *map(str, arguments)], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_every_data_set_is_listed_with_people_and_access():
    said = run("list")
    assert [name for name in DATASETS.names() if name not in said] == []
    [line] = [line for line in said.splitlines() if line.strip().startswith("faced")]
    assert " ".join(line.split()) == "faced FACED 123 eeg 30, misc 2: 250 Hz a form yes"


def test_a_whole_copy_is_told_of_and_ends_with_0():
    said = run("check", "eegmat", bundled("eegmat"))
    assert "EEGMAT 1.0.0 is whole: 28 people" in said


def test_what_is_missing_is_printed_with_where_to_get_it_and_ends_with_1(tmp_path):
    root = synthesise("stress-predict", tmp_path, n_subjects=3, early_start=True)
    path = root / "S02.zip"
    path.write_bytes(path.read_bytes()[:500])
    said = run("check", "stress-predict", root, code=1)
    assert "S01           1       9      3.3" in said
    assert "2 problems:" in said
    assert "3 of 35 people are here. It is free to download from the repository" in said
    assert "S02: cannot be read: " in said
    assert "S01: baseline: 5.0 s of it were not recorded" in said
    assert "Iqbal et al., Sensors" in said


def test_what_is_so_of_many_people_is_printed_once(tmp_path):
    root = synthesise("gameemo", tmp_path, n_subjects=6, seconds=1)
    said = run("check", "gameemo", root, code=1)
    assert said.count("6 people: ratings: the forms are PDF files, which are not read") == 1


def test_an_imitation_is_written_and_read(tmp_path):
    said = run("synthesise", "case", tmp_path / "new", "--subjects", "1", "--seed", "3")
    assert "an imitation of case, 1 people, 2 files" in said
    assert DATASETS.get("case")(tmp_path / "new").subjects() == ["sub_1"]
    with pytest.raises(DatasetLayoutError, match="is not empty"):
        run("synthesise", "case", tmp_path / "new")


def test_wrong_words_are_answered(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'wesad'"):
        run("check", "weasd", tmp_path)
    with pytest.raises(DatasetLayoutError, match=r"no S2/S2\.pkl in .*, it is empty; expected a copy of WESAD"):
        run("check", "wesad", tmp_path)
    with pytest.raises(ConfigError, match="eegmat needs no imitation: affectbio brings it"):
        run("synthesise", "eegmat", tmp_path)
    with pytest.raises(ConfigError, match="did you mean 'deap'"):
        run("synthesise", "deep", tmp_path)
