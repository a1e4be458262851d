from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
import pyxdf
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import DataError, StreamError
from affectbio.xdf import XDFWriter, scan_xdf
from affectbio.xdf.header import FORMATS

RAW = {"dejitter_timestamps": False, "synchronize_clocks": False}


def load(path: Path):
    return pyxdf.load_xdf(str(path), **RAW)[0]


@pytest.mark.parametrize("dtype", sorted(d for d, fmt in FORMATS.items() if fmt))
def test_every_number_format_comes_back_from_pyxdf_bit_for_bit(tmp_path, header_xml, dtype: str) -> None:
    numpy_type = np.dtype(FORMATS[dtype])
    rng = np.random.default_rng(0)
    if numpy_type.kind == "i":
        limits = np.iinfo(numpy_type)
        data = rng.integers(limits.min, limits.max, (300, 2), dtype=numpy_type, endpoint=True)
    else:
        data = rng.normal(size=(300, 2)).astype(numpy_type)
        data[7, 1] = np.nan
    stamps = 1e5 + np.arange(300) / 100 + rng.normal(size=300) * 1e-3
    with XDFWriter(tmp_path / "x.xdf") as file:
        stream = file.add_stream(header_xml(dtype=dtype))
        for start in (0, 1, 280):
            stop = {0: 1, 1: 280, 280: 300}[start]
            file.write(stream, data[start:stop], stamps[start:stop])
    (loaded,) = load(tmp_path / "x.xdf")
    np.testing.assert_array_equal(loaded["time_series"], data)
    assert loaded["time_series"].dtype == numpy_type
    np.testing.assert_array_equal(loaded["time_stamps"], stamps)


