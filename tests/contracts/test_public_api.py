"""The public names: those of the façade, and those of every module."""

import ast
import importlib
import pkgutil
from importlib.metadata import version
from pathlib import Path

import pytest

import affectbio

STUB = Path(affectbio.__file__).with_suffix(".pyi")
MODULES = sorted(m.name for m in pkgutil.walk_packages(affectbio.__path__, "affectbio.") if "._" not in m.name)


def names_in_stub() -> set[str]:
    imports = [n for n in ast.parse(STUB.read_text(encoding="utf-8")).body if isinstance(n, ast.ImportFrom)]
    return {alias.asname or alias.name for statement in imports for alias in statement.names}


@pytest.mark.parametrize("name", sorted(names_in_stub()))
def test_a_name_of_the_facade_is_the_object_of_its_module(name: str) -> None:
    thing = getattr(affectbio, name)
    home = importlib.import_module(thing.__module__)
    assert thing.__module__.startswith("affectbio.")
    assert getattr(home, name) is thing


def test_the_facade_lists_what_the_stub_lists_and_is_small() -> None:
    assert set(affectbio.__all__) == names_in_stub()
    assert set(dir(affectbio)) == names_in_stub()
    assert len(names_in_stub()) <= 20, "the façade is the dozen names of the README; the rest is imported from modules"


def test_the_version_is_that_of_the_installed_package() -> None:
    assert affectbio.__version__ == version("affectbio")


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Sginal"):
        _ = affectbio.Sginal  # type: ignore[attr-defined]


@pytest.mark.deep
@pytest.mark.parametrize("name", MODULES)
def test_every_name_a_module_declares_exists_and_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", ()):
        thing = getattr(module, public)
        assert not callable(thing) or thing.__doc__, f"{name}.{public} has no docstring"


def test_every_module_with_public_code_declares_its_names() -> None:
    package = Path(affectbio.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if path.name.startswith("_"):
            continue
        top = {t.id for n in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(n, ast.Assign)
               for t in n.targets if isinstance(t, ast.Name)}  # fmt: skip
        assert "__all__" in top, f"{path.relative_to(package)} has no __all__"
