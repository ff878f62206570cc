"""The hosting jurisdiction of a location, with everything that led to it.

====================================================================  ============
what was found                                                         state
====================================================================  ============
onion, I2P, IPFS, an account on a service                              none
only internal addresses                                                none
no such name, no address (dangling CNAME): asked again, then           none, low
a proxy's name, or its addresses alone; the origin is not known        hidden
all addresses in one country                                           country
some addresses are a proxy's: what the others say, at most medium      country, disputed
several countries, databases without a majority, or silent             disputed
an address that is announced from many places at once (anycast)        disputed
the name servers failed or did not answer                              unresolved
====================================================================  ============

A name on the way that is a proxy's hides all; an address that is one hides itself alone, else one
more record would hide a site that stands elsewhere in the open. If the proxy told the origin, that
counts beside the others.

What people of this hotline know goes first: an override by name decides, also behind a proxy, and
where no name server names an address; one by range stands for the vote on its addresses; overrides
that contradict each other make it disputed (`overrides`). An address in a watched block or network
lowers its vote by one step, and one in an anycast range has no country, unless an override stands
for it (`watching`).

`unresolved` is a state of ours, not of the site: it is asked again at `retry_ms` and never becomes
`none`. A name without addresses is asked again too, `ABSENT_LOOKS` times: sites come and go within
the hour, and some resolvers deny the very names that are reported. What is still absent then is
`none` with low confidence: a person looks; so is a name with internal addresses alone, which other
such resolvers give, and who runs a site for a while. Confidence is that of the weakest vote; a
question that only half succeeded lowers it, and so do addresses beyond those that are judged
(`answers`). Evidence is a tuple of flat rows, made of str, int and None, each beginning with its
kind:

    ("rule", "jurisdiction", version)
    ("names", state, asked_ms)                 ("cname", target, ttl_s)
        state of a name answer, or `partial`, or `not_asked`
    ("address", address, ttl_s)                ("refused", address, range)
    ("left_out", addresses beyond those judged)
    ("ballot", address, database, built_ms, prefix, answer, read_as)
    ("proxy", address_or_name, list, built_ms, entry, provider)
    ("beside", address, provider)    an address of a proxy beside others
    ("candidate", country)                     ("kind", kind of location)
    ("network", address, database, built_ms, prefix, asn, organisation)
    ("watched", address, list, built_ms, entry, reason)
    ("override", address_or_name, kind, id, entry, country, author, reason, expires_ms)
    ("origin", host, provider, address, answered_ms, expires_ms)
    ("hop", number, host, address, status, problem)                (see `redirects`)

Author and reason of an override never leave this node (`casework.placing` leaves them out).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from node.jurisdiction.countries import RULE_VERSION, Confidence, Databases, Vote
from node.jurisdiction.overrides import Override, Overrides
from node.jurisdiction.watching import WatchList

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from node.jurisdiction.answers import NameAnswer
    from node.jurisdiction.locations import Location
    from node.jurisdiction.names import Resolver
    from node.jurisdiction.origins import Origins
    from node.jurisdiction.proxies import Proxy, ProxyList

State = Literal["country", "none", "hidden", "disputed", "unresolved"]
Row = tuple[str | int | None, ...]

FIRST_RETRY_MS = 30_000
LAST_RETRY_MS = 900_000
FAILED_LONG = 16
"""Failures in a row, three hours of them, after which a name is asked about less and less often."""
LONGEST_RETRY_MS = 86_400_000
ABSENT_LOOKS = 8
"""How often a name without addresses is asked again: three quarters of an hour in all."""
_MAX_CACHED = 200_000
_NEVER = 1 << 62
_NOWHERE = frozenset({"onion", "i2p", "ipfs", "service"})
_ENDING = frozenset({"override", "origin"})
"""Rows whose last part says until when they hold."""
_RULE: Row = ("rule", "jurisdiction", RULE_VERSION)
_ORDER: tuple[Confidence, ...] = ("low", "medium", "high")
_LESS: dict[Confidence, Confidence] = {"high": "medium", "medium": "low", "low": "low"}


class Located(msgspec.Struct, frozen=True):
    """Where a location is hosted. `country` is set if and only if `state` is `country`.

    `candidates` are the countries of a dispute, `best` the one of them that most speaks for.
    `retry_ms` (UTC) is set for `unresolved` only, and not if nobody was asked.
    """

    state: State
    country: str | None
    confidence: Confidence
    evidence: tuple[Row, ...]
    candidates: tuple[str, ...] = ()
    retry_ms: int | None = None
    best: str | None = None


class Locator:
    """Locates by name answers, votes and proxy lists. One event loop; its cache is bounded."""

    def __init__(
        self,
        names: Resolver,
        databases: Databases,
        proxies: Sequence[ProxyList] = (),
        *,
        overrides: Overrides | None = None,
        watch: WatchList | None = None,
        origins: Origins | None = None,
        absent_looks: int = ABSENT_LOOKS,
    ) -> None:
        self._names = names
        self._origins = origins
        self._absent_looks = absent_looks
        self._by_host: dict[str, tuple[NameAnswer | None, Located, int]] = {}
        self.use(databases, proxies, overrides or Overrides(), watch or WatchList())

    def use(
        self,
        databases: Databases,
        proxies: Sequence[ProxyList],
        overrides: Overrides,
        watch: WatchList,
    ) -> None:
        """Judge by this data from now on, and forget what was judged by other."""
        self._databases = databases
        self._proxies = tuple(proxies)
        self._overrides = overrides
        self._watch = watch
        self._by_host.clear()

    def forget(self, host: str) -> None:
        """Judge a host anew: something is known of it that was not."""
        self._by_host.pop(host, None)

    async def locate(self, location: Location, now_ms: int, *, attempts: int = 0) -> Located:
        """Locate, asking the name servers where necessary.

        `attempts` is how often this location was `unresolved` before: it spaces the retries.
        """
        if location.kind == "name":
            answer = await self._names.resolve(location.host, now_ms)
            open_still = answer.is_failure or (answer.is_absent and attempts < self._absent_looks)
            if open_still and self._overrides.by_name(location.host, now_ms) is None:
                return _unresolved(answer, now_ms, attempts)
            return self._judged(location.host, answer, now_ms)
        return self._without_names(location, now_ms)

    def locate_cached(self, location: Location, now_ms: int) -> Located | None:
        """Locate from what is known; None if somebody has to be asked."""
        if location.kind != "name":
            return self._without_names(location, now_ms)
        answer = self._names.cached(location.host, now_ms)
        if answer is None:
            return None
        is_open = answer.is_failure or answer.is_absent
        if is_open and self._overrides.by_name(location.host, now_ms) is None:
            return None
        return self._judged(location.host, answer, now_ms)

    def locate_unasked(self, location: Location, now_ms: int) -> Located:
        """Locate without asking or remembering: a name by an override or a proxy, or open."""
        if location.kind != "name":
            return self._without_names(location, now_ms)
        rows: tuple[Row, ...] = (_RULE, ("names", "not_asked", now_ms))
        veils = [("proxy", what, *proxy) for what, proxy in self._veils((location.host,), ())]
        rule = self._overrides.by_name(location.host, now_ms)
        if rule is not None:
            return self._overruled((*rows, *veils), location.host, rule, (), now_ms)
        if veils:
            return Located("hidden", None, "high", (*rows, *veils))
        return Located("unresolved", None, "low", rows)

    def _without_names(self, location: Location, now_ms: int) -> Located:
        if location.kind in _NOWHERE:
            return Located("none", None, "high", (_RULE, ("kind", location.kind)))
        return self._judged(location.host, None, now_ms)

    def _judged(self, host: str, answer: NameAnswer | None, now_ms: int) -> Located:
        """Judge a host once per answer, and anew when an override that counted is over.

        An address literal has no answer, and without an override never expires.
        """
        known = self._by_host.get(host)
        if known is not None and known[0] is answer and now_ms < known[2]:
            return known[1]
        if len(self._by_host) >= _MAX_CACHED:
            self._by_host.clear()
        located = self._literal(host, now_ms) if answer is None else self._judge(answer, now_ms)
        ends = [int(str(row[-1])) for row in located.evidence if row[0] in _ENDING]
        self._by_host[host] = (answer, located, min(ends, default=_NEVER))
        return located

    def _literal(self, address: str, now_ms: int) -> Located:
        reason = self._names.policy.refused(address)
        if reason is not None:
            return Located("none", None, "high", (_RULE, ("refused", address, reason)))
        rows: list[Row] = [_RULE, ("address", address, None)]
        return self._places(rows, (), (address,), now_ms, partial=False)

    def _judge(self, answer: NameAnswer, now_ms: int) -> Located:
        rows: list[Row] = [_RULE, *_told(answer)]
        if not answer.addresses and self._overrides.by_name(answer.host, now_ms) is None:
            return Located("none", None, "low", tuple(rows))
        not_whole = answer.partial or answer.left_out > 0
        names = (answer.host, *(target for target, _ in answer.cname_chain))
        addresses = tuple(address for address, _ in answer.addresses)
        return self._places(rows, names, addresses, now_ms, partial=not_whole)

    def _places(
        self,
        rows: list[Row],
        names: Sequence[str],
        addresses: Sequence[str],
        now_ms: int,
        *,
        partial: bool,
    ) -> Located:
        veils = [("proxy", what, *proxy) for what, proxy in self._veils(names, addresses)]
        veiled = {what for _, what, *_ in veils}
        behind = bool(veiled.intersection(names)) or veiled.issuperset(addresses)
        voting = [one for one in addresses if behind or one not in veiled]
        votes = [self._vote(address, now_ms, rows) for address in voting]
        rule = self._overrides.by_name(names[0], now_ms) if names else None
        if rule is not None:
            shown = () if behind else votes
            return self._overruled((*rows, *veils), names[0], rule, shown, now_ms)
        host = names[0] if names else addresses[0]
        rows.extend(veils)
        if behind:
            by_name = bool(veiled.intersection(names))
            return self._behind(rows, host, now_ms, partial=partial and not by_name)
        told = self._told_votes(rows, host, now_ms) if veils else []
        rows.extend(("beside", what, str(provider)) for _, what, *_, provider in veils)
        return _decide(rows, [*votes, *told], partial=partial or bool(veils))

    def _behind(self, rows: list[Row], host: str, now_ms: int, *, partial: bool) -> Located:
        """Judge what a proxy hides: by its answer, if one is known and names no proxy again."""
        votes = self._told_votes(rows, host, now_ms)
        if not votes:
            return Located("hidden", None, "medium" if partial else "high", tuple(rows))
        return _decide(rows, votes, partial=partial)

    def _told_votes(self, rows: list[Row], host: str, now_ms: int) -> list[Vote]:
        """Return the votes on what a proxy told, and add it; none if that is a proxy's again."""
        found = None if self._origins is None else self._origins.answer(host, now_ms)
        if found is None:
            return []
        ends = (found.answered_ms, found.expires_ms)
        rows.extend(("origin", found.host, found.provider, one, *ends) for one in found.addresses)
        rows.extend(("address", one, None) for one in found.addresses)
        votes = [self._vote(one, now_ms, rows) for one in found.addresses]
        veils = [("proxy", what, *proxy) for what, proxy in self._veils((), found.addresses)]
        rows.extend(veils)
        return [] if veils else votes

    def _vote(self, address: str, now_ms: int, rows: list[Row]) -> Vote:
        """Return the vote on an address after overrides and signs, and add what led to it."""
        vote = self._databases.country(address)
        rows.extend(("ballot", address, *ballot) for ballot in vote.ballots)
        announced = self._watch.announced(address)
        if announced is not None:
            rows.append(("network", address, *announced))
        signs = self._watch.watched(address, announced)
        rows.extend(("watched", address, *sign) for sign in signs)
        anycast = self._watch.anycast_at(address)
        if anycast is not None:
            rows.append(("watched", address, *anycast))
        rule = self._overrides.by_address(address, now_ms)
        if rule is not None:
            rules = (rule, *self._overrides.against(rule, now_ms))
            rows.extend(_told_rule(address, one) for one in rules)
            named = tuple(sorted({one.country for one in rules}))
            if len(named) > 1:
                return Vote(None, "low", named, vote.ballots)
            return Vote(rule.country, "high", named, vote.ballots)
        if anycast is not None:
            return Vote(None, "low", vote.candidates, vote.ballots)
        return vote._replace(confidence=_LESS[vote.confidence]) if signs else vote

    def _overruled(
        self,
        rows: tuple[Row, ...],
        host: str,
        rule: Override,
        votes: Sequence[Vote],
        now_ms: int,
    ) -> Located:
        """Return what people decided, with everything that databases and proxies say beside it.

        `votes` on its addresses tip the scales where people contradict each other.
        """
        rules = (rule, *self._overrides.against(rule, now_ms))
        told = (*rows, *(_told_rule(host, one) for one in rules))
        named = tuple(sorted({one.country for one in rules}))
        if len(named) == 1:
            return Located("country", rule.country, "high", told)
        candidates: tuple[Row, ...] = tuple(("candidate", country) for country in named)
        best = _best([vote._replace(candidates=named) for vote in votes]) or named[0]
        return Located("disputed", None, "low", (*told, *candidates), named, best=best)

    def _veils(self, names: Sequence[str], addresses: Sequence[str]) -> Iterator[tuple[str, Proxy]]:
        for proxies in self._proxies:
            for name in names:
                if (found := proxies.by_name(name)) is not None:
                    yield name, found
            for address in addresses:
                if (found := self._veil(proxies, address)) is not None:
                    yield address, found

    def _veil(self, proxies: ProxyList, address: str) -> Proxy | None:
        """Return the entry that holds an address, by its range or by who announces it."""
        found = proxies.by_address(address)
        if found is not None or not proxies.asns:
            return found
        announced = self._watch.announced(address)
        return None if announced is None else proxies.by_asn(announced.asn)


