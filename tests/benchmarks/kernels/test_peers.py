"""Every kernel beside every peer that is installed, one thread, in one run; the tables are printed at the end.

``uv run --group benchmark pytest tests/benchmarks -k kernels``; with ``--with fcwt`` also fCWT, built from source.
Work: (a) 32 channels of 63 s at 128 Hz, as in DEAP; (c) 62 channels of 4 min at 200 Hz, as in SEED; both in one thread.
ms are medians of processor time, "× ours" the median of the ratio of neighbours in time. What is in brackets was
measured before, with the prototypes of these kernels, and stands for peers that are not here.
"""

import numpy as np
import pytest
from scipy import fft, signal

from affectbio.bands import resolve_bands
from affectbio.kernels import (
    cone_of_influence,
    differential_entropy,
    morlet_power,
    scalogram,
    wavelet_energy,
)

FREQS = np.geomspace(1, 50, 64)
N_CYCLES = 6.0
CMOR = f"cmor{2 * (N_CYCLES / (2 * np.pi)) ** 2:.6f}-1.0"
EDGES = [(band.l_freq, band.h_freq) for band in resolve_bands("eeg", 128)]
CONSTANT = 0.5 * np.log(2 * np.pi * np.e)


def eeg(n_chans, n_times, dtype=np.float64):
    """Noise that falls with frequency, 10 µV."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal((n_chans, n_times)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.shape[-1]), 1)), n_times)
    return (1e-5 * noise / noise.std()).astype(dtype)


# Entropy of bands. A peer that knows no entropy computes band power and its logarithm.


def windows(x, sfreq):
    return x[:, : x.shape[1] // sfreq * sfreq].reshape(len(x), -1, sfreq)


def entropy(power):
    return CONSTANT + 0.5 * np.log(power)


def of_bands(freqs, density):
    return entropy(np.stack([density[..., (freqs >= low) & (freqs < high)].sum(-1) for low, high in EDGES], -1))


def by_sosfilt(x, sfreq, function="sosfilt"):
    filters = [signal.butter(4, edges, "bandpass", fs=sfreq, output="sos") for edges in EDGES]
    filtered = getattr(signal, function)
    return lambda: np.stack([entropy(windows(filtered(sos, x), sfreq).var(-1, ddof=1)) for sos in filters], -1)


def by_rfft(x, sfreq):
    taper = signal.get_window("hann", sfreq).astype(x.dtype)
    freqs = np.fft.rfftfreq(sfreq, 1 / sfreq)

    def compute():
        cut = windows(x, sfreq)
        spectrum = fft.rfft((cut - cut.mean(-1, keepdims=True)) * taper)
        return of_bands(freqs, spectrum.real**2 + spectrum.imag**2)

    return compute


def by_mne(x, sfreq, **options):
    from mne.time_frequency import psd_array_welch

    return lambda: of_bands(*psd_array_welch(windows(x, sfreq), sfreq, n_fft=sfreq, verbose="error", **options)[::-1])


def by_mne_multitaper(x, sfreq):
    from mne.time_frequency import psd_array_multitaper

    return lambda: of_bands(*psd_array_multitaper(windows(x, sfreq), sfreq, verbose="error")[::-1])


def by_mne_features(x, sfreq):
    from mne_features.univariate import compute_pow_freq_bands

    bands, cuts = np.array(EDGES), np.moveaxis(windows(x, sfreq), 1, 0)
    return lambda: np.stack([compute_pow_freq_bands(sfreq, cut, bands, normalize=False) for cut in cuts])


def by_yasa(x, sfreq):
    from yasa import bandpower_from_psd_ndarray

    bands = [(*edges, str(k)) for k, edges in enumerate(EDGES)]

    def compute():
        freqs, density = signal.welch(windows(x, sfreq), sfreq, nperseg=sfreq)
        return entropy(bandpower_from_psd_ndarray(density, freqs, bands, relative=False))

    return compute


def by_brainflow(x, sfreq):
    from brainflow.data_filter import DataFilter, WindowOperations

    # It transforms powers of two.
    n_fft = 1 << (sfreq.bit_length() - 1)
    x = np.ascontiguousarray(windows(x, sfreq), np.float64).reshape(-1, sfreq)

    def compute():
        power = np.empty((len(x), len(EDGES)))
        for row, of_row in zip(x, power, strict=True):
            density = DataFilter.get_psd_welch(row, n_fft, n_fft // 2, sfreq, WindowOperations.HANNING.value)
            of_row[:] = [DataFilter.get_band_power(density, *edges) for edges in EDGES]
        return entropy(power)

    return compute


def by_torch_layer(x, sfreq):
    import torch

    from affectbio.models.frontend import DifferentialEntropyLayer

    torch.set_num_threads(1)
    layer, tensor = DifferentialEntropyLayer(x.shape[1], sfreq), torch.from_numpy(x)
    return lambda: layer(tensor)


def peers_of_entropy(x, sfreq):
    return [
        ("SciPy sosfilt", "scipy", lambda: by_sosfilt(x, sfreq)),
        ("SciPy sosfiltfilt", "scipy", lambda: by_sosfilt(x, sfreq, "sosfiltfilt")),
        ("SciPy rfft", "scipy", lambda: by_rfft(x, sfreq)),
        ("MNE Welch", "mne", lambda: by_mne(x, sfreq)),
        ("MNE multitaper", "mne", lambda: by_mne_multitaper(x, sfreq)),
        ("mne-features", "mne-features", lambda: by_mne_features(x, sfreq)),
        ("yasa, array", "yasa", lambda: by_yasa(x, sfreq)),
        ("brainflow", "brainflow", lambda: by_brainflow(x, sfreq)),
        ("affectbio, PyTorch on the processor", "torch", lambda: by_torch_layer(x, sfreq)),
    ]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kernels_entropy_by_causal_filter(compare, dtype):
    x, single = eeg(32, 8064, dtype), dtype == np.float32
    asked = {
        "SciPy sosfiltfilt": 72,
        "LibEER": 58,
        "torcheeg": 4400,
        "mne-features": 62,
        "MNE Welch": 13,
        "yasa, array": 6,
    }
    title = f"Differential entropy, 5 bands, windows of 1 s, causal filter, (a) {np.dtype(dtype)}"
    found = compare(
        "entropy-single" if single else "entropy",
        title,
        lambda: differential_entropy(x, 128),
        peers_of_entropy(x, 128),
        asked={} if single else asked,
    )
    assert min(found.values()) > 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kernels_entropy_by_fft(compare, dtype):
    x = eeg(32, 8064, dtype)
    peers = [
        *peers_of_entropy(x, 128),
        ("affectbio, causal filter", "affectbio", lambda: lambda: differential_entropy(x, 128)),
    ]
    title = f"Differential entropy, 5 bands, windows of 1 s, by FFT, (a) {np.dtype(dtype)}"
    asked = {"yasa, array": 10, "SciPy rfft": 10, "torcheeg": 8000, "affectbio, causal filter": 2}
    found = compare(
        "entropy-fft" if dtype == np.float64 else "entropy-fft-single",
        title,
        lambda: differential_entropy(x, 128, method="fft"),
        peers,
        asked=asked if dtype == np.float64 else {},
    )
    assert min(found.values()) > 1


@pytest.mark.timeout(600)
def test_kernels_entropy_of_a_long_recording(compare):
    x = eeg(62, 48_000, np.float32)
    title = "Differential entropy, 5 bands, windows of 1 s, causal filter, (c) float32"
    compare("entropy-long", title, lambda: differential_entropy(x, 200), peers_of_entropy(x, 200), asked={}, seconds=2)


# Wavelets. Power of 64 frequencies at every sample, (n_chans, n_freqs, n_times).


def squared(transform):
    return transform.real**2 + transform.imag**2


def by_scipy_fft(x, sfreq):
    n_times = x.shape[-1]
    n_fft = fft.next_fast_len(n_times + int(5 * N_CYCLES / (2 * np.pi * FREQS[0]) * sfreq))
    nu = np.fft.fftfreq(n_fft, 1 / sfreq)

    def compute():
        spectrum, power = fft.fft(x, n_fft), np.empty((len(x), len(FREQS), n_times), x.dtype)
        for s, f in enumerate(FREQS):
            gain = np.where(nu > 0, 2 * np.exp(-0.5 * ((nu - f) * N_CYCLES / f) ** 2), 0).astype(x.dtype)
            power[:, s] = squared(fft.ifft(spectrum * gain)[:, :n_times])
        return power

    return compute


def by_pywavelets(x, sfreq):
    import pywt

    scales = pywt.frequency2scale(CMOR, FREQS / sfreq)
    return lambda: squared(pywt.cwt(x, scales, CMOR, method="fft", axis=-1)[0]).swapaxes(0, 1)


def by_mne_morlet(x, sfreq):
    from mne.time_frequency import tfr_array_morlet

    return lambda: tfr_array_morlet(x[None], sfreq, FREQS, n_cycles=N_CYCLES, output="power", verbose="error")[0]


def by_ssqueezepy(x, sfreq):
    import ssqueezepy

    scales = (N_CYCLES * sfreq / (2 * np.pi * FREQS))[::-1].astype(x.dtype)
    wavelet = ssqueezepy.Wavelet(("morlet", {"mu": N_CYCLES, "dtype": x.dtype.name}))
    return lambda: squared(ssqueezepy.cwt(x, wavelet, scales=scales, fs=sfreq, astensor=False)[0][:, ::-1])


def by_fcwt(x, sfreq):
    load_the_fftw_of_fcwt()
    from fcwt import FCWT, FCWT_LOGSCALES, Morlet, Scales

    wavelet = Morlet(N_CYCLES / (2 * np.pi))
    scales = Scales(wavelet, FCWT_LOGSCALES, sfreq, float(FREQS[0]), float(FREQS[-1]), len(FREQS))
    transform = np.zeros((len(FREQS), x.shape[-1]), np.complex64)

    def compute():
        power = np.empty((len(x), *transform.shape), np.float32)
        for channel, of_channel in zip(x, power, strict=True):
            FCWT(wavelet, 1, False, True).cwt(channel, scales, transform)
            of_channel[:] = squared(transform)[::-1]
        return power

    return compute


def load_the_fftw_of_fcwt():
    """Load the libraries that fCWT 0.1.18 brings under names by which its own module does not find them."""
    import ctypes
    from importlib.util import find_spec
    from pathlib import Path

    folder = Path(find_spec("fcwt").origin).parent
    for library in ("libfftw3fl.so", "libfftw3f_ompl.so"):
        if (folder / library).exists():
            ctypes.CDLL(str(folder / library), mode=ctypes.RTLD_GLOBAL)


def by_ptwt(x, sfreq):
    import ptwt
    import pywt
    import torch

    torch.set_num_threads(1)
    scales, tensor = pywt.frequency2scale(CMOR, FREQS / sfreq), torch.from_numpy(x)
    return lambda: squared(ptwt.cwt(tensor, scales, CMOR)[0].numpy()).swapaxes(0, 1)


def by_neurodsp(x, sfreq):
    from neurodsp.timefrequency import compute_wavelet_transform

    return lambda: squared(compute_wavelet_transform(x, sfreq, FREQS, n_cycles=N_CYCLES))


def by_pycwt(x, sfreq):
    import pycwt

    wavelet = pycwt.Morlet(6)
    freqs = FREQS * 2 * np.pi / (6 * wavelet.flambda())
    return lambda: np.stack([squared(pycwt.cwt(row, 1 / sfreq, wavelet=wavelet, freqs=freqs)[0]) for row in x])


def by_picture_layer(x, sfreq, n_times):
    import torch

    from affectbio.models.frontend import ScalogramLayer

    torch.set_num_threads(1)
    layer, tensor = ScalogramLayer(x.shape[1], sfreq, n_times=n_times), torch.from_numpy(x)
    return lambda: layer(tensor).numpy()


WAVELETS = [
    ("SciPy fft", "scipy", by_scipy_fft),
    ("PyWavelets, fft", "PyWavelets", by_pywavelets),
    ("MNE", "mne", by_mne_morlet),
    ("ssqueezepy", "ssqueezepy", by_ssqueezepy),
    ("fCWT", "fcwt", by_fcwt),
    ("ptwt", "ptwt", by_ptwt),
    ("neurodsp", "neurodsp", by_neurodsp),
    ("pycwt", "pycwt", by_pycwt),
]


def in_cells(power, n_times):
    edges = -(-np.arange(n_times + 1) * power.shape[-1] // n_times)
    return np.add.reduceat(power, edges[:-1], axis=-1) / np.diff(edges).astype(power.dtype)


def error_against_convolution(x, sfreq, n_cells=None):
    """Give a function of powers: their worst relative error (root mean square over time) below 35 Hz.

    The reference is the exact wavelet convolved in float64. Peers norm their wavelets in their own way: so the best
    gain of each frequency is fitted. Ends, as far as three cones, do not count.
    """
    few = x[:2].astype(np.float64)
    reference = np.empty((2, len(FREQS), x.shape[1]))
    for s, f in enumerate(FREQS):
        spread = N_CYCLES / (2 * np.pi * f)
        t = np.arange(-int(8 * spread * sfreq), int(8 * spread * sfreq) + 1) / sfreq
        atom = 2 * np.exp(2j * np.pi * f * t - 0.5 * (t / spread) ** 2) / (spread * np.sqrt(2 * np.pi) * sfreq)
        centred = few - few.mean(-1, keepdims=True)
        reference[:, s] = squared(signal.oaconvolve(centred, atom[None], mode="same", axes=-1))
    cone = 3 * cone_of_influence(sfreq, FREQS, x.shape[1], N_CYCLES)
    if n_cells:
        reference, cone = in_cells(reference, n_cells), -(-cone * n_cells // x.shape[1]) + 1

    def error(power):
        worst = 0.0
        for s in np.flatnonzero(FREQS < 35):
            inner = slice(cone[s], reference.shape[-1] - cone[s])
            p, r = np.asarray(power[:2, s, inner], np.float64), reference[:, s, inner]
            gain = (p * r).sum() / (p * p).sum()
            worst = max(worst, np.sqrt(((gain * p - r) ** 2).mean() / (r**2).mean()))
        return worst

    return error


@pytest.mark.timeout(600)
def test_kernels_wavelets_at_every_sample(compare):
    x = eeg(32, 8064, np.float32)
    out = np.empty((32, 64, 8064), np.float32)
    asked = {"fCWT": 4.5, "SciPy fft": 7.3, "ssqueezepy": 28, "torcheeg": 42, "MNE": 63, "PyWavelets, fft": 26}
    found = compare(
        "transform",
        "Continuous wavelet transform, 64 frequencies at every sample, (a) float32",
        lambda: morlet_power(x, 128, FREQS, out=out),
        [(name, package, lambda make=make: make(x, 128)) for name, package, make in WAVELETS],
        asked=asked,
        accuracy=error_against_convolution(x, 128),
    )
    assert min(found.values()) > 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("n_times", "asked"),
    [
        (64, {"fCWT": 25, "ssqueezepy": 66, "PyWavelets, fft": 100, "torcheeg": 127, "MNE": 224}),
        (224, {"fCWT": 24, "ssqueezepy": 63, "MNE": 211}),
    ],
)
def test_kernels_scalogram(compare, n_times, asked):
    x = eeg(32, 8064, np.float32)
    out = np.empty((32, 64, n_times), np.float32)

    def pictured(make):
        power = make(x, 128)
        return lambda: in_cells(power(), n_times)

    peers = [(name, package, lambda make=make: pictured(make)) for name, package, make in WAVELETS[:5]]
    peers.append(("affectbio, PyTorch on the processor", "torch", lambda: by_picture_layer(x, 128, n_times)))
    found = compare(
        f"scalogram-{n_times}",
        f"Scalogram, 64 frequencies × {n_times} cells, (a) float32",
        lambda: scalogram(x, 128, FREQS, n_times, out=out),
        peers,
        asked=asked,
        accuracy=error_against_convolution(x, 128, n_times),
    )
    assert min(found.values()) > 1


@pytest.mark.timeout(600)
def test_kernels_discrete_wavelets(compare):
    x = eeg(32, 8064, np.float32)

    def by_pywt():
        import pywt

        return lambda: [(c * c).sum(-1) for c in pywt.wavedec(windows(x, 128), "db4", level=4)]

    def by_ptwt():
        import ptwt
        import torch

        torch.set_num_threads(1)
        cut = torch.from_numpy(windows(x, 128))
        return lambda: [(c * c).sum(-1) for c in ptwt.wavedec(cut, "db4", mode="symmetric", level=4)]

    def by_brainflow():
        from brainflow.data_filter import DataFilter, WaveletTypes

        rows = windows(x.astype(np.float64), 128).reshape(-1, 128)
        return lambda: [(DataFilter.perform_wavelet_transform(r, WaveletTypes.DB4, 4)[0] ** 2).sum() for r in rows]

    found = compare(
        "discrete",
        "Energies of a discrete wavelet transform, db4, 4 levels, windows of 1 s, (a) float32",
        lambda: wavelet_energy(windows(x, 128), "db4", 4),
        [("PyWavelets", "PyWavelets", by_pywt), ("ptwt", "ptwt", by_ptwt), ("brainflow", "brainflow", by_brainflow)],
        asked={"PyWavelets": 15, "brainflow": 257},
    )
    assert min(found.values()) > 1
