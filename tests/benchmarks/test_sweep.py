"""A sweep of 200 folds in one process and in two, by the clock on the wall; what a fingerprint costs.

``uv run --group benchmark pytest tests/benchmarks/test_sweep.py``. Needs two processors that nothing else
uses: the load before and after is printed beside the ratio. BLAS has one thread in both.
"""

import os
import resource
import time

import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.svm import SVC

from affectbio.cache import samples_fingerprint
from affectbio.evaluation.sweep import Task, sweep
from affectbio.types import Channel, Recording, Signal, Windows

N_PEOPLE, N_WINDOWS = 200, 12


def windows():
    rng = np.random.default_rng(0)
    n = N_PEOPLE * N_WINDOWS
    table = pd.DataFrame(
        {
            "subject": np.repeat([f"{p:03d}" for p in range(N_PEOPLE)], N_WINDOWS),
            "trial": np.tile([f"{t}" for t in range(N_WINDOWS)], N_PEOPLE),
            "start": 0.0,
            "stop": 1.0,
        }
    ).assign(session="1", stimulus="x")
    y = np.where(table["trial"].astype(int) % 2, "high", "low")
    return Windows(rng.normal(size=(n, 40)) + 0.1 * (y == "high")[:, None], y, table, ("window", "feature"))


def processor_seconds():
    """Of this process and of those it started that have ended."""
    return sum(
        own.ru_utime + own.ru_stime for own in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


@pytest.mark.timeout(1200)
def test_two_processes_against_one(capsys):
    made = [Task("svm", SVC(), windows(), "loso")]
    few = windows()
    few = few.take(few.groups("subject") < "004")
    before = os.getloadavg()[0]
    seconds, tables, work = {}, {}, {}
    for n_jobs in (1, 2):
        # The pool is started, and what it imports is imported, before the clock starts; once alone, to know its cost.
        start = 0.0
        for repeat in (False, True):
            spent = processor_seconds()
            sweep([Task("svm", SVC(), few, "loso")], n_jobs=n_jobs)
            if repeat:
                begin = time.perf_counter()
                tables[n_jobs] = sweep(made, n_jobs=n_jobs)
                seconds[n_jobs] = time.perf_counter() - begin
            # Children are counted once they have ended.
            get_reusable_executor().shutdown(wait=True)
            start, work[n_jobs] = processor_seconds() - spent, processor_seconds() - spent - start
    pd.testing.assert_frame_equal(tables[1], tables[2], check_exact=True)
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{N_PEOPLE} folds of {seconds[1] / N_PEOPLE:.2f} s: {seconds[1]:.1f} s in one process, {seconds[2]:.1f} "
            f"s in two, {seconds[1] / seconds[2]:.2f} times as fast; load before {before:.1f}. "
            f"Processor time of all processes: {work[1]:.1f} s and {work[2]:.1f} s, so that two free processors would "
            f"give {2 * work[1] / work[2]:.2f}"
        )


def test_a_fingerprint_is_linear_in_the_samples(capsys):
    rng = np.random.default_rng(0)
    cost = {}
    for n_times in (2**18, 2**20, 2**22):
        eeg = Signal(rng.standard_normal((8, n_times)), 128.0, [Channel(f"E{k}", "misc") for k in range(8)])
        recording = Recording({"eeg": eeg}, "01")
        best = np.inf
        for _ in range(3):
            begin = time.process_time()
            samples_fingerprint(recording)
            best = min(best, time.process_time() - begin)
        cost[n_times] = best / (8 * 8 * n_times) * 1e9
    with capsys.disabled():
        told = ", ".join(f"{8 * n / 1e6:.0f} M samples {c:.2f}" for n, c in cost.items())
        print(f"\nfingerprint, seconds a gigabyte: {told}")  # noqa: T201
