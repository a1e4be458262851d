"""
How much of what is possible
============================

Simulated people, of whom it is known how well anybody could do: what adaptation gains, and what it costs where people
see mostly one class.
"""

# %%
# Features of 24 people with 14 electrodes: an offset of each person, a fingerprint of each trial, noise, and an effect.
# The ceilings are those of Bayes' rule, for one trial of a stranger and for all their unlabelled trials together.

import matplotlib.pyplot as plt
import numpy as np

from affectbio.adapt import RestBaseline, SubjectZScore
from affectbio.datasets.simulated import ceilings, gap_closed, online_curve, preset, simulate
from affectbio.models import ShrinkageLDA

balanced = preset("dreamer-like", effect=0.22, effect_sd=0.3)
shifted = preset(balanced, labels=0.8)


def accuracy(windows):
    """Share of right trials of people left out one by one; a trial is judged by all its windows."""
    subject = windows.metadata["subject"].to_numpy()
    labels, right = windows.y.astype(str), []
    for person in np.unique(subject):
        own = subject == person
        model = ShrinkageLDA().fit(windows.X[~own], labels[~own])
        odds = model.decision_function(windows.X[own]).reshape(-1, balanced.n_windows).sum(axis=1)
        right.append(np.mean(model.classes_[(odds > 0).astype(int)] == labels[own][:: balanced.n_windows]))
    return np.mean(right)


scores, limits = {}, {}
for name, params in (("balanced", balanced), ("mostly one class", shifted)):
    windows = simulate(params, n_subjects=24, n_trials=20, seed=1, rest_windows=10)
    trials = windows.take((windows.metadata["trial_type"] != "rest").to_numpy())
    scores[name] = {
        "none": accuracy(trials),
        "rest": accuracy(RestBaseline(seconds=10).apply(windows)),
        "subject z": accuracy(SubjectZScore().apply(trials)),
    }
    limits[name] = ceilings(params, n_trials=20, n_people=500)
    closed = gap_closed(scores[name]["subject z"], scores[name]["none"], limits[name].transductive)
    print(f"{name}: {', '.join(f'{how} {value:.2f}' for how, value in scores[name].items())}; z closes {closed:.0%}")

# %%
# Bars are what the model scores, lines what the best rule scores with one trial (dotted) and with all of them (solid).

figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
for ax, (name, of_name) in zip(axes, scores.items(), strict=False):
    ax.bar(list(of_name), list(of_name.values()), color="0.7")
    ax.axhline(limits[name].zero, color="k", linestyle=":")
    ax.axhline(limits[name].transductive, color="k")
    ax.set(title=name, ylim=(0.5, 1.0))
axes[0].set(ylabel="accuracy per trial")

# %%
# How many trials it takes until a stranger is no stranger any more, for the best rule.

curve = online_curve(balanced, (1, 2, 4, 8, 16), n_people=500)
axes[2].plot(curve["n_trials"], curve["accuracy"], "k.-")
axes[2].set(title="best rule, trial by trial", xlabel="unlabelled trials seen", xscale="log")
axes[2].set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
axes[2].minorticks_off()
plt.show()
