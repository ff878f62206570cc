"""Custody that comes back: by a ring, a refusal, an erasure, or a member that is gone.

Every hand-over has an id. It is told, as news, to whoever told of the item before or tells of it
later, and along their chains; and by who handed it on to a member that had handed it on already. So
all members of a ring (`rings.py`) know the same hand-overs, and one of them takes the item.
"""

from __future__ import annotations

from typing import Final

from keys.network import EXPELLED
from keys.registry import Registry
from node.casework.casebook import Casebook
from node.casework.contents.hits import waits_for_a_look
from node.casework.events import Answered, EventKind, Kept
from node.casework.item import REFUSALS, Cause, Custody, Informant, ItemState, Review, Step
from node.casework.passing_on.chains import handed_to, members_of
from node.casework.passing_on.rings import after, holder, ring, way
from node.casework.passing_on.routing import Choice, Forwarding, route
from node.casework.places.again import raise_judged, want_look
from node.casework.postbox import Postbox
from node.casework.telling import (
    CHILD_AT_RISK_SINCE,
    REPORTED_AGAIN_UNSEEN,
    REPORTED_IN_VAIN,
    News,
    handed_on_to,
    tell,
    tell_one,
)
from node.ids import Ids
from protocol.facts import Hop, Jurisdiction
from protocol.messages import Item
from protocol.vocabulary import Kind, OutcomeWhat

HOLDER_UNHEARD: Final = "holder_unheard"
"""Task: by what was told an item is with a member of which nothing comes any more, or is none."""
HELD_TWICE: Final = "held_twice"
"""Task: a member may have an item that is with another, too."""
MEMBER_SUSPENDED: Final = "member_suspended"
"""Task: open items are handed on to a member that can look at none for now."""
SAID_TO_BE_HERE: Final = "said_to_be_here"
"""Task: an item is with us by what others say, and no hand-over has come."""


def take_custody(
    book: Casebook, postbox: Postbox, ids: Ids, item_id: str, found: Jurisdiction | None = None
) -> ItemState:
    """Take back what was handed on, and tell those who told us of it that it is here.

    `found`: where it is by now, as who had it says; None: as it stands here.
    """
    state = book.loaded.items[item_id]
    event_id = ids.mint(after(book.us, state, book.now))
    hops = (*state.hops, Hop(book.us, book.now))
    kept = Kept(book.us, state.orphan, hops, found, event_id)
    state = book.record(item_id, EventKind.KEPT, kept, at_ms=book.now, actor=book.us)
    tell(book, postbox, state, _news(Step(event_id, book.us, book.us), book.now))
    need_not_ask(book, item_id)
    waits = bool(state.unseen or state.by_one_file) and waits_for_a_look(book, state, {})
    if waits:  # while it was elsewhere, nobody was asked here
        book.raise_review(item_id, Review.SUGGESTED_VERDICT)
    return book.loaded.items[item_id]


def take_moved_back(
    book: Casebook, postbox: Postbox, ids: Ids, item_id: str, found: Jurisdiction
) -> ItemState:
    """Take what moved back under another id, where its sender says; it is looked up as any other.

    What is closed here that one had open, whatever we were told of it: a person looks.
    """
    closed = book.loaded.items[item_id].closed_ms is not None
    take_custody(book, postbox, ids, item_id, found if found.country else None)
    if closed:
        raise_judged(book, item_id, Review.PERHAPS_BACK, None)
    want_look(book, item_id, Cause.ACCEPTED)
    return book.loaded.items[item_id]


def is_said_to_be_here(us: str, state: ItemState) -> bool:
    """Whether an open item is ours by what others say, while it is handed on from here."""
    open_away = state.custody is Custody.HANDED_ON and state.closed_ms is None
    return open_away and bool(state.sightings) and state.responsible == us


def is_left(book: Casebook, state: ItemState, peer: str) -> bool:
    """Whether who we handed an open item to has it no more, and nobody else by the rule of a ring.

    Of one that nobody is left to have reported nothing follows: who reported it took it back. What
    is ours by the rule of a ring comes back by that.
    """
    open_away = state.custody is Custody.HANDED_ON and state.closed_ms is None
    supported = open_away and bool(state.sightings)
    if not supported or handed_on_to(book, state) != peer:
        return False
    return (
        not ring(book.us, state.steps) or holder(book.us, state.steps, state.erased_at) != book.us
    )


