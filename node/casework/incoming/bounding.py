"""How much of what one member says of one item counts here (docs/protocol.md §10.8).

Each verdict, action, sighting or message of another member becomes part of the item, and is told to
all whom it concerns, under every id that they know. Without a bound one member could make an item
grow, and a node tell, for as long as it likes. So what a member says of an item beyond the bound is
kept and receipted, has no effect, and stands before a person. What ends something is heard still:
that a verdict is taken back, that the member erased the item, that the content is gone. So is that
a child is at risk, the first time that somebody says so.
"""

from __future__ import annotations

from typing import Final

from node.casework.casebook import Casebook
from node.casework.item import FINAL_ACTIONS, Custody, Informant, ItemState
from node.casework.postbox import Postbox
from node.casework.telling import is_otherwise, teller
from protocol.correspondence import PeerMessage
from protocol.messages import Item, Message, Outcome, Sighted
from protocol.vocabulary import Disposition, OutcomeWhat

MAX_SAID: Final = 500
"""Events of one item that one member's words may leave: a member says a handful, and of a place
that is reported everywhere it passes on some hundred sightings. The state of an item with so many
has 32 KiB, and each event more costs a fraction of a millisecond."""
MAX_IDS: Final = 256
"""Ids under which one member may hand over what is one item here; it is told what becomes of it
under each. An honest member has an id for each spelling of a place that reports name, such as one
file under the session ids of many visitors: they are one item only here, with whoever has it."""
TASK: Final = "said_over_bound"
REASON: Final = "over_bound"


def is_full(book: Casebook, state: ItemState, member: str) -> bool:
    """Whether another member has said of the item all that counts."""
    return member != book.us and any(
        one.member == member and one.number >= MAX_SAID for one in state.said
    )


def _has_passed_all_on(book: Casebook, state: ItemState, member: str) -> bool:
    """Whether another member has told as much of what others saw, judged or did as counts."""
    return member != book.us and any(
        one.member == member and one.passed_on >= MAX_SAID for one in state.said
    )


def has_answered_all(state: ItemState, member: str) -> bool:
    """Whether a member has answered as often as counts, apart from the item itself.

    It answers each sighting that is passed on to it, so this leaves its other words their room.
    """
    return any(one.member == member and one.answers >= MAX_SAID for one in state.said)


def is_over(
    book: Casebook, postbox: Postbox, peer: str, state: ItemState, message: Message
) -> bool:
    """Whether what `peer` says of an item that is here is beyond the bound, and has no effect."""
    if isinstance(message, Item | Sighted) and message.child_at_risk > state.child_at_risk:
        return False  # once for each item
    if isinstance(message, Item):
        over = is_full(book, state, peer) or _has_passed_all_on(book, state, peer)
        return over or _is_an_id_too_many(peer, state, message)
    if isinstance(message, Outcome):
        passes_on = teller(postbox, peer, message.author) is not None
        over = is_full(book, state, peer if passes_on else message.author)
    elif isinstance(message, Sighted):
        passes_on = message.sighting is not None and message.sighting.member != peer
        over = is_full(book, state, peer)
    else:
        return isinstance(message, PeerMessage) and is_full(book, state, peer)
    over = over or (passes_on and _has_passed_all_on(book, state, peer))
    return over and not (isinstance(message, Outcome) and _ends(state, peer, message))


def refuse(book: Casebook, peer: str, state: ItemState) -> Disposition:
    """Put it before a person, once; return the answer."""
    book.tasks.append((TASK, f"{peer}/{state.id}"))
    return Disposition.NOT_PERMITTED


def _is_an_id_too_many(peer: str, state: ItemState, message: Item) -> bool:
    theirs = [one for one in state.informants if one.member == peer]
    return len(theirs) >= MAX_IDS and Informant(peer, message.item_id) not in theirs


def _ends(state: ItemState, peer: str, message: Outcome) -> bool:
    """Whether it adds nothing new to the item, or ends what stands, which happens once."""
    if message.what is OutcomeWhat.ERASED:
        return peer not in state.erased_at
    if message.action is not None and message.action.action in FINAL_ACTIONS:
        return state.custody is Custody.HANDED_ON and state.closed_ms is None
    told = state.has_been_told(message.event_id)
    return told and not is_otherwise(state, message.event_id, message.payload)
