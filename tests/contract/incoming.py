"""Another member's channel to a store under test: pushes with real signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from node.peer.channels.inbox import Decide, Held, Taken
from node.store.sqlite import Store
from protocol import channel as channels
from protocol import entry as entries
from protocol.channel import Accepted, Channel, Refusal, SenderState
from protocol.checkpoint import VerifiedCheckpoint, sign_checkpoint, verify_checkpoint
from protocol.messages import to_body
from protocol.vocabulary import Kind, Lane
from tests.builders.cases import US, network
from tests.builders.network import NOW_MS, member_keys

PEER = "gb-iwf"


def entry(number: int, body: bytes = b"\xc0") -> bytes:
    """Return the entry with the `number`th id."""
    parts = entries.Entry(1, Kind.ITEM, number.to_bytes(32, "big"), bytes(16), body)
    return entries.encode(parts)


@dataclass(frozen=True)
class Signed:
    """One push as its receiver gets it."""

    checkpoint: VerifiedCheckpoint
    note: bytes
    start: int
    entries: list[bytes]


@dataclass
class Sender:
    """What a member, gb-iwf unless said, says to the store's member on one lane."""

    lane: Lane = Lane.REPORTS
    epoch: bytes = b"epoch--1"
    told: channels.Position = channels.NOTHING
    peer: str = PEER
    state: SenderState = field(init=False)

    def __post_init__(self) -> None:
        self.state = channels.open_epoch(self.epoch, self.told)

    def next_epoch(self, epoch: bytes) -> Sender:
        """Return the sender after it opened another epoch upon what it has said here."""
        here = channels.Position(self.state.epoch, self.state.size, self.state.root)
        return Sender(self.lane, epoch, here, self.peer)

    def push(self, *numbers: int, body: bytes = b"\xc0") -> Signed:
        """Sign entries with these ids; the first push begins with the epoch's opening."""
        return self.push_raw(*[entry(number, body) for number in numbers])

    def push_raw(self, *raw: bytes) -> Signed:
        """Sign entries that are made already; as `push`."""
        said = list(raw)
        if self.state.size == 0:
            opening = to_body(channels.first_message(self.state))
            first = entries.compose(bytes(32), Kind.EPOCH_OPEN, self.state.epoch, 0, US, opening)
            said.insert(0, entries.encode(first))
        start = self.state.size
        channel = Channel(network().network_id, self.peer, US, self.lane)
        self.state, checkpoint = channels.cut(channel, self.state, entries.leaves(said))
        keys = member_keys(self.peer)
        note = sign_checkpoint(checkpoint, keys.log)
        verified = verify_checkpoint(note, [keys.log.public]).checkpoint
        return Signed(verified, note, start, said)


def taking(signed: Signed, receipt: bytes) -> Decide:
    """Return the decision of a receiver that takes a push and gives `receipt` for it."""

    def decide(held: Held) -> tuple[Accepted, bytes, Sequence[Taken]] | Refusal | bytes:
        if held.receipt is not None:
            return held.receipt
        accepted = channels.accept(
            held.state, signed.checkpoint, signed.start, signed.entries, held.closed_size
        )
        if isinstance(accepted, Refusal):
            return accepted
        taken = [
            _taken(raw, leaf) for raw, leaf in zip(signed.entries, accepted.leaves, strict=True)
        ]
        return accepted, receipt, taken

    return decide


def _taken(raw: bytes, leaf: bytes) -> Taken:
    parts = entries.decode(raw)
    of_channel = parts.kind < Kind.ITEM
    return Taken(parts.id, parts.body[:16].ljust(16, b"\0"), leaf, raw, of_channel)


async def take(store: Store, signed: Signed, receipt: bytes = b"receipt") -> bytes | Refusal:
    """Have the store take a push."""
    origin = signed.checkpoint.origin
    lane, decide = Lane(origin.lane), taking(signed, receipt)
    place = (origin.sender, lane, signed.checkpoint, signed.note)
    return await store.inbox.take(*place, NOW_MS, decide)


async def arrive(store: Store, sender: Sender, *numbers: int) -> None:
    """Have entries with these ids arrive."""
    taken = await take(store, sender.push(*numbers))
    assert isinstance(taken, bytes)
