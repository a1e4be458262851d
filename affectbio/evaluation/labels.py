"""Makes classes of what people said or did, only as it is declared: which column, where it is cut, what is left out.

Readers give ratings on the scale of the form. Where they are cut decides what is told apart and how uneven it is, so
it is written down, and so is everybody whom the cut leaves with one class only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import ConfigError, DataError
from affectbio.evaluation.protocols import person_ids, trial_ids
from affectbio.registry import unknown_name
from affectbio.types import Windows

__all__ = ["Label", "Labelled"]

# More values than any list of emotions has: ratings on a scale.
_MOST_CLASSES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Windows with labels, and what became of everybody's.

    Attributes
    ----------
    windows : Windows
        All that were given; those left out have the label None (ratings: NaN).
    kept : ndarray of bool, shape (n_windows,)
        Which have a label.
    counts : pandas.DataFrame
        ``subject, label, n_windows, n_trials`` of those kept; of ratings, one row a person with the label ``"rated"``.
    excluded : pandas.DataFrame
        ``subject, why, n_windows, n_trials`` of those left out.
    notes : tuple of str
        What a reader should know: ties at the cut, people of one class.
    """

    windows: Windows
    kept: npt.NDArray[np.bool_]
    counts: pd.DataFrame
    excluded: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """What is told apart.

    Parameters
    ----------
    column : str
        Of the metadata: ``"trial_type"``, ``"emotion"``, ``"valence"``.
    above : float, optional
        Cut a rating here: strictly above is the second name, the cut itself and below the first.
    names : tuple of str
        Of the two sides of the cut.
    keep : tuple of str
        Only these values; all if empty.
    leave_out : tuple of str
        Values of ``trial_type`` that are no trials, such as ``"baseline"``.
    ratings : bool
        Whether the column stays the continuous rating that it is.

    Raises
    ------
    ConfigError
        If it says two things at once.

    Examples
    --------
    >>> table = pd.DataFrame({"subject": "a", "session": "1", "trial": list("123"), "stimulus": "x", "start": 0.0,
    ...                       "stop": 1.0, "valence": [2.0, 5.0, 7.5]})
    >>> windows = Windows(np.zeros((3, 1)), None, table, ("window", "feature"))
    >>> made = Label("valence", above=5).apply(windows)
    >>> made.windows.y.tolist(), made.notes
    (['low', 'low', 'high'], ('valence is exactly 5 in 1 trial of 1 person, which is counted as low',))
    """

    column: str = "trial_type"
    above: float | None = None
    names: tuple[str, str] = ("low", "high")
    keep: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    ratings: bool = False

    def __post_init__(self) -> None:
        if self.ratings and (self.above is not None or self.keep):
            raise ConfigError("a label is either cut or kept as ratings; found ratings = true with above or keep")
        if self.above is not None and self.keep:
            raise ConfigError("above cuts a rating, keep chooses among names; give one of them")
        if len(set(self.names)) != 2:
            raise ConfigError(f"the two sides of a cut need two names; found {', '.join(self.names)}")

    def apply(self, windows: Windows, scales: Mapping[str, tuple[float, float]] | None = None) -> Labelled:
        """Give windows their labels.

        Parameters
        ----------
        windows : Windows
            Whose metadata have the column.
        scales : mapping of str to (float, float), optional
            Ends of the scales of ratings, by column.

        Returns
        -------
        Labelled
            With counts, exclusions and notes.

        Raises
        ------
        ConfigError
            If there is no such column.
        DataError
            If a subject or trial has no name, a rating lies outside its scale or is no number, a value of ``keep``
            never occurs, or nothing is left.
        """
        table = windows.metadata
        if self.column not in table.columns:
            raise unknown_name("column to make labels of", self.column, map(str, table.columns))
        for column in ("subject", "trial"):
            nameless = table[column].isna() | (table[column].astype(str).str.strip() == "")
            if nameless.any():
                raise DataError(
                    f"{int(nameless.sum())} of {len(table)} windows have no {column}, the first is row "
                    f"{int(nameless.to_numpy().argmax())}; without it nobody can be held out: name it in the recording"
                )
        why = np.full(len(table), "", dtype=object)
        if self.leave_out:
            kinds = table["trial_type"].astype(str) if "trial_type" in table else pd.Series("", index=table.index)
            out = kinds.isin(self.leave_out).to_numpy()
            why[out] = ("trial_type is " + kinds[out]).to_numpy()
        values = table[self.column].astype(object)
        missing = values.isna().to_numpy() & (why == "")
        why[missing] = f"no {self.column}"
        if self.keep:
            words = values.map(_word)
            for name in self.keep:
                if name not in set(words):
                    raise DataError(f"{self.column}: {unknown_name('value to keep', name, set(words) - {'nan', ''})}")
            strange = ~words.isin(self.keep).to_numpy() & (why == "")
            why[strange] = (f"{self.column} is " + words[strange]).to_numpy()
        kept = why == ""
        if not kept.any():
            raise DataError(f"no window has a {self.column} that is asked for; the first reason: {why[0]}")
        y, notes = self._labels(windows, values, kept, (scales or {}).get(self.column))
        made = replace(windows, y=y)
        counts = _counts(made, kept, np.full(len(y), "rated", dtype=object) if self.ratings else y, "label")
        if not self.ratings:
            n_classes = counts.groupby("subject")["label"].nunique()
            if counts["label"].nunique() < 2:
                raise DataError(
                    f"all {int(kept.sum())} windows have the label {counts['label'].iloc[0]!r}; expected two or more "
                    f"classes: look at above and keep"
                )
            lone = [str(name) for name in n_classes.index[n_classes < 2]]
            if lone:
                notes.append(f"one class only, so that a score says nothing: {', '.join(lone)}")
        return Labelled(made, kept, counts, _counts(windows, ~kept, why, "why"), tuple(notes))

    def _labels(
        self, windows: Windows, values: pd.Series[Any], kept: npt.NDArray[np.bool_], scale: tuple[float, float] | None
    ) -> tuple[npt.NDArray[Any], list[str]]:
        numbers = pd.to_numeric(values.where(kept), errors="coerce").to_numpy(dtype=float)
        rated = self.ratings or self.above is not None
        if rated or scale is not None:
            self._check_numbers(windows, values, numbers, kept, scale)
        if self.ratings:
            return np.where(kept, numbers, np.nan), []
        if self.above is not None:
            low, high = self.names
            y = np.full(len(numbers), None, dtype=object)
            y[kept] = np.where(numbers > self.above, high, low)[kept]
            ties = kept & (numbers == self.above)
            n_trials, n_people = (len(set(ids(windows)[ties])) for ids in (trial_ids, person_ids))
            tie = (
                f"{self.column} is exactly {self.above:g} in {n_trials} {'trial' if n_trials == 1 else 'trials'} of "
                f"{n_people} {'person' if n_people == 1 else 'people'}, which is counted as {low}"
            )
            return y, [tie] if n_trials else []
        words = values[kept].map(_word)
        if words.nunique() > _MOST_CLASSES:
            raise DataError(
                f"{self.column} has {words.nunique()} different values, such as {', '.join(sorted(set(words))[:3])}; "
                f"cut it with above, choose with keep, or say ratings = true"
            )
        y = np.full(len(values), None, dtype=object)
        y[kept] = words.to_numpy(dtype=object)
        return y, []

    def _check_numbers(
        self,
        windows: Windows,
        values: pd.Series[Any],
        numbers: npt.NDArray[np.float64],
        kept: npt.NDArray[np.bool_],
        scale: tuple[float, float] | None,
    ) -> None:
        low, high = scale or (-np.inf, np.inf)
        wrong = np.flatnonzero(kept & ~((numbers >= low) & (numbers <= high) & np.isfinite(numbers)))
        if len(wrong):
            where = f"subject/session/trial {trial_ids(windows)[wrong[0]]}"
            expected = f"{low:g} to {high:g}" if scale else "a number"
            raise DataError(
                f"{where}: {self.column} is {values.iloc[wrong[0]]}, expected {expected} ({len(wrong)} such windows); "
                f"correct the rating, or take the trial out"
            )


def _word(value: Any) -> str:
    """Write a value so that whole numbers, which turn into floats beside a missing one, stay what they were."""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def _counts(windows: Windows, which: npt.NDArray[np.bool_], what: npt.NDArray[Any], name: str) -> pd.DataFrame:
    table = pd.DataFrame({"subject": person_ids(windows), name: what, "trial": trial_ids(windows)})[which]
    counted = table.groupby(["subject", name], sort=True)["trial"].agg(n_windows="size", n_trials="nunique")
    return counted.reset_index()
