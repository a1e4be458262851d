"""The person behind simulated signals: valence and arousal over time, and how strongly each signal follows them.

A simulation, never evidence: it shows whether a program finds what was put in, not whether people are like that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from affectbio.errors import ConfigError
from affectbio.registry import unknown_name

__all__ = ["AFFECT_HZ", "STATES", "AffectPath", "Coupling", "Person", "State"]

#: Rate of the simulated valence and arousal, in Hz.
AFFECT_HZ = 10


@dataclass(frozen=True, slots=True)
class State:
    """What a person is doing.

    Parameters
    ----------
    valence, arousal : float
        Where they settle, -1 to 1, in the plane of Russell (J. Pers. Soc. Psychol. 39, 1980).
    eyes_closed : bool
        Whether the eyes are closed.
    theta, beta : float
        Amplitude of frontal midline theta and of central beta beside those at rest. Mental arithmetic raises the first
        (Ishihara & Yoshii, Electroencephalogr. Clin. Neurophysiol. 33, 1972; Gevins et al., Cereb. Cortex 7, 1997).
    """

    valence: float
    arousal: float
    eyes_closed: bool = False
    theta: float = 1.0
    beta: float = 1.0


#: States by name. Their directions are those of the literature, their places in the plane a choice.
STATES = {
    "rest": State(0.1, -0.4),
    "eyes-closed": State(0.1, -0.5, eyes_closed=True),
    "meditation": State(0.4, -0.7, eyes_closed=True, theta=1.2),
    "arithmetic": State(-0.1, 0.4, theta=1.6, beta=1.2),
    "stress": State(-0.6, 0.8, theta=1.2, beta=1.4),
    "amusement": State(0.7, 0.3),
    "sadness": State(-0.6, -0.3),
}


@dataclass(frozen=True, slots=True)
class Coupling:
    """How strongly signals follow affect: per unit of arousal above rest, or of valence.

    The directions are the literature's; the sizes are within what it reports, and a choice.

    Parameters
    ----------
    hr_bpm : float
        Heart rate, in beats per minute: the Trier stress test raises it by 15 to 20 (Kirschbaum et al.,
        Neuropsychobiology 28, 1993).
    log_rmssd : float
        Natural logarithm of RMSSD, which falls under stress (Castaldo et al., Biomed. Signal Process. Control
        18, 2015).
    scr_per_min : float
        Skin conductance responses: one to three a minute at rest, over twenty when much aroused (Boucsein,
        Electrodermal Activity, 2012).
    scl_us : float
        Skin conductance level, in microsiemens (same source).
    finger_degc : float
        Finger temperature, which falls as vessels narrow (Vinkers et al., Stress 16, 2013).
    breaths_per_min : float
        Breathing rate (Grassmann et al., Neural Plast. 2016, 8146809).
    log_pulse : float
        Natural logarithm of the pulse wave's amplitude, which falls for the same reason as the temperature.
    log_alpha : float
        Natural logarithm of posterior alpha power (Klimesch, Brain Res. Rev. 29, 1999).
    asymmetry : float
        Natural logarithm of right over left frontal alpha power per unit of valence (Davidson, Psychol. Sci. 3, 1992;
        Coan & Allen, Biol. Psychol. 67, 2004). Whether people show it is disputed; 0 leaves it out.
    """

    hr_bpm: float = 15.0
    log_rmssd: float = -0.6
    scr_per_min: float = 8.0
    scl_us: float = 2.0
    finger_degc: float = -1.5
    breaths_per_min: float = 4.0
    log_pulse: float = -0.4
    log_alpha: float = -0.8
    asymmetry: float = 0.3


@dataclass(frozen=True, slots=True)
class Person:
    """What is one person's own, at rest.

    Parameters
    ----------
    hr_bpm, rmssd_ms : float
        Heart rate and RMSSD.
    lf_hf : float
        Power of the beat intervals around 0.1 Hz beside that of breathing.
    breaths_per_min : float
        Breathing rate.
    scl_us, scr_us : float
        Level of skin conductance and median of a response, in microsiemens.
    scr_per_min : float
        Responses per minute.
    finger_degc : float
        Finger temperature.
    alpha_hz : float
        Peak of alpha.
    alpha_uv : float
        Root mean square of alpha over the back of the head with eyes open, in microvolts.
    alpha_closed : float
        How many times higher that is with eyes closed (Barry et al., Clin. Neurophysiol. 118, 2007).
    exponent : float
        The EEG's background falls with frequency to this power (Donoghue et al., Nat. Neurosci. 23, 2020).
    background_uv : float
        Root mean square of that background from 1 to 40 Hz, in microvolts.
    blinks_per_min : float
        Blinks while the eyes are open (Bentivoglio et al., Mov. Disord. 12, 1997: 17 at rest).
    reactivity : float
        Times the `Coupling`.

    Raises
    ------
    ConfigError
        If a number is not finite, or one that must be above zero is not.

    Examples
    --------
    >>> Person.sample(1) == Person.sample(1), Person.sample(1) == Person.sample(2)
    (True, False)
    """

    hr_bpm: float = 68.0
    rmssd_ms: float = 40.0
    lf_hf: float = 1.5
    breaths_per_min: float = 14.0
    scl_us: float = 5.0
    scr_us: float = 0.3
    scr_per_min: float = 2.0
    finger_degc: float = 33.0
    alpha_hz: float = 10.0
    alpha_uv: float = 5.0
    alpha_closed: float = 2.5
    exponent: float = 1.2
    background_uv: float = 6.0
    blinks_per_min: float = 17.0
    reactivity: float = 1.0

    def __post_init__(self) -> None:
        free = {"exponent", "reactivity", "blinks_per_min", "scr_per_min", "lf_hf"}
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (value == 0 and name not in free):
                raise ConfigError(f"a person's {name} is {value!r}; expected a number above 0")

    @classmethod
    def sample(cls, seed: int) -> Person:
        """Draw a person at random.

        Parameters
        ----------
        seed : int
            The same gives the same person.

        Returns
        -------
        Person
            Heart from the adults of Nunan et al. (Pacing Clin. Electrophysiol. 33, 2010), alpha's peak from Haegens et
            al. (NeuroImage 92, 2014); the other spreads are a choice.
        """
        rng = np.random.default_rng([seed, 0xBE])

        def around(median: float, spread: float) -> float:
            """Log-normal, so that nothing falls below zero."""
            return float(median * math.exp(spread * np.clip(rng.standard_normal(), -2.5, 2.5)))

        return cls(
            hr_bpm=around(68.0, 0.12),
            rmssd_ms=around(40.0, 0.35),
            lf_hf=around(1.5, 0.4),
            breaths_per_min=around(14.0, 0.15),
            scl_us=around(5.0, 0.4),
            scr_us=around(0.3, 0.4),
            scr_per_min=around(2.0, 0.4),
            finger_degc=around(33.0, 0.03),
            alpha_hz=around(10.0, 0.08),
            alpha_uv=around(5.0, 0.35),
            alpha_closed=around(2.5, 0.2),
            exponent=around(1.2, 0.15),
            background_uv=around(6.0, 0.2),
            blinks_per_min=around(17.0, 0.35),
            reactivity=around(1.0, 0.25),
        )


class AffectPath:
    """Valence and arousal, drawn towards the place of each state: an Ornstein-Uhlenbeck process.

    Parameters
    ----------
    states : str or sequence of (str, float)
        A name of `STATES`, or names with durations in seconds; the last goes on for ever.
    seed : sequence of int
        Of its chance.
    settle_s : float
        Time constant with which a state is reached.
    restlessness : float
        Standard deviation around it.

    Raises
    ------
    ConfigError
        If a state is not known, there is none, or a duration is not above zero.

    Notes
    -----
    Uhlenbeck & Ornstein, Phys. Rev. 36, 1930.
    """

    def __init__(
        self,
        states: str | Sequence[tuple[str, float]],
        seed: Sequence[int],
        *,
        settle_s: float = 8.0,
        restlessness: float = 0.08,
    ) -> None:
        plan = [(states, math.inf)] if isinstance(states, str) else list(states)
        if not plan:
            raise ConfigError("no state to simulate; expected a name, or names with their durations in seconds")
        for name, duration in plan:
            if name not in STATES:
                raise unknown_name("state", name, STATES)
            if not duration > 0:
                raise ConfigError(f"state {name!r} lasts {duration!r} s; expected more than 0")
        self._names = [name for name, _ in plan]
        self._starts = np.cumsum([0.0, *(duration for _, duration in plan[:-1])])
        self._rng = np.random.default_rng(seed)
        self._keep = math.exp(-1 / (AFFECT_HZ * settle_s))
        self._noise = restlessness * math.sqrt(1 - self._keep**2)
        first = STATES[self._names[0]]
        # A session begins in its first state, not on the way there.
        self._at = np.array([first.valence, first.arousal]) + restlessness * self._rng.standard_normal(2)

    def state_at(self, time_s: float) -> tuple[str, float]:
        """Name the state at a time, and say when it began, in seconds."""
        number = int(np.searchsorted(self._starts, time_s, side="right")) - 1
        return self._names[number], float(self._starts[number])

    def second(self, number: int) -> npt.NDArray[np.float64]:
        """Give valence and arousal of the next second, shape (2, AFFECT_HZ); to be called for every second in turn."""
        noise = self._noise * self._rng.standard_normal((AFFECT_HZ, 2))
        path = np.empty((2, AFFECT_HZ))
        for i in range(AFFECT_HZ):
            path[:, i] = self._at
            name, _ = self.state_at(number + i / AFFECT_HZ)
            aim = (STATES[name].valence, STATES[name].arousal)
            self._at = aim + self._keep * (self._at - aim) + noise[i]
        return np.clip(path, -1.0, 1.0)
