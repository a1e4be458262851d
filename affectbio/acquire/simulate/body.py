"""What happens in the simulated body second by second: breaths, heart beats, skin responses, blinks, movements.

All devices on one body see the same events, whatever their rates; signals are drawn from these events.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectbio.acquire.simulate.affect import AFFECT_HZ, STATES, AffectPath, Coupling, Person

__all__ = ["Body", "Event", "Second"]

# Longer than any event is felt in a signal: a skin response has faded to e^-15 by then.
_REMEMBER_S = 32.0
_LF_HZ = 0.1


class Event(NamedTuple):
    """Something that happened.

    Attributes
    ----------
    time : float
        In seconds of the session; of a beat the R peak, of a skin response and a movement the onset, of a blink and a
        breath the peak.
    name : str
        ``"beat"``, ``"breath"``, ``"scr"``, ``"blink"``, ``"emg"``, ``"movement"``, ``"pop"``, or the name of a state
        that begins.
    size : float
        Of a beat the interval to the next one in seconds, of a response its height in siemens, of the others their
        share of the usual.
    """

    time: float
    name: str
    size: float


@dataclass(frozen=True, slots=True, eq=False)
class Second:
    """One second of the body on the grid of `AFFECT_HZ`; its last column is the first of the next second.

    Parameters
    ----------
    affect : ndarray, shape (2, AFFECT_HZ + 1)
        Valence and arousal.
    drive : ndarray, shape (AFFECT_HZ + 1,)
        Arousal above rest, times the person's reactivity.
    breathing : ndarray, shape (AFFECT_HZ + 1,)
        Phase of breathing in cycles, 0 at the beginning of a breath in.
    scl, finger : ndarray, shape (AFFECT_HZ + 1,)
        Skin conductance level in siemens, finger temperature in degrees.
    closed, theta, beta : ndarray, shape (AFFECT_HZ + 1,)
        How far the eyes are closed, 0 to 1, and the gains of the state.
    """

    affect: npt.NDArray[np.float64]
    drive: npt.NDArray[np.float64]
    breathing: npt.NDArray[np.float64]
    scl: npt.NDArray[np.float64]
    finger: npt.NDArray[np.float64]
    closed: npt.NDArray[np.float64]
    theta: npt.NDArray[np.float64]
    beta: npt.NDArray[np.float64]


class _Lag:
    """Follows a value with a time constant."""

    def __init__(self, time_s: float) -> None:
        self._keep = math.exp(-1 / (AFFECT_HZ * time_s))
        self.value = math.nan

    def step(self, aim: float) -> float:
        self.value = aim if math.isnan(self.value) else aim + self._keep * (self.value - aim)
        return self.value


class Body:
    r"""A person in a state, as events and slow courses; constant memory, whatever the length.

    Parameters
    ----------
    person : Person
        Who.
    states : str or sequence of (str, float)
        As for `AffectPath`.
    coupling : Coupling
        How the body follows affect.
    seed : int
        Of all chance.
    blinks : bool
        Whether there are blinks.
    emg_per_min, movements_per_min : float
        Bursts of muscle and of movement.

    Notes
    -----
    An interval between beats is that of the heart rate, plus breathing's share (respiratory sinus arrhythmia), plus a
    slow one around 0.1 Hz. Their sizes follow from RMSSD: the successive differences of a sinusoid of variance
    :math:`s^2` and frequency :math:`f`, sampled every interval :math:`T`, have variance
    :math:`4 s^2 \sin^2(\pi f T)`.
    """

    def __init__(
        self,
        person: Person,
        states: str | Sequence[tuple[str, float]],
        coupling: Coupling,
        seed: int,
        *,
        blinks: bool = False,
        emg_per_min: float = 0.0,
        movements_per_min: float = 0.0,
    ) -> None:
        self.person, self.coupling = person, coupling
        self.path = AffectPath(states, [seed, 1])
        self._blinks, self._emg, self._movements = blinks, emg_per_min, movements_per_min
        self._events: deque[Event] = deque()
        self._number = 0
        # One source of chance for each process: that one is switched on does not change the others.
        names = ("breath", "heart", "scr", "blink", "emg", "movement", "slow")
        self._rng = {name: np.random.default_rng([seed, 2, i]) for i, name in enumerate(names)}
        self._phase = float(self._rng["breath"].uniform())
        self._lf = complex(*self._rng["slow"].standard_normal(2))
        self._calm = _Lag(5.0)
        self._lags = {
            "scl": _Lag(15.0),
            "finger": _Lag(60.0),
            "closed": _Lag(0.1),
            "theta": _Lag(2.0),
            "beta": _Lag(2.0),
        }
        self._next_beat = float(self._rng["heart"].uniform(0.0, 0.8))
        self._next = {"scr": 0.0, "blink": 0.0, "emg": 0.0, "movement": 0.0}
        self._since = math.nan
        self._column = self._columns(0)

    def events(self, start_s: float, stop_s: float, name: str = "") -> list[Event]:
        """Give the events of the last half minute with ``start_s <= time < stop_s``, of one name or all, in order."""
        found = [e for e in self._events if start_s <= e.time < stop_s and (not name or e.name == name)]
        return sorted(found)

    def note(self, event: Event) -> None:
        """Take an event in that happens to a device."""
        self._events.append(event)

    def second(self) -> Second:
        """Go on by a second, and give it; `events` are then known for it, and the beats 1 s beyond it."""
        number = self._number
        columns, self._column = self._column, self._columns(number + 1)
        joined = np.concatenate([columns, self._column[:, :1]], axis=1)
        self._number += 1
        while self._events and self._events[0].time < number - _REMEMBER_S:
            self._events.popleft()
        return Second(joined[:2], *joined[2:])

    def _columns(self, number: int) -> npt.NDArray[np.float64]:
        """Walk through a second: rows as in `Second`, AFFECT_HZ columns."""
        affect = self.path.second(number)
        rows = np.empty((9, AFFECT_HZ))
        rows[:2] = affect
        steps = self._rng["slow"].standard_normal((AFFECT_HZ, 2))
        wander = self._rng["breath"].standard_normal(AFFECT_HZ)
        found: list[Event] = []
        for i in range(AFFECT_HZ):
            now = number + i / AFFECT_HZ
            name, since = self.path.state_at(now)
            if since != self._since:
                found.append(Event(since, name, 1.0))
                self._since = since
            rows[2:, i] = self._step(now, name, float(affect[1, i]), steps[i], float(wander[i]), found)
        self._events.extend(sorted(found))
        return rows

    def _step(
        self, now: float, name: str, arousal: float, step: npt.NDArray[np.float64], wander: float, found: list[Event]
    ) -> tuple[float, ...]:
        person, coupling, state = self.person, self.coupling, STATES[name]
        drive = person.reactivity * (arousal - STATES["rest"].arousal)
        calm = self._calm.step(drive)
        phase = self._phase
        rate_hz = max(4.0, person.breaths_per_min + coupling.breaths_per_min * calm) / 60
        self._phase += rate_hz * (1 + 0.15 * wander) / AFFECT_HZ
        if math.floor(self._phase - 0.5) > math.floor(phase - 0.5):
            into = (math.floor(self._phase - 0.5) + 0.5 - phase) / (self._phase - phase)
            found.append(Event(now + into / AFFECT_HZ, "breath", 1.0))
        # A damped oscillator driven by noise, of unit variance: the waves of blood pressure.
        keep = math.exp(-1 / (AFFECT_HZ * 20.0))
        turn = 2 * math.pi * _LF_HZ / AFFECT_HZ
        self._lf = self._lf * keep * complex(math.cos(turn), math.sin(turn)) + math.sqrt(1 - keep**2) * complex(*step)
        self._beats(now, calm, rate_hz, found)
        self._chances(now, drive, state.eyes_closed, found)
        lags = self._lags
        return (
            drive,
            phase,
            1e-6 * lags["scl"].step(max(0.3, person.scl_us + coupling.scl_us * drive)),
            lags["finger"].step(person.finger_degc + coupling.finger_degc * drive),
            lags["closed"].step(float(state.eyes_closed)),
            lags["theta"].step(state.theta),
            lags["beta"].step(state.beta),
        )

    def _beats(self, now: float, calm: float, rate_hz: float, found: list[Event]) -> None:
        person, coupling = self.person, self.coupling
        while self._next_beat < now + 1 / AFFECT_HZ:
            mean = 60 / min(220.0, max(35.0, person.hr_bpm + coupling.hr_bpm * calm))
            rmssd = 1e-3 * person.rmssd_ms * math.exp(coupling.log_rmssd * calm)
            chop = math.sin(math.pi * rate_hz * mean) ** 2 + person.lf_hf * math.sin(math.pi * _LF_HZ * mean) ** 2
            size = rmssd / math.sqrt(4 * chop)
            # Breathing in quickens the heart (Hirsch & Bishop, Am. J. Physiol. 241, 1981).
            cycle = self._phase + (self._next_beat - now - 1 / AFFECT_HZ) * rate_hz
            interval = mean + size * (
                -math.sqrt(2) * math.sin(2 * math.pi * cycle) + math.sqrt(person.lf_hf) * self._lf.real
            )
            interval = min(2.0, max(0.27, interval))
            found.append(Event(self._next_beat, "beat", interval))
            self._next_beat += interval

    def _chances(self, now: float, drive: float, closed: bool, found: list[Event]) -> None:
        """Let what comes by chance happen: with a rate, but not twice within a time of rest."""
        person = self.person
        scr = max(0.2, person.scr_per_min + self.coupling.scr_per_min * drive)
        blink = person.blinks_per_min if self._blinks and not closed else 0.0
        for name, per_min, rest_s in (
            ("scr", scr, 1.5),
            ("blink", blink, 0.6),
            ("emg", self._emg, 1.0),
            ("movement", self._movements, 3.0),
        ):
            # The time of rest is taken from the mean interval, so that the rate comes out as asked.
            hazard = per_min / max(1.0, 60.0 - per_min * rest_s)
            rng = self._rng[name]
            chance, size, where = rng.uniform(), max(-2.5, min(2.5, rng.standard_normal())), rng.uniform()
            if now >= self._next[name] and chance < 1 - math.exp(-hazard / AFFECT_HZ):
                height = 1e-6 * person.scr_us * math.exp(0.5 * size) if name == "scr" else max(0.5, 1 + 0.15 * size)
                found.append(Event(now + where / AFFECT_HZ, name, height))
                self._next[name] = now + where / AFFECT_HZ + rest_s
