"""A simulated device that plays into a driver's sinks, through the driver itself: packets, timebase, lost links."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from affectbio.acquire._liblsl import local_clock
from affectbio.acquire.dialogues import Words
from affectbio.acquire.driver import Backoff, Driver, DriverState, Sink, StreamCounts
from affectbio.acquire.simulate.affect import AFFECT_HZ, Coupling, Person
from affectbio.acquire.simulate.eeg import Artefacts
from affectbio.acquire.simulate.link import Due, Link, LinkFaults, RelayDecoder
from affectbio.acquire.simulate.source import Simulation
from affectbio.acquire.simulate.truth import AFFECT_CHANNELS
from affectbio.devices import Device
from affectbio.errors import ConfigError

if TYPE_CHECKING:
    from affectbio.types import Recording

__all__ = ["SimulatedDevice"]


class SimulatedDevice:
    """A device of a profile on a simulated person, as a source in an asyncio loop or as a recording.

    Parameters
    ----------
    device : Device
        Its profile.
    person : Person, optional
        Who wears it.
    state, seed, artefacts, coupling
        As for `Simulation`.
    sinks : sequence of Sink
        Where samples go, as from a `Driver`: packets of the profile, stamped by its timebase.
    truth : sequence of Sink
        Where valence and arousal go, as stream 0 at 10 Hz, and events as status, at their true times.
    faults : LinkFaults, optional
        What the link does to the packets.
    speed : float
        How many times faster than life; inf is without waiting. Stamps run as in life, see `ReplayClock`.
    backoff : Backoff, optional
        Waits between attempts to connect again.
    on_state : callable, optional
        As for `Driver`.

    Raises
    ------
    ConfigError
        If a state is not known, nothing can be simulated, or the speed is not above zero.

    Examples
    --------
    >>> from affectbio.devices import load_device
    >>> session = SimulatedDevice(load_device("epoc-x"), state=[("rest", 20.0), ("stress", 20.0)], seed=1)
    >>> recording = session.recording(40.0)
    >>> recording.signals["eeg"].data.shape, recording.signals["affect"].data.shape
    ((14, 5120), (2, 400))
    """

    def __init__(
        self,
        device: Device,
        person: Person | None = None,
        *,
        state: str | Sequence[tuple[str, float]] = "rest",
        seed: int = 0,
        artefacts: Artefacts | None = None,
        coupling: Coupling | None = None,
        sinks: Sequence[Sink] = (),
        truth: Sequence[Sink] = (),
        faults: LinkFaults | None = None,
        speed: float = 1.0,
        backoff: Backoff | None = None,
        on_state: Callable[[DriverState, str], None] | None = None,
    ) -> None:
        if not speed > 0:
            raise ConfigError(f"speed is {speed!r}; expected a number above 0")
        self.device, self.person, self.truth, self.speed = device, person or Person(), tuple(truth), speed
        self.faults = faults or LinkFaults()
        self._seed = seed
        self._simulation: Callable[[], Simulation] = lambda: Simulation(
            device, self.person, state=state, seed=seed, artefacts=artefacts, coupling=coupling
        )
        self._plan = state
        self._link = Link()
        self._driver = Driver(
            device, self._link, RelayDecoder, Words(), sinks, backoff=backoff, on_state=on_state, seed=seed
        )
        self._stopping = False
        self._simulation()  # what cannot be simulated is refused here, not when it runs

    @property
    def state(self) -> DriverState:
        """As of `Driver`."""
        return self._driver.state

    @property
    def counts(self) -> tuple[StreamCounts, ...]:
        """How each stream goes, in the order of the profile."""
        return self._driver.counts

    @property
    def battery(self) -> float:
        """In percent; NaN while the device has not said."""
        return self._driver.battery

    @property
    def n_connections(self) -> int:
        """How often a link was made."""
        return self._driver.n_connections

    def stop(self) -> None:
        """End `run`, from within the loop."""
        self._stopping = True
        self._driver.stop()

    async def run(self, duration_s: float = math.inf) -> None:
        """Play a session from its beginning, until `stop` or for some seconds of it.

        Parameters
        ----------
        duration_s : float
            How long, in seconds of the session.

        Raises
        ------
        Exception
            What a sink raised.
        """
        self._stopping, self._link.away = False, False
        self._link.opened = asyncio.Event()
        loop = asyncio.get_running_loop()
        driver, player = loop.create_task(self._driver.run()), loop.create_task(self._play(duration_s))
        try:
            await asyncio.wait((driver, player), return_when=asyncio.FIRST_COMPLETED)
            self._driver.stop()
            await driver
            if player.done():
                player.result()
        finally:
            for task in (driver, player):
                task.cancel()
            await asyncio.gather(driver, player, return_exceptions=True)

    async def _play(self, duration_s: float) -> None:
        await self._link.opened.wait()
        start, simulation, due = (
            local_clock(),
            self._simulation(),
            Due(self.device, self._link, self.faults, self.truth, self._seed),
        )
        second = 0
        while second < duration_s and not self._stopping:
            length = min(1.0, duration_s - second)
            due.add(simulation.read(length), start)
            second += 1
            for true_s, act in due.until(second if second < duration_s else math.inf):
                wait_s = start + true_s / self.speed - local_clock()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                if self._stopping:
                    return
                act()
            # Without waiting, others in the loop must have their turn, and a lost link its chance.
            await asyncio.sleep(0)

    def recording(self, duration_s: float, *, subject: str = "simulated", session: str = "01") -> Recording:
        """Give a session from its beginning at once, as if the link were perfect.

        Parameters
        ----------
        duration_s : float
            How long, in seconds.
        subject, session : str
            Of the recording.

        Returns
        -------
        Recording
            Signals by what they carry, and ``"affect"``: valence and arousal. Events are the states with their
            durations, and everything else that happened (``"beat"``, ``"scr"``, ``"blink"``, …) with none. Streams at
            no regular rate are left out: the beats are among the events.

        Raises
        ------
        ValueError
            If the duration is not above 0.
        """
        import pandas as pd

        from affectbio.types import Recording, Signal

        if not duration_s > 0:
            raise ValueError(f"duration_s is {duration_s!r}; expected more than 0")
        made = self._simulation().read(duration_s)
        signals = {
            stream.key: Signal(data, stream.sfreq, stream.signal_channels())
            for stream, data in zip(self.device.streams, made.data, strict=True)
            if stream.sfreq and data.shape[1]
        }
        signals["affect"] = Signal(made.affect, float(AFFECT_HZ), AFFECT_CHANNELS)
        plan = {self._plan} if isinstance(self._plan, str) else {name for name, _ in self._plan}
        begins = [event.time for event in made.events if event.name in plan]
        ends = dict(zip(begins, [*begins[1:], duration_s], strict=True))
        table = pd.DataFrame(
            {
                "onset": [event.time for event in made.events],
                "duration": [ends[e.time] - e.time if e.name in plan else 0.0 for e in made.events],
                "trial_type": [event.name for event in made.events],
                "size": [event.size for event in made.events],
            }
        )
        meta = {"simulated": True, "seed": self._seed, "person": self.person}
        return Recording(signals, subject, table, session, self.device.title, meta=meta)
