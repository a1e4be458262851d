"""Names for parts: what a recipe or a command line may call by name, ours and third parties'.

A part is kept as ``"module:attribute"`` and imported when it is asked for, so that a registry costs nothing until used.
Third parties add theirs under the entry-point group of the registry. Two parts of one name are an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from affectbio.errors import ConfigError

__all__ = ["Registry", "nearest", "unknown_name"]


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Give the most similar of ``names``, or None if none is similar.

    Parameters
    ----------
    name : str
        The word somebody wrote.
    names : iterable of str
        The words that would have been right.

    Returns
    -------
    str or None
        The closest match by `difflib.get_close_matches`, upper and lower case taken as equal.

    Examples
    --------
    >>> nearest("Apha", ["alpha", "beta"])
    'alpha'
    """
    by_lower = {n.lower(): n for n in names}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[matches[0]] if matches else None


def unknown_name(kind: str, name: str, names: Iterable[str]) -> ConfigError:
    """Make the error for a name that is not known, with the nearest one that is.

    Parameters
    ----------
    kind : str
        What was being named, as a reader would say it: ``"model"``, ``"device"``.
    name : str
        The word found.
    names : iterable of str
        The words expected.

    Returns
    -------
    ConfigError
        To be raised by the caller.

    Examples
    --------
    >>> print(unknown_name("model", "ldda", ["lda", "vit"]))
    no model 'ldda'; did you mean 'lda'? Known: lda, vit
    """
    known = sorted(names)
    close = nearest(name, known)
    hint = f"did you mean {close!r}? " if close else ""
    return ConfigError(f"no {kind} {name!r}; {hint}Known: {', '.join(known) or 'none'}")


class Registry:
    """Parts by name, imported when asked for.

    Parameters
    ----------
    kind : str
        What the parts are, as a reader would say it: ``"model"``.
    builtin : mapping of str to str
        Our own parts, name to ``"module:attribute"``.
    group : str
        Entry-point group under which other packages add parts: ``"affectbio.models"``.

    Raises
    ------
    ConfigError
        On use, if another package takes a name that is ours or a third's.

    Examples
    --------
    >>> models = Registry("model", {"pi": "math:pi"}, "affectbio.examples")
    >>> models.names()
    ['pi']
    >>> round(models.get("pi"), 2)
    3.14
    """

    def __init__(self, kind: str, builtin: Mapping[str, str], group: str) -> None:
        self.kind = kind
        self.group = group
        self._builtin = dict(builtin)

    @cached_property
    def _entries(self) -> dict[str, EntryPoint]:
        # Once: looking through the installed packages takes milliseconds.
        entries = {n: EntryPoint(n, value, self.group) for n, value in self._builtin.items()}
        for entry in entry_points(group=self.group):
            if entry.name in entries:
                raise ConfigError(
                    f"two {self.kind}s are named {entry.name!r}: {entries[entry.name].value} and {entry.value}; "
                    f"uninstall or rename one of them"
                )
            entries[entry.name] = entry
        return entries

    def names(self) -> list[str]:
        """Give the names of all parts, sorted."""
        return sorted(self._entries)

    def get(self, name: str) -> Any:
        """Import and give the part of that name.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        object
            Whatever is registered: a class or a function.

        Raises
        ------
        ConfigError
            If there is no such name; the nearest is suggested.
        """
        entries = self._entries
        if name not in entries:
            raise unknown_name(self.kind, name, entries)
        return entries[name].load()
