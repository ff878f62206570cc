"""Where a location leads: redirects, hop by hop, as values and as evidence. Pure.

Content stands where the last hop leads, and only who asks the site itself learns that. So this is
off until the operator allows it; `node.asking.redirects` asks.

A trail ends at the last location that is there: where the next hop is no public location, has no
public address, or does not answer, the site before it counts, and the hop says why. Somebody says
then that the content is elsewhere, and nobody can see whether it is: a country found so has
`medium` confidence at most.

A site answers who asks it as it likes, and need not lead a browser where it leads this node. So a
country to which it leads from another one has `medium` confidence at most too, and an end that is
in no country, behind a proxy, or that was not itself asked (its port, an onion), `low`: then a
person looks. Where the reported site itself stands is in the evidence: its ballots, and a row
`("led", host, state, country)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.jurisdiction.locate import Located, Row
    from node.jurisdiction.locations import Location

MAX_HOPS = 10
NOT_THERE = frozenset({"special_address", "no_address", "no_answer", "certificate"})
"""Problems of a hop that say that the place is not there for anybody who follows the redirect."""


class Hop(NamedTuple):
    """One site on the way: its host, the checked address that was asked, what it answered.

    `status` is of HTTP; `problem` a word of ours for why the trail ends here, None if it does not
    or ends well.
    """

    host: str
    address: str | None
    status: int | None
    problem: str | None


class Trail(NamedTuple):
    """A way through redirects, and where it ends."""

    last: Location
    hops: tuple[Hop, ...]


class Redirects(Protocol):
    """Follows redirects."""

    async def follow(self, location: Location, now_ms: int) -> Trail:
        """Return where a location leads; never raises for what sites do."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


def with_hops(located: Located, trail: Trail) -> Located:
    """Return the finding for the end of a trail with the way there as evidence.

    A trail that was cut short because the place it leads to is not there makes the finding less
    sure. Rows are `("hop", number, host, address, status, problem)`.
    """
    rows: tuple[Row, ...] = tuple(("hop", n, *hop) for n, hop in enumerate(trail.hops, start=1))
    sure = located.confidence
    if (
        located.state == "country"
        and sure == "high"
        and is_cut_short([hop.problem for hop in trail.hops])
    ):
        sure = "medium"
    return msgspec.structs.replace(located, confidence=sure, evidence=(*located.evidence, *rows))


def led_from(located: Located, reported: Location, first: Located, trail: Trail) -> Located:
    """Return the finding for the end of a trail beside that for the site that was reported.

    Where nobody names a country for the end, that of the site is the best candidate.
    """
    where = (located.state, located.country)
    if reported.host == trail.last.host or where == (first.state, first.country):
        return located
    rows: tuple[Row, ...] = (
        ("led", reported.host, first.state, first.country),
        *(row for row in first.evidence if row[0] == "ballot"),
    )
    evidence = (*located.evidence, *(row for row in rows if row not in located.evidence))
    sure = located.confidence
    last = trail.last.host
    asked = any(hop.host == last and hop.status is not None for hop in trail.hops)
    if located.state in {"none", "hidden"} or (located.state == "country" and not asked):
        sure = "low"
    elif located.state == "country" and sure == "high":
        sure = "medium"
    best = located.best or first.country or first.best
    return msgspec.structs.replace(located, confidence=sure, evidence=evidence, best=best)


def is_cut_short(problems: Sequence[object]) -> bool:
    """Whether a site leads on to a place that is not there, by the problems of its hops."""
    return len(problems) > 1 and problems[-1] in NOT_THERE
