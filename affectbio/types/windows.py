"""What estimators eat: examples with who and what each one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.registry import unknown_name
from affectbio.types.signal import Channel

if TYPE_CHECKING:
    import mne
    import pandas as pd

__all__ = ["TARGET_ACCESS", "Windows"]

#: What a pipeline may know of the person it is tested on, from nothing to labels. A number is never shown without it.
TARGET_ACCESS = ("none", "rest", "causal", "unlabelled", "labelled")

_WHO_AND_WHAT = ("subject", "session", "trial", "stimulus", "start", "stop")


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What estimators eat: examples, labels, and who and what each example is.

    Parameters
    ----------
    X : ndarray, shape (n_windows, ...)
        Samples ``(n_windows, n_chans, n_times)`` or features ``(n_windows, n_chans, n_bands)``.
    y : ndarray, shape (n_windows,), optional
        Labels.
    metadata : pandas.DataFrame
        One row per window with at least ``subject, session, trial, stimulus, start, stop`` (seconds).
    axes : tuple of str
        Names of the axes of ``X``; the first is ``"window"``.
    channels : sequence of Channel
        What the axis ``"channel"`` holds.
    features : tuple of str
        What the last axis holds, if it is not time.
    sfreq : float, optional
        Sampling rate in Hz, if the last axis is time.
    target_access : str
        What was already used of each person, one of `TARGET_ACCESS`: set by the adaptation methods, shown in every
        report.

    Raises
    ------
    DataError
        If lengths differ, axes, channels or features do not fit ``X``, or the metadata lack a column that leak checks
        need.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> who = pd.DataFrame({"subject": ["01", "02"], "session": "01", "trial": "1", "stimulus": "film"})
    >>> when = pd.DataFrame({"start": [0.0, 0.0], "stop": [1.0, 1.0]})
    >>> X, y = np.zeros((2, 1, 128)), np.array(["calm", "tense"])
    >>> windows = Windows(X, y, who.join(when), axes=("window", "channel", "time"))
    >>> windows.groups("subject", "trial")
    array(['01/1', '02/1'], dtype=object)
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any] | None
    metadata: pd.DataFrame
    axes: tuple[str, ...]
    channels: Sequence[Channel] = ()
    features: tuple[str, ...] = ()
    sfreq: float | None = None
    target_access: str = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "X", np.asarray(self.X))
        object.__setattr__(self, "y", None if self.y is None else np.asarray(self.y))
        object.__setattr__(self, "channels", tuple(self.channels))
        missing = [c for c in _WHO_AND_WHAT if c not in self.metadata.columns]
        if missing:
            raise DataError(
                f"the metadata of windows lack {', '.join(missing)}; without them a leak between training and test "
                f"cannot be seen"
            )
        if len(self.axes) != self.X.ndim or self.axes[0] != "window":
            raise DataError(f"axes {self.axes} do not name the {self.X.ndim} axes of X, shape {self.X.shape}")
        lengths = {len(self.X), len(self.metadata), *(() if self.y is None else (len(self.y),))}
        if len(lengths) != 1:
            n_y = "no" if self.y is None else len(self.y)
            raise DataError(
                f"{len(self.X)} windows, {n_y} labels and {len(self.metadata)} rows of metadata; "
                f"expected as many of each"
            )
        n_chans = self.X.shape[self.axes.index("channel")] if "channel" in self.axes else len(self.channels)
        if self.channels and len(self.channels) != n_chans:
            raise DataError(
                f"{len(self.channels)} channels for an axis of length {n_chans}, X has shape {self.X.shape}"
            )
        if self.features and len(self.features) != self.X.shape[-1]:
            raise DataError(f"{len(self.features)} names of features for a last axis of length {self.X.shape[-1]}")
        if self.target_access not in TARGET_ACCESS:
            raise DataError(str(unknown_name("target access", self.target_access, TARGET_ACCESS)))

    def __len__(self) -> int:
        return len(self.X)

    def groups(self, *columns: str) -> npt.NDArray[Any]:
        """Give one label per window for a splitter to hold together.

        Parameters
        ----------
        *columns : str
            Columns of the metadata: ``"subject"``, or ``"subject", "trial"``.

        Returns
        -------
        ndarray, shape (n_windows,)
            Strings; several columns are joined by ``"/"``.

        Raises
        ------
        DataError
            If no column is named, or one is not there.
        """
        if not columns:
            raise DataError("groups of what? Expected a column of the metadata, such as 'subject'")
        for column in columns:
            if column not in self.metadata.columns:
                raise DataError(str(unknown_name("column of metadata", column, map(str, self.metadata.columns))))
        rows = zip(*(self.metadata[c].astype(str) for c in columns), strict=True)
        return np.array(["/".join(row) for row in rows], dtype=object)

    def take(self, which: npt.NDArray[Any]) -> Windows:
        """Give some of the windows.

        Parameters
        ----------
        which : ndarray
            Indices, or a mask of shape (n_windows,).

        Returns
        -------
        Windows
            Those windows, metadata re-indexed from 0.

        Raises
        ------
        IndexError
            If an index is out of range, or a mask has another length.
        """
        rows = np.arange(len(self))[which]
        return replace(
            self,
            X=self.X[rows],
            y=None if self.y is None else self.y[rows],
            metadata=self.metadata.iloc[rows].reset_index(drop=True),
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Windows]) -> Windows:
        """Put windows of several recordings together.

        Parameters
        ----------
        parts : sequence of Windows
            With equal axes, channel names and kinds, features, rate and target access.

        Returns
        -------
        Windows
            All of them in that order. Electrode positions, which differ from head to head, are those of the first.

        Raises
        ------
        DataError
            If there are none, or they differ in what they hold.
        """
        import pandas as pd

        if not parts:
            raise DataError("no windows to put together; expected at least one part")
        first = parts[0]
        for part in parts[1:]:
            for name in ("axes", "channels", "features", "sfreq", "target_access"):
                one, other = (getattr(p, name) for p in (first, part))
                if name == "channels":
                    one, other = ([f"{c.name} ({c.kind})" for c in channels] for channels in (one, other))
                if one != other:
                    raise DataError(f"windows differ in {name}: {one} and {other}; bring them to the same first")
        labels = [p.y for p in parts if p.y is not None]
        if labels and len(labels) != len(parts):
            raise DataError("some windows have labels and some have none; expected all or none")
        return replace(
            first,
            X=np.concatenate([p.X for p in parts]),
            y=np.concatenate(labels) if labels else None,
            metadata=pd.concat([p.metadata for p in parts], ignore_index=True),
        )

    def to_epochs(self) -> mne.EpochsArray:
        """Give windows of samples as MNE Epochs, metadata and labels included.

        Returns
        -------
        mne.EpochsArray
            In volts, with montage; ``event_id`` from the labels.

        Raises
        ------
        DataError
            If the windows hold features instead of samples.
        """
        from affectbio._mne import epochs_from_windows

        return epochs_from_windows(self)
