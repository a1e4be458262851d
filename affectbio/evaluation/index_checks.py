"""What windows, metadata and folds tell by themselves, without running anything.

Cost of all together: n log n in windows, save the fingerprint (1500 windows at most, all pairs) and near copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.evaluation.audit_report import Check, not_checked
from affectbio.evaluation.confounds import control_score, places, stimuli
from affectbio.evaluation.duplicates import exact_codes, near_copies
from affectbio.evaluation.probes import MAY_LOOK_AHEAD
from affectbio.evaluation.protocols import LEAKS, Split, codes_of, shares
from affectbio.types import Windows

__all__ = ["SplitWindows", "above", "index_checks"]

_MOST_FEATURES = 5000
_FINGERPRINT_WINDOWS = 1500
_NO_FEATURES = "the features were not given"


@dataclass(frozen=True, slots=True, eq=False)
class SplitWindows:
    """Windows as they were split.

    Attributes
    ----------
    windows : Windows
        What the folds index.
    folds : sequence of (train, test)
        Indices.
    rows : ndarray of int, shape (n_windows,)
        Which recorded window each is; -1 if it was made up.
    n_given : int
        How many windows were recorded.
    holdout : tuple of str
        What the protocol promises to keep apart.
    target_access : str
        What it says it uses of the person tested.
    embargo_s : float
        Seconds that it promises between training and test windows of one trial.
    """

    windows: Windows
    folds: Sequence[Split]
    rows: npt.NDArray[np.intp]
    n_given: int
    holdout: tuple[str, ...]
    target_access: str
    embargo_s: float = 0.0


def index_checks(split: SplitWindows, seed: int = 0) -> list[Check]:
    """Run all checks that need no pipeline.

    Parameters
    ----------
    split : SplitWindows
        What to look at.
    seed : int
        Of the subsample of the fingerprint and of the projections.

    Returns
    -------
    list of Check
        From ``subject`` to ``normalisation``.
    """
    rng = np.random.default_rng(seed)
    exact = exact_codes(split.windows.X)
    shared = _shared(split, exact)
    return [
        *_promises(split, shared),
        _copies(split, shared),
        _near(split, exact, rng),
        _coverage(split),
        _fingerprint(split, shared, rng),
        _identity(split, shared),
        _normalisation(split),
    ]


def above(score: float, chance: float, n: int) -> bool:
    """Say whether a score is above chance by more than 2.5 standard errors of ``n`` coin flips.

    Parameters
    ----------
    score, chance : float
        0 to 1.
    n : int
        Independent things scored: trials.

    Returns
    -------
    bool
        Whether it is.
    """
    return bool(score - chance > max(0.05, 2.5 * np.sqrt(chance * (1 - chance) / max(n, 1))))


def _shared(split: SplitWindows, exact: npt.NDArray[np.intp]) -> pd.DataFrame:
    """Shares of tested windows by kind of leak; seconds are NaN where times are not known."""
    windows = split.windows
    times = windows.metadata[["start", "stop"]].to_numpy(dtype=float)
    timed = bool(np.isfinite(times).all() and (times[:, 1] > times[:, 0]).all())
    if not timed:
        times = np.stack([np.arange(len(windows)), np.arange(len(windows)) + 1.0], axis=1)
    metadata = windows.metadata.assign(start=times[:, 0], stop=times[:, 1])
    found = shares(metadata, exact, split.folds, embargo_s=split.embargo_s if timed else 0.0)
    if not timed:
        found["overlap"] = np.nan
    return found


def _promises(split: SplitWindows, shared: pd.DataFrame) -> list[Check]:
    remedies = {
        "subject": "split by whole people",
        "trial": "split by whole trials (GroupKFold over subject/session/trial), never by windows",
        "stimulus": "leave stimuli out together with people",
        "overlap": "split by whole trials, or leave a gap of one window and the embargo",
    }
    # Windows of one trial on both sides are a leak whatever was promised; the same people only if they were not to be.
    always = ("trial", "overlap")
    checks = []
    for kind, remedy in remedies.items():
        share = float(shared[kind].max())
        words = LEAKS[kind]
        if np.isnan(share):
            checks.append(not_checked(kind, "windows without start and stop in seconds; add them to the metadata"))
            continue
        if kind == "stimulus" and not (stimuli(split.windows).any() and _named(split.windows).any()):
            checks.append(not_checked(kind, "all windows are of one stimulus, or its name is not known"))
            continue
        finding = f"the same {words} for {share:.0%} of the tested windows of the worst fold"
        if kind == "overlap" and split.embargo_s:
            finding += f", or less than {split.embargo_s:g} s between"
        promised = kind in split.holdout or kind in always
        status = "fail" if promised and share > 0 else "pass"
        if status == "pass":
            finding = f"no {words} shared" if share == 0 else f"{finding}; not promised otherwise"
        checks.append(Check(kind, status, finding, remedy if status == "fail" else "", {"share": share}))
    return checks


def _named(windows: Windows) -> npt.NDArray[np.bool_]:
    names = windows.metadata["stimulus"]
    return (names.notna() & (names != "")).to_numpy(dtype=bool)


def _copies(split: SplitWindows, shared: pd.DataFrame) -> Check:
    share = float(shared["rows"].max())
    twice = max(float(np.isin(split.rows[b], split.rows[a][split.rows[a] >= 0]).mean()) for a, b in split.folds)
    share = max(share, twice)
    if share > 0:
        return Check(
            "rows",
            "fail",
            f"{share:.1%} of the tested windows of the worst fold are trained on too, to the last bit",
            "take doubled windows or trials out, and oversample inside the training fold only",
            {"share": share},
        )
    if split.windows.X[0].size < 2:
        why = _NO_FEATURES if not split.windows.X[0].size else "a window is one value, and equal values are no copies"
        return not_checked("rows", f"no index is on both sides; copies could not be looked for: {why}")
    return Check("rows", "pass", "no window is trained on and tested", "", {"share": 0.0})


def _near(split: SplitWindows, exact: npt.NDArray[np.intp], rng: np.random.Generator) -> Check:
    name, windows = "near_duplicates", split.windows
    if not windows.X[0].size:
        return not_checked(name, _NO_FEATURES)
    if windows.X[0].size > _MOST_FEATURES:
        return not_checked(name, f"more than {_MOST_FEATURES} values in a window; give features")
    trial = codes_of(windows.metadata, "subject", "session", "trial")
    pairs, threshold = near_copies(windows.X, trial, rng)
    if threshold >= 1:
        return not_checked(name, "too few independent features to tell a copy from chance")
    pairs = pairs[exact[pairs[:, 0]] != exact[pairs[:, 1]]]
    partner: list[set[int]] = [set() for _ in range(len(windows))] if len(pairs) else []
    for one, two in pairs:
        partner[one].add(int(two))
        partner[two].add(int(one))
    worst = 0.0
    for train, test in split.folds if len(pairs) else ():
        trained = set(np.asarray(train).tolist())
        worst = max(worst, float(np.mean([not partner[i].isdisjoint(trained) for i in test])))
    evidence = {"share": worst, "correlation": threshold}
    if worst > 0:
        return Check(
            name,
            "fail",
            f"{worst:.1%} of the tested windows of the worst fold correlate above {threshold:.4f} with a training "
            f"window of another trial",
            "find out why two trials are the same recording; keep one, or give both one trial name",
            evidence,
        )
    return Check(name, "pass", f"no pair of trials correlates above {threshold:.4f} across a split", "", evidence)


def _coverage(split: SplitWindows) -> Check:
    name, n = "coverage", len(split.windows)
    trained, tested = np.zeros(n, dtype=bool), np.zeros(n, dtype=int)
    for train, test in split.folds:
        trained[train] = True
        np.add.at(tested, test, 1)
    made_up = int(tested[split.rows < 0].sum())
    if made_up:
        return Check(
            name,
            "fail",
            f"{made_up} tested windows were never recorded: they were made up before the split",
            "oversample inside the training fold only",
            {"made_up": float(made_up)},
        )
    used = np.unique(split.rows[(trained | (tested > 0)) & (split.rows >= 0)])
    scattered = _scattered(split, used)
    unused = split.n_given - len(used)
    evidence = {"unused": float(unused), "scattered": float(scattered), "tested": float((tested > 0).mean())}
    if scattered > max(1, 0.01 * split.n_given):
        return Check(
            name,
            "fail",
            f"{unused} of {split.n_given} windows are neither trained on nor tested, {scattered} of them between "
            f"windows of the same trial that are",
            "leave windows out for a reason that is stated, before the audit, and report how many",
            evidence,
        )
    finding = f"{(tested > 0).mean():.0%} of the windows tested, {unused} in no fold"
    if (tested > 1).any():
        finding += f", {int((tested > 1).sum())} tested more than once"
    return Check(name, "pass", finding, "", evidence)


def _scattered(split: SplitWindows, used: npt.NDArray[np.intp]) -> int:
    """Count unused windows between used ones of their trial: no calibration part looks like that."""
    if split.n_given != len(split.windows) or (split.rows != np.arange(len(split.rows))).any():
        # prepare dropped some, and the order of the rest is that of what was given.
        lost = np.setdiff1d(np.arange(split.n_given), used)
        return int((np.isin(lost - 1, used) & np.isin(lost + 1, used)).sum())
    trial = codes_of(split.windows.metadata, "subject", "session", "trial")
    order = np.lexsort((split.windows.metadata["start"], trial))
    trial = trial[order]
    alive = np.isin(np.arange(len(order)), used)[order]
    inside = ~alive[1:-1] & alive[:-2] & alive[2:] & (trial[:-2] == trial[2:])
    return int(inside.sum())


def _fingerprint(split: SplitWindows, shared: pd.DataFrame, rng: np.random.Generator) -> Check:
    name, windows = "fingerprint", split.windows
    trial = codes_of(windows.metadata, "subject", "session", "trial")
    sizes = np.bincount(trial)
    if not 0 < windows.X[0].size <= _MOST_FEATURES or (sizes < 2).all() or len(sizes) < 2:
        return not_checked(name, "needs features, two trials, and two windows of a trial")
    chosen: list[int] = []
    count = 0
    # Two trials at least, and of endless ones a part.
    most = _FINGERPRINT_WINDOWS // 2
    for one in rng.permutation(np.flatnonzero(sizes > 1)):
        size = min(int(sizes[one]), most)
        if count + size > _FINGERPRINT_WINDOWS:
            break
        chosen.append(int(one))
        count += size
    own = np.concatenate([_some(np.flatnonzero(trial == one), most, rng) for one in sorted(chosen)])
    flat = np.nan_to_num(np.asarray(windows.X[own], dtype=float).reshape(len(own), -1))
    flat = (flat - flat.mean(axis=0)) / np.maximum(flat.std(axis=0), 1e-300)
    length = (flat * flat).sum(axis=1)
    distance = length[:, None] + length[None] - 2 * flat @ flat.T
    start, stop = (windows.metadata[c].to_numpy(dtype=float)[own] for c in ("start", "stop"))
    same = trial[own][:, None] == trial[own][None]
    with np.errstate(invalid="ignore"):
        close = same & (start[:, None] < stop[None] - 1e-6) & (start[None] < stop[:, None] - 1e-6)
    distance[close | np.eye(len(own), dtype=bool)] = np.inf
    hits = float(same[np.arange(len(own)), distance.argmin(axis=1)].mean())
    by_chance = float((same & ~close).mean())
    split_trials = float(shared["trial"].max())
    evidence = {"recognised": hits, "by_chance": by_chance}
    finding = f"the nearest window is of the same trial for {hits:.0%}, by chance {by_chance:.0%}"
    if split_trials > 0 and hits > max(2 * by_chance, by_chance + 0.1):
        return Check(
            name, "fail", f"{finding}, and trials stand on both sides of the split", "split by whole trials", evidence
        )
    return Check(name, "pass", finding if split_trials else f"{finding}; no trial is split", "", evidence)


def _some(rows: npt.NDArray[np.intp], most: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _identity(split: SplitWindows, shared: pd.DataFrame) -> Check:
    name, windows = "identity_features", split.windows
    flat = windows.X.reshape(len(windows), -1)
    if not 0 < flat.shape[1] <= _MOST_FEATURES or windows.y is None:
        return not_checked(name, "needs labels, and features rather than samples")
    flat = np.nan_to_num(flat.astype(float))
    y = np.asarray(windows.y.tolist()) if windows.y.dtype == object else windows.y
    n_trials = int(codes_of(windows.metadata, "subject", "session", "trial").max()) + 1
    problems = []
    groups = {
        "the label": np.unique(y, return_inverse=True)[1],
        "the person": codes_of(windows.metadata, "subject"),
        "the stimulus": stimuli(windows),
        "the trial": codes_of(windows.metadata, "subject", "session", "trial"),
    }
    known = {what: _determined(flat, codes) for what, codes in groups.items()}
    known["the clock"] = _clocks(flat, windows)
    if known["the label"].any() and n_trials > 3:
        problems.append((known["the label"], "the label itself"))
    finer = known["the trial"] & ~known["the person"] & ~known["the stimulus"]
    if finer.any() and shared["trial"].max() > 0:
        problems.append((finer, "constant in each trial, and trials are split: a name of the trial"))
    place = places(windows)
    for what, group, seen in (
        ("the person", groups["the person"], shared["subject"].max()),
        ("the stimulus", groups["the stimulus"], shared["stimulus"].max()),
        ("the clock", place, 1.0),
    ):
        if known[what].any() and seen > 0:
            score, chance = control_score(group, y, split.folds)
            if above(score, chance, n_trials):
                problems.append((known[what], f"{what}, which alone scores {score:.0%}"))
    if problems:
        columns, words = problems[0]
        names = [str(windows.features[i % len(windows.features)]) if windows.features else str(i)
                 for i in np.flatnonzero(columns)[:3]]  # fmt: skip
        return Check(
            name,
            "fail",
            f"feature {', '.join(names)} is {words}",
            "take it out of the features; it belongs to the metadata",
            {"n_features": float(columns.sum())},
        )
    told = ", ".join(f"{int(v.sum())} are constant in {k}" for k, v in known.items() if v.any() and k != "the clock")
    return Check(name, "pass", f"none tells the label{f' ({told})' if told else ''}")


def _determined(flat: npt.NDArray[np.float64], codes: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Say which features are a function of the group, up to a noise of 1 % of their spread."""
    sizes = np.bincount(codes)
    if len(sizes) < 2 or len(sizes) > len(flat) / 2:
        return np.zeros(flat.shape[1], dtype=bool)
    order = np.argsort(codes, kind="stable")
    begins = np.r_[0, np.cumsum(sizes)[:-1]]
    centred = flat[order] - flat.mean(axis=0)
    total = (centred**2).sum(axis=0)
    between = (np.add.reduceat(centred, begins, axis=0) ** 2 / sizes[:, None]).sum(axis=0)
    return np.asarray((total > 0) & (between >= 0.9999 * total))


