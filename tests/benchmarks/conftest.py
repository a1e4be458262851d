"""One thread for everybody, times as ratios in one run, and tables of peers printed at the end."""

import json
import os
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import process_time

import pytest
from threadpoolctl import threadpool_limits

STORED = json.loads(Path(__file__).with_name("peers.json").read_text(encoding="utf-8"))["tasks"]
TABLES = pytest.StashKey[dict]()


def pytest_configure(config):
    for variable in ("OMP", "MKL", "OPENBLAS", "NUMBA", "NUMEXPR"):
        os.environ.setdefault(f"{variable}_NUM_THREADS", "1")
    # ssqueezepy has a switch of its own.
    os.environ.setdefault("SSQ_PARALLEL", "0")
    config.stash[TABLES] = {}


def pytest_terminal_summary(terminalreporter, config):
    """Print what was measured, as Markdown, whether or not output is captured."""
    for title, table in config.stash[TABLES].items():
        terminalreporter.section(title)
        terminalreporter.line("| " + " | ".join(table.columns) + " |")
        terminalreporter.line("|" + "---|" * len(table.columns))
        for row in table.rows:
            terminalreporter.line("| " + " | ".join(row) + " |")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


class Table:
    def __init__(self, columns):
        self.columns, self.rows = columns, []

    def add(self, *cells):
        self.rows.append([cell if isinstance(cell, str) else number(cell) for cell in cells])


@pytest.fixture
def table(request):
    """Give the table of a title, to be printed at the end."""
    tables = request.config.stash[TABLES]
    return lambda title, columns: tables.setdefault(title, Table(columns))


def number(value):
    """Give three digits."""
    return "" if value is None else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def installed(distribution):
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def calls_per(seconds, function):
    """Say how often a function can be called in a time."""
    begin = process_time()
    function()
    return max(1, round(seconds / max(process_time() - begin, 1e-9)))


def clock(function, calls=1):
    begin = process_time()
    for _ in range(calls):
        function()
    return (process_time() - begin) / calls


def race(ours, peer, seconds=3.0):
    """Time two functions in turns; give medians of ours and of the peer, in seconds, and of the ratio.

    Processor time: this machine may have other work.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours()
        many, once = calls_per(0.01, ours), clock(peer)
        some = max(1, round(0.01 / once))
        rounds = max(3, min(15, round(seconds / once / some)))
        pairs = [(clock(ours, many), clock(peer, some)) for _ in range(rounds)]
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(b / a for a, b in pairs)


@pytest.fixture
def compare(table, request):
    """Race ours with every peer that is installed and put all into a table; give the ratios by name.

    A peer is a name, the distribution it comes in, and a function that imports it and makes what is timed; its error
    is what ``accuracy`` says of what it gives. Peers that are not here are shown as they were measured before.
    """

    def compare(task, title, ours, peers, *, asked, accuracy=None, seconds=3.0):
        rows = table(title, ["peer", "version", "ms", "× ours", "× asked", "error"])
        measured, found, times = [], {}, []
        for name, distribution, make in peers:
            if (release := installed(distribution)) is None:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    peer = make()
                    given = peer()
                except (ImportError, OSError) as error:
                    rows.add(name, release, f"does not load: {error}", "", asked.get(name, ""), "")
                    continue
                wrong = None if accuracy is None else accuracy(given)
            a, b, ratio = race(ours, peer, seconds)
            times.append(a)
            found[name] = ratio
            measured.append((name, release, b * 1e3, ratio, asked.get(name, ""), wrong))
        wrong = None if accuracy is None else accuracy(ours())
        rows.add("**affectbio**", version("affectbio"), median(times) * 1e3, 1.0, "", wrong)
        for row in sorted(measured, key=lambda row: row[3]):
            rows.add(*row)
        for name, before in STORED.get(task, {}).items():
            if name not in found:
                rows.add(
                    name,
                    "stored",
                    before["ms"],
                    f"({number(before['ratio'])})",
                    asked.get(name, ""),
                    before.get("error"),
                )
        return found

    return compare
