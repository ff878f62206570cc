"""Verdicts go with content: nobody need view the same file twice (rule 2).

When an item comes with known content, when hashes become known later, and when a verdict is given
here or heard: what may be carried over is recorded on every item with the same content, and told to
those who reported it. What came so goes again with what it came from (`withdrawing`), unless it is
said of the item itself as well. What another said of its author's verdict stays on the item of
which it was said, until the author's own word is here. Nothing is joined or closed by a hash that
came late; two open items of one content at different addresses stay two items.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from heapq import heapify, heappop
from itertools import islice

from node.casework.casebook import Casebook
from node.casework.contents.crowds import Hearers, hearers, near_choices
from node.casework.contents.hits import (
    is_harmless_there,
    leaves_one_unseen,
    waits_for_a_look,
)
from node.casework.contents.seeing import seen_by
from node.casework.events import EventKind, Settled
from node.casework.incoming.bounding import is_full
from node.casework.item import MAX_SUGGESTIONS, Custody, ItemState, Review, Suggestion
from node.casework.mistakes.undoing import put_before_a_person
from node.casework.postbox import Postbox
from node.casework.telling import ILLEGAL, News, note, tell, tell_withheld
from node.matching.contents import Likeness, closeness, likeness, pictures_of
from node.matching.duplicates import Judgement, carries, is_of_files, is_seen
from node.matching.fingerprints import content_keys
from protocol.facts import Assessment, Content
from protocol.vocabulary import ItemKind, OutcomeWhat, Verdict


def rejudge(book: Casebook, postbox: Postbox, item_id: str, leaving: str | None = None) -> None:
    """Carry verdicts over between this item and all that are now known to have its content.

    To none that is `leaving`: it is erased in the same decision.
    """
    mark = len(book.events)
    if item_id != leaving:
        _ask_of_unseen(book, item_id)  # before a verdict goes anywhere with a file that waits
    reached = _carry_between(book, postbox, item_id, leaving)
    watch_verdicts(book, item_id)
    if item_id != leaving:
        _watch_files(book, postbox, item_id, reached, mark)
    _suggest_between(book, item_id)
    asked = set(pictures_of(book.loaded.items[item_id].content))
    for one in reached:  # what a verdict went to may have a picture that nothing here had
        pictures = set(pictures_of(book.loaded.items[one].content))
        if not pictures <= asked:
            _suggest_between(book, one)
        asked |= pictures


def waiting(book: Casebook, item_id: str) -> ItemState | None:
    """Return an item of which something waits for a look that a member's verdict may be."""
    state = book.loaded.items[item_id]
    away = state.custody is Custody.HANDED_ON and waits_for_a_look(book, state, {})
    return state if state.unseen or away else None


def judge_anew(
    book: Casebook, postbox: Postbox, item_id: str, waited: ItemState | None = None
) -> None:
    """Judge an item again since a member judged it; see `rejudge`.

    `waited`: see `waiting`. If that was the look, nobody is asked any more, and all is told.
    """
    state = book.loaded.items[item_id]
    looked = waited is not None and bool(waited.unseen) and not state.unseen
    by_it = looked and Review.SUGGESTED_VERDICT in state.reviews
    if by_it and not (is_suggested_otherwise(state) or leaves_one_unseen(book, state, {})):
        settle_carried(book, item_id)
    rejudge(book, postbox, item_id)
    if waited is not None:
        tell_withheld(book, postbox, waited)


def _ask_of_unseen(book: Casebook, item_id: str) -> None:
    """Put an item before a person that has a file at which nobody looked; not what went on with it.

    Whoever was handed it without its files can look at none of them.
    """
    state = book.loaded.items[item_id]
    if state.unseen and (state.custody is not Custody.HANDED_ON or state.untold):
        book.raise_review(item_id, Review.SUGGESTED_VERDICT)


def carry_on(book: Casebook, postbox: Postbox, item_id: str) -> None:
    """Carry verdicts over to this item and from it; of a file that nobody saw a person is asked."""
    mark = len(book.events)
    reached = _carry_between(book, postbox, item_id)
    _watch_files(book, postbox, item_id, reached, mark)


