"""The extra `deep` is whole: braindecode's models import beside the torch that our ranges resolve to."""

import importlib

import pytest


@pytest.mark.deep
@pytest.mark.timeout(300)
def test_braindecode_imports_beside_our_torch() -> None:
    models = importlib.import_module("braindecode.models")
    assert callable(models.EEGNet)
