"""What is known of one item, as a value, and the events that change it.

Three independent axes, never merged into one status: *custody* (who is responsible, through whom it
came), *verdict* (all assessments; the one in force is derived), *course* (the actions taken). An
item's state is the fold of its events in order (`evolve`); the table `_FOLD` is the whole of it.
States and event bodies are canonical MessagePack arrays: what is hashed is what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import msgspec

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
from protocol.vocabulary import Action, Disposition, ItemKind, Matter, Source, Verdict

FINAL_ACTIONS = frozenset({Action.REMOVED, Action.UNAVAILABLE, Action.NOT_ILLEGAL})


class Custody(StrEnum):
    """Where the responsibility for an item stands at this node."""

    LOCATING = "locating"
    HERE = "here"
    HANDED_ON = "handed_on"
    COUNTED = "counted"


class Review(StrEnum):
    """Why an item stands in front of a person."""

    PERHAPS_BACK = "perhaps_back"
    SUGGESTED_VERDICT = "suggested_verdict"
    VERDICTS_DIFFER = "verdicts_differ"
    LOCATION_UNCERTAIN = "location_uncertain"
    HOP_CAP = "hop_cap"
    CAME_BACK = "came_back"
    REFUSED_BY_PEER = "refused_by_peer"
    WITHDRAWAL = "withdrawal"
    MEMBER_SUSPENDED = "member_suspended"


class _Value(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Base of what is stored: immutable, positional."""


class Informant(_Value):
    """A member that told us of the item, by the id it knows: it is told what becomes of it."""

    member: str
    item_id: str


class ReportFacts(_Value):
    """What a source handed in here as one report. Nothing of this crosses a border."""

    id: str
    source: Source
    reference: str | None
    matter: Matter
    received_ms: int
    workuser: str | None
    note: str | None


class ItemState(_Value):
    """Everything known of one item, at one moment."""

    id: str
    report_id: str
    finder: str
    matter: Matter
    kind: ItemKind
    location: Location | None
    content: tuple[Content, ...]
    access: Access | None
    source: Source
    found_via: str | None
    campaign: str | None
    found_ms: int
    received_ms: int
    child_at_risk: bool
    came_from: str | None
    hops: tuple[Hop, ...]
    sightings: tuple[Sighting, ...]
    informants: tuple[Informant, ...] = ()
    aliases: tuple[str, ...] = ()
    custody: Custody = Custody.LOCATING
    responsible: str | None = None
    jurisdiction: Jurisdiction | None = None
    orphan: bool = False
    due_ms: int | None = None
    answer: Disposition | None = None
    answered_by: str | None = None
    assessments: tuple[Assessment, ...] = ()
    actions: tuple[ActionTaken, ...] = ()
    heard: tuple[str, ...] = ()
    closed_ms: int | None = None
    closed_by: Action | None = None
    review: Review | None = None
    revision: int = 0

    @property
    def country(self) -> str | None:
        """The hosting country, where it is one."""
        return self.jurisdiction.country if self.jurisdiction is not None else None

    @property
    def urgency(self) -> int:
        """0 while somebody may be abused now, else 1."""
        return 0 if self.child_at_risk else 1

    @property
    def known(self) -> bool:
        """Whether some member has already judged this content, so that nobody need view it again."""
        return any(a.verdict is not Verdict.UNASSESSABLE for a in self.assessments)

    def has_heard(self, event_id: str) -> bool:
        """Whether the event with this network-wide id is already part of the state."""
        return (
            event_id in self.heard
            or any(a.event_id == event_id for a in self.assessments)
            or any(a.event_id == event_id for a in self.actions)
        )


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


class Recorded(_Value):
    """The item's first state here; `report` where this line opened a report of our own."""

    state: ItemState
    report: ReportFacts | None


class Sighted(_Value):
    """Another observation; `informant` when a member told us, `outcome` how it was judged."""

    sightings: tuple[Sighting, ...]
    informant: Informant | None
    child_at_risk: bool
    outcome: Disposition


