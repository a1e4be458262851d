"""Which bodies do the arithmetic, compiled or plain, and in how many threads.

Every ``_jit_<name>.py`` holds bodies compiled by Numba, and the ``_plain_<name>.py`` beside it functions of the same
names and arguments in NumPy and SciPy: they run where Numba cannot be imported, and are an oracle of the tests.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from importlib import import_module
from itertools import pairwise
from typing import Any

__all__ = ["VARIABLE", "backend", "bodies", "in_threads", "numba_missing"]

#: Environment variable that chooses: "numba" or "numpy".
VARIABLE = "AFFECTBIO_KERNELS"


@lru_cache(maxsize=1)
def backend() -> str:
    """Say whether kernels run compiled or plain, and warn once where they run plain without having been asked to.

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
    missing = numba_missing()
    if missing:
        # The numbers are right; but a live loop that falls behind must not have to guess why.
        warnings.warn(
            f"kernels run in NumPy, many times slower, since Numba cannot be imported ({missing}); mend it, or set the "
            f"environment variable {VARIABLE}=numpy if that is what you want",
            RuntimeWarning,
            stacklevel=2,
        )
        return "numpy"
    return "numba"


def numba_missing() -> str:
    """Say why Numba cannot be imported.

    Returns
    -------
    str
        What was raised; empty where it can be imported.
    """
    try:
        import_module("affectbio.kernels._jit_lanes")
    # OSError: a compiled library that does not load here.
    except (ImportError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


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
    return _imported(name, backend())


# A live update asks several times in some microseconds.
@lru_cache
def _imported(name: str, chosen: str) -> Any:
    return import_module(f"affectbio.kernels.{'_jit' if chosen == 'numba' else '_plain'}_{name}")


def in_threads(work: Callable[[int, int], object], n_rows: int, n_jobs: int = 1, multiple: int = 1) -> None:
    """Do the work on rows in threads.

    Parameters
    ----------
    work : callable
        Called with the first row and the one after the last. It must release the GIL to gain from it, and not call
        `in_threads`: it would wait for a thread that waits for it.
    n_rows : int
        How many rows there are.
    n_jobs : int
        Threads; -1 for as many as there are processors this process may use.
    multiple : int
        Rows that are done together: no stretch but the last ends between them.

    Raises
    ------
    ValueError
        If n_jobs is neither positive nor -1.

    Examples
    --------
    >>> import numpy as np
    >>> sums = np.empty(10)
    >>> def add(first, stop):
    ...     sums[first:stop] = np.arange(first, stop) ** 2
    >>> in_threads(add, 10, n_jobs=2)
    >>> sums
    array([ 0.,  1.,  4.,  9., 16., 25., 36., 49., 64., 81.])
    """
    if n_jobs == -1:
        n_jobs = _n_processors()
    if n_jobs < 1:
        raise ValueError(f"n_jobs is a number of threads, or -1 for all processors; found {n_jobs}")
    n_groups = -(-n_rows // multiple)
    n_jobs = min(n_jobs, n_groups)
    if n_jobs <= 1:
        work(0, n_rows)
        return
    edges = [min(n_rows, n_groups * k // n_jobs * multiple) for k in range(n_jobs + 1)]
    pool = _pool(n_jobs - 1, os.getpid())
    others = [pool.submit(work, a, b) for a, b in pairwise(edges[1:])]
    try:
        # The caller's thread takes the first stretch.
        work(edges[0], edges[1])
    finally:
        # Whatever failed, nobody may still write to the caller's arrays when this returns.
        wait(others)
    for other in others:
        other.result()


def _n_processors() -> int:
    """Count the processors that this process may use; a cluster often gives a job fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Kept, since starting threads takes 60 µs and waking them 25. A forked process has no threads but its own, hence the
# process among the keys: a pool taken over from the parent would wait for ever.
@lru_cache(maxsize=4)
def _pool(n_threads: int, process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="affectbio-kernels")
