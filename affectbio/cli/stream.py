"""``affectbio stream``, ``scan`` and ``record``: devices onto LSL, what is within reach, and streams into a file."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from affectbio.acquire import Recorder
from affectbio.acquire.bridge_brainflow import make_brainflow_driver
from affectbio.acquire.bridge_lsl import LslSource
from affectbio.acquire.driver import Driver
from affectbio.acquire.drivers import make_driver
from affectbio.acquire.lsl_sink import LslSink
from affectbio.acquire.simulate import STATES, Artefacts, LinkFaults, SimulatedDevice, TruthSink, truth_spec
from affectbio.devices import load_device
from affectbio.errors import ConfigError, StreamNotFoundError
from affectbio.registry import unknown_name

__all__ = ["Scene", "run_record", "run_scan", "run_stream"]

_REFRESH_S = 0.5
# Between the last word of a device and the end of its recording.
_LAST_WORDS_S = 0.3
_SIMULATED = "simulated/"
_STYLE = {"streaming": "green", "connecting": "yellow", "silent": "yellow", "lost": "bold red", "stopped": ""}


@dataclass(frozen=True, slots=True)
class Scene:
    """What simulated devices are to show.

    Parameters
    ----------
    state : str
        What the person is doing, one of ``affectbio.acquire.simulate.STATES``.
    artefacts : Artefacts
        What is in the EEG and not of the brain.
    faults : LinkFaults
        What the link does to the packets.
    seed : int
        Of all chance; devices with one seed are on one person.

    Raises
    ------
    ConfigError
        If the state is not known.
    """

    state: str = "rest"
    artefacts: Artefacts = field(default_factory=Artefacts)
    faults: LinkFaults = field(default_factory=LinkFaults)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise unknown_name("state", self.state, STATES)


@dataclass(slots=True)
class _Running:
    name: str
    driver: Driver | SimulatedDevice | LslSource
    words: deque[str]
    # What to record of it, as for `Recorder`.
    wanted: list[Any]

    @property
    def last_word(self) -> str:
        return self.words[-1] if self.words else ""


def run_stream(
    devices: Sequence[str],
    *,
    record: Path | None = None,
    seconds: float | None = None,
    min_free_mb: float = 100.0,
    scene: Scene | None = None,
    console: Console | None = None,
) -> None:
    """Stream devices over LSL until Ctrl-C.

    Parameters
    ----------
    devices : sequence of str
        Names or paths of profiles, each with ``@`` and an address if the profile does not say where it is:
        ``"polar-h10@AA:BB:CC:DD:EE:FF"``, ``"openbci-cyton@/dev/ttyUSB0"``. With ``simulated/`` before the profile, one
        that is not there: it also streams the valence and arousal it was made from.
    record : Path, optional
        XDF file to write all of it to.
    seconds : float, optional
        Stop by itself after so long.
    min_free_mb : float
        As for `affectbio.acquire.Recorder`.
    scene : Scene, optional
        What simulated devices show.
    console : rich.console.Console, optional
        Where to show it; stdout if not given.

    Raises
    ------
    ConfigError
        If a device is not known, has no driver, or its address is not.
    MissingExtraError
        If brainflow is asked for and not installed.
    StreamError
        If there is no such stream on LSL, or several, or the recording fails.
    """
    console = console or Console()
    with ExitStack() as stack:
        running = [_prepare(text, number, devices, scene or Scene(), stack) for number, text in enumerate(devices)]
        recorder = None
        if record is not None:
            wanted = [stream for each in running for stream in each.wanted]
            recorder = stack.enter_context(Recorder(record, wanted, min_free_mb=min_free_mb))
        asyncio.run(_run(running, recorder, seconds, console))
        if recorder is not None:
            time.sleep(_LAST_WORDS_S)
    for each in running:
        console.print(Text(_summary(each)))
    if record is not None and recorder is not None:
        console.print(Text(f"{record}: {recorder.n_bytes / 1e6:.1f} MB"))


def _prepare(text: str, number: int, devices: Sequence[str], scene: Scene, stack: ExitStack) -> _Running:
    words: deque[str] = deque(maxlen=1)

    def told(_state: str, why: str) -> None:
        words.append(why)

    if text.startswith("lsl:"):
        source = LslSource(text, on_state=told)
        return _Running(source.device.title, source, words, [source.info])
    profile, _, address = text.partition("@")
    simulated = profile.startswith(_SIMULATED)
    driver: Driver | SimulatedDevice
    board: Driver | None = None
    if profile.startswith("brainflow:"):
        # What it streams is known only once brainflow has said so.
        board = make_brainflow_driver(profile, [], address=address or None, on_state=told, seed=number)
        device, base = board.device, _word(profile.partition("?")[0])
    else:
        device = load_device(profile.removeprefix(_SIMULATED))
        # Nobody may take what was made for what was measured.
        base = ("simulated-" if simulated else "") + Path(profile).stem
    twice = sum(other.partition("@")[0] == profile for other in devices) > 1
    # By its address, which stays; by its place in the command only where it has none.
    name = f"{base}-{_word(address) or number + 1}" if twice or address else base
    sink = stack.enter_context(LslSink(device, name))
    source_ids = [spec.source_id for spec in sink.specs] + [f"affectbio-{name}-status"]
    if simulated:
        truth = stack.enter_context(TruthSink(name))
        source_ids += [truth_spec(name).source_id, f"affectbio-{name}-events"]
        driver = SimulatedDevice(
            device,
            state=scene.state,
            seed=scene.seed,
            sinks=[sink],
            truth=[truth],
            artefacts=scene.artefacts,
            faults=scene.faults,
            on_state=told,
        )
    elif board is not None:
        board.sinks = (sink,)
        driver = board
    else:
        driver = make_driver(device, [sink], address=address or None, on_state=told, seed=number)
    return _Running(name, driver, words, [{"source_id": source_id} for source_id in source_ids])


def _word(address: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in address).strip("-")


async def _run(running: list[_Running], recorder: Recorder | None, seconds: float | None, console: Console) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    with suppress(NotImplementedError):  # Windows' loop takes no signal handlers: there Ctrl-C ends asyncio.run
        loop.add_signal_handler(signal.SIGINT, stop.set)
    jobs = [asyncio.ensure_future(each.driver.run()) for each in running]
    began = time.monotonic()
    try:
        with Live(_table(running, recorder), console=console, auto_refresh=False, transient=True) as live:
            while not stop.is_set() and not any(job.done() for job in jobs):
                if seconds is not None and time.monotonic() - began >= seconds:
                    break
                if recorder is not None:
                    recorder.check()
                live.update(_table(running, recorder), refresh=True)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _REFRESH_S)
    finally:
        for each in running:
            each.driver.stop()
        await asyncio.gather(*jobs)


def _table(running: list[_Running], recorder: Recorder | None) -> Table:
    caption = None if recorder is None else f"recording: {recorder.n_bytes / 1e6:.1f} MB"
    table = Table("device", "state", "stream", "Hz", "lost", "drift", "jitter", "battery", box=None, caption=caption)
    for each in running:
        driver = each.driver
        battery = driver.battery if isinstance(driver, Driver) else math.nan
        first = True
        for stream, counts in zip(driver.device.streams, driver.counts, strict=True):
            if not stream.sfreq and not counts.n_samples:
                continue
            table.add_row(
                Text(each.name if first else ""),
                Text(driver.state if first else "", _STYLE[driver.state]),
                Text(stream.lsl_type),
                Text(f"{counts.effective_sfreq:.2f} of {stream.sfreq:g}" if stream.sfreq else str(counts.n_samples)),
                Text(f"{100 * counts.loss:.2f} %"),
                Text(f"{counts.drift_ppm:+.0f} ppm" if counts.drift_ppm == counts.drift_ppm else "-"),
                Text(f"{counts.jitter_ms:.1f} ms" if counts.jitter_ms == counts.jitter_ms else "-"),
                Text(f"{battery:.0f} %" if first and battery == battery else ""),
            )
            first = False
        if each.last_word and driver.state != "streaming":
            table.add_row("", Text(each.last_word, "dim"))
    return table


def _summary(each: _Running) -> str:
    parts = [
        f"{stream.lsl_type} {counts.n_samples} samples, {100 * counts.loss:.2f} % lost"
        for stream, counts in zip(each.driver.device.streams, each.driver.counts, strict=True)
        if counts.n_samples
    ]
    return f"{each.name}: {'; '.join(parts) or each.last_word or 'nothing came'}"


def run_scan(seconds: float = 5.0, console: Console | None = None) -> None:
    """Print what is within reach: Bluetooth devices, serial ports, LSL streams.

    Parameters
    ----------
    seconds : float
        How long to listen for Bluetooth.
    console : rich.console.Console, optional
        Where to; stdout if not given.
    """
    from affectbio.acquire._liblsl import load_pylsl

    console = console or Console()
    table = Table("where", "address", "name", "profile", box=None)
    with console.status(f"listening for {seconds:g} s"):
        for address, name in _bluetooth(seconds, console):
            table.add_row("Bluetooth", Text(address), Text(name), Text(_profile_of(name)))
        from serial.tools.list_ports import comports

        for port in sorted(comports()):
            table.add_row("serial", Text(port.device), Text(port.description or ""), "")
        for info in load_pylsl().resolve_streams(1.0):
            table.add_row("LSL", Text(info.source_id()), Text(f"{info.name()} ({info.type()})"), "")
    console.print(
        table if table.row_count else "nothing is within reach: no Bluetooth device, serial port or LSL stream"
    )


def _bluetooth(seconds: float, console: Console) -> list[tuple[str, str]]:
    from bleak import BleakScanner
    from bleak.exc import BleakError

    try:
        found = asyncio.run(BleakScanner.discover(timeout=seconds))
    except (BleakError, OSError) as error:
        console.print(Text(f"no Bluetooth here: {error}", "yellow"))
        return []
    return sorted((device.address, device.name or "") for device in found)


def _profile_of(name: str) -> str:
    from affectbio.devices import list_devices

    profiles = [(load_device(known).link.name, known) for known in list_devices()]
    fitting = [known for start, known in profiles if start and name.startswith(start)]
    return " or ".join(fitting)


def run_record(
    out: Path,
    *,
    all_streams: bool = False,
    require: Sequence[str] = (),
    seconds: float | None = None,
    min_free_mb: float = 100.0,
    console: Console | None = None,
) -> None:
    """Record LSL streams into an XDF file until Ctrl-C.

    Parameters
    ----------
    out : Path
        File to make.
    all_streams : bool
        Everything that is on the network; else only the types required.
    require : sequence of str
        Types of stream without which nothing is recorded: ``"EEG"``.
    seconds : float, optional
        Stop by itself after so long.
    min_free_mb : float
        As for `affectbio.acquire.Recorder`.
    console : rich.console.Console, optional
        Where to show it; stdout if not given.

    Raises
    ------
    ConfigError
        If neither is asked for.
    StreamNotFoundError
        If a stream that is required is not there; no file is made then.
    StreamError
        If the disk is nearly full, before or while recording; the file is whole up to there.
    """
    from affectbio.acquire._liblsl import load_pylsl

    console = console or Console()
    if not all_streams and not require:
        raise ConfigError("nothing to record: expected --all, or --require with types of stream such as EEG,ECG")
    found = load_pylsl().resolve_streams(1.5)
    types = {info.type() for info in found}
    missing = [kind for kind in require if kind not in types]
    if missing:
        there = ", ".join(sorted(f"{info.name()} ({info.type()})" for info in found)) or "no stream"
        raise StreamNotFoundError(f"no stream of type {', '.join(missing)}; on the network: {there}")
    chosen = found if all_streams else [info for info in found if info.type() in require]
    if not chosen:
        raise StreamNotFoundError("no stream is on the network; start one with affectbio stream")
    began = time.monotonic()
    live = Live(console=console, auto_refresh=False, transient=True)
    try:
        with Recorder(out, chosen, min_free_mb=min_free_mb) as recorder, live, suppress(KeyboardInterrupt):
            while seconds is None or time.monotonic() - began < seconds:
                time.sleep(_REFRESH_S)
                recorder.check()
                live.update(_health(recorder, time.monotonic() - began), refresh=True)
        console.print(_health(recorder, time.monotonic() - began))
    finally:
        if out.exists():
            console.print(Text(f"{out}: {out.stat().st_size / 1e6:.2f} MB"))


def _health(recorder: Recorder, seconds: float) -> Table:
    caption = f"{seconds:.0f} s, {recorder.n_bytes / 1e6:.1f} MB, {recorder.free_mb / 1e3:.1f} GB free"
    table = Table("stream", "type", "samples", "Hz", "longest gap", "state", box=None, caption=caption)
    for health in recorder.health:
        rate = f"{health.effective_sfreq:.2f} of {health.sfreq:g}" if health.sfreq else "now and then"
        table.add_row(
            Text(health.name),
            Text(health.lsl_type),
            str(health.n_samples),
            Text(rate),
            Text(f"{health.longest_gap_s:.3f} s"),
            Text(health.state, "green" if health.state == "streaming" else "yellow"),
        )
    return table
