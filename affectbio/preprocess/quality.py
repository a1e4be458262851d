"""Signal quality of EEG channels over a short stretch, in words a person at the headset can act on.

What is looked at is what PREP looks at in a single channel (Bigdely-Shamlo et al., Front. Neuroinform. 9:16, 2015):
lost or flat signal, amplitude, and the share of high-frequency noise. PREP compares it between channels; a headset of
four or eight has too few for that, so the limits here are absolute.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["ChannelQuality", "channel_quality"]

_FLAT_V = 0.1e-6  # less than the noise of any headset's amplifier
_LARGE_V = 400e-6  # more than a blink at Fp1; an electrode moved
_NOISY_RATIO = 0.6  # share of sample-to-sample change in the whole; white noise has 1, EEG about 0.1


class ChannelQuality(NamedTuple):
    """State of one channel: a word, and whether its signal can be used."""

    word: str
    usable: bool


def channel_quality(x: npt.NDArray[Any]) -> list[ChannelQuality]:
    """Judge each channel over a stretch of about one to four seconds.

    Parameters
    ----------
    x : ndarray, shape (n_chans, n_times)
        EEG in volts. NaN marks lost samples.

    Returns
    -------
    list of ChannelQuality
        One per channel; the first that holds of ``lost`` (more than a tenth of the samples), ``flat`` (standard
        deviation below 0.1 µV), ``large`` (more than 400 µV from peak to peak), ``noisy`` (the sample-to-sample change
        carries most of the power: no contact, muscle or mains), or ``good``.

    Raises
    ------
    ValueError
        If ``x`` is not (n_chans, n_times) with at least two samples.

    Notes
    -----
    Sample-to-sample change grows with frequency over sampling rate: mains of 50 Hz is ``noisy`` at rates up to 270 Hz,
    mains of 60 Hz up to 325 Hz, which covers the headsets that stream at 125 to 256 Hz.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(500) / 250
    >>> alpha = 10e-6 * np.sin(2 * np.pi * 10 * t)
    >>> [q.word for q in channel_quality(np.stack([alpha, 0 * alpha, 100 * alpha]))]
    ['good', 'flat', 'large']
    """
    if x.ndim != 2 or x.shape[1] < 2:
        raise ValueError(f"expected (n_chans, n_times) with at least two samples, found shape {x.shape}")
    words = [_word(row) for row in x]
    return [ChannelQuality(word, usable=word == "good") for word in words]


def _word(row: npt.NDArray[Any]) -> str:
    present = row[np.isfinite(row)]
    if len(present) < max(2, 0.9 * len(row)):
        return "lost"
    if present.std() < _FLAT_V:
        return "flat"
    if np.ptp(present) > _LARGE_V:
        return "large"
    # Von Neumann's ratio, mean squared difference over twice the variance: 1 for white noise, 0 for slow change.
    roughness = np.mean(np.diff(present) ** 2) / (2 * present.var())
    return "noisy" if roughness > _NOISY_RATIO else "good"
