"""Receives a stream over LSL on a regular grid: what was lost is NaN in its place, and a stream that stops says so."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from affectbio.acquire._liblsl import load_pylsl, no_answer
from affectbio.acquire.spec import StreamSpec
from affectbio.errors import StreamError, StreamLostError, StreamNotFoundError
from affectbio.xdf.grid import SampleGrid

__all__ = ["Chunk", "Inlet", "Watchdog", "find_stream", "not_connected"]

StreamState = Literal["connecting", "streaming", "silent", "lost"]

# Stamps taken on arrival come in bursts; a device that makes its own says so with can_drop_samples.
_ARRIVAL_JITTER_S = 1.0
# Longer than any window: what comes after it shares no window with what came before.
_LONGEST_FILL_S = 60.0
_LOOK_EVERY_S = 0.01
# Without a source_id a second stream may fit as well; it has this long to answer.
_SECOND_ANSWER_S = 0.25


def find_stream(
    name: str | None = None, source_id: str | None = None, lsl_type: str | None = None, timeout_s: float = 5.0
) -> Any:
    """Find one stream on the network.

    Parameters
    ----------
    name, source_id, lsl_type : str, optional
        What it must be; None is anything.
    timeout_s : float
        How long to look, in seconds.

    Returns
    -------
    pylsl.StreamInfo
        For `Inlet` and `Recorder`. Without its description, which only an inlet can fetch.

    Raises
    ------
    StreamNotFoundError
        If there is none; the message lists what is there.
    StreamError
        If several different ones answer.
    """
    wanted = {k: v for k, v in (("name", name), ("source_id", source_id), ("type", lsl_type)) if v is not None}
    # Not liblsl's one-shot search, which waits up to 5 s longer than asked for a stream that is not there.
    resolver = load_pylsl().ContinuousResolver()
    deadline = time.monotonic() + timeout_s
    while not (found := _matching(resolver.results(), wanted)) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    asked = ", ".join(f"{key} {value!r}" for key, value in wanted.items()) or "any name"
    if not found:
        raise StreamNotFoundError(
            f"no stream with {asked} answered within {timeout_s:g} s; on the network: "
            f"{_listed(resolver.results()) or 'no stream'}"
        )
    if source_id is None:
        time.sleep(_SECOND_ANSWER_S)
        found = _matching(resolver.results(), wanted) or found
    if len({(info.name(), info.source_id()) for info in found}) > 1:
        raise StreamError(f"{len(found)} streams have {asked}: {_listed(found)}; give the source_id of one")
    # A program that was killed and started again may answer twice for a moment.
    return max(found, key=lambda info: info.created_at())


class Watchdog:
    """Tells from the time since the last sample whether a stream is alive.

    Parameters
    ----------
    sfreq : float
        Nominal rate in Hz; 0 for markers, which are never missed.

    Notes
    -----
    Silent after 0.5 s and lost after 1.5 s, or after 3 and 9 samples of a slower stream. liblsl reconnects by itself
    and raises nothing when a sender vanishes, so silence is all there is to go by.
    """

    def __init__(self, sfreq: float) -> None:
        self._irregular = sfreq == 0
        self._silent_s = 0.5 if self._irregular else max(0.5, 3 / sfreq)
        self._last: float | None = None

    def seen(self) -> None:
        """Note that samples came just now."""
        self._last = time.monotonic()

    @property
    def state(self) -> StreamState:
        """Where the stream stands: ``"connecting"`` until the first sample."""
        if self._last is None:
            return "connecting"
        idle = time.monotonic() - self._last
        if self._irregular or idle < self._silent_s:
            return "streaming"
        return "silent" if idle < 3 * self._silent_s else "lost"


class Chunk(NamedTuple):
    """What came since the last time, on the stream's grid.

    Attributes
    ----------
    data : ndarray, shape (n_chans, n_times)
        In SI units, float64; NaN where samples were lost.
    stamps : ndarray, shape (n_times,)
        In seconds on this machine's LSL clock; those of lost samples lie evenly between their neighbours'.
    lost : int
        Samples lost since the last chunk.
    """

    data: npt.NDArray[np.float64]
    stamps: npt.NDArray[np.float64]
    lost: int


class Inlet:
    """A stream being read; use it in a ``with`` block.

    Stamps are brought to this machine's clock and kept ascending by liblsl. Its smoothing is not used: with 0.5 % of
    the packets lost it moved right stamps by up to 196 ms, since it counts what arrives. A sender that comes back with
    the same source_id is picked up again, and the time it was away becomes NaN, at most the last 60 s of it: the only
    place where stamps jump.

    Parameters
    ----------
    info : pylsl.StreamInfo
        From `find_stream`.
    timeout_s : float
        How long connecting may take, in seconds.
    units : mapping of str to str, optional
        Units by stream type or name, such as ``{"EEG": "uV"}``, for streams that do not state theirs.

    Attributes
    ----------
    spec : StreamSpec
        What the stream carries.
    n_lost : int
        Samples lost so far.

    Raises
    ------
    StreamLostError
        If it is gone before it could be read.
    DataError
        If it is not a regular stream of numbers, or a channel has no usable unit.
    """

    def __init__(self, info: Any, *, timeout_s: float = 5.0, units: Mapping[str, str] | None = None) -> None:
        self._pylsl, self._info = load_pylsl(), info
        flags = self._pylsl.proc_clocksync | self._pylsl.proc_monotonize
        self._inlet: Any = self._pylsl.StreamInlet(info, recover=True, processing_flags=flags)
        self._timeout_s = timeout_s
        try:
            self.spec = StreamSpec.from_info(self._inlet.info(timeout_s), units)
        except no_answer() as error:
            raise not_connected(info, timeout_s) from error
        self._scales = self.spec.scales
        self._grid = SampleGrid(self.spec.sfreq, 0.0 if self.spec.can_drop else _ARRIVAL_JITTER_S)
        self._watchdog = Watchdog(self.spec.sfreq)
        self._last_slot, self._last_stamp = -1, 0.0

    def __enter__(self) -> Self:
        try:
            self._inlet.open_stream(self._timeout_s)
        except no_answer() as error:
            raise not_connected(self._info, self._timeout_s) from error
        return self

    def __exit__(self, *exc: object) -> None:
        self._inlet.close_stream()

    @property
    def state(self) -> StreamState:
        """Where the stream stands: ``"connecting"``, ``"streaming"``, ``"silent"`` or ``"lost"``; see `Watchdog`."""
        return self._watchdog.state

    @property
    def n_lost(self) -> int:
        """Samples lost so far."""
        return self._grid.n_lost

    def time_correction(self, timeout_s: float = 2.0) -> float:
        """Give what is being added to the sender's stamps, in seconds.

        Parameters
        ----------
        timeout_s : float
            How long the first measurement may take.

        Returns
        -------
        float
            Offset of this machine's clock to the sender's.

        Raises
        ------
        StreamLostError
            If the sender does not answer.
        """
        try:
            return float(self._inlet.time_correction(timeout_s))
        except no_answer() as error:
            raise StreamLostError(
                f"stream {self.spec.name!r} did not answer within {timeout_s:g} s about its clock"
            ) from error

    def pull(self, timeout_s: float) -> Chunk | None:
        """Wait for samples and take all that are there.

        Parameters
        ----------
        timeout_s : float
            How long to wait for the first, in seconds.

        Returns
        -------
        Chunk or None
            None if nothing came; `state` says how long that has been so.
        """
        values, stamps = self._inlet.pull_chunk(timeout=timeout_s, min_samples=1, as_numpy=True)
        if not len(stamps):
            return None
        self._watchdog.seen()
        return self._on_grid(values.T * self._scales[:, np.newaxis], stamps)

    def _on_grid(self, data: npt.NDArray[np.float64], stamps: npt.NDArray[np.float64]) -> Chunk:
        before = self._grid.n_lost
        slots = self._grid.place(stamps)
        lost = self._grid.n_lost - before
        known_slots, known_stamps = slots, stamps
        if self._last_slot >= 0:
            known_slots, known_stamps = np.append(self._last_slot, slots), np.append(self._last_stamp, stamps)
        self._last_slot, self._last_stamp = int(slots[-1]), float(stamps[-1])
        if not lost:
            return Chunk(data, stamps, 0)
        every_slot = _filled(known_slots, round(_LONGEST_FILL_S * self.spec.sfreq))[len(known_slots) - len(slots) :]
        filled = np.full((len(data), len(every_slot)), np.nan)
        filled[:, np.searchsorted(every_slot, slots)] = data
        return Chunk(filled, np.interp(every_slot, known_slots, known_stamps), lost)


def _filled(slots: npt.NDArray[np.int64], longest: int) -> npt.NDArray[np.int64]:
    """Put the missing slots between those that came, of each gap at most the last ``longest``."""
    starts = np.maximum(slots[:-1] + 1, slots[1:] - longest)
    runs = [np.arange(start, stop + 1) for start, stop in zip(starts, slots[1:], strict=True)]
    return np.concatenate([slots[:1], *runs])


def _matching(infos: list[Any], wanted: Mapping[str, str]) -> list[Any]:
    return [info for info in infos if all(getattr(info, key)() == value for key, value in wanted.items())]


def _listed(infos: list[Any]) -> str:
    return "; ".join(sorted(f"{i.name()!r} ({i.type()}, source_id {i.source_id()!r})" for i in infos))


def not_connected(info: Any, timeout_s: float) -> StreamLostError:
    """Make the error for a stream that was found and is gone before it could be read."""
    return StreamLostError(
        f"stream {info.name()!r} (source_id {info.source_id()!r}) was found but did not connect within {timeout_s:g} "
        f"s; is it still running?"
    )
