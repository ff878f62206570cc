"""What the status lane brings: answers to our entries, and what became of items.

Each event is known by its network-wide id: heard again, it has no effect and is told to nobody.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from node.casework.casebook import Casebook
from node.casework.contents.rejudging import (
    carry_on,
    judge_anew,
    said_here,
    waiting,
    watch_correction,
    watch_verdicts,
)
from node.casework.events import Answered, ErasedThere, EventKind, Reopened, Responsible
from node.casework.incoming.bounding import has_answered_all, refuse
from node.casework.incoming.elsewhere import had_before
from node.casework.incoming.not_here import hear_of_none, is_lost_here
from node.casework.incoming.under_id import means
from node.casework.item import (
    ENDS_OR_REOPENS,
    FINAL_ACTIONS,
    REFUSALS,
    Custody,
    Informant,
    ItemState,
    Review,
)
from node.casework.passing_on.chains import handed_to
from node.casework.passing_on.custody import (
    HELD_TWICE,
    HOLDER_UNHEARD,
    SAID_TO_BE_HERE,
    has_it_anew,
    is_late_answer,
    is_left,
    is_said_to_be_here,
    is_unheard,
    may_have_it_too,
    need_not_ask,
    settle_ring,
    take_custody,
    take_what_is_left,
    tell_own_step,
)
from node.casework.passing_on.routing import Forwarding
from node.casework.postbox import Postbox
from node.casework.telling import (
    REPORTED_IN_VAIN,
    News,
    handed_on_to,
    is_otherwise,
    is_reported_since,
    is_with_nobody,
    note,
    tell,
    teller,
)
from protocol.dispositions import Dispositions
from protocol.facts import ActionTaken, Assessment, Jurisdiction
from protocol.messages import DispositionNote, Outcome
from protocol.vocabulary import (
    Confidence,
    Disposition,
    HostingState,
    OutcomeWhat,
)

_SAY_WHERE: Final = frozenset({OutcomeWhat.MOVED, OutcomeWhat.RESPONSIBLE_CHANGED})


def part_of_story(state: ItemState, peer: str) -> bool:
    """Whether `peer` handed the item over, reported it, or received it."""
    return any(hop.member == peer for hop in state.hops) or any(
        informant.member == peer for informant in state.informants
    )


def hear_disposition(
    book: Casebook, forwarding: Forwarding, peer: str, message: DispositionNote
) -> Disposition | None:
    """Record the receiver's answer; what it refuses stays with us, in front of a person."""
    if message.item_id is None:
        book.tasks.append(("entry_refused", peer))
        return None
    state = book.find(message.item_id)
    if state is None:
        if book.gone_id(message.item_id, peer) is not None:
            return None
        if not is_lost_here(book, forwarding.postbox, message.item_id):
            return Disposition.PARKED
        book.tasks.append(("answer_to_nothing", peer))
        return Disposition.FOR_A_PERSON
    late = is_late_answer(book, forwarding.postbox, state, peer, message.entry_id)
    body = replace(_answered(forwarding, peer, message), late=late)
    return _hear_answer(book, forwarding, state, body, message.at_ms)


def _answered(
    forwarding: Forwarding, peer: str, message: DispositionNote | Dispositions
) -> Answered:
    """What a member answers; whoever it names that is no member has nothing."""
    named = message.responsible
    known = named in forwarding.registry.network.members
    return Answered(peer, message.disposition, named if known else None)


def is_plain(message: Dispositions, peer: str) -> bool:
    """Whether the answer leaves an item that is with `peer` where it is.

    Refusals, which bring an item back, are told alone (`protocol.dispositions.ALONE`).
    """
    return message.responsible in (None, peer)


