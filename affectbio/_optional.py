"""Optional dependencies: import them when needed, and say how to get them when they are not there."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from affectbio.errors import MissingExtraError

__all__ = ["require"]


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    extra : str
        Extra of affectbio that brings it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtraError
        If it is not installed, or installed and broken (a compiled part that does not load raises OSError).

    Examples
    --------
    >>> require("json", "deep").__name__
    'json'
    """
    try:
        return import_module(module)
    except (ImportError, OSError) as error:
        if isinstance(error, OSError):
            state = f"is installed but its compiled part does not load ({error})"
        elif error.name == module.partition(".")[0]:
            module, state = module.partition(".")[0], "is not installed"
        else:
            state = f"does not import ({error})"
        raise MissingExtraError(f'{module} {state}; install it with: pip install "affectbio[{extra}]"') from error
