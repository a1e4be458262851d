from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from affectbio.errors import ConfigError, DataError, DatasetLayoutError
from affectbio.evaluation import LeaveOneSubjectOut, predictions
from affectbio.evaluation.run_folder import read_features, read_folds, read_metadata, read_run, write_run
from affectbio.types import Windows

Make = Callable[..., Windows]
LOSO = LeaveOneSubjectOut()


@pytest.fixture
def windows(coin_flip_windows: Make) -> Windows:
    return coin_flip_windows(n_people=3, n_trials=2, n_each=4, n_features=5)


def test_what_is_written_is_read(tmp_path: Path, windows: Windows) -> None:
    folds = list(LOSO.split_windows(windows))
    said = predictions(KNeighborsClassifier(1), windows, LOSO)
    write_run(tmp_path / "run", windows, folds, LOSO, predictions=said, with_features=True, embargo_s=1.5)
    run = read_run(tmp_path / "run")
    np.testing.assert_array_equal(run.windows.X, windows.X)
    assert run.windows.y.tolist() == windows.y.tolist()
    pd.testing.assert_frame_equal(run.windows.metadata, windows.metadata, check_dtype=False)
    for one, two in zip(run.folds, folds, strict=True):
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_array_equal(one[1], two[1])
    assert (run.protocol, run.holdout, run.leaks, run.embargo_s) == (LOSO.name, LOSO.holdout, LOSO.leaks, 1.5)
    assert np.concatenate(run.predicted).tolist() == said["predicted"].tolist()


def test_features_are_stored_only_if_asked(tmp_path: Path, windows: Windows) -> None:
    write_run(tmp_path, windows, list(LOSO.split_windows(windows)), LOSO)
    assert not (tmp_path / "X.npz").exists()
    assert read_run(tmp_path).windows.X.shape == (24, 0)


def test_names_stay_words_and_what_is_missing_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("subject,trial,label\n01,007,calm\n02,007,tense\n")
    table, y = read_metadata(path)
    assert table["subject"].tolist() == ["01", "02"]
    assert table["session"].tolist() == ["01", "01"]
    assert table["start"].isna().all()
    assert y.tolist() == ["calm", "tense"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("subject,label\n01,a\n", "lacks trial"),
        ("subject,trial\n01,a\n,b\n", "row 1: no subject"),
        ("", "cannot be read as a table"),
    ],
)
def test_metadata_without_people_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_metadata(path)


@pytest.mark.parametrize(
    "found",
    [
        [{"train": [0, 1], "test": [2]}],
        [[[0, 1], [2]]],
        {"folds": [{"train": [0, 1], "test": [2]}], "leaks": ["trial"]},
    ],
)
def test_folds_of_three_shapes(tmp_path: Path, found: object) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps(found))
    (fold,), said = read_folds(path)
    assert [side.tolist() for side in fold] == [[0, 1], [2]]
    assert said == ({"leaks": ["trial"]} if isinstance(found, dict) else {})


@pytest.mark.parametrize(
    "text",
    [
        *("{", "{}", "[]", '[{"train": [0]}]', '[{"train": ["a"], "test": [1]}]', "[[1]]", "[1, 2]"),
        *("[" * 100_000, '{"folds": [[[0], [1]]], "leaks": "trial"}', '{"folds": [[[0], [1]]], "holdout": [1]}'),
        '{"folds": [[[0], [1]]], "embargo_s": "long"}',
    ],
    ids=lambda text: text[:40],
)
def test_no_folds_are_said_to_be_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "f.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"f\.json"):
        read_folds(path)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "X.npz"
    np.savez(path, X=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="can run code"):
        read_features(path)
    path.write_bytes(b"PK no zip")
    with pytest.raises(DataError, match="cannot be read"):
        read_features(path)
    np.savez(path, a=np.zeros(3), b=np.zeros(3))
    with pytest.raises(DataError, match="holds a, b; expected one array, or X"):
        read_features(path)
    with pytest.raises(ConfigError, match=r"\.npz or \.npy"):
        read_features(tmp_path / "X.csv")


def test_a_folder_that_is_no_run_says_what_is_there(tmp_path: Path, windows: Windows) -> None:
    with pytest.raises(DatasetLayoutError, match="no folder"):
        read_run(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DatasetLayoutError, match=r"found notes\.txt"):
        read_run(tmp_path)
    folds = list(LOSO.split_windows(windows))
    said = pd.DataFrame({"fold": 0, "window": [0, 1], "predicted": "a"})
    write_run(tmp_path, windows, folds, LOSO, predictions=said)
    with pytest.raises(DataError, match="fold 0 tests 8 windows, found predictions of 2"):
        read_run(tmp_path)