def hear_dispositions(
    book: Casebook, forwarding: Forwarding, peer: str, message: Dispositions
) -> Disposition | None:
    """Record the receiver's one answer to many entries of ours, each at its own item.

    A citation that is none of ours puts the answer before a person, and holds up no other. What has
    an effect on one item at least is not refused: it proves that the member has that one.
    """
    body = _answered(forwarding, peer, message)
    heard: set[Disposition | None] = set()
    unplaced = strange = False
    for one in message.cited:
        item_id = book.loaded.cited.get((peer, one.leaf))
        state = None if item_id is None else book.loaded.items.get(item_id)
        if item_id is not None and (peer, item_id) in book.loaded.answered:
            book.note_answer(item_id, body, message.at_ms)
            heard.add(None)
        elif state is None:
            unplaced = unplaced or item_id is None  # else it was erased since
        else:
            strange = strange or peer not in handed_to(book.us, state)
            entry_id = book.loaded.cited_ids.get((peer, one.leaf))
            late = is_late_answer(book, forwarding.postbox, state, peer, entry_id)
            said = replace(body, late=late)
            heard.add(_hear_answer(book, forwarding, state, said, message.at_ms))
    if unplaced:
        book.tasks.append(("answer_to_nothing", peer))
    return Disposition.NOT_PERMITTED if strange or heard == {Disposition.NOT_PERMITTED} else None


def _hear_answer(
    book: Casebook, forwarding: Forwarding, state: ItemState, body: Answered, at_ms: int
) -> Disposition | None:
    """Record an answer of the member that has the item from us now; who had it before has none."""
    peer, unanswered = body.by, state.answer is None and not body.late
    if handed_on_to(book, state) != peer:
        handed = peer in handed_to(book.us, state) or _may_have_gone_on(forwarding.postbox, state)
        if handed and may_have_it_too(state, body):
            book.tasks.append((HELD_TWICE, f"{peer}/{state.id}"))
        return Disposition.NOT_PERMITTED
    if not unanswered and has_answered_all(state, peer):
        return refuse(book, peer, state)
    after = book.record(state.id, EventKind.ANSWERED, body, at_ms=at_ms, actor=peer)
    nobody = is_with_nobody(book, forwarding.postbox, after)
    if body.disposition in REFUSALS:
        if unanswered:
            take_custody(book, forwarding.postbox, forwarding.ids, state.id)
        book.raise_review(state.id, Review.REFUSED_BY_PEER)
    elif body.disposition is Disposition.FOR_A_PERSON and peer in after.erased_at and nobody:
        book.tasks.append((REPORTED_IN_VAIN, state.id))  # it was erased before our word came
    elif unanswered and body.responsible not in (None, peer):
        tell_own_step(book, forwarding.postbox, after, peer)
    if unanswered and not nobody:
        book.over.append((REPORTED_IN_VAIN, state.id))  # it has what it was not known to have
    return None


def _may_have_gone_on(postbox: Postbox, state: ItemState) -> bool:
    """Whether an open item may have been handed on from here before this node was set back.

    It was rebuilt, or restored from a backup, without that word. Who speaks of the item unasked has
    it of us, and a person asks which of the two works on it.
    """
    is_open = state.custody is not Custody.HANDED_ON and state.closed_ms is None
    return bool(postbox.generation) and is_open


def hear_outcome(
    book: Casebook, forwarding: Forwarding, peer: str, message: Outcome
) -> Disposition | None:
    """Record what became of the item and tell it on along the chain."""
    postbox = forwarding.postbox
    state = book.find(message.item_id)
    if state is None:
        return hear_of_none(book, postbox, peer, message)
    if not part_of_story(state, peer):
        there = message.responsible
        if there not in (None, book.us) and _may_have_gone_on(postbox, state):
            book.tasks.append((HELD_TWICE, f"{there}/{state.id}"))
        return Disposition.NOT_PERMITTED
    speaks_of_it = isinstance(message.payload, Assessment | ActionTaken)
    if speaks_of_it and not means(book.us, postbox, state, peer, message.item_id):
        return Disposition.PARKED  # until it hands over itself what it speaks of
    if _has_heard(book, postbox, state, peer, message):
        if message.assessment is not None and teller(postbox, peer, message.author) is None:
            had_before(book, state, message.assessment, message.learnt_ms)
            said_here(book, postbox, book.loaded.items[state.id], message.assessment)
            carry_on(book, postbox, state.id)
        return None
    given_back = handed_on_to(book, state) == peer and (
        message.what is OutcomeWhat.ERASED or (message.moved is not None and message.author == peer)
    )
    refused = _take_in(book, forwarding, state, peer, message)
    if refused is None:
        state = settle_ring(book, postbox, forwarding.ids, state.id, given_back=given_back)
        if message.what in _SAY_WHERE and state.closed_ms is None:
            _look_where_it_is(book, forwarding, state)
    elif _says_it_has_it(state, peer, message) and _may_have_gone_on(postbox, state):
        book.tasks.append((HELD_TWICE, f"{peer}/{state.id}"))
    return refused


