"""Delivering: what waits in the outbox becomes signed pushes, and pushes become receipts.

`deliver_due(now)` does all that is due and can be called by anybody: a loop, a test, a simulated
world. State stands on rows; memory holds only what this process's tenure signed. One push is in
flight per channel; while it flies, what accumulates is the next one. Nothing is dropped by age.
A channel that cannot go on by itself is stopped, with a task for a person, and loses nothing.

Backing off is full jitter, capped at 15 minutes; a call from the peer ends it, and a child at risk
does not wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from keys.errors import KeysError
from keys.registry import Registry
from keys.signing import Signer
from node.peer import pacing
from node.peer.errors import CallError, PeerError
from node.peer.outgoing import Outbox, OwnEntry, Push
from node.peer.transport import Reply, Transport
from node.store.errors import DisplacedError
from protocol import answers
from protocol import channel as channels
from protocol import entry as entries
from protocol import push as pushes
from protocol.answers import ANSWERS, Answer, AnswerCode, Position, Then, Told
from protocol.channel import Channel, Next, SenderState
from protocol.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from protocol.errors import ProtocolError
from protocol.governance import may_speak, party
from protocol.messages import RegistrySeen, to_body
from protocol.receipt import verify_receipt
from protocol.vocabulary import Kind, Lane

ASK_AGAIN_MS = 24 * 3600_000
"""A receiver that was restored from a backup is noticed within a day, even on a silent channel."""
MAX_ENTRIES = 1 << 30
HTTP_OK = 200


@dataclass(slots=True)
class _Tenure:
    """What this process knows of one channel: only a cache beside the row."""

    fence: int = 0
    state: SenderState | None = None
    held: int = 0
    asked_ms: int = -ASK_AGAIN_MS
    attempts: int = 0
    next_attempt_ms: int = 0
    gathers_until_ms: int = 0
    stopped: bool = False
    busy: bool = False
    used: bool = False
    seen: tuple[int, int, bytes] | None = None
    keeping: asyncio.Future[None] | None = None
    """The receipt that is being kept, beside the next cut: both share one commit."""


async def _kept(tenure: _Tenure) -> None:
    """Wait until the last receipt is durable.

    Raises:
        StoreError: it could not be kept.
    """
    keeping, tenure.keeping = tenure.keeping, None
    if keeping is not None:
        await keeping


class _GoOn(Exception):  # noqa: N818 - not an error: the channel was re-opened, go round again
    """The channel's state changed; take the next step from the start."""