class Facts(_Value):
    """Facts that came later: hashes, access data."""

    content: tuple[Content, ...]
    access: Access | None


class Located(_Value):
    """Where it is hosted, with evidence; `due_ms`: when to ask again, None when settled."""

    jurisdiction: Jurisdiction
    due_ms: int | None


class Kept(_Value):
    """This member is responsible; `orphan` where the country has no member."""

    responsible: str
    orphan: bool


class HandedOn(_Value):
    """The item went to another member; its receipt and answer follow."""

    to: str
    orphan: bool
    hops: tuple[Hop, ...]


class Answered(_Value):
    """The receiver's disposition."""

    by: str
    disposition: Disposition
    responsible: str | None


class Responsible(_Value):
    """A member further along the chain took over."""

    event_id: str
    member: str
    jurisdiction: Jurisdiction | None


class Raised(_Value):
    """The item stands in front of a person."""

    review: Review


class Settled(_Value):
    """A person has looked."""

    review: Review


class Reopened(_Value):
    """A closed item is open again."""

    event_id: str


class Withdrawn(_Value):
    """A member took its sighting back."""

    member: str
    sighting_id: str | None


Body = (
    Recorded | Sighted | Facts | Located | Kept | HandedOn | Answered | Assessment | ActionTaken
    | Responsible | Raised | Settled | Reopened | Withdrawn
)  # fmt: skip


class Event(NamedTuple):
    """One thing that happened to one item: when it happened, and when this node learnt it."""

    item: str
    kind: EventKind
    at_ms: int
    learnt_ms: int
    actor: str
    body: Body


_encoder = msgspec.msgpack.Encoder()
_state_decoder = msgspec.msgpack.Decoder(ItemState)
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
    )
}
encode = _encoder.encode


def decode_state(raw: bytes) -> ItemState:
    """Read a stored state back.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: the stored bytes are not a state (damage or
        tampering).
    """
    return _state_decoder.decode(raw)


def decode_body(kind: EventKind, raw: bytes) -> Body:
    """Read a stored event body back.

    Raises:
        msgspec.ValidationError, msgspec.DecodeError: the stored bytes are not such a body (damage
        or tampering).
    """
    body: Body = _BODIES[kind].decode(raw)
    return body


def evolve(state: ItemState | None, event: Event) -> ItemState:
    """Return the state after `event`.

    Raises:
        ValueError: the event cannot follow: nothing recorded yet, or recorded twice.
    """
    if event.kind is EventKind.RECORDED:
        if state is not None or not isinstance(event.body, Recorded):
            raise ValueError("event: an item is recorded once, with its state")
        return event.body.state
    if state is None:
        raise ValueError("event: the item was never recorded")
    changes = _FOLD[event.kind](state, event, event.body)
    return msgspec.structs.replace(state, revision=state.revision + 1, **changes)


def merge_content(have: tuple[Content, ...], more: tuple[Content, ...]) -> tuple[Content, ...]:
    """Join accounts of files: what is known stays, gaps are filled, other files stand beside."""
    merged = list(have)
    for content in more:
        place = next((i for i, c in enumerate(merged) if agrees(c, content)), None)
        if place is None:
            merged.append(content)
        else:
            merged[place] = _fill(merged[place], content)
    return tuple(merged)


def lacks(state: ItemState, facts: Facts) -> Facts | None:
    """What `facts` brings that the item does not have; None: nothing."""
    access = facts.access if state.access is None else None
    content = facts.content
    if merge_content(state.content, content) == state.content:
        content = ()
    return None if not content and access is None else Facts(content, access)


def agrees(one: Content, other: Content) -> bool:
    """Whether two sets of hashes can be of one file: they share a hash, and none contradicts."""
    shared = False
    for name in ("sha256", "sha1", "md5", "length"):
        a, b = getattr(one, name), getattr(other, name)
        if a is None or b is None:
            continue
        if a != b:
            return False
        shared = shared or name != "length"
    return shared