def has_it_anew(book: Casebook, state: ItemState, peer: str, erased_ms: int) -> bool:
    """Whether `peer` erased an item before we handed it there anew, while we are being rebuilt.

    What is handed on stands here only by a hand-over of which `peer` still had the body, so it has
    not erased the item since; `erased_ms`: by its clock, else it may have after we were given that.
    """
    lost_ms = book.loaded.lost_ms
    if lost_ms is None or erased_ms >= lost_ms or handed_on_to(book, state) != peer:
        return False
    return any(hop.member == peer for hop in state.hops[:-1])


def is_unheard(book: Casebook, registry: Registry, state: ItemState) -> bool:
    """Whether of an open item that is handed on nothing comes any more, as far as is to be known.

    Who it was handed to erased it, or it is said to be with one that is no member here.
    """
    if state.custody is not Custody.HANDED_ON or state.closed_ms is not None:
        return False
    named = state.responsible
    stranger = named is not None and named not in registry.network.members
    return stranger or handed_on_to(book, state) in state.erased_at


def need_not_ask(book: Casebook, item_id: str) -> None:
    """Of an item of which nothing came any more it is known who has it: nobody need ask now."""
    over = [(code, item_id) for code in (HOLDER_UNHEARD, REPORTED_IN_VAIN)]
    book.tasks = [one for one in book.tasks if one not in over]
    book.over += over


_REPORTED = (REPORTED_IN_VAIN, REPORTED_AGAIN_UNSEEN, CHILD_AT_RISK_SINCE)


def is_over(book: Casebook) -> list[tuple[str, str]]:
    """Return the tasks that nobody need look at after this decision, whichever were opened.

    What was to come is here, by whatever way, or erased, or said to be with another. That an item
    is closed ends none of these: it may be open again, and with nobody still. What was reported
    again is looked at by who has it open again.
    """
    codes = (HOLDER_UNHEARD, SAID_TO_BE_HERE)
    found = [(code, item) for item in book.erased for code in (*codes, *_REPORTED)]
    for state in book.changed.values():
        if state.custody is Custody.HANDED_ON and state.actions and state.closed_ms is None:
            found.append((REPORTED_IN_VAIN, state.id))  # who has it opened it again
        if not state.heard:  # of nearly every item nobody told where it is
            continue
        if state.custody is not Custody.HANDED_ON:
            found += [(code, state.id) for code in codes]
        elif state.responsible != book.us:
            found.append((SAID_TO_BE_HERE, state.id))
    return found


def is_late_answer(
    book: Casebook, postbox: Postbox, state: ItemState, peer: str, entry_id: bytes | None
) -> bool:
    """Whether an answer of who was handed an item anew is none to that hand-over, yet unanswered.

    It is to what was said before the item came back: it says nothing of who has it now. A node that
    was set back or rebuilt cannot tell: it may have said the hand-over as another revision.
    """
    again = state.answer is None and peer in members_of(state.hops[:-1])
    if not again or entry_id is None or postbox.generation or book.loaded.was_lost:
        return False
    return not postbox.has_id(entry_id, peer, Kind.ITEM, state.id, len(state.hops))


def may_have_it_too(state: ItemState, body: Answered) -> bool:
    """Whether who had an open item from us answers as if it were not where it is as we know it.

    Who names another as responsible has it not. Where it went on from that one to whom we know to
    have it, it has gone round (`rings.py`).
    """
    gave_it_back = any(informant.member == body.by for informant in state.informants)
    if body.disposition in REFUSALS or gave_it_back or state.closed_ms is not None:
        return False
    named = body.by if body.responsible is None else body.responsible
    there = named if named == body.by else holder(named, state.steps, state.erased_at)
    return there != state.responsible


def see_who_else_has_it(
    book: Casebook,
    registry: Registry,
    peer: str,
    message: Item,
    before: ItemState | None,
    *,
    let_in: bool,
) -> None:
    """A person asks who else has an item that was `let_in` from a member which is gone.

    Who had handed it there took it back once that one was gone, and may have it still: it need not
    have heard that the item went on to us. Once it hands the item to us, too, nobody need ask.
    """
    if before is not None:  # the item as it was here before this hand-over
        if peer in members_of(before.hops):
            book.over.append((HELD_TWICE, f"{peer}/{before.id}"))
        return
    state = book.find(message.item_id)
    chain = [one for one in members_of(message.custody) if one != peer]
    others = [one for one in chain if not is_gone(registry, one)]
    if state is None or state.closed_ms is not None or not let_in:
        return
    if others and others[-1] != book.us:
        book.tasks.append((HELD_TWICE, f"{others[-1]}/{state.id}"))


