"""Simulated signals of heart, skin, breath and movement, drawn from the events of a `Body`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from affectbio.acquire.simulate.body import Body, Second
from affectbio.acquire.simulate.sampling import on_grid, sample_times

__all__ = ["PulseModel", "acceleration", "ecg", "interval_rows", "respiration", "rotation", "skin", "temperature"]

Samples = npt.NDArray[np.float64]

# Angle, height beside R, and width of P, Q, R, S and T in McSharry et al. (IEEE Trans. Biomed. Eng. 50, 2003), table I,
# heights being a_i b_i^2 of their equation 1.
_ANGLES = np.deg2rad([-60.0, -15.0, 0.0, 15.0, 90.0])
_WIDTHS = np.array([0.25, 0.1, 0.1, 0.1, 0.4])
_HEIGHTS = np.array([1.2, -5.0, 30.0, -7.5, 0.75]) * _WIDTHS**2 / 0.3
_R_V, _ECG_NOISE_V = 1e-3, 5e-6
# Of a pulse on the finger: from the R peak to the height of the pulse wave, and from there to the second wave.
_ARRIVAL_S, _SECOND_S = 0.32, 0.28
# Time constants of a skin response (Benedek & Kaernbach, J. Neurosci. Methods 190, 2010).
_RISE_S, _FALL_S = 0.75, 2.0
_GRAVITY = 9.80665
_MOVE_S = 1.5


def ecg(number: int, sfreq: float, second: Second, body: Body, rng: np.random.Generator) -> Samples:
    """Give a second of ECG, shape (1, n_times), in volts.

    Parameters
    ----------
    number : int
        Which second.
    sfreq : float
        Rate in Hz.
    second : Second
        What the body does in it.
    body : Body
        Its events.
    rng : numpy.random.Generator
        Of the noise.

    Returns
    -------
    ndarray, shape (1, n_times)
        In volts; R peaks at the beats. The five waves of McSharry et al. (IEEE Trans. Biomed. Eng. 50, 2003) in closed
        form, widened and moved with the heart rate as in their program ECGSYN.
    """
    times = sample_times(number, sfreq)
    beats = np.array([(e.time, e.size) for e in body.events(number - 2.0, number + 2.0, "beat")]).reshape(-1, 2)
    interval = beats[:, 1, np.newaxis, np.newaxis]
    quick = np.sqrt(1.0 / interval)
    angle = 2 * np.pi * (times - beats[:, :1]) / beats[:, 1:]
    shift = np.sqrt(quick) * _ANGLES[:, np.newaxis]
    shift[:, 1:4] = quick * _ANGLES[1:4, np.newaxis]
    z = (angle[:, np.newaxis] - shift) / (quick * _WIDTHS[:, np.newaxis])
    waves = np.einsum("w,bwt->t", _HEIGHTS, np.exp(-0.5 * np.minimum(z**2, 200.0)))
    breath = np.cos(2 * np.pi * on_grid(times, number, second.breathing))
    noise = _ECG_NOISE_V * rng.standard_normal(len(times))
    return np.asarray((_R_V * (waves * (1 + 0.05 * breath) + 0.05 * breath) + noise)[np.newaxis])


class PulseModel:
    """PPG of one device.

    Parameters
    ----------
    channels : sequence of str
        What each light is called; one called ``AMBIENT`` sees no pulse.
    sfreq : float
        Rate in Hz.
    unit : str
        Of the profile; photodiodes that count have a high level under a small pulse, others none.
    """

    def __init__(self, channels: Sequence[str], sfreq: float, unit: str) -> None:
        self.sfreq = sfreq
        dark = np.array([name == "AMBIENT" for name in channels])
        level, pulse = {"counts": (1e5, 1e3), "mV": (1500.0, 50.0)}.get(unit, (0.0, 50.0))
        self._level = np.where(dark, 0.02, 1.0)[:, np.newaxis] * level
        self._pulse = np.where(dark, 0.0, 1.0)[:, np.newaxis] * pulse
        self._noise = 0.005 * pulse

    def second(self, number: int, second: Second, body: Body, rng: np.random.Generator) -> Samples:
        """Give a second of PPG in the profile's unit, shape (n_chans, n_times); it rises with the blood volume."""
        times = sample_times(number, self.sfreq)
        beats = np.array([(e.time, e.size) for e in body.events(number - 3.0, number + 1.0, "beat")]).reshape(-1, 2)
        drive = on_grid(times, number, second.drive)
        # Stiff vessels carry the pulse faster.
        since = times - beats[:, :1] - (_ARRIVAL_S - 0.02 * drive)
        stretch = np.sqrt(beats[:, 1:])
        first = np.exp(-0.5 * (since / (0.08 * stretch)) ** 2)
        later = 0.4 * np.exp(-0.5 * ((since - _SECOND_S * stretch) / (0.11 * stretch)) ** 2)
        breath = np.sin(2 * np.pi * on_grid(times, number, second.breathing))
        wave = (first + later).sum(axis=0) * np.exp(body.coupling.log_pulse * drive) * (1 + 0.05 * breath)
        wave += 0.1 * breath
        noise = self._noise * rng.standard_normal((len(self._level), len(times)))
        return np.asarray(self._level + self._pulse * wave + noise)


