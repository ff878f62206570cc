"""What lists of known content say of items: a verdict, a suggestion, or that police have it.

When content of an item becomes known here, at intake or later, every list is asked (the store loads
what they say with the rest of a decision). How far a list is followed in a category is its
operator's word: `auto` gives this member's own verdict `baseline`, `suggestion` puts the item
before a person unless somebody has judged it, `none` does nothing, and `benign` says that it is a
harmless file, which no list's word makes illegal unseen (`node.matching.lists.weigh`). What a
member of the network said of contents is a list as well: by `auto` its verdict stands on the item
in its own name, as one that was carried over does (rule 2). Verdicts of members that contradict
each other put the item before a person, whichever came first. That a list of police names it is
noted whatever it is trusted for: it is not new to them. The event `listed` says which list, which
version and which category did it.

Of a picture that looks like an entry (PDQ), and of no video, the entry's word is suggested at most:
a person compares. A harmless file acquits nothing that looks like it, and whoever has judged the
item has looked.

A list never overrules a person: where this member says that something is not illegal, a person
looks once more. Nor does it speak of more than its file: an item that lists alone made known goes
to a person while one of its files is neither known nor harmless by them. An entry that is taken
back, changes, or turns out to be another file once more hashes are known, takes with it what
followed from it (`unlist`): the item is then as if the list had never named it, but for what was
done meanwhile, which a person looks at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from node.casework.casebook import Casebook
from node.casework.contents import heeding
from node.casework.contents.hits import hits, leaves_one_unjudged, leaves_one_unseen, standing
from node.casework.contents.rejudging import rejudge, tell_of_files
from node.casework.events import EventKind, Settled
from node.casework.item import Custody, ItemState, Listing, Review
from node.casework.mistakes.undoing import has_verdict, take_everywhere_back
from node.casework.postbox import Postbox
from node.casework.telling import News, note, tell
from node.ids import Ids
from node.matching.contents import Likeness
from node.matching.lists import HARMLESS, Hit, Provenance, Trust
from protocol.facts import Assessment
from protocol.vocabulary import Matter, OutcomeWhat, Verdict

JUDGED = frozenset(Verdict) - {Verdict.UNASSESSABLE}


def match_lists(book: Casebook, ids: Ids, postbox: Postbox, items: Iterable[str] = ()) -> None:
    """Ask the lists about every item that this decision changed, or about these `items`.

    What lists say is recorded in nobody's name.
    """
    if not book.loaded.listed:
        return
    by, book.by = book.by, None
    for item_id in list(items or book.changed):
        state = book.loaded.items.get(item_id)
        if state is None or state.matter is not Matter.CSAM:
            continue
        said = hits(book, state)
        others = _parted(book, item_id, _of_others(book, state, said))
        if others:
            _ask_without(book, ids, postbox, item_id, others)
            continue
        for hit in said:  # of what nobody reports any more only words of whose author one stands
            now = book.loaded.items[item_id]
            if state.sightings or _stands(now, hit) or _corrects(book, now, hit):
                _take(book, ids, postbox, item_id, hit)
        _ask_of_others(book, item_id, said)
    book.by = by


def _ask_of_others(book: Casebook, item_id: str, said: Iterable[Hit]) -> None:
    """Put an item before a person that lists made known by some of its files alone.

    The verdict stands. That a person looks goes with the entry by which it does.
    """
    state, review = book.loaded.items[item_id], Review.SUGGESTED_VERDICT
    asks = state.custody in (Custody.HERE, Custody.LOCATING) and state.closed_ms is None
    if not asks or review in state.reviews or not leaves_one_unjudged(state, said, book.us):
        return
    one = next(one for one in state.listed if has_verdict(state, one.verdict or ""))
    heeding.let_go(book, item_id, one)
    body = replace(one, raised=(*one.raised, review))
    book.record(item_id, EventKind.LISTED, body, at_ms=book.now, actor=book.us)
    book.raise_review(item_id, review)


def _of_others(book: Casebook, state: ItemState, said: Iterable[Hit]) -> set[int]:
    """Return the entries that spoke of the item, stand, and are of none of its files."""
    if not state.listed:
        return set()
    stand = standing(book, state)
    spoke = {
        one.entry for one in state.listed if one.verdict is None or one.trust is not Trust.NONE
    }
    return spoke & stand - {hit.number for hit in said}


def _parted(book: Casebook, item_id: str, others: set[int]) -> set[int]:
    """Return those of these entries of other files whose word is ours to take back.

    A member's verdict that stands by one stays in its name, which it alone takes back: it is noted
    as one that counts for nothing here, and a person looks.
    """
    state = book.loaded.items[item_id]
    theirs = {one.event_id for one in state.assessments if one.member != book.us}
    stay = [one for one in state.listed if one.entry in others and one.verdict in theirs]
    for one in stay:
        state = heeding.let_go(book, item_id, one)
        settle_raised(book, item_id, one)
        review = Review.SUGGESTED_VERDICT
        asks = state.custody in (Custody.HERE, Custody.LOCATING)
        fresh = asks and review not in book.loaded.items[item_id].reviews
        body = replace(one, trust=Trust.NONE, police=False, raised=(review,) if fresh else ())
        book.record(item_id, EventKind.LISTED, body, at_ms=book.now, actor=book.us)
        if asks:
            book.raise_review(item_id, review)
    return others - {one.entry for one in stay}


def _take(book: Casebook, ids: Ids, postbox: Postbox, item_id: str, hit: Hit) -> None:
    """Let one entry say of an item what it says, once; more if that is surer than before."""
    state = book.loaded.items[item_id]
    known = next((one for one in state.listed if one.entry == hit.number), None)
    counts, police = hit.counts_as, _police_have_it(hit)
    late = _corrects(book, state, hit)
    if known is not None:
        said = known.trust, known.police, known.closeness
        same = said == (counts, police, hit.closeness) and not late
        stays = known.verdict is not None and not hit.guarded and hit.closeness is None
        if same or stays:
            return
        if hit.given is not None and heeding.stands_by_it(book, state, known, hit.given):
            _recount(book, item_id, known, hit)
            return
        for one in state.listed:
            if one.entry == hit.number:
                _forget(book, postbox, item_id, one)
    says = counts is not Trust.NONE or police or late
    noted = says or hit.silences or _stands(state, hit)  # for its end: others speak, or it goes
    if noted and hit.number > 0:
        _say(book, ids, postbox, item_id, hit)


def _stands(state: ItemState, hit: Hit) -> bool:
    """Whether the verdict that it gives stands on the item, by whatever way it came there."""
    given = hit.given if hit.likeness is not Likeness.NEAR else None
    return given is not None and has_verdict(state, given.event_id)


def _police_have_it(hit: Hit) -> bool:
    return hit.terms.provenance is Provenance.POLICE and hit.terms.may_use and hit.is_sure


def _say(book: Casebook, ids: Ids, postbox: Postbox, item_id: str, hit: Hit) -> None:
    if hit.likeness is Likeness.NEAR:
        _suggest(book, item_id, hit)
        return
    if hit.given is not None:
        _say_for(book, postbox, item_id, hit, hit.given)
        return
    state = book.loaded.items[item_id]
    ours = [one.verdict for one in state.in_force if one.member == book.us]
    denied = heeding.is_denied(book, state)
    judged = not JUDGED.isdisjoint(ours)
    review, verdict = None, None
    if hit.counts_as not in {Trust.NONE, *HARMLESS} and denied:
        review = Review.NOT_ILLEGAL_DOUBTED
    elif hit.counts_as is Trust.AUTO and not judged:
        verdict = ids.mint(book.now)
    elif hit.counts_as is Trust.SUGGESTION and not state.known:
        review = Review.SUGGESTED_VERDICT
    _note(book, item_id, hit, verdict, review)
    if verdict is not None:
        _assess(book, postbox, item_id, verdict)
    _answer_suggestions(book, postbox, item_id, hit)


def _suggest(book: Casebook, item_id: str, hit: Hit) -> None:
    """Put an item that looks like an entry before a person, unless somebody has judged it."""
    state = book.loaded.items[item_id]
    open_still = not state.known and not heeding.is_denied(book, state)
    _note(book, item_id, hit, None, Review.SUGGESTED_VERDICT if open_still else None)


def _answer_suggestions(book: Casebook, postbox: Postbox, item_id: str, hit: Hit) -> None:
    """Let go what lists suggest of an item that an entry made known: nobody need compare any more.

    What other items suggest stays: their pictures, or the law that they were judged by, may differ.
    So it does while lists speak of some of its files alone.
    """
    state = book.loaded.items[item_id]
    suggested = Review.SUGGESTED_VERDICT
    by_lists = any(suggested in one.raised for one in state.listed) and not state.suggestions
    answers = hit.counts_as is Trust.AUTO and not hit.acquits and state.known and not state.unseen
    if not (answers and by_lists and suggested in state.reviews):
        return
    if not leaves_one_unjudged(state, hits(book, state), book.us):
        body = Settled(suggested)
        book.record(item_id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)
        tell_of_files(book, postbox, item_id, (), {})


def _note(
    book: Casebook, item_id: str, hit: Hit, verdict: str | None, review: Review | None
) -> None:
    """Record what an entry says of an item, and what follows from it."""
    raised = () if review is None or review in book.loaded.items[item_id].reviews else (review,)
    body = Listing(
        hit.number,
        hit.terms.name,
        hit.version,
        hit.category,
        hit.counts_as,
        _police_have_it(hit),
        hit.external_id,
        verdict,
        raised,
        hit.closeness,
        hit.place,
    )
    book.record(item_id, EventKind.LISTED, body, at_ms=book.now, actor=book.us)
    if hit.closeness is not None:
        book.add_key(book.fingerprints.entry(hit.number), item_id)
    if review is not None:
        book.raise_review(item_id, review)


def _say_for(book: Casebook, postbox: Postbox, item_id: str, hit: Hit, given: Assessment) -> None:
    """Let a member's verdict on a content stand on the item, or be suggested for it."""
    state = book.loaded.items[item_id]
    followed = hit.counts_as is Trust.AUTO and not state.has_heard(given.event_id)
    late = _corrects(book, state, hit)
    stands = followed or late
    verdict = given.event_id if stands else None
    says = stands or hit.counts_as is not Trust.NONE
    review = heeding.review_of(state, hit, given, hits(book, state)) if says else None
    _note(book, item_id, hit, verdict, review)
    if stands:
        heeding.carry(book, postbox, item_id, given, looks=late)
    _answer_suggestions(book, postbox, item_id, hit)
    _ask_of_less(book, item_id)


