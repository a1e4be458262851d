"""XDF 1.0, the file format of the lab streaming layer: write it crash-safe, check it, read it as a Recording.

Specification: https://github.com/sccn/xdf/wiki/Specifications. `XDFWriter` is ours, since no package on PyPI writes XDF
from Python; reading is pyxdf's, on the part of the file that is whole.
"""

from __future__ import annotations

from affectbio.xdf.export import Exported, export_recording
from affectbio.xdf.grid import Placed, SampleGrid, place_stamps
from affectbio.xdf.header import StreamHeader, parse_header
from affectbio.xdf.reader import XDFTruncatedWarning, read_xdf
from affectbio.xdf.repair import XDFRepair, repair_xdf
from affectbio.xdf.scan import XDFScan, scan_xdf
from affectbio.xdf.writer import XDFWriter

__all__ = [
    "Exported",
    "Placed",
    "SampleGrid",
    "StreamHeader",
    "XDFRepair",
    "XDFScan",
    "XDFTruncatedWarning",
    "XDFWriter",
    "export_recording",
    "parse_header",
    "place_stamps",
    "read_xdf",
    "repair_xdf",
    "scan_xdf",
]
