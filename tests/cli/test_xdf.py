"""``affectbio xdf`` as a user types it, on a real recording."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
import pytest
from typer.testing import CliRunner

from affectbio.cli import app
from affectbio.errors import ConfigError, DataError
from affectbio.xdf import XDFWriter, read_xdf, scan_xdf

MUSE = Path(__file__).parents[1] / "data" / "xdf" / "muselsl2_P002.xdf"


def run(*arguments):
    result = CliRunner().invoke(app, ["xdf", *map(str, arguments)], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def torn(tmp_path):
    path = tmp_path / "torn.xdf"
    path.write_bytes(MUSE.read_bytes()[:-5000])
    return path


def test_info_names_every_stream(tmp_path):
    said = run("info", MUSE)
    original = read_xdf(MUSE, "01", units={"EEG": "uV"})
    for about in original.meta["streams"].values():
        assert about["name"] in said
        assert f"of {about['nominal_sfreq']:g}" in said
    assert "torn" not in said
    assert f"{scan_xdf(MUSE).n_chunks} chunks" in said


def test_info_says_where_a_file_is_torn_and_repair_makes_it_whole(torn):
    before = torn.read_bytes()
    assert "affectbio xdf repair" in run("info", torn)
    assert "chunks kept" in run("repair", torn)
    whole = torn.with_name("torn_repaired.xdf")
    assert scan_xdf(whole).problem is None
    assert "torn:" not in run("info", whole)
    assert torn.read_bytes() == before
    with pytest.raises(DataError, match="exists"):
        run("repair", torn)


def test_info_says_what_is_odd_of_a_stream_and_does_not_count_a_clock_that_was_set_back(tmp_path):
    header = (
        "<info><name>{}</name><type>EEG</type><channel_count>{}</channel_count><nominal_srate>100</nominal_srate>"
        "<channel_format>float32</channel_format></info>"
    )
    path = tmp_path / "odd.xdf"
    with XDFWriter(path) as file:
        first, _ = file.add_stream(header.format("good", 1)), file.add_stream(header.format("void", 1))
        for began in (50_000.0, 3.0):
            file.write(first, np.zeros((501, 1)), began + np.arange(501) / 100)
    path.write_bytes(
        path.read_bytes().replace(
            b"void</name><type>EEG</type><channel_count>1", b"void</name><type>EEG</type><channel_count>0"
        )
    )
    said = run("info", path)
    assert "100.00 of 100" in said
    assert "10.0" in said
    assert "stream 'good': its clock was set back by 50002 s after sample 500" in said
    assert "stream 'void': a stream header has 0 channels" in said
    assert "1 stream\n" in said


@pytest.mark.parametrize("to", ["bdf", "edf", "fif"])
def test_export_is_opened_by_mne(tmp_path, to):
    said = run("export", MUSE, "--to", to, "--out", tmp_path / "p2", "--signal", "eeg", "--unit", "EEG=uV")
    path = tmp_path / ("p2_eeg_raw.fif" if to == "fif" else f"p2_eeg.{to}")
    assert str(path) in said.replace("\n", "")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    read = {"bdf": mne.io.read_raw_bdf, "edf": mne.io.read_raw_edf, "fif": mne.io.read_raw_fif}[to]
    raw = read(path, preload=True, verbose="error")
    eeg = read_xdf(MUSE, "01", units={"EEG": "uV"}).signals["eeg"]
    assert raw.ch_names == list(eeg.ch_names)
    np.testing.assert_allclose(raw.get_data()[:, : eeg.n_times], np.nan_to_num(eeg.data), atol=2e-8)


def test_a_format_or_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="--to gdf: expected one of bdf, edf, fif, bids"):
        run("export", MUSE, "--to", "gdf")
    for command in ("info", "repair"):
        with pytest.raises(DataError, match="no file"):
            run(command, tmp_path / "nobody.xdf")
    with pytest.raises(ConfigError, match="--unit EEG"):
        run("export", MUSE, "--to", "bdf", "--unit", "EEG")
