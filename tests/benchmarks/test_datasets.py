"""Reading an imitation of DEAP of full size, and making features of it, each in a process of its own.

``uv run --group benchmark pytest tests/benchmarks/test_datasets.py``; ``DEAP_PEOPLE=32`` for all people of the
publisher (3.3 GB on disk for a while). Seconds of processor time, peak of the memory of the whole process, imports
included.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from affectbio.datasets import synthesise

PEOPLE = int(os.environ.get("DEAP_PEOPLE", "4"))
GB_A_PERSON = 40 * 40 * 8064 * 8 / 1e9
BEFORE = json.loads(Path(__file__).with_name("peers.json").read_text(encoding="utf-8"))["tasks"]["deap"]

PRELUDE = """
import json, resource, sys, time
from pathlib import Path
root, n = Path(sys.argv[1]), int(sys.argv[2])
"""
PRINT = """
print(json.dumps([time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3]))
"""
TASKS = {
    "affectbio, read": """
from affectbio.datasets.deap import DEAP
data = DEAP(root)
begin = time.process_time()
for recording in data.recordings(data.subjects()[:n]):
    recording.signals["eeg"].data.sum()
""",
    "pickle.load": """
import pickle
begin = time.process_time()
for path in sorted((root / "data_preprocessed_python").iterdir())[:n]:
    with path.open("rb") as file:
        pickle.load(file, encoding="latin1")["data"][:, :32].sum()
""",
    "affectbio, read and featurise": """
from affectbio.datasets.deap import DEAP
from affectbio.features import DifferentialEntropy
data, entropy = DEAP(root), DifferentialEntropy()
entropy.extract(next(data.recordings(["s01"])), 1.0, 1.0)  # compiled before the clock starts
begin = time.process_time()
windows = entropy.extract(data.recordings(data.subjects()[:n]), 1.0, 1.0)
assert windows.X.shape == (63 * 40 * n, 32, 5), windows.X.shape
""",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = synthesise("deap", tmp_path_factory.mktemp("deap") / "x", n_subjects=PEOPLE)
    yield root
    for path in sorted((root / "data_preprocessed_python").iterdir()):
        path.unlink()


def measure(task, root, n):
    code = PRELUDE + TASKS[task] + PRINT
    done = subprocess.run([sys.executable, "-c", code, root, str(n)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("task", TASKS)
def test_reading_is_linear_in_people_and_bounded_in_memory(task, root, table):
    rows = table(f"DEAP, {PEOPLE} people", ["reader", "people", "s", "s per GB", "peak MB"])
    half, whole = (min(measure(task, root, n) for _ in range(2)) for n in (PEOPLE // 2, PEOPLE))
    for n, (seconds, peak) in ((PEOPLE // 2, half), (PEOPLE, whole)):
        rows.add(task, str(n), seconds, seconds / GB_A_PERSON / n, peak)
    for name, before in BEFORE.items():
        if before["of"] == task:
            rows.add(f"{name}, stored", "1", before["s"], before["s"] / GB_A_PERSON, before["peak_mb"])
    assert whole[0] < 2 * half[0] * 1.3
    assert whole[1] < 2000
    if task == "affectbio, read":
        # One person at a time, whatever their number.
        assert whole[1] < half[1] * 1.1
