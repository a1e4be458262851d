"""One recording in one file, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from affectbio.datasets.e4 import read_e4
from affectbio.datasets.edf import read_edf
from affectbio.datasets.mne_files import read_brainvision, read_fif
from affectbio.datasets.muse import read_muse
from affectbio.datasets.openbci import read_openbci
from affectbio.errors import AffectbioError, DataError, DatasetLayoutError
from affectbio.types import Recording
from affectbio.xdf import read_xdf

__all__ = ["RECORDINGS", "read_recording"]

#: What `read_recording` reads, in words for a person.
RECORDINGS = (
    "an XDF, EDF, BDF or FIF file, a BrainVision .vhdr, a .txt of the OpenBCI GUI, a .csv of muselsl, or the folder or "
    ".zip of an Empatica E4"
)

_SNIFF = 4096


def read_recording(
    path: str | Path,
    subject: str,
    *,
    session: str = "01",
    units: Mapping[str, str] | None = None,
    ch_names: Sequence[str] | None = None,
) -> Recording:
    """Read a recording, of whatever kind its file is.

    Parameters
    ----------
    path : str or Path
        ``.xdf`` (`affectbio.xdf.read_xdf`), ``.edf`` or ``.bdf`` (`read_edf`), ``.fif`` (`read_fif`), ``.vhdr``
        (`read_brainvision`), the ``.txt`` of the OpenBCI GUI (`read_openbci`), the ``.csv`` of muselsl (`read_muse`),
        or the folder or ``.zip`` of an Empatica E4 (`read_e4`).
    subject : str
        Pseudonym of the person.
    session : str
        Which visit.
    units : mapping of str to str, optional
        Units of XDF streams that state none, by type or name.
    ch_names : sequence of str, optional
        What the channels of an OpenBCI file are; see `read_openbci`.

    Returns
    -------
    Recording
        What could be read of it.

    Raises
    ------
    DatasetLayoutError
        If there is no such file, or its kind is not known.
    DataError
        If it cannot be read, or ``units`` or ``ch_names`` were given for a kind of file that has its own.

    Warns
    -----
    XDFTruncatedWarning, EDFTruncatedWarning
        If an XDF, EDF or BDF file is not whole.

    Examples
    --------
    >>> from affectbio._bundled import bundled
    >>> read_recording(bundled("eegmat") / "Subject00_1.edf", "00").signal("eeg").n_chans
    8
    """
    path = Path(path)
    if not path.exists():
        raise DatasetLayoutError(f"no recording {path}; expected {RECORDINGS}")
    try:
        kind = _kind(path)
        for given, what, only in ((units, "units", "xdf"), (ch_names, "names of channels", "openbci")):
            if given and kind != only:
                raise DataError(
                    f"{path.name}: {what} were given, but a file of kind {kind} has its own; leave them out"
                )
        if kind == "xdf":
            return read_xdf(path, subject, session=session, units=units)
        if kind == "openbci":
            return read_openbci(path, subject, session=session, ch_names=ch_names)
        reader = {"e4": read_e4, "edf": read_edf, "fif": read_fif, "brainvision": read_brainvision, "muse": read_muse}
        return reader[kind](path, subject, session=session)
    except AffectbioError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _kind(path: Path) -> str:
    name = path.name.lower()
    if path.is_dir() or name.endswith(".zip"):
        return "e4"
    if name.endswith((".edf", ".bdf")):
        return "edf"
    if name.endswith(".xdf"):
        return "xdf"
    if name.endswith((".fif", ".fif.gz")):
        return "fif"
    if name.endswith(".vhdr"):
        return "brainvision"
    if name.endswith((".eeg", ".vmrk")) and path.with_suffix(".vhdr").exists():
        raise DatasetLayoutError(f"{path.name} is one part of a BrainVision recording; give {path.stem}.vhdr")
    if name.endswith((".txt", ".csv")):
        with path.open("rb") as file:
            first = file.read(_SNIFF).removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].strip()
        if first.startswith(b"%OpenBCI"):
            return "openbci"
        if first.startswith(b"timestamps,"):
            return "muse"
        raise DatasetLayoutError(
            f"{path.name} begins with {first[:40].decode('latin1')!r}; expected '%OpenBCI Raw EXG Data', as the "
            f"OpenBCI GUI writes, or 'timestamps,TP9,...', as muselsl does"
        )
    raise DatasetLayoutError(
        f"{path.name}: recordings of kind {path.suffix or 'without a suffix'} cannot be read; expected {RECORDINGS}"
    )
