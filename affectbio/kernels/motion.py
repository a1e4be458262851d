"""Movement and posture from an accelerometer, and tremor.

Activity follows van Hees et al. (PLoS ONE 8:e61691, 2013) and Vähä-Ypyä et al. (Clin Physiol Funct Imaging 35:64,
2015).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.errors import SignalQualityError
from affectbio.kernels._bodily import bridged, checked_rate, per_window
from affectbio.kernels._samples import real_samples

__all__ = ["MotionFeatures", "motion_features"]

_Floats = npt.NDArray[np.float64]

_G = 9.80665

# A sensor at rest shows 1 g within its calibration; in a mean over a window people do not get far from it.
_NORM_G = (0.5, 2.0)
# van Hees et al. (J Appl Physiol 117:738, 2014): below 13 mg on each axis a sensor lies still.
_STILL = 0.013 * _G
_STILL_S = 1.0

_TREMOR_HZ = (3.0, 12.0)
_REST_TREMOR_HZ = (4.0, 6.0)
# Resolves 0.5 Hz.
_TREMOR_WINDOW_S = 4.0
_TREMOR_LEAST_HZ = 2.5 * _TREMOR_HZ[1]

_BRIDGED_S = 0.1
_LOST_SHARE = 0.1
_SHORTEST_S = 1.0


class MotionFeatures(NamedTuple):
    """Measures of movement in a window, each of shape (...).

    Attributes
    ----------
    enmo : ndarray
        Euclidean norm minus one g, with negative values as 0: its mean in m/s². From 1 s on, as all but the tremor.
    mad : ndarray
        Mean absolute deviation of the norm from its mean in m/s².
    still_share : ndarray
        Share of whole seconds in which no axis varies by more than 13 mg (standard deviation), from 0 to 1.
    tilt_x_deg, tilt_y_deg, tilt_z_deg : ndarray
        Angle of each axis of the sensor above the horizontal, -90 to 90°, from the mean acceleration over the window.
    tilt_change_deg : ndarray
        Angle between gravity in the first and in the second half of the window.
    tremor_power : ndarray
        Power in 3 to 12 Hz, sum of the axes, in m²/s⁴. From 4 s and 30 Hz on, as the next two.
    rest_tremor_power : ndarray
        The same in 4 to 6 Hz, where a Parkinsonian tremor at rest lies.
    tremor_freq_hz : ndarray
        Frequency of the highest peak in 3 to 12 Hz; NaN where the spectrum has none.
    rotation_rms : ndarray
        Root mean square of the rate of turning in rad/s; NaN without a gyroscope.
    """

    enmo: _Floats
    mad: _Floats
    still_share: _Floats
    tilt_x_deg: _Floats
    tilt_y_deg: _Floats
    tilt_z_deg: _Floats
    tilt_change_deg: _Floats
    tremor_power: _Floats
    rest_tremor_power: _Floats
    tremor_freq_hz: _Floats
    rotation_rms: _Floats


def motion_features(acceleration: npt.ArrayLike, sfreq: float, *, gyro: npt.ArrayLike | None = None) -> MotionFeatures:
    """Measure movement, posture and tremor in a window.

    Parameters
    ----------
    acceleration : array-like, shape (..., 3, n_times)
        Acceleration along x, y and z in m/s², gravity in it. NaN and inf mark lost samples.
    sfreq : float
        Sampling rate in Hz.
    gyro : array-like, shape (..., 3, n_times), optional
        Rate of turning about the same axes at the same times in rad/s.

    Returns
    -------
    MotionFeatures
        The measures. NaN in a window too short for them, that has lost more than a tenth of its samples, or whose mean
        norm is not within 0.5 to 2 g: a dead or clipped sensor. Tremor is NaN, too, where a hole of more than 0.1 s is
        left. A window without any change is taken for a sensor that lies still: coarse ones show none.

    Raises
    ------
    SignalQualityError
        If an axis is empty.
    ValueError
        If arrays are not of three axes of real numbers, of different shapes, acceleration is in g or lacks gravity, or
        the rate is not positive.

    Notes
    -----
    A sensor whose 1 g is off by 1 % makes an ENMO of up to 0.1 m/s² at rest, as of much movement: calibrate, or take
    the mean absolute deviation, which is free of that. Tilts mean posture where a person is about still.

    Time O(n_times).

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(320) / 32
    >>> lying = np.stack([0 * t, 0 * t, 9.81 + 0 * t])
    >>> shaking = lying + np.stack([np.sin(2 * np.pi * 5 * t), 0 * t, 0 * t])
    >>> found = motion_features([lying, shaking], 32)
    >>> found.still_share, found.tilt_z_deg.round(), found.tremor_freq_hz.round(1), found.tremor_power.round(1)
    (array([1., 0.]), array([90., 90.]), array([nan,  5.]), array([0. , 0.5]))
    """
    sfreq = checked_rate(sfreq, 1e-3, "movement")
    samples = real_samples(acceleration)
    _check_axes(samples, "acceleration")
    both = samples
    if gyro is not None:
        turning = real_samples(gyro)
        if turning.shape != samples.shape:
            raise ValueError(f"gyro and acceleration differ in shape: {turning.shape} and {samples.shape}")
        both = np.concatenate([samples, turning], axis=-2)

    def measure(window: _Floats) -> list[float]:
        out = dict.fromkeys(MotionFeatures._fields, np.nan)
        lost = np.isnan(window[:3]).any(axis=0)
        if window.shape[-1] < max(2, _SHORTEST_S * sfreq) or lost.mean() > _LOST_SHARE:
            return list(out.values())
        there = window[:3, ~lost]
        norm = np.linalg.norm(there, axis=0)
        _check_unit(float(np.median(norm)))
        if not _NORM_G[0] * _G <= norm.mean() <= _NORM_G[1] * _G:
            return list(out.values())
        out["enmo"] = float(np.maximum(norm - _G, 0).mean())
        out["mad"] = float(np.abs(norm - norm.mean()).mean())
        out["still_share"] = _still_share(window[:3], sfreq)
        gravity = there.mean(axis=1)
        tilts = np.degrees(np.arcsin(np.clip(gravity / np.linalg.norm(gravity), -1, 1)))
        out["tilt_x_deg"], out["tilt_y_deg"], out["tilt_z_deg"] = (float(tilt) for tilt in tilts)
        half = there.shape[1] // 2
        out["tilt_change_deg"] = _angle_deg(there[:, :half].mean(axis=1), there[:, half:].mean(axis=1))
        out["tremor_power"], out["rest_tremor_power"], out["tremor_freq_hz"] = _tremor(window[:3], sfreq)
        turning = window[3:]
        if turning.size and np.isnan(turning).any(axis=0).mean() <= _LOST_SHARE:
            out["rotation_rms"] = float(np.sqrt(np.nanmean((turning**2).sum(axis=0))))
        return list(out.values())

    return MotionFeatures(*per_window(both, measure, n_axes=2))


def _check_axes(samples: npt.NDArray[np.floating], name: str) -> None:
    if samples.ndim < 2 or samples.shape[-2] != 3:
        raise ValueError(f"expected {name} of shape (..., 3, n_times); found {samples.shape}")
    if samples.size == 0:
        raise SignalQualityError(
            f"expected samples; found none: axis {samples.shape.index(0)} of {name}, shape {samples.shape}, is empty"
        )


def _check_unit(norm: float) -> None:
    if 0.5 < norm < 2:
        raise ValueError(
            f"expected acceleration in m/s² with gravity in it; found a median norm of {norm:.2f}: multiply g by {_G}, "
            f"or give the acceleration before gravity is taken out"
        )


def _still_share(window: _Floats, sfreq: float) -> float:
    """Give the share of whole seconds that are still; those with a lost sample are not counted."""
    length = max(2, round(_STILL_S * sfreq))
    n_blocks = window.shape[-1] // length
    blocks = window[:, : n_blocks * length].reshape(3, n_blocks, length)
    spread = blocks.std(axis=-1).max(axis=0)
    spread = spread[~np.isnan(spread)]
    return float((spread < _STILL).mean()) if len(spread) else np.nan


def _angle_deg(a: _Floats, b: _Floats) -> float:
    # Unlike the arc cosine exact for small angles.
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


def _tremor(window: _Floats, sfreq: float) -> tuple[float, float, float]:
    """Give power in the band and in that of rest tremor, and the frequency of the peak."""
    from scipy.signal import welch

    whole = np.array([bridged(axis, int(_BRIDGED_S * sfreq)) for axis in window])
    if sfreq < _TREMOR_LEAST_HZ or window.shape[-1] < _TREMOR_WINDOW_S * sfreq or np.isnan(whole).any():
        return np.nan, np.nan, np.nan
    freqs, density = welch(whole, fs=sfreq, nperseg=round(_TREMOR_WINDOW_S * sfreq), detrend="linear")
    total, step = density.sum(axis=0), freqs[1] - freqs[0]
    inside = (freqs >= _TREMOR_HZ[0]) & (freqs <= _TREMOR_HZ[1])
    rest = (freqs >= _REST_TREMOR_HZ[0]) & (freqs <= _REST_TREMOR_HZ[1])
    top = int(np.flatnonzero(inside)[total[inside].argmax()])
    around = total[top - 1 : top + 2]
    freq = np.nan
    # At an edge of the band, the peak lies outside; and sensors do not resolve 1 µm/s².
    if around.argmax() == 1 and around[1] > 1e-12 and around.min() > 0:
        # The main lobe of a Hann window is close to a parabola in its logarithm.
        before, peak, after = np.log(around)
        freq = float(freqs[top] + 0.5 * step * (before - after) / (before - 2 * peak + after))
    return float(step * total[inside].sum()), float(step * total[rest].sum()), freq
