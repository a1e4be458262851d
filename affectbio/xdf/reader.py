"""Reads an XDF file as a Recording: signals on regular grids in SI units, markers as events, losses as NaN.

pyxdf reads the content, aligns the clocks and removes the jitter of streams that do not say they can drop samples.
"""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from xml.etree.ElementTree import ParseError

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.types import Recording, Signal
from affectbio.xdf.grid import Placed, place_stamps
from affectbio.xdf.header import StreamHeader, parse_header, scale_to_si
from affectbio.xdf.scan import XDFScan, scan_xdf

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["XDFTruncatedWarning", "load_streams", "read_xdf", "stream_headers"]

# What LSL's clock offsets are good for; nearer than this, two times of different streams are the same moment.
_CLOCK_PRECISION_S = 2e-4


class XDFTruncatedWarning(UserWarning):
    """An XDF file is not whole; what comes before the damage was read."""


class _Stream(NamedTuple):
    header: StreamHeader
    values: Any
    stamps: npt.NDArray[np.float64]
    effective_sfreq: float
    #: First and last sample between two settings of the sender's clock; none if it was never measured.
    clocks: list[tuple[int, int]]


class _Happening(NamedTuple):
    name: str
    onsets: npt.NDArray[np.float64]
    texts: list[str]
    values: npt.NDArray[np.float64] | None


def read_xdf(
    path: str | os.PathLike[str], subject: str, *, session: str = "01", units: Mapping[str, str] | None = None
) -> Recording:
    """Read an XDF file.

    Regular streams of numbers become signals named by their lower-cased type (``"eeg"``, ``"ppg"``, a second one
    ``"eeg2"``). Samples stand where their stamps say and lost ones are NaN. The rate is the nominal one, unless that
    would be off by more than half a sample at the end: then it is the rate that was measured. Text streams become
    events that last until the next marker of their stream or the end of the recording; a number that comes now and
    then becomes an event with its ``value``. The recording's clock starts at the earliest stamp; times of two streams
    that differ by less than 0.2 ms, which is what LSL's clock offsets are good for, are taken as equal.

    Parameters
    ----------
    path : path-like
        The file. One that was cut off is read as far as it is whole.
    subject : str
        Pseudonym of the person.
    session : str
        Which visit of that person.
    units : mapping of str to str, optional
        Units by stream type or name, such as ``{"EEG": "uV"}``, for streams that do not state theirs.

    Returns
    -------
    Recording
        With ``meta``: ``lsl_start`` (LSL time of zero), ``streams`` (per signal: name, type, source_id, nominal_sfreq,
        n_lost), ``notes`` (decisions that a reader of the data must know), ``left_out`` (what could not be
        represented) and ``problem`` (where a damaged file stops being whole, else None).

    Raises
    ------
    DataError
        If it is not an XDF file, holds no signal, or a channel has no usable unit.

    Warns
    -----
    XDFTruncatedWarning
        If the file is not whole.
    """
    scan = scan_xdf(path)
    if scan.problem:
        warnings.warn(
            f"{os.fspath(path)} is not whole, read up to there: {scan.problem}", XDFTruncatedWarning, stacklevel=2
        )
    streams, left_out, notes = _load(path, scan)
    left_out += [f"stream {s.header.name!r} ({s.header.lsl_type}): empty" for s in streams if not len(s.stamps)]
    streams = [s for s in streams if len(s.stamps)]
    zero = min((float(s.stamps.min()) for s in streams), default=0.0)
    signals: dict[str, Signal] = {}
    about: dict[str, dict[str, Any]] = {}
    happenings: list[_Happening] = []
    for stream in streams:
        header = stream.header
        if header.dtype != "string" and header.sfreq > 0:
            name = _free_name(header.lsl_type.lower() or "signal", signals)
            signals[name], about[name], remarks = _signal(stream, zero, units)
            notes += [f"{name}: {remark}" for remark in remarks]
        else:
            happening, lacking = _happening(stream, zero)
            happenings += happening
            left_out += lacking
    if not signals:
        raise DataError(
            f"{os.fspath(path)} holds no signal, that is, no stream of numbers at a regular rate with samples in it; "
            f"found: {'; '.join(left_out + [h.name for h in happenings]) or 'no stream'}"
            + (f"; the file is not whole: {scan.problem}" if scan.problem else "")
        )
    meta = {
        "lsl_start": zero,
        "streams": about,
        "notes": tuple(notes),
        "left_out": tuple(left_out),
        "problem": scan.problem,
    }
    return Recording(signals, subject=subject, session=session, events=_events(happenings, signals), meta=meta)


