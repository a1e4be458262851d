"""The recording that a command is given: read, with what is wrong with it said in the words of the command line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from affectbio.datasets import EDFTruncatedWarning, read_recording
from affectbio.errors import DataError
from affectbio.types import Recording
from affectbio.xdf import XDFTruncatedWarning

__all__ = ["open_recording", "with_unit_option"]


def with_unit_option(error: DataError) -> str:
    """Give the words of an error about a missing unit as somebody at the command line can follow them.

    Parameters
    ----------
    error : DataError
        Of a reader, which speaks Python.

    Returns
    -------
    str
        Its message.

    Examples
    --------
    >>> with_unit_option(DataError("has no unit: pass units={'EEG': 'uV'}"))
    'has no unit: give it as in --unit EEG=uV'
    """
    return re.sub(r"pass units=\{'(.*?)': 'uV'\}", r"give it as in --unit \1=uV", str(error))


def open_recording(
    path: Path,
    subject: str,
    *,
    session: str = "01",
    units: Mapping[str, str] | None = None,
    ch_names: Sequence[str] | None = None,
    console: Console | None = None,
) -> Recording:
    """Read a recording, and say if its file is not whole.

    Parameters
    ----------
    path : Path
        As for `affectbio.datasets.read_recording`.
    subject, session : str
        Pseudonym of the person, and which visit.
    units : mapping of str to str, optional
        Units of XDF streams that state none, by type or name.
    ch_names : sequence of str, optional
        What the channels of an OpenBCI file are.
    console : rich.console.Console, optional
        Where to say that a file is not whole; stdout if not given.

    Returns
    -------
    Recording
        What could be read of it.

    Raises
    ------
    DatasetLayoutError
        If there is no such file, or its kind is not known.
    DataError
        If it cannot be read.
    """
    console = console or Console()
    problem: object = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            recording = read_recording(path, subject, session=session, units=units, ch_names=ch_names)
        except DataError as error:
            message = with_unit_option(error)
            raise type(error)(message if path.name in message else f"{path.name}: {message}") from None
    for warning in caught:
        if issubclass(warning.category, (XDFTruncatedWarning, EDFTruncatedWarning)):
            problem = warning.message
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if problem is None and recording.meta.get("problem"):
        problem = f"{path}: {recording.meta['problem']}"
    if problem is not None:
        console.print(Text(f"{problem}", "yellow"), soft_wrap=True)
    return recording
