"""The ring buffer against concatenation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio.kernels.ring import Ring


@given(n_times=st.integers(1, 30), sizes=st.lists(st.integers(0, 70), max_size=15))
def test_equals_the_end_of_the_concatenation(n_times, sizes):
    stream = np.random.default_rng(0).standard_normal((2, sum(sizes)))
    ring = Ring(2, n_times)
    pushed = 0
    for size in sizes:
        ring.push(stream[:, pushed : pushed + size])
        pushed += size
        past = np.concatenate([np.full((2, n_times), np.nan), stream[:, :pushed]], axis=1)
        np.testing.assert_array_equal(ring.last(), past[:, -n_times:])


def test_reading_copies_nothing():
    ring = Ring(1, 3)
    ring.push(np.arange(5.0)[None])
    last = ring.last()
    ring.push(np.array([[9.0]]))
    assert last[0, 0] != 2.0
    assert np.shares_memory(last, ring.last())


@pytest.mark.parametrize(("n_chans", "n_times"), [(0, 5), (2, 0), (-1, 5)])
def test_an_empty_ring_is_refused(n_chans, n_times):
    with pytest.raises(ValueError, match=f"found {n_chans} and {n_times}"):
        Ring(n_chans, n_times)


@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (2,)])
def test_a_chunk_of_another_number_of_channels_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected a chunk of shape \(2, n_new\), found"):
        Ring(2, 5).push(np.zeros(shape))
