from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from affectbio.evaluation import Report
from affectbio.evaluation.figures import PALETTE

_VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """What a browser would find: the tree must close, and attributes and text are collected."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append((self.open[-1] if self.open else "", data))

    def text_of(self, tag: str) -> list[str]:
        return [words for inside, words in self.words if inside == tag]


def _figure() -> Figure:
    fig = Figure(figsize=(3, 2))
    ax = fig.add_subplot()
    ax.imshow(np.eye(3))
    ax.set_title("a < b", color=PALETTE["ink"])
    return fig


def _report() -> Report:
    report = Report("Rest & task")
    report.heading("Scores")
    report.text("First.", "Second.")
    report.table(pd.DataFrame({"variant": ["a", "b"], "score": [0.61234, 0.5], "n": [28, 28]}), "Per variant.")
    report.figure(_figure(), "One.", alt="a unit matrix")
    report.figure(_figure(), "Two.", alt='a "second" one')
    return report


def test_the_page_is_whole_and_named() -> None:
    page = Page(_report().html())
    assert page.text_of("h1") == page.text_of("title") == ["Rest & task"]
    assert page.text_of("h2") == ["Scores"]
    assert page.text_of("p") == ["First.", "Second."]
    assert page.tags[0] == ("html", {"lang": "en"})
    assert Page(Report("Titel", lang="de").html()).tags[0] == ("html", {"lang": "de"})


def test_nothing_is_loaded_and_nothing_runs() -> None:
    page = Page(_report().html())
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "action"):
                assert str(value).startswith(("#", "data:"))
            assert not name.startswith("on")
    assert "url(http" not in _report().html()
    assert "@import" not in _report().html()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=30))
def test_any_text_is_shown_and_not_obeyed(words: str) -> None:
    report = Report(words)
    report.heading(words)
    report.text(words)
    report.table(pd.DataFrame({words: [words]}), words)
    page = Page(report.html())
    assert page.text_of("h1") == page.text_of("h2") == page.text_of("p") == [words]
    assert page.text_of("th") == [words, words]


def test_markup_in_every_place_stays_text() -> None:
    evil = "<script>alert(1)</script>\"onload='x'"
    report = Report(evil, lang='en"><script>')
    report.heading(evil)
    report.table(pd.DataFrame({evil: [evil], "b": [evil]}), evil)
    report.figure(_figure(), evil, alt=evil)
    page = Page(report.html())
    assert "script" not in {tag for tag, _ in page.tags}
    assert next(a["aria-label"] for tag, a in page.tags if tag == "svg") == evil


def test_tables_have_headings_for_rows_and_columns_and_numbers_to_the_right() -> None:
    page = Page(_report().html())
    scopes = [a.get("scope") for tag, a in page.tags if tag == "th"]
    assert scopes == ["col", "col", "col", "row", "row"]
    assert page.text_of("td") == ["0.612", "28", "0.5", "28"]
    assert [a.get("class") for tag, a in page.tags if tag == "td"] == ["n"] * 4
    report = Report("t")
    report.table(pd.DataFrame({"a": ["x"], "b": [0.61234]}), "", formats={"b": ".1%"})
    assert Page(report.html()).text_of("td") == ["61.2%"]


def test_figures_are_numbered_described_and_do_not_share_names() -> None:
    page = Page(_report().html())
    assert [a["aria-label"] for tag, a in page.tags if tag == "svg"] == ["a unit matrix", 'a "second" one']
    names = [a["id"] for _, a in page.tags if "id" in a]
    assert len(names) == len(set(names))
    wanted = {str(a["xlink:href"])[1:] for tag, a in page.tags if str(a.get("xlink:href", "")).startswith("#")}
    assert wanted <= set(names)
    with pytest.raises(ValueError, match="alt text"):
        Report("t").figure(_figure(), "x", alt=" ")


def test_figures_keep_their_text_and_follow_the_theme() -> None:
    html = _report().html()
    svg = html[html.index("<svg") : html.index("</svg>") + 6]
    root = ET.fromstring(svg)
    assert "a < b" in [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "var(--ink)" in svg
    assert PALETTE["ink"] not in svg
    for role in PALETTE:
        assert html.count(f"--{role}:#") == 2, role


def test_drawing_changes_no_setting_and_is_the_same_twice() -> None:
    before = dict(matplotlib.rcParams)
    assert _report().html() == _report().html()
    assert dict(matplotlib.rcParams) == before


def test_it_is_written_whole_over_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("older")
    report = _report()
    assert report.write(str(path)) == path
    assert path.read_text(encoding="utf-8") == report.html()
    assert list(tmp_path.iterdir()) == [path]
