"""Spectral densities against SciPy and MNE, and what is read from them against closed forms and a real EEG."""

from pathlib import Path

import mne
import numpy as np
import pytest
import scipy.integrate
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affectbio.bands import BAND_SETS
from affectbio.errors import SignalQualityError
from affectbio.kernels.spectral import (
    Psd,
    band_density,
    peak_frequency,
    psd_multitaper,
    psd_welch,
    relative_power,
    segment_spectra,
)

DATA = Path(__file__).parents[1] / "data" / "eeg"

DENSITIES = {
    "welch": lambda x, sfreq=128: psd_welch(x, sfreq, window_s=1),
    "multitaper": lambda x, sfreq=128: psd_multitaper(x, sfreq, bandwidth=4),
}
FEATURES = {
    "band density": lambda psd: band_density(psd),
    "relative power": lambda psd: relative_power(psd),
    "peak": lambda psd: peak_frequency(psd)[..., None],
    "gravity": lambda psd: peak_frequency(psd, method="gravity")[..., None],
}


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.fixture(scope="module")
def occipital():
    """EEG in volts at O1, Oz and O2 with eyes open and closed, at 160 Hz."""
    with np.load(DATA / "eegmmidb_s001_occipital.npz") as file:
        return {name: 1e-6 * np.cumsum(file[name], axis=1, dtype=np.float64) for name in file.files}


def test_an_overlap_that_is_no_binary_number_counts_whole_samples():
    # 0.29 times 100 is 28.999999999999996.
    _, spectra, _ = segment_spectra(noise(1, 242), 100, window_s=1, overlap=0.29)
    assert spectra.shape[-2] == 1 + (242 - 100) // 71


@pytest.mark.parametrize(("sfreq", "window_s", "overlap"), [(128, 2, 0.5), (250.5, 1.7, 0.75), (100, 0.51, 0)])
def test_welch_equals_scipys(sfreq, window_s, overlap):
    x = 3e-5 + 1e-5 * noise(2, 3, 2001)
    ours = psd_welch(x, sfreq, window_s=window_s, overlap=overlap)
    length = round(window_s * sfreq)
    freqs, density = scipy.signal.welch(x, sfreq, nperseg=length, noverlap=int(overlap * length))
    np.testing.assert_allclose(ours.freqs, freqs, rtol=1e-12)
    np.testing.assert_allclose(ours.density, density, rtol=1e-9, atol=1e-22)


def test_welch_equals_mnes():
    x = noise(4, 3000)
    ours = psd_welch(x - x.mean(axis=-1, keepdims=True), 250, window_s=2)
    density, freqs = mne.time_frequency.psd_array_welch(
        x, 250, fmin=0, n_fft=500, n_per_seg=500, n_overlap=250, window="hann", verbose="error"
    )
    np.testing.assert_allclose(ours.freqs, freqs)
    np.testing.assert_allclose(ours.density, density, rtol=1e-9)


@pytest.mark.parametrize(("n_times", "bandwidth"), [(512, 4.0), (1001, 2.0), (256, 2.0), (999, 5.5)])
def test_multitaper_equals_mnes(n_times, bandwidth):
    x = 2e-5 + 1e-5 * noise(2, 2, n_times)
    ours = psd_multitaper(x, 256, bandwidth=bandwidth)
    density, freqs = mne.time_frequency.psd_array_multitaper(
        x, 256, bandwidth=bandwidth, adaptive=False, low_bias=True, normalization="full", verbose="error"
    )
    np.testing.assert_allclose(ours.freqs, freqs)
    np.testing.assert_allclose(ours.density[..., 1:], density[..., 1:], rtol=1e-7)


@pytest.mark.parametrize("name", DENSITIES)
def test_the_density_of_white_noise_is_flat_and_adds_up_to_its_variance(name):
    freqs, density = DENSITIES[name](3 * noise(40, 512))
    density = density.mean(axis=0)
    assert density.sum() * freqs[1] == pytest.approx(9, rel=0.02)
    middle = density[(freqs > 4) & (freqs < 60)]
    assert middle.mean() == pytest.approx(9 / 64, rel=0.02)


