"""Rest baseline: a person's features relative to their own first seconds of rest. Causal, and uses no label.

The offset between people is most of what stands between a model and a new person; a resting minute takes it away
without having seen the rest of the session (Jenke, Peer & Buss, IEEE Trans. Affect. Comput. 5(3), 2014, for EEG
features).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.types import Windows

__all__ = ["RestBaseline", "RestBaselineStream"]


class RestBaseline:
    """Subtract the mean features of each session's first rest.

    The rest counts from its first window that can be used; offline and live give the same numbers.

    Parameters
    ----------
    seconds : float
        How much rest to use.
    trial_type : str
        Which events are rest.

    Examples
    --------
    >>> RestBaseline(seconds=30).target_access
    'rest'
    """

    #: What it needs of a new person, one of ``affectbio.types.TARGET_ACCESS``.
    target_access = "rest"

    def __init__(self, seconds: float = 30.0, trial_type: str = "rest") -> None:
        self.seconds = seconds
        self.trial_type = trial_type

    def calibration(self, windows: Windows) -> npt.NDArray[np.bool_]:
        """Say which windows lie wholly inside the calibration, shape (n_windows,)."""
        stop = windows.metadata["stop"].to_numpy(dtype=float)
        return stop - self._begin(windows) <= self.seconds + 1e-9

    def scored(self, windows: Windows) -> npt.NDArray[np.bool_]:
        """Say which windows share no sample with the calibration and may be scored, shape (n_windows,)."""
        start = windows.metadata["start"].to_numpy(dtype=float)
        return ~(start - self._begin(windows) < self.seconds - 1e-9)

    def _begin(self, windows: Windows) -> npt.NDArray[np.float64]:
        """When the first rest of its session began, for the windows of that rest; NaN for all others."""
        table = windows.metadata
        session = [table["subject"], table["session"]]
        rest = table["trial_type"] == self.trial_type
        first = table["trial"].where(rest).groupby(session).transform("first")
        if first.isna().any():
            name = windows.groups("subject", "session")[first.isna()][0]
            found = table["trial_type"][windows.groups("subject", "session") == name].astype(str).unique()
            raise DataError(
                f"subject/session {name!r} has no {self.trial_type!r} windows to calibrate on; expected "
                f"{self.seconds:g} s of it, found events {', '.join(sorted(found))}"
            )
        begin = table["start"].where(rest & (table["trial"] == first))
        return begin.groupby(session).transform("min").where(begin.notna()).to_numpy(dtype=float)

    def apply(self, windows: Windows) -> Windows:
        """Calibrate every session on its own rest and give the windows that may be scored.

        Parameters
        ----------
        windows : Windows
            Features of shape (n_windows, ...), none of them NaN, with ``trial_type`` in the metadata.

        Returns
        -------
        Windows
            The windows outside the calibration, with ``target_access`` ``"rest"``.

        Raises
        ------
        DataError
            If a session has no rest, or not enough for one window.
        """
        calibration = self.calibration(windows)
        names, session = np.unique(windows.groups("subject", "session"), return_inverse=True)
        X = windows.X.copy()
        for s, name in enumerate(names):
            mine = session == s
            if not (mine & calibration).any():
                raise DataError(
                    f"no window of subject/session {name!r} lies within the first {self.seconds:g} s of its "
                    f"{self.trial_type!r}; calibrate for longer, or cut shorter windows"
                )
            X[mine] -= windows.X[mine & calibration].mean(axis=0)
        return replace(windows, X=X, target_access=self.target_access).take(self.scored(windows))

    def stream(self, window_s: float, step_s: float) -> RestBaselineStream:
        """Give the live form, for a session that begins with rest.

        Parameters
        ----------
        window_s, step_s : float
            Length of a window and distance between starts in seconds, as rounded to samples.

        Returns
        -------
        RestBaselineStream
            Push one window's features after another into it.
        """
        return RestBaselineStream(n_windows=int(np.floor((self.seconds - window_s) / step_s + 1e-9)) + 1)


class RestBaselineStream:
    """Rest baseline of a live session: the first windows calibrate, the rest come out calibrated.

    Parameters
    ----------
    n_windows : int
        How many windows calibrate.

    Raises
    ------
    ValueError
        If that is none.

    Examples
    --------
    >>> live = RestBaselineStream(n_windows=2)
    >>> [live.push(np.array([de])) for de in (1.0, 2.0, 4.0)]
    [None, None, array([2.5])]
    """

    def __init__(self, n_windows: int) -> None:
        if n_windows < 1:
            raise ValueError(f"a baseline needs at least one whole window of rest; found room for {n_windows}")
        self.n_windows = n_windows
        self._seen: list[npt.NDArray[Any]] = []
        self._n = 0
        self._mean: npt.NDArray[Any] | None = None

    @property
    def progress(self) -> float:
        """Share of the calibration that is done, 0 to 1."""
        return self._n / self.n_windows

    def push(self, features: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
        """Take the features of one window in.

        Parameters
        ----------
        features : ndarray
            Of any shape; NaN if the window had lost samples.

        Returns
        -------
        ndarray or None
            The features relative to rest; None while calibrating, which begins with the first window that can be used.
        """
        if self._mean is not None:
            calibrated: npt.NDArray[Any] = features - self._mean
            return calibrated
        if np.isfinite(features).all():
            self._seen.append(features)
        # Offline a lost window is not there, so that rest begins with the first that is; so too here.
        self._n += bool(self._seen)
        if self._n == self.n_windows:
            self._mean = np.mean(self._seen, axis=0)
            self._seen.clear()
        return None
