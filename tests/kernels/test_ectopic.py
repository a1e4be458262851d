"""Ectopic beats against the cardiologists' annotations, and constructed errors."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from affectbio.kernels import IntervalKind, beat_times, correct_ectopic, find_beats, flag_ectopic

DATA = Path(__file__).parents[1] / "data" / "physio"


def sinus(n=300, seed=0):
    """Intervals of breathing and a little noise, in seconds."""
    rng = np.random.default_rng(seed)
    return 0.8 + 0.04 * np.sin(2 * np.pi * np.arange(n) / 5) + 0.005 * rng.standard_normal(n)


def by_the_paper(rr):
    """Figure 1 of Lipponen & Tarvainen, beat by beat, with the bounds of the threshold that are ours."""
    n = len(rr)

    def around(x, width):
        return np.lib.stride_tricks.sliding_window_view(np.pad(x, width // 2, mode="symmetric"), width)

    def threshold(x):
        ranked = np.sort(around(np.abs(x), 91), axis=1)
        return np.clip(5.2 * (ranked[:, 68] - ranked[:, 22]) / 2, 0.02, 0.25)

    median = np.median(around(rr, 11), axis=1)
    m = np.array([d if d >= 0 else 2 * d for d in rr - median])
    th2 = threshold(m)
    m = m / th2
    d = np.array([0.0, *(rr[1:] - rr[:-1])])
    d = np.array([0.0, *(d / threshold(d)), 0.0, 0.0])  # d[i + 1] is beat i's

    def is_ectopic(i):
        before, here, after = d[i : i + 3]
        return (here > 1 and max(before, after) < -0.13 * here - 0.17) or (
            here < -1 and min(before, after) > -0.13 * here + 0.17
        )

    kinds = [IntervalKind.NORMAL] * n
    for i in range(n):
        if abs(d[i + 1]) <= 1 or is_ectopic(i):
            continue
        for j in [i, i + 1] if i + 1 < n and abs(d[i + 2]) < abs(d[i + 3]) else [i]:
            here, after, later = d[j + 1], d[j + 2], d[j + 3] if j + 3 < len(d) else 0.0
            long, short = here > 1 and min(after, later) < -1, here < -1 and max(after, later) > 1
            if short and j + 1 < n and abs(rr[j] + rr[j + 1] - median[j]) < th2[j]:
                kinds[j] = IntervalKind.EXTRA
            elif long and abs(rr[j] / 2 - median[j]) < th2[j]:
                kinds[j] = IntervalKind.MISSED
            elif long or short or abs(m[j]) > 3:
                kinds[j] = IntervalKind.LONG_OR_SHORT
    extra = [i for i in range(n) if kinds[i] == IntervalKind.EXTRA]
    for i in extra:
        if kinds[i] == IntervalKind.EXTRA and i + 1 < n:
            kinds[i + 1] = IntervalKind.NORMAL
    for i in filter(is_ectopic, range(n)):
        kinds[i - 1] = kinds[i] = IntervalKind.ECTOPIC
    return kinds


@pytest.mark.parametrize("seed", range(40))
def test_flags_are_those_of_the_papers_flow_chart(seed):
    rng = np.random.default_rng(seed)
    rr = rng.uniform(0.01, 0.08) * rng.standard_normal(200) + 0.8
    odd = rng.choice(200, rng.integers(2, 40), replace=False)
    rr[odd] *= rng.choice([0.3, 0.5, 0.7, 1.4, 2.0], len(odd))
    np.testing.assert_array_equal(flag_ectopic(rr), by_the_paper(rr))
    repaired = correct_ectopic(rr)
    counts = np.bincount(repaired.kinds, minlength=5)
    assert len(repaired.rr) == len(rr) + counts[IntervalKind.MISSED] - counts[IntervalKind.EXTRA]


def test_a_part_of_one_split_beat_is_not_also_one_of_the_next():
    rr = np.array([0.6, 0.8, 1.0, 0.6, 0.2, 0.5, 1.0, 1.0, 0.8, 0.5, 1.0, 0.8])
    np.testing.assert_array_equal(flag_ectopic(rr), by_the_paper(rr))
    np.testing.assert_array_equal(np.flatnonzero(flag_ectopic(rr)[3:5] == IntervalKind.EXTRA), [0])


def test_every_ectopic_beat_of_record_100_is_flagged_and_little_else():
    with np.load(DATA / "mitdb_100.npz") as file:
        beats, kinds = file["beats"], file["kinds"]
    flagged = flag_ectopic(np.diff(beats) / 360) != IntervalKind.NORMAL
    ectopic = np.flatnonzero(kinds != "N")
    assert len(ectopic) == 34
    assert all(flagged[i - 1 : i + 1].any() for i in ectopic)
    beside = {j for i in ectopic for j in range(i - 2, i + 2)}
    others = [i for i in range(len(flagged)) if i not in beside]
    assert flagged[others].mean() < 0.005


def test_every_third_beat_ectopic_is_said_to_be_beyond_repair():
    with np.load(DATA / "polar_h10.npz") as file:
        ecg = file["ecg_uv"]
    rr = np.diff(beat_times(ecg, find_beats(ecg, 130.16), 130.16))
    # By eye: 0.42, 1.0 and 0.69 s take turns for most of the ten minutes.
    assert correct_ectopic(rr).share > 0.6


def test_corrected_ecg_beats_agree_with_the_pulse():
    with np.load(DATA / "neurokit_rest.npz") as file:
        rr = {
            kind: correct_ectopic(np.diff(beat_times(file[kind], find_beats(file[kind], 100, kind), 100, kind))).rr
            for kind in ("ecg", "ppg")
        }
    # Three beats that are movement, in an ECG of 435, are gone.
    assert len(rr["ecg"]) == len(rr["ppg"]) == 431
    # The first pulse comes before the first R peak. At 100 Hz movement and the pulse's own variation are what is left.
    assert np.abs(rr["ecg"][:-1] - rr["ppg"][1:]).mean() < 0.01


def test_a_beat_out_of_place_is_put_back():
    rr = sinus()
    rr[100:102] += [-0.3, 0.3]
    repaired = correct_ectopic(rr)
    np.testing.assert_array_equal(np.flatnonzero(repaired.kinds), [100, 101])
    assert (repaired.kinds[100:102] == IntervalKind.ECTOPIC).all()
    assert np.abs(repaired.rr - sinus()).max() < 0.1
    np.testing.assert_array_equal(np.delete(repaired.rr, [100, 101]), np.delete(rr, [100, 101]))
    assert repaired.share == pytest.approx(2 / 300)


def test_a_beat_not_found_is_put_in():
    true = sinus()
    rr = np.concatenate([true[:100], [true[100] + true[101]], true[102:]])
    repaired = correct_ectopic(rr)
    assert repaired.kinds[100] == IntervalKind.MISSED
    assert np.count_nonzero(repaired.kinds) == 1
    assert len(repaired.rr) == 300
    assert np.abs(repaired.rr - true).max() < 0.1
    assert repaired.rr.sum() == pytest.approx(true.sum())


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
def test_a_beat_too_many_is_taken_out(part):
    true = sinus()
    rr = np.concatenate([true[:100], [part * true[100], (1 - part) * true[100]], true[101:]])
    repaired = correct_ectopic(rr)
    assert repaired.kinds[100] == IntervalKind.EXTRA
    assert np.count_nonzero(repaired.kinds) == 1
    np.testing.assert_allclose(repaired.rr, true)


def test_a_pause_is_no_rhythm():
    rr = sinus()
    rr[100] = 2.4
    assert flag_ectopic(rr)[100] == IntervalKind.LONG_OR_SHORT
    assert correct_ectopic(rr).rr[100] < 0.9


@pytest.mark.parametrize("rr", [sinus(), np.full(100, 0.8), np.linspace(1.0, 0.5, 200), [0.8, 0.9], []])
def test_a_sinus_rhythm_is_left_as_it_is(rr):
    repaired = correct_ectopic(rr)
    np.testing.assert_array_equal(repaired.rr, rr)
    assert repaired.share == 0


@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(0.25, 2.5)))
def test_whatever_comes_repaired_intervals_are_intervals(rr):
    kinds = flag_ectopic(rr)
    assert kinds.shape == rr.shape
    if np.isin(kinds, [IntervalKind.ECTOPIC, IntervalKind.LONG_OR_SHORT]).all():
        return
    repaired = correct_ectopic(rr)
    counts = np.bincount(kinds, minlength=5)
    assert len(repaired.rr) == len(rr) + counts[IntervalKind.MISSED] - counts[IntervalKind.EXTRA]
    assert (repaired.rr > 0).all()


@pytest.mark.parametrize(
    ("rr", "message"),
    [
        ([0.8, -0.1], "each above 0; found -0.1 at 1"),
        ([np.nan], "found nan at 0"),
        ([[0.8]], r"found shape \(1, 1\)"),
    ],
)
def test_what_is_no_interval_is_refused(rr, message):
    with pytest.raises(ValueError, match=message):
        correct_ectopic(rr)


@pytest.mark.parametrize("rr", [np.full(50, 0.8 + 0j), np.full(50, "0.8"), [[0.8]], [True, True]])
def test_what_is_no_real_number_is_refused(rr):
    with pytest.raises(ValueError, match="real numbers"):
        flag_ectopic(rr)
