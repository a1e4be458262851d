"""DEAP: 32 people watching 40 music videos (Koelstra et al., IEEE Trans. Affect. Comput. 3(1), 2012).

Read through an imitation only: no copy was at hand. What is said here of channels, rates, order and codes comes from
programs that are used on the real files and from memory of the data set's page; each place says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab import load_mat, mat_shapes, numbered
from affectbio.datasets._unpickle import load_pickle
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.errors import DataError, DatasetLayoutError
from affectbio.registry import unknown_name
from affectbio.types import Channel, Consent, Recording, Signal

__all__ = ["DEAP"]

#: The order of the preprocessed files and of those of Geneva (s23 to s32); those of Twente differ.
CHANNELS = (
    *("Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz"),
    *("Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2"),
)

_RATINGS = ("valence", "arousal", "dominance", "liking")  # their order in the files
_BASELINE_S, _VIDEO_S = 3.0, 60.0
_SFREQ, _N_TIMES, _N_TRIALS = 128.0, 8064, 40

_EEG = [Channel(name) for name in CHANNELS]
_EOG = [Channel("hEOG", "eog"), Channel("vEOG", "eog")]
_EMG = [Channel("zEMG", "emg"), Channel("tEMG", "emg")]
# Unit as the page says, from memory: microvolts for the first 36 rows.
_SCALE = np.repeat([1e-6, 1.0], [36, 4])[:, None]

_FORMS = {
    "python": ("data_preprocessed_python", r"s(\d+)\.dat"),
    "matlab": ("data_preprocessed_matlab", r"s(\d+)\.mat"),
    "original": ("data_original", r"s(\d+)\.bdf"),
}
_ACCESS = "It is given for research after an agreement is signed: https://www.eecs.qmul.ac.uk/mmv/datasets/deap/"
_CONSENT = Consent(("research",), "DEAP end user licence agreement, Queen Mary University of London")

# The same shown trials for everybody whose copies were seen: one source, a reader of the BDF files.
_NO_START_CODE = {"s28": (24, 25, 26)}

_FACTS = Facts(
    title="DEAP",
    source="Koelstra et al., IEEE Trans. Affect. Comput. 3(1):18, 2012, doi 10.1109/T-AFFC.2011.15",
    access=_ACCESS,
    n_subjects=32,
    n_recordings=40,
    n_trials=40,
    signals={
        "eeg": SignalFacts(32, 128.0, 2e-7, 5e-4),
        "eog": SignalFacts(2, 128.0, 2e-7, 5e-3),
        "emg": SignalFacts(2, 128.0, 2e-7, 5e-3),
        "eda": SignalFacts(1, 128.0, 0.0, 1e-3),
        "resp": SignalFacts(1, 128.0),
        "ppg": SignalFacts(1, 128.0),
        "temperature": SignalFacts(1, 128.0, 0.0, 10.0),
    },
    ratings=dict.fromkeys(_RATINGS, (1.0, 9.0)),
)
_FACTS_ORIGINAL = Facts(
    title=_FACTS.title,
    source=_FACTS.source,
    access=_ACCESS,
    n_subjects=32,
    n_recordings=1,
    n_trials=40,
    # An amplifier without high-pass drifts by millivolts within an hour.
    signals={
        name: SignalFacts(f.n_chans, 512.0, f.low, f.high * (100 if name in ("eeg", "eog", "emg") else 1))
        for name, f in _FACTS.signals.items()
    },
    ratings=_FACTS.ratings,
    absent={"s28": "the trials shown as 24, 25 and 26 have no start code in s28.bdf"},
)


class DEAP(Dataset):
    """A copy of DEAP: the preprocessed files of Python or MATLAB, or the original BDF files.

    Parameters
    ----------
    root : str or Path
        The folder that holds ``data_preprocessed_python``, ``data_preprocessed_matlab`` or ``data_original``, or one
        of these.
    form : str, optional
        ``"python"``, ``"matlab"`` or ``"original"``; the first of them that is there if not given.

    Raises
    ------
    ConfigError
        If there is no such form.
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Preprocessed: one Recording per trial, 63 s at 128 Hz. The first 3 s before the video are an event of their own,
    ``"baseline"``, without ratings; the ``"stimulus"`` of 60 s has valence, arousal, dominance and liking from 1 to 9.
    Trials stand in the order of the videos (``stimulus`` is Experiment_id), not as shown: ``position`` says that order,
    and familiarity (1 to 5) how well known the video was, where ``metadata_csv/participant_ratings.csv`` is in the
    copy. The EEG went through a band-pass of 4-45 Hz and a common average, so that it holds no delta band and has a
    rank of at most 31.

    The data set's page, remembered and not verified on a copy, gives the skin's channel as a resistance in ohm; it is
    turned into a conductance. Where a trial holds values that no resistance has, it stays as it is under the name
    ``"gsr"``, and ``meta["missing"]`` says so.

    Original: one Recording per person at 512 Hz, not referenced and not filtered, with trials as shown (``trial`` is
    the place shown), cut by the start codes of the Status channel and joined to their ratings through
    participant_ratings.csv, which must be there. The two sites order the electrodes differently; they are taken by
    name. hEOG is EXG1-EXG2, vEOG EXG3-EXG4, zEMG EXG5-EXG6, tEMG EXG7-EXG8 as in the preprocessed files; GSR2, Erg1
    and Erg2 are left out. Reading takes about 1 GB of memory for an hour.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = DEAP(synthesise("deap", folder, n_subjects=1))
    ...     trial = next(data.recordings(["s01"]))
    >>> trial.signals["eeg"].data.shape, trial.signals["eda"].channels[0].unit
    ((32, 8064), 'S')
    >>> trial.events[["onset", "duration", "trial_type", "stimulus"]].values.tolist()
    [[0.0, 3.0, 'baseline', '01'], [3.0, 60.0, 'stimulus', '01']]
    """

    facts = _FACTS

    def __init__(self, root: str | Path, form: str | None = None) -> None:
        super().__init__(root)
        if form is not None and form not in _FORMS:
            raise unknown_name("form of DEAP", form, _FORMS)
        self.form, self._files = "python", dict[str, Path]()
        for name in _FORMS if form is None else [form]:
            folder, pattern = _FORMS[name]
            inside = self.root / folder if (self.root / folder).is_dir() else self.root
            numbers = numbered((path.name for path in inside.iterdir()), pattern)
            if numbers:
                self.form = name
                self._files = {f"s{number:02d}": inside / file for number, file in numbers.items()}
                break
        if self.form == "original":
            self.facts = _FACTS_ORIGINAL
        self._table = self.root / "metadata_csv" / "participant_ratings.csv"
        if not self._table.is_file():
            self._table = self.root.parent / "metadata_csv" / "participant_ratings.csv"

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms, ``"s01"`` to ``"s32"``.

        Returns
        -------
        list of str
            Those whose file is there.

        Raises
        ------
        DatasetLayoutError
            If there is none.
        """
        if not self._files:
            raise self._nobody("s01.dat, s01.mat or s01.bdf (in data_preprocessed_python, _matlab or data_original)")
        return list(self._files)

    def _read(self, subject: str) -> Iterator[Recording]:
        path = self._files[subject]
        if self.form == "original":
            yield _original(path, subject, self._shown(subject))
            return
        data, labels = _PREPROCESSED[self.form](path)
        shown = self._shown(subject) if self._table.is_file() else None
        problem = None if shown is None else _disagreement(labels, shown)
        videos = np.arange(1, _N_TRIALS + 1)
        names = [f"{video:02d}" for video in videos]
        events = _events(np.full(_N_TRIALS, _BASELINE_S), names, _about(labels, videos, shown))
        for trial in range(_N_TRIALS):
            signals, missing = _trial(data[trial])
            yield Recording(
                signals,
                subject=subject,
                events=events.iloc[2 * trial : 2 * trial + 2].reset_index(drop=True),
                consent=_CONSENT,
                meta={"dataset": "deap", "file": path.name, "missing": missing}
                | ({"problem": problem} if problem else {}),
            )

    def _shown(self, subject: str) -> pd.DataFrame:
        """Give a person's rows of participant_ratings.csv, with video 1 first."""
        if not self._table.is_file():
            raise DatasetLayoutError(
                f"no metadata_csv/participant_ratings.csv in {self.root} or beside it; the trials of the BDF files are "
                f"in the order shown, and only that table says which video each was. {_ACCESS}"
            )
        try:
            table = pd.read_csv(self._table)
        except ValueError as error:
            raise DataError(f"{self._table} cannot be read as a table: {error}") from None
        table.columns = [name.strip().lower() for name in table.columns]
        for column in ("participant_id", "trial", "experiment_id", *_RATINGS):
            if column not in table:
                raise DataError(f"{self._table}: no column {column.capitalize()!r}; found {', '.join(table.columns)}")
            numbers = pd.to_numeric(table[column], errors="coerce")
            odd = table.loc[numbers.isna() & table[column].notna(), column]
            if len(odd):
                raise DataError(
                    f"{self._table}, row {odd.index[0] + 2}: {column.capitalize()} is {odd.iloc[0]!r}; expected numbers"
                )
            table[column] = numbers
        rows = table[table["participant_id"] == int(subject[1:])].sort_values("experiment_id").reset_index(drop=True)
        expected = list(range(1, _N_TRIALS + 1))
        for column in ("trial", "experiment_id"):
            if sorted(rows[column]) != expected:
                raise DataError(
                    f"{self._table}: {column.capitalize()} of participant {int(subject[1:])} is not each of 1 to 40 "
                    f"once; found {len(rows)} rows"
                )
        return rows


