"""Answers to requests that could not be read hold nothing of them."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from node.listening import QuietRunner, serve

CANARY = b"canary-4711"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + CANARY + b" HTTP/9.9\r\n\r\n",
        b"GET http://" + CANARY + b".example\x00/ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + CANARY + b"\x01: x\r\n\r\n",
        CANARY + b"\r\n\r\n",
    ],
)
async def test_malformed_request_is_not_repeated_to_its_sender(request_bytes: bytes) -> None:
    """The status says enough; the bytes may be an address."""
    runner = QuietRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(request_bytes)

    answer = await reader.read()

    writer.close()
    await writer.wait_closed()
    await runner.cleanup()
    assert answer.startswith(b"HTTP/1.")
    assert b" 400 " in answer
    assert CANARY not in answer


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: nl-eokm.example\r\nX: "])
async def test_g11_silent_connection_is_cut_off(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first request, and within its headers: whatever listener it is."""
    monkeypatch.setattr("node.listening.SILENT_S", 0.2)
    runner = await serve(web.Application(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(sent)

    async with asyncio.timeout(10):
        assert await reader.read() == b""

    writer.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://xn--example/ HTTP/1.1",
        b"GET http://[2001:db8::1]:99@/ HTTP/1.1",
        b"CONNECT ",
    ],
)
async def test_g11_request_of_which_nothing_can_be_made_ends_its_connection(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would wait for the next one, and the connection would be held for ever."""
    runner = QuietRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(line + b"\r\nHost: nl-eokm.example\r\n\r\n")

    async with asyncio.timeout(10):
        answer = await reader.read()

    writer.close()
    await writer.wait_closed()
    await runner.cleanup()
    assert answer == b""
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []
