"""The filter is SciPy's, knows nothing of the future, and stops where samples are lost."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from affectbio.errors import DataError
from affectbio.preprocess import causal_filter
from affectbio.types import Channel, Signal

RNG = np.random.default_rng(0)
EEG = Signal(RNG.standard_normal((2, 600)), 128.0, [Channel("C3"), Channel("C4")])


@pytest.mark.parametrize(("low", "high", "kind"), [(4, 40, "bandpass"), (None, 40, "lowpass"), (1, None, "highpass")])
def test_it_is_scipys_once_settled(low, high, kind):
    # From rest instead of from the first sample: the two meet once the filter has forgotten its beginning.
    long = replace(EEG, data=RNG.standard_normal((2, 5000)))
    edges = [f for f in (low, high) if f]
    expected = sosfilt(butter(4, edges if len(edges) == 2 else edges[0], kind, fs=128.0, output="sos"), long.data)
    np.testing.assert_allclose(causal_filter(long, low, high).data[:, 3000:], expected[:, 3000:], atol=1e-9)


def test_what_comes_later_changes_nothing():
    changed = EEG.data.copy()
    changed[:, 300:] = 1e6
    one, two = (causal_filter(replace(EEG, data=d), 1, 40).data[:, :300] for d in (EEG.data, changed))
    np.testing.assert_array_equal(one, two)


def test_an_offset_does_not_ring_and_integers_will_do():
    flat = replace(EEG, data=np.full((2, 600), 7, dtype=">i2"))
    np.testing.assert_array_equal(causal_filter(flat, 1, 40).data, 0)
    np.testing.assert_array_equal(causal_filter(flat, None, 40).data, 7)


def test_lost_samples_stay_lost_and_spread_nowhere():
    torn = EEG.data.copy()
    torn[0, 100:110] = np.nan
    torn[0, 0] = np.inf
    filtered = causal_filter(replace(EEG, data=torn), 1, 40).data
    assert np.flatnonzero(np.isnan(filtered[0])).tolist() == [0, *range(100, 110)]
    whole = causal_filter(EEG, 1, 40).data
    np.testing.assert_array_equal(filtered[1], whole[1])
    after = causal_filter(replace(EEG, data=EEG.data[:, 110:]), 1, 40).data
    np.testing.assert_array_equal(filtered[0, 110:], after[0])


@pytest.mark.parametrize(("low", "high"), [(None, None), (0, 40), (40, 4), (4, 64), (4, 4)])
def test_edges_that_are_none_are_refused(low, high):
    with pytest.raises(DataError, match="below 64 Hz"):
        causal_filter(EEG, low, high)
