"""What a stranger writes to a listener: whole requests, as bytes, before anybody is asked who."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from aiohttp import web

from node.listening import QuietRunner
from node.peer.http.server import HTTP_BOUNDS
from tests.fuzzing.target import Target

TURNS: Final = 12
"""Of the event loop: more than any request here needs that is whole."""


def targets() -> Iterator[Target]:
    """Yield the target."""
    yield Target("http_request", read_request, (), list(_REQUESTS))


class _Faults(logging.Handler):
    """Keeps what is logged as an error of ours; what a stranger writes is none."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


class _Wire(asyncio.Transport):
    """The end of a connection that takes whatever is answered."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 4711), "sockname": ("192.0.2.2", 8441)})
        self.answered = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.answered += bytes(data)

    def writelines(self, list_of_data: Any) -> None:
        for data in list_of_data:
            self.write(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class _Listener(NamedTuple):
    loop: asyncio.AbstractEventLoop
    runner: QuietRunner
    faults: _Faults


@cache
def _listener() -> _Listener:
    """A listener with the bounds of that for peers; whoever gets through is greeted."""
    loop = asyncio.new_event_loop()
    app = web.Application(handler_args=HTTP_BOUNDS)
    app.router.add_route("*", "/hx1/{rest:.*}", _greet)
    faults, logger = _Faults(), logging.Logger("fuzzed")  # noqa: LOG001 - nobody else's
    logger.addHandler(faults)
    runner = QuietRunner(app, answer_s=1.0, logger=logger)
    loop.run_until_complete(runner.setup())
    return _Listener(loop, runner, faults)


async def _greet(request: web.Request) -> web.Response:
    return web.Response(text=f"{len(request.query_string)} {await request.read()!r}")


def read_request(raw: bytes) -> None:
    """Take a request: it is answered, its end is waited for, or the connection is over."""
    listener = _listener()
    listener.faults.said.clear()
    listener.loop.run_until_complete(_exchange(listener, raw))
    assert listener.faults.said == []


async def _exchange(listener: _Listener, raw: bytes) -> None:
    wire = _Wire()
    handler = listener.runner.handler(lambda: None)
    handler.connection_made(wire)
    handler.data_received(raw)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    task = handler._task_handler  # aiohttp tells it nowhere else
    assert wire.closed or (task is not None and not task.done())
    handler.connection_lost(None)
    await asyncio.sleep(0)


_REQUESTS: Final = (
    b"GET /hx1/hello HTTP/1.1\r\nHost: nl-eokm.example:8441\r\nAccept: */*\r\n\r\n",
    b"GET http://xn--bcher-kva.example:80/hx1/x?a=%41 HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n",
    b"POST http://[2001:db8::1]:99/hx1/y HTTP/1.1\r\nHost: a@b\r\nContent-Length: 3\r\n\r\nabc",
    b"PUT /hx1/z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST /hx1/z HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    b"CONNECT xn--a.example:443 HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
)
