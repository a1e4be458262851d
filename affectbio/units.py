"""Units: the many spellings of recorders and files, brought to SI."""

from __future__ import annotations

import math

from affectbio.errors import DataError
from affectbio.registry import unknown_name

__all__ = ["KINDS", "si_unit"]

#: Kinds of channel, in MNE's words where MNE has one, with the SI unit that a Signal holds them in.
KINDS = {
    "eeg": "V",
    "eog": "V",
    "ecg": "V",
    "emg": "V",
    "gsr": "S",
    "ppg": "1",
    "resp": "1",
    "temperature": "degC",
    "acc": "m/s^2",
    "gyro": "rad/s",
    "misc": "1",
}

_PREFIX = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3}
_LONG_PREFIX = {"nano": "n", "micro": "u", "milli": "m", "kilo": "k"}
_BASE = {
    "v": "V", "volt": "V", "volts": "V",
    "siemens": "S",
    "degc": "degC", "c": "degC", "celsius": "degC", "°c": "degC", "oc": "degC",
    "m/s^2": "m/s^2", "m/s2": "m/s^2", "m/s²": "m/s^2",
    "rad/s": "rad/s",
    "1": "1", "counts": "1", "count": "1", "a.u.": "1", "au": "1", "n/a": "1",
}  # fmt: skip
_FIXED = {
    "g": (9.80665, "m/s^2"),
    "mg": (9.80665e-3, "m/s^2"),
    "deg/s": (math.pi / 180, "rad/s"),
    "dps": (math.pi / 180, "rad/s"),
}


def si_unit(unit: str) -> tuple[float, str]:
    """Read a unit as recorders write it.

    Parameters
    ----------
    unit : str
        For example ``"uV"``, ``"µV"``, ``"microvolts"``, ``"uS"``, ``"g"``, ``"deg/s"``, ``"counts"``.

    Returns
    -------
    scale : float
        Factor from that unit to SI.
    si : str
        The SI unit: one of the values of `KINDS`.

    Raises
    ------
    DataError
        If the unit is empty or not known.

    Examples
    --------
    >>> si_unit("microvolts")
    (1e-06, 'V')
    >>> si_unit("µS")
    (1e-06, 'S')
    """
    # U+00B5 (micro sign) and U+03BC (Greek mu) both stand for micro.
    written = unit.strip().replace("\u00b5", "u").replace("\u03bc", "u")
    text = written.lower()
    if not text:
        raise DataError("a unit is empty; expected one such as 'uV', 'V', 'uS', 'g', 'degC' or 'counts'")
    if text in _FIXED:
        return _FIXED[text]
    if text in _BASE:
        return 1.0, _BASE[text]
    for long, short in _LONG_PREFIX.items():
        if text.startswith(long) and text[len(long) :] in _BASE:
            return _PREFIX[short], _BASE[text[len(long) :]]
    # The one symbol whose case matters: ms is milliseconds, mS is millisiemens.
    if written.endswith("S") and text[:-1] in _PREFIX:
        return _PREFIX[text[:-1]], "S"
    if text[0] in _PREFIX and _BASE.get(text[1:]) in ("V", "S"):
        return _PREFIX[text[0]], _BASE[text[1:]]
    raise DataError(str(unknown_name("unit", unit, [*_BASE, *_FIXED, "uV", "mV", "uS"])))
