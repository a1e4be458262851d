"""A driver on a small computer needs numpy and pylsl, and nothing that takes seconds to import."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import affectbio.acquire", {"pylsl"}),
        ("from affectbio.acquire import lsl_library; lsl_library()", set()),
        ("from affectbio.acquire import StreamSpec; from affectbio.types import Channel\n"
         "StreamSpec('x', 'EEG', [Channel('Cz')], 100.0, 'x').to_info()", set()),
        ("import affectbio.xdf", {"pylsl"}),
    ],
)  # fmt: skip
def test_nothing_heavy_is_imported(code: str, absent: set[str]) -> None:
    said = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*{{m.partition('.')[0] for m in sys.modules}})"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    loaded = set(said.split())
    assert "numpy" in loaded
    assert (
        loaded & ({"torch", "mne", "mne_lsl", "sklearn", "matplotlib", "pandas", "scipy", "numba", "pyxdf"} | absent)
        == set()
    )
