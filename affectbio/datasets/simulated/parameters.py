"""What the simulated benchmark is made of: one person's log band powers as a sum of Gaussian terms, and its presets.

The log power (natural logarithm of V²) of all electrodes and bands of person s, trial t, window i is

    z = mu + delta_s + xi_st + nu_c + a_s m_y + e_sti

with the person's offset delta ~ N(0, S), the trial's fingerprint xi ~ N(0, X), the signature nu ~ N(0, V) of the
stimulus c, the pattern m_y of the trial's class y, the person's strength a ~ N(1, effect_sd²), and e a first-order
autoregression over windows, marginally N(0, E). Every covariance is that of electrodes (x) that of bands, times the
bands' deviations. These are the variance components of Searle, Casella & McCulloch, *Variance Components*, 1992, with
a shape in space and frequency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.bands import BAND_SETS
from affectbio.errors import ConfigError
from affectbio.montage import electrode_position
from affectbio.registry import unknown_name

__all__ = ["BANDS", "PRESETS", "SimulationParams", "preset"]

_Floats = npt.NDArray[np.float64]

#: The bands of the benchmark, those of the SEED papers.
BANDS = BAND_SETS["eeg"]

# Power of a resting adult in µV², about 1/f with the alpha peak on it.
_REST_POWER_UV2 = np.array([40.0, 12.0, 15.0, 6.0, 2.0])

_VALENCE: Mapping[str, tuple[float, float]] = MappingProxyType({"low": (-1.0, 0.0), "high": (1.0, 0.0)})


@dataclass(frozen=True, slots=True, eq=False)
class SimulationParams:
    """All that the simulated benchmark depends on but the seed and the numbers of people and trials.

    Deviations are in nats of power (1 nat is 4.3 dB): one number, or one for each of the five bands. Differential
    entropy is half of it, ``(z + ln(2 pi e)) / 2``.

    Parameters
    ----------
    ch_names : sequence of str
        10-05 names.
    classes : mapping of str to (float, float)
        The classes, and where each lies in the plane of valence and arousal.
    effect : float
        Norm over electrodes and bands of the pattern of a class at distance 1 from the middle of that plane.
    effect_sd : float
        Deviation between people of the strength of the effect, which is 1 on average; some may have the opposite sign.
    subject_sd : float or sequence of float
        Deviation of a person's offset.
    trial_sd : float or sequence of float
        Deviation of a trial's fingerprint.
    stimulus_sd : float or sequence of float
        Deviation of a stimulus's signature, which all people who see it share.
    noise_sd : float or sequence of float
        Deviation of a window.
    noise_corr : float
        Correlation of the noise of consecutive windows, 0 to below 1.
    n_windows : int
        Windows in a trial.
    window_s : float
        Length of a window in seconds.
    labels : "balanced", "coins" or float
        How many trials of each class a person sees: equally many; whatever the coins of ``prior`` give; or this share
        of one class, another one from person to person, and the rest of the others: a shift of labels.
    prior : sequence of float, optional
        Probability of each class for "coins"; equal if not given.
    mixing_sd : float
        How much a person's electrodes see of each other: the log powers, mu apart, are multiplied by 1 plus a random
        matrix of about this norm.
    artefact_rate : float
        Share of windows with power added by eyes or muscles, whatever the class.
    missing_rate : float
        Probability that an electrode of a person is off, all session long.
    length_m, nugget : float
        Distance over which electrodes correlate, and the share of variance they have alone. Not used with ``spatial``.
    band_corr : float
        Correlation of neighbouring bands. Not used with ``spectral``.
    spatial, spectral : ndarray, optional
        Correlations of electrodes, shape (n_chans, n_chans), and of bands, shape (5, 5), instead of those.
    patterns : ndarray, shape (n_classes, n_chans, 5), optional
        Patterns of the classes, to be scaled by ``effect``, instead of frontal alpha asymmetry with temporal beta and
        gamma (valence) and posterior alpha with frontal gamma (arousal).

    Raises
    ------
    ConfigError
        If a value is outside its range, a shape does not fit, or an electrode is unknown.

    Examples
    --------
    >>> params = SimulationParams(ch_names=("F3", "F4", "T7", "T8"), effect=0.3)
    >>> params.class_patterns().shape
    (2, 4, 5)
    """

    ch_names: Sequence[str]
    classes: Mapping[str, tuple[float, float]] = field(default_factory=lambda: _VALENCE)
    effect: float = 0.4
    effect_sd: float = 0.3
    subject_sd: float | Sequence[float] = 0.6
    trial_sd: float | Sequence[float] = 0.1
    stimulus_sd: float | Sequence[float] = 0.0
    noise_sd: float | Sequence[float] = 0.3
    noise_corr: float = 0.6
    n_windows: int = 10
    window_s: float = 1.0
    labels: str | float = "balanced"
    prior: Sequence[float] | None = None
    mixing_sd: float = 0.0
    artefact_rate: float = 0.0
    missing_rate: float = 0.0
    length_m: float = 0.04
    nugget: float = 0.2
    band_corr: float = 0.5
    spatial: npt.NDArray[Any] | None = None
    spectral: npt.NDArray[Any] | None = None
    patterns: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ch_names", tuple(self.ch_names))
        object.__setattr__(self, "classes", MappingProxyType(dict(self.classes)))
        unknown = [name for name in self.ch_names if electrode_position(name) is None]
        if not self.ch_names or unknown:
            found = repr(unknown[0]) if unknown else "none"
            raise ConfigError(f"ch_names are electrodes of the 10-05 system; found {found}")
        n_chans, n_classes = len(self.ch_names), len(self.classes)
        if n_classes < 2:
            raise ConfigError(f"expected at least two classes, found {n_classes}")
        for name in ("subject_sd", "trial_sd", "stimulus_sd", "noise_sd"):
            value = np.asarray(getattr(self, name), dtype=float)
            if value.shape not in ((), (len(BANDS),)) or not (np.isfinite(value) & (value >= 0)).all():
                raise ConfigError(f"{name} is a deviation of at least 0, or {len(BANDS)} of them; found {value}")
        if not (np.asarray(self.noise_sd) > 0).all():
            raise ConfigError(f"noise_sd is above 0, or every ceiling would be 1; found {self.noise_sd}")
        for name, low, high in (
            ("effect", 0, np.inf), ("effect_sd", 0, np.inf), ("mixing_sd", 0, 0.5), ("artefact_rate", 0, 1),
            ("missing_rate", 0, 0.9), ("noise_corr", 0, 0.999), ("nugget", 0.001, 1), ("band_corr", 0, 0.999),
            ("length_m", 0.001, 1), ("window_s", 0.25, 3600), ("n_windows", 1, 1_000_000),
        ):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} lies between {low} and {high}; found {getattr(self, name)!r}")
        is_share = isinstance(self.labels, float) and 1 / n_classes <= self.labels < 1
        if not is_share and self.labels not in ("balanced", "coins"):
            raise ConfigError(
                f"labels are 'balanced', 'coins' or a share from {1 / n_classes:.3g} to below 1; found {self.labels!r}"
            )
        if self.prior is not None:
            prior = np.asarray(self.prior, dtype=float)
            if prior.shape != (n_classes,) or (prior <= 0).any() or abs(prior.sum() - 1) > 1e-9:
                raise ConfigError(f"prior holds {n_classes} probabilities above 0 with sum 1; found {prior}")
            if self.labels != "coins":
                raise ConfigError(f"a prior is that of labels='coins'; found labels={self.labels!r} beside it")
        for name, shape in (
            ("spatial", (n_chans, n_chans)), ("spectral", (len(BANDS),) * 2), ("patterns", (n_classes, n_chans, 5))
        ):  # fmt: skip
            array = getattr(self, name)
            if array is not None and np.shape(array) != shape:
                raise ConfigError(f"{name} has shape {shape} for these electrodes and classes; found {np.shape(array)}")

    @property
    def n_eff(self) -> float:
        """Independent windows that would tell as much of a trial's mean as its autocorrelated ones do."""
        n, corr = self.n_windows, self.noise_corr
        return (n * (1 - corr) + 2 * corr) / (1 + corr)

    def window_weights(self) -> _Floats:
        """Give the weights of a trial's windows in the best estimate of its mean, shape (n_windows,)."""
        weights = np.full(self.n_windows, 1 - self.noise_corr)
        weights[[0, -1]] = 1.0
        normed: _Floats = weights / weights.sum()
        return normed

    def mean_log_power(self) -> _Floats:
        """Give mu, the log power in V² that all people have in common, shape (n_chans, 5)."""
        return np.tile(np.log(_REST_POWER_UV2 * 1e-12), (len(self.ch_names), 1))

    def spatial_correlation(self) -> _Floats:
        """Give the correlations of electrodes, shape (n_chans, n_chans)."""
        if self.spatial is not None:
            return np.asarray(self.spatial, dtype=float)
        where = self._positions()
        distance2 = ((where[:, None] - where[None]) ** 2).sum(-1)
        near = (1 - self.nugget) * np.exp(-distance2 / (2 * self.length_m**2))
        return near + self.nugget * np.eye(len(where))  # type: ignore[no-any-return]

    def spectral_correlation(self) -> _Floats:
        """Give the correlations of bands, shape (5, 5)."""
        if self.spectral is not None:
            return np.asarray(self.spectral, dtype=float)
        band = np.arange(len(BANDS))
        return self.band_corr ** np.abs(np.subtract.outer(band, band)).astype(float)

    def deviations(self, name: str) -> _Floats:
        """Give one of the deviations for every band, shape (5,)."""
        return np.array(np.broadcast_to(getattr(self, name), (len(BANDS),)), dtype=float)

    def covariance(self, name: str) -> _Floats:
        """Give the covariance of one of the terms, electrodes outside and bands inside.

        Parameters
        ----------
        name : {"subject_sd", "trial_sd", "stimulus_sd", "noise_sd"}
            Which term.

        Returns
        -------
        ndarray, shape (n_chans * 5, n_chans * 5)
            In nats squared.
        """
        sd = self.deviations(name)
        spectral: npt.NDArray[Any] = self.spectral_correlation() * np.outer(sd, sd)
        return np.asarray(np.kron(self.spatial_correlation(), spectral), dtype=np.float64)

    def of_trial_mean(self) -> _Floats:
        """Give the covariance of the mean of a trial around its person and class, for a stimulus never seen before."""
        noise = self.covariance("noise_sd") / self.n_eff
        return self.covariance("trial_sd") + self.covariance("stimulus_sd") + noise

    def class_patterns(self) -> _Floats:
        """Give what each class adds to the log powers of a person of strength 1, shape (n_classes, n_chans, 5)."""
        if self.patterns is not None:
            return self.effect * np.asarray(self.patterns, dtype=float)
        axes = np.stack([self._valence(), self._arousal()])
        axes /= np.linalg.norm(axes, axis=(1, 2), keepdims=True)
        where = np.array(list(self.classes.values()), dtype=float)
        return self.effect * np.einsum("ka,acb->kcb", where, axes)  # type: ignore[no-any-return]

    def _positions(self) -> _Floats:
        return np.array([electrode_position(name) for name in self.ch_names], dtype=float)

    def nearness(self, *names: str) -> _Floats:
        """Say how near each electrode is to the nearest of those named, 0 to 1, shape (n_chans,)."""
        places = np.array([electrode_position(name) for name in names], dtype=float)
        distance2 = ((self._positions()[:, None] - places[None]) ** 2).sum(-1)
        near: _Floats = np.exp(-distance2.min(axis=1) / (2 * 0.03**2))
        return near

    def _valence(self) -> _Floats:
        # Less alpha at the left front with positive affect, more at the right; Coan & Allen, Biol. Psychol. 67, 2004.
        # Temporal beta and gamma: Zheng & Lu, IEEE Trans. Auton. Ment. Dev. 7(3), 2015.
        side = np.sign(np.round(self._positions()[:, 0], 3))
        front, temples = self.nearness("F3", "F4", "F7", "F8"), self.nearness("T7", "T8")
        return np.stack([0 * front, 0 * front, side * front, 0.6 * temples, temples], axis=1)

    def _arousal(self) -> _Floats:
        # Less alpha at the back (Barry et al., Clin. Neurophysiol. 118, 2007), more gamma at the front.
        front, back = self.nearness("Fz", "F3", "F4"), self.nearness("O1", "Oz", "O2", "Pz")
        return np.stack([0 * front, 0.3 * front, -back, 0.3 * front, 0.6 * front], axis=1)


