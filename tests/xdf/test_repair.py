"""Files torn at any byte are made whole: pyxdf opens them, and what was in whole chunks is in them."""

import warnings

import numpy as np
import pytest
import pyxdf

from affectbio.errors import DataError
from affectbio.xdf import repair_xdf, scan_xdf
from affectbio.xdf.writer import XDFWriter

HEADER = (
    "<info><name>{0}</name><type>EEG</type><channel_count>2</channel_count><channel_format>float32</channel_format>"
    "<nominal_srate>100</nominal_srate><source_id>{0}</source_id><desc><synchronization><can_drop_samples>true"
    "</can_drop_samples></synchronization></desc></info>"
)
N_CHUNKS, N = 40, 5


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("xdf") / "whole.xdf"
    with XDFWriter(path, boundary_every_s=0.0) as file:
        streams = [file.add_stream(HEADER.format(name)) for name in ("a", "b")]
        for k in range(N_CHUNKS):
            index = np.arange(k * N, (k + 1) * N)
            for stream in streams:
                file.write(stream, np.stack([index, -index], axis=1), 100 + index / 100)
            if k % 10 == 0:
                for stream in streams:
                    file.clock_offset(stream, 100 + k, 0.0)
    return path


def loaded(path):
    """Give each stream's first channel by name; a warning is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    return {s["info"]["name"][0]: np.asarray(s["time_series"]).reshape(-1, 2)[:, 0] for s in streams}


def test_a_file_cut_at_any_byte_opens_and_holds_all_whole_chunks(whole, tmp_path):
    content = whole.read_bytes()
    rng = np.random.default_rng(0)
    for n in [4, 5, *sorted(rng.integers(6, len(content), 60)), len(content) - 1]:
        torn, out = tmp_path / f"{n}.xdf", tmp_path / f"{n}-repaired.xdf"
        torn.write_bytes(content[:n])
        before = scan_xdf(torn)
        done = repair_xdf(torn, out)
        assert (done.n_chunks, done.n_lost_bytes) == (before.n_chunks, n - before.n_bytes)
        assert scan_xdf(out).problem is None
        assert torn.read_bytes() == content[:n]
        if before.headers:
            for values in loaded(out).values():
                assert np.array_equal(values, np.arange(len(values)))


def test_damage_in_the_middle_costs_no_more_than_to_the_next_boundary(whole, tmp_path):
    content = bytearray(whole.read_bytes())
    at = len(content) // 2
    # A length that lies: the chunk claims to go on for megabytes.
    torn, out = tmp_path / "torn.xdf", tmp_path / "out.xdf"
    starts = [i for i in range(len(content) - 4) if content[i : i + 4] == bytes([1, 18, 5, 0])]
    here = min(starts, key=lambda i: abs(i - at))
    content[here : here + 6] = bytes([4, 0xFF, 0xFF, 0xFF, 0x00, 9])
    torn.write_bytes(content)
    assert scan_xdf(torn).problem
    done = repair_xdf(torn, out)
    assert len(done.problems) == 1
    assert done.n_lost_bytes < 400
    found = loaded(out)
    for values in found.values():
        assert set(values) <= set(np.arange(N_CHUNKS * N))
        assert len(values) >= (N_CHUNKS - 2) * N


def test_the_chunk_length_that_lies_is_named_and_not_crashed_on(tmp_path):
    content = b"XDF:" + bytes([4]) + (2**31 - 1).to_bytes(4, "little") + b"\x01\x00<info/>"
    torn = tmp_path / "lie.xdf"
    torn.write_bytes(content)
    done = repair_xdf(torn, tmp_path / "out.xdf")
    assert "should end at byte" in done.problems[0]


def test_nothing_is_overwritten_and_nothing_half_written(whole, tmp_path):
    there = tmp_path / "there.xdf"
    there.write_bytes(b"mine")
    with pytest.raises(DataError, match="exists; a repair never overwrites"):
        repair_xdf(whole, there)
    assert there.read_bytes() == b"mine"
    with pytest.raises(DataError, match="not an XDF file"):
        repair_xdf(there, tmp_path / "other.xdf")
    with pytest.raises(FileNotFoundError):
        repair_xdf(tmp_path / "none.xdf", tmp_path / "other.xdf")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["there.xdf"]
