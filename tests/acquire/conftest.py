"""A small recording, its stream, and names that no two tests share."""

from __future__ import annotations

from itertools import count

import numpy as np
import pandas as pd
import pytest

from affectbio.acquire import StreamSpec
from affectbio.types import Channel, Recording, Signal

SFREQ = 128.0
CHANNELS = tuple(Channel(name) for name in ("C3", "C4", "Fz"))
_numbers = count()


@pytest.fixture
def spec() -> StreamSpec:
    name = f"headset-{next(_numbers)}"
    return StreamSpec(name, "EEG", CHANNELS, SFREQ, f"{name}-001")


@pytest.fixture
def recording() -> Recording:
    """Four seconds of microvolts, no two samples alike, two events."""
    data = 1e-6 * (np.arange(512) + 1000 * np.arange(3)[:, np.newaxis])
    events = pd.DataFrame({"onset": [0.0, 2.0], "duration": [2.0, 2.0], "trial_type": ["rest", "task"]})
    return Recording({"eeg": Signal(data, SFREQ, CHANNELS)}, subject="01", events=events)
