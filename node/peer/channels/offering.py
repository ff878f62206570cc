"""Serving those who cannot be called: what waits for them is the answer to their pull.

A pull is one turn of a channel (docs/protocol.md §9.8): its receipt is verified and kept as that of
a push; its told state, if it answers our last question, is concluded from as if we had asked; then
comes the next signed push, sealed for this purpose, or nothing yet. `serve` never waits and never
raises for one channel's trouble; waiting until there is something is the edge's business
(`longpoll`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from keys.errors import KeysError
from keys.registry import Registry
from node.peer.channels import pacing
from node.peer.channels.outgoing import Push
from node.peer.channels.sealed import seal
from node.peer.channels.sending import GIVEN_UP_AFTER, Sending, may_send, stands_at
from node.peer.channels.tenure import GoOn, Retry, Stopped, Tenure, kept, refused
from node.store.errors import DisplacedError
from protocol.answers import NOTHING, Answer, AnswerCode, Position, Told
from protocol.channel import Channel
from protocol.checkpoint import Checkpoint, read_checkpoint
from protocol.errors import ProtocolError, UnheardReceiptKeyError
from protocol.pull import Offer, Offered, Pull
from protocol.push import Purpose
from protocol.receipt import verify_receipt
from protocol.vocabulary import Lane

LAST = 2
"""The least urgency of what waits."""
OPEN_AGAIN_MS = 1000
"""No faster than this epochs are opened for a puller, whatever states it tells."""


@dataclass(slots=True)
class Offering:
    """Answers pulls on the channels that `sending` sends on."""

    sending: Sending

    async def serve(self, peer: str, lane: Lane, pull: Pull, now_ms: int) -> Offer | Answer | None:
        """Return what a pull of `peer` is answered at `now_ms` (UTC); None: nothing waits yet."""
        tenure = self.sending.tenure(peer, lane)
        code = self._turned_away(peer, lane, tenure)
        if code is not None:
            return _answer(code)
        tenure.busy = True
        try:
            return await self._turn(peer, lane, tenure, pull, now_ms)
        except (Stopped, Retry, ProtocolError, KeysError, DisplacedError) as error:
            return await self._failed(peer, lane, tenure, error, now_ms)
        finally:
            tenure.busy = False
            await kept(tenure)

    def _turned_away(self, peer: str, lane: Lane, tenure: Tenure) -> AnswerCode | None:
        registry = self.sending.registry()
        if not registry.is_active(peer) or not may_send(registry, self.sending.us, peer, lane):
            return AnswerCode.NOT_PERMITTED
        if tenure.stopped:
            return AnswerCode.STOPPED
        return AnswerCode.BUSY if tenure.busy else None

    def nothing(self, peer: str, lane: Lane) -> Offer:
        """Return the answer that nothing waits, with the question that the next pull answers."""
        return self._ask(self.sending.tenure(peer, lane), None)

    def gathers_ms(self, peer: str, lane: Lane, now_ms: int) -> int:
        """Return for how long what waits on a channel still gathers; 0: it does not."""
        until_ms = self.sending.tenure(peer, lane).gathers_until_ms
        return 0 if pacing.is_due(now_ms, until_ms) else until_ms - now_ms

    def _ask(self, tenure: Tenure, push: Offered | None) -> Offer:
        tenure.question = self.sending.nonce()
        return Offer(tenure.question, push)

    async def _failed(
        self,
        peer: str,
        lane: Lane,
        tenure: Tenure,
        error: Stopped | Retry | ProtocolError | KeysError | DisplacedError,
        now_ms: int,
    ) -> Answer:
        """Keep why this turn came to nothing; the puller comes back after a pause."""
        outbox = self.sending.outbox
        if isinstance(error, Stopped):
            tenure.stopped = True
            await outbox.stop(peer, lane, error.code, now_ms)
            return _answer(AnswerCode.STOPPED)
        if isinstance(error, DisplacedError):
            tenure = self.sending.forget(peer, lane)
        behind = isinstance(error, UnheardReceiptKeyError)
        if behind or (isinstance(error, Retry) and error.refresh):
            self.sending.on_registry_behind()
            self.sending.is_not_heard(tenure)
        tenure.attempts += 1
        tenure.question = None
        await outbox.failed(peer, lane, tenure.attempts, 0, error.code)
        return _answer(AnswerCode.BUSY)

    async def _turn(
        self, peer: str, lane: Lane, tenure: Tenure, pull: Pull, now_ms: int
    ) -> Offer | None:
        registry, answer = self.sending.registry(), pull.answer
        await self._receipt(peer, lane, tenure, registry, pull, now_ms)
        if tenure.question is None or answer.nonce != tenure.question:
            return self._ask(tenure, None)
        if answer.told is None:
            refused(answer.code)
            return None
        known = _is_known(tenure, answer.told.position)
        if known:
            tenure.held, tenure.agreed = answer.told.position.size, answer.told.position
            tenure.asked_ms = now_ms
        await self.sending.was_unused(peer, lane, tenure, answer.told.position)
        urgency = await self.sending.outbox.urgency(peer, lane)
        if urgency is None and await self.sending.goes_again(peer, lane, tenure, registry):
            urgency = LAST
        elif self.sending.lingers(tenure, urgency, now_ms):
            urgency = None
        if not _has_work(tenure, urgency, answer.told.position, now_ms):
            return None
        if not known:
            await self._conclude(peer, lane, tenure, registry, answer.told, now_ms)
        try:
            push = await self.sending.next_push(peer, lane, tenure, registry, now_ms)
        except GoOn:  # the epoch ended; the told state is fresh, the next one follows from it
            await self._conclude(peer, lane, tenure, registry, answer.told, now_ms)
            push = await self.sending.next_push(peer, lane, tenure, registry, now_ms)
        await kept(tenure)
        if push is None:
            return None
        return self._ask(tenure, self._offer(peer, tenure, registry, push, now_ms))

    async def _receipt(
        self,
        peer: str,
        lane: Lane,
        tenure: Tenure,
        registry: Registry,
        pull: Pull,
        now_ms: int,
    ) -> None:
        """Verify a receipt and keep it, beside the next cut; one that is kept changes nothing."""
        if pull.receipt is None:
            return
        checkpoint = read_checkpoint(pull.receipt)
        channel = Channel(registry.network_id, self.sending.us, peer, lane)
        epoch, size = checkpoint.origin.epoch, checkpoint.size
        if checkpoint.origin != channel.origin(epoch) or not _is_of(checkpoint, pull.answer.told):
            raise Retry("receipt_of_another_state")
        outbox = self.sending.outbox
        lacking = await outbox.unreceipted(peer, lane, epoch, size, checkpoint.text)
        if lacking is None:
            return
        entries, signed_ms = lacking
        keys = registry.member(peer).serving("receipt", signed_ms)
        try:
            verify_receipt(pull.receipt, checkpoint, keys)
        except UnheardReceiptKeyError:
            if tenure.attempts < GIVEN_UP_AFTER:
                raise
            self.sending.give_up_receipt(tenure, now_ms)
            return
        keeping = outbox.keep_receipt(peer, lane, epoch, size, pull.receipt)
        tenure.keeping = asyncio.ensure_future(keeping)
        tenure.attempts = tenure.next_attempt_ms = 0
        tenure.given_up_ms = None
        self.sending.on_receipt(peer, lane, entries)

    async def _conclude(
        self, peer: str, lane: Lane, tenure: Tenure, registry: Registry, told: Told, now_ms: int
    ) -> None:
        """Conclude from a told state that our last offers did not lead to."""
        before = tenure.state
        young = not pacing.is_past(now_ms, tenure.opened_ms, OPEN_AGAIN_MS)
        if before is not None and young and told.position != before.predecessor:
            raise Retry("opened_just_now")
        await self.sending.conclude(peer, lane, tenure, registry, told, now_ms)
        if tenure.state is None or before is None or tenure.state.epoch != before.epoch:
            tenure.offered = tenure.agreed = None
            tenure.opened_ms = now_ms
        elif told.position.epoch == tenure.state.epoch:
            tenure.agreed = told.position

    def _offer(
        self, peer: str, tenure: Tenure, registry: Registry, push: Push, now_ms: int
    ) -> Offered:
        key = registry.member(peer).sealing_key_at(now_ms)
        checkpoint, head, sealed = seal(push, key, Purpose.PULL)
        tenure.offered = Position(push.epoch, push.size, checkpoint.root)
        full = min(registry.network.limits.push_entries, self.sending.max_entries)
        count = len(push.entries)
        crowd_ms = pacing.CROWD_MS if pacing.is_crowd(count, full) else 0
        if count < full:
            tenure.gathers_until_ms = now_ms + max(self.sending.batch_window_ms, crowd_ms)
        return Offered(push.epoch, push.start, head, sealed)


def _has_work(tenure: Tenure, urgency: int | None, told: Position, now_ms: int) -> bool:
    """Whether there is more to do than to wait: the receiver lacks something, or it waits."""
    state = tenure.state
    if state is None:
        return urgency is not None or tenure.used or (tenure.forgotten and told != NOTHING)
    if not stands_at(state, told):
        return True
    return urgency is not None and (urgency == 0 or pacing.is_due(now_ms, tenure.gathers_until_ms))


def _is_known(tenure: Tenure, told: Position) -> bool:
    """Whether a told state is one that this process offered, or agreed upon before."""
    state = tenure.state
    if state is None or told.epoch != state.epoch or told.size < tenure.held:
        return False
    return told in (tenure.offered, tenure.agreed)


def _is_of(checkpoint: Checkpoint, told: Told | None) -> bool:
    """Whether a receipt is that of the told state, or no state is told beside it."""
    position = Position(checkpoint.origin.epoch, checkpoint.size, checkpoint.root)
    return told is None or told.position == position


def _answer(code: AnswerCode) -> Answer:
    return Answer(1, code, None, None)
