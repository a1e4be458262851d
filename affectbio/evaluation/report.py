"""Writes a report as one HTML file that needs nothing else: no script, no font, no image, nothing from the network.

Figures are SVG in the page. Their colours follow the reader's light or dark theme, their text is text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affectbio.evaluation._atomic import write_text
from affectbio.evaluation.figures import PALETTE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Report"]


class Report:
    """A page that is filled from top to bottom and then written.

    Parameters
    ----------
    title : str
        Heading of the page.
    lang : str
        Language of the text, as a BCP 47 tag.

    Examples
    --------
    >>> import pandas as pd
    >>> report = Report("Rest against arithmetic")
    >>> report.text("28 people, nobody in both training and test.")
    >>> report.table(pd.DataFrame({"variant": ["none"], "score": [0.61]}), "One row per variant.")
    >>> '<th scope="row">none</th>' in report.html()
    True
    """

    def __init__(self, title: str, lang: str = "en") -> None:
        self.title = title
        self.lang = lang
        self._parts: list[str] = []
        self._n_tables = 0
        self._n_figures = 0

    def heading(self, words: str) -> None:
        """Start a section.

        Parameters
        ----------
        words : str
            Plain text.
        """
        self._parts.append(f"<h2>{escape(words)}</h2>")

    def text(self, *paragraphs: str) -> None:
        """Add paragraphs.

        Parameters
        ----------
        *paragraphs : str
            Plain text; anything that looks like HTML is shown, not obeyed.
        """
        self._parts.extend(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)

    def table(self, table: pd.DataFrame, caption: str, formats: Mapping[str, str] | None = None) -> None:
        """Add a table.

        Parameters
        ----------
        table : pandas.DataFrame
            The first column names the rows; the index is not shown. Columns of numbers stand to the right.
        caption : str
            What it shows.
        formats : mapping of str to str, optional
            Format of a column as in `format`: ``{"mean": ".2f"}``. Floats are ``.3g`` otherwise.
        """
        self._n_tables += 1
        sides = [_side(table[column]) for column in table.columns]
        head = "".join(
            f'<th scope="col"{side}>{escape(str(column))}</th>'
            for column, side in zip(table.columns, sides, strict=True)
        )
        columns = [[_cell(v, (formats or {}).get(str(c))) for v in table[c]] for c in table.columns]
        body = "\n".join(
            "<tr>"
            + "".join(
                f'<th scope="row">{cell}</th>' if i == 0 else f"<td{side}>{cell}</td>"
                for i, (cell, side) in enumerate(zip(row, sides, strict=True))
            )
            + "</tr>"
            for row in zip(*columns, strict=True)
        )
        self._parts.append(
            f'<div class="scroll wide" role="region" tabindex="0" aria-label="Table {self._n_tables}">\n'
            f"<table><caption><span><b>Table {self._n_tables}</b> {escape(caption)}</span></caption>\n"
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )

    def figure(self, fig: Figure, caption: str, alt: str) -> None:
        """Add a figure.

        Parameters
        ----------
        fig : matplotlib.figure.Figure
            Drawn now; later changes do not show.
        caption : str
            What it shows and how to read it.
        alt : str
            What a reader who cannot see it should know.

        Raises
        ------
        ValueError
            If ``alt`` is empty.
        """
        if not alt.strip():
            raise ValueError("a figure needs an alt text that says what it shows to a reader who cannot see it")
        self._n_figures += 1
        self._parts.append(
            f'<figure><div class="scroll" role="region" tabindex="0" aria-label="Figure {self._n_figures}">'
            f"{_svg(fig, alt, f'f{self._n_figures}-')}</div>\n"
            f"<figcaption><b>Figure {self._n_figures}</b> {escape(caption)}</figcaption></figure>"
        )

    def html(self) -> str:
        """Give the page.

        Returns
        -------
        str
            A whole HTML document.
        """
        body = "\n".join(self._parts)
        return (
            f'<!doctype html>\n<html lang="{escape(self.lang)}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta name="color-scheme" content="light dark">\n'
            # The browser itself then refuses whatever would reach out of the file.
            f'<meta http-equiv="Content-Security-Policy" '
            f"content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
            f"<title>{escape(self.title)}</title>\n<style>{_style()}</style>\n</head>\n<body>\n<main>\n"
            f"<header><h1>{escape(self.title)}</h1></header>\n{body}\n"
            f"<footer>affectbio {escape(_version())}. This file is whole: it loads nothing and runs nothing.</footer>\n"
            f"</main>\n</body>\n</html>\n"
        )

    def write(self, path: str | Path) -> Path:
        """Write the page, whole or not at all.

        Parameters
        ----------
        path : str or Path
            Where; an older file is replaced, folders are made.

        Returns
        -------
        Path
            The same.
        """
        path = Path(path)
        write_text(path, self.html())
        return path


def _side(column: pd.Series[Any]) -> str:
    """Numbers, also those that their maker has formatted already, stand to the right; short words are not broken."""
    words = [str(value) for value in column]
    if all(re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?|nan", word) for word in words):
        return ' class="n"'
    return ' class="k"' if all(len(word) <= 24 for word in words) else ""


def _cell(value: Any, spec: str | None) -> str:
    if spec is not None:
        return escape(format(value, spec))
    return escape(f"{value:.3g}" if isinstance(value, float) else str(value))


def _svg(fig: Figure, alt: str, prefix: str) -> str:
    """Draw a figure as SVG that can stand in a page beside others."""
    import matplotlib

    buffer = io.StringIO()
    # Text stays text, and the same figure gives the same bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "affectbio"}):
        fig.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Every figure numbers its parts from 1; in one page those names must differ.
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}", svg)
    for role, colour in PALETTE.items():
        svg = svg.replace(colour, f"var(--{role})")
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)


def _version() -> str:
    try:
        return version("affectbio")
    except PackageNotFoundError:
        return "(not installed)"


_DARK = {
    "ink": "#e6e9f0",
    "muted": "#9ba6b8",
    "rule": "#38414f",
    "band": "#2c3441",
    "accent": "#5bb8de",
    "leak": "#f08a55",
}


def _style() -> str:
    light = "".join(f"--{role}:{colour};" for role, colour in PALETTE.items())
    dark = "".join(f"--{role}:{colour};" for role, colour in _DARK.items())
    return (
        f"\n:root{{color-scheme:light dark;--paper:#fcfcfa;{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--paper:#14181f;{dark}}}}}\n{_RULES}"
    )


_RULES = """\
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
  font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
  -webkit-text-size-adjust:100%;text-size-adjust:100%}