def test_segments_of_a_signal_are_those_that_fit():
    freqs, spectra, whole = segment_spectra(noise(2, 99), 10, window_s=2, overlap=0.6)
    assert spectra.shape == (2, 1 + (99 - 20) // 8, 11)
    assert whole.all()
    assert freqs[-1] == 5


def test_bands_are_integrals_of_straight_lines():
    freqs = np.arange(0, 65, 0.8)
    density = np.abs(noise(3, len(freqs))) + 1
    bands = [(1.3, 4), (4, 8.05), (8.05, 40), (40, 63.99)]
    # By definition: lines through the densities, on a grid that holds their corners and the edges.
    expected = []
    for low, high in bands:
        grid = np.unique(np.r_[low, freqs[(freqs > low) & (freqs < high)], high])
        lines = np.array([np.interp(grid, freqs, row) for row in density])
        expected.append(scipy.integrate.trapezoid(lines, grid) / (high - low))
    np.testing.assert_allclose(band_density(Psd(freqs, density), bands), np.transpose(expected), rtol=1e-12)


def test_shares_of_neighbours_add_up_to_one_and_of_a_larger_whole_to_less():
    psd = psd_welch(noise(5, 2000), 128)
    shares = relative_power(psd, "eeg")
    np.testing.assert_allclose(shares.sum(axis=-1), 1, rtol=1e-12)
    widths = np.array([band.h_freq - band.l_freq for band in BAND_SETS["eeg"]])
    np.testing.assert_allclose(shares.mean(axis=0), widths / widths.sum(), atol=0.03)
    of_all = relative_power(psd, "eeg", total=(0.5, 64))
    np.testing.assert_allclose(of_all.sum(axis=-1), 49 / 63.5, atol=0.03)


@pytest.mark.parametrize("freq", [8.3, 10.0, 10.24, 12.7])
def test_the_peak_of_a_sine_is_at_its_frequency(freq):
    x = np.sin(2 * np.pi * freq * np.arange(128 * 60) / 128) + 0.05 * noise(128 * 60)
    psd = psd_welch(x, 128, window_s=4)
    # A parabola through three points of a Hann window's log main lobe is off by at most 2 % of their distance.
    assert peak_frequency(psd) == pytest.approx(freq, abs=0.02 * 0.25)
    assert peak_frequency(psd, freq - 2, freq + 2, method="gravity") == pytest.approx(freq, abs=0.02)


def test_there_is_no_peak_where_the_density_only_falls():
    freqs = np.arange(0, 40, 0.01)
    falling = Psd(freqs, 1 / np.maximum(freqs, 0.1))
    assert np.isnan(peak_frequency(falling))
    # ∫ f/f df / ∫ 1/f df over the band.
    assert peak_frequency(falling, method="gravity") == pytest.approx(7 / np.log(2), abs=0.01)


def test_closed_eyes_have_their_alpha_rhythm(occipital):
    opened, closed = (psd_welch(occipital[name], 160) for name in ("open", "closed"))
    alpha = [band_density(psd, [(8, 12)]).mean() for psd in (opened, closed)]
    # The same from SciPy's density; by window and edges it is 13 to 18.
    assert alpha[1] / alpha[0] == pytest.approx(16.92, abs=0.01)
    np.testing.assert_allclose(peak_frequency(closed), 10.0, atol=0.1)
    np.testing.assert_allclose(peak_frequency(closed, method="gravity"), 10.0, atol=0.1)
    share = [relative_power(psd, {"alpha": (8, 12)}, total=(2, 45)).mean() for psd in (opened, closed)]
    assert share[1] > 3 * share[0]


@pytest.mark.parametrize("name", DENSITIES)
def test_a_stack_gives_the_stack_of_results(name):
    x = noise(2, 3, 600)
    whole = DENSITIES[name](x)
    for i in np.ndindex(2, 3):
        np.testing.assert_allclose(whole.density[i], DENSITIES[name](x[i]).density, rtol=1e-12)
        for feature in FEATURES.values():
            np.testing.assert_allclose(feature(whole)[i], feature(DENSITIES[name](x[i])), rtol=1e-9)


@pytest.mark.parametrize("name", DENSITIES)
def test_arrays_of_any_layout_and_type(name):
    x = (100 * noise(3, 600)).astype(np.int16)
    expected = DENSITIES[name](x.astype(np.float64)).density
    for same in (x, x.astype(">f4"), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x.tolist()):
        np.testing.assert_array_equal(DENSITIES[name](same).density, expected)


def test_welch_leaves_out_segments_with_lost_samples():
    x = noise(2, 128 * 10)
    torn = x.copy()
    torn[0, 500], torn[1, 300] = np.nan, np.inf
    ours = psd_welch(torn, 128, window_s=1, overlap=0)
    keep = [np.delete(x[c].reshape(10, 128), lost // 128, axis=0) for c, lost in ((0, 500), (1, 300))]
    expected = [scipy.signal.welch(rows, 128, nperseg=128, axis=-1)[1].mean(axis=0) for rows in keep]
    np.testing.assert_allclose(ours.density, expected, rtol=1e-9)


@pytest.mark.parametrize("name", DENSITIES)
def test_what_is_lost_or_constant_is_unknown_and_harms_no_other(name):
    x = noise(4, 600)
    x[1], x[2] = np.nan, 3e-3
    density = DENSITIES[name](x).density
    np.testing.assert_array_equal(np.isnan(density).all(axis=-1), [False, True, True, False])
    np.testing.assert_array_equal(density[[0, 3]], DENSITIES[name](x[[0, 3]]).density)
    for feature in FEATURES.values():
        np.testing.assert_array_equal(np.isnan(feature(Psd(DENSITIES[name](x).freqs, density))).any(axis=-1)[1:3], True)
    one_lost = noise(600)
    one_lost[17] = np.nan
    assert np.isnan(psd_multitaper(one_lost, 128, bandwidth=4).density).all()


def test_no_power_has_no_share_and_no_peak():
    silent = Psd(np.arange(65.0), np.zeros(65))
    for name in ("relative power", "peak", "gravity"):
        assert np.isnan(FEATURES[name](silent)).all()


def test_what_makes_no_sense_is_refused_by_name():
    x = noise(2, 300)
    with pytest.raises(SignalQualityError, match=r"512 samples at 256 Hz.*last axis of x, shape \(2, 300\), holds 300"):
        psd_welch(x, 256)
    with pytest.raises(SignalQualityError, match=r"shape \(2, 2, 300\), holds 300"):
        psd_welch([x, x], 256)
    with pytest.raises(SignalQualityError, match=r"bandwidth of 1 Hz needs a window of 2 s.*shape \(2, 300\)"):
        psd_multitaper(x, 256, bandwidth=1)
    with pytest.raises(ValueError, match=r"overlap.*found 1"):
        psd_welch(x, 100, overlap=1)
    with pytest.raises(ValueError, match=r"window_s=0\.01 at sfreq=100"):
        psd_welch(x, 100, window_s=0.01)
    with pytest.raises(ValueError, match="sfreq=0"):
        psd_multitaper(x, 0)
    with pytest.raises(ValueError, match="sfreq=nan"):
        psd_welch(x, np.nan)
    with pytest.raises(ValueError, match=r"at least one channel; found an array of shape \(0, 300\)"):
        psd_welch(x[:0], 100)
    with pytest.raises(ValueError, match="complex128"):
        psd_multitaper(1j * x, 100)
    psd = psd_welch(x, 100, window_s=1)
    with pytest.raises(ValueError, match="expected 0 < low < high < 50 Hz"):
        band_density(psd, [(8, 60)])
    with pytest.raises(ValueError, match=r"8-8.5 Hz is narrower than the distance of 1 Hz"):
        relative_power(psd, [(8, 8.5)])
    with pytest.raises(ValueError, match=r"3 frequencies from l_freq=9 to h_freq=10 Hz; found 2"):
        peak_frequency(psd, 9, 10)
    with pytest.raises(ValueError, match="found 'mean'"):
        peak_frequency(psd, method="mean")


# Any numbers at all: no warning, no error, and nothing but numbers and NaN.
@given(arrays(np.float64, (3, 64), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
@settings(deadline=None, max_examples=40)
def test_give_numbers_or_nan_for_whatever_comes(x):
    for psd in (psd_welch(x, 32, window_s=1), psd_multitaper(x, 32, bandwidth=2)):
        assert np.isnan(psd.density).all(axis=-1)[~np.isfinite(x).any(axis=-1)].all()
        share = relative_power(psd, [(2, 4), (4, 12)])
        for found in (band_density(psd, [(2, 4)]), share, *(peak_frequency(psd, method=m) for m in ("max", "gravity"))):
            assert not np.isinf(found).any()
            assert not (found < 0).any()
        assert not (share > 1 + 1e-9).any()
