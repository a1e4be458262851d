"""Text files of the OpenBCI GUI, versions 2 to 6, as Recordings.

The GUI says in lines that begin with ``%`` what it writes: a counter of samples, channels in microvolts, acceleration
in g, from version 5 on a row of names, and the time at which the computer had each sample.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from affectbio.datasets._columns import channel_of, marked, numbers, whole_lines
from affectbio.errors import DataError
from affectbio.types import Channel, Recording, Signal
from affectbio.xdf import place_stamps

__all__ = ["read_openbci"]

# What a Cyton's counter counts to, and the only board of which it counts every sample.
_WRAP = 256
_G = 9.80665
# Stamps are taken on arrival, and the computer may be busy for so long; what is missing for longer was lost.
_BUSY_S = 1.0
# Unix seconds are below this until the year 5138, milliseconds have been above it since 1973.
_MILLISECONDS = 1e11
# What is missing for longer would fill the memory with NaN.
_LONGEST_GAP_S = 86400.0
# A computer's clock and a board's crystal agree better than this.
_RATE_OFF = 0.005


def read_openbci(
    path: str | Path, subject: str, *, session: str = "01", ch_names: Sequence[str] | None = None
) -> Recording:
    r"""Read a text file of the OpenBCI GUI.

    Parameters
    ----------
    path : str or Path
        ``OpenBCI-RAW-….txt``.
    subject : str
        Pseudonym of the person.
    session : str
        Which visit.
    ch_names : sequence of str, optional
        What each channel is: a 10-05 name for an electrode on the head, else a name that begins with what it measures
        (``"EMG jaw"``, ``"ECG"``, ``"EOG left"``). The file does not know, so that without it every channel is
        ``misc``, called ``EXG 1``, ``EXG 2``, ….

    Returns
    -------
    Recording
        Signals by kind: ``"eeg"``, ``"emg"``, …, ``"misc"`` (V, as measured: a Cyton's offset is in it) and ``"acc"``
        (m/s²; NaN where a board wrote no reading). Markers that are not 0 become events until the next one. ``meta``
        has ``unix_start`` (first sample on the computer's clock; None if not written), ``board``, ``measured_sfreq``
        (by the computer's clock), ``notes`` and ``problem`` (how a file is torn, else None).

    Raises
    ------
    DataError
        If it is no such file, a row holds no numbers, or ``ch_names`` are not one for each channel.

    Notes
    -----
    The rate is the one that the board states. Samples of a Cyton are placed by its counter, so that a lost one is NaN;
    where more than its 256 may be missing the computer's clock decides. Other boards count otherwise: with them a gap
    shows only if the computer had nothing for more than a second, and ``notes`` says so.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "OpenBCI-RAW.txt"
    >>> head = "%OpenBCI Raw EXG Data\n%Number of channels = 1\n%Sample Rate = 250 Hz\n%Board = BoardCytonSerial\n"
    >>> _ = path.write_text(head + "Sample Index, EXG Channel 0, Timestamp\n0, 12.5, 1000.000\n2, 13.5, 1000.008\n")
    >>> eeg = read_openbci(path, "01", ch_names=["Oz"]).signal("eeg")
    >>> eeg.sfreq, (1e6 * eeg.data).round(1).tolist()
    (250.0, [[12.5, nan, 13.5]])
    """
    path = Path(path)
    content, problem = whole_lines(path)
    said, names, body, first_line = _head(content, path.name)
    sfreq = _number(r"%\s*Sample Rate\s*=\s*([0-9.]+)", said, path.name, "%Sample Rate = ... Hz")
    names = names or _old_names(body, said, path.name)
    exg = [i for i, name in enumerate(names) if name.startswith(("EXG Channel", "EEG Channel"))]
    acc = [i for i, name in enumerate(names) if name.startswith("Accel Channel")][:3]
    if not exg:
        raise DataError(f"{path.name}: no column is called 'EXG Channel ...'; found {', '.join(names)}")
    channels = _channels(ch_names, len(exg), path.name)
    single = {name: names.index(name) for name in ("Sample Index", "Timestamp", "Marker Channel") if name in names}
    picked = [*exg, *acc, *single.values()]
    table = numbers(body, picked, path.name, first_line)
    # A line that is empty, or whose counter or time is, says of no sample when it was.
    table = table[:, np.isfinite(table[len(exg) + len(acc) :]).all(axis=0)]
    if not table.shape[1]:
        raise DataError(f"{path.name}: no row has a counter and a time; expected some")
    columns = dict(zip(picked, table, strict=True))
    unix = columns[single["Timestamp"]] if "Timestamp" in single else None
    if unix is not None and np.nanmax(unix) > _MILLISECONDS:
        unix = unix / 1e3
    board = _said(r"%\s*Board\s*=\s*(.*)", said).rpartition("$")[2].strip()
    index = columns[single["Sample Index"]] if "Sample Index" in single else None
    try:
        slots, notes = _slots(index, unix, sfreq, board)
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from None
    measured = _measured(slots, unix)
    if measured is not None and abs(measured / sfreq - 1) > _RATE_OFF:
        notes.append(f"{measured:.2f} samples a second by the computer's clock, where the board states {sfreq:g}")
    signals = _signals(np.stack([columns[i] for i in exg]) * 1e-6, channels, slots, sfreq)
    if acc:
        pull = _G * np.stack([columns[i] for i in acc])
        # No accelerometer at rest reads 0 on all axes: that is what is written where a board sent none.
        pull[:, (pull == 0).all(axis=0)] = np.nan
        if np.isfinite(pull).any():
            axes = [Channel(f"ACC_{axis}", "acc") for axis in "XYZ"[: len(acc)]]
            signals["acc"] = Signal(_placed(pull, slots), sfreq, axes)
    markers = columns[single["Marker Channel"]] if "Marker Channel" in single else np.zeros(len(slots))
    return Recording(
        signals,
        subject=subject,
        session=session,
        events=marked(markers, slots / sfreq, (slots[-1] + 1) / sfreq),
        meta={
            "file": path.name,
            "unix_start": None if unix is None else float(unix[0]),
            "board": board or None,
            "measured_sfreq": measured,
            "notes": tuple(notes),
            "problem": problem,
        },
    )


def _head(content: bytes, what: str) -> tuple[str, list[str], bytes, int]:
    """Give the lines that begin with ``%``, names of columns if there are any, the rows and their first line."""
    at = n_lines = 0
    while content[at : at + 1] == b"%":
        at, n_lines = content.find(b"\n", at) + 1, n_lines + 1
    said = content[:at].decode("latin1")
    if not said.startswith("%OpenBCI Raw E"):
        raise DataError(
            f"{what}: not a file of the OpenBCI GUI; expected '%OpenBCI Raw EXG Data', found {content[:24]!r}"
        )
    end = content.find(b"\n", at) + 1
    first = content[at:end].decode("latin1")
    if not first.startswith("Sample Index"):
        return said, [], content[at:], n_lines + 1
    return said, [name.strip() for name in first.split(",")], content[end:], n_lines + 2


def _old_names(body: bytes, said: str, what: str) -> list[str]:
    """Name the columns of versions before 5, which are only in order: counter, channels, acceleration, times."""
    cells = [cell.strip() for cell in body[: body.find(b"\n") + 1].decode("latin1").split(",")]
    # The clock, and from version 4 on milliseconds of Unix time behind it.
    clock = next((i for i, cell in enumerate(cells) if ":" in cell), len(cells))
    stated = _said(r"%\s*Number of channels\s*=\s*([0-9]+)", said)
    n_exg = int(stated) if stated else clock - 4
    if n_exg < 1 or clock < 1 + n_exg:
        raise DataError(
            f"{what}: expected a counter, channels and 3 columns of acceleration; found {len(cells)} columns"
        )
    names = ["Sample Index", *(f"EXG Channel {i}" for i in range(n_exg))]
    names += [f"Accel Channel {i}" for i in range(min(3, clock - len(names)))]
    names += ["Other"] * (clock - len(names)) + ["Timestamp (Formatted)"] * (len(cells) > clock)
    return names + ["Timestamp"] * (len(cells) > clock + 1)


def _said(pattern: str, said: str) -> str:
    found = re.search(pattern, said)
    return found[1].strip() if found else ""


def _number(pattern: str, said: str, what: str, expected: str) -> float:
    try:
        number = float(_said(pattern, said))
    except ValueError:
        number = 0.0
    if not number > 0:
        raise DataError(f"{what}: expected a line {expected!r} at the beginning; found {said.splitlines()}")
    return number


def _channels(ch_names: Sequence[str] | None, n_chans: int, what: str) -> list[Channel]:
    if ch_names is None:
        return [Channel(f"EXG {i + 1}", "misc", "V") for i in range(n_chans)]
    if len(ch_names) != n_chans:
        raise DataError(f"{what}: {len(ch_names)} names for its {n_chans} channels: {', '.join(ch_names)}")
    return [channel_of(name, "V") for name in ch_names]


def _slots(
    index: npt.NDArray[np.float64] | None, unix: npt.NDArray[np.float64] | None, sfreq: float, board: str
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Say where each sample stands, and what a reader must know of it."""
    if index is not None and len(index) > 1 and ("Cyton" in board or (not board and index.max() == _WRAP - 1)):
        steps = np.diff(index) % _WRAP
        # A Daisy's channels come in every second packet.
        usual = 1.0 if "Cyton" in board and "Daisy" not in board else float(np.median(steps))
        if usual in (1.0, 2.0) and not (steps % usual).any():
            ahead = steps / usual
            ahead[ahead == 0] = _WRAP / usual
            if unix is not None:
                whole = _WRAP / usual
                more = np.round((np.diff(unix) * sfreq - ahead) / whole)
                ahead += whole * np.where(np.diff(unix) > _BUSY_S, np.maximum(more, 0), 0)
            slots = np.concatenate([[0], np.cumsum(ahead)]).astype(np.int64)
            if slots[-1] - len(slots) > _LONGEST_GAP_S * sfreq:
                raise DataError("the computer's clock jumps by more than a day; it was set: cut the file there")
            return slots, []
    n_times = 0 if index is None else len(index)
    if unix is None:
        return np.arange(n_times), ["a lost sample cannot be told: the file has no counter of samples and no time"]
    return place_stamps(unix, sfreq, tolerance_s=_BUSY_S).slots, [
        f"lost samples can be told only where nothing came for more than {_BUSY_S:g} s"
    ]


def _measured(slots: npt.NDArray[np.int64], unix: npt.NDArray[np.float64] | None) -> float | None:
    if unix is None or not unix[-1] > unix[0]:
        return None
    return float(slots[-1] / (unix[-1] - unix[0]))


def _signals(
    data: npt.NDArray[np.float64], channels: list[Channel], slots: npt.NDArray[np.int64], sfreq: float
) -> dict[str, Signal]:
    placed = _placed(data, slots)
    signals = {}
    for kind in dict.fromkeys(channel.kind for channel in channels):
        rows = [i for i, channel in enumerate(channels) if channel.kind == kind]
        signals[kind] = Signal(placed[rows], sfreq, [channels[i] for i in rows])
    return signals


def _placed(data: npt.NDArray[np.float64], slots: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    out = np.full((len(data), int(slots[-1]) + 1), np.nan)
    out[:, slots] = data
    return out
