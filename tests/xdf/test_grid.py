from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio.errors import DataError
from affectbio.xdf import SampleGrid, place_stamps


@given(
    st.lists(st.booleans(), min_size=2, max_size=300),
    st.floats(-100, 100),
    st.sampled_from([1.0, 52.0, 250.0, 1000.0]),
    st.integers(0, 2**32 - 1),
)
def test_losses_are_found_whatever_the_drift_and_a_little_jitter(kept, drift_ppm, sfreq, seed) -> None:
    kept = np.array([True, *kept])
    jitter = np.random.default_rng(seed).uniform(-0.1, 0.1, len(kept)) / sfreq
    stamps = 1e6 + np.arange(len(kept)) / (sfreq * (1 + drift_ppm * 1e-6)) + jitter
    grid = SampleGrid(sfreq)
    slots = grid.place(stamps[kept])
    np.testing.assert_array_equal(slots, np.flatnonzero(kept))
    assert grid.n_lost == len(kept) - kept.sum() - (len(kept) - 1 - np.flatnonzero(kept)[-1])
    assert grid.n_crowded == 0


@given(st.lists(st.floats(0, 30), min_size=1, max_size=50), st.integers(0, 50))
def test_in_pieces_gives_the_same_as_at_once(steps: list[float], cut: int) -> None:
    stamps = np.cumsum(steps)
    whole, pieces = SampleGrid(10.0), SampleGrid(10.0)
    np.testing.assert_array_equal(
        whole.place(stamps), np.concatenate([pieces.place(stamps[:cut]), pieces.place(stamps[cut:])])
    )
    assert whole.n_lost == pieces.n_lost


def test_a_rate_half_a_percent_off_is_followed_for_an_hour_without_a_false_loss() -> None:
    # The Muse says 52 Hz and sends 51.85.
    stamps = np.arange(3600 * 52) / 51.85
    grid = SampleGrid(52.0)
    np.testing.assert_array_equal(grid.place(stamps), np.arange(len(stamps)))


def test_bursts_stamped_on_arrival_lose_nothing_under_tolerance_and_a_real_gap_still_shows() -> None:
    arrival = np.repeat(np.arange(100) * 12 / 256, 12)
    grid = SampleGrid(256.0, tolerance_s=1.0)
    np.testing.assert_array_equal(grid.place(arrival), np.arange(1200))
    grid.place(arrival + arrival[-1] + 10.0)
    assert grid.n_lost == pytest.approx(2560, abs=14)


def test_samples_on_one_slot_are_counted_and_still_ascend() -> None:
    grid = SampleGrid(100.0)
    slots = grid.place(np.array([0.0, 0.01, 0.01, 0.01, 0.02]))
    assert np.all(np.diff(slots) > 0)
    assert grid.n_crowded > 0


def test_a_stamp_that_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="finite"):
        SampleGrid(100.0).place(np.array([0.0, np.nan]))


def test_a_whole_stream_is_placed_on_the_line_through_it() -> None:
    rng = np.random.default_rng(0)
    kept = np.delete(np.arange(20_000), np.r_[500:512, 9000:9600])
    true = 1e6 + kept / 256.0205
    placed = place_stamps(true + rng.uniform(-5e-4, 5e-4, len(kept)), 256.0)
    np.testing.assert_array_equal(placed.slots, kept)
    assert placed.sfreq == pytest.approx(256.0205, abs=1e-4)
    assert placed.start == pytest.approx(1e6, abs=1e-4)
    assert placed.note is None


def test_the_nominal_rate_is_kept_where_it_cannot_be_told_from_the_measured_one() -> None:
    assert place_stamps(5.0 + np.arange(100) / 256.02, 256.0).sfreq == 256.0
    assert place_stamps(np.array([3.0]), 256.0)[1:3] == (3.0, 256.0)


def test_stamps_that_cannot_tell_losses_give_one_line_and_a_note() -> None:
    stamps = np.repeat(np.arange(100) * 0.5, 50)
    placed = place_stamps(stamps, 100.0)
    np.testing.assert_array_equal(placed.slots, np.arange(5000))
    assert "too jittered" in placed.note
    # A tolerance that covers the bursts finds their true rate.
    assert place_stamps(stamps, 100.0, tolerance_s=1.0).note is None
