"""Compiled and plain bodies give the same numbers, and threads do the whole of the work."""

import doctest
import hashlib
import inspect
import multiprocessing
import os
import re
import subprocess
import sys
import threading
import time
import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest

import affectbio.kernels
from affectbio.kernels import _backend, sample_entropy, wavelet_energy, wavelet_entropy
from affectbio.kernels._backend import backend, bodies, in_threads, numba_missing


@pytest.fixture
def chosen(monkeypatch):
    """Choose a backend by the environment variable, for one test."""

    def choose(value):
        monkeypatch.setenv(_backend.VARIABLE, value)
        backend.cache_clear()

    yield choose
    backend.cache_clear()


@pytest.mark.parametrize("path", sorted(Path(_backend.__file__).parent.glob("_jit_*.py")), ids=lambda path: path.stem)
def test_bodies_that_import_others_change_when_these_do(path):
    # Numba's cache asks whether the file of a body is the one it compiled, by its content or its time of change, and
    # not those of what was compiled into it: with another hash, it is not.
    source = path.read_text(encoding="utf-8")
    imported = sorted(re.findall(r"^from affectbio\.kernels\.(_jit_\w+) import", source, re.MULTILINE))
    if imported:
        # Read as text, so that the ends of lines do not matter.
        texts = [path.with_name(f"{name}.py").read_text(encoding="utf-8") for name in imported]
        line = f"# What is imported from other bodies: {hashlib.sha256(''.join(texts).encode()).hexdigest()[:12]}"
        assert source.splitlines()[1] == line


def test_the_variable_chooses(chosen):
    chosen("numpy")
    assert backend() == "numpy"
    assert bodies("complexity").__name__.endswith("_plain_complexity")
    chosen("numba")
    assert bodies("complexity").__name__.endswith("_jit_complexity")
    chosen("cuda")
    with pytest.raises(ValueError, match=r"AFFECTBIO_KERNELS is 'numba' or 'numpy'; found 'cuda'"):
        backend()


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module named 'numba'"), OSError("libllvmlite.so: no")])
def test_without_numba_kernels_run_plain_and_say_so_once(chosen, monkeypatch, error):
    def absent(name):
        raise error

    chosen("")
    monkeypatch.setattr(_backend, "import_module", absent)
    with pytest.warns(RuntimeWarning, match=rf"run in NumPy.*{error}.*AFFECTBIO_KERNELS=numpy"):
        assert backend() == "numpy"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert backend() == "numpy"
    assert str(error) in numba_missing()


@pytest.mark.parametrize(("n_rows", "n_jobs", "multiple"), [(10, 2, 1), (17, 3, 8), (3, 8, 1), (5, -1, 2), (0, 2, 1)])
def test_every_row_is_done_once_in_whole_groups(n_rows, n_jobs, multiple):
    stretches = []
    in_threads(lambda first, stop: stretches.append((first, stop)), n_rows, n_jobs, multiple)
    stretches.sort()
    assert [row for first, stop in stretches for row in range(first, stop)] == list(range(n_rows))
    assert all(first % multiple == 0 for first, _ in stretches)
    if n_jobs > 0:
        assert len(stretches) <= n_jobs


def test_work_runs_at_the_same_time():
    meeting = threading.Barrier(3)
    in_threads(lambda first, stop: meeting.wait(20), 3, n_jobs=3)


def test_what_fails_is_raised_once_all_others_have_stopped():
    running = []

    def work(first, stop):
        if first < 2:
            raise OSError(f"row {first}")
        running.append(first)
        time.sleep(0.05)
        running.remove(first)

    with pytest.raises(OSError, match="row 0"):
        in_threads(work, 4, n_jobs=4)
    assert running == []
    with pytest.raises(OSError, match="row 1"):
        in_threads(lambda first, stop: work(max(first, 1), stop) if first == 1 else None, 4, n_jobs=4)


@pytest.mark.parametrize("n_jobs", [0, -2])
def test_a_number_of_threads_that_makes_no_sense_is_refused(n_jobs):
    with pytest.raises(ValueError, match=f"found {n_jobs}"):
        wavelet_energy(np.ones((3, 64)), level=2, n_jobs=n_jobs)


