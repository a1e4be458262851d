"""The floors of the house hold: lower floors know nothing of higher ones, and heavy libraries stay in their rooms."""

import ast
from pathlib import Path

import pytest

import affectbio

PACKAGE = Path(affectbio.__file__).parent


def imported(path: Path) -> set[str]:
    """Top-level names of everything a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_numba_is_imported_only_by_the_compiled_bodies() -> None:
    users = {p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if "numba" in imported(p)}
    bodies = {u for u in users if u.startswith("kernels/_jit_")}
    assert bodies, "no compiled body found: this test looks in the wrong place"
    assert users - bodies == set()


def test_compiled_bodies_know_only_numpy_numba_and_each_other() -> None:
    for body in PACKAGE.glob("kernels/_jit_*.py"):
        known = {"__future__", "affectbio", "llvmlite", "math", "numba", "numpy", "operator", "typing"}
        assert imported(body) <= known, body.name
        ours = [line for line in body.read_text(encoding="utf-8").splitlines() if line.startswith("from affectbio")]
        assert [line for line in ours if not line.startswith("from affectbio.kernels._jit_")] == [], body.name


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def bodies_asked_for() -> set[str]:
    """Names that kernels give to `bodies`."""
    return {
        node.args[0].value
        for path in PACKAGE.glob("kernels/*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "bodies"
        and isinstance(node.args[0], ast.Constant)
    }


def public_functions(path: Path) -> dict[str, list[str]]:
    """Functions without an underscore, with the names of their arguments."""
    found = [node for node in tree(path).body if isinstance(node, ast.FunctionDef)]
    return {f.name: [a.arg for a in f.args.args] for f in found if not f.name.startswith("_")}


def test_compiled_bodies_are_reached_through_the_backend_alone() -> None:
    direct = {
        path.name
        for path in PACKAGE.rglob("*.py")
        if not path.name.startswith("_jit_")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom)
        and "_jit_" in " ".join([node.module or "", *(alias.name for alias in node.names)])
    }
    assert direct == set(), "where Numba is missing, these do not run"
    used = {f"_jit_{name}" for name in bodies_asked_for()}
    for path in PACKAGE.glob("kernels/_jit_*.py"):
        used |= {
            (node.module or "").rpartition(".")[2] for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom)
        }
    assert {path.stem for path in PACKAGE.glob("kernels/_jit_*.py")} <= used, "nobody asks for these"


@pytest.mark.parametrize("name", sorted(bodies_asked_for()))
def test_every_compiled_body_has_a_plain_twin(name: str) -> None:
    jit, plain = (PACKAGE / "kernels" / f"_{kind}_{name}.py" for kind in ("jit", "plain"))
    assert jit.exists()
    assert plain.exists(), f"a kernel asks for {name!r}, which does not run without Numba"
    twins = public_functions(plain)
    assert {function: twins.get(function) for function in public_functions(jit)} == public_functions(jit)
