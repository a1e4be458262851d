"""Scores an estimator person by person under a protocol, on real labels and on exchanged ones.

Only scikit-learn's interface is used (``clone``, ``fit``, ``predict``, ``predict_proba``), so any estimator will do.
The protocol is checked on the windows before anything is fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import is_regressor

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation.controls import TrialLabels
from affectbio.evaluation.fitting import Answers, Plan, dealt_anew, plan, run
from affectbio.evaluation.metrics import SCORERS
from affectbio.evaluation.people import Said, cells, scored
from affectbio.evaluation.protocols import PROTOCOLS, WindowSplitter, person_ids
from affectbio.evaluation.table_splitter import of_first
from affectbio.registry import unknown_name
from affectbio.types import Windows

__all__ = ["evaluate", "is_rating", "permutation_control", "prediction_table", "predictions", "score_predictions"]

Array = npt.NDArray[Any]

_WHERE = ["variant", "protocol", "target_access", "leaks", "shares"]
_WHAT = ["session", "trial", "stimulus", "start", "stop"]


def evaluate(
    estimator: Any,
    windows: Windows,
    protocol: WindowSplitter | str,
    *,
    metrics: str | Sequence[str] | None = None,
    level: str | Sequence[str] = "window",
    variant: str | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Score an estimator on every person.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Cloned for every fold. It is given ``X`` as the windows hold it; one that wants two axes is put behind a step
        that flattens. Methods that take ``metadata=`` are given the rows' table. Where the protocol has an unlabelled
        calibration, ``fit`` is given its windows as ``target=`` (and their table as ``target_metadata=`` if it takes
        that). An attribute ``target_access`` says what the estimator itself uses of the person tested.
    windows : Windows
        With labels or ratings.
    protocol : WindowSplitter or str
        A splitter, or its name in `PROTOCOLS`.
    metrics : str or sequence of str, optional
        Names in `SCORERS`; ``"balanced_accuracy"``, or ``("ccc", "rmse")`` for a regressor, if not given.
    level : "window", "trial" or a sequence of them
        What is scored: every window, or every trial by the mean of its windows' probabilities (decision values, votes,
        ratings, whichever there is).
    variant : str, optional
        What to call this in tables and figures; the estimator's class if not given.
    n_jobs : int, optional
        Folds at a time, as everywhere in joblib.

    Returns
    -------
    pandas.DataFrame
        One row per person, metric and level, whose windows are pooled if several folds test them: ``variant, protocol,
        target_access, fold`` (missing if pooled), ``subject, metric, level, value, n_windows, n_trials, n_unlabelled,
        chance, leaks`` (what the same people, trials, seconds or windows stand on both sides; empty if nothing),
        ``shares`` (what people or stimuli do so without a promise to the contrary), ``why``. A person who cannot be
        scored has the value NaN, and ``why`` says why.

    Raises
    ------
    LeakageError
        If the protocol does not hold out what it claims to; nothing is fitted then.
    DataError
        If there are no labels, nobody can be scored, or a trial to be scored holds two labels.
    ConfigError
        If there is no such protocol, metric or level, or the estimator lacks what they need.

    See Also
    --------
    predictions : What is scored here, window by window.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> table = pd.DataFrame({"subject": ["a", "a", "b", "b"], "session": "01", "trial": ["0", "1"] * 2,
    ...                       "stimulus": "x", "start": 0.0, "stop": 1.0})
    >>> X = np.array([[0.0], [5.0], [0.1], [5.1]])
    >>> windows = Windows(X, table["trial"].to_numpy(), table, ("window", "feature"))
    >>> evaluate(KNeighborsClassifier(1), windows, "loso", metrics=("kappa", "auc"))[["subject", "metric", "value"]]
      subject metric  value
    0       a  kappa    1.0
    1       a    auc    1.0
    2       b  kappa    1.0
    3       b    auc    1.0
    """
    names, levels, ratings = _wanted(metrics, level, estimator)
    made = plan(estimator, windows, protocol, ratings=ratings)
    tested = run(estimator, windows, made, made.y, with_scores=_with_scores(names, levels), n_jobs=n_jobs)
    people = of_first(made.person, person_ids(windows))
    said = Said.of(tested, made, made.y)
    rows = [
        {
            "variant": variant or type(estimator).__name__,
            "protocol": made.name,
            "target_access": made.target_access,
            **row,
            "subject": people[row["subject"]],
            "leaks": made.leaks,
            "shares": made.shares,
        }
        for row in scored(said, names, levels)
    ]
    return _tidy(rows)


