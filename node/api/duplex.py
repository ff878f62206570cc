"""An answer that is written while its request still arrives, without ever waiting for its reader.

A client that reads along gets each piece at once. One that sends its whole body before it reads
anything (most simple clients do) would fill every buffer with unread answers, we would wait for it,
and it for us. So while the body arrives nothing waits: what the connection does not take at once
goes to a temporary file (memory first, bounded), and follows when the body has ended.
"""

from __future__ import annotations

import tempfile
from asyncio import Transport
from typing import IO, TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

TAKEN_AT_ONCE_BYTES: Final = 1 << 18
_NEVER_WAITS_BYTES: Final = 1 << 26
_SPOOL_MEMORY_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 16


class DuplexAnswer:
    """A streamed response; `started` once its first piece was put."""

    def __init__(
        self, request: web.Request, content_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._request = request
        fields = {"Content-Type": content_type, "Cache-Control": "no-store", **(headers or {})}
        self._response = web.StreamResponse(status=200, headers=fields)
        self._spool: IO[bytes] | None = None
        self.started = False

    async def put(self, piece: bytes) -> None:
        """Send a piece, now or when the body has ended."""
        transport = self._request.transport
        if not self.started:
            self.started = True
            await self._response.prepare(self._request)
            if isinstance(transport, Transport):
                transport.set_write_buffer_limits(high=_NEVER_WAITS_BYTES)
        if self._spool is None and _takes_more(transport):
            await self._response.write(piece)
            return
        if self._spool is None:
            self._spool = tempfile.SpooledTemporaryFile(_SPOOL_MEMORY_BYTES)  # noqa: SIM115
        self._spool.write(piece)

    async def finish(self) -> web.StreamResponse:
        """Send what waits, as fast as it is read, and end the answer."""
        if not self.started:
            await self._response.prepare(self._request)
        transport = self._request.transport
        if isinstance(transport, Transport):
            transport.set_write_buffer_limits()
        if self._spool is not None:
            with self._spool as spool:
                spool.seek(0)
                while piece := spool.read(_PIECE_BYTES):
                    await self._response.write(piece)
        await self._response.write_eof()
        return self._response


def _takes_more(transport: object) -> bool:
    return (
        isinstance(transport, Transport)
        and transport.get_write_buffer_size() <= TAKEN_AT_ONCE_BYTES
    )
