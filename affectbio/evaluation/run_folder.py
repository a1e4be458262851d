"""What an evaluation leaves on disk, so that it can be audited later, by others, without its code.

::

    run/
      metadata.csv      or .parquet; one row per window: subject, trial; session, stimulus, start, stop, label if known
      folds.json        {"folds": [{"train": [...], "test": [...]}, ...]}, and what the protocol says of itself
      predictions.csv   fold, window, predicted (more columns are welcome); optional
      X.npz             one array, shape (n_windows, ...); optional
      audit.json        the report of an audit made while the pipeline was at hand; optional

Everything is data: arrays with pickled objects are refused, nothing is executed.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import ConfigError, DataError, DatasetLayoutError
from affectbio.evaluation._atomic import write_text
from affectbio.evaluation.protocols import Split, WindowSplitter
from affectbio.types import Windows

__all__ = ["StoredRun", "as_windows", "read_features", "read_folds", "read_metadata", "read_run", "write_run"]


@dataclass(frozen=True, slots=True, eq=False)
class StoredRun:
    """A run as it is on disk.

    Attributes
    ----------
    windows : Windows
        Metadata and labels; ``X`` has no features if they were not stored.
    folds : list of (train, test)
        Indices.
    predicted : list of ndarray, optional
        Labels given, one array per fold.
    protocol : str
        Its name, empty if not stored.
    holdout, leaks : tuple of str
        What it promises to keep apart, and what it says it leaks.
    embargo_s : float
        Seconds between training and test windows of one trial.
    """

    windows: Windows
    folds: list[Split]
    predicted: list[npt.NDArray[Any]] | None = None
    protocol: str = ""
    holdout: tuple[str, ...] = ("trial", "overlap")
    leaks: tuple[str, ...] = ()
    embargo_s: float = 0.0


def write_run(
    folder: Path,
    windows: Windows,
    folds: Sequence[Split],
    protocol: WindowSplitter,
    *,
    predictions: pd.DataFrame | None = None,
    with_features: bool = False,
    embargo_s: float = 0.0,
) -> None:
    """Write a run folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there; files of these names are replaced.
    windows : Windows
        What was split.
    folds : sequence of (train, test)
        Indices.
    protocol : WindowSplitter
        What it says of itself is stored.
    predictions : pandas.DataFrame, optional
        With ``fold``, ``window`` (row of the windows) and ``predicted``, as `predictions` gives it.
    with_features : bool
        Store ``X`` too. Features of people are personal data; without them copies and names in the features are not
        checked.
    embargo_s : float
        Seconds between training and test windows of one trial.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metadata = windows.metadata if windows.y is None else windows.metadata.assign(label=windows.y)
    write_text(folder / "metadata.csv", metadata.to_csv(index=False))
    # An older table of the other kind would be read in place of this one.
    (folder / "metadata.parquet").unlink(missing_ok=True)
    said = {
        "version": 1,
        "protocol": protocol.name,
        "holdout": list(protocol.holdout),
        "leaks": list(protocol.leaks),
        "target_access": windows.target_access,
        "embargo_s": embargo_s,
        "features": list(windows.features),
        "folds": [{"train": np.asarray(a).tolist(), "test": np.asarray(b).tolist()} for a, b in folds],
    }
    write_text(folder / "folds.json", json.dumps(said))
    if predictions is not None:
        write_text(folder / "predictions.csv", predictions.to_csv(index=False))
    if with_features:
        np.savez(folder / "X.npz", X=windows.X)


