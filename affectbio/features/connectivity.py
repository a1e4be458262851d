"""How channels go together: phase and coherence by band, covariance, and covariance in the tangent space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, combinations_with_replacement
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from affectbio.bands import Bands, resolve_bands
from affectbio.errors import SignalQualityError
from affectbio.features.window import Floats, WindowFeature
from affectbio.kernels import connectivity as kernel
from affectbio.kernels.covariance import covariance, log_euclidean, log_euclidean_mean, tangent_vector
from affectbio.registry import unknown_name
from affectbio.types import Windows

__all__ = ["Connectivity", "Covariance", "TangentSpace"]

_METHODS: dict[str, Callable[..., Floats]] = {
    "plv": kernel.phase_locking_value,
    "wpli": kernel.weighted_phase_lag_index,
    "coherence": kernel.coherence,
    "imaginary-coherence": kernel.imaginary_coherence,
}


class Connectivity(WindowFeature):
    """How every two channels go together in every band; see `affectbio.kernels.coherence`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    method : {"wpli", "plv", "coherence", "imaginary-coherence"}
        What of it. Only the first and the last are blind to one source that both channels see.
    bands : str, mapping or sequence
        See `affectbio.bands.resolve_bands`.
    segment_s : float
        Length of the segments, over which is averaged, in seconds; a window lasts several.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((2, 3, 512))
    >>> feature = Connectivity(128, bands={"alpha": (8, 13)}).fit(X)
    >>> feature.get_feature_names_out(["C3", "Cz", "C4"]).tolist()
    ['C3-Cz_alpha', 'C3-C4_alpha', 'Cz-C4_alpha']
    """

    def __init__(
        self, sfreq: float | None = None, method: str = "wpli", bands: Bands = "eeg", segment_s: float = 1.0
    ) -> None:
        self.sfreq = sfreq
        self.method = method
        self.bands = bands
        self.segment_s = segment_s

    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:  # noqa: D102
        if self.method not in _METHODS:
            raise unknown_name("measure of connectivity", self.method, _METHODS)
        if len(ch_names) < 2:
            raise ValueError(f"connectivity is between channels; expected at least two, found {len(ch_names)}")
        bands = resolve_bands(self.bands, sfreq)
        return [f"{one}-{other}_{band.name}" for one, other in combinations(ch_names, 2) for band in bands]

    def measure(self, X: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:  # noqa: D102
        found = _METHODS[self.method](X, sfreq, self.bands, window_s=self.segment_s)
        rows, columns = np.triu_indices(X.shape[1], 1)
        return np.moveaxis(found[:, :, rows, columns], 1, 2).reshape(len(X), -1)


class Covariance(WindowFeature):
    """Covariance of the channels, its upper triangle; see `affectbio.kernels.covariance`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    shrinkage : "ledoit-wolf" or float
        As for the kernel.
    log : bool
        Give the matrix logarithm, which is flat: distances between what it gives are those of Log-Euclidean geometry.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((2, 2, 512))
    >>> Covariance(128).fit(X).get_feature_names_out(["C3", "C4"]).tolist()
    ['C3-C3', 'C3-C4', 'C4-C4']
    """

    def __init__(
        self,
        sfreq: float | None = None,
        shrinkage: Literal["ledoit-wolf"] | float = "ledoit-wolf",
        log: bool = False,
    ) -> None:
        self.sfreq = sfreq
        self.shrinkage = shrinkage
        self.log = log

    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:  # noqa: D102
        return _triangle(ch_names)

    def measure(self, X: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:  # noqa: D102
        matrices = covariance(X, self.shrinkage)
        if self.log:
            return log_euclidean(matrices)
        rows, columns = np.triu_indices(X.shape[1])
        return matrices[:, rows, columns]


class TangentSpace(WindowFeature):
    """Covariance of the channels in the tangent space of the mean of the training windows (Barachant et al., 2012).

    It learns: fit it on training people only, as any part of a model. `extract` and `stream` need it fitted.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    shrinkage : "ledoit-wolf" or float
        As for `affectbio.kernels.covariance`.

    Attributes
    ----------
    reference_ : ndarray, shape (n_chans, n_chans)
        Log-Euclidean mean of the covariances seen by `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((20, 3, 512))
    >>> TangentSpace(128).fit_transform(X).mean(axis=0).round(2) + 0.0
    array([0., 0., 0., 0., 0., 0.])
    """

    learns = True

    def __init__(self, sfreq: float | None = None, shrinkage: Literal["ledoit-wolf"] | float = "ledoit-wolf") -> None:
        self.sfreq = sfreq
        self.shrinkage = shrinkage

    def fit(self, X: npt.NDArray[Any] | Windows, y: Any = None) -> TangentSpace:
        """Learn the mean covariance.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_times), or Windows
            Windows of samples; those with lost samples are left out.
        y : None
            Not used.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            As `WindowFeature.fit`.
        SignalQualityError
            If no window has a covariance.
        """
        super().fit(X, y)
        samples, _, _ = self._taken(X)
        self.reference_ = log_euclidean_mean(covariance(samples, self.shrinkage))
        if not np.isfinite(self.reference_).all():
            raise SignalQualityError(
                f"none of {len(samples)} windows has a covariance to average: each holds a lost sample or a constant "
                f"channel, or has fewer samples than channels"
            )
        return self

    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:  # noqa: D102
        return _triangle(ch_names)

    def measure(self, X: Floats, sfreq: float, ch_names: Sequence[str]) -> npt.NDArray[Any]:  # noqa: D102
        check_is_fitted(self, "reference_")
        return tangent_vector(covariance(X, self.shrinkage), self.reference_)


def _triangle(ch_names: Sequence[str]) -> list[str]:
    return [f"{one}-{other}" for one, other in combinations_with_replacement(ch_names, 2)]
