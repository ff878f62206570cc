"""What entries say: a Struct per form, the tables of kinds and forms (docs/protocol.md §6, §7).

A form is one version of one kind. `to_body` and `from_body` turn a message into the canonical bytes
of an entry's body and back. Both check every bound; an error names the field, never its value.
Kinds and versions that we do not know become an `UnknownMessage`: kept, answered and shown, never
dropped.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

from protocol import entry as entries
from protocol.correspondence import PeerMessage
from protocol.disavowal import Disavow
from protocol.dispositions import Dispositions
from protocol.encoding import unpack
from protocol.entry import MAX_ENTRY_BYTES, VERSION, Entry
from protocol.errors import MalformedError, UnsayableError
from protocol.facts import (
    Access,
    ActionTaken,
    Assessment,
    Content,
    Fact,
    Hop,
    Jurisdiction,
    KnownContent,
    Location,
    Moved,
    Sighting,
)
from protocol.faults import explain, label
from protocol.fields import (
    MAX_ACTIONS,
    MAX_ASSESSMENTS,
    MAX_CONTENTS,
    MAX_HOPS,
    MAX_KNOWN_CONTENTS,
    MAX_SIGHTINGS,
    Code,
    Count,
    EpochId,
    Member,
    Sha256,
    SubjectId,
    TimeMs,
)
from protocol.merkle import EMPTY_ROOT
from protocol.shared import SharingDecoder
from protocol.verdicts import ContentVerdict, ContentVerdictWithdrawn
from protocol.vocabulary import Disposition, ItemKind, Kind, Lane, Matter, OutcomeWhat, Source

# -- every lane --------------------------------------------------------------------------------


class EpochOpen(Fact, frozen=True):
    """Entry 0 of an epoch: the predecessor's state as the receiver freshly told it (§8.3).

    The first epoch of a channel has no predecessor: None, 0 and the root of the empty tree.
    """

    predecessor_epoch: EpochId | None
    predecessor_size: Count
    predecessor_root: Sha256

    def __post_init__(self) -> None:
        is_empty = (self.predecessor_size == 0, self.predecessor_root == EMPTY_ROOT)
        if is_empty != (self.predecessor_epoch is None,) * 2:
            raise ValueError("predecessor_size: 0, with the empty root, exactly without one")


class RegistrySeen(Fact, frozen=True):
    """The registry that the sender works with: TUF versions and the hash of its snapshot file."""

    root_version: Count
    timestamp_version: Count
    snapshot_sha256: Sha256


class Tombstone(Fact, frozen=True):
    """Stands for an entry of the sender's that was erased before the receiver held it (§8.8)."""

    entry_id: Sha256
    entry_kind: Count
    leaf: Sha256
    erased_ms: TimeMs


# -- reports lane ------------------------------------------------------------------------------


class Item(Fact, frozen=True):
    """One piece of content at one location, with all that is known about it (docs/glossary.md).

    `item_id` is minted once by the finder and carried through every hand-over. What does not fit
    into the bounded lists follows as `Sighted` and `Outcome`.
    """

    item_id: SubjectId
    report_id: SubjectId
    revision: Count
    matter: Matter
    item_kind: ItemKind
    location: Location
    content: Annotated[tuple[Content, ...], Meta(max_length=MAX_CONTENTS)]
    access: Access | None
    source: Source
    found_via: Code | None
    campaign: Code | None
    found_ms: TimeMs
    received_ms: TimeMs
    child_at_risk: bool
    finder: Member
    custody: Annotated[tuple[Hop, ...], Meta(min_length=1, max_length=MAX_HOPS)]
    jurisdiction: Jurisdiction
    assessments: Annotated[tuple[Assessment, ...], Meta(max_length=MAX_ASSESSMENTS)]
    actions: Annotated[tuple[ActionTaken, ...], Meta(max_length=MAX_ACTIONS)]
    sightings: Annotated[tuple[Sighting, ...], Meta(max_length=MAX_SIGHTINGS)]

    def __post_init__(self) -> None:
        if self.location.canonical is None and not self.content:
            raise ValueError("location: an item has a location or a content, or both")
        if self.custody and self.custody[0].member != self.finder:
            raise ValueError("custody: begins with the finder")


class ItemV2(Item, frozen=True):
    """An item as version 2 says it: with the clock that version 1 has no place for (§6.4).

    `last_seen_online_ms` is when the sender last knew somebody to have seen it online; None: it
    never heard so. Whoever reads only version 1 is told the same item without it.
    """

    last_seen_online_ms: TimeMs | None


