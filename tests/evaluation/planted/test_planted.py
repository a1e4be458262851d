"""Every trap we know, planted in an evaluation, and the honest evaluations beside them: the audit must tell them apart.

``pytest tests/evaluation/planted -m "slow or not slow" -s -p no:randomly`` prints the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedGroupKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from affectbio.evaluation.audit_report import AuditReport
from affectbio.evaluation.auditing import audit, audit_pipeline
from affectbio.evaluation.black_box import Outcome
from affectbio.types import Channel, Windows

Make = Callable[..., Windows]
LDA = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2)
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression(C=0.05))
KNN = KNeighborsClassifier(3)
TRIAL = ("subject", "session", "trial")


# --- who is trained on and who is tested -----------------------------------------------------------------------------
def loso(w: Windows) -> Iterator[Any]:
    people = w.groups("subject")
    for one in np.unique(people.astype(str)):
        yield np.flatnonzero(people != one), np.flatnonzero(people == one)


def by_trial(w: Windows) -> Iterator[Any]:
    """Within each person, whole trials."""
    people = w.groups("subject")
    for one in np.unique(people.astype(str)):
        own = np.flatnonzero(people == one)
        for train, test in StratifiedGroupKFold(4).split(own, w.y[own], w.groups("trial")[own]):
            yield own[train], own[test]


def pooled_trials(w: Windows) -> Iterator[Any]:
    return GroupKFold(4).split(w.X, groups=w.groups(*TRIAL))


def people_kfold(w: Windows) -> Iterator[Any]:
    return GroupKFold(4).split(w.X, groups=w.groups("subject"))


def one_holdout(w: Windows) -> Iterator[Any]:
    yield next(iter(people_kfold(w)))


def loso_and_clip(w: Windows) -> Iterator[Any]:
    people, clips = w.groups("subject"), w.groups("stimulus")
    for one in np.unique(people):
        for out in (("clip0", "clip1"), ("clip2", "clip3"), ("clip4", "clip5"), ("clip6", "clip7")):
            held = np.isin(clips, out)
            yield np.flatnonzero((people != one) & ~held), np.flatnonzero((people == one) & held)


def shuffled(w: Windows) -> Iterator[Any]:
    return KFold(5, shuffle=True, random_state=0).split(w.X)


def every_fifth(w: Windows) -> Iterator[Any]:
    fifth = np.arange(len(w)) % 5 == 4
    yield np.flatnonzero(~fifth), np.flatnonzero(fifth)


def contiguous(w: Windows) -> Iterator[Any]:
    """Each trial cut in the middle, as the code of EEG-Conformer and torcheeg's KFoldGroupbyTrial cut it."""
    late = w.metadata["start"].to_numpy() >= 3
    yield np.flatnonzero(~late), np.flatnonzero(late)


def short_gap(w: Windows) -> Iterator[Any]:
    start = w.metadata["start"].to_numpy()
    yield np.flatnonzero(start < 2), np.flatnonzero(start > 3)


# --- what is done before the split -----------------------------------------------------------------------------------
def per_group(columns: tuple[str, ...], change: Callable[[np.ndarray], np.ndarray], access: str = "none") -> Any:
    def prepare(w: Windows) -> Windows:
        X, groups = w.X.astype(float).copy(), w.groups(*columns)
        for one in np.unique(groups):
            X[groups == one] = change(X[groups == one])
        return replace(w, X=X, target_access=access)

    return prepare


def whole(change: Callable[[np.ndarray, Any], np.ndarray]) -> Any:
    return lambda w: replace(w, X=change(w.X, w.y))


def added(column: Callable[[Windows], np.ndarray]) -> Any:
    return lambda w: replace(w, X=np.column_stack([w.X, column(w)]))


def z(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def minmax(x: np.ndarray) -> np.ndarray:
    return (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))


def smooth_both_ways(x: np.ndarray) -> np.ndarray:
    """Forward and backward, as the LDS smoothing of differential entropy does."""
    return forward(forward(x)[::-1])[::-1]


def forward(x: np.ndarray) -> np.ndarray:
    out = x.copy()
    for i in range(1, len(x)):
        out[i] = 0.7 * out[i - 1] + 0.3 * x[i]
    return out


