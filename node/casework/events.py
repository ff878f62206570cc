"""What can happen to an item: the kinds of events, and what each of them says.

Event bodies are MessagePack arrays: what is hashed is what is stored. What an event makes of an
item's state is in `folding.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec

from node.casework.item import (
    Again,
    Hold,
    Informant,
    ItemState,
    KeptMessage,
    Listing,
    Look,
    ProxyNotice,
    ReportFacts,
    Review,
    Suggestion,
    TakenOff,
    Value,
)
from protocol.facts import (
    Access,
    ActionTaken,
    Assessment,
    Content,
    Hop,
    Jurisdiction,
    Location,
    Sighting,
)
from protocol.vocabulary import Disposition, ItemKind


class EventKind(IntEnum):
    """What can happen to an item. Numbers are stored: never reused."""

    RECORDED = 1
    SIGHTED = 2
    FACTS = 3
    LOCATED = 4
    KEPT = 5
    HANDED_ON = 6
    ANSWERED = 7
    ASSESSED = 8
    ACTED = 9
    RESPONSIBLE = 10
    RAISED = 11
    SETTLED = 12
    REOPENED = 13
    WITHDRAWN = 14
    ERASED = 15
    ERASED_THERE = 16
    BURIED = 17
    VERDICT_WITHDRAWN = 18
    HELD = 19
    LIFTED = 20
    MESSAGE = 25
    CARRIED_OVER = 26
    LISTED = 27
    UNLISTED = 28
    NOTICES_DOUBTED = 33
    RETRACTED = 34
    LOOK_DUE = 35
    LOCATED_AGAIN = 36
    PROXY_NOTIFIED = 37
    EXPIRED = 38
    FILE_TAKEN_OFF = 39


class Recorded(Value, frozen=True):
    """The item's first state here; `report` where this line opened a report of our own."""

    state: ItemState
    report: ReportFacts | None


class Sighted(Value, frozen=True):
    """Another observation; `informant` when a member told us, `outcome` how it was judged.

    `also_at` where it was seen, if that is an alias of the item's location; `report` where this
    line opened a report of our own; `told_online_ms` when the informant last knew it online;
    `handed_ms` the time of the hand-over by which it came, in the order of hand-overs; `told_by`
    who told of the sightings, if a member did; `named` the places of the files here that the
    informant knows, too, and `since_ms` not before when; without an informant, that who says so
    judged them elsewhere then (`seeing`; histories of earlier versions say none of these).
    """

    sightings: tuple[Sighting, ...]
    informant: Informant | None
    child_at_risk: bool
    outcome: Disposition
    also_at: Location | None = None
    report: ReportFacts | None = None
    told_online_ms: int | None = None
    handed_ms: int = 0
    told_by: str | None = None
    named: tuple[int, ...] = ()
    since_ms: int = 0


class Facts(Value, frozen=True):
    """Facts that came later: hashes, access data; `after_hand_over`: whoever has it got it without.

    `unseen`: a file came, or was told more fully, once the item was judged, and nobody looked.
    `kind`: what the item is, which was taken for a page until a file of it became known; None: as
    it stood. `since_ms`: not before when the member had it that tells of it (`seeing`). Histories
    of earlier versions say none of these.
    """

    content: tuple[Content, ...]
    access: Access | None
    after_hand_over: bool = False
    unseen: bool = False
    kind: ItemKind | None = None
    since_ms: int = 0


class Located(Value, frozen=True):
    """It could not be placed yet: what was found, and when to ask again."""

    jurisdiction: Jurisdiction
    due_ms: int


class Kept(Value, frozen=True):
    """This member is responsible; `orphan` where the country has no member.

    `jurisdiction`: where it was found to be hosted, with evidence; None: as it stood. `event_id`:
    under which it is told that this member took it back. `due_ms`: when to locate it again, where
    that is not sure; None: it is. `looked`: what this node found itself; None: not told.
    """

    responsible: str
    orphan: bool
    hops: tuple[Hop, ...]
    jurisdiction: Jurisdiction | None
    event_id: str | None = None
    due_ms: int | None = None
    looked: Look | None = None


class HandedOn(Value, frozen=True):
    """The item went to another member, for where it is hosted; receipt and answer follow.

    `event_id`: under which it is told that it moved; None: not known, in what is rebuilt.
    `erased_before`: `to` had said before this that it erased the item, and has it anew by this;
    `without_files`: the terms keep its files from `to`. Histories of earlier versions say neither.
    """

    to: str
    orphan: bool
    hops: tuple[Hop, ...]
    jurisdiction: Jurisdiction
    event_id: str | None = None
    erased_before: bool = False
    without_files: bool = False


class Answered(Value, frozen=True):
    """The receiver's disposition; `late`: of what was said before this hand-over of the item."""

    by: str
    disposition: Disposition
    responsible: str | None
    late: bool = False


class Responsible(Value, frozen=True):
    """A member further along the chain took over: `by` handed it there, or took it itself.

    `by`: None in histories of earlier versions, whose items remember no hand-overs of others.
    """

    event_id: str
    member: str
    jurisdiction: Jurisdiction | None
    by: str | None = None


class Raised(Value, frozen=True):
    """The item stands in front of a person; `suggestion` where another one's verdict may fit."""

    review: Review
    suggestion: Suggestion | None = None


class Settled(Value, frozen=True):
    """A person has looked; `unlooked`: nobody has, what it was raised for is gone, or some of it.

    Histories of earlier versions do not say so.
    """

    review: Review
    unlooked: bool = False


class Reopened(Value, frozen=True):
    """A closed item is open again."""

    event_id: str


