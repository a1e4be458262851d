"""Connectivity against MNE-Connectivity, SciPy, naive loops and sines of known lag."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affectbio.errors import SignalQualityError
from affectbio.kernels.connectivity import (
    coherence,
    imaginary_coherence,
    phase_locking_value,
    weighted_phase_lag_index,
)

MEASURES = {
    "plv": phase_locking_value,
    "coherence": coherence,
    "imaginary coherence": imaginary_coherence,
    "wpli": weighted_phase_lag_index,
    "debiased wpli": lambda *given, **keywords: weighted_phase_lag_index(*given, debiased=True, **keywords),
}
ON_THE_DIAGONAL = {"plv": 1, "coherence": 1, "imaginary coherence": 0, "wpli": 0, "debiased wpli": 0}
BANDS = [(4, 8), (8, 14), (14, 31)]
# MNE-Connectivity 0.9.0, spectral_connectivity_epochs(segments, method=..., mode="fourier", sfreq=128, fmin=(4, 8, 14),
# fmax=(7, 13, 30), faverage=True) of `mixed()` cut in 20 segments, of channels (1, 0), (2, 0), (2, 1) by band; with its
# np.hanning replaced by the periodic scipy.signal.get_window("hann", n).
BY_MNE = {
    "plv": [
        [0.61590347, 0.51351237, 0.55016402],
        [0.37285977, 0.46879153, 0.44894451],
        [0.21886633, 0.27772877, 0.32574134],
    ],
    "imaginary coherence": [
        [-0.48605159, -0.59739456, 0.12311979],
        [0.0774155, 0.10450053, -0.02975291],
        [0.25128728, 0.36610355, -0.06023621],
    ],
    "wpli": [
        [0.82957981, 0.84736532, 0.61938423],
        [0.21448793, 0.44434601, 0.18582722],
        [0.5231273, 0.60919356, 0.4535373],
    ],
    "debiased wpli": [
        [0.65974771, 0.69063373, 0.42363581],
        [0.01814613, 0.15379297, -0.03140029],
        [0.21060471, 0.32124655, 0.14056326],
    ],
}


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def mixed():
    x = noise(3, 128 * 20, seed=7)
    x[1] += 0.8 * np.roll(x[0], 3)
    x[2] += 0.5 * x[0]
    return x


@pytest.mark.parametrize("name", BY_MNE)
def test_equals_mne_connectivity(name):
    found = MEASURES[name](mixed(), 128, BANDS, window_s=1, overlap=0)
    pairs = np.stack([found[:, 1, 0], found[:, 2, 0], found[:, 2, 1]])
    np.testing.assert_allclose(pairs, BY_MNE[name], atol=1e-8)


@pytest.mark.parametrize("overlap", [0.5, 0.75])
def test_coherence_equals_scipys(overlap):
    x = mixed()
    freqs, pair = scipy.signal.coherence(x[0], x[1], 128, nperseg=256, noverlap=int(256 * overlap))
    found = coherence(x, 128, BANDS, window_s=2, overlap=overlap)
    expected = [pair[(freqs >= low) & (freqs < high)].mean() for low, high in BANDS]
    np.testing.assert_allclose(found[:, 0, 1], expected, rtol=1e-9)


def test_wpli_equals_a_loop():
    x = mixed()
    segments = np.lib.stride_tricks.sliding_window_view(x, 128, axis=-1)[:, ::64]
    taper = scipy.signal.get_window("hann", 128)
    spectra = np.fft.rfft((segments - segments.mean(axis=-1, keepdims=True)) * taper)
    for a, b in np.ndindex(3, 3):
        if a == b:
            continue
        lags = (spectra[a] * spectra[b].conj()).imag[:, 8:14]
        expected = np.mean(np.abs(lags.sum(axis=0)) / np.abs(lags).sum(axis=0))
        assert weighted_phase_lag_index(x, 128, [(8, 14)])[0, a, b] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("lag", [0.2, 1.0, np.pi / 2, 2.5])
def test_sines_of_known_lag(lag):
    t = np.arange(256 * 10) / 256
    x = np.cos(2 * np.pi * 10 * t - np.array([[0.0], [lag]]))
    band = {"alpha": (9, 12)}
    np.testing.assert_allclose(phase_locking_value(x, 256, band), 1, rtol=1e-9)
    np.testing.assert_allclose(coherence(x, 256, band), 1, rtol=1e-9)
    np.testing.assert_allclose(weighted_phase_lag_index(x, 256, band)[0], [[0, 1], [1, 0]], atol=1e-9)
    expected = np.sin(lag) * np.array([[0, 1], [-1, 0]])
    np.testing.assert_allclose(imaginary_coherence(x, 256, band)[0], expected, atol=1e-9)


def test_one_source_in_all_channels_is_locked_and_has_no_lag():
    x = 2e-3 + np.array([[1.0], [0.3], [-7.0]]) * 1e-5 * noise(128 * 20)
    np.testing.assert_allclose(phase_locking_value(x, 128), 1, rtol=1e-6)
    np.testing.assert_allclose(coherence(x, 128), 1, rtol=1e-6)
    np.testing.assert_allclose(imaginary_coherence(x, 128), 0, atol=1e-6)
    np.testing.assert_array_equal(weighted_phase_lag_index(x, 128), 0)
    np.testing.assert_array_equal(weighted_phase_lag_index(x, 128, debiased=True), 0)


def test_channels_that_know_nothing_of_each_other():
    x = noise(20, 128 * 100)
    off = ~np.eye(20, dtype=bool)
    found = {name: measure(x, 128, BANDS, overlap=0)[:, off].mean() for name, measure in MEASURES.items()}
    # Of n = 100 independent segments: the mean length of a random walk over n is √π/2 / √n, that of its square 1 / n.
    assert found["plv"] == pytest.approx(np.sqrt(np.pi) / 2 / 10, rel=0.03)
    assert found["coherence"] == pytest.approx(1 / 100, rel=0.05)
    assert found["imaginary coherence"] == pytest.approx(0, abs=1e-12)
    assert found["debiased wpli"] == pytest.approx(0, abs=2e-3)
    assert found["wpli"] > 0.05


@pytest.mark.parametrize("name", MEASURES)
def test_stack_symmetry_diagonal_and_unit(name):
    x = noise(2, 3, 4, 600)
    whole = MEASURES[name](x, 128)
    assert whole.shape == (2, 3, 5, 4, 4)
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(whole[i], MEASURES[name](x[i], 128))
    sign = -1 if name == "imaginary coherence" else 1
    np.testing.assert_allclose(whole, sign * whole.swapaxes(-1, -2), atol=1e-12)
    np.testing.assert_allclose(np.diagonal(whole, axis1=-2, axis2=-1), ON_THE_DIAGONAL[name], atol=1e-12)
    np.testing.assert_allclose(MEASURES[name](2e-5 * x + 1e-3, 128), whole, atol=1e-8)


@pytest.mark.parametrize("name", MEASURES)
def test_segments_with_lost_samples_are_left_out_for_the_pairs_they_concern(name):
    x = noise(3, 1280)
    torn = x.copy()
    torn[1, 300], torn[1, 700] = np.nan, np.inf
    found = MEASURES[name](torn, 128, overlap=0)
    whole = MEASURES[name](x, 128, overlap=0)
    # 300 and 700 are in segments 2 and 5 of ten.
    rest = np.delete(x.reshape(3, 10, 128), [2, 5], axis=1).reshape(3, -1)
    without = MEASURES[name](rest, 128, overlap=0)
    np.testing.assert_allclose(found[:, [0, 2]][..., [0, 2]], whole[:, [0, 2]][..., [0, 2]], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[:, 1], without[:, 1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_a_lost_or_constant_channel_is_unknown_and_harms_no_other(name):
    x = noise(4, 1000)
    x[1], x[3] = np.nan, 4e-3
    found = MEASURES[name](x, 128)
    known = np.zeros((4, 4), bool)
    known[np.ix_([0, 2], [0, 2])] = True
    np.testing.assert_array_equal(np.isnan(found), np.broadcast_to(~known, found.shape))
    np.testing.assert_allclose(found[:, [0, 2]][..., [0, 2]], MEASURES[name](x[[0, 2]], 128), atol=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_arrays_of_any_layout_and_type(name):
    x = (100 * noise(3, 600)).astype(np.int16)
    expected = MEASURES[name](x.astype(np.float64), 128)
    for same in (x, x.astype(">f4"), np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(MEASURES[name](same, 128), expected)


def test_what_makes_no_sense_is_refused_by_name():
    x = noise(2, 300)
    with pytest.raises(SignalQualityError, match=r"at least 2 segments of 2 s.*shape \(2, 300\), holds 1"):
        coherence(x, 128, window_s=2)
    with pytest.raises(SignalQualityError, match="384 samples at 128 Hz"):
        coherence(x, 128, window_s=3)
    with pytest.raises(ValueError, match=r"no frequency falls into the band 8.2-8.8 Hz: .* 1 Hz apart"):
        phase_locking_value(x, 128, [(8.2, 8.8)])
    with pytest.raises(ValueError, match="expected 0 < low < high < 64 Hz"):
        imaginary_coherence(x, 128, [(8, 70)])
    with pytest.raises(ValueError, match=r"found shape \(300,\)"):
        weighted_phase_lag_index(x[0], 128)
    with pytest.raises(ValueError, match=r"found shape \(0, 300\)"):
        phase_locking_value(x[:0], 128)


# Any numbers at all: no warning, no error, and nothing but numbers and NaN.
@given(arrays(np.float64, (3, 64), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
@settings(deadline=None, max_examples=40)
def test_give_numbers_or_nan_for_whatever_comes(x):
    for name, measure in MEASURES.items():
        found = measure(x, 32, [(2, 4), (4, 12)])
        assert not np.isinf(found).any(), name
        if name != "debiased wpli":
            assert not (np.abs(found) > 1 + 1e-9).any(), name
