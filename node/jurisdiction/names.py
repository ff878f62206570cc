"""Names to addresses, through the operator's own resolvers, with TTLs, chain and time.

Rules upheld: every answer says when it was asked and how long it holds; one question in flight
per host however many ask; a bounded number of hosts in flight; bounded cache; negative answers
are kept shortly and failures more shortly. The clock is an argument.

c-ares keeps a query cache of its own that cannot be switched off through pycares 5. It honours the
TTLs of addresses, but keeps "no data" for an hour (c-ares issue 1293). So a channel is replaced by
a new one when it is as old, by the caller's clock, as the time that our cache keeps a negative
answer: what expired here is never answered from there.

Left to others: what the addresses mean (`locate`), retries over minutes and hours (whoever asks).
"""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

import aiodns
import msgspec

from node.jurisdiction import answers, errors
from node.jurisdiction.addresses import AddressPolicy
from node.jurisdiction.answers import Half, NameAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

_SERVER = re.compile(
    r"\[(?P<v6>[^\]]+)\]:(?P<port6>\d+)|(?P<v4>[0-9.]+):(?P<port4>\d+)|(?P<bare>.+)"
)
_MAX_PORT = 65535
PATIENCE = 3


def check_server(server: str, field: str = "servers") -> str:
    """Return `server` if it is `address`, `v4:port` or `[v6]:port`.

    Raises:
        ServerAddressError: it is not; names in place of addresses are refused too.
    """
    found = _SERVER.fullmatch(server)
    if found is None:
        raise errors.ServerAddressError(field)
    try:
        ip_address(found["v6"] or found["v4"] or found["bare"])
    except ValueError:
        raise errors.ServerAddressError(field) from None
    if not 0 < int(found["port6"] or found["port4"] or 53) <= _MAX_PORT:
        raise errors.ServerAddressError(field)
    return server


class NameCache:
    """What was answered, as long as it holds; at most `capacity` hosts, oldest out first.

    TTLs are kept within `min_ttl_s..max_ttl_s`; "no such name" and "no data" hold `negative_s`,
    failures `failure_s`, answers with one failed half `negative_s` at most.
    """

    def __init__(
        self,
        *,
        capacity: int = 200_000,
        min_ttl_s: int = 2,
        max_ttl_s: int = 3600,
        negative_s: int = 60,
        failure_s: int = 15,
    ) -> None:
        self._capacity = capacity
        self._min_ttl_s = min_ttl_s
        self._max_ttl_s = max_ttl_s
        self._negative_s = negative_s
        self._failure_s = failure_s
        self._answers: dict[str, NameAnswer] = {}

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def negative_ms(self) -> int:
        """How long a negative answer is kept; at least one second."""
        return 1000 * max(1, self._negative_s)

    def get(self, host: str, now_ms: int) -> NameAnswer | None:
        """Return the answer for `host` if one holds at `now_ms`.

        One from the future does not: the clock has been put back since.
        """
        answer = self._answers.get(host)
        if answer is None or not answer.asked_ms <= now_ms < answer.expires_ms:
            return None
        return answer

    def keep(self, answer: NameAnswer) -> NameAnswer:
        """Keep `answer` for as long as it deserves; returns it with its expiry."""
        expires_ms = answer.asked_ms + 1000 * self._life_s(answer)
        kept = msgspec.structs.replace(answer, expires_ms=expires_ms)
        self._answers.pop(answer.host, None)
        while len(self._answers) >= self._capacity:
            del self._answers[next(iter(self._answers))]
        self._answers[answer.host] = kept
        return kept

    def _life_s(self, answer: NameAnswer) -> int:
        if answer.is_failure:
            return self._failure_s
        if not answer.addresses:
            return self._negative_s
        least = min(ttl for _, ttl in (*answer.addresses, *answer.cname_chain))
        ceiling = self._negative_s if answer.partial else self._max_ttl_s
        return min(max(least, self._min_ttl_s), ceiling)


class _Channel:
    """One c-ares channel with its age and the number of questions on it."""

    def __init__(self, resolver: aiodns.DNSResolver, born_ms: int) -> None:
        self.resolver = resolver
        self.born_ms = born_ms
        self.users = 0


