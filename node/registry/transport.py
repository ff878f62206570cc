"""Fetching registry files from one mirror: bounded in bytes and time, and believing nothing.

A mirror needs no trust, and most of them (other members' nodes) have certificates that nobody but
the registry vouches for; so certificates are not checked here, and TUF checks every byte. What is
bounded: the size of each file, the time of each request, the time for a whole mirror, so that one
that drips bytes costs a minute and no more. No redirects, no proxies, no cookies, no compression.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp

from node.registry.errors import RefusedError
from node.registry.kept import PREFIX

REQUEST_TIMEOUT_S: Final = 10.0
MIRROR_TIMEOUT_S: Final = 60.0
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "hotline-exchange"}

Get = Callable[[str, int], bytes]
"""Gives the bytes of a file by its path, such as `metadata/timestamp.json`, at most so many."""


class MirrorError(Exception):
    """A mirror did not give a file.

    `status` is its HTTP status, or None if there was no answer in time; `too_large`: the answer was
    longer than the file may be.
    """

    def __init__(self, status: int | None = None, *, too_large: bool = False) -> None:
        self.status, self.too_large = status, too_large
        super().__init__(f"the mirror answered {status}" if status else "the mirror failed")


class Transport(Protocol):
    """How files come from a mirror; called in a thread without an event loop."""

    def open(self, base_url: str) -> AbstractContextManager[Get]:
        """Begin with one mirror, and give what fetches from it; it raises `MirrorError`."""
        ...


def check_mirror(base_url: str) -> str:
    """Give the base address of a mirror without a trailing slash.

    Raises:
        RefusedError: neither https, nor http on loopback.
    """
    mend = "needs https://HOST:PORT (http on this machine only), without path or query"
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError:
        raise RefusedError("mirrors", mend) from None
    local = parts.scheme == "http" and _is_loopback(host)
    bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or "@" in parts.netloc)
    if not host or not bare or not (local or parts.scheme == "https"):
        raise RefusedError("mirrors", mend)
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HttpTransport:
    """The real one: aiohttp on an event loop of its own.

    Args:
        tls: how to speak TLS to mirrors; a context that checks nothing by default. Give one that
            shows the node's certificate where peers ask for it.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        mirror_timeout_s: float = MIRROR_TIMEOUT_S,
    ) -> None:
        self._tls = tls or unverified_context()
        self._request_timeout_s = request_timeout_s
        self._mirror_timeout_s = mirror_timeout_s

    @contextmanager
    def open(self, base_url: str) -> Iterator[Get]:
        """Begin with one mirror; the time for all of it runs from here."""
        base = check_mirror(base_url) + PREFIX + "/"
        with asyncio.Runner() as runner:
            session = runner.run(self._session())
            deadline = runner.get_loop().time() + self._mirror_timeout_s
            try:
                yield lambda path, most: runner.run(_get(session, base + path, most, deadline))
            finally:
                runner.run(session.close())

    async def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=1),
            timeout=aiohttp.ClientTimeout(total=self._request_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers=_HEADERS,
        )


def unverified_context() -> ssl.SSLContext:
    """TLS 1.2 or newer to whoever answers: privacy against onlookers, no claim about the peer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _get(session: aiohttp.ClientSession, url: str, most: int, deadline: float) -> bytes:
    """Fetch one file, within the time that is left for the mirror."""
    try:
        async with (
            asyncio.timeout_at(deadline),
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status != HTTPStatus.OK:
                raise MirrorError(response.status)
            raw = bytearray()
            async for chunk in response.content.iter_any():
                raw += chunk
                if len(raw) > most:
                    raise MirrorError(too_large=True)
            return bytes(raw)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        raise MirrorError from None
