"""Which bodies do the arithmetic, compiled or plain, and in how many threads.

Every ``_jit_<name>.py`` holds bodies compiled by Numba, and the ``_plain_<name>.py`` beside it functions of the same
names and arguments in NumPy and SciPy: they run where Numba cannot be imported, and are one of the oracles of the tests.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib import import_module
from typing import Any

__all__ = ["backend", "bodies", "in_threads"]

#: Environment variable that chooses: "numba" or "numpy".
VARIABLE = "AFFECTBIO_KERNELS"


@lru_cache(maxsize=1)
def backend() -> str:
    """Say whether kernels run compiled or plain.

    Returns
    -------
    {"numba", "numpy"}
        What the environment variable ``AFFECTBIO_KERNELS`` says; if it says nothing, "numba" where it can be imported.

    Raises
    ------
    ValueError
        If the variable says anything else.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted in ("numba", "numpy"):
        return wanted
    if wanted:
        raise ValueError(f"the environment variable {VARIABLE} is 'numba' or 'numpy'; found {wanted!r}")
    try:
        import_module("affectbio.kernels._jit_lanes")
    except ImportError:
        return "numpy"
    return "numba"


def bodies(name: str) -> Any:
    """Give the module with the bodies of a kernel.

    Parameters
    ----------
    name : str
        What stands behind ``_jit_`` and ``_plain_``: ``"entropy"``.

    Returns
    -------
    module
        Compiled or plain, as `backend` says.
    """
    return import_module(f"affectbio.kernels.{'_jit' if backend() == 'numba' else '_plain'}_{name}")


def in_threads(work: Callable[[int, int], object], n_rows: int, n_jobs: int = 1, multiple: int = 1) -> None:
    """Do the work on rows in threads.

    Parameters
    ----------
    work : callable
        Called with the first row and the one after the last; must release the GIL to gain from it.
    n_rows : int
        How many rows there are.
    n_jobs : int
        Threads; -1 for as many as there are processors.
    multiple : int
        Rows that are done together: no stretch but the last ends between them.

    Raises
    ------
    ValueError
        If n_jobs is neither positive nor -1.
    """
    if n_jobs == -1:
        n_jobs = os.cpu_count() or 1
    if n_jobs < 1:
        raise ValueError(f"n_jobs is a number of threads, or -1 for all processors; found {n_jobs}")
    n_groups = -(-n_rows // multiple)
    n_jobs = min(n_jobs, n_groups)
    if n_jobs <= 1:
        work(0, n_rows)
        return
    edges = [min(n_rows, n_groups * k // n_jobs * multiple) for k in range(n_jobs + 1)]
    # The caller's thread takes the first stretch; leaving the block waits for the others and raises what they raised.
    others = [_pool(n_jobs).submit(work, a, b) for a, b in zip(edges[1:-1], edges[2:], strict=True)]
    try:
        work(edges[0], edges[1])
    finally:
        for other in others:
            other.result()


@lru_cache(maxsize=4)
def _pool(n_jobs: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_jobs - 1, thread_name_prefix="affectbio-kernels")
