from __future__ import annotations

import getpass
import json
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

import affectbio.evaluation._atomic
from affectbio.errors import DataError
from affectbio.evaluation import Manifest, hash_arrays, hash_windows, run_manifest
from affectbio.types import Channel, Windows


def _manifest(command: list[str]) -> Manifest:
    return run_manifest(
        command=command,
        protocols=["leave-one-subject-out"],
        seeds={"permutations": np.int64(3)},
        data={"x": "0" * 64},
        started=datetime(2026, 1, 2, 5, 4, 3, tzinfo=timezone(timedelta(hours=2))),
        ended=datetime(2026, 1, 2, 3, 5, 0, tzinfo=UTC),
    )


def test_it_says_what_ran_and_reads_back(tmp_path: Path) -> None:
    path = _manifest(["affectbio", "demo"]).write_json(tmp_path / "new" / "manifest.json")
    read = json.loads(path.read_text(encoding="utf-8"))
    assert read["started"] == "2026-01-02T03:04:03+00:00"
    assert read["ended"] == "2026-01-02T03:05:00+00:00"
    assert read["seeds"] == {"permutations": 3}
    assert read["protocols"] == ["leave-one-subject-out"]
    assert read["versions"]["numpy"] == np.__version__
    assert set(read["versions"]) >= {"affectbio", "scipy", "numba", "scikit-learn", "mne", "pylsl", "pyxdf"}


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("/home/ann/data/x.edf", "x.edf"),
        ("--out=/home/ann/results", "--out=results"),
        ("C:\\Users\\ann\\x.edf", "x.edf"),
        ("~/secret/x.edf", "x.edf"),
        ("--speed=4", "--speed=4"),
        ("results/demo", "results/demo"),
    ],
)
def test_paths_lose_their_folders(word: str, kept: str) -> None:
    assert _manifest(["affectbio", word]).command == f"affectbio {kept}"


def test_neither_user_nor_host_nor_folder_is_in_it(tmp_path: Path) -> None:
    text = json.dumps(_manifest([str(Path(__file__).resolve()), "demo", f"--out={tmp_path}"]).to_dict())
    assert str(tmp_path.parent) not in text
    assert str(Path(__file__).parent) not in text
    assert socket.gethostname() not in text.split()
    assert f"/{getpass.getuser()}" not in text


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(DataError, match="has no zone"):
        run_manifest(command=[], protocols=[], seeds={}, data={}, started=datetime(2026, 1, 1))


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _manifest(["first"]).write_json(tmp_path / "manifest.json")
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(affectbio.evaluation._atomic.os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        _manifest(["second"]).write_json(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_may_be_read_like_any_other(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    written = _manifest([]).write_json(tmp_path / "manifest.json")
    assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_the_fingerprint_depends_on_content_type_shape_and_order_of_arrays() -> None:
    a = np.arange(6.0)
    prints = [
        hash_arrays(a),
        hash_arrays(a.reshape(2, 3)),
        hash_arrays(a.astype(np.float32)),
        hash_arrays(a[:3], a[3:]),
        hash_arrays(a[::-1]),
        hash_arrays(np.array(["ab", "c"])),
        hash_arrays(np.array(["a", "bc"])),
    ]
    assert len(set(prints)) == len(prints)


def test_the_fingerprint_does_not_depend_on_memory_layout_or_byte_order() -> None:
    a = np.arange(6.0).reshape(2, 3)
    assert hash_arrays(a) == hash_arrays(np.asfortranarray(a)) == hash_arrays(a.astype(">f8"))
    assert hash_arrays(np.array(["a"])) == hash_arrays(np.array(["a"], dtype=object))


def test_it_is_the_same_today_and_on_another_machine() -> None:
    assert hash_arrays(np.arange(3.0), np.array(["rest"])) == (
        "9c163a106935dc0f59f64b195bf172d8b3f3694d63e885398b7e5a5f5787d405"
    )


def test_any_change_to_windows_changes_their_fingerprint(coin_flip_windows: Callable[..., Windows]) -> None:
    windows = coin_flip_windows(n_people=2)
    assert windows.y is not None
    X = windows.X.copy()
    X[3, 3] = np.nextafter(X[3, 3], 1)
    changed = [
        replace(windows, X=X),
        replace(windows, y=np.where(windows.y == "rest", "task", "rest")),
        replace(windows, y=None),
        replace(windows, metadata=windows.metadata.assign(session="02")),
        replace(windows, channels=[Channel("Cz")]),
        replace(windows, target_access="rest"),
    ]
    prints = {hash_windows(w) for w in [windows, *changed]}
    assert len(prints) == 1 + len(changed)
    same = replace(windows, metadata=windows.metadata[windows.metadata.columns[::-1]])
    assert hash_windows(same) == hash_windows(windows)
