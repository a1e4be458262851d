"""What every registered data set keeps, on its imitation or on what is bundled."""

import inspect
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from affectbio.datasets import DATASETS, Dataset, check_dataset, synthesise
from affectbio.datasets.imitation import IMITATIONS
from affectbio.errors import AffectbioError, ConfigError, DatasetLayoutError
from affectbio.types import Recording

# Those that need no folder of a user's.
_OWN = ("eegmat", "simulated")
# What keeps an imitation small; the formats fix the rest.
_SMALL = {
    "amigos": {"seconds": 8.0},
    "case": {"seconds": 0.5},
    "deap": {"n_subjects": 1},
    "dreamer": {"seconds": 1.0},
    "faced": {"n_subjects": 1},
    "gameemo": {"seconds": 3.0},
    "mahnob-hci": {"n_trials": 3, "rest_s": 2.0},
}


@pytest.fixture(scope="module", params=DATASETS.names())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def data(name, tmp_path_factory):
    if name in _OWN:
        return DATASETS.get(name)()
    return DATASETS.get(name)(synthesise(name, tmp_path_factory.mktemp(name), **_SMALL.get(name, {})))


@pytest.fixture(scope="module")
def recordings(data):
    """Read the first person."""
    return list(data.recordings(data.subjects()[:1]))


@pytest.fixture(scope="module")
def page():
    return (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")


def _number(subject):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", subject)]


@pytest.mark.checkout
def test_it_is_documented_and_can_be_tried_without_a_licence(name, page):
    assert f"`{name}`" in page
    assert name in IMITATIONS or name in _OWN


def test_its_facts_say_what_it_is_and_where_it_is_from(name):
    facts = DATASETS.get(name).facts
    assert facts.title
    assert len(facts.source) > 10
    assert len(facts.access) > 10
    assert all(low < high for low, high in facts.ratings.values())
    assert all(f.low < f.high for f in facts.signals.values())


def test_people_are_in_the_order_of_their_numbers(data):
    subjects = data.subjects()
    assert subjects == sorted(set(subjects), key=_number)
    assert subjects == data.subjects()


def test_recordings_are_of_the_person_with_consent_and_origin(name, data, recordings):
    assert recordings
    for recording in recordings:
        assert isinstance(recording, Recording)
        assert recording.subject == data.subjects()[0]
        if name != "simulated":
            assert recording.meta["dataset"] == name
            assert "research" in recording.consent.purposes
            assert recording.consent.source
        missing = recording.meta.get("missing", ())
        assert isinstance(missing, tuple)
        assert all(isinstance(words, str) for words in missing)


def test_signals_are_the_ones_of_the_facts(name, data, recordings):
    for recording in recordings:
        for signal, facts in data.facts.signals.items():
            found = recording.signal(signal)
            assert found.n_chans == facts.n_chans
            assert found.data.dtype.kind == "f"
            # The imitation of SEED-V is of a lower rate, which keeps its length and its memory apart.
            assert found.sfreq == facts.sfreq or name == "seed-v"


def test_events_lie_inside_the_signals(recordings):
    for recording in recordings:
        end = max(signal.start + signal.duration for signal in recording.signals.values())
        events = recording.events
        assert (events["onset"] >= 0).all()
        assert (events["duration"] >= 0).all()
        assert (events["onset"] + events["duration"] <= end + 1e-6).all()
        assert events["onset"].is_monotonic_increasing


def test_a_trial_has_one_name_and_one_stimulus(recordings):
    seen = {}
    for number, recording in enumerate(recordings):
        events = recording.events
        if "trial" not in events:
            continue
        assert all(isinstance(trial, str) for trial in events["trial"])
        for trial, pieces in events[events["trial_type"] != "baseline"].groupby("trial"):
            assert pieces["stimulus"].nunique() == 1
            assert pieces["trial_type"].nunique() == 1
            # No other recording of the session has a trial of this name.
            assert seen.setdefault((recording.session, trial), number) == number
    for recording in recordings:
        windows = recording.events.get("trial")
        assert windows is None or windows.notna().all()


def test_people_share_their_stimuli(data, recordings):
    subjects = data.subjects()
    if len(subjects) < 2:
        pytest.skip("the imitation holds one person")
    first = {stimulus for recording in recordings for stimulus in recording.events.get("stimulus", ())}
    second = {s for recording in data.recordings(subjects[1:2]) for s in recording.events.get("stimulus", ())}
    assert first & second or not first


def test_ratings_are_numbers_within_their_scale(data, recordings):
    for recording in recordings:
        for column, (low, high) in data.facts.ratings.items():
            ratings = recording.events[column].dropna()
            assert ratings.map(np.isreal).all()
            assert ((ratings >= low) & (ratings <= high)).all()
    rated = [r.events[c].notna().any() for r in recordings for c in data.facts.ratings]
    assert any(rated) or not rated


def test_people_are_read_one_at_a_time(data, monkeypatch):
    if not isinstance(data, Dataset):
        pytest.skip("there is no file of it")
    assert inspect.isgeneratorfunction(type(data)._read)
    asked = []
    read = data._read
    monkeypatch.setattr(data, "_read", lambda subject: asked.append(subject) or read(subject))
    recordings = data.recordings()
    assert asked == []
    next(recordings)
    assert asked == data.subjects()[:1]


def test_recordings_and_data_sets_travel_to_other_processes(data, recordings):
    again = pickle.loads(pickle.dumps(recordings[0]))
    assert again.events.equals(recordings[0].events)
    for name, signal in recordings[0].signals.items():
        np.testing.assert_array_equal(again.signal(name).data, signal.data)
    assert pickle.loads(pickle.dumps(data)).subjects() == data.subjects()


def test_reading_twice_gives_the_same(data, recordings):
    again = next(data.recordings(data.subjects()[:1]))
    assert again.events.equals(recordings[0].events)
    for name, signal in again.signals.items():
        np.testing.assert_array_equal(signal.data, recordings[0].signal(name).data)


def test_somebody_who_is_not_there_is_refused_before_anything_is_read(data):
    with pytest.raises(ConfigError, match="nobody-7"):
        next(iter(data.recordings([*data.subjects()[:1], "nobody-7"])))


def test_a_folder_of_something_else_is_refused(name, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8")
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DatasetLayoutError) as raised:
            DATASETS.get(name)(root).subjects()
        assert isinstance(raised.value, AffectbioError)
        assert str(root) in str(raised.value)


def test_check_finds_a_good_copy_good(name, data):
    if name == "simulated":
        pytest.skip("test_simulated.py checks it")
    report = check_dataset(data)
    what = report.problems["what"]
    what = what[~what.str.contains("people are here")]
    if name == "seed-v":
        what = what[~what.str.contains("at 10 Hz; expected")]
    if name == "mahnob-hci":
        what = what[~what.str.contains("3 (?:trials|recordings); expected 20")]
    assert what.tolist() == []