def predictions(
    estimator: Any,
    windows: Windows,
    protocol: WindowSplitter | str,
    *,
    ratings: bool | None = None,
    variant: str | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Give what an estimator says of every window tested.

    Parameters
    ----------
    estimator, windows, protocol
        As given to `evaluate`.
    ratings : bool, optional
        Whether labels are continuous; asked of the estimator if not given.
    variant, n_jobs
        As given to `evaluate`.

    Returns
    -------
    pandas.DataFrame
        One row per window tested: ``variant, protocol, target_access, leaks, shares, fold, window`` (its row in the
        windows), ``subject, session, trial, stimulus, start, stop, true, predicted``, one ``score_<class>`` per class
        (NaN where the fold could not be run), ``scores_are`` (probability, decision, votes or nothing) and ``why``.

    Raises
    ------
    LeakageError, DataError, ConfigError
        As `evaluate`.

    See Also
    --------
    score_predictions : Makes scores of this table.
    """
    ratings = is_rating(estimator) if ratings is None else ratings
    made = plan(estimator, windows, protocol, ratings=ratings)
    tested = run(estimator, windows, made, made.y, with_scores=True, n_jobs=n_jobs)
    return prediction_table(windows, made, tested, variant or type(estimator).__name__)


def prediction_table(windows: Windows, made: Plan, tested: Answers, variant: str) -> pd.DataFrame:
    """Write what was said of every window as the table of `predictions`.

    Parameters
    ----------
    windows : Windows
        What was tested.
    made : Plan
        From `affectbio.evaluation.fitting.plan`.
    tested : Answers
        From `affectbio.evaluation.fitting.run`.
    variant : str
        What to call it.

    Returns
    -------
    pandas.DataFrame
        One row per window tested.
    """
    facts = (variant, made.name, made.target_access, made.leaks, made.shares)
    table = pd.DataFrame({**dict(zip(_WHERE, facts, strict=True)), "fold": tested.fold, "window": tested.rows})
    table["subject"] = person_ids(windows)[tested.rows]
    for column in _WHAT:
        table[column] = windows.metadata[column].to_numpy()[tested.rows]
    true, predicted = (pd.Series(values) for values in (made.y[tested.rows], tested.predicted))
    table["true"] = true.where(pd.Series(made.known[tested.rows]))
    table["predicted"] = predicted.where(pd.Series(tested.ran))
    if tested.scores is not None:
        for label, score in zip(_text(made.classes), tested.scores.T, strict=True):
            table[f"score_{label}"] = score
    return table.assign(scores_are=tested.scores_are, why=tested.why)


def score_predictions(
    table: pd.DataFrame, *, metrics: str | Sequence[str] = "balanced_accuracy", level: str | Sequence[str] = "window"
) -> pd.DataFrame:
    """Make scores of predictions, also of such as were written to a file and read again.

    Parameters
    ----------
    table : pandas.DataFrame
        From `predictions`, of one variant and protocol.
    metrics, level
        As given to `evaluate`.

    Returns
    -------
    pandas.DataFrame
        As from `evaluate`.

    Raises
    ------
    DataError, ConfigError
        As `evaluate`; also if a column is missing or the table holds several variants.
    """
    needed = [*_WHERE, "fold", "subject", "session", "trial", "true", "predicted", "scores_are", "why"]
    lacking = [c for c in needed if c not in table.columns]
    if lacking or table.empty:
        raise DataError(f"expected the table that predictions gives; found {len(table)} rows without {lacking}")
    # Empty words come back from a file as missing numbers.
    said_nothing = [c for c in (*_WHERE, "scores_are", "why") if table[c].isna().any()]
    table = table.assign(**{c: table[c].astype(object).where(table[c].notna(), "") for c in said_nothing})
    several = [c for c in _WHERE if table[c].nunique() > 1]
    if several:
        raise DataError(f"the table holds several of {', '.join(several)}; score each by itself, with groupby")
    names, levels, ratings = _wanted(metrics, level)
    known = table["true"].notna().to_numpy()
    columns = [c for c in table.columns if str(c).startswith("score_")]
    if ratings:
        true, predicted = (table[c].to_numpy(dtype=float) for c in ("true", "predicted"))
        classes: Array = np.empty(0)
    else:
        true, predicted = (_text(table[c]) for c in ("true", "predicted"))
        classes = np.asarray([str(c).removeprefix("score_") for c in columns]) if columns else np.unique(true[known])
    person = table["subject"].astype(str).to_numpy()
    people, codes = np.unique(person, return_inverse=True)
    trial = table[["subject", "session", "trial"]].astype(str).agg("/".join, axis=1).to_numpy()
    said = Said(
        true,
        known,
        predicted,
        table[columns].to_numpy(dtype=float) if columns and not ratings else None,
        str(table["scores_are"].iloc[0]),
        classes,
        codes,
        np.unique(trial, return_inverse=True)[1],
        table["fold"].to_numpy(),
        table["why"].to_numpy(dtype=object),
    )
    facts = {c: table[c].iloc[0] for c in _WHERE}
    return _tidy([{**facts, **row, "subject": people[row["subject"]]} for row in scored(said, names, levels)])


def permutation_control(
    estimator: Any,
    windows: Windows,
    protocol: WindowSplitter | str,
    n_permutations: int = 100,
    *,
    rng: np.random.Generator | int = 0,
    metrics: str | Sequence[str] | None = None,
    level: str | Sequence[str] = "window",
    variant: str | None = None,
    within: str = "subject",
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Score an estimator again and again with the labels of trials exchanged: what it scores when there is nothing.

    Folds that follow the labels are dealt anew with each exchange.

    Parameters
    ----------
    estimator, windows, protocol
        As given to `evaluate`.
    n_permutations : int
        How often; the smallest p value is 1 / (1 + n_permutations).
    rng : numpy.random.Generator or int
        Source of chance, or its seed. The result does not depend on ``n_jobs``.
    metrics, level, variant
        As given to `evaluate`.
    within : str
        Column of the metadata inside which trials are exchanged, see `permute_labels`.
    n_jobs : int, optional
        Permutations at a time. Two or more also keep the threads of a BLAS, which on small matrices wait for each
        other longer than they work, out of the way.

    Returns
    -------
    pandas.DataFrame
        One row per permutation, metric and level: ``variant, protocol, target_access, metric, level, permutation,
        value``, the mean over the people who can be scored.

    Raises
    ------
    LeakageError, DataError, ConfigError
        As `evaluate`; also if the labels cannot be exchanged.
    """
    names, levels, ratings = _wanted(metrics, level, estimator)
    protocol = PROTOCOLS.get(protocol)() if isinstance(protocol, str) else protocol
    made = plan(estimator, windows, protocol, ratings=ratings)
    trials = TrialLabels.of(windows, within)
    rng = np.random.default_rng(rng)
    # Windows without a label keep the place holder of the plan.
    exchanged = [np.where(made.known, trials.exchange(rng), made.y).astype(made.y.dtype) for _ in range(n_permutations)]
    values = Parallel(n_jobs=n_jobs)(
        delayed(_means_over_people)(estimator, windows, made, protocol, labels, names, levels) for labels in exchanged
    )
    rows = [
        {"metric": name, "level": one, "permutation": number, "value": value}
        for (name, one), column in zip(cells(names, levels), zip(*values, strict=True), strict=True)
        for number, value in enumerate(column)
    ]
    table = pd.DataFrame(rows, columns=["metric", "level", "permutation", "value"])
    table.insert(0, "variant", variant or type(estimator).__name__)
    table.insert(1, "protocol", made.name)
    table.insert(2, "target_access", made.target_access)
    return table


def _means_over_people(
    estimator: Any,
    windows: Windows,
    made: Plan,
    protocol: WindowSplitter,
    y: Array,
    names: list[str],
    levels: list[str],
) -> list[float]:
    made = dealt_anew(made, windows, protocol, y)
    tested = run(estimator, windows, made, y, with_scores=_with_scores(names, levels))
    values: dict[tuple[str, str], list[float]] = {cell: [] for cell in cells(names, levels)}
    for row in scored(Said.of(tested, made, y), names, levels):
        values[row["metric"], row["level"]].append(row["value"])
    return [float(np.nanmean(own)) if not np.isnan(own).all() else float("nan") for own in values.values()]


def _wanted(
    metrics: str | Sequence[str] | None, level: str | Sequence[str], estimator: Any = None
) -> tuple[list[str], list[str], bool]:
    """Give names of metrics and levels, and whether they score ratings."""
    if metrics is None:
        metrics = ("ccc", "rmse") if is_rating(estimator) else ("balanced_accuracy",)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    levels = [level] if isinstance(level, str) else list(level)
    for kind, asked, known in (("metric", names, SCORERS), ("level", levels, ("window", "trial"))):
        if not asked:
            raise ConfigError(f"no {kind} asked for; expected some of {', '.join(known)}")
        for name in asked:
            if name not in known:
                raise unknown_name(kind, name, known)
    ratings = {SCORERS[name].needs == "ratings" for name in names}
    if len(ratings) > 1:
        raise ConfigError(f"{', '.join(names)}: some score labels and some continuous ratings; ask for one kind")
    return names, levels, ratings.pop()


def is_rating(estimator: Any) -> bool:
    """Say whether an estimator predicts continuous ratings.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Or anything with fit and predict.

    Returns
    -------
    bool
        Whether it is a regressor.
    """
    # A class of somebody's own may have fit and predict only, and no tags to ask.
    return hasattr(estimator, "__sklearn_tags__") and bool(is_regressor(estimator))


def _with_scores(names: Iterable[str], levels: Iterable[str]) -> bool:
    return "trial" in levels or any(SCORERS[name].needs in ("scores", "probabilities") for name in names)


def _text(labels: Iterable[Any]) -> Array:
    """Write labels so that whole numbers, which turn into floats beside a missing one, stay what they were."""
    return np.asarray([f"{v:.0f}" if isinstance(v, float) and v.is_integer() else str(v) for v in labels])


def _tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["variant", "protocol", "target_access", "fold", "subject", "metric", "level", "value", "n_windows"]
    columns += ["n_trials", "n_unlabelled", "chance", "leaks", "shares", "why"]
    return pd.DataFrame(rows, columns=columns).astype({"fold": "Int64"})
