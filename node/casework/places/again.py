"""Located again: an item that is here is looked up once more, and goes on if it has moved.

It is when a member has handed it over; before a notice, and after a check or a referral, if the
last look is too old; and when it may be back after it was gone. That it is due stands in its
`due_ms`, as for new items, so the same loop looks, and no crash forgets it.

Rules upheld:

* Meanwhile the item is here like any other. What cannot be told changes nothing, and is tried for
  `GIVE_UP_MS`, less and less often.
* It goes on by itself where this node is certain that it is hosted elsewhere: no less sure than the
  member was that handed it over, against no person's word, and under the rules for what goes
  round (`routing.choose`): to no member twice, so that nothing is sent to and fro.
* What speaks against its place, and moves nothing, is put before a person, once for each finding.
* Where a person has to decide already, or it is closed, the finding is noted and moves nothing.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache

import msgspec

from keys.registry import Registry
from node.casework.casebook import Casebook
from node.casework.events import EventKind, LocatedAgain, LookDue
from node.casework.item import Again, Cause, Custody, ItemState, Look, Review, Suggestion
from node.casework.passing_on.routing import (
    DEADLINE,
    LOOKED_FOR,
    Forwarding,
    choose_new,
    is_uncertain,
    place,
    route,
    settle_place,
)
from node.casework.places.beside import (
    AGAIN,
    ANALYST,
    BEFORE,
    CANDIDATE,
    beside,
    handed_over_with,
    speaking,
)
from node.casework.telling import CHILD_AT_RISK_SINCE
from protocol.facts import Evidence, Jurisdiction
from protocol.vocabulary import Action, Confidence, HostingState, Matter

GIVE_UP_MS = 86_400_000
"""How long a place that nobody can tell is asked for again: after that, the item stays quietly."""
BACK_AGAIN_MS = 900_000
"""An item that may be back is not looked up more often, however often it is reported."""
FOR_PEOPLE = frozenset(
    {
        Review.CAME_BACK,
        Review.HOP_CAP,
        Review.REFUSED_BY_PEER,
        Review.MEMBER_SUSPENDED,
        Review.CANNOT_BE_SENT,
    }
)
"""While an item stands before a person for one of these, no look moves it."""
_CAUSES = {
    Action.SEEN_ONLINE: Cause.CHECK,
    Action.INACCESSIBLE: Cause.CHECK,
    Action.LEA_NOTIFIED: Cause.REFERRAL,
}
_WITH_HOSTER = frozenset({Action.HOST_NOTIFIED, Action.HOST_CLAIMED})
_SURENESS = {Confidence.LOW: 0, Confidence.MEDIUM: 1, Confidence.HIGH: 2}


class _Word(Enum):
    """What a look means for an item."""

    AGREES = 1
    TELLS_NOTHING = 2
    DOUBTS = 3
    GOES = 4


# -- when ------------------------------------------------------------------------------------------


def is_stale(state: ItemState, at_ms: int, now_ms: int, fresh_ms: int) -> bool:
    """Whether, at `at_ms`, the last look was older than `fresh_ms`; 0: no look ever is."""
    if fresh_ms == 0:
        return False
    looked = state.looked
    return looked is None or looked.at_ms > now_ms or at_ms - looked.at_ms > fresh_ms


def is_to_be_located(state: ItemState) -> bool:
    """Whether there is a place to look for, of an item that is ours to act on."""
    place_known = state.location is not None and state.location.canonical is not None
    return state.custody is Custody.HERE and state.matter is Matter.CSAM and place_known


def want_look(book: Casebook, item_id: str, cause: Cause) -> None:
    """Have the item located again, unless it is to be located anyway."""
    state = book.loaded.items[item_id]
    if is_to_be_located(state) and state.due_ms is None:
        body = LookDue(Again(cause, book.now))
        book.record(item_id, EventKind.LOOK_DUE, body, at_ms=book.now, actor=book.us)


def accepted(state: ItemState, us: str, now_ms: int, found: Jurisdiction | None) -> ItemState:
    """Return an item that another member hands over, to be located again where it is ours.

    `found`: what is known here of its place without asking anybody. If the sender says the same,
    that was the look.
    """
    placed = state.jurisdiction
    if state.custody is not Custody.HERE or placed is None or not is_to_be_located(state):
        return state
    unknown = found is None or found.state is HostingState.UNRESOLVED
    if found is None or unknown or not _says_the_same(found, placed):
        again = Again(Cause.ACCEPTED, now_ms)
        return msgspec.structs.replace(state, due_ms=now_ms, again=again)
    if found.country is None:
        return msgspec.structs.replace(state, looked=look_at(found, now_ms))
    stands = _both(us, _teller(state), placed, found)
    return msgspec.structs.replace(state, jurisdiction=stands, looked=look_at(found, now_ms))


def look_behind(book: Casebook, item_id: str) -> None:
    """Have a hidden item located now: somebody has been told where its host stands."""
    state = book.loaded.items.get(item_id)
    placed = None if state is None else state.jurisdiction
    hidden = placed is not None and placed.state is HostingState.HIDDEN
    if state is not None and hidden and is_to_be_located(state):
        body = LookDue(Again(Cause.ORIGIN_TOLD, book.now))
        book.record(item_id, EventKind.LOOK_DUE, body, at_ms=book.now, actor=book.us)


def raise_judged(
    book: Casebook, item_id: str, review: Review | None, suggestion: Suggestion | None
) -> None:
    """Put an item before a person, as the table of duplicates says; may it be back, it is located.

    None: nothing is to be looked at.
    """
    if review is None:
        return
    book.raise_review(item_id, review, suggestion)
    state = book.loaded.items[item_id]
    if review is Review.PERHAPS_BACK and is_stale(state, book.now, book.now, BACK_AGAIN_MS):
        want_look(book, item_id, Cause.PERHAPS_BACK)


def watch_urgency(book: Casebook, before: ItemState, *, reported: bool = False) -> None:
    """A closed item of which it is said for the first time that a child is at risk: a person looks.

    Here, and, where nothing else is said, with whoever passes it on: who it is passed on to may be
    gone before it has it. `reported`: a report says it, which has its own way on.
    """
    urgent = book.loaded.items[before.id].child_at_risk
    if before.child_at_risk or not urgent or before.closed_ms is None:
        return
    if before.custody is Custody.HANDED_ON:
        if not reported:
            book.tasks.append((CHILD_AT_RISK_SINCE, before.id))
    elif before.closed_by is Action.NOT_ILLEGAL:
        raise_judged(book, before.id, Review.NOT_ILLEGAL_DOUBTED, None)
    else:
        raise_judged(book, before.id, Review.PERHAPS_BACK, None)


def look_after(book: Casebook, before: ItemState, action: Action, fresh_ms: int) -> None:
    """After a check or a referral was recorded, have the item located if the last look is old.

    So is, whenever the last look was, what is open again: while it was closed, it moved nowhere.
    """
    cause = _CAUSES.get(action)
    state = book.loaded.items[before.id]
    if cause is None or state.closed_ms is not None:
        return
    reopened = before.closed_ms is not None
    placed, waits = state.jurisdiction, state.due_ms is not None and state.again is None
    if reopened and waits and placed is not None and is_uncertain(placed):
        book.raise_review(state.id, Review.LOCATION_UNCERTAIN)  # its deadline runs still
    if reopened or is_stale(state, book.now, book.now, fresh_ms):
        want_look(book, before.id, cause)


# -- what follows ----------------------------------------------------------------------------------


def place_known(
    book: Casebook,
    places: Mapping[str | None, Jurisdiction],
    forwarding: Forwarding,
) -> None:
    """Route what is new here and whose place is known already, within the same transaction."""
    for state in list(book.changed.values()):
        if state.custody is Custody.LOCATING and state.location is not None:
            found = places.get(state.location.canonical)
            if found is not None:
                route(book, state.id, found, None, forwarding)


def place_due(
    book: Casebook,
    item_id: str,
    found: Jurisdiction,
    retry_ms: int | None,
    forwarding: Forwarding,
) -> None:
    """Record what locating a due item found, whether it is a new one or one that is here."""
    state = book.loaded.items.get(item_id)
    here = state is not None and state.custody is Custody.HERE
    if state is not None and here and state.again is not None and state.due_ms is not None:
        look(book, item_id, found, retry_ms, forwarding)
    else:
        place(book, item_id, found, retry_ms, forwarding)


def look(
    book: Casebook,
    item_id: str,
    found: Jurisdiction,
    retry_ms: int | None,
    forwarding: Forwarding,
) -> None:
    """Record what a new look at an item that is here found; see the head of this module."""
    state = book.loaded.items[item_id]
    once_more = _once_more(state, found, retry_ms, book.now)
    if once_more is not None:
        body = LocatedAgain(None, state.orphan, None, once_more)
        book.record(item_id, EventKind.LOCATED_AGAIN, body, at_ms=book.now, actor=book.us)
        return
    ended = state.closed_ms is not None or not state.sightings
    for_people = not FOR_PEOPLE.isdisjoint(state.reviews)
    placed = state.jurisdiction
    if ended or for_people:
        _stay(book, state, placed, found, forwarding.registry)
    elif placed is None or placed.country is None or _is_undecided(book.us, state, placed):
        route(book, item_id, found, retry_ms, forwarding)
    else:
        _follow(book, state, placed, found, forwarding)


def _is_undecided(us: str, state: ItemState, placed: Jurisdiction) -> bool:
    """Whether this node itself was not sure, and neither a person nor a deadline said since.

    Who wrote to its hoster, or heard of it, knows where it is. What was closed meanwhile, and is
    open again, waits for a person as at first.
    """
    said = {line.source for line in speaking(placed)}
    told = any(one.member == us and one.action in _WITH_HOSTER for one in state.actions)
    unsure = placed.confidence is Confidence.LOW and state.looked is not None and not told
    waits = Review.LOCATION_UNCERTAIN in state.reviews
    return unsure and not waits and said.isdisjoint({ANALYST, DEADLINE})


def _follow(
    book: Casebook,
    state: ItemState,
    placed: Jurisdiction,
    found: Jurisdiction,
    forwarding: Forwarding,
) -> None:
    word = _weigh(forwarding.registry, book.us, state, placed, found)
    if word in (_Word.AGREES, _Word.GOES):
        settle_place(book, state)
    if word is _Word.GOES:
        route(book, state.id, found, None, forwarding)
        return
    _stay(book, state, placed, found, forwarding.registry)
    if word is _Word.DOUBTS and _is_new(state, found):
        book.raise_review(state.id, Review.LOCATION_UNCERTAIN)


def _is_new(state: ItemState, found: Jurisdiction) -> bool:
    """Whether this is not what the last look found."""
    looked = state.looked
    return looked is None or (looked.state, looked.country) != (found.state, found.country)


def _once_more(
    state: ItemState, found: Jurisdiction, retry_ms: int | None, now_ms: int
) -> int | None:
    """When to ask again for what nobody could tell now; None: it is not asked again."""
    if state.again is None or retry_ms is None or found.state not in LOOKED_FOR:
        return None
    waited_ms = now_ms - state.again.since_ms
    return max(retry_ms, now_ms + waited_ms) if 0 <= waited_ms < GIVE_UP_MS else None


def _weigh(
    registry: Registry, us: str, state: ItemState, placed: Jurisdiction, found: Jurisdiction
) -> _Word:
    if found.country is None or is_uncertain(found):
        named = _named(found)
        speaks_against = bool(named) and placed.country not in named
        return _Word.DOUBTS if speaks_against else _Word.TELLS_NOTHING
    member = choose_new(registry, us, found).member
    if member == us:
        return _Word.AGREES
    if found.country == placed.country:  # it is here all the same: a person knows why, or should
        returned = any(hop.member == member for hop in state.hops)
        return _Word.GOES if returned and _is_new(state, found) else _Word.AGREES
    by_a_person = any(line.source == ANALYST for line in speaking(placed))
    less_sure = state.looked is None and _less_sure(found, placed)
    return _Word.DOUBTS if by_a_person or less_sure else _Word.GOES


def _named(found: Jurisdiction) -> set[str]:
    """Return the countries that a finding names: its own, or those that a dispute is about.

    Not those of all ballots: a proxy's own addresses say nothing of whom it hides, nor does the
    site that leads to another one.
    """
    if found.country is not None:
        return {found.country}
    return {line.input for line in speaking(found) if line.source == CANDIDATE}


def _less_sure(one: Jurisdiction, other: Jurisdiction) -> bool:
    return _SURENESS[one.confidence] < _SURENESS[other.confidence]


def _stay(
    book: Casebook,
    state: ItemState,
    placed: Jurisdiction | None,
    found: Jurisdiction,
    registry: Registry,
) -> None:
    """The item stays; what was found is noted, and counts where it is ours and no less sure."""
    orphan, stands = state.orphan, placed
    if placed is not None:
        ours = not is_uncertain(found) and found.country is not None
        choice = choose_new(registry, book.us, found)
        if ours and choice.member == book.us:
            orphan, stands = choice.orphan, _both(book.us, _teller(state), placed, found)
        else:
            stands = beside(placed, _noted(book.us, found))
    told = None if found.state is HostingState.UNRESOLVED else look_at(found, book.now)
    body = LocatedAgain(stands, orphan, told)
    book.record(state.id, EventKind.LOCATED_AGAIN, body, at_ms=book.now, actor=book.us)


def _says_the_same(one: Jurisdiction, other: Jurisdiction) -> bool:
    return (one.state, one.country) == (other.state, other.country)


@lru_cache(maxsize=2048)
def _both(us: str, teller: str | None, placed: Jurisdiction, found: Jurisdiction) -> Jurisdiction:
    """What counts of two accounts by which the item is ours: the new one, if it is as sure.

    Said once for all items of a host.
    """
    if found.country == placed.country and _less_sure(found, placed):
        return beside(placed, _noted(us, found))
    return beside(found, _before(teller, placed))


def look_at(found: Jurisdiction, now_ms: int) -> Look:
    """Return a finding as the item remembers it."""
    return Look(now_ms, found.state, found.country)


def _teller(state: ItemState) -> str | None:
    """Who said where the item is, if that was not a look of our own."""
    return state.came_from if state.looked is None else None


def _before(teller: str | None, placed: Jurisdiction) -> tuple[Evidence, ...]:
    """What the sender said, if it did; an earlier look of our own is over."""
    if teller is not None:
        return _as_told(placed, teller)
    return handed_over_with(placed)


def _as_told(placed: Jurisdiction, sender: str) -> tuple[Evidence, ...]:
    return (_said_by(sender, placed.country or str(placed.state)), *speaking(placed))


@lru_cache(maxsize=256)
def _said_by(sender: str, answer: str) -> Evidence:
    return Evidence(f"placed by {sender}", BEFORE, "1", answer)


def _noted(us: str, found: Jurisdiction) -> tuple[Evidence, ...]:
    answer = found.country or str(found.state)
    return (Evidence(f"located again by {us}", AGAIN, "1", answer), *found.evidence)
