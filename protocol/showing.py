"""What one member shows another of its ledger: the heads of their channels (§8.14).

    Showing = [version, [[note, [[origin, size, root, index, path], ...]], ...]]

A note is a head of the ledger with the cosignatures of its witnesses; below it stand leaves, each
with its inclusion path. Only channels between the two are shown: a ledger is nobody else's.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from keys.signing import VerifyKey
from protocol.checkpoint import Origin
from protocol.errors import CheckpointError, MalformedError, TooLargeError
from protocol.facts import Fact
from protocol.faults import explain
from protocol.fields import Count, Sha256, ShortText
from protocol.ledger import LoggedHead, verify_ledger_head
from protocol.merkle import verify_inclusion
from protocol.witness import MAX_WITNESSED_BYTES, NO_ENDS, cosigners, witnessed_at

MAX_SHOWING_BYTES: Final = 524_288
MAX_HEADS: Final = 24
MAX_LEAVES: Final = 24
"""Three lanes in two directions, each at its newest place, its newest witnessed one, and in
epochs before it that the reader may not have seen the end of."""

Path: TypeAlias = Annotated[tuple[Sha256, ...], Meta(max_length=63)]
HeadNote: TypeAlias = Annotated[bytes, Meta(max_length=MAX_WITNESSED_BYTES)]


class ShownLeaf(Fact, frozen=True):
    """One leaf of a ledger: the head of a channel, its place, and the path to the ledger's head."""

    origin: ShortText
    size: Count
    root: Sha256
    index: Count
    path: Path


class ShownHead(Fact, frozen=True):
    """A head of the ledger, signed and cosigned, and leaves below it."""

    note: HeadNote
    leaves: Annotated[tuple[ShownLeaf, ...], Meta(max_length=MAX_LEAVES)]


class Showing(Fact, frozen=True):
    """All that is shown; no heads: nothing was said between the two, or nothing is logged yet."""

    version: Annotated[int, Meta(ge=1, le=1)]
    heads: Annotated[tuple[ShownHead, ...], Meta(max_length=MAX_HEADS)]


NOTHING_SHOWN: Final = Showing(1, ())


class ShownPlace(NamedTuple):
    """A verified statement of a ledger's owner: this was the state of that channel.

    `witnessed_s`: since when it is witnessed for that channel (POSIX s), None: it is not.
    """

    origin: Origin
    size: int
    root: bytes
    witnessed_s: int | None


class Parties(NamedTuple):
    """Whose ledger is shown to whom, in which network, and by which keys it is verified.

    `ends`: as `protocol.witness.cosigners` asks for it.
    """

    network: str
    owner: str
    reader: str
    log_keys: Sequence[VerifyKey]
    witnesses: Mapping[str, Sequence[VerifyKey]]
    ends: Mapping[str, int] = NO_ENDS


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Showing)


def to_bytes(showing: Showing) -> bytes:
    """Return the canonical MessagePack of a showing, the body of request and answer."""
    return _encode(showing)


def from_bytes(raw: bytes) -> Showing:
    """Return the showing whose canonical form this is; nothing of it is verified.

    Raises:
        TooLargeError: more than 512 KiB.
        MalformedError: not canonical, or a field out of its bounds, named.
    """
    if len(raw) > MAX_SHOWING_BYTES:
        raise TooLargeError(f"showing: at most {MAX_SHOWING_BYTES} bytes are allowed")
    try:
        showing = _decoder.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(Showing, error) from None
    if _encode(showing) != raw:
        raise MalformedError("showing", "must be in canonical form")
    return showing


def verify_showing(showing: Showing, parties: Parties) -> list[ShownPlace]:
    """Return what the owner of a ledger says of its channels with the reader.

    Raises:
        NoteError, CheckpointError, TooLargeError: a head that the owner did not sign, or of
            another ledger, or a leaf of a channel of others.
        UnheardKeyError: signed by a log key that is not listed (yet).
        ProofError: a leaf that does not stand under its head.
        CosignatureError: a cosignature by a listed witness key that lacks a part or is wrong.
    """
    return [place for head in showing.heads for place in _below(head, parties)]


def _below(shown: ShownHead, parties: Parties) -> list[ShownPlace]:
    head = verify_ledger_head(shown.note, parties.log_keys, MAX_WITNESSED_BYTES)
    if head.origin[:2] != (parties.network, parties.owner):
        raise CheckpointError("showing.note: must be of the owner's ledger in this network")
    both = {parties.owner, parties.reader}
    since = witnessed_at(cosigners(shown.note, parties.witnesses, parties.ends), tuple(both))
    places = []
    for leaf in shown.leaves:
        origin = Origin.parse(leaf.origin)
        if origin.network != parties.network or {origin.sender, origin.receiver} != both:
            raise CheckpointError("showing.origin: must be a channel between owner and reader")
        logged = LoggedHead(leaf.origin, leaf.size, leaf.root)
        verify_inclusion(logged.leaf, leaf.index, head.size, leaf.path, head.root)
        places.append(ShownPlace(origin, leaf.size, leaf.root, since))
    return places
