"""Units against factors from SciPy, the SI brochure and MNE's own readers."""

import numpy as np
import pytest
import scipy.constants
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import DataError
from affectbio.units import KINDS, si_unit


@pytest.mark.parametrize(
    ("unit", "scale", "si"),
    [
        ("V", 1.0, "V"),
        ("uV", scipy.constants.micro, "V"),
        ("\u00b5V", scipy.constants.micro, "V"),  # micro sign
        ("\u03bcV", scipy.constants.micro, "V"),  # Greek mu
        ("microvolts", scipy.constants.micro, "V"),
        ("microV", scipy.constants.micro, "V"),
        ("mV", scipy.constants.milli, "V"),
        ("millivolts", scipy.constants.milli, "V"),
        ("nV", scipy.constants.nano, "V"),
        ("uS", scipy.constants.micro, "S"),
        ("microsiemens", scipy.constants.micro, "S"),
        ("S", 1.0, "S"),
        ("nS", scipy.constants.nano, "S"),
        ("g", scipy.constants.g, "m/s^2"),
        ("mG", scipy.constants.g * scipy.constants.milli, "m/s^2"),
        ("m/s²", 1.0, "m/s^2"),
        ("deg/s", scipy.constants.degree, "rad/s"),
        ("dps", scipy.constants.degree, "rad/s"),
        ("degC", 1.0, "degC"),
        ("°C", 1.0, "degC"),
        ("oC", 1.0, "degC"),  # as BIDS writes it
        ("n/a", 1.0, "1"),
    ],
)
def test_spellings(unit: str, scale: float, si: str) -> None:
    factor, name = si_unit(f" {unit} ")
    assert name == si
    np.testing.assert_allclose(factor, scale, rtol=1e-15)


@pytest.mark.parametrize("seconds", ["s", "ms", "us", "µs", "ns"])
def test_seconds_are_not_read_as_siemens(seconds: str) -> None:
    with pytest.raises(DataError, match="no unit"):
        si_unit(seconds)


@pytest.mark.parametrize("unit", ["", "  ", "furlong", "mx", "u", "kg", "mrad/s", "uu"])
def test_what_is_not_known_is_refused(unit: str) -> None:
    with pytest.raises(DataError, match="unit"):
        si_unit(unit)


@given(st.text(max_size=8))
def test_any_text_gives_an_si_unit_or_a_refusal(text: str) -> None:
    try:
        scale, si = si_unit(text)
    except DataError:
        return
    assert si in KINDS.values()
    assert 0 < scale < 1e4


def test_kinds_that_mne_knows_have_its_units() -> None:
    import mne
    from mne.channels.channels import _unit2human

    names = {"V": "V", "S": "S", "degC": "C"}
    for kind in ("eeg", "eog", "ecg", "emg", "gsr", "temperature"):
        info = mne.create_info(["x"], 1.0, kind)
        code = info["chs"][0]["unit"]
        assert _unit2human[code] == names[KINDS[kind]], kind
