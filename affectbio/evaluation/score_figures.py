"""Figures of what was predicted: confusion, calibration, and the score over the number of people learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from affectbio.errors import DataError
from affectbio.evaluation.figures import PALETTE, bare_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["plot_calibration", "plot_confusion", "plot_learning_curve", "reliability"]

_WIDTH, _SIZE = 5.8, 9.0


def plot_confusion(table: pd.DataFrame) -> Figure:
    """Show how each class was called: the mean over people of their shares.

    Parameters
    ----------
    table : pandas.DataFrame
        From `affectbio.evaluation.predictions`, of one variant.

    Returns
    -------
    matplotlib.figure.Figure
        5.8 inches wide; rows are what was true and add up to 100 %.

    Raises
    ------
    DataError
        If no window has a truth and a prediction.
    """
    import pandas as pd
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    known = table[table["true"].notna() & table["predicted"].notna()]
    if known.empty:
        raise DataError("no window has both a truth and a prediction; nothing to show")
    true, predicted = known["true"].astype(str), known["predicted"].astype(str)
    classes = sorted(set(true) | set(predicted))
    each = [
        pd.crosstab(true[own.index], predicted[own.index], normalize="index")
        .reindex(index=classes, columns=classes)
        .to_numpy(dtype=float)
        for _, own in known.groupby("subject")
    ]
    # A class that a person never showed says nothing of that person; one never called is 0 of those shown.
    shown = [np.where(np.isnan(e).all(axis=1, keepdims=True), np.nan, np.nan_to_num(e)) for e in each]
    stacked = np.stack(shown)
    n = (~np.isnan(stacked)).sum(axis=0)
    share = np.nan_to_num(stacked).sum(axis=0) / np.maximum(n, 1)
    side = 0.75 + 0.42 * len(classes)
    fig = Figure(figsize=(_WIDTH, side + 0.5), layout="constrained")
    ax = bare_axes(fig.add_subplot())
    # Not the palette's own: a page in dark colours changes those, and the words on them would no longer be read.
    shades = LinearSegmentedColormap.from_list("shades", ["#e2e7ef", "#106c90"])
    for i in range(len(classes)):
        for j in range(len(classes)):
            ax.add_patch(_square(j, i, shades(share[i, j])))
            dark = share[i, j] > 0.55
            ax.text(j, i, f"{share[i, j]:.0%}", ha="center", va="center", fontsize=_SIZE,
                    color="#ffffff" if dark else "#10151d")  # fmt: skip
    ax.set_xlim(-0.5, len(classes) - 0.5)
    ax.set_ylim(len(classes) - 0.5, -0.5)
    ax.set_xticks(range(len(classes)), classes)
    ax.set_yticks(range(len(classes)), classes)
    ax.set_xlabel("predicted", color=PALETTE["ink"], fontsize=_SIZE)
    ax.set_ylabel("true", color=PALETTE["ink"], fontsize=_SIZE)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
    return fig


def _square(x: float, y: float, colour: Any) -> Any:
    from matplotlib.colors import to_hex
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=to_hex(colour), linewidth=0)


def reliability(table: pd.DataFrame, n_bins: int = 10) -> pd.DataFrame:
    """Say how often a model was right that was so sure.

    Parameters
    ----------
    table : pandas.DataFrame
        From `affectbio.evaluation.predictions`, of one variant, with probabilities.
    n_bins : int
        Bins of equal width.

    Returns
    -------
    pandas.DataFrame
        ``sure, right, n_windows`` of each bin that holds a window: mean probability of the class chosen, and the share
        of windows where it was the true one. Windows of all people together.

    Raises
    ------
    DataError
        If there are no probabilities.
    """
    import pandas as pd

    if (table["scores_are"].fillna("") != "probability").all():
        raise DataError("these predictions come without probabilities; nothing to hold against what was true")
    known = table[table["true"].notna() & table["predicted"].notna() & (table["scores_are"] == "probability")]
    columns = [c for c in known.columns if str(c).startswith("score_") and known[c].notna().any()]
    scores = known[columns].to_numpy(dtype=float)
    sure = np.nanmax(scores, axis=1)
    chosen = np.asarray([c.removeprefix("score_") for c in columns])[np.nanargmax(scores, axis=1)]
    right = chosen == known["true"].astype(str).to_numpy()
    at = np.clip((sure * n_bins).astype(int), 0, n_bins - 1)
    made = pd.DataFrame({"bin": at, "sure": sure, "right": right}).groupby("bin")
    return made.agg(sure=("sure", "mean"), right=("right", "mean"), n_windows=("right", "size")).reset_index(drop=True)


def plot_calibration(table: pd.DataFrame) -> Figure:
    """Show how often a model was right against how sure it was.

    Parameters
    ----------
    table : pandas.DataFrame
        As for `reliability`.

    Returns
    -------
    matplotlib.figure.Figure
        5.8 inches wide; on the dashed line a model is as often right as it says. Area of a point: its windows.

    Raises
    ------
    DataError
        If there are no probabilities.
    """
    from matplotlib.figure import Figure

    found = reliability(table)
    fig = Figure(figsize=(_WIDTH, 3.2), layout="constrained")
    ax = bare_axes(fig.add_subplot())
    ax.plot([0, 1], [0, 1], color=PALETTE["muted"], linewidth=0.9, linestyle=(0, (4, 3)))
    ax.plot(found["sure"], found["right"], color=PALETTE["accent"], linewidth=1.6)
    size = 12 + 140 * found["n_windows"] / found["n_windows"].sum()
    ax.scatter(found["sure"], found["right"], s=size, color=PALETTE["accent"], zorder=3)
    low = min(found["sure"].min(), found["right"].min())
    ax.set_xlim(max(0.0, float(found["sure"].min()) - 0.04), 1.02)
    ax.set_ylim(max(0.0, float(low) - 0.06), 1.04)
    ax.set_xlabel("how sure the model is", color=PALETTE["ink"], fontsize=_SIZE)
    ax.set_ylabel("share that is right", color=PALETTE["ink"], fontsize=_SIZE)
    return fig


def plot_learning_curve(curves: dict[str, pd.DataFrame], chance: float, metric: str = "balanced accuracy") -> Figure:
    """Show the score over the number of people learnt from.

    Parameters
    ----------
    curves : dict of str to pandas.DataFrame
        By variant, from `affectbio.evaluation.learning.learning_curve`.
    chance : float
        What knowing nothing gives.
    metric : str
        What the values are.

    Returns
    -------
    matplotlib.figure.Figure
        5.8 inches wide; means over people, with bars of one standard error over people.

    Raises
    ------
    DataError
        If there is no curve.
    """
    from matplotlib.figure import Figure

    if not curves:
        raise DataError("no learning curve to show")
    fig = Figure(figsize=(_WIDTH, 3.2), layout="constrained")
    ax = bare_axes(fig.add_subplot())
    ax.axhline(chance, color=PALETTE["muted"], linewidth=0.9, linestyle=(0, (4, 3)))
    styles = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1, 1, 1))]
    sizes: set[int] = set()
    for k, (name, curve) in enumerate(curves.items()):
        own = curve.dropna(subset=["value"]).groupby("n_people")["value"]
        mean, error = own.mean(), own.sem()
        sizes |= set(mean.index)
        # Bars of several curves stand side by side.
        at = mean.index.to_numpy(dtype=float) * (1 + 0.012 * k)
        ax.errorbar(at, mean, yerr=error, color=PALETTE["accent"], linestyle=styles[k % 4], linewidth=1.5, marker="o",
                    markersize=3.5, elinewidth=0.9)  # fmt: skip
        ax.text(at[-1] * 1.05, mean.iloc[-1], name, va="center", color=PALETTE["ink"], fontsize=_SIZE - 1)
    ax.set_xscale("log", base=2)
    ax.set_xticks(sorted(sizes), [str(s) for s in sorted(sizes)])
    ax.minorticks_off()
    ax.set_xlim(min(sizes) * 0.9, max(sizes) * 1.9)
    ax.set_xlabel("people learnt from", color=PALETTE["ink"], fontsize=_SIZE)
    ax.set_ylabel(metric, color=PALETTE["ink"], fontsize=_SIZE)
    return fig
