"""Boards that brainflow reads, as a transport and a decoder of ours: its numbers, our stamps.

brainflow stamps samples when they arrive, or spreads them between two arrivals, and so passes the radio's jitter on
(``muse.cpp``, ``emotibit.cpp``); here the number it keeps of every packet goes through `Timebase` instead. What the
number is, and in which unit movement comes, differs from board to board: the boards of `_NUMBERS` and `_MOTION` were
looked up in brainflow's sources (``cyton.cpp``, ``cyton_daisy.cpp``, ``muse.cpp``) or seen to be so (the synthetic
one). Of others samples are taken to be unnumbered, and movement is passed on in whatever unit it comes.
"""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np

from affectbio._optional import require
from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.decoders import Packet
from affectbio.acquire.dialogues import Words
from affectbio.acquire.driver import Driver, Sink
from affectbio.acquire.transport.base import Deliver, Lost
from affectbio.devices import Device, list_devices, load_device
from affectbio.errors import ConfigError, MissingExtraError, StreamError
from affectbio.montage import electrode_position
from affectbio.registry import unknown_name

__all__ = ["BrainflowDecoder", "BrainflowTransport", "Layout", "board_device", "make_brainflow_driver"]

_SYNTHETIC, _PLAYBACK = -1, -3
# brainflow keeps samples until they are fetched; a millisecond or two of waiting on average.
_EVERY_S = 0.004
_MUSES = (38, 39, 41)

