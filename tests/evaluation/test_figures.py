from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from affectbio.errors import DataError
from affectbio.evaluation.figures import PALETTE, plot_live, plot_pattern, plot_people
from affectbio.types import Channel


def _words(fig: Figure) -> str:
    fig.savefig(io.BytesIO(), format="svg")
    return " | ".join(
        text.get_text() for ax in fig.axes for text in [*ax.texts, ax.xaxis.label, ax.yaxis.label, ax.title]
    )


def _tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    key = {"target_access": "none", "metric": "balanced_accuracy"}
    honest = {"variant": "honest", "protocol": "loso", **key}
    leak = {"variant": "leak", "protocol": "shuffled", **key}
    context = {"n_people": 3, "chance": 0.5, "null_low": 0.4, "null_high": 0.6, "p": 0.01}
    results = pd.DataFrame(
        [{**honest, "value": v} for v in (0.5, 0.6, 0.7)] + [{**leak, "value": v} for v in (0.9, 0.95, 1.0)]
    )
    summary = pd.DataFrame(
        [
            {**honest, "mean": 0.6, "low": 0.5, "high": 0.7, "leaks": "", **context},
            {**leak, "mean": 0.95, "low": 0.9, "high": 1.0, "leaks": "people, trials", **context},
        ]
    )
    return results, summary


def test_every_person_is_a_point_and_every_number_has_its_context() -> None:
    fig = plot_people(*_tables())
    honest, leak = fig.axes[0].collections
    np.testing.assert_allclose(np.asarray(honest.get_offsets())[:, 0], [0.5, 0.6, 0.7])
    np.testing.assert_allclose(np.asarray(leak.get_offsets())[:, 0], [0.9, 0.95, 1.0])
    assert [(p.get_x(), p.get_x() + p.get_width()) for p in fig.axes[0].patches] == [(0.4, 0.6)] * 2
    words = _words(fig)
    for part in ("0.60  [0.50, 0.70]", "3 people · p = 0.01", "loso · target access: none"):
        assert part in words


def test_a_leak_looks_different_and_says_so() -> None:
    fig = plot_people(*_tables())
    honest, leak = fig.axes[0].collections
    assert len(honest.get_facecolor()) > 0
    assert len(leak.get_facecolor()) == 0
    assert to_hex(leak.get_edgecolor()[0]) == PALETTE["leak"]
    words = _words(fig)
    assert words.count("in training and test") == 1
    assert "the same people, trials in training and test" in words


def test_all_people_lie_inside_the_axis() -> None:
    results, summary = _tables()
    results.loc[0, "value"] = 0.02
    low, high = plot_people(results, summary).axes[0].get_xlim()
    assert low < 0.02
    assert high > 1.0


def test_a_summary_of_other_results_is_refused() -> None:
    results, summary = _tables()
    with pytest.raises(DataError, match="the results have not"):
        plot_people(results[results["variant"] == "leak"], summary)


def test_one_head_per_band_with_its_electrodes_on_one_scale() -> None:
    channels = [Channel(n) for n in ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")]
    pattern = np.random.default_rng(0).normal(size=(8, 4))
    fig = plot_pattern(pattern, channels, ["theta", "alpha", "beta", "gamma"])
    heads = [ax for ax in fig.axes if ax.images]
    assert [ax.get_title() for ax in heads] == ["theta", "alpha", "beta", "gamma"]
    for ax in heads:
        assert [t.get_text() for t in ax.texts] == [c.name for c in channels]
        assert ax.images[0].get_clim() == (-np.abs(pattern).max(), np.abs(pattern).max())
    _words(fig)


def test_the_head_is_seen_from_above_with_the_nose_up() -> None:
    channels = [Channel(n) for n in ("Fp1", "Fp2", "O1", "O2", "Cz")]
    fig = plot_pattern(np.ones((5, 1)), channels, ["alpha"])
    at = {t.get_text(): t.get_position() for t in fig.axes[0].texts}
    assert at["Fp1"][0] < at["Cz"][0] < at["Fp2"][0]
    assert at["O1"][1] < at["Cz"][1] < at["Fp1"][1]


def test_the_rim_of_the_head_goes_through_the_electrodes_that_define_it() -> None:
    names = ("Fpz", "Oz", "T7", "T8", "Cz", "C3")
    fig = plot_pattern(np.ones((6, 1)), [Channel(n) for n in names], ["alpha"])
    outline = max((line.get_xydata() for line in fig.axes[0].lines), key=len)
    middle, radius = (outline.max(axis=0) + outline.min(axis=0)) / 2, np.ptp(outline[:, 0]) / 2
    away = {t.get_text(): np.linalg.norm(t.get_position() - middle) / radius for t in fig.axes[0].texts}
    for name in ("Fpz", "Oz", "T7", "T8"):
        assert away[name] == pytest.approx(1, abs=0.02), name
    assert away["Cz"] < 0.03
    assert 0.4 < away["C3"] < 0.6


def test_patterns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="does not fit 1 channels and 2 bands"):
        plot_pattern(np.ones((2, 2)), [Channel("Cz")], ["a", "b"])
    with pytest.raises(DataError, match="'pulse' has no position"):
        plot_pattern(np.ones((1, 1)), [Channel("pulse", "ecg")], ["a"])


def _live() -> tuple[pd.DataFrame, pd.DataFrame]:
    time = np.arange(10.0, 60.0)
    table = pd.DataFrame({"time_s": time, "score": 0.6, "low": 0.4, "high": 0.8, "quality": 1.0, "latency_ms": 3.0})
    truth = pd.DataFrame({"onset": [0.0, 30.0], "duration": [30.0, 35.0], "trial_type": ["rest", "task"]})
    return table, truth


def test_the_live_figure_shows_estimate_truth_quality_and_latency() -> None:
    fig = plot_live(*_live(), positive="task", label="p(task)")
    estimate = fig.axes[0]
    shaded = [(p.get_x(), p.get_x() + p.get_width()) for p in estimate.patches]
    assert shaded == [(30.0, 65.0)]
    assert estimate.get_xlim() == (0.0, 65.0)
    words = _words(fig)
    for part in ("rest", "task", "p(task)", "quality", "latency", "time (s)"):
        assert part in words


def test_a_live_figure_without_truth_is_drawn_and_without_estimates_refused() -> None:
    table, truth = _live()
    assert plot_live(table, truth.iloc[:0], positive="task").axes[0].get_xlim() == (0.0, 59.0)
    with pytest.raises(DataError, match="latency_ms"):
        plot_live(table.drop(columns="latency_ms"), truth, positive="task")
    with pytest.raises(DataError, match="at least one row"):
        plot_live(table.iloc[:0], truth, positive="task")


def test_importing_evaluation_brings_neither_matplotlib_nor_mne() -> None:
    code = "import sys, affectbio.evaluation; print(sorted({'matplotlib', 'mne'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_drawing_a_head_opens_no_pyplot_figure() -> None:
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    plot_pattern(np.ones((4, 1)), [Channel(n) for n in ("C3", "C4", "Fz", "Pz")], ["alpha"])
    assert plt.get_fignums() == before
