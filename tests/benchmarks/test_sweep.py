"""A sweep of 200 folds in one process and in two, by the clock on the wall; what a fingerprint costs.

``uv run --group benchmark pytest tests/benchmarks/test_sweep.py``. Needs two processors that nothing else
uses: the load before and after is printed beside the ratio. BLAS has one thread in both.
"""

import os
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.svm import SVC

from affectbio.cache import samples_fingerprint
from affectbio.evaluation.sweep import Task, sweep
from affectbio.types import Channel, Recording, Signal, Windows

N_PEOPLE, N_WINDOWS = 200, 16


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


@pytest.mark.timeout(1200)
def test_two_processes_against_one(capsys):
    made = [Task("svm", SVC(), windows(), "loso")]
    few = windows()
    # The pool is started, and what it imports is imported, before the clock starts.
    sweep([Task("svm", SVC(), few.take(few.groups("subject") < "004"), "loso")], n_jobs=2)
    before = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    seconds, tables = {}, {}
    for n_jobs in (1, 2):
        begin = time.perf_counter()
        tables[n_jobs] = sweep(made, n_jobs=n_jobs)
        seconds[n_jobs] = time.perf_counter() - begin
    pd.testing.assert_frame_equal(tables[1], tables[2], check_exact=True)
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{N_PEOPLE} folds of {seconds[1] / N_PEOPLE:.2f} s: {seconds[1]:.1f} s in one process, {seconds[2]:.1f} "
            f"s in two, {seconds[1] / seconds[2]:.2f} times as fast; load before {before:.1f}"
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
