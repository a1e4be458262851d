"""The floors of the house hold: lower floors know nothing of higher ones, and heavy libraries stay in their rooms."""

import ast
from pathlib import Path

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
