"""Telling others what became of an item: everybody who reported it, and who is responsible now.

One rule for all outcomes: whoever learns one passes it to each member that told it of the item and,
where it handed the item on, to the member it handed it to; never back under the id under which it
came. An event carries an id that is unique in the network, so that what comes round again has no
effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from node.casework.casebook import Casebook
from node.casework.contents.hits import says_no_more, waits_for_a_look
from node.casework.events import EventKind
from node.casework.item import Custody, Informant, ItemState, Review
from node.casework.postbox import Postbox
from protocol.facts import ActionTaken, Assessment, Moved
from protocol.messages import Item, Outcome, Sighted
from protocol.vocabulary import Action, Disposition, Kind, Lane, OutcomeWhat, Verdict

Payload = Assessment | ActionTaken | Moved | None


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell: its network-wide id, what it is, who did it and when it happened.

    `responsible`: who took over by it; None: who is responsible as we know it. `anew`: other words
    were told under this id before.
    """

    event_id: str
    what: OutcomeWhat
    payload: Payload
    author: str
    at_ms: int
    responsible: str | None = None
    anew: bool = False


ILLEGAL: Final = frozenset({Verdict.BASELINE, Verdict.NATIONAL})
"""What a verdict says that holds an item illegal, anywhere or by one law."""
REPORTED_IN_VAIN: Final = "reported_in_vain"
"""Task: a closed item was reported again, and who it was handed to looks at it no more."""
REPORTED_AGAIN_UNSEEN: Final = "reported_again_unseen"
"""Task: the time of a closed item is over, and it was reported again, but nobody has looked."""
CHILD_AT_RISK_SINCE: Final = "child_at_risk_since"
"""Task: of a closed item that another has it is said for the first time that a child is at risk."""
_WHERE_IT_WENT = frozenset({OutcomeWhat.MOVED, OutcomeWhat.RESPONSIBLE_CHANGED})


def tell(
    book: Casebook,
    postbox: Postbox,
    state: ItemState,
    news: News,
    *,
    heard_from: Informant | None = None,
) -> None:
    """Tell everybody concerned, except `heard_from` and the author itself.

    `heard_from` is who told us, and the id under which: what is one item here may be two there, and
    under the other id it has not heard. Where it went is told to whom it came from, and not after
    it: who an item is handed to has the item itself.
    """
    upstream = news.what in _WHERE_IT_WENT
    moved = news.payload if news.author == book.us and isinstance(news.payload, Moved) else None
    holder = None if moved is None else Informant(moved.to_member, state.id)
    for informant in state.informants if upstream else audience(book, state):
        if informant.member != news.author and informant not in (heard_from, holder):
            tell_one(book, postbox, state, informant, news)


def audience(book: Casebook, state: ItemState) -> list[Informant]:
    """Who is concerned: every informant under each id it knows, and the member handed to.

    The member handed to may have told us of the item under another id before; it need not have
    joined the two, so it is told under both.
    """
    concerned = list(state.informants)
    handed_to = handed_on_to(book, state)
    if handed_to is not None and Informant(handed_to, state.id) not in concerned:
        concerned.append(Informant(handed_to, state.id))
    return concerned


def handed_on_to(book: Casebook, state: ItemState) -> str | None:
    """The member this node handed the item to (who may have handed it on since)."""
    if state.custody is not Custody.HANDED_ON:
        return None
    ours = [n for n, hop in enumerate(state.hops) if hop.member == book.us]
    if ours and ours[-1] + 1 < len(state.hops):
        return state.hops[ours[-1] + 1].member
    return state.responsible


def is_with_nobody(book: Casebook, postbox: Postbox, state: ItemState) -> bool:
    """Whether a closed item is handed on to one that can look at it no more.

    It erased the item, or is no active member: told that the place is reported again, it does
    nothing. An open one comes back (`custody.is_left`, `recalling`).
    """
    to = None if state.closed_ms is None else handed_on_to(book, state)
    if to is None:
        return False
    gone = to in state.erased_at or not postbox.reaches(to)
    return gone or _may_be_unknown_there(book, state)


def _may_be_unknown_there(book: Casebook, state: ItemState) -> bool:
    """Whether we were rebuilt, and who we had handed it to has not said since that it has it.

    It may have lost it, too, and our hand-over is nowhere. Only an open one is handed over again
    (`whereabouts`).
    """
    unsaid = state.answer in (None, Disposition.FOR_A_PERSON)  # this: it knows it no more
    return unsaid and all(step.by != book.us for step in state.steps)


def is_reported_since(state: ItemState) -> bool:
    """Whether a closed item was found once more after that, and who has it did not close it anew.

    It stood before a person there; what was found not to be illegal is only counted.
    """
    closed_ms = None if state.closed_by is Action.NOT_ILLEGAL else state.closed_ms
    return closed_ms is not None and any(one.found_ms > closed_ms for one in state.sightings)


