"""RBTransformer's preprocessing: equal to its steps written out with SciPy, and a hash of the trial."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import butter, lfilter

from affectbio.errors import DataError
from affectbio.features.baseline_entropy import BaselineEntropy
from affectbio.types import Channel, Recording, Signal

BANDS = ((4, 8), (8, 14), (14, 31), (31, 49))


def trial(number: int, baseline_s: float = 3.0) -> Recording:
    samples = np.random.default_rng(number).standard_normal((3, 128 * 13))
    eeg = Signal(samples, 128.0, [Channel(name) for name in ("C3", "Cz", "C4")])
    events = pd.DataFrame(
        {
            "onset": [0.0, baseline_s],
            "duration": [baseline_s, 13.0 - baseline_s],
            "trial_type": ["baseline", "calm"],
            "trial": f"{number:02d}",
            "stimulus": "clip",
        }
    )
    return Recording({"eeg": eeg}, "01", events)


def written_out(x):
    """One window or averaged baseline, as the code of the paper treats it."""
    x = (x - x.mean()) / x.std()
    out = []
    for low, high in BANDS:
        b, a = butter(5, [low / 64, high / 64], "band")
        out.append(0.5 * np.log2(2 * np.pi * np.e * np.var(lfilter(b, a, x, axis=-1), axis=-1)))
    return np.stack(out, axis=-1)


def test_it_computes_what_the_code_of_the_paper_does():
    recording = trial(1)
    windows = BaselineEntropy().extract([recording], 4.0, 117 / 128)
    x = recording.signal("eeg").data
    baseline = written_out(x[:, :384].reshape(3, 3, 128).mean(axis=1))
    expected = [written_out(x[:, at : at + 512]) - baseline for at in range(384, x.shape[1] - 511, 117)]
    assert windows.X.shape == (len(expected), 3, 4)
    np.testing.assert_allclose(windows.X, expected, atol=1e-6)
    assert windows.features == ("theta", "alpha", "beta", "gamma")
    assert set(windows.y) == {"calm"}


def test_without_a_baseline_nothing_is_subtracted():
    recording = trial(1)
    x = recording.signal("eeg").data
    plain = BaselineEntropy(baseline=False).extract(recording, 4.0, 117 / 128)
    first = round(float(plain.metadata["start"].iloc[0]) * 128)
    np.testing.assert_allclose(plain.X[0], written_out(x[:, first : first + 512]), atol=1e-6)


def test_windows_of_one_trial_share_their_baseline_and_other_trials_do_not():
    both = [BaselineEntropy(baseline=b).extract([trial(1), trial(2)], 4.0, 1.0) for b in (False, True)]
    subtracted = both[0].X - both[1].X
    of_trial = both[0].metadata["trial"].to_numpy()
    for number in ("01", "02"):
        np.testing.assert_allclose(subtracted[of_trial == number].std(axis=0), 0, atol=1e-12)
    assert np.abs(subtracted[of_trial == "01"][0] - subtracted[of_trial == "02"][0]).max() > 0.1


def test_a_trial_without_a_whole_second_of_baseline_is_named():
    with pytest.raises(DataError, match=r"trial '03' of subject '01' has no baseline of a second"):
        BaselineEntropy().extract(trial(3, baseline_s=0.5), 4.0, 1.0)