def _says_it_has_it(state: ItemState, peer: str, message: Outcome) -> bool:
    """Whether a member says of itself that it has the item, since it was handed over here."""
    own = message.author == message.responsible == peer
    here = message.what is OutcomeWhat.RESPONSIBLE_CHANGED
    return own and here and message.at_ms > state.handed_ms


def _look_where_it_is(book: Casebook, forwarding: Forwarding, state: ItemState) -> None:
    """A person sees what is said to be here and has not come, not what is heard of."""
    if is_said_to_be_here(book.us, state):
        book.tasks.append((SAID_TO_BE_HERE, state.id))
    if not is_unheard(book, forwarding.registry, state):
        need_not_ask(book, state.id)


def _take_in(
    book: Casebook, forwarding: Forwarding, state: ItemState, peer: str, message: Outcome
) -> Disposition | None:
    """Record the news, if this peer may bring it."""
    if message.what is OutcomeWhat.ERASED:
        return _hear_erased_there(book, forwarding, state, peer, message)
    if _is_own_step(book, state, peer, message):
        _record(book, state, message)
    elif not _may_tell(book, state, peer, message):
        return Disposition.NOT_PERMITTED
    else:
        _record_and_tell(book, forwarding.postbox, state, peer, message)
        if _names_a_stranger(forwarding, message) and state.closed_ms is None:
            book.tasks.append((HOLDER_UNHEARD, state.id))
    return None


def _names_a_stranger(forwarding: Forwarding, message: Outcome) -> bool:
    """Whether it says that the item is with one that is no member, or none yet as far as we know.

    It may be a new one of which the registry here does not say: believed, and a person looks.
    """
    named = message.moved.to_member if message.moved is not None else message.responsible
    known = forwarding.registry.network.members
    return message.what in _SAY_WHERE and named is not None and named not in known


def _record_and_tell(
    book: Casebook, postbox: Postbox, state: ItemState, peer: str, message: Outcome
) -> None:
    told_by = teller(postbox, peer, message.author)
    was_told = state.has_been_told(message.event_id)
    anew = is_otherwise(state, message.event_id, message.payload)
    waited = None if message.assessment is None else waiting(book, state.id)
    state = _record(book, state, message, told_by)
    responsible = message.responsible if message.what is OutcomeWhat.RESPONSIBLE_CHANGED else None
    news = News(
        message.event_id,
        message.what,
        message.payload,
        message.author,
        message.at_ms,
        responsible,
        anew,
    )
    if anew or not was_told:
        tell(book, postbox, state, news, heard_from=Informant(peer, message.item_id))
    if message.assessment is not None:
        judge_anew(book, postbox, state.id, waited)


def _has_heard(
    book: Casebook, postbox: Postbox, state: ItemState, peer: str, message: Outcome
) -> bool:
    """Whether this brings nothing new: an author's own word does where it was hearsay so far.

    So do other words of those to whom the item went, by whom its author's word comes here.
    """
    if teller(postbox, peer, message.author) is None:
        return state.has_heard(message.event_id)
    told = state.has_been_told(message.event_id)
    otherwise = is_otherwise(state, message.event_id, message.payload)
    return told and not (otherwise and peer in handed_to(book.us, state))