def is_there_since(state: ItemState, now_ms: int) -> bool:
    """Whether an item that is closed as gone was found, or seen, after that and not after now.

    What is said to have been later than now, by a clock that was wrong, says nothing of that.
    """
    closed_ms = None if state.closed_by is Action.NOT_ILLEGAL else state.closed_ms
    times = (*(one.found_ms for one in state.sightings), state.last_seen_online_ms or 0)
    return closed_ms is not None and any(closed_ms < at_ms <= now_ms for at_ms in times)


def tell_one(
    book: Casebook, postbox: Postbox, state: ItemState, informant: Informant, news: News
) -> None:
    """Tell one member, or its successor, under the id that it knows."""
    addressee = _addressee(book, postbox, state, informant, news)
    payload = news.payload
    waits = isinstance(payload, Assessment) and _waits(book, state, payload, informant.member)
    if addressee is None or waits:
        return
    message = Outcome(
        item_id=informant.item_id,
        event_id=news.event_id,
        author=news.author,
        what=news.what,
        assessment=payload if isinstance(payload, Assessment) else None,
        action=payload if isinstance(payload, ActionTaken) else None,
        moved=payload if isinstance(payload, Moved) else None,
        responsible=news.responsible or state.responsible,
        at_ms=news.at_ms,
        learnt_ms=book.now,
    )
    book.say(
        postbox,
        addressee,
        Kind.OUTCOME,
        message,
        subject=_subject(state, news, informant),
        item=state.id,
        urgency=state.urgency,
    )


def tell_withheld(book: Casebook, postbox: Postbox, before: ItemState) -> None:
    """Tell of an item that waited for a look, and does no more, what was not told of it to all.

    Not what came since `before`: that is told anyhow. Who heard of it earlier hears it once more.
    """
    state = book.loaded.items[before.id]
    if waits_for_a_look(book, state, {}):
        return
    for given in (one for one in state.in_force if one in before.assessments):
        member, at_ms = given.member, given.at_ms
        news = News(given.event_id, OutcomeWhat.ASSESSED, given, member, at_ms, anew=True)
        by_one = given.event_id in before.by_one_file
        for informant in audience(book, state):
            held = by_one or _has_unseen(book, before, informant.member)
            if held and informant.member != member:
                tell_one(book, postbox, state, informant, news)


def _waits(book: Casebook, state: ItemState, given: Assessment, member: str) -> bool:
    """Whether a verdict is told a member only once somebody looked at a file that it has.

    That it is not illegal after all waits at nobody who does not have the item: the word that it
    corrects may have been heard there before the file came.
    """
    if given.verdict is Verdict.UNASSESSABLE or not _has_unseen(book, state, member):
        return False
    acquits = given.verdict is Verdict.NOT_ILLEGAL and any(
        old.member == given.member and old.verdict in ILLEGAL for old in state.assessments
    )
    return not acquits or handed_on_to(book, state) == member


def _has_unseen(book: Casebook, state: ItemState, member: str) -> bool:
    """Whether a member has a file of the item at which nobody here looked.

    It would take a verdict on the item for one on that file, too.
    """
    if not state.unseen:
        return False
    named = state.named or ()
    went = handed_on_to(book, state) == member
    return went or any((member, place) in named for place in state.unseen)


def _subject(state: ItemState, news: News, informant: Informant) -> str:
    """What the message is about, once for each id that it is told under (§5.2).

    That a verdict was taken back is said under the verdict's own event id. What takes the place of
    other words under an id is said each time that it does.
    """
    subject = f"{news.event_id}|{informant.item_id}"
    if news.anew:
        subject += f"|anew|{state.revision}"  # the same words may come again
    return f"{subject}|withdrawn" if news.what is OutcomeWhat.WITHDRAWN else subject


def _addressee(
    book: Casebook, postbox: Postbox, state: ItemState, informant: Informant, news: News
) -> str | None:
    """Who is told in the place of an informant that was merged: its successor; None: nobody.

    A successor that is part of the story is told of it anyhow, and its own doings it knows. That
    an item moved is for who has to do with it: a successor has the predecessor's reporters only.
    """
    heir = postbox.heir_of(informant.member)
    if heir == informant.member:
        return heir
    payload = news.payload
    if news.what in _WHERE_IT_WENT or (
        isinstance(payload, ActionTaken) and payload.action is Action.MOVED
    ):
        return None
    story = {hop.member for hop in state.hops} | {one.member for one in state.informants}
    return None if heir in story | {book.us, news.author, state.responsible} else heir


def held_back(book: Casebook, state: ItemState) -> frozenset[str]:
    """Return the ids of verdicts that came by one of several files, and are told to nobody yet.

    While nobody looked at another file.
    """
    waits = bool(state.by_one_file) and waits_for_a_look(book, state, {})
    return state.by_one_file if waits else silenced(state)


