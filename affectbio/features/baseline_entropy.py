"""Band entropies of a trial less those of the rest before it, as RBTransformer's code computes them.

Here to show what it does to a score, not to be recommended: the rest is averaged to one second of waveform, whose
entropy is a noisy draw, the same for every window of a trial and for no other trial. It tells trials apart by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from affectbio.bands import Bands, resolve_bands
from affectbio.errors import DataError
from affectbio.kernels.entropy import differential_entropy
from affectbio.types import Recording, Windows

__all__ = ["BaselineEntropy"]

_BANDS = {"theta": (4.0, 8.0), "alpha": (8.0, 14.0), "beta": (14.0, 31.0), "gamma": (31.0, 49.0)}


class BaselineEntropy:
    """Differential entropy of windows, z-scored and filtered one by one, less that of their trial's averaged baseline.

    Each window is divided by the one standard deviation of all its channels and samples, filtered from rest by a causal
    Butterworth filter of order 5, and its entropy taken in bits with the biased variance. The baseline is cut into
    seconds, these are averaged as waveforms, and the average goes the same way.

    Parameters
    ----------
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`; the published ones if not given.
    baseline : bool
        Whether to subtract it; recordings without one (SEED) need False.

    References
    ----------
    Kumar et al., RBTransformer, arXiv 2511.13954, 2025, and its code. Whether the code also z-scores the averaged
    baseline is not on record; here it does, so that the two are on one scale.

    Examples
    --------
    >>> import pandas as pd
    >>> from affectbio.types import Channel, Signal
    >>> eeg = Signal(np.random.default_rng(0).standard_normal((2, 1024)), 128.0, [Channel("C3"), Channel("C4")])
    >>> events = pd.DataFrame({"onset": [0.0, 3.0], "duration": [3.0, 5.0], "trial": "01",
    ...                        "trial_type": ["baseline", "stimulus"]})
    >>> BaselineEntropy().extract([Recording({"eeg": eeg}, "01", events)], 4, 117 / 128).X.shape
    (2, 2, 4)
    """

    def __init__(self, bands: Bands | None = None, baseline: bool = True) -> None:
        self.bands = _BANDS if bands is None else bands
        self.baseline = baseline

    def extract(
        self, recordings: Recording | Iterable[Recording], window_s: float, step_s: float, signal: str | None = None
    ) -> Windows:
        """Run over recordings and give the windows of their trials.

        Parameters
        ----------
        recordings : Recording or iterable of Recording
            With equal channels; events of ``trial_type`` "baseline" carry the ``trial`` they belong to.
        window_s, step_s : float
            Length of a window and distance between starts in seconds: 4 and 117 / 128 in the paper's code.
        signal : str, optional
            Which signal; ``"eeg"`` if not given.

        Returns
        -------
        Windows
            ``X`` of shape (n_windows, n_chans, n_bands).

        Raises
        ------
        DataError
            If a trial has no baseline of a second or more, or no window is left.
        """
        name = signal or "eeg"
        parts = []
        for recording in [recordings] if isinstance(recordings, Recording) else recordings:
            sfreq = recording.signal(name).sfreq
            for event in recording.events.to_dict("records"):
                onset, duration = float(event["onset"]), float(event["duration"])
                if event["trial_type"] == "baseline" or duration < window_s:
                    continue
                windows = self._cut(recording, name, onset, duration).windows(window_s, step_s, name)
                X = self._entropy(windows.X, sfreq)
                if self.baseline:
                    X -= self._entropy(self._mean_second(recording, event["trial"], name)[None], sfreq)
                bands = tuple(band.name for band in resolve_bands(self.bands, sfreq))
                axes = ("window", "channel", "band")
                parts.append(Windows(X, windows.y, windows.metadata, axes, windows.channels, bands))
        if not parts:
            raise DataError(f"no window of {window_s:g} s lies inside a trial of these recordings")
        return Windows.concatenate(parts)

    def _cut(self, recording: Recording, name: str, onset: float, duration: float) -> Recording:
        """Give the samples of one trial, so that windows begin where it does."""
        source = recording.signal(name)
        begin, end = (round((t - source.start) * source.sfreq) for t in (onset, onset + duration))
        return replace(recording, signals={name: replace(source, data=source.data[:, begin:end], start=onset)})

    def _entropy(self, X: npt.NDArray[np.float64], sfreq: float) -> npt.NDArray[np.float64]:
        X = (X - X.mean(axis=(1, 2), keepdims=True)) / X.std(axis=(1, 2), keepdims=True)
        whole_s = X.shape[2] / sfreq
        entropy: npt.NDArray[np.float64] = differential_entropy(
            X, sfreq, self.bands, whole_s, whole_s, method="per-window", order=5, ddof=0, log="2"
        )[:, :, 0]
        return entropy

    def _mean_second(self, recording: Recording, trial: str, name: str) -> npt.NDArray[np.float64]:
        """Average the whole seconds of a trial's baseline as waveforms."""
        source, events = recording.signal(name), recording.events
        own = events[(events["trial_type"] == "baseline") & (events["trial"] == trial)]
        second = round(source.sfreq)
        begin = round((float(own["onset"].iloc[0]) - source.start) * source.sfreq) if len(own) else 0
        n_seconds = int(float(own["duration"].iloc[0]) * source.sfreq + 1e-6) // second if len(own) else 0
        if not n_seconds:
            raise DataError(
                f"trial {trial!r} of subject {recording.subject!r} has no baseline of a second or more; "
                f"expected an event 'baseline' of that trial, or baseline=False"
            )
        samples = source.data[:, begin : begin + n_seconds * second]
        mean: npt.NDArray[np.float64] = samples.reshape(source.n_chans, n_seconds, second).mean(axis=1)
        return mean
