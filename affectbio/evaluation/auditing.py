"""The leakage audit, which asks whether a score is what a new person would see, or what the protocol made of nothing.

Folds and features are looked at (cheap, always), then the evaluation itself is probed as a black box: what must not
matter is changed, and no score may move. Index checks alone see neither features chosen before the split nor the epoch
chosen on the test person; the probes see both. The checks, their costs and their limits are in the user guide, "Audit".

The probes follow metamorphic testing; the list of traps is that of published reviews (arXiv 2508.02417: 87 % of 101
studies on one data set have one; del Pup et al., arXiv 2505.13021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation import nulls, probes
from affectbio.evaluation.audit_report import CHECKS, AuditReport, Check, not_checked
from affectbio.evaluation.black_box import (
    Outcome,
    Run,
    labelled_only,
    mean_score,
    numbered,
    pipeline_run,
    without_unlabelled,
)
from affectbio.evaluation.confounds import lengths, parts, places, stimuli
from affectbio.evaluation.estimators import declared_access, is_continuous
from affectbio.evaluation.index_checks import SplitWindows, index_checks
from affectbio.evaluation.probes import Bench
from affectbio.evaluation.protocols import LEAKS, PROTOCOLS, Split, WindowSplitter
from affectbio.registry import unknown_name
from affectbio.types import TARGET_ACCESS, Windows

__all__ = ["audit", "audit_folds", "audit_pipeline"]

#: How much is spent: about 12 runs of the pipeline, or about 45.
Level = Literal["fast", "full"]

# Folds probed, exchanges of labels, draws of noise, deals of labels.
_EFFORT = {"fast": (1, 5, 0, 6), "full": (3, 10, 6, 10)}

_PROBES = {
    "held_out_labels": probes.held_out_labels,
    "test_rows": probes.other_rows,
    "later_rows": probes.later_rows,
    "training_features": probes.training_features,
}
#: What a declared leak brings with it.
_FOLLOWS = {
    "trial": ("fingerprint", "identity_features", "permutation", "noise"),
    "overlap": (),
    "rows": ("near_duplicates",),
    "stimulus": ("stimulus_identity",),
    "subject": (),
}
_NO_PIPELINE = "only folds were given; give the pipeline to audit_pipeline, or the whole evaluation to audit"


def audit(
    run: Run,
    windows: Windows,
    *,
    holdout: Sequence[str] = ("trial", "overlap"),
    declared: Sequence[str] = (),
    target_access: str | None = None,
    embargo_s: float = 0.0,
    confounds: Sequence[str] = (),
    level: Level = "fast",
    seed: int = 0,
) -> AuditReport:
    """Audit a whole evaluation as a black box.

    Parameters
    ----------
    run : Run
        ``run(windows, seed) -> Outcome``. It may split, scale, select, oversample, tune and stop as it likes; see
        `Outcome` for what it gives back. It must repeat itself for one seed.
    windows : Windows
        With labels.
    holdout : sequence of str
        What it promises to keep apart, keys of `LEAKS`.
    declared : sequence of str
        What it says it leaks, keys of `LEAKS` or of `CHECKS`: failures that are shown and not raised.
    target_access : str, optional
        What it uses of the person tested, one of `TARGET_ACCESS`; that of the windows if not given.
    embargo_s : float
        Seconds it promises between training and test windows of one trial.
    confounds : sequence of str
        More columns of the metadata that could tell the label, such as the room.
    level : {"fast", "full"}
        Fast: one fold probed, 5 exchanges of labels, about 12 runs. Full: three folds, 10 exchanges, 6 draws of noise,
        about 45 runs.
    seed : int
        Handed to ``run``, and of the audit's own draws.

    Returns
    -------
    AuditReport
        One answer for every key of `CHECKS`.

    Raises
    ------
    DataError
        If there are no windows, labels or folds, or an outcome contradicts itself.
    ConfigError
        If a name is not known.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from affectbio.evaluation import audit
    >>> who = pd.DataFrame({"subject": np.repeat(["a", "b", "c", "d"], 8), "session": "01",
    ...                     "trial": np.tile(np.repeat(["0", "1"], 4), 4), "stimulus": "x",
    ...                     "start": np.tile(np.arange(4.0), 8), "stop": np.tile(np.arange(1.0, 5), 8)})
    >>> X = np.random.default_rng(0).normal(size=(32, 6))
    >>> windows = Windows(X, who["trial"].to_numpy(), who, ("window", "feature"))
    >>> def nearest_mean(windows, seed):
    ...     X = windows.X / windows.X.std(axis=0)  # of all windows, those tested included
    ...     folds, scores = [], []
    ...     for one in "abcd":
    ...         train, test = (np.flatnonzero((windows.groups("subject") == one) == k) for k in (False, True))
    ...         means = [X[train][windows.y[train] == k].mean(axis=0) for k in "01"]
    ...         folds.append((train, test))
    ...         scores.append(((X[test] - means[0]) ** 2 - (X[test] - means[1]) ** 2).sum(axis=1))
    ...     return Outcome(folds, scores, [np.where(s > 0, "1", "0") for s in scores])
    >>> report = audit(nearest_mean, windows)
    >>> report["held_out_labels"].status, report["test_rows"].status
    ('pass', 'fail')
    """
    _known(holdout, declared, target_access, level)
    if windows.y is None or not len(windows):
        raise DataError("an audit needs windows with labels; found none")
    n_given = len(windows)
    run, windows = labelled_only(run, windows)
    if not len(windows):
        raise DataError(f"none of {n_given} windows has a label; an audit needs some")
    n_folds, n_exchanges, n_noise, n_deals = _EFFORT[level]
    access = windows.target_access if target_access is None else target_access
    bench = Bench(run, windows, seed, access, n_folds)
    split = _as_split(bench.first, windows, holdout, access, embargo_s)
    checks = index_checks(split, seed)
    steady = probes.determinism(bench)
    checks.append(steady)
    for name, probe in _PROBES.items():
        checks.append(probe(bench) if steady.status == "pass" else not_checked(name, "one seed gives two results"))
    checks.append(nulls.permutation(bench, n_exchanges))
    checks.append(nulls.noise(bench, n_noise) if n_noise else not_checked("noise", "only at level='full'"))
    checks += _confounds(bench, split, confounds, n_deals)
    checks.append(nulls.artefact_channels(bench) if level == "full" else _skipped_channels())
    report = _report(checks, declared, bench, split, level)
    return replace(report, about={**report.about, "n_unlabelled": n_given - len(windows)})


def audit_pipeline(
    estimator: Any,
    windows: Windows,
    protocol: WindowSplitter | str,
    *,
    prepare: Callable[[Windows], Windows] | None = None,
    declared: Sequence[str] = (),
    target_access: str | None = None,
    embargo_s: float = 0.0,
    confounds: Sequence[str] = (),
    level: Level = "fast",
    seed: int = 0,
) -> AuditReport:
    """Audit an estimator under a protocol, with whatever is done to the windows before the split.

    Parameters
    ----------
    estimator : scikit-learn estimator
        As for `evaluate`.
    windows : Windows
        With labels.
    protocol : WindowSplitter or str
        A splitter, or its name in `PROTOCOLS`. What it promises and what it declares are taken from it.
    prepare : callable, optional
        ``prepare(windows) -> windows``, what is done before the split; see `pipeline_run`.
    declared, target_access, embargo_s, confounds, level, seed
        As for `audit`. The target access, if not given, is the most that the windows (after ``prepare``), the protocol
        and the estimator say of themselves.

    Returns
    -------
    AuditReport
        One answer for every key of `CHECKS`.

    Raises
    ------
    DataError, ConfigError
        As `audit`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> who = pd.DataFrame({"subject": np.repeat(["a", "b", "c", "d"], 8), "session": "01",
    ...                     "trial": np.tile(np.repeat(["0", "1"], 4), 4), "stimulus": "x",
    ...                     "start": np.tile(np.arange(4.0), 8), "stop": np.tile(np.arange(1.0, 5), 8)})
    >>> X = np.random.default_rng(0).normal(size=(32, 6))
    >>> windows = Windows(X, who["trial"].to_numpy(), who, ("window", "feature"))
    >>> audit_pipeline(KNeighborsClassifier(3), windows, "loso").ok
    True
    """
    splitter: WindowSplitter = PROTOCOLS.get(protocol)() if isinstance(protocol, str) else protocol
    if target_access is None:
        prepared = windows if prepare is None else prepare(numbered(windows))
        target_access = declared_access(estimator, prepared, splitter).split("(")[0]
    return audit(
        pipeline_run(estimator, splitter, prepare),
        windows,
        holdout=splitter.holdout,
        declared=(*splitter.leaks, *declared),
        target_access=target_access,
        embargo_s=embargo_s,
        confounds=confounds,
        level=level,
        seed=seed,
    )


def audit_folds(
    windows: Windows,
    folds: Sequence[Split],
    *,
    predicted: Sequence[npt.NDArray[Any]] | None = None,
    holdout: Sequence[str] = ("trial", "overlap"),
    declared: Sequence[str] = (),
    target_access: str | None = None,
    embargo_s: float = 0.0,
    confounds: Sequence[str] = (),
    level: Level = "fast",
    seed: int = 0,
) -> AuditReport:
    """Audit features and folds that were made elsewhere, without the pipeline.

    What only the pipeline could tell is *not checked*. In its place a plain classifier (regularised linear
    discriminant) is trained on these features and folds for the permutation and the confounds: what it finds in them,
    another can.

    Parameters
    ----------
    windows : Windows
        Features, and labels if known.
    folds : sequence of (train, test)
        Indices.
    predicted : sequence of ndarray, optional
        Labels that the pipeline gave, one array per fold; only to put its score beside the controls.
    holdout, declared, target_access, embargo_s, confounds, level, seed
        As for `audit`.

    Returns
    -------
    AuditReport
        One answer for every key of `CHECKS`.

    Raises
    ------
    DataError
        If there are no windows, or a fold is empty or points outside.
    ConfigError
        If a name is not known.
    """
    _known(holdout, declared, target_access, level)
    if not len(windows):
        raise DataError("an audit needs windows; found none")
    access = windows.target_access if target_access is None else target_access
    checked = _checked_folds(folds, len(windows))
    known = np.ones(len(windows), dtype=bool) if windows.y is None else ~pd.isna(windows.y)
    if not known.all():
        given = Outcome(checked, (), [test for _, test in checked] if predicted is None else predicted)
        left = without_unlabelled(given, known)
        if not left.folds:
            raise DataError(f"{known.sum()} of {len(known)} windows have a label, and no fold trains and tests some")
        windows, checked = windows.take(known), list(left.folds)
        predicted = None if predicted is None else left.predicted
    split = SplitWindows(windows, checked, np.arange(len(windows)), len(windows), tuple(holdout), access, embargo_s)
    checks = index_checks(split, seed)
    checks += [not_checked(name, _NO_PIPELINE) for name in ("determinism", *_PROBES, "noise", "artefact_channels")]
    why = _no_stand_in(windows, checked)
    if why:
        checks += [not_checked(n, why) for n in ("permutation", "stimulus_identity", "time", "length")]
        return _report(checks, declared, None, split, level)
    _, n_exchanges, _, n_deals = _EFFORT[level]
    bench = Bench(pipeline_run(_stand_in(), _Given(checked)), windows, seed, access, 1, "a plain classifier")
    checks.append(nulls.permutation(bench, n_exchanges))
    checks += _confounds(bench, split, confounds, n_deals)
    report = _report(checks, declared, bench, split, level)
    if predicted is None:
        about = {**report.about, "score": None}
    else:
        about = {**report.about, "score": mean_score(Outcome(checked, (), predicted), windows)[0]}
    return replace(report, about=about)


def _confounds(bench: Bench, split: SplitWindows, columns: Sequence[str], n_runs: int) -> list[Check]:
    windows = split.windows
    stimulus, place = stimuli(windows), places(windows)
    one = _one_to_one(stimulus, place)
    # Where all saw the clips in one order, that order is as good a number for a clip as any other.
    clip = place if one else stimulus
    checks = [nulls.confound(bench, split, "stimulus_identity", clip, "the stimulus", n_runs, ordered=one)]
    if one:
        checks.append(
            replace(checks[0], name="time", runs=0, finding=f"order and stimulus are one: {checks[0].finding}")
        )
    else:
        checks.append(nulls.confound(bench, split, "time", place, "the place in the order", n_runs))
    times = windows.metadata[["start", "stop"]].to_numpy(dtype=float)
    if np.isfinite(times).all():
        checks.append(nulls.confound(bench, split, "length", lengths(windows), "the length of the trial", n_runs))
    else:
        checks.append(not_checked("length", "windows without start and stop"))
    for column in columns:
        if column not in windows.metadata.columns:
            raise ConfigError(str(unknown_name("column of metadata", column, map(str, windows.metadata.columns))))
        group = parts(windows.metadata[column].to_numpy())
        checks.append(nulls.confound(bench, split, f"confound:{column}", group, column, n_runs))
    return checks


def _one_to_one(one: npt.NDArray[np.intp], two: npt.NDArray[np.intp]) -> bool:
    pairs = np.unique(np.stack([one, two]), axis=1).shape[1]
    return bool(pairs == len(np.unique(one)) == len(np.unique(two)))


def _skipped_channels() -> Check:
    return not_checked("artefact_channels", "only at level='full'")


def _report(
    checks: Sequence[Check], declared: Sequence[str], bench: Bench | None, split: SplitWindows, level: str
) -> AuditReport:
    covered = set(declared).union(*(_FOLLOWS.get(kind, ()) for kind in declared))
    order = {name: k for k, name in enumerate(CHECKS)}
    marked = sorted((replace(c, declared=c.name in covered) for c in checks), key=lambda c: order.get(c.name, 99))
    score = mean_score(bench.first, bench.windows)[0] if bench else float("nan")
    about = {
        "n_windows": len(split.windows),
        "n_people": int(split.windows.metadata["subject"].nunique()),
        "n_folds": len(split.folds),
        "holdout": list(split.holdout),
        "declared": sorted(set(declared)),
        "target_access": split.target_access,
        "score": score if np.isfinite(score) else None,
        "level": level,
        "runs": bench.runs if bench else 0,
    }
    return AuditReport(tuple(marked), about)


def _as_split(first: Outcome, windows: Windows, holdout: Sequence[str], access: str, embargo_s: float) -> SplitWindows:
    split = windows if first.prepared is None else first.prepared
    rows = np.arange(len(split)) if first.rows is None else np.asarray(first.rows)
    if len(rows) != len(split):
        raise DataError(f"the outcome has {len(rows)} rows for {len(split)} windows; expected as many")
    folds = _checked_folds(first.folds, len(split))
    for kind, found in (("scores", first.scores), ("predicted", first.predicted)):
        if found is first.scores and not len(found):
            continue
        lengths_found = [len(f) for f in found]
        if lengths_found != [len(test) for _, test in folds]:
            raise DataError(
                f"the outcome's {kind} have lengths {lengths_found[:5]}; expected one value per tested window of every "
                f"fold, {[len(test) for _, test in folds][:5]}"
            )
    return SplitWindows(split, folds, rows, len(windows), tuple(holdout), access, embargo_s)


def _checked_folds(folds: Sequence[Split], n_windows: int) -> list[Split]:
    if not len(folds):
        raise DataError("no folds; expected at least one pair of training and test indices")
    checked = []
    for k, fold in enumerate(folds):
        train, test = (np.asarray(side) for side in tuple(fold)[:2])
        for side, found in (("training", train), ("test", test)):
            if not found.size or found.ndim != 1 or found.dtype.kind not in "iu":
                raise DataError(f"fold {k}: expected a list of {side} indices, found {found.dtype} {found.shape}")
            if found.min() < 0 or found.max() >= n_windows:
                raise DataError(
                    f"fold {k}: {side} index {int(found.max() if found.min() >= 0 else found.min())} for {n_windows} "
                    f"windows; expected 0 to {n_windows - 1}"
                )
        checked.append((train.astype(np.intp), test.astype(np.intp)))
    return checked


def _known(holdout: Sequence[str], declared: Sequence[str], target_access: str | None, level: str) -> None:
    for kind in holdout:
        if kind not in LEAKS:
            raise unknown_name("kind of leak", kind, LEAKS)
    for name in declared:
        if name not in LEAKS and name not in CHECKS:
            raise unknown_name("kind of leak or check", name, [*LEAKS, *CHECKS])
    if target_access is not None and target_access not in TARGET_ACCESS:
        raise unknown_name("target access", target_access, TARGET_ACCESS)
    if level not in _EFFORT:
        raise unknown_name("level", level, _EFFORT)


class _Given:
    """Folds made elsewhere, as a protocol."""

    name, holdout, leaks = "given folds", (), ()

    def __init__(self, folds: Sequence[Split]) -> None:
        self._folds = folds

    def split_windows(self, windows: Windows) -> Any:
        return iter(self._folds)


def _stand_in() -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    return make_pipeline(
        FunctionTransformer(_flat), StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    )


def _flat(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(np.nan_to_num(np.asarray(X, dtype=float).reshape(len(X), -1)))


def _no_stand_in(windows: Windows, folds: Sequence[Split]) -> str:
    if windows.y is None:
        return "the labels were not given"
    if not windows.X[0].size:
        return "the features were not given"
    if windows.X[0].size > 1000:
        return "more than 1000 values in a window; give features, or the pipeline"
    if is_continuous(windows.y):
        return "the labels are ratings; cut them into classes, or give the pipeline"
    if any(len(np.unique(windows.y[train])) < 2 for train, _ in folds):
        return "a training set holds one class only"
    return ""
