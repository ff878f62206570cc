"""Showing that the epochs of our ledger go on from each other, and seeing it of others' (§8.16).

Whoever takes heads of a ledger, as a peer that compares or as a witness that cosigns, remembers the
last one that it was shown. An epoch that does not go on from it means that its owner was set back,
lost its node, or wants something forgotten: a person asks which. A witness cosigns no epoch whose
first leaf it was not shown.

An owner can keep two ledgers and have each cosigned by witnesses of its own. So members tell each
other which heads of third members they remember, and whoever hears of one that it does not know
asks its owner to lead from there to the head that it shows everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import msgspec

from keys.errors import KeysError
from keys.registry import Registry
from node.peer.errors import (
    BadAnswerError,
    BadLineageError,
    CallError,
)
from node.peer.ledger_exchange import LINEAGE, Admission, LedgerTransport
from protocol.errors import ProtocolError
from protocol.fork import ForkEvidence
from protocol.ledger import read_ledger_head, verify_ledger_head
from protocol.lineage import (
    MAX_OTHERS,
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
FORKED: Final = "ledger_forked"
SPLIT: Final = "ledger_split"
"""A member does not lead from a head that it signed to the one that it shows us."""
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

    async def others(self, but: str, after: int, limit: int) -> list[bytes]:
        """Return heads of members other than `but` that we remember, going round from `after`."""
        ...

    async def keep_fork(self, member: str, evidence: ForkEvidence, now_ms: int) -> None:
        """Keep a proof that a member split its ledger, once, and put it before a person."""
        ...

    async def split(self, member: str, now_ms: int) -> None:
        """Put before a person that a member does not lead from a head that it signed to another."""
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
        transport: LedgerTransport,
        clock: Callable[[], int],
    ) -> None:
        self._us = us
        self._store = store
        self._registry = registry
        self._transport = transport
        self._clock = clock
        self._told: dict[str, _Told] = {}
        self._admission = Admission(LINEAGE, registry)
        self._doubts: dict[str, Remembered] = {}
        self._shown_others = 0

    async def answer(self, caller: str, raw: bytes) -> bytes:
        """Follow what `caller` shows, and show it how our ledger goes on.

        Raises:
            UnknownLedgerError: it is suspended, and is told nothing.
            OverQuotaError: it asks more often than sixty times an hour.
            BadLineageError: it shows nothing that verifies; nothing of it is remembered.
            StoreError: nothing was kept.
        """
        self._admission.admit(caller, self._clock())
        try:
            shown = await self._follow(caller, raw)
        except ProtocolError as error:
            raise BadLineageError(error.code) from None
        await self._compare(caller, shown)
        return await self._ours(caller, await self._store.ours(shown.seen))

    async def exchange(self, peer: str) -> None:
        """Show a member how our ledger goes on and follow its own; earlier versions show nothing.

        Who ever showed something is of no earlier version.

        It takes another round where the member remembers something else than it last said, or has
        not said it yet.

        Raises:
            CallError: nothing that verifies came back.
            StoreError: what came was not kept.
        """
        known = await self._store.remembered(peer)
        if known is None and not shows_lineage(self._registry(), peer):
            return
        for _ in range(ROUNDS):
            told = self._told.get(peer)
            ours = NOTHING_SHOWN if told is None else await self._store.ours(told.head)
            raw = await self._transport.exchange(peer, LINEAGE, await self._ours(peer, ours))
            try:
                shown = await self._follow(peer, raw)
            except ProtocolError as error:
                raise BadAnswerError(f"lineage: {error.code}") from None
            self._told[peer] = _Told(shown.seen)
            await self._compare(peer, shown)
            if told is not None and (not ours.links or shown.seen == newest_of(ours)):
                break
        await self._ask_about_doubt(peer)

    async def _compare(self, speaker: str, shown: Lineage) -> None:
        """Compare what a member remembers of third members' ledgers with what we do.

        Two roots of one place are proof. Another place is one to ask its owner about.
        """
        registry = self._registry()
        for note in shown.others:
            try:
                claim = read_ledger_head(note)
                owner = claim.origin.member
                head = verify_ledger_head(note, registry.member(owner).log_keys)
            except (ProtocolError, KeysError):
                continue  # a key that is listed no more, or a lie: it accuses nobody
            known = await self._store.remembered(owner)
            if known is None or owner in {self._us, speaker}:
                continue
            said = Remembered(head.origin.epoch, head.size, head.root, note)
            if said[:2] != known[:2]:
                self._doubts[owner] = said
            elif said.root != known.root:
                evidence = ForkEvidence(known.note, note)
                await self._store.keep_fork(owner, evidence, self._clock())

    async def _ask_about_doubt(self, owner: str) -> None:
        """Let an owner lead from a head that another was shown to the one that it shows us.

        If its newest head was the same before and after, it must be the one that it leads to.

        Raises:
            CallError: nothing that verifies came back.
            StoreError: nothing was kept.
        """
        doubt, before = self._doubts.pop(owner, None), await self._store.remembered(owner)
        if doubt is None or before is None or doubt.seen == before.seen:
            return
        led = await self._led_from(owner, doubt)
        after = await self._led_from(owner, before)
        if after is None or after[:3] != before[:3]:
            self._doubts[owner] = doubt  # it has grown meanwhile: ask again
        elif led is None or led[:3] != before[:3]:
            await self._store.split(owner, self._clock())

    async def _led_from(self, owner: str, start: Remembered) -> Remembered | None:
        """Return the head to which an owner leads from one that it signed; None: it does not."""
        registry = self._registry()
        question = msgspec.structs.replace(NOTHING_SHOWN, seen=start.seen)
        raw = await self._transport.exchange(owner, LINEAGE, to_bytes(question))
        try:
            shown = from_bytes(raw)
            keys = registry.member(owner).log_keys
            followed = follow(shown, Owner(registry.network_id, owner, keys), start)
        except ProtocolError:
            return None
        return followed.remembered if shown.start == start.seen else None

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
        others = await self._store.others(peer, self._shown_others, MAX_OTHERS)
        self._shown_others += MAX_OTHERS
        return to_bytes(msgspec.structs.replace(ours, seen=seen, others=tuple(others)))