class Withdrawn(Value, frozen=True):
    """A member took a sighting back; without an id its whole report."""

    member: str
    sighting_id: str | None


class VerdictWithdrawn(Value, frozen=True):
    """A member took one verdict back, by the id that it gave it; heard again, it stays away."""

    event_id: str
    member: str


class Unlisted(Value, frozen=True):
    """An entry of a list says nothing of the item any more: it was taken back, or changed."""

    entry: int
    list: str


class NoticesDoubted(Value, frozen=True):
    """The verdict is gone on which these notices and referrals of ours rest (ids of actions)."""

    actions: tuple[str, ...]


class Retracted(Value, frozen=True):
    """A person has retracted a notice or referral of ours where it had been sent."""

    action: str


class LookDue(Value, frozen=True):
    """An item that is here is to be located again, at once."""

    again: Again


class LocatedAgain(Value, frozen=True):
    """An item that is here was located again, and stays.

    `jurisdiction`: where it stands from now on, with the evidence of both; None: as it stood.
    `looked`: what was found; None: nobody could tell. `due_ms`: when to look once more, for the
    same reason; None: that is settled.
    """

    jurisdiction: Jurisdiction | None
    orphan: bool
    looked: Look | None
    due_ms: int | None = None


class Lifted(Value, frozen=True):
    """A person has lifted a hold."""

    hold_id: str


class Erasure(Value, frozen=True):
    """The item was erased here by a person's word: what went before has no body any more.

    `leaves`: of the entries about it whose bodies went too, both directions, sorted (none unseen).
    """

    event_id: str
    cause: str  # withdrawal, error or retention
    leaves: tuple[bytes, ...]


class ErasedThere(Value, frozen=True):
    """Another member says that it erased the item.

    `noted`: the item remembers the member; in histories of earlier versions it does not.
    """

    event_id: str
    member: str
    noted: bool = False


class Burial(Value, frozen=True):
    """What still came about an erased item lost its body at once: the leaves of those entries."""

    leaves: tuple[bytes, ...]


class Expiry(Value, frozen=True):
    """Entries of a member that became part of no item lost their bodies: their leaves.

    The event stands under the member's name in the place of an item's id.
    """

    leaves: tuple[bytes, ...]


Body = (
    Recorded | Sighted | Facts | Located | Kept | HandedOn | Answered | Assessment | ActionTaken
    | Responsible | Raised | Settled | Reopened | Withdrawn | KeptMessage | Erasure | ErasedThere
    | Burial | Expiry | VerdictWithdrawn | Hold | Lifted | Listing | Unlisted | NoticesDoubted
    | Retracted | LookDue | LocatedAgain | ProxyNotice | TakenOff
)  # fmt: skip


class Event(NamedTuple):
    """One thing that happened to one item: when it happened, and when this node learnt it."""

    item: str
    kind: EventKind
    at_ms: int
    learnt_ms: int
    actor: str
    body: Body


class Erased(NamedTuple):
    """What is left of an event whose body was erased: that it was, of which kind, and when."""

    item: str
    kind: EventKind
    at_ms: int
    learnt_ms: int
    actor: str


_BODIES: dict[EventKind, msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(body)
    for kind, body in (
        (EventKind.RECORDED, Recorded),
        (EventKind.SIGHTED, Sighted),
        (EventKind.FACTS, Facts),
        (EventKind.LOCATED, Located),
        (EventKind.KEPT, Kept),
        (EventKind.HANDED_ON, HandedOn),
        (EventKind.ANSWERED, Answered),
        (EventKind.ASSESSED, Assessment),
        (EventKind.ACTED, ActionTaken),
        (EventKind.RESPONSIBLE, Responsible),
        (EventKind.RAISED, Raised),
        (EventKind.SETTLED, Settled),
        (EventKind.REOPENED, Reopened),
        (EventKind.WITHDRAWN, Withdrawn),
        (EventKind.MESSAGE, KeptMessage),
        (EventKind.ERASED, Erasure),
        (EventKind.ERASED_THERE, ErasedThere),
        (EventKind.BURIED, Burial),
        (EventKind.EXPIRED, Expiry),
        (EventKind.VERDICT_WITHDRAWN, VerdictWithdrawn),
        (EventKind.HELD, Hold),
        (EventKind.LIFTED, Lifted),
        (EventKind.CARRIED_OVER, Assessment),
        (EventKind.LISTED, Listing),
        (EventKind.UNLISTED, Unlisted),
        (EventKind.NOTICES_DOUBTED, NoticesDoubted),
        (EventKind.RETRACTED, Retracted),
        (EventKind.LOOK_DUE, LookDue),
        (EventKind.LOCATED_AGAIN, LocatedAgain),
        (EventKind.PROXY_NOTIFIED, ProxyNotice),
        (EventKind.FILE_TAKEN_OFF, TakenOff),
    )
}


def decode_body(kind: EventKind, raw: bytes) -> Body:
    """Read a stored event body back.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: the stored bytes are not such a body (damage
        or tampering).
    """
    body: Body = _BODIES[kind].decode(raw)
    return body


_KNOWN_BY = frozenset({EventKind.RECORDED, EventKind.HANDED_ON})


def ids_now_known(events: Iterable[Event]) -> list[str]:
    """Return the ids by which items became known by these events: what waited for them goes on.

    That is to a member that has it of us from now on, too (`under_id.means`).
    """
    events = list(events)
    known = [event.item for event in events if event.kind in _KNOWN_BY]
    told = [event.body.informant for event in events if isinstance(event.body, Sighted)]
    return known + [informant.item_id for informant in told if informant is not None]
