"""
A simulated session, and the truth behind it
============================================

A person who does not exist rests, calculates and is stressed. Signals follow a course of valence and arousal that is
known, so that a program can be tested against it. A simulation is never evidence about people.
"""

# %%
# An EPOC X and an Empatica E4 on the same body: one person, one plan, one seed.

import matplotlib.pyplot as plt
import numpy as np

from affectbio.acquire.simulate import Artefacts, Person, SimulatedDevice
from affectbio.devices import load_device

person = Person.sample(3)
plan = [("rest", 60.0), ("arithmetic", 60.0), ("stress", 60.0)]
headset = SimulatedDevice(
    load_device("epoc-x"), person, state=plan, seed=3, artefacts=Artefacts(blinks=True, line_hz=50)
)
wrist = SimulatedDevice(load_device("e4"), person, state=plan, seed=3)
head, hand = headset.recording(180.0), wrist.recording(180.0)
print({name: signal.data.shape for name, signal in (head.signals | hand.signals).items()})

# %%
# What happened is among the events, with its time: here the beats, and from them the heart rate in each state.

events = hand.events
beats = events.loc[events["trial_type"] == "beat", "onset"].to_numpy()
for state in events[events["duration"] > 0].itertuples():
    inside = beats[(beats >= state.onset) & (beats < state.onset + state.duration)]
    print(f"{state.trial_type}: {60 / np.diff(inside).mean():.0f} beats per minute")

# %%
# The truth and what the sensors make of it.

figure, axes = plt.subplots(4, 1, figsize=(7, 7), sharex=True, layout="constrained")
affect, eda, ppg, eeg = hand.signals["affect"], hand.signals["eda"], hand.signals["ppg"], head.signals["eeg"]
axes[0].plot(affect.times(), affect.data.T, label=["valence", "arousal"])
axes[0].legend(frameon=False, ncols=2)
axes[0].set(ylabel="truth", ylim=(-1.2, 1.4))
axes[1].plot(beats[1:], 60 / np.diff(beats))
axes[1].set(ylabel="heart rate\n(beats per minute)")
axes[2].plot(eda.times(), 1e6 * eda.data[0])
axes[2].vlines(events.loc[events["trial_type"] == "scr", "onset"], *axes[2].get_ylim(), color="0.8", zorder=0)
axes[2].set(ylabel="skin conductance\n(µS)")
axes[3].plot(eeg.times(), 1e6 * eeg.data[eeg.ch_names.index("AF3")], linewidth=0.3)
axes[3].set(ylabel="AF3 (µV)", xlabel="time (s)")
plt.show()
