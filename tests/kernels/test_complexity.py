"""Measures of irregularity against naive loops, closed forms and antropy 0.2.3.

`BY_ANTROPY` is what this printed::

    import antropy as ant
    import numpy as np

    x = np.empty(400)
    x[0] = 0.3
    for t in range(399):
        x[t + 1] = 4 * x[t] * (1 - x[t])
    y = np.cumsum(x - 0.5)
    z = np.sin(2 * np.pi * 7 * np.arange(400) / 128) + 0.3 * x
    for s in (x, y, z):
        print(np.var(s), *ant.hjorth_params(s), ant.sample_entropy(s), ant.perm_entropy(s, order=3),
              ant.perm_entropy(s, order=5, delay=2, normalize=True), ant.spectral_entropy(s, 128),
              ant.higuchi_fd(s), ant.katz_fd(s))
"""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affectbio.errors import SignalQualityError
from affectbio.kernels import (
    higuchi_fractal_dimension,
    hjorth,
    katz_fractal_dimension,
    permutation_entropy,
    sample_entropy,
    spectral_entropy,
)

MEASURES = {
    "activity": lambda x: hjorth(x).activity,
    "mobility": lambda x: hjorth(x).mobility,
    "complexity": lambda x: hjorth(x).complexity,
    "sample entropy": sample_entropy,
    "permutation entropy": permutation_entropy,
    "permutation entropy of order 5": lambda x: permutation_entropy(x, 5, 2, normalized=True),
    "spectral entropy": lambda x: spectral_entropy(x, 128),
    "higuchi": higuchi_fractal_dimension,
    "katz": katz_fractal_dimension,
}
# antropy gives the two entropies that are not normalised in bits.
UNITS = np.array([1, 1, 1, 1, math.log(2), 1, math.log(2), 1, 1])
BY_ANTROPY = {
    "logistic map": [
        0.1218082190323285,
        1.4845542505626776,
        1.1667131292254767,
        0.6434915901140843,
        2.153815151332517,
        0.9450376124243423,
        7.053855421565863,
        2.039435046713748,
        12.951523201185625,
    ],
    "walk": [
        2.898458980906031,
        0.20516152549000566,
        7.229599030510648,
        0.6132675739822661,
        2.2438753014071158,
        0.785717186021126,
        3.2482333746611265,
        1.624923486176275,
        2.033769303296385,
    ],
    "sine": [
        0.5148308683354795,
        0.4015624853363645,
        2.436801734634012,
        0.7937907063396327,
        2.07387063772051,
        0.583223685909063,
        0.730603072799078,
        1.2521653296940927,
        3.747711375437137,
    ],
}


def signals():
    x = np.empty(400)
    x[0] = 0.3
    for t in range(399):
        x[t + 1] = 4 * x[t] * (1 - x[t])
    z = np.sin(2 * np.pi * 7 * np.arange(400) / 128) + 0.3 * x
    return np.stack([x, np.cumsum(x - 0.5), z])


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def test_equal_antropy():
    found = np.stack([measure(signals()) for measure in MEASURES.values()], axis=-1)
    np.testing.assert_allclose(found, np.array(list(BY_ANTROPY.values())) * UNITS, rtol=1e-9)


def naive_sample_entropy(x, m, r):
    limit = r * x.std()
    counts = []
    for length in (m, m + 1):
        templates = [x[i : i + length] for i in range(len(x) - m)]
        counts.append(sum(np.abs(a - b).max() <= limit for a, b in itertools.combinations(templates, 2)))
    shorter, longer = counts
    if shorter == 0:
        return np.nan
    return np.log(shorter / longer) if longer else np.inf


def naive_permutation_entropy(x, order, delay):
    n = len(x) - (order - 1) * delay
    patterns = [tuple(np.argsort(x[t : t + order * delay : delay], kind="stable")) for t in range(n)]
    share = np.array([patterns.count(p) for p in set(patterns)]) / n
    return -(share * np.log(share)).sum()


def naive_higuchi(x, k_max):
    lengths = []
    for k in range(1, k_max + 1):
        of_start = []
        for m in range(k):
            n_steps = (len(x) - 1 - m) // k
            path = sum(abs(x[m + i * k] - x[m + (i - 1) * k]) for i in range(1, n_steps + 1))
            of_start.append(path * (len(x) - 1) / (n_steps * k) / k)
        lengths.append(np.mean(of_start))
    if min(lengths) == 0:
        return np.nan
    return np.polyfit(-np.log(np.arange(1, k_max + 1)), np.log(lengths), 1)[0]


