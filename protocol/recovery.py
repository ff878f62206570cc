"""What a member that lost its node is handed back: its own entries, proved by itself (§8.13).

A peer holds what the lost member said to it: entries, the checkpoints that the member signed, and
its own receipts. The member asks for them page by page and believes nothing that does not hash to a
checkpoint of its own log key, so that nobody can put words into its mouth. What the peer erased
comes as what is left of it.

    body of the request  =  canonical MessagePack of a `Recover`
    body of a page       =  start (8) | receipt length (4) | receipt | push head | sealed frame
    element of the frame =  0 | entry
                         =  1 | leaf (32) | entry id (32) | erased at, ms (8)      erased there
                         =  2 | leaf (32)                                          not asked for

Numbers are unsigned and big-endian. The seal is that of a push (§8.7), for purpose `RECOVER`, to
the fresh sealing key that the member document names. Any other answer is a `Standing`.
"""

import struct
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from protocol import entry as entries
from protocol import push as pushes
from protocol.answers import Position
from protocol.checkpoint import MAX_CHECKPOINT_BYTES, Channel, VerifiedCheckpoint
from protocol.errors import MalformedError, TooLargeError
from protocol.facts import Fact
from protocol.faults import explain
from protocol.fields import MAX_TIME_MS, Count, EpochId
from protocol.merkle import HASH_BYTES, CompactRange
from protocol.messages import EpochOpen, read
from protocol.push import PushHead
from protocol.vocabulary import Lane

MAX_REQUEST_BYTES: Final = 64
MAX_STANDING_BYTES: Final = 64

_ENTRY, _ERASED, _WITHHELD = 0, 1, 2
_BURIED: Final = struct.Struct(f">{HASH_BYTES}s{entries.ID_BYTES}sQ")
_PLACE: Final = struct.Struct(">QI")
PAGE_PREFIX_BYTES: Final = _PLACE.size
MAX_ELEMENT_BYTES: Final = entries.MAX_ENTRY_BYTES + 1
MAX_ELEMENTS: Final = 65_536
"""Of a page, whatever the network permits today: a push was signed under the limits of its time."""


class Scope(IntEnum):
    """What is asked for."""

    EVERYTHING = 1
    """Every entry that the peer holds; a person there has to allow it."""
    ERASURES = 2
    """Only what we said that we erased: it brings nothing back, so nobody is asked."""


class StandingCode(StrEnum):
    """What a peer answers where it has no page to give."""

    END = "end"
    """There is nothing after the position that was told."""
    WAITING = "waiting"
    """A person has to allow it first."""
    REFUSED = "refused"
    """A person has said no."""
    NOT_RECOVERING = "not_recovering"
    """No member document that names a fresh sealing key is known there (yet)."""
    UNKNOWN_POSITION = "unknown_position"
    """The position that was told is not one of this channel."""


class Recover(Fact, frozen=True):
    """A request for the page after a position of one of our own channels; none yet: nil, 0."""

    version: Annotated[int, Meta(ge=1, le=1)]
    scope: Scope
    epoch: EpochId | None
    size: Count

    def __post_init__(self) -> None:
        if (self.epoch is None) != (self.size == 0):
            raise ValueError("size: must be 0 exactly when there is no epoch")


class Standing(Fact, frozen=True):
    """How the asking stands at a peer."""

    version: Annotated[int, Meta(ge=1, le=1)]
    code: StandingCode


class Element(NamedTuple):
    """One place of a log as it is handed back; without an entry it was erased, or not asked for.

    `entry_id` and `erased_ms` (UTC) are there exactly where it was erased.
    """

    leaf: bytes
    entry: bytes | None
    entry_id: bytes | None = None
    erased_ms: int = 0

    def to_bytes(self) -> bytes:
        """Return the element as it stands in the frame."""
        if self.entry is not None:
            return bytes((_ENTRY,)) + self.entry
        if self.entry_id is not None:
            return bytes((_ERASED,)) + _BURIED.pack(self.leaf, self.entry_id, self.erased_ms)
        return bytes((_WITHHELD,)) + self.leaf


class Page(NamedTuple):
    """A page as it arrived; nothing of it is to be believed before it was checked."""

    start: int
    receipt: bytes
    head: PushHead
    sealed: bytes

    def to_bytes(self) -> bytes:
        """Return the body of the answer."""
        place = _PLACE.pack(self.start, len(self.receipt))
        return b"".join((place, self.receipt, self.head.to_bytes(), self.sealed))


class Held(NamedTuple):
    """How far the recovering member has its channel back: an epoch and the edge of its tree."""

    epoch: bytes | None = None
    edge: CompactRange = CompactRange()

    @property
    def position(self) -> Position:
        """Epoch, size and root."""
        return Position(self.epoch, self.edge.size, self.edge.root)


