"""Judging what other members sent: custody was given first, this is what becomes of each entry.

Every entry gets exactly one outcome: judged (with a disposition for the kinds that are answered),
parked until the item it speaks of is known, or quarantined. A bad entry never holds up the next.

Who may say what is asked twice: the table of roles, lanes and kinds, and whether this sender is
part of this item's story at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from keys.registry import Registry
from node.casework.casebook import Casebook, Needs, Postbox, content_keys
from node.casework.events import (
    EventKind,
    Facts,
    Kept,
    Recorded,
    lacks,
)
from node.casework.events import Sighted as SightedEvent
from node.casework.hearing import hear_disposition, hear_outcome, hear_withdrawal
from node.casework.intake import carry_over, same_content
from node.casework.item import (
    Custody,
    Informant,
    ItemState,
    Review,
)
from node.casework.rejudging import rejudge
from node.casework.telling import handed_on_to, pass_on_sighting, tell_so_far
from node.ids import Ids
from node.matching.duplicates import Incoming, Judgement, judge
from node.matching.fingerprints import Fingerprints
from protocol import entry as entries
from protocol.errors import ProtocolError
from protocol.facts import Content, Hop
from protocol.governance import is_permitted
from protocol.messages import (
    KINDS,
    DispositionNote,
    Item,
    Message,
    Outcome,
    Sighted,
    UnknownMessage,
    Withdrawal,
    from_body,
)
from protocol.vocabulary import Disposition, HostingState, Kind, Lane, Matter, Role


class Judged(IntEnum):
    """Where an entry stands (stored numbers)."""

    WAITING = 0
    DONE = 1
    PARKED = 2
    QUARANTINED = 3


@dataclass(frozen=True, slots=True)
class Arrived:
    """An entry in custody, not judged yet; `seq` is the store's handle for it."""

    seq: int
    peer: str
    lane: Lane
    epoch: bytes
    index: int
    leaf: bytes
    entry: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an entry says, or that it says nothing intelligible (`fault`: the field)."""

    arrived: Arrived
    kind: int
    entry_id: bytes | None
    message: Message | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an entry."""

    seq: int
    judged: Judged
    disposition: Disposition | None = None
    waits_for: str | None = None
    item: str | None = None


def parse(arrived: Arrived) -> Parsed:
    """Read an entry; never raises: what cannot be read is answered `malformed`."""
    kind, entry_id = 0, None
    try:
        entry = entries.decode(arrived.entry)
        kind, entry_id = entry.kind, entry.id
        return Parsed(arrived, kind, entry_id, from_body(entry.kind, entry.body, entry.version))
    except ProtocolError as error:
        return Parsed(arrived, kind, entry_id, None, getattr(error, "field", None) or "entry")


def judging_needs(parsed: Iterable[Parsed], fingerprints: Fingerprints) -> Needs:
    """Say what must be loaded to judge these entries."""
    needs = Needs()
    for one in parsed:
        message = one.message
        item_id = getattr(message, "item_id", None)
        if item_id is not None:
            needs.items.add(item_id)
            needs.keys.add(fingerprints.item(item_id))
        if isinstance(message, Item):
            needs.keys.update(content_keys(fingerprints, message.content))
            key = fingerprints.location(message.location)
            if key is not None:
                needs.keys.add(key)
        elif isinstance(message, Sighted) and message.content is not None:
            needs.keys.update(fingerprints.content(message.content))
    return needs


