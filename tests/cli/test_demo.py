"""``affectbio demo`` from end to end, and stopped in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import pyxdf

from affectbio.cli import demo
from affectbio.errors import ConfigError, StreamError
from affectbio.kernels import differential_entropy
from affectbio.pipelines import load_pipeline, run_pipeline
from affectbio.xdf import read_xdf

TABLES = {"summary.csv", "people.csv", "controls.csv", "manifest.json", "report.html"}
LIVE = {"live.csv", "sub-00_eeg.xdf"}


def start(folder, *options):
    command = [sys.executable, "-m", "affectbio", "demo", "--quick", "--out", str(folder), *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "out"
    process = start(folder)
    output, _ = process.communicate(timeout=110)
    assert process.returncode == 0, output
    return folder, output


@pytest.mark.slow
def test_it_leaves_every_file_it_names(finished):
    folder, output = finished
    assert {p.name for p in folder.iterdir()} == TABLES | LIVE
    assert [name for name in TABLES | LIVE if name not in output] == []


@pytest.mark.slow
def test_held_out_people_score_above_chance_and_a_shuffled_split_scores_high_on_any_labels(finished):
    summary = pd.read_csv(finished[0] / "summary.csv").set_index("variant")
    assert (summary["n_people"] == 28).all()
    honest = summary[summary["leaks"].isna()]
    assert ((honest["null_mean"] - 0.5).abs() < 0.05).all()
    assert (honest["low"] > 0.55).all()
    leak = summary.loc["raw, nearest neighbour, shuffled windows"]
    assert leak["mean"] > 0.9
    assert leak["null_mean"] > 0.9


@pytest.mark.slow
def test_the_recording_is_whole_and_holds_the_recording_that_was_played(finished):
    streams = {s["info"]["type"][0]: s for s in pyxdf.load_xdf(finished[0] / "sub-00_eeg.xdf")[0]}
    played = np.concatenate(
        [r.signal("eeg").data for r in load_pipeline(demo.RECIPE).recordings(subjects=["00"])], axis=1
    )
    np.testing.assert_array_equal(streams["EEG"]["time_series"].T, (played * 1e6).astype(np.float32))
    assert [row[0] for row in streams["Markers"]["time_series"]] == ["rest", "arithmetic"]


@pytest.mark.slow
def test_estimates_come_every_second_after_the_rest_with_interval_and_latency(finished):
    table = pd.read_csv(finished[0] / "live.csv")
    np.testing.assert_allclose(np.diff(table["time_s"]), 1.0, atol=1e-3)
    assert table["time_s"].iloc[0] == pytest.approx(31, abs=0.05)
    assert table["score"].between(table["low"], table["high"]).all()
    assert table[["low", "high"]].stack().between(0, 1).all()
    assert (table["latency_ms"] > 0).all()


@pytest.mark.slow
def test_the_report_loads_nothing_from_elsewhere_and_the_manifest_tells_nobody(finished):
    page = (finished[0] / "report.html").read_text(encoding="utf-8")
    assert [word for word in ("<script", 'src="http', "@import", "<link") if word in page] == []
    assert "LEAK" in page.upper()
    manifest = json.loads((finished[0] / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["seeds"] == {"permutations, bootstrap and replay": 0}
    assert str(finished[0].parent) not in json.dumps(manifest)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal to a process group that stands for Ctrl-C")
def test_ctrl_c_while_live_leaves_whole_files(tmp_path):
    process = start(tmp_path / "out", "--subject", "01")
    recording = tmp_path / "out" / "sub-01_eeg.xdf"
    began = time.monotonic()
    while not (recording.exists() and recording.stat().st_size > 100_000):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() - began < 90
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert output.rstrip().endswith("stopped by Ctrl-C; every file above is whole")
    data = read_xdf(recording, "01").signal("eeg").data
    assert 1000 < data.shape[1] < 15000
    assert np.isfinite(differential_entropy(data, 125.0, window_s=2)).all()
    assert (tmp_path / "out" / "report.html").exists()
    assert list((tmp_path / "out").glob("*.part")) == []


def test_an_earlier_demo_is_never_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    assert demo._free_folder(tmp_path / "out") == tmp_path / "out"
    for name in ("out", "out-2"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "x").touch()
    assert demo._free_folder(tmp_path / "out") == tmp_path / "out-3"


def test_an_unknown_person_is_refused_before_anything_is_done(tmp_path):
    with pytest.raises(ConfigError, match="no subject '99'"):
        demo.run_demo(tmp_path / "out", speed=20, subject="99", n_permutations=19, seed=0)
    assert not (tmp_path / "out").exists()


def test_a_stream_that_fails_is_an_error_after_the_evaluation_is_written(tmp_path, monkeypatch):
    recipe = load_pipeline(demo.RECIPE)
    small = recipe.extract(recipe.recordings(subjects=["00", "01", "02", "03", "05"]))
    result = run_pipeline(recipe, small, n_permutations=5)

    def full(*args):
        raise StreamError("the disk is full")

    monkeypatch.setattr(demo, "_evaluate", lambda *args: result)
    monkeypatch.setattr(demo, "_go_live", full)
    with pytest.raises(StreamError, match="the disk is full"):
        demo.run_demo(tmp_path / "out", speed=20, subject="00", n_permutations=19, seed=0)
    assert {p.name for p in (tmp_path / "out").iterdir()} == TABLES