# Few values, so that there are ties; long and short.
@given(arrays(np.int64, st.integers(8, 40), elements=st.integers(-3, 3)), st.integers(1, 4), st.integers(1, 3))
@settings(deadline=None)
def test_equal_naive_loops(x, m, delay):
    assume(np.ptp(x) > 0)
    # So that no tolerance is a whole number, where rounding would decide.
    r = 0.7123
    np.testing.assert_allclose(sample_entropy(x, m, r), naive_sample_entropy(x, m, r), rtol=1e-9, atol=1e-12)
    if len(x) > m * delay:
        found = permutation_entropy(x, m + 1, delay)
        np.testing.assert_allclose(found, naive_permutation_entropy(x, m + 1, delay), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(higuchi_fractal_dimension(x, 4), naive_higuchi(x, 4), rtol=1e-9, atol=1e-12)


# Any numbers at all: no warning, no error, and nothing but NaN for what is not whole.
@given(arrays(np.float64, (3, 24), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
@settings(deadline=None)
def test_give_numbers_or_nan_for_whatever_comes(x):
    unknown = ~np.isfinite(x).all(axis=-1)
    for name, measure in MEASURES.items():
        found = measure(x)
        assert found.shape == (3,), name
        assert np.isnan(found[unknown]).all(), name


@pytest.mark.parametrize("freq", [3.0, 10.0, 31.0])
def test_hjorth_of_a_sine(freq):
    t = np.arange(256 * 20) / 256
    found = hjorth(3e-5 * np.sin(2 * np.pi * freq * t), 256)
    np.testing.assert_allclose(found.activity, 3e-5**2 / 2, rtol=1e-9)
    np.testing.assert_allclose(found.mobility, 2 * 256 * np.sin(np.pi * freq / 256), rtol=1e-3)
    np.testing.assert_allclose(found.complexity, 1, rtol=1e-3)


def test_hjorth_of_white_noise():
    found = hjorth(noise(200_000))
    # Variances of the binomial coefficients (1), (1, -1), (1, -2, 1): 1, 2, 6.
    np.testing.assert_allclose(found, [1, np.sqrt(2), np.sqrt(3 / 2)], rtol=0.01)


def test_sample_entropy_of_white_noise():
    # Each sample of a pair matches by chance, apart from the others: P(|a - b| <= r) with a - b of variance 2.
    expected = -np.log(math.erf(0.2 / 2))
    np.testing.assert_allclose(sample_entropy(noise(6000)), expected, rtol=0.02)


def test_sample_entropy_of_what_repeats_is_nearly_none_and_of_what_never_does_is_infinite_or_unknown():
    assert sample_entropy(np.tile([0.0, 1.0, 5.0, 2.0], 100)) == pytest.approx(0, abs=0.01)
    assert sample_entropy([0.0, 0.0, 9.0, 0.0, 0.0, -9.0]) == np.inf
    assert np.isnan(sample_entropy(2.0 ** np.arange(20), r=1e-9))


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_permutation_entropy_of_white_noise_and_of_order(order):
    found = permutation_entropy([noise(100_000), np.arange(100_000), -np.arange(100_000)], order)
    np.testing.assert_allclose(found, [math.log(math.factorial(order)), 0, 0], atol=1e-3)
    assert permutation_entropy(noise(100_000), order, normalized=True) == pytest.approx(1, abs=1e-3)


def test_permutation_entropy_of_two_patterns_in_turn():
    assert permutation_entropy(np.tile([0, 1], 51)[:-1], 3) == pytest.approx(np.log(2), abs=1e-3)


def test_spectral_entropy_of_a_line_and_of_white_noise():
    t = np.arange(2560) / 256
    # Power of a periodogram's line is exponential: its share p has -E[p ln p] = (ln n - 1 + γ) / n.
    expected = [0, math.log(2560 / 2) - 1 + np.euler_gamma]
    found = spectral_entropy([np.sin(2 * np.pi * 10 * t), noise(2560)], 256)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_spectral_entropy_counts_only_the_frequencies_asked_for():
    t = np.arange(2560) / 256
    two = np.sin(2 * np.pi * 10 * t) + np.sin(2 * np.pi * 20 * t) + 5 * np.sin(2 * np.pi * 50 * t)
    np.testing.assert_allclose(spectral_entropy(two, 256, 5, 30), np.log(2), rtol=1e-9)
    np.testing.assert_allclose(spectral_entropy(two, 256, 9.95, 20.05, normalized=True), np.log(2) / np.log(101))


def test_higuchi_of_noise_a_walk_and_a_line():
    x = noise(100_000)
    found = higuchi_fractal_dimension([x, np.cumsum(x), np.linspace(0, 1, 100_000)])
    np.testing.assert_allclose(found, [2, 1.5, 1], atol=0.01)


def test_katz_of_a_line_and_of_a_triangle():
    # Four steps of one, farthest two away: ln 4 / (ln 4 + ln(2 / 4)) = 2.
    found = [katz_fractal_dimension(x) for x in ([0, 1, 2, 3, 4], [0, 1, 2, 1, 0])]
    np.testing.assert_allclose(found, [1, 2])
    assert np.isnan(katz_fractal_dimension([0, 1, 0, 1]))


@pytest.mark.parametrize("name", MEASURES)
def test_stack_of_results_is_result_of_stack(name):
    x = noise(2, 3, 4, 60)
    whole = MEASURES[name](x)
    for i in np.ndindex(2, 3, 4):
        np.testing.assert_allclose(whole[i], MEASURES[name](x[i]), rtol=1e-12)
    np.testing.assert_array_equal(
        MEASURES[name](x.astype(np.float32).astype(np.float64)), MEASURES[name](x.astype("f4"))
    )


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("lost", [np.nan, np.inf, -np.inf])
def test_a_lost_sample_makes_its_own_signal_unknown_and_no_other(name, lost):
    x = noise(3, 60)
    x[1, 17] = lost
    found = MEASURES[name](x)
    np.testing.assert_array_equal(np.isnan(found), [False, True, False])
    np.testing.assert_array_equal(found[[0, 2]], MEASURES[name](x[[0, 2]]))


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("level", [0.0, 0.1, -3e5])
def test_a_constant_signal_has_none(name, level):
    assert np.isnan(MEASURES[name](np.full(60, level)))


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "activity"])
def test_neither_offset_nor_unit_matters(name):
    x = noise(3, 200)
    np.testing.assert_allclose(MEASURES[name](2**-20 * x + 0.5), MEASURES[name](x), rtol=1e-6)


@pytest.mark.parametrize(
    ("measure", "least"),
    [
        (hjorth, 3),
        (lambda x: sample_entropy(x, 3), 5),
        (lambda x: permutation_entropy(x, 4, 5), 16),
        (lambda x: spectral_entropy(x, 128), 2),
        (lambda x: higuchi_fractal_dimension(x, 6), 12),
        (katz_fractal_dimension, 3),
    ],
)
def test_what_is_too_short_is_refused_by_its_length(measure, least):
    measure(noise(2, least) if least > 2 else np.array([[0.0, 1.0]]))
    with pytest.raises(SignalQualityError, match=rf"{least} samples.*last axis of x, shape \(2, {least - 1}\)"):
        measure(noise(2, least - 1))


def test_what_makes_no_sense_is_refused_by_name():
    x = noise(100)
    with pytest.raises(ValueError, match="m=0"):
        sample_entropy(x, 0)
    with pytest.raises(ValueError, match="r=-1"):
        sample_entropy(x, r=-1)
    with pytest.raises(ValueError, match="order=9"):
        permutation_entropy(x, 9)
    with pytest.raises(ValueError, match="delay=0"):
        permutation_entropy(x, delay=0)
    with pytest.raises(ValueError, match="k_max=1"):
        higuchi_fractal_dimension(x, 1)
    with pytest.raises(ValueError, match="sfreq=0"):
        spectral_entropy(x, 0)
    with pytest.raises(ValueError, match="sfreq=nan"):
        hjorth(x, np.nan)
    with pytest.raises(ValueError, match=r"l_freq=200 to h_freq=300 Hz; found 0"):
        spectral_entropy(x, 128, 200, 300)
    with pytest.raises(ValueError, match="complex128"):
        katz_fractal_dimension(1j * x)


@pytest.mark.parametrize(
    "function", [hjorth, sample_entropy, permutation_entropy, higuchi_fractal_dimension, katz_fractal_dimension]
)
def test_no_channel_is_refused(function):
    with pytest.raises(ValueError, match=r"at least one channel; found an array of shape \(3, 0, 150\)"):
        function(np.empty((3, 0, 150)))
