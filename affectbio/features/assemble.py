"""Several sets of features of several signals in one tidy table, from a list of names or a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from affectbio._toml import Table, load_toml
from affectbio.errors import ConfigError, DataError
from affectbio.features.sets import SETS, NamedSet, fitting_sets, named_set, why_not
from affectbio.features.window import WindowFeature
from affectbio.registry import unknown_name
from affectbio.types import Recording, Signal, Windows, table_of_windows

__all__ = ["FeatureSet", "FeatureTable"]

Progress = Callable[[str, int, int], None]
_T = TypeVar("_T")

# A row a second for 115 days; what has more has two clocks, one of which begins at 0.
_MOST_ROWS = 10_000_000
# Two clocks that differ by less mean the same moment.
_SLACK = 1e-6
_WHO_AND_WHEN = ["subject", "session", "trial", "stimulus", "start", "stop", "trial_type"]


class _Set(Table):
    name: str
    feature: str | None = None
    signal: str | None = None
    window_s: float | None = Field(None, gt=0)
    valid_if: tuple[str, ...] | None = None
    params: dict[str, Any] = Field(default_factory=dict)


class _Recipe(Table):
    schema_version: Literal[1] = Field(alias="schema")
    step_s: float | None = Field(None, gt=0)
    set: tuple[_Set, ...] = Field(min_length=1)


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """What `FeatureSet.extract` gives.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a window: ``subject, session, trial, stimulus, start, stop, trial_type``, then for every set its
        columns, ``<set>_valid`` and ``<set>_reason``: why it is not, else empty. NaN is what is not known. ``trial``,
        ``stimulus`` and ``trial_type`` are missing where a window lies in no event.
    left_out : pandas.DataFrame
        One row a recording: ``subject, session, duration_s``, and ``tail_s``, the seconds after its last window.
    columns : mapping of str to tuple of str
        Columns by set.
    """

    table: pd.DataFrame
    left_out: pd.DataFrame
    columns: Mapping[str, tuple[str, ...]]

    def share_valid(self) -> dict[str, float]:
        """Give the share of valid windows by set, 0 to 1."""
        return {name: float(self.table[f"{name}_valid"].mean()) for name in self.columns}

    def windows(self, sets: str | Sequence[str] | None = None, *, only_known: bool = True) -> Windows:
        """Give what an estimator takes.

        Parameters
        ----------
        sets : str or sequence of str, optional
            Some of the sets; all if not given.
        only_known : bool
            Leave out the windows that lie in no event, or of which a column is not known.

        Returns
        -------
        Windows
            ``X`` of shape (n_windows, n_columns), ``y`` the ``trial_type`` of the event.

        Raises
        ------
        ConfigError
            If there is no such set.
        DataError
            If no window is left.
        """
        wanted = list(self.columns) if sets is None else _listed(sets)
        for name in wanted:
            if name not in self.columns:
                raise unknown_name("feature set", name, self.columns)
        names = [c for s in wanted for c in self.columns[s]]
        kept = self.table
        if only_known:
            inside = kept["trial_type"].notna().to_numpy()
            known = np.isfinite(kept[names].to_numpy()).all(axis=1) & inside
            if not known.any():
                never = [n for n in names if not np.isfinite(kept[n]).any()]
                raise DataError(
                    f"none of {len(kept)} windows lies inside an event and is known in every column"
                    + (f"; never known: {', '.join(never[:5])}" if never else "")
                    + ("" if inside.any() else "; none lies inside an event: only_known=False takes them all")
                )
            kept = kept[known]
        kept = kept.reset_index(drop=True)
        return Windows(
            kept[names].to_numpy(),
            kept["trial_type"].to_numpy(dtype=object),
            kept[_WHO_AND_WHEN],
            ("window", "feature"),
            features=tuple(names),
        )


class FeatureSet:
    """Computes several sets of features from recordings with several signals, on one clock.

    At every step, all sets look back from the same moment, each over a window of its own length: entropy of the EEG
    over 2 s beside heart rate variability over 60 s. The moments run over the whole of a recording, whether it has
    events or not.

    Parameters
    ----------
    sets : str, or sequence of str or NamedSet
        Names in ``affectbio.features.SETS``, also as one word with commas, or sets of one's own.
    window_s : float, optional
        Length of every set's window in seconds; each set's own if not given.
    step_s : float
        Distance between windows in seconds.

    Raises
    ------
    ConfigError
        If there is no such set (the nearest is suggested), two have one name, or a feature does not take a parameter.

    Examples
    --------
    >>> from affectbio.types import Channel
    >>> rng = np.random.default_rng(0)
    >>> eeg = Signal(1e-5 * rng.standard_normal((2, 1280)), 128.0, [Channel("C3"), Channel("C4")])
    >>> found = FeatureSet(["eeg-hjorth"], step_s=0.5).extract([Recording({"eeg": eeg}, subject="01")])
    >>> found.table[["subject", "start", "stop", "eeg-hjorth_C3_mobility", "eeg-hjorth_valid"]].round(1).tail(1)
       subject  start  stop  eeg-hjorth_C3_mobility  eeg-hjorth_valid
    16      01    8.0  10.0                   180.4              True
    """

    def __init__(
        self, sets: str | Sequence[str | NamedSet], *, window_s: float | None = None, step_s: float = 1.0
    ) -> None:
        sets = _listed(sets)
        if not sets:
            raise ConfigError(f"expected at least one feature set; known: {', '.join(SETS)}")
        if not step_s > 0 or (window_s is not None and not window_s > 0):
            raise ConfigError(f"lengths are positive; found window_s={window_s}, step_s={step_s}")
        self.sets: tuple[NamedSet, ...] = tuple(
            named_set(s, window_s) if isinstance(s, str) else s if window_s is None else replace(s, window_s=window_s)
            for s in sets
        )
        self.step_s = step_s
        names = [s.name for s in self.sets]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"two feature sets are named {name!r}; expected a name of its own for each")
        for each in self.sets:
            if each.make().learns:
                raise ConfigError(
                    f"set {each.name!r}: {each.feature} learns from the windows it is fitted on, so that it belongs "
                    f"into a model's pipeline; here use covariance with log = true"
                )

    @classmethod
    def from_recipe(
        cls, recipe: str | Path, *, window_s: float | None = None, step_s: float | None = None
    ) -> FeatureSet:
        """Read a recipe: a TOML file, or names of sets.

        ::

            schema = 1
            step_s = 0.5

            [[set]]
            name = "eeg-de"

            [[set]]
            name = "slow"
            feature = "differential-entropy"
            window_s = 4.0
            params = { bands = { slow = [0.5, 2.0] } }

        Parameters
        ----------
        recipe : str or Path
            The path of a file that ends in ``.toml``, or names in ``affectbio.features.SETS`` with commas between.
        window_s : float, optional
            Length of every set's window in seconds; each set's own if not given.
        step_s : float, optional
            Distance between windows in seconds; what the recipe says, or 1 s, if not given.

        Returns
        -------
        FeatureSet
            Every name in it is known.

        Raises
        ------
        ConfigError
            If there is no such file or name, or a key in it is not right: which, and the nearest right one.
        """
        path = Path(recipe)
        if path.suffix != ".toml":
            return cls(str(recipe), window_s=window_s, step_s=1.0 if step_s is None else step_s)
        if not path.is_file():
            raise ConfigError(f"no recipe {path}; expected a TOML file or one of {', '.join(SETS)}")
        read = load_toml(path, _Recipe)
        try:
            sets = [_own_set(s) for s in read.set]
            if step_s is None:
                step_s = 1.0 if read.step_s is None else read.step_s
            return cls(sets, window_s=window_s, step_s=step_s)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None

    def extract(self, recordings: Recording | Iterable[Recording], progress: Progress | None = None) -> FeatureTable:
        """Run over recordings.

        Parameters
        ----------
        recordings : Recording or iterable of Recording
            One, or several, taken one after the other, so that they may be read as they are needed.
        progress : callable, optional
            Called now and then with a set's name, windows done and windows in all.

        Returns
        -------
        FeatureTable
            The table, and what was left out.

        Raises
        ------
        DataError
            If a recording lacks the signal of a set (it says what there is, and which sets fit), is shorter than the
            shortest window, has signals on clocks far apart, or other channels than those before it.

        Notes
        -----
        A window of length L at the moment t holds the samples with t - L <= time < t on the recording's clock. A set
        whose signal does not reach over all of it is not valid there. A row lies in an event if the longest of its
        windows does. Time grows with the number of windows; of a recording's features all are held, of its windows only
        few at a time.
        """
        if isinstance(recordings, Recording):
            recordings = [recordings]
        tables, left_out = [], []
        columns: dict[str, tuple[str, ...]] = {}
        for recording in recordings:
            sources = {s.name: self._source(s, recording) for s in self.sets}
            for each in self.sets:
                found = _names_of(each, sources[each.name])
                if columns.setdefault(each.name, found) != found:
                    raise DataError(
                        f"recordings differ in the channels of {each.name!r}: {', '.join(columns[each.name][:3])}, … "
                        f"and {', '.join(found[:3])}, …; bring them to the same first"
                    )
            begin = min(s.start for s in sources.values())
            end = max(s.start + s.duration for s in sources.values())
            shortest = min(s.window_s for s in self.sets)
            n_windows = int(np.floor((end - begin - shortest) / self.step_s + _SLACK)) + 1
            if n_windows < 1:
                raise DataError(
                    f"the recording lasts {end - begin:.2f} s, the shortest window {shortest:g} s; expected at least "
                    f"one window: record longer, or give a shorter window_s"
                )
            if n_windows > _MOST_ROWS:
                begins = ", ".join(f"{name} {source.start:.0f} s" for name, source in sources.items())
                raise DataError(
                    f"from the first signal's begin to the last one's end there are {end - begin:.0f} s, which are "
                    f"{n_windows} windows; signals begin at {begins}: bring them to one clock, or give a longer step_s"
                )
            stops = begin + shortest + self.step_s * np.arange(n_windows, dtype=np.float64)
            who = self._who_and_when(recording, begin, stops)
            parts = [
                _columns_of(s, s.make(recording), sources[s.name], columns[s.name], stops, progress) for s in self.sets
            ]
            tables.append(pd.concat([who, *parts], axis=1))
            left_out.append((recording.subject, recording.session, end - begin, max(0.0, end - float(stops[-1]))))
        if not tables:
            raise DataError("no recordings to take features of; expected at least one")
        return FeatureTable(
            pd.concat(tables, ignore_index=True),
            pd.DataFrame(left_out, columns=["subject", "session", "duration_s", "tail_s"]),
            columns,
        )

    def _source(self, wanted: NamedSet, recording: Recording) -> Signal:
        source = wanted.source(recording)
        if source is not None:
            return source
        fitting = ", ".join(fitting_sets(recording)) or "none"
        found = ", ".join(
            f"{n} ({'/'.join(sorted({c.kind for c in s.channels}))})" for n, s in recording.signals.items()
        )
        raise DataError(
            f"feature set {wanted.name!r} cannot be computed: {why_not(wanted, recording)}; found the signals {found}. "
            f"Sets that fit: {fitting}"
        )

    def _who_and_when(self, recording: Recording, begin: float, stops: npt.NDArray[np.float64]) -> pd.DataFrame:
        longest = max(s.window_s for s in self.sets)
        inside, where = table_of_windows(recording, stops - longest, longest)
        table = pd.DataFrame({"subject": recording.subject, "session": recording.session}, index=range(len(stops)))
        for column in ("trial", "stimulus", "trial_type"):
            values = np.full(len(stops), None, dtype=object)
            values[where] = inside[column].astype(str)
            table[column] = pd.Series(values, dtype="str")
        # What a row knows of begins with the longest window, or with the recording.
        table["start"], table["stop"] = np.maximum(begin, stops - longest), stops
        return table[_WHO_AND_WHEN]


def _listed(sets: str | Sequence[_T]) -> list[_T | str]:
    """Take one word apart at its commas, which would else be taken letter by letter."""
    return [name.strip() for name in sets.split(",") if name.strip()] if isinstance(sets, str) else list(sets)


def _own_set(read: _Set) -> NamedSet:
    if read.feature is None:
        made = named_set(read.name, read.window_s)
    elif read.window_s is None:
        raise ConfigError(f"set {read.name!r} has a feature and no window_s; expected its length in seconds")
    else:
        made = NamedSet(read.name, read.feature, read.window_s)
    valid_if = made.valid_if if read.valid_if is None else read.valid_if
    return replace(made, signal=read.signal, params={**made.params, **read.params}, valid_if=valid_if)


def _names_of(wanted: NamedSet, source: Signal) -> tuple[str, ...]:
    try:
        return tuple(wanted.columns(source))
    except ConfigError:
        raise
    except ValueError as error:
        raise DataError(f"feature set {wanted.name!r}: {error}") from error


def _columns_of(
    wanted: NamedSet,
    feature: WindowFeature,
    source: Signal,
    columns: Sequence[str],
    stops: npt.NDArray[np.float64],
    progress: Progress | None,
) -> pd.DataFrame:
    """Compute one set at the moments where its windows end."""
    length = round(wanted.window_s * source.sfreq)
    if length < 1:
        raise DataError(f"a window of {wanted.window_s:g} s holds no sample of {wanted.name!r} at {source.sfreq:g} Hz")
    # The last sample is the last one before the moment; rounded first, for 0.57 * 100 is 56.99999999999999.
    after = np.ceil(np.round((stops - source.start) * source.sfreq, 6)).astype(np.int64)
    first = after - length
    inside = (first >= 0) & (after <= source.n_times)

    def report(n_done: int) -> None:
        if progress is not None:
            progress(wanted.name, n_done, int(inside.sum()))

    report(0)
    values = np.full((len(stops), len(columns)), np.nan)
    try:
        values[inside] = feature.measure_at(source, first[inside], length, report)
    except ValueError as error:
        # Too short a window, a rate too low, a unit that is none: the kernel does not know whose.
        raise DataError(
            f"feature set {wanted.name!r}, {wanted.window_s:g} s at {source.sfreq:g} Hz: {error}"
        ) from error
    report(int(inside.sum()))
    valid = wanted.valid(values, columns)
    lost = np.concatenate([[0], np.cumsum(~np.isfinite(source.data).all(axis=0))])
    torn = np.zeros(len(stops), bool)
    torn[inside] = lost[after[inside]] > lost[first[inside]]
    reason = np.select([valid, ~inside, torn], ["", "outside the signal", "samples are lost"], "too short or too poor")
    table = pd.DataFrame(values, columns=list(columns))
    table[f"{wanted.name}_valid"] = valid
    table[f"{wanted.name}_reason"] = pd.Categorical(reason)
    return table
