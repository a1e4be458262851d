"""Electrode positions against MNE's own montage."""

import mne
import numpy as np
import pytest

from affectbio.montage import electrode_position, modern_name


def mne_positions() -> dict[str, np.ndarray]:
    """All positions of the 10-05 montage in MNE's head frame, which needs an Info to be computed."""
    name = "colin27_1005" if "colin27_1005" in mne.channels.get_builtin_montages() else "standard_1005"
    montage = mne.channels.make_standard_montage(name)
    info = mne.create_info(montage.ch_names, 100.0, "eeg").set_montage(montage)
    return {ch["ch_name"]: ch["loc"][:3] for ch in info["chs"]}


def test_every_position_is_that_of_mne() -> None:
    expected = mne_positions()
    assert len(expected) > 340
    for name, position in expected.items():
        # The table has six decimals: micrometres.
        np.testing.assert_allclose(electrode_position(name), position, atol=1e-6, err_msg=name)


def test_case_does_not_matter_and_an_unknown_name_has_no_position() -> None:
    assert electrode_position("FP1") == electrode_position("fp1") == electrode_position("Fp1")
    assert electrode_position("Fp11") is None
    assert electrode_position("") is None


@pytest.mark.parametrize(("old", "new"), [("T3", "T7"), ("T4", "T8"), ("T5", "P7"), ("T6", "P8")])
def test_old_names_mean_the_place_that_mne_gives_them(old: str, new: str) -> None:
    positions = mne_positions()
    assert modern_name(f"EEG {old}") == new
    np.testing.assert_array_equal(positions[old], positions[new])


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("EEG Fp1", "Fp1"),
        ("EEG Fp1-Ref", "Fp1"),
        ("EEG F3-LE", "F3"),
        ("Cz-avg", "Cz"),
        ("Fc5.", "Fc5"),
        ("C3..", "C3"),
        (" Oz ", "Oz"),
        ("EEG A2-A1", "A2-A1"),
        ("F3-C3", "F3-C3"),
        ("t3", "T7"),
    ],
)
def test_names_as_files_write_them(written: str, name: str) -> None:
    assert modern_name(written) == name
