"""EDF and BDF files (Kemp et al. 1992; EDF+ 2003) as Recordings, read by edfio; a torn file is read as far as it is whole."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affectbio.errors import DataError
from affectbio.montage import electrode_position, modern_name
from affectbio.types import Channel, Recording, Signal
from affectbio.units import si_unit

if TYPE_CHECKING:
    import edfio
    import pandas as pd

__all__ = ["EDFTruncatedWarning", "read_edf"]

# Words that labels begin with, as EDF+ prescribes ("EEG Fpz-Cz", "ECG V2"), and the kind of channel they stand for.
_KIND_OF_PREFIX = {"EEG": "eeg", "ECG": "ecg", "EKG": "ecg", "EOG": "eog", "EMG": "emg", "RESP": "resp", "TEMP": "temperature"}


class EDFTruncatedWarning(UserWarning):
    """A file ends before the number of records its header promises."""


def read_edf(
    path: str | Path,
    subject: str,
    *,
    session: str = "01",
    picks: list[str] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> Recording:
    """Read an EDF, EDF+ or BDF file.

    Parameters
    ----------
    path : str or Path
        The file.
    subject : str
        Pseudonym of the person.
    session : str
        Which visit.
    picks : list of str, optional
        Channels to keep, by the file's label or its 10-05 name; all if not given.
    kinds : mapping of str to str, optional
        Kind of a channel whose label does not tell, by label.

    Returns
    -------
    Recording
        One signal per kind and rate, named after the kind; EDF+ annotations as events. Units are SI; names are 10-05
        (``"EEG T5"`` becomes ``"P7"``). An ``EEG`` channel that is no electrode (``"EEG A2-A1"``) becomes ``misc``.

    Raises
    ------
    DataError
        If the file is no EDF or BDF (it says which byte), its header is cut, no record is whole, or a channel's unit
        is missing.

    Warns
    -----
    EDFTruncatedWarning
        If the file holds fewer whole records than its header says; those are read.

    Examples
    --------
    >>> from affectbio._bundled import bundled
    >>> recording = read_edf(bundled("eegmat") / "Subject00_1.edf", "00")
    >>> recording.signals["eeg"].sfreq, recording.signals["eeg"].ch_names[:3]
    (125.0, ('Fp1', 'Fp2', 'C3'))
    """
    import edfio

    path = Path(path)
    content, is_bdf, problem = _whole_records(path)
    file = (edfio.read_bdf if is_bdf else edfio.read_edf)(io.BytesIO(content))
    rows: dict[tuple[str, float], list[tuple[Channel, np.ndarray]]] = {}
    for signal in file.signals:
        channel, scale = _channel(signal, kinds or {}, path)
        if picks is not None and channel.name not in picks and signal.label not in picks:
            continue
        rows.setdefault((channel.kind, float(signal.sampling_frequency)), []).append((channel, scale * signal.data))
    if not rows:
        raise DataError(f"{path}: no channel left; asked for {picks}, found {[s.label for s in file.signals]}")
    signals: dict[str, Signal] = {}
    for (kind, sfreq), group in rows.items():
        name = kind if kind not in signals else f"{kind}@{sfreq:g}"
        signals[name] = Signal(np.stack([data for _, data in group]), sfreq, [channel for channel, _ in group])
    meta: dict[str, Any] = {"file": path.name}
    if problem:
        meta["problem"] = problem
        warnings.warn(problem, EDFTruncatedWarning, stacklevel=2)
    return Recording(signals, subject=subject, session=session, events=_events(file), meta=meta)


def _whole_records(path: Path) -> tuple[bytes, bool, str | None]:
    """The file's bytes up to its last whole record with the header made to agree, and what was wrong."""
    content = path.read_bytes()
    is_bdf = content[:8] == b"\xffBIOSEMI"
    if not is_bdf and content[:8] != b"0       ":
        raise DataError(
            f"{path}: not an EDF or BDF file; expected '0       ' or 0xFF 'BIOSEMI' at byte 0, found {content[:8]!r}"
        )
    try:
        n_header, n_records, n_signals = int(content[184:192]), int(content[236:244]), int(content[252:256])
        # The header lists each field for all signals in turn; samples per record come after 216 bytes per signal.
        at = 256 + 216 * n_signals
        per_record = [int(content[at + 8 * i : at + 8 * (i + 1)]) for i in range(n_signals)]
    except ValueError:
        raise DataError(
            f"{path}: the header is cut or damaged; expected numbers at bytes 184, 236, 252 and 216 after each signal, "
            f"the file ends at byte {len(content)}"
        ) from None
    record = sum(per_record) * (3 if is_bdf else 2)
    if len(content) < n_header or record <= 0:
        raise DataError(f"{path}: the header should end at byte {n_header}; the file ends at byte {len(content)}")
    whole = (len(content) - n_header) // record
    if n_records in (whole, -1) and (len(content) - n_header) % record == 0:
        return content, is_bdf, None
    if n_records != -1 and whole > n_records:
        whole = n_records
    if whole == 0:
        raise DataError(f"{path}: no record is whole; the first should end at byte {n_header + record}, the file ends at {len(content)}")
    promised = "an unknown number of" if n_records == -1 else str(n_records)
    problem = (
        f"{path}: the header promises {promised} records of {record} bytes after byte {n_header}, the file ends at byte "
        f"{len(content)}; {whole} whole records were read"
    )
    kept = bytearray(content[: n_header + whole * record])
    kept[236:244] = f"{whole:<8d}".encode()
    return bytes(kept), is_bdf, problem


def _channel(signal: edfio.EdfSignal, kinds: Mapping[str, str], path: Path) -> tuple[Channel, float]:
    name = modern_name(signal.label)
    kind = kinds.get(signal.label) or kinds.get(name) or _KIND_OF_PREFIX.get(signal.label.split(" ")[0].upper())
    if kind is None:
        kind = "eeg" if electrode_position(name) else "misc"
    elif kind == "eeg" and electrode_position(name) is None:
        kind = "misc"
    if not signal.physical_dimension.strip():
        raise DataError(f"{path}: channel {signal.label!r} has no unit; set its physical dimension in the file, such as uV")
    scale, unit = si_unit(signal.physical_dimension)
    return Channel(name, kind, unit), scale


def _events(file: edfio.Edf) -> pd.DataFrame:
    import pandas as pd

    rows = [(a.onset, a.duration or 0.0, a.text) for a in file.annotations]
    return pd.DataFrame(rows, columns=["onset", "duration", "trial_type"]).astype(
        {"onset": float, "duration": float, "trial_type": str}
    )