class _Stopped(Exception):  # noqa: N818 - not an error of ours: a person must look
    """The channel stops before a person."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Retry(Exception):  # noqa: N818 - not an error of ours: try the same again later
    """Nothing changed; the same again after a pause."""

    def __init__(self, code: str, *, refresh: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.refresh = refresh


@dataclass(slots=True)
class Delivery:
    """Delivers for one member.

    `jitter(n)` returns a whole number below n; `nonce()` 16 random bytes; `epoch()` 8 random bytes.
    `max_entries` bounds a push below the network's own limit. After a channel was emptied, what
    comes next gathers for `batch_window_ms`; a child at risk does not wait for it.
    """

    us: str
    outbox: Outbox
    transport: Transport
    registry: Callable[[], Registry]
    log_key: Signer
    node_secret: bytes
    jitter: Callable[[int], int]
    nonce: Callable[[], bytes]
    epoch: Callable[[], bytes]
    on_registry_behind: Callable[[], None] = lambda: None
    on_receipt: Callable[[str, Lane, int], None] = lambda _peer, _lane, _entries: None
    restored_ms: int | None = None
    max_entries: int = MAX_ENTRIES
    batch_window_ms: int = 0
    _tenures: dict[tuple[str, Lane], _Tenure] = field(default_factory=dict)

    async def load(self) -> None:
        """Read the delivery state of every known channel; each will be asked for its state."""
        for row in await self.outbox.rows():
            tenure = self._tenure(row.peer, row.lane)
            tenure.attempts = row.attempts
            tenure.next_attempt_ms = row.next_attempt_ms
            tenure.stopped = row.stopped is not None
            tenure.used = True

    def _tenure(self, peer: str, lane: Lane) -> _Tenure:
        return self._tenures.setdefault((peer, lane), _Tenure())

    def contact(self, peer: str) -> None:
        """The peer called us: it is there, so stop backing off."""
        for (other, _), tenure in self._tenures.items():
            if other == peer:
                tenure.next_attempt_ms = 0

    def resume(self, peer: str, lane: Lane) -> None:
        """A person has looked at a stopped channel: begin a new tenure."""
        self._tenures[peer, lane] = _Tenure(used=True)

    async def due(self, now_ms: int) -> list[tuple[str, Lane]]:
        """Return the channels that have something to do now, the urgent ones first."""
        registry = self.registry()
        pairs = [p for p in _pairs(registry, self.us) if not self._tenure(*p).busy]
        waiting = await self.outbox.waiting(pairs)
        found = []
        for pair in pairs:
            tenure = self._tenures[pair]
            urgency = waiting.get(pair)
            if tenure.stopped or not self._has_work(tenure, urgency, now_ms):
                continue
            if now_ms >= max(tenure.next_attempt_ms, tenure.gathers_until_ms) or urgency == 0:
                found.append((1 if urgency is None else urgency, pair))
        return [pair for _, pair in sorted(found)]

    def pause_ms(self, now_ms: int) -> int | None:
        """Return how long until a channel that gathers may go on; None: none gathers."""
        until = [t.gathers_until_ms for t in self._tenures.values() if t.gathers_until_ms > now_ms]
        return min(until) - now_ms if until else None

    def _has_work(self, tenure: _Tenure, urgency: int | None, now_ms: int) -> bool:
        if urgency is not None:
            return True
        if tenure.state is None:
            return tenure.used
        return tenure.held < tenure.state.size or now_ms - tenure.asked_ms >= ASK_AGAIN_MS

    async def deliver_due(self, now_ms: int) -> int:
        """Do everything that is due at `now_ms` (UTC) and return how many channels were worked on.

        Never raises for one channel's trouble: it is kept on the channel's row.
        """
        due = await self.due(now_ms)
        await asyncio.gather(*(self.deliver(peer, lane, now_ms) for peer, lane in due))
        return len(due)

    async def deliver(self, peer: str, lane: Lane, now_ms: int) -> None:
        """Work on one channel until nothing waits or something fails."""
        tenure = self._tenure(peer, lane)
        if tenure.busy:
            return
        tenure.busy = True
        try:
            crowded = await self._work(peer, lane, tenure, now_ms)
            gathers_ms = max(self.batch_window_ms, pacing.CROWD_MS if crowded else 0)
            tenure.gathers_until_ms = now_ms + gathers_ms
        except _Stopped as stopped:
            tenure.stopped = True
            await self.outbox.stop(peer, lane, stopped.code, now_ms)
        except _Retry as retry:
            if retry.refresh:
                self.on_registry_behind()
            await self._back_off(peer, lane, tenure, now_ms, retry.code)
        except (PeerError, ProtocolError, KeysError) as error:
            if isinstance(error, CallError) and error.refresh:
                self.on_registry_behind()
            await self._back_off(peer, lane, tenure, now_ms, error.code)
        except DisplacedError as error:
            self._tenures[peer, lane] = _Tenure(used=True)
            await self._back_off(peer, lane, self._tenures[peer, lane], now_ms, error.code)
        finally:
            tenure.busy = False
            await _kept(tenure)

    async def _work(self, peer: str, lane: Lane, tenure: _Tenure, now_ms: int) -> bool:
        """Push until nothing waits, or until a crowd has gone and the next one may gather: True."""
        registry = self.registry()
        if not registry.is_active(peer):
            raise _Retry("member_suspended")
        while True:
            try:
                if tenure.state is None or now_ms - tenure.asked_ms >= ASK_AGAIN_MS:
                    await self._ask(peer, lane, tenure, registry, now_ms)
                push = await self._next_push(peer, lane, tenure, registry, now_ms)
                await _kept(tenure)
                if push is None:
                    return False
                await self._send(peer, lane, tenure, registry, push, now_ms)
                full = min(registry.network.limits.push_entries, self.max_entries)
                if pacing.is_crowd(len(push.entries), full):
                    return True
            except _GoOn:
                continue

    async def _ask(
        self, peer: str, lane: Lane, tenure: _Tenure, registry: Registry, now_ms: int
    ) -> None:
        """Ask for the receiver's state and conclude from it; a fresh nonce binds the answer."""
        nonce = self.nonce()
        reply = await self.transport.ask(peer, lane, nonce)
        answer = answers.from_bytes(reply.body)
        if answer.nonce != nonce:
            raise _Retry("answer_not_to_this_question")
        if answer.told is None:
            self._refused(answer.code)
        else:
            await self._conclude(peer, lane, tenure, registry, answer.told, now_ms)

    async def _conclude(
        self,
        peer: str,
        lane: Lane,
        tenure: _Tenure,
        registry: Registry,
        told: Told,
        now_ms: int,
    ) -> None:
        """Compare what the receiver tells with what we remember (docs/protocol.md §8.5)."""
        self._check_told(peer, lane, registry, told)
        signed_root, opened, last_ms = await self.outbox.remembered(peer, lane, told.position)
        if signed_root is None and self.restored_ms is not None and last_ms <= self.restored_ms:
            signed_root = told.position.root  # a person said "restored": once for each channel
        judgement = channels.judge(tenure.state, told.position, signed_root)
        if judgement.next is Next.STOP:
            raise _Stopped("unknown_history")
        tenure.asked_ms, tenure.used = now_ms, True
        if judgement.next is Next.SEND_ON:
            if judgement.start < tenure.held:
                await self.outbox.alert_refill(peer, lane, now_ms)
            tenure.held = judgement.start
            return
        chain = channels.chain_of(told.position, told.ancestors, opened.get)
        tenure.fence = await self.outbox.take_over(peer, lane)
        state = channels.open_epoch(self.epoch(), told.position)
        await self.outbox.open(peer, lane, tenure.fence, state, chain, now_ms)
        tenure.state, tenure.held, tenure.seen = state, 0, None

    def _check_told(self, peer: str, lane: Lane, registry: Registry, told: Told) -> None:
        """The told state must stand under our own log key: nobody can talk us into another."""
        if told.checkpoint is None:
            return
        ours = registry.member(self.us).log_keys
        found = verify_checkpoint(told.checkpoint, ours).checkpoint
        origin = Channel(registry.network_id, self.us, peer, lane).origin(found.origin.epoch)
        position = Position(found.origin.epoch, found.size, found.root)
        if found.origin != origin or position != told.position:
            raise _Retry("told_state_not_ours")

    async def _next_push(
        self, peer: str, lane: Lane, tenure: _Tenure, registry: Registry, now_ms: int
    ) -> Push | None:
        """The signed push that the receiver lacks, else a new one from what waits."""
        state = tenure.state
        assert state is not None
        if tenure.held < state.size:
            return await self.outbox.stored(peer, lane, state.epoch, tenure.held)
        limits = registry.network.limits
        cut = await self.outbox.cut(
            Channel(registry.network_id, self.us, peer, lane),
            tenure.fence,
            state,
            self._own_entries(peer, tenure, registry),
            (min(limits.push_entries, self.max_entries), limits.push_bytes),
            lambda cut: sign_checkpoint(cut.checkpoint, self.log_key),
            now_ms,
        )
        if cut is None:
            return None
        tenure.state, push = cut
        tenure.seen = registry.seen
        return push

    def _own_entries(self, peer: str, tenure: _Tenure, registry: Registry) -> list[OwnEntry]:
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

    async def _send(
        self,
        peer: str,
        lane: Lane,
        tenure: _Tenure,
        registry: Registry,
        push: Push,
        now_ms: int,
    ) -> None:
        channel = Channel(registry.network_id, self.us, peer, lane)
        origin = channel.origin(push.epoch)
        checkpoint = Checkpoint.parse(push.note.decode().split("\n\n", 1)[0] + "\n")
        key = registry.member(peer).sealing_key_at(now_ms)
        info = pushes.seal_info(
            pushes.Purpose.PUSH, pushes.SUITE, key.key_id, checkpoint, push.start, push.size
        )
        head = pushes.PushHead(pushes.SUITE, key.key_id, push.note).to_bytes()
        sealed = key.seal(info, pushes.frame(push.entries))
        path = pushes.push_path(origin, push.start)
        reply = await self.transport.push(peer, path, head, sealed)
        if reply.status != HTTP_OK:
            await self._answered(peer, lane, tenure, registry, reply, now_ms)
            return
        verify_receipt(reply.body, checkpoint, registry.member(peer).receipt_keys)
        keeping = self.outbox.receipted(peer, lane, tenure.fence, push.epoch, push.size, reply.body)
        tenure.keeping = asyncio.ensure_future(keeping)
        tenure.held, tenure.attempts, tenure.next_attempt_ms = push.size, 0, 0
        self.on_receipt(peer, lane, push.size - push.start)

    async def _answered(
        self,
        peer: str,
        lane: Lane,
        tenure: _Tenure,
        registry: Registry,
        reply: Reply,
        now_ms: int,
    ) -> None:
        answer: Answer = answers.from_bytes(reply.body)
        if answer.told is None:
            self._refused(answer.code)
        else:
            before = (tenure.state, tenure.held)
            await self._conclude(peer, lane, tenure, registry, answer.told, now_ms)
            if (tenure.state, tenure.held) == before:
                raise _Retry(str(answer.code))
        raise _GoOn

    def _refused(self, code: AnswerCode) -> None:
        then = ANSWERS[code].then
        if then is Then.STOP:
            raise _Stopped(str(code))
        raise _Retry(str(code), refresh=then is Then.REFRESH)

    async def _back_off(
        self, peer: str, lane: Lane, tenure: _Tenure, now_ms: int, code: str
    ) -> None:
        tenure.attempts += 1
        delay = pacing.backoff_ms(tenure.attempts, self.jitter)
        tenure.next_attempt_ms = now_ms + delay
        await self.outbox.failed(peer, lane, tenure.attempts, tenure.next_attempt_ms, code)


def _pairs(registry: Registry, us: str) -> list[tuple[str, Lane]]:
    """Every channel that may exist: each other member, each lane that our roles may use."""
    members = registry.network.members
    if us not in members:
        return []
    ours = party(members[us].roles, members[us].jurisdictions)
    return [
        (peer, lane)
        for peer, entry in sorted(members.items())
        if peer != us and peer in registry.members
        for lane in Lane
        if may_speak(ours, party(entry.roles, entry.jurisdictions), lane)
    ]
