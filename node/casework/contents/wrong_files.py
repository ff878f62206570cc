"""A file that does not belong to an item goes from it by a person's word (docs/adr/0034).

The item, and those that it shares content with, end as if it had never had the file, but for what
people said and did meanwhile: its keys go, what lists said of it, suggestions, and verdicts that
went with it alone, from here or to here. The person's verdict on the item stays, for he looked at
what is there. But it was shared with the file (protocol §6.6), and what is shared can be taken back
with all its files only: so it is taken back, and given anew under another id with those that are
left, at the time at which it was given. Places do not shift: that of the file stays empty.

What an item was handed over with no message takes away again. Whoever has heard of the item still
has the file, and a person tells them (task `wrong_file`). A report, or another member, that names
the file again does not bring it back; a person does.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Final

import msgspec

from node.casework.casebook import Casebook
from node.casework.contents.hits import hits
from node.casework.contents.listing import match_lists, settle_raised
from node.casework.contents.rejudging import rejudge
from node.casework.contents.spreading import files_told, spread, told
from node.casework.errors import DraftRejectedError, UnknownItemError
from node.casework.events import EventKind, Settled, Unlisted
from node.casework.item import MAX_SUGGESTIONS, ItemState, Listing, Review, Suggestion, TakenOff
from node.casework.mistakes.reconsidering import reconsider
from node.casework.mistakes.undoing import has_verdict, put_before_a_person, record_taken_back
from node.casework.postbox import Postbox
from node.casework.reports.draft import WrongFileDraft
from node.casework.telling import News, audience, note, tell
from node.ids import Ids
from node.matching.contents import Likeness, closeness, compare, likeness
from node.matching.fingerprints import content_keys
from node.matching.lists import Trust
from protocol.facts import Assessment, Content
from protocol.vocabulary import ItemKind, OutcomeWhat

TASK: Final = "wrong_file"
"""Members that heard of the item still have the file: a person tells them."""
_SUGGESTED: Final = Review.SUGGESTED_VERDICT


def bearers(book: Casebook, item_id: str) -> set[str]:
    """Return the loaded items on which a verdict stands that stands on this one too."""
    state = book.find(item_id)
    ids = () if state is None else [given.event_id for given in state.assessments]
    items = book.loaded.items.values()
    return {one.id for one in items if any(has_verdict(one, event) for event in ids)}


def take_off(
    book: Casebook, item_id: str, draft: WrongFileDraft, ids: Ids, postbox: Postbox
) -> ItemState:
    """Take a file off an item, and undo what followed from its having been there.

    Raises:
        UnknownItemError
        DraftRejectedError: the draft names none of its files, or more than one.
    """
    before = book.find(item_id)
    if before is None:
        raise UnknownItemError
    place, content = _named(before, draft)
    states = dict(book.loaded.items)
    state = _record(book, before, TakenOff(place, content))
    by, book.by = book.by, None
    gone = _unlist(book, before, content, postbox)
    _say_anew(book, before, place, ids, postbox)
    lost = _take_unsupported_back(book, states, before, postbox)
    waited = place in before.unseen or any(_SUGGESTED in one.raised for one in gone)
    for one in gone:
        settle_raised(book, state.id, one)
    for other in states.values():
        if other.id == state.id or any(one.item == state.id for one in other.suggestions):
            _suggest_without(book, other.id, changed=waited and other.id == state.id)
    if before.sightings:
        rejudge(book, postbox, state.id)
    match_lists(book, ids, postbox, [state.id])
    for one_id in sorted(lost - {state.id}):
        if not _is_judged_as(book.loaded.items[one_id], states[one_id]):
            put_before_a_person(book, book.loaded.items[one_id])
    reconsider(book, ids, postbox)
    book.by = by
    if audience(book, before):
        book.tasks.append((TASK, state.id))
    return book.loaded.items[state.id]


def _named(state: ItemState, draft: WrongFileDraft) -> tuple[int, Content]:
    """Return the file that a draft names, with its place."""
    if (draft.place is None) == (draft.hash is None):
        raise DraftRejectedError("place", "give either the place of a file, or one of its hashes")
    files = zip(state.places, state.content, strict=True)
    if draft.hash is None:
        found = [file for file in files if file[0] == draft.place]
        mend = "give the place of one of the item's files, as the item shows it"
        field = "place"
    else:
        value = bytes.fromhex(draft.hash)
        found = [
            (at, one) for at, one in files if value in (one.sha256, one.sha1, one.md5, one.pdq)
        ]
        mend = "give a hash that one of the item's files has, and no other, or its place"
        field = "hash"
    if len(found) != 1:
        raise DraftRejectedError(field, mend)
    return found[0]


def _record(book: Casebook, before: ItemState, body: TakenOff) -> ItemState:
    kind = EventKind.FILE_TAKEN_OFF
    state = book.record(before.id, kind, body, at_ms=book.now, actor=book.us)
    left = content_keys(book.fingerprints, state.content)
    for key in dict.fromkeys(content_keys(book.fingerprints, before.content)):
        if key not in left:
            ids = book.loaded.by_key.get(key, [])
            book.loaded.by_key[key] = [one for one in ids if one != state.id]
            book.gone_keys.append((key, state.id))
    return state


def _unlist(book: Casebook, before: ItemState, content: Content, postbox: Postbox) -> list[Listing]:
    """Unlist what named this file, or looked like it, and none of those that are left; return it.

    With its verdict in our name, which is of this item alone.
    """
    state = book.loaded.items[before.id]
    named = {hit.number for hit in hits(book, state)}
    keys = book.fingerprints.content(content)
    of_it = {entry.number for key in keys for entry in book.loaded.listed.get(key, ())}
    gone = [
        one
        for one in state.listed
        if one.entry not in named and (one.entry in of_it or one.closeness is not None)
    ]
    for one in gone:
        body = Unlisted(one.entry, one.list)
        book.record(state.id, EventKind.UNLISTED, body, at_ms=book.now, actor=book.us)
    verdicts = {one.verdict for one in gone}
    for given in before.assessments:
        if given.member == book.us and given.event_id in verdicts:
            _take_back(book, postbox, sorted(_bearing(book.loaded.items, given)), given)
    return gone


def _say_anew(book: Casebook, before: ItemState, place: int, ids: Ids, postbox: Postbox) -> None:
    """Take back what all were told of the file, and say it anew of those that are left."""
    given = told(before, book.us)
    if not any(place in files_told(before, one) for one in given):
        return
    bear = {one.event_id: sorted(_bearing(book.loaded.items, one)) for one in given}
    for one in given:
        _take_back(book, postbox, bear[one.event_id], one)
    spread(book, postbox, before, book.loaded.items[before.id])
    for one in given:
        anew = msgspec.structs.replace(one, event_id=ids.mint(book.now))
        was = book.loaded.items[before.id]
        state = note(book, before.id, EventKind.ASSESSED, anew, anew.at_ms)
        spread(book, postbox, was, state)
        for item_id in bear[one.event_id]:
            _note_anew(book, postbox, before.id, item_id, anew)


def _note_anew(
    book: Casebook, postbox: Postbox, source: str, item_id: str, anew: Assessment
) -> None:
    """Let the verdict stand anew where it stood by a file that is left, whatever waits for a look.

    Nobody has to compare what was the same before.
    """
    state = book.loaded.items[item_id]
    if item_id != source:
        if not _is_of_one_file(book.loaded.items[source], state):
            return
        state = note(book, item_id, EventKind.CARRIED_OVER, anew, anew.at_ms)
    news = News(anew.event_id, OutcomeWhat.ASSESSED, anew, book.us, anew.at_ms)
    tell(book, postbox, state, news)


def _bearing(states: Mapping[str, ItemState], given: Assessment) -> set[str]:
    ids = {one.id for one in states.values() for a in one.assessments if a == given}
    return {one for one in ids if not states[one].is_hearsay(given)}


def _take_back(book: Casebook, postbox: Postbox, items: list[str], given: Assessment) -> None:
    news = News(given.event_id, OutcomeWhat.WITHDRAWN, None, given.member, book.now)
    told_by = None if given.member == book.us else book.us
    for item_id in items:
        record_taken_back(book, postbox, item_id, news, None, told_by)


def _take_unsupported_back(
    book: Casebook, states: Mapping[str, ItemState], before: ItemState, postbox: Postbox
) -> set[str]:
    """Take verdicts from items to which only the file led; return all that lost one so far.

    A verdict reaches, from the items of which it was said and those that a list names, all that
    bear it and have a file in common with one that it reaches.
    """
    for given in before.assessments:
        now = book.loaded.items
        lost = _reached(book, states, given) - _reached(book, now, given)
        if not now[before.id].content and given.event_id in before.carried:
            lost.add(before.id)
        _take_back(book, postbox, sorted(lost & _bearing(now, given)), given)
    return {e.item for e in book.events if e.kind is EventKind.VERDICT_WITHDRAWN}


def _reached(book: Casebook, states: Mapping[str, ItemState], given: Assessment) -> set[str]:
    bear = {one: states[one] for one in _bearing(states, given)}
    reached = {one for one, state in bear.items() if _is_source(book, state, given)}
    fresh = set(reached)
    while fresh:
        fresh = {
            one
            for one, state in bear.items()
            if one not in reached and any(_is_of_one_file(bear[other], state) for other in fresh)
        }
        reached |= fresh
    return reached


def _is_source(book: Casebook, state: ItemState, given: Assessment) -> bool:
    """Whether the verdict stands here whatever stands elsewhere."""
    if given.event_id not in state.carried:
        return True
    listed = any(one.verdict == given.event_id for one in state.listed)
    return listed or any(
        hit.given is not None
        and hit.given.event_id == given.event_id
        and hit.counts_as is Trust.AUTO
        for hit in hits(book, state)
    )


def _is_of_one_file(one: ItemState, other: ItemState) -> bool:
    same = likeness(one.content, other.content, pictures=False) is Likeness.SAME
    return same and one.matter is other.matter


def _is_judged_as(now: ItemState, before: ItemState) -> bool:
    """Whether every member that judged it does still, with the same verdict."""
    said = {(a.member, a.verdict) for a in now.in_force}
    return said >= {(a.member, a.verdict) for a in before.in_force}


def _suggest_without(book: Casebook, item_id: str, *, changed: bool) -> None:
    """Let the suggestions go that rested on the file alone; tell of the others how near they are.

    Where as many are kept as can be there may have been more, so a person still looks.
    """
    state = book.loaded.items[item_id]
    stand = [now for one in state.suggestions if (now := _still(book, state, one)) is not None]
    if not changed and stand == list(state.suggestions):
        return
    if _SUGGESTED not in state.reviews or len(state.suggestions) >= MAX_SUGGESTIONS:
        return
    body = Settled(_SUGGESTED, unlooked=True)
    book.record(item_id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)
    for one in stand:
        book.raise_review(item_id, _SUGGESTED, one)
    if not stand and (state.unseen or any(_SUGGESTED in one.raised for one in state.listed)):
        book.raise_review(item_id, _SUGGESTED)


def _still(book: Casebook, state: ItemState, one: Suggestion) -> Suggestion | None:
    source = book.loaded.items.get(one.item)
    if source is None:  # nothing is known to have changed
        return one
    if source.id == state.id:
        pairs = combinations(state.content, 2)
        return one if any(compare(*pair) <= Likeness.NEAR for pair in pairs) else None
    pictures = ItemKind.VIDEO not in (source.kind, state.kind)
    if likeness(state.content, source.content, pictures=pictures) > Likeness.NEAR:
        return None
    near = closeness(state.content, source.content)
    return None if near is None else Suggestion(source.id, near)
