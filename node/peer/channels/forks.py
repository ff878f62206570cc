"""Keeping proof that a member split its history, before anybody can say that it did not.

When a push shows another root for a size that we hold, the note in it and the one that we cosigned
cannot both be true. The two, with the nodes of a consistency proof, convince whoever knows the
member's log key (`protocol.fork`). Only what proves it is kept: an honest member is never accused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from keys.errors import KeysError
from keys.registry import Registry
from protocol.checkpoint import VerifiedCheckpoint, read_checkpoint
from protocol.errors import ProtocolError
from protocol.fork import ForkEvidence, fork_nodes, verify_fork
from protocol.vocabulary import Lane


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What we cosigned: the sender's note of the next size that we hold, and the leaves below."""

    note: bytes
    leaves: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class KeptFork:
    """One proof as it is kept: its number here, who forked, and when it was found (ms UTC)."""

    number: int
    peer: str
    evidence: ForkEvidence
    found_ms: int


class ForkStore(Protocol):
    """What keeping proofs needs of the store."""

    async def counterpart(
        self, peer: str, lane: Lane, epoch: bytes, size: int
    ) -> Counterpart | None:
        """Return what we hold of that epoch at `size` or the next size after it, if anything."""
        ...

    async def keep(self, peer: str, evidence: ForkEvidence, now_ms: int) -> None:
        """Keep a proof, once; durable on return."""
        ...


class ForkKeeper:
    """Makes proofs from suspicions."""

    def __init__(
        self, store: ForkStore, registry: Callable[[], Registry], clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock

    async def suspect(
        self, peer: str, lane: Lane, checkpoint: VerifiedCheckpoint, note: bytes
    ) -> bool:
        """Keep proof of a fork if `note`, which says `checkpoint`, and what we hold are one.

        Raises:
            StoreError: it could not be kept.
        """
        epoch, size = checkpoint.origin.epoch, checkpoint.size
        held = await self._store.counterpart(peer, lane, epoch, size)
        if held is None:
            return False
        try:
            larger = read_checkpoint(held.note)
            nodes = () if larger.size == size else fork_nodes(held.leaves, checkpoint, larger)
            evidence = ForkEvidence(note, held.note, nodes)
            verify_fork(evidence, self._registry().member(peer).log_keys)
        except (ProtocolError, KeysError):
            return False  # it proves nothing: the channel stops all the same, and accuses nobody
        await self._store.keep(peer, evidence, self._clock())
        return True
