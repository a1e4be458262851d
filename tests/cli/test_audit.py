from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier
from typer.testing import CliRunner

from affectbio.cli import app
from affectbio.cli.audit import run_audit
from affectbio.errors import ConfigError, DataError
from affectbio.evaluation import LeaveOneSubjectOut, RandomWindowKFold, audit_pipeline
from affectbio.evaluation.audit_report import CHECKS, AuditReport
from affectbio.evaluation.run_folder import write_run
from affectbio.types import Windows

KNN = KNeighborsClassifier(3)


@pytest.fixture
def windows() -> Windows:
    rng = np.random.default_rng(0)
    who = [(f"{p:02d}", "01", f"{t}", "film", float(s), s + 2.0) for p in range(4) for t in range(4) for s in range(5)]
    table = pd.DataFrame(who, columns=["subject", "session", "trial", "stimulus", "start", "stop"])
    fingerprint = np.repeat(rng.normal(size=(16, 10)), 5, axis=0)
    y = np.array(["calm", "tense"])[table["trial"].astype(int) % 2]
    return Windows(fingerprint + 0.3 * rng.normal(size=(80, 10)), y, table, ("window", "feature"))


@pytest.fixture
def files(windows: Windows, tmp_path: Path) -> dict[str, Path]:
    paths = {"features": tmp_path / "X.npz", "metadata": tmp_path / "meta.csv", "folds": tmp_path / "folds.json"}
    np.savez(paths["features"], windows.X)
    windows.metadata.assign(label=windows.y).to_csv(paths["metadata"], index=False)
    folds = RandomWindowKFold().split_windows(windows)
    paths["folds"].write_text(json.dumps([{"train": a.tolist(), "test": b.tolist()} for a, b in folds]))
    return paths


def test_arrays_that_leak_end_with_one(files: dict[str, Path], tmp_path: Path) -> None:
    options = ["audit", "--X", files["features"], "--meta", files["metadata"], "--folds", files["folds"]]
    found = CliRunner().invoke(app, [*map(str, options), "--out", str(tmp_path / "a.json")])
    assert found.exit_code == 1, found.output
    assert "split by whole trials" in " ".join(found.output.split())
    assert "80 windows, 4 people, 5 folds" in found.output
    report = AuditReport.from_json((tmp_path / "a.json").read_text())
    assert {"trial", "overlap", "fingerprint", "permutation"} <= {c.name for c in report.failures}
    told = CliRunner().invoke(app, [*map(str, options), "--declared", "trial,overlap", "--json"])
    assert told.exit_code == 0
    assert [c["name"] for c in json.loads(told.output)["checks"]] == list(CHECKS)


def test_a_run_folder_keeps_what_only_the_pipeline_could_tell(windows: Windows, tmp_path: Path) -> None:
    protocol = LeaveOneSubjectOut()
    write_run(tmp_path, windows, list(protocol.split_windows(windows)), protocol, with_features=True)
    alone = run_audit(tmp_path)
    assert alone["held_out_labels"].status == "not checked"
    audit_pipeline(KNN, windows, protocol).save(tmp_path / "audit.json")
    found = CliRunner().invoke(app, ["audit", str(tmp_path), "--json"])
    assert found.exit_code == 0, found.output
    report = AuditReport.from_json(found.output)
    assert report["held_out_labels"].status == "pass"
    assert report["held_out_labels"].finding.startswith("when it was run: ")
    assert report["subject"].status == "pass"


def test_an_audit_of_something_else_is_refused(windows: Windows, tmp_path: Path) -> None:
    protocol = LeaveOneSubjectOut()
    write_run(tmp_path, windows, list(protocol.split_windows(windows)), protocol)
    AuditReport((), {"n_windows": 3}).save(tmp_path / "audit.json")
    with pytest.raises(DataError, match="another number of windows"):
        run_audit(tmp_path)


def test_options_that_contradict_each_other(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="either the folder"):
        run_audit(tmp_path, **files)
    with pytest.raises(ConfigError, match="--meta and --folds"):
        run_audit(features=files["features"])
    labels = tmp_path / "y.npy"
    np.save(labels, np.zeros(80))
    with pytest.raises(ConfigError, match="give one"):
        run_audit(**files, labels=labels)
    np.savez(files["features"], np.zeros((79, 2)))
    with pytest.raises(DataError, match="79 rows of features and 80 of metadata"):
        run_audit(**files)


def test_labels_may_come_alone(files: dict[str, Path], windows: Windows, tmp_path: Path) -> None:
    windows.metadata.to_csv(files["metadata"], index=False)
    assert run_audit(**files)["permutation"].status == "not checked"
    labels = tmp_path / "y.npy"
    np.save(labels, windows.y.astype("U5"))
    assert run_audit(**files, labels=labels)["permutation"].status == "fail"
    np.save(labels, windows.y[:3].astype("U5"))
    with pytest.raises(DataError, match="3 labels for 80 rows"):
        run_audit(**files, labels=labels)
