"""Features whose kernel gives a named tuple of arrays, one number per window and channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from affectbio.features.window import ChannelFeature, Floats
from affectbio.registry import unknown_name

__all__ = ["FieldsFeature"]


class FieldsFeature(ChannelFeature):
    """Base of the features that are fields of what one kernel gives.

    A subclass has ``fields`` among its parameters, names what the kernel gives in `known_fields`, and calls the kernel
    in `compute`. Columns are ``"C3_mobility"``; with a `prefix` they are ``"eda_tonic_mean"`` for a single channel and
    ``"eda_left_tonic_mean"`` for several.
    """

    #: Fields of the kernel's tuple, in its order.
    known_fields: ClassVar[tuple[str, ...]]
    #: What the columns begin with; empty where the channel's name says enough.
    prefix: ClassVar[str] = ""

    fields: Sequence[str] | None

    def compute(self, X: Floats, sfreq: float, fields: Sequence[str]) -> Mapping[str, npt.ArrayLike]:
        """Call the kernel.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_times)
            Samples.
        sfreq : float
            Sampling rate in Hz.
        fields : sequence of str
            Fields that are wanted; others may be left out.

        Returns
        -------
        mapping of str to ndarray, shape (n_windows, n_chans)
            Fields by name.
        """
        raise NotImplementedError

    def field_names(self, sfreq: float) -> list[str]:
        """Name the fields that were asked for.

        Parameters
        ----------
        sfreq : float
            Not used: a field has its name at any rate.

        Returns
        -------
        list of str
            All, or those of the parameter ``fields``.

        Raises
        ------
        ConfigError
            If there is no such field; the nearest is suggested.
        ValueError
            If none is asked for.
        """
        fields = self.known_fields if self.fields is None else tuple(self.fields)
        for field in fields:
            if field not in self.known_fields:
                raise unknown_name(f"field of {type(self).__name__}", field, self.known_fields)
        if not fields:
            raise ValueError(f"expected at least one field of {type(self).__name__}, found none")
        return list(fields)

    def measure_channels(self, X: Floats, sfreq: float) -> npt.NDArray[Any]:  # noqa: D102
        fields = self.field_names(sfreq)
        found = self.compute(X, sfreq, fields)
        return np.stack([np.asarray(found[field], dtype=np.float64) for field in fields], axis=-1)

    def columns(self, sfreq: float, ch_names: Sequence[str]) -> list[str]:  # noqa: D102
        if not self.prefix:
            return super().columns(sfreq, ch_names)
        who = [self.prefix] if len(ch_names) == 1 else [f"{self.prefix}_{channel}" for channel in ch_names]
        return [f"{name}_{field}" for name in who for field in self.field_names(sfreq)]