def running_centre(x: np.ndarray) -> np.ndarray:
    return x - np.cumsum(x, axis=0) / np.arange(1, len(x) + 1)[:, None]


def rest_centre(x: np.ndarray) -> np.ndarray:
    return x - x[:6].mean(axis=0)


def chosen(X: np.ndarray, y: Any) -> np.ndarray:
    return SelectKBest(f_classif, k=4).fit_transform(X, y.astype(str))


def smote(w: Windows) -> Windows:
    rng = np.random.default_rng(0)
    few = np.flatnonzero(w.y == "tense")[::2]
    one, two = rng.choice(few, 60), rng.choice(few, 60)
    made = w.take(one)
    made = replace(
        made,
        X=w.X[one] + rng.random((60, 1)) * (w.X[two] - w.X[one]),
        metadata=made.metadata.assign(audit_row=np.nan, trial="made up"),
    )
    return Windows.concatenate([w, made])


def dropped(w: Windows) -> Windows:
    return w.take(np.sort(np.random.default_rng(1).permutation(len(w))[: int(0.9 * len(w))]))


def twice(w: Windows, noise: float = 0.0, gain: float = 1.0) -> Windows:
    """The first two people come again under other names."""
    again = w.take(np.isin(w.groups("subject"), ["00", "01"]))
    X = gain * again.X + noise * np.random.default_rng(5).normal(size=again.X.shape)
    names = again.metadata.assign(subject="copy" + again.metadata["subject"])
    return Windows.concatenate([w, replace(again, X=X, metadata=names)])


def baseline_hash(w: Windows) -> np.ndarray:
    """RBTransformer: one noisy baseline vector taken from all windows of its trial."""
    trial = np.unique(w.groups(*TRIAL), return_inverse=True)[1]
    return np.random.default_rng(3).normal(size=(trial.max() + 1, 3))[trial]


def one_hot(w: Windows) -> np.ndarray:
    return np.unique(w.groups("subject"), return_inverse=True)[1][:, None] == np.arange(6)


def neighbours_labels(w: Windows) -> np.ndarray:
    """Target encoding: the mean label of the windows nearest in feature space."""
    near = np.argsort(((w.X[:, None] - w.X[None]) ** 2).sum(axis=-1), axis=1)[:, :4]
    return (w.y == "tense")[near].mean(axis=1)


# --- models that look where they must not ----------------------------------------------------------------------------
class BatchStatistics(ClassifierMixin, BaseEstimator):
    """Batch normalisation left in training mode: tested windows are scaled by their own batch."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> BatchStatistics:
        self.inner_ = clone(LDA).fit(z(X), y)
        self.classes_ = self.inner_.classes_
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        return self.inner_.decision_function(z(X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.inner_.predict(z(X))


class Oversampled(ClassifierMixin, BaseEstimator):
    """Oversampling inside the fold, drawn with a seed."""

    def __init__(self, random_state: int | None = None) -> None:
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> Oversampled:
        rng = np.random.default_rng(self.random_state)
        few = rng.choice(np.flatnonzero(y == "tense"), 20)
        self.inner_ = clone(LDA).fit(np.r_[X, X[few]], np.r_[y, y[few]])
        self.classes_ = self.inner_.classes_
        return self

    def decision_function(self, X: np.ndarray) -> np.ndarray:
        return self.inner_.decision_function(X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.inner_.predict(X)


def run_by_hand(score_test: Callable[..., np.ndarray], cut: Any = loso) -> Any:
    """An evaluation written out, as papers' code is: the test labels are within reach."""

    def run(w: Windows, seed: int) -> Outcome:
        folds = [(np.asarray(a), np.asarray(b)) for a, b in cut(w)]
        scores = [np.asarray(score_test(w, train, test)) for train, test in folds]
        return Outcome(folds, scores, [np.where(s > 0, "tense", "calm") for s in scores])

    return run