def _is_own_step(book: Casebook, state: ItemState, peer: str, message: Outcome) -> bool:
    """Whether a member that told us of the item names the hand-over by which it did.

    It is for us alone: whoever told us of the item hears where it went from here.
    """
    own = message.author == peer and credible(message.event_id, peer)
    to_us = message.what is OutcomeWhat.RESPONSIBLE_CHANGED and message.responsible == book.us
    told_us = any(informant.member == peer for informant in state.informants)
    return own and to_us and told_us and peer not in handed_to(book.us, state)


def _hear_erased_there(
    book: Casebook, forwarding: Forwarding, state: ItemState, peer: str, message: Outcome
) -> Disposition | None:
    """Each member says of itself alone that it erased the item; here it stays.

    Who handed it there has an open one again, unless it had gone on from there.
    """
    if message.author != peer or not credible(message.event_id, peer):
        return Disposition.NOT_PERMITTED
    noted = not has_it_anew(book, state, peer, message.at_ms)
    body = ErasedThere(message.event_id, peer, noted)
    state = book.record(state.id, EventKind.ERASED_THERE, body, at_ms=message.at_ms, actor=peer)
    if noted and is_left(book, state, peer):
        take_what_is_left(book, forwarding, state, peer)
    elif noted and handed_on_to(book, state) == peer and is_reported_since(state):
        book.tasks.append((REPORTED_IN_VAIN, state.id))
    return None


def _may_tell(book: Casebook, state: ItemState, peer: str, message: Outcome) -> bool:
    """Whether this peer can know this, so that nobody puts words into another's mouth.

    An event bears its author's name in its id. What we did ourselves nobody tells us. A verdict
    may come from anybody in the story; what was done, and who is responsible, only from those to
    whom the item went after us. What a reporter did before it handed the item over, and what ends
    nothing, is for whoever has it: else a hoster is written to twice. What it says was done about
    an item of ours closes nothing: a person looks.
    """
    if message.author == book.us or not credible(message.event_id, message.author):
        return False
    payload = message.payload
    if isinstance(payload, Assessment | ActionTaken):
        same = (payload.member, payload.event_id) == (message.author, message.event_id)
        if not same:
            return False
    if message.what is OutcomeWhat.ASSESSED or peer in handed_to(book.us, state):
        return True
    if message.action is None:
        return False
    return state.custody is Custody.HERE or message.action.action not in ENDS_OR_REOPENS


def credible(event_id: str, member: str) -> bool:
    """Whether an event's id says that this member minted it."""
    return event_id.startswith(f"{member}.")


def _record(
    book: Casebook, state: ItemState, message: Outcome, told_by: str | None = None
) -> ItemState:
    if message.assessment is not None:
        if told_by is None:
            had_before(book, state, message.assessment, message.learnt_ms)
        note(book, state.id, EventKind.ASSESSED, message.assessment, message.at_ms, told_by)
        watch_correction(book, state.id, message.assessment)
        watch_verdicts(book, state.id)
        return book.loaded.items[state.id]
    if message.action is not None:
        after = note(book, state.id, EventKind.ACTED, message.action, message.at_ms, told_by)
        if message.action.action in FINAL_ACTIONS and state.custody is Custody.HERE:
            book.raise_review(state.id, Review.PERHAPS_GONE)  # we alone close what is ours
        return after
    if message.what is OutcomeWhat.REOPENED:
        body: Reopened | Responsible = Reopened(message.event_id)
        kind = EventKind.REOPENED
    else:
        body, kind = _responsible(state, message), EventKind.RESPONSIBLE
    return book.record(state.id, kind, body, at_ms=message.at_ms, actor=told_by or message.author)


def _responsible(state: ItemState, message: Outcome) -> Responsible:
    moved = message.moved
    member = message.responsible or state.responsible or message.author
    if moved is None:
        return Responsible(message.event_id, member, None, message.author)
    country = moved.country
    where = HostingState.COUNTRY if country is not None else HostingState.NONE
    found = Jurisdiction(where, country, Confidence.MEDIUM, moved.evidence)
    return Responsible(message.event_id, moved.to_member, found, message.author)