def _carry_between(
    book: Casebook, postbox: Postbox, item_id: str, leaving: str | None = None
) -> list[str]:
    """Carry verdicts over to this item and from it; who contradicts is seen where any went.

    And from there on, to items that have the file in common with those alone: else it would hang on
    the order in which they came whether somebody need view it. Returns which others it reached.
    """
    due, reached, done = [item_id], list[str](), set[object]()
    while due:
        here = due.pop()
        if here != leaving:
            _carry_to(book, postbox, here)
        state = book.loaded.items[here]
        waits = Review.SUGGESTED_VERDICT in state.reviews
        said = frozenset((one.event_id, seen_by(state, one)) for one in state.vouched)
        if (leads := (state.content, state.unseen, waits, bool(state.sightings), said)) in done:
            continue  # from equal ones it goes to the same items: of one file there may be many
        done.add(leads)
        went = _carry_from(book, postbox, here, leaving)
        due += went
        reached += went
    return reached


def _carry_to(book: Casebook, postbox: Postbox, item_id: str) -> None:
    """Carry over to an item what was judged of its content elsewhere, from the oldest item on."""
    sources = _givers(book, item_id)
    while sources:
        target, other = book.loaded.items[item_id], book.loaded.items[heappop(sources)]
        late = not other.sightings
        if _is_alike(target, other) and _carry(book, postbox, other.id, item_id, only_later=late):
            watch_verdicts(book, item_id)
            sources = _givers(book, item_id, after=other.id)


def _carry_from(book: Casebook, postbox: Postbox, item_id: str, leaving: str | None) -> list[str]:
    """Carry over what was judged of an item to those that have its content; return which got it."""
    source = book.loaded.items[item_id]
    takers = set().union(*(each.takers(source) for each in _crowds(book, source)))
    book.crowds.looked += len(takers)
    here = (takers - {leaving}) & book.loaded.items.keys()
    reached = []
    for other in map(book.loaded.items.__getitem__, sorted(here)):
        late = not other.sightings
        if _is_alike(source, other) and _carry(book, postbox, item_id, other.id, only_later=late):
            watch_verdicts(book, other.id)
            reached.append(other.id)
    return reached


def _givers(book: Casebook, item_id: str, after: str = "") -> list[str]:
    target = book.loaded.items[item_id]
    found = set().union(*(each.givers(target) for each in _crowds(book, target)))
    book.crowds.looked += len(found)
    sources = [one for one in found if one > after and one in book.loaded.items]
    heapify(sources)
    return sources


def _crowds(book: Casebook, state: ItemState) -> list[Hearers]:
    """Return those that others are in, too."""
    keys = dict.fromkeys(content_keys(book.fingerprints, state.content))
    return [hearers(book, key) for key in keys if len(book.loaded.by_key.get(key, ())) > 1]


def _is_alike(one: ItemState, other: ItemState) -> bool:
    """Whether two items have the same content."""
    same = likeness(other.content, one.content, pictures=False) is Likeness.SAME
    return same and one.matter is other.matter


def suggestion(
    book: Casebook, judgement: Judgement, content: Sequence[Content]
) -> Suggestion | None:
    """Say whose verdict a row of the table suggests for `content`, and how near that comes.

    To be asked before the item that it names changes.
    """
    if judgement.review is not Review.SUGGESTED_VERDICT or judgement.item is None:
        return None
    return _by(book.loaded.items[judgement.item], content)


def _by(source: ItemState, content: Sequence[Content]) -> Suggestion | None:
    near = closeness(content, source.content)
    return None if near is None else Suggestion(source.id, near)


