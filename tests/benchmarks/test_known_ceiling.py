"""Plain baselines on simulated people beside the best there can be: ``pytest tests/benchmarks -k ceiling -s``.

Accuracy per trial of shrinkage LDA that has never seen the person, as mean and standard error over people.
"""

import time
from dataclasses import replace

import numpy as np
import pytest

from affectbio.adapt import RestBaseline, SubjectZScore
from affectbio.datasets.simulated import PRESETS, bayes_posterior, ceilings, fit, gap_closed, preset, simulate
from affectbio.kernels import differential_entropy
from affectbio.models import ShrinkageLDA

ADAPTATIONS = ("none", "rest", "z")


def adapted(windows, how):
    if how == "rest":
        calibration = windows.metadata.loc[windows.metadata["trial_type"] == "rest", "stop"].max()
        return RestBaseline(seconds=float(calibration)).apply(windows)
    trials = windows.take((windows.metadata["trial_type"] != "rest").to_numpy())
    return SubjectZScore().apply(trials) if how == "z" else trials


def right_trials(model, windows, subjects):
    """Share of right trials of each person, by the sum of the windows' log odds."""
    scores = model.decision_function(windows.X)
    scores = np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores
    trial = windows.groups("subject", "trial")
    _, first, code = np.unique(trial, return_index=True, return_inverse=True)
    total = np.zeros((len(first), scores.shape[1]))
    np.add.at(total, code, scores)
    right = model.classes_[total.argmax(axis=1)] == windows.y[first].astype(str)
    who = windows.metadata["subject"].to_numpy()[first]
    return [right[who == subject].mean() for subject in subjects]


def leave_one_out(windows):
    """Accuracy of every person when the model is fitted on all others; lost electrodes take the mean of training."""
    subject = windows.metadata["subject"].to_numpy()
    people, labels = np.unique(subject), windows.y.astype(str)
    out = []
    for person in people:
        train, test = subject != person, windows.take(subject == person)
        mean = np.nanmean(windows.X[train], axis=0)
        filled = replace(test, X=np.where(np.isnan(test.X), mean, test.X))
        X = np.where(np.isnan(windows.X[train]), mean, windows.X[train])
        out += right_trials(ShrinkageLDA().fit(X, labels[train]), filled, [person])
    return np.array(out)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", list(PRESETS))
def test_ceiling_and_plain_baselines(name):
    start = time.process_time()
    best = ceilings(name, 20, n_people=100 if len(PRESETS[name].classes) > 3 else 1000)
    seconds = time.process_time() - start
    windows = simulate(name, 32, 20, seed=1, rest_windows=10)
    score = {how: leave_one_out(adapted(windows, how)) for how in ADAPTATIONS}
    mean = {how: value.mean() for how, value in score.items()}
    error = {how: value.std(ddof=1) / np.sqrt(len(value)) for how, value in score.items()}
    columns = " | ".join(f"{100 * mean[how]:.1f} ± {100 * error[how]:.1f}" for how in ADAPTATIONS)
    gap = "–"
    if best.transductive > mean["none"] + 0.02:
        gap = f"{100 * gap_closed(mean['z'], mean['none'], best.transductive):.0f}"
    limits = f"{100 * best.zero:.1f} | {100 * best.transductive:.1f} | {100 * best.calibrated:.1f}"
    print(f"\n| {name} | {limits} | ± {100 * best.error:.1f} | {columns} | {gap} | {seconds:.1f} s")  # noqa: T201
    assert mean["none"] <= best.zero + 2 * error["none"] + 1e-9
    for how in ("rest", "z"):
        assert mean[how] <= best.transductive + 2 * np.hypot(error[how], best.error) + 1e-9
    if name == "seed-like":
        assert gap_closed(mean["z"], mean["none"], best.transductive) >= 0.8


def test_ceiling_of_more_people():
    """DEAP-like: what a plain model still lacks with subject z is people to learn from."""
    windows = adapted(simulate("deap-like", 420, 20, seed=7), "z")
    subject = windows.metadata["subject"].to_numpy().astype(int)
    tested = windows.take(subject > 320)
    for n in (15, 40, 100, 320):
        train = windows.take(subject <= n)
        model = ShrinkageLDA().fit(train.X, train.y.astype(str))
        right = np.array(right_trials(model, tested, np.unique(tested.metadata["subject"])))
        print(f"\n| {n} | {100 * right.mean():.1f} ± {100 * right.std(ddof=1) / 10:.1f}", end="")  # noqa: T201
    best = ceilings("deap-like", 20)
    print(f"\nceiling {100 * best.transductive:.1f} ± {100 * best.error:.1f}")  # noqa: T201


@pytest.mark.timeout(900)
@pytest.mark.parametrize("labels", ["balanced", "coins", 0.8])
def test_ceiling_against_the_rule_itself(labels):
    params = preset("headset-4", labels=labels, n_windows=3, missing_rate=0.05)
    best, windows = ceilings(params, 20), simulate(params, 3000, 20, seed=5)
    for access, limit in (("none", best.zero), ("unlabelled", best.transductive)):
        found = bayes_posterior(windows, params, access)
        right = found[["low", "high"]].idxmax(axis=1) == found["label"]
        print(f"\n{labels}, {access}: rule {100 * right.mean():.2f}, ceiling {100 * limit:.2f}", end="")  # noqa: T201
        assert abs(right.mean() - limit) < 0.005


def test_ceiling_costs_what_the_people_cost():
    simulate("seed-like", 2, 20)
    for n in (20, 80, 320):
        start = time.process_time()
        simulate("seed-like", n, 20)
        print(f"\n{n} people of 62 electrodes: {time.process_time() - start:.2f} s", end="")  # noqa: T201


def test_ceiling_of_people_like_those_of_eegmat():
    """Ten-second pieces of rest and of arithmetic, by their differential entropy in windows of a second."""
    from affectbio.datasets.eegmat import EEGMAT
    from affectbio.types import Channel, Windows

    parts = []
    for recording in EEGMAT().recordings():
        eeg = recording.signals["eeg"]
        # Without the seconds in which the filters start.
        de = differential_entropy(eeg.data, eeg.sfreq).swapaxes(0, 1)[10:]
        table = replace_trials(recording, len(de))
        channels = [Channel(c.name) for c in eeg.channels]
        parts.append(Windows(2 * de, table["trial_type"].to_numpy(), table, ("window", "channel", "band"), channels))
    windows = Windows.concatenate(parts)
    found = fit(windows)
    for name in ("effect", "effect_sd", "subject_sd", "trial_sd", "noise_sd", "noise_corr"):
        print(f"\n{name}: {np.round(getattr(found, name), 2)}", end="")  # noqa: T201
    best = ceilings(found, 10)
    print(f"\nceilings of 10 pieces of 10 s: {best}")  # noqa: T201
    for how in ("none", "z"):
        right = leave_one_out(SubjectZScore().apply(windows) if how == "z" else windows)
        print(f"LDA, {how}: {100 * right.mean():.1f} ± {100 * right.std(ddof=1) / np.sqrt(len(right)):.1f}")  # noqa: T201


def replace_trials(recording, n_windows, piece=10):
    import pandas as pd

    task = recording.events["trial_type"].iloc[0]
    start = np.arange(n_windows, dtype=float)
    trial = [f"{task}-{int(s) // piece}" for s in start]
    who = {"subject": recording.subject, "session": "01", "trial": trial, "stimulus": task}
    return pd.DataFrame({**who, "start": start, "stop": start + 1, "trial_type": task})
