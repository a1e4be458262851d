"""A Cyton is reset and asked what sits on it before it is read."""

import asyncio
import os

import numpy as np
import pytest

from affectbio.acquire.dialogues import CytonDialogue
from affectbio.acquire.drivers import make_driver
from affectbio.devices import load_device
from tests.acquire.decoders.test_decoders import cyton_frame
from tests.acquire.fakes.session import QUICK, running, until
from tests.acquire.fakes.sink import Gathered

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")


def session(work, answer, profile="openbci-cyton"):
    from tests.acquire.fakes.terminal import Cyton

    sink = Gathered()
    with Cyton(answer) as cyton:

        async def run():
            cyton.listen()
            driver = make_driver(load_device(profile), [sink], address=cyton.port, backoff=QUICK)
            async with running(driver):
                await work(cyton, driver, sink)
            asyncio.get_running_loop().remove_reader(cyton.master)

        asyncio.run(run())
        return cyton, sink


def said(sink, words):
    return any(words in word for word in sink.words)


@pytest.mark.parametrize(("profile", "n_chans"), [("openbci-cyton", 8), ("openbci-cyton-daisy", 16)])
def test_it_is_reset_checked_and_started(profile, n_chans):
    from tests.acquire.fakes.terminal import BOARD, DAISY

    async def work(cyton, driver, sink):
        # Frames of a session that was never stopped.
        cyton.send(cyton_frame(200, range(8)))
        await until(lambda: driver.n_connections == 1)
        for k in range(1, 41):
            cyton.send(cyton_frame(k, [k] * 8))
        await until(lambda: driver.counts[0].n_samples == (40 if n_chans == 8 else 20))
        assert driver.n_bad <= 1

    cyton, sink = session(work, BOARD if n_chans == 8 else DAISY, profile)
    assert cyton.heard[:3] == b"svb"
    assert len(sink.of(0)[0]) == n_chans
    counts = sink.of(0)[0] / (4.5 / (2**23 - 1) / 24)
    assert np.allclose(counts[0], np.arange(1, 41) if n_chans == 8 else np.arange(1, 41, 2))


@pytest.mark.parametrize(
    ("profile", "with_daisy", "words"),
    [
        ("openbci-cyton", True, "expected a Cyton without a Daisy, found 'OpenBCI V3 8-16 channel On Board"),
        ("openbci-cyton-daisy", False, "expected a Cyton with a Daisy, found"),
    ],
)
def test_a_board_of_another_kind_is_refused_and_the_right_profile_named(profile, with_daisy, words):
    from tests.acquire.fakes.terminal import BOARD, DAISY

    async def work(cyton, driver, sink):
        await until(lambda: said(sink, words))
        assert driver.n_connections == 0

    _, sink = session(work, DAISY if with_daisy else BOARD, profile)
    assert said(sink, "use openbci-cyton-daisy" if with_daisy else "use openbci-cyton")


def test_a_board_that_is_off_is_told_by_the_dongle():
    from tests.acquire.fakes.terminal import BOARD, OFF

    async def work(cyton, driver, sink):
        await until(lambda: said(sink, "the dongle answers, and the board does not (Failure: Communications timeout"))
        cyton.answer = BOARD
        await until(lambda: driver.n_connections == 1)

    session(work, OFF)


def test_a_board_that_says_nothing_is_told_and_read(monkeypatch):
    monkeypatch.setattr(CytonDialogue, "timeout_s", 0.05)

    async def work(cyton, driver, sink):
        await until(lambda: driver.n_connections == 1)
        assert said(sink, "does not answer what it is within 0.05 s; started all the same")
        cyton.send(cyton_frame(1, range(8)))
        await until(lambda: driver.counts[0].n_samples == 1)

    session(work, b"")
