"""
The same numbers live and offline
=================================

A recording run through a kernel at once, and fed to its streaming form in chunks of any size.
"""

# %%
# A minute of a person doing arithmetic, and its differential entropy every half second.

import matplotlib.pyplot as plt
import numpy as np

from affectbio.datasets import DATASETS
from affectbio.kernels import DifferentialEntropyStream, differential_entropy, window_starts

_, arithmetic = DATASETS.get("eegmat")().recordings(["01"])
eeg = arithmetic.signals["eeg"]
offline = differential_entropy(eeg.data, eeg.sfreq, window_s=2, step_s=0.5)
print(offline.shape, "channels, windows, bands")

# %%
# The stream gets the samples in chunks of random size, as a radio delivers them.

rng = np.random.default_rng(0)
stream = DifferentialEntropyStream(eeg.n_chans, eeg.sfreq, window_s=2, step_s=0.5)
cuts = np.sort(rng.choice(eeg.n_times, size=200, replace=False))
live = np.concatenate([stream.push(chunk) for chunk in np.split(eeg.data, cuts, axis=1)], axis=1)
print("equal to the last bit:", np.array_equal(live, offline))

# %%
# The filter is causal: what it says of a band is that much older than the samples it has seen.

for band, delay in zip(stream.bands, stream.group_delay_s, strict=True):
    print(f"{band.name:6} {1e3 * delay:4.0f} ms")

# %%

times = window_starts(eeg.n_times, eeg.sfreq, window_s=2, step_s=0.5) / eeg.sfreq + 2
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
axis.plot(times, live[eeg.ch_names.index("O1")], label=[band.name for band in stream.bands])
axis.set(xlabel="end of the window (s)", ylabel="differential entropy at O1 (nats)")
axis.legend(ncols=5, loc="upper center", frameon=False, bbox_to_anchor=(0.5, 1.2))
plt.show()
