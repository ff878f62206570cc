"""A node that opens its store for long: what it says, to whom, and how it is stopped."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from node.beginning import open_store
from node.cli.looking import STEPS
from node.config import load
from node.config.edit import change_file
from node.config.sections import Config
from node.store.sqlite import Store
from node.store.upgrade.carrying_over import NAMES
from node.store.upgrade.upgrading import Step, Upgrade
from tests.node.cli.conftest import Typing

AT: Step = Step("verdicts", 250_000, 1_000_000)
WORDS = f"step {STEPS['verdicts']}: 25 %"


class Opener:
    """Opens no store, and stands at one step until it is told to go on."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.goes_on = threading.Event()
        self.upgrade = Upgrade()

    def __call__(self, upgrade: Upgrade) -> Store:
        """Come to the step, wait there, and leave it; raise then what ends the test."""
        self.upgrade = upgrade
        upgrade.reach(AT)
        self.is_there.set()
        self.goes_on.wait()
        upgrade.reach(AT)
        raise FileNotFoundError


@pytest.fixture
def config(member: Config) -> Config:
    """Give a node whose local listener has a port that is free."""
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port = found.getsockname()[1]
    change_file(member.source, "api", {"listen_port": port})
    return load(member.source)


class Beginning:
    """A node that opens its store."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.opener = Opener()
        self.stop = asyncio.Event()
        opening = open_store(config, self.opener, self.stop, at_once_s=0.0)
        self.node = asyncio.create_task(opening)

    def ask(self, method: str, path: str) -> tuple[int, str | None, dict[str, Any]]:
        """Ask the local listener; give status, `Retry-After` and body."""
        host, port = self.config.api.listen_host, self.config.api.listen_port
        with closing(http.client.HTTPConnection(host, port, timeout=30)) as connection:
            connection.request(method, path, body=b"{}" if method == "POST" else None)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Retry-After"), json.loads(answer.read())

    async def heard(self, method: str, path: str) -> tuple[int, str | None, dict[str, Any]]:
        """As `ask`, beside the loop that answers; the listener opens in its own time."""
        while True:
            try:
                return await asyncio.to_thread(self.ask, method, path)
            except ConnectionRefusedError:
                assert not self.node.done()


@pytest.fixture
async def beginning(config: Config) -> AsyncIterator[Beginning]:
    """Give a node that stands at a step of its upgrade."""
    made = Beginning(config)
    await asyncio.to_thread(made.opener.is_there.wait)
    yield made
    made.stop.set()
    made.opener.goes_on.set()
    await asyncio.gather(made.node, return_exceptions=True)


async def test_r11_readiness_says_which_step_the_upgrade_is_at(beginning: Beginning) -> None:
    """It lives and is not ready; in numbers, for scripts."""
    status, _, body = await beginning.heard("GET", "/readyz")
    step = {"name": "verdicts", "done": 250_000, "of": 1_000_000}
    assert (status, body) == (503, {"status": "waiting", "missing": ["store"], "step": step})
    assert (await beginning.heard("GET", "/healthz"))[0] == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/reports"), ("GET", "/api/v1/x")])
async def test_r11_callers_are_told_to_ask_again(
    beginning: Beginning, method: str, path: str
) -> None:
    """Not that there is nothing under that path."""
    status, later, body = await beginning.heard(method, path)
    assert (status, body["code"]) == (503, "starting")
    assert later is not None


async def test_r11_status_and_doctor_say_it_in_words(
    beginning: Beginning, capsys: pytest.CaptureFixture[str]
) -> None:
    """How far it is; and that nobody has to do anything."""
    await beginning.heard("GET", "/healthz")
    typed = Typing(beginning.config, capsys)
    assert (await typed("status"))[1]["upgrades"] == WORDS
    findings = (await typed("doctor"))[1]["findings"]
    (found,) = [one for one in findings if one["check"] == "process"]
    assert (found["code"], found["severity"]) == ("store_upgrades", "warning")
    assert WORDS in found["what"]


async def test_r11_a_node_that_is_stopped_ends_behind_the_piece_at_hand(
    beginning: Beginning,
) -> None:
    """Nothing is wrong, so nothing is raised; the listener is gone."""
    await beginning.heard("GET", "/healthz")
    beginning.stop.set()
    while not beginning.opener.upgrade.is_broken_off:  # noqa: ASYNC110 - told to a thread
        await asyncio.sleep(0)
    beginning.opener.goes_on.set()
    assert await beginning.node is None
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(beginning.ask, "GET", "/healthz")


async def test_r11_what_ends_the_opening_is_raised(beginning: Beginning) -> None:
    """As it is without anybody waiting."""
    beginning.opener.goes_on.set()
    with pytest.raises(FileNotFoundError):
        await beginning.node


async def test_r11_a_port_that_is_taken_stops_no_upgrade(config: Config) -> None:
    """Who starts the listener proper says so afterwards."""
    with closing(socket.create_server((config.api.listen_host, config.api.listen_port))):
        made = Beginning(config)
        await asyncio.to_thread(made.opener.is_there.wait)
        made.opener.goes_on.set()
        with pytest.raises(FileNotFoundError):
            await made.node


def test_r11_every_step_has_its_words() -> None:
    """In the order in which they come."""
    assert tuple(STEPS) == ("copy", "check", "schema", *NAMES)
