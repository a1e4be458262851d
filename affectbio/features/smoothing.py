"""Smoothing of features from window to window, trial by trial, from what has come so far (Shi & Lu, EMBC 2010)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from affectbio.kernels.smoothing import CausalMovingAverage, LdsFilter, lds_filter, moving_average
from affectbio.types import Windows

__all__ = ["Smoothing"]


class Smoothing:
    """Smooth the windows of each trial with those before them; none sees what comes after it.

    Parameters
    ----------
    method : {"lds", "moving-average"}
        Kalman's filter of a state that walks at random, as papers on SEED have it (there with a look ahead, which
        `affectbio.kernels.lds_smooth_with_look_ahead` has by that name); or the mean of the last windows.
    q_over_r : float
        Of "lds": variance of a step of the state over that of the noise in a window. Small is smooth.
    n : int
        Of "moving-average": windows in the mean.

    Raises
    ------
    ValueError
        If the method is not one of the two, or a parameter makes no sense.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> who = pd.DataFrame({"subject": "01", "session": "01", "trial": ["1", "1", "2"], "stimulus": "film"})
    >>> when = pd.DataFrame({"start": [0.0, 1.0, 2.0], "stop": [1.0, 2.0, 3.0]})
    >>> windows = Windows(np.array([[2.0], [4.0], [8.0]]), None, who.join(when), ("window", "feature"))
    >>> Smoothing("moving-average", n=2).apply(windows).X.ravel()
    array([2., 3., 8.])
    """

    def __init__(self, method: Literal["lds", "moving-average"] = "lds", *, q_over_r: float = 0.1, n: int = 5) -> None:
        if method not in ("lds", "moving-average"):
            raise ValueError(f"method is 'lds' or 'moving-average'; found {method!r}")
        if not q_over_r > 0 or n < 1:
            raise ValueError(f"expected q_over_r above 0 and at least one window; found {q_over_r} and {n}")
        self.method, self.q_over_r, self.n = method, q_over_r, n

    def apply(self, windows: Windows) -> Windows:
        """Smooth.

        Parameters
        ----------
        windows : Windows
            Features, in any order: windows of one person, session and trial are taken by their start.

        Returns
        -------
        Windows
            The same windows in the same order. A feature that is missing is "lds"'s prediction, and left out of means.
        """
        X = np.array(windows.X, dtype=np.float64)
        trials = windows.groups("subject", "session", "trial")
        start = windows.metadata["start"].to_numpy(dtype=np.float64)
        for trial in np.unique(trials):
            rows = np.flatnonzero(trials == trial)
            rows = rows[np.argsort(start[rows], kind="stable")]
            smooth = (
                lds_filter(X[rows], self.q_over_r, 1.0, axis=0)
                if self.method == "lds"
                else moving_average(X[rows], self.n, axis=0)
            )
            X[rows] = smooth
        return replace(windows, X=X)

    def stream(self) -> LdsFilter | CausalMovingAverage:
        """Give the live form, which takes windows along axis 0 as they come; reset it where a trial begins."""
        if self.method == "lds":
            return LdsFilter(self.q_over_r, 1.0, axis=0)
        return CausalMovingAverage(self.n, axis=0)
