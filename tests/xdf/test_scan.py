from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import DataError
from affectbio.xdf import XDFWriter, scan_xdf


@pytest.fixture(scope="module")
def whole(tmp_path_factory, header_xml) -> Path:
    path = tmp_path_factory.mktemp("scan") / "whole.xdf"
    with XDFWriter(path, boundary_every_s=0.0) as file:
        stream = file.add_stream(header_xml())
        file.write(stream, np.zeros((30, 2)), np.arange(30))
        file.clock_offset(stream, 0.0, 0.0)
    return path


def test_a_whole_file_has_no_problem(whole: Path) -> None:
    scan = scan_xdf(whole)
    assert (scan.problem, scan.n_bytes, scan.n_chunks) == (None, whole.stat().st_size, 6)
    assert list(scan.headers) == [1]


@pytest.mark.parametrize(("name", "n_streams"), [("muselsl2_P002.xdf", 4), ("xdfmod_minimal.xdf", 2)])
def test_files_of_other_programs_are_whole(xdf_data: Path, name: str, n_streams: int) -> None:
    scan = scan_xdf(xdf_data / name)
    assert (scan.problem, scan.n_bytes, len(scan.headers)) == (None, (xdf_data / name).stat().st_size, n_streams)


@pytest.mark.parametrize("content", [b"", b"XDF", b"EDF:1234", b"\x1f\x8b\x08\x00"])
def test_a_foreign_file_is_refused_with_what_was_found(tmp_path, content: bytes) -> None:
    path = tmp_path / "x.xdf"
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected 'XDF:' at byte 0, found"):
        scan_xdf(path)


@pytest.mark.parametrize(
    ("tail", "why"),
    [
        (b"\x03\x02\x05\x00", "said to take 3 bytes"),
        (b"\x01", "truncated in its length"),
        (b"\x04\x20\x00", "truncated in its length"),
        (b"\x01\x01\x05", "no room for a tag"),
        (b"\x01\x02\x07\x00", "unknown tag 7"),
        (b"\x01\x05\x03\x00\x01\x00\x00", "no room for the stream"),
        (b"\x01\x06\x03\x00\x09\x00\x00\x00", "samples chunk of stream 9 before that stream's header"),
        (b"\x08" + b"\xff" * 8 + b"\x03\x00\x01\x00\x00\x00", "truncated: it should end at byte"),
    ],
)
def test_damage_is_named_by_chunk_and_byte(tmp_path, whole: Path, tail: bytes, why: str) -> None:
    path = tmp_path / "x.xdf"
    path.write_bytes(whole.read_bytes() + tail)
    scan = scan_xdf(path)
    assert scan.n_bytes == whole.stat().st_size
    assert scan.problem is not None
    assert scan.problem.startswith(f"chunk 6 at byte {scan.n_bytes} of {scan.size}: ")
    assert why in scan.problem


@given(st.data())
def test_a_cut_is_found_wherever_it_falls(tmp_path_factory, whole: Path, data) -> None:
    content = whole.read_bytes()
    cut = data.draw(st.integers(4, len(content)))
    path = tmp_path_factory.mktemp("cut") / "x.xdf"
    path.write_bytes(content[:cut])
    scan = scan_xdf(path)
    assert scan.n_bytes <= cut == scan.size
    assert (scan.problem is None) == (scan.n_bytes == cut)
    # What is whole is whole: another scan of only that part finds nothing.
    path.write_bytes(content[: scan.n_bytes])
    assert scan_xdf(path).problem is None
    assert scan_xdf(path).n_chunks == scan.n_chunks


@given(st.binary(max_size=200))
def test_no_bytes_break_it(tmp_path_factory, tail: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "x.xdf"
    path.write_bytes(b"XDF:" + tail)
    scan = scan_xdf(path)
    assert 4 <= scan.n_bytes <= scan.size
