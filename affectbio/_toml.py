"""TOML files with a closed schema: read, checked, and refused with the dotted key and the nearest right one."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from affectbio._bundled import bundled
from affectbio.errors import ConfigError
from affectbio.registry import nearest, unknown_name

__all__ = ["Table", "find_toml", "load_toml", "toml_folders", "toml_names"]


class Table(BaseModel):
    """A TOML table that takes no key it does not know, and cannot be changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


T = TypeVar("T", bound=Table)


def load_toml(path: Path, schema: type[T]) -> T:
    """Read a file into its schema.

    Parameters
    ----------
    path : Path
        The file.
    schema : type of Table
        What it must hold.

    Returns
    -------
    Table
        An instance of ``schema``.

    Raises
    ------
    ConfigError
        If it is no TOML, or a key is unknown, missing or out of range: file, dotted key, what was found, what fits.
    """
    try:
        # -sig: Windows' Notepad begins a file with a byte-order mark, which TOML does not know.
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from None
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        # A slip in a table that is repeated comes as often, and its list of keys would hide all else.
        told, known = [], set()
        for text in (_explain(e, schema) for e in error.errors()):
            what, mark, keys = text.partition(" Known: ")
            told.append(what if keys in known else what + mark + keys)
            known.update([keys] if mark else [])
        raise ConfigError(f"{path}: " + "; ".join(told)) from None


def _explain(error: Any, schema: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = _keys_at(schema, error["loc"][:-1])
        close = nearest(str(error["loc"][-1]), known)
        hint = f"did you mean {close!r}? " if close else ""
        return f"unknown key {where}; {hint}Known: {', '.join(sorted(known)) or 'none'}"
    found = "" if error["type"] == "missing" else f", found {error['input']!r}"
    return f"{where}: {error['msg']}{found}"


def _keys_at(schema: Any, loc: tuple[Any, ...]) -> list[str]:
    """Give the keys that the table at ``loc`` may have."""
    for part in loc:
        if isinstance(part, str) and part in _fields(schema):
            schema = _inner(_fields(schema)[part].annotation)
    return list(_fields(schema))


def _fields(schema: Any) -> dict[str, Any]:
    """Give the fields of a table by the key they have in the file."""
    return {field.alias or name: field for name, field in getattr(schema, "model_fields", {}).items()}


def _inner(annotation: Any) -> Any:
    """Find the table inside ``list[Table]``, ``tuple[Table, ...]`` or ``Table | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    tables = [_inner(a) for a in get_args(annotation)]
    return next((t for t in tables if t is not None), None)


def toml_folders(kind: str) -> list[Path]:
    """Give the folders that hold files of one kind: the bundled one, and those that the user's environment names.

    Parameters
    ----------
    kind : str
        Name of the bundled folder: ``"devices"`` or ``"pipelines"``. The user's are in ``AFFECTBIO_DEVICES`` or
        ``AFFECTBIO_PIPELINES``, separated as in ``PATH``.

    Returns
    -------
    list of Path
        Of two files of one name the later folder's is meant.

    Raises
    ------
    ConfigError
        If the variable names what is not a folder.
    """
    variable = f"AFFECTBIO_{kind.upper()}"
    own = [Path(folder) for folder in os.environ.get(variable, "").split(os.pathsep) if folder]
    for folder in own:
        if not folder.is_dir():
            raise ConfigError(f"{variable} names {folder}, which is not a folder")
    return [bundled(kind), *own]


def toml_names(folders: list[Path]) -> dict[str, Path]:
    """List the files of some folders by name, those that begin with an underscore left out.

    Parameters
    ----------
    folders : list of Path
        Later folders win over earlier ones.

    Returns
    -------
    dict of str to Path
        File by name without ``.toml``, sorted.
    """
    found = {path.stem: path for folder in folders for path in folder.glob("*.toml") if not path.name.startswith("_")}
    return dict(sorted(found.items()))


def find_toml(kind: str, name: str | Path, folders: list[Path]) -> Path:
    """Find a file by name, or take a path as it is.

    Parameters
    ----------
    kind : str
        What is being named, as a reader would say it.
    name : str or Path
        A name, or the path of a ``.toml`` file.
    folders : list of Path
        Where names are looked for.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        If there is no such name or file.
    """
    path = Path(name)
    if path.suffix == ".toml":
        if not path.is_file():
            raise ConfigError(f"no {kind} file {path}; expected the path of a TOML file or one of the names known")
        return path
    known = toml_names(folders)
    if str(name) not in known:
        raise unknown_name(kind, str(name), known)
    return known[str(name)]
