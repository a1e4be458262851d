"""Names for parts: found, suggested, refused."""

import math
from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affectbio import registry
from affectbio.errors import ConfigError
from affectbio.registry import Registry, nearest, unknown_name

GROUP = "affectbio.tests"


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points of packages that are not installed."""
    entries: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: [e for e in entries if e.group == group])
    return entries


def test_a_part_is_imported_when_it_is_asked_for() -> None:
    parts = Registry("part", {"pi": "math:pi", "broken": "no_such_module:x"}, GROUP)
    assert parts.names() == ["broken", "pi"]
    assert parts.get("pi") == math.pi
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        parts.get("broken")


def test_third_parties_add_parts(third_party: list[EntryPoint]) -> None:
    third_party += [EntryPoint("tau", "math:tau", GROUP), EntryPoint("e", "math:e", "affectbio.others")]
    parts = Registry("part", {"pi": "math:pi"}, GROUP)
    assert parts.names() == ["pi", "tau"]
    assert parts.get("tau") == math.tau


def test_two_parts_of_one_name_are_refused_with_both_places(third_party: list[EntryPoint]) -> None:
    third_party.append(EntryPoint("pi", "theirs:pi", GROUP))
    with pytest.raises(ConfigError, match=r"'pi'.*math:pi and theirs:pi"):
        Registry("part", {"pi": "math:pi"}, GROUP).get("pi")


def test_an_unknown_part_suggests_the_nearest_and_lists_the_rest() -> None:
    with pytest.raises(ConfigError, match=r"no part 'Pie'; did you mean 'pi'\? Known: pi, tau"):
        Registry("part", {"pi": "math:pi", "tau": "math:tau"}, GROUP).get("Pie")


def test_without_any_name_the_message_still_reads() -> None:
    assert str(unknown_name("device", "x", [])) == "no device 'x'; Known: none"


@given(st.text(max_size=12), st.lists(st.text(max_size=12)))
def test_the_nearest_is_one_of_the_names(name: str, names: list[str]) -> None:
    assert nearest(name, names) in {*names, None}


@given(st.text(min_size=1, max_size=12), st.lists(st.text(max_size=12)))
def test_a_name_is_nearest_to_itself_whatever_its_case(name: str, others: list[str]) -> None:
    found = nearest(name, [name, *others])
    assert found is not None
    assert found.lower() == name.lower()
