"""CSV files of Muse headbands as muselsl records them: a column of times, a column for each channel, markers.

Times are printed to a millisecond, so that the step from one to the next says 250 Hz where 256 are meant; the rate is
that of a line through all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from affectbio.datasets._columns import channel_of, marked, numbers, whole_lines
from affectbio.errors import DataError
from affectbio.types import Channel, Recording, Signal
from affectbio.units import si_unit
from affectbio.xdf import place_stamps

__all__ = ["read_muse"]

# Times of packets are jittered by up to 22 ms in real files; of a lost one, at least 47 ms are missing.
_JITTER_S = 0.03


class _Stream(NamedTuple):
    """What muselsl says of a stream: signal, rate in Hz, unit as written, kind."""

    name: str
    sfreq: float
    unit: str
    kind: str | None


_EEG = _Stream("eeg", 256.0, "uV", None)
_PPG = _Stream("ppg", 64.0, "1", "ppg")
# Both have columns X, Y and Z: only the file's name, which begins with the stream's, tells them apart.
_AXES = {"ACC": _Stream("acc", 52.0, "g", "acc"), "GYRO": _Stream("gyro", 52.0, "deg/s", "gyro")}


def read_muse(path: str | Path, subject: str, *, session: str = "01") -> Recording:
    r"""Read a CSV file of a Muse.

    Parameters
    ----------
    path : str or Path
        What ``muselsl record`` makes: ``EEG_recording_….csv``, ``PPG_…``, ``ACC_…`` or ``GYRO_…``. The last two have
        the same columns, and are told apart by their name.
    subject : str
        Pseudonym of the person.
    session : str
        Which visit.

    Returns
    -------
    Recording
        One signal: ``"eeg"`` (V), and beside it ``"misc"`` with what is no electrode's place (``Right AUX``); ``"ppg"``
        (as counted); ``"acc"`` (m/s²); or ``"gyro"`` (rad/s). Markers that are not 0 become events until the next one.
        ``meta`` has ``stamp_start`` (first sample on the clock of the file: LSL's or Unix seconds), ``notes`` and
        ``problem`` (how a file is torn, else None).

    Raises
    ------
    DataError
        If it is no such file, a row holds no numbers, or it has a single sample.

    Notes
    -----
    Where stamps say that a packet is missing, its samples are NaN. The rate is the nominal one unless that is off at
    the end by half a sample and by more than the stamps are jittered.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "EEG_recording.csv"
    >>> rows = "".join(f"{9 + i / 256:.3f},{i},0,0,0\n" for i in range(512))
    >>> _ = path.write_text("timestamps,TP9,AF7,AF8,TP10\n" + rows)
    >>> eeg = read_muse(path, "01").signal("eeg")
    >>> eeg.sfreq, eeg.ch_names, round(1e6 * float(eeg.data[0, 300]))
    (256.0, ('TP9', 'AF7', 'AF8', 'TP10'), 300)
    """
    path = Path(path)
    content, problem = whole_lines(path)
    first, _, body = content.partition(b"\n")
    names = [name.strip() for name in first.decode("latin1").split(",")]
    if names[0] != "timestamps" or len(names) < 2:
        raise DataError(
            f"{path.name}: not a file of muselsl; expected a first line such as "
            f"'timestamps,TP9,AF7,AF8,TP10,Right AUX', found {first[:60].decode('latin1')!r}"
        )
    marks = [i for i, name in enumerate(names) if name.lower().startswith("marker")]
    rows = [i for i in range(1, len(names)) if i not in marks]
    about = _stream([names[i] for i in rows], path.name)
    columns = numbers(body, [0, *rows, *marks], path.name, 2)
    columns = columns[:, np.isfinite(columns[0])]
    if columns.shape[1] < 2:
        raise DataError(f"{path.name}: {columns.shape[1]} samples; expected at least two")
    scale, unit = si_unit(about.unit)
    try:
        placed = place_stamps(columns[0], about.sfreq, tolerance_s=_JITTER_S)
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from None
    data = np.full((len(rows), int(placed.slots[-1]) + 1), np.nan)
    data[:, placed.slots] = scale * columns[1 : 1 + len(rows)]
    channels = [_channel(names[i], unit, about.kind) for i in rows]
    kinds = dict.fromkeys(channel.kind for channel in channels)
    signals = {}
    for kind in kinds:
        own = [i for i, channel in enumerate(channels) if channel.kind == kind]
        signals[kind] = Signal(data[own], placed.sfreq, [channels[i] for i in own])
    times = placed.slots / placed.sfreq
    stop = data.shape[1] / placed.sfreq
    markers = columns[1 + len(rows) :].max(axis=0) if marks else np.zeros(len(times))
    return Recording(
        signals,
        subject=subject,
        session=session,
        events=marked(markers, times, stop),
        meta={
            "file": path.name,
            "stamp_start": float(columns[0, 0]),
            "notes": (placed.note,) if placed.note else (),
            "problem": problem,
        },
    )


def _stream(names: list[str], what: str) -> _Stream:
    if names == ["X", "Y", "Z"]:
        for word, stream in _AXES.items():
            if what.upper().startswith(word):
                return stream
        raise DataError(
            f"{what}: columns X, Y and Z may be acceleration or rotation; expected a name that begins with ACC or "
            f"GYRO, as muselsl gives it"
        )
    if all(name.upper().startswith("PPG") for name in names):
        return _PPG
    return _EEG


def _channel(name: str, unit: str, kind: str | None) -> Channel:
    if kind in ("acc", "gyro"):
        return Channel(f"{kind.upper()}_{name}", kind, unit)
    return channel_of(name, unit, kind)
