"""Files and other facts that a member tells of an item that is here, and which of them it judged.

A verdict is of what its giver saw. A file that is named with it, in one message, its giver saw, and
a file that the giver names later by itself; what comes with somebody's report was found by that one
(protocol §6.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from node.casework.casebook import Casebook
from node.casework.contents.hits import says_no_more, without_placeholder
from node.casework.contents.rejudging import rejudge
from node.casework.contents.seeing import CLOCKS_MS, is_unseen
from node.casework.events import EventKind, Facts, Sighted
from node.casework.folding import lacks
from node.casework.incoming.hearing import credible
from node.casework.item import Custody, ItemState, Review
from node.casework.passing_on.chains import handed_to
from node.casework.places.again import watch_urgency
from node.casework.postbox import Postbox
from node.ids import time_of
from node.matching.contents import Likeness, compare
from protocol.facts import ActionTaken, Assessment, Content, Sighting
from protocol.messages import Item
from protocol.messages import Sighted as SightedMessage
from protocol.vocabulary import Disposition

Seeing: TypeAlias = Callable[[Assessment], bool]
"""Whether whoever gave a verdict saw the files that a message names."""

_Fact = TypeVar("_Fact", Assessment, ActionTaken)


def seen_with(state: ItemState, peer: str, message: Item | SightedMessage) -> Seeing:
    """Return whose verdicts on an item are also of the files that this message names.

    An `Item` brings its sender's, and what it tells of those of others. What we said, or another
    told us itself, is of what that one saw then: nobody else says that it saw more.
    """
    if isinstance(message, Item):
        with_it = {given.event_id for given in message.assessments}
        return lambda given: (
            given.event_id in with_it and (given.member == peer or state.is_hearsay(given))
        )
    reported = message.sighting is not None
    return lambda given: not reported and given.member == peer


def files_of(message: Item | SightedMessage) -> tuple[Content, ...]:
    """Return the files that a message names."""
    content = message.content
    if isinstance(content, Content):
        return (content,)
    return content or ()


def credible_of(us: str, told: Iterable[_Fact]) -> tuple[_Fact, ...]:
    """Return what others are said to have judged or done; never what we did ourselves."""
    return tuple([a for a in told if a.member != us and credible(a.event_id, a.member)])


def places_named(state: ItemState, peer: str, message: Item | SightedMessage) -> tuple[int, ...]:
    """Return the places of those files of an item that a member tells of, as ones that it has.

    One weak hash alone only suggests: of what it is whoever named the rest may say anything. Who
    judged the item before, and not these files, is told of nothing that it could take for a verdict
    on one that waits; but what it judged was none of them.
    """
    told, seen = files_of(message), seen_with(state, peer, message)
    files = zip(state.places, state.content, strict=True)
    places = [place for place, file in files if any(_is_told(file, one) for one in told)]
    judged = (one for one in state.assessments if one.event_id not in state.carried)
    if all(seen(one) for one in judged if one.member == peer):
        return tuple(places)
    return tuple(place for place in places if place in state.unseen)


def found_since(state: ItemState, peer: str, message: SightedMessage, now_ms: int) -> int:
    """Return since when a member can have the file that comes with a report; 0: it does not say.

    A report has its id from who took it in, as soon as that was: not in days to come, whatever a
    clock said. A file beside one that the member had told of before came to it only since.
    """
    if message.sighting is None:
        return 0
    if not is_news(state, peer, message.sighting):
        return now_ms - CLOCKS_MS
    apart = 0 if message.sighting.member == peer else CLOCKS_MS
    return max(min(time_of(message.sighting.sighting_id), now_ms + CLOCKS_MS) - apart, 0)


def _is_told(file: Content, one: Content) -> bool:
    return compare(file, one, pictures=False) is Likeness.SAME or says_no_more(file, one)


def as_return(us: str, peer: str, state: ItemState, body: Sighted) -> Sighted:
    """Return what the return of an item says: of reports those that its way here had not told.

    Who told of it before takes back by that way what it saw, and may have done so while the item
    was elsewhere: what it told stands here as it is known here.
    """
    told = {us, *(hop.member for hop in state.hops), *(one.member for one in state.informants)}
    fresh = tuple(one for one in body.sightings if one.member == peer or one.member not in told)
    return replace(body, sightings=fresh, outcome=Disposition.DUPLICATE)


def hear_return(book: Casebook, state: ItemState, back: Sighted) -> bool:
    """Note what comes with an item of ours that is here already; False: it is an echo.

    It counts from who told us of it or was handed it here, and, as a report of the place, from
    anybody that is the first to say that a child is at risk.
    """
    who = back.informant
    assert who is not None
    told = who in state.informants
    urgent = back.child_at_risk and not state.child_at_risk
    if not (told or urgent or who.member in handed_to(book.us, state)):
        return False
    known = state.named
    names = known is not None and any((who.member, one) not in known for one in back.named)
    fresh = any(one not in state.sightings for one in back.sightings)
    if urgent or not told or fresh or names:
        sight(book, state.id, back, book.now, who.member)
    return True


def is_news(state: ItemState, peer: str, sighting: Sighting | None) -> bool:
    """Whether a member tells of a sighting that it had not told of; a file may go with a known one.

    Each word that is kept counts for the bound of what one member says of an item (`bounding`).
    """
    if sighting is None or sighting not in state.sightings:
        return sighting is not None
    return sighting.member != peer and (sighting.sighting_id, peer) not in state.relayed


def sight(book: Casebook, item_id: str, body: Sighted, at_ms: int, actor: str) -> None:
    """Record what a member told of; where it makes a closed item urgent, a person looks."""
    body = replace(body, told_by=actor if body.sightings else None)
    before = book.loaded.items[item_id]
    book.record(item_id, EventKind.SIGHTED, body, at_ms=at_ms, actor=actor)
    reported = bool(body.sightings) or body.informant is not None
    watch_urgency(book, before, reported=reported)


def name(book: Casebook, item_id: str, peer: str, message: SightedMessage, since_ms: int) -> None:
    """Record that a file that a member tells of is one that it has, also if it was here before."""
    state = book.loaded.items[item_id]
    places = places_named(state, peer, message)
    fresh = tuple(place for place in places if (peer, place) not in (state.named or ()))
    if state.named is not None and fresh:
        informant = next(one for one in state.informants if one.member == peer)
        body = Sighted(
            (),
            informant,
            child_at_risk=False,
            outcome=Disposition.FACTS_ADDED,
            named=fresh,
            since_ms=since_ms,
        )
        sight(book, item_id, body, book.now, peer)


def add_facts(
    book: Casebook,
    postbox: Postbox,
    item_id: str,
    facts: Facts,
    peer: str,
    message: Item | SightedMessage,
    since_ms: int = 0,
) -> None:
    """Add what the item does not have, and judge it again; a file that nobody saw waits.

    What hosts show in the place of a removed file is no file of it: a person looks.
    """
    state = book.loaded.items[item_id]
    content = without_placeholder(book, state, facts.content, facts.kind or state.kind)
    if (
        content != facts.content
        and state.closed_ms is None
        and state.custody is not Custody.HANDED_ON
    ):
        book.raise_review(item_id, Review.PERHAPS_GONE)
    facts = replace(facts, content=content)
    if (body := lacks(state, facts)) is None:
        return
    seen = seen_with(state, peer, message)
    body = replace(body, unseen=is_unseen(state, body.content, seen), since_ms=since_ms)
    book.record(item_id, EventKind.FACTS, body, at_ms=book.now, actor=peer)
    rejudge(book, postbox, item_id)