class Judge:
    """Judges entries one after another in one casebook."""

    def __init__(self, book: Casebook, registry: Registry, ids: Ids, postbox: Postbox) -> None:
        self.book = book
        self.registry = registry
        self.ids = ids
        self.postbox = postbox
        self._asked: dict[tuple[str, Lane, int], bool] = {}

    def judge(self, parsed: Parsed) -> Answer:
        """Return what becomes of the entry, having recorded its effect and posted its answer."""
        seq = parsed.arrived.seq
        if not self.registry.is_active(parsed.arrived.peer):
            return Answer(seq, Judged.QUARANTINED, Disposition.QUARANTINED)
        disposition, reason = self._decide(parsed)
        if disposition is Disposition.PARKED:
            return Answer(seq, Judged.PARKED, disposition, getattr(parsed.message, "item_id", None))
        item_id = getattr(parsed.message, "item_id", None)
        state = None if item_id is None else self.book.find(item_id)
        self._answer(parsed, disposition, reason, state)
        return Answer(seq, Judged.DONE, disposition, item=None if state is None else state.id)

    def _decide(self, parsed: Parsed) -> tuple[Disposition | None, str | None]:
        message, peer = parsed.message, parsed.arrived.peer
        if message is None:
            self.book.tasks.append(("entry_malformed", peer))
            return Disposition.MALFORMED, parsed.fault
        if isinstance(message, UnknownMessage):
            self.book.tasks.append(("entry_unknown_kind", peer))
            return Disposition.UNKNOWN_KIND, None
        if not self._permitted(parsed):
            self.book.tasks.append(("entry_not_permitted", peer))
            return Disposition.NOT_PERMITTED, "role"
        handler = _HANDLERS.get(type(message))
        return (None, None) if handler is None else (handler(self, parsed, message), None)

    def _permitted(self, parsed: Parsed) -> bool:
        asked = (parsed.arrived.peer, parsed.arrived.lane, parsed.kind)
        if asked not in self._asked:
            members = self.registry.network.members
            theirs = [Role(role) for role in members[parsed.arrived.peer].roles]
            ours = [Role(role) for role in members[self.book.us].roles]
            self._asked[asked] = is_permitted(theirs, ours, parsed.arrived.lane, parsed.kind)
        return self._asked[asked]

    def _answer(
        self,
        parsed: Parsed,
        disposition: Disposition | None,
        reason: str | None,
        state: ItemState | None,
    ) -> None:
        rule = KINDS.get(parsed.kind)
        unreadable = parsed.message is None or isinstance(parsed.message, UnknownMessage)
        if disposition is None or not (unreadable or (rule is not None and rule.answered)):
            return
        arrived = parsed.arrived
        note = DispositionNote(
            arrived.lane,
            arrived.epoch,
            arrived.index,
            arrived.leaf,
            parsed.entry_id,
            disposition,
            getattr(parsed.message, "item_id", None),
            None if state is None else state.responsible,
            reason,
            self.book.now,
        )
        self.book.posts.append(
            self.postbox.post(
                arrived.peer,
                Kind.DISPOSITION,
                note,
                subject=arrived.leaf,
                item=None if state is None else state.id,
                urgency=1 if state is None else state.urgency,
            )
        )

    def item(self, parsed: Parsed, message: Item) -> Disposition:
        """An item handed over: known by its id, joined to one that is here, or new."""
        here = self.book.find(message.item_id)
        if here is not None:
            return self._known_by_id(parsed.arrived.peer, here, message)
        judgement = self._look(message)
        informant = Informant(parsed.arrived.peer, message.item_id)
        if judgement.joins and judgement.item is not None:
            return self._join(judgement, message, informant)
        state = self._record(message, informant)
        carry_over(self.book, state.id, judgement)
        known = frozenset(assessment.event_id for assessment in message.assessments)
        tell_so_far(self.book, self.postbox, self.book.loaded.items[state.id], informant, known)
        return judgement.disposition

    def _look(self, message: Item) -> Judgement:
        location = self.book.fingerprints.location(message.location)
        incoming = Incoming(
            message.location,
            message.content,
            message.item_kind,
            message.found_ms,
            was_here=self.book.was_here(location),
        )
        return judge(incoming, self.book.by_key(location), same_content(self.book, message.content))

    def _known_by_id(self, peer: str, here: ItemState, message: Item) -> Disposition:
        """Our own item echoed back, or a later revision from the member that handed it over."""
        if here.custody is Custody.HANDED_ON and here.finder == self.book.us:
            self.book.raise_review(here.id, Review.CAME_BACK)
            return Disposition.ECHO
        if here.finder == self.book.us:
            return Disposition.ECHO
        informant = Informant(peer, message.item_id)
        body = SightedEvent(
            message.sightings, informant, message.child_at_risk, Disposition.REVISION
        )
        self._sight(here.id, body, message.found_ms, peer)
        self._add_facts(here.id, Facts(message.content, message.access))
        return Disposition.REVISION

    def _join(self, judgement: Judgement, message: Item, informant: Informant) -> Disposition:
        """One more report of an item that is here: a sighting, with all that the sender knows."""
        assert judgement.item is not None
        before = self.book.loaded.items[judgement.item]
        body = SightedEvent(
            message.sightings, informant, message.child_at_risk, judgement.disposition
        )
        self._sight(before.id, body, message.found_ms, informant.member)
        self._add_facts(before.id, Facts(message.content, message.access))
        self._note_all(before.id, message)
        if judgement.review is not None:
            self.book.raise_review(before.id, judgement.review)
        state = self.book.loaded.items[before.id]
        tell_so_far(self.book, self.postbox, state, informant)
        if handed_on_to(self.book, state) == informant.member:
            return self._take_back(state)
        for sighting in message.sightings[:1]:
            passed = Sighted(
                state.id,
                sighting,
                message.content[0] if message.content else None,
                message.access,
                message.child_at_risk,
            )
            self._pass_on(before, passed)
        return judgement.disposition

    def _take_back(self, state: ItemState) -> Disposition:
        """The member we handed the item to hands it to us: it has moved, and we are responsible."""
        hops = (*state.hops, Hop(self.book.us, self.book.now))
        body = Kept(self.book.us, state.orphan, hops, None)
        self.book.record(state.id, EventKind.KEPT, body, at_ms=self.book.now, actor=self.book.us)
        return Disposition.DUPLICATE

    def _pass_on(self, before: ItemState, message: Sighted) -> None:
        """Pass a sighting along the chain, unless it has been here: what goes round must end."""
        sighting = message.sighting
        if sighting is None:
            if lacks(before, Facts(_one(message.content), message.access)) is None:
                return
            subject = f"{before.id}|facts|{self.book.loaded.items[before.id].revision}"
        elif sighting in before.sightings:
            return
        else:
            subject = sighting.sighting_id
        state = self.book.loaded.items[before.id]
        pass_on_sighting(self.book, self.postbox, state, message, subject)

    def _record(self, message: Item, informant: Informant) -> ItemState:
        custody = Custody.HERE
        if message.matter is not Matter.CSAM:
            custody = Custody.COUNTED
        elif not self._is_ours(message):
            custody = Custody.LOCATING  # misrouted, or the registry changed: we look ourselves
        body = Recorded(
            ItemState(
                id=message.item_id,
                report_id=message.report_id,
                finder=message.finder,
                matter=message.matter,
                kind=message.item_kind,
                location=message.location,
                content=message.content,
                access=message.access,
                source=message.source,
                found_via=message.found_via,
                campaign=message.campaign,
                found_ms=message.found_ms,
                received_ms=message.received_ms,
                child_at_risk=message.child_at_risk,
                came_from=informant.member,
                hops=(*message.custody, Hop(self.book.us, self.book.now)),
                sightings=message.sightings,
                informants=(informant,),
                custody=custody,
                responsible=None if custody is Custody.LOCATING else self.book.us,
                jurisdiction=message.jurisdiction,
                orphan=custody is Custody.HERE and self._is_orphan(message),
                due_ms=self.book.now if custody is Custody.LOCATING else None,
                assessments=message.assessments,
                actions=message.actions,
            ),
            None,
        )
        return self.book.record(
            message.item_id,
            EventKind.RECORDED,
            body,
            at_ms=message.found_ms,
            actor=informant.member,
        )

    def _is_ours(self, message: Item) -> bool:
        """Whether what the sender says of the hosting makes this member responsible."""
        found = message.jurisdiction
        if found.state is not HostingState.COUNTRY or found.country is None:
            return True
        return self._responsible(found.country) in (self.book.us, None)

    def _is_orphan(self, message: Item) -> bool:
        country = message.jurisdiction.country
        return country is not None and self._responsible(country) is None

    def _responsible(self, country: str) -> str | None:
        member = self.registry.network.responsible_for(country)
        if member is not None and self.registry.is_active(member):
            return member
        fallback = self.registry.network.fallback_members
        return None if self.book.us in fallback else next(iter(fallback), None)

    def sighted(self, parsed: Parsed, message: Sighted) -> Disposition:
        """A later sighting, or later facts, of an item that was handed over."""
        state = self.book.find(message.item_id)
        if state is None:
            return Disposition.PARKED
        peer = parsed.arrived.peer
        if all(informant.member != peer for informant in state.informants):
            return Disposition.NOT_PERMITTED
        if message.sighting is not None or message.child_at_risk:
            sightings = () if message.sighting is None else (message.sighting,)
            body = SightedEvent(sightings, None, message.child_at_risk, Disposition.DUPLICATE)
            found = self.book.now if message.sighting is None else message.sighting.found_ms
            self._sight(state.id, body, found, peer)
        self._add_facts(state.id, Facts(_one(message.content), message.access))
        self._pass_on(
            state,
            Sighted(
                state.id,
                message.sighting,
                message.content,
                message.access,
                message.child_at_risk,
            ),
        )
        if message.sighting is None:
            return Disposition.FACTS_ADDED
        handed = state.custody is Custody.HANDED_ON
        return Disposition.FORWARDED if handed else Disposition.DUPLICATE

    def _sight(self, item_id: str, body: SightedEvent, at_ms: int, actor: str) -> ItemState:
        return self.book.record(item_id, EventKind.SIGHTED, body, at_ms=at_ms, actor=actor)

    def _add_facts(self, item_id: str, facts: Facts) -> None:
        state = self.book.loaded.items[item_id]
        body = lacks(state, facts)
        if body is None:
            return
        self.book.record(item_id, EventKind.FACTS, body, at_ms=self.book.now, actor=self.book.us)
        rejudge(self.book, item_id)

    def _note_all(self, item_id: str, message: Item) -> None:
        """What the sender knows of verdicts and actions belongs to the joined item too."""
        state = self.book.loaded.items[item_id]
        for assessment in message.assessments:
            if not state.has_heard(assessment.event_id):
                self.book.record(
                    item_id,
                    EventKind.ASSESSED,
                    assessment,
                    at_ms=assessment.at_ms,
                    actor=assessment.member,
                )

    def disposition(self, parsed: Parsed, message: DispositionNote) -> Disposition | None:
        """The answer to an entry of ours."""
        return hear_disposition(self.book, parsed.arrived.peer, message)

    def outcome(self, parsed: Parsed, message: Outcome) -> Disposition | None:
        """What became of an item, told by a member along the chain."""
        return hear_outcome(self.book, self.postbox, parsed.arrived.peer, message)

    def withdrawal(self, parsed: Parsed, message: Withdrawal) -> Disposition | None:
        """A member takes its sighting back."""
        return hear_withdrawal(self.book, self.postbox, parsed.arrived.peer, message)


def _one(content: Content | None) -> tuple[Content, ...]:
    return () if content is None else (content,)


_Handler = Callable[[Judge, Parsed, Any], Disposition | None]
_HANDLERS: dict[type, _Handler] = {
    Item: Judge.item,
    Sighted: Judge.sighted,
    DispositionNote: Judge.disposition,
    Outcome: Judge.outcome,
    Withdrawal: Judge.withdrawal,
}
