"""``affectbio doctor``: what is installed, what is missing and how to get it, and whether LSL and the kernels work."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["Check", "examine", "run_doctor"]

State = Literal["ok", "missing", "broken"]
_MEND_CACHE = "set NUMBA_CACHE_DIR to a folder you may write to"
_MEND_NUMBA = "pip install --force-reinstall numba"
_STYLE = {"ok": "green", "missing": "yellow", "broken": "bold red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes
    ----------
    name : str
        What.
    state : {"ok", "missing", "broken"}
        Missing is an option that is not there; broken stops something that should work.
    found : str
        What was found.
    remedy : str
        The line that mends it; empty if nothing is to be done.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def examine() -> Iterator[Check]:
    """Look at one thing after another.

    Yields
    ------
    Check
        As soon as it is known.
    """
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Check("affectbio", "ok", version("affectbio"))
    yield from _requirements()
    yield _tried("liblsl", _liblsl, "pip install --force-reinstall pylsl")
    yield _tried("LSL loopback", _loopback, "allow this Python through the firewall on the loopback interface")
    yield _kernels()
    yield _torch()
    yield _braindecode()
    yield _tried("write access", _write_access, "change to a folder you may write to")


def run_doctor(*, as_json: bool = False, warm: bool = False) -> int:
    """Print what `examine` finds.

    Parameters
    ----------
    as_json : bool
        As a JSON list instead of a table.
    warm : bool
        Then compile every kernel, so that none has to later, and say how long it took.

    Returns
    -------
    int
        Exit code: 1 if anything is broken.
    """
    console = Console()
    with Console(stderr=True).status("looking") as status:
        # Before all else, so that no kernel is compiled unseen by a check.
        warmed = [_tried("warm", lambda: _warm(status.update), _MEND_CACHE)] if warm else []
        status.update("looking")
        checks = [*examine(), *warmed]
    if as_json:
        console.print_json(json.dumps([asdict(c) for c in checks]))
    else:
        table = Table("what", "state", "found", box=None)
        for check in checks:
            found = check.found + (f"\n→ {check.remedy}" if check.remedy else "")
            # As Text: rich would take the brackets of an extra for markup.
            table.add_row(check.name, Text(check.state, _STYLE[check.state]), Text(found))
        console.print(table)
    return int(any(c.state == "broken" for c in checks))


def _tried(name: str, look: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, "ok", look())
    # A doctor must not die of what it finds: any failure is its finding, and is shown.
    except Exception as error:
        return Check(name, "broken", f"{type(error).__name__}: {error}", remedy)


def _requirements() -> Iterator[Check]:
    """Core first, then each extra as one line."""
    from packaging.requirements import Requirement

    requirements = [Requirement(text) for text in distribution("affectbio").requires or []]
    extras = sorted(distribution("affectbio").metadata.get_all("Provides-Extra") or [])
    for extra in ["", *extras]:
        wanted = [r for r in requirements if _of_extra(r, extra) and r.name != "affectbio"]
        if not wanted:
            continue
        present: list[str] = []
        absent: list[str] = []
        old: list[str] = []
        for requirement in sorted(wanted, key=lambda r: r.name):
            try:
                found = version(requirement.name)
            except PackageNotFoundError:
                absent.append(requirement.name)
                continue
            (present if requirement.specifier.contains(found, prereleases=True) else old).append(
                f"{requirement.name} {found}"
            )
        state: State = "ok" if not absent and not old else "broken" if not extra else "missing"
        parts = [
            ", ".join(present),
            f"missing: {', '.join(absent)}" if absent else "",
            f"not in range: {', '.join(old)}" if old else "",
        ]
        line = "" if state == "ok" else f'pip install "affectbio{f"[{extra}]" if extra else ""}"'
        yield Check(f"extra {extra}" if extra else "core", state, "; ".join(p for p in parts if p), line)


def _of_extra(requirement: object, extra: str) -> bool:
    marker = getattr(requirement, "marker", None)
    if marker is None:
        return not extra
    if "extra" not in str(marker):
        return not extra and bool(marker.evaluate())
    return bool(extra) and bool(marker.evaluate({"extra": extra}))


def _liblsl() -> str:
    from affectbio.acquire import lsl_library

    library, source = lsl_library()
    return f"{library} from {source}"


def _loopback() -> str:
    """Send samples to ourselves and time the way."""
    import numpy as np

    from affectbio.acquire import Inlet, Outlet, StreamSpec, find_stream, local_clock, loopback_session, use_loopback
    from affectbio.types import Channel

    if loopback_session() is None:
        use_loopback(f"affectbio-doctor-{uuid.uuid4().hex[:8]}")
    spec = StreamSpec("affectbio doctor", "EEG", [Channel("Cz")], 250.0, f"affectbio-doctor-{os.getpid()}")
    with Outlet(spec) as outlet, Inlet(find_stream(source_id=spec.source_id)) as inlet:
        delays = []
        for _ in range(20):
            sent = local_clock()
            outlet.push(np.zeros((1, 1)), np.array([sent]))
            while inlet.pull(1.0) is None:
                if local_clock() - sent > 3:
                    raise TimeoutError("a sample sent to this machine did not arrive within 3 s")
            delays.append(local_clock() - sent)
            time.sleep(0.004)
    return f"found, connected, one way {1e3 * float(np.median(delays)):.2f} ms (median of {len(delays)})"


def _kernels() -> Check:
    """Say which bodies do the arithmetic, and why."""
    from affectbio.kernels._backend import VARIABLE, numba_missing

    wanted = os.environ.get(VARIABLE, "")
    if wanted not in ("", "numba", "numpy"):
        return Check("kernels", "broken", f"{VARIABLE} is {wanted!r}", f"set {VARIABLE} to numba or numpy, or unset it")
    if wanted == "numpy":
        return Check("kernels", "ok", f"in NumPy, since {VARIABLE}=numpy; compiled, they are many times faster")
    missing = numba_missing()
    if missing:
        state: State = "broken" if wanted else "missing"
        found = f"cannot be compiled, since Numba cannot be imported: {missing}"
        return Check("kernels", state, found if wanted else f"in NumPy, many times slower; {found}", _MEND_NUMBA)
    return _tried("kernels", _compiled, _MEND_CACHE)


def _compiled() -> str:
    import numpy as np

    from affectbio.kernels import differential_entropy
    from affectbio.kernels._backend import VARIABLE, bodies

    begin = time.perf_counter()
    differential_entropy(np.random.default_rng(0).standard_normal(512), 128)
    seconds = time.perf_counter() - begin
    with tempfile.TemporaryFile(dir=bodies("entropy").band_sums.stats.cache_path):
        pass
    reason = f"{VARIABLE}=numba" if os.environ.get(VARIABLE) else "it can be imported"
    return f"compiled by Numba {version('numba')}, since {reason}; first call {seconds:.2f} s, cache can be written"


def _warm(tell: Callable[[str], object]) -> str:
    """Compile every kernel; ``tell`` is told how far it is."""
    from affectbio.cli.warm import KERNELS, seconds_to_first_call, warm
    from affectbio.kernels._backend import VARIABLE, numba_missing

    if os.environ.get(VARIABLE) == "numpy" or numba_missing():
        return "nothing to compile: kernels run in NumPy"
    begin = time.perf_counter()
    tell(f"compiling {', '.join(KERNELS)}")
    first = {}
    for done in warm():
        first[done.name] = done
        tell(f"compiled {', '.join(first)}: {len(first)} of {len(KERNELS)}")
    seconds = time.perf_counter() - begin
    tell("measuring the next first calls")
    lines = [f"compiled in {seconds:.1f} s; next first call {seconds_to_first_call():.2f} s"]
    for again in warm():
        before = first[again.name]
        lines.append(
            f"{again.name} {before.seconds:.2f} s, {before.n_compiled} bodies compiled; next {again.seconds:.2f} s"
        )
    return "\n".join(lines)


def _torch() -> Check:
    try:
        torch = import_module("torch")
    except ModuleNotFoundError:
        return Check(
            "torch", "missing", "not installed; needed by the deep models only", 'pip install "affectbio[deep]"'
        )
    except (ImportError, OSError) as error:
        return Check("torch", "broken", str(error), 'pip install --force-reinstall "affectbio[deep]"')
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU build"
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU in use"
    return Check("torch", "ok", f"{torch.__version__}, {build}, {device}")


def _braindecode() -> Check:
    """Its import pulls torchaudio in, whose compiled part must match torch."""
    try:
        with warnings.catch_warnings():
            # braindecode 1.8 asks MNE 1.13 for a montage by its old name; that is not the user's to mend.
            warnings.simplefilter("ignore", FutureWarning)
            import_module("braindecode.models")
    except ModuleNotFoundError as error:
        return Check("braindecode", "missing", f"{error.name} is not installed", 'pip install "affectbio[deep]"')
    except (ImportError, OSError) as error:
        found = {name: _version(name) for name in ("torch", "torchaudio")}
        return Check(
            "braindecode",
            "missing",
            f"does not import beside torch {found['torch']} and torchaudio {found['torchaudio']}: "
            f"{re.split(r'[.:] ', str(error))[0]}. Only braindecode's own models are affected",
            'pip install "torch<2.14" "torchaudio<2.12"',
        )
    return Check("braindecode", "ok", f"{_version('braindecode')}, models import")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _write_access() -> str:
    with tempfile.TemporaryFile(dir=Path.cwd()):
        pass
    return f"the current folder can be written to, {sys.getfilesystemencoding()} names"