class Sighted(Fact, frozen=True):
    """A later sighting of an item that was handed over, or later facts about it.

    `item_id` is the id that the addressee knows. `sighting` is None when only facts are new.
    """

    item_id: SubjectId
    sighting: Sighting | None
    content: Content | None
    access: Access | None
    child_at_risk: bool

    def __post_init__(self) -> None:
        facts = (self.sighting, self.content, self.access)
        if not self.child_at_risk and all(fact is None for fact in facts):
            raise ValueError("sighting: a sighting, a content, an access or child_at_risk")


# -- status lane -------------------------------------------------------------------------------


class DispositionNote(Fact, frozen=True):
    """The receiver's answer to one entry of the channel in the other direction (§10).

    `item_id` is the id that the addressee knows; `reason` is a code, for `malformed` the field.
    """

    origin_lane: Lane
    origin_epoch: EpochId
    origin_index: Count
    leaf: Sha256
    entry_id: Sha256 | None
    disposition: Disposition
    item_id: SubjectId | None
    responsible: Member | None
    reason: Code | None
    at_ms: TimeMs


class Outcome(Fact, frozen=True):
    """What became of an item, told back along the chain to every finder and reporter.

    `event_id` is unique in the network: a member that knows it already does nothing and tells
    nobody. `at_ms` is when it happened, `learnt_ms` when the sender of this message learnt it.
    """

    item_id: SubjectId
    event_id: SubjectId
    author: Member
    what: OutcomeWhat
    assessment: Assessment | None
    action: ActionTaken | None
    moved: Moved | None
    responsible: Member | None
    at_ms: TimeMs
    learnt_ms: TimeMs

    def __post_init__(self) -> None:
        what = self.what
        if (self.assessment is not None) != (what is OutcomeWhat.ASSESSED):
            raise ValueError("assessment: must be present exactly when what is 'assessed'")
        if (self.action is not None) != (what is OutcomeWhat.ACTED):
            raise ValueError("action: must be present exactly when what is 'acted'")
        if (self.moved is not None) != (what is OutcomeWhat.MOVED):
            raise ValueError("moved: must be present exactly when what is 'moved'")

    @property
    def payload(self) -> Assessment | ActionTaken | Moved | None:
        """The one of the three that is present."""
        return self.assessment or self.action or self.moved


class Withdrawal(Fact, frozen=True):
    """The author takes back one sighting, or with None its whole report of the item."""

    item_id: SubjectId
    sighting_id: SubjectId | None
    at_ms: TimeMs


# -- bulk lane ---------------------------------------------------------------------------------


class Contents(Fact, frozen=True):
    """A part of a list of known contents; the same list and part again replaces it."""

    list_name: Code
    revision: Count
    part: Count
    contents: Annotated[tuple[KnownContent, ...], Meta(min_length=1, max_length=MAX_KNOWN_CONTENTS)]
    at_ms: TimeMs


class UnknownMessage(NamedTuple):
    """An entry of a kind or version that we do not know; `body` is canonical MessagePack."""

    version: int
    kind: int
    body: bytes


Message: TypeAlias = (
    EpochOpen
    | RegistrySeen
    | Tombstone
    | Item
    | ItemV2
    | Sighted
    | DispositionNote
    | Outcome
    | Withdrawal
    | PeerMessage
    | Dispositions
    | Contents
    | ContentVerdict
    | ContentVerdictWithdrawn
    | Disavow
    | UnknownMessage
)


class KindRule(NamedTuple):
    """One row of the table of kinds: first form, lanes, whether a disposition answers it."""

    message: type[Fact]
    lanes: frozenset[Lane]
    answered: bool


_EVERY: Final = frozenset(Lane)
_REPORTS: Final = frozenset({Lane.REPORTS})
_STATUS: Final = frozenset({Lane.STATUS})
_BULK: Final = frozenset({Lane.BULK})

