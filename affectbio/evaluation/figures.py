"""The figures of a report: people and their mean, heads, and the live estimate over time.

Every function makes its own `matplotlib.figure.Figure`: pyplot is not imported, no window opens, no setting changes.
Colours are those of `PALETTE`, which a report replaces by colours that follow the reader's light or dark theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.types import Channel

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PALETTE", "bare_axes", "plot_live", "plot_pattern", "plot_people"]

#: Colours by role.
PALETTE = {
    "ink": "#1c2431",
    "muted": "#5d6778",
    "rule": "#d5dae2",
    "band": "#e1e6ee",
    "accent": "#0f6b8f",
    "leak": "#b8430f",
}

# 5.8 inches is as wide as letters of this size can be shown on a phone and still be read.
_WIDTH, _SIZE = 5.8, 9.0

# Centre and radius in metres of the head that is drawn, fitted by least squares so that Fpz, Oz, T7 and T8 lie on its
# outline. MNE's default is centred between the ears, too far back: Fp1 would stand off the head.
_HEAD = (0.0, 0.0309, 0.0701, 0.1201)


def plot_people(results: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Show every person as a point, the mean over people with its interval, and what chance would give.

    Parameters
    ----------
    results : pandas.DataFrame
        From `evaluate`, concatenated over variants.
    summary : pandas.DataFrame
        From `summarise` of the same results; one strip per row, in that order.

    Returns
    -------
    matplotlib.figure.Figure
        5.8 inches wide. The grey band is the range of the null, the dashed line chance. A row that leaks is in another
        colour, its people are hollow, and it says what leaks.

    Raises
    ------
    DataError
        If a row of the summary has no people in the results.
    """
    from matplotlib.figure import Figure

    # Heights in lines of text: two or three lines of words above each strip.
    heights = [4.6 + bool(row["leaks"]) for _, row in summary.iterrows()]
    fig = Figure(figsize=(_WIDTH, 0.165 * sum(heights) + 0.6), layout="constrained")
    ax = bare_axes(fig.add_subplot())
    ax.set_ylim(sum(heights), 0)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    for top, (_, row) in zip(np.cumsum([0, *heights]), summary.iterrows(), strict=False):
        keys = [k for k in ("variant", "protocol", "target_access", "metric", "level") if k in summary.columns]
        same = np.logical_and.reduce([results[k] == row[k] for k in keys])
        if not same.any():
            raise DataError(f"the summary has {row['variant']!r} under {row['protocol']!r}, the results have not")
        # Who could not be scored has no point; the summary counts them.
        _people_strip(ax, row, results.loc[same, "value"].dropna().to_numpy(dtype=float), float(top))
    low = float(np.nanmin([results["value"].min(), *summary[["null_low", "low", "chance"]].min()]))
    ax.set_xlim(max(0.0, np.floor(low * 10) / 10) - 0.015, 1.015)
    metric = str(summary["metric"].iloc[0]).replace("_", " ")
    ax.set_xlabel(f"{metric} of one person", color=PALETTE["ink"], fontsize=_SIZE)
    return fig


