"""How irregular every channel is: Hjorth's parameters, entropies and fractal dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy.typing as npt

from affectbio.features.fields import FieldsFeature
from affectbio.features.window import Floats
from affectbio.kernels import complexity as kernel

__all__ = ["Complexity", "Hjorth"]


class Hjorth(FieldsFeature):
    """Hjorth's activity, mobility and complexity of every channel; see `affectbio.kernels.hjorth`.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    fields : sequence of str, optional
        Some of ``activity, mobility, complexity``; all if not given.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((4, 2, 256))
    >>> feature = Hjorth(sfreq=128).fit(X)
    >>> feature.transform(X).shape, feature.get_feature_names_out(["C3", "C4"])[:2].tolist()
    ((4, 6), ['C3_activity', 'C3_mobility'])
    """

    known_fields = kernel.Hjorth._fields

    def __init__(self, sfreq: float | None = None, fields: Sequence[str] | None = None) -> None:
        self.sfreq = sfreq
        self.fields = fields

    def compute(self, X: Floats, sfreq: float, fields: Sequence[str]) -> Mapping[str, npt.ArrayLike]:  # noqa: D102
        return kernel.hjorth(X, sfreq)._asdict()


class Complexity(FieldsFeature):
    """Entropies and fractal dimensions of every channel; see `affectbio.kernels.sample_entropy` and its neighbours.

    Parameters
    ----------
    sfreq : float, optional
        Sampling rate in Hz; needed by `transform` of arrays only.
    fields : sequence of str, optional
        Some of ``sample_entropy, permutation_entropy, spectral_entropy, higuchi, katz``; all if not given. The first
        takes a time that grows with the square of the window, the others do not.
    l_freq, h_freq : float
        Band of the spectral entropy in Hz.

    Examples
    --------
    White noise has no order, and fills the plane:

    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((1, 1, 2560))
    >>> np.round(Complexity(256, fields=["permutation_entropy", "higuchi"]).fit_transform(X), 2)
    array([[1., 2.]])
    """

    known_fields = ("sample_entropy", "permutation_entropy", "spectral_entropy", "higuchi", "katz")

    def __init__(
        self,
        sfreq: float | None = None,
        fields: Sequence[str] | None = None,
        l_freq: float = 1.0,
        h_freq: float = 45.0,
    ) -> None:
        self.sfreq = sfreq
        self.fields = fields
        self.l_freq = l_freq
        self.h_freq = h_freq

    def compute(self, X: Floats, sfreq: float, fields: Sequence[str]) -> Mapping[str, npt.ArrayLike]:  # noqa: D102
        # Shares of 1, so that windows of another length or rate give comparable numbers.
        kernels: dict[str, Callable[[Floats], npt.ArrayLike]] = {
            "sample_entropy": kernel.sample_entropy,
            "permutation_entropy": partial(kernel.permutation_entropy, normalized=True),
            "spectral_entropy": partial(
                kernel.spectral_entropy, sfreq=sfreq, l_freq=self.l_freq, h_freq=self.h_freq, normalized=True
            ),
            "higuchi": kernel.higuchi_fractal_dimension,
            "katz": kernel.katz_fractal_dimension,
        }
        return {field: kernels[field](X) for field in fields}
