"""The report of the demo: every sentence with a number in it is made from the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.evaluation.figures import plot_live, plot_pattern, plot_people
from affectbio.evaluation.patterns import haufe_pattern
from affectbio.evaluation.report import Report

if TYPE_CHECKING:
    import pandas as pd

    from affectbio.pipelines import Recipe, RunResult
    from affectbio.types import Windows

__all__ = ["LiveResult", "demo_report"]


@dataclass(slots=True)
class LiveResult:
    """What the live part left: kept up to date while it runs, so that it is whole whenever it is stopped."""

    rows: list[dict[str, float]] = field(default_factory=list)
    features: list[npt.NDArray[np.float64]] = field(default_factory=list)
    latency_ms: tuple[float, float] = (float("nan"), float("nan"))
    n_samples: int = 0
    n_lost: int = 0
    n_sent: int = 0
    n_recorded: int = 0
    truth: pd.DataFrame | None = None
    recording: str | None = None
    largest_difference: float = float("nan")

    def table(self) -> pd.DataFrame:
        """Give one row per estimate."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["time_s", "score", "low", "high", "quality", "latency_ms"])


def demo_report(
    recipe: Recipe,
    windows: Windows,
    result: RunResult,
    live: LiveResult | None,
    subject: str,
    live_variant: str,
    shown: str,
    stopped: bool,
) -> Report:
    """Put the report together.

    Parameters
    ----------
    recipe : Recipe
        What was run.
    windows : Windows
        Its features.
    result : RunResult
        Its tables.
    live : LiveResult or None
        What the live part left, if it was reached.
    subject : str
        Who was played live.
    live_variant : str
        Which variant of the recipe ran live.
    shown : str
        Which class the estimate is for.
    stopped : bool
        Whether Ctrl-C ended it early.

    Returns
    -------
    Report
        To be written.
    """
    report = Report(recipe.title)
    if stopped:
        report.text("This run was stopped by hand before it was over; what follows is what was done until then.")
    _offline(report, recipe, windows, result, live_variant, shown)
    if live is not None and live.rows:
        _live(report, live, subject, shown)
    report.text("Sources: " + "; ".join(recipe.sources) + ".")
    return report


def _offline(
    report: Report, recipe: Recipe, windows: Windows, result: RunResult, live_variant: str, shown: str
) -> None:
    summary = result.summary
    report.heading("How well it works on a person never seen")
    set_aside = (
        f" The first {recipe.calibration.seconds:g} s of rest calibrate and are scored in no variant."
        if recipe.calibration
        else ""
    )
    report.text(
        f"{summary['n_people'].iloc[0]} people, {len(windows.channels)} electrodes "
        f"({', '.join(c.name for c in windows.channels)}), windows of {recipe.window.length_s:g} s every "
        f"{recipe.window.step_s:g} s, {summary['n_windows'].iloc[0]} of them scored.{set_aside}"
    )
    report.text(_findings(summary))
    report.figure(
        plot_people(result.people, summary),
        "Each point is one person. The bar is the mean over people with its 95 % interval; the grey band is what the "
        "same pipeline scores when the labels of each person's recordings are exchanged at random.",
        alt=_alt(summary),
    )
    first = summary.iloc[0]
    report.table(
        _readable(summary),
        f"Balanced accuracy, mean over {first['n_people']} people; chance {first['chance']:.2f}. “Knows” is what the "
        f"pipeline was given of the person it is tested on; “exchanged” is the mean score over "
        f"{first['n_permutations']} random exchanges of labels, “excess” what the real labels add.",
    )
    report.text(
        "What this cannot tell: in this data set rest always came before the task, so anything that drifts with time "
        "(electrodes, drowsiness) separates the two as well, and the rest baseline lies closer in time to the scored "
        "rest than to the task. The labels are of a task, not of an emotion. The per-subject z-score needs the whole "
        "session of the new person and assumes both classes in it; it cannot run live."
    )
    adapted = recipe.adapt(windows, live_variant)
    model = recipe.make_model().fit(adapted.X, adapted.y)
    sign = 1.0 if model.classes_[1] == shown else -1.0
    weights = sign * (model.coef_[0] / model.scale_).reshape(adapted.X.shape[1:])
    report.heading("What the model uses")
    report.figure(
        plot_pattern(haufe_pattern(adapted.X, weights), adapted.channels, adapted.features),
        f"Activation pattern of the {live_variant} model on all people: how much the differential entropy of each "
        f"electrode and band changes with one unit of log odds towards {shown!r}.",
        alt=f"One head per band ({', '.join(adapted.features)}), the pattern at {len(adapted.channels)} electrodes.",
    )


