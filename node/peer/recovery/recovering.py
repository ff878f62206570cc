"""Coming back: a member that lost its node asks its peers for what it had said to them.

Nothing that comes is believed before it was checked: the checkpoint is one of our own log key, the
entries hash to it, each epoch follows the one before; and what a thief of that key had signed is
not taken for our word, since it lacks our salt. So a peer that lies can leave out an end, and no
more; and of that the channel itself tells, when it is next used (docs/protocol.md §8.5.4). What
is kept here has no effect yet; that is the rebuilding's business
(`node.casework.rebuilt.rebuilding`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from keys.errors import KeysError
from keys.registry import Registry
from keys.sealing import SealingKey
from node.casework.rebuilt.recovered import Said, read_said
from node.peer.apart import apart
from node.peer.channels import pacing
from node.peer.channels.sending import may_send
from node.peer.errors import CallError, PeerError
from node.peer.transport import RecoverTransport
from protocol import push as pushes
from protocol import recovery
from protocol.answers import Position
from protocol.checkpoint import Channel, VerifiedCheckpoint, verify_checkpoint
from protocol.errors import MalformedError, ProtocolError
from protocol.push import Purpose
from protocol.receipt import verify_receipt
from protocol.recovery import Element, Held, Page, Recover, Scope, Standing, StandingCode
from protocol.vocabulary import Lane

ASK_AGAIN_MS = 60_000
"""How often is asked while a person at the peer has not decided."""
CAP_MS = 600_000
ROUND_MS = 60_000
"""So long pages of one channel are taken or brought in one go: a peer that gives them slowly, or
asks without end, keeps nobody else waiting. The next go begins where this one ended."""


class Progress(NamedTuple):
    """How far one channel of ours has come back."""

    peer: str
    lane: Lane
    standing: str
    entries: int
    erased: int
    attempts: int
    next_ms: int


class KeptPage(NamedTuple):
    """A page that was verified; `receipt` None: none that verifies under today's keys."""

    epoch: bytes
    start: int
    note: bytes
    receipt: bytes | None
    before: Position
    elements: Sequence[tuple[Element, Said | None]]


ASKING = "asking"
"""The phase in which pages are asked for and taken."""
NOT_CALLABLE = "not_callable"
"""The peer only pulls: nobody can ask it; it comes by itself (docs/protocol.md §8.13.10)."""

FindSealingKey = Callable[[str], SealingKey | None]


class RecoveredStore(Protocol):
    """What asking needs of the store. Methods raise `StoreError`."""

    async def phase(self) -> str | None:
        """Return `asking` or `rebuilding` while this node recovers; else None."""
        ...

    async def progress(self) -> Sequence[Progress]:
        """Return how far each channel that was asked for has come back."""
        ...

    async def held(self, peer: str, lane: Lane) -> Held:
        """Return the position up to which a channel is back."""
        ...

    async def stand(
        self, peer: str, lane: Lane, standing: str, attempts: int, next_ms: int
    ) -> None:
        """Keep how the asking stands, and when to ask again."""
        ...

    async def keep(self, peer: str, lane: Lane, before: Held, after: Held, page: KeptPage) -> bool:
        """Keep a verified page that follows `before`; False: another one came meanwhile."""
        ...


class NoKeyError(ProtocolError):
    """A page is sealed to a key that is not here: the fresh one is needed."""

    code = "sealing_key_missing"


