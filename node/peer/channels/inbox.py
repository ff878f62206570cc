"""Receiving: custody first, judgement later.

The order of work keeps a hostile peer cheap: the head of a push (signature, stored receipt, start)
is judged before its body is read, opened or hashed. Entries, the tree's edge and the receipt become
durable in one transaction; only then is the receipt sent. The same push again, even sealed anew,
gets the same bytes. What an entry means is the desk's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from keys.errors import HsmError, KeysError, UnsealError
from keys.registry import Registry
from keys.sealing import SealingKey
from keys.signing import Signer
from node.casework.passing_on.permits import Permits, renewed
from node.peer.channels.stolen import ByStolenKey, by_no_stolen_key
from node.peer.views import View, is_newer, view_said
from node.telemetry.logs import logger
from protocol import answers
from protocol import channel as channels
from protocol import entry as entries
from protocol import push as pushes
from protocol.answers import Answer, AnswerCode, Told
from protocol.channel import Accepted, Channel, ReceiverState, Refusal, Step
from protocol.checkpoint import VerifiedCheckpoint, verify_checkpoint
from protocol.errors import ProtocolError, TooLargeError, UnheardKeyError
from protocol.messages import Tombstone, from_body
from protocol.push import Purpose, PushHead
from protocol.receipt import cosign
from protocol.vocabulary import Kind, Lane

_KIND_AT = 2
_VIEW_KIND = bytes((Kind.REGISTRY_SEEN,))
_OF_THE_CHANNEL = frozenset({Kind.EPOCH_OPEN, Kind.REGISTRY_SEEN, Kind.TOMBSTONE})


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of a channel, as far as one push needs it."""

    state: ReceiverState
    stopped: str | None
    closed_size: int | None
    receipt: bytes | None


@dataclass(frozen=True, slots=True)
class Admitted:
    """A push whose head was found good; the body may be read."""

    sender: str
    lane: Lane
    checkpoint: VerifiedCheckpoint
    note: bytes
    start: int
    key: SealingKey
    info: bytes

    @property
    def entries(self) -> int:
        """How many entries it brings."""
        return self.checkpoint.size - self.start


class Taken(msgspec.Struct, frozen=True, gc=False):
    """One entry to keep: `digest` of kind and body; the channel's own are judged at once.

    `tombstone`: what it says, if it stands for an erased one. `view`: the registry that its sender
    says it works under; remembered with it, or a death in between would lose it.
    """

    entry_id: bytes | None
    digest: bytes
    leaf: bytes
    entry: bytes
    of_channel: bool
    tombstone: Tombstone | None = None
    view: View | None = None


OnFork = Callable[[str, Lane, VerifiedCheckpoint, bytes], Awaitable[object]]
"""Called with sender, lane, checkpoint and note when a sender contradicts itself."""

Decide = Callable[[Held], tuple[Accepted, bytes, Sequence[Taken]] | Refusal | bytes]


class InboxStore(Protocol):
    """What receiving needs of the store."""

    async def held(self, peer: str, lane: Lane, checkpoint: VerifiedCheckpoint) -> Held:
        """Return what is held, with the stored receipt of this very checkpoint if there is one."""

    async def told(self, peer: str, lane: Lane) -> tuple[Told, str | None]:
        """Return the state as it is told, and why the channel is stopped if it is."""

    async def last_receipt(self, peer: str, lane: Lane) -> bytes | None:
        """Return the receipt for the state as it is told; None before the first epoch."""

    async def own_root(self, peer: str, lane: Lane, epoch: bytes, size: int) -> bytes:
        """Return the root of our own first `size` leaves of an epoch."""

    async def signed_from(self, peer: str, lane: Lane, epoch: bytes, size: int) -> list[bytes]:
        """Return what we receipted of an epoch at `size` and above, the largest first."""

    async def take(
        self,
        peer: str,
        lane: Lane,
        checkpoint: VerifiedCheckpoint,
        note: bytes,
        now_ms: int,
        decide: Decide,
    ) -> bytes | Refusal:
        """Run `decide` on what is held and keep what it accepts; durable on return."""

    async def stop(self, peer: str, lane: Lane, code: str, now_ms: int) -> None:
        """Stop taking this channel until a person has looked."""


