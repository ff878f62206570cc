"""What other members take back: a sighting, a verdict, or all that they saw of an item (rule 10).

A sighting is taken back along the chain of hand-overs, a verdict wherever it was told. Where it was
carried over with the content, it goes with the last item of which it was said: each member undoes
what it carried over itself, and says so. Nothing ends by it: whether an item is still supported is
for a person to say.
"""

from __future__ import annotations

from node.casework.casebook import Casebook
from node.casework.contents.hits import hits
from node.casework.ending.holding import is_held, is_under_referral
from node.casework.events import EventKind, Withdrawn
from node.casework.incoming.hearing import credible, part_of_story
from node.casework.incoming.under_id import means
from node.casework.item import Informant, ItemState, Review
from node.casework.mistakes.undoing import put_before_a_person, record_taken_back, take_carried_back
from node.casework.postbox import Postbox
from node.casework.telling import News, handed_on_to, teller
from protocol.facts import Sighting
from protocol.messages import Outcome, Withdrawal
from protocol.vocabulary import Disposition, Kind


def hear_withdrawal(
    book: Casebook, postbox: Postbox, peer: str, message: Withdrawal, *, untold: bool = False
) -> Disposition | None:
    """Take a sighting back; whether the item ends is for a person to say (rule 10).

    A member takes back its own, or its predecessor's; or passes on what another took back before it
    in the chain, of which nobody else told. Else that sighting stands, and a person looks. What it
    judged stands until it takes that back itself: it may have been said of another item too.
    `untold`: the terms keep sightings of that member from us, so it may name one not known here.
    """
    state = book.find(message.item_id)
    if state is None:
        ended = book.gone_id(message.item_id, peer)
        return Disposition.PARKED if ended is None else Disposition.WITHDRAWN
    gone = [
        sighting
        for sighting in state.sightings
        if sighting.member != book.us
        and message.sighting_id in (None, sighting.sighting_id)
        and (message.sighting_id is not None or sighting.member == peer)
    ]
    told_us = any(informant.member == peer for informant in state.informants)
    if told_us and untold and message.sighting_id is not None and not gone:
        return Disposition.WITHDRAWN
    if not told_us or (message.sighting_id is not None and not gone):
        return Disposition.NOT_PERMITTED
    if message.sighting_id is not None and teller(postbox, peer, gone[0].member) is not None:
        tellers = _tellers(state, gone[0])
        if tellers != {peer}:
            return _only_said(book, state) if peer in tellers else Disposition.NOT_PERMITTED
    author = gone[0].member if message.sighting_id is not None else peer
    if gone:  # else it was taken back before, and said again the history would have no end
        body = Withdrawn(author, message.sighting_id)
        state = book.record(state.id, EventKind.WITHDRAWN, body, at_ms=message.at_ms, actor=author)
    looked_at = put_before_a_person(book, state)
    _pass_on_withdrawals(book, postbox, state, [s.sighting_id for s in gone], message.at_ms)
    if is_held(state, book.now) or is_under_referral(state):
        return Disposition.RESTRICTED
    return Disposition.FOR_A_PERSON if looked_at else Disposition.WITHDRAWN


def _only_said(book: Casebook, state: ItemState) -> Disposition:
    """Let a person look at what one says that another took back, while others tell of it."""
    book.raise_review(state.id, Review.WITHDRAWAL)
    return Disposition.FOR_A_PERSON


def _tellers(state: ItemState, sighting: Sighting) -> set[str]:
    """Return who told us of a sighting; where it was told before that was kept, all may have.

    Who saw it told us itself where it told us of the item.
    """
    reported = {informant.member for informant in state.informants}
    by = {who for seen, who in state.relayed if seen == sighting.sighting_id}
    if not by and state.told_hops is None and state.came_from is not None:
        return reported  # recorded by an earlier version
    itself = {sighting.member} & reported
    return by | itself or reported


def _pass_on_withdrawals(
    book: Casebook, postbox: Postbox, state: ItemState, sightings: list[str], at_ms: int
) -> None:
    """Along the chain each sighting is named, since there the sender is not its author."""
    to = handed_on_to(book, state)
    if to is None:
        return
    for sighting in sightings:
        passed = Withdrawal(state.id, sighting, at_ms)
        subject = f"{state.id}|withdrawal|{sighting}|{state.revision}"  # it may have come again
        book.say(postbox, to, Kind.WITHDRAWAL, passed, subject=subject, item=state.id)


def hear_verdict_withdrawn(
    book: Casebook, postbox: Postbox, state: ItemState, peer: str, message: Outcome
) -> Disposition | None:
    """A verdict goes from wherever it was told, by the ways on which it was told.

    As with the verdict itself, anybody in the story may bring the news, and nobody our own. Where
    the item is ours a person looks at what is left to support it. What another than its author
    says takes back what stands by hearsay alone: else a person looks, and the author's own word
    counts whenever it comes.
    """
    if not part_of_story(state, peer) or not _is_a_verdict(book, postbox, state, peer, message):
        return Disposition.NOT_PERMITTED
    held = any(given.event_id == message.event_id for given in state.assessments)
    if not held and not means(book.us, postbox, state, peer, message.item_id):
        return Disposition.PARKED  # as the verdict is (`hear_outcome`)
    news = News(message.event_id, message.what, None, message.author, message.at_ms)
    heard_from = Informant(peer, message.item_id)
    told_by = teller(postbox, peer, message.author)
    if told_by is None:
        _take_verdict_back(book, postbox, state.id, news, heard_from)
    elif _goes_by_hearsay(book, state, news.event_id):
        record_taken_back(book, postbox, state.id, news, heard_from, told_by)
    if held:
        put_before_a_person(book, book.loaded.items[state.id])
    return None


def _take_verdict_back(
    book: Casebook, postbox: Postbox, item_id: str, news: News, heard_from: Informant
) -> None:
    """Record once that its author took a verdict back, and tell whom the verdict was told."""
    state = book.loaded.items[item_id]
    stands = any(given.event_id == news.event_id for given in state.assessments)
    if stands or not state.has_heard(news.event_id):
        record_taken_back(book, postbox, item_id, news, heard_from)
    take_carried_back(book, postbox, item_id, news)


def _goes_by_hearsay(book: Casebook, state: ItemState, event_id: str) -> bool:
    """Whether another than its author can have a verdict taken from the item.

    Not what the author said of it, or of its content in its list; and once is enough.
    """
    in_its_list = any(
        hit.given is not None and hit.given.event_id == event_id for hit in hits(book, state)
    )
    return not in_its_list and not state.has_heard(event_id) and event_id not in state.heard


def _is_a_verdict(
    book: Casebook, postbox: Postbox, state: ItemState, peer: str, message: Outcome
) -> bool:
    """Whether this may be the author's own word about a verdict, and not of ours or an action.

    That an action bears the id by another's word alone says nothing to its author.
    """
    own = message.author != book.us and credible(message.event_id, message.author)
    acted = any(action.event_id == message.event_id for action in state.actions)
    by_itself = teller(postbox, peer, message.author) is None and message.event_id in state.hearsay
    return own and (by_itself or not acted)
