"""What a rebuilt member had said of an item that comes again only now (docs/protocol.md §8.13.7).

Its words came back before the item did. They have their effect as it comes from one member after
another: of each what had been said to it.
"""

from __future__ import annotations

from node.casework.casebook import Casebook
from node.casework.incoming.hearing import part_of_story
from node.casework.item import Custody, ItemState
from node.casework.passing_on.routing import Forwarding
from node.casework.rebuilt.recovered import Rebuilder, is_told
from node.casework.rebuilt.unheard import tell_unheard, told_of
from node.casework.rebuilt.whereabouts import have_it_there, last_whereabouts
from node.casework.rebuilt.words import read
from protocol.correspondence import PeerMessage
from protocol.messages import Item, Message, Outcome
from protocol.vocabulary import Action


def comes_before_our_word(book: Casebook, state: ItemState, peer: str, message: Message) -> bool:
    """Whether, while we are being rebuilt, only words of ours can still tell that `peer` may speak.

    Where an item went stands in what we told those who reported it, if the member that has it did
    not hand our own entries back. What that one said meanwhile is said once.
    """
    speaks = isinstance(message, Outcome | PeerMessage)
    return speaks and book.loaded.lost_ms is not None and not part_of_story(state, peer)


def take_late(
    book: Casebook, forwarding: Forwarding, item_id: str, before: ItemState | None
) -> None:
    """Give what we had said of an item its effect, once a member has handed that over.

    `before`: the item as it was before that; None: it was not known here by this id.
    """
    came = book.loaded.said_before.get(item_id, ())
    state = book.find(item_id) if came else None
    if state is None:
        return
    rebuilder, has_stayed = Rebuilder(book, forwarding.registry), _has_stayed(book.us, state)
    news, taken = [], []
    for peer, raw in came:
        message = read(raw)
        if not _is_news_to(book, forwarding, item_id, before, peer):
            continue
        if before is not None and isinstance(message, Item):
            continue  # that stood before anything came
        news.append(raw)
        if has_stayed or not _says_where(message):
            rebuilder.take(peer, raw)
            taken.append(raw)
    joined = before is None and state.id != item_id  # to what stands as we first handed it on
    for word in last_whereabouts(book.us, taken if has_stayed else news if joined else ()):
        have_it_there(book, forwarding, word, went_on=False)
    if taken and (after := book.find(state.id)) is not None:
        tell_unheard(book, forwarding.postbox, after, told_of(came).get(item_id, ()))


def _is_news_to(
    book: Casebook, forwarding: Forwarding, item_id: str, before: ItemState | None, peer: str
) -> bool:
    """Whether this member is told of the item now, and was not before."""
    state = book.find(item_id)
    was_told = before is not None and is_told(forwarding.registry, before, peer)
    return state is not None and not was_told and is_told(forwarding.registry, state, peer)


def _has_stayed(us: str, state: ItemState) -> bool:
    """Whether it is open here and never left since it came: our old words say where it is."""
    away = state.custody is Custody.HANDED_ON or state.closed_ms is not None
    return not away and all(step.by != us for step in state.steps)


def _says_where(message: Message | None) -> bool:
    """Whether it says where the item went, or that it is to go."""
    if not isinstance(message, Outcome):
        return isinstance(message, Item)
    moves = message.action is not None and message.action.action is Action.MOVED
    return moves or message.moved is not None
