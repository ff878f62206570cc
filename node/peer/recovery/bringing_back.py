"""Bringing back to a member that lost its node what it had said to us, who cannot be asked.

A member that only pulls sees in the registry that another recovers, and calls it: its request
carries what would be the answer (a page, or how the asking stands), the answer what would be the
request (docs/protocol.md §8.13.10). What is handed back, and on whose word, `handing_back` decides
as ever. One that was restored from a backup says so to nobody: each member is asked once an hour
whether it lacks its own word about what it erased.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from keys.errors import KeysError
from keys.registry import Registry
from node.peer.apart import apart
from node.peer.channels import pacing
from node.peer.channels.sending import may_send
from node.peer.errors import PeerError
from node.peer.http.allowances import Allowances, Cost
from node.peer.recovery.recovering import ASK_AGAIN_MS, CAP_MS, ROUND_MS
from node.peer.transport import Recoveries
from protocol.errors import ProtocolError
from protocol.recovery import Page, Recover, Standing, StandingCode
from protocol.vocabulary import Lane

VISIT_MS: Final = 3_600_000
"""How often a member that does not recover is asked whether it was restored."""

NOTHING_YET: Final = Standing(1, StandingCode.WAITING)
"""What the first request of a round carries: it asks what is asked for."""


class BringTransport(Protocol):
    """The way to those who recover; raises `PeerError` as `Transport` does."""

    async def bring(self, peer: str, lane: Lane, brought: Page | Standing) -> Recover | Standing:
        """Bring a page or how the asking stands; return what is asked for next, if anything."""
        ...


@dataclass(slots=True, kw_only=True)
class BringingBack:
    """Calls every member that recovers, if we are one that nobody can call."""

    us: str
    recoveries: Recoveries
    transport: BringTransport
    registry: Callable[[], Registry]
    clock: Callable[[], int]
    jitter: Callable[[int], int]
    _attempts: dict[tuple[str, Lane], int] = field(default_factory=dict)
    _next_ms: dict[tuple[str, Lane], int] = field(default_factory=dict)
    _allowances: Allowances = field(init=False)

    def __post_init__(self) -> None:
        """Count what is brought, as what is handed back to those who ask."""
        self._allowances = Allowances(lambda: self.registry().network)

    async def bring_due(self) -> int:
        """Call whoever is due; return how many pages were brought.

        Raises:
            StoreError: something could not be read or counted; call again.
        """
        now_ms = self.clock()
        registry = self.registry()
        pauses = dict.fromkeys(visited(registry, self.us), VISIT_MS)
        pauses |= dict.fromkeys(callers(registry, self.us), CAP_MS)
        due = [
            (*one, pause_ms)
            for one, pause_ms in pauses.items()
            if pacing.is_due(now_ms, self._next_ms.get(one, 0), pause_ms)
        ]
        return sum(await asyncio.gather(*(self._bring(*one) for one in due)))

    async def _bring(self, peer: str, lane: Lane, pause_ms: int) -> int:
        """Bring what is asked for on one lane, in one go; never raises for the peer's trouble.

        `pause_ms`: until the next round, where nobody has to decide.
        """
        place, pages, began_ms = (peer, lane), 0, self.clock()
        brought: Page | Standing = NOTHING_YET
        before: tuple[bytes | None, int] | None = None
        try:
            while isinstance(
                asked := await apart(peer, self.transport.bring(peer, lane, brought)), Recover
            ):
                position = asked.epoch, asked.size
                stood_still = isinstance(brought, Page) and position == before
                if stood_still or (isinstance(brought, Standing) and brought is not NOTHING_YET):
                    break
                pages += isinstance(brought, Page)
                if pacing.is_past(self.clock(), began_ms, ROUND_MS):
                    self._next_ms[place] = self.clock()
                    return pages
                brought, before = await apart(peer, self._served(peer, lane, asked)), position
        except (PeerError, ProtocolError, KeysError):
            attempts = self._attempts.get(place, 0) + 1
            self._attempts[place] = attempts
            self._next_ms[place] = self.clock() + pacing.backoff_ms(attempts, self.jitter, CAP_MS)
            return pages
        waits = isinstance(brought, Standing) and brought.code is StandingCode.WAITING
        waits = waits and isinstance(asked, Recover)
        self._attempts[place] = 0
        self._next_ms[place] = self.clock() + (ASK_AGAIN_MS if waits else pause_ms)
        return pages

    async def _served(self, peer: str, lane: Lane, asked: Recover) -> Page | Standing:
        """Give the next page, within the bytes that the peer has left for the day.

        Raises:
            OverQuotaError: it has none left.
            StoreError: it can't be read or counted now.
        """
        self._allowances.need(peer, Cost.BYTES, self.clock())
        found = await self.recoveries.serve(peer, lane, asked)
        if isinstance(found, Page):
            self._allowances.owe(peer, Cost.BYTES, len(found.sealed), self.clock())
        return found


def callers(registry: Registry, us: str) -> list[tuple[str, Lane]]:
    """Return who recovers and cannot ask us, with the lanes on which it may have said something."""
    ours = registry.members.get(us)
    if ours is None or ours.reachable:
        return []
    return [
        (peer, lane)
        for peer, document in sorted(registry.members.items())
        if document.recovering is not None and document.reachable and registry.is_active(peer)
        for lane in Lane
        if may_send(registry, peer, us, lane)
    ]


def visited(registry: Registry, us: str) -> list[tuple[str, Lane]]:
    """Return who may have been restored without a word, and cannot ask us for its erasures."""
    ours = registry.members.get(us)
    if ours is None or ours.reachable:
        return []
    return [
        (peer, Lane.STATUS)
        for peer, document in sorted(registry.members.items())
        if document.recovering is None and document.reachable and registry.is_active(peer)
        if may_send(registry, peer, us, Lane.STATUS)
    ]