def _ask_of_less(book: Casebook, item_id: str) -> None:
    """Put an item before a person that is held illegal by words alone that are followed less."""
    for one, hit in heeding.followed_less(book, book.loaded.items[item_id]):
        _recount(book, item_id, one, hit)


def _corrects(book: Casebook, state: ItemState, hit: Hit) -> bool:
    return heeding.corrects(state, hit, lambda: standing(book, state))


def _assess(book: Casebook, postbox: Postbox, item_id: str, event_id: str) -> None:
    given = Assessment(event_id, book.us, Verdict.BASELINE, None, (), None, book.now)
    state = note(book, item_id, EventKind.ASSESSED, given, book.now)
    if not state.by_one_file:
        news = News(event_id, OutcomeWhat.ASSESSED, given, book.us, book.now)
        tell(book, postbox, state, news)
    rejudge(book, postbox, item_id)
    tell_of_files(book, postbox, item_id, {event_id}, {})


def unlist(book: Casebook, ids: Ids, postbox: Postbox, gone: Collection[int]) -> None:
    """Undo what followed from entries that stand no more; what others say counts again."""
    by, book.by = book.by, None
    for item_id in sorted(book.loaded.items):
        listed = book.loaded.items[item_id].listed
        ended = [one for one in listed if one.entry in gone]
        if ended:
            for one in ended:
                _let_go_on(book, item_id, one)
            _ask_without(book, ids, postbox, item_id, gone)
    book.by = by