def _people_strip(ax: Axes, row: pd.Series[Any], values: npt.NDArray[np.float64], top: float) -> None:
    colour = PALETTE["leak"] if row["leaks"] else PALETTE["accent"]
    words = ax.get_yaxis_transform()
    left: dict[str, Any] = {"transform": words, "fontsize": _SIZE, "va": "baseline"}
    ax.text(0, top + 1.0, row["variant"], color=PALETTE["ink"], weight="bold", **left)
    ax.text(0, top + 2.0, f"{row['protocol']} · target access: {row['target_access']}", color=PALETTE["muted"], **left)
    if row["leaks"]:
        ax.text(0, top + 3.0, f"the same {row['leaks']} in training and test", color=colour, **left)
    right = {**left, "ha": "right"}
    ax.text(
        1, top + 1.0, f"{row['mean']:.2f}  [{row['low']:.2f}, {row['high']:.2f}]", color=colour, weight="bold", **right
    )
    p = f"p = {row['p']:.2g}" if row["p"] == row["p"] else "no control"
    ax.text(1, top + 2.0, f"{row['n_people']} people · {p}", color=PALETTE["muted"], **right)
    middle = top + 3.25 + bool(row["leaks"])
    if row["null_high"] == row["null_high"]:  # there may be no control
        ax.barh(middle, row["null_high"] - row["null_low"], 1.5, row["null_low"], color=PALETTE["band"], zorder=0)
    ax.plot(
        [row["chance"]] * 2,
        [middle - 0.95, middle + 0.95],
        color=PALETTE["muted"],
        linewidth=0.9,
        linestyle=(0, (3, 2)),
    )
    # A golden-ratio sequence spreads neighbours in value apart, the same way every time.
    spread = (np.arange(len(values)) * 0.618034) % 1 - 0.5
    ax.scatter(
        np.sort(values),
        middle + 0.9 * spread,
        s=16,
        facecolors="none" if row["leaks"] else colour,
        edgecolors=colour,
        linewidths=0.9 if row["leaks"] else 0,
        alpha=0.9 if row["leaks"] else 0.5,
        zorder=3,
    )
    ax.plot(
        [row["low"], row["high"]],
        [middle, middle],
        color=PALETTE["ink"],
        linewidth=1.6,
        solid_capstyle="butt",
        zorder=4,
    )
    ax.plot([row["mean"]] * 2, [middle - 0.7, middle + 0.7], color=PALETTE["ink"], linewidth=2.4, zorder=4)


