"""An item that lost a verdict becomes what it were if that had never been given.

A verdict has consequences beside itself: it is suggested for what looks alike, it contradicts
others, it keeps suggestions and lists from saying anything since the item is known, and notices
are sent by it. Once it is gone, taken back or corrected, each of them is undone by an event of its
own; nothing is deleted. What was done outside this node no event undoes: a notice, or a referral to
police, that rests on nothing any more is named (`to_retract`) until a person has retracted it.

The rule: the item, its neighbours and what is suggested of them end as in a world without the
verdict, but for what people said and did meanwhile, and for the history.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from node.casework.casebook import Casebook
from node.casework.contents.listing import ask_again, match_lists, settle_difference
from node.casework.contents.rejudging import (
    is_suggested_otherwise,
    rejudge,
    tell_of_files,
    watch_verdicts,
)
from node.casework.events import EventKind, NoticesDoubted, Settled, VerdictWithdrawn
from node.casework.item import MAX_SUGGESTIONS, ItemState, Review
from node.casework.mistakes.undoing import is_illegal
from node.casework.places.hidden import watch_hidden
from node.casework.postbox import Postbox
from node.casework.telling import ILLEGAL
from node.ids import Ids
from protocol.facts import Assessment
from protocol.vocabulary import Action, Verdict

NOTICES: Final = frozenset({Action.HOST_NOTIFIED, Action.LEA_NOTIFIED})
"""What is told outside the network because of a verdict."""


def lost_verdicts(book: Casebook) -> list[str]:
    """Return the items from which this decision took a verdict, or whose author corrected one."""
    found = {
        event.item
        for event in book.events
        if event.item in book.loaded.items
        and (
            event.kind is EventKind.VERDICT_WITHDRAWN
            or (isinstance(event.body, Assessment) and _corrects(book, event.item, event.body))
        )
    }
    return sorted(found)


def _corrects(book: Casebook, item_id: str, given: Assessment) -> bool:
    """Whether its author had held the item illegal before."""
    return given.verdict not in ILLEGAL and any(
        old.member == given.member and old.verdict in ILLEGAL
        for old in book.loaded.items[item_id].assessments
    )


def reconsider(book: Casebook, ids: Ids, postbox: Postbox, leaving: str | None = None) -> None:
    """Undo what followed from verdicts that this decision took away. Again, it changes nothing.

    Recorded in nobody's name. An item that is `leaving` is not judged anew: what would be said of
    it now would outlast its erasure (§8.8).
    """
    lost = lost_verdicts(book)
    if not lost:
        return
    by, book.by = book.by, None
    near = [item_id for item_id in _suggested_by(book, lost) if item_id != leaving]
    for item_id in near:
        _withdraw_suggestions(book, item_id)
    staying = [item_id for item_id in lost if item_id != leaving]
    for item_id in staying:
        _withdraw_suggestions(book, item_id)
        settle_difference(book, item_id)
        watch_verdicts(book, item_id)
        ask_again(book, ids, postbox, item_id)
        _let_go_unknown(book, item_id)
        doubt_notices(book, item_id)
        watch_hidden(book, item_id)
    if near:
        match_lists(book, ids, postbox, near)  # what they know by a list asks by itself now
    for item_id in [*staying, *near]:
        if book.loaded.items[item_id].sightings:
            rejudge(book, postbox, item_id, leaving)
    for item_id in staying:
        _tell_what_stands_again(book, postbox, item_id)
    book.by = by


def _tell_what_stands_again(book: Casebook, postbox: Postbox, item_id: str) -> None:
    """What an author took back may have silenced what it had said of one of several files."""
    authors = {
        event.body.member
        for event in book.events
        if event.item == item_id and isinstance(event.body, VerdictWithdrawn)
    }
    state = book.loaded.items[item_id]
    by_one = state.by_one_file
    if by_one and any(one.member in authors and one.event_id in by_one for one in state.in_force):
        tell_of_files(book, postbox, item_id, (), {})


def _suggested_by(book: Casebook, sources: Iterable[str]) -> list[str]:
    """Return the other items for which the verdict of one of these is suggested."""
    wanted = set(sources)
    return sorted(
        state.id
        for state in book.loaded.items.values()
        if state.id not in wanted and any(one.item in wanted for one in state.suggestions)
    )


def _withdraw_suggestions(book: Casebook, item_id: str) -> None:
    """Let those suggestions go whose item nobody judges any more; the others stay.

    Of an item that is not loaded nothing is known to have changed. Where as many are kept as can be
    there may have been more, so a person still looks.
    """
    state = book.loaded.items[item_id]
    stand = [one for one in state.suggestions if _is_judged(book, one.item)]
    if len(stand) == len(state.suggestions) or len(state.suggestions) >= MAX_SUGGESTIONS:
        return
    review = Review.SUGGESTED_VERDICT
    book.record(
        item_id, EventKind.SETTLED, Settled(review, unlooked=True), at_ms=book.now, actor=book.us
    )
    for one in stand:
        book.raise_review(item_id, review, one)
    if not stand and (state.unseen or any(review in one.raised for one in state.listed)):
        book.raise_review(item_id, review)


def _let_go_unknown(book: Casebook, item_id: str) -> None:
    """Nobody is asked of files beside the judged one, where none is any more.

    Nor does a file wait of which that verdict was not, unless it may count again: who judges the
    item next has looked.
    """
    state = book.loaded.items[item_id]
    gone = all(one.verdict is Verdict.UNASSESSABLE for one in state.assessments)
    waits = (gone and state.unseen) or Review.SUGGESTED_VERDICT in state.reviews
    left = replace(state, unseen=()) if gone else state
    if waits and not state.known and not is_suggested_otherwise(left):
        body = Settled(Review.SUGGESTED_VERDICT, unlooked=not state.unseen)
        book.record(item_id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)


def _is_judged(book: Casebook, item_id: str) -> bool:
    source = book.loaded.items.get(item_id)
    return source is None or source.known


def doubt_notices(book: Casebook, item_id: str) -> None:
    """Name the notices of ours that rest on no verdict any more, and put them before a person."""
    state = book.loaded.items[item_id]
    if is_illegal(state.in_force):
        return
    named = tuple(one for one in our_notices(state, book.us) if one not in state.to_retract)
    if named:
        body = NoticesDoubted(named)
        book.record(item_id, EventKind.NOTICES_DOUBTED, body, at_ms=book.now, actor=book.us)
        book.raise_review(item_id, Review.NOTICE_TO_RETRACT)


def our_notices(state: ItemState, us: str) -> list[str]:
    """Return the ids of our notices and referrals that were not retracted."""
    told = [a.event_id for a in state.actions if a.member == us and a.action in NOTICES]
    told += [one.notice_id for one in state.proxy_notices]
    return [one for one in told if one not in state.retracted]
