"""Our own words that came back, as they are read again."""

from __future__ import annotations

from protocol import entry as entries
from protocol.errors import ProtocolError
from protocol.facts import Content
from protocol.messages import Message, Outcome, Sighted, from_body
from protocol.vocabulary import OutcomeWhat


def read(raw: bytes) -> Message | None:
    """Return what an entry says that came back; None: nothing that is known."""
    try:
        entry = entries.decode(raw)
        return from_body(entry.kind, entry.body, entry.version)
    except ProtocolError:
        return None


def file_of(raw: bytes) -> tuple[Content, ...]:
    """Return the file that our word on a sighting names: lists say whether it is of the item."""
    message = read(raw)
    return one_file(message.content) if isinstance(message, Sighted) else ()


def said_by_us(us: str, raw: bytes, what: OutcomeWhat) -> Outcome | None:
    """Return our own word, if this entry of ours says that."""
    message = read(raw)
    if not isinstance(message, Outcome) or message.what is not what or message.author != us:
        return None
    return message


def one_file(content: Content | None) -> tuple[Content, ...]:
    """Return the file that a message names, if it names one."""
    return () if content is None else (content,)
