"""Listeners that repeat nothing of what they could not read, and wait for nobody for ever.

aiohttp answers a malformed request with the bytes it stumbled over. Those may be an address, so our
listeners answer with the status alone, or as whoever opens them says (`Refusal`). What a caller did
wrong is no error of ours: it is not logged as one. And aiohttp buffers without end for a caller
that does not read its answers; ours hang up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

SILENT_S: Final = 75.0
"""How long a connection may be silent: before its first request, within headers, between requests.
aiohttp's own hour lets whoever opens connections hold every descriptor of the node."""

Refusal = Callable[[int, BaseException | None], web.Response]
"""Makes the answer to what could not be read, of its status and what went wrong (maybe None)."""


_BROKEN = (HttpProcessingError, web.RequestPayloadError)
"""What stands for a body that its sender broke."""

_NO_REQUEST = (ValueError, IndexError, AttributeError)
"""What aiohttp ends in where a request line is one by its letters, and its target is none."""


def _bare(status: int, _: BaseException | None) -> web.Response:
    return web.Response(status=status, text=f"{status} {HTTPStatus(status).phrase}\n")


class _QuietHandler(RequestHandler):
    """Answers what it could not read with a status and nothing else."""

    __slots__ = ("answer_s", "on_lost", "refusal")

    answer_s: float | None
    refusal: Refusal
    on_lost: Callable[[], None] | None

    async def start(self) -> None:
        """See `RequestHandler.start`; a request that cannot be made ends its connection.

        aiohttp reads the host in a target (`GET http://xn--example/`) when it makes the request. If
        that is no name its task is over, nobody waits for the silent any more, and the connection
        would stay open for as long as its caller likes.
        """
        try:
            await super().start()
        except _NO_REQUEST:
            self._hang_up()
        except Exception:
            self.force_close()
            raise

    def data_received(self, data: bytes) -> None:
        """See `RequestHandler.data_received`; of some targets the parser reads past the end."""
        try:
            super().data_received(data)
        except _NO_REQUEST:
            self._hang_up()

    def _hang_up(self) -> None:
        self.log_debug("no request can be made of what came")
        self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """See `RequestHandler.connection_lost`; whoever counts connections is told."""
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """See `RequestHandler.finish_response`; a caller that does not read is hung up on.

        The next request waits until this answer was taken: aiohttp alone would go on, and hold
        every answer in memory for as long as the caller asks and does not read. aiohttp's refusal
        of an `Expect` repeats it; ours does not.
        """
        if isinstance(resp, web.HTTPExpectationFailed):
            resp = self.handle_error(request, resp.status)
        try:
            async with asyncio.timeout(self.answer_s):
                finished = await super().finish_response(request, resp, start_time)
                await request.writer.drain()
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
            return resp, True
        except ConnectionError:
            return resp, True
        return finished

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """See `RequestHandler.handle_error`; `message` would repeat the caller's bytes."""
        del message
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; it can only be broken off")
        answer = self.refusal(status, exc)
        answer.force_close()
        return answer

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """See `RequestHandler.log_exception`; a body that its sender broke is no error of ours."""
        if isinstance(kw.get("exc_info"), _BROKEN):
            self.log_debug(*args, **kw)
        else:
            super().log_exception(*args, **kw)


class _QuietServer(web.Server):
    answer_s: float | None
    refusal: Refusal

    def __call__(self) -> _QuietHandler:
        handler = _QuietHandler(self, loop=self._loop, **self._kwargs)
        handler.answer_s, handler.refusal = self.answer_s, self.refusal
        handler.on_lost = None
        return handler


class QuietRunner(web.AppRunner):
    """A `web.AppRunner` whose answers to unreadable requests hold nothing of them.

    Args:
        app: what to serve.
        answer_s: how long a caller may take to read one answer; None waits for ever.
        refusal: makes the answers to what could not be read; the status alone unless told.
        kwargs: as for `web.AppRunner`; what the application says itself outdoes it.
    """

    __slots__ = ("_answer_s", "_refusal")

    def __init__(
        self,
        app: web.Application,
        *,
        answer_s: float | None = None,
        refusal: Refusal = _bare,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, **{"keepalive_timeout": SILENT_S, **kwargs})
        self._refusal = refusal
        self._answer_s = answer_s

    def handler(self, on_lost: Callable[[], None]) -> RequestHandler:
        """Return a new handler of one connection that calls `on_lost` when it is over."""
        assert isinstance(self.server, _QuietServer)
        handler = self.server()
        handler.on_lost = on_lost
        return handler

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _QuietServer  # the application makes its server itself, of this class
        assert isinstance(server, _QuietServer)
        server.answer_s, server.refusal = self._answer_s, self._refusal
        return server


async def serve(
    app: web.Application,
    host: str,
    port: int,
    *,
    answer_s: float | None = None,
    refusal: Refusal = _bare,
) -> web.AppRunner:
    """Open a listener without TLS; return what closes it.

    Args:
        app: what to serve.
        host: address.
        port: of the address.
        answer_s: as for `QuietRunner`.
        refusal: as for `QuietRunner`.

    Raises:
        OSError: the address is taken.
    """
    runner = QuietRunner(app, answer_s=answer_s, refusal=refusal, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
