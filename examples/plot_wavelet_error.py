"""
How exact the wavelets are
==========================

Wavelet power against direct convolution in double precision with the wavelet of the definition, frequency by frequency.
"""

# %%
# A person doing arithmetic, at two electrodes, and the truth: the wavelet is summed up from its
# definition in frequency and convolved with the signal, sample by sample.

import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import oaconvolve

from affectbio.datasets import DATASETS
from affectbio.kernels import Morse, WaveletPowerStream, cone_of_influence, morlet_power, morse_power, scalogram

_, arithmetic = DATASETS.get("eegmat")().recordings(["01"])
eeg = arithmetic.signals["eeg"]
sfreq, n_times = eeg.sfreq, int(50 * eeg.sfreq)
x = np.asarray(eeg.data[:2, :n_times], np.float64)
freqs = np.geomspace(1, 45, 32)


def morlet(ratio, n_cycles=6.0):
    return np.exp(-0.5 * ((ratio - 1) * n_cycles) ** 2) - np.exp(-0.5 * (ratio**2 + 1) * n_cycles**2)


def morse(ratio, gamma=3.0, beta=20.0):
    return ratio**beta * np.exp(-beta / gamma * (ratio**gamma - 1))


def truth(bell):
    n = 1 << 17
    nu = np.arange(1, n // 2) * sfreq / n
    taper = np.clip((0.5 - nu / sfreq) / 0.025, 0, 1)
    power = np.empty((len(x), len(freqs), n_times))
    for s, f in enumerate(freqs):
        shape = np.zeros(n)
        shape[1 : n // 2] = 2 * bell(nu / f) * taper
        wavelet = np.roll(np.fft.ifft(shape), n_times - 1)[: 2 * n_times - 1]
        whole = oaconvolve(x - x.mean(axis=1, keepdims=True), wavelet[None], axes=1)
        power[:, s] = np.abs(whole[:, n_times - 1 : 2 * n_times - 1]) ** 2
    return power


exact = truth(morlet)

# %%
# The error at a frequency is the length of the difference over that of the truth, outside the cone of influence.


def error(found, expected, edge):
    return [
        np.linalg.norm((f - e)[:, k : f.shape[1] - k]) / np.linalg.norm(e[:, k : f.shape[1] - k])
        for f, e, k in zip(found.swapaxes(0, 1), expected.swapaxes(0, 1), edge, strict=True)
    ]


cone = cone_of_influence(sfreq, freqs, n_times)
n_cells = 250
cell = n_times // n_cells
curves = {
    "morlet_power, float64": error(morlet_power(x, sfreq, freqs), exact, cone),
    "morlet_power, float32": error(morlet_power(x.astype(np.float32), sfreq, freqs), exact, cone),
    "morse_power, float64": error(
        morse_power(x, sfreq, freqs), truth(morse), cone_of_influence(sfreq, freqs, n_times, wavelet=Morse())
    ),
    f"scalogram, {n_cells} cells": error(
        scalogram(x, sfreq, freqs, n_cells),
        exact.reshape(*exact.shape[:2], n_cells, cell).mean(axis=-1),
        cone // cell + 1,
    ),
}
for name, curve in curves.items():
    print(f"{name:25} {max(curve):.1e} at worst")

# %%
# A live wavelet is cut off on both sides and waits for half its length. How much it deviates is a matter of how long it
# may wait. Where a band reaches up to half the sampling rate, the wavelet rings and is longer.

deviations, delays = {}, {}
for cut in (1e-2, 1e-3, 1e-4):
    live = WaveletPowerStream(len(x), sfreq, freqs, cut=cut)
    power = live.push(x)
    of = (np.arange(power.shape[-1]) + 1) * live.step - 1 - live.delay[:, None]
    curve = []
    for s, delay in enumerate(live.delay):
        known = of[s] >= delay
        expected = exact[:, s, of[s, known]]
        curve.append(np.linalg.norm(power[:, s, known] - expected) / np.linalg.norm(expected))
    deviations[f"live, cut={cut:g}"], delays[f"live, cut={cut:g}"] = curve, live.delay_s
    print(f"cut={cut:<6g} {max(curve):.1e} at worst, {live.delay_s[0]:.2f} s late at {freqs[0]:g} Hz")

# %%

figure, (errors, waits) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, curve in (curves | deviations).items():
    errors.loglog(freqs, curve, label=name, ls="--" if name in deviations else "-")
errors.axhline(1e-3, color="0.7", lw=0.8)
errors.set(xlabel="frequency (Hz)", ylabel="relative error of power")
for name, delay_s in delays.items():
    waits.loglog(freqs, delay_s, ls="--", label=name)
waits.set(xlabel="frequency (Hz)", ylabel="delay (s)")
figure.legend(*errors.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize="small")
plt.show()