def _findings(summary: pd.DataFrame) -> str:
    """Put the best causal figure and the worst leak side by side, from the table."""
    honest = summary[(summary["leaks"] == "") & (summary["target_access"] != "unlabelled")]
    best = honest.iloc[honest["mean"].argmax()]
    sentence = (
        f"On people held out, “{best['variant']}” reaches {_with_interval(best)} against {best['null_mean']:.3f} with "
        f"labels exchanged at random (p = {best['p']:.2g})."
    )
    leaking = summary[summary["leaks"] != ""]
    if leaking.empty:
        return sentence
    leak = leaking.iloc[leaking["mean"].argmax()]
    return (
        f"{sentence} “{leak['variant']}” would have claimed {_with_interval(leak)}. The same {leak['leaks']} stand in "
        f"its training and test sets, and with labels exchanged at random it still claims {leak['null_mean']:.3f}: it "
        f"recognises the recording, not what the person did."
    )


def _with_interval(row: pd.Series[Any]) -> str:
    return f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _alt(summary: pd.DataFrame) -> str:
    rows = [f"{row['variant']}: mean {_with_interval(row)}" for _, row in summary.iterrows()]
    return "Balanced accuracy per person. " + "; ".join(rows) + "."


def _readable(summary: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "variant": summary["variant"],
            "split": summary["protocol"],
            "knows": summary["target_access"],
            "score [95 % interval]": [_with_interval(row) for _, row in summary.iterrows()],
            "exchanged": summary["null_mean"].map("{:.3f}".format),
            "excess": summary["excess"].map("{:+.3f}".format),
            "p": summary["p"].map("{:.2g}".format),
        }
    )


def _live(report: Report, live: LiveResult, subject: str, shown: str) -> None:
    import pandas as pd

    table = live.table()
    events = live.truth if live.truth is not None else pd.DataFrame(columns=["onset", "duration", "trial_type"])
    correct = _agreement(table, events, shown)
    p50, p99 = live.latency_ms
    report.heading(f"Live: subject {subject}, who was in no training set")
    report.text(
        f"{len(table)} estimates from {live.n_samples} samples, {live.n_lost} lost. From the stamp of a window's last "
        f"sample to its estimate: median {p50:.1f} ms, 99th percentile {p99:.1f} ms. {correct} The live features "
        f"differ from the same kernel run over the recorded file by at most {live.largest_difference:.1e} of their "
        f"value."
    )
    report.figure(
        plot_live(table, events, positive=shown, label=f"p({shown})"),
        f"Probability of {shown!r} with its 95 % interval over which people the model was trained on. Shaded: "
        f"{shown!r} was going on. The first seconds, without an estimate, are the resting baseline.",
        alt=f"Estimate over {table['time_s'].max() - table['time_s'].min():.0f} s, with quality and latency below.",
    )


def _agreement(table: pd.DataFrame, events: pd.DataFrame, shown: str) -> str:
    """Balanced accuracy of this one person, windows that straddle a change of task left out."""
    from affectbio.evaluation import balanced_accuracy

    if events.empty:
        return ""
    onset = events["onset"].to_numpy(dtype=float)
    at = np.searchsorted(onset, table["time_s"].to_numpy(), side="right") - 1
    inside = (at >= 0) & (table["time_s"].to_numpy() - onset[np.maximum(at, 0)] >= 2.0)
    truth = events["trial_type"].to_numpy()[np.maximum(at, 0)][inside] == shown
    if len(set(truth)) < 2:
        return ""
    score = balanced_accuracy(truth, table["score"].to_numpy()[inside] > 0.5)
    return f"On this one person the balanced accuracy was {score:.2f} over {len(truth)} windows; n = 1, so no interval."
