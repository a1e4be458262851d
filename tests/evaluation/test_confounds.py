from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.tree import DecisionTreeClassifier

from affectbio.evaluation.confounds import control_score, dealt_labels, lengths, parts, places, stimuli
from affectbio.types import Windows

Make = Callable[..., Windows]


def test_places_count_from_the_first_trial_of_each_person(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=3, n_trials=4, n_each=2)
    assert places(windows).tolist() == np.tile(np.repeat(range(4), 2), 3).tolist()
    assert stimuli(windows).tolist() == [0] * 24


def test_lengths_are_of_the_whole_trial(coin_flip_windows: Make) -> None:
    windows = coin_flip_windows(n_people=2, n_trials=2, n_each=3)
    longer = windows.metadata["trial"] == "001"
    windows.metadata.loc[longer, "stop"] += 5.0
    assert lengths(windows).tolist() == longer.astype(int).tolist()


def test_parts_are_of_equal_size() -> None:
    cut = parts(np.random.default_rng(0).normal(size=800))
    assert np.bincount(cut).tolist() == [100] * 8
    assert parts(np.array(["b", "a", "b"])).tolist() == [1, 0, 1]


def test_a_control_is_a_tree_over_groups() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 6, 600)
    y = np.where(rng.random(600) < 0.2 + 0.1 * group, "b", "a")
    folds = [(np.flatnonzero(np.arange(600) % 3 != k), np.flatnonzero(np.arange(600) % 3 == k)) for k in range(3)]
    said, truth = [], []
    for train, test in folds:
        tree = DecisionTreeClassifier(class_weight="balanced").fit(np.eye(6)[group[train]], y[train])
        said.append(tree.predict(np.eye(6)[group[test]]))
        truth.append(y[test])
    score, chance = control_score(group, y, folds)
    assert score == pytest.approx(balanced_accuracy_score(np.concatenate(truth), np.concatenate(said)))
    assert chance == 0.5


def test_a_group_that_training_lacks_takes_its_neighbour() -> None:
    group, y = np.array([0, 0, 9, 9, 1, 8]), np.array(["a", "a", "b", "b", "a", "b"])
    assert control_score(group, y, [(np.arange(4), np.array([4, 5]))]) == (1.0, 0.5)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_dealt_labels_say_nothing_of_the_real_ones(n_classes: int, ordered: bool) -> None:
    group = np.repeat(np.arange(6 * n_classes), 4)
    y = np.array(["a", "b", "c"])[group % n_classes]
    for dealt in islice(dealt_labels(group, y, np.random.default_rng(0), ordered=ordered), 5):
        assert (dealt.reshape(-1, 4) == dealt.reshape(-1, 4)[:, :1]).all()
        assert balanced_accuracy_score(y, dealt) == pytest.approx(1 / n_classes)


def test_the_first_deals_follow_the_order() -> None:
    group = np.arange(8)
    early, middle = islice(dealt_labels(group, np.array(["a", "b"] * 4), np.random.default_rng(0), ordered=True), 2)
    assert "".join(early) == "aaaabbbb"
    assert "".join(middle) == "bbaaaabb"


def test_one_clip_per_label_cannot_be_dealt() -> None:
    assert list(dealt_labels(np.array([0, 0, 1, 1]), np.array(["a", "a", "b", "b"]), np.random.default_rng(0))) == []