def read_page(raw: bytes) -> Page:
    """Return the page that these bytes are.

    Raises:
        MalformedError, TooLargeError: not a page; see `push.read_head`.
    """
    if len(raw) < PAGE_PREFIX_BYTES:
        raise MalformedError("page", "must begin with a place and a receipt")
    start, length = _PLACE.unpack_from(raw)
    if length > MAX_CHECKPOINT_BYTES:
        raise TooLargeError(f"page.receipt: at most {MAX_CHECKPOINT_BYTES} bytes are allowed")
    at = PAGE_PREFIX_BYTES + length
    if len(raw) < at:
        raise MalformedError("page.receipt", "must be complete")
    end = at + pushes.head_length(raw[at : at + pushes.HEAD_PREFIX_BYTES])
    head = pushes.read_head(raw[at:end])
    return Page(start, raw[PAGE_PREFIX_BYTES:at], head, raw[end:])


def read_elements(raw: Sequence[bytes]) -> list[Element]:
    """Return the elements of a frame that was opened.

    Raises:
        MalformedError: an element of none of the three forms.
    """
    return [_element(one) for one in raw]


def _element(raw: bytes) -> Element:
    tag, rest = raw[0], raw[1:]
    if tag == _ENTRY and rest:
        return Element(entries.leaf(rest), rest)
    if tag == _ERASED and len(rest) == _BURIED.size:
        leaf, entry_id, erased_ms = _BURIED.unpack(rest)
        if erased_ms > MAX_TIME_MS:
            raise MalformedError("page.element", "must have been erased at a time")
        return Element(leaf, None, entry_id, erased_ms)
    if tag == _WITHHELD and len(rest) == HASH_BYTES:
        return Element(rest, None)
    raise MalformedError("page.element", "must be an entry, an erased one, or a leaf")


def check_page(
    channel: Channel,
    held: Held,
    checkpoint: VerifiedCheckpoint,
    start: int,
    elements: Sequence[Element],
) -> Held:
    """Return how far the channel is back after a page, if it follows exactly from `held`.

    A page goes on in the epoch at hand, or begins the next one; that one's opening must name the
    position at hand, so that no epoch in between can be left out.

    Raises:
        MalformedError: it is of another channel, leaves something out, or does not hash to the
            checkpoint.
    """
    origin = checkpoint.origin
    if origin != channel.origin(origin.epoch):
        raise MalformedError("page.note", "must be of the channel that was asked for")
    goes_on = origin.epoch == held.epoch
    edge = held.edge if goes_on else CompactRange()
    if not elements or start != edge.size or checkpoint.size - start != len(elements):
        raise MalformedError("page.start", "must go on where the page before ended")
    edge = edge.extend([one.leaf for one in elements])
    if edge.root != checkpoint.root:
        raise MalformedError("page", "must hash to the checkpoint that we signed")
    if not goes_on and not _names(elements[0], held.position):
        raise MalformedError("page.opening", "must name the position before it")
    return Held(origin.epoch, edge)


def _names(first: Element, before: Position) -> bool:
    """Whether this is the opening of an epoch, in clear, that names the position before it."""
    if first.entry is None:
        return False
    _, message = read(first.entry)
    if not isinstance(message, EpochOpen):
        return False
    named = (message.predecessor_epoch, message.predecessor_size, message.predecessor_root)
    return named == (before.epoch, before.size, before.root)


def recover_path(member: str, lane: Lane) -> str:
    """Return the path of the request by which `member` asks for its own channel back."""
    return f"/hx1/recover/{member}/{lane}"


def bring_path(member: str, lane: Lane) -> str:
    """Return the path on which `member`, which cannot be asked, brings what was said to it."""
    return f"/hx1/recovered/{member}/{lane}"


_encode: Final = msgspec.msgpack.Encoder().encode
_requests: Final = msgspec.msgpack.Decoder(Recover)
_standings: Final = msgspec.msgpack.Decoder(Standing)


def to_bytes(said: Recover | Standing) -> bytes:
    """Return the canonical MessagePack of a request or a standing."""
    return _encode(said)


def read_request(raw: bytes) -> Recover:
    """Return the request whose canonical form this is.

    Raises:
        TooLargeError: more than 64 bytes.
        MalformedError: not canonical, or a field out of its bounds, named.
    """
    if len(raw) > MAX_REQUEST_BYTES:
        raise TooLargeError(f"recover: at most {MAX_REQUEST_BYTES} bytes are allowed")
    try:
        asked = _requests.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(Recover, error) from None
    if _encode(asked) != raw:
        raise MalformedError("recover", "must be in canonical form")
    return asked


def read_standing(raw: bytes) -> Standing:
    """Return the standing whose canonical form this is.

    Raises:
        TooLargeError, MalformedError: as `read_request`.
    """
    if len(raw) > MAX_STANDING_BYTES:
        raise TooLargeError(f"standing: at most {MAX_STANDING_BYTES} bytes are allowed")
    try:
        standing = _standings.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(Standing, error) from None
    if _encode(standing) != raw:
        raise MalformedError("standing", "must be in canonical form")
    return standing
