"""Waveforms of simulated people, and parameters read off features: what was put in comes out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from affectbio.datasets import DATASETS
from affectbio.datasets.eegmat import EEGMAT
from affectbio.datasets.simulated import Simulated, WaveformArtefacts, ceilings, fit, preset, render, simulate
from affectbio.errors import ConfigError, DataError
from affectbio.kernels import differential_entropy
from affectbio.types import Windows

PARAMS = preset("deap-like", window_s=2.0, n_windows=5)


def log_power(recording, starts, method="zero-phase", window_s=2.0):
    eeg = recording.signals["eeg"]
    de = differential_entropy(eeg.data, eeg.sfreq, window_s=window_s, method=method)
    return (2 * de - np.log(2 * np.pi * np.e))[:, np.round(starts / window_s).astype(int)].swapaxes(0, 1)


def test_band_powers_of_the_waveforms_are_those_drawn():
    # The timeline in steps of a window: rest of 4 s, a gap of 2 s, trials of 10 s with gaps of 2 s.
    windows = simulate(PARAMS, 2, 4, seed=5, rest_windows=2)
    for recording in render(PARAMS, 2, 4, seed=5, rest_windows=2):
        own = windows.take((windows.metadata["subject"] == recording.subject).to_numpy())
        starts = own.metadata["start"].to_numpy()
        for method, least, most in (("zero-phase", 0.98, 0.1), ("causal", 0.9, 0.35)):
            found = log_power(recording, starts, method)
            error = found - own.X
            # Between electrodes and windows within a band; the differences between bands would flatter it.
            r = [np.corrcoef(found[..., b].ravel(), own.X[..., b].ravel())[0, 1] for b in range(5)]
            assert min(r) > least
            assert abs(error.mean(axis=(0, 1))).max() < most


def test_recordings_and_windows_tell_of_the_same_trials():
    [recording] = render("headset-4", 1, 4, seed=3, rest_windows=7)
    windows = simulate("headset-4", 1, 4, seed=3, rest_windows=7)
    cut = recording.windows(1.0, 1.0)
    assert cut.metadata.equals(windows.metadata)
    assert list(cut.y) == list(windows.y)
    assert recording.events["trial_type"].tolist()[0] == "rest"
    assert recording.consent.purposes


def test_the_spectrum_falls_like_one_over_f():
    [recording] = render(preset("null", missing_rate=0.0), 1, 10, seed=0)
    eeg = recording.signals["eeg"]
    freqs, density = welch(eeg.data, eeg.sfreq, nperseg=256)
    inside = (freqs > 1.5) & (freqs < 45)
    slope = np.polyfit(np.log(freqs[inside]), np.log(density.mean(axis=0)[inside]), 1)[0]
    assert -2.5 < slope < -0.7
    assert 5e-6 < eeg.data.std() < 3e-5


def test_what_is_added_to_waveforms_lies_where_it_belongs():
    def one(**kwargs):
        artefacts = WaveformArtefacts(**kwargs) if kwargs else None
        return next(iter(render("deap-like", 1, 2, seed=1, artefacts=artefacts))).signals["eeg"]

    clean = one()
    names = list(clean.ch_names)
    blinks = one(blinks_per_min=60).data - clean.data
    assert blinks[names.index("Fp1")].max() > 100e-6 > 1e-6 > abs(blinks[names.index("Oz")]).max()
    muscles = one(muscle_share=0.5).data - clean.data
    assert muscles[names.index("T7")].std() > 5 * muscles[names.index("Cz")].std()
    hum = one(mains_v=5e-6, mains_hz=50.0).data - clean.data
    freqs, density = welch(hum, clean.sfreq, nperseg=256)
    assert (freqs[density.argmax(axis=1)] == 50).all()
    np.testing.assert_allclose(hum.std(axis=1), 5e-6 / np.sqrt(2), rtol=1e-2)


def test_a_lost_electrode_is_nan_in_the_recording_of_that_person_only():
    params = preset("headset-4", missing_rate=0.4)
    windows = simulate(params, 6, 2, seed=1)
    for recording in render(params, 6, 2, seed=1):
        own = windows.X[(windows.metadata["subject"] == recording.subject).to_numpy()]
        np.testing.assert_array_equal(
            np.isnan(recording.signals["eeg"].data).all(axis=1), np.isnan(own).all(axis=(0, 2))
        )


def test_the_data_set_gives_its_people_on_demand():
    data = DATASETS.get("simulated")("headset-4", n_subjects=3, n_trials=2, seed=4)
    assert isinstance(data, Simulated)
    everybody = list(data.recordings())
    assert [r.subject for r in everybody] == data.subjects() == ["001", "002", "003"]
    [third] = data.recordings(["003"])
    np.testing.assert_array_equal(third.signals["eeg"].data, everybody[2].signals["eeg"].data)
    with pytest.raises(ConfigError, match="no subject '4'"):
        data.recordings(["4"])


def test_rates_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="above 100 Hz"):
        render("headset-4", sfreq=100.0)
    with pytest.raises(ValueError, match=r"whole samples in 0\.3 s"):
        render(preset("headset-4", window_s=0.3), sfreq=128.0)


def test_fit_finds_what_was_put_in():
    truth = preset(
        "deap-like",
        ch_names=preset("dreamer-like").ch_names,
        effect=0.3,
        effect_sd=0.5,
        subject_sd=(0.5, 0.5, 0.8, 0.4, 0.4),
        trial_sd=(0.1, 0.1, 0.2, 0.1, 0.1),
        noise_sd=(0.4, 0.3, 0.3, 0.25, 0.25),
        noise_corr=0.5,
    )
    found = fit(simulate(truth, 60, 20, seed=6))
    np.testing.assert_allclose(found.noise_corr, 0.5, atol=0.02)
    np.testing.assert_allclose(found.noise_sd, truth.noise_sd, rtol=0.02)
    np.testing.assert_allclose(found.trial_sd, truth.trial_sd, rtol=0.1)
    np.testing.assert_allclose(found.subject_sd, truth.subject_sd, rtol=0.15)
    np.testing.assert_allclose(found.stimulus_sd, 0, atol=0.03)
    np.testing.assert_allclose(found.effect, 0.3, rtol=0.1)
    np.testing.assert_allclose(found.effect_sd, 0.5, atol=0.2)
    np.testing.assert_allclose(found.spatial_correlation(), truth.spatial_correlation(), atol=0.05)
    pattern = found.class_patterns()[list(found.classes).index("high")]
    assert np.corrcoef(pattern.ravel(), truth.class_patterns()[1].ravel())[0, 1] > 0.95
    best, of_found = ceilings(truth, 20, n_people=200), ceilings(found, 20, n_people=200)
    assert abs(best.zero - of_found.zero) < 0.04
    assert abs(best.transductive - of_found.transductive) < 0.04


def test_fit_tells_the_signature_of_a_stimulus_from_the_fingerprint_of_a_trial():
    found = fit(simulate(preset("dreamer-like", stimulus_sd=0.15, trial_sd=0.2), 60, 20, seed=1))
    np.testing.assert_allclose(found.stimulus_sd, 0.15, rtol=0.25)
    np.testing.assert_allclose(found.trial_sd, 0.2, rtol=0.1)


def test_fit_finds_no_effect_where_there_is_none():
    null = preset("null", ch_names=preset("dreamer-like").ch_names, missing_rate=0.02)
    found = fit(simulate(null, 60, 10, seed=2))
    assert ceilings(found, 10, n_people=100).transductive < 0.56
    np.testing.assert_allclose(found.missing_rate, 0.02, atol=0.015)


def test_fit_reads_real_recordings():
    parts = []
    for recording in EEGMAT().recordings(EEGMAT().subjects()[:8]):
        eeg = recording.signals["eeg"]
        # Without the seconds in which the filters start.
        cut = recording.windows(1.0, 1.0).take(np.arange(10, 60))
        X = 2 * differential_entropy(eeg.data, eeg.sfreq).swapaxes(0, 1)[10:]
        # Ten seconds are a trial, or there is no telling a fingerprint from the effect.
        piece = [f"{recording.events['trial'][0]}-{int(s) // 10}" for s in cut.metadata["start"]]
        table = cut.metadata.assign(trial=piece)
        parts.append(Windows(X, cut.y, table, ("window", "channel", "band"), cut.channels))
    found = fit(Windows.concatenate(parts))
    assert found.n_windows == 10
    assert all(0.1 < sd < 2 for name in ("subject_sd", "noise_sd") for sd in getattr(found, name))
    assert 0 <= found.noise_corr < 0.5
    best = ceilings(found, 10, n_people=200)
    assert 0.5 < best.zero < best.transductive <= best.calibrated + 3 * best.error


def test_fit_says_what_it_lacks():
    windows = simulate("headset-4", 3, 4)
    with pytest.raises(DataError, match="labelled features"):
        fit(replace(windows, y=None))
    with pytest.raises(DataError, match=r"at least 2 people.* found 1 people"):
        fit(windows.take((windows.metadata["subject"] == "001").to_numpy()))
    with pytest.raises(DataError, match="as few as 1 trials"):
        fit(simulate(preset("headset-4", missing_rate=0.0), 3, 2))
    with pytest.raises(DataError, match="at least 3 windows in a trial; found at most 2"):
        fit(simulate(preset("headset-4", n_windows=2, missing_rate=0.0), 3, 4))
    with pytest.raises(DataError, match="several classes"):
        fit(replace(windows, y=np.resize(["low", "high"], len(windows))))
    with pytest.raises(DataError, match="same power in every window"):
        fit(replace(simulate(preset("headset-4", missing_rate=0.0), 3, 4), X=np.ones((120, 4, 5))))
