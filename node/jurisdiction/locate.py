"""The hosting jurisdiction of a location, with everything that led to it.

====================================================================  ============
what was found                                                         state
====================================================================  ============
onion, I2P, IPFS, an account on a service                              none
only internal addresses                                                none
no such name, no address (dangling CNAME): asked again, then           none, low
a proxy's address or name                                              hidden
all addresses in one country                                           country
several countries, databases without a majority, or silent             disputed
the name servers failed or did not answer                              unresolved
====================================================================  ============

`unresolved` is a state of ours, not of the site: it is asked again at `retry_ms` and never becomes
`none`. A name without addresses is asked again too, `ABSENT_LOOKS` times: sites come and go within
the hour, and some resolvers deny the very names that are reported. What is still absent then is
`none` with low confidence: a person looks. Confidence is that of the weakest vote; a question that
only half succeeded lowers it.
Evidence is a tuple of flat rows, made of str, int and None, each beginning with its kind:

    ("rule", "jurisdiction", version)
    ("names", state, asked_ms)                 ("cname", target, ttl_s)
        state of a name answer, or `partial`, or `not_asked`
    ("address", address, ttl_s)                ("refused", address, range)
    ("ballot", address, database, built_ms, prefix, answer, read_as)
    ("proxy", address_or_name, list, built_ms, entry, provider)
    ("candidate", country)                     ("kind", kind of location)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from node.jurisdiction.countries import RULE_VERSION, Confidence, Databases, Vote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from node.jurisdiction.answers import NameAnswer
    from node.jurisdiction.locations import Location
    from node.jurisdiction.names import Resolver
    from node.jurisdiction.proxies import Proxy, ProxyList

State = Literal["country", "none", "hidden", "disputed", "unresolved"]
Row = tuple[str | int | None, ...]

FIRST_RETRY_MS = 30_000
LAST_RETRY_MS = 900_000
ABSENT_LOOKS = 8
"""How often a name without addresses is asked again: three quarters of an hour in all."""
_MAX_CACHED = 200_000
_NOWHERE = frozenset({"onion", "i2p", "ipfs", "service"})
_RULE: Row = ("rule", "jurisdiction", RULE_VERSION)
_ORDER: tuple[Confidence, ...] = ("low", "medium", "high")


class Located(msgspec.Struct, frozen=True):
    """Where a location is hosted. `country` is set if and only if `state` is `country`.

    `candidates` are the countries of a dispute. `retry_ms` (UTC) is set for `unresolved` only,
    and not if nobody was asked.
    """

    state: State
    country: str | None
    confidence: Confidence
    evidence: tuple[Row, ...]
    candidates: tuple[str, ...] = ()
    retry_ms: int | None = None


class Locator:
    """Locates by name answers, votes and proxy lists. One event loop; its cache is bounded."""

    def __init__(
        self,
        names: Resolver,
        databases: Databases,
        proxies: Sequence[ProxyList] = (),
        *,
        absent_looks: int = ABSENT_LOOKS,
    ) -> None:
        self._names = names
        self._databases = databases
        self._proxies = tuple(proxies)
        self._absent_looks = absent_looks
        self._by_host: dict[str, tuple[NameAnswer | None, Located]] = {}

    async def locate(self, location: Location, now_ms: int, *, attempts: int = 0) -> Located:
        """Locate, asking the name servers where necessary.

        `attempts` is how often this location was `unresolved` before: it spaces the retries.
        """
        if location.kind == "name":
            answer = await self._names.resolve(location.host, now_ms)
            if answer.is_failure or (answer.is_absent and attempts < self._absent_looks):
                return _unresolved(answer, now_ms, attempts)
            return self._judged(location.host, answer)
        return self._without_names(location)

    def locate_cached(self, location: Location, now_ms: int) -> Located | None:
        """Locate from what is known; None if somebody has to be asked."""
        if location.kind != "name":
            return self._without_names(location)
        answer = self._names.cached(location.host, now_ms)
        if answer is None or answer.is_failure or answer.is_absent:
            return None
        return self._judged(location.host, answer)

    def locate_unasked(self, location: Location, now_ms: int) -> Located:
        """Locate without asking or remembering: a name is `hidden` by its suffix, or open."""
        if location.kind != "name":
            return self._without_names(location)
        rows: tuple[Row, ...] = (_RULE, ("names", "not_asked", now_ms))
        veils = [("proxy", what, *proxy) for what, proxy in self._veils((location.host,), ())]
        if veils:
            return Located("hidden", None, "high", (*rows, *veils))
        return Located("unresolved", None, "low", rows)

    def _without_names(self, location: Location) -> Located:
        if location.kind in _NOWHERE:
            return Located("none", None, "high", (_RULE, ("kind", location.kind)))
        return self._judged(location.host, None)

    def _judged(self, host: str, answer: NameAnswer | None) -> Located:
        """Judge a host once per answer; an address literal has no answer and never expires."""
        known = self._by_host.get(host)
        if known is not None and known[0] is answer:
            return known[1]
        if len(self._by_host) >= _MAX_CACHED:
            self._by_host.clear()
        located = self._literal(host) if answer is None else self._judge(answer)
        self._by_host[host] = (answer, located)
        return located

    def _literal(self, address: str) -> Located:
        reason = self._names.policy.refused(address)
        if reason is not None:
            return Located("none", None, "high", (_RULE, ("refused", address, reason)))
        rows: list[Row] = [_RULE, ("address", address, None)]
        return self._places(rows, (), (address,), partial=False)

    def _judge(self, answer: NameAnswer) -> Located:
        rows: list[Row] = [_RULE, *_told(answer)]
        if not answer.addresses:
            sure: Confidence = "low" if answer.is_absent else "medium"
            return Located("none", None, sure, tuple(rows))
        names = (answer.host, *(target for target, _ in answer.cname_chain))
        addresses = tuple(address for address, _ in answer.addresses)
        return self._places(rows, names, addresses, partial=answer.partial)

    def _places(
        self, rows: list[Row], names: Sequence[str], addresses: Sequence[str], *, partial: bool
    ) -> Located:
        votes = [(address, self._databases.country(address)) for address in addresses]
        for address, vote in votes:
            rows.extend(("ballot", address, *ballot) for ballot in vote.ballots)
        veils = [("proxy", what, *proxy) for what, proxy in self._veils(names, addresses)]
        if veils:
            return Located("hidden", None, "high", (*rows, *veils))
        return _decide(rows, [vote for _, vote in votes], partial=partial)

    def _veils(self, names: Sequence[str], addresses: Sequence[str]) -> Iterator[tuple[str, Proxy]]:
        for proxies in self._proxies:
            for name in names:
                if (found := proxies.by_name(name)) is not None:
                    yield name, found
            for address in addresses:
                if (found := proxies.by_address(address)) is not None:
                    yield address, found


def _decide(rows: list[Row], votes: list[Vote], *, partial: bool) -> Located:
    """Turn the votes on all addresses into one answer."""
    countries = {vote.country for vote in votes}
    only = votes[0].country
    if len(countries) > 1 or only is None:
        candidates = tuple(sorted({named for vote in votes for named in vote.candidates}))
        rows.extend(("candidate", country) for country in candidates)
        return Located("disputed", None, "low", tuple(rows), candidates)
    weakest = min((vote.confidence for vote in votes), key=_ORDER.index)
    if partial and weakest == "high":
        weakest = "medium"
    return Located("country", only, weakest, tuple(rows))


def _told(answer: NameAnswer) -> Iterator[Row]:
    """Yield what the name servers said, as rows."""
    yield ("names", "partial" if answer.partial else answer.state, answer.asked_ms)
    for target, ttl_s in answer.cname_chain:
        yield ("cname", target, ttl_s)
    for address, ttl_s in answer.addresses:
        yield ("address", address, ttl_s)
    for address, reason in answer.refused:
        yield ("refused", address, reason)


def _unresolved(answer: NameAnswer, now_ms: int, attempts: int) -> Located:
    """Say when to ask again: doubling from half a minute to a quarter of an hour."""
    wait_ms = min(FIRST_RETRY_MS << min(max(attempts, 0), 10), LAST_RETRY_MS)
    retry_ms = max(now_ms + wait_ms, answer.expires_ms)
    return Located("unresolved", None, "low", (_RULE, *_told(answer)), retry_ms=retry_ms)
