"""The discrete wavelet transform against PyWavelets, the conservation of energy, and itself in a stack."""

import warnings
from typing import get_args

import numpy as np
import pytest
import pywt
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from affectbio.errors import ConfigError, SignalQualityError
from affectbio.kernels import wavedec, wavelet_energy, wavelet_entropy, wavelet_packet
from affectbio.kernels.discrete_wavelet import Border

BORDERS = get_args(Border)
WAVELETS = ["haar", "db4", "sym20", "coif2", "bior3.1", "rbio2.8", "dmey"]


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def by_pywt(x, wavelet, level, mode):
    """PyWavelets, without its warning that the level is high for the length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return pywt.wavedec(x, wavelet, mode, level)


def lengths(n_times, wavelet, level, mode):
    """The number of coefficients of each level, the signal's own first."""
    sizes = [n_times]
    for _ in range(level):
        sizes.append(pywt.dwt_coeff_len(sizes[-1], pywt.Wavelet(wavelet).dec_len, mode))
    return sizes


# Shorter than the filter, odd, longer than a tile, and more signals than lanes.
@given(
    st.sampled_from(BORDERS),
    st.sampled_from(WAVELETS),
    st.one_of(st.integers(1, 70), st.integers(200, 600)),
    st.integers(1, 6),
    st.sampled_from([1, 3, 17]),
    st.sampled_from([np.float64, np.float32]),
)
@settings(deadline=None, max_examples=300)
def test_equals_pywavelets_at_every_length_and_border(mode, wavelet, n_times, level, n_chans, dtype):
    # PyWavelets does not mirror a single sample.
    assume(mode != "reflect" or 1 not in lengths(n_times, wavelet, level, mode)[:-1])
    x = noise(n_chans, n_times).astype(dtype)
    expected = by_pywt(x, wavelet, level, mode)
    found = wavedec(x, wavelet, level, mode)
    precision = 1e-12 if dtype == np.float64 else 1e-5
    largest = max(np.abs(c).max() for c in expected)
    assert len(found) == level + 1
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=precision * largest)
    energy = wavelet_energy(x, wavelet, level, mode)
    assert energy.dtype == dtype
    squares = np.stack([np.square(c, dtype=np.float64).sum(axis=-1) for c in expected], axis=-1)
    np.testing.assert_allclose(energy, squares, rtol=0, atol=precision * squares.sum(axis=-1).max())


@pytest.mark.parametrize("wavelet", pywt.wavelist(kind="discrete"))
def test_equals_pywavelets_for_every_wavelet_it_has(wavelet):
    x = noise(2, 777)
    for ours, theirs in zip(wavedec(x, wavelet, 3), by_pywt(x, wavelet, 3, "symmetric"), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("wavelet", "n_times"), [("haar", 2), ("db4", 14), ("db4", 8064), ("sym8", 1000)])
def test_depth_is_that_of_pywavelets_where_none_is_given(wavelet, n_times):
    x = noise(n_times)
    assert [c.shape for c in wavedec(x, wavelet)] == [c.shape for c in pywt.wavedec(x, wavelet)]