def interval_rows(number: int, channels: Sequence[str], unit: str, body: Body) -> tuple[Samples, Samples]:
    """Give the heart's rates and intervals that end in a second.

    Parameters
    ----------
    number : int
        Which second.
    channels : sequence of str
        ``"HR"`` in beats per minute; ``"RR"``, ``"IBI"`` or ``"PPI"`` in the unit; others are 0.
    unit : str
        ``"ms"``, or else seconds.
    body : Body
        Its events.

    Returns
    -------
    values : ndarray, shape (n_chans, n_beats)
        In the profile's unit.
    times : ndarray, shape (n_beats,)
        Of the beats that end the intervals, in seconds of the session.
    """
    beats = [(e.time + e.size, e.size) for e in body.events(number - 3.0, number + 1.0, "beat")]
    inside = np.array([beat for beat in beats if number <= beat[0] < number + 1]).reshape(-1, 2)
    intervals = (1e3 if unit == "ms" else 1.0) * inside[:, 1]
    rows = {"HR": 60 / inside[:, 1], "RR": intervals, "IBI": intervals, "PPI": intervals}
    return np.array([rows.get(name, np.zeros(len(inside))) for name in channels]), inside[:, 0]


def skin(number: int, sfreq: float, second: Second, body: Body, rng: np.random.Generator) -> Samples:
    """Give a second of skin conductance, shape (1, n_times), in siemens.

    Parameters
    ----------
    number, sfreq, second, body, rng
        As for `ecg`.

    Returns
    -------
    ndarray, shape (1, n_times)
        Level and responses, each of Bateman's shape.
    """
    times = sample_times(number, sfreq)
    level = on_grid(times, number, second.scl)
    for event in body.events(number - 30.0, number + 1.0, "scr"):
        since = np.maximum(times - event.time, 0.0)
        level += event.size / _HEIGHT * (np.exp(-since / _FALL_S) - np.exp(-since / _RISE_S))
    return np.asarray((level + 1e-9 * rng.standard_normal(len(times)))[np.newaxis])


def _bateman_height() -> float:
    peak = _RISE_S * _FALL_S / (_FALL_S - _RISE_S) * math.log(_FALL_S / _RISE_S)
    return math.exp(-peak / _FALL_S) - math.exp(-peak / _RISE_S)


_HEIGHT = _bateman_height()


def temperature(number: int, sfreq: float, second: Second, body: Body, rng: np.random.Generator) -> Samples:
    """Give a second of finger temperature, shape (1, n_times), in degrees; arguments as for `ecg`."""
    times = sample_times(number, sfreq)
    return np.asarray((on_grid(times, number, second.finger) + 0.01 * rng.standard_normal(len(times)))[np.newaxis])


def respiration(number: int, sfreq: float, second: Second, body: Body, rng: np.random.Generator) -> Samples:
    """Give a second of breathing, shape (1, n_times), highest when the chest is full; arguments as for `ecg`."""
    times = sample_times(number, sfreq)
    cycle = 2 * np.pi * on_grid(times, number, second.breathing)
    return np.asarray((-np.cos(cycle) + 0.01 * rng.standard_normal(len(times)))[np.newaxis])


def acceleration(number: int, sfreq: float, second: Second, body: Body, rng: np.random.Generator) -> Samples:
    """Give a second of acceleration, shape (3, n_times), in m/s²: gravity, the chest's tilt, movements.

    Parameters
    ----------
    number, sfreq, second, body, rng
        As for `ecg`.

    Returns
    -------
    ndarray, shape (3, n_times)
        Gravity along z, tilted by breathing as on a chest.
    """
    times = sample_times(number, sfreq)
    tilt = 0.01 * np.cos(2 * np.pi * on_grid(times, number, second.breathing))
    still = _GRAVITY * np.array([np.zeros(len(times)), np.sin(tilt), np.cos(tilt)])
    noise = 0.02 * rng.standard_normal((3, len(times)))
    return np.asarray(still + 4.0 * _movements(times, number, body) + noise)


def rotation(number: int, sfreq: float, second: Second, body: Body, rng: np.random.Generator) -> Samples:
    """Give a second of turning, shape (3, n_times), in rad/s; arguments as for `ecg`."""
    times = sample_times(number, sfreq)
    return np.asarray(1.5 * _movements(times, number, body) + 0.005 * rng.standard_normal((3, len(times))))


def _movements(times: Samples, number: int, body: Body) -> Samples:
    """Draw movements: three swings a second that begin and end, each in a direction of its own."""
    found = np.zeros((3, len(times)))
    for event in body.events(number - _MOVE_S, number + 1.0, "movement"):
        into = (times - event.time) / _MOVE_S
        swing = np.where((into > 0) & (into < 1), np.sin(np.pi * into) ** 2, 0.0) * np.sin(
            6 * np.pi * (times - event.time)
        )
        # The moment itself is as good a chance as any for where to.
        found += event.size * np.outer(np.sin(1e3 * event.time + np.arange(3.0)), swing)
    return found
