"""Where an item is, by what a rebuilt member had said of that last (docs/protocol.md §8.13.7).

What its word rests on need not have come back: a hand-over may have waited for a member that was
away, or who has the item keeps it back. Two that have an item work on it twice, and one that nobody
has is lost. So the item is handed over again to whom the word names; who has it knows its id.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.casebook import Casebook
from node.casework.events import EventKind, HandedOn
from node.casework.item import Custody, ItemState, Review
from node.casework.passing_on.custody import (
    HELD_TWICE,
    MEMBER_SUSPENDED,
    is_gone,
    take_back,
    take_custody,
)
from node.casework.passing_on.rings import way
from node.casework.passing_on.routing import Forwarding, item_message
from node.casework.rebuilt.recovered import NOT_REBUILT
from node.casework.rebuilt.words import said_by_us
from node.casework.telling import (
    REPORTED_IN_VAIN,
    handed_on_to,
    is_reported_since,
    is_with_nobody,
)
from node.ids import time_of
from protocol.errors import UnsayableError
from protocol.messages import Outcome
from protocol.vocabulary import Kind, Lane, OutcomeWhat


def last_whereabouts(us: str, told: Iterable[bytes]) -> Iterable[Outcome]:
    """Return of each item the last word of ours that it went on from here, or is here again."""
    said = (
        said_by_us(us, raw, what)
        for raw in told
        for what in (OutcomeWhat.MOVED, OutcomeWhat.RESPONSIBLE_CHANGED)
    )
    where = [one for one in said if one and (one.moved or one.responsible == us)]
    return {one.item_id: one for one in sorted(where, key=_when)}.values()


def have_it_there(book: Casebook, forwarding: Forwarding, word: Outcome, *, went_on: bool) -> None:
    """Let the item be where this last word of ours says, if it is handed on as things stand.

    `went_on`: it was handed on since, by an entry that came back. What we had taken back since we
    handed it on is here.
    """
    state = book.find(word.item_id)
    if state is None or state.custody is not Custody.HANDED_ON:
        return
    is_back = word.moved is not None and _has_come_back(
        book.us, state, word.moved.to_member, time_of(word.event_id)
    )
    if is_with_nobody(book, forwarding.postbox, state) and is_reported_since(state):
        book.tasks.append((REPORTED_IN_VAIN, state.id))
    if word.moved is not None and not is_back:
        _say_again(book, forwarding, state, word.moved.to_member, word.event_id)
    elif is_back or not went_on:
        take_custody(book, forwarding.postbox, forwarding.ids, state.id)
        book.raise_review(state.id, Review.CAME_BACK)


def _has_come_back(us: str, state: ItemState, to: str, at_ms: int) -> bool:
    """Whether an item that we handed to `to` at that time was handed to us since, from there.

    Who reported the place to us later brought nothing back. Where our hand-over came back, what was
    handed to us after it was judged by that.
    """
    if state.handed_ms <= at_ms or any(step.by == us for step in state.steps):
        return False
    there = {to, *(step.to for step in way(to, state.steps))}
    others = (step for step in state.steps if step.by not in there)
    by_another = any(time_of(step.event_id) == state.handed_ms for step in others)
    return not by_another and any(one.member in there for one in state.informants)


def _say_again(
    book: Casebook, forwarding: Forwarding, state: ItemState, to: str, event_id: str
) -> None:
    """Hand over an open item as it was handed over; what came back of that is not said.

    To one that is gone since, nothing goes: who answers for the country now has it. For one that is
    suspended it waits, in front of a person.
    """
    found = state.jurisdiction
    is_there = state.closed_ms is None and to not in state.erased_at
    if not is_there or found is None or handed_on_to(book, state) != to:
        return
    if is_gone(forwarding.registry, to):
        take_back(book, state.id, forwarding, to)
        return
    if state.answer is None:
        # What was handed to us before that, and is said again, does not bring it back here.
        body = HandedOn(to, state.orphan, state.hops, found, event_id)
        state = book.record(
            state.id, EventKind.HANDED_ON, body, at_ms=time_of(event_id), actor=book.us
        )
    if not forwarding.postbox.reaches(to):
        book.tasks.append((MEMBER_SUSPENDED, to))
    try:
        post = forwarding.postbox.post(
            to,
            Kind.ITEM,
            item_message(state, book.us, found, time_of(event_id)),
            subject=state.id,
            revision=len(state.hops),
            item=state.id,
            lane=Lane.REPORTS,
            urgency=state.urgency,
        )
    except UnsayableError:
        book.tasks.append((NOT_REBUILT, to))
    else:
        book.posts.append(post)
        book.over.append((HELD_TWICE, f"{to}/{state.id}"))  # it is there by our own word


def _when(word: Outcome) -> int:
    return time_of(word.event_id)
