"""Handing back to a member that lost its node what it had said to us (docs/protocol.md §8.13).

Only a member whose document, signed by its offline member key, says that it is recovering is
handed anything; only what it said itself; only after a person here has allowed it; and sealed to
the fresh key that the document names. A thief who has the keys of daily work gets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

from keys.errors import KeysError
from keys.registry import Registry
from keys.sealing import SealingPublicKey
from node.peer.channels.outgoing import Push
from node.peer.channels.sealed import seal
from protocol import entry as entries
from protocol.errors import ProtocolError
from protocol.messages import Outcome, read
from protocol.push import Purpose
from protocol.recovery import Element, Page, Recover, Scope, Standing, StandingCode
from protocol.vocabulary import Kind, Lane, OutcomeWhat


class Permission(Enum):
    """What a person here has decided."""

    WAITS = StandingCode.WAITING
    GIVEN = None
    DENIED = StandingCode.REFUSED


class HeldPage(NamedTuple):
    """Some entries of a member, with the checkpoint over them and our receipt for it."""

    epoch: bytes
    start: int
    size: int
    note: bytes
    receipt: bytes
    elements: Sequence[Element]


class HandingBackStore(Protocol):
    """What handing back needs of the store. Methods raise `StoreError`."""

    async def permission(self, peer: str, sealing_key: str, now_ms: int) -> Permission:
        """Return what a person has decided; the first question puts it in front of one."""
        ...

    async def page(
        self, peer: str, lane: Lane, asked: Recover, limits: tuple[int, int]
    ) -> HeldPage | StandingCode:
        """Return the page after the position asked, within `limits`: entries, bytes."""
        ...

    async def given(self, peer: str, sealing_key: str, entries: int) -> None:
        """Count what was handed back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HandingBack:
    """Answers members that ask for what they said.

    `on_recovering` is told of a member that is handed its entries: it lacks ours, too.
    `on_registry_behind`: somebody says that he recovers, and our registry does not.
    """

    us: str
    store: HandingBackStore
    registry: Callable[[], Registry]
    clock: Callable[[], int]
    on_recovering: Callable[[str], None] = lambda _peer: None
    on_registry_behind: Callable[[], None] = lambda: None

    async def serve(self, peer: str, lane: Lane, asked: Recover) -> Page | Standing:
        """Return the next page, or how the asking stands.

        Raises:
            StoreError: it can't be read or counted now.
        """
        registry = self.registry()
        if not registry.is_active(peer):
            return Standing(1, StandingCode.REFUSED)
        document, now_ms = registry.member(peer), self.clock()
        everything = asked.scope is Scope.EVERYTHING
        try:
            key = document.recovery_key() if everything else document.sealing_key_at(now_ms)
        except KeysError:
            self.on_registry_behind()
            return Standing(1, StandingCode.NOT_RECOVERING)
        if everything:
            permission = await self.store.permission(peer, key.key_id, now_ms)
            if permission is not Permission.GIVEN:
                return Standing(1, permission.value)
        return await self._page(peer, lane, asked, key)

    async def _page(
        self, peer: str, lane: Lane, asked: Recover, key: SealingPublicKey
    ) -> Page | Standing:
        network = self.registry().network.limits
        limits = (network.push_entries, network.push_bytes)
        held = await self.store.page(peer, lane, asked, limits)
        if isinstance(held, StandingCode):
            return Standing(1, held)
        elements = held.elements
        if asked.scope is Scope.EVERYTHING:
            await self.store.given(peer, key.key_id, len(elements))
            self.on_recovering(peer)
        else:
            elements = [_of_erasure(one) for one in elements]
        raw = [one.to_bytes() for one in elements]
        push = Push(held.epoch, held.start, held.size, held.note, raw, 0)
        _, head, sealed = seal(push, key, Purpose.RECOVER)
        return Page(held.start, held.receipt, head, sealed)


def _of_erasure(one: Element) -> Element:
    """What is left of a place where only erasures are asked for; openings chain the epochs."""
    if one.entry is None:
        return Element(one.leaf, None)
    try:
        kind = entries.decode(one.entry).kind
        if kind == Kind.EPOCH_OPEN:
            return one
        message = read(one.entry)[1] if kind == Kind.OUTCOME else None
    except ProtocolError:
        return Element(one.leaf, None)
    said = isinstance(message, Outcome) and message.what is OutcomeWhat.ERASED
    return one if said else Element(one.leaf, None)