def stream_headers(scan: XDFScan) -> tuple[dict[int, StreamHeader], list[str]]:
    """Read the descriptions of a file's streams.

    Parameters
    ----------
    scan : XDFScan
        Of the file.

    Returns
    -------
    headers : dict of int to StreamHeader
        Of the streams that can be read, by stream id.
    left_out : list of str
        The others, each with what is wrong with it: one stream that makes no sense does not cost the rest.
    """
    headers: dict[int, StreamHeader] = {}
    left_out: list[str] = []
    for stream_id, xml in scan.headers.items():
        try:
            headers[stream_id] = parse_header(xml)
        except DataError as error:
            name = re.search("<name>([^<]*)</name>", xml)
            left_out.append(f"stream {name[1] if name else stream_id!r}: {error}")
    return headers, left_out


def load_streams(
    path: str | os.PathLike[str], scan: XDFScan, headers: Mapping[int, StreamHeader], **options: Any
) -> tuple[list[dict[str, Any]], list[str]]:
    """Load streams of a file with pyxdf, as far as the file is whole.

    Parameters
    ----------
    path : path-like
        The file.
    scan : XDFScan
        How far it is whole.
    headers : mapping of int to StreamHeader
        Which streams, from `stream_headers`.
    **options
        Arguments of `pyxdf.load_xdf`.

    Returns
    -------
    streams : list of dict
        As pyxdf gives them.
    said : list of str
        What pyxdf would have logged: content of a chunk that is damaged, clock offsets that it did not use.

    Raises
    ------
    DataError
        If the content of a chunk is not XDF's.
    """
    import pyxdf

    if len(headers) < len(scan.headers):
        if not headers:
            return [], []
        options["select_streams"] = list(headers)
    source: BinaryIO = Path(path).open("rb")  # noqa: SIM115  # pyxdf closes it
    if scan.problem:
        with source:
            source = io.BytesIO(source.read(scan.n_bytes))
    try:
        with _listening("pyxdf.pyxdf") as said:
            streams: list[dict[str, Any]] = pyxdf.load_xdf(source, **options)[0]
    except (ValueError, KeyError, IndexError, TypeError, EOFError, RuntimeError, struct.error, ParseError) as error:
        raise DataError(f"{os.fspath(path)}: its chunks are whole but their content is not XDF's ({error})") from error

    def named(match: re.Match[str]) -> str:
        header = headers.get(int(match[1]))
        return f"stream {header.name!r}" if header else match[0]

    return streams, [re.sub(r"^Stream (\d+)", named, words) for words in said]


