"""Another sampling rate for a signal, by polyphase filtering (Crochiere & Rabiner 1983), as SciPy does it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from affectbio.errors import DataError
from affectbio.types import Signal

__all__ = ["resample"]


def resample(signal: Signal, sfreq: float, *, max_factor: int = 1000) -> Signal:
    """Bring a signal to another rate; what was lost stays lost.

    Parameters
    ----------
    signal : Signal
        Its NaN and infinities mark lost samples.
    sfreq : float
        Rate that is wanted, in Hz.
    max_factor : int
        The rates are taken to be in the ratio of two whole numbers of which the second is at most this. 1000 leaves a
        rate that was measured (256.0205 Hz) alone when its nominal one (256 Hz) is asked for.

    Returns
    -------
    Signal
        In float64, from the same start, ``ceil(n_times * ratio)`` samples long. Its ``sfreq`` is the old one times the
        ratio, exactly. The same signal is given back if the ratio is 1. A sample is NaN if one of the old ones that
        lie within half a period of it, of the longer of the two periods, was lost.

    Raises
    ------
    DataError
        If the rate is not a positive number, or its ratio to the signal's is under 1 to ``max_factor``.

    Notes
    -----
    The filter is linear in phase (Kaiser window, β = 5, twenty periods of the lower rate long, -6 dB at half of that
    rate), so nothing is shifted in time. A filter would spread one NaN over all its length. It therefore runs on a
    straight line drawn across each gap, which is taken out again afterwards; of the samples beside a gap, those
    within ten periods of the lower rate have seen some of that line. O(n_times · ratio) a channel.

    Examples
    --------
    >>> import numpy as np
    >>> from affectbio.types import Channel
    >>> slow = Signal(np.sin(2 * np.pi * 10 * np.arange(500) / 125)[np.newaxis], 125.0, [Channel("Oz")])
    >>> fast = resample(slow, 250.0)
    >>> fast.sfreq, fast.n_times
    (250.0, 1000)
    >>> truth = np.sin(2 * np.pi * 10 * np.arange(1000) / 250)
    >>> bool(np.abs(fast.data[0] - truth)[100:-100].max() < 2e-3)
    True
    """
    if not (np.isfinite(sfreq) and sfreq > 0):
        raise DataError(f"cannot resample to {sfreq!r} Hz; expected a positive number")
    ratio = Fraction(sfreq / signal.sfreq).limit_denominator(max_factor)
    if not ratio:
        raise DataError(
            f"cannot resample from {signal.sfreq:g} to {sfreq:g} Hz; expected no less than 1/{max_factor} of the rate: "
            f"raise max_factor"
        )
    if ratio == 1:
        return signal
    from scipy.signal import resample_poly

    data = np.asarray(signal.data, dtype=np.float64)
    n_times = data.shape[1]
    if not data.size:
        return replace(signal, sfreq=signal.sfreq * float(ratio))
    there = np.isfinite(data)
    times = np.arange(n_times)
    bridged = np.stack(
        [
            np.interp(times, times[ok], row[ok]) if ok.any() else np.zeros(n_times)
            for row, ok in zip(data, there, strict=True)
        ]
    )
    out = resample_poly(bridged, ratio.numerator, ratio.denominator, axis=1, padtype="line")
    # In old samples. The little more lets what lies exactly half-way count on both sides, whatever the rounding.
    centre, reach = np.arange(out.shape[1]) / float(ratio), max(1.0, 1 / float(ratio)) / 2 + 1e-6
    first = np.clip(np.ceil(centre - reach), 0, n_times - 1).astype(int)
    last = np.clip(np.floor(centre + reach), 0, n_times - 1).astype(int)
    n_lost = np.cumsum(np.pad(~there, ((0, 0), (1, 0))), axis=1)
    out[n_lost[:, last + 1] > n_lost[:, first]] = np.nan
    return replace(signal, data=out, sfreq=signal.sfreq * float(ratio))
