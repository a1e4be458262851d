"""The body beside the brain: heart, skin, breath, temperature and movement, each by its kernel's window function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from affectbio.features.fields import FieldsFeature
from affectbio.features.window import Floats, WindowFeature
from affectbio.kernels.eda import EdaFeatures, eda_features
from affectbio.kernels.heart import HeartFeatures, PulseArrivalFeatures, heart_features, pulse_arrival_features
from affectbio.kernels.motion import MotionFeatures, motion_features
from affectbio.kernels.peaks import Kind
from affectbio.kernels.respiration import RespirationFeatures, respiration_features
from affectbio.kernels.temperature import TemperatureFeatures, temperature_features
from affectbio.types import Windows

__all__ = ["Eda", "Hrv", "Motion", "PulseArrival", "Respiration", "Temperature"]


class Hrv(FieldsFeature):
    """Heart rate and its variability, from ECG or PPG; see `affectbio.kernels.heart_features`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    kind : {"ecg", "ppg", "ppg_foot"}
        Which of them; "ppg_foot" for the PPG of a wristband.
    fields : sequence of str, optional
        Fields of `affectbio.kernels.HeartFeatures`; all if not given. Some need minutes.

    Examples
    --------
    >>> import numpy as np
    >>> pulse = np.exp(8 * np.cos(2 * np.pi * 1.2 * np.arange(3840) / 64))
    >>> feature = Hrv(64, kind="ppg", fields=["hr_bpm"]).set_output(transform="pandas")
    >>> feature.fit_transform(pulse[None, None]).round(1)
       hrv_hr_bpm
    0        72.0
    """

    kinds = ("ecg", "ppg")
    prefix = "hrv"
    known_fields = HeartFeatures._fields

    def __init__(self, sfreq: float | None = None, kind: Kind = "ecg", fields: Sequence[str] | None = None) -> None:
        self.sfreq = sfreq
        self.kind = kind
        self.fields = fields

    @property
    def default_signal(self) -> str:  # type: ignore[override]
        """Signal of a recording that `extract` reads unless told otherwise: the one of the kind."""
        return "ecg" if self.kind == "ecg" else "ppg"

    def compute(self, X: Floats, sfreq: float, fields: Sequence[str]) -> Mapping[str, npt.ArrayLike]:  # noqa: D102
        return heart_features(X, sfreq, self.kind)._asdict()


class Eda(FieldsFeature):
    """Level and responses of skin conductance; see `affectbio.kernels.eda_features`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    min_amplitude : float
        Smallest response in S.
    fields : sequence of str, optional
        Fields of `affectbio.kernels.EdaFeatures`; all if not given.

    Examples
    --------
    >>> import numpy as np
    >>> X = 2e-6 + 1e-9 * np.arange(480.0)[None, None]
    >>> feature = Eda(8, fields=["tonic_mean", "tonic_slope"]).fit(X)
    >>> feature.get_feature_names_out().tolist()
    ['eda_tonic_mean', 'eda_tonic_slope']
    """

    default_signal = "eda"
    kinds = ("gsr",)
    prefix = "eda"
    known_fields = EdaFeatures._fields

    def __init__(
        self, sfreq: float | None = None, min_amplitude: float = 0.05e-6, fields: Sequence[str] | None = None
    ) -> None:
        self.sfreq = sfreq
        self.min_amplitude = min_amplitude
        self.fields = fields

    def compute(self, X: Floats, sfreq: float, fields: Sequence[str]) -> Mapping[str, npt.ArrayLike]:  # noqa: D102
        return eda_features(X, sfreq, min_amplitude=self.min_amplitude)._asdict()


class Respiration(FieldsFeature):
    """Rate, depth and regularity of breathing; see `affectbio.kernels.respiration_features`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    fields : sequence of str, optional
        Fields of `affectbio.kernels.RespirationFeatures`; all if not given.

    Examples
    --------
    >>> import numpy as np
    >>> breath = np.sin(2 * np.pi * 0.25 * np.arange(1500) / 25)
    >>> Respiration(25, fields=["rate_bpm"]).fit_transform(breath[None, None]).round(1)
    array([[15.]])
    """

    default_signal = "resp"
    kinds = ("resp",)
    prefix = "respiration"
    known_fields = RespirationFeatures._fields

    def __init__(self, sfreq: float | None = None, fields: Sequence[str] | None = None) -> None:
        self.sfreq = sfreq
        self.fields = fields

    def compute(self, X: Floats, sfreq: float, fields: Sequence[str]) -> Mapping[str, npt.ArrayLike]:  # noqa: D102
        return respiration_features(X, sfreq)._asdict()


class Temperature(FieldsFeature):
    """Level and trend of skin temperature; see `affectbio.kernels.temperature_features`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    fields : sequence of str, optional
        Fields of `affectbio.kernels.TemperatureFeatures`; all if not given.

    Examples
    --------
    >>> import numpy as np
    >>> X = 33 + np.arange(240)[None, None] / 1000
    >>> Temperature(4).fit_transform(X).round(2)
    array([[33.12,  0.24,  0.24]])
    """

    default_signal = "temperature"
    kinds = ("temperature",)
    prefix = "temperature"
    known_fields = TemperatureFeatures._fields

    def __init__(self, sfreq: float | None = None, fields: Sequence[str] | None = None) -> None:
        self.sfreq = sfreq
        self.fields = fields

    def compute(self, X: Floats, sfreq: float, fields: Sequence[str]) -> Mapping[str, npt.ArrayLike]:  # noqa: D102
        return temperature_features(X, sfreq)._asdict()


class Motion(FieldsFeature):
    """Movement, posture and tremor from three axes of acceleration; see `affectbio.kernels.motion_features`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    fields : sequence of str, optional
        Fields of `affectbio.kernels.MotionFeatures` but for that of the gyroscope; all if not given.

    Examples
    --------
    >>> import numpy as np
    >>> rest = np.zeros((1, 3, 320)) + [[0.0], [0.0], [9.81]]
    >>> Motion(32, fields=["still_share", "tilt_z_deg"]).fit_transform(rest)
    array([[ 1., 90.]])
    """

    default_signal = "acc"
    kinds = ("acc",)
    prefix = "motion"
    known_fields = tuple(field for field in MotionFeatures._fields if field != "rotation_rms")

    def __init__(self, sfreq: float | None = None, fields: Sequence[str] | None = None) -> None:
        self.sfreq = sfreq
        self.fields = fields

    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:  # noqa: D102
        if len(ch_names) != 3:
            raise ValueError(f"movement is along x, y and z; expected 3 channels, found {len(ch_names)}")
        return [f"{self.prefix}_{field}" for field in self.field_names(sfreq)]

    def measure(self, X: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:  # noqa: D102
        found = motion_features(X, sfreq)._asdict()
        return np.stack([found[field] for field in self.field_names(sfreq)], axis=-1)

    def _packed(self, values: npt.NDArray[Any], windows: Windows, sfreq: float, channels: Sequence[Any]) -> Windows:
        # One number for all axes: no axis of channels is left.
        return WindowFeature._packed(self, values, windows, sfreq, channels)


class PulseArrival(WindowFeature):
    """Time from the R peak to the pulse, from ECG and PPG at one rate; see `pulse_arrival_features` of the kernels.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate of both in Hz; needed by `transform` of arrays only.
    kind : {"ppg", "ppg_foot"}
        To the peak of the pulse wave or to its foot.

    Notes
    -----
    Channels are the ECG and the PPG, in that order.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(2000) / 100
    >>> ecg, ppg = np.exp(300 * (np.cos(2 * np.pi * t) - 1)), np.exp(8 * np.cos(2 * np.pi * (t - 0.3)))
    >>> PulseArrival(100).fit_transform(np.stack([ecg, ppg])[None])[:, 0].round()
    array([300.])
    """

    default_signal = "ecg"
    # ECG and PPG are two signals of a recording, so that no set can have it from one.
    kinds = ()

    def __init__(self, sfreq: float | None = None, kind: Literal["ppg", "ppg_foot"] = "ppg") -> None:
        self.sfreq = sfreq
        self.kind = kind

    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:  # noqa: D102
        if len(ch_names) != 2:
            raise ValueError(f"expected 2 channels, ECG and PPG in that order; found {len(ch_names)}")
        return [field if "arrival" in field else f"pulse_arrival_{field}" for field in PulseArrivalFeatures._fields]

    def measure(self, X: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:  # noqa: D102
        return np.stack(pulse_arrival_features(X[:, 0], X[:, 1], sfreq, kind=self.kind), axis=-1)
