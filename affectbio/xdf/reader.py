"""Reads an XDF file as a Recording: signals on regular grids in SI units, markers as events, losses as NaN.

pyxdf reads the content, aligns the clocks and removes the jitter of streams that do not say they can drop samples.
"""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from xml.etree.ElementTree import ParseError

import numpy as np
import numpy.typing as npt

from affectbio.errors import DataError
from affectbio.types import Recording, Signal
from affectbio.xdf.grid import SampleGrid
from affectbio.xdf.header import StreamHeader, parse_header, scale_to_si
from affectbio.xdf.scan import XDFScan, scan_xdf

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["XDFTruncatedWarning", "load_streams", "read_xdf"]

# A stream that jumps by more than a day would fill the memory with NaN; no wearable is recorded across such a gap.
_LONGEST_GAP_S = 86400.0
# What LSL's clock offsets are good for; nearer than this, two times of different streams are the same moment.
_CLOCK_PRECISION_S = 2e-4
# More than one sample in a thousand on a slot already taken: the stamps do not say where samples were lost.
_CROWDED = 1000


class XDFTruncatedWarning(UserWarning):
    """An XDF file is not whole; what comes before the damage was read."""


class _Stream(NamedTuple):
    header: StreamHeader
    values: Any
    stamps: npt.NDArray[np.float64]
    effective_sfreq: float


class _Happening(NamedTuple):
    name: str
    onsets: npt.NDArray[np.float64]
    texts: list[str]
    values: npt.NDArray[np.float64] | None


class _Placed(NamedTuple):
    slots: npt.NDArray[np.int64]
    start: float
    sfreq: float
    note: str | None


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
    streams = _load(path, scan)
    left_out = [f"stream {s.header.name!r} ({s.header.lsl_type}): empty" for s in streams if not len(s.stamps)]
    streams = [s for s in streams if len(s.stamps)]
    zero = min((float(s.stamps.min()) for s in streams), default=0.0)
    signals: dict[str, Signal] = {}
    about: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
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
        )
    meta = {
        "lsl_start": zero,
        "streams": about,
        "notes": tuple(notes),
        "left_out": tuple(left_out),
        "problem": scan.problem,
    }
    return Recording(signals, subject=subject, session=session, events=_events(happenings, signals), meta=meta)


def load_streams(path: str | os.PathLike[str], scan: XDFScan, **options: Any) -> list[dict[str, Any]]:
    """Load the streams of a file with pyxdf, as far as the file is whole.

    Parameters
    ----------
    path : path-like
        The file.
    scan : XDFScan
        How far it is whole.
    **options
        Arguments of `pyxdf.load_xdf`.

    Returns
    -------
    list of dict
        As pyxdf gives them.

    Raises
    ------
    DataError
        If the content of a chunk is not XDF's.
    """
    import pyxdf

    source: BinaryIO = Path(path).open("rb")  # noqa: SIM115  # pyxdf closes it
    if scan.problem:
        with source:
            source = io.BytesIO(source.read(scan.n_bytes))
    try:
        streams: list[dict[str, Any]] = pyxdf.load_xdf(source, **options)[0]
    except (ValueError, KeyError, IndexError, TypeError, EOFError, RuntimeError, struct.error, ParseError) as error:
        raise DataError(f"{os.fspath(path)}: its chunks are whole but their content is not XDF's ({error})") from error
    return streams


def _load(path: str | os.PathLike[str], scan: XDFScan) -> list[_Stream]:
    headers = {stream_id: parse_header(xml) for stream_id, xml in scan.headers.items()}
    return [
        _Stream(
            headers[s["info"]["stream_id"]],
            s["time_series"],
            np.asarray(s["time_stamps"], float),
            float(s["info"]["effective_srate"]),
        )
        for s in load_streams(path, scan)
    ]


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


def _place(stream: _Stream) -> _Placed:
    """Slots of the samples, time of slot 0 and rate of the grid."""
    header, stamps = stream.header, stream.stamps
    count = np.arange(len(stamps))
    if len(stamps) == 1:
        return _Placed(count, float(stamps[0]), header.sfreq, None)
    # pyxdf's measured rate counts losses as slowness where it leaves the stamps alone; the usual step does not.
    usual = float(np.median(np.diff(stamps)))
    measured = 1.0 / usual if header.can_drop and usual > 0 else stream.effective_sfreq
    trusted = 0.9 < measured / header.sfreq < 1.1
    grid = SampleGrid(measured if trusted else header.sfreq)
    slots, note = grid.place(stamps), None
    if slots[-1] - len(stamps) > _LONGEST_GAP_S * header.sfreq:
        worst = int(np.argmax(np.diff(stamps)))
        raise DataError(
            f"stream {header.name!r} jumps from {stamps[worst]:.3f} to {stamps[worst + 1]:.3f} s after sample {worst}; "
            f"expected no gap of more than a day: its clock was set, cut the file there"
        )
    if grid.n_crowded > len(stamps) // _CROWDED:
        slots = count
        note = f"stamps too jittered to find losses ({grid.n_crowded} of {len(stamps)} crowded): one line through all"
    # Relative to the first stamp: LSL stamps are large, and their squares would eat the digits of the fit.
    times = stamps - stamps[0]
    step = float(np.polyfit(slots - slots.mean(), times, 1)[0])
    sfreq = 1.0 / step if step > 0 else header.sfreq
    if abs(slots[-1] * (1.0 - header.sfreq / sfreq)) < 0.5:
        sfreq = header.sfreq
    start = float(stamps[0]) + float(np.mean(times - slots / sfreq))
    return _Placed(slots, start, sfreq, note)


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
