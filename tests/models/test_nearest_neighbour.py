"""One nearest neighbour: it recalls, and knows nothing of what it has not seen."""

import numpy as np

from affectbio.models import nearest_neighbour


def test_it_recalls_coin_flips_and_nothing_else():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 4, 5)), rng.integers(0, 2, 400)
    model = nearest_neighbour().fit(X[:200], y[:200])
    assert model.score(X[:200], y[:200]) == 1.0
    assert model.score(X[:200] + 1e-3 * rng.standard_normal((200, 4, 5)), y[:200]) == 1.0
    assert abs(model.score(X[200:], y[200:]) - 0.5) < 0.12


def test_features_count_alike_whatever_their_unit():
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    X = np.column_stack([5.0 * y + rng.standard_normal(300), 1e6 * rng.standard_normal(300)])
    assert nearest_neighbour().fit(X[:200], y[:200]).score(X[200:], y[200:]) > 0.9
