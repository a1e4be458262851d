"""Stream headers and files for the tests of the XDF format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data" / "xdf"


def make_header(
    name: str = "band",
    lsl_type: str = "EEG",
    n_chans: int = 2,
    dtype: str = "float32",
    sfreq: float = 100.0,
    labels: tuple[str, ...] = ("C3", "C4"),
    unit: str = "microvolts",
    kind: str = "eeg",
    can_drop: bool = False,
) -> str:
    channels = "".join(f"<channel><label>{x}</label><unit>{unit}</unit><type>{kind}</type></channel>" for x in labels)
    drop = "<synchronization><can_drop_samples>true</can_drop_samples></synchronization>" if can_drop else ""
    return (
        f'<?xml version="1.0"?><info><name>{name}</name><type>{lsl_type}</type><channel_count>{n_chans}</channel_count>'
        f"<channel_format>{dtype}</channel_format><source_id>s-{name}</source_id><nominal_srate>{sfreq}</nominal_srate>"
        f"<desc><channels>{channels}</channels>{drop}</desc></info>"
    )


@pytest.fixture(scope="session")
def header_xml() -> Callable[..., str]:
    return make_header


@pytest.fixture(scope="session")
def xdf_data() -> Path:
    return DATA
