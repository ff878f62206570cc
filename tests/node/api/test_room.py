"""Intake holds no more than there is room for, however many clients come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from node.api.access import Scope
from node.api.problems import ApiError
from node.api.room import Room

if TYPE_CHECKING:
    from aiohttp.test_utils import TestClient
    from aiohttp.web import Application, Request

    Client = TestClient[Request, Application]

PATH = "/api/v1/reports"
NDJSON = {"Content-Type": "application/x-ndjson"}
REPORT = {"source": "public", "items": [{"url": "https://a.example/x"}]}
LINE = json.dumps(REPORT).encode() + b"\n"
Make = Callable[..., Awaitable["Client"]]


@pytest.fixture
def make(local: Any, aiohttp_client: Any) -> Make:
    """Give what makes a client of a node with so much room."""

    async def made(intake_bytes: int) -> Client:
        head = await local.token(Scope.ADMIN)
        client: Client = await aiohttp_client(local.app(intake_bytes=intake_bytes), headers=head)
        return client

    return made


class Slow:
    """A bulk body of unknown length whose last line does not come until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def body(self) -> AsyncIterator[bytes]:
        """Yield a line, and the rest much later."""
        yield LINE
        self.begun.set()
        await self.go.wait()


async def test_beyond_the_room_a_request_is_put_off_and_says_when_to_come_again(
    make: Make,
) -> None:
    """429 with `Retry-After` while another body fills the room; nothing of it was taken in."""
    client, slow = await make(1000), Slow()
    first = asyncio.create_task(client.post(PATH, data=slow.body(), headers=NDJSON))
    try:
        await slow.begun.wait()
        async with asyncio.timeout(5):
            while (refused := await client.post(PATH, json=REPORT)).status != 429:
                assert not first.done()
        assert (await refused.json())["code"] == "intake_busy"
        assert refused.headers["Retry-After"] == "1"
    finally:
        slow.go.set()
    assert (await first).status == 200
    assert (await client.post(PATH, json=REPORT)).status == 201


async def test_a_body_that_stops_coming_gives_its_room_back(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller's machine died without a word; else everybody was put off for ever."""
    monkeypatch.setattr("node.api.bodies.SILENT_S", 0.2)
    client, slow = await make(1000), Slow()
    async with asyncio.timeout(10):
        stopped = await client.post(PATH, data=slow.body(), headers=NDJSON)
        assert (stopped.status, (await stopped.json())["code"]) == (400, "bad_body")
        assert (await client.post(PATH, json=REPORT)).status == 201


async def test_a_body_larger_than_the_room_is_taken_in_when_it_is_alone(make: Make) -> None:
    """Else nobody could ever hand it in."""
    client = await make(10)
    response = await client.post(PATH, data=LINE * 3, headers=NDJSON)
    assert response.status == 200
    assert len((await response.read()).splitlines()) == 3


async def test_room_is_given_back_by_a_request_that_is_refused(make: Make) -> None:
    """A bad body that says no length, and so fills the room, again and again."""
    client = await make(1000)

    async def bad() -> AsyncIterator[bytes]:
        yield b"{"

    for _ in range(3):
        head = {"Content-Type": "application/json"}
        assert (await client.post(PATH, data=bad(), headers=head)).status == 400


def test_what_is_reserved_counts_until_it_is_given_back() -> None:
    """Of two that fit only one at a time the second is let in after the first."""
    room = Room(100)
    with room.reserve(60):
        with pytest.raises(ApiError, match="moment"), room.reserve(60):
            raise AssertionError
        with room.reserve(40):
            pass
    with room.reserve(60):
        pass


def test_room_is_given_back_when_the_work_fails() -> None:
    """Whatever it was."""
    room = Room(100)
    with pytest.raises(ZeroDivisionError), room.reserve(100):
        raise ZeroDivisionError
    with room.reserve(100):
        pass