# By board and preset: how many values the number has, samples that share one, and by how much it rises.
_NUMBERS = {
    **{(_SYNTHETIC, preset): (256, 1, 1) for preset in (0, 1)},
    (0, 0): (256, 1, 1),
    # Two packets make a sample; it has the number of the first, which is odd.
    (2, 0): (128, 1, 2),
    **{(board, 0): (2**16, 12, 1) for board in _MUSES},
    **{(board, 1): (2**16, 3, 1) for board in _MUSES},
}
# Boards whose movement is in g and degrees a second.
_MOTION = (0, 2, *_MUSES)
# Rows of brainflow's descriptor, what they are called here, and as what they are passed on.
_KINDS = (
    ("eeg_channels", "eeg", "eeg", "EEG", "uV"),
    ("ecg_channels", "ecg", "ecg", "ECG", "uV"),
    ("emg_channels", "emg", "emg", "EMG", "uV"),
    ("eog_channels", "eog", "eog", "EOG", "uV"),
    ("ppg_channels", "ppg", "ppg", "PPG", "counts"),
    ("accel_channels", "acc", "acc", "ACC", "g"),
    ("gyro_channels", "gyro", "gyro", "GYRO", "deg/s"),
    ("eda_channels", "eda", "misc", "EDA", "a.u."),
    ("temperature_channels", "temperature", "misc", "TEMP", "a.u."),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """What one preset of a board gives.

    Parameters
    ----------
    n_rows : int
        Rows of brainflow's array.
    streams : tuple of (str, tuple of int)
        What is passed on: its name in the profile, and its rows.
    number : int
        Row of the packet's number; -1 where it tells nothing.
    together : int
        Samples that share a number.
    step : int
        By how much the number rises.
    """

    n_rows: int
    streams: tuple[tuple[str, tuple[int, ...]], ...]
    number: int = -1
    together: int = 1
    step: int = 1


class BrainflowDecoder:
    """Arrays of brainflow, cut into packets.

    Parameters
    ----------
    layouts : dict of str to Layout
        By preset: ``{"0": ...}``.

    Examples
    --------
    >>> decoder = BrainflowDecoder({"0": Layout(2, (("eeg", (1,)),), number=0, together=2)})
    >>> array = np.array([[7.0, 7.0, 8.0], [1.0, 2.0, 3.0]])
    >>> [(p.stream, p.count, p.data.tolist()) for p in decoder.feed(array.tobytes(), "0")]
    [('eeg', 7, [[1.0, 2.0]])]
    """

    def __init__(self, layouts: dict[str, Layout]) -> None:
        self.layouts = layouts
        self.n_bad = 0
        self._rest = {preset: np.empty((layout.n_rows, 0)) for preset, layout in layouts.items()}

    def feed(self, data: bytes, source: str = "") -> list[Packet]:
        """Take an array of a preset in; see `affectbio.acquire.decoders.Decoder.feed`."""
        layout = self.layouts.get(source)
        if layout is None or len(data) % (8 * layout.n_rows):
            self.n_bad += 1
            return []
        rows = np.concatenate([self._rest[source], np.frombuffer(data).reshape(layout.n_rows, -1)], axis=1)
        numbers = np.nan_to_num(rows[layout.number]).astype(np.int64) // layout.step if layout.number >= 0 else None
        packets: list[Packet] = []
        at, n = 0, rows.shape[1]
        while n - at >= layout.together:
            stop = at + layout.together
            if numbers is not None and (numbers[at:stop] != numbers[at]).any():
                # Some of its samples never came.
                self.n_bad += 1
                at += int(np.argmax(numbers[at:stop] != numbers[at]))
                continue
            count = None if numbers is None else int(numbers[at])
            packets += [Packet(stream, rows[list(which), at:stop], count) for stream, which in layout.streams]
            at = stop
        self._rest[source] = rows[:, at:].copy()
        return packets


class BrainflowTransport:
    """A board of brainflow as a link.

    Parameters
    ----------
    board : int
        Number of the board.
    presets : sequence of int
        Which of its presets to read.
    params : dict
        Fields of brainflow's ``BrainFlowInputParams``: ``{"serial_port": "/dev/ttyUSB0"}``.
    title : str
        What to call it in messages.
    """

    def __init__(self, board: int, presets: Sequence[int], params: dict[str, Any], title: str) -> None:
        self.board, self.presets, self.params, self.title = board, tuple(presets), dict(params), title
        self._session: Any = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, deliver: Deliver, lost: Lost) -> None:
        """Connect; see `affectbio.acquire.transport.Transport`."""
        shim = _board_shim()
        params = shim.BrainFlowInputParams()
        for name, value in self.params.items():
            setattr(params, name, value)
        session = shim.BoardShim(self.board, params)

        def start() -> None:
            session.prepare_session()
            try:
                session.start_stream()
            except shim.BrainFlowError:
                session.release_session()
                raise

        starting = asyncio.get_running_loop().run_in_executor(None, start)
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            # brainflow goes on connecting, and would hold the board for as long as this process lives.
            self._session = session
            await asyncio.gather(starting, return_exceptions=True)
            raise
        except shim.BrainFlowError as error:
            raise StreamError(
                f"brainflow does not connect to {self.title}: {error}. Is it on, near, charged and not connected to "
                f"another program, or already open in this one?"
            ) from error
        self._session = session

        async def read() -> None:
            while True:
                for preset in self.presets:
                    try:
                        array = session.get_board_data(preset=preset)
                    except shim.BrainFlowError as error:
                        lost(f"brainflow lost {self.title}: {error}")
                        return
                    if array.shape[1]:
                        deliver(np.ascontiguousarray(array, np.float64).tobytes(), str(preset), local_clock())
                await asyncio.sleep(_EVERY_S)

        self._task = asyncio.get_running_loop().create_task(read())

    async def write(self, data: bytes, target: str = "") -> None:
        """Refuse: brainflow itself says what a board must be told; see `affectbio.acquire.transport.Transport`."""
        raise StreamError(f"{self.title} is told what to do by brainflow; found {data!r} to be sent")

    async def close(self) -> None:
        """Disconnect; see `affectbio.acquire.transport.Transport`."""
        session, self._session = self._session, None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if session is None:
            return
        error = _board_shim().BrainFlowError

        def end() -> None:
            # One that is gone cannot be told; its session must be given up all the same.
            with suppress(error):
                session.stop_stream()
            with suppress(error):
                session.release_session()

        await asyncio.get_running_loop().run_in_executor(None, end)


