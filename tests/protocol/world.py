"""A small world for one channel: durable disks, processes that die or linger, a bad network.

The sender and the receiver here do what a node does around the pure functions of
`protocol.channel`, and no more: they keep on "disk" what must be durable, and lose the rest.
There is no lease and no fencing on purpose: two sender processes may run at once for as long as
they like, which is worse than anything a node allows.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol import messages
from protocol.channel import (
    ANSWERS,
    NOTHING,
    UNOPENED,
    Accepted,
    Again,
    AnswerCode,
    Channel,
    Next,
    Position,
    ReceiverState,
    SenderState,
    Step,
    accept,
    again,
    chain_of,
    compare,
    cut,
    first_message,
    is_settled,
    judge,
    open_epoch,
    sort_push,
    tenure_holds,
)
from protocol.checkpoint import Checkpoint, VerifiedCheckpoint
from protocol.entry import leaf
from protocol.messages import Tombstone, Withdrawal, kind_of
from protocol.vocabulary import Kind, Lane
from tests.protocol import oracle, samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHANNEL = Channel("demo-0123456789abcdef", "gb-iwf", "nl-eokm", Lane.REPORTS)


@dataclass
class Epoch:
    """What a sender keeps of an epoch: where it opened from, its entries and what they carry."""

    state: SenderState
    entries: list[bytes] = field(default_factory=list)
    carries: list[str | None] = field(default_factory=list)


@dataclass
class SenderDisk:
    """Everything that a sender's processes share and that a backup holds."""

    things: list[str] = field(default_factory=list)
    erased: set[str] = field(default_factory=set)
    epochs: dict[bytes, Epoch] = field(default_factory=dict)
    signed: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    receipts: dict[bytes, int] = field(default_factory=dict)

    def chain(self, told: Position, ancestors: Sequence[Position]) -> Mapping[bytes, int]:
        """Give what the receiver holds, by a told state."""
        return chain_of(told, ancestors, self.opened_from, self.receipted)

    def receipted(self, epoch: bytes) -> int:
        """Give how much of an epoch there is a receipt for."""
        return self.receipts.get(epoch, 0)

    def opened_from(self, epoch: bytes) -> Position | None:
        """Give the predecessor of an epoch, if the disk remembers it."""
        known = self.epochs.get(epoch)
        return None if known is None else known.state.predecessor


@dataclass
class Push:
    """A push on its way, from one process."""

    process: int
    checkpoint: Checkpoint
    start: int
    entries: list[bytes]


@dataclass
class Reply:
    """A receipt (code None) or an answer on its way to the process that asked."""

    process: int
    nonce: int
    code: AnswerCode | None
    told: Position
    ancestors: tuple[Position, ...]


