"""Opening the listener: bounded connections, bounded handshakes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from aiohttp import web

from node.peer.http.door import Connections
from node.peer.http.listener import AT_ONCE, listen
from tests.builders.network import member_keys
from tests.node.peer.kit import EOKM, Calls, read_response

Open = Callable[[Connections], Awaitable[Calls]]
REQUEST = b"GET /registry/v1/file HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Give `opened(connections)`, which serves one file and tells how to call it."""
    runners: list[web.AppRunner] = []

    async def start(connections: Connections) -> Calls:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=b"a file")

        app = web.Application()
        app.router.add_get("/registry/v1/file", answer)
        runner = await listen(app, "127.0.0.1", 0, member_keys(EOKM).tls, connections)
        runners.append(runner)
        return Calls(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


async def test_a_full_listener_hangs_up(opened: Open) -> None:
    """Who is connected already is served on."""
    calls = await opened(Connections(most=1))
    reader, first = await calls.open()
    first.write(REQUEST)
    assert (await read_response(reader)).body == b"a file"
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await calls.raw(REQUEST)
    first.write(REQUEST)
    assert (await read_response(reader)).body == b"a file"
    first.close()


async def test_there_is_room_again_when_a_caller_has_gone(opened: Open) -> None:
    """As soon as the listener noticed."""
    calls = await opened(Connections(most=1))
    _, first = await calls.open()
    first.close()
    async with asyncio.timeout(5):
        while (await attempt(calls)) != b"a file":
            pass


async def attempt(calls: Calls) -> bytes:
    """The body of the answer, or nothing if it was hung up."""
    try:
        return (await calls.raw(REQUEST)).body
    except (OSError, asyncio.IncompleteReadError):
        return b""


async def test_a_caller_that_does_not_begin_tls_is_dropped(opened: Open) -> None:
    """Nothing is sent to it, and soon."""
    calls = await opened(Connections(handshake_s=0.05))
    reader, writer = await asyncio.open_connection("127.0.0.1", calls.port)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()


async def test_g11_who_knocks_without_end_holds_up_nobody(opened: Open) -> None:
    """Some are turned away, then those who are inside have their turn; in the end all are."""
    calls = await opened(Connections(new_at_once=0))
    waiting = [socket.create_connection(("127.0.0.1", calls.port)) for _ in range(3 * AT_ONCE)]
    turns = [len(waiting)]
    async with asyncio.timeout(10):
        while waiting:
            await asyncio.sleep(0)
            waiting = [one for one in waiting if not hung_up_on(one)]
            turns.append(len(waiting))
    assert all(before - after <= AT_ONCE for before, after in pairwise(turns))


async def test_g11_who_is_turned_away_makes_those_behind_wait(opened: Open) -> None:
    """Else each of them costs a turn of its own, while those who are inside wait."""
    calls = await opened(Connections(new_at_once=0, breath_s=3600))
    assert await attempt(calls) == b""
    behind = socket.create_connection(("127.0.0.1", calls.port))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not hung_up_on(behind)
    behind.close()


def hung_up_on(caller: socket.socket) -> bool:
    """Whether the listener has closed this connection, which is closed here too then."""
    with suppress(BlockingIOError):
        ended = caller.recv(1, socket.MSG_DONTWAIT) == b""
        caller.close()
        return ended
    return False


async def test_an_address_that_is_taken_is_an_error(opened: Open) -> None:
    """Told at once, with nothing left open."""
    calls = await opened(Connections())
    with pytest.raises(OSError, match=r"(?i)address already in use"):
        await listen(web.Application(), "127.0.0.1", calls.port, member_keys(EOKM).tls)
