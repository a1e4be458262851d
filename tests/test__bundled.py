"""Bundled data are found, and what is not there is said."""

import pytest

from affectbio._bundled import bundled


@pytest.mark.parametrize("kind", ["devices", "pipelines", "eegmat", "montage"])
def test_every_kind_is_there_and_holds_something(kind: str) -> None:
    assert any(bundled(kind).iterdir())


def test_what_is_missing_is_named_with_the_places_looked_in() -> None:
    with pytest.raises(FileNotFoundError, match=r"no bundled 'sensors' in .*_bundled.*; reinstall affectbio"):
        bundled("sensors")
