"""Sends signals and markers over LSL."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from affectbio.acquire._liblsl import load_pylsl, local_clock
from affectbio.acquire.spec import StreamSpec
from affectbio.errors import DataError, StreamError

__all__ = ["MarkerOutlet", "Outlet"]

_ANOTHER_EPOCH_S = 86400.0


class _Sender:
    """Life cycle that both outlets share: the stream is on the network between ``with`` and its end."""

    def __init__(self, info: Any) -> None:
        self._pylsl = load_pylsl()
        self._info = info
        self._outlet: Any = None

    def __enter__(self) -> Self:
        self._outlet = self._pylsl.StreamOutlet(self._info)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # liblsl takes the stream off the network when pylsl's object goes.
        self._outlet = None

    @property
    def _open(self) -> Any:
        if self._outlet is None:
            raise StreamError(f"stream {self._info.name()!r} is not on the network; use it inside `with`")
        return self._outlet

    def wait_for_consumer(self, timeout_s: float) -> bool:
        """Wait until somebody listens.

        Parameters
        ----------
        timeout_s : float
            How long, in seconds.

        Returns
        -------
        bool
            Whether somebody does. liblsl does not tell how many.
        """
        return bool(self._open.wait_for_consumers(timeout_s))

    def _check_epoch(self, stamp: float) -> None:
        now = local_clock()
        if not abs(stamp - now) < _ANOTHER_EPOCH_S:
            raise StreamError(
                f"stream {self._info.name()!r}: stamp {stamp:.3f} s is of another clock than LSL's, which shows "
                f"{now:.3f} s; expected stamps within a day of it: take them from affectbio.acquire.local_clock()"
            )


class Outlet(_Sender):
    """A stream of numbers on the network.

    Parameters
    ----------
    spec : StreamSpec
        What it carries; of dtype ``"float32"`` or ``"double64"``.

    Raises
    ------
    DataError
        If the spec asks for a format of whole numbers.
    """

    def __init__(self, spec: StreamSpec) -> None:
        if spec.dtype not in ("float32", "double64"):
            raise DataError(
                f"stream {spec.name!r} has format {spec.dtype!r}; expected 'float32' or 'double64' to send SI units"
            )
        super().__init__(spec.to_info())
        self.spec = spec

    def push(self, data: npt.NDArray[Any], stamps: npt.NDArray[np.float64]) -> None:
        """Send samples.

        Parameters
        ----------
        data : ndarray, shape (n_chans, n_times)
            In SI units.
        stamps : ndarray, shape (n_times,)
            When each was taken, in seconds on LSL's clock.

        Raises
        ------
        DataError
            If the shapes do not fit.
        StreamError
            If the stamps are more than a day from LSL's clock, or outside ``with``.
        """
        if data.shape != (self.spec.n_chans, len(stamps)):
            raise DataError(
                f"stream {self.spec.name!r}: data have shape {data.shape}; expected (n_chans, n_times) "
                f"{(self.spec.n_chans, len(stamps))}"
            )
        if not len(stamps):
            return
        self._check_epoch(float(stamps[0]))
        self._check_epoch(float(stamps[-1]))
        self._open.push_chunk((data / self.spec.scales[:, np.newaxis]).T, np.asarray(stamps, dtype=np.float64).tolist())


class MarkerOutlet(_Sender):
    """A stream of text markers on the network.

    Parameters
    ----------
    name : str
        What people call the stream.
    source_id : str
        Names the sender for good.
    """

    def __init__(self, name: str, source_id: str) -> None:
        super().__init__(load_pylsl().StreamInfo(name, "Markers", 1, 0.0, "string", source_id))

    def push(self, text: str, stamp: float) -> None:
        """Send a marker.

        Parameters
        ----------
        text : str
            What happened.
        stamp : float
            When, in seconds on LSL's clock.

        Raises
        ------
        StreamError
            If the stamp is more than a day from LSL's clock, or outside ``with``.
        """
        self._check_epoch(stamp)
        self._open.push_sample([text], stamp)