@contextmanager
def _listening(logger: str) -> Iterator[list[str]]:
    """Take what this thread logs, for the caller, who shows it where a user looks."""
    said: list[str] = []
    thread = get_ident()

    def take(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        # Said of every irregular stream without clock offsets; what it means is said in our words.
        if record.levelno >= logging.WARNING and "clock-segments differ" not in record.getMessage():
            said.append(record.getMessage())
        return False

    where = logging.getLogger(logger)
    where.addFilter(take)
    try:
        yield said
    finally:
        where.removeFilter(take)


def _load(path: str | os.PathLike[str], scan: XDFScan) -> tuple[list[_Stream], list[str], list[str]]:
    """Give the streams, those that cannot be read, and what a reader of the data must know."""
    headers, left_out = stream_headers(scan)
    loaded, notes = load_streams(path, scan, headers)
    streams = [
        _Stream(
            headers[s["info"]["stream_id"]],
            s["time_series"],
            np.asarray(s["time_stamps"], float),
            float(s["info"]["effective_srate"]),
            s["info"]["clock_segments"],
        )
        for s in loaded
    ]
    alone = len(streams) == 1
    for stream in streams:
        if not len(stream.stamps):
            continue
        if not stream.clocks and not alone:
            notes.append(
                f"stream {stream.header.name!r}: its clock was never measured; its stamps are taken as they are"
            )
        for first, _ in stream.clocks[1:]:
            notes.append(
                f"stream {stream.header.name!r}: its clock was set anew before sample {first}; both parts stand where "
                f"the clock offsets say"
            )
    return streams, left_out, notes


def _signal(stream: _Stream, zero: float, units: Mapping[str, str] | None) -> tuple[Signal, dict[str, Any], list[str]]:
    """One stream of numbers as a Signal, what the file said of it, and what a reader must know."""
    header = stream.header
    channels, wire_units, notes = header.channels(units)
    scales = np.array([scale_to_si(unit) for unit in wire_units])
    placed = _place(stream)
    data = np.full((header.n_chans, int(placed.slots[-1]) + 1), np.nan)
    data[:, placed.slots] = np.asarray(stream.values, float).T * scales[:, np.newaxis]
    about = {
        "name": header.name,
        "type": header.lsl_type,
        "source_id": header.source_id,
        "nominal_sfreq": header.sfreq,
        "n_lost": data.shape[1] - len(placed.slots),
    }
    start = placed.start - zero if abs(placed.start - zero) > _CLOCK_PRECISION_S else 0.0
    return Signal(data, placed.sfreq, channels, start), about, [*notes, *([placed.note] if placed.note else [])]


def _happening(stream: _Stream, zero: float) -> tuple[list[_Happening], list[str]]:
    """Markers or single numbers as what happened, and what of them cannot be represented."""
    header, onsets = stream.header, stream.stamps - zero
    if header.dtype == "string":
        lacking = f"stream {header.name!r}: all but the first of its {header.n_chans} channels of text"
        texts = [row[0] for row in stream.values]
        return [_Happening(header.name, onsets, texts, None)], [lacking] if header.n_chans > 1 else []
    if header.n_chans > 1:
        return [], [f"stream {header.name!r} ({header.lsl_type}): {header.n_chans} channels without a regular rate"]
    values = np.asarray(stream.values, float)[:, 0]
    return [_Happening(header.name, onsets, [header.name] * len(values), values)], []


def _place(stream: _Stream) -> Placed:
    header, stamps = stream.header, stream.stamps
    if len(stamps) == 1:
        return place_stamps(stamps, header.sfreq)
    # pyxdf's measured rate counts losses as slowness where it leaves the stamps alone; the usual step does not.
    usual = float(np.median(np.diff(stamps)))
    measured = 1.0 / usual if header.can_drop and usual > 0 else stream.effective_sfreq
    trusted = 0.9 < measured / header.sfreq < 1.1
    try:
        return place_stamps(stamps, header.sfreq, near=measured if trusted else None)
    except DataError as error:
        raise DataError(f"stream {header.name!r}: {error}") from None


def _events(happenings: list[_Happening], signals: Mapping[str, Signal]) -> pd.DataFrame:
    """BIDS events of all marker streams, by onset."""
    import pandas as pd

    tables = []
    grid = signals.get("eeg", next(iter(signals.values())))
    stop = max([s.start + s.duration for s in signals.values()] + [float(h.onsets.max()) for h in happenings])
    for happening in happenings:
        onsets = _on_sample(happening.onsets, grid)
        table = pd.DataFrame({"onset": onsets, "duration": np.diff(onsets, append=stop), "trial_type": happening.texts})
        if happening.values is not None:
            table["value"] = happening.values
        tables.append(table)
    if not tables:
        return pd.DataFrame({"onset": [], "duration": [], "trial_type": []}).astype(
            {"onset": float, "duration": float, "trial_type": str}
        )
    return pd.concat(tables, ignore_index=True).sort_values("onset", kind="stable", ignore_index=True)


def _on_sample(onsets: npt.NDArray[np.float64], grid: Signal) -> npt.NDArray[np.float64]:
    """Onsets put on the sample they mean: clock noise must not push an event's first window out of it."""
    nearest = grid.start + np.round((onsets - grid.start) * grid.sfreq) / grid.sfreq
    return np.where(np.abs(nearest - onsets) < _CLOCK_PRECISION_S, nearest, onsets)


def _free_name(name: str, taken: Mapping[str, Signal]) -> str:
    n, free = 2, name
    while free in taken:
        n, free = n + 1, f"{name}{n}"
    return free
