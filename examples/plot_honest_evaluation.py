"""
What a leak is worth
====================

The same windows, the same model, two ways to split them: by person, and shuffled. Then both again with labels that mean
nothing.
"""

# %%
# Twelve of the bundled people rest and calculate. The feature is the differential entropy of five bands per electrode.

import pandas as pd

from affectbio.datasets import DATASETS
from affectbio.evaluation import evaluate, permutation_control, summarise
from affectbio.evaluation.figures import plot_people
from affectbio.features import DifferentialEntropy
from affectbio.models import nearest_neighbour

data = DATASETS.get("eegmat")()
recordings = data.recordings(data.subjects()[:12])
windows = DifferentialEntropy(bands="eeg").extract(recordings, window_s=2, step_s=1)
print(windows.X.shape, windows.axes)

# %%
# A nearest neighbour learns by heart, as a large network does. ``loso`` holds each person out; ``random-window-kfold``
# deals the windows out at random, so that each test window has neighbours of the same minute in training.

results, controls = [], []
for protocol in ("loso", "random-window-kfold"):
    results.append(evaluate(nearest_neighbour(), windows, protocol, variant=protocol))
    controls.append(permutation_control(nearest_neighbour(), windows, protocol, n_permutations=39, variant=protocol))
results, controls = pd.concat(results), pd.concat(controls)
summary = summarise(results, controls)
print(summary[["variant", "mean", "low", "high", "null_mean", "excess", "leaks"]].round(3).to_string(index=False))

# %%
# The shuffled split scores as high when the labels of each person's two recordings are exchanged at random: what it
# finds is the recording, not the task.

plot_people(results, summary)
