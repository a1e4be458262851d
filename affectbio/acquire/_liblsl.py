"""Finds a liblsl for pylsl, and can keep LSL on this machine.

pylsl's wheel carries liblsl except on Linux for arm64 and with glibc older than 2.35; there mne-lsl's wheel has one.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from affectbio.errors import StreamError

__all__ = ["load_pylsl", "local_clock", "loopback_session", "lsl_library", "no_answer", "quiet_lsl", "use_loopback"]

_PATTERN = {"linux": "liblsl*.so*", "darwin": "liblsl*.dylib", "win32": "lsl*.dll"}.get(sys.platform, "liblsl*")

# liblsl's defaults wait 5 s longer than asked for a stream that is not there, and reach 32 outlets of one machine.
_LOOPBACK = """
[ports]
IPv6 = disable
PortRange = 128
[multicast]
ResolveScope = machine
Interfaces = {{127.0.0.1}}
AddressesOverride = {{127.0.0.1}}
TTLOverride = 0
[lab]
KnownPeers = {{127.0.0.1}}
SessionID = {session_id}
[tuning]
MulticastMinRTT = 0.1
MulticastMaxRTT = 0.5
UnicastMinRTT = 0.1
UnicastMaxRTT = 0.5
[log]
level = -3
"""

# For a command that says itself what is lost and silent. 32 outlets are four headsets.
_QUIET = """
[ports]
PortRange = 128
[log]
level = -3
"""

_source = ""
_session: str | None = None


def load_pylsl() -> Any:
    """Import pylsl with a library that loads.

    Looks at ``PYLSL_LIB``, pylsl's own wheel, mne-lsl's wheel (without importing mne_lsl, which takes seconds) and the
    system, in that order. ``AFFECTBIO_LSL=stable`` puts mne-lsl's first: its liblsl is a release, pylsl's a beta.

    Returns
    -------
    module
        pylsl.

    Raises
    ------
    StreamError
        If no library loads.
    """
    global _source
    if _source:
        return import_module("pylsl")
    library, source = _choose_library()
    before = os.environ.get("PYLSL_LIB")
    if library is not None:
        os.environ["PYLSL_LIB"] = str(library)
    try:
        pylsl = import_module("pylsl")
    except (ImportError, RuntimeError, OSError) as error:
        raise StreamError(
            f"no liblsl loads ({str(error).strip().splitlines()[0]}; tried {source}): pip install mne-lsl, which "
            f"brings one, or set PYLSL_LIB to the path of a liblsl"
        ) from error
    finally:
        if library is not None and before is None:
            del os.environ["PYLSL_LIB"]
    _source = source
    return pylsl


def lsl_library() -> tuple[str, str]:
    """Tell which liblsl is in use.

    Returns
    -------
    version : str
        For example ``"1.17"``.
    source : str
        Where it came from: ``"PYLSL_LIB"``, ``"pylsl's wheel"``, ``"mne-lsl's wheel"`` or ``"the system"``.

    Raises
    ------
    StreamError
        If no library loads.

    Examples
    --------
    >>> version, source = lsl_library()
    >>> version.startswith("1.")
    True
    """
    major, minor = divmod(load_pylsl().library_version(), 100)
    return f"{major}.{minor}", _source


def use_loopback(session_id: str) -> None:
    """Keep LSL on this machine and among programs that name the same session.

    For tests and for demonstrations on one machine. Must come before anything else that uses LSL in this process, since
    liblsl reads its settings once. Where it is not called, liblsl's own settings hold (``LSLAPICFG``, ``lsl_api.cfg``).

    Parameters
    ----------
    session_id : str
        Any word; streams of another session are not seen.

    Raises
    ------
    StreamError
        If LSL was already in use with other settings, or its library is too old to be told.

    Notes
    -----
    Discovery stays on loopback; the ports for data are bound to all addresses whatever the settings say.
    """
    global _session
    pylsl = load_pylsl()
    try:
        pylsl.set_config_content(_LOOPBACK.format(session_id=session_id))
    except NotImplementedError as error:
        raise StreamError(
            "liblsl is older than 1.17.7 and cannot be kept to this machine: pip install -U mne-lsl pylsl"
        ) from error
    # liblsl keeps silent when it was too late; an outlet says which session it is in.
    probe = pylsl.StreamOutlet(pylsl.StreamInfo("affectbio-probe", "", 1, 0, "int8", "affectbio-probe"))
    found = probe.get_info().session_id()
    if found != session_id:
        raise StreamError(
            f"LSL is already in use in this process, in session {found!r}; expected to be the first to use it: call "
            f"use_loopback({session_id!r}) before any stream is made or looked for"
        )
    _session = session_id


def quiet_lsl() -> None:
    """Keep liblsl from writing to standard error, and give it ports for 128 outlets, unless somebody has set it up.

    For commands, which say themselves what liblsl would. Settings of the user (``LSLAPICFG``, ``lsl_api.cfg``) and of
    `use_loopback` stay as they are. Must come before anything else that uses LSL in this process.
    """
    pylsl = load_pylsl()
    own = (Path("lsl_api.cfg"), Path.home() / "lsl_api" / "lsl_api.cfg", Path("/etc/lsl_api/lsl_api.cfg"))
    if _session is None and not os.environ.get("LSLAPICFG") and not any(path.is_file() for path in own):
        with suppress(NotImplementedError):  # liblsl before 1.17.7 cannot be told
            pylsl.set_config_content(_QUIET)


def no_answer() -> tuple[type[Exception], type[Exception]]:
    """Give what pylsl raises when a stream does not answer in time, or is gone."""
    from pylsl.util import LostError, TimeoutError

    return TimeoutError, LostError


def loopback_session() -> str | None:
    """Give the session of `use_loopback`, or None where LSL is not kept to this machine."""
    return _session


def local_clock() -> float:
    """Give the time on this machine's LSL clock, on which all stamps are, in seconds.

    Returns
    -------
    float
        Never set back; zero is any moment, mostly when the machine started.

    Examples
    --------
    >>> local_clock() <= local_clock()
    True
    """
    return float(load_pylsl().local_clock())


def _choose_library() -> tuple[Path | None, str]:
    """Give the library to point pylsl at, None to let it search, and in words where it comes from."""
    if os.environ.get("PYLSL_LIB"):
        return None, "PYLSL_LIB"
    own, other = _libraries("pylsl", "lib"), _libraries("mne_lsl", "lsl/lib")
    if other and (not own or os.environ.get("AFFECTBIO_LSL") == "stable"):
        return other[-1], "mne-lsl's wheel"
    return None, "pylsl's wheel" if own else "the system"


def _libraries(package: str, folder: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return []
    return sorted((Path(next(iter(spec.submodule_search_locations))) / folder).glob(_PATTERN))