@pytest.mark.parametrize("mode", BORDERS)
@pytest.mark.parametrize("order", ["freq", "natural"])
@pytest.mark.parametrize(("wavelet", "n_times", "level"), [("db4", 301, 4), ("haar", 64, 3), ("bior2.2", 90, 2)])
def test_packets_equal_those_of_pywavelets(mode, order, wavelet, n_times, level):
    x = noise(2, 3, n_times)
    found = wavelet_packet(x, wavelet, level, mode, order=order)
    for i in np.ndindex(2, 3):
        tree = pywt.WaveletPacket(x[i], wavelet, mode, maxlevel=level)
        expected = np.array([node.data for node in tree.get_level(level, order)])
        np.testing.assert_allclose(found[i], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("wavelet", ["haar", "db4", "sym8", "coif3"])
def test_an_orthogonal_transform_keeps_the_energy(wavelet):
    x = noise(5, 512)
    energy = wavelet_energy(x, wavelet, 5, "periodization")
    # The filters of PyWavelets are orthogonal to ten digits.
    np.testing.assert_allclose(energy.sum(axis=-1), (x**2).sum(axis=-1), rtol=1e-9)
    packets = wavelet_packet(x, wavelet, 5, "periodization")
    np.testing.assert_allclose((packets**2).sum(axis=(-1, -2)), (x**2).sum(axis=-1), rtol=1e-9)


def test_the_haar_transform_of_four_numbers_by_hand():
    low, high, highest = wavedec([4.0, 2.0, 5.0, 5.0], "haar", 2)
    np.testing.assert_allclose(low, [8])
    np.testing.assert_allclose(high, [-2])
    np.testing.assert_allclose(highest, np.sqrt([2, 0]), atol=1e-15)


def test_single_precision_keeps_its_digits_over_an_hour():
    x = noise(1, 1_000_003)
    found = wavelet_energy(x.astype(np.float32), level=6)
    np.testing.assert_allclose(found, wavelet_energy(x, level=6), rtol=1e-6)


def test_stack_of_results_is_result_of_stack():
    x = noise(2, 3, 4, 150)
    whole, entropy, packets = wavelet_energy(x, level=3), wavelet_entropy(x, level=3), wavelet_packet(x, level=3)
    for i in np.ndindex(2, 3, 4):
        np.testing.assert_array_equal(whole[i], wavelet_energy(x[i], level=3))
        np.testing.assert_array_equal(packets[i], wavelet_packet(x[i], level=3))
        np.testing.assert_allclose(entropy[i], wavelet_entropy(x[i], level=3), rtol=1e-14)


def test_memory_order_and_integers_make_no_difference():
    x = np.random.default_rng(0).integers(-1000, 1000, (150, 7))
    np.testing.assert_array_equal(wavelet_energy(x.T, level=3), wavelet_energy(x.T.astype(float).copy(), level=3))


def test_shares_add_up_to_one_and_their_entropy_is_that_of_scipy():
    from scipy.stats import entropy

    x = noise(6, 400)
    share = wavelet_energy(x, "db4", 4, relative=True)
    np.testing.assert_allclose(share.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(wavelet_entropy(x, "db4", 4), entropy(share, axis=-1), rtol=1e-12)


def test_entropy_is_zero_in_one_level_and_ln_of_their_number_in_all():
    one = pywt.waverec([np.zeros(16), np.zeros(16), np.ones(32)], "haar", "periodization")
    every = pywt.waverec([np.ones(16), np.ones(16), np.full(32, np.sqrt(0.5))], "haar", "periodization")
    found = wavelet_entropy([one, every], "haar", 2, "periodization")
    np.testing.assert_allclose(found, [0, np.log(3)], atol=1e-12)


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_a_lost_sample_makes_its_own_signal_unknown_and_no_other(lost):
    x = noise(5, 200)
    x[2, 77] = lost
    others = [0, 1, 3, 4]
    for function in (wavelet_energy, wavelet_entropy):
        found = function(x, level=3)
        assert np.isnan(found[2]).all()
        np.testing.assert_array_equal(found[others], function(x[others], level=3))


def test_coefficients_far_from_a_lost_sample_stay():
    x = noise(400)
    whole = wavedec(x, level=2)
    x[0] = np.nan
    for c, w in zip(wavedec(x, level=2), whole, strict=True):
        assert np.isnan(c[0])
        np.testing.assert_array_equal(c[20:], w[20:])


def test_zeros_have_energy_zero_and_no_shares():
    assert (wavelet_energy(np.zeros(100), level=2) == 0).all()
    assert np.isnan(wavelet_energy(np.zeros(100), level=2, relative=True)).all()
    assert np.isnan(wavelet_entropy(np.zeros(100), level=2))


@pytest.mark.parametrize("function", [wavedec, wavelet_energy, wavelet_entropy, wavelet_packet])
def test_what_is_refused_is_refused_by_name(function):
    with pytest.raises(ConfigError, match="'db44'"):
        function(noise(100), "db44")
    with pytest.raises(ConfigError, match="morl"):
        function(noise(100), "morl")
    with pytest.raises(ConfigError, match=r"'symmetrical'.*symmetric"):
        function(noise(100), mode="symmetrical")
    with pytest.raises(SignalQualityError, match=r"needs 14 samples.*\(3, 13\), holds 13"):
        function(noise(3, 13))
    with pytest.raises(SignalQualityError, match=r"last axis of x.*\(3, 0\)"):
        function(noise(3, 0), level=1)
    with pytest.raises(ValueError, match="level=0"):
        function(noise(100), level=0)
    with pytest.raises(ValueError, match="complex128"):
        function(1j * noise(100))


def test_an_order_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="'up'"):
        wavelet_packet(noise(100), order="up")


@pytest.mark.parametrize("function", [wavedec, wavelet_energy, wavelet_entropy, wavelet_packet])
def test_no_channel_is_refused(function):
    with pytest.raises(ValueError, match=r"at least one channel; found an array of shape \(0, 150\)"):
        function(np.empty((0, 150)), level=1)


@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_infinity_gets_out(lost, dtype):
    x = np.random.default_rng(0).standard_normal((2, 256)).astype(dtype)
    x[0, 100] = lost
    for coefs in (*wavedec(x, "db4", 3), wavelet_packet(x, "db4", 3)):
        assert coefs.dtype == dtype
        assert not np.isinf(coefs).any()
        assert np.isfinite(coefs[1]).all()
    assert np.isnan(wavedec(x, "db4", 3)[-1][0]).any()
