"""What ``affectbio doctor --warm`` runs: every compiled kernel once, in both precisions, so that none waits later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.kernels._backend import bodies

__all__ = ["KERNELS", "Warmed", "call_kernel", "seconds_to_first_call", "warm"]

_Array = npt.NDArray[Any]


def _complexity(x: _Array) -> None:
    from affectbio.kernels import sample_entropy

    sample_entropy(x)


def _discrete_wavelet(x: _Array) -> None:
    from affectbio.kernels import wavedec, wavelet_energy

    wavelet_energy(x)
    wavedec(x)


def _entropy(x: _Array) -> None:
    from affectbio.kernels import band_power

    torn = x.copy()
    torn[0, 5] = np.nan
    for signal in (x, torn):
        band_power(signal, 128)
        band_power(signal, 128, method="per-window")
        band_power(signal, 128, method="fft")


def _wavelet(x: _Array) -> None:
    from affectbio.kernels import morlet_power, morlet_transform, scalogram

    for compute in (morlet_transform, morlet_power):
        compute(x, 128, (8, 50, 4))
    scalogram(x, 128, (8, 50, 4), 16)


def _wavelet_stream(x: _Array) -> None:
    from affectbio.kernels import WaveletPowerStream

    WaveletPowerStream(len(x), 128, (8, 50, 4)).push(x)


#: The ``<name>`` of every ``_jit_<name>`` that kernels call, and what calls all its bodies for one signal. Those that
#: take longest to compile come first, so that no processor waits for the last.
KERNELS: dict[str, Callable[[_Array], None]] = {
    "entropy": _entropy,
    "wavelet": _wavelet,
    "discrete_wavelet": _discrete_wavelet,
    "wavelet_stream": _wavelet_stream,
    "complexity": _complexity,
}


@dataclass(frozen=True, slots=True)
class Warmed:
    """One kernel that was called for the first time in its process.

    Attributes
    ----------
    name : str
        Which bodies.
    seconds : float
        How long it took, without the import of libraries.
    n_compiled : int
        How many bodies were compiled; the others came from the cache.
    """

    name: str
    seconds: float
    n_compiled: int


def warm() -> Iterator[Warmed]:
    """Call every compiled kernel once, each in a process of its own and as many at a time as there are processors.

    Yields
    ------
    Warmed
        As soon as it is done.

    Raises
    ------
    RuntimeError
        If a kernel fails, with what its process said.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        code = "from affectbio.cli.warm import call_kernel; call_kernel({!r})"
        for done in as_completed([pool.submit(_in_new_python, code.format(name)) for name in KERNELS]):
            yield Warmed(**json.loads(done.result()))


def call_kernel(name: str) -> None:
    """Call one kernel with float32 and with float64, and print what a `Warmed` holds as JSON.

    Parameters
    ----------
    name : str
        One of `KERNELS`.
    """
    for library in ("numba", "pywt"):
        import_module(library)
    signal = np.random.default_rng(0).standard_normal((3, 512))
    begin = time.perf_counter()
    for dtype in (np.float32, np.float64):
        KERNELS[name](signal.astype(dtype))
    seconds = time.perf_counter() - begin
    compiled = [body.stats.cache_misses for body in vars(bodies(name)).values() if hasattr(body, "stats")]
    print(json.dumps({"name": name, "seconds": seconds, "n_compiled": sum(sum(c.values()) for c in compiled)}))  # noqa: T201


def seconds_to_first_call() -> float:
    """Measure a first differential entropy in a fresh process, from the import of the kernels to the numbers.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    code = (
        "import time; begin = time.perf_counter(); import numpy; from affectbio.kernels import differential_entropy; "
        "differential_entropy(numpy.sin(numpy.arange(512.0) ** 2), 128); print(time.perf_counter() - begin)"
    )
    return float(_in_new_python(code))


def _in_new_python(code: str) -> str:
    # The code is one of the two above.
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)  # noqa: S603
    if ran.returncode:
        raise RuntimeError(f"a kernel failed in a process of its own: {ran.stderr.strip()}")
    return ran.stdout
