"""Peer messages: what a person here writes to a person of another member about an item (rule 11).

The only free text that crosses a border. It is written as a message to that member, previewed word
for word, and sent to one who handed the item to us or whom we handed it to, under the id that it
knows. A member whose node does not read messages is sent none: its author hears so and telephones.
"""

from __future__ import annotations

from node.casework.casebook import Casebook
from node.casework.errors import (
    DraftRejectedError,
    MessageUnreadableError,
    UnknownItemError,
)
from node.casework.events import EventKind
from node.casework.incoming.hearing import credible, part_of_story
from node.casework.item import ItemState, KeptMessage
from node.casework.passing_on.permits import EntryTooLargeError
from node.casework.passing_on.post import Post
from node.casework.postbox import Postbox
from node.casework.reports.draft import MessageDraft
from node.casework.telling import audience
from node.ids import Ids
from protocol.correspondence import PeerMessage
from protocol.errors import UnsayableError
from protocol.messages import to_body
from protocol.versions import is_read_by
from protocol.vocabulary import Disposition, Kind


def hear_message(book: Casebook, peer: str, message: PeerMessage) -> Disposition | None:
    """Keep a message with its item; the same one again has no effect."""
    state = book.find(message.item_id)
    if state is None:
        return None if book.gone_id(message.item_id, peer) else Disposition.PARKED
    if not part_of_story(state, peer) or not credible(message.message_id, peer):
        return Disposition.NOT_PERMITTED
    if all(known.message_id != message.message_id for known in state.messages):
        kept = _kept(message, peer, book.us)
        book.record(state.id, EventKind.MESSAGE, kept, at_ms=message.at_ms, actor=peer)
    return None


def write_message(
    book: Casebook, item_id: str, draft: MessageDraft, ids: Ids, postbox: Postbox
) -> KeptMessage:
    """Return the message as it will be sent; unless it is a preview, record and send it.

    Raises:
        UnknownItemError: no such item here.
        DraftRejectedError: the addressee has no part in the item, the network permits no message
            to it, or the text has control characters.
        MessageUnreadableError: the addressee's node does not read messages.
    """
    state = book.find(item_id)
    if state is None:
        raise UnknownItemError
    message = _message(_known_as(book, state, draft.to), ids.mint(book.now), draft.text, book.now)
    reader = postbox.reads(draft.to)
    if reader is None or not is_read_by(message, reader):
        raise MessageUnreadableError
    post = _post(state, draft.to, message, postbox)
    kept = _kept(message, book.us, draft.to)
    if not draft.preview:
        book.record(state.id, EventKind.MESSAGE, kept, at_ms=book.now, actor=book.us)
        book.posts.append(post)
    return kept


def _known_as(book: Casebook, state: ItemState, to: str) -> str:
    """The id under which the addressee knows the item."""
    for informant in audience(book, state):
        if informant.member == to:
            return informant.item_id
    raise DraftRejectedError("to", "must be a member that told us of the item, or that has it")


def _message(item_id: str, message_id: str, text: str, now_ms: int) -> PeerMessage:
    try:
        message = PeerMessage(item_id, message_id, text, now_ms)
        to_body(message)
    except (ValueError, UnsayableError):
        raise DraftRejectedError(
            "text", "must have 1 to 2000 characters and no control characters but line ends"
        ) from None
    return message


def _kept(message: PeerMessage, author: str, to: str) -> KeptMessage:
    said = (message.message_id, message.item_id)
    return KeptMessage(*said, author, to, message.text, message.at_ms)


def _post(state: ItemState, to: str, message: PeerMessage, postbox: Postbox) -> Post:
    try:
        return postbox.post(
            to,
            Kind.PEER_MESSAGE,
            message,
            subject=message.message_id,
            item=state.id,
            urgency=state.urgency,
        )
    except EntryTooLargeError:
        mend = "is longer than the network permits now; write less, or in two messages"
        raise DraftRejectedError("text", mend) from None
    except UnsayableError:
        raise DraftRejectedError("to", "the network permits no message to this member") from None
