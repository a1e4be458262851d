"""One live estimate and the interval it lies in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Affect", "Score"]


class Score(NamedTuple):
    """An estimate and the interval it lies in."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Affect:
    """One live estimate; never a bare label.

    Parameters
    ----------
    time : float
        Stamp of the last sample that went into it, in seconds on the LSL clock.
    scores : mapping of str to Score
        Estimates by name, each with its interval: ``{"arithmetic": Score(0.7, 0.5, 0.9)}``.
    quality : float
        Share of channels with a usable signal, 0 to 1.
    latency : float
        From that stamp to the moment of the estimate, in seconds.
    """

    time: float
    scores: Mapping[str, Score]
    quality: float
    latency: float
