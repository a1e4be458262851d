"""Sphinx configuration. Pages of the API, the gallery and the unreleased changes are made at each build."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import affectbio

HERE = Path(__file__).parent
GENERATED = HERE / "generated"

project = "affectbio"
author = "The affectbio developers"
version = release = installed_version("affectbio")

# No intersphinx: the build needs no network. A name of our own that leads nowhere is an error all the same (-n -W).
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "changes", "generated/*.part.md"]
default_role = "py:obj"
nitpick_ignore_regex = [(r"py:.*", r"(?!affectbio\.).*")]
suppress_warnings = ["config.cache"]  # sphinx-gallery's settings hold objects that do not pickle

autosummary_generate = False
# scikit-learn's routing methods link into its own documentation; Split is an alias that Sphinx takes for a class.
autodoc_default_options = {
    "members": True,
    "exclude-members": "get_metadata_routing, set_decision_function_request, set_fit_request, "
    "set_predict_proba_request, set_predict_request, set_score_request, set_split_request, "
    "set_transform_request, Split",
}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # types stand in the docstrings, with shapes and units
numpydoc_show_class_members = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 2

html_theme = "pydata_sphinx_theme"
html_title = "affectbio"
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "download_all_examples": False,
    "show_memory": False,
    "abort_on_example_error": True,
}


def _public_modules() -> list[str]:
    """Modules with public names of their own; one whose names its package all re-exports needs no page."""
    pages = []
    for found in pkgutil.walk_packages(affectbio.__path__, "affectbio."):
        if any(part.startswith("_") for part in found.name.split(".")) or found.name.startswith("affectbio.cli"):
            continue
        module, package = importlib.import_module(found.name), importlib.import_module(found.name.rpartition(".")[0])
        names = set(getattr(module, "__all__", ()))
        if names and (found.ispkg or package is affectbio or not names <= set(package.__all__)):
            pages.append(found.name)
    return sorted(pages)


def _write_api() -> None:
    folder = GENERATED / "api"
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.rst"):
        stale.unlink()
    modules = _public_modules()
    for name in modules:
        (folder / f"{name}.rst").write_text(f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n", encoding="utf-8")
    entries = "\n".join(f"   api/{name}" for name in modules)
    (GENERATED / "api.rst").write_text(
        f"Reference\n=========\n\nEvery public module, by name.\n\n.. toctree::\n   :maxdepth: 1\n\n{entries}\n",
        encoding="utf-8",
    )


def _write_changes() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "Not released yet"]
    draft = subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True, text=True).stdout
    (GENERATED / "changes.part.md").write_text(draft[draft.index("## ") :], encoding="utf-8")


_write_api()
_write_changes()
