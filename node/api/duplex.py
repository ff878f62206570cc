"""An answer that is written while its request still arrives, without ever waiting for its reader.

A client that reads along gets each piece at once. One that sends its whole body before it reads
anything (most simple clients do) would fill every buffer with unread answers; then we would wait
for it, and it for us. So while the body arrives nothing waits: what the connection does not take at
once is kept, up to a bound, and a client that goes beyond it is told to send less at once.
"""

from __future__ import annotations

from asyncio import Transport
from typing import TYPE_CHECKING, Final

from aiohttp import web

from node.api.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_UNREAD_BYTES: Final = 1 << 25


class DuplexAnswer:
    """A streamed response; `started` once its first piece was put."""

    def __init__(
        self,
        request: web.Request,
        headers: Mapping[str, str],
        max_unread_bytes: int = MAX_UNREAD_BYTES,
    ) -> None:
        self._request = request
        self._response = web.StreamResponse(status=200, headers=headers)
        self._max_unread_bytes = max_unread_bytes
        self.started = False

    async def put(self, piece: bytes) -> None:
        """Send a piece without waiting.

        Raises:
            ApiError: the piece was sent, but too much is unread now: put no more.
        """
        await self._start()
        await self._response.write(piece)
        transport = self._request.transport
        if not isinstance(transport, Transport):
            return
        if transport.get_write_buffer_size() > self._max_unread_bytes:
            mend = "the answer is not read; read it while sending, or send fewer lines at once"
            raise ApiError("answer_unread", mend)

    async def finish(self, last: bytes = b"") -> web.StreamResponse:
        """End the answer, with a last piece; from here on it waits for its reader."""
        await self._start()
        transport = self._request.transport
        if isinstance(transport, Transport):
            transport.set_write_buffer_limits()
        await self._response.write_eof(last)
        return self._response

    async def _start(self) -> None:
        if self.started:
            return
        self.started = True
        await self._response.prepare(self._request)
        transport = self._request.transport
        if isinstance(transport, Transport):
            transport.set_write_buffer_limits(high=4 * self._max_unread_bytes)
