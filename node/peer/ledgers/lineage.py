"""Showing that the epochs of our ledger go on from each other, and seeing it of others' (§8.16).

Whoever takes heads of a ledger, as a peer that compares or as a witness that cosigns, remembers the
last one that it was shown. An epoch that does not go on from it means that its owner was set back,
lost its node, or wants something forgotten: a person asks which. A witness cosigns no epoch whose
first leaf it was not shown.

An owner can keep two ledgers and have each cosigned by witnesses of its own. So members tell each
other which heads of third members they remember, and whoever hears of one that it does not know
asks its owner to lead from there to the head that it shows everybody (`doubting.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, Protocol

import msgspec

from keys.errors import HsmError, KeysError
from keys.registry import Registry
from keys.signing import Signer, VerifyKey
from node.peer.errors import (
    BadAnswerError,
    BadLineageError,
    CallError,
)
from node.peer.ledgers.doubting import Doubting, DoubtStore
from node.peer.ledgers.ledger_exchange import LINEAGE, Admission, LedgerTransport
from protocol.errors import ProtocolError
from protocol.fork import ForkEvidence
from protocol.ledger import read_ledger_head, sign_ledger_head, verify_ledger_head
from protocol.lineage import (
    MAX_OTHERS,
    NOTHING_SHOWN,
    Followed,
    Lineage,
    Link,
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
REBUILT: Final = "ledger_rebuilt"
"""It does not, and its offline member key signed that its node was lost (§8.13.1)."""
FORKED: Final = "ledger_forked"
SPLIT: Final = "ledger_split"
"""A member does not lead from a head that it signed to the one that it shows us."""
ROUNDS: Final = 3
"""To ask what is remembered, to show, and once more if another process of ours showed meanwhile."""


def shows_lineage(registry: Registry, member: str) -> bool:
    """Whether a member's version shows how its epochs go on: that which reads `Disavow` does."""
    document = registry.members.get(member)
    return document is not None and Kind.DISAVOW in document.capabilities.kinds