def _told_rule(matched: str, rule: Override) -> Row:
    """Return an override as evidence; its end stands last."""
    return (
        "override", matched, rule.kind, rule.id, rule.entry, rule.country, rule.author,
        rule.reason, rule.expires_ms,
    )  # fmt: skip


def _decide(rows: list[Row], votes: list[Vote], *, partial: bool) -> Located:
    """Turn the votes on all addresses into one answer."""
    countries = {vote.country for vote in votes}
    only = votes[0].country
    if len(countries) > 1 or only is None:
        candidates = tuple(sorted({named for vote in votes for named in vote.candidates}))
        rows.extend(("candidate", country) for country in candidates)
        return Located("disputed", None, "low", tuple(rows), candidates, best=_best(votes))
    weakest = min((vote.confidence for vote in votes), key=_ORDER.index)
    if partial and weakest == "high":
        weakest = "medium"
    return Located("country", only, weakest, tuple(rows))


def _best(votes: Sequence[Vote]) -> str | None:
    """Return the candidate that most ballots name, of equals the first by its code; None: none.

    Ballots that a rule of people's speaks against say nothing: it is what counts on its address.
    """
    named: Counter[str] = Counter()
    for vote in votes:
        named.update(_speaking(vote) or vote.candidates)
    return min(named, key=lambda country: (-named[country], country), default=None)


