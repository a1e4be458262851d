"""The live loop: chunks of a stream in, features by the kernels of training, estimates out.

It is a generator, so that whoever shows or sends the estimates sets the pace and ends it; the state it holds does not
grow with the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from affectbio.adapt import RestBaselineStream
from affectbio.kernels.entropy import DifferentialEntropyStream
from affectbio.kernels.ring import Ring
from affectbio.preprocess import ChannelQuality, channel_quality
from affectbio.training import PeopleModel
from affectbio.types import Affect

__all__ = ["Source", "Update", "run_loop"]


class Source(Protocol):
    """What the loop reads from; `affectbio.acquire.Inlet` is one."""

    @property
    def state(self) -> str: ...  # noqa: D102
    def pull(self, timeout_s: float) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Update:
    """What the loop knows at one moment.

    Attributes
    ----------
    state : str
        Of the stream: ``connecting``, ``streaming``, ``silent``, ``lost``.
    n_samples, n_lost : int
        Samples that came, and samples that are missing among them.
    time : float
        Stamp of the last sample that came in seconds on the LSL clock; NaN before the first.
    quality : tuple of ChannelQuality
        Per channel, over the last window; empty before the first.
    features : ndarray, shape (n_chans, n_bands), or None
        Of the last window, before adaptation; None if this update brings no new window.
    calibration : float
        Share of the rest baseline that is done, 0 to 1.
    affect : Affect or None
        The estimate; None while calibrating, and where samples were lost or a channel is flat.
    """

    state: str
    n_samples: int
    n_lost: int
    time: float
    quality: tuple[ChannelQuality, ...]
    features: npt.NDArray[np.float64] | None
    calibration: float
    affect: Affect | None


def run_loop(
    source: Source,
    front: DifferentialEntropyStream,
    baseline: RestBaselineStream,
    model: PeopleModel,
    *,
    clock: Callable[[], float],
    wall_time: Callable[[float], float] = lambda stamp: stamp,
    timeout_s: float = 0.2,
) -> Iterator[Update]:
    """Read a stream and estimate, until whoever iterates stops.

    Parameters
    ----------
    source : Source
        Gives chunks with ``data`` of shape (n_chans, n_new) in volts on a regular clock, NaN where samples were lost,
        ``stamps`` in seconds on the LSL clock, and ``lost``.
    front : DifferentialEntropyStream
        The features the model was trained on.
    baseline : RestBaselineStream
        The person's rest, with which the session begins.
    model : PeopleModel
        From `affectbio.training.fit_across_people`.
    clock : callable
        The LSL clock: ``pylsl.local_clock``.
    wall_time : callable
        From a stamp to the moment of that clock at which the sample was taken; differs from the stamp only where a
        recording is replayed faster than it was made.
    timeout_s : float
        How long to wait for a chunk before saying that none came.

    Yields
    ------
    Update
        One per window, and one whenever nothing came for ``timeout_s``.

    Notes
    -----
    Cost is linear in samples; per window one evaluation of the model and its left-out twins.
    """
    recent = Ring(front.n_chans, front.window)
    n_samples = n_lost = 0
    time = float("nan")
    quality: tuple[ChannelQuality, ...] = ()
    while True:
        chunk = source.pull(timeout_s)
        if chunk is None:
            yield Update(source.state, n_samples, n_lost, time, quality, None, baseline.progress, None)
            continue
        windows = front.push(chunk.data)
        before, n_samples = n_samples, n_samples + chunk.data.shape[1]
        n_lost += chunk.lost
        recent.push(chunk.data)
        time = float(chunk.stamps[-1])
        if windows.shape[1]:
            quality = tuple(channel_quality(recent.last()))
        # A window ends in the chunk that completes it: count back from the last one that ends at or before this sample.
        last = front.window - 1 + (n_samples - front.window) // front.step * front.step
        for w in range(windows.shape[1]):
            stamp = float(chunk.stamps[last - (windows.shape[1] - 1 - w) * front.step - before])
            relative = baseline.push(windows[:, w])
            affect = None
            if relative is not None and np.isfinite(relative).all():
                scores = model.scores(relative)
                usable = sum(q.usable for q in quality) / len(quality)
                affect = Affect(stamp, scores, usable, clock() - wall_time(stamp))
            yield Update(source.state, n_samples, n_lost, stamp, quality, windows[:, w], baseline.progress, affect)
