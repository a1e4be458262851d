"""Asymmetries against the pairs that SEED's paper lists, closed forms and a naive loop."""

import numpy as np
import pytest

from affectbio.errors import DataError
from affectbio.kernels.asymmetry import (
    dasm,
    dcau,
    frontal_alpha_asymmetry,
    frontal_posterior_pairs,
    hemisphere_pairs,
    rasm,
)


def words(*rows):
    return [word for row in rows for word in row.split()]


SEED = words(
    "FP1 FPZ FP2 AF3 AF4",
    "F7 F5 F3 F1 FZ F2 F4 F6 F8",
    "FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8",
    "T7 C5 C3 C1 CZ C2 C4 C6 T8",
    "TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8",
    "P7 P5 P3 P1 PZ P2 P4 P6 P8",
    "PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2 CB2",
)
DEAP = words(
    "Fp1 AF3 F3 F7 FC5 FC1 C3 T7 CP5 CP1 P3 P7 PO3 O1 Oz Pz",
    "Fp2 AF4 Fz F4 F8 FC6 FC2 Cz C4 T8 CP6 CP2 P4 P8 PO4 O2",
)
# Zheng & Lu 2015, section III: the 23 pairs of DCAU.
DCAU = words(
    "FT7-TP7 FC5-CP5 FC3-CP3 FC1-CP1 FCZ-CPZ FC2-CP2 FC4-CP4 FC6-CP6 FT8-TP8 F7-P7 F5-P5 F3-P3 F1-P1 FZ-PZ F2-P2 F4-P4",
    "F6-P6 F8-P8 FP1-O1 FP2-O2 FPZ-OZ AF3-CB1 AF4-CB2",
)
# The 27 of DASM and RASM.
DASM = words(
    "FP1-FP2 F7-F8 F3-F4 FT7-FT8 FC3-FC4 T7-T8 P7-P8 C3-C4 TP7-TP8 CP3-CP4 P3-P4 O1-O2 AF3-AF4 F5-F6 FC5-FC6 FC1-FC2",
    "C5-C6 C1-C2 CP5-CP6 CP1-CP2 P5-P6 P1-P2 PO7-PO8 PO5-PO6 PO3-PO4 CB1-CB2 F1-F2",
)


def features(n_chans, *lead, seed=0):
    return np.random.default_rng(seed).standard_normal((*lead, n_chans, 5))


def test_pairs_of_seeds_cap_are_those_of_its_paper():
    assert {"-".join(pair) for pair in hemisphere_pairs(SEED)} == set(DASM)
    assert {"-".join(pair) for pair in frontal_posterior_pairs(SEED)} == set(DCAU)
    assert len(hemisphere_pairs(SEED)) == 27
    assert len(frontal_posterior_pairs(SEED)) == 23


def test_pairs_of_deaps_cap():
    assert len(hemisphere_pairs(DEAP)) == 14
    assert ("AF3", "PO3") in frontal_posterior_pairs(DEAP)
    assert len(frontal_posterior_pairs(DEAP)) == 13


def test_pairs_keep_the_names_and_the_order_of_the_file():
    names = ["EEG T6", "Fc5.", "EEG T5", "FCC5h", "FCC6h", "fc6", "Cz", "M1", "M2", "EOG1", "EOG2", "EXG1", "EXG2"]
    assert hemisphere_pairs(names) == [("Fc5.", "fc6"), ("EEG T5", "EEG T6"), ("FCC5h", "FCC6h")]
    assert hemisphere_pairs(["F3", "C4", "Fz"]) == []


def test_equal_naive_loops():
    x = features(62, 2, 3)
    pairs = hemisphere_pairs(SEED)
    at = {name: x[..., i, :] for i, name in enumerate(SEED)}
    np.testing.assert_array_equal(dasm(x, SEED), np.stack([at[a] - at[b] for a, b in pairs], axis=-2))
    np.testing.assert_array_equal(rasm(x, SEED), np.stack([at[a] / at[b] for a, b in pairs], axis=-2))
    pairs = frontal_posterior_pairs(SEED)
    np.testing.assert_array_equal(dcau(x, SEED), np.stack([at[a] - at[b] for a, b in pairs], axis=-2))


def test_of_the_pairs_that_were_asked_for():
    x = features(3)
    names = ["one", "two", "three"]
    np.testing.assert_array_equal(dasm(x, names, [("one", "three")]), [x[0] - x[2]])
    np.testing.assert_array_equal(dcau(x, names, [("three", "two"), ("one", "two")]), [x[2] - x[1], x[0] - x[1]])


def test_difference_of_entropies_is_half_the_log_ratio_of_powers():
    left, right = 3e-5, 1e-5
    # Of sines of these amplitudes, by its definition.
    entropy = 0.5 * np.log(2 * np.pi * np.e * np.array([[left], [right]]) ** 2 / 2)
    np.testing.assert_allclose(dasm(entropy, ["F3", "F4"]), np.log(left / right), rtol=1e-9)
    power = np.array([left, right]) ** 2 / 2
    asymmetry = frontal_alpha_asymmetry(power, ["F3", "F4"])
    assert asymmetry == pytest.approx(-2 * np.log(left / right))


def test_more_alpha_on_the_right_is_above_zero_under_any_name_of_the_file():
    power = np.array([[1.0, 9.0, np.e], [2.0, 9.0, 1.0]])
    np.testing.assert_allclose(frontal_alpha_asymmetry(power, ["EEG F3", "Fz", "f4."]), [1, -np.log(2)])
    np.testing.assert_allclose(frontal_alpha_asymmetry(power, ["T3", "x", "T4"], ("T7", "T8")), [1, -np.log(2)])


@pytest.mark.parametrize("measure", [dasm, rasm, dcau])
def test_stack_type_and_what_is_unknown(measure):
    x = features(62, 2, 4)
    x[1, 2, 7, 3] = np.inf
    whole = measure(x, SEED)
    for i in np.ndindex(2, 4):
        np.testing.assert_array_equal(whole[i], measure(x[i], SEED))
    assert np.isnan(whole).sum() == 1
    single = measure(x.astype(np.float32), SEED)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, whole, rtol=1e-3, atol=1e-5)


def test_no_number_is_made_of_nothing():
    assert np.isnan(rasm([[1.0], [0.0]], ["F3", "F4"])).all()
    for measure in (dasm, rasm, lambda x, names: frontal_alpha_asymmetry(np.ravel(x), names)):
        assert np.isnan(measure([[np.inf], [np.inf]], ["F3", "F4"])).all()
    assert np.isnan(frontal_alpha_asymmetry([[0.0, 1.0], [1.0, np.nan], [-1.0, 2.0]], ["F3", "F4"])).all()


def test_what_makes_no_sense_is_refused_by_name():
    with pytest.raises(DataError, match="no pair among F3, Fz"):
        dasm(features(2), ["F3", "Fz"])
    with pytest.raises(DataError, match="no channel F5; there are F3, F4"):
        rasm(features(2), ["F3", "F4"], [("F5", "F4")])
    with pytest.raises(DataError, match=r"3 channel names; found \(2, 5\)"):
        dcau(features(2), ["F3", "F4", "P3"])
    with pytest.raises(DataError, match="found F3 more than once"):
        hemisphere_pairs(["F3", "F3", "F4"])
    with pytest.raises(DataError, match="no channel F4"):
        frontal_alpha_asymmetry([1.0, 2.0], ["F3", "Fz"])
