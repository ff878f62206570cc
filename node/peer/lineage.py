"""Showing that the epochs of our ledger go on from each other, and seeing it of others' (§8.16).

Whoever takes heads of a ledger, as a peer that compares or as a witness that cosigns, remembers the
last one that it was shown. An epoch that does not go on from it means that its owner was set back,
lost its node, or wants something forgotten: a person asks which. A witness cosigns no epoch whose
first leaf it was not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import msgspec

from keys.registry import Registry
from node.peer.errors import (
    BadAnswerError,
    BadLineageError,
    CallError,
    OverQuotaError,
    UnknownLedgerError,
)
from node.peer.quotas import TokenBucket
from node.peer.transport import LineageTransport
from protocol.errors import ProtocolError
from protocol.lineage import (
    NOTHING_SHOWN,
    Followed,
    Lineage,
    Owner,
    Remembered,
    SeenHead,
    follow,
    from_bytes,
    newest_of,
    to_bytes,
)
from protocol.vocabulary import Kind

SET_BACK: Final = "ledger_set_back"
"""A member's ledger does not go on from what we saw of it."""
PER_HOUR: Final = 60
HOUR_S: Final = 3600
ROUNDS: Final = 3
"""To ask what is remembered, to show, and once more if another process of ours showed meanwhile."""


def shows_lineage(registry: Registry, member: str) -> bool:
    """Whether a member's version shows how its epochs go on: that which reads `Disavow` does."""
    document = registry.members.get(member)
    return document is not None and Kind.DISAVOW in document.capabilities.kinds


class LineageStore(Protocol):
    """What showing and following need of the store; methods raise `StoreError`."""

    async def ours(self, told: SeenHead | None) -> Lineage:
        """Return how our ledger goes on from what the reader remembers, `seen` left empty.

        From its newest head alone where that is nothing, or nothing that we remember.
        """
        ...

    async def remembered(self, member: str) -> Remembered | None:
        """Return the last head of a member's ledger that was shown to us."""
        ...

    async def follow(
        self, member: str, before: Remembered | None, followed: Followed, now_ms: int
    ) -> None:
        """Remember what was shown, if `before` still is what is remembered; alarm if it must be."""
        ...


class _Told(NamedTuple):
    """What a member last said that it remembers of our ledger."""

    head: SeenHead | None


class Lineages:
    """Shows and follows; one per process.

    Args:
        us: our member id.
        store: our ledger, and what we remember of others'.
        registry: gives the verified registry in force.
        transport: the way to others.
        clock: gives the time, ms UTC.
    """

    def __init__(
        self,
        us: str,
        store: LineageStore,
        registry: Callable[[], Registry],
        transport: LineageTransport,
        clock: Callable[[], int],
    ) -> None:
        self._us = us
        self._store = store
        self._registry = registry
        self._transport = transport
        self._clock = clock
        self._told: dict[str, _Told] = {}
        self._buckets: dict[str, TokenBucket] = {}

    async def answer(self, caller: str, raw: bytes) -> bytes:
        """Follow what `caller` shows, and show it how our ledger goes on.

        Raises:
            UnknownLedgerError: it is suspended, and is told nothing.
            OverQuotaError: it asks more often than sixty times an hour.
            BadLineageError: it shows nothing that verifies; nothing of it is remembered.
            StoreError: nothing was kept.
        """
        now_ms = self._clock()
        fresh = TokenBucket(PER_HOUR / HOUR_S, PER_HOUR, now_ms)
        if not self._registry().is_active(caller):
            raise UnknownLedgerError
        if not self._buckets.setdefault(caller, fresh).take(now_ms):
            raise OverQuotaError
        try:
            shown = await self._follow(caller, raw)
        except ProtocolError as error:
            raise BadLineageError(error.code) from None
        return await self._ours(caller, await self._store.ours(shown.seen))

    async def exchange(self, peer: str) -> None:
        """Show a member how our ledger goes on and follow its own; earlier versions show nothing.

        It takes another round where the member remembers something else than it last said, or has
        not said it yet.

        Raises:
            CallError: nothing that verifies came back.
            StoreError: what came was not kept.
        """
        if not shows_lineage(self._registry(), peer):
            return
        for _ in range(ROUNDS):
            told = self._told.get(peer)
            ours = NOTHING_SHOWN if told is None else await self._store.ours(told.head)
            raw = await self._transport.lineage(peer, await self._ours(peer, ours))
            try:
                shown = await self._follow(peer, raw)
            except ProtocolError as error:
                raise BadAnswerError(f"lineage: {error.code}") from None
            self._told[peer] = _Told(shown.seen)
            if told is not None and (not ours.links or shown.seen == newest_of(ours)):
                return

    async def introduce(self, witness: str) -> str | None:
        """Show a witness how our ledger goes on; return a problem's code.

        Raises:
            StoreError: what came was not kept.
        """
        try:
            await self.exchange(witness)
        except CallError as error:
            return error.code
        return None

    async def _follow(self, owner: str, raw: bytes) -> Lineage:
        registry = self._registry()
        shown = from_bytes(raw)
        keys = registry.member(owner).log_keys
        before = await self._store.remembered(owner)
        followed = follow(shown, Owner(registry.network_id, owner, keys), before)
        if followed.remembered != before:
            await self._store.follow(owner, before, followed, self._clock())
        return shown

    async def _ours(self, peer: str, ours: Lineage) -> bytes:
        remembered = await self._store.remembered(peer)
        seen = None if remembered is None else remembered.seen
        return to_bytes(msgspec.structs.replace(ours, seen=seen))