def _clocks(flat: npt.NDArray[np.float64], windows: Windows) -> npt.NDArray[np.bool_]:
    """Say which features rise, or fall, all through everybody's recording."""
    person = codes_of(windows.metadata, "subject")
    trial = codes_of(windows.metadata, "subject", "session", "trial")
    order = np.lexsort((windows.metadata["start"].to_numpy(dtype=float), trial, places(windows), person))
    inside = person[order][1:] == person[order][:-1]
    if inside.sum() < 8:
        return np.zeros(flat.shape[1], dtype=bool)
    steps = np.diff(flat[order], axis=0)[inside]
    moving = (flat.std(axis=0) > 0) & ((steps != 0).mean(axis=0) > 0.02)
    # Constant inside a trial is allowed: the number of the trial is a clock too.
    return np.asarray(moving & (((steps >= 0).mean(axis=0) > 0.995) | ((steps <= 0).mean(axis=0) > 0.995)))


def _normalisation(split: SplitWindows) -> Check:
    name, windows = "normalisation", split.windows
    flat = np.asarray(windows.X, dtype=float).reshape(len(windows), -1)
    if not flat.shape[1]:
        return not_checked(name, _NO_FEATURES)
    if flat.shape[1] > _MOST_FEATURES:
        return not_checked(name, f"more than {_MOST_FEATURES} values in a window; give features")
    flat = flat[:, np.isfinite(flat).all(axis=0)]
    if not flat.shape[1]:
        return not_checked(name, "no feature is finite in all windows")
    levels = {
        "each trial": codes_of(windows.metadata, "subject", "session", "trial"),
        "each session of a person": codes_of(windows.metadata, "subject", "session"),
        "each person": codes_of(windows.metadata, "subject"),
        "everybody together": np.zeros(len(windows), dtype=int),
    }
    for level, group in levels.items():
        how = _normalised(flat, group)
        if not how:
            continue
        finding = f"the features of {level} {how}: statistics of tested windows are in them"
        if split.target_access in MAY_LOOK_AHEAD:
            return Check(name, "pass", f"{finding}; allowed, the target access is {split.target_access!r}")
        return Check(
            name,
            "fail",
            f"{finding}; the target access is said to be {split.target_access!r}",
            "fit the normalisation on training windows, on a resting recording or on what came before; or declare the "
            "target access (unlabelled)",
        )
    return Check(name, "pass", "no group of windows is centred or scaled to its own statistics")


def _normalised(flat: npt.NDArray[np.float64], codes: npt.NDArray[np.intp]) -> str:
    sizes = np.bincount(codes)
    order = np.argsort(codes, kind="stable")
    # Means of few windows are small by chance, and two windows have no minimum and maximum to speak of.
    if sizes.min() < 4:
        return ""
    begins = np.r_[0, np.cumsum(sizes)[:-1]]
    spread = flat.std(axis=0)
    moving = spread > 0
    if not moving.any():
        return ""
    rows, spread = flat[order][:, moving], spread[moving]
    means = np.add.reduceat(rows, begins, axis=0) / sizes[:, None]
    if (np.abs(means) < 1e-4 * spread).mean() > 0.95:
        return "have a mean of zero"
    low, high = np.minimum.reduceat(rows, begins, axis=0), np.maximum.reduceat(rows, begins, axis=0)
    for bottom in (0.0, -1.0):
        if ((np.abs(low - bottom) < 1e-5) & (np.abs(high - 1) < 1e-5)).mean() > 0.95:
            return f"reach from {bottom:g} to 1 exactly"
    return ""
