"""MAHNOB-HCI: 20 film clips, BioSemi EEG and physiology (Soleymani et al., IEEE T. Affect. Comput. 3(1), 2012).

One folder per session, ``Sessions/10``, with a BDF file and ``session.xml``. Only the sessions of the emotion
experiment are read, which are those that somebody rated. Read here through an imitation only: no real copy was at hand.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectbio.datasets._matlab import numbered
from affectbio.datasets.base import Dataset, Facts, SignalFacts
from affectbio.datasets.edf import _whole_records
from affectbio.errors import DataError
from affectbio.types import Channel, Consent, Recording, Signal
from affectbio.units import si_unit

__all__ = ["MAHNOBHCI"]

_ELECTRODES = (
    "Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1", "Oz", "Pz", "Fp2", "AF4",
    "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2", "P4", "P8", "PO4", "O2",
)  # fmt: skip
# From memory of the manual: EXG1 to EXG3 are the electrocardiogram. All channels are found by name, never by place.
_BODY = {"ecg": ("EXG1", "EXG2", "EXG3"), "eda": ("GSR1",), "resp": ("Resp",), "temperature": ("Temp",)}
_RATINGS = {"arousal": "feltArsl", "valence": "feltVlnc", "control": "feltCtrl", "predictability": "feltPred"}
# Of 7 to 10 from memory of the manual; the others as users of the data have them.
_EMOTIONS = (
    "neutral", "anger", "disgust", "fear", "joy", "sadness", "surprise", "scream", "bored", "sleepy", "unknown",
    "amusement", "anxiety",
)  # fmt: skip
_CONSENT = Consent(("research",), "MAHNOB-HCI-Tagging end-user licence agreement, mahnob-db.eu")


class _Session(NamedTuple):
    """What ``session.xml`` says of a rated session."""

    folder: Path
    attributes: dict[str, str]


class MAHNOBHCI(Dataset):
    """The recordings of the emotion experiment of a copy of MAHNOB-HCI, one per clip.

    Parameters
    ----------
    root : str or Path
        Folder with ``Sessions``, or that folder itself.

    Raises
    ------
    DatasetLayoutError
        If there is no such folder.

    Notes
    -----
    Signals are ``"eeg"`` (V, as recorded: without reference, to be referenced and filtered first), ``"ecg"`` (V),
    ``"eda"`` (S: a header in nS is scaled, one in ohm inverted; the file's own numbers as kind ``misc`` if it is in
    anything else), ``"resp"`` (the file's numbers) and ``"temperature"`` (°C, else ``misc``). The first two pulses on
    the trigger channel delimit the clip: an event ``"stimulus"``; all of them are in ``meta["pulses_s"]``. What was
    recorded before it, 30 s, is an event ``"baseline"`` of the same trial; the 30 s behind it belong to no event.

    ``trial`` is the number of the session, ``stimulus`` the file name of the clip. ``arousal, valence, control,
    predictability`` are from 1 to 9; ``emotion`` is the word that the person chose. ``meta["missing"]`` names rated
    sessions without a BDF file and folders without ``session.xml``. Sessions without ratings are of the tagging
    experiment or neutral clips, and are passed over.

    Examples
    --------
    >>> import tempfile
    >>> from affectbio.datasets import synthesise
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data = MAHNOBHCI(synthesise("mahnob-hci", folder, n_subjects=1, n_trials=1, seconds=3, rest_s=2))
    ...     recording = next(data.recordings())
    >>> recording.events[["onset", "duration", "trial_type", "trial"]].values.tolist()
    [[0.0, 2.0, 'baseline', '0002'], [2.0, 3.0, 'stimulus', '0002']]
    """

    facts = Facts(
        title="MAHNOB-HCI",
        source="M. Soleymani et al., 2012, doi 10.1109/T-AFFC.2011.25",
        access="Apply at mahnob-db.eu/hci-tagging, where an end-user licence agreement is to be signed.",
        # Of 30 people two have no rated session.
        n_subjects=28,
        n_recordings=20,
        n_trials=20,
        signals={
            "eeg": SignalFacts(32, 256.0, 1e-6, 5e-2),
            "ecg": SignalFacts(3, 256.0, 1e-6, 5e-2),
            "eda": SignalFacts(1, 256.0),
            "resp": SignalFacts(1, 256.0),
            "temperature": SignalFacts(1, 256.0),
        },
        ratings=dict.fromkeys(_RATINGS, (1.0, 9.0)),
        absent={
            "03": "17 sessions are rated",
            "09": "14 sessions are rated",
            "12": "no session is rated",
            "15": "no session is rated",
            "16": "16 sessions are rated",
        },
    )

    def subjects(self) -> list[str]:
        """Give the people's pseudonyms.

        Returns
        -------
        list of str
            Their numbers in ``session.xml``, ``"01"`` to ``"30"``, of those who rated a session.

        Raises
        ------
        DatasetLayoutError
            If the folder holds no rated session.
        DataError
            If a ``session.xml`` is damaged, declares entities, or does not say whose it is.
        """
        return [f"{number:02d}" for number in self._people]

    @cached_property
    def _folders(self) -> list[Path]:
        inner = self.root / "Sessions"
        root = inner if inner.is_dir() else self.root
        names = numbered((path.name for path in root.iterdir() if path.is_dir()), r"(\d+)")
        return [root / name for name in names.values()]

    @cached_property
    def _people(self) -> dict[int, list[_Session]]:
        people: dict[int, list[_Session]] = {}
        for folder in self._folders:
            path = folder / "session.xml"
            if path.is_file():
                number, attributes = _session(path)
                if _RATINGS["arousal"] in attributes:
                    people.setdefault(number, []).append(_Session(folder, attributes))
        if not people:
            raise self._nobody("Sessions/NNN/session.xml with ratings")
        return dict(sorted(people.items()))

    def _read(self, subject: str) -> Iterator[Recording]:
        sessions = self._people[int(subject)]
        files = {session.folder: sorted(session.folder.glob("*.bdf")) for session in sessions}
        missing = [f"trial {int(folder.name):04d}: no BDF file" for folder, found in files.items() if not found]
        missing += [f"session {f.name}: no session.xml" for f in self._folders if not (f / "session.xml").is_file()]
        for folder, attributes in sessions:
            if len(files[folder]) > 1:
                found = ", ".join(path.name for path in files[folder])
                raise DataError(f"{folder}: expected one BDF file; found {found}")
            for path in files[folder]:
                signals, pulses_s, lacking = _read_bdf(path)
                begin_s, end_s = pulses_s[:2]
                trial = {"trial": f"{int(folder.name):04d}", "stimulus": attributes.get("mediaFile", "")}
                said = {name: _number(folder, attributes, key) for name, key in _RATINGS.items()}
                events = [
                    {"onset": 0.0, "duration": begin_s, "trial_type": "baseline", **trial},
                    {
                        "onset": begin_s,
                        "duration": end_s - begin_s,
                        "trial_type": "stimulus",
                        **trial,
                        **said,
                        "emotion": _emotion(folder, attributes),
                    },
                ]
                yield Recording(
                    signals,
                    subject=subject,
                    events=pd.DataFrame(events[begin_s == 0 :]),
                    consent=_CONSENT,
                    meta={
                        "dataset": "mahnob-hci",
                        "file": path.name,
                        "session_xml": attributes,
                        "pulses_s": tuple(pulses_s),
                        "missing": (*missing, *(f"{trial['trial']}: no channel {name}" for name in lacking)),
                    },
                )


def _session(path: Path) -> tuple[int, dict[str, str]]:
    """Give the number of the person and the attributes of a session."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException, ElementTree

    try:
        # Entities can be made to expand to any size, or to the content of any file.
        root = ElementTree.parse(path, forbid_dtd=True).getroot()
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise DataError(f"{path} is no XML that is read here: {error}") from None
    subject = None if root is None else root.find("subject")
    number = "" if subject is None else subject.get("id", "")
    if root is None or not number.isdecimal():
        raise DataError(f"{path}: expected <subject id=...> with a number in the session; found {number!r}")
    return int(number), dict(root.attrib)


def _number(folder: Path, attributes: dict[str, str], key: str) -> float:
    text = attributes.get(key, "")
    try:
        return float(text) if text else float("nan")
    except ValueError:
        raise DataError(f"{folder / 'session.xml'}: {key}: expected a number; found {text!r}") from None


def _emotion(folder: Path, attributes: dict[str, str]) -> str | None:
    code = _number(folder, attributes, "feltEmo")
    if np.isnan(code):
        return None
    if code not in range(len(_EMOTIONS)):
        raise DataError(f"{folder / 'session.xml'}: feltEmo: expected 0 to {len(_EMOTIONS) - 1}; found {code:g}")
    return _EMOTIONS[int(code)]


def _read_bdf(path: Path) -> tuple[dict[str, Signal], list[float], list[str]]:
    """Give the signals, the seconds at which there are pulses, and which channels are not there."""
    import edfio

    content = path.read_bytes()
    try:
        whole, problem = _whole_records(content)
        file: Any = edfio.read_bdf(io.BytesIO(whole))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    if problem:
        raise DataError(f"{path}: {problem}; copy it again")
    channels = {signal.label: signal for signal in file.signals}
    for name in (*_ELECTRODES, "Status"):
        if name not in channels:
            raise DataError(f"{path}: no channel {name}; found {', '.join(channels)}")
    rate = float(channels["Status"].sampling_frequency)
    # Bits above the eighth tell the state of the amplifier, not what was sent to it.
    code = np.asarray(channels["Status"].digital).astype(np.int64) & 0xFF
    pulses = np.flatnonzero((code[1:] != 0) & (code[:-1] == 0)) + 1
    if len(pulses) < 2:
        raise DataError(
            f"{path}: expected pulses on Status at the beginning and the end of the clip; found {len(pulses)}"
        )
    signals = {}
    for name, wanted in {"eeg": _ELECTRODES, **_BODY}.items():
        there = [channels[label] for label in wanted if label in channels]
        if there:
            rows = [_channel(signal, name, path) for signal in there]
            signals[name] = Signal(np.stack([row for _, row in rows]), rate, [channel for channel, _ in rows])
    lacking = [label for wanted in _BODY.values() for label in wanted if label not in channels]
    return signals, (pulses / rate).tolist(), lacking


def _channel(signal: Any, name: str, path: Path) -> tuple[Channel, npt.NDArray[np.float64]]:
    """Bring a channel to SI by the unit in the header."""
    written = signal.physical_dimension.strip()
    data = signal.data
    if name == "eda" and written.lower() in ("ohm", "ohms", "kohm", "kohms"):
        resistance = data * (1e3 if written.lower().startswith("k") else 1.0)
        # An electrode that is off has no conductance; a resistance of nothing is none.
        return Channel(signal.label, "gsr"), np.divide(
            1.0, resistance, out=np.full_like(resistance, np.nan), where=resistance > 0
        )
    if name == "resp":
        return Channel(signal.label, "resp"), data
    if written.lower().replace(" ", "") in ("degc", "deg", "degreec", "°c", "c"):
        written = "degC"
    kind = {"eda": "gsr"}.get(name, name)
    try:
        scale, unit = si_unit(written)
        return Channel(signal.label, kind, unit), data * scale
    except DataError as error:
        if name in ("eda", "temperature"):
            return Channel(signal.label, "misc"), data
        raise DataError(f"{path}: channel {signal.label}: {error}") from None
