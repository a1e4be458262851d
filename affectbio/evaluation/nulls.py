"""What a black box scores when there is nothing to find: labels exchanged, noise for data, labels dealt to clips.

These are statistics, not proofs: a score above chance needs several runs, and a small leak may stay below. A check
fails if the mean of n runs is above chance by more than 0.05 and by more than 4 standard errors over the runs, or if a
single run is by 4 standard errors of as many coin flips as there are trials. Where labels are dealt to clips, all
people share the deal, and chance patterns of the data are not averaged out: then the mean must also be above by 4 / √n
of the latter, at least 1.25 of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.evaluation.audit_report import Check, not_checked
from affectbio.evaluation.black_box import mean_score
from affectbio.evaluation.confounds import control_score, dealt_labels, threshold_score
from affectbio.evaluation.controls import TrialLabels
from affectbio.evaluation.estimators import is_continuous
from affectbio.evaluation.index_checks import SplitWindows, above
from affectbio.evaluation.probes import Bench
from affectbio.evaluation.protocols import codes_of
from affectbio.types import Windows

__all__ = ["artefact_channels", "confound", "noise", "noise_like", "permutation"]

#: Kinds of channel that tell of eyes, muscles and motion.
ARTEFACT_KINDS = ("eog", "emg", "acc", "gyro")


def permutation(bench: Bench, n_runs: int) -> Check:
    """Score labels that were exchanged between the trials of a person. ``n_runs`` runs.

    Parameters
    ----------
    bench : Bench
        The black box.
    n_runs : int
        How many exchanges.

    Returns
    -------
    Check
        The answer, with the real chance level.
    """
    try:
        trials = TrialLabels.of(bench.windows)
    except DataError as error:
        return not_checked("permutation", str(error))
    rng = np.random.default_rng(bench.seed)
    return _null(
        bench,
        "permutation",
        (replace(bench.windows, y=trials.exchange(rng)) for _ in range(n_runs)),
        "labels exchanged between trials",
        "something other than the label tells the trial: split by whole trials, and choose nothing on tested ones",
    )


def noise(bench: Bench, n_runs: int) -> Check:
    """Score noise with the data's people, trials and spreads, and random labels of trials. ``n_runs`` runs.

    Parameters
    ----------
    bench : Bench
        The black box.
    n_runs : int
        How many draws.

    Returns
    -------
    Check
        The answer.
    """
    try:
        trials = TrialLabels.of(bench.windows)
    except DataError as error:
        return not_checked("noise", str(error))
    rng = np.random.default_rng(bench.seed + 1)
    return _null(
        bench,
        "noise",
        (replace(noise_like(bench.windows, rng), y=trials.exchange(rng)) for _ in range(n_runs)),
        "noise shaped like the data",
        "the protocol makes a score out of nothing: see the other failures for how",
    )


def noise_like(windows: Windows, rng: np.random.Generator) -> Windows:
    """Make noise shaped like windows.

    Every feature gets the mean of the data and their spread between people, between trials, and within a trial, where
    neighbours are correlated as much as their seconds overlap.

    Parameters
    ----------
    windows : Windows
        What to imitate.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    Windows
        Same metadata and labels, other values.
    """
    flat = np.nan_to_num(np.asarray(windows.X, dtype=float).reshape(len(windows), -1))
    person, trial = (
        codes_of(windows.metadata, *columns) for columns in (("subject",), ("subject", "session", "trial"))
    )
    by_person, by_trial = _means(flat, person)[person], _means(flat, trial)[trial]
    drawn = flat.mean(axis=0) + np.zeros_like(flat)
    for group, spread in ((person, by_person.std(axis=0)), (trial, (by_trial - by_person).std(axis=0))):
        drawn += rng.normal(size=(group.max() + 1, flat.shape[1]))[group] * spread
    white = rng.normal(size=flat.shape)
    start, stop = (windows.metadata[c].to_numpy(dtype=float) for c in ("start", "stop"))
    order = np.lexsort((start, trial))
    for before, now in pairwise(order):
        if trial[before] == trial[now] and stop[before] > start[now]:
            shared = min(1.0, (stop[before] - start[now]) / (stop[now] - start[now]))
            white[now] = shared * white[before] + np.sqrt(1 - shared**2) * white[now]
    drawn += white * (flat - by_trial).std(axis=0)
    return replace(windows, X=drawn.reshape(windows.X.shape).astype(np.result_type(windows.X.dtype, np.float32)))


def confound(
    bench: Bench,
    split: SplitWindows,
    name: str,
    group: npt.NDArray[np.intp],
    what: str,
    n_runs: int,
    *,
    ordered: bool = True,
) -> Check:
    """Ask whether something else than affect tells the labels, and whether the black box can use it.

    First a rule that knows nothing else is scored, without any run. If it is not above chance under these folds, it
    cannot explain the score. If it is, the black box is given labels that were dealt to the clips (places, lengths)
    anew: ``n_runs`` runs.

    Parameters
    ----------
    bench : Bench
        The black box.
    split : SplitWindows
        Its folds.
    name : str
        Of the check.
    group : ndarray of int, shape (n_windows,)
        Clip, place or length of each window of ``split``.
    what : str
        In words.
    n_runs : int
        How many deals.
    ordered : bool
        Whether the numbers of the groups mean an order.

    Returns
    -------
    Check
        The answer, with the score of the control beside that of the black box.
    """
    y = split.windows.y
    if y is None or len(np.unique(group)) < 2:
        return not_checked(name, f"{what} is the same everywhere, or there are no labels")
    if is_continuous(y):
        return not_checked(name, "labels are ratings; cut them into classes to ask this")
    n_trials = int(codes_of(split.windows.metadata, "subject", "session", "trial").max()) + 1
    control, chance = control_score(group, y, split.folds)
    score = mean_score(bench.first, bench.windows)[0]
    evidence = {"control": control, "chance": chance, "score": score}
    alone = f"{what} alone scores {control:.0%} ({bench.who} {score:.0%}, chance {chance:.0%})"
    if not above(control, chance, n_trials):
        return Check(name, "pass", alone, "", evidence)
    if len(split.windows) != len(bench.windows):
        return not_checked(name, f"{alone}; the run makes or drops windows, so no labels could be dealt")
    rng = np.random.default_rng(bench.seed + 2)
    dealt = (
        replace(bench.windows, y=labels) for labels in islice(dealt_labels(group, y, rng, ordered=ordered), n_runs)
    )
    found = _null(
        bench,
        name,
        dealt,
        f"labels dealt anew by {what}",
        f"hold it out together with people, or vary it from person to person: {what} can be recognised instead of "
        f"affect",
        shared=True,
    )
    if found.status == "not checked":
        why = f"{alone}; the two cannot be told apart, as some class has too few of it"
        return Check(name, "not checked", why, "", evidence, found.runs)
    if ordered and found.status == "pass" and threshold_score(group, y) > 0.9:
        why = (
            f"{alone}; early and late, or short and long, are the labels themselves, so no control can tell them apart"
        )
        return Check(name, "not checked", why, "", evidence, found.runs)
    return replace(found, finding=f"{alone}; {found.finding}", evidence={**found.evidence, **evidence})


def artefact_channels(bench: Bench) -> Check:
    """Score channels of eyes, muscles and motion alone. One run.

    Parameters
    ----------
    bench : Bench
        The black box; its windows name their channels.

    Returns
    -------
    Check
        A fail if they score as high as everything together.
    """
    name, windows = "artefact_channels", bench.windows
    own = np.array([c.kind in ARTEFACT_KINDS for c in windows.channels], dtype=bool)
    if not own.any() or own.all() or "channel" not in windows.axes:
        return not_checked(name, "needs channels of kind eog, emg, acc or gyro beside others")
    score, chance = mean_score(bench.first, windows)
    axis = windows.axes.index("channel")
    channels = tuple(c for c, mine in zip(windows.channels, own, strict=True) if mine)
    some = replace(windows, X=np.compress(own, windows.X, axis=axis), channels=channels)
    try:
        alone = mean_score(bench.again(some), some)[0]
    except (ValueError, RuntimeError, IndexError) as error:
        return not_checked(name, f"the run does not take fewer channels: {error}", 1)
    n_trials = int(codes_of(windows.metadata, "subject", "session", "trial").max()) + 1
    finding = f"{', '.join(c.name for c in channels[:4])} alone score {alone:.0%}, everything {score:.0%}"
    evidence = {"alone": alone, "score": score, "chance": chance}
    if above(alone, chance, n_trials) and alone > score - 0.02:
        remedy = "show that the score holds with artefacts removed, and without these channels"
        return Check(name, "fail", finding, remedy, evidence, 1)
    return Check(name, "pass", finding, "", evidence, 1)


def _null(
    bench: Bench, name: str, changed: Iterator[Windows], what: str, remedy: str, *, shared: bool = False
) -> Check:
    before, scores, chances = bench.runs, [], []
    seen = set()
    for windows in changed:
        # Two classes exchanged for each other are the same question.
        dealt = _partition(windows)
        if dealt in seen:
            continue
        seen.add(dealt)
        outcome = bench.tried(windows, refold=True)
        if outcome is None:
            continue
        score, chance = mean_score(outcome, windows)
        if np.isfinite(score):
            scores.append(score)
            chances.append(chance)
    runs = bench.runs - before
    if len(scores) < 3:
        return not_checked(name, f"fewer than three different {what} could be scored", runs)
    mean, chance = float(np.mean(scores)), float(np.mean(chances))
    spread = float(np.std(scores, ddof=1) / np.sqrt(len(scores)))
    evidence = {"null": mean, "null_error": spread, "null_chance": chance}
    finding = (
        f"{what} score {mean:.0%} ± {spread:.0%} ({len(scores)} runs, best {max(scores):.0%}; chance {chance:.0%})"
    )
    n_trials, n_people = (
        int(codes_of(bench.windows.metadata, *columns).max()) + 1
        for columns in (("subject", "session", "trial"), ("subject",))
    )
    # Labels exchanged within people leave one trial of each without a choice: two trials a person are one coin.
    n_free = max(n_trials - n_people, 1)
    # A correlation has chance 0 and a variance of about 1 / n.
    flips = float(np.sqrt((chance * (1 - chance) or 1.0) / n_free))
    n = np.sqrt(len(scores))
    need = max(1.25, 4 / n) * flips if shared else 4 * 0.5 * flips / n
    if mean - chance > max(0.05, 4 * spread, need) or max(scores) - chance > max(0.1, 4 * flips):
        return Check(name, "fail", finding, remedy, evidence, runs)
    return Check(name, "pass", finding, "", evidence, runs)


def _partition(windows: Windows) -> bytes:
    codes = np.unique(np.asarray(windows.y), return_inverse=True)[1]
    return bytes((codes ^ codes[0] if codes.max() == 1 else codes).astype(np.int32).tobytes())


def _means(flat: npt.NDArray[np.float64], codes: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    begins = np.r_[0, np.cumsum(sizes)[:-1]]
    return np.asarray(np.add.reduceat(flat[order], begins, axis=0) / sizes[:, None])