def _suggest_between(book: Casebook, item_id: str) -> None:
    """Suggest the verdict on this item where another looks like it, and the other way round."""
    state = book.loaded.items[item_id]
    found: dict[str, None] = {}
    for pdq in pictures_of(state.content):
        near = near_choices(book, pdq)
        found |= dict.fromkeys(
            sorted({i for each in near for i in (each.unknown if state.known else each.known)})
        )
    book.crowds.looked += len(found)
    for other in map(book.loaded.items.__getitem__, found):
        source, target = (other, state) if other.known else (state, other)
        if _takes_suggestions(target) and _looks_like(state, other):
            by = _by(source, target.content)
            book.raise_review(target.id, Review.SUGGESTED_VERDICT, by)
            state = book.loaded.items[item_id]


def _takes_suggestions(target: ItemState) -> bool:
    """Whether a verdict can be suggested for it still."""
    ours = target.custody in (Custody.HERE, Custody.LOCATING)
    waits = Review.SUGGESTED_VERDICT in target.reviews
    full = waits and len(target.suggestions) >= MAX_SUGGESTIONS
    return ours and target.closed_ms is None and not full


def _looks_like(one: ItemState, other: ItemState) -> bool:
    pictures = ItemKind.VIDEO not in (one.kind, other.kind)
    return (
        bool(one.sightings and other.sightings)
        and one.matter is other.matter
        and likeness(one.content, other.content, pictures=pictures) is Likeness.NEAR
    )


def bring_verdicts(book: Casebook, postbox: Postbox, item_id: str) -> None:
    """Carry over to this item what was judged of its content elsewhere."""
    mark = len(book.events)
    _carry_to(book, postbox, item_id)
    watch_verdicts(book, item_id)
    _watch_files(book, postbox, item_id, (), mark)


def _watch_files(
    book: Casebook, postbox: Postbox, item_id: str, reached: Iterable[str], mark: int
) -> None:
    """Put items before a person that verdicts made known by some of their files; they stand.

    This one, and those that they `reached` and that nobody had judged before: of one that was known
    a verdict more leaves no file to look at that was none before. Once each file is judged
    somewhere, nobody need look, and the verdicts are told.
    """
    asked: dict[Content, bool] = {}
    came = {
        (event.item, event.body.event_id)
        for event in islice(book.events, mark, None)
        if event.kind is EventKind.CARRIED_OVER and isinstance(event.body, Assessment)
    }
    for one in dict.fromkeys((item_id, *reached)):
        state = book.loaded.items[one]
        brought = {a.event_id for a in state.in_force if (one, a.event_id) in came}
        if brought:  # by hearsay they may have been told
            tell_of_files(book, postbox, one, (), asked)
        before = [a for a in state.in_force if a.event_id not in brought]
        fresh = one == item_id or all(a.verdict is Verdict.UNASSESSABLE for a in before)
        waits = Review.SUGGESTED_VERDICT in state.reviews
        if (waits and not _by_carrying(state)) or not (waits or fresh):
            continue
        leaves = leaves_one_unseen(book, state, asked)
        ours = state.custody in (Custody.HERE, Custody.LOCATING) and state.closed_ms is None
        if leaves and ours and not waits:
            book.raise_review(one, Review.SUGGESTED_VERDICT)
        elif waits and not leaves:
            settle_carried(book, one)
            tell_of_files(book, postbox, one, (), asked)


def tell_of_files(
    book: Casebook,
    postbox: Postbox,
    item_id: str,
    fresh: Collection[str],
    asked: dict[Content, bool],
) -> None:
    """Tell the verdicts that came to an item by one of its several files, unless a look is due.

    Whoever hears of a verdict on an item takes it for one on all its files. `fresh`: those that
    came only now; the others may have been told before.
    """
    state = book.loaded.items[item_id]
    by_files = [a for a in state.in_force if a.event_id in state.by_one_file]
    if not by_files or waits_for_a_look(book, state, asked):
        return
    for a in by_files:
        anew = a.event_id not in fresh
        news = News(a.event_id, OutcomeWhat.ASSESSED, a, a.member, a.at_ms, anew=anew)
        tell(book, postbox, state, news)


def _by_carrying(state: ItemState) -> bool:
    """Whether nothing else suggests a verdict than that other items had some of its files."""
    return bool(state.carried) and not is_suggested_otherwise(state)