class Receiver:
    """A receiver: all of it is durable, and all of it can be restored from a backup."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.state: ReceiverState = UNOPENED
        self.leaves: dict[bytes, list[bytes]] = {}
        self.ancestors: tuple[Position, ...] = ()
        self.receipts: dict[str, int] = {}
        self.effects: list[bytes] = []
        self.tombstones: set[bytes] = set()

    def take(self, push: Push) -> AnswerCode | None:
        """Do what a node does with a push; None stands for a receipt."""
        checkpoint = VerifiedCheckpoint(push.checkpoint)
        if checkpoint.text in self.receipts:
            return None
        epoch = checkpoint.origin.epoch
        closed = {one.epoch: one.size for one in self.ancestors}.get(epoch)
        step, code = sort_push(self.state, checkpoint, push.start, closed)
        if step is Step.COMPARE:
            own_root = oracle.tree(self.leaves[epoch][: checkpoint.size])
            return compare(self.state, checkpoint, own_root).code
        if step is Step.REFUSE:
            return code
        answer = accept(self.state, checkpoint, push.start, push.entries, closed)
        if not isinstance(answer, Accepted):
            return answer.code
        if answer.closed is not None:
            self.ancestors = (answer.closed, *self.ancestors)
        self.state = answer.state
        self.leaves.setdefault(epoch, []).extend(answer.leaves)
        self.receipts[checkpoint.text] = len(self.receipts)
        for raw in push.entries:
            self._effect(raw)
        return None

    def _effect(self, raw: bytes) -> None:
        entry, message = messages.read(raw)
        if isinstance(message, Tombstone):
            self.tombstones.add(message.entry_id)
        elif entry.kind != Kind.EPOCH_OPEN and entry.id not in self.effects:
            self.effects.append(entry.id)


class Process:
    """One tenure of a sending process: what it has in memory, and would lose by dying."""

    def __init__(self, number: int, world: World) -> None:
        """Start without an epoch, and with no question asked."""
        self.number = number
        self.world = world
        self.tenure: SenderState | None = None
        self.nonce = -1
        self.stopped = False
        self.dead = False

    @property
    def disk(self) -> SenderDisk:
        """The disk, as it is now."""
        return self.world.disk

    def hear(self, reply: Reply) -> None:
        """Judge a told state if it answers the outstanding question, and act upon it."""
        if reply.nonce != self.nonce or self.dead or self.stopped or not self.holds():
            return
        self.nonce = -1
        told = reply.told
        if reply.code is None and told.epoch in self.disk.epochs:
            self.disk.receipts[told.epoch] = max(told.size, self.disk.receipted(told.epoch))
        signed = None if told.epoch is None else self.disk.signed.get((told.epoch, told.size))
        judgement = judge(self.tenure, told, signed)
        if judgement.next is Next.STOP:
            self.stopped = True
        elif judgement.next is Next.SEND_ON and not self._erased_from(judgement.start):
            self.send_from(judgement.start)
        else:
            self.open(told, self.disk.chain(told, reply.ancestors))

    def holds(self) -> bool:
        """Whether the disk agrees with memory; if not, the tenure ends."""
        if self.tenure is None:
            return True
        row = self.disk.epochs.get(self.tenure.epoch)
        if tenure_holds(self.tenure, None if row is None else row.state):
            return True
        self.dead = True
        return False

    def open(self, told: Position, chain: Mapping[bytes, int]) -> None:
        """Open a new epoch after `told`, and append again what is not settled."""
        name = self.world.fresh_epoch()
        state = open_epoch(name, told)
        self.disk.epochs[name] = Epoch(state)
        self.tenure = state
        opening = samples.raw_entry(first_message(state), name.hex())
        pending = [thing for thing in self.disk.things if not self._is_settled(thing, chain)]
        again_entries = [self.world.entry(thing, settled=False) for thing in pending]
        self._append([opening, *again_entries], [None, *pending])
        self.send_from(0)

    def cut(self) -> None:
        """Append what was accepted since, if this process has a tenure, and push it."""
        if self.tenure is None or self.dead or self.stopped or not self.holds():
            return
        epoch = self.disk.epochs[self.tenure.epoch]
        covered = self.world.settled_when_opened[self.tenure.epoch] | set(epoch.carries)
        fresh = [thing for thing in self.disk.things if thing not in covered]
        if fresh:
            start = self.tenure.size
            self._append([self.world.entry(thing, settled=False) for thing in fresh], [*fresh])
            self.send_from(start)

    def send_from(self, start: int) -> None:
        """Push everything from `start` on: what is on disk is what is sent."""
        assert self.tenure is not None
        epoch = self.disk.epochs[self.tenure.epoch]
        sizes = sorted(size for name, size in self.disk.signed if name == self.tenure.epoch)
        for size in [size for size in sizes if size > start]:
            root = self.disk.signed[self.tenure.epoch, size]
            checkpoint = Checkpoint(CHANNEL.origin(self.tenure.epoch), size, root)
            push = Push(self.number, checkpoint, start, epoch.entries[start:size])
            self.world.pushes.append(push)
            start = size

    def _append(self, entries: list[bytes], carries: list[str | None]) -> None:
        assert self.tenure is not None
        self.tenure, checkpoint = cut(CHANNEL, self.tenure, [leaf(raw) for raw in entries])
        epoch = self.disk.epochs[self.tenure.epoch]
        epoch.entries += entries
        epoch.carries += carries
        epoch.state = self.tenure
        before: set[str | None] = {thing for thing in self.disk.things if thing not in carries}
        self.world.settled_when_opened.setdefault(self.tenure.epoch, before)
        self.disk.signed[self.tenure.epoch, checkpoint.size] = checkpoint.root
        self.world.remember_signature(checkpoint)

    def _is_settled(self, thing: str, chain: Mapping[bytes, int]) -> bool:
        return any(
            is_settled(chain, name, epoch.carries.index(thing))
            for name, epoch in self.disk.epochs.items()
            if thing in epoch.carries
        )

    def _erased_from(self, start: int) -> bool:
        assert self.tenure is not None
        epoch = self.disk.epochs[self.tenure.epoch]
        kinds = (
            messages.read(raw)[0].kind == Kind.TOMBSTONE or thing not in self.disk.erased
            for raw, thing in zip(epoch.entries[start:], epoch.carries[start:], strict=True)
        )
        return not all(kinds)


class World:
    """Both disks, the processes, what is in flight, and what must never happen."""

    def __init__(self) -> None:
        """Start with two empty disks."""
        self.disk = SenderDisk()
        self.receiver = Receiver()
        self.processes: list[Process] = []
        self.pushes: list[Push] = []
        self.replies: list[Reply] = []
        self.settled_when_opened: dict[bytes, set[str | None]] = {}
        self.signatures: dict[tuple[bytes, int], bytes] = {}
        self.epochs = 0
        self.nonces = 0
        self.accepted = 0

    def fresh_epoch(self) -> bytes:
        """Give an epoch id that was never given before."""
        self.epochs += 1
        return self.epochs.to_bytes(8, "big")

    def remember_signature(self, checkpoint: Checkpoint) -> None:
        """Keep every signature ever made: no two may differ for one origin and size."""
        key = (checkpoint.origin.epoch, checkpoint.size)
        assert self.signatures.setdefault(key, checkpoint.root) == checkpoint.root

    def entry(self, thing: str, *, settled: bool) -> bytes:
        """Give the entry that carries a thing, or its tombstone once it was erased."""
        raw = samples.raw_entry(Withdrawal(thing, None, 0), thing)
        outcome = again(Kind.WITHDRAWAL, settled=settled, erased=thing in self.disk.erased)
        if outcome is Again.APPEND:
            return raw
        tombstone = Tombstone(raw[5:37], Kind.WITHDRAWAL, leaf(raw), 0)
        assert outcome is Again.TOMBSTONE
        assert kind_of(tombstone) == Kind.TOMBSTONE
        return samples.raw_entry(tombstone, f"{thing}/tombstone")

    def accept_thing(self) -> None:
        """Accept one more thing from the hotline, durably."""
        self.accepted += 1
        self.disk.things.append(f"gb-iwf.{self.accepted:026d}")

    def start(self) -> Process:
        """Start a process beside those that run already, and let it ask."""
        process = Process(len(self.processes), self)
        self.processes.append(process)
        self.ask(process)
        return process

    def ask(self, process: Process) -> None:
        """Ask the receiver for its state, with a fresh nonce; the answer travels."""
        self.nonces += 1
        process.nonce = self.nonces
        self._reply(process.number, AnswerCode.STATE, process.nonce)

    def deliver(self, push: Push) -> AnswerCode | None:
        """Let the receiver take a push; what it says travels back."""
        code = self.receiver.take(push)
        assert code is None or not ANSWERS[code].stops_receiver
        assert code != AnswerCode.MALFORMED
        process = self.processes[push.process]
        if code is not None and process.nonce < 0:
            self.nonces += 1
            process.nonce = self.nonces
            self._reply(push.process, code, process.nonce)
        return code

    def say_restored(self, process: Process) -> None:
        """Let a person say of an unknown state that our own disk was restored."""
        told = self.receiver.state.position
        if told.epoch is not None:
            self.disk.signed[told.epoch, told.size] = told.root
        process.stopped = False
        process.tenure = None
        self.ask(process)

    def restore_sender(self, backup: SenderDisk, *, alive: bool) -> None:
        """Put back an old disk, perhaps while processes go on running on it."""
        for process in self.processes:
            process.dead = process.dead or not alive
        self.disk = copy.deepcopy(backup)

    def alive(self) -> list[Process]:
        """Give the processes that still run, oldest first."""
        return [process for process in self.processes if not process.dead]

    def settle_down(self, process: Process) -> None:
        """Let everything in flight arrive in order, with `process` as the one that listens."""
        while self.pushes or self.replies:
            while self.replies:
                reply = self.replies.pop(0)
                self.processes[reply.process].hear(reply)
            if process.stopped:
                self.say_restored(process)
            if self.pushes:
                self.deliver(self.pushes.pop(0))

    def heal(self) -> None:
        """End all faults: the newest process that still runs, or a new one, goes on alone."""
        self.pushes, self.replies = [], []
        last = self.alive()[-1] if self.alive() else self.start()
        for process in self.processes:
            process.dead = process is not last
        for _ in range(3):
            self.ask(last)
            self.settle_down(last)
            if last.dead:
                last = self.start()
            last.cut()
            self.settle_down(last)

    def check_agreement(self) -> None:
        """After healing, nothing is lost, nothing is twice, both sides agree."""
        effects = self.receiver.effects
        assert len(effects) == len(set(effects))
        for thing in self.disk.things:
            identity = samples.raw_entry(Withdrawal(thing, None, 0), thing)[5:37]
            gone = thing in self.disk.erased and identity in self.receiver.tombstones
            assert identity in effects or gone
        running = self.alive()[-1].tenure
        assert running is not None
        assert self.receiver.state.position == Position(running.epoch, running.size, running.root)

    def check_settled_is_held(self) -> None:
        """Whatever the told chain settles now, the receiver holds now."""
        receiver = self.receiver
        told = receiver.state.position
        chain = self.disk.chain(told, receiver.ancestors)
        held = set(receiver.effects) | receiver.tombstones
        for name, epoch in self.disk.epochs.items():
            for index, thing in enumerate(epoch.carries):
                if thing is not None and is_settled(chain, name, index):
                    raw = samples.raw_entry(Withdrawal(thing, None, 0), thing)
                    assert raw[5:37] in held

    def _reply(self, process: int, code: AnswerCode | None, nonce: int) -> None:
        receiver = self.receiver
        told, ancestors = receiver.state.position, receiver.ancestors
        assert (told == NOTHING) == (receiver.state.epoch is None)
        self.replies.append(Reply(process, nonce, code, told, ancestors))
