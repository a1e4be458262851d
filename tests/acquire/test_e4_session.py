"""The E4 streaming server: asked for its devices, bound to one, and heard when it loses it."""

import asyncio

import numpy as np
import pytest

from affectbio.acquire.dialogues import E4Dialogue
from affectbio.acquire.drivers import make_driver
from affectbio.devices import load_device
from tests.acquire.fakes.e4 import E4Server
from tests.acquire.fakes.session import QUICK, running, until
from tests.acquire.fakes.sink import Gathered


def driver_of(server, sink, which=""):
    host, port = server.address
    return make_driver(load_device("e4"), [sink], address=f"{host}:{port}" + which, backoff=QUICK)


def session(work, server=None, which=""):
    """Run ``work(server, driver, sink)`` while the driver runs."""
    server, sink = server or E4Server(), Gathered()

    async def run():
        async with server:
            driver = driver_of(server, sink, which)
            async with running(driver):
                await work(server, driver, sink)

    asyncio.run(run())
    return server, sink


def said(sink, words):
    return any(words in word for word in sink.words)


def test_it_is_asked_bound_subscribed_and_given_back():
    async def work(server, driver, sink):
        await until(lambda: driver.n_connections == 1)
        assert server.subscribed == {"bvp", "gsr", "tmp", "acc", "ibi"}
        assert not server.paused
        server.send("E4_Gsr 1.0 0.25\r\nE4_Acc 1.0 0 0 64\r\n")
        await until(lambda: 3 in sink.data)

    server, sink = session(work)
    assert server.heard[:3] == ["device_list", "device_connect 9ff167", "pause ON"]
    assert server.heard[-1] == "device_disconnect"
    assert np.allclose(sink.of(1)[0], 0.25e-6)
    assert np.allclose(sink.of(3)[0][:, 0], [0, 0, 9.80665])


def test_a_server_that_goes_away_and_comes_back():
    async def work(server, driver, sink):
        for number in (1, 2):
            await until(lambda number=number: driver.n_connections == number)
            server.send("E4_Gsr 1.0 0.25\r\n")
            await until(lambda number=number: len(sink.data.get(1, [])) == number)
            server.drop()

    _, sink = session(work)
    assert said(sink, "the server closed the connection")


@pytest.mark.parametrize("line", ["connection lost to device 9ff167", "device 9ff167 turned off via button"])
def test_an_e4_that_the_server_loses_is_lost_and_bound_to_again(line):
    async def work(server, driver, sink):
        await until(lambda: driver.n_connections == 1)
        server.devices.clear()
        server.send(f"R {line}\r\n")
        await until(lambda: said(sink, "has no E4: is one on, near"))
        server.devices.append("9ff167")
        await until(lambda: driver.n_connections == 2)
        server.send("R connection re-established to device 9ff167\r\n")
        await until(lambda: said(sink, "re-established"))

    _, sink = session(work)
    assert said(sink, f"lost: the server says: {line}")


def test_one_of_several_is_chosen_by_its_name():
    async def work(server, driver, sink):
        await until(lambda: driver.n_connections == 1)

    server, _ = session(work, E4Server(["9ff167", "740163"]), "/7401")
    assert "device_connect 740163" in server.heard


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("", r"expected one E4, or a choice that the streaming server has: 9ff167, 740163; give its address as"),
        ("/abc", r"E4 'abc' is not one of those that the streaming server has"),
    ],
)
def test_a_choice_that_is_none_is_told(which, words):
    async def work(server, driver, sink):
        await until(lambda: said(sink, words))

    session(work, E4Server(["9ff167", "740163"]), which)


@pytest.mark.parametrize("command", ["device_connect", "device_subscribe gsr", "pause"])
def test_a_refusal_is_told_with_its_reason(command):
    async def work(server, driver, sink):
        server.refuse[command] = "You are not connected to any device"
        await until(lambda: said(sink, f"refused {command}: You are not connected to any device"))
        server.refuse.clear()
        await until(lambda: driver.n_connections > 0)

    session(work)


def test_a_server_that_does_not_answer_or_answers_nonsense_is_told(monkeypatch):
    monkeypatch.setattr(E4Dialogue, "timeout_s", 0.05)

    class Mute(E4Server):
        def _answer(self, command, *arguments):
            return "something else" if len(self.heard) < 3 else "device_list many | of | them"

    async def work(server, driver, sink):
        await until(lambda: said(sink, "does not answer device_list"))
        await until(lambda: said(sink, "expected a list of devices"))

    session(work, Mute())
