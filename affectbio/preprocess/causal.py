"""A band-pass that knows no later sample: what a window holds does not depend on what came after it.

A zero-phase filter over a whole recording mixes a second of one trial into its neighbours, and cannot run live.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from affectbio.errors import DataError
from affectbio.types import Signal

__all__ = ["causal_filter"]


def causal_filter(
    signal: Signal, l_freq: float | None = None, h_freq: float | None = None, *, order: int = 4
) -> Signal:
    """Filter a signal forward in time with a Butterworth filter.

    Parameters
    ----------
    signal : Signal
        Where samples are lost (NaN, inf) the filter stops, and begins anew after them.
    l_freq, h_freq : float, optional
        Edges of what passes in Hz; without the lower one a low-pass, without the upper one a high-pass.
    order : int
        Of the Butterworth filter; of a band-pass, of each edge.

    Returns
    -------
    Signal
        Of the same shape; lost samples are NaN. It begins as if the first sample had lasted for ever, so that an offset
        makes no ringing. Cost is linear.

    Raises
    ------
    DataError
        If no edge is given, or the edges do not lie in order between 0 and half the rate.

    Examples
    --------
    >>> from affectbio.types import Channel
    >>> t = np.arange(1280) / 128
    >>> mixed = np.sin(2 * np.pi * 10 * t) + 5 + t
    >>> eeg = Signal(mixed[None], 128.0, [Channel("Cz")])
    >>> clean = causal_filter(eeg, 4.0, 40.0)
    >>> bool(abs(clean.data[0, 640:].mean()) < 0.01), round(float(clean.data[0, 640:].std()), 2)
    (True, 0.71)
    """
    from scipy.signal import butter, sosfilt, sosfilt_zi

    edges = [f for f in (l_freq, h_freq) if f is not None]
    if not edges or not all(0 < f < signal.sfreq / 2 for f in edges) or edges != sorted(set(edges)):
        raise DataError(
            f"a filter from {l_freq} to {h_freq} Hz of a signal at {signal.sfreq:g} Hz; expected one edge or two in "
            f"order, above 0 and below {signal.sfreq / 2:g} Hz"
        )
    kind = "bandpass" if len(edges) == 2 else "highpass" if h_freq is None else "lowpass"
    sos = butter(order, edges if len(edges) == 2 else edges[0], kind, fs=signal.sfreq, output="sos")
    settled = sosfilt_zi(sos)
    out = np.full(signal.data.shape, np.nan)
    for row, filtered in zip(signal.data, out, strict=True):
        known = np.isfinite(row)
        bounds = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
        for first, last in bounds.reshape(-1, 2):
            run = row[first:last].astype(np.float64)
            if np.ptp(run) == 0:
                # Rounding would make a signal of a dead channel.
                filtered[first:last] = run if l_freq is None else 0.0
                continue
            filtered[first:last] = sosfilt(sos, run, zi=settled * run[0])[0]
    return replace(signal, data=out)
