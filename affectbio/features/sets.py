"""Named sets of features, and what each needs: the signal, the length of its window, and what makes it valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt

from affectbio.errors import ConfigError
from affectbio.features.window import WindowFeature
from affectbio.registry import unknown_name
from affectbio.types import Recording, Signal

__all__ = ["SETS", "NamedSet", "fitting_sets"]

# Where a pulse is taken says what of it is the sharper, see `affectbio.kernels.find_beats`.
_WHAT_OF_A_PULSE = {"empatica-e4": "ppg_foot"}


@dataclass(frozen=True)
class NamedSet:
    """A feature under a name of its own, with everything that is needed to compute it from a recording.

    Parameters
    ----------
    name : str
        What its columns begin with.
    feature : str
        A name in ``affectbio.features.FEATURES``.
    window_s : float
        Length of its window in seconds.
    params : mapping of str to scalar
        Parameters of the feature.
    valid_if : tuple of str
        Fields that make a window valid where they are known; every column if there are none. A window without a skin
        conductance response is a good one, though the mean height of its responses is not known.
    signal : str, optional
        Which signal of the recording; if not given, the first with channels of a kind that the feature knows.
    """

    name: str
    feature: str
    window_s: float
    params: Mapping[str, Any] = field(default_factory=dict)
    valid_if: tuple[str, ...] = ()
    signal: str | None = None

    def make(self, recording: Recording | None = None) -> WindowFeature:
        """Make the transformer.

        Parameters
        ----------
        recording : Recording, optional
            For which. A feature that asks for the ``kind`` of its channels is told it, unless ``params`` say: ECG, PPG,
            or of a wristband the foot of its pulse.

        Returns
        -------
        WindowFeature
            Not fitted.

        Raises
        ------
        ConfigError
            If there is no such feature or parameter; the nearest is suggested.
        """
        from affectbio.features import FEATURES

        part = FEATURES.get(self.feature)
        takes = signature(part).parameters
        for name in self.params:
            if name not in takes:
                raise unknown_name(f"parameter of feature {self.feature!r}", name, takes)
        params = dict(self.params)
        if recording is not None and "kind" in takes and "kind" not in params:
            source = self.source(recording)
            if source is not None:
                kind = source.channels[0].kind
                params["kind"] = _WHAT_OF_A_PULSE.get(recording.device or "", kind) if kind == "ppg" else kind
        made: WindowFeature = part(**params)
        return made

    def source(self, recording: Recording) -> Signal | None:
        """Find the channels that it is computed from.

        Parameters
        ----------
        recording : Recording
            With any signals.

        Returns
        -------
        Signal or None
            The channels of the first kind it knows, of the signal that was named or the first that has such; None if
            there is none.

        Raises
        ------
        DataError
            If the signal that was named is not there.
        """
        signals = recording.signals.values() if self.signal is None else [recording.signal(self.signal)]
        for kind in self.make().kinds:
            for signal in signals:
                rows = [channel.name for channel in signal.channels if channel.kind == kind]
                if rows:
                    return signal if len(rows) == signal.n_chans else signal.pick(rows)
        return None

    def columns(self, source: Signal) -> list[str]:
        """Name its columns in a table beside those of other sets.

        Parameters
        ----------
        source : Signal
            From `source`.

        Returns
        -------
        list of str
            ``"eeg-de_C3_alpha"``, ``"eda_tonic_mean"``.

        Raises
        ------
        ValueError
            If the feature cannot be had from such channels or at such a rate.
        """
        names = self.make().columns(source.sfreq, source.ch_names)
        return [n if n.startswith(f"{self.name}_") else f"{self.name}_{n}" for n in names]

    def valid(self, values: npt.NDArray[Any], columns: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Say which windows are valid.

        Parameters
        ----------
        values : ndarray, shape (n_windows, n_columns)
            The feature.
        columns : sequence of str
            From `columns`.

        Returns
        -------
        ndarray of bool, shape (n_windows,)
            Where every column is known; or every field of ``valid_if``, of at least one channel.
        """
        known = np.isfinite(values)
        # Channel by channel: the n-th column of each needed field belongs to the n-th channel.
        needed = [known[:, [c.endswith(f"_{name}") for c in columns]] for name in self.valid_if]
        needed = [field for field in needed if field.shape[1]]
        valid: npt.NDArray[np.bool_] = np.logical_and.reduce(needed).any(axis=1) if needed else known.all(axis=1)
        return valid


