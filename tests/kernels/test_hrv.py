"""Heart rate variability against closed forms, naive loops, and NeuroKit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affectbio.kernels import find_beats, hrv_frequency, hrv_nonlinear, hrv_time
from affectbio.kernels.hrv import _lomb

DATA = Path(__file__).parents[1] / "data" / "physio"


@pytest.fixture(scope="module")
def annotated():
    """Intervals of MIT-BIH record 100 in seconds, from the cardiologists' beats."""
    with np.load(DATA / "mitdb_100.npz") as file:
        return np.diff(file["beats"]) / 360


def modulated(seconds, *sines, mean=0.8):
    """Intervals that follow sines in time, each (amplitude in ms, frequency in Hz)."""
    rr, t = [], 0.0
    while t < seconds:
        rr.append(mean + sum(a / 1e3 * np.sin(2 * np.pi * f * t) for a, f in sines))
        t += rr[-1]
    return np.array(rr)


def test_time_measures_of_a_real_heart_are_neurokits(annotated):
    # NeuroKit 0.2.13: nk.hrv_time(beats, sampling_rate=360) with the annotated beats.
    ours = hrv_time(annotated)
    assert ours.mean_rr_ms == pytest.approx(794.593603286385, rel=1e-12)
    assert ours.sdnn_ms == pytest.approx(48.84614637822633, rel=1e-12)
    assert ours.rmssd_ms == pytest.approx(63.23178826544665, rel=1e-12)
    assert ours.mean_hr_bpm == pytest.approx(60_000 / 794.593603286385, rel=1e-12)
    # NeuroKit's 9.991 counts steps of 18 samples, 50 ms and not above; in whole samples there is no rounding.
    steps = np.abs(np.diff(np.rint(360 * annotated)))
    assert ours.pnn50_percent == pytest.approx(100 * np.mean(steps > 18))
    assert not ours.reasons


def test_poincare_axes_of_a_real_heart_are_neurokits(annotated):
    # NeuroKit 0.2.13: nk.hrv_nonlinear(beats, sampling_rate=360).
    ours = hrv_nonlinear(annotated)
    assert ours.sd1_ms == pytest.approx(44.721462716708764, rel=1e-12)
    assert ours.sd2_ms == pytest.approx(52.639817040075144, rel=1e-12)
    assert not ours.reasons


def test_alternating_intervals_in_closed_form():
    ours = hrv_time(np.tile([0.8, 0.9], 100))
    assert ours.mean_rr_ms == pytest.approx(850)
    assert ours.sdnn_ms == pytest.approx(50 * np.sqrt(200 / 199))
    assert ours.rmssd_ms == pytest.approx(100)
    assert ours.pnn50_percent == 100
    assert hrv_time(np.tile([0.8, 0.85], 100)).pnn50_percent == 0
    poincare = hrv_nonlinear(np.tile([0.8, 0.9], 100))
    assert poincare.sd1_ms == pytest.approx(100 / np.sqrt(2), rel=0.005)
    assert poincare.sd2_ms == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("method", ["lomb", "welch"])
@pytest.mark.parametrize(("band", "freq"), [("vlf_ms2", 0.02), ("lf_ms2", 0.1), ("hf_ms2", 0.25)])
def test_a_sine_has_its_power_in_its_band(method, band, freq):
    amplitude = 30
    ours = hrv_frequency(modulated(320, (amplitude, freq)), method)
    assert getattr(ours, band) == pytest.approx(amplitude**2 / 2, rel=0.03)
    others = {"vlf_ms2", "lf_ms2", "hf_ms2"} - {band}
    assert all(getattr(ours, other) < 0.01 * amplitude**2 / 2 for other in others)


@pytest.mark.parametrize("method", ["lomb", "welch"])
@pytest.mark.parametrize("seconds", [125, 320, 1000])
def test_two_sines_have_their_ratio_whatever_the_length(method, seconds):
    ours = hrv_frequency(modulated(seconds, (40, 0.1), (20, 0.25)), method)
    assert ours.lf_ms2 == pytest.approx(800, rel=0.05)
    assert ours.hf_ms2 == pytest.approx(200, rel=0.06)
    assert ours.lf_hf == ours.lf_ms2 / ours.hf_ms2


@pytest.mark.parametrize("method", ["lomb", "welch"])
def test_a_drift_of_the_rate_is_no_power(method):
    rr = np.linspace(0.9, 0.7, 400)
    drifting, steady = hrv_frequency(rr, method), hrv_frequency(rr + modulated(400, (30, 0.25))[:400] - 0.8, method)
    # A variance of 3333 ms²; what is left is that a line over beats is a little bent over time.
    assert max(drifting.vlf_ms2, drifting.lf_ms2) < 3
    assert steady.hf_ms2 == pytest.approx(450, rel=0.1)


def test_the_periodogram_is_the_least_squares_fit_of_a_sine(annotated):
    rr = annotated[:150]
    freqs, density = _lomb(rr)
    t, ms = np.cumsum(rr), 1e3 * rr
    ms = ms - np.polyval(np.polyfit(t, ms, 1), t)
    for i in range(0, len(freqs), 13):
        waves = np.column_stack([np.cos(2 * np.pi * freqs[i] * t), np.sin(2 * np.pi * freqs[i] * t)])
        fit = waves @ np.linalg.lstsq(waves, ms)[0]
        assert density[i] == pytest.approx(np.mean(fit**2) * rr.sum(), rel=1e-6)