def read_run(folder: Path) -> StoredRun:
    """Read a run folder.

    Parameters
    ----------
    folder : Path
        As `write_run` makes it.

    Returns
    -------
    StoredRun
        What is there.

    Raises
    ------
    DatasetLayoutError
        If the folder, its metadata or its folds are missing.
    DataError
        If files cannot be read or contradict each other.
    """
    if not folder.is_dir():
        raise DatasetLayoutError(f"no folder {folder}; expected the folder of a run, with metadata.csv and folds.json")
    table = next((folder / n for n in ("metadata.parquet", "metadata.csv") if (folder / n).exists()), None)
    if table is None or not (folder / "folds.json").exists():
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
        raise DatasetLayoutError(f"{folder}: expected metadata.csv (or .parquet) and folds.json, found {there}")
    metadata, y = read_metadata(table)
    folds, said = read_folds(folder / "folds.json")
    X = read_features(folder / "X.npz") if (folder / "X.npz").exists() else np.empty((len(metadata), 0))
    windows = as_windows(X, y, metadata, str(said.get("target_access", "none")))
    stored = folder / "predictions.csv"
    return StoredRun(
        windows,
        folds,
        _predicted(stored, folds) if stored.exists() else None,
        str(said.get("protocol", "")),
        tuple(said.get("holdout", ("trial", "overlap"))),
        tuple(said.get("leaks", ())),
        float(said.get("embargo_s", 0.0)),
    )


def as_windows(
    X: npt.NDArray[Any], y: npt.NDArray[Any] | None, metadata: pd.DataFrame, target_access: str = "none"
) -> Windows:
    """Put features and metadata together, and say so where they do not fit.

    Parameters
    ----------
    X : ndarray, shape (n_windows, ...)
        Features.
    y : ndarray, shape (n_windows,), optional
        Labels.
    metadata : pandas.DataFrame
        From `read_metadata`.
    target_access : str
        What was used of the person tested.

    Returns
    -------
    Windows
        Axes beyond the first are not named by what they hold.

    Raises
    ------
    DataError
        If lengths differ.
    """
    if len(X) != len(metadata):
        raise DataError(f"{len(X)} rows of features and {len(metadata)} of metadata; expected as many of each")
    return Windows(X, y, metadata, ("window", *(f"axis{k}" for k in range(1, X.ndim))), target_access=target_access)


def read_metadata(path: Path) -> tuple[pd.DataFrame, npt.NDArray[Any] | None]:
    """Read who and what each window is.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.parquet`` with ``subject`` and ``trial``; ``session``, ``stimulus``, ``start`` and ``stop``
        (seconds) and ``label`` if known.

    Returns
    -------
    metadata : pandas.DataFrame
        With all columns that `Windows` needs. Times that are not known are NaN.
    y : ndarray or None
        The column ``label``.

    Raises
    ------
    DatasetLayoutError
        If there is no such file.
    DataError
        If it is no table, or lacks a column.
    """
    if not path.exists():
        raise DatasetLayoutError(f"no metadata {path}; expected a .csv or .parquet with one row per window")
    # Names of people and trials stay words: "01" is not 1.
    words = dict.fromkeys(("subject", "session", "trial", "stimulus"), str)
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=words)
    except (ValueError, OSError) as error:
        raise DataError(f"{path.name} cannot be read as a table: {error}") from error
    missing = [c for c in ("subject", "trial") if c not in table.columns]
    if missing:
        raise DataError(
            f"{path.name} lacks {' and '.join(missing)} (found {', '.join(map(str, table.columns[:8]))}); without them "
            f"a leak between training and test cannot be seen"
        )
    for column in ("subject", "trial"):
        if table[column].isna().any():
            raise DataError(f"{path.name}, row {int(table[column].isna().to_numpy().argmax())}: no {column}")
    for column, filler in (("session", "01"), ("stimulus", ""), ("start", np.nan), ("stop", np.nan)):
        if column not in table.columns:
            table[column] = filler
    table["stimulus"] = table["stimulus"].fillna("")
    y = table.pop("label").to_numpy() if "label" in table.columns else None
    return table, y