def silenced(state: ItemState) -> frozenset[str]:
    """Return the ids of such verdicts that a later word of their author silences.

    They would be taken for verdicts on all files once that is taken back.
    """
    return state.by_one_file.difference(one.event_id for one in state.in_force)


def tell_so_far(
    book: Casebook,
    postbox: Postbox,
    state: ItemState,
    informant: Informant,
    brought: Item | None,
) -> None:
    """A later reporter hears at once what the first one has heard, but for what it `brought`.

    What we did ourselves it hears from us, though another told it so before.
    """
    known = set(held_back(book, state))
    if brought is not None:
        known |= {one.event_id for one in brought.assessments}
        known |= {one.event_id for one in brought.actions if one.member != book.us}
    told: list[tuple[OutcomeWhat, Assessment | ActionTaken]] = [
        *((OutcomeWhat.ASSESSED, assessment) for assessment in state.assessments),
        *((OutcomeWhat.ACTED, action) for action in state.actions),
    ]
    for what, payload in told:
        if payload.member != informant.member and payload.event_id not in known:
            news = News(payload.event_id, what, payload, payload.member, payload.at_ms)
            tell_one(book, postbox, state, informant, news)


def pass_on_sighting(
    book: Casebook, postbox: Postbox, state: ItemState, message: Sighted, subject: str
) -> None:
    """An item handed on was reported again, or facts came later: along the chain with it.

    If nobody looks at it there, a person here does, who knows the place still. A file that waits
    here goes with a report that is known: what we name alone is of what we judged (`adding`).
    """
    to = handed_on_to(book, state)
    if to is None:
        return
    reported = message.sighting is not None or message.child_at_risk
    if message.sighting is None and message.content is not None and state.unseen:
        files = zip(state.places, state.content, strict=True)
        waiting = [one for place, one in files if place in state.unseen]
        if message.content in waiting or any(says_no_more(message.content, w) for w in waiting):
            known = (one for one in reversed(state.sightings) if one.member != to)
            message = msgspec.structs.replace(message, sighting=next(known, None))
    if reported and is_with_nobody(book, postbox, state):
        book.tasks.append((REPORTED_IN_VAIN, state.id))
    book.say(
        postbox,
        to,
        Kind.SIGHTED,
        message,
        subject=subject,
        item=state.id,
        lane=Lane.REPORTS,
        urgency=0 if message.child_at_risk else state.urgency,
    )


def note(
    book: Casebook,
    item_id: str,
    kind: EventKind,
    payload: Payload,
    at_ms: int,
    told_by: str | None = None,
) -> ItemState:
    """Record an assessment or action of this or another member as an event of the item.

    `told_by`: who told of what another did; of a verdict that is hearsay. None: its author.
    """
    assert isinstance(payload, Assessment | ActionTaken)
    is_new = not any(
        one.event_id == payload.event_id for one in book.loaded.items[item_id].assessments
    )
    state = book.record(item_id, kind, payload, at_ms=at_ms, actor=told_by or payload.member)
    if is_new and isinstance(payload, Assessment) and _denies_closure(state, payload):
        book.raise_review(item_id, Review.NOT_ILLEGAL_DOUBTED)
        state = book.loaded.items[item_id]
    return state


def _denies_closure(state: ItemState, given: Assessment) -> bool:
    """Whether what was closed here as not illegal is held illegal now, and by nobody else not.

    Else nobody would look: further reports of it are only counted.
    """
    said = {one.verdict for one in state.in_force}  # that they differ is a reason of its own
    illegal = given.verdict in ILLEGAL
    closed = state.custody is Custody.HERE and state.closed_by is Action.NOT_ILLEGAL
    return closed and illegal and Verdict.NOT_ILLEGAL not in said


def by_hearsay(
    postbox: Postbox, peer: str, told: Iterable[Assessment | ActionTaken]
) -> tuple[str, ...]:
    """Return the ids of what `peer` tells in another's name."""
    return tuple(one.event_id for one in told if teller(postbox, peer, one.member))


def of_others(us: str, told: Iterable[Assessment | ActionTaken]) -> tuple[str, ...]:
    """Return the ids of what is told that we did not say or do ourselves."""
    return tuple(one.event_id for one in told if one.member != us)


def is_otherwise(state: ItemState, event_id: str, payload: Payload) -> bool:
    """Whether other words stand here by hearsay, under an id under which it is an action now.

    Or that happened of which neither verdict nor action tells. Of a verdict one account is enough.
    """
    said: tuple[Assessment | ActionTaken, ...] = (*state.assessments, *state.actions)
    stands = [one for one in said if one.event_id == event_id]
    if event_id not in state.hearsay or payload in stands:
        return False
    if isinstance(payload, Assessment):
        return any(isinstance(one, ActionTaken) for one in stands)
    return bool(stands) or event_id in state.heard


def teller(postbox: Postbox, peer: str, author: str) -> str | None:
    """Who told of what its author did, if not that one; a successor speaks for its predecessor."""
    return None if peer in (author, postbox.heir_of(author)) else peer
