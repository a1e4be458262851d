"""A sweep gives what its folds give one by one, wherever they run and however often it is killed."""

import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier

from affectbio.cache import Cache
from affectbio.errors import ConfigError, DataError, MissingExtraError
from affectbio.evaluation import KFoldBySubject, evaluate, predictions
from affectbio.evaluation.sweep import Task, score_sweep, seeded, sweep
from affectbio.models import ShrinkageLDA
from affectbio.types import Windows


def windows(n_people=6, seed=0):
    rng = np.random.default_rng(seed)
    who = pd.DataFrame(
        {
            "subject": np.repeat([f"{p:02d}" for p in range(n_people)], 12),
            "trial": np.tile(np.repeat([f"{t}" for t in range(6)], 2), n_people),
            "start": np.tile([0.0, 1.0], 6 * n_people),
            "stop": np.tile([1.0, 2.0], 6 * n_people),
        }
    ).assign(session="1", stimulus="x")
    y = np.where(who["trial"].astype(int) % 2, "high", "low")
    return Windows(rng.normal(size=(len(who), 4)) + 0.8 * (y == "high")[:, None], y, who, ("window", "feature"))


def tasks(seeds=(0, 1)):
    made = {"lda": ShrinkageLDA(), "sgd": SGDClassifier(loss="log_loss", max_iter=5, tol=None)}
    return [Task(name, model, windows(), "loso", seed) for seed in seeds for name, model in made.items()]


def test_a_sweep_says_what_evaluate_says(tmp_path):
    table = sweep([Task("lda", ShrinkageLDA(), windows(), "loso")], tmp_path)
    alone = predictions(ShrinkageLDA(), windows(), "loso", variant="lda")
    pd.testing.assert_frame_equal(table.drop(columns="seed"), alone)
    asked = {"metrics": ("balanced_accuracy", "auc"), "level": ("window", "trial")}
    scores = score_sweep(table, **asked).drop(columns=["n_seeds", "sd_seeds"])
    pd.testing.assert_frame_equal(scores, evaluate(ShrinkageLDA(), windows(), "loso", variant="lda", **asked))


def test_nothing_is_computed_twice(tmp_path):
    told = []
    first = sweep(tasks(), tmp_path, progress=lambda done, total: told.append((done, total)))
    # Shrinkage LDA knows no chance: its folds under two seeds are one.
    assert (told[0], told[-1]) == ((0, 18), (18, 18))
    assert Cache(tmp_path).info().n_entries == 18
    told.clear()
    again = sweep(tasks(), tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told == [(18, 18)]
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_what_changes_is_computed_anew(tmp_path):
    def n_new(one):
        told = []
        sweep([one], tmp_path, progress=lambda done, total: told.append(total - done))
        return told[0]

    assert n_new(Task("lda", ShrinkageLDA(), windows(), "loso")) == 6
    assert n_new(Task("another name", ShrinkageLDA(), windows(), "loso")) == 0
    assert n_new(Task("lda", ShrinkageLDA(shrinkage=0.1), windows(), "loso")) == 6
    assert n_new(Task("lda", ShrinkageLDA(), windows(seed=1), "loso")) == 6
    assert n_new(Task("lda", ShrinkageLDA(), windows(), KFoldBySubject(3))) == 3
    assert n_new(Task("sgd", SGDClassifier(), windows(), "loso", seed=3)) == 6
    assert n_new(Task("sgd", SGDClassifier(), windows(), "loso", seed=4)) == 6


def test_a_torn_result_is_computed_again(tmp_path):
    first = sweep(tasks(), tmp_path)
    torn = sorted(tmp_path.rglob("*.npz"))[3]
    torn.write_bytes(torn.read_bytes()[:100])
    pd.testing.assert_frame_equal(sweep(tasks(), tmp_path), first, check_exact=True)


def test_two_processes_give_the_same_table():
    pd.testing.assert_frame_equal(sweep(tasks(), n_jobs=2), sweep(tasks()), check_exact=True)


def test_a_local_cluster_gives_the_same_table(tmp_path):
    pytest.importorskip("distributed")
    pd.testing.assert_frame_equal(
        sweep(tasks(), tmp_path, scheduler="local", n_jobs=2), sweep(tasks()), check_exact=True
    )


def test_without_dask_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"affectbio\[cluster\]"):
        sweep(tasks(), scheduler="local")


