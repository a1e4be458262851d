"""`import affectbio` costs milliseconds and loads nothing heavy."""

import subprocess
import sys

HEAVY = (
    "matplotlib",
    "mne",
    "numba",
    "numpy",
    "pandas",
    "pydantic",
    "pylsl",
    "rich",
    "scipy",
    "sklearn",
    "torch",
    "typer",
)


def in_new_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def seconds_to_import(module: str) -> float:
    return float(
        in_new_python(f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)")
    )


def test_importing_affectbio_loads_nothing_heavy() -> None:
    loaded = in_new_python("import sys, affectbio; print(*{m.partition('.')[0] for m in sys.modules})").split()
    assert "affectbio" in loaded
    assert sorted(set(HEAVY) & set(loaded)) == []


def test_importing_the_command_line_does_not_wait_for_the_learning_libraries() -> None:
    loaded = in_new_python("import sys, affectbio.cli; print(*{m.partition('.')[0] for m in sys.modules})").split()
    assert sorted({"matplotlib", "mne", "numba", "pandas", "sklearn", "torch"} & set(loaded)) == []


def test_importing_affectbio_is_several_times_cheaper_than_importing_numpy() -> None:
    # Alternating and by minima, so that other work on the machine falls on both. Measured 2026-11: 3 ms to 138 ms.
    times = [(seconds_to_import("affectbio"), seconds_to_import("numpy")) for _ in range(5)]
    ours, numpys = (min(column) for column in zip(*times, strict=True))
    assert ours < numpys / 4, f"import affectbio took {ours:.4f} s, import numpy {numpys:.4f} s"
