"""What is kept is what was put, whoever is killed meanwhile; what is broken is computed again."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectbio.cache import (
    Cache,
    cache_folder,
    code_fingerprint,
    content_key,
    recording_fingerprint,
    samples_fingerprint,
)
from affectbio.errors import ConfigError
from affectbio.types import Channel, Recording, Signal, Windows

KEY = content_key("an entry")


def recording(seed=0, **changes):
    rng = np.random.default_rng(seed)
    eeg = Signal(rng.standard_normal((2, 64)), 128.0, [Channel("C3"), Channel("C4")])
    events = pd.DataFrame({"onset": [0.0], "duration": [0.5], "trial_type": ["rest"], "valence": [3.5]})
    return replace(Recording({"eeg": eeg}, "01", events, meta={"file": "one.edf"}), **changes)


def windows():
    table = pd.DataFrame(
        {
            "subject": ["01", "02", "02"],
            "session": "01",
            "trial": ["1", "2", "3"],
            "stimulus": ["a", None, "b"],
            "start": [0.1, 1 / 3, np.nextafter(2.0, 3.0)],
            "stop": [1.1, 2.0, np.inf],
            "valence": [1.5, np.nan, 9.0],
            "n": [1, 2, 3],
        }
    )
    X = np.random.default_rng(0).standard_normal((3, 1, 2))
    return Windows(X, np.array(["low", None, "high"], dtype=object), table, ("window", "channel", "band"),
                   [Channel("C3")], ("alpha", "beta"))  # fmt: skip


def test_windows_come_back_to_the_bit(tmp_path):
    cache = Cache(tmp_path)
    cache.put_windows(KEY, windows(), {"n": 1})
    back, facts = cache.windows(KEY)
    assert facts == {"n": 1}
    np.testing.assert_array_equal(back.X, windows().X)
    assert back.y.tolist() == ["low", None, "high"]
    assert back.y.dtype == object
    pd.testing.assert_frame_equal(back.metadata, windows().metadata, check_exact=True)
    assert (back.axes, back.channels, back.features) == (windows().axes, windows().channels, windows().features)
    assert (cache.n_hits, cache.n_misses) == (1, 0)


@pytest.mark.parametrize("y", [None, np.array([1, 2, 3]), np.array(["a", "b", "a"])])
def test_labels_of_every_kind_come_back(tmp_path, y):
    cache = Cache(tmp_path)
    cache.put_windows(KEY, replace(windows(), y=y))
    back = cache.windows(KEY)[0].y
    assert back is None if y is None else (back == y).all() and back.dtype == y.dtype


def test_a_fingerprint_is_of_the_content(tmp_path):
    one = recording_fingerprint(recording())
    assert one == recording_fingerprint(recording(meta={"file": "moved.edf"}))
    assert one != recording_fingerprint(recording(subject="02"))
    assert one != recording_fingerprint(recording(events=recording().events.assign(valence=4.0)))
    assert one != recording_fingerprint(recording(device="muse-2"))
    assert one != recording_fingerprint(recording(seed=1))
    # Whose they are said to be does not change samples.
    assert samples_fingerprint(recording()) == samples_fingerprint(recording(subject="02"))
    eeg = recording().signals["eeg"]
    strided = replace(eeg, data=np.asfortranarray(eeg.data))
    assert samples_fingerprint(recording()) == samples_fingerprint(recording(signals={"eeg": strided}))
    big_endian = replace(eeg, data=eeg.data.astype(">f8"))
    assert samples_fingerprint(recording()) == samples_fingerprint(recording(signals={"eeg": big_endian}))
    assert samples_fingerprint(recording()) != samples_fingerprint(recording(signals={"eeg": replace(eeg, sfreq=64.0)}))


def test_a_fingerprint_of_code_moves_with_the_code(tmp_path, monkeypatch):
    (tmp_path / "some_feature.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = code_fingerprint("some_feature")
    (tmp_path / "some_feature.py").write_text("x = 2\n")
    code_fingerprint.cache_clear()
    assert code_fingerprint("some_feature") != before
    with pytest.raises(ConfigError, match="no_such_module"):
        code_fingerprint("no_such_module")


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_a_torn_entry_is_a_miss_and_goes(tmp_path, cut):
    cache = Cache(tmp_path)
    cache.put(KEY, {"x": np.arange(1000)})
    whole = cache.path(KEY).read_bytes()
    cache.path(KEY).write_bytes(whole[:cut])
    assert cache.get(KEY) is None
    assert (cache.n_corrupt, cache.n_misses) == (1, 1)
    assert not cache.path(KEY).exists()


def test_one_flipped_bit_is_seen(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEY, {"x": np.arange(1000)})
    content = bytearray(cache.path(KEY).read_bytes())
    content[2000] ^= 1
    cache.path(KEY).write_bytes(content)
    assert cache.get(KEY) is None
    assert cache.n_corrupt == 1


def test_pickles_are_neither_written_nor_read(tmp_path):
    cache = Cache(tmp_path)
    with pytest.raises(ValueError, match="pickle"):
        cache.put(KEY, {"x": np.array([{}], dtype=object)})
    assert list(tmp_path.rglob("*.*")) == []
    cache.path(KEY).parent.mkdir(exist_ok=True)
    with cache.path(KEY).open("wb") as file:
        np.savez(file, x=np.array([{}], dtype=object), allow_pickle=True)
    assert cache.get(KEY) is None


def test_the_least_recently_used_goes_first(tmp_path):
    cache = Cache(tmp_path, max_bytes=20_000)
    keys = [content_key(n) for n in range(4)]
    for age, key in enumerate(keys):
        cache.put(key, {"x": np.zeros(1000)})
        os.utime(cache.path(key), (age, age))
    assert cache.get(keys[0]) is not None  # used just now
    assert cache.prune() == 2
    assert [cache.path(k).exists() for k in keys] == [True, False, False, True]
    assert cache.info().n_entries == 2
    assert cache.clear() == 2
    assert cache.info().n_bytes == 0


def test_what_a_killed_writer_left_is_tidied_once_it_is_old(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEY, {"x": np.zeros(1)})
    left = cache.path(KEY).with_name(".abc.part")
    left.write_bytes(b"half")
    cache.prune()
    assert left.exists()
    os.utime(left, (0, 0))
    cache.prune()
    assert not left.exists()
    assert cache.get(KEY) is not None


def test_the_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("AFFECTBIO_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    monkeypatch.delenv("AFFECTBIO_CACHE")
    assert cache_folder().name == "affectbio"


WRITER = """
import sys
import numpy as np
from affectbio.cache import Cache, content_key
cache, n = Cache(sys.argv[1]), 0
print("ready", flush=True)
while True:
    cache.put(content_key(n % 7), {"x": np.full(200_000, n % 7)}, {"n": n % 7})
    n += 1
"""


def start(folder):
    process = subprocess.Popen([sys.executable, "-c", WRITER, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def check(cache):
    """Every entry that is there is whole."""
    n_there = 0
    for n in range(7):
        found = cache.get(content_key(n))
        if found is not None:
            n_there += 1
            assert found[1] == {"n": n}
            assert (found[0]["x"] == n).all()
    assert cache.n_corrupt == 0
    return n_there


def test_two_who_write_the_same_keys_leave_whole_entries(tmp_path):
    both = [start(tmp_path), start(tmp_path)]
    try:
        cache, until = Cache(tmp_path), time.monotonic() + 1.0
        while time.monotonic() < until:
            check(cache)
    finally:
        for process in both:
            process.kill()
            process.communicate()
    assert check(cache) == 7


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is POSIX")
def test_a_kill_in_mid_write_leaves_whole_entries(tmp_path):
    rng, n_there = np.random.default_rng(0), 0
    for _ in range(6):
        process = start(tmp_path)
        time.sleep(float(rng.uniform(0.005, 0.05)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        n_there = check(Cache(tmp_path))
    assert n_there > 0
