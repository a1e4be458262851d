"""The live loop against the same kernels run over the whole recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pytest

from affectbio.adapt import RestBaseline
from affectbio.features import DifferentialEntropy
from affectbio.kernels import differential_entropy
from affectbio.live import run_loop
from affectbio.models import ShrinkageLDA
from affectbio.pipelines import load_pipeline
from affectbio.training import fit_across_people

WINDOW_S, STEP_S = 2.0, 1.0


@dataclass
class Chunk:
    data: np.ndarray
    stamps: np.ndarray
    lost: int


@dataclass
class Fake:
    """A source that gives prepared chunks, then nothing."""

    chunks: list[Chunk | None]
    state: str = "streaming"
    waits: list[float] = field(default_factory=list)

    def pull(self, timeout_s: float) -> Chunk | None:
        self.waits.append(timeout_s)
        return self.chunks.pop(0) if self.chunks else None


@pytest.fixture(scope="module")
def trained():
    recipe = load_pipeline("rest-arithmetic-lda")
    recordings = recipe.recordings(subjects=["00", "01", "02", "03", "05", "06", "08"])
    windows = recipe.adapt(recipe.extract(recordings), "rest-calibrated")
    model = fit_across_people(ShrinkageLDA(), windows.take(windows.groups("subject") != "00"), n_groups=6)
    return model, recordings[:2]


def cut(data: np.ndarray, sfreq: float, start: float, sizes: list[int]) -> list[Chunk | None]:
    chunks, at = [], 0
    for size in sizes:
        part = data[:, at : at + size]
        stamps = start + np.arange(at, at + part.shape[1]) / sfreq
        chunks.append(Chunk(part, stamps, int(np.isnan(part).any(axis=0).sum())))
        at += size
    assert at >= data.shape[1]
    return chunks


def run(trained, data, sfreq, sizes, start=1000.0, **how):
    model, _ = trained
    front = DifferentialEntropy().stream(len(data), sfreq, WINDOW_S, STEP_S)
    baseline = RestBaseline(seconds=10).stream(WINDOW_S, STEP_S)
    source = Fake(cut(data, sfreq, start, sizes))
    updates = []
    for update in run_loop(source, front, baseline, model, clock=how.pop("clock", lambda: 0.0), **how):
        updates.append(update)
        if update.features is None and not source.chunks:
            return updates
    raise AssertionError("the loop never ends by itself")


def live_features(updates):
    return np.stack([u.features for u in updates if u.features is not None], axis=1)


@pytest.mark.parametrize("size", [1, 7, 250, 3000])
def test_features_are_those_of_the_whole_recording(trained, size):
    signal = trained[1][0].signal("eeg").crop(0, 24)
    sizes = [size] * -(-signal.n_times // size)
    updates = run(trained, signal.data, signal.sfreq, sizes)
    whole = differential_entropy(signal.data, signal.sfreq, "eeg", WINDOW_S, STEP_S)
    np.testing.assert_array_equal(live_features(updates), whole)


def test_each_estimate_carries_the_stamp_of_its_last_sample_and_its_latency(trained):
    signal = trained[1][0].signal("eeg").crop(0, 24)
    updates = run(trained, signal.data, signal.sfreq, [signal.n_times], start=50.0, clock=lambda: 100.0)
    times = np.array([u.affect.time for u in updates if u.affect])
    # Nine windows lie inside ten seconds of rest; the tenth begins at 9 s and ends with the sample before 11 s.
    np.testing.assert_allclose(times, 50.0 + np.arange(11, 25) - 1 / signal.sfreq)
    np.testing.assert_allclose([u.affect.latency for u in updates if u.affect], 100.0 - times)


def test_latency_of_a_replay_is_counted_on_the_wall_clock(trained):
    signal = trained[1][0].signal("eeg").crop(0, 14)
    updates = run(
        trained, signal.data, signal.sfreq, [signal.n_times], start=0.0, clock=lambda: 7.0, wall_time=lambda s: s / 4
    )
    last = updates[-2].affect
    assert last.latency == pytest.approx(7.0 - last.time / 4)


def test_no_estimate_while_the_person_rests_and_then_one_for_every_window(trained):
    signal = trained[1][0].signal("eeg").crop(0, 20)
    updates = [u for u in run(trained, signal.data, signal.sfreq, [125] * 20) if u.features is not None]
    estimated = [u.affect is not None for u in updates]
    assert estimated == [False] * 9 + [True] * 10
    assert [u.calibration for u in updates][:9] == pytest.approx(np.arange(1, 10) / 9)


def test_scores_are_probabilities_with_their_interval(trained):
    signal = trained[1][1].signal("eeg")
    for update in run(trained, signal.data, signal.sfreq, [signal.n_times]):
        if update.affect:
            assert sum(s.value for s in update.affect.scores.values()) == pytest.approx(1)
            for score in update.affect.scores.values():
                assert 0 <= score.low <= score.value <= score.high <= 1


def test_lost_samples_cost_their_windows_only(trained):
    signal = trained[1][0].signal("eeg").crop(0, 30)
    data = np.array(signal.data)
    data[:, 2000:2010] = np.nan
    updates = [u for u in run(trained, data, signal.sfreq, [25] * 150) if u.features is not None]
    hit = np.array([np.isnan(u.features).any() for u in updates])
    starts = np.arange(len(updates)) * 125
    np.testing.assert_array_equal(hit, (starts < 2010) & (starts + 250 > 2000))
    assert all(u.affect is None for u, h in zip(updates, hit, strict=True) if h)
    assert updates[-1].n_lost == 10
    assert updates[-1].affect is not None


def test_quality_is_that_of_the_last_window(trained):
    signal = trained[1][0].signal("eeg").crop(0, 14)
    data = np.array(signal.data)
    data[2] = 5e-6
    updates = run(trained, data, signal.sfreq, [125] * 14)
    assert [q.word for q in updates[-1].quality] == ["good", "good", "flat", *["good"] * 5]


def test_the_calibration_begins_with_the_first_window_that_can_be_used(trained):
    signal = trained[1][0].signal("eeg").crop(0, 40)
    data = np.array(signal.data)
    data[2, : 15 * 125] = 5e-6
    updates = [u for u in run(trained, data, signal.sfreq, [125] * 40) if u.features is not None]
    # Nine windows are one calibration. The first that is not constant to its end is the one from 14 to 16 s.
    assert [u.affect is not None for u in updates] == [False] * (14 + 9) + [True] * 16


def test_a_stream_that_stops_is_said_to_have_stopped(trained):
    model, _ = trained
    front = DifferentialEntropy().stream(8, 125.0, WINDOW_S, STEP_S)
    source = Fake([], state="lost")
    loop = run_loop(source, front, RestBaseline().stream(WINDOW_S, STEP_S), model, clock=lambda: 0.0, timeout_s=0.05)
    updates = list(islice(loop, 3))
    assert [u.state for u in updates] == ["lost"] * 3
    assert source.waits == [0.05] * 3
    assert all(u.affect is None and u.features is None and u.n_samples == 0 for u in updates)