class Resolver:
    """Asks the configured name servers for A and AAAA.

    `servers` are `address`, `address:port` or `[v6]:port`; none means the system's. `timeout_s` is
    per try, `attempts` the number of tries per server. Use from one event loop, and close it.

    c-ares learns how fast a server is and then waits five times as long for a try, 250 ms at least,
    doubling with each: two tries would take a server for dead that is silent for 0.75 s. So there
    are more, and what bounds a question is `PATIENCE` times `timeout_s` per server.

    Raises:
        ServerAddressError: a server is not an address.
    """

    def __init__(
        self,
        servers: Sequence[str] = (),
        *,
        timeout_s: float = 2.0,
        attempts: int = 5,
        concurrency: int = 64,
        cache: NameCache | None = None,
        policy: AddressPolicy | None = None,
    ) -> None:
        self._servers = tuple(check_server(server) for server in servers)
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._cache = cache if cache is not None else NameCache()
        self._policy = policy if policy is not None else AddressPolicy()
        self._slots = asyncio.Semaphore(concurrency)
        self._in_flight: dict[str, asyncio.Task[NameAnswer]] = {}
        self._channel: _Channel | None = None
        self._retired: set[_Channel] = set()

    @property
    def policy(self) -> AddressPolicy:
        """Which addresses are refused."""
        return self._policy

    def cached(self, host: str, now_ms: int) -> NameAnswer | None:
        """Return what is known about `host` at `now_ms` without asking anybody."""
        return self._cache.get(host, now_ms)

    async def resolve(self, host: str, now_ms: int) -> NameAnswer:
        """Return all addresses of `host` (A-labels), from the cache or the name servers.

        Failures are answers too (`state`); nothing is raised for them.
        """
        known = self._cache.get(host, now_ms)
        if known is not None:
            return known
        task = self._in_flight.get(host)
        if task is None:
            task = asyncio.create_task(self._ask(host, now_ms), name="names.resolve")
            self._in_flight[host] = task
            task.add_done_callback(lambda _: self._in_flight.pop(host, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what is in flight and release threads and sockets."""
        tasks = tuple(self._in_flight.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        channels = self._retired | ({self._channel} if self._channel else set())
        self._channel = None
        self._retired.clear()
        for channel in channels:
            await channel.resolver.close()

    async def _ask(self, host: str, now_ms: int) -> NameAnswer:
        async with self._slots:
            channel = await self._fresh_channel(now_ms)
            channel.users += 1
            try:
                halves = await asyncio.gather(
                    self._question(channel, host, "A"), self._question(channel, host, "AAAA")
                )
            finally:
                channel.users -= 1
                await self._release(channel)
        return self._cache.keep(answers.join(host, halves, self._policy, now_ms))

    async def _question(self, channel: _Channel, host: str, family: str) -> Half:
        tries = min(self._attempts + 1, PATIENCE)
        limit_s = self._timeout_s * tries * max(1, len(self._servers)) + 1
        try:
            async with asyncio.timeout(limit_s):
                result = await channel.resolver.query_dns(host, family)
        except aiodns.error.DNSError as error:
            return answers.failed(error.args[0])
        except TimeoutError:
            return Half("timeout")
        return answers.read(host, result.answer)

    async def _fresh_channel(self, now_ms: int) -> _Channel:
        """Return a channel whose own cache is too young to matter."""
        current = self._channel
        if current is not None and 0 <= now_ms - current.born_ms < self._cache.negative_ms:
            return current
        resolver = aiodns.DNSResolver(
            self._servers or None, timeout=self._timeout_s, tries=self._attempts
        )
        self._channel = _Channel(resolver, now_ms)
        if current is not None:
            self._retired.add(current)
            await self._release(current)
        return self._channel

    async def _release(self, channel: _Channel) -> None:
        """Close a retired channel once nobody waits on it."""
        if channel in self._retired and not channel.users:
            self._retired.discard(channel)
            await channel.resolver.close()