def make_brainflow_driver(text: str, sinks: Sequence[Sink], *, address: str | None = None, **options: Any) -> Driver:
    """Put a driver together for a board of brainflow.

    Parameters
    ----------
    text : str
        ``"brainflow:"``, a profile with a brainflow id, or that id, and behind ``?`` what brainflow must know of it, as
        its ``BrainFlowInputParams`` call it: ``"brainflow:synthetic"``,
        ``"brainflow:openbci-cyton?serial_port=/dev/ttyUSB0"``, ``"brainflow:38?mac_address=AA:BB:CC:DD:EE:FF"``.
        ``"brainflow:playback?file=session.csv&board=openbci-cyton"`` plays a file of brainflow's; ``board`` says what
        was recorded, the synthetic board if not given.
    sinks : sequence of Sink
        Where samples go.
    address : str, optional
        Serial port, Bluetooth address or host, as the profile says.
    **options
        Further arguments of `affectbio.acquire.driver.Driver`.

    Returns
    -------
    Driver
        To be run in an asyncio loop.

    Raises
    ------
    MissingExtraError
        If brainflow is not installed, or does not load.
    ConfigError
        If there is no such board, a parameter is not known, or the file to play is not of that board.
    """
    name, _, query = text.removeprefix("brainflow:").partition("?")
    shim = _board_shim()
    given = dict(parse_qsl(query, keep_blank_values=True))
    board, profile = _board(name)
    recorded = given.pop("board", None)
    params = _params(shim, given, profile, address)
    source, source_profile = board, profile
    if board == _PLAYBACK:
        source, source_profile = _board(recorded or "synthetic")
        params["master_board"] = source
        _check_file(shim, params.get("file", ""), source, recorded)
    elif recorded is not None:
        raise ConfigError(f"{text}: 'board' says what a file was recorded from; only playback takes it")
    presets = _presets(shim, source, params, board)
    descriptions = {preset: shim.BoardShim.get_board_descr(source, preset) for preset in presets}
    device, layouts = board_device(source, descriptions, source_profile)
    if board == _PLAYBACK:
        # A file that has ended is silent; connecting anew would play it from its beginning.
        options.setdefault("lost_s", math.inf)
    link = BrainflowTransport(board, presets, params, device.title)
    return Driver(device, link, lambda: BrainflowDecoder(layouts), Words(), sinks, **options)


def board_device(
    board: int, descriptions: dict[int, dict[str, Any]], profile: Device | None = None
) -> tuple[Device, dict[str, Layout]]:
    """Say what a board streams.

    Parameters
    ----------
    board : int
        Number of the board.
    descriptions : dict of int to dict
        brainflow's descriptor of each preset.
    profile : Device, optional
        Its profile, for title, maker and names of channels that brainflow does not give.

    Returns
    -------
    device : Device
        A profile of what brainflow makes of the board.
    layouts : dict of str to Layout
        Where in brainflow's arrays the streams are, by preset.

    Raises
    ------
    ConfigError
        If nothing that it streams is known here.

    Examples
    --------
    >>> board = {"num_rows": 4, "package_num_channel": 0, "eeg_channels": [1, 2], "eeg_names": "C3,C4", "name": "x",
    ...          "sampling_rate": 250}
    >>> device, layouts = board_device(0, {0: board})
    >>> device.streams[0].channels, device.streams[0].wrap, layouts["0"].streams
    (('C3', 'C4'), 256, (('eeg', (1, 2)),))
    """
    streams: list[dict[str, Any]] = []
    layouts: dict[str, Layout] = {}
    for preset, description in sorted(descriptions.items()):
        wrap, together, step = _NUMBERS.get((board, preset), (None, 1, 1))
        rows_of: list[tuple[str, tuple[int, ...]]] = []
        taken: set[int] = set()
        for rows_key, key, kind, lsl_type, unit in _KINDS:
            rows = tuple(description.get(rows_key, ()))
            # Amplifiers offer the same rows as EEG, ECG and EMG: what they are is what they are first.
            if not rows or taken & set(rows):
                continue
            taken.update(rows)
            names, placed = _names(key, len(rows), description, profile)
            if (kind in ("acc", "gyro") and board not in _MOTION) or (kind == "eeg" and not placed):
                kind, unit = "misc", unit if kind == "eeg" else "a.u."
            key = f"{key}-{preset}" if any(stream["carries"] == key for stream in streams) else key
            streams.append(
                {
                    "kind": kind,
                    "lsl_type": lsl_type,
                    "sfreq": description["sampling_rate"],
                    "unit": unit,
                    "lsb": 1.0,
                    "channels": names,
                    "packet": together,
                    "clock": "none" if wrap is None else "counter",
                    "source": "brainflow's board descriptor",
                    "carries": key,
                    "wrap": wrap,
                }
            )
            rows_of.append((key, rows))
        number = -1 if wrap is None else int(description["package_num_channel"])
        layouts[str(preset)] = Layout(int(description["num_rows"]), tuple(rows_of), number, together, step)
    if not streams:
        raise ConfigError(f"brainflow's board {board} streams nothing that affectbio knows")
    name = descriptions[min(descriptions)]["name"]
    device = Device.model_validate(
        {
            "title": f"{profile.title if profile else name}, through brainflow",
            "maker": profile.maker if profile else "",
            "verified": "no",
            "link": profile.link if profile else {"kind": "usb"},
            "streams": streams,
            "brainflow": board,
        }
    )
    return device, layouts


