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
from dataclasses import dataclass

from keys.errors import KeysError
from keys.network import EXPELLED
from keys.registry import Registry
from node.peer.apart import apart
from node.peer.channels import pacing
from node.peer.channels.outgoing import Push
from node.peer.channels.sealed import seal
from node.peer.channels.sending import GIVEN_UP_AFTER, Sending, pairs_of
from node.peer.channels.tenure import ASK_AGAIN_MS, GoOn, Retry, Stopped, Tenure, kept, refused
from node.peer.errors import CallError, PeerError
from node.peer.transport import Reply, Transport
from node.store.errors import DisplacedError
from protocol import answers
from protocol import push as pushes
from protocol.answers import Answer, Told
from protocol.errors import ProtocolError, UnheardReceiptKeyError
from protocol.push import Purpose
from protocol.receipt import verify_receipt
from protocol.vocabulary import Lane

HTTP_OK = 200
URGENT_MS = 10_000
"""So long at most urgent work waits after an attempt at it that failed. Without any pause one that
always answers the same would have us ask, and look at the registry, as fast as we can. The next
call of a peer waits so long, too, where the attempt that its last one brought on failed."""
MAX_ROUNDS = 4
"""States that a receiver may tell in one go: one that tells another each time must cost little."""


@dataclass(slots=True, kw_only=True)
class Delivery(Sending):
    """Delivers for one member, to all who can be called.

    `jitter(n)` returns a whole number below n. After a channel was emptied, what comes next
    gathers for `batch_window_ms`; a child at risk does not wait for it. What nobody hurries
    for waits for `bulk_window_ms` (`lingers`).
    """

    transport: Transport
    jitter: Callable[[int], int]
    _pairs_of: tuple[Registry, frozenset[tuple[str, Lane]]] | None = None
    _looked: Registry | None = None
    _closed: frozenset[str] = frozenset()

    async def load(self) -> None:
        """Read the delivery state of every known channel; each will be asked for its state.

        After a restore so is each that the backup had no word of: something may have been said on
        it since (docs/protocol.md §8.5.8).
        """
        for row in await self.outbox.rows():
            tenure = self.tenure(row.peer, row.lane)
            tenure.attempts = row.attempts
            tenure.next_attempt_ms = row.next_attempt_ms
            tenure.stopped = row.stopped is not None
            tenure.used = True
        if self.restored_ms is not None:
            for pair in await self.outbox.unasked(pairs_of(self.registry(), self.us)):
                self.tenure(*pair).forgotten = True

    def contact(self, peer: str) -> bool:
        """The peer called us: it is there, so stop backing off. Returns whether a channel was.

        One that calls again and again and takes nothing has each channel tried so often no more.
        """
        backing_off = False
        for lane in Lane:
            tenure = self._tenures.get((peer, lane))
            if tenure is not None and tenure.next_attempt_ms > tenure.called_again_ms:
                tenure.next_attempt_ms, backing_off = tenure.called_again_ms, True
                tenure.called = True
        return backing_off

    def ask_again(self, peer: str) -> None:
        """The peer lost what we had said to it: ask for its state, so that it is refilled."""
        for (other, _), tenure in self._tenures.items():
            if other == peer and tenure.used:
                tenure.asked_ms, tenure.next_attempt_ms = -ASK_AGAIN_MS, 0

    def try_again(self) -> None:
        """What held us up here is mended: stop backing off, whatever a channel's last trouble."""
        for tenure in self._tenures.values():
            tenure.next_attempt_ms = 0

    def resume(self, peer: str, lane: Lane) -> None:
        """A person has looked at a stopped channel: begin a new tenure."""
        self.forget(peer, lane)

    async def due(self, now_ms: int) -> list[tuple[str, Lane]]:
        """Return the channels that have something to do now, the urgent ones first.

        Urgent work waits for no next attempt, but a moment once it was tried itself, and where its
        receiver is suspended or gone.
        """
        registry = self.registry()
        pairs = self._pairs_under(registry)
        waiting = await self.outbox.waiting(pairs)
        asked = {pair for pair, one in self._tenures.items() if _is_to_be_asked(one, now_ms)}
        found = []
        for pair in {*waiting, *asked}:  # of nearly every channel neither: it is looked at no more
            tenure = self.tenure(*pair)
            urgency = waiting.get(pair)
            if pair not in pairs or tenure.busy or tenure.stopped:
                continue
            if self.lingers(tenure, urgency, now_ms):
                urgency = None  # what else is to be done here is, and takes it with it
                if pair not in asked:
                    continue
            until_ms = (tenure.next_attempt_ms, tenure.gathers_until_ms)
            again_ms = min(tenure.next_attempt_ms, tenure.urgent_ms)
            at_once = urgency == 0 and registry.is_active(pair[0])
            at_once = at_once and pacing.is_due(now_ms, again_ms, URGENT_MS)
            if at_once or all(pacing.is_due(now_ms, one) for one in until_ms):
                found.append((1 if urgency is None else urgency, pair))
        return [pair for _, pair in sorted(found)]

    def _pairs_under(self, registry: Registry) -> frozenset[tuple[str, Lane]]:
        """Every channel that we may push on, found once for each registry."""
        if self._pairs_of is None or self._pairs_of[0] is not registry:
            self._pairs_of = (registry, _pairs(registry, self.us))
        return self._pairs_of[1]

    async def note_closed(self, now_ms: int) -> None:
        """What waits where nothing may be said any more stands before a person: nothing tries it.

        Looked for once for each registry, and said once. What waits for who is expelled is no news.

        Raises:
            StoreError: it cannot be kept now.
        """
        registry = self.registry()
        if self._looked is registry:
            return
        members = registry.network.members
        gone = [one for one, entry in members.items() if entry.status == EXPELLED]
        left_out = {(peer, lane) for peer in gone for lane in Lane}
        pairs = frozenset(pairs_of(registry, self.us)) | left_out
        self._closed = await self.outbox.note_closed(pairs, self._closed, now_ms)
        self._looked = registry

    def pause_ms(self, now_ms: int) -> int | None:
        """Return how long until a channel that gathers may go on; None: none gathers."""
        tenures, window_ms = self._tenures.values(), self.bulk_window_ms
        until = [(t.gathers_until_ms, pacing.BACKOFF_CAP_MS) for t in tenures]
        until += [(t.lingers_until_ms, window_ms) for t in tenures if t.lingers_until_ms]
        pauses = [one - now_ms for one, cap in until if not pacing.is_due(now_ms, one, cap)]
        return min(pauses, default=None)

    async def deliver_due(self, now_ms: int) -> int:
        """Do everything that is due at `now_ms` (UTC) and return how many channels were worked on.

        Never raises for one channel's trouble: it is kept on the channel's row.
        """
        await self.note_closed(now_ms)
        due = await self.due(now_ms)
        await asyncio.gather(*(self.deliver(peer, lane, now_ms) for peer, lane in due))
        return len(due)

    async def deliver(self, peer: str, lane: Lane, now_ms: int) -> None:
        """Work on one channel until nothing waits or something fails."""
        tenure = self.tenure(peer, lane)
        if tenure.busy:
            return
        tenure.busy = True
        try:
            work = self._work(peer, lane, tenure, now_ms)
            crowded = await apart(peer, work, Stopped, Retry)
            gathers_ms = max(self.batch_window_ms, pacing.CROWD_MS if crowded else 0)
            tenure.gathers_until_ms = now_ms + gathers_ms
        except Stopped as stopped:
            tenure.stopped = True
            await self.outbox.stop(peer, lane, stopped.code, now_ms)
        except Retry as retry:
            if retry.refresh:
                self.on_registry_behind()
                self.is_not_heard(tenure)
            await self._back_off(peer, lane, tenure, now_ms, retry.code)
        except (PeerError, ProtocolError, KeysError) as error:
            unheard = isinstance(error, UnheardReceiptKeyError)
            if unheard and tenure.attempts >= GIVEN_UP_AFTER:
                self.give_up_receipt(tenure, now_ms)
            if unheard or (isinstance(error, CallError) and error.refresh):
                self.on_registry_behind()
            await self._back_off(peer, lane, tenure, now_ms, error.code)
        except DisplacedError as error:
            anew = self.forget(peer, lane)
            await self._back_off(peer, lane, anew, now_ms, error.code)
        finally:
            tenure.busy = False
            await kept(tenure)

    async def _work(self, peer: str, lane: Lane, tenure: Tenure, now_ms: int) -> bool:
        """Push until nothing waits, or until a crowd has gone and the next one may gather: True."""
        registry = self.registry()
        if not registry.is_active(peer):
            raise Retry("member_suspended")
        rounds = 0
        while True:
            try:
                if tenure.state is None or pacing.is_past(now_ms, tenure.asked_ms, ASK_AGAIN_MS):
                    if tenure.given_up_ms is not None:
                        self.give_up_receipt(tenure, now_ms)
                    await self._ask(peer, lane, tenure, registry, now_ms)
                    if tenure.state is None:
                        return False  # nothing was ever said here, and nothing waits
                push = await self.next_push(peer, lane, tenure, registry, now_ms)
                await kept(tenure)
                if push is None:
                    return False
                await self._send(peer, lane, tenure, registry, push, now_ms)
                full = min(registry.network.limits.push_entries, self.max_entries)
                if pacing.is_crowd(len(push.entries), full):
                    return True
            except GoOn:
                if (rounds := rounds + 1) >= MAX_ROUNDS:
                    raise Retry("receiver_wavers") from None

    async def _ask(
        self, peer: str, lane: Lane, tenure: Tenure, registry: Registry, now_ms: int
    ) -> None:
        """Ask for the receiver's state and conclude from it; a fresh nonce binds the answer."""
        nonce = self.nonce()
        reply = await self.transport.ask(peer, lane, nonce)
        answer = answers.from_bytes(reply.body)
        if answer.nonce != nonce:
            raise Retry("answer_not_to_this_question")
        if answer.told is None:
            refused(answer.code)
            return
        if await self.was_unused(peer, lane, tenure, answer.told.position) and (
            await self.outbox.urgency(peer, lane) is None
        ):
            return
        await self._conclude_within(peer, lane, tenure, registry, answer.told, now_ms)

    async def _conclude_within(
        self, peer: str, lane: Lane, tenure: Tenure, registry: Registry, told: Told, now_ms: int
    ) -> None:
        """Conclude from a told state, which is no receipt, whatever it answers.

        What is held beyond our receipts is pushed again: the same push gets its receipt.
        """
        state, held = tenure.state, tenure.held
        await self.conclude(peer, lane, tenure, registry, told, now_ms)
        if tenure.state is state and tenure.given_up_ms is None:
            tenure.held = held

    async def _send(
        self,
        peer: str,
        lane: Lane,
        tenure: Tenure,
        registry: Registry,
        push: Push,
        now_ms: int,
    ) -> None:
        key = registry.member(peer).sealing_key_at(now_ms)
        checkpoint, head, sealed = seal(push, key, Purpose.PUSH)
        path = pushes.push_path(checkpoint.origin, push.start)
        reply = await self.transport.push(peer, path, head.to_bytes(), sealed)
        if reply.status != HTTP_OK:
            await self._answered(peer, lane, tenure, registry, reply, now_ms)
            return
        keys = registry.member(peer).serving("receipt", push.signed_ms)
        verify_receipt(reply.body, checkpoint, keys)
        keeping = self.outbox.receipted(peer, lane, tenure.fence, push.epoch, push.size, reply.body)
        tenure.keeping = asyncio.ensure_future(keeping)
        tenure.held, tenure.attempts, tenure.next_attempt_ms = push.size, 0, 0
        tenure.given_up_ms = None
        self.on_receipt(peer, lane, push.size - push.start)

    async def _answered(
        self,
        peer: str,
        lane: Lane,
        tenure: Tenure,
        registry: Registry,
        reply: Reply,
        now_ms: int,
    ) -> None:
        answer: Answer = answers.from_bytes(reply.body)
        if answer.told is None:
            refused(answer.code)
        else:
            before = (tenure.state, tenure.held)
            await self._conclude_within(peer, lane, tenure, registry, answer.told, now_ms)
            if (tenure.state, tenure.held) == before:
                raise Retry(str(answer.code))
        raise GoOn

    async def _back_off(
        self, peer: str, lane: Lane, tenure: Tenure, now_ms: int, code: str
    ) -> None:
        tenure.attempts += 1
        delay = pacing.backoff_ms(tenure.attempts, self.jitter)
        tenure.next_attempt_ms = now_ms + delay
        tenure.called_again_ms = now_ms + min(delay, URGENT_MS) if tenure.called else 0
        tenure.called = False
        urgency = await self.outbox.urgency(peer, lane)
        if urgency == 0 and self.registry().is_active(peer):
            tenure.urgent_ms = now_ms + min(delay, URGENT_MS)
        if tenure.forgotten and not tenure.used and urgency is None:
            return  # whether there is such a channel is still to be seen
        await self.outbox.failed(peer, lane, tenure.attempts, tenure.next_attempt_ms, code)


def _is_to_be_asked(tenure: Tenure, now_ms: int) -> bool:
    """Whether a channel has something to do though nothing waits for it."""
    if tenure.state is None:
        return tenure.used or tenure.forgotten
    return tenure.held < tenure.state.size or pacing.is_past(now_ms, tenure.asked_ms, ASK_AGAIN_MS)


def _pairs(registry: Registry, us: str) -> frozenset[tuple[str, Lane]]:
    """Every channel that we may push on: each other member that can be called, each lane."""
    return frozenset(
        (peer, lane) for peer, lane in pairs_of(registry, us) if registry.member(peer).reachable
    )
