"""What is simulated is what was asked for, measured by tools that know nothing of the simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks, periodogram, welch

from affectbio.acquire.simulate import STATES, Artefacts, Coupling, Person, SimulatedDevice, Simulation
from affectbio.devices import list_devices, load_device
from affectbio.errors import ConfigError
from affectbio.kernels import find_beats

EPOC = load_device("epoc-x")


def eeg_of(device=EPOC, duration_s=60.0, **asked):
    return SimulatedDevice(device, **asked).recording(duration_s).signals["eeg"]


def row(eeg, name):
    return eeg.data[eeg.ch_names.index(name)]


def band_power(eeg, name, low, high):
    freqs, power = welch(row(eeg, name), eeg.sfreq, nperseg=round(2 * eeg.sfreq))
    return power[(freqs >= low) & (freqs <= high)].mean()


def onsets(events, name):
    """Times of a recording's or a chunk's events of one name."""
    if hasattr(events, "columns"):
        return events.loc[events["trial_type"] == name, "onset"].to_numpy()
    return np.array([event.time for event in events if event.name == name])


def rmssd_ms(times):
    return 1e3 * np.sqrt(np.mean(np.diff(times, n=2) ** 2))


# EEG


@pytest.mark.parametrize("peak_hz", [8.5, 10.0, 12.0])
def test_alpha_peaks_where_asked(peak_hz):
    eeg = eeg_of(person=Person(alpha_hz=peak_hz), state="eyes-closed", duration_s=120.0)
    freqs, power = welch(row(eeg, "O1"), eeg.sfreq, nperseg=512)
    around = (freqs > 6) & (freqs < 15)
    assert np.sum(freqs[around] * power[around] * (power[around] > power[around].max() / 3)) / np.sum(
        power[around] * (power[around] > power[around].max() / 3)
    ) == pytest.approx(peak_hz, abs=0.4)


def test_closed_eyes_raise_alpha_by_what_was_asked_and_at_the_back():
    still = Coupling(log_alpha=0.0)
    person = Person(alpha_closed=3.0, background_uv=0.1)
    powers = [
        [band_power(eeg_of(person=person, state=state, coupling=still), name, 8, 12) for name in ("O1", "O2")]
        for state in ("rest", "eyes-closed")
    ]
    assert np.sqrt(np.array(powers[1]) / powers[0]) == pytest.approx(3.0, rel=0.1)
    closed = eeg_of(person=person, state="eyes-closed")
    assert band_power(closed, "O1", 8, 12) > 4 * band_power(closed, "F7", 8, 12)


@pytest.mark.parametrize("exponent", [0.8, 1.2, 1.8])
def test_the_background_falls_as_asked(exponent):
    eeg = eeg_of(person=Person(exponent=exponent, background_uv=100.0), duration_s=120.0)
    freqs, power = welch(eeg.data, eeg.sfreq, nperseg=256)
    inside = (freqs >= 2) & (freqs <= 40)
    slope = np.polyfit(np.log(freqs[inside]), np.log(power[:, inside].mean(axis=0)), 1)[0]
    assert -slope == pytest.approx(exponent, abs=0.1)
    # From 1 to 40 Hz, by Parseval.
    freqs, power = periodogram(eeg.data, eeg.sfreq)
    band = power[:, (freqs >= 1) & (freqs <= 40)].sum(axis=1) * freqs[1]
    assert np.sqrt(band.mean()) == pytest.approx(100e-6, rel=0.1)


def test_near_electrodes_see_nearly_the_same():
    corr = np.corrcoef(eeg_of(person=Person(background_uv=50.0)).data)
    names = EPOC.streams[0].channels
    assert corr[names.index("AF3"), names.index("F3")] > corr[names.index("AF3"), names.index("O2")] + 0.2


def test_blinks_are_as_high_and_as_many_as_asked_and_over_the_eyes():
    device = load_device("muse-2")
    simulated = SimulatedDevice(device, Person(background_uv=0.5, blinks_per_min=20), artefacts=Artefacts(blinks=True))
    recording = simulated.recording(300.0)
    eeg, blinks = recording.signals["eeg"], onsets(recording.events, "blink")
    assert len(blinks) == pytest.approx(100, abs=30)
    peaks, found = find_peaks(row(eeg, "AF7"), height=60e-6, distance=0.3 * eeg.sfreq)
    assert np.abs(peaks / eeg.sfreq - blinks[(blinks > 0.1) & (blinks < 299.9)][:, np.newaxis]).min(axis=1).max() < 0.03
    assert 100e-6 < np.median(found["peak_heights"]) < 250e-6
    assert row(eeg, "AF7").max() > 5 * row(eeg, "TP9").max()
    assert not len(onsets(SimulatedDevice(device, state="eyes-closed", artefacts=Artefacts(blinks=True))
                          .recording(120.0).events, "blink"))  # fmt: skip


def test_the_mains_hum_at_their_frequency_and_nowhere_above_half_the_rate():
    clean = eeg_of(state="rest")
    assert [band_power(eeg_of(artefacts=Artefacts(line_hz=hz)), "F3", hz - 0.5, hz + 0.5)
            > 100 * band_power(clean, "F3", hz - 0.5, hz + 0.5) for hz in (50, 60)] == [True, True]  # fmt: skip
    assert np.array_equal(eeg_of(artefacts=Artefacts(line_hz=70.0)).data, clean.data)


def test_electrodes_fail_as_asked():
    clean = eeg_of()
    eeg = eeg_of(artefacts=Artefacts(bad={"O1": "flat", "F3": "noisy"}))
    assert (row(eeg, "O1") == 0).all()
    assert row(eeg, "F3").std() > 40e-6 > 4 * row(clean, "F4").std()
    assert np.array_equal(row(eeg, "F4"), row(clean, "F4"))
    popping = SimulatedDevice(EPOC, artefacts=Artefacts(pops_per_min=6)).recording(60.0)
    pops = onsets(popping.events, "pop")
    assert 1 <= len(pops) <= 15
    assert np.abs(popping.signals["eeg"].data - clean.data).max() > 100e-6
    assert 5e-6 < (eeg_of(artefacts=Artefacts(drift_uv=20.0)).data - clean.data).std() < 40e-6


def test_bursts_of_muscle_are_fast_and_at_the_temples():
    made = SimulatedDevice(EPOC, artefacts=Artefacts(emg_per_min=10)).recording(60.0)
    assert len(onsets(made.events, "emg")) == pytest.approx(10, abs=7)
    clean = eeg_of()
    assert band_power(made.signals["eeg"], "T7", 35, 60) > 5 * band_power(clean, "T7", 35, 60)
    assert band_power(made.signals["eeg"], "O1", 35, 60) < band_power(made.signals["eeg"], "T7", 35, 60)


def test_valence_moves_frontal_alpha_to_a_side():
    person, strong = Person(background_uv=0.2), Coupling(asymmetry=1.0)
    lean = [
        np.log(band_power(eeg, "F4", 8, 12) / band_power(eeg, "F3", 8, 12))
        for eeg in (eeg_of(person=person, coupling=strong, state=s, duration_s=120.0) for s in ("amusement", "sadness"))
    ]
    assert lean[0] - lean[1] == pytest.approx(STATES["amusement"].valence - STATES["sadness"].valence, abs=0.5)


# Heart


@pytest.mark.parametrize("state", ["rest", "stress"])
def test_beats_are_found_where_they_were_put(everything, state):
    made = Simulation(everything, state=state, seed=2).read(120.0)
    truth = onsets(made.events, "beat")
    for stream, kind, lag_s in ((1, "ecg", 0.0), (2, "ppg", 0.31)):
        sfreq = everything.streams[stream].sfreq
        found = find_beats(made.data[stream][0], sfreq, kind) / sfreq - lag_s
        inside = truth[(truth > 0.5) & (truth < 119.0)]
        hits = (np.abs(found[:, np.newaxis] - inside).min(axis=0) < 0.05).sum()
        extra = ((np.abs(found[:, np.newaxis] - truth).min(axis=1) > 0.05) & (found > 0.5) & (found < 119)).sum()
        assert 2 * hits / (2 * hits + extra + len(inside) - hits) > 0.99, kind
    found = find_beats(made.data[1][0], 130.0) / 130.0
    assert 60 / np.diff(found).mean() == pytest.approx(60 / np.diff(truth).mean(), abs=0.5)


def test_heart_rate_and_rmssd_come_back_as_asked():
    strap = load_device("heart-rate-strap")
    for asked_hr, asked_rmssd in ((60.0, 60.0), (75.0, 25.0)):
        made = Simulation(strap, Person(hr_bpm=asked_hr, rmssd_ms=asked_rmssd), seed=1).read(600.0)
        beats = onsets(made.events, "beat")
        assert 60 / np.diff(beats).mean() == pytest.approx(asked_hr, abs=1.5)
        assert rmssd_ms(beats) == pytest.approx(asked_rmssd, rel=0.12)
        rr = made.data[1][0]
        # An interval is sent with the beat that ends it, in steps of 1/1024 s.
        assert np.array_equal(made.times[1], beats[-len(rr) :])
        assert np.allclose(rr[1:], np.diff(beats)[-len(rr) + 1 :], atol=1e-3)
        assert np.allclose(rr * 1024, np.round(rr * 1024))


def test_breathing_is_in_the_heart_at_its_own_rate(everything):
    made = Simulation(everything, Person(breaths_per_min=15.0, lf_hf=0.5), seed=3).read(300.0)
    assert len(onsets(made.events, "breath")) / 5 == pytest.approx(15, abs=1)
    freqs, power = periodogram(made.data[5][0] - made.data[5][0].mean(), 25.0)
    assert freqs[power.argmax()] == pytest.approx(0.25, abs=0.02)
    beats = onsets(made.events, "beat")
    even = np.interp(np.arange(2, 298, 0.25), beats[1:], np.diff(beats))
    freqs, power = welch(even - even.mean(), 4.0, nperseg=256)
    assert freqs[freqs > 0.15][power[freqs > 0.15].argmax()] == pytest.approx(0.25, abs=0.03)


# Skin, temperature, movement


def test_responses_are_found_where_they_were_put(everything):
    made = Simulation(everything, Person(scr_per_min=4.0, scr_us=1.0), seed=4).read(300.0)
    truth = onsets(made.events, "scr")
    assert len(truth) == pytest.approx(20, abs=12)
    # Drawn at 4 Hz; each onset is followed by a rise.
    eda = made.data[3][0]
    rise = np.array([eda[int(t * 4) + 6] - eda[int(t * 4)] for t in truth[truth < 298]])
    sizes = np.array([e.size for e in made.events if e.name == "scr"])[: len(rise)]
    assert (rise > 0).mean() > 0.9
    assert np.corrcoef(rise, sizes)[0, 1] > 0.8
    alone = np.flatnonzero((np.diff(truth, prepend=-60) > 15) & (np.diff(truth, append=360) > 5))
    assert len(alone)
    for t, size in ((truth[i], sizes[i]) for i in alone if i < len(sizes)):
        assert eda[int(t * 4) : int(t * 4) + 16].max() - eda[int(t * 4)] == pytest.approx(size, rel=0.25)


def test_gravity_is_there_and_movements_are_seen(everything):
    made = Simulation(everything, artefacts=Artefacts(movements_per_min=6), seed=1).read(60.0)
    acc = np.linalg.norm(made.data[6], axis=0)
    assert np.median(acc) == pytest.approx(9.80665, abs=0.02)
    moved = onsets(made.events, "movement")
    assert len(moved) >= 2
    quiet = np.abs(made.times[6][:, np.newaxis] - moved - 0.75).min(axis=1) > 0.8
    assert acc[~quiet].std() > 10 * acc[quiet].std()
    assert made.data[7][:, ~quiet].std() > 10 * made.data[7][:, quiet].std()


# States


def test_states_go_where_the_literature_says(everything):
    def look(state):
        found = []
        for seed in range(3):
            made = Simulation(everything, Person.sample(seed), state=state, seed=seed).read(90.0)
            beats = onsets(made.events, "beat")
            freqs, power = welch(made.data[0][[6, 7]], 128.0, nperseg=256)
            found.append(
                [60 / np.diff(beats).mean(), rmssd_ms(beats), len(onsets(made.events, "scr")), made.data[3].mean(),
                 made.data[4][0, -1], len(onsets(made.events, "breath")), power[:, (freqs > 8) & (freqs < 12)].mean()]
            )  # fmt: skip
        return np.array(found)

    rest, arithmetic, stress = look("rest"), look("arithmetic"), look("stress")
    up = [True, False, True, True, False, True, False]
    assert ((arithmetic > rest).all(axis=0) == up).all()
    assert ((arithmetic < rest).all(axis=0) == np.logical_not(up)).all()
    assert ((stress.mean(axis=0) > arithmetic.mean(axis=0)) == up).all()


def test_without_coupling_nothing_follows():
    strap = load_device("heart-rate-strap")
    none = Coupling(*[0.0] * 9)
    beats = [onsets(Simulation(strap, state=s, coupling=none).read(60.0).events, "beat") for s in ("rest", "stress")]
    assert np.array_equal(*beats)


def test_states_are_told_apart_across_people_and_shuffled_labels_are_not(everything):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, labels, people = [], [], []
    for person in range(8):
        for state in ("rest", "arithmetic"):
            made = Simulation(everything, Person.sample(person), state=state, seed=7 * person + len(state)).read(40.0)
            freqs, power = welch(made.data[0], 128.0, nperseg=256)
            features.append([
                np.log(power[6:8, (freqs > 8) & (freqs < 12)].mean()),
                len(onsets(made.events, "beat")),
                len(onsets(made.events, "scr")),
                len(onsets(made.events, "breath")),
            ])  # fmt: skip
            labels.append(state)
            people.append(person)
    rng = np.random.default_rng(0)

    def score(y):
        model = make_pipeline(StandardScaler(), LogisticRegression())
        return cross_val_score(model, np.array(features), y, groups=people, cv=LeaveOneGroupOut()).mean()

    shuffled = [
        score(np.concatenate([rng.permutation(pair) for pair in np.reshape(labels, (-1, 2))])) for _ in range(5)
    ]
    assert score(labels) > 0.85
    assert np.mean(shuffled) < 0.7


# The stream


@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.floats(0.001, 2.5), min_size=1, max_size=6))
def test_samples_do_not_depend_on_the_chunks(everything, cuts):
    faulty = Artefacts(
        True, 50.0, emg_per_min=20, movements_per_min=10, pops_per_min=20, drift_uv=10, bad={"F3": "noisy"}
    )

    def fresh():
        return Simulation(everything, state=[("rest", 1.7), ("stress", 9.0)], seed=5, artefacts=faulty)

    pieces = (lambda s: [s.read(cut) for cut in cuts])(fresh())
    whole = fresh().read(pieces[-1].stop)
    for i in range(len(everything.streams)):
        assert np.array_equal(np.concatenate([p.data[i] for p in pieces], axis=1), whole.data[i])
        assert np.array_equal(np.concatenate([p.times[i] for p in pieces]), whole.times[i])
    assert np.array_equal(np.concatenate([p.affect for p in pieces], axis=1), whole.affect)
    assert [event for p in pieces for event in p.events] == list(whole.events)


def test_every_second_has_its_samples(everything):
    made = Simulation(everything).read(10.0)
    assert [len(t) for t in made.times] == [1280, 1300, 640, 40, 75, 250, 520, 520]
    assert all(np.allclose(t, np.arange(len(t)) / s.sfreq) for t, s in zip(made.times, everything.streams, strict=True))
    assert made.affect_times.tolist() == [i / 10 for i in range(100)]


def test_a_seed_is_a_session_and_people_differ(everything):
    first, again = (Simulation(everything, seed=1).read(3.0) for _ in range(2))
    other, somebody = (
        Simulation(everything, seed=2).read(3.0),
        Simulation(everything, Person.sample(9), seed=1).read(3.0),
    )
    for i in range(len(everything.streams)):
        assert np.array_equal(first.data[i], again.data[i])
        assert not np.array_equal(first.data[i], other.data[i])
    assert not np.array_equal(first.data[0], somebody.data[0])
    assert Person.sample(1) == Person.sample(1) != Person.sample(2)


def test_devices_on_one_body_see_one_heart():
    one, two = (Simulation(load_device(name), seed=4).read(20.0).events for name in ("polar-h10", "e4"))
    assert one == two


def test_counts_are_whole_where_the_converter_is_known(everything):
    made = Simulation(everything).read(2.0)
    ecg = made.data[1] / 0.5e-6
    assert np.allclose(ecg, np.round(ecg), atol=1e-6)
    epoc = made.data[0] / 1e-6
    assert not np.allclose(epoc, np.round(epoc), atol=1e-3)


@pytest.mark.parametrize("name", list_devices())
def test_every_device_is_simulated_or_says_why_not(name):
    device = load_device(name)
    if not device.streams:
        with pytest.raises(ConfigError, match="no stream that can be simulated"):
            Simulation(device)
        return
    simulation = Simulation(device)
    made = simulation.read(3.0)
    for stream, data, times in zip(device.streams, made.data, made.times, strict=True):
        assert data.shape == (len(stream.channels), len(times))
        assert np.isfinite(data).all()
        assert (data.shape[1] == 0) == ((stream.carries or stream.kind) in simulation.unmodelled)
        if stream.kind == "eeg":
            assert 2e-6 < data.std() < 50e-6


def test_a_recording_has_truth_beside_its_signals(everything):
    made = SimulatedDevice(everything, state=[("rest", 20.0), ("stress", 15.0), ("stress", 15.0)], seed=2)
    recording = made.recording(50.0)
    assert set(recording.signals) == {"eeg", "ecg", "ppg", "gsr", "temperature", "resp", "acc", "gyro", "affect"}
    table = recording.events[recording.events["duration"] > 0]
    assert table[["onset", "duration", "trial_type"]].to_numpy().tolist() == [
        [0.0, 20.0, "rest"], [20.0, 15.0, "stress"], [35.0, 15.0, "stress"],
    ]  # fmt: skip
    assert set(recording.windows(5.0, 5.0).y) == {"rest", "stress"}
    valence, arousal = recording.signals["affect"].data
    assert arousal[:200].mean() < 0 < arousal[350:].mean()
    assert valence[350:].mean() < valence[:200].mean()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda: Simulation(EPOC, state="strss"), "did you mean 'stress'"),
        (lambda: Simulation(EPOC, state=[]), "no state"),
        (lambda: Simulation(EPOC, state=[("rest", 0.0)]), "lasts 0.0 s"),
        (lambda: Simulation(EPOC, artefacts=Artefacts(bad={"Fpz": "flat"})), "electrode"),
        (lambda: Simulation(load_device("polar-h10"), artefacts=Artefacts(bad={"O1": "flat"})), "electrode of Polar"),
        (lambda: Artefacts(bad={"O1": "loose"}), "fault"),
        (lambda: Artefacts(line_uv=-1.0), "line_uv is -1.0"),
        (lambda: Artefacts(emg_per_min=100.0), "at most 40"),
        (lambda: Person(hr_bpm=0.0), "hr_bpm is 0.0"),
        (lambda: Person(scl_us=float("nan")), "scl_us is nan"),
        (lambda: Simulation(EPOC).read(-1.0), "duration_s is -1.0"),
        (lambda: SimulatedDevice(EPOC).recording(0.0), "duration_s is 0.0"),
    ],
)
def test_refusals(asked, said):
    with pytest.raises(ValueError, match=said):
        asked()