def _speaking(vote: Vote) -> list[str]:
    """Return the candidates of a vote as often as ballots name them."""
    said = (one.country for one in vote.ballots)
    return [one for one in said if one is not None and one in vote.candidates]


def _told(answer: NameAnswer) -> Iterator[Row]:
    """Yield what the name servers said, as rows."""
    yield ("names", "partial" if answer.partial else answer.state, answer.asked_ms)
    for target, ttl_s in answer.cname_chain:
        yield ("cname", target, ttl_s)
    for address, ttl_s in answer.addresses:
        yield ("address", address, ttl_s)
    for address, reason in answer.refused:
        yield ("refused", address, reason)
    if answer.left_out:
        yield ("left_out", answer.left_out)


def _unresolved(answer: NameAnswer, now_ms: int, attempts: int) -> Located:
    """Say when to ask again: doubling from half a minute to a quarter of an hour.

    Servers that go on failing are those of a site that is given up: doubling again, up to a day.
    """
    wait_ms = min(FIRST_RETRY_MS << min(max(attempts, 0), 10), LAST_RETRY_MS)
    if answer.is_failure:
        wait_ms = min(wait_ms << min(max(attempts - FAILED_LONG, 0), 10), LONGEST_RETRY_MS)
    retry_ms = max(now_ms + wait_ms, answer.expires_ms)
    return Located("unresolved", None, "low", (_RULE, *_told(answer)), retry_ms=retry_ms)
