"""The tree of errors."""

import inspect
import pickle

import pytest

from affectbio import errors

TREE = {name: getattr(errors, name) for name in errors.__all__}


def test_every_error_of_the_module_is_public() -> None:
    defined = {n for n, c in vars(errors).items() if inspect.isclass(c) and c.__module__ == errors.__name__}
    assert defined == set(errors.__all__)


@pytest.mark.parametrize("name", errors.__all__)
def test_an_error_is_ours_and_a_builtin_too_and_keeps_its_words(name: str) -> None:
    error = TREE[name]("expected this, found that: do so")
    assert isinstance(error, errors.AffectbioError)
    assert name == "AffectbioError" or any(c.__module__ == "builtins" and c not in (Exception, BaseException, object)
                                           for c in type(error).__mro__)  # fmt: skip
    assert str(error) == "expected this, found that: do so"
    # joblib hands errors from one process to another.
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    # So does Dask, which makes the error without calling its class.
    assert isinstance(TREE[name].__new__(TREE[name], "words"), TREE[name])


@pytest.mark.parametrize("line", [line for line in errors.__doc__.splitlines() if "─" in line])
def test_the_drawing_of_the_tree_tells_the_truth(line: str) -> None:
    name, builtin = line.split("─ ")[1].split()[:2]
    drawn_as_builtin = builtin.startswith("(")
    assert name in TREE
    if drawn_as_builtin:
        assert builtin.strip("()") in [c.__name__ for c in TREE[name].__mro__]
