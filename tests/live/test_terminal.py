"""What the terminal shows, read as text."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from affectbio.live import Update
from affectbio.live.terminal import LiveView
from affectbio.preprocess import ChannelQuality
from affectbio.types import Affect, Score

GOOD, FLAT = ChannelQuality("good", True), ChannelQuality("flat", False)


def shown(view: LiveView) -> str:
    console = Console(width=120, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


def update(**changes) -> Update:
    fields = {
        "state": "streaming", "n_samples": 250, "n_lost": 0, "time": 1.0, "quality": (GOOD, FLAT),
        "features": np.array([[-10.0, -11.0], [-12.0, -13.0]]), "calibration": 1.0, "affect": None,
    }  # fmt: skip
    return Update(**{**fields, **changes})


@pytest.fixture
def view():
    return LiveView(["C3", "C4"], ["alpha", "beta"], shown="arithmetic")


def test_before_anything_came(view):
    assert "waiting for the stream" in shown(view)


def test_quality_is_a_word_per_channel_and_entropy_a_number_per_band(view):
    view.update(update())
    text = shown(view)
    c3, c4 = (next(line for line in text.splitlines() if name in line) for name in ("C3", "C4"))
    assert c3.replace("│", "").split()[:3:2] == ["C3", "-10.00"]
    assert [word for word in ("good", "-11.00") if word not in c3] == []
    assert [word for word in ("flat", "-12.00", "-13.00") if word not in c4] == []


def test_calibration_shows_how_far_it_is(view):
    view.update(update(calibration=0.5))
    assert "█" * 20 + "░" * 20 in shown(view)


def test_the_estimate_stands_with_its_interval_on_the_bar(view):
    view.update(update(affect=Affect(1.0, {"arithmetic": Score(0.5, 0.25, 0.75)}, 1.0, 0.004)))
    text = shown(view)
    assert "0.50 [0.25, 0.75]" in text
    bar = next(line for line in text.splitlines() if "p(arithmetic)" in line)
    assert bar.index("─") < bar.index("●") < bar.rindex("─", 0, bar.index("0.50"))


def test_latency_and_losses(view):
    for ms in range(1, 101):
        view.update(update(n_lost=3, affect=Affect(1.0, {"arithmetic": Score(0.5, 0.2, 0.8)}, 1.0, ms / 1000)))
    assert view.latency_ms() == pytest.approx((50.5, 99.01))
    assert "p50 50.5 ms, p99 99.0 ms" in shown(view)
    assert "lost 3" in shown(view)


def test_a_lost_stream_says_so(view):
    view.update(update(state="lost", features=None))
    assert "stream lost" in shown(view)


def test_memory_is_bounded(view):
    for _ in range(5000):
        view.update(update(affect=Affect(1.0, {"arithmetic": Score(0.5, 0.2, 0.8)}, 1.0, 0.001)))
    assert len(view._latencies) <= 2000