def _names(key: str, n: int, description: dict[str, Any], profile: Device | None) -> tuple[tuple[str, ...], bool]:
    """Name the channels; say whether all are electrodes with a place."""
    if key != "eeg":
        return ("X", "Y", "Z") if n == 3 and key in ("acc", "gyro") else tuple(f"{key}{i + 1}" for i in range(n)), False
    named = [tuple(str(description.get("eeg_names", "")).split(","))]
    if profile is not None:
        named.insert(0, next((stream.channels for stream in profile.streams if stream.lsl_type == "EEG"), ()))
    for names in named:
        if len(set(names)) == n and all(electrode_position(name) is not None for name in names):
            return names, True
    return tuple(f"EEG{i + 1}" for i in range(n)), False


def _board(name: str) -> tuple[int, Device | None]:
    """Give number and profile of a board."""
    known = {profile: device.brainflow for profile, device in _profiles().items()}
    if name.lstrip("-").isdecimal():
        profile = next((p for p, number in known.items() if number == int(name)), None)
        return int(name), load_device(profile) if profile else None
    name = {"synthetic": "brainflow-synthetic"}.get(name, name)
    if name not in known:
        raise unknown_name("profile with a brainflow id", name, [*known, "synthetic"])
    return int(known[name] or 0), load_device(name)


def _profiles() -> dict[str, Device]:
    devices = {name: load_device(name) for name in list_devices()}
    return {name: device for name, device in devices.items() if device.brainflow is not None}


def _params(shim: Any, given: dict[str, str], profile: Device | None, address: str | None) -> dict[str, Any]:
    fields = vars(shim.BrainFlowInputParams())
    params: dict[str, Any] = {}
    for name, value in given.items():
        if name not in fields:
            raise unknown_name("parameter of brainflow", name, [*fields, "board"])
        if isinstance(fields[name], int) and not value.lstrip("-").isdecimal():
            raise ConfigError(f"brainflow's {name} is {value!r}; expected a whole number")
        params[name] = int(value) if isinstance(fields[name], int) else value
    if address:
        where = {"serial": "serial_port", "ble": "mac_address", "udp": "ip_address", "tcp": "ip_address"}
        kind = profile.link.kind if profile else ""
        if kind not in where:
            raise ConfigError(f"found address {address!r}; say which of brainflow's parameters it is: ?serial_port=...")
        params[where[kind]] = address
    return params


def _presets(shim: Any, source: int, params: dict[str, Any], board: int) -> list[int]:
    # Asking for the descriptor of a preset that a board lacks spoils that board for the process (brainflow 5.23.0).
    presets = sorted(shim.BoardShim.get_board_presets(source))
    if board != _PLAYBACK:
        return presets
    files = {0: "file", 1: "file_aux", 2: "file_anc"}
    return [preset for preset in presets if params.get(files[preset])]


def _check_file(shim: Any, file: str, source: int, recorded: str | None) -> None:
    """Refuse a file with another board's number of columns; more of what it was recorded from it does not say."""
    path = Path(file)
    if not file or not path.is_file():
        raise ConfigError(f"brainflow:playback needs a file that brainflow wrote: ?file=session.csv; found {file!r}")
    with path.open(encoding="utf-8", errors="replace") as lines:
        n_columns = len(lines.readline().strip().replace(",", "\t").split("\t"))
    expected = int(shim.BoardShim.get_board_descr(source, 0)["num_rows"])
    if n_columns != expected:
        raise ConfigError(
            f"{file} has {n_columns} columns and files of brainflow's board {recorded or 'synthetic'} have {expected}: "
            f"say what it was recorded from: &board=openbci-cyton"
        )


def _board_shim() -> Any:
    """Import brainflow with a library that loads."""
    shim = require("brainflow.board_shim", "brainflow")
    try:
        with warnings.catch_warnings():
            # Before Python 3.12 brainflow finds its library with pkg_resources, which warns that it will go.
            warnings.simplefilter("ignore")
            shim.BoardShim.set_log_level(shim.LogLevels.LEVEL_OFF)
    except (ImportError, OSError) as error:
        # brainflow issues 704 and 789; can go once brainflow reads its own package with importlib before 3.12.
        raise MissingExtraError(
            f'brainflow does not find its library ({error}); install it with: pip install "affectbio[brainflow]", '
            f'which before Python 3.12 also brings "setuptools<82"; on Linux for arm64 it has none'
        ) from error
    return shim
