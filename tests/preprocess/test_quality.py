"""Every word on a signal made for it, and on real recordings."""

import numpy as np
import pytest

from affectbio.datasets.eegmat import EEGMAT
from affectbio.preprocess import channel_quality

SFREQ = 250
T = np.arange(2 * SFREQ) / SFREQ
ALPHA = 10e-6 * np.sin(2 * np.pi * 10 * T)


def word(row):
    [quality] = channel_quality(np.asarray(row)[None])
    assert quality.usable == (quality.word == "good")
    return quality.word


def lost(share):
    row = ALPHA.copy()
    row[: round(share * len(row))] = np.nan
    return row


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (ALPHA, "good"),
        (ALPHA + 0.1, "good"),  # the offset of the electrode
        (lost(0.08), "good"),
        (lost(0.12), "lost"),
        (lost(1), "lost"),
        (0 * ALPHA, "flat"),
        (0 * ALPHA + 0.1, "flat"),
        (1e-170 * ALPHA, "flat"),
        (ALPHA / 100, "flat"),
        (21 * ALPHA, "large"),
        (ALPHA + 500e-6 * (T == 1), "large"),
        (ALPHA + 300e-6 * np.exp(-((T - 1) ** 2) / 0.01), "good"),  # a blink
        (10e-6 * np.random.default_rng(0).standard_normal(len(T)), "noisy"),
        (ALPHA + 50e-6 * np.sin(2 * np.pi * 50 * T), "noisy"),
        (ALPHA + 50e-6 * np.sin(2 * np.pi * 60 * T), "noisy"),
        (ALPHA + 3e-6 * np.sin(2 * np.pi * 50 * T), "good"),
        (np.full(len(T), np.inf), "lost"),
        (np.zeros(len(T), int), "flat"),
    ],
)
def test_word(row, expected):
    assert word(row) == expected


def test_channels_are_judged_one_by_one():
    assert [q.word for q in channel_quality(np.stack([0 * ALPHA, ALPHA, 100 * ALPHA]))] == ["flat", "good", "large"]


@pytest.mark.parametrize(("sfreq", "expected"), [(265, "noisy"), (275, "good")])
def test_mains_is_seen_up_to_the_rate_that_the_notes_give(sfreq, expected):
    assert word(100e-6 * np.sin(2 * np.pi * 50 * np.arange(4 * sfreq) / sfreq)) == expected


@pytest.mark.parametrize("shape", [(500,), (2, 1), (1, 2, 500)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="at least two samples, found shape"):
        channel_quality(np.zeros(shape))


def test_real_eeg_is_mostly_good():
    words = []
    for recording in EEGMAT().recordings(["00", "08", "19", "33"]):
        eeg = recording.signal("eeg")
        for start in range(0, eeg.n_times - 250 + 1, 250):
            words += [q.word for q in channel_quality(eeg.data[:, start : start + 250])]
    assert words.count("good") / len(words) > 0.95
    assert words.count("flat") == words.count("lost") == 0