main{max-width:46rem;margin:0 auto;padding:clamp(2rem,7vw,5rem) clamp(1.1rem,4vw,2rem) 3rem}
h1,h2{font-family:Charter,"Bitstream Charter","Iowan Old Style",Georgia,serif;font-weight:600;text-wrap:balance}
h1{font-size:clamp(1.9rem,5.5vw,2.7rem);line-height:1.15;letter-spacing:-.015em;margin:0}
header{border-bottom:3px solid var(--accent);padding-bottom:1.4rem;margin-bottom:2rem}
h2{font-size:1.45rem;line-height:1.25;margin:3.2rem 0 .8rem}
p{margin:0 0 1.1rem;max-width:40em;text-wrap:pretty;overflow-wrap:break-word}
figure{margin:2rem 0}
figcaption,caption{color:var(--muted);font-size:.875rem;line-height:1.5}
figcaption{margin-top:.7rem;max-width:46em}
figcaption b,caption b{color:var(--ink);margin-right:.35em}
.scroll{overflow-x:auto;overflow-y:hidden}
.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:4px}
svg{display:block;width:100%;min-width:28rem;height:auto}
svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif!important;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;margin:1.6rem 0 2rem;font-size:.875rem;line-height:1.4;
  font-variant-numeric:tabular-nums}
caption{text-align:left;padding-bottom:.7rem}
caption span{display:block;position:sticky;left:0;max-width:min(44rem,calc(100vw - 2.5rem))}
.wide{width:fit-content;max-width:min(68rem,calc(100vw - 2.2rem));min-width:100%;
  margin-left:50%;transform:translateX(-50%)}
th,td{text-align:left;vertical-align:top;padding:.5rem .9rem .5rem 0;font-weight:400}
th:last-child,td:last-child{padding-right:0}
thead th{color:var(--muted);font-size:.8125rem;vertical-align:bottom;border-bottom:1.5px solid var(--ink)}
tbody tr{border-bottom:1px solid var(--rule)}
tbody th{font-weight:600}
.k,td.n{white-space:nowrap}
.n{text-align:right}
td,th{min-width:3.2rem}
tbody th,td:not([class]){min-width:8.5rem}
footer{margin-top:4rem;padding-top:1rem;border-top:1px solid var(--rule);color:var(--muted);font-size:.8125rem}
@media print{main{max-width:none;padding:0}.scroll{overflow:visible}svg{min-width:0}figure,tr{break-inside:avoid}}
"""