def best_epoch(w: Windows, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    weights, best, kept = np.zeros(w.X.shape[1]), -1.0, np.zeros(len(test))
    X, sign = (w.X - w.X[train].mean(axis=0)) / w.X[train].std(axis=0), np.where(w.y == "tense", 1.0, -1.0)
    for epoch in range(12):
        batch = np.random.default_rng(epoch).choice(train, 16)
        weights += 0.2 * ((sign[batch] - np.tanh(X[batch] @ weights)) @ X[batch]) / 16
        right = np.mean((X[test] @ weights > 0) == (sign[test] > 0))
        if right > best:
            best, kept = right, X[test] @ weights
    return kept


def tuned_on_test(w: Windows, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    y = w.y.astype(str)
    models = [clone(LDA).fit(w.X[train][:, k::4], y[train]) for k in range(4)]
    scores = [m.decision_function(w.X[test][:, k::4]) for k, m in enumerate(models)]
    return max(scores, key=lambda s: np.mean((s > 0) == (y[test] == "tense")))


def threshold_on_test(w: Windows, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    s = clone(LDA).fit(w.X[train], w.y[train].astype(str)).decision_function(w.X[test])
    cuts = np.quantile(s, np.linspace(0.1, 0.9, 9))
    return s - max(cuts, key=lambda c: np.mean((s > c) == (w.y[test] == "tense")))


def hidden_smote(w: Windows, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Rows made from all windows, before the split; only recorded ones are scored."""
    more = smote(replace(w, metadata=w.metadata.assign(audit_row=0)))
    rows = np.r_[train, np.arange(len(w), len(more))]
    return clone(LDA).fit(more.X[rows], more.y[rows].astype(str)).decision_function(w.X[test])


def self_trained(w: Windows, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Adapts to the person tested by its own guesses, and calls itself inductive."""
    y = w.y.astype(str)
    guess = clone(LDA).fit(w.X[train], y[train]).predict(w.X[test])
    both = clone(LDA).fit(np.r_[w.X[train], w.X[test]], np.r_[y[train], guess])
    return both.decision_function(w.X[test])


@dataclass
class Case:
    name: str
    caught_by: tuple[str, ...] = ()
    cut: Callable[[Windows], Iterator[Any]] = loso
    model: Any = field(default_factory=lambda: clone(LDA))
    prepare: Any = None
    study: dict[str, Any] = field(default_factory=dict)
    change: Callable[[Windows], Windows] | None = None
    run: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    holdout: tuple[str, ...] = ("trial", "overlap")

    def report(self, make: Make, by: Any, level: str, seed: int = 0) -> AuditReport:
        windows = make(**{"seed": seed, **self.study})
        windows = self.change(windows) if self.change else windows
        if self.run is not None:
            return audit(self.run, windows, holdout=self.holdout, level=level, seed=seed, **self.options)
        protocol = by(self.cut, self.holdout)
        return audit_pipeline(
            self.model, windows, protocol, prepare=self.prepare, level=level, seed=seed, **self.options
        )


def uneven(w: Windows) -> Windows:
    """People of whom half were calm and half tense most of the time."""
    place = w.metadata["trial"].astype(int).to_numpy()
    often = w.metadata["subject"].astype(int).to_numpy() % 2 == 0
    return replace(w, y=np.where((place % 4 == 0) ^ often, "tense", "calm").astype(object))


def in_blocks(w: Windows) -> Windows:
    """The first half of everybody's trials calm, the other tense."""
    return replace(w, y=np.where(w.metadata["trial"].astype(int) < 4, "calm", "tense").astype(object))


def padded(w: Windows) -> Windows:
    """Every clip has its length, trials are padded to the longest, and the padding is seen."""
    clip = w.metadata["stimulus"].str.slice(4).astype(int).to_numpy()
    long = 0.5 * clip
    padding = clip[:, None] > np.arange(7)
    rows = w.metadata.assign(stop=w.metadata["stop"] + 10 + long, stimulus=w.metadata["subject"])
    return replace(w, metadata=rows, X=np.column_stack([w.X, padding + 0.1 * w.X[:, :7]]))


def with_eyes(w: Windows) -> Windows:
    """Two channels, of which the one that follows the eyes tells everything."""
    told = np.where(w.y == "tense", 1.0, -1.0)[:, None] + 0.5 * w.X[:, 8:] - 1.5
    X = np.stack([w.X[:, :8] - 3.0, told], axis=1)
    channels = (Channel("hand", "ppg"), Channel("HEOG", "eog"))
    return replace(w, X=X, axes=("window", "channel", "feature"), channels=channels)


FLAT_LDA = make_pipeline(FunctionTransformer(lambda X: X.reshape(len(X), -1)), clone(LDA))

PLANTED = [
    # The traps of the review of honest baselines.
    Case("best epoch on the test person", ("held_out_labels",), run=run_by_hand(best_epoch)),
    Case(
        "min-max over the whole target session",
        ("later_rows", "normalisation"),
        prepare=per_group(("subject",), minmax),
    ),
    Case("LDS smoothing over the trial", ("later_rows",), prepare=per_group(TRIAL, smooth_both_ways)),
    Case("shuffled folds of overlapping windows", ("trial", "overlap"), shuffled, KNN),
    Case("validation is every fifth window", ("trial", "overlap"), every_fifth),
    Case("same clips for all people", ("stimulus_identity",), study={"clip": 0.5, "effect": 0.0}),
    # What is done before the split.
    Case("features chosen before the split", ("held_out_labels",), by_trial, prepare=whole(chosen)),
    Case("SMOTE before the split", ("coverage", "held_out_labels"), pooled_trials, prepare=smote),
    Case("SMOTE before the split, only recorded rows scored", ("held_out_labels",), run=run_by_hand(hidden_smote)),
    Case("scaled before the split", ("test_rows",), pooled_trials, clone(LOGISTIC[-1]), whole(lambda X, y: z(X))),
    Case("PCA before the split", ("test_rows",), pooled_trials, prepare=whole(lambda X, y: PCA(4).fit_transform(X))),
    Case("z-score per person, said to use nothing", ("normalisation", "test_rows"), prepare=per_group(("subject",), z)),
    Case(
        "centred on the whole session, said to be causal",
        ("later_rows",),
        prepare=per_group(("subject",), lambda x: x - np.median(x, axis=0), "causal"),
    ),
    Case(
        "filtered forward and backward over the session",
        ("later_rows",),
        prepare=per_group(("subject",), smooth_both_ways),
    ),
    Case("10 % of the windows thrown away", ("coverage",), prepare=dropped),
    Case("labels of neighbours as a feature", ("held_out_labels",), prepare=added(neighbours_labels)),
    # What is in the data.
    Case("trials that come twice", ("rows",), change=twice),
    Case("scaled and noisy copies of trials", ("near_duplicates",), change=lambda w: twice(w, 0.01, 1.3)),
    Case("the label as a feature", ("identity_features",), prepare=added(lambda w: 2.0 * (w.y == "tense"))),
    Case(
        "row number as a feature, labels in blocks",
        ("identity_features",),
        prepare=added(lambda w: np.arange(len(w)) % 48),
        change=in_blocks,
    ),
    Case(
        "the person as a feature, uneven labels",
        ("identity_features",),
        pooled_trials,
        prepare=added(one_hot),
        change=uneven,
    ),
    Case(
        "baseline vector that names the trial",
        ("fingerprint", "identity_features", "permutation"),
        shuffled,
        KNN,
        added(baseline_hash),
    ),
    Case(
        "slow drift in everybody, fixed order",
        ("time", "stimulus_identity"),
        study={"drift": 1.2, "effect": 0.0, "fixed_order": True},
    ),
    Case("padding that tells the length of the trial", ("length",), change=padded, study={"effect": 0.0}),
    # Splits.
    Case("each trial cut in two", ("trial",), contiguous),
    Case("embargo of 3 s not kept", ("overlap",), short_gap, options={"embargo_s": 3.0, "declared": ("trial",)}),
    Case("people on both sides, said to be kept apart", ("subject",), pooled_trials, holdout=("subject",)),
    Case("clips on both sides, said to be kept apart", ("stimulus",), holdout=("subject", "stimulus")),
    # Models and tuning.
    Case("settings chosen on the test person", ("held_out_labels",), run=run_by_hand(tuned_on_test)),
    Case("threshold chosen on the test person", ("held_out_labels",), run=run_by_hand(threshold_on_test)),
    Case("statistics of the tested batch", ("test_rows",), model=BatchStatistics()),
    Case("self-training on the test person, said to use nothing", ("test_rows",), run=run_by_hand(self_trained)),
]

HONEST = [
    Case("people out: linear discriminant"),
    Case("people out: scaled logistic regression", model=LOGISTIC),
    Case("people out: three neighbours", model=KNN),
    Case("people out: support vectors", model=make_pipeline(StandardScaler(), SVC(C=1.0))),
    Case("people out: random forest, seeded by the audit", model=RandomForestClassifier(4)),
    Case("people out: naive Bayes", model=GaussianNB()),
    Case("people out: ridge", model=RidgeClassifier(10.0)),
    Case("people out: features chosen in the fold", model=make_pipeline(SelectKBest(k=4), clone(LDA))),
    Case("people out: PCA in the fold", model=make_pipeline(PCA(4), clone(LDA))),
    Case("people out: oversampled in the fold", model=Oversampled()),
    Case("people out: tuned on training people", model=GridSearchCV(clone(LDA), {"shrinkage": [0.1, 0.5]}, cv=2)),
    Case("people out, centred causally and declared", prepare=per_group(("subject",), running_centre, "causal")),
    Case("people out, centred on rest and declared", prepare=per_group(("subject",), rest_centre, "rest")),
    Case("people out, z-score per person and declared", prepare=per_group(("subject",), z, "unlabelled")),
    Case("people out, smoothed forward only", prepare=per_group(TRIAL, forward)),
    Case(
        "people out, each window scaled by itself", prepare=whole(lambda X, y: X / np.linalg.norm(X, axis=1)[:, None])
    ),
    Case("people out, no effect", study={"effect": 0.0}),
    Case("people out, strong effect", study={"effect": 1.0}),
    Case("people out, one order for all", study={"fixed_order": True}),
    Case("people out, three classes", study={"classes": ("calm", "tense", "sad"), "n_trials": 9}),
    Case("people in four folds", cut=people_kfold),
    Case("one set of people held out", cut=one_holdout),
    Case(
        "people and clips out, clips recognisable",
        cut=loso_and_clip,
        study={"clip": 0.5},
        holdout=("subject", "stimulus", "trial"),
    ),
    Case("trials out within each person", cut=by_trial),
    Case("trials out, all people together", cut=pooled_trials, model=LOGISTIC),
    Case("trials out, uneven labels", cut=pooled_trials, change=uneven),
]


@pytest.mark.parametrize("case", PLANTED, ids=lambda c: c.name)
def test_a_planted_leak_is_caught(case: Case, make_study: Make, by: Any) -> None:
    report = case.report(make_study, by, "fast")
    failed = {c.name for c in report.failures}
    assert failed & set(case.caught_by), f"\n{report}"


# These fit many models; the table has them.
COSTLY = ("people out: tuned on training people", "people out: random forest, seeded by the audit")


@pytest.mark.parametrize("case", [c for c in HONEST if c.name not in COSTLY], ids=lambda c: c.name)
def test_an_honest_evaluation_raises_no_alarm(case: Case, make_study: Make, by: Any) -> None:
    report = case.report(make_study, by, "fast")
    assert report.ok, f"\n{report}"


def test_the_eyes_alone_score_as_high(make_study: Make, by: Any) -> None:
    case = Case("eyes tell it all", model=FLAT_LDA, change=with_eyes, study={"effect": 0.0})
    assert case.report(make_study, by, "full")["artefact_channels"].status == "fail"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_table(make_study: Make, by: Any) -> None:
    missed, alarms = [], []
    print()  # noqa: T201
    for kind, cases in (("planted", PLANTED), ("honest", HONEST)):
        for case in cases:
            report = case.report(make_study, by, "full")
            failed = [c.name for c in report.failures]
            if kind == "planted" and not set(failed) & set(case.caught_by):
                missed.append(case.name)
            if kind == "honest" and failed:
                alarms.append((case.name, failed))
            score = report.about["score"]
            shown = "–" if score is None else f"{score:.0%}"
            print(f"{kind:8} {case.name:56} {shown:>5}  {', '.join(failed) or 'nothing found'}", flush=True)  # noqa: T201
    print(f"{len(PLANTED)} planted, {len(missed)} missed; {len(HONEST)} honest, {len(alarms)} false alarms")  # noqa: T201
    assert not missed
    assert not alarms