def test_seeds_reach_every_depth_and_chance_repeats_itself():
    table = sweep(tasks((0, 1, 2)))
    people = score_sweep(table)
    assert people["n_seeds"].unique().tolist() == [3]
    assert (people.loc[people["variant"] == "lda", "sd_seeds"] < 1e-12).all()
    assert (people.loc[people["variant"] == "sgd", "sd_seeds"] > 0).any()
    assert seeded(LogisticRegression(), None).random_state == 0
    assert seeded(LogisticRegression(random_state=5), None).random_state == 5
    assert seeded(LogisticRegression(random_state=5), 7).random_state == 7


def test_what_cannot_run_is_said_before_anything_is_fitted():
    with pytest.raises(ConfigError, match="no tasks"):
        sweep([])
    local = SGDClassifier(class_weight="balanced", loss=lambda x: x)
    with pytest.raises(ConfigError, match="another process"):
        sweep([Task("local", local, windows(), "loso")])
    one = windows()
    with pytest.raises(DataError):
        sweep([Task("lda", ShrinkageLDA(), one.take(one.groups("subject") == "00"), "loso")])


SLOW = """
import time
from pathlib import Path
from affectbio.models import ShrinkageLDA

class Slow(ShrinkageLDA):
    log = ""
    def __init__(self, shrinkage="auto", log="", seconds=0.1):
        super().__init__(shrinkage)
        self.log, self.seconds = log, seconds
    def fit(self, X, y):
        time.sleep(self.seconds)
        with Path(self.log).open("a") as file:
            file.write("fitted\\n")
        return super().fit(X, y)
"""
RUN = """
import sys
sys.path[:0] = sys.argv[1:3]
from slow import Slow
from test_sweep import windows
from affectbio.evaluation.sweep import Task, sweep
sweep([Task("slow", Slow(log=sys.argv[3]), windows(20), "loso")], sys.argv[4], n_jobs=int(sys.argv[5]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_killed_in_the_middle_and_taken_up_again(tmp_path, monkeypatch, n_jobs):
    (tmp_path / "slow.py").write_text(SLOW)
    log, folder = tmp_path / "log", tmp_path / "folds"
    here = str(__import__("pathlib").Path(__file__).parent)
    words = [sys.executable, "-c", RUN, str(tmp_path), here, str(log), str(folder), str(n_jobs)]
    process = subprocess.Popen(words, start_new_session=True)
    while Cache(folder).info().n_entries < 5 and process.poll() is None:
        time.sleep(0.02)
    process.kill()  # the workers end when they see that nobody waits
    process.wait()
    time.sleep(1.0 if n_jobs > 1 else 0)
    n_kept, n_before = Cache(folder).info().n_entries, len(log.read_text().split())
    assert 5 <= n_kept < 20
    assert n_kept <= n_before <= n_kept + 2 * n_jobs
    monkeypatch.syspath_prepend(tmp_path)
    from slow import Slow

    counted = []
    made = [Task("slow", Slow(log=str(log)), windows(20), "loso")]
    table = sweep(made, folder, progress=lambda done, total: counted.append(done))
    assert len(log.read_text().split()) - n_before == 20 - n_kept
    assert counted == list(range(n_kept, 21))
    whole = sweep([Task("slow", Slow(log=str(log), seconds=0), windows(20), "loso")])
    pd.testing.assert_frame_equal(table, whole, check_exact=True)
