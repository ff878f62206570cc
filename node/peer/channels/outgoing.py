"""What the sending side and its store say to each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from protocol import entry as entries
from protocol.answers import Position, Told
from protocol.channel import Channel, Cut, SenderState
from protocol.disavowal import Disavow
from protocol.messages import Tombstone, to_body
from protocol.vocabulary import Kind, Lane


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """Delivery state of one channel, as it stands on its row."""

    peer: str
    lane: Lane
    attempts: int
    next_attempt_ms: int
    problem: str | None
    stopped: str | None


class Limits(NamedTuple):
    """What one push may carry: how many entries, bytes in all, bytes of each entry.

    `withheld`: codes of the kinds that the network does not permit to its receiver now.
    """

    push_entries: int
    push_bytes: int
    entry_bytes: int
    withheld: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry that belongs to the epoch itself (its opening, the registry it was made under)."""

    entry: bytes


@dataclass(frozen=True, slots=True)
class Push:
    """One signed push: entries [start, size) of an epoch under `note`, signed at `signed_ms`."""

    epoch: bytes
    start: int
    size: int
    note: bytes
    entries: list[bytes]
    signed_ms: int


class Buried(NamedTuple):
    """An erased message that its receiver does not hold: what a `Tombstone` says of it."""

    peer: str
    entry_id: bytes
    kind: int
    leaf: bytes
    erased_ms: int


Entomb = Callable[[Buried], tuple[bytes, bytes]]
"""Makes the id and the bytes of the entry that stands for it."""


def tombstone(node_secret: bytes, buried: Buried) -> tuple[bytes, bytes]:
    """Return id and bytes of the entry that stands for an erased one (docs/protocol.md §8.8)."""
    message = Tombstone(buried.entry_id, buried.kind, buried.leaf, buried.erased_ms)
    entry = entries.compose(
        node_secret, Kind.TOMBSTONE, buried.entry_id, 0, buried.peer, to_body(message)
    )
    return entry.id, entries.encode(entry)


Word = Callable[[Disavow], tuple[bytes, bytes]]
"""Makes the id and the bytes of the entry that disavows what somebody else signed."""


def disavowal(node_secret: bytes, peer: str, message: Disavow) -> tuple[bytes, bytes]:
    """Return id and bytes of the entry that says it to `peer` (docs/protocol.md §8.15)."""
    body = to_body(message)
    entry = entries.compose(node_secret, Kind.DISAVOW, body, 0, peer, body)
    return entry.id, entries.encode(entry)


class Outbox(Protocol):
    """What delivery needs of the store.

    See `node.store.channels.outbox.Outbox` for each promise.
    """

    async def rows(self) -> list[ChannelRow]:
        """Return every channel that was ever used."""

    async def unasked(self, pairs: Collection[tuple[str, Lane]]) -> list[tuple[str, Lane]]:
        """Return those of these channels that nothing is known of."""

    async def never_used(self, peer: str, lane: Lane) -> None:
        """Keep that the receiver told that we had said nothing on this channel."""

    async def waiting(self, pairs: Container[tuple[str, Lane]]) -> dict[tuple[str, Lane], int]:
        """Return the urgency of what waits, per channel."""

    async def urgency(self, peer: str, lane: Lane) -> int | None:
        """Return the urgency of what waits for one channel; None: nothing does."""

    async def note_closed(
        self, pairs: Container[tuple[str, Lane]], told: frozenset[str], now_ms: int
    ) -> frozenset[str]:
        """Put before a person what waits on other channels than these; return which those are."""

    async def may_go_again(self, peer: str, lane: Lane, limits: Limits) -> bool:
        """Whether something may go now that could not when its turn came."""

    async def take_over(self, peer: str, lane: Lane) -> int:
        """Begin a tenure and return its fence."""

    async def remembered(
        self, peer: str, lane: Lane, told: Position
    ) -> tuple[bytes | None, dict[bytes, Position], int]:
        """Return the root signed for `told`, own epochs' predecessors, 0 if none is newer."""

    async def receipts(self, peer: str, lane: Lane, epochs: Collection[bytes]) -> dict[bytes, int]:
        """Return up to which size of each of these epochs there is a receipt."""

    async def disown(
        self, peer: str, lane: Lane, told: Told, now_ms: int, word: Word
    ) -> Mapping[bytes, int] | None:
        """Take a person's word "compromised", once; by epoch how much is ours. None: not said."""

    async def open(
        self,
        peer: str,
        lane: Lane,
        fence: int,
        state: SenderState,
        chain: Mapping[bytes, int],
        now_ms: int,
        entomb: Entomb,
        *,
        renewed: bool = False,
    ) -> int:
        """Open an epoch; what the receiver does not hold waits again, or its tombstone."""

    async def cut(
        self,
        channel: Channel,
        fence: int,
        state: SenderState,
        own: Sequence[OwnEntry],
        limits: Limits,
        sign: Callable[[Cut], bytes],
        now_ms: int,
    ) -> tuple[SenderState, Push] | None:
        """Append what waits and sign it, durably."""

    async def stored(self, peer: str, lane: Lane, epoch: bytes, held: int) -> Push | None:
        """Return the signed push that follows `held`."""

    async def sign_anew(self, peer: str, lane: Lane, fence: int, push: Push) -> None:
        """Keep another signature over the checkpoint of a push that has no receipt yet."""

    async def receipted(
        self, peer: str, lane: Lane, fence: int, epoch: bytes, size: int, receipt: bytes
    ) -> None:
        """Keep a verified receipt."""

    async def unreceipted(
        self, peer: str, lane: Lane, epoch: bytes, size: int, text: str
    ) -> tuple[int, int] | None:
        """Return how many entries a receipt covers anew and when we signed; None: it is kept."""

    async def keep_receipt(
        self, peer: str, lane: Lane, epoch: bytes, size: int, receipt: bytes
    ) -> None:
        """Keep a verified receipt of any epoch of ours."""

    async def failed(
        self, peer: str, lane: Lane, attempts: int, next_attempt_ms: int, problem: str
    ) -> None:
        """Keep when to try again."""

    async def stop(self, peer: str, lane: Lane, code: str, now_ms: int) -> None:
        """Stop the channel before a person."""

    async def goes_back(self, peer: str, lane: Lane) -> bool:
        """Whether the receiver made us say so much again that a person must look."""

    async def alert_refill(self, peer: str, lane: Lane, now_ms: int) -> None:
        """Tell a person that the receiver lost what it had receipted; it is refilled."""
