"""Where a location leads: redirects, hop by hop, as values and as evidence. Pure.

Content stands where the last hop leads, and only who asks the site itself learns that. So this is
off until the operator allows it; `node.asking.redirects` asks.

A trail ends at the last location that may be looked for: where the next hop is no public location,
cannot be reached or does not answer, the site before it counts, and the hop says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    from node.jurisdiction.locate import Located, Row
    from node.jurisdiction.locations import Location

MAX_HOPS = 10


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

    Rows are `("hop", number, host, address, status, problem)`.
    """
    rows: tuple[Row, ...] = tuple(("hop", n, *hop) for n, hop in enumerate(trail.hops, start=1))
    return msgspec.structs.replace(located, evidence=(*located.evidence, *rows))
