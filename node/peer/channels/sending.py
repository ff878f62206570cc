"""The sending end of a channel, whichever way its pushes travel: sent, or fetched by the receiver.

Here stands what both ways share (docs/protocol.md §8.5): what is concluded from a told state, when
an epoch is opened, which push comes next. `Delivery` calls the receiver; `Offering` is called
by it. State stands on rows; memory holds only what this process's tenure signed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from keys.registry import Registry
from keys.signing import Signer
from node.casework.passing_on.permits import Permits, renewed
from node.peer.channels import pacing
from node.peer.channels.outgoing import Limits, Outbox, OwnEntry, Push, disavowal, tombstone
from node.peer.channels.tenure import ASK_AGAIN_MS, GoOn, Retry, Stopped, Tenure
from node.store.errors import ErasedError
from protocol import channel as channels
from protocol import entry as entries
from protocol.answers import NOTHING, Position, Told
from protocol.channel import Channel, Next, SenderState
from protocol.checkpoint import read_checkpoint, sign_checkpoint, verify_checkpoint
from protocol.errors import ProtocolError, UnheardKeyError
from protocol.governance import may_speak, party
from protocol.messages import RegistrySeen, to_body
from protocol.vocabulary import Kind, Lane, Urgency

MAX_ENTRIES = 1 << 30
GIVEN_UP_AFTER = 3
"""Attempts after which a stored receipt under a key that nobody believes any more is given up: the
receiver never signs it anew (§8.6.3), and its receipt for the next epoch covers the same."""


@dataclass(slots=True, kw_only=True)
class Sending:
    """What a member needs in order to send.

    `epoch()` gives 8 random bytes. `max_entries` bounds a push below the network's own limit.
    `on_receipt` is told of entries that were receipted. `restored_ms`: a person said "restored".
    """

    us: str
    outbox: Outbox
    registry: Callable[[], Registry]
    log_key: Signer
    node_secret: bytes
    epoch: Callable[[], bytes]
    nonce: Callable[[], bytes]
    on_registry_behind: Callable[[], None] = lambda: None
    on_receipt: Callable[[str, Lane, int], None] = lambda _peer, _lane, _entries: None
    restored_ms: int | None = None
    max_entries: int = MAX_ENTRIES
    batch_window_ms: int = 0
    bulk_window_ms: int = 0
    _tenures: dict[tuple[str, Lane], Tenure] = field(default_factory=dict)
    _permits: Permits | None = None

    def tenure(self, peer: str, lane: Lane) -> Tenure:
        """Return what is known of a channel."""
        found = self._tenures.get((peer, lane))
        if found is None:
            found = self._tenures[peer, lane] = Tenure()
        return found

    def forget(self, peer: str, lane: Lane) -> Tenure:
        """Begin anew with what stands on the row: somebody else held the channel meanwhile."""
        self._tenures[peer, lane] = Tenure(used=True)
        return self._tenures[peer, lane]

    async def conclude(
        self,
        peer: str,
        lane: Lane,
        tenure: Tenure,
        registry: Registry,
        told: Told,
        now_ms: int,
    ) -> None:
        """Compare what the receiver tells with what we remember (docs/protocol.md §8.5).

        If it is just what this process last signed, there is nothing to be talked into.
        """
        if tenure.state is not None and stands_at(tenure.state, told.position):
            tenure.asked_ms, tenure.used, tenure.held = now_ms, True, tenure.state.size
            return
        self._check_told(peer, lane, registry, told)
        signed_root, opened, last_ms = await self.outbox.remembered(peer, lane, told.position)
        if signed_root is None and self.restored_ms is not None and last_ms <= self.restored_ms:
            signed_root = told.position.root  # a person said "restored": once for each channel
        judgement = channels.judge(tenure.state, told.position, signed_root)
        ours: Mapping[bytes, int] = {}
        if judgement.next is Next.STOP:
            word = partial(disavowal, self.node_secret, peer)
            said = await self.outbox.disown(peer, lane, told, now_ms, word)
            if said is None:
                raise Stopped("unknown_history")
            ours = said  # a person said "compromised": the rest of it somebody else signed
        tenure.asked_ms, tenure.used = now_ms, True
        if judgement.next is Next.SEND_ON and judgement.start >= tenure.held:
            tenure.held = judgement.start
            return
        if judgement.next is Next.SEND_ON:  # it lost what it held: the urgent first, once more
            await self.outbox.alert_refill(peer, lane, now_ms)
        receipted = await self._receipted(peer, lane, told, opened)
        held = channels.chain_of(told.position, told.ancestors, opened.get, receipted)
        chain = {epoch: min(size, ours.get(epoch, size)) for epoch, size in held.items()}
        if await self.outbox.goes_back(peer, lane):
            raise Stopped("receiver_goes_back")
        renewed = tenure.fence != 0
        tenure.fence = await self.outbox.take_over(peer, lane)
        state = channels.open_epoch(self.epoch(), told.position)
        entomb = partial(tombstone, self.node_secret)
        await self.outbox.open(
            peer, lane, tenure.fence, state, chain, now_ms, entomb, renewed=renewed
        )
        tenure.state, tenure.held, tenure.seen = state, 0, None

    async def _receipted(
        self, peer: str, lane: Lane, told: Told, opened: Collection[bytes]
    ) -> Callable[[bytes], int]:
        """What there are receipts for, looked up where an epoch is told that we do not remember."""
        named = {told.position.epoch, *(one.epoch for one in told.ancestors)} - {None}
        if named <= set(opened):
            return lambda _epoch: 0
        found = await self.outbox.receipts(peer, lane, opened)
        return lambda epoch: found.get(epoch, 0)

    async def was_unused(self, peer: str, lane: Lane, tenure: Tenure, told: Position) -> bool:
        """Whether a channel that a restore may have forgotten was never used; it is kept so."""
        if not tenure.forgotten or tenure.used or told != NOTHING:
            return False
        await self.outbox.never_used(peer, lane)
        tenure.forgotten = False
        return True

    def _check_told(self, peer: str, lane: Lane, registry: Registry, told: Told) -> None:
        """The told state must stand under our own log key: nobody can talk us into another."""
        if told.checkpoint is None:
            return
        ours = registry.member(self.us).log_keys
        found = verify_checkpoint(told.checkpoint, ours).checkpoint
        origin = Channel(registry.network_id, self.us, peer, lane).origin(found.origin.epoch)
        position = Position(found.origin.epoch, found.size, found.root)
        if found.origin != origin or position != told.position:
            raise Retry("told_state_not_ours")

    def is_not_heard(self, tenure: Tenure) -> None:
        """Remember that the receiver does not know a key: perhaps the one that signed for us.

        It may have heard that this one is retired or revoked, and would never take the push.
        """
        tenure.unheard = True

    async def _signed_now(self, peer: str, lane: Lane, tenure: Tenure, push: Push) -> Push:
        """Return the same push, signed by our log key of today if a former one did (§3.8.6)."""
        tenure.unheard = False
        try:
            verify_checkpoint(push.note, (self.log_key.public,))
        except UnheardKeyError:
            note = sign_checkpoint(read_checkpoint(push.note), self.log_key)
            push = replace(push, note=note)
            await self.outbox.sign_anew(peer, lane, tenure.fence, push)
        return push

    def give_up_receipt(self, tenure: Tenure, now_ms: int) -> None:
        """Go by the told state: the receipt stands under a key that nobody believes (§3.9.5).

        The epoch ends, once a day: the next one follows from what the receiver tells, and its
        receipt is another, also where nothing else is to be said.
        """
        tenure.asked_ms = -ASK_AGAIN_MS
        before_ms = tenure.given_up_ms
        if before_ms is None or pacing.is_past(now_ms, before_ms, ASK_AGAIN_MS):
            tenure.state, tenure.given_up_ms = None, now_ms

    async def next_push(
        self, peer: str, lane: Lane, tenure: Tenure, registry: Registry, now_ms: int
    ) -> Push | None:
        """The signed push that the receiver lacks, else a new one from what waits.

        Raises:
            GoOn: some of it was erased meanwhile, or is not permitted to the receiver any more: the
                epoch ends, and the next one omits it (§8.8, §11.1).
        """
        try:
            return await self._next_push(peer, lane, tenure, registry, now_ms)
        except ErasedError:
            tenure.state = None
            raise GoOn from None

    async def _next_push(
        self, peer: str, lane: Lane, tenure: Tenure, registry: Registry, now_ms: int
    ) -> Push | None:
        state = tenure.state
        assert state is not None
        withheld = self._withheld(registry, peer, lane)
        if tenure.held < state.size:
            push = await self.outbox.stored(peer, lane, state.epoch, tenure.held)
            if push is not None and withheld and any(_kind(e) in withheld for e in push.entries):
                tenure.state = None
                raise GoOn
            if push is not None and tenure.unheard:
                push = await self._signed_now(peer, lane, tenure, push)
            return push
        own = self._own_entries(peer, tenure, registry)
        if not own and await self.outbox.urgency(peer, lane) is None:
            return None
        cut = await self.outbox.cut(
            Channel(registry.network_id, self.us, peer, lane),
            tenure.fence,
            state,
            own,
            self._limits(registry, withheld),
            lambda cut: sign_checkpoint(cut.checkpoint, self.log_key),
            now_ms,
        )
        if cut is None:
            return None
        tenure.state, push = cut
        tenure.seen = registry.seen
        if lane is Lane.BULK:  # what did not fit is a backlog, and waits for nothing more
            left = await self.outbox.urgency(peer, lane)
            tenure.lingers_until_ms = None if left is None else now_ms
        return push

    def lingers(self, tenure: Tenure, urgency: int | None, now_ms: int) -> bool:
        """Whether what waits, none of it more urgent than bulk, still waits for more to go with it.

        For `bulk_window_ms` from when it was first seen to wait. That is kept in memory alone: what
        a process finds when it begins goes at once, as does whatever opens an epoch.
        """
        if urgency != Urgency.BULK or tenure.state is None:
            return False
        if tenure.lingers_until_ms is None:
            tenure.lingers_until_ms = now_ms + self.bulk_window_ms
        return not pacing.is_due(now_ms, tenure.lingers_until_ms, self.bulk_window_ms)

    async def goes_again(self, peer: str, lane: Lane, tenure: Tenure, registry: Registry) -> bool:
        """Whether what an earlier registry held back may go; asked once for each registry.

        Nothing else says so where nothing waits besides.
        """
        if tenure.state is None or tenure.permitted is registry:
            return False
        tenure.permitted = registry
        limits = self._limits(registry, self._withheld(registry, peer, lane))
        return await self.outbox.may_go_again(peer, lane, limits)

    def _limits(self, registry: Registry, withheld: frozenset[int]) -> Limits:
        limits = registry.network.limits
        most = min(limits.push_entries, self.max_entries)
        return Limits(most, limits.push_bytes, limits.entry_bytes, withheld)

    def _withheld(self, registry: Registry, peer: str, lane: Lane) -> frozenset[int]:
        """The kinds that may not go to `peer` under this registry, whenever they were said."""
        self._permits = renewed(self._permits, self.us, registry)
        return self._permits.withheld(peer, lane)

    def _own_entries(self, peer: str, tenure: Tenure, registry: Registry) -> list[OwnEntry]:
        """The epoch's opening, and the registry it works under when that changed."""
        state = tenure.state
        assert state is not None
        own = []
        if state.size == 0:
            opening = channels.first_message(state)
            own.append(self._own(peer, Kind.EPOCH_OPEN, state.epoch, to_body(opening)))
        if tenure.seen != registry.seen:
            seen = RegistrySeen(*registry.seen)
            subject = state.epoch + registry.seen[2]
            own.append(self._own(peer, Kind.REGISTRY_SEEN, subject, to_body(seen)))
        return own

    def _own(self, peer: str, kind: Kind, subject: bytes, body: bytes) -> OwnEntry:
        return OwnEntry(
            entries.encode(entries.compose(self.node_secret, kind, subject, 0, peer, body))
        )


def stands_at(state: SenderState, told: Position) -> bool:
    """Whether a told state is all that a tenure has signed."""
    return (told.epoch, told.size, told.root) == (state.epoch, state.size, state.root)


def pairs_of(registry: Registry, us: str) -> list[tuple[str, Lane]]:
    """Return every channel on which our roles may say anything."""
    return [
        (peer, lane)
        for peer in registry.members
        for lane in Lane
        if may_send(registry, us, peer, lane)
    ]


def may_send(registry: Registry, us: str, peer: str, lane: Lane) -> bool:
    """Whether our roles may say anything on this lane to that member's."""
    network = registry.network
    members = network.members
    if us not in members or peer not in members or peer == us or peer not in registry.members:
        return False
    ours, theirs = members[us], members[peer]
    return may_speak(
        party(ours.roles, network.answers_for(us)),
        party(theirs.roles, network.answers_for(peer)),
        lane,
    )


def _kind(entry: bytes) -> int | None:
    """The kind of an entry of our own log; None: it says none that this version can read."""
    try:
        return entries.decode(entry).kind
    except ProtocolError:
        return None