@dataclass(slots=True, kw_only=True)
class Recovering:
    """Asks every peer for what this member had said to it."""

    us: str
    store: RecoveredStore
    transport: RecoverTransport
    registry: Callable[[], Registry]
    sealing_key: FindSealingKey
    node_secret: bytes
    clock: Callable[[], int]
    jitter: Callable[[int], int]
    on_registry_behind: Callable[[], None] = lambda: None

    async def ask_due(self) -> int:
        """Ask on every channel that is due; return how many pages came."""
        known = {(one.peer, one.lane): one for one in await self.store.progress()}
        now_ms = self.clock()
        due = []
        for peer, lane in channels(self.registry(), self.us, reachable=False):
            if (peer, lane) not in known:
                await self.store.stand(peer, lane, NOT_CALLABLE, 0, now_ms)
        for peer, lane in channels(self.registry(), self.us):
            one = known.get((peer, lane))
            if one is None or pacing.is_due(now_ms, one.next_ms):
                due.append(self._ask(peer, lane, 0 if one is None else one.attempts))
        return sum(await asyncio.gather(*due))

    async def brought(self, peer: str, lane: Lane, brought: Page | Standing) -> Recover | Standing:
        """Take what a peer brings that cannot be asked; return what is asked for next.

        A page that is not believed moves nothing: the same is asked for again.

        Raises:
            StoreError: nothing was kept.
        """
        if (peer, lane) not in channels(self.registry(), self.us, reachable=False):
            return Standing(1, StandingCode.REFUSED)
        if await self.store.phase() != ASKING:
            return Standing(1, StandingCode.NOT_RECOVERING)
        held, now_ms = await self.store.held(peer, lane), self.clock()
        if isinstance(brought, Standing):
            await self._stands(peer, lane, brought, now_ms)
        else:
            try:
                after, page = self._checked(peer, lane, held, brought)
            except (ProtocolError, KeysError) as error:
                await self.store.stand(peer, lane, error.code, 1, now_ms)
            else:
                await self.store.keep(peer, lane, held, after, page)
                held = await self.store.held(peer, lane)
        return Recover(1, Scope.EVERYTHING, held.epoch, held.edge.size)

    async def _stands(self, peer: str, lane: Lane, brought: Standing, now_ms: int) -> None:
        """Keep how a peer says that it stands; that it comes again does not undo its end."""
        known = {(one.peer, one.lane): one.standing for one in await self.store.progress()}
        is_over = known.get((peer, lane)) == StandingCode.END
        if not (is_over and brought.code is StandingCode.WAITING):
            await self.store.stand(peer, lane, str(brought.code), 0, now_ms)

    async def _ask(self, peer: str, lane: Lane, attempts: int) -> int:
        """Ask on one channel until there is no page; never raises for the peer's trouble."""
        pages, began_ms = 0, self.clock()
        try:
            while (standing := await apart(peer, self._next(peer, lane))) is None:
                pages += 1
                if pacing.is_past(self.clock(), began_ms, ROUND_MS):
                    return pages
        except (PeerError, ProtocolError, KeysError) as error:
            if isinstance(error, CallError) and error.refresh:
                self.on_registry_behind()
            pause_ms = pacing.backoff_ms(attempts + 1, self.jitter, CAP_MS)
            next_ms = self.clock() + pause_ms
            await self.store.stand(peer, lane, error.code, attempts + 1, next_ms)
            return pages
        unheard = standing.code is StandingCode.NOT_RECOVERING  # the peer looks at the registry now
        attempts = attempts + 1 if unheard else 0
        pause_ms = pacing.backoff_ms(attempts, self.jitter, CAP_MS) if unheard else ASK_AGAIN_MS
        if standing.code is StandingCode.END:
            pause_ms = CAP_MS  # what the lost node had under way may still arrive there
        await self.store.stand(peer, lane, str(standing.code), attempts, self.clock() + pause_ms)
        return pages

    async def _next(self, peer: str, lane: Lane) -> Standing | None:
        held = await self.store.held(peer, lane)
        asked = Recover(1, Scope.EVERYTHING, held.epoch, held.edge.size)
        path = recovery.recover_path(self.us, lane)
        found = await self.transport.recover(peer, path, recovery.to_bytes(asked))
        if isinstance(found, Standing):
            return found
        after, page = self._checked(peer, lane, held, found)
        await self.store.keep(peer, lane, held, after, page)
        return None

    def _checked(self, peer: str, lane: Lane, held: Held, page: Page) -> tuple[Held, KeptPage]:
        """Verify a page and read what it says.

        Raises:
            ProtocolError, KeysError: it is not what we had signed, or does not open.
        """
        registry = self.registry()
        channel = Channel(registry.network_id, self.us, peer, lane)
        after, checkpoint, elements = open_page(registry, channel, held, page, self.sealing_key)
        if any(one.entry is None and one.entry_id is None for one in elements):
            raise MalformedError("page.element", "must not be left out where all is asked for")
        before = held.position if page.start == 0 else Held().position
        receipt = _receipt(registry, peer, checkpoint, page.receipt)
        read = [(one, _said(one, self.node_secret)) for one in elements]
        kept = KeptPage(checkpoint.origin.epoch, page.start, page.head.note, receipt, before, read)
        return after, kept


def open_page(
    registry: Registry, channel: Channel, held: Held, page: Page, sealing_key: FindSealingKey
) -> tuple[Held, VerifiedCheckpoint, list[Element]]:
    """Verify and open a page of a channel of ours that follows `held`.

    Raises:
        ProtocolError, KeysError: it is not what we had signed, or does not open.
    """
    head = page.head
    keys = registry.member(channel.sender).log_keys
    checkpoint = verify_checkpoint(head.note, keys).checkpoint
    key = sealing_key(head.key_id)
    if key is None:
        raise NoKeyError(NoKeyError.__doc__)
    if page.start >= checkpoint.size:
        raise MalformedError("page.start", "must be below the size of the checkpoint")
    info = pushes.seal_info(
        Purpose.RECOVER, head.suite, head.key_id, checkpoint, page.start, checkpoint.size
    )
    most = max(registry.network.limits.push_entries, recovery.MAX_ELEMENTS)
    frame = pushes.unframe(
        key.open(info, page.sealed), most, pushes.BUCKETS[-1], recovery.MAX_ELEMENT_BYTES
    )
    elements = recovery.read_elements(frame)
    after = recovery.check_page(channel, held, checkpoint, page.start, elements)
    return after, checkpoint, elements


def channels(registry: Registry, us: str, *, reachable: bool = True) -> list[tuple[str, Lane]]:
    """Every channel of ours that a peer may hold who can be called, or who cannot."""
    return [
        (peer, lane)
        for peer, document in sorted(registry.members.items())
        if document.reachable is reachable and registry.is_active(peer)
        for lane in Lane
        if may_send(registry, us, peer, lane)
    ]


def _receipt(
    registry: Registry, peer: str, checkpoint: VerifiedCheckpoint, raw: bytes
) -> bytes | None:
    """The peer's receipt, if it verifies under the keys that are listed today."""
    try:
        verify_receipt(raw, checkpoint, registry.member(peer).receipt_keys)
    except (ProtocolError, KeysError):
        return None
    return raw


def _said(one: Element, node_secret: bytes) -> Said | None:
    return None if one.entry is None else read_said(one.entry, node_secret)
