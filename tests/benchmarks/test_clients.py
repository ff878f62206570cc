"""The measuring client reads what a server of the node's kind answers, however it is cut up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchmarks.clients import connect, post, rate

BODY = b'{"id":"gb-iwf.1"}'
ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 17\r\n\r\n" + BODY
REFUSAL = b"HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\n\r\nno"
REQUEST = post("/reports", b"{}", "token")


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer by what is asked for: whole, byte by byte, refused, or not at all."""
    while raw := await reader.read(65536):
        if b"/refused" in raw:
            writer.write(REFUSAL)
        elif b"/gone" in raw:
            break
        elif b"/slowly" in raw:
            for n in range(len(ANSWER)):
                writer.write(ANSWER[n : n + 1])
                await writer.drain()
        else:
            writer.write(ANSWER)
    writer.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server on loopback."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_an_answer_in_pieces_is_put_together(port: int) -> None:
    """Its length says when it is whole."""
    one = await connect(port)
    assert await one.ask(post("/slowly", b"{}")) == BODY
    one.close()


async def test_a_connection_is_used_again(port: int) -> None:
    """Keep-alive: what is measured is not the opening of connections."""
    one = await connect(port)
    assert [await one.ask(REQUEST) for _ in range(3)] == [BODY] * 3
    one.close()


async def test_a_refusal_stops_the_measurement(port: int) -> None:
    """Errors are answered fast: counting them would make a broken node look quick."""
    one = await connect(port)
    with pytest.raises(AssertionError, match="409"):
        await one.ask(post("/refused", b"{}"))
    one.close()


async def test_a_connection_that_ends_stops_the_measurement(port: int) -> None:
    """Nobody waits for ever."""
    one = await connect(port)
    with pytest.raises(ConnectionResetError):
        await one.ask(post("/gone", b"{}"))


async def test_a_rate_counts_every_answer(port: int) -> None:
    """All requests are answered before the clock stops."""
    assert await rate(port, [REQUEST] * 40, clients=4) > 0
