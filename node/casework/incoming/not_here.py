"""What is said of an item that is not here: it was erased, has not come yet, or is lost here."""

from __future__ import annotations

from typing import Final

from node.casework.casebook import Casebook
from node.casework.events import ErasedThere
from node.casework.mistakes.undoing import take_carried_back
from node.casework.postbox import Postbox
from node.casework.telling import News
from protocol.messages import Outcome
from protocol.vocabulary import Disposition, OutcomeWhat

INHERITED: Final = "inherited_outcome"
"""Task: what became of an item of ours, or of one that we took over from, which is not here."""


def _hear_of_erased(
    book: Casebook, postbox: Postbox, peer: str, message: Outcome
) -> Disposition | None:
    """About an item that is not here: it was erased, or has not come yet.

    That the other one erased it too is kept; nothing else brings an erased item back. A verdict of
    its own that it takes back goes from the items to which that went with the file. One that was
    erased before it came never comes from that member: the tombstone in its log says when it was
    erased, and stands for all that it had not handed over by then.
    """
    own = message.author == peer and message.event_id.startswith(f"{peer}.")
    erased_there = message.what is OutcomeWhat.ERASED and own
    item = book.gone_id(message.item_id, peer)
    if item is None:
        if not erased_there or (peer, message.at_ms) not in book.loaded.entombed:
            return Disposition.PARKED
        book.note_ended(message.item_id, ErasedThere(message.event_id, peer))
    elif erased_there:
        book.note_erased_there(item, ErasedThere(message.event_id, peer))
    elif message.what is OutcomeWhat.WITHDRAWN and own:
        news = News(message.event_id, message.what, None, peer, message.at_ms)
        take_carried_back(book, postbox, item, news)
    return None


def is_lost_here(book: Casebook, postbox: Postbox, item_id: str) -> bool:
    """Whether an item that is not here was recorded by us, or by one that we took over from.

    By us only where this node was set back or rebuilt: else nobody but who says so knows the id,
    and as many as there are ids would stand before a person.
    """
    minted_by = item_id.rpartition(".")[0]
    set_back = minted_by != book.us or bool(postbox.generation)
    return set_back and postbox.heir_of(minted_by) == book.us


def hear_of_none(
    book: Casebook, postbox: Postbox, peer: str, message: Outcome
) -> Disposition | None:
    """About an item that is not here; of one that is lost here only people reach the reporter.

    An item that was handed to us is on its way: its news waits for it.
    """
    unknown = _hear_of_erased(book, postbox, peer, message)
    comes = message.responsible == book.us
    lost = not comes and is_lost_here(book, postbox, message.item_id)
    if unknown is not Disposition.PARKED or not lost:
        return unknown
    book.tasks.append((INHERITED, message.item_id))
    return Disposition.FOR_A_PERSON