def is_suggested_otherwise(state: ItemState) -> bool:
    """Whether lists, items that look alike or a file that nobody saw ask for a look."""
    by_lists = any(Review.SUGGESTED_VERDICT in one.raised for one in state.listed)
    return bool(state.suggestions or state.unseen or by_lists)


def settle_carried(book: Casebook, item_id: str) -> None:
    """Let it go that a verdict came by some of its files alone."""
    body = Settled(Review.SUGGESTED_VERDICT, unlooked=True)
    book.record(item_id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)


def _carry(book: Casebook, postbox: Postbox, from_id: str, to_id: str, *, only_later: bool) -> bool:
    """Record on the one item the verdicts on the other that carry, and tell; whether any did.

    `only_later`: only what goes after a word of its author that stands there, since nobody says
    any more that the other item is there. What its author said last counts on it all the same.
    """
    source, target = book.loaded.items[from_id], book.loaded.items[to_id]
    goes = not only_later and is_seen(source, target.content)
    fresh = [
        given
        for given in source.vouched
        if not target.has_heard(given.event_id)
        and not is_full(book, target, given.member)
        and is_of_files(given, source, target.content)
        and (follows(given, target) or (goes and carries(given, source, book.us)))
        and (given.verdict not in ILLEGAL or not is_harmless_there(book, given, source, target))
    ]
    for one in fresh:
        state = note(book, to_id, EventKind.CARRIED_OVER, one, one.at_ms)
        if not target.has_been_told(one.event_id) and not state.by_one_file:
            news = News(one.event_id, OutcomeWhat.ASSESSED, one, one.member, one.at_ms)
            tell(book, postbox, state, news)
        if one.verdict not in ILLEGAL and one.member != book.us:
            put_before_a_person(book, state)  # it was known by the word that this one corrects
    return bool(fresh)


def follows(given: Assessment, target: ItemState) -> bool:
    """Whether its author said otherwise of the target before: a correction goes after the word.

    Whatever the verdict, and whatever waits: the old word went on without a look as well. Either
    may be heard first, and of items that its author never saw nobody else would say so.
    """
    return any(
        old.member == given.member and (old.at_ms, old.event_id) < (given.at_ms, given.event_id)
        for old in target.assessments
    )


def said_here(book: Casebook, postbox: Postbox, state: ItemState, given: Assessment) -> None:
    """Note that a verdict that was carried over to this item is now said of the item itself.

    Everybody has heard it, unless it came by one of several files and waited for a look. From now
    on it stays here if it goes from where it came from.
    """
    if given not in state.assessments or given.event_id not in state.carried:
        return
    by_carrying = Review.SUGGESTED_VERDICT in state.reviews and _by_carrying(state)
    after = note(book, state.id, EventKind.ASSESSED, given, given.at_ms)
    _ask_of_unseen(book, state.id)
    if given.event_id in state.by_one_file:
        news = News(
            given.event_id, OutcomeWhat.ASSESSED, given, given.member, given.at_ms, anew=True
        )
        tell(book, postbox, after, news)
    if by_carrying and not waits_for_a_look(book, after, {}):
        settle_carried(book, state.id)
        tell_of_files(book, postbox, state.id, (), {})


def watch_correction(book: Casebook, item_id: str, given: Assessment) -> None:
    """Let a person look where another says that an author corrected its own word, which stands."""
    state = book.loaded.items[item_id]
    own = [one for one in state.vouched if one.member == given.member]
    if state.is_hearsay(given) and any(one.verdict is not given.verdict for one in own):
        put_before_a_person(book, state)


def watch_verdicts(book: Casebook, item_id: str) -> None:
    """Verdicts that contradict each other go to a person, whatever order they came in."""
    if differ(book.loaded.items[item_id]):
        book.raise_review(item_id, Review.VERDICTS_DIFFER)


def differ(state: ItemState) -> bool:
    """Whether one member holds it illegal, and another not."""
    verdicts = {given.verdict for given in state.in_force}
    return Verdict.NOT_ILLEGAL in verdicts and not verdicts.isdisjoint(ILLEGAL)
