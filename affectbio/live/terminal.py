"""The live view of a terminal: quality and bands per channel, the estimate with its interval, latency and losses."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from affectbio.live.loop import Update
from affectbio.types import Score

__all__ = ["LiveView"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 40
_RECENT = 2000


class LiveView:
    """What has been seen of a stream so far, as something rich can draw.

    Parameters
    ----------
    ch_names, band_names : sequence of str
        Of the stream and of its features.
    shown : str
        Which class the bar shows.

    Examples
    --------
    >>> view = LiveView(["C3"], ["alpha"], shown="arithmetic")
    >>> view.update(Update("connecting", 0, 0, float("nan"), (), None, 0.0, None))
    >>> view.latency_ms()
    (nan, nan)
    """

    def __init__(self, ch_names: Sequence[str], band_names: Sequence[str], shown: str) -> None:
        self.ch_names, self.band_names, self.shown = tuple(ch_names), tuple(band_names), shown
        self._latencies: deque[float] = deque(maxlen=_RECENT)
        self._update: Update | None = None
        self._entropy: npt.NDArray[np.float64] | None = None
        self._score: Score | None = None
        # Range of each band so far, so that a bar shows where the entropy stands within what this person shows.
        self._low = np.full(len(band_names), np.inf)
        self._high = np.full(len(band_names), -np.inf)

    def update(self, update: Update) -> None:
        """Take in what the loop knows.

        Parameters
        ----------
        update : Update
            From `affectbio.live.run_loop`.
        """
        self._update = update
        if update.features is not None and np.isfinite(update.features).all():
            self._entropy = update.features
            self._low = np.minimum(self._low, update.features.min(axis=0))
            self._high = np.maximum(self._high, update.features.max(axis=0))
        if update.affect is not None:
            self._score = update.affect.scores[self.shown]
            self._latencies.append(1e3 * update.affect.latency)

    def latency_ms(self) -> tuple[float, float]:
        """Give the median and the 99th percentile of the latest latencies in milliseconds; NaN before the first."""
        if not self._latencies:
            return float("nan"), float("nan")
        p50, p99 = np.percentile(self._latencies, [50, 99])
        return float(p50), float(p99)

    def __rich__(self) -> RenderableType:
        if self._update is None:
            return Panel("waiting for the stream", title="live")
        return Panel(
            Group(self._channels(self._update), Text(), self._estimate(self._update), self._health(self._update)),
            title="live",
            expand=False,
        )

    def _channels(self, update: Update) -> Table:
        table = Table(box=None, padding=(0, 1), title="differential entropy, nats", title_justify="right")
        table.add_column("channel")
        table.add_column("signal", width=6)
        for band in self.band_names:
            table.add_column(band, justify="right")
        quality = update.quality
        for c, name in enumerate(self.ch_names):
            word = quality[c].word if quality else "-"
            style = "green" if quality and quality[c].usable else "red" if quality else "dim"
            table.add_row(name, Text(word, style), *(self._cell(c, b) for b in range(len(self.band_names))))
        return table

    def _cell(self, channel: int, band: int) -> str:
        if self._entropy is None:
            return "-"
        value, span = self._entropy[channel, band], self._high[band] - self._low[band]
        level = int((value - self._low[band]) / span * (len(_BLOCKS) - 1)) if span > 0 else 0
        return f"{value:7.2f} {_BLOCKS[level]}"

    def _estimate(self, update: Update) -> Text:
        if update.calibration < 1:
            done = int(update.calibration * _WIDTH)
            return Text.assemble("resting baseline  ", ("█" * done, "cyan"), ("░" * (_WIDTH - done), "dim"))
        if self._score is None:
            return Text("no estimate yet")
        edge = [round(p * (_WIDTH - 1)) for p in self._score]
        bar = ["·"] * _WIDTH
        bar[edge[1] : edge[2] + 1] = "─" * (edge[2] - edge[1] + 1)
        bar[edge[0]] = "●"
        numbers = f" {self._score.value:.2f} [{self._score.low:.2f}, {self._score.high:.2f}]"
        return Text.assemble(f"p({self.shown})  ", ("".join(bar), "bold"), numbers)

    def _health(self, update: Update) -> Text:
        p50, p99 = self.latency_ms()
        style = {"streaming": "green", "lost": "bold red"}.get(update.state, "yellow")
        return Text.assemble(
            "stream ", (update.state, style), f"   samples {update.n_samples}, lost {update.n_lost}\n",
            f"stamp to estimate  p50 {p50:.1f} ms, p99 {p99:.1f} ms",
        )  # fmt: skip
