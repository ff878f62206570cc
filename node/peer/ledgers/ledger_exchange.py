"""Exchanges about ledgers: two members show each other the same thing, each of its own ledger.

There are two of them: where the channels between the two stand (§8.14), and how the epochs go on
from each other (§8.16). Either side may begin, so a member that cannot be called is shown both,
too. What they share stands here: path, type, bounds, and who is answered how often.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from keys.registry import Registry
from node.peer.errors import (
    BadLineageError,
    BadShowingError,
    RefusedRequestError,
    UnknownLedgerError,
)
from node.peer.http import wire
from node.peer.http.quotas import HourlyQuota
from protocol.lineage import MAX_LINEAGE_BYTES
from protocol.showing import MAX_SHOWING_BYTES


class LedgerExchange(NamedTuple):
    """One of them.

    Attributes:
        suffix: what its path adds to that of the ledger.
        media_type: of the request and of its answer.
        max_bytes: of either.
        per_hour: so often a member is answered in an hour.
        refusal: what does not verify, or is too long, is answered with.
    """

    suffix: str
    media_type: str
    max_bytes: int
    per_hour: int
    refusal: type[RefusedRequestError]

    def path(self, owner: str) -> str:
        """Return the path at which a member is shown this of the ledger of `owner`."""
        return f"{wire.PREFIX}ledger/{owner}{self.suffix}"


SHOWING: Final = LedgerExchange("", wire.SHOWING_TYPE, MAX_SHOWING_BYTES, 12, BadShowingError)
"""Where the channels between two members stand (§8.14)."""
LINEAGE: Final = LedgerExchange(
    "/epochs", wire.LINEAGE_TYPE, MAX_LINEAGE_BYTES, 60, BadLineageError
)
"""How the epochs of a ledger go on from each other (§8.16)."""


class LedgerTransport(Protocol):
    """The way to those with whom it is exchanged; raises `PeerError` as `Transport` does."""

    async def exchange(self, peer: str, about: LedgerExchange, body: bytes) -> bytes:
        """Show what it is about of our ledger; return what the peer shows, to be verified."""
        ...


class Admission:
    """Who is answered in one of the exchanges.

    Args:
        about: which.
        registry: gives the verified registry in force.
    """

    def __init__(self, about: LedgerExchange, registry: Callable[[], Registry]) -> None:
        self._registry = registry
        self._quota = HourlyQuota(about.per_hour)

    def admit(self, caller: str, now_ms: int) -> None:
        """Count a request, before anything of it is looked at.

        Raises:
            UnknownLedgerError: the caller is suspended, and is told nothing.
            OverQuotaError: it asks more often than is answered.
        """
        if not self._registry().is_active(caller):
            raise UnknownLedgerError
        self._quota.spend(caller, now_ms)


def to_call(registry: Registry, us: str) -> set[str]:
    """Return with whom we compare without a channel that we know of, if nobody can call us.

    A disk that went back in time, without anybody knowing, may have forgotten it.
    """
    ours = registry.members.get(us)
    if ours is None or ours.reachable:
        return set()
    return {peer for peer, document in registry.members.items() if document.reachable} - {us}
