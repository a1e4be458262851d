"""The 1/f slope against noise of known exponent, exact spectra and specparam 2.0.0rc7."""

from pathlib import Path

import numpy as np
import pytest

from affectbio.kernels.aperiodic import aperiodic_slope
from affectbio.kernels.spectral import Psd, psd_welch

DATA = Path(__file__).parents[1] / "data" / "eeg"
FREQS = np.arange(0, 100, 0.5)


def coloured(exponent, n_signals, seconds, sfreq=250, seed=0):
    """Noise whose density falls as 1 / f^exponent, made in the frequency domain."""
    rng = np.random.default_rng(seed)
    freqs = np.fft.rfftfreq(seconds * sfreq, 1 / sfreq)
    parts = rng.standard_normal((2, n_signals, len(freqs)))
    x = np.fft.irfft((parts[0] + 1j * parts[1]) * np.maximum(freqs, freqs[1]) ** (-exponent / 2))
    return x / x.std(axis=-1, keepdims=True)


def rhythm(centre, width, n_signals, seconds, sfreq=250, seed=1):
    """Noise with a Gaussian density about a frequency, of unit variance."""
    rng = np.random.default_rng(seed)
    freqs = np.fft.rfftfreq(seconds * sfreq, 1 / sfreq)
    parts = rng.standard_normal((2, n_signals, len(freqs)))
    x = np.fft.irfft((parts[0] + 1j * parts[1]) * np.exp(-((freqs - centre) ** 2) / (4 * width**2)))
    return x / x.std(axis=-1, keepdims=True)


def exact(exponent, offset, *peaks):
    """A density of that slope with peaks, each (Hz, height in log10, standard deviation in Hz)."""
    log_density = offset - exponent * np.log10(np.maximum(FREQS, 0.5))
    for centre, height, width in peaks:
        log_density += height * np.exp(-((FREQS - centre) ** 2) / (2 * width**2))
    return Psd(FREQS, 10**log_density)


@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.5, 3.0])
@pytest.mark.parametrize("peaks", [[], [(10, 1.2, 1.0)], [(10, 0.8, 1.2), (21, 0.5, 2.5)], [(6, 0.6, 0.8), (11, 1, 1)]])
def test_exact_spectra_give_their_parameters_whatever_stands_on_them(exponent, peaks):
    fit = aperiodic_slope(exact(exponent, -9.5, *peaks))
    # What stands out by less than two standard deviations stays with the slope.
    assert fit.exponent == pytest.approx(exponent, abs=0.03)
    assert fit.offset == pytest.approx(-9.5, abs=0.03)
    # Of a flat line there is nothing to explain but rounding.
    assert fit.r_squared > 0.99 or (exponent == 0 and not peaks)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_noise_of_known_exponent(exponent):
    fit = aperiodic_slope(psd_welch(coloured(exponent, 20, 60), 250))
    # Five standard errors of the mean of 20, each scattering by about 0.05.
    assert fit.exponent.mean() == pytest.approx(exponent, abs=0.055)
    assert fit.exponent.std() < 0.08


@pytest.mark.parametrize("amplitude", [0.5, 1.5])
def test_an_alpha_rhythm_does_not_tilt_the_slope(amplitude):
    x = coloured(1.0, 20, 60)
    with_alpha = psd_welch(x + amplitude * rhythm(10, 1, 20, 60), 250)
    inside = (with_alpha.freqs >= 2) & (with_alpha.freqs <= 40)
    line = -np.polyfit(np.log10(with_alpha.freqs[inside]), np.log10(with_alpha.density[:, inside]).T, 1)[0]
    assert line.mean() > 1.15  # least squares are tilted
    assert aperiodic_slope(with_alpha).exponent.mean() == pytest.approx(1, abs=0.03)


def test_equals_specparam_on_a_real_eeg():
    with np.load(DATA / "eegmmidb_s001_occipital.npz") as file:
        psds = {name: psd_welch(1e-6 * np.cumsum(file[name], axis=1, dtype=np.float64), 160) for name in file.files}
    # specparam 2.0.0rc7: SpectralModel(peak_width_limits=(1, 12), max_n_peaks=8).fit(freqs, density, [2, 40]), for O1,
    # Oz, O2: offset and exponent.
    by_specparam = {
        "open": [[-8.8306, 1.8602], [-8.9046, 1.759], [-8.9167, 1.706]],
        "closed": [[-8.8985, 1.7261], [-9.0146, 1.5911], [-8.9643, 1.5549]],
    }
    for name, expected in by_specparam.items():
        fit = aperiodic_slope(psds[name])
        np.testing.assert_allclose(np.stack([fit.offset, fit.exponent], axis=-1), expected, atol=0.02)
        assert (fit.r_squared > 0.95).all()


def test_a_stack_gives_the_stack_of_results():
    psd = psd_welch(coloured(1.2, 6, 20), 250)
    stacked = aperiodic_slope(Psd(psd.freqs, psd.density.reshape(2, 3, -1)))
    for i in range(6):
        alone = aperiodic_slope(Psd(psd.freqs, psd.density[i]))
        np.testing.assert_array_equal([part.reshape(-1)[i] for part in stacked], alone)


def test_what_is_lost_or_silent_has_no_slope():
    density = np.stack([exact(1, 0).density] * 4)
    density[1, 30], density[2, 30], density[3, 30] = np.nan, 0, np.inf
    fit = aperiodic_slope(Psd(FREQS, density))
    for part in fit:
        np.testing.assert_array_equal(np.isnan(part), [False, True, True, True])


def test_what_makes_no_sense_is_refused_by_name():
    psd = exact(1, 0)
    with pytest.raises(ValueError, match="l_freq=0"):
        aperiodic_slope(psd, 0, 40)
    with pytest.raises(ValueError, match=r"<= 99.5 Hz.*h_freq=120"):
        aperiodic_slope(psd, 2, 120)
    with pytest.raises(ValueError, match=r"16 frequencies.*with 5"):
        aperiodic_slope(psd, 8, 10)
