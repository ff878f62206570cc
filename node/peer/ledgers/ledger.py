"""Keeping this member's ledger: the heads of its channels, appended and signed once an hour.

A process begins an epoch of its own and keeps its edge in memory, so that a restored backup or a
second process can never sign another history of an epoch that exists: the honest are not accused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from keys.registry import Registry
from keys.signing import Signer, VerifyKey
from node.peer.ledgers.witnessing import Counts, counts_in
from protocol.errors import ProtocolError
from protocol.ledger import (
    EVERY_MINUTES,
    LedgerHead,
    LedgerOrigin,
    LoggedHead,
    read_ledger_head,
    sign_ledger_head,
    verify_ledger_head,
)
from protocol.merkle import CompactRange

MINUTE_MS = 60_000
EPOCH_LEAVES = 16_384
"""After so many leaves another epoch is begun: proofs about one cost some milliseconds at most."""
POLICY = "ledger_minutes"


Revoked = Callable[[], AbstractSet[str]]
"""Gives the ids of our own keys that were revoked, and may be listed still."""

IsOurs = Callable[[bytes], bool]
"""Whether the note of a head of our ledger is signed by a log key that counts."""


def signed_by(keys: Sequence[VerifyKey]) -> IsOurs:
    """Return what tells whether one of these log keys signed a head of a ledger."""

    def is_ours(note: bytes) -> bool:
        try:
            verify_ledger_head(note, keys)
        except ProtocolError:
            return False
        return True

    return is_ours


def ledger_minutes(registry: Registry) -> int:
    """Return how often at most a ledger grows in this network, minutes."""
    return registry.network.policy.get(POLICY, EVERY_MINUTES)


class LedgerStore(Protocol):
    """What keeping a ledger needs of the store; methods raise `StoreError`."""

    async def unlogged(self, is_ours: IsOurs | None) -> list[LoggedHead]:
        """Return the heads of channels, in both directions, that stand in no epoch yet.

        Or only below heads that are not our word any more; None: every head is.
        """
        ...

    async def newest(self) -> tuple[bytes, int] | None:
        """Return the last signed head of any epoch, and when it was signed (UTC)."""
        ...

    async def unwitnessed(self, epoch: bytes, counts: Counts) -> list[LoggedHead]:
        """Return the last heads of channels in an epoch that were not witnessed there in time.

        By the cosignatures that `counts` takes.
        """
        ...

    async def append(
        self, head: LedgerHead, added: Sequence[LoggedHead], note: bytes, now_ms: int
    ) -> None:
        """Keep new leaves and the signed head over them, in one transaction.

        Fails where another process wrote in this epoch: no place is ever written twice.
        """
        ...


class LedgerKeeper:
    """Appends to the ledger; one per process.

    Args:
        us: our member id.
        store: where it is kept.
        registry: gives the verified registry in force.
        log_key: signs heads.
        epoch: gives 8 fresh random bytes.
        revoked: gives the ids of our own keys that were revoked, and may be listed still.
    """

    def __init__(
        self,
        us: str,
        store: LedgerStore,
        registry: Callable[[], Registry],
        log_key: Signer,
        epoch: Callable[[], bytes],
        revoked: Revoked = frozenset,
    ) -> None:
        self._us = us
        self._store = store
        self._registry = registry
        self.log_key = log_key
        self._new_epoch = epoch
        self._revoked = revoked
        self._tenure: tuple[LedgerOrigin, CompactRange] | None = None
        self._looked_ms: int | None = None

    async def append_due(self, now_ms: int) -> LedgerHead | None:
        """Append the heads that changed, if it is time; return the new head, None: nothing to do.

        Raises:
            StoreError, HsmError: nothing was kept; the next call begins another epoch.
        """
        newest = await self._store.newest()
        last = (self._looked_ms, None if newest is None else newest[1])
        if any(at is not None and 0 <= now_ms - at < self._pause_ms() for at in last):
            return None
        changed = await self._store.unlogged(self._is_ours())
        if not changed:
            self._looked_ms = now_ms
            return None
        origin, edge, added = await self._next(changed, newest)
        edge = edge.extend([one.leaf for one in added])
        head = LedgerHead(origin, edge.size, edge.root)
        self._tenure = None  # until it is durable: what may have been signed is never signed anew
        await self._store.append(head, added, sign_ledger_head(head, self.log_key), now_ms)
        self._looked_ms = now_ms
        self._tenure = origin, edge
        return head

    def _is_ours(self) -> IsOurs | None:
        revoked = self._revoked()
        if not revoked:
            return None
        keys = self._registry().member(self._us).log_keys
        counting = [key for key in keys if key.key_id not in revoked]
        if self.log_key.public not in counting:
            return None  # what it says again would be shown to nobody either, each hour
        return signed_by(counting)

    def _pause_ms(self) -> int:
        return ledger_minutes(self._registry()) * MINUTE_MS

    async def _next(
        self, changed: Sequence[LoggedHead], newest: tuple[bytes, int] | None
    ) -> tuple[LedgerOrigin, CompactRange, list[LoggedHead]]:
        """Return where to append, after what, and what; a new epoch names the one before.

        What no witness saw in that one is said again: nobody cosigns an epoch that is over.
        """
        if self._tenure is not None and self._tenure[1].size < EPOCH_LEAVES:
            return (*self._tenure, list(changed))
        registry = self._registry()
        origin = LedgerOrigin(registry.network_id, self._us, self._new_epoch())
        if newest is None:
            return origin, CompactRange(), list(changed)
        before = read_ledger_head(newest[0])
        said = {one.origin for one in changed}
        bare = await self._store.unwitnessed(before.origin.epoch, counts_in(registry))
        left = [head for head in bare if head.origin not in said]
        return origin, CompactRange(), [before.logged, *left, *changed]
