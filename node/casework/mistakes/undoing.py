"""A verdict that is taken back is taken from every item to which this node carried it (rule 10).

Our own is told to everybody whom it was told, and goes from each item that has it. Another member's
goes with the last item of which it was said: where it still stands on one of those, its content is
still judged so. What else followed from it is undone by `reconsidering`.
"""

from __future__ import annotations

from collections.abc import Iterable

from node.casework.casebook import Casebook
from node.casework.events import EventKind, VerdictWithdrawn
from node.casework.item import Custody, Informant, ItemState, Review
from node.casework.postbox import Postbox
from node.casework.telling import ILLEGAL, News, tell
from node.matching.fingerprints import content_keys
from protocol.facts import Assessment
from protocol.vocabulary import OutcomeWhat


def take_everywhere_back(book: Casebook, postbox: Postbox, item_id: str, event_id: str) -> None:
    """Take a verdict from the item, and from those to which it went with the content.

    Our own from whichever it was said of, too: it may be taken back at any item that has it.
    """
    assessments = book.loaded.items[item_id].assessments
    author = next(one.member for one in assessments if one.event_id == event_id)
    bear = [
        one.id
        for one in book.loaded.items.values()
        if one.id == item_id
        or event_id in one.carried
        or (author == book.us and has_verdict(one, event_id))
    ]
    news = News(event_id, OutcomeWhat.WITHDRAWN, None, author, book.now)
    body = VerdictWithdrawn(event_id, author)
    for other in sorted(bear):
        said_of_it = author != book.us and event_id not in book.loaded.items[other].carried
        kind = EventKind.VERDICT_WITHDRAWN
        before = book.loaded.items[other]
        was_told = event_id in before.heard
        state = book.record(other, kind, body, at_ms=book.now, actor=author)
        if set(state.unseen) - set(before.unseen):  # nobody looked at them but with this verdict
            book.raise_review(other, Review.SUGGESTED_VERDICT)
        if not was_told:
            tell(book, postbox, state, news)
        acted = state.closed_ms is not None or any(a.member == book.us for a in state.actions)
        here = state.custody in (Custody.HERE, Custody.LOCATING)
        if acted or (said_of_it and here):  # something was done while it stood, or came with it
            book.raise_review(other, Review.WITHDRAWAL)


def take_carried_back(book: Casebook, postbox: Postbox, item_id: str, news: News) -> None:
    """Take a verdict from the items to which we carried it over with the content (rule 10).

    Not while it stands on another item of which it was said. A person looks at each of them that is
    ours: it was known by this word. Where the item is erased, the verdict alone leads to them.
    """
    said_of = book.loaded.items.get(item_id)
    content = () if said_of is None else said_of.content
    keys = [book.fingerprints.verdict(news.event_id), *content_keys(book.fingerprints, content)]
    others = {other.id for key in keys for other in book.by_key(key)} - {item_id}
    bear = [
        state
        for state in map(book.loaded.items.__getitem__, sorted(others))
        if any(given.event_id == news.event_id for given in state.assessments)
    ]
    if all(news.event_id in (*state.carried, *state.hearsay) for state in bear):
        for one in bear:
            state = record_taken_back(book, postbox, one.id, news, None)
            put_before_a_person(book, state)


def record_taken_back(
    book: Casebook,
    postbox: Postbox,
    item_id: str,
    news: News,
    heard_from: Informant | None,
    told_by: str | None = None,
) -> ItemState:
    """Record of one item that a verdict is taken back, and tell whom it was told.

    `told_by`: who says so, if not its author. What was told so already is not told again when the
    author says it.
    """
    body = VerdictWithdrawn(news.event_id, news.author)
    kind, actor = EventKind.VERDICT_WITHDRAWN, told_by or news.author
    was_told = news.event_id in book.loaded.items[item_id].heard
    state = book.record(item_id, kind, body, at_ms=news.at_ms, actor=actor)
    if not was_told:
        tell(book, postbox, state, news, heard_from=heard_from)
    return state


def has_verdict(state: ItemState, event_id: str) -> bool:
    """Whether this verdict stands on the item, by whosever word."""
    return any(one.event_id == event_id for one in state.assessments)


def put_before_a_person(book: Casebook, state: ItemState) -> bool:
    """Let a person see an item that lost support, who can say what becomes of it; whether so.

    Who is responsible always looks. Who handed it on looks once nothing supports it here any more:
    until then it stays for what does.
    """
    ours = state.custody in (Custody.HERE, Custody.LOCATING)
    if not ours and (state.sightings or state.in_force):
        return False
    book.raise_review(state.id, Review.WITHDRAWAL)
    return True


def is_illegal(given: Iterable[Assessment]) -> bool:
    """Whether one of these verdicts says that it is illegal, somewhere."""
    return any(one.verdict in ILLEGAL for one in given)