class LineageStore(DoubtStore, Protocol):
    """What showing and following need of the store; methods raise `StoreError`."""

    async def ours(self, told: SeenHead | None, counts: Callable[[bytes], bool]) -> Lineage:
        """Return how our ledger goes on from what the reader remembers, `seen` left empty.

        From its newest head alone where that is nothing, or nothing that we remember. A chain ends
        early at no head that does not count, unless it has as many links as one may. `counts`:
        whether a note of ours is signed by a log key that is listed today.
        """
        ...

    async def remembered(self, member: str) -> Remembered | None:
        """Return the last head of a member's ledger that was shown to us."""
        ...

    async def follow(
        self,
        member: str,
        before: Remembered | None,
        followed: Followed,
        alarm: str,
        now_ms: int,
    ) -> None:
        """Remember what was shown, if `before` still is what is remembered.

        If it does not go on from that, `alarm` stands before a person, a code.
        """
        ...

    async def others(self, but: str, after: int, limit: int) -> list[bytes]:
        """Return heads of members other than `but` that we remember, going round from `after`."""
        ...

    async def keep_fork(self, member: str, evidence: ForkEvidence, now_ms: int) -> None:
        """Keep a proof that a member split its ledger, once, and put it before a person."""
        ...

    async def doubt(self, speaker: str, heads: Mapping[str, bytes], now_ms: int) -> None:
        """Keep heads, by whose ledger they are, until their owners are asked; durable on return.

        One for each ledger and speaker, so that nobody ends a doubt by raising another.
        """
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
        log_key: gives our log key of now, which signs again what others are led to.
        revoked: gives the ids of our own keys that were revoked, and may be listed still.
    """

    def __init__(
        self,
        us: str,
        store: LineageStore,
        registry: Callable[[], Registry],
        transport: LedgerTransport,
        clock: Callable[[], int],
        log_key: Callable[[], Signer],
        revoked: Callable[[], AbstractSet[str]] = frozenset,
    ) -> None:
        self._us = us
        self._store = store
        self._registry = registry
        self._transport = transport
        self._clock = clock
        self._log_key = log_key
        self._revoked = revoked
        self._told: dict[str, _Told] = {}
        self._admission = Admission(LINEAGE, registry)
        self._doubting = Doubting(
            store, registry, transport, clock, self._signed, self._keep_fork, self._split
        )
        self._shown_others = 0

    async def answer(self, caller: str, raw: bytes) -> bytes:
        """Follow what `caller` shows, and show it how our ledger goes on.

        Raises:
            UnknownLedgerError: it is suspended, and is told nothing.
            OverQuotaError: it asks more often than sixty times an hour.
            BadLineageError: it shows nothing that verifies; nothing of it is remembered.
            StoreError: nothing was kept.
            HsmError: it cannot be led on now; it asks again.
        """
        self._admission.admit(caller, self._clock())
        try:
            shown = from_bytes(raw)
            is_answer = await self._doubting.hear(caller, shown)
            newest = None if is_answer else await self._follow(caller, shown)
        except ProtocolError as error:
            raise BadLineageError(error.code) from None
        await self._compare(caller, shown)
        asked = None if newest is None else await self._doubting.put(caller, newest)
        return await self._ours(caller, await self._led_from(shown.seen), asked)

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
            ours = await self._led_on(told)
            raw = await self._transport.exchange(peer, LINEAGE, await self._ours(peer, ours))
            try:
                shown = from_bytes(raw)
                await self._follow(peer, shown)
            except ProtocolError as error:
                raise BadAnswerError(f"lineage: {error.code}") from None
            self._told[peer] = _Told(shown.seen)
            await self._compare(peer, shown)
            if told is not None and (not ours.links or shown.seen == newest_of(ours)):
                break
        await self._doubting.ask(peer, await self._store.remembered(peer))

    async def _led_on(self, told: _Told | None) -> Lineage:
        """Go on from what was told; who cannot sign now shows nothing, and does another time."""
        if told is None:
            return NOTHING_SHOWN
        try:
            return await self._led_from(told.head)
        except HsmError:
            return NOTHING_SHOWN

    async def _led_from(self, told: SeenHead | None) -> Lineage:
        """Lead on from a head of ours, or from nothing, to one that is believed (§8.16.6).

        Our newest head can be under a key that was revoked since, and a chain too short to reach
        another, after more restarts under such a key than it has links. What it ends at is ours all
        the same: our key of now says it again, so that we are never one who does not lead on.
        """
        ours = await self._store.ours(told, self._counts)
        if not ours.links or self._counts(ours.links[-1].note):
            return ours
        key = self._log_key()
        if key.public not in self._believed(self._registry(), self._us):
            return ours
        *links, last = ours.links
        again = Link(sign_ledger_head(read_ledger_head(last.note), key), last.path)
        return msgspec.structs.replace(ours, links=(*links, again))

    def _counts(self, note: bytes) -> bool:
        """Whether a head of ours is signed by a log key of ours that others believe today."""
        return self._signed(self._us, note) is not None

    async def _compare(self, speaker: str, shown: Lineage) -> None:
        """Compare what a member remembers of third members' ledgers with what we do.

        Two roots of one place are proof. Another place is one to ask its owner about.
        """
        doubts: dict[str, bytes] = {}
        for note in shown.others:
            owner, said = self._said_of(note)
            known = None if said is None else await self._store.remembered(owner)
            if said is None or known is None or owner in {self._us, speaker}:
                continue
            if said.seen != known.seen:
                doubts[owner] = note
            elif said.root != known.root:
                await self._keep_fork(owner, known, said)
        if doubts:
            await self._store.doubt(speaker, doubts, self._clock())

    def _said_of(self, note: bytes) -> tuple[str, Remembered | None]:
        """Whose ledger a head is of, and the head; None: a lie, or under a key listed no more."""
        try:
            owner = read_ledger_head(note).origin.member
        except ProtocolError:
            return "", None
        return owner, self._signed(owner, note)

    def _signed(self, owner: str, note: bytes) -> Remembered | None:
        """Return what a head says; None: no log key that its owner lists today signed it."""
        registry = self._registry()
        try:
            head = verify_ledger_head(note, self._believed(registry, owner))
        except (ProtocolError, KeysError):
            return None
        if head.origin[:2] != (registry.network_id, owner):
            return None
        return Remembered(head.origin.epoch, head.size, head.root, note)

    def _believed(self, registry: Registry, owner: str) -> Sequence[VerifyKey]:
        """The log keys of a member; of ours not those that we revoked, as nobody believes them."""
        revoked = self._revoked() if owner == self._us else frozenset()
        return [key for key in registry.member(owner).log_keys if key.key_id not in revoked]

    async def _keep_fork(self, owner: str, known: Remembered, said: Remembered) -> None:
        evidence = ForkEvidence(known.note, said.note)
        await self._store.keep_fork(owner, evidence, self._clock())

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

    async def _follow(self, owner: str, shown: Lineage) -> Remembered | None:
        """Return the newest head, if it has just been led there from what we remembered."""
        registry = self._registry()
        keys = registry.member(owner).log_keys
        before = await self._store.remembered(owner)
        followed = follow(shown, Owner(registry.network_id, owner, keys), before)
        if followed.remembered != before:
            alarm = self._alarm(owner, SET_BACK)
            await self._store.follow(owner, before, followed, alarm, self._clock())
        led = before is not None and bool(shown.links) and shown.start == before.seen
        return followed.remembered if led else None

    def _alarm(self, owner: str, silent: str) -> str:
        """The code under which a ledger without its past stands before a person.

        That its node was lost can be true or not; but then its owner's people signed it.
        """
        return silent if self._registry().member(owner).recovering is None else REBUILT

    def _split(self, owner: str) -> str:
        return self._alarm(owner, SPLIT)

    async def _ours(self, peer: str, ours: Lineage, asked: SeenHead | None = None) -> bytes:
        """Show this; `asked`: from which head the peer is to lead, if not the one remembered."""
        remembered = await self._store.remembered(peer)
        seen = asked or (None if remembered is None else remembered.seen)
        others = await self._store.others(peer, self._shown_others, MAX_OTHERS)
        self._shown_others += MAX_OTHERS
        return to_bytes(msgspec.structs.replace(ours, seen=seen, others=tuple(others)))
