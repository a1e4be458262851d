"""Simulated EEG: sources in the head seen through maps on the scalp, and what goes wrong at electrodes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from affectbio.acquire.simulate.affect import Person
from affectbio.acquire.simulate.body import Body, Event, Second
from affectbio.acquire.simulate.sampling import on_grid, sample_times
from affectbio.errors import ConfigError
from affectbio.montage import electrode_position
from affectbio.registry import unknown_name

__all__ = ["Artefacts", "EegModel"]

# Where channels lie whose profile leaves that to the user: OpenBCI's first eight.
_USUAL = ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
# Correlation of the background falls to 1/e over this distance in metres: the skull blurs by some centimetres (Nunez &
# Srinivasan, Electric Fields of the Brain, 2006).
_BLUR_M = 0.07
_TAPS_S = 4.0
_BLINK_S, _BURST_S = 0.3, 0.8
_BLINK_V, _BURST_V, _NOISY_V = 200e-6, 30e-6, 50e-6
_POP_S = 0.4


@dataclass(frozen=True, slots=True)
class Artefacts:
    """What is in the signals and not of brain or heart.

    Parameters
    ----------
    blinks : bool
        Blinks at the person's rate: some 200 µV over the eyes, 300 ms long.
    line_hz : float
        Frequency of the mains, 50 or 60; 0 for none.
    line_uv : float
        Its mean amplitude, in microvolts; it differs between electrodes.
    emg_per_min : float
        Bursts of muscle, strongest at the temples.
    movements_per_min : float
        Bursts of movement, in accelerometer and gyroscope.
    pops_per_min : float
        Electrodes that jump by 100 to 300 µV and come back.
    drift_uv : float
        Root mean square of each electrode's slow drift.
    bad : mapping of str to {"flat", "noisy"}
        Electrodes that are off, or hardly touch.

    Raises
    ------
    ConfigError
        If a rate, amplitude or fault makes no sense.

    Examples
    --------
    >>> Artefacts(blinks=True, line_hz=50).line_uv
    5.0
    """

    blinks: bool = False
    line_hz: float = 0.0
    line_uv: float = 5.0
    emg_per_min: float = 0.0
    movements_per_min: float = 0.0
    pops_per_min: float = 0.0
    drift_uv: float = 0.0
    bad: Mapping[str, Literal["flat", "noisy"]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("line_hz", "line_uv", "emg_per_min", "movements_per_min", "pops_per_min", "drift_uv"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{name} is {value!r}; expected a finite number that is not negative")
        # Faster than this, one burst has not ended when the next begins.
        for name, most in (("emg_per_min", 40), ("movements_per_min", 15)):
            if getattr(self, name) > most:
                raise ConfigError(f"{name} is {getattr(self, name)!r}; expected at most {most}")
        for fault in self.bad.values():
            if fault not in ("flat", "noisy"):
                raise unknown_name("fault of an electrode", fault, ("flat", "noisy"))


class EegModel:
    r"""EEG of one device.

    Parameters
    ----------
    channels : sequence of str
        10-05 names; others are placed as OpenBCI's first eight.
    sfreq : float
        Rate in Hz.
    person : Person
        Whose it is.
    artefacts : Artefacts
        What goes wrong.
    seed : sequence of int
        Of its chance.

    Notes
    -----
    Noise through filters of 4 s: of each electrode a background :math:`1/f^\chi`, correlated by distance; of two
    places at the back and two in front alpha, which waxes and wanes as narrow noise does; of the midline theta;
    of both sides beta and muscle. O(n log n) per second by the FFT.
    """

    def __init__(
        self, channels: Sequence[str], sfreq: float, person: Person, artefacts: Artefacts, seed: Sequence[int]
    ) -> None:
        self.sfreq, self.person, self.artefacts = sfreq, person, artefacts
        self._names = tuple(channels)
        self._rng = np.random.default_rng([*seed, 3])
        self._faults_rng = np.random.default_rng([*seed, 4])
        where = np.array([electrode_position(n) or electrode_position(_USUAL[i % 8]) for i, n in enumerate(channels)])
        n_chans = len(where)

        apart = np.linalg.norm(where[:, np.newaxis] - where, axis=2)
        blur = np.linalg.cholesky(np.exp(-apart / _BLUR_M) + 1e-6 * np.eye(n_chans))
        maps = [_near(where, *place) for place in (("PO3", 0.05), ("PO4", 0.05), ("F3", 0.035), ("F4", 0.035),
                ("Fz", 0.04), ("C3", 0.04), ("C4", 0.04), ("T7", 0.04), ("T8", 0.04))]  # fmt: skip
        self._mix = np.column_stack([1e-6 * person.background_uv * blur, *maps])
        # One over both eyes, and falling off behind them.
        self._eyes = np.maximum(_near(where, "Fp1", 0.04), _near(where, "Fp2", 0.04))

        n_taps = 2 * round(_TAPS_S * sfreq / 2)
        freqs = np.fft.rfftfreq(n_taps, 1 / sfreq)
        background = np.maximum(freqs, 0.5) ** (-person.exponent / 2) * (freqs > 0)
        bands = [(person.alpha_hz, 1.0)] * 4 + [(6.0, 1.0)] + [(20.0, 3.0)] * 2
        shapes = [np.exp(-((freqs - centre) ** 2) / (4 * width**2)) for centre, width in bands]
        shapes += [1 / (1 + (25 / np.maximum(freqs, 1e-3)) ** 4)] * 2
        taps = np.array([_taps(background, sfreq, (1.0, 40.0))] * n_chans + [_taps(shape, sfreq) for shape in shapes])
        self._size = int(2 ** math.ceil(math.log2(n_taps + math.ceil(sfreq) + 1)))
        self._response = np.fft.rfft(taps, self._size)
        self._tail = np.zeros((len(taps), n_taps - 1))
        # What comes before the first sample has to fill the filters.
        for _ in range(math.ceil(n_taps / round(sfreq)) + 1):
            self._noise(round(sfreq))

        self._drift = 1e-6 * artefacts.drift_uv * self._faults_rng.standard_normal(n_chans)
        self._line = 1e-6 * artefacts.line_uv * np.exp(0.3 * self._faults_rng.standard_normal(n_chans))
        self._line_phase = self._faults_rng.normal(0.0, 0.2, n_chans)
        self._pops: list[tuple[float, int, float]] = []

    def second(self, number: int, second: Second, body: Body) -> npt.NDArray[np.float64]:
        """Give a second of EEG in volts, shape (n_chans, n_times); to be called for every second in turn."""
        times = sample_times(number, self.sfreq)
        noise = self._noise(len(times))
        n_chans = len(self._names)
        noise[n_chans:] *= self._gains(times, number, second, body)
        eeg = self._mix @ noise
        blinks = _bumps(times, body.events(number - 1, number + 1.5, "blink"), -_BLINK_S / 2, _BLINK_S)
        if blinks is not None:
            eeg += _BLINK_V * np.outer(self._eyes, blinks)
        self._spoil(eeg, times, number, body)
        return eeg

    def _gains(
        self, times: npt.NDArray[np.float64], number: int, second: Second, body: Body
    ) -> npt.NDArray[np.float64]:
        """How strong each source is, in volts, shape (9, n_times)."""
        person, coupling = self.person, body.coupling
        open_to_closed = 1 + (person.alpha_closed - 1) * second.closed
        alpha = 1e-6 * person.alpha_uv * open_to_closed * np.exp(coupling.log_alpha * second.drive / 2)
        # Amplitudes: half the logarithm of a power, shared out between both sides.
        lean = np.exp(person.reactivity * coupling.asymmetry * second.affect[0] / 4)
        rows = np.array([alpha, alpha, 0.5 * alpha / lean, 0.5 * alpha * lean, 2e-6 * second.theta,
                         1e-6 * second.beta, 1e-6 * second.beta])  # fmt: skip
        gains = np.zeros((9, len(times)))
        gains[:7] = on_grid(times, number, rows)
        bursts = _bumps(times, body.events(number - 1, number + 1, "emg"), 0.0, _BURST_S)
        if bursts is not None:
            gains[7:] = _BURST_V * bursts
        return gains

    def _noise(self, n_times: int) -> npt.NDArray[np.float64]:
        """Filter noise, by overlap and add."""
        white = self._rng.standard_normal((len(self._response), n_times))
        whole = np.fft.irfft(np.fft.rfft(white, self._size) * self._response, self._size)
        whole[:, : self._tail.shape[1]] += self._tail
        self._tail = whole[:, n_times : n_times + self._tail.shape[1]].copy()
        return whole[:, :n_times].copy()

    def _spoil(self, eeg: npt.NDArray[np.float64], times: npt.NDArray[np.float64], number: int, body: Body) -> None:
        artefacts, rng = self.artefacts, self._faults_rng
        n_chans = len(eeg)
        # A converter's filter leaves nothing of what is above half its rate.
        if 0 < artefacts.line_hz < self.sfreq / 2:
            cycle = 2 * np.pi * artefacts.line_hz * times
            eeg += self._line[:, np.newaxis] * np.sin(cycle + self._line_phase[:, np.newaxis])
        if artefacts.drift_uv:
            keep = math.exp(-1 / 20.0)
            step = 1e-6 * artefacts.drift_uv * math.sqrt(1 - keep**2) * rng.standard_normal(n_chans)
            after = keep * self._drift + step
            eeg += self._drift[:, np.newaxis] + np.outer(after - self._drift, times - number)
            self._drift = after
        if artefacts.pops_per_min:
            for _ in range(rng.poisson(artefacts.pops_per_min / 60)):
                at, electrode = number + rng.uniform(), int(rng.integers(n_chans))
                self._pops.append((at, electrode, float(rng.uniform(100e-6, 300e-6) * rng.choice((-1, 1)))))
                body.note(Event(at, "pop", 1.0))
            self._pops = [pop for pop in self._pops if pop[0] > number - 10 * _POP_S]
            for at, electrode, height in self._pops:
                since = times - at
                eeg[electrode] += np.where(since >= 0, height * np.exp(-np.maximum(since, 0) / _POP_S), 0.0)
        for name, fault in artefacts.bad.items():
            if name not in self._names:
                continue
            row = eeg[self._names.index(name)]
            row[:] = 0.0 if fault == "flat" else row + _NOISY_V * rng.standard_normal(len(row))


def _near(where: npt.NDArray[np.float64], place: str, width_m: float) -> npt.NDArray[np.float64]:
    """Give how strongly each electrode sees a source under a place, 1 right above it."""
    apart = np.linalg.norm(where - np.array(electrode_position(place)), axis=1)
    return np.asarray(np.exp(-(apart**2) / (2 * width_m**2)))


def _taps(
    response: npt.NDArray[np.float64], sfreq: float, band: tuple[float, float] | None = None
) -> npt.NDArray[np.float64]:
    """Give a filter that makes noise of unit variance, or of unit variance within a band, from white noise."""
    taps = np.fft.irfft(response)
    taps = np.roll(taps, len(taps) // 2) * np.hanning(len(taps))
    power = np.abs(np.fft.rfft(taps)) ** 2
    freqs = np.fft.rfftfreq(len(taps), 1 / sfreq)
    inside = slice(None) if band is None else (freqs >= band[0]) & (freqs <= band[1])
    variance = 2 * power[inside].sum() / len(taps)
    return np.asarray(taps / math.sqrt(variance)) if variance > 0 else taps


def _bumps(
    times: npt.NDArray[np.float64], events: Sequence[Event], start_s: float, length_s: float
) -> npt.NDArray[np.float64] | None:
    """Draw a smooth bump for every event; None where there is none."""
    if not events:
        return None
    onsets = np.array([[event.time + start_s] for event in events])
    into = (times - onsets) / length_s
    sizes = np.array([event.size for event in events])
    return np.asarray(sizes @ np.where((into > 0) & (into < 1), np.sin(np.pi * into) ** 2, 0.0))
