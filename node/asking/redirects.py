"""Following redirects: `Redirects` of `node.jurisdiction.redirects`, over HTTP and HTTPS.

Rules upheld:

* `HEAD` alone: no body is asked for, and the connection is closed with the head of the answer.
* Each hop's name is resolved by the operator's own resolvers, and the connection goes to an address
  of that answer which was checked; nothing is looked up a second time, so no second answer (DNS
  rebinding) can lead elsewhere. Special and internal addresses are never connected to, in whatever
  wrapping.
* What the operator named as his own public addresses is not connected to either: a service there
  may trust this machine more than a stranger. The way ends there, unasked.
* Only at ports that the operator allows (80 and 443): who reports a URL, or answers with a
  redirect, must not have this machine knock at other services, public ones either.
* Bounds: `MAX_HOPS` hops, time for each and for all together, a number of trails at once. A ring
  ends the trail. Whoever reports many URLs that answer slowly, hop after hop, must not keep other
  items, urgent ones too, from being located.
* No cookie, no proxy of the environment; certificates are checked.

The site learns that this address looked at it: nothing is followed unless the operator allowed it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection
from ipaddress import ip_network
from typing import Final, NamedTuple

import ada_url
import aiohttp
from yarl import URL

from node.asking.https import REDIRECTS, Bounds
from node.jurisdiction.addresses import effective
from node.jurisdiction.errors import UnlocatableError, UrlMalformedError
from node.jurisdiction.locations import Location, canonical
from node.jurisdiction.names import Resolver
from node.jurisdiction.redirects import MAX_HOPS, NOT_THERE, Hop, Trail

AT_ONCE: Final = 64
TRAIL_S: Final = 30.0
KEEP_MS: Final = 3_600_000
MAX_KEPT: Final = 50_000
_HEADERS: Final = {"User-Agent": "Mozilla/5.0 (compatible)", "Accept": "*/*"}
_FOLLOWED: Final = frozenset({"http", "https"})

PORTS: Final = frozenset({80, 443})

Dial = Callable[[str, int], tuple[str, int]]
"""Where to connect to for a checked address and port; tests lead it to loopback."""


class _Answer(NamedTuple):
    """What a site answered: the status, and where it leads, as it wrote it."""

    status: int | None
    to: str | None
    problem: str | None = None


def _directly(address: str, port: int) -> tuple[str, int]:
    return address, port


class RedirectFollower:
    """Follows; use from one event loop, and close it."""

    def __init__(
        self,
        names: Resolver,
        bounds: Bounds | None = None,
        context: ssl.SSLContext | None = None,
        dial: Dial = _directly,
        ports: Collection[int] = PORTS,
        own: Collection[str] = (),
        trail_s: float = TRAIL_S,
    ) -> None:
        self._names = names
        self._bounds = bounds or Bounds(connect_s=5.0, total_s=10.0, hops=MAX_HOPS)
        self._context = context
        self._dial = dial
        self._ports = frozenset(ports)
        self._trail_s = trail_s
        self._own = tuple(ip_network(one) for one in own)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        self._kept: dict[str, tuple[int, Trail]] = {}

    async def follow(self, location: Location, now_ms: int) -> Trail:
        """See `Redirects.follow`; the same location is followed again after an hour."""
        kept = self._kept.get(location.canonical)
        if kept is not None and 0 <= now_ms - kept[0] < KEEP_MS:
            return kept[1]
        async with self._slots:
            trail = await self._follow(location, now_ms)
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[location.canonical] = (now_ms, trail)
        return trail

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()

    async def _follow(self, location: Location, now_ms: int) -> Trail:
        hops: list[Hop] = []
        seen = {location.canonical}
        last = at = location
        until = asyncio.get_running_loop().time() + self._trail_s
        while True:
            try:
                async with asyncio.timeout_at(until):
                    hop, following = await self._hop(at, now_ms)
            except TimeoutError:
                hop, following = Hop(at.host, None, None, "no_answer"), None
            if hop.problem not in NOT_THERE:
                last = at
            if following is not None and following.canonical in seen:
                hop, following = hop._replace(problem="ring"), None
            if following is not None and len(hops) + 1 >= self._bounds.hops:
                hop, following = hop._replace(problem="too_many_hops"), None
            if hop.problem is not None or _is_asked(at):
                hops.append(hop)
            if following is None:
                return Trail(last, tuple(hops))
            seen.add(following.canonical)
            at = following

    async def _hop(self, at: Location, now_ms: int) -> tuple[Hop, Location | None]:
        """Ask one site; return what it said, and where it leads if that is a public location."""
        address, problem = await self._address(at, now_ms)
        if address is None or not _is_asked(at):
            return Hop(at.host, None, None, problem), None
        if _port(at) not in self._ports:
            return Hop(at.host, None, None, "port_not_allowed"), None
        answer = await self._ask(at, address)
        hop = Hop(at.host, address, answer.status, answer.problem)
        if answer.to is None:
            return hop, None
        try:
            return hop, canonical(ada_url.join_url(at.canonical, answer.to))
        except UnlocatableError as error:
            return hop._replace(problem=error.code), None
        except ValueError:
            return hop._replace(problem=UrlMalformedError.code), None

    async def _address(self, at: Location, now_ms: int) -> tuple[str | None, str | None]:
        """Return a checked address of a site, or why there is none."""
        if at.kind == "address":
            if self._names.policy.refused(at.host) is not None:
                return None, "special_address"
            return (None, "own_address") if self._is_own(at.host) else (at.host, None)
        if at.kind != "name":
            return None, None
        answer = await self._names.resolve(at.host, now_ms)
        if answer.addresses:
            others = (one for one, _ in answer.addresses if not self._is_own(one))
            found = next(others, None)
            return found, None if found is not None else "own_address"
        return None, "special_address" if answer.refused else "no_address"

    def _is_own(self, address: str) -> bool:
        """Whether an address is the operator's own, in whatever wrapping."""
        reached = effective(address)
        return any(reached in one for one in self._own)

    async def _ask(self, at: Location, address: str) -> _Answer:
        """Ask the site at this very address; its name goes into the head and the certificate."""
        url = URL(at.canonical, encoded=True)
        host, port = self._dial(address, _port(at))
        headers = {**_HEADERS, "Host": url.raw_authority}
        try:
            async with self._opened().head(
                url.with_host(host).with_port(port),
                headers=headers,
                allow_redirects=False,
                server_hostname=at.host if url.scheme == "https" else None,
            ) as answer:
                to = answer.headers.get("Location") if answer.status in REDIRECTS else None
                return _Answer(answer.status, to)
        except aiohttp.ClientSSLError:
            return _Answer(None, None, "certificate")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return _Answer(None, None, "no_answer")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            bounds = self._bounds
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._context or ssl.create_default_context(),
                    limit=AT_ONCE,
                    force_close=True,
                ),
                timeout=aiohttp.ClientTimeout(total=bounds.total_s, sock_connect=bounds.connect_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def _is_asked(at: Location) -> bool:
    """Whether a location is one that HTTP asks."""
    return URL(at.canonical, encoded=True).scheme in _FOLLOWED


def _port(at: Location) -> int:
    """Return the port that a location is asked at."""
    return URL(at.canonical, encoded=True).port or 80