def read_folds(path: Path) -> tuple[list[Split], dict[str, Any]]:
    """Read folds.

    Parameters
    ----------
    path : Path
        JSON: a list of ``{"train": [...], "test": [...]}`` or of ``[[...], [...]]``, or an object that has it under
        ``"folds"``.

    Returns
    -------
    folds : list of (train, test)
        Indices, not yet compared with the number of windows.
    said : dict
        The rest of the object: ``protocol``, ``holdout``, ``leaks``, ``target_access``, ``embargo_s``.

    Raises
    ------
    DatasetLayoutError
        If there is no such file.
    DataError
        If it is no such JSON.
    """
    if not path.exists():
        raise DatasetLayoutError(f'no folds {path}; expected JSON such as [{{"train": [0, 1], "test": [2]}}]')
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path.name} is no JSON: {error}") from error
    said = found if isinstance(found, dict) else {}
    listed = found.get("folds") if isinstance(found, dict) else found
    if not isinstance(listed, list) or not listed:
        raise DataError(f'{path.name}: expected a list of folds, such as [{{"train": [0, 1], "test": [2]}}]')
    for key in ("holdout", "leaks"):
        if not (isinstance(said.get(key, []), list) and all(isinstance(word, str) for word in said.get(key, []))):
            raise DataError(f"{path.name}: {key} is {str(said[key])[:40]!r}; expected a list of words")
    embargo = said.get("embargo_s", 0.0)
    if isinstance(embargo, bool) or not isinstance(embargo, int | float):
        raise DataError(f"{path.name}: embargo_s is {str(embargo)[:40]!r}; expected seconds")
    folds = []
    for k, fold in enumerate(listed):
        try:
            sides = (fold.get("train"), fold.get("test")) if isinstance(fold, dict) else tuple(fold)[:2]
            train, test = (np.asarray(side, dtype=np.intp) for side in sides)
        except (TypeError, ValueError) as error:
            raise DataError(f"{path.name}, fold {k}: expected two lists of whole numbers, train and test") from error
        folds.append((train, test))
    return folds, {key: value for key, value in said.items() if key != "folds"}


def read_features(path: Path) -> npt.NDArray[Any]:
    """Read an array.

    Parameters
    ----------
    path : Path
        ``.npz`` with one array, or one called ``X``; or ``.npy``.

    Returns
    -------
    ndarray, shape (n_windows, ...)
        Numbers.

    Raises
    ------
    DatasetLayoutError
        If there is no such file.
    DataError
        If it holds pickled objects, no numbers, or several arrays of which none is ``X``.
    ConfigError
        If it is of another kind.
    """
    if path.suffix not in (".npz", ".npy"):
        raise ConfigError(f"{path.name}: expected .npz or .npy")
    if not path.exists():
        raise DatasetLayoutError(f"no array {path}")
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            array = found
        else:
            with found:
                names = found.files
                if "X" not in names and len(names) != 1:
                    raise DataError(f"{path.name} holds {', '.join(names[:6]) or 'nothing'}; expected one array, or X")
                array = found["X" if "X" in names else names[0]]
    except DataError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path.name} cannot be read: {error}; objects are refused because they can run code, store plain numbers"
        ) from error
    if array.ndim < 2 and array.dtype.kind in "fiub":
        array = array[:, None] if array.ndim else array.reshape(1, 1)
    return array


def _predicted(path: Path, folds: Sequence[Split]) -> list[npt.NDArray[Any]]:
    table = pd.read_csv(path)
    missing = [c for c in ("fold", "window", "predicted") if c not in table.columns]
    if missing:
        raise DataError(f"{path.name} lacks {', '.join(missing)}; expected fold, window and predicted")
    said = []
    for k, (_, test) in enumerate(folds):
        own = table[table["fold"] == k].drop_duplicates("window").set_index("window")["predicted"]
        if set(own.index) != set(test.tolist()):
            raise DataError(f"{path.name}: fold {k} tests {len(test)} windows, found predictions of {len(own)}")
        said.append(own.reindex(test).to_numpy())
    return said
