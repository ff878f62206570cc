"""Listeners that repeat nothing of a request that they could not read.

aiohttp answers a malformed request with the bytes it stumbled over. Those may be an address, so our
listeners answer with the status alone.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from aiohttp.web_protocol import RequestHandler


class _QuietHandler(RequestHandler):
    """Answers what it could not read with a status and nothing else."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """See `RequestHandler.handle_error`; `message` would repeat the caller's bytes."""
        del exc, message
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; it can only be broken off")
        answer = web.Response(status=status, text=f"{status} {HTTPStatus(status).phrase}\n")
        answer.force_close()
        return answer


class _QuietServer(web.Server):
    def __call__(self) -> RequestHandler:
        return _QuietHandler(self, loop=self._loop, **self._kwargs)


class QuietRunner(web.AppRunner):
    """A `web.AppRunner` whose answers to unreadable requests hold nothing of them."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _QuietServer  # the application makes its server itself, of this class
        return server