def double(queue):
    out = np.zeros(4)

    def work(first, stop):
        out[first:stop] = 2

    in_threads(work, 4, n_jobs=2)
    queue.put(out.tolist())


@pytest.mark.skipif(not hasattr(multiprocessing, "get_context") or sys.platform == "win32", reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    in_threads(lambda first, stop: time.sleep(0.01), 2, n_jobs=2)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=double, args=(queue,))
    child.start()
    child.join(20)
    waits = child.is_alive()
    if waits:
        child.kill()
    assert not waits
    assert queue.get() == [2, 2, 2, 2]


@pytest.mark.parametrize("function", [wavelet_energy, wavelet_entropy, sample_entropy])
@pytest.mark.parametrize("n_chans", [1, 2, 19])
def test_threads_change_no_number(function, n_chans):
    x = np.random.default_rng(0).standard_normal((n_chans, 200))
    x[n_chans // 2, 3] = np.nan
    for n_jobs in (2, 3):
        np.testing.assert_array_equal(function(x, n_jobs=n_jobs), function(x))


def signals():
    """Some channels of noise about an offset, one of which loses a sample."""
    x = 1e-4 + 1e-5 * np.random.default_rng(3).standard_normal((3, 700))
    lost = x.copy()
    lost[1, 300] = np.nan
    return x, lost


def pushed(stream, x):
    return [stream.push(chunk) for chunk in np.array_split(x, 7, axis=-1)]


#: Every kernel of a module that asks for bodies, and what it computes here.
CALLS = {
    "BandPowerStream": lambda k, x, lost: pushed(k.BandPowerStream(3, 128), lost),
    "DifferentialEntropyStream": lambda k, x, lost: pushed(k.DifferentialEntropyStream(3, 128), lost),
    "WaveletPowerStream": lambda k, x, lost: pushed(k.WaveletPowerStream(3, 128, (8, 50, 5)), lost),
    "band_power": lambda k, x, lost: [
        k.band_power(lost, 128, method=method) for method in ("causal", "zero-phase", "per-window", "fft")
    ],
    "differential_entropy": lambda k, x, lost: k.differential_entropy(lost, 128, window_s=1),
    "samples_left_over": lambda k, x, lost: k.samples_left_over(700, 128),
    "window_starts": lambda k, x, lost: k.window_starts(700, 128),
    "wavedec": lambda k, x, lost: k.wavedec(lost, "db4", 4, "reflect"),
    "wavelet_energy": lambda k, x, lost: [
        k.wavelet_energy(lost, "sym5", 4, border)
        for border in ("symmetric", "reflect", "periodic", "periodization", "constant", "zero")
    ],
    "wavelet_entropy": lambda k, x, lost: k.wavelet_entropy(lost),
    "wavelet_packet": lambda k, x, lost: k.wavelet_packet(x, "haar", 3),
    "hjorth": lambda k, x, lost: k.hjorth(lost),
    "higuchi_fractal_dimension": lambda k, x, lost: k.higuchi_fractal_dimension(lost),
    "katz_fractal_dimension": lambda k, x, lost: k.katz_fractal_dimension(lost),
    "permutation_entropy": lambda k, x, lost: k.permutation_entropy(lost),
    "sample_entropy": lambda k, x, lost: k.sample_entropy(lost),
    "spectral_entropy": lambda k, x, lost: k.spectral_entropy(lost, 128),
    "cone_of_influence": lambda k, x, lost: k.cone_of_influence(128, (8, 50, 5), 700),
    "morlet_power": lambda k, x, lost: k.morlet_power(x, 128, (8, 50, 5)),
    "morlet_transform": lambda k, x, lost: k.morlet_transform(x, 128, (8, 50, 5)),
    "morse_power": lambda k, x, lost: k.morse_power(x, 128, (8, 50, 5)),
    "morse_transform": lambda k, x, lost: k.morse_transform(x, 128, (8, 50, 5)),
    "scalogram": lambda k, x, lost: k.scalogram(x, 128, (8, 50, 5), 16),
}


def kernel_modules():
    names = [m.name for m in iter_modules(affectbio.kernels.__path__) if not m.name.startswith("_")]
    return [import_module(f"affectbio.kernels.{name}") for name in names]


def compute():
    """What the kernels of `CALLS` give, in one flat array each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = {name: call(affectbio.kernels, *signals()) for name, call in CALLS.items()}
    return {
        name: np.concatenate([np.ravel(part) for part in (f if isinstance(f, list | tuple) else [f])])
        for name, f in found.items()
    }


def save_and_run_examples(path):
    """Run in a process without Numba."""
    assert backend() == "numpy"
    np.savez(path, **compute())
    for module in kernel_modules():
        failed = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS).failed
        assert not failed, module.__name__


def asking_for_bodies():
    """Names of modules of kernels that call `bodies`, themselves or through another."""
    sources = {path.stem: path.read_text(encoding="utf-8") for path in Path(_backend.__file__).parent.glob("*.py")}
    asking = {name for name, source in sources.items() if re.search(r"\bbodies\(\"", source)}
    found = set()
    while found != asking:
        found = set(asking)
        users = "|".join(map(re.escape, sorted(found)))
        asking |= {name for name, source in sources.items() if re.search(rf"affectbio\.kernels\.({users})\b", source)}
    return asking - {"__init__"}


def test_every_kernel_that_asks_for_bodies_is_compared_below():
    asking = [import_module(f"affectbio.kernels.{name}") for name in asking_for_bodies() if not name.startswith("_")]
    public = {
        name
        for module in asking
        for name in module.__all__
        if name in affectbio.kernels.__all__
        and (inspect.isfunction(getattr(module, name)) or hasattr(getattr(module, name), "push"))
    }
    assert {"differential_entropy", "scalogram", "sample_entropy", "wavelet_energy"} <= public
    assert public - CALLS.keys() == set()


def test_every_kernel_has_an_example_that_is_run_below():
    for module in kernel_modules():
        with_example = {t.name.rpartition(".")[2] for t in doctest.DocTestFinder().find(module) if t.examples}
        public = [getattr(module, name) for name in module.__all__]
        functions = {f.__name__ for f in public if inspect.isfunction(f) and f.__module__ == module.__name__}
        assert functions - with_example == set(), module.__name__


def test_every_kernel_runs_without_numba_and_gives_the_compiled_numbers(chosen, tmp_path):
    code = (
        "import runpy, sys; sys.modules['numba'] = None; "
        "runpy.run_path(sys.argv[1])['save_and_run_examples'](sys.argv[2])"
    )
    environment = {k: v for k, v in os.environ.items() if k != _backend.VARIABLE}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore:kernels run in NumPy", "-c", code, __file__, tmp_path / "plain.npz"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    plain = np.load(tmp_path / "plain.npz")
    chosen("numba")
    for name, compiled in compute().items():
        # Rounding differs: of fused multiplications, and of the order of sums.
        precision = 1e-5 if compiled.dtype in (np.float32, np.complex64) else 1e-9
        assert plain[name].dtype == compiled.dtype, name
        largest = np.nanmax(np.abs(compiled))
        np.testing.assert_allclose(plain[name], compiled, rtol=0, atol=precision * largest, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_signal_that_cannot_be_written_to_is_not_compiled_for_anew(dtype):
    # Numba takes it for another type; the samples of a Signal are such.
    x = np.random.default_rng(0).standard_normal((2, 640)).astype(dtype)
    x[0, 5] = np.nan
    fixed = x.copy()
    fixed.flags.writeable = False

    def compute(signal):
        for method in ("causal", "per-window", "fft", "zero-phase"):
            affectbio.kernels.band_power(signal, 128, method=method)
        affectbio.kernels.wavelet_energy(signal)
        affectbio.kernels.wavedec(signal)
        affectbio.kernels.morlet_power(signal[1:], 128, (8, 50, 4))
        affectbio.kernels.sample_entropy(signal[:, :100])

    def n_compiled():
        modules = [bodies(name) for name in ("entropy", "wavelet", "discrete_wavelet", "complexity")]
        functions = [function for module in modules for function in vars(module).values()]
        return sum(len(function.signatures) for function in functions if hasattr(function, "signatures"))

    compute(x)
    before = n_compiled()
    compute(fixed)
    assert n_compiled() == before