def take_what_is_left(book: Casebook, forwarding: Forwarding, state: ItemState, peer: str) -> None:
    """Take an item that `peer`, to which it was handed, erased; a person looks.

    If by all that was told it is with another by then, it stays with that one: who takes what
    another has makes two of one. What becomes of it came through `peer`, so a person asks there.
    """
    if state.responsible not in (None, book.us, peer):
        book.tasks.append((HOLDER_UNHEARD, state.id))
        return
    take_custody(book, forwarding.postbox, forwarding.ids, state.id)
    book.raise_review(state.id, Review.CAME_BACK)


def take_back(book: Casebook, item_id: str, forwarding: Forwarding, member: str) -> ItemState:
    """Take an item back from a member that is gone, and let the responsible one have it.

    That is the one to which it went on from there, if that is a member still; else the last one on
    that way that is: it takes the item back itself.
    """
    told = book.loaded.items[item_id]
    holder = None
    if told.responsible not in (None, book.us, member) and not is_gone(
        forwarding.registry, told.responsible
    ):
        holder = Choice(told.responsible, told.orphan)
    elif told.responsible != book.us and (
        last := _last_on_its_way(book.us, told, member, forwarding)
    ):
        holder = Choice(last)
    state = take_custody(book, forwarding.postbox, forwarding.ids, item_id)
    if state.jurisdiction is None:
        book.raise_review(item_id, Review.LOCATION_UNCERTAIN)
        return book.loaded.items[item_id]
    return route(book, item_id, state.jurisdiction, None, forwarding, chosen=holder)


def _last_on_its_way(us: str, told: ItemState, member: str, forwarding: Forwarding) -> str | None:
    """Who handed an item last to one that is gone, by what was told since it left here.

    None: we did, as far as is known, or that one erased it since.
    """
    ours = handed_to(us, told)
    for first in dict.fromkeys(hop.member for hop in reversed(told.hops) if hop.member in ours):
        for step in reversed(way(first, told.steps)):
            if step.by == us:
                break
            if step.by != member and not is_gone(forwarding.registry, step.by):
                return None if step.by in told.erased_at else step.by
    return None


def is_gone(registry: Registry, member: str) -> bool:
    """Whether this is no member, or none any more."""
    entry = registry.network.members.get(member)
    return entry is None or entry.status == EXPELLED


def settle_ring(
    book: Casebook, postbox: Postbox, ids: Ids, item_id: str, *, given_back: bool = False
) -> ItemState:
    """Take the item if it has gone round and is ours by the rule; a person then looks.

    Not before the hand-over that closes the ring is here: until then it may be another thing, which
    its sender tells apart from ours. `given_back`: whom we handed it to moves it to us itself, or
    has erased it; whatever comes of it, that one has it no more.
    """
    state = book.loaded.items[item_id]
    closed = ring(book.us, state.steps) if state.custody is Custody.HANDED_ON else ()
    if not closed or holder(book.us, state.steps, state.erased_at) != book.us:
        return state
    came = any(informant.member == closed[-1].by for informant in state.informants)
    if not came and not given_back:
        return state
    take_custody(book, postbox, ids, item_id)
    book.raise_review(item_id, Review.CAME_BACK)
    return book.loaded.items[item_id]


def tell_way(book: Casebook, postbox: Postbox, state: ItemState, informant: Informant) -> None:
    """A later reporter hears by which hand-overs the item went from here."""
    if state.custody is Custody.HANDED_ON:
        for step in way(book.us, state.steps):
            if step.by != informant.member:
                tell_one(book, postbox, state, informant, _news(step, book.now))


def tell_own_step(book: Casebook, postbox: Postbox, state: ItemState, to: str) -> None:
    """Who had handed the item on before we handed it there hears by which hand-over it came."""
    for step in way(book.us, state.steps)[:1]:
        tell_one(book, postbox, state, Informant(to, state.id), _news(step, book.now))


def _news(step: Step, at_ms: int) -> News:
    what = OutcomeWhat.RESPONSIBLE_CHANGED
    return News(step.event_id, what, None, step.by, at_ms, responsible=step.to)
