"""Exact probes of a black box: change what it must not look at, and see whether a score moves.

Metamorphic tests: two runs that differ only in something forbidden must agree to the last bit. A difference proves
use. No difference proves nothing about folds and windows that were not probed. Each probe costs one to three runs per
fold, counted in `Check.runs`. They need real-valued scores and a run that repeats itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from affectbio.evaluation.audit_report import Check, not_checked
from affectbio.evaluation.black_box import Outcome, Run
from affectbio.evaluation.protocols import codes_of
from affectbio.types import Windows

__all__ = [
    "MAY_ADAPT",
    "MAY_LOOK_AHEAD",
    "Bench",
    "determinism",
    "held_out_labels",
    "later_rows",
    "other_rows",
    "training_features",
]

#: Target accesses that may look at other windows of the person tested.
MAY_ADAPT = ("rest", "causal", "unlabelled", "labelled")
#: Those that may look at later ones too.
MAY_LOOK_AHEAD = ("unlabelled", "labelled")


@dataclass(slots=True)
class Bench:
    """A black box on the bench, with its first outcome and a count of its runs.

    Attributes
    ----------
    run : Run
        The black box.
    windows : Windows
        What it is given.
    seed : int
        What it is given, every time.
    target_access : str
        What it says it uses of the person tested.
    n_folds : int
        How many folds are probed, spread over all.
    who : str
        What it is called in words.
    first : Outcome
        Of the windows as they are.
    runs : int
        So far.
    """

    run: Run
    windows: Windows
    seed: int
    target_access: str
    n_folds: int
    who: str = "the pipeline"
    first: Outcome = field(init=False)
    runs: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.first = self.again(self.windows)

    def again(self, windows: Windows, *, refold: bool = False) -> Outcome:
        """Run the black box.

        Parameters
        ----------
        windows : Windows
            What to give it.
        refold : bool
            Whether folds may follow the labels; the exact probes need the same ones.

        Returns
        -------
        Outcome
            What it gave.
        """
        self.runs += 1
        # A copy: code of others may scale in place, and would be given its own results the next time.
        y = None if windows.y is None else windows.y.copy()
        run = getattr(self.run, "refolded", self.run) if refold else self.run
        return run(replace(windows, X=windows.X.copy(), y=y, metadata=windows.metadata.copy()), self.seed)

    def tried(self, windows: Windows, *, refold: bool = False) -> Outcome | None:
        """Run the black box on changed windows, which it need not take.

        Parameters
        ----------
        windows : Windows
            What to give it.
        refold : bool
            As for `again`.

        Returns
        -------
        Outcome or None
            None if it raised: another label may leave a training set with one class.
        """
        try:
            return self.again(windows, refold=refold)
        except (ValueError, LookupError, ArithmeticError, RuntimeError):
            return None

    def probed(self) -> list[int]:
        """Say which folds are probed.

        Returns
        -------
        list of int
            Spread evenly over all folds.
        """
        n = len(self.first.folds)
        return sorted(set(np.linspace(0, n - 1, min(n, self.n_folds)).round().astype(int).tolist()))


def determinism(bench: Bench) -> Check:
    """Run the black box twice on the same windows and seed. One run.

    Parameters
    ----------
    bench : Bench
        The black box.

    Returns
    -------
    Check
        Never a fail: chance is no leak, but with it the exact probes are *not checked* either.
    """
    other = bench.again(bench.windows)
    for fold in range(len(bench.first.folds)):
        change = _change(bench.first, other, fold, None)
        if change is None or change > 0:
            return not_checked(
                "determinism",
                f"the same windows and seed {bench.seed} gave two results (fold {fold}); pass the seed to everything "
                f"that draws at random, or no change can be told from chance",
                1,
            )
    return Check("determinism", "pass", f"two runs with seed {bench.seed} agree to the last bit", runs=1)


def held_out_labels(bench: Bench) -> Check:
    """Change the labels of the tested windows: no score may move. Three runs per fold.

    Finds the best epoch on the test set, tuning and early stopping on it, features chosen or classes balanced before
    the split, and labels that reached the features.

    Parameters
    ----------
    bench : Bench
        The black box; its windows have labels.

    Returns
    -------
    Check
        The answer.
    """
    name, before = "held_out_labels", bench.runs
    y = bench.windows.y
    if y is None:
        return not_checked(name, "the windows have no labels")
    rng = np.random.default_rng(bench.seed)
    unclear = 0
    for fold in bench.probed():
        own = _given(bench.first.tested(fold))
        turned, shuffled = np.array(y, copy=True), np.array(y, copy=True)
        classes, codes = np.unique(y, return_inverse=True)
        turned[own] = classes[(codes[own] + 1) % len(classes)]
        shuffled[own] = rng.permutation(y[own])
        # A few labels among many may choose the same features as before. Loud windows decide.
        loud = _loud(bench.windows, own, rng)
        for windows, labels in ((bench.windows, turned), (loud, shuffled)):
            before_change = bench.first if windows is bench.windows else bench.tried(windows)
            moved = _change(before_change, bench.tried(replace(windows, y=labels)), fold, None)
            unclear += moved is None
            if moved:
                return Check(
                    name,
                    "fail",
                    f"the scores of fold {fold} moved by up to {moved:.3g} when only the labels of its tested windows "
                    f"were changed",
                    "choose epochs, features, thresholds and settings on training people only; oversample inside the "
                    "fold",
                    {"fold": float(fold), "moved": moved},
                    bench.runs - before,
                )
    return _unmoved(bench, name, "the labels of tested windows were changed", unclear, bench.runs - before)


def other_rows(bench: Bench) -> Check:
    """Change other tested windows, of other trials: the scores of one trial must not move. One run per fold.

    Finds scalers, components and oversampling fitted before the split, statistics of the person tested, and of the
    batch tested. That is no leak if the target access is declared; it is if it is said to be none.

    Parameters
    ----------
    bench : Bench
        The black box.

    Returns
    -------
    Check
        The answer.
    """
    return _poison(
        bench,
        "test_rows",
        _one_trial,
        may=MAY_ADAPT,
        what="other tested windows were changed",
        none="no fold tests two trials, or two stretches of one, so no other tested window can be changed",
        remedy="fit scalers, selection and oversampling on training windows only, put batch statistics to evaluation "
        "mode, or declare the target access (unlabelled)",
    )


def later_rows(bench: Bench) -> Check:
    """Change only later windows of the people tested: earlier scores must not move. One run per fold.

    Finds what no live system could do: minimum and maximum of the whole session, smoothing forward and backward over a
    trial, centring on the whole recording.

    Parameters
    ----------
    bench : Bench
        The black box; time is the order of sessions and trials in the metadata, and the start inside a trial.

    Returns
    -------
    Check
        The answer.
    """
    return _poison(
        bench,
        "later_rows",
        _first_half,
        may=MAY_LOOK_AHEAD,
        what="only later windows were changed",
        none="no fold tests an earlier and a later window of one person",
        remedy="use only what came before (a resting minute, a running mean), or declare the target access "
        "(unlabelled)",
    )


def training_features(bench: Bench) -> Check:
    """Change all tested windows: what the fold is fitted on must not move. One run per fold.

    Parameters
    ----------
    bench : Bench
        The black box, whose outcomes have ``fitted_on``.

    Returns
    -------
    Check
        The answer.
    """
    name, before = "training_features", bench.runs
    if not bench.first.fitted_on:
        return not_checked(name, "the run does not say what it was fitted on (Outcome.fitted_on)")
    for fold in bench.probed():
        own = _given(bench.first.tested(fold))
        other = bench.tried(_poisoned(bench.windows, own))
        at = None if other is None else _same_fold(bench.first, other, fold)
        if other is None or at is None:
            return not_checked(name, f"fold {fold} tests other windows when its windows are changed", 1)
        if other.fitted_on[at] != bench.first.fitted_on[fold]:
            return _judged(
                name,
                MAY_LOOK_AHEAD,
                bench,
                f"the training features of fold {fold} are others when its tested windows are changed",
                "move scaling, components, selection and oversampling into the estimator (a Pipeline), so that they "
                "are fitted on training windows only; or declare the target access (unlabelled)",
                {"fold": float(fold)},
                bench.runs - before,
            )
    return Check(name, "pass", f"the same to the last bit ({_folds(bench)} probed)", runs=bench.runs - before)


def _poison(
    bench: Bench,
    name: str,
    choose: Callable[[Windows, npt.NDArray[np.intp]], tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]],
    *,
    may: Sequence[str],
    what: str,
    none: str,
    remedy: str,
) -> Check:
    before, unclear, probed = bench.runs, 0, 0
    for fold in bench.probed():
        kept, changed = choose(bench.windows, _given(bench.first.tested(fold)))
        if not (len(kept) and len(changed)):
            continue
        probed += 1
        moved = _change(bench.first, bench.tried(_poisoned(bench.windows, changed)), fold, kept)
        unclear += moved is None
        if moved:
            return _judged(
                name,
                may,
                bench,
                f"{len(kept)} scores of fold {fold} moved by up to {moved:.3g} when {what}",
                remedy,
                {"fold": float(fold), "moved": moved},
                bench.runs - before,
            )
    if not probed:
        return not_checked(name, none)
    return _unmoved(bench, name, what, unclear, bench.runs - before)


def _judged(
    name: str, may: Sequence[str], bench: Bench, finding: str, remedy: str, evidence: dict[str, float], runs: int
) -> Check:
    access = bench.target_access
    if access in may:
        return Check(name, "pass", f"{finding}; allowed, the target access is {access!r}", "", evidence, runs)
    return Check(name, "fail", f"{finding}; the target access is said to be {access!r}", remedy, evidence, runs)


def _unmoved(bench: Bench, name: str, what: str, unclear: int, runs: int) -> Check:
    if unclear:
        return not_checked(
            name, "the run failed, or tested other windows, after the change; keep the folds as they were", runs
        )
    if not bench.first.scores:
        return not_checked(
            name, f"no label moved when {what}, but labels hide small changes; give real-valued scores", runs
        )
    return Check(name, "pass", f"no score moved when {what} ({_folds(bench)} probed)", runs=runs)


def _folds(bench: Bench) -> str:
    n = len(bench.probed())
    return f"{n} fold{'s' * (n > 1)}"


def _change(
    first: Outcome | None, other: Outcome | None, fold: int, which: npt.NDArray[np.intp] | None
) -> float | None:
    """Say by how much the scores of a fold differ; None if it does not test the same windows any more."""
    at = None if first is None or other is None else _same_fold(first, other, fold)
    if first is None or other is None or at is None:
        return None
    own = slice(None) if which is None else np.isin(first.tested(fold), which)
    labels = np.asarray(first.predicted[fold])[own] != np.asarray(other.predicted[at])[own]
    if not (first.scores and other.scores):
        return float(labels.any())
    one, two = (np.asarray(s, dtype=float)[own] for s in (first.scores[fold], other.scores[at]))
    if one.shape != two.shape:
        return float("inf")
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    if same.all():
        return float(labels.any())
    gap = np.abs(one - two)[~same]
    return float(np.nanmax(np.where(np.isfinite(gap), gap, np.inf)))


def _same_fold(first: Outcome, other: Outcome, fold: int) -> int | None:
    wanted = first.tested(fold)
    places = [fold, *range(len(other.folds))]
    return next((k for k in places if k < len(other.folds) and np.array_equal(other.tested(k), wanted)), None)


def _given(tested: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.unique(tested[tested >= 0])


def _poisoned(windows: Windows, which: npt.NDArray[np.intp]) -> Windows:
    """Give windows of which some hold other values, far off, in a way that no scale or order survives."""
    X = np.array(windows.X, dtype=np.result_type(windows.X.dtype, np.float32), copy=True)
    finite = X[np.isfinite(X)]
    spread = float(finite.std()) if len(finite) else 1.0
    rest = X[which]
    # Odd features are turned round, so that covariances move too.
    sign = np.where(np.arange(rest[0].size).reshape(rest[0].shape) % 2, -1.7, 1.7)
    X[which] = (rest * sign + 3 * (spread or 1.0)).astype(X.dtype)
    return replace(windows, X=X)


def _loud(windows: Windows, which: npt.NDArray[np.intp], rng: np.random.Generator) -> Windows:
    """Give windows of which some are noise, many times as large as the data are spread."""
    X = np.array(windows.X, dtype=np.result_type(windows.X.dtype, np.float32), copy=True)
    finite = X[np.isfinite(X)]
    spread = float(finite.std()) if len(finite) else 1.0
    X[which] = (10 * (spread or 1.0) * rng.normal(size=X[which].shape)).astype(X.dtype)
    return replace(windows, X=X)


def _one_trial(windows: Windows, own: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    trial = codes_of(windows.metadata, "subject", "session", "trial")[own]
    names = np.unique(trial)
    if len(names) > 1:
        kept = trial == names[len(names) // 2]
        return own[kept], own[~kept]
    return _first_half(windows, own)


def _first_half(windows: Windows, own: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Cut the timeline of the person with most tested windows in the middle of a trial."""
    subject = codes_of(windows.metadata, "subject")[own]
    people, counts = np.unique(subject, return_counts=True)
    if not len(people):
        return own, own[:0]
    mine = own[subject == people[counts.argmax()]]
    trial = codes_of(windows.metadata, "subject", "session", "trial")[mine]
    names, first = np.unique(trial, return_index=True)
    order = np.empty(len(names), dtype=int)
    order[np.argsort(first)] = np.arange(len(names))
    place = order[np.searchsorted(names, trial)]
    start = windows.metadata["start"].to_numpy(dtype=float)[mine]
    stop = windows.metadata["stop"].to_numpy(dtype=float)[mine]
    if not np.isfinite(start).all():
        start, stop = np.arange(len(mine), dtype=float), np.arange(1.0, len(mine) + 1)
    middle = int(np.median(place))
    inside = place == middle
    cut = np.median(start[inside])
    early = (place < middle) | (inside & (start < cut)) if (inside & (start < cut)).any() else place <= middle
    reach = stop[inside & early].max(initial=-np.inf)
    late = ~early & ((place > middle) | (start >= reach - 1e-6))
    return mine[early], mine[late]