def _checked(data: Any, labels: Any, path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    for name, array, shape in (
        ("data", data, (_N_TRIALS, 40, _N_TIMES)),
        ("labels", labels, (_N_TRIALS, len(_RATINGS))),
    ):
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
            found = f"{array.dtype} array" if isinstance(array, np.ndarray) else type(array).__name__
            raise DataError(f"{path}: {name} is a {found}; expected an array of floating-point numbers")
        if array.shape != shape:
            raise DataError(f"{path}: {name} has shape {array.shape}; expected {shape} (trial, channel, time)")
    return data, labels


def _read_python(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    content = load_pickle(path)
    if not isinstance(content, dict) or not {"data", "labels"} <= content.keys():
        found = ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise DataError(f"{path}: expected a dictionary of data and labels; found {found[:80]}")
    return _checked(content["data"], content["labels"], path)


def _read_matlab(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    shape = mat_shapes(path).get("data", (_N_TRIALS, 40, _N_TIMES))
    if shape != (_N_TRIALS, 40, _N_TIMES):
        raise DataError(f"{path}: data has shape {shape}; expected (40, 40, 8064) (trial, channel, time)")
    content = load_mat(path, ["data", "labels"])
    return _checked(content["data"], content["labels"], path)


_PREPROCESSED = {"python": _read_python, "matlab": _read_matlab}


def _trial(samples: npt.NDArray[Any]) -> tuple[dict[str, Signal], tuple[str, ...]]:
    """Make the signals of one trial from (40, n_times)."""
    # A new array, so that a trial that is kept does not keep the whole file in memory.
    data = samples * _SCALE
    signals = {
        "eeg": Signal(data[:32], _SFREQ, _EEG),
        "eog": Signal(data[32:34], _SFREQ, _EOG),
        "emg": Signal(data[34:36], _SFREQ, _EMG),
    }
    missing = _add_skin(signals, data[36:37], _SFREQ, is_ohm=True)
    signals["resp"] = Signal(data[37:38], _SFREQ, [Channel("Resp", "resp")])
    signals["ppg"] = Signal(data[38:39], _SFREQ, [Channel("Plet", "ppg")])
    signals["temperature"] = Signal(data[39:40], _SFREQ, [Channel("Temp", "temperature")])
    return signals, missing


def _add_skin(signals: dict[str, Signal], values: npt.NDArray[Any], sfreq: float, *, is_ohm: bool) -> tuple[str, ...]:
    if is_ohm and np.nanmin(values, initial=np.inf) <= 0:
        signals["gsr"] = Signal(values, sfreq, [Channel("GSR", "misc")])
        return (f"eda: the GSR channel falls to {np.nanmin(values):g}, which no resistance does; kept as 'gsr'",)
    # Twente's device gave nanosiemens, Geneva's ohm: from memory of the page.
    siemens = 1.0 / values if is_ohm else values * 1e-9
    signals["eda"] = Signal(siemens, sfreq, [Channel("GSR", "gsr")])
    return ()


def _disagreement(labels: npt.NDArray[Any], shown: pd.DataFrame) -> str | None:
    """Say if the file and the table do not have the same ratings: then one of them is in another order."""
    most = float(np.nanmax(np.abs(labels - shown[list(_RATINGS)].to_numpy(dtype=float)), initial=0.0))
    if most <= 0.01:
        return None
    return f"ratings differ by up to {most:.3g} from those of participant_ratings.csv; are both of the same release?"


def _about(ratings: npt.NDArray[Any], videos: npt.NDArray[Any], shown: pd.DataFrame | None) -> dict[str, Any]:
    """Give the columns that say what was shown and how it was rated, videos by their numbers from 1 on."""
    about: dict[str, Any] = {"stimulus": np.array([f"{video:02d}" for video in videos], dtype=object)}
    about |= dict(zip(_RATINGS, np.asarray(ratings, dtype=float).T, strict=True))
    if shown is not None:
        rows = shown.iloc[videos - 1]
        about["position"] = rows["trial"].to_numpy(dtype=int)
        if "familiarity" in rows:
            about["familiarity"] = pd.to_numeric(rows["familiarity"], errors="coerce").to_numpy(dtype=float)
    return about


def _events(starts: npt.ArrayLike, trials: list[str], about: dict[str, Any]) -> pd.DataFrame:
    """Give a baseline and a stimulus for every start of a video, in turns."""
    start = np.asarray(starts, dtype=float)
    events: dict[str, Any] = {
        "onset": np.stack([start - _BASELINE_S, start], axis=1).ravel(),
        "duration": np.tile([_BASELINE_S, _VIDEO_S], len(start)),
        "trial_type": ["baseline", "stimulus"] * len(start),
        "trial": np.repeat(np.array(trials, dtype=object), 2),
    }
    for name, values in about.items():
        events[name] = values.repeat(2)
        if name not in ("stimulus", "position"):
            events[name][::2] = np.nan  # nobody rated a baseline
    return pd.DataFrame(events).astype({"trial": str, "stimulus": str})


def _original(path: Path, subject: str, shown: pd.DataFrame) -> Recording:
    import mne

    try:
        raw = mne.io.read_raw_bdf(path, preload=False, verbose="ERROR")
    except Exception as error:
        raise DataError(f"{path} cannot be read as BDF, it is cut short or damaged: {error}") from None
    needed = [*CHANNELS, *(f"EXG{n}" for n in range(1, 9)), "GSR1", "Resp", "Plet", "Temp", "Status"]
    absent = [name for name in needed if name not in raw.ch_names]
    if absent:
        raise DataError(f"{path}: no channel {absent[0]!r}; found {', '.join(raw.ch_names)}")
    promised, there = _n_records(path)
    if there < promised:
        raise DataError(f"{path}: the header promises {promised} records, {there:.1f} are there: it is cut short")
    sfreq = float(raw.info["sfreq"])
    # Status first: if the codes are not as expected, nothing else need be read. Other lines of the trigger port set
    # the high bits, so that a 4 may come as 0x18FF04.
    codes = raw.get_data(picks=["Status"])[0].astype(int) & 0xFF
    starts = (np.flatnonzero((codes[1:] == 4) & (codes[:-1] != 4)) + 1) / sfreq
    lost = _NO_START_CODE.get(subject, ())
    places = [n for n in range(1, _N_TRIALS + 1) if n not in lost] if len(starts) != _N_TRIALS else range(1, 41)
    if len(places) != len(starts):
        raise DataError(f"{path}: {len(starts)} start codes; expected 40, and which trials lack one cannot be told")
    if starts[-1] + _VIDEO_S > raw.n_times / sfreq:
        raise DataError(
            f"{path} ends at {raw.n_times / sfreq:.1f} s, within the last video, which began at {starts[-1]:.1f} s: it "
            f"is cut short"
        )
    rows = shown.set_index("trial", drop=False).loc[list(places)].reset_index(drop=True)
    about = _about(rows[list(_RATINGS)].to_numpy(), rows["experiment_id"].to_numpy(), shown)
    signals, missing = _continuous(raw, sfreq, is_ohm=int(subject[1:]) > 22)
    return Recording(
        signals,
        subject=subject,
        events=_events(starts, [f"{n:02d}" for n in places], about),
        consent=_CONSENT,
        meta={
            "dataset": "deap",
            "file": path.name,
            "site": "Geneva" if int(subject[1:]) > 22 else "Twente",
            "missing": missing + (tuple(f"trial {n:02d}: no start code" for n in lost) if len(places) < 40 else ()),
        },
    )


def _n_records(path: Path) -> tuple[int, float]:
    """Give the records that a BDF file promises and has: MNE takes what is there without a word that is an error."""
    with path.open("rb") as file:
        header = file.read(256)
        n_signals = int(header[252:256])
        file.seek(256 + 216 * n_signals)
        n_samples = sum(int(file.read(8)) for _ in range(n_signals))
    return int(header[236:244]), (path.stat().st_size - 256 * (n_signals + 1)) / (3 * n_samples)


def _continuous(raw: Any, sfreq: float, *, is_ohm: bool) -> tuple[dict[str, Signal], tuple[str, ...]]:
    def read(*names: str) -> npt.NDArray[np.float64]:
        data: npt.NDArray[np.float64] = raw.get_data(picks=[raw.ch_names.index(name) for name in names])
        return data

    def difference(one: str, other: str) -> npt.NDArray[np.float64]:
        pair = read(one, other)
        wire: npt.NDArray[np.float64] = pair[0] - pair[1]
        return wire

    signals = {
        "eeg": Signal(read(*CHANNELS), sfreq, _EEG),
        "eog": Signal(np.stack([difference("EXG1", "EXG2"), difference("EXG3", "EXG4")]), sfreq, _EOG),
        "emg": Signal(np.stack([difference("EXG5", "EXG6"), difference("EXG7", "EXG8")]), sfreq, _EMG),
    }
    missing = _add_skin(signals, read("GSR1"), sfreq, is_ohm=is_ohm)
    for name, label, kind in (("resp", "Resp", "resp"), ("ppg", "Plet", "ppg"), ("temperature", "Temp", "temperature")):
        signals[name] = Signal(read(label), sfreq, [Channel(label, kind)])
    return signals, missing
