"""What a member's word on a content makes of an item that has it (rule 2).

It comes as a hit in the list of that member (`listing`, `sharing`). Where it is followed, its
verdict stands on the item in its own name, as one that was carried over from another item does:
nobody need view the file again, and referral and notice are the item's own. Members that contradict
each other put the item before a person, whichever came first, and whether or not a word is followed
far enough to stand. A correction goes after the word that it corrects, however far it is followed
by itself, and a person looks: the item was known by that word.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from msgspec.structs import replace

from node.casework.casebook import Casebook
from node.casework.contents.hits import hits
from node.casework.contents.rejudging import follows, rejudge, tell_of_files
from node.casework.events import EventKind, Unlisted
from node.casework.item import ItemState, Listing, Review
from node.casework.mistakes.undoing import has_verdict, put_before_a_person
from node.casework.postbox import Postbox
from node.casework.telling import ILLEGAL, News, note, tell
from node.matching.contents import Likeness
from node.matching.lists import Hit, Trust
from protocol.facts import Assessment
from protocol.vocabulary import Action, OutcomeWhat, Verdict


def review_of(state: ItemState, hit: Hit, given: Assessment, hits: Iterable[Hit]) -> Review | None:
    """Say why a person looks at an item by this word, beside all `hits` of the item; None: no."""
    if differ(state, hits):
        return Review.VERDICTS_DIFFER
    if given.verdict in ILLEGAL and state.closed_by is Action.NOT_ILLEGAL:
        return Review.NOT_ILLEGAL_DOUBTED
    suggested = hit.counts_as is Trust.SUGGESTION and not state.known
    return Review.SUGGESTED_VERDICT if suggested else None


def differ(state: ItemState, hits: Iterable[Hit]) -> bool:
    """Whether two members contradict each other: on the item, or of its content in their lists."""
    of_it = [hit for hit in hits if hit.likeness is not Likeness.NEAR]
    said = [hit.given for hit in of_it if hit.counts_as is not Trust.NONE]
    verdicts = [*state.in_force, *(given for given in said if given is not None)]
    against = {given.member for given in verdicts if given.verdict is Verdict.NOT_ILLEGAL}
    illegal = {given.member for given in verdicts if given.verdict in ILLEGAL}
    return any(one != other for one in against for other in illegal)


def is_denied(book: Casebook, state: ItemState) -> bool:
    """Whether this member says that it is not illegal."""
    ours = [one.verdict for one in state.in_force if one.member == book.us]
    return state.closed_by is Action.NOT_ILLEGAL or Verdict.NOT_ILLEGAL in ours


def let_go(book: Casebook, item_id: str, one: Listing) -> ItemState:
    """Let an entry's word go; another verdict that it left here (`erase`) stands by it still."""
    known = book.loaded.items[item_id].listed
    left = [o for o in known if o.entry == one.entry and o.verdict not in {one.verdict, None}]
    body = Unlisted(one.entry, one.list)
    state = book.record(item_id, EventKind.UNLISTED, body, at_ms=book.now, actor=book.us)
    for other in left:
        state = book.record(item_id, EventKind.LISTED, other, at_ms=book.now, actor=book.us)
    return state


def stands_by_it(book: Casebook, state: ItemState, listed: Listing, given: Assessment) -> bool:
    """Whether a member's verdict stands on an item by this entry of its list.

    It may have come from another item with the file, which was known by the entry before. What the
    member said of an item itself goes with the file however far its list is followed.
    """
    if listed.verdict is not None:
        return True
    bear = (one for one in book.loaded.items.values() if has_verdict(one, given.event_id))
    return has_verdict(state, given.event_id) and all(given.event_id in one.carried for one in bear)


def followed_less(book: Casebook, state: ItemState) -> list[tuple[Listing, Hit]]:
    """Return by which words alone an item is held illegal whose members are followed less far.

    None where a person is to look already. What had answered that may be gone: another list's
    verdict, or a person's.
    """
    listed = [one for one in state.listed if one.trust is not Trust.AUTO]
    if not listed or Review.SUGGESTED_VERDICT in state.reviews:
        return []
    said = {hit.number: hit for hit in hits(book, state) if not (hit.silent or hit.acquits)}
    less = [
        (one, hit, hit.given.event_id)
        for one in listed
        if (hit := said.get(one.entry)) is not None
        and hit.given is not None
        and hit.counts_as is not Trust.AUTO
        and stands_by_it(book, state, one, hit.given)
    ]
    told = {event_id for *_, event_id in less}
    judged = {one.event_id for one in state.in_force if one.verdict is not Verdict.UNASSESSABLE}
    return [(one, hit) for one, hit, event_id in less if event_id in judged and judged <= told]


def corrects(state: ItemState, hit: Hit, standing: Callable[[], Collection[int]]) -> bool:
    """Whether it is the author's later word on an item on which an earlier one of it stands.

    Not where its list may not be used, nor where it may be another file. `standing`: the entries
    that stand of the item's files; what stands by another one was taken back, and goes.
    """
    given = hit.given
    speaks = hit.terms.may_use and hit.is_sure and not hit.silent
    if given is None or not speaks or state.has_heard(given.event_id):
        return False
    if not follows(given, state):
        return False
    stand = standing()
    going = {one.verdict for one in state.listed if one.entry not in stand}
    stay = tuple(one for one in state.assessments if one.event_id not in going)
    return follows(given, replace(state, assessments=stay))


def carry(
    book: Casebook, postbox: Postbox, item_id: str, given: Assessment, *, looks: bool
) -> None:
    """Let the verdict stand on the item, tell whom that concerns, and carry it on from there.

    `looks`: it corrects what the item was known by, so a person looks unless it is illegal still.
    """
    was_told = book.loaded.items[item_id].has_been_told(given.event_id)
    state = note(book, item_id, EventKind.CARRIED_OVER, given, given.at_ms)
    if not was_told and not state.by_one_file:
        news = News(given.event_id, OutcomeWhat.ASSESSED, given, given.member, given.at_ms)
        tell(book, postbox, state, news)
    if looks and given.verdict not in ILLEGAL:
        put_before_a_person(book, state)
    rejudge(book, postbox, item_id)
    tell_of_files(book, postbox, item_id, () if was_told else {given.event_id}, {})
