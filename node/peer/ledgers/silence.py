"""Whether a member that shows nothing of its ledger is away, or keeps silent (§8.14.3).

Who is away is not accused: its channels say that it is. Who goes on to take and to say things, and
lets comparisons alone fail, may have something to hide: it is missed as one that refuses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from keys.registry import Registry
from node.peer.channels import pacing
from node.peer.errors import PeerTimeoutError, PeerUnreachableError
from node.peer.ledgers.lineage import shows_lineage

LONG_MS: Final = 24 * 3_600_000
"""So long comparing has failed before it says something that all else goes."""
BACK_MS: Final = 12 * 3_600_000
"""So long a member that has come back has time to show its ledger."""

GRACE_MS: Final = 24 * 3_600_000
"""So long after a suspension ended nobody is missed: others may not have heard so yet, and what was
signed meanwhile is cosigned by them only now."""

KEEP_MS: Final = 3_600_000
"""So often at most is kept that a member is suspended still."""

Receipted = Callable[[int], Awaitable[Sequence[tuple[object, ...]]]]
"""Gives how far channels with it were receipted, in either direction, until a time (UTC)."""


async def is_away(error: Exception, receipted: Receipted, good_ms: int | None, now_ms: int) -> bool:
    """Whether a member with which comparing failed is one that nothing reaches.

    It is not if something was receipted more than a day after the last good comparison (or, where
    there was none, beside what was receipted in the first place), half a day ago or longer.

    Args:
        error: how it failed.
        receipted: what else goes on with it.
        good_ms: when a comparison was good last (UTC); None: never.
        now_ms: UTC.

    Raises:
        StoreError: our own log could not be read.
    """
    if not isinstance(error, PeerUnreachableError | PeerTimeoutError):
        return False
    until_ms = now_ms - BACK_MS
    known = good_ms is not None and good_ms <= now_ms  # else that clock was wrong
    since_ms = good_ms + LONG_MS if good_ms is not None and known else until_ms - LONG_MS
    if since_ms >= until_ms:
        return True
    before = await receipted(since_ms)
    return not (known or before) or _far(before) == _far(await receipted(until_ms))


def has_no_ledger(registry: Registry, member: str, good_ms: int | None) -> bool:
    """Whether a member is of an earlier version, which has nothing to show.

    It lists no witness key. Others may do so, too: who showed its ledger before (`good_ms`), or
    reads what came after ledgers, has one.
    """
    is_later = good_ms is not None or shows_lineage(registry, member)
    return not is_later and not registry.member(member).witness_keys


class Suspensions(Protocol):
    """What is kept of who was suspended; methods raise `StoreError`."""

    async def barred(self) -> dict[str, int]:
        """Return when members were seen to be suspended last, UTC."""
        ...

    async def keep_barred(self, last_ms: Mapping[str, int]) -> None:
        """Keep that in the place of what was kept before."""
        ...


class Barred:
    """Remembers when members and we were suspended last, across starts; nearly, to save writes.

    Who is suspended is shown nothing, and nobody cosigns for it.
    """

    def __init__(self, us: str, store: Suspensions) -> None:
        self._us = us
        self._store = store
        self._kept: dict[str, int] | None = None
        self._last_ms: dict[str, int] = {}

    async def see(self, registry: Registry, now_ms: int) -> None:
        """Note who is suspended now (UTC).

        Raises:
            StoreError: it was not kept; it is noted again.
        """
        kept = await self._load()
        members = registry.network.members.items()
        barred = {one: now_ms for one, entry in members if entry.status == "suspended"}
        self._last_ms |= barred
        if any(pacing.is_past(now_ms, kept.get(one, -KEEP_MS), KEEP_MS) for one in barred):
            lasting = self._last_ms.items()
            fresh = {one: at for one, at in lasting if not pacing.is_past(now_ms, at, GRACE_MS)}
            await self._store.keep_barred(fresh)
            self._kept = fresh

    async def lately(self, peer: str, now_ms: int) -> bool:
        """Whether `peer`, or we, were suspended less than a day ago.

        Raises:
            StoreError: it could not be read.
        """
        await self._load()
        since = [self._last_ms[one] for one in (peer, self._us) if one in self._last_ms]
        return any(not pacing.is_past(now_ms, one, GRACE_MS) for one in since)

    async def _load(self) -> dict[str, int]:
        if self._kept is None:
            self._kept = await self._store.barred()
            self._last_ms = self._kept | self._last_ms
        return self._kept


def _far(due: Sequence[tuple[object, ...]]) -> set[tuple[object, ...]]:
    """How far which logs go; what followed them meanwhile says nothing of that."""
    return {one[:2] for one in due}