@given(st.lists(st.lists(st.text(max_size=300), min_size=2, max_size=2), min_size=1, max_size=5))
def test_text_comes_back_from_pyxdf(tmp_path_factory, header_xml, rows: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("text") / "x.xdf"
    rows = [[text.encode("utf-8", "replace").decode() for text in row] for row in rows]
    with XDFWriter(path) as file:
        file.write(file.add_stream(header_xml(dtype="string", sfreq=0)), rows, np.arange(len(rows)))
    assert load(path)[0]["time_series"] == rows


def test_header_footer_offsets_and_boundary_are_what_the_specification_says(tmp_path, header_xml) -> None:
    path = tmp_path / "x.xdf"
    with XDFWriter(path, boundary_every_s=0.0, sync_every_s=0.0) as file:
        stream = file.add_stream(header_xml(name="a&amp;b"))
        file.write(stream, np.zeros((3, 2)), [10.0, 10.5, 11.0])
        file.clock_offset(stream, 10.0, -0.25)
        file.write(stream, np.zeros((0, 2)), [])
    (loaded,), header = pyxdf.load_xdf(str(path))
    assert header["info"]["version"] == ["1.0"]
    assert loaded["info"]["name"] == ["a&b"]
    footer = loaded["footer"]["info"]
    assert footer["sample_count"] == ["3"]
    assert [float(footer[k][0]) for k in ("first_timestamp", "last_timestamp", "measured_srate")] == [10.0, 11.0, 2.0]
    assert footer["clock_offsets"][0]["offset"][0]["value"] == ["-0.25"]
    assert (loaded["clock_times"], loaded["clock_values"]) == ([10.0], [-0.25])
    # Magic, file header, stream header, samples, boundary, offset, footer.
    assert scan_xdf(path).n_chunks == 6
    assert b"\x43\xa5\x46\xdc\xcb\xf5\x41\x0f\xb3\x0e\xd5\x46\x73\x83\xcb\xe4" in path.read_bytes()


def test_threads_share_one_file_without_tearing_it(tmp_path, header_xml) -> None:
    path = tmp_path / "x.xdf"

    def record(file: XDFWriter, stream: int) -> None:
        for i in range(200):
            file.write(stream, np.full((5, 2), stream, np.float32), i + np.arange(5) / 10)

    with XDFWriter(path) as file:
        threads = [
            threading.Thread(target=record, args=(file, file.add_stream(header_xml(name=f"s{i}")))) for i in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert scan_xdf(path).problem is None
    for stream in load(path):
        assert stream["time_series"].shape == (1000, 2)
        assert set(np.unique(stream["time_series"])) == {stream["info"]["stream_id"]}


def test_an_existing_file_is_never_touched(tmp_path) -> None:
    path = tmp_path / "x.xdf"
    path.write_bytes(b"precious")
    with pytest.raises(StreamError, match="exists"):
        XDFWriter(path)
    assert path.read_bytes() == b"precious"


def test_a_place_that_cannot_be_written_to_is_named(tmp_path) -> None:
    with pytest.raises(StreamError, match="choose another place"):
        XDFWriter(tmp_path / "missing" / "x.xdf")


@pytest.mark.parametrize(
    ("data", "stamps"), [(np.zeros((2, 3)), [0, 1]), (np.zeros((3, 2)), [0, 1]), (np.zeros(2), [0])]
)
def test_samples_of_another_shape_are_refused(tmp_path, header_xml, data, stamps) -> None:
    with XDFWriter(tmp_path / "x.xdf") as file:
        stream = file.add_stream(header_xml())
        with pytest.raises(DataError, match="expected"):
            file.write(stream, data, stamps)
    assert scan_xdf(tmp_path / "x.xdf").problem is None


def test_rows_of_text_of_another_length_are_refused(tmp_path, header_xml) -> None:
    with XDFWriter(tmp_path / "x.xdf") as file:
        stream = file.add_stream(header_xml(dtype="string"))
        with pytest.raises(DataError, match="expected"):
            file.write(stream, [["a", "b"], ["c"]], [0.0, 1.0])


def test_a_closed_file_says_so(tmp_path, header_xml) -> None:
    file = XDFWriter(tmp_path / "x.xdf")
    file.close()
    file.close()
    with pytest.raises(StreamError, match="closed"):
        file.add_stream(header_xml())


def test_a_full_disk_leaves_whole_chunks_and_every_later_call_says_so(tmp_path, header_xml, monkeypatch) -> None:
    path = tmp_path / "x.xdf"
    true_write = os.write
    room = 5000

    def write_on_a_small_disk(fd: int, data: bytes) -> int:
        left = room - os.fstat(fd).st_size
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return true_write(fd, bytes(data)[:left])

    file = XDFWriter(path)
    stream = file.add_stream(header_xml())
    monkeypatch.setattr(os, "write", write_on_a_small_disk)
    written = []

    def write_until_full() -> None:
        for i in range(100):
            file.write(stream, np.full((20, 2), i), i + np.arange(20) / 20)
            written.append(20)

    with pytest.raises(StreamError, match=r"x\.xdf stopped after [0-9]+ bytes: No space left.*free some space"):
        write_until_full()
    with pytest.raises(StreamError, match="No space left"):
        file.clock_offset(stream, 0.0, 0.0)
    file.close()
    assert scan_xdf(path).problem is None
    assert path.stat().st_size == file.n_bytes <= room
    assert len(load(path)[0]["time_stamps"]) == sum(written) > 0


def test_kill_9_loses_nothing_that_was_handed_over(tmp_path, header_xml) -> None:
    code = """
        import sys
        import numpy as np
        from affectbio.xdf import XDFWriter
        file = XDFWriter(sys.argv[1])
        stream = file.add_stream(sys.argv[2])
        for i in range(10**9):
            file.write(stream, np.full((10, 2), i), i + np.arange(10) / 10)
            print(10 * (i + 1), flush=True)
    """
    path = tmp_path / "x.xdf"
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path), header_xml()], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for _ in range(200):
        child.stdout.readline()
    child.kill()
    rest = child.stdout.read().split()
    child.stdout.close()
    child.wait()
    handed_over = int(rest[-1]) if rest else 2000
    assert scan_xdf(path).problem is None
    # The last write may have come back without having been told.
    assert len(load(path)[0]["time_stamps"]) - handed_over in (0, 10)