KINDS: Final[Mapping[int, KindRule]] = MappingProxyType(
    {
        Kind.EPOCH_OPEN: KindRule(EpochOpen, _EVERY, answered=False),
        Kind.REGISTRY_SEEN: KindRule(RegistrySeen, _EVERY, answered=False),
        Kind.TOMBSTONE: KindRule(Tombstone, _EVERY, answered=False),
        Kind.ITEM: KindRule(Item, _REPORTS, answered=True),
        Kind.SIGHTED: KindRule(Sighted, _REPORTS, answered=True),
        Kind.DISPOSITION: KindRule(DispositionNote, _STATUS, answered=False),
        Kind.OUTCOME: KindRule(Outcome, _STATUS, answered=False),
        Kind.WITHDRAWAL: KindRule(Withdrawal, _STATUS, answered=True),
        Kind.PEER_MESSAGE: KindRule(PeerMessage, _STATUS, answered=False),
        Kind.DISPOSITIONS: KindRule(Dispositions, _STATUS, answered=False),
        Kind.CONTENTS: KindRule(Contents, _BULK, answered=False),
        Kind.CONTENT_VERDICT: KindRule(ContentVerdict, _BULK, answered=False),
        Kind.CONTENT_VERDICT_WITHDRAWN: KindRule(ContentVerdictWithdrawn, _BULK, answered=False),
        Kind.DISAVOW: KindRule(Disavow, _EVERY, answered=False),
    }
)


class Form(NamedTuple):
    """One version of one kind."""

    version: int
    kind: int


FORMS: Final[Mapping[Form, type[Fact]]] = MappingProxyType(
    {
        **{Form(VERSION, kind): rule.message for kind, rule in KINDS.items()},
        Form(2, Kind.ITEM): ItemV2,
    }
)
"""Every form that this program reads and writes (§7.3, §13)."""

_FORM_OF: Final[Mapping[type[Fact], Form]] = MappingProxyType(
    {message: form for form, message in FORMS.items()}
)

_encode: Final = msgspec.msgpack.Encoder().encode
_decoders: Final[dict[tuple[int, int], msgspec.msgpack.Decoder[Any] | SharingDecoder[Any]]] = {
    (form.version, int(form.kind)): (
        SharingDecoder(message) if issubclass(message, Item) else msgspec.msgpack.Decoder(message)
    )
    for form, message in FORMS.items()
}


def is_known(version: int, kind: int) -> bool:
    """Whether this program reads entries of this form."""
    return (version, kind) in _decoders


def is_answered(version: int, kind: int) -> bool:
    """Whether the receiver answers an entry with a disposition; unknown ones are (§10.1)."""
    return not is_known(version, kind) or KINDS[kind].answered


def belongs_to(kind: int, lane: Lane) -> bool:
    """Whether entries of a known kind travel on `lane`; an unknown kind may come on any."""
    rule = KINDS.get(kind)
    return rule is None or lane in rule.lanes


def form_of(message: Message) -> Form:
    """Return the form that a message has."""
    if isinstance(message, UnknownMessage):
        return Form(message.version, message.kind)
    return _FORM_OF[type(message)]


def kind_of(message: Message) -> int:
    """Return the kind code of a message."""
    return form_of(message).kind


def to_body(message: Message) -> bytes:
    """Return the canonical body of `message`, checked against every bound first.

    Raises:
        UnsayableError: a field that is out of its bounds, named.
    """
    if isinstance(message, UnknownMessage):
        return message.body
    try:
        body = _encode(message)
    except (TypeError, ValueError, OverflowError):
        raise UnsayableError(
            f"{label(message)}: text must be valid Unicode, types as declared"
        ) from None
    try:
        _decoders[_FORM_OF[type(message)]].decode(body)
    except (msgspec.DecodeError, ValueError) as error:
        fault = explain(type(message), error)
        raise UnsayableError(str(fault)) from None
    return body


def from_body(kind: int, body: bytes, version: int = VERSION) -> Message:
    """Return the message whose canonical body this is.

    Raises:
        MalformedError: not canonical, or a field out of its bounds; the error names the field.
    """
    decoder = _decoders.get((version, kind))
    if decoder is None:
        unpack(body, MAX_ENTRY_BYTES)
        return UnknownMessage(version, kind, body)
    try:
        message: Message = decoder.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise explain(decoder.type, error) from None
    if _encode(message) != body:
        raise MalformedError(label(decoder.type), "must be in canonical form")
    return message


def read(raw_entry: bytes, max_bytes: int = MAX_ENTRY_BYTES) -> tuple[Entry, Message]:
    """Return an entry and its message from the bytes that arrived.

    Raises:
        TooLargeError: more than `max_bytes`.
        MalformedError: as `entry.decode` and `from_body`.
    """
    entry = entries.decode(raw_entry, max_bytes)
    return entry, from_body(entry.kind, entry.body, entry.version)