def _let_go_on(book: Casebook, item_id: str, one: Listing) -> None:
    """Let a member's verdict stand by another account of its file, if there is one."""
    if one.verdict is None:
        return
    state = book.loaded.items[item_id]
    for hit in hits(book, state):
        if hit.given is not None and hit.given.event_id == one.verdict and hit.is_sure:
            for other in state.listed:
                if other.entry == hit.number:
                    heeding.let_go(book, item_id, other)
            _recount(book, item_id, one, hit)
            return


def _ask_without(
    book: Casebook, ids: Ids, postbox: Postbox, item_id: str, gone: Collection[int]
) -> None:
    """Undo what followed from these entries of one item, and ask the lists that have it."""
    listed = book.loaded.items[item_id].listed
    for one in listed:
        without_effect = one.verdict is None and not one.raised
        if one.entry in gone or without_effect:
            _forget(book, postbox, item_id, one)
    match_lists(book, ids, postbox, [item_id])
    if any(Review.VERDICTS_DIFFER in one.raised for one in listed):
        before = book.loaded.items[item_id].reviews
        settle_difference(book, item_id)
        if book.loaded.items[item_id].reviews != before:  # who contradicted suggests by itself
            ask_again(book, ids, postbox, item_id)


def match_anew(book: Casebook, ids: Ids, postbox: Postbox, items: Iterable[str]) -> None:
    """Ask the lists about these items, which may count otherwise than when they were asked.

    The items are then as if the lists had always been followed as they are now. But a member's
    verdict that stands in its own name, told on as such, is its own to take back: where it is
    followed less far, a person looks.
    """
    by, book.by = book.by, None
    for item_id in sorted(items):
        state = book.loaded.items.get(item_id)
        if state is None:  # erased since it was found
            continue
        said = {hit.number: hit for hit in hits(book, state)}
        gone = _parted(book, item_id, _of_others(book, state, said.values()))
        for one in book.loaded.items[item_id].listed:
            hit = said.get(one.entry)
            if hit is None or (hit.counts_as, _police_have_it(hit)) == (one.trust, one.police):
                continue
            if hit.silent and one.verdict is not None:  # it was followed before a later word came
                continue
            if hit.given is not None and heeding.stands_by_it(book, state, one, hit.given):
                _recount(book, item_id, one, hit)
            else:
                gone.add(one.entry)
        if gone:
            _ask_without(book, ids, postbox, item_id, gone)
        else:
            match_lists(book, ids, postbox, [item_id])
    book.by = by