# fmt: off
_SEED = (
    "Fp1", "Fpz", "Fp2", "AF3", "AF4", "F7", "F5", "F3", "F1", "Fz", "F2", "F4", "F6", "F8", "FT7", "FC5", "FC3", "FC1",
    "FCz", "FC2", "FC4", "FC6", "FT8", "T7", "C5", "C3", "C1", "Cz", "C2", "C4", "C6", "T8", "TP7", "CP5", "CP3", "CP1",
    "CPz", "CP2", "CP4", "CP6", "TP8", "P7", "P5", "P3", "P1", "Pz", "P2", "P4", "P6", "P8", "PO7", "PO5", "PO3", "POz",
    "PO4", "PO6", "PO8", "O1", "Oz", "O2",
)
_DEAP = (
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz", "Fp2", "AF4",
    "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2",
)
_DREAMER = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
_MUSE = ("TP9", "AF7", "AF8", "TP10")
_QUADRANTS = {"LVLA": (-1.0, -1.0), "LVHA": (-1.0, 1.0), "HVLA": (1.0, -1.0), "HVHA": (1.0, 1.0)}
# fmt: on

#: Parameters in the style of known data sets: their electrodes, and an effect that leaves as much room as they do.
#: SEED-like lacks the two cerebellar electrodes, which have no place in the 10-05 system.
PRESETS: Mapping[str, SimulationParams] = MappingProxyType(
    {
        "seed-like": SimulationParams(_SEED, effect=0.43),
        "seed-like-3": SimulationParams(
            _SEED, {"negative": (-1.0, 0.0), "neutral": (0.0, 0.0), "positive": (1.0, 0.0)}, effect=0.6
        ),
        "deap-like": SimulationParams(_DEAP, effect=0.135, effect_sd=0.6),
        "deap-quadrants": SimulationParams(_DEAP, _QUADRANTS, effect=0.135, effect_sd=0.6),
        "dreamer-like": SimulationParams(_DREAMER, effect=0.11, effect_sd=0.6),
        "headset-4": SimulationParams(_MUSE, effect=0.15, noise_sd=0.4),
        "headset-4-loose": SimulationParams(_MUSE, effect=0.15, noise_sd=0.4, missing_rate=0.1),
        "label-shift": SimulationParams(_SEED, effect=0.43, labels=0.8),
        "null": SimulationParams(_DEAP, effect=0.0),
    }
)


def preset(params: str | SimulationParams, **changes: Any) -> SimulationParams:
    """Give the parameters of that name, with some of them changed.

    Parameters
    ----------
    params : str or SimulationParams
        A name in `PRESETS`, or parameters.
    **changes
        Fields of `SimulationParams`.

    Returns
    -------
    SimulationParams
        Those parameters.

    Raises
    ------
    ConfigError
        If there is no preset of that name, or a change is not valid.

    Examples
    --------
    >>> preset("seed-like", labels=0.8).labels
    0.8
    """
    if isinstance(params, str):
        if params not in PRESETS:
            raise unknown_name("preset", params, PRESETS)
        params = PRESETS[params]
    return replace(params, **changes)
