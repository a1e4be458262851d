"""
Features of a recording, and which of them to believe
=====================================================

Two sets of features on one clock, each over a window of its own length, with a mask of what is valid.
"""

# %%
# A person at rest, and the same person subtracting sevens.

import matplotlib.pyplot as plt
import numpy as np

from affectbio.datasets import DATASETS
from affectbio.features import FeatureSet
from affectbio.types import Recording, Signal

rest, arithmetic = DATASETS.get("eegmat")().recordings(["01"])

# %%
# In the second recording an electrode is off for three seconds. What is lost is NaN.

eeg = arithmetic.signals["eeg"]
data = np.array(eeg.data)
data[eeg.ch_names.index("O1"), int(30 * eeg.sfreq) : int(33 * eeg.sfreq)] = np.nan
torn = Recording({"eeg": Signal(data, eeg.sfreq, eeg.channels)}, subject="01", session="02", events=arithmetic.events)

# %%
# Every half second: band power of the last two seconds, and how the channels go together over the last eight.

found = FeatureSet(["eeg-power", "eeg-connectivity"], step_s=0.5).extract([rest, torn])
print(found.left_out)
print(found.share_valid())
print(found.table.groupby("session")[["eeg-power_reason", "eeg-connectivity_reason"]].value_counts())

# %%
# What an estimator gets are the windows inside an event of which every column is known.

windows = found.windows()
print(windows.X.shape, dict(zip(*np.unique(windows.y, return_counts=True), strict=True)))

# %%

figure, axes = plt.subplots(2, 1, figsize=(7, 4), sharex=True, layout="constrained")
for session, label in (("01", "rest"), ("02", "arithmetic")):
    rows = found.table[found.table["session"] == session]
    axes[0].plot(rows["stop"], rows["eeg-power_O1_alpha"], label=label)
    axes[1].plot(rows["stop"], rows["eeg-connectivity_O1-O2_alpha"], label=label)
axes[0].set(ylabel="alpha power at O1\n(log10 of V²)")
axes[1].set(xlabel="end of the window (s)", ylabel="phase lag index\nof O1 and O2")
axes[0].legend(frameon=False)
plt.show()