def test_band_power_of_white_intervals_is_the_bands_share():
    rng = np.random.default_rng(0)
    powers = [hrv_frequency(0.8 + 0.03 * rng.standard_normal(700)) for _ in range(20)]
    # 900 ms² spread evenly from 0 to half the rate of 1.25 Hz.
    assert np.mean([p.lf_ms2 for p in powers]) == pytest.approx(900 * 0.11 / 0.625, rel=0.08)
    assert np.mean([p.hf_ms2 for p in powers]) == pytest.approx(900 * 0.25 / 0.625, rel=0.08)


def test_powers_of_a_real_heart_are_near_neurokits():
    # NeuroKit 0.2.13: peaks = nk.ppg_findpeaks(nk.ppg_clean(ppg, sampling_rate=100), sampling_rate=100)["PPG_Peaks"];
    # nk.hrv_frequency(peaks, sampling_rate=100, normalize=False, vlf=(0.0033, 0.04)), by Welch; its interpolation, at
    # 100 Hz, and its window differ.
    with np.load(DATA / "neurokit_rest.npz") as file:
        ours = hrv_frequency(np.diff(find_beats(file["ppg"], 100, "ppg")) / 100, "welch")
    assert ours.lf_ms2 == pytest.approx(840.35, rel=0.15)
    assert ours.hf_ms2 == pytest.approx(778.95, rel=0.15)


@pytest.mark.parametrize(("walk", "alpha"), [(False, 0.5), (True, 1.5)])
def test_scaling_exponents_of_noise_and_of_a_random_walk(walk, alpha):
    noise = np.random.default_rng(0).standard_normal(20_000)
    rr = 0.8 + 1e-4 * (noise.cumsum() if walk else noise)
    assert hrv_nonlinear(rr).dfa_alpha1 == pytest.approx(alpha, abs=0.1)


def test_scaling_exponent_against_a_naive_loop(annotated):
    profile = np.cumsum(annotated - annotated.mean())
    log_f = []
    for n in range(4, 17):
        rests = []
        for start in range(0, len(profile) - n + 1, n):
            y, t = profile[start : start + n], np.arange(n)
            rests.extend((y - np.polyval(np.polyfit(t, y, 1), t)) ** 2)
        log_f.append(0.5 * np.log(np.mean(rests)))
    expected = np.polyfit(np.log(range(4, 17)), log_f, 1)[0]
    assert hrv_nonlinear(annotated).dfa_alpha1 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("seconds", "given"),
    [
        (8, set()),
        (12, {"mean_hr_bpm", "mean_rr_ms"}),
        (31, {"mean_hr_bpm", "mean_rr_ms", "rmssd_ms", "sd1_ms"}),
        (61, {"mean_hr_bpm", "mean_rr_ms", "rmssd_ms", "sd1_ms", "pnn50_percent", "sdnn_ms", "sd2_ms", "hf_ms2"}),
    ],
)
def test_what_is_too_short_is_nan_and_says_so(seconds, given):
    rr = modulated(seconds, (20, 0.1), (20, 0.25))
    for measures in (hrv_time(rr), hrv_frequency(rr), hrv_nonlinear(rr)):
        values = measures._asdict()
        reasons = values.pop("reasons")
        assert {name for name, value in values.items() if np.isfinite(value)} == given & set(values)
        assert set(reasons) == set(values) - given
        assert all("found" in reason for reason in reasons.values())


def test_a_recording_of_five_minutes_is_long_enough_for_five_minutes():
    beats_s = np.cumsum(modulated(400, (20, 0.1), (20, 0.25)))
    recorded = beats_s[(beats_s > 10.3) & (beats_s < 310.3)]
    assert not hrv_frequency(np.diff(recorded)).reasons


@pytest.mark.parametrize("odd", [12.0, 0.1, 800.0])
def test_a_hole_or_another_unit_gives_nothing_and_says_where(odd):
    rr = modulated(400, (20, 0.1))
    rr[45] = odd
    for measures in (hrv_time(rr), hrv_frequency(rr), hrv_nonlinear(rr)):
        *values, reasons = measures
        assert np.isnan(values).all()
        assert all("interval 45 is" in reason and "no heart makes" in reason for reason in reasons.values())
        assert len(reasons) == len(values)


def test_intervals_all_equal_have_no_ratio_and_no_exponent():
    rr = np.full(500, 0.75)
    assert hrv_time(rr).sdnn_ms == 0
    power, fractal = hrv_frequency(rr), hrv_nonlinear(rr)
    assert power.hf_ms2 == pytest.approx(0, abs=1e-12)
    assert np.isnan(power.lf_hf)
    assert power.reasons == {"lf_hf": "needs power in the HF band, found none"}
    assert np.isnan(fractal.dfa_alpha1)
    assert "all equal" in fractal.reasons["dfa_alpha1"]


@given(arrays(np.float64, st.integers(0, 300), elements=st.floats(0.05, 4.0)))
def test_every_measure_is_finite_or_has_a_reason(rr):
    for measures in (hrv_time(rr), hrv_frequency(rr), hrv_frequency(rr, "welch"), hrv_nonlinear(rr)):
        values = measures._asdict()
        reasons = values.pop("reasons")
        assert {name for name, value in values.items() if np.isnan(value)} == set(reasons)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hrv_time([0.8, np.nan]), "each above 0; found nan at 1"),
        (lambda: hrv_frequency([0.8, 0.0]), "each above 0; found 0.0 at 1"),
        (lambda: hrv_frequency([0.8], "fft"), "method is 'lomb' or 'welch'; found 'fft'"),
        (lambda: hrv_nonlinear([[0.8]]), r"found shape \(1, 1\)"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
