"""That the epochs of a ledger go on from each other, shown to others (docs/protocol.md §8.16).

    Lineage = [version, seen, start, nodes, [[note, path], ...], [note, ...]]

The first leaf of an epoch is the last head of the epoch before it (§8.11.6). So a chain of last
heads, each with the path to the first leaf of its own tree, leads from the head that a reader
remembers to the newest one; `nodes` show that the first of the chain extends what is remembered.
Both sides say what they remember of the other's ledger, so one exchange serves both; and what they
remember of the ledgers of third members, so that two who were shown two ledgers find out.
"""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from keys.signing import VerifyKey
from protocol.checkpoint import MAX_CHECKPOINT_BYTES
from protocol.errors import CheckpointError, MalformedError, ProofError, TooLargeError
from protocol.facts import Fact
from protocol.faults import explain
from protocol.fields import Count, EpochId, Sha256
from protocol.ledger import LedgerHead, read_ledger_head, verify_ledger_head
from protocol.merkle import verify_consistency, verify_inclusion

MAX_LINEAGE_BYTES: Final = 524_288
MAX_OTHERS: Final = 24
MAX_LINKS: Final = 64
"""Epochs at most in one chain; a longer one goes on in the next exchange."""

HeadNote: TypeAlias = Annotated[bytes, Meta(max_length=MAX_CHECKPOINT_BYTES)]
Path: TypeAlias = Annotated[tuple[Sha256, ...], Meta(max_length=64)]


class SeenHead(Fact, frozen=True):
    """A head of a ledger by its epoch and size; its root is not said, since both know it."""

    epoch: EpochId
    size: Count


class Link(Fact, frozen=True):
    """The last head that was signed in an epoch, and the path to the first leaf of that epoch.

    The path of the first link of a chain says nothing, and is empty.
    """

    note: HeadNote
    path: Path


class Lineage(Fact, frozen=True):
    """What one member shows another of the epochs of its ledger.

    `seen`: what the speaker remembers of the other's ledger. `start`: what of its own it goes on
    from, as the other said that it remembers it; None: it knows of no such head. No links: it has
    not heard yet what the other remembers, or has signed no head. `others`: heads of ledgers of
    third members that the speaker remembers, as their owners signed them.
    """

    version: Annotated[int, Meta(ge=1, le=1)]
    seen: SeenHead | None
    start: SeenHead | None
    nodes: Path
    links: Annotated[tuple[Link, ...], Meta(max_length=MAX_LINKS)]
    others: Annotated[tuple[HeadNote, ...], Meta(max_length=MAX_OTHERS)]


NOTHING_SHOWN: Final = Lineage(1, None, None, (), (), ())


class Remembered(NamedTuple):
    """The last head of a member's ledger that was shown to us, as its owner signed it."""

    epoch: bytes
    size: int
    root: bytes
    note: bytes

    @property
    def seen(self) -> SeenHead:
        """How its owner is told of it."""
        return SeenHead(self.epoch, self.size)


class Owner(NamedTuple):
    """Whose ledger is shown, in which network, and under which log keys."""

    network: str
    member: str
    log_keys: Sequence[VerifyKey]


class Followed(NamedTuple):
    """What is remembered after a lineage; `goes_on`: it leads there from what was before."""

    remembered: Remembered | None
    goes_on: bool


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Lineage)


def to_bytes(lineage: Lineage) -> bytes:
    """Return the canonical MessagePack of a lineage, the body of request and answer."""
    return _encode(lineage)


def from_bytes(raw: bytes) -> Lineage:
    """Return the lineage whose canonical form this is; nothing of it is verified.

    Raises:
        TooLargeError: more than 512 KiB.
        MalformedError: not canonical, or a field out of its bounds, named.
    """
    if len(raw) > MAX_LINEAGE_BYTES:
        raise TooLargeError(f"lineage: at most {MAX_LINEAGE_BYTES} bytes are allowed")
    try:
        lineage = _decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(Lineage, error) from None
    if _encode(lineage) != raw:
        raise MalformedError("lineage", "must be in canonical form")
    return lineage


def newest_of(lineage: Lineage) -> SeenHead | None:
    """Return the last head of a lineage of our own, None: it shows none."""
    if not lineage.links:
        return None
    head = read_ledger_head(lineage.links[-1].note)
    return SeenHead(head.origin.epoch, head.size)


def follow(lineage: Lineage, owner: Owner, before: Remembered | None) -> Followed:
    """Return what is remembered of the owner's ledger once it has shown this (§8.16.3).

    A chain that starts from another head than `before`, or in its epoch with nothing to start from,
    answers a question that is over: it changes nothing. One in other epochs without a start, though
    something is remembered, does not go on from that: its owner was set back, lost its node, or
    wants something forgotten. Only the newest head must be signed under a key that counts: it says
    those before it again, also where their key has been revoked (§3.9.4).

    Raises:
        NoteError, CheckpointError, TooLargeError: what is no head, a newest one that the owner did
            not sign, one of another ledger, or an epoch that is there twice.
        UnheardKeyError: the newest is signed by a log key that is not listed (yet).
        ProofError: an epoch that does not begin with the head before it, or a first head that does
            not extend what is remembered.
    """
    if not lineage.links:
        return Followed(before, goes_on=True)
    *earlier_links, newest = lineage.links
    heads = [*(_said_again(link, owner) for link in earlier_links), _verified(newest, owner)]
    if len({head.origin.epoch for head in heads}) < len(heads):
        raise CheckpointError("lineage.links: an epoch must be there once")
    for earlier, head, link in zip(heads, heads[1:], lineage.links[1:], strict=False):
        verify_inclusion(earlier.logged.leaf, 0, head.size, link.path, head.root)
    last = heads[-1]
    after = Remembered(last.origin.epoch, last.size, last.root, lineage.links[-1].note)
    if lineage.start is None:
        if before is not None and before.epoch in {head.origin.epoch for head in heads}:
            return Followed(before, goes_on=True)
        return Followed(after, goes_on=before is None)
    if before is None or lineage.start != before.seen:
        return Followed(before, goes_on=True)
    if heads[0].origin.epoch != before.epoch:
        raise ProofError("lineage.links: the first must be of the epoch that is remembered")
    verify_consistency(before.size, before.root, heads[0].size, heads[0].root, lineage.nodes)
    return Followed(after, goes_on=True)


def _verified(link: Link, owner: Owner) -> LedgerHead:
    return _theirs(verify_ledger_head(link.note, owner.log_keys), owner)


def _said_again(link: Link, owner: Owner) -> LedgerHead:
    """Read a head that the first leaf of the epoch after it says again (§3.9.4).

    So nobody asks under which key it was signed: that may have been revoked since.
    """
    return _theirs(read_ledger_head(link.note), owner)


def _theirs(head: LedgerHead, owner: Owner) -> LedgerHead:
    if head.origin[:2] != (owner.network, owner.member) or head.size == 0:
        raise CheckpointError("lineage.note: must be of the owner's ledger in this network")
    return head
