"""affectbio: affective computing from EEG and physiology, from the sensor to the estimate.

The names below are imported when they are first used, so that ``import affectbio`` costs milliseconds. Which they are
is written in ``__init__.pyi``, where type checkers read it too.
"""

from __future__ import annotations

import lazy_loader

_lazy_getattr, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name == "__version__":
        # importlib.metadata takes 28 ms to import: more than everything else here together.
        from importlib.metadata import version

        return version("affectbio")
    return _lazy_getattr(name)