def plot_pattern(pattern: npt.NDArray[Any], channels: Sequence[Channel], band_names: Sequence[str]) -> Figure:
    """Show a pattern over the scalp, one head per band on one colour scale.

    Parameters
    ----------
    pattern : ndarray, shape (n_chans, n_bands)
        For example from `haufe_pattern`.
    channels : sequence of Channel
        EEG channels with positions.
    band_names : sequence of str
        One per band.

    Returns
    -------
    matplotlib.figure.Figure
        5.8 inches wide, seen from above, nose up.

    Raises
    ------
    DataError
        If shapes do not fit, or a channel has no position.
    """
    import mne
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    if pattern.shape != (len(channels), len(band_names)):
        raise DataError(
            f"a pattern of shape {pattern.shape} does not fit {len(channels)} channels and {len(band_names)} bands"
        )
    positions = {c.name: np.asarray(c.position) for c in channels if c.position is not None}
    if len(positions) != len(channels):
        absent = next(c.name for c in channels if c.position is None)
        raise DataError(f"channel {absent!r} has no position; expected EEG channels only")
    info = mne.create_info([c.name for c in channels], 1.0, "eeg", verbose="error")
    info.set_montage(mne.channels.make_dig_montage(positions, coord_frame="head"), verbose="error")
    n_columns = min(3, len(band_names))
    n_rows = -(-len(band_names) // n_columns)
    fig = Figure(figsize=(_WIDTH, 1.95 * n_rows + 0.55), layout="constrained")
    heads = list(fig.subplots(n_rows, n_columns, squeeze=False).flat)
    limit = float(np.abs(pattern).max()) or 1.0
    for ax, name, values in zip(heads, band_names, pattern.T, strict=False):
        mne.viz.plot_topomap(
            values, info, axes=ax, show=False, cmap="RdBu_r", vlim=(-limit, limit), contours=4,
            names=[c.name for c in channels], sensors=" ", sphere=_HEAD, extrapolate="head",
        )  # fmt: skip
        # MNE paints well beyond the outline; electrodes of the rim lie up to 6 % outside it.
        rim = Circle(_HEAD[:2], 1.08 * _HEAD[3], transform=ax.transData)
        for painted in (*ax.images, *ax.collections):
            painted.set_clip_path(rim)
        ax.set_xlim(-1.2 * _HEAD[3], 1.2 * _HEAD[3])
        ax.set_ylim(_HEAD[1] - 1.15 * _HEAD[3], _HEAD[1] + 1.2 * _HEAD[3])
        for text in ax.texts:
            text.set(fontsize=6, color="black")
        ax.set_title(name, color=PALETTE["ink"], fontsize=_SIZE, weight="bold")
        for line in ax.lines:
            line.set_color(PALETTE["ink"])
    for ax in heads[len(band_names) :]:
        ax.set_axis_off()
    scale = ScalarMappable(Normalize(-limit, limit), "RdBu_r")
    bar = fig.colorbar(scale, ax=heads, orientation="horizontal", shrink=0.45, aspect=28, pad=0.03)
    bar.ax.tick_params(labelsize=_SIZE - 1, color=PALETTE["rule"], labelcolor=PALETTE["muted"])
    bar.outline.set_visible(False)
    bar.set_label("change of the feature per unit of the estimate", color=PALETTE["ink"], fontsize=_SIZE)
    return fig


def plot_live(table: pd.DataFrame, truth: pd.DataFrame, *, positive: str, label: str = "estimate") -> Figure:
    """Show a live estimate with its interval against what was really going on, its quality and its latency.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per estimate: ``time_s`` from the start, ``score, low, high`` from 0 to 1, ``quality`` from 0 to 1,
        ``latency_ms``.
    truth : pandas.DataFrame
        BIDS events: ``onset, duration`` in seconds on the same clock, ``trial_type``.
    positive : str
        The ``trial_type`` that a high score stands for; its segments are shaded.
    label : str
        What is estimated.

    Returns
    -------
    matplotlib.figure.Figure
        5.8 inches wide: estimate, quality and latency over one time axis.

    Raises
    ------
    DataError
        If a column is missing or there is no estimate.
    """
    from matplotlib.figure import Figure

    absent = {"time_s", "score", "low", "high", "quality", "latency_ms"} - set(table.columns)
    if absent or not len(table):
        raise DataError(f"a live table needs at least one row and the columns {', '.join(sorted(absent)) or 'it has'}")
    time = table["time_s"].to_numpy(dtype=float)
    fig = Figure(figsize=(_WIDTH, 3.9), layout="constrained")
    estimate, quality, latency = (bare_axes(ax) for ax in fig.subplots(3, 1, sharex=True, height_ratios=[4, 1, 1]))
    for ax in (estimate, quality, latency):
        for _, event in truth[truth["trial_type"] == positive].iterrows():
            ax.axvspan(event["onset"], event["onset"] + event["duration"], color=PALETTE["band"], linewidth=0, zorder=0)
    for _, event in truth.iterrows():
        estimate.text(
            event["onset"] + event["duration"] / 2, 1.03, event["trial_type"],
            ha="center", color=PALETTE["muted"], fontsize=_SIZE - 1,
        )  # fmt: skip
    estimate.axhline(0.5, color=PALETTE["muted"], linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    estimate.fill_between(time, table["low"], table["high"], color=PALETTE["accent"], alpha=0.22, linewidth=0, zorder=2)
    estimate.plot(time, table["score"], color=PALETTE["accent"], linewidth=1.6, zorder=3)
    quality.plot(time, table["quality"], color=PALETTE["ink"], linewidth=1.2, zorder=3)
    latency.plot(time, table["latency_ms"], color=PALETTE["ink"], linewidth=0, marker=".", markersize=2.5, zorder=3)
    estimate.set_ylim(-0.02, 1.02)
    quality.set_ylim(-0.08, 1.08)
    latency.set_ylim(0, 1.15 * max(float(table["latency_ms"].max()), 1.0))
    latency.set_xlim(0, max(float(time[-1]), float((truth["onset"] + truth["duration"]).max()) if len(truth) else 0.0))
    for ax, name in ((estimate, label), (quality, "quality"), (latency, "latency\n(ms)")):
        ax.set_ylabel(name, color=PALETTE["ink"], fontsize=_SIZE)
    latency.set_xlabel("time (s)", color=PALETTE["ink"], fontsize=_SIZE)
    return fig


def bare_axes(ax: Axes) -> Axes:
    """Leave of the frame only what carries a scale.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Changed in place.

    Returns
    -------
    matplotlib.axes.Axes
        The same.
    """
    ax.set_facecolor("none")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(PALETTE["rule"])
    ax.tick_params(labelsize=_SIZE - 1, color=PALETTE["rule"], labelcolor=PALETTE["muted"])
    return ax
