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
        ("from affectbio.acquire import use_loopback\nfrom affectbio.cli.stream import run_stream\n"
         "import os, pathlib, tempfile\n"
         "use_loopback(f'embedded-{os.getpid()}')\n"
         "with tempfile.TemporaryDirectory() as folder:\n"
         "    run_stream(['emotibit'], seconds=0.3, record=pathlib.Path(folder, 'x.xdf'))", {"bleak", "brainflow"}),
        ("from affectbio.acquire.drivers import make_driver\nfrom affectbio.acquire.lsl_sink import LslSink\n"
         "from affectbio.devices import list_devices, load_device\n"
         "for name in list_devices():\n"
         "    device = load_device(name)\n"
         "    if device.driver:\n"
         "        driver = make_driver(device, [LslSink(device, name)], address='127.0.0.1:9')\n"
         "        driver.words.dialogue", {"bleak", "serial", "websockets", "brainflow", "rich", "typer"}),
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
