"""Makes waveforms whose band powers are the drawn ones, so that the whole way from signal to score can be tested.

Each band is carried by noise of its own, 1/f within the band, correlated between electrodes, and scaled window by
window to the drawn power. Nothing of the class is in a waveform but those powers: what a rule on features can score at
best stays an upper bound for a rule on signals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from affectbio.datasets.simulated.draw import Drawn, draw_person, subject_names
from affectbio.datasets.simulated.parameters import BANDS, SimulationParams, preset
from affectbio.registry import unknown_name
from affectbio.types import Channel, Consent, Recording, Signal

__all__ = ["WaveformArtefacts", "render"]

_Floats = npt.NDArray[np.float64]

_NOBODY = Consent(("research", "teaching", "product"), "simulated: no person was recorded")
# Seconds over which one window's gain passes into the next's, so that the step is no click.
_FADE_S = 0.06


@dataclass(frozen=True, slots=True)
class WaveformArtefacts:
    """What is added to the waveforms, whatever the class; by default nothing.

    Parameters
    ----------
    blinks_per_min : float
        Blinks a minute, of 100 to 200 µV at the front pole.
    muscle_share : float
        Share of seconds with muscle noise at the temples.
    mains_v : float
        Amplitude of mains hum in volts.
    mains_hz : float
        Its frequency.
    """

    blinks_per_min: float = 0.0
    muscle_share: float = 0.0
    mains_v: float = 0.0
    mains_hz: float = 50.0


def render(
    params: str | SimulationParams,
    n_subjects: int = 16,
    n_trials: int = 20,
    seed: int = 0,
    *,
    sfreq: float = 128.0,
    rest_windows: int = 0,
    artefacts: WaveformArtefacts | None = None,
    subjects: Iterable[str] | None = None,
) -> Iterator[Recording]:
    """Make recordings of the people whom `simulate` draws with the same arguments.

    Parameters
    ----------
    params, n_subjects, n_trials, seed
        As for `simulate`.
    sfreq : float
        Sampling rate in Hz, above 100, and with whole samples in a window.
    rest_windows : int
        As for `simulate`.
    artefacts : WaveformArtefacts, optional
        What is added; nothing if not given.
    subjects : iterable of str, optional
        Who, in this order; everybody if not given.

    Yields
    ------
    Recording
        One per person: ``"eeg"`` in volts, rest and trials as events, NaN for a lost electrode. Between trials lie two
        seconds without a class.

    Raises
    ------
    ConfigError
        If there is no such preset or person.
    ValueError
        If the rate is too low for the bands or does not fit the windows, or as `simulate`.

    Notes
    -----
    Time O(n_subjects · n_chans · n_times log n_times); one person at a time is in memory.

    Examples
    --------
    >>> [one, two] = render("headset-4", n_subjects=2, n_trials=2)
    >>> one.signals["eeg"].duration, sorted(one.events["trial_type"])
    (22.0, ['high', 'low'])
    """
    params = preset(params)
    per_window = sfreq * params.window_s
    if not sfreq > 2 * BANDS[-1].h_freq or abs(per_window - round(per_window)) > 1e-9:
        raise ValueError(
            f"expected a rate above {2 * BANDS[-1].h_freq:g} Hz with whole samples in {params.window_s:g} s; found "
            f"sfreq={sfreq:g}"
        )
    known = subject_names(n_subjects)
    wanted = known if subjects is None else list(subjects)
    for subject in wanted:
        if subject not in known:
            raise unknown_name("subject", subject, known)
    return (
        _recording(params, draw_person(params, n_trials, seed, known.index(s), rest_windows), seed, sfreq, artefacts)
        for s in wanted
    )


def _recording(
    params: SimulationParams, person: Drawn, seed: int, sfreq: float, artefacts: WaveformArtefacts | None
) -> Recording:
    table, rng = person.table, person.rng
    first = np.round(table["start"].to_numpy() * sfreq).astype(int)
    length = round(params.window_s * sfreq)
    n_times = int(first[-1]) + length
    lost: npt.NDArray[np.bool_] = np.asarray(np.isnan(person.log_power).any(axis=(0, 2)))
    power = np.exp(np.where(lost[:, None], params.mean_log_power(), person.log_power))
    data = np.zeros((len(params.ch_names), n_times))
    gain_at = _Gains(first, length, n_times, round(_FADE_S * sfreq))
    for b, band in enumerate(BANDS):
        carrier = _carrier(params, n_times, sfreq, band.l_freq, band.h_freq, rng)
        data += carrier * gain_at(power[:, :, b].T, carrier)
    _add_artefacts(data, params, sfreq, artefacts or WaveformArtefacts(), rng)
    data[lost] = np.nan
    events = table.groupby("trial", sort=False).agg(
        onset=("start", "min"), end=("stop", "max"), trial_type=("trial_type", "first"), stimulus=("stimulus", "first")
    )
    events = events.assign(duration=events["end"] - events["onset"]).drop(columns="end").reset_index()
    return Recording(
        {"eeg": Signal(data, sfreq, [Channel(name) for name in params.ch_names])},
        subject=str(table["subject"].iloc[0]),
        events=events[["onset", "duration", "trial_type", "trial", "stimulus"]],
        consent=_NOBODY,
        meta={"dataset": "simulated", "seed": seed},
    )


def _carrier(
    params: SimulationParams, n_times: int, sfreq: float, l_freq: float, h_freq: float, rng: np.random.Generator
) -> _Floats:
    """Noise of one band, 1/f in power, on all electrodes."""
    freqs = np.fft.rfftfreq(n_times, 1 / sfreq)
    # A margin of 5 % keeps it inside the band when gains smear it, and out of the neighbour's filter.
    margin = 0.05 * (h_freq - l_freq)
    inside = (freqs >= l_freq + margin) & (freqs <= h_freq - margin)
    spectrum = np.zeros((len(params.ch_names), len(freqs)), dtype=complex)
    white = rng.standard_normal((2, len(params.ch_names), int(inside.sum())))
    spectrum[:, inside] = (white[0] + 1j * white[1]) / np.sqrt(freqs[inside])
    return np.asarray(np.linalg.cholesky(params.spatial_correlation()) @ np.fft.irfft(spectrum, n=n_times, axis=1))


class _Gains:
    """From window to window the gain that gives a carrier the drawn power, with short passages between."""

    def __init__(self, first: npt.NDArray[np.int64], length: int, n_times: int, fade: int) -> None:
        self.first, self.length = first, length
        # Each sample belongs to the last window that has begun, also between trials.
        owner = np.clip(np.searchsorted(first, np.arange(n_times), side="right") - 1, 0, None)
        self.owner = owner
        kernel = np.hanning(fade + 2)[1:-1]
        self.kernel = kernel / kernel.sum()

    def __call__(self, power: _Floats, carrier: _Floats) -> _Floats:
        windows = self.first[:, None] + np.arange(self.length)
        have = carrier[:, windows].var(axis=2)
        gain = np.sqrt(power / have)[:, self.owner]
        half = len(self.kernel) // 2
        padded = np.pad(gain, ((0, 0), (half, len(self.kernel) - 1 - half)), mode="edge")
        from scipy.signal import oaconvolve

        smooth: _Floats = oaconvolve(padded, self.kernel[None], mode="valid", axes=1)
        return smooth


def _add_artefacts(
    data: _Floats, params: SimulationParams, sfreq: float, artefacts: WaveformArtefacts, rng: np.random.Generator
) -> None:
    n_times = data.shape[1]
    time = np.arange(n_times) / sfreq
    if artefacts.blinks_per_min:
        n_blinks = rng.poisson(artefacts.blinks_per_min * time[-1] / 60)
        when, size = rng.uniform(0, time[-1], n_blinks), rng.uniform(100e-6, 200e-6, n_blinks)
        blinks = sum((s * np.exp(-0.5 * ((time - w) / 0.08) ** 2) for w, s in zip(when, size, strict=True)), 0 * time)
        data += params.nearness("Fp1", "Fp2")[:, None] * blinks
    if artefacts.muscle_share:
        second = time.astype(int)
        tense = (rng.random(second[-1] + 1) < artefacts.muscle_share)[second]
        data += params.nearness("T7", "T8")[:, None] * tense * 10e-6 * rng.standard_normal(data.shape)
    if artefacts.mains_v:
        phase = rng.uniform(0, 2 * np.pi, (len(data), 1))
        data += artefacts.mains_v * np.sin(2 * np.pi * artefacts.mains_hz * time + phase)
