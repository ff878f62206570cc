"""One question over HTTPS to a server that the operator named: bounded in time, size and hops.

Rules upheld: https only, certificates are checked; redirects lead only to allowed servers, a few
hops far; nothing is decompressed, no cookie is kept, no proxy of the environment is used; a pause
that a server asks for (429, 503 with Retry-After: RFC 6585 section 4, RFC 9110 section 10.2.3)
becomes a time, bounded to a day. Where pauses are kept, each hop's server gets its own. A server
that does not answer in time is not asked again by this process for `SILENT_MS`: whoever asks many
things one after the other would wait for each, and all others behind it.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp
from yarl import URL

from node.asking.errors import LedAwayError, NoAnswerError, PutOffError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

_PIECE_BYTES: Final = 65_536
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
LEAST_PAUSE_MS: Final = 60_000
LONGEST_PAUSE_MS: Final = 86_400_000
SILENT_MS: Final = 300_000


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long and how much.

    Attributes:
        connect_s: for a connection with its TLS.
        total_s: for one question with all its hops.
        body_bytes: of an answer.
        hops: redirects followed.
    """

    connect_s: float = 10.0
    total_s: float = 30.0
    body_bytes: int = 1 << 20
    hops: int = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered: status, body, and where in the end."""

    status: int
    body: bytes
    url: str


class Pauses(Protocol):
    """Remembers which server (`https://host:port`) asked to be left alone, and until when."""

    async def paused_until(self, server: str) -> int:
        """Return until when (ms UTC) a server wants to be left alone; 0: it does not."""
        ...

    async def pause(self, server: str, until_ms: int) -> None:
        """Remember it."""
        ...


class Https:
    """Asks; use from one event loop, and close it.

    Args:
        allowed: whether an origin (`https://host:port`) may be redirected to.
        bounds: how long and how much.
        context: TLS; the system's authorities unless given.
        pauses: where each server's pause is kept and looked up before it is asked; None: whoever
            asks keeps them.
    """

    def __init__(
        self,
        allowed: Callable[[str], bool],
        bounds: Bounds | None = None,
        context: ssl.SSLContext | None = None,
        pauses: Pauses | None = None,
        *,
        at_one_server: int = 0,
    ) -> None:
        """`at_one_server`: connections at most to one server; 0: as many as to all."""
        self._allowed = allowed
        self._bounds = bounds or Bounds()
        self._context = context
        self._pauses = pauses
        self._at_one_server = at_one_server
        self._session: aiohttp.ClientSession | None = None
        self._silent: dict[str, int] = {}  # by server: until when it is not asked

    async def get(self, url: str, headers: Mapping[str, str], now_ms: int) -> Reply:
        """Ask, and follow where it leads.

        Raises:
            AskingError: no answer, one too large, led away, or put off.
            StoreError: the pauses could not be read or kept.
        """
        try:
            async with asyncio.timeout(self._bounds.total_s):
                return await self._get(url, headers, now_ms)
        except TimeoutError:
            raise NoAnswerError(NoAnswerError.__doc__) from None

    async def _get(self, url: str, headers: Mapping[str, str], now_ms: int) -> Reply:
        at = URL(url)
        for _ in range(self._bounds.hops + 1):
            server = self._check(at)
            await self._heed(server, now_ms)
            async with self._noting_silence(server, now_ms):
                status, fields, body = await self._hop(at, headers)
            if status in REDIRECTS:
                at = target_of(at, fields.get("Location"))
                continue
            pause = pause_ms(status, fields.get("Retry-After"), now_ms)
            if pause is not None:
                if self._pauses is not None:
                    await self._pauses.pause(server, now_ms + pause)
                raise PutOffError(server, now_ms + pause)
            return Reply(status, body, str(at))
        raise LedAwayError(LedAwayError.__doc__)

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()

    def _check(self, at: URL) -> str:
        """Return the server of a hop if it may be asked."""
        server = server_of(at)
        if not self._allowed(server):
            raise LedAwayError(LedAwayError.__doc__)
        return server

    @asynccontextmanager
    async def _noting_silence(self, server: str, now_ms: int) -> AsyncIterator[None]:
        """Remember a server for whose answer the time is up, by its own clock or that of all."""
        try:
            yield
        except (TimeoutError, asyncio.CancelledError):
            self._silent[server] = now_ms + SILENT_MS
            raise

    async def _heed(self, server: str, now_ms: int) -> None:
        if 0 < self._silent.get(server, 0) - now_ms <= SILENT_MS:
            raise NoAnswerError(NoAnswerError.__doc__)
        until_ms = 0 if self._pauses is None else await self._pauses.paused_until(server)
        if now_ms < until_ms:
            raise PutOffError(server, until_ms)

    async def _hop(
        self, at: URL, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            async with self._opened().get(at, headers=headers, allow_redirects=False) as answer:
                body = b""
                async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                    body += piece
                    if len(body) > self._bounds.body_bytes:
                        raise TooLargeError(TooLargeError.__doc__)
                return answer.status, answer.headers, body
        except TimeoutError:
            raise
        except (aiohttp.ClientError, OSError, ValueError):
            raise NoAnswerError(NoAnswerError.__doc__) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = self._context or ssl.create_default_context()
            bounds = self._bounds
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=context, limit=8, limit_per_host=self._at_one_server
                ),
                timeout=aiohttp.ClientTimeout(total=bounds.total_s, sock_connect=bounds.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def server_of(at: URL) -> str:
    """Return `https://host:port` of an address.

    Raises:
        LedAwayError: it is no https, names no host or a user, or its name is none: what is not the
            Punycode that it seems is found out only when the name is read.
    """
    try:
        if at.scheme == "https" and at.host is not None and at.user is None:
            return f"https://{at.host}:{at.port}"
    except ValueError:
        pass
    raise LedAwayError(LedAwayError.__doc__)


def target_of(at: URL, location: str | None) -> URL:
    """Return where a redirect leads.

    Raises:
        LedAwayError: it says nothing, or nothing that is an address.
    """
    if not location:
        raise LedAwayError(LedAwayError.__doc__)
    try:
        return at.join(URL(location))
    except (ValueError, IndexError):  # of `http://[::1]@/` yarl reads past the end
        raise LedAwayError(LedAwayError.__doc__) from None


def pause_ms(status: int, raw: str | None, now_ms: int) -> int | None:
    """Return for how long a server wants to be left alone; None: it does not ask for that.

    `raw`: its `Retry-After`, as it wrote it.
    """
    if status != _TOO_MANY and not (status == _UNAVAILABLE and raw is not None):
        return None
    pause = LEAST_PAUSE_MS if raw is None else _retry_after_ms(raw, now_ms)
    return min(max(pause, LEAST_PAUSE_MS if raw is None else 1000), LONGEST_PAUSE_MS)


def _retry_after_ms(raw: str, now_ms: int) -> int:
    """Read `Retry-After`: seconds, or a date. What is neither counts as not said."""
    text = raw.strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * 1000
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000) - now_ms
    except (ValueError, OverflowError):
        return LEAST_PAUSE_MS
