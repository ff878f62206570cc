"""What the status lane brings: answers to our entries, and what became of items.

Each event is known by its network-wide id: heard again, it has no effect and is told to nobody.
"""

from __future__ import annotations

from node.casework.casebook import Casebook, Postbox
from node.casework.events import (
    Answered,
    EventKind,
    Reopened,
    Responsible,
    Withdrawn,
)
from node.casework.item import ItemState, Review
from node.casework.rejudging import watch_verdicts
from node.casework.telling import News, handed_on_to, note, tell
from protocol.facts import Jurisdiction
from protocol.messages import DispositionNote, Outcome, Withdrawal
from protocol.vocabulary import (
    Confidence,
    Disposition,
    HostingState,
    Kind,
    OutcomeWhat,
)

REFUSALS = frozenset(
    {
        Disposition.MALFORMED,
        Disposition.UNKNOWN_KIND,
        Disposition.UNKNOWN_VERSION,
        Disposition.NOT_PERMITTED,
        Disposition.NOT_HERE,
        Disposition.CONFLICT,
    }
)


def part_of_story(state: ItemState, peer: str) -> bool:
    """Whether `peer` handed the item over, reported it, or received it."""
    return any(hop.member == peer for hop in state.hops) or any(
        informant.member == peer for informant in state.informants
    )


def hear_disposition(book: Casebook, peer: str, message: DispositionNote) -> Disposition | None:
    """Record the receiver's answer; a refusal puts the item in front of a person."""
    if message.item_id is None:
        book.tasks.append(("entry_refused", peer))
        return None
    state = book.find(message.item_id)
    if state is None:
        return Disposition.PARKED
    if not part_of_story(state, peer):
        return Disposition.NOT_PERMITTED
    body = Answered(peer, message.disposition, message.responsible)
    book.record(state.id, EventKind.ANSWERED, body, at_ms=message.at_ms, actor=peer)
    if message.disposition in REFUSALS:
        book.raise_review(state.id, Review.REFUSED_BY_PEER)
    return None


def hear_outcome(
    book: Casebook, postbox: Postbox, peer: str, message: Outcome
) -> Disposition | None:
    """Record what became of the item and tell it on along the chain."""
    state = book.find(message.item_id)
    if state is None:
        return Disposition.PARKED
    if not part_of_story(state, peer):
        return Disposition.NOT_PERMITTED
    if state.has_heard(message.event_id):
        return None
    state = _record(book, state, message)
    news = News(message.event_id, message.what, message.payload, message.author, message.at_ms)
    tell(book, postbox, state, news, heard_from=peer)
    return None


def _record(book: Casebook, state: ItemState, message: Outcome) -> ItemState:
    if message.assessment is not None:
        note(book, state.id, EventKind.ASSESSED, message.assessment, message.at_ms)
        watch_verdicts(book, state.id)
        return book.loaded.items[state.id]
    if message.action is not None:
        return note(book, state.id, EventKind.ACTED, message.action, message.at_ms)
    if message.what is OutcomeWhat.REOPENED:
        body: Reopened | Responsible = Reopened(message.event_id)
        kind = EventKind.REOPENED
    else:
        body, kind = _responsible(state, message), EventKind.RESPONSIBLE
    return book.record(state.id, kind, body, at_ms=message.at_ms, actor=message.author)


def _responsible(state: ItemState, message: Outcome) -> Responsible:
    moved = message.moved
    member = message.responsible or state.responsible or message.author
    if moved is None:
        return Responsible(message.event_id, member, None)
    country = moved.country
    where = HostingState.COUNTRY if country is not None else HostingState.NONE
    found = Jurisdiction(where, country, Confidence.MEDIUM, moved.evidence)
    return Responsible(message.event_id, moved.to_member, found)


def hear_withdrawal(
    book: Casebook, postbox: Postbox, peer: str, message: Withdrawal
) -> Disposition | None:
    """Take the sender's sighting back; whether the item ends is for a person to say (rule 10)."""
    state = book.find(message.item_id)
    if state is None:
        return Disposition.PARKED
    if not part_of_story(state, peer):
        return Disposition.NOT_PERMITTED
    body = Withdrawn(peer, message.sighting_id)
    state = book.record(state.id, EventKind.WITHDRAWN, body, at_ms=message.at_ms, actor=peer)
    book.raise_review(state.id, Review.WITHDRAWAL)
    to = handed_on_to(book, state)
    if to is not None and to != peer:
        passed = Withdrawal(state.id, message.sighting_id, message.at_ms)
        subject = f"{state.id}|withdrawal|{message.at_ms}"
        book.posts.append(postbox.post(to, Kind.WITHDRAWAL, passed, subject=subject, item=state.id))
    return Disposition.FOR_A_PERSON
