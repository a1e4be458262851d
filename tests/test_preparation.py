"""What is prepared is all that was recorded, in the result or among the excluded; nothing twice, nothing silent."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectbio.cache import Cache
from affectbio.errors import DataError
from affectbio.pipelines import load_pipeline, preparation, prepare
from affectbio.types import Channel, Recording, Signal

RECIPE = """
schema = 1
title = "High against low"
sources = ["simulated"]
[data]
dataset = "simulated"
[window]
length_s = 1.0
step_s = 1.0
[filter]
l_freq = 1.0
h_freq = 45.0
[label]
column = "valence"
above = 5.0
leave_out = ["baseline"]
[feature]
kind = "hjorth"
[model]
kind = "shrinkage-lda"
[protocol]
kind = "loso"
[[variant]]
name = "raw"
"""
SCALES = {"valence": (1.0, 9.0)}


@pytest.fixture
def recipe(tmp_path):
    (tmp_path / "own.toml").write_text(RECIPE, encoding="utf-8")
    return load_pipeline(tmp_path / "own.toml")


def person(number, ratings=(2.0, 8.0), sfreq=128.0, **changes):
    """A baseline of 2 s and trials of 4 s."""
    rng = np.random.default_rng(number)
    n = len(ratings)
    eeg = Signal(1e-5 * rng.standard_normal((2, int(sfreq * (2 + 4 * n)))), sfreq, [Channel("C3"), Channel("C4")])
    events = pd.DataFrame(
        {
            "onset": [0.0, *(2 + 4.0 * np.arange(n))],
            "duration": [2.0, *[4.0] * n],
            "trial_type": ["baseline", *["film"] * n],
            "trial": [f"{t}" for t in range(n + 1)],
            "valence": [np.nan, *ratings],
        }
    )
    return replace(Recording({"eeg": eeg}, f"{number:02d}", events), **changes)


def changed(recording, **rows):
    """With some samples of some channels overwritten."""
    eeg = recording.signals["eeg"]
    data = eeg.data.copy()
    for row, value in rows.items():
        data[eeg.ch_names.index(row)] = value
    return replace(recording, signals={"eeg": replace(eeg, data=data)})


def test_every_window_is_in_the_result_or_among_the_excluded(recipe):
    torn = person(2)
    data = torn.signals["eeg"].data.copy()
    data[0, 600] = np.nan
    torn = replace(torn, signals={"eeg": replace(torn.signals["eeg"], data=data)})
    made = prepare(recipe, iter([person(1), torn, person(3, (5.0, 9.0, np.nan))]), scales=SCALES)
    assert made.counts["n_windows"].sum() == 8 + 7 + 8
    assert made.excluded.groupby("why")["n_windows"].sum().to_dict() == {
        "trial_type is baseline": 6,
        "no valence": 4,
        "lost samples, or a feature that is not known": 1,
    }
    assert made.notes == ("valence is exactly 5 in 1 trial of 1 person, which is counted as low",)
    assert set(recipe.adapt(made.windows, "raw").y) == {"low", "high"}


def test_a_person_who_cannot_be_used_is_an_exclusion_with_a_reason(recipe):
    made = prepare(recipe, [person(1), changed(person(2), C3=np.nan), changed(person(3), C4=1e-5), person(4)])
    assert made.counts["subject"].unique().tolist() == ["01", "04"]
    whys = made.excluded.set_index("subject")["why"]
    assert whys["02"] == "no window can be used: channel C3 has no sample that is known"
    assert whys["03"] == "no window can be used: channel C4 never changes"
    assert "subject 02, session 01: channel C3 has no sample that is known" in made.notes
    with pytest.raises(DataError, match="C3"):
        prepare(recipe, [changed(person(2), C3=np.nan)])


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ([], "no recordings"),
        ([person(1), person(1, subject="02")], "subject 02, .*the same samples as subject 01"),
        ([person(1), person(2, subject="01")], "trial 0 of subject 01, session 01 occurs twice"),
        ([person(1), person(2, subject=" ")], "recording 1 has no subject"),
        ([person(1, (2.0, 11.0))], "01/01/2: valence is 11.0, expected 1 to 9"),
        ([person(1, (2.0, 3.0))], "all 8 windows have the label 'low'"),
        (
            [person(1), replace(person(2), signals={"eeg": person(2).signals["eeg"].pick(["C3"])})],
            "subject 02, .*only one of them has C4",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_by_name(recipe, recordings, message):
    with pytest.raises(DataError, match=message):
        prepare(recipe, recordings, scales=SCALES)


def test_rates_that_differ_are_told(recipe):
    made = prepare(recipe, [person(1), person(2, sfreq=256.0)])
    assert made.notes[0].startswith("sampling rates differ, windows are cut in seconds: 128 Hz in 1 recordings")
    assert made.counts.groupby("subject")["n_windows"].sum().tolist() == [8, 8]


def test_one_class_of_a_person_is_told(recipe):
    assert prepare(recipe, [person(1), person(2, (2.0, 3.0))]).notes == (
        "one class only, so that a score says nothing: 02",
    )


def test_the_second_time_nothing_is_computed_and_all_is_the_same(recipe, tmp_path, monkeypatch):
    cache = Cache(tmp_path / "cache")
    everybody = [person(n) for n in range(4)]
    first = prepare(recipe, everybody, cache=cache)

    def never(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(preparation, "_measured", never)
    again = prepare(recipe, everybody, cache=cache)
    assert (first.n_cached, again.n_cached, again.n_recordings) == (0, 4, 4)
    np.testing.assert_array_equal(first.windows.X, again.windows.X)
    pd.testing.assert_frame_equal(first.windows.metadata, again.windows.metadata, check_exact=True)
    pd.testing.assert_frame_equal(first.excluded, again.excluded)
    assert first.fingerprint == again.fingerprint
    with pytest.raises(AssertionError):
        prepare(recipe, [person(5)], cache=cache)
    other = recipe.model_copy(update={"window": recipe.window.model_copy(update={"step_s": 0.5})})
    with pytest.raises(AssertionError):
        prepare(other, everybody, cache=cache)


def test_one_recording_at_a_time_is_held(recipe):
    import gc
    import weakref

    alive = []

    def one_by_one():
        for n in range(5):
            recording = person(n)
            alive.append(weakref.ref(recording.signals["eeg"].data.base))
            yield recording
            del recording
            gc.collect()
            assert sum(ref() is not None for ref in alive) <= 1

    prepare(recipe, one_by_one())
