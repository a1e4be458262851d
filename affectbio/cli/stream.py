"""``affectbio stream``, ``scan`` and ``record``: devices onto LSL, what is within reach, and streams into a file."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from affectbio.acquire import Recorder
from affectbio.acquire._liblsl import quiet_lsl
from affectbio.acquire.bridge_brainflow import make_brainflow_driver
from affectbio.acquire.bridge_lsl import LslSource
from affectbio.acquire.driver import Driver, DriverState
from affectbio.acquire.drivers import make_driver
from affectbio.acquire.lsl_sink import LslSink
from affectbio.acquire.simulate import STATES, Artefacts, LinkFaults, SimulatedDevice, TruthSink, truth_spec
from affectbio.acquire.sources import SIMULATED, Source
from affectbio.devices import load_device
from affectbio.errors import ConfigError, DataError, StreamNotFoundError
from affectbio.registry import unknown_name

__all__ = ["Scene", "run_record", "run_scan", "run_stream"]

_REFRESH_S = 0.5
# Between the last word of a device and the end of its recording.
_LAST_WORDS_S = 0.3
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
class _Words:
    """What was last said of a device, and why it was last lost, until it streams again."""

    console: Console
    name: str
    last: str = ""
    lost: str = ""

    def __call__(self, state: DriverState, why: str) -> None:
        if state == "streaming" and not why:
            self.last = self.lost = ""
        elif why:
            self.last = why
            self.lost = why if state == "lost" else self.lost
        if not self.console.is_terminal:
            # A file or a journal has no table.
            self.console.print(Text(f"{self.name}: {state}{f': {why}' if why else ''}"), soft_wrap=True)

    def __str__(self) -> str:
        return "; ".join(dict.fromkeys(word for word in (self.last, self.lost) if word))


@dataclass(slots=True)
class _Running:
    driver: Source
    words: _Words
    # What to record of it, as for `Recorder`.
    wanted: list[Any]

    @property
    def name(self) -> str:
        return self.words.name


def run_stream(
    devices: Sequence[str],
    *,
    record: Path | None = None,
    seconds: float | None = None,
    min_free_mb: float = 100.0,
    scene: Scene | None = None,
    units: dict[str, str] | None = None,
    console: Console | None = None,
) -> None:
    """Stream devices over LSL until Ctrl-C, or until the system asks the program to end (SIGTERM).

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
    units : dict of str to str, optional
        Units of streams on LSL that state none, by type or name.
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
    DataError
        If a stream on LSL is not one of numbers at a regular rate, or does not say in which unit it is.
    """
    console = console or Console()
    quiet_lsl()
    with ExitStack() as stack:
        running = [
            _prepare(text, number, devices, scene or Scene(), units, stack, console)
            for number, text in enumerate(devices)
        ]
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


def _prepare(
    text: str,
    number: int,
    devices: Sequence[str],
    scene: Scene,
    units: dict[str, str] | None,
    stack: ExitStack,
    console: Console,
) -> _Running:
    words = _Words(console, text)
    if text.startswith("lsl:"):
        try:
            source = LslSource(text, units=units, on_state=words)
        except DataError as error:
            # Brings the readers of files, and pandas with them, which a small computer does without.
            from affectbio.cli.files import with_unit_option

            raise type(error)(with_unit_option(error)) from None
        words.name = source.device.title
        return _Running(source, words, [source.info])
    profile, _, address = text.partition("@")
    simulated = profile.startswith(SIMULATED)
    driver: Source
    board: Driver | None = None
    if profile.startswith("brainflow:"):
        # What it streams is known only once brainflow has said so.
        board = make_brainflow_driver(profile, [], address=address or None, on_state=words, seed=number)
        device, base = board.device, _word(profile.partition("?")[0])
    else:
        device = load_device(profile.removeprefix(SIMULATED))
        # Nobody may take what was made for what was measured.
        base = ("simulated-" if simulated else "") + Path(profile).stem
    twice = sum(other.partition("@")[0] == profile for other in devices) > 1
    # By its address, which stays; by its place in the command only where it has none.
    words.name = name = f"{base}-{_word(address) or number + 1}" if twice or address else base
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
            on_state=words,
        )
    elif board is not None:
        board.sinks = (sink,)
        driver = board
    else:
        driver = make_driver(device, [sink], address=address or None, on_state=words, seed=number)
    return _Running(driver, words, [{"source_id": source_id} for source_id in source_ids])


def _word(address: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in address).strip("-")


async def _run(running: list[_Running], recorder: Recorder | None, seconds: float | None, console: Console) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    with suppress(NotImplementedError):  # Windows' loop takes no signal handlers: there Ctrl-C ends asyncio.run
        for ending in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(ending, stop.set)
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
        # All of them: one that failed must not keep the others from being told to stop.
        ended = await asyncio.gather(*jobs, return_exceptions=True)
    for error in ended:
        if error is not None:
            raise error


def _table(running: list[_Running], recorder: Recorder | None) -> Group:
    table = Table("device", "state", "stream", "Hz", "lost", "drift", "jitter", "battery", box=None)
    below = []
    for each in running:
        driver = each.driver
        battery = driver.battery
        first = True
        for stream, counts in zip(driver.device.streams, driver.counts, strict=True):
            if not stream.sfreq and not counts.n_samples:
                continue
            table.add_row(
                Text(each.name if first else ""),
                Text(driver.state if first else "", _STYLE[driver.state]),
                Text(stream.lsl_type),
                Text(_rate(counts.effective_sfreq, stream.sfreq) if stream.sfreq else str(counts.n_samples)),
                Text(f"{100 * counts.loss:.2f} %"),
                Text(f"{counts.drift_ppm:+.0f} ppm" if counts.drift_ppm == counts.drift_ppm else "-"),
                Text(f"{counts.jitter_ms:.1f} ms" if counts.jitter_ms == counts.jitter_ms else "-"),
                Text(f"{battery:.0f} %" if first and battery == battery else ""),
            )
            first = False
        if first:
            table.add_row(Text(each.name), Text(driver.state, _STYLE[driver.state]))
        if words := str(each.words):
            below.append(Text(f"{each.name}: {words}", "dim"))
    if recorder is not None:
        below.append(Text(f"recording: {recorder.n_bytes / 1e6:.1f} MB"))
    return Group(table, *below)


def _rate(effective: float, nominal: float) -> str:
    return f"{effective:.2f} of {nominal:g}" if effective == effective else f"- of {nominal:g}"


def _summary(each: _Running) -> str:
    parts = [
        f"{stream.lsl_type} {counts.n_samples} samples, {100 * counts.loss:.2f} % lost"
        for stream, counts in zip(each.driver.device.streams, each.driver.counts, strict=True)
        if counts.n_samples
    ]
    return f"{each.name}: {'; '.join(parts) or str(each.words) or 'nothing came'}"


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
    quiet_lsl()
    table = Table("where", "address", "name", "profile", box=None)
    with console.status(f"listening for {seconds:g} s"):
        for address, name in _bluetooth(seconds, console):
            table.add_row("Bluetooth", Text(address), Text(name), Text(_profile_of(name)))
        from serial.tools.list_ports import comports

        for port in sorted(comports()):
            table.add_row("serial", Text(port.device), Text(port.description or ""), "")
        for info in sorted(load_pylsl().resolve_streams(1.0), key=lambda info: info.source_id()):
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
    """Record LSL streams into an XDF file until Ctrl-C, or until the system asks the program to end (SIGTERM).

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
    quiet_lsl()
    found = load_pylsl().resolve_streams(1.5)
    types = {info.type() for info in found}
    missing = [kind for kind in require if kind not in types]
    if missing:
        there = ", ".join(sorted(f"{info.name()} ({info.type()})" for info in found)) or "no stream"
        close = [kind for kind in sorted(types) if kind.lower() in map(str.lower, missing)]
        hint = f"did you mean {', '.join(close)}? " if close else ""
        raise StreamNotFoundError(f"no stream of type {', '.join(missing)}; {hint}on the network: {there}")
    chosen = found if all_streams else [info for info in found if info.type() in require]
    if not chosen:
        raise StreamNotFoundError("no stream is on the network; start one with affectbio stream")
    began = time.monotonic()
    live = Live(console=console, auto_refresh=False, transient=True)
    try:
        with (
            _interrupts(),
            Recorder(out, chosen, min_free_mb=min_free_mb) as recorder,
            live,
            suppress(KeyboardInterrupt),
        ):
            while seconds is None or time.monotonic() - began < seconds:
                time.sleep(_REFRESH_S)
                recorder.check()
                live.update(_health(recorder, time.monotonic() - began), refresh=True)
        console.print(_health(recorder, time.monotonic() - began))
    finally:
        if out.exists():
            console.print(Text(f"{out}: {out.stat().st_size / 1e6:.2f} MB"))


@contextmanager
def _interrupts() -> Iterator[None]:
    """Make SIGTERM end the program as Ctrl-C does, and Ctrl-C do so even where a shell's ``&`` switched it off."""
    here = current_thread() is main_thread()
    ways = (signal.SIGINT, signal.SIGTERM) if here else ()
    before = {way: signal.signal(way, signal.default_int_handler) for way in ways}
    try:
        yield
    finally:
        for way, handler in before.items():
            signal.signal(way, handler)


def _health(recorder: Recorder, seconds: float) -> Table:
    caption = f"{seconds:.0f} s, {recorder.n_bytes / 1e6:.1f} MB, {recorder.free_mb / 1e3:.1f} GB free"
    table = Table("stream", "type", "samples", "Hz", "longest gap", "state", box=None, caption=caption)
    for health in recorder.health:
        rate = _rate(health.effective_sfreq, health.sfreq) if health.sfreq else "now and then"
        table.add_row(
            Text(health.name),
            Text(health.lsl_type),
            str(health.n_samples),
            Text(rate),
            Text(f"{health.longest_gap_s:.3f} s"),
            Text(health.state, "green" if health.state == "streaming" else "yellow"),
        )
    return table