class Inbox:
    """The receiving side of one member's node."""

    def __init__(  # noqa: PLR0913 - the composition root hands in every part
        self,
        *,
        us: str,
        store: InboxStore,
        registry: Callable[[], Registry],
        receipt_key: Signer,
        sealing_key: Callable[[str], SealingKey | None],
        clock: Callable[[], int],
        on_taken: Callable[[], None],
        on_registry_behind: Callable[[], None] = lambda: None,
        on_fork: OnFork | None = None,
        by_stolen_key: ByStolenKey = by_no_stolen_key,
    ) -> None:
        self._us = us
        self._permits: Permits | None = None
        self._by_stolen_key = by_stolen_key
        self._on_fork = on_fork
        self._store = store
        self._registry = registry
        self.receipt_key = receipt_key
        self._sealing_key = sealing_key
        self._clock = clock
        self._on_taken = on_taken
        self._on_registry_behind = on_registry_behind

    async def question(self, sender: str, lane: Lane, nonce: bytes | None) -> Answer:
        """Tell `sender` the state of its channel; the answer carries its nonce, if it asked.

        Raises:
            StoreError: the state can't be read now.
        """
        if not self._may_speak(sender, lane):
            self._on_registry_behind()  # ours may be the older one
            return Answer(1, AnswerCode.NOT_PERMITTED, None, nonce)
        told, stopped = await self._store.told(sender, lane)
        if stopped is not None:
            return Answer(1, AnswerCode.STOPPED, None, nonce)
        return Answer(1, AnswerCode.STATE, told, nonce)

    async def last_receipt(self, sender: str, lane: Lane) -> bytes | None:
        """Return our receipt for the state of the channel from `sender`; None: it has none yet.

        Raises:
            StoreError: it can't be read now.
        """
        return await self._store.last_receipt(sender, lane)

    def _may_speak(self, sender: str, lane: Lane) -> bool:
        self._permits = renewed(self._permits, self._us, self._registry())
        return self._permits.hears(sender, lane, Kind.EPOCH_OPEN)

    async def precheck(
        self,
        sender: str,
        lane: Lane,
        epoch: bytes,
        start: int,
        head: PushHead,
        purpose: Purpose = Purpose.PUSH,
    ) -> Admitted | Answer | bytes:
        """Judge the head of a push; bytes are the stored receipt of this very push.

        `purpose` says which way it came: sent to us, or as the answer to our pull.

        Raises:
            StoreError: the state can't be read now.
        """
        if not self._may_speak(sender, lane):
            self._on_registry_behind()
            return _answer(AnswerCode.NOT_PERMITTED)
        registry = self._registry()
        try:
            document, now = registry.member(sender), self._clock()
            serving = document.serving("log", now)  # first: a note may bear both signatures
            keys = (*serving, *(key for key in document.log_keys if key not in serving))
            checkpoint, key = verify_checkpoint(head.note, keys)
        except UnheardKeyError:
            self._on_registry_behind()
            return _answer(AnswerCode.REGISTRY_BEHIND)
        except (ProtocolError, KeysError):
            return _answer(AnswerCode.MALFORMED)
        channel = Channel(registry.network_id, sender, self._us, lane)
        if checkpoint.origin != channel.origin(epoch) or start >= checkpoint.size:
            return _answer(AnswerCode.MALFORMED)
        held = await self._store.held(sender, lane, checkpoint)
        if held.receipt is None and key not in serving:  # retired: only what we hold was its word
            self._on_registry_behind()
            return _answer(AnswerCode.REGISTRY_BEHIND)
        return await self._sort(held, sender, lane, checkpoint, start, head, purpose)

    async def _sort(
        self,
        held: Held,
        sender: str,
        lane: Lane,
        checkpoint: VerifiedCheckpoint,
        start: int,
        head: PushHead,
        purpose: Purpose,
    ) -> Admitted | Answer | bytes:
        if held.receipt is not None:
            return held.receipt
        if held.stopped is not None:
            return _answer(AnswerCode.STOPPED)
        step, code = channels.sort_push(held.state, checkpoint, start, held.closed_size)
        if step is Step.COMPARE:
            origin = checkpoint.origin
            own_root = await self._store.own_root(sender, lane, origin.epoch, checkpoint.size)
            code = channels.compare(held.state, checkpoint, own_root).code
            if code is AnswerCode.FORK_SUSPECTED:
                if await self._a_thief_said(sender, lane, checkpoint, checkpoint.size):
                    code = channels.compare(held.state, checkpoint, checkpoint.root).code
                elif self._on_fork is not None:
                    await self._on_fork(sender, lane, checkpoint, head.note)
        if code is not None:
            return await self._refuse(sender, lane, code)
        return self._admit(sender, lane, checkpoint, start, head, purpose)

    def _admit(
        self,
        sender: str,
        lane: Lane,
        checkpoint: VerifiedCheckpoint,
        start: int,
        head: PushHead,
        purpose: Purpose,
    ) -> Admitted | Answer:
        limits = self._registry().network.limits
        if checkpoint.size - start > limits.push_entries:
            return _answer(AnswerCode.TOO_LARGE)
        key = self._sealing_key(head.key_id)
        if key is None:
            return _answer(AnswerCode.REKEY)
        info = pushes.seal_info(
            purpose, head.suite, head.key_id, checkpoint, start, checkpoint.size
        )
        return Admitted(sender, lane, checkpoint, head.note, start, key, info)

    async def take(self, admitted: Admitted, sealed: bytes) -> Answer | bytes:
        """Open, check and keep an admitted push; bytes are its receipt.

        Raises:
            StoreError: nothing was kept.
        """
        limits = self._registry().network.limits
        try:
            frame = admitted.key.open(admitted.info, sealed)
            arrived = pushes.unframe(
                frame, limits.push_entries, pushes.BUCKETS[-1], limits.entry_bytes
            )
        except UnsealError:
            return _answer(AnswerCode.UNSEALABLE)
        except TooLargeError:
            return _answer(AnswerCode.TOO_LARGE)
        except ProtocolError:
            return _answer(AnswerCode.MALFORMED)
        try:
            result = await self._keep(admitted, arrived, self._clock())
        except HsmError as error:  # no receipt can be signed now: nothing is kept, it comes again
            logger().error("no_receipt_signed", code=error.code)
            return _answer(AnswerCode.BUSY)
        if isinstance(result, Refusal):
            sender, lane, code = admitted.sender, admitted.lane, result.code
            if code is AnswerCode.ROOT_MISMATCH and await self._a_thief_said(
                sender, lane, admitted.checkpoint, admitted.start
            ):
                code = AnswerCode.WRONG_START
            return await self._refuse(sender, lane, code)
        self._on_taken()
        ours = self._registry().seen
        if any(is_newer(said, ours) for said in filter(None, map(_view, arrived))):
            self._on_registry_behind()
        return result

    async def _a_thief_said(
        self, sender: str, lane: Lane, checkpoint: VerifiedCheckpoint, size: int
    ) -> bool:
        """Whether what we hold of this epoch at `size` stands under keys that were stolen (§8.9).

        Then another history is no fork: its owner's, maybe, who has to say what is not his.
        """
        epoch = checkpoint.origin.epoch
        notes = await self._store.signed_from(sender, lane, epoch, size)
        return bool(notes) and all(self._by_stolen_key(sender, note) for note in notes)

    async def _keep(
        self, admitted: Admitted, arrived: Sequence[bytes], now_ms: int
    ) -> bytes | Refusal:
        return await self._store.take(
            admitted.sender,
            admitted.lane,
            admitted.checkpoint,
            admitted.note,
            now_ms,
            lambda held: self._decide(admitted, arrived, held, now_ms),
        )

    def _decide(
        self, admitted: Admitted, arrived: Sequence[bytes], held: Held, now_ms: int
    ) -> tuple[Accepted, bytes, Sequence[Taken]] | Refusal | bytes:
        if held.receipt is not None:
            return held.receipt
        if held.stopped is not None:
            return Refusal(AnswerCode.STOPPED)
        checkpoint = admitted.checkpoint
        accepted = channels.accept(
            held.state, checkpoint, admitted.start, arrived, held.closed_size
        )
        if isinstance(accepted, Refusal):
            return accepted
        receipt = cosign(checkpoint, self.receipt_key, now_ms // 1000)
        taken = [_read(entry, leaf) for entry, leaf in zip(arrived, accepted.leaves, strict=True)]
        return accepted, receipt, taken

    async def _refuse(self, sender: str, lane: Lane, code: AnswerCode) -> Answer:
        if answers.ANSWERS[code].stops_receiver:
            await self._store.stop(sender, lane, str(code), self._clock())
        if answers.ANSWERS[code].then is not answers.Then.JUDGE:
            return _answer(code)
        told, _ = await self._store.told(sender, lane)
        return Answer(1, code, told, None)


def _answer(code: AnswerCode) -> Answer:
    return Answer(1, code, None, None)


def _read(entry: bytes, leaf: bytes) -> Taken:
    """What must be known of an entry to keep it once; an unreadable one is kept as it is."""
    try:
        parts = entries.decode(entry)
    except ProtocolError:
        return Taken(None, b"", leaf, entry, of_channel=False)
    of_channel = parts.kind in _OF_THE_CHANNEL
    stone, view = _tombstone(parts), _view(entry)
    return Taken(parts.id, digest_of(parts), leaf, entry, of_channel, stone, view)


def digest_of(parts: entries.Entry) -> bytes:
    """What is remembered of an entry's content: SHA-256 of kind and body, 16 bytes."""
    return hashlib.sha256(bytes((parts.kind % 256,)) + parts.body).digest()[:16]


def _view(entry: bytes) -> View | None:
    """What an entry says of the registry; nearly all say nothing, and their kind shows it."""
    return view_said(entry) if entry[_KIND_AT : _KIND_AT + 1] == _VIEW_KIND else None


def _tombstone(parts: entries.Entry) -> Tombstone | None:
    if parts.kind != Kind.TOMBSTONE:
        return None
    try:
        message = from_body(parts.kind, parts.body, parts.version)
    except ProtocolError:
        return None
    return message if isinstance(message, Tombstone) else None