def _recount(book: Casebook, item_id: str, one: Listing, hit: Hit) -> None:
    """Note that a member's verdict, which stays, is followed otherwise now."""
    state = heeding.let_go(book, item_id, one)
    settle_raised(book, item_id, one)
    ours = state.custody in (Custody.HERE, Custody.LOCATING)
    less = hit.counts_as is not Trust.AUTO and not hit.silent
    _note(book, item_id, hit, one.verdict, Review.SUGGESTED_VERDICT if less and ours else None)


def settle_difference(book: Casebook, item_id: str) -> None:
    """Where nobody contradicts anybody any more, no person need look."""
    state = book.loaded.items[item_id]
    if Review.VERDICTS_DIFFER in state.reviews and not heeding.differ(state, hits(book, state)):
        body = Settled(Review.VERDICTS_DIFFER)
        book.record(item_id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)


def ask_again(book: Casebook, ids: Ids, postbox: Postbox, item_id: str) -> None:
    """Ask the lists again that had nothing to add to an item that is not judged so any more.

    And those whose word a person had answered with the verdict that is gone. Where this member says
    that it is not illegal, somebody has looked.
    """
    state = book.loaded.items[item_id]
    judged = any(one.member == book.us for one in state.in_force if one.verdict in JUDGED)
    theirs = {hit.number for hit in hits(book, state) if hit.given is not None}
    for one in state.listed if not heeding.is_denied(book, state) else ():
        auto = not judged and one.entry not in theirs  # a member's own verdict stands, or went
        waits = {Trust.AUTO: auto, Trust.SUGGESTION: not state.known}.get(one.trust, False)
        waits |= any(review not in state.reviews for review in one.raised)
        if waits and one.verdict is None:
            _forget(book, postbox, item_id, one)
    match_lists(book, ids, postbox, [item_id])
    _ask_of_less(book, item_id)


def _forget(book: Casebook, postbox: Postbox, item_id: str, one: Listing) -> None:
    """Undo what one entry said of an item."""
    state = heeding.let_go(book, item_id, one)
    if one.verdict is not None and any(a.event_id == one.verdict for a in state.assessments):
        take_everywhere_back(book, postbox, item_id, one.verdict)
    settle_raised(book, item_id, one)


def settle_raised(book: Casebook, item_id: str, one: Listing) -> None:
    """Let go what an entry put before a person, that is gone, unless others do so too."""
    state = book.loaded.items[item_id]
    still = {Review.VERDICTS_DIFFER}  # that is for whoever sees all of them
    still |= {review for other in state.listed for review in other.raised}
    if state.suggestions or state.unseen or leaves_one_unseen(book, state, {}):  # others ask, too
        still.add(Review.SUGGESTED_VERDICT)
    for review in one.raised:
        if review in state.reviews and review not in still:
            body = Settled(review)
            book.record(item_id, EventKind.SETTLED, body, at_ms=book.now, actor=book.us)
