"""What every registered model keeps."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone

from affectbio.errors import ConfigError
from affectbio.models import MODELS, create_model

# A network as published trains for minutes; what is held here does not depend on for how long.
SHORT = {"rbtransformer": {"n_epochs": 12, "batch_size": 16, "late_batch_size": 16, "n_blocks": 1}}
# A baseline beside others; what is shown live is calibrated across people, see `affectbio.training`.
NO_PROBABILITY = ("support-vector-machine",)


@pytest.mark.parametrize("name", MODELS.names())
@pytest.mark.parametrize("labels", [("calm", "busy"), (0, 1, 2)])
def test_every_model_fits_windows_of_features_and_predicts_their_labels(name, labels):
    if name in SHORT:
        pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    code = rng.permutation(np.arange(120) % len(labels))
    X = rng.standard_normal((120, 4, 5)) + 2.0 * rng.standard_normal((len(labels), 4, 5))[code]
    y = np.array(labels)[code]
    model = clone(create_model(name, **SHORT.get(name, {})))
    before = X.copy()
    fitted = model.fit(X[:80], y[:80])
    assert fitted is model
    np.testing.assert_array_equal(X, before)
    assert set(model.predict(X[80:])) <= set(labels)
    assert model.score(X[80:], y[80:]) > 0.8
    np.testing.assert_array_equal(model.predict(X[80:]), clone(model).fit(X[:80], y[:80]).predict(X[80:]))
    if name in NO_PROBABILITY:
        return
    p = model.predict_proba(X[80:])
    assert p.shape == (40, len(labels))
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X[80:]))


@pytest.mark.parametrize("name", MODELS.names())
def test_every_model_has_a_docstring_with_an_example(name):
    assert ">>>" in inspect.getdoc(MODELS.get(name))


def test_a_model_is_made_by_name():
    assert create_model("shrinkage-lda", shrinkage=0.1).shrinkage == 0.1
    with pytest.raises(ConfigError, match="did you mean 'shrinkage-lda'"):
        create_model("shrinkage-ldda")
