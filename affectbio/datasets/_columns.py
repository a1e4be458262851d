"""Columns of numbers in text files, and what the names above them stand for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.errors import DataError
from affectbio.montage import electrode_position, modern_name
from affectbio.types import Channel
from affectbio.units import KINDS

__all__ = ["channel_of", "marked", "numbers", "whole_lines"]

# Words that labels begin with, as EDF+ prescribes ("EEG Fpz-Cz", "ECG V2"), and the kind of channel they stand for.
_KIND_OF_PREFIX = {
    "EEG": "eeg",
    "ECG": "ecg",
    "EKG": "ecg",
    "EOG": "eog",
    "EMG": "emg",
    "RESP": "resp",
    "TEMP": "temperature",
}


def channel_of(label: str, unit: str, kind: str | None = None) -> Channel:
    """Make a channel of a label: an electrode if its name is a place, else what its first word says, else ``misc``.

    Parameters
    ----------
    label : str
        As the file or a person writes it.
    unit : str
        SI unit of its numbers.
    kind : str, optional
        Its kind, if known.

    Returns
    -------
    Channel
        With its 10-05 name.
    """
    name = modern_name(label)
    if kind is None:
        kind = _KIND_OF_PREFIX.get(label.split(" ")[0].upper(), "eeg")
        # An electrode in another unit than volts is refused by Channel: it would silently be missing from the EEG.
        fits = electrode_position(name) is not None if kind == "eeg" else KINDS[kind] == unit
        kind = kind if fits else "misc"
    return Channel(name, kind, unit)


def whole_lines(path: Path) -> tuple[bytes, str | None]:
    """Give a text file up to its last whole line, and what was wrong if that is not all of it."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    end = content.rfind(b"\n") + 1
    if end == len(content):
        return content, None
    return content[:end], f"the last line has no end, its {len(content) - end} bytes were left out"


def numbers(content: bytes, picked: Sequence[int], what: str, first_line: int) -> npt.NDArray[np.float64]:
    """Read columns of comma-separated numbers; an empty cell is NaN.

    Parameters
    ----------
    content : bytes
        Lines of numbers, without those above them.
    picked : sequence of int
        Which columns.
    what : str
        What errors call the file.
    first_line : int
        Number of the first line in the file, for errors.

    Returns
    -------
    ndarray, shape (n_columns, n_times)
        Columns in the order of ``picked``.

    Raises
    ------
    DataError
        If there is no line, or something is no number: where.
    """
    layout: dict[str, Any] = {"header": None, "usecols": sorted(picked), "skipinitialspace": True, "index_col": False,
              "encoding": "latin1", "skip_blank_lines": False}  # fmt: skip
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=np.float64, **layout)
    except ValueError as error:  # pandas' own are all of these
        raise DataError(
            _where(content, layout, what, first_line) or f"{what}: no columns of numbers: {error}"
        ) from None
    return np.stack([table[column].to_numpy() for column in picked])


def _where(content: bytes, layout: dict[str, Any], what: str, first_line: int) -> str | None:
    """Find the first thing that is no number; pandas does not say where it is."""
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=str, **layout)
    except ValueError:
        return None
    for column in table:
        wrong = np.flatnonzero(pd.to_numeric(table[column], errors="coerce").isna() & table[column].notna())
        if len(wrong):
            line, found = first_line + int(wrong[0]), table[column].iloc[int(wrong[0])]
            return f"{what}: line {line}, column {int(column) + 1}: expected a number, found {found!r}"
    return None


def marked(markers: npt.NDArray[np.float64], times: npt.NDArray[np.float64], stop: float) -> pd.DataFrame:
    """Make events of a column of markers that is 0 where nothing happens.

    Parameters
    ----------
    markers : ndarray, shape (n_times,)
        Its number is the ``trial_type``.
    times : ndarray, shape (n_times,)
        When each sample was taken, in seconds on the recording's clock.
    stop : float
        When the recording ends: each event lasts until the next, the last until then, as `affectbio.xdf.read_xdf` has
        it.

    Returns
    -------
    pandas.DataFrame
        ``onset``, ``duration`` and ``trial_type``.
    """
    at = np.flatnonzero(np.nan_to_num(markers) != 0)
    onsets = times[at]
    return pd.DataFrame(
        {
            "onset": onsets.astype(float),
            "duration": np.diff(onsets, append=stop).astype(float),
            "trial_type": [f"{value:g}" for value in markers[at]],
        }
    ).astype({"trial_type": str})