def _fill(have: Content, more: Content) -> Content:
    return Content(
        *(a if a is not None else b for a, b in zip(_parts(have), _parts(more), strict=True))
    )


def _parts(content: Content) -> tuple[Any, ...]:
    return (
        content.sha256,
        content.sha1,
        content.md5,
        content.length,
        content.pdq,
        content.pdq_quality,
    )


def _sighted(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    seen = {s.sighting_id for s in state.sightings}
    more = tuple(s for s in body.sightings if s.sighting_id not in seen)
    changes: dict[str, Any] = {
        "sightings": state.sightings + more,
        "child_at_risk": state.child_at_risk or body.child_at_risk,
    }
    informant = body.informant
    if informant is not None and informant not in state.informants:
        changes["informants"] = (*state.informants, informant)
        if informant.item_id != state.id and informant.item_id not in state.aliases:
            changes["aliases"] = (*state.aliases, informant.item_id)
    return changes


def _facts(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    return {
        "content": merge_content(state.content, body.content),
        "access": state.access if body.access is None else body.access,
    }


def _acted(state: ItemState, event: Event, body: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {"actions": (*state.actions, body)}
    if body.action in FINAL_ACTIONS:
        changes |= {"closed_ms": event.at_ms, "closed_by": body.action}
    elif body.action is Action.SEEN_ONLINE:
        changes |= {"closed_ms": None, "closed_by": None}
    elif body.action is Action.MOVED and state.custody is Custody.HERE:
        changes |= {"custody": Custody.LOCATING, "due_ms": event.learnt_ms}
    return changes


def _kept(_state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    return {
        "custody": Custody.HERE,
        "responsible": body.responsible,
        "orphan": body.orphan,
        "due_ms": None,
    }


def _handed_on(_state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    return {
        "custody": Custody.HANDED_ON,
        "responsible": body.to,
        "orphan": body.orphan,
        "hops": body.hops,
        "due_ms": None,
        "answer": None,
        "answered_by": None,
    }


def _answered(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {"answer": body.disposition, "answered_by": body.by}
    if body.responsible is not None and state.custody is Custody.HANDED_ON:
        changes["responsible"] = body.responsible
    return changes


def _responsible(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    changes: dict[str, Any] = {"responsible": body.member, "heard": (*state.heard, body.event_id)}
    if body.jurisdiction is not None:
        changes["jurisdiction"] = body.jurisdiction
    return changes


def _withdrawn(state: ItemState, _event: Event, body: Any) -> dict[str, Any]:
    kept = tuple(
        s for s in state.sightings
        if not (s.member == body.member and body.sighting_id in (None, s.sighting_id))
    )  # fmt: skip
    return {"sightings": kept}


_Fold = Callable[[ItemState, Event, Any], dict[str, Any]]
_FOLD: dict[EventKind, _Fold] = {
    EventKind.SIGHTED: _sighted,
    EventKind.FACTS: _facts,
    EventKind.LOCATED: lambda _s, _e, b: {"jurisdiction": b.jurisdiction, "due_ms": b.due_ms},
    EventKind.KEPT: _kept,
    EventKind.HANDED_ON: _handed_on,
    EventKind.ANSWERED: _answered,
    EventKind.ASSESSED: lambda s, _e, b: {"assessments": (*s.assessments, b)},
    EventKind.ACTED: _acted,
    EventKind.RESPONSIBLE: _responsible,
    EventKind.RAISED: lambda _s, _e, b: {"review": b.review},
    EventKind.SETTLED: lambda _s, _e, _b: {"review": None},
    EventKind.REOPENED: lambda s, _e, b: {
        "closed_ms": None,
        "closed_by": None,
        "heard": (*s.heard, b.event_id),
    },  # fmt: skip
    EventKind.WITHDRAWN: _withdrawn,
}
