"""The description of an LSL stream, an XML ``<info>`` that is the same on the network and in an XDF file.

Words of the LSL metadata convention, https://github.com/sccn/xdf/wiki/Meta-Data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from affectbio.errors import DataError
from affectbio.montage import electrode_position, modern_name
from affectbio.types import Channel
from affectbio.units import KINDS, si_unit

__all__ = ["FORMATS", "StreamHeader", "parse_header", "scale_to_si"]

#: LSL's channel formats with the little-endian numpy type of each; None is text.
FORMATS: dict[str, str | None] = {
    "float32": "<f4",
    "double64": "<f8",
    "string": None,
    "int8": "<i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
}

# What programs write as the type of a stream or of a channel, beside our own words.
_KIND_OF_TYPE = {
    **{kind: kind for kind in KINDS},
    "ekg": "ecg",
    "eda": "gsr",
    "bvp": "ppg",
    "rsp": "resp",
    "respiration": "resp",
    "temp": "temperature",
    "accelerometer": "acc",
    "gyroscope": "gyro",
    "aux": "misc",
    "ref": "misc",
    "stim": "misc",
    "trig": "misc",
}


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """What a stream says of itself.

    Parameters
    ----------
    name, lsl_type, source_id, manufacturer : str
        As written; empty if not given.
    sfreq : float
        Nominal rate in Hz; 0 for irregular streams such as markers.
    dtype : str
        One of `FORMATS`.
    labels, units, types : tuple of str
        One per channel; ``ch1``, ``ch2``, … where there is no label, empty where there is no unit or type.
    can_drop : bool
        Whether samples may be missing and the stamps are right as they are.
    """

    name: str
    lsl_type: str
    source_id: str
    manufacturer: str
    sfreq: float
    dtype: str
    labels: tuple[str, ...]
    units: tuple[str, ...]
    types: tuple[str, ...]
    can_drop: bool

    @property
    def n_chans(self) -> int:
        """Number of channels."""
        return len(self.labels)

    def channels(
        self, units: Mapping[str, str] | None = None
    ) -> tuple[tuple[Channel, ...], tuple[str, ...], tuple[str, ...]]:
        """Bring the channels to our words and SI units.

        The kind comes from the channel's type, else from the stream's. An EEG channel whose label is no 10-05 name is
        kept as ``"misc"``. Channels of a kind without dimension (``"misc"``, ``"ppg"``, ``"resp"``) may state any unit
        or none: one that is known is brought to SI, one that is not leaves the numbers as they are, and a note says so.

        Parameters
        ----------
        units : mapping of str to str, optional
            Units by stream type or name, for channels that state none, or one that does not fit.

        Returns
        -------
        channels : tuple of Channel
            One per row.
        units : tuple of str
            Unit of the numbers in the stream, one per channel; `scale_to_si` gives the factor.
        notes : tuple of str
            What was decided that a reader of the data must know.

        Raises
        ------
        DataError
            If the unit of a channel is missing or does not fit its kind, and ``units`` does not help.
        """
        given = {key.lower(): unit for key, unit in (units or {}).items()}
        supplied = given.get(self.lsl_type.lower(), given.get(self.name.lower(), ""))
        channels, resolved = [], []
        notes: dict[str, list[str]] = {}
        for label, stated, kind in zip(self.labels, self.units, self._kinds(), strict=True):
            unit = self._unit(label, kind, stated, supplied)
            _, si = _si(unit) or (1.0, unit)
            name = modern_name(label) if kind == "eeg" else label
            if kind == "eeg" and electrode_position(name) is None:
                note = f"EEG channel of stream {self.name!r} with no 10-05 name, kept as 'misc' in {si}"
                notes.setdefault(note, []).append(label)
                name, kind = label, "misc"
            elif si != KINDS[kind]:
                notes.setdefault(f"in {si}", []).append(label)
            channels.append(Channel(name, kind))
            resolved.append(unit)
        said = (f"{', '.join(labels)}: {note}" for note, labels in notes.items())
        return tuple(channels), tuple(resolved), tuple(said)

    def _kinds(self) -> list[str]:
        stream = _KIND_OF_TYPE.get(self.lsl_type.lower(), "misc")
        return [_KIND_OF_TYPE.get(kind.lower(), stream) for kind in self.types]

    def _unit(self, label: str, kind: str, stated: str, supplied: str) -> str:
        """Choose the first unit that fits the kind; for a kind without dimension any, or none."""
        free = KINDS[kind] == "1"
        for unit in (stated, supplied):
            known = _si(unit)
            if known and (free or known[1] == KINDS[kind]):
                return unit
        if free:
            return stated or supplied or "1"
        found = f"the unit {stated!r}" if stated else "no unit"
        raise DataError(
            f"channel {label!r} of stream {self.name!r} (type {self.lsl_type!r}) has {found}; expected one that is "
            f"{KINDS[kind]!r} in SI: pass units={{{self.lsl_type or self.name!r}: 'uV'}}, with the unit it is in"
        )


def scale_to_si(unit: str) -> float:
    """Give the factor from a channel's unit to SI; 1 for one that nobody knows, which leaves the numbers as they are.

    Parameters
    ----------
    unit : str
        From `StreamHeader.channels`, which lets an unknown unit through only where the kind has no dimension.

    Returns
    -------
    float
        Factor.

    Examples
    --------
    >>> scale_to_si("microvolts"), scale_to_si("mmHg")
    (1e-06, 1.0)
    """
    known = _si(unit)
    return known[0] if known else 1.0


def _si(unit: str) -> tuple[float, str] | None:
    try:
        return si_unit(unit)
    except DataError:
        return None


def parse_header(xml: str) -> StreamHeader:
    """Read the XML ``<info>`` of a stream.

    Parameters
    ----------
    xml : str
        As LSL gives it and as XDF stream headers hold it.

    Returns
    -------
    StreamHeader
        Labels made unique, missing ones numbered.

    Raises
    ------
    DataError
        If it is not XML, or lacks what every stream has.

    Examples
    --------
    >>> header = parse_header(
    ...     "<info><name>band</name><type>PPG</type><channel_count>1</channel_count>"
    ...     "<channel_format>float32</channel_format><nominal_srate>64</nominal_srate></info>"
    ... )
    >>> header.labels, header.sfreq
    (('ch1',), 64.0)
    """
    if "<!DOCTYPE" in xml:
        raise DataError("a stream header has a document type; LSL's never have, and one could expand without end")
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314  # no document type, so no entities to expand
        n_chans = int(root.findtext("channel_count", ""))
        sfreq = float(root.findtext("nominal_srate", ""))
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"a stream header is not LSL's XML with channel_count and nominal_srate: {error}") from error
    dtype = root.findtext("channel_format", "")
    if dtype not in FORMATS:
        raise DataError(f"a stream header has channels of format {dtype!r}; expected one of {', '.join(FORMATS)}")
    if n_chans < 1:
        raise DataError(f"a stream header has {n_chans} channels; expected at least one")
    described = root.findall("desc/channels/channel")[:n_chans]

    def per_channel(tag: str) -> tuple[str, ...]:
        texts = [(channel.findtext(tag) or "").strip() for channel in described]
        return tuple(texts + [""] * (n_chans - len(texts)))

    return StreamHeader(
        name=root.findtext("name") or "",
        lsl_type=root.findtext("type") or "",
        source_id=root.findtext("source_id") or "",
        manufacturer=root.findtext("desc/manufacturer") or root.findtext("desc/acquisition/manufacturer") or "",
        sfreq=sfreq,
        dtype=dtype,
        labels=_distinct(per_channel("label")),
        units=per_channel("unit"),
        types=per_channel("type"),
        can_drop=(root.findtext("desc/synchronization/can_drop_samples") or "").strip().lower() == "true",
    )


def _distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Labels with the missing ones numbered and the repeated ones told apart."""
    seen: set[str] = set()
    for i, label in enumerate(labels, start=1):
        name, n = label or f"ch{i}", 2
        while name in seen:
            name, n = f"{label or f'ch{i}'}-{n}", n + 1
        seen.add(name)
        labels = (*labels[: i - 1], name, *labels[i:])
    return labels
