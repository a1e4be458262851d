"""Channels, and one modality of them on one regular clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.montage import electrode_position
from affectbio.registry import unknown_name
from affectbio.units import KINDS

__all__ = ["Channel", "Signal"]


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: what it measures, in which unit, and for EEG where.

    Parameters
    ----------
    name : str
        For EEG a 10-05 name, unless ``position`` is given.
    kind : str
        One of `affectbio.units.KINDS`, MNE's words: ``"eeg"``, ``"ecg"``, ``"gsr"``.
    unit : str
        SI unit; empty means the one of the kind. A channel of kind ``"misc"`` may have any.
    position : tuple of float, optional
        x, y, z of an EEG electrode in metres, in MNE's head frame. Looked up from the name if not given.

    Raises
    ------
    DataError
        If the kind is unknown, the unit is not the SI unit of the kind, or an EEG channel has no position.

    Examples
    --------
    >>> Channel("Cz").unit
    'V'
    """

    name: str
    kind: str = "eeg"
    unit: str = ""
    position: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(f"channel {self.name!r}: {unknown_name('kind of channel', self.kind, KINDS)}")
        if not self.unit:
            object.__setattr__(self, "unit", KINDS[self.kind])
        allowed = set(KINDS.values()) if self.kind == "misc" else {KINDS[self.kind]}
        if self.unit not in allowed:
            raise DataError(
                f"channel {self.name!r} of kind {self.kind!r} has unit {self.unit!r}; expected the SI unit "
                f"{KINDS[self.kind]!r}: scale the data with affectbio.units.si_unit"
            )
        if self.kind == "eeg" and self.position is None:
            position = electrode_position(self.name)
            if position is None:
                raise DataError(
                    f"EEG channel {self.name!r} has no position and its name is not one of the 10-05 system; "
                    f"rename it, give its position, or give it the kind 'misc'"
                )
            object.__setattr__(self, "position", position)


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """One modality on one regular clock.

    Parameters
    ----------
    data : ndarray, shape (n_chans, n_times)
        Samples in the SI units of the channels. NaN marks a sample that was lost; it is never filled in silently.
        Held as a read-only view, not copied.
    sfreq : float
        Sampling rate in Hz.
    channels : sequence of Channel
        One per row of ``data``, with names that differ.
    start : float
        Time of the first sample on the recording's clock, in seconds.

    Raises
    ------
    DataError
        If shapes, rate or channel names contradict each other.

    Examples
    --------
    >>> import numpy as np
    >>> eeg = Signal(np.zeros((2, 256)), 128.0, [Channel("C3"), Channel("C4")])
    >>> eeg.duration, eeg.ch_names
    (2.0, ('C3', 'C4'))
    """

    data: npt.NDArray[Any]
    sfreq: float
    channels: Sequence[Channel]
    start: float = 0.0

    def __post_init__(self) -> None:
        data = np.asarray(self.data)
        names = [c.name for c in self.channels]
        if data.ndim != 2:
            raise DataError(f"a signal is (n_chans, n_times); found {data.ndim} axes, shape {data.shape}")
        if data.dtype.kind not in "fiu":
            raise DataError(f"the samples of a signal are real numbers; found dtype {data.dtype}")
        if len(names) != data.shape[0]:
            raise DataError(f"{data.shape[0]} rows of data but {len(names)} channels: {', '.join(names)}")
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise DataError(f"channel {repeated[0]!r} appears {names.count(repeated[0])} times; names must differ")
        if not (np.isfinite(self.sfreq) and self.sfreq > 0):
            whose = f"channel {names[0]!r}" if names else "a signal"
            raise DataError(f"{whose} has no sampling rate: expected a positive number of Hz, found {self.sfreq!r}")
        view = data.view()
        view.flags.writeable = False
        object.__setattr__(self, "data", view)
        object.__setattr__(self, "sfreq", float(self.sfreq))
        object.__setattr__(self, "channels", tuple(self.channels))

    @property
    def n_chans(self) -> int:
        """Number of channels."""
        return int(self.data.shape[0])

    @property
    def n_times(self) -> int:
        """Number of samples."""
        return int(self.data.shape[1])

    @property
    def ch_names(self) -> tuple[str, ...]:
        """Channel names."""
        return tuple(c.name for c in self.channels)

    @property
    def duration(self) -> float:
        """Length in seconds, ``n_times / sfreq``."""
        return self.n_times / self.sfreq

    def times(self) -> npt.NDArray[np.float64]:
        """Give the time of every sample on the recording's clock, shape (n_times,), in seconds."""
        return self.start + np.arange(self.n_times) / self.sfreq

    def pick(self, picks: Iterable[str]) -> Signal:
        """Give some of the channels, in the order asked for.

        Parameters
        ----------
        picks : iterable of str
            Channel names.

        Returns
        -------
        Signal
            A copy of those rows.

        Raises
        ------
        DataError
            If a channel is not there; the nearest name is suggested.
        """
        index = {name: i for i, name in enumerate(self.ch_names)}
        rows = []
        for name in picks:
            if name not in index:
                raise DataError(str(unknown_name("channel", name, index)))
            rows.append(index[name])
        return replace(self, data=self.data[rows], channels=[self.channels[i] for i in rows])

    def crop(self, start: float, stop: float) -> Signal:
        """Give the samples with ``start <= time < stop``, sharing memory.

        Parameters
        ----------
        start, stop : float
            Seconds on the recording's clock.

        Returns
        -------
        Signal
            What of it lies inside; may be empty.

        Raises
        ------
        DataError
            If ``stop`` is before ``start``, or one of them is not a number.
        """
        if not start <= stop:
            raise DataError(f"cannot crop to {start:g} s until {stop:g} s; expected start <= stop")
        # Rounded first: 0.57 * 100 is 56.99999999999999, and the sample at 0.57 s is meant.
        edges = np.ceil(np.round((np.array([start, stop]) - self.start) * self.sfreq, 6))
        first, last = (int(edge) for edge in np.clip(edges, 0, self.n_times))
        return replace(self, data=self.data[:, first:last], start=self.start + first / self.sfreq)
