"""Reading the body of a push in steps: bounded in size and time, hashed as it comes."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import ClientError
from aiohttp.web import RequestPayloadError

from node.peer.errors import AlteredBodyError, CutShortError, EncodedBodyError

if TYPE_CHECKING:
    from aiohttp import StreamReader, web

    from node.peer.http.signatures import SignedRequest

PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait for bytes that a peer announced.

    Attributes:
        wait_s: whatever their number.
        slowest_bytes_per_s: on top of it, a sender must be at least this fast.
        headers_s: for the headers of a request, and how long a connection may be idle.
    """

    wait_s: float = 10.0
    slowest_bytes_per_s: float = 65_536.0
    headers_s: float = 75.0

    def seconds(self, size: int) -> float:
        """How long `size` bytes may take."""
        return self.wait_s + size / self.slowest_bytes_per_s


async def whole_body(
    request: web.Request, caller: SignedRequest, media_type: str, most: int, patience: Patience
) -> bytes | None:
    """Return the body of a small request, as its signature promised it; None: above `most` bytes.

    Raises:
        EncodedBodyError: it is not of this media type.
        AlteredBodyError, CutShortError: it is not what was signed, or did not come.
    """
    if request.headers.get("Content-Type") != media_type:
        raise EncodedBodyError
    size = request.content_length or 0
    if size > most:
        return None
    return await Body(request.content, size, patience).rest(caller.body_sha256)


class Body:
    """The bytes of one request, `size` of them."""

    def __init__(self, stream: StreamReader, size: int, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience
        self._hash = hashlib.sha256()
        self.left = size

    async def read(self, count: int) -> bytes:
        """Return exactly the next `count` bytes, at most all that are left.

        Raises:
            CutShortError: they did not come, or too slowly.
        """
        pieces: list[bytes] = []
        wanted = min(count, self.left)
        try:
            async with asyncio.timeout(self._patience.seconds(wanted)):
                while wanted:
                    piece = await self._piece(wanted)
                    pieces.append(piece)
                    wanted -= len(piece)
        except (TimeoutError, ClientError, RequestPayloadError, OSError):
            raise CutShortError from None
        return b"".join(pieces)

    async def rest(self, sha256: bytes) -> bytes:
        """Return all that is left, once the whole body is known to be the one that was signed.

        Raises:
            CutShortError: it did not come, or too slowly.
            AlteredBodyError: the whole does not have this SHA-256.
        """
        rest = await self.read(self.left)
        if self._hash.digest() != sha256:
            raise AlteredBodyError
        return rest

    async def _piece(self, wanted: int) -> bytes:
        piece = await self._stream.read(min(wanted, PIECE_BYTES))
        if not piece:
            raise CutShortError
        self._hash.update(piece)
        self.left -= len(piece)
        return piece
