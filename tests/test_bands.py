"""Frequency bands: names, order and refusals."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio.bands import BAND_SETS, Band, resolve_bands
from affectbio.errors import ConfigError


def test_named_sets_are_ascending_and_without_gaps() -> None:
    for name, bands in BAND_SETS.items():
        assert len({b.name for b in bands}) == len(bands), name
        for lower, upper in pairwise(bands):
            assert lower.h_freq == upper.l_freq, name


def test_the_three_ways_of_writing_bands_agree() -> None:
    alpha = (Band("alpha", 8.0, 14.0),)
    assert resolve_bands({"alpha": (8, 14)}, 128) == alpha
    assert resolve_bands(alpha, 128) == alpha
    assert resolve_bands([(8, 14)], 128) == (Band("8-14 Hz", 8.0, 14.0),)


def test_an_unknown_set_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'eeg'"):
        resolve_bands("egg", 128)


@pytest.mark.parametrize("edges", [(0, 4), (-1, 4), (8, 8), (14, 8), (8, 64), (8, 100), (float("nan"), 8)])
def test_edges_that_no_filter_can_have_name_the_band_and_the_limit(edges: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"band 'mine' .* < 64 Hz"):
        resolve_bands({"mine": edges}, 128)


@pytest.mark.parametrize("empty", [{}, [], ()])
def test_no_band_at_all_is_refused(empty: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        resolve_bands(empty, 128)


@given(st.lists(st.tuples(st.floats(0.1, 30), st.floats(30.5, 60)), min_size=1), st.floats(121, 1e5))
def test_what_is_given_comes_back_in_order(edges: list[tuple[float, float]], sfreq: float) -> None:
    assert [(b.l_freq, b.h_freq) for b in resolve_bands(edges, sfreq)] == edges


@pytest.mark.parametrize("sfreq", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_named_before_the_bands(sfreq) -> None:
    with pytest.raises(ValueError, match="positive number of Hz"):
        resolve_bands("eeg", sfreq)
