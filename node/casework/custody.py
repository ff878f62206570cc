"""Custody that comes back: by a ring of hand-overs, a refusal, or a member that is gone.

Every hand-over has an id. It is told, as news, to whoever told of the item before or tells of it
later, and along their chains; and by who handed it on to a member that had handed it on already. So
all members of a ring (`rings.py`) know the same hand-overs, and one of them takes the item.
"""

from __future__ import annotations

from node.casework.casebook import Casebook, Postbox
from node.casework.events import EventKind, Kept
from node.casework.item import Custody, Informant, ItemState, Review, Step
from node.casework.rings import after, holder, ring, way
from node.casework.telling import News, tell, tell_one
from node.ids import Ids
from protocol.facts import Hop
from protocol.vocabulary import OutcomeWhat


def take_custody(book: Casebook, postbox: Postbox, ids: Ids, item_id: str) -> ItemState:
    """Take back what was handed on, and tell those who told us of it that it is here."""
    state = book.loaded.items[item_id]
    event_id = ids.mint(after(book.us, state, book.now))
    hops = (*state.hops, Hop(book.us, book.now))
    kept = Kept(book.us, state.orphan, hops, None, event_id)
    state = book.record(item_id, EventKind.KEPT, kept, at_ms=book.now, actor=book.us)
    tell(book, postbox, state, _news(Step(event_id, book.us, book.us), book.now))
    return state


def settle_ring(book: Casebook, postbox: Postbox, ids: Ids, item_id: str) -> ItemState:
    """Take the item if it has gone round and is ours by the rule; a person then looks.

    Not before the hand-over that closes the ring is here: until then it may be another thing, which
    its sender tells apart from ours.
    """
    state = book.loaded.items[item_id]
    closed = ring(book.us, state.steps) if state.custody is Custody.HANDED_ON else ()
    if not closed or holder(book.us, state.steps, state.erased_at) != book.us:
        return state
    if all(informant.member != closed[-1].by for informant in state.informants):
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
