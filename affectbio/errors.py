"""The errors affectbio raises, in one tree.

::

    AffectbioError
    ├─ ConfigError (ValueError)              a TOML file or a name: where, what was found, the nearest valid word
    ├─ DataError (ValueError)                data that cannot be read or contradict themselves
    │  ├─ DatasetLayoutError (FileNotFoundError)  what was looked for, what was found, where to get it
    │  └─ LeakageError                       a person or trial on both sides of a split
    ├─ SignalQualityError (ValueError)       too short, flat, clipped: which channel, which seconds
    ├─ StreamError (OSError)
    │  ├─ StreamNotFoundError (TimeoutError) what was asked for, what is on the network
    │  └─ StreamLostError (ConnectionError)  last stamp, samples missed
    ├─ VideoError (ValueError)
    ├─ MissingExtraError (ImportError)       the pip line that installs what is missing
    └─ PrivacyError (PermissionError)        a use the person did not consent to

Each is also the builtin it resembles, so ``except ValueError`` works too.
"""

from __future__ import annotations

from typing import Self

__all__ = [
    "AffectbioError",
    "ConfigError",
    "DataError",
    "DatasetLayoutError",
    "LeakageError",
    "MissingExtraError",
    "PrivacyError",
    "SignalQualityError",
    "StreamError",
    "StreamLostError",
    "StreamNotFoundError",
    "VideoError",
]


class AffectbioError(Exception):
    """Base of every error affectbio raises on purpose."""


class ConfigError(AffectbioError, ValueError):
    """A configuration file, key or registered name is not valid."""


class DataError(AffectbioError, ValueError):
    """Data cannot be read, or contradict themselves."""


class DatasetLayoutError(DataError, FileNotFoundError):
    """A data set is not laid out on disk as its publisher ships it."""

    # Of its two builtins only an OSError has room for what both hold. Python finds that out by itself when the class is
    # called, but not when errors are rebuilt by ``__new__`` in another process, as Dask does.
    def __new__(cls, *args: object) -> Self:  # noqa: D102
        return FileNotFoundError.__new__(cls, *args)


class LeakageError(DataError):
    """A person, trial or stimulus stands on both sides of a split."""


class SignalQualityError(AffectbioError, ValueError):
    """A signal is too short, flat, clipped or noisy for what is asked of it."""


class StreamError(AffectbioError, OSError):
    """A live stream or its recording failed."""


class StreamNotFoundError(StreamError, TimeoutError):
    """No stream with the wanted properties answered in time."""


class StreamLostError(StreamError, ConnectionError):
    """A stream that was being read is gone."""


class VideoError(AffectbioError, ValueError):
    """A video cannot be read, edited or written."""


class MissingExtraError(AffectbioError, ImportError):
    """An optional dependency is needed and not there, or there and broken."""


class PrivacyError(AffectbioError, PermissionError):
    """A use of personal data that its consent does not cover."""