# What a minute of beats can tell; the lower bands and the fractal exponent need two to five (see `HeartFeatures`).
_OF_A_MINUTE = (
    "hr_bpm",
    "mean_rr_ms",
    "sdnn_ms",
    "rmssd_ms",
    "pnn50_percent",
    "hf_ms2",
    "sd1_ms",
    "sd2_ms",
    "n_beats",
    "beats_trusted",
    "intervals_corrected",
)

#: The sets that ship with affectbio, by name. Lengths are the shortest that are usual for what is measured.
SETS: dict[str, NamedSet] = {
    s.name: s
    for s in (
        NamedSet("eeg-de", "differential-entropy", 2.0),
        NamedSet("eeg-power", "band-power", 2.0, {"log": "10"}),
        NamedSet("eeg-relative-power", "relative-power", 4.0),
        NamedSet("eeg-asymmetry", "asymmetry", 4.0),
        NamedSet("eeg-hjorth", "hjorth", 2.0),
        NamedSet("eeg-complexity", "complexity", 4.0),
        NamedSet("eeg-wavelet", "wavelet-energy", 4.0),
        NamedSet("eeg-aperiodic", "aperiodic-slope", 30.0),
        NamedSet("eeg-connectivity", "connectivity", 8.0),
        NamedSet("hrv", "hrv", 60.0, {"fields": _OF_A_MINUTE}, valid_if=("hr_bpm", "rmssd_ms")),
        NamedSet("hrv-5min", "hrv", 300.0, valid_if=("hr_bpm", "rmssd_ms")),
        NamedSet("eda", "eda", 64.0, valid_if=("tonic_mean", "scr_per_min")),
        NamedSet("respiration", "respiration", 60.0, valid_if=("rate_bpm",)),
        NamedSet("temperature", "temperature", 60.0),
        NamedSet("motion", "motion", 10.0, valid_if=("mad",)),
    )
}


def named_set(name: str, window_s: float | None = None) -> NamedSet:
    """Give a set by name, with another length of window if one is given."""
    if name not in SETS:
        raise unknown_name("feature set", name, SETS)
    known = SETS[name]
    return known if window_s is None else replace(known, window_s=window_s)


def fitting_sets(recording: Recording, window_s: float | None = None) -> list[str]:
    """Name the sets that can be computed from a recording.

    Parameters
    ----------
    recording : Recording
        With any signals.
    window_s : float, optional
        Length of every set's window in seconds; the set's own if not given.

    Returns
    -------
    list of str
        Those for which it has channels of the right kind and number, at a sufficient rate, for at least one window.

    Examples
    --------
    >>> from affectbio.types import Channel
    >>> eeg = Signal(np.zeros((2, 512)), 128.0, [Channel("C3"), Channel("C4")])
    >>> "eeg-de" in fitting_sets(Recording({"eeg": eeg}, subject="01"))
    True
    """
    return [name for name in SETS if not why_not(named_set(name, window_s), recording)]


def why_not(wanted: NamedSet, recording: Recording) -> str:
    """Say why a set cannot be computed from a recording; nothing if it can."""
    source = wanted.source(recording)
    if source is None:
        return f"it has no {' or '.join(wanted.make().kinds) or 'such'} channel"
    if source.duration < wanted.window_s:
        return f"it lasts {source.duration:.1f} s, and a window of {wanted.name} {wanted.window_s:g} s"
    try:
        wanted.columns(source)
        # What a kernel asks of the length, the rate or the unit, it says of the first window.
        wanted.make(recording).measure_at(source, np.zeros(1, np.int64), round(wanted.window_s * source.sfreq))
    except ConfigError:
        raise
    except ValueError as error:
        return str(error)
    return ""
