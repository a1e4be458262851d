"""EDF and BDF files (Kemp et al. 1992; EDF+ 2003) as Recordings, read by edfio.

A torn file is read as far as it is whole.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from affectbio.datasets._columns import channel_of
from affectbio.errors import DataError
from affectbio.montage import modern_name
from affectbio.registry import unknown_name
from affectbio.types import Channel, Recording, Signal
from affectbio.units import si_unit

if TYPE_CHECKING:
    import edfio
    import pandas as pd

__all__ = ["EDFTruncatedWarning", "read_edf"]

_EDF, _BDF = b"0       ", b"\xffBIOSEMI"


class EDFTruncatedWarning(UserWarning):
    """A file ends elsewhere than the number of records in its header says; its whole records were read."""


def read_edf(
    path: str | Path,
    subject: str,
    *,
    session: str = "01",
    picks: Sequence[str] | None = None,
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
    picks : sequence of str, optional
        Channels to keep, by the file's label or its 10-05 name; all if not given.
    kinds : mapping of str to str, optional
        Kind of a channel whose label does not tell, by label or 10-05 name.

    Returns
    -------
    Recording
        One signal per kind and rate, named after the kind, and from the second rate on after both (``"eeg@256"``);
        EDF+ annotations as events. Units are SI; names are 10-05 (``"EEG T5"`` becomes ``"P7"``). A channel that is no
        electrode (``"EEG A2-A1"``), or not in the unit of its kind (``"RESP chest"`` in mV), becomes ``misc``.

    Raises
    ------
    DataError
        If the file is no EDF or BDF (it says which byte), its header is cut or damaged, no record is whole, records
        are not contiguous, a channel's unit is missing or not known, or a name in ``picks`` or ``kinds`` is not there.

    Warns
    -----
    EDFTruncatedWarning
        If the file ends before or after the records its header promises; those that are whole are read.

    Examples
    --------
    >>> from affectbio._bundled import bundled
    >>> recording = read_edf(bundled("eegmat") / "Subject00_1.edf", "00")
    >>> recording.signals["eeg"].sfreq, recording.signals["eeg"].ch_names[:3]
    (125.0, ('Fp1', 'Fp2', 'C3'))
    """
    path = Path(path)
    content = path.read_bytes()
    try:
        whole, problem = _whole_records(content)
        signals, events = _read(whole, picks, kinds or {})
    except ValueError as error:  # edfio's, of a damaged header field, and ours
        raise DataError(f"{path}: {error}") from error
    meta = {"file": path.name}
    if problem:
        meta["problem"] = problem
        warnings.warn(f"{path}: {problem}", EDFTruncatedWarning, stacklevel=2)
    return Recording(signals, subject=subject, session=session, events=events, meta=meta)


def _read(
    content: bytes, picks: Sequence[str] | None, kinds: Mapping[str, str]
) -> tuple[dict[str, Signal], pd.DataFrame]:
    import edfio

    file: Any = (edfio.read_bdf if content.startswith(_BDF) else edfio.read_edf)(io.BytesIO(content))
    if "+D" in file.reserved and not file.is_continuous:
        raise DataError("the records are not contiguous (EDF+D); cut the file at its gaps, or export it as EDF+C")
    names = [modern_name(signal.label) for signal in file.signals]
    for asked in (*(picks or ()), *kinds):
        if asked not in names and asked not in file.labels:
            raise unknown_name("channel", asked, {*names, *file.labels})
    rows: dict[tuple[str, float], list[tuple[Channel, npt.NDArray[np.float64]]]] = {}
    for signal, name in zip(file.signals, names, strict=True):
        if picks is None or name in picks or signal.label in picks:
            channel, scale = _channel(signal.label, name, signal.physical_dimension, kinds)
            rows.setdefault((channel.kind, float(signal.sampling_frequency)), []).append((channel, scale * signal.data))
    if not rows:
        raise DataError("it holds only annotations" if picks is None else "no channel is picked")
    signals: dict[str, Signal] = {}
    for (kind, sfreq), group in rows.items():
        key = kind if kind not in signals else f"{kind}@{sfreq:g}"
        signals[key] = Signal(np.stack([data for _, data in group]), sfreq, [channel for channel, _ in group])
    return signals, _events(file)


def _whole_records(content: bytes) -> tuple[bytes, str | None]:
    """Give the bytes up to the last whole record with the header made to agree, and what was wrong."""
    is_bdf = content.startswith(_BDF)
    if not is_bdf and not content.startswith(_EDF):
        raise DataError(f"not an EDF or BDF file; expected {_EDF!r} or {_BDF!r} at byte 0, found {content[:8]!r}")
    try:
        n_header, n_records, n_signals = int(content[184:192]), int(content[236:244]), int(content[252:256])
        record_s = float(content[244:252])
        # The header lists each field for all signals in turn; samples per record come after 216 bytes per signal.
        at = 256 + 216 * n_signals
        per_record = [int(content[at + 8 * i : at + 8 * (i + 1)]) for i in range(n_signals)]
    except ValueError:
        raise DataError(
            f"the header is cut or damaged; expected numbers at bytes 184, 236, 244, 252 and after 216 bytes per "
            f"signal, the file ends at byte {len(content)}"
        ) from None
    if not 0 < record_s < np.inf:
        raise DataError(f"records last {record_s:g} s; the file holds only annotations, or its header is damaged")
    record = sum(per_record) * (3 if is_bdf else 2)
    if n_header != 256 * (n_signals + 1) or record <= 0 or min(per_record) < 0:
        raise DataError(
            f"the header is damaged; {n_signals} signals need {256 * (n_signals + 1)} bytes of header, "
            f"found {n_header}, with {record} bytes per record"
        )
    n_whole, surplus = divmod(len(content) - n_header, record)
    n_kept = n_whole if n_records == -1 else min(n_whole, n_records)
    if n_kept < 1:
        raise DataError(
            f"no record is whole; the header promises {n_records}, the first would end at byte {n_header + record}, "
            f"the file ends at byte {len(content)}"
        )
    agreed = content[:236] + f"{n_kept:<8d}".encode() + content[244 : n_header + n_kept * record]
    # A recorder that was not closed leaves -1 behind; that alone loses nothing.
    if surplus == 0 and n_records in (n_whole, -1):
        return agreed, None
    promised = "an unknown number of" if n_records == -1 else str(n_records)
    return agreed, (
        f"the header promises {promised} records of {record} bytes after byte {n_header}, the file ends at byte "
        f"{len(content)}; {n_kept} whole records were read"
    )


def _channel(label: str, name: str, written_unit: str, kinds: Mapping[str, str]) -> tuple[Channel, float]:
    if not written_unit.strip():
        raise DataError(
            f"channel {label!r} has no unit; set its physical dimension in the file, such as uV, or pick other channels"
        )
    try:
        scale, unit = si_unit(written_unit)
    except DataError as error:
        raise DataError(f"channel {label!r}: {error}; pick other channels if it is not needed") from None
    return channel_of(label, unit, kinds.get(label) or kinds.get(name)), scale


def _events(file: edfio.Edf | edfio.Bdf) -> pd.DataFrame:
    import pandas as pd

    rows = [(a.onset, a.duration or 0.0, a.text) for a in file.annotations]
    return pd.DataFrame(rows, columns=["onset", "duration", "trial_type"]).astype(
        {"onset": float, "duration": float, "trial_type": str}
    )
